/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_FEW_H
#define HINOMI_SIGMA_FEW_H

#include "sigma/literals.h"

/*
 * Few literals in a text, 64 places at a time: the method known as Teddy. Each literal is known by four of its bytes and belongs to one of eight
 * buckets; sixteen-entry tables say for each half byte at each of the four places which buckets may stand there, and what all eight
 * look-ups leave is compared, the four bytes first. About one instruction a byte with AVX2; with AVX-512 VBMI whole bytes are looked up, for a quarter of that.
 */
struct few;

/*
 * FEW_NOT_LONG: only those of less than nine bytes. FEW_SHORT: of at most four. FEW_TINY: of one or two bytes of ASCII. FEW_TINY_OTHER: of as many that
 * are not. FEW_LINE: for few_any.
 */
enum few_what { FEW_ALL, FEW_NOT_LONG, FEW_SHORT, FEW_TINY, FEW_TINY_OTHER, FEW_LINE };

/* The wanted literals of a set; NULL when there are none (but tiny ones) or too many, or when the machine has no AVX2. few_free ends it. */
struct few *few_make(const struct literal_set *set, const uint64_t *wanted, enum few_what what);
void few_free(struct few *f);

/* As literals_find; not for FEW_LINE. */
void few_find(const struct few *f, struct str text, void (*hit)(void *arg, uint16_t gate), void *arg);

/*
 * FEW_LINE: could one of them stand in some string of this line of JSON, whatever the case of its letters? No is sure for all strings of ASCII: of each literal the longest
 * part that JSON writes as it is is looked for, and \uXXXX anywhere is a yes, and so are too many places that come near.
 */
bool few_any(const struct few *f, struct str text);

#endif
