/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_HOUSE_PARTS_H
#define HINOMI_HOUSE_PARTS_H

#include "base/map.h"
#include "event/decode.h"
#include "house/house.h"
#include "sigma/correlate.h"
#include "sys/queue.h"

#include <pthread.h>

/* The house's own view of its parts; only src/house includes this. Each member says which thread owns it. */

#define REASONS_MAX 16

struct source_stat {
	char *name;
	uint64_t received, stored, refused, bytes;
	tstamp last_received;
	struct {
		const char *reason;
		uint64_t n;
	} reason[REASONS_MAX];
};

struct desk_job {
	house_desk_fn *fn;
	void *arg;
	int result;
	bool finished;
};

/* The engine's thread owns all of it; the counters are read by others. */
struct engine {
	struct wal_cursor *cursor;
	struct decoder *decoder;
	struct sigma_matcher *matcher;   /* NULL when there is no rule */
	struct correlator *correlator;
	struct arena mem;        /* of one event */
	struct arena batch;      /* of the detections that wait to be handed over */
	VEC(struct detection) found;
	uint64_t next;           /* position to be read next */
	uint64_t detected;       /* committed: detections of everything below are with the desk */
	uint64_t saved;          /* the correlator's snapshot in the database was taken at this position */
	tstamp saved_at, retained_at;
	bool handed;             /* `found` belongs to a hand-over that failed and is tried again */
	_Atomic uint64_t events, matches, undecodable, damaged;
};

struct house {
	char *dir;
	const struct config *config;
	struct clock *clock;
	int lock_fd;
	struct diag findings;

	struct vocab *vocab;
	struct sigma_image *image;
	struct rulebook *rulebook;
	struct rulebook_words words;
	bool book_is_old; /* the configured rule book was refused: the last good one is in use */
	json_t *playbooks;
	struct soc soc;
	struct handoff_rules handoff;
	struct wal *wal;     /* intake */
	struct store *store; /* engine writes, all read */
	struct desk *desk;   /* desk */
	struct engine engine; /* engine */

	struct queue *intake_q; /* struct intake_batch */
	struct queue *desk_q;   /* struct desk_job */
	pthread_mutex_t job_lock;
	pthread_cond_t job_done;
	struct outbox *outbox;  /* outbox; NULL = nothing is delivered */
	pthread_mutex_t outbox_lock;
	pthread_cond_t outbox_wake;
	bool outbox_called;     /* a notice was written since the last turn */
	_Atomic bool outbox_stopping;
	pthread_t intake_t, engine_t, desk_t, outbox_t;
	bool threaded, abandoned;
	_Atomic bool stopping, engine_stopping;

	pthread_mutex_t count_lock;
	struct map source_index;
	VEC(struct source_stat) sources;

	pthread_mutex_t reader_lock;
	VEC(struct desk *) readers;

	desk_listener *listener;
	void *listener_arg;
	tstamp published_at;
	uint64_t published_commits; /* desk_commits at the last checkpoint; UINT64_MAX = none since the opening */
	_Atomic uint64_t desk_commits, desk_refusals;
};

/* Each runs one turn and returns how much it did (0 = nothing left), or a negative errno. */
int intake_turn(struct house *h, int wait_ms);
int engine_turn(struct house *h);
int desk_turn(struct house *h, int wait_ms);
int deliver_turn(struct house *h);

void outbox_open(struct house *h, const struct house_opts *o);
void outbox_close(struct house *h);
/* The desk committed a notice. */
void outbox_call(struct house *h);
void *outbox_thread(void *house);
/* The thread ends soon: what it was delivering is given up and stays queued. */
void outbox_end(struct house *h);

int engine_open(struct house *h, struct diag *d);
/* Saves the correlator and lets go. */
void engine_close(struct house *h);
int content_load(struct house *h);
/* After the desk: the rule book, or the last good one. */
int book_open(struct house *h, struct diag *d);

#endif
