/* SPDX-License-Identifier: Apache-2.0 */
#include "house/parts.h"

#include <errno.h>

#define JOBS_PER_COMMIT 256
#define TICK_NS (250 * NS_PER_MS)
#define EXPIRE_EVERY_NS (600 * NS_PER_S) /* one commit for many */

static void jobs_answer(struct house *h, struct desk_job **job, size_t n, int commit_err)
{
	pthread_mutex_lock(&h->job_lock);
	for (size_t i = 0; i < n; i++) {
		if (commit_err < 0)
			job[i]->result = commit_err;
		job[i]->finished = true;
	}
	pthread_cond_broadcast(&h->job_done);
	pthread_mutex_unlock(&h->job_lock);
}

/* One change between savepoints: what it wrote goes away with its refusal, its neighbours stay. */
static void job_run(struct house *h, struct desk_job *j)
{
	j->result = desk_try(h->desk, j->fn, j->arg);
	h->desk_refusals += j->result < 0;
}

static int commit_jobs(struct house *h, struct desk_job **job, size_t n)
{
	int r = desk_begin(h->desk);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		job_run(h, job[i]);
	r = desk_commit(h->desk);
	if (r < 0)
		desk_rollback(h->desk);
	else
		h->desk_commits++;
	return r;
}

static int timers(struct desk *k, void *arg)
{
	return soc_tick(k, &((struct house *)arg)->soc);
}

static int expire(struct desk *k, void *arg)
{
	(void)arg;
	return desk_keep_expire(k);
}

/* What is due at this moment; most turns find nothing and touch nothing. */
static int run_timers(struct house *h)
{
	struct desk_job tick = {.fn = timers, .arg = h}, sweep = {.fn = expire}, *job[2];
	tstamp now = clock_now(h->clock), due = soc_next_due(h->desk), oldest = desk_keep_oldest(h->desk);
	size_t n = 0;
	if (due != TS_NONE && due <= now)
		job[n++] = &tick;
	if (oldest != TS_NONE && oldest <= now - EXPIRE_EVERY_NS)
		job[n++] = &sweep;
	int r = n ? commit_jobs(h, job, n) : 0;
	return r < 0 ? r : tick.result < 0 ? tick.result : tick.result + sweep.result;
}

/* Whatever was committed gets under a signed checkpoint soon; what cannot be written now is tried again with the next turn. */
static void publish(struct house *h)
{
	tstamp now = clock_now(h->clock);
	uint64_t commits = h->desk_commits;
	if (h->published_commits == commits || (h->threaded && now - h->published_at < TICK_NS))
		return;
	h->published_at = now;
	if (ledger_publish(desk_ledger(h->desk)) == 0)
		h->published_commits = commits;
}

int desk_turn(struct house *h, int wait_ms)
{
	void *item[JOBS_PER_COMMIT];
	size_t n = queue_pop_many(h->desk_q, item, JOBS_PER_COMMIT, wait_ms);
	int did = (int)n;

	if (n) {
		struct desk_job **job = (struct desk_job **)item;
		int r = commit_jobs(h, job, n);
		jobs_answer(h, job, n, r);
	}
	int fired = run_timers(h);
	did += fired > 0 ? fired : 0;
	publish(h);
	return did;
}

int house_desk(struct house *h, house_desk_fn *fn, void *arg)
{
	struct desk_job j = {.fn = fn, .arg = arg};
	struct desk_job *one = &j;

	if (!h->threaded) {
		int r = commit_jobs(h, &one, 1);
		return r < 0 ? r : j.result;
	}
	int r = queue_push_wait(h->desk_q, &j, 1);
	if (r < 0)
		return r;
	pthread_mutex_lock(&h->job_lock);
	while (!j.finished)
		pthread_cond_wait(&h->job_done, &h->job_lock);
	pthread_mutex_unlock(&h->job_lock);
	return j.result;
}
