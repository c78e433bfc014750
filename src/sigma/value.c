/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/parts.h"
#include "sigma/sstring.h"

#include "base/num.h"
#include "base/utf8.h"
#include "sys/file.h"

#include <errno.h>

enum modifier {
	MOD_NONE,
	MOD_CONTAINS, MOD_STARTSWITH, MOD_ENDSWITH, MOD_ALL, MOD_CASED, MOD_NEQ, MOD_EXISTS, MOD_RE, MOD_RE_I, MOD_RE_M, MOD_RE_S, MOD_BASE64, MOD_BASE64OFFSET,
	MOD_UTF16LE, MOD_UTF16BE, MOD_UTF16, MOD_WINDASH, MOD_CIDR, MOD_LT, MOD_LTE, MOD_GT, MOD_GTE, MOD_FIELDREF, MOD_EXPAND, MOD_MINUTE, MOD_HOUR, MOD_DAY, MOD_WEEK,
	MOD_MONTH, MOD_YEAR
};

static const struct {
	const char *name;
	enum modifier mod;
} MODIFIERS[] = {
#define MODIFIER(name, sym, help) {name, MOD_##sym},
#include "sigma/modifiers.def"
#undef MODIFIER
};

#define CHAIN_MAX 8

struct item {
	struct compiler *c;
	const struct yaml_node *node; /* the value(s); node->key = the key */
	struct str field_name;
	struct atom proto;            /* field, keyword, flags */
	enum modifier chain[CHAIN_MAX];
	size_t n_chain;
	enum modifier place;          /* contains, startswith, endswith or none */
	enum modifier kind;           /* re, cidr, exists, lt…, fieldref, a time part, or none */
	bool all, neq, expand;
	bool bad;
};

struct expr *expr_new(struct arena *mem, enum expr_kind kind, size_t room)
{
	struct expr *e = arena_new(mem, struct expr);
	e->kind = (uint8_t)kind;
	e->kid = room ? arena_array(mem, room, sizeof(struct expr *)) : NULL;
	return e;
}

void expr_add(struct expr *e, struct expr *kid)
{
	e->kid[e->n++] = kid;
}

struct str fold_dup(struct arena *mem, struct str s)
{
	char *p = arena_alloc(mem, UTF8_FOLD_MAX(s.n));
	return str_n(p, utf8_fold(p, s.p, s.n));
}

uint32_t atom_intern(struct compiler *c, const struct atom *a)
{
	struct str key = arena_fmt(&c->scratch, "%u|%d|%u|%u|%u|%u|%.17g|%lld|%d|%.*s", a->field, a->keyword, a->op, a->flags, a->sub, a->other, a->number, (long long)a->integer,
		a->is_int, STR_ARG(a->text));
	bool fresh;
	uint64_t *at = map_put(&c->atom_index, key, &fresh);
	if (fresh) {
		*at = c->atoms.n;
		vec_push(&c->atoms, *a);
	} else if (a->re) {
		pcre2_code_free(a->re);
	}
	return (uint32_t)*at;
}

struct expr *expr_atom(struct compiler *c, const struct atom *a)
{
	struct expr *e = expr_new(&c->img->mem, EXPR_ATOM, 0);
	e->atom = atom_intern(c, a);
	return e;
}

static struct expr *refuse(struct item *it, struct diag_at at, const char *code, const char *text, const char *hint)
{
	diag_error(it->c->d, at, code, "%s", text);
	if (hint)
		diag_hint(it->c->d, "%s", hint);
	it->bad = true;
	return NULL;
}

static bool modifier_find(struct item *it, struct str name, struct diag_at at, enum modifier *ret)
{
	struct str names[LEN(MODIFIERS)];
	for (size_t i = 0; i < LEN(MODIFIERS); i++) {
		names[i] = str_c(MODIFIERS[i].name);
		if (str_eq(names[i], name)) {
			*ret = MODIFIERS[i].mod;
			return true;
		}
	}
	diag_error(it->c->d, at, "sigma.unknown_modifier", "there is no modifier \"%.*s\"", STR_ARG(name));
	diag_suggest(it->c->d, name, names, LEN(names));
	it->bad = true;
	return false;
}

