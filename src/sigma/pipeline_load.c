/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/pipeline.h"
#include "sigma/words.h"

#include "base/num.h"
#include "sys/file.h"

#include <stdarg.h>

/* Pipeline files to entries, every fault with file, line and column. */
#define PIPELINE_FILE_MAX (16u << 20)
#define NEST_MAX 8

struct loading {
	struct compiler *c;
	struct pipelines *all;
	bool bad;
};

static void complain(struct loading *l, struct diag_at at, const char *code, const char *fmt, ...) PRINTF_LIKE(4, 5);
static void complain(struct loading *l, struct diag_at at, const char *code, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diag_error(l->c->d, at, code, "%s", text);
	l->bad = true;
}

/* ---- parameters ---------------------------------------------------------------------------------------------------------------------- */

struct param {
	struct str name;
	char kind;
	bool required;
};

/* Takes "name!:k" from the front of a row's list. */
static bool param_next(struct str *rest, struct param *ret)
{
	struct str word;
	if (!str_word(rest, &word))
		return false;
	size_t colon = str_rchr(word, ':');
	ret->kind = word.p[colon + 1];
	ret->required = word.p[colon - 1] == '!';
	ret->name = str_sub(word, 0, colon - ret->required);
	return true;
}

static pcre2_code *regex_new(struct loading *l, const struct yaml_node *n)
{
	int err;
	PCRE2_SIZE at;
	pcre2_code *re = pcre2_compile((PCRE2_SPTR)(n->text.n ? n->text.p : ""), n->text.n, PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C, &err, &at, NULL);
	if (re) {
		vec_push(&l->all->re, re);
		return re;
	}
	char why[200];
	pcre2_get_error_message(err, (PCRE2_UCHAR *)why, sizeof(why));
	complain(l, n->at, "pipeline.bad_regex", "the regular expression cannot be used: %s (at its character %zu)", why, (size_t)at);
	return NULL;
}

static bool param_fits(const struct yaml_node *n, char kind)
{
	double d;
	switch (kind) {
	case 'b':
		return n->kind == YAML_SCALAR && n->type == YAML_BOOL;
	case 'n':
		return n->kind == YAML_SCALAR && num_double(n->text, &d);
	case 'm':
		return n->kind == YAML_MAP;
	case 'l':
		return n->kind == YAML_LIST;
	case 'L':
		return n->kind == YAML_LIST || n->kind == YAML_SCALAR;
	case 't':
	case 'r':
		return n->kind == YAML_SCALAR;
	default:
		return true;
	}
}

static const char *kind_name(char kind)
{
	return kind == 'b' ? "true or false" : kind == 'n' ? "a number" : kind == 'm' ? "a map" : kind == 'l' ? "a list" : kind == 'L' ? "a name or a list" : "text";
}

/* Every parameter is known and of its kind, none is missing. extra: keys that are taken elsewhere, each " key ". */
static void params_check(struct loading *l, const struct yaml_node *map, struct str params, struct str extra)
{
	struct str rest = params, names[24];
	struct param p;
	size_t n = 0;
	while (param_next(&rest, &p)) {
		const struct yaml_node *v = NULL;
		yaml_pairs(one, map) {
			v = str_eq(one->key->text, p.name) ? one : v;
		}
		names[n++] = p.name;
		if (!v && p.required)
			complain(l, map->at, "pipeline.missing_parameter", "the parameter \"%.*s\" is missing", STR_ARG(p.name));
		else if (v && !param_fits(v, p.kind))
			complain(l, v->at, "pipeline.bad_parameter", "\"%.*s\" takes %s", STR_ARG(p.name), kind_name(p.kind));
	}
	yaml_pairs(one, map) {
		struct str padded = arena_fmt(&l->c->keep, " %.*s ", STR_ARG(one->key->text));
		bool known = str_find(extra, padded) != STR_NPOS;
		for (size_t i = 0; i < n; i++)
			known = known || str_eq(names[i], one->key->text);
		if (known)
			continue;
		complain(l, one->key->at, "pipeline.unknown_parameter", "there is no parameter \"%.*s\" here", STR_ARG(one->key->text));
		diag_suggest(l->c->d, one->key->text, names, n);
	}
}

