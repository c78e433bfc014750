/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/pipeline.h"

#include "base/num.h"
#include "base/utf8.h"

/* What the entries of a pipeline do, one function per kind of pipeline.def. */

static struct str text_param(const struct pipe_item *p, const char *name)
{
	struct str s = yaml_text(yaml_get(p->node, name));
	return s.p ? s : STR("");
}

static bool bool_param(const struct pipe_item *p, const char *name)
{
	const struct yaml_node *n = yaml_get(p->node, name);
	return n && n->boolean;
}

static bool listed(const struct yaml_node *list, struct str word)
{
	yaml_each(n, list) {
		if (str_eq(yaml_text(n), word))
			return true;
	}
	return false;
}

/* ---- names of fields ------------------------------------------------------------------------------------------------------------------ */

/* A name or a list of names behind a prefix. */
static void names_of(struct pipe_run *r, const struct yaml_node *n, struct str rest, struct name_list *ret)
{
	struct arena *mem = &r->c->scratch;
	ret->n = 0;
	ret->at = arena_array(mem, n->kind == YAML_LIST ? n->n + 1 : 1, sizeof(*ret->at));
	if (n->kind == YAML_SCALAR)
		ret->at[ret->n++] = arena_fmt(mem, "%.*s%.*s", STR_ARG(n->text), STR_ARG(rest));
	for (const struct yaml_node *one = n->kind == YAML_LIST ? n->kid : NULL; one; one = one->next)
		ret->at[ret->n++] = arena_fmt(mem, "%.*s%.*s", STR_ARG(yaml_text(one)), STR_ARG(rest));
}

static bool name_field_mapping(struct pipe_run *r, const struct pipe_item *p, struct str name, bool keyword, struct name_list *ret)
{
	yaml_pairs(to, yaml_get(p->node, "mapping")) {
		bool null = to->key->type == YAML_NULL && !to->key->quoted;
		if (keyword ? !null : null || !str_eq(to->key->text, name))
			continue;
		names_of(r, to, STR(""), ret);
		return true;
	}
	return false;
}

static bool name_prefix_mapping(struct pipe_run *r, const struct pipe_item *p, struct str name, bool keyword, struct name_list *ret)
{
	yaml_pairs(to, yaml_get(p->node, "mapping")) {
		struct str rest = name;
		if (keyword || !to->key->text.n || !str_take(&rest, to->key->text))
			continue;
		names_of(r, to, rest, ret);
		return true;
	}
	return false;
}

static bool one_name(struct pipe_run *r, struct str name, struct name_list *ret)
{
	ret->at = arena_array(&r->c->scratch, 1, sizeof(*ret->at));
	ret->at[0] = name;
	ret->n = 1;
	return true;
}

static bool name_prefix(struct pipe_run *r, const struct pipe_item *p, struct str name, bool keyword, struct name_list *ret)
{
	return !keyword && one_name(r, arena_fmt(&r->c->scratch, "%.*s%.*s", STR_ARG(text_param(p, "prefix")), STR_ARG(name)), ret);
}

static bool name_suffix(struct pipe_run *r, const struct pipe_item *p, struct str name, bool keyword, struct name_list *ret)
{
	return !keyword && one_name(r, arena_fmt(&r->c->scratch, "%.*s%.*s", STR_ARG(name), STR_ARG(text_param(p, "suffix"))), ret);
}

/* Fields that fieldref values name: one that becomes several makes several values. */
static bool rename_refs(struct pipe_run *r, const struct pipe_item *p, struct node *n)
{
	struct item *it = n->item, out = {0};
	struct name_list to;
	bool changed = false;
	for (size_t i = 0; i < it->n; i++) {
		struct value *v = it->value[i];
		if (v->kind != VALUE_FIELDREF || !pipe_name_passes(r, p, n, v->plain) || !p->kind->name(r, p, v->plain, false, &to)) {
			item_push(r->c, &out, v);
			continue;
		}
		changed = true;
		for (size_t k = 0; k < to.n; k++) {
			struct value *one = value_new(r->c, VALUE_FIELDREF, v->at);
			*one = *v;
			one->plain = to.at[k];
			item_push(r->c, &out, one);
		}
	}
	if (changed) {
		it->value = out.value;
		it->n = out.n;
	}
	return changed;
}

