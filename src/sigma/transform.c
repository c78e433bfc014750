/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/transform.h"

#include "base/num.h"

/* What the entries of a pipeline do to names, items and the rule as a whole, one function per row of pipeline.def. What they do to one value: transform_value.c. */

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
	return !keyword && one_name(r, arena_fmt(&r->c->scratch, "%.*s%.*s", STR_ARG(pipe_text(p->node, "prefix")), STR_ARG(name)), ret);
}

static bool name_suffix(struct pipe_run *r, const struct pipe_item *p, struct str name, bool keyword, struct name_list *ret)
{
	return !keyword && one_name(r, arena_fmt(&r->c->scratch, "%.*s%.*s", STR_ARG(name), STR_ARG(pipe_text(p->node, "suffix"))), ret);
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
	*ret_algo = pipe_lists(yaml_get(p->node, "valid_hash_algos"), algo) ? algo : STR("");
}

static bool is_hash_field(const struct pipe_item *p, struct str field)
{
	const struct yaml_node *fields = yaml_get(p->node, "field_to_parse");
	return fields ? pipe_lists(fields, field) : str_eq(field, STR("Hashes")) || str_eq(field, STR("Hash"));
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
		struct str field = arena_fmt(&r->c->scratch, "%.*s%.*s", STR_ARG(pipe_text(p->node, "field_prefix")), STR_ARG(pipe_flag(p->node, "drop_algo_prefix") ? STR("") : algo));
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
	struct str prefix = pipe_text(p->node, "field_prefix");
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
		} else if (pipe_flag(p->node, "preserve_unmatched")) {
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
	return pipe_refuse(r, p, n->item->at, pipe_text(p->node, "message"));
}

/* Each value, and each form of one that has several. */
static struct value *change_all(struct pipe_run *r, const struct pipe_item *p, struct value *v)
{
	if (v->kind != VALUE_ANY)
		return p->kind->value(r, p, v);
	for (size_t i = 0; i < v->n; i++)
		if (!(v->kid[i] = change_all(r, p, v->kid[i])))
			return NULL;
	return v;
}

static bool item_values(struct pipe_run *r, const struct pipe_item *p, struct node *n, bool *ret_changed)
{
	struct item *it = n->item;
	for (size_t i = 0; i < it->n; i++) {
		struct value *v = change_all(r, p, it->value[i]);
		if (!v)
			return false;
		*ret_changed = *ret_changed || v != it->value[i];
		it->value[i] = v;
	}
	return true;
}

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
	struct node *n = node_read(r->c, pipe_flag(p->node, "template") ? filled_template(r, conditions) : conditions, 0);
	diag_file(r->c->d, file);
	if (!n)
		return false;
	for (size_t i = 0; i < n->n; i++)
		if (n->kid[i]->item)
			n->kid[i]->item->applied |= p->bit;
	r->d->extra[r->d->n_extra].node = n;
	r->d->extra[r->d->n_extra++].negated = pipe_flag(p->node, "negated");
	return true;
}

static bool rule_change_logsource(struct pipe_run *r, const struct pipe_item *p)
{
	if (r->d)
		r->doc->meta.logsource = (struct logsource){fold_dup(&r->c->keep, pipe_text(p->node, "product")), fold_dup(&r->c->keep, pipe_text(p->node, "category")),
			fold_dup(&r->c->keep, pipe_text(p->node, "service"))};
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
	map_put_ptr(&r->state, pipe_text(p->node, "key"), (void *)(uintptr_t)yaml_get(p->node, "val"));
	return true;
}

static bool rule_set_attribute(struct pipe_run *r, const struct pipe_item *p)
{
	map_put_ptr(&r->attributes, pipe_text(p->node, "attribute"), (void *)(uintptr_t)yaml_get(p->node, "value"));
	return true;
}

static bool rule_rule_failure(struct pipe_run *r, const struct pipe_item *p)
{
	return pipe_refuse(r, p, r->doc->at, pipe_text(p->node, "message"));
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
#define VALUE(function) .item = item_values, .value = change_##function
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
#undef VALUE
#undef RULE
};
const size_t N_TRANSFORMS = LEN(TRANSFORMS);
