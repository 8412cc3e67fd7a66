# SPDX-License-Identifier: GPL-2.0
# The client that makes a mistake is gone, and what the log said of it.
# shellcheck shell=bash

rmmod pyalloc_careless
dmesg -C
