/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json_scan.h"

#include "base/word.h"

#include <string.h>

#if defined(__AVX2__) || defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

/*
 * Eight in nine bytes of a log are inside strings, so the end of a string is what the reader looks for most: the first quote that no backslash
 * escapes. STEP bytes are looked at at once, as masks with a bit for each.
 */
#if defined(__AVX512VBMI2__)
#define STEP 64u
typedef __m512i block;
#define LOAD(p) _mm512_loadu_si512(p)
#define EQUAL(v, c) _mm512_cmpeq_epi8_mask(v, LOAD(c))
#elif defined(__AVX2__)
#define STEP 32u
typedef __m256i block;
#define LOAD(p) _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define EQUAL(v, c) ((uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(v, LOAD(c))))
#elif defined(__SSE2__)
#define STEP 16u
typedef __m128i block;
#define LOAD(p) _mm_loadu_si128((const __m128i *)(const void *)(p))
#define EQUAL(v, c) ((uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, LOAD(c))))
#elif defined(__ARM_NEON) && defined(__aarch64__)
#define STEP 16u
typedef uint8x16_t block;
/* One bit per byte: each half's bits are added up. */
static inline uint64_t neon_mask(uint8x16_t hit)
{
	static const uint8_t bit[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
	uint8x16_t b = vandq_u8(hit, vld1q_u8(bit));
	return (uint64_t)vaddv_u8(vget_low_u8(b)) | (uint64_t)vaddv_u8(vget_high_u8(b)) << 8;
}
#define LOAD(p) vld1q_u8((const uint8_t *)(p))
#define EQUAL(v, c) neon_mask(vceqq_u8(v, LOAD(c)))
#else
#define STEP 8u
typedef const char *block;
static inline uint64_t scalar_mask(const char *p, char c)
{
	uint64_t mask = 0;
	for (unsigned i = 0; i < STEP; i++)
		mask |= (uint64_t)(p[i] == c) << i;
	return mask;
}
#define LOAD(p) (p)
#define EQUAL(v, c) scalar_mask(v, *(c))
#endif

/* Whether the character at p, which a quote stands somewhere before, is escaped: by an odd number of backslashes. */
static inline uint64_t is_escaped(const char *p)
{
	uint64_t n = 0;
	for (; p[-1] == '\\'; p--)
		n++;
	return n & 1;
}

/*
 * Which characters of a block an odd number of backslashes stands before: the starts of runs at odd places, added to the runs, carry to where the
 * runs end. first: whether the first is one of them.
 */
static inline uint64_t escaped_mask(uint64_t slash, uint64_t first)
{
	const uint64_t even = UINT64_C(0x5555555555555555);
	slash &= ~first;
	uint64_t follows = slash << 1 | first, odd_starts = slash & ~even & ~follows;
	return (even ^ (odd_starts + slash) << 1) & follows;
}

/* The first of the quotes that ends a string, NULL when none does; their bit 0 stands for p. Adds to *slashes those before it. */
static inline const char *end_in(uint64_t quote, uint64_t slash, const char *p, uint64_t *slashes)
{
	const char *end = quote ? p + __builtin_ctzll(quote) : NULL;
	if (end && end[-1] == '\\') {
		quote &= ~escaped_mask(slash, is_escaped(p));
		end = quote ? p + __builtin_ctzll(quote) : NULL;
	}
	*slashes |= slash & (quote ^ (quote - 1));
	return end;
}

/* The quote that ends the string at *p when it is in the blocks from there to the one at `last`; else NULL, and *p stands behind them. */
static inline const char *end_in_blocks(const char **p, const char *last, uint64_t *slashes)
{
	do {
		block v = LOAD(*p);
		const char *quote = end_in(EQUAL(v, json_quotes), EQUAL(v, json_slashes), *p, slashes);
		if (quote)
			return quote;
		*p += STEP;
	} while (*p <= last);
	return NULL;
}

/* Raw control characters inside strings are against the grammar but common in logs: they are let through. */
static const char *string_end(const struct json_scan *s, const char *p, bool *escaped)
{
	const char *end = s->end, *quote = NULL;
	uint64_t slashes = 0;
	if ((size_t)(end - p) >= STEP)
		quote = end_in_blocks(&p, end - STEP, &slashes);
	if (!quote && p < end && (size_t)(end - s->start) >= STEP) {
		block v = LOAD(end - STEP);
		unsigned skip = STEP - (unsigned)(end - p);
		quote = end_in(EQUAL(v, json_quotes) >> skip, EQUAL(v, json_slashes) >> skip, p, &slashes);
	} else if (!quote) {
		for (; p < end && *p != '"'; p++)
			if (*p == '\\') {
				slashes = 1;
				p++;
			}
		quote = p < end ? p : NULL;
	}
	*escaped = *escaped || slashes;
	return quote;
}

/* How many of the 8 characters at p are figures, up to the first that is none. */
static inline size_t figures(const char *p)
{
	uint64_t word = word_load(p) ^ word_fill('0');
	/* The high bit of each byte that is no figure; exact up to the first. */
	uint64_t other = ((word + word_fill(0x80 - 10)) | word) & word_fill(0x80);
	return other ? (size_t)__builtin_ctzll(other) / 8 : 8;
}

/* The end of so many figures at p; NULL unless a comma or brace stands there and no needless zero in front. */
static inline const char *number_end(const char *p, size_t n)
{
	return n && (p[n] == ',' || p[n] == '}') && (*p != '0' || n == 1) ? p + n : NULL;
}

/* An integer of no more figures than that. */
#define FIGURES_MAX 24u
static const char *long_number_end(const char *p)
{
	size_t n = 0, more;
	do
		n += more = figures(p + n);
	while (more == 8 && n < FIGURES_MAX);
	return number_end(p, n);
}

/* The end of what is no string, at p; NULL when it is none or not surely a whole one. */
static __attribute__((noinline)) const char *rare_scalar_end(const char *p, uint8_t *kind)
{
	if (*p == '-' || ch_is_digit((unsigned char)*p))
		return *kind = JSON_KIND_NUMBER, long_number_end(p + (*p == '-'));
	if (memcmp(p, "null", 4) == 0)
		return *kind = JSON_KIND_NULL, p + 4;
	if (memcmp(p, "true", 4) == 0)
		return *kind = JSON_KIND_TRUE, p + 4;
	if (memcmp(p, "false", 5) == 0)
		return *kind = JSON_KIND_FALSE, p + 5;
	return NULL;
}

/* Whether the name stands at p with the quote and the colon behind it; JSON_NAME_HEAD bytes of p are looked at. */
static inline bool stands_at(const struct json_name *name, const char *p)
{
#if defined(__AVX2__)
	__m256i equal = _mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *)(const void *)p), _mm256_loadu_si256((const __m256i *)(const void *)name->head));
	return !(name->head_mask & ~(uint64_t)(uint32_t)_mm256_movemask_epi8(equal));
