/* SPDX-License-Identifier: Apache-2.0 */
#include "event/decode.h"
#include "sigma/sigma.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int ignore(void *arg, const struct sigma_hit *hit)
{
	(void)arg, (void)hit;
	return 0;
}

/* What stands before the line "=====" is a pipeline that the rules go through, as a file in memory. "" = there is none. */
static void take_pipeline(struct str *text, char path[32], int *ret_fd)
{
	size_t at = str_find(*text, STR("\n=====\n"));
	path[0] = 0;
	*ret_fd = -1;
	if (at == STR_NPOS)
		return;
	*ret_fd = memfd_create("pipeline", 0);
	if (*ret_fd < 0 || write(*ret_fd, text->p, at) != (ssize_t)at)
		return;
	snprintf(path, 32, "/proc/self/fd/%d", *ret_fd);
	*text = str_sub(*text, at + 7, text->n);
}

/* Any text is either a rule that runs or findings with a place. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char event[] = "{\"F\":\"some value\",\"EventID\":4688,\"A\":[1,\"x\"],\"N\":null}";
	struct sigma_set *set = sigma_set_new();
	struct vocab *v = vocab_new();
	struct sigma_image *img = NULL;
	struct diag d;
	struct str text = str_n((const char *)data, size);
	char path[32];
	const char *pipeline = path;
	int fd;
	diag_init(&d);
	take_pipeline(&text, path, &fd);
	sigma_set_add_text(set, text, STR("r.yml"), &d);
	struct sigma_opts o = {.routing = SIGMA_ROUTE_OFF, .lint = true, .pipeline = &pipeline, .n_pipeline = path[0] != 0};
	int r = sigma_compile(set, v, &o, &d, &img);
	if (fd >= 0)
		close(fd);
	if (r == 0) {
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
