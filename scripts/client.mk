# SPDX-License-Identifier: GPL-2.0
# Builds a client of pyalloc, out of the kernel's tree.  A Makefile needs no
# more than
#
#	obj-m := client.o
#	ccflags-y := -I$(PYALLOC)/include
#	include /usr/share/pyalloc/client.mk
#
# and has the targets modules, modules_install and clean.  KDIR is the kernel
# (the one that runs).
#
# The loader compares a checksum of each of pyalloc's symbols, which depends on
# pyalloc's release and on the kernel.  They are where `make install` or DKMS
# left them for those two, or else are made here, in .pyalloc/, from the sources
# of pyalloc.ko, which gives the same.

# A kernel's own makefiles read a client's Makefile, too.
ifeq ($(KERNELRELEASE),)

export PYALLOC := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
KDIR ?= /lib/modules/$(shell uname -r)/build

# Neither make nor a kernel's makefiles can have it.
ifneq ($(words $(CURDIR)) $(words $(KDIR)),1 1)
$(error a path with blanks cannot be built in or from: $(CURDIR), $(KDIR))
endif

ifeq ($(wildcard $(KDIR)/Makefile),)
$(error no kernel headers at $(KDIR): install them, or say KDIR=/its/headers)
endif

# The value of a string that a header defines.
pyalloc_string = $(shell sed -n 's/^.define $(1)[[:space:]]*"\(.*\)"$$/\1/p' $(2))

# Not what the kernel's makefiles say: in Debian's 6.1 that is another word.
pyalloc_kernel := $(call pyalloc_string,UTS_RELEASE,$(KDIR)/include/generated/utsrelease.h)
pyalloc_version := $(call pyalloc_string,PYALLOC_VERSION,$(PYALLOC)/include/linux/pyalloc.h)
pyalloc_made := $(CURDIR)/.pyalloc/$(pyalloc_version)/$(pyalloc_kernel)
pyalloc_symvers := $(firstword $(wildcard \
	$(PYALLOC)/symvers/$(pyalloc_version)/$(pyalloc_kernel)/Module.symvers \
	/var/lib/dkms/pyalloc/$(pyalloc_version)/$(pyalloc_kernel)/*/Module.symvers) \
	$(pyalloc_made)/Module.symvers)

modules: $(pyalloc_symvers)
	$(MAKE) -C $(KDIR) M=$(CURDIR) CONFIG_DEBUG_INFO_BTF_MODULES= \
		KBUILD_EXTRA_SYMBOLS="$(KBUILD_EXTRA_SYMBOLS) $<" modules

# Headers alone have no key to sign with.
modules_install:
	$(MAKE) -C $(KDIR) M=$(CURDIR) KERNELRELEASE=$(pyalloc_kernel) \
		$(if $(wildcard $(KDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=) \
		modules_install

clean:
	rm -rf .pyalloc
	$(MAKE) -C $(KDIR) M=$(CURDIR) clean

# Again when the sources are others, of the same release or not.
$(pyalloc_made)/Module.symvers: $(PYALLOC)/source.tar.gz
	@echo "Checksums of pyalloc's symbols for $(pyalloc_kernel), once:"
	rm -rf "$(@D)"
	mkdir -p $(@D)
	tar -C $(@D) -xzf $<
	$(MAKE) -C $(KDIR) M=$(@D) CONFIG_DEBUG_INFO_BTF_MODULES= modules

.PHONY: modules modules_install clean
.DEFAULT_GOAL := modules

endif
