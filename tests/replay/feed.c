/* SPDX-License-Identifier: Apache-2.0 */
#include "steps.h"

#include "base/num.h"
#include "event/reader.h"
#include "ledger/doc.h"

#include <errno.h>
#include <stdlib.h>

/* Events in: by the intake as the syslog listener does it, by the API, by the readers of files. */
struct feeding {
	struct world *w;
	const struct node *n;
	struct str source, host, site;
	enum event_format format;
	struct logsource ls;
	struct intake_batch *batch;
	int err;
	uint64_t sent;
};

static struct str key_or(const struct node *n, const char *key, struct str deflt)
{
	const struct word *k = node_key(n, key);
	return k ? k->text : deflt;
}

static struct intake_batch *batch_of(struct feeding *f)
{
	if (!f->batch)
		f->batch = intake_batch_new(0);
	return f->batch;
}

static void add_record(struct feeding *f, const struct record *r)
{
	struct intake_batch *b = batch_of(f);
	struct record copy = *r;
	struct str *text[] = {&copy.raw, &copy.context, &copy.source, &copy.site, &copy.host, &copy.ls.product, &copy.ls.category, &copy.ls.service};
	for (size_t i = 0; i < LEN(text); i++)
		*text[i] = arena_dup(&b->mem, *text[i]);
	vec_push(&b->rec, copy);
	b->bytes += copy.raw.n;
}

/* Hands over what was gathered and waits for the answer. */
static void send_batch(struct feeding *f)
{
	struct world *w = f->w;
	struct intake_batch *b = f->batch;
	if (!b || f->err)
		return;
	uint64_t n = b->rec.n;
	vec_each(r, &b->rec) {
		house_count(w->house, r->source, COUNT_RECEIVED, NULL, 1, r->raw.n);
	}
	f->err = house_intake(w->house, b);
	if (f->err == -EAGAIN)
		house_count(w->house, b->rec.at[0].source, COUNT_REFUSED, "queue_full", n, 0);
	if (f->err)
		w->unanswered += n;
	else
		w->acknowledged += n;
	f->sent += f->err ? 0 : n;
	intake_batch_free(b);
	f->batch = NULL;
	world_turn(w);
}

/* {n} in the text is the number of the record within its line. */
static struct str numbered(struct world *w, struct str text, int64_t number)
{
	size_t at = str_find(text, STR("{n}"));
	if (at == STR_NPOS)
		return text;
	struct str tail = numbered(w, str_sub(text, at + 3, text.n), number);
	return arena_fmt(&w->mem, "%.*s%lld%.*s", (int)at, text.p, (long long)number, STR_ARG(tail));
}

