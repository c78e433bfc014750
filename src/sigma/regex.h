/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_REGEX_H
#define HINOMI_SIGMA_REGEX_H

#include "sigma/image.h"

/* Regular expressions mean what PCRE2 says they mean. */

struct regex {
	pcre2_code *code;
	uint32_t shortest;     /* no text of fewer characters matches */
	struct linear *linear; /* the second road (linear.h); NULL = not for this pattern */
};

struct regex_fault {
	int code; /* for pcre2_get_error_message */
	size_t at;
};
/* A pattern with an atom's flags, ready to search; NULL when it cannot be used. */
struct regex *regex_new(struct str pattern, unsigned atom_flags, struct regex_fault *ret_fault);
void regex_free(struct regex *re);

/*
 * A search that may take only so long. What ends within REGEX_FREE steps at each place of the text is free. Else the search begins anew, and the steps that it may take
 * (about two nanoseconds each) are taken from *budget before they are taken: on the linear road where it leads and the budget is enough, otherwise by PCRE2 in slices of a few
 * places. 1 = found, 0 = not, -EAGAIN = the budget is used up, no answer.
 */
#define REGEX_FREE 64u
int regex_search(const struct regex *re, struct str text, pcre2_match_data *data, pcre2_match_context *ctx, uint32_t *budget);

#endif
