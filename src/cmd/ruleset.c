/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/ruleset.h"

#include "house/content.h"
#include "sigma/cache.h"

#include <errno.h>

#define FEW 3 /* refused rules whose hints are shown too */

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

/* The folder of the shipped rules. */
static bool shipped(struct ruleset *r, char *path, size_t size)
{
	const char *content = content_dir();
	if (content && (size_t)snprintf(path, size, "%s/rules", content) < size)
		return true;
	diag_error(&r->d, (struct diag_at){0}, "rules.none", "the shipped rules were not found");
	diag_hint(&r->d, "name rules with -r, or set HINOMI_CONTENT");
	return false;
}

int ruleset_load(struct ruleset *r, const char *const *paths, size_t n, const struct sigma_opts *o, const char *cache)
{
	char path[4200], dir[4200];
	const char *one = path;
	struct sigma_source src = {.path = paths, .n = n};
	struct sigma_loaded loaded = {0};
	*r = (struct ruleset){0};
	diag_init(&r->d);
	r->vocab = vocab_new();
	if (!n)
		src = (struct sigma_source){.path = &one, .n = shipped(r, path, sizeof(path))};
	if (cache && strcmp(cache, "off") != 0)
		src.cache_dir = strcmp(cache, "auto") != 0 ? cache : sigma_cache_dir(dir, sizeof(dir)) ? dir : NULL;
	int e = sigma_load(&src, r->vocab, o, &r->d, &loaded);
	vocab_freeze(r->vocab);
	r->img = loaded.img;
	r->refused = loaded.refused;
	if (e == 0)
		sigma_image_rules(r->img, &r->loaded);
	return e;
}

/* One line a rule: its file, what is wrong with it first, and how much more. */
static void say_rule(const struct diag_item *first, size_t more)
{
	fprintf(stderr, "%.*s:", STR_ARG(first->file));
	if (first->line)
		fprintf(stderr, "%u:%u:", first->line, first->column);
	fprintf(stderr, " %s: %.*s [%s]", SAY("refused", "不採用"), STR_ARG(first->message), first->code);
	if (more)
		fprintf(stderr, SAY(" (and %zu more)", " (ほか %zu 件)"), more);
	fputc('\n', stderr);
}

static int by_file(const void *a, const void *b)
{
	const struct diag_item *const *x = a, *const *y = b;
	int c = str_cmp((*x)->file, (*y)->file);
	return c ? c : (*x > *y) - (*x < *y);
}

void ruleset_say_refused(const struct ruleset *r)
{
	const struct diag_item **error = must_calloc(r->d.errors + 1, sizeof(*error));
	size_t n = 0, files = 0;
	for (size_t i = 0; i < r->d.items.n; i++)
		if (r->d.items.at[i].level == DIAG_ERROR)
			error[n++] = &r->d.items.at[i];
	qsort(error, n, sizeof(*error), by_file);
	for (size_t i = 0, end; i < n; i = end, files++) {
		for (end = i + 1; end < n && str_eq(error[end]->file, error[i]->file); end++)
			;
		say_rule(error[i], end - i - 1);
		if (n <= FEW && error[i]->hint.n)
			fprintf(stderr, "  hint: %.*s\n", STR_ARG(error[i]->hint));
	}
	if (r->refused > 1)
		fprintf(stderr, SAY("%zu rules are refused, %zu run; hints: hinomi rules check\n", "不採用 %zu 件、実行 %zu 件。ヒントは hinomi rules check\n"), r->refused, r->loaded);
	free(error);
}

void ruleset_done(struct ruleset *r)
{
	sigma_image_unref(r->img);
	vocab_unref(r->vocab);
	diag_done(&r->d);
}
