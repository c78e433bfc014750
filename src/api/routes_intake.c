/* SPDX-License-Identifier: Apache-2.0 */
#include "api/routes.h"
#include "base/num.h"
#include "codec/json.h"
#include "ledger/doc.h"

#include <errno.h>

/* Events in. */
#define REFUSED_MAX 1000 /* items named one by one */

struct intake {
	struct api_ctx *c;
	struct intake_batch *batch;
	struct str source, site;
	struct logsource ls;
	json_t *refused;
	uint64_t index, n_refused;
	tstamp now;
	struct arena scratch; /* of one item's check */
	char why[200];
};

static struct str lower(struct arena *mem, struct str s)
{
	char *p = s.n ? arena_alloc(mem, s.n) : NULL;
	for (size_t i = 0; p && i < s.n; i++)
		p[i] = (char)ch_lower((unsigned char)s.p[i]);
	return p ? str_n(p, s.n) : STR("");
}

static void refuse(struct intake *x, const char *reason, const char *counter)
{
	x->n_refused++;
	if (json_array_size(x->refused) < REFUSED_MAX)
		json_array_append_new(x->refused, json_pack("{s:I, s:s}", "index", (json_int_t)x->index, "reason", reason));
	house_count(x->c->api->house, x->source, COUNT_REFUSED, counter, 1, 0);
}

/* NULL when the item is one JSON object that the decoder will read; else what is wrong and where, until the next call. */
static const char *json_fault_of(struct intake *x, struct str item)
{
	struct str rest = item;
	struct json_leaf *leaf;
	struct json_fault fault = {0, "it ends too early"};
	size_t n;
	arena_reset(&x->scratch);
	int r = json_read_flat(&rest, &x->scratch, &leaf, &n, &fault);
	if (r == 0 && !str_trim(rest).n)
		return NULL;
	if (r == 0)
		fault = (struct json_fault){item.n - rest.n, "something follows the object"};
	snprintf(x->why, sizeof(x->why), "this is not JSON: %s (byte %zu)", fault.what, fault.offset + 1);
	return x->why;
}

/* One item, a whole JSON value. */
static void take_item(struct intake *x, struct str item)
{
	struct str raw;
	const char *why;
	house_count(x->c->api->house, x->source, COUNT_RECEIVED, NULL, 1, item.n);
	if (!item.n || item.p[0] != '{') {
		refuse(x, "an event is a JSON object", "not_an_object");
	} else if (item.n > RECORD_MAX) {
		refuse(x, "the event is larger than 4 MiB", "too_large");
	} else if ((why = json_fault_of(x, item)) != NULL) {
		refuse(x, why, "not_json");
	} else if (!(raw = arena_dup(&x->batch->mem, item)).p) {
		refuse(x, "the request is larger than the limit", "too_large");
	} else {
		vec_push(&x->batch->rec, ((struct record){.raw = raw, .source = x->source, .site = x->site, .host = STR(""), .context = STR(""), .ls = x->ls, .format = FORMAT_JSON, .received = x->now,
						 .ordinal = x->index + 1}));
		x->batch->bytes += item.n;
	}
	x->index++;
}

static void take_lines(struct intake *x, struct str body)
{
	struct str line;
	while (str_line(&body, &line))
		if (str_trim(line).n)
			take_item(x, str_trim(line));
}

/* "[a, b, …]": a broken element ends the array, those before it are in. */
static void take_array(struct intake *x, struct str body)
{
	struct str rest = str_trim(str_sub(body, 1, body.n));
	while (rest.n && rest.p[0] != ']') {
		struct str before = rest;
		if (json_skip_value(&rest) < 0) {
			take_item(x, before);
			return;
		}
		take_item(x, str_trim(str_n(before.p, before.n - rest.n)));
		rest = str_trim(rest);
		if (rest.n && rest.p[0] == ',')
			rest = str_trim(str_sub(rest, 1, rest.n));
	}
}

