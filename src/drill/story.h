/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_DRILL_STORY_H
#define HINOMI_DRILL_STORY_H

#include "base/diag.h"
#include "event/decode.h"

/*
 * A story is a directory of *.log files: lines of logs with times relative to one moment (docs/formats/story.md). It is loaded once and told
 * with any moment as its anchor: the same anchor gives the same bytes, whatever was told before. Immutable after loading; any thread.
 */
struct story;

/* Every fault of the files is a finding with its place; -EINVAL when there was one. offset_s: the zone in which log lines write local times. */
int story_load(const char *dir, int offset_s, struct diag *d, struct story **ret);
void story_free(struct story *s);

/* Lines in the order of their times. */
size_t story_lines(const struct story *s);
/* Nanoseconds from the anchor (negative = before). */
int64_t story_at(const struct story *s, size_t line);
/* Number of the first line at or after that time; story_lines when there is none. O(log lines). */
size_t story_find(const struct story *s, int64_t at);
/* The line as a record of the site, its bytes in mem; received is its own time. */
void story_record(const struct story *s, size_t line, tstamp anchor, struct str site, struct arena *mem, struct record *ret);

/* "-01:35:00", "+00:00:20.5": what stands before a line. */
bool story_time(struct str s, int64_t *ret_ns);

#endif
