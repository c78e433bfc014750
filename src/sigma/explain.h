/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_EXPLAIN_H
#define HINOMI_SIGMA_EXPLAIN_H

#include "sigma/sigma.h"

/* How a rule was compiled, for the person who writes it: its questions to an event and which of them wakes it. Thread-safe (reads the image). */
struct sigma_question {
	struct str field;  /* empty = keyword: any value */
	const char *op;    /* "=", "startswith", "contains", "re", … */
	struct str value;  /* folded, as it is compared */
	bool gate;         /* one of those of which one must hold before the rule is looked at */
};

/* Each atom of the rule once, in order of the condition; none for a correlation. Strings in mem or the image. */
size_t sigma_explain_questions(const struct sigma_image *img, const struct sigma_rule *rule, struct arena *mem, struct sigma_question **ret);
/* True when no atom is necessary: the condition is evaluated on every event of the rule's route. */
bool sigma_explain_always(const struct sigma_image *img, const struct sigma_rule *rule);
/* True when events of this log-source set are shown to the rule under the image's routing. */
bool sigma_explain_routed(const struct sigma_image *img, const struct sigma_rule *rule, uint32_t lsset);
/* The condition as an indented tree, one node a line. */
void sigma_explain_condition(const struct sigma_image *img, const struct sigma_rule *rule, struct buf *out);

#endif
