/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/transform.h"

#include "base/num.h"

/* ---- placeholders ---------------------------------------------------------------------------------------------------------------------- */

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
	return include ? pipe_lists(include, name) : exclude ? !pipe_lists(exclude, name) : true;
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

static bool has_placeholder(const struct sstring *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->unit[i] >= WILD_PLACEHOLDER)
			return true;
	return false;
}

static struct value *fill(struct pipe_run *r, const struct pipe_item *p, struct value *v, placeholder_words *words)
{
	struct filling f = {.r = r, .p = p, .at = v->at};
	if ((v->kind != VALUE_TEXT && v->kind != VALUE_REGEX) || !has_placeholder(&v->text))
		return v;
	struct value *filled = placeholders_replace(r->c, v, words, &f);
	return f.failed ? NULL : filled;
}

struct value *change_wildcard(struct pipe_run *r, const struct pipe_item *p, struct value *v)
{
	return fill(r, p, v, words_star);
}

struct value *change_variable(struct pipe_run *r, const struct pipe_item *p, struct value *v)
{
	return fill(r, p, v, words_var);
}

/* A query expression looks a list up: the placeholder gets the list's name and is filled from lists/name.csv. */
struct value *change_list(struct pipe_run *r, const struct pipe_item *p, struct value *v)
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

/* ---- texts ----------------------------------------------------------------------------------------------------------------------------------- */

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
	struct str with = replacement_text(&r->c->scratch, pipe_text(p->node, "replacement"));
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
			next = pipe_flag(p->node, "interpret_special") ? sstring_parse(mem, text) : sstring_literal(mem, text);
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

struct value *change_replace(struct pipe_run *r, const struct pipe_item *p, struct value *v)
{
	struct sstring s;
	struct str text;
	if (v->kind != VALUE_TEXT && v->kind != VALUE_NUMBER)
		return v;
	bool ok = true;
	if (pipe_flag(p->node, "skip_special") && v->kind == VALUE_TEXT) {
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

struct value *change_map(struct pipe_run *r, const struct pipe_item *p, struct value *v)
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
struct value *change_regex(struct pipe_run *r, const struct pipe_item *p, struct value *v)
{
	if (v->kind != VALUE_TEXT || !str_eq(pipe_text(p->node, "method"), STR("plain")))
		return v;
	struct value *out = text_like(r, v, v->text);
	out->flags |= ATOM_F_CASED;
	return out;
}

static uint16_t upper_unit(uint16_t u)
{
	return u >= 'a' && u <= 'z' ? (uint16_t)(u - 32) : u;
}

struct value *change_case(struct pipe_run *r, const struct pipe_item *p, struct value *v)
{
	struct str method = pipe_text(p->node, "method");
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

/* ---- other values ---------------------------------------------------------------------------------------------------------------------------- */

struct value *change_set(struct pipe_run *r, const struct pipe_item *p, struct value *v)
{
	const struct yaml_node *n = yaml_get(p->node, "value");
	struct value *out = value_of_yaml(r->c, n);
	struct str force = pipe_text(p->node, "force_type");
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

struct value *change_convert(struct pipe_run *r, const struct pipe_item *p, struct value *v)
{
	double d;
	if (str_eq(pipe_text(p->node, "target_type"), STR("str"))) {
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
