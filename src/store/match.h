/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_STORE_MATCH_H
#define HINOMI_STORE_MATCH_H

#include "event/vocab.h"
#include "store/pred.h"

/* A predicate made ready to look at rows: one per search and thread. -EINVAL for a pattern or network that cannot be used. */
struct matcher;
int matcher_new(const struct pred *p, struct matcher **ret);
void matcher_free(struct matcher *m);
/* True when the row satisfies it. v may be NULL (no log sources then); scratch is the caller's to reset. */
bool matcher_row(struct matcher *m, const struct event *row, const struct vocab *v, struct arena *scratch);

#endif
