/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_EVENT_ALIAS_H
#define HINOMI_EVENT_ALIAS_H

#include "event/vocab.h"

/* Aliases (aliases.def): fields of the Sigma taxonomy made from what other schemas call them, so that one rule fits all of them. */

/* Adds the tables' names to a vocabulary that is being built; their numbers, row by row, in mem. */
struct alias_ids {
	field_id target, from;
};
struct alias_ids *alias_names(struct vocab *v, struct arena *mem);
/* The number of a service's rows in the tables, 0 = it has none. */
uint32_t alias_group(struct str service);
/*
 * Appends the aliases that the event's log-source set and EventID ask for (flag FIELD_F_ALIAS). ev->field moves to mem when it grows. Costs
 * nothing for events that have none.
 */
void event_apply_aliases(const struct vocab *v, struct event *ev, uint32_t event_id, struct arena *mem);
/* Appends one field to the event, in mem. */
void event_add_field(struct event *ev, struct arena *mem, struct str name, field_id id, struct val val, uint8_t flags);

/* Classic PowerShell (400, 600, 800) keeps its facts as lines of name=value in the last Data: each becomes a field. */
void event_split_powershell(const struct vocab *v, struct event *ev, struct arena *mem);

#endif
