/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/correlate_parts.h"
#include "sigma/lint.h"
#include "sigma/pipeline.h"
#include "sigma/words.h"

#include "base/num.h"

const char *const CORR_NAMES[] = {"", "event_count", "value_count", "temporal", "temporal_ordered", "value_sum", "value_avg", "value_percentile", "value_median"};
static const char *const CMP_NAMES[] = {"gt", "gte", "lt", "lte", "eq", "neq"};

struct load {
	struct compiler *c;
	const struct yaml_node *section;
	struct correlation *corr;
	bool bad;
};

static void complain(struct load *l, const struct yaml_node *at, const char *code, const char *text, const char *hint)
{
	diag_error(l->c->d, at ? at->at : l->section->at, code, "%s", text);
	if (hint)
		diag_hint(l->c->d, "%s", hint);
	l->bad = true;
}

static struct str keep(struct load *l, struct str s)
{
	return arena_dup(&l->c->img->mem, s);
}

static void read_type(struct load *l)
{
	const struct yaml_node *n = yaml_get(l->section, "type");
	struct str names[LEN(CORR_NAMES)];
	for (size_t i = 1; i < LEN(CORR_NAMES); i++) {
		names[i - 1] = str_c(CORR_NAMES[i]);
		if (str_eq(yaml_text(n), names[i - 1]))
			l->corr->type = (enum correlation_type)i;
	}
	if (l->corr->type)
		return;
	complain(l, n, "sigma.correlation_type", "the type of the correlation is missing or unknown", NULL);
	if (n)
		diag_suggest(l->c->d, yaml_text(n), names, LEN(CORR_NAMES) - 1);
}

/* A list of names, or one name. */
static struct str *read_names(struct load *l, const struct yaml_node *n, size_t *ret_n)
{
	struct str *out;
	*ret_n = 0;
	if (!n)
		return NULL;
	if (n->kind == YAML_SCALAR) {
		out = arena_array(&l->c->img->mem, 1, sizeof(*out));
		out[(*ret_n)++] = keep(l, n->text);
		return out;
	}
	out = arena_array(&l->c->img->mem, n->n + 1, sizeof(*out));
	yaml_each(k, n) {
		if (k->kind == YAML_SCALAR)
			out[(*ret_n)++] = keep(l, k->text);
		else
			complain(l, k, "sigma.correlation", "a name is expected here", NULL);
	}
	return out;
}

static void read_timespan(struct load *l)
{
	const struct yaml_node *n = yaml_get(l->section, "timespan");
	struct str s = yaml_text(n);
	uint64_t v;
	if (!n && (n = yaml_get(l->section, "timeframe"))) {
		s = yaml_text(n);
		diag_warning(l->c->d, n->key->at, "sigma.misspelt_key", "the key of the standard is timespan");
	}
	struct str rest = s;
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}, {'M', 2629746}, {'y', 31556952}};
	if (s.p && num_take_u64(&rest, 9, &v) && rest.n == 1)
		for (size_t i = 0; i < LEN(units); i++)
			if (rest.p[0] == units[i].unit && v > 0 && (int64_t)v <= INT64_MAX / NS_PER_S / units[i].seconds)
				l->corr->timespan = (int64_t)v * units[i].seconds * NS_PER_S;
	if (!l->corr->timespan)
		complain(l, n, "sigma.correlation_timespan", "a correlation needs a timespan", "a number and one of s m h d w M y, e.g. 10m");
}

static void read_aliases(struct load *l)
{
	const struct yaml_node *aliases = yaml_get(l->section, "aliases");
	size_t room = 0;
	if (aliases && aliases->kind != YAML_MAP)
		complain(l, aliases, "sigma.correlation_aliases", "aliases are a map: alias: {rule: field}", NULL);
	yaml_each(a, aliases) {
		room += a->n;
	}
	l->corr->alias = arena_array(&l->c->img->mem, room + 1, sizeof(*l->corr->alias));
	yaml_pairs(a, aliases) {
		yaml_pairs(rule, a) {
			if (rule->kind == YAML_SCALAR)
				l->corr->alias[l->corr->n_alias++] = (struct corr_alias){keep(l, a->key->text), keep(l, rule->key->text), keep(l, rule->text)};
		}
	}
}