/* A keyword that gets a field keeps its meaning: anywhere in the value. */
static void open_texts(struct pipe_run *r, struct item *it)
{
	for (size_t i = 0; i < it->n; i++)
		if (it->value[i]->kind == VALUE_TEXT)
			it->value[i]->text = sstring_open(&r->c->scratch, &it->value[i]->text, true, true);
}

static bool rename_item(struct pipe_run *r, const struct pipe_item *p, struct node *n, bool *ret_changed)
{
	struct item *it = n->item;
	struct name_list to;
	*ret_changed = rename_refs(r, p, n);
	if (!pipe_name_passes(r, p, n, it->field) || !p->kind->name(r, p, it->field, !it->field.n, &to))
		return true;
	*ret_changed = true;
	it->mapped = true;
	if (!it->field.n)
		open_texts(r, it);
	if (to.n == 1) {
		it->field = to.at[0];
		return true;
	}
	/* Several: any of them. A negation stays outside, "none of the fields". */
	bool negated = it->negated;
	n->item = NULL;
	n->any = true;
	n->negated = negated;
	for (size_t i = 0; i < to.n; i++) {
		struct item *copy = arena_new(&r->c->scratch, struct item);
		*copy = *it;
		copy->field = to.at[i];
		copy->negated = false;
		node_push(r->c, n, node_of_item(r->c, copy));
	}
	return true;
}

/* ---- items ----------------------------------------------------------------------------------------------------------------------------- */

static bool item_drop(struct pipe_run *r, const struct pipe_item *p, struct node *n, bool *ret_changed)
{
	(void)r;
	(void)p;
	n->item = NULL;
	n->n = 0;
	*ret_changed = true;
	return true;
}

static struct str strip_wildcards(struct str s)
{
	while (s.n && (s.p[0] == '*' || s.p[0] == '?'))
		s = str_sub(s, 1, s.n);
	while (s.n && (s.p[s.n - 1] == '*' || s.p[s.n - 1] == '?'))
		s = str_sub(s, 0, s.n - 1);
	return s;
}

/* "*SHA1=…*", "MD5|…" or the bare hash, whose length tells. algo.n = 0 when it is none of the valid ones. */
static void hash_split(struct pipe_run *r, const struct pipe_item *p, struct str text, struct str *ret_algo, struct str *ret_hash)
{
	static const struct {
		size_t n;
		const char *name;
	} lengths[] = {{32, "MD5"}, {40, "SHA1"}, {64, "SHA256"}, {128, "SHA512"}};
	size_t cut = str_chr(text, '|');
	cut = cut == STR_NPOS ? str_chr(text, '=') : cut;
	struct str algo = STR("");
	*ret_hash = strip_wildcards(cut == STR_NPOS ? text : str_sub(text, cut + 1, text.n));
	for (size_t i = 0; i < LEN(lengths) && cut == STR_NPOS; i++)
		if (ret_hash->n == lengths[i].n)
			algo = str_c(lengths[i].name);
	if (cut != STR_NPOS) {
		struct str name = strip_wildcards(str_sub(text, 0, cut));
		char *up = arena_alloc(&r->c->scratch, name.n + 1);
		for (size_t i = 0; i < name.n; i++)
			up[i] = name.p[i] >= 'a' && name.p[i] <= 'z' ? (char)(name.p[i] - 32) : name.p[i];
		algo = str_n(up, name.n);
	}
	*ret_algo = listed(yaml_get(p->node, "valid_hash_algos"), algo) ? algo : STR("");
}

static bool is_hash_field(const struct pipe_item *p, struct str field)
{
	const struct yaml_node *fields = yaml_get(p->node, "field_to_parse");
	return fields ? listed(fields, field) : str_eq(field, STR("Hashes")) || str_eq(field, STR("Hash"));
}

static struct item *item_for(struct pipe_run *r, struct node *any, struct str field, const struct item *like)
{
	for (size_t i = 0; i < any->n; i++)
		if (any->kid[i]->item && str_eq(any->kid[i]->item->field, field))
			return any->kid[i]->item;
	struct item *it = arena_new(&r->c->scratch, struct item);
	it->field = field;
	it->at = like->at;
	it->mapped = true;
	node_push(r->c, any, node_of_item(r->c, it));
	return it;
}

