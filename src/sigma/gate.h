/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_GATE_H
#define HINOMI_SIGMA_GATE_H

#include "sigma/parts.h"

#include <hs/hs.h>

/*
 * Gates: each rule is woken by its rarest necessary set of atoms; what is not woken is not looked at. Per field one index answers "which
 * gates does this value open": a hash table for whole values, prefixes and suffixes (by their few lengths), one multi-literal matcher
 * for contained text and one for regular expressions. An answer may be too wide, never too narrow: the condition decides.
 */
enum gate_kind { GATE_EQ, GATE_PREFIX, GATE_SUFFIX, GATE_NUMBER, GATE_CONTAINS, GATE_REGEX, GATE_PRESENT };

#define GATE_LENGTHS 128

struct hash_slot {
	uint64_t hash; /* 0 = free */
	uint16_t gate; /* 1-based */
};

struct field_index {
	struct hash_slot *slot;
	size_t cap;
	uint8_t prefix_len[GATE_LENGTHS], suffix_len[GATE_LENGTHS];
	size_t n_prefix, n_suffix;
	bool numbers, wholes;
	uint16_t *present;
	size_t n_present;
	hs_database_t *literals, *regexes;
};

uint64_t gate_hash(enum gate_kind kind, struct str text);

/* All gates that a value opens. text raw, folded its folded form. */
void gates_of_value(const struct field_index *ix, hs_scratch_t *scratch, struct val v, struct str text, struct str folded, void (*hit)(void *arg, uint16_t gate), void *arg);

#endif
