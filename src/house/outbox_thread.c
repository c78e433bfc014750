/* SPDX-License-Identifier: Apache-2.0 */
#include "house/parts.h"
#include "sys/log.h"

#include <errno.h>
#include <unistd.h>

#define LOOK_MS 250      /* how late a retry may be */
#define AFTER_ERROR_MS 2000

static int commit(void *arg, outbox_desk_fn *fn, void *fn_arg)
{
	return house_desk(arg, fn, fn_arg);
}

void outbox_open(struct house *h, const struct house_opts *o)
{
	pthread_mutex_init(&h->outbox_lock, NULL);
	pthread_cond_init(&h->outbox_wake, NULL);
	h->outbox_called = true; /* what was queued before the last stop */
	if (!o->deliver)
		return;
	struct outbox_opts oo = {.mail_domain = config_text(h->config, CFG_MAIL_DOMAIN), .deliver = o->deliver, .deliver_arg = o->deliver_arg, .commit = commit, .commit_arg = h, .clock = h->clock};
	h->outbox = outbox_new(&oo);
}

void outbox_close(struct house *h)
{
	outbox_free(h->outbox);
	h->outbox = NULL;
}

void outbox_call(struct house *h)
{
	pthread_mutex_lock(&h->outbox_lock);
	h->outbox_called = true;
	pthread_cond_signal(&h->outbox_wake);
	pthread_mutex_unlock(&h->outbox_lock);
}

void outbox_end(struct house *h)
{
	h->outbox_stopping = true;
	if (h->outbox)
		outbox_stop(h->outbox);
	outbox_call(h);
}

int deliver_turn(struct house *h)
{
	tstamp next = h->outbox ? outbox_next(h->outbox) : TS_NONE;
	pthread_mutex_lock(&h->outbox_lock);
	bool called = h->outbox_called || (next != TS_NONE && next <= clock_now(h->clock));
	h->outbox_called = false;
	pthread_mutex_unlock(&h->outbox_lock);
	if (!h->outbox || !called)
		return 0;
	struct desk *reader = house_reader_get(h);
	int r = reader ? outbox_turn(h->outbox, reader) : -EIO;
	house_reader_put(h, reader);
	return r;
}

static void rest(struct house *h, int ms)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	int64_t ns = until.tv_nsec + ms * NS_PER_MS;
	until.tv_sec += ns / NS_PER_S;
	until.tv_nsec = ns % NS_PER_S;
	pthread_mutex_lock(&h->outbox_lock);
	if (!h->outbox_called && !h->outbox_stopping)
		pthread_cond_timedwait(&h->outbox_wake, &h->outbox_lock, &until);
	pthread_mutex_unlock(&h->outbox_lock);
}

void *outbox_thread(void *house)
{
	struct house *h = house;
	while (!h->outbox_stopping) {
		int r = deliver_turn(h);
		if (r < 0) {
			log_error("outbox", "notices wait: error %d", -r);
			usleep(AFTER_ERROR_MS * 1000);
			outbox_call(h);
		} else if (r == 0) {
			rest(h, LOOK_MS);
		}
	}
	return NULL;
}
