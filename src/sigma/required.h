/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_REQUIRED_H
#define HINOMI_SIGMA_REQUIRED_H

#include "base/arena.h"

/*
 * What a text must contain for a regular expression to match: a set of literals, folded, of which each matching text has at least one. Most texts have none
 * and are never searched. Found in the pattern's tree; a pattern that is not read, or has no such literal, gives an empty set: search always.
 */
#define REQUIRED_MOST 16

struct required {
	struct str text[REQUIRED_MOST];
	size_t n;
};

/* Texts live in mem. */
void required_of(struct str pattern, struct arena *mem, struct required *ret);

/* How often one of the set stands in a text by chance, in arbitrary units; 3000 for no literal at all. */
double required_cost(const struct required *r);

#endif
