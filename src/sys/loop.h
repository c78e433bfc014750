/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SYS_LOOP_H
#define HINOMI_SYS_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct loop;

/*
 * The event loop (libevent): one thread runs it, every other thread reaches it through loop_post. Timers use real time; scenario tests do
 * not run a loop, they step the same functions by hand.
 */
struct loop *loop_new(void);
void loop_free(struct loop *l);
/* For bufferevents, listeners and evhttp of the same thread. */
struct event_base *loop_base(struct loop *l);

/* Runs until loop_stop. */
int loop_run(struct loop *l);
/* From any thread or a signal callback. */
void loop_stop(struct loop *l);

/* Thread-safe: run(arg) will be called on the loop's thread, in order of posting. -EPIPE after loop_stop (run is not called). */
int loop_post(struct loop *l, void (*run)(void *arg), void *arg);
/* Loop thread only: run every period_ms until the loop ends. */
int loop_every(struct loop *l, unsigned period_ms, void (*run)(void *arg), void *arg);
int loop_on_signal(struct loop *l, int signo, void (*run)(void *arg), void *arg);

#endif
