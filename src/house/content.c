/* SPDX-License-Identifier: Apache-2.0 */
#include "csirt/playbook.h"
#include "house/content.h"
#include "house/parts.h"
#include "sigma/cache.h"
#include "sys/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool house_content_path(const struct config *c, const char *name, char *out, size_t size)
{
	struct str set = config_text(c, CFG_CONTENT);
	const char *dir = set.n ? NULL : content_dir();
	if (!set.n && !dir)
		return false;
	return (size_t)snprintf(out, size, "%.*s%s/%s", STR_ARG(set), dir ? dir : "", name) < size;
}

/* The rule files and folders of the configuration, or the shipped ones (in shipped). */
static size_t rule_paths(struct house *h, const char ***ret, char *shipped, size_t size)
{
	const struct config_list *l = config_list(h->config, CFG_RULES, STR(""));
	size_t n = 0;
	*ret = must_calloc((l ? l->n : 0) + 1, sizeof(**ret));
	for (size_t i = 0; l && i < l->n; i++)
		(*ret)[n++] = l->item[i].p; /* NUL-terminated, as the configuration keeps them */
	if (n)
		return n;
	if (house_content_path(h->config, "rules", shipped, size) && file_is_dir(shipped))
		(*ret)[n++] = shipped;
	else
		diag_warning(&h->findings, (struct diag_at){0}, "rules.none", "the shipped rules were not found: nothing will be detected");
	return n;
}

static int load_rules(struct house *h)
{
	static const char *const ROUTING[] = {"strict", "conflict", "off"};
	char lists[4200], shipped[4400], cache[4400];
	struct sigma_source src = {.cache_dir = sigma_cache_dir(cache, sizeof(cache)) ? cache : NULL};
	struct sigma_loaded loaded = {0};
	struct str dir = config_text(h->config, CFG_LISTS);
	struct sigma_opts o = {.routing = SIGMA_ROUTE_STRICT};
	for (size_t i = 0; i < LEN(ROUTING); i++)
		if (str_eq(config_text(h->config, CFG_ROUTING), str_c(ROUTING[i])))
			o.routing = (enum sigma_routing)i;
	if (dir.n && (size_t)snprintf(lists, sizeof(lists), "%.*s", STR_ARG(dir)) < sizeof(lists))
		o.lists_dir = lists;
	const struct config_list *l = config_list(h->config, CFG_PIPELINES, STR(""));
	VEC(const char *) pipelines = {0};
	for (size_t i = 0; l && i < l->n; i++)
		vec_push(&pipelines, l->item[i].p); /* NUL-terminated, as the configuration keeps them */
	o.pipeline = pipelines.at;
	o.n_pipeline = pipelines.n;
	const char **paths;
	src.n = rule_paths(h, &paths, shipped, sizeof(shipped));
	src.path = paths;
	int r = src.n ? sigma_load(&src, h->vocab, &o, &h->findings, &loaded) : 0;
	h->image = loaded.img;
	free(paths);
	vec_done(&pipelines);
	return r == -EINVAL ? 0 : r; /* refused rules are findings; the others run */
}

static int load_playbooks(struct house *h, struct diag *d)
{
	char path[4400];
	if (house_content_path(h->config, "playbooks", path, sizeof(path)))
		return playbooks_load(path, d, &h->playbooks);
	h->playbooks = json_array();
	return 0;
}

static const struct str *on_duty(void *arg, struct str team, size_t *ret_n)
{
	const struct house *h = arg;
	const struct config_list *l = config_list(h->config, CFG_DUTY, team);
	*ret_n = l ? l->n : 0;
	return l ? l->item : NULL;
}

static bool is_critical(void *arg, struct str kind, struct str name)
{
	const struct house *h = arg;
	const struct config_list *l = config_list(h->config, CFG_CRITICAL_ASSETS, STR(""));
	(void)kind;
	for (size_t i = 0; l && i < l->n; i++)
		if (str_ieq(l->item[i], name))
			return true;
	return false;
}

static int64_t accept_within(void *arg, struct str priority)
{
	const struct house *h = arg;
	const struct rulebook_accept *a = h->rulebook ? rulebook_accept_row(h->rulebook, priority) : NULL;
	return a ? a->within : 0;
}

/* A mapping that is wrong is a finding; the others hold. */
static void load_sources(struct house *h)
{
	const struct config_list *l = config_list(h->config, CFG_SOURCES, STR(""));
	char path[4400];
	for (size_t i = 0; l && i < l->n; i++)
		if ((size_t)snprintf(path, sizeof(path), "%.*s", STR_ARG(l->item[i])) < sizeof(path))
			vocab_load_sources(h->vocab, path, &h->findings);
	if (!(l && l->n) && house_content_path(h->config, "sources", path, sizeof(path)) && file_is_dir(path))
		vocab_load_sources(h->vocab, path, &h->findings);
}

/* The rules' names go into the vocabulary, then it is frozen: the store and all decoders share it. */
int content_load(struct house *h)
{
	h->vocab = vocab_new();
	int r = load_rules(h);
	load_sources(h);
	vocab_freeze(h->vocab);
	if (r == 0)
		r = load_playbooks(h, &h->findings);
	struct duty duty = {on_duty, h};
	h->soc = (struct soc){.duty = duty, .offset_s = config_offset(h->config), .is_critical = is_critical, .arg = h, .drill_site = config_text(h->config, CFG_DRILL_SITE)};
	h->handoff = (struct handoff_rules){.mode = str_eq(config_text(h->config, CFG_MODE), STR("integrated")) ? HANDOFF_INTEGRATED : HANDOFF_SEPARATE, .duty = duty, .accept_within = accept_within, .arg = h};
	return r;
}
