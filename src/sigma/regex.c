/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/regex.h"

#include "base/utf8.h"
#include "sigma/linear.h"

#include <errno.h>

#define STEPS_MOST 16384u /* at one place of the text */
#define SLICE 8u

struct regex *regex_new(struct str pattern, unsigned atom_flags, struct regex_fault *ret_fault)
{
	uint32_t flags = PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_USE_OFFSET_LIMIT;
	flags |= atom_flags & ATOM_F_RE_I ? PCRE2_CASELESS : 0;
	flags |= atom_flags & ATOM_F_RE_M ? PCRE2_MULTILINE : 0;
	flags |= atom_flags & ATOM_F_RE_S ? PCRE2_DOTALL : 0;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n, flags, &ret_fault->code, &ret_fault->at, NULL);
	if (!code)
		return NULL;
	pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
	struct regex *re = must_new(struct regex);
	*re = (struct regex){.code = code, .linear = linear_new(pattern, atom_flags)};
	must(pcre2_pattern_info(code, PCRE2_INFO_MINLENGTH, &re->shortest) == 0);
	return re;
}

void regex_free(struct regex *re)
{
	if (!re)
		return;
	pcre2_code_free(re->code);
	linear_free(re->linear);
	free(re);
}

struct search {
	const pcre2_code *re;
	struct str text;
	pcre2_match_data *data;
	pcre2_match_context *ctx;
};

/* Matches that begin at from or later, up to the context's offset limit. 1, 0, or -EAGAIN when it takes more than limit steps. */
static int look(const struct search *s, size_t from, uint32_t limit)
{
	pcre2_set_match_limit(s->ctx, limit);
	int r = pcre2_match(s->re, (PCRE2_SPTR)(s->text.n ? s->text.p : ""), s->text.n, from, 0, s->data, s->ctx);
	bool limited = r == PCRE2_ERROR_MATCHLIMIT || r == PCRE2_ERROR_DEPTHLIMIT || r == PCRE2_ERROR_HEAPLIMIT || r == PCRE2_ERROR_JIT_STACKLIMIT;
	return limited ? -EAGAIN : r >= 0;
}

/* One place, with ever more steps. */
static int look_at_place(const struct search *s, size_t at, uint32_t *budget)
{
	int r = -EAGAIN;
	pcre2_set_offset_limit(s->ctx, at);
	for (uint32_t limit = 16 * REGEX_FREE; r == -EAGAIN && limit <= STEPS_MOST; limit *= 4) {
		if (!steps_spend(budget, limit))
			return -EAGAIN;
		r = look(s, at, limit);
	}
	return r;
}

/* The places from `from` to `from` + SLICE: at once, or one by one when that takes too long. */
static int look_at_slice(const struct search *s, size_t from, uint32_t *budget)
{
	if (!steps_spend(budget, REGEX_FREE / 4))
		return -EAGAIN;
	pcre2_set_offset_limit(s->ctx, from + SLICE - 1);
	int r = look(s, from, REGEX_FREE);
	for (size_t i = 0; r == -EAGAIN && i < SLICE && from + i <= s->text.n; i++) {
		if (from + i < s->text.n && ((unsigned char)s->text.p[from + i] & 0xC0) == 0x80)
			continue;
		int one = look_at_place(s, from + i, budget);
		if (one)
			return one;
	}
	return r == -EAGAIN ? 0 : r;
}

static int look_slice_by_slice(const struct search *s, uint32_t *budget)
{
	for (size_t from = 0; from <= s->text.n; from += SLICE) {
		while (from < s->text.n && ((unsigned char)s->text.p[from] & 0xC0) == 0x80)
			from++;
		int r = look_at_slice(s, from, budget);
		if (r)
			return r;
	}
	return 0;
}

int regex_search(const struct regex *re, struct str text, pcre2_match_data *data, pcre2_match_context *ctx, uint32_t *budget)
{
	struct search s = {re->code, text, data, ctx};
	pcre2_set_offset_limit(ctx, PCRE2_UNSET);
	int r = look(&s, 0, REGEX_FREE);
	if (r != -EAGAIN)
		return r;
	return re->linear && utf8_is_ascii(text) ? linear_search(re->linear, text, budget) : look_slice_by_slice(&s, budget);
}
