/* SPDX-License-Identifier: Apache-2.0 */
#include "soc/parts.h"

#include <errno.h>

const char *const ALERT_VERDICTS[] = {"true_positive", "false_positive", "benign", "suspicious", "duplicate", "test", "insufficient_data", "other"};
const size_t ALERT_VERDICTS_N = LEN(ALERT_VERDICTS);

enum status { NEW, ACKNOWLEDGED, INVESTIGATING, CLOSED, ESCALATED };
static const char *const STATUSES[] = {"new", "acknowledged", "investigating", "closed", "escalated"};

/* What a person may set, from which status, and the ledger's word for it. */
static const struct {
	enum status from, to;
	const char *verb;
} MOVES[] = {
	{NEW, ACKNOWLEDGED, "acknowledge"},
	{NEW, INVESTIGATING, "investigate"},
	{ACKNOWLEDGED, INVESTIGATING, "investigate"},
	{ACKNOWLEDGED, CLOSED, "close"},
	{INVESTIGATING, CLOSED, "close"},
	{ESCALATED, CLOSED, "close"},
	{CLOSED, ACKNOWLEDGED, "reopen"},
	{CLOSED, INVESTIGATING, "reopen"},
	{CLOSED, NEW, "reopen"},
	{ESCALATED, INVESTIGATING, "reopen"},
};

static enum status status_of(const json_t *alert)
{
	for (size_t i = 0; i < LEN(STATUSES); i++)
		if (doc_is(alert, "status", STATUSES[i]))
			return (enum status)i;
	return NEW;
}

static int refuse_move(enum status from, enum status to, struct diag *d)
{
	int r = doc_refuse(d, "status", "bad_state", -EBUSY, "an alert that is %s cannot become %s", STATUSES[from], STATUSES[to]);
	if (to == ESCALATED)
		diag_hint(d, "hand it over to the CSIRT: POST /api/v1/handoffs");
	else if (from == NEW && to == CLOSED)
		diag_hint(d, "acknowledge it first");
	return r;
}

static int check_close(const json_t *alert, const json_t *patch, json_t *out, struct diag *d)
{
	json_t *merged = json_object();
	size_t verdict;
	doc_copy(merged, json_object_get(patch, "verdict") ? patch : alert, "verdict");
	doc_copy(merged, json_object_get(patch, "reason") ? patch : alert, "reason");
	int r = doc_need_word(merged, "verdict", ALERT_VERDICTS, ALERT_VERDICTS_N, d, &verdict);
	int reason = doc_need_text(merged, "reason", d);
	if (r == 0 && (r = reason) == 0) {
		doc_copy(out, merged, "verdict");
		doc_copy(out, merged, "reason");
	}
	json_decref(merged);
	return r;
}

static void now_member(struct desk *k, json_t *out, const char *at, const char *by, const struct actor *who)
{
	doc_set_time(out, at, desk_now(k));
	if (by)
		doc_set_str(out, by, who->user);
}

/* While the CSIRT has not answered, the alert is in its hands. */
static int check_handoff(struct desk *k, const json_t *alert, struct diag *d)
{
	json_t *h;
	if (!doc_str(alert, "handoff_id").n || desk_get(k, NOUN_HANDOFF, doc_str(alert, "handoff_id"), &h) < 0)
		return 0;
	bool waits = doc_is(h, "status", "sent");
	json_decref(h);
	if (!waits)
		return 0;
	int r = doc_refuse(d, "status", "handed_over", -EBUSY, "the alert is handed over and the CSIRT has not answered yet");
	diag_hint(d, "ask the CSIRT to return the hand-off");
	return r;
}

/* Everything that the new status brings with it. */
static int enter(struct desk *k, const struct actor *who, json_t *alert, const json_t *patch, enum status to, json_t *out, struct diag *d)
{
	json_object_set_new(out, "status", json_string(STATUSES[to]));
	json_object_set_new(alert, "status", json_string(STATUSES[to]));
	if (to != NEW && doc_time(alert, "acked_at") == TS_NONE) {
		now_member(k, out, "acked_at", "acked_by", who);
		if (!doc_str(alert, "assignee").n && !json_object_get(patch, "assignee"))
			doc_set_str(out, "assignee", who->user);
	}
	if (to == CLOSED) {
		now_member(k, out, "closed_at", "closed_by", who);
		return check_close(alert, patch, out, d);
	}
	if (doc_time(alert, "closed_at") != TS_NONE) {
		json_object_set_new(out, "closed_at", json_null());
		json_object_set_new(out, "closed_by", json_null());
		json_object_set_new(out, "verdict", json_null());
		json_object_set_new(out, "reason", json_null());
		json_object_set_new(out, "closed_incident_id", json_null());
	}
	return 0;
}

