/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdarg.h>

#define BLOCK_FIRST ((size_t)4096)
#define BLOCK_MOST ((size_t)1 << 20)

struct arena_block {
	struct arena_block *next;
	size_t size; /* usable bytes behind the header */
};

#define HEADER ((sizeof(struct arena_block) + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1))

void arena_init(struct arena *a, size_t max)
{
	*a = (struct arena){.max = max};
}

static void blocks_free(struct arena_block *b)
{
	while (b) {
		struct arena_block *next = b->next;
		free(b);
		b = next;
	}
}

void arena_done(struct arena *a)
{
	blocks_free(a->head);
	*a = (struct arena){.max = a->max};
}

static void start_block(struct arena *a, struct arena_block *b)
{
	a->head = b;
	a->at = (char *)b + HEADER;
	a->end = a->at + b->size;
}

static struct arena_block *keep_largest(struct arena_block *head)
{
	struct arena_block *keep = head;
	for (struct arena_block *b = head->next; b; b = b->next)
		if (b->size > keep->size && b->size <= BLOCK_MOST)
			keep = b;
	for (struct arena_block *b = head, *next; b; b = next) {
		next = b->next;
		if (b != keep)
			free(b);
	}
	keep->next = NULL;
	return keep;
}

void arena_reset(struct arena *a)
{
	struct arena_block *keep = a->head;
	a->used = 0;
	if (!keep)
		return;
	if (keep->next)
		keep = keep_largest(keep);
	start_block(a, keep);
}

static void *alloc_slow(struct arena *a, size_t size)
{
	size_t want = a->head ? a->head->size * 2 : BLOCK_FIRST;
	if (want > BLOCK_MOST)
		want = BLOCK_MOST;
	if (want < size)
		want = size;
	struct arena_block *b = malloc(HEADER + want);
	if (!b) {
		must(a->max != 0);
		return NULL;
	}
	b->size = want;
	b->next = a->head;
	start_block(a, b);
	void *p = a->at;
	a->at += size;
	return p;
}

void *arena_alloc_slow_(struct arena *a, size_t size)
{
	if (size > SIZE_MAX / 2) {
		must(a->max != 0);
		return NULL;
	}
	size = (size + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
	if (!size)
		size = ARENA_ALIGN;
	if (a->max && (size > a->max || a->used > a->max - size))
		return NULL;
	a->used += size;
	if ((size_t)(a->end - a->at) >= size && a->at) {
		void *p = a->at;
		a->at += size;
		return p;
	}
	void *p = alloc_slow(a, size);
	if (!p)
		a->used -= size;
	return p;
}

void *arena_zalloc(struct arena *a, size_t size)
{
	void *p = arena_alloc(a, size);
	if (p)
		memset(p, 0, size);
	return p;
}

struct str arena_dup(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);
	if (!p)
		return STR_NONE;
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = 0;
	return str_n(p, s.n);
}

struct str arena_fmt(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	must(n >= 0);
	char *p = arena_alloc(a, (size_t)n + 1);
	if (p)
		vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p ? str_n(p, (size_t)n) : STR_NONE;
}
