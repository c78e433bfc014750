/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/japanese.h"

#include "base/utf8.h"
#include "codec/jis_tables.h"

#define HALFWIDTH_KATAKANA 0xFF61u /* of 0xA1 */

/* What one reading of the bytes is made of. */
struct tally {
	size_t kana, kanji, other, halfwidth; /* characters of two bytes: hiragana and katakana, level 1 and 2 kanji, signs; single ones */
	size_t runs;                          /* places where two characters of two bytes stand side by side */
	size_t joined;                        /* kanji between two letters, as misread Latin text has them */
};

static uint32_t jis(unsigned row, unsigned cell)
{
	return row >= 1 && row <= 120 && cell >= 1 && cell <= 94 ? JIS_TO_UNICODE[row - 1][cell - 1] : 0;
}

static void cp932_place(unsigned lead, unsigned trail, unsigned *row, unsigned *cell)
{
	*row = (lead - (lead < 0xA0 ? 0x81 : 0xC1)) * 2 + 1;
	if (trail >= 0x9F) {
		(*row)++;
		*cell = trail - 0x9E;
	} else {
		*cell = trail - (trail > 0x7F ? 0x40 : 0x3F);
	}
}

/* One character: bytes taken and its code point (0 = not assigned). */
static size_t cp932_next(const unsigned char *p, size_t n, uint32_t *ret, unsigned *ret_row)
{
	unsigned row, cell;
	*ret_row = 0;
	*ret = p[0];
	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xA1 && p[0] <= 0xDF) {
		*ret = HALFWIDTH_KATAKANA + (p[0] - 0xA1u);
		return 1;
	}
	*ret = 0;
	if (n < 2 || p[0] == 0x80 || p[0] == 0xA0 || p[0] > 0xFC || p[1] < 0x40 || p[1] == 0x7F || p[1] > 0xFC)
		return 1;
	cp932_place(p[0], p[1], &row, &cell);
	*ret = jis(row, cell);
	*ret_row = row;
	return 2;
}

static size_t euc_next(const unsigned char *p, size_t n, uint32_t *ret, unsigned *ret_row)
{
	*ret_row = 0;
	*ret = p[0];
	if (p[0] < 0x80)
		return 1;
	*ret = 0;
	if (p[0] == 0x8E && n >= 2 && p[1] >= 0xA1 && p[1] <= 0xDF) {
		*ret = HALFWIDTH_KATAKANA + (p[1] - 0xA1u);
		return 2;
	}
	if (n < 2 || p[0] < 0xA1 || p[1] < 0xA1 || p[0] == 0xFF || p[1] == 0xFF)
		return 1;
	*ret_row = p[0] - 0xA0u;
	*ret = jis(*ret_row, p[1] - 0xA0u);
	return 2;
}

typedef size_t next_fn(const unsigned char *p, size_t n, uint32_t *ret, unsigned *ret_row);

/* False when a byte has no meaning in this encoding. */
static bool count(struct str s, next_fn *next, struct tally *t)
{
	const unsigned char *p = (const unsigned char *)s.p;
	bool before_wide = false, letter_before = false;
	*t = (struct tally){0};
	for (size_t i = 0, took; i < s.n; i += took) {
		uint32_t cp;
		unsigned row;
		took = next(p + i, s.n - i, &cp, &row);
		if (!cp && p[i])
			return false;
		bool wide = row != 0;
		t->kana += row == 4 || row == 5;
		t->kanji += row >= 16;
		t->other += wide && row < 16 && row != 4 && row != 5;
		t->halfwidth += !wide && cp >= HALFWIDTH_KATAKANA;
		t->runs += wide && before_wide;
		t->joined += wide && !before_wide && letter_before && (i + took >= s.n || p[i + took] < 0x80);
		before_wide = wide;
		letter_before = !wide && ch_is_alpha(p[i]);
	}
	return true;
}

