/* SPDX-License-Identifier: Apache-2.0 */
#include "event/find_time.h"

#include "base/must.h"
#include "base/num.h"

#include <string.h>

#define NO_YEAR 0
#define EPOCH_FIRST INT64_C(500000000)   /* 1985 */
#define EPOCH_LAST INT64_C(4102444800)   /* 2100 */

struct when {
	struct civil c;
	bool has_zone;
};

static size_t digits(struct str s)
{
	size_t n = 0;
	while (n < s.n && ch_is_digit((unsigned char)s.p[n]))
		n++;
	return n;
}

/* Exactly min..max digits. */
static bool take_digits(struct str *s, size_t min, size_t max, int *ret)
{
	size_t n = digits(*s);
	int v = 0;
	if (n < min || n > max)
		return false;
	for (size_t i = 0; i < n; i++)
		v = v * 10 + (s->p[i] - '0');
	*ret = v;
	*s = str_sub(*s, n, s->n);
	return true;
}

static bool take_ch(struct str *s, const char *any)
{
	if (!s->n || !s->p[0] || !strchr(any, s->p[0]))
		return false;
	*s = str_sub(*s, 1, s->n);
	return true;
}

static bool take_month(struct str *s, int *ret)
{
	size_t n = 0;
	while (n < s->n && n < 12 && ch_is_alpha((unsigned char)s->p[n]))
		n++;
	*ret = n >= 3 ? ts_month(str_sub(*s, 0, n)) : 0;
	if (!*ret)
		return false;
	*s = str_sub(*s, n, s->n);
	take_ch(s, ".");
	return true;
}

static int whole_year(int year)
{
	return year >= 100 ? year : year < 70 ? 2000 + year : 1900 + year;
}

static bool plausible(const struct civil *c)
{
	return c->month >= 1 && c->month <= 12 && c->day >= 1 && c->day <= 31 && (c->year == NO_YEAR || (c->year >= 1900 && c->year <= 2200));
}

/* ---- dates ----------------------------------------------------------------------------------------------------------------------------------- */

static bool date_iso(struct str *s, struct civil *c)
{
	struct str t = *s;
	if (!take_digits(&t, 4, 4, &c->year) || !t.n || !strchr("-/.:", t.p[0]))
		return false;
	char sep[2] = {t.p[0], 0};
	if (!take_ch(&t, sep) || !take_digits(&t, 1, 2, &c->month) || !take_ch(&t, sep) || !take_digits(&t, 1, 2, &c->day))
		return false;
	*s = t;
	return true;
}

static bool date_compact(struct str *s, struct civil *c)
{
	struct str t = *s;
	int v;
	if (digits(t) != 8 && digits(t) != 14 && digits(t) != 12)
		return false;
	t.n = 8;
	if (!take_digits(&t, 8, 8, &v))
		return false;
	c->year = v / 10000;
	c->month = v / 100 % 100;
	c->day = v % 100;
	*s = str_sub(*s, 8, s->n);
	return true;
}

/* 2-Mar-2026, 2/Mar/2026, 2 March 2026, 2.Mar.2026 */
static bool date_day_name(struct str *s, struct civil *c)
{
	struct str t = *s;
	if (!take_digits(&t, 1, 2, &c->day) || !take_ch(&t, "-/ .") || !take_month(&t, &c->month) || !take_ch(&t, "-/ ."))
		return false;
	if (!take_digits(&t, 4, 4, &c->year) && !take_digits(&t, 2, 2, &c->year))
		return false;
	c->year = whole_year(c->year);
	*s = t;
	return true;
}

