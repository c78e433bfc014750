/* SPDX-License-Identifier: Apache-2.0 */
#include "net/inflate.h"

#include <errno.h>
#include <zlib.h>
#include <zstd.h>

#define CHUNK 65536u

static int by_zlib(struct str body, struct buf *out)
{
	z_stream z = {.next_in = (unsigned char *)(uintptr_t)body.p, .avail_in = (unsigned)body.n};
	unsigned char chunk[CHUNK];
	int r, e = 0;
	if (inflateInit2(&z, 15 + 32) != Z_OK)
		return -ENOMEM;
	do {
		z.next_out = chunk;
		z.avail_out = CHUNK;
		r = inflate(&z, Z_NO_FLUSH);
		buf_add(out, str_n((const char *)chunk, CHUNK - z.avail_out));
		if (r == Z_STREAM_END && z.avail_in) /* members may follow one another (RFC 1952, 2.2) */
			r = inflateReset(&z);
	} while (r == Z_OK && !out->err);
	if (out->err)
		e = -E2BIG;
	else if (r != Z_STREAM_END)
		e = -EBADMSG;
	inflateEnd(&z);
	return e;
}

static int by_zstd(struct str body, struct buf *out)
{
	ZSTD_DStream *z = ZSTD_createDStream();
	ZSTD_inBuffer in = {body.p, body.n, 0};
	char chunk[CHUNK];
	size_t left = 1;
	int e = z ? 0 : -ENOMEM;
	while (e == 0 && (in.pos < in.size || left)) {
		ZSTD_outBuffer to = {chunk, CHUNK, 0};
		size_t before = in.pos;
		left = ZSTD_decompressStream(z, &to, &in);
		if (ZSTD_isError(left) || (before == in.pos && !to.pos && left))
			e = -EBADMSG;
		else
			buf_add(out, str_n(chunk, to.pos));
		if (out->err)
			e = -E2BIG;
	}
	ZSTD_freeDStream(z);
	return e;
}

int inflate_body(struct str encoding, struct str body, struct buf *out)
{
	if (str_ieq(encoding, STR("gzip")) || str_ieq(encoding, STR("x-gzip")) || str_ieq(encoding, STR("deflate")))
		return body.n ? by_zlib(body, out) : -EBADMSG;
	if (str_ieq(encoding, STR("zstd")))
		return body.n ? by_zstd(body, out) : -EBADMSG;
	return -EOPNOTSUPP;
}