#else
	return name->head_mask != JSON_NAME_NEVER && memcmp(name->head, p, name->n_head) == 0;
#endif
}

/*
 * What is looked at behind a value without asking for the text's end: a comma and a blank, a name with its quotes and colon, a blank, a quote or a sign, and a block
 * or a number.
 */
#define REACH (2 + 1 + JSON_NAME_HEAD + 2 + (STEP > FIGURES_MAX ? STEP : FIGURES_MAX + 1))
_Static_assert(REACH <= JSON_TAIL, "a member too near to the text's end lies in the tail");

/* Where the members are read: in the text, and near its end in the copy of that. */
struct window {
	const char *near; /* from here on REACH bytes may be more than there are */
	const char *last; /* the last place from which a block can be read */
	ptrdiff_t back;   /* from here to the same place in the text */
	/* Where quotes are found ahead: the first of the member's name, and where they are counted from. */
	const uint16_t *quote;
	uintptr_t base;
};

static const uint16_t no_quote = JSON_NO_QUOTE;

static inline struct window whole_text(const struct json_scan *s)
{
	bool far = (size_t)(s->end - s->start) >= REACH;
	return (struct window){.near = far ? s->end - (REACH - 1) : s->start, .last = far ? s->end - STEP : s->start, .quote = &no_quote};
}

