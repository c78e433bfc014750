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

static bool is_sound(const struct literal_set *set, const struct literal *l)
{
	if (!l->gate || !l->n || l->text > set->text.n || l->n > set->text.n - l->text)
		return false;
	return l->narrow < l->n && width_of(l->n) + narrow_windows(l->n) - 1 <= l->n - l->narrow && (!wide_windows(l->n) || (l->wide < l->n && LITERAL_WIDE + 3 <= l->n - l->wide));
}

bool literals_seal(struct literal_set *set)
{
	bool sound = true;
	for (size_t i = 0; i < set->n && sound; i++)
		sound = is_sound(set, &set->literal[i]);
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

struct finding {
	const struct literal_set *set;
	const struct literal_bits *bits;
	struct str text; /* LITERAL_ROOM is behind it */
	void (*hit)(void *arg, uint16_t gate);
	void *arg;
};

/* The window stands at text[at]: which literals around it do? */
static __attribute__((noinline)) void compare(const struct finding *f, size_t at, unsigned width)
{
	const struct literal_set *set = f->set;
	const struct literal_windows *w = width == LITERAL_WIDE ? &set->wide : &set->narrow;
	uint32_t hash = hash_at(f->text.p + at, width);
	const uint32_t *bucket = &w->bucket[hash >> w->shift];
	for (uint32_t i = bucket[0]; i < bucket[1]; i++) {
		if (w->window[i].hash != hash)
			continue;
		const struct literal *l = &set->literal[w->window[i].of / 4];
		size_t before = (width == LITERAL_WIDE ? l->wide : l->narrow) + w->window[i].of % 4;
		if (at < before || at - before + l->n > f->text.n)
			continue;
		if (memcmp(f->text.p + (at - before), set->text.p + l->text, l->n) == 0)
			f->hit(f->arg, l->gate);
	}
}

static void walk(const struct finding *f, unsigned width, size_t step)
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

/* As walk, 32 bytes at a time. Windows that end behind the text are looked at, too; nothing is found there. */
AVX2 static void walk_wide(const struct finding *f)
{
	const __m256i odd = _mm256_set1_epi32((int)ODD), other = _mm256_set1_epi32((int)OTHER);
	for (size_t at = 0; at + LITERAL_WIDE <= f->text.n; at += 32) {
		__m256i hash = _mm256_add_epi32(_mm256_mullo_epi32(load(f->text.p + at), odd), _mm256_mullo_epi32(load(f->text.p + at + 2), other));
		for (unsigned some = passing(f->bits, hash); some; some &= some - 1)
			compare(f, at + 4 * (unsigned)__builtin_ctz(some), LITERAL_WIDE);
	}
}

AVX2 static void walk_narrow(const struct finding *f, unsigned width)
{
	const __m256i odd = _mm256_set1_epi32((int)ODD), kept = _mm256_set1_epi32((int)(UINT32_MAX >> 8 * (LITERAL_WINDOW - width))), mark = _mm256_set1_epi32((int)mark_of(width));
	for (size_t at = 0; at + width <= f->text.n; at += at % 4 ? 30 : 2) {
		__m256i hash = _mm256_mullo_epi32(_mm256_xor_si256(_mm256_and_si256(load(f->text.p + at), kept), mark), odd);
		for (unsigned some = passing(f->bits, hash); some; some &= some - 1)
			compare(f, at + 4 * (unsigned)__builtin_ctz(some), width);
	}
}

static void walk_quickly(const struct finding *f, unsigned width)
{
	if (width == LITERAL_WIDE)
		walk_wide(f);
	else
		walk_narrow(f, width);
}
#else
static void walk_quickly(const struct finding *f, unsigned width)
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

void literals_find(const struct literal_set *set, const struct literal_bits *bits, struct str text, void (*hit)(void *arg, uint16_t gate), void *arg)
{
	struct finding f = {set, bits, text, hit, arg};
	if (bits->few) {
		few_find(bits->few, text, hit, arg);
		return;
	}
	if (bits->shorts)
		few_find(bits->shorts, text, hit, arg);
	for (unsigned width = LITERAL_WIDE; width > 1; width--) {
		if (!(bits->widths & 1u << width))
			continue;
		if (bits->avx2)
			walk_quickly(&f, width);
		else
			walk(&f, width, width == LITERAL_WIDE ? 4 : 2);
	}
	if (bits->widths & 1u << 1 && !find_tiny(&f))
		walk(&f, 1, bits->widths & 1 ? 1 : 2);
}
