/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/rig.h"

/*
 * Patterns that go back without end on this text. The first may not leave PCRE2, for its reference back; the last is regular and answered in linear time. Their rules are woken
 * by the other item.
 */
static const char RULES[] =
	"title: hostile\nlogsource: {product: t}\ndetection:\n  s:\n    text|contains: aaaaaaaaaaaa\n    text|re: '^(a+)+\\1!$'\n  condition: s\n---\n"
	"title: honest\nlogsource: {product: t}\ndetection:\n  s:\n    text|contains: aaaa\n  condition: s\n---\n"
	"title: long\nlogsource: {product: t}\ndetection:\n  s:\n    text|re: '(?=b)b.*END'\n  condition: s\n---\n"
	"title: regular\nlogsource: {product: t}\ndetection:\n  s:\n    text|contains: aaaaaaaaaaaa\n    text|re: '^(a+)+[0-9]!$'\n  condition: s\n";

struct house {
	struct rig rig;
	struct sigma_matcher *m;
	const struct sigma_rule_counts *count;
	uint64_t hits[4];
};

static void open_house(struct house *h, const char *rules)
{
	*h = (struct house){0};
	rig_open(&h->rig, rules);
	h->m = sigma_matcher_new(h->rig.img);
	h->count = sigma_matcher_rule_counts(h->m);
}

static void close_house(struct house *h)
{
	sigma_matcher_free(h->m);
	rig_close(&h->rig);
}

static int count_hit(void *arg, const struct sigma_hit *hit)
{
	uint64_t *hits = arg;
	hits[hit->rule->index]++;
	return 0;
}

static void show(struct house *h, struct str json)
{
	struct record rec = {.raw = json, .ls = {STR("t"), STR(""), STR("")}, .format = FORMAT_JSON};
	struct event ev;
	decode_record(h->rig.dec, &rec, &h->rig.mem, &ev, NULL);
	sigma_match(h->m, &ev, count_hit, h->hits);
	h->count = sigma_matcher_rule_counts(h->m);
}

/* 400 events that the first rule's pattern goes back over, 100 a window. */
static void show_hostile(struct house *h)
{
	for (unsigned i = 0; i < 400; i++) {
		char text[200];
		int n = snprintf(text, sizeof(text), "{\"text\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%u!\"}", i);
		sigma_matcher_window(h->m, i / 100);
		show(h, str_n(text, (size_t)n));
	}
}

TEST(a_pattern_without_end_costs_one_search_a_window)
{
	struct house h;
	open_house(&h, RULES);
	show_hostile(&h);
	const struct sigma_rule_counts *c = h.count;
	CHECK_INT(c[0].evaluated, 400);
	CHECK_INT(h.hits[0], 0);
	CHECK_INT(h.hits[1], 400);
	CHECK_INT(c[0].limited, 4);
	CHECK_INT(c[0].set_aside, 396);
	CHECK_INT(c[1].limited, 0);
	CHECK_INT(h.hits[3], 10);
	CHECK_INT(c[3].evaluated, 400);
	CHECK_INT(c[3].limited + c[3].set_aside, 0);
	close_house(&h);
}

/* The limit grows with the text: an honest pattern finds what stands at the end of a long one. */
TEST(a_long_text_is_searched_to_its_end)
{
	struct house h;
	struct buf b = BUF_INIT(1 << 20);
	open_house(&h, RULES);
	buf_add_cstr(&b, "{\"text\":\"b");
	for (unsigned i = 0; i < 30000; i++)
		buf_add_cstr(&b, "word ");
	buf_add_cstr(&b, "END\"}");
	show(&h, buf_str(&b));
	CHECK_INT(h.hits[2], 1);
	close_house(&h);
	buf_done(&b);
}

/* Behind patterns that run into the limit an honest one still finds. */
TEST(many_patterns_without_end_share_one_limit)
{
	static const char rules[] =
		"title: many\nlogsource: {product: t}\ndetection:\n  s:\n    text|re:\n      - '^(a+)+\\1!$'\n      - '^(a|aa)+\\1!$'\n      - '^(a*)*\\1!$'\n      - '^(a|a)*\\1!$'\n  h:\n    text|re: 'a9+!$'\n"
		"  condition: h and not s\n---\n"
		"title: shared\nlogsource: {product: t}\ndetection:\n  s:\n    text|re: 'a9+!$'\n  condition: s\n";
	struct house h;
	open_house(&h, rules);
	for (unsigned i = 0; i < 10; i++)
		show(&h, STR("{\"text\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa99!\"}"));
	CHECK_INT(h.hits[0], 0); /* without an answer about s nobody knows */
	CHECK_INT(h.count[0].limited, 1);
	CHECK_INT(h.count[0].set_aside, 9);
	CHECK_INT(h.hits[1], 10);
	CHECK_INT(h.count[1].limited, 0);
	close_house(&h);
}