static int plan(struct desk *k, const struct actor *who, json_t *alert, const json_t *patch, struct diag *d, json_t *out, const char **ret_verb)
{
	static const char *const MEMBERS[] = {"status", "verdict", "reason", "assignee", NULL};
	enum status from = status_of(alert);
	size_t to = from;
	const char *verb = json_object_get(patch, "assignee") ? "assign" : "amend";
	int r = doc_only(patch, MEMBERS, d);
	if (r == 0 && json_object_get(patch, "status"))
		r = doc_need_word(patch, "status", STATUSES, LEN(STATUSES), d, &to);
	if (r < 0)
		return r;
	if (to != from) {
		size_t m = 0;
		while (m < LEN(MOVES) && (MOVES[m].from != from || MOVES[m].to != (enum status)to))
			m++;
		if (m == LEN(MOVES))
			return refuse_move(from, (enum status)to, d);
		verb = MOVES[m].verb;
		if (from == ESCALATED && (r = check_handoff(k, alert, d)) < 0)
			return r;
		if ((r = enter(k, who, alert, patch, (enum status)to, out, d)) < 0)
			return r;
		calls_stop(alert, desk_now(k));
		doc_copy(out, alert, "calls");
		doc_copy(out, alert, "ack_due_at");
		doc_copy(out, alert, "due");
	} else if (json_object_get(patch, "verdict") || json_object_get(patch, "reason")) {
		if (from != CLOSED)
			return doc_refuse(d, "verdict", "bad_state", -EBUSY, "a verdict is given when the alert is closed");
		if ((r = check_close(alert, patch, out, d)) < 0)
			return r;
	}
	doc_copy(out, patch, "assignee");
	*ret_verb = verb;
	return 0;
}

int alert_change(struct desk *k, const struct actor *who, struct str id, uint64_t if_version, const json_t *patch, struct diag *d, json_t **ret)
{
	json_t *alert, *out = json_object();
	const char *verb = "amend";
	int r = desk_get(k, NOUN_ALERT, id, &alert);
	if (r < 0) {
		json_decref(out);
		return r;
	}
	if (if_version && (int64_t)if_version != doc_int(alert, "version"))
		r = -ESTALE;
	if (r == 0)
		r = plan(k, who, alert, patch, d, out, &verb);
	if (r == 0)
		r = desk_change(k, who, NOUN_ALERT, id, if_version, verb, out, ret);
	json_decref(out);
	json_decref(alert);
	return r;
}

/* ---- timers -------------------------------------------------------------------------------------------------------------------------------------- */

struct due_list {
	json_t *list;
};

static int take_due(void *arg, json_t *doc)
{
	return json_array_append(((struct due_list *)arg)->list, doc);
}

static int late_handoff(struct desk *k, const struct soc *s, const json_t *h)
{
	const struct rulebook_accept *a = s->book ? rulebook_accept_row(s->book, doc_str(h, "priority")) : NULL;
	json_t *patch = json_pack("{s:n, s:b}", "due", "accept_late", 1), *ret;
	int r = 0;
	if (a) {
		struct notice n = {.to = a->otherwise.who, .by = a->otherwise.by, .n_by = a->otherwise.n_by, .subject_ja = "引き継ぎが期限までに受領されていません",
			.subject_en = "A hand-off was not accepted in time", .body_ja = "CSIRT が引き継ぎを受領も返却もしていません。", .body_en = "The CSIRT has neither accepted nor returned the hand-off.",
			.about = NOUN_HANDOFF, .about_id = doc_str(h, "id"), .ack_due = TS_NONE, .drill = json_is_true(json_object_get(h, "drill"))};
		r = notice_post(k, &s->duty, &n, NULL);
	}
	if (r >= 0 && (r = desk_change(k, &SOC_SYSTEM, NOUN_HANDOFF, doc_str(h, "id"), 0, "late", patch, &ret)) == 0)
		json_decref(ret);
	json_decref(patch);
	return r;
}

static int tick_noun(struct desk *k, const struct soc *s, enum noun noun, const char *where)
{
	struct due_list due = {json_array()};
	struct desk_param p = {.is_int = true, .i = desk_now(k)};
	int r = desk_list(k, noun, where, &p, 1, take_due, &due), n = 0;
	for (size_t i = 0; r >= 0 && i < json_array_size(due.list); i++, n++) {
		json_t *doc = json_array_get(due.list, i), *ret;
		if (noun == NOUN_HANDOFF) {
			r = late_handoff(k, s, doc);
			continue;
		}
		r = calls_climb(k, s, doc);
		if (r >= 0 && (r = desk_change(k, &SOC_SYSTEM, NOUN_ALERT, doc_str(doc, "id"), 0, "climb", doc, &ret)) == 0)
			json_decref(ret);
	}
	json_decref(due.list);
	return r < 0 ? r : n;
}

int soc_tick(struct desk *k, const struct soc *s)
{
	int a = tick_noun(k, s, NOUN_ALERT, "due <= $1 ORDER BY due, id LIMIT 500");
	int b = a < 0 ? a : tick_noun(k, s, NOUN_HANDOFF, "due <= $1 AND status = 'sent' ORDER BY due, id LIMIT 500");
	return b < 0 ? b : a + b;
}

tstamp soc_next_due(struct desk *k)
{
	struct db_stmt *s = db_prepare(desk_db(k), "SELECT MIN(due) FROM (SELECT due FROM alert WHERE due IS NOT NULL UNION ALL SELECT due FROM handoff WHERE due IS NOT NULL AND status = 'sent')");
	tstamp t = TS_NONE;
	if (s && db_step(s) == 1) {
		t = db_col_null(s, 0) ? TS_NONE : db_col_i64(s, 0);
		db_reset(s);
	}
	return t;
}
