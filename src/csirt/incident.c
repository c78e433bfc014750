/* SPDX-License-Identifier: Apache-2.0 */
#include "csirt/incident.h"

#include "csirt/handoff.h"

#include <errno.h>

static const struct {
	const char *name, *ja, *en;
} PHASES[PHASE_COUNT] = {{"detection", "検知・初動", "Detection"}, {"containment", "封じ込め", "Containment"}, {"eradication", "根絶", "Eradication"}, {"recovery", "復旧", "Recovery"},
	{"recurrence_prevention", "再発防止", "Recurrence prevention"}};

#define LIST_MAX 2000
#define FINDINGS_MAX 100

const char *phase_name(enum incident_phase p)
{
	return PHASES[p].name;
}

const char *phase_label(enum incident_phase p, bool ja)
{
	return ja ? PHASES[p].ja : PHASES[p].en;
}

static enum incident_phase phase_of(const json_t *incident)
{
	for (int i = 0; i < PHASE_COUNT; i++)
		if (doc_is(incident, "phase", PHASES[i].name))
			return (enum incident_phase)i;
	return PHASE_DETECTION;
}

/* ---- timeline ----------------------------------------------------------------------------------------------------------------------------------- */

int timeline_add(struct desk *k, const struct actor *who, struct str incident_id, const char *kind, tstamp time, const json_t *text, const char *ref_noun, struct str ref_id, json_t **ret)
{
	json_t *o = json_object();
	doc_set_str(o, "incident_id", incident_id);
	doc_set_time(o, "time", time == TS_NONE ? desk_now(k) : time);
	json_object_set_new(o, "kind", json_string(kind));
	json_object_set_new(o, "text", json_is_string(text) ? json_pack("{s:O, s:O}", "ja", text, "en", text) : json_deep_copy(text));
	doc_set_str(o, "actor", who->user);
	if (ref_noun)
		json_object_set_new(o, "ref", json_pack("{s:s, s:o}", "noun", ref_noun, "id", doc_string(ref_id)));
	int r = desk_create(k, who, NOUN_TIMELINE, o, ret);
	json_decref(o);
	return r;
}

int timeline_say(struct desk *k, const struct actor *who, struct str incident_id, const char *kind, struct str ja, struct str en, const char *ref_noun, struct str ref_id)
{
	json_t *text = json_object();
	doc_set_str(text, "ja", ja);
	doc_set_str(text, "en", en);
	int r = timeline_add(k, who, incident_id, kind, TS_NONE, text, ref_noun, ref_id, NULL);
	json_decref(text);
	return r;
}

/* "先: X" in both languages. */
static int say_of(struct desk *k, const struct actor *who, struct str incident_id, const char *kind, const char *ja, const char *en, struct str what_ja, struct str what_en, const char *noun, struct str id)
{
	struct buf a = BUF_INIT(1u << 21), b = BUF_INIT(1u << 21);
	buf_addf(&a, "%s: %.*s", ja, STR_ARG(what_ja));
	buf_addf(&b, "%s: %.*s", en, STR_ARG(what_en));
	int r = timeline_say(k, who, incident_id, kind, buf_str(&a), buf_str(&b), noun, id);
	buf_done(&a);
	buf_done(&b);
	return r;
}

/* ---- opening ------------------------------------------------------------------------------------------------------------------------------------- */

/* Takes o, unless the list has one of that kind and value. */
static void take(json_t *list, const char *kind, json_t *o)
{
	bool there = json_array_size(list) >= LIST_MAX;
	for (size_t i = 0; i < json_array_size(list) && !there; i++) {
		const json_t *had = json_array_get(list, i);
		there = str_eq(doc_str(had, kind), doc_str(o, kind)) && str_eq(doc_str(had, "value"), doc_str(o, "value"));
	}
	if (there)
		json_decref(o);
	else
		json_array_append_new(list, o);
}

/* Hosts and accounts that are there. */
static void take_assets(const json_t *alert, json_t *assets)
{
	const char *criticality = doc_is(alert, "asset_criticality", "high") ? "high" : "normal";
	const json_t *e;
	size_t i;
	json_array_foreach(json_object_get(alert, "entities"), i, e)
	{
		if ((doc_is(e, "kind", "host") || doc_is(e, "kind", "user")) && !json_is_true(json_object_get(e, "guessed")))
			take(assets, "kind", json_pack("{s:O, s:O, s:s}", "kind", json_object_get(e, "kind"), "value", json_object_get(e, "value"), "criticality", criticality));
	}
}