/* A syslog line as its sender puts it on the wire; one that begins with "<" has its header already. */
static struct str on_the_wire(const struct feeding *f, struct str text)
{
	static const char MONTHS[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct civil c;
	if (f->format != FORMAT_SYSLOG || str_starts(text, STR("<")))
		return text;
	ts_to_civil(clock_now(&f->w->clock), f->w->clock.offset_s, &c);
	return arena_fmt(&f->w->mem, "<86>%.3s %2d %02d:%02d:%02d %.*s %.*s", MONTHS + (c.month - 1) * 3, c.day, c.hour, c.minute, c.second, STR_ARG(f->host), STR_ARG(text));
}

/* "x12 every 2s" → 12 and 2 s; "once" → 1 and 0. */
static void repetition(const struct node *line, int64_t *ret_times, int64_t *ret_every)
{
	*ret_times = 1;
	*ret_every = 0;
	struct str first = node_word(line, 0);
	if (str_take(&first, STR("x")))
		num_i64(first, ret_times);
	if (line->n_word == 3)
		num_duration(line->word[2].text, ret_every);
}

static void feed_lines(struct feeding *f)
{
	struct world *w = f->w;
	bool together = false;
	for (size_t i = 0; i < f->n->n_word; i++)
		together = together || str_eq(f->n->word[i].text, STR("together"));
	for (const struct node *line = f->n->kid; line && !f->err; line = line->next) {
		int64_t times, every;
		w->at = line;
		repetition(line, &times, &every);
		for (int64_t i = 1; i <= times && !f->err; i++) {
			struct record r = {.raw = on_the_wire(f, numbered(w, line->raw, i)), .source = f->source, .site = f->site, .host = f->host, .ls = f->ls, .format = (uint8_t)f->format,
				.received = clock_now(&w->clock), .ordinal = f->sent + 1};
			add_record(f, &r);
			if (together)
				continue;
			send_batch(f);
			if (every && !f->err)
				world_wait_until(w, clock_now(&w->clock) + every);
		}
	}
	send_batch(f);
	w->at = f->n;
}

/* ---- files ---------------------------------------------------------------------------------------------------------------------------------------- */

static int take_event(void *arg, struct event *ev)
{
	struct feeding *f = arg;
	struct record r;
	struct arena mem;
	arena_init(&mem, 0);
	event_to_record(ev, &mem, &r);
	r.site = f->site;
	r.received = clock_now(&f->w->clock);
	add_record(f, &r);
	arena_done(&mem);
	return 0;
}

static void feed_file(struct feeding *f, const char *path)
{
	struct reader_opts o = {.format = FORMAT_AUTO, .now = clock_now(&f->w->clock), .max_depth = 3};
	struct decoder *dec = decoder_new(house_vocab(f->w->house), f->w->clock.offset_s);
	struct reader *r;
	struct block *b;
	struct arena mem;
	arena_init(&mem, 0);
	if (reader_open(&o, &r) < 0)
		world_fail(f->w, "the reader does not open");
	reader_add_path(r, path);
	while (reader_next(r, &b) == 1) {
		struct block_counts n;
		block_decode(b, dec, &mem, take_event, f, &n);
		if (block_file(b)->failed)
			world_fail(f->w, "%s cannot be read: %.*s", path, STR_ARG(block_file(b)->fault));
		block_free(b);
	}
	reader_free(r);
	decoder_free(dec);
	arena_done(&mem);
	send_batch(f);
}

/* ---- the API ---------------------------------------------------------------------------------------------------------------------------------------- */

static uint64_t wal_position(struct world *w)
{
	struct buf b = BUF_INIT(1u << 20);
	struct str rest, line, number;
	uint64_t v = 0;
	house_metrics(w->house, &b);
	for (rest = buf_str(&b); str_line(&rest, &line);)
		if (str_take(&line, STR("hinomi_wal_position ")))
			number = line, num_u64(number, &v);
	buf_done(&b);
	return v;
}

static void feed_api(struct feeding *f)
{
	static const char *const KEYS[] = {"site", "product", "category", "service"};
	struct world *w = f->w;
	struct buf body = BUF_INIT(64u << 20), query = BUF_INIT(4000);
	struct api_response resp;
	json_t *doc;
	const struct word *as = node_key(f->n, "as");
	uint64_t lines = 0;
	size_t arrow = node_arrow(f->n);
	buf_addf(&query, "source=%.*s", STR_ARG(f->source));
	for (size_t i = 0; i < LEN(KEYS); i++)
		if (node_key(f->n, KEYS[i]))
			buf_addf(&query, "&%s=%.*s", KEYS[i], STR_ARG(node_key(f->n, KEYS[i])->text));
	for (const struct node *line = f->n->kid; line; line = line->next) {
		int64_t times, every;
		repetition(line, &times, &every);
		for (int64_t i = 1; i <= times; i++, lines++)
			buf_addf(&body, "%.*s\n", STR_ARG(numbered(w, line->raw, i)));
	}
	struct request q = {.method = API_POST, .path = "/events", .query = buf_str(&query), .content_type = STR("application/x-ndjson"), .body = buf_str(&body),
		.who = &world_person(w, as ? as->text : STR(""))->who};
	int status = world_call(w, &q, &doc, &resp);
	bool refused = str_eq(node_word(f->n, arrow + 1), STR("refused"));
	if (refused && !doc_is(doc, "code", world_cstr(w, node_word(f->n, arrow + 2))))
		world_fail(w, "the events should have been refused with %.*s, the answer is %d: %s", STR_ARG(node_word(f->n, arrow + 2)), status, buf_cstr(&resp.body));
	if (!refused && status != 200 && !w->dying)
		world_fail(w, "the events were refused with %d: %s", status, buf_cstr(&resp.body));
	if (status == 200)
		w->acknowledged += (uint64_t)doc_int(doc, "accepted");
	else if (doc_is(doc, "code", "disk_full") || doc_is(doc, "code", "internal"))
		w->unanswered += lines;
	if (!refused && status == 200)
		members_check(w, doc, f->n, arrow, NULL);
	json_decref(doc);
	api_response_done(&resp);
	buf_done(&body);
	buf_done(&query);
	world_turn(w);
}

/* ---- the step ------------------------------------------------------------------------------------------------------------------------------------------ */

static void check_outcome(struct feeding *f)
{
	struct world *w = f->w;
	size_t arrow = node_arrow(f->n);
	bool refused = str_eq(node_word(f->n, arrow + 1), STR("refused"));
	if (refused && !f->err)
		world_fail(w, "the events should have been refused, they were accepted");
	if (!refused && f->err && !w->dying)
		world_fail(w, "the events were refused: %s", strerror(-f->err));
	if (refused && arrow + 2 < f->n->n_word && str_eq(node_word(f->n, arrow + 2), STR("disk_full")) != (f->err == -ENOSPC))
		world_fail(w, "the events were refused, but with: %s", strerror(-f->err));
}

void step_feed(struct world *w, const struct node *n)
{
	struct feeding f = {.w = w, .n = n};
	struct str what = node_word(n, 1);
	bool file = str_eq(what, STR("file"));
	f.source = node_word(n, 3);
	f.site = key_or(n, "site", config_text(&w->config, CFG_SITE));
	f.host = key_or(n, "host", file ? STR("") : f.source);
	f.ls = (struct logsource){key_or(n, "product", STR("")), key_or(n, "category", STR("")), key_or(n, "service", STR(""))};
	f.format = event_format_parse(what);
	w->acted_at = clock_now(&w->clock);
	if (str_eq(what, STR("api"))) {
		feed_api(&f);
		return;
	}
	if (file)
		feed_file(&f, world_path(w, node_word(n, 2)));
	else
		feed_lines(&f);
	w->acted_at = f.err ? w->acted_at : clock_now(&w->clock);
	check_outcome(&f);
	intake_batch_free(f.batch);
}

void crash_check(struct world *w)
{
	uint64_t have = wal_position(w);
	if (have < w->acknowledged)
		world_fail(w, "%llu records were acknowledged, %llu are there after the crash", (unsigned long long)w->acknowledged, (unsigned long long)have);
	if (have > w->acknowledged + w->unanswered)
		world_fail(w, "%llu records were sent, %llu are there after the crash", (unsigned long long)(w->acknowledged + w->unanswered), (unsigned long long)have);
	w->acknowledged = have;
	w->unanswered = 0;
	json_t *doc = world_get(w, "/search", "q=%2A%20%7C%20stats%20count");
	int64_t rows = doc_int(json_array_get(json_object_get(doc, "items"), 0), "count");
	json_decref(doc);
	if ((uint64_t)rows != have)
		world_fail(w, "the log holds %llu records, a search finds %lld events", (unsigned long long)have, (long long)rows);
}
