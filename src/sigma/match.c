/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/matcher.h"
#include "sigma/parts.h"

#include "sys/clock.h"

static struct rule_state *states_new(const struct sigma_image *img)
{
	struct rule_state *state;
	must(posix_memalign((void **)&state, _Alignof(struct rule_state), (img->n_rule + 1) * sizeof(*state)) == 0);
	for (size_t i = 0; i < img->n_rule; i++)
		state[i] = (struct rule_state){.start = img->code[i].start};
	return state;
}

struct sigma_matcher *sigma_matcher_new(struct sigma_image *img)
{
	struct sigma_matcher *m = must_new(struct sigma_matcher);
	m->img = sigma_image_ref(img);
	asking_init(m);
	m->rule = states_new(img);
	m->woken = must_calloc(WOKEN_WORDS(img), sizeof(*m->woken));
	m->woken_some = must_calloc(WOKEN_SOME(img), sizeof(*m->woken_some));
	m->rule_count = must_calloc(img->n_rule, sizeof(*m->rule_count));
	m->aside = must_calloc(img->n_atom, sizeof(*m->aside));
	m->memo = must_calloc(img->n_atom, sizeof(*m->memo));
	m->memo_at = must_calloc(img->n_atom, sizeof(*m->memo_at));
	m->gate_stamp = must_calloc(img->n_gate + 1, sizeof(*m->gate_stamp));
	m->place = must_calloc(img->n_field, sizeof(*m->place));
	m->re_data = pcre2_match_data_create(1, NULL);
	m->re_ctx = pcre2_match_context_create(NULL);
	must(m->re_data && m->re_ctx);
	arena_init(&m->mem, 0);
	return m;
}

void sigma_matcher_free(struct sigma_matcher *m)
{
	if (!m)
		return;
	vec_each(w, &m->ways) {
		free(w->seen);
		free(w->layout);
	}
	vec_done(&m->ways);
	free(m->woken);
	free(m->woken_some);
	vec_done(&m->reasons);
	vec_done(&m->parts);
	pcre2_match_data_free(m->re_data);
	pcre2_match_context_free(m->re_ctx);
	asking_done(m);
	free(m->rule);
	free(m->rule_count);
	free(m->aside);
	free(m->timing);
	free(m->memo);
	free(m->memo_at);
	free(m->gate_stamp);
	free(m->place);
	arena_done(&m->mem);
	sigma_image_unref(m->img);
	free(m);
}

static const struct way *way_of(struct sigma_matcher *m, uint32_t lsset)
{
	while (m->ways.n <= lsset)
		(void)vec_add(&m->ways);
	struct way *w = &m->ways.at[lsset];
	if (!w->route)
		*w = (struct way){route_of(m->img, lsset), must_calloc(SEEN_PLACES, sizeof(*w->seen)), must_calloc(LAYOUTS, sizeof(*w->layout))};
	return w;
}

/* ---- conditions -------------------------------------------------------------------------------------------------------------------- */

/* The test's gate is open or it has none. An open gate says yes when it is exact and the event has its field once. */
static inline bool test_holds(struct sigma_matcher *m, const struct test *t)
{
	if (t->gate && t->exact && !m->place[t->field].many)
		return true;
	return t->answer ? text_holds(m, t) : atom_holds(m, t->atom);
}

/* By its tests. A closed gate says no, so that most of a long list of alternatives costs a look at a stamp each: whether the field was asked is seen at the first of them. */
static inline __attribute__((always_inline)) bool condition_holds(struct sigma_matcher *m, uint32_t at)
{
	const struct test *test = m->img->test;
	const uint32_t *gate_stamp = m->gate_stamp, stamp = m->stamp;
	unsigned asked = FIELD_UNKNOWN;
	while (at < TEST_FALSE) {
		const struct test *t = &test[at];
		if (t->gate && gate_stamp[t->gate] != stamp && ((asked && t->field == asked) || gate_closed(m, t->gate, t->field))) {
			asked = t->field;
			at = t->no;
		} else {
			at = test_holds(m, t) ? t->yes : t->no;
		}
	}
	return at == TEST_TRUE;
}

