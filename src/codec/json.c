/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json_scan.h"

#include "base/vec.h"

#include <errno.h>
#include <string.h>

/* Chosen once at start, before any thread runs. */
static const struct json_isa *isa = &json_isa_base;

size_t json_isas(const struct json_isa *ret[JSON_ISAS])
{
	size_t n = 0;
	ret[n++] = &json_isa_base;
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2"))
		ret[n++] = &json_isa_avx2;
	if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi2"))
		ret[n++] = &json_isa_avx512;
#endif
	return n;
}

void json_isa_use(const struct json_isa *other)
{
	isa = other;
}

__attribute__((constructor)) static void choose(void)
{
	const struct json_isa *list[JSON_ISAS];
	json_isa_use(list[json_isas(list) - 1]);
}

#define EIGHT(s) s s s s s s s s
#define ALL(s) EIGHT(s) EIGHT(s) EIGHT(s) EIGHT(s)
const char json_quotes[65] = ALL("\"") ALL("\""), json_slashes[65] = ALL("\\") ALL("\\");

struct scan {
	struct json_scan in;
	const char *p, *what;
	int err;
};

static int fail(struct scan *s, int err, const char *what)
{
	if (!s->err) {
		s->err = err;
		s->what = what;
	}
	return s->err;
}

static inline void blanks(struct scan *s)
{
	while (s->p < s->in.end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
		s->p++;
}

static int string(struct scan *s, struct str *ret, bool *ret_escaped)
{
	const char *inside = s->p + 1, *close = isa->string_end(&s->in, inside, ret_escaped);
	if (!close)
		return fail(s, -ENODATA, "the text ends inside a string");
	*ret = str_n(inside, (size_t)(close - inside));
	s->p = close + 1;
	return 0;
}

static int number(struct scan *s, struct str *ret)
{
	const char *from = s->p, *p = from;
	while (p < s->in.end && (ch_is_digit((unsigned char)*p) || *p == '-' || *p == '+' || *p == '.' || *p == 'e' || *p == 'E'))
		p++;
	*ret = str_n(from, (size_t)(p - from));
	if (p == s->in.end)
		return fail(s, -ENODATA, "the text ends inside a number");
	s->p = p;
	return json_text_is_number(*ret) ? 0 : fail(s, -EBADMSG, "this is not a number");
}

static int word(struct scan *s, struct str literal)
{
	if ((size_t)(s->in.end - s->p) < literal.n)
		return fail(s, memcmp(s->p, literal.p, (size_t)(s->in.end - s->p)) ? -EBADMSG : -ENODATA, "a value is expected here");
	if (memcmp(s->p, literal.p, literal.n) != 0)
		return fail(s, -EBADMSG, "a value is expected here (null, true, false, a number, a string, an object or an array)");
	s->p += literal.n;
	return 0;
}

bool json_scan_grow(struct json_scan *s)
{
	size_t cap = s->cap ? s->cap * 2 : 128;
	struct json_leaf *more = s->cap < JSON_LEAVES_MAX ? arena_array(s->mem, cap, sizeof(*more)) : NULL;
	if (!more)
		return false;
	if (s->n)
		memcpy(more, s->leaf, s->n * sizeof(*more));
	s->leaf = more;
	s->cap = cap;
	return true;
}

static int push(struct scan *s, struct str name, uint8_t kind, struct str text, bool element)
{
	if (s->in.n == s->in.cap && !json_scan_grow(&s->in))
		return fail(s, -E2BIG, "too many values in one object");
	struct json_name *known = s->in.names ? json_names_find(s->in.names, name) : NULL;
	if (known)
		json_name_follows(known, s->in.met.last);
	json_met_add(&s->in.met, known);
	s->in.leaf[s->in.n++] = (struct json_leaf){.name = name, .p = text.p, .n = (uint32_t)text.n, .kind = kind, .element = element, .known = known};
	return 0;
}

/* prefix "." key; false at the arena's cap. */
static bool joined(const struct json_scan *s, struct str key, struct str *ret)
{
	size_t n = s->prefix.n;
	char *p = arena_alloc(s->mem, n + 1 + key.n);
	if (!p)
		return false;
	if (n) {
		memcpy(p, s->prefix.p, n);
		p[n++] = '.';
	}
	memcpy(p + n, key.p, key.n);
	*ret = str_n(p, n + key.n);
	return true;
}

static bool is_joined(struct str name, struct str prefix, struct str key)
{
	return name.n == prefix.n + 1 + key.n && name.p[prefix.n] == '.' && memcmp(name.p + prefix.n + 1, key.p, key.n) == 0 && memcmp(name.p, prefix.p, prefix.n) == 0;
}

bool json_scan_name(const struct json_scan *s, const struct json_name *before, struct str key, struct json_leaf *leaf)
{
	leaf->name = key;
	if (s->prefix.n) {
		struct json_name *known = is_joined(before->next->text, s->prefix, key) ? before->next : is_joined(before->other->text, s->prefix, key) ? before->other : NULL;
		if (known) {
			leaf->known = known;
			return true;
		}
		if (!joined(s, key, &leaf->name))
			return false;
	}
	leaf->known = s->names ? json_names_find(s->names, leaf->name) : NULL;
	return true;
}

/* The name of the member with that key, whose escapes are decoded. */
static int join(struct scan *s, struct str key, bool escaped, struct str *ret)
{
	struct str name = key;
	if ((s->in.prefix.n || escaped) && !joined(&s->in, key, &name))
		return fail(s, -E2BIG, "the object needs too much memory");
	if (escaped) {
		char *p = (char *)(uintptr_t)name.p + name.n - key.n;
		name.n = (size_t)(p - name.p) + json_unescape(p, key);
	}
	*ret = name;
	return 0;
}

struct level {
	struct str prefix;
	const struct json_name *name; /* see json_scan.inside */
	bool array, element;
	bool empty;
};

static int scalar(struct scan *s, struct str name, bool element)
{
	struct str text = STR("");
	bool escaped = false;
	switch (*s->p) {
	case '"':
		return string(s, &text, &escaped) ? s->err : push(s, name, escaped ? JSON_KIND_ESCAPED : JSON_KIND_STRING, text, element);
	case 't':
		return word(s, STR("true")) ? s->err : push(s, name, JSON_KIND_TRUE, STR("true"), element);
	case 'f':
		return word(s, STR("false")) ? s->err : push(s, name, JSON_KIND_FALSE, STR("false"), element);
	case 'n':
		return word(s, STR("null")) ? s->err : push(s, name, JSON_KIND_NULL, text, element);
	default:
		return number(s, &text) ? s->err : push(s, name, JSON_KIND_NUMBER, text, element);
	}
}

/* The name of the next member, up to and with its colon. */
static int member_name(struct scan *s, struct str *ret)
{
	struct str key = STR("");
	bool escaped = false;
	if (*s->p != '"')
		return fail(s, -EBADMSG, "a member's name in quotes is expected here");
	if (string(s, &key, &escaped) < 0)
		return s->err;
	blanks(s);
	if (s->p >= s->in.end)
		return fail(s, -ENODATA, "the text ends inside an object");
	if (*s->p != ':')
		return fail(s, -EBADMSG, "a colon is expected here");
	s->p++;
	blanks(s);
	if (s->p >= s->in.end)
		return fail(s, -ENODATA, "the text ends inside an object");
	return join(s, key, escaped, ret);
}

static int close_level(struct scan *s, struct level *stack, int *depth, bool outer_array)
{
	struct level *at = &stack[*depth];
	s->p++;
	(*depth)--;
	if (at->empty && *depth >= 0)
		return push(s, at->prefix, JSON_KIND_EMPTY, at->array ? STR("[]") : STR("{}"), outer_array);
	return 0;
}

static int scan_object(struct scan *s)
{
	struct level stack[JSON_DEPTH_MAX];
	int depth = 0;
	stack[0] = (struct level){.empty = true};
	s->p++;
	while (depth >= 0) {
		struct level *at = &stack[depth];
		struct str name = at->prefix;
		const struct json_name *inside = at->name;
		blanks(s);
		if (s->p >= s->in.end)
			return fail(s, -ENODATA, "the text ends inside an object");
		if (*s->p == (at->array ? ']' : '}')) {
			if (close_level(s, stack, &depth, at->element) < 0)
				return s->err;
			continue;
		}
		if (!at->empty) {
			if (*s->p != ',')
				return fail(s, -EBADMSG, at->array ? "a comma or ] is expected here" : "a comma or } is expected here");
			s->p++;
			blanks(s);
			if (s->p >= s->in.end)
				return fail(s, -ENODATA, "the text ends inside an object");
		}
		at->empty = false;
		if (!at->array) {
			enum json_stop stop = JSON_AT_NAME;
			s->in.prefix = at->prefix;
			s->in.inside = at->name;
			s->in.element = at->element;
			if (*s->p == '"')
				s->p = isa->plain_members(&s->in, s->p, &stop);
			if (stop == JSON_BEHIND)
				continue;
			if (stop == JSON_AT_NAME && member_name(s, &name) < 0)
				return s->err;
			inside = stop == JSON_AT_NAME ? &json_name_nowhere : s->in.met.last;
			name = stop == JSON_AT_NAME ? name : inside->text;
		}
		bool element = at->array || at->element;
		if (*s->p == '{' || *s->p == '[') {
			if (++depth == JSON_DEPTH_MAX)
				return fail(s, -E2BIG, "nested deeper than the limit");
			stack[depth] = (struct level){.prefix = name, .name = inside, .array = *s->p == '[', .element = element, .empty = true};
			s->p++;
			continue;
		}
		if (scalar(s, name, element) < 0)
			return s->err;
	}
	return 0;
}

/* See JSON_TAIL. */
static void copy_tail(char tail[2 * JSON_TAIL], struct str text)
{
	if (text.n >= JSON_TAIL)
		memcpy(tail, text.p + text.n - JSON_TAIL, JSON_TAIL);
	else if (text.n)
		memcpy(tail + JSON_TAIL - text.n, text.p, text.n);
	memset(tail + JSON_TAIL, 0, JSON_TAIL);
}

int json_read_object(struct str *text, struct arena *mem, struct json_names *names, struct json_object *ret, struct json_fault *ret_fault)
{
	struct json_name none = json_name_nowhere;
	char tail[2 * JSON_TAIL];
	struct json_quotes quotes;
	quotes.base = quotes.end = text->p;
	quotes.at = quotes.quote;
	struct scan s = {.in = {.start = text->p, .end = text->p + text->n, .tail = tail, .quotes = &quotes, .mem = mem, .names = names, .met.last = names ? json_names_front(names) : &none}, .p = text->p};
	copy_tail(tail, *text);
	blanks(&s);
	if (s.p >= s.in.end)
		fail(&s, -ENODATA, "there is nothing here");
	else if (*s.p != '{')
		fail(&s, -EBADMSG, "an object is expected here");
	else if (text->n > UINT32_MAX)
		fail(&s, -E2BIG, "the text is too long");
	else
		scan_object(&s);
	if (s.err) {
		if (ret_fault)
			*ret_fault = (struct json_fault){(size_t)(s.p - s.in.start), s.what};
		return s.err;
	}
	*text = str_n(s.p, (size_t)(s.in.end - s.p));
	*ret = (struct json_object){s.in.leaf, s.in.n, s.in.cap, s.in.met.bits, s.in.met.news};
	return 0;
}

int json_read_flat(struct str *text, struct arena *mem, struct json_leaf **ret, size_t *ret_n, struct json_fault *ret_fault)
{
	struct json_object o;
	int r = json_read_object(text, mem, NULL, &o, ret_fault);
	if (r < 0)
		return r;
	*ret = o.leaf;
	*ret_n = o.n;
	return 0;
}

int json_skip_value(struct str *text)
{
	struct str t = text->p ? *text : STR("");
	struct json_scan in = {.start = t.p, .end = t.p + t.n};
	size_t depth = 0;
	for (size_t i = 0; i < t.n; i++) {
		char c = t.p[i];
		if (c == '"') {
			bool escaped = false;
			const char *close = isa->string_end(&in, t.p + i + 1, &escaped);
			if (!close)
				return -ENODATA;
			i = (size_t)(close - t.p);
		} else if (c == '{' || c == '[') {
			depth++;
			continue;
		} else if (c == '}' || c == ']') {
			if (!depth)
				return -EBADMSG;
			depth--;
		} else if (depth || ch_is_space((unsigned char)c)) {
			continue;
		} else {
			while (i < t.n && !ch_is_space((unsigned char)t.p[i]) && t.p[i] != ',' && t.p[i] != ']' && t.p[i] != '}')
				i++;
			i--;
		}
		if (!depth) {
			*text = str_sub(t, i + 1, t.n);
			return 0;
		}
	}
	return -ENODATA;
}

static size_t digit_run(struct str s, size_t i)
{
	size_t from = i;
	while (i < s.n && ch_is_digit((unsigned char)s.p[i]))
		i++;
	return i - from;
}

bool json_text_is_number(struct str s)
{
	size_t i = s.n && s.p[0] == '-', n = digit_run(s, i);
	if (!n || (n > 1 && s.p[i] == '0'))
		return false;
	i += n;
	if (i < s.n && s.p[i] == '.') {
		if (!(n = digit_run(s, i + 1)))
			return false;
		i += 1 + n;
	}
	if (i < s.n && (s.p[i] | 32) == 'e') {
		i++;
		if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
			i++;
		if (!(n = digit_run(s, i)))
			return false;
		i += n;
	}
	return i == s.n;
}
