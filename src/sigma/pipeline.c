/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/pipeline.h"
#include "sigma/words.h"

#include "base/num.h"

/* Running entries over a rule: conditions decide, transform.c changes. */

bool pipe_refuse(struct pipe_run *r, const struct pipe_item *p, struct diag_at at, struct str message)
{
	diag_error(r->c->d, at, "sigma.pipeline_refused", "%.*s", STR_ARG(message));
	diag_hint(r->c->d, "%.*s:%u: %s", STR_ARG(p->file), p->node->at.line, p->kind->type);
	return false;
}

/* The last pipeline that sets a variable wins. */
const struct yaml_node *pipe_variable(const struct compiler *c, struct str name)
{
	for (size_t i = c->pipelines->n; i-- > 0;)
		yaml_pairs(v, c->pipelines->at[i].vars) {
			if (str_eq(v->key->text, name))
				return v;
		}
	return NULL;
}

struct str pipe_plain(struct compiler *c, const struct value *v)
{
	struct buf b = BUF_INIT(1u << 20);
	if (v->kind != VALUE_TEXT)
		return v->plain;
	for (size_t i = 0; i < v->text.n; i++) {
		uint16_t u = v->text.unit[i];
		if (u >= WILD_PLACEHOLDER)
			buf_addf(&b, "%%%.*s%%", STR_ARG(placeholder_name(c, u)));
		else if (u > 255)
			buf_addc(&b, u == WILD_MANY ? '*' : '?');
		else
			buf_addf(&b, "%s%c", u == '*' || u == '?' ? "\\" : "", (char)u);
	}
	struct str out = arena_dup(&c->scratch, buf_str(&b));
	buf_done(&b);
	return out;
}

/* Equal in type and content, as pySigma compares a value to one of YAML. */
bool pipe_value_is(struct compiler *c, const struct value *v, const struct yaml_node *n)
{
	if (!n || n->kind != YAML_SCALAR)
		return false;
	switch ((enum yaml_type)n->type) {
	case YAML_NULL:
		return v->kind == VALUE_NULL;
	case YAML_BOOL:
		return v->kind == VALUE_BOOL && v->boolean == n->boolean;
	case YAML_INT:
	case YAML_FLOAT:
		return v->kind == VALUE_NUMBER && str_eq(v->plain, n->number);
	case YAML_TEXT:
		break;
	}
	struct sstring s = sstring_parse(&c->scratch, n->text);
	return v->kind == VALUE_TEXT && s.n == v->text.n && (!s.n || memcmp(s.unit, v->text.unit, s.n * sizeof(uint16_t)) == 0);
}

bool pipe_starts_with_match(const pcre2_code *re, struct str text)
{
	pcre2_match_data *m = pcre2_match_data_create(1, NULL);
	must(m);
	int r = pcre2_match(re, (PCRE2_SPTR)(text.n ? text.p : ""), text.n, 0, PCRE2_ANCHORED, m, NULL);
	pcre2_match_data_free(m);
	return r >= 0;
}

/* ---- parameters ---------------------------------------------------------------------------------------------------------------------- */

struct str pipe_text(const struct yaml_node *entry, const char *name)
{
	struct str s = yaml_text(yaml_get(entry, name));
	return s.p ? s : STR("");
}

bool pipe_flag(const struct yaml_node *entry, const char *name)
{
	const struct yaml_node *n = yaml_get(entry, name);
	return n && n->boolean;
}

bool pipe_lists(const struct yaml_node *list, struct str word)
{
	yaml_each(n, list) {
		if (str_eq(yaml_text(n), word))
			return true;
	}
	return false;
}

/* ---- conditions ---------------------------------------------------------------------------------------------------------------------- */

static bool key_is(const struct pipe_cond *c, const char *name, struct str have)
{
	const struct yaml_node *n = yaml_get(c->node, name);
	return !n || n->type == YAML_NULL || str_ieq(n->text, have);
}

static bool condition_logsource(struct pipe_run *r, const struct pipe_cond *c, const struct node *n, struct str name)
{
	const struct logsource *ls = &r->doc->meta.logsource;
	(void)n;
	(void)name;
	return r->d && key_is(c, "product", ls->product) && key_is(c, "category", ls->category) && key_is(c, "service", ls->service);
}

static bool any_item(const struct node *n, bool (*fits)(const struct item *it, void *arg), void *arg)
{
	if (n->item)
		return fits(n->item, arg);
	for (size_t i = 0; i < n->n; i++)
		if (any_item(n->kid[i], fits, arg))
			return true;
	return false;
}

