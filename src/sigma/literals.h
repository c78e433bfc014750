/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_LITERALS_H
#define HINOMI_SIGMA_LITERALS_H

#include "sigma/image.h"

/*
 * Which of many literals stand in a text? Each literal is known by two neighbouring windows: four bytes of it (one less than all when it is shorter), chosen
 * to be rare. One of the two begins at an even place of the text, so the walk hashes the windows at even places only and asks a small table of bits; what
 * that lets through is looked up by its window and compared. Literals of nine bytes and more have four windows of six bytes, too, one of which begins at every fourth
 * place: a set whose shorter ones are few is walked in steps of four. A route has its own bits, made of the literals of its rules, so most texts pass without a
 * look-up. A window that a text is full of is decided once, by looking for its literals one by one. Cost: 0.15 ns a byte with AVX2, half of that in steps of four; 0.4 ns
 * without. Nothing to set up.
 *
 * Literals and texts are folded. Nothing changes after literals_seal but the bits, which belong to whoever made them.
 */
#define LITERAL_WINDOW 4 /* of narrow windows, at most */
#define LITERAL_WIDE 6   /* of wide ones */
#define LITERAL_LONG 9   /* literals from this length on have those */

struct literal {
	uint32_t text; /* where it begins in the set's text */
	uint32_t n;
	uint32_t narrow, wide; /* where in it the first of its windows begins */
	uint16_t gate; /* 1-based */
	char rare;     /* its rarest byte */
};

struct literal_window {
	uint32_t hash;
	uint32_t of; /* its literal's number * 4 + its own in that */
};

/* Windows by bucket. */
struct literal_windows {
	struct literal_window *window;
	size_t n;
	uint32_t *bucket; /* first window of each, and where the last ends */
	uint32_t shift;   /* 32 - log2 of the number of buckets */
};

struct literal_set {
	struct literal *literal;
	size_t n;
	struct str text; /* all literals; owned by who made the set */
	struct literal_windows narrow, wide;
};

/* Sets are made by adding all literals of a field at once: n of them, none empty. text lives in mem. */
void literals_make(struct literal_set *set, struct arena *mem, const struct str *literal, const uint16_t *gate, size_t n);

/* Windows from literal and text; literals_make does it, readers of a cache do. False, and an empty set, when a literal is not in the text or its windows not in it. */
bool literals_seal(struct literal_set *set);
void literals_done(struct literal_set *set);

/* How common a byte is in folded paths, command lines and scripts: the sum over a window says which one to choose. */
unsigned literal_byte_weight(unsigned char c);

/* The bits of those literals whose gates are wanted. */
struct few;
struct literal_bits {
	struct few *few;  /* when they are few; nothing else then */
	struct few *shorts; /* when they are few: those that are not long, and steps of four are made; else those of at most four bytes, of which no windows are asked for then */
	struct few *tiny, *tiny_other; /* those that have windows of one byte, of ASCII and not, which texts of ASCII are not asked for; NULL when there are too many */
	uint32_t *bit;    /* of each window two in one word */
	uint32_t shift;   /* 32 - log2 of the number of words */
	uint8_t widths;   /* of windows: bit w: some of w bytes are there; bit 0: literals of one byte, which have but one window */
	bool avx2;        /* the machine has it */
};
void literal_bits_make(struct literal_bits *bits, const struct literal_set *set, const uint64_t *wanted);
void literal_bits_done(struct literal_bits *bits);

/* So many bytes behind a text that is searched can be read, whatever they are. */
#define LITERAL_ROOM 72

/* Tells the gate of each literal that stands in the text, once or more, and perhaps of some that are not wanted. */
void literals_find(const struct literal_set *set, const struct literal_bits *bits, struct str text, void (*hit)(void *arg, uint16_t gate), void *arg);

#endif
