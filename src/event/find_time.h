/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_EVENT_FIND_TIME_H
#define HINOMI_EVENT_FIND_TIME_H

#include "base/tstamp.h"

/*
 * The time that a log line carries, in whatever way its program writes it. Looked for from the left: the first calendar date with a clock in the
 * first FIND_TIME_WITHIN bytes; failing that a Unix time (10 digits, ms, us, ns; TAI64N) that stands where log lines put one.
 *
 * Known dates (- may also be / . : and what stands between date and clock a few signs, T or _):
 *   2026-03-02 09:00:00   20260302T090000   2-Mar-2026 09:00:00   2/Mar/2026:09:00:00   Mar 2 [2026] 09:00:00 [2026]   Mar-02-26 09:00:00
 *   2.3.2026, 9:00:00     03/02/2026 9:00:00 PM       03/02/26 09:00:00     2 March 2026 09:00:00      260302 9:00:00
 * or a date with its year and a clock with its seconds that stand apart.
 * Day and month in figures: with a slash the month comes first, with . or - the day, unless one of them is over 12.
 * A zone behind the clock (Z, +09:00, +0900, UTC, JST …) counts; without one offset_s does. A date without a year is the latest such date that is not
 * more than a week after now.
 *
 * Pure; O(FIND_TIME_WITHIN).
 */
#define FIND_TIME_WITHIN 1024

struct found_time {
	tstamp time;
	struct str text; /* where it stands */
};

bool find_time(struct str line, tstamp now, int offset_s, struct found_time *ret);
/* The same, but it must stand at the very front; *rest is advanced behind it. */
bool find_time_take(struct str *rest, tstamp now, int offset_s, tstamp *ret);

#endif
