/* SPDX-License-Identifier: Apache-2.0 */
#include "csirt/handoff.h"

#include "csirt/incident.h"

#include <errno.h>

static const struct actor SYSTEM = {{"system", 6}, {"system", 6}};
static const char *const PACKAGE[] = {"alert_ids", "seen", "done", "not_checked", "asked", "priority", "priority_reason", "evidence_ids", NULL};
static const char *const TEXTS[] = {"seen", "done", "not_checked", "asked", "priority_reason"};
static const char *const PRIORITIES[] = {"P1", "P2", "P3", "P4"};
#define ALERTS_MAX 1000

/* The package is complete: every fault is told, not the first alone. */
static int check_package(const json_t *p, struct diag *d)
{
	size_t before = d->errors, at;
	const json_t *ids = json_object_get(p, "alert_ids");
	doc_only(p, PACKAGE, d);
	if (!json_is_array(ids) || !json_array_size(ids))
		doc_refuse(d, "alert_ids", "missing_member", -EINVAL, "\"alert_ids\" must name at least one alert");
	else if (json_array_size(ids) > ALERTS_MAX)
		doc_refuse(d, "alert_ids", "too_many", -EINVAL, "a hand-off has at most %d alerts", ALERTS_MAX);
	for (size_t i = 0; i < LEN(TEXTS); i++)
		if (doc_need_text(p, TEXTS[i], d) < 0)
			diag_hint(d, "\"none\" or \"なし\" is an answer, silence is not");
	doc_need_word(p, "priority", PRIORITIES, LEN(PRIORITIES), d, &at);
	const json_t *evidence = json_object_get(p, "evidence_ids");
	if (evidence && !json_is_null(evidence) && !json_is_array(evidence))
		doc_refuse(d, "evidence_ids", "bad_type", -EINVAL, "\"evidence_ids\" must be a list");
	return d->errors > before ? -EINVAL : 0;
}

static int load_alerts(struct desk *k, const json_t *ids, struct diag *d, json_t **ret)
{
	json_t *list = json_array();
	for (size_t i = 0; i < json_array_size(ids); i++) {
		const json_t *v = json_array_get(ids, i);
		json_t *alert;
		int r = json_is_string(v) ? desk_get(k, NOUN_ALERT, str_c(json_string_value(v)), &alert) : -ENOENT;
		if (r < 0) {
			json_decref(list);
			return r == -ENOENT ? doc_refuse(d, "alert_ids", "unknown_alert", -EINVAL, "there is no alert \"%.100s\"", json_is_string(v) ? json_string_value(v) : "?") : r;
		}
		json_array_append_new(list, alert);
	}
	*ret = list;
	return 0;
}

/* An alert is handed over once at a time. */
static int check_free(const json_t *alerts, struct diag *d)
{
	for (size_t i = 0; i < json_array_size(alerts); i++) {
		const json_t *a = json_array_get(alerts, i);
		if (doc_is(a, "status", "closed") || doc_is(a, "status", "escalated"))
			return doc_refuse(d, "alert_ids", "bad_state", -EBUSY, "the alert %.*s is %.*s already", STR_ARG(doc_str(a, "id")), STR_ARG(doc_str(a, "status")));
	}
	return 0;
}

/* What the hand-off does to its alerts: the calls end, the status tells where they are. */
static int mark_alerts(struct desk *k, const struct actor *who, const json_t *alerts, struct str handoff_id, const char *status, const char *verb, struct str incident_id)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && i < json_array_size(alerts); i++) {
		const json_t *a = json_array_get(alerts, i);
		json_t *patch = json_object(), *calls = json_deep_copy(json_object_get(a, "calls"));
		json_object_set_new(patch, "status", json_string(status));
		doc_set_str(patch, "handoff_id", handoff_id);
		for (size_t c = 0; c < json_array_size(calls); c++)
			if (doc_is(json_array_get(calls, c), "state", "waiting"))
				json_object_set_new(json_array_get(calls, c), "state", json_string("acknowledged"));
		if (calls)
			json_object_set_new(patch, "calls", calls);
		json_object_set_new(patch, "due", json_null());
		json_object_set_new(patch, "ack_due_at", json_null());
		if (doc_time(a, "acked_at") == TS_NONE) {
			doc_set_time(patch, "acked_at", desk_now(k));
			doc_set_str(patch, "acked_by", who->user);
			doc_set_str(patch, "assignee", who->user);
		}
		if (doc_time(a, "escalated_at") == TS_NONE)
			doc_set_time(patch, "escalated_at", desk_now(k));
		if (incident_id.n) {
			json_t *ids = json_deep_copy(json_object_get(a, "incident_ids"));
			ids = ids ? ids : json_array();
			doc_list_add(ids, incident_id);
			json_object_set_new(patch, "incident_ids", ids);
		}
		r = desk_change(k, who, NOUN_ALERT, doc_str(a, "id"), 0, verb, patch, NULL);
		json_decref(patch);
	}
	return r;
}