static bool rule_has(struct pipe_run *r, bool (*fits)(const struct item *it, void *arg), void *arg)
{
	for (size_t i = 0; r->d && i < r->d->n; i++)
		if (any_item(r->d->sel[i].node, fits, arg))
			return true;
	return false;
}

static bool item_is_of_field(const struct item *it, void *arg)
{
	const struct str *name = arg;
	return it->field.n && str_eq(it->field, *name);
}

static bool condition_contains_field(struct pipe_run *r, const struct pipe_cond *c, const struct node *n, struct str name)
{
	struct str field = pipe_text(c->node, "field");
	(void)n;
	(void)name;
	return rule_has(r, item_is_of_field, &field);
}

struct wanted_item {
	struct pipe_run *r;
	const struct pipe_cond *c;
};

static bool item_is_wanted(const struct item *it, void *arg)
{
	const struct wanted_item *w = arg;
	if (!it->field.n || !str_eq(it->field, pipe_text(w->c->node, "field")))
		return false;
	for (size_t i = 0; i < it->n; i++)
		if (pipe_value_is(w->r->c, it->value[i], yaml_get(w->c->node, "value")))
			return true;
	return false;
}

static bool condition_contains_item(struct pipe_run *r, const struct pipe_cond *c, const struct node *n, struct str name)
{
	struct wanted_item w = {r, c};
	(void)n;
	(void)name;
	return rule_has(r, item_is_wanted, &w);
}

static bool condition_rule_applied(struct pipe_run *r, const struct pipe_cond *c, const struct node *n, struct str name)
{
	(void)n;
	(void)name;
	return r->applied & c->bit;
}

/* -1, 0, 1; numbers as numbers, everything else as text. */
static int compare(struct str a, struct str b)
{
	double x, y;
	if (num_double(a, &x) && num_double(b, &y))
		return (x > y) - (x < y);
	return str_cmp(a, b);
}

static bool op_holds(struct str op, int c)
{
	if (!op.n || str_eq(op, STR("eq")))
		return c == 0;
	if (str_eq(op, STR("ne")))
		return c != 0;
	if (str_eq(op, STR("gte")))
		return c >= 0;
	if (str_eq(op, STR("gt")))
		return c > 0;
	return str_eq(op, STR("lte")) ? c <= 0 : c < 0;
}

static bool condition_state(struct pipe_run *r, const struct pipe_cond *c, const struct node *n, struct str name)
{
	const struct yaml_node *have = map_get_ptr(&r->state, pipe_text(c->node, "key"));
	(void)n;
	(void)name;
	return have && op_holds(pipe_text(c->node, "op"), compare(yaml_text(have), pipe_text(c->node, "val")));
}

static bool condition_is_rule(struct pipe_run *r, const struct pipe_cond *c, const struct node *n, struct str name)
{
	(void)c;
	(void)n;
	(void)name;
	return r->d != NULL;
}

static bool condition_is_correlation(struct pipe_run *r, const struct pipe_cond *c, const struct node *n, struct str name)
{
	(void)c;
	(void)n;
	(void)name;
	return r->d == NULL;
}

/* Levels and statuses by their rank, so that "gte: medium" means what it says. */
static struct str ranked(struct str attribute, struct str word)
{
	static const char *const levels[] = {"informational", "low", "medium", "high", "critical"}, *const statuses[] = {"unsupported", "deprecated", "experimental", "test", "stable"};
	bool level = str_eq(attribute, STR("level")), status = str_eq(attribute, STR("status"));
	for (size_t i = 0; (level || status) && i < LEN(levels); i++)
		if (str_ieq(word, str_c(level ? levels[i] : statuses[i])))
			return str_n(&"0123456789"[i], 1);
	return word;
}

static bool condition_attribute(struct pipe_run *r, const struct pipe_cond *c, const struct node *n, struct str name)
{
	struct str attribute = pipe_text(c->node, "attribute"), op = pipe_text(c->node, "op"), value = pipe_text(c->node, "value");
	const struct yaml_node *have = map_get_ptr(&r->attributes, attribute);
	(void)n;
	(void)name;
	yaml_pairs(v, r->doc->root) {
		have = !have && str_eq(v->key->text, attribute) ? v : have;
	}
	if (!have || have->kind == YAML_MAP)
		return false;
	if (have->kind == YAML_LIST)
		return str_eq(op, STR("in")) ? pipe_lists(have, value) : str_eq(op, STR("not_in")) ? !pipe_lists(have, value) : str_eq(op, STR("ne"));
	return op_holds(op, compare(ranked(attribute, have->text), ranked(attribute, value)));
}

