/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/child.h"
#include "sys/clock.h"
#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/landlock.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STDERR_MAX (64u << 10)
#define EXIT_SETUP 127
#define LOOK_MS 200 /* for the order to stop */

struct pipes {
	int in[2], out[2], err[2];
};

static void pipes_close(struct pipes *p)
{
	int *fd[] = {p->in, p->in + 1, p->out, p->out + 1, p->err, p->err + 1};
	for (size_t i = 0; i < LEN(fd); i++)
		if (*fd[i] >= 0) {
			close(*fd[i]);
			*fd[i] = -1;
		}
}

static int pipes_open(struct pipes *p)
{
	*p = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}};
	if (pipe2(p->in, O_CLOEXEC) < 0 || pipe2(p->out, O_CLOEXEC) < 0 || pipe2(p->err, O_CLOEXEC) < 0) {
		int r = -errno;
		pipes_close(p);
		return r;
	}
	return 0;
}

/* Denies sockets (mode 0), or everything but plain computation on what is open already (mode 1). */
static int confine(bool compute_only)
{
	static const int compute[] = {SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap),
		SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(mprotect), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction), SCMP_SYS(futex),
		SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(tgkill), SCMP_SYS(sigaltstack), SCMP_SYS(clock_gettime), SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(getrandom), SCMP_SYS(sched_yield)};
	scmp_filter_ctx ctx = seccomp_init(compute_only ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ALLOW);
	int r = ctx ? 0 : -ENOMEM;
	if (compute_only)
		for (size_t i = 0; i < LEN(compute) && r == 0; i++)
			r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, compute[i], 0);
	else if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 0);
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	return r;
}

