/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_REGEX_H
#define HINOMI_SIGMA_REGEX_H

#include "sigma/image.h"

/* Regular expressions mean what PCRE2 says they mean. */

struct regex_fault {
	int code; /* for pcre2_get_error_message */
	size_t at;
};
/* The program of a pattern with an atom's flags; NULL when it cannot be used. */
pcre2_code *regex_compile(struct str pattern, unsigned atom_flags, struct regex_fault *ret_fault);

/*
 * A search that may take only so long. What ends within REGEX_FREE steps at each place of the text is free. Else the search begins anew in slices of a few places, and the
 * steps that they may take (about two nanoseconds each) are taken from *budget before they are taken. 1 = found, 0 = not, -EAGAIN = the budget is used up, no answer.
 */
#define REGEX_FREE 64u
int regex_search(const pcre2_code *re, struct str text, pcre2_match_data *data, pcre2_match_context *ctx, uint32_t *budget);

#endif
