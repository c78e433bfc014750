/* SPDX-License-Identifier: Apache-2.0 */
#include "query/parts.h"

#include "base/num.h"

#define NAMES_MAX 64

static const struct {
	const char *name;
	enum stat_kind kind;
} STATS[] = {{"count", STAT_COUNT}, {"dc", STAT_DC}, {"sum", STAT_SUM}, {"avg", STAT_AVG}, {"min", STAT_MIN}, {"max", STAT_MAX}, {"p50", STAT_P50}, {"p90", STAT_P90}, {"p95", STAT_P95},
	{"p99", STAT_P99}, {"values", STAT_VALUES}, {"first", STAT_FIRST}, {"last", STAT_LAST}, {"stdev", STAT_STDEV}};

static void suggest(struct parser *p, struct str written, const struct str *names, size_t n)
{
	diag_suggest(p->d, written, names, n);
}

static struct str one_name(struct parser *p)
{
	struct str name = parse_name(p);
	if (!name.n)
		parse_complain(p, str_sub(p->rest, 0, 1), "query.no_name", "a field's name is expected here");
	return name;
}

static void push_name(struct parser *p, struct pipe *x, struct str name, bool descending)
{
	if (!x->name) {
		x->name = arena_array(&p->q->mem, NAMES_MAX, sizeof(*x->name));
		x->descending = arena_zalloc(&p->q->mem, NAMES_MAX);
	}
	if (x->n_name == NAMES_MAX) {
		parse_complain(p, name, "query.too_many", "too many fields");
		return;
	}
	x->name[x->n_name] = name;
	x->descending[x->n_name++] = descending;
}

static bool at_pipe_end(struct parser *p)
{
	parse_blanks(p);
	return !p->rest.n || p->rest.p[0] == '|';
}

/* a, b c … up to the end of the pipe; -name sorts downwards. */
static void names(struct parser *p, struct pipe *x)
{
	do {
		bool descending = parse_char(p, '-');
		push_name(p, x, one_name(p), descending);
		parse_char(p, ',');
	} while (!p->bad && !at_pipe_end(p));
}

static bool take_by(struct parser *p)
{
	struct str before = p->rest, word = parse_name(p);
	if (str_ieq(word, STR("by")))
		return true;
	p->rest = before;
	return false;
}

static void one_stat(struct parser *p, struct pipe *x)
{
	struct str word = one_name(p), known[LEN(STATS)], before;
	struct stat *s = &x->stat[x->n_stat++];
	*s = (struct stat){.kind = STAT_COUNT, .as = word};
	bool found = false;
	for (size_t i = 0; i < LEN(STATS); i++) {
		known[i] = str_c(STATS[i].name);
		if (str_ieq(word, known[i])) {
			s->kind = STATS[i].kind;
			found = true;
		}
	}
	if (!found && !p->bad) {
		parse_complain(p, word, "query.no_function", "there is no such function");
		suggest(p, word, known, LEN(STATS));
		return;
	}
	if (parse_char(p, '(')) {
		parse_blanks(p);
		if (!p->rest.n || p->rest.p[0] != ')')
			s->field = one_name(p);
		if (!parse_char(p, ')'))
			parse_complain(p, word, "query.unclosed", "a parenthesis is not closed behind");
		if (s->field.n)
			s->as = arena_fmt(&p->q->mem, "%.*s(%.*s)", STR_ARG(word), STR_ARG(s->field));
	}
	if (s->kind != STAT_COUNT && !s->field.n)
		parse_complain(p, word, "query.no_field", "this function needs a field, as in sum(bytes)");
	before = p->rest;
	if (str_ieq(parse_name(p), STR("as")))
		s->as = one_name(p);
	else
		p->rest = before;
}

