/* SPDX-License-Identifier: Apache-2.0 */
#include "api/routes.h"
#include "base/num.h"
#include "ledger/doc.h"

#include <errno.h>
#include <stdlib.h>

/* Alerts, hand-offs, notices, the rule book, figures. */
#define QUEUE_DEFAULT 100
#define QUEUE_MAX 1000

/* ---- the queue ------------------------------------------------------------------------------------------------------------------------------------ */

struct queue_page {
	json_t *items;
	struct str q;
	uint64_t limit;
	bool more;
};

/* Does any text that a person sees in the queue hold the words? */
static bool mentions(const json_t *alert, struct str q)
{
	static const char *const TEXTS[] = {"title", "title_ja", "rule_id", "assignee", "id"};
	if (!q.n)
		return true;
	for (size_t i = 0; i < LEN(TEXTS); i++)
		if (str_ifind(doc_str(alert, TEXTS[i]), q) != STR_NPOS)
			return true;
	const json_t *list = json_object_get(alert, "entities");
	for (size_t i = 0; i < json_array_size(list); i++)
		if (str_ifind(doc_str(json_array_get(list, i), "value"), q) != STR_NPOS)
			return true;
	return false;
}

static int take_alert(void *arg, json_t *doc)
{
	struct queue_page *p = arg;
	if (!mentions(doc, p->q))
		return 0;
	if (json_array_size(p->items) == p->limit) {
		p->more = true;
		return 1;
	}
	return json_array_append(p->items, doc);
}

/* "score:id" of the last one shown. */
static bool read_cursor(struct str cursor, int64_t *score, struct str *id)
{
	struct str rest = cursor, number;
	return str_cut(&rest, ':', &number) && num_i64(number, score) && rest.n == ID_TEXT && (*id = rest, true);
}

/* A condition under way to desk_list, with its parameters. */
struct where {
	struct buf sql;
	struct desk_param param[8];
	size_t n;
};

static size_t where_text(struct where *w, struct str v)
{
	must(w->n < LEN(w->param));
	w->param[w->n] = (struct desk_param){.s = v};
	return ++w->n;
}

static size_t where_int(struct where *w, int64_t v)
{
	must(w->n < LEN(w->param));
	w->param[w->n] = (struct desk_param){.is_int = true, .i = v};
	return ++w->n;
}

static int where_filters(struct api_ctx *c, struct where *w)
{
	static const char *const FILTERS[] = {"status", "priority", "assignee", "rule_id"};
	struct str entity = api_param(c, "entity"), kind;
	buf_add_cstr(&w->sql, "1=1");
	for (size_t i = 0; i < LEN(FILTERS); i++) {
		struct str v = api_param(c, FILTERS[i]);
		if (i == 0 && str_eq(v, STR("open")))
			buf_add_cstr(&w->sql, " AND status <> 'closed'");
		else if (v.n)
			buf_addf(&w->sql, " AND %s = $%zu", FILTERS[i], where_text(w, v));
	}
	if (!entity.n)
		return 0;
	if (!str_cut(&entity, ':', &kind) || !entity.n)
		return doc_refuse(&c->diag, "entity", "bad_parameter", -EINVAL, "entity is kind:value, like host:web01");
	size_t k = where_text(w, kind), v = where_text(w, entity);
	/* Drills are indexed under kinds of their own, so that they never weigh on a real alert's score; a person sees both. */
	buf_addf(&w->sql, " AND id IN (SELECT alert_id FROM alert_entity WHERE kind IN ($%zu, 'drill:' || $%zu) AND value = $%zu)", k, k, v);
	return 0;
}

/* The order, and where in it the cursor stands: by score ("score:id"), or with sort=newest by id alone. */
static int where_order(struct api_ctx *c, struct where *w, bool newest)
{
	struct str cursor = api_param(c, "cursor"), id = cursor;
	int64_t score;
	if (cursor.n && !newest && !read_cursor(cursor, &score, &id))
		return doc_refuse(&c->diag, "cursor", "bad_parameter", -EINVAL, "this is no cursor of this list");
	if (cursor.n && newest) {
		buf_addf(&w->sql, " AND id < $%zu", where_text(w, id));
	} else if (cursor.n) {
		size_t s = where_int(w, score), i = where_text(w, id);
		buf_addf(&w->sql, " AND (score < $%zu OR (score = $%zu AND id < $%zu))", s, s, i);
	}
	buf_add_cstr(&w->sql, newest ? " ORDER BY id DESC" : " ORDER BY score DESC, id DESC");
	return 0;
}

