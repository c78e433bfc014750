/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/parts.h"

static size_t code_point(struct str text, size_t at)
{
	size_t n = 1;
	while (at + n < text.n && n < 4 && ((unsigned char)text.p[at + n] & 0xC0) == 0x80)
		n++;
	return n;
}

/* One pattern unit against the text at t: how many bytes of the text it takes, 0 = it does not fit. *ret_used = bytes of the pattern. */
static size_t unit_fits(struct str pattern, size_t p, struct str text, size_t t, size_t *ret_used)
{
	*ret_used = 1;
	if (t >= text.n)
		return 0;
	char c = pattern.p[p];
	if (c == '?')
		return code_point(text, t);
	if (c == '\\' && p + 1 < pattern.n) {
		*ret_used = 2;
		c = pattern.p[p + 1];
	}
	return c == text.p[t] ? 1 : 0;
}

/* Greedy with one place to go back to: the last star. */
bool glob_match(struct str pattern, struct str text)
{
	size_t p = 0, t = 0, star_p = STR_NPOS, star_t = 0;
	while (t < text.n || p < pattern.n) {
		size_t used, took;
		if (p < pattern.n && pattern.p[p] == '*') {
			star_p = ++p;
			star_t = t;
			continue;
		}
		if (p < pattern.n && (took = unit_fits(pattern, p, text, t, &used))) {
			p += used;
			t += took;
			continue;
		}
		if (star_p == STR_NPOS || star_t >= text.n)
			return false;
		star_t += code_point(text, star_t);
		p = star_p;
		t = star_t;
	}
	return true;
}
