/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_CORRELATE_PARTS_H
#define HINOMI_SIGMA_CORRELATE_PARTS_H

#include "sigma/parts.h"

enum correlation_type { CORR_NONE, CORR_EVENT_COUNT, CORR_VALUE_COUNT, CORR_TEMPORAL, CORR_TEMPORAL_ORDERED, CORR_VALUE_SUM, CORR_VALUE_AVG, CORR_VALUE_PERCENTILE, CORR_VALUE_MEDIAN };

struct corr_alias {
	struct str alias, rule, field;
};

/* A correlation rule as compiled; members are rules or other correlations (their indexes in the image). */
struct correlation {
	enum correlation_type type;
	uint32_t *member;
	size_t n_member;
	struct str *member_name;
	struct str *group;        /* group-by names */
	size_t n_group;
	struct corr_alias *alias;
	size_t n_alias;
	int64_t timespan;         /* ns */
	struct str *field;        /* condition.field */
	size_t n_field;
	double percentile;
	struct {
		bool set;
		double value;
	} cmp[6];                 /* gt gte lt lte eq neq */
	struct expr *extended;    /* over member indexes (EXPR_ATOM.atom = position in member) */
	bool generate;
	struct diag_at at;
	const struct yaml_node *rules; /* while compiling: where the members' names stand */
};

extern const char *const CORR_NAMES[];

#endif