static bool item_hashes(struct pipe_run *r, const struct pipe_item *p, struct node *n, bool *ret_changed)
{
	struct item *it = n->item;
	struct node *any = node_new(r->c, true);
	if (!is_hash_field(p, it->field))
		return true;
	for (size_t i = 0; i < it->n; i++)
		if (it->value[i]->kind != VALUE_TEXT)
			return true;
	for (size_t i = 0; i < it->n; i++) {
		struct str algo, hash;
		hash_split(r, p, pipe_plain(r->c, it->value[i]), &algo, &hash);
		if (!algo.n)
			continue;
		struct str field = arena_fmt(&r->c->scratch, "%.*s%.*s", STR_ARG(text_param(p, "field_prefix")), STR_ARG(bool_param(p, "drop_algo_prefix") ? STR("") : algo));
		item_push(r->c, item_for(r, any, field, it), value_text(r->c, hash, it->value[i]->at));
	}
	if (!any->n)
		return pipe_refuse(r, p, it->at, STR("none of the hashes is of an algorithm that the pipeline allows"));
	*ret_changed = true;
	any->any = !it->all;
	any->negated = it->negated;
	*n = *any;
	return true;
}

/* null, none and '' are null; whole numbers and decimals without a leading zero are numbers. */
static struct value *typed(struct pipe_run *r, struct str s, struct diag_at at)
{
	struct value *v = value_text(r->c, s, at);
	double d;
	if (!s.n || str_ieq(s, STR("null")) || str_ieq(s, STR("none")))
		v->kind = VALUE_NULL;
	else if ((s.p[0] != '0' || s.n == 1) && num_double(s, &d))
		v->kind = VALUE_NUMBER;
	return v;
}

struct groups {
	const pcre2_code *re;
	pcre2_match_data *match;
	struct str text;
};

static struct node *extract_one(struct pipe_run *r, const struct pipe_item *p, const struct groups *g, const struct item *like)
{
	struct node *all = node_new(r->c, false);
	uint32_t n, size;
	PCRE2_SPTR table;
	struct str prefix = text_param(p, "field_prefix");
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(g->match);
	pcre2_pattern_info(g->re, PCRE2_INFO_NAMECOUNT, &n);
	pcre2_pattern_info(g->re, PCRE2_INFO_NAMEENTRYSIZE, &size);
	pcre2_pattern_info(g->re, PCRE2_INFO_NAMETABLE, &table);
	for (uint32_t i = 0; i < n; i++) {
		const unsigned char *row = table + i * size;
		size_t group = (size_t)row[0] << 8 | row[1];
		if (at[2 * group] == PCRE2_UNSET || at[2 * group] == at[2 * group + 1])
			continue;
		struct item *it = arena_new(&r->c->scratch, struct item);
		it->field = arena_fmt(&r->c->scratch, "%.*s%s%s", STR_ARG(prefix), prefix.n ? "." : "", (const char *)row + 2);
		it->at = like->at;
		it->mapped = true;
		item_push(r->c, it, typed(r, arena_dup(&r->c->scratch, str_sub(g->text, at[2 * group], at[2 * group + 1])), like->at));
		node_push(r->c, all, node_of_item(r->c, it));
	}
	return all;
}

static bool item_extract(struct pipe_run *r, const struct pipe_item *p, struct node *n, bool *ret_changed)
{
	struct item *it = n->item;
	struct node *out = node_new(r->c, !it->all);
	for (size_t i = 0; i < it->n; i++)
		if (it->value[i]->kind != VALUE_TEXT)
			return true;
	pcre2_match_data *match = pcre2_match_data_create_from_pattern(p->re, NULL);
	must(match);
	for (size_t i = 0; i < it->n; i++) {
		struct groups g = {p->re, match, pipe_plain(r->c, it->value[i])};
		if (pcre2_match(p->re, (PCRE2_SPTR)(g.text.n ? g.text.p : ""), g.text.n, 0, PCRE2_ANCHORED, match, NULL) >= 0) {
			struct node *all = extract_one(r, p, &g, it);
			if (all->n)
				node_push(r->c, out, all);
		} else if (bool_param(p, "preserve_unmatched")) {
			struct item *same = arena_new(&r->c->scratch, struct item);
			same->field = it->field;
			same->at = it->at;
			item_push(r->c, same, it->value[i]);
			node_push(r->c, out, node_of_item(r->c, same));
		}
	}
	pcre2_match_data_free(match);
	if (!out->n)
		return true;
	*ret_changed = true;
	out->negated = it->negated;
	*n = *out;
	return true;
}

