/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_STORE_STORE_H
#define HINOMI_STORE_STORE_H

#include "base/diag.h"
#include "event/event.h"
#include "event/vocab.h"
#include "store/pred.h"

/*
 * The event store: append batches, run a filter over a time range, list fields, drop by age, hold. This interface is what the rest of
 * the house sees; the embedded segments are its first backend, ClickHouse its second.
 *
 * Events arrive in WAL order from one writer thread and are searchable at once (a hot block in memory, sealed into an immutable file
 * when large or old). Sealed files: <first position>.seg, listed in MANIFEST, which is swapped atomically.
 * What is not sealed when the process dies is read again from the WAL. Searches run on any thread against a snapshot.
 */
struct store;

struct store_opts {
	const char *dir;
	struct vocab *vocab;      /* may be NULL for a read-only store */
	uint64_t seal_bytes;      /* raw bytes of a hot block that is then sealed, default 32 MiB */
	int64_t seal_age_ns;      /* and its greatest age, default 60 s (received time) */
	bool read_only;           /* search and verify beside a running server: sees sealed files; the caller adds the WAL's tail by store_append */
};

int store_open(const struct store_opts *o, struct diag *d, struct store **ret);
void store_close(struct store *s);

/* Writer thread only. Copies what it keeps. positions must grow; events below store_position() are skipped (a replay after a crash). */
int store_append(struct store *s, const struct event *ev, uint64_t position);
/* Writer thread: seals the hot block if it is due (or in any case). now = received time of the newest event. Info of a new file goes to the callback, which makes it a leaf of the ledger before the manifest names it. */
struct store_file {
	struct str name; /* relative to the store's directory */
	uint64_t first, last, rows, raw_bytes, file_bytes;
	tstamp t_min, t_max;
	unsigned char sha256[32];
	unsigned char root[32]; /* RFC 6962 root over the rows' raw hashes */
};
typedef int store_sealed_cb(void *arg, const struct store_file *f);
int store_seal(struct store *s, tstamp now, bool force, store_sealed_cb *cb, void *arg);
/* One past the last sealed position: the WAL below it may go once detection has passed it too. */
uint64_t store_sealed(const struct store *s);
uint64_t store_position(const struct store *s); /* one past the last appended */

/* A search. Rows come newest first (by time, then id) unless oldest_first; without a limit they come as they lie (for counting). cb's non-zero answer ends the search and is returned. */
struct store_query {
	const struct pred *where;  /* NULL = everything */
	tstamp from, to;           /* [from, to) of the event's time; TS_NONE = open */
	bool oldest_first;
	uint64_t limit;            /* at most 10,000; 0 = all, in no order */
	struct id after;           /* resume: rows strictly behind this (time, id) in the order asked; zero = from the start */
	tstamp after_time;
	int64_t budget_ns;         /* stop after this much wall time with partial set; 0 = none */
	const _Atomic bool *cancel; /* may be NULL */
};
struct store_progress {
	uint64_t files, files_skipped, blocks, blocks_skipped, rows, rows_matched, bytes;
	bool partial;
};
/* The row: struct event with ready values (VAL_NULL, VAL_STR, VAL_NUM, VAL_BOOL, VAL_JSON), fields incl. aliases, raw, id, times, source, host, site, lsset of the store's vocabulary. Valid during the call. */
typedef int store_row_cb(void *arg, const struct event *row);
int store_search(struct store *s, const struct store_query *q, store_row_cb *cb, void *arg, struct store_progress *ret);
/* One event by id; *ret lives in mem. -ENOENT. */
int store_get(struct store *s, struct id id, struct arena *mem, struct event *ret);

typedef int store_field_cb(void *arg, struct str name, uint64_t rows);
int store_fields(struct store *s, tstamp from, tstamp to, store_field_cb *cb, void *arg);

/* Retention: removes whole files whose newest event is older than t and that no hold touches; cb per file (a ledger entry) before it goes. */
int store_drop_before(struct store *s, tstamp t, store_sealed_cb *cb, void *arg);
/* Holds are kept by the desk; the store is told the time ranges that must stay. Replaces the former list. */
struct store_hold {
	tstamp from, to;
};
int store_set_holds(struct store *s, const struct store_hold *h, size_t n);

/* Every sealed file in order, as the manifest names it. */
int store_files(struct store *s, store_sealed_cb *cb, void *arg);
/* Re-hashes and re-reads all files against the manifest. Findings name file, block and offset. */
int store_verify(const char *dir, struct diag *d, store_sealed_cb *cb, void *arg);

#endif