static void one_kind(struct item *it, enum modifier mod, struct diag_at at)
{
	if (it->kind != MOD_NONE)
		refuse(it, at, "sigma.impossible_chain", "these modifiers cannot stand together", NULL);
	it->kind = mod;
}

static void take_modifier(struct item *it, enum modifier mod, bool first, struct diag_at at)
{
	switch (mod) {
	case MOD_CONTAINS:
	case MOD_STARTSWITH:
	case MOD_ENDSWITH:
		if (it->place != MOD_NONE)
			refuse(it, at, "sigma.impossible_chain", "only one of contains, startswith and endswith can stand in a chain", NULL);
		it->place = mod;
		return;
	case MOD_ALL:
		it->all = true;
		return;
	case MOD_CASED:
		it->proto.flags |= ATOM_F_CASED;
		return;
	case MOD_NEQ:
		it->neq = true;
		return;
	case MOD_EXPAND:
		it->expand = true;
		return;
	case MOD_RE:
		if (!first)
			refuse(it, at, "sigma.impossible_chain", "re must be the first modifier", "a regular expression is searched anywhere in the field already");
		one_kind(it, mod, at);
		return;
	case MOD_RE_I:
	case MOD_RE_M:
	case MOD_RE_S:
		if (it->kind != MOD_RE)
			refuse(it, at, "sigma.impossible_chain", "i, m and s only follow re", NULL);
		it->proto.flags |= mod == MOD_RE_I ? ATOM_F_RE_I : mod == MOD_RE_M ? ATOM_F_RE_M : ATOM_F_RE_S;
		return;
	case MOD_BASE64:
	case MOD_BASE64OFFSET:
	case MOD_UTF16LE:
	case MOD_UTF16BE:
	case MOD_UTF16:
	case MOD_WINDASH:
		it->chain[it->n_chain++] = mod;
		return;
	case MOD_EXISTS:
	case MOD_CIDR:
	case MOD_LT:
	case MOD_LTE:
	case MOD_GT:
	case MOD_GTE:
	case MOD_FIELDREF:
	case MOD_MINUTE:
	case MOD_HOUR:
	case MOD_DAY:
	case MOD_WEEK:
	case MOD_MONTH:
	case MOD_YEAR:
		one_kind(it, mod, at);
		return;
	case MOD_NONE:
		return;
	}
}

static void check_chain(struct item *it, struct diag_at at)
{
	bool encodes = it->n_chain > 0;
	bool text_kind = it->kind == MOD_NONE;
	if (it->bad)
		return;
	if (it->kind == MOD_EXISTS && (it->place || it->all || it->neq || encodes))
		refuse(it, at, "sigma.impossible_chain", "exists must stand alone", NULL);
	else if (!text_kind && encodes)
		refuse(it, at, "sigma.impossible_chain", "an encoding modifier only fits text values", NULL);
	else if (!text_kind && it->kind != MOD_FIELDREF && it->place)
		refuse(it, at, "sigma.impossible_chain", "contains, startswith and endswith only fit text values", NULL);
	else if (it->kind == MOD_RE && (it->proto.flags & ATOM_F_CASED))
		refuse(it, at, "sigma.impossible_chain", "a regular expression is cased already", NULL);
	else if (it->proto.keyword && it->kind != MOD_NONE && it->kind != MOD_RE)
		refuse(it, at, "sigma.impossible_chain", "this modifier needs a field", NULL);
	else if (it->all && it->node->kind != YAML_LIST)
		diag_warning(it->c->d, at, "sigma.all_of_one", "all has no effect on a single value");
}

