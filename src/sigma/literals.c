/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/literals.h"

#include "base/must.h"
#include "base/utf8.h"
#include "sigma/few.h"

/* Bits for each window, as a power of two: one place in 32 passes by accident. At most 32 KiB, so that a table stays in the first caches. */
#define BITS_EACH 5
#define BITS_MOST 18

static inline uint32_t window_hash(uint32_t window, unsigned width)
{
	return (window ^ (LITERAL_WINDOW - width) * 0x85EBCA6Bu) * 0x9E3779B1u;
}

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

/* The first bytes of a window of four. */
static inline uint32_t narrowed(uint32_t four, unsigned width)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return four & ((1u << 8 * width) - 1);
#else
	char p[4];
	memcpy(p, &four, 4);
	return window_at(p, width);
#endif
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
	static const char common[] = "etaoinsrldcmp \\.";
	if (c < 0x80 && memchr(common, c, sizeof(common) - 1))
		return 4;
	return ch_is_digit(c) ? 3 : ch_is_alpha(c) ? 2 : 1;
}

/* How many literals share a window, roughly: counts by hash. */
#define TALLY_BITS 14

static inline uint32_t *tally_of(uint32_t *tally, const char *p, unsigned width)
{
	return &tally[window_hash(window_at(p, width), width) >> (32 - TALLY_BITS)];
}

static unsigned width_of(struct str literal)
{
	return literal.n > LITERAL_WINDOW ? LITERAL_WINDOW : literal.n > 1 ? (unsigned)literal.n - 1 : 1;
}

/* The first of two neighbouring windows that are rarest together; of the only one. */
static uint32_t best_window(uint32_t *tally, struct str s, unsigned width)
{
	uint32_t best = 0, least = UINT32_MAX, before = UINT32_MAX;
	for (size_t i = 0; i + width <= s.n; i++) {
		uint32_t cost = 8 * *tally_of(tally, s.p + i, width);
		for (unsigned k = 0; k < width; k++)
			cost += literal_byte_weight((unsigned char)s.p[i + k]);
		if (i && before + cost < least) {
			least = before + cost;
			best = (uint32_t)i - 1;
		}
		before = cost;
	}
	return best;
}

void literals_make(struct literal_set *set, struct arena *mem, const struct str *literal, const uint16_t *gate, size_t n)
{
	uint32_t *tally = must_calloc((size_t)1 << TALLY_BITS, sizeof(*tally));
	size_t bytes = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned width = width_of(literal[i]);
		bytes += literal[i].n;
		for (size_t k = 0; k + width <= literal[i].n; k++)
			++*tally_of(tally, literal[i].p + k, width);
	}
	char *text = arena_array(mem, bytes + 1, 1);
	set->text = str_n(text, 0);
	set->literal = must_calloc(2 * n + 1, sizeof(*set->literal));
	for (size_t i = 0; i < n; i++) {
		struct str s = literal[i];
		unsigned width = width_of(s);
		uint32_t at = best_window(tally, s, width);
		for (uint32_t k = 0; k < (s.n > 1 ? 2 : 1); k++)
			set->literal[set->n++] = (struct literal){window_at(s.p + at + k, width), (uint32_t)set->text.n, (uint32_t)s.n, at + k, gate[i], (uint8_t)width, k > 0};
		memcpy(text + set->text.n, s.p, s.n);
		set->text.n += s.n;
	}
	free(tally);
	literals_seal(set);
}

void literals_seal(struct literal_set *set)
{
	unsigned k = log2_up(2 * set->n);
	struct literal *sorted = must_calloc(set->n + 1, sizeof(*sorted));
	set->shift = 32 - k;
	set->bucket = must_calloc(((size_t)1 << k) + 2, sizeof(*set->bucket));
	/* Counted two places on, so that filling leaves each bucket's first literal where it belongs. */
	for (size_t i = 0; i < set->n; i++)
		set->bucket[(window_hash(set->literal[i].window, set->literal[i].width) >> set->shift) + 2]++;
	for (size_t i = 2; i < ((size_t)1 << k) + 2; i++)
		set->bucket[i] += set->bucket[i - 1];
	for (size_t i = 0; i < set->n; i++)
		sorted[set->bucket[(window_hash(set->literal[i].window, set->literal[i].width) >> set->shift) + 1]++] = set->literal[i];
	free(set->literal);
	set->literal = sorted;
}

void literals_done(struct literal_set *set)
{
	free(set->literal);
	free(set->bucket);
	*set = (struct literal_set){0};
}

/* ---- bits -------------------------------------------------------------------------------------------------------------------------- */

static bool has_windows(const struct literal_bits *bits, const struct literal *l, const uint64_t *wanted)
{
	return has_bit(wanted, l->gate - 1u) && !(bits->shorts && l->n <= LITERAL_WINDOW);
}

