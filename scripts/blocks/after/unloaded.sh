# SPDX-License-Identifier: GPL-2.0
# pyalloc is not loaded.
# shellcheck shell=bash

rmmod pyalloc
