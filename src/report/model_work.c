/* SPDX-License-Identifier: Apache-2.0 */
#include "report/model_parts.h"

#include "csirt/incident.h"
#include "soc/alert.h"

/* Alerts with their events, hand-offs, timeline, tasks, decisions, evidence. */

#define ALERTS_SHOWN 20
#define EVENTS_SHOWN 12
#define RAW_SHOWN 400

static const char *const ALERT_TOLD[] = {"title", "rule_id", "explanation", NULL};

/* ---- alerts ------------------------------------------------------------------------------------------------------------------------------------------------------ */

/* The beginning of what the source wrote, cut between characters. */
static struct str beginning(struct str raw)
{
	struct str s = str_sub(raw, 0, RAW_SHOWN);
	while (s.n < raw.n && s.n && ((unsigned char)raw.p[s.n] & 0xc0) == 0x80)
		s.n--;
	return s;
}

static json_t *event_part(const json_t *e)
{
	static const char *const MEMBERS[] = {"event_id", "time", "host", "source", "rule_title", "n", NULL};
	json_t *o = json_object(), *matched = json_array();
	struct str raw = doc_str(e, "raw");
	const json_t *from = json_object_get(e, "matched");
	part_copy(o, e, MEMBERS);
	for (size_t i = 0; i < json_array_size(from); i++) {
		static const char *const MATCH[] = {"field", "value", NULL};
		json_t *x = json_object();
		part_copy(x, json_array_get(from, i), MATCH);
		json_array_append_new(matched, x);
	}
	json_object_set_new(o, "matched", matched);
	doc_set_str(o, "raw", beginning(raw));
	json_object_set_new(o, "raw_cut", json_boolean(beginning(raw).n < raw.n));
	return o;
}

/* The first of an alert's events; how many more there are stands beside them, and the digest over all. */
static void put_events(struct model *m, json_t *o, const json_t *alert)
{
	json_t *list = json_array(), *events;
	int r = alert_events(m->k, doc_str(alert, "id"), 0, EVENTS_SHOWN, &events);
	if (r < 0) {
		m->err = r;
	} else {
		for (size_t i = 0; i < json_array_size(events); i++)
			json_array_append_new(list, event_part(json_array_get(events, i)));
		json_decref(events);
	}
	doc_set_int(o, "events_more", doc_int(alert, "events") - (int64_t)json_array_size(list));
	json_object_set_new(o, "events", list);
}

