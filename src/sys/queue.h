/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SYS_QUEUE_H
#define HINOMI_SYS_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A bounded queue of pointers between threads, many producers and many consumers, first in first out. The bound is in items and in weight
 * (bytes, say); a push beyond either is refused and counted, so that what is shed is visible. No lock is held outside these calls.
 */
struct queue;

struct queue_stats {
	uint64_t pushed, refused;
	size_t items, weight, peak_items;
};

struct queue *queue_new(size_t max_items, size_t max_weight);
void queue_free(struct queue *q); /* the caller has drained it */

/* 0, -EAGAIN (full), -EPIPE (closed). Ownership of item passes on 0. */
int queue_push(struct queue *q, void *item, size_t weight);
/* As queue_push but waits for room; -EPIPE when closed meanwhile. */
int queue_push_wait(struct queue *q, void *item, size_t weight);
/* NULL when nothing came within timeout_ms (-1 = wait for ever) or when closed and empty. */
void *queue_pop(struct queue *q, int timeout_ms);
/* Takes up to max items at once; returns how many. Waits like queue_pop for the first. */
size_t queue_pop_many(struct queue *q, void **items, size_t max, int timeout_ms);
/* No more pushes; what is in can still be popped. */
void queue_close(struct queue *q);
bool queue_closed(const struct queue *q);
void queue_stats(const struct queue *q, struct queue_stats *ret);

#endif
