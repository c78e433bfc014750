/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/client.h"
#include "cmd/datadir.h"
#include "cmd/progress.h"

#include "base/utf8.h"
#include "codec/json.h"
#include "event/reader.h"

#include <errno.h>
#include <openssl/evp.h>
#include <unistd.h>

/*
 * import: files into the house, by whichever way is open. Without a server the records go into the write-ahead log of the data directory; with
 * one they go to it as NDJSON, record by record as the reader cut them, so that both ways store the same events.
 */
static const struct opt OPTS[] = {
	CLIENT_OPTS,
	{'f', "format", OPT_TEXT, "FORMAT", "input format instead of finding it by content", "入力形式 (省略時は内容から判定)"},
	{0, "site", OPT_TEXT, "SITE", "site that the events belong to (default: the configured one)", "イベントの拠点 (既定は設定の拠点)"},
	{0, "progress", OPT_TEXT, "auto|always|never", "progress on stderr (default: auto, only on a terminal)", "進捗表示 (既定 auto: 端末のときだけ)"},
};

#define BATCH 1024
#define BODY_GOOD (4u << 20) /* a request is sent at this size */
#define BODY_MAX (16u << 20)
#define TRIES 120
#define TRY_AGAIN_US 500000

struct import {
	struct command *c;
	struct datadir x;      /* without a server */
	struct client *client; /* with one */
	struct arena mem;      /* of the batch */
	struct record rec[BATCH];
	size_t n;
	struct buf body;       /* the batch as a request */
	uint64_t n_body;
	uint64_t imported, refused, bad, ordinal;
	struct clock clock;
	struct vocab *vocab;
	struct str site;
	struct progress progress;
	bool ordinals;
	unsigned failed; /* files */
	int err;         /* negative errno, or the exit status of a call */
};

/* ---- into the log ----------------------------------------------------------------------------------------------------------------------------------- */

static struct str keep(struct import *im, struct str s)
{
	return s.n ? arena_dup(&im->mem, s) : STR("");
}

static int flush_records(struct import *im)
{
	uint64_t first;
	int r = im->n ? wal_append(im->x.wal, im->rec, im->n, &first) : 0;
	if (r == 0)
		im->imported += im->n;
	im->n = 0;
	arena_reset(&im->mem);
	return r;
}

static int add_record(struct import *im, struct record *rec)
{
	rec->raw = keep(im, rec->raw);
	rec->source = keep(im, rec->source);
	rec->host = keep(im, rec->host);
	rec->context = keep(im, rec->context);
	rec->site = im->site;
	im->rec[im->n++] = *rec;
	return im->n == BATCH ? flush_records(im) : 0;
}

/* ---- to the server ---------------------------------------------------------------------------------------------------------------------------------- */

static void say_refused(const json_t *answer)
{
	size_t i;
	json_t *e;
	json_array_foreach(json_object_get(answer, "refused"), i, e)
	{
		const char *reason = json_string_value(json_object_get(e, "reason"));
		if (i == 0)
			fprintf(stderr, SAY("hinomi import: record %lld of a request was refused: %s\n", "hinomi import: 要求の %lld 番目のレコードが拒否されました: %s\n"),
				(long long)json_integer_value(json_object_get(e, "index")) + 1, reason ? reason : "?");
	}
}

/* A full house takes nothing of a request, so that it can be sent again as it is. */
static int flush_body(struct import *im)
{
	struct client_answer a = {.body = BUF_INIT(1)};
	struct buf path = BUF_INIT(4000);
	if (!im->n_body)
		return 0;
	buf_add_cstr(&path, "/api/v1/import");
	if (im->site.n)
		client_add_query(&path, STR("site"), im->site);
	for (unsigned i = 0; i < TRIES; i++) {
		client_answer_done(&a);
		client_call(im->client, API_POST, buf_cstr(&path), buf_str(&im->body), "application/x-ndjson", NULL, &a);
		if (a.status != 429)
			break;
		usleep(TRY_AGAIN_US);
	}
	int status = a.status == 200 ? 0 : client_complain(&a);
	if (status == 0) {
		json_t *o = json_loadb(a.body.p, a.body.n, 0, NULL);
		im->imported += (uint64_t)json_integer_value(json_object_get(o, "accepted"));
		im->refused += (uint64_t)json_integer_value(json_object_get(o, "refused_count"));
		say_refused(o);
		json_decref(o);
	}
	client_answer_done(&a);
	buf_done(&path);
	buf_reset(&im->body);
	im->n_body = 0;
	return status;
}

