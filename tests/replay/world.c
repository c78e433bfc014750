/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include "ledger/doc.h"
#include "soc/alert.h"
#include "sys/file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define TRY_NS (15 * NS_PER_S)

static const struct principal READER = {.user = "reader", .roles = 1u << ROLE_VIEWER | 1u << ROLE_AUDITOR | 1u << ROLE_ADMIN};

void world_fail(const struct world *w, const char *fmt, ...)
{
	struct buf b = BUF_INIT(1u << 20);
	char text[16000];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* TAP: what follows the first line is a comment too. */
	struct str rest = str_c(text), line;
	for (bool first = true; str_line(&rest, &line); first = false)
		buf_addf(&b, "%s%.*s", first ? "" : "\n#     ", STR_ARG(line));
	test_failed(w->file, w->at ? (int)w->at->line : 0, "%s", buf_cstr(&b));
}

void world_init(struct world *w, const char *file)
{
	*w = (struct world){.file = file};
	arena_init(&w->mem, 0);
	config_init(&w->config);
	map_init(&w->claimed);
	snprintf(w->dir, sizeof(w->dir), "%s/data", test_tmpdir());
	snprintf(w->scratch, sizeof(w->scratch), "%s/files", test_tmpdir());
	clock_init_virtual(&w->clock, INT64_C(1772409600) * NS_PER_S, 0);
}

void world_done(struct world *w)
{
	world_close(w);
	vec_each(p, &w->people) {
		json_decref(p->roles);
	}
	vec_done(&w->people);
	vec_done(&w->names);
	vec_done(&w->carried);
	map_done(&w->claimed);
	config_done(&w->config);
	arena_done(&w->mem);
}

static void fail_with_findings(struct world *w, const char *what, int r, const struct diag *d)
{
	struct buf b = BUF_INIT(1u << 20);
	diag_print(d, &b);
	world_fail(w, "%s: %s\n%s", what, strerror(-r), buf_cstr(&b));
}

static int make_person(struct desk *k, void *arg)
{
	static const struct actor ADMIN = {{"admin", 5}, {"admin", 5}};
	const struct person *p = arg;
	json_t *body = json_pack("{s:o, s:O, s:s+}", "name", doc_string(p->name), "roles", p->roles, "mail", p->who.user, "@example.jp"), *made = NULL;
	int r = auth_user_create(k, &ADMIN, body, NULL, &made);
	json_decref(body);
	json_decref(made);
	return r;
}

static enum line line_of(const struct world *w, struct str channel)
{
	for (size_t i = 0; i < w->n_line; i++)
		if (str_eq(w->line[i].channel, channel))
			return w->line[i].line;
	return LINE_OK;
}

static enum delivery deliver(void *arg, const struct message *m, struct buf *ret_error)
{
	struct world *w = arg;
	file_fault_stage("deliver");
	enum line line = line_of(w, m->channel);
	struct carried *c = vec_add(&w->carried);
	snprintf(c->id, sizeof(c->id), "%.*s", STR_ARG(m->id));
	c->arrived = line == LINE_OK;
	if (line != LINE_OK)
		buf_add_cstr(ret_error, line == LINE_DOWN ? "the line is down" : "refused at the other end");
	return line == LINE_OK ? DELIVERY_SENT : line == LINE_DOWN ? DELIVERY_LATER : DELIVERY_REFUSED;
}

void world_open(struct world *w)
{
	struct diag d;
	diag_init(&d);
	if (!w->peopled)
		w->began_at = clock_now(&w->clock);
	w->clock.offset_s = config_offset(&w->config);
	int r = house_open(&(struct house_opts){.dir = w->dir, .config = &w->config, .clock = &w->clock, .deliver = deliver, .deliver_arg = w, .words = role_words()}, &d, &w->house);
	if (r == 0)
		r = api_open(w->house, &d, &w->api);
	if (r < 0)
		fail_with_findings(w, "the house does not open", r, &d);
	diag_done(&d);
	vec_each(p, &w->people) {
		if (!w->peopled && (r = house_desk(w->house, make_person, p)) < 0)
			world_fail(w, "the user %.*s cannot be made: %s", STR_ARG(p->name), strerror(-r));
	}
	w->peopled = true;
	world_turn(w);
}

void world_close(struct world *w)
{
	api_close(w->api);
	house_close(w->house);
	w->api = NULL;
	w->house = NULL;
}

void world_crash(struct world *w)
{
	api_close(w->api);
	house_abandon(w->house);
	w->api = NULL;
	w->house = NULL;
}

