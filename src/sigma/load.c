/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/lint.h"

#include "sys/file.h"

#include <errno.h>

#define RULE_FILE_MAX (16u << 20)

struct sigma_set *sigma_set_new(void)
{
	struct sigma_set *s = must_new(struct sigma_set);
	arena_init(&s->mem, 0);
	map_init(&s->ids);
	map_init(&s->names);
	s->last = &s->first;
	return s;
}

void sigma_set_free(struct sigma_set *s)
{
	if (!s)
		return;
	map_done(&s->ids);
	map_done(&s->names);
	arena_done(&s->mem);
	free(s);
}

size_t sigma_set_loaded(const struct sigma_set *s)
{
	return s->loaded;
}

size_t sigma_set_refused(const struct sigma_set *s)
{
	return s->refused;
}

static struct str text_of(const struct yaml_node *root, const char *key)
{
	struct str s = yaml_text(yaml_get(root, key));
	return s.p ? s : STR("");
}

static void read_level(struct doc *doc)
{
	static const char *const levels[] = {"informational", "low", "medium", "high", "critical"};
	struct str level = text_of(doc->root, "level");
	doc->meta.level = SIGMA_MEDIUM;
	for (size_t i = 0; i < LEN(levels); i++)
		if (str_eq(level, str_c(levels[i])))
			doc->meta.level = (enum sigma_level)i;
}

static size_t read_list(struct sigma_set *s, const struct yaml_node *list, const struct str **ret)
{
	size_t n = 0;
	if (!list || list->kind != YAML_LIST)
		return 0;
	struct str *out = arena_array(&s->mem, list->n, sizeof(*out));
	yaml_each(k, list) {
		if (k->kind == YAML_SCALAR)
			out[n++] = k->text;
	}
	*ret = out;
	return n;
}

static bool read_kind(struct doc *doc, struct diag *d)
{
	if (yaml_get(doc->root, "correlation")) {
		doc->meta.kind = SIGMA_CORRELATION;
	} else if (yaml_get(doc->root, "filter")) {
		doc->meta.kind = SIGMA_FILTER;
	} else if (yaml_get(doc->root, "detection")) {
		doc->meta.kind = SIGMA_RULE;
	} else {
		diag_error(d, doc->at, "sigma.no_detection", "the document has no detection, correlation or filter section");
		return false;
	}
	return true;
}

static void read_logsource(struct sigma_set *s, struct doc *doc)
{
	const struct yaml_node *ls = yaml_get(doc->root, "logsource");
	struct str *to[] = {&doc->meta.logsource.product, &doc->meta.logsource.category, &doc->meta.logsource.service};
	static const char *const key[] = {"product", "category", "service"};
	for (size_t i = 0; i < LEN(to); i++)
		*to[i] = ls ? fold_dup(&s->mem, text_of(ls, key[i])) : STR("");
}

bool doc_read(struct sigma_set *s, struct doc *doc, struct str file, struct diag *d)
{
	const struct yaml_node *root = doc->root, *explain;
	struct sigma_rule *m = &doc->meta;
	if (root->kind != YAML_MAP) {
		diag_error(d, root->at, "sigma.not_a_rule", "a rule must be a map of keys");
		return false;
	}
	bool kind = yaml_get(root, "action") || read_kind(doc, d);
	if (!kind) {
		check_keys(root, "detection correlation filter title logsource", "sigma.misspelt_key", d);
		return false;
	}
	m->file = file;
	m->line = root->at.line;
	m->id = text_of(root, "id");
	m->name = text_of(root, "name");
	m->title = text_of(root, "title");
	m->title_ja = text_of(root, "title_ja");
	m->status = text_of(root, "status");
	m->description = text_of(root, "description");
	m->author = text_of(root, "author");
	explain = yaml_get(root, "explanation");
	m->explain_ja = explain ? text_of(explain, "ja") : STR("");
	m->explain_en = explain ? text_of(explain, "en") : STR("");
	m->n_tag = read_list(s, yaml_get(root, "tags"), &m->tag);
	m->n_falsepositive = read_list(s, yaml_get(root, "falsepositives"), &m->falsepositive);
	read_level(doc);
	read_logsource(s, doc);
	return check_metadata(doc, d);
}

static bool take_name(struct map *names, struct doc *doc, const char *key, struct diag *d)
{
	struct str name = text_of(doc->root, key);
	const struct doc *other = name.n ? map_get_ptr(names, name) : NULL;
	if (other) {
		diag_error(d, yaml_get(doc->root, key)->at, strcmp(key, "id") == 0 ? "sigma.duplicate_id" : "sigma.duplicate_name", "the %s is used before by \"%.*s\" (%.*s)", key,
			STR_ARG(other->meta.title), STR_ARG(other->meta.file));
		return false;
	}
	if (name.n)
		map_put_ptr(names, name, doc);
	return true;
}

static bool add_doc(struct sigma_set *s, const struct yaml_node *root, struct str file, struct diag *d)
{
	struct doc *doc = arena_new(&s->mem, struct doc);
	doc->root = root;
	doc->at = root->at;
	if (!doc_read(s, doc, file, d))
		return false;
	if (!take_name(&s->ids, doc, "id", d) || !take_name(&s->names, doc, "name", d))
		return false;
	*s->last = doc;
	s->last = &doc->next;
	return true;
}

int sigma_set_add_text(struct sigma_set *s, struct str yaml, struct str file, struct diag *d)
{
	struct yaml_doc *docs;
	struct str name = arena_dup(&s->mem, file);
	diag_file(d, file);
	int r = yaml_read(yaml, &s->mem, d, &docs);
	if (r < 0)
		s->refused++;
	for (; docs; docs = docs->next) {
		if (!docs->root)
			continue;
		if (add_doc(s, docs->root, name, d)) {
			s->loaded++;
		} else {
			s->refused++;
			r = -EINVAL;
		}
	}
	return r;
}

struct walk {
	struct sigma_set *set;
	struct diag *d;
	const char *top;
	int result;
};

static int add_file(void *arg, const char *path, int err)
{
	struct walk *w = arg;
	struct str p = str_c(path);
	bool named = str_eq(p, str_c(w->top));
	if (err < 0) {
		diag_file(w->d, p);
		diag_error(w->d, (struct diag_at){0}, "sigma.unreadable", "the file cannot be read");
		w->set->refused++;
		w->result = err;
		return 0;
	}
	if (!named && !str_iends(p, STR(".yml")) && !str_iends(p, STR(".yaml")))
		return 0;
	/* Rule tests lie beside the rules; they are no rules. */
	if (!named && str_find(str_sub(p, strlen(w->top), p.n), STR("/tests/")) != STR_NPOS)
		return 0;
	struct buf text = BUF_INIT(RULE_FILE_MAX);
	int r = file_read(path, &text);
	if (r < 0) {
		diag_file(w->d, p);
		diag_error(w->d, (struct diag_at){0}, "sigma.unreadable", r == -EFBIG ? "the file is larger than 16 MiB" : "the file cannot be read");
		w->set->refused++;
	} else {
		r = sigma_set_add_text(w->set, buf_str(&text), p, w->d);
	}
	buf_done(&text);
	if (r < 0)
		w->result = r;
	return 0;
}

int sigma_set_add_path(struct sigma_set *s, const char *path, struct diag *d)
{
	struct walk w = {.set = s, .d = d, .top = path};
	file_walk(path, add_file, &w);
	return w.result;
}
