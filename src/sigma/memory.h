/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_MEMORY_H
#define HINOMI_SIGMA_MEMORY_H

#include "sigma/route.h"

/* What a matcher remembers from event to event, so that logs, which repeat themselves, cost little. None of it changes an answer. Only src/sigma includes this. */

/*
 * Logs repeat their values. So a table remembers, per worker, (route, field, value as it lies in the input) -> gates, and nine values in ten are
 * neither un-escaped nor folded nor scanned. Its key is a 128-bit hash with a secret seed, so nobody can build two values that share an
 * entry, and no copy of the value is kept; an entry is one cache line; values that open more gates than fit are asked anew.
 */
#define CACHE_SLOTS 65536u
#define CACHE_ROOM 22

struct cache_line {
	uint64_t key[2];
	uint8_t n;             /* 1 + gates; 0 = free */
	uint8_t waking;        /* the first of them */
	uint8_t answers;       /* behind the gates: what tests that no gate answers say of the value, as their number (test.answer) * 2 + yes */
	uint16_t slot[CACHE_ROOM];
} __attribute__((aligned(64)));

/*
 * What stood at a place of the last event of a route, and the gates that it opened: hosts, users, channels, programs stay the same for many events, and one comparison
 * is less than a hash and a look-up. Longer values and those that open more gates are not kept.
 */
#define SEEN_PLACES 64
#define SEEN_BYTES 94
#define SEEN_GATES 6

struct seen {
	uint64_t key[2]; /* of its cache line */
	uint32_t what; /* the field's number, the value's kind and length, whether for keywords, too; 0: nothing is kept */
	uint8_t n_gate, waking;
	uint16_t gate[SEEN_GATES];
	char bytes[SEEN_BYTES];
};

/*
 * Events of a kind have the same fields in the same order. Which of those that stand in the line have a role in the route is remembered for some such orders, so that the others,
 * two in three and more, are passed over.
 */
#define LAYOUTS 16u
#define LAYOUT_FIELDS 96u
struct layout {
	uint64_t layout; /* of the event, as n_line */
	uint32_t n_line, n;
	uint8_t place[LAYOUT_FIELDS], role[LAYOUT_FIELDS]; /* of those that have a role */
};

/* Where events of one log-source set go: a route that all share, and what is remembered of them here. */
struct way {
	const struct route *route; /* NULL: none came yet */
	struct seen *seen;
	struct layout *layout;
};

#endif