static json_t *calls_part(const json_t *alert, bool ja)
{
	static const char *const MEMBERS[] = {"called_at", "acked_at", "ack_due_at", "state", NULL};
	json_t *list = json_array();
	const json_t *calls = json_object_get(alert, "calls");
	for (size_t i = 0; i < json_array_size(calls); i++) {
		const json_t *c = json_array_get(calls, i), *who = json_object_get(c, "who");
		json_t *o = json_object();
		struct buf names = BUF_INIT(4000);
		part_copy(o, c, MEMBERS);
		for (size_t n = 0; n < json_array_size(who); n++)
			buf_addf(&names, "%s%s", n ? ja ? "、" : ", " : "", json_string_value(json_array_get(who, n)));
		doc_set_str(o, "who", buf_str(&names));
		buf_done(&names);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *alert_part(struct model *m, const json_t *a)
{
	static const char *const MEMBERS[] = {"number", "reason", "rule_id", "tactics", "tags", "count", "first_seen", "last_seen", "score", "acked_at", "acked_by", "closed_at", "closed_by", "events_digest", NULL};
	static const char *const SEEN[] = {"first_seen", "last_seen", "count", NULL}, *const JUDGED[] = {"verdict", "reason", "status", NULL};
	static const char *const RANKED[] = {"level", "score", "priority", NULL};
	json_t *o = json_object(), *refs = json_object();
	struct str id = doc_str(a, "id");
	part_copy(o, a, MEMBERS);
	doc_set_str(o, "title", m->q->ja && doc_str(a, "title_ja").n ? doc_str(a, "title_ja") : doc_str(a, "title"));
	doc_set_int(o, "events_total", doc_int(a, "events"));
	part_word(m, o, a, "level", "level");
	part_word(m, o, a, "priority", "priority");
	part_word(m, o, a, "status", "alert");
	part_word(m, o, a, "verdict", "verdict");
	part_text(m, o, "explanation", json_object_get(a, "explanation"));
	json_object_set_new(o, "calls", calls_part(a, m->q->ja));
	json_object_set_new(refs, "told", trace_refs(m->t, NOUN_ALERT, id, ALERT_TOLD));
	json_object_set_new(refs, "seen", trace_refs(m->t, NOUN_ALERT, id, SEEN));
	json_object_set_new(refs, "judged", trace_refs(m->t, NOUN_ALERT, id, JUDGED));
	json_object_set_new(refs, "score", trace_refs(m->t, NOUN_ALERT, id, RANKED));
	json_object_set_new(refs, "calls", trace_ref(m->t, NOUN_ALERT, id, "calls"));
	json_object_set_new(refs, "acked", trace_ref(m->t, NOUN_ALERT, id, "acked_at"));
	json_object_set_new(refs, "events", trace_ref(m->t, NOUN_ALERT, id, "events_digest"));
	json_object_set_new(o, "refs", refs);
	put_events(m, o, a);
	return o;
}

static json_t *brief_part(struct model *m, const json_t *a)
{
	static const char *const MEMBERS[] = {"number", "first_seen", "score", NULL};
	json_t *o = json_object();
	part_copy(o, a, MEMBERS);
	part_word(m, o, a, "level", "level");
	part_word(m, o, a, "status", "alert");
	part_word(m, o, a, "verdict", "verdict");
	part_text(m, o, "explanation", json_object_get(a, "explanation"));
	json_object_set_new(o, "refs", json_pack("{s:o}", "told", trace_refs(m->t, NOUN_ALERT, doc_str(a, "id"), ALERT_TOLD)));
	return o;
}

/* How many alerts come before this one by score, of equals the earlier. */
static size_t rank(const json_t *alerts, size_t i)
{
	int64_t score = doc_int(json_array_get(alerts, i), "score");
	size_t before = 0;
	for (size_t k = 0; k < json_array_size(alerts); k++) {
		int64_t other = doc_int(json_array_get(alerts, k), "score");
		before += other > score || (other == score && k < i);
	}
	return before;
}

json_t *model_alerts(struct model *m, json_t **ret_rest)
{
	json_t *list = json_array(), *rest = json_array();
	for (size_t i = 0; i < json_array_size(m->alerts); i++) {
		const json_t *a = json_array_get(m->alerts, i);
		if (rank(m->alerts, i) < ALERTS_SHOWN)
			json_array_append_new(list, alert_part(m, a));
		else
			json_array_append_new(rest, brief_part(m, a));
	}
	*ret_rest = rest;
	return list;
}

/* ---- hand-offs -------------------------------------------------------------------------------------------------------------------------------------------------- */

json_t *model_handoffs(struct model *m)
{
	static const char *const MEMBERS[] = {"number", "seen", "done", "not_checked", "asked", "priority_reason", "sent_by", "sent_at", "returned_by", "returned_at", "return_reason", "accepted_by",
		"accepted_at", "accept_due_at", NULL};
	json_t *list = json_array();
	for (size_t i = 0; i < json_array_size(m->handoffs); i++) {
		const json_t *h = json_array_get(m->handoffs, i);
		struct str id = doc_str(h, "id");
		json_t *o = json_object(), *refs = json_object();
		part_copy(o, h, MEMBERS);
		part_word(m, o, h, "status", "handoff");
		part_word(m, o, h, "priority", "priority");
		json_object_set_new(refs, "sent", trace_ref(m->t, NOUN_HANDOFF, id, "sent_at"));
		json_object_set_new(refs, "returned", trace_ref(m->t, NOUN_HANDOFF, id, "returned_at"));
		json_object_set_new(refs, "accepted", trace_ref(m->t, NOUN_HANDOFF, id, "accepted_at"));
		for (size_t n = 1; n < 6; n++)
			json_object_set_new(refs, MEMBERS[n], trace_ref(m->t, NOUN_HANDOFF, id, MEMBERS[n]));
		json_object_set_new(o, "refs", refs);
		json_array_append_new(list, o);
	}
	return list;
}

/* ---- timeline, tasks, decisions ------------------------------------------------------------------------------------------------------------------------------------ */

json_t *model_timeline(struct model *m, uint64_t since)
{
	static const char *const MEMBERS[] = {"time", "actor", NULL};
	json_t *list = json_array();
	for (size_t i = 0; i < json_array_size(m->timeline); i++) {
		const json_t *t = json_array_get(m->timeline, i);
		json_t *o = json_object(), *refs = trace_ref(m->t, NOUN_TIMELINE, doc_str(t, "id"), NULL);
		part_copy(o, t, MEMBERS);
		part_word(m, o, t, "kind", "timeline");
		part_text(m, o, "text", json_object_get(t, "text"));
		json_object_set_new(o, "new", json_boolean(since && json_integer_value(json_array_get(refs, 0)) >= (json_int_t)since));
		json_object_set_new(o, "refs", refs);
		json_array_append_new(list, o);
	}
	return list;
}

json_t *model_tasks(struct model *m)
{
	static const char *const MEMBERS[] = {"owner", "owner_role", "due_at", "done_at", "result", NULL}, *const STATE[] = {"title", "due_at", "status", "owner", "result", NULL};
	json_t *list = json_array();
	for (size_t i = 0; i < json_array_size(m->tasks); i++) {
		const json_t *t = json_array_get(m->tasks, i);
		json_t *o = json_object();
		part_copy(o, t, MEMBERS);
		part_text(m, o, "title", json_object_get(t, "title"));
		part_word(m, o, t, "status", "task");
		for (int p = 0; p < PHASE_COUNT; p++)
			if (doc_is(t, "phase", phase_name((enum incident_phase)p)))
				doc_set_str(o, "phase_label", str_c(phase_label((enum incident_phase)p, m->q->ja)));
		if (!json_object_get(o, "phase_label"))
			doc_set_str(o, "phase_label", doc_str(t, "phase"));
		tstamp due = doc_time(t, "due_at"), done = doc_time(t, "done_at");
		bool late = due != TS_NONE && (done != TS_NONE ? done > due : m->q->made_at > due);
		json_object_set_new(o, "late", json_boolean(late));
		json_object_set_new(o, "refs", trace_refs(m->t, NOUN_TASK, doc_str(t, "id"), STATE));
		json_array_append_new(list, o);
	}
	return list;
}

json_t *model_decisions(struct model *m)
{
	static const char *const MEMBERS[] = {"title", "decided", "reason", "decided_by", "decided_at", "approver", "approver_reason", "approved_at", NULL};
	json_t *list = json_array();
	for (size_t i = 0; i < json_array_size(m->decisions); i++) {
		const json_t *d = json_array_get(m->decisions, i), *options = json_object_get(d, "options");
		json_t *o = json_object(), *refs = json_object();
		struct str id = doc_str(d, "id");
		part_copy(o, d, MEMBERS);
		part_word(m, o, d, "status", "decision");
		json_object_set(o, "options", json_is_array(options) ? (json_t *)(uintptr_t)options : json_null());
		json_object_set_new(refs, "made", trace_ref(m->t, NOUN_DECISION, id, NULL));
		json_object_set_new(refs, "approved", trace_ref(m->t, NOUN_DECISION, id, "approver"));
		json_object_set_new(o, "refs", refs);
		json_array_append_new(list, o);
	}
	return list;
}

/* ---- evidence ------------------------------------------------------------------------------------------------------------------------------------------------------------ */

static json_t *custody_part(struct model *m, const json_t *evidence)
{
	static const char *const MEMBERS[] = {"from", "to", "reason", "at", "accepted_at", NULL};
	const json_t *from = json_object_get(evidence, "custody");
	json_t *list = json_array();
	for (size_t i = 0; i < json_array_size(from); i++) {
		const json_t *c = json_array_get(from, i);
		struct str id = doc_str(c, "id");
		json_t *o = json_object();
		part_copy(o, c, MEMBERS);
		json_object_set_new(o, "refs", trace_join(trace_ref(m->t, NOUN_CUSTODY, id, NULL), trace_ref(m->t, NOUN_CUSTODY, id, "accepted_at")));
		json_array_append_new(list, o);
	}
	return list;
}

json_t *model_evidence(struct model *m)
{
	static const char *const MEMBERS[] = {"number", "name", "media_type", "source", "sha256", "size", "collected_by", "collected_at", "custodian", "hold", NULL}, *const KEPT[] = {"custodian", "hold", NULL};
	json_t *list = json_array();
	for (size_t i = 0; i < json_array_size(m->evidence); i++) {
		const json_t *e = json_array_get(m->evidence, i);
		json_t *o = json_object();
		part_copy(o, e, MEMBERS);
		json_object_set_new(o, "custody", custody_part(m, e));
		json_object_set_new(o, "refs", trace_ref(m->t, NOUN_EVIDENCE, doc_str(e, "id"), NULL));
		json_object_set_new(o, "kept_refs", trace_refs(m->t, NOUN_EVIDENCE, doc_str(e, "id"), KEPT));
		json_array_append_new(list, o);
	}
	return list;
}
