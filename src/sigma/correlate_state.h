/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_CORRELATE_STATE_H
#define HINOMI_SIGMA_CORRELATE_STATE_H

#include "sigma/correlate.h"
#include "sigma/correlate_parts.h"

/*
 * What a correlator remembers: groups by (correlation rule, group-by values), each with the members of its window in order of time. Made small, because
 * there may be a million groups of one member: about 190 bytes each, and 60 more when values are counted. Only src/sigma includes this.
 */

/* Text that several members point to. */
struct shared {
	uint64_t hash;
	uint32_t refs, n;
	char text[];
};

/* The events behind a member that is a correlation itself; their sources are its own. */
struct trail {
	size_t n, bytes;
	struct correlation_member at[];
};
struct trail *trail_new(const struct correlation_member *from, size_t n);
void trail_free(struct trail *t);

struct member {
	tstamp time;
	struct id event_id;
	union {
		uint64_t record;     /* of an event */
		struct trail *trail; /* of a correlation */
	};
	struct shared *source;
	struct shared *value; /* condition.field's values, joined by \x1f; NULL = none is asked for */
	uint32_t rule;        /* position in the correlation's member list */
};

/* A value that the window holds, and how often. */
struct counted {
	struct shared *value; /* NULL = free */
	uint32_t count;
};

struct group {
	uint64_t hash;
	struct group *newer, *older; /* by last use, for eviction */
	struct member *at;           /* members at[first] to at[first + n - 1] */
	uint32_t first, n, cap;
	struct counted *value;       /* of value_count: open addressing */
	uint32_t n_value, cap_value;
	uint32_t *seen;              /* of the temporal kinds: members by position in the rule's list */
	uint32_t rule, n_key;
	size_t bytes;                /* counted by what it holds, so that it is the same after a restart */
	char key[];                  /* per group-by value: 1 or 0 for absent, length, bytes */
};

struct groups {
	const struct sigma_image *img;
	struct group **slot;
	size_t n, cap;
	struct group *newest, *oldest;
	size_t bytes;
	struct shared *source;       /* the last one: most events come in runs of one source */
};

struct shared *shared_new(struct str s);
struct shared *shared_ref(struct shared *s);
void shared_unref(struct shared *s);
static inline struct str shared_str(const struct shared *s)
{
	return s ? str_n(s->text, s->n) : STR_NONE;
}

void groups_done(struct groups *gs);
/* The group of these values, made when new; it is then the newest. Absent values have p NULL. mem is scratch. */
struct group *groups_get(struct groups *gs, uint32_t rule, const struct str *value, size_t n, struct arena *mem);
void group_free(struct groups *gs, struct group *g);
/* The group-by values that it was made for; they borrow its memory. */
void group_values_of(const struct group *g, struct str *ret, size_t n);

/* NULL for an event. */
struct trail *member_trail(const struct groups *gs, const struct group *g, const struct member *m);
/* Puts a member at its place in time. value and the member's trail are taken over; source is copied or shared. */
void group_insert(struct groups *gs, struct group *g, const struct member *m, struct str source, struct shared *value);
/* Drops the members before `edge`. */
void group_expire(struct groups *gs, struct group *g, tstamp edge);

static inline struct member *group_member(const struct group *g, size_t i)
{
	return &g->at[g->first + i];
}

#endif
