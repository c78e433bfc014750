/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/client.h"
#include "cmd/datadir.h"

#include "base/num.h"
#include "event/reader.h"
#include "query/query.h"

#include <errno.h>

/* The verbs that work on a data directory: import, search, verify. */

#define DATA {0, "data", OPT_TEXT, "DIR", "data directory (default: $HINOMI_DATA, else ./data)", "データディレクトリ (既定は $HINOMI_DATA、なければ ./data)"}

/* Findings, and the exit status that fits the error. */
static int give_up(const struct datadir *x, int err)
{
	say_findings(&x->d);
	if (!x->d.errors)
		fprintf(stderr, "hinomi: %s\n", strerror(-err));
	return err == -EBUSY || err == -ENOENT || err == -EINVAL ? EXIT_USAGE : err == -EBADMSG ? EXIT_FOUND : EXIT_INTERNAL;
}

/* ---- import -------------------------------------------------------------------------------------------------------------------------------- */

static const struct opt IMPORT[] = {
	DATA,
	{'f', "format", OPT_TEXT, "FORMAT", "input format instead of finding it by content", "入力形式 (省略時は内容から判定)"},
	{0, "site", OPT_TEXT, "SITE", "site that the events belong to", "イベントの拠点"},
};

#define BATCH 1024

struct import {
	struct datadir x;
	struct arena mem;      /* of the batch */
	struct record rec[BATCH];
	size_t n;
	uint64_t imported, bad, ordinal;
	struct str site;
	bool ordinals;
	int err;
};

static struct str keep(struct import *im, struct str s)
{
	return s.n ? arena_dup(&im->mem, s) : STR("");
}

static int flush(struct import *im)
{
	uint64_t first;
	int r = im->n ? wal_append(im->x.wal, im->rec, im->n, &first) : 0;
	if (r == 0)
		im->imported += im->n;
	im->n = 0;
	arena_reset(&im->mem);
	return r;
}

static int on_event(void *arg, struct event *ev)
{
	struct import *im = arg;
	struct arena scratch;
	struct record rec;
	arena_init(&scratch, 0);
	event_to_record(ev, &scratch, &rec);
	rec.raw = keep(im, rec.raw);
	rec.source = keep(im, rec.source);
	rec.host = keep(im, rec.host);
	rec.site = im->site;
	rec.received = clock_now(&im->x.clock);
	rec.ordinal += im->ordinals ? im->ordinal : 0;
	arena_done(&scratch);
	im->rec[im->n++] = rec;
	return im->n == BATCH ? im->err = flush(im) : 0;
}

static void import_all(struct import *im, struct reader *r)
{
	struct decoder *dec = decoder_new(im->x.vocab, 0);
	struct arena scratch;
	struct block *b;
	uint64_t events, bad;
	arena_init(&scratch, 0);
	while (!im->err && reader_next(r, &b) > 0) {
		im->ordinals = block_ordinals(b);
		block_decode(b, dec, &scratch, on_event, im, &events, &bad);
		im->ordinal += events;
		im->bad += bad;
		if (block_is_last(b)) {
			const struct reader_file *f = block_file(b);
			im->ordinal = 0;
			if (f->fault.n)
				fprintf(stderr, "%.*s: %.*s\n", STR_ARG(f->path), STR_ARG(f->fault));
		}
		block_free(b);
	}
	if (!im->err)
		im->err = flush(im);
	arena_done(&scratch);
	decoder_free(dec);
}

static int run_import(struct command *c)
{
	static struct import im;
	struct reader *reader;
	struct reader_opts ro = {.format = FORMAT_AUTO};
	if (!c->args.n) {
		fputs("hinomi import: name files or directories, or - for standard input\n", stderr);
		return EXIT_USAGE;
	}
	if (command_text(c, "format") && (ro.format = event_format_parse(str_c(command_text(c, "format")))) == FORMAT_COUNT) {
		fprintf(stderr, "hinomi import: there is no format \"%s\"\n", command_text(c, "format"));
		return EXIT_USAGE;
	}
	int r = datadir_open(&im.x, data_dir(c), false);
	if (r == 0) {
		im.site = command_text(c, "site") ? str_c(command_text(c, "site")) : STR("main");
		ro.now = clock_now(&im.x.clock);
		arena_init(&im.mem, 0);
		reader_open(&ro, &reader);
		vec_each(path, &c->args) {
			reader_add_path(reader, *path);
		}
		import_all(&im, reader);
		reader_free(reader);
		arena_done(&im.mem);
		/* The log first: nothing is said to be in before it is durable. */
		r = im.err ? im.err : wal_sync(im.x.wal);
		if (r == 0)
			r = datadir_catch_up(&im.x);
		if (r == 0)
			r = datadir_seal(&im.x);
	}
	int status = r < 0 ? give_up(&im.x, r) : EXIT_DONE;
	if (r == 0)
		fprintf(stderr, SAY("%llu events imported, %llu undecodable\n", "イベント %llu 件を取り込みました (解読不能 %llu 件)\n"), (unsigned long long)im.imported,
			(unsigned long long)im.bad);
	datadir_close(&im.x);
	return status;
}

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
	int status = r < 0 ? give_up(&x, r) : EXIT_DONE;
	datadir_close(&x);
	return status;
}

