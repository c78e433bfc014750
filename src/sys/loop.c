/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/loop.h"
#include "base/vec.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct call {
	void (*run)(void *arg);
	void *arg;
};

struct watch {
	struct event *ev;
	struct call call;
};

/* Other threads append to `posted` and write to the eventfd; the loop's thread swaps the list out and runs it. */
struct loop {
	struct event_base *base;
	struct event *wake;
	int wake_fd;
	pthread_mutex_t lock;
	VEC(struct call) posted;
	VEC(struct watch *) watches;
	bool stopping;
};

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;
	uint64_t count;
	(void)what;
	if (read(fd, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&l->lock);
	__typeof__(l->posted) now = l->posted;
	bool stop = l->stopping;
	l->posted.at = NULL;
	l->posted.n = l->posted.cap = 0;
	pthread_mutex_unlock(&l->lock);
	vec_each(c, &now) {
		c->run(c->arg);
	}
	vec_done(&now);
	if (stop)
		event_base_loopbreak(l->base);
}

struct loop *loop_new(void)
{
	struct loop *l = must_new(struct loop);
	pthread_mutex_init(&l->lock, NULL);
	l->base = event_base_new();
	must(l->base);
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	must(l->wake_fd >= 0);
	l->wake = event_new(l->base, l->wake_fd, EV_READ | EV_PERSIST, on_wake, l);
	must(l->wake && event_add(l->wake, NULL) == 0);
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	vec_each(w, &l->watches) {
		event_free((*w)->ev);
		free(*w);
	}
	vec_done(&l->watches);
	event_free(l->wake);
	event_base_free(l->base);
	close(l->wake_fd);
	vec_done(&l->posted);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

struct event_base *loop_base(struct loop *l)
{
	return l->base;
}

int loop_run(struct loop *l)
{
	return event_base_dispatch(l->base) < 0 ? -EIO : 0;
}

static void wake(struct loop *l)
{
	uint64_t one = 1;
	ssize_t put = write(l->wake_fd, &one, sizeof(one));
	(void)put; /* a full counter is awake already */
}

void loop_stop(struct loop *l)
{
	pthread_mutex_lock(&l->lock);
	l->stopping = true;
	pthread_mutex_unlock(&l->lock);
	wake(l);
}

int loop_post(struct loop *l, void (*run)(void *arg), void *arg)
{
	int r = 0;
	pthread_mutex_lock(&l->lock);
	if (l->stopping)
		r = -EPIPE;
	else
		vec_push(&l->posted, ((struct call){run, arg}));
	pthread_mutex_unlock(&l->lock);
	if (r == 0)
		wake(l);
	return r;
}

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;
	(void)fd, (void)what;
	w->call.run(w->call.arg);
}

static int add_watch(struct loop *l, evutil_socket_t fd, short what, const struct timeval *tv, void (*run)(void *arg), void *arg)
{
	struct watch *w = must_new(struct watch);
	w->call = (struct call){run, arg};
	w->ev = event_new(l->base, fd, what, on_watch, w);
	if (!w->ev || event_add(w->ev, tv) < 0) {
		free(w);
		return -ENOMEM;
	}
	vec_push(&l->watches, w);
	return 0;
}

int loop_every(struct loop *l, unsigned period_ms, void (*run)(void *arg), void *arg)
{
	struct timeval tv = {(time_t)(period_ms / 1000), (suseconds_t)(period_ms % 1000 * 1000)};
	return add_watch(l, -1, EV_PERSIST, &tv, run, arg);
}

int loop_on_signal(struct loop *l, int signo, void (*run)(void *arg), void *arg)
{
	return add_watch(l, signo, EV_SIGNAL | EV_PERSIST, NULL, run, arg);
}
