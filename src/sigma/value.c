/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/detection.h"
#include "sigma/literals.h"
#include "sigma/regex.h"

#include "base/num.h"
#include "base/utf8.h"

/* Typed values to expressions over interned atoms. */

struct expr *expr_new(struct arena *mem, enum expr_kind kind, size_t room)
{
	struct expr *e = arena_new(mem, struct expr);
	e->kind = (uint8_t)kind;
	e->kid = room ? arena_array(mem, room, sizeof(struct expr *)) : NULL;
	return e;
}

void expr_add(struct expr *e, struct expr *kid)
{
	e->kid[e->n++] = kid;
}

struct expr *expr_not(struct arena *mem, struct expr *of)
{
	struct expr *not = of ? expr_new(mem, EXPR_NOT, 1) : NULL;
	if (not)
		expr_add(not, of);
	return not;
}

bool expr_holds(const struct expr *e, bool (*holds)(void *arg, uint32_t leaf), void *arg)
{
	switch ((enum expr_kind)e->kind) {
	case EXPR_ATOM:
		return holds(arg, e->atom);
	case EXPR_NOT:
		return !expr_holds(e->kid[0], holds, arg);
	case EXPR_AND:
		for (size_t i = 0; i < e->n; i++)
			if (!expr_holds(e->kid[i], holds, arg))
				return false;
		return true;
	case EXPR_OR:
		for (size_t i = 0; i < e->n; i++)
			if (expr_holds(e->kid[i], holds, arg))
				return true;
		return false;
	case EXPR_TRUE:
		return true;
	case EXPR_FALSE:
		break;
	}
	return false;
}

struct str fold_dup(struct arena *mem, struct str s)
{
	char *p = arena_alloc(mem, UTF8_FOLD_MAX(s.n) + LITERAL_ROOM);
	size_t n = utf8_fold(p, s.p, s.n);
	memset(p + n, 0, LITERAL_ROOM);
	return str_n(p, n);
}

uint32_t atom_intern(struct compiler *c, const struct atom *a)
{
	struct str key = arena_fmt(&c->scratch, "%u|%d|%u|%u|%u|%u|%.17g|%lld|%d|%.*s", a->field, a->keyword, a->op, a->flags, a->sub, a->other, a->number, (long long)a->integer,
		a->is_int, STR_ARG(a->text));
	bool fresh;
	uint64_t *at = map_put(&c->atom_index, key, &fresh);
	if (fresh) {
		*at = c->atoms.n;
		vec_push(&c->atoms, *a);
	} else if (a->re) {
		regex_free(a->re);
	}
	return (uint32_t)*at;
}

struct expr *expr_atom(struct compiler *c, const struct atom *a)
{
	struct expr *e = expr_new(&c->img->mem, EXPR_ATOM, 0);
	e->atom = atom_intern(c, a);
	return e;
}

static struct expr *atom_of(struct compiler *c, struct atom *a, enum atom_op op, struct str text)
{
	a->op = (uint8_t)op;
	a->text = arena_dup(&c->img->mem, text);
	return expr_atom(c, a);
}

/* A string with its wildcards to the cheapest operator that says the same. */
static struct expr *text_expr(struct compiler *c, struct atom *a, const struct value *v)
{
	struct sstring t = v->text;
	bool open_front = a->keyword, open_back = a->keyword;
	sstring_strip(&t, &open_front, &open_back);
	enum atom_op op = open_front && open_back ? ATOM_CONTAINS : open_front ? ATOM_SUFFIX : open_back ? ATOM_PREFIX : ATOM_EQ;
	struct str text;
	if (sstring_has_wildcard(&t)) {
		op = ATOM_GLOB;
		text = sstring_glob(&c->scratch, &t, open_front, open_back);
	} else {
		text = sstring_plain(&c->scratch, &t);
	}
	a->flags = v->flags;
	return atom_of(c, a, op, a->flags & ATOM_F_CASED ? text : fold_dup(&c->scratch, text));
}

