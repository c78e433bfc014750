/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/linear.h"

#include "base/must.h"
#include "base/word.h"
#include "sigma/image.h"
#include "sigma/regex_tree.h"

#include <errno.h>

#define ALWAYS_INLINE __attribute__((always_inline))
#define WORDS_MOST (LINEAR_PLACES / 64)
#define END 0u /* the place behind the pattern: whoever comes here has matched */

/* What stands beside a point of the text, as far as assertions ask. */
enum beside { OTHER, WORD, NEWLINE, EDGE, LAST_NEWLINE, BESIDES };

struct linear {
	uint32_t price; /* of a character that is new at its point, in steps */
	uint32_t words;
	uint8_t kind[128]; /* characters that no place and no assertion tells apart have the same */
	uint64_t bits[]; /* sets of places, each of `words` words: see table() */
};

/* Where a search begins; then by character, who takes it; by what is before and behind, which assertions are true; by four places (nibble) and which of them, who follows. */
enum { FIRST = 0, TAKES = 1, HOLDS = TAKES + 128, FOLLOWS = HOLDS + BESIDES * BESIDES };

static inline const uint64_t *table(const struct linear *l, size_t words, size_t row)
{
	return l->bits + row * words;
}

/* ---- making ------------------------------------------------------------------------------------------------------------------------------- */

struct set {
	uint64_t w[WORDS_MOST];
};

struct builder {
	uint32_t places;
	bool full;
	const struct regex_node *at[LINEAR_PLACES]; /* CHAR, SET or ASSERTION; NULL = END */
	struct set follow[LINEAR_PLACES];
};

/* Where a match of a part of the pattern may begin and end, and whether it may be without any place. */
struct part {
	struct set first, last;
	bool may_be_empty;
};

static void set_add(struct set *to, uint32_t place)
{
	to->w[place / 64] |= UINT64_C(1) << place % 64;
}

static void set_join(struct set *to, const struct set *more)
{
	for (size_t i = 0; i < WORDS_MOST; i++)
		to->w[i] |= more->w[i];
}

static void connect(struct builder *b, const struct set *last, const struct set *first)
{
	for (uint32_t w = 0; w < WORDS_MOST; w++)
		for (uint64_t left = last->w[w]; left; left &= left - 1)
			set_join(&b->follow[w * 64 + (uint32_t)__builtin_ctzll(left)], first);
}

static struct part place(struct builder *b, const struct regex_node *n)
{
	struct part out = {0};
	b->full = b->full || b->places == LINEAR_PLACES;
	if (b->full)
		return out;
	b->at[b->places] = n;
	set_add(&out.first, b->places);
	set_add(&out.last, b->places++);
	return out;
}

static void go_on(struct builder *b, struct part *with, const struct part *next)
{
	connect(b, &with->last, &next->first);
	if (with->may_be_empty)
		set_join(&with->first, &next->first);
	if (!next->may_be_empty)
		with->last = (struct set){0};
	set_join(&with->last, &next->last);
	with->may_be_empty = with->may_be_empty && next->may_be_empty;
}

static struct part build(struct builder *b, const struct regex_node *n);

static struct part build_sequence(struct builder *b, const struct regex_node *n)
{
	struct part out = {.may_be_empty = true};
	for (const struct regex_node *kid = n->kid; kid && !b->full; kid = kid->next) {
		struct part one = build(b, kid);
		go_on(b, &out, &one);
	}
	return out;
}

static struct part build_alternatives(struct builder *b, const struct regex_node *n)
{
	struct part out = {0};
	for (const struct regex_node *kid = n->kid; kid && !b->full; kid = kid->next) {
		struct part one = build(b, kid);
		set_join(&out.first, &one.first);
		set_join(&out.last, &one.last);
		out.may_be_empty = out.may_be_empty || one.may_be_empty;
	}
	return out;
}

/* a{2,4} is aaa?a?, a{2,} is aa+. */
static struct part build_repeat(struct builder *b, const struct regex_node *n)
{
	struct part out = {.may_be_empty = true};
	uint32_t copies = n->most == REGEX_MANY ? n->least + !n->least : n->most;
	for (uint32_t i = 0; i < copies && !b->full; i++) {
		uint32_t before = b->places;
		struct part one = build(b, n->kid);
		if (b->places == before)
			return out; /* the empty text, as often as you like */
		if (n->most == REGEX_MANY && i + 1 == copies)
			connect(b, &one.last, &one.first);
		one.may_be_empty = one.may_be_empty || i >= n->least;
		go_on(b, &out, &one);
	}
	return out;
}

static struct part build(struct builder *b, const struct regex_node *n)
{
	switch (n->kind) {
	case REGEX_CHAR:
	case REGEX_SET:
	case REGEX_ASSERTION:
		return place(b, n);
	case REGEX_SEQUENCE:
		return build_sequence(b, n);
	case REGEX_ALTERNATIVES:
		return build_alternatives(b, n);
	case REGEX_REPEAT:
		return build_repeat(b, n);
	case REGEX_TEXT:
		break;
	}
	must_not_reach("a regular tree has no such part");
}

