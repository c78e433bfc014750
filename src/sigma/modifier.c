/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/detection.h"

#include "base/num.h"

/*
 * `field|modifier|…: values`: each modifier in its turn changes every value, as the standard's examples and pySigma do it, so that a chain
 * that makes no sense is found where it stops making sense, and the finding points at that modifier.
 */
enum modifier {
	MOD_CONTAINS, MOD_STARTSWITH, MOD_ENDSWITH, MOD_ALL, MOD_NEQ, MOD_CASED, MOD_EXISTS, MOD_RE, MOD_RE_I, MOD_RE_M, MOD_RE_S, MOD_BASE64, MOD_BASE64OFFSET, MOD_UTF16LE, MOD_UTF16BE,
	MOD_UTF16, MOD_WINDASH, MOD_CIDR, MOD_LT, MOD_LTE, MOD_GT, MOD_GTE, MOD_FIELDREF, MOD_EXPAND, MOD_MINUTE, MOD_HOUR, MOD_DAY, MOD_WEEK, MOD_MONTH, MOD_YEAR
};

struct chain {
	struct compiler *c;
	struct item *it;
	struct diag_at at; /* of the modifier at hand */
	struct str name;   /* its name as written */
	enum modifier mod;
	size_t before;     /* modifiers of values before it */
	bool placed;       /* contains, startswith or endswith was among them */
};

static struct value *refuse(struct chain *ch, const char *code, const char *text, const char *hint)
{
	diag_error(ch->c->d, ch->at, code, "\"%.*s\": %s", STR_ARG(ch->name), text);
	if (hint)
		diag_hint(ch->c->d, "%s", hint);
	return NULL;
}

static struct value *refuse_value(struct chain *ch, const struct value *v, const char *code, const char *text, const char *hint)
{
	diag_error(ch->c->d, v->at, code, "%s", text);
	if (hint)
		diag_hint(ch->c->d, "%s", hint);
	return NULL;
}

/* Why a modifier that needs text does not fit, said by what stands there instead. */
static struct value *no_text(struct chain *ch, const struct value *v)
{
	switch ((enum value_kind)v->kind) {
	case VALUE_NUMBER:
		return refuse_value(ch, v, "sigma.number_as_text", "a text modifier needs text, and this is a number", "put the number into quotes");
	case VALUE_BOOL:
		return refuse_value(ch, v, "sigma.bool_as_text", "a text modifier needs text, and this is a truth value", "put it into quotes");
	case VALUE_NULL:
		return refuse_value(ch, v, "sigma.null_modified", "null takes no modifier", "null asks for a field that is absent or null; write '' for an empty text");
	case VALUE_REGEX:
		return refuse(ch, "sigma.impossible_chain", "a regular expression is cased and searched anywhere already", "only i, m, s, expand, all and neq follow re");
	case VALUE_TEXT:
	case VALUE_CIDR:
	case VALUE_COMPARE:
	case VALUE_EXISTS:
	case VALUE_FIELDREF:
	case VALUE_TIME:
	case VALUE_ANY:
		break;
	}
	return refuse(ch, "sigma.impossible_chain", "cannot follow the modifier before it", NULL);
}

static struct value *apply_place(struct chain *ch, struct value *v)
{
	bool front = ch->mod != MOD_STARTSWITH, back = ch->mod != MOD_ENDSWITH;
	if (ch->placed)
		return refuse(ch, "sigma.impossible_chain", "only one of contains, startswith and endswith can stand in a chain", NULL);
	if (v->kind == VALUE_REGEX)
		return v; /* searched anywhere already */
	if (v->kind == VALUE_FIELDREF) {
		v->sub = ch->mod == MOD_CONTAINS ? ATOM_CONTAINS : ch->mod == MOD_STARTSWITH ? ATOM_PREFIX : ATOM_SUFFIX;
		return v;
	}
	if (v->kind != VALUE_TEXT)
		return no_text(ch, v);
	v->text = sstring_open(&ch->c->scratch, &v->text, front, back);
	return v;
}

