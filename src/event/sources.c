/* SPDX-License-Identifier: Apache-2.0 */
#include "event/sources.h"

#include "base/tstamp.h"
#include "base/vec.h"
#include "codec/yaml.h"
#include "sys/file.h"

#include <errno.h>

#define FILE_MAX (4u << 20)
#define RULES_MAX 10000

struct sources {
	struct arena mem;
	VEC(struct source_rule) rules;
	bool programs;
};

struct sources *sources_new(void)
{
	struct sources *s = must_new(struct sources);
	arena_init(&s->mem, 0);
	return s;
}

void sources_free(struct sources *s)
{
	if (!s)
		return;
	vec_done(&s->rules);
	arena_done(&s->mem);
	free(s);
}

/* ---- reading -------------------------------------------------------------------------------------------------------------------------------- */

static struct str lower(struct arena *mem, struct str s)
{
	struct str out = arena_dup(mem, s);
	for (size_t i = 0; i < out.n; i++)
		((char *)(uintptr_t)out.p)[i] = (char)ch_lower((unsigned char)out.p[i]);
	return out;
}

bool sources_zone(struct str s, int *ret)
{
	tstamp t, utc;
	struct buf b = BUF_INIT(100);
	if (str_ieq(s, STR("jst"))) {
		*ret = 9 * 3600;
		return true;
	}
	buf_addf(&b, "2000-01-01T00:00:00%.*s", STR_ARG(str_ieq(s, STR("utc")) ? STR("Z") : s));
	bool ok = s.n && ts_parse_rfc3339(buf_str(&b), 0, &t) && ts_parse_rfc3339(STR("2000-01-01T00:00:00Z"), 0, &utc);
	if (ok)
		*ret = (int)((utc - t) / NS_PER_S);
	buf_done(&b);
	return ok;
}

static const char *const KEYS[] = {"source", "path", "host", "program", "format", "product", "category", "service", "zone", "name"};

static int read_value(struct sources *s, struct source_rule *r, const struct yaml_node *v, struct diag *d)
{
	struct str key = yaml_text(v->key), text = yaml_text(v);
	if (v->kind != YAML_SCALAR || !text.n)
		return diag_error(d, v->at, "sources.value", "\"%.*s\" takes one value", STR_ARG(key));
	if (str_eq(key, STR("source")) || str_eq(key, STR("path")))
		r->source = lower(&s->mem, text);
	else if (str_eq(key, STR("host")))
		r->host = lower(&s->mem, text);
	else if (str_eq(key, STR("program")))
		r->program = lower(&s->mem, text);
	else if (str_eq(key, STR("product")))
		r->ls.product = lower(&s->mem, text);
	else if (str_eq(key, STR("category")))
		r->ls.category = lower(&s->mem, text);
	else if (str_eq(key, STR("service")))
		r->ls.service = lower(&s->mem, text);
	else if (str_eq(key, STR("zone"))) {
		if (!sources_zone(text, &r->offset_s)) {
			diag_error(d, v->at, "sources.zone", "\"%.*s\" is no time zone", STR_ARG(text));
			diag_hint(d, "+09:00, -05:00 or UTC");
			return -EINVAL;
		}
		r->has_zone = true;
	} else if (str_eq(key, STR("format"))) {
		enum event_format f = event_format_parse(text);
		if (f == FORMAT_COUNT) {
			struct str names[FORMAT_COUNT];
			for (size_t i = 0; i < FORMAT_COUNT; i++)
				names[i] = str_c(event_format_name((enum event_format)i));
			diag_error(d, v->at, "sources.format", "there is no format \"%.*s\"", STR_ARG(text));
			diag_suggest(d, text, names, FORMAT_COUNT);
			return -EINVAL;
		}
		r->format = (uint8_t)f;
	} else if (!str_eq(key, STR("name"))) {
		struct str names[LEN(KEYS)];
		for (size_t i = 0; i < LEN(KEYS); i++)
			names[i] = str_c(KEYS[i]);
		diag_error(d, v->key->at, "sources.unknown_key", "a log source has no key \"%.*s\"", STR_ARG(key));
		diag_suggest(d, key, names, LEN(KEYS));
		return -EINVAL;
	}
	return 0;
}