/* The window that the tail is; by value, so that the one in use stays in registers. */
static __attribute__((noinline)) struct window in_tail(const struct json_scan *s, const uint16_t *quote, uintptr_t base)
{
	const char *end = s->tail + JSON_TAIL;
	uintptr_t back = (uintptr_t)s->end - (uintptr_t)end;
	return (struct window){.near = end + JSON_TAIL, .last = end, .back = (ptrdiff_t)back, .quote = quote, .base = base - back};
}

/* A place of the window, moved to the tail when it stands too near to the end. */
static inline const char *in_reach(struct window *w, const struct json_scan *s, const char *p)
{
	if (p < w->near)
		return p;
	*w = in_tail(s, w->quote, w->base);
	return p - w->back;
}

#if defined(__AVX512VBMI2__)
/*
 * Who looks for the end of each string when he has come to its beginning waits for one after the other. Registers out of which single bytes can be pressed list the
 * quotes of a whole line for a fraction of that, and then it is known where a member begins before the one in front of it has been looked at. Only where they stand
 * is taken from the list: what they are is told by the text between them.
 */
#define EIGHT_PLACES(n) 2 * (n), 2 * (n) + 2, 2 * (n) + 4, 2 * (n) + 6, 2 * (n) + 8, 2 * (n) + 10, 2 * (n) + 12, 2 * (n) + 14
static const uint8_t places[STEP] = {EIGHT_PLACES(0), EIGHT_PLACES(8), EIGHT_PLACES(16), EIGHT_PLACES(24), EIGHT_PLACES(32), EIGHT_PLACES(40), EIGHT_PLACES(48), EIGHT_PLACES(56)};

/* The quotes of the block at p, which stands `at` bytes behind the base; *slashed: whether a backslash stands behind the last of them. Writes up to STEP places. */
static inline uint16_t *put_quotes(uint16_t *to, const char *p, unsigned at, bool *slashed)
{
	const __m512i v = LOAD(p), base = _mm512_set1_epi16((short)(2 * at)), place = _mm512_loadu_si512(places);
	uint64_t quote = EQUAL(v, json_quotes), slash = EQUAL(v, json_slashes), carried;
	/* A backslash, added to the bytes between two quotes, carries to the second. */
	*slashed = __builtin_add_overflow(~quote, slash | *slashed, &carried);
	__m512i found = _mm512_maskz_compress_epi8(quote, _mm512_mask_add_epi8(place, carried & quote, place, _mm512_set1_epi8(1)));
	unsigned n = (unsigned)__builtin_popcountll(quote);
	_mm512_storeu_si512(to, _mm512_add_epi16(base, _mm512_cvtepu8_epi16(_mm512_castsi512_si256(found))));
	if (n > STEP / 2)
		_mm512_storeu_si512(to + STEP / 2, _mm512_add_epi16(base, _mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64(found, 1))));
	return to + n;
}

/* Those of the text from p on. What is left behind the last whole block is read from the tail. */
static void find_quotes(const struct json_scan *s, const char *p)
{
	struct json_quotes *x = s->quotes;
	size_t left = (size_t)(s->end - p);
	unsigned n = left < JSON_QUOTES ? (unsigned)left : JSON_QUOTES, at = 0;
	uint16_t *to = x->quote;
	bool slashed = false;
	for (; at + STEP <= n; at += STEP)
		to = put_quotes(to, p + at, at, &slashed);
	if (at < n)
		to = put_quotes(to, s->tail + JSON_TAIL - (n - at), at, &slashed);
	for (unsigned i = 0; i < 4; i++)
		to[i] = JSON_NO_QUOTE;
	x->base = p;
	x->end = p + n;
	x->at = x->quote;
}

static inline const char *quote_at(const struct window *w, unsigned i)
{
	return (const char *)(w->base + w->quote[i] / 2);
}

/* The quote that stands at this place of the text. */
static __attribute__((noinline)) const uint16_t *quote_from(const struct json_scan *s, const char *p)
{
	struct json_quotes *x = s->quotes;
	while (p < x->end && x->base + *x->at / 2 < p)
		x->at++;
	if (p >= x->end || x->base + *x->at / 2 != p)
		find_quotes(s, p);
	return x->at;
}

/* The name that begins at p, told without waiting for what p comes from. */
static inline const char *next_name(struct window *w, const struct json_scan *s, const char *p)
{
	if (*w->quote == JSON_NO_QUOTE) {
		w->quote = quote_from(s, p + w->back);
		w->base = (uintptr_t)s->quotes->base - (uintptr_t)w->back;
	}
	return quote_at(w, 0);
}

