/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/required.h"

#include "base/test.h"
#include "base/utf8.h"
#include "sigma/regex.h"
#include "sigma/regex_random.h"

/* The literals, in brackets. */
static const char *required_text(const char *pattern, struct arena *mem)
{
	struct required r;
	struct str out = STR("");
	required_of(str_c(pattern), mem, &r);
	for (size_t i = 0; i < r.n; i++)
		out = arena_fmt(mem, "%.*s[%.*s]", STR_ARG(out), STR_ARG(r.text[i]));
	return arena_dup(mem, out).p;
}

TEST(what_a_pattern_requires)
{
	static const struct {
		const char *pattern, *literals;
	} row[] = {
		{"powershell", "[powershell]"},
		{"(?i)PowerShell\\.exe", "[powershell.exe]"},
		{"[Pp]rogram[Dd]ata", "[programdata]"},
		{"net\\s+user\\s+", "[user]"},
		{"cmd.{0,5}(?:/c|/r)(?:\\s|)\"set\\s[a-zA-Z]{3,6}", "[\"set]"},
		{"(?:Copy-Item|cpi) .{2,128} -Destination", "[ -destination]"},
		{"\\n{6}", "[\n\n\n\n\n\n]"},
		{"a(b|c)d", "[abd][acd]"},
		{"(foo|ba[rz])+x*", "[foo][bar][baz]"},
		{"foo?", "[fo]"},
		{"x{2,}", "[x]"},
		{"\\x41\\x{e9}b", "[aéb]"},
		{"\\Qa.b\\E!", "[a.b!]"},
		{"(?=abc)def", "[def]"},
		{"(?!abc)", ""},
		{"(?<name>abc)|(?P<other>def)", "[abc][def]"},
		{"(?>abc)++", "[abc]"},
		{"[[:alpha:]]abc[]x]", "[abc]][abcx]"},
		{"a{x}b{}", "[a{x}b{}]"},
		{".{1000,}", ""},
		{"(abc|)", ""},
		{"abc|.", ""},
		{"\\d+\\.\\w", "[.]"},
		/* Not read: always searched. */
		{"(?x) a b c", ""},
		{"(abc)\\1", ""},
		{"(?(1)abc|abc)", ""},
		{"(*UTF)abc", ""},
		{"\\N{U+41}abc", ""},
		{"(?#abc)abc", ""},
		{"[\\Qabc\\E]abc", ""},
		{"[[:<:]]abc", ""},
		{"a{,3}b", ""},
	};
	struct arena mem;
	arena_init(&mem, 0);
	for (size_t i = 0; i < LEN(row); i++)
		CHECK_STR(str_c(required_text(row[i].pattern, &mem)), row[i].literals);
	arena_done(&mem);
}

/* ---- texts that match have one --------------------------------------------------------------------------------------------------------------- */

static bool has_one(const struct required *r, struct str text)
{
	char folded[256];
	struct str fold = str_n(folded, utf8_fold(folded, text.p, text.n));
	for (size_t i = 0; i < r->n; i++)
		if (str_find(fold, r->text[i]) != STR_NPOS)
			return true;
	return r->n == 0;
}

TEST(texts_that_match_have_a_required_literal)
{
	unsigned rounds = regex_random_rounds(3000), held = 0, wrong = 0;
	uint64_t seed = 7;
	char pattern[400], text[64];
	struct regex_fault fault;
	struct required need;
	struct arena mem;
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	pcre2_match_context *ctx = pcre2_match_context_create(NULL);
	arena_init(&mem, 0);
	for (unsigned i = 0; i < rounds; i++, arena_reset(&mem)) {
		size_t n = regex_random_pattern(&seed, pattern, sizeof(pattern), 2);
		struct regex *re = regex_new(str_n(pattern, n), 0, &fault);
		required_of(str_n(pattern, n), &mem, &need);
		for (unsigned k = 0; k < 30 && re; k++) {
			struct str t = str_n(text, regex_random_text(&seed, text, 24));
			uint32_t budget = 1u << 20;
			if (regex_search(re, t, data, ctx, &budget) <= 0)
				continue;
			held += need.n > 0;
			if (has_one(&need, t))
				continue;
			printf("# /%s/ matches \"%.*s\", but requires %s\n", pattern, STR_ARG(t), required_text(pattern, &mem));
			wrong++;
		}
		regex_free(re);
	}
	CHECK_INT(wrong, 0);
	CHECK(held > rounds / 4);
	pcre2_match_data_free(data);
	pcre2_match_context_free(ctx);
	arena_done(&mem);
}

TEST_MAIN
