/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/scan.h"

#include "base/map.h"
#include "base/utf8.h"

#include <sys/ioctl.h>
#include <unistd.h>

/*
 * Detections for a person at a terminal: rules by level and number of detections, under each the hosts it fired on with counts and times. Fits the
 * terminal's width (80 when there is none), counting wide characters as two.
 */
#define CELLS_MAX 200000u /* rule and host pairs; hosts beyond are counted together */
#define HOSTS_SHOWN 10
#define WIDTH_DEFAULT 100
#define TIMES_WIDTH 43 /* "2026-03-02 00:00:00 … 2026-03-02 00:00:00", and two blanks */

struct cell {
	uint32_t rule;
	char *host;
	uint64_t count;
	tstamp first, last;
};

struct rule_sum {
	uint64_t count;
	size_t hosts;
};

struct scan_table {
	const struct sigma_rule *rule;
	size_t n_rule;
	struct map index;
	VEC(struct cell) cells;
	struct rule_sum *sum; /* by rule */
};

struct scan_table *scan_table_new(const struct sigma_image *img)
{
	struct scan_table *t = must_new(struct scan_table);
	t->rule = sigma_image_rules(img, &t->n_rule);
	t->sum = must_calloc(t->n_rule + 1, sizeof(*t->sum));
	map_init(&t->index);
	return t;
}

void scan_table_free(struct scan_table *t)
{
	if (!t)
		return;
	vec_each(c, &t->cells) {
		free(c->host);
	}
	vec_done(&t->cells);
	map_done(&t->index);
	free(t->sum);
	free(t);
}

void scan_table_add(struct scan_table *t, uint32_t rule, struct str host, tstamp time)
{
	struct buf key = BUF_INIT(65536);
	bool fresh = false;
	buf_addf(&key, "%u %.*s", rule, STR_ARG(host));
	uint64_t *at = map_get(&t->index, buf_str(&key));
	if (!at && t->cells.n >= CELLS_MAX) {
		host = STR("*");
		buf_reset(&key);
		buf_addf(&key, "%u *", rule);
	}
	if (!at)
		at = map_put(&t->index, buf_str(&key), &fresh);
	if (fresh) {
		*at = t->cells.n;
		vec_push(&t->cells, ((struct cell){rule, str_dup_c(host), 0, time, time}));
		t->sum[rule].hosts++;
	}
	struct cell *c = &t->cells.at[*at];
	c->count++;
	c->first = time < c->first ? time : c->first;
	c->last = time > c->last ? time : c->last;
	t->sum[rule].count++;
	buf_done(&key);
}

static const struct scan_table *sorting;

static int by_weight(const void *a, const void *b)
{
	const struct cell *x = a, *y = b;
	int level = (int)sorting->rule[y->rule].level - (int)sorting->rule[x->rule].level;
	uint64_t nx = sorting->sum[x->rule].count, ny = sorting->sum[y->rule].count;
	if (level)
		return level;
	if (x->rule != y->rule)
		return nx != ny ? (nx > ny ? -1 : 1) : x->rule < y->rule ? -1 : 1;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return strcmp(x->host, y->host);
}

/* What fits into so many columns, ending in … when it is cut. */
static void add_cut(struct buf *out, struct str s, size_t columns, bool pad)
{
	size_t have = utf8_columns(s);
	if (have > columns) {
		struct str rest = s;
		uint32_t cp;
		size_t fit = 0;
		for (size_t used = 0; rest.n && columns;) {
			struct str before = rest;
			utf8_next(&rest, &cp, NULL);
			used += utf8_columns(str_n(before.p, (size_t)(rest.p - before.p)));
			if (used > columns - 1)
				break;
			fit = (size_t)(rest.p - s.p);
		}
		s = str_sub(s, 0, fit);
		buf_add(out, s);
		buf_add_cstr(out, "…");
		have = utf8_columns(s) + 1;
	} else {
		buf_add(out, s);
	}
	for (; pad && have < columns; have++)
		buf_addc(out, ' ');
}

/* "2026-03-02 00:00:00", UTC */
static void add_when(struct buf *out, tstamp t)
{
	char text[TS_TEXT_MAX];
	ts_format(text, t / NS_PER_S * NS_PER_S);
	buf_addf(out, "%.10s %.8s", text, text + 11);
}