/* The condition holds with each question that has no answer as a no: does it with a yes, too? */
static __attribute__((noinline)) bool holds_in_any_case(struct sigma_matcher *m, uint32_t start)
{
	m->unknown = true;
	bool holds = condition_holds(m, start);
	m->unknown = false;
	return holds;
}

static inline __attribute__((always_inline)) bool rule_holds(struct sigma_matcher *m, uint32_t rule)
{
	struct rule_state *s = &m->rule[rule];
	if (s->window != m->window + 1) {
		s->window = m->window + 1;
		s->left = WINDOW_STEPS;
	}
	s->evaluated++;
	m->limited = m->left_out = m->unanswered = false;
	m->budget = s->left;
	bool holds = condition_holds(m, s->start);
	if (holds && m->unanswered)
		holds = holds_in_any_case(m, s->start);
	return holds;
}

/* What condition and explanation have cost. */
static inline void settle(struct sigma_matcher *m, uint32_t rule)
{
	m->rule[rule].left = m->budget;
	if (!m->limited && !m->left_out)
		return;
	m->rule_count[rule].limited += m->limited;
	m->rule_count[rule].set_aside += !m->limited;
}

/* Is the rule's next evaluation one that is timed? */
static inline bool is_timed(const struct sigma_matcher *m, uint32_t rule)
{
	return m->timing && m->rule[rule].evaluated + 1 == m->timing[rule].next;
}

/* Apart, so that the others pay for no more than the question. */
static __attribute__((noinline)) bool rule_holds_timed(struct sigma_matcher *m, uint32_t rule)
{
	struct sigma_rule_counts *count = &m->rule_count[rule];
	struct timing *t = &m->timing[rule];
	int64_t start = clock_mono_ns();
	bool holds = rule_holds(m, rule);
	int64_t took = clock_mono_ns() - start - m->clock_ns;
	uint64_t sample = t->next - t->last;
	count->timed++;
	count->sample += sample;
	count->sample_ns += took > 0 ? (uint64_t)took * sample : 0;
	t->last = t->next;
	t->next += t->next < SIGMA_TIMED_EACH ? t->next : SIGMA_TIMED_EACH;
	return holds;
}

/* ---- explanation ------------------------------------------------------------------------------------------------------------------- */

static struct part part_of(const struct sigma_image *img, const struct expr *e, struct str selection)
{
	struct part p = {.kind = e->kind, .selection = selection};
	if (e->kind == EXPR_ATOM)
		p.test = program_test(img, e->atom, 0, 0);
	return p;
}

/* A list of one is that one, and a list in a list of its kind is part of it. */
static void add_parts(struct sigma_matcher *m, const struct expr *e, struct str selection, uint8_t list)
{
	size_t at = m->parts.n;
	bool own = (e->kind != EXPR_AND && e->kind != EXPR_OR) || (e->n != 1 && e->kind != list);
	if (e->selection.n)
		selection = e->selection;
	if (own)
		vec_push(&m->parts, part_of(m->img, e, selection));
	for (size_t i = 0; i < e->n; i++)
		add_parts(m, e->kid[i], selection, own ? e->kind : list);
	if (own)
		m->parts.at[at].n = (uint32_t)(m->parts.n - at);
}

/* Those of the rule's condition, which are made when it is explained for the first time. */
static const struct part *parts_of(struct sigma_matcher *m, uint32_t rule)
{
	struct rule_state *s = &m->rule[rule];
	if (!s->parts) {
		s->parts = (uint32_t)m->parts.n + 1;
		add_parts(m, m->img->code[rule].expr, STR(""), EXPR_ATOM);
	}
	return &m->parts.at[s->parts - 1];
}

