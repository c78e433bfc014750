/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"
#include "base/word.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "base/utf8_tables.h"

#define REPLACEMENT 0xFFFDu

static inline bool is_tail(unsigned char c)
{
	return (c & 0xC0) == 0x80;
}

static inline bool is_surrogate(uint32_t cp)
{
	return cp >> 11 == 0xD800 >> 11;
}

/* Length of the valid sequence at s (1..4), or 0. *ret_cp counts when valid. RFC 3629 §4. */
static inline size_t sequence(const unsigned char *s, size_t n, uint32_t *ret_cp)
{
	uint32_t c = s[0], cp;
	if (c < 0x80) {
		*ret_cp = c;
		return 1;
	}
	if (c < 0xC2 || c > 0xF4 || n < 2 || !is_tail(s[1]))
		return 0;
	cp = (c & 0x1F) << 6 | (s[1] & 0x3Fu);
	if (c < 0xE0) {
		*ret_cp = cp;
		return 2;
	}
	if (n < 3 || !is_tail(s[2]))
		return 0;
	cp = (cp & 0x3FF) << 6 | (s[2] & 0x3Fu);
	if (c < 0xF0) {
		*ret_cp = cp;
		return cp < 0x800 || is_surrogate(cp) ? 0 : 3;
	}
	if (n < 4 || !is_tail(s[3]))
		return 0;
	cp = cp << 6 | (s[3] & 0x3Fu);
	*ret_cp = cp;
	return cp < 0x10000 || cp > 0x10FFFF ? 0 : 4;
}

#if defined(__SSE2__)
/* The high bits of 16 bytes. */
static inline unsigned high_bits(__m128i v)
{
	return (unsigned)_mm_movemask_epi8(v);
}

