/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_EVENT_FLAT_H
#define HINOMI_EVENT_FLAT_H

#include "event/vocab.h"

/*
 * What names alone tell: of a flat list of fields (JSON, CSV, key=value, journal) which one is the time (times.def), which the host (hosts.def),
 * and which log source writes such a set of names (shape.def). Names are resolved to numbers once; per event it is one table look-up per field
 * and one comparison of bits per log source.
 */
#define FLAT_BITS 256 /* names that shape.def and ecs.def may use between them */

struct flat_roles;

/* Adds the tables' names to a vocabulary that is being built. */
void flat_names(struct vocab *v);
/* For a vocabulary with those names; borrows it. */
struct flat_roles *flat_roles_new(struct vocab *v);
void flat_roles_free(struct flat_roles *r);

struct flat_found {
	const struct field *time[4]; /* candidates, best first; NULL behind the last */
	const struct field *host;
	uint32_t lsset;              /* 0 = no known shape, or not asked */
	bool common;                 /* has names of the Elastic Common Schema */
};

void flat_look(const struct flat_roles *r, const struct event *ev, bool shapes, struct flat_found *ret);
/* True when a name reads like a time's ("lastSeenAt", "EVENT_DATE"): for those that times.def does not know. */
bool flat_time_like(struct str name);

#endif
