/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json_scan.h"

#include <endian.h>

#if defined(__AVX2__) || defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

/*
 * Eight in nine bytes of a log are inside strings, so the end of a string is what the reader looks for most: the first quote that no backslash
 * escapes. STEP bytes are looked at at once, as masks with a bit for each.
 */
#if defined(__AVX512BW__) && defined(__AVX512VL__)
#define STEP 64u
typedef __m512i block;
#define LOAD(p) _mm512_loadu_si512(p)
#define EQUAL(v, c) ((uint64_t)_mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(c)))
#elif defined(__AVX2__)
#define STEP 32u
typedef __m256i block;
#define LOAD(p) _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define EQUAL(v, c) ((uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(v, _mm256_set1_epi8(c))))
#elif defined(__SSE2__)
#define STEP 16u
typedef __m128i block;
#define LOAD(p) _mm_loadu_si128((const __m128i *)(const void *)(p))
#define EQUAL(v, c) ((uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8(c))))
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
#define EQUAL(v, c) neon_mask(vceqq_u8(v, vdupq_n_u8(c)))
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
#define EQUAL(v, c) scalar_mask(v, c)
#endif

/*
 * Which characters of a block an odd number of backslashes stands before: the starts of runs at odd places, added to the runs, carry to where the
 * runs end. *carry: the block before ends inside such a pair.
 */
static inline uint64_t escaped_mask(uint64_t slash, uint64_t *carry)
{
	const uint64_t even = UINT64_C(0x5555555555555555);
	slash &= ~*carry;
	uint64_t follows = slash << 1 | *carry, odd_starts = slash & ~even & ~follows, ends;
#if STEP == 64
	*carry = __builtin_add_overflow(odd_starts, slash, &ends);
#else
	ends = odd_starts + slash;
	*carry = ends >> STEP & 1;
#endif
	return (even ^ ends << 1) & follows;
}

/*
 * The first quote of the block that ends a string, NULL when there is none; *carry as above. Its bytes from `skip` on are those at p. Most blocks have no
 * quote: then it matters only whether the last backslash escapes what follows.
 */
static inline const char *end_in(block v, unsigned skip, const char *p, uint64_t *carry, bool *escaped)
{
	uint64_t quote = EQUAL(v, '"') >> skip, slash = EQUAL(v, '\\') >> skip;
	if (slash | *carry) {
		if (quote || slash >> (STEP - 1))
			quote &= ~escaped_mask(slash, carry);
		else
			*carry = 0;
		*escaped = *escaped || (slash & (quote ^ (quote - 1)));
	}
	return quote ? p + __builtin_ctzll(quote) : NULL;
}

/* The quote that ends the string which begins at p; NULL when the text ends before. */
static inline const char *string_end(const struct json_scan *s, const char *p, bool *escaped)
{
	const char *end = s->end, *quote;
	uint64_t carry = 0;
	for (; (size_t)(end - p) >= STEP; p += STEP)
		if ((quote = end_in(LOAD(p), 0, p, &carry, escaped)))
			return quote;
	if ((size_t)(end - s->start) >= STEP)
		return p < end ? end_in(LOAD(end - STEP), STEP - (unsigned)(end - p), p, &carry, escaped) : NULL;
	for (; p < end && *p != '"'; p++)
		if (*p == '\\') {
			*escaped = true;
			p++;
		}
	return p < end ? p : NULL;
}

/* How many figures stand at p, of which 8 bytes may be looked at; more than that are counted one by one. */
static inline size_t figures(const char *p, const char *end)
{
	const uint64_t zeros = UINT64_C(0x3030303030303030), high = UINT64_C(0x8080808080808080);
	uint64_t word;
	memcpy(&word, p, sizeof(word));
	word = le64toh(word) ^ zeros;
	/* The high bit of each byte that is no figure; exact up to the first. */
	uint64_t other = ((word + UINT64_C(0x7676767676767676)) | word) & high;
	if (other)
		return (size_t)__builtin_ctzll(other) / 8;
	size_t n = 8;
	while (p + n < end && ch_is_digit((unsigned char)p[n]))
		n++;
	return n;
}

