/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/gate.h"
#include "sigma/required.h"

#include "base/num.h"

#include <errno.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define GATES_MAX 65000

/* A literal that many rules share wakes many, up to here; one that an ordinary value has wakes them often. */
#define USES_MOST 64
#define ORDINARY_COST 400

/* ---- which atoms are necessary ---------------------------------------------------------------------------------------------------- */

struct gate {
	field_id field;
	uint8_t kind;
	struct str text;
	uint32_t exact;        /* see gate_info */
	VEC(uint32_t) rules;
};

struct gates {
	struct compiler *c;
	struct sigma_image *img;
	VEC(struct gate) gate;
	struct map index;
	uint32_t *uses;        /* per atom: how many rules ask for it */
	struct required **required; /* per atom that is a regular expression, once asked */
};

/* A set of atoms of which one must hold; cost estimates how often that happens. */
struct witness {
	uint32_t *atom;
	size_t n;
	double cost;
};

#define NO_WITNESS ((struct witness){NULL, 0, 1e30})

static size_t longest_literal(struct str glob, size_t *ret_at)
{
	size_t best = 0, run = 0;
	*ret_at = 0;
	for (size_t i = 0; i <= glob.n; i++) {
		bool wild = i == glob.n || glob.p[i] == '*' || glob.p[i] == '?' || glob.p[i] == '\\';
		if (!wild) {
			run++;
			continue;
		}
		if (run > best) {
			best = run;
			*ret_at = i - run;
		}
		run = 0;
	}
	return best;
}

static const struct required *required_by(const struct gates *g, uint32_t atom)
{
	struct required **r = &g->required[atom];
	if (!*r) {
		*r = arena_new(&g->c->scratch, struct required);
		required_of(g->img->atom[atom].text, &g->c->scratch, *r);
	}
	return *r;
}

static const struct str ORDINARY_VALUES[] = {
#define ORDINARY(text) STR(text),
#include "sigma/ordinary.def"
#undef ORDINARY
};

double ordinary_share(const struct atom *a)
{
	size_t n = 0;
	for (size_t i = 0; i < LEN(ORDINARY_VALUES); i++) {
		struct str v = ORDINARY_VALUES[i], t = a->text;
		n += a->op == ATOM_EQ ? str_eq(v, t) : a->op == ATOM_PREFIX ? str_starts(v, t) : a->op == ATOM_SUFFIX ? str_ends(v, t) : a->op == ATOM_CONTAINS ? str_find(v, t) != STR_NPOS : false;
	}
	return (double)n / (double)LEN(ORDINARY_VALUES);
}

static double atom_cost(const struct gates *g, uint32_t at)
{
	const struct atom *a = &g->img->atom[at];
	size_t from, n = a->text.n;
	double share = 1.0 + (g->uses[at] < USES_MOST ? g->uses[at] : USES_MOST) / 16.0, base;
	switch ((enum atom_op)a->op) {
	case ATOM_NULL:
		return 1e30;
	case ATOM_EXISTS:
	case ATOM_CIDR:
	case ATOM_TIME:
	case ATOM_FIELDREF:
		return a->keyword ? 1e30 : 3000;
	case ATOM_NUMBER:
		return a->sub == CMP_EQ ? 300 * share : 3000;
	case ATOM_REGEX:
		base = required_cost(required_by(g, at));
		if (a->keyword && base >= 3000)
			return 1e30;
		break;
	case ATOM_GLOB:
		n = longest_literal(a->text, &from);
		if (n < 3)
			return a->keyword ? 1e30 : 3000;
		base = 1200.0 / (double)(n * n);
		break;
	case ATOM_CONTAINS:
		base = n == 0 ? 3000 : n < 3 ? 1500 : 1200.0 / (double)(n * n);
		break;
	case ATOM_EQ:
		base = n == 0 ? 800 : 400.0 / (double)n;
		break;
	case ATOM_PREFIX:
	case ATOM_SUFFIX:
		base = n == 0 || n > ENDS_LENGTH_MAX ? 3000 : 800.0 / (double)n;
		break;
	default:
		return 1e30;
	}
	return (base * share + ORDINARY_COST * (double)LEN(ORDINARY_VALUES) * ordinary_share(a)) * (a->keyword ? 20 : 1);
}

