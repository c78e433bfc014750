/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_ENDS_H
#define HINOMI_SIGMA_ENDS_H

#include "base/str.h"

/*
 * Which of many texts is a value, does it begin with or end in? One hash table has them all: whole texts and prefixes hashed from the front, suffixes from the back, eight bytes
 * at a time. Before it stands a table of hints of one byte each. A prefix (suffix) leaves a hint for its first (last) 1, 4, 6, 8, 16 … bytes, which says what lengths may follow; a whole text
 * leaves one for its length and first eight bytes. So most values are done after one to three look-ups, whatever is asked of them.
 *
 * Hashes have no secret: somebody may build a value that is told to have what it has not. Nothing that it has is ever left out.
 */
struct ends_slot {
	uint64_t hash; /* 0 = free */
	uint16_t gate; /* 1-based */
};

#define ENDS_LENGTH_MAX 255 /* of a prefix or suffix */

/* The lengths of prefixes or suffixes that are asked for. */
struct length_set {
	uint64_t bit[4];
	uint32_t most;
};

struct ends {
	struct ends_slot *slot;
	uint8_t *tag;  /* by slot: 0 = free, else eight bits of the hash; small enough to stay near */
	uint8_t *hint; /* by the first bits of a hash */
	size_t n_slot, n_hint; /* powers of two */
	unsigned hint_shift;   /* 64 - log2 n_hint */
	struct length_set prefix, suffix;
};

struct ends_text {
	struct str text; /* folded; of a prefix or suffix: not empty, at most ENDS_LENGTH_MAX */
	uint16_t gate;
	uint8_t kind;    /* enum gate_kind: whole text, number, prefix or suffix */
};

void ends_make(struct ends *e, const struct ends_text *text, size_t n);
/* What follows from the rest: tags and hint_shift. ends_make does it, readers of a cache do. */
void ends_seal(struct ends *e);
void ends_done(struct ends *e);

/* kinds: bits 1 << enum gate_kind. Tells the gate of each text of these kinds that the value is, begins with or ends in, and perhaps of some others. */
void ends_find(const struct ends *e, unsigned kinds, struct str value, void (*hit)(void *arg, uint16_t gate), void *arg);

#endif
