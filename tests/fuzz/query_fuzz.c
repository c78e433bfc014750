/* SPDX-License-Identifier: Apache-2.0 */
#include "query/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any text is a query or a finding inside the text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct query *q;
	struct diag d;
	diag_init(&d);
	if (query_parse(str_n((const char *)data, size), 1700000000 * NS_PER_S, 0, NULL, 0, &d, &q) == 0) {
		query_free(q);
	} else {
		must(d.errors > 0 && d.items.at[0].column >= 1 && d.items.at[0].column <= size + 1);
	}
	diag_done(&d);
	return 0;
}