static bool item_item_failure(struct pipe_run *r, const struct pipe_item *p, struct node *n, bool *ret_changed)
{
	(void)ret_changed;
	return pipe_refuse(r, p, n->item->at, text_param(p, "message"));
}

/* ---- values ---------------------------------------------------------------------------------------------------------------------------- */

/* Changes one value: answers the same, another, or VALUE_ANY of several; NULL = refused. */
typedef struct value *change_value(struct pipe_run *r, const struct pipe_item *p, struct value *v);

static struct value *change_all(struct pipe_run *r, const struct pipe_item *p, struct value *v, change_value *f)
{
	if (v->kind != VALUE_ANY)
		return f(r, p, v);
	for (size_t i = 0; i < v->n; i++)
		if (!(v->kid[i] = change_all(r, p, v->kid[i], f)))
			return NULL;
	return v;
}

static bool change_item(struct pipe_run *r, const struct pipe_item *p, struct node *n, bool *ret_changed, change_value *f)
{
	struct item *it = n->item;
	for (size_t i = 0; i < it->n; i++) {
		struct value *v = change_all(r, p, it->value[i], f);
		if (!v)
			return false;
		*ret_changed = *ret_changed || v != it->value[i];
		it->value[i] = v;
	}
	return true;
}

struct filling {
	struct pipe_run *r;
	const struct pipe_item *p;
	struct diag_at at;
	struct sstring *word;
	bool failed;
};

static bool handled(const struct pipe_item *p, struct str name)
{
	const struct yaml_node *include = yaml_get(p->node, "include"), *exclude = yaml_get(p->node, "exclude");
	return include ? listed(include, name) : exclude ? !listed(exclude, name) : true;
}

static bool words_star(void *arg, struct str name, bool pattern, const struct sstring **ret, size_t *ret_n)
{
	struct filling *f = arg;
	if (!handled(f->p, name))
		return false;
	f->word = arena_array(&f->r->c->scratch, 1, sizeof(*f->word));
	f->word[0] = pattern ? sstring_literal(&f->r->c->scratch, STR(".*")) : sstring_parse(&f->r->c->scratch, STR("*"));
	*ret = f->word;
	*ret_n = 1;
	return true;
}

static bool words_var(void *arg, struct str name, bool pattern, const struct sstring **ret, size_t *ret_n)
{
	struct filling *f = arg;
	struct arena *mem = &f->r->c->scratch;
	if (!handled(f->p, name))
		return false;
	const struct yaml_node *v = pipe_variable(f->r->c, name);
	if (!v || v->kind == YAML_MAP) {
		f->failed = true;
		pipe_refuse(f->r, f->p, f->at, arena_fmt(mem, "the pipelines have no values for %%%.*s%% in vars", STR_ARG(name)));
		return false;
	}
	size_t n = 0;
	f->word = arena_array(mem, v->n + 1, sizeof(*f->word));
	for (const struct yaml_node *one = v->kind == YAML_LIST ? v->kid : v; one; one = v->kind == YAML_LIST ? one->next : NULL)
		f->word[n++] = pattern ? sstring_literal(mem, yaml_text(one)) : sstring_parse(mem, yaml_text(one));
	*ret = f->word;
	*ret_n = n;
	return true;
}

static struct value *fill(struct pipe_run *r, const struct pipe_item *p, struct value *v, placeholder_words *words)
{
	struct filling f = {.r = r, .p = p, .at = v->at};
	if (v->kind != VALUE_TEXT && v->kind != VALUE_REGEX)
		return v;
	for (size_t i = 0; i < v->text.n; i++) {
		if (v->text.unit[i] < WILD_PLACEHOLDER)
			continue;
		struct value *filled = placeholders_replace(r->c, v, words, &f);
		return f.failed ? NULL : filled;
	}
	return v;
}

