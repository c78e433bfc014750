/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "event/decode.h"
#include "sigma/sigma.h"

/* A matcher remembers values, places, layouts: none of it may change an answer. */

#define EVENTS 4000
#define RULES_MAX 8

static const char RULES[] =
	"title: end\nlogsource: {product: windows, service: security}\ndetection:\n  s:\n    NewProcessName|endswith: \\a.exe\n  condition: s\n---\n"
	"title: not\nlogsource: {product: windows, service: security}\ndetection:\n  s:\n    SubjectUserName: bob\n  f:\n    CommandLine|contains: ['-x', '-y', 'zz']\n  condition: s and not f\n---\n"
	"title: words\nlogsource: {product: windows, service: security}\ndetection:\n  s:\n    - evil\n    - 'true story'\n  condition: s\n---\n"
	"title: accent\nlogsource: {product: windows}\ndetection:\n  s:\n    - 'é-evil'\n    - 'ÄRGER'\n  condition: s\n---\n"
	"title: null\nlogsource: {product: windows, service: security}\ndetection:\n  s:\n    SubjectUserName: null\n  t:\n    CommandLine|contains|all: ['-x', zz]\n  condition: s and t\n---\n"
	"title: many\nlogsource: {product: windows, service: security}\ndetection:\n  s:\n    CommandLine|contains: ['q1', 'q2', 'q3', 'q4', 'zz-e']\n  condition: s\n";

static const char *const NAMES[] = {"NewProcessName", "SubjectUserName", "CommandLine", "Other", "More", "Flag"};
static const char *const VALUES[] = {"\"c:\\\\b\\\\a.exe\"", "\"bob\"", "\"run -x now\"", "\"zz-e -y\"", "\"evil\"", "\"\xC3\xA9-evil\"", "\"\xC3\xA4rger\"", "true", "null", "7", "[\"-x\",\"zz\"]",
	"[]", "\"true story\"", "{\"CommandLine\":\"-x zz\"}", "\"\\u0065vil\"", "\"a \\\"-x\\\" zz \xE7\x81\xAB\"", "\"true \xC5\xBFtory\""}; /* \xC5\xBF folds to s */

struct house {
	struct vocab *v;
	struct sigma_set *set;
	struct sigma_image *img;
	struct decoder *dec;
	struct diag d;
	struct arena mem;
};

static void open_house(struct house *h)
{
	*h = (struct house){.v = vocab_new(), .set = sigma_set_new()};
	diag_init(&h->d);
	arena_init(&h->mem, 0);
	CHECK_INT(sigma_set_add_text(h->set, str_c(RULES), STR("r.yml"), &h->d), 0);
	CHECK_INT(sigma_compile(h->set, h->v, &(struct sigma_opts){0}, &h->d, &h->img), 0);
	vocab_freeze(h->v);
	h->dec = decoder_new(h->v, 0);
}

static void close_house(struct house *h)
{
	decoder_free(h->dec);
	sigma_image_unref(h->img);
	sigma_set_free(h->set);
	arena_done(&h->mem);
	vocab_unref(h->v);
	diag_done(&h->d);
}

/* Names come in some orders, again and again, and twice at times. */
static struct str make_line(struct house *h, uint32_t *state)
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
	struct str line = arena_dup(&h->mem, buf_str(&b));
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
	struct house h;
	uint32_t state = 7;
	unsigned wrong = 0, count[RULES_MAX] = {0};
	open_house(&h);
	struct sigma_matcher *old = sigma_matcher_new(h.img);
	for (unsigned i = 0; i < EVENTS; i++) {
		struct event ev;
		enum decode_fault fault;
		unsigned hits_old = 0, hits_new = 0;
		arena_reset(&h.mem);
		struct record rec = {.raw = make_line(&h, &state)};
		decode_record(h.dec, &rec, &h.mem, &ev, &fault);
		struct sigma_matcher *fresh = sigma_matcher_new(h.img);
		sigma_match(old, &ev, note_hit, &hits_old);
		/* … and without what the decoder says of the line. */
		ev.n_line = ev.ascii = 0;
		sigma_match(fresh, &ev, note_hit, &hits_new);
		sigma_matcher_free(fresh);
		wrong += hits_old != hits_new;
		for (unsigned k = 0; k < RULES_MAX; k++)
			count[k] += hits_new >> k & 1;
	}
	CHECK_INT(wrong, 0);
	for (unsigned k = 0; k < 6; k++)
		CHECK(count[k] > 20 && count[k] < EVENTS - 20);
	sigma_matcher_free(old);
	close_house(&h);
}

TEST_MAIN