static struct expr *number_expr(struct compiler *c, struct atom *a, const struct value *v)
{
	char text[WHOLE_DIGITS_MAX];
	struct str digits;
	a->sub = v->kind == VALUE_COMPARE ? v->sub : CMP_EQ;
	a->is_int = num_i64(v->plain, &a->integer);
	if (a->is_int)
		a->number = (double)a->integer;
	else if (!num_double(v->plain, &a->number)) {
		diag_error(c->d, v->at, "sigma.bad_number", "this is not a number that can be compared");
		return NULL;
	}
	/* Whole numbers beyond 64 bits are their digits, which alone tell them apart. A keyword is looked for as it is written. */
	if (a->is_int)
		digits = str_n(text, num_format_i64(text, a->integer));
	else if (a->keyword && str_chr(v->plain, '.') == STR_NPOS)
		digits = v->plain;
	else if (!val_whole_digits((struct val){.kind = VAL_NUM, .u.p = v->plain.p, .n = (uint32_t)v->plain.n}, text, &digits))
		digits = str_n(text, num_format_double(text, a->number));
	return atom_of(c, a, a->keyword ? ATOM_CONTAINS : ATOM_NUMBER, digits);
}

static struct expr *regex_expr(struct compiler *c, struct atom *a, const struct value *v)
{
	struct regex_fault fault;
	a->flags = v->flags;
	struct str pattern = sstring_plain(&c->scratch, &v->text);
	a->re = regex_new(pattern, a->flags, &fault);
	if (!a->re) {
		char why[200];
		pcre2_get_error_message(fault.code, (PCRE2_UCHAR *)why, sizeof(why));
		diag_error(c->d, v->at, "sigma.bad_regex", "the regular expression cannot be used: %s (at its character %zu)", why, fault.at);
		return NULL;
	}
	return atom_of(c, a, ATOM_REGEX, pattern);
}

static struct expr *fieldref_expr(struct compiler *c, struct atom *a, const struct value *v)
{
	a->sub = v->sub;
	a->flags = v->flags;
	if (vocab_add_field(c->vocab, v->plain, &a->other) < 0) {
		diag_error(c->d, v->at, "sigma.too_many_fields", "too many different field names");
		return NULL;
	}
	return atom_of(c, a, ATOM_FIELDREF, v->plain);
}

static struct expr *cidr_expr(struct compiler *c, struct atom *a, const struct value *v)
{
	if (!num_cidr(v->plain, true, a->net, &a->bits)) {
		diag_error(c->d, v->at, "sigma.bad_cidr", "this is not a network");
		return NULL;
	}
	return atom_of(c, a, ATOM_CIDR, v->plain);
}

static struct expr *exists_expr(struct compiler *c, struct atom *a, const struct value *v)
{
	struct expr *e = atom_of(c, a, ATOM_EXISTS, STR(""));
	return v->boolean ? e : expr_not(&c->img->mem, e);
}

static struct expr *time_expr(struct compiler *c, struct atom *a, const struct value *v)
{
	a->op = ATOM_TIME;
	a->sub = v->sub;
	a->is_int = num_i64(v->plain, &a->integer);
	return expr_atom(c, a);
}

static struct expr *any_expr(struct compiler *c, const struct item *it, const struct value *v)
{
	struct expr *any = expr_new(&c->img->mem, v->n ? EXPR_OR : EXPR_FALSE, v->n);
	for (size_t i = 0; i < v->n; i++) {
		struct expr *e = value_expr(c, it, v->kid[i]);
		if (!e)
			return NULL;
		expr_add(any, e);
	}
	return any;
}

struct expr *value_expr(struct compiler *c, const struct item *it, const struct value *v)
{
	struct atom a = {.keyword = !it->field.n};
	if (it->field.n && vocab_add_field(c->vocab, it->field, &a.field) < 0) {
		diag_error(c->d, it->at, "sigma.too_many_fields", "too many different field names");
		return NULL;
	}
	switch ((enum value_kind)v->kind) {
	case VALUE_TEXT:
		return text_expr(c, &a, v);
	case VALUE_NUMBER:
	case VALUE_COMPARE:
		return number_expr(c, &a, v);
	case VALUE_BOOL:
		return atom_of(c, &a, a.keyword ? ATOM_CONTAINS : ATOM_EQ, v->boolean ? STR("true") : STR("false"));
	case VALUE_NULL:
		return atom_of(c, &a, ATOM_NULL, STR(""));
	case VALUE_REGEX:
		return regex_expr(c, &a, v);
	case VALUE_CIDR:
		return cidr_expr(c, &a, v);
	case VALUE_EXISTS:
		return exists_expr(c, &a, v);
	case VALUE_FIELDREF:
		return fieldref_expr(c, &a, v);
	case VALUE_TIME:
		return time_expr(c, &a, v);
	case VALUE_ANY:
		return any_expr(c, it, v);
	}
	must_not_reach("kinds are exhausted");
}
