/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_ROUTE_H
#define HINOMI_SIGMA_ROUTE_H

#include "sigma/few.h"
#include "sigma/gate.h"
#include "sigma/parts.h"

/*
 * What stood at a place of the last event of a route, and the gates that it opened: hosts, users, channels, programs stay the same for many events, and one comparison
 * is less than a hash and a look-up. Longer values and those that open more gates are not kept.
 */
#define SEEN_PLACES 64
#define SEEN_BYTES 110
#define SEEN_GATES 6

struct seen {
	uint32_t what; /* the field's number, the value's kind and length, whether for keywords, too; 0: nothing is kept */
	uint8_t n_gate, waking;
	uint16_t gate[SEEN_GATES];
	char bytes[SEEN_BYTES];
};

/* ROLE_WAKES: some gate of the field wakes a rule; others wait until somebody asks. */
enum { ROLE_USED = 1, ROLE_WAKES = 2 };

/* What events of one log-source set are shown to (route.c). */
struct route {
	uint64_t *rules; /* bit set */
	uint64_t *gates; /* bit set: gates that answer for one of these rules */
	uint64_t *waking; /* bit set: those of them that wake one */
	uint8_t *role;   /* by field: bits of ROLE_, 0 when no rule of the route asks for it */
	struct field_look *look; /* by field: what such gates ask of it; [0] = keywords */
	struct literal_bits *bits; /* by field: of the literals that such gates look for */
	uint32_t *always;
	size_t n_always;
	uint32_t number;
	const struct field_index *words;
	struct few *words_in_line; /* keywords for a look at a whole line of JSON; NULL when they are none or many */
	struct seen *seen; /* by place in the event; the matcher's own to write */
};

static inline bool has_bit(const uint64_t *set, size_t i)
{
	return set[i / 64] >> (i % 64) & 1;
}

/* The route of events of this log-source set, made when new. */
struct route *route_new(const struct sigma_image *img, uint32_t lsset);
void route_free(struct route *r, size_t n_field);

#endif
