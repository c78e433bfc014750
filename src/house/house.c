/* SPDX-License-Identifier: Apache-2.0 */
#include "house/parts.h"
#include "sys/file.h"
#include "sys/log.h"
#include "sys/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define INTAKE_BATCHES_MAX 65536
#define DESK_JOBS_MAX 4096

static int lock_dir(struct house *h, struct diag *d)
{
	char path[4096];
	int r = file_make_dirs(h->dir);
	if (r < 0)
		return diag_error(d, (struct diag_at){0}, "data.directory", "cannot make the data directory %s", h->dir), r;
	if ((r = path_join(path, sizeof(path), h->dir, "lock")) < 0)
		return r;
	h->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (h->lock_fd < 0)
		return -errno;
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	if (fcntl(h->lock_fd, F_OFD_SETLK, &whole) < 0) {
		diag_error(d, (struct diag_at){0}, "data.locked", "the data directory %s is in use by another hinomi", h->dir);
		diag_hint(d, "stop the server, or use the command through its local socket");
		return -EBUSY;
	}
	return 0;
}

static int open_stores(struct house *h, struct diag *d)
{
	char path[4096];
	int r = path_join(path, sizeof(path), h->dir, "wal");
	if (r < 0)
		return r;
	if ((r = wal_open(&(struct wal_opts){.dir = path}, d, &h->wal)) < 0)
		return r;
	if ((r = path_join(path, sizeof(path), h->dir, "segments")) < 0)
		return r;
	struct store_opts so = {.dir = path, .vocab = h->vocab, .seal_bytes = config_count(h->config, CFG_SEAL_BYTES),
		.seal_age_ns = config_duration(h->config, CFG_SEAL_AGE)};
	return store_open(&so, d, &h->store);
}

static void on_change(void *arg, enum noun noun, struct str id, uint64_t version, const char *verb)
{
	struct house *h = arg;
	if (noun == NOUN_NOTICE)
		outbox_call(h);
	if (h->listener)
		h->listener(h->listener_arg, noun, id, version, verb);
}

int house_open(const struct house_opts *o, struct diag *d, struct house **ret)
{
	struct house *h = must_new(struct house);
	int r;

	h->dir = must_strdup(o->dir);
	h->config = o->config;
	h->clock = o->clock;
	h->words = o->words;
	h->lock_fd = -1;
	h->published_commits = UINT64_MAX;
	diag_init(&h->findings);
	map_init(&h->source_index);
	pthread_mutex_init(&h->count_lock, NULL);
	pthread_mutex_init(&h->reader_lock, NULL);
	pthread_mutex_init(&h->job_lock, NULL);
	pthread_cond_init(&h->job_done, NULL);
	h->intake_q = queue_new(INTAKE_BATCHES_MAX, config_count(o->config, CFG_INTAKE_QUEUE));
	h->desk_q = queue_new(DESK_JOBS_MAX, SIZE_MAX / 2);
	if ((r = lock_dir(h, d)) < 0 || (r = content_load(h)) < 0 || (r = open_stores(h, d)) < 0)
		goto fail;
	if ((r = desk_open(h->dir, h->clock, false, d, &h->desk)) < 0)
		goto fail;
	if ((r = book_open(h, d)) < 0)
		goto fail;
	outbox_open(h, o);
	desk_listen(h->desk, on_change, h);
	if ((r = engine_open(h, d)) < 0)
		goto fail;
	*ret = h;
	return 0;
fail:
	house_close(h);
	return r;
}

void house_abandon(struct house *h)
{
	h->abandoned = true;
	house_close(h);
}

static void readers_close(struct house *h)
{
	vec_each(k, &h->readers) {
		desk_close(*k);
	}
	vec_done(&h->readers);
}

/* Everything but the outbox, which may have to wait for others. */
static int drain(struct house *h)
{
	for (;;) {
		int a = intake_turn(h, 0);
		int b = engine_turn(h);
		int c = desk_turn(h, 0);
		if (a < 0 || b < 0 || c < 0)
			return a < 0 ? a : b < 0 ? b : c;
		if (a + b + c == 0)
			return 0;
	}
}

int house_turn(struct house *h)
{
	must(!h->threaded);
	for (;;) {
		int r = drain(h);
		int d = r < 0 ? r : deliver_turn(h);
		if (d <= 0)
			return d;
	}
}

