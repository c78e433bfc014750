/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_CMD_SCAN_H
#define HINOMI_CMD_SCAN_H

#include "cmd/ruleset.h"
#include "cmd/scan_stats.h"
#include "event/reader.h"

/*
 * Between scan.c (options, files, threads, order) and scan_out.c (what a detection looks like). Each worker reads a
 * block, decodes, matches and renders it; whoever is done with the first of those under way writes it and what is done behind it, in input order, adds the
 * ordinals of the blocks before, and feeds correlations.
 */
enum scan_format { SCAN_TABLE, SCAN_JSONL, SCAN_JSON, SCAN_CSV, SCAN_TIMESKETCH, SCAN_NONE };
enum scan_event { SCAN_EVENT_NONE, SCAN_EVENT_MATCHED, SCAN_EVENT_FULL };

struct scan_opts {
	enum scan_format format;
	enum scan_event event;
	tstamp from, to;
	bool correlate;
	const struct vocab *vocab;
};

/* A hit that a correlation counts: its event lives in the job's memory. */
struct kept_hit {
	const struct sigma_rule *rule;
	struct event ev;
};

struct table_row {
	uint32_t rule;
	struct str host;
	tstamp time;
};

/* One block on its way through; its memory goes on to a later block. */
struct job {
	struct block *block;
	uint64_t number; /* among all blocks */
	uint64_t consumed; /* bytes of the inputs that were read, it included */
	uint64_t base;   /* what its records' numbers are counted from; BASE_OPEN = known when the blocks before are done */
	struct buf out;
	VEC(struct patch {
		size_t at;       /* in out, where the record's number goes */
		uint64_t record; /* in the block */
	}) patches;
	VEC(struct kept_hit) kept;
	VEC(struct table_row) rows;
	struct arena mem;
	uint64_t matches;
	struct scan_tally tally;
	enum sigma_level worst;
	bool any, done;
};

#define BASE_OPEN UINT64_MAX

/* What each rule cost and found, and which were set aside. */
void scan_rules_json(const struct sigma_image *img, const struct sigma_rule_counts *count, struct buf *out);
void scan_rules_warn(const struct sigma_image *img, const struct sigma_rule_counts *count, struct buf *out);

/* A worker's texts of rules, log sources and what repeats from hit to hit, each made the first time that a hit shows it. */
struct scan_words {
	const struct scan_opts *opts;
	struct buf host, path;      /* the event's before … */
	struct buf place;           /* … and their members, up to the record's number */
	tstamp time;                /* of the event before */
	struct str head;            /* with its text: how each line begins */
	char head_room[TS_TEXT_MAX + 32];
	struct str *rule;           /* by index: id, title, level, tags as members */
	VEC(struct str) logsource;  /* by log-source set: as a member, and what stands behind it */
	VEC(const struct reason_words *) reason; /* by number */
	struct arena mem;
};
void scan_words_init(struct scan_words *w, const struct scan_opts *o, const struct sigma_image *img);
void scan_words_done(struct scan_words *w);

/* Renders one match into the job. */
void scan_render(struct job *j, struct scan_words *w, const struct sigma_hit *hit, const struct event *ev, struct arena *mem);
void scan_render_correlation(const struct scan_opts *o, const struct correlation_hit *hit, struct buf *out);
const char *scan_head(const struct scan_opts *o);

/* The terminal table, from all rows. */
struct scan_table;
struct scan_table *scan_table_new(const struct sigma_image *img);
void scan_table_add(struct scan_table *t, uint32_t rule, struct str host, tstamp time);
void scan_table_print(struct scan_table *t, struct buf *out);
void scan_table_free(struct scan_table *t);

#endif
