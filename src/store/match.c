/* SPDX-License-Identifier: Apache-2.0 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "store/match.h"

#include "base/num.h"
#include "base/utf8.h"
#include "base/vec.h"

#include <errno.h>
#include <pcre2.h>

#define MATCH_LIMIT 200000

/* A predicate made ready: texts folded, patterns compiled, networks parsed. One per search and thread. */
struct node {
	enum pred_op op;
	bool cased;
	enum meta meta; /* which one field is */
	struct str field, text, high;
	struct node **kid;
	size_t n_kid;
	pcre2_code *re;
	bool low_is_number, high_is_number;
	double low_number, high_number;
	tstamp low_time, high_time;
	unsigned char net[16];
	unsigned bits;
};

struct matcher {
	struct arena mem;
	struct node *root;
	pcre2_match_data *data;
	pcre2_match_context *ctx;
	VEC(pcre2_code *) codes;
};

static struct str folded(struct arena *mem, struct str s)
{
	char *p = arena_alloc(mem, UTF8_FOLD_MAX(s.n));
	return str_n(p, utf8_fold(p, s.p, s.n));
}

static int prepare_leaf(struct matcher *m, const struct pred *p, struct node *n)
{
	int err;
	PCRE2_SIZE at;
	n->text = p->cased || p->op == PRED_REGEX ? p->text : folded(&m->mem, p->text);
	n->high = p->cased ? p->high : folded(&m->mem, p->high);
	n->low_is_number = num_double(p->text, &n->low_number);
	n->high_is_number = num_double(p->high, &n->high_number);
	if (!ts_parse_rfc3339(p->text, 0, &n->low_time))
		n->low_time = TS_NONE;
	if (!ts_parse_rfc3339(p->high, 0, &n->high_time))
		n->high_time = TS_NONE;
	if (p->op == PRED_CIDR && !num_cidr(p->text, false, n->net, &n->bits))
		return -EINVAL;
	if (p->op == PRED_REGEX) {
		n->re = pcre2_compile((PCRE2_SPTR)p->text.p, p->text.n, PCRE2_MATCH_INVALID_UTF | (p->cased ? 0 : PCRE2_CASELESS), &err, &at, NULL);
		if (!n->re)
			return -EINVAL;
		pcre2_jit_compile(n->re, PCRE2_JIT_COMPLETE);
		vec_push(&m->codes, n->re);
	}
	return 0;
}

static int prepare(struct matcher *m, const struct pred *p, struct node **ret, int depth)
{
	struct node *n = arena_new(&m->mem, struct node);
	int r = 0;
	n->op = p->op;
	n->cased = p->cased;
	n->field = p->field;
	n->meta = meta_find(p->field);
	n->n_kid = p->n_kid;
	n->kid = arena_array(&m->mem, p->n_kid + 1, sizeof(*n->kid));
	if (depth > 100)
		return -E2BIG;
	for (size_t i = 0; i < p->n_kid && r == 0; i++)
		r = prepare(m, p->kid[i], &n->kid[i], depth + 1);
	if (r == 0)
		r = prepare_leaf(m, p, n);
	*ret = n;
	return r;
}

int matcher_new(const struct pred *p, struct matcher **ret)
{
	static const struct pred all = {.op = PRED_ALL};
	struct matcher *m = must_new(struct matcher);
	arena_init(&m->mem, 0);
	m->data = pcre2_match_data_create(1, NULL);
	m->ctx = pcre2_match_context_create(NULL);
	must(m->data && m->ctx);
	pcre2_set_match_limit(m->ctx, MATCH_LIMIT);
	int r = prepare(m, p ? p : &all, &m->root, 0);
	if (r < 0) {
		matcher_free(m);
		return r;
	}
	*ret = m;
	return 0;
}

void matcher_free(struct matcher *m)
{
	if (!m)
		return;
	vec_each(c, &m->codes) {
		pcre2_code_free(*c);
	}
	vec_done(&m->codes);
	pcre2_match_data_free(m->data);
	pcre2_match_context_free(m->ctx);
	arena_done(&m->mem);
	free(m);
}

