/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_CMD_RULES_H
#define HINOMI_CMD_RULES_H

#include "cmd/ruleset.h"

enum rules_format { RULES_TABLE, RULES_JSON, RULES_JSONL, RULES_CSV };

/* What `hinomi rules` shows of loaded rules (rules_show.c); checks and tests are in rules.c. The image is there. */

/* Per rule: log sources that reach it, its condition, and what wakes it. json, jsonl (also for csv, which cannot hold it). */
void rules_explain(const struct ruleset *r, enum rules_format how, struct buf *out);
/* Rules per ATT&CK technique; json, jsonl = a layer for the ATT&CK Navigator. */
void rules_coverage(const struct ruleset *r, enum rules_format how, struct buf *out);

/* Identity, level, status and file of every rule. */
void rules_list(const struct ruleset *r, enum rules_format how, struct buf *out);
/* A cell of RFC 4180, quoted where it must be. */
void rules_add_csv(struct buf *out, struct str cell);

/* rules_backtest.c: hits per rule and day over a data directory's events, with examples, on stdout. The exit status. */
struct backtest_opts {
	const char *dir;
	tstamp from, to;  /* TS_NONE = open */
	size_t examples;  /* of each rule */
};
int rules_backtest(const struct ruleset *r, const struct backtest_opts *o, enum rules_format how);

#endif
