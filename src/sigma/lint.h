/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_LINT_H
#define HINOMI_SIGMA_LINT_H

#include "sigma/detection.h"

/*
 * What is probably wrong with a rule that can be used: warnings and hints beside the errors that refuse one. check.c looks at the metadata
 * of every document when it is read; lint.c at what a rule asks, and only when sigma_opts.lint is set (it costs as much as compiling).
 */

/* check.c: forms of id, dates, tags, status, …; misspelt keys. False = refused. */
bool check_metadata(struct doc *doc, struct diag *d);
/* The nearest of names to a key that is not among them, as a warning; says nothing when none is near (custom keys are legal). */
void check_keys(const struct yaml_node *map, const char *names, const char *code, struct diag *d);

/* lint.c */
struct lint;
struct lint *lint_new(void);
void lint_free(struct lint *l);
void lint_rule(struct lint *l, struct compiler *c, const struct detection *d, const struct expr *e);
/* When every rule has been seen: fields that its log source does not have, titles used twice. */
void lint_finish(struct lint *l, struct diag *d);

#endif
