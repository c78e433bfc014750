/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/literals.h"

#include "base/must.h"
#include "base/utf8.h"
#include "sigma/few.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Words of 32 bits for the bits of a route: one for each window, so that one place in a hundred passes by accident. At most 32 KiB, so that a table stays in the first caches. */
#define WORDS_MOST 13

#define ODD 0x9E3779B1u
#define OTHER 0x85EBCA6Bu

static inline uint32_t window_at(const char *p, unsigned width)
{
	uint32_t four = 0;
	uint16_t two = 0;
	/* Three bytes in two loads: copied as three they would be stored and waited for. */
	if (width == 3) {
		memcpy(&two, p, 2);
		return (uint32_t)two | (uint32_t)(unsigned char)p[2] << 16;
	}
	memcpy(&four, p, width);
	return four;
}

/* What tells windows of different widths apart. */
static inline uint32_t mark_of(unsigned width)
{
	return (LITERAL_WINDOW - width) * OTHER;
}

/* Wide windows are two of four bytes that overlap. */
static inline uint32_t hash_at(const char *p, unsigned width)
{
	if (width == LITERAL_WIDE)
		return window_at(p, 4) * ODD + window_at(p + 2, 4) * OTHER;
	return (window_at(p, width) ^ mark_of(width)) * ODD;
}

static unsigned log2_up(size_t n)
{
	unsigned k = 4;
	while ((size_t)1 << k < n)
		k++;
	return k;
}

/* ---- making ------------------------------------------------------------------------------------------------------------------------ */

unsigned literal_byte_weight(unsigned char c)
{
	static const uint8_t weight[256] = {[' '] = 4, ['.'] = 4, ['0' ... '9'] = 3, ['A' ... 'Z'] = 2, ['\\'] = 4, ['a'] = 4, ['b'] = 2, ['c' ... 'e'] = 4, ['f' ... 'h'] = 2, ['i'] = 4,
		['j' ... 'k'] = 2, ['l' ... 'p'] = 4, ['q'] = 2, ['r' ... 't'] = 4, ['u' ... 'z'] = 2};
	return weight[c] ? weight[c] : 1;
}

/* How many literals share a window, roughly: counts by hash. */
#define TALLY_BITS 14

static inline uint32_t *tally_of(uint32_t *tally, const char *p, unsigned width)
{
	return &tally[hash_at(p, width) >> (32 - TALLY_BITS)];
}

/* Of narrow windows. */
static unsigned width_of(size_t n)
{
	return n > LITERAL_WINDOW ? LITERAL_WINDOW : n > 1 ? (unsigned)n - 1 : 1;
}

static unsigned narrow_windows(size_t n)
{
	return n > 1 ? 2 : 1;
}

static unsigned wide_windows(size_t n)
{
	return n >= LITERAL_LONG ? 4 : 0;
}

static void count_windows(uint32_t *tally, struct str s, unsigned width)
{
	for (size_t i = 0; i + width <= s.n; i++)
		++*tally_of(tally, s.p + i, width);
}

/* The first of so many neighbouring windows, at most four, that are rarest together. */
static uint32_t best_windows(uint32_t *tally, struct str s, unsigned width, unsigned many)
{
	uint32_t best = 0, least = UINT32_MAX, sum = 0, cost[4] = {0};
	for (size_t i = 0; i + width <= s.n; i++) {
		uint32_t *at = &cost[i % many];
		sum -= *at;
		*at = 8 * *tally_of(tally, s.p + i, width);
		for (unsigned k = 0; k < width; k++)
			*at += literal_byte_weight((unsigned char)s.p[i + k]);
		sum += *at;
		if (i + 1 >= many && sum < least) {
			least = sum;
			best = (uint32_t)i + 1 - many;
		}
	}
	return best;
}