/* One of a few words, where a parameter allows no other. */
static void word_check(struct loading *l, const struct yaml_node *map, const char *key, struct str allowed)
{
	const struct yaml_node *n = yaml_get(map, key);
	struct str rest = allowed, word;
	while (n && str_word(&rest, &word))
		if (str_eq(word, yaml_text(n)))
			return;
	if (n)
		complain(l, n->at, "pipeline.bad_parameter", "\"%s\" is one of %.*s", key, STR_ARG(allowed));
}

static uint64_t id_bit(struct loading *l, struct str id, const struct yaml_node *asks)
{
	for (size_t i = 0; i < l->all->ids.n; i++)
		if (str_eq(l->all->ids.at[i], id))
			return UINT64_C(1) << i;
	if (!asks || !id.n)
		return 0;
	if (l->all->ids.n == 64) {
		complain(l, asks->at, "pipeline.too_many_ids", "conditions ask for more than 64 different entries");
		return 0;
	}
	vec_push(&l->all->ids, id);
	return UINT64_C(1) << (l->all->ids.n - 1);
}

/* ---- conditions ---------------------------------------------------------------------------------------------------------------------- */

static const struct cond_kind *cond_kind_find(struct loading *l, enum cond_list list, const struct yaml_node *n)
{
	const struct yaml_node *type = yaml_get(n, "type");
	struct str names[16];
	size_t k = 0;
	if (!type) {
		complain(l, n->at, "pipeline.missing_parameter", "a condition needs a type");
		return NULL;
	}
	for (size_t i = 0; i < N_CONDITIONS; i++) {
		if (CONDITIONS[i].list != list)
			continue;
		names[k++] = str_c(CONDITIONS[i].type);
		if (str_eq(yaml_text(type), names[k - 1]))
			return &CONDITIONS[i];
	}
	complain(l, type->at, "pipeline.unknown_condition", "there is no condition \"%.*s\" in this list", STR_ARG(yaml_text(type)));
	diag_suggest(l->c->d, yaml_text(type), names, k);
	return NULL;
}

static void cond_regexes(struct loading *l, struct pipe_cond *c)
{
	const struct yaml_node *pattern = yaml_get(c->node, "pattern"), *fields = yaml_get(c->node, "fields");
	c->re = arena_array(&l->c->keep, fields ? fields->n + 1 : 1, sizeof(*c->re));
	if (pattern && pattern->kind == YAML_SCALAR && (c->re[0] = regex_new(l, pattern)))
		c->n_re = 1;
	if (!str_eq(yaml_text(yaml_get(c->node, "mode")), STR("re")))
		return;
	yaml_each(f, fields) {
		pcre2_code *re = f->kind == YAML_SCALAR ? regex_new(l, f) : NULL;
		if (re)
			c->re[c->n_re++] = re;
	}
}

static void cond_read(struct loading *l, enum cond_list list, const struct yaml_node *n, struct pipe_cond *c)
{
	c->node = n;
	c->name = n->key ? n->key->text : STR("");
	c->kind = cond_kind_find(l, list, n);
	if (!c->kind)
		return;
	params_check(l, n, str_c(c->kind->params), STR(" type "));
	word_check(l, n, "cond", STR("any all"));
	word_check(l, n, "mode", STR("plain re"));
	word_check(l, n, "op", str_eq(str_c(c->kind->type), STR("rule_attribute")) ? STR("eq ne gte gt lte lt in not_in") : STR("eq ne gte gt lte lt"));
	cond_regexes(l, c);
	const struct yaml_node *id = yaml_get(n, "processing_item_id");
	if (id)
		c->bit = id_bit(l, yaml_text(id), id);
}