static bool is_true(enum regex_assertion what, enum beside before, enum beside behind)
{
	bool last = behind == EDGE || behind == LAST_NEWLINE;
	switch (what) {
	case REGEX_AT_START:
		return before == EDGE;
	case REGEX_AT_LINE:
		return before == EDGE || (before == NEWLINE && behind != EDGE);
	case REGEX_AT_END:
		return behind == EDGE;
	case REGEX_AT_LAST_LINE:
		return last;
	case REGEX_AT_LINE_END:
		return last || behind == NEWLINE;
	case REGEX_AT_WORD_EDGE:
		return (before == WORD) != (behind == WORD);
	case REGEX_NO_WORD_EDGE:
		return (before == WORD) == (behind == WORD);
	}
	return false;
}

static void put(struct linear *l, size_t row, uint32_t place)
{
	l->bits[row * l->words + place / 64] |= UINT64_C(1) << place % 64;
}

static void put_place(struct linear *l, uint32_t place, const struct regex_node *n)
{
	for (unsigned w = 0; w < LEN(n->ascii); w++)
		for (uint64_t left = n->ascii[w]; left; left &= left - 1)
			put(l, TAKES + w * 64 + (unsigned)__builtin_ctzll(left), place);
	for (unsigned i = 0; i < BESIDES * BESIDES && n->kind == REGEX_ASSERTION; i++)
		if (is_true(n->assertion, i / BESIDES, i % BESIDES))
			put(l, HOLDS + i, place);
}

static void put_set(struct linear *l, size_t row, const struct set *s)
{
	for (size_t i = 0; i < l->words; i++)
		l->bits[row * l->words + i] |= s->w[i];
}

static inline enum beside beside(unsigned char c)
{
	return ch_is_alnum(c) || c == '_' ? WORD : c == '\n' ? NEWLINE : OTHER;
}

static void sort_characters(struct linear *l)
{
	uint8_t first[128], n = 0; /* of each kind */
	for (uint8_t c = 0; c < 128; c++) {
		uint8_t k = 0;
		while (k < n && (beside(first[k]) != beside(c) || memcmp(table(l, l->words, TAKES + first[k]), table(l, l->words, TAKES + c), l->words * sizeof(*l->bits)) != 0))
			k++;
		if (k == n)
			first[n++] = c;
		l->kind[c] = k;
	}
}

static struct linear *linear_of(const struct builder *b, const struct part *all)
{
	size_t words = (b->places + 63) / 64, nibbles = (b->places + 3) / 4;
	struct linear *l = must_calloc(1, sizeof(*l) + (FOLLOWS + nibbles * 16) * words * sizeof(*l->bits));
	l->price = (uint32_t)(6 + nibbles * (1 + words) / 4);
	l->words = (uint32_t)words;
	put_set(l, FIRST, &all->first);
	for (uint32_t i = 0; i < b->places; i++) {
		if (i != END)
			put_place(l, i, b->at[i]);
		for (unsigned of = 0; of < 16; of++)
			if (of >> i % 4 & 1)
				put_set(l, FOLLOWS + i / 4 * 16 + of, &b->follow[i]);
	}
	sort_characters(l);
	return l;
}

struct linear *linear_new(struct str pattern, unsigned atom_flags)
{
	struct linear *l = NULL;
	struct regex_tree tree;
	struct arena mem;
	struct builder b = {0};
	uint32_t newline;
	if (pcre2_config(PCRE2_CONFIG_NEWLINE, &newline) < 0 || newline != PCRE2_NEWLINE_LF)
		return NULL;
	arena_init(&mem, 0);
	regex_tree_read(pattern, atom_flags, &mem, &tree);
	if (tree.regular) {
		struct part end = place(&b, NULL), all = build(&b, tree.root);
		go_on(&b, &all, &end);
		l = b.full ? NULL : linear_of(&b, &all);
	}
	arena_done(&mem);
	return l;
}

void linear_free(struct linear *l)
{
	free(l);
}

/* ---- searching ------------------------------------------------------------------------------------------------------------------------------- */

/* Where a search stands between two characters. */
struct point {
	uint64_t may[WORDS_MOST]; /* the places that may take the next one */
	enum beside before;
};

static inline ALWAYS_INLINE uint64_t any(const uint64_t *set, size_t words)
{
	uint64_t all = 0;
	for (size_t i = 0; i < words; i++)
		all |= set[i];
	return all;
}

/* What may come behind these places: all that follow them, and what a match begins with. */
static inline ALWAYS_INLINE void follow(const struct linear *l, size_t words, const uint64_t *places, uint64_t *ret)
{
	memcpy(ret, table(l, words, FIRST), words * sizeof(*ret));
	for (size_t w = 0; w < words; w++) {
		const uint64_t *row = table(l, words, FOLLOWS + w * 16 * 16);
		for (uint64_t left = places[w]; left; left >>= 4, row += 16 * words)
			for (size_t i = 0; i < words; i++)
				ret[i] |= row[(left & 15) * words + i];
	}
}

