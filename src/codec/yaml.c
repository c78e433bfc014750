/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/yaml.h"

#include "base/map.h"
#include "base/num.h"

#include <errno.h>
#include <yaml.h>

#define TEXT_MAX (16u << 20)
#define DEPTH_MAX 64
#define NODES_MAX 200000u

struct build {
	yaml_parser_t parser;
	struct arena *mem;
	struct diag *d;
	struct map anchors;
	size_t nodes;
	int err;
};

static struct diag_at mark_at(yaml_mark_t m)
{
	return (struct diag_at){(unsigned)m.line + 1, (unsigned)m.column + 1};
}

static int fail(struct build *b, struct diag_at at, const char *code, const char *text)
{
	if (!b->err) {
		b->err = -EINVAL;
		diag_error(b->d, at, code, "%s", text);
	}
	return b->err;
}

static int next_event(struct build *b, yaml_event_t *ev)
{
	if (yaml_parser_parse(&b->parser, ev))
		return 0;
	return fail(b, mark_at(b->parser.problem_mark), "yaml.syntax", b->parser.problem ? b->parser.problem : "this is not YAML");
}

static bool one_of(struct str s, const char *const *word, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(s, str_c(word[i])))
			return true;
	return false;
}

/* YAML 1.1 needs a dot and a signed exponent for a float: 1e3 is text. */
static bool is_float(struct str s)
{
	double v;
	size_t e = str_ifind(s, STR("e"));
	if (str_chr(s, '.') == STR_NPOS || !num_double(s, &v))
		return false;
	return e == STR_NPOS || (e + 1 < s.n && (s.p[e + 1] == '+' || s.p[e + 1] == '-'));
}

static void resolve(struct yaml_node *n)
{
	static const char *const yes[] = {"yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"};
	static const char *const no[] = {"no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"};
	static const char *const nil[] = {"", "~", "null", "Null", "NULL"};
	int64_t i;
	uint64_t u;
	if (n->quoted)
		return;
	if (one_of(n->text, nil, LEN(nil)))
		n->type = YAML_NULL;
	else if ((n->boolean = one_of(n->text, yes, LEN(yes))) || one_of(n->text, no, LEN(no)))
		n->type = YAML_BOOL;
	else if ((num_i64(n->text, &i) || num_u64(n->text, &u)) && !(n->text.n > 1 && n->text.p[0] == '0'))
		n->type = YAML_INT;
	else if (is_float(n->text))
		n->type = YAML_FLOAT;
}

static struct yaml_node *node_new(struct build *b, enum yaml_kind kind, yaml_mark_t mark)
{
	if (++b->nodes > NODES_MAX) {
		fail(b, mark_at(mark), "yaml.too_large", "the file has more values than the limit");
		return NULL;
	}
	struct yaml_node *n = arena_new(b->mem, struct yaml_node);
	n->kind = (uint8_t)kind;
	n->at = mark_at(mark);
	return n;
}

static void remember(struct build *b, const yaml_char_t *anchor, struct yaml_node *n)
{
	if (anchor && n)
		map_put_ptr(&b->anchors, str_c((const char *)anchor), n);
}

static struct yaml_node *copy(struct build *b, const struct yaml_node *of, int depth)
{
	struct yaml_node *n, **tail;
	if (depth > DEPTH_MAX || ++b->nodes > NODES_MAX) {
		fail(b, of->at, "yaml.too_large", "aliases make more values than the limit");
		return NULL;
	}
	n = arena_new(b->mem, struct yaml_node);
	*n = *of;
	n->next = n->kid = NULL;
	tail = &n->kid;
	yaml_each(k, of) {
		struct yaml_node *c = copy(b, k, depth + 1);
		if (!c)
			return NULL;
		*tail = c;
		tail = &c->next;
	}
	return n;
}

static struct yaml_node *node(struct build *b, yaml_event_t *ev, int depth);

static void add_kid(struct yaml_node *parent, struct yaml_node ***tail, struct yaml_node *kid)
{
	**tail = kid;
	*tail = &kid->next;
	parent->n++;
}

static int list(struct build *b, struct yaml_node *n, int depth)
{
	struct yaml_node **tail = &n->kid;
	for (;;) {
		yaml_event_t ev;
		if (next_event(b, &ev) < 0)
			return b->err;
		bool end = ev.type == YAML_SEQUENCE_END_EVENT;
		struct yaml_node *kid = end ? NULL : node(b, &ev, depth + 1);
		yaml_event_delete(&ev);
		if (end)
			return 0;
		if (!kid)
			return b->err;
		add_kid(n, &tail, kid);
	}
}

