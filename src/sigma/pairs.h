/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_PAIRS_H
#define HINOMI_SIGMA_PAIRS_H

#include "sigma/image.h"

/*
 * Which neighbouring bytes stand in a text: a set of 1,024 hashed pairs. A new command line is asked for dozens of strings one after the other, nearly all in vain; once its
 * pairs are noted, at about nine instructions a byte, most of these questions cost four looks at bits. No is sure, yes is not. Cost of a set: 128 bytes.
 */
struct pairs {
	uint64_t bit[16];
};

/* Longer texts have nearly every pair. */
#define PAIRS_TEXT_MAX 2048u

/* All pairs of the text. */
void pairs_note(struct pairs *ret, struct str text);

/* Up to four pairs without which an atom does not hold, the rarest; less than two bytes in a row: none, and pair[0] is PAIRS_NONE. */
#define PAIRS_NONE UINT16_MAX
struct pairs_need {
	uint16_t pair[4];
};

/* Of atoms that look for a text (contains, glob; not cased), by atom.answer; made anew when an image is read. In the image's memory. */
void pairs_need_all(struct sigma_image *img);

static inline bool pairs_may_hold(const struct pairs *p, const struct pairs_need *need)
{
	for (size_t i = 0; i < LEN(need->pair); i++)
		if (!has_bit(p->bit, need->pair[i]))
			return false;
	return true;
}

#endif