static struct witness witness_of(const struct gates *g, const struct expr *e);

static struct witness union_of(const struct gates *g, const struct expr *e)
{
	struct witness w = {NULL, 0, 0};
	VEC(uint32_t) atoms = {0};
	for (size_t i = 0; i < e->n && w.cost < 1e29; i++) {
		struct witness k = witness_of(g, e->kid[i]);
		w.cost += k.cost;
		for (size_t j = 0; j < k.n; j++)
			vec_push(&atoms, k.atom[j]);
	}
	if (w.cost >= 1e29 || !e->n) {
		vec_done(&atoms);
		return e->n ? NO_WITNESS : (struct witness){NULL, 0, 0};
	}
	w.n = atoms.n;
	w.atom = arena_array(&g->c->scratch, atoms.n + 1, sizeof(*w.atom));
	if (atoms.n)
		memcpy(w.atom, atoms.at, atoms.n * sizeof(*w.atom));
	vec_done(&atoms);
	return w;
}

static struct witness witness_of(const struct gates *g, const struct expr *e)
{
	struct witness best = NO_WITNESS;
	switch ((enum expr_kind)e->kind) {
	case EXPR_ATOM:
		best.cost = atom_cost(g, e->atom);
		if (best.cost >= 1e29)
			return NO_WITNESS;
		best.atom = arena_array(&g->c->scratch, 1, sizeof(*best.atom));
		best.atom[0] = e->atom;
		best.n = 1;
		return best;
	case EXPR_AND:
		for (size_t i = 0; i < e->n; i++) {
			struct witness k = witness_of(g, e->kid[i]);
			if (k.cost < best.cost)
				best = k;
		}
		return best;
	case EXPR_OR:
		return union_of(g, e);
	case EXPR_FALSE:
		return (struct witness){NULL, 0, 0};
	case EXPR_NOT:
	case EXPR_TRUE:
		break;
	}
	return NO_WITNESS;
}

static void count_uses(struct gates *g, const struct expr *e)
{
	if (e->kind == EXPR_ATOM)
		g->uses[e->atom]++;
	for (size_t i = 0; i < e->n; i++)
		count_uses(g, e->kid[i]);
}

/* ---- gates from atoms ------------------------------------------------------------------------------------------------------------- */

static void gate_of_atom(struct gates *g, const struct atom *a, struct gate *ret)
{
	size_t at, n;
	*ret = (struct gate){.field = a->keyword ? FIELD_UNKNOWN : a->field, .kind = GATE_PRESENT, .exact = GATE_INEXACT};
	switch ((enum atom_op)a->op) {
	case ATOM_EQ:
		ret->kind = GATE_EQ;
		break;
	case ATOM_PREFIX:
		ret->kind = a->text.n && a->text.n <= ENDS_LENGTH_MAX ? GATE_PREFIX : GATE_PRESENT;
		break;
	case ATOM_SUFFIX:
		ret->kind = a->text.n && a->text.n <= ENDS_LENGTH_MAX ? GATE_SUFFIX : GATE_PRESENT;
		break;
	case ATOM_CONTAINS:
		ret->kind = a->text.n ? GATE_CONTAINS : GATE_PRESENT;
		break;
	case ATOM_NUMBER:
		ret->kind = a->sub == CMP_EQ ? GATE_NUMBER : GATE_PRESENT;
		break;
	case ATOM_GLOB:
		n = longest_literal(a->text, &at);
		if (n >= 3) {
			ret->kind = GATE_CONTAINS;
			ret->text = fold_dup(&g->c->scratch, str_sub(a->text, at, at + n));
		}
		return;
	case ATOM_REGEX:
	case ATOM_CIDR:
	case ATOM_NULL:
	case ATOM_EXISTS:
	case ATOM_FIELDREF:
	case ATOM_TIME:
		return;
	}
	ret->text = ret->kind == GATE_PRESENT ? STR("") : a->flags & ATOM_F_CASED ? fold_dup(&g->c->scratch, a->text) : a->text;
}

