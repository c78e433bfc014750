/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"
#include "codec/json.h"
#include "sigma/few.h"
#include "sigma/rig.h"

#define LITERALS 300

static bool found[LITERALS + 1];

static void note(void *arg, uint16_t gate)
{
	(void)arg;
	found[gate] = true;
}

struct search {
	unsigned letters, literals;
	size_t least, most; /* bytes of a literal */
	size_t text_most;
	bool slowly; /* as if the machine had no AVX2 */
	unsigned run; /* of the bytes of texts and literals only one in so many may not be the first letter; 0: any */
};

static struct str text_of(struct arena *mem, uint64_t *state, const struct search *s, size_t least, size_t most)
{
	struct str text = rig_text(mem, state, least, most, s->letters);
	for (size_t i = 0; s->run && i < text.n; i++)
		if (test_random(state) % s->run)
			((char *)(uintptr_t)text.p)[i] = 0x7e;
	return text;
}

/* Few letters, so that literals of all lengths do occur, overlap and share their windows. In every other text some stands. */
static void compare_with_plain_search(const struct search *s)
{
	struct arena mem;
	struct literal_set set = {0};
	struct literal_bits bits;
	struct str literal[LITERALS];
	uint16_t gate[LITERALS];
	uint64_t wanted[LITERALS / 64 + 1];
	uint64_t state = s->letters;
	unsigned wrong = 0, there = 0;
	arena_init(&mem, 0);
	memset(wanted, 0x5b, sizeof(wanted));
	for (unsigned i = 0; i < s->literals; i++) {
		literal[i] = text_of(&mem, &state, s, s->least, s->most);
		gate[i] = (uint16_t)(i + 1);
	}
	literals_make(&set, &mem, literal, gate, s->literals);
	literal_bits_make(&bits, &set, wanted);
	bits.avx2 = bits.avx2 && !s->slowly;
	for (unsigned round = 0; round < 500; round++) {
		struct str text = text_of(&mem, &state, s, 1, s->text_most), some = literal[test_random(&state) % s->literals];
		if (round % 2 && some.n <= text.n)
			memcpy((char *)(uintptr_t)text.p + test_random(&state) % (text.n - some.n + 1), some.p, some.n);
		memset(found, 0, sizeof(found));
		literals_find(&set, &bits, text, note, NULL);
		for (unsigned i = 0; i < s->literals; i++) {
			bool occurs = str_find(text, literal[i]) != STR_NPOS, asked = wanted[i / 64] >> i % 64 & 1;
			wrong += (occurs && asked && !found[i + 1]) || (found[i + 1] && !occurs);
			there += occurs && asked;
		}
	}
	CHECK_INT(wrong, 0);
	CHECK(there > 50);
	literal_bits_done(&bits);
	literals_done(&set);
	arena_done(&mem);
}

TEST(every_wanted_literal_is_found_and_nothing_that_is_not_there)
{
	for (unsigned slowly = 0; slowly < 2; slowly++) {
		compare_with_plain_search(&(struct search){2, LITERALS, 1, 12, 60, slowly, 0});
		compare_with_plain_search(&(struct search){4, LITERALS, 1, 12, 60, slowly, 0});
		compare_with_plain_search(&(struct search){9, LITERALS, 1, 12, 60, slowly, 0});
		compare_with_plain_search(&(struct search){3, LITERALS, 2, 5, 200, slowly, 0});
		compare_with_plain_search(&(struct search){20, LITERALS, 1, 12, 900, slowly, 0});
	}
}

/* In steps of four, where those that are not long are few or none. */
TEST(long_literals_are_found_at_any_place)
{
	for (unsigned slowly = 0; slowly < 2; slowly++) {
		compare_with_plain_search(&(struct search){2, LITERALS, LITERAL_LONG, 12, 60, slowly, 0});
		compare_with_plain_search(&(struct search){3, LITERALS, LITERAL_LONG, 40, 300, slowly, 0});
		compare_with_plain_search(&(struct search){60, LITERALS, LITERAL_LONG, 40, 300, slowly, 0});
		compare_with_plain_search(&(struct search){3, LITERALS, LITERAL_LONG - 1, 20, 300, slowly, 0});
	}
}

