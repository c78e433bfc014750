/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "house/config.h"

/* hinomi.yml: what was read is shown as a file that reads back without a finding and shows the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config c, again;
	struct diag d, none;
	struct buf shown = BUF_INIT(16u << 20), twice = BUF_INIT(16u << 20);
	diag_init(&d);
	diag_init(&none);
	config_init(&c);
	config_load_text(&c, fuzz_str(data, size), STR("hinomi.yml"), &d);
	config_show(&c, size & 1, &shown);
	config_init(&again);
	must(config_load_text(&again, buf_str(&shown), STR("shown"), &none) == 0);
	config_show(&again, size & 1, &twice);
	must(str_eq(buf_str(&shown), buf_str(&twice)));
	config_done(&c);
	config_done(&again);
	buf_done(&shown);
	buf_done(&twice);
	diag_done(&d);
	diag_done(&none);
	return 0;
}
