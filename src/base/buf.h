/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_BASE_BUF_H
#define HINOMI_BASE_BUF_H

#include "base/must.h"
#include "base/str.h"

/*
 * A growing byte buffer with a mandatory cap and a sticky error: writers append without checking, and the one check at the end
 * tells whether all of it fits. After an error appends do nothing. Caller's storage; not thread-safe.
 */
struct buf {
	char *p;
	size_t n;   /* bytes used; p[n] is always NUL when p is set */
	size_t cap; /* bytes allocated */
	size_t max; /* n never exceeds this */
	int err;    /* 0, -E2BIG (cap reached) or -ENOMEM */
};

#define BUF_INIT(max_bytes) ((struct buf){.max = (max_bytes)})

void buf_init(struct buf *b, size_t max);
/* Frees; the buffer can be used again with the same cap. */
void buf_done(struct buf *b);
/* Forgets content and error, keeps the memory. */
void buf_reset(struct buf *b);

int buf_add_slow_(struct buf *b, struct str s);
int buf_addc_slow_(struct buf *b, char c);

/* Each returns b->err, so that a lone append can be checked; a sequence need not. */
static inline int buf_add(struct buf *b, struct str s)
{
	/* What fits into memory that is there is most of what is ever added. */
	if (!s.n || s.n >= b->cap - b->n || s.n > b->max - b->n || b->err)
		return buf_add_slow_(b, s);
	memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
	b->p[b->n] = 0;
	return 0;
}
static inline int buf_addc(struct buf *b, char c)
{
	if (b->cap - b->n < 2 || b->n == b->max || b->err)
		return buf_addc_slow_(b, c);
	b->p[b->n++] = c;
	b->p[b->n] = 0;
	return 0;
}
int buf_add_cstr(struct buf *b, const char *s);
int buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
int buf_add_u64(struct buf *b, uint64_t v);
int buf_add_i64(struct buf *b, int64_t v);
int buf_add_hex(struct buf *b, const void *p, size_t n); /* lower case */

/* Little-endian fixed-size integers and LEB128 variable ones, for files. */
int buf_add_le16(struct buf *b, uint16_t v);
int buf_add_le32(struct buf *b, uint32_t v);
int buf_add_le64(struct buf *b, uint64_t v);
int buf_add_varint(struct buf *b, uint64_t v);

/* Makes room for n more bytes and returns where they go (commit with buf_commit), or NULL with the error set. */
char *buf_reserve(struct buf *b, size_t n);
static inline void buf_commit(struct buf *b, size_t n)
{
	must(b->n + n < b->cap || (n == 0 && b->n == 0));
	b->n += n;
	if (b->p)
		b->p[b->n] = 0;
}
/* Drops n bytes from the front (moves the rest). */
void buf_consume(struct buf *b, size_t n);
void buf_truncate(struct buf *b, size_t n);

static inline struct str buf_str(const struct buf *b)
{
	return (struct str){b->p, b->n};
}
/* NUL-terminated view, "" when empty; valid until the next append. */
const char *buf_cstr(struct buf *b);
/* Gives the memory away (free()); the buffer is empty after. *ret_n may be NULL. */
char *buf_take(struct buf *b, size_t *ret_n);

/* Readers of the same encodings by cursor: false and nothing consumed when short or overlong. */
bool rd_le16(struct str *r, uint16_t *ret);
bool rd_le32(struct str *r, uint32_t *ret);
bool rd_le64(struct str *r, uint64_t *ret);
bool rd_varint(struct str *r, uint64_t *ret);
bool rd_bytes(struct str *r, size_t n, struct str *ret);

#endif
