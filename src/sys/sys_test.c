/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "base/tstamp.h"
#include "sys/child.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/loop.h"
#include "sys/queue.h"
#include "sys/thread.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

TEST(file_replace_is_all_or_nothing)
{
	char path[4096];
	struct buf b = BUF_INIT(1000);
	path_join(path, sizeof(path), test_tmpdir(), "f");
	CHECK_INT(file_replace(path, STR("old"), 0600), 0);
	file_fault_set(1, ENOSPC, false);
	CHECK_INT(file_replace(path, STR("new"), 0600), -ENOSPC);
	CHECK_INT(file_read(path, &b), 0);
	CHECK_STR(buf_str(&b), "old");
	CHECK_INT(file_replace(path, STR("new"), 0600), 0);
	buf_reset(&b);
	CHECK_INT(file_read(path, &b), 0);
	CHECK_STR(buf_str(&b), "new");
	struct buf tiny = BUF_INIT(2);
	CHECK_INT(file_read(path, &tiny), -EFBIG);
	buf_done(&b);
	buf_done(&tiny);
}

static int note(void *arg, const char *path, int err)
{
	CHECK_INT(err, 0);
	buf_addf(arg, "%s ", path + strlen(test_tmpdir()));
	return 0;
}

TEST(file_walk_goes_in_order)
{
	char path[4096];
	struct buf b = BUF_INIT(1000);
	const char *names[] = {"/b/2", "/b/1", "/a", "/c/x/y"};
	for (size_t i = 0; i < LEN(names); i++) {
		snprintf(path, sizeof(path), "%s%s", test_tmpdir(), names[i]);
		*strrchr(path, '/') = 0;
		CHECK_INT(file_make_dirs(path), 0);
		snprintf(path, sizeof(path), "%s%s", test_tmpdir(), names[i]);
		CHECK_INT(file_replace(path, STR("x"), 0600), 0);
	}
	CHECK_INT(file_walk(test_tmpdir(), note, &b), 0);
	CHECK_STR(buf_str(&b), "/a /b/1 /b/2 /c/x/y ");
	buf_done(&b);
}

TEST(queue_is_bounded_and_counts)
{
	struct queue *q = queue_new(3, 100);
	int a, b, c, d;
	struct queue_stats st;
	CHECK_INT(queue_push(q, &a, 60), 0);
	CHECK_INT(queue_push(q, &b, 60), -EAGAIN);
	CHECK_INT(queue_push(q, &c, 40), 0);
	CHECK(queue_pop(q, 0) == &a);
	CHECK(queue_pop(q, 0) == &c);
	CHECK(queue_pop(q, 10) == NULL);
	CHECK_INT(queue_push(q, &d, 1000), 0);
	queue_close(q);
	CHECK_INT(queue_push(q, &a, 1), -EPIPE);
	CHECK(queue_pop(q, -1) == &d);
	CHECK(queue_pop(q, -1) == NULL);
	queue_stats(q, &st);
	CHECK_INT(st.pushed, 3);
	CHECK_INT(st.refused, 2);
	queue_free(q);
}

struct pump {
	struct queue *q;
	uint64_t sum;
};

static void *produce(void *arg)
{
	struct pump *p = arg;
	for (uintptr_t i = 1; i <= 20000; i++)
		CHECK_INT(queue_push_wait(p->q, (void *)i, 1), 0);
	return NULL;
}

TEST(queue_passes_everything_between_threads)
{
	struct pump p = {.q = queue_new(64, 64)};
	pthread_t t[2];
	for (int i = 0; i < 2; i++)
		CHECK_INT(thread_start(&t[i], "produce", produce, &p), 0);
	for (size_t got = 0; got < 40000;) {
		void *item[100];
		size_t n = queue_pop_many(p.q, item, 100, -1);
		for (size_t i = 0; i < n; i++)
			p.sum += (uintptr_t)item[i];
		got += n;
	}
	CHECK(p.sum == 2 * (20000ull * 20001 / 2));
	thread_join(t[0]);
	thread_join(t[1]);
	queue_free(p.q);
}

static int ran;

static void count_and_stop(void *arg)
{
	if (++ran == 3)
		loop_stop(arg);
}

static void *post_thrice(void *arg)
{
	for (int i = 0; i < 3; i++)
		loop_post(arg, count_and_stop, arg);
	return NULL;
}