/* 02/03/2026, 02.03.2026, 02-03-26 */
static bool date_figures(struct str *s, struct civil *c)
{
	struct str t = *s;
	int a, b;
	if (!take_digits(&t, 1, 2, &a) || !t.n || !strchr("-/.", t.p[0]))
		return false;
	char sep[2] = {t.p[0], 0};
	if (!take_ch(&t, sep) || !take_digits(&t, 1, 2, &b) || !take_ch(&t, sep))
		return false;
	bool two = false;
	if (!take_digits(&t, 4, 4, &c->year) && !(two = take_digits(&t, 2, 2, &c->year)))
		return false;
	c->year = whole_year(c->year);
	/* With two figures of the year the writer is used to put the month first. */
	bool month_first = (sep[0] == '/' || (two && sep[0] == '-')) ? a <= 12 : b > 12;
	c->month = month_first ? a : b;
	c->day = month_first ? b : a;
	*s = t;
	return true;
}

/* Mar  2 [2026], March 2, 2026, Mar-02-26 */
static bool date_month_name(struct str *s, struct civil *c)
{
	struct str t = *s, with_year;
	if (!take_month(&t, &c->month))
		return false;
	bool dash = take_ch(&t, "-");
	if (!dash && !take_ch(&t, " /"))
		return false;
	while (!dash && take_ch(&t, " "))
		;
	if (!take_digits(&t, 1, 2, &c->day))
		return false;
	c->year = NO_YEAR;
	with_year = t;
	if (dash ? take_ch(&with_year, "-") : (take_ch(&with_year, ","), take_ch(&with_year, " /"))) {
		if ((take_digits(&with_year, 4, 4, &c->year) || (dash && take_digits(&with_year, 2, 2, &c->year))) && (!with_year.n || with_year.p[0] != '.'))
			t = with_year;
		c->year = c->year ? whole_year(c->year) : NO_YEAR;
	}
	*s = t;
	return true;
}

/* 03-02 09:00:00 (Android, FreeSWITCH), 03/02-09:00:00.123456 (Snort) */
static bool date_no_year(struct str *s, struct civil *c)
{
	struct str t = *s;
	if (!take_digits(&t, 2, 2, &c->month))
		return false;
	bool slash = take_ch(&t, "/");
	if ((!slash && !take_ch(&t, "-")) || !take_digits(&t, 2, 2, &c->day) || !t.n || t.p[0] != (slash ? '-' : ' '))
		return false;
	c->year = NO_YEAR;
	*s = t;
	return true;
}

/* 260302  9:00:00 (MySQL) */
static bool date_short(struct str *s, struct civil *c)
{
	struct str t = *s;
	int v;
	if (!take_digits(&t, 6, 6, &v) || t.n < 6 || t.p[0] != ' ' || (t.p[2] != ':' && t.p[3] != ':'))
		return false;
	c->year = whole_year(v / 10000);
	c->month = v / 100 % 100;
	c->day = v % 100;
	*s = t;
	return true;
}

static bool (*const DATES[])(struct str *s, struct civil *c) = {date_iso, date_compact, date_day_name, date_figures, date_month_name, date_no_year, date_short};

/* ---- clock and zone ------------------------------------------------------------------------------------------------------------------------------ */

static bool take_fraction(struct str *s, int *ret_nano)
{
	struct str t = *s;
	if (!take_ch(&t, ".,:") || !digits(t) || digits(t) > 12)
		return false;
	int scale = 100000000, nano = 0;
	size_t n = digits(t);
	for (size_t i = 0; i < n; i++, scale /= 10)
		nano += scale * (t.p[i] - '0');
	*ret_nano = nano;
	*s = str_sub(t, n, t.n);
	return true;
}

static bool take_half(struct str *s, struct civil *c)
{
	struct str t = *s;
	take_ch(&t, " ");
	if (!str_istarts(t, STR("am")) && !str_istarts(t, STR("pm")))
		return false;
	bool pm = ch_lower((unsigned char)t.p[0]) == 'p';
	if (c->hour < 1 || c->hour > 12 || (t.n > 2 && ch_is_alnum((unsigned char)t.p[2])))
		return false;
	c->hour = c->hour % 12 + (pm ? 12 : 0);
	*s = str_sub(t, 2, t.n);
	return true;
}

