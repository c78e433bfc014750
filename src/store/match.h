/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_STORE_MATCH_H
#define HINOMI_STORE_MATCH_H

#include "event/vocab.h"
#include "store/pred.h"

/* What every row has beside its own fields (meta.def). These names are the house's: a field of the event that has such a name is found in its line alone. */
enum meta {
#define META(sym, name, value) META_##sym,
#include "store/meta.def"
#undef META
	META_COUNT
};
struct str meta_name(enum meta m);
/* META_COUNT when the name is none of them. */
enum meta meta_find(struct str name);
/* False when the row has none: no host, no log source. Times are VAL_TIME. v may be NULL (no log sources then); texts are the row's or in mem. */
bool meta_value(enum meta m, const struct event *row, const struct vocab *v, struct arena *mem, struct val *ret);

static inline struct val text_val(struct str s)
{
	return (struct val){.kind = VAL_STR, .u.p = s.p, .n = (uint32_t)s.n};
}

/* A predicate made ready to look at rows: one per search and thread. -EINVAL for a pattern or network that cannot be used. */
struct matcher;
int matcher_new(const struct pred *p, struct matcher **ret);
void matcher_free(struct matcher *m);
/* True when the row satisfies it. v may be NULL (no log sources then); scratch is the caller's to reset. */
bool matcher_row(struct matcher *m, const struct event *row, const struct vocab *v, struct arena *scratch);
/* The same for what a pipe made of rows: names and values, among them what is left of the meta fields. */
bool matcher_cells(struct matcher *m, const struct field *cell, uint32_t n, struct arena *scratch);

#endif