int get_alerts(struct api_ctx *c)
{
	struct queue_page p = {.items = json_array(), .q = api_param(c, "q")};
	struct where w = {.sql = BUF_INIT(4000)};
	struct str sort = api_param(c, "sort");
	bool newest = str_eq(sort, STR("newest"));
	char next[64] = "";
	int r = api_param_limit(c, QUEUE_DEFAULT, QUEUE_MAX, &p.limit);
	if (r == 0 && sort.n && !newest && !str_eq(sort, STR("score")))
		r = doc_refuse(&c->diag, "sort", "bad_parameter", -EINVAL, "sort is score or newest");
	if (r == 0)
		r = where_filters(c, &w);
	if (r == 0)
		r = where_order(c, &w, newest);
	if (r == 0)
		r = desk_list(c->desk, NOUN_ALERT, buf_cstr(&w.sql), w.param, w.n, take_alert, &p);
	buf_done(&w.sql);
	if (r < 0)
		return json_decref(p.items), r;
	if (p.more) {
		const json_t *last = json_array_get(p.items, p.limit - 1);
		struct str id = doc_str(last, "id");
		if (newest)
			snprintf(next, sizeof(next), "%.*s", STR_ARG(id));
		else
			snprintf(next, sizeof(next), "%lld:%.*s", (long long)doc_int(last, "score"), STR_ARG(id));
	}
	return api_answer_list(c, p.items, next);
}

int get_alert(struct api_ctx *c)
{
	return api_answer_noun(c, NOUN_ALERT, c->param[0]);
}

static int change_alert(struct desk *k, struct api_ctx *c, json_t **ret)
{
	uint64_t version;
	int r = api_version(c, &version);
	return r < 0 ? r : alert_change(k, &c->actor, c->param[0], version, c->body, &c->diag, ret);
}

int patch_alert(struct api_ctx *c)
{
	return api_change(c, 200, change_alert);
}

int get_alert_events(struct api_ctx *c)
{
	uint64_t limit, from = 0;
	json_t *alert, *items;
	char next[32] = "";
	struct str cursor = api_param(c, "cursor");
	int r = api_param_limit(c, 100, 1000, &limit);
	if (r == 0 && cursor.n && !num_u64(cursor, &from))
		r = doc_refuse(&c->diag, "cursor", "bad_parameter", -EINVAL, "this is no cursor of this list");
	if (r == 0 && (r = desk_get(c->desk, NOUN_ALERT, c->param[0], &alert)) == 0)
		json_decref(alert);
	if (r == 0)
		r = alert_events(c->desk, c->param[0], from, limit, &items);
	if (r < 0)
		return r;
	if (json_array_size(items) == limit)
		snprintf(next, sizeof(next), "%llu", (unsigned long long)(from + limit));
	return api_answer_list(c, items, next);
}

int entry_append(void *arg, const struct ledger_entry *e)
{
	json_t *o = doc_of_entry(e), *before = json_loadb(e->before.p, e->before.n, JSON_DECODE_ANY, NULL), *after = json_loadb(e->after.p, e->after.n, JSON_DECODE_ANY, NULL);
	json_object_set_new(o, "before", before ? before : json_null());
	json_object_set_new(o, "after", after ? after : json_null());
	return json_array_append_new(arg, o);
}

static int history(struct api_ctx *c, enum noun noun)
{
	json_t *doc, *items;
	int r = desk_get(c->desk, noun, c->param[0], &doc);
	if (r < 0)
		return r;
	json_decref(doc);
	items = json_array();
	r = ledger_of(desk_db(c->desk), str_c(noun_name(noun)), c->param[0], entry_append, items);
	if (r < 0)
		return json_decref(items), r;
	return api_answer_slice(c, items, "seq");
}

int get_alert_history(struct api_ctx *c)
{
	return history(c, NOUN_ALERT);
}

int get_incident_history(struct api_ctx *c)
{
	return history(c, NOUN_INCIDENT);
}

/* ---- hand-offs --------------------------------------------------------------------------------------------------------------------------------------- */

/* A list narrowed by one column when the query names it. */
static int list_by(struct api_ctx *c, enum noun noun, const char *column)
{
	struct str v = api_param(c, column);
	char where[100];
	struct desk_param p = {.s = v};
	snprintf(where, sizeof(where), "%s = $1", column);
	return api_answer_nouns(c, noun, v.n ? where : "", &p, v.n ? 1 : 0);
}

