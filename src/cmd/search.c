/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/client.h"
#include "cmd/datadir.h"

#include "base/num.h"
#include "query/query.h"

#include <errno.h>

/* search: the hunt language over a data directory. */

#define DATA {0, "data", OPT_TEXT, "DIR", "data directory (default: $HINOMI_DATA, else ./data)", "データディレクトリ (既定は $HINOMI_DATA、なければ ./data)"}

/* ---- search -------------------------------------------------------------------------------------------------------------------------------- */

static const struct opt SEARCH[] = {
	DATA,
	{0, "from", OPT_TEXT, "T", "only events from this time on", "この時刻以降のイベントだけ"},
	{0, "to", OPT_TEXT, "T", "only events before this time", "この時刻より前のイベントだけ"},
	{'n', "limit", OPT_TEXT, "N", "rows at most (default 1000, most 10000)", "最大件数 (既定 1000、上限 10000)"},
	{'o', "output", OPT_TEXT, "jsonl|table", "output (default: table on a terminal, else jsonl)", "出力形式 (既定: 端末では table、それ以外は jsonl)"},
};

struct printer {
	struct arena mem;
	bool table, closed;
};

/* Events as "time host line"; everything else as name=value. */
static void print_table(struct printer *p, const struct query_cell *cell, size_t n, struct buf *b)
{
	struct str time = STR(""), host = STR(""), raw = STR("");
	for (size_t i = 0; i < n; i++) {
		struct str text = val_text(cell[i].val, &p->mem);
		if (str_eq(cell[i].name, STR("_time")))
			time = text;
		if (str_eq(cell[i].name, STR("_host")))
			host = text;
		if (str_eq(cell[i].name, STR("_raw")))
			raw = text;
	}
	if (raw.n) {
		buf_addf(b, "%-30.*s %-16.*s %.*s\n", STR_ARG(time), STR_ARG(host), STR_ARG(raw));
		return;
	}
	for (size_t i = 0; i < n; i++)
		buf_addf(b, "%s%.*s=%.*s", i ? "  " : "", STR_ARG(cell[i].name), STR_ARG(val_text(cell[i].val, &p->mem)));
	buf_addc(b, '\n');
}

static int print_row(void *arg, const struct query_cell *cell, size_t n)
{
	struct printer *p = arg;
	struct buf b = BUF_INIT(64u << 20);
	arena_reset(&p->mem);
	if (p->table)
		print_table(p, cell, n, &b);
	else
		query_add_json(cell, n, &p->mem, &b);
	if (!p->table)
		buf_addc(&b, '\n');
	p->closed = !out_write(buf_str(&b));
	buf_done(&b);
	return p->closed;
}

static int read_time(struct datadir *x, const char *text, tstamp *ret)
{
	*ret = TS_NONE;
	if (!text || ts_parse_user(str_c(text), clock_now(&x->clock), 0, ret))
		return 0;
	return diag_error(&x->d, (struct diag_at){0}, "cmd.bad_time", "this is not a time: \"%s\"", text);
}

static int search_in(struct command *c, struct datadir *x, const char *text)
{
	struct query_opts o = {0};
	struct query_result res;
	struct query *q;
	struct printer p = {.table = command_text(c, "output") && strcmp(command_text(c, "output"), "table") == 0};
	int r = read_time(x, command_text(c, "from"), &o.from);
	if (r == 0)
		r = read_time(x, command_text(c, "to"), &o.to);
	if (r == 0 && command_text(c, "limit") && (!num_u64(str_c(command_text(c, "limit")), &o.limit) || !o.limit))
		r = diag_error(&x->d, (struct diag_at){0}, "cmd.bad_number", "the limit is a number from 1 to 10000");
	if (r == 0)
		r = query_parse(str_c(text), clock_now(&x->clock), 0, NULL, 0, &x->d, &q);
	if (r < 0)
		return r;
	arena_init(&p.mem, 0);
	r = query_run(q, x->store, x->vocab, &o, print_row, &p, &res);
	if (r == 0 && res.progress.partial)
		fputs(SAY("partial result: not all files could be read\n", "一部のファイルを読めなかったため、結果は不完全です\n"), stderr);
	arena_done(&p.mem);
	query_free(q);
	return r;
}

static int run_search(struct command *c)
{
	struct datadir x;
	int r = datadir_open(&x, data_dir(c), true);
	if (r == 0)
		r = search_in(c, &x, c->args.n ? c->args.at[0] : "");
	int status = r < 0 ? datadir_give_up(&x, r) : EXIT_DONE;
	datadir_close(&x);
	return status;
}

/* ---- verbs ----------------------------------------------------------------------------------------------------------------------------------- */

static int run(struct command *c, int argc, char **argv, int (*fn)(struct command *c))
{
	int r = command_parse(c, argc, argv);
	if (r == 0)
		r = fn(c);
	command_done(c);
	return r < 0 ? EXIT_DONE : r;
}

int cmd_search(int argc, char **argv)
{
	struct command c = {.verb = "search", .usage = "[OPTIONS] 'QUERY'", .opt = SEARCH, .n_opt = LEN(SEARCH), .help_en = "The hunt language over a data directory: filter | pipe | pipe …",
		.help_ja = "データディレクトリを検索します: フィルター | パイプ | パイプ …"};
	return run(&c, argc, argv, run_search);
}
