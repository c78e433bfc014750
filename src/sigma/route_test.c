/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/rig.h"
#include "sigma/route.h"
#include "sys/thread.h"

#define THREADS 4
#define SETS 40

static const char RULES[] =
	"title: all\nlogsource: {product: p}\ndetection:\n  s:\n    text|contains: one\n  condition: s\n---\n"
	"title: some\nlogsource: {product: p, service: s1}\ndetection:\n  s:\n    text|contains: two\n  condition: s\n---\n"
	"title: words\nlogsource: {product: p, category: c}\ndetection:\n  s:\n    - three\n    - four\n  condition: s\n---\n"
	"title: more\nlogsource: {product: p, service: s1}\ndetection:\n  s:\n    text: five\n  filter:\n    text|contains: six\n  condition: not filter and not s\n";

struct house {
	struct rig rig;
	uint32_t lsset[SETS];
	pthread_barrier_t start;
};

static uint32_t lsset(struct house *h, const char *product, const char *category, const char *service)
{
	return vocab_lsset(h->rig.v, &(struct logsource){str_c(product), str_c(category), str_c(service)}, 1);
}

TEST(a_route_has_the_rules_of_its_log_sources)
{
	struct house h;
	rig_open(&h.rig, RULES);
	const struct route *all = route_of(h.rig.img, lsset(&h, "p", "", "")), *s1 = route_of(h.rig.img, lsset(&h, "p", "", "s1")), *c = route_of(h.rig.img, lsset(&h, "p", "c", "s1"));
	const struct route *none = route_of(h.rig.img, lsset(&h, "q", "", ""));
	CHECK(has_bit(all->rules, 0) && !has_bit(all->rules, 1) && !has_bit(all->rules, 2) && !has_bit(all->rules, 3));
	CHECK(has_bit(s1->rules, 0) && has_bit(s1->rules, 1) && !has_bit(s1->rules, 2) && has_bit(s1->rules, 3));
	CHECK(has_bit(c->rules, 0) && has_bit(c->rules, 1) && has_bit(c->rules, 2) && has_bit(c->rules, 3));
	CHECK(!none->rules[0]);
	CHECK_INT(s1->always.n, 1);
	CHECK_INT(s1->always.at[0], 3);
	CHECK(c->look[FIELD_UNKNOWN].kinds && !s1->look[FIELD_UNKNOWN].kinds);
	rig_close(&h.rig);
}

TEST(log_sources_that_meet_the_same_rules_share_a_route)
{
	struct house h;
	rig_open(&h.rig, RULES);
	const struct route *one = route_of(h.rig.img, lsset(&h, "p", "", "x")), *other = route_of(h.rig.img, lsset(&h, "p", "", "y")), *s1 = route_of(h.rig.img, lsset(&h, "p", "", "s1"));
	CHECK(one == other);
	CHECK(one != s1 && one->number != s1->number);
	CHECK(route_of(h.rig.img, lsset(&h, "p", "", "s1")) == s1);
	rig_close(&h.rig);
}

struct asker {
	struct house *h;
	const struct route *got[SETS];
};

static void *ask_all(void *arg)
{
	struct asker *a = arg;
	pthread_barrier_wait(&a->h->start);
	for (size_t i = 0; i < SETS; i++)
		a->got[i] = route_of(a->h->rig.img, a->h->lsset[i]);
	return NULL;
}

TEST(threads_that_ask_at_once_get_the_same_routes)
{
	struct house h;
	struct asker asker[THREADS];
	pthread_t thread[THREADS];
	rig_open(&h.rig, RULES);
	for (unsigned i = 0; i < SETS; i++) {
		char service[16];
		snprintf(service, sizeof(service), "s%u", i % 8);
		h.lsset[i] = lsset(&h, i % 2 ? "p" : "q", i % 3 ? "" : "c", service);
	}
	pthread_barrier_init(&h.start, NULL, THREADS);
	for (unsigned i = 0; i < THREADS; i++) {
		asker[i].h = &h;
		CHECK_INT(thread_start(&thread[i], "asker", ask_all, &asker[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		thread_join(thread[i]);
	for (unsigned i = 1; i < THREADS; i++)
		CHECK(memcmp(asker[i].got, asker[0].got, sizeof(asker[0].got)) == 0);
	pthread_barrier_destroy(&h.start);
	rig_close(&h.rig);
}

TEST_MAIN
