/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "base/must.h"

#include <dirent.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEST_SECONDS 180 /* of a machine that has other work too */
#define EXIT_SKIP 77

static struct test_case *first, **last = &first;
static char skip_reason_path[64];
static char tmpdir[64];
static const struct test_case *current;

void test_register(struct test_case *t)
{
	*last = t;
	last = &t->next;
}

uint32_t test_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*state >> 33);
}

const struct test_case *test_current(void)
{
	return current;
}

_Noreturn void test_failed(const char *file, int line, const char *fmt, ...)
{
	va_list ap;
	fflush(stdout);
	fprintf(stderr, "# %s:%d: ", file, line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

_Noreturn void test_skip(const char *why)
{
	FILE *f = fopen(skip_reason_path, "w");
	if (f) {
		fputs(why, f);
		fclose(f);
	}
	exit(EXIT_SKIP);
}

void test_check_str(const char *file, int line, const char *expr, struct str got, struct str want)
{
	if (!str_eq(got, want))
		test_failed(file, line, "%s is \"%.*s\", want \"%.*s\"", expr, STR_ARG(got), STR_ARG(want));
}

void test_check_int(const char *file, int line, const char *expr, int64_t got, int64_t want)
{
	if (got != want)
		test_failed(file, line, "%s is %" PRId64 ", want %" PRId64, expr, got, want);
}

const char *test_source_root(void)
{
	const char *root = getenv("HINOMI_SOURCE");
	return root ? root : ".";
}

const char *test_corpus(void)
{
	static char path[4096];
	struct stat st;
	const char *shared = getenv("HINOMI_SHARED");
	if (shared)
		snprintf(path, sizeof(path), "%s/corpus", shared);
	else
		snprintf(path, sizeof(path), "%s/../shared/corpus", test_source_root());
	if (stat(path, &st) < 0)
		test_skip("the real inputs (../shared/corpus) are not here");
	return path;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void remove_tmpdir(void)
{
	if (tmpdir[0])
		nftw(tmpdir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *test_tmpdir(void)
{
	if (!tmpdir[0]) {
		snprintf(tmpdir, sizeof(tmpdir), "/tmp/hinomi-test-XXXXXX");
		if (!mkdtemp(tmpdir))
			test_failed(__FILE__, __LINE__, "cannot make a temporary directory");
		atexit(remove_tmpdir);
	}
	return tmpdir;
}

const char *test_file(const char *name, struct str bytes)
{
	static char path[4096];
	snprintf(path, sizeof(path), "%s/%s", test_tmpdir(), name);
	FILE *f = fopen(path, "w");
	if (!f || fwrite(bytes.p, 1, bytes.n, f) != bytes.n || fclose(f) != 0)
		test_failed(__FILE__, __LINE__, "cannot write %s", path);
	return path;
}

static bool wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (str_eq(str_c(name), str_c(argv[i])))
			return true;
	return argc < 2;
}

static int run_one(const struct test_case *t)
{
	int status;
	fflush(NULL);
	pid_t pid = fork();
	must(pid >= 0);
	if (pid == 0) {
		alarm(TEST_SECONDS);
		current = t;
		t->run();
		fflush(NULL);
		exit(0);
	}
	must(waitpid(pid, &status, 0) == pid);
	return status;
}

static void report(int number, const char *name, int status)
{
	char why[256] = "";
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIP) {
		FILE *f = fopen(skip_reason_path, "r");
		if (f) {
			if (!fgets(why, sizeof(why), f))
				why[0] = 0;
			fclose(f);
		}
		unlink(skip_reason_path);
		printf("ok %d - %s # SKIP %s\n", number, name, why);
	} else if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		printf("ok %d - %s\n", number, name);
	} else {
		printf("not ok %d - %s\n", number, name);
		if (WIFSIGNALED(status))
			printf("# ended by signal %d\n", WTERMSIG(status));
	}
}

int test_main(int argc, char **argv)
{
	int count = 0, number = 0, failed = 0;
	snprintf(skip_reason_path, sizeof(skip_reason_path), "/tmp/hinomi-skip-%d", (int)getpid());
	for (struct test_case *t = first; t; t = t->next)
		count += wanted(t->name, argc, argv);
	printf("1..%d\n", count);
	for (struct test_case *t = first; t; t = t->next) {
		if (!wanted(t->name, argc, argv))
			continue;
		int status = run_one(t);
		report(++number, t->name, status);
		failed += !(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == EXIT_SKIP));
	}
	return failed ? 1 : 0;
}
