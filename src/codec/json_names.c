/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json_names.h"

#include "base/word.h"
#include "sys/rand.h"

#include <string.h>

#define SLOTS 16384u
#define PROBES 16u

struct json_names {
	size_t size;
	json_name_fn *fill;
	void *arg;
	uint64_t seed[2]; /* nobody can build names that share their slots */
	struct json_name *slot[SLOTS];
	size_t n;
	struct json_name front;
	struct arena mem;
};

struct json_name json_name_nowhere = {.text.n = SIZE_MAX, .next = &json_name_nowhere, .other = &json_name_nowhere, .head_mask = JSON_NAME_NEVER};

struct json_names *json_names_new(size_t size, json_name_fn *fill, void *arg)
{
	struct json_names *t = must_new(struct json_names);
	must(size >= sizeof(struct json_name));
	t->size = size;
	t->fill = fill;
	t->arg = arg;
	rand_bytes(t->seed, sizeof(t->seed));
	t->seed[0] |= 1;
	t->seed[1] |= 1;
	t->front = json_name_nowhere;
	arena_init(&t->mem, 0);
	return t;
}

void json_names_free(struct json_names *t)
{
	if (!t)
		return;
	arena_done(&t->mem);
	free(t);
}

struct json_name *json_names_front(struct json_names *t)
{
	return &t->front;
}

/* The first and the last eight bytes, or what there is. */
static size_t slot_of(const struct json_names *t, struct str s)
{
	uint64_t first = 0, last = 0;
	if (s.n >= 8) {
		first = word_load(s.p);
		last = word_load(s.p + s.n - 8);
	} else if (s.n >= 4) {
		memcpy(&first, s.p, 4);
		memcpy(&last, s.p + s.n - 4, 4);
	} else if (s.n) {
		first = (unsigned char)s.p[0] | (uint64_t)(unsigned char)s.p[s.n / 2] << 8;
		last = (unsigned char)s.p[s.n - 1];
	}
	return (size_t)(((first ^ s.n) * t->seed[0] + last * t->seed[1]) >> 40);
}

/* The name, or NULL and the place where it would be put, NULL for none. */
static struct json_name *look(struct json_names *t, struct str text, struct json_name ***ret_place)
{
	size_t i = slot_of(t, text);
	for (unsigned probe = 0; probe < PROBES; probe++) {
		struct json_name **s = &t->slot[i++ % SLOTS];
		*ret_place = s;
		if (!*s)
			return NULL;
		if (str_eq((*s)->text, text))
			return *s;
	}
	*ret_place = NULL;
	return NULL;
}

void json_name_stands(struct json_name *name, const struct json_name *inside, struct str key)
{
	size_t n = key.n + 2;
	bool same = name->inside == inside && name->n_head == n;
	if (same || n > JSON_NAME_HEAD || inside == &json_name_nowhere)
		return;
	memcpy(name->head, key.p, key.n);
	memcpy(name->head + key.n, "\":", 2);
	name->head_mask = (UINT64_C(1) << n) - 1;
	name->n_head = n;
	name->inside = inside;
}

static struct json_name *name_make(struct json_names *t, struct str text, struct arena *mem)
{
	struct json_name *name = arena_zalloc(mem, t->size);
	if (!name)
		return NULL;
	*name = json_name_nowhere;
	name->text = text;
	t->fill(t->arg, name, mem);
	return name;
}

struct json_name *json_names_find(struct json_names *t, struct str text)
{
	struct json_name **place;
	return look(t, text, &place);
}

struct json_name *json_names_keep(struct json_names *t, struct str text)
{
	struct json_name **place, *name = look(t, text, &place);
	if (name || !place || t->n == JSON_NAMES_MAX || text.n > JSON_NAME_LONGEST)
		return name;
	t->n++;
	return *place = name_make(t, arena_dup(&t->mem, text), &t->mem);
}

struct json_name *json_names_get(struct json_names *t, struct str text, struct arena *mem)
{
	struct json_name *name = json_names_keep(t, text);
	return name ? name : name_make(t, text, mem);
}
