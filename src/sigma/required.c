/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/required.h"

#include "base/utf8.h"
#include "sigma/regex_tree.h"

#define TEXT_MOST 48  /* longer literals are cut in two */
#define CLASS_MOST 4  /* different characters of a class that is spelt out */
#define TIMES_MOST 8  /* repetitions that are spelt out */

/*
 * Of each part: all the texts it can be, when those are few (exact), else literals of which it always has one (need), else neither. Parts side by side
 * multiply, alternatives add up.
 */
struct part {
	bool is_exact, has_need;
	struct required exact, need;
};

static const struct part ANYTHING = {0};

static struct part nothing(void)
{
	struct part p = {.is_exact = true, .exact.n = 1};
	p.exact.text[0] = STR("");
	return p;
}

static struct part one_text(struct str s)
{
	struct part p = {.is_exact = true, .exact.n = 1};
	p.exact.text[0] = s;
	return p;
}

double required_cost(const struct required *r)
{
	double cost = r->n ? 0 : 3000;
	for (size_t i = 0; i < r->n; i++)
		cost += r->text[i].n ? 1200.0 / (double)(r->text[i].n * r->text[i].n) : 3000;
	return cost;
}

/* The better of what is needed and these. */
static void consider(struct part *to, const struct required *these)
{
	if (required_cost(these) >= 3000 || (to->has_need && required_cost(&to->need) <= required_cost(these)))
		return;
	to->has_need = true;
	to->need = *these;
}

static bool add_all(struct required *to, const struct required *these)
{
	for (size_t i = 0; i < these->n; i++) {
		bool have = false;
		for (size_t k = 0; k < to->n && !have; k++)
			have = str_eq(to->text[k], these->text[i]);
		if (have)
			continue;
		if (to->n == REQUIRED_MOST)
			return false;
		to->text[to->n++] = these->text[i];
	}
	return true;
}

/* Each text of a with each of b behind it. */
static bool multiply(struct arena *mem, struct required *a, const struct required *b)
{
	struct required out = {0};
	if (a->n * b->n > REQUIRED_MOST)
		return false;
	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < b->n; k++) {
			if (a->text[i].n + b->text[k].n > TEXT_MOST)
				return false;
			out.text[out.n++] = arena_fmt(mem, "%.*s%.*s", STR_ARG(a->text[i]), STR_ARG(b->text[k]));
		}
	*a = out;
	return true;
}

/* ---- the tree ------------------------------------------------------------------------------------------------------------------------------ */

static struct part part_of(const struct regex_node *n, struct arena *mem);

static struct part part_of_char(uint32_t cp, struct arena *mem)
{
	char *to = arena_array(mem, 4, 1);
	return cp ? one_text(str_n(to, utf8_put(to, utf8_fold_cp(cp)))) : ANYTHING;
}

/* A set of few characters is spelt out. */
static struct part part_of_set(const struct regex_node *n, struct arena *mem)
{
	struct part out = {.is_exact = true};
	for (unsigned char c = 0; c < 128 && !n->beyond; c++) {
		if (!regex_node_has(n, c))
			continue;
		struct part one = part_of_char(c, mem);
		if (!one.is_exact || !add_all(&out.exact, &one.exact) || out.exact.n > CLASS_MOST)
			return ANYTHING;
	}
	return n->beyond ? ANYTHING : out;
}

/* At least once, and perhaps more often: one of them is there, what is around it is not known. */
static struct part loosened(const struct part *once)
{
	struct part out = ANYTHING;
	if (once->is_exact)
		consider(&out, &once->exact);
	else if (once->has_need)
		consider(&out, &once->need);
	return out;
}

static struct part part_of_repeat(const struct regex_node *n, struct arena *mem)
{
	struct part once = part_of(n->kid, mem), out = nothing();
	if (n->least != n->most || !once.is_exact || n->least > TIMES_MOST)
		return n->least ? loosened(&once) : ANYTHING;
	for (uint32_t i = 0; i < n->least; i++)
		if (!multiply(mem, &out.exact, &once.exact))
			return loosened(&once);
	return out;
}

static struct part part_of_sequence(const struct regex_node *n, struct arena *mem)
{
	struct part out = nothing();
	struct required run = out.exact; /* all that the last parts can be, as long as that is known */
	for (const struct regex_node *kid = n->kid; kid; kid = kid->next) {
		struct part one = part_of(kid, mem);
		if (one.is_exact && multiply(mem, &run, &one.exact))
			continue;
		out.is_exact = false;
		consider(&out, &run);
		run = one.is_exact ? one.exact : nothing().exact;
		if (one.has_need)
			consider(&out, &one.need);
	}
	if (out.is_exact)
		out.exact = run;
	else
		consider(&out, &run);
	return out;
}

static struct part part_of_alternatives(const struct regex_node *n, struct arena *mem)
{
	struct part out = ANYTHING;
	struct required exact = {0}, need = {0};
	bool is_exact = true, has_need = true;
	for (const struct regex_node *kid = n->kid; kid; kid = kid->next) {
		struct part one = part_of(kid, mem);
		is_exact = is_exact && one.is_exact && add_all(&exact, &one.exact);
		struct part loose = one.is_exact ? loosened(&one) : one;
		has_need = has_need && loose.has_need && add_all(&need, &loose.need);
	}
	if (is_exact) {
		out.is_exact = true;
		out.exact = exact;
	} else if (has_need) {
		out.has_need = true;
		out.need = need;
	}
	return out;
}

static struct part part_of(const struct regex_node *n, struct arena *mem)
{
	switch (n->kind) {
	case REGEX_CHAR:
		return part_of_char(n->cp, mem);
	case REGEX_SET:
		return part_of_set(n, mem);
	case REGEX_TEXT:
		break;
	case REGEX_ASSERTION:
		return nothing();
	case REGEX_SEQUENCE:
		return part_of_sequence(n, mem);
	case REGEX_ALTERNATIVES:
		return part_of_alternatives(n, mem);
	case REGEX_REPEAT:
		return part_of_repeat(n, mem);
	}
	return ANYTHING;
}

void required_of(struct str pattern, struct arena *mem, struct required *ret)
{
	struct regex_tree tree;
	*ret = (struct required){0};
	regex_tree_read(pattern, 0, mem, &tree);
	if (!tree.root)
		return;
	struct part all = part_of(tree.root, mem);
	struct part loose = all.is_exact ? loosened(&all) : all;
	if (loose.has_need)
		*ret = loose.need;
}
