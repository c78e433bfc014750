/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "base/buf.h"
#include "net/frame.h"

/* The messages of one stream that comes in pieces of `step` bytes, each behind its length. */
static void cut(struct str all, size_t step, struct buf *out)
{
	struct buf in = BUF_INIT(FRAME_MAX * 4);
	size_t skip = 0;
	for (size_t at = 0; at < all.n;) {
		size_t n = all.n - at < step ? all.n - at : step;
		bool ended = at + n == all.n, more = true;
		buf_add(&in, str_n(all.p + at, n));
		at += n;
		while (more && in.n) {
			struct str text = STR("");
			size_t used = 0;
			bool is_short;
			if (skip) {
				struct str rest = buf_str(&in);
				used = rest.n;
				if (skip == SIZE_MAX) {
					size_t end = str_chr(rest, '\n');
					used = end == STR_NPOS ? rest.n : end + 1;
					skip = end == STR_NPOS ? skip : 0;
				} else {
					used = skip < rest.n ? skip : rest.n;
					skip -= used;
				}
			} else {
				enum frame_result r = frame_next(buf_str(&in), ended, &text, &used, &skip, &is_short);
				more = r != FRAME_MORE;
				if (r == FRAME_MESSAGE && text.n) {
					must(text.n <= FRAME_MAX && text.p >= in.p && text.p + text.n <= in.p + in.n);
					buf_addf(out, "%zu ", text.n);
					buf_add(out, text);
				}
				must(!more || (used > 0 && used <= in.n));
			}
			memmove(in.p, in.p + used, in.n - used);
			in.n -= used;
		}
	}
	buf_done(&in);
}

/* Syslog framing: however the bytes come in, the same messages come out. The first byte is the size of the pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf one = BUF_INIT(64u << 20), many = BUF_INIT(64u << 20);
	if (size < 2)
		return 0;
	cut(fuzz_str(data + 1, size - 1), size, &one);
	cut(fuzz_str(data + 1, size - 1), (size_t)data[0] + 1, &many);
	must(str_eq(buf_str(&one), buf_str(&many)));
	buf_done(&one);
	buf_done(&many);
	return 0;
}
