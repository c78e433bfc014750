/* SPDX-License-Identifier: Apache-2.0 */
#include "report/template_parts.h"

#include "base/num.h"
#include "base/tstamp.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdlib.h>

/* ---- escaping ------------------------------------------------------------------------------------------------------------------------------------------- */

/* Control characters but line feed and tab; what joins, hides or turns text (Unicode bidirectional controls, zero width). */
static bool is_unseen(uint32_t cp)
{
	return (cp < 0x20 && cp != '\n' && cp != '\t') || (cp >= 0x7f && cp < 0xa0) || cp == 0xad || (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
		(cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff || (cp >= 0xe0000 && cp <= 0xe0fff);
}

void html_escape(struct buf *out, struct str s)
{
	uint32_t cp;
	char utf8[4];
	while (utf8_next(&s, &cp, NULL)) {
		if (cp == '&')
			buf_add_cstr(out, "&amp;");
		else if (cp == '<')
			buf_add_cstr(out, "&lt;");
		else if (cp == '>')
			buf_add_cstr(out, "&gt;");
		else if (cp == '"')
			buf_add_cstr(out, "&quot;");
		else if (cp == '\'')
			buf_add_cstr(out, "&#39;");
		else if (is_unseen(cp))
			buf_addf(out, "⟨U+%04X⟩", (unsigned)cp);
		else
			buf_add(out, str_n(utf8, utf8_put(utf8, cp)));
	}
}

/* ---- filters ------------------------------------------------------------------------------------------------------------------------------------------------ */

static bool value_time(const json_t *v, tstamp *ret)
{
	return json_is_string(v) && ts_parse_rfc3339(str_n(json_string_value(v), json_string_length(v)), 0, ret);
}

/* "2026-11-22T10:02:03+09:00" in its parts. */
static int time_parts(const json_t *v, const struct template_env *env, char text[TS_TEXT_MAX])
{
	tstamp t;
	if (!value_time(v, &t))
		return -EINVAL;
	ts_format_offset(text, t, env->offset_s);
	return 0;
}

/* RFC 3339 writes Z for UTC; people read +00:00. */
static void add_offset(struct buf *out, const char *text)
{
	buf_addf(out, " %s", text[19] == 'Z' ? "+00:00" : text + 19);
}

static int filter_time(const json_t *v, const struct template_env *env, struct buf *out)
{
	char t[TS_TEXT_MAX];
	if (time_parts(v, env, t) < 0)
		return -EINVAL;
	buf_addf(out, "%.10s %.8s", t, t + 11);
	add_offset(out, t);
	return 0;
}

static int filter_minute(const json_t *v, const struct template_env *env, struct buf *out)
{
	char t[TS_TEXT_MAX];
	if (time_parts(v, env, t) < 0)
		return -EINVAL;
	buf_addf(out, "%.10s %.5s", t, t + 11);
	add_offset(out, t);
	return 0;
}

static int filter_clock(const json_t *v, const struct template_env *env, struct buf *out)
{
	char t[TS_TEXT_MAX];
	return time_parts(v, env, t) < 0 ? -EINVAL : buf_addf(out, "%.10s %.8s", t, t + 11);
}

static int filter_date(const json_t *v, const struct template_env *env, struct buf *out)
{
	char t[TS_TEXT_MAX];
	return time_parts(v, env, t) < 0 ? -EINVAL : buf_addf(out, "%.10s", t);
}

static int filter_day(const json_t *v, const struct template_env *env, struct buf *out)
{
	static const char *const JA[] = {"月", "火", "水", "木", "金", "土", "日"};
	static const char *const EN[] = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
	static const char *const MONTH[] = {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"};
	struct civil c;
	tstamp t;
	if (!value_time(v, &t))
		return -EINVAL;
	int day = ts_weekday(t, env->offset_s) - 1;
	ts_to_civil(t, env->offset_s, &c);
	return env->ja ? buf_addf(out, "%d年%d月%d日 (%s)", c.year, c.month, c.day, JA[day]) : buf_addf(out, "%s, %d %s %d", EN[day], c.day, MONTH[c.month - 1], c.year);
}

static int filter_count(const json_t *v, const struct template_env *env, struct buf *out)
{
	char digits[24];
	(void)env;
	if (!json_is_integer(v))
		return -EINVAL;
	size_t n = num_format_i64(digits, json_integer_value(v));
	for (size_t i = 0; i < n; i++) {
		buf_addc(out, digits[i]);
		if (i + 1 < n && (n - 1 - i) % 3 == 0 && digits[i] != '-')
			buf_addc(out, ',');
	}
	return 0;
}

/* The two greatest units: nobody reads the seconds of a day. */
static int filter_duration(const json_t *v, const struct template_env *env, struct buf *out)
{
	static const struct {
		int64_t seconds;
		const char *ja, *en;
	} UNITS[] = {{86400, "日", " d"}, {3600, "時間", " h"}, {60, "分", " min"}, {1, "秒", " s"}};
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return -EINVAL;
	int64_t left = json_integer_value(v);
	size_t first = 0;
	while (first + 1 < LEN(UNITS) && left < UNITS[first].seconds)
		first++;
	for (size_t i = first; i < LEN(UNITS) && i < first + 2; i++) {
		int64_t n = left / UNITS[i].seconds;
		left -= n * UNITS[i].seconds;
		if (n || i == first)
			buf_addf(out, "%s%lld%s", i > first && !env->ja ? " " : "", (long long)n, env->ja ? UNITS[i].ja : UNITS[i].en);
	}
	return 0;
}

static int filter_json(const json_t *v, const struct template_env *env, struct buf *out)
{
	char *text = json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	(void)env;
	if (!text)
		return -EINVAL;
	buf_add_cstr(out, text);
	free(text);
	return 0;
}

const struct filter FILTERS[] = {
#define FILTER(name, wants, makes) {#name, filter_##name, wants},
#include "report/filters.def"
#undef FILTER
};
const size_t FILTERS_N = LEN(FILTERS);
