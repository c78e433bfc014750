/* SPDX-License-Identifier: Apache-2.0 */
#include "store/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stored rows: damaged bytes end the walk, they never lead outside. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = str_n((const char *)data, size);
	struct arena mem;
	struct event ev;
	uint64_t position;
	arena_init(&mem, 0);
	while (rest.n && row_decode(&rest, NULL, &mem, &ev, &position)) {
		struct buf out = BUF_INIT(64u << 20);
		event_add_json(&ev, &mem, &out);
		buf_done(&out);
	}
	arena_done(&mem);
	return 0;
}
