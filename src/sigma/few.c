/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/few.h"

#include "base/must.h"

#include <limits.h>

#define FEW_MOST 48
#define PLACES 3
#define BUCKETS 8
#define SHORT_BUCKETS 3
#define STEP 64

struct few_literal {
	const char *text;
	uint32_t n;
	uint32_t at; /* of the three bytes; less and any others, when there are no more */
	uint16_t gate;
};

/*
 * On through n bytes of p, 64 places at a time, of which three bytes more can be read: *ret_some = the places of the first 64 where some bucket may be that is not shut, and bucket
 * says which; the return value is where they are. No more such: *ret_some = 0 and n rounded down.
 */
typedef size_t look_fn(const struct few *f, unsigned shut, const char *p, size_t n, unsigned char *bucket, uint64_t *ret_some);

struct few {
	unsigned char low[PLACES][16], high[PLACES][16]; /* by half byte: a bit for each bucket */
	struct few_literal literal[FEW_MOST + 1];        /* by bucket */
	uint32_t first[BUCKETS + 1];
	look_fn *look;
};

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx2"))) static size_t look_avx2(const struct few *f, unsigned shut, const char *p, size_t n, unsigned char *bucket, uint64_t *ret_some)
{
	const __m256i half = _mm256_set1_epi8(0x0f), none = _mm256_setzero_si256(), open = _mm256_set1_epi8((char)~shut);
	__m256i low[PLACES], high[PLACES], all[2];
	size_t at = 0;
	for (unsigned k = 0; k < PLACES; k++) {
		low[k] = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)f->low[k]));
		high[k] = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)f->high[k]));
	}
	*ret_some = 0;
	for (; at + STEP <= n; at += STEP) {
		for (unsigned i = 0; i < 2; i++) {
			all[i] = open;
			for (unsigned k = 0; k < PLACES; k++) {
				__m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(p + at + 32 * i + k));
				all[i] = _mm256_and_si256(all[i], _mm256_shuffle_epi8(low[k], _mm256_and_si256(v, half)));
				all[i] = _mm256_and_si256(all[i], _mm256_shuffle_epi8(high[k], _mm256_and_si256(_mm256_srli_epi16(v, 4), half)));
			}
		}
		__m256i some = _mm256_or_si256(all[0], all[1]);
		if (_mm256_testz_si256(some, some))
			continue;
		_mm256_storeu_si256((__m256i *)(void *)bucket, all[0]);
		_mm256_storeu_si256((__m256i *)(void *)(bucket + 32), all[1]);
		*ret_some = ~((uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(all[0], none)) | (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(all[1], none)) << 32);
		break;
	}
	return at;
}

__attribute__((target("avx512f,avx512bw"))) static size_t look_avx512(const struct few *f, unsigned shut, const char *p, size_t n, unsigned char *bucket, uint64_t *ret_some)
{
	const __m512i half = _mm512_set1_epi8(0x0f), open = _mm512_set1_epi8((char)~shut);
	__m512i low[PLACES], high[PLACES];
	size_t at = 0;
	for (unsigned k = 0; k < PLACES; k++) {
		low[k] = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)f->low[k]));
		high[k] = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)f->high[k]));
	}
	*ret_some = 0;
	for (; at + STEP <= n; at += STEP) {
		__m512i all = open;
		for (unsigned k = 0; k < PLACES; k++) {
			__m512i v = _mm512_loadu_si512(p + at + k);
			all = _mm512_and_si512(all, _mm512_shuffle_epi8(low[k], _mm512_and_si512(v, half)));
			all = _mm512_and_si512(all, _mm512_shuffle_epi8(high[k], _mm512_and_si512(_mm512_srli_epi16(v, 4), half)));
		}
		*ret_some = _mm512_test_epi8_mask(all, all);
		if (!*ret_some)
			continue;
		_mm512_storeu_si512(bucket, all);
		break;
	}
	return at;
}

/* NULL when the machine has nothing for it. */
static look_fn *look_of_machine(void)
{
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw"))
		return look_avx512;
	return __builtin_cpu_supports("avx2") ? look_avx2 : NULL;
}
#else
static look_fn *look_of_machine(void)
{
	return NULL;
}
#endif

/* ---- finding ------------------------------------------------------------------------------------------------------------------------ */

struct walk {
	struct str text;
	size_t from; /* of the next 64 places */
	size_t at;   /* of those at hand */
	uint64_t some;
	uint64_t told;  /* literals */
	unsigned shut;  /* buckets all of whose literals are told */
	unsigned char bucket[STEP];
	char end[STEP + 2 * PLACES];
};
_Static_assert(FEW_MOST < 64, "a bit for each literal");