void literals_make(struct literal_set *set, struct arena *mem, const struct str *literal, const uint16_t *gate, size_t n)
{
	uint32_t *narrow = must_calloc((size_t)1 << TALLY_BITS, sizeof(*narrow)), *wide = must_calloc((size_t)1 << TALLY_BITS, sizeof(*wide));
	size_t bytes = 0;
	for (size_t i = 0; i < n; i++) {
		bytes += literal[i].n;
		count_windows(narrow, literal[i], width_of(literal[i].n));
		count_windows(wide, literal[i], LITERAL_WIDE);
	}
	char *text = arena_array(mem, bytes + 1, 1);
	set->text = str_n(text, 0);
	set->literal = must_calloc(n + 1, sizeof(*set->literal));
	for (size_t i = 0; i < n; i++) {
		struct str s = literal[i];
		struct literal *to = &set->literal[set->n++];
		*to = (struct literal){.text = (uint32_t)set->text.n, .n = (uint32_t)s.n, .gate = gate[i]};
		to->narrow = best_windows(narrow, s, width_of(s.n), narrow_windows(s.n));
		if (wide_windows(s.n))
			to->wide = best_windows(wide, s, LITERAL_WIDE, wide_windows(s.n));
		memcpy(text + set->text.n, s.p, s.n);
		set->text.n += s.n;
	}
	free(narrow);
	free(wide);
	must(literals_seal(set));
}

/* All windows of these literals, by bucket. */
static void seal_windows(const struct literal_set *set, struct literal_windows *to, bool wide)
{
	struct literal_window *all = must_calloc(4 * set->n + 1, sizeof(*all));
	for (size_t i = 0; i < set->n; i++) {
		const struct literal *l = &set->literal[i];
		unsigned many = wide ? wide_windows(l->n) : narrow_windows(l->n);
		for (unsigned k = 0; k < many; k++)
			all[to->n++] = (struct literal_window){hash_at(set->text.p + l->text + (wide ? l->wide : l->narrow) + k, wide ? LITERAL_WIDE : width_of(l->n)), (uint32_t)i * 4 + k};
	}
	unsigned k = log2_up(to->n);
	to->shift = 32 - k;
	to->bucket = must_calloc(((size_t)1 << k) + 2, sizeof(*to->bucket));
	to->window = must_calloc(to->n + 1, sizeof(*to->window));
	/* Counted two places on, so that filling leaves each bucket's first window where it belongs. */
	for (size_t i = 0; i < to->n; i++)
		to->bucket[(all[i].hash >> to->shift) + 2]++;
	for (size_t i = 2; i < ((size_t)1 << k) + 2; i++)
		to->bucket[i] += to->bucket[i - 1];
	for (size_t i = 0; i < to->n; i++)
		to->window[to->bucket[(all[i].hash >> to->shift) + 1]++] = all[i];
	free(all);
}

static inline struct str text_of(const struct literal_set *set, const struct literal *l)
{
	return str_n(set->text.p + l->text, l->n);
}

static bool is_sound(const struct literal_set *set, const struct literal *l)
{
	if (!l->gate || !l->n || l->text > set->text.n || l->n > set->text.n - l->text)
		return false;
	return l->narrow < l->n && width_of(l->n) + narrow_windows(l->n) - 1 <= l->n - l->narrow && (!wide_windows(l->n) || (l->wide < l->n && LITERAL_WIDE + 3 <= l->n - l->wide));
}

/* Of equally rare ones the last: literals differ more often at their ends. */
static char rarest_byte(struct str s)
{
	char rare = s.p[0];
	for (size_t i = 1; i < s.n; i++)
		if (literal_byte_weight((unsigned char)s.p[i]) <= literal_byte_weight((unsigned char)rare))
			rare = s.p[i];
	return rare;
}

bool literals_seal(struct literal_set *set)
{
	bool sound = true;
	for (size_t i = 0; i < set->n && sound; i++) {
		struct literal *l = &set->literal[i];
		sound = is_sound(set, l);
		if (sound)
			l->rare = rarest_byte(text_of(set, l));
	}
	if (!sound)
		set->n = 0;
	seal_windows(set, &set->narrow, false);
	seal_windows(set, &set->wide, true);
	return sound;
}

static void windows_done(struct literal_windows *w)
{
	free(w->window);
	free(w->bucket);
}

void literals_done(struct literal_set *set)
{
	free(set->literal);
	windows_done(&set->narrow);
	windows_done(&set->wide);
	*set = (struct literal_set){0};
}

/* ---- bits -------------------------------------------------------------------------------------------------------------------------- */

/* Both bits lie in one word. */
static inline uint32_t bits_of(uint32_t hash)
{
	return 1u << (hash >> 14 & 31) | 1u << (hash >> 9 & 31);
}