static bool cond_by_name(void *arg, struct str name, uint32_t *ret)
{
	const struct cond_set *set = arg;
	for (size_t i = 0; i < set->n; i++)
		if (set->cond[i].name.n && str_eq(set->cond[i].name, name)) {
			*ret = (uint32_t)i;
			return true;
		}
	return false;
}

static bool expr_uses(const struct expr *e, uint32_t leaf)
{
	for (size_t i = 0; i < e->n; i++)
		if (expr_uses(e->kid[i], leaf))
			return true;
	return e->kind == EXPR_ATOM && e->atom == leaf;
}

static void cond_expression(struct loading *l, struct cond_set *set, const struct yaml_node *text)
{
	size_t at;
	set->expr = words_parse(&l->c->keep, yaml_text(text), cond_by_name, set, &at);
	if (!set->expr) {
		struct diag_at place = text->at;
		place.column += (unsigned)at + text->quoted;
		complain(l, place, "pipeline.bad_expression", "this is not an expression over the names of the conditions");
		diag_hint(l->c->d, "name the conditions in a map and write e.g. \"cond1 and not cond2\"");
		return;
	}
	for (size_t i = 0; i < set->n; i++)
		if (!expr_uses(set->expr, (uint32_t)i))
			complain(l, set->cond[i].node->at, "pipeline.unused_condition", "the expression does not use the condition \"%.*s\"", STR_ARG(set->cond[i].name));
}

static void cond_set_read(struct loading *l, enum cond_list list, const struct yaml_node *item, struct cond_set *set)
{
	static const char *const prefix[] = {"rule", "detection_item", "field_name"};
	char key[64];
	snprintf(key, sizeof(key), "%s_conditions", prefix[list]);
	const struct yaml_node *conds = yaml_get(item, key);
	snprintf(key, sizeof(key), "%s_cond_expr", prefix[list]);
	const struct yaml_node *expr = yaml_get(item, key);
	snprintf(key, sizeof(key), "%s_cond_op", prefix[list]);
	const struct yaml_node *op = yaml_get(item, key);
	word_check(l, item, key, STR("and or"));
	snprintf(key, sizeof(key), "%s_cond_not", prefix[list]);
	const struct yaml_node *not = yaml_get(item, key);
	if (conds && conds->kind == YAML_SCALAR) {
		complain(l, conds->at, "pipeline.bad_parameter", "conditions are a list, or a map from names to conditions");
		return;
	}
	set->any = str_eq(yaml_text(op), STR("or"));
	set->negated = not && not->boolean;
	set->cond = arena_array(&l->c->keep, conds ? conds->n + 1 : 1, sizeof(*set->cond));
	yaml_each(one, conds) {
		struct pipe_cond *c = &set->cond[set->n];
		*c = (struct pipe_cond){0};
		cond_read(l, list, one, c);
		set->n += c->kind != NULL;
	}
	if (expr && op)
		complain(l, op->at, "pipeline.bad_parameter", "an expression and an operator exclude each other");
	if (expr)
		cond_expression(l, set, expr);
}

/* ---- entries -------------------------------------------------------------------------------------------------------------------------- */

#define ITEM_KEYS                                                                                                                                                          \
	" type id rule_conditions rule_cond_expr rule_cond_op rule_cond_not detection_item_conditions detection_item_cond_expr detection_item_cond_op detection_item_cond_not " \
	"field_name_conditions field_name_cond_expr field_name_cond_op field_name_cond_not "

