/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/parts.h"

#define ANSWERS_MOST 32767 /* one bit is the answer */

struct programmer {
	struct sigma_image *img;
	VEC(struct test) tests;
	struct arena mem;
	float *chance; /* by atom; 0: not worked out */
};

/* What a subtree costs to answer, in about the cost of one comparison; waking counts as cost, because its answer is most often yes. */
static double expr_work(const struct sigma_image *img, const struct expr *e)
{
	static const uint8_t work[] = {[ATOM_EQ] = 2, [ATOM_PREFIX] = 2, [ATOM_SUFFIX] = 2, [ATOM_CONTAINS] = 6, [ATOM_GLOB] = 8, [ATOM_REGEX] = 60, [ATOM_NUMBER] = 1, [ATOM_CIDR] = 4,
		[ATOM_NULL] = 1, [ATOM_EXISTS] = 1, [ATOM_FIELDREF] = 5, [ATOM_TIME] = 10};
	double sum = 0;
	if (e->kind == EXPR_ATOM) {
		const struct atom *a = &img->atom[e->atom];
		return work[a->op] * (a->keyword ? 30 : 1) + (a->gate ? 0.5 : 0);
	}
	for (size_t i = 0; i < e->n; i++)
		sum += expr_work(img, e->kid[i]);
	return sum;
}

/* How likely a subtree holds, roughly: what is true of ordinary values often is. */
static double expr_chance(struct programmer *p, const struct expr *e)
{
	double none = 1, all = 1;
	if (e->kind == EXPR_ATOM) {
		float *known = &p->chance[e->atom];
		if (*known <= 0)
			*known = (float)(0.02 + 0.9 * ordinary_share(&p->img->atom[e->atom]));
		return (double)*known;
	}
	for (size_t i = 0; i < e->n; i++) {
		double one = expr_chance(p, e->kid[i]);
		none *= 1 - one;
		all *= one;
	}
	return e->kind == EXPR_OR ? 1 - none : e->kind == EXPR_NOT ? 1 - all : all;
}

struct weighed {
	const struct expr *e;
	double work; /* for each time that it settles the list */
	size_t at;
};

static int by_work(const void *a, const void *b)
{
	const struct weighed *x = a, *y = b;
	if (x->work < y->work || x->work > y->work)
		return x->work < y->work ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

static uint32_t program(struct programmer *p, const struct expr *e, uint32_t yes, uint32_t no);

/* Built from the last kid to the first, since each must know where to go on. */
static uint32_t program_list(struct programmer *p, const struct expr *e, uint32_t yes, uint32_t no)
{
	struct weighed *w = arena_array(&p->mem, e->n + 1, sizeof(*w));
	for (size_t i = 0; i < e->n; i++) {
		double chance = expr_chance(p, e->kid[i]), settles = e->kind == EXPR_AND ? 1 - chance : chance;
		w[i] = (struct weighed){e->kid[i], expr_work(p->img, e->kid[i]) / (settles + 0.001), i};
	}
	if (e->n > 1)
		qsort(w, e->n, sizeof(*w), by_work);
	uint32_t next = e->kind == EXPR_AND ? yes : no;
	for (size_t i = e->n; i-- > 0;)
		next = e->kind == EXPR_AND ? program(p, w[i].e, next, no) : program(p, w[i].e, yes, next);
	return next;
}

/* A pattern may be given up for a window, and then what is remembered does not count: atom_holds looks there first. */
struct test program_test(const struct sigma_image *img, uint32_t atom, uint32_t yes, uint32_t no)
{
	const struct atom *a = &img->atom[atom];
	struct test t = {.atom = atom, .yes = yes, .no = no, .gate = a->gate, .answer = a->op == ATOM_REGEX ? 0 : a->answer, .field = a->keyword ? FIELD_UNKNOWN : a->field};
	t.exact = t.gate && img->gate[t.gate - 1].exact == atom;
	return t;
}

static uint32_t program(struct programmer *p, const struct expr *e, uint32_t yes, uint32_t no)
{
	switch ((enum expr_kind)e->kind) {
	case EXPR_ATOM:
		vec_push(&p->tests, program_test(p->img, e->atom, yes, no));
		return (uint32_t)p->tests.n - 1;
	case EXPR_NOT:
		return program(p, e->kid[0], no, yes);
	case EXPR_AND:
	case EXPR_OR:
		return program_list(p, e, yes, no);
	case EXPR_TRUE:
		return yes;
	case EXPR_FALSE:
		break;
	}
	return no;
}

/* Questions about the text of a value that its gates leave open. */
static void number_answers(struct sigma_image *img)
{
	uint16_t n = 0;
	for (uint32_t i = 0; i < img->n_atom; i++) {
		struct atom *a = &img->atom[i];
		bool by_gate = a->gate && img->gate[a->gate - 1].exact == i;
		if (a->op <= ATOM_REGEX && !a->keyword && !by_gate && n < ANSWERS_MOST)
			a->answer = ++n;
	}
}

void programs_build(struct sigma_image *img)
{
	struct programmer p = {.img = img, .chance = must_calloc(img->n_atom + 1, sizeof(*p.chance))};
	arena_init(&p.mem, 0);
	number_answers(img);
	for (size_t i = 0; i < img->n_rule; i++) {
		if (!img->code[i].expr)
			continue;
		img->code[i].test = (uint32_t)p.tests.n;
		img->code[i].start = program(&p, img->code[i].expr, TEST_TRUE, TEST_FALSE);
		img->code[i].n_test = (uint32_t)p.tests.n - img->code[i].test;
		arena_reset(&p.mem);
	}
	img->n_test = p.tests.n;
	img->test = arena_array(&img->mem, p.tests.n + 1, sizeof(*img->test));
	if (p.tests.n)
		memcpy(img->test, p.tests.at, p.tests.n * sizeof(*img->test));
	vec_done(&p.tests);
	arena_done(&p.mem);
	free(p.chance);
}
