/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_BASE_MAP_H
#define HINOMI_BASE_MAP_H

#include "base/str.h"

/*
 * A hash table from strings to 64-bit values (a number, an index or a pointer). Open addressing, seeded hash, copies its keys.
 * Bounded content only: the caller caps what outside data can add. Reading from several threads is safe while nobody writes.
 */
struct map_slot;

struct map {
	struct map_slot *slot;
	size_t cap; /* power of two or 0 */
	size_t n;
	size_t graves;
};

void map_init(struct map *m);
void map_done(struct map *m);
void map_clear(struct map *m);

/* NULL when absent. The address is valid until the next map_put or map_del. O(1). */
uint64_t *map_get(const struct map *m, struct str key);
void *map_get_ptr(const struct map *m, struct str key);
/* The value's place, made with 0 when new; *ret_new (may be NULL) tells. */
uint64_t *map_put(struct map *m, struct str key, bool *ret_new);
void map_put_ptr(struct map *m, struct str key, void *value);
bool map_del(struct map *m, struct str key);

/* Walk in unspecified order: `for (size_t it = 0; map_next(m, &it, &key, &val);)`. No writes meanwhile. */
bool map_next(const struct map *m, size_t *it, struct str *ret_key, uint64_t **ret_value);

#endif
