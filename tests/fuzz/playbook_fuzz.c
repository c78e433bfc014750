/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "csirt/playbook.h"

#include <jansson.h>

/* CACAO playbooks: refused with a finding, or a playbook with its steps in an order. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diag d;
	json_t *book = NULL;
	diag_init(&d);
	int r = playbook_parse(fuzz_str(data, size), STR("playbook.json"), &d, &book);
	must(r == 0 ? json_is_object(book) : d.errors > 0);
	json_decref(book);
	diag_done(&d);
	return 0;
}