static bool parse_key(struct item *it)
{
	struct str rest = it->node->key->text, name;
	struct diag_at at = it->node->key->at;
	bool first = true;
	str_cut(&rest, '|', &it->field_name);
	while (rest.p && str_cut(&rest, '|', &name)) {
		enum modifier mod;
		if (it->n_chain == CHAIN_MAX || !modifier_find(it, name, at, &mod)) {
			it->bad = true;
			return false;
		}
		take_modifier(it, mod, first, at);
		first = false;
	}
	it->proto.keyword = !it->field_name.n;
	if (!it->proto.keyword && vocab_add_field(it->c->vocab, it->field_name, &it->proto.field) < 0)
		refuse(it, at, "sigma.too_many_fields", "too many different field names", NULL);
	check_chain(it, at);
	return !it->bad;
}

static struct expr *number_atom(struct item *it, const struct yaml_node *v, enum number_cmp cmp)
{
	struct atom a = it->proto;
	char text[32];
	a.op = ATOM_NUMBER;
	a.sub = (uint8_t)cmp;
	a.is_int = num_i64(v->text, &a.integer);
	if (a.is_int)
		a.number = (double)a.integer;
	else if (!num_double(v->text, &a.number))
		return refuse(it, v->at, "sigma.bad_number", "this is not a number that can be compared", NULL);
	size_t n = a.is_int ? num_format_i64(text, a.integer) : num_format_double(text, a.number);
	a.text = arena_dup(&it->c->img->mem, str_n(text, n));
	if (a.keyword)
		a.op = ATOM_CONTAINS;
	return expr_atom(it->c, &a);
}

static struct expr *plain_atom(struct item *it, enum atom_op op, struct str text)
{
	struct atom a = it->proto;
	a.op = (uint8_t)op;
	a.text = arena_dup(&it->c->img->mem, text);
	return expr_atom(it->c, &a);
}

/* A string with its wildcards and the place modifier to the cheapest operator that says the same. */
static struct expr *string_atom(struct item *it, const struct sstring *s)
{
	struct atom a = it->proto;
	struct sstring t = *s;
	bool open_front = it->place == MOD_CONTAINS || it->place == MOD_ENDSWITH || a.keyword;
	bool open_back = it->place == MOD_CONTAINS || it->place == MOD_STARTSWITH || a.keyword;
	sstring_strip(&t, &open_front, &open_back);
	struct arena *mem = &it->c->img->mem;
	if (sstring_has_wildcard(&t)) {
		a.op = ATOM_GLOB;
		a.text = sstring_glob(&it->c->scratch, &t, open_front, open_back);
	} else {
		a.op = open_front && open_back ? ATOM_CONTAINS : open_front ? ATOM_SUFFIX : open_back ? ATOM_PREFIX : ATOM_EQ;
		a.text = sstring_plain(&it->c->scratch, &t);
	}
	a.text = a.flags & ATOM_F_CASED ? arena_dup(mem, a.text) : fold_dup(mem, a.text);
	return expr_atom(it->c, &a);
}

static struct expr *regex_atom(struct item *it, const struct yaml_node *v)
{
	struct atom a = it->proto;
	int err;
	PCRE2_SIZE at;
	uint32_t flags = PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
	if (a.flags & ATOM_F_RE_I)
		flags |= PCRE2_CASELESS;
	if (a.flags & ATOM_F_RE_M)
		flags |= PCRE2_MULTILINE;
	if (a.flags & ATOM_F_RE_S)
		flags |= PCRE2_DOTALL;
	a.op = ATOM_REGEX;
	a.text = arena_dup(&it->c->img->mem, v->text);
	a.re = pcre2_compile((PCRE2_SPTR)a.text.p, a.text.n, flags, &err, &at, NULL);
	if (!a.re) {
		char why[200];
		pcre2_get_error_message(err, (PCRE2_UCHAR *)why, sizeof(why));
		diag_error(it->c->d, v->at, "sigma.bad_regex", "the regular expression cannot be used: %s (at its character %zu)", why, (size_t)at);
		it->bad = true;
		return NULL;
	}
	pcre2_jit_compile(a.re, PCRE2_JIT_COMPLETE);
	return expr_atom(it->c, &a);
}

