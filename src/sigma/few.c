/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/few.h"

#include "base/must.h"

#define FEW_MOST 48
#define PLACES 4
#define BUCKETS 8
#define STEP 32

struct few_literal {
	const char *text;
	uint32_t n;
	uint32_t at; /* of the four bytes; less and any others, when there are no more */
	uint16_t gate;
};

struct few {
	unsigned char low[PLACES][16], high[PLACES][16]; /* by half byte: a bit for each bucket */
	struct few_literal literal[FEW_MOST];            /* by bucket */
	uint32_t first[BUCKETS + 1];
};

#if defined(__x86_64__)
#include <immintrin.h>

/* The literals of a text that stand at text[at], among those of these buckets. */
static void compare(const struct few *f, struct str text, size_t at, unsigned buckets, void (*hit)(void *arg, uint16_t gate), void *arg)
{
	for (; buckets; buckets &= buckets - 1) {
		unsigned b = (unsigned)__builtin_ctz(buckets);
		for (uint32_t i = f->first[b]; i < f->first[b + 1]; i++) {
			const struct few_literal *l = &f->literal[i];
			if (at >= l->at && text.n - (at - l->at) >= l->n && memcmp(text.p + (at - l->at), l->text, l->n) == 0)
				hit(arg, l->gate);
		}
	}
}

/* Which buckets may have their four bytes at each of 32 places of p, of which 35 bytes are read. */
__attribute__((target("avx2"))) static inline __m256i buckets_at(const struct few *f, const char *p)
{
	const __m256i half = _mm256_set1_epi8(0x0f);
	__m256i all = _mm256_set1_epi8((char)0xff);
	for (unsigned k = 0; k < PLACES; k++) {
		__m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(p + k));
		__m256i low = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)f->low[k]));
		__m256i high = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)f->high[k]));
		all = _mm256_and_si256(all, _mm256_and_si256(_mm256_shuffle_epi8(low, _mm256_and_si256(v, half)), _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(v, 4), half))));
	}
	return all;
}

__attribute__((target("avx2"))) void few_find(const struct few *f, struct str text, void (*hit)(void *arg, uint16_t gate), void *arg)
{
	char end[STEP + 2 * PLACES] = {0};
	for (size_t from = 0; from < text.n; from += STEP) {
		const char *p = text.p + from;
		unsigned char bucket[STEP];
		if (text.n - from < STEP + PLACES) {
			size_t n = text.n - from < sizeof(end) ? text.n - from : sizeof(end);
			memcpy(end, p, n);
			memset(end + n, 0, sizeof(end) - n);
			p = end;
		}
		__m256i all = buckets_at(f, p);
		uint32_t some = ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(all, _mm256_setzero_si256()));
		if (!some)
			continue;
		_mm256_storeu_si256((__m256i *)(void *)bucket, all);
		for (; some; some &= some - 1) {
			unsigned k = (unsigned)__builtin_ctz(some);
			if (from + k < text.n)
				compare(f, text, from + k, bucket[k], hit, arg);
		}
	}
}

static bool machine_can(void)
{
	return __builtin_cpu_supports("avx2");
}
#else
void few_find(const struct few *f, struct str text, void (*hit)(void *arg, uint16_t gate), void *arg)
{
	(void)f, (void)text, (void)hit, (void)arg;
}

static bool machine_can(void)
{
	return false;
}
#endif

/* By the bytes that are looked for, so that those of one bucket have much in common. */
static int by_bytes(const void *a, const void *b)
{
	const struct few_literal *x = a, *y = b;
	return str_cmp(str_n(x->text + x->at, x->n - x->at), str_n(y->text + y->at, y->n - y->at));
}

static void fill_tables(struct few *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct few_literal *l = &f->literal[i];
		unsigned bucket = (unsigned)(i * BUCKETS / n);
		f->first[bucket + 1] = (uint32_t)i + 1;
		for (unsigned k = 0; k < PLACES; k++) {
			bool any = l->at + k >= l->n;
			unsigned char c = any ? 0 : (unsigned char)l->text[l->at + k];
			for (unsigned half = 0; half < 16; half++) {
				f->low[k][half] |= (unsigned char)((any || (c & 15) == half) << bucket);
				f->high[k][half] |= (unsigned char)((any || c >> 4 == half) << bucket);
			}
		}
	}
	for (unsigned b = 0; b < BUCKETS; b++)
		if (f->first[b + 1] < f->first[b])
			f->first[b + 1] = f->first[b];
}

/* Each literal stands in the set by two windows: the first of them. */
static bool is_first(const struct literal_set *set, const struct literal *l, size_t i)
{
	for (size_t k = 0; k < set->n; k++)
		if (k != i && set->literal[k].text == l->text && set->literal[k].gate == l->gate && set->literal[k].at < l->at)
			return false;
	return true;
}

static bool is_tiny(const struct literal_set *set, const struct literal *l)
{
	const char *p = set->text.p + l->text;
	return l->n <= 2 && !(p[0] & 0x80) && !(p[l->n - 1] & 0x80);
}

struct few *few_make(const struct literal_set *set, const uint64_t *wanted, bool tiny)
{
	struct few *f = must_new(struct few);
	size_t n = 0;
	bool fits = machine_can();
	for (size_t i = 0; i < set->n && fits; i++) {
		const struct literal *l = &set->literal[i];
		if (!(wanted[(l->gate - 1u) / 64] >> (l->gate - 1u) % 64 & 1) || (tiny && !is_tiny(set, l)) || !is_first(set, l, i))
			continue;
		fits = n < FEW_MOST;
		if (fits)
			f->literal[n++] = (struct few_literal){set->text.p + l->text, l->n, l->at + PLACES <= l->n ? l->at : l->n > PLACES ? l->n - PLACES : 0, l->gate};
	}
	if (!fits || (!n && !tiny)) {
		free(f);
		return NULL;
	}
	qsort(f->literal, n, sizeof(*f->literal), by_bytes);
	fill_tables(f, n);
	return f;
}

void few_free(struct few *f)
{
	free(f);
}