/* A scalar that is no string, at p; NULL when it is none or not surely a whole one. */
static inline const char *plain_scalar(const char *p, const char *end, uint8_t *kind)
{
	if (end - p < 10)
		return NULL;
	bool minus = *p == '-';
	size_t n = figures(p + minus, end);
	if (n) {
		/* Only integers: they end at a comma or brace, do not begin with a needless zero. */
		const char *digits = p + minus;
		p = digits + n;
		return *kind = JSON_KIND_NUMBER, p < end && (*p == ',' || *p == '}') && (*digits != '0' || n == 1) ? p : NULL;
	}
	if (memcmp(p, "null", 4) == 0)
		return *kind = JSON_KIND_NULL, p + 4;
	if (memcmp(p, "true", 4) == 0)
		return *kind = JSON_KIND_TRUE, p + 4;
	if (memcmp(p, "false", 5) == 0)
		return *kind = JSON_KIND_FALSE, p + 5;
	return NULL;
}

/* The name that stands at p, if it is one of the two that followed the one before. */
static inline struct json_name *expected(struct json_name *before, const char *p, size_t left)
{
	struct json_name *next = before->next, *other = before->other;
	if (json_name_at(next, p, left))
		return next;
	if (!json_name_at(other, p, left))
		return NULL;
	before->next = other;
	before->other = next;
	return other;
}

/* Where the value of a member begins whose name is not one of those expected; NULL when the member is none of the plain form. */
static __attribute__((noinline)) const char *other_name(struct json_scan *s, const struct json_name *before, const char *p, struct json_leaf *leaf)
{
	bool escaped = false;
	const char *name = p + 1, *close = string_end(s, name, &escaped);
	if (!close || escaped || s->end - close < 4 || close[1] != ':')
		return NULL;
	return json_scan_name(s, before, str_n(name, (size_t)(close - name)), leaf) ? close + 2 : NULL;
}

/* Raw control characters inside strings are against the grammar but common in logs: they are let through. */
static const char *find_end(const struct json_scan *s, const char *p, bool *escaped)
{
	return string_end(s, p, escaped);
}

static const char *plain_members(struct json_scan *s, const char *p, bool *ret_at_name)
{
	*ret_at_name = true;
	if (s->n == s->cap && !json_scan_grow(s))
		return p;
	const char *end = s->end;
	struct json_leaf *leaf = s->leaf + s->n, *full = s->leaf + s->cap;
	struct json_met met = s->met;
	bool nested = s->prefix.n, element = s->element;
	for (;;) {
		const char *name = p + 1, *value, *after;
		if (leaf == full) {
			s->n = (size_t)(leaf - s->leaf);
			if (!json_scan_grow(s))
				break;
			leaf = s->leaf + s->n;
			full = s->leaf + s->cap;
		}
		struct json_name *known = nested ? NULL : expected(met.last, name, (size_t)(end - name));
		if (known) {
			size_t n = known->text.n;
			leaf->name = str_n(name, n);
			leaf->known = known;
			value = name + n + 2;
		} else if (!(value = other_name(s, met.last, p, leaf))) {
			break;
		}
		value += *value == ' ';
		leaf->kind = JSON_KIND_STRING;
		leaf->element = element;
		if (*value == '"') {
			bool escaped = false;
			after = string_end(s, ++value, &escaped);
			if (!after)
				break;
			leaf->text = str_n(value, (size_t)(after++ - value));
			if (escaped)
				leaf->kind = JSON_KIND_ESCAPED;
		} else {
			after = plain_scalar(value, end, &leaf->kind);
			if (!after)
				break;
			leaf->text = str_n(value, leaf->kind == JSON_KIND_NULL ? 0 : (size_t)(after - value));
		}
		if (known) {
			met.last = known;
			met.bits |= known->bits;
		} else {
			json_met_add(&met, leaf->known);
		}
		leaf++;
		p = after;
		if (end - p >= 3 && p[0] == ',' && p[1 + (p[1] == ' ')] == '"') {
			p += 1 + (p[1] == ' ');
			continue;
		}
		*ret_at_name = false;
		break;
	}
	s->n = (size_t)(leaf - s->leaf);
	s->met = met;
	return p;
}

const struct json_isa JSON_ISA = {find_end, plain_members};
