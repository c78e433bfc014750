/* SPDX-License-Identifier: Apache-2.0 */
#include "api/problem.h"
#include "api/routes.h"
#include "base/num.h"
#include "codec/json.h"
#include "ledger/doc.h"
#include "query/query.h"

#include <errno.h>

/* Events out, sources, rules. */
#define SEARCH_BUDGET_NS (20 * NS_PER_S)

int get_sources(struct api_ctx *c)
{
	return api_answer_slice(c, house_sources(c->api->house), "source");
}

/* ---- search ------------------------------------------------------------------------------------------------------------------------------------------- */

struct rows {
	struct arena mem;
	struct buf *out;
};

static int take_row(void *arg, const struct query_cell *cell, size_t n)
{
	struct rows *x = arg;
	arena_reset(&x->mem);
	if (x->out->p[x->out->n - 1] != '[')
		buf_addc(x->out, ',');
	query_add_json(cell, n, &x->mem, x->out);
	return x->out->err;
}

/* A parameter of the query string or a member of the body. */
static struct str wanted(struct api_ctx *c, const char *name)
{
	return c->body && doc_str(c->body, name).n ? doc_str(c->body, name) : api_param(c, name);
}

static int want_time(struct api_ctx *c, const char *name, tstamp *ret)
{
	struct str s = wanted(c, name);
	const struct clock *clock = house_clock(c->api->house);
	*ret = TS_NONE;
	if (!s.n || ts_parse_user(s, clock_now(clock), clock->offset_s, ret))
		return 0;
	int r = doc_refuse(&c->diag, name, "bad_parameter", -EINVAL, "%s is not a time: \"%.*s\"", name, STR_ARG(s));
	diag_hint(&c->diag, "write 2026-11-22T01:02:03Z, 2026-11-22 or -24h");
	return r;
}

static int search_options(struct api_ctx *c, struct query_opts *o)
{
	const json_t *limit = json_object_get(c->body, "limit");
	*o = (struct query_opts){.budget_ns = SEARCH_BUDGET_NS, .cursor = wanted(c, "cursor"), .limit = 100};
	int r = want_time(c, "from", &o->from);
	if (r == 0)
		r = want_time(c, "to", &o->to);
	if (r == 0 && json_is_integer(limit) && (json_integer_value(limit) < 1 || json_integer_value(limit) > 10000))
		return doc_refuse(&c->diag, "limit", "bad_parameter", -EINVAL, "limit must be a number from 1 to 10000");
	if (json_is_integer(limit))
		o->limit = (uint64_t)json_integer_value(limit);
	else if (r == 0)
		r = api_param_limit(c, 100, 10000, &o->limit);
	return r;
}

int get_search(struct api_ctx *c)
{
	struct house *h = c->api->house;
	const struct clock *clock = house_clock(h);
	struct rows x = {.out = &c->resp->body};
	struct query_opts o;
	struct query_result res = {0};
	struct query *q;
	int r = search_options(c, &o);
	diag_file(&c->diag, STR("q"));
	if (r == 0)
		r = query_parse(wanted(c, "q"), clock_now(clock), clock->offset_s, NULL, 0, &c->diag, &q);
	if (r < 0)
		return r;
	arena_init(&x.mem, 0);
	buf_add_cstr(x.out, "{\"items\":[");
	r = query_run(q, house_store(h), house_vocab(h), &o, take_row, &x, &res);
	arena_done(&x.mem);
	query_free(q);
	if (r < 0) {
		buf_reset(x.out);
		return r;
	}
	buf_add_cstr(x.out, "],\"next_cursor\":");
	if (res.next_cursor[0])
		json_add_string(x.out, str_c(res.next_cursor));
	else
		buf_add_cstr(x.out, "null");
	buf_addf(x.out, ",\"partial\":%s,\"rows_read\":%llu}", res.progress.partial ? "true" : "false", (unsigned long long)res.progress.rows);
	c->resp->status = 200;
	return x.out->err;
}

static int take_field(void *arg, struct str name, uint64_t rows)
{
	return json_array_append_new(arg, json_pack("{s:o, s:I}", "name", doc_string(name), "events", (json_int_t)rows));
}

int get_fields(struct api_ctx *c)
{
	tstamp from, to;
	json_t *items;
	int r = want_time(c, "from", &from);
	if (r == 0)
		r = want_time(c, "to", &to);
	if (r < 0)
		return r;
	items = json_array();
	r = store_fields(house_store(c->api->house), from, to, take_field, items);
	return r < 0 ? (json_decref(items), r) : api_answer_slice(c, items, "name");
}