/* Of an atom that holds. */
static struct sigma_reason reason_of(struct sigma_matcher *m, const struct part *part)
{
	const struct test *t = &part->test;
	const struct place *p = &m->place[t->field];
	struct sigma_reason r = {.selection = part->selection, .at = SIGMA_NOWHERE, .number = t->field ? (uint32_t)(part - m->parts.at) + 1 : 0};
	if (t->field && p->stamp == m->stamp && !(m->ev->field[p->last].flags & FIELD_F_ELEMENT)) {
		r.at = p->last;
		r.last = true;
	} else if ((!t->field || p->stamp == m->stamp) && atom_holds(m, t->atom)) {
		r.at = m->memo_at[t->atom];
	}
	r.field = r.at != SIGMA_NOWHERE ? m->ev->field[r.at].name : t->field ? vocab_field_name(m->img->vocab, t->field) : STR("");
	return r;
}

static struct str reason_value(struct sigma_matcher *m, const struct sigma_reason *r)
{
	return r->at != SIGMA_NOWHERE ? value_of(m, r->at)->text : r->field.n ? STR("") : raw_of(m)->text;
}

/* The texts of two selections are looked at last: they lie far off, and most reasons are told apart without them. */
static bool same_reason(struct sigma_matcher *m, const struct sigma_reason *a, const struct sigma_reason *b)
{
	bool one_value = a->at == b->at && a->at != SIGMA_NOWHERE;
	if (!one_value && !(str_eq(a->field, b->field) && str_eq(reason_value(m, a), reason_value(m, b))))
		return false;
	return a->selection.p == b->selection.p || str_eq(a->selection, b->selection);
}

static void add_reason(struct sigma_matcher *m, const struct part *p)
{
	struct sigma_reason r = reason_of(m, p);
	vec_each(have, &m->reasons) {
		if (same_reason(m, have, &r))
			return;
	}
	vec_push(&m->reasons, r);
}

static bool explain_list(struct sigma_matcher *m, const struct part *p, bool known);

/* Does the part hold? That may be known. The true atoms are reasons then: all of an AND, the first true one of an OR, nothing below a NOT. */
static inline bool explain(struct sigma_matcher *m, const struct part *p, bool known)
{
	const struct test *t = &p->test;
	if (p->kind != EXPR_ATOM)
		return (known && p->kind == EXPR_NOT) || explain_list(m, p, known);
	if (!known && ((t->gate && gate_closed(m, t->gate, t->field)) || !test_holds(m, t)))
		return false;
	add_reason(m, p);
	return true;
}

static bool explain_list(struct sigma_matcher *m, const struct part *p, bool known)
{
	size_t before = m->reasons.n;
	bool all = p->kind == EXPR_AND || p->kind == EXPR_TRUE, holds = all;
	for (const struct part *kid = p + 1; kid < p + p->n && holds == all; kid += kid->n)
		holds = explain(m, kid, known && all);
	if (p->kind == EXPR_NOT)
		holds = !holds;
	if (!holds || p->kind == EXPR_NOT)
		m->reasons.n = before;
	return holds;
}

static void start_event(struct sigma_matcher *m, const struct event *ev)
{
	m->ev = ev;
	m->line_clock++;
	if (++m->stamp == UINT32_MAX / 2) {
		/* Stamps begin anew: everything that holds one forgets. */
		m->stamp = 1;
		memset(m->memo, 0, m->img->n_atom * sizeof(*m->memo));
		memset(m->gate_stamp, 0, (m->img->n_gate + 1) * sizeof(*m->gate_stamp));
		memset(m->place, 0, m->img->n_field * sizeof(*m->place));
		vec_clear(&m->values);
		m->raw = (struct value){0};
	}
	arena_reset(&m->mem);
	while (m->values.n < ev->n_field)
		(void)vec_add(&m->values);
	const struct way *w = way_of(m, ev->lsset);
	m->route = w->route;
	m->seen = w->seen;
	m->layout = w->layout;
}