static bool all_long(const struct literal_set *set, const uint64_t *wanted)
{
	for (size_t i = 0; i < set->n; i++)
		if (has_bit(wanted, set->literal[i].gate - 1u) && set->literal[i].n < LITERAL_LONG)
			return false;
	return true;
}

/* Those that a walk looks for, not one of the few. */
static bool is_walked(const struct literal_bits *bits, const struct literal *l, const uint64_t *wanted)
{
	return has_bit(wanted, l->gate - 1u) && !(bits->shorts && l->n <= LITERAL_WINDOW);
}

void literal_bits_make(struct literal_bits *bits, const struct literal_set *set, const uint64_t *wanted)
{
	size_t n = 0;
	*bits = (struct literal_bits){.few = few_make(set, wanted, FEW_ALL)};
	if (bits->few)
		return;
#if defined(__x86_64__)
	bits->avx2 = __builtin_cpu_supports("avx2");
#endif
	bits->shorts = few_make(set, wanted, FEW_NOT_LONG);
	bool wide = bits->shorts || all_long(set, wanted);
	if (!wide)
		bits->shorts = few_make(set, wanted, FEW_SHORT);
	const struct literal_windows *w = wide ? &set->wide : &set->narrow;
	for (size_t i = 0; i < w->n; i++)
		n += is_walked(bits, &set->literal[w->window[i].of / 4], wanted);
	unsigned k = log2_up(n);
	k = k > WORDS_MOST ? WORDS_MOST : k;
	bits->shift = 32 - k;
	bits->bit = must_calloc((size_t)1 << k, sizeof(*bits->bit));
	for (size_t i = 0; i < w->n; i++) {
		const struct literal *l = &set->literal[w->window[i].of / 4];
		if (!is_walked(bits, l, wanted))
			continue;
		bits->bit[w->window[i].hash >> bits->shift] |= bits_of(w->window[i].hash);
		bits->widths |= (uint8_t)(wide ? 1u << LITERAL_WIDE : 1u << width_of(l->n) | (l->n == 1));
	}
	if (!(bits->widths & 1u << 1))
		return;
	bits->tiny = few_make(set, wanted, FEW_TINY);
	bits->tiny_other = few_make(set, wanted, FEW_TINY_OTHER);
}

void literal_bits_done(struct literal_bits *bits)
{
	few_free(bits->few);
	few_free(bits->shorts);
	few_free(bits->tiny);
	few_free(bits->tiny_other);
	free(bits->bit);
	*bits = (struct literal_bits){0};
}

/* ---- finding ----------------------------------------------------------------------------------------------------------------------- */

/*
 * A text may be made to be looked at in vain: windows that stand everywhere in it, of literals that stand nowhere. A window that is met often, and once more for so many bytes, is
 * settled: its literals are looked for on their own, in the whole text, and it is passed over from there on.
 */
#define OFTEN 3
#define OFTEN_BYTES 512
#define MET_BITS 4
#define SETTLED_BITS 6
#define LATELY 4
#define DECIDED 256

/* Of the windows of one width, by the first bits of their hashes. */
struct often {
	uint32_t met[1u << MET_BITS];
	uint32_t settled[1u << SETTLED_BITS]; /* hashes */
	uint32_t lately[LATELY];              /* of those the ones that were met often last */
	uint32_t decided[DECIDED];            /* by number: 1 + that of a literal that was looked for */
};

struct finding {
	const struct literal_set *set;
	const struct literal_bits *bits;
	struct str text; /* LITERAL_ROOM is behind it */
	void (*hit)(void *arg, uint16_t gate);
	void *arg;
	size_t looks, n_lately; /* at windows of one width, and how many were settled */
	struct often often;     /* met is unset before OFTEN looks, all else before the first window is settled */
};

static inline bool same_bytes(const char *a, const char *b, size_t n)
{
	uint64_t a_first, b_first, a_last, b_last;
	if (n < 8)
		return memcmp(a, b, n) == 0;
	/* Most that differ do so at an end: the windows were alike. */
	memcpy(&a_first, a, 8);
	memcpy(&b_first, b, 8);
	memcpy(&a_last, a + n - 8, 8);
	memcpy(&b_last, b + n - 8, 8);
	return ((a_first ^ b_first) | (a_last ^ b_last)) == 0 && (n <= 16 || memcmp(a, b, n) == 0);
}

