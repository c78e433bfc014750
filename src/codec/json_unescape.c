/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json_scan.h"

#include "base/utf8.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* What stands behind a backslash, and what that means; 0: not this. */
static const char MEANS[256] = {['"'] = '"', ['\\'] = '\\', ['/'] = '/', ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t'};

/*
 * What each of four hexadecimal digits brings to the character that they are in UTF-8, which has three bytes, the first one lowest: 4 bits, 4 and 2 of 6, 2 and 4 of 6.
 * What is a digit brings one to the highest bits, too.
 */
#define IS_DIGIT (UINT32_C(1) << 28)
#define FIRST(v) (IS_DIGIT | (v))
#define SECOND(v) (IS_DIGIT | (v) << 10)
#define THIRD(v) (IS_DIGIT | (v) >> 2 << 8 | ((v) & 3) << 20)
#define FOURTH(v) (IS_DIGIT | (v) << 16)
#define LETTERS(a, d) [(a)] = d(10u), d(11u), d(12u), d(13u), d(14u), d(15u)
#define DIGITS(d) {['0'] = d(0u), d(1u), d(2u), d(3u), d(4u), d(5u), d(6u), d(7u), d(8u), d(9u), LETTERS('A', d), LETTERS('a', d)}
static const uint32_t DIGIT[4][256] = {DIGITS(FIRST), DIGITS(SECOND), DIGITS(THIRD), DIGITS(FOURTH)};

static inline uint32_t unit_at(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;
	return DIGIT[0][u[0]] + DIGIT[1][u[1]] + DIGIT[2][u[2]] + DIGIT[3][u[3]];
}

static inline bool is_unit(uint32_t unit)
{
	return unit / IS_DIGIT == 4;
}

/* A unit from U+0800 on that is no surrogate: what tells is in the first five bits. */
static inline bool has_three_bytes(uint32_t unit)
{
	uint32_t first = (unit & (15 * IS_DIGIT | 0x200F)) ^ 4 * IS_DIGIT;
	return first && first <= 0x200F && first != 0x200D;
}

static inline uint32_t number_of(uint32_t unit)
{
	return (unit & 15) << 12 | (unit >> 2 & 0xFC0) | (unit >> 16 & 0x3F);
}

struct taken {
	size_t from, to; /* bytes */
};

static inline bool is_unicode(const char *p, const char *end)
{
	return end - p >= 6 && memcmp(p, "\\u", 2) == 0;
}

/* \uXXXX at p, which is cp; or such a one and the low surrogate behind it. */
static struct taken unescape_unit(char *to, const char *p, const char *end, uint32_t cp)
{
	uint32_t low = is_unicode(p + 6, end) ? unit_at(p + 8) : 0;
	if (cp >> 10 == 0xD800 >> 10 && is_unit(low) && (low = number_of(low)) >> 10 == 0xDC00 >> 10)
		return (struct taken){12, utf8_put(to, 0x10000 + ((cp - 0xD800) << 10) + (low - 0xDC00))};
	return (struct taken){6, utf8_put(to, cp)};
}

/* Those in a row; none is left alone. What is stored is never more than what was read. */
static __attribute__((noinline)) struct taken unescape_unicode(char *to, const char *p, size_t n)
{
	const char *in = p, *end = p + n;
	char *out = to;
	while (is_unicode(in, end)) {
		uint32_t unit = unit_at(in + 2), cp, bytes;
		if (has_three_bytes(unit)) {
			bytes = le32toh(unit | 0x8080E0);
			memcpy(out, &bytes, sizeof(bytes));
			in += 6;
			out += 3;
			continue;
		}
		if (!is_unit(unit))
			break;
		cp = number_of(unit);
		if (cp >= 0x80 && cp < 0x800) {
			out[0] = (char)(0xC0 | cp >> 6);
			out[1] = (char)(0x80 | (cp & 0x3F));
			in += 6;
			out += 2;
			continue;
		}
		struct taken one = unescape_unit(out, in, end, cp);
		in += one.from;
		out += one.to;
	}
	return (struct taken){(size_t)(in - p), (size_t)(out - to)};
}

/* The backslash at p, of n bytes, that is not followed by what MEANS something: \uXXXX or no escape, which stays as it is. */
static struct taken unescape_other(char *to, const char *p, size_t n)
{
	struct taken some = unescape_unicode(to, p, n);
	if (some.from)
		return some;
	*to = '\\';
	return (struct taken){1, 1};
}

static inline struct taken unescape_one(char *to, const char *p, size_t n)
{
	char c = n > 1 ? MEANS[(unsigned char)p[1]] : 0;
	if (!c)
		return unescape_other(to, p, n);
	*to = c;
	return (struct taken){2, 1};
}

#if defined(__SSE2__)
/* Copies so many bytes, 16 or 8, whether or not all of them are plain; bit set: where backslashes are. */
static inline unsigned copy_register(char *to, const char *p, unsigned n)
{
	__m128i v = n == 16 ? _mm_loadu_si128((const __m128i *)(const void *)p) : _mm_loadl_epi64((const __m128i *)(const void *)p);
	if (n == 16)
		_mm_storeu_si128((__m128i *)(void *)to, v);
	else
		_mm_storel_epi64((__m128i *)(void *)to, v);
	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
}

/* On, a register at a time, to where so many bytes and one are no longer left. */
static inline __attribute__((always_inline)) void unescape_registers(char **to, const char **p, const char *end, unsigned n)
{
	char *out = *to;
	const char *in = *p;
	while (end - in > n) {
		unsigned slash = copy_register(out, in, n), run = slash ? (unsigned)__builtin_ctz(slash) : n;
		in += run;
		out += run;
		if (!slash)
			continue;
		struct taken one = unescape_one(out, in, (size_t)(end - in));
		in += one.from;
		out += one.to;
	}
	*to = out;
	*p = in;
}
#endif

size_t json_unescape_base(char *dst, struct str text)
{
	const char *p = text.p, *end = p + text.n;
	char *to = dst;
#if defined(__SSE2__)
	/* Whole registers are stored ahead, which text that is decoded where it stands does not allow. */
	if ((uintptr_t)dst + text.n <= (uintptr_t)p || (uintptr_t)end <= (uintptr_t)dst) {
		unescape_registers(&to, &p, end, 16);
		unescape_registers(&to, &p, end, 8);
	}
#endif
	while (p < end) {
		if (*p != '\\') {
			*to++ = *p++;
			continue;
		}
		struct taken one = unescape_one(to, p, (size_t)(end - p));
		p += one.from;
		to += one.to;
	}
	return (size_t)(to - dst);
}

#if defined(__x86_64__)
/* The backslashes that escape what follows: each odd one of those that stand in a row. */
static inline uint64_t escaping(uint64_t slash)
{
	const uint64_t odd = UINT64_C(0xAAAAAAAAAAAAAAAA);
	return (((slash << 1 | odd) - slash) ^ odd) & slash;
}

/* Registers of 64 bytes: what stands behind backslashes is looked up, and they are pressed out. Nothing is stored behind what is decoded. */
__attribute__((target("avx512f,avx512bw,avx512vbmi,avx512vbmi2,popcnt"))) static size_t unescape_wide(char *dst, struct str text)
{
	const char *p = text.p, *end = p + text.n;
	char *to = dst;
	const __m512i means_low = _mm512_loadu_si512(MEANS), means_high = _mm512_loadu_si512(MEANS + 64);
	while (p < end) {
		size_t n = end - p < 64 ? (size_t)(end - p) : 64;
		uint64_t here = UINT64_MAX >> (64 - n);
		__m512i v = _mm512_maskz_loadu_epi8(here, p);
		uint64_t slash = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\\')), from = escaping(slash), behind = from << 1;
		if (!slash) {
			_mm512_mask_storeu_epi8(to, here, v);
			p += n;
			to += n;
			continue;
		}
		__m512i means = _mm512_permutex2var_epi8(means_low, v, means_high);
		uint64_t simple = _mm512_test_epi8_mask(means, means) & ~_mm512_movepi8_mask(v);
		/* On to the first escape that is not simple, or of which only the backslash is here. */
		uint64_t other = (behind & ~simple) >> 1 | (from & UINT64_C(1) << (n - 1));
		size_t run = other ? (size_t)__builtin_ctzll(other) : n;
		uint64_t kept = here & ~from & (other ? (UINT64_C(1) << run) - 1 : UINT64_MAX);
		size_t out = (size_t)__builtin_popcountll(kept);
		_mm512_mask_storeu_epi8(to, (UINT64_C(1) << out) - 1, _mm512_maskz_compress_epi8(kept, _mm512_mask_mov_epi8(v, behind, means)));
		p += run;
		to += out;
		if (!other)
			continue;
		struct taken one = unescape_one(to, p, (size_t)(end - p));
		p += one.from;
		to += one.to;
	}
	return (size_t)(to - dst);
}

static bool has_wide(void)
{
	__builtin_cpu_init();
	return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2");
}
#else
static size_t unescape_wide(char *dst, struct str text)
{
	return json_unescape_base(dst, text);
}

static bool has_wide(void)
{
	return false;
}
#endif

/* Chosen once at start, before any thread runs. */
static size_t (*unescape)(char *dst, struct str text) = json_unescape_base;

__attribute__((constructor)) static void choose(void)
{
	if (has_wide())
		unescape = unescape_wide;
}

size_t json_unescape(char *dst, struct str text)
{
	return text.n ? unescape(dst, text) : 0;
}
