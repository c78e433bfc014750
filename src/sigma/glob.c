/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/literals.h"
#include "sigma/parts.h"

#include "base/utf8.h"

#include <limits.h>

static size_t code_point(struct str text, size_t at)
{
	size_t n = 1;
	while (at + n < text.n && n < 4 && ((unsigned char)text.p[at + n] & 0xC0) == 0x80)
		n++;
	return n;
}

/* One byte of a pattern, or any character. */
struct unit {
	bool any;
	char c;
	size_t used; /* bytes of the pattern */
};

static inline struct unit unit_at(struct str pattern, size_t p)
{
	if (pattern.p[p] == '?')
		return (struct unit){.any = true, .used = 1};
	bool escaped = pattern.p[p] == '\\' && p + 1 < pattern.n;
	return (struct unit){.c = pattern.p[p + escaped], .used = 1u + escaped};
}

/* What stands between two stars. */
struct piece {
	size_t from, end; /* in the pattern */
	size_t n, chars;  /* its units, and the characters that begin with one */
	bool last;        /* no star behind it: where it ends the text ends */
	bool exact;       /* bytes alone, no `?` */
	bool skips;       /* begins with a byte that begins a character: it stands nowhere else */
	char first;
};

static struct piece piece_at(struct str pattern, size_t from)
{
	struct piece piece = {.from = from, .exact = true};
	size_t p = from;
	struct unit u;
	for (; p < pattern.n && pattern.p[p] != '*'; p += u.used, piece.n++) {
		u = unit_at(pattern, p);
		if (!piece.n) {
			piece.first = u.c;
			piece.skips = !u.any && ((unsigned char)u.c & 0xC0) != 0x80;
		}
		piece.exact = piece.exact && !u.any;
		piece.chars += u.any || ((unsigned char)u.c & 0xC0) != 0x80;
	}
	piece.end = p;
	piece.last = p == pattern.n;
	return piece;
}

/* Where the piece ends in the text when it stands at t, else STR_NPOS; *work counts the units that were looked at. */
static size_t end_at(struct str pattern, const struct piece *piece, struct str text, size_t t, size_t *work)
{
	struct unit u;
	for (size_t p = piece->from; p < piece->end; p += u.used) {
		u = unit_at(pattern, p);
		++*work;
		if (t >= text.n || (!u.any && u.c != text.p[t]))
			return STR_NPOS;
		t += u.any ? code_point(text, t) : 1;
	}
	return t;
}

/*
 * find_piece for pieces of at most 64 units and text in UTF-8, in one pass whatever they are: a bit for each unit that some way to read the text has come to (Baeza-Yates and Gonnet, "A new
 * approach to text searching"). The later bytes of a character stay with the `?` that took its first.
 */
#define BITS_UNITS 64u
static size_t find_by_bits(struct str pattern, const struct piece *piece, struct str text, size_t from)
{
	uint64_t fits[256] = {0}, any = 0, state = 0;
	size_t unit = 0;
	struct unit u;
	for (size_t p = piece->from; p < piece->end; p += u.used, unit++) {
		u = unit_at(pattern, p);
		if (u.any)
			any |= UINT64_C(1) << unit;
		else
			fits[(unsigned char)u.c] |= UINT64_C(1) << unit;
	}
	const uint64_t whole = UINT64_C(1) << (piece->n - 1);
	for (size_t t = from; t < text.n; t++) {
		unsigned char c = (unsigned char)text.p[t];
		if ((c & 0xC0) == 0x80)
			state = (state << 1 & fits[c]) | (state & any);
		else
			state = (state << 1 | 1) & (fits[c] | any);
		if (state & whole)
			return t + (whole & any ? code_point(text, t) : 1);
	}
	return STR_NPOS;
}

/* False when the text lacks the byte of the piece that texts have least often. */
static bool has_rarest(struct str pattern, const struct piece *piece, struct str text)
{
	unsigned least = UINT_MAX;
	char rarest = 0;
	struct unit u;
	for (size_t p = piece->from; p < piece->end; p += u.used) {
		u = unit_at(pattern, p);
		unsigned weight = literal_byte_weight((unsigned char)u.c);
		if (!u.any && weight < least) {
			least = weight;
			rarest = u.c;
		}
	}
	return least == UINT_MAX || str_chr(text, rarest) != STR_NPOS;
}

/* The end of the first place from `from` on where the piece stands; STR_NPOS when there is none. */
static size_t find_piece(struct str pattern, const struct piece *piece, struct str text, size_t from)
{
	size_t work = 0, end;
	bool first = true;
	for (size_t t = from;; t += code_point(text, t), first = false) {
		if (piece->skips) {
			size_t next = str_chr(str_sub(text, t, text.n), piece->first);
			if (next == STR_NPOS)
				return STR_NPOS;
			t += next;
		}
		if ((end = end_at(pattern, piece, text, t, &work)) != STR_NPOS || t >= text.n)
			return end;
		if (first && piece->n > 1 && !has_rarest(pattern, piece, str_sub(text, t, text.n)))
			return STR_NPOS;
		/* Texts that nearly fit everywhere. */
		if (work > 64 + 4 * (t - from) && piece->n <= BITS_UNITS && utf8_valid(str_sub(text, t, text.n)))
			return find_by_bits(pattern, piece, text, t);
	}
}

/* Does the piece stand at the end of the text, at `from` or later? */
static bool ends_with(struct str pattern, const struct piece *piece, struct str text, size_t from)
{
	size_t work = 0, t = text.n;
	if (piece->exact)
		return piece->n <= text.n - from && end_at(pattern, piece, text, text.n - piece->n, &work) == text.n;
	for (size_t i = 0; i < piece->chars; i++) {
		if (t == from)
			return false;
		for (t--; t > from && ((unsigned char)text.p[t] & 0xC0) == 0x80;)
			t--;
	}
	return end_at(pattern, piece, text, t, &work) == text.n;
}

bool glob_match(struct str pattern, struct str text)
{
	size_t work = 0;
	struct piece piece = piece_at(pattern, 0);
	size_t t = end_at(pattern, &piece, text, 0, &work);
	while (t != STR_NPOS && !piece.last) {
		piece = piece_at(pattern, piece.end + 1);
		if (piece.last)
			return ends_with(pattern, &piece, text, t);
		t = find_piece(pattern, &piece, text, t);
	}
	return t == text.n;
}
