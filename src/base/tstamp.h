/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_BASE_TSTAMP_H
#define HINOMI_BASE_TSTAMP_H

#include "base/buf.h"

/* Points in time: nanoseconds since 1970-01-01T00:00:00Z, UTC, no leap seconds (years 1678..2261). 0 is a valid time; TS_NONE is "unknown". */
typedef int64_t tstamp;
#define TS_NONE INT64_MIN
#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

struct civil {
	int year, month, day, hour, minute, second; /* month 1..12, day 1..31, second 0..60 */
	int nano;
	int offset_s; /* seconds east of UTC */
};

/* Proleptic Gregorian. False when out of range. second 60 is taken as 59.999999999 of the same minute. */
bool ts_from_civil(const struct civil *c, tstamp *ret);
void ts_to_civil(tstamp t, int offset_s, struct civil *ret);
/* Monday = 1 .. Sunday = 7; ISO 8601 week 1..53 (with its year, may be NULL); day of the year 1..366. */
int ts_weekday(tstamp t, int offset_s);
int ts_iso_week(tstamp t, int *ret_year);

/* RFC 3339 (also a blank for 'T', a comma for the dot, missing zone = default_offset_s, "+0900"); the whole string. */
bool ts_parse_rfc3339(struct str s, int default_offset_s, tstamp *ret);
/* RFC 3164 "Nov 22 01:02:03" (no year): the year is chosen so that the result is nearest to now. By cursor. */
bool ts_take_rfc3164(struct str *rest, tstamp now, int offset_s, tstamp *ret);
/* "22/Nov/2026:01:02:03 +0900" (combined log format), whole string. */
bool ts_parse_clf(struct str s, tstamp *ret);
/* Seconds, ms, us or ns since the epoch by magnitude; a fraction is allowed. */
bool ts_parse_epoch(struct str s, tstamp *ret);
/* Windows FILETIME (100 ns since 1601); TS_NONE when out of range. */
tstamp ts_from_filetime(uint64_t ft);
/* Any of: RFC 3339, epoch, "2026-11-22", "2026-11-22 01:02:03", and "-24h" / "now" relative to now. What a person types. */
bool ts_parse_user(struct str s, tstamp now, int offset_s, tstamp *ret);
/* English month name or abbreviation -> 1..12, or 0. */
int ts_month(struct str s);

/* "2026-11-22T01:02:03.123456789Z", trailing zeros of the fraction trimmed. out >= 36 bytes; returns the length. */
#define TS_TEXT_MAX 36
size_t ts_format(char *out, tstamp t);
/* The same at an offset: "2026-11-22T10:02:03+09:00", whole seconds. */
size_t ts_format_offset(char *out, tstamp t, int offset_s);
int buf_add_ts(struct buf *b, tstamp t);

#endif
