/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "soc/rulebook.h"

/* The escalation rule book: refused with a finding, or a book that prints and matches. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rulebook *book = NULL;
	struct diag d;
	struct buf out = BUF_INIT(16u << 20);
	diag_init(&d);
	int r = rulebook_load_text(fuzz_str(data, size), STR("book.yml"), NULL, &d, &book);
	must(r == 0 || d.errors);
	if (r == 0) {
		json_t *alert = json_pack("{s:s, s:s, s:s, s:[s]}", "priority", "P1", "site", "main", "level", "high", "tags", "attack.impact");
		for (int hour = 0; hour < 24; hour += 5)
			must(rulebook_match(book, alert, (INT64_C(1772409600) + hour * 3600) * NS_PER_S, 32400) < (int)book->n_row);
		rulebook_print(book, true, &out);
		rulebook_print(book, false, &out);
		json_decref(alert);
		rulebook_free(book);
	}
	buf_done(&out);
	diag_done(&d);
	return 0;
}
