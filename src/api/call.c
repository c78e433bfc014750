/* SPDX-License-Identifier: Apache-2.0 */
#include "api/call.h"
#include "api/problem.h"
#include "api/shape.h"

#include "base/num.h"
#include "base/utf8.h"
#include "report/report.h"

#include <errno.h>
#include <stdlib.h>

#define RESPONSE_MAX (256u << 20)

void api_response_init(struct api_response *r)
{
	*r = (struct api_response){.status = 500, .body = BUF_INIT(RESPONSE_MAX), .content_type = "application/json"};
}

void api_response_done(struct api_response *r)
{
	buf_done(&r->body);
}

/* Percent-decoding; '+' is a blank in query strings only. */
static struct str url_decode(struct arena *mem, struct str s, bool form)
{
	char *out = arena_alloc(mem, s.n + 1);
	size_t n = 0;
	if (!out)
		return STR_NONE;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		int hi = -1, lo = -1;
		if (c == '%' && i + 2 < s.n) {
			hi = ch_hex((unsigned char)s.p[i + 1]);
			lo = ch_hex((unsigned char)s.p[i + 2]);
		}
		if (hi >= 0 && lo >= 0) {
			out[n++] = (char)(hi * 16 + lo);
			i += 2;
		} else {
			out[n++] = form && c == '+' ? ' ' : (char)c;
		}
	}
	out[n] = 0;
	return str_n(out, n);
}

struct str api_param(struct api_ctx *c, const char *name)
{
	struct str rest = c->req->query, piece;
	while (str_cut(&rest, '&', &piece)) {
		struct str key;
		struct str value = piece;
		if (!str_cut(&value, '=', &key))
			continue;
		if (str_eq(url_decode(&c->mem, key, true), str_c(name)))
			return value.p ? url_decode(&c->mem, value, true) : STR("");
	}
	return STR_NONE;
}

int api_param_limit(struct api_ctx *c, uint64_t deflt, uint64_t max, uint64_t *ret)
{
	struct str s = api_param(c, "limit");
	int64_t v = (int64_t)deflt;
	if (s.p && !num_range(s, 1, (int64_t)max, &v)) {
		diag_file(&c->diag, STR("limit"));
		return diag_error(&c->diag, (struct diag_at){0}, "bad_parameter", "limit must be a number from 1 to %llu", (unsigned long long)max);
	}
	*ret = (uint64_t)v;
	return 0;
}

int api_param_time(struct api_ctx *c, const char *name, tstamp *ret)
{
	struct str s = api_param(c, name);
	tstamp now = clock_now(house_clock(c->api->house));
	if (!s.p || !s.n) {
		*ret = TS_NONE;
		return 0;
	}
	if (!ts_parse_user(s, now, house_clock(c->api->house)->offset_s, ret)) {
		diag_file(&c->diag, str_c(name));
		diag_error(&c->diag, (struct diag_at){0}, "bad_parameter", "%s is not a time: \"%.*s\"", name, STR_ARG(s));
		diag_hint(&c->diag, "write 2026-11-22T01:02:03Z, 2026-11-22 or -24h");
		return -EINVAL;
	}
	return 0;
}

int api_answer(struct api_ctx *c, int status, json_t *doc)
{
	char *text = json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	json_decref(doc);
	if (!text)
		return -ENOMEM;
	c->resp->status = status;
	buf_add_cstr(&c->resp->body, text);
	free(text);
	return c->resp->body.err;
}

int api_answer_object(struct api_ctx *c, int status, json_t *doc, uint64_t seq)
{
	json_t *version = json_object_get(doc, "version");
	if (json_is_integer(version))
		snprintf(c->resp->etag, sizeof(c->resp->etag), "\"v%lld\"", (long long)json_integer_value(version));
	if (seq != UINT64_MAX)
		json_object_set_new(doc, "ledger_seq", json_integer((json_int_t)seq));
	return api_answer(c, status, doc);
}

int api_answer_list(struct api_ctx *c, json_t *items, const char *next_cursor)
{
	json_t *doc = json_object();
	json_object_set_new(doc, "items", items);
	json_object_set_new(doc, "next_cursor", next_cursor && *next_cursor ? json_string(next_cursor) : json_null());
	return api_answer(c, 200, doc);
}

/* "/a/{x}/b" against a path; the {…} pieces go to param, decoded. */
static bool path_matches(struct api_ctx *c, const char *pattern, struct str path)
{
	struct str want = str_c(pattern), w, p;
	size_t n = 0;
	bool more_w = str_cut(&want, '/', &w), more_p = str_cut(&path, '/', &p);
	while (more_w && more_p) {
		if (w.n && w.p[0] == '{') {
			if (!p.n || n == API_PARAMS)
				return false;
			c->param[n++] = url_decode(&c->mem, p, false);
		} else if (!str_eq(w, p)) {
			return false;
		}
		more_w = str_cut(&want, '/', &w);
		more_p = str_cut(&path, '/', &p);
	}
	return !more_w && !more_p;
}

/* The route, or NULL with *ret_known telling that another method has it. */
static const struct route *route_find(struct api_ctx *c, bool *ret_known)
{
	size_t n;
	const struct route *r = api_routes(&n);
	*ret_known = false;
	for (size_t i = 0; i < n; i++) {
		if (!path_matches(c, r[i].path, c->req->path))
			continue;
		*ret_known = true;
		if (r[i].method == c->req->method)
			return &r[i];
	}
	return NULL;
}