/* Sets that are looked for 64 places at a time, where the machine can. */
TEST(few_literals_are_found_in_texts_of_any_length)
{
	for (unsigned literals = 1; literals <= 70; literals += literals < 10 ? 1 : 15) {
		compare_with_plain_search(&(struct search){2, literals, 1, 12, 60, false, 0});
		compare_with_plain_search(&(struct search){3, literals, 1, 12, 300, false, 0});
	}
}

/* Texts of little but one letter, where windows are settled and literals decided. */
TEST(literals_are_found_in_texts_made_to_be_compared_in_vain)
{
	for (unsigned slowly = 0; slowly < 2; slowly++)
		for (unsigned run = 4; run < 100; run *= 3) {
			compare_with_plain_search(&(struct search){3, LITERALS, LITERAL_LONG, 30, 1500, slowly, run});
			compare_with_plain_search(&(struct search){3, LITERALS, 2, 12, 1500, slowly, run});
			compare_with_plain_search(&(struct search){3, 40, 5, 30, 1500, slowly, run});
		}
}

/* A literal in a string of ASCII, whatever its case and its escapes, is never missed by the look at the line. */
TEST(a_line_that_is_clear_holds_none)
{
	static const char letters[] = "aAbBuU0:\\\"/\n .";
	struct arena mem;
	struct literal_set set = {0};
	struct str literal[20];
	uint16_t gate[20];
	uint64_t wanted[1] = {~UINT64_C(0)};
	uint64_t state = 3;
	unsigned missed = 0, clear = 0, there = 0;
	arena_init(&mem, 0);
	for (unsigned i = 0; i < LEN(literal); i++) {
		char *p = arena_array(&mem, 8, 1);
		size_t n = 3 + test_random(&state) % 4;
		for (size_t k = 0; k < n; k++)
			p[k] = (char)ch_lower((unsigned char)letters[test_random(&state) % (sizeof(letters) - 1)]);
		literal[i] = str_n(p, n);
		gate[i] = (uint16_t)(i + 1);
	}
	literals_make(&set, &mem, literal, gate, LEN(literal));
	struct few *few = few_make(&set, wanted, FEW_LINE);
	for (unsigned round = 0; round < 20000 && few; round++) {
		char text[100], fold[200];
		struct buf line = BUF_INIT(1000);
		size_t n = test_random(&state) % sizeof(text);
		for (size_t k = 0; k < n; k++)
			text[k] = letters[test_random(&state) % (sizeof(letters) - 1)];
		json_add_string(&line, str_n(text, n));
		struct str folded = str_n(fold, utf8_fold(fold, text, n));
		bool any = few_any(few, buf_str(&line)), occurs = false;
		for (unsigned i = 0; i < LEN(literal); i++)
			occurs = occurs || str_find(folded, literal[i]) != STR_NPOS;
		missed += occurs && !any;
		clear += !any;
		there += occurs;
		buf_done(&line);
	}
	CHECK_INT(missed, 0);
	CHECK(!few || (clear > 100 && there > 100));
	CHECK(!few || few_any(few, STR("{\"k\":\"\\u0061\"}")));
	few_free(few);
	literals_done(&set);
	arena_done(&mem);
}

TEST(an_empty_set_and_an_empty_text_find_nothing)
{
	struct arena mem;
	struct literal_set set = {0};
	struct literal_bits bits;
	uint64_t wanted[1] = {1};
	uint16_t gate = 1;
	struct str literal = STR("x");
	static const char text[4 + LITERAL_ROOM] = "text";
	arena_init(&mem, 0);
	memset(found, 0, sizeof(found));
	literals_make(&set, &mem, NULL, NULL, 0);
	literal_bits_make(&bits, &set, wanted);
	literals_find(&set, &bits, str_n(text, 4), note, NULL);
	literal_bits_done(&bits);
	literals_done(&set);
	literals_make(&set, &mem, &literal, &gate, 1);
	literal_bits_make(&bits, &set, wanted);
	literals_find(&set, &bits, str_n(text, 0), note, NULL);
	CHECK(!found[1]);
	literals_find(&set, &bits, str_n(text + 2, 1), note, NULL);
	CHECK(found[1]);
	literal_bits_done(&bits);
	literals_done(&set);
	arena_done(&mem);
}

TEST_MAIN
