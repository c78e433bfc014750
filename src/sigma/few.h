/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_FEW_H
#define HINOMI_SIGMA_FEW_H

#include "sigma/literals.h"

/*
 * Few literals in a text, 32 places at a time: the method known as Teddy. Each literal is known by four of its bytes and belongs to one of eight
 * buckets; sixteen-entry tables say for each half byte at each of the four places which buckets may stand there, and what all eight
 * look-ups leave is compared. About one instruction a byte, where a walk over windows takes five or more.
 */
struct few;

/* The wanted literals of a set, or of them those of one or two bytes of ASCII; NULL when there are none or too many, or when the machine has no AVX2. few_free ends it. */
struct few *few_make(const struct literal_set *set, const uint64_t *wanted, bool tiny);
void few_free(struct few *f);

/* As literals_find. */
void few_find(const struct few *f, struct str text, void (*hit)(void *arg, uint16_t gate), void *arg);

#endif
