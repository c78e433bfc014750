/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/lint.h"

#define COMMON_USES 3 /* so many rules of a log source make a field one of its fields */

struct use {
	struct logsource ls;
	struct str field, file;
	struct diag_at at;
	size_t rule;
};

struct lint {
	struct arena mem;
	VEC(struct use) uses;
	struct map titles; /* -> first file */
	size_t rules;
};

struct lint *lint_new(void)
{
	struct lint *l = must_new(struct lint);
	arena_init(&l->mem, 0);
	map_init(&l->titles);
	return l;
}

void lint_free(struct lint *l)
{
	if (!l)
		return;
	vec_done(&l->uses);
	map_done(&l->titles);
	arena_done(&l->mem);
	free(l);
}

/* ---- what a rule asks ------------------------------------------------------------------------------------------------------------------ */

/* What an atom says of an event that has none of the fields. */
static bool leaf_of_nothing(void *arg, uint32_t leaf)
{
	const struct compiler *c = arg;
	return c->atoms.at[leaf].op == ATOM_NULL;
}

/* C:\Users\*: inside a path a literal star was hardly meant. */
static void lint_escapes(struct compiler *c, const struct value *v)
{
	struct str s = v->plain;
	size_t run = 0;
	for (size_t i = 0; i < s.n; i++) {
		size_t before = i - run;
		bool path = str_chr(str_sub(s, 0, before), '\\') != STR_NPOS || str_chr(str_sub(s, 0, before), ':') != STR_NPOS;
		if (s.p[i] == '*' && run % 2 == 1 && path && ch_is_alnum((unsigned char)s.p[before - 1]) && (i + 1 == s.n || s.p[i + 1] == '\\')) {
			diag_warning(c->d, v->at, "sigma.escaped_wildcard", "\"\\*\" is a literal star, not a backslash and any text");
			diag_hint(c->d, "write \\\\* for a backslash and any text");
			return;
		}
		run = s.p[i] == '\\' ? run + 1 : 0;
	}
}

/* ---- regular expressions that take for ever -------------------------------------------------------------------------------------------- */

#define PUMPS 28
#define STEPS 100000

static bool unbounded(struct str s, size_t i)
{
	if (i >= s.n)
		return false;
	if (s.p[i] == '*' || s.p[i] == '+')
		return true;
	size_t close = s.p[i] == '{' ? str_chr(str_sub(s, i, s.n), '}') : STR_NPOS;
	return close != STR_NPOS && s.p[i + close - 1] == ',';
}

static size_t class_end(struct str s, size_t i)
{
	size_t at = i + 1;
	at += at < s.n && s.p[at] == '^';
	at += at < s.n && s.p[at] == ']';
	while (at < s.n && s.p[at] != ']')
		at += s.p[at] == '\\' ? 2 : 1;
	return at;
}

/* One character that a piece of a pattern may stand for, 0 = none; *i moves to its last byte. */
static char piece_char(struct str s, size_t *i)
{
	char c = s.p[*i], next = *i + 1 < s.n ? s.p[*i + 1] : 0;
	if (c == '[') {
		bool negated = next == '^';
		size_t from = *i + 1 + negated;
		*i = class_end(s, *i);
		return negated ? '~' : s.p[from] == '\\' ? (s.p[from + 1] == 's' ? ' ' : s.p[from + 1] == 'd' ? '0' : s.p[from + 1] == 'w' ? 'a' : s.p[from + 1]) : s.p[from];
	}
	if (c == '\\') {
		++*i;
		return next == 's' ? ' ' : next == 'd' ? '0' : next == 'w' || next == 'S' || next == 'D' ? 'a' : next == 'b' || next == 'W' ? 0 : next;
	}
	if (c == '{') {
		size_t close = str_chr(str_sub(s, *i, s.n), '}');
		*i = close == STR_NPOS ? *i : *i + close;
		return 0;
	}
	return c == '.' ? 'a' : strchr("()*+?|^$", c) ? 0 : c;
}

