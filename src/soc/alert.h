/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SOC_ALERT_H
#define HINOMI_SOC_ALERT_H

#include "event/vocab.h"
#include "ledger/notice.h"
#include "sigma/sigma.h"
#include "soc/rulebook.h"

/*
 * The watch's desk: detections fold into alerts by a visible key, alerts are scored with every term shown, people are called by the rule
 * book, statuses and verdicts are kept. Everything here runs on the desk's thread inside its transaction.
 *
 * Fold key: the rule and the detection's host and user, or for a correlation its group. A detection joins the open alert of its key when
 * the alert's newest detection is no older than the book's `fold` time; otherwise it begins a new alert. Every event of every detection
 * becomes a row of the alert (once), chained by SHA-256 so that `verify` can hold the rows against the ledger.
 */
struct soc {
	const struct rulebook *book;
	struct duty duty;
	int offset_s;
	/* "host" or "user" and its name; NULL = nothing is critical. */
	bool (*is_critical)(void *arg, struct str kind, struct str name);
	void *arg;
	struct str drill_site; /* what comes from this site is a drill (訓練) */
};

/* One event of a detection. */
struct detected_event {
	struct id id;
	tstamp time;
	struct str host, source, rule_id, rule_title, raw;
	json_t *matched; /* [{selection,field,value}] or NULL */
	json_t *fields;  /* flat object, NULL when the event itself was not at hand */
};

struct detection {
	const struct sigma_rule *rule;
	tstamp time, first, last;
	struct str site, host, source;
	struct logsource ls;
	const struct str *group_field, *group_value; /* of a correlation */
	size_t n_group;
	struct detected_event *event;
	size_t n_event;
};

/*
 * Folds the detections, in order, into alerts. The same detections given twice change nothing the second time (rows are unique by event),
 * but the caller commits its position in the same transaction anyway.
 */
int soc_ingest(struct desk *k, const struct soc *s, const struct detection *det, size_t n);
/* Runs what is due: calls that nobody acknowledged climb, hand-offs that are late are told. Returns how many things happened, or a negative errno. */
int soc_tick(struct desk *k, const struct soc *s);
/* Time of the next due thing, TS_NONE when there is none. */
tstamp soc_next_due(struct desk *k);

/*
 * A person's change: any of status, verdict, reason, assignee. Statuses: new -> acknowledged -> investigating -> closed | escalated; closing
 * needs verdict and reason; `escalated` comes from a hand-off alone and stays until the CSIRT has answered; a closed or escalated alert can be reopened.
 * if_version as desk_change. -EBUSY = the status does not allow it, -EINVAL = something in diag to mend.
 */
int alert_change(struct desk *k, const struct actor *who, struct str id, uint64_t if_version, const json_t *patch, struct diag *d, json_t **ret);
/* The alert's events, oldest first, from the ordinal `from` (0 …); [{event_id,time,…}], the caller's. */
int alert_events(struct desk *k, struct str id, uint64_t from, uint64_t limit, json_t **ret);
/* Every alert's rows against the digest in its document. */
int soc_verify(struct desk *k, struct diag *d);

/* Figures from the alerts of a period [from, to): created, closed, escalated, mttd, mtta …; drills never count. The caller's. */
int soc_metrics(struct desk *k, tstamp from, tstamp to, json_t **ret);

extern const char *const ALERT_VERDICTS[];
extern const size_t ALERT_VERDICTS_N;
const char *level_name(enum sigma_level level);

#endif
