/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_CMD_RULESET_H
#define HINOMI_CMD_RULESET_H

#include "cmd/cmd.h"
#include "sigma/correlate.h"

/* Rules as a verb was told to load them: vocabulary, image and what was found wrong. */
struct ruleset {
	struct vocab *vocab;
	struct sigma_image *img; /* NULL when no rule is usable */
	struct diag d;
	size_t loaded, refused;
};

/* paths n 0 = the shipped rules; cache = a folder, "auto" for the user's own, "off" or NULL for none. 0, or -EINVAL when no rule is usable. */
int ruleset_load(struct ruleset *r, const char *const *paths, size_t n, const struct sigma_opts *o, const char *cache);
/* To stderr: a line for every file with a rule that cannot be used, and how many there are. */
void ruleset_say_refused(const struct ruleset *r);
void ruleset_done(struct ruleset *r);
/* content/ beside the sources or under the installation's share directory; $HINOMI_CONTENT wins. NULL when not found. */
bool level_parse(const char *text, enum sigma_level *ret);
extern const char *const LEVEL_NAMES[];

#endif
