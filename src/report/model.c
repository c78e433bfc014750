/* SPDX-License-Identifier: Apache-2.0 */
#include "report/model_parts.h"

#include "csirt/incident.h"

#include <errno.h>
#include <openssl/evp.h>

static const struct word {
	const char *group, *code, *ja, *en;
} WORDS[] = {
#define WORD(group, code, ja, en) {group, code, ja, en},
#include "report/words.def"
#undef WORD
};

struct str report_word(const char *group, struct str code, bool ja)
{
	for (size_t i = 0; i < LEN(WORDS); i++)
		if (str_eq(str_c(WORDS[i].group), str_c(group)) && str_eq(str_c(WORDS[i].code), code))
			return str_c(ja ? WORDS[i].ja : WORDS[i].en);
	return code;
}

/* ---- parts -------------------------------------------------------------------------------------------------------------------------------------------------- */

void part_copy(json_t *to, const json_t *from, const char *const *names)
{
	for (size_t i = 0; names[i]; i++) {
		json_t *v = json_object_get(from, names[i]);
		json_object_set(to, names[i], v ? v : json_null());
	}
}

void part_word(const struct model *m, json_t *to, const json_t *from, const char *name, const char *group)
{
	char label[64];
	struct str code = doc_str(from, name);
	snprintf(label, sizeof(label), "%s_label", name);
	doc_set_str(to, name, code);
	doc_set_str(to, label, report_word(group, code, m->q->ja));
}

void part_text(const struct model *m, json_t *to, const char *name, const json_t *value)
{
	doc_set_str(to, name, doc_text(value, m->q->ja));
}

static json_t *collect(struct model *m, enum noun noun, const char *where)
{
	struct desk_param p = {.s = m->q->incident_id};
	json_t *list;
	int r = desk_collect(m->k, noun, where, &p, 1, &list);
	if (r >= 0)
		return list;
	m->err = r;
	return json_array();
}

/* The objects that a list of ids names, in its order. One that is gone is an error: the ledger knows it. */
static json_t *collect_ids(struct model *m, enum noun noun, const json_t *ids)
{
	json_t *list = json_array();
	for (size_t i = 0; i < json_array_size(ids); i++) {
		json_t *o;
		int r = desk_get(m->k, noun, str_c(json_string_value(json_array_get(ids, i))), &o);
		if (r == 0)
			json_array_append_new(list, o);
		else
			m->err = r == -ENOENT ? -EBADMSG : r;
	}
	return list;
}

/* ---- the incident ---------------------------------------------------------------------------------------------------------------------------------------------- */

static json_t *phases(const struct model *m)
{
	json_t *list = json_array();
	bool passed = true, closed = doc_is(m->incident, "status", "closed");
	for (int i = 0; i < PHASE_COUNT; i++) {
		bool here = doc_is(m->incident, "phase", phase_name((enum incident_phase)i));
		passed = passed && !here;
		json_array_append_new(list, json_pack("{s:s, s:s}", "label", phase_label((enum incident_phase)i, m->q->ja), "state", closed || passed ? "done" : here ? "now" : "next"));
	}
	return list;
}

static struct str phase_word(struct str code, bool ja)
{
	for (int i = 0; i < PHASE_COUNT; i++)
		if (str_eq(code, str_c(phase_name((enum incident_phase)i))))
			return str_c(phase_label((enum incident_phase)i, ja));
	return code;
}

static json_t *roles(const struct model *m)
{
	json_t *list = json_array(), *value;
	const char *key;
	json_object_foreach(json_object_get(m->incident, "roles"), key, value)
	{
		if (json_is_string(value))
			json_array_append_new(list, json_pack("{s:o, s:O}", "label", doc_string(report_word("role", str_c(key), m->q->ja)), "user", value));
	}
	return list;
}