/* Assertions that are true let those behind them in, until nobody new comes. */
static inline ALWAYS_INLINE void pass(const struct linear *l, size_t words, const uint64_t *holds, uint64_t *may)
{
	uint64_t fresh[WORDS_MOST], next[WORDS_MOST];
	for (size_t i = 0; i < words; i++)
		fresh[i] = may[i] & holds[i];
	while (any(fresh, words)) {
		follow(l, words, fresh, next);
		for (size_t i = 0; i < words; i++) {
			fresh[i] = next[i] & ~may[i] & holds[i];
			may[i] |= next[i];
		}
	}
}

/* True when the pattern has matched before c; else c is taken. */
static inline ALWAYS_INLINE bool step(const struct linear *l, size_t words, struct point *p, unsigned char c, enum beside behind)
{
	const uint64_t *takes = table(l, words, TAKES + c);
	uint64_t took[WORDS_MOST];
	pass(l, words, table(l, words, HOLDS + p->before * BESIDES + behind), p->may);
	if (p->may[END / 64] >> END % 64 & 1)
		return true;
	for (size_t i = 0; i < words; i++)
		took[i] = p->may[i] & takes[i];
	follow(l, words, took, p->may);
	p->before = behind;
	return false;
}

/*
 * Points of this search that it has come to, and what came of a kind of character there: texts come back to the same few points again and again, and then a step is a look-up. Of
 * this search only, so that what it takes depends on nothing else.
 */
#define POINTS_MOST 32
enum { UNKNOWN, FIRST_POINT };

struct walk {
	unsigned n;                           /* points so far, counted from FIRST_POINT */
	struct point point[POINTS_MOST];
	uint8_t next[POINTS_MOST][128];       /* by point and kind of character: the next point, or UNKNOWN */
};

/* UNKNOWN when there is no room. */
static inline ALWAYS_INLINE unsigned keep(struct walk *w, size_t words, const struct point *p)
{
	for (unsigned i = FIRST_POINT; i < w->n; i++)
		if (w->point[i].before == p->before && memcmp(w->point[i].may, p->may, words * sizeof(*p->may)) == 0)
			return i;
	if (w->n == POINTS_MOST)
		return UNKNOWN;
	w->point[w->n] = *p;
	memset(w->next[w->n], UNKNOWN, sizeof(w->next[0]));
	return w->n++;
}

/* Behind the characters from `at` on that are of the same kind as the first: where nothing changes, a long row of them costs little, and one of equal bytes less. */
static size_t behind_alike(const uint8_t *kind, struct str text, size_t at)
{
	const uint64_t alike = word_fill((unsigned char)text.p[at]);
	const uint8_t first = kind[(unsigned char)text.p[at]];
	while (text.n - at >= 8 && word_load(text.p + at) == alike)
		at += 8;
	while (at < text.n && kind[(unsigned char)text.p[at]] == first)
		at++;
	return at;
}

/* Goes on from *point as long as the way is known: where it ends, and *point there. */
static size_t walk(const struct walk *w, const uint8_t *kind, struct str text, size_t at, unsigned *point)
{
	unsigned now = *point;
	while (at < text.n) {
		unsigned next = w->next[now][kind[(unsigned char)text.p[at]]];
		if (next == UNKNOWN)
			break;
		at = next == now ? behind_alike(kind, text, at) : at + 1;
		now = next;
	}
	*point = now;
	return at;
}

static inline ALWAYS_INLINE int search(const struct linear *l, size_t words, struct str text, uint32_t *budget)
{
	struct walk w;
	struct point p = {.before = EDGE};
	/* What is kept knows nothing of the text's end. */
	struct str inner = str_sub(text, 0, text.n - (text.n && text.p[text.n - 1] == '\n'));
	w.n = FIRST_POINT;
	memcpy(p.may, table(l, words, FIRST), words * sizeof(*p.may));
	unsigned now = keep(&w, words, &p); /* UNKNOWN: p it is */
	for (size_t at = 0; at <= text.n; at++) {
		if (now) {
			at = walk(&w, l->kind, inner, at, &now);
			p = w.point[now];
		}
		unsigned char c = at < text.n ? (unsigned char)text.p[at] : 0;
		if (!steps_spend(budget, l->price))
			return -EAGAIN;
		if (step(l, words, &p, c, at == text.n ? EDGE : at == inner.n ? LAST_NEWLINE : beside(c)))
			return 1;
		unsigned next = now && at < inner.n ? keep(&w, words, &p) : UNKNOWN;
		if (next)
			w.next[now][l->kind[c]] = (uint8_t)next;
		now = next;
	}
	return 0;
}

int linear_search(const struct linear *l, struct str text, uint32_t *budget)
{
	if (!steps_spend(budget, text.n))
		return -EAGAIN;
	return l->words == 1 ? search(l, 1, text, budget) : search(l, l->words, text, budget);
}