static struct value *apply_list(struct chain *ch, struct value *v)
{
	(void)ch;
	return v;
}

static struct value *apply_cased(struct chain *ch, struct value *v)
{
	if (v->kind != VALUE_TEXT && v->kind != VALUE_FIELDREF)
		return no_text(ch, v);
	v->flags |= ATOM_F_CASED;
	return v;
}

static struct value *apply_exists(struct chain *ch, struct value *v)
{
	if (!ch->it->field.n)
		return refuse(ch, "sigma.impossible_chain", "needs a field", NULL);
	if (ch->before || ch->it->negated || ch->it->all)
		return refuse(ch, "sigma.impossible_chain", "must stand alone", "write exists: false for a field that must not be there");
	if (v->kind != VALUE_BOOL)
		return refuse_value(ch, v, "sigma.bad_exists", "exists takes true or false", "without quotes");
	v->kind = VALUE_EXISTS;
	return v;
}

static struct value *apply_regex(struct chain *ch, struct value *v)
{
	if (ch->before)
		return refuse(ch, "sigma.impossible_chain", "must be the first modifier", "a regular expression is searched anywhere in the field already");
	if (v->kind == VALUE_NULL)
		return no_text(ch, v);
	v->kind = VALUE_REGEX;
	v->text = sstring_literal(&ch->c->scratch, v->plain);
	return v;
}

static struct value *apply_regex_flag(struct chain *ch, struct value *v)
{
	if (v->kind != VALUE_REGEX)
		return refuse(ch, "sigma.impossible_chain", "only follows re", NULL);
	v->flags |= ch->mod == MOD_RE_I ? ATOM_F_RE_I : ch->mod == MOD_RE_M ? ATOM_F_RE_M : ATOM_F_RE_S;
	return v;
}

static struct value *literal(struct chain *ch, const struct value *of, struct str bytes)
{
	struct value *v = value_new(ch->c, VALUE_TEXT, of->at);
	v->flags = of->flags;
	v->text = sstring_literal(&ch->c->scratch, bytes);
	return v;
}

static struct value *apply_encoding(struct chain *ch, struct value *v)
{
	struct arena *mem = &ch->c->scratch;
	struct str three[3];
	bool base64 = ch->mod == MOD_BASE64 || ch->mod == MOD_BASE64OFFSET;
	if (v->kind != VALUE_TEXT)
		return no_text(ch, v);
	if (sstring_has_wildcard(&v->text)) {
		if (ch->before && !sstring_written_wildcard(v->plain))
			return refuse(ch, "sigma.impossible_chain", "must stand before contains, startswith and endswith", "a wildcard has no encoded form; write base64offset|contains");
		return refuse_value(ch, v, "sigma.wildcard_encoded", "a value with wildcards or placeholders cannot be encoded", "escape * and ? with a backslash when they are meant literally");
	}
	if (v->wide && !base64)
		return refuse(ch, "sigma.impossible_chain", "the value is UTF-16 already", NULL);
	struct str bytes = sstring_plain(mem, &v->text);
	if (ch->mod == MOD_BASE64OFFSET) {
		struct value *any = value_new(ch->c, VALUE_ANY, v->at);
		base64_offsets(mem, bytes, three);
		for (size_t i = 0; i < 3; i++)
			value_push(ch->c, any, literal(ch, v, three[i]));
		return any;
	}
	struct value *out = literal(ch, v, encode_text(mem, bytes, base64 ? 'b' : ch->mod == MOD_UTF16LE ? 'l' : ch->mod == MOD_UTF16BE ? 'B' : 'u'));
	out->plain = v->plain;
	out->wide = !base64;
	return out;
}