static struct value *value_wildcard(struct pipe_run *r, const struct pipe_item *p, struct value *v)
{
	return fill(r, p, v, words_star);
}

static struct value *value_variable(struct pipe_run *r, const struct pipe_item *p, struct value *v)
{
	return fill(r, p, v, words_var);
}

/* A query expression looks a list up: the placeholder gets the list's name and is filled from lists/name.csv. */
static struct value *value_list(struct pipe_run *r, const struct pipe_item *p, struct value *v)
{
	if (v->kind != VALUE_TEXT || v->text.n != 1 || v->text.unit[0] < WILD_PLACEHOLDER)
		return v;
	struct str name = placeholder_name(r->c, v->text.unit[0]);
	yaml_pairs(to, yaml_get(p->node, "mapping")) {
		if (!str_eq(to->key->text, name) || !handled(p, name))
			continue;
		struct value *other = value_text(r->c, arena_fmt(&r->c->scratch, "%%%.*s%%", STR_ARG(yaml_text(to))), v->at);
		other->flags = v->flags;
		other->text = placeholders_mark(r->c, &other->text);
		return other;
	}
	return v;
}

static struct value *text_like(struct pipe_run *r, const struct value *v, struct sstring text)
{
	struct value *out = value_new(r->c, VALUE_TEXT, v->at);
	out->flags = v->flags;
	out->text = text;
	return out;
}

/* Python's replacement text to PCRE2's: \1 and \g<name> to ${…}, $ to $$. */
static struct str replacement_text(struct arena *mem, struct str s)
{
	struct buf b = BUF_INIT(1u << 20);
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i], next = i + 1 < s.n ? s.p[i + 1] : 0;
		size_t close = next == 'g' && i + 2 < s.n && s.p[i + 2] == '<' ? str_chr(str_sub(s, i, s.n), '>') : STR_NPOS;
		if (c == '$') {
			buf_add(&b, STR("$$"));
		} else if (c == '\\' && close != STR_NPOS) {
			buf_addf(&b, "${%.*s}", STR_ARG(str_sub(s, i + 3, i + close)));
			i += close;
		} else if (c == '\\' && ch_is_digit((unsigned char)next)) {
			buf_addf(&b, "${%c}", next);
			i++;
		} else if (c == '\\' && next == '\\') {
			buf_addc(&b, '\\');
			i++;
		} else {
			buf_addc(&b, c);
		}
	}
	struct str out = arena_dup(mem, buf_str(&b));
	buf_done(&b);
	return out;
}

#define REPLACED_MAX (1u << 20)

static bool replaced(struct pipe_run *r, const struct pipe_item *p, struct str text, struct str *ret)
{
	struct str with = replacement_text(&r->c->scratch, text_param(p, "replacement"));
	PCRE2_SIZE n = text.n * 2 + with.n + 256;
	for (;;) {
		char *out = arena_alloc(&r->c->scratch, n);
		PCRE2_SIZE used = n;
		int e = pcre2_substitute(p->re, (PCRE2_SPTR)(text.n ? text.p : ""), text.n, 0, PCRE2_SUBSTITUTE_GLOBAL | PCRE2_SUBSTITUTE_OVERFLOW_LENGTH | PCRE2_SUBSTITUTE_UNSET_EMPTY, NULL,
			NULL, (PCRE2_SPTR)with.p, with.n, (PCRE2_UCHAR *)out, &used);
		*ret = str_n(out, used);
		if (e != PCRE2_ERROR_NOMEMORY || used > REPLACED_MAX)
			return e >= 0;
		n = used;
	}
}