/* ---- verify -------------------------------------------------------------------------------------------------------------------------------- */

static const struct opt VERIFY[] = {DATA};

struct sealed {
	struct datadir *x;
	struct diag *d;
	bool found, same;
	const struct store_file *file;
};

static int is_leaf_of(void *arg, const struct ledger_entry *e)
{
	struct sealed *s = arg;
	struct buf sha = BUF_INIT(100);
	json_t *o = json_loadb(e->after.p, e->after.n, JSON_DECODE_ANY, NULL);
	const char *have = json_string_value(json_object_get(o, "sha256"));
	buf_add_hex(&sha, s->file->sha256, 32);
	s->found = true;
	s->same = have && str_eq(str_c(have), buf_str(&sha)); /* the newest entry counts */
	json_decref(o);
	buf_done(&sha);
	return 0;
}

static int check_leaf(void *arg, const struct store_file *f)
{
	struct sealed *s = arg;
	s->found = s->same = false;
	s->file = f;
	ledger_of(desk_db(s->x->desk), STR("segment"), f->name, is_leaf_of, s);
	diag_file(s->d, f->name);
	if (!s->found)
		diag_error(s->d, (struct diag_at){0}, "verify.no_leaf", "the sealed file has no entry in the ledger");
	else if (!s->same)
		diag_error(s->d, (struct diag_at){0}, "verify.other_leaf", "the sealed file is not the one in the ledger (its SHA-256 differs)");
	return 0;
}

static int run_verify(struct command *c)
{
	struct datadir x = {.lock = -1, .read_only = true};
	char path[4096];
	const char *dir = c->args.n ? c->args.at[0] : data_dir(c);
	diag_init(&x.d);
	clock_init_real(&x.clock, 0);
	snprintf(x.dir, sizeof(x.dir), "%s", dir);
	struct sealed s = {.x = &x, .d = &x.d};
	if (datadir_path(path, sizeof(path), &x, "hinomi.db") == 0 && desk_open(dir, &x.clock, true, &x.d, &x.desk) == 0 && db_verify_pages(desk_db(x.desk), path, &x.d) == 0) {
		ledger_verify(dir, desk_db(x.desk), &x.d);
		diag_file(&x.d, str_c(path));
		desk_verify(x.desk, &x.d);
	}
	if (datadir_path(path, sizeof(path), &x, "wal") == 0)
		wal_verify(path, &x.d);
	if (datadir_path(path, sizeof(path), &x, "segments") == 0)
		store_verify(path, &x.d, x.desk ? check_leaf : NULL, &s);
	say_findings(&x.d);
	printf(SAY("not covered: %s/ledger/key (it proves nothing)\n", "対象外: %s/ledger/key (証明には使われません)\n"), dir);
	printf(x.d.errors ? SAY("%zu faults found\n", "異常が %zu 件見つかりました\n") : SAY("verified: %zu faults\n", "検証しました: 異常 %zu 件\n"), x.d.errors);
	int status = x.d.errors ? EXIT_FOUND : EXIT_DONE;
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

int cmd_import(int argc, char **argv)
{
	struct command c = {.verb = "import", .usage = "[OPTIONS] PATH…|-", .opt = IMPORT, .n_opt = LEN(IMPORT), .help_en = "Puts files into a data directory, with the same decoders as scan.",
		.help_ja = "ファイルをデータディレクトリに取り込みます (scan と同じ解読器を使います)。"};
	return run(&c, argc, argv, run_import);
}

int cmd_search(int argc, char **argv)
{
	struct command c = {.verb = "search", .usage = "[OPTIONS] 'QUERY'", .opt = SEARCH, .n_opt = LEN(SEARCH), .help_en = "The hunt language over a data directory: filter | pipe | pipe …",
		.help_ja = "データディレクトリを検索します: フィルター | パイプ | パイプ …"};
	return run(&c, argc, argv, run_search);
}

int cmd_verify(int argc, char **argv)
{
	struct command c = {.verb = "verify", .usage = "[DIR]", .opt = VERIFY, .n_opt = LEN(VERIFY), .help_en = "Proves a data directory offline with its public key: names each fault; exit 1 on any.",
		.help_ja = "公開鍵だけでデータディレクトリを検証し、異常があれば場所を示します (終了コード 1)。"};
	return run(&c, argc, argv, run_verify);
}