static struct value *apply_windash(struct chain *ch, struct value *v)
{
	struct sstring *form;
	if (v->kind != VALUE_TEXT || v->wide)
		return no_text(ch, v);
	size_t n = sstring_windash(&ch->c->scratch, &v->text, &form);
	if (!n)
		return refuse_value(ch, v, "sigma.too_many_dashes", "windash would make more than 625 forms of this value", NULL);
	struct value *any = value_new(ch->c, VALUE_ANY, v->at);
	for (size_t i = 0; i < n; i++) {
		struct value *one = value_new(ch->c, VALUE_TEXT, v->at);
		*one = *v;
		one->text = form[i];
		value_push(ch->c, any, one);
	}
	return any;
}

static struct value *apply_cidr(struct chain *ch, struct value *v)
{
	unsigned char net[16];
	unsigned bits;
	if (ch->before)
		return refuse(ch, "sigma.impossible_chain", "must be the first modifier", NULL);
	if (!ch->it->field.n)
		return refuse(ch, "sigma.impossible_chain", "needs a field", NULL);
	if (v->kind != VALUE_TEXT)
		return no_text(ch, v);
	if (!num_cidr(v->plain, false, net, &bits))
		return refuse_value(ch, v, "sigma.bad_cidr", "this is not a network", "write an address and a prefix length, e.g. 10.0.0.0/8 or 2001:db8::/32");
	if (!num_cidr(v->plain, true, net, &bits))
		return refuse_value(ch, v, "sigma.cidr_host_bits", "the address has bits set behind the prefix length", "e.g. 10.0.0.0/8 instead of 10.0.0.1/8");
	v->kind = VALUE_CIDR;
	return v;
}

static struct value *apply_compare(struct chain *ch, struct value *v)
{
	double d;
	if (ch->before)
		return refuse(ch, "sigma.impossible_chain", "must be the first modifier", NULL);
	if (!ch->it->field.n)
		return refuse(ch, "sigma.impossible_chain", "needs a field", NULL);
	if (v->kind != VALUE_NUMBER)
		return refuse_value(ch, v, "sigma.bad_number", "this comparison needs a number", v->kind == VALUE_TEXT && num_double(v->plain, &d) ? "without quotes" : NULL);
	v->kind = VALUE_COMPARE;
	v->sub = ch->mod == MOD_LT ? CMP_LT : ch->mod == MOD_LTE ? CMP_LTE : ch->mod == MOD_GT ? CMP_GT : CMP_GTE;
	return v;
}

static struct value *apply_fieldref(struct chain *ch, struct value *v)
{
	if (!ch->it->field.n)
		return refuse(ch, "sigma.impossible_chain", "needs a field", NULL);
	if (v->kind != VALUE_TEXT || v->wide)
		return v->kind == VALUE_NUMBER || v->kind == VALUE_BOOL || v->kind == VALUE_NULL ? refuse_value(ch, v, "sigma.bad_fieldref", "fieldref takes the name of a field", NULL) : no_text(ch, v);
	if (ch->before && sstring_has_wildcard(&v->text) && !sstring_written_wildcard(v->plain))
		return refuse(ch, "sigma.impossible_chain", "must stand before contains, startswith and endswith", "write fieldref|endswith");
	if (!v->text.n || sstring_has_wildcard(&v->text))
		return refuse_value(ch, v, "sigma.bad_fieldref", "fieldref takes the name of a field, without wildcards", NULL);
	v->plain = sstring_plain(&ch->c->scratch, &v->text);
	v->kind = VALUE_FIELDREF;
	v->sub = ATOM_EQ;
	return v;
}

static struct value *apply_expand(struct chain *ch, struct value *v)
{
	if ((v->kind != VALUE_TEXT && v->kind != VALUE_REGEX) || v->wide)
		return no_text(ch, v);
	v->text = placeholders_mark(ch->c, &v->text);
	return v;
}

