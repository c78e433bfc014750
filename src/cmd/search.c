/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/client.h"
#include "cmd/datadir.h"
#include "cmd/show.h"

#include "base/map.h"
#include "base/num.h"
#include "query/query.h"

#include <errno.h>
#include <unistd.h>

/* search: the hunt language over a data directory (reading only, beside a running server too), or through a server that was named. */
static const struct opt OPTS[] = {
	CLIENT_OPTS,
	{0, "from", OPT_TEXT, "T", "only events from this time on", "この時刻以降のイベントだけ"},
	{0, "to", OPT_TEXT, "T", "only events before this time", "この時刻より前のイベントだけ"},
	{'n', "limit", OPT_TEXT, "N", "rows at most (default 1000, most 10000)", "最大件数 (既定 1000、上限 10000)"},
	{'o', "output", OPT_TEXT, "table|json|jsonl|csv", "output (default: table on a terminal, else jsonl)", "出力形式 (既定: 端末では table、それ以外は jsonl)"},
};

#define LIMIT_DEFAULT 1000

/* ---- rows out --------------------------------------------------------------------------------------------------------------------------------------- */

struct cell {
	struct str name, text;
};

/* Rows as they come; csv has to know every column first and keeps them. */
struct printer {
	enum { TABLE, JSON, JSONL, CSV } how;
	struct arena mem, kept;
	struct map column; /* name -> its place */
	VEC(struct str) columns;
	VEC(struct cell) cells; /* of all rows, each closed by a cell without a name */
	uint64_t rows;
	bool closed; /* nobody reads any more */
};

static void printer_init(struct printer *p, const char *output)
{
	static const char *const NAMES[] = {"table", "json", "jsonl", "csv"};
	*p = (struct printer){.how = isatty(STDOUT_FILENO) ? TABLE : JSONL};
	for (unsigned i = 0; output && i < LEN(NAMES); i++)
		if (strcmp(output, NAMES[i]) == 0)
			p->how = i;
	arena_init(&p->mem, 0);
	arena_init(&p->kept, 0);
	map_init(&p->column);
}

static void printer_done(struct printer *p)
{
	arena_done(&p->mem);
	arena_done(&p->kept);
	map_done(&p->column);
	vec_done(&p->columns);
	vec_done(&p->cells);
}

static void put(struct printer *p, struct buf *b)
{
	p->closed = p->closed || !out_write(buf_str(b));
	buf_done(b);
}

static struct str cell_of(const struct cell *cell, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(cell[i].name, name))
			return cell[i].text;
	return STR("");
}

/* Events as "time host line"; everything else as name=value. */
static void print_table(struct printer *p, const struct cell *cell, size_t n)
{
	struct buf b = BUF_INIT(64u << 20);
	struct str raw = cell_of(cell, n, STR("_raw"));
	if (raw.n)
		buf_addf(&b, "%-30.*s %-16.*s %.*s", STR_ARG(cell_of(cell, n, STR("_time"))), STR_ARG(cell_of(cell, n, STR("_host"))), STR_ARG(raw));
	for (size_t i = 0; !raw.n && i < n; i++)
		buf_addf(&b, "%s%.*s=%.*s", i ? "  " : "", STR_ARG(cell[i].name), STR_ARG(cell[i].text));
	buf_addc(&b, '\n');
	put(p, &b);
}

static void keep_row(struct printer *p, const struct cell *cell, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool fresh;
		uint64_t *at = map_put(&p->column, cell[i].name, &fresh);
		struct str name = fresh ? arena_dup(&p->kept, cell[i].name) : p->columns.at[*at];
		if (fresh) {
			*at = p->columns.n;
			vec_push(&p->columns, name);
		}
		vec_push(&p->cells, ((struct cell){name, cell[i].text.n ? arena_dup(&p->kept, cell[i].text) : STR("")}));
	}
	vec_push(&p->cells, ((struct cell){0}));
}

