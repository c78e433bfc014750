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

/* All ways to match are tried. */
static bool matches(struct str pattern, struct str text)
{
	if (!pattern.n)
		return !text.n;
	struct str rest = str_sub(pattern, 1, pattern.n);
	char c = pattern.p[0];
	if (c == '*') {
		for (;;) {
			if (matches(rest, text))
				return true;
			if (!text.n)
				return false;
			text = str_sub(text, character(text), text.n);
		}
	}
	if (!text.n)
		return false;
	if (c == '?')
		return matches(rest, str_sub(text, character(text), text.n));
	if (c == '\\' && rest.n) {
		c = rest.p[0];
		rest = str_sub(rest, 1, rest.n);
	}
	return c == text.p[0] && matches(rest, str_sub(text, 1, text.n));
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

TEST(a_glob_of_a_path)
{
	CHECK(glob_match(STR("*\\\\appdata\\\\*\\\\temp\\\\*.exe"), STR("c:\\users\\a\\appdata\\local\\temp\\x.exe")));
	CHECK(!glob_match(STR("*\\\\appdata\\\\*\\\\temp\\\\*.exe"), STR("c:\\users\\a\\appdata\\local\\temp\\x.exe.log")));
	CHECK(glob_match(STR("*"), STR("")) && glob_match(STR(""), STR("")) && !glob_match(STR(""), STR("a")) && !glob_match(STR("?"), STR("")));
	CHECK(glob_match(STR("*?b"), STR("\xe3\x81\x82" "b")) && !glob_match(STR("??b"), STR("\xe3\x81\x82" "b")));
}

TEST_MAIN
