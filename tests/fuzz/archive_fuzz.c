/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "event/reader.h"

static int take(void *arg, struct event *ev)
{
	struct buf out = BUF_INIT(16u << 20);
	event_add_json(ev, arg, &out);
	buf_done(&out);
	return 0;
}

/* Files as a person names them: containers in containers, any format. The first byte picks the name's ending, which is looked at after the content. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const NAMES[] = {"a", "a.zip", "a.tar.gz", "a.zst", "a.gz", "a.evtx", "a.json", "a.csv", "a.log", "a.tar"};
	static struct vocab *v;
	static struct decoder *dec;
	struct reader *r;
	struct block *b;
	struct arena mem, scratch;
	if (size < 1)
		return 0;
	if (!v) {
		v = vocab_new();
		vocab_freeze(v);
		dec = decoder_new(v, 0);
	}
	const char *path = fuzz_file(NAMES[data[0] % LEN(NAMES)], fuzz_str(data + 1, size - 1));
	must(reader_open(&(struct reader_opts){.format = FORMAT_AUTO, .now = 1}, &r) == 0);
	reader_add_path(r, path);
	arena_init(&mem, 0);
	arena_init(&scratch, 0);
	for (int n = 0; n < 200 && reader_next(r, &b) > 0; n++) {
		struct block_counts counts = {0};
		uint64_t faults = 0;
		block_decode(b, dec, &mem, take, &scratch, &counts);
		for (size_t i = 0; i < DECODE_FAULT_COUNT; i++)
			faults += counts.fault[i];
		must(faults == counts.events && counts.bad <= counts.events); /* every record is counted once, with its reason */
		arena_reset(&scratch);
		block_free(b);
	}
	arena_done(&scratch);
	arena_done(&mem);
	reader_free(r);
	file_remove(path);
	return 0;
}
