/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_EVENT_READER_PARTS_H
#define HINOMI_EVENT_READER_PARTS_H

#include "event/reader.h"

#include <pthread.h>
#include <stdatomic.h>

/* Between reader.c (bytes to blocks), framing.c (where records begin and end) and block.c (blocks to events). */

/*
 * A block is cut when this much is pending. The reader always fills up to a multiple of it before it cuts, so that the cuts depend on the bytes
 * alone and not on how they arrived; only a stream that pauses is cut at the last whole record it gave, which changes no event.
 */
#define BLOCK_WANT (1u << 20)
/* Without an end of a record in this much, the record is too long: it is refused and its rest skipped. */
#define BLOCK_PENDING_MAX (RECORD_MAX + BLOCK_WANT)
#define CONTEXT_MAX (64u << 10)

enum framing_kind {
	FRAME_LINES,
	FRAME_DIRECTIVES, /* lines; those that begin with # are the header of the ones behind (Zeek, W3C) */
	FRAME_CSV,        /* records of RFC 4180; the first is the header */
	FRAME_JSON_VALUES,
	FRAME_AUDIT,      /* lines of one serial */
	FRAME_XML,        /* <Event>…</Event> */
	FRAME_JOURNAL,    /* entries of the journal's export format */
	FRAME_EVTX,
};

struct framing {
	bool decided;
	enum framing_kind kind;
	enum event_format format; /* of all records, FORMAT_AUTO = each line for itself */
};

struct block_file {
	_Atomic int refs;
	struct reader_file pub;
	struct reader_opts opts;
	pthread_mutex_t lock; /* of the fault: blocks are decoded on several threads */
	char *fault;
	uint64_t fault_at;
};

struct block {
	struct block_file *file;
	struct str bytes;   /* owned */
	struct str context; /* header lines in force at its first byte; owned */
	uint64_t offset;
	struct framing framing;
	bool last;
	bool too_long;      /* one record that is refused; bytes hold its beginning */
};

/*
 * Of several faults the one that comes first in the file is named, whichever thread finds its own first; that the file could not be read on
 * outranks what is wrong with its records. Any thread.
 */
void block_file_fault(struct block_file *f, const char *why, uint64_t at, bool failed);

/* Whether a stream's first bytes say enough to decide while the rest is still to come. */
bool framing_is_clear(struct str head);
/* Looks at the file's first bytes and its name. */
void framing_decide(struct framing *f, struct str head, struct str path);
/* How many of the pending bytes make whole records; 0 = more is needed. At the end of the file all of them. */
size_t framing_cut(const struct framing *f, struct str pending, struct str context, bool eof);
/* Takes the next record from the front (blank ones are skipped); false at the end. context is renewed by header lines, which are no records. */
bool framing_next(const struct framing *f, struct str *rest, struct buf *context, bool first, struct str *ret);
/* Renews the context with the header lines in bytes that were cut. first = they begin the file. */
void framing_pass(const struct framing *f, struct str bytes, bool first, struct buf *context);
/* Where a record that is too long may end: behind the next line end. STR_NPOS = not in here. */
size_t framing_resume(struct str pending);

/* The serial of an audit line, p == NULL when it has none. */
struct str framing_audit_serial(struct str line);
/* The separator that a header line of comma-separated values uses: , ; tab | */
char csv_separator(struct str header);
/* Takes one cell; its quotes are left in. False at the end of the record. */
bool csv_cell(struct str *rest, char sep, struct str *ret, bool *ret_quoted);

#endif
