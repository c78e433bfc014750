/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_EVENT_VOCAB_H
#define HINOMI_EVENT_VOCAB_H

#include "base/diag.h"
#include "event/event.h"

/*
 * The one vocabulary: field names with small numbers, log sources, and the alias tables that turn other schemas into the Sigma
 * taxonomy. Built once (fields.def, logsources.def, aliases.def, the names the rules use, the log-source mapping files), then frozen and shared
 * read-only by all threads. A reload builds a new one. Log-source sets alone may be added after freezing (internally locked).
 */
struct vocab;

struct logsource {
	struct str product, category, service; /* lower case; empty = not known */
};

struct vocab *vocab_new(void); /* with the built-in tables */
struct vocab *vocab_ref(struct vocab *v);
void vocab_unref(struct vocab *v);

/* The name's number, made when new. Before freezing only; -ENOSPC beyond 65,535 names. */
int vocab_add_field(struct vocab *v, struct str name, field_id *ret);
/*
 * Log-source mapping files (event/sources.h): a file or a directory, any number of times, before the vocabulary is shared. -EINVAL with findings when
 * one is wrong: nothing of that file is taken.
 */
int vocab_load_sources(struct vocab *v, const char *path, struct diag *d);
struct sources;
const struct sources *vocab_sources(const struct vocab *v); /* NULL when none was loaded */
void vocab_freeze(struct vocab *v);

/* FIELD_UNKNOWN when absent. O(1), lock-free after freezing. Names compare by bytes. */
field_id vocab_field(const struct vocab *v, struct str name);
struct str vocab_field_name(const struct vocab *v, field_id id);
size_t vocab_field_count(const struct vocab *v);

/* Interns a set of 1..8 log sources (order kept, first = shown). Set 0 is "unknown", and what comes when there is no room for more. Thread-safe. */
#define VOCAB_LSSETS_MAX 4096
uint32_t vocab_lsset(struct vocab *v, const struct logsource *ls, size_t n);
/* Borrowed for the vocabulary's life. */
const struct logsource *vocab_lsset_get(const struct vocab *v, uint32_t set, size_t *ret_n);
size_t vocab_lsset_count(const struct vocab *v);
/* What alias.c looks up: the rows of the set's service (alias_group), and the numbers of the names in all rows. */
uint32_t vocab_lsset_aliases(const struct vocab *v, uint32_t set);
struct alias_ids;
const struct alias_ids *vocab_alias_ids(const struct vocab *v);

/*
 * Windows events by channel and event id (and EventType where it decides): all categories and services it belongs to, e.g. Sysmon 13 is
 * registry_set and registry_event, Security 4688 is service security and process_creation.
 */
uint32_t vocab_windows(const struct vocab *v, struct str channel, struct str provider, uint32_t event_id, struct str event_type);

#endif
