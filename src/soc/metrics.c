/* SPDX-License-Identifier: Apache-2.0 */
#include "soc/parts.h"

#include <errno.h>
#include <stdlib.h>

/*
 * Definitions (printed beside the numbers): mttd = first event to alert made; mtta = alert made to acknowledged; mttt = alert made to handed
 * over; mttc = incident opened to containment left; mttr = incident opened to closed. Seconds; median and 90th percentile (nearest rank).
 */
struct spans {
	VEC(double) at;
};

struct figures {
	tstamp from, to;
	int64_t created, acknowledged, closed, escalated, reopened;
	json_t *verdicts;
	struct spans mttd, mtta, mttt, mttc, mttr;
	int64_t sent, accepted, returned;
	struct spans accept;
	int64_t opened, finished;
};

static bool within(const struct figures *f, tstamp t)
{
	return t != TS_NONE && (f->from == TS_NONE || t >= f->from) && (f->to == TS_NONE || t < f->to);
}

static void span(const struct figures *f, struct spans *s, tstamp a, tstamp b)
{
	if (a != TS_NONE && within(f, b) && b >= a)
		vec_push(&s->at, (double)(b - a) / (double)NS_PER_S);
}

static bool is_drill(const json_t *doc)
{
	return json_is_true(json_object_get(doc, "drill"));
}

static int take_alert(void *arg, json_t *a)
{
	struct figures *f = arg;
	if (is_drill(a))
		return 0;
	tstamp made = doc_time(a, "created_at"), closed = doc_time(a, "closed_at");
	f->created += within(f, made);
	f->acknowledged += within(f, doc_time(a, "acked_at"));
	f->escalated += within(f, doc_time(a, "escalated_at"));
	if (within(f, closed)) {
		char verdict[64];
		f->closed++;
		snprintf(verdict, sizeof(verdict), "%.*s", STR_ARG(doc_str(a, "verdict")));
		doc_set_int(f->verdicts, verdict, doc_int(f->verdicts, verdict) + 1);
	}
	span(f, &f->mttd, doc_time(a, "first_seen"), made);
	span(f, &f->mtta, made, doc_time(a, "acked_at"));
	span(f, &f->mttt, made, doc_time(a, "escalated_at"));
	return 0;
}

static int take_handoff(void *arg, json_t *h)
{
	struct figures *f = arg;
	if (is_drill(h))
		return 0;
	f->sent += within(f, doc_time(h, "created_at"));
	f->accepted += within(f, doc_time(h, "accepted_at"));
	f->returned += within(f, doc_time(h, "returned_at"));
	span(f, &f->accept, doc_time(h, "created_at"), doc_time(h, "accepted_at"));
	return 0;
}

static int take_incident(void *arg, json_t *i)
{
	struct figures *f = arg;
	if (is_drill(i))
		return 0;
	tstamp opened = doc_time(i, "opened_at");
	f->opened += within(f, opened);
	f->finished += within(f, doc_time(i, "closed_at"));
	span(f, &f->mttc, opened, doc_time(i, "contained_at"));
	span(f, &f->mttr, opened, doc_time(i, "closed_at"));
	return 0;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static void put(json_t *o, const char *name, struct spans *s)
{
	json_t *x = json_object();
	size_t n = s->at.n;
	if (n)
		qsort(s->at.at, n, sizeof(*s->at.at), by_size);
	json_object_set_new(x, "median", n ? json_real((s->at.at[(n - 1) / 2] + s->at.at[n / 2]) / 2) : json_null());
	json_object_set_new(x, "p90", n ? json_real(s->at.at[(n * 9 + 9) / 10 - 1]) : json_null());
	json_object_set_new(x, "n", json_integer((json_int_t)n));
	json_object_set_new(o, name, x);
	vec_done(&s->at);
}

int soc_metrics(struct desk *k, tstamp from, tstamp to, json_t **ret)
{
	struct figures f = {.from = from, .to = to, .verdicts = json_object()};
	int r = desk_list(k, NOUN_ALERT, "", NULL, 0, take_alert, &f);
	if (r >= 0)
		r = desk_list(k, NOUN_HANDOFF, "", NULL, 0, take_handoff, &f);
	if (r >= 0)
		r = desk_list(k, NOUN_INCIDENT, "", NULL, 0, take_incident, &f);
	json_t *o = json_object();
	doc_set_time(o, "from", from);
	doc_set_time(o, "to", to);
	json_object_set_new(o, "alerts", json_pack("{s:I, s:I, s:I, s:I, s:o}", "created", (json_int_t)f.created, "acknowledged", (json_int_t)f.acknowledged, "closed", (json_int_t)f.closed, "escalated",
		(json_int_t)f.escalated, "verdicts", f.verdicts));
	json_object_set_new(o, "handoffs", json_pack("{s:I, s:I, s:I}", "sent", (json_int_t)f.sent, "accepted", (json_int_t)f.accepted, "returned", (json_int_t)f.returned));
	json_object_set_new(o, "incidents", json_pack("{s:I, s:I}", "opened", (json_int_t)f.opened, "closed", (json_int_t)f.finished));
	put(o, "mttd", &f.mttd);
	put(o, "mtta", &f.mtta);
	put(o, "mttt", &f.mttt);
	put(o, "mttc", &f.mttc);
	put(o, "mttr", &f.mttr);
	put(o, "time_to_accept", &f.accept);
	if (r < 0)
		return json_decref(o), r;
	*ret = o;
	return 0;
}