static bool has_user(const json_t *assets, struct str name)
{
	for (size_t i = 0; i < json_array_size(assets); i++) {
		const json_t *a = json_array_get(assets, i);
		if (doc_is(a, "kind", "user") && str_ieq(doc_str(a, "value"), name))
			return true;
	}
	return false;
}

/* What the attack can be told by, in STIX's words. Names that somebody guessed are such, too, unless another alert knows them. */
static void take_indicators(const json_t *alert, const json_t *assets, json_t *indicators)
{
	static const char *const TYPE[][2] = {{"ip", "ipv4-addr"}, {"domain", "domain-name"}, {"hash", "file"}, {"user", "user-account"}};
	const json_t *e;
	size_t i;
	json_array_foreach(json_object_get(alert, "entities"), i, e)
	{
		struct str value = doc_str(e, "value");
		if (doc_is(e, "kind", "user") && (!json_is_true(json_object_get(e, "guessed")) || has_user(assets, value)))
			continue;
		for (size_t t = 0; t < LEN(TYPE); t++)
			if (doc_is(e, "kind", TYPE[t][0]))
				take(indicators, "type", json_pack("{s:s, s:O}", "type", t == 0 && str_chr(value, ':') != STR_NPOS ? "ipv6-addr" : TYPE[t][1], "value", json_object_get(e, "value")));
	}
}

static void merge_alerts(json_t *o, const json_t *handoff, const json_t *alerts)
{
	static const char *const LISTS[] = {"alert_ids", "handoff_ids", "assets", "indicators"};
	for (size_t i = 0; i < LEN(LISTS); i++)
		if (!json_is_array(json_object_get(o, LISTS[i])))
			json_object_set_new(o, LISTS[i], json_array());
	doc_list_add(json_object_get(o, "handoff_ids"), doc_str(handoff, "id"));
	for (size_t i = 0; i < json_array_size(alerts); i++) {
		doc_list_add(json_object_get(o, "alert_ids"), doc_str(json_array_get(alerts, i), "id"));
		take_assets(json_array_get(alerts, i), json_object_get(o, "assets"));
	}
	for (size_t i = 0; i < json_array_size(alerts); i++)
		take_indicators(json_array_get(alerts, i), json_object_get(o, "assets"), json_object_get(o, "indicators"));
}

/* What led here: one item per alert at its first event. */
static int tell_alerts(struct desk *k, struct str incident_id, const json_t *alerts)
{
	static const struct actor SYSTEM = {{"system", 6}, {"system", 6}};
	int r = 0;
	for (size_t i = 0; r >= 0 && i < json_array_size(alerts); i++) {
		const json_t *a = json_array_get(alerts, i);
		r = timeline_add(k, &SYSTEM, incident_id, "alert", doc_time(a, "first_seen"), json_object_get(a, "explanation"), "alert", doc_str(a, "id"), NULL);
	}
	return r;
}

int incident_open(struct desk *k, const struct actor *who, const json_t *handoff, const json_t *alerts, json_t **ret)
{
	const json_t *first = json_array_get(alerts, 0);
	json_t *o = json_object(), *made;
	doc_set_str(o, "title", doc_str(first, "title_ja").n ? doc_str(first, "title_ja") : doc_str(first, "title"));
	if (doc_str(first, "title_ja").n)
		doc_set_str(o, "title_en", doc_str(first, "title"));
	doc_copy(o, handoff, "site");
	doc_copy(o, handoff, "priority");
	doc_copy(o, handoff, "drill");
	doc_set_str(o, "severity", doc_str(first, "level"));
	json_object_set_new(o, "status", json_string("open"));
	json_object_set_new(o, "phase", json_string(PHASES[PHASE_DETECTION].name));
	json_object_set_new(o, "tlp", json_string("AMBER"));
	json_object_set_new(o, "commander", json_null());
	json_object_set_new(o, "roles", json_object());
	json_object_set_new(o, "cause", json_null());
	json_object_set_new(o, "recurrence_prevention", json_array());
	doc_set_time(o, "opened_at", desk_now(k));
	merge_alerts(o, handoff, alerts);
	int r = desk_create(k, who, NOUN_INCIDENT, o, &made);
	json_decref(o);
	if (r == 0 && (r = tell_alerts(k, doc_str(made, "id"), alerts)) < 0)
		json_decref(made);
	if (r < 0)
		return r;
	*ret = made;
	return 0;
}

