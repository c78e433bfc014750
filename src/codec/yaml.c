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

/* A sign at the front, and the digits without the underscores that YAML 1.1 allows between them. */
static bool digits_of(struct str text, bool *ret_minus, struct str *ret_rest, char *buf, size_t cap)
{
	size_t n = 0;
	*ret_minus = text.n && text.p[0] == '-';
	if (text.n && (text.p[0] == '-' || text.p[0] == '+'))
		text = str_sub(text, 1, text.n);
	if (!text.n || text.n > cap || !(ch_is_digit((unsigned char)text.p[0]) || text.p[0] == '.'))
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] != '_')
			buf[n++] = text.p[i];
	*ret_rest = str_n(buf, n);
	return true;
}

static bool in_base(struct str s, unsigned base, uint64_t *ret)
{
	uint64_t v = 0;
	if (!s.n)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		int d = ch_hex((unsigned char)s.p[i]);
		if (d < 0 || (unsigned)d >= base || v > (UINT64_MAX - (unsigned)d) / base)
			return false;
		v = v * base + (unsigned)d;
	}
	*ret = v;
	return true;
}

/* 1:30:00 = 5400; the first part may be large, the others are below 60 and have one or two digits. */
static bool sexagesimal(struct str s, uint64_t *ret)
{
	struct str part;
	uint64_t v = 0, d;
	bool first = true;
	if (s.p[0] == '0' || str_chr(s, ':') == STR_NPOS)
		return false;
	for (; str_cut(&s, ':', &part); first = false) {
		if (!num_u64(part, &d) || (!first && (d > 59 || part.n > 2)) || v > UINT64_MAX / 60 - 60)
			return false;
		v = v * 60 + d;
	}
	*ret = v;
	return true;
}

/* Integers of YAML 1.1: 12, +12, 1_000, 0b101, 017 (octal), 0x1F, 1:30. A decimal one may be longer than 64 bits. */
static bool is_int(struct build *b, struct yaml_node *n)
{
	char digits[64], text[24];
	struct str s;
	uint64_t v;
	bool minus;
	if (!digits_of(n->text, &minus, &s, digits, sizeof(digits)))
		return false;
	bool decimal = s.p[0] != '0' || s.n == 1;
	for (size_t i = 0; i < s.n && decimal; i++)
		decimal = ch_is_digit((unsigned char)s.p[i]);
	if (decimal) {
		n->number = arena_fmt(b->mem, "%s%.*s", minus && !(s.n == 1 && s.p[0] == '0') ? "-" : "", STR_ARG(s));
		return true;
	}
	struct str body = str_sub(s, 2, s.n);
	bool based = str_starts(s, STR("0x")) ? in_base(body, 16, &v) : str_starts(s, STR("0b")) ? in_base(body, 2, &v) : s.p[0] == '0' && in_base(s, 8, &v);
	if (!based && !sexagesimal(s, &v))
		return false;
	n->number = arena_fmt(b->mem, "%s%.*s", minus && v ? "-" : "", STR_ARG(str_n(text, num_format_u64(text, v))));
	return true;
}

/* Floats of YAML 1.1 need a dot and a signed exponent: 1e3 is text. 1. and .5 are floats; .inf and .nan are left as text: no log compares to them. */
static bool is_float(struct build *b, struct yaml_node *n)
{
	char digits[64], text[32];
	struct str s;
	bool minus;
	double v;
	if (!digits_of(n->text, &minus, &s, digits, sizeof(digits)))
		return false;
	size_t e = str_ifind(s, STR("e")), dot = str_chr(s, '.');
	if (dot == STR_NPOS || (dot == 0 && (s.n == 1 || !ch_is_digit((unsigned char)s.p[1]))) || (e != STR_NPOS && !(e + 1 < s.n && (s.p[e + 1] == '+' || s.p[e + 1] == '-'))))
		return false;
	/* 1. and .5 and 01.5 as JSON writes them */
	size_t zeros = 0;
	while (zeros + 1 < dot && s.p[zeros] == '0')
		zeros++;
	struct str whole = str_sub(s, zeros, dot), fraction = str_sub(s, dot + 1, s.n);
	bool bare = !fraction.n || !ch_is_digit((unsigned char)fraction.p[0]);
	struct str json = arena_fmt(b->mem, "%s%.*s.%s%.*s", minus ? "-" : "", STR_ARG(whole.n ? whole : STR("0")), bare ? "0" : "", STR_ARG(fraction));
	if (!num_double(json, &v))
		return false;
	n->number = arena_dup(b->mem, str_n(text, num_format_double(text, v)));
	return true;
}