/* What is no route is a page or file of the console; so is "/" for whoever asks for a page: as a route it answers the probe of senders. */
static bool show_console(struct api_ctx *c, bool known)
{
	bool page = str_eq(c->req->path, STR("/")) && str_ifind(c->req->accept, STR("text/html")) != STR_NPOS;
	if (c->req->method != API_GET || (known && !page))
		return false;
	c->resp->file = console_find(c->req->path);
	if (c->resp->file)
		c->resp->status = 200;
	return c->resp->file != NULL;
}

static int check_caller(struct api_ctx *c)
{
	const struct principal *who = c->req->who;
	enum perm perm = c->route->perm;
	if (perm == PERM_PUBLIC)
		return 0;
	if (!who)
		return problem_answer(c, 401, "not_logged_in");
	if (!perm_allows(perm, who))
		return problem_answer(c, 403, "not_allowed");
	if (who->cookie && c->route->method != API_GET && !str_eq(c->req->csrf, STR("1")))
		return problem_answer(c, 403, "csrf");
	return 0;
}

static int read_body(struct api_ctx *c)
{
	if (c->route->flags & ROUTE_RAW || !c->route->shape)
		return 0;
	json_error_t err;
	struct str text = str_trim(c->req->body);
	if (!text.n)
		c->body = json_object();
	else
		c->body = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &err);
	if (!c->body) {
		diag_error(&c->diag, (struct diag_at){(unsigned)err.line, (unsigned)err.column}, "bad_json", "the body is not JSON: %s", err.text);
		bool said_json = !c->req->content_type.n || str_ifind(c->req->content_type, STR("json")) != STR_NPOS;
		return said_json ? problem_answer(c, 400, "bad_json") : problem_answer(c, 415, "unsupported_type");
	}
	if (shape_check(c->route->shape, c->body, &c->diag) < 0)
		return problem_answer(c, 422, "bad_request");
	return 0;
}

/* Escapes are whole, and what they stand for is text without a NUL. */
static bool url_is_good(struct api_ctx *c, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '%' && (i + 2 >= s.n || ch_hex((unsigned char)s.p[i + 1]) < 0 || ch_hex((unsigned char)s.p[i + 2]) < 0))
			return false;
	struct str plain = url_decode(&c->mem, s, true);
	return plain.p && utf8_valid(plain) && str_chr(plain, 0) == STR_NPOS;
}

/* A misspelt filter must not answer everything. */
static int check_query(struct api_ctx *c)
{
	struct str rest = c->req->query, piece, word, names[32];
	size_t n = 0;
	for (struct str q = str_c(c->route->query ? c->route->query : ""); n < LEN(names) && str_word(&q, &word);)
		names[n++] = word;
	while (str_cut(&rest, '&', &piece)) {
		struct str value = piece, key;
		bool known = !str_cut(&value, '=', &key) || !key.n;
		if (known)
			continue;
		key = url_decode(&c->mem, key, true);
		for (size_t i = 0; i < n; i++)
			known = known || str_eq(key, names[i]);
		if (known)
			continue;
		diag_file(&c->diag, key);
		diag_error(&c->diag, (struct diag_at){0}, "unknown_parameter", "this route has no parameter \"%.*s\"", STR_ARG(str_sub(key, 0, 100)));
		diag_suggest(&c->diag, key, names, n);
	}
	return c->diag.errors ? problem_answer(c, 422, "bad_request") : 0;
}

static void run(struct api_ctx *c)
{
	bool known;
	if (!url_is_good(c, c->req->path) || !url_is_good(c, c->req->query)) {
		problem_answer(c, 400, "bad_url");
		return;
	}
	c->route = route_find(c, &known);
	if (show_console(c, known))
		return;
	if (!c->route) {
		problem_answer(c, known ? 405 : 404, known ? "method_not_allowed" : "no_such_route");
		return;
	}
	if (check_caller(c) != 0 || check_query(c) != 0 || read_body(c) != 0)
		return;
	if (c->req->who) {
		c->actor.user = str_c(c->req->who->user);
		c->actor.role = perm_role(c->route->perm, c->req->who);
	}
	c->desk = house_reader_get(c->api->house);
	int r = c->desk ? c->route->fn(c) : -EIO;
	if (r < 0)
		problem_from_errno(c, r);
}

void api_call(struct api *a, const struct api_request *req, struct api_response *resp)
{
	struct api_ctx c = {.api = a, .req = req, .resp = resp};
	arena_init(&c.mem, 64u << 20);
	diag_init(&c.diag);
	run(&c);
	house_reader_put(a->house, c.desk);
	json_decref(c.body);
	diag_done(&c.diag);
	arena_done(&c.mem);
}

int api_open(struct house *h, struct diag *d, struct api **ret)
{
	struct api *a = must_new(struct api);
	char templates[4300];
	a->house = h;
	if (house_content_path(house_config(h), "templates", templates, sizeof(templates)))
		a->templates = report_templates_open(templates, d);
	a->auth = auth_new(h);
	*ret = a;
	return 0;
}

void api_close(struct api *a)
{
	if (!a)
		return;
	auth_free(a->auth);
	report_templates_close(a->templates);
	free(a);
}

void api_stop(struct api *a)
{
	a->stopping = true;
}