static const struct transform_kind *kind_find(struct loading *l, const struct yaml_node *n)
{
	static const struct {
		const char *type, *why;
	} refused[] = {
#define TRANSFORM(how, type, function, params)
#define CONDITION(list, type, function, params)
#define REFUSED(type, why) {type, why},
#include "sigma/pipeline.def"
#undef TRANSFORM
#undef CONDITION
#undef REFUSED
	};
	const struct yaml_node *type = yaml_get(n, "type");
	struct str names[64];
	if (!type) {
		complain(l, n->at, "pipeline.missing_parameter", "an entry needs a type");
		return NULL;
	}
	for (size_t i = 0; i < LEN(refused); i++)
		if (str_eq(yaml_text(type), str_c(refused[i].type))) {
			complain(l, type->at, "pipeline.not_supported", "%s is not supported: %s", refused[i].type, refused[i].why);
			return NULL;
		}
	for (size_t i = 0; i < N_TRANSFORMS; i++) {
		names[i] = str_c(TRANSFORMS[i].type);
		if (str_eq(yaml_text(type), names[i]))
			return &TRANSFORMS[i];
	}
	complain(l, type->at, "pipeline.unknown_transformation", "there is no transformation \"%.*s\"", STR_ARG(yaml_text(type)));
	diag_suggest(l->c->d, yaml_text(type), names, N_TRANSFORMS);
	return NULL;
}

static struct pipe_item *items_read(struct loading *l, const struct yaml_node *list, size_t *ret_n, int depth);

/* Words that only some types allow. */
static void entry_check(struct loading *l, const struct yaml_node *n, struct str type)
{
	if (str_eq(type, STR("regex")))
		word_check(l, n, "method", STR("plain ignore_case_flag ignore_case_brackets"));
	if (str_eq(type, STR("case")))
		word_check(l, n, "method", STR("lower upper snake_case"));
	word_check(l, n, "force_type", STR("str num"));
	word_check(l, n, "target_type", STR("str num"));
	if (yaml_get(n, "include") && yaml_get(n, "exclude"))
		complain(l, yaml_get(n, "exclude")->at, "pipeline.bad_parameter", "include and exclude exclude each other");
}

static uint32_t named_groups(const pcre2_code *re)
{
	uint32_t n = 0;
	pcre2_pattern_info(re, PCRE2_INFO_NAMECOUNT, &n);
	return n;
}

static void item_read_entry(struct loading *l, const struct yaml_node *n, struct pipe_item *p, int depth)
{
	p->node = n;
	p->file = l->c->d->file;
	if (n->kind != YAML_MAP) {
		complain(l, n->at, "pipeline.bad_parameter", "an entry is a map");
		return;
	}
	p->kind = kind_find(l, n);
	if (!p->kind)
		return;
	params_check(l, n, str_c(p->kind->params), STR(ITEM_KEYS));
	entry_check(l, n, str_c(p->kind->type));
	for (int i = 0; i < 3; i++)
		cond_set_read(l, (enum cond_list)i, n, &p->cond[i]);
	const struct yaml_node *regex = yaml_get(n, "regex"), *items = yaml_get(n, "items");
	if (regex && regex->kind == YAML_SCALAR)
		p->re = regex_new(l, regex);
	if (p->re && str_eq(str_c(p->kind->type), STR("extract_fields")) && !named_groups(p->re))
		complain(l, regex->at, "pipeline.bad_regex", "extract_fields needs a named group: (?P<name>…)");
	if (items && items->kind == YAML_LIST && str_eq(str_c(p->kind->type), STR("nest")))
		p->kid = items_read(l, items, &p->n_kid, depth + 1);
}

static struct pipe_item *items_read(struct loading *l, const struct yaml_node *list, size_t *ret_n, int depth)
{
	struct pipe_item *out = arena_array(&l->c->keep, list ? list->n + 1 : 1, sizeof(*out));
	*ret_n = 0;
	if (depth > NEST_MAX) {
		complain(l, list->at, "pipeline.too_deep", "nested deeper than %d", NEST_MAX);
		return out;
	}
	yaml_each(n, list) {
		struct pipe_item *p = &out[*ret_n];
		*p = (struct pipe_item){0};
		item_read_entry(l, n, p, depth);
		*ret_n += p->kind != NULL;
	}
	return out;
}

