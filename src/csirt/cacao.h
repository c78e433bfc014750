/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_CSIRT_CACAO_H
#define HINOMI_CSIRT_CACAO_H

#include "ledger/doc.h"

/*
 * CACAO Security Playbooks 2.0 (OASIS committee specification 01): whether a playbook is one, and in which order its steps come. What the steps
 * mean to people is playbook.h's. Pure; cost linear in the steps.
 */
#define CACAO_STEPS_MAX 500

/* Findings for every rule of the specification that the work of people rests on; text is what p was read from, for the places. -EINVAL on any. */
int cacao_check(const json_t *p, struct str text, struct diag *d);

/*
 * The steps that workflow_start leads to, each before all that follow it: branches in the order written, what joins them afterwards. ret_id gets
 * at most CACAO_STEPS_MAX borrowed ids; answers how many. Loops are entered once.
 */
size_t cacao_order(const json_t *p, const char *ret_id[CACAO_STEPS_MAX]);

/* Line and column of the first member of that name; {0} when there is none. */
struct diag_at cacao_place(struct str text, struct str name);

#endif