int get_event(struct api_ctx *c)
{
	struct event ev;
	struct id id;
	json_t *o = json_object(), *ls;
	size_t n;
	if (!id_parse(c->param[0], &id) || store_get(house_store(c->api->house), id, &c->mem, &ev) < 0)
		return json_decref(o), -ENOENT;
	struct buf fields = BUF_INIT(64u << 20);
	event_add_json(&ev, &c->mem, &fields);
	const struct logsource *set = vocab_lsset_get(house_vocab(c->api->house), ev.lsset, &n);
	doc_set_str(o, "id", c->param[0]);
	doc_set_time(o, "time", ev.time);
	doc_set_time(o, "received", ev.received);
	doc_set_str(o, "site", ev.site);
	doc_set_str(o, "source", ev.source);
	doc_set_str(o, "host", ev.host);
	json_object_set_new(o, "logsources", ls = json_array());
	for (size_t i = 0; i < n; i++)
		json_array_append_new(ls, json_pack("{s:o, s:o, s:o}", "product", doc_string(set[i].product), "category", doc_string(set[i].category), "service", doc_string(set[i].service)));
	json_t *f = json_loadb(fields.p, fields.n, 0, NULL);
	json_object_set_new(o, "event", f ? f : json_object());
	doc_set_str(o, "raw", ev.raw);
	buf_done(&fields);
	return api_answer(c, 200, o);
}

/* ---- rules ---------------------------------------------------------------------------------------------------------------------------------------------- */

static json_t *rule_json(const struct sigma_rule *r)
{
	json_t *o = json_object(), *tags = json_array();
	for (size_t i = 0; i < r->n_tag; i++)
		json_array_append_new(tags, doc_string(r->tag[i]));
	doc_set_str(o, "id", r->id);
	doc_set_str(o, "title", r->title);
	if (r->title_ja.n)
		doc_set_str(o, "title_ja", r->title_ja);
	json_object_set_new(o, "level", json_string(level_name(r->level)));
	doc_set_str(o, "status", r->status);
	json_object_set_new(o, "kind", json_string(r->kind == SIGMA_CORRELATION ? "correlation" : "rule"));
	json_object_set_new(o, "logsource", json_pack("{s:o, s:o, s:o}", "product", doc_string(r->logsource.product), "category", doc_string(r->logsource.category), "service", doc_string(r->logsource.service)));
	json_object_set_new(o, "tags", tags);
	doc_set_str(o, "description", r->description);
	json_object_set_new(o, "explanation", json_pack("{s:o, s:o}", "ja", doc_string(r->explain_ja), "en", doc_string(r->explain_en)));
	doc_set_str(o, "path", r->file);
	return o;
}

int get_rule(struct api_ctx *c)
{
	struct sigma_image *img = house_image(c->api->house);
	size_t n = 0;
	json_t *found = NULL;
	const struct sigma_rule *rule = img ? sigma_image_rules(img, &n) : NULL;
	for (size_t i = 0; !found && i < n; i++)
		if (str_eq(rule[i].id, c->param[0]))
			found = rule_json(&rule[i]);
	if (img)
		sigma_image_unref(img);
	return found ? api_answer(c, 200, found) : -ENOENT;
}

int get_rules(struct api_ctx *c)
{
	struct sigma_image *img = house_image(c->api->house);
	struct str cursor = api_param(c, "cursor");
	uint64_t limit, from = 0;
	size_t n = 0;
	char next[32] = "";
	json_t *items = json_array();
	int r = api_param_limit(c, 1000, 10000, &limit);
	if (r == 0 && cursor.n && !num_u64(cursor, &from))
		r = doc_refuse(&c->diag, "cursor", "bad_parameter", -EINVAL, "this is no cursor of this list");
	const struct sigma_rule *rule = img ? sigma_image_rules(img, &n) : NULL;
	for (uint64_t i = from; r == 0 && i < n && i < from + limit; i++)
		json_array_append_new(items, rule_json(&rule[i]));
	if (from + limit < n)
		snprintf(next, sizeof(next), "%llu", (unsigned long long)(from + limit));
	if (img)
		sigma_image_unref(img);
	return r < 0 ? (json_decref(items), r) : api_answer_list(c, items, next);
}

int get_rule_findings(struct api_ctx *c)
{
	static const char *const LEVELS[] = {"hint", "warning", "error"};
	const struct diag *d = house_findings(c->api->house);
	json_t *items = json_array();
	for (size_t i = 0; i < d->items.n; i++) {
		const struct diag_item *it = &d->items.at[i];
		json_array_append_new(items, json_pack("{s:s, s:o, s:i, s:i, s:s, s:o, s:s*, s:o}", "level", LEVELS[it->level], "file", doc_string(it->file), "line", (int)it->line, "column", (int)it->column, "code",
						      it->code, "message", doc_string(it->message), "message_ja", finding_ja(it->code), "hint", doc_string(it->hint)));
	}
	return api_answer_list(c, items, NULL);
}
