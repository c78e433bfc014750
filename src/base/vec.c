/* SPDX-License-Identifier: Apache-2.0 */
#include "base/vec.h"

#include <stdint.h>

void *vec_grow_(void *at, size_t *cap, size_t want, size_t size)
{
	size_t n = *cap ? *cap : 8;
	while (n < want)
		n += n / 2 + 1;
	must(n <= SIZE_MAX / 2 / size);
	*cap = n;
	return must_realloc(at, n * size);
}

void vec_zero_(void *at, size_t size)
{
	memset(at, 0, size);
}

void vec_free_(void *at)
{
	free(at);
}
