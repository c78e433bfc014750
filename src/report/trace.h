/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_REPORT_TRACE_H
#define HINOMI_REPORT_TRACE_H

#include "ledger/doc.h"

/*
 * Which ledger entry says what: for each member of an object the entry that set it last. What a report cites is remembered, and becomes its
 * annex. One reading transaction, one thread; each object's entries are read once.
 */
struct trace;

struct trace *trace_new(struct desk *k, uint64_t size); /* entries below size */
void trace_free(struct trace *t);

/*
 * The entries that set these members of the object, ascending, each once, as a JSON list of their numbers; the caller's. names ends in NULL; no
 * name at all = the entry that made the object. Cites them.
 */
json_t *trace_refs(struct trace *t, enum noun noun, struct str id, const char *const *names);
/* The same for one member, or the making (NULL). */
json_t *trace_ref(struct trace *t, enum noun noun, struct str id, const char *name);
/* The first entry of a verb. An empty list when there is none. */
json_t *trace_verb(struct trace *t, enum noun noun, struct str id, const char *verb);
/* Several lists as one; takes them (NULL is skipped). */
json_t *trace_join(json_t *a, json_t *b);

/* Every cited entry: [{seq,time,actor,role,verb,noun,object_id,number,leaf}]. *ret is the caller's. */
int trace_annex(struct trace *t, json_t **ret);
/* -EIO … when reading failed meanwhile; 0. */
int trace_error(const struct trace *t);

#endif