/* Wildcards and placeholders stay, the pieces between them are replaced. */
static bool replaced_pieces(struct pipe_run *r, const struct pipe_item *p, const struct sstring *s, struct sstring *ret)
{
	struct arena *mem = &r->c->scratch;
	struct sstring out = {NULL, 0};
	for (size_t i = 0; i <= s->n;) {
		size_t end = i;
		while (end < s->n && s->unit[end] < 256)
			end++;
		struct sstring piece = {s->unit + i, end - i}, next = piece;
		struct str text = sstring_plain(mem, &piece);
		if (text.n) {
			if (!replaced(r, p, text, &text))
				return false;
			next = bool_param(p, "interpret_special") ? sstring_parse(mem, text) : sstring_literal(mem, text);
		}
		struct sstring joined = {arena_array(mem, out.n + next.n + 1, sizeof(uint16_t)), out.n + next.n};
		if (out.n)
			memcpy(joined.unit, out.unit, out.n * sizeof(uint16_t));
		if (next.n)
			memcpy(joined.unit + out.n, next.unit, next.n * sizeof(uint16_t));
		if (end < s->n)
			joined.unit[joined.n++] = s->unit[end];
		out = joined;
		i = end + 1;
	}
	*ret = out;
	return true;
}

/* A printed text back to a string: only \* and \? are escapes there. */
static struct sstring parse_plain(struct arena *mem, struct str s)
{
	struct sstring out = {arena_array(mem, s.n + 1, sizeof(uint16_t)), 0};
	for (size_t i = 0; i < s.n; i++) {
		char next = i + 1 < s.n ? s.p[i + 1] : 0;
		if (s.p[i] == '\\' && (next == '*' || next == '?'))
			out.unit[out.n++] = (unsigned char)s.p[++i];
		else
			out.unit[out.n++] = s.p[i] == '*' ? WILD_MANY : s.p[i] == '?' ? WILD_ONE : (unsigned char)s.p[i];
	}
	return out;
}

static bool has_placeholder(const struct sstring *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->unit[i] >= WILD_PLACEHOLDER)
			return true;
	return false;
}

static struct value *value_replace(struct pipe_run *r, const struct pipe_item *p, struct value *v)
{
	struct sstring s;
	struct str text;
	if (v->kind != VALUE_TEXT && v->kind != VALUE_NUMBER)
		return v;
	bool ok = true;
	if (bool_param(p, "skip_special") && v->kind == VALUE_TEXT) {
		ok = replaced_pieces(r, p, &v->text, &s);
	} else if ((ok = replaced(r, p, pipe_plain(r->c, v), &text))) {
		s = parse_plain(&r->c->scratch, text);
		if (v->kind == VALUE_TEXT && has_placeholder(&v->text))
			s = placeholders_mark(r->c, &s);
	}
	if (!ok) {
		pipe_refuse(r, p, v->at, STR("the replacement cannot be made: its groups do not fit the regular expression"));
		return NULL;
	}
	return text_like(r, v, s);
}

static struct value *value_map(struct pipe_run *r, const struct pipe_item *p, struct value *v)
{
	if (v->kind != VALUE_TEXT)
		return v;
	struct str text = pipe_plain(r->c, v);
	yaml_pairs(to, yaml_get(p->node, "mapping")) {
		if (!str_eq(to->key->text, text))
			continue;
		if (to->kind == YAML_SCALAR)
			return text_like(r, v, sstring_parse(&r->c->scratch, to->text));
		struct value *any = value_new(r->c, VALUE_ANY, v->at);
		yaml_each(one, to) {
			value_push(r->c, any, text_like(r, v, sstring_parse(&r->c->scratch, yaml_text(one))));
		}
		return any;
	}
	return v;
}

/* pySigma makes texts regular expressions for back ends that cannot match without case. Here that is at home; "plain" alone changes something. */
static struct value *value_regex(struct pipe_run *r, const struct pipe_item *p, struct value *v)
{
	if (v->kind != VALUE_TEXT || !str_eq(text_param(p, "method"), STR("plain")))
		return v;
	struct value *out = text_like(r, v, v->text);
	out->flags |= ATOM_F_CASED;
	return out;
}

static struct value *value_set(struct pipe_run *r, const struct pipe_item *p, struct value *v)
{
	const struct yaml_node *n = yaml_get(p->node, "value");
	struct value *out = value_of_yaml(r->c, n);
	struct str force = text_param(p, "force_type");
	double d;
	if (!out)
		return NULL;
	out->at = v->at;
	if (str_eq(force, STR("str")))
		out->kind = VALUE_TEXT;
	if (str_eq(force, STR("num"))) {
		if (!num_double(out->plain, &d)) {
			pipe_refuse(r, p, v->at, STR("the value that the pipeline sets is no number"));
			return NULL;
		}
		out->kind = VALUE_NUMBER;
	}
	return out;
}