static void stats(struct parser *p, struct pipe *x)
{
	x->stat = arena_array(&p->q->mem, NAMES_MAX, sizeof(*x->stat));
	do {
		if (x->n_stat == NAMES_MAX) {
			parse_complain(p, str_sub(p->rest, 0, 1), "query.too_many", "too many functions");
			return;
		}
		one_stat(p, x);
		parse_char(p, ',');
	} while (!p->bad && !at_pipe_end(p) && !take_by(p));
	if (!p->bad && !at_pipe_end(p))
		names(p, x);
}

static void number_or(struct parser *p, struct pipe *x, uint64_t otherwise)
{
	struct str before = p->rest, word = parse_name(p);
	x->n = otherwise;
	if (word.n && ch_is_digit((unsigned char)word.p[0])) {
		if (!num_u64(word, &x->n) || x->n == 0 || x->n > 100000)
			parse_complain(p, word, "query.bad_number", "a number from 1 to 100000 is expected here");
	} else {
		p->rest = before;
	}
}

/* top 10 field[, field]; top by field */
static void top(struct parser *p, struct pipe *x)
{
	number_or(p, x, 10);
	take_by(p);
	if (at_pipe_end(p))
		parse_complain(p, str_sub(p->rest, 0, 1), "query.no_name", "a field's name is expected here");
	else
		names(p, x);
}

static void head(struct parser *p, struct pipe *x)
{
	number_or(p, x, 10);
}

static void where(struct parser *p, struct pipe *x)
{
	x->where = parse_filter(p);
}

static void rename_fields(struct parser *p, struct pipe *x)
{
	do {
		push_name(p, x, one_name(p), false);
		struct str as = parse_name(p);
		if (!p->bad && !str_ieq(as, STR("as")))
			parse_complain(p, as, "query.bad_rename", "written as rename old as new");
		push_name(p, x, one_name(p), false);
		parse_char(p, ',');
	} while (!p->bad && !at_pipe_end(p));
}

static const struct {
	const char *name;
	enum pipe_kind kind;
	void (*parse)(struct parser *p, struct pipe *x);
} PIPES[] = {
	{"stats", PIPE_STATS, stats}, {"summarize", PIPE_STATS, stats}, {"top", PIPE_TOP, top}, {"rare", PIPE_RARE, top}, {"head", PIPE_HEAD, head}, {"limit", PIPE_HEAD, head},
	{"tail", PIPE_TAIL, head}, {"fields", PIPE_FIELDS, names}, {"table", PIPE_FIELDS, names}, {"project", PIPE_FIELDS, names}, {"where", PIPE_WHERE, where}, {"sort", PIPE_SORT, names},
	{"dedup", PIPE_DEDUP, names}, {"rename", PIPE_RENAME, rename_fields},
};

static struct pipe *one_pipe(struct parser *p)
{
	static const char *const later[] = {"timechart", "eval", "extend", "parse", "rex", "lookup"};
	struct str word = one_name(p), known[LEN(PIPES)];
	struct pipe *x = arena_new(&p->q->mem, struct pipe);
	for (size_t i = 0; i < LEN(PIPES); i++) {
		known[i] = str_c(PIPES[i].name);
		if (!str_ieq(word, known[i]))
			continue;
		x->kind = PIPES[i].kind;
		PIPES[i].parse(p, x);
		return x;
	}
	for (size_t i = 0; i < LEN(later); i++)
		if (str_ieq(word, str_c(later[i]))) {
			parse_complain(p, word, "query.not_supported", "this pipe is not supported in this version");
			return x;
		}
	if (!p->bad) {
		parse_complain(p, word, "query.no_pipe", "there is no such pipe");
		suggest(p, word, known, LEN(PIPES));
	}
	return x;
}

struct pipe *parse_pipes(struct parser *p)
{
	struct pipe *first = NULL, **tail = &first;
	while (!p->bad && parse_char(p, '|')) {
		*tail = one_pipe(p);
		tail = &(*tail)->next;
	}
	if (!p->bad && !at_pipe_end(p))
		parse_complain(p, str_sub(p->rest, 0, 20), "query.syntax", "the query cannot go on like this");
	return first;
}