/* The gate asks just what the atom asks. */
static bool gate_is_exact(const struct gate *g, const struct atom *a)
{
	static const uint8_t op[] = {[GATE_EQ] = ATOM_EQ, [GATE_PREFIX] = ATOM_PREFIX, [GATE_SUFFIX] = ATOM_SUFFIX, [GATE_NUMBER] = ATOM_NUMBER, [GATE_CONTAINS] = ATOM_CONTAINS};
	return g->kind < LEN(op) && op[g->kind] == a->op && !(a->flags & ATOM_F_CASED) && !a->keyword;
}

/* Its number, 1-based, made when new; 0 when there are too many. */
static uint16_t gate_intern(struct gates *g, const struct gate *gate)
{
	bool fresh;
	struct str key = arena_fmt(&g->c->scratch, "%u|%u|%.*s", gate->field, gate->kind, STR_ARG(gate->text));
	uint64_t *at = map_put(&g->index, key, &fresh);
	if (fresh) {
		if (g->gate.n >= GATES_MAX) {
			map_del(&g->index, key);
			return 0;
		}
		*at = g->gate.n;
		vec_push(&g->gate, *gate);
	}
	return (uint16_t)(*at + 1);
}

/* The one gate that is open whenever the atom is true. */
static uint16_t gate_for(struct gates *g, uint32_t atom)
{
	struct atom *a = &g->img->atom[atom];
	struct gate gate;
	if (a->gate)
		return a->gate;
	gate_of_atom(g, a, &gate);
	a->gate = gate_intern(g, &gate);
	if (a->gate && gate_is_exact(&gate, a))
		g->gate.at[a->gate - 1].exact = atom;
	return a->gate;
}

struct waking {
	VEC(uint32_t) gates;
};

static bool gate_add(struct gates *g, uint16_t number, uint32_t rule, struct waking *w)
{
	if (!number)
		return false;
	struct gate *to = &g->gate.at[number - 1];
	vec_push(&w->gates, number);
	if (!to->rules.n || *vec_last(&to->rules) != rule)
		vec_push(&to->rules, rule);
	return true;
}

/* The rule is woken when the atom may be true: by its gate, or by one of the literals that a regular expression requires. */
static bool wake_by(struct gates *g, uint32_t atom, uint32_t rule, struct waking *w)
{
	struct atom *a = &g->img->atom[atom];
	const struct required *r = a->op == ATOM_REGEX ? required_by(g, atom) : NULL;
	bool ok = true;
	for (size_t i = 0; r && i < r->n && ok; i++) {
		uint16_t number = gate_intern(g, &(struct gate){.field = a->keyword ? FIELD_UNKNOWN : a->field, .kind = GATE_CONTAINS, .text = r->text[i], .exact = GATE_INEXACT});
		ok = gate_add(g, number, rule, w);
		if (r->n == 1)
			a->gate = number;
	}
	return r && r->n ? ok : gate_add(g, gate_for(g, atom), rule, w);
}

/* Atoms that a hash table answers get a gate in any case: it wakes nobody, but while it is closed the atom is false without a look. */
static void gate_hashed(struct gates *g)
{
	for (uint32_t i = 0; i < g->img->n_atom; i++) {
		const struct atom *a = &g->img->atom[i];
		bool number = a->op == ATOM_NUMBER && a->sub == CMP_EQ;
		bool hashed = (a->op == ATOM_EQ || a->op == ATOM_PREFIX || a->op == ATOM_SUFFIX) && a->text.n && a->text.n <= ENDS_LENGTH_MAX;
		if ((number || hashed) && !a->keyword)
			gate_for(g, i);
	}
}

static uint32_t *keep_numbers(struct gates *g, const uint32_t *at, size_t n)
{
	uint32_t *to = arena_array(&g->img->mem, n + 1, sizeof(*to));
	if (n)
		memcpy(to, at, n * sizeof(*to));
	return to;
}