static bool condition_tag(struct pipe_run *r, const struct pipe_cond *c, const struct node *n, struct str name)
{
	(void)n;
	(void)name;
	for (size_t i = 0; i < r->doc->meta.n_tag; i++)
		if (str_eq(r->doc->meta.tag[i], pipe_text(c->node, "tag")))
			return true;
	return false;
}

/* Conditions on values: any or all of the item's. */
static bool values_fit(struct pipe_run *r, const struct pipe_cond *c, const struct node *n, bool (*fits)(struct pipe_run *r, const struct pipe_cond *c, const struct value *v))
{
	bool all = str_eq(pipe_text(c->node, "cond"), STR("all"));
	for (size_t i = 0; i < n->item->n; i++)
		if (fits(r, c, n->item->value[i]) != all)
			return !all;
	return all;
}

static bool value_matches_pattern(struct pipe_run *r, const struct pipe_cond *c, const struct value *v)
{
	bool is = v->kind == VALUE_TEXT && c->n_re && pipe_starts_with_match(c->re[0], pipe_plain(r->c, v));
	for (size_t i = 0; i < v->n && !is; i++) /* the forms of an expansion */
		is = value_matches_pattern(r, c, v->kid[i]);
	return is != pipe_flag(c->node, "negate");
}

static bool condition_match_string(struct pipe_run *r, const struct pipe_cond *c, const struct node *n, struct str name)
{
	(void)name;
	return values_fit(r, c, n, value_matches_pattern);
}

static bool value_is_wanted(struct pipe_run *r, const struct pipe_cond *c, const struct value *v)
{
	return pipe_value_is(r->c, v, yaml_get(c->node, "value"));
}

static bool condition_match_value(struct pipe_run *r, const struct pipe_cond *c, const struct node *n, struct str name)
{
	(void)name;
	return values_fit(r, c, n, value_is_wanted);
}

static bool value_has_wildcard(struct pipe_run *r, const struct pipe_cond *c, const struct value *v)
{
	(void)r;
	(void)c;
	return v->kind == VALUE_TEXT && sstring_has_wildcard(&v->text);
}

static bool condition_contains_wildcard(struct pipe_run *r, const struct pipe_cond *c, const struct node *n, struct str name)
{
	(void)name;
	return values_fit(r, c, n, value_has_wildcard);
}

static bool value_is_null(struct pipe_run *r, const struct pipe_cond *c, const struct value *v)
{
	(void)r;
	(void)c;
	return v->kind == VALUE_NULL;
}

static bool condition_is_null(struct pipe_run *r, const struct pipe_cond *c, const struct node *n, struct str name)
{
	(void)name;
	return values_fit(r, c, n, value_is_null);
}

static bool condition_item_applied(struct pipe_run *r, const struct pipe_cond *c, const struct node *n, struct str name)
{
	(void)r;
	(void)name;
	return n && n->item && (n->item->applied & c->bit);
}

static bool condition_include_fields(struct pipe_run *r, const struct pipe_cond *c, const struct node *n, struct str name)
{
	(void)r;
	(void)n;
	if (!name.n)
		return false;
	if (str_eq(pipe_text(c->node, "mode"), STR("re"))) {
		for (size_t i = 0; i < c->n_re; i++)
			if (pipe_starts_with_match(c->re[i], name))
				return true;
		return false;
	}
	return pipe_lists(yaml_get(c->node, "fields"), name);
}

static bool condition_exclude_fields(struct pipe_run *r, const struct pipe_cond *c, const struct node *n, struct str name)
{
	return !condition_include_fields(r, c, n, name);
}

const struct cond_kind CONDITIONS[] = {
#define TRANSFORM(how, type, function, params)
#define CONDITION(list, type, function, params) {COND_##list, type, params, condition_##function},
#define REFUSED(type, why)
#include "sigma/pipeline.def"
#undef TRANSFORM
#undef CONDITION
#undef REFUSED
};
const size_t N_CONDITIONS = LEN(CONDITIONS);

/* ---- entries -------------------------------------------------------------------------------------------------------------------------- */

struct asking {
	struct pipe_run *r;
	const struct cond_set *set;
	const struct node *n;
	struct str name;
};

static bool ask(void *arg, uint32_t which)
{
	const struct asking *a = arg;
	const struct pipe_cond *c = &a->set->cond[which];
	return c->kind->holds(a->r, c, a->n, a->name);
}

static bool set_holds(struct pipe_run *r, const struct cond_set *set, const struct node *n, struct str name)
{
	struct asking a = {r, set, n, name};
	bool holds = !set->any;
	if (!set->n)
		return true;
	if (set->expr) {
		holds = expr_holds(set->expr, ask, &a);
	} else {
		for (uint32_t i = 0; i < set->n && holds != set->any; i++)
			holds = ask(&a, i);
	}
	return holds != set->negated;
}

