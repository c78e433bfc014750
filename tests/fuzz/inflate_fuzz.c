/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "net/inflate.h"

/* Packed bodies. The first byte picks the encoding; what comes out stays below the cap. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct str NAMES[] = {{"gzip", 4}, {"deflate", 7}, {"zstd", 4}, {"br", 2}};
	struct buf out = BUF_INIT(1u << 20);
	if (size < 1)
		return 0;
	int r = inflate_body(NAMES[data[0] % LEN(NAMES)], fuzz_str(data + 1, size - 1), &out);
	must(r <= 0 && out.n <= 1u << 20);
	buf_done(&out);
	return 0;
}