void house_close(struct house *h)
{
	if (!h)
		return;
	must(!h->threaded);
	if (h->engine.cursor && !h->abandoned)
		drain(h);
	readers_close(h);
	outbox_close(h);
	engine_close(h);
	if (h->desk && !h->abandoned)
		ledger_publish(desk_ledger(h->desk));
	desk_close(h->desk);
	store_close(h->store);
	wal_close(h->wal);
	sigma_image_unref(h->image);
	vocab_unref(h->vocab);
	rulebook_free(h->rulebook);
	json_decref(h->playbooks);
	queue_free(h->intake_q);
	queue_free(h->desk_q);
	vec_each(s, &h->sources) {
		free(s->name);
	}
	vec_done(&h->sources);
	map_done(&h->source_index);
	diag_done(&h->findings);
	if (h->lock_fd >= 0)
		close(h->lock_fd);
	free(h->dir);
	free(h);
}

static void *intake_thread(void *arg)
{
	struct house *h = arg;
	while (intake_turn(h, 200) > 0 || !queue_closed(h->intake_q))
		;
	return NULL;
}

static void *engine_thread(void *arg)
{
	struct house *h = arg;
	while (!h->engine_stopping) {
		int n = engine_turn(h);
		if (n < 0)
			log_error("engine", "detection waits: error %d", -n);
		if (n <= 0)
			usleep(n < 0 ? 500000 : 10000);
	}
	return NULL;
}

static void *desk_thread(void *arg)
{
	struct house *h = arg;
	while (desk_turn(h, 200) > 0 || !queue_closed(h->desk_q))
		;
	return NULL;
}

int house_start(struct house *h)
{
	must(!h->threaded);
	h->threaded = true;
	int r = thread_start(&h->desk_t, "desk", desk_thread, h);
	if (r < 0)
		return h->threaded = false, r;
	if ((r = thread_start(&h->intake_t, "intake", intake_thread, h)) < 0)
		goto no_intake;
	if ((r = thread_start(&h->engine_t, "engine", engine_thread, h)) < 0)
		goto no_engine;
	if ((r = thread_start(&h->outbox_t, "outbox", outbox_thread, h)) < 0)
		goto no_outbox;
	return 0;
no_outbox:
	h->engine_stopping = true;
	thread_join(h->engine_t);
no_engine:
	queue_close(h->intake_q);
	thread_join(h->intake_t);
no_intake:
	queue_close(h->desk_q);
	thread_join(h->desk_t);
	h->threaded = false;
	return r;
}

void house_stop(struct house *h)
{
	if (!h->threaded)
		return;
	queue_close(h->intake_q);
	thread_join(h->intake_t);
	h->engine_stopping = true;
	thread_join(h->engine_t);
	outbox_end(h);
	thread_join(h->outbox_t);
	queue_close(h->desk_q);
	thread_join(h->desk_t);
	h->threaded = false;
}

struct desk *house_reader_get(struct house *h)
{
	struct desk *k = NULL;
	pthread_mutex_lock(&h->reader_lock);
	if (h->readers.n)
		k = vec_pop(&h->readers);
	pthread_mutex_unlock(&h->reader_lock);
	if (!k && desk_open(h->dir, h->clock, true, NULL, &k) < 0)
		return NULL;
	return k;
}

void house_reader_put(struct house *h, struct desk *k)
{
	if (!k)
		return;
	pthread_mutex_lock(&h->reader_lock);
	vec_push(&h->readers, k);
	pthread_mutex_unlock(&h->reader_lock);
}

void house_listen(struct house *h, desk_listener *fn, void *arg)
{
	h->listener = fn;
	h->listener_arg = arg;
}

struct store *house_store(struct house *h)
{
	return h->store;
}

struct vocab *house_vocab(struct house *h)
{
	return h->vocab;
}

struct sigma_image *house_image(struct house *h)
{
	return h->image ? sigma_image_ref(h->image) : NULL;
}

const struct config *house_config(const struct house *h)
{
	return h->config;
}

const struct clock *house_clock(const struct house *h)
{
	return h->clock;
}

const char *house_dir(const struct house *h)
{
	return h->dir;
}

const struct rulebook *house_rulebook(const struct house *h)
{
	return h->rulebook;
}

const struct handoff_rules *house_handoff_rules(const struct house *h)
{
	return &h->handoff;
}

const json_t *house_playbooks(const struct house *h)
{
	return h->playbooks;
}

const struct diag *house_findings(const struct house *h)
{
	return &h->findings;
}
