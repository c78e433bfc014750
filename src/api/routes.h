/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_API_ROUTES_H
#define HINOMI_API_ROUTES_H

#include "api/call.h"

/* Every handler of routes.def. */
#define ROUTE(method, path, fn, perm, flags, shape, query, noun, en, ja) int fn(struct api_ctx *c);
#include "api/routes.def"
#undef ROUTE

/* Ledger entries as JSON objects appended to a list; for histories and the audit. */
int entry_append(void *arg, const struct ledger_entry *e);

#endif