/* 09:00, 09:00:00, 9:00:00.123 PM, 090000, 0900 */
static bool take_clock(struct str *s, struct civil *c)
{
	struct str t = *s;
	int v;
	if ((digits(t) == 6 || digits(t) == 4) && take_digits(&t, 4, 6, &v)) {
		bool six = s->n - t.n == 6;
		c->hour = six ? v / 10000 : v / 100;
		c->minute = six ? v / 100 % 100 : v % 100;
		c->second = six ? v % 100 : 0;
		take_fraction(&t, &c->nano);
	} else {
		if (!take_digits(&t, 1, 2, &c->hour) || !take_ch(&t, ":") || !take_digits(&t, 2, 2, &c->minute))
			return false;
		struct str seconds = t;
		if (take_ch(&seconds, ":") && take_digits(&seconds, 2, 2, &c->second)) {
			t = seconds;
			take_fraction(&t, &c->nano);
		}
		take_half(&t, c);
	}
	if (c->hour > 24 || c->minute > 59 || c->second > 60)
		return false;
	*s = t;
	return true;
}

static const struct {
	const char *name;
	int hours, minutes;
} ZONES[] = {{"UTC", 0, 0}, {"GMT", 0, 0}, {"CEST", 2, 0}, {"CET", 1, 0}, {"BST", 1, 0}, {"WEST", 1, 0}, {"WET", 0, 0}, {"EEST", 3, 0}, {"EET", 2, 0}, {"MSK", 3, 0},
	{"EDT", -4, 0}, {"EST", -5, 0}, {"CDT", -5, 0}, {"CST", -6, 0}, {"MDT", -6, 0}, {"MST", -7, 0}, {"PDT", -7, 0}, {"PST", -8, 0}, {"JST", 9, 0}, {"KST", 9, 0}, {"IST", 5, 30}};

static int zone_seconds(size_t i)
{
	return (ZONES[i].hours * 60 + ZONES[i].minutes) * 60;
}

static bool take_offset(struct str *s, int *ret)
{
	struct str t = *s;
	int h, m = 0;
	bool minus = t.n && t.p[0] == '-';
	if (!take_ch(&t, "+-"))
		return false;
	if (digits(t) == 4) {
		take_digits(&t, 4, 4, &m);
		h = m / 100;
		m %= 100;
	} else if (!take_digits(&t, 2, 2, &h) || (take_ch(&t, ":") && !take_digits(&t, 2, 2, &m))) {
		return false;
	}
	if (h > 14 || m > 59)
		return false;
	*ret = (h * 3600 + m * 60) * (minus ? -1 : 1);
	*s = t;
	return true;
}

static bool take_zone(struct str *s, struct civil *c)
{
	struct str t = *s;
	if (t.n && (t.p[0] == 'Z' || t.p[0] == 'z') && !(t.n > 1 && ch_is_alnum((unsigned char)t.p[1]))) {
		c->offset_s = 0;
		*s = str_sub(t, 1, t.n);
		return true;
	}
	if (take_offset(&t, &c->offset_s)) {
		*s = t;
		return true;
	}
	if (!take_ch(&t, " "))
		return false;
	if (take_offset(&t, &c->offset_s)) {
		*s = t;
		return true;
	}
	for (size_t i = 0; i < LEN(ZONES); i++) {
		struct str name = str_c(ZONES[i].name);
		if (str_starts(t, name) && !(t.n > name.n && ch_is_alnum((unsigned char)t.p[name.n]))) {
			c->offset_s = zone_seconds(i);
			*s = str_sub(t, name.n, t.n);
			return true;
		}
	}
	return false;
}

/* asctime puts the year last: "Mar  2 09:00:00 2026". */
static void take_late_year(struct str *s, struct civil *c)
{
	struct str t = *s;
	int year;
	if (c->year != NO_YEAR || !take_ch(&t, " ") || !take_digits(&t, 4, 4, &year) || year < 1970 || year > 2100)
		return;
	if (t.n && !strchr(" ]),;|\t:", t.p[0]))
		return;
	c->year = year;
	*s = t;
}