static struct expr *cidr_atom(struct item *it, const struct yaml_node *v)
{
	struct atom a = it->proto;
	a.op = ATOM_CIDR;
	a.text = arena_dup(&it->c->img->mem, v->text);
	if (!num_cidr(v->text, true, a.net, &a.bits))
		return refuse(it, v->at, "sigma.bad_cidr", "this is not a network", "write an address and a prefix length with no host bits set, e.g. 10.0.0.0/8");
	return expr_atom(it->c, &a);
}

static struct expr *exists_atom(struct item *it, const struct yaml_node *v)
{
	if (v->kind != YAML_SCALAR || v->type != YAML_BOOL)
		return refuse(it, v->at, "sigma.bad_exists", "exists takes true or false", "without quotes");
	struct atom a = it->proto;
	a.op = ATOM_EXISTS;
	struct expr *e = expr_atom(it->c, &a);
	if (v->boolean)
		return e;
	struct expr *not = expr_new(&it->c->img->mem, EXPR_NOT, 1);
	expr_add(not, e);
	return not;
}

static struct expr *fieldref_atom(struct item *it, const struct yaml_node *v)
{
	struct atom a = it->proto;
	a.op = ATOM_FIELDREF;
	a.sub = it->place == MOD_CONTAINS ? ATOM_CONTAINS : it->place == MOD_STARTSWITH ? ATOM_PREFIX : it->place == MOD_ENDSWITH ? ATOM_SUFFIX : ATOM_EQ;
	a.text = arena_dup(&it->c->img->mem, v->text);
	if (!v->text.n || vocab_add_field(it->c->vocab, v->text, &a.other) < 0)
		return refuse(it, v->at, "sigma.bad_fieldref", "fieldref takes the name of a field", NULL);
	return expr_atom(it->c, &a);
}

static struct expr *time_atom(struct item *it, const struct yaml_node *v)
{
	static const struct {
		enum modifier mod;
		char part;
		int min, max;
	} parts[] = {{MOD_MINUTE, 'm', 0, 59}, {MOD_HOUR, 'h', 0, 23}, {MOD_DAY, 'd', 1, 31}, {MOD_WEEK, 'w', 1, 53}, {MOD_MONTH, 'M', 1, 12}, {MOD_YEAR, 'y', 0, 9999}};
	struct atom a = it->proto;
	a.op = ATOM_TIME;
	for (size_t i = 0; i < LEN(parts); i++)
		if (parts[i].mod == it->kind) {
			a.sub = (uint8_t)parts[i].part;
			if (v->type != YAML_INT || !num_range(v->text, parts[i].min, parts[i].max, &a.integer))
				return refuse(it, v->at, "sigma.bad_time_part", "this part of a time takes a whole number in its range", NULL);
		}
	a.is_int = true;
	return expr_atom(it->c, &a);
}

/* The bytes of a value through base64, utf16 and the like, then to strings: one, or three offsets. */
static struct expr *encoded(struct item *it, const struct yaml_node *v, const struct sstring *s)
{
	struct str bytes[3], plain;
	size_t n = 1;
	if (sstring_has_wildcard(s))
		return refuse(it, v->at, "sigma.wildcard_encoded", "a value with wildcards cannot be encoded", "escape * and ? with a backslash when they are meant literally");
	plain = sstring_plain(&it->c->scratch, s);
	bytes[0] = plain;
	bool text = true;
	for (size_t i = 0; i < it->n_chain; i++) {
		enum modifier m = it->chain[i];
		if (m == MOD_WINDASH)
			continue;
		if (n > 1)
			return refuse(it, v->at, "sigma.impossible_chain", "base64offset must be the last encoding", NULL);
		if (m == MOD_BASE64OFFSET)
			n = base64_offsets(&it->c->scratch, bytes[0], bytes);
		else
			bytes[0] = encode_text(&it->c->scratch, bytes[0], m == MOD_BASE64 ? 'b' : m == MOD_UTF16LE ? 'l' : m == MOD_UTF16BE ? 'B' : 'u');
		text = m == MOD_BASE64 || m == MOD_BASE64OFFSET;
	}
	if (!text)
		return refuse(it, v->at, "sigma.impossible_chain", "utf16 must be followed by base64 or base64offset", NULL);
	struct expr *any = expr_new(&it->c->img->mem, EXPR_OR, n);
	for (size_t i = 0; i < n; i++) {
		struct sstring literal = sstring_literal(&it->c->scratch, bytes[i]);
		expr_add(any, string_atom(it, &literal));
	}
	return any;
}