/* ---- values ------------------------------------------------------------------------------------------------------------------------------ */

static bool is_word_char(unsigned char c)
{
	return ch_is_alnum(c) || c == '_' || c >= 0x80;
}

/* text as a run of whole words: no word character stands right before or behind it. */
static bool contains_words(struct str value, struct str text)
{
	size_t from = 0;
	if (!text.n)
		return true;
	for (;;) {
		size_t at = str_find(str_sub(value, from, value.n), text);
		if (at == STR_NPOS)
			return false;
		at += from;
		bool front = at == 0 || !is_word_char((unsigned char)text.p[0]) || !is_word_char((unsigned char)value.p[at - 1]);
		size_t end = at + text.n;
		bool back = end == value.n || !is_word_char((unsigned char)text.p[text.n - 1]) || !is_word_char((unsigned char)value.p[end]);
		if (front && back)
			return true;
		from = at + 1;
	}
}

static bool glob(struct str p, struct str t)
{
	size_t i = 0, k = 0, star = STR_NPOS, mark = 0;
	while (k < t.n || i < p.n) {
		if (i < p.n && p.p[i] == '*') {
			star = ++i;
			mark = k;
		} else if (i < p.n && k < t.n && (p.p[i] == '?' || p.p[i] == t.p[k])) {
			i++;
			k++;
		} else if (star != STR_NPOS && mark < t.n) {
			i = star;
			k = ++mark;
		} else {
			return false;
		}
	}
	return true;
}

/* The whole value, or one word of it. */
static bool glob_matches(struct str pattern, struct str value)
{
	if (glob(pattern, value))
		return true;
	for (size_t i = 0; i < value.n;) {
		size_t n = 0;
		while (i + n < value.n && is_word_char((unsigned char)value.p[i + n]))
			n++;
		if (n && glob(pattern, str_sub(value, i, i + n)))
			return true;
		i += n + 1;
	}
	return false;
}

static int compare(struct val v, struct str text, bool is_number, double number, struct str limit)
{
	double d;
	int64_t i;
	bool is_int;
	if (is_number && val_number(v, &d, &i, &is_int))
		return (d > number) - (d < number);
	return str_cmp(text, limit);
}

static bool open_end(struct str s)
{
	return !s.n || str_eq(s, STR("*"));
}

/* One of the comparisons that a time is measured by, with a time to measure it. */
static bool measures_time(const struct node *n)
{
	if (n->op == PRED_RANGE)
		return (n->low_time != TS_NONE || open_end(n->text)) && (n->high_time != TS_NONE || open_end(n->high));
	return n->low_time != TS_NONE && n->op != PRED_GLOB && n->op != PRED_REGEX && n->op != PRED_CIDR && n->op != PRED_NULL;
}

static bool time_matches(const struct node *n, tstamp t)
{
	tstamp low = n->low_time, high = n->high_time;
	switch (n->op) {
	case PRED_LT:
		return t < low;
	case PRED_LE:
		return t <= low;
	case PRED_GT:
		return t > low;
	case PRED_GE:
		return t >= low;
	case PRED_EQ:
	case PRED_WORD:
		return t == low;
	case PRED_RANGE:
		return (low == TS_NONE || t >= low) && (high == TS_NONE || t <= high);
	case PRED_ALL:
	case PRED_AND:
	case PRED_OR:
	case PRED_NOT:
	case PRED_PRESENT:
	case PRED_NULL:
	case PRED_GLOB:
	case PRED_REGEX:
	case PRED_CIDR:
		break;
	}
	return false;
}

