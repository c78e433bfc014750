/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_REPLAY_STEPS_H
#define HINOMI_REPLAY_STEPS_H

#include "world.h"

/* What a line of a scenario does. Rows of steps.def; each function fails the scenario by world_fail. */
typedef void step_fn(struct world *w, const struct node *n);
#define STEP(word, fn, when, min, max, kids, usage) step_fn fn;
#include "steps.def"
#undef STEP

enum step_when { WHEN_HEAD, WHEN_STEP, WHEN_ANY };

struct step {
	const char *word;
	step_fn *fn;
	enum step_when when;
	size_t min, max;
	bool kids;
	const char *usage;
};
/* NULL when there is no such word. */
const struct step *step_find(struct str word);

/* Looks at the whole file before anything runs: words, people, durations, children. Findings name line and column. */
int scenario_check(const struct node *top, struct str file, struct diag *d);
/* The stage's name as the program knows it (static), or NULL. */
const char *stage_find(struct str name);
void scenario_run(struct world *w, const struct node *n);

/* The verbs of `as`, for the check. */
bool verb_known(struct str word);
void verbs_suggest(struct diag *d, struct str word);
bool expect_known(struct str word);
void expects_suggest(struct diag *d, struct str word);

/* Key=value words from index `from` on against the object's members; fails with what was there. */
void members_check(struct world *w, const json_t *object, const struct node *n, size_t from, const char *const *but);
/* "a.b.0" of an object, NULL when absent. */
const json_t *member_at(const json_t *object, struct str path);
/* A duration of a word; the check has seen that it is one. */
int64_t word_duration(const struct word *word);
/* Invariants after a crash: nothing acknowledged is lost, nothing is there twice. */
void crash_check(struct world *w);

#endif
