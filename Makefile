# SPDX-License-Identifier: GPL-2.0
# Builds pyalloc for the running kernel, or the one that KDIR names, and runs
# what a person wants to run.  `make help` lists it.  Kbuild is what the kernel
# reads; this file is for people.

KDIR ?= $(wildcard /lib/modules/$(shell uname -r)/build)

# A copy of the tree is what a kernel's own makefiles build: they include this.
ifeq ($(KERNELRELEASE),)

all: modules

ifneq ($(KDIR),)
modules:
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules
else
# This machine has no headers for the kernel that runs on it: those of the
# stock kernel that `make run` boots will show that the code builds.
modules:
	@echo "No headers for $$(uname -r) here: building for Debian's 6.12."
	@echo "(To load the modules on this machine, install its linux-headers;"
	@echo "for another kernel, say KDIR=/its/headers/or/build.)"
	@dir=$$(scripts/modules.sh stock-6.12) && echo "The modules are in $$dir"
	@echo "(make shell CLIENTS=/your/client builds one for that kernel, too.)"
endif

run:
	@scripts/run.sh

shell:
	@scripts/run.sh -s $(CLIENTS)

test:
	@scripts/test.sh $(TIERS)

test-matrix:
	@scripts/test.sh -a

bench:
	@scripts/bench.sh $(BENCH)

check:
	@scripts/check.sh

# Where things go: KDIR, DESTDIR, PREFIX and INSTALL_MOD_PATH, as
# Documentation/install.rst tells.
export DESTDIR PREFIX INSTALL_MOD_PATH

tools:
	@scripts/install.sh build-tools

install:
	@KDIR=$(KDIR) scripts/install.sh

uninstall:
	@scripts/install.sh uninstall

dkms:
	@scripts/dkms.sh

dkms-remove:
	@scripts/dkms.sh remove

deb:
	@scripts/packages.sh

htmldocs:
	@scripts/htmldocs.sh

pictures:
	@scripts/pictures.sh

clean:
	rm -rf build
ifneq ($(KDIR),)
	$(MAKE) -C $(KDIR) M=$(CURDIR) clean
endif

help:
	@echo "make              the modules for this kernel, or KDIR=another"
	@echo "make run          shows pyalloc in a stock kernel in QEMU"
	@echo "make shell        the same kernel with a prompt, pyalloctop, and your own"
	@echo "                  CLIENTS='folder path/client.ko ...', built, in /modules"
	@echo "make test         tests of the tools, and in test kernels, or"
	@echo "                  TIERS='uml pytrace ...'"
	@echo "make test-matrix  the same, in many more of them; packages, kernel trees"
	@echo "make bench        measures pyalloc beside other allocators: tables and"
	@echo "                  plots; all of it, or BENCH='pairs live ...'"
	@echo "                  (scripts/bench.sh tells which there are)"
	@echo "make check        checkpatch, sparse, W=1, kernel-doc, shellcheck, and"
	@echo "                  what the documents leave out"
	@echo "make htmldocs     the documentation as HTML, in build/html"
	@echo "make pictures     draws README's pictures anew, of what make run replays"
	@echo "make tools        builds what tools/ has, into build/tools"
	@echo "make install      the module for this kernel, or KDIR=another; headers,"
	@echo "                  tools and manual pages (DESTDIR, PREFIX); uninstall"
	@echo "make dkms         hands the module to DKMS, for every kernel here from"
	@echo "                  6.1 up; dkms-remove takes it away"
	@echo "make deb          packages for Debian, into build/deb"
	@echo "make clean        removes what was built; the cache of kernels"
	@echo "                  in ~/.cache/pyalloc stays"

.PHONY: all modules run shell test test-matrix bench check tools install \
	uninstall dkms dkms-remove deb htmldocs pictures clean help

endif
