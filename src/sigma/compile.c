/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/correlate_parts.h"
#include "sigma/lint.h"
#include "sigma/pairs.h"
#include "sigma/pipeline.h"
#include "sigma/regex.h"

#include <errno.h>

static bool status_allowed(const struct sigma_opts *o, struct str status)
{
	if (!o->status)
		return !str_eq(status, STR("unsupported")) && !str_eq(status, STR("deprecated"));
	for (size_t i = 0; i < o->n_status; i++)
		if (str_eq(o->status[i], status))
			return true;
	return false;
}

static bool wanted(const struct sigma_opts *o, const struct doc *doc)
{
	return doc->meta.kind != SIGMA_FILTER && doc->meta.level >= o->min_level && status_allowed(o, doc->meta.status);
}

/* Filters (specification "Sigma Filters"): `(rule) and (filter's condition)` for the rules that a filter names or fits. */
static bool filter_applies(const struct doc *filter, const struct doc *rule)
{
	const struct logsource *f = &filter->meta.logsource, *r = &rule->meta.logsource;
	const struct yaml_node *list = yaml_get(yaml_get(filter->root, "filter"), "rules");
	if ((f->product.n && !str_eq(f->product, r->product)) || (f->category.n && !str_eq(f->category, r->category)) || (f->service.n && !str_eq(f->service, r->service)))
		return false;
	if (!list || (list->kind == YAML_SCALAR && str_eq(list->text, STR("any"))) || (list->kind == YAML_LIST && !list->n))
		return true;
	yaml_each(one, list) {
		if (str_eq(yaml_text(one), rule->meta.id) || (rule->meta.name.n && str_eq(yaml_text(one), rule->meta.name)))
			return true;
	}
	return false;
}

/* The filters that apply to a rule, as further sections of its detection. False when one cannot be read (it was told at filters_check). */
static void filters_join(struct compiler *c, struct doc *rule, struct detection *d)
{
	struct detection **tail = &d->filter;
	for (size_t i = 0; i < c->filters.n; i++) {
		struct doc *f = c->filters.at[i];
		if (f->refused || !filter_applies(f, rule))
			continue;
		f->used = true;
		diag_file(c->d, f->meta.file);
		*tail = detection_read(c, f, yaml_get(f->root, "filter"), "rules");
		tail = *tail ? &(*tail)->filter : tail;
	}
	diag_file(c->d, rule->meta.file);
}

/* For its author: rules that are not there, and a condition that keeps what it names instead of leaving it out. */
static void filter_lint(struct compiler *c, const struct doc *f, const struct detection *d)
{
	const struct yaml_node *list = yaml_get(yaml_get(f->root, "filter"), "rules");
	bool negates = d->condition->kind != YAML_SCALAR || str_find(d->condition->text, STR("not")) != STR_NPOS;
	yaml_each(one, list) {
		struct str name = yaml_text(one);
		if (!map_get(&c->set->ids, name) && !map_get(&c->set->names, name) && !str_eq(name, STR("any")))
			diag_warning(c->d, one->at, "sigma.filter_rules", "there is no rule \"%.*s\"", STR_ARG(name));
	}
	if (negates)
		return;
	diag_note(c->d, d->condition->at, "sigma.filter_keeps", "the rules match only what this filter names");
	diag_hint(c->d, "to leave it out write \"condition: not %.*s\"", STR_ARG(d->condition->text));
}

/* Every filter is read and compiled once, whether a rule wants it or not: its faults are told and it is left out. */
static void filters_check(struct compiler *c)
{
	for (size_t i = 0; i < c->filters.n; i++) {
		struct doc *f = c->filters.at[i];
		diag_file(c->d, f->meta.file);
		struct detection *d = detection_read(c, f, yaml_get(f->root, "filter"), "rules");
		f->refused = !d || !placeholders_fill(c, d) || !detection_compile(c, d);
		c->img->refused += f->refused;
		if (c->lint && !f->refused)
			filter_lint(c, f, d);
	}
}

