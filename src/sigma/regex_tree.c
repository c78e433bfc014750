/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/regex_tree.h"

#include "base/num.h"
#include "base/utf8.h"
#include "sigma/image.h"

#define DEPTH_MOST 100
#define TIMES_MOST 65535 /* PCRE2 takes no more */

struct reader {
	struct str rest;
	struct arena *mem;
	unsigned flags;  /* in force at this place */
	unsigned depth;
	bool irregular;
	bool lost;       /* something stands here that is not read */
};

static bool next_is(const struct reader *r, char c)
{
	return r->rest.n && r->rest.p[0] == c;
}

static void skip(struct reader *r, size_t n)
{
	r->rest = str_sub(r->rest, n, r->rest.n);
}

/* ---- nodes --------------------------------------------------------------------------------------------------------------------------------- */

static struct regex_node *node(struct reader *r, enum regex_kind kind)
{
	struct regex_node *n = arena_new(r->mem, struct regex_node);
	n->kind = kind;
	return n;
}

static struct regex_node *nothing(struct reader *r)
{
	return node(r, REGEX_SEQUENCE);
}

static struct regex_node *lose(struct reader *r)
{
	r->lost = true;
	return nothing(r);
}

static struct regex_node *irregular(struct reader *r, enum regex_kind kind)
{
	r->irregular = true;
	return node(r, kind);
}

static struct regex_node *assertion(struct reader *r, enum regex_assertion what)
{
	struct regex_node *n = node(r, REGEX_ASSERTION);
	n->assertion = what;
	return n;
}

static void add(struct regex_node *n, unsigned char c)
{
	n->ascii[c / 64] |= UINT64_C(1) << c % 64;
}

static void add_caseless(struct regex_node *n, unsigned char c)
{
	add(n, c);
	if (ch_is_alpha(c))
		add(n, c ^ 0x20);
}

static void add_range(struct reader *r, struct regex_node *n, uint32_t from, uint32_t to)
{
	static const struct {
		uint32_t cp;
		unsigned char ascii;
	} fold[] = {{0x17F, 's'}, {0x212A, 'k'}}; /* all that differ from an ASCII letter by case only */
	bool caseless = r->flags & ATOM_F_RE_I;
	n->beyond = n->beyond || to >= 128;
	for (uint32_t c = from; c <= to && c < 128; c++)
		(caseless ? add_caseless : add)(n, (unsigned char)c);
	for (size_t i = 0; caseless && i < LEN(fold); i++)
		if (from <= fold[i].cp && fold[i].cp <= to)
			add_caseless(n, fold[i].ascii);
}

static struct regex_node *one_char(struct reader *r, uint32_t cp)
{
	struct regex_node *n = node(r, REGEX_CHAR);
	n->cp = cp;
	add_range(r, n, cp, cp);
	return n;
}

/* What UTF-8 makes of the next bytes. */
static struct regex_node *next_char(struct reader *r)
{
	uint32_t cp = 0;
	utf8_next(&r->rest, &cp, NULL);
	return one_char(r, cp);
}

static void negate(struct regex_node *n)
{
	n->ascii[0] = ~n->ascii[0];
	n->ascii[1] = ~n->ascii[1];
	n->beyond = true;
}

static struct regex_node *any_char(struct reader *r, bool newline)
{
	struct regex_node *n = node(r, REGEX_SET);
	if (!newline)
		add(n, '\n');
	negate(n);
	return n;
}

/* ---- classes ------------------------------------------------------------------------------------------------------------------------------- */

/* Names within [: :] and the escapes that mean the same; ranges of characters in pairs. */
static const struct named_class {
	const char *name;
	char escape;
	uint8_t n;
	char range[9];
	bool beyond;
} CLASSES[] = {
	{"alpha", 0, 4, "AZaz", false},
	{"lower", 0, 2, "az", false},
	{"upper", 0, 2, "AZ", false},
	{"alnum", 0, 6, "09AZaz", false},
	{"ascii", 0, 2, "\0\177", false},
	{"blank", 0, 4, "\t\t  ", false},
	{"cntrl", 0, 4, "\0\37\177\177", false},
	{"digit", 'd', 2, "09", false},
	{"graph", 0, 2, "!~", false},
	{"print", 0, 2, " ~", false},
	{"punct", 0, 8, "!/:@[`{~", false},
	{"space", 's', 4, "\t\r  ", false},
	{"word", 'w', 8, "09AZ__az", false},
	{"xdigit", 0, 6, "09AFaf", false},
	{NULL, 'h', 4, "\t\t  ", true},
	{NULL, 'v', 2, "\n\r", true},
};