static inline __m128i sixteen(const char *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline bool ascii_64(const char *p)
{
	return !high_bits(_mm_or_si128(_mm_or_si128(sixteen(p), sixteen(p + 16)), _mm_or_si128(sixteen(p + 32), sixteen(p + 48))));
}

/* ascii_run of 16 bytes and more. What is left of a step begins inside the one before. */
static size_t ascii_run_16(const char *p, size_t n)
{
	unsigned high;
	for (size_t i = 0; n - i >= 16;) {
		if ((high = high_bits(sixteen(p + i))))
			return i + (size_t)__builtin_ctz(high);
		i += 16;
		while (n - i >= 64 && ascii_64(p + i))
			i += 64;
	}
	high = high_bits(sixteen(p + n - 16));
	return high ? n - 16 + (size_t)__builtin_ctz(high) : n;
}
#endif

#if defined(__x86_64__)
__attribute__((target("avx2"))) static inline __m256i thirty_two(const char *p)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

__attribute__((target("avx2"))) static inline unsigned high_bits_32(__m256i v)
{
	return (unsigned)_mm256_movemask_epi8(v);
}

/* The same of 32 bytes and more. */
__attribute__((target("avx2"))) static size_t ascii_run_32(const char *p, size_t n)
{
	unsigned high;
	for (size_t i = 0; n - i >= 32;) {
		if ((high = high_bits_32(thirty_two(p + i))))
			return i + (size_t)__builtin_ctz(high);
		i += 32;
		while (n - i >= 128 && !high_bits_32(_mm256_or_si256(_mm256_or_si256(thirty_two(p + i), thirty_two(p + i + 32)), _mm256_or_si256(thirty_two(p + i + 64), thirty_two(p + i + 96)))))
			i += 128;
	}
	high = high_bits_32(thirty_two(p + n - 32));
	return high ? n - 32 + (size_t)__builtin_ctz(high) : n;
}
#endif

/* Bytes of plain ASCII at the front. */
static size_t ascii_run(const char *p, size_t n)
{
#if defined(__x86_64__)
	if (n >= 64 && __builtin_cpu_supports("avx2"))
		return ascii_run_32(p, n);
#endif
#if defined(__SSE2__)
	if (n >= 16)
		return ascii_run_16(p, n);
#endif
	size_t i = 0;
	while (i + 8 <= n && !(word_load(p + i) & word_fill(0x80)))
		i += 8;
	while (i < n && !(p[i] & 0x80))
		i++;
	return i;
}

size_t utf8_ascii_prefix(struct str s)
{
	return ascii_run(s.p, s.n);
}

bool utf8_is_ascii(struct str s)
{
	return ascii_run(s.p, s.n) == s.n;
}

/* Valid characters of two and three bytes in front, but for the last ones: they are most of what is not ASCII. */
static inline size_t short_run(const char *p, size_t n)
{
	size_t i = 0;
	while (n - i >= 4) {
		uint32_t four;
		memcpy(&four, p + i, sizeof(four));
		four = le32toh(four);
		uint32_t low = four & 0x200F; /* of three bytes: zero below U+0800, 0x200D in a surrogate */
		if ((four & 0xC0C0F0) == 0x8080E0 && low && low != 0x200D)
			i += 3;
		else if ((four & 0xC0E0) == 0x80C0 && four & 0x1E)
			i += 2;
		else
			break;
	}
	return i;
}

size_t utf8_valid_prefix(struct str s)
{
	for (size_t i = ascii_run(s.p, s.n); i < s.n; i += ascii_run(s.p + i, s.n - i)) {
		uint32_t cp;
		size_t len;
		i += short_run(s.p + i, s.n - i);
		for (; i < s.n && s.p[i] & 0x80; i += len)
			if (!(len = sequence((const unsigned char *)s.p + i, s.n - i, &cp)))
				return i;
	}
	return s.n;
}

bool utf8_valid(struct str s)
{
	return utf8_valid_prefix(s) == s.n;
}

bool utf8_next(struct str *rest, uint32_t *ret_cp, bool *ret_bad)
{
	uint32_t cp = REPLACEMENT;
	if (!rest->n)
		return false;
	size_t len = sequence((const unsigned char *)rest->p, rest->n, &cp);
	if (ret_bad)
		*ret_bad = !len;
	if (!len)
		len = 1;
	*rest = str_n(rest->p + len, rest->n - len);
	*ret_cp = cp;
	return true;
}

static inline size_t put(char *out, uint32_t cp)
{
	if (cp > 0x10FFFF || is_surrogate(cp))
		cp = REPLACEMENT;
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xC0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3F));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (char)(0xE0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3F));
		out[2] = (char)(0x80 | (cp & 0x3F));
		return 3;
	}
	out[0] = (char)(0xF0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3F));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3F));
	out[3] = (char)(0x80 | (cp & 0x3F));
	return 4;
}

size_t utf8_put(char out[4], uint32_t cp)
{
	return put(out, cp);
}

size_t utf8_add_clean(struct buf *out, struct str s)
{
	size_t bad = 0;
	while (s.n) {
		size_t good = utf8_valid_prefix(s);
		buf_add(out, str_n(s.p, good));
		s = str_sub(s, good, s.n);
		if (!s.n)
			break;
		buf_add(out, STR("\xEF\xBF\xBD"));
		s = str_sub(s, 1, s.n);
		bad++;
	}
	return bad;
}

static bool in_ranges(const struct range *r, size_t n, uint32_t cp)
{
	size_t lo = 0, hi = n;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (cp > r[mid].last)
			lo = mid + 1;
		else if (cp < r[mid].first)
			hi = mid;
		else
			return true;
	}
	return false;
}

size_t utf8_columns(struct str s)
{
	size_t columns = 0;
	uint32_t cp;
	while (utf8_next(&s, &cp, NULL)) {
		if (cp < 0x300)
			columns++;
		else if (!in_ranges(COMBINING, LEN(COMBINING), cp))
			columns += in_ranges(WIDE, LEN(WIDE), cp) ? 2 : 1;
	}
	return columns;
}

static inline uint32_t unit_at(const unsigned char *p, bool big)
{
	return big ? (uint32_t)(p[0] << 8 | p[1]) : (uint32_t)(p[1] << 8 | p[0]);
}

