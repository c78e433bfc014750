/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/linear.h"

#include "base/test.h"
#include "base/utf8.h"
#include "sigma/regex.h"
#include "sigma/regex_random.h"

#include <errno.h>

/* PCRE2's answer, however long it takes: 1, 0, or its fault. Interpreted: the machine code of 10.42 does not find (?:\S|^){2}1*(?:b|^) in kk. */
static int pcre2_says(const struct regex *re, struct str text)
{
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	int r = pcre2_match(re->code, (PCRE2_SPTR)(text.n ? text.p : ""), text.n, 0, PCRE2_NO_JIT, data, NULL);
	pcre2_match_data_free(data);
	return r >= 0 ? 1 : r == PCRE2_ERROR_NOMATCH ? 0 : r;
}

static int linear_says(const struct regex *re, struct str text)
{
	uint32_t budget = UINT32_MAX;
	return linear_search(re->linear, text, &budget);
}

/* The pattern, which must have a program. */
static struct regex *with_program(const char *pattern, unsigned flags)
{
	struct regex_fault fault;
	struct regex *re = regex_new(str_c(pattern), flags, &fault);
	if (!re || !re->linear)
		test_failed(__FILE__, __LINE__, "/%s/ %s", pattern, re ? "has no program" : "is no pattern");
	return re;
}

/* What both say of the text; the test fails when they differ. Below 0 PCRE2 says nothing. */
static int both_say(const struct regex *re, const char *pattern, unsigned flags, struct str text)
{
	int says = pcre2_says(re, text);
	if (says >= 0 && linear_says(re, text) != says)
		test_failed(__FILE__, __LINE__, "/%s/ flags %u: PCRE2 says %d of \"%.*s\"", pattern, flags, says, STR_ARG(text));
	return says;
}

struct row {
	const char *pattern, *text;
	bool matches;
};

static void check_rows(const struct row *row, size_t n, unsigned flags)
{
	for (size_t i = 0; i < n; i++) {
		struct regex *re = with_program(row[i].pattern, flags);
		if (both_say(re, row[i].pattern, flags, str_c(row[i].text)) != row[i].matches)
			test_failed(__FILE__, __LINE__, "/%s/ on \"%s\" is not %d", row[i].pattern, row[i].text, row[i].matches);
		regex_free(re);
	}
}

TEST(each_construct_means_what_it_means_to_pcre2)
{
	static const struct row row[] = {
		{"", "", true},
		{"abc", "xxabcx", true},
		{"abc", "xxabx", false},
		{"abc", "ABC", false},
		{"a.c", "a\nc", false},
		{"a.c", "a-c", true},
		{"a\\Nc", "a\nc", false},
		{"\\x41\\x{42}\\t\\.", "AB\t.", true},
		{"\\x{e9}|é", "e", false},
		{"\\Qa.b*\\E", "a.b*", true},
		{"\\Qa.b*\\E", "axb*", false},
		{"[a-cx]z", "bz", true},
		{"[^a-c]z", "bz", false},
		{"[]a]z", "]z", true},
		{"[^]a]z", "]z", false},
		{"[a-]z", "-z", true},
		{"[\\d\\-x]z", "-z", true},
		{"[^\\w]z", "_z", false},
		{"[\\b]", "\b", true},
		{"[[:xdigit:][:punct:]]z", "~z", true},
		{"[[:^alpha:]]z", "az", false},
		{"[[:ascii:]]{2}", "\177 ", true},
		{"[[:cntrl:]]", "\177", true},
		{"\\d\\D\\w\\W\\s\\S\\h\\H\\v\\V", "1a_- x\tx\nx", true},
		{"\\v", "\t", false},
		{"\\h", "\v", false},
		{"\\s", "\v", true},
		{"(a|b|cd)e", "cde", true},
		{"(|a)b", "b", true},
		{"(?:a)(?<n>b)(?P<m>c)(?'o'd)(?|e|f)", "abcdf", true},
		{"xa*y", "xy", true},
		{"xa+y", "xy", false},
		{"xa?y", "xaay", false},
		{"xa{2}y", "xaaay", false},
		{"xa{2,}y", "xaaay", true},
		{"xa{2,3}y", "xaaaay", false},
		{"xa{0,1}y", "xaay", false},
		{"xa{2,3}?y", "xaay", true},
		{"((ab){2}){2}", "abababab", true},
		{"((ab){2}){2}", "ababab", false},
		{"x(a*)*y", "xaay", true},
		{"a{x}", "a{x}", true},
		{"a(?i)b|c", "aB", true},
		{"(a(?i)b|c)d", "Cd", true},
		{"(a(?i)b|c)d", "CD", false},
		{"(?i)a(?-i)b", "Ab", true},
		{"(?i)a(?-i)b", "AB", false},
		{"(?i:a(?^)b)c", "ABc", false},
		{"(?i)[[:upper:]][^[:lower:]]", "a1", true},
		{"(?i)[^[:lower:]]", "A", false},
		{"(?s).(?-s).", "\n\n", false},
		{"(?s:.)b", "\nb", true},
		{"(?i)\\x{212a}\\x{17f}", "kS", true},
		{"(?i)[\\x{17e}-\\x{17f}]", "s", true},
		{"(?i)[^\\x{212a}]", "K", false},
		{"\\bab\\b", "x ab", true},
		{"\\bab\\b", "xab", false},
		{"\\bab\\b", "ab_", false},
		{"\\B", "", true},
		{"\\b", "", false},
		{"\\Bb\\B", "abc", true},
		{"\\B-\\B", "a- ", false},
		{"(?:\\b|x)*y", "xxy", true},
		{"(^|x)+a", "bxa", true},
		{"(^|x){3}a", "xa", true},
		{"(^|x){3}a", "bxa", false},
	};
	static const struct row caseless[] = {
		{"k[s-t]\\w", "KS_", true},
		{"(?-i)a", "A", false},
		{"(?^)a", "A", false},
	};
	check_rows(row, LEN(row), 0);
	check_rows(caseless, LEN(caseless), ATOM_F_RE_I);
}

