/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tstamp.h"
#include "base/num.h"
#include "base/word.h"

#include <limits.h>

/* Of which every point fits into a tstamp. */
#define YEAR_FIRST 1678u
#define YEAR_LAST 2261u

/* Days since 1970-01-01 of a civil date, proleptic Gregorian. A year begins on 1 March, so that a leap day is its last. */
static inline int64_t days_from_civil(unsigned y, unsigned m, unsigned d)
{
	static const uint16_t before[] = {306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275};
	y -= m <= 2;
	unsigned century = y / 100;
	return (int64_t)(y * 365 + y / 4 - century + century / 4 + before[m - 1] + d) - 719469;
}

static inline bool is_leap(unsigned y)
{
	return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
}

static inline unsigned month_days(unsigned y, unsigned m)
{
	static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	return m == 2 && is_leap(y) ? 29 : days[m - 1];
}

static inline bool is_date(unsigned y, unsigned m, unsigned d)
{
	return y - YEAR_FIRST <= YEAR_LAST - YEAR_FIRST && m - 1 <= 11 && d && (d <= 28 || d <= month_days(y, m));
}

bool ts_from_civil(const struct civil *c, tstamp *ret)
{
	unsigned year = (unsigned)c->year, month = (unsigned)c->month, day = (unsigned)c->day;
	if (!is_date(year, month, day))
		return false;
	if (c->hour < 0 || c->hour > 23 || c->minute < 0 || c->minute > 59 || c->second < 0 || c->second > 60 || c->nano < 0 || c->nano >= NS_PER_S)
		return false;
	bool leap = c->second == 60;
	int64_t in_day = c->hour * 3600 + c->minute * 60 + (leap ? 59 : c->second) - c->offset_s;
	*ret = (days_from_civil(year, month, day) * 86400 + in_day) * NS_PER_S + (leap ? 999999999 : c->nano);
	return true;
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

void ts_to_civil(tstamp t, int offset_s, struct civil *ret)
{
	int64_t s = floor_div(t, NS_PER_S);
	int64_t nano = t - s * NS_PER_S;
	s += offset_s;
	int64_t days = floor_div(s, 86400), secs = s - days * 86400;
	int64_t z = days + 719468;
	int64_t era = floor_div(z, 146097);
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	int month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*ret = (struct civil){.year = (int)(yoe + era * 400 + (month <= 2)), .month = month, .day = (int)(doy - (153 * mp + 2) / 5 + 1),
		.hour = (int)(secs / 3600), .minute = (int)(secs / 60 % 60), .second = (int)(secs % 60), .nano = (int)nano, .offset_s = offset_s};
}

int ts_weekday(tstamp t, int offset_s)
{
	int64_t days = floor_div(floor_div(t, NS_PER_S) + offset_s, 86400);
	return (int)((days % 7 + 7 + 3) % 7) + 1;
}

int ts_iso_week(tstamp t, int *ret_year)
{
	struct civil c;
	int64_t days = floor_div(floor_div(t, NS_PER_S), 86400);
	int64_t thursday = days - (ts_weekday(t, 0) - 1) + 3;
	ts_to_civil(thursday * 86400 * NS_PER_S, 0, &c);
	if (ret_year)
		*ret_year = c.year;
	return (int)((thursday - days_from_civil((unsigned)c.year, 1, 1)) / 7) + 1;
}

static bool take_int(struct str *s, unsigned digits, int *ret)
{
	uint64_t v;
	struct str before = *s;
	if (!num_take_u64(s, digits, &v) || before.n - s->n != digits)
		return false;
	*ret = (int)v;
	return true;
}

/* Nanoseconds of the digits behind the dot; those beyond the ninth are passed over. */
static bool take_fraction(struct str *s, int *ret_nano)
{
	static const int scale[] = {0, 100000000, 10000000, 1000000, 100000, 10000, 1000, 100, 10, 1};
	int v = 0;
	size_t n = 0;
	for (; n < s->n && ch_is_digit((unsigned char)s->p[n]); n++)
		if (n < 9)
			v = v * 10 + (s->p[n] - '0');
	*s = str_n(s->p + n, s->n - n);
	*ret_nano = v * scale[n < 9 ? n : 9];
	return n > 0;
}

static bool take_ch(struct str *s, char c)
{
	if (!s->n || s->p[0] != c)
		return false;
	*s = str_n(s->p + 1, s->n - 1);
	return true;
}

/* "Z", "+09:00", "+0900", "+09" */
static bool take_zone(struct str *s, int *ret_offset)
{
	int h, m = 0;
	if (take_ch(s, 'Z') || take_ch(s, 'z')) {
		*ret_offset = 0;
		return true;
	}
	bool minus = take_ch(s, '-');
	if ((!minus && !take_ch(s, '+')) || !take_int(s, 2, &h))
		return false;
	bool colon = take_ch(s, ':');
	if ((colon || s->n) && !take_int(s, 2, &m))
		return false;
	if (h > 23 || m > 59)
		return false;
	*ret_offset = (h * 3600 + m * 60) * (minus ? -1 : 1);
	return true;
}

static bool take_date(struct str *s, struct civil *c)
{
	struct str at = *s;
	if (!take_int(&at, 4, &c->year))
		return false;
	bool slash = take_ch(&at, '/');
	if (!slash && !take_ch(&at, '-'))
		return false;
	if (!take_int(&at, 2, &c->month) || !take_ch(&at, slash ? '/' : '-') || !take_int(&at, 2, &c->day))
		return false;
	*s = at;
	return true;
}

static bool take_clock(struct str *s, struct civil *c)
{
	struct str at = *s;
	if (!take_int(&at, 2, &c->hour) || !take_ch(&at, ':') || !take_int(&at, 2, &c->minute))
		return false;
	if (take_ch(&at, ':') && !take_int(&at, 2, &c->second))
		return false;
	if ((take_ch(&at, '.') || take_ch(&at, ',')) && !take_fraction(&at, &c->nano))
		return false;
	*s = at;
	return true;
}

/*
 * Seconds east of UTC of what stands between a clock and the end: a zone, perhaps behind a blank, or nothing, which is the default. ZONE_NONE when it is
 * something else.
 */
#define ZONE_NONE INT_MAX
static int zone_behind(struct str s, int default_offset_s)
{
	int offset;
	take_ch(&s, ' ');
	if (!s.n)
		return default_offset_s;
	if (s.n == 3 && (str_eq(s, STR("UTC")) || str_eq(s, STR("GMT"))))
		return 0;
	return take_zone(&s, &offset) && !s.n ? offset : ZONE_NONE;
}

/* ---- the usual form, eight characters at once ---------------------------------------------------------------------------------------------- */

static inline unsigned byte_of(uint64_t w, unsigned at)
{
	return w >> 8 * at & 0xff;
}

/*
 * Eight characters that are to be figures where the form has 0, and what the form has elsewhere. Returns each figure times ten plus the one behind it, a
 * byte each: at the first figure of a pair that is the pair's number. High bits of *wrong are set where a character is another.
 */
static inline uint64_t read_pairs(const char *p, const char *form, uint64_t *wrong)
{
	uint64_t figure = word_load(p) ^ word_load(form), over = 0;
	/* What is added reaches the high bit from 10 on where a figure stands, from 1 on elsewhere; it goes beyond only where that is set in any case. */
	for (unsigned i = 0; i < 8; i++)
		over |= (uint64_t)(form[i] == '0' ? 0x80 - 10 : 0x80 - 1) << 8 * i;
	*wrong |= (figure + over) | figure;
	return figure * 10 + (figure >> 8);
}

/* As take_fraction, of one to nine figures; eight characters stand before p. Returns their end, NULL when there are none or more. */
static inline const char *read_fraction(const char *p, const char *end, unsigned *ret_nano)
{
	size_t left = (size_t)(end - p);
	uint64_t figure = (left >= 8 ? word_load(p) : left ? word_load(end - 8) >> 8 * (8 - left) : 0) ^ word_fill('0');
	uint64_t other = ((figure + word_fill(0x80 - 10)) | figure) & word_fill(0x80);
	/* What stands before the first other character, or all. */
	*ret_nano = num_eight(figure & (((other & (0 - other)) >> 7) - 1)) * 10;
	if (other)
		return other & 0x80 ? NULL : p + __builtin_ctzll(other) / 8;
	if (left == 8 || !ch_is_digit((unsigned char)p[8]))
		return p + 8;
	*ret_nano += (unsigned char)p[8] - (unsigned)'0';
	return left == 9 || !ch_is_digit((unsigned char)p[9]) ? p + 9 : NULL;
}

/* The time at UTC is moved to the zone that is still to come. */
static __attribute__((noinline)) bool move_to_zone(tstamp utc, struct str zone, int default_offset_s, tstamp *ret)
{
	int offset_s = zone_behind(zone, default_offset_s);
	if (offset_s == ZONE_NONE)
		return false;
	*ret = utc - offset_s * NS_PER_S;
	return true;
}

static __attribute__((noinline)) bool parse_unusual(struct str s, int offset_s, tstamp *ret)
{
	struct civil c = {0};
	if (!take_date(&s, &c) || !(take_ch(&s, 'T') || take_ch(&s, 't') || take_ch(&s, ' ') || take_ch(&s, '_')) || !take_clock(&s, &c))
		return false;
	c.offset_s = zone_behind(s, offset_s);
	return c.offset_s != ZONE_NONE && ts_from_civil(&c, ret);
}

/* Nearly all logs write "2026-11-22T01:02:03" with or without a fraction. Other forms, and what is no time or has a second 60, go the long way. */
bool ts_parse_rfc3339(struct str s, int default_offset_s, tstamp *ret)
{
	uint64_t wrong = 0;
	unsigned nano = 0;
	if (s.n < 19)
		return parse_unusual(s, default_offset_s, ret);
	uint64_t century = read_pairs(s.p, "0000-00-", &wrong), date = read_pairs(s.p + 2, "00-00-00", &wrong), clock = read_pairs(s.p + 11, "00:00:00", &wrong);
	const char gap = s.p[10], *p = s.p + 19, *end = s.p + s.n;
	unsigned year = byte_of(century, 0) * 100 + byte_of(date, 0), month = byte_of(date, 3), day = byte_of(date, 6);
	unsigned hour = byte_of(clock, 0), minute = byte_of(clock, 3), second = byte_of(clock, 6);
	if (wrong & word_fill(0x80) || (gap != 'T' && gap != ' ' && gap != 't' && gap != '_') || !is_date(year, month, day) || hour > 23 || minute > 59 || second > 59)
		return parse_unusual(s, default_offset_s, ret);
	if (p < end && (*p == '.' || *p == ',') && !(p = read_fraction(p + 1, end, &nano)))
		return parse_unusual(s, default_offset_s, ret);
	tstamp t = (days_from_civil(year, month, day) * 86400 + (int)((hour * 60 + minute) * 60 + second)) * NS_PER_S + nano;
	if (p == end)
		*ret = t - default_offset_s * NS_PER_S;
	else if (end - p == 1 && *p == 'Z')
		*ret = t;
	else
		return move_to_zone(t, str_n(p, (size_t)(end - p)), default_offset_s, ret);
	return true;
}

int ts_month(struct str s)
{
	static const char *const name[] = {"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"};
	for (int i = 0; i < 12; i++)
		if (str_ieq(s, str_c(name[i])) || str_ieq(s, str_n(name[i], 3)))
			return i + 1;
	return str_ieq(s, STR("sept")) ? 9 : 0;
}

bool ts_take_rfc3164(struct str *rest, tstamp now, int offset_s, tstamp *ret)
{
	struct str s = *rest;
	struct civil c = {.offset_s = offset_s}, today;
	uint64_t day;
	if (s.n < 15 || !(c.month = ts_month(str_sub(s, 0, 3))) || s.p[3] != ' ')
		return false;
	s = str_sub(s, 4, s.n);
	while (s.n && s.p[0] == ' ')
		s = str_sub(s, 1, s.n);
	if (!num_take_u64(&s, 2, &day) || !take_ch(&s, ' '))
		return false;
	c.day = (int)day;
	/* Some senders put the year here: "Nov 22 2026 01:02:03". */
	struct str with_year = s;
	int year = 0;
	if (take_int(&with_year, 4, &year) && take_ch(&with_year, ' '))
		s = with_year;
	else
		year = 0;
	if (!take_clock(&s, &c))
		return false;
	ts_to_civil(now, offset_s, &today);
	int64_t best_gap = INT64_MAX;
	tstamp best = TS_NONE;
	for (int y = year ? year : today.year - 1; y <= (year ? year : today.year + 1); y++) {
		tstamp t;
		c.year = y;
		if (!ts_from_civil(&c, &t))
			continue;
		int64_t gap = t > now ? t - now : now - t;
		if (gap < best_gap) {
			best_gap = gap;
			best = t;
		}
	}
	if (best == TS_NONE)
		return false;
	*rest = s;
	*ret = best;
	return true;
}

bool ts_parse_clf(struct str s, tstamp *ret)
{
	struct civil c = {0};
	struct str month;
	uint64_t day;
	if (!num_take_u64(&s, 2, &day) || !take_ch(&s, '/') || !str_cut(&s, '/', &month) || !(c.month = ts_month(month)))
		return false;
	c.day = (int)day;
	if (!take_int(&s, 4, &c.year) || !take_ch(&s, ':') || !take_clock(&s, &c))
		return false;
	if (take_ch(&s, ' ') && !take_zone(&s, &c.offset_s))
		return false;
	return s.n == 0 && ts_from_civil(&c, ret);
}

bool ts_parse_epoch(struct str s, tstamp *ret)
{
	uint64_t v;
	int nano = 0;
	bool minus = take_ch(&s, '-');
	size_t before = s.n;
	if (!num_take_u64(&s, 19, &v))
		return false;
	size_t n = before - s.n;
	int64_t unit = n <= 11 ? NS_PER_S : n <= 14 ? NS_PER_MS : n <= 17 ? 1000 : 1;
	if (take_ch(&s, '.') && !take_fraction(&s, &nano))
		return false;
	int64_t t;
	if (s.n || v > INT64_MAX || __builtin_mul_overflow((int64_t)v, unit, &t) || __builtin_add_overflow(t, nano / (NS_PER_S / unit), &t))
		return false;
	*ret = minus ? -t : t;
	return true;
}

tstamp ts_from_filetime(uint64_t ft)
{
	const uint64_t unix_epoch = UINT64_C(116444736000000000);
	int64_t t;
	if (ft > (uint64_t)INT64_MAX || __builtin_mul_overflow((int64_t)ft - (int64_t)unix_epoch, INT64_C(100), &t))
		return TS_NONE;
	return t;
}

bool ts_parse_user(struct str s, tstamp now, int offset_s, tstamp *ret)
{
	struct civil c = {.offset_s = offset_s};
	struct str date = s;
	int64_t ago;
	s = str_trim(s);
	if (str_eq(s, STR("now"))) {
		*ret = now;
		return true;
	}
	if (s.n > 1 && s.p[0] == '-' && num_duration(str_sub(s, 1, s.n), &ago)) {
		*ret = now - ago;
		return true;
	}
	if (take_date(&date, &c) && !date.n)
		return ts_from_civil(&c, ret);
	return ts_parse_rfc3339(s, offset_s, ret) || (s.n >= 9 && ts_parse_epoch(s, ret));
}

static size_t put_seconds(char *out, const struct civil *c)
{
	num_put_pair(out, (unsigned)c->year / 100);
	num_put_pair(out + 2, (unsigned)c->year % 100);
	out[4] = '-';
	num_put_pair(out + 5, (unsigned)c->month);
	out[7] = '-';
	num_put_pair(out + 8, (unsigned)c->day);
	out[10] = 'T';
	num_put_pair(out + 11, (unsigned)c->hour);
	out[13] = ':';
	num_put_pair(out + 14, (unsigned)c->minute);
	out[16] = ':';
	num_put_pair(out + 17, (unsigned)c->second);
	return 19;
}

/* Nine digits. */
static size_t put_nano(char *out, unsigned nano)
{
	for (int i = 7; i > 0; i -= 2) {
		num_put_pair(out + i, nano % 100);
		nano /= 100;
	}
	out[0] = (char)('0' + nano);
	return 9;
}

size_t ts_format(char *out, tstamp t)
{
	struct civil c;
	ts_to_civil(t, 0, &c);
	size_t n = put_seconds(out, &c);
	if (c.nano) {
		out[n++] = '.';
		n += put_nano(out + n, (unsigned)c.nano);
		while (out[n - 1] == '0')
			n--;
	}
	out[n++] = 'Z';
	out[n] = 0;
	return n;
}

size_t ts_format_offset(char *out, tstamp t, int offset_s)
{
	struct civil c;
	ts_to_civil(t, offset_s, &c);
	size_t n = put_seconds(out, &c);
	unsigned minutes = (unsigned)(offset_s < 0 ? -offset_s : offset_s) / 60;
	out[n] = offset_s < 0 ? '-' : '+';
	num_put_pair(out + n + 1, minutes / 60);
	out[n + 3] = ':';
	num_put_pair(out + n + 4, minutes % 60);
	out[n + 6] = 0;
	return n + 6;
}

int buf_add_ts(struct buf *b, tstamp t)
{
	char text[TS_TEXT_MAX];
	return buf_add(b, str_n(text, ts_format(text, t)));
}
