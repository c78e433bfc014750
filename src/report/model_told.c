/* SPDX-License-Identifier: Apache-2.0 */
#include "report/model_parts.h"

/* What is confirmed, suspected and unknown; how long it took. */

#define ALERTS_NAMED 6

static void add_finding(json_t *list, const char *source, struct str text, json_t *refs)
{
	if (str_trim(text).n)
		json_array_append_new(list, json_pack("{s:s, s:o, s:o}", "source", source, "text", doc_string(text), "refs", refs));
	else
		json_decref(refs);
}

/* In the words of whoever leads the work; an empty list is his word too. False when he said nothing about it. */
static bool add_told(struct model *m, json_t *list, const char *name)
{
	const json_t *told = json_object_get(json_object_get(m->incident, "findings"), name);
	for (size_t i = 0; i < json_array_size(told); i++)
		add_finding(list, "told", doc_text(json_array_get(told, i), m->q->ja), trace_ref(m->t, NOUN_INCIDENT, m->q->incident_id, "findings"));
	return json_is_array(told);
}

static void add_handoffs(struct model *m, json_t *list, const char *member)
{
	for (size_t i = 0; i < json_array_size(m->handoffs); i++) {
		const json_t *h = json_array_get(m->handoffs, i);
		add_finding(list, member, doc_str(h, member), trace_ref(m->t, NOUN_HANDOFF, doc_str(h, "id"), member));
	}
}

/*
 * An alert that somebody judged to be real is confirmed; one that nobody judged yet, or that is suspicious, is suspected. The page for
 * management names the first of them and counts the others.
 */
static void add_alerts(struct model *m, json_t *list, bool confirmed)
{
	size_t n = 0;
	char more[32];
	for (size_t i = 0; i < json_array_size(m->alerts); i++) {
		const json_t *a = json_array_get(m->alerts, i);
		bool judged = doc_str(a, "verdict").n > 0, real = doc_is(a, "verdict", "true_positive");
		bool open = !judged || doc_is(a, "verdict", "suspicious") || doc_is(a, "verdict", "insufficient_data");
		struct str title = m->q->ja && doc_str(a, "title_ja").n ? doc_str(a, "title_ja") : doc_str(a, "title");
		if ((confirmed ? real : open) && n++ < ALERTS_NAMED)
			add_finding(list, judged ? "alert" : "unjudged", title, trace_ref(m->t, NOUN_ALERT, doc_str(a, "id"), judged ? "verdict" : NULL));
	}
	snprintf(more, sizeof(more), "%zu", n > ALERTS_NAMED ? n - ALERTS_NAMED : 0);
	if (n > ALERTS_NAMED)
		add_finding(list, "more", str_c(more), trace_ref(m->t, NOUN_INCIDENT, m->q->incident_id, "alert_ids"));
}

/* Who leads the work speaks first and alone; where he said nothing, the desks' own records speak. */
json_t *model_findings(struct model *m)
{
	json_t *confirmed = json_array(), *suspected = json_array(), *unknown = json_array();
	json_t *cause_ref = trace_ref(m->t, NOUN_INCIDENT, m->q->incident_id, "cause");
	bool cause = str_trim(doc_str(m->incident, "cause")).n > 0;
	if (!add_told(m, confirmed, "confirmed")) {
		add_handoffs(m, confirmed, "seen");
		add_alerts(m, confirmed, true);
	}
	if (!add_told(m, suspected, "suspected"))
		add_alerts(m, suspected, false);
	if (!add_told(m, unknown, "unknown"))
		add_handoffs(m, unknown, "not_checked");
	if (cause)
		add_finding(confirmed, "cause", doc_str(m->incident, "cause"), json_incref(cause_ref));
	json_decref(cause_ref);
	return json_pack("{s:o, s:o, s:o, s:b}", "confirmed", confirmed, "suspected", suspected, "unknown", unknown, "cause_known", cause);
}

/* ---- times --------------------------------------------------------------------------------------------------------------------------------------------------------- */

/* A row stands there also when its end has not come yet: seconds is null then. */
static void add_time(json_t *list, const char *name, tstamp from, tstamp to, json_t *refs)
{
	json_t *o = json_object();
	json_object_set_new(o, "name", json_string(name));
	doc_set_time(o, "from", from);
	doc_set_time(o, "to", to);
	bool over = from != TS_NONE && to != TS_NONE && to >= from;
	json_object_set_new(o, "seconds", over ? json_integer((to - from) / NS_PER_S) : json_null());
	json_object_set_new(o, "refs", refs);
	if (from == TS_NONE)
		json_decref(o);
	else
		json_array_append_new(list, o);
}

static const json_t *earliest(const json_t *list, const char *member)
{
	const json_t *first = NULL;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);
		if (doc_time(o, member) != TS_NONE && (!first || doc_time(o, member) < doc_time(first, member)))
			first = o;
	}
	return first;
}

json_t *model_times(struct model *m)
{
	json_t *list = json_array();
	const json_t *seen = earliest(m->alerts, "first_seen"), *made = earliest(m->alerts, "created_at"), *acked = earliest(m->alerts, "acked_at");
	const json_t *sent = earliest(m->handoffs, "created_at"), *accepted = earliest(m->handoffs, "accepted_at");
	struct str incident = m->q->incident_id;
#define REF(noun, doc, name) ((doc) ? trace_ref(m->t, NOUN_##noun, doc_str((doc), "id"), (name)) : NULL)
	json_t *opened = trace_ref(m->t, NOUN_INCIDENT, incident, "opened_at");
	add_time(list, "detect", doc_time(seen, "first_seen"), doc_time(made, "created_at"), trace_join(REF(ALERT, seen, "first_seen"), REF(ALERT, made, NULL)));
	add_time(list, "acknowledge", doc_time(made, "created_at"), doc_time(acked, "acked_at"), trace_join(REF(ALERT, made, NULL), REF(ALERT, acked, "acked_at")));
	add_time(list, "transfer", doc_time(made, "created_at"), doc_time(sent, "created_at"), trace_join(REF(ALERT, made, NULL), REF(HANDOFF, sent, NULL)));
	add_time(list, "accept", doc_time(sent, "created_at"), doc_time(accepted, "accepted_at"), trace_join(REF(HANDOFF, sent, NULL), REF(HANDOFF, accepted, "accepted_at")));
	add_time(list, "contain", doc_time(m->incident, "opened_at"), doc_time(m->incident, "contained_at"),
		trace_join(json_deep_copy(opened), trace_ref(m->t, NOUN_INCIDENT, incident, "contained_at")));
	add_time(list, "close", doc_time(m->incident, "opened_at"), doc_time(m->incident, "closed_at"), trace_join(json_deep_copy(opened), trace_ref(m->t, NOUN_INCIDENT, incident, "closed_at")));
#undef REF
	json_decref(opened);
	return list;
}
