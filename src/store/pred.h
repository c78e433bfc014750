/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_STORE_PRED_H
#define HINOMI_STORE_PRED_H

#include "base/arena.h"
#include "base/tstamp.h"

/*
 * The filter as a tree: what the hunt language compiles to, what a store backend runs, what ClickHouse SQL is made from. Plain data in
 * the caller's arena; read-only for the store.
 */
enum pred_op {
	PRED_ALL,     /* everything */
	PRED_AND, PRED_OR, /* kid[0..n_kid) */
	PRED_NOT,     /* kid[0] */
	PRED_PRESENT, /* the field exists (null and empty count) */
	PRED_NULL,    /* exists and is null */
	PRED_EQ,      /* whole value, case-insensitive unless cased */
	PRED_WORD,    /* the value contains text as a run of whole words (token boundaries at both ends) */
	PRED_GLOB,    /* * and ? over the whole value or over one word of it */
	PRED_REGEX,   /* pcre2, unanchored */
	PRED_LT, PRED_LE, PRED_GT, PRED_GE, /* by number when both are numbers, else by text; _time and _received by time */
	PRED_RANGE,   /* [low TO high], each end open when empty or "*" */
	PRED_CIDR,    /* value is an address inside text */
};

struct pred {
	enum pred_op op;
	bool cased;
	/*
	 * The field; empty = every text field and the original line. What every row has beside its own fields stands in meta.def. A name
	 * without such an exact field matches no row.
	 */
	struct str field;
	struct str text, high; /* text: the value or the low end */
	struct pred **kid;
	size_t n_kid;
};

#endif
