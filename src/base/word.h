/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_BASE_WORD_H
#define HINOMI_BASE_WORD_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

/* Eight bytes as a number, for work on all of them at once: on every machine the first byte is the lowest. */

static inline uint64_t word_load(const char *p)
{
	uint64_t w;
	memcpy(&w, p, sizeof(w));
	return le64toh(w);
}

/* Eight times the byte. */
static inline uint64_t word_fill(unsigned char byte)
{
	return byte * UINT64_C(0x0101010101010101);
}

#endif
