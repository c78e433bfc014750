/* SPDX-License-Identifier: Apache-2.0 */
#include "query/parts.h"

#include "base/num.h"
#include "store/match.h"

#include <errno.h>

#define DEPTH_MAX 64

int parse_complain(struct parser *p, struct str at, const char *code, const char *text)
{
	if (!p->bad) {
		unsigned column = (unsigned)(at.p ? (size_t)(at.p - p->text.p) : p->text.n) + 1;
		diag_error(p->d, (struct diag_at){1, column}, code, "%s%s%.*s%s", text, at.n ? ": \"" : "", STR_ARG(str_sub(at, 0, 40)), at.n ? "\"" : "");
	}
	p->bad = true;
	return -EINVAL;
}

void parse_blanks(struct parser *p)
{
	while (p->rest.n && ch_is_space((unsigned char)p->rest.p[0]))
		p->rest = str_sub(p->rest, 1, p->rest.n);
}

bool parse_char(struct parser *p, char c)
{
	parse_blanks(p);
	if (!p->rest.n || p->rest.p[0] != c)
		return false;
	p->rest = str_sub(p->rest, 1, p->rest.n);
	return true;
}

static bool ends_word(unsigned char c)
{
	return ch_is_space(c) || c == '(' || c == ')' || c == '|' || c == '"' || c == ',' || c == ']';
}

static bool ends_name(unsigned char c)
{
	return ends_word(c) || c == ':' || c == '=' || c == '<' || c == '>' || c == '!';
}

struct str parse_name(struct parser *p)
{
	size_t n = 0;
	parse_blanks(p);
	while (n < p->rest.n && !ends_name((unsigned char)p->rest.p[n]))
		n++;
	struct str name = str_sub(p->rest, 0, n);
	p->rest = str_sub(p->rest, n, p->rest.n);
	return name;
}

static struct pred *leaf(struct parser *p, enum pred_op op, struct str field, struct str text)
{
	struct pred *n = arena_new(&p->q->mem, struct pred);
	n->op = op;
	n->field = field;
	n->text = text;
	return n;
}

static struct pred *join(struct parser *p, enum pred_op op, struct pred *a, struct pred *b)
{
	struct pred *n = leaf(p, op, STR(""), STR(""));
	n->kid = arena_array(&p->q->mem, 2, sizeof(*n->kid));
	n->kid[n->n_kid++] = a;
	if (b)
		n->kid[n->n_kid++] = b;
	return n;
}

/* ---- values -------------------------------------------------------------------------------------------------------------------------- */

/* "text with \" and \\" behind its opening quote. */
static bool quoted(struct parser *p, char quote, struct str *ret)
{
	struct str from = p->rest;
	char *out = arena_alloc(&p->q->mem, from.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < from.n; i++) {
		if (from.p[i] == quote) {
			p->rest = str_sub(from, i + 1, from.n);
			*ret = str_n(out, n);
			return true;
		}
		if (from.p[i] == '\\' && i + 1 < from.n && (from.p[i + 1] == quote || (quote == '"' && from.p[i + 1] == '\\')))
			i++;
		out[n++] = from.p[i];
	}
	parse_complain(p, str_n(from.p - 1, 1), "query.unclosed", quote == '"' ? "this quote is not closed" : "this regular expression is not closed");
	return false;
}

static struct str bare(struct parser *p)
{
	size_t n = 0;
	while (n < p->rest.n && !ends_word((unsigned char)p->rest.p[n]))
		n++;
	struct str s = str_sub(p->rest, 0, n);
	p->rest = str_sub(p->rest, n, p->rest.n);
	return s;
}

static bool is_time(struct str field)
{
	enum meta m = meta_find(field);
	return m == META_TIME || m == META_RECEIVED;
}

