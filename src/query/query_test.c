/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "event/decode.h"
#include "query/query.h"

#include <errno.h>
#include <pthread.h>

struct stage {
	struct vocab *v;
	struct store *s;
};

/* The events come one a minute, all from the source "s" of the site tokyo. */
static void stage_fill(struct stage *x, const char *const *events, size_t n)
{
	char dir[4096];
	struct diag d;
	diag_init(&d);
	snprintf(dir, sizeof(dir), "%s/segments", test_tmpdir());
	x->v = vocab_new();
	vocab_freeze(x->v);
	CHECK_INT(store_open(&(struct store_opts){.dir = dir, .vocab = x->v}, &d, &x->s), 0);
	struct decoder *dec = decoder_new(x->v, 0);
	for (size_t i = 0; i < n; i++) {
		struct arena mem;
		struct event ev;
		arena_init(&mem, 0);
		struct record rec = {.raw = str_c(events[i]), .source = STR("s"), .site = STR("tokyo"), .format = FORMAT_JSON, .received = (tstamp)i * 60 * NS_PER_S};
		rec.id = id_make(rec.received, ID_EVENT, i);
		decode_record(dec, &rec, &mem, &ev, NULL);
		CHECK_INT(store_append(x->s, &ev, i), 0);
		arena_done(&mem);
	}
	decoder_free(dec);
	diag_done(&d);
}

static void stage_open(struct stage *x)
{
	static const char *const events[] = {
		"{\"n\":1,\"user\":\"Sato\",\"src\":\"192.0.2.7\",\"bytes\":90,\"msg\":\"Failed password for root\"}",
		"{\"n\":2,\"user\":\"sato\",\"src\":\"198.51.100.1\",\"bytes\":1000,\"msg\":\"Accepted password\"}",
		"{\"n\":3,\"user\":null,\"src\":\"192.0.2.8\",\"bytes\":10,\"msg\":\"\"}",
		"{\"n\":4,\"user\":\"tanaka\",\"path\":\"C:\\\\Windows\\\\cmd.exe\",\"bytes\":40}",
		"{\"n\":5,\"user\":\"\",\"src\":\"203.0.113.5\",\"msg\":\"FAILED login\"}",
	};
	stage_fill(x, events, LEN(events));
}

static void stage_close(struct stage *x)
{
	store_close(x->s);
	vocab_unref(x->v);
}

static int add_row(void *arg, const struct query_cell *cell, size_t n)
{
	struct arena mem;
	arena_init(&mem, 0);
	for (size_t i = 0; i < n; i++)
		if (str_eq(cell[i].name, STR("n")) || n <= 4)
			buf_addf(arg, "%.*s=%.*s ", STR_ARG(cell[i].name), STR_ARG(val_text(cell[i].val, &mem)));
	buf_addc(arg, ';');
	arena_done(&mem);
	return 0;
}

static void check(struct stage *x, const char *text, const char *want)
{
	struct query *q;
	struct query_result res;
	struct buf out = BUF_INIT(100000);
	struct diag d;
	diag_init(&d);
	if (query_parse(str_c(text), 300 * NS_PER_S, 0, NULL, 0, &d, &q) < 0) {
		diag_print(&d, &out);
	} else {
		CHECK_INT(query_run(q, x->s, x->v, &(struct query_opts){.from = TS_NONE, .to = TS_NONE}, add_row, &out, &res), 0);
		query_free(q);
	}
	if (!str_eq(buf_str(&out), str_c(want)))
		test_failed(__FILE__, __LINE__, "%s\n  is   %s\n  want %s", text, buf_cstr(&out), want);
	buf_done(&out);
	diag_done(&d);
}

