/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SOC_PARTS_H
#define HINOMI_SOC_PARTS_H

#include "soc/alert.h"

/* What the files of the watch's desk share. */
extern const struct actor SOC_SYSTEM;

/*
 * Entities of a detection into the alert's list [{kind,value}], at most ENTITIES_MAX; true when one was new. A user's name that only refused log-ins
 * brought, as far as they do not say that there is such a user, has guessed:true until another event names it; at most
 * GUESSES_MAX of these, so that they do not take the place of somebody who is there.
 */
#define ENTITIES_MAX 50
#define GUESSES_MAX 25
bool entities_add(json_t *list, const struct detection *det);
/* Index rows of the alert's entities from the given one on. Drills have an index of their own: what is practised weighs on nothing that is real. */
int entities_index(struct desk *k, const json_t *alert, size_t from);
/* "host", or "drill:host" for an alert that is a drill. */
struct str entity_kind(const json_t *alert, struct str kind, char room[64]);

enum {
#define TACTIC(name) +1
	TACTICS_N = 0
#include "soc/tactics.def"
#undef TACTIC
};
extern const struct str TACTICS[TACTICS_N];
/* Tactics of the rule's tags ("credential-access"), each once. */
void tactics_add(json_t *list, const struct sigma_rule *rule);
/* Sets score, score_terms, priority, asset_criticality of the document from its other members and the desk's other alerts. */
int score_alert(struct desk *k, const struct soc *s, json_t *alert);
/* The sentence that tells what was seen, in both languages. */
void explain_alert(json_t *alert);

/* Starts the ladder of the row that fits, unless a row at least as early in the book is being called already. Changes the document only. */
int calls_begin(struct desk *k, const struct soc *s, json_t *alert);
/* One ladder's climb for an alert that is due. */
int calls_climb(struct desk *k, const struct soc *s, json_t *alert);
/* Everybody who was called is answered: the alert was acknowledged by somebody. */
void calls_stop(json_t *alert, tstamp now);
/* The member `due` (ns) from calls and the hand-off's time; null when nothing is due. */
void calls_due(json_t *alert);

/* Writes the rows of the detection's events; *digest (64 hex digits) is carried on. Returns how many were new. */
int event_rows_add(struct desk *k, struct str alert_id, const struct detection *det, uint64_t *count, char digest[65]);

#endif
