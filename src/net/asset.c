/* SPDX-License-Identifier: Apache-2.0 */
#include "net/asset.h"
#include "net/inflate.h"

#include <event2/buffer.h>

#define PLAIN_MAX (16u << 20)

static bool header_has(struct evhttp_request *req, const char *name, struct str word)
{
	const char *v = evhttp_find_header(evhttp_request_get_input_headers(req), name);
	return v && str_ifind(str_c(v), word) != STR_NPOS;
}

static void add_headers(struct evhttp_request *req, const struct console_file *f)
{
	struct evkeyvalq *out = evhttp_request_get_output_headers(req);
	const struct {
		const char *name, *value;
	} set[] = {
		{"Content-Type", f->type},
		{"ETag", f->etag},
		{"Cache-Control", f->hashed ? "public, max-age=31536000, immutable" : "no-cache"},
		{"Vary", "Accept-Encoding"},
		{"Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"},
		{"X-Content-Type-Options", "nosniff"},
		{"X-Frame-Options", "DENY"},
		{"Referrer-Policy", "no-referrer"},
		{"Cross-Origin-Opener-Policy", "same-origin"},
	};
	for (size_t i = 0; i < LEN(set); i++)
		evhttp_add_header(out, set[i].name, set[i].value);
}

void asset_answer(struct evhttp_request *req, const struct console_file *f)
{
	struct evbuffer *e = evbuffer_new();
	struct str packed = str_n((const char *)f->gzip, f->n);
	must(e);
	add_headers(req, f);
	if (header_has(req, "If-None-Match", str_c(f->etag))) {
		evhttp_send_reply(req, 304, NULL, NULL);
	} else if (header_has(req, "Accept-Encoding", STR("gzip"))) {
		evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Encoding", "gzip");
		evbuffer_add_reference(e, packed.p, packed.n, NULL, NULL);
		evhttp_send_reply(req, 200, NULL, e);
	} else {
		struct buf plain = BUF_INIT(PLAIN_MAX);
		int r = inflate_body(STR("gzip"), packed, &plain);
		must(r == 0 && evbuffer_add(e, plain.p, plain.n) == 0);
		evhttp_send_reply(req, 200, NULL, e);
		buf_done(&plain);
	}
	evbuffer_free(e);
}
