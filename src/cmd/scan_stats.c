/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/scan_stats.h"

#include "base/map.h"
#include "cmd/cmd.h"
#include "codec/json.h"

#define SHOWN 15 /* log sources in the text */

void scan_tally_source(struct scan_tally *t, uint32_t lsset)
{
	while (t->by_source.n <= lsset)
		vec_push(&t->by_source, 0);
	t->by_source.at[lsset]++;
}

void scan_tally_add(struct scan_tally *to, const struct scan_tally *from)
{
	to->n.events += from->n.events;
	to->n.bad += from->n.bad;
	to->n.own_time += from->n.own_time;
	for (size_t i = 0; i < DECODE_FAULT_COUNT; i++)
		to->n.fault[i] += from->n.fault[i];
	for (size_t i = 0; i < FORMAT_COUNT; i++)
		to->n.format[i] += from->n.format[i];
	while (to->by_source.n < from->by_source.n)
		vec_push(&to->by_source, 0);
	for (size_t i = 0; i < from->by_source.n; i++)
		to->by_source.at[i] += from->by_source.at[i];
}

void scan_tally_done(struct scan_tally *t)
{
	vec_done(&t->by_source);
	*t = (struct scan_tally){0};
}

void scan_stats_file(struct scan_stats *s)
{
	size_t most = FORMAT_AUTO;
	for (size_t i = 0; i < FORMAT_COUNT; i++)
		most = s->file.n.format[i] > s->file.n.format[most] ? i : most;
	s->file_format[most]++;
	scan_tally_add(&s->all, &s->file);
	vec_clear(&s->file.by_source);
	s->file.n = (struct block_counts){0};
}

/* ---- by name ------------------------------------------------------------------------------------------------------------------------------- */

struct row {
	struct str name;
	uint64_t n;
};

static int by_count(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	return x->n != y->n ? (x->n > y->n ? -1 : 1) : str_cmp(x->name, y->name);
}

/* "windows/process_creation/sysmon": sets that begin with the same log source are one row; "unknown" when there is none. */
static size_t source_rows(const struct scan_stats *s, const struct vocab *v, struct arena *mem, struct row **ret)
{
	struct map index;
	size_t n = 0, m;
	struct row *rows = arena_array(mem, s->all.by_source.n + 1, sizeof(*rows));
	map_init(&index);
	for (uint32_t set = 0; set < s->all.by_source.n; set++) {
		bool fresh;
		if (!s->all.by_source.at[set])
			continue;
		const struct logsource *ls = vocab_lsset_get(v, set, &m);
		bool known = ls->product.n || ls->category.n || ls->service.n;
		struct str name = known ? arena_fmt(mem, "%.*s/%.*s/%.*s", STR_ARG(ls->product), STR_ARG(ls->category), STR_ARG(ls->service)) : STR("unknown");
		uint64_t *at = map_put(&index, name, &fresh);
		if (fresh) {
			*at = n;
			rows[n++] = (struct row){name, 0};
		}
		rows[*at].n += s->all.by_source.at[set];
	}
	map_done(&index);
	qsort(rows, n, sizeof(*rows), by_count);
	*ret = rows;
	return n;
}

static void add_member(struct buf *out, struct str name, uint64_t n)
{
	if (!n)
		return;
	json_add_key(out, name);
	buf_add_u64(out, n);
}

void scan_stats_json(const struct scan_stats *s, const struct vocab *v, struct buf *out)
{
	struct arena mem;
	struct row *rows;
	arena_init(&mem, 0);
	size_t n = source_rows(s, v, &mem, &rows);
	buf_add_cstr(out, ",\"sources\":{");
	for (size_t i = 0; i < n; i++)
		add_member(out, rows[i].name, rows[i].n);
	buf_add_cstr(out, "},\"formats\":{");
	for (size_t i = 0; i < FORMAT_COUNT; i++)
		add_member(out, str_c(event_format_name((enum event_format)i)), s->all.n.format[i]);
	buf_add_cstr(out, "},\"file_formats\":{");
	for (size_t i = 0; i < FORMAT_COUNT; i++)
		add_member(out, i == FORMAT_AUTO ? STR("empty") : str_c(event_format_name((enum event_format)i)), s->file_format[i]);
	buf_add_cstr(out, "},\"reasons\":{");
	for (size_t i = DECODE_OK + 1; i < DECODE_FAULT_COUNT; i++)
		add_member(out, str_c(decode_fault_name((enum decode_fault)i)), s->all.n.fault[i]);
	buf_add_cstr(out, "},\"own_time\":");
	buf_add_u64(out, s->all.n.own_time);
	arena_done(&mem);
}

static void add_formats(const uint64_t n[FORMAT_COUNT], const char *what, struct buf *out)
{
	bool any = false;
	for (size_t i = 0; i < FORMAT_COUNT; i++) {
		if (!n[i])
			continue;
		buf_addf(out, "%s%s %llu", any ? ", " : what, i == FORMAT_AUTO ? SAY("empty", "空") : event_format_name((enum event_format)i), (unsigned long long)n[i]);
		any = true;
	}
	if (any)
		buf_addc(out, '\n');
}

void scan_stats_text(const struct scan_stats *s, const struct vocab *v, struct buf *out)
{
	struct arena mem;
	struct row *rows;
	uint64_t rest = 0;
	arena_init(&mem, 0);
	size_t n = source_rows(s, v, &mem, &rows);
	add_formats(s->file_format, SAY("files by format:  ", "形式別ファイル数:   "), out);
	add_formats(s->all.n.format, SAY("events by format: ", "形式別イベント数:   "), out);
	for (size_t i = 0; i < n && i < SHOWN; i++)
		buf_addf(out, "%12llu  %.*s\n", (unsigned long long)rows[i].n, STR_ARG(rows[i].name));
	for (size_t i = SHOWN; i < n; i++)
		rest += rows[i].n;
	if (rest)
		buf_addf(out, SAY("%12llu  of %zu other log sources\n", "%12llu  その他のログソース %zu 種\n"), (unsigned long long)rest, n - SHOWN);
	for (size_t i = DECODE_OK + 1; i < DECODE_FAULT_COUNT; i++)
		if (s->all.n.fault[i])
			buf_addf(out, "%12llu  %s: %s\n", (unsigned long long)s->all.n.fault[i], decode_fault_name((enum decode_fault)i), decode_fault_help((enum decode_fault)i));
	buf_addf(out, SAY("%12llu  events with a time of their own, %llu with the time received\n", "%12llu  固有の時刻を持つイベント (受信時刻を使ったもの %llu 件)\n"),
		(unsigned long long)s->all.n.own_time, (unsigned long long)(s->all.n.events - s->all.n.own_time));
	arena_done(&mem);
}