int incident_add_alerts(struct desk *k, const struct actor *who, struct str id, const json_t *handoff, const json_t *alerts)
{
	json_t *o, *patch = json_object();
	static const char *const LISTS[] = {"alert_ids", "handoff_ids", "assets", "indicators"};
	int r = desk_get(k, NOUN_INCIDENT, id, &o);
	if (r == 0) {
		for (size_t i = 0; i < LEN(LISTS); i++)
			doc_copy(patch, o, LISTS[i]);
		merge_alerts(patch, handoff, alerts);
		r = desk_change(k, who, NOUN_INCIDENT, id, 0, "join", patch, NULL);
		json_decref(o);
	}
	json_decref(patch);
	return r < 0 ? r : tell_alerts(k, id, alerts);
}

int incident_get_open(struct desk *k, struct str id, struct diag *d, json_t **ret)
{
	json_t *o;
	int r = desk_get(k, NOUN_INCIDENT, id, &o);
	if (r == 0 && !doc_is(o, "status", "open")) {
		json_decref(o);
		return doc_refuse(d, "status", "bad_state", -EBUSY, "the incident is closed; reopen it first");
	}
	if (r == 0)
		*ret = o;
	return r;
}

/* ---- changing ------------------------------------------------------------------------------------------------------------------------------------ */

static int check_actions(const json_t *list, struct diag *d)
{
	static const char *const MEMBERS[] = {"action", "owner", "due"};
	if (!json_is_array(list))
		return doc_refuse(d, "recurrence_prevention", "bad_type", -EINVAL, "\"recurrence_prevention\" must be a list of {action, owner, due}");
	for (size_t i = 0; i < json_array_size(list); i++)
		for (size_t m = 0; m < LEN(MEMBERS); m++) {
			const json_t *a = json_array_get(list, i);
			if (!str_trim(doc_str(a, MEMBERS[m])).n)
				return doc_refuse(d, "recurrence_prevention", "missing_member", -EINVAL, "action %zu has no \"%s\"", i + 1, MEMBERS[m]);
		}
	return 0;
}

static bool is_text(const json_t *v)
{
	return str_trim(doc_text(v, true)).n > 0;
}

/* What reports tell: what is confirmed, suspected and unknown, in the words of whoever leads the work. */
static int check_told(const json_t *patch, struct diag *d)
{
	static const char *const MEMBERS[] = {"confirmed", "suspected", "unknown", NULL};
	const json_t *findings = json_object_get(patch, "findings"), *summary = json_object_get(patch, "summary");
	int r = json_is_object(findings) ? doc_only(findings, MEMBERS, d) : 0;
	if (findings && !json_is_object(findings) && !json_is_null(findings))
		r = doc_refuse(d, "findings", "bad_type", -EINVAL, "\"findings\" must be {confirmed, suspected, unknown}, lists of texts");
	for (size_t i = 0; r == 0 && MEMBERS[i]; i++) {
		const json_t *list = json_object_get(findings, MEMBERS[i]);
		if (list && (!json_is_array(list) || json_array_size(list) > FINDINGS_MAX))
			r = doc_refuse(d, "findings", "bad_type", -EINVAL, "\"%s\" must be a list of at most %d texts", MEMBERS[i], FINDINGS_MAX);
		for (size_t n = 0; r == 0 && n < json_array_size(list); n++)
			if (!is_text(json_array_get(list, n)))
				r = doc_refuse(d, "findings", "bad_type", -EINVAL, "\"%s\": item %zu is no text", MEMBERS[i], n + 1);
	}
	if (r == 0 && summary && !json_is_null(summary) && !is_text(summary))
		r = doc_refuse(d, "summary", "bad_type", -EINVAL, "\"summary\" must be a text, or {ja, en}");
	if (r == 0 && doc_str(patch, "next_update_at").n && doc_time(patch, "next_update_at") == TS_NONE)
		r = doc_refuse(d, "next_update_at", "bad_value", -EINVAL, "\"next_update_at\" is no time; write 2026-11-22T01:02:03Z");
	return r;
}