static struct value *value_convert(struct pipe_run *r, const struct pipe_item *p, struct value *v)
{
	double d;
	if (str_eq(text_param(p, "target_type"), STR("str"))) {
		if (v->kind != VALUE_NUMBER)
			return v;
		return value_text(r->c, v->plain, v->at);
	}
	if (v->kind != VALUE_TEXT)
		return v;
	struct str text = pipe_plain(r->c, v);
	if (!num_double(text, &d)) {
		pipe_refuse(r, p, v->at, arena_fmt(&r->c->scratch, "\"%.*s\" is no number", STR_ARG(text)));
		return NULL;
	}
	struct value *out = value_text(r->c, text, v->at);
	out->kind = VALUE_NUMBER;
	return out;
}

static uint16_t upper_unit(uint16_t u)
{
	return u >= 'a' && u <= 'z' ? (uint16_t)(u - 32) : u;
}

static struct value *value_case(struct pipe_run *r, const struct pipe_item *p, struct value *v)
{
	struct str method = text_param(p, "method");
	bool snake = str_eq(method, STR("snake_case")), upper = str_eq(method, STR("upper"));
	if (v->kind != VALUE_TEXT)
		return v;
	struct sstring out = {arena_array(&r->c->scratch, 2 * v->text.n + 1, sizeof(uint16_t)), 0};
	for (size_t i = 0; i < v->text.n; i++) {
		uint16_t u = v->text.unit[i], before = i ? v->text.unit[i - 1] : WILD_MANY;
		bool capital = u >= 'A' && u <= 'Z';
		if (snake && capital && before < 256 && ((before >= 'a' && before <= 'z') || ch_is_digit((unsigned char)before)))
			out.unit[out.n++] = '_';
		out.unit[out.n++] = upper ? upper_unit(u) : capital ? (uint16_t)(u + 32) : u;
	}
	return text_like(r, v, out);
}

#define CHANGES(name, f)                                                                                             \
	static bool item_##name(struct pipe_run *r, const struct pipe_item *p, struct node *n, bool *ret_changed)    \
	{                                                                                                            \
		return change_item(r, p, n, ret_changed, f);                                                         \
	}
CHANGES(wildcard_placeholders, value_wildcard)
CHANGES(value_placeholders, value_variable)
CHANGES(list_placeholders, value_list)
CHANGES(replace_string, value_replace)
CHANGES(map_string, value_map)
CHANGES(regex, value_regex)
CHANGES(set_value, value_set)
CHANGES(convert_type, value_convert)
CHANGES(case, value_case)
#undef CHANGES

/* ---- the rule as a whole ----------------------------------------------------------------------------------------------------------------- */

/* $category, $product and $service of the rule's log source. */
static struct str from_template(struct pipe_run *r, struct str s)
{
	const struct logsource *ls = &r->doc->meta.logsource;
	const struct {
		struct str name, value;
	} words[] = {{STR("category"), ls->category}, {STR("product"), ls->product}, {STR("service"), ls->service}};
	struct buf b = BUF_INIT(1u << 20);
	for (size_t i = 0; i < s.n;) {
		struct str rest = str_sub(s, i + 1, s.n);
		bool braces = s.p[i] == '$' && str_take(&rest, STR("{")), done = false;
		for (size_t k = 0; k < LEN(words) && s.p[i] == '$' && !done; k++) {
			struct str after = rest;
			done = str_take(&after, words[k].name) && (!braces || str_take(&after, STR("}")));
			if (done) {
				buf_add(&b, words[k].value);
				i = (size_t)(after.p - s.p);
			}
		}
		if (!done)
			buf_addc(&b, s.p[i++]);
	}
	struct str out = arena_dup(&r->c->scratch, buf_str(&b));
	buf_done(&b);
	return out;
}

