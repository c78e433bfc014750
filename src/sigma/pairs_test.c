/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "sigma/pairs.h"
#include "sigma/parts.h"

#define ATOMS 200

static struct str make_text(struct arena *mem, uint64_t *state, size_t most, const char *of)
{
	size_t n = 1 + test_random(state) % most, kinds = strlen(of);
	char *p = arena_array(mem, n, 1);
	for (size_t i = 0; i < n; i++)
		p[i] = of[test_random(state) % kinds];
	return str_n(p, n);
}

static bool holds(const struct atom *a, struct str text)
{
	return a->op == ATOM_GLOB ? glob_match(a->text, text) : str_find(text, a->text) != STR_NPOS;
}

static void fill_atoms(struct sigma_image *img, struct arena *mem, uint64_t *state)
{
	for (uint16_t i = 0; i < ATOMS; i++) {
		bool glob = i % 2;
		struct atom *a = &img->atom[i];
		a->op = glob ? ATOM_GLOB : ATOM_CONTAINS;
		a->text = make_text(mem, state, glob ? 9 : 6, glob ? "abcd**?\\" : "abcdefgh");
		a->answer = (uint16_t)(i + 1);
	}
}

TEST(what_lacks_a_pair_does_not_hold)
{
	static struct atom atom[ATOMS];
	struct sigma_image img = {.atom = atom, .n_atom = ATOMS};
	uint64_t state = 1;
	size_t held = 0, passed = 0, wrong = 0;
	arena_init(&img.mem, 0);
	fill_atoms(&img, &img.mem, &state);
	pairs_need_all(&img);
	for (unsigned round = 0; round < 2000; round++) {
		struct pairs pairs;
		struct str text = make_text(&img.mem, &state, 40, "abcdefgh?*\\");
		pairs_note(&pairs, text);
		for (size_t i = 0; i < ATOMS; i++) {
			bool none = img.need[i + 1].pair[0] == PAIRS_NONE, may = none || pairs_may_hold(&pairs, &img.need[i + 1]);
			held += holds(&atom[i], text);
			passed += may;
			wrong += holds(&atom[i], text) && !may;
		}
	}
	CHECK_INT(wrong, 0);
	CHECK(held > 2000);
	CHECK(passed < (size_t)2000 * ATOMS / 2); /* and most that do not hold are told */
	arena_done(&img.mem);
}

TEST(one_byte_needs_nothing)
{
	struct atom atom[] = {{.op = ATOM_CONTAINS, .text = STR("x"), .answer = 1}, {.op = ATOM_GLOB, .text = STR("*x*?y*"), .answer = 2},
		{.op = ATOM_CONTAINS, .text = STR("Xy"), .flags = ATOM_F_CASED, .answer = 3}, {.op = ATOM_SUFFIX, .text = STR("xyz"), .answer = 4}};
	struct sigma_image img = {.atom = atom, .n_atom = LEN(atom)};
	arena_init(&img.mem, 0);
	pairs_need_all(&img);
	for (size_t i = 0; i < LEN(atom); i++)
		CHECK_INT(img.need[atom[i].answer].pair[0], PAIRS_NONE);
	arena_done(&img.mem);
}

TEST_MAIN
