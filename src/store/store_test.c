/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "event/decode.h"
#include "store/store.h"
#include "sys/file.h"

#include <errno.h>

static char dir[4096];

struct stage {
	struct vocab *v;
	struct decoder *dec;
	struct store *s;
	struct diag d;
};

static void stage_open(struct stage *x)
{
	snprintf(dir, sizeof(dir), "%s/segments", test_tmpdir());
	diag_init(&x->d);
	x->v = vocab_new();
	vocab_freeze(x->v);
	x->dec = decoder_new(x->v, 0);
	CHECK_INT(store_open(&(struct store_opts){.dir = dir, .vocab = x->v}, &x->d, &x->s), 0);
}

static void stage_close(struct stage *x)
{
	store_close(x->s);
	decoder_free(x->dec);
	vocab_unref(x->v);
	diag_done(&x->d);
}

static void append(struct stage *x, uint64_t position, int second, const char *json)
{
	struct arena mem;
	struct event ev;
	arena_init(&mem, 0);
	struct record rec = {.raw = str_c(json), .source = STR("s"), .host = STR("h"), .site = STR("tokyo"), .format = FORMAT_JSON, .received = second * NS_PER_S};
	rec.id = id_make(rec.received, ID_EVENT, position);
	decode_record(x->dec, &rec, &mem, &ev, NULL);
	CHECK_INT(store_append(x->s, &ev, position), 0);
	arena_done(&mem);
}

static int note(void *arg, const struct event *row)
{
	struct arena mem;
	arena_init(&mem, 0);
	const struct field *f = event_field_name(row, STR("n"));
	buf_addf(arg, "%.*s ", STR_ARG(f ? val_text(f->val, &mem) : STR("?")));
	arena_done(&mem);
	return 0;
}

static void check(struct stage *x, struct store_query q, const char *want)
{
	struct buf out = BUF_INIT(100000);
	if (!q.to)
		q.from = q.to = TS_NONE;
	CHECK_INT(store_search(x->s, &q, note, &out, NULL), 0);
	CHECK_STR(buf_str(&out), want);
	buf_done(&out);
}

static void fill(struct stage *x)
{
	append(x, 0, 30, "{\"n\":0,\"user\":\"Sato\",\"ip\":\"192.0.2.7\",\"bytes\":90}");
	append(x, 1, 10, "{\"n\":1,\"user\":null,\"ip\":\"198.51.100.1\",\"bytes\":1000}");
	append(x, 2, 20, "{\"n\":2,\"user\":\"\",\"path\":\"C:\\\\Windows\\\\cmd.exe\"}");
	append(x, 3, 40, "{\"n\":3,\"user\":\"tanaka\",\"tag\":[\"red\",\"blue\"]}");
}

#define LEAF(o, f, t) (&(struct pred){.op = (o), .field = STR(f), .text = STR(t)})

static void check_all(struct stage *x)
{
	check(x, (struct store_query){.limit = 10}, "3 0 2 1 ");
	check(x, (struct store_query){.limit = 2}, "3 0 ");
	check(x, (struct store_query){.limit = 2, .oldest_first = true}, "1 2 ");
	check(x, (struct store_query){.limit = 10, .from = 15 * NS_PER_S, .to = 40 * NS_PER_S}, "0 2 ");
	check(x, (struct store_query){.limit = 10, .after = id_make(30 * NS_PER_S, ID_EVENT, 0), .after_time = 30 * NS_PER_S}, "2 1 ");
	check(x, (struct store_query){.limit = 10, .where = LEAF(PRED_EQ, "user", "SATO")}, "0 ");
	check(x, (struct store_query){.limit = 10, .where = LEAF(PRED_NULL, "user", "")}, "1 ");
	check(x, (struct store_query){.limit = 10, .where = LEAF(PRED_EQ, "user", "")}, "2 ");
	check(x, (struct store_query){.limit = 10, .where = LEAF(PRED_PRESENT, "path", "")}, "2 ");
	check(x, (struct store_query){.limit = 10, .where = LEAF(PRED_CIDR, "ip", "192.0.2.0/24")}, "0 ");
	check(x, (struct store_query){.limit = 10, .where = LEAF(PRED_GT, "bytes", "95")}, "1 ");
	check(x, (struct store_query){.limit = 10, .where = LEAF(PRED_WORD, "path", "windows")}, "2 ");
	check(x, (struct store_query){.limit = 10, .where = LEAF(PRED_WORD, "path", "window")}, "");
	check(x, (struct store_query){.limit = 10, .where = LEAF(PRED_GLOB, "path", "*.exe")}, "2 ");
	check(x, (struct store_query){.limit = 10, .where = LEAF(PRED_REGEX, "path", "CMD\\.exe$")}, "2 ");
	check(x, (struct store_query){.limit = 10, .where = LEAF(PRED_EQ, "tag", "blue")}, "3 ");
	check(x, (struct store_query){.limit = 10, .where = LEAF(PRED_WORD, "", "tanaka")}, "3 ");
	check(x, (struct store_query){.limit = 10, .where = LEAF(PRED_EQ, "_site", "tokyo")}, "3 0 2 1 ");
	check(x, (struct store_query){.limit = 10, .where = LEAF(PRED_GE, "_time", "1970-01-01T00:00:30Z")}, "3 0 ");
}

