/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/thread.h"
#include "base/must.h"

#include <sched.h>
#include <signal.h>

int thread_start(pthread_t *ret, const char *name, void *(*run)(void *), void *arg)
{
	sigset_t all, before;
	sigfillset(&all);
	must(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
	int r = pthread_create(ret, NULL, run, arg);
	must(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
	if (r == 0)
		pthread_setname_np(*ret, name);
	return -r;
}

void thread_join(pthread_t t)
{
	must(pthread_join(t, NULL) == 0);
}

unsigned thread_cpus(void)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	int n = CPU_COUNT(&set);
	return n > 0 ? (unsigned)n : 1;
}
