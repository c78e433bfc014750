/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_BASE_STR_H
#define HINOMI_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A borrowed run of bytes, passed by value. It owns nothing and need not end in NUL; p may be NULL only when n is 0.
 * All functions are pure, thread-safe and O(n). "Case" means ASCII case; Unicode folding lives in utf8.h.
 */
struct str {
	const char *p;
	size_t n;
};

#define STR(lit) ((struct str){("" lit), sizeof(lit) - 1})
#define STR_NONE ((struct str){NULL, 0})
/* For printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s) (int)((s).n > 2147483647 ? 2147483647 : (s).n), (s).p ? (s).p : ""
#define STR_NPOS ((size_t)-1)

static inline struct str str_n(const char *p, size_t n)
{
	return (struct str){p, n};
}

/* Borrows a NUL-terminated string; NULL gives the empty one. */
struct str str_c(const char *cstr);

bool str_eq(struct str a, struct str b);
bool str_ieq(struct str a, struct str b);
/* <0, 0, >0 by bytes, shorter first when one is a prefix. */
int str_cmp(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
bool str_istarts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_iends(struct str s, struct str suffix);

/* Index of the first / last occurrence or STR_NPOS. */
size_t str_chr(struct str s, char c);
size_t str_rchr(struct str s, char c);
size_t str_find(struct str s, struct str needle);
size_t str_ifind(struct str s, struct str needle);

/* [from, to) clamped to the string. */
struct str str_sub(struct str s, size_t from, size_t to);
/*
 * Cursor functions: each takes from the front of *rest, advances it, and returns false (nothing taken) when it does not fit.
 */
/* Up to (not including) sep; the last piece may lack sep. False only when *rest is exhausted (p == NULL). */
bool str_cut(struct str *rest, char sep, struct str *ret_piece);
/* One line without its "\n" or "\r\n"; false at the end. */
bool str_line(struct str *rest, struct str *ret_line);
/* A run of non-blanks after skipping blanks. */
bool str_word(struct str *rest, struct str *ret_word);
/* Consumes the literal. */
bool str_take(struct str *rest, struct str literal);

/* ASCII classes, locale-free. */
static inline bool ch_is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}
static inline bool ch_is_alpha(unsigned char c)
{
	return (c | 32) >= 'a' && (c | 32) <= 'z';
}
static inline bool ch_is_alnum(unsigned char c)
{
	return ch_is_digit(c) || ch_is_alpha(c);
}
static inline bool ch_is_space(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}
/* Without ASCII blanks (space \t \r \n \v \f) at the ends. */
struct str str_trim_slow_(struct str s);
static inline struct str str_trim(struct str s)
{
	return s.n && (ch_is_space((unsigned char)s.p[0]) || ch_is_space((unsigned char)s.p[s.n - 1])) ? str_trim_slow_(s) : s;
}
static inline unsigned char ch_lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
}
/* 0..15, or -1. */
int ch_hex(unsigned char c);

/* XXH3-64 with the process's random seed: for tables in memory only, differs from run to run (hash flooding). */
uint64_t str_hash(struct str s);
/* XXH3-64 with seed 0: for files, the same everywhere. */
uint64_t str_hash_stable(struct str s);

/* Owned NUL-terminated copy, freed with free(). Embedded NULs are kept but invisible to libc. Aborts on no memory: bounded input only. */
char *str_dup_c(struct str s);

/* Edit distance capped at max (returns max+1 beyond it), for "did you mean" hints. Strings over 64 bytes count as far. */
unsigned str_distance(struct str a, struct str b, unsigned max);

#endif
