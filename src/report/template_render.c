/* SPDX-License-Identifier: Apache-2.0 */
#include "report/template_parts.h"

#include "base/num.h"

#include <errno.h>
#include <string.h>

#define STEPS_MAX 5000000u /* nodes of one rendering: loops in loops over what outsiders sent */
#define SUGGEST_MAX 64

/* Names that for and include bind, innermost first. */
struct scope {
	struct str name;
	const json_t *value;
	const struct scope *up;
};

struct render {
	const json_t *model;
	const struct template_env *env;
	const struct template_file *file;
	struct diag *d;
	struct buf *out;
	unsigned steps;
	int err;
};

static void complain(struct render *r, struct diag_at at, const char *code, const char *text, struct str what)
{
	if (r->err)
		return;
	diag_file(r->d, r->file->name);
	r->err = diag_error(r->d, at, code, "%s: %.*s", text, STR_ARG(what));
	diag_file(r->d, STR(""));
}

/* ---- values ------------------------------------------------------------------------------------------------------------------------------------------------ */

/* A value of an expression: borrowed JSON, or a truth or a text that stands in the template. */
struct value {
	const json_t *json; /* NULL = the others count */
	struct str text;
	int64_t number;
	enum { IS_JSON, IS_TEXT, IS_NUMBER } kind;
};

static void suggest(struct render *r, const json_t *object, struct str name)
{
	struct str names[SUGGEST_MAX];
	size_t n = 0;
	const char *key;
	json_t *v;
	json_object_foreach((json_t *)(uintptr_t)object, key, v)
	{
		if (n < SUGGEST_MAX)
			names[n++] = str_c(key);
	}
	if (r->d)
		diag_suggest(r->d, name, names, n);
}

static const json_t *look_up(struct render *r, const struct scope *s, const struct expr *e)
{
	struct str rest = e->text, name;
	str_cut(&rest, '.', &name);
	const json_t *at = NULL;
	for (; s && !at; s = s->up)
		if (str_eq(s->name, name))
			at = s->value;
	const json_t *in = r->model;
	if (!at)
		at = json_object_getn(in, name.p, name.n);
	while (at && str_cut(&rest, '.', &name)) {
		in = at;
		at = json_object_getn(in, name.p, name.n);
	}
	if (at || e->optional)
		return at ? at : json_null();
	complain(r, e->at, "template.no_member", "there is no such member", e->text);
	suggest(r, in, name);
	return json_null();
}

static struct value evaluate(struct render *r, const struct scope *s, const struct expr *e);

static bool is_true(struct value v)
{
	if (v.kind == IS_TEXT)
		return v.text.n > 0;
	if (v.kind == IS_NUMBER)
		return v.number != 0;
	const json_t *j = v.json;
	return json_is_true(j) || (json_is_string(j) && json_string_length(j)) || (json_is_integer(j) && json_integer_value(j)) || json_array_size(j) > 0 || json_object_size(j) > 0;
}

static struct value truth(bool b)
{
	return (struct value){.json = b ? json_true() : json_false()};
}

static bool same(struct value a, struct value b)
{
	struct value x[] = {a, b};
	for (int i = 0; i < 2; i++) {
		if (x[i].kind != IS_JSON)
			continue;
		if (json_is_string(x[i].json))
			x[i] = (struct value){.kind = IS_TEXT, .text = str_n(json_string_value(x[i].json), json_string_length(x[i].json))};
		else if (json_is_integer(x[i].json))
			x[i] = (struct value){.kind = IS_NUMBER, .number = json_integer_value(x[i].json)};
	}
	if (x[0].kind != x[1].kind)
		return false;
	return x[0].kind == IS_TEXT ? str_eq(x[0].text, x[1].text) : x[0].kind == IS_NUMBER ? x[0].number == x[1].number : json_equal(x[0].json, x[1].json);
}

static struct value evaluate(struct render *r, const struct scope *s, const struct expr *e)
{
	switch (e->kind) {
	case EXPR_PATH: return (struct value){.json = look_up(r, s, e)};
	case EXPR_TEXT: return (struct value){.kind = IS_TEXT, .text = e->text};
	case EXPR_NUMBER: return (struct value){.kind = IS_NUMBER, .number = e->number};
	case EXPR_NOT: return truth(!is_true(evaluate(r, s, e->a)));
	case EXPR_AND: return truth(is_true(evaluate(r, s, e->a)) && is_true(evaluate(r, s, e->b)));
	case EXPR_OR: return truth(is_true(evaluate(r, s, e->a)) || is_true(evaluate(r, s, e->b)));
	case EXPR_EQ: return truth(same(evaluate(r, s, e->a), evaluate(r, s, e->b)));
	case EXPR_NE: return truth(!same(evaluate(r, s, e->a), evaluate(r, s, e->b)));
	default: must_not_reach("a kind of expr_kind");
	}
}