static void resolve(struct build *b, struct yaml_node *n)
{
	static const char *const yes[] = {"yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"};
	static const char *const no[] = {"no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"};
	static const char *const nil[] = {"", "~", "null", "Null", "NULL"};
	if (n->quoted)
		return;
	if (one_of(n->text, nil, LEN(nil)))
		n->type = YAML_NULL;
	else if ((n->boolean = one_of(n->text, yes, LEN(yes))) || one_of(n->text, no, LEN(no)))
		n->type = YAML_BOOL;
	else if (is_int(b, n))
		n->type = YAML_INT;
	else if (is_float(b, n))
		n->type = YAML_FLOAT;
}

/* An explicit tag says the type whatever the text looks like; one that YAML does not have is refused. */
static int take_tag(struct build *b, struct yaml_node *n, const char *tag)
{
	static const struct {
		const char *name;
		int type;
	} types[] = {{"str", YAML_TEXT}, {"null", YAML_NULL}, {"bool", YAML_BOOL}, {"int", YAML_INT}, {"float", YAML_FLOAT}};
	struct str name = str_c(tag);
	bool quoted = n->quoted;
	if (!tag || str_eq(name, STR("!"))) {
		if (tag)
			return 0; /* "!": not to be resolved, as if quoted */
		resolve(b, n);
		return 0;
	}
	if (!str_take(&name, STR("tag:yaml.org,2002:")))
		return fail(b, n->at, "yaml.unknown_tag", "this tag is not one of YAML's own");
	if (str_eq(name, STR("str")))
		return 0;
	n->quoted = false;
	resolve(b, n);
	n->quoted = quoted;
	for (size_t i = 0; i < LEN(types); i++)
		if (str_eq(name, str_c(types[i].name)) && (n->type == types[i].type || (types[i].type == YAML_FLOAT && n->type == YAML_INT)))
			return 0;
	return fail(b, n->at, "yaml.bad_tag", "the value does not have the type that its tag says");
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

/* `<<: *other` or `<<: [*a, *b]` (YAML 1.1 merge keys): pairs whose keys the map does not have itself; earlier ones win. */
static int merge(struct build *b, struct yaml_node *map, const struct yaml_node *from)
{
	if (from->kind == YAML_LIST) {
		yaml_each(one, from) {
			if (one->kind != YAML_MAP || merge(b, map, one) < 0)
				return fail(b, one->at, "yaml.bad_merge", "\"<<\" takes a map or a list of maps");
		}
		return 0;
	}
	if (from->kind != YAML_MAP)
		return fail(b, from->at, "yaml.bad_merge", "\"<<\" takes a map or a list of maps");
	yaml_pairs(v, from) {
		struct yaml_node **tail = &map->kid;
		while (*tail && !str_eq((*tail)->key->text, v->key->text))
			tail = &(*tail)->next;
		if (*tail)
			continue;
		if (!(*tail = copy(b, v, 0)))
			return b->err;
		map->n++;
	}
	return 0;
}

static int map_merge_all(struct build *b, struct yaml_node *n, struct yaml_node *merges)
{
	int r = 0;
	for (const struct yaml_node *m = merges; m && r == 0; m = m->next)
		r = merge(b, n, m);
	return r;
}

static int map(struct build *b, struct yaml_node *n, int depth)
{
	struct yaml_node **tail = &n->kid, *merges = NULL, **last_merge = &merges;
	for (;;) {
		yaml_event_t ev;
		if (next_event(b, &ev) < 0)
			return b->err;
		bool end = ev.type == YAML_MAPPING_END_EVENT;
		struct yaml_node *key = end ? NULL : node(b, &ev, depth + 1);
		yaml_event_delete(&ev);
		if (end)
			return map_merge_all(b, n, merges);
		if (!key)
			return b->err;
		if (key->kind != YAML_SCALAR)
			return fail(b, key->at, "yaml.bad_key", "a key must be plain text");
		if (key->quoted || !str_eq(key->text, STR("<<")))
			check_duplicate(b, n, key);
		if (next_event(b, &ev) < 0)
			return b->err;
		struct yaml_node *value = node(b, &ev, depth + 1);
		yaml_event_delete(&ev);
		if (!value)
			return b->err;
		value->key = key;
		if (!key->quoted && str_eq(key->text, STR("<<"))) {
			*last_merge = value;
			last_merge = &value->next;
			continue;
		}
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
		if (take_tag(b, n, (const char *)ev->data.scalar.tag) < 0)
			return NULL;
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
	yaml_parser_set_input_string(&b.parser, (const unsigned char *)(text.n ? text.p : ""), text.n);
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