/* Does `^(?:group)+$` give up on many copies of one text that the group takes? */
static bool gives_up(pcre2_code *re, struct str pump)
{
	struct buf b = BUF_INIT(10000);
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	pcre2_match_context *ctx = pcre2_match_context_create(NULL);
	must(data && ctx);
	pcre2_set_match_limit(ctx, STEPS);
	for (size_t i = 0; i < PUMPS && pump.n; i++)
		buf_add(&b, pump);
	buf_addc(&b, 1);
	int r = pcre2_match(re, (PCRE2_SPTR)b.p, b.n, 0, 0, data, ctx);
	pcre2_match_context_free(ctx);
	pcre2_match_data_free(data);
	buf_done(&b);
	return r == PCRE2_ERROR_MATCHLIMIT;
}

static bool group_explodes(struct arena *mem, struct str group)
{
	char *text = arena_alloc(mem, group.n + 1);
	size_t n = 0;
	bool bad = false;
	int err;
	PCRE2_SIZE at;
	struct str pattern = arena_fmt(mem, "^(?:%.*s)+$", STR_ARG(group));
	pcre2_code *re = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n, PCRE2_MATCH_INVALID_UTF | PCRE2_DOTALL, &err, &at, NULL);
	for (size_t i = 0; i <= group.n && re && !bad; i++) {
		char c = i < group.n && group.p[i] != '|' ? piece_char(group, &i) : 0;
		if (c) {
			text[n++] = c;
			bad = gives_up(re, str_n(&text[n - 1], 1));
		} else if (i >= group.n || group.p[i] == '|') {
			bad = bad || gives_up(re, str_n(text, n));
			n = 0;
		}
	}
	pcre2_code_free(re);
	return bad;
}

struct group {
	size_t start;
	bool repeats;
};

/* A group that repeats without bound around something that repeats without bound, and really takes for ever: (a+)+, (.*,)* */
static bool may_explode(struct arena *mem, struct str s)
{
	struct group open[64] = {{0, false}};
	size_t depth = 0;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '(' && depth + 1 < LEN(open)) {
			open[++depth] = (struct group){i, false};
			continue;
		}
		if (c == ')' && depth) {
			struct group g = open[depth--];
			bool outer = unbounded(s, i + 1);
			if (g.repeats && outer && group_explodes(mem, str_sub(s, g.start, i + 1)))
				return true;
			open[depth].repeats = open[depth].repeats || g.repeats || outer;
			continue;
		}
		if (c == '\\')
			i++;
		else if (c == '[')
			i = class_end(s, i);
		open[depth].repeats = open[depth].repeats || unbounded(s, i + 1);
	}
	return false;
}

static bool same_value(const struct value *a, const struct value *b)
{
	if (a->kind != b->kind || a->flags != b->flags || a->kind == VALUE_ANY)
		return false;
	if (a->kind == VALUE_TEXT || a->kind == VALUE_REGEX)
		return a->text.n == b->text.n && (!a->text.n || memcmp(a->text.unit, b->text.unit, a->text.n * sizeof(uint16_t)) == 0);
	return a->kind == VALUE_NUMBER && str_eq(a->plain, b->plain);
}

static void lint_duplicates(struct compiler *c, const struct item *it)
{
	for (size_t i = 1; i < it->n && it->n <= 500; i++)
		for (size_t k = 0; k < i; k++)
			if (same_value(it->value[i], it->value[k])) {
				diag_warning(c->d, it->value[i]->at, "sigma.duplicate_value", "this value is in the list already (line %u)", it->value[k]->at.line);
				break;
			}
}

static bool is_whole_text(const struct value *v)
{
	return (v->kind == VALUE_TEXT && !sstring_has_wildcard(&v->text)) || v->kind == VALUE_NUMBER || v->kind == VALUE_BOOL;
}

