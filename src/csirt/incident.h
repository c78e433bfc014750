/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_CSIRT_INCIDENT_H
#define HINOMI_CSIRT_INCIDENT_H

#include "ledger/doc.h"

/*
 * The brigade's desk: incidents with phases (検知・初動 → 封じ込め → 根絶 → 復旧 → 再発防止), roles, a timeline as their spine, tasks, decisions.
 * Everything runs on the desk's thread inside its transaction; what a person must mend is in diag with the member as its file.
 */
enum incident_phase { PHASE_DETECTION, PHASE_CONTAINMENT, PHASE_ERADICATION, PHASE_RECOVERY, PHASE_RECURRENCE_PREVENTION, PHASE_COUNT };
const char *phase_name(enum incident_phase p);
const char *phase_label(enum incident_phase p, bool ja);

/* From accepted alerts: title, priority, assets and indicators come from them. alerts: their documents. */
int incident_open(struct desk *k, const struct actor *who, const json_t *handoff, const json_t *alerts, json_t **ret);
/* Further alerts join. */
int incident_add_alerts(struct desk *k, const struct actor *who, struct str id, const json_t *handoff, const json_t *alerts);
/*
 * Any of title phase priority severity tlp commander roles cause recurrence_prevention assets indicators summary findings next_update_at status. status "closed" needs a cause and at
 * least one recurrence-prevention action {action, owner, due}; status "open" reopens. Its alerts follow (handoff_follow_incident).
 */
int incident_change(struct desk *k, const struct actor *who, struct str id, uint64_t if_version, const json_t *patch, struct diag *d, json_t **ret);

/* An item of the timeline; text {ja,en} or a string. time TS_NONE = now. */
int timeline_add(struct desk *k, const struct actor *who, struct str incident_id, const char *kind, tstamp time, const json_t *text, const char *ref_noun, struct str ref_id, json_t **ret);
/* The same with text in both languages as printf-made strings. */
int timeline_say(struct desk *k, const struct actor *who, struct str incident_id, const char *kind, struct str ja, struct str en, const char *ref_noun, struct str ref_id);

/* {title, description, phase, owner, due_at, order}; the incident must be open. */
int task_add(struct desk *k, const struct actor *who, struct str incident_id, const json_t *task, struct diag *d, json_t **ret);
/* {status, owner, result, due_at}. Statuses: open in_progress done skipped; done and skipped need a result. */
int task_change(struct desk *k, const struct actor *who, struct str id, uint64_t if_version, const json_t *patch, struct diag *d, json_t **ret);

/* {title, options, decided, reason}: proposed until an approver approves or denies it. */
int decision_add(struct desk *k, const struct actor *who, struct str incident_id, const json_t *decision, struct diag *d, json_t **ret);
/* Nobody approves what he proposed himself. */
int decision_decide(struct desk *k, const struct actor *who, struct str id, bool approve, struct str reason, struct diag *d, json_t **ret);

/* 0 and its document when the incident is there and open; -ENOENT, -EBUSY. */
int incident_get_open(struct desk *k, struct str id, struct diag *d, json_t **ret);

#endif