static void read_comparison(struct load *l, const struct yaml_node *n)
{
	for (size_t i = 0; i < LEN(CMP_NAMES); i++) {
		if (!str_eq(n->key->text, str_c(CMP_NAMES[i])))
			continue;
		if (!num_double(yaml_text(n), &l->corr->cmp[i].value))
			complain(l, n, "sigma.bad_number", "a number is expected here", NULL);
		l->corr->cmp[i].set = true;
		return;
	}
	if (str_eq(n->key->text, STR("field")))
		l->corr->field = read_names(l, n, &l->corr->n_field);
	else if (str_eq(n->key->text, STR("percentile"))) {
		if (!num_double(yaml_text(n), &l->corr->percentile) || l->corr->percentile < 0 || l->corr->percentile > 100)
			complain(l, n, "sigma.bad_number", "a percentile is a number from 0 to 100", NULL);
	} else {
		complain(l, n->key, "sigma.correlation_condition", "this is no part of a correlation's condition", "gt gte lt lte eq neq, field, percentile");
	}
}

static bool member_by_name(void *arg, struct str name, uint32_t *ret)
{
	const struct correlation *k = arg;
	for (size_t i = 0; i < k->n_member; i++)
		if (str_eq(name, k->member_name[i])) {
			*ret = (uint32_t)i;
			return true;
		}
	return false;
}

static void read_extended(struct load *l, const struct yaml_node *n)
{
	size_t at;
	if (l->corr->type != CORR_TEMPORAL && l->corr->type != CORR_TEMPORAL_ORDERED) {
		complain(l, n, "sigma.correlation_condition", "only temporal correlations take a condition over their rules", NULL);
		return;
	}
	l->corr->extended = words_parse(&l->c->img->mem, n->text, member_by_name, l->corr, &at);
	if (l->corr->extended)
		return;
	struct diag_at place = n->at;
	place.column += (unsigned)at + n->quoted;
	diag_error(l->c->d, place, "sigma.correlation_condition", "the condition is not an expression over the correlation's rules");
	diag_hint(l->c->d, "rule_a and rule_b and not rule_c");
	l->bad = true;
}

static void read_condition(struct load *l)
{
	const struct yaml_node *n = yaml_get(l->section, "condition");
	struct correlation *k = l->corr;
	bool any = false, temporal = k->type == CORR_TEMPORAL || k->type == CORR_TEMPORAL_ORDERED;
	if (n && n->kind == YAML_SCALAR)
		read_extended(l, n);
	else if (n && n->kind == YAML_LIST)
		complain(l, n, "sigma.correlation_condition", "a correlation's condition is a map, not a list", "condition: {gte: 10}");
	else
		yaml_pairs(one, n) {
			read_comparison(l, one);
		}
	for (size_t i = 0; i < LEN(k->cmp); i++)
		any = any || k->cmp[i].set;
	if (!any && temporal && !k->extended) {
		k->cmp[1].set = true; /* gte: all rules */
		k->cmp[1].value = (double)k->n_member;
	} else if (!any && !temporal) {
		complain(l, n, "sigma.correlation_condition", "the correlation needs a condition", "condition: {gte: 10}");
	}
	if (k->type && k->type != CORR_EVENT_COUNT && !temporal && !k->n_field)
		complain(l, n, "sigma.correlation_field", "this type needs condition.field", NULL);
}

/* Field names as the pipelines name them; an alias is no field. */
static bool rename_fields(struct load *l, struct doc *doc)
{
	struct correlation *k = l->corr;
	bool ok = true;
	for (size_t i = 0; i < k->n_alias; i++)
		ok = pipelines_rename(l->c, doc, &k->alias[i].field) && ok;
	for (size_t i = 0; i < k->n_field; i++)
		ok = pipelines_rename(l->c, doc, &k->field[i]) && ok;
	for (size_t i = 0; i < k->n_group; i++) {
		bool alias = false;
		for (size_t a = 0; a < k->n_alias; a++)
			alias = alias || str_eq(k->alias[a].alias, k->group[i]);
		ok = (alias || pipelines_rename(l->c, doc, &k->group[i])) && ok;
	}
	return ok;
}

/* Keys of the section; window kinds that a proposal has and this engine does not. */
static void check_section(struct load *l)
{
	const struct yaml_node *window = yaml_get(l->section, "window"), *gap = yaml_get(l->section, "gap"), *generate = yaml_get(l->section, "generate");
	check_keys(l->section, "type rules group-by timespan timeframe aliases condition generate window gap", "sigma.misspelt_key", l->c->d);
	if (window && !str_eq(yaml_text(window), STR("sliding")))
		complain(l, window, "sigma.correlation_window", "only sliding windows are supported", "leave window out");
	if (gap)
		complain(l, gap, "sigma.correlation_window", "only sliding windows are supported: they have no gap", NULL);
	if (generate && generate->type != YAML_BOOL)
		complain(l, generate, "sigma.correlation", "generate takes true or false", "without quotes");
}

static bool has_name(const struct str *list, size_t n, struct str alias)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i], alias))
			return true;
	return false;
}