static inline size_t utf16_convert(char *dst, const unsigned char *src, size_t n_bytes, bool big)
{
	size_t n = 0, i = 0, end = n_bytes & ~(size_t)1;
	while (i < end) {
		uint32_t u = unit_at(src + i, big);
		i += 2;
		if (u < 0x80) {
			dst[n++] = (char)u;
			continue;
		}
		if (u >= 0xD800 && u < 0xDC00 && i < end) {
			uint32_t low = unit_at(src + i, big);
			if (low >= 0xDC00 && low < 0xE000) {
				u = 0x10000 + ((u - 0xD800) << 10) + (low - 0xDC00);
				i += 2;
			}
		}
		n += utf8_put(dst + n, u);
	}
	return n;
}

size_t utf16le_to_utf8(char *dst, const unsigned char *src, size_t n_bytes)
{
	size_t n = 0;
#if defined(__SSE2__)
	/* Eight ASCII units at a time. */
	while (n_bytes >= 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)src);
		__m128i high = _mm_and_si128(v, _mm_set1_epi16((short)0xFF80));
		if (_mm_movemask_epi8(_mm_cmpeq_epi16(high, _mm_setzero_si128())) != 0xFFFF)
			break;
		_mm_storel_epi64((__m128i *)(void *)(dst + n), _mm_packus_epi16(v, v));
		n += 8;
		src += 16;
		n_bytes -= 16;
	}
#endif
	return n + utf16_convert(dst + n, src, n_bytes, false);
}

size_t utf16be_to_utf8(char *dst, const unsigned char *src, size_t n_bytes)
{
	return utf16_convert(dst, src, n_bytes, true);
}

static int to_utf16(struct buf *out, struct str s, bool big)
{
	uint32_t cp;
	while (utf8_next(&s, &cp, NULL)) {
		uint16_t unit[2];
		size_t n = 1;
		unit[0] = (uint16_t)cp;
		if (cp >= 0x10000) {
			unit[0] = (uint16_t)(0xD800 + ((cp - 0x10000) >> 10));
			unit[1] = (uint16_t)(0xDC00 + ((cp - 0x10000) & 0x3FF));
			n = 2;
		}
		for (size_t i = 0; i < n; i++)
			buf_add_le16(out, big ? __builtin_bswap16(unit[i]) : unit[i]);
	}
	return out->err;
}

int utf8_to_utf16le(struct buf *out, struct str s)
{
	return to_utf16(out, s, false);
}

int utf8_to_utf16be(struct buf *out, struct str s)
{
	return to_utf16(out, s, true);
}

static inline uint32_t fold_cp(uint32_t cp)
{
	if (cp < 0x80)
		return ch_lower((unsigned char)cp);
	if (cp / 64 >= LEN(FOLD_FROM))
		return cp;
	const struct fold_row *r = &FOLD[FOLD_FROM[cp / 64]];
	while (cp > r->last)
		r++;
	/* A step is 1 or 2. */
	return cp < r->first || ((cp - r->first) & (r->step - 1)) ? cp : (uint32_t)((int32_t)cp + r->delta);
}

uint32_t utf8_fold_cp(uint32_t cp)
{
	return fold_cp(cp);
}

/*
 * The bytes a character that folds can begin with, if it is none of ASCII. All others are copied, and those of ASCII lowered, each by itself: most of a text in
 * Japanese needs no look at its characters.
 */
static inline bool may_fold(unsigned char c)
{
	return c - 0xC2u <= 0xDF - 0xC2 || c - 0xE1u <= 0xE2 - 0xE1 || c == 0xEA || c == 0xEF || c == 0xF0;
}

#if defined(__SSE2__)
static inline __m128i is_byte(__m128i v, unsigned char c)
{
	return _mm_cmpeq_epi8(v, _mm_set1_epi8((char)c));
}