static int check_words(const json_t *patch, struct diag *d)
{
	static const char *const PRIORITIES[] = {"P1", "P2", "P3", "P4"}, *const TLP[] = {"CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"}, *const STATUSES[] = {"open", "closed"};
	static const char *const LEVELS[] = {"informational", "low", "medium", "high", "critical"};
	const char *phases[PHASE_COUNT];
	size_t at;
	int r = 0;
	for (int i = 0; i < PHASE_COUNT; i++)
		phases[i] = PHASES[i].name;
	if (json_object_get(patch, "phase"))
		r = doc_need_word(patch, "phase", phases, PHASE_COUNT, d, &at);
	if (r == 0 && json_object_get(patch, "priority"))
		r = doc_need_word(patch, "priority", PRIORITIES, LEN(PRIORITIES), d, &at);
	if (r == 0 && json_object_get(patch, "tlp"))
		r = doc_need_word(patch, "tlp", TLP, LEN(TLP), d, &at);
	if (r == 0 && json_object_get(patch, "severity"))
		r = doc_need_word(patch, "severity", LEVELS, LEN(LEVELS), d, &at);
	if (r == 0 && json_object_get(patch, "status"))
		r = doc_need_word(patch, "status", STATUSES, LEN(STATUSES), d, &at);
	if (r == 0 && json_object_get(patch, "title"))
		r = doc_need_text(patch, "title", d);
	if (r == 0 && json_object_get(patch, "recurrence_prevention"))
		r = check_actions(json_object_get(patch, "recurrence_prevention"), d);
	if (r == 0 && json_object_get(patch, "roles") && !json_is_object(json_object_get(patch, "roles")))
		r = doc_refuse(d, "roles", "bad_type", -EINVAL, "\"roles\" must be an object of role and user");
	return r;
}

static int check_close(const json_t *incident, const json_t *patch, struct diag *d)
{
	json_t *merged = json_object();
	doc_copy(merged, json_object_get(patch, "cause") ? patch : incident, "cause");
	int r = doc_need_text(merged, "cause", d);
	const json_t *actions = json_object_get(json_object_get(patch, "recurrence_prevention") ? patch : incident, "recurrence_prevention");
	if (!json_array_size(actions))
		r = doc_refuse(d, "recurrence_prevention", "missing_member", -EINVAL, "closing needs at least one recurrence-prevention action");
	json_decref(merged);
	return r;
}

static const char *plan(struct desk *k, const struct actor *who, const json_t *incident, const json_t *patch, json_t *out)
{
	const char *verb = "change";
	/* The rule's English title does not outlive a title that a person wrote. */
	if (json_object_get(patch, "title") && !json_equal(json_object_get(patch, "title"), json_object_get(incident, "title")))
		json_object_set_new(out, "title_en", json_null());
	bool was_open = doc_is(incident, "status", "open");
	if (json_object_get(patch, "phase") && !json_equal(json_object_get(patch, "phase"), json_object_get(incident, "phase"))) {
		verb = "phase";
		if (phase_of(incident) <= PHASE_CONTAINMENT && phase_of(patch) > PHASE_CONTAINMENT && doc_time(incident, "contained_at") == TS_NONE)
			doc_set_time(out, "contained_at", desk_now(k));
	}
	if (doc_is(patch, "status", "closed") && was_open) {
		verb = "close";
		doc_set_time(out, "closed_at", desk_now(k));
		doc_set_str(out, "closed_by", who->user);
	} else if (doc_is(patch, "status", "open") && !was_open) {
		verb = "reopen";
		json_object_set_new(out, "closed_at", json_null());
		json_object_set_new(out, "closed_by", json_null());
	}
	return verb;
}

static int tell_change(struct desk *k, const struct actor *who, const json_t *incident, const json_t *after, const char *verb)
{
	struct str id = doc_str(incident, "id"), was = doc_str(incident, "commander"), is = doc_str(after, "commander");
	int r = 0;
	if (phase_of(incident) != phase_of(after))
		r = say_of(k, who, id, "phase", "局面", "Phase", str_c(phase_label(phase_of(after), true)), str_c(phase_label(phase_of(after), false)), NULL, STR(""));
	if (r >= 0 && !str_eq(was, is) && is.n)
		r = say_of(k, who, id, "role", "指揮", "Commander", is, is, NULL, STR(""));
	if (r >= 0 && str_eq(str_c(verb), STR("close")))
		r = say_of(k, who, id, "close", "クローズ。原因", "Closed. Cause", doc_str(after, "cause"), doc_str(after, "cause"), NULL, STR(""));
	if (r >= 0 && str_eq(str_c(verb), STR("reopen")))
		r = timeline_say(k, who, id, "reopen", STR("再開"), STR("Reopened"), NULL, STR(""));
	return r;
}

