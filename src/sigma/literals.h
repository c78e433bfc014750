/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_LITERALS_H
#define HINOMI_SIGMA_LITERALS_H

#include "sigma/image.h"

/*
 * Which of many literals stand in a text? Each literal is known by two neighbouring windows: four bytes of it (one less than all when it is shorter), chosen
 * to be rare. One of the two begins at an even place of the text, so the walk hashes the windows at even places only and asks a small table of bits; what
 * that lets through is looked up by its window and compared. A route has its own bits, made of the literals of its rules, so most texts pass without a
 * look-up. Cost: half a nanosecond a byte, nothing to set up.
 *
 * Literals and texts are folded. Nothing changes after literals_seal but the bits, which belong to whoever made them.
 */
#define LITERAL_WINDOW 4

/* A literal as one of its windows shows it. */
struct literal {
	uint32_t window; /* its bytes as a number, in whatever order is quick */
	uint32_t text;   /* where the literal begins in the set's text */
	uint32_t n;
	uint32_t at;     /* of the window in the literal */
	uint16_t gate;   /* 1-based */
	uint8_t width;   /* of the window, 1 to LITERAL_WINDOW */
	bool second;     /* the set has the window one place before it, too */
};

struct literal_set {
	struct literal *literal; /* by bucket once sealed */
	size_t n;                /* windows */
	struct str text;         /* all literals; owned by who made the set */
	uint32_t *bucket;        /* first literal of each, and where the last ends */
	uint32_t shift;          /* 32 - log2 of the number of buckets */
};

/* Sets are made by adding all literals of a field at once: n of them, none empty. text lives in mem. */
void literals_make(struct literal_set *set, struct arena *mem, const struct str *literal, const uint16_t *gate, size_t n);

/* Buckets from literal and text; literals_make does it, readers of a cache do. */
void literals_seal(struct literal_set *set);
void literals_done(struct literal_set *set);

/* How common a byte is in folded paths, command lines and scripts: the sum over a window says which one to choose. */
unsigned literal_byte_weight(unsigned char c);

/* The bits of those literals whose gates are wanted. */
struct few;
struct literal_bits {
	struct few *few;  /* when they are few; nothing else then */
	struct few *shorts; /* those of at most four bytes, when they are few: no windows then */
	struct few *tiny; /* for texts of ASCII: all those that have windows of one byte and can stand there; NULL when there are too many */
	uint64_t *bit;
	uint32_t shift;
	uint8_t widths;   /* bit w: windows of w bytes are there; bit 0: literals of one byte, which have but one window */
};
void literal_bits_make(struct literal_bits *bits, const struct literal_set *set, const uint64_t *wanted);
void literal_bits_done(struct literal_bits *bits);

/* Tells the gate of each literal that stands in the text, once or more, and perhaps of some that are not wanted. */
void literals_find(const struct literal_set *set, const struct literal_bits *bits, struct str text, void (*hit)(void *arg, uint16_t gate), void *arg);

#endif