/* On to the next places where something may be; false at the end. */
static bool next_places(struct walk *w, const struct few *f)
{
	for (;;) {
		const char *p = w->text.p + w->from;
		size_t left = w->text.n - w->from;
		if (!left)
			return false;
		if (left >= STEP + PLACES) {
			w->at = w->from + f->look(f, w->shut, p, left - PLACES, w->bucket, &w->some);
			w->from = w->some ? w->at + STEP : w->at;
		} else {
			size_t n = left < sizeof(w->end) ? left : sizeof(w->end);
			memcpy(w->end, p, n);
			memset(w->end + n, 0, sizeof(w->end) - n);
			f->look(f, w->shut, w->end, STEP, w->bucket, &w->some);
			w->at = w->from;
			w->from += left < STEP ? left : STEP;
			if (left < STEP)
				w->some &= (UINT64_C(1) << left) - 1;
		}
		if (w->some)
			return true;
	}
}

/* Is the backslash at text[at] one that escapes, not itself escaped? */
static bool escapes(struct str text, size_t at)
{
	size_t before = 0;
	while (before < at && text.p[at - before - 1] == '\\')
		before++;
	return before % 2 == 0;
}

/* A literal is told once: a text of nothing but `a` would else be compared at each of its places. */
static void tell(struct walk *w, const struct few *f, unsigned bucket, uint32_t i)
{
	uint64_t of_bucket = ((UINT64_C(1) << f->first[bucket + 1]) - 1) & ~((UINT64_C(1) << f->first[bucket]) - 1);
	w->told |= UINT64_C(1) << i;
	if ((w->told & of_bucket) == of_bucket)
		w->shut |= 1u << bucket;
}

static inline const char *stands_at(const struct few_literal *l, struct str text, size_t at)
{
	return at >= l->at && text.n - (at - l->at) >= l->n ? text.p + (at - l->at) : NULL;
}

static void tell_all(struct walk *w, const struct few *f, size_t at, unsigned buckets, void (*hit)(void *arg, uint16_t gate), void *arg)
{
	for (buckets &= ~w->shut; buckets; buckets &= buckets - 1) {
		unsigned b = (unsigned)__builtin_ctz(buckets);
		for (uint32_t i = f->first[b]; i < f->first[b + 1]; i++) {
			const char *p = stands_at(&f->literal[i], w->text, at);
			if (!p || w->told >> i & 1 || memcmp(p, f->literal[i].text, f->literal[i].n) != 0)
				continue;
			hit(arg, f->literal[i].gate);
			tell(w, f, b, i);
		}
	}
}

void few_find(const struct few *f, struct str text, void (*hit)(void *arg, uint16_t gate), void *arg)
{
	struct walk w = {.text = text};
	while (next_places(&w, f))
		for (; w.some; w.some &= w.some - 1) {
			unsigned k = (unsigned)__builtin_ctzll(w.some);
			tell_all(&w, f, w.at + k, w.bucket[k], hit, arg);
		}
}

/* Without regard to case; the last literal is the escape. */
static bool any_at(const struct few *f, struct str text, size_t at, unsigned buckets)
{
	for (; buckets; buckets &= buckets - 1) {
		unsigned b = (unsigned)__builtin_ctz(buckets);
		for (uint32_t i = f->first[b]; i < f->first[b + 1]; i++) {
			const struct few_literal *l = &f->literal[i];
			const char *p = stands_at(l, text, at);
			if (!p || ((p[0] ^ l->text[0]) & ~0x20))
				continue;
			if (l->gate ? str_ieq(str_n(p, l->n), str_n(l->text, l->n)) : p[0] == '\\' && p[1] == 'u' && escapes(text, at))
				return true;
		}
	}
	return false;
}

bool few_any(const struct few *f, struct str text)
{
	struct walk w = {.text = text};
	while (next_places(&w, f))
		for (; w.some; w.some &= w.some - 1) {
			unsigned k = (unsigned)__builtin_ctzll(w.some);
			if (any_at(f, text, w.at + k, w.bucket[k]))
				return true;
		}
	return false;
}

/* ---- making ------------------------------------------------------------------------------------------------------------------------- */

/* The short ones first, then by the bytes that are looked for, so that those of one bucket have much in common. */
static int by_bytes(const void *a, const void *b)
{
	const struct few_literal *x = a, *y = b;
	if ((x->n < PLACES) != (y->n < PLACES))
		return x->n < PLACES ? -1 : 1;
	return str_cmp(str_n(x->text + x->at, x->n - x->at), str_n(y->text + y->at, y->n - y->at));
}

/* At place k the byte c, or any. */
static void fill(struct few *f, unsigned k, unsigned bucket, unsigned char c, bool any)
{
	for (unsigned half = 0; half < 16; half++) {
		f->low[k][half] |= (unsigned char)((any || (c & 15) == half) << bucket);
		f->high[k][half] |= (unsigned char)((any || c >> 4 == half) << bucket);
	}
}