/* ---- files ---------------------------------------------------------------------------------------------------------------------------- */

static void pipeline_read(struct loading *l, const struct yaml_node *root, struct pipeline *p)
{
	static const char *const refused[] = {"postprocessing", "finalizers"};
	if (root->kind != YAML_MAP) {
		complain(l, root->at, "pipeline.bad_file", "a pipeline is a map with transformations");
		return;
	}
	params_check(l, root, STR("name:t priority:n vars:m transformations:l"), STR(" postprocessing finalizers allowed_backends "));
	for (size_t i = 0; i < LEN(refused); i++) {
		const struct yaml_node *n = yaml_get(root, refused[i]);
		if (n && n->n) {
			complain(l, n->key->at, "pipeline.not_supported", "\"%s\" is not supported: it changes the query text of a search engine, and here rules are evaluated", refused[i]);
			diag_hint(l->c->d, "leave it out for Hinomi");
		}
	}
	const struct yaml_node *priority = yaml_get(root, "priority"), *entries = yaml_get(root, "transformations");
	p->name = yaml_text(yaml_get(root, "name"));
	p->vars = yaml_get(root, "vars");
	if (priority && !num_i64(yaml_text(priority), &p->priority))
		complain(l, priority->at, "pipeline.bad_parameter", "a priority is a whole number");
	if (entries && entries->kind == YAML_LIST)
		p->item = items_read(l, entries, &p->n, 0);
	if (!entries)
		complain(l, root->at, "pipeline.bad_file", "a pipeline is a map with transformations");
}

static void file_load(struct loading *l, const char *path)
{
	struct buf text = BUF_INIT(PIPELINE_FILE_MAX);
	struct yaml_doc *docs = NULL;
	struct pipeline *p = &l->all->at[l->all->n];
	diag_file(l->c->d, str_c(path));
	*p = (struct pipeline){.order = l->all->n, .file = arena_dup(&l->c->keep, str_c(path))};
	if (file_read(path, &text) < 0)
		complain(l, (struct diag_at){0}, "pipeline.unreadable", "the pipeline cannot be read");
	else if (yaml_read(buf_str(&text), &l->c->keep, l->c->d, &docs) < 0)
		l->bad = true;
	else if (!docs || !docs->root)
		complain(l, (struct diag_at){1, 1}, "pipeline.bad_file", "the file is empty");
	else
		pipeline_read(l, docs->root, p);
	l->all->n++;
	buf_done(&text);
}

static int by_priority(const void *a, const void *b)
{
	const struct pipeline *x = a, *y = b;
	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

/* Ids are known when all conditions are read. */
static void give_bits(struct loading *l, struct pipe_item *item, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		item[i].bit = id_bit(l, yaml_text(yaml_get(item[i].node, "id")), NULL);
		give_bits(l, item[i].kid, item[i].n_kid);
	}
}

bool pipelines_load(struct compiler *c)
{
	struct loading l = {.c = c};
	if (!c->opts->n_pipeline)
		return true;
	c->pipelines = l.all = arena_new(&c->keep, struct pipelines);
	l.all->at = arena_array(&c->keep, c->opts->n_pipeline, sizeof(*l.all->at));
	for (size_t i = 0; i < c->opts->n_pipeline; i++)
		file_load(&l, c->opts->pipeline[i]);
	qsort(l.all->at, l.all->n, sizeof(*l.all->at), by_priority);
	for (size_t i = 0; i < l.all->n; i++)
		give_bits(&l, l.all->at[i].item, l.all->at[i].n);
	return !l.bad;
}

void pipelines_free(struct compiler *c)
{
	if (!c->pipelines)
		return;
	vec_each(re, &c->pipelines->re) {
		pcre2_code_free(*re);
	}
	vec_done(&c->pipelines->re);
	vec_done(&c->pipelines->ids);
}
