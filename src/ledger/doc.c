/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/doc.h"

#include "base/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define TEXT_MAX (1u << 20)

struct str doc_str(const json_t *doc, const char *name)
{
	const json_t *v = json_object_get(doc, name);
	return json_is_string(v) ? str_n(json_string_value(v), json_string_length(v)) : STR("");
}

int64_t doc_int(const json_t *doc, const char *name)
{
	return json_integer_value(json_object_get(doc, name));
}

bool doc_is(const json_t *doc, const char *name, const char *value)
{
	return str_eq(doc_str(doc, name), str_c(value));
}

tstamp doc_time(const json_t *doc, const char *name)
{
	tstamp t;
	struct str s = doc_str(doc, name);
	return s.n && ts_parse_rfc3339(s, 0, &t) ? t : TS_NONE;
}

struct str doc_text(const json_t *value, bool ja)
{
	if (json_is_string(value))
		return str_n(json_string_value(value), json_string_length(value));
	struct str first = doc_str(value, ja ? "ja" : "en");
	return first.n ? first : doc_str(value, ja ? "en" : "ja");
}

json_t *doc_string(struct str s)
{
	json_t *v = json_stringn(s.p ? s.p : "", s.n);
	if (v)
		return v;
	struct buf clean = BUF_INIT(4 * s.n + 16);
	utf8_add_clean(&clean, s);
	v = json_stringn(buf_cstr(&clean), clean.n);
	buf_done(&clean);
	must(v);
	return v;
}

json_t *doc_of_entry(const struct ledger_entry *e)
{
	json_t *o = json_object();
	doc_set_int(o, "seq", (int64_t)e->seq);
	doc_set_time(o, "time", e->time);
	doc_set_str(o, "actor", e->actor);
	doc_set_str(o, "role", e->role);
	doc_set_str(o, "noun", e->noun);
	doc_set_str(o, "object_id", e->object_id);
	doc_set_str(o, "verb", e->verb);
	return o;
}

void doc_set_str(json_t *doc, const char *name, struct str value)
{
	json_object_set_new(doc, name, doc_string(value));
}

void doc_set_int(json_t *doc, const char *name, int64_t value)
{
	json_object_set_new(doc, name, json_integer(value));
}

void doc_set_time(json_t *doc, const char *name, tstamp t)
{
	char text[TS_TEXT_MAX];
	if (t == TS_NONE)
		json_object_set_new(doc, name, json_null());
	else
		json_object_set_new(doc, name, json_stringn(text, ts_format(text, t)));
}

void doc_set_text(json_t *doc, const char *name, const char *ja, const char *en)
{
	json_object_set_new(doc, name, json_pack("{s:s, s:s}", "ja", ja, "en", en));
}

void doc_copy(json_t *to, const json_t *from, const char *name)
{
	json_t *v = json_object_get(from, name);
	if (v)
		json_object_set_new(to, name, json_deep_copy(v));
}

bool doc_list_has(const json_t *list, struct str value)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);
		if (str_eq(str_n(json_string_value(v), json_string_length(v)), value))
			return true;
	}
	return false;
}

bool doc_list_add(json_t *list, struct str value)
{
	if (doc_list_has(list, value))
		return false;
	json_array_append_new(list, doc_string(value));
	return true;
}

int doc_refuse(struct diag *d, const char *member, const char *code, int err, const char *fmt, ...)
{
	char text[1000];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (d) {
		diag_file(d, str_c(member));
		diag_error(d, (struct diag_at){0}, code, "%s", text);
		diag_file(d, STR(""));
	}
	return err;
}

int doc_need_text(const json_t *doc, const char *name, struct diag *d)
{
	const json_t *v = json_object_get(doc, name);
	if (v && !json_is_null(v) && !json_is_string(v))
		return doc_refuse(d, name, "bad_type", -EINVAL, "\"%s\" must be text", name);
	if (!str_trim(doc_str(doc, name)).n)
		return doc_refuse(d, name, "missing_member", -EINVAL, "\"%s\" is required", name);
	if (doc_str(doc, name).n > TEXT_MAX)
		return doc_refuse(d, name, "too_long", -EINVAL, "\"%s\" is longer than 1 MiB", name);
	return 0;
}

int doc_need_word(const json_t *doc, const char *name, const char *const *words, size_t n, struct diag *d, size_t *ret)
{
	struct str have = doc_str(doc, name), names[32];
	int r = doc_need_text(doc, name, d);
	for (size_t i = 0; i < n && r == 0; i++) {
		if (str_eq(have, str_c(words[i])))
			return *ret = i, 0;
		if (i < LEN(names))
			names[i] = str_c(words[i]);
	}
	if (r == 0) {
		r = doc_refuse(d, name, "bad_value", -EINVAL, "\"%.*s\" is no %s", STR_ARG(have), name);
		diag_suggest(d, have, names, n < LEN(names) ? n : LEN(names));
	}
	return r;
}

int doc_only(const json_t *doc, const char *const *names, struct diag *d)
{
	const char *key;
	json_t *value;
	int r = 0;
	json_object_foreach((json_t *)(uintptr_t)doc, key, value)
	{
		bool known = false;
		struct str list[32];
		size_t n = 0;
		for (; names[n] && n < LEN(list); n++) {
			list[n] = str_c(names[n]);
			known = known || str_eq(list[n], str_c(key));
		}
		if (known)
			continue;
		r = doc_refuse(d, key, "unknown_member", -EINVAL, "there is no member \"%s\" here", key);
		diag_suggest(d, str_c(key), list, n);
	}
	return r;
}

static int append(void *arg, json_t *doc)
{
	return json_array_append(arg, doc);
}

int desk_collect(struct desk *k, enum noun noun, const char *where, const struct desk_param *param, size_t n, json_t **ret)
{
	json_t *list = json_array();
	int r = desk_list(k, noun, where, param, n, append, list);
	if (r < 0) {
		json_decref(list);
		return r;
	}
	*ret = list;
	return 0;
}
