/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/detection.h"

#define DEPTH_MAX 64
#define SELECTIONS_MAX 4096

/* Arrays in the arena: room doubles at powers of two, the old copy is left behind. */
static void *grown(struct compiler *c, void *at, size_t n, size_t size)
{
	if (n & (n - 1) && n)
		return at;
	void *to = arena_array(&c->scratch, n ? 2 * n : 1, size);
	if (n)
		memcpy(to, at, n * size);
	return to;
}

struct node *node_new(struct compiler *c, bool any)
{
	struct node *n = arena_new(&c->scratch, struct node);
	n->any = any;
	return n;
}

struct node *node_of_item(struct compiler *c, struct item *it)
{
	struct node *n = node_new(c, false);
	n->item = it;
	return n;
}

void node_push(struct compiler *c, struct node *n, struct node *kid)
{
	n->kid = grown(c, n->kid, n->n, sizeof(struct node *));
	n->kid[n->n++] = kid;
}

void item_push(struct compiler *c, struct item *it, struct value *v)
{
	it->value = grown(c, it->value, it->n, sizeof(struct value *));
	it->value[it->n++] = v;
}

void value_push(struct compiler *c, struct value *v, struct value *kid)
{
	v->kid = grown(c, v->kid, v->n, sizeof(struct value *));
	v->kid[v->n++] = kid;
}

static bool value_visit_all(struct compiler *c, struct item *it, struct value **v, value_visit *f, void *arg)
{
	bool ok = true;
	if ((*v)->kind != VALUE_ANY)
		return f(c, it, v, arg);
	for (size_t i = 0; i < (*v)->n; i++)
		ok = value_visit_all(c, it, &(*v)->kid[i], f, arg) && ok;
	return ok;
}

bool node_each_value(struct compiler *c, struct node *n, value_visit *f, void *arg)
{
	bool ok = true;
	for (size_t i = 0; n->item && i < n->item->n; i++)
		ok = value_visit_all(c, n->item, &n->item->value[i], f, arg) && ok;
	for (size_t i = 0; i < n->n; i++)
		ok = node_each_value(c, n->kid[i], f, arg) && ok;
	return ok;
}

bool detection_each_value(struct compiler *c, struct detection *d, value_visit *f, void *arg)
{
	bool ok = true;
	for (; d; d = d->filter) {
		for (size_t i = 0; i < d->n; i++)
			ok = node_each_value(c, d->sel[i].node, f, arg) && ok;
		for (size_t i = 0; i < d->n_extra; i++)
			ok = node_each_value(c, d->extra[i].node, f, arg) && ok;
	}
	return ok;
}

/* ---- YAML -------------------------------------------------------------------------------------------------------------------------- */

static struct node *refuse(struct compiler *c, struct diag_at at, const char *text)
{
	diag_error(c->d, at, "sigma.empty_selection", "%s", text);
	diag_hint(c->d, "a selection is a map of field: value, or a list of such maps or of keywords");
	return NULL;
}

static struct node *map_read(struct compiler *c, const struct yaml_node *map)
{
	struct node *all = node_new(c, false);
	bool bad = false;
	if (!map->n)
		return refuse(c, map->at, "the selection is empty");
	yaml_pairs(v, map) {
		struct item *it = item_read(c, v->key, v);
		if (it)
			node_push(c, all, node_of_item(c, it));
		bad = bad || !it;
	}
	return bad ? NULL : all;
}

static bool only_scalars(const struct yaml_node *list)
{
	yaml_each(v, list) {
		if (v->kind != YAML_SCALAR)
			return false;
	}
	return true;
}

struct node *node_read(struct compiler *c, const struct yaml_node *n, int depth)
{
	if (n->kind == YAML_MAP)
		return map_read(c, n);
	if (n->kind == YAML_SCALAR || (n->n && only_scalars(n))) {
		struct item *it = item_read(c, NULL, n);
		return it ? node_of_item(c, it) : NULL;
	}
	if (!n->n)
		return refuse(c, n->at, "the selection is empty");
	if (depth == DEPTH_MAX)
		return refuse(c, n->at, "the selection is nested too deeply");
	struct node *any = node_new(c, true);
	bool bad = false;
	yaml_each(v, n) {
		struct node *kid = node_read(c, v, depth + 1);
		if (kid)
			node_push(c, any, kid);
		bad = bad || !kid;
	}
	return bad ? NULL : any;
}

static bool is_selection(const struct yaml_node *n, const struct yaml_node *condition, const char *skip)
{
	return n != condition && !str_eq(n->key->text, STR("timeframe")) && !(skip && str_eq(n->key->text, str_c(skip)));
}

struct detection *detection_read(struct compiler *c, struct doc *doc, const struct yaml_node *section, const char *skip)
{
	struct detection *d = arena_new(&c->scratch, struct detection);
	bool bad = false;
	d->doc = doc;
	d->condition = yaml_get(section, "condition");
	if (section->kind != YAML_MAP || !d->condition) {
		diag_error(c->d, section->at, "sigma.no_condition", "a detection is a map of selections with a condition");
		diag_hint(c->d, "add e.g. \"condition: selection\"");
		return NULL;
	}
	if (section->n > SELECTIONS_MAX) {
		diag_error(c->d, section->at, "sigma.too_many_selections", "more than %d selections", SELECTIONS_MAX);
		return NULL;
	}
	d->sel = arena_array(&c->scratch, section->n, sizeof(*d->sel));
	yaml_pairs(n, section) {
		if (!is_selection(n, d->condition, skip))
			continue;
		struct node *node = node_read(c, n, 0);
		bad = bad || !node;
		d->sel[d->n++] = (struct selection){.name = n->key->text, .at = n->key->at, .node = node};
	}
	return bad ? NULL : d;
}