static struct value *apply_time(struct chain *ch, struct value *v)
{
	static const struct {
		enum modifier mod;
		char part;
		int min, max;
	} parts[] = {{MOD_MINUTE, 'm', 0, 59}, {MOD_HOUR, 'h', 0, 23}, {MOD_DAY, 'd', 1, 31}, {MOD_WEEK, 'w', 1, 53}, {MOD_MONTH, 'M', 1, 12}, {MOD_YEAR, 'y', 0, 9999}};
	int64_t n;
	if (ch->before)
		return refuse(ch, "sigma.impossible_chain", "must be the first modifier", NULL);
	if (!ch->it->field.n)
		return refuse(ch, "sigma.impossible_chain", "needs a field", NULL);
	for (size_t i = 0; i < LEN(parts); i++) {
		if (parts[i].mod != ch->mod)
			continue;
		if (v->kind != VALUE_NUMBER || !num_range(v->plain, parts[i].min, parts[i].max, &n)) {
			diag_error(ch->c->d, v->at, "sigma.bad_time_part", "the %.*s of a time is a whole number from %d to %d, without quotes", STR_ARG(ch->name), parts[i].min, parts[i].max);
			return NULL;
		}
		v->sub = (uint8_t)parts[i].part;
	}
	v->kind = VALUE_TIME;
	return v;
}

static const struct {
	const char *name;
	enum modifier mod;
	struct value *(*apply)(struct chain *ch, struct value *v);
} MODIFIERS[] = {
#define MODIFIER(name, sym, function, help) {name, MOD_##sym, apply_##function},
#include "sigma/modifiers.def"
#undef MODIFIER
};

/* Of an expansion every form is changed. */
static struct value *apply(struct chain *ch, size_t row, struct value *v)
{
	if (v->kind != VALUE_ANY)
		return MODIFIERS[row].apply(ch, v);
	for (size_t i = 0; i < v->n; i++)
		if (!(v->kid[i] = apply(ch, row, v->kid[i])))
			return NULL;
	return v;
}

static bool modifier_find(struct chain *ch, size_t *ret_row)
{
	struct str names[LEN(MODIFIERS)];
	for (size_t i = 0; i < LEN(MODIFIERS); i++) {
		names[i] = str_c(MODIFIERS[i].name);
		if (str_eq(names[i], ch->name)) {
			*ret_row = i;
			return true;
		}
	}
	diag_error(ch->c->d, ch->at, "sigma.unknown_modifier", "there is no modifier \"%.*s\"", STR_ARG(ch->name));
	diag_suggest(ch->c->d, ch->name, names, LEN(names));
	return false;
}

/* ---- values of YAML ----------------------------------------------------------------------------------------------------------------- */

struct value *value_new(struct compiler *c, enum value_kind kind, struct diag_at at)
{
	struct value *v = arena_new(&c->scratch, struct value);
	v->kind = (uint8_t)kind;
	v->at = at;
	return v;
}

struct value *value_text(struct compiler *c, struct str sigma_string, struct diag_at at)
{
	struct value *v = value_new(c, VALUE_TEXT, at);
	v->plain = sigma_string;
	v->text = sstring_parse(&c->scratch, sigma_string);
	return v;
}

struct value *value_of_yaml(struct compiler *c, const struct yaml_node *n)
{
	struct value *v = value_text(c, n->kind == YAML_SCALAR ? n->text : STR(""), n->at);
	if (n->kind != YAML_SCALAR) {
		diag_error(c->d, n->at, "sigma.bad_value", "a value must be text, a number, true, false, null or one list of these");
		diag_hint(c->d, n->kind == YAML_MAP ? "a field of a field is written with a dot: parent.child" : "write the inner list's values into the outer one");
		return NULL;
	}
	switch ((enum yaml_type)n->type) {
	case YAML_NULL:
		v->kind = VALUE_NULL;
		break;
	case YAML_BOOL:
		v->kind = VALUE_BOOL;
		v->boolean = n->boolean;
		break;
	case YAML_INT:
	case YAML_FLOAT:
		v->kind = VALUE_NUMBER;
		v->plain = n->number;
		if (!str_eq(n->number, n->text) && !str_eq(n->text, STR("+0")) && !(n->text.n && n->text.p[0] == '+')) {
			diag_warning(c->d, n->at, "sigma.number_form", "YAML reads %.*s as the number %.*s", STR_ARG(n->text), STR_ARG(n->number));
			diag_hint(c->d, "put it into quotes when the text is meant");
		}
		break;
	case YAML_TEXT:
		break;
	}
	return v;
}

