/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "sigma/parts.h"

/* The bytes of the character that begins here, and of those that are none. */
static size_t character(struct str text)
{
	size_t n = 1;
	while (n < text.n && n < 4 && ((unsigned char)text.p[n] & 0xC0) == 0x80)
		n++;
	return n;
}

#define TEXT_MOST 400

/* All ways to match at once: `at` says up to where in the text some way has come. */
static bool matches(struct str pattern, struct str text)
{
	bool at[TEXT_MOST + 1] = {true};
	while (pattern.n) {
		bool next[TEXT_MOST + 1] = {false};
		char c = pattern.p[0];
		bool literal = c != '*' && c != '?';
		if (c == '\\' && pattern.n > 1) {
			pattern = str_sub(pattern, 1, pattern.n);
			c = pattern.p[0];
		}
		for (size_t t = 0; t <= text.n; t++) {
			if (!at[t])
				continue;
			if (!literal && t < text.n)
				*(c == '*' ? &at[t + character(str_sub(text, t, text.n))] : &next[t + character(str_sub(text, t, text.n))]) = true;
			if (literal ? t < text.n && text.p[t] == c : c == '*')
				next[t + literal] = true;
		}
		memcpy(at, next, sizeof(at));
		pattern = str_sub(pattern, 1, pattern.n);
	}
	return at[text.n];
}

/* Characters of a word, one of these for each step. */
static struct str make_text(char *p, uint64_t *state, size_t most, const char *const *letters, size_t n_letters)
{
	size_t n = 0;
	for (size_t left = test_random(state) % (most + 1); left--;) {
		const char *letter = letters[test_random(state) % n_letters];
		memcpy(p + n, letter, strlen(letter));
		n += strlen(letter);
	}
	return str_n(p, n);
}

TEST(a_glob_matches_what_some_way_of_reading_it_matches)
{
	static const char *const in_pattern[] = {"a", "a", "b", "*", "?", "*", "\\", "\xc3\xa9", "\xe3\x81\x82"}, *const in_text[] = {"a", "a", "a", "b", "*", "?", "\\", "\xc3\xa9", "\xe3\x81\x82"};
	uint64_t state = 1;
	unsigned wrong = 0, match = 0;
	for (unsigned round = 0; round < 300000; round++) {
		char p[3 * 8], t[3 * 12];
		/* In half of the rounds nothing but ASCII. */
		size_t n_letters = round % 2 ? LEN(in_text) - 2 : LEN(in_text);
		struct str pattern = make_text(p, &state, 8, in_pattern, n_letters), text = make_text(t, &state, 12, in_text, n_letters);
		bool want = matches(pattern, text);
		wrong += glob_match(pattern, text) != want;
		match += want;
	}
	CHECK_INT(wrong, 0);
	CHECK(match > 10000);
}

/* Texts in which nearly everything nearly fits nearly everywhere. */
TEST(a_glob_in_long_texts)
{
	static const char *const in_pattern[] = {"a", "a", "a", "?", "?", "*", "b", "\xc3\xa9"}, *const in_text[] = {"a", "a", "a", "a", "a", "a", "a", "b", "\xc3\xa9"};
	uint64_t state = 2;
	unsigned wrong = 0, match = 0;
	for (unsigned round = 0; round < 20000; round++) {
		char p[2 * 90], t[TEXT_MOST];
		size_t n_letters = 6 + round % 3; /* one kind of letter, two, and some that are not ASCII */
		struct str pattern = make_text(p, &state, round % 8 ? 12 : 90, in_pattern, n_letters), text = make_text(t, &state, TEXT_MOST / 2, in_text, n_letters + 1);
		bool want = matches(pattern, text);
		wrong += glob_match(pattern, text) != want;
		match += want;
	}
	CHECK_INT(wrong, 0);
	CHECK(match > 2000 && match < 18000);
}

TEST(a_glob_of_a_path)
{
	CHECK(glob_match(STR("*\\\\appdata\\\\*\\\\temp\\\\*.exe"), STR("c:\\users\\a\\appdata\\local\\temp\\x.exe")));
	CHECK(!glob_match(STR("*\\\\appdata\\\\*\\\\temp\\\\*.exe"), STR("c:\\users\\a\\appdata\\local\\temp\\x.exe.log")));
	CHECK(glob_match(STR("*"), STR("")) && glob_match(STR(""), STR("")) && !glob_match(STR(""), STR("a")) && !glob_match(STR("?"), STR("")));
	CHECK(glob_match(STR("*?b"), STR("\xe3\x81\x82" "b")) && !glob_match(STR("??b"), STR("\xe3\x81\x82" "b")));
}

TEST_MAIN
