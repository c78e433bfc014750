/* SPDX-License-Identifier: Apache-2.0 */
#include "soc/parts.h"

#include <errno.h>

const struct actor SOC_SYSTEM = {{"system", 6}, {"system", 6}};

void calls_due(json_t *alert)
{
	const json_t *calls = json_object_get(alert, "calls");
	tstamp due = TS_NONE;
	for (size_t i = 0; i < json_array_size(calls); i++) {
		const json_t *c = json_array_get(calls, i);
		if (doc_is(c, "state", "waiting"))
			due = doc_time(c, "ack_due_at");
	}
	doc_set_time(alert, "ack_due_at", due);
	tstamp hand_off = doc_time(alert, "handoff_due_at");
	if (hand_off != TS_NONE && !json_is_true(json_object_get(alert, "handoff_late")) && !doc_is(alert, "status", "closed") && !doc_is(alert, "status", "escalated") &&
		(due == TS_NONE || hand_off < due))
		due = hand_off;
	json_object_set_new(alert, "due", due == TS_NONE ? json_null() : json_integer(due));
}

void calls_stop(json_t *alert, tstamp now)
{
	json_t *calls = json_object_get(alert, "calls");
	for (size_t i = 0; i < json_array_size(calls); i++) {
		json_t *c = json_array_get(calls, i);
		if (!doc_is(c, "state", "waiting"))
			continue;
		json_object_set_new(c, "state", json_string("acknowledged"));
		doc_set_time(c, "acked_at", now);
	}
	calls_due(alert);
}

static const char *text_of(struct buf *b, const json_t *alert, bool ja)
{
	struct str title = ja && doc_str(alert, "title_ja").n ? doc_str(alert, "title_ja") : doc_str(alert, "title");
	buf_addf(b, "%s[%.*s] %.*s (#%lld)", json_is_true(json_object_get(alert, "drill")) ? (ja ? "【訓練】" : "[DRILL] ") : "", STR_ARG(doc_str(alert, "priority")), STR_ARG(title),
		(long long)doc_int(alert, "number"));
	return buf_cstr(b);
}

static int tell(struct desk *k, const struct soc *s, const json_t *alert, const struct rulebook_step *step, tstamp ack_due, json_t *who)
{
	struct buf sja = BUF_INIT(10000), sen = BUF_INIT(10000);
	char ja[4000], en[4000];
	const json_t *x = json_object_get(alert, "explanation");
	snprintf(ja, sizeof(ja), "%.*s", STR_ARG(doc_str(x, "ja")));
	snprintf(en, sizeof(en), "%.*s", STR_ARG(doc_str(x, "en")));
	struct notice n = {.to = step->who, .by = step->by, .n_by = step->n_by, .subject_ja = text_of(&sja, alert, true), .subject_en = text_of(&sen, alert, false), .body_ja = ja, .body_en = en,
		.about = NOUN_ALERT, .about_id = doc_str(alert, "id"), .ack_due = ack_due, .drill = json_is_true(json_object_get(alert, "drill"))};
	int r = notice_post(k, &s->duty, &n, who);
	buf_done(&sja);
	buf_done(&sen);
	return r;
}

/* Calls step `at` of the row and writes it into the alert. A step that nobody has to answer is followed by the next at once. */
static int call_from(struct desk *k, const struct soc *s, json_t *alert, const struct rulebook_row *row, size_t at)
{
	json_t *calls = json_object_get(alert, "calls");
	int r = 0;
	for (; r >= 0 && at < row->n_step; at++) {
		const struct rulebook_step *step = &row->step[at];
		tstamp now = desk_now(k), due = step->ack_within ? now + step->ack_within : TS_NONE;
		json_t *who = json_array(), *by = json_array(), *c = json_object();
		r = tell(k, s, alert, step, due, who);
		for (size_t i = 0; i < step->n_by; i++)
			json_array_append_new(by, doc_string(step->by[i]));
		doc_set_str(c, "row", row->name_ja.n ? row->name_ja : row->name_en);
		doc_set_str(c, "row_en", row->name_en.n ? row->name_en : row->name_ja);
		doc_set_int(c, "step", (int64_t)at + 1);
		doc_set_str(c, "to", step->who);
		json_object_set_new(c, "who", who);
		json_object_set_new(c, "by", by);
		doc_set_time(c, "called_at", now);
		doc_set_time(c, "ack_due_at", due);
		json_object_set_new(c, "state", json_string(due == TS_NONE ? "told" : "waiting"));
		json_array_append_new(calls, c);
		if (due != TS_NONE)
			break;
	}
	calls_due(alert);
	return r;
}

/* An earlier row of the book takes over: nobody has to answer the old call any more. */
static void replace_waiting(json_t *alert)
{
	json_t *calls = json_object_get(alert, "calls");
	for (size_t i = 0; i < json_array_size(calls); i++)
		if (doc_is(json_array_get(calls, i), "state", "waiting"))
			json_object_set_new(json_array_get(calls, i), "state", json_string("replaced"));
}

int calls_begin(struct desk *k, const struct soc *s, json_t *alert)
{
	int row = s->book ? rulebook_match(s->book, alert, desk_now(k), s->offset_s) : -1;
	const json_t *had = json_object_get(alert, "call_row");
	if (!json_object_get(alert, "calls"))
		json_object_set_new(alert, "calls", json_array());
	if (row < 0 || (json_is_integer(had) && json_integer_value(had) <= row) || doc_time(alert, "acked_at") != TS_NONE)
		return 0;
	replace_waiting(alert);
	doc_set_int(alert, "call_row", row);
	if (s->book->row[row].hand_off_within)
		doc_set_time(alert, "handoff_due_at", desk_now(k) + s->book->row[row].hand_off_within);
	return call_from(k, s, alert, &s->book->row[row], 0);
}

static int late_hand_off(struct desk *k, const struct soc *s, json_t *alert)
{
	static const struct rulebook_step LEAD = {.who = {"role(soc_lead)", 14}, .by = {{"console", 7}, {"mail", 4}}, .n_by = 2};
	json_object_set_new(alert, "handoff_late", json_true());
	return tell(k, s, alert, &LEAD, TS_NONE, NULL);
}

int calls_climb(struct desk *k, const struct soc *s, json_t *alert)
{
	json_t *calls = json_object_get(alert, "calls"), *last = json_array_get(calls, json_array_size(calls) - 1);
	tstamp now = desk_now(k);
	int64_t row = doc_int(alert, "call_row");
	int r = 0;
	if (last && doc_is(last, "state", "waiting") && doc_time(last, "ack_due_at") <= now) {
		json_object_set_new(last, "state", json_string("climbed"));
		if (s->book && (size_t)row < s->book->n_row)
			r = call_from(k, s, alert, &s->book->row[row], (size_t)doc_int(last, "step"));
	}
	tstamp hand_off = doc_time(alert, "handoff_due_at");
	if (r >= 0 && hand_off != TS_NONE && hand_off <= now && !json_is_true(json_object_get(alert, "handoff_late")))
		r = late_hand_off(k, s, alert);
	calls_due(alert);
	return r;
}