static struct expr *string_value(struct item *it, const struct yaml_node *v, struct str text)
{
	struct sstring s = sstring_parse(&it->c->scratch, text);
	bool windash = false, encode = false;
	for (size_t i = 0; i < it->n_chain; i++) {
		windash = windash || it->chain[i] == MOD_WINDASH;
		encode = encode || it->chain[i] != MOD_WINDASH;
	}
	if (!windash)
		return encode ? encoded(it, v, &s) : string_atom(it, &s);
	struct sstring *variant;
	size_t n = sstring_windash(&it->c->scratch, &s, &variant);
	if (!n)
		return refuse(it, v->at, "sigma.too_many_dashes", "windash would make more than 625 forms of this value", NULL);
	struct expr *any = expr_new(&it->c->img->mem, EXPR_OR, n);
	for (size_t i = 0; i < n; i++) {
		struct expr *e = encode ? encoded(it, v, &variant[i]) : string_atom(it, &variant[i]);
		if (!e)
			return NULL;
		expr_add(any, e);
	}
	return any;
}

#define LIST_MAX (16u << 20)

/* %name% to the lines of lists/name.csv (first column), an OR over them. */
static struct expr *expanded(struct item *it, const struct yaml_node *v)
{
	struct str text = v->text, name, line, cell;
	size_t open = str_chr(text, '%'), close = open == STR_NPOS ? STR_NPOS : str_chr(str_sub(text, open + 1, text.n), '%');
	if (close == STR_NPOS)
		return string_value(it, v, text);
	name = str_sub(text, open + 1, open + 1 + close);
	char path[4096];
	struct buf list = BUF_INIT(LIST_MAX);
	const char *dir = it->c->opts->lists_dir;
	if (!dir || str_chr(name, '/') != STR_NPOS || (size_t)snprintf(path, sizeof(path), "%s/%.*s.csv", dir, STR_ARG(name)) >= sizeof(path) || file_read(path, &list) < 0) {
		buf_done(&list);
		diag_error(it->c->d, v->at, "sigma.placeholder_not_set", "the placeholder %%%.*s%% has no values", STR_ARG(name));
		diag_hint(it->c->d, "put them into lists/%.*s.csv, one a line", STR_ARG(name));
		it->bad = true;
		return NULL;
	}
	struct str rest = buf_str(&list);
	VEC(struct expr *) kids = {0};
	while (str_line(&rest, &line)) {
		str_cut(&line, ',', &cell);
		cell = str_trim(cell);
		if (!cell.n || cell.p[0] == '#')
			continue;
		struct str full = arena_fmt(&it->c->scratch, "%.*s%.*s%.*s", STR_ARG(str_sub(text, 0, open)), STR_ARG(cell), STR_ARG(str_sub(text, open + close + 2, text.n)));
		struct expr *e = string_value(it, v, full);
		if (e)
			vec_push(&kids, e);
	}
	struct expr *any = expr_new(&it->c->img->mem, kids.n ? EXPR_OR : EXPR_FALSE, kids.n);
	for (size_t i = 0; i < kids.n; i++)
		expr_add(any, kids.at[i]);
	vec_done(&kids);
	buf_done(&list);
	return any;
}

static enum number_cmp comparison(enum modifier m)
{
	return m == MOD_LT ? CMP_LT : m == MOD_LTE ? CMP_LTE : m == MOD_GT ? CMP_GT : CMP_GTE;
}

