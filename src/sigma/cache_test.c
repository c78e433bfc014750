/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "event/decode.h"
#include "sigma/cache.h"
#include "sys/file.h"

/* What a set of rules says and does, as one text: findings, rules, hits on some events. */
struct outcome {
	bool from_cache;
	struct buf text;
};

static int add_hit(void *arg, const struct sigma_hit *hit)
{
	struct buf *b = arg;
	buf_addf(b, "hit %.*s:", STR_ARG(hit->rule->title));
	for (size_t i = 0; i < hit->n_reason; i++)
		buf_addf(b, " %.*s:%.*s=%.*s", STR_ARG(hit->reason[i].selection), STR_ARG(hit->reason[i].field), STR_ARG(sigma_hit_value(hit, i)));
	buf_addc(b, '\n');
	return 0;
}

static const char *const EVENTS[] = {"{\"Image\":\"C:\\\\Tools\\\\cmd.exe\",\"CommandLine\":\"cmd /c whoami\",\"n\":5}", "{\"Image\":\"C:\\\\x.exe\",\"CommandLine\":\"abc 123 def\",\"n\":70000}",
	"{\"src\":\"10.1.2.3\",\"message\":\"needle in it\"}", "{\"other\":null}"};

static void match_all(struct vocab *v, struct sigma_image *img, struct buf *out)
{
	struct decoder *dec = decoder_new(v, 0);
	struct sigma_matcher *m = sigma_matcher_new(img);
	struct arena mem;
	arena_init(&mem, 0);
	for (size_t i = 0; i < LEN(EVENTS); i++) {
		struct record rec = {.raw = str_c(EVENTS[i]), .ls = {STR("t"), STR(""), STR("")}, .format = FORMAT_JSON};
		struct event ev;
		decode_record(dec, &rec, &mem, &ev, NULL);
		sigma_match(m, &ev, add_hit, out);
	}
	arena_done(&mem);
	sigma_matcher_free(m);
	decoder_free(dec);
}

static struct outcome load(const char *rules, const char *cache)
{
	struct outcome o = {.text = BUF_INIT(1 << 20)};
	struct vocab *v = vocab_new();
	struct sigma_source src = {.path = &rules, .n = 1, .cache_dir = cache};
	struct sigma_loaded l;
	struct diag d;
	size_t n;
	diag_init(&d);
	CHECK_INT(sigma_load(&src, v, &(struct sigma_opts){0}, &d, &l), 0);
	vocab_freeze(v);
	o.from_cache = l.from_cache;
	diag_print(&d, &o.text);
	const struct sigma_rule *rule = sigma_image_rules(l.img, &n);
	buf_addf(&o.text, "%zu rules, %zu refused\n", n, l.refused);
	for (size_t i = 0; i < n; i++)
		buf_addf(&o.text, "%.*s %.*s %d %zu %u\n", STR_ARG(rule[i].id), STR_ARG(rule[i].title), rule[i].level, rule[i].n_tag, rule[i].line);
	CHECK(sigma_image_find(l.img, STR("11111111-1111-4111-8111-111111111111")) == rule);
	match_all(v, l.img, &o.text);
	sigma_image_unref(l.img);
	diag_done(&d);
	vocab_unref(v);
	return o;
}

static const char RULES[] =
	"title: one\nid: 11111111-1111-4111-8111-111111111111\nlevel: high\ntags: [attack.t1059]\nlogsource: {product: t}\ndetection:\n  s:\n    Image|endswith: '\\cmd.exe'\n"
	"    CommandLine|contains: [whoami, net user]\n  f:\n    n|gt: 100\n  condition: s and not f\n---\n"
	"title: regular\nlogsource: {product: t}\ndetection:\n  s:\n    CommandLine|re: '[a-c]{3} \\d+'\n  condition: s\n---\n"
	"title: network\nlogsource: {product: t}\ndetection:\n  s:\n    src|cidr: 10.0.0.0/8\n  k: [needle]\n  condition: s and k\n---\n"
	"title: nothing\nlogsource: {product: t}\ndetection:\n  s:\n    other: null\n  condition: s and not 1 of x*\n---\n"
	"title: refused\nlogsource: {product: t}\ndetection:\n  s:\n    a|nonsense: b\n  condition: s\n---\n"
	"title: count\nid: 22222222-2222-4222-8222-222222222222\ncorrelation:\n  type: event_count\n  rules: [11111111-1111-4111-8111-111111111111]\n  group-by: [Image]\n  timespan: 1m\n"
	"  condition: {gte: 3}\n";

