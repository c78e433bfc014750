/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/few.h"

#include "base/must.h"

#include <limits.h>

#define FEW_MOST 48
#define PLACES 4
#define BUCKETS 8
#define SHORT_BUCKETS 3
#define STEP 64
#define LANES 8

struct few_literal {
	const char *text;
	uint32_t n;
	uint32_t at; /* of the bytes that are looked for; less and any others, when there are no more */
	uint16_t gate;
};

/*
 * On through n places of p, 64 at a time, behind which as many bytes and three more can be read: *ret_some = those of the first 64 where some bucket may be that is not shut, and
 * bucket says which; the return value is where they are. No more such: *ret_some = 0 and n rounded up.
 */
typedef size_t look_fn(const struct few *f, unsigned shut, const char *p, size_t n, unsigned char *bucket, uint64_t *ret_some);

struct few {
	unsigned char low[PLACES][16], high[PLACES][16]; /* by half byte: a bit for each bucket */
	unsigned char byte[PLACES][128];                 /* by byte, its highest bit aside */
	struct few_literal literal[FEW_MOST + 1];        /* by bucket */
	uint32_t four[FEW_MOST + LANES], kept[FEW_MOST + LANES]; /* of each the bytes that are looked for, and the bits of them that there are */
	uint32_t any_case;                               /* bits that are set in all fours, and in those of the text */
	uint64_t of_bucket[BUCKETS];                     /* bit set: its literals */
	uint32_t first[BUCKETS + 1];
	look_fn *look;
};
_Static_assert(FEW_MOST < 64, "a bit for each literal");
_Static_assert(LITERAL_ROOM >= STEP + PLACES, "the last places are looked at as all others");

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

AVX2 static size_t look_avx2(const struct few *f, unsigned shut, const char *p, size_t n, unsigned char *bucket, uint64_t *ret_some)
{
	const __m256i half = _mm256_set1_epi8(0x0f), none = _mm256_setzero_si256(), open = _mm256_set1_epi8((char)~shut);
	__m256i low[PLACES], high[PLACES], all[2];
	size_t at = 0;
	for (unsigned k = 0; k < PLACES; k++) {
		low[k] = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)f->low[k]));
		high[k] = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)f->high[k]));
	}
	*ret_some = 0;
	for (; at < n; at += STEP) {
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

/* A table of 128 bytes is one look-up there; bytes beyond ASCII find what those 128 below them do. */
__attribute__((target("avx512f,avx512bw,avx512vbmi"))) static size_t look_vbmi(const struct few *f, unsigned shut, const char *p, size_t n, unsigned char *bucket, uint64_t *ret_some)
{
	const __m512i open = _mm512_set1_epi8((char)~shut);
	__m512i first[PLACES], second[PLACES];
	size_t at = 0;
	for (unsigned k = 0; k < PLACES; k++) {
		first[k] = _mm512_loadu_si512(f->byte[k]);
		second[k] = _mm512_loadu_si512(f->byte[k] + 64);
	}
	*ret_some = 0;
	for (; at < n; at += STEP) {
		__m512i all = open;
		for (unsigned k = 0; k < PLACES; k++)
			all = _mm512_and_si512(all, _mm512_permutex2var_epi8(first[k], _mm512_loadu_si512(p + at + k), second[k]));
		*ret_some = _mm512_test_epi8_mask(all, all);
		if (!*ret_some)
			continue;
		_mm512_storeu_si512(bucket, all);
		break;
	}
	return at;
}

/* Which of the literals from the i-th on, eight of them, have these four bytes. */
AVX2 static inline unsigned with_bytes(const struct few *f, unsigned i, uint32_t four)
{
	__m256i differ = _mm256_xor_si256(_mm256_set1_epi32((int)four), _mm256_loadu_si256((const __m256i *)(const void *)(f->four + i)));
	differ = _mm256_and_si256(differ, _mm256_loadu_si256((const __m256i *)(const void *)(f->kept + i)));
	return (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(differ, _mm256_setzero_si256())));
}

