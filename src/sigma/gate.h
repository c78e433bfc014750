/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_GATE_H
#define HINOMI_SIGMA_GATE_H

#include "sigma/literals.h"
#include "sigma/parts.h"

/*
 * Gates: each rule is woken by its rarest necessary set of atoms; what is not woken is not looked at. Per field one index answers "which
 * gates does this value open": a hash table for whole values, prefixes and suffixes (by their few lengths), a set of literals
 * for contained text. A regular expression is woken by the literals that it requires. An answer may be too wide, never too narrow: the condition decides.
 */
enum gate_kind { GATE_EQ, GATE_PREFIX, GATE_SUFFIX, GATE_NUMBER, GATE_CONTAINS, GATE_PRESENT };

/* What a route asks of one field: kinds of gates (bits 1 << enum gate_kind) and the shortest text that could contain one of its literals. */
struct field_look {
	uint8_t kinds;
	bool plain;    /* each literal has a character that numbers, times, GUIDs and hex digits lack */
	uint16_t shortest;
	uint16_t bits; /* where the route has the bits of these literals */
};

struct hash_slot {
	uint64_t hash; /* 0 = free */
	uint16_t gate; /* 1-based; 0 = the stem of longer prefixes or suffixes */
};

#define GATE_LENGTH_MAX 255 /* of a prefix or suffix */

/* The lengths of prefixes or suffixes that are asked for. */
struct length_set {
	uint64_t bit[4];
	uint32_t most;
};

struct field_index {
	struct hash_slot *slot;
	uint8_t *tag; /* by slot: 0 = free, else eight bits of the hash; small enough to stay near */
	size_t cap;
	struct length_set prefix, suffix;
	uint16_t *present;
	size_t n_present;
	struct literal_set literals;
};

/* One question to the index of a field: text raw, folded its folded form. Each gate that the value opens is told once or more. */
struct gate_query {
	const struct field_index *ix;
	const struct field_look *look;
	const struct literal_bits *bits; /* the route's, of the index's literals */
	void (*hit)(void *arg, uint16_t gate);
	void *arg;
};
void gates_of_value(const struct gate_query *q, struct val v, struct str text, struct str folded);

/* The keyword index that serves events of one product alone; NULL when there are no keywords. */
const struct field_index *sigma_words(const struct sigma_image *img, struct str product);

/* False when no literal of the look can stand in the value, told from the value as it lies in the input. Errs to true. */
bool gate_text_may_fit(const struct field_look *look, struct val v);

#endif