static int allow(int set, const char *path, uint64_t file_rights, uint64_t tree_rights)
{
	struct stat st;
	struct landlock_path_beneath_attr rule = {.parent_fd = open(path, O_PATH | O_CLOEXEC)};
	int r = 0;
	if (rule.parent_fd < 0)
		return 0; /* what is not there needs no permission */
	rule.allowed_access = fstat(rule.parent_fd, &st) == 0 && S_ISDIR(st.st_mode) ? tree_rights : file_rights;
	if (syscall(SYS_landlock_add_rule, set, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		r = -errno;
	close(rule.parent_fd);
	return r;
}

/* Only what the limits name can be opened. */
static int confine_files(const struct child_limits *lim)
{
	const uint64_t file = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE, tree = file | LANDLOCK_ACCESS_FS_READ_DIR;
	const uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1; /* every right of the first version */
	struct landlock_ruleset_attr attr = {.handled_access_fs = all};
	int set = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0), r = 0;
	if (set < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM ? 0 : -errno; /* EPERM: a container without it */
	for (size_t i = 0; r == 0 && lim->readable[i]; i++)
		r = allow(set, lim->readable[i], file, tree);
	if (r == 0 && lim->writable)
		r = allow(set, lim->writable, 0, all);
	if (r == 0 && syscall(SYS_landlock_restrict_self, set, 0) < 0)
		r = -errno;
	close(set);
	return r;
}

static void child_setup(const struct pipes *p)
{
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (dup2(p->in[0], 0) < 0 || dup2(p->out[1], 1) < 0 || dup2(p->err[1], 2) < 0)
		_exit(EXIT_SETUP);
	close_range(3, ~0u, 0);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	struct rlimit no_core = {0, 0};
	setrlimit(RLIMIT_CORE, &no_core);
}

/* The last thing before the child's own work: what comes between may still need memory. */
static void limit_memory(const struct child_limits *lim)
{
	struct rlimit rl = {lim->max_memory, lim->max_memory};
	if (lim->max_memory)
		setrlimit(RLIMIT_AS, &rl);
}

/* Reads what is there; -E2BIG beyond the cap, 0 at the end, 1 otherwise. Over the cap of stderr the rest is thrown away. */
static int drain(int fd, struct buf *b, bool may_overflow)
{
	char chunk[65536];
	ssize_t got = read(fd, chunk, sizeof(chunk));
	if (got < 0)
		return errno == EINTR || errno == EAGAIN ? 1 : -errno;
	if (got == 0)
		return 0;
	if (buf_add(b, str_n(chunk, (size_t)got)) < 0 && !may_overflow)
		return -E2BIG;
	return 1;
}

static void feed(int *fd, struct str *input)
{
	ssize_t put = write(*fd, input->p, input->n < 65536 ? input->n : 65536);
	if (put > 0)
		*input = str_sub(*input, (size_t)put, input->n);
	if ((put < 0 && errno != EAGAIN && errno != EINTR) || !input->n) {
		close(*fd);
		*fd = -1;
	}
}

static int talk(struct pipes *p, struct str input, const struct child_limits *lim, struct buf *out, struct buf *err)
{
	int64_t end = clock_mono_ns() + (int64_t)lim->timeout_ms * NS_PER_MS;
	fcntl(p->in[1], F_SETFL, O_NONBLOCK);
	if (!input.n) {
		close(p->in[1]);
		p->in[1] = -1;
	}
	while (p->out[0] >= 0 || p->err[0] >= 0) {
		struct pollfd fd[3] = {{p->out[0], POLLIN, 0}, {p->err[0], POLLIN, 0}, {p->in[1], POLLOUT, 0}};
		int64_t left = (end - clock_mono_ns()) / NS_PER_MS;
		if (left <= 0)
			return -ETIME;
		if (lim->stop && *lim->stop)
			return -ECANCELED;
		if (poll(fd, 3, left > LOOK_MS ? LOOK_MS : (int)left) < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < 2; i++) {
			int *which = i == 0 ? p->out : p->err;
			if (*which < 0 || !(fd[i].revents & (POLLIN | POLLHUP | POLLERR)))
				continue;
			int r = drain(*which, i == 0 ? out : err, i == 1);
			if (r < 0)
				return r;
			if (r == 0) {
				close(*which);
				*which = -1;
			}
		}
		if (p->in[1] >= 0 && fd[2].revents)
			feed(&p->in[1], &input);
	}
	return 0;
}

static int finish(pid_t pid, int r)
{
	int status;
	if (r < 0)
		kill(-pid, SIGKILL), kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (r < 0)
		return r;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
}

/* A process with pipes to it: 0 in the child itself, which is set up; in the parent its pid, or a fault. */
static pid_t begin(struct pipes *p)
{
	int r = pipes_open(p);
	if (r < 0)
		return r;
	pid_t pid = fork();
	if (pid < 0) {
		r = -errno;
		pipes_close(p);
		return r;
	}
	if (pid == 0)
		child_setup(p);
	return pid;
}

/* The parent's part, until the child has ended. err may be NULL. */
static int attend(pid_t pid, struct pipes *p, struct str input, const struct child_limits *lim, struct buf *out, struct buf *err)
{
	struct buf unheard = BUF_INIT(STDERR_MAX);
	out->max = lim->max_output;
	close(p->in[0]);
	close(p->out[1]);
	close(p->err[1]);
	p->in[0] = p->out[1] = p->err[1] = -1;
	int r = finish(pid, talk(p, input, lim, out, err ? err : &unheard));
	pipes_close(p);
	buf_done(&unheard);
	return r;
}

int child_run(const char *const *argv, const char *const *env, struct str input, const struct child_limits *lim, struct buf *ret_out, struct buf *ret_err)
{
	static const char *const no_env[] = {"PATH=/usr/bin:/bin", NULL};
	struct pipes p;
	pid_t pid = begin(&p);
	if (pid < 0)
		return pid;
	if (pid == 0) {
		if ((lim->readable && confine_files(lim) < 0) || (lim->no_network && confine(false) < 0))
			_exit(EXIT_SETUP);
		limit_memory(lim);
		execvpe(argv[0], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)(env ? env : no_env));
		_exit(EXIT_SETUP);
	}
	int r = attend(pid, &p, input, lim, ret_out, ret_err);
	return r == EXIT_SETUP ? -ENOENT : r;
}

int child_parse(int (*fn)(void *arg, struct str in, struct buf *out), void *arg, struct str input, const struct child_limits *lim, struct buf *ret_out)
{
	struct pipes p;
	pid_t pid = begin(&p);
	if (pid < 0)
		return pid;
	if (pid == 0) {
		struct buf out = BUF_INIT(lim->max_output);
		limit_memory(lim);
		if (confine(true) < 0)
			_exit(EXIT_SETUP);
		int got = fn(arg, input, &out);
		if (got >= 0 && file_write_all(1, buf_str(&out)) < 0)
			got = -EIO;
		_exit(got < 0 ? 1 : 0);
	}
	return attend(pid, &p, STR(""), lim, ret_out, NULL);
}