static bool values_read(struct compiler *c, struct item *it, const struct yaml_node *n)
{
	bool ok = true;
	if (n->kind != YAML_LIST) {
		struct value *v = value_of_yaml(c, n);
		if (v)
			item_push(c, it, v);
		return v != NULL;
	}
	if (!n->n && !it->field.n) {
		diag_error(c->d, n->at, "sigma.empty_list", "an empty list of keywords matches nothing");
		return false;
	}
	yaml_each(one, n) {
		struct value *v = value_of_yaml(c, one);
		if (v)
			item_push(c, it, v);
		ok = ok && v;
	}
	return ok;
}

static bool chain_apply(struct chain *ch, struct str rest, const struct yaml_node *key)
{
	while (rest.p && str_cut(&rest, '|', &ch->name)) {
		size_t row;
		ch->at = key->at;
		ch->at.column += (unsigned)(ch->name.p - key->text.p) + key->quoted;
		if (!modifier_find(ch, &row))
			return false;
		ch->mod = MODIFIERS[row].mod;
		ch->it->all = ch->it->all || ch->mod == MOD_ALL;
		ch->it->negated = ch->it->negated || ch->mod == MOD_NEQ;
		for (size_t i = 0; i < ch->it->n; i++) {
			struct value *v = apply(ch, row, ch->it->value[i]);
			if (!v)
				return false;
			ch->it->value[i] = v;
		}
		ch->before += ch->mod != MOD_ALL && ch->mod != MOD_NEQ;
		ch->placed = ch->placed || MODIFIERS[row].apply == apply_place;
	}
	return true;
}

static bool still_wide(const struct value *v)
{
	for (size_t i = 0; i < v->n; i++)
		if (still_wide(v->kid[i]))
			return true;
	return v->wide;
}

/* What can only be told when the whole chain is known. */
static bool item_check(struct chain *ch, const struct yaml_node *values)
{
	struct item *it = ch->it;
	for (size_t i = 0; i < it->n; i++) {
		const struct value *v = it->value[i];
		if (still_wide(v)) {
			refuse(ch, "sigma.impossible_chain", "UTF-16 must be followed by base64 or base64offset", NULL);
			return false;
		}
		if (!it->field.n && v->kind == VALUE_NULL) {
			diag_error(ch->c->d, v->at, "sigma.null_keyword", "null needs a field");
			return false;
		}
		if (v->kind == VALUE_EXISTS && (it->negated || it->all || ch->before > 1)) {
			refuse(ch, "sigma.impossible_chain", "exists must stand alone", "write exists: false for a field that must not be there");
			return false;
		}
	}
	if (it->all && values->kind != YAML_LIST)
		diag_warning(ch->c->d, it->at, "sigma.all_of_one", "all has no effect on a single value");
	return true;
}

struct item *item_read(struct compiler *c, const struct yaml_node *key, const struct yaml_node *values)
{
	struct item *it = arena_new(&c->scratch, struct item);
	struct chain ch = {.c = c, .it = it};
	struct str rest = key ? key->text : STR_NONE;
	it->field = STR("");
	it->at = key ? key->at : values->at;
	if (key)
		str_cut(&rest, '|', &it->field);
	if (!values_read(c, it, values) || (key && !chain_apply(&ch, rest, key)) || !item_check(&ch, values))
		return NULL;
	return it;
}