/* Aliases that nothing uses or that speak of rules that are not there; members twice. */
static void check_members(struct load *l)
{
	const struct correlation *k = l->corr;
	yaml_pairs(a, yaml_get(l->section, "aliases")) {
		if (!has_name(k->group, k->n_group, a->key->text) && !has_name(k->field, k->n_field, a->key->text))
			diag_warning(l->c->d, a->key->at, "sigma.unused_alias", "the alias \"%.*s\" is not used in group-by or condition.field", STR_ARG(a->key->text));
		yaml_pairs(rule, a) {
			if (has_name(k->member_name, k->n_member, rule->key->text))
				continue;
			diag_warning(l->c->d, rule->key->at, "sigma.correlation_aliases", "the correlation has no rule \"%.*s\"", STR_ARG(rule->key->text));
			diag_suggest(l->c->d, rule->key->text, k->member_name, k->n_member);
		}
	}
	const struct yaml_node *rules = yaml_get(l->section, "rules");
	yaml_each(r, rules) {
		for (const struct yaml_node *other = rules->kid; other != r; other = other->next)
			if (str_eq(yaml_text(other), yaml_text(r)))
				diag_warning(l->c->d, r->at, "sigma.correlation_rules", "the rule \"%.*s\" is here twice", STR_ARG(yaml_text(r)));
	}
	if (k->n_field && (k->type == CORR_EVENT_COUNT || k->type == CORR_TEMPORAL || k->type == CORR_TEMPORAL_ORDERED))
		diag_warning(l->c->d, yaml_get(yaml_get(l->section, "condition"), "field")->key->at, "sigma.correlation_field", "%s does not look at a field", CORR_NAMES[k->type]);
}

static bool expr_names(const struct expr *e, uint32_t leaf)
{
	for (size_t i = 0; i < e->n; i++)
		if (expr_names(e->kid[i], leaf))
			return true;
	return e->kind == EXPR_ATOM && e->atom == leaf;
}

/* A condition over rules must speak of each of them: one that it leaves out would have no part in it. */
static void check_extended(struct load *l)
{
	for (uint32_t i = 0; l->corr->extended && i < l->corr->n_member; i++)
		if (!expr_names(l->corr->extended, i)) {
			diag_error(l->c->d, yaml_get(l->section, "condition")->at, "sigma.correlation_condition", "the condition does not use the rule \"%.*s\"", STR_ARG(l->corr->member_name[i]));
			l->bad = true;
		}
}

bool correlation_compile(struct compiler *c, struct doc *doc, uint32_t rule)
{
	struct load l = {.c = c, .section = yaml_get(doc->root, "correlation"), .corr = &c->img->correlation[rule]};
	const struct yaml_node *generate = yaml_get(l.section, "generate");
	l.corr->at = doc->at;
	l.corr->percentile = 50;
	if (l.section->kind != YAML_MAP) {
		complain(&l, l.section, "sigma.correlation", "the correlation must be a map", NULL);
		return false;
	}
	check_section(&l);
	read_type(&l);
	l.corr->member_name = read_names(&l, yaml_get(l.section, "rules"), &l.corr->n_member);
	if (!l.corr->n_member)
		complain(&l, yaml_get(l.section, "rules"), "sigma.correlation_rules", "the correlation names no rules", NULL);
	l.corr->group = read_names(&l, yaml_get(l.section, "group-by"), &l.corr->n_group);
	l.corr->generate = generate && generate->type == YAML_BOOL && generate->boolean;
	read_timespan(&l);
	read_aliases(&l);
	read_condition(&l);
	check_members(&l);
	check_extended(&l);
	l.corr->rules = yaml_get(l.section, "rules");
	l.bad = !rename_fields(&l, doc) || l.bad;
	if (l.bad)
		l.corr->type = CORR_NONE;
	return !l.bad;
}

/* Follows members until nothing is left; a correlation that reaches itself is refused. */
static bool reaches(const struct sigma_image *img, uint32_t from, uint32_t what, int depth)
{
	const struct correlation *k = &img->correlation[from];
	if (depth > 16)
		return true;
	for (size_t i = 0; k->member && i < k->n_member; i++)
		if (k->member[i] == what || (img->correlation[k->member[i]].type && reaches(img, k->member[i], what, depth + 1)))
			return true;
	return false;
}

