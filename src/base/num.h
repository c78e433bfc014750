/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_BASE_NUM_H
#define HINOMI_BASE_NUM_H

#include "base/str.h"

/* Numbers from text: the whole string must be the number (no blanks), range-checked; false and nothing written otherwise. Locale-free. */
bool num_u64(struct str s, uint64_t *ret);
bool num_i64(struct str s, int64_t *ret);
bool num_u32(struct str s, uint32_t *ret);
bool num_hex64(struct str s, uint64_t *ret);  /* with or without 0x */
bool num_double(struct str s, double *ret);   /* JSON grammar plus leading '+'; finite values only */
/* In [min, max]. */
bool num_range(struct str s, int64_t min, int64_t max, int64_t *ret);
/* "30s" "15m" "24h" "7d" "2w" -> nanoseconds; "10ms" too. */
bool num_duration(struct str s, int64_t *ret_ns);
/* "64MiB" "10k" "2GB" -> bytes (k/M/G/T = 1000, Ki/Mi/Gi/Ti = 1024). */
bool num_size(struct str s, uint64_t *ret_bytes);

/* Cursor forms: the longest run of digits (at most max_digits) at the front. */
bool num_take_u64(struct str *rest, unsigned max_digits, uint64_t *ret);

/* Shortest text that reads back to the same double ("1", "0.1", "1e+30"). out >= 32 bytes; returns the length. */
size_t num_format_double(char *out, double v);
/* Text of 0..20 digits. out >= 24 bytes; returns the length. */
size_t num_format_u64(char *out, uint64_t v);
size_t num_format_i64(char *out, int64_t v);
/* The two digits of a number below 100. */
extern const char num_pairs[];
static inline void num_put_pair(char *out, unsigned v)
{
	memcpy(out, num_pairs + 2 * v, 2);
}

/* The number of eight figures, each a byte of 0..9, the first one lowest: pairs, then fours, then all. */
static inline uint32_t num_eight(uint64_t w)
{
	const uint64_t mask = UINT64_C(0x000000ff000000ff);
	w = w * 10 + (w >> 8);
	return (uint32_t)(((w & mask) * (100 + (UINT64_C(1000000) << 32)) + (w >> 16 & mask) * (1 + (UINT64_C(10000) << 32))) >> 32);
}

/* An IPv4 / IPv6 address (RFC 4291 text) as 16 network-order bytes, IPv4 mapped (::ffff:a.b.c.d). Zone ids are refused. */
bool num_ip(struct str s, unsigned char ret_addr[16], bool *ret_v4);
/* "10.0.0.0/8": strict = host bits must be zero. *ret_bits counts within 128 (IPv4 prefix + 96). */
bool num_cidr(struct str s, bool strict, unsigned char ret_addr[16], unsigned *ret_bits);
bool num_ip_in(const unsigned char addr[16], const unsigned char net[16], unsigned bits);

#endif
