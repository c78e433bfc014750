/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_LEDGER_NOTICE_H
#define HINOMI_LEDGER_NOTICE_H

#include "ledger/doc.h"

/*
 * Calling people. Both desks write notices (objects of the desk) in the transaction of the change that causes them; the outbox delivers
 * them afterwards, at least once. What names a receiver is `user(NAME)`, `role(ROLE)`, `oncall(TEAM)` or `queue(TEAM)`.
 */
struct duty {
	/* Users on duty for a team now, in order; NULL when the configuration names none. Borrowed. */
	const struct str *(*on_duty)(void *arg, struct str team, size_t *ret_n);
	void *arg;
};

struct notice {
	struct str to;           /* user(…), role(…), oncall(…), queue(…), or a bare user name */
	const struct str *by;    /* channels: console mail chat phone */
	size_t n_by;
	const char *subject_ja, *subject_en;
	const char *body_ja, *body_en;
	enum noun about;
	struct str about_id;
	tstamp ack_due;          /* TS_NONE = no answer is waited for */
	bool drill;
};

/*
 * One notice object per person and channel. Whom nobody can be found for is written as a failed notice, so that it is seen. *ret_who
 * (may be NULL) gets the names appended (a JSON list).
 */
int notice_post(struct desk *k, const struct duty *duty, const struct notice *n, json_t *ret_who);
/* Names of users that have the role, in order of their making, into a JSON list. */
int people_with_role(struct desk *k, struct str role, json_t *list);
/* True for the words of a receiver; *ret_kind and *ret_name are its parts. */
bool receiver_parse(struct str to, struct str *ret_kind, struct str *ret_name);

#endif
