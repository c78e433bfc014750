/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_ROUTE_H
#define HINOMI_SIGMA_ROUTE_H

#include "sigma/few.h"
#include "sigma/gate.h"
#include "sigma/parts.h"

/* ROLE_WAKES: some gate of the field wakes a rule; others wait until somebody asks. */
enum { ROLE_USED = 1, ROLE_WAKES = 2 };

/* What events of some log-source sets are shown to. Never changes once it is made, and belongs to the image. */
struct route {
	uint64_t *rules; /* bit set */
	uint64_t *gates; /* bit set: gates that answer for one of these rules */
	uint64_t *waking; /* bit set: those of them that wake one */
	uint8_t *role;   /* by field: bits of ROLE_, 0 when no rule of the route asks for it */
	struct field_look *look; /* by field: what such gates ask of it; [0] = keywords */
	VEC(struct literal_bits) bits; /* of the literals that such gates look for, by look's number */
	VEC(uint32_t) always;
	uint32_t number;
	uint64_t *groups; /* bit set: the log sources of its rules, which tell routes apart */
	const struct field_index *words;
	struct few *words_in_line; /* keywords for a look at a whole line of JSON; NULL when they are none or many */
};

/* The route of events of this log-source set, made when new. Thread-safe; a pointer is read once it is there. */
const struct route *route_of(const struct sigma_image *img, uint32_t lsset);

#endif
