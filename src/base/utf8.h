/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_BASE_UTF8_H
#define HINOMI_BASE_UTF8_H

#include "base/buf.h"

/* UTF-8 (RFC 3629) and UTF-16 (RFC 2781). Pure and thread-safe. */

/* Shortest form, no surrogates, <= U+10FFFF. O(n), ASCII runs 32 bytes at a time where the CPU can. */
bool utf8_valid(struct str s);
/* Length of the valid prefix. */
size_t utf8_valid_prefix(struct str s);
/* Length of the ASCII in front. */
size_t utf8_ascii_prefix(struct str s);
bool utf8_is_ascii(struct str s);
/* Takes one code point; an invalid byte is taken alone and gives U+FFFD with *ret_bad (may be NULL) set. False at the end. */
bool utf8_next(struct str *rest, uint32_t *ret_cp, bool *ret_bad);
/* Writes 1..4 bytes; a surrogate or an out-of-range value becomes U+FFFD. Returns the length. */
size_t utf8_put(char out[4], uint32_t cp);
/* Appends s with every invalid byte replaced by U+FFFD. Returns how many were replaced. */
size_t utf8_add_clean(struct buf *out, struct str s);
/* Number of terminal columns (East Asian wide and fullwidth = 2, combining = 0), for tables. */
size_t utf8_columns(struct str s);

/* UTF-16 bytes to UTF-8: lone surrogates become U+FFFD, a final odd byte is dropped. dst needs 3 bytes per 2 of src; returns bytes written. */
size_t utf16le_to_utf8(char *dst, const unsigned char *src, size_t n_bytes);
size_t utf16be_to_utf8(char *dst, const unsigned char *src, size_t n_bytes);
/* UTF-8 to UTF-16 (used by Sigma's wide/utf16 modifiers). */
int utf8_to_utf16le(struct buf *out, struct str s);
int utf8_to_utf16be(struct buf *out, struct str s);

/* Unicode simple case folding (CaseFolding statuses C and S). cp -> folded cp. */
uint32_t utf8_fold_cp(uint32_t cp);
/*
 * Folds n bytes of src into dst (dst needs 3 bytes per 2 of src plus 4: a fold can grow a code point, e.g. U+023A). ASCII goes
 * 16 bytes at a time where the CPU can. Invalid bytes are copied unchanged. Returns bytes written.
 */
size_t utf8_fold(char *dst, const char *src, size_t n);
#define UTF8_FOLD_MAX(n) ((n) + (n) / 2 + 4)

#endif
