/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_LINEAR_H
#define HINOMI_SIGMA_LINEAR_H

#include "base/str.h"

/*
 * Does a regular expression match anywhere in a text? Answered like PCRE2 in time linear in the text: all ways to match go forward together, one byte at a time, so
 * nothing is ever tried again. For patterns that are regular (no references back, no looking around) and texts of ASCII.
 *
 * The automaton is Glushkov's: its states are the places of the pattern where a character stands (counted repetitions spelt out, at most LINEAR_PLACES), kept as bits. An
 * assertion (^ $ \b) is such a place, too, which takes no character: where it is true at this point of the text, the places that follow it are reached at once.
 */
#define LINEAR_PLACES 256

struct linear;

/* The program of a pattern that PCRE2 takes; at most 40 KiB, most often 2. NULL when it is not regular, not read, or too large. */
struct linear *linear_new(struct str pattern, unsigned atom_flags);
void linear_free(struct linear *l);

/*
 * The text is ASCII (utf8_is_ascii). 1 = it matches, 0 = it does not, -EAGAIN = the budget is used up. Steps are those of PCRE2 at its dearest, 16 instructions: one for each byte, and some more when a byte is
 * seen at a point of the pattern where it was not seen before in this text. They depend on the pattern and the text alone.
 */
int linear_search(const struct linear *l, struct str text, uint32_t *budget);

/* False, and nothing left, when it is not enough. */
static inline bool steps_spend(uint32_t *budget, size_t steps)
{
	bool enough = steps <= *budget;
	*budget = enough ? *budget - (uint32_t)steps : 0;
	return enough;
}

#endif