/* The latest such date that lies at most a week ahead: logs come from the past, and clocks may be wrong by a little. */
static bool resolve(struct civil *c, tstamp now, tstamp *ret)
{
	struct civil today;
	if (c->year != NO_YEAR)
		return ts_from_civil(c, ret);
	ts_to_civil(now, c->offset_s, &today);
	for (int year = today.year + 1; year > today.year - 9; year--) {
		c->year = year; /* 29 February may lie some years back */
		if (ts_from_civil(c, ret) && *ret <= now + 7 * 86400 * NS_PER_S)
			return true;
	}
	return false;
}

static bool take_gap(struct str *s)
{
	size_t n = 0;
	if (str_take(s, STR("T")) || str_take(s, STR("t")) || str_take(s, STR("_")))
		return true;
	while (n < s->n && n < 4 && strchr(" :-,;@|\t<>.", s->p[n]) && s->p[n])
		n++;
	*s = str_sub(*s, n, s->n);
	return n > 0;
}

bool find_time_take(struct str *rest, tstamp now, int offset_s, tstamp *ret)
{
	for (size_t i = 0; i < LEN(DATES); i++) {
		struct civil c = {.offset_s = offset_s};
		struct str s = *rest;
		if (!DATES[i](&s, &c) || !plausible(&c))
			continue;
		bool joined = i == 1 && digits(s) >= 4; /* 20260302090000 */
		if ((!joined && !take_gap(&s)) || !take_clock(&s, &c))
			continue;
		if (s.n && ch_is_digit((unsigned char)s.p[0]))
			continue;
		struct str zone = s;
		bool zoned = take_zone(&zone, &c);
		if (zoned)
			s = zone;
		take_late_year(&s, &c);
		if (!zoned && take_zone(&s, &c))
			zoned = true;
		if (!resolve(&c, now, ret))
			continue;
		*rest = s;
		return true;
	}
	return false;
}

/* ---- Unix times --------------------------------------------------------------------------------------------------------------------------------- */

/* "@" and 24 hex figures: seconds since 1970 TAI plus 2^62, nanoseconds. */
static bool tai64n(struct str s, tstamp *ret)
{
	uint64_t sec, nano;
	if (!str_take(&s, STR("@")) || s.n < 24 || !num_hex64(str_sub(s, 0, 16), &sec) || !num_hex64(str_sub(s, 16, 24), &nano) || !(sec >> 62 & 1) || nano >= 1000000000)
		return false;
	sec -= UINT64_C(1) << 62;
	if (sec > (uint64_t)EPOCH_LAST)
		return false;
	*ret = ((int64_t)sec - 10) * NS_PER_S + (int64_t)nano; /* the labels of svscan's family run 10 s ahead of UTC, leap seconds left out */
	return true;
}

/* A date and a clock that stand apart, either first: time="19:33:19.766" date="11-28-2026" */
static bool apart(struct str line, size_t within, int offset_s, struct found_time *ret)
{
	struct civil date = {0}, clock = {0};
	bool has_date = false, has_clock = false;
	for (size_t i = 0; i < within && !(has_date && has_clock); i++) {
		unsigned char before = i ? (unsigned char)line.p[i - 1] : ' ';
		struct str rest = str_sub(line, i, line.n), s = rest;
		struct civil c = {0};
		if (!ch_is_digit((unsigned char)line.p[i]) || ch_is_alnum(before) || before == '.' || before == ':' || before == '-')
			continue;
		for (size_t k = 0; k < LEN(DATES) && !has_date; k++) {
			s = rest;
			c = (struct civil){0};
			if (k == 1 || !DATES[k](&s, &c) || !plausible(&c) || c.year == NO_YEAR || (s.n && (ch_is_alnum((unsigned char)s.p[0]) || s.p[0] == '.')))
				continue;
			date = c;
			has_date = true;
			ret->text = str_n(rest.p, (size_t)(s.p - rest.p));
		}
		s = rest;
		c = (struct civil){0};
		if (!has_clock && str_chr(str_sub(rest, 0, 3), ':') != STR_NPOS && take_clock(&s, &c) && s.p - rest.p >= 7) {
			clock = c;
			has_clock = true;
		}
	}
	if (!has_date || !has_clock)
		return false;
	date.hour = clock.hour;
	date.minute = clock.minute;
	date.second = clock.second;
	date.nano = clock.nano;
	date.offset_s = offset_s;
	return ts_from_civil(&date, &ret->time);
}