/* Bit set: may_fold. */
static inline unsigned may_fold_16(__m128i v)
{
	__m128i two = _mm_cmplt_epi8(_mm_sub_epi8(v, _mm_set1_epi8((char)(0xC2 - 0x80))), _mm_set1_epi8((char)(0x80 + 0xE0 - 0xC2)));
	__m128i three = _mm_or_si128(_mm_or_si128(is_byte(v, 0xE1), is_byte(v, 0xE2)), _mm_or_si128(is_byte(v, 0xEA), is_byte(v, 0xEF)));
	return high_bits(_mm_or_si128(_mm_or_si128(two, three), is_byte(v, 0xF0)));
}

/* A to Z are moved to where the signed numbers begin; no other byte comes there. */
static inline __m128i lowered(__m128i v)
{
	__m128i upper = _mm_cmplt_epi8(_mm_add_epi8(v, _mm_set1_epi8(128 - 'A')), _mm_set1_epi8(-128 + 26));
	return _mm_or_si128(v, _mm_and_si128(upper, _mm_set1_epi8(32)));
}

/* 1 to 15 bytes, as two pieces that overlap; false when some are not ASCII. */
static inline bool fold_short(char *dst, const char *src, size_t n)
{
	uint64_t w = 0;
	uint32_t a, b;
	if (n >= 8) {
		__m128i v = _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)(const void *)src), _mm_loadl_epi64((const __m128i *)(const void *)(src + n - 8)));
		if (high_bits(v))
			return false;
		v = lowered(v);
		_mm_storel_epi64((__m128i *)(void *)dst, v);
		_mm_storel_epi64((__m128i *)(void *)(dst + n - 8), _mm_unpackhi_epi64(v, v));
		return true;
	}
	if (n < 4)
		return false;
	memcpy(&a, src, 4);
	memcpy(&b, src + n - 4, 4);
	w = a | (uint64_t)b << 32;
	__m128i v = _mm_cvtsi64_si128((int64_t)w);
	if (high_bits(v))
		return false;
	w = (uint64_t)_mm_cvtsi128_si64(lowered(v));
	a = (uint32_t)w;
	b = (uint32_t)(w >> 32);
	memcpy(dst, &a, 4);
	memcpy(dst + n - 4, &b, 4);
	return true;
}
#endif

/* Folds up to the first byte that may_fold; returns how many. */
static size_t fold_bytes(char *dst, const char *src, size_t n)
{
	size_t i = 0;
#if defined(__SSE2__)
	for (; n - i >= 16; i += 16) {
		__m128i v = sixteen(src + i);
		unsigned stop;
		_mm_storeu_si128((__m128i *)(void *)(dst + i), lowered(v));
		if (high_bits(v) && (stop = may_fold_16(v)))
			return i + (size_t)__builtin_ctz(stop);
	}
	if (n - i < 16 && fold_short(dst + i, src + i, n - i))
		return n;
#endif
	for (; i < n && !may_fold((unsigned char)src[i]); i++)
		dst[i] = (char)ch_lower((unsigned char)src[i]);
	return i;
}

/* Folds the character that begins with a byte that may_fold, or takes such a byte alone. */
static size_t fold_other(char **dst, const char *src, size_t n)
{
	uint32_t cp;
	size_t len = sequence((const unsigned char *)src, n, &cp);
	if (!len) {
		*(*dst)++ = *src;
		return 1;
	}
	*dst += put(*dst, fold_cp(cp));
	return len;
}

/* Two bytes that are a character which does not fold. */
static inline bool stay(const char *p)
{
	unsigned first = (unsigned char)p[0] - 0xC0u, second = (unsigned char)p[1];
	return first - 2 < LEN(FOLDING) - 2 && is_tail((unsigned char)second) && !(FOLDING[first] >> (second & 0x3F) & 1);
}

size_t utf8_fold(char *dst, const char *src, size_t n)
{
	char *to = dst;
	for (size_t i = 0; i < n;) {
		size_t run = fold_bytes(to, src + i, n - i);
		i += run;
		to += run;
		while (i < n && may_fold((unsigned char)src[i])) {
			for (; n - i >= 2 && stay(src + i); i += 2, to += 2)
				memcpy(to, src + i, 2);
			if (i < n && may_fold((unsigned char)src[i]))
				i += fold_other(&to, src + i, n - i);
		}
	}
	return (size_t)(to - dst);
}
