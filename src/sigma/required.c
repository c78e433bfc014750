/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/required.h"

#include "base/num.h"
#include "base/utf8.h"

#define DEPTH_MOST 100
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

struct parser {
	struct str rest;
	struct arena *mem;
	unsigned depth;
	bool lost; /* something stands here that this parser does not know */
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

static struct part one_char(struct parser *p, uint32_t cp)
{
	char *to = arena_array(p->mem, 4, 1);
	return one_text(str_n(to, utf8_put(to, utf8_fold_cp(cp))));
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
static bool multiply(struct parser *p, struct required *a, const struct required *b)
{
	struct required out = {0};
	if (a->n * b->n > REQUIRED_MOST)
		return false;
	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < b->n; k++) {
			if (a->text[i].n + b->text[k].n > TEXT_MOST)
				return false;
			out.text[out.n++] = arena_fmt(p->mem, "%.*s%.*s", STR_ARG(a->text[i]), STR_ARG(b->text[k]));
		}
	*a = out;
	return true;
}

/* ---- one character or class --------------------------------------------------------------------------------------------------------------- */

static bool next_is(const struct parser *p, char c)
{
	return p->rest.n && p->rest.p[0] == c;
}

static void skip(struct parser *p, size_t n)
{
	p->rest = str_sub(p->rest, n, p->rest.n);
}

static struct part lose(struct parser *p)
{
	p->lost = true;
	return ANYTHING;
}

/* \x41 or \x{263a}; behind the x. */
static struct part hex_char(struct parser *p)
{
	uint32_t cp = 0;
	bool braces = str_take(&p->rest, STR("{"));
	size_t n = 0;
	for (; n < (braces ? 6 : 2) && p->rest.n && ch_hex((unsigned char)p->rest.p[0]) >= 0; n++) {
		cp = cp * 16 + (uint32_t)ch_hex((unsigned char)p->rest.p[0]);
		skip(p, 1);
	}
	return (braces && !str_take(&p->rest, STR("}"))) || !n || !cp ? lose(p) : one_char(p, cp);
}

/* \p{L}, \pL; behind the p. */
static struct part property(struct parser *p)
{
	size_t end = next_is(p, '{') ? str_chr(p->rest, '}') : 0;
	if (!p->rest.n || end == STR_NPOS)
		return lose(p);
	skip(p, end + 1);
	return ANYTHING;
}

/* What is repeated behind \E is its last character only, which is more than is read here. */
static struct part quoted(struct parser *p)
{
	size_t end = str_find(p->rest, STR("\\E"));
	struct str text = str_sub(p->rest, 0, end == STR_NPOS ? p->rest.n : end);
	skip(p, end == STR_NPOS ? p->rest.n : end + 2);
	if (text.n > TEXT_MOST || (p->rest.n && strchr("*+?{", p->rest.p[0])))
		return lose(p);
	char *to = arena_array(p->mem, text.n / 2 * 3 + 4, 1);
	return one_text(str_n(to, utf8_fold(to, text.p, text.n)));
}

/* Behind the backslash. */
static struct part escape(struct parser *p)
{
	static const char control[][2] = {{'t', '\t'}, {'n', '\n'}, {'r', '\r'}, {'f', '\f'}, {'e', '\033'}, {'a', '\a'}};
	if (!p->rest.n)
		return lose(p);
	char c = p->rest.p[0];
	if (!ch_is_alnum((unsigned char)c)) {
		uint32_t cp;
		utf8_next(&p->rest, &cp, NULL);
		return one_char(p, cp);
	}
	skip(p, 1);
	for (size_t i = 0; i < LEN(control); i++)
		if (control[i][0] == c)
			return one_char(p, (unsigned char)control[i][1]);
	if (strchr("dDwWsShHvVRX", c) || (c == 'N' && !next_is(p, '{')))
		return ANYTHING;
	if (strchr("bBAzZGK", c))
		return nothing();
	if (c == 'x')
		return hex_char(p);
	if (c == 'p' || c == 'P')
		return property(p);
	return c == 'Q' ? quoted(p) : lose(p);
}

/* [:alpha:] and its like; false when this is something else. */
static bool take_posix(struct parser *p)
{
	struct str s = p->rest;
	if (!str_take(&s, STR("[:")))
		return false;
	str_take(&s, STR("^"));
	while (s.n && ch_is_alpha((unsigned char)s.p[0]))
		s = str_sub(s, 1, s.n);
	if (!str_take(&s, STR(":]")))
		return false;
	p->rest = s;
	return true;
}

static struct part class_member(struct parser *p)
{
	uint32_t cp;
	if (take_posix(p))
		return ANYTHING;
	if (str_take(&p->rest, STR("\\b")))
		return one_char(p, '\b');
	if (str_starts(p->rest, STR("\\Q")) || str_starts(p->rest, STR("\\E")))
		return lose(p);
	if (str_take(&p->rest, STR("\\")))
		return escape(p);
	utf8_next(&p->rest, &cp, NULL);
	return one_char(p, cp);
}

/* Behind [. A class of few characters is spelt out; all others, and all that is not plain, are anything. */
static struct part class(struct parser *p)
{
	struct part out = {.is_exact = true};
	bool few = !str_take(&p->rest, STR("^"));
	for (bool first = true; first || !next_is(p, ']'); first = false) {
		if (!p->rest.n || p->lost)
			return lose(p);
		struct part one = class_member(p);
		bool range = next_is(p, '-') && p->rest.n > 1 && p->rest.p[1] != ']';
		if (range)
			skip(p, 1);
		few = few && !range && one.is_exact && out.exact.n + one.exact.n <= CLASS_MOST && add_all(&out.exact, &one.exact);
	}
	skip(p, 1);
	return few ? out : ANYTHING;
}

/* ---- groups, repetitions, sequences, alternatives --------------------------------------------------------------------------------------------- */

static struct part alternatives(struct parser *p);

static struct part group_body(struct parser *p)
{
	struct part out = alternatives(p);
	if (!str_take(&p->rest, STR(")")))
		return lose(p);
	return out;
}

static bool take_name(struct parser *p)
{
	static const char *const open[] = {"P<", "<", "'"};
	for (size_t i = 0; i < LEN(open); i++) {
		struct str s = p->rest;
		if (!str_take(&s, str_c(open[i])) || !s.n || !ch_is_alpha((unsigned char)s.p[0]))
			continue;
		size_t end = str_chr(s, i == 2 ? '\'' : '>');
		if (end == STR_NPOS)
			return false;
		p->rest = str_sub(s, end + 1, s.n);
		return true;
	}
	return false;
}

/* (?i) and (?i:…): case is folded anyway, but with x blanks mean nothing. */
static struct part inline_flags(struct parser *p)
{
	while (p->rest.n && strchr("imsnJU^-", p->rest.p[0]))
		skip(p, 1);
	if (str_take(&p->rest, STR(":")))
		return group_body(p);
	return str_take(&p->rest, STR(")")) ? nothing() : lose(p);
}

/* Behind the parenthesis. */
static struct part group(struct parser *p)
{
	static const char *const around[] = {"?=", "?!", "?<=", "?<!"};
	if (next_is(p, '*'))
		return lose(p);
	for (size_t i = 0; i < LEN(around); i++)
		if (str_take(&p->rest, str_c(around[i]))) {
			group_body(p);
			return nothing();
		}
	if (!str_take(&p->rest, STR("?")) || str_take(&p->rest, STR(":")) || str_take(&p->rest, STR(">")) || str_take(&p->rest, STR("|")) || take_name(p))
		return group_body(p);
	return inline_flags(p);
}

static struct part one_thing(struct parser *p)
{
	uint32_t cp;
	if (str_take(&p->rest, STR("(")))
		return group(p);
	if (str_take(&p->rest, STR("[")))
		return class(p);
	if (str_take(&p->rest, STR("\\")))
		return escape(p);
	if (str_take(&p->rest, STR(".")))
		return ANYTHING;
	if (str_take(&p->rest, STR("^")) || str_take(&p->rest, STR("$")))
		return nothing();
	if (strchr("*+?", p->rest.p[0]))
		return lose(p);
	utf8_next(&p->rest, &cp, NULL);
	return one_char(p, cp);
}

/* {2}, {2,}, {2,3}; anything else in braces is text. */
static bool take_braces(struct parser *p, uint64_t *ret_least, bool *ret_just)
{
	struct str s = p->rest, least;
	uint64_t most;
	size_t end = str_chr(s, '}');
	if (!str_take(&s, STR("{")) || end == STR_NPOS)
		return false;
	struct str inner = str_sub(p->rest, 1, end);
	size_t comma = str_chr(inner, ',');
	least = str_sub(inner, 0, comma == STR_NPOS ? inner.n : comma);
	struct str more = comma == STR_NPOS ? STR("") : str_sub(inner, comma + 1, inner.n);
	if (!num_u64(least, ret_least) || (more.n && !num_u64(more, &most)))
		return false;
	*ret_just = comma == STR_NPOS;
	skip(p, end + 1);
	return true;
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

static struct part spelt_out(struct parser *p, const struct part *once, uint64_t times)
{
	struct part out = nothing();
	for (uint64_t i = 0; i < times; i++)
		if (!multiply(p, &out.exact, &once->exact))
			return loosened(once);
	return out;
}

static struct part repeated(struct parser *p)
{
	struct part once = one_thing(p);
	for (;;) {
		uint64_t least = 1;
		bool just = false;
		if (str_take(&p->rest, STR("*")) || str_take(&p->rest, STR("?")))
			least = 0;
		else if (!str_take(&p->rest, STR("+")) && !take_braces(p, &least, &just))
			return once;
		if (!str_take(&p->rest, STR("?"))) /* lazy or possessive: as often */
			str_take(&p->rest, STR("+"));
		if (!least && !just)
			once = ANYTHING;
		else if (just && once.is_exact && least <= TIMES_MOST)
			once = spelt_out(p, &once, least);
		else
			once = least ? loosened(&once) : ANYTHING;
	}
}

static struct part sequence(struct parser *p)
{
	struct part out = nothing();
	struct required run = out.exact; /* all that the last parts can be, as long as that is known */
	while (p->rest.n && !next_is(p, '|') && !next_is(p, ')') && !p->lost) {
		struct part one = repeated(p);
		if (one.is_exact && multiply(p, &run, &one.exact))
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

static struct part alternatives(struct parser *p)
{
	struct part out = ANYTHING;
	struct required exact = {0}, need = {0};
	bool is_exact = true, has_need = true;
	if (++p->depth > DEPTH_MOST)
		return lose(p);
	do {
		struct part one = sequence(p);
		is_exact = is_exact && one.is_exact && add_all(&exact, &one.exact);
		struct part loose = one.is_exact ? loosened(&one) : one;
		has_need = has_need && loose.has_need && add_all(&need, &loose.need);
	} while (str_take(&p->rest, STR("|")) && !p->lost);
	p->depth--;
	if (is_exact) {
		out.is_exact = true;
		out.exact = exact;
	} else if (has_need) {
		out.has_need = true;
		out.need = need;
	}
	return out;
}

void required_of(struct str pattern, struct arena *mem, struct required *ret)
{
	struct parser p = {.rest = pattern, .mem = mem};
	struct part all = alternatives(&p);
	struct part loose = all.is_exact ? loosened(&all) : all;
	*ret = !p.lost && !p.rest.n && loose.has_need ? loose.need : (struct required){0};
}