static bool epoch(struct str s, size_t *ret_n, tstamp *ret)
{
	size_t n = digits(s);
	if (n != 10 && n != 13 && n != 16 && n != 19)
		return false;
	size_t end = n;
	if (end + 1 < s.n && s.p[end] == '.' && ch_is_digit((unsigned char)s.p[end + 1])) {
		end++;
		end += digits(str_sub(s, end, s.n));
	}
	if (end < s.n && (ch_is_alpha((unsigned char)s.p[end]) || s.p[end] == '-' || s.p[end] == '@'))
		return false;
	if (!ts_parse_epoch(str_sub(s, 0, end), ret) && !ts_parse_epoch(str_sub(s, 0, n), ret))
		return false;
	*ret_n = end;
	return *ret >= EPOCH_FIRST * NS_PER_S && *ret <= EPOCH_LAST * NS_PER_S;
}

/* ---- a line ---------------------------------------------------------------------------------------------------------------------------------------- */

/* "[PDT Apr 16 21:05:29]": the zone's name may stand before the date. */
static int zone_before(struct str line, size_t at, int otherwise)
{
	for (size_t i = 0; at > 3 && line.p[at - 1] == ' ' && i < LEN(ZONES); i++) {
		struct str name = str_c(ZONES[i].name), before = str_sub(line, 0, at - 1);
		if (str_ends(before, name) && (before.n == name.n || !ch_is_alnum((unsigned char)before.p[before.n - name.n - 1])))
			return zone_seconds(i);
	}
	return otherwise;
}

bool find_time(struct str line, tstamp now, int offset_s, struct found_time *ret)
{
	size_t within = line.n < FIND_TIME_WITHIN ? line.n : FIND_TIME_WITHIN, n;
	for (size_t i = 0; i < within; i++) {
		unsigned char c = (unsigned char)line.p[i], before = i ? (unsigned char)line.p[i - 1] : ' ';
		bool digit = ch_is_digit(c);
		if ((!digit && !ch_is_alpha(c)) || (digit ? ch_is_digit(before) || before == '.' : ch_is_alpha(before)))
			continue;
		if (!digit && !strchr("JFMASONDjfmasond", (int)c))
			continue;
		struct str rest = str_sub(line, i, line.n);
		if (find_time_take(&rest, now, zone_before(line, i, offset_s), &ret->time)) {
			ret->text = str_n(line.p + i, (size_t)(rest.p - (line.p + i)));
			return true;
		}
	}
	if (apart(line, within, offset_s, ret))
		return true;
	if (tai64n(line, &ret->time)) {
		ret->text = str_sub(line, 0, 25);
		return true;
	}
	for (size_t i = 0; i < within; i++) {
		unsigned char before = i ? (unsigned char)line.p[i - 1] : ' ';
		if (!ch_is_digit((unsigned char)line.p[i]) || ch_is_digit(before) || !strchr(" [(\t:=|,;>\"#", (int)before) || !before)
			continue;
		if (epoch(str_sub(line, i, line.n), &n, &ret->time)) {
			ret->text = str_sub(line, i, i + n);
			return true;
		}
	}
	return false;
}
