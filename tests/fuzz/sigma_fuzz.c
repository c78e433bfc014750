/* SPDX-License-Identifier: Apache-2.0 */
#include "event/decode.h"
#include "sigma/sigma.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int ignore(void *arg, const struct sigma_hit *hit)
{
	(void)arg, (void)hit;
	return 0;
}

/* Any text is either a rule that runs or findings with a place. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char event[] = "{\"F\":\"some value\",\"EventID\":4688,\"A\":[1,\"x\"],\"N\":null}";
	struct sigma_set *set = sigma_set_new();
	struct vocab *v = vocab_new();
	struct sigma_image *img = NULL;
	struct diag d;
	diag_init(&d);
	sigma_set_add_text(set, str_n((const char *)data, size), STR("r.yml"), &d);
	if (sigma_compile(set, v, &(struct sigma_opts){.routing = SIGMA_ROUTE_OFF}, &d, &img) == 0) {
		struct arena mem;
		struct event ev;
		vocab_freeze(v);
		arena_init(&mem, 0);
		struct decoder *dec = decoder_new(v, 0);
		struct sigma_matcher *m = sigma_matcher_new(img);
		struct record rec = {.raw = str_n(event, sizeof(event) - 1), .format = FORMAT_JSON};
		decode_record(dec, &rec, &mem, &ev, NULL);
		sigma_match(m, &ev, ignore, NULL);
		sigma_matcher_free(m);
		decoder_free(dec);
		arena_done(&mem);
		sigma_image_unref(img);
	}
	vocab_unref(v);
	sigma_set_free(set);
	diag_done(&d);
	return 0;
}