void literal_bits_make(struct literal_bits *bits, const struct literal_set *set, const uint64_t *wanted)
{
	size_t n = 0;
	*bits = (struct literal_bits){.few = few_make(set, wanted, FEW_ALL)};
	if (bits->few)
		return;
	bits->shorts = few_make(set, wanted, FEW_SHORT);
	for (size_t i = 0; i < set->n; i++)
		n += has_windows(bits, &set->literal[i], wanted);
	unsigned k = log2_up(n << BITS_EACH);
	k = k < 6 ? 6 : k > BITS_MOST ? BITS_MOST : k;
	bits->shift = 32 - k;
	bits->bit = must_calloc((size_t)1 << (k - 6), sizeof(*bits->bit));
	for (size_t i = 0; i < set->n; i++) {
		const struct literal *l = &set->literal[i];
		if (!has_windows(bits, l, wanted))
			continue;
		uint32_t h = window_hash(l->window, l->width) >> bits->shift;
		bits->bit[h / 64] |= UINT64_C(1) << h % 64;
		bits->widths |= (uint8_t)(1u << l->width | (l->n == 1));
	}
	bits->tiny = bits->widths & 1u << 1 ? few_make(set, wanted, FEW_TINY) : NULL;
}

void literal_bits_done(struct literal_bits *bits)
{
	few_free(bits->few);
	few_free(bits->shorts);
	few_free(bits->tiny);
	free(bits->bit);
	*bits = (struct literal_bits){0};
}

/* ---- finding ----------------------------------------------------------------------------------------------------------------------- */

struct finding {
	const struct literal_set *set;
	struct str text;
	void (*hit)(void *arg, uint16_t gate);
	void *arg;
};

/* The window stands at text[at]: which literals around it do? */
static __attribute__((noinline)) void compare(const struct finding *f, size_t at, uint32_t window, unsigned width)
{
	const struct literal_set *set = f->set;
	const uint32_t *bucket = &set->bucket[window_hash(window, width) >> set->shift];
	for (uint32_t i = bucket[0]; i < bucket[1]; i++) {
		const struct literal *l = &set->literal[i];
		if (l->window != window || l->width != width || at < l->at || f->text.n - (at - l->at) < l->n)
			continue;
		if (memcmp(f->text.p + (at - l->at), set->text.p + l->text, l->n) == 0)
			f->hit(f->arg, l->gate);
	}
}

/* By value, so that a walk keeps both at hand. */
struct probe {
	const uint64_t *bit;
	uint32_t shift;
};

static inline bool may_be(struct probe b, uint32_t window, unsigned width)
{
	uint32_t h = window_hash(window, width) >> b.shift;
	return b.bit[h / 64] >> h % 64 & 1;
}

/* Windows of one width, for the end of a text and for short literals. */
static void walk(const struct finding *f, struct probe b, unsigned width, size_t from, unsigned step)
{
	for (size_t i = from; i + width <= f->text.n; i += step) {
		uint32_t window = window_at(f->text.p + i, width);
		if (may_be(b, window, width))
			compare(f, i, window, width);
	}
}

/* Windows of four bytes and, from the same load, of three and two. Returns where it ends: fewer than four bytes are left. */
static inline __attribute__((always_inline)) size_t walk_wide(const struct finding *f, struct probe b, bool narrow)
{
	const char *text = f->text.p;
	const size_t n = f->text.n;
	size_t i = 0;
	for (; i + 4 <= n; i += 2) {
		uint32_t window = window_at(text + i, 4);
		if (may_be(b, window, 4))
			compare(f, i, window, 4);
		if (!narrow)
			continue;
		if (may_be(b, narrowed(window, 3), 3))
			compare(f, i, narrowed(window, 3), 3);
		if (may_be(b, narrowed(window, 2), 2))
			compare(f, i, narrowed(window, 2), 2);
	}
	return i;
}

void literals_find(const struct literal_set *set, const struct literal_bits *bits, struct str text, void (*hit)(void *arg, uint16_t gate), void *arg)
{
	struct finding f = {set, text, hit, arg};
	if (bits->few) {
		few_find(bits->few, text, hit, arg);
		return;
	}
	struct probe b = {bits->bit, bits->shift};
	if (bits->shorts)
		few_find(bits->shorts, text, hit, arg);
	if (bits->widths & (1u << 3 | 1u << 2)) {
		size_t rest = walk_wide(&f, b, true);
		walk(&f, b, 3, rest, 2);
		walk(&f, b, 2, rest, 2);
	} else {
		walk_wide(&f, b, false);
	}
	if (!(bits->widths & 1u << 1))
		return;
	if (bits->tiny && utf8_is_ascii(text))
		few_find(bits->tiny, text, hit, arg);
	else
		walk(&f, b, 1, 0, bits->widths & 1 ? 1 : 2);
}
