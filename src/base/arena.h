/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_BASE_ARENA_H
#define HINOMI_BASE_ARENA_H

#include "base/buf.h"

/*
 * Memory that is freed all at once: one per batch, request or rule image. Blocks double up to 1 MiB. With a cap (bytes, 0 = none)
 * arena_alloc returns NULL once it is reached; without one it aborts on no memory. Alignment is 16. Not thread-safe.
 */
struct arena_block;

struct arena {
	struct arena_block *head;
	char *at, *end;
	size_t used; /* bytes handed out since the last reset */
	size_t max;  /* 0 = no cap */
};

void arena_init(struct arena *a, size_t max);
void arena_done(struct arena *a);
/* Forgets all; keeps the largest block, so a steady batch allocates nothing. */
void arena_reset(struct arena *a);

#define ARENA_ALIGN ((size_t)16)
void *arena_alloc_slow_(struct arena *a, size_t size);

/* Uninitialised / zeroed memory, or NULL at the cap. size 0 gives a valid unique pointer. */
static inline void *arena_alloc(struct arena *a, size_t size)
{
	size_t whole = (size + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
	char *p = a->at;
	/* What is left of a block is a multiple, too; 0 and what is beyond it go the long way. */
	if (size - 1 >= (size_t)(a->end - p) || (a->max && whole > a->max - a->used))
		return arena_alloc_slow_(a, size);
	a->used += whole;
	a->at = p + whole;
	return p;
}
void *arena_zalloc(struct arena *a, size_t size);
/* count * size with overflow check; NULL at the cap or on overflow. */
static inline void *arena_array(struct arena *a, size_t count, size_t size)
{
	size_t total;
	return __builtin_mul_overflow(count, size, &total) ? NULL : arena_alloc(a, total);
}
/* A copy with a NUL behind it; STR_NONE at the cap (p == NULL). */
struct str arena_dup(struct arena *a, struct str s);
struct str arena_fmt(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define arena_new(a, type) ((type *)arena_zalloc((a), sizeof(type)))

#endif
