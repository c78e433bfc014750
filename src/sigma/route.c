/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/route.h"

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

/* Once all gates are known. */
static void route_bits(const struct sigma_image *img, struct route *r)
{
	r->bits = must_calloc(img->n_field, sizeof(*r->bits));
	for (size_t i = 0; i < img->n_field; i++)
		if (r->look[i].kinds & 1u << GATE_CONTAINS)
			literal_bits_make(&r->bits[i], &(i ? img->index[i] : r->words)->literals, r->gates);
	if (r->look[FIELD_UNKNOWN].kinds == 1u << GATE_CONTAINS)
		r->words_in_line = few_make(&r->words->literals, r->gates, FEW_LINE);
}

struct route *route_new(const struct sigma_image *img, uint32_t lsset)
{
	struct route *r = must_new(struct route);
	size_t n;
	const struct logsource *ls = vocab_lsset_get(img->vocab, lsset, &n);
	r->number = lsset;
	r->words = route_words(img, ls, n);
	r->rules = must_calloc(img->n_rule / 64 + 1, sizeof(uint64_t));
	r->gates = must_calloc(img->n_gate / 64 + 1, sizeof(uint64_t));
	r->waking = must_calloc(img->n_gate / 64 + 1, sizeof(uint64_t));
	r->role = must_calloc(img->n_field, sizeof(*r->role));
	r->look = must_calloc(img->n_field, sizeof(*r->look));
	r->always = must_calloc(img->n_always + 1, sizeof(uint32_t));
	r->seen = must_calloc(SEEN_PLACES, sizeof(*r->seen));
	for (size_t i = 0; i < img->n_rule; i++) {
		if (!img->code[i].expr || !sigma_rule_fits(img, &img->rule[i].logsource, ls, n))
			continue;
		set_bit(r->rules, i);
		if (img->code[i].always)
			r->always[r->n_always++] = (uint32_t)i;
		add_rule(img, r, &img->code[i]);
	}
	r->role[FIELD_UNKNOWN] = 0;
	route_bits(img, r);
	return r;
}

void route_free(struct route *r, size_t n_field)
{
	if (!r)
		return;
	for (size_t i = 0; i < n_field; i++)
		literal_bits_done(&r->bits[i]);
	free(r->bits);
	few_free(r->words_in_line);
	free(r->rules);
	free(r->gates);
	free(r->waking);
	free(r->role);
	free(r->look);
	free(r->always);
	free(r->seen);
	free(r);
}
