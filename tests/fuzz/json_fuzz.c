/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json.h"
#include "codec/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The flat reader must agree with itself: what it reads, it skips to the same place; what it un-escapes fits. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena mem;
	struct json_leaf *leaf;
	struct json_fault fault;
	size_t n;
	struct str text = str_n((const char *)data, size), after = text;
	arena_init(&mem, 32u << 20);
	if (json_read_flat(&text, &mem, &leaf, &n, &fault) == 0) {
		must(json_skip_value(&after) == 0 && after.p == text.p);
		for (size_t i = 0; i < n; i++) {
			char *out = arena_alloc(&mem, leaf[i].text.n + 1);
			if (out)
				must(json_unescape(out, leaf[i].text) <= leaf[i].text.n);
		}
	} else {
		must(fault.offset <= size);
	}
	arena_done(&mem);
	return 0;
}
