/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_REPORT_MODEL_PARTS_H
#define HINOMI_REPORT_MODEL_PARTS_H

#include "report/model.h"
#include "report/trace.h"

/* What the files of the model share. Lists are the caller's; a failed reading is remembered in err. */
struct model {
	struct desk *k;
	struct trace *t;
	const struct report_request *q;
	json_t *incident; /* the desk's document */
	json_t *alerts, *handoffs, *timeline, *tasks, *decisions, *evidence, *reports; /* the desk's documents */
	int err;
};

/* Members of the desk's document as they are; null when absent, so that templates can name them. */
void part_copy(json_t *to, const json_t *from, const char *const *names);
/* to[name] and to[name_label], the word of the group. */
void part_word(const struct model *m, json_t *to, const json_t *from, const char *name, const char *group);
/* A bilingual text in the report's language. */
void part_text(const struct model *m, json_t *to, const char *name, const json_t *value);

/* The alerts with the highest scores in full, and the rest in brief. */
json_t *model_alerts(struct model *m, json_t **ret_rest);
json_t *model_handoffs(struct model *m);
json_t *model_timeline(struct model *m, uint64_t since); /* since: size of the ledger at the report before, 0 = none */
json_t *model_tasks(struct model *m);
json_t *model_decisions(struct model *m);
json_t *model_evidence(struct model *m);
json_t *model_times(struct model *m);
json_t *model_findings(struct model *m);

#endif