static void lint_item(struct compiler *c, const struct item *it)
{
	lint_duplicates(c, it);
	for (size_t i = 0; i < it->n; i++) {
		const struct value *v = it->value[i];
		if (v->kind == VALUE_TEXT && v->plain.p)
			lint_escapes(c, v);
		if (v->kind == VALUE_REGEX && may_explode(&c->scratch, v->plain)) {
			diag_warning(c->d, v->at, "sigma.slow_regex", "a repetition inside a repetition takes very many steps on hostile text");
			diag_hint(c->d, "evaluation stops after 200,000 steps without a match; repeat a class of characters instead of a group");
		}
	}
	if (it->all && it->field.n && it->n > 1 && is_whole_text(it->value[0]) && is_whole_text(it->value[1]))
		diag_warning(c->d, it->at, "sigma.all_of_whole", "one value cannot equal several texts: only an array can match this");
	if (str_trim(it->field).n != it->field.n)
		diag_warning(c->d, it->at, "sigma.field_blank", "the field name begins or ends with a blank");
}

static void lint_node(struct lint *l, struct compiler *c, const struct doc *doc, const struct node *n)
{
	if (n->item) {
		lint_item(c, n->item);
		if (n->item->field.n)
			vec_push(&l->uses, ((struct use){doc->meta.logsource, arena_dup(&l->mem, n->item->field), doc->meta.file, n->item->at, l->rules}));
	}
	for (size_t i = 0; i < n->n; i++)
		lint_node(l, c, doc, n->kid[i]);
}

/* "not not x" in a condition. */
static void lint_condition(struct compiler *c, const struct yaml_node *n)
{
	struct str rest = yaml_text(n), word, before = STR("");
	yaml_each(one, n) {
		lint_condition(c, one);
	}
	while (rest.p && str_word(&rest, &word)) {
		if (str_eq(word, STR("not")) && str_eq(before, STR("not"))) {
			struct diag_at at = n->at;
			at.column += (unsigned)(word.p - n->text.p) + n->quoted;
			diag_warning(c->d, at, "sigma.double_negation", "\"not not\" says nothing");
		}
		before = word;
	}
}

static void lint_title(struct lint *l, const struct doc *doc, struct diag *d)
{
	const char *other = map_get_ptr(&l->titles, doc->meta.title);
	const struct yaml_node *title = yaml_get(doc->root, "title");
	if (other)
		diag_warning(d, title->at, "sigma.duplicate_title", "the title is used before in %s", other);
	else
		map_put_ptr(&l->titles, doc->meta.title, (void *)(uintptr_t)arena_dup(&l->mem, doc->meta.file).p);
}

void lint_rule(struct lint *l, struct compiler *c, const struct detection *d, const struct expr *e)
{
	const struct doc *doc = d->doc;
	const struct yaml_node *timeframe = yaml_get(yaml_get(doc->root, "detection"), "timeframe");
	l->rules++;
	lint_title(l, doc, c->d);
	for (size_t i = 0; i < d->n; i++)
		lint_node(l, c, doc, d->sel[i].node);
	lint_condition(c, d->condition);
	if (timeframe) {
		diag_warning(c->d, timeframe->key->at, "sigma.timeframe", "timeframe has no effect");
		diag_hint(c->d, "counting over time is a correlation rule now (Sigma 2)");
	}
	if (expr_holds(e, leaf_of_nothing, c)) {
		diag_warning(c->d, d->condition->at, "sigma.matches_everything", "the rule matches every event of its log source that has none of its fields");
		diag_hint(c->d, "ask for something that must be there, and not only for what must not");
	}
}