static void print_cells(struct printer *p, const struct cell *cell, size_t n)
{
	if (p->how == TABLE)
		print_table(p, cell, n);
	else
		keep_row(p, cell, n);
}

static void print_csv(struct printer *p)
{
	struct buf b = BUF_INIT(1u << 30);
	vec_each(name, &p->columns) {
		show_csv_cell(*name, &b);
		buf_addc(&b, name + 1 < p->columns.at + p->columns.n ? ',' : '\n');
	}
	for (size_t i = 0, from = 0; i < p->cells.n; i++) {
		if (p->cells.at[i].name.p)
			continue;
		for (size_t k = 0; k < p->columns.n; k++) {
			struct str text = cell_of(&p->cells.at[from], i - from, p->columns.at[k]);
			if (text.n)
				show_csv_cell(text, &b);
			buf_addc(&b, k + 1 < p->columns.n ? ',' : '\n');
		}
		from = i + 1;
	}
	put(p, &b);
}

/* ---- a data directory --------------------------------------------------------------------------------------------------------------------------------- */

static int print_row(void *arg, const struct query_cell *cell, size_t n)
{
	struct printer *p = arg;
	arena_reset(&p->mem);
	if (p->how == JSON || p->how == JSONL) {
		struct buf b = BUF_INIT(64u << 20);
		if (p->how == JSON)
			buf_add_cstr(&b, p->rows ? "," : "{\"items\":[");
		query_add_json(cell, n, &p->mem, &b);
		if (p->how == JSONL)
			buf_addc(&b, '\n');
		put(p, &b);
	} else {
		struct cell *row = arena_array(&p->mem, n + 1, sizeof(*row));
		for (size_t i = 0; i < n; i++)
			row[i] = (struct cell){cell[i].name, val_text(cell[i].val, &p->mem)};
		print_cells(p, row, n);
	}
	p->rows++;
	return p->closed;
}

static void print_end(struct printer *p, const struct query_result *res)
{
	struct buf b = BUF_INIT(10000);
	if (p->how == CSV) {
		print_csv(p);
	} else if (p->how == JSON) {
		buf_add_cstr(&b, p->rows ? "],\"next_cursor\":" : "{\"items\":[],\"next_cursor\":");
		if (res->next_cursor[0])
			buf_addf(&b, "\"%s\"", res->next_cursor);
		else
			buf_add_cstr(&b, "null");
		buf_addf(&b, ",\"partial\":%s}\n", res->progress.partial ? "true" : "false");
	}
	put(p, &b);
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
	struct query_result res = {0};
	struct query *q;
	struct printer p;
	int r = read_time(x, command_text(c, "from"), &o.from);
	if (r == 0)
		r = read_time(x, command_text(c, "to"), &o.to);
	if (r == 0 && command_text(c, "limit") && (!num_u64(str_c(command_text(c, "limit")), &o.limit) || !o.limit || o.limit > 10000))
		r = diag_error(&x->d, (struct diag_at){0}, "cmd.bad_number", "the limit is a number from 1 to 10000");
	if (r == 0)
		r = query_parse(str_c(text), clock_now(&x->clock), 0, NULL, 0, &x->d, &q);
	if (r < 0)
		return r;
	printer_init(&p, command_text(c, "output"));
	r = query_run(q, x->store, x->vocab, &o, print_row, &p, &res);
	if (r == 0)
		print_end(&p, &res);
	if (r == 0 && res.progress.partial)
		fputs(SAY("partial result: not all files could be read\n", "一部のファイルを読めなかったため、結果は不完全です\n"), stderr);
	printer_done(&p);
	query_free(q);
	return p.closed ? 0 : r;
}

static int search_directory(struct command *c, const char *text)
{
	struct datadir x;
	int r = datadir_open(&x, data_dir(c), true);
	if (r == 0)
		r = search_in(c, &x, text);
	int status = r < 0 ? datadir_give_up(&x, r) : EXIT_DONE;
	datadir_close(&x);
	return status;
}

/* ---- a server --------------------------------------------------------------------------------------------------------------------------------------------- */