static inline void pass_quotes(struct window *w, unsigned n)
{
	w->quote += n;
}

/* Where the name at hand ends, in the text. */
static inline const char *name_end(const struct window *w, const struct json_scan *s, const char *p, bool *escaped)
{
	(void)s, (void)p;
	*escaped = w->quote[1] % 2;
	return w->quote[1] == JSON_NO_QUOTE ? NULL : quote_at(w, 1) + w->back;
}

/* The first of these that no backslash escapes, or where they end. */
static __attribute__((noinline)) const uint16_t *unescaped_quote(uintptr_t base, const uint16_t *quote)
{
	while (*quote != JSON_NO_QUOTE && is_escaped((const char *)base + *quote / 2))
		quote++;
	return quote;
}

/* The string whose inside begins at p; where it ends, NULL when that is not known. */
static inline const char *plain_string(struct window *w, const struct json_scan *s, const char *p, struct json_leaf *leaf)
{
	uint16_t close = w->quote[3];
	(void)s;
	if (close != JSON_NO_QUOTE && quote_at(w, 3)[-1] == '\\')
		w->quote = unescaped_quote(w->base, w->quote + 3) - 3;
	if (w->quote[3] == JSON_NO_QUOTE)
		return NULL;
	const char *end = quote_at(w, 3);
	leaf->p = p + w->back;
	leaf->n = (uint32_t)(end - p);
	leaf->kind = (uint8_t)(JSON_KIND_STRING + close % 2);
	pass_quotes(w, 4);
	return end + 1;
}
#else
static inline const char *next_name(const struct window *w, const struct json_scan *s, const char *p)
{
	(void)w, (void)s;
	return p;
}

static inline void pass_quotes(struct window *w, unsigned n)
{
	(void)w, (void)n;
}

static inline const char *name_end(const struct window *w, const struct json_scan *s, const char *p, bool *escaped)
{
	(void)w;
	return string_end(s, p, escaped);
}

/* The string of the leaf goes on at p, behind its first block; where it ends, NULL when that is not in the text. */
static inline const char *long_string(const struct window *w, const struct json_scan *s, const char *p, uint64_t slashes, struct json_leaf *leaf)
{
	const char *quote = p <= w->last ? end_in_blocks(&p, w->last, &slashes) : NULL;
	bool escaped = slashes;
	if (quote)
		quote += w->back;
	else if (p + w->back >= s->end || !(quote = string_end(s, p + w->back, &escaped)))
		return NULL;
	leaf->n = (uint32_t)(quote - leaf->p);
	leaf->kind = escaped ? JSON_KIND_ESCAPED : JSON_KIND_STRING;
	return quote + 1 - w->back;
}

/* The string whose inside begins at p. */
static inline const char *plain_string(struct window *w, const struct json_scan *s, const char *p, struct json_leaf *leaf)
{
	block v = LOAD(p);
	uint64_t slashes = 0;
	const char *quote = end_in(EQUAL(v, json_quotes), EQUAL(v, json_slashes), p, &slashes);
	leaf->p = p + w->back;
	if (!quote)
		return long_string(w, s, p + STEP, slashes, leaf);
	leaf->n = (uint32_t)(quote - p);
	leaf->kind = slashes ? JSON_KIND_ESCAPED : JSON_KIND_STRING;
	return quote + 1;
}
#endif

/* The value at p; where it ends, NULL when it is none of the plain form. */
static inline const char *plain_value(struct window *w, const struct json_scan *s, const char *p, struct json_leaf *leaf)
{
	leaf->element = s->element;
	for (bool blank = false;; blank = true, p++) {
		if (*p == '"')
			return plain_string(w, s, p + 1, leaf);
		if (blank || *p != ' ')
			break;
	}
	const char *after = number_end(p, figures(p));
	leaf->kind = JSON_KIND_NUMBER;
	if (!after && !(after = rare_scalar_end(p, &leaf->kind)))
		return NULL;
	pass_quotes(w, 2);
	leaf->p = p + w->back;
	leaf->n = leaf->kind == JSON_KIND_NULL ? 0 : (uint32_t)(after - p);
	return after;
}

