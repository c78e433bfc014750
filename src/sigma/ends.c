/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/gate.h"

#include "base/word.h"

/* Slots for each text, and hints for each different thing that leaves one; no more hints than stay in the second cache. */
#define SLOTS_EACH 2
#define HINTS_EACH 4
#define HINTS_MOST ((size_t)1 << 17)

/*
 * A hint for the first (last) LEVEL bytes: MORE when something longer than the next level's follows, and four bits for the lengths from this level to the next, each of which
 * stands for 1 << GROUP of them.
 */
#define MORE 0x80u
static const uint16_t LEVEL[] = {1, 4, 6, 8, 16, 32, 64, 128, 256};
static const uint8_t GROUP[] = {0, 0, 0, 1, 2, 3, 4, 5};
_Static_assert(ENDS_LENGTH_MAX < 256, "no level is behind the last");

/* ---- hashes ------------------------------------------------------------------------------------------------------------------------ */

#define POLY UINT64_C(0x9E3779B97F4A7C15)
#define WORD 8

/* Up to eight bytes, the first one lowest. */
static inline uint64_t bytes_at(const char *p, size_t n)
{
	const unsigned char *u = (const unsigned char *)p;
	uint64_t all = 0;
	uint32_t low, high;
	if (n == WORD)
		return word_load(p);
	if (n >= 4) {
		memcpy(&low, p, 4);
		memcpy(&high, p + n - 4, 4);
		return le32toh(low) | (uint64_t)le32toh(high) << 8 * (n - 4);
	}
	if (n)
		all = (uint64_t)u[0] | (uint64_t)u[n / 2] << 8 * (n / 2) | (uint64_t)u[n - 1] << 8 * (n - 1);
	return all;
}

/* last: the last word, of which there may be less, with what the others left. The first bits are the good ones, all that a hint needs. */
static inline uint64_t mixed(unsigned kind, uint64_t last, size_t n)
{
	return (last + (kind + 1 + 4 * (uint64_t)n) * UINT64_C(0xD1B54A32D192ED03)) * POLY;
}

/* The word that begins (ends) at bytes from the front (back) of a text. */
static inline uint64_t word_at(unsigned kind, struct str s, size_t at, size_t n)
{
	return bytes_at(kind == GATE_SUFFIX ? s.p + s.n - at - n : s.p + at, n);
}

/* Of the first (last) n bytes of a text. */
static inline uint64_t hash_of(unsigned kind, struct str s, size_t n)
{
	uint64_t h = 0;
	size_t at = 0;
	for (; n - at > WORD; at += WORD) {
		h = (h ^ word_at(kind, s, at, WORD)) * POLY;
		h ^= h >> 32;
	}
	h = mixed(kind, h ^ word_at(kind, s, at, n - at), n);
	h ^= h >> 32;
	return h ? h : 1;
}

static inline uint8_t hash_tag(uint64_t h)
{
	return (uint8_t)(h >> 56 | 1);
}

/* What a whole text leaves a hint for. */
static inline uint64_t hash_of_whole(unsigned kind, struct str s)
{
	return mixed(kind, word_at(kind, s, 0, s.n < WORD ? s.n : WORD), s.n);
}

/* ---- making ------------------------------------------------------------------------------------------------------------------------ */

static bool is_end(unsigned kind)
{
	return kind == GATE_PREFIX || kind == GATE_SUFFIX;
}

static void add_length(struct length_set *set, size_t n)
{
	set->bit[n / 64] |= UINT64_C(1) << n % 64;
	set->most = n > set->most ? (uint32_t)n : set->most;
}

static void put_slot(struct ends *e, uint64_t h, uint16_t gate)
{
	size_t i = (size_t)(h & (e->n_slot - 1));
	while (e->slot[i].hash)
		i = (i + 1) & (e->n_slot - 1);
	e->slot[i] = (struct ends_slot){h, gate};
}

static void put_hints(struct ends *e, const struct ends_text *t)
{
	if (!is_end(t->kind)) {
		e->hint[hash_of_whole(t->kind, t->text) >> e->hint_shift] |= 1;
		return;
	}
	for (unsigned i = 0; LEVEL[i] <= t->text.n; i++) {
		bool more = t->text.n >= LEVEL[i + 1];
		e->hint[hash_of(t->kind, t->text, LEVEL[i]) >> e->hint_shift] |= (uint8_t)(more ? MORE : 1u << ((t->text.n - LEVEL[i]) >> GROUP[i]));
	}
}

static size_t power_of_two(size_t n)
{
	size_t p = 16;
	while (p < n)
		p *= 2;
	return p;
}

static unsigned hint_shift(size_t n_hint)
{
	return 64 - (unsigned)__builtin_ctzll(n_hint);
}

/* The hints of all texts in a table of this size; how many places they take. */
static size_t make_hints(struct ends *e, const struct ends_text *text, size_t n, size_t size)
{
	size_t used = 0;
	free(e->hint);
	e->n_hint = size < HINTS_MOST ? size : HINTS_MOST;
	e->hint_shift = hint_shift(e->n_hint);
	e->hint = must_calloc(e->n_hint, 1);
	for (size_t i = 0; i < n; i++)
		put_hints(e, &text[i]);
	for (size_t i = 0; i < e->n_hint; i++)
		used += e->hint[i] != 0;
	return used;
}

