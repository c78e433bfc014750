/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "codec/json.h"
#include "event/decode.h"
#include "sigma/sigma.h"
#include "sys/file.h"

/* One rule, one JSON event: 1 match, 0 none, -1 the rule was refused. */
static int verdict(struct str rule, struct str json, struct buf *ret_findings, struct buf *ret_reasons);

struct heard {
	const struct event *ev;
	struct buf *reasons;
};

static int count_hit(void *arg, const struct sigma_hit *hit)
{
	const struct heard *h = arg;
	for (size_t i = 0; i < hit->n_reason; i++) {
		const struct sigma_reason *r = &hit->reason[i];
		CHECK(r->at == SIGMA_NOWHERE || str_eq(h->ev->field[r->at].name, r->field));
		CHECK(!r->last || event_field_name(h->ev, r->field) == &h->ev->field[r->at]);
		if (h->reasons)
			buf_addf(h->reasons, "%.*s:%.*s=%.*s ", STR_ARG(r->selection), STR_ARG(r->field), STR_ARG(sigma_hit_value(hit, i)));
	}
	return 0;
}

static int verdict(struct str rule, struct str json, struct buf *ret_findings, struct buf *ret_reasons)
{
	struct sigma_set *set = sigma_set_new();
	struct sigma_image *img = NULL;
	struct vocab *v = vocab_new();
	struct diag d;
	struct arena mem;
	struct event ev;
	int got = -1;
	diag_init(&d);
	arena_init(&mem, 0);
	sigma_set_add_text(set, rule, STR("rule.yml"), &d);
	if (sigma_compile(set, v, &(struct sigma_opts){0}, &d, &img) == 0) {
		vocab_freeze(v);
		struct decoder *dec = decoder_new(v, 0);
		struct sigma_matcher *m = sigma_matcher_new(img);
		struct record rec = {.raw = json, .ls = {STR("t"), STR(""), STR("")}, .format = FORMAT_JSON};
		for (int round = 0; round < 2; round++) { /* the second time the value cache answers */
			decode_record(dec, &rec, &mem, &ev, NULL);
			int hits = sigma_match(m, &ev, count_hit, &(struct heard){&ev, round ? NULL : ret_reasons});
			CHECK(round == 0 || hits == got);
			got = hits;
		}
		sigma_matcher_free(m);
		decoder_free(dec);
		sigma_image_unref(img);
	}
	if (ret_findings)
		diag_print(&d, ret_findings);
	arena_done(&mem);
	diag_done(&d);
	vocab_unref(v);
	sigma_set_free(set);
	return got;
}

static struct buf rule_text(struct str detection)
{
	struct buf b = BUF_INIT(1 << 20);
	struct str line;
	buf_addf(&b, "title: t\nlogsource: {product: t}\ndetection:\n");
	while (str_line(&detection, &line))
		buf_addf(&b, "  %.*s\n", STR_ARG(line));
	return b;
}

static void check(const char *detection, const char *json, int want)
{
	struct buf rule = rule_text(str_c(detection)), findings = BUF_INIT(10000);
	int got = verdict(buf_str(&rule), str_c(json), &findings, NULL);
	if (got != want)
		test_failed(__FILE__, __LINE__, "%s\non %s: %d, want %d\n%s", detection, json, got, want, buf_cstr(&findings));
	buf_done(&rule);
	buf_done(&findings);
}

TEST(strings_wildcards_and_escapes)
{
	check("s:\n  F: 'a\\*b*'\ncondition: s", "{\"F\":\"A*bXX\"}", 1);
	check("s:\n  F: 'a\\\\*'\ncondition: s", "{\"F\":\"a\\\\zz\"}", 1);
	check("s:\n  F|endswith: '1?'\ncondition: s", "{\"F\":\"x12\"}", 1);
	check("s:\n  F|endswith: '1?'\ncondition: s", "{\"F\":\"x1\"}", 0);
	check("s:\n  F: 'gr?n'\ncondition: s", "{\"F\":\"GRÜN\"}", 1);
	check("s:\n  F|contains: 'größe'\ncondition: s", "{\"F\":\"xGRÖßE\"}", 1);
	check("s:\n  F|startswith: 'C:\\'\ncondition: s", "{\"F\":\"c:\\\\x\"}", 1);
	check("s:\n  F: '*a*b*c'\ncondition: s", "{\"F\":\"xaybzbc\"}", 1);
	check("s:\n  F: '*a*b*c'\ncondition: s", "{\"F\":\"xaybzbcd\"}", 0);
}

TEST(numbers_nulls_and_lists)
{
	check("s:\n  F|gte: 10\n  F|lt: 20\ncondition: s", "{\"F\":\"15\"}", 1);
	check("s:\n  F|neq: 5\ncondition: s", "{\"F\":5}", 0);
	check("s:\n  F: null\ncondition: s", "{\"F\":\"\"}", 0);
	check("s:\n  F: [1, null]\ncondition: s", "{\"G\":1}", 1);
	check("s:\n  F|exists: false\ncondition: s", "{\"F\":null}", 0);
	check("s:\n  F: b\ncondition: s", "{\"F\":[\"a\",\"b\"]}", 1);
	check("s:\n  F|contains|all: [a, b]\ncondition: s", "{\"F\":[\"a\",\"b\"]}", 1);
	check("s:\n  F|cidr: 2001:db8::/32\ncondition: s", "{\"F\":\"2001:db8::1\"}", 1);
}

