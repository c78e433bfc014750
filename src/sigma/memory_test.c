/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/rig.h"

/* A matcher remembers values, places, layouts: none of it may change an answer. */

#define EVENTS 4000

static const char RULES[] =
	"title: end\nlogsource: {product: windows, service: security}\ndetection:\n  s:\n    NewProcessName|endswith: \\a.exe\n  condition: s\n---\n"
	"title: not\nlogsource: {product: windows, service: security}\ndetection:\n  s:\n    SubjectUserName: bob\n  f:\n    CommandLine|contains: ['-x', '-y', 'zz']\n  condition: s and not f\n---\n"
	"title: words\nlogsource: {product: windows, service: security}\ndetection:\n  s:\n    - evil\n    - 'true story'\n  condition: s\n---\n"
	"title: accent\nlogsource: {product: windows}\ndetection:\n  s:\n    - 'é-evil'\n    - 'ÄRGER'\n  condition: s\n---\n"
	"title: null\nlogsource: {product: windows, service: security}\ndetection:\n  s:\n    SubjectUserName: null\n  t:\n    CommandLine|contains|all: ['-x', zz]\n  condition: s and t\n---\n"
	"title: many\nlogsource: {product: windows, service: security}\ndetection:\n  s:\n    CommandLine|contains: ['q1', 'q2', 'q3', 'q4', 'zz-e']\n  condition: s\n---\n"
	/* What `not` asks as one question, asked one by one. */
	"title: apart\nlogsource: {product: windows, service: security}\ndetection:\n  s:\n    SubjectUserName: bob\n  x:\n    CommandLine|contains: '-x'\n  y:\n    CommandLine|contains: '-y'\n"
	"  z:\n    CommandLine|contains: 'zz'\n  condition: s and not x and not y and not z\n";
#define RULES_N 7
#define RULE_NOT 1
#define RULE_APART 6

static const char *const NAMES[] = {"NewProcessName", "SubjectUserName", "CommandLine", "Other", "More", "Flag"};
static const char *const VALUES[] = {"\"c:\\\\b\\\\a.exe\"", "\"bob\"", "\"run -x now\"", "\"zz-e -y\"", "\"evil\"", "\"\xC3\xA9-evil\"", "\"\xC3\xA4rger\"", "true", "null", "7", "[\"-x\",\"zz\"]",
	"[]", "\"true story\"", "{\"CommandLine\":\"-x zz\"}", "\"\\u0065vil\"", "\"a \\\"-x\\\" zz \xE7\x81\xAB\"", "\"true \xC5\xBFtory\""}; /* \xC5\xBF folds to s */

/* Names come in some orders, again and again, and twice at times. */
static struct str make_line(struct rig *r, uint64_t *state)
{
	struct buf b = BUF_INIT(1 << 16);
	uint32_t order = test_random(state) % 24;
	buf_add_cstr(&b, "{\"Channel\":\"Security\",\"EventID\":4688");
	for (unsigned i = 0; i < LEN(NAMES); i++) {
		unsigned at = (i + order) % LEN(NAMES);
		if (order & 8 && i == 2)
			continue;
		if (order & 16 && i == 3)
			at = (i + order - 1) % LEN(NAMES);
		buf_addf(&b, ",\"%s\":%s", NAMES[at], VALUES[test_random(state) % LEN(VALUES)]);
	}
	buf_addc(&b, '}');
	struct str line = arena_dup(&r->mem, buf_str(&b));
	buf_done(&b);
	return line;
}

static int note_hit(void *arg, const struct sigma_hit *hit)
{
	*(unsigned *)arg |= 1u << hit->rule->index;
	return 0;
}

TEST(what_is_remembered_changes_no_answer)
{
	struct rig r;
	uint64_t state = 7;
	unsigned wrong = 0, differ = 0, count[RULES_N] = {0};
	rig_open(&r, RULES);
	struct sigma_matcher *old = sigma_matcher_new(r.img);
	for (unsigned i = 0; i < EVENTS; i++) {
		struct event ev;
		enum decode_fault fault;
		unsigned hits_old = 0, hits_new = 0;
		arena_reset(&r.mem);
		struct record rec = {.raw = make_line(&r, &state)};
		decode_record(r.dec, &rec, &r.mem, &ev, &fault);
		struct sigma_matcher *fresh = sigma_matcher_new(r.img);
		sigma_match(old, &ev, note_hit, &hits_old);
		/* … and without what the decoder says of the line. */
		ev.n_line = ev.ascii = 0;
		sigma_match(fresh, &ev, note_hit, &hits_new);
		sigma_matcher_free(fresh);
		wrong += hits_old != hits_new;
		differ += (hits_old >> RULE_NOT & 1) != (hits_old >> RULE_APART & 1);
		for (unsigned k = 0; k < RULES_N; k++)
			count[k] += hits_new >> k & 1;
	}
	CHECK_INT(wrong, 0);
	CHECK_INT(differ, 0);
	for (unsigned k = 0; k < RULES_N; k++)
		CHECK(count[k] > 20 && count[k] < EVENTS - 20);
	sigma_matcher_free(old);
	rig_close(&r);
}

TEST_MAIN
