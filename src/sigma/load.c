/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/parts.h"

#include "sys/file.h"

#include <errno.h>

#define RULE_FILE_MAX (16u << 20)

struct sigma_set *sigma_set_new(void)
{
	struct sigma_set *s = must_new(struct sigma_set);
	arena_init(&s->mem, 0);
	map_init(&s->ids);
	s->last = &s->first;
	return s;
}

void sigma_set_free(struct sigma_set *s)
{
	if (!s)
		return;
	map_done(&s->ids);
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

static const char *const LEVELS[] = {"informational", "low", "medium", "high", "critical"};

static void read_level(struct doc *doc, struct diag *d)
{
	const struct yaml_node *n = yaml_get(doc->root, "level");
	doc->meta.level = SIGMA_MEDIUM;
	if (!n)
		return;
	struct str names[LEN(LEVELS)];
	for (size_t i = 0; i < LEN(LEVELS); i++) {
		names[i] = str_c(LEVELS[i]);
		if (str_eq(yaml_text(n), names[i])) {
			doc->meta.level = (enum sigma_level)i;
			return;
		}
	}
	diag_warning(d, n->at, "sigma.unknown_level", "the level \"%.*s\" is not one of informational, low, medium, high, critical", STR_ARG(yaml_text(n)));
	diag_suggest(d, yaml_text(n), names, LEN(names));
}

static bool tag_is_formed(struct str t)
{
	size_t dot = str_chr(t, '.');
	if (dot == STR_NPOS || dot == 0 || dot + 1 == t.n)
		return false;
	for (size_t i = 0; i < t.n; i++) {
		unsigned char c = (unsigned char)t.p[i];
		if (!ch_is_digit(c) && !(c >= 'a' && c <= 'z') && c != '-' && c != '_' && c != '.')
			return false;
	}
	return true;
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

static bool is_uuid(struct str s)
{
	if (s.n != 36)
		return false;
	for (size_t i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? s.p[i] != '-' : ch_hex((unsigned char)s.p[i]) < 0)
			return false;
	}
	return true;
}

static bool is_date(struct str s)
{
	struct str y, m;
	return s.n == 10 && str_cut(&s, '-', &y) && str_cut(&s, '-', &m) && y.n == 4 && m.n == 2 && s.n == 2 && ch_is_digit((unsigned char)y.p[0]);
}

static void check_forms(struct doc *doc, struct diag *d)
{
	static const char *const dates[] = {"date", "modified"};
	const struct yaml_node *id = yaml_get(doc->root, "id"), *tags = yaml_get(doc->root, "tags");
	if (id && !is_uuid(doc->meta.id))
		diag_warning(d, id->at, "sigma.id_form", "the id \"%.*s\" is not a UUID", STR_ARG(doc->meta.id));
	for (size_t i = 0; i < LEN(dates); i++) {
		const struct yaml_node *n = yaml_get(doc->root, dates[i]);
		if (n && !is_date(yaml_text(n))) {
			diag_warning(d, n->at, "sigma.date_form", "the %s \"%.*s\" is not of the form YYYY-MM-DD", dates[i], STR_ARG(yaml_text(n)));
		}
	}
	yaml_each(t, tags) {
		if (t->kind == YAML_SCALAR && !tag_is_formed(t->text))
			diag_warning(d, t->at, "sigma.tag_form", "the tag \"%.*s\" is not of the form namespace.name in lower case", STR_ARG(t->text));
	}
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
	if (!read_kind(doc, d))
		return false;
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
	if (!m->title.n) {
		diag_error(d, doc->at, "sigma.no_title", "a rule needs a title");
		return false;
	}
	read_level(doc, d);
	check_forms(doc, d);
	read_logsource(s, doc);
	if (m->kind != SIGMA_CORRELATION && !yaml_get(root, "logsource")) {
		diag_error(d, doc->at, "sigma.no_logsource", "a rule needs a logsource with at least one of product, category, service");
		return false;
	}
	return true;
}

static bool add_doc(struct sigma_set *s, const struct yaml_node *root, struct str file, struct diag *d)
{
	struct doc *doc = arena_new(&s->mem, struct doc);
	doc->root = root;
	doc->at = root->at;
	if (!doc_read(s, doc, file, d))
		return false;
	if (doc->meta.id.n) {
		struct doc *other = map_get_ptr(&s->ids, doc->meta.id);
		if (other) {
			diag_error(d, yaml_get(root, "id")->at, "sigma.duplicate_id", "the id is used before by \"%.*s\" (%.*s)", STR_ARG(other->meta.title), STR_ARG(other->meta.file));
			return false;
		}
		map_put_ptr(&s->ids, doc->meta.id, doc);
	}
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