static void filters_unused(struct compiler *c)
{
	for (size_t i = 0; i < c->filters.n && c->lint; i++) {
		const struct doc *f = c->filters.at[i];
		if (f->used || f->refused)
			continue;
		diag_file(c->d, f->meta.file);
		diag_warning(c->d, f->at, "sigma.filter_unused", "the filter applies to no rule");
		diag_hint(c->d, "its logsource must be part of the rule's, and rules must name it by id or name, or be \"any\"");
	}
}

static bool compile_rule(struct compiler *c, struct doc *doc, uint32_t at)
{
	diag_file(c->d, doc->meta.file);
	if (doc->meta.kind == SIGMA_CORRELATION)
		return correlation_compile(c, doc, at);
	struct detection *d = detection_read(c, doc, yaml_get(doc->root, "detection"), NULL);
	if (!d)
		return false;
	filters_join(c, doc, d);
	if (!pipelines_apply(c, doc, d) || !placeholders_fill(c, d))
		return false;
	struct expr *e = c->img->code[at].expr = detection_compile(c, d);
	if (e && c->lint)
		lint_rule(c->lint, c, d, e);
	return e != NULL;
}

static void add_name(struct sigma_image *img, struct str name, uint32_t at)
{
	if (name.n)
		*map_put(&img->by_name, name, NULL) = at;
}

static struct str keep(struct sigma_image *img, struct str s)
{
	return arena_dup(&img->mem, s);
}

/* The image outlives the set: everything a rule says is copied. */
static void keep_meta(struct sigma_image *img, struct sigma_rule *to, const struct sigma_rule *from, uint32_t at)
{
	*to = *from;
	to->index = at;
	struct str *text[] = {&to->id, &to->name, &to->title, &to->title_ja, &to->status, &to->description, &to->author, &to->file, &to->explain_ja, &to->explain_en,
		&to->logsource.product, &to->logsource.category, &to->logsource.service};
	for (size_t i = 0; i < LEN(text); i++)
		*text[i] = keep(img, *text[i]);
	struct str *tags = arena_array(&img->mem, from->n_tag + 1, sizeof(*tags)), *fps = arena_array(&img->mem, from->n_falsepositive + 1, sizeof(*fps));
	for (size_t i = 0; i < from->n_tag; i++)
		tags[i] = keep(img, from->tag[i]);
	for (size_t i = 0; i < from->n_falsepositive; i++)
		fps[i] = keep(img, from->falsepositive[i]);
	to->tag = tags;
	to->falsepositive = fps;
}

static struct doc *find_doc(const struct sigma_set *s, struct str id_or_name)
{
	struct doc *doc = map_get_ptr(&s->names, id_or_name);
	return doc ? doc : map_get_ptr(&s->ids, id_or_name);
}

static bool need(const struct sigma_set *s, const struct yaml_node *name)
{
	struct doc *doc = find_doc(s, yaml_text(name));
	bool fresh = doc && !doc->needed;
	if (fresh)
		doc->needed = true;
	return fresh;
}

/* Level and status choose what is shown. What a shown correlation counts is loaded all the same, through chains of them. */
static void mark_needed(struct compiler *c)
{
	for (struct doc *doc = c->set->first; doc; doc = doc->next)
		doc->needed = false;
	for (bool again = true; again;) {
		again = false;
		for (struct doc *doc = c->set->first; doc; doc = doc->next) {
			const struct yaml_node *rules = yaml_get(yaml_get(doc->root, "correlation"), "rules");
			if (doc->meta.kind != SIGMA_CORRELATION || !rules || !(doc->needed || wanted(c->opts, doc)))
				continue;
			again = (rules->kind == YAML_SCALAR && need(c->set, rules)) || again;
			yaml_each(one, rules) {
				again = need(c->set, one) || again;
			}
		}
	}
}

