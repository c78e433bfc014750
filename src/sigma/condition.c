/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/parts.h"

#define DEPTH_MAX 64
#define SELECTIONS_MAX 512

struct selection {
	struct str name;
	const struct yaml_node *node;
	struct expr *expr;
	bool used;
};

struct parse {
	struct compiler *c;
	struct selection sel[SELECTIONS_MAX];
	size_t n;
	const struct yaml_node *node; /* the condition's text */
	struct str rest, token;
	size_t column; /* of token, bytes into the text */
	int depth;
	bool bad;
};

/* ---- selections ------------------------------------------------------------------------------------------------------------------- */

static struct expr *selection_map(struct compiler *c, const struct yaml_node *map)
{
	struct expr *all = expr_new(&c->img->mem, EXPR_AND, map->n);
	bool bad = false;
	yaml_pairs(item, map) {
		struct expr *e = item_compile(c, item);
		if (e)
			expr_add(all, e);
		bad = bad || !e;
	}
	if (!map->n) {
		diag_error(c->d, map->at, "sigma.empty_selection", "the selection is empty");
		return NULL;
	}
	return bad ? NULL : all;
}

static struct expr *selection_value(struct compiler *c, const struct yaml_node *n, int depth)
{
	if (n->kind == YAML_MAP)
		return selection_map(c, n);
	if (n->kind == YAML_SCALAR)
		return keyword_compile(c, n);
	if (!n->n || depth == DEPTH_MAX) {
		diag_error(c->d, n->at, "sigma.empty_selection", "the selection is empty");
		return NULL;
	}
	struct expr *any = expr_new(&c->img->mem, EXPR_OR, n->n);
	yaml_each(v, n) {
		struct expr *e = selection_value(c, v, depth + 1);
		if (!e)
			return NULL;
		expr_add(any, e);
	}
	return any;
}

static struct expr *selection_expr(struct parse *p, struct selection *s)
{
	s->used = true;
	if (!s->expr) {
		struct expr *e = selection_value(p->c, s->node, 0);
		if (!e) {
			p->bad = true;
			return NULL;
		}
		/* A node of its own carries the selection's name for the explanation. */
		s->expr = expr_new(&p->c->img->mem, EXPR_AND, 1);
		expr_add(s->expr, e);
		s->expr->selection = arena_dup(&p->c->img->mem, s->name);
	}
	return s->expr;
}

/* ---- condition text --------------------------------------------------------------------------------------------------------------- */

static void complain(struct parse *p, const char *code, const char *text, const char *hint)
{
	if (!p->bad) {
		struct diag_at at = p->node->at;
		at.column += (unsigned)p->column + (p->node->quoted ? 1 : 0);
		diag_error(p->c->d, at, code, "%s%s%.*s%s", text, p->token.n ? ": \"" : "", STR_ARG(p->token), p->token.n ? "\"" : "");
		if (hint)
			diag_hint(p->c->d, "%s", hint);
	}
	p->bad = true;
}

static bool is_name_char(unsigned char c)
{
	return ch_is_alnum(c) || c == '_' || c == '-' || c == '*' || c == '.' || c == '?';
}

static void advance(struct parse *p)
{
	struct str s = p->rest;
	while (s.n && ch_is_space((unsigned char)s.p[0]))
		s = str_sub(s, 1, s.n);
	size_t n = 0;
	while (n < s.n && is_name_char((unsigned char)s.p[n]))
		n++;
	if (!n && s.n)
		n = 1;
	p->column = (size_t)(s.p - p->node->text.p);
	p->token = str_sub(s, 0, n);
	p->rest = str_sub(s, n, s.n);
}

static bool at_word(const struct parse *p, const char *word)
{
	return str_eq(p->token, str_c(word));
}

static bool pattern_fits(struct str pattern, struct str name)
{
	if (str_eq(pattern, STR("them")))
		return !str_starts(name, STR("_"));
	if (str_starts(name, STR("_")) && !str_starts(pattern, STR("_")))
		return false;
	return glob_match(pattern, name);
}

/* "1 of x*", "any of them", "all of x*" with the quantifier already known */
static struct expr *quantified(struct parse *p, bool all)
{
	advance(p);
	if (!at_word(p, "of")) {
		complain(p, "sigma.condition", "\"of\" is expected here", NULL);
		return NULL;
	}
	advance(p);
	struct str pattern = p->token;
	struct expr *e = expr_new(&p->c->img->mem, all ? EXPR_AND : EXPR_OR, p->n);
	for (size_t i = 0; i < p->n; i++) {
		if (!pattern_fits(pattern, p->sel[i].name))
			continue;
		struct expr *kid = selection_expr(p, &p->sel[i]);
		if (!kid)
			return NULL;
		expr_add(e, kid);
	}
	if (!e->n) {
		complain(p, "sigma.no_such_selection", "no selection fits this pattern", NULL);
		return NULL;
	}
	advance(p);
	return e;
}

static struct expr *or_level(struct parse *p);