void ends_make(struct ends *e, const struct ends_text *text, size_t n)
{
	*e = (struct ends){.n_slot = power_of_two(SLOTS_EACH * n)};
	e->slot = must_calloc(e->n_slot, sizeof(*e->slot));
	for (size_t i = 0; i < n; i++) {
		put_slot(e, hash_of(text[i].kind, text[i].text, text[i].text.n), text[i].gate);
		if (is_end(text[i].kind))
			add_length(text[i].kind == GATE_PREFIX ? &e->prefix : &e->suffix, text[i].text.n);
	}
	/* First in more room than they need, to count those that differ. */
	size_t used = make_hints(e, text, n, power_of_two(HINTS_EACH * LEN(GROUP) * n));
	make_hints(e, text, n, power_of_two(HINTS_EACH * used));
	ends_seal(e);
}

void ends_seal(struct ends *e)
{
	e->hint_shift = hint_shift(e->n_hint);
	e->tag = must_calloc(e->n_slot, 1);
	for (size_t i = 0; i < e->n_slot; i++)
		e->tag[i] = e->slot[i].hash ? hash_tag(e->slot[i].hash) : 0;
}

void ends_done(struct ends *e)
{
	free(e->slot);
	free(e->tag);
	free(e->hint);
	*e = (struct ends){0};
}

/* ---- finding ----------------------------------------------------------------------------------------------------------------------- */

struct finding {
	const struct ends *e;
	struct str value;
	void (*hit)(void *arg, uint16_t gate);
	void *arg;
};

static __attribute__((noinline)) void find_hash(const struct finding *f, uint64_t h)
{
	const struct ends *e = f->e;
	uint8_t tag = hash_tag(h);
	for (size_t i = (size_t)(h & (e->n_slot - 1)); e->tag[i]; i = (i + 1) & (e->n_slot - 1))
		if (e->tag[i] == tag && e->slot[i].hash == h)
			f->hit(f->arg, e->slot[i].gate);
}

static inline unsigned hint_at(const struct ends *e, uint64_t h)
{
	return e->hint[h >> e->hint_shift];
}

static inline void find_whole(const struct finding *f, unsigned kind)
{
	if (hint_at(f->e, hash_of_whole(kind, f->value)))
		find_hash(f, hash_of(kind, f->value, f->value.n));
}

/* The lengths from one level to the next that its hint names. */
static __attribute__((noinline)) void find_lengths(const struct finding *f, unsigned kind, unsigned level, unsigned hint)
{
	const struct length_set *set = kind == GATE_PREFIX ? &f->e->prefix : &f->e->suffix;
	for (hint &= ~MORE; hint; hint &= hint - 1) {
		size_t n = LEVEL[level] + ((size_t)__builtin_ctz(hint) << GROUP[level]), end = n + ((size_t)1 << GROUP[level]);
		for (; n < end && n <= f->value.n; n++)
			if (has_bit(set->bit, n))
				find_hash(f, hash_of(kind, f->value, n));
	}
}

/* The first (last) bytes of a word that begins (ends) at the front (back). */
static inline uint64_t shortened(unsigned kind, uint64_t word, size_t n)
{
	size_t less = 8 * (WORD - n);
	return kind == GATE_SUFFIX ? word >> less : word << less >> less;
}

/* The first levels lie in one word. */
static inline __attribute__((always_inline)) void find_ends(const struct finding *f, unsigned kind, size_t most)
{
	size_t n = f->value.n < WORD ? f->value.n : WORD;
	most = f->value.n < most ? f->value.n : most;
	if (!most)
		return;
	uint64_t word = word_at(kind, f->value, 0, n) << (kind == GATE_SUFFIX ? 8 * (WORD - n) : 0);
#pragma GCC unroll 8
	for (unsigned i = 0; i < LEN(GROUP); i++) {
		if (LEVEL[i] > most)
			return;
		unsigned hint = hint_at(f->e, LEVEL[i] <= WORD ? mixed(kind, shortened(kind, word, LEVEL[i]), LEVEL[i]) : hash_of(kind, f->value, LEVEL[i]));
		if (hint & ~MORE)
			find_lengths(f, kind, i, hint);
		if (!(hint & MORE))
			return;
	}
}

void ends_find(const struct ends *e, unsigned kinds, struct str value, void (*hit)(void *arg, uint16_t gate), void *arg)
{
	struct finding f = {e, value, hit, arg};
	if (kinds & 1u << GATE_NUMBER)
		find_whole(&f, GATE_NUMBER);
	if (kinds & 1u << GATE_EQ)
		find_whole(&f, GATE_EQ);
	if (kinds & 1u << GATE_PREFIX)
		find_ends(&f, GATE_PREFIX, e->prefix.most);
	if (kinds & 1u << GATE_SUFFIX)
		find_ends(&f, GATE_SUFFIX, e->suffix.most);
}
