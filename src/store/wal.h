/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_STORE_WAL_H
#define HINOMI_STORE_WAL_H

#include "base/diag.h"
#include "event/decode.h"

/*
 * The write-ahead log: every record that was acknowledged is here first. Files wal/<first position, 20 digits>.wal hold frames
 *   { u32 length, u32 flags, u64 first position, u64 XXH3 of all that follows and the two before, payload (zstd-1 of the records) }
 * A position is the number of a record since the installation began (0, 1, 2, …); it never repeats and makes the event's id:
 * id_make(received, ID_EVENT, position). A torn last frame is cut off when the log is opened; a damaged frame in the middle is
 * reported with file and offset, and reading goes on behind it.
 *
 * One writer thread; any number of readers (each with its own cursor) in the same or another process.
 */
struct wal;
struct wal_cursor;

struct wal_opts {
	const char *dir;
	uint64_t file_bytes; /* start a new file beyond this, default 64 MiB */
	bool read_only;
};

int wal_open(const struct wal_opts *o, struct diag *d, struct wal **ret);
void wal_close(struct wal *w);

/*
 * Writes the records as one frame (not yet durable) and gives the first one's position. rec[i].id is ignored. -ENOSPC and other I/O errors
 * leave the log as it was (a partial frame is cut off again), so that the caller can refuse the batch and go on.
 */
int wal_append(struct wal *w, const struct record *rec, size_t n, uint64_t *ret_first);
/*
 * Makes everything appended so far durable (fdatasync; directory too after a new file). After an error nothing since the last success is acknowledged,
 * and none of it is in the log any more: its positions are given again.
 */
int wal_sync(struct wal *w);
/* The log lost its end (somebody removed files): positions below `position` were given already and go on from there. 1 when it had to, else 0. */
int wal_skip_to(struct wal *w, uint64_t position);
uint64_t wal_next(const struct wal *w);    /* position the next record gets */
uint64_t wal_durable(const struct wal *w); /* everything below is durable; readers stop here. Thread-safe */

/* Reads records from a position on. The record's strings are valid until the next call; rec->id is set. 1, 0 = nothing durable yet, -EBADMSG = a damaged frame was skipped (call again). */
int wal_cursor_open(const struct wal *w, uint64_t from, struct wal_cursor **ret);
int wal_cursor_next(struct wal_cursor *c, struct record *ret, uint64_t *ret_position);
void wal_cursor_close(struct wal_cursor *c);

/* Removes files that hold only positions below `below` (sealed in the store). Returns how many. */
int wal_drop(struct wal *w, uint64_t below);

/* Checks every frame of every file without opening for write. Findings name file and offset. *ret (may be NULL): what the log holds. */
struct wal_range {
	uint64_t first, next; /* next == first: nothing */
	uint64_t last_file;   /* the first position of the last file */
	size_t files;
};
int wal_verify(const char *dir, struct diag *d, struct wal_range *ret);

#endif
