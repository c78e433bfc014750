/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"
#include "base/must.h"

/* Linear probing; a deleted slot keeps hash GRAVE so that probes go on behind it. Full at 3/4 counting graves. */
struct map_slot {
	uint64_t hash; /* 0 = free, 1 = grave */
	uint64_t value;
	char *key;
	size_t n;
};

#define FREE ((uint64_t)0)
#define GRAVE ((uint64_t)1)

void map_init(struct map *m)
{
	*m = (struct map){0};
}

void map_clear(struct map *m)
{
	for (size_t i = 0; i < m->cap; i++)
		if (m->slot[i].hash > GRAVE)
			free(m->slot[i].key);
	if (m->slot)
		memset(m->slot, 0, m->cap * sizeof(*m->slot));
	m->n = m->graves = 0;
}

void map_done(struct map *m)
{
	map_clear(m);
	free(m->slot);
	*m = (struct map){0};
}

static uint64_t key_hash(struct str key)
{
	uint64_t h = str_hash(key);
	return h > GRAVE ? h : h + 2;
}

static struct map_slot *find(const struct map *m, struct str key, uint64_t hash)
{
	if (!m->cap)
		return NULL;
	for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
		struct map_slot *s = &m->slot[i];
		if (s->hash == FREE)
			return NULL;
		if (s->hash == hash && str_eq(str_n(s->key, s->n), key))
			return s;
	}
}

static struct map_slot *free_slot(const struct map *m, uint64_t hash)
{
	size_t i = hash & (m->cap - 1);
	while (m->slot[i].hash > GRAVE)
		i = (i + 1) & (m->cap - 1);
	return &m->slot[i];
}

static void rehash(struct map *m, size_t cap)
{
	struct map old = *m;
	m->slot = must_calloc(cap, sizeof(*m->slot));
	m->cap = cap;
	m->graves = 0;
	for (size_t i = 0; i < old.cap; i++)
		if (old.slot[i].hash > GRAVE)
			*free_slot(m, old.slot[i].hash) = old.slot[i];
	free(old.slot);
}

uint64_t *map_get(const struct map *m, struct str key)
{
	struct map_slot *s = find(m, key, key_hash(key));
	return s ? &s->value : NULL;
}

void *map_get_ptr(const struct map *m, struct str key)
{
	uint64_t *v = map_get(m, key);
	return v ? (void *)(uintptr_t)*v : NULL;
}

uint64_t *map_put(struct map *m, struct str key, bool *ret_new)
{
	uint64_t hash = key_hash(key);
	struct map_slot *s = find(m, key, hash);
	if (ret_new)
		*ret_new = !s;
	if (s)
		return &s->value;
	if ((m->n + m->graves + 1) * 4 > m->cap * 3)
		rehash(m, (m->n + 1) * 2 > m->cap ? (m->cap ? m->cap * 2 : 16) : m->cap);
	s = free_slot(m, hash);
	if (s->hash == GRAVE)
		m->graves--;
	*s = (struct map_slot){.hash = hash, .key = str_dup_c(key), .n = key.n};
	m->n++;
	return &s->value;
}

void map_put_ptr(struct map *m, struct str key, void *value)
{
	*map_put(m, key, NULL) = (uint64_t)(uintptr_t)value;
}

bool map_del(struct map *m, struct str key)
{
	struct map_slot *s = find(m, key, key_hash(key));
	if (!s)
		return false;
	free(s->key);
	*s = (struct map_slot){.hash = GRAVE};
	m->n--;
	m->graves++;
	return true;
}

bool map_next(const struct map *m, size_t *it, struct str *ret_key, uint64_t **ret_value)
{
	for (; *it < m->cap; (*it)++) {
		struct map_slot *s = &m->slot[*it];
		if (s->hash <= GRAVE)
			continue;
		(*it)++;
		if (ret_key)
			*ret_key = str_n(s->key, s->n);
		if (ret_value)
			*ret_value = &s->value;
		return true;
	}
	return false;
}
