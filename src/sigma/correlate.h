/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_CORRELATE_H
#define HINOMI_SIGMA_CORRELATE_H

#include "sigma/sigma.h"

/*
 * Sigma correlation rules (specification "Sigma Correlation Rules" 2.1): bounded state keyed by group, driven by event time, so that the
 * same events give the same results live, replayed, or after snapshot and restore. One thread owns a correlator and feeds it hits in
 * input order (docs/formats/sigma.md says how windows, late events and refiring are decided).
 */
struct correlator;

struct correlation_member {
	struct id event_id;
	struct str source; /* path or source name */
	uint64_t record;
	tstamp time;
	const struct sigma_rule *rule;
};

struct correlation_hit {
	const struct sigma_rule *rule;
	const char *type; /* "event_count", … */
	tstamp time, first, last;
	const struct str *group_field, *group_value; /* n_group pairs */
	size_t n_group;
	double value;
	const struct correlation_member *member; /* its events, newest SIGMA_MEMBERS_MAX; a correlation below stands for its own */
	size_t n_member;
};
#define SIGMA_MEMBERS_MAX 1000

struct correlator_stats {
	uint64_t fed, fired, evicted, late;
	size_t keys, bytes;
};

struct correlator *correlator_new(struct sigma_image *img, size_t max_bytes);
void correlator_free(struct correlator *c);

typedef int correlation_cb(void *arg, const struct correlation_hit *hit);
/* One base-rule hit. Chained correlations fire in the same call. */
int correlator_feed(struct correlator *c, const struct sigma_hit *hit, const struct event *ev, correlation_cb *cb, void *arg);
void correlator_stats(const struct correlator *c, struct correlator_stats *ret);

/* The whole state as bytes, and back (rules that changed meanwhile start empty). -EBADMSG when the bytes are not a snapshot. */
int correlator_save(const struct correlator *c, struct buf *out);
int correlator_load(struct correlator *c, struct str snapshot);

#endif