/* The value of a field that holds a time as the rows have it; `at` is where it stands in the query. */
static struct str time_text(struct parser *p, struct str field, struct str s, struct str at)
{
	tstamp t;
	if (!is_time(field))
		return s;
	if (!ts_parse_user(s, p->now, p->offset_s, &t)) {
		if (s.n && !str_eq(s, STR("*")))
			parse_complain(p, at, "query.bad_time", "this is not a time");
		return s;
	}
	char text[TS_TEXT_MAX];
	return arena_dup(&p->q->mem, str_n(text, ts_format(text, t)));
}

static struct pred *range(struct parser *p, struct str field, struct str at)
{
	struct pred *n = leaf(p, PRED_RANGE, field, STR(""));
	parse_blanks(p);
	struct str low = bare(p);
	n->text = time_text(p, field, low, low);
	parse_blanks(p);
	if (!str_take(&p->rest, STR("TO")) && !str_take(&p->rest, STR("to")))
		return parse_complain(p, at, "query.bad_range", "a range is written [low TO high]"), n;
	parse_blanks(p);
	struct str high = bare(p);
	n->high = time_text(p, field, high, high);
	if (!parse_char(p, ']'))
		parse_complain(p, at, "query.bad_range", "a range is written [low TO high]");
	return n;
}

static bool has_wildcard(struct str s)
{
	return str_chr(s, '*') != STR_NPOS || str_chr(s, '?') != STR_NPOS;
}

static bool is_network(struct str s)
{
	unsigned char net[16];
	unsigned bits;
	return str_chr(s, '/') != STR_NPOS && num_cidr(s, false, net, &bits);
}

static struct pred *bare_value(struct parser *p, struct str field, struct str at, bool whole)
{
	struct str s = bare(p);
	if (!s.n)
		return parse_complain(p, str_sub(at, 0, 1), "query.no_value", "a value is expected here"), leaf(p, PRED_ALL, field, s);
	if (str_eq(s, STR("*")))
		return leaf(p, field.n ? PRED_PRESENT : PRED_ALL, field, s);
	if (field.n && str_ieq(s, STR("null")) && !whole)
		return leaf(p, PRED_NULL, field, s);
	if (is_time(field) && s.p[0] == '-' && !whole)
		return leaf(p, PRED_GE, field, time_text(p, field, s, s));
	if (field.n && is_network(s))
		return leaf(p, PRED_CIDR, field, s);
	if (has_wildcard(s))
		return leaf(p, PRED_GLOB, field, s);
	return leaf(p, whole ? PRED_EQ : PRED_WORD, field, time_text(p, field, s, s));
}

static struct pred *or_level(struct parser *p, struct str field);

/* What stands behind "field:" or alone. */
static struct pred *value(struct parser *p, struct str field, bool whole)
{
	struct str at, text;
	parse_blanks(p);
	at = p->rest;
	if (str_take(&p->rest, STR("cs(\""))) {
		if (!quoted(p, '"', &text) || !parse_char(p, ')'))
			return parse_complain(p, str_sub(at, 0, 3), "query.bad_cs", "written as cs(\"Exact\")"), leaf(p, PRED_ALL, field, STR(""));
		struct pred *n = leaf(p, whole ? PRED_EQ : PRED_WORD, field, text);
		n->cased = true;
		return n;
	}
	if (str_take(&p->rest, STR("\""))) {
		if (!quoted(p, '"', &text))
			return leaf(p, PRED_ALL, field, STR(""));
		return leaf(p, whole ? PRED_EQ : PRED_WORD, field, time_text(p, field, text, str_sub(at, 0, at.n - p->rest.n)));
	}
	if (field.n && str_take(&p->rest, STR("/")))
		return quoted(p, '/', &text) ? leaf(p, PRED_REGEX, field, text) : leaf(p, PRED_ALL, field, STR(""));
	if (field.n && str_take(&p->rest, STR("[")))
		return range(p, field, str_sub(at, 0, 1));
	if (field.n && str_take(&p->rest, STR("("))) {
		struct pred *n = or_level(p, field);
		if (!parse_char(p, ')'))
			parse_complain(p, str_sub(at, 0, 1), "query.unclosed", "this parenthesis is not closed");
		return n;
	}
	return bare_value(p, field, at, whole);
}