static int tell(struct desk *k, const struct handoff_rules *rules, const json_t *h, struct str to, const char *ja, const char *en, struct str body)
{
	static const struct str BY[] = {{"console", 7}, {"mail", 4}};
	char text[4000];
	snprintf(text, sizeof(text), "%.*s", STR_ARG(body));
	struct notice n = {.to = to, .by = BY, .n_by = LEN(BY), .subject_ja = ja, .subject_en = en, .body_ja = text, .body_en = text, .about = NOUN_HANDOFF, .about_id = doc_str(h, "id"),
		.ack_due = TS_NONE, .drill = json_is_true(json_object_get(h, "drill"))};
	return notice_post(k, &rules->duty, &n, NULL);
}

static void put_due(struct desk *k, const struct handoff_rules *rules, json_t *doc, struct str priority)
{
	int64_t within = rules->accept_within ? rules->accept_within(rules->arg, priority) : 0;
	json_object_set_new(doc, "due", within ? json_integer(desk_now(k) + within) : json_null());
	doc_set_time(doc, "accept_due_at", within ? desk_now(k) + within : TS_NONE);
}

static int make(struct desk *k, const struct actor *who, const struct handoff_rules *rules, const json_t *package, const json_t *alerts, json_t **ret)
{
	json_t *o = json_object();
	bool drill = true;
	for (size_t i = 0; PACKAGE[i]; i++)
		doc_copy(o, package, PACKAGE[i]);
	if (!json_is_array(json_object_get(o, "evidence_ids")))
		json_object_set_new(o, "evidence_ids", json_array());
	for (size_t i = 0; i < json_array_size(alerts); i++)
		drill = drill && json_is_true(json_object_get(json_array_get(alerts, i), "drill"));
	json_object_set_new(o, "drill", json_boolean(drill));
	doc_copy(o, json_array_get(alerts, 0), "site");
	json_object_set_new(o, "status", json_string("sent"));
	doc_set_str(o, "sent_by", who->user);
	doc_set_time(o, "sent_at", desk_now(k));
	json_object_set_new(o, "incident_id", json_null());
	put_due(k, rules, o, doc_str(package, "priority"));
	int r = desk_create(k, who, NOUN_HANDOFF, o, ret);
	json_decref(o);
	return r;
}

int handoff_send(struct desk *k, const struct actor *who, const struct handoff_rules *rules, const json_t *package, struct diag *d, json_t **ret)
{
	json_t *alerts = NULL, *h = NULL;
	int r = check_package(package, d);
	if (r == 0)
		r = load_alerts(k, json_object_get(package, "alert_ids"), d, &alerts);
	if (r == 0)
		r = check_free(alerts, d);
	if (r == 0)
		r = make(k, who, rules, package, alerts, &h);
	if (r == 0)
		r = mark_alerts(k, who, alerts, doc_str(h, "id"), "escalated", "escalate", STR(""));
	if (r >= 0 && rules->mode == HANDOFF_SEPARATE)
		r = tell(k, rules, h, STR("oncall(csirt)"), "SOC からの引き継ぎがあります", "A hand-off from the SOC is waiting", doc_str(h, "asked"));
	json_decref(alerts);
	if (r >= 0 && rules->mode == HANDOFF_INTEGRATED) {
		json_t *accepted = NULL;
		r = handoff_accept(k, &SYSTEM, doc_str(h, "id"), STR(""), d, &accepted);
		json_decref(h);
		h = accepted;
	}
	if (r < 0) {
		json_decref(h);
		return r;
	}
	*ret = h;
	return 0;
}

/* 0 when it is there and has that status. */
static int get_in(struct desk *k, struct str id, const char *status, struct diag *d, json_t **ret)
{
	json_t *h;
	int r = desk_get(k, NOUN_HANDOFF, id, &h);
	if (r < 0)
		return r;
	if (!doc_is(h, "status", status)) {
		r = doc_refuse(d, "status", "bad_state", -EBUSY, "the hand-off is %.*s, not %s", STR_ARG(doc_str(h, "status")), status);
		json_decref(h);
		return r;
	}
	*ret = h;
	return 0;
}