static void add_member(struct buf *b, const char *name, struct str value)
{
	if (!value.n)
		return;
	buf_addf(b, ",\"%s\":", name);
	json_add_string(b, value);
}

/* Text travels as text; what JSON cannot carry unchanged as base64. */
static void add_raw(struct buf *b, struct str raw)
{
	if (utf8_valid(raw) && str_chr(raw, 0) == STR_NPOS) {
		add_member(b, "raw", raw);
		return;
	}
	buf_add_cstr(b, ",\"raw_base64\":\"");
	char *p = buf_reserve(b, (raw.n + 2) / 3 * 4 + 1);
	if (p)
		buf_commit(b, (size_t)EVP_EncodeBlock((unsigned char *)p, (const unsigned char *)raw.p, (int)raw.n));
	buf_addc(b, '"');
}

static int send_record(struct import *im, const struct record *rec)
{
	struct buf *b = &im->body;
	char written[TS_TEXT_MAX];
	buf_addf(b, "{\"format\":\"%s\",\"ordinal\":%llu", event_format_name((enum event_format)rec->format), (unsigned long long)rec->ordinal);
	add_raw(b, rec->raw);
	add_member(b, "context", rec->context);
	add_member(b, "written", str_n(written, ts_format(written, rec->written)));
	add_member(b, "source", rec->source);
	add_member(b, "host", rec->host);
	add_member(b, "product", rec->ls.product);
	add_member(b, "category", rec->ls.category);
	add_member(b, "service", rec->ls.service);
	buf_add_cstr(b, "}\n");
	im->n_body++;
	if (b->err)
		return -E2BIG;
	return b->n >= BODY_GOOD ? flush_body(im) : 0;
}

/* ---- reading ------------------------------------------------------------------------------------------------------------------------------------------ */

static int on_event(void *arg, struct event *ev)
{
	struct import *im = arg;
	struct arena scratch;
	struct record rec;
	arena_init(&scratch, 0);
	event_to_record(ev, &scratch, &rec);
	rec.ordinal += im->ordinals ? im->ordinal : 0;
	/* The reader says when the file was written; received it is now. */
	rec.written = rec.received;
	rec.received = clock_now(&im->clock);
	im->err = im->client ? send_record(im, &rec) : add_record(im, &rec);
	arena_done(&scratch);
	return im->err;
}

static void finish_file(struct import *im, const struct reader_file *f)
{
	im->ordinal = 0;
	im->failed += f->failed;
	if (f->fault.n)
		fprintf(stderr, "%.*s: %s: %.*s\n", STR_ARG(f->path), f->failed ? SAY("could not be read", "読めませんでした") : SAY("damaged, the rest was read", "一部破損 (残りは読みました)"),
			STR_ARG(f->fault));
}

static void import_all(struct import *im, struct reader *r)
{
	struct decoder *dec = decoder_new(im->vocab, 0);
	struct arena scratch;
	struct block *b;
	struct block_counts n;
	arena_init(&scratch, 0);
	while (!im->err && reader_next(r, &b) > 0) {
		im->ordinals = block_ordinals(b);
		block_decode(b, dec, &scratch, on_event, im, &n);
		im->ordinal += n.events;
		im->bad += n.bad;
		progress_step(&im->progress, block_bytes(b), n.events);
		if (block_is_last(b))
			finish_file(im, block_file(b));
		block_free(b);
	}
	if (!im->err)
		im->err = im->client ? flush_body(im) : flush_records(im);
	arena_done(&scratch);
	decoder_free(dec);
}

