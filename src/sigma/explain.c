/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/explain.h"
#include "sigma/parts.h"

/* ---- atoms in words --------------------------------------------------------------------------------------------------------------------- */

static const char *op_name(const struct atom *a)
{
	static const char *const compare[] = {[CMP_EQ] = "=", [CMP_LT] = "lt", [CMP_LTE] = "lte", [CMP_GT] = "gt", [CMP_GTE] = "gte"};
	static const char *const names[] = {[ATOM_EQ] = "=", [ATOM_PREFIX] = "startswith", [ATOM_SUFFIX] = "endswith", [ATOM_CONTAINS] = "contains", [ATOM_GLOB] = "like", [ATOM_REGEX] = "re",
		[ATOM_CIDR] = "cidr", [ATOM_NULL] = "is null", [ATOM_EXISTS] = "exists", [ATOM_FIELDREF] = "fieldref", [ATOM_TIME] = "time"};
	return a->op == ATOM_NUMBER ? compare[a->sub] : names[a->op];
}

static struct str cidr_text(const struct atom *a, struct arena *mem)
{
	bool v4 = a->bits >= 96;
	for (size_t i = 0; i < 12 && v4; i++)
		v4 = a->net[i] == (i < 10 ? 0 : 0xff);
	if (v4)
		return arena_fmt(mem, "%u.%u.%u.%u/%u", a->net[12], a->net[13], a->net[14], a->net[15], a->bits - 96);
	struct str s = arena_fmt(mem, "%x", a->net[0] << 8 | a->net[1]);
	for (size_t i = 2; i < 16; i += 2)
		s = arena_fmt(mem, "%.*s:%x", STR_ARG(s), a->net[i] << 8 | a->net[i + 1]);
	return arena_fmt(mem, "%.*s/%u", STR_ARG(s), a->bits);
}

static struct str atom_value(const struct sigma_image *img, const struct atom *a, struct arena *mem)
{
	switch ((enum atom_op)a->op) {
	case ATOM_CIDR:
		return cidr_text(a, mem);
	case ATOM_FIELDREF:
		return vocab_field_name(img->vocab, a->other);
	case ATOM_NUMBER:
	case ATOM_TIME:
		return a->text.n ? a->text : val_text(a->is_int ? (struct val){.kind = VAL_INT, .u.i = a->integer} : (struct val){.kind = VAL_DOUBLE, .u.d = a->number}, mem);
	case ATOM_NULL:
	case ATOM_EXISTS:
		return STR("");
	case ATOM_EQ:
	case ATOM_PREFIX:
	case ATOM_SUFFIX:
	case ATOM_CONTAINS:
	case ATOM_GLOB:
	case ATOM_REGEX:
		break;
	}
	return a->text;
}

static struct str atom_field(const struct sigma_image *img, const struct atom *a)
{
	return a->keyword || a->field == FIELD_UNKNOWN ? STR("") : vocab_field_name(img->vocab, a->field);
}

/* ---- the rule's questions --------------------------------------------------------------------------------------------------------------- */

struct collecting {
	const struct sigma_image *img;
	const struct rule_code *code;
	struct arena *mem;
	VEC(uint32_t) atoms;
	VEC(struct sigma_question) out;
};

static bool is_gate(const struct rule_code *code, uint32_t atom)
{
	for (size_t i = 0; i < code->n_witness; i++)
		if (code->witness[i] == atom)
			return true;
	return false;
}

static void collect(struct collecting *c, const struct expr *e)
{
	for (size_t i = 0; i < e->n; i++)
		collect(c, e->kid[i]);
	if (e->kind != EXPR_ATOM)
		return;
	vec_each(have, &c->atoms) {
		if (*have == e->atom)
			return;
	}
	const struct atom *a = &c->img->atom[e->atom];
	vec_push(&c->atoms, e->atom);
	vec_push(&c->out, ((struct sigma_question){atom_field(c->img, a), op_name(a), atom_value(c->img, a, c->mem), !c->code->always && is_gate(c->code, e->atom)}));
}

size_t sigma_explain_questions(const struct sigma_image *img, const struct sigma_rule *rule, struct arena *mem, struct sigma_question **ret)
{
	struct collecting c = {.img = img, .code = &img->code[rule->index], .mem = mem};
	if (c.code->expr)
		collect(&c, c.code->expr);
	size_t n = c.out.n;
	*ret = arena_array(mem, n + 1, sizeof(**ret));
	if (n)
		memcpy(*ret, c.out.at, n * sizeof(**ret));
	vec_done(&c.out);
	vec_done(&c.atoms);
	return n;
}

bool sigma_explain_always(const struct sigma_image *img, const struct sigma_rule *rule)
{
	return img->code[rule->index].always;
}

bool sigma_explain_routed(const struct sigma_image *img, const struct sigma_rule *rule, uint32_t lsset)
{
	size_t n;
	const struct logsource *ls = vocab_lsset_get(img->vocab, lsset, &n);
	return sigma_rule_fits(img, &rule->logsource, ls, n);
}

/* ---- the condition ---------------------------------------------------------------------------------------------------------------------- */

static void add_node(const struct sigma_image *img, const struct expr *e, unsigned depth, struct arena *mem, struct buf *out)
{
	static const char *const words[] = {[EXPR_AND] = "all of", [EXPR_OR] = "one of", [EXPR_NOT] = "not", [EXPR_TRUE] = "true", [EXPR_FALSE] = "false"};
	buf_addf(out, "%*s", (int)(2 * depth), "");
	if (e->selection.n)
		buf_addf(out, "%.*s: ", STR_ARG(e->selection));
	if (e->kind == EXPR_ATOM) {
		const struct atom *a = &img->atom[e->atom];
		struct str field = atom_field(img, a), value = atom_value(img, a, mem);
		buf_addf(out, "%.*s %s %.*s\n", STR_ARG(field.n ? field : STR("(any value)")), op_name(a), STR_ARG(value));
		return;
	}
	buf_addf(out, "%s\n", words[e->kind]);
	for (size_t i = 0; i < e->n; i++)
		add_node(img, e->kid[i], depth + 1, mem, out);
}

void sigma_explain_condition(const struct sigma_image *img, const struct sigma_rule *rule, struct buf *out)
{
	struct arena mem;
	if (!img->code[rule->index].expr)
		return;
	arena_init(&mem, 0);
	add_node(img, img->code[rule->index].expr, 1, &mem, out);
	arena_done(&mem);
}