static struct yaml_node *filled_template(struct pipe_run *r, const struct yaml_node *n)
{
	struct yaml_node *out = arena_new(&r->c->scratch, struct yaml_node), **tail = &out->kid;
	*out = *n;
	out->kid = NULL;
	if (n->kind == YAML_SCALAR && n->type == YAML_TEXT)
		out->text = from_template(r, n->text);
	yaml_each(k, n) {
		*tail = filled_template(r, k);
		(*tail)->next = NULL;
		tail = &(*tail)->next;
	}
	return out;
}

static bool rule_add_condition(struct pipe_run *r, const struct pipe_item *p)
{
	const struct yaml_node *conditions = yaml_get(p->node, "conditions");
	if (!r->d)
		return true;
	if (r->d->n_extra == LEN(r->d->extra))
		return pipe_refuse(r, p, r->doc->at, STR("pipelines add more conditions than fit"));
	struct str file = r->c->d->file;
	diag_file(r->c->d, p->file);
	struct node *n = node_read(r->c, bool_param(p, "template") ? filled_template(r, conditions) : conditions, 0);
	diag_file(r->c->d, file);
	if (!n)
		return false;
	for (size_t i = 0; i < n->n; i++)
		if (n->kid[i]->item)
			n->kid[i]->item->applied |= p->bit;
	r->d->extra[r->d->n_extra].node = n;
	r->d->extra[r->d->n_extra++].negated = bool_param(p, "negated");
	return true;
}

static bool rule_change_logsource(struct pipe_run *r, const struct pipe_item *p)
{
	if (r->d)
		r->doc->meta.logsource = (struct logsource){fold_dup(&r->c->keep, text_param(p, "product")), fold_dup(&r->c->keep, text_param(p, "category")),
			fold_dup(&r->c->keep, text_param(p, "service"))};
	return true;
}

static bool rule_nothing(struct pipe_run *r, const struct pipe_item *p)
{
	(void)r;
	(void)p;
	return true;
}

static bool rule_set_state(struct pipe_run *r, const struct pipe_item *p)
{
	map_put_ptr(&r->state, text_param(p, "key"), (void *)(uintptr_t)yaml_get(p->node, "val"));
	return true;
}

static bool rule_set_attribute(struct pipe_run *r, const struct pipe_item *p)
{
	map_put_ptr(&r->attributes, text_param(p, "attribute"), (void *)(uintptr_t)yaml_get(p->node, "value"));
	return true;
}

static bool rule_rule_failure(struct pipe_run *r, const struct pipe_item *p)
{
	return pipe_refuse(r, p, r->doc->at, text_param(p, "message"));
}

static const struct item *unmapped(const struct node *n)
{
	if (n->item)
		return n->item->field.n && !n->item->mapped ? n->item : NULL;
	for (size_t i = 0; i < n->n; i++) {
		const struct item *it = unmapped(n->kid[i]);
		if (it)
			return it;
	}
	return NULL;
}

static bool rule_strict_failure(struct pipe_run *r, const struct pipe_item *p)
{
	for (size_t i = 0; r->d && i < r->d->n; i++) {
		const struct item *it = unmapped(r->d->sel[i].node);
		if (it)
			return pipe_refuse(r, p, it->at, arena_fmt(&r->c->scratch, "no entry maps the field \"%.*s\"", STR_ARG(it->field)));
	}
	return true;
}

static bool rule_nest(struct pipe_run *r, const struct pipe_item *p)
{
	return pipe_items_apply(r, p->kid, p->n_kid);
}

#define item_field_mapping rename_item
#define item_prefix_mapping rename_item
#define item_prefix rename_item
#define item_suffix rename_item

const struct transform_kind TRANSFORMS[] = {
#define NAME(function) .item = item_##function, .name = name_##function
#define ITEM(function) .item = item_##function
#define RULE(function) .rule = rule_##function
#define TRANSFORM(how, kind, function, parameters) {.type = kind, .params = parameters, how(function)},
#define CONDITION(list, type, function, params)
#define REFUSED(type, why)
#include "sigma/pipeline.def"
#undef TRANSFORM
#undef CONDITION
#undef REFUSED
#undef NAME
#undef ITEM
#undef RULE
};
const size_t N_TRANSFORMS = LEN(TRANSFORMS);
