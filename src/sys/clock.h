/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SYS_CLOCK_H
#define HINOMI_SYS_CLOCK_H

#include "base/tstamp.h"

#include <stdatomic.h>

/*
 * Whoever needs the time is handed a clock: the real one in the server, a virtual one in scenario tests (time moves only when told).
 * Reading is thread-safe; setting a virtual clock too.
 */
struct clock {
	bool is_virtual;
	_Atomic int64_t now_ns; /* virtual only */
	int offset_s;           /* the organisation's zone, for office hours and what is shown to people */
};

void clock_init_real(struct clock *c, int offset_s);
void clock_init_virtual(struct clock *c, tstamp now, int offset_s);
tstamp clock_now(const struct clock *c);
/* Virtual only; never backwards. */
void clock_advance(struct clock *c, int64_t ns);
/* Monotonic nanoseconds for measuring durations; never shown, never stored. */
int64_t clock_mono_ns(void);

#endif