/* The bracket of an object or array at p, or behind a blank; else NULL. */
static inline const char *bracket(const char *p)
{
	p += *p == ' ';
	return *p == '{' || *p == '[' ? p : NULL;
}

/* A member that has no name which is expected, as plain_members takes it. At a bracket leaf->known is its name. */
static __attribute__((noinline)) const char *other_member(struct json_scan *s, struct window *w, struct json_name *before, const char *p, struct json_leaf *leaf, enum json_stop *ret_stop)
{
	bool escaped = false;
	const char *name = p + 1, *close = name_end(w, s, name, &escaped);
	*ret_stop = JSON_AT_NAME;
	if (!close || escaped || s->end - close < 4 || close[1] != ':')
		return p;
	struct str key = str_n(name, (size_t)(close - name));
	if (!json_scan_name(s, before, key, leaf))
		return p;
	const char *open = bracket(close + 2);
	if (open && !leaf->known && s->names)
		leaf->known = json_names_keep(s->names, leaf->name);
	if (leaf->known) {
		json_name_follows(leaf->known, before);
		json_name_stands(leaf->known, s->inside, key);
	}
	if (open) {
		*ret_stop = leaf->known ? JSON_AT_BRACKET : JSON_AT_NAME;
		return leaf->known ? open : p;
	}
	const char *after = plain_value(w, s, in_reach(w, s, close - w->back) + 2, leaf);
	if (!after)
		return p;
	*ret_stop = JSON_BEHIND;
	return after + w->back;
}

/* The name that stands at p in an object, if it is one of the two that followed the one before. */
static inline struct json_name *expected(struct json_name *before, const struct json_name *inside, const char *p)
{
	struct json_name *next = before->next;
	if (next->inside == inside && stands_at(next, p))
		return next;
	struct json_name *other = before->other;
	if (other->inside != inside || !stands_at(other, p))
		return NULL;
	before->next = other;
	before->other = next;
	return other;
}

static const char *plain_members(struct json_scan *s, const char *p, enum json_stop *ret_stop)
{
	*ret_stop = JSON_AT_NAME;
	if (s->n == s->cap && !json_scan_grow(s))
		return p;
	struct window w = whole_text(s);
	const struct json_name *inside = s->inside;
	struct json_leaf *leaf = s->leaf + s->n, *full = s->leaf + s->cap;
	struct json_met met = s->met;
	p = in_reach(&w, s, p);
	p = next_name(&w, s, p);
	for (;;) {
		if (leaf == full) {
			s->n = (size_t)(leaf - s->leaf);
			if (!json_scan_grow(s))
				break;
			leaf = s->leaf + s->n;
			full = s->leaf + s->cap;
		}
		struct json_name *known = expected(met.last, inside, p + 1);
		const char *after;
		if (known) {
			const char *value = p + 1 + known->n_head;
			after = plain_value(&w, s, value, leaf);
			if (!after) {
				const char *open = bracket(value);
				if (open) {
					met.last = known;
					p = open;
					*ret_stop = JSON_AT_BRACKET;
				}
				break;
			}
			leaf->known = known;
		} else {
			struct window here = w; /* the loop's own stays in registers */
			after = other_member(s, &here, met.last, p + w.back, leaf, ret_stop);
			w = here;
			known = leaf->known;
			if (*ret_stop != JSON_BEHIND) {
				met.last = *ret_stop == JSON_AT_BRACKET ? known : met.last;
				p = after - w.back;
				break;
			}
			*ret_stop = JSON_AT_NAME;
			after -= w.back;
		}
		json_met_add(&met, known);
		leaf++;
		after = in_reach(&w, s, after);
		if (memcmp(after, ",\"", 2) == 0) {
			p = after + 1;
		} else if (memcmp(after, ", \"", 3) == 0) {
			p = after + 2;
		} else {
			*ret_stop = JSON_BEHIND;
			p = after;
			break;
		}
		p = next_name(&w, s, p);
	}
	s->quotes->at = w.quote;
	s->n = (size_t)(leaf - s->leaf);
	s->met = met;
	return p + w.back;
}

const struct json_isa JSON_ISA = {string_end, plain_members};