static void gate_rule(struct gates *g, uint32_t rule)
{
	struct rule_code *code = &g->img->code[rule];
	struct waking waking = {0};
	if (!code->expr)
		return; /* a correlation */
	struct witness w = witness_of(g, code->expr);
	code->always = w.cost >= 1e29;
	for (size_t i = 0; i < w.n && !code->always; i++)
		code->always = !wake_by(g, w.atom[i], rule, &waking);
	if (!code->always) {
		code->witness = keep_numbers(g, w.atom, w.n);
		code->n_witness = w.n;
		code->waking = keep_numbers(g, waking.gates.at, waking.gates.n);
		code->n_waking = waking.gates.n;
	}
	vec_done(&waking.gates);
}

/* ---- the index of one field -------------------------------------------------------------------------------------------------------- */

static struct field_index *index_make(struct gates *g, const uint32_t *list, size_t n)
{
	struct field_index *ix = must_new(struct field_index);
	VEC(struct str) literal = {0};
	VEC(struct ends_text) end = {0};
	VEC(uint16_t) present = {0}, literal_gate = {0};
	for (size_t i = 0; i < n; i++) {
		struct gate *gate = &g->gate.at[list[i]];
		uint16_t number = (uint16_t)(list[i] + 1);
		if (gate->kind == GATE_CONTAINS) {
			vec_push(&literal, gate->text);
			vec_push(&literal_gate, number);
		} else if (gate->kind == GATE_PRESENT) {
			vec_push(&present, number);
		} else {
			vec_push(&end, ((struct ends_text){gate->text, number, gate->kind}));
		}
	}
	ends_make(&ix->ends, end.at, end.n);
	literals_make(&ix->literals, &g->img->mem, literal.at, literal_gate.at, literal.n);
	vec_done(&literal);
	vec_done(&literal_gate);
	vec_done(&end);
	ix->present = present.at;
	ix->n_present = present.n;
	return ix;
}

/* Does the gate answer for a rule that events of this product are shown to? */
static bool gate_serves(const struct gates *g, uint32_t gate, struct str product)
{
	const struct gate *at = &g->gate.at[gate];
	for (size_t i = 0; i < at->rules.n; i++) {
		struct str p = g->img->rule[at->rules.at[i]].logsource.product;
		if (!p.n || str_eq(p, product))
			return true;
	}
	return false;
}

/*
 * Keywords are asked of every value of every event, and a matcher of few literals is faster than one of many: each product has its own. list: the
 * keyword gates.
 */
static void index_words(struct gates *g, const uint32_t *list, size_t n)
{
	struct sigma_image *img = g->img;
	uint32_t *some = must_calloc(n, sizeof(*some));
	img->words = arena_array(&img->mem, img->n_rule + 1, sizeof(*img->words));
	for (size_t i = 0; i < img->n_rule; i++) {
		struct str product = img->rule[i].logsource.product;
		size_t n_some = 0;
		if (!product.n || sigma_words(img, product) != img->index[FIELD_UNKNOWN])
			continue;
		for (size_t k = 0; k < n; k++)
			if (gate_serves(g, list[k], product))
				some[n_some++] = list[k];
		img->words[img->n_words].product = product;
		img->words[img->n_words++].ix = index_make(g, some, n_some);
	}
	free(some);
}

static void index_all(struct gates *g)
{
	struct sigma_image *img = g->img;
	img->n_field = vocab_field_count(img->vocab);
	img->index = must_calloc(img->n_field, sizeof(*img->index));
	uint32_t *list = must_calloc(g->gate.n, sizeof(*list));
	for (size_t f = 0; f < img->n_field; f++) {
		size_t n = 0;
		for (size_t i = 0; i < g->gate.n; i++)
			if (g->gate.at[i].field == f)
				list[n++] = (uint32_t)i;
		if (n)
			img->index[f] = index_make(g, list, n);
		if (n && f == FIELD_UNKNOWN)
			index_words(g, list, n);
	}
	free(list);
}

