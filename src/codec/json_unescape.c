/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json_scan.h"

#include "base/utf8.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* What stands behind a backslash, and what that means; 0: not this. */
static const char MEANS[256] = {['"'] = '"', ['\\'] = '\\', ['/'] = '/', ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t'};

static uint32_t hex4(const char *p)
{
	uint32_t v = 0;
	for (int i = 0; i < 4; i++) {
		int digit = ch_hex((unsigned char)p[i]);
		if (digit < 0)
			return UINT32_MAX;
		v = v << 4 | (uint32_t)digit;
	}
	return v;
}

/* \uXXXX at p[0..n) behind "\u"; returns characters used. */
static size_t unescape_unicode(const char *p, size_t n, uint32_t *ret_cp)
{
	uint32_t cp = n >= 4 ? hex4(p) : UINT32_MAX, low;
	if (cp == UINT32_MAX)
		return 0;
	*ret_cp = cp;
	if (cp >= 0xD800 && cp < 0xDC00 && n >= 10 && p[4] == '\\' && p[5] == 'u' && (low = hex4(p + 6)) >= 0xDC00 && low < 0xE000) {
		*ret_cp = 0x10000 + ((cp - 0xD800) << 10) + (low - 0xDC00);
		return 10;
	}
	return 4;
}

struct taken {
	size_t from, to; /* bytes */
};

/* The backslash at p, of n bytes, that is not followed by what MEANS something: \uXXXX or no escape, which stays as it is. */
static __attribute__((noinline)) struct taken unescape_other(char *to, const char *p, size_t n)
{
	uint32_t cp;
	size_t used;
	if (n > 1 && p[1] == 'u' && (used = unescape_unicode(p + 2, n - 2, &cp)))
		return (struct taken){2 + used, utf8_put(to, cp)};
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