static int read_rule(struct sources *s, const struct yaml_node *node, struct diag *d)
{
	struct source_rule r = {0};
	int err = 0;
	if (node->kind != YAML_MAP)
		return diag_error(d, node->at, "sources.entry", "an entry is a map of keys and values");
	yaml_pairs(v, node)
		err = read_value(s, &r, v, d) < 0 ? -EINVAL : err;
	if (err)
		return err;
	if (!r.source.n && !r.host.n && !r.program.n) {
		diag_error(d, node->at, "sources.matches_all", "the entry says what, but not of whom");
		diag_hint(d, "add source, host or program");
		return -EINVAL;
	}
	if (!r.format && !r.has_zone && !r.ls.product.n && !r.ls.category.n && !r.ls.service.n)
		return diag_error(d, node->at, "sources.says_nothing", "the entry says neither format, zone, product, category nor service");
	if (r.program.n && (r.format || r.has_zone))
		return diag_error(d, node->at, "sources.too_late", "format and zone cannot depend on the program: it is known only after decoding");
	if (s->rules.n == RULES_MAX)
		return diag_error(d, node->at, "sources.too_many", "more than %d entries", RULES_MAX);
	vec_push(&s->rules, r);
	s->programs = s->programs || r.program.n > 0;
	return 0;
}

static int read_text(struct sources *s, struct str text, struct diag *d)
{
	struct arena mem;
	struct yaml_doc *doc;
	size_t had = s->rules.n;
	arena_init(&mem, 0);
	int err = yaml_read(text, &mem, d, &doc);
	for (; err >= 0 && doc; doc = doc->next) {
		const struct yaml_node *list = doc->root ? yaml_get(doc->root, "sources") : NULL;
		if (!doc->root)
			continue;
		if (!list || list->kind != YAML_LIST) {
			err = diag_error(d, doc->root->at, "sources.no_list", "the file has no list \"sources\"");
			break;
		}
		yaml_each(node, list)
			err = read_rule(s, node, d) < 0 ? -EINVAL : err;
	}
	if (err < 0)
		s->rules.n = had;
	arena_done(&mem);
	return err < 0 ? -EINVAL : 0;
}

struct loading {
	struct sources *s;
	struct diag *d;
	int err;
	const char *asked;
};

static int load_file(void *arg, const char *path, int err)
{
	struct loading *l = arg;
	struct buf text = BUF_INIT(FILE_MAX);
	struct str name = str_c(path);
	if (!err && strcmp(path, l->asked) != 0 && !str_iends(name, STR(".yml")) && !str_iends(name, STR(".yaml")))
		return 0;
	diag_file(l->d, name);
	int r = err ? err : file_read(path, &text);
	if (r < 0)
		diag_error(l->d, (struct diag_at){0}, "sources.unreadable", "%s", strerror(-r));
	else
		r = read_text(l->s, buf_str(&text), l->d);
	l->err = r < 0 && !l->err ? r : l->err;
	buf_done(&text);
	return 0;
}

int sources_load(struct sources *s, const char *path, struct diag *d)
{
	struct loading l = {s, d, 0, path};
	int r = file_walk(path, load_file, &l);
	return r < 0 ? r : l.err;
}

/* ---- matching ------------------------------------------------------------------------------------------------------------------------------- */

/* * and ?, without case; pattern in lower case. */
static bool glob(struct str pattern, struct str s)
{
	size_t p = 0, i = 0, star = STR_NPOS, from = 0;
	while (i < s.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			from = i;
		} else if (p < pattern.n && (pattern.p[p] == '?' || pattern.p[p] == (char)ch_lower((unsigned char)s.p[i]))) {
			p++;
			i++;
		} else if (star != STR_NPOS) {
			p = star + 1;
			i = ++from;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

static bool fits(const struct source_rule *r, struct str source, struct str host)
{
	if (r->host.n && !glob(r->host, host))
		return false;
	if (!r->source.n || glob(r->source, source))
		return true;
	size_t slash = str_rchr(source, '/'), mark = str_rchr(source, '!');
	size_t at = slash == STR_NPOS ? mark : mark == STR_NPOS || slash > mark ? slash : mark;
	return at != STR_NPOS && str_chr(r->source, '/') == STR_NPOS && glob(r->source, str_sub(source, at + 1, source.n));
}

const struct source_rule *sources_find(const struct sources *s, struct str source, struct str host)
{
	for (size_t i = 0; i < s->rules.n; i++)
		if (!s->rules.at[i].program.n && fits(&s->rules.at[i], source, host))
			return &s->rules.at[i];
	return NULL;
}

const struct source_rule *sources_find_program(const struct sources *s, struct str source, struct str host, struct str program)
{
	for (size_t i = 0; i < s->rules.n; i++)
		if (s->rules.at[i].program.n && glob(s->rules.at[i].program, program) && fits(&s->rules.at[i], source, host))
			return &s->rules.at[i];
	return NULL;
}

bool sources_name_programs(const struct sources *s)
{
	return s->programs;
}
