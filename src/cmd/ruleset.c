/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/ruleset.h"

#include "house/content.h"

#include <errno.h>

const char *const LEVEL_NAMES[] = {"informational", "low", "medium", "high", "critical"};

bool level_parse(const char *text, enum sigma_level *ret)
{
	for (size_t i = 0; i < 5; i++)
		if (strcmp(text, LEVEL_NAMES[i]) == 0) {
			*ret = (enum sigma_level)i;
			return true;
		}
	return false;
}

static void load_shipped(struct ruleset *r)
{
	char path[4200];
	const char *content = content_dir();
	if (!content) {
		diag_error(&r->d, (struct diag_at){0}, "rules.none", "the shipped rules were not found");
		diag_hint(&r->d, "name rules with -r, or set HINOMI_CONTENT");
		return;
	}
	snprintf(path, sizeof(path), "%s/rules", content);
	sigma_set_add_path(r->set, path, &r->d);
}

int ruleset_load(struct ruleset *r, const char *const *paths, size_t n, const struct sigma_opts *o)
{
	*r = (struct ruleset){0};
	diag_init(&r->d);
	r->vocab = vocab_new();
	r->set = sigma_set_new();
	for (size_t i = 0; i < n; i++)
		sigma_set_add_path(r->set, paths[i], &r->d);
	if (!n)
		load_shipped(r);
	int e = sigma_compile(r->set, r->vocab, o, &r->d, &r->img);
	vocab_freeze(r->vocab);
	r->refused = sigma_set_refused(r->set);
	if (e == 0) {
		sigma_image_rules(r->img, &r->loaded);
		r->refused += sigma_image_refused(r->img);
	}
	return e;
}

void ruleset_done(struct ruleset *r)
{
	sigma_image_unref(r->img);
	sigma_set_free(r->set);
	vocab_unref(r->vocab);
	diag_done(&r->d);
}