/* 1 = the rule holds and was told; or cb's answer when that is negative. */
static int evaluate(struct sigma_matcher *m, uint32_t rule, sigma_hit_cb *cb, void *arg)
{
	bool holds = is_timed(m, rule) ? rule_holds_timed(m, rule) : rule_holds(m, rule);
	if (holds) {
		/* Who hears of the hit begins with the rule: it is on its way while the hit is explained. */
		__builtin_prefetch(&m->img->rule[rule]);
		vec_clear(&m->reasons);
		explain(m, parts_of(m, rule), true);
	}
	settle(m, rule);
	if (!holds)
		return 0;
	struct sigma_hit hit = {&m->img->rule[rule], m->reasons.at, m->reasons.n, m};
	int r = cb(arg, &hit);
	if (r < 0)
		return r;
	m->rule[rule].hits++;
	return 1;
}

/* The woken rules of one word of the set, in order. */
static int evaluate_word(struct sigma_matcher *m, size_t word, sigma_hit_cb *cb, void *arg)
{
	uint64_t rules = m->woken[word] & m->route->rules[word];
	int hits = 0;
	m->woken[word] = 0;
	for (; rules; rules &= rules - 1) {
		m->count.evaluated++;
		int r = evaluate(m, (uint32_t)(word * 64 + (size_t)__builtin_ctzll(rules)), cb, arg);
		if (r < 0)
			return r;
		hits += r;
	}
	return hits;
}

int sigma_match(struct sigma_matcher *m, const struct event *ev, sigma_hit_cb *cb, void *arg)
{
	int hits = 0;
	start_event(m, ev);
	open_gates(m);
	for (size_t i = 0; i < m->route->always.n; i++)
		wake_rule(m, m->route->always.at[i]);
	m->count.events++;
	for (size_t i = 0; i < WOKEN_SOME(m->img); i++) {
		for (; m->woken_some[i]; m->woken_some[i] &= m->woken_some[i] - 1) {
			int r = evaluate_word(m, i * 64 + (size_t)__builtin_ctzll(m->woken_some[i]), cb, arg);
			if (r < 0) {
				/* The rest of the event is not wanted. */
				memset(m->woken, 0, WOKEN_WORDS(m->img) * sizeof(*m->woken));
				memset(m->woken_some, 0, WOKEN_SOME(m->img) * sizeof(*m->woken_some));
				return r;
			}
			hits += r;
		}
	}
	m->count.hits += (unsigned)hits;
	return hits;
}

struct str sigma_hit_value(const struct sigma_hit *hit, size_t reason)
{
	return reason_value(hit->matcher, &hit->reason[reason]);
}

void sigma_matcher_window(struct sigma_matcher *m, uint64_t window)
{
	m->window = window;
}

void sigma_matcher_time_rules(struct sigma_matcher *m)
{
	m->timing = must_calloc(m->img->n_rule, sizeof(*m->timing));
	for (size_t i = 0; i < m->img->n_rule; i++)
		m->timing[i].next = 1;
	m->clock_ns = INT64_MAX;
	for (unsigned i = 0; i < 16; i++) {
		int64_t start = clock_mono_ns(), took = clock_mono_ns() - start;
		m->clock_ns = took < m->clock_ns ? took : m->clock_ns;
	}
}

const struct sigma_rule_counts *sigma_matcher_rule_counts(struct sigma_matcher *m)
{
	for (size_t i = 0; i < m->img->n_rule; i++) {
		m->rule_count[i].evaluated = m->rule[i].evaluated;
		m->rule_count[i].hits = m->rule[i].hits;
	}
	return m->rule_count;
}

void sigma_matcher_counts(const struct sigma_matcher *m, struct sigma_counts *ret)
{
	*ret = m->count;
}
