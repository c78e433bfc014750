/* SPDX-License-Identifier: Apache-2.0 */
#include "soc/parts.h"

#include "base/map.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdlib.h>

#define KEY_MAX 8192

/*
 * Alerts that this batch touched: changed in memory, written once at its end. What an alert says must not depend on where a batch ends, so everything
 * that looks at other alerts (the score, and the calls that follow from it) happens at fixed moments of the alert's own life: when it is made and
 * whenever a detection names somebody new.
 */
struct touched {
	json_t *doc;
	uint64_t events;
	size_t indexed; /* entities that are in the index */
	char digest[65];
	bool fresh; /* made by this batch */
	bool changed, judged;
};

struct folding {
	struct desk *k;
	const struct soc *soc;
	struct map by_key;
	VEC(struct touched) alert;
};

static void add_part(struct buf *key, const char *name, struct str value)
{
	if (value.n)
		buf_addf(key, " %s=%.*s", name, STR_ARG(value));
}

static struct str user_of(const struct detection *det)
{
	static const char *const USER[] = {"User", "user", "TargetUserName", "UserName", "cs-username"};
	for (size_t i = 0; det->n_event && i < LEN(USER); i++) {
		struct str v = doc_str(det->event[0].fields, USER[i]);
		if (v.n && !str_eq(v, STR("-")))
			return v;
	}
	return STR("");
}

static void fold_key(const struct detection *det, struct buf *ret)
{
	struct buf raw = BUF_INIT(KEY_MAX), *key = &raw;
	buf_addf(key, "rule=%.*s", STR_ARG(det->rule->id.n ? det->rule->id : det->rule->title));
	if (det->site.n)
		add_part(key, "site", det->site);
	for (size_t i = 0; i < det->n_group; i++) {
		char name[200];
		snprintf(name, sizeof(name), "%.*s", STR_ARG(det->group_field[i]));
		add_part(key, name, det->group_value[i]);
	}
	if (!det->n_group) {
		add_part(key, "host", det->host);
		add_part(key, "user", user_of(det));
	}
	/* As the document keeps it, so that the next detection finds it. */
	utf8_add_clean(ret, buf_str(key));
	buf_done(&raw);
}

static int take_first(void *arg, json_t *doc)
{
	json_t **ret = arg;
	*ret = json_deep_copy(doc);
	return 1;
}

static bool may_join(const struct folding *f, const json_t *alert, const struct detection *det)
{
	int64_t fold = f->soc->book ? f->soc->book->fold_ns : 24 * 3600 * NS_PER_S;
	return det->time - doc_time(alert, "last_seen") <= fold && doc_time(alert, "first_seen") - det->time <= fold;
}

/* The newest open alert of the key when this detection may still join it, or NULL. */
static int find_open(struct folding *f, struct str key, const struct detection *det, json_t **ret)
{
	json_t *doc = NULL;
	struct desk_param p = {.s = key};
	int r = desk_list(f->k, NOUN_ALERT, "fold_key = $1 AND status <> 'closed' ORDER BY id DESC LIMIT 1", &p, 1, take_first, &doc);
	*ret = NULL;
	if (r < 0 || !doc)
		return r < 0 ? r : 0;
	if (may_join(f, doc, det))
		*ret = doc;
	else
		json_decref(doc);
	return 0;
}

static json_t *new_alert(const struct folding *f, struct str key, const struct detection *det)
{
	const struct sigma_rule *rule = det->rule;
	json_t *o = json_object(), *tags = json_array();
	doc_set_str(o, "site", det->site);
	doc_set_str(o, "title", rule->title);
	if (rule->title_ja.n)
		doc_set_str(o, "title_ja", rule->title_ja);
	doc_set_str(o, "rule_id", rule->id);
	doc_set_str(o, "rule_status", rule->status);
	json_object_set_new(o, "level", json_string(level_name(rule->level)));
	json_object_set_new(o, "status", json_string("new"));
	json_object_set_new(o, "verdict", json_null());
	json_object_set_new(o, "reason", json_null());
	json_object_set_new(o, "assignee", json_null());
	doc_set_str(o, "fold_key", key);
	doc_set_int(o, "count", 0);
	doc_set_int(o, "events", 0);
	for (size_t i = 0; i < rule->n_tag; i++)
		json_array_append_new(tags, doc_string(rule->tag[i]));
	json_object_set_new(o, "tags", tags);
	json_object_set_new(o, "entities", json_array());
	json_object_set_new(o, "tactics", json_array());
	tactics_add(json_object_get(o, "tactics"), rule);
	json_object_set_new(o, "logsource", json_pack("{s:o, s:o, s:o}", "product", doc_string(det->ls.product), "category", doc_string(det->ls.category), "service", doc_string(det->ls.service)));
	json_object_set_new(o, "incident_ids", json_array());
	json_object_set_new(o, "drill", json_boolean(f->soc->drill_site.n && str_eq(det->site, f->soc->drill_site)));
	json_object_set_new(o, "calls", json_array());
	json_object_set_new(o, "due", json_null());
	return o;
}

