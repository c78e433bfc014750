/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/queue.h"
#include "base/must.h"

#include <errno.h>
#include <pthread.h>

struct node {
	struct node *next;
	void *item;
	size_t weight;
};

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled, drained;
	struct node *head, **tail;
	size_t max_items, max_weight;
	bool closed;
	struct queue_stats stats;
};

struct queue *queue_new(size_t max_items, size_t max_weight)
{
	struct queue *q = must_new(struct queue);
	pthread_condattr_t mono;
	pthread_condattr_init(&mono);
	pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->filled, &mono);
	pthread_cond_init(&q->drained, &mono);
	pthread_condattr_destroy(&mono);
	q->tail = &q->head;
	q->max_items = max_items;
	q->max_weight = max_weight;
	return q;
}

void queue_free(struct queue *q)
{
	if (!q)
		return;
	while (q->head) {
		struct node *n = q->head;
		q->head = n->next;
		free(n);
	}
	pthread_cond_destroy(&q->filled);
	pthread_cond_destroy(&q->drained);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

/* An item heavier than the whole bound still passes when the queue is empty: it would wait for ever otherwise. */
static bool has_room(const struct queue *q, size_t weight)
{
	if (q->stats.items >= q->max_items)
		return false;
	return q->stats.items == 0 || (weight <= q->max_weight && q->stats.weight <= q->max_weight - weight);
}

static void push_locked(struct queue *q, void *item, size_t weight)
{
	struct node *n = must_new(struct node);
	n->item = item;
	n->weight = weight;
	*q->tail = n;
	q->tail = &n->next;
	q->stats.pushed++;
	q->stats.items++;
	q->stats.weight += weight;
	if (q->stats.items > q->stats.peak_items)
		q->stats.peak_items = q->stats.items;
	pthread_cond_signal(&q->filled);
}

int queue_push(struct queue *q, void *item, size_t weight)
{
	int r = 0;
	pthread_mutex_lock(&q->lock);
	if (q->closed)
		r = -EPIPE;
	else if (!has_room(q, weight))
		r = -EAGAIN;
	if (r)
		q->stats.refused++;
	else
		push_locked(q, item, weight);
	pthread_mutex_unlock(&q->lock);
	return r;
}

int queue_push_wait(struct queue *q, void *item, size_t weight)
{
	int r = 0;
	pthread_mutex_lock(&q->lock);
	while (!q->closed && !has_room(q, weight))
		pthread_cond_wait(&q->drained, &q->lock);
	if (q->closed)
		r = -EPIPE;
	else
		push_locked(q, item, weight);
	pthread_mutex_unlock(&q->lock);
	return r;
}

static void *pop_locked(struct queue *q)
{
	struct node *n = q->head;
	void *item = n->item;
	q->head = n->next;
	if (!q->head)
		q->tail = &q->head;
	q->stats.items--;
	q->stats.weight -= n->weight;
	free(n);
	return item;
}

static void wait_filled(struct queue *q, int timeout_ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += timeout_ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	while (!q->head && !q->closed) {
		int r = timeout_ms < 0 ? pthread_cond_wait(&q->filled, &q->lock) : pthread_cond_timedwait(&q->filled, &q->lock, &until);
		if (r == ETIMEDOUT)
			return;
	}
}

size_t queue_pop_many(struct queue *q, void **items, size_t max, int timeout_ms)
{
	size_t n = 0;
	pthread_mutex_lock(&q->lock);
	if (!q->head && timeout_ms)
		wait_filled(q, timeout_ms);
	while (q->head && n < max)
		items[n++] = pop_locked(q);
	if (n)
		pthread_cond_broadcast(&q->drained);
	pthread_mutex_unlock(&q->lock);
	return n;
}

void *queue_pop(struct queue *q, int timeout_ms)
{
	void *item = NULL;
	queue_pop_many(q, &item, 1, timeout_ms);
	return item;
}

void queue_close(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closed = true;
	pthread_cond_broadcast(&q->filled);
	pthread_cond_broadcast(&q->drained);
	pthread_mutex_unlock(&q->lock);
}

bool queue_closed(const struct queue *q)
{
	struct queue *w = (struct queue *)(uintptr_t)q;
	pthread_mutex_lock(&w->lock);
	bool closed = w->closed;
	pthread_mutex_unlock(&w->lock);
	return closed;
}

void queue_stats(const struct queue *q, struct queue_stats *ret)
{
	struct queue *w = (struct queue *)(uintptr_t)q;
	pthread_mutex_lock(&w->lock);
	*ret = w->stats;
	pthread_mutex_unlock(&w->lock);
}
