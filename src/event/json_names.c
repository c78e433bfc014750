/* SPDX-License-Identifier: Apache-2.0 */
#include "event/json_names.h"

#include "base/map.h"
#include "sys/rand.h"

#define SLOTS 4096u
#define PROBES 16u

struct json_names {
	json_name_fn *fill;
	void *arg;
	uint64_t seed[2]; /* nobody can build names that share their slots */
	struct json_name *slot[SLOTS];
	size_t n;
	struct json_name front; /* stands before the first name of an object */
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

uint8_t json_names_know(struct json_names *t, struct str name)
{
	uint64_t *at = map_put(&t->known, name, NULL);
	if (!*at)
		*at = t->known.n;
	must(*at < JSON_KNOWN_MAX);
	return (uint8_t)*at;
}

uint8_t json_names_known(const struct json_names *t, struct str name)
{
	uint64_t *at = map_get(&t->known, name);
	return at ? (uint8_t)*at : 0;
}

struct key {
	uint64_t first, last;
};

static inline struct key key_of(struct str s)
{
	struct key k = {0, 0};
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

static inline bool is_name(const struct json_name *name, struct str raw, struct key k)
{
	return name->raw.n == raw.n && name->first == k.first && name->last == k.last && (raw.n <= 16 || memcmp(name->raw.p + 8, raw.p + 8, raw.n - 16) == 0);
}

static struct json_name *name_make(struct json_names *t, struct str raw, struct key k, struct arena *mem)
{
	struct json_name *name = arena_new(mem, struct json_name);
	if (!name)
		return NULL;
	name->raw = raw;
	name->first = k.first;
	name->last = k.last;
	name->known = json_names_known(t, raw);
	t->fill(t->arg, name);
	return name;
}

static struct json_name *find(struct json_names *t, struct str raw, struct key k, struct arena *mem)
{
	size_t i = (size_t)(((k.first ^ raw.n) * t->seed[0] + k.last * t->seed[1]) >> 40);
	struct json_name **s = &t->slot[i % SLOTS];
	for (unsigned probe = 0; probe < PROBES && *s; probe++, s = &t->slot[++i % SLOTS])
		if (is_name(*s, raw, k))
			return *s;
	if (*s || t->n == JSON_NAMES_MAX || raw.n > JSON_NAME_LONGEST)
		return name_make(t, raw, k, mem);
	t->n++;
	*s = name_make(t, arena_dup(&t->mem, raw), k, &t->mem);
	(*s)->kept = true;
	return *s;
}

bool json_names_get(struct json_names *t, const struct json_leaf *leaf, size_t n, struct arena *mem, const struct json_name **ret_name, uint64_t *ret_known)
{
	struct json_name *before = &t->front;
	uint64_t known = 0;
	for (size_t i = 0; i < n; i++) {
		struct str raw = leaf[i].name;
		struct key k = key_of(raw);
		struct json_name *name = before->next;
		if (!name || !is_name(name, raw, k)) {
			name = find(t, raw, k, mem);
			if (!name)
				return false;
			before->next = name->kept ? name : NULL;
		}
		ret_name[i] = name;
		known |= UINT64_C(1) << name->known;
		before = name;
	}
	*ret_known = known;
	return true;
}