TEST(anchors_know_the_last_newline)
{
	static const struct row row[] = {
		{"^b", "a\nb", false},
		{"a$", "a\n", true},
		{"a$", "a\n\n", false},
		{"a$", "a\nb", false},
		{"a\\Z", "a\n", true},
		{"a\\Z", "a\nb", false},
		{"a\\z", "a\n", false},
		{"a\\z", "ba", true},
		{"a\\n$", "a\n", true},
		{"$", "", true},
		{"^$", "\n", true},
		{"^\\n$", "\n", true},
		{"$^", "\n", true},
		{"\\n^", "a\n", false},
		{"a$\\nb", "a\nb", false},
		{"\\Aa", "ba", false},
		{"(?m)^b$", "a\nb\nc", true},
		{"(?m:^)b", "a\nb", true},
		{"(?m:^)b^", "a\nb", false},
	};
	static const struct row lines[] = {
		{"^b", "a\nb", true},
		{"^b", "ab", false},
		{"\\n^", "a\n", false},
		{"\\n^", "a\nb", true},
		{"a$", "a\nb", true},
		{"a$", "ab", false},
		{"a$\\n^b", "a\nb", true},
		{"a$\\n$", "a\n\n", true},
		{"a\\n$", "a\n", true},
		{"\\Ab", "a\nb", false},
		{"a\\Z", "a\nb", false},
		{"a\\Z", "b\na\n", true},
		{"a\\z", "a\n", false},
		{"^$", "a\n", false},
		{"^$", "a\n\nb", true},
	};
	check_rows(row, LEN(row), 0);
	check_rows(lines, LEN(lines), ATOM_F_RE_M);
}

TEST(what_is_not_regular_or_too_large_is_refused)
{
	static const char *const pattern[] = {"(a)\\1", "(?=a)b", "(?!a)b", "(?<=a)b", "(?<!a)b", "(?>a)b", "a++b", "a{2}+b", "(a|\\A){0}b", "(?(?=a)b|c)", "(a(?1)?)", "(?x)a b", "\\R", "\\X", "\\pL", "[\\p{L}]", "\\Gab", "a\\Kb", "(*ANYCRLF)a",
		"(?#a)b", "\\Qab\\E+", "[[:<:]]a", "\\cA", "\\012", "a{256}", "(?:a{16}){16}", "(?:(?:a{60}){60}){60}", "(?:a?|b){128}"};
	static const char *const most[] = {"a{255}", "(?:a{15}){17}", "(?:(?:){60000}){60000}a", "x{127}y{128}"};
	struct regex_fault fault;
	for (size_t i = 0; i < LEN(pattern); i++) {
		struct regex *re = regex_new(str_c(pattern[i]), 0, &fault);
		if (!re || re->linear)
			printf("# /%s/ has %s\n", pattern[i], re ? "a program" : "no meaning");
		CHECK(re && !re->linear);
		regex_free(re);
	}
	for (size_t i = 0; i < LEN(most); i++) {
		struct linear *l = linear_new(str_c(most[i]), 0);
		CHECK(l);
		linear_free(l);
	}
}