TEST(loop_runs_what_is_posted)
{
	struct loop *l = loop_new();
	pthread_t t;
	CHECK_INT(thread_start(&t, "post", post_thrice, l), 0);
	CHECK_INT(loop_run(l), 0);
	thread_join(t);
	CHECK_INT(ran, 3);
	CHECK_INT(loop_post(l, count_and_stop, l), -EPIPE);
	loop_free(l);
}

TEST(child_runs_under_limits)
{
	struct buf out = BUF_INIT(0);
	struct child_limits lim = {.timeout_ms = 5000, .max_output = 1000, .no_network = true};
	const char *const cat[] = {"cat", NULL}, *const nap[] = {"sleep", "30", NULL}, *const none[] = {"/no/such/program", NULL}, *const yes[] = {"yes", NULL};
	CHECK_INT(child_run(cat, NULL, STR("through"), &lim, &out, NULL), 0);
	CHECK_STR(buf_str(&out), "through");
	CHECK_INT(child_run(none, NULL, STR(""), &lim, &out, NULL), -ENOENT);
	CHECK_INT(child_run(yes, NULL, STR(""), &lim, &out, NULL), -E2BIG);
	const _Atomic bool stop = true;
	lim.stop = &stop;
	CHECK_INT(child_run(nap, NULL, STR(""), &lim, &out, NULL), -ECANCELED);
	lim.stop = NULL;
	lim.timeout_ms = 100;
	CHECK_INT(child_run(nap, NULL, STR(""), &lim, &out, NULL), -ETIME);
	buf_done(&out);
}

static int reverse(void *arg, struct str in, struct buf *out)
{
	(void)arg;
	for (size_t i = in.n; i > 0; i--)
		buf_addc(out, in.p[i - 1]);
	return 0;
}

static int misbehave(void *arg, struct str in, struct buf *out)
{
	(void)arg, (void)in, (void)out;
	return mkdir("/tmp/hinomi-must-not-exist", 0700);
}

TEST(child_reads_and_writes_only_what_it_may)
{
	struct buf out = BUF_INIT(0);
	char secret[200], mine[200], text[1000];
	const char *const readable[] = {"/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/dev/null", NULL};
	const char *const argv[] = {"sh", "-c", text, NULL};
	struct child_limits lim = {.timeout_ms = 5000, .max_output = 1000, .readable = readable, .writable = mine};
	snprintf(secret, sizeof(secret), "%s/secret", test_tmpdir());
	snprintf(mine, sizeof(mine), "%s/mine", test_tmpdir());
	CHECK_INT(file_make_dirs(mine), 0);
	CHECK_INT(file_replace(secret, STR("hidden"), 0600), 0);
	snprintf(text, sizeof(text), "echo a > %s/f && cat %s/f; cat %s; echo b > %s; exit 0", mine, mine, secret, secret);
	CHECK_INT(child_run(argv, NULL, STR(""), &lim, &out, NULL), 0);
	if (str_find(buf_str(&out), STR("hidden")) != STR_NPOS)
		SKIP("this kernel has no Landlock");
	CHECK_STR(buf_str(&out), "a\n");
	buf_reset(&out);
	CHECK_INT(file_read(secret, &out), 0);
	CHECK_STR(buf_str(&out), "hidden");
	buf_done(&out);
}

TEST(child_parse_can_only_compute)
{
	struct buf out = BUF_INIT(0);
	struct child_limits lim = {.timeout_ms = 5000, .max_output = 1000};
	CHECK_INT(child_parse(reverse, NULL, STR("abc"), &lim, &out), 0);
	CHECK_STR(buf_str(&out), "cba");
	CHECK(child_parse(misbehave, NULL, STR(""), &lim, &out) < 0);
	CHECK(!file_is_dir("/tmp/hinomi-must-not-exist"));
	buf_done(&out);
}

TEST(virtual_time_moves_when_told)
{
	struct clock c;
	clock_init_virtual(&c, 5 * NS_PER_S, 0);
	CHECK(clock_now(&c) == 5 * NS_PER_S);
	clock_advance(&c, NS_PER_S);
	CHECK(clock_now(&c) == 6 * NS_PER_S);
}

TEST_MAIN
