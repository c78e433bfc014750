/* SPDX-License-Identifier: Apache-2.0 */
#include "event/evtx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int render(void *arg, struct event *ev)
{
	struct buf *out = arg;
	struct arena mem;
	arena_init(&mem, 0);
	buf_reset(out);
	event_add_json(ev, &mem, out);
	arena_done(&mem);
	return 0;
}

/* A chunk header is put in front, so that every input reaches the records. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vocab *v;
	static struct evtx_decoder *d; /* kept from input to input, as from file to file */
	struct buf chunk = BUF_INIT(EVTX_CHUNK), out = BUF_INIT(256u << 20);
	struct evtx_chunk_result res;
	struct event proto = {.source = STR("f")};
	struct arena mem;
	if (!v) {
		v = vocab_new();
		vocab_freeze(v);
		d = evtx_decoder_new(v);
	}
	buf_add(&chunk, str_n("ElfChnk\0", 8));
	while (chunk.n < 512)
		buf_addc(&chunk, 0);
	buf_add(&chunk, str_n((const char *)data, size < EVTX_CHUNK - 512 ? size : EVTX_CHUNK - 512));
	arena_init(&mem, 0);
	evtx_decode_chunk(d, buf_str(&chunk), &proto, &mem, render, &out, &res);
	must(res.damaged <= res.records + 1);
	arena_done(&mem);
	buf_done(&out);
	buf_done(&chunk);
	return 0;
}