/* Which of 64 places have one of these buckets. */
AVX2 static uint64_t with_buckets(const unsigned char *bucket, unsigned some)
{
	const __m256i wanted = _mm256_set1_epi8((char)some), none = _mm256_setzero_si256();
	uint64_t without = 0;
	for (unsigned i = 0; i < 2; i++) {
		__m256i v = _mm256_and_si256(_mm256_loadu_si256((const __m256i *)(const void *)(bucket + 32 * i)), wanted);
		without |= (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(v, none)) << 32 * i;
	}
	return ~without;
}

/* NULL when the machine has nothing for it. What is found with it may take AVX2 for granted. */
static look_fn *look_of_machine(void)
{
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi"))
		return look_vbmi;
	return __builtin_cpu_supports("avx2") ? look_avx2 : NULL;
}
#else
#define AVX2

static inline unsigned with_bytes(const struct few *f, unsigned i, uint32_t four)
{
	unsigned with = 0;
	for (unsigned k = 0; k < LANES; k++)
		with |= (unsigned)!((four ^ f->four[i + k]) & f->kept[i + k]) << k;
	return with;
}

static uint64_t with_buckets(const unsigned char *bucket, unsigned some)
{
	uint64_t with = 0;
	for (unsigned k = 0; k < STEP; k++)
		with |= (uint64_t)((bucket[k] & some) != 0) << k;
	return with;
}

static look_fn *look_of_machine(void)
{
	return NULL;
}
#endif

/* ---- finding ------------------------------------------------------------------------------------------------------------------------ */

struct walk {
	const struct few *f;
	const char *p; /* places, as look asks for them */
	size_t n, from, at; /* their number, where the next 64 are, where those at hand */
	uint64_t some;
	uint64_t told;  /* literals */
	unsigned shut;  /* buckets all of whose literals are told */
	unsigned char *bucket;
};

/* On to the next places where something may be; false at the end. */
static inline bool next_places(struct walk *w)
{
	if (w->from >= w->n)
		return false;
	w->at = w->from + w->f->look(w->f, w->shut, w->p + w->from, w->n - w->from, w->bucket, &w->some);
	w->from = w->at + STEP;
	if (w->at < w->n && w->n - w->at < STEP)
		w->some &= (UINT64_C(1) << (w->n - w->at)) - 1;
	return w->some;
}