static void read_paths(struct import *im, enum event_format format)
{
	struct reader_opts ro = {.format = format, .now = clock_now(&im->clock)};
	struct reader *reader;
	reader_open(&ro, &reader);
	vec_each(path, &im->c->args) {
		reader_add_path(reader, *path);
	}
	progress_start(&im->progress, command_text(im->c, "progress"), im->c->args.at, im->c->args.n);
	import_all(im, reader);
	progress_end(&im->progress);
	reader_free(reader);
}

static int into_directory(struct import *im, enum event_format format)
{
	struct config cfg;
	int r = datadir_open(&im->x, data_dir(im->c), false);
	if (r == 0)
		r = config_of(im->c, &cfg, &im->x.d);
	else
		config_init(&cfg);
	if (r == 0) {
		im->vocab = im->x.vocab;
		im->site = im->site.n ? im->site : config_text(&cfg, CFG_SITE);
		read_paths(im, format);
		/* The log first: nothing is said to be in before it is durable. */
		r = im->err ? im->err : wal_sync(im->x.wal);
	}
	if (r == 0)
		r = datadir_catch_up(&im->x);
	if (r == 0)
		r = datadir_seal(&im->x);
	int status = r < 0 ? datadir_give_up(&im->x, r) : EXIT_DONE;
	config_done(&cfg);
	datadir_close(&im->x);
	return status;
}

static int into_server(struct import *im, enum event_format format)
{
	int status = client_open(im->c, &im->client);
	if (status)
		return status;
	im->body = (struct buf)BUF_INIT(BODY_MAX);
	im->vocab = vocab_new();
	vocab_freeze(im->vocab);
	read_paths(im, format);
	if (im->err < 0)
		fprintf(stderr, "hinomi import: %s\n", strerror(-im->err));
	vocab_unref(im->vocab);
	buf_done(&im->body);
	client_close(im->client);
	return im->err < 0 ? EXIT_INTERNAL : im->err;
}

static int run_import(struct command *c)
{
	static struct import im;
	enum event_format format = FORMAT_AUTO;
	if (!c->args.n) {
		fprintf(stderr, "hinomi import: %s\n", SAY("name files or directories, or - for standard input", "ファイルかディレクトリ、標準入力なら - を指定してください"));
		return EXIT_USAGE;
	}
	if (command_text(c, "format") && (format = event_format_parse(str_c(command_text(c, "format")))) == FORMAT_COUNT) {
		fprintf(stderr, SAY("hinomi import: there is no format \"%s\"\n", "hinomi import: 形式 \"%s\" はありません\n"), command_text(c, "format"));
		return EXIT_USAGE;
	}
	im.c = c;
	im.site = str_c(command_text(c, "site") ? command_text(c, "site") : "");
	clock_init_real(&im.clock, 0);
	arena_init(&im.mem, 0);
	int status = client_has_server(c) ? into_server(&im, format) : into_directory(&im, format);
	arena_done(&im.mem);
	if (status == EXIT_DONE)
		fprintf(stderr, SAY("%llu events imported, %llu undecodable, %llu refused\n", "イベント %llu 件を取り込みました (解読不能 %llu 件、拒否 %llu 件)\n"), (unsigned long long)im.imported,
			(unsigned long long)im.bad, (unsigned long long)im.refused);
	return status == EXIT_DONE && (im.failed || im.refused) ? EXIT_UNREADABLE : status;
}

int cmd_import(int argc, char **argv)
{
	struct command c = {.verb = "import", .usage = "[OPTIONS] PATH…|-", .opt = OPTS, .n_opt = LEN(OPTS),
		.help_en = "Puts files into a data directory, or into the running server that holds it, with the same decoders as scan.",
		.help_ja = "ファイルをデータディレクトリ、または稼働中のサーバに取り込みます (scan と同じ解読器を使います)。"};
	return command_run(&c, argc, argv, run_import);
}