/* Hands the batch over and waits until it is durable; answers how many are in. */
static int finish_intake(struct intake *x)
{
	struct house *h = x->c->api->house;
	uint64_t accepted = x->batch->rec.n;
	int r = accepted ? house_intake(h, x->batch) : 0;
	if (r == -EAGAIN)
		vec_each(rec, &x->batch->rec) {
			house_count(h, rec->source, COUNT_REFUSED, "queue_full", 1, 0);
		}
	intake_batch_free(x->batch);
	arena_done(&x->scratch);
	if (r < 0)
		return json_decref(x->refused), r;
	return api_answer(x->c, 200, json_pack("{s:I, s:I, s:o}", "accepted", (json_int_t)accepted, "refused_count", (json_int_t)x->n_refused, "refused", x->refused));
}

static struct intake intake_begin(struct api_ctx *c, const char *deflt)
{
	struct house *h = c->api->house;
	struct str source = api_param(c, "source"), site = api_param(c, "site");
	/* A sender of one site cannot speak for another. */
	if (c->req->who && c->req->who->site[0])
		site = str_c(c->req->who->site);
	struct intake x = {.c = c, .batch = intake_batch_new(0), .refused = json_array(), .now = clock_now(house_clock(h))};
	arena_init(&x.scratch, 0);
	x.source = arena_dup(&x.batch->mem, source.n ? source : c->req->peer.n ? c->req->peer : str_c(deflt));
	x.site = arena_dup(&x.batch->mem, site.n ? site : config_text(house_config(h), CFG_SITE));
	return x;
}

int post_events(struct api_ctx *c)
{
	struct str body = str_trim(c->req->body);
	struct intake x = intake_begin(c, "api");
	x.ls = (struct logsource){lower(&x.batch->mem, api_param(c, "product")), lower(&x.batch->mem, api_param(c, "category")), lower(&x.batch->mem, api_param(c, "service"))};
	if (body.n && body.p[0] == '[')
		take_array(&x, body);
	else
		take_lines(&x, body);
	return finish_intake(&x);
}

/* ---- records as another hinomi read them ------------------------------------------------------------------------------------------------------------- */

static struct str kept(struct intake *x, const json_t *o, const char *key)
{
	struct str s = doc_str(o, key);
	return s.n ? arena_dup(&x->batch->mem, s) : STR("");
}

static struct str raw_of(struct intake *x, const json_t *o)
{
	struct str packed = doc_str(o, "raw_base64");
	if (!packed.n)
		return kept(x, o, "raw");
	struct buf b = BUF_INIT(RECORD_MAX);
	struct str raw = api_base64(packed, &b) ? arena_dup(&x->batch->mem, buf_str(&b)) : STR_NONE;
	buf_done(&b);
	return raw;
}

/* Counted at the source that the record names, where its storing is counted too. */
static void take_record(struct intake *x, struct str line)
{
	json_t *o = json_loadb(line.p, line.n, 0, NULL);
	enum event_format format = event_format_parse(doc_str(o, "format"));
	struct str raw = o ? raw_of(x, o) : STR_NONE, source = kept(x, o, "source"), outer = x->source;
	x->source = source.n ? source : outer;
	house_count(x->c->api->house, x->source, COUNT_RECEIVED, NULL, 1, line.n);
	if (!json_is_object(o)) {
		refuse(x, "this is not JSON", "not_json");
	} else if (format == FORMAT_COUNT) {
		refuse(x, "there is no such format", "bad_format");
	} else if (!raw.p || raw.n > RECORD_MAX) {
		refuse(x, "raw is missing, broken or too large", "bad_raw");
	} else {
		tstamp written = doc_time(o, "written");
		struct record r = {.raw = raw, .context = kept(x, o, "context"), .source = x->source, .site = x->site, .host = kept(x, o, "host"),
			.ls = {kept(x, o, "product"), kept(x, o, "category"), kept(x, o, "service")}, .format = (uint8_t)format, .received = x->now,
			/* Not from the future, whatever the sender's clock says. */
			.written = written != TS_NONE && written < x->now ? written : 0, .ordinal = (uint64_t)json_integer_value(json_object_get(o, "ordinal"))};
		vec_push(&x->batch->rec, r);
		x->batch->bytes += raw.n;
	}
	x->source = outer;
	json_decref(o);
	x->index++;
}

int post_import(struct api_ctx *c)
{
	struct str body = c->req->body, line;
	struct intake x = intake_begin(c, "import");
	while (str_line(&body, &line))
		if (str_trim(line).n)
			take_record(&x, str_trim(line));
	return finish_intake(&x);
}