int handoff_resend(struct desk *k, const struct actor *who, const struct handoff_rules *rules, struct str id, const json_t *package, struct diag *d, json_t **ret)
{
	json_t *h, *whole = json_object(), *alerts = NULL;
	int r = get_in(k, id, "returned", d, &h);
	if (r < 0)
		return json_decref(whole), r;
	for (size_t i = 0; PACKAGE[i]; i++)
		doc_copy(whole, json_object_get(package, PACKAGE[i]) ? package : h, PACKAGE[i]);
	r = doc_only(package, PACKAGE, d);
	if (r == 0)
		r = check_package(whole, d);
	if (r == 0)
		r = load_alerts(k, json_object_get(whole, "alert_ids"), d, &alerts);
	if (r == 0)
		r = check_free(alerts, d);
	if (r == 0) {
		json_object_set_new(whole, "status", json_string("sent"));
		doc_set_str(whole, "sent_by", who->user);
		doc_set_time(whole, "sent_at", desk_now(k));
		put_due(k, rules, whole, doc_str(whole, "priority"));
		r = desk_change(k, who, NOUN_HANDOFF, id, 0, "resend", whole, ret);
	}
	if (r == 0 && (r = mark_alerts(k, who, alerts, id, "escalated", "escalate", STR(""))) >= 0)
		r = tell(k, rules, *ret, STR("oncall(csirt)"), "返却した引き継ぎが再送されました", "A returned hand-off was sent again", doc_str(*ret, "asked"));
	json_decref(whole);
	json_decref(alerts);
	json_decref(h);
	return r;
}

int handoff_return(struct desk *k, const struct actor *who, const struct handoff_rules *rules, struct str id, struct str reason, struct diag *d, json_t **ret)
{
	json_t *h, *alerts = NULL, *patch;
	char to[200];
	if (!str_trim(reason).n)
		return doc_refuse(d, "reason", "missing_member", -EINVAL, "\"reason\" is required: what does the SOC have to add?");
	int r = get_in(k, id, "sent", d, &h);
	if (r < 0)
		return r;
	patch = json_object();
	json_object_set_new(patch, "status", json_string("returned"));
	doc_set_str(patch, "return_reason", reason);
	doc_set_str(patch, "returned_by", who->user);
	doc_set_time(patch, "returned_at", desk_now(k));
	json_object_set_new(patch, "due", json_null());
	r = load_alerts(k, json_object_get(h, "alert_ids"), d, &alerts);
	if (r == 0)
		r = mark_alerts(k, who, alerts, id, "investigating", "return", STR(""));
	if (r >= 0)
		r = desk_change(k, who, NOUN_HANDOFF, id, 0, "return", patch, ret);
	snprintf(to, sizeof(to), "user(%.*s)", STR_ARG(doc_str(h, "sent_by")));
	if (r >= 0)
		r = tell(k, rules, h, str_c(to), "引き継ぎが返却されました", "The hand-off was returned", reason);
	json_decref(patch);
	json_decref(alerts);
	json_decref(h);
	return r;
}

/* What happened between the desks, told once in the incident's timeline. */
static int tell_history(struct desk *k, const struct actor *who, const json_t *h, struct str incident_id)
{
	struct actor sender = {doc_str(h, "sent_by"), STR("")}, returner = {doc_str(h, "returned_by"), STR("")};
	struct str id = doc_str(h, "id");
	int r = 0;
	bool returned = doc_time(h, "returned_at") != TS_NONE;
	json_t *text;
	if (returned) {
		struct buf ja = BUF_INIT(1u << 21), en = BUF_INIT(1u << 21);
		buf_addf(&ja, "引き継ぎ返却: %.*s", STR_ARG(doc_str(h, "return_reason")));
		buf_addf(&en, "Hand-off returned: %.*s", STR_ARG(doc_str(h, "return_reason")));
		text = json_object();
		doc_set_str(text, "ja", buf_str(&ja));
		doc_set_str(text, "en", buf_str(&en));
		r = timeline_add(k, &returner, incident_id, "handoff", doc_time(h, "returned_at"), text, "handoff", id, NULL);
		json_decref(text);
		buf_done(&ja);
		buf_done(&en);
	}
	if (r >= 0) {
		text = returned ? json_pack("{s:s, s:s}", "ja", "引き継ぎ再送", "en", "Hand-off sent again") : json_pack("{s:s, s:s}", "ja", "引き継ぎ送付", "en", "Hand-off sent");
		r = timeline_add(k, &sender, incident_id, "handoff", doc_time(h, "sent_at"), text, "handoff", id, NULL);
		json_decref(text);
	}
	return r < 0 ? r : timeline_say(k, who, incident_id, "handoff", STR("引き継ぎ受領"), STR("Hand-off accepted"), "handoff", id);
}