static struct expr *named(struct parse *p)
{
	struct str names[SELECTIONS_MAX];
	for (size_t i = 0; i < p->n; i++) {
		names[i] = p->sel[i].name;
		if (str_eq(p->sel[i].name, p->token)) {
			advance(p);
			return selection_expr(p, &p->sel[i]);
		}
	}
	if (!p->token.n) {
		complain(p, "sigma.condition", "the condition ends where a selection is expected", NULL);
	} else if (str_ieq(p->token, STR("and")) || str_ieq(p->token, STR("or")) || str_ieq(p->token, STR("not"))) {
		complain(p, "sigma.condition", "a selection is expected here", "operators are written in lower case between selections");
	} else {
		complain(p, "sigma.no_such_selection", "there is no selection of this name", NULL);
		diag_suggest(p->c->d, p->token, names, p->n);
	}
	return NULL;
}

static struct expr *primary(struct parse *p)
{
	if (at_word(p, "(")) {
		advance(p);
		struct expr *e = or_level(p);
		if (e && !at_word(p, ")")) {
			complain(p, "sigma.condition", "a closing parenthesis is missing here", NULL);
			return NULL;
		}
		advance(p);
		return e;
	}
	struct str look = p->rest, next;
	bool of = str_word(&look, &next) && str_eq(next, STR("of"));
	if (of && (at_word(p, "1") || at_word(p, "any") || at_word(p, "all")))
		return quantified(p, at_word(p, "all"));
	return named(p);
}

static struct expr *not_level(struct parse *p)
{
	bool negate = false;
	while (at_word(p, "not")) {
		negate = !negate;
		advance(p);
	}
	struct expr *e = primary(p);
	if (!e || !negate)
		return e;
	struct expr *not = expr_new(&p->c->img->mem, EXPR_NOT, 1);
	expr_add(not, e);
	return not;
}

static struct expr *and_level(struct parse *p)
{
	struct expr *e = not_level(p);
	while (e && at_word(p, "and")) {
		advance(p);
		struct expr *right = not_level(p), *both = right ? expr_new(&p->c->img->mem, EXPR_AND, 2) : NULL;
		if (!both)
			return NULL;
		expr_add(both, e);
		expr_add(both, right);
		e = both;
	}
	return e;
}

static struct expr *or_level(struct parse *p)
{
	if (++p->depth > DEPTH_MAX) {
		complain(p, "sigma.condition", "the condition is nested too deeply", NULL);
		return NULL;
	}
	struct expr *e = and_level(p);
	while (e && at_word(p, "or")) {
		advance(p);
		struct expr *right = and_level(p), *either = right ? expr_new(&p->c->img->mem, EXPR_OR, 2) : NULL;
		if (!either)
			return NULL;
		expr_add(either, e);
		expr_add(either, right);
		e = either;
	}
	p->depth--;
	return e;
}

static struct expr *condition_text(struct parse *p, const struct yaml_node *node)
{
	if (node->kind != YAML_SCALAR) {
		diag_error(p->c->d, node->at, "sigma.condition", "a condition is text");
		p->bad = true;
		return NULL;
	}
	p->node = node;
	p->rest = node->text;
	p->depth = 0;
	advance(p);
	struct expr *e = or_level(p);
	if (e && p->token.n) {
		complain(p, "sigma.condition", "the condition cannot go on like this", at_word(p, "|") ? "aggregations are correlation rules now (Sigma 2)" : "join selections by and, or");
		return NULL;
	}
	return e;
}

static void unused(struct parse *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (!p->sel[i].used)
			diag_warning(p->c->d, p->sel[i].node->key->at, "sigma.unused_selection", "the selection \"%.*s\" is not used by the condition", STR_ARG(p->sel[i].name));
}

struct expr *detection_compile(struct compiler *c, const struct yaml_node *detection)
{
	struct parse *p = arena_new(&c->scratch, struct parse);
	const struct yaml_node *condition = yaml_get(detection, "condition");
	struct expr *e = NULL;
	p->c = c;
	if (detection->kind != YAML_MAP || !condition) {
		diag_error(c->d, detection->at, "sigma.no_condition", "a detection is a map of selections with a condition");
		return NULL;
	}
	yaml_pairs(n, detection) {
		if (n == condition || str_eq(n->key->text, STR("timeframe")))
			continue;
		if (p->n == SELECTIONS_MAX) {
			diag_error(c->d, n->at, "sigma.too_many_selections", "more than %d selections", SELECTIONS_MAX);
			return NULL;
		}
		p->sel[p->n++] = (struct selection){.name = n->key->text, .node = n};
	}
	if (condition->kind != YAML_LIST) {
		e = condition_text(p, condition);
	} else {
		e = expr_new(&c->img->mem, EXPR_OR, condition->n);
		yaml_each(one, condition) {
			struct expr *kid = condition_text(p, one);
			if (kid)
				expr_add(e, kid);
		}
	}
	if (p->bad || !e || (e->kind == EXPR_OR && !e->n))
		return NULL;
	unused(p);
	return e;
}