/* A pattern that was given up leaves the rest of its rule as it is. */
TEST(what_has_no_answer_leaves_the_rest_of_the_rule)
{
	static const char rules[] =
		"title: either\nlogsource: {product: t}\ndetection:\n  s:\n    text|re: '^(a+)+\\1!$'\n  t:\n    text|contains: honest\n  condition: s or t\n---\n"
		"title: without\nlogsource: {product: t}\ndetection:\n  s:\n    text|re: '^(a+)+\\1!$'\n  t:\n    text|contains: aaa\n  condition: t and not s\n";
	struct house h;
	open_house(&h, rules);
	for (unsigned i = 0; i < 10; i++) {
		show(&h, STR("{\"text\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa99!\"}"));
		show(&h, STR("{\"text\":\"an honest text\"}"));
	}
	CHECK_INT(h.hits[0], 10);
	CHECK_INT(h.hits[1], 0);
	CHECK(h.count[0].limited == 1 && h.count[0].set_aside >= 9);
	close_house(&h);
}

/* What was remembered before a pattern was given up changes nothing. */
TEST(a_pattern_is_given_up_whatever_is_remembered)
{
	static const char rule[] = "title: r\nlogsource: {product: t}\ndetection:\n  s:\n    text|re: '^(a+)+\\1!$'\n  condition: s\n";
	struct house warm, cold;
	open_house(&warm, rule);
	open_house(&cold, rule);
	show(&warm, STR("{\"text\":\"aaaa!\"}"));
	CHECK_INT(warm.hits[0], 1);
	for (unsigned i = 0; i < 2; i++) {
		struct house *h = i ? &cold : &warm;
		sigma_matcher_window(h->m, 1);
		show(h, STR("{\"text\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa99!\"}"));
		show(h, STR("{\"text\":\"aaaa!\"}"));
	}
	CHECK_INT(warm.hits[0] - 1, cold.hits[0]);
	close_house(&warm);
	close_house(&cold);
}

/* A pattern that only the explanation asks for is paid for, too. */
TEST(an_explanation_has_its_price)
{
	static const char rule[] = "title: r\nlogsource: {product: t}\ndetection:\n  s:\n    text|re: '^(a+)+\\1!$'\n  t:\n    other: x\n  condition: s or t\n";
	struct house h;
	open_house(&h, rule);
	for (unsigned i = 0; i < 5; i++)
		show(&h, STR("{\"text\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa99!\",\"other\":\"x\"}"));
	CHECK_INT(h.hits[0], 5);
	CHECK_INT(h.count[0].limited, 1);
	CHECK_INT(h.count[0].set_aside, 4);
	close_house(&h);
}

/* Evaluations 1, 2, 4 … 64, 128, 192 … of a rule, each for those since the one before. */
TEST(a_sample_of_evaluations_is_timed)
{
	struct house timed, other;
	open_house(&timed, RULES);
	open_house(&other, RULES);
	sigma_matcher_time_rules(timed.m);
	show_hostile(&timed);
	show_hostile(&other);
	CHECK_INT(timed.count[1].timed, 7 + 5);
	CHECK_INT(timed.count[1].sample, 384);
	CHECK_INT(timed.count[0].timed, 7 + 5);
	CHECK_INT(timed.count[2].evaluated + timed.count[2].timed + timed.count[2].sample_ns, 0);
	for (unsigned i = 0; i < LEN(timed.hits); i++) {
		CHECK_INT(other.count[i].timed + other.count[i].sample + other.count[i].sample_ns, 0);
		CHECK_INT(timed.hits[i], other.hits[i]);
		CHECK_INT(timed.count[i].evaluated, other.count[i].evaluated);
		CHECK_INT(timed.count[i].set_aside, other.count[i].set_aside);
	}
	close_house(&timed);
	close_house(&other);
}

TEST_MAIN
