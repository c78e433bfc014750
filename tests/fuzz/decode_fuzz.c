/* SPDX-License-Identifier: Apache-2.0 */
#include "event/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Every line becomes an event that can be written as JSON, whatever it holds. The first byte picks the format; what stands before a record separator
 * (0x1E) is the header that comes with the line.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vocab *v;
	static struct decoder *d;
	struct arena mem;
	struct event ev;
	struct buf out = BUF_INIT(64u << 20);
	if (!v) {
		v = vocab_new();
		vocab_freeze(v);
		d = decoder_new(v, 9 * 3600);
	}
	if (size < 1)
		return 0;
	arena_init(&mem, 0);
	struct str raw = str_n((const char *)data + 1, size - 1), context = STR("");
	size_t end = str_chr(raw, 0x1e);
	if (end != STR_NPOS) {
		context = str_sub(raw, 0, end);
		raw = str_sub(raw, end + 1, raw.n);
	}
	struct record rec = {.raw = raw, .context = context, .format = (uint8_t)(data[0] % FORMAT_COUNT), .received = 1700000000 * NS_PER_S};
	decode_record(d, &rec, &mem, &ev, NULL);
	event_add_json(&ev, &mem, &out);
	must(out.err == 0 && out.n >= 2);
	buf_done(&out);
	arena_done(&mem);
	return 0;
}
