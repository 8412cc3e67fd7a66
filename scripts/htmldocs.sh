#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# htmldocs.sh [SPHINX-OPTION...]: builds Documentation into build/html with
# Sphinx and the extensions of the kernel's source (kernel.sh source).  Any
# warning fails it; its last line is where the pages are.

. "$(dirname "$0")/lib.sh"

html=$top/build/html
tree=$top/build/htmldocs

# A tree as the kernel's extensions want one: its scripts, and our files.
make_tree()
{
	local path

	rm -rf "$tree"
	mkdir -p "$tree"
	ln -s "$1/scripts" "$tree/scripts"
	for path in Documentation include pyalloc; do
		ln -s "$top/$path" "$tree/$path"
	done
}

need perl python3-sphinx
source=$("$top/scripts/kernel.sh" source)
make_tree "$source"
rm -rf "$html"
# What the extensions are compiled to is not to lie in the kernel's source.
srctree=$tree kernel_source=$source PYTHONDONTWRITEBYTECODE=1 \
	quietly "$top/build/htmldocs.log" sphinx-build -b html -W --keep-going \
	-n -q -j 2 -d "$tree/doctrees" "$@" "$top/Documentation" "$html"
echo "The pages are in $html: open $html/index.html"