int incident_change(struct desk *k, const struct actor *who, struct str id, uint64_t if_version, const json_t *patch, struct diag *d, json_t **ret)
{
	static const char *const MEMBERS[] = {"title", "phase", "priority", "severity", "tlp", "commander", "roles", "cause", "recurrence_prevention", "assets", "indicators", "summary", "findings", "next_update_at", "status", NULL};
	json_t *incident, *out = json_object(), *after = NULL;
	int r = desk_get(k, NOUN_INCIDENT, id, &incident);
	if (r < 0) {
		json_decref(out);
		return r;
	}
	bool reopening = doc_is(patch, "status", "open");
	if (if_version && (int64_t)if_version != doc_int(incident, "version"))
		r = -ESTALE;
	if (r == 0)
		r = doc_only(patch, MEMBERS, d);
	if (r == 0 && doc_is(incident, "status", "closed") && !reopening)
		r = doc_refuse(d, "status", "bad_state", -EBUSY, "the incident is closed; reopen it first");
	if (r == 0)
		r = check_words(patch, d);
	if (r == 0)
		r = check_told(patch, d);
	if (r == 0 && doc_is(patch, "status", "closed"))
		r = check_close(incident, patch, d);
	if (r == 0) {
		for (size_t i = 0; MEMBERS[i]; i++)
			doc_copy(out, patch, MEMBERS[i]);
		const char *verb = plan(k, who, incident, patch, out);
		r = desk_change(k, who, NOUN_INCIDENT, id, if_version, verb, out, &after);
		if (r == 0)
			r = tell_change(k, who, incident, after, verb);
		if (r >= 0 && !str_eq(doc_str(incident, "status"), doc_str(after, "status")))
			r = handoff_follow_incident(k, who, after);
		if (r < 0)
			json_decref(after);
	}
	json_decref(out);
	json_decref(incident);
	if (r < 0)
		return r;
	*ret = after;
	return 0;
}

/* ---- decisions ----------------------------------------------------------------------------------------------------------------------------------- */

int decision_add(struct desk *k, const struct actor *who, struct str incident_id, const json_t *decision, struct diag *d, json_t **ret)
{
	static const char *const MEMBERS[] = {"title", "options", "decided", "reason", NULL};
	json_t *incident, *o;
	int r = doc_only(decision, MEMBERS, d);
	for (size_t i = 0; MEMBERS[i]; i++)
		if (i != 1 && doc_need_text(decision, MEMBERS[i], d) < 0)
			r = -EINVAL;
	if (r == 0)
		r = incident_get_open(k, incident_id, d, &incident);
	if (r < 0)
		return r;
	json_decref(incident);
	o = json_object();
	for (size_t i = 0; MEMBERS[i]; i++)
		doc_copy(o, decision, MEMBERS[i]);
	doc_set_str(o, "incident_id", incident_id);
	json_object_set_new(o, "status", json_string("proposed"));
	doc_set_str(o, "decided_by", who->user);
	doc_set_time(o, "decided_at", desk_now(k));
	r = desk_create(k, who, NOUN_DECISION, o, ret);
	if (r == 0)
		r = say_of(k, who, incident_id, "decision", "決定案", "Decision proposed", doc_str(o, "title"), doc_str(o, "title"), "decision", doc_str(*ret, "id"));
	json_decref(o);
	return r;
}

int decision_decide(struct desk *k, const struct actor *who, struct str id, bool approve, struct str reason, struct diag *d, json_t **ret)
{
	json_t *o, *patch;
	if (!str_trim(reason).n)
		return doc_refuse(d, "reason", "missing_member", -EINVAL, "\"reason\" is required");
	int r = desk_get(k, NOUN_DECISION, id, &o);
	if (r < 0)
		return r;
	if (!doc_is(o, "status", "proposed"))
		r = doc_refuse(d, "status", "bad_state", -EBUSY, "it was decided already: %.*s", STR_ARG(doc_str(o, "status")));
	else if (str_eq(doc_str(o, "decided_by"), who->user))
		r = doc_refuse(d, "approver", "own_proposal", -EPERM, "nobody decides on his own proposal");
	patch = json_object();
	json_object_set_new(patch, "status", json_string(approve ? "approved" : "denied"));
	doc_set_str(patch, "approver", who->user);
	doc_set_str(patch, "approver_reason", reason);
	doc_set_time(patch, "approved_at", desk_now(k));
	if (r == 0)
		r = desk_change(k, who, NOUN_DECISION, id, 0, approve ? "approve" : "deny", patch, ret);
	if (r == 0)
		r = say_of(k, who, doc_str(o, "incident_id"), "decision", approve ? "承認" : "却下", approve ? "Approved" : "Denied", doc_str(o, "title"), doc_str(o, "title"), "decision", id);
	json_decref(patch);
	json_decref(o);
	return r;
}