/* Looks for a literal in the whole text, unless it was. Its rarest byte first: most such texts lack it. */
static void decide(struct finding *f, uint32_t i)
{
	const struct literal *l = &f->set->literal[i];
	uint32_t *decided = &f->often.decided[i % DECIDED];
	if (*decided == i + 1)
		return;
	*decided = i + 1;
	if (str_chr(f->text, l->rare) != STR_NPOS && str_find(f->text, text_of(f->set, l)) != STR_NPOS)
		f->hit(f->arg, l->gate);
}

static inline uint32_t *settled_of(struct finding *f, uint32_t hash)
{
	return &f->often.settled[hash >> (32 - SETTLED_BITS)];
}

static inline bool is_settled(struct finding *f, uint32_t hash)
{
	return f->n_lately && *settled_of(f, hash) == hash;
}

static __attribute__((noinline)) void settle(struct finding *f, const struct literal_windows *w, uint32_t hash)
{
	struct often *often = &f->often;
	if (!f->n_lately) {
		/* In the places of others this hash is as good as none. */
		for (size_t i = 0; i < LEN(often->settled); i++)
			often->settled[i] = hash;
		for (size_t i = 0; i < LATELY; i++)
			often->lately[i] = hash;
		memset(often->decided, 0, sizeof(often->decided));
	}
	bool again = is_settled(f, hash);
	often->lately[f->n_lately++ % LATELY] = hash;
	if (again)
		return;
	*settled_of(f, hash) = hash;
	const uint32_t *bucket = &w->bucket[hash >> w->shift];
	for (uint32_t i = bucket[0]; i < bucket[1]; i++)
		if (w->window[i].hash == hash)
			decide(f, w->window[i].of / 4);
}

/* A window is met, and some were before: is it one that is met often? */
static __attribute__((noinline)) bool is_often(struct finding *f, uint32_t hash)
{
	uint32_t *met = &f->often.met[hash >> (32 - MET_BITS)];
	if (f->looks == OFTEN)
		memset(f->often.met, 0, sizeof(f->often.met));
	if (++*met <= 1 + f->text.n / OFTEN_BYTES)
		return false;
	*met = 0;
	return true;
}

/* The window stands at text[at]: which literals around it do? */
static __attribute__((noinline)) void compare(struct finding *f, size_t at, unsigned width)
{
	const struct literal_set *set = f->set;
	const struct literal_windows *w = width == LITERAL_WIDE ? &set->wide : &set->narrow;
	uint32_t hash = hash_at(f->text.p + at, width);
	if (++f->looks >= OFTEN && is_often(f, hash))
		settle(f, w, hash);
	if (is_settled(f, hash))
		return;
	const uint32_t *bucket = &w->bucket[hash >> w->shift];
	for (uint32_t i = bucket[0]; i < bucket[1]; i++) {
		if (w->window[i].hash != hash)
			continue;
		const struct literal *l = &set->literal[w->window[i].of / 4];
		size_t before = (width == LITERAL_WIDE ? l->wide : l->narrow) + w->window[i].of % 4;
		if (at < before || at - before + l->n > f->text.n)
			continue;
		if (same_bytes(f->text.p + (at - before), set->text.p + l->text, l->n))
			f->hit(f->arg, l->gate);
	}
}

static void walk(struct finding *f, unsigned width, size_t step)
{
	const uint32_t *bit = f->bits->bit, shift = f->bits->shift;
	for (size_t i = 0; i + width <= f->text.n; i += step) {
		uint32_t hash = hash_at(f->text.p + i, width), bits = bits_of(hash);
		if ((bit[hash >> shift] & bits) == bits)
			compare(f, i, width);
	}
}

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2")))

AVX2 static inline __m256i load(const char *p)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

/* Which of eight hashes have their bits. */
AVX2 static inline unsigned passing(const struct literal_bits *b, __m256i hash)
{
	const __m256i one = _mm256_set1_epi32(1), low = _mm256_set1_epi32(31);
	__m256i word = _mm256_i32gather_epi32((const int *)(const void *)b->bit, _mm256_srl_epi32(hash, _mm_cvtsi32_si128((int)b->shift)), 4);
	__m256i bits = _mm256_or_si256(_mm256_sllv_epi32(one, _mm256_and_si256(_mm256_srli_epi32(hash, 14), low)), _mm256_sllv_epi32(one, _mm256_and_si256(_mm256_srli_epi32(hash, 9), low)));
	return (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_and_si256(word, bits), bits)));
}

