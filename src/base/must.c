/* SPDX-License-Identifier: Apache-2.0 */
#include "base/must.h"

#include <stdint.h>

_Noreturn void must_failed(const char *what, const char *file, int line, const char *func)
{
	fprintf(stderr, "%s:%d: %s: this must hold: %s\n", file, line, func, what);
	abort();
}

void *must_malloc(unsigned long size)
{
	void *p = malloc(size ? size : 1);
	must(p != NULL);
	return p;
}

void *must_calloc(unsigned long count, unsigned long size)
{
	void *p = calloc(count ? count : 1, size ? size : 1);
	must(p != NULL);
	return p;
}

void *must_realloc(void *old, unsigned long size)
{
	void *p = realloc(old, size ? size : 1);
	must(p != NULL);
	return p;
}

char *must_strdup(const char *s)
{
	char *p = strdup(s);
	must(p != NULL);
	return p;
}
