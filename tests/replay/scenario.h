/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_REPLAY_SCENARIO_H
#define HINOMI_REPLAY_SCENARIO_H

#include "base/diag.h"

/*
 * Scenario files as a tree of lines (docs/formats/replay.md). Indentation makes children; words are bare, "quoted" or key=value, and a value may be
 * a JSON list or object. Children of `file` are kept as they stand, children of `feed` keep what follows their bar. Everything borrows from the text
 * or lives in the arena.
 */
struct word {
	struct str key;  /* of key=value, else empty */
	struct str text; /* without its quotes */
	unsigned column;
	bool quoted;
};

struct node {
	unsigned line, column;
	struct str raw; /* children of `file`: the line below the block's indentation; of `feed`: what is behind the bar */
	bool bar;
	struct word *word;
	size_t n_word;
	struct node *kid, *next;
};

/* Every fault is a finding with its place. -EINVAL when there was one. */
int scenario_read(struct str text, struct str file, struct arena *mem, struct diag *d, struct node **ret);

/* The first word's text; empty for a line without words. */
struct str node_word(const struct node *n, size_t i);
/* The value of key=…, or NULL. */
const struct word *node_key(const struct node *n, const char *key);
/* Index of the word "->", or n_word. */
size_t node_arrow(const struct node *n);

#endif
