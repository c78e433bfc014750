/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/gate.h"
#include "sigma/rig.h"

#define TEXTS 400
#define KINDS (1u << GATE_EQ | 1u << GATE_PREFIX | 1u << GATE_SUFFIX)

static bool found[TEXTS + 1];

static void note(void *arg, uint16_t gate)
{
	(void)arg;
	found[gate] = true;
}

static bool fits(const struct ends_text *t, struct str value)
{
	return t->kind == GATE_PREFIX ? str_starts(value, t->text) : t->kind == GATE_SUFFIX ? str_ends(value, t->text) : str_eq(value, t->text);
}

/* Values that are put together from what is asked for, so that ends of all lengths do occur. */
static void compare_with_plain_look(size_t most, unsigned letters, size_t texts)
{
	struct arena mem;
	struct ends e;
	struct ends_text text[TEXTS];
	uint64_t state = letters;
	unsigned missed = 0, wrong = 0, there = 0;
	arena_init(&mem, 0);
	for (unsigned i = 0; i < texts; i++) {
		uint8_t kind = (uint8_t)(test_random(&state) % 3);
		text[i] = (struct ends_text){rig_text(&mem, &state, kind != GATE_EQ, most, letters), (uint16_t)(i + 1), kind};
	}
	ends_make(&e, text, texts);
	for (unsigned round = 0; round < 3000; round++) {
		struct str front = text[test_random(&state) % texts].text, middle = rig_text(&mem, &state, 0, round % 20, letters), back = text[test_random(&state) % texts].text;
		struct str value = round % 3 ? arena_fmt(&mem, "%.*s%.*s%.*s", STR_ARG(front), STR_ARG(middle), STR_ARG(back)) : round % 2 ? front : middle;
		memset(found, 0, sizeof(found));
		ends_find(&e, KINDS, value, note, NULL);
		for (unsigned i = 0; i < texts; i++) {
			bool fit = fits(&text[i], value);
			missed += fit && !found[i + 1];
			wrong += !fit && found[i + 1];
			there += fit;
		}
	}
	CHECK_INT(missed, 0);
	CHECK_INT(wrong, 0);
	CHECK(there > 400);
	ends_done(&e);
	arena_done(&mem);
}

TEST(what_a_value_is_begins_with_and_ends_in_is_found)
{
	compare_with_plain_look(3, 2, TEXTS);
	compare_with_plain_look(12, 2, TEXTS);
	compare_with_plain_look(12, 60, TEXTS);
	compare_with_plain_look(40, 3, TEXTS);
	compare_with_plain_look(ENDS_LENGTH_MAX, 4, TEXTS);
	compare_with_plain_look(20, 4, 1);
}

TEST(only_the_kinds_that_are_asked_for_are_told)
{
	static const struct ends_text text[] = {{STR("explorer.exe"), 1, GATE_EQ}, {STR("expl"), 2, GATE_PREFIX}, {STR(".exe"), 3, GATE_SUFFIX}, {STR("4624"), 4, GATE_NUMBER}};
	struct ends e;
	ends_make(&e, text, LEN(text));
	for (unsigned kind = GATE_EQ; kind <= GATE_SUFFIX; kind++) {
		memset(found, 0, sizeof(found));
		ends_find(&e, 1u << kind, STR("explorer.exe"), note, NULL);
		CHECK(found[1] == (kind == GATE_EQ) && found[2] == (kind == GATE_PREFIX) && found[3] == (kind == GATE_SUFFIX));
	}
	memset(found, 0, sizeof(found));
	ends_find(&e, KINDS, STR("4624"), note, NULL);
	CHECK(!found[4]);
	ends_find(&e, 1u << GATE_NUMBER, STR("4624"), note, NULL);
	CHECK(found[4]);
	ends_done(&e);
}

TEST(an_empty_table_and_an_empty_value_find_nothing)
{
	struct ends e;
	struct ends_text text = {STR("a"), 1, GATE_SUFFIX};
	memset(found, 0, sizeof(found));
	ends_make(&e, NULL, 0);
	ends_find(&e, KINDS, STR("a"), note, NULL);
	ends_find(&e, KINDS, STR(""), note, NULL);
	ends_done(&e);
	ends_make(&e, &text, 1);
	ends_find(&e, KINDS, STR(""), note, NULL);
	CHECK(!found[1]);
	ends_find(&e, KINDS, STR("ba"), note, NULL);
	CHECK(found[1]);
	ends_done(&e);
}

TEST_MAIN
