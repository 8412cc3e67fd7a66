# SPDX-License-Identifier: GPL-2.0
"""How Sphinx builds these pages: as a kernel tree builds its own.

The extensions are the kernel's, from the source that scripts/htmldocs.sh
found; it says where in two variables of the environment:

srctree        a tree as these extensions want one: our files, and the kernel's
               scripts beside them
kernel_source  the kernel's source
"""

import os
import re
import sys

srctree = os.environ["srctree"]
sys.path.insert(0, os.path.join(os.environ["kernel_source"],
                                "Documentation/sphinx"))


def release_of(header):
    """PYALLOC_VERSION: there is no other place for it."""
    with open(header, encoding="utf-8") as lines:
        return re.search(r'PYALLOC_VERSION\s+"([^"]+)"', lines.read()).group(1)


project = "pyalloc"
author = "The pyalloc authors"
copyright = author
release = version = release_of(
    os.path.join(srctree, "include/linux/pyalloc.h"))

# No others: a kernel tree has these, and has to take the pages, too.
extensions = ["kerneldoc", "kernel_abi", "automarkup"]
kerneldoc_bin = os.path.join(srctree, "scripts/kernel-doc")
kerneldoc_srctree = srctree
kerneldoc_verbosity = 1

primary_domain = "c"
highlight_language = "none"
exclude_patterns = ["ABI"]
c_id_attributes = ["__malloc", "notrace"]

# Whoever is named in a signature and described by the kernel, not here.
nitpick_ignore_regex = [
    ("c:identifier",
     r"bool|(s?size|gfp|uintptr|slab_flags|Py_ssize)_t|PyMemAllocatorDomain|"
     r"pyheap|pytype|rcu_head|lockdep_map|kmem_cache"),
]

html_theme = "alabaster"
html_title = f"pyalloc {release}"
html_static_path = ["style.css"]
html_css_files = ["style.css"]
html_sidebars = {"**": ["about.html", "searchbox.html", "navigation.html"]}
html_theme_options = {
    "description": "CPython's memory manager as a Linux kernel module, " +
                   release,
    "sidebar_collapse": False,
    "fixed_sidebar": True,
    "page_width": "min(1240px, 96%)",
    "body_max_width": "none",
    "sidebar_width": "250px",
    "font_family": "'DejaVu Sans', Verdana, sans-serif",
    "head_font_family": "'DejaVu Sans', Verdana, sans-serif",
    "font_size": "15px",
    "code_font_size": "13px",
}
html_show_copyright = False
html_copy_source = False
