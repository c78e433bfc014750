/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_QUERY_PARTS_H
#define HINOMI_QUERY_PARTS_H

#include "base/map.h"
#include "base/vec.h"
#include "query/query.h"

/* Between parse.c (text to AST), pipe.c (stages) and run.c (rows through them). */

enum pipe_kind { PIPE_STATS, PIPE_TOP, PIPE_RARE, PIPE_HEAD, PIPE_TAIL, PIPE_FIELDS, PIPE_WHERE, PIPE_SORT, PIPE_DEDUP, PIPE_RENAME };
enum stat_kind { STAT_COUNT, STAT_DC, STAT_SUM, STAT_AVG, STAT_MIN, STAT_MAX, STAT_P50, STAT_P90, STAT_P95, STAT_P99, STAT_VALUES, STAT_FIRST, STAT_LAST, STAT_STDEV };

struct stat {
	enum stat_kind kind;
	struct str field, as; /* as = the column's name */
};

struct pipe {
	enum pipe_kind kind;
	struct pipe *next;
	uint64_t n;            /* head, tail, top, rare */
	struct str *name;      /* fields, by, sort, dedup, rename (pairs) */
	bool *descending;      /* sort */
	size_t n_name;
	struct stat *stat;
	size_t n_stat;
	struct pred *where;
};

struct query {
	struct arena mem;
	struct pred *where;
	struct pipe *pipe;
	tstamp from, to; /* of _time: in the text */
};

struct parser {
	struct query *q;
	struct str text, rest;
	tstamp now;
	int offset_s;
	const struct str *known;
	size_t n_known;
	struct diag *d;
	bool bad;
	int depth;
};

/* filter.c: up to '|' or the end. */
struct pred *parse_filter(struct parser *p);
int parse_complain(struct parser *p, struct str at, const char *code, const char *text);
void parse_blanks(struct parser *p);
/* A name or bare word; empty when there is none. */
struct str parse_name(struct parser *p);
bool parse_char(struct parser *p, char c);

/* pipe.c */
struct pipe *parse_pipes(struct parser *p);

#endif