/* Text of other alphabets gives lone "kanji" between letters and no kana. */
static bool japanese_like(const struct tally *t)
{
	size_t wide = t->kana + t->kanji + t->other;
	if (!wide)
		return t->halfwidth >= 2;
	if (t->joined * 2 > wide)
		return false;
	return t->kana || t->runs;
}

static bool has_escape(struct str s)
{
	static const char *const escapes[] = {"\x1b$B", "\x1b$@", "\x1b(I", "\x1b(J", "\x1b$(D"};
	size_t at = str_chr(s, '\x1b');
	for (; at != STR_NPOS; s = str_sub(s, at + 1, s.n), at = str_chr(s, '\x1b'))
		for (size_t i = 0; i < LEN(escapes); i++)
			if (str_starts(str_sub(s, at, s.n), str_c(escapes[i])))
				return true;
	return false;
}

enum japanese japanese_detect(struct str s)
{
	struct tally sjis, euc;
	bool high = false;
	for (size_t i = 0; i < s.n && !high; i++)
		high = (unsigned char)s.p[i] >= 0x80;
	if (!high)
		return has_escape(s) ? JAPANESE_ISO2022 : JAPANESE_NOT;
	bool is_sjis = count(s, cp932_next, &sjis) && japanese_like(&sjis), is_euc = count(s, euc_next, &euc) && japanese_like(&euc);
	if (is_sjis && is_euc) /* EUC read as code page 932 is full of lone halfwidth katakana */
		return sjis.halfwidth > sjis.kana + sjis.kanji || euc.kana > sjis.kana ? JAPANESE_EUC : JAPANESE_CP932;
	return is_sjis ? JAPANESE_CP932 : is_euc ? JAPANESE_EUC : JAPANESE_NOT;
}

static void put(struct buf *out, uint32_t cp)
{
	char c[4];
	buf_add(out, str_n(c, utf8_put(c, cp)));
}

static void each(struct str s, next_fn *next, struct buf *out)
{
	const unsigned char *p = (const unsigned char *)s.p;
	for (size_t i = 0, took; i < s.n; i += took) {
		uint32_t cp;
		unsigned row;
		took = next(p + i, s.n - i, &cp, &row);
		put(out, cp || !p[i] ? cp : 0xFFFD);
	}
}

static void iso2022(struct str s, struct buf *out)
{
	enum { ASCII, KATAKANA, KANJI } set = ASCII;
	for (size_t i = 0; i < s.n;) {
		struct str rest = str_sub(s, i, s.n), t = rest;
		unsigned char c = (unsigned char)s.p[i];
		if (str_take(&t, STR("\x1b(B")) || str_take(&t, STR("\x1b(J")))
			set = ASCII;
		else if (str_take(&t, STR("\x1b(I")))
			set = KATAKANA;
		else if (str_take(&t, STR("\x1b$B")) || str_take(&t, STR("\x1b$@")))
			set = KANJI;
		if (t.n != rest.n) {
			i += rest.n - t.n;
			continue;
		}
		if (c == '\n')
			set = ASCII;
		if (set == KANJI && rest.n >= 2 && c > 0x20 && c < 0x7F) {
			uint32_t cp = jis(c - 0x20u, (unsigned char)rest.p[1] - 0x20u);
			put(out, cp ? cp : 0xFFFD);
			i += 2;
			continue;
		}
		put(out, set == KATAKANA && c > 0x20 && c < 0x60 ? HALFWIDTH_KATAKANA + (c - 0x21u) : c);
		i++;
	}
}

bool japanese_to_utf8(struct str s, struct buf *out)
{
	switch (japanese_detect(s)) {
	case JAPANESE_NOT:
		return false;
	case JAPANESE_CP932:
		each(s, cp932_next, out);
		break;
	case JAPANESE_EUC:
		each(s, euc_next, out);
		break;
	case JAPANESE_ISO2022:
		iso2022(s, out);
		break;
	}
	return true;
}