/* Those of them that are not settled. */
AVX2 static inline unsigned looked_at(const struct finding *f, __m256i hash)
{
	unsigned some = passing(f->bits, hash);
	if (!some || !f->n_lately)
		return some;
	__m256i settled = _mm256_setzero_si256();
	for (unsigned i = 0; i < LATELY; i++)
		settled = _mm256_or_si256(settled, _mm256_cmpeq_epi32(hash, _mm256_set1_epi32((int)f->often.lately[i])));
	return some & ~(unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(settled));
}

/* As walk, 32 bytes at a time. Windows that end behind the text are looked at, too; nothing is found there. */
AVX2 static void walk_wide(struct finding *f)
{
	const __m256i odd = _mm256_set1_epi32((int)ODD), other = _mm256_set1_epi32((int)OTHER);
	for (size_t at = 0; at + LITERAL_WIDE <= f->text.n; at += 32) {
		__m256i hash = _mm256_add_epi32(_mm256_mullo_epi32(load(f->text.p + at), odd), _mm256_mullo_epi32(load(f->text.p + at + 2), other));
		for (unsigned some = looked_at(f, hash); some; some &= some - 1)
			compare(f, at + 4 * (unsigned)__builtin_ctz(some), LITERAL_WIDE);
	}
}

AVX2 static void walk_narrow(struct finding *f, unsigned width)
{
	const __m256i odd = _mm256_set1_epi32((int)ODD), kept = _mm256_set1_epi32((int)(UINT32_MAX >> 8 * (LITERAL_WINDOW - width))), mark = _mm256_set1_epi32((int)mark_of(width));
	for (size_t at = 0; at + width <= f->text.n; at += at % 4 ? 30 : 2) {
		__m256i hash = _mm256_mullo_epi32(_mm256_xor_si256(_mm256_and_si256(load(f->text.p + at), kept), mark), odd);
		for (unsigned some = looked_at(f, hash); some; some &= some - 1)
			compare(f, at + 4 * (unsigned)__builtin_ctz(some), width);
	}
}

static void walk_quickly(struct finding *f, unsigned width)
{
	if (width == LITERAL_WIDE)
		walk_wide(f);
	else
		walk_narrow(f, width);
}
#else
static void walk_quickly(struct finding *f, unsigned width)
{
	walk(f, width, width == LITERAL_WIDE ? 4 : 2);
}
#endif

/* Those with windows of one byte; false when they are too many. */
static bool find_tiny(const struct finding *f)
{
	bool ascii = utf8_is_ascii(f->text);
	if (!f->bits->tiny || (!ascii && !f->bits->tiny_other))
		return false;
	few_find(f->bits->tiny, f->text, f->hit, f->arg);
	if (!ascii)
		few_find(f->bits->tiny_other, f->text, f->hit, f->arg);
	return true;
}

static inline void walk_all(struct finding *f, unsigned width)
{
	f->looks = f->n_lately = 0;
	if (width == 1)
		walk(f, 1, f->bits->widths & 1 ? 1 : 2);
	else if (f->bits->avx2)
		walk_quickly(f, width);
	else
		walk(f, width, width == LITERAL_WIDE ? 4 : 2);
}

void literals_find(const struct literal_set *set, const struct literal_bits *bits, struct str text, void (*hit)(void *arg, uint16_t gate), void *arg)
{
	if (bits->few) {
		few_find(bits->few, text, hit, arg);
		return;
	}
	if (bits->shorts)
		few_find(bits->shorts, text, hit, arg);
	struct finding f;
	f.set = set;
	f.bits = bits;
	f.text = text;
	f.hit = hit;
	f.arg = arg;
	for (unsigned widths = bits->widths & ~1u; widths; widths &= widths - 1) {
		unsigned width = (unsigned)__builtin_ctz(widths);
		if (width > 1 || !find_tiny(&f))
			walk_all(&f, width);
	}
}