/* Said at the name in the list, with the nearest name that there is. */
static void unknown_rule(struct compiler *c, uint32_t at, size_t member)
{
	const struct sigma_image *img = c->img;
	const struct correlation *k = &img->correlation[at];
	struct str *names = arena_array(&c->scratch, 2 * img->n_rule + 1, sizeof(*names)), written = k->member_name[member];
	struct diag_at place = k->at;
	size_t n = 0;
	for (size_t i = 0; i < img->n_rule; i++) {
		names[n] = img->rule[i].name;
		n += img->rule[i].name.n > 0;
		names[n] = img->rule[i].id;
		n += img->rule[i].id.n > 0;
	}
	if (k->rules && k->rules->kind == YAML_SCALAR)
		place = k->rules->at;
	yaml_each(one, k->rules) {
		place = str_eq(yaml_text(one), written) ? one->at : place;
	}
	diag_file(c->d, img->rule[at].file);
	diag_error(c->d, place, "sigma.correlation_rules", "there is no usable rule \"%.*s\"", STR_ARG(written));
	diag_suggest(c->d, written, names, n);
}

static bool link_members(struct compiler *c, uint32_t at)
{
	struct sigma_image *img = c->img;
	struct correlation *k = &img->correlation[at];
	k->member = arena_array(&img->mem, k->n_member, sizeof(*k->member));
	for (size_t i = 0; i < k->n_member; i++) {
		const struct sigma_rule *r = sigma_image_find(img, k->member_name[i]);
		if (!r) {
			unknown_rule(c, at, i);
			return false;
		}
		k->member[i] = r->index;
	}
	return true;
}

static void drop(struct sigma_image *img, uint32_t at)
{
	img->correlation[at].type = CORR_NONE;
	img->correlation[at].n_member = 0;
	img->refused++;
}

/* Takes dropped correlations out of the image: every index behind them moves. */
static void close_gaps(struct sigma_image *img)
{
	uint32_t *to = must_calloc(img->n_rule, sizeof(*to)), n = 0;
	for (uint32_t i = 0; i < img->n_rule; i++) {
		to[i] = n;
		if (!img->code[i].expr && !img->correlation[i].type)
			continue;
		img->rule[n] = img->rule[i];
		img->code[n] = img->code[i];
		img->correlation[n] = img->correlation[i];
		img->rule[n].index = n;
		n++;
	}
	img->n_rule = n;
	map_clear(&img->by_name);
	for (uint32_t i = 0; i < n; i++) {
		for (size_t k = 0; k < img->correlation[i].n_member; k++)
			img->correlation[i].member[k] = to[img->correlation[i].member[k]];
		if (img->rule[i].id.n)
			*map_put(&img->by_name, img->rule[i].id, NULL) = i;
		if (img->rule[i].name.n)
			*map_put(&img->by_name, img->rule[i].name, NULL) = i;
	}
	free(to);
}

/* A correlation over a dropped one falls with it. */
static bool member_is_gone(const struct sigma_image *img, uint32_t at)
{
	for (size_t k = 0; k < img->correlation[at].n_member; k++) {
		uint32_t m = img->correlation[at].member[k];
		if (!img->code[m].expr && !img->correlation[m].type)
			return true;
	}
	return false;
}

static void drop_dependents(struct compiler *c)
{
	for (bool again = true; again;) {
		again = false;
		for (uint32_t i = 0; i < c->img->n_rule; i++) {
			if (!c->img->correlation[i].type || !member_is_gone(c->img, i))
				continue;
			diag_file(c->d, c->img->rule[i].file);
			diag_error(c->d, c->img->correlation[i].at, "sigma.correlation_rules", "a rule of this correlation was refused");
			drop(c->img, i);
			again = true;
		}
	}
}

bool correlations_link(struct compiler *c)
{
	struct sigma_image *img = c->img;
	bool ok = true;
	for (uint32_t i = 0; i < img->n_rule; i++)
		if (img->correlation[i].type && !link_members(c, i)) {
			drop(img, i);
			ok = false;
		}
	for (uint32_t i = 0; i < img->n_rule; i++)
		if (img->correlation[i].type && reaches(img, i, i, 0)) {
			diag_file(c->d, img->rule[i].file);
			diag_error(c->d, img->correlation[i].at, "sigma.correlation_cycle", "the correlation depends on itself, or chains deeper than 16");
			drop(img, i);
			ok = false;
		}
	drop_dependents(c);
	close_gaps(img);
	/* A rule that feeds a correlation speaks for itself only when some correlation generates it. */
	for (uint32_t i = 0; i < img->n_rule; i++)
		for (size_t k = 0; k < img->correlation[i].n_member; k++)
			img->rule[img->correlation[i].member[k]].silent = img->rule[img->correlation[i].member[k]].feeds = true;
	for (uint32_t i = 0; i < img->n_rule; i++)
		for (size_t k = 0; img->correlation[i].generate && k < img->correlation[i].n_member; k++)
			img->rule[img->correlation[i].member[k]].silent = img->rule[img->correlation[i].member[k]].hidden;
	return ok;
}
