/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_PIPELINE_H
#define HINOMI_SIGMA_PIPELINE_H

#include "sigma/detection.h"

/*
 * Processing pipelines (pySigma's YAML, docs/formats/pipelines.md): entries that change a rule's fields, values and log source between reading
 * and compiling. pipelines_load reads the user's files once, all findings with their place; pipelines_apply runs them over one rule in the
 * order of their priorities. What pipeline.def calls refused, finalizers and query postprocessing are errors of the file.
 */
struct pipe_run;
struct pipe_item;
struct pipe_cond;

struct name_list {
	struct str *at;
	size_t n;
};

/* What a value becomes: itself, another, or VALUE_ANY of several; NULL = the rule is refused, finding given. */
typedef struct value *change_fn(struct pipe_run *r, const struct pipe_item *p, struct value *v);

struct transform_kind {
	const char *type, *params;
	/* over the whole rule, or NULL; false = the rule is refused */
	bool (*rule)(struct pipe_run *r, const struct pipe_item *p);
	/* over one detection item that the conditions let through, or NULL; *ret_changed marks the item as processed */
	bool (*item)(struct pipe_run *r, const struct pipe_item *p, struct node *n, bool *ret_changed);
	/* what a field name becomes (name_map): answers false when it stays */
	bool (*name)(struct pipe_run *r, const struct pipe_item *p, struct str name, bool keyword, struct name_list *ret);
	change_fn *value; /* over each value of an item */
};

enum cond_list { COND_RULE, COND_ITEM, COND_FIELD };
struct cond_kind {
	enum cond_list list;
	const char *type, *params;
	/* n is NULL for conditions on the rule; name is a field's name for those of COND_FIELD */
	bool (*holds)(struct pipe_run *r, const struct pipe_cond *c, const struct node *n, struct str name);
};

struct pipe_cond {
	const struct cond_kind *kind;
	const struct yaml_node *node;
	struct str name;       /* key in a map of conditions */
	pcre2_code **re;       /* pattern, or one per field name under mode: re */
	size_t n_re;
	uint64_t bit;          /* of processing_item_id */
};

struct cond_set {
	struct pipe_cond *cond;
	size_t n;
	bool any, negated;
	struct expr *expr;     /* over the conditions' numbers, or NULL */
};

struct pipe_item {
	const struct transform_kind *kind;
	const struct yaml_node *node;
	struct str file;
	uint64_t bit;          /* of its id, 0 = no condition asks for it */
	pcre2_code *re;
	struct cond_set cond[3]; /* by enum cond_list */
	struct pipe_item *kid; /* nest */
	size_t n_kid;
};

struct pipeline {
	struct str name, file;
	int64_t priority;
	size_t order;
	const struct yaml_node *vars;
	struct pipe_item *item;
	size_t n;
};

struct pipelines {
	struct pipeline *at;
	size_t n;
	VEC(pcre2_code *) re;
	VEC(struct str) ids; /* that conditions ask for; bit = position */
};

/* One rule on its way through. */
struct pipe_run {
	struct compiler *c;
	struct doc *doc;
	struct detection *d;     /* NULL for a correlation */
	struct map state, attributes; /* -> const struct yaml_node */
	uint64_t applied;
};

/* All files of the options. False = one cannot be used (findings given): no rule may run without it. */
bool pipelines_load(struct compiler *c);
void pipelines_free(struct compiler *c);
/* False = the rule is refused, finding given. */
bool pipelines_apply(struct compiler *c, struct doc *doc, struct detection *d);
/* Field names of a correlation (group-by, aliases, condition.field) through the renaming entries. False = refused. */
bool pipelines_rename(struct compiler *c, struct doc *doc, struct str *name);

/* pipeline.c, for transform.c and transform_value.c. A parameter that is not there is empty, false or a list of nothing. */
struct str pipe_text(const struct yaml_node *entry, const char *name);
bool pipe_flag(const struct yaml_node *entry, const char *name);
bool pipe_lists(const struct yaml_node *list, struct str word);
bool pipe_items_apply(struct pipe_run *r, const struct pipe_item *item, size_t n);
bool pipe_name_passes(struct pipe_run *r, const struct pipe_item *p, const struct node *n, struct str name);
bool pipe_refuse(struct pipe_run *r, const struct pipe_item *p, struct diag_at at, struct str message);
const struct yaml_node *pipe_variable(const struct compiler *c, struct str name);
/* The value as pySigma prints it: * and ? for wildcards, \* and \? for literal ones, backslashes as they are, %name%. */
struct str pipe_plain(struct compiler *c, const struct value *v);
bool pipe_value_is(struct compiler *c, const struct value *v, const struct yaml_node *n);
bool pipe_starts_with_match(const pcre2_code *re, struct str text);

extern const struct transform_kind TRANSFORMS[];
extern const size_t N_TRANSFORMS;
extern const struct cond_kind CONDITIONS[];
extern const size_t N_CONDITIONS;

#endif