TEST(conditions_and_their_errors)
{
	check("a:\n  A: 1\nb:\n  B: 1\ncondition: 1 of a* and not (b or c)", "{\"A\":1}", -1);
	check("sel_a:\n  A: 1\n_sel:\n  B: 1\ncondition: all of them", "{\"A\":1}", 1);
	check("a:\n  A: 1\ncondition: a |count() > 5", "{\"A\":1}", -1);
	check("a:\n  A: 1\ncondition: (a", "{\"A\":1}", -1);
	check("a:\n  A: 1\ncondition: 1 of b*", "{\"A\":1}", -1);
	check("a:\n  A: 1\ncondition: ''", "{\"A\":1}", -1);
}

TEST(findings_have_place_and_hint)
{
	struct buf findings = BUF_INIT(10000);
	CHECK_INT(verdict(STR("title: t\nlogsource: {product: t}\ndetection:\n  sel:\n    F|contians: x\n  condition: sel\n"), STR("{}"), &findings, NULL), -1);
	CHECK_STR(buf_str(&findings), "rule.yml:5:7: error: there is no modifier \"contians\" [sigma.unknown_modifier]\n  hint: did you mean \"contains\"?\n");
	buf_reset(&findings);
	CHECK_INT(verdict(STR("title: t\nlogsource: {product: t}\ndetection:\n  sel:\n    F: x\n  condition: sel and selektion\n"), STR("{}"), &findings, NULL), -1);
	CHECK_STR(buf_str(&findings), "rule.yml:6:22: error: there is no selection of this name: \"selektion\" [sigma.no_such_selection]\n");
	buf_done(&findings);
}

/* Found by fuzzing: lists where maps belong. */
TEST(documents_of_the_wrong_shape_are_refused)
{
	static const char *const rules[] = {"title: c\ncorrelation: {type: event_count, rules: [r], timespan: 1m, condition: [a, not a]}\n",
		"title: c\ncorrelation: {type: temporal, rules: [r], timespan: 1m, aliases: [x, {y: z}]}\n", "title: f\nlogsource: {product: t}\nfilter: [a]\n",
		"title: c\ncorrelation: [x]\n", "title: t\nlogsource: x\ndetection: [a]\n", "- a\n- b\n", "title: t\nlogsource: {product: t}\ndetection: {condition: {a: b}}\n", "text\n"};
	for (size_t i = 0; i < LEN(rules); i++) {
		struct buf findings = BUF_INIT(10000);
		CHECK_INT(verdict(str_c(rules[i]), STR("{}"), &findings, NULL), -1);
		CHECK(str_find(buf_str(&findings), STR("error: ")) != STR_NPOS || i == 2);
		buf_done(&findings);
	}
}

static void check_reasons(const char *detection, const char *json, const char *want)
{
	struct buf rule = rule_text(str_c(detection)), reasons = BUF_INIT(10000);
	CHECK_INT(verdict(buf_str(&rule), str_c(json), NULL, &reasons), 1);
	CHECK_STR(buf_str(&reasons), want);
	buf_done(&rule);
	buf_done(&reasons);
}

TEST(matches_explain_themselves)
{
	check_reasons("sel:\n  Image|endswith: ['\\cmd.exe', '\\powershell.exe']\n  CommandLine|contains: whoami\nflt:\n  User: x\ncondition: sel and not flt",
		"{\"Image\":\"C:\\\\PowerShell.exe\",\"CommandLine\":\"Whoami /all\"}", "sel:Image=C:\\PowerShell.exe sel:CommandLine=Whoami /all ");
	/* Once for a value, however often it was asked in a selection; an element of an array is a value of its own. */
	check_reasons("a:\n  F|contains|all: [x, y, z]\nb:\n  F|contains: x\ncondition: a and b", "{\"F\":\"xyz\"}", "a:F=xyz b:F=xyz ");
	check_reasons("a:\n  F|contains|all: [x, y, z]\ncondition: a", "{\"F\":[\"x\",\"yz\",\"x\"]}", "a:F=x a:F=yz ");
	check_reasons("a:\n  F|contains|all: [x, y]\ncondition: a", "{\"F\":[1,\"xy\",\"xy\",\"y\"]}", "a:F=xy a:F=y ");
	check_reasons("a:\n  F|contains|all: [x, '1']\ncondition: a", "{\"F\":[\"x\",1,\"1\"]}", "a:F=x a:F=1 ");
	/* What was true of an alternative that is not is no reason, nor what a NOT denies. */
	check_reasons("a:\n  A: 1\nb:\n  B: 1\nc:\n  C: 1\ncondition: (a and b) or (a and not c) or c", "{\"A\":1,\"B\":2,\"C\":1}", "c:C=1 ");
	check_reasons("a:\n  A: 1\nb:\n  B: 1\nc:\n  C: 1\ncondition: (a and b) or (a and not c) or c", "{\"A\":1,\"B\":2,\"C\":2}", "a:A=1 ");
	check_reasons("a:\n  - A: 2\n  - A: 1\n    B|startswith: x\n  - B: 'y*'\ncondition: 1 of a* and not (not a)", "{\"A\":1,\"B\":\"YX\"}", "a:B=YX ");
	/* No field has it. */
	check_reasons("a:\n  F: null\n  G|exists: false\n  H: 1\ncondition: a", "{\"H\":\"1\"}", "a:F= a:H=1 ");
	/* A keyword may be anywhere. */
	check_reasons("k: [needle]\ncondition: k", "{\"A\":\"hay\",\"B\":\"a needle in it\",\"C\":\"needle\"}", "k:B=a needle in it ");
	/* The last of several of a name. */
	check_reasons("a:\n  F|startswith: x\ncondition: a", "{\"F\":\"x1\",\"F\":\"x2\"}", "a:F=x2 ");
}

