/* SPDX-License-Identifier: Apache-2.0 */
#include "house/parts.h"

#include <errno.h>
#include <stdlib.h>

#define SOURCES_MAX 10000
#define GROUP_MAX 256

struct intake_batch *intake_batch_new(size_t max_bytes)
{
	struct intake_batch *b = must_new(struct intake_batch);
	arena_init(&b->mem, max_bytes);
	return b;
}

void intake_batch_free(struct intake_batch *b)
{
	if (!b)
		return;
	vec_done(&b->rec);
	arena_done(&b->mem);
	free(b);
}

int house_submit(struct house *h, struct intake_batch *b)
{
	return queue_push(h->intake_q, b, b->bytes + 1);
}

static void batch_finish(struct house *h, struct intake_batch *b, int err)
{
	vec_each(r, &b->rec) {
		house_count(h, r->source, err ? COUNT_REFUSED : COUNT_STORED, err ? "disk" : NULL, 1, 0);
	}
	if (b->done)
		b->done(b->arg, b, err);
	else
		intake_batch_free(b);
}

/*
 * Group commit: everything that waits is appended, one sync makes it durable, then all are answered. A batch whose append fails is refused
 * alone; a failed sync refuses all of the group (none of them is known to be durable).
 */
int intake_turn(struct house *h, int wait_ms)
{
	void *item[GROUP_MAX];
	int err[GROUP_MAX];
	size_t n = queue_pop_many(h->intake_q, item, GROUP_MAX, wait_ms);

	for (size_t i = 0; i < n; i++) {
		struct intake_batch *b = item[i];
		uint64_t first;
		err[i] = b->rec.n ? wal_append(h->wal, b->rec.at, b->rec.n, &first) : 0;
	}
	if (n) {
		int sync_err = wal_sync(h->wal);
		for (size_t i = 0; i < n; i++)
			batch_finish(h, item[i], err[i] ? err[i] : sync_err);
	}
	return (int)n;
}

static struct source_stat *source_stat(struct house *h, struct str source)
{
	if (h->sources.n >= SOURCES_MAX && !map_get(&h->source_index, source))
		source = STR("(other)");
	bool fresh;
	uint64_t *at = map_put(&h->source_index, source, &fresh);
	if (fresh) {
		*at = h->sources.n;
		struct source_stat *s = vec_add(&h->sources);
		s->name = str_dup_c(source);
		s->last_received = TS_NONE;
	}
	return &h->sources.at[*at];
}

static void reason_add(struct source_stat *s, const char *reason, uint64_t n)
{
	for (size_t i = 0; i < REASONS_MAX; i++) {
		if (!s->reason[i].reason)
			s->reason[i].reason = reason;
		if (s->reason[i].reason == reason || str_eq(str_c(s->reason[i].reason), str_c(reason))) {
			s->reason[i].n += n;
			return;
		}
	}
}

void house_count(struct house *h, struct str source, enum count_kind kind, const char *reason, uint64_t n, uint64_t bytes)
{
	pthread_mutex_lock(&h->count_lock);
	struct source_stat *s = source_stat(h, source);
	switch (kind) {
	case COUNT_RECEIVED:
		s->received += n;
		s->bytes += bytes;
		s->last_received = clock_now(h->clock);
		break;
	case COUNT_STORED:
		s->stored += n;
		break;
	case COUNT_REFUSED:
		s->refused += n;
		reason_add(s, reason ? reason : "other", n);
		break;
	}
	pthread_mutex_unlock(&h->count_lock);
}

static json_t *source_json(const struct source_stat *s)
{
	json_t *reasons = json_object();
	for (size_t i = 0; i < REASONS_MAX && s->reason[i].reason; i++)
		json_object_set_new(reasons, s->reason[i].reason, json_integer((json_int_t)s->reason[i].n));
	json_t *o = json_pack("{s:s, s:I, s:I, s:I, s:I, s:o}", "source", s->name, "received", (json_int_t)s->received, "stored",
		(json_int_t)s->stored, "refused", (json_int_t)s->refused, "bytes", (json_int_t)s->bytes, "reasons", reasons);
	char text[TS_TEXT_MAX];
	if (s->last_received != TS_NONE)
		json_object_set_new(o, "last_received_at", json_stringn(text, ts_format(text, s->last_received)));
	else
		json_object_set_new(o, "last_received_at", json_null());
	return o;
}

json_t *house_sources(struct house *h)
{
	json_t *list = json_array();
	pthread_mutex_lock(&h->count_lock);
	vec_each(s, &h->sources) {
		json_array_append_new(list, source_json(s));
	}
	pthread_mutex_unlock(&h->count_lock);
	return list;
}

struct waiting {
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool finished;
	int err;
};

static void finish_waiting(void *arg, struct intake_batch *b, int err)
{
	struct waiting *w = arg;
	(void)b;
	pthread_mutex_lock(&w->lock);
	w->err = err;
	w->finished = true;
	pthread_cond_signal(&w->done);
	pthread_mutex_unlock(&w->lock);
}

int house_intake(struct house *h, struct intake_batch *b)
{
	struct waiting w = {.lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};
	b->done = finish_waiting;
	b->arg = &w;
	int r = house_submit(h, b);
	if (r < 0)
		return r;
	if (!h->threaded)
		intake_turn(h, 0);
	pthread_mutex_lock(&w.lock);
	while (!w.finished)
		pthread_cond_wait(&w.done, &w.lock);
	pthread_mutex_unlock(&w.lock);
	return w.err;
}