static void stretch(json_t *doc, const struct detection *det)
{
	tstamp from = det->n_group ? det->first : det->time, to = det->n_group ? det->last : det->time;
	tstamp first = doc_time(doc, "first_seen"), last = doc_time(doc, "last_seen");
	if (first == TS_NONE || from < first)
		doc_set_time(doc, "first_seen", from);
	if (last == TS_NONE || to > last)
		doc_set_time(doc, "last_seen", to);
}

/* The alert that the detection belongs to, in memory. A new one gets its row (and id) at once. */
static int touch(struct folding *f, const struct detection *det, struct touched **ret)
{
	struct buf key = BUF_INIT(4 * KEY_MAX);
	json_t *doc;
	int r = 0;
	fold_key(det, &key);
	uint64_t *at = map_get(&f->by_key, buf_str(&key));
	if (at && may_join(f, f->alert.at[*at].doc, det)) {
		*ret = &f->alert.at[*at];
		goto done;
	}
	doc = NULL;
	if (!at && (r = find_open(f, buf_str(&key), det, &doc)) < 0)
		goto done;
	struct touched t = {.doc = doc, .fresh = !doc};
	if (!doc) {
		json_t *made = new_alert(f, buf_str(&key), det);
		stretch(made, det);
		r = desk_create(f->k, &SOC_SYSTEM, NOUN_ALERT, made, &t.doc);
		json_decref(made);
		if (r < 0)
			goto done;
	}
	t.events = (uint64_t)doc_int(t.doc, "events");
	t.indexed = json_array_size(json_object_get(t.doc, "entities"));
	snprintf(t.digest, sizeof(t.digest), "%.*s", STR_ARG(doc_str(t.doc, "events_digest")));
	*map_put(&f->by_key, buf_str(&key), NULL) = f->alert.n;
	vec_push(&f->alert, t);
	*ret = vec_last(&f->alert);
done:
	buf_done(&key);
	return r;
}

/* Scores the alert, and calls whom the book names for what it has become. */
static int judge(struct folding *f, struct touched *t)
{
	const json_t *entities = json_object_get(t->doc, "entities");
	int r = entities_index(f->k, t->doc, t->indexed);
	t->indexed = json_array_size(entities);
	t->judged = true;
	if (r >= 0)
		r = score_alert(f->k, f->soc, t->doc);
	explain_alert(t->doc);
	return r < 0 || doc_is(t->doc, "status", "escalated") ? r : calls_begin(f->k, f->soc, t->doc);
}

static int fold_one(struct folding *f, const struct detection *det)
{
	struct touched *t;
	int r = touch(f, det, &t);
	if (r < 0 || (r = event_rows_add(f->k, doc_str(t->doc, "id"), det, &t->events, t->digest)) < 0)
		return r;
	if (!r && (!t->fresh || t->judged) && !det->n_group)
		return 0; /* its events are in already */
	doc_set_int(t->doc, "count", doc_int(t->doc, "count") + 1);
	doc_set_int(t->doc, "events", (int64_t)t->events);
	doc_set_str(t->doc, "events_digest", str_c(t->digest));
	stretch(t->doc, det);
	t->changed = true;
	bool named = entities_add(json_object_get(t->doc, "entities"), det);
	return named || (t->fresh && !t->judged) ? judge(f, t) : 0;
}

static int write_one(struct folding *f, struct touched *t)
{
	explain_alert(t->doc);
	return desk_change(f->k, &SOC_SYSTEM, NOUN_ALERT, doc_str(t->doc, "id"), 0, t->fresh ? "detect" : "fold", t->doc, NULL);
}

int soc_ingest(struct desk *k, const struct soc *s, const struct detection *det, size_t n)
{
	struct folding f = {.k = k, .soc = s};
	int r = 0;
	map_init(&f.by_key);
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = fold_one(&f, &det[i]);
	vec_each(t, &f.alert) {
		if (r >= 0 && t->changed)
			r = write_one(&f, t);
	}
	vec_each(t, &f.alert) {
		json_decref(t->doc);
	}
	vec_done(&f.alert);
	map_done(&f.by_key);
	return r < 0 ? r : 0;
}
