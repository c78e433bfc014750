/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "event/find_time.h"

static tstamp now(void)
{
	tstamp t;
	CHECK(ts_parse_rfc3339(STR("2026-03-02T10:00:00Z"), 0, &t));
	return t;
}

/* want "" = none is found. Times without a zone are read at +09:00. */
static void check(const char *line, const char *want)
{
	struct found_time f;
	char text[TS_TEXT_MAX] = "";
	if (find_time(str_c(line), now(), 9 * 3600, &f))
		ts_format(text, f.time);
	CHECK_STR(str_c(text), want);
}

TEST(dates_with_a_year)
{
	check("2026-03-01T01:02:03Z x", "2026-03-01T01:02:03Z");
	check("2026-03-01 01:02:03 x", "2026-02-28T16:02:03Z");
	check("[2026/03/01 - 01:02:03,5] x", "2026-02-28T16:02:03.5Z");
	check("2026.03.01 01:02:03", "2026-02-28T16:02:03Z");
	check("2026:03:01-01:02:03: x", "2026-02-28T16:02:03Z");
	check("I, [2026-03-01T01:02:03.123456789 #7] x", "2026-02-28T16:02:03.123456789Z");
	check("20260301T010203Z x", "2026-03-01T01:02:03Z");
	check("Start time: 20260301010203", "2026-02-28T16:02:03Z");
	check("20260301<;>0102<;>x", "2026-02-28T16:02:00Z");
	check("x [01/Mar/2026:01:02:03 +0000] y", "2026-03-01T01:02:03Z");
	check("01-Mar-2026 01:02:03.250 client", "2026-02-28T16:02:03.25Z");
	check("at [Sun, 1 Mar 2026 01:02:03.5 UTC] x", "2026-03-01T01:02:03.5Z");
	check("Sun Mar  1 01:02:03 2026 [pid 2] x", "2026-02-28T16:02:03Z");
	check("Sun Mar 01 01:02:03 CET 2026|x", "2026-03-01T00:02:03Z");
	check("Mar 1, 2026 1:02:03 PM x", "2026-03-01T04:02:03Z");
	check("Mar 1 2026 01:02:03 h x", "2026-02-28T16:02:03Z");
	check("Mar-01-26 01:02:03 x", "2026-02-28T16:02:03Z");
}

TEST(day_and_month_in_figures)
{
	check("03/01/2026 1:02:03 AM x", "2026-02-28T16:02:03Z"); /* slash: month first */
	check("13/01/2026 01:02:03", "2026-01-12T16:02:03Z");
	check("01.03.2026,01:02:03:54", "2026-02-28T16:02:03.54Z");
	check("01-03-2026 01:02:03", "2026-02-28T16:02:03Z"); /* dash: day first */
	check("01-13-2026 01:02:03", "2026-01-12T16:02:03Z");
	check("03-01-26,01:02:03.5", "2026-02-28T16:02:03.5Z"); /* short year: month first */
	check("10.10.20.30 version 1.2.3", "");
}

TEST(a_year_left_out_is_the_latest_past_one)
{
	check("Mar  1 01:02:03 h x", "2026-02-28T16:02:03Z");
	check("Dec 31 23:00:00 h x", "2025-12-31T14:00:00Z");
	check("Mar  9 01:02:03 h x", "2026-03-08T16:02:03Z");  /* a clock that is a week ahead */
	check("Mar 20 01:02:03 h x", "2025-03-19T16:02:03Z");  /* not from the future */
	check("Feb 29 01:02:03 h x", "2024-02-28T16:02:03Z");
	check("03-01 01:02:03.5 1 2 I x", "2026-02-28T16:02:03.5Z");
	check("[PDT Mar  1 01:02:03] x", "2026-03-01T08:02:03Z");
}

TEST(other_ways)
{
	check("260301  1:02:03 [Warning] x", "2026-02-28T16:02:03Z");
	check("03/01-01:02:03.5  [**] x", "2026-02-28T16:02:03.5Z");
	check("<![LOG[x]LOG]!><time=\"01:02:03.5-540\" date=\"03-01-2026\">", "2026-01-02T16:02:03.5Z"); /* dash: day first */
	check("date=2026-03-01 devname=fw time=01:02:03 x", "2026-02-28T16:02:03Z");
	check("#1772409600", "2026-03-02T00:00:00Z");
	check("260301 items", "");
	check("from 2026-03-01 on, at 01:02", "");
}

TEST(unix_times)
{
	check("1772409600.123      4 192.0.2.7 x", "2026-03-02T00:00:00.123Z");
	check("[1772409600] unbound x", "2026-03-02T00:00:00Z");
	check("T 1772409600 x", "2026-03-02T00:00:00Z");
	check("x | 1772409600123 | y", "2026-03-02T00:00:00.123Z");
	check("@400000004c91b044077a9e94 x", "2010-09-16T05:50:50.1254765Z");
	check("order 5123456789a", "");
	check("phone 0312345678", "");
}

TEST(what_is_no_time)
{
	check("", "");
	check("99:99:99 2026-99-99 99:99:99", "");
	check("2026-02-30 01:02:03", "");
	check("took 01:02:03", "");
	check("Mar x 01:02:03", "");
	check("2026-03-01", "");
}

TEST(taking_from_the_front_only)
{
	struct str rest = STR("Mar  1 01:02:03 host x");
	tstamp t;
	CHECK(find_time_take(&rest, now(), 0, &t));
	CHECK_STR(rest, " host x");
	rest = STR("x Mar  1 01:02:03");
	CHECK(!find_time_take(&rest, now(), 0, &t));
	CHECK_STR(rest, "x Mar  1 01:02:03");
}

TEST_MAIN
