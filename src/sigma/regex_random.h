/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_REGEX_RANDOM_H
#define HINOMI_SIGMA_REGEX_RANDOM_H

#include "base/str.h"

/* Random patterns, and texts that they sometimes match: for tests that hold a reader of patterns to PCRE2. The same seed gives the same. */

/* Groups nest to this depth. Ends in NUL; returns the length. */
size_t regex_random_pattern(uint64_t *seed, char *to, size_t room, unsigned depth);
/* Fewer than `most` characters, of two bytes at most. Returns the length. */
size_t regex_random_text(uint64_t *seed, char *to, unsigned most);
/* How many rounds: $HINOMI_REGEX_ROUNDS or so many. */
unsigned regex_random_rounds(unsigned otherwise);

#endif
