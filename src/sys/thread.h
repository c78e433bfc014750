/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SYS_THREAD_H
#define HINOMI_SYS_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* A named thread with all signals blocked (the loop thread alone takes signals). 0 or a negative errno. */
int thread_start(pthread_t *ret, const char *name, void *(*run)(void *), void *arg);
void thread_join(pthread_t t);

/* Processors this process may use, at least 1. */
unsigned thread_cpus(void);

#endif