TEST(filters)
{
	struct stage x;
	stage_open(&x);
	check(&x, "", "n=5 ;n=4 ;n=3 ;n=2 ;n=1 ;");
	check(&x, "failed", "n=5 ;n=1 ;");
	check(&x, "failed password", "n=1 ;");
	check(&x, "failed OR accepted", "n=5 ;n=2 ;n=1 ;");
	check(&x, "failed NOT user:sato", "n=5 ;");
	check(&x, "password -failed", "n=2 ;");
	check(&x, "user=sato", "n=2 ;n=1 ;");
	check(&x, "user:cs(\"sato\")", "n=2 ;");
	check(&x, "user:null", "n=3 ;");
	check(&x, "user=\"\"", "n=5 ;");
	check(&x, "NOT src:*", "n=4 ;");
	check(&x, "src:192.0.2.0/24", "n=3 ;n=1 ;");
	check(&x, "bytes:[40 TO 90]", "n=4 ;n=1 ;");
	check(&x, "bytes>90", "n=2 ;");
	check(&x, "bytes<=10 OR bytes>=1000", "n=3 ;n=2 ;");
	check(&x, "user!=sato bytes:*", "n=4 ;n=3 ;");
	check(&x, "path:/cmd\\.exe$/", "n=4 ;");
	check(&x, "path:*windows*", "n=4 ;");
	check(&x, "user:(tanaka OR sato) -bytes:90", "n=4 ;n=2 ;");
	check(&x, "(user:tanaka OR user:sato) bytes<100", "n=4 ;n=1 ;");
	check(&x, "\"password for\"", "n=1 ;");
	check(&x, "_time:-2m", "n=5 ;n=4 ;");
	check(&x, "_time:[1970-01-01T00:01:00Z TO 1970-01-01T00:02:00Z]", "n=3 ;n=2 ;");
	stage_close(&x);
}

TEST(pipes)
{
	struct stage x;
	stage_open(&x);
	check(&x, "* | head 2 | fields n", "n=5 ;n=4 ;");
	check(&x, "* | stats count", "count=5 ;");
	check(&x, "nothing_at_all | stats count", "count=0 ;");
	check(&x, "bytes:* | stats count, sum(bytes), max(bytes)", "count=4 sum(bytes)=1140 max(bytes)=1000 ;");
	check(&x, "user=sato | stats avg(bytes) as mean by msg | sort -mean", "msg=Accepted password mean=1000 ;msg=Failed password for root mean=90 ;");
	check(&x, "* | stats dc(user), p50(bytes)", "dc(user)=4 p50(bytes)=65 ;");
	check(&x, "user=sato OR user=tanaka | top 1 bytes", "bytes=1000 count=1 ;");
	check(&x, "bytes:* | sort bytes | head 2 | fields bytes", "bytes=10 ;bytes=40 ;");
	check(&x, "* | where bytes>50 | fields n", "n=2 ;n=1 ;");
	check(&x, "* | rename bytes as size | fields size | tail 1", "size=90 ;");
	check(&x, "* | dedup _source | fields n", "n=5 ;");
	stage_close(&x);
}

/* Received at 0, 60 and 120 s, but told of other times; the last has fields by names of the house's. */
static void stage_open_times(struct stage *x)
{
	static const char *const events[] = {
		"{\"n\":1,\"@timestamp\":\"2024-01-01T00:00:00.5Z\",\"Computer\":\"web1\"}",
		"{\"n\":2,\"@timestamp\":\"2024-01-01T00:00:00Z\"}",
		"{\"n\":3,\"@timestamp\":\"2023-12-31T00:00:00Z\",\"_source\":\"its own\",\"_raw\":1}",
	};
	stage_fill(x, events, LEN(events));
}

TEST(meta_fields_in_conditions)
{
	struct stage x;
	stage_open_times(&x);
	check(&x, "_received:-4m", "n=2 ;n=3 ;");
	check(&x, "_received>=-4m", "n=2 ;n=3 ;");
	check(&x, "_received<\"1970-01-01 00:01:00\"", "n=1 ;");
	check(&x, "_received=1970-01-01T00:01:00Z", "n=2 ;");
	check(&x, "_received:[-4m TO -4m]", "n=2 ;");
	check(&x, "_received:/01:00Z$/", "n=2 ;");
	check(&x, "_time>=2024-01-01 _received:*", "n=1 ;n=2 ;");
	check(&x, "_time>-4m", "n=1 ;n=2 ;n=3 ;");
	check(&x, "_host:*", "n=1 ;");
	check(&x, "NOT _host:*", "n=2 ;n=3 ;");
	check(&x, "_product:*", "");
	check(&x, "_source=s _site=tokyo", "n=1 ;n=2 ;n=3 ;");
	check(&x, "_source=\"its own\" OR _raw=1", "");
	check(&x, "_raw:*computer*", "n=1 ;");
	check(&x, "* | where _received:-4m", "n=2 ;n=3 ;");
	check(&x, "* | where _time<2024-01-01", "n=3 ;");
	check(&x, "* | where _host=web1", "n=1 ;");
	check(&x, "* | where _source=s _site=tokyo _raw:computer", "n=1 ;");
	check(&x, "* | fields n | where _time:*", "");
	check(&x, "* | rename _received as seen | fields n, seen | where seen>=1970-01-01T00:02:00.0Z", "n=3 seen=1970-01-01T00:02:00Z ;");
	stage_close(&x);
}

