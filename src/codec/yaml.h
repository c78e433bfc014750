/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_CODEC_YAML_H
#define HINOMI_CODEC_YAML_H

#include "base/diag.h"

/*
 * YAML 1.1 (libyaml's events) to small trees that keep every place: rules, rule books and configuration report errors by line and column.
 * A scalar keeps its raw text next to the type that a YAML 1.1 reader gives it (yes/no/on/off are booleans, 0x1F is 31, 1e3 is text, quoted is
 * text); dates stay text. Merge keys (`<<`) are merged.
 * Caps: 16 MiB of text, 64 levels, 200,000 nodes per file, aliases only up to 100 times the nodes they stand for.
 */
enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };
enum yaml_type { YAML_TEXT, YAML_NULL, YAML_BOOL, YAML_INT, YAML_FLOAT };

struct yaml_node {
	uint8_t kind; /* enum yaml_kind */
	uint8_t type; /* of a scalar */
	bool boolean;
	bool quoted;
	struct str text;       /* scalar as written */
	struct str number;     /* INT, FLOAT: the same in decimal (0x1F, 0b1, 017, 1_000, 1:30 are numbers of YAML 1.1) */
	struct yaml_node *key; /* in a map: this value's key */
	struct yaml_node *next; /* sibling */
	struct yaml_node *kid;  /* first child of a list or map */
	size_t n;               /* children */
	struct diag_at at;
};

struct yaml_doc {
	struct yaml_node *root; /* NULL for an empty document */
	struct yaml_doc *next;
};

/* All documents of the text, in mem. -EINVAL with a finding where the text is no YAML (documents before it are still given), -E2BIG at a cap. */
int yaml_read(struct str text, struct arena *mem, struct diag *d, struct yaml_doc **ret);

/* The value under a key of a map, or NULL. Duplicate keys are findings of yaml_read. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);
#define yaml_each(item, node) for (const struct yaml_node *item = (node) ? (node)->kid : NULL; item; item = item->next)
/* The values of a map, each with its key; nothing when the node is no map. */
#define yaml_pairs(item, node) for (const struct yaml_node *item = (node) && (node)->kind == YAML_MAP ? (node)->kid : NULL; item; item = item->next)
/* Text of a scalar, or p == NULL. */
struct str yaml_text(const struct yaml_node *n);

#endif
