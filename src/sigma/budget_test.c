/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "event/decode.h"
#include "sigma/sigma.h"

/*
 * Patterns that go back without end on this text. The first may not leave PCRE2, for its reference back; the last is regular and answered in linear time. Their rules are woken
 * by the other item.
 */
static const char RULES[] =
	"title: hostile\nlogsource: {product: t}\ndetection:\n  s:\n    text|contains: aaaaaaaaaaaa\n    text|re: '^(a+)+\\1!$'\n  condition: s\n---\n"
	"title: honest\nlogsource: {product: t}\ndetection:\n  s:\n    text|contains: aaaa\n  condition: s\n---\n"
	"title: long\nlogsource: {product: t}\ndetection:\n  s:\n    text|re: '(?=b)b.*END'\n  condition: s\n---\n"
	"title: regular\nlogsource: {product: t}\ndetection:\n  s:\n    text|contains: aaaaaaaaaaaa\n    text|re: '^(a+)+[0-9]!$'\n  condition: s\n";

static int count_hit(void *arg, const struct sigma_hit *hit)
{
	uint64_t *hits = arg;
	hits[hit->rule->index]++;
	return 0;
}

TEST(a_pattern_without_end_costs_one_search_a_window)
{
	struct vocab *v = vocab_new();
	struct sigma_set *set = sigma_set_new();
	struct sigma_image *img;
	struct arena mem;
	struct diag d;
	struct event ev;
	uint64_t hits[4] = {0};
	diag_init(&d);
	arena_init(&mem, 0);
	CHECK_INT(sigma_set_add_text(set, str_c(RULES), STR("r.yml"), &d), 0);
	CHECK_INT(sigma_compile(set, v, &(struct sigma_opts){0}, &d, &img), 0);
	vocab_freeze(v);
	struct decoder *dec = decoder_new(v, 0);
	struct sigma_matcher *m = sigma_matcher_new(img);
	for (unsigned i = 0; i < 400; i++) {
		char text[200];
		int n = snprintf(text, sizeof(text), "{\"text\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%u!\"}", i);
		struct record rec = {.raw = str_n(text, (size_t)n), .ls = {STR("t"), STR(""), STR("")}, .format = FORMAT_JSON};
		sigma_matcher_window(m, i / 100);
		decode_record(dec, &rec, &mem, &ev, NULL);
		sigma_match(m, &ev, count_hit, hits);
	}
	const struct sigma_rule_counts *c = sigma_matcher_rule_counts(m);
	CHECK_INT((int64_t)(c[0].evaluated + c[0].set_aside), 400);
	CHECK_INT((int64_t)hits[0], 0);
	CHECK_INT((int64_t)hits[1], 400);
	CHECK_INT((int64_t)c[0].limited, 4);
	CHECK_INT((int64_t)c[0].set_aside, 396);
	CHECK_INT((int64_t)c[1].limited, 0);
	CHECK_INT((int64_t)hits[3], 10);
	CHECK_INT((int64_t)c[3].evaluated, 400);
	CHECK_INT((int64_t)(c[3].limited + c[3].set_aside), 0);
	sigma_matcher_free(m);
	decoder_free(dec);
	sigma_image_unref(img);
	sigma_set_free(set);
	arena_done(&mem);
	vocab_unref(v);
	diag_done(&d);
}

/* The limit grows with the text: an honest pattern finds what stands at the end of a long one. */
TEST(a_long_text_is_searched_to_its_end)
{
	struct vocab *v = vocab_new();
	struct sigma_set *set = sigma_set_new();
	struct sigma_image *img;
	struct arena mem;
	struct diag d;
	struct event ev;
	uint64_t hits[4] = {0};
	struct buf b = BUF_INIT(1 << 20);
	diag_init(&d);
	arena_init(&mem, 0);
	CHECK_INT(sigma_set_add_text(set, str_c(RULES), STR("r.yml"), &d), 0);
	CHECK_INT(sigma_compile(set, v, &(struct sigma_opts){0}, &d, &img), 0);
	vocab_freeze(v);
	struct decoder *dec = decoder_new(v, 0);
	struct sigma_matcher *m = sigma_matcher_new(img);
	buf_add_cstr(&b, "{\"text\":\"b");
	for (unsigned i = 0; i < 30000; i++)
		buf_add_cstr(&b, "word ");
	buf_add_cstr(&b, "END\"}");
	struct record rec = {.raw = buf_str(&b), .ls = {STR("t"), STR(""), STR("")}, .format = FORMAT_JSON};
	decode_record(dec, &rec, &mem, &ev, NULL);
	sigma_match(m, &ev, count_hit, hits);
	CHECK_INT((int64_t)hits[2], 1);
	sigma_matcher_free(m);
	decoder_free(dec);
	sigma_image_unref(img);
	sigma_set_free(set);
	arena_done(&mem);
	buf_done(&b);
	vocab_unref(v);
	diag_done(&d);
}

/* Behind patterns that run into the limit an honest one still finds, and its rule is set aside all the same. */
TEST(many_patterns_without_end_share_one_limit)
{
	static const char rules[] =
		"title: many\nlogsource: {product: t}\ndetection:\n  s:\n    text|re:\n      - '^(a+)+\\1!$'\n      - '^(a|aa)+\\1!$'\n      - '^(a*)*\\1!$'\n      - '^(a|a)*\\1!$'\n  h:\n    text|re: 'a9+!$'\n"
		"  condition: h and not s\n---\n"
		"title: shared\nlogsource: {product: t}\ndetection:\n  s:\n    text|re: 'a9+!$'\n  condition: s\n";
	struct vocab *v = vocab_new();
	struct sigma_set *set = sigma_set_new();
	struct sigma_image *img;
	struct arena mem;
	struct diag d;
	struct event ev;
	uint64_t hits[4] = {0};
	diag_init(&d);
	arena_init(&mem, 0);
	CHECK_INT(sigma_set_add_text(set, str_c(rules), STR("r.yml"), &d), 0);
	CHECK_INT(sigma_compile(set, v, &(struct sigma_opts){0}, &d, &img), 0);
	vocab_freeze(v);
	struct decoder *dec = decoder_new(v, 0);
	struct sigma_matcher *m = sigma_matcher_new(img);
	for (unsigned i = 0; i < 10; i++) {
		struct record rec = {.raw = STR("{\"text\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa99!\"}"), .ls = {STR("t"), STR(""), STR("")}, .format = FORMAT_JSON};
		decode_record(dec, &rec, &mem, &ev, NULL);
		sigma_match(m, &ev, count_hit, hits);
	}
	const struct sigma_rule_counts *c = sigma_matcher_rule_counts(m);
	CHECK_INT((int64_t)hits[0], 1);
	CHECK_INT((int64_t)c[0].limited, 1);
	CHECK_INT((int64_t)c[0].set_aside, 9);
	CHECK_INT((int64_t)hits[1], 10);
	CHECK_INT((int64_t)c[1].limited, 0);
	sigma_matcher_free(m);
	decoder_free(dec);
	sigma_image_unref(img);
	sigma_set_free(set);
	arena_done(&mem);
	vocab_unref(v);
	diag_done(&d);
}

TEST_MAIN
