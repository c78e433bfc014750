/* SPDX-License-Identifier: Apache-2.0 */
#include "api/shape.h"

#include "base/must.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>

struct member {
	struct str name, type;
	bool required;
};

static bool is_str(const json_t *v)
{
	return json_is_string(v);
}
static bool is_int(const json_t *v)
{
	return json_is_integer(v);
}
static bool is_num(const json_t *v)
{
	return json_is_number(v);
}
static bool is_bool(const json_t *v)
{
	return json_is_boolean(v);
}
static bool is_arr(const json_t *v)
{
	return json_is_array(v);
}
static bool is_obj(const json_t *v)
{
	return json_is_object(v);
}
static bool is_any(const json_t *v)
{
	return v != NULL;
}
static bool is_text(const json_t *v)
{
	return json_is_string(v) || json_is_object(v);
}

static const struct {
	const char *name, *schema, *words;
	bool (*is)(const json_t *v);
} TYPES[] = {
	{"str", "string", "text", is_str},
	{"int", "integer", "a whole number", is_int},
	{"num", "number", "a number", is_num},
	{"bool", "boolean", "true or false", is_bool},
	{"arr", "array", "a list", is_arr},
	{"obj", "object", "an object", is_obj},
	{"any", NULL, "a value", is_any},
	{"text", NULL, "text, or {\"ja\": …, \"en\": …}", is_text},
};

static bool shape_next(struct str *rest, struct member *ret)
{
	struct str word, name;
	if (!str_word(rest, &word))
		return false;
	must(str_cut(&word, ':', &name) && word.p);
	ret->name = name;
	ret->required = str_ends(word, STR("!"));
	ret->type = ret->required ? str_sub(word, 0, word.n - 1) : word;
	return true;
}

static size_t type_of(struct str name)
{
	for (size_t i = 0; i < LEN(TYPES); i++)
		if (str_eq(str_c(TYPES[i].name), name))
			return i;
	must_not_reach("a shape names an unknown type");
}

static void check_unknown(const char *shape, const json_t *body, struct diag *d)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)body, key, value)
	{
		struct str rest = str_c(shape), names[64];
		struct member m;
		size_t n = 0;
		bool known = false;
		while (shape_next(&rest, &m)) {
			known = known || str_eq(m.name, str_c(key));
			if (n < LEN(names))
				names[n++] = m.name;
		}
		if (known)
			continue;
		diag_file(d, str_c(key));
		diag_error(d, (struct diag_at){0}, "unknown_member", "there is no member \"%s\" here", key);
		diag_suggest(d, str_c(key), names, n);
	}
}

int shape_check(const char *shape, const json_t *body, struct diag *d)
{
	size_t before = d->errors;
	struct str rest = str_c(shape);
	struct member m;

	if (!json_is_object(body))
		return diag_error(d, (struct diag_at){0}, "bad_type", "the body must be an object");
	while (shape_next(&rest, &m)) {
		json_t *v = json_object_getn(body, m.name.p, m.name.n);
		size_t t = type_of(m.type);
		diag_file(d, m.name);
		if (m.required && (!v || json_is_null(v)))
			diag_error(d, (struct diag_at){0}, "missing_member", "\"%.*s\" is required", STR_ARG(m.name));
		else if (v && !json_is_null(v) && !TYPES[t].is(v))
			diag_error(d, (struct diag_at){0}, "bad_type", "\"%.*s\" must be %s", STR_ARG(m.name), TYPES[t].words);
	}
	check_unknown(shape, body, d);
	diag_file(d, STR(""));
	return d->errors > before ? -EINVAL : 0;
}

/* The schema of one member; in an answer what need not be there may be null. */
static json_t *member_schema(const struct member *m, bool answer)
{
	size_t t = type_of(m->type);
	json_t *p = json_object();
	if (TYPES[t].schema && answer && !m->required)
		json_object_set_new(p, "type", json_pack("[s,s]", TYPES[t].schema, "null"));
	else if (TYPES[t].schema)
		json_object_set_new(p, "type", json_string(TYPES[t].schema));
	if (str_eq(m->type, STR("text")))
		json_object_set_new(p, "description", json_string(TYPES[t].words));
	if (str_eq(m->type, STR("arr")))
		json_object_set_new(p, "items", json_object());
	return p;
}

json_t *shape_schema(const char *shape, bool answer)
{
	json_t *props = json_object(), *required = json_array();
	struct str rest = str_c(shape);
	struct member m;
	while (shape_next(&rest, &m)) {
		json_object_setn_new(props, m.name.p, m.name.n, member_schema(&m, answer));
		if (m.required)
			json_array_append_new(required, json_stringn(m.name.p, m.name.n));
	}
	json_t *o = json_pack("{s:s, s:o, s:b}", "type", "object", "properties", props, "additionalProperties", answer);
	if (json_array_size(required))
		json_object_set(o, "required", required);
	json_decref(required);
	return o;
}
