/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_BASE_TEST_H
#define HINOMI_BASE_TEST_H

#include "base/str.h"

/*
 * The unit tests' harness: TAP on stdout, each test in a child of its own (a crash fails that test alone, 180 s limit).
 *
 *   TEST(str_cut_takes_last_piece) { CHECK(...); CHECK_STR(got, "want"); }
 *   TEST_MAIN
 *
 * `prog` runs all, `prog NAME…` those. Exit 0 all passed, 1 some failed, 77 when every test skipped itself with SKIP("why").
 */
struct test_case {
	const char *name;
	void (*run)(void);
	struct test_case *next;
};

void test_register(struct test_case *t);
int test_main(int argc, char **argv);
/* The one that runs in this process: for tests that share a function. */
const struct test_case *test_current(void);
_Noreturn void test_failed(const char *file, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
_Noreturn void test_skip(const char *why);
void test_check_str(const char *file, int line, const char *expr, struct str got, struct str want);
void test_check_int(const char *file, int line, const char *expr, int64_t got, int64_t want);

/* Directory of the real inputs ($HINOMI_SHARED/corpus, else ../shared/corpus beside the source root), or skips the test by name. */
const char *test_corpus(void);
/* Source root (compiled in). */
const char *test_source_root(void);
/* A fresh empty directory, removed when the test ends. */
const char *test_tmpdir(void);
/* A file of these bytes in it; its path, until the next. */
const char *test_file(const char *name, struct str bytes);

/* Numbers of 31 bits, the same on every run. */
uint32_t test_random(uint64_t *state);

/* Makes the nth must_/malloc-family call from now fail once (0 = none): the allocation-failure loop. Only in programs linked with the harness. */
#define TEST(name)                                                                                           \
	static void test_##name(void);                                                                       \
	static struct test_case case_##name = {#name, test_##name, NULL};                                    \
	__attribute__((constructor)) static void reg_##name(void)                                            \
	{                                                                                                    \
		test_register(&case_##name);                                                                 \
	}                                                                                                    \
	static void test_##name(void)

#define TEST_MAIN                                                                                            \
	int main(int argc, char **argv)                                                                      \
	{                                                                                                    \
		return test_main(argc, argv);                                                                \
	}

#define CHECK(cond) ((cond) ? (void)0 : test_failed(__FILE__, __LINE__, "%s", #cond))
#define CHECK_STR(got, want) test_check_str(__FILE__, __LINE__, #got, (got), str_c(want))
#define CHECK_INT(got, want) test_check_int(__FILE__, __LINE__, #got, (int64_t)(got), (int64_t)(want))
#define SKIP(why) test_skip(why)

#endif