static bool value_matches(struct matcher *m, const struct node *n, struct val v, struct arena *mem)
{
	unsigned char ip[16];
	if (v.kind == VAL_NULL)
		return n->op == PRED_NULL;
	if (v.kind == VAL_TIME && measures_time(n))
		return time_matches(n, v.u.i);
	struct str raw = val_text(v, mem), text = n->cased || n->op == PRED_REGEX ? raw : folded(mem, raw);
	switch (n->op) {
	case PRED_EQ:
		return str_eq(text, n->text);
	case PRED_WORD:
		return contains_words(text, n->text);
	case PRED_GLOB:
		return glob_matches(n->text, text);
	case PRED_REGEX:
		return pcre2_match(n->re, (PCRE2_SPTR)(raw.n ? raw.p : ""), raw.n, 0, 0, m->data, m->ctx) >= 0;
	case PRED_LT:
		return compare(v, text, n->low_is_number, n->low_number, n->text) < 0;
	case PRED_LE:
		return compare(v, text, n->low_is_number, n->low_number, n->text) <= 0;
	case PRED_GT:
		return compare(v, text, n->low_is_number, n->low_number, n->text) > 0;
	case PRED_GE:
		return compare(v, text, n->low_is_number, n->low_number, n->text) >= 0;
	case PRED_RANGE:
		return (open_end(n->text) || compare(v, text, n->low_is_number, n->low_number, n->text) >= 0) &&
		       (open_end(n->high) || compare(v, text, n->high_is_number, n->high_number, n->high) <= 0);
	case PRED_CIDR:
		return num_ip(str_trim(raw), ip, NULL) && num_ip_in(ip, n->net, n->bits);
	case PRED_ALL:
	case PRED_AND:
	case PRED_OR:
	case PRED_NOT:
	case PRED_PRESENT:
	case PRED_NULL:
		break;
	}
	return false;
}

/* What is looked at: a row of the store, or what a pipe made of rows, where the meta fields are cells like others. */
struct look {
	const struct event *row;
	const struct vocab *v;
	struct arena *mem;
	bool cells;
};

static bool any_field(struct matcher *m, const struct node *n, const struct look *at)
{
	if (value_matches(m, n, text_val(at->row->raw), at->mem))
		return true;
	for (uint32_t i = 0; i < at->row->n_field; i++)
		if (value_matches(m, n, at->row->field[i].val, at->mem))
			return true;
	return false;
}

static bool leaf_matches(struct matcher *m, const struct node *n, const struct look *at)
{
	struct val val;
	if (!n->field.n)
		return any_field(m, n, at);
	if (n->meta != META_COUNT && !at->cells)
		return meta_value(n->meta, at->row, at->v, at->mem, &val) && (n->op == PRED_PRESENT || value_matches(m, n, val, at->mem));
	for (uint32_t i = 0; i < at->row->n_field; i++) {
		const struct field *f = &at->row->field[i];
		if (str_eq(f->name, n->field) && (n->op == PRED_PRESENT || value_matches(m, n, f->val, at->mem)))
			return true;
	}
	return false;
}

static bool matches(struct matcher *m, const struct node *n, const struct look *at)
{
	switch (n->op) {
	case PRED_ALL:
		return true;
	case PRED_AND:
		for (size_t i = 0; i < n->n_kid; i++)
			if (!matches(m, n->kid[i], at))
				return false;
		return true;
	case PRED_OR:
		for (size_t i = 0; i < n->n_kid; i++)
			if (matches(m, n->kid[i], at))
				return true;
		return false;
	case PRED_NOT:
		return !matches(m, n->kid[0], at);
	case PRED_PRESENT:
	case PRED_NULL:
	case PRED_EQ:
	case PRED_WORD:
	case PRED_GLOB:
	case PRED_REGEX:
	case PRED_LT:
	case PRED_LE:
	case PRED_GT:
	case PRED_GE:
	case PRED_RANGE:
	case PRED_CIDR:
		break;
	}
	return leaf_matches(m, n, at);
}

bool matcher_row(struct matcher *m, const struct event *row, const struct vocab *v, struct arena *scratch)
{
	return matches(m, m->root, &(struct look){row, v, scratch, false});
}

bool matcher_cells(struct matcher *m, const struct field *cell, uint32_t n, struct arena *scratch)
{
	const struct event row = {.field = (struct field *)(uintptr_t)cell, .n_field = n};
	return matches(m, m->root, &(struct look){&row, NULL, scratch, true});
}