int handoff_accept(struct desk *k, const struct actor *who, struct str id, struct str incident_id, struct diag *d, json_t **ret)
{
	json_t *h, *alerts = NULL, *incident = NULL;
	int r = get_in(k, id, "sent", d, &h);
	if (r < 0)
		return r;
	r = load_alerts(k, json_object_get(h, "alert_ids"), d, &alerts);
	if (r == 0 && incident_id.n) {
		r = incident_get_open(k, incident_id, d, &incident);
		if (r == 0)
			r = incident_add_alerts(k, who, incident_id, h, alerts);
	} else if (r == 0) {
		r = incident_open(k, who, h, alerts, &incident);
	}
	if (r == 0)
		r = tell_history(k, who, h, doc_str(incident, "id"));
	if (r >= 0)
		r = mark_alerts(k, who, alerts, id, "escalated", "accept", doc_str(incident, "id"));
	if (r >= 0) {
		json_t *patch = json_object();
		json_object_set_new(patch, "status", json_string("accepted"));
		doc_set_str(patch, "accepted_by", who->user);
		doc_set_time(patch, "accepted_at", desk_now(k));
		doc_set_str(patch, "incident_id", doc_str(incident, "id"));
		json_object_set_new(patch, "due", json_null());
		r = desk_change(k, who, NOUN_HANDOFF, id, 0, "accept", patch, ret);
		json_decref(patch);
	}
	json_decref(incident);
	json_decref(alerts);
	json_decref(h);
	return r;
}

/* ---- the incident ends, and its alerts with it --------------------------------------------------------------------------------------------------- */

/* Every incident that the alert belongs to is closed, and no further hand-off of it waits for an answer. */
static int is_over(struct desk *k, const json_t *alert, bool *ret)
{
	const json_t *ids = json_object_get(alert, "incident_ids");
	json_t *h;
	int got = desk_get(k, NOUN_HANDOFF, doc_str(alert, "handoff_id"), &h);
	if (got < 0)
		return got;
	*ret = doc_is(h, "status", "accepted");
	json_decref(h);
	for (size_t i = 0; *ret && i < json_array_size(ids); i++) {
		json_t *incident;
		int r = desk_get(k, NOUN_INCIDENT, str_c(json_string_value(json_array_get(ids, i))), &incident);
		if (r < 0)
			return r;
		*ret = doc_is(incident, "status", "closed");
		json_decref(incident);
	}
	return 0;
}

static json_t *closed_with(struct desk *k, const struct actor *who, const json_t *incident)
{
	struct buf reason = BUF_INIT(1u << 21);
	json_t *patch = json_pack("{s:s, s:s}", "status", "closed", "verdict", "true_positive");
	buf_addf(&reason, "incident #%lld: %.*s", (long long)doc_int(incident, "number"), STR_ARG(doc_str(incident, "cause")));
	doc_set_str(patch, "reason", buf_str(&reason));
	doc_set_str(patch, "closed_incident_id", doc_str(incident, "id"));
	doc_set_time(patch, "closed_at", desk_now(k));
	doc_set_str(patch, "closed_by", who->user);
	buf_done(&reason);
	return patch;
}

static json_t *escalated_again(void)
{
	return json_pack("{s:s, s:n, s:n, s:n, s:n, s:n}", "status", "escalated", "verdict", "reason", "closed_incident_id", "closed_at", "closed_by");
}

int handoff_follow_incident(struct desk *k, const struct actor *who, const json_t *incident)
{
	const json_t *ids = json_object_get(incident, "alert_ids");
	bool closed = doc_is(incident, "status", "closed");
	int r = 0;
	for (size_t i = 0; r >= 0 && i < json_array_size(ids); i++) {
		struct str id = str_c(json_string_value(json_array_get(ids, i)));
		json_t *alert, *patch = NULL;
		bool done = false;
		if ((r = desk_get(k, NOUN_ALERT, id, &alert)) < 0)
			return r;
		if (closed && doc_is(alert, "status", "escalated") && (r = is_over(k, alert, &done)) == 0 && done)
			patch = closed_with(k, who, incident);
		else if (!closed && doc_is(alert, "status", "closed") && doc_str(alert, "closed_incident_id").n)
			patch = escalated_again();
		if (patch)
			r = desk_change(k, who, NOUN_ALERT, id, 0, closed ? "close" : "reopen", patch, NULL);
		json_decref(patch);
		json_decref(alert);
	}
	return r;
}
