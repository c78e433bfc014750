/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "sigma/literals.h"

#define LITERALS 300

static bool found[LITERALS + 1];

static void note(void *arg, uint16_t gate)
{
	(void)arg;
	found[gate] = true;
}

/* The same numbers on every run. */
static uint32_t next_number(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static struct str make_text(struct arena *mem, uint32_t *state, size_t most, unsigned letters)
{
	size_t n = 1 + next_number(state) % most;
	char *p = arena_array(mem, n, 1);
	for (size_t i = 0; i < n; i++)
		p[i] = (char)(0x7e + next_number(state) % letters);
	return str_n(p, n);
}

/* Few letters, so that literals of all lengths do occur, overlap and share their windows. */
static void compare_with_plain_search(unsigned letters)
{
	struct arena mem;
	struct literal_set set = {0};
	struct literal_bits bits;
	struct str literal[LITERALS];
	uint16_t gate[LITERALS];
	uint64_t wanted[LITERALS / 64 + 1];
	uint32_t state = letters;
	unsigned wrong = 0, there = 0;
	arena_init(&mem, 0);
	memset(wanted, 0x5b, sizeof(wanted));
	for (unsigned i = 0; i < LITERALS; i++) {
		literal[i] = make_text(&mem, &state, 12, letters);
		gate[i] = (uint16_t)(i + 1);
	}
	literals_make(&set, &mem, literal, gate, LITERALS);
	literal_bits_make(&bits, &set, wanted);
	for (unsigned round = 0; round < 500; round++) {
		struct str text = make_text(&mem, &state, 60, letters);
		memset(found, 0, sizeof(found));
		literals_find(&set, &bits, text, note, NULL);
		for (unsigned i = 0; i < LITERALS; i++) {
			bool occurs = str_find(text, literal[i]) != STR_NPOS, asked = wanted[i / 64] >> i % 64 & 1;
			wrong += (occurs && asked && !found[i + 1]) || (found[i + 1] && !occurs);
			there += occurs && asked;
		}
	}
	CHECK_INT(wrong, 0);
	CHECK(there > 1000);
	literal_bits_done(&bits);
	literals_done(&set);
	arena_done(&mem);
}

TEST(every_wanted_literal_is_found_and_nothing_that_is_not_there)
{
	compare_with_plain_search(2);
	compare_with_plain_search(4);
	compare_with_plain_search(9);
}

TEST(an_empty_set_and_an_empty_text_find_nothing)
{
	struct arena mem;
	struct literal_set set = {0};
	struct literal_bits bits;
	uint64_t wanted[1] = {1};
	uint16_t gate = 1;
	struct str literal = STR("x");
	arena_init(&mem, 0);
	memset(found, 0, sizeof(found));
	literals_make(&set, &mem, NULL, NULL, 0);
	literal_bits_make(&bits, &set, wanted);
	literals_find(&set, &bits, STR("text"), note, NULL);
	literal_bits_done(&bits);
	literals_done(&set);
	literals_make(&set, &mem, &literal, &gate, 1);
	literal_bits_make(&bits, &set, wanted);
	literals_find(&set, &bits, STR(""), note, NULL);
	CHECK(!found[1]);
	literals_find(&set, &bits, STR("x"), note, NULL);
	CHECK(found[1]);
	literal_bits_done(&bits);
	literals_done(&set);
	arena_done(&mem);
}

TEST_MAIN
