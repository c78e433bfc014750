/* SPDX-License-Identifier: Apache-2.0 */
#include "report/template.h"

#include <errno.h>

/* The input is the template; it may include itself. What parses is rendered over a small model, and no markup of the model may come out. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int source(void *arg, struct str name, struct buf *ret_text)
{
	return str_eq(name, STR("main")) || str_eq(name, STR("a.html")) ? buf_add(ret_text, *(struct str *)arg) : -ENOENT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static json_t *model;
	struct str text = str_n((const char *)data, size);
	struct template_env env = {size % 2 == 0, 9 * 3600};
	struct buf out = BUF_INIT(1u << 20);
	struct template *t;
	struct diag d;
	if (!model)
		model = json_pack("{s:s, s:s, s:i, s:[{s:i},{s:i}], s:n, s:b}", "title", "Q7<i>'\"&", "at", "2026-11-22T01:02:03Z", "n", 5, "list", "n", 1, "n", 2, "none", "yes", 1);
	diag_init(&d);
	if (template_parse(STR("main"), source, &text, &d, &t) == 0) {
		int r = template_render(t, model, &env, &d, &out);
		must(r == 0 || r == -E2BIG || d.errors > 0);
		must(str_find(text, STR("Q7<i>")) != STR_NPOS || str_find(buf_str(&out), STR("Q7<i>")) == STR_NPOS);
		template_unref(t);
	} else {
		must(d.errors > 0);
	}
	diag_done(&d);
	buf_done(&out);
	return 0;
}