static struct str text_of(struct arena *mem, const json_t *v)
{
	if (json_is_string(v))
		return str_n(json_string_value(v), json_string_length(v));
	char *text = json_is_null(v) ? NULL : json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
	struct str s = text ? arena_dup(mem, str_c(text)) : STR("");
	free(text);
	return s;
}

static void print_item(struct printer *p, const json_t *item)
{
	const char *name;
	json_t *v;
	size_t n = 0;
	arena_reset(&p->mem);
	struct cell *row = arena_array(&p->mem, json_object_size(item) + 1, sizeof(*row));
	json_object_foreach((json_t *)(uintptr_t)item, name, v)
	{
		row[n++] = (struct cell){str_c(name), text_of(&p->mem, v)};
	}
	print_cells(p, row, n);
}

static void print_answer(struct printer *p, struct str body)
{
	json_t *o = p->how == JSON ? NULL : json_loadb(body.p, body.n, JSON_ALLOW_NUL, NULL), *items = json_object_get(o, "items");
	if (!o) {
		/* As it came: json was asked for, or it holds numbers that no tree can. */
		struct buf b = BUF_INIT(1u << 30);
		buf_add(&b, body);
		buf_addc(&b, '\n');
		put(p, &b);
	}
	for (size_t i = 0; i < json_array_size(items) && !p->closed; i++) {
		if (p->how != JSONL) {
			print_item(p, json_array_get(items, i));
			continue;
		}
		struct buf b = BUF_INIT(64u << 20);
		char *text = json_dumps(json_array_get(items, i), JSON_COMPACT);
		buf_addf(&b, "%s\n", text ? text : "");
		free(text);
		put(p, &b);
	}
	if (o && p->how == CSV)
		print_csv(p);
	if (json_is_true(json_object_get(o, "partial")))
		fputs(SAY("partial result: the time was up\n", "時間切れのため、結果は不完全です\n"), stderr);
	json_decref(o);
}

static int search_server(struct command *c, const char *text)
{
	struct client *cl;
	struct client_answer a;
	struct printer p;
	uint64_t limit = LIMIT_DEFAULT;
	int status = 0;
	if (command_text(c, "limit") && !num_u64(str_c(command_text(c, "limit")), &limit)) {
		fprintf(stderr, "hinomi search: %s\n", SAY("the limit is a number from 1 to 10000", "limit は 1 から 10000 の数です"));
		return EXIT_USAGE;
	}
	json_t *ask = json_pack("{s:s, s:s*, s:s*, s:I}", "q", text, "from", command_text(c, "from"), "to", command_text(c, "to"), "limit", (json_int_t)limit);
	char *body = ask ? json_dumps(ask, JSON_COMPACT) : NULL;
	json_decref(ask);
	if (!body) {
		fprintf(stderr, "hinomi search: %s\n", SAY("the query is not UTF-8 text", "検索式が UTF-8 ではありません"));
		return EXIT_USAGE;
	}
	if ((status = client_open(c, &cl)) == 0) {
		client_call(cl, API_POST, "/api/v1/search", str_c(body), NULL, NULL, &a);
		printer_init(&p, command_text(c, "output"));
		if (a.status == 200)
			print_answer(&p, buf_str(&a.body));
		else
			status = client_complain(&a);
		printer_done(&p);
		client_answer_done(&a);
		client_close(cl);
	}
	free(body);
	return status;
}

static int run_search(struct command *c)
{
	const char *text = c->args.n ? c->args.at[0] : "";
	return client_is_remote(c) ? search_server(c, text) : search_directory(c, text);
}

int cmd_search(int argc, char **argv)
{
	struct command c = {.verb = "search", .usage = "[OPTIONS] 'QUERY'", .opt = OPTS, .n_opt = LEN(OPTS), .help_en = "The hunt language over a data directory or a server: filter | pipe | pipe …",
		.help_ja = "データディレクトリまたはサーバを検索します: フィルター | パイプ | パイプ …"};
	return command_run(&c, argc, argv, run_search);
}
