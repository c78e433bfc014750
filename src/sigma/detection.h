/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_DETECTION_H
#define HINOMI_SIGMA_DETECTION_H

#include "sigma/parts.h"
#include "sigma/sstring.h"

/*
 * A detection between YAML and the image: selections of items of typed values with their modifiers already applied (as pySigma has them when
 * a pipeline sees them). The way of a rule is
 *
 *   detection_read      YAML -> selections (every finding of every selection, used or not)
 *   pipelines_apply     user's pipelines change fields, values and the log source (pipeline.h)
 *   placeholders_fill   %name% -> the values of lists/name.csv
 *   detection_compile   conditions over selections -> one expression over interned atoms
 *
 * Everything lies in the compiler's scratch arena and is gone when the image is made. Lists are arrays that grow by node_push and the like.
 */
enum value_kind { VALUE_TEXT, VALUE_NUMBER, VALUE_BOOL, VALUE_NULL, VALUE_REGEX, VALUE_CIDR, VALUE_COMPARE, VALUE_EXISTS, VALUE_FIELDREF, VALUE_TIME, VALUE_ANY };

struct value {
	uint8_t kind;
	uint8_t flags;       /* ATOM_F_… */
	uint8_t sub;         /* COMPARE: enum number_cmp; FIELDREF: atom_op; TIME: the part's letter */
	bool boolean;
	bool wide;           /* TEXT: UTF-16 by now, only Base64 may follow */
	struct sstring text; /* TEXT with wildcards; REGEX: the pattern; both may hold placeholders */
	struct str plain;    /* NUMBER, CIDR, COMPARE, TIME: as written; FIELDREF: the other field */
	struct value **kid;  /* ANY: one of these */
	size_t n;
	struct diag_at at;
};

struct item {
	struct str field;    /* empty = keyword: any value of the event */
	bool all, negated;
	bool mapped;         /* a pipeline named its field */
	struct value **value;
	size_t n;
	struct diag_at at;   /* of the key */
	uint64_t applied;    /* pipeline.c: items of the pipeline that changed this one, by number (the first 64) */
};

/* A map is AND of items, a list OR of nodes; exactly one of item and kid is used. */
struct node {
	struct item *item;
	bool any, negated;
	struct node **kid;
	size_t n;
};

struct selection {
	struct str name;
	struct diag_at at;   /* of its key */
	struct node *node;
	struct expr *expr;   /* made at first use */
	bool used;
};

/* A rule's detection section, or a filter's. */
struct detection {
	struct selection *sel;
	size_t n, cap;
	const struct yaml_node *condition;
	struct detection *filter; /* next of the filters that apply to the rule */
	struct doc *doc;          /* whose it is: findings name its file */
	struct {                  /* conditions that a pipeline added: AND */
		struct node *node;
		bool negated;
	} extra[16];
	size_t n_extra;
};

/* ---- detection.c ---- */
/* NULL = refused, findings given. skip: a key that is no selection ("rules" of a filter), or NULL. */
struct detection *detection_read(struct compiler *c, struct doc *doc, const struct yaml_node *section, const char *skip);
/* A map or list of YAML as one node; NULL = refused. */
struct node *node_read(struct compiler *c, const struct yaml_node *n, int depth);
struct node *node_new(struct compiler *c, bool any);
struct node *node_of_item(struct compiler *c, struct item *it);
void node_push(struct compiler *c, struct node *n, struct node *kid);
void item_push(struct compiler *c, struct item *it, struct value *v);
void value_push(struct compiler *c, struct value *v, struct value *kid);
/* Calls f for every value of the tree, inner ones of VALUE_ANY too; f may answer another value. False from any makes false. */
typedef bool value_visit(struct compiler *c, struct item *it, struct value **v, void *arg);
bool node_each_value(struct compiler *c, struct node *n, value_visit *f, void *arg);
bool detection_each_value(struct compiler *c, struct detection *d, value_visit *f, void *arg);

/* ---- modifier.c: `field|modifier|…: values` with the modifiers applied. NULL = refused. key NULL = a keyword. ---- */
struct item *item_read(struct compiler *c, const struct yaml_node *key, const struct yaml_node *values);
struct value *value_of_yaml(struct compiler *c, const struct yaml_node *v);
struct value *value_new(struct compiler *c, enum value_kind kind, struct diag_at at);
struct value *value_text(struct compiler *c, struct str sigma_string, struct diag_at at);

/* ---- placeholder.c ---- */
/* %name% inside the string to placeholder units (specification "expand"). */
struct sstring placeholders_mark(struct compiler *c, const struct sstring *s);
struct str placeholder_name(const struct compiler *c, uint16_t unit);
/* One form of the value for every combination of words (in a pattern: as they stand); NULL = too many. words answers false to leave one alone. */
typedef bool placeholder_words(void *arg, struct str name, bool pattern, const struct sstring **ret, size_t *ret_n);
struct value *placeholders_replace(struct compiler *c, const struct value *v, placeholder_words *words, void *arg);
bool placeholders_fill(struct compiler *c, struct detection *d);

/* ---- value.c: one value of an item to an expression, placeholders gone. NULL = refused. ---- */
struct expr *value_expr(struct compiler *c, const struct item *it, const struct value *v);

/* ---- condition.c: all conditions, filters and additions to one expression. NULL = refused. ---- */
struct expr *detection_compile(struct compiler *c, struct detection *d);

#endif