/* ---- real inputs --------------------------------------------------------------------------------------------------------------------- */

static bool leaf_of(const struct json_leaf *leaf, size_t n, const char *name, struct json_leaf *ret)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(leaf[i].name, str_c(name))) {
			*ret = leaf[i];
			return true;
		}
	return false;
}

static struct str unescaped(struct arena *mem, const struct json_leaf *l)
{
	char *p = arena_alloc(mem, l->n + 1u);
	return str_n(p, json_unescape(p, json_leaf_text(l)));
}

/* The text of the member "event" (an object) of a line. */
static struct str event_text(struct str line)
{
	size_t at = str_find(line, STR("\"event\": "));
	struct str rest = str_sub(line, at + 9, line.n), from = rest;
	CHECK_INT(json_skip_value(&rest), 0);
	return str_n(from.p, (size_t)(rest.p - from.p));
}

TEST(traps_of_the_standard)
{
	char path[4096];
	struct buf text = BUF_INIT(10 << 20);
	struct str rest, line;
	int failed = 0, n = 0;
	CHECK_INT(path_join(path, sizeof(path), test_corpus(), "sigma-traps/traps.jsonl"), 0);
	CHECK_INT(file_read(path, &text), 0);
	rest = buf_str(&text);
	while (str_line(&rest, &line)) {
		struct arena mem;
		struct json_leaf *leaf, det, expect, id;
		size_t n_leaf;
		struct str l = line;
		arena_init(&mem, 0);
		CHECK_INT(json_read_flat(&l, &mem, &leaf, &n_leaf, NULL), 0);
		CHECK(leaf_of(leaf, n_leaf, "det", &det) && leaf_of(leaf, n_leaf, "expect", &expect) && leaf_of(leaf, n_leaf, "id", &id));
		struct buf rule = rule_text(unescaped(&mem, &det));
		int want = expect.kind == JSON_KIND_TRUE ? 1 : expect.kind == JSON_KIND_FALSE ? 0 : -1;
		int got = verdict(buf_str(&rule), event_text(line), NULL, NULL);
		if (got != want) {
			printf("# %.*s: %d, want %d\n", STR_ARG(json_leaf_text(&id)), got, want);
			failed++;
		}
		n++;
		buf_done(&rule);
		arena_done(&mem);
	}
	buf_done(&text);
	printf("# %d traps, %d failed\n", n, failed);
	CHECK_INT(failed, 0);
	CHECK(n > 100);
}

TEST(every_public_rule_loads)
{
	static const char *const folders[] = {"rules", "rules-compliance", "rules-dfir", "rules-emerging-threats", "rules-placeholder", "rules-threat-hunting"};
	char path[4096];
	struct sigma_set *set = sigma_set_new();
	struct vocab *v = vocab_new();
	struct sigma_image *img;
	struct diag d;
	size_t n, placeholders = 0, others = 0;
	diag_init(&d);
	for (size_t i = 0; i < LEN(folders); i++) {
		snprintf(path, sizeof(path), "%s/sigma/%s", test_corpus(), folders[i]);
		sigma_set_add_path(set, path, &d);
	}
	CHECK_INT(sigma_compile(set, v, &(struct sigma_opts){0}, &d, &img), 0);
	sigma_image_rules(img, &n);
	vec_each(it, &d.items) {
		if (it->level != DIAG_ERROR)
			continue;
		bool placeholder = str_eq(str_c(it->code), STR("sigma.placeholder_not_set"));
		placeholders += placeholder;
		others += !placeholder;
		if (!placeholder)
			printf("# %.*s:%u: %.*s\n", STR_ARG(it->file), it->line, STR_ARG(it->message));
	}
	CHECK_INT(n, 3755);
	CHECK_INT(sigma_image_refused(img), 25);
	CHECK_INT(sigma_set_refused(set), 0);
	CHECK(placeholders >= 25);
	CHECK_INT(others, 0);
	sigma_image_unref(img);
	sigma_set_free(set);
	vocab_unref(v);
	diag_done(&d);
}

TEST_MAIN
