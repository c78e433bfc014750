/* SPDX-License-Identifier: Apache-2.0 */
#include "net/parts.h"

#include "base/num.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>

/*
 * What libevent cannot read it refuses by itself, with a page of HTML, and no callback hears of it: evhttp_set_errorcb came with 2.2. The page is
 * known to the byte and stands whole in the connection's output before any of it leaves, because writing starts only behind it. No answer of ours
 * begins like it: theirs is the only one with this type and no header of ours behind.
 */
#define PAGE_MAX 512

static const struct {
	const char *status, *code;
} REFUSALS[] = {{"400", "bad_http"}, {"413", "too_large"}, {"417", "unknown_expectation"}, {"501", "unknown_method"}};

/* The problem that the page stands for; NULL when the output is no page, or not yet the whole of it. */
static const char *read_page(struct evbuffer *out)
{
	char text[PAGE_MAX];
	ev_ssize_t n = evbuffer_copyout(out, text, sizeof(text));
	struct str page = str_n(text, n > 0 ? (size_t)n : 0), status;
	if (!str_take(&page, STR("HTTP/1.")) || !str_ends(page, STR("</HTML>\n")) || !str_cut(&page, ' ', &status) || !str_cut(&page, ' ', &status))
		return NULL;
	size_t line = str_find(page, STR("\r\n"));
	if (line == STR_NPOS || !str_starts(str_sub(page, line, page.n), STR("\r\nContent-Type: text/html\r\nConnection: close\r\n")))
		return NULL;
	for (size_t i = 0; i < LEN(REFUSALS); i++)
		if (str_eq(status, str_c(REFUSALS[i].status)))
			return REFUSALS[i].code;
	return "bad_http";
}

static void write_problem(struct evbuffer *out, const char *code)
{
	struct api_response r;
	api_response_init(&r);
	api_refuse(&r, code);
	evbuffer_add_printf(out, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", r.status, code,
	                    r.content_type, r.body.n);
	evbuffer_add(out, r.body.p, r.body.n);
	api_response_done(&r);
}

static void on_output(struct evbuffer *out, const struct evbuffer_cb_info *info, void *arg)
{
	char first;
	(void)arg;
	if (!info->n_added || evbuffer_get_length(out) >= PAGE_MAX)
		return;
	/* A bufferevent freezes the front of its output while it is not writing: nothing can be read or taken there. */
	bool frozen = evbuffer_copyout(out, &first, 1) < 0;
	if (frozen)
		evbuffer_unfreeze(out, 1);
	const char *code = read_page(out);
	if (code && evbuffer_drain(out, evbuffer_get_length(out)) == 0)
		write_problem(out, code);
	if (frozen)
		evbuffer_freeze(out, 1);
}

void refusals_rewrite(struct bufferevent *b)
{
	must(evbuffer_add_cb(bufferevent_get_output(b), on_output, NULL));
}