int get_handoffs(struct api_ctx *c)
{
	return list_by(c, NOUN_HANDOFF, "status");
}

int get_handoff(struct api_ctx *c)
{
	return api_answer_noun(c, NOUN_HANDOFF, c->param[0]);
}

static int send(struct desk *k, struct api_ctx *c, json_t **ret)
{
	return handoff_send(k, &c->actor, house_handoff_rules(c->api->house), c->body, &c->diag, ret);
}

int post_handoff(struct api_ctx *c)
{
	return api_change(c, 201, send);
}

static int accept(struct desk *k, struct api_ctx *c, json_t **ret)
{
	return handoff_accept(k, &c->actor, c->param[0], doc_str(c->body, "incident_id"), &c->diag, ret);
}

int post_handoff_accept(struct api_ctx *c)
{
	return api_change(c, 200, accept);
}

static int send_back(struct desk *k, struct api_ctx *c, json_t **ret)
{
	return handoff_return(k, &c->actor, house_handoff_rules(c->api->house), c->param[0], doc_str(c->body, "reason"), &c->diag, ret);
}

int post_handoff_return(struct api_ctx *c)
{
	return api_change(c, 200, send_back);
}

static int resend(struct desk *k, struct api_ctx *c, json_t **ret)
{
	return handoff_resend(k, &c->actor, house_handoff_rules(c->api->house), c->param[0], c->body, &c->diag, ret);
}

int post_handoff_resend(struct api_ctx *c)
{
	return api_change(c, 200, resend);
}

/* ---- people called, the book, figures ------------------------------------------------------------------------------------------------------------------ */

int get_notices(struct api_ctx *c)
{
	return list_by(c, NOUN_NOTICE, api_param(c, "who").n ? "who" : "state");
}

static json_t *step_json(const struct rulebook_step *s)
{
	json_t *by = json_array(), *o = json_object();
	for (size_t i = 0; i < s->n_by; i++)
		json_array_append_new(by, doc_string(s->by[i]));
	doc_set_str(o, "who", s->who);
	json_object_set_new(o, "by", by);
	doc_set_int(o, "ack_within_s", s->ack_within / NS_PER_S);
	return o;
}

static json_t *row_json(const struct rulebook_row *row)
{
	json_t *o = json_object(), *when = json_object(), *call = json_array(), *name = json_object();
	for (size_t i = 0; i < row->n_when; i++) {
		json_t *values = json_array();
		for (size_t v = 0; v < row->when[i].n; v++)
			json_array_append_new(values, doc_string(row->when[i].value[v]));
		json_object_setn_new(when, row->when[i].key.p, row->when[i].key.n, values);
	}
	for (size_t i = 0; i < row->n_step; i++)
		json_array_append_new(call, step_json(&row->step[i]));
	doc_set_str(name, "ja", row->name_ja);
	doc_set_str(name, "en", row->name_en);
	json_object_set_new(o, "name", name);
	json_object_set_new(o, "when", when);
	json_object_set_new(o, "call", call);
	doc_set_int(o, "hand_off_within_s", row->hand_off_within / NS_PER_S);
	return o;
}

int get_rulebook(struct api_ctx *c)
{
	const struct rulebook *b = house_rulebook(c->api->house);
	json_t *o = json_object(), *rows = json_array();
	for (size_t i = 0; b && i < b->n_row; i++)
		json_array_append_new(rows, row_json(&b->row[i]));
	doc_set_str(o, "book", b ? b->name : STR(""));
	doc_set_int(o, "version", b ? b->version : 0);
	doc_set_str(o, "effective", b ? b->effective : STR(""));
	json_object_set_new(o, "rows", rows);
	return api_answer(c, 200, o);
}

int get_rulebook_print(struct api_ctx *c)
{
	const struct rulebook *b = house_rulebook(c->api->house);
	if (!b)
		return -ENOENT;
	rulebook_print(b, !str_eq(api_param(c, "lang"), STR("en")), &c->resp->body);
	c->resp->status = 200;
	c->resp->content_type = "text/markdown; charset=utf-8";
	return 0;
}

int get_soc_metrics(struct api_ctx *c)
{
	tstamp from, to;
	json_t *o;
	int r = api_param_time(c, "from", &from);
	if (r == 0)
		r = api_param_time(c, "to", &to);
	if (r == 0)
		r = soc_metrics(c->desk, from, to, &o);
	return r < 0 ? r : api_answer(c, 200, o);
}