static void write_rules(const char *path, const char *more)
{
	struct buf b = BUF_INIT(1 << 16);
	buf_add_cstr(&b, RULES);
	buf_add_cstr(&b, more);
	CHECK_INT(file_replace(path, buf_str(&b), 0600), 0);
	buf_done(&b);
}

static void check_same(const struct outcome *a, struct outcome b, bool from_cache)
{
	CHECK(b.from_cache == from_cache);
	CHECK(str_eq(buf_str(&b.text), buf_str(&a->text)));
	buf_done(&b.text);
}

TEST(a_cached_image_says_and_does_the_same)
{
	char rules[300], cache[300];
	snprintf(rules, sizeof(rules), "%s/rules.yml", test_tmpdir());
	snprintf(cache, sizeof(cache), "%s/cache", test_tmpdir());
	write_rules(rules, "");
	struct outcome plain = load(rules, NULL);
	CHECK(str_find(buf_str(&plain.text), STR("hit one: s:Image=C:\\Tools\\cmd.exe")) != STR_NPOS);
	CHECK(str_find(buf_str(&plain.text), STR("hit regular")) != STR_NPOS);
	CHECK(str_find(buf_str(&plain.text), STR("hit network")) != STR_NPOS);
	CHECK(str_find(buf_str(&plain.text), STR("nonsense")) != STR_NPOS);
	check_same(&plain, load(rules, cache), false);
	check_same(&plain, load(rules, cache), true);
	/* Another rule is another key. */
	write_rules(rules, "---\ntitle: more\nlogsource: {product: t}\ndetection:\n  s:\n    a: b\n  condition: s\n");
	struct outcome more = load(rules, cache);
	CHECK(!more.from_cache);
	CHECK(str_find(buf_str(&more.text), STR("more")) != STR_NPOS);
	buf_done(&more.text);
	buf_done(&plain.text);
}

struct found {
	char path[400];
};

static int note_path(void *arg, const char *path, int err)
{
	struct found *f = arg;
	(void)err;
	snprintf(f->path, sizeof(f->path), "%s", path);
	return 0;
}

TEST(a_damaged_cache_is_made_anew)
{
	char rules[300], cache[300];
	struct found f = {""};
	struct buf whole = BUF_INIT(64 << 20);
	snprintf(rules, sizeof(rules), "%s/rules.yml", test_tmpdir());
	snprintf(cache, sizeof(cache), "%s/cache", test_tmpdir());
	write_rules(rules, "");
	struct outcome plain = load(rules, cache);
	file_walk(cache, note_path, &f);
	CHECK_INT(file_read(f.path, &whole), 0);
	for (size_t i = 0; i < 40; i++) {
		size_t at = i < 4 ? i * 15 : whole.n / 40 * i;
		whole.p[at] ^= 0x20;
		CHECK_INT(file_replace(f.path, buf_str(&whole), 0600), 0);
		whole.p[at] ^= 0x20;
		check_same(&plain, load(rules, cache), false);
		check_same(&plain, load(rules, cache), true);
	}
	for (size_t n = 0; n < whole.n; n += whole.n / 7) {
		CHECK_INT(file_replace(f.path, str_sub(buf_str(&whole), 0, n), 0600), 0);
		check_same(&plain, load(rules, cache), false);
	}
	/* Where nothing can be written everything works all the same. */
	check_same(&plain, load(rules, "/dev/null/cache"), false);
	buf_done(&whole);
	buf_done(&plain.text);
}

TEST_MAIN
