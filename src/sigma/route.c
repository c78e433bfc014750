/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/route.h"

#include <pthread.h>
#include <stdatomic.h>

static bool key_fits(enum sigma_routing routing, struct str rule, struct str event)
{
	if (!rule.n)
		return true;
	if (routing == SIGMA_ROUTE_CONFLICT && !event.n)
		return true;
	return str_eq(rule, event);
}

bool sigma_rule_fits(const struct sigma_image *img, const struct logsource *rule, const struct logsource *ls, size_t n)
{
	if (img->routing == SIGMA_ROUTE_OFF)
		return true;
	for (size_t i = 0; i < n; i++)
		if (key_fits(img->routing, rule->product, ls[i].product) && key_fits(img->routing, rule->category, ls[i].category) && key_fits(img->routing, rule->service, ls[i].service))
			return true;
	return false;
}

static void set_bit(uint64_t *set, size_t i)
{
	set[i / 64] |= UINT64_C(1) << (i % 64);
}

static void look_add(struct field_look *look, const struct gate_info *g)
{
	if (!look->kinds) {
		look->plain = true;
		look->shortest = UINT16_MAX;
	}
	look->kinds |= (uint8_t)(1u << g->kind);
	if (g->kind != GATE_CONTAINS)
		return;
	look->plain = look->plain && g->worded;
	look->shortest = g->n < look->shortest ? (uint16_t)g->n : look->shortest;
}

/* A gate that answers for a rule of the route, and what it looks at: other values are never hashed. */
static void add_gate(const struct sigma_image *img, struct route *r, uint16_t gate)
{
	if (!gate || has_bit(r->gates, gate - 1u))
		return;
	set_bit(r->gates, gate - 1u);
	look_add(&r->look[img->gate[gate - 1].field], &img->gate[gate - 1]);
}

static void add_rule(const struct sigma_image *img, struct route *r, const struct rule_code *code)
{
	for (uint32_t i = 0; i < code->n_test; i++) {
		const struct atom *a = &img->atom[img->test[code->test + i].atom];
		add_gate(img, r, img->test[code->test + i].gate);
		r->role[a->field] |= ROLE_USED;
		r->role[a->other] |= ROLE_USED;
	}
	for (size_t i = 0; i < code->n_waking; i++) {
		uint16_t gate = (uint16_t)code->waking[i];
		add_gate(img, r, gate);
		set_bit(r->waking, gate - 1u);
		r->role[img->gate[gate - 1].field] |= ROLE_WAKES;
	}
}

/* Strict events of one product meet the rules of that product and of none. */
static const struct field_index *route_words(const struct sigma_image *img, const struct logsource *ls, size_t n)
{
	bool one = img->routing == SIGMA_ROUTE_STRICT && ls[0].product.n;
	for (size_t i = 1; i < n; i++)
		one = one && str_eq(ls[i].product, ls[0].product);
	return one ? sigma_words(img, ls[0].product) : img->index[FIELD_UNKNOWN];
}

/* Once all gates are known. The first are of fields without literals. */
static void route_bits(const struct sigma_image *img, struct route *r)
{
	(void)vec_add(&r->bits);
	for (size_t i = 0; i < img->n_field; i++) {
		if (!(r->look[i].kinds & 1u << GATE_CONTAINS))
			continue;
		r->look[i].bits = (uint16_t)r->bits.n;
		literal_bits_make(vec_add(&r->bits), &(i ? img->index[i] : r->words)->literals, r->gates);
	}
	if (r->look[FIELD_UNKNOWN].kinds == 1u << GATE_CONTAINS)
		r->words_in_line = few_make(&r->words->literals, r->gates, FEW_LINE);
}

static void route_free(struct route *r)
{
	vec_each(bits, &r->bits) {
		literal_bits_done(bits);
	}
	vec_done(&r->bits);
	vec_done(&r->always);
	few_free(r->words_in_line);
	free(r->groups);
	free(r->rules);
	free(r->gates);
	free(r->waking);
	free(r->role);
	free(r->look);
	free(r);
}

/* ---- those of an image ------------------------------------------------------------------------------------------------------------- */

/* The rules of one log source. */
struct group {
	struct logsource logsource;
	VEC(uint32_t) rules;
};