static void compile_all(struct compiler *c, size_t room)
{
	struct sigma_image *img = c->img;
	mark_needed(c);
	img->rule = arena_array(&img->mem, room + 1, sizeof(*img->rule));
	img->code = arena_array(&img->mem, room + 1, sizeof(*img->code));
	img->correlation = arena_array(&img->mem, room + 1, sizeof(*img->correlation));
	for (struct doc *doc = c->set->first; doc; doc = doc->next) {
		uint32_t at = (uint32_t)img->n_rule;
		arena_reset(&c->scratch);
		bool hidden = !wanted(c->opts, doc);
		if (hidden && (!doc->needed || doc->meta.kind == SIGMA_FILTER))
			continue;
		img->code[at] = (struct rule_code){0};
		img->correlation[at] = (struct correlation){0};
		struct doc as = *doc; /* a pipeline may give it another log source */
		if (!compile_rule(c, &as, at)) {
			doc->refused = true;
			img->refused++;
			continue;
		}
		keep_meta(img, &img->rule[at], &as.meta, at);
		img->rule[at].hidden = hidden;
		add_name(img, img->rule[at].id, at);
		add_name(img, img->rule[at].name, at);
		img->n_rule++;
	}
}

int sigma_compile(struct sigma_set *s, struct vocab *v, const struct sigma_opts *o, struct diag *d, struct sigma_image **ret)
{
	struct sigma_image *img = must_new(struct sigma_image);
	struct compiler c = {.set = s, .vocab = v, .opts = o, .d = d, .img = img};
	size_t room = 0;
	img->refs = 1;
	img->routing = o->routing;
	img->vocab = vocab_ref(v);
	img->routes = routes_new();
	arena_init(&img->mem, 0);
	arena_init(&c.scratch, 0);
	arena_init(&c.keep, 0);
	map_init(&img->by_name);
	map_init(&c.atom_index);
	map_init(&c.lists);
	for (struct doc *doc = s->first; doc; doc = doc->next) {
		room++;
		if (doc->meta.kind == SIGMA_FILTER)
			vec_push(&c.filters, doc);
	}
	c.lint = o->lint ? lint_new() : NULL;
	if (pipelines_load(&c)) {
		filters_check(&c);
		compile_all(&c, room);
	} else {
		img->refused = room; /* no rule may run without what the pipeline would have done to it */
	}
	correlations_link(&c);
	filters_unused(&c);
	if (c.lint)
		lint_finish(c.lint, d);
	lint_free(c.lint);
	img->atom = arena_array(&img->mem, c.atoms.n + 1, sizeof(*img->atom));
	if (c.atoms.n)
		memcpy(img->atom, c.atoms.at, c.atoms.n * sizeof(*img->atom));
	img->n_atom = c.atoms.n;
	if (img->n_rule)
		gates_build(&c);
	pairs_need_all(img);
	vec_done(&c.atoms);
	vec_done(&c.filters);
	pipelines_free(&c);
	vec_done(&c.placeholders);
	map_done(&c.lists);
	map_done(&c.atom_index);
	arena_done(&c.scratch);
	arena_done(&c.keep);
	if (!img->n_rule) {
		sigma_image_unref(img);
		return -EINVAL;
	}
	*ret = img;
	return 0;
}

struct sigma_image *sigma_image_ref(struct sigma_image *img)
{
	img->refs++;
	return img;
}

void sigma_image_unref(struct sigma_image *img)
{
	if (!img || --img->refs > 0)
		return;
	for (size_t i = 0; i < img->n_atom; i++)
		regex_free(img->atom[i].re);
	routes_free(img->routes);
	gates_free(img);
	map_done(&img->by_name);
	vocab_unref(img->vocab);
	arena_done(&img->mem);
	free(img);
}

const struct sigma_rule *sigma_image_rules(const struct sigma_image *img, size_t *ret_n)
{
	*ret_n = img->n_rule;
	return img->rule;
}

const struct sigma_rule *sigma_image_find(const struct sigma_image *img, struct str id_or_name)
{
	uint64_t *at = map_get(&img->by_name, id_or_name);
	return at ? &img->rule[*at] : NULL;
}

size_t sigma_image_refused(const struct sigma_image *img)
{
	return img->refused;
}