bool pipe_name_passes(struct pipe_run *r, const struct pipe_item *p, const struct node *n, struct str name)
{
	return set_holds(r, &p->cond[COND_FIELD], n, name);
}

/* An item is let through by its own field's name or by one that a fieldref names. */
static bool item_passes(struct pipe_run *r, const struct pipe_item *p, const struct node *n)
{
	if (!set_holds(r, &p->cond[COND_ITEM], n, n->item->field))
		return false;
	if (pipe_name_passes(r, p, n, n->item->field))
		return true;
	for (size_t i = 0; i < n->item->n; i++)
		if (n->item->value[i]->kind == VALUE_FIELDREF && pipe_name_passes(r, p, n, n->item->value[i]->plain))
			return true;
	return false;
}

static void mark(const struct pipe_item *p, struct node *n)
{
	if (n->item)
		n->item->applied |= p->bit;
	for (size_t i = 0; i < n->n; i++)
		mark(p, n->kid[i]);
}

static bool node_apply(struct pipe_run *r, const struct pipe_item *p, struct node *n)
{
	bool ok = true, changed = false;
	if (n->item) {
		if (!item_passes(r, p, n))
			return true;
		ok = p->kind->item(r, p, n, &changed);
		if (changed)
			mark(p, n);
		return ok;
	}
	for (size_t i = 0; i < n->n && ok; i++)
		ok = node_apply(r, p, n->kid[i]);
	return ok;
}

static bool detection_apply(struct pipe_run *r, const struct pipe_item *p)
{
	bool ok = true;
	for (struct detection *d = r->d; d && ok; d = d->filter) {
		for (size_t i = 0; i < d->n && ok; i++)
			ok = node_apply(r, p, d->sel[i].node);
		for (size_t i = 0; i < d->n_extra && ok; i++)
			ok = node_apply(r, p, d->extra[i].node);
	}
	return ok;
}

bool pipe_items_apply(struct pipe_run *r, const struct pipe_item *item, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct pipe_item *p = &item[i];
		if (!set_holds(r, &p->cond[COND_RULE], NULL, STR("")))
			continue;
		if ((p->kind->rule && !p->kind->rule(r, p)) || (p->kind->item && !detection_apply(r, p)))
			return false;
		r->applied |= p->bit;
	}
	return true;
}

static void run_open(struct pipe_run *r, struct compiler *c, struct doc *doc)
{
	*r = (struct pipe_run){.c = c, .doc = doc};
	map_init(&r->state);
	map_init(&r->attributes);
}

static void run_close(struct pipe_run *r)
{
	map_done(&r->state);
	map_done(&r->attributes);
}

bool pipelines_apply(struct compiler *c, struct doc *doc, struct detection *d)
{
	struct pipe_run r;
	bool ok = true;
	if (!c->pipelines)
		return true;
	run_open(&r, c, doc);
	r.d = d;
	for (size_t i = 0; i < c->pipelines->n && ok; i++)
		ok = pipe_items_apply(&r, c->pipelines->at[i].item, c->pipelines->at[i].n);
	run_close(&r);
	return ok;
}

static bool rename_by(struct pipe_run *r, const struct pipe_item *item, size_t n, struct str *name)
{
	for (size_t i = 0; i < n; i++) {
		const struct pipe_item *p = &item[i];
		struct name_list to;
		if (!set_holds(r, &p->cond[COND_RULE], NULL, STR("")))
			continue;
		if (p->n_kid && !rename_by(r, p->kid, p->n_kid, name))
			return false;
		if (!p->kind->name || !pipe_name_passes(r, p, NULL, *name) || !p->kind->name(r, p, *name, false, &to))
			continue;
		if (to.n != 1)
			return pipe_refuse(r, p, r->doc->at, arena_fmt(&r->c->scratch, "the correlation's field \"%.*s\" would become %zu fields", STR_ARG(*name), to.n));
		*name = to.at[0];
	}
	return true;
}

bool pipelines_rename(struct compiler *c, struct doc *doc, struct str *name)
{
	struct pipe_run r;
	bool ok = true;
	if (!c->pipelines)
		return true;
	run_open(&r, c, doc);
	for (size_t i = 0; i < c->pipelines->n && ok; i++)
		ok = rename_by(&r, c->pipelines->at[i].item, c->pipelines->at[i].n, name);
	run_close(&r);
	*name = arena_dup(&c->img->mem, *name);
	return ok;
}