/* Patterns that go back without end, on long texts: as soon as the text is read, the answer is there. */
TEST(patterns_without_end_are_answered)
{
	static const struct {
		const char *pattern;
		char fill;
		const char *tail;
		bool matches;
	} row[] = {
		{"^(a+)+$", 'a', "9!", false},
		{"^(a+)+$", 'a', "", true},
		{"(a+)+!$", 'a', "9!", false},
		{"(x+x+)+y", 'x', "", false},
		{"(x+x+)+y", 'x', "zy", false},
		{"(x+x+)+y", 'x', "y", true},
		{"^(([a-z])+.)+[A-Z]([a-z])+$", 'a', "", false},
		{"^(([a-z])+.)+[A-Z]([a-z])+$", 'a', "Ba", true},
		{"(.*a){20}!", 'a', "", false},
		{"(.*a){20}!", 'a', "!", true},
		{"^(a|a?)+!$", 'a', "9!", false},
		{"(\\w+\\s*)+\\+", 'b', " +-", true},
		{"\\+.*\\+.*\\+.*\\+.*\\+.*\\+.*\\+.*\\+.*\\+.*\\+.*\\+.*\\+.*\\+.*\\+x", '+', "", false},
		{"(?:\\b\\w+\\b ?){50}!", 'w', "", false},
	};
	static char text[100 * 1024 + 8];
	for (size_t i = 0; i < LEN(row); i++) {
		struct regex *re = with_program(row[i].pattern, 0);
		memset(text, row[i].fill, 100 * 1024);
		size_t n = 100 * 1024 + (size_t)snprintf(text + 100 * 1024, 8, "%s", row[i].tail);
		CHECK_INT(linear_says(re, str_n(text, n)), row[i].matches);
		regex_free(re);
	}
}

/* More points than a search keeps. */
TEST(texts_that_never_repeat_are_answered)
{
	static const char *const pattern[] = {"a[ab]{9}x", "(?:a[ab]{7}){3}\\.$", "^(?:[ab]*a[ab]{5}b){2}1", "(?:\\bb[ab]{1,6} ){3}", "(?m)^a.{40}b$", "(?:a.{70}b|b.{60}a)x"};
	uint64_t seed = 5;
	char text[1600];
	unsigned matched = 0;
	for (size_t i = 0; i < LEN(pattern); i++) {
		struct regex *re = with_program(pattern[i], 0);
		for (unsigned k = 0; k < 200; k++) {
			size_t n = 0;
			while (n + 1 < sizeof(text) && test_random(&seed) % 400) {
				unsigned kinds = test_random(&seed) % 3 ? 2 : 38;
				text[n++] = "abababababababababababababababab  \nx.1"[test_random(&seed) % kinds];
			}
			int says = both_say(re, pattern[i], 0, str_n(text, n));
			CHECK(says >= 0);
			matched += says > 0;
		}
		regex_free(re);
	}
	CHECK(matched > 100);
}

TEST(what_it_takes_is_paid_for_and_depends_on_nothing_else)
{
	struct regex *re = with_program("(x+x+)+y", 0);
	uint32_t budget = 1000, little = 20;
	CHECK_INT(linear_search(re->linear, STR("xxxxxxxxxxxxxxxxz"), &budget), 0);
	uint32_t once = 1000 - budget;
	CHECK_INT(linear_search(re->linear, STR("xxxxxxxxxxxxxxxxz"), &budget), 0);
	CHECK_INT(1000 - budget, 2 * once);
	CHECK(once > 17);
	CHECK_INT(linear_search(re->linear, STR("xxxxxxxxxxxxxxxxz"), &little), -EAGAIN);
	CHECK_INT(little, 0);
	regex_free(re);
}

TEST(random_patterns_have_pcre2s_answer)
{
	unsigned rounds = regex_random_rounds(3000), searched = 0, matched = 0;
	uint64_t seed = 11;
	char pattern[400], text[64];
	struct regex_fault fault;
	for (unsigned i = 0; i < rounds; i++) {
		size_t n = regex_random_pattern(&seed, pattern, sizeof(pattern), 2);
		unsigned flags = test_random(&seed) % 8 * ATOM_F_RE_I;
		struct regex *re = regex_new(str_n(pattern, n), flags, &fault);
		for (unsigned k = 0; k < 30 && re && re->linear; k++) {
			struct str t = str_n(text, regex_random_text(&seed, text, 24));
			int says = utf8_is_ascii(t) ? both_say(re, pattern, flags, t) : -1;
			searched += says >= 0;
			matched += says > 0;
		}
		regex_free(re);
	}
	printf("# %u searches, %u matches\n", searched, matched);
	CHECK(searched > 3 * rounds && matched > rounds);
}

TEST_MAIN