/* ---- fields by log source ---------------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *product, *category, *names;
} TABLE[] = {
#define FIELDS(product, category, names) {product, category, names},
#include "sigma/fields.def"
#undef FIELDS
};

static const char *table_of(const struct logsource *ls)
{
	for (size_t i = 0; i < LEN(TABLE); i++)
		if (str_eq(ls->category, str_c(TABLE[i].category)) && (!TABLE[i].product[0] || str_eq(ls->product, str_c(TABLE[i].product))))
			return TABLE[i].names;
	return NULL;
}

static int use_cmp(const void *a, const void *b)
{
	const struct use *x = a, *y = b;
	int c = str_cmp(x->ls.product, y->ls.product);
	c = c ? c : str_cmp(x->ls.category, y->ls.category);
	c = c ? c : str_cmp(x->ls.service, y->ls.service);
	c = c ? c : str_cmp(x->field, y->field);
	return c ? c : (x->rule > y->rule) - (x->rule < y->rule);
}

static bool same_source(const struct logsource *a, const struct logsource *b)
{
	return str_eq(a->product, b->product) && str_eq(a->category, b->category) && str_eq(a->service, b->service);
}

/* Uses of one log source, sorted by field: names that are legal there. */
static size_t legal_names(struct lint *l, const struct use *u, size_t n, struct str **ret)
{
	struct str rest = str_c(table_of(&u->ls)), word;
	size_t room = n + rest.n / 2 + 1, k = 0;
	*ret = arena_array(&l->mem, room, sizeof(**ret));
	while (rest.p && str_word(&rest, &word))
		(*ret)[k++] = word;
	for (size_t i = 0; i < n;) {
		size_t end = i, rules = 0;
		for (; end < n && str_eq(u[end].field, u[i].field); end++)
			rules += end == i || u[end].rule != u[end - 1].rule;
		if (rules >= COMMON_USES)
			(*ret)[k++] = u[i].field;
		i = end;
	}
	return k;
}

/* param1 and param2 are no mistake for each other. */
static bool only_digits_differ(struct str a, struct str b)
{
	for (size_t i = 0; i < a.n && a.n == b.n; i++)
		if (a.p[i] != b.p[i] && !(ch_is_digit((unsigned char)a.p[i]) && ch_is_digit((unsigned char)b.p[i])))
			return false;
	return a.n == b.n;
}

static bool is_near(struct str a, struct str b)
{
	return str_ieq(a, b) || (a.n > 4 && !only_digits_differ(a, b) && str_distance(a, b, 2) <= (a.n > 11 ? 2 : 1));
}

static void lint_source(struct lint *l, const struct use *u, size_t n, struct diag *d)
{
	struct str *legal;
	size_t k = legal_names(l, u, n, &legal);
	bool table = table_of(&u->ls) != NULL;
	for (size_t i = 0; i < n; i++) {
		const struct str *near = NULL;
		bool known = false;
		for (size_t j = 0; j < k && !known; j++) {
			known = str_eq(legal[j], u[i].field);
			near = !near && is_near(u[i].field, legal[j]) ? &legal[j] : near;
		}
		if (known || (!near && !table))
			continue;
		diag_file(d, u[i].file);
		diag_warning(d, u[i].at, "sigma.unknown_field", "events of %.*s%s%.*s%s%.*s have no field \"%.*s\"", STR_ARG(u->ls.product), u->ls.product.n && u->ls.category.n ? "/" : "",
			STR_ARG(u->ls.category), u->ls.service.n && (u->ls.product.n || u->ls.category.n) ? "/" : "", STR_ARG(u->ls.service), STR_ARG(u[i].field));
		if (near)
			diag_hint(d, "did you mean \"%.*s\"?", STR_ARG(*near));
	}
}

void lint_finish(struct lint *l, struct diag *d)
{
	if (l->uses.n)
		qsort(l->uses.at, l->uses.n, sizeof(*l->uses.at), use_cmp);
	for (size_t i = 0; i < l->uses.n;) {
		size_t end = i;
		while (end < l->uses.n && same_source(&l->uses.at[end].ls, &l->uses.at[i].ls))
			end++;
		lint_source(l, &l->uses.at[i], end - i, d);
		i = end;
	}
}