static struct regex_node *class_of(struct reader *r, const struct named_class *c, bool negated)
{
	struct regex_node *n = node(r, REGEX_SET);
	for (unsigned i = 0; i < c->n; i += 2)
		for (unsigned char ch = (unsigned char)c->range[i]; ch <= (unsigned char)c->range[i + 1]; ch++)
			add(n, ch);
	n->beyond = c->beyond;
	if (negated)
		negate(n);
	return n;
}

/* \d and its like, \D and its like: NULL when the letter is another. */
static struct regex_node *class_escape(struct reader *r, char letter)
{
	for (size_t i = 0; i < LEN(CLASSES); i++)
		if (CLASSES[i].escape && (char)(letter | 0x20) == CLASSES[i].escape)
			return class_of(r, &CLASSES[i], !(letter & 0x20));
	return NULL;
}

/* [:alpha:], [:^alpha:]; NULL when this is something else. */
static struct regex_node *posix(struct reader *r)
{
	struct str s = r->rest;
	size_t n = 0, which = 0;
	if (!str_take(&s, STR("[:")))
		return NULL;
	bool negated = str_take(&s, STR("^"));
	while (n < s.n && ch_is_alpha((unsigned char)s.p[n]))
		n++;
	struct str name = str_sub(s, 0, n);
	s = str_sub(s, n, s.n);
	if (!str_take(&s, STR(":]")))
		return NULL;
	while (which < LEN(CLASSES) && !(CLASSES[which].name && str_eq(name, str_c(CLASSES[which].name))))
		which++;
	if (which == LEN(CLASSES))
		return lose(r);
	r->rest = s;
	/* Without case, lower and upper are alpha. */
	return class_of(r, &CLASSES[r->flags & ATOM_F_RE_I && which <= 2 ? 0 : which], negated);
}

static struct regex_node *escape(struct reader *r);

static struct regex_node *class_member(struct reader *r)
{
	struct regex_node *n = posix(r);
	if (n)
		return n;
	if (str_take(&r->rest, STR("\\b")))
		return one_char(r, '\b');
	if (str_starts(r->rest, STR("\\Q")) || str_starts(r->rest, STR("\\E")))
		return lose(r);
	return str_take(&r->rest, STR("\\")) ? escape(r) : next_char(r);
}

/* Behind [. */
static struct regex_node *class(struct reader *r)
{
	/* [[:<:]] and [[:>:]] are edges of words, in spite of their looks. */
	if (str_starts(r->rest, STR("[:<:]]")) || str_starts(r->rest, STR("[:>:]]")))
		return lose(r);
	struct regex_node *set = node(r, REGEX_SET);
	bool negated = str_take(&r->rest, STR("^"));
	for (bool first = true; first || !next_is(r, ']'); first = false) {
		if (!r->rest.n || r->lost)
			return lose(r);
		const struct regex_node *from = class_member(r), *to = from;
		if (next_is(r, '-') && r->rest.n > 1 && r->rest.p[1] != ']') {
			skip(r, 1);
			to = class_member(r);
		}
		if (from->kind == REGEX_CHAR && to->kind == REGEX_CHAR) {
			add_range(r, set, from->cp, to->cp);
		} else if (from == to && (from->kind == REGEX_SET || from->kind == REGEX_TEXT)) {
			set->ascii[0] |= from->ascii[0];
			set->ascii[1] |= from->ascii[1];
			set->beyond = set->beyond || from->beyond;
			set->kind = from->kind == REGEX_TEXT ? REGEX_TEXT : set->kind;
		} else {
			return lose(r);
		}
	}
	skip(r, 1);
	if (negated)
		negate(set);
	return set;
}

/* ---- escapes ------------------------------------------------------------------------------------------------------------------------------- */

/* \x41 or \x{263a}; behind the x. */
static struct regex_node *hex_char(struct reader *r)
{
	uint32_t cp = 0;
	bool braces = str_take(&r->rest, STR("{"));
	size_t n = 0;
	for (; n < (braces ? 6 : 2) && r->rest.n && ch_hex((unsigned char)r->rest.p[0]) >= 0; n++) {
		cp = cp * 16 + (uint32_t)ch_hex((unsigned char)r->rest.p[0]);
		skip(r, 1);
	}
	return (braces && !str_take(&r->rest, STR("}"))) || !n ? lose(r) : one_char(r, cp);
}

/* \p{L}, \pL; behind the p. */
static struct regex_node *property(struct reader *r)
{
	size_t end = next_is(r, '{') ? str_chr(r->rest, '}') : 0;
	if (!r->rest.n || end == STR_NPOS)
		return lose(r);
	skip(r, end + 1);
	return irregular(r, REGEX_TEXT);
}