/* ---- expressions ------------------------------------------------------------------------------------------------------------------------ */

static bool take_word(struct parser *p, const char *word)
{
	struct str w = str_c(word);
	parse_blanks(p);
	if (!str_starts(p->rest, w) || (p->rest.n > w.n && !ends_word((unsigned char)p->rest.p[w.n])))
		return false;
	p->rest = str_sub(p->rest, w.n, p->rest.n);
	return true;
}

static struct pred *negated(struct parser *p, struct pred *n)
{
	return join(p, PRED_NOT, n, NULL);
}

static struct pred *comparison(struct parser *p, struct str field)
{
	static const struct {
		const char *text;
		enum pred_op op;
	} ops[] = {{"!=", PRED_EQ}, {">=", PRED_GE}, {"<=", PRED_LE}, {">", PRED_GT}, {"<", PRED_LT}, {"=", PRED_EQ}, {":", PRED_WORD}};
	for (size_t i = 0; i < LEN(ops); i++) {
		if (!str_take(&p->rest, str_c(ops[i].text)))
			continue;
		if (i == 6)
			return value(p, field, false);
		struct pred *n = value(p, field, true);
		if (i == 0)
			return negated(p, n);
		if (ops[i].op != PRED_EQ) {
			if (n->op != PRED_EQ)
				parse_complain(p, field, "query.bad_comparison", "a plain value must stand behind this comparison");
			n->op = ops[i].op;
		}
		return n;
	}
	return NULL;
}

static struct pred *term(struct parser *p, struct str field)
{
	struct str at, name;
	parse_blanks(p);
	at = p->rest;
	if (take_word(p, "NOT") || (p->rest.n > 1 && p->rest.p[0] == '-' && !ch_is_space((unsigned char)p->rest.p[1]) && str_take(&p->rest, STR("-"))))
		return ++p->depth > DEPTH_MAX ? (parse_complain(p, at, "query.too_deep", "nested too deeply"), leaf(p, PRED_ALL, field, STR(""))) : negated(p, term(p, field));
	if (str_take(&p->rest, STR("("))) {
		struct pred *n = ++p->depth > DEPTH_MAX ? (parse_complain(p, at, "query.too_deep", "nested too deeply"), leaf(p, PRED_ALL, field, STR(""))) : or_level(p, field);
		p->depth--;
		if (!parse_char(p, ')'))
			parse_complain(p, str_sub(at, 0, 1), "query.unclosed", "this parenthesis is not closed");
		return n;
	}
	if (!field.n && p->rest.n && p->rest.p[0] != '"' && !str_starts(p->rest, STR("cs(\""))) {
		name = parse_name(p);
		struct pred *n = name.n ? comparison(p, name) : NULL;
		if (n)
			return n;
		p->rest = at;
	}
	return value(p, field, false);
}

static bool at_end(struct parser *p)
{
	parse_blanks(p);
	return !p->rest.n || p->rest.p[0] == '|' || p->rest.p[0] == ')';
}

static bool at_or(struct parser *p)
{
	struct str before = p->rest;
	bool yes = take_word(p, "OR");
	p->rest = before;
	return yes;
}

static struct pred *and_level(struct parser *p, struct str field)
{
	struct pred *n = term(p, field);
	while (!p->bad && !at_end(p) && !at_or(p)) {
		take_word(p, "AND");
		n = join(p, PRED_AND, n, term(p, field));
	}
	return n;
}

static struct pred *or_level(struct parser *p, struct str field)
{
	struct pred *n = and_level(p, field);
	while (!p->bad && take_word(p, "OR"))
		n = join(p, PRED_OR, n, and_level(p, field));
	return n;
}

struct pred *parse_filter(struct parser *p)
{
	if (at_end(p) && !(p->rest.n && p->rest.p[0] == ')'))
		return leaf(p, PRED_ALL, STR(""), STR(""));
	return or_level(p, STR(""));
}