/* ---- nodes ---------------------------------------------------------------------------------------------------------------------------------------------------- */

static void render_nodes(struct render *r, const struct scope *s, const struct node *n);

static void render_filtered(struct render *r, const struct node *n, struct value v)
{
	struct buf text = BUF_INIT(1u << 20);
	const struct filter *f = &FILTERS[n->filter];
	if (v.kind != IS_JSON || f->fn(v.json, r->env, &text) < 0) {
		complain(r, n->at, "template.bad_value", "the filter cannot use this value; it wants", str_c(f->wants));
	} else {
		html_escape(r->out, buf_str(&text));
	}
	buf_done(&text);
}

static void render_value(struct render *r, const struct scope *s, const struct node *n)
{
	struct value v = evaluate(r, s, n->expr);
	char digits[24];
	if (v.kind == IS_JSON && json_is_null(v.json))
		return;
	if (n->filter >= 0)
		render_filtered(r, n, v);
	else if (v.kind == IS_TEXT)
		html_escape(r->out, v.text);
	else if (v.kind == IS_NUMBER || json_is_integer(v.json))
		buf_add(r->out, str_n(digits, num_format_i64(digits, v.kind == IS_NUMBER ? v.number : json_integer_value(v.json))));
	else if (json_is_string(v.json))
		html_escape(r->out, str_n(json_string_value(v.json), json_string_length(v.json)));
	else
		complain(r, n->at, "template.bad_value", "a list, an object or a truth cannot be shown as it is", n->expr->text);
}

static void render_for(struct render *r, const struct scope *s, const struct node *n)
{
	struct value v = evaluate(r, s, n->expr);
	size_t count = v.kind == IS_JSON ? json_array_size(v.json) : 0;
	if (v.kind != IS_JSON || !(json_is_array(v.json) || json_is_null(v.json))) {
		complain(r, n->at, "template.bad_value", "for needs a list", n->expr->text);
		return;
	}
	if (!count)
		render_nodes(r, s, n->other);
	for (size_t i = 0; i < count && !r->err; i++) {
		json_t *loop = json_pack("{s:i, s:b, s:b}", "number", (int)i + 1, "first", i == 0, "last", i + 1 == count);
		struct scope at = {STR("loop"), loop, s}, item = {n->text, json_array_get(v.json, i), &at};
		render_nodes(r, &item, n->body);
		json_decref(loop);
	}
}

static void render_include(struct render *r, const struct scope *s, const struct node *n)
{
	const struct template_file *was = r->file;
	struct scope with = {n->text, NULL, s};
	if (n->expr) {
		struct value v = evaluate(r, s, n->expr);
		if (v.kind != IS_JSON) {
			complain(r, n->at, "template.bad_value", "with needs a value of the report", n->text);
			return;
		}
		with.value = v.json;
	}
	r->file = n->file;
	render_nodes(r, n->expr ? &with : s, n->file->first);
	r->file = was;
}

static void render_nodes(struct render *r, const struct scope *s, const struct node *n)
{
	for (; n && !r->err; n = n->next) {
		if (++r->steps > STEPS_MAX)
			complain(r, n->at, "template.too_long", "the report becomes too long", r->file->name);
		switch (n->kind) {
		case NODE_TEXT: buf_add(r->out, n->text); break;
		case NODE_SAY: html_escape(r->out, r->env->ja ? n->text : n->other_text); break;
		case NODE_VALUE: render_value(r, s, n); break;
		case NODE_IF: render_nodes(r, s, is_true(evaluate(r, s, n->expr)) ? n->body : n->other); break;
		case NODE_FOR: render_for(r, s, n); break;
		case NODE_INCLUDE: render_include(r, s, n); break;
		default: must_not_reach("a kind of node_kind");
		}
		r->err = r->err ? r->err : r->out->err;
	}
}

int template_render(const struct template *t, const json_t *model, const struct template_env *env, struct diag *d, struct buf *out)
{
	struct render r = {.model = model, .env = env, .file = t->main, .d = d, .out = out};
	render_nodes(&r, NULL, t->main->first);
	return r.err;
}