/* Characters of numbers, times, GUIDs, SIDs and hex digests. */
static const bool PLAIN[256] = {['0' ... '9'] = true, ['a' ... 'f'] = true, ['A' ... 'F'] = true, ['x'] = true, ['X'] = true, ['t'] = true, ['T'] = true, ['z'] = true, ['Z'] = true,
	['-'] = true, [':'] = true, ['.'] = true, ['{'] = true, ['}'] = true, [' '] = true, ['/'] = true, ['+'] = true, [','] = true};

static bool only_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!PLAIN[(unsigned char)s.p[i]])
			return false;
	return true;
}

static void keep_lists(struct gates *g)
{
	struct sigma_image *img = g->img;
	img->n_gate = g->gate.n;
	img->gate_rules = arena_array(&img->mem, g->gate.n + 1, sizeof(*img->gate_rules));
	img->gate = arena_array(&img->mem, g->gate.n + 1, sizeof(*img->gate));
	for (size_t i = 0; i < g->gate.n; i++) {
		struct gate *gate = &g->gate.at[i];
		uint32_t *rules = arena_array(&img->mem, gate->rules.n + 1, sizeof(*rules));
		if (gate->rules.n)
			memcpy(rules, gate->rules.at, gate->rules.n * sizeof(*rules));
		rules[gate->rules.n] = UINT32_MAX;
		img->gate_rules[i] = rules;
		img->gate[i] = (struct gate_info){gate->field, gate->kind, !only_plain(gate->text), (uint32_t)gate->text.n, gate->exact};
		vec_done(&gate->rules);
	}
	img->always = arena_array(&img->mem, img->n_rule + 1, sizeof(*img->always));
	for (size_t i = 0; i < img->n_rule; i++)
		if (img->code[i].always)
			img->always[img->n_always++] = (uint32_t)i;
}

void gates_build(struct compiler *c)
{
	struct gates g = {.c = c, .img = c->img};
	map_init(&g.index);
	g.uses = must_calloc(c->img->n_atom, sizeof(*g.uses));
	g.required = must_calloc(c->img->n_atom, sizeof(struct required *));
	for (size_t i = 0; i < c->img->n_rule; i++)
		if (c->img->code[i].expr)
			count_uses(&g, c->img->code[i].expr);
	for (size_t i = 0; i < c->img->n_rule; i++)
		gate_rule(&g, (uint32_t)i);
	gate_hashed(&g);
	index_all(&g);
	keep_lists(&g);
	programs_build(g.img);
	vec_done(&g.gate);
	map_done(&g.index);
	free(g.uses);
	free(g.required);
}

static void index_free(struct field_index *ix)
{
	if (!ix)
		return;
	literals_done(&ix->literals);
	ends_done(&ix->ends);
	free(ix->present);
	free(ix);
}

void gates_free(struct sigma_image *img)
{
	for (size_t i = 0; img->index && i < img->n_field; i++)
		index_free(img->index[i]);
	for (size_t i = 0; i < img->n_words; i++)
		index_free(img->words[i].ix);
	free(img->index);
}

const struct field_index *sigma_words(const struct sigma_image *img, struct str product)
{
	for (size_t i = 0; i < img->n_words; i++)
		if (str_eq(img->words[i].product, product))
			return img->words[i].ix;
	return img->index[FIELD_UNKNOWN];
}

/* ---- asking ------------------------------------------------------------------------------------------------------------------------ */

static void ask_number(const struct gate_query *q, struct val v, struct str written)
{
	char text[WHOLE_DIGITS_MAX];
	double d;
	int64_t i;
	bool is_int;
	if (v.kind == VAL_JSTR)
		v = (struct val){.kind = VAL_STR, .u.p = written.p, .n = (uint32_t)written.n};
	if (!val_number(v, &d, &i, &is_int))
		return;
	struct str key = str_n(text, is_int ? num_format_i64(text, i) : num_format_double(text, d));
	if (!is_int)
		val_whole_digits(v, text, &key);
	ends_find(&q->ix->ends, 1u << GATE_NUMBER, key, q->hit, q->arg);
}

