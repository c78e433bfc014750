/* SPDX-License-Identifier: Apache-2.0 */
#include "event/json_names.h"

#include "base/map.h"
#include "sys/rand.h"

#define SLOTS 4096u
#define PROBES 16u

/* The first and the last eight bytes, which of most names is all of them. */
struct name_key {
	uint64_t first, last;
	size_t n;
};

struct name_slot {
	struct name_key key;
	struct json_name *name; /* NULL = free */
};

struct json_names {
	json_name_fn *fill;
	void *arg;
	uint64_t seed[2]; /* nobody can build names that share their slots */
	struct name_slot slot[SLOTS];
	size_t n;
	struct map known;
	struct arena mem;
};

struct json_names *json_names_new(json_name_fn *fill, void *arg)
{
	struct json_names *t = must_new(struct json_names);
	t->fill = fill;
	t->arg = arg;
	rand_bytes(t->seed, sizeof(t->seed));
	t->seed[0] |= 1;
	t->seed[1] |= 1;
	map_init(&t->known);
	arena_init(&t->mem, 0);
	return t;
}

void json_names_free(struct json_names *t)
{
	if (!t)
		return;
	map_done(&t->known);
	arena_done(&t->mem);
	free(t);
}

uint16_t json_names_know(struct json_names *t, struct str name)
{
	uint64_t *at = map_put(&t->known, name, NULL);
	if (!*at)
		*at = t->known.n;
	must(*at < JSON_KNOWN_MAX);
	return (uint16_t)*at;
}

uint16_t json_names_known(const struct json_names *t, struct str name)
{
	uint64_t *at = map_get(&t->known, name);
	return at ? (uint16_t)*at : 0;
}

static inline struct name_key key_of(struct str s)
{
	struct name_key k = {0, 0, s.n};
	if (s.n >= 8) {
		memcpy(&k.first, s.p, 8);
		memcpy(&k.last, s.p + s.n - 8, 8);
	} else if (s.n >= 4) {
		memcpy(&k.first, s.p, 4);
		memcpy(&k.last, s.p + s.n - 4, 4);
	} else if (s.n) {
		k.first = (unsigned char)s.p[0] | (uint64_t)(unsigned char)s.p[s.n / 2] << 8;
		k.last = (unsigned char)s.p[s.n - 1];
	}
	return k;
}

static struct json_name *name_make(struct json_names *t, struct str raw, struct arena *mem)
{
	struct json_name *name = arena_new(mem, struct json_name);
	if (!name)
		return NULL;
	name->raw = raw;
	name->known = json_names_known(t, raw);
	t->fill(t->arg, name);
	return name;
}

const struct json_name *json_names_get(struct json_names *t, struct str raw, struct arena *mem)
{
	struct name_key k = key_of(raw);
	size_t i = (size_t)(((k.first ^ k.n) * t->seed[0] + k.last * t->seed[1]) >> 40);
	struct name_slot *s = &t->slot[i % SLOTS];
	for (unsigned probe = 0; probe < PROBES && s->name; probe++, s = &t->slot[++i % SLOTS])
		if (s->key.first == k.first && s->key.last == k.last && s->key.n == k.n && (k.n <= 16 || memcmp(s->name->raw.p, raw.p, k.n) == 0))
			return s->name;
	if (s->name || t->n == JSON_NAMES_MAX || raw.n > JSON_NAME_LONGEST)
		return name_make(t, raw, mem);
	t->n++;
	*s = (struct name_slot){k, name_make(t, arena_dup(&t->mem, raw), &t->mem)};
	return s->name;
}