static size_t terminal_width(void)
{
	struct winsize w;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col)
		return w.ws_col < 60 ? 60 : w.ws_col;
	return WIDTH_DEFAULT;
}

static const char *const COLOURS[] = {"\033[90m", "\033[36m", "\033[33m", "\033[31m", "\033[1;31m"};
static const char *const LEVELS_JA[] = {"情報", "低", "中", "高", "重大"};

static void add_rule(const struct scan_table *t, const struct cell *c, size_t width, bool colour, struct buf *out)
{
	const struct sigma_rule *r = &t->rule[c->rule];
	const struct rule_sum *sum = &t->sum[c->rule];
	struct buf tail = BUF_INIT(1000), level = BUF_INIT(1000);
	buf_add_cstr(&level, lang_is_ja() ? LEVELS_JA[r->level] : LEVEL_NAMES[r->level]);
	for (size_t i = 0; i < r->n_tag; i++)
		if (str_starts(r->tag[i], STR("attack.t")))
			buf_addf(&tail, " T%.*s", (int)r->tag[i].n - 8, r->tag[i].p + 8);
	buf_addf(&tail, SAY("  %llu on %zu %s", "  %llu 件 / %zu ホスト%s"), (unsigned long long)sum->count, sum->hosts, lang_is_ja() ? "" : sum->hosts == 1 ? "host" : "hosts");
	size_t tail_width = utf8_columns(buf_str(&tail)), title_width = width > 14 + tail_width + 10 ? width - 14 - tail_width : 10;
	if (colour)
		buf_add_cstr(out, COLOURS[r->level]);
	add_cut(out, buf_str(&level), 13, true);
	if (colour)
		buf_add_cstr(out, "\033[0m\033[1m");
	buf_addc(out, ' ');
	add_cut(out, lang_is_ja() && r->title_ja.n ? r->title_ja : r->title, title_width, true);
	if (colour)
		buf_add_cstr(out, "\033[0m");
	buf_add(out, buf_str(&tail));
	buf_addc(out, '\n');
	buf_done(&tail);
	buf_done(&level);
}

static void add_host(const struct cell *c, size_t host_width, struct buf *out)
{
	buf_addf(out, "  %10llu  ", (unsigned long long)c->count);
	add_cut(out, *c->host ? str_c(c->host) : STR("-"), host_width, true);
	buf_add_cstr(out, "  ");
	add_when(out, c->first);
	if (c->last / NS_PER_S != c->first / NS_PER_S) {
		buf_add_cstr(out, " … ");
		add_when(out, c->last);
	}
	buf_addc(out, '\n');
}

void scan_table_print(struct scan_table *t, struct buf *out)
{
	uint32_t rule = UINT32_MAX;
	size_t width = terminal_width(), shown = 0, host_width = 4, host_room = width > 14 + TIMES_WIDTH + 8 ? width - 14 - TIMES_WIDTH : 8;
	bool colour = isatty(STDOUT_FILENO) == 1 && !getenv("NO_COLOR");
	vec_each(c, &t->cells) {
		size_t w = utf8_columns(str_c(c->host));
		host_width = w > host_width ? w : host_width;
	}
	host_width = host_width < host_room ? host_width : host_room;
	sorting = t;
	if (t->cells.n)
		qsort(t->cells.at, t->cells.n, sizeof(*t->cells.at), by_weight);
	vec_each(c, &t->cells) {
		if (c->rule != rule) {
			if (rule != UINT32_MAX)
				buf_addc(out, '\n');
			add_rule(t, c, width, colour, out);
			shown = 0;
		}
		rule = c->rule;
		if (shown++ < HOSTS_SHOWN)
			add_host(c, host_width, out);
		else if (shown == HOSTS_SHOWN + 1)
			buf_addf(out, SAY("  %10s  and %zu more hosts\n", "  %10s  ほか %zu ホスト\n"), "", t->sum[rule].hosts - HOSTS_SHOWN);
	}
	if (!t->cells.n)
		buf_add_cstr(out, SAY("nothing detected\n", "検知なし\n"));
}
