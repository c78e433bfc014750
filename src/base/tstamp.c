/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tstamp.h"
#include "base/num.h"

/* Days since 1970-01-01 of a civil date, proleptic Gregorian, by eras of 400 years that begin on 1 March. */
static int64_t days_from_civil(int64_t y, int m, int d)
{
	y -= m <= 2;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + doe - 719468;
}

static bool is_leap(int y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static int month_days(int y, int m)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	return days[m - 1] + (m == 2 && is_leap(y));
}

bool ts_from_civil(const struct civil *c, tstamp *ret)
{
	if (c->year < 1678 || c->year > 2261 || c->month < 1 || c->month > 12 || c->day < 1 || c->day > month_days(c->year, c->month))
		return false;
	if (c->hour < 0 || c->hour > 23 || c->minute < 0 || c->minute > 59 || c->second < 0 || c->second > 60 || c->nano < 0 || c->nano >= NS_PER_S)
		return false;
	bool leap = c->second == 60;
	int64_t s = days_from_civil(c->year, c->month, c->day) * 86400 + c->hour * 3600 + c->minute * 60 + (leap ? 59 : c->second) - c->offset_s;
	*ret = s * NS_PER_S + (leap ? 999999999 : c->nano);
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
	return (int)((thursday - days_from_civil(c.year, 1, 1)) / 7) + 1;
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

static bool take_fraction(struct str *s, int *ret_nano)
{
	int64_t nano = 0, scale = NS_PER_S;
	size_t n = 0;
	while (n < s->n && ch_is_digit((unsigned char)s->p[n])) {
		scale /= 10;
		nano += scale * (s->p[n] - '0');
		n++;
	}
	*s = str_sub(*s, n, s->n);
	*ret_nano = (int)nano;
	return n > 0;
}

/* "Z", "+09:00", "+0900", "+09" */
static bool take_zone(struct str *s, int *ret_offset)
{
	int h, m = 0;
	if (str_take(s, STR("Z")) || str_take(s, STR("z"))) {
		*ret_offset = 0;
		return true;
	}
	bool minus = str_take(s, STR("-"));
	if ((!minus && !str_take(s, STR("+"))) || !take_int(s, 2, &h))
		return false;
	bool colon = str_take(s, STR(":"));
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
	bool slash = str_take(&at, STR("/"));
	if (!slash && !str_take(&at, STR("-")))
		return false;
	if (!take_int(&at, 2, &c->month) || !str_take(&at, slash ? STR("/") : STR("-")) || !take_int(&at, 2, &c->day))
		return false;
	*s = at;
	return true;
}

static bool take_clock(struct str *s, struct civil *c)
{
	struct str at = *s;
	if (!take_int(&at, 2, &c->hour) || !str_take(&at, STR(":")) || !take_int(&at, 2, &c->minute))
		return false;
	if (str_take(&at, STR(":")) && !take_int(&at, 2, &c->second))
		return false;
	if ((str_take(&at, STR(".")) || str_take(&at, STR(","))) && !take_fraction(&at, &c->nano))
		return false;
	*s = at;
	return true;
}

bool ts_parse_rfc3339(struct str s, int default_offset_s, tstamp *ret)
{
	struct civil c = {.offset_s = default_offset_s};
	if (!take_date(&s, &c))
		return false;
	if (!str_take(&s, STR("T")) && !str_take(&s, STR("t")) && !str_take(&s, STR(" ")) && !str_take(&s, STR("_")))
		return false;
	if (!take_clock(&s, &c))
		return false;
	str_take(&s, STR(" "));
	if (str_eq(s, STR("UTC")) || str_eq(s, STR("GMT"))) {
		c.offset_s = 0;
		s = STR("");
	} else if (s.n && !take_zone(&s, &c.offset_s)) {
		return false;
	}
	return s.n == 0 && ts_from_civil(&c, ret);
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
	if (!num_take_u64(&s, 2, &day) || !str_take(&s, STR(" ")))
		return false;
	c.day = (int)day;
	/* Some senders put the year here: "Nov 22 2026 01:02:03". */
	struct str with_year = s;
	int year = 0;
	if (take_int(&with_year, 4, &year) && str_take(&with_year, STR(" ")))
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
	if (!num_take_u64(&s, 2, &day) || !str_take(&s, STR("/")) || !str_cut(&s, '/', &month) || !(c.month = ts_month(month)))
		return false;
	c.day = (int)day;
	if (!take_int(&s, 4, &c.year) || !str_take(&s, STR(":")) || !take_clock(&s, &c))
		return false;
	if (str_take(&s, STR(" ")) && !take_zone(&s, &c.offset_s))
		return false;
	return s.n == 0 && ts_from_civil(&c, ret);
}

bool ts_parse_epoch(struct str s, tstamp *ret)
{
	uint64_t v;
	int nano = 0;
	bool minus = str_take(&s, STR("-"));
	size_t before = s.n;
	if (!num_take_u64(&s, 19, &v))
		return false;
	size_t n = before - s.n;
	int64_t unit = n <= 11 ? NS_PER_S : n <= 14 ? NS_PER_MS : n <= 17 ? 1000 : 1;
	if (str_take(&s, STR(".")) && !take_fraction(&s, &nano))
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

static size_t put_int(char *out, int v, int digits)
{
	for (int i = digits - 1; i >= 0; i--) {
		out[i] = (char)('0' + v % 10);
		v /= 10;
	}
	return (size_t)digits;
}

static size_t put_seconds(char *out, const struct civil *c)
{
	size_t n = put_int(out, c->year, 4);
	const struct {
		char sep;
		int v;
	} part[] = {{'-', c->month}, {'-', c->day}, {'T', c->hour}, {':', c->minute}, {':', c->second}};
	for (size_t i = 0; i < LEN(part); i++) {
		out[n++] = part[i].sep;
		n += put_int(out + n, part[i].v, 2);
	}
	return n;
}

size_t ts_format(char *out, tstamp t)
{
	struct civil c;
	ts_to_civil(t, 0, &c);
	size_t n = put_seconds(out, &c);
	if (c.nano) {
		out[n++] = '.';
		n += put_int(out + n, c.nano, 9);
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
	int minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;
	out[n++] = offset_s < 0 ? '-' : '+';
	n += put_int(out + n, minutes / 60, 2);
	out[n++] = ':';
	n += put_int(out + n, minutes % 60, 2);
	out[n] = 0;
	return n;
}

int buf_add_ts(struct buf *b, tstamp t)
{
	char text[TS_TEXT_MAX];
	return buf_add(b, str_n(text, ts_format(text, t)));
}