TEST(meta_fields_in_pipes)
{
	struct stage x;
	stage_open_times(&x);
	check(&x, "* | fields _received", "_received=1970-01-01T00:00:00Z ;_received=1970-01-01T00:01:00Z ;_received=1970-01-01T00:02:00Z ;");
	check(&x, "* | fields _source, _site, _host | head 1", "_source=s _site=tokyo _host=web1 ;");
	check(&x, "n=3 | fields _source, _raw",
	      "_source=s _raw={\"n\":3,\"@timestamp\":\"2023-12-31T00:00:00Z\",\"_source\":\"its own\",\"_raw\":1} ;");
	check(&x, "* | sort _time", "n=3 ;n=2 ;n=1 ;");
	check(&x, "* | sort -_received", "n=3 ;n=2 ;n=1 ;");
	check(&x, "_time>=2024-01-01 | stats count by _time | sort _time", "_time=2024-01-01T00:00:00Z count=1 ;_time=2024-01-01T00:00:00.5Z count=1 ;");
	check(&x, "* | stats first(_time), last(_time), count by _site", "_site=tokyo first(_time)=2023-12-31T00:00:00Z last(_time)=2024-01-01T00:00:00.5Z count=3 ;");
	stage_close(&x);
}

/* As the server's workers do. */
static void *sort_again_and_again(void *arg)
{
	for (int i = 0; i < 300; i++)
		check(arg, i % 2 ? "* | sort bytes | fields n" : "* | sort -n | fields n", i % 2 ? "n=5 ;n=3 ;n=4 ;n=1 ;n=2 ;" : "n=5 ;n=4 ;n=3 ;n=2 ;n=1 ;");
	return NULL;
}

TEST(sorts_at_once_keep_apart)
{
	struct stage x;
	pthread_t t[4];
	stage_open(&x);
	for (size_t i = 0; i < LEN(t); i++)
		CHECK_INT(pthread_create(&t[i], NULL, sort_again_and_again, &x), 0);
	for (size_t i = 0; i < LEN(t); i++)
		pthread_join(t[i], NULL);
	stage_close(&x);
}

TEST(errors_point_at_their_column)
{
	struct stage x;
	stage_open(&x);
	check(&x, "user:\"abc", "1:6: error: this quote is not closed: \"\"\" [query.unclosed]\n");
	check(&x, "(a OR b", "1:1: error: this parenthesis is not closed: \"(\" [query.unclosed]\n");
	check(&x, "* | stats cuont by user", "1:11: error: there is no such function: \"cuont\" [query.no_function]\n  hint: did you mean \"count\"?\n");
	check(&x, "* | heed 5", "1:5: error: there is no such pipe: \"heed\" [query.no_pipe]\n  hint: did you mean \"head\"?\n");
	check(&x, "* | eval a=b", "1:5: error: this pipe is not supported in this version: \"eval\" [query.not_supported]\n");
	check(&x, "a ) b", "1:3: error: the query cannot go on like this: \") b\" [query.syntax]\n");
	check(&x, "_time:yesterday", "1:7: error: this is not a time: \"yesterday\" [query.bad_time]\n");
	check(&x, "_time:\"4h a\" b", "1:7: error: this is not a time: \"\"4h a\"\" [query.bad_time]\n");
	stage_close(&x);
}

TEST_MAIN
