/* SPDX-License-Identifier: Apache-2.0 */
#include "event/flat.h"

#include "base/must.h"

static const char *const TIMES[] = {
#define TIME_NAME(name) name,
#include "event/times.def"
#undef TIME_NAME
};

static const char *const HOSTS[] = {
#define HOST_NAME(name) name,
#include "event/hosts.def"
#undef HOST_NAME
};

static const struct shape {
	const char *product, *category, *service, *too_category, *too_service, *names;
} SHAPES[] = {
#define JSON_SOURCE(product, category, service, names) {product, category, service, NULL, NULL, names},
#define JSON_SOURCE_TOO(product, category, service, too_category, too_service, names) {product, category, service, too_category, too_service, names},
#include "event/shape.def"
#undef JSON_SOURCE
#undef JSON_SOURCE_TOO
};

static const char *const COMMON[] = {"ecs.version", "event.category", "event.dataset"};

struct bits {
	uint64_t w[FLAT_BITS / 64];
};

/* A bit for each of SHAPES. */
struct shapes {
	uint64_t w[(LEN(SHAPES) + 63) / 64];
};

struct role {
	uint8_t time, host; /* rank + 1, 0 = none */
	bool common;
	uint16_t bit;       /* bit + 1 */
};

struct flat_roles {
	struct role *role; /* by field number */
	size_t n_role;
	struct bits want[LEN(SHAPES)];
	struct {
		field_id id; /* FIELD_UNKNOWN behind the last */
		struct str value;
	} value[LEN(SHAPES)][2];
	struct shapes begun[FLAT_BITS]; /* those whose first name it is: only they are looked at */
	uint32_t lsset[LEN(SHAPES)];
};

/* "name" or "name=value" */
static struct str name_of(struct str word, struct str *ret_value)
{
	size_t eq = str_chr(word, '=');
	*ret_value = eq == STR_NPOS ? STR_NONE : str_sub(word, eq + 1, word.n);
	return str_sub(word, 0, eq);
}

void flat_names(struct vocab *v)
{
	field_id id;
	struct str rest, name;
	for (size_t i = 0; i < LEN(TIMES); i++)
		vocab_add_field(v, str_c(TIMES[i]), &id);
	for (size_t i = 0; i < LEN(HOSTS); i++)
		vocab_add_field(v, str_c(HOSTS[i]), &id);
	for (size_t i = 0; i < LEN(COMMON); i++)
		vocab_add_field(v, str_c(COMMON[i]), &id);
	for (size_t i = 0; i < LEN(SHAPES); i++)
		for (rest = str_c(SHAPES[i].names); str_word(&rest, &name);)
			vocab_add_field(v, name_of(name, &(struct str){0}), &id);
}

static uint32_t shape_set(struct vocab *v, const struct shape *s)
{
	struct logsource ls[2] = {{str_c(s->product), str_c(s->category), str_c(s->service)}, {str_c(s->product), str_c(s->too_category), str_c(s->too_service)}};
	return vocab_lsset(v, ls, s->too_service ? 2 : 1);
}

struct flat_roles *flat_roles_new(struct vocab *v)
{
	struct flat_roles *r = must_new(struct flat_roles);
	unsigned bits = 0;
	r->n_role = vocab_field_count(v);
	r->role = must_calloc(r->n_role, sizeof(*r->role));
	for (size_t i = 0; i < LEN(TIMES); i++)
		r->role[vocab_field(v, str_c(TIMES[i]))].time = (uint8_t)(i + 1);
	for (size_t i = 0; i < LEN(HOSTS); i++)
		r->role[vocab_field(v, str_c(HOSTS[i]))].host = (uint8_t)(i + 1);
	for (size_t i = 0; i < LEN(COMMON); i++)
		r->role[vocab_field(v, str_c(COMMON[i]))].common = true;
	for (size_t i = 0; i < LEN(SHAPES); i++) {
		struct str rest = str_c(SHAPES[i].names), word, value;
		size_t n = 0, words = 0;
		while (str_word(&rest, &word)) {
			field_id id = vocab_field(v, name_of(word, &value));
			struct role *role = &r->role[id];
			if (value.p) {
				must(n < LEN(r->value[i]));
				r->value[i][n].id = id;
				r->value[i][n++].value = value;
			}
			if (!role->bit) {
				must(bits < FLAT_BITS);
				role->bit = (uint16_t)++bits;
			}
			if (!words++)
				r->begun[role->bit - 1].w[i / 64] |= UINT64_C(1) << i % 64;
			r->want[i].w[(role->bit - 1) / 64] |= UINT64_C(1) << ((role->bit - 1) % 64);
		}
		r->lsset[i] = shape_set(v, &SHAPES[i]);
	}
	r->role[FIELD_UNKNOWN] = (struct role){0};
	return r;
}

