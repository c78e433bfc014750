/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_EVENT_READER_H
#define HINOMI_EVENT_READER_H

#include "event/decode.h"

#include <signal.h>

/*
 * Files, archives and streams to blocks, and blocks to events. Splitting is cheap and serial; decoding blocks is the work and runs on any
 * thread, so that scan and import use all cores and still write in input order. Memory is bounded by the blocks in flight, whatever the
 * input's size. Containers (.gz .zst .zip .tar and their mixes) are read through without unpacking to disk.
 */
struct reader;

struct reader_opts {
	enum event_format format; /* FORMAT_AUTO = by content, then by name */
	struct logsource ls;      /* forced */
	const struct vocab *vocab; /* whose log-source mapping may name a file's format; may be NULL */
	tstamp now;               /* time received: of what is no file and says nothing itself. A file's is when it was written last */
	const volatile sig_atomic_t *stop; /* set = read no more, end after what was read; may be NULL */
	size_t max_depth;         /* archives inside archives, default INPUT_DEPTH_MAX */
};

/* What one file (or archive member) was taken for; complete when its last block has been decoded. */
struct reader_file {
	struct str path;  /* as CONTRACT says for source.path */
	enum event_format format;
	uint64_t bytes, events, undecodable;
	struct str fault; /* why it could not be read, empty when it was; e.g. "record 12 at byte 4711: size past the chunk" for damage */
	bool failed;      /* nothing or not all of it could be read */
};

struct block; /* owned by the reader until decoded and freed */

/* path "-" = standard input. Adds one input; directories are walked in byte order. base is what source.path is shown relative to. */
int reader_open(const struct reader_opts *o, struct reader **ret);
int reader_add_path(struct reader *r, const char *path);
void reader_free(struct reader *r);

/* The next block in input order: 1, or 0 at the end of all input. A file that cannot be opened gives a block of no events whose file says why. */
int reader_next(struct reader *r, struct block **ret);
/* Bytes of the inputs as they lie on disk that were read so far, for progress. */
uint64_t reader_consumed(const struct reader *r);
void block_free(struct block *b);
const struct reader_file *block_file(const struct block *b);
bool block_is_last(const struct block *b); /* of its file */
size_t block_bytes(const struct block *b); /* input bytes it stands for, for progress */

/* What became of a block's records. */
struct block_counts {
	uint64_t events;                    /* every record seen */
	uint64_t bad;                       /* of them damaged or refused: syntax, too_long, too_deep, damaged */
	uint64_t fault[DECODE_FAULT_COUNT]; /* by what was wrong; those not bad are whole in `message` */
	uint64_t format[FORMAT_COUNT];      /* by what they were decoded as */
	uint64_t own_time;                  /* with a time of their own */
};

/*
 * Decodes the block's events in order and hands each to cb (event valid during the call only, memory in mem, which is reset between
 * events). event.record is the ordinal within the block (from 1) unless the format has its own; block_ordinals() of the blocks before
 * it in the same file are added by the caller. cb's non-zero answer stops.
 */
typedef int block_event_cb(void *arg, struct event *ev);
int block_decode(struct block *b, struct decoder *d, struct arena *mem, block_event_cb *cb, void *arg, struct block_counts *ret);
/* True when event.record is an ordinal that needs the count of the blocks before (false for EVTX). */
bool block_ordinals(const struct block *b);

#endif