static void append(struct regex_node *to, struct regex_node **last, struct regex_node *kid)
{
	if (*last)
		(*last)->next = kid;
	else
		to->kid = kid;
	*last = kid;
}

/* What is repeated behind \E is its last character only, which is more than is read here. */
static struct regex_node *quoted(struct reader *r)
{
	struct regex_node *all = node(r, REGEX_SEQUENCE), *last = NULL;
	size_t end = str_find(r->rest, STR("\\E"));
	struct str behind = end == STR_NPOS ? STR("") : str_sub(r->rest, end + 2, r->rest.n);
	r->rest = str_sub(r->rest, 0, end);
	while (r->rest.n)
		append(all, &last, next_char(r));
	r->rest = behind;
	return behind.n && memchr("*+?{", behind.p[0], 4) ? lose(r) : all;
}

static struct regex_node *control(struct reader *r, char letter)
{
	static const char control[][2] = {{'t', '\t'}, {'n', '\n'}, {'r', '\r'}, {'f', '\f'}, {'e', '\033'}, {'a', '\a'}};
	for (size_t i = 0; i < LEN(control); i++)
		if (control[i][0] == letter)
			return one_char(r, (unsigned char)control[i][1]);
	return NULL;
}

/* Behind the backslash. */
static struct regex_node *escape(struct reader *r)
{
	if (!r->rest.n)
		return lose(r);
	char c = r->rest.p[0];
	if (!ch_is_alnum((unsigned char)c))
		return next_char(r);
	skip(r, 1);
	struct regex_node *n = control(r, c);
	n = n ? n : class_escape(r, c);
	if (n)
		return n;
	switch (c) {
	case 'N':
		return next_is(r, '{') ? lose(r) : any_char(r, false);
	case 'R':
	case 'X':
		return irregular(r, REGEX_TEXT);
	case 'b':
		return assertion(r, REGEX_AT_WORD_EDGE);
	case 'B':
		return assertion(r, REGEX_NO_WORD_EDGE);
	case 'A':
		return assertion(r, REGEX_AT_START);
	case 'z':
		return assertion(r, REGEX_AT_END);
	case 'Z':
		return assertion(r, REGEX_AT_LAST_LINE);
	case 'G':
	case 'K':
		return irregular(r, REGEX_SEQUENCE);
	case 'x':
		return hex_char(r);
	case 'p':
	case 'P':
		return property(r);
	case 'Q':
		return quoted(r);
	default:
		return lose(r);
	}
}

/* ---- groups, repetitions, sequences, alternatives ------------------------------------------------------------------------------------------ */

static struct regex_node *alternatives(struct reader *r);

/* Flags that are set in a group end with it. */
static struct regex_node *group_body(struct reader *r, unsigned flags)
{
	unsigned around = r->flags;
	r->flags = flags;
	struct regex_node *body = alternatives(r);
	r->flags = around;
	return str_take(&r->rest, STR(")")) ? body : lose(r);
}

static bool take_name(struct reader *r)
{
	static const char *const open[] = {"P<", "<", "'"};
	for (size_t i = 0; i < LEN(open); i++) {
		struct str s = r->rest;
		if (!str_take(&s, str_c(open[i])) || !s.n || !ch_is_alpha((unsigned char)s.p[0]))
			continue;
		size_t end = str_chr(s, i == 2 ? '\'' : '>');
		if (end == STR_NPOS)
			return false;
		r->rest = str_sub(s, end + 1, s.n);
		return true;
	}
	return false;
}

/* (?i), (?i:…), (?^s-i); with x blanks would mean nothing. */
static struct regex_node *inline_flags(struct reader *r)
{
	unsigned flags = r->flags, bit;
	for (bool on = true; r->rest.n && r->rest.p[0] != ':' && r->rest.p[0] != ')'; skip(r, 1)) {
		char c = r->rest.p[0];
		bit = c == 'i' ? ATOM_F_RE_I : c == 'm' ? ATOM_F_RE_M : c == 's' ? ATOM_F_RE_S : 0;
		if (c == '^')
			flags = 0;
		else if (c == '-')
			on = false;
		else if (!bit && c != 'n' && c != 'J' && c != 'U')
			return lose(r);
		flags = on ? flags | bit : flags & ~bit;
	}
	if (str_take(&r->rest, STR(":")))
		return group_body(r, flags);
	r->flags = flags;
	return str_take(&r->rest, STR(")")) ? nothing(r) : lose(r);
}