void flat_roles_free(struct flat_roles *r)
{
	if (!r)
		return;
	free(r->role);
	free(r);
}

/* Keeps the few best, in order. */
static void note_time(struct flat_found *ret, uint8_t rank[4], const struct field *f, uint8_t mine)
{
	size_t at = 4;
	while (at > 0 && (!ret->time[at - 1] || mine < rank[at - 1]))
		at--;
	if (at == 4)
		return;
	for (size_t i = 3; i > at; i--) {
		ret->time[i] = ret->time[i - 1];
		rank[i] = rank[i - 1];
	}
	ret->time[at] = f;
	rank[at] = mine;
}

static bool has_value(const struct event *ev, field_id id, struct str value)
{
	for (uint32_t i = 0; i < ev->n_field; i++)
		if (ev->field[i].id == id && ev->field[i].val.kind == VAL_STR && str_ieq(str_n(ev->field[i].val.u.p, ev->field[i].val.n), value))
			return true;
	return false;
}

static bool fits(const struct flat_roles *r, size_t shape, const struct bits *have, const struct event *ev)
{
	bool all = true;
	for (size_t w = 0; w < LEN(have->w); w++)
		all = all && (r->want[shape].w[w] & ~have->w[w]) == 0;
	for (size_t k = 0; all && k < LEN(r->value[shape]) && r->value[shape][k].id; k++)
		all = has_value(ev, r->value[shape][k].id, r->value[shape][k].value);
	return all;
}

/* The first of SHAPES that fits; 0 = none. */
static uint32_t shape_of(const struct flat_roles *r, const struct bits *have, const struct shapes *begun, const struct event *ev)
{
	for (size_t w = 0; w < LEN(begun->w); w++)
		for (uint64_t left = begun->w[w]; left; left &= left - 1) {
			size_t i = w * 64 + (size_t)__builtin_ctzll(left);
			if (fits(r, i, have, ev))
				return r->lsset[i];
		}
	return 0;
}

void flat_look(const struct flat_roles *r, const struct event *ev, bool shapes, struct flat_found *ret)
{
	struct bits have = {0};
	struct shapes begun = {0};
	uint8_t rank[4] = {0}, host = UINT8_MAX;
	*ret = (struct flat_found){0};
	for (uint32_t i = 0; i < ev->n_field; i++) {
		const struct field *f = &ev->field[i];
		if (f->id >= r->n_role)
			continue;
		struct role role = r->role[f->id];
		ret->common = ret->common || role.common;
		if (role.bit) {
			have.w[(role.bit - 1u) / 64] |= UINT64_C(1) << ((role.bit - 1u) % 64);
			for (size_t w = 0; w < LEN(begun.w); w++)
				begun.w[w] |= r->begun[role.bit - 1].w[w];
		}
		if (role.time)
			note_time(ret, rank, f, role.time);
		if (role.host && role.host <= host && f->val.kind != VAL_NULL && f->val.kind != VAL_JSON) {
			host = role.host;
			ret->host = f;
		}
	}
	if (shapes)
		ret->lsset = shape_of(r, &have, &begun, ev);
}

bool flat_time_like(struct str name)
{
	static const char *const ends[] = {"time", "timestamp", "date", "_at", "created", "_ts", "datetime", "timeutc", "time_utc", "_on", "$date", "_derived", "seen"};
	static const char *const not_ends[] = {"uptime", "runtime", "lifetime", "response_time", "responsetime", "elapsedtime", "elapsed_time", "update"};
	static const char *const inside[] = {"expir", "birth", "deadline", "lastlogin", "password", "enroll", "certificate", "notbefore", "notafter", "valid"};
	size_t dot = str_rchr(name, '.');
	struct str last = dot == STR_NPOS ? name : str_sub(name, dot + 1, name.n);
	bool fits = str_ends(last, STR("At"));
	for (size_t i = 0; i < LEN(ends); i++)
		fits = fits || str_iends(last, str_c(ends[i]));
	for (size_t i = 0; fits && i < LEN(not_ends); i++)
		fits = !str_iends(last, str_c(not_ends[i]));
	for (size_t i = 0; fits && i < LEN(inside); i++)
		fits = str_ifind(name, str_c(inside[i])) == STR_NPOS;
	return fits;
}
