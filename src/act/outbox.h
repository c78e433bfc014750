/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_ACT_OUTBOX_H
#define HINOMI_ACT_OUTBOX_H

#include "ledger/notice.h"

/*
 * The outbox: delivers the notices that the desks wrote (ledger/notice.h), after their commit, at least once. A notice is queued → sent |
 * failed | blocked; each step is a change of the desk with its ledger entry. Delivery comes first and the entry behind it, so a crash between
 * the two repeats the delivery: every message carries the notice's id (Message-ID, Idempotency-Key), by which receivers drop doubles.
 *
 * What may succeed later is tried again after 15 s, 30 s, 1 min … at most an hour apart, TRIES_MAX times in all; what cannot is failed at
 * once with the reason. Notices of a drill never leave the house. An outbox belongs to one thread.
 */
#define OUTBOX_TRIES_MAX 12

struct message {
	struct str id;          /* the notice's: the same for every try */
	struct str channel;     /* mail chat phone */
	struct str who, address; /* address: of a mail, else empty */
	struct str subject, body;
	tstamp time;            /* when the notice was made */
	const _Atomic bool *stop; /* becomes true when the house stops: give up then, nothing is counted */
};

/* later: this message; down: nothing gets through this channel now */
enum delivery { DELIVERY_SENT, DELIVERY_LATER, DELIVERY_DOWN, DELIVERY_REFUSED, DELIVERY_STOPPED };

/* Carries one message out of the house; may wait, some tens of seconds at most. ret_error: one line for people, unless sent. */
typedef enum delivery outbox_deliver(void *arg, const struct message *m, struct buf *ret_error);
/* Runs fn in the desk's transaction and answers its result or the commit's error. */
typedef int outbox_desk_fn(struct desk *k, void *arg);
typedef int outbox_commit(void *arg, outbox_desk_fn *fn, void *fn_arg);

struct outbox_opts {
	struct str mail_domain; /* behind user names that are no addresses; empty = those have none */
	outbox_deliver *deliver;
	void *deliver_arg;
	outbox_commit *commit;
	void *commit_arg;
	const struct clock *clock;
};

struct outbox;

/* The strings of o are borrowed for the outbox's life. */
struct outbox *outbox_new(const struct outbox_opts *o);
void outbox_free(struct outbox *b);

/*
 * Delivers what is due, as `reader` sees it, and records each outcome. Returns how many notices changed, or a negative errno. A channel that is
 * down is left alone for 15 s and then tried with one message, so that a dead mail server neither holds up the phone nor uses up the tries
 * of all that wait for it.
 */
int outbox_turn(struct outbox *b, struct desk *reader);
/* When the next try is due; TS_NONE when nothing waits. As of the last turn. */
tstamp outbox_next(const struct outbox *b);
/* outbox_turn gives up soon. Any thread. */
void outbox_stop(struct outbox *b);

/* Since the outbox was made; any thread. waiting as of the last turn. */
struct outbox_stats {
	uint64_t sent, failed, blocked, retried, waiting;
};
void outbox_stats(const struct outbox *b, struct outbox_stats *ret);

#endif
