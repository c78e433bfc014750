/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/detection.h"

#define DEPTH_MAX 64

struct parse {
	struct compiler *c;
	struct detection *d;
	const struct yaml_node *node; /* the condition's text */
	struct str rest, token;
	size_t column; /* of token, bytes into the text */
	int depth;
	bool bad;
};

/* Stands for "nothing is left here": a pipeline took all items of a selection away. It falls out of and, or and not. */
static struct expr NOTHING;

/* ---- selections ------------------------------------------------------------------------------------------------------------------- */

static struct expr *joined(struct compiler *c, bool any, struct expr *left, struct expr *right)
{
	if (left == &NOTHING)
		return right;
	if (right == &NOTHING)
		return left;
	struct expr *both = expr_new(&c->img->mem, any ? EXPR_OR : EXPR_AND, 2);
	expr_add(both, left);
	expr_add(both, right);
	return both;
}

static struct expr *negated(struct compiler *c, struct expr *e)
{
	return e == &NOTHING ? e : expr_not(&c->img->mem, e);
}

static struct expr *item_expr(struct compiler *c, const struct item *it)
{
	struct expr *e = expr_new(&c->img->mem, it->all ? EXPR_AND : EXPR_OR, it->n ? it->n : 1);
	struct value absent = {.kind = VALUE_NULL, .at = it->at};
	bool bad = false;
	for (size_t i = 0; i < it->n || (i == 0 && !it->n); i++) {
		struct expr *kid = value_expr(c, it, it->n ? it->value[i] : &absent); /* an empty list asks for null */
		if (kid)
			expr_add(e, kid);
		bad = bad || !kid;
	}
	return bad ? NULL : it->negated ? expr_not(&c->img->mem, e) : e;
}

static struct expr *node_compile(struct compiler *c, const struct node *n)
{
	if (n->item)
		return item_expr(c, n->item);
	struct expr *e = n->n ? expr_new(&c->img->mem, n->any ? EXPR_OR : EXPR_AND, n->n) : &NOTHING;
	bool bad = false;
	for (size_t i = 0; i < n->n; i++) {
		struct expr *kid = node_compile(c, n->kid[i]);
		if (kid && kid != &NOTHING)
			expr_add(e, kid);
		bad = bad || !kid;
	}
	if (bad)
		return NULL;
	return !e->n ? &NOTHING : n->negated ? expr_not(&c->img->mem, e) : e;
}

static struct expr *selection_expr(struct parse *p, struct selection *s)
{
	s->used = true;
	if (!s->expr) {
		struct expr *e = node_compile(p->c, s->node);
		if (!e) {
			p->bad = true;
			return NULL;
		}
		if (e == &NOTHING)
			return s->expr = e;
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
	struct expr *e = &NOTHING;
	bool any = false;
	for (size_t i = 0; i < p->d->n; i++) {
		if (!pattern_fits(pattern, p->d->sel[i].name))
			continue;
		struct expr *kid = selection_expr(p, &p->d->sel[i]);
		if (!kid)
			return NULL;
		e = joined(p->c, !all, e, kid);
		any = true;
	}
	if (!any) {
		complain(p, "sigma.no_such_selection", "no selection fits this pattern", NULL);
		return NULL;
	}
	advance(p);
	return e;
}

static struct expr *or_level(struct parse *p);

static struct expr *named(struct parse *p)
{
	struct str *names = arena_array(&p->c->scratch, p->d->n + 1, sizeof(*names));
	for (size_t i = 0; i < p->d->n; i++) {
		names[i] = p->d->sel[i].name;
		if (str_eq(p->d->sel[i].name, p->token)) {
			advance(p);
			return selection_expr(p, &p->d->sel[i]);
		}
	}
	if (!p->token.n) {
		complain(p, "sigma.condition", "the condition ends where a selection is expected", NULL);
	} else if (str_ieq(p->token, STR("and")) || str_ieq(p->token, STR("or")) || str_ieq(p->token, STR("not"))) {
		complain(p, "sigma.condition", "a selection is expected here", "operators are written in lower case between selections");
	} else {
		complain(p, "sigma.no_such_selection", "there is no selection of this name", NULL);
		diag_suggest(p->c->d, p->token, names, p->d->n);
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
	return e && negate ? negated(p->c, e) : e;
}

static struct expr *and_level(struct parse *p)
{
	struct expr *e = not_level(p);
	while (e && at_word(p, "and")) {
		advance(p);
		struct expr *right = not_level(p);
		if (!right)
			return NULL;
		e = joined(p->c, false, e, right);
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
		struct expr *right = and_level(p);
		if (!right)
			return NULL;
		e = joined(p->c, true, e, right);
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

static void unused(struct compiler *c, const struct detection *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (!d->sel[i].used)
			diag_warning(c->d, d->sel[i].at, "sigma.unused_selection", "the selection \"%.*s\" is not used by the condition", STR_ARG(d->sel[i].name));
}

/* All conditions of one section: a list is an OR. */
static struct expr *section_compile(struct compiler *c, struct detection *d)
{
	struct parse p = {.c = c, .d = d};
	struct expr *e = &NOTHING;
	diag_file(c->d, d->doc->meta.file);
	if (d->condition->kind != YAML_LIST)
		return condition_text(&p, d->condition);
	yaml_each(one, d->condition) {
		struct expr *kid = condition_text(&p, one);
		e = !e || !kid ? NULL : joined(c, true, e, kid);
	}
	if (!d->condition->n) {
		diag_error(c->d, d->condition->at, "sigma.condition", "the list of conditions is empty");
		return NULL;
	}
	return p.bad ? NULL : e;
}

static struct expr *with_extra(struct compiler *c, struct detection *d, struct expr *e)
{
	for (size_t i = 0; i < d->n_extra && e; i++) {
		struct expr *extra = node_compile(c, d->extra[i].node);
		if (extra && d->extra[i].negated)
			extra = negated(c, extra);
		e = extra ? joined(c, false, extra, e) : NULL;
	}
	return e;
}

struct expr *detection_compile(struct compiler *c, struct detection *d)
{
	struct expr *e = section_compile(c, d);
	struct doc *doc = d->doc;
	e = e ? with_extra(c, d, e) : NULL;
	if (e)
		unused(c, d);
	for (struct detection *f = d->filter; f && e; f = f->filter) {
		struct expr *also = section_compile(c, f);
		e = also ? joined(c, false, e, also) : NULL;
	}
	diag_file(c->d, doc->meta.file);
	if (e != &NOTHING)
		return e;
	diag_error(c->d, d->condition->at, "sigma.nothing_left", "nothing is left of this rule: a pipeline dropped all of its items");
	return NULL;
}
