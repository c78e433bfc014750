/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/words.h"

#define LEVELS_MAX 32

struct words {
	struct arena *mem;
	struct str text, rest, token;
	words_resolve *resolve;
	void *arg;
	int depth;
};

static void next(struct words *w)
{
	struct str s = w->rest;
	while (s.n && ch_is_space((unsigned char)s.p[0]))
		s = str_sub(s, 1, s.n);
	size_t n = 0;
	while (n < s.n && !ch_is_space((unsigned char)s.p[n]) && s.p[n] != '(' && s.p[n] != ')')
		n++;
	if (!n && s.n)
		n = 1;
	w->token = str_sub(s, 0, n);
	w->rest = str_sub(s, n, s.n);
}

static struct expr *either(struct words *w);

static struct expr *one(struct words *w)
{
	uint32_t leaf;
	if (str_eq(w->token, STR("not"))) {
		next(w);
		return ++w->depth < LEVELS_MAX ? expr_not(w->mem, one(w)) : NULL;
	}
	if (str_eq(w->token, STR("("))) {
		next(w);
		struct expr *e = ++w->depth < LEVELS_MAX ? either(w) : NULL;
		if (!e || !str_eq(w->token, STR(")")))
			return NULL;
		next(w);
		return e;
	}
	if (!w->token.n || !w->resolve(w->arg, w->token, &leaf))
		return NULL;
	struct expr *e = expr_new(w->mem, EXPR_ATOM, 0);
	e->atom = leaf;
	next(w);
	return e;
}

static struct expr *chain(struct words *w, struct str word, enum expr_kind kind, struct expr *(*below)(struct words *w))
{
	struct expr *e = below(w);
	while (e && str_eq(w->token, word)) {
		next(w);
		struct expr *right = below(w), *both = right ? expr_new(w->mem, kind, 2) : NULL;
		if (both) {
			expr_add(both, e);
			expr_add(both, right);
		}
		e = both;
	}
	return e;
}

static struct expr *both(struct words *w)
{
	return chain(w, STR("and"), EXPR_AND, one);
}

static struct expr *either(struct words *w)
{
	return chain(w, STR("or"), EXPR_OR, both);
}

struct expr *words_parse(struct arena *mem, struct str text, words_resolve *resolve, void *arg, size_t *ret_at)
{
	struct words w = {.mem = mem, .text = text, .rest = text, .resolve = resolve, .arg = arg};
	next(&w);
	struct expr *e = either(&w);
	*ret_at = w.token.p ? (size_t)(w.token.p - text.p) : text.n;
	return w.token.n ? NULL : e;
}