void world_turn(struct world *w)
{
	int r = house_turn(w->house);
	if (r < 0 && !w->dying && !w->full)
		world_fail(w, "the house stumbles: %s", strerror(-r));
}

static tstamp next_due(struct world *w)
{
	struct desk *k = house_reader_get(w->house);
	tstamp t = k ? soc_next_due(k) : TS_NONE;
	house_reader_put(w->house, k);
	return t;
}

void world_wait_until(struct world *w, tstamp t)
{
	for (int stops = 0;; stops++) {
		tstamp due = next_due(w), now = clock_now(&w->clock);
		if (stops > 100000)
			world_fail(w, "something is due again and again at the same time");
		tstamp to = due != TS_NONE && due < t && due > now ? due : t;
		/* The outbox tries again 15 s later at the earliest. */
		if (w->n_line && to - now > TRY_NS)
			to = now + TRY_NS;
		clock_advance(&w->clock, to - now);
		world_turn(w);
		if (to == t)
			return;
	}
}

struct person *world_person(struct world *w, struct str name)
{
	vec_each(p, &w->people) {
		if (str_eq(p->name, name))
			return p;
	}
	return NULL;
}

struct named *world_named(struct world *w, struct str name)
{
	vec_each(n, &w->names) {
		if (str_eq(n->name, name))
			return n;
	}
	return NULL;
}

void world_name(struct world *w, struct str name, const char *noun, struct str id)
{
	struct named *n = world_named(w, name);
	if (!n) {
		n = vec_add(&w->names);
		n->name = name;
	}
	n->noun = noun;
	snprintf(n->id, sizeof(n->id), "%.*s", STR_ARG(id));
}

int world_call(struct world *w, const struct request *q, json_t **ret_doc, struct api_response *resp)
{
	char path[1000];
	struct api_response own;
	bool mine = !resp;
	resp = resp ? resp : &own;
	snprintf(path, sizeof(path), "/api/v1%s", q->path);
	struct api_request req = {.method = q->method, .path = str_c(path), .query = q->query, .content_type = q->content_type, .body = q->body, .if_match = q->if_match,
		.idempotency_key = q->idempotency_key, .peer = STR("127.0.0.1"), .who = q->who ? q->who : &READER, .cookie = q->cookie, .csrf = STR("1")};
	struct principal by_cookie;
	bool given;
	if (q->cookie.n)
		req.who = auth_identify(w->api->auth, STR(""), q->cookie, &by_cookie, &given) ? &by_cookie : NULL;
	api_response_init(resp);
	api_call(w->api, &req, resp);
	int status = resp->status;
	if (ret_doc)
		*ret_doc = json_loadb(buf_cstr(&resp->body), resp->body.n, JSON_DECODE_ANY, NULL);
	if (mine)
		api_response_done(resp);
	return status;
}

json_t *world_get(struct world *w, const char *path, const char *query)
{
	json_t *doc;
	struct api_response resp;
	int status = world_call(w, &(struct request){.method = API_GET, .path = path, .query = str_c(query)}, &doc, &resp);
	if (status != 200 || !doc)
		world_fail(w, "GET %s answers %d: %s", path, status, buf_cstr(&resp.body));
	api_response_done(&resp);
	return doc;
}

const char *world_path(struct world *w, struct str path)
{
	if (str_starts(path, STR("@/")))
		return arena_fmt(&w->mem, "%s/%.*s", w->scratch, STR_ARG(str_sub(path, 2, path.n))).p;
	if (str_starts(path, STR("corpus:")))
		return arena_fmt(&w->mem, "%s/%.*s", test_corpus(), STR_ARG(str_sub(path, 7, path.n))).p;
	if (str_starts(path, STR("/")))
		return arena_dup(&w->mem, path).p;
	return arena_fmt(&w->mem, "%s/%.*s", test_source_root(), STR_ARG(path)).p;
}

const char *world_cstr(struct world *w, struct str s)
{
	return arena_dup(&w->mem, s).p;
}

struct str world_resolve(struct world *w, struct str text)
{
	struct buf b = BUF_INIT(1u << 20);
	for (size_t i = 0; i < text.n; i++) {
		size_t n = i + 1;
		while (text.p[i] == '@' && n < text.n && ch_is_alnum((unsigned char)text.p[n]))
			n++;
		struct named *named = n > i + 1 ? world_named(w, str_sub(text, i + 1, n)) : NULL;
		if (named) {
			buf_add_cstr(&b, named->id);
			i = n - 1;
		} else {
			buf_addc(&b, text.p[i]);
		}
	}
	struct str out = arena_dup(&w->mem, buf_str(&b));
	buf_done(&b);
	return out;
}
