/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_QUERY_QUERY_H
#define HINOMI_QUERY_QUERY_H

#include "store/store.h"

/*
 * The hunt language: `filter | pipe | pipe …` -> one AST -> run over any store. docs/formats/query.md is its manual. Errors point at
 * the column and suggest the nearest name; text a person typed never crashes or runs unbounded.
 */
struct query; /* parsed, in its own arena; read-only, shareable */

/* field_names (may be NULL) are only for suggestions. -EINVAL with findings (line 1, column = byte in the text). */
int query_parse(struct str text, tstamp now, int offset_s, const struct str *field_names, size_t n, struct diag *d, struct query **ret);
void query_free(struct query *q);

struct query_opts {
	tstamp from, to; /* TS_NONE = open; a _time: in the text narrows further */
	uint64_t limit;  /* rows given out, default 1000, most 10,000 */
	struct str cursor;
	int64_t budget_ns;
	const _Atomic bool *cancel;
};
/* One result row: names and texts in the order of columns; absent cells have p == NULL, null ones kind VAL_NULL. */
struct query_cell {
	struct str name;
	struct val val;
};
typedef int query_row_cb(void *arg, const struct query_cell *cell, size_t n);
/* One row as a JSON object; absent cells are left out. mem is scratch. */
void query_add_json(const struct query_cell *cell, size_t n, struct arena *mem, struct buf *out);
struct query_result {
	struct store_progress progress;
	char next_cursor[96]; /* empty = no more */
	uint64_t rows;
};
/* Rows without pipes are flat events: _time _received _id _source _host … (store/meta.def), then the fields, then _raw. */
/* v = the vocabulary of the store. */
int query_run(const struct query *q, struct store *s, const struct vocab *v, const struct query_opts *o, query_row_cb *cb, void *arg, struct query_result *ret);

#endif
