/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/parts.h"

#define ANSWERS_MOST 32767 /* one bit is the answer */
#define RUN_LEAST 2
#define RUN_MOST 255

struct programmer {
	struct sigma_image *img;
	VEC(struct test) tests;
	struct arena mem;
	uint32_t answers; /* given out so far */
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
	const struct expr **run; /* … or alternatives that are answered as one */
	size_t n_run;
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

/* A pattern may be given up for a window, and then what is remembered does not count: atom_holds looks there first. */
struct test program_test(const struct sigma_image *img, uint32_t atom, uint32_t yes, uint32_t no)
{
	const struct atom *a = &img->atom[atom];
	struct test t = {.atom = atom, .yes = yes, .no = no, .gate = a->gate, .answer = a->op == ATOM_REGEX ? 0 : a->answer, .field = a->keyword ? FIELD_UNKNOWN : a->field};
	t.exact = t.gate && img->gate[t.gate - 1].exact == atom;
	return t;
}

/* Looks for a text and has no gate. */
static bool may_run(const struct sigma_image *img, const struct expr *e)
{
	const struct atom *a = &img->atom[e->atom];
	return e->kind == EXPR_ATOM && a->answer && !a->gate && a->op < ATOM_REGEX;
}

/* From this alternative on those that look for a text in the same field, as one part; nothing is taken when they are few. */
static bool take_run(struct programmer *p, const struct expr *e, size_t from, bool *taken, struct weighed *ret)
{
	const struct atom *atom = p->img->atom;
	struct weighed w = {.run = arena_array(&p->mem, e->n, sizeof(*w.run)), .at = from};
	double none = 1;
	for (size_t i = from; i < e->n && w.n_run < RUN_MOST; i++) {
		const struct expr *kid = e->kid[i];
		if (taken[i] || !may_run(p->img, kid) || atom[kid->atom].field != atom[e->kid[from]->atom].field)
			continue;
		w.run[w.n_run++] = kid;
		w.work += expr_work(p->img, kid);
		none *= 1 - expr_chance(p, kid);
	}
	if (w.n_run < RUN_LEAST || p->answers == ANSWERS_MOST)
		return false;
	for (size_t i = from, n = 0; n < w.n_run; i++)
		if (e->kid[i] == w.run[n]) {
			taken[i] = true;
			n++;
		}
	w.work /= 1 - none + 0.001;
	*ret = w;
	return true;
}

/* The list's parts, in the order in which they are tested; their number. */
static size_t weigh_list(struct programmer *p, const struct expr *e, struct weighed *w)
{
	bool *taken = arena_zalloc(&p->mem, e->n + 1);
	size_t n = 0;
	for (size_t i = 0; i < e->n; i++) {
		if (taken[i])
			continue;
		if (e->kind == EXPR_OR && may_run(p->img, e->kid[i]) && take_run(p, e, i, taken, &w[n])) {
			n++;
			continue;
		}
		double chance = expr_chance(p, e->kid[i]), settles = e->kind == EXPR_AND ? 1 - chance : chance;
		w[n++] = (struct weighed){.e = e->kid[i], .work = expr_work(p->img, e->kid[i]) / (settles + 0.001), .at = i};
	}
	if (n > 1)
		qsort(w, n, sizeof(*w), by_work);
	return n;
}

/* One test that answers for the alternatives behind it. */
static uint32_t program_run(struct programmer *p, const struct weighed *w, uint32_t yes, uint32_t no)
{
	uint32_t at = (uint32_t)p->tests.n;
	struct test head = program_test(p->img, w->run[0]->atom, yes, no);
	head.run = (uint8_t)w->n_run;
	head.answer = (uint16_t)++p->answers;
	vec_push(&p->tests, head);
	for (size_t i = 0; i < w->n_run; i++)
		vec_push(&p->tests, program_test(p->img, w->run[i]->atom, yes, no));
	return at;
}

/* Built from the last kid to the first, since each must know where to go on. */
static uint32_t program_list(struct programmer *p, const struct expr *e, uint32_t yes, uint32_t no)
{
	struct weighed *w = arena_array(&p->mem, e->n + 1, sizeof(*w));
	uint32_t next = e->kind == EXPR_AND ? yes : no;
	for (size_t i = weigh_list(p, e, w); i-- > 0;) {
		uint32_t holds = e->kind == EXPR_AND ? next : yes, fails = e->kind == EXPR_AND ? no : next;
		next = w[i].run ? program_run(p, &w[i], holds, fails) : program(p, w[i].e, holds, fails);
	}
	return next;
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
static uint32_t number_answers(struct sigma_image *img)
{
	uint16_t n = 0;
	for (uint32_t i = 0; i < img->n_atom; i++) {
		struct atom *a = &img->atom[i];
		bool by_gate = a->gate && img->gate[a->gate - 1].exact == i;
		if (a->op <= ATOM_REGEX && !a->keyword && !by_gate && n < ANSWERS_MOST)
			a->answer = ++n;
	}
	return n;
}

void programs_build(struct sigma_image *img)
{
	struct programmer p = {.img = img, .chance = must_calloc(img->n_atom + 1, sizeof(*p.chance))};
	arena_init(&p.mem, 0);
	p.answers = number_answers(img);
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