/* Short literals let anything pass that begins like them: they keep to buckets of their own. */
static unsigned bucket_of(size_t i, size_t n, size_t n_short, unsigned buckets)
{
	unsigned own = n_short < SHORT_BUCKETS ? (unsigned)n_short : SHORT_BUCKETS;
	return i < n_short ? (unsigned)(i * own / n_short) : own + (unsigned)((i - n_short) * (buckets - own) / (n - n_short));
}

/* With FEW_LINE the last bucket is for the escape, which stands at place n and is not of the set. */
static void fill_tables(struct few *f, size_t n, enum few_what what)
{
	size_t n_short = 0;
	while (n_short < n && f->literal[n_short].n < PLACES)
		n_short++;
	for (size_t i = 0; i < n; i++) {
		const struct few_literal *l = &f->literal[i];
		unsigned bucket = bucket_of(i, n, n_short, what == FEW_LINE ? BUCKETS - 1 : BUCKETS);
		f->first[bucket + 1] = (uint32_t)i + 1;
		for (unsigned k = 0; k < PLACES; k++) {
			bool any = l->at + k >= l->n;
			unsigned char c = any ? 0 : (unsigned char)l->text[l->at + k];
			fill(f, k, bucket, c, any);
			if (what == FEW_LINE && ch_is_alpha(c))
				fill(f, k, bucket, c ^ 0x20, any);
		}
	}
	for (unsigned b = 0; b < BUCKETS; b++)
		if (f->first[b + 1] < f->first[b])
			f->first[b + 1] = f->first[b];
	if (what != FEW_LINE)
		return;
	f->literal[n] = (struct few_literal){"\\u", 2, 0, 0};
	f->first[BUCKETS]++;
	for (unsigned k = 0; k < PLACES; k++)
		fill(f, k, BUCKETS - 1, k ? 'u' : '\\', k == 2);
}

static bool is_asked(const struct literal_set *set, const struct literal *l, enum few_what what)
{
	const char *p = set->text.p + l->text;
	if (what == FEW_TINY)
		return l->n <= 2 && !(p[0] & 0x80) && !(p[l->n - 1] & 0x80);
	return what != FEW_SHORT || l->n <= LITERAL_WINDOW;
}

/* The longest part of a literal that JSON writes as it is. */
static struct few_literal unescaped_part(const char *text, uint32_t n, uint16_t gate)
{
	struct few_literal best = {.text = text, .gate = gate};
	for (uint32_t i = 0, from = 0; i <= n; i++) {
		if (i < n && (unsigned char)text[i] >= 0x20 && text[i] != '\\' && text[i] != '"' && text[i] != '/')
			continue;
		if (i - from > best.n) {
			best.text = text + from;
			best.n = i - from;
		}
		from = i + 1;
	}
	return best;
}

/* Where its rarest three bytes begin. */
static uint32_t rarest_bytes(const struct few_literal *l)
{
	uint32_t best = 0;
	unsigned least = UINT_MAX;
	for (uint32_t at = 0; at + PLACES <= l->n; at++) {
		unsigned weight = 0;
		for (uint32_t k = 0; k < PLACES; k++)
			weight += literal_byte_weight((unsigned char)l->text[at + k]);
		if (weight < least) {
			least = weight;
			best = at;
		}
	}
	return best;
}

/* The wanted literals, each once; false when they do not fit. */
static bool collect(struct few *f, const struct literal_set *set, const uint64_t *wanted, enum few_what what, size_t *ret_n)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct literal *l = &set->literal[i];
		if (l->second || !has_bit(wanted, l->gate - 1u) || !is_asked(set, l, what))
			continue;
		if (*ret_n == FEW_MOST)
			return false;
		struct few_literal *to = &f->literal[(*ret_n)++];
		*to = (struct few_literal){set->text.p + l->text, l->n, 0, l->gate};
		if (what == FEW_LINE)
			*to = unescaped_part(to->text, to->n, to->gate);
		if (!to->n)
			return false;
		to->at = rarest_bytes(to);
	}
	return true;
}

struct few *few_make(const struct literal_set *set, const uint64_t *wanted, enum few_what what)
{
	struct few *f = must_new(struct few);
	size_t n = 0;
	f->look = look_of_machine();
	if (!f->look || !collect(f, set, wanted, what, &n) || (!n && what != FEW_TINY)) {
		free(f);
		return NULL;
	}
	qsort(f->literal, n, sizeof(*f->literal), by_bytes);
	fill_tables(f, n, what);
	return f;
}

void few_free(struct few *f)
{
	free(f);
}