static void check_duplicate(struct build *b, const struct yaml_node *map, const struct yaml_node *key)
{
	yaml_each(k, map) {
		if (k->key != key && str_eq(k->key->text, key->text))
			diag_error(b->d, key->at, "yaml.duplicate_key", "the key \"%.*s\" is here twice (first in line %u)", STR_ARG(key->text), k->key->at.line), b->err = -EINVAL;
	}
}

static int map(struct build *b, struct yaml_node *n, int depth)
{
	struct yaml_node **tail = &n->kid;
	for (;;) {
		yaml_event_t ev;
		if (next_event(b, &ev) < 0)
			return b->err;
		bool end = ev.type == YAML_MAPPING_END_EVENT;
		struct yaml_node *key = end ? NULL : node(b, &ev, depth + 1);
		yaml_event_delete(&ev);
		if (end)
			return 0;
		if (!key)
			return b->err;
		if (key->kind != YAML_SCALAR)
			return fail(b, key->at, "yaml.bad_key", "a key must be plain text");
		check_duplicate(b, n, key);
		if (next_event(b, &ev) < 0)
			return b->err;
		struct yaml_node *value = node(b, &ev, depth + 1);
		yaml_event_delete(&ev);
		if (!value)
			return b->err;
		value->key = key;
		add_kid(n, &tail, value);
	}
}

static struct yaml_node *node(struct build *b, yaml_event_t *ev, int depth)
{
	struct yaml_node *n = NULL;
	if (depth > DEPTH_MAX) {
		fail(b, mark_at(ev->start_mark), "yaml.too_deep", "nested deeper than the limit");
		return NULL;
	}
	if (ev->type == YAML_SCALAR_EVENT) {
		if (!(n = node_new(b, YAML_SCALAR, ev->start_mark)))
			return NULL;
		n->text = arena_dup(b->mem, str_n((const char *)ev->data.scalar.value, ev->data.scalar.length));
		n->quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
		resolve(n);
		remember(b, ev->data.scalar.anchor, n);
	} else if (ev->type == YAML_SEQUENCE_START_EVENT) {
		if (!(n = node_new(b, YAML_LIST, ev->start_mark)) || list(b, n, depth) < 0)
			return NULL;
		remember(b, ev->data.sequence_start.anchor, n);
	} else if (ev->type == YAML_MAPPING_START_EVENT) {
		if (!(n = node_new(b, YAML_MAP, ev->start_mark)) || map(b, n, depth) < 0)
			return NULL;
		remember(b, ev->data.mapping_start.anchor, n);
	} else if (ev->type == YAML_ALIAS_EVENT) {
		const struct yaml_node *of = map_get_ptr(&b->anchors, str_c((const char *)ev->data.alias.anchor));
		if (!of)
			fail(b, mark_at(ev->start_mark), "yaml.unknown_alias", "this alias has no anchor before it");
		else if ((n = copy(b, of, depth)))
			n->at = mark_at(ev->start_mark);
	}
	return n;
}

int yaml_read(struct str text, struct arena *mem, struct diag *d, struct yaml_doc **ret)
{
	struct build b = {.mem = mem, .d = d};
	struct yaml_doc *first = NULL, **tail = &first;
	if (text.n > TEXT_MAX)
		return diag_error(d, (struct diag_at){1, 1}, "yaml.too_large", "the file is larger than the limit of 16 MiB"), -E2BIG;
	must(yaml_parser_initialize(&b.parser));
	map_init(&b.anchors);
	yaml_parser_set_input_string(&b.parser, (const unsigned char *)text.p, text.n);
	for (bool end = false; !end && !b.err;) {
		yaml_event_t ev;
		if (next_event(&b, &ev) < 0)
			break;
		end = ev.type == YAML_STREAM_END_EVENT;
		if (ev.type == YAML_DOCUMENT_START_EVENT) {
			map_clear(&b.anchors);
		} else if (!end && ev.type != YAML_STREAM_START_EVENT && ev.type != YAML_DOCUMENT_END_EVENT) {
			struct yaml_node *root = node(&b, &ev, 0);
			if (root) {
				struct yaml_doc *doc = arena_new(mem, struct yaml_doc);
				doc->root = root->kind == YAML_SCALAR && root->type == YAML_NULL ? NULL : root;
				*tail = doc;
				tail = &doc->next;
			}
		}
		yaml_event_delete(&ev);
	}
	yaml_parser_delete(&b.parser);
	map_done(&b.anchors);
	*ret = first;
	return b.err;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
	struct str want = str_c(key);
	if (!map || map->kind != YAML_MAP)
		return NULL;
	yaml_each(n, map) {
		if (str_eq(n->key->text, want))
			return n;
	}
	return NULL;
}

struct str yaml_text(const struct yaml_node *n)
{
	return n && n->kind == YAML_SCALAR ? n->text : STR_NONE;
}
