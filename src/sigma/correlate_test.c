/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "base/vec.h"
#include "sigma/correlate.h"

#include <stdlib.h>

/* A correlator beside the plainest model of the same rule: both must fire at the same events, with the same values. */
#define GROUPS 5
#define TIMESPAN INT64_C(10)

struct model_member {
	tstamp time;
	int value;
};

struct model {
	VEC(struct model_member) in[GROUPS];
	bool values; /* counts different values, not events */
	size_t threshold;
};

static size_t model_count(const struct model *m, int group)
{
	size_t n = 0;
	for (size_t i = 0; i < m->in[group].n; i++) {
		bool first = true;
		for (size_t k = 0; k < i && m->values; k++)
			first = first && m->in[group].at[k].value != m->in[group].at[i].value;
		n += first;
	}
	return n;
}

static int by_time(const void *a, const void *b)
{
	const struct model_member *x = a, *y = b;
	return (x->time > y->time) - (x->time < y->time);
}

/* The count when it fires, else 0. */
static size_t model_feed(struct model *m, int group, tstamp time, int value)
{
	tstamp newest = INT64_MIN;
	size_t n = 0;
	for (size_t i = 0; i < m->in[group].n; i++)
		newest = m->in[group].at[i].time > newest ? m->in[group].at[i].time : newest;
	if (m->in[group].n && time < newest - TIMESPAN * NS_PER_S)
		return 0;
	vec_push(&m->in[group], ((struct model_member){time, value}));
	newest = time > newest ? time : newest;
	for (size_t i = 0; i < m->in[group].n; i++)
		if (m->in[group].at[i].time >= newest - TIMESPAN * NS_PER_S)
			m->in[group].at[n++] = m->in[group].at[i];
	m->in[group].n = n;
	qsort(m->in[group].at, n, sizeof(*m->in[group].at), by_time);
	size_t count = model_count(m, group);
	if (count < m->threshold)
		return 0;
	vec_clear(&m->in[group]);
	return count;
}

struct rules {
	struct vocab *v;
	struct sigma_set *set;
	struct sigma_image *img;
	struct diag d;
	field_id user, value;
};

static void rules_init(struct rules *r, bool values, size_t threshold)
{
	char text[1000];
	snprintf(text, sizeof(text),
		"title: base\nname: base\nlogsource: {product: t}\ndetection:\n  s:\n    user|exists: true\n  condition: s\n---\n"
		"title: c\nid: 22222222-2222-4222-8222-222222222222\ncorrelation:\n  type: %s\n  rules: [base]\n  group-by: [user]\n  timespan: %ds\n  condition:\n    gte: %zu\n%s",
		values ? "value_count" : "event_count", (int)TIMESPAN, threshold, values ? "    field: value\n" : "");
	r->v = vocab_new();
	r->set = sigma_set_new();
	diag_init(&r->d);
	CHECK_INT(sigma_set_add_text(r->set, str_c(text), STR("r.yml"), &r->d), 0);
	vocab_add_field(r->v, STR("user"), &r->user);
	vocab_add_field(r->v, STR("value"), &r->value);
	CHECK_INT(sigma_compile(r->set, r->v, &(struct sigma_opts){0}, &r->d, &r->img), 0);
	vocab_freeze(r->v);
}

static void rules_done(struct rules *r)
{
	sigma_image_unref(r->img);
	sigma_set_free(r->set);
	vocab_unref(r->v);
	diag_done(&r->d);
}

static int on_fire(void *arg, const struct correlation_hit *hit)
{
	size_t *count = arg;
	*count = (size_t)hit->value;
	CHECK(hit->last - hit->first <= TIMESPAN * NS_PER_S);
	return 0;
}

static size_t feed(struct rules *r, struct correlator *c, int group, tstamp time, int value, uint64_t record)
{
	char user[16], text[32];
	size_t n, count = 0;
	struct field field[2] = {{.name = STR("user"), .id = r->user}, {.name = STR("value"), .id = r->value}};
	field[0].val = (struct val){.kind = VAL_STR, .u.p = user, .n = (uint32_t)snprintf(user, sizeof(user), "u%d", group)};
	field[1].val = (struct val){.kind = VAL_STR, .u.p = text, .n = (uint32_t)snprintf(text, sizeof(text), "value %d", value)};
	struct event ev = {.field = field, .n_field = 2, .time = time, .source = group % 2 ? STR("a.log") : STR("b.log"), .record = record};
	struct sigma_hit hit = {.rule = sigma_image_rules(r->img, &n)};
	CHECK_INT(correlator_feed(c, &hit, &ev, on_fire, &count), 0);
	return count;
}

static struct correlator *restart(struct rules *r, struct correlator *c)
{
	struct buf b = BUF_INIT(64 << 20);
	struct correlator_stats before, after;
	struct correlator *again = correlator_new(r->img, 0);
	correlator_stats(c, &before);
	CHECK_INT(correlator_save(c, &b), 0);
	CHECK_INT(correlator_load(again, buf_str(&b)), 0);
	correlator_stats(again, &after);
	CHECK_INT((int64_t)after.keys, (int64_t)before.keys);
	CHECK_INT((int64_t)after.bytes, (int64_t)before.bytes);
	buf_done(&b);
	correlator_free(c);
	return again;
}

static void compare(bool values, size_t threshold, int span, unsigned seed)
{
	struct rules r;
	struct model m = {.values = values, .threshold = threshold};
	size_t fired = 0;
	rules_init(&r, values, threshold);
	struct correlator *c = correlator_new(r.img, 0);
	for (uint64_t i = 0; i < 20000; i++) {
		seed = seed * 1103515245u + 12345u;
		int group = (int)(seed >> 16) % GROUPS, value = (int)(seed >> 20 & 0xfff) % span;
		tstamp time = (tstamp)i * 50000000 - (seed >> 8 & 7 ? 0 : (tstamp)(seed >> 12 & 0xfff) * 4000000); /* one in eight is late, some too late */
		size_t want = model_feed(&m, group, time, value), got = feed(&r, c, group, time, value, i + 1);
		CHECK_INT((int64_t)got, (int64_t)want);
		fired += got > 0;
		if (i % 3000 == 2999)
			c = restart(&r, c);
	}
	CHECK(fired > 0);
	correlator_free(c);
	rules_done(&r);
	for (int i = 0; i < GROUPS; i++)
		vec_done(&m.in[i]);
}

TEST(events_are_counted_as_the_model_counts_them)
{
	compare(false, 30, 5, 1);
}

TEST(values_are_counted_as_the_model_counts_them)
{
	compare(true, 3, 4, 2);
	compare(true, 24, 60, 3);
}

TEST(memory_is_counted_and_bounded)
{
	struct rules r;
	struct correlator_stats s;
	rules_init(&r, true, 1000);
	struct correlator *c = correlator_new(r.img, 100000);
	for (int i = 0; i < 5000; i++)
		feed(&r, c, i, (tstamp)i * 1000000, i, (uint64_t)i + 1);
	correlator_stats(c, &s);
	CHECK(s.bytes <= 100000 && s.keys > 100 && s.evicted == 5000 - s.keys);
	correlator_free(c);
	rules_done(&r);
}

TEST_MAIN
