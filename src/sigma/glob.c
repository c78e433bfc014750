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

/* What stands between two stars. */
struct piece {
	bool last;    /* nothing but its end may be at the end of the text */
	bool exact;   /* bytes alone, no `?` */
	bool skips;   /* begins with a byte that begins a character: it stands nowhere else */
	char first;
	size_t n;     /* bytes of text, when exact */
};

static struct piece piece_at(struct str pattern, size_t p)
{
	struct piece piece = {.exact = true};
	size_t from = p, n = 0;
	for (; p < pattern.n && pattern.p[p] != '*'; p++, n++) {
		piece.exact = piece.exact && pattern.p[p] != '?';
		p += pattern.p[p] == '\\' && p + 1 < pattern.n;
		if (!n)
			piece.first = pattern.p[p];
	}
	piece.n = n;
	piece.last = p == pattern.n;
	piece.skips = n && pattern.p[from] != '?' && ((unsigned char)piece.first & 0xC0) != 0x80;
	return piece;
}

/* Greedy with one place to go back to: the last star. From there on only places are tried where the piece behind it may begin. */
bool glob_match(struct str pattern, struct str text)
{
	size_t p = 0, t = 0, star_p = STR_NPOS, star_t = 0;
	struct piece piece = {0};
	while (t < text.n || p < pattern.n) {
		size_t used, took;
		if (p < pattern.n && pattern.p[p] == '*') {
			star_p = ++p;
			star_t = t;
			piece = piece_at(pattern, p);
			if (piece.last && piece.exact && piece.skips) {
				if (piece.n > text.n - t)
					return false;
				star_t = text.n - piece.n;
			}
		} else if (p < pattern.n && (took = unit_fits(pattern, p, text, t, &used))) {
			p += used;
			t += took;
			continue;
		} else if (star_p == STR_NPOS || star_t >= text.n) {
			return false;
		} else {
			star_t += code_point(text, star_t);
		}
		if (piece.skips && (star_t == text.n || text.p[star_t] != piece.first)) {
			size_t next = str_chr(str_sub(text, star_t, text.n), piece.first);
			if (next == STR_NPOS)
				return false;
			star_t += next;
		}
		p = star_p;
		t = star_t;
	}
	return true;
}
