/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What time is measured in.  Under `qemu -icount shift=0` the cycle counter
 * steps by one with each instruction; anywhere else only nanoseconds mean
 * something.  Any context.
 */
#ifndef PYBENCH_CLOCK_H
#define PYBENCH_CLOCK_H

#include <linux/ktime.h>
#include <linux/timex.h>
#include <linux/types.h>

extern bool clock_instructions;

static inline u64 clock_now(void)
{
	return clock_instructions ? get_cycles() : ktime_get_ns();
}

static inline const char *clock_unit(void)
{
	return clock_instructions ? "instructions" : "ns";
}

#endif /* PYBENCH_CLOCK_H */
