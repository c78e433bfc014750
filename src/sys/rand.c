/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/rand.h"
#include "base/must.h"

#include <sys/random.h>

void rand_bytes(void *p, size_t n)
{
	char *at = p;
	while (n) {
		ssize_t got = getrandom(at, n, 0);
		must(got > 0);
		at += got;
		n -= (size_t)got;
	}
}
