/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/pairs.h"

#include "sigma/literals.h"

static inline uint16_t pair_at(const char *p)
{
	uint32_t both = (uint32_t)(unsigned char)p[0] | (uint32_t)(unsigned char)p[1] << 8;
	return (uint16_t)((both * 0x9E3779B1u) >> 22);
}

void pairs_note(struct pairs *ret, struct str text)
{
	*ret = (struct pairs){0};
	for (size_t i = 0; i + 1 < text.n; i++) {
		uint16_t pair = pair_at(text.p + i);
		ret->bit[pair / 64] |= UINT64_C(1) << pair % 64;
	}
}

/* Pairs found so far, the rarest first. */
struct rarest {
	unsigned weight[LEN(((struct pairs_need *)0)->pair)];
	struct pairs_need need;
	size_t n;
};

static void add_pair(struct rarest *r, char first, char second)
{
	const char both[2] = {first, second};
	uint16_t pair = pair_at(both);
	unsigned weight = literal_byte_weight((unsigned char)first) + literal_byte_weight((unsigned char)second);
	size_t i = r->n;
	for (size_t k = 0; k < r->n; k++)
		if (r->need.pair[k] == pair)
			return;
	if (i == LEN(r->need.pair) && r->weight[--i] <= weight)
		return;
	for (; i && r->weight[i - 1] > weight; i--) {
		r->weight[i] = r->weight[i - 1];
		r->need.pair[i] = r->need.pair[i - 1];
	}
	r->weight[i] = weight;
	r->need.pair[i] = pair;
	r->n += r->n < LEN(r->need.pair);
}

/* Of a glob only what stands side by side, without wildcards between. */
static struct pairs_need need_of(const struct atom *a)
{
	struct rarest r = {0};
	bool glob = a->op == ATOM_GLOB, any = false;
	char before = 0;
	for (size_t i = 0; i < a->text.n; i++) {
		char c = a->text.p[i];
		if (glob && (c == '*' || c == '?')) {
			any = false;
			continue;
		}
		if (glob && c == '\\' && i + 1 < a->text.n)
			c = a->text.p[++i];
		if (any)
			add_pair(&r, before, c);
		before = c;
		any = true;
	}
	for (size_t i = r.n; i < LEN(r.need.pair); i++)
		r.need.pair[i] = i ? r.need.pair[0] : PAIRS_NONE;
	return r.need;
}

void pairs_need_all(struct sigma_image *img)
{
	size_t n = 0;
	for (size_t i = 0; i < img->n_atom; i++)
		n = img->atom[i].answer > n ? img->atom[i].answer : n;
	img->need = arena_array(&img->mem, n + 1, sizeof(*img->need));
	for (size_t i = 0; i < img->n_atom; i++) {
		const struct atom *a = &img->atom[i];
		bool looks = (a->op == ATOM_CONTAINS || a->op == ATOM_GLOB) && !(a->flags & ATOM_F_CASED);
		if (a->answer)
			img->need[a->answer] = looks ? need_of(a) : (struct pairs_need){{PAIRS_NONE}};
	}
}
