/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json_scan.h"

#if defined(__AVX2__) || defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

/*
 * Eight in nine bytes of a log are inside strings, so the end of a string is what the reader looks for most: the first quote, backslash or control
 * character. STEP bytes are looked at at once; special_mask has a bit (on NEON four) for each that is one.
 */
#if defined(__AVX512BW__) && defined(__AVX512VL__)
#define STEP 64u
#define MASK_BITS 1u
static inline uint64_t special_mask(const char *p)
{
	__m512i v = _mm512_loadu_si512(p);
	return _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('"')) | _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\\')) | _mm512_cmplt_epu8_mask(v, _mm512_set1_epi8(0x20));
}
#elif defined(__AVX2__)
#define STEP 32u
#define MASK_BITS 1u
static inline uint64_t special_mask(const char *p)
{
	__m256i v = _mm256_loadu_si256((const __m256i *)(const void *)p);
	__m256i hit = _mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8('"')), _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\\')));
	hit = _mm256_or_si256(hit, _mm256_cmpeq_epi8(_mm256_min_epu8(v, _mm256_set1_epi8(0x1f)), v));
	return (uint32_t)_mm256_movemask_epi8(hit);
}
#elif defined(__SSE2__)
#define STEP 16u
#define MASK_BITS 1u
static inline uint64_t special_mask(const char *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i hit = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
	hit = _mm_or_si128(hit, _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v));
	return (uint32_t)_mm_movemask_epi8(hit);
}
#elif defined(__ARM_NEON)
#define STEP 16u
#define MASK_BITS 4u
static inline uint64_t special_mask(const char *p)
{
	uint8x16_t v = vld1q_u8((const uint8_t *)p);
	uint8x16_t hit = vorrq_u8(vorrq_u8(vceqq_u8(v, vdupq_n_u8('"')), vceqq_u8(v, vdupq_n_u8('\\'))), vcltq_u8(v, vdupq_n_u8(0x20)));
	return vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(hit), 4)), 0);
}
#else
#define STEP 8u
#define MASK_BITS 1u
static inline uint64_t special_mask(const char *p)
{
	uint64_t mask = 0;
	for (unsigned i = 0; i < STEP; i++)
		mask |= (uint64_t)(p[i] == '"' || p[i] == '\\' || (unsigned char)p[i] < 0x20) << i;
	return mask;
}
#endif

static inline size_t find(const char *p, size_t n)
{
	size_t i = 0;
	for (; i + STEP <= n; i += STEP) {
		uint64_t mask = special_mask(p + i);
		if (mask)
			return i + (unsigned)__builtin_ctzll(mask) / MASK_BITS;
	}
	while (i < n && p[i] != '"' && p[i] != '\\' && (unsigned char)p[i] >= 0x20)
		i++;
	return i;
}

static size_t find_special(const char *p, size_t n)
{
	return find(p, n);
}

/* The quote that ends the string which begins at p; NULL when the text ends before. */
static inline const char *string_end(const char *p, const char *end, bool *escaped)
{
	for (;;) {
		p += find(p, (size_t)(end - p));
		if (p >= end || *p == '"')
			return p < end ? p : NULL;
		if (*p == '\\') {
			*escaped = true;
			p++;
		}
		if (++p > end)
			return NULL;
	}
}

/* A scalar that is no string, at p; NULL when it is none or not surely a whole one. */
static inline const char *plain_scalar(const char *p, const char *end, uint8_t *kind)
{
	if (end - p < 8)
		return NULL;
	if (memcmp(p, "null", 4) == 0)
		return *kind = JSON_KIND_NULL, p + 4;
	if (memcmp(p, "true", 4) == 0)
		return *kind = JSON_KIND_TRUE, p + 4;
	if (memcmp(p, "false", 5) == 0)
		return *kind = JSON_KIND_FALSE, p + 5;
	p += *p == '-';
	const char *digits = p;
	while (p < end && ch_is_digit((unsigned char)*p))
		p++;
	/* Only integers: they end at a comma or brace, do not begin with a needless zero. */
	if (p == digits || p == end || (*p != ',' && *p != '}') || (*digits == '0' && p > digits + 1))
		return NULL;
	return *kind = JSON_KIND_NUMBER, p;
}

static const char *plain_members(struct json_scan *s, const char *p, bool *ret_at_name)
{
	const char *end = s->end;
	*ret_at_name = true;
	for (;;) {
		const char *name = p + 1, *close = name + find(name, (size_t)(end - name));
		if (end - close < 4 || close[0] != '"' || close[1] != ':')
			return p;
		const char *value = close + 2, *after;
		struct json_leaf *leaf;
		uint8_t kind = JSON_KIND_STRING;
		struct str text;
		if (*value == '"') {
			bool escaped = false;
			after = string_end(++value, end, &escaped);
			if (!after)
				return p;
			text = str_n(value, (size_t)(after - value));
			kind = escaped ? JSON_KIND_ESCAPED : JSON_KIND_STRING;
			after++;
		} else {
			after = plain_scalar(value, end, &kind);
			if (!after)
				return p;
			text = str_n(value, kind == JSON_KIND_NULL ? 0 : (size_t)(after - value));
		}
		if (s->n == s->cap && !json_scan_grow(s))
			return p;
		leaf = &s->leaf[s->n++];
		leaf->name = str_n(name, (size_t)(close - name));
		leaf->text = text;
		leaf->kind = kind;
		leaf->element = false;
		if (end - after < 2 || after[0] != ',' || after[1] != '"') {
			*ret_at_name = false;
			return after;
		}
		p = after + 1;
	}
}

const struct json_isa JSON_ISA = {find_special, plain_members};
