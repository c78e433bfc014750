/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/num.h"

#include <errno.h>
#include <stdarg.h>

void buf_init(struct buf *b, size_t max)
{
	*b = BUF_INIT(max);
}

void buf_done(struct buf *b)
{
	free(b->p);
	*b = BUF_INIT(b->max);
}

void buf_reset(struct buf *b)
{
	b->n = 0;
	b->err = 0;
	if (b->p)
		b->p[0] = 0;
}

char *buf_reserve(struct buf *b, size_t n)
{
	if (b->err)
		return NULL;
	if (n > b->max || b->n > b->max - n) {
		b->err = -E2BIG;
		return NULL;
	}
	size_t want = b->n + n + 1;
	if (want > b->cap) {
		/* Half as much again, so that appends cost their bytes; as much as is asked for when that is more. */
		size_t cap = b->cap ? b->cap + b->cap / 2 + 16 : 64;
		cap = cap < want ? want : cap;
		char *p = realloc(b->p, cap);
		if (!p) {
			b->err = -ENOMEM;
			return NULL;
		}
		b->p = p;
		b->cap = cap;
	}
	return b->p + b->n;
}

int buf_add_slow_(struct buf *b, struct str s)
{
	char *at = buf_reserve(b, s.n);
	if (at) {
		if (s.n)
			memcpy(at, s.p, s.n);
		buf_commit(b, s.n);
	}
	return b->err;
}

int buf_addc_slow_(struct buf *b, char c)
{
	return buf_add_slow_(b, str_n(&c, 1));
}

int buf_add_cstr(struct buf *b, const char *s)
{
	return buf_add(b, str_c(s));
}

int buf_addf(struct buf *b, const char *fmt, ...)
{
	char small[256];
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(small, sizeof(small), fmt, ap);
	must(n >= 0);
	if ((size_t)n < sizeof(small)) {
		buf_add(b, str_n(small, (size_t)n));
	} else {
		char *at = buf_reserve(b, (size_t)n);
		if (at) {
			vsnprintf(at, (size_t)n + 1, fmt, again);
			buf_commit(b, (size_t)n);
		}
	}
	va_end(again);
	va_end(ap);
	return b->err;
}

int buf_add_u64(struct buf *b, uint64_t v)
{
	char text[24];
	if (b->cap - b->n <= sizeof(text) || b->max - b->n <= sizeof(text) || b->err)
		return buf_add(b, str_n(text, num_format_u64(text, v)));
	b->n += num_format_u64(b->p + b->n, v);
	return 0;
}

int buf_add_i64(struct buf *b, int64_t v)
{
	char text[24];
	return buf_add(b, str_n(text, num_format_i64(text, v)));
}

int buf_add_hex(struct buf *b, const void *p, size_t n)
{
	static const char digit[] = "0123456789abcdef";
	const unsigned char *byte = p;
	char *at = n > SIZE_MAX / 2 ? NULL : buf_reserve(b, n * 2);
	if (!at)
		return b->err ? b->err : (b->err = -E2BIG);
	for (size_t i = 0; i < n; i++) {
		at[2 * i] = digit[byte[i] >> 4];
		at[2 * i + 1] = digit[byte[i] & 15];
	}
	buf_commit(b, n * 2);
	return b->err;
}

static int add_le(struct buf *b, uint64_t v, size_t n)
{
	char out[8];
	for (size_t i = 0; i < n; i++)
		out[i] = (char)(v >> (8 * i));
	return buf_add(b, str_n(out, n));
}

int buf_add_le16(struct buf *b, uint16_t v)
{
	return add_le(b, v, 2);
}

int buf_add_le32(struct buf *b, uint32_t v)
{
	return add_le(b, v, 4);
}

int buf_add_le64(struct buf *b, uint64_t v)
{
	return add_le(b, v, 8);
}

int buf_add_varint(struct buf *b, uint64_t v)
{
	char out[10];
	size_t n = 0;
	while (v >= 128) {
		out[n++] = (char)(v | 128);
		v >>= 7;
	}
	out[n++] = (char)v;
	return buf_add(b, str_n(out, n));
}

void buf_consume(struct buf *b, size_t n)
{
	must(n <= b->n);
	if (!n)
		return;
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
	b->p[b->n] = 0;
}

void buf_truncate(struct buf *b, size_t n)
{
	must(n <= b->n);
	b->n = n;
	if (b->p)
		b->p[n] = 0;
}

const char *buf_cstr(struct buf *b)
{
	return b->p ? b->p : "";
}

char *buf_take(struct buf *b, size_t *ret_n)
{
	if (!b->p)
		buf_add(b, STR(""));
	char *p = b->p;
	if (ret_n)
		*ret_n = b->n;
	*b = BUF_INIT(b->max);
	return p;
}

static bool rd_le(struct str *r, size_t n, uint64_t *ret)
{
	uint64_t v = 0;
	if (r->n < n)
		return false;
	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)(unsigned char)r->p[i] << (8 * i);
	*r = str_n(r->p + n, r->n - n);
	*ret = v;
	return true;
}

bool rd_le16(struct str *r, uint16_t *ret)
{
	uint64_t v;
	if (!rd_le(r, 2, &v))
		return false;
	*ret = (uint16_t)v;
	return true;
}

bool rd_le32(struct str *r, uint32_t *ret)
{
	uint64_t v;
	if (!rd_le(r, 4, &v))
		return false;
	*ret = (uint32_t)v;
	return true;
}

bool rd_le64(struct str *r, uint64_t *ret)
{
	return rd_le(r, 8, ret);
}

bool rd_varint(struct str *r, uint64_t *ret)
{
	uint64_t v = 0;
	for (size_t i = 0; i < 10 && i < r->n; i++) {
		uint64_t c = (unsigned char)r->p[i];
		if (i == 9 && c > 1)
			return false;
		v |= (c & 127) << (7 * i);
		if (!(c & 128)) {
			*r = str_n(r->p + i + 1, r->n - i - 1);
			*ret = v;
			return true;
		}
	}
	return false;
}

bool rd_bytes(struct str *r, size_t n, struct str *ret)
{
	if (r->n < n)
		return false;
	*ret = str_n(r->p, n);
	*r = str_n(r->p + n, r->n - n);
	return true;
}