/* Behind the parenthesis. */
static struct regex_node *group(struct reader *r)
{
	static const char *const around[] = {"?=", "?!", "?<=", "?<!"};
	if (next_is(r, '*'))
		return lose(r);
	for (size_t i = 0; i < LEN(around); i++)
		if (str_take(&r->rest, str_c(around[i]))) {
			group_body(r, r->flags);
			return irregular(r, REGEX_SEQUENCE);
		}
	if (str_take(&r->rest, STR("?>"))) {
		r->irregular = true;
		return group_body(r, r->flags);
	}
	if (!str_take(&r->rest, STR("?")) || str_take(&r->rest, STR(":")) || str_take(&r->rest, STR("|")) || take_name(r))
		return group_body(r, r->flags);
	return inline_flags(r);
}

static struct regex_node *one_thing(struct reader *r)
{
	char c = r->rest.p[0];
	switch (c) {
	case '(':
		skip(r, 1);
		return group(r);
	case '[':
		skip(r, 1);
		return class(r);
	case '\\':
		skip(r, 1);
		return escape(r);
	case '.':
		skip(r, 1);
		return any_char(r, r->flags & ATOM_F_RE_S);
	case '^':
		skip(r, 1);
		return assertion(r, r->flags & ATOM_F_RE_M ? REGEX_AT_LINE : REGEX_AT_START);
	case '$':
		skip(r, 1);
		return assertion(r, r->flags & ATOM_F_RE_M ? REGEX_AT_LINE_END : REGEX_AT_LAST_LINE);
	case '*':
	case '+':
	case '?':
		return lose(r);
	default:
		return next_char(r);
	}
}

/* {2}, {2,}, {2,3}; anything else in braces is text, but for {,3} and blanks, which newer versions of PCRE2 count, too. */
static bool take_braces(struct reader *r, uint32_t *ret_least, uint32_t *ret_most)
{
	uint64_t least, most;
	size_t end = str_chr(r->rest, '}'), digits = 1;
	if (!next_is(r, '{') || end == STR_NPOS)
		return false;
	struct str inner = str_sub(r->rest, 1, end);
	size_t comma = str_chr(inner, ',');
	struct str more = comma == STR_NPOS ? STR("") : str_sub(inner, comma + 1, inner.n);
	while (digits < end && memchr("0123456789, \t", r->rest.p[digits], 13))
		digits++;
	if (!num_u64(str_sub(inner, 0, comma), &least) || (more.n && !num_u64(more, &most))) {
		r->lost = r->lost || (inner.n && digits == end);
		return false;
	}
	most = comma == STR_NPOS ? least : more.n ? most : REGEX_MANY;
	r->lost = r->lost || least > TIMES_MOST || (most > TIMES_MOST && most != REGEX_MANY);
	*ret_least = (uint32_t)least;
	*ret_most = (uint32_t)most;
	skip(r, end + 1);
	return true;
}

static bool take_times(struct reader *r, uint32_t *ret_least, uint32_t *ret_most)
{
	if (!r->rest.n || !memchr("*+?", r->rest.p[0], 3))
		return take_braces(r, ret_least, ret_most);
	*ret_least = next_is(r, '+');
	*ret_most = next_is(r, '?') ? 1 : REGEX_MANY;
	skip(r, 1);
	return true;
}

static struct regex_node *repeated(struct reader *r)
{
	struct regex_node *once = one_thing(r), *all = node(r, REGEX_REPEAT);
	if (!take_times(r, &all->least, &all->most))
		return once;
	all->kid = once;
	bool possessive = !str_take(&r->rest, STR("?")) && str_take(&r->rest, STR("+"));
	/* PCRE2 10.42 takes some of what stands in a group of {0} for its pattern's beginning: (a|\A){0}b is found in b, not in ab. */
	r->irregular = r->irregular || possessive || all->most == 0;
	return take_times(r, &(uint32_t){0}, &(uint32_t){0}) ? lose(r) : all;
}

static struct regex_node *sequence(struct reader *r)
{
	struct regex_node *all = node(r, REGEX_SEQUENCE), *last = NULL;
	while (r->rest.n && !next_is(r, '|') && !next_is(r, ')') && !r->lost)
		append(all, &last, repeated(r));
	return all;
}

static struct regex_node *alternatives(struct reader *r)
{
	struct regex_node *all = node(r, REGEX_ALTERNATIVES), *last = NULL;
	if (++r->depth > DEPTH_MOST)
		return lose(r);
	do {
		append(all, &last, sequence(r));
	} while (!r->lost && str_take(&r->rest, STR("|")));
	r->depth--;
	return all;
}

void regex_tree_read(struct str pattern, unsigned atom_flags, struct arena *mem, struct regex_tree *ret)
{
	struct reader r = {.rest = pattern, .mem = mem, .flags = atom_flags};
	struct regex_node *root = alternatives(&r);
	bool read = !r.lost && !r.rest.n;
	*ret = (struct regex_tree){read ? root : NULL, read && !r.irregular};
}