TEST(hot_and_sealed_rows_answer_alike)
{
	struct stage x;
	stage_open(&x);
	fill(&x);
	check_all(&x);
	CHECK_INT(store_seal(x.s, 0, true, NULL, NULL), 1);
	CHECK_INT(store_sealed(x.s), 4);
	check_all(&x);
	stage_close(&x);
	stage_open(&x);
	check_all(&x);
	fill(&x); /* a replay after a crash: positions that are in are passed over */
	check_all(&x);
	append(&x, 4, 25, "{\"n\":4}");
	check(&x, (struct store_query){.limit = 10}, "3 0 4 2 1 ");
	struct arena mem;
	struct event ev;
	arena_init(&mem, 0);
	CHECK_INT(store_get(x.s, id_make(20 * NS_PER_S, ID_EVENT, 2), &mem, &ev), 0);
	CHECK_STR(ev.raw, "{\"n\":2,\"user\":\"\",\"path\":\"C:\\\\Windows\\\\cmd.exe\"}");
	CHECK_INT(store_get(x.s, id_make(0, ID_EVENT, 99), &mem, &ev), -ENOENT);
	arena_done(&mem);
	stage_close(&x);
}

static int refuse(void *arg, const struct store_file *f)
{
	(void)arg, (void)f;
	return -ENOSPC;
}

TEST(a_seal_that_fails_changes_nothing)
{
	struct stage x;
	stage_open(&x);
	fill(&x);
	CHECK_INT(store_seal(x.s, 0, true, refuse, NULL), -ENOSPC);
	check_all(&x);
	for (int nth = 1; nth < 12; nth++) {
		file_fault_set(nth, ENOSPC, false);
		int r = store_seal(x.s, 0, true, NULL, NULL);
		file_fault_set(0, 0, false);
		check_all(&x);
		if (r > 0)
			break;
		CHECK(nth < 11);
	}
	CHECK_INT(store_verify(dir, &x.d, NULL, NULL), 0);
	stage_close(&x);
}

TEST(holds_win_over_retention)
{
	struct stage x;
	stage_open(&x);
	for (int i = 0; i < 3; i++) {
		append(&x, (uint64_t)i, 10 * i, "{\"n\":1}");
		CHECK_INT(store_seal(x.s, 0, true, NULL, NULL), 1);
	}
	struct store_hold hold = {5 * NS_PER_S, 15 * NS_PER_S};
	store_set_holds(x.s, &hold, 1);
	CHECK_INT(store_drop_before(x.s, 100 * NS_PER_S, NULL, NULL), 1);
	store_set_holds(x.s, NULL, 0);
	CHECK_INT(store_drop_before(x.s, 100 * NS_PER_S, NULL, NULL), 1);
	CHECK_INT(store_verify(dir, &x.d, NULL, NULL), 0);
	stage_close(&x);
}

struct flip {
	size_t n, unnoticed;
};

static int flip_file(void *arg, const char *path, int err)
{
	struct flip *f = arg;
	struct buf whole = BUF_INIT(64u << 20);
	CHECK_INT(err, 0);
	CHECK_INT(file_read(path, &whole), 0);
	for (size_t i = 0; i < whole.n; i++) {
		struct diag d;
		struct buf out = BUF_INIT(100000);
		diag_init(&d);
		whole.p[i] ^= 0x21;
		CHECK_INT(file_replace(path, buf_str(&whole), 0600), 0);
		store_verify(dir, &d, NULL, NULL);
		diag_print(&d, &out);
		if (!d.errors || str_find(buf_str(&out), str_c(path)) == STR_NPOS) {
			printf("# %s: byte %zu\n# %s\n", path, i, buf_cstr(&out));
			f->unnoticed++;
		}
		f->n++;
		whole.p[i] ^= 0x21;
		buf_done(&out);
		diag_done(&d);
	}
	CHECK_INT(file_replace(path, buf_str(&whole), 0600), 0);
	buf_done(&whole);
	return 0;
}

TEST(every_flipped_byte_is_named)
{
	struct stage x;
	struct flip f = {0};
	stage_open(&x);
	fill(&x);
	CHECK_INT(store_seal(x.s, 0, true, NULL, NULL), 1);
	stage_close(&x);
	CHECK_INT(file_walk(dir, flip_file, &f), 0);
	CHECK_INT(f.unnoticed, 0);
	CHECK(f.n > 500);
}

TEST_MAIN
