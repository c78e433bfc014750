/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_GATE_H
#define HINOMI_SIGMA_GATE_H

#include "sigma/ends.h"
#include "sigma/literals.h"
#include "sigma/parts.h"

/*
 * Gates: each rule is woken by its rarest necessary set of atoms; what is not woken is not looked at. Per field one index answers "which
 * gates does this value open": a hash table for whole values, prefixes and suffixes (ends.h), a set of literals
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

struct field_index {
	struct ends ends; /* whole texts, numbers, prefixes, suffixes */
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