static json_t *entities(const struct model *m, const char *member, const char *kind, const char *group)
{
	json_t *list = json_array();
	const json_t *from = json_object_get(m->incident, member);
	for (size_t i = 0; i < json_array_size(from); i++) {
		const json_t *e = json_array_get(from, i);
		json_t *o = json_object();
		part_word(m, o, e, kind, group);
		part_word(m, o, e, "criticality", "criticality");
		doc_set_str(o, "value", doc_str(e, "value"));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *actions(const struct model *m)
{
	static const char *const MEMBERS[] = {"action", "owner", "due", NULL};
	json_t *list = json_array();
	const json_t *from = json_object_get(m->incident, "recurrence_prevention");
	for (size_t i = 0; i < json_array_size(from); i++) {
		json_t *o = json_object();
		part_copy(o, json_array_get(from, i), MEMBERS);
		json_array_append_new(list, o);
	}
	return list;
}

/* For each member that the report shows, the entry that set it. */
static json_t *incident_refs(struct model *m)
{
	static const char *const NAMES[] = {"title", "status", "phase", "priority", "severity", "tlp", "commander", "roles", "cause", "recurrence_prevention", "assets", "indicators", "summary",
		"findings", "next_update_at", "opened_at", "contained_at", "closed_at", "alert_ids", "handoff_ids"};
	json_t *refs = json_object();
	struct str id = m->q->incident_id;
	for (size_t i = 0; i < LEN(NAMES); i++)
		json_object_set_new(refs, NAMES[i], trace_ref(m->t, NOUN_INCIDENT, id, NAMES[i]));
	json_object_set_new(refs, "made", trace_ref(m->t, NOUN_INCIDENT, id, NULL));
	return refs;
}

static json_t *incident_part(struct model *m)
{
	static const char *const MEMBERS[] = {"number", "title", "site", "tlp", "commander", "cause", "opened_at", "contained_at", "closed_at", "closed_by", "next_update_at", NULL};
	json_t *o = json_object();
	part_copy(o, m->incident, MEMBERS);
	part_word(m, o, m->incident, "status", "status");
	part_word(m, o, m->incident, "priority", "priority");
	part_word(m, o, m->incident, "severity", "level");
	doc_set_str(o, "phase", doc_str(m->incident, "phase"));
	doc_set_str(o, "phase_label", phase_word(doc_str(m->incident, "phase"), m->q->ja));
	part_text(m, o, "summary", json_object_get(m->incident, "summary"));
	json_object_set_new(o, "drill", json_boolean(json_is_true(json_object_get(m->incident, "drill"))));
	json_object_set_new(o, "phases", phases(m));
	json_object_set_new(o, "roles", roles(m));
	json_object_set_new(o, "refs", incident_refs(m));
	return o;
}

/* ---- the report itself ------------------------------------------------------------------------------------------------------------------------------------------ */

static json_t *previous_part(struct model *m, uint64_t *ret_since)
{
	static const char *const MEMBERS[] = {"serial", "lang", "format", "sha256", "made_at", "created_by", NULL};
	json_t *list = json_array();
	*ret_since = 0;
	for (size_t i = 0; i < json_array_size(m->reports); i++) {
		const json_t *r = json_array_get(m->reports, i);
		json_t *o = json_object();
		part_copy(o, r, MEMBERS);
		part_word(m, o, r, "kind", "kind");
		json_object_set_new(o, "refs", trace_ref(m->t, NOUN_REPORT, doc_str(r, "id"), NULL));
		json_array_append_new(list, o);
		if (doc_is(r, "lang", m->q->ja ? "ja" : "en") && str_eq(doc_str(r, "format"), m->q->format))
			*ret_since = (uint64_t)doc_int(r, "ledger_to");
	}
	return list;
}

static json_t *report_part(struct model *m)
{
	json_t *o = json_object();
	struct desk_param p = {.s = m->q->author};
	json_t *users;
	char number[64], now[TS_TEXT_MAX];
	snprintf(number, sizeof(number), "INC-%lld-%02zu", (long long)doc_int(m->incident, "number"), json_array_size(m->reports) + 1);
	ts_format_offset(now, m->q->made_at, m->q->offset_s);
	json_object_set_new(o, "number", json_string(number));
	json_object_set_new(o, "offset", json_string(now[19] == 'Z' ? "+00:00" : now + 19));
	doc_set_str(o, "kind", m->q->kind);
	doc_set_str(o, "kind_label", report_word("kind", m->q->kind, m->q->ja));
	doc_set_str(o, "lang", m->q->ja ? STR("ja") : STR("en"));
	doc_set_int(o, "serial", (int64_t)json_array_size(m->reports) + 1);
	doc_set_time(o, "made_at", m->q->made_at);
	doc_set_str(o, "author", m->q->author);
	doc_set_str(o, "author_name", STR(""));
	if (desk_collect(m->k, NOUN_USER, "name = $1", &p, 1, &users) == 0) {
		doc_set_str(o, "author_name", doc_str(json_array_get(users, 0), "display_name"));
		json_decref(users);
	}
	doc_set_str(o, "organisation", m->q->organisation);
	return o;
}

static int checkpoint_part(struct model *m, uint64_t size, json_t **ret)
{
	unsigned char root[32];
	char text[48];
	struct buf origin = BUF_INIT(1000);
	int r = ledger_root(desk_ledger(m->k), size, root);
	if (r == 0)
		r = ledger_origin(desk_ledger(m->k), &origin);
	if (r == 0) {
		EVP_EncodeBlock((unsigned char *)text, root, sizeof(root));
		*ret = json_pack("{s:o, s:I, s:s}", "origin", doc_string(buf_str(&origin)), "size", (json_int_t)size, "root", text);
	}
	buf_done(&origin);
	return r;
}

static json_t *counts_part(const struct model *m)
{
	int64_t ended = 0;
	json_t *o = json_object(), *refs = json_array();
	for (size_t i = 0; i < json_array_size(m->tasks); i++) {
		const json_t *t = json_array_get(m->tasks, i);
		ended += doc_is(t, "status", "done") || doc_is(t, "status", "skipped");
		refs = trace_join(refs, trace_ref(m->t, NOUN_TASK, doc_str(t, "id"), "status"));
	}
	json_object_set_new(o, "tasks_refs", refs);
	doc_set_int(o, "alerts", (int64_t)json_array_size(m->alerts));
	doc_set_int(o, "assets", (int64_t)json_array_size(json_object_get(m->incident, "assets")));
	doc_set_int(o, "indicators", (int64_t)json_array_size(json_object_get(m->incident, "indicators")));
	doc_set_int(o, "tasks", (int64_t)json_array_size(m->tasks));
	doc_set_int(o, "tasks_ended", ended);
	doc_set_int(o, "evidence", (int64_t)json_array_size(m->evidence));
	return o;
}

/* Decisions that nobody approved or denied yet. */
static json_t *waiting_part(const json_t *decisions)
{
	json_t *list = json_array();
	for (size_t i = 0; i < json_array_size(decisions); i++)
		if (doc_is(json_array_get(decisions, i), "status", "proposed"))
			json_array_append(list, json_array_get(decisions, i));
	return list;
}

/* ---- together -------------------------------------------------------------------------------------------------------------------------------------------------------- */

static void load(struct model *m)
{
	m->alerts = collect_ids(m, NOUN_ALERT, json_object_get(m->incident, "alert_ids"));
	m->handoffs = collect_ids(m, NOUN_HANDOFF, json_object_get(m->incident, "handoff_ids"));
	m->timeline = collect(m, NOUN_TIMELINE, "incident_id = $1 ORDER BY time, id");
	m->tasks = collect(m, NOUN_TASK, "incident_id = $1 ORDER BY id");
	m->decisions = collect(m, NOUN_DECISION, "incident_id = $1 ORDER BY id");
	m->evidence = collect(m, NOUN_EVIDENCE, "incident_id = $1 ORDER BY id");
	m->reports = collect(m, NOUN_REPORT, "incident_id = $1 ORDER BY id");
}

static void unload(struct model *m)
{
	json_decref(m->incident);
	json_decref(m->alerts);
	json_decref(m->handoffs);
	json_decref(m->timeline);
	json_decref(m->tasks);
	json_decref(m->decisions);
	json_decref(m->evidence);
	json_decref(m->reports);
	trace_free(m->t);
}

static json_t *assemble(struct model *m)
{
	json_t *o = json_object(), *more;
	uint64_t since;
	json_object_set_new(o, "ja", json_boolean(m->q->ja));
	json_object_set_new(o, "report", report_part(m));
	json_object_set_new(o, "previous", previous_part(m, &since));
	json_object_set_new(o, "incident", incident_part(m));
	json_object_set_new(o, "assets", entities(m, "assets", "kind", "asset"));
	json_object_set_new(o, "indicators", entities(m, "indicators", "type", "indicator"));
	json_object_set_new(o, "actions", actions(m));
	json_object_set_new(o, "findings", model_findings(m));
	json_object_set_new(o, "alerts", model_alerts(m, &more));
	json_object_set_new(o, "more_alerts", more);
	json_object_set_new(o, "handoffs", model_handoffs(m));
	json_object_set_new(o, "timeline", model_timeline(m, since));
	json_object_set_new(o, "tasks", model_tasks(m));
	json_object_set_new(o, "decisions", model_decisions(m));
	json_object_set_new(o, "evidence", model_evidence(m));
	json_object_set_new(o, "times", model_times(m));
	json_object_set_new(o, "counts", counts_part(m));
	json_object_set_new(o, "waiting", waiting_part(json_object_get(o, "decisions")));
	return o;
}

int model_build(struct desk *k, const struct report_request *q, json_t **ret)
{
	struct model m = {.k = k, .q = q};
	uint64_t size;
	json_t *o, *annex = NULL, *checkpoint = NULL;
	int r = ledger_count(desk_db(k), &size);
	if (r == 0)
		r = desk_get(k, NOUN_INCIDENT, q->incident_id, &m.incident);
	if (r < 0)
		return r;
	m.t = trace_new(k, size);
	load(&m);
	o = assemble(&m);
	r = m.err ? m.err : trace_annex(m.t, &annex);
	for (size_t i = 0; i < json_array_size(annex); i++)
		doc_set_str(json_array_get(annex, i), "noun_label", report_word("noun", doc_str(json_array_get(annex, i), "noun"), q->ja));
	if (r == 0) {
		json_object_set_new(o, "annex", annex);
		if ((r = checkpoint_part(&m, size, &checkpoint)) == 0)
			json_object_set_new(o, "checkpoint", checkpoint);
	}
	unload(&m);
	if (r < 0)
		return json_decref(o), r;
	*ret = o;
	return 0;
}
