/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_HOUSE_HOUSE_H
#define HINOMI_HOUSE_HOUSE_H

#include "act/outbox.h"
#include "csirt/handoff.h"
#include "house/config.h"
#include "ledger/desk.h"
#include "sigma/sigma.h"
#include "store/store.h"
#include "soc/alert.h"
#include "store/wal.h"

/*
 * Everything behind the sockets as one object: write-ahead log, event store, engine, desk, ledger, outbox. One data directory, one house.
 *
 *   intake  takes batches, writes them to the WAL, syncs once for all that waited, then answers      (thread "intake")
 *   engine  reads the durable WAL, decodes, stores, matches, correlates, hands detections to the desk (thread "engine")
 *   desk    runs every change of the desk, many in one commit, the timers, and publishes the ledger    (thread "desk")
 *   outbox  delivers the notices that the desk committed                                               (thread "outbox")
 *
 * The server runs them as threads (house_start); scenario tests call the step functions by turns under a virtual clock and get the
 * same bytes. The rules of the road in ARCHITECTURE.md are kept here.
 */
struct house;

struct house_opts {
	const char *dir;            /* data directory, made when missing */
	const struct config *config; /* borrowed for the house's life */
	struct clock *clock;
	outbox_deliver *deliver;    /* NULL = notices stay queued (offline commands) */
	void *deliver_arg;
	struct rulebook_words words; /* the roles that a rule book may call; none = not checked. Borrowed for ever */
};

/* Where the rule book in use stands: 1, or 0 when no book is set and none was shipped. */
int book_path(const struct config *c, char *out, size_t size);
/* The roles, and the teams of `duty`; these are the configuration's or in mem. */
struct rulebook_words book_words(struct rulebook_words roles, const struct config *c, struct arena *mem);

/*
 * Takes the directory's lock (-EBUSY when another process has it), opens all parts, brings the engine to where it was. A rule book that is refused is a finding
 * (house_findings), and the last good one, which the database keeps, goes on; when there is none its faults are in d and the house does not open.
 */
int house_open(const struct house_opts *o, struct diag *d, struct house **ret);
/* Drains what was accepted, seals nothing by force, publishes the ledger. */
void house_close(struct house *h);
/* Lets go of everything without writing anything more, as if the process had died here. For scenario tests. */
void house_abandon(struct house *h);

int house_start(struct house *h); /* the threads */
void house_stop(struct house *h); /* and joins them: accepted batches are written and answered first */
/* One turn of everything on the caller's thread until nothing is left to do. For scenario tests and offline commands; never beside house_start. */
int house_turn(struct house *h);

/* A batch of records on the way in. Strings live in mem. done (may be NULL) is called once from the intake's thread: err 0 = durable. */
struct intake_batch {
	struct arena mem;
	VEC(struct record) rec;
	size_t bytes;
	void (*done)(void *arg, struct intake_batch *b, int err); /* owns b again */
	void *arg;
};
struct intake_batch *intake_batch_new(size_t max_bytes);
void intake_batch_free(struct intake_batch *b);
/* Takes b on 0; -EAGAIN = the bound is reached (counted as refused by the caller with house_count), b stays the caller's. Any thread. */
int house_submit(struct house *h, struct intake_batch *b);
/* The same, waiting until the batch is durable: 0 or why it is not. b stays the caller's in any case. */
int house_intake(struct house *h, struct intake_batch *b);

/* received = stored + refused, per source; reason is a static name. Any thread. */
enum count_kind { COUNT_RECEIVED, COUNT_STORED, COUNT_REFUSED };
void house_count(struct house *h, struct str source, enum count_kind kind, const char *reason, uint64_t n, uint64_t bytes);
/* [{source,received,stored,refused,reasons:{…},bytes,last_received_at}], the caller's. */
json_t *house_sources(struct house *h);

/*
 * Runs fn in the desk's transaction and waits for the commit: answers fn's result, or the commit's error. fn's changes are undone alone when
 * it fails. Any thread but the desk's.
 */
typedef int house_desk_fn(struct desk *k, void *arg);
int house_desk(struct house *h, house_desk_fn *fn, void *arg);
/* A read-only desk handle for the calling thread; give it back with house_reader_put. */
struct desk *house_reader_get(struct house *h);
void house_reader_put(struct house *h, struct desk *k);
/* Heard after each commit, on the desk's thread. One listener. */
void house_listen(struct house *h, desk_listener *fn, void *arg);

/* Parts, for readers. */
struct store *house_store(struct house *h);
struct vocab *house_vocab(struct house *h);
struct sigma_image *house_image(struct house *h); /* a reference: the caller unrefs */
const struct config *house_config(const struct house *h);
const struct clock *house_clock(const struct house *h);
const char *house_dir(const struct house *h);
const struct rulebook *house_rulebook(const struct house *h);
const struct handoff_rules *house_handoff_rules(const struct house *h);
const json_t *house_playbooks(const struct house *h); /* immutable */
/* Rows of the shipped or configured content: "templates", "playbooks", … below the content directory; false when there is none. */
bool house_content_path(const struct config *c, const char *name, char *out, size_t size);
/* Prometheus text. */
void house_metrics(struct house *h, struct buf *out);
/* Findings of the last loading of rules, rule book and lists; valid until the house is closed. */
const struct diag *house_findings(const struct house *h);

#endif
