/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_CSIRT_PLAYBOOK_H
#define HINOMI_CSIRT_PLAYBOOK_H

#include "ledger/doc.h"

/*
 * CACAO Security Playbooks 2.0 as work for people: the action steps of a playbook, in the order in which its workflow reaches them, become tasks
 * of an incident. Japanese texts, phases, owners' roles and time limits come from members of the steps' extensions (docs/formats/playbooks.md).
 */

/* *.json of the directory as [{id,name:{ja,en},description:{ja,en},types,steps:[{step_id,title,description,phase,owner_role,due_within}]}], the caller's. Bad ones are findings. */
int playbooks_load(const char *dir, struct diag *d, json_t **ret);
/* One text; file is its name in findings. */
int playbook_parse(struct str text, struct str file, struct diag *d, json_t **ret);
/* Its steps as tasks of the incident, behind those that are there. Answers {incident_id, playbook_id, tasks:[…]}. Once per incident: -EEXIST. */
int playbook_lay_out(struct desk *k, const struct actor *who, const json_t *playbook, struct str incident_id, struct diag *d, json_t **ret);

#endif