struct routes {
	pthread_mutex_t lock;      /* of what follows but `of` */
	VEC(struct group) groups;  /* of all rules, from the first route on */
	VEC(struct route *) made;
	_Atomic(const struct route *) of[VOCAB_LSSETS_MAX]; /* by log-source set; NULL: none of its events came yet */
};

struct routes *routes_new(void)
{
	struct routes *all = must_new(struct routes);
	pthread_mutex_init(&all->lock, NULL);
	return all;
}

void routes_free(struct routes *all)
{
	vec_each(r, &all->made) {
		route_free(*r);
	}
	vec_each(g, &all->groups) {
		vec_done(&g->rules);
	}
	vec_done(&all->made);
	vec_done(&all->groups);
	pthread_mutex_destroy(&all->lock);
	free(all);
}

static bool is_of(const struct group *g, const struct logsource *ls)
{
	return str_eq(g->logsource.product, ls->product) && str_eq(g->logsource.category, ls->category) && str_eq(g->logsource.service, ls->service);
}

static struct group *group_of(struct routes *all, const struct logsource *ls)
{
	vec_each(g, &all->groups) {
		if (is_of(g, ls))
			return g;
	}
	struct group *fresh = vec_add(&all->groups);
	fresh->logsource = *ls;
	return fresh;
}

static void group_rules(const struct sigma_image *img, struct routes *all)
{
	struct group *g = NULL; /* rules come by folders, so most are of the last one's */
	for (uint32_t i = 0; i < img->n_rule; i++) {
		const struct logsource *ls = &img->rule[i].logsource;
		if (!img->code[i].expr)
			continue;
		if (!g || !is_of(g, ls))
			g = group_of(all, ls);
		vec_push(&g->rules, i);
	}
}

/* An empty one for events that these groups are shown. */
static struct route *route_new(const struct sigma_image *img, uint64_t *groups, const struct field_index *words)
{
	struct route *r = must_new(struct route);
	r->groups = groups;
	r->words = words;
	r->rules = must_calloc(img->n_rule / 64 + 1, sizeof(uint64_t));
	r->gates = must_calloc(img->n_gate / 64 + 1, sizeof(uint64_t));
	r->waking = must_calloc(img->n_gate / 64 + 1, sizeof(uint64_t));
	r->role = must_calloc(img->n_field, sizeof(*r->role));
	r->look = must_calloc(img->n_field, sizeof(*r->look));
	return r;
}

static const struct route *route_make(const struct sigma_image *img, struct routes *all, uint64_t *groups, const struct field_index *words)
{
	struct route *r = route_new(img, groups, words);
	for (size_t i = 0; i < all->groups.n; i++) {
		if (!has_bit(groups, i))
			continue;
		vec_each(rule, &all->groups.at[i].rules) {
			set_bit(r->rules, *rule);
			if (img->code[*rule].always)
				vec_push(&r->always, *rule);
			add_rule(img, r, &img->code[*rule]);
		}
	}
	r->role[FIELD_UNKNOWN] = 0;
	route_bits(img, r);
	r->number = (uint32_t)all->made.n;
	vec_push(&all->made, r);
	return r;
}

/* Sets that are shown the same rules share a route. */
static const struct route *route_find(const struct sigma_image *img, struct routes *all, uint32_t lsset)
{
	size_t n;
	const struct logsource *ls = vocab_lsset_get(img->vocab, lsset, &n);
	const struct field_index *words = route_words(img, ls, n);
	if (!all->groups.n)
		group_rules(img, all);
	size_t n_word = all->groups.n / 64 + 1;
	uint64_t *groups = must_calloc(n_word, sizeof(*groups));
	for (size_t i = 0; i < all->groups.n; i++)
		if (sigma_rule_fits(img, &all->groups.at[i].logsource, ls, n))
			set_bit(groups, i);
	vec_each(r, &all->made) {
		if ((*r)->words == words && memcmp((*r)->groups, groups, n_word * sizeof(*groups)) == 0) {
			free(groups);
			return *r;
		}
	}
	return route_make(img, all, groups, words);
}

const struct route *route_of(const struct sigma_image *img, uint32_t lsset)
{
	struct routes *all = img->routes;
	const struct route *r = atomic_load_explicit(&all->of[lsset], memory_order_acquire);
	if (r)
		return r;
	pthread_mutex_lock(&all->lock);
	r = route_find(img, all, lsset);
	pthread_mutex_unlock(&all->lock);
	atomic_store_explicit(&all->of[lsset], r, memory_order_release);
	return r;
}