#if defined(__SSE2__)
static inline bool plain_register(__m128i v)
{
	const __m128i none = _mm_setzero_si128(), low = _mm_or_si128(v, _mm_set1_epi8(0x20));
	/* + , - . / 0 to 9 : and a to f, as v - first <= last - first; then the single ones */
	__m128i ok = _mm_cmpeq_epi8(_mm_subs_epu8(_mm_sub_epi8(v, _mm_set1_epi8('+')), _mm_set1_epi8(':' - '+')), none);
	ok = _mm_or_si128(ok, _mm_cmpeq_epi8(_mm_subs_epu8(_mm_sub_epi8(low, _mm_set1_epi8('a')), _mm_set1_epi8('f' - 'a')), none));
	ok = _mm_or_si128(ok, _mm_or_si128(_mm_cmpeq_epi8(low, _mm_set1_epi8('t')), _mm_cmpeq_epi8(low, _mm_set1_epi8('z'))));
	ok = _mm_or_si128(ok, _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('{')), _mm_cmpeq_epi8(v, _mm_set1_epi8('}'))));
	ok = _mm_or_si128(ok, _mm_or_si128(_mm_cmpeq_epi8(low, _mm_set1_epi8('x')), _mm_cmpeq_epi8(v, _mm_set1_epi8(' '))));
	return _mm_movemask_epi8(ok) == 0xffff;
}

static inline __m128i load(const char *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}
#endif

static bool all_plain(struct str s)
{
	/* Most texts show it at a glance. */
	if (s.n > 64 || (s.n && (!PLAIN[(unsigned char)s.p[s.n / 2]] || !PLAIN[(unsigned char)s.p[s.n / 4]] || !PLAIN[(unsigned char)s.p[s.n - 1]])))
		return false;
#if defined(__SSE2__)
	if (s.n >= 16) {
		for (size_t i = 0; i + 16 < s.n; i += 16)
			if (!plain_register(load(s.p + i)))
				return false;
		return plain_register(load(s.p + s.n - 16));
	}
#endif
	return only_plain(s);
}

bool gate_text_may_fit(const struct field_look *look, struct val v)
{
	bool ascii = v.kind == VAL_STR || v.kind == VAL_NUM;
	if (look->kinds != 1u << GATE_CONTAINS)
		return true;
	switch ((enum val_kind)v.kind) {
	case VAL_NULL:
		return false;
	case VAL_STR:
	case VAL_JSTR:
	case VAL_NUM:
	case VAL_JSON:
	case VAL_U16:
		/* Folding makes a text at most half as long again. */
		if (v.n / 2 * 3 + 2 < look->shortest)
			return false;
		break;
	case VAL_BYTES:
		return true;
	case VAL_BOOL:
	case VAL_UINT:
	case VAL_INT:
	case VAL_HEX:
	case VAL_DOUBLE:
	case VAL_TIME:
	case VAL_GUID:
	case VAL_SID:
		return !look->plain || v.kind == VAL_BOOL || v.kind == VAL_DOUBLE || v.kind == VAL_SID;
	}
	if (!look->plain || !ascii)
		return true;
	if (v.kind == VAL_NUM)
		return false;
	return !all_plain(str_n(v.u.p, v.n));
}

#define ENDS (1u << GATE_EQ | 1u << GATE_PREFIX | 1u << GATE_SUFFIX)

void gates_of_value(const struct gate_query *q, struct val v, struct str text, struct str folded)
{
	const struct field_index *ix = q->ix;
	unsigned kinds = q->look->kinds;
	if (kinds & 1u << GATE_PRESENT)
		for (size_t i = 0; i < ix->n_present; i++)
			q->hit(q->arg, ix->present[i]);
	if (v.kind == VAL_NULL)
		return;
	if (kinds & 1u << GATE_NUMBER)
		ask_number(q, v, text);
	if (kinds & ENDS)
		ends_find(&ix->ends, kinds & ENDS, folded, q->hit, q->arg);
	if (kinds & 1u << GATE_CONTAINS)
		literals_find(&ix->literals, q->bits, folded, q->hit, q->arg);
}