static struct expr *plain_value(struct item *it, const struct yaml_node *v)
{
	bool modified = it->place != MOD_NONE || it->n_chain;
	if (v->type == YAML_NULL) {
		if (modified || it->proto.keyword)
			return refuse(it, v->at, "sigma.null_modified", "null takes no modifier", NULL);
		return plain_atom(it, ATOM_NULL, STR(""));
	}
	if (v->type == YAML_BOOL && !modified)
		return plain_atom(it, it->proto.keyword ? ATOM_CONTAINS : ATOM_EQ, v->boolean ? STR("true") : STR("false"));
	if (v->type == YAML_INT || v->type == YAML_FLOAT) {
		if (modified)
			return refuse(it, v->at, "sigma.number_as_text", "a text modifier needs text, and this is a number", "put the number into quotes");
		return number_atom(it, v, CMP_EQ);
	}
	return it->expand ? expanded(it, v) : string_value(it, v, v->text);
}

static struct expr *value(struct item *it, const struct yaml_node *v)
{
	if (it->kind == MOD_EXISTS)
		return exists_atom(it, v);
	if (v->kind != YAML_SCALAR)
		return refuse(it, v->at, "sigma.bad_value", "a value must be text, a number, true, false or null", NULL);
	switch (it->kind) {
	case MOD_NONE:
		return plain_value(it, v);
	case MOD_RE:
		return regex_atom(it, v);
	case MOD_CIDR:
		return cidr_atom(it, v);
	case MOD_FIELDREF:
		return fieldref_atom(it, v);
	case MOD_LT:
	case MOD_LTE:
	case MOD_GT:
	case MOD_GTE:
		if (v->type != YAML_INT && v->type != YAML_FLOAT)
			return refuse(it, v->at, "sigma.bad_number", "this comparison needs a number", "without quotes");
		return number_atom(it, v, comparison(it->kind));
	case MOD_MINUTE:
	case MOD_HOUR:
	case MOD_DAY:
	case MOD_WEEK:
	case MOD_MONTH:
	case MOD_YEAR:
		return time_atom(it, v);
	case MOD_CONTAINS:
	case MOD_STARTSWITH:
	case MOD_ENDSWITH:
	case MOD_ALL:
	case MOD_CASED:
	case MOD_NEQ:
	case MOD_EXISTS:
	case MOD_RE_I:
	case MOD_RE_M:
	case MOD_RE_S:
	case MOD_BASE64:
	case MOD_BASE64OFFSET:
	case MOD_UTF16LE:
	case MOD_UTF16BE:
	case MOD_UTF16:
	case MOD_WINDASH:
	case MOD_EXPAND:
		break;
	}
	must_not_reach("kinds are exhausted");
}

static struct expr *values(struct item *it)
{
	const struct yaml_node *n = it->node;
	if (n->kind == YAML_MAP)
		return refuse(it, n->at, "sigma.bad_value", "a value must be text, a number, true, false, null or a list of these", NULL);
	if (n->kind == YAML_SCALAR)
		return value(it, n);
	if (!n->n)
		return it->proto.keyword ? refuse(it, n->at, "sigma.empty_list", "an empty list of keywords matches nothing", NULL) : plain_atom(it, ATOM_NULL, STR(""));
	struct expr *e = expr_new(&it->c->img->mem, it->all ? EXPR_AND : EXPR_OR, n->n);
	yaml_each(v, n) {
		struct expr *kid = value(it, v);
		if (kid)
			expr_add(e, kid);
	}
	return it->bad ? NULL : e;
}

struct expr *item_compile(struct compiler *c, const struct yaml_node *node)
{
	struct item it = {.c = c, .node = node};
	if (!parse_key(&it))
		return NULL;
	struct expr *e = values(&it);
	if (!e || !it.neq)
		return e;
	struct expr *not = expr_new(&c->img->mem, EXPR_NOT, 1);
	expr_add(not, e);
	return not;
}

struct expr *keyword_compile(struct compiler *c, const struct yaml_node *v)
{
	struct item it = {.c = c, .node = v, .proto = {.keyword = true}};
	return value(&it, v);
}
