/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SYS_RAND_H
#define HINOMI_SYS_RAND_H

#include <stddef.h>

/* Cryptographic randomness from the kernel (getrandom); aborts if the kernel has none. Thread-safe. */
void rand_bytes(void *p, size_t n);

#endif
