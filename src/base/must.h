/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_BASE_MUST_H
#define HINOMI_BASE_MUST_H

/*
 * must(condition) states what a bug would break. It is always compiled in, costs a predicted branch, and on failure prints
 * the place and aborts: nothing is acknowledged before it is durable, so a restart loses nothing. Never use it for anything
 * that input, a file, the network or a full disk can cause.
 */
#define must(cond) ((cond) ? (void)0 : must_failed(#cond, __FILE__, __LINE__, __func__))

/* For places that no input can reach. */
#define must_not_reach(why) must_failed((why), __FILE__, __LINE__, __func__)

/* Aborts with a line on stderr. Also the end of must_alloc(). */
_Noreturn void must_failed(const char *what, const char *file, int line, const char *func);

/*
 * Allocation of small bounded things: never NULL (aborts instead). A size that outside data can influence goes through a capped
 * buf or arena, never through these.
 */
void *must_malloc(unsigned long size);
void *must_calloc(unsigned long count, unsigned long size);
void *must_realloc(void *old, unsigned long size);
char *must_strdup(const char *s);

#define must_new(type) ((type *)must_calloc(1, sizeof(type)))

/* Cleanup at scope end: `_cleanup_(x_freep) struct x *p = NULL;` and TAKE(p) to give the value away. */
#define _cleanup_(fn) __attribute__((cleanup(fn)))
#define TAKE(p)                                                                                              \
	__extension__({                                                                                      \
		__typeof__(p) take_ = (p);                                                                   \
		(p) = NULL;                                                                                  \
		take_;                                                                                       \
	})
#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define UNUSED __attribute__((unused))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

#endif
