/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_CMD_RULES_H
#define HINOMI_CMD_RULES_H

#include "cmd/ruleset.h"

/* What `hinomi rules` shows of loaded rules (rules_show.c); checks and tests are in rules.c. The image is there. */

/* Per rule: log sources that reach it, its condition, and what wakes it. json = one object a line. */
void rules_explain(const struct ruleset *r, bool json, struct buf *out);
/* Rules per ATT&CK technique; json = a layer for the ATT&CK Navigator. */
void rules_coverage(const struct ruleset *r, bool json, struct buf *out);

#endif