/* The literals of which the bytes that are looked for stand at this place. */
AVX2 static inline uint64_t fitting(const struct walk *w, size_t at)
{
	const struct few *f = w->f;
	uint64_t fit = 0;
	uint32_t four;
	memcpy(&four, w->p + at, sizeof(four));
	four |= f->any_case;
	for (unsigned buckets = w->bucket[at - w->at]; buckets; buckets &= buckets - 1) {
		unsigned b = (unsigned)__builtin_ctz(buckets);
		for (unsigned i = f->first[b]; i < f->first[b + 1]; i += LANES)
			fit |= (uint64_t)with_bytes(f, i, four) << i & f->of_bucket[b];
	}
	return fit & ~w->told;
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
AVX2 static void tell(struct walk *w, unsigned i)
{
	w->told |= UINT64_C(1) << i;
	for (unsigned b = 0; b < BUCKETS; b++)
		if (!(w->f->of_bucket[b] & ~w->told))
			w->shut |= 1u << b;
	w->some &= with_buckets(w->bucket, ~w->shut);
}

static inline bool stands_at(const struct few_literal *l, struct str text, size_t at)
{
	return at >= l->at && text.n - (at - l->at) >= l->n;
}

/* Places where a bucket's bytes stand and no literal does. */
struct misses {
	size_t n, since; /* their number, from that place on */
};

#define MISSES_FEW 16
#define MISS_PLACES 16

/* One more: is it one in so many places? Such a text is made for it. */
static inline bool is_missed_often(struct misses *m, size_t at)
{
	return ++m->n > MISSES_FEW && m->n * MISS_PLACES > at - m->since;
}

/* The literals of this place's buckets are looked for one by one, and not asked for again. */
static __attribute__((noinline)) void decide_buckets(struct walk *w, size_t at, struct str text, void (*hit)(void *arg, uint16_t gate), void *arg)
{
	for (unsigned buckets = w->bucket[at - w->at]; buckets; buckets &= buckets - 1)
		for (uint64_t left = w->f->of_bucket[__builtin_ctz(buckets)] & ~w->told; left; left &= left - 1) {
			unsigned i = (unsigned)__builtin_ctzll(left);
			const struct few_literal *l = &w->f->literal[i];
			if (str_find(text, str_n(l->text, l->n)) != STR_NPOS)
				hit(arg, l->gate);
			tell(w, i);
		}
}

AVX2 void few_find(const struct few *f, struct str text, void (*hit)(void *arg, uint16_t gate), void *arg)
{
	unsigned char bucket[STEP];
	struct walk w = {.f = f, .p = text.p, .n = text.n, .bucket = bucket};
	struct misses misses = {0};
	while (next_places(&w))
		while (w.some) {
			size_t at = w.at + (unsigned)__builtin_ctzll(w.some);
			bool any = false;
			w.some &= w.some - 1;
			for (uint64_t fit = fitting(&w, at); fit; fit &= fit - 1) {
				unsigned i = (unsigned)__builtin_ctzll(fit);
				const struct few_literal *l = &f->literal[i];
				if (!stands_at(l, text, at) || memcmp(text.p + (at - l->at), l->text, l->n) != 0)
					continue;
				any = true;
				hit(arg, l->gate);
				tell(&w, i);
			}
			if (!any && is_missed_often(&misses, at)) {
				decide_buckets(&w, at, text, hit, arg);
				misses = (struct misses){.since = at};
			}
		}
}

/* Without regard to case; the last literal is the escape. */
static bool is_any(const struct few_literal *l, struct str text, size_t at)
{
	if (!stands_at(l, text, at))
		return false;
	struct str s = str_n(text.p + (at - l->at), l->n);
	return l->gate ? str_ieq(s, str_n(l->text, l->n)) : s.p[0] == '\\' && s.p[1] == 'u' && escapes(text, at);
}

/* At n places of p, which are those of the text from that one on. */
AVX2 static bool any_in(const struct few *f, const char *p, size_t n, struct str text, size_t from)
{
	unsigned char bucket[STEP];
	struct walk w = {.f = f, .p = p, .n = n, .bucket = bucket};
	size_t missed = 0;
	while (next_places(&w))
		for (; w.some; w.some &= w.some - 1) {
			size_t at = w.at + (unsigned)__builtin_ctzll(w.some);
			for (uint64_t fit = fitting(&w, at); fit; fit &= fit - 1)
				if (is_any(&f->literal[__builtin_ctzll(fit)], text, from + at))
					return true;
			if (++missed > MISSES_FEW + text.n / MISS_PLACES)
				return true;
		}
	return false;
}

bool few_any(const struct few *f, struct str text)
{
	char end[STEP + LITERAL_ROOM + LITERAL_ROOM] = {0};
	size_t from = text.n > LITERAL_ROOM ? (text.n - LITERAL_ROOM) / STEP * STEP : 0;
	if (any_in(f, text.p, from, text, 0))
		return true;
	memcpy(end, text.p + from, text.n - from);
	return any_in(f, end, text.n - from, text, from);
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
	const unsigned char bit = (unsigned char)(1u << bucket);
	f->low[k][c & 15] |= bit;
	f->high[k][c >> 4] |= bit;
	f->byte[k][c & 0x7f] |= bit;
	for (unsigned i = 0; any && i < sizeof(f->byte[k]); i++) {
		f->low[k][i % 16] |= bit;
		f->high[k][i % 16] |= bit;
		f->byte[k][i] |= bit;
	}
}

/* Short literals let anything pass that begins like them: they keep to buckets of their own. */
static unsigned bucket_of(size_t i, size_t n, size_t n_short, unsigned buckets)
{
	unsigned own = n_short < SHORT_BUCKETS ? (unsigned)n_short : SHORT_BUCKETS;
	return i < n_short ? (unsigned)(i * own / n_short) : own + (unsigned)((i - n_short) * (buckets - own) / (n - n_short));
}

/* The literal's bytes into the tables; with FEW_LINE in any case. */
static void fill_literal(struct few *f, size_t i, unsigned bucket, bool any_case)
{
	const struct few_literal *l = &f->literal[i];
	unsigned char byte[PLACES] = {0}, kept[PLACES] = {0};
	f->of_bucket[bucket] |= UINT64_C(1) << i;
	for (unsigned k = 0; k < PLACES; k++) {
		bool any = l->at + k >= l->n;
		unsigned char c = any ? 0 : (unsigned char)l->text[l->at + k];
		fill(f, k, bucket, c, any);
		if (any_case && ch_is_alpha(c))
			fill(f, k, bucket, c ^ 0x20, any);
		byte[k] = any_case ? c | 0x20 : c;
		kept[k] = any ? 0 : 0xff;
	}
	memcpy(&f->four[i], byte, PLACES);
	memcpy(&f->kept[i], kept, PLACES);
}

/* With FEW_LINE the last bucket is for the escape, which stands at place n and is not of the set. */
static void fill_tables(struct few *f, size_t n, enum few_what what)
{
	size_t n_short = 0;
	bool line = what == FEW_LINE;
	f->any_case = line ? 0x20202020 : 0;
	while (n_short < n && f->literal[n_short].n < PLACES)
		n_short++;
	for (size_t i = 0; i < n; i++) {
		unsigned bucket = bucket_of(i, n, n_short, line ? BUCKETS - 1 : BUCKETS);
		f->first[bucket + 1] = (uint32_t)i + 1;
		fill_literal(f, i, bucket, line);
	}
	for (unsigned b = 0; b < BUCKETS; b++)
		if (f->first[b + 1] < f->first[b])
			f->first[b + 1] = f->first[b];
	if (!line)
		return;
	f->literal[n] = (struct few_literal){"\\u", 2, 0, 0};
	f->first[BUCKETS]++;
	fill_literal(f, n, BUCKETS - 1, false);
	f->four[n] |= f->any_case;
}

static bool is_asked(const struct literal_set *set, const struct literal *l, enum few_what what)
{
	const char *p = set->text.p + l->text;
	bool ascii = !((p[0] | p[l->n - 1]) & 0x80);
	switch (what) {
	case FEW_TINY:
		return l->n <= 2 && ascii;
	case FEW_TINY_OTHER:
		return l->n <= 2 && !ascii;
	case FEW_SHORT:
		return l->n <= LITERAL_WINDOW;
	case FEW_NOT_LONG:
		return l->n < LITERAL_LONG;
	case FEW_ALL:
	case FEW_LINE:
		break;
	}
	return true;
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

/* Where its rarest bytes begin, as many as are looked for: runs of one byte are common in themselves. */
static uint32_t rarest_bytes(const struct few_literal *l)
{
	uint32_t best = 0;
	unsigned least = UINT_MAX;
	for (uint32_t at = 0; at + PLACES <= l->n; at++) {
		unsigned weight = 0;
		for (uint32_t k = 0; k < PLACES; k++)
			weight += literal_byte_weight((unsigned char)l->text[at + k]) + (k && l->text[at + k] == l->text[at + k - 1]);
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
		if (!has_bit(wanted, l->gate - 1u) || !is_asked(set, l, what))
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
	if (!f->look || !collect(f, set, wanted, what, &n) || (!n && what != FEW_TINY && what != FEW_TINY_OTHER)) {
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
