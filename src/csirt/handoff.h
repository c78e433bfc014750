/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_CSIRT_HANDOFF_H
#define HINOMI_CSIRT_HANDOFF_H

#include "ledger/notice.h"

/*
 * The bell between the watch and the brigade: the only header in which soc and csirt meet.
 *
 * The SOC sends a package: alert_ids, seen (what we saw), done (what we did), not_checked, asked, priority, priority_reason, evidence_ids.
 * All of seen, done, not_checked, asked and priority with its reason are required ("なし" / "none" is an answer, silence is not). The
 * CSIRT accepts (an incident is made, or the alerts join an open one) or returns it with a reason; the SOC completes it and sends it
 * again. States: sent -> accepted | returned; returned -> sent. In integrated mode sending accepts at once.
 *
 * Every function runs inside the desk's transaction, returns 0 or a negative errno, and puts what a person must mend into diag (code =
 * stable name, file = member of the package). *ret is the handoff's document, owned by the caller.
 */
enum handoff_mode { HANDOFF_SEPARATE, HANDOFF_INTEGRATED };

/* How this organisation does it. */
struct handoff_rules {
	enum handoff_mode mode;
	struct duty duty;
	int64_t (*accept_within)(void *arg, struct str priority); /* ns by the rule book; 0 = no limit. May be NULL */
	void *arg;
};

int handoff_send(struct desk *k, const struct actor *who, const struct handoff_rules *rules, const json_t *package, struct diag *d, json_t **ret);
int handoff_resend(struct desk *k, const struct actor *who, const struct handoff_rules *rules, struct str id, const json_t *package, struct diag *d, json_t **ret);
int handoff_return(struct desk *k, const struct actor *who, const struct handoff_rules *rules, struct str id, struct str reason, struct diag *d, json_t **ret);
/* incident_id empty = a new incident; else the alerts join that open one. */
int handoff_accept(struct desk *k, const struct actor *who, struct str id, struct str incident_id, struct diag *d, json_t **ret);
/*
 * The incident was closed: each of its alerts that is still `escalated`, has no hand-off waiting and no other incident open is closed with it, as true_positive with
 * the incident's number and cause for a reason; closed_incident_id says so. Or it was reopened: those alerts are `escalated` again. What a person closed himself stays.
 */
int handoff_follow_incident(struct desk *k, const struct actor *who, const json_t *incident);

#endif
