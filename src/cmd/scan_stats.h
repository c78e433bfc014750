/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_CMD_SCAN_STATS_H
#define HINOMI_CMD_SCAN_STATS_H

#include "event/reader.h"

/*
 * What a scan took its input for: events by log source and by format, files by format, what could not be decoded and why, whose time is their own. Each
 * block is counted by the worker that decodes it and added up by one thread.
 */
struct scan_tally {
	struct block_counts n;
	VEC(uint64_t) by_source; /* by log-source set */
};

/* One event's log source; cheap. */
void scan_tally_source(struct scan_tally *t, uint32_t lsset);
void scan_tally_add(struct scan_tally *to, const struct scan_tally *from);
void scan_tally_done(struct scan_tally *t);

struct scan_stats {
	struct scan_tally all, file;         /* file: the one being read */
	uint64_t file_format[FORMAT_COUNT];  /* files by the format of most of their events */
};

/* Ends a file. */
void scan_stats_file(struct scan_stats *s);
/* ,"sources":{…},"formats":{…},"file_formats":{…},"kept":{…},"own_time":N */
void scan_stats_json(const struct scan_stats *s, const struct vocab *v, struct buf *out);
/* The same for people: a few lines. */
void scan_stats_text(const struct scan_stats *s, const struct vocab *v, struct buf *out);

#endif
