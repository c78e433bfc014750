/* SPDX-License-Identifier: Apache-2.0 */
#include "net/asset.h"
#include "net/inflate.h"
#include "net/parts.h"

#include "base/num.h"
#include "sys/log.h"
#include "sys/thread.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define HEADERS_MAX (64u << 10)
#define PATH_MAX_BYTES 16384
#define IDLE_SECONDS 120
#define BODY_SLACK (16u << 20)
#define WAITING_MAX 1024

/* One request on its way: made and answered on the loop's thread, run on a worker. */
struct job {
	struct http *h;
	struct evhttp_request *req;
	struct arena mem;
	struct api_request call;
	struct str authorization, encoding;
	struct evbuffer *body;
	struct buf plain; /* a body that came packed */
	struct api_response resp;
	bool local;
	bool close; /* nothing more is read from the connection */
};

/* ---- reading a request -------------------------------------------------------------------------------------------------------------------------------- */

static struct str header(struct job *j, const char *name)
{
	const char *v = evhttp_find_header(evhttp_request_get_input_headers(j->req), name);
	return v ? arena_dup(&j->mem, str_c(v)) : STR_NONE;
}

static bool read_method(struct evhttp_request *req, enum api_method *ret)
{
	static const struct {
		enum evhttp_cmd_type cmd;
		enum api_method method;
	} KNOWN[] = {{EVHTTP_REQ_GET, API_GET}, {EVHTTP_REQ_HEAD, API_GET}, {EVHTTP_REQ_POST, API_POST}, {EVHTTP_REQ_PATCH, API_PATCH}, {EVHTTP_REQ_PUT, API_PUT}, {EVHTTP_REQ_DELETE, API_DELETE}};
	for (size_t i = 0; i < LEN(KNOWN); i++)
		if (KNOWN[i].cmd == evhttp_request_get_command(req)) {
			*ret = KNOWN[i].method;
			return true;
		}
	return false;
}

/* The session's secret out of "a=b; hinomi_session=…". */
static struct str session_cookie(struct str cookies)
{
	struct str piece, name;
	while (str_cut(&cookies, ';', &piece)) {
		struct str value = str_trim(piece);
		if (str_cut(&value, '=', &name) && str_eq(name, STR("hinomi_session")))
			return str_trim(value);
	}
	return STR_NONE;
}

/* The kernel's word for who is at the other end of the local socket. */
static bool is_owner(struct evhttp_request *req)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);
	struct evhttp_connection *evcon = evhttp_request_get_connection(req);
	int fd = evcon ? bufferevent_getfd(evhttp_connection_get_bufferevent(evcon)) : -1;
	return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0 && (cred.uid == geteuid() || cred.uid == 0);
}

/* "http://host/path" is the path, too (RFC 9112, 3.2.2). */
static struct str without_authority(struct str uri)
{
	struct str rest = uri;
	if (!str_take(&rest, STR("http://")) && !str_take(&rest, STR("https://")))
		return uri;
	size_t slash = str_chr(rest, '/');
	return slash == STR_NPOS ? STR("/") : str_sub(rest, slash, rest.n);
}

static void read_request(struct job *j)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(j->req);
	struct api_request *c = &j->call;
	const char *uri = evhttp_request_get_uri(j->req);
	char *peer = NULL;
	ev_uint16_t port;

	c->query = arena_dup(&j->mem, without_authority(str_c(uri ? uri : "/")));
	if (!str_cut(&c->query, '?', &c->path))
		c->path = STR("/");
	if (!j->local && evcon)
		evhttp_connection_get_peer(evcon, &peer, &port);
	c->peer = arena_dup(&j->mem, str_c(peer ? peer : "local"));
	c->content_type = header(j, "Content-Type");
	c->accept = header(j, "Accept");
	c->if_match = header(j, "If-Match");
	c->idempotency_key = header(j, "Idempotency-Key");
	c->host = header(j, "Host");
	c->csrf = header(j, "X-Hinomi-CSRF");
	c->cookie = session_cookie(header(j, "Cookie"));
	j->authorization = header(j, "Authorization");
	j->encoding = header(j, "Content-Encoding");
	j->body = evbuffer_new();
	must(j->body);
	evbuffer_add_buffer(j->body, evhttp_request_get_input_buffer(j->req));
}

/* ---- answering, on the loop's thread ------------------------------------------------------------------------------------------------------------------- */

static void job_free(struct job *j)
{
	j->h->pending--;
	evbuffer_free(j->body);
	buf_done(&j->plain);
	api_response_done(&j->resp);
	arena_done(&j->mem);
	free(j);
}

static void release_body(const void *data, size_t n, void *arg)
{
	struct buf b = {.p = arg};
	(void)data, (void)n;
	buf_done(&b);
}

static void add_headers(struct job *j)
{
	struct evkeyvalq *out = evhttp_request_get_output_headers(j->req);
	const struct api_response *r = &j->resp;
	const struct {
		const char *name, *value;
	} set[] = {
		{"Content-Type", r->content_type}, {"ETag", r->etag}, {"Set-Cookie", r->cookie}, {"Retry-After", r->retry_after}, {"Content-Disposition", r->disposition},
		{"X-Elastic-Product", r->elastic ? "Elasticsearch" : ""}, {"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}, {"Referrer-Policy", "no-referrer"},
		{"Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"},
		{"Connection", j->h->stopping || j->close ? "close" : ""},
	};
	for (size_t i = 0; i < LEN(set); i++)
		if (set[i].value && *set[i].value)
			evhttp_add_header(out, set[i].name, set[i].value);
	if (r->cookie[0] && j->h->o.tls) {
		char secure[300];
		snprintf(secure, sizeof(secure), "%s; Secure", r->cookie);
		evhttp_remove_header(out, "Set-Cookie");
		evhttp_add_header(out, "Set-Cookie", secure);
	}
}

static void answer(void *arg)
{
	struct job *j = arg;
	struct evbuffer *e;
	if (j->resp.file) {
		asset_answer(j->req, j->resp.file);
		job_free(j);
		return;
	}
	const char *refused = j->resp.stream ? stream_refused(j->h, j->req) : NULL;
	if (refused) {
		j->resp.stream = false;
		api_refuse(&j->resp, refused);
	}
	e = evbuffer_new();
	must(e);
	add_headers(j);
	if (j->resp.stream) {
		stream_open(j->h, j->req);
	} else {
		if (j->resp.body.n) {
			evbuffer_add_reference(e, j->resp.body.p, j->resp.body.n, release_body, j->resp.body.p);
			j->resp.body = (struct buf)BUF_INIT(1);
		}
		evhttp_send_reply(j->req, j->resp.status, NULL, e);
	}
	evbuffer_free(e);
	job_free(j);
}

/* ---- running, on a worker ------------------------------------------------------------------------------------------------------------------------------- */

/* NULL, or the code of the problem that the body's packing is. */
static const char *unpack(struct job *j)
{
	if (!j->encoding.n || str_ieq(j->encoding, STR("identity")))
		return NULL;
	int r = inflate_body(j->encoding, j->call.body, &j->plain);
	j->call.body = buf_str(&j->plain);
	return r == 0 ? NULL : r == -E2BIG ? "too_large" : r == -EOPNOTSUPP ? "unknown_encoding" : "bad_encoding";
}

static void run(struct job *j)
{
	struct principal who;
	bool given;
	size_t n = evbuffer_get_length(j->body);
	j->call.body = str_n(n ? (const char *)evbuffer_pullup(j->body, -1) : "", n);
	const char *refused = unpack(j);
	if (j->local) {
		who = principal_local();
		j->call.who = &who;
	} else if (auth_identify(j->h->o.api->auth, j->authorization, j->call.cookie, &who, &given)) {
		j->call.who = &who;
	}
	if (refused)
		api_refuse(&j->resp, refused);
	else
		api_call(j->h->o.api, &j->call, &j->resp);
}

static void *work(void *arg)
{
	struct http *h = arg;
	struct job *j;
	while ((j = queue_pop(h->q, -1)) != NULL) {
		run(j);
		if (loop_post(h->o.loop, answer, j) < 0)
			job_free(j); /* stopped: the request ends with its connection */
	}
	return NULL;
}

/* ---- the loop's side --------------------------------------------------------------------------------------------------------------------------------------- */

/* What libevent lets pass and two readers could understand in two ways (RFC 9112, 3.2, 5.1, 6.3). */
static bool is_ambiguous(struct evhttp_request *req)
{
	const char *length = NULL;
	bool host = false, coded = false;
	for (struct evkeyval *kv = evhttp_request_get_input_headers(req)->tqh_first; kv; kv = kv->next.tqe_next) {
		struct str name = str_c(kv->key);
		if (!name.n || ch_is_space((unsigned char)name.p[name.n - 1]))
			return true;
		host = host || str_ieq(name, STR("Host"));
		coded = coded || str_ieq(name, STR("Transfer-Encoding"));
		if (!str_ieq(name, STR("Content-Length")))
			continue;
		if (length && strcmp(length, kv->value) != 0)
			return true;
		length = kv->value;
	}
	/* libevent refuses length and coding together only since 2.1.12-stable-8+deb12u1. */
	return (length && coded) || (!host && req->major == 1 && req->minor >= 1);
}

static void take_request(struct http *h, struct evhttp_request *req, bool local)
{
	struct job *j = must_new(struct job);
	j->h = h;
	j->req = req;
	j->local = local;
	j->plain = (struct buf)BUF_INIT(h->o.max_body);
	arena_init(&j->mem, HEADERS_MAX * 4);
	api_response_init(&j->resp);
	h->pending++;
	read_request(j);
	const char *refused = NULL;
	j->close = is_ambiguous(req);
	if (j->close)
		refused = "bad_http";
	else if (!read_method(req, &j->call.method))
		refused = "method_not_allowed";
	else if (j->call.path.n > PATH_MAX_BYTES)
		refused = "path_too_long";
	else if (evbuffer_get_length(j->body) > h->o.max_body)
		refused = "too_large";
	else if (local && !is_owner(req))
		refused = "not_allowed";
	else if (h->stopping)
		refused = "stopping";
	else if (queue_push(h->q, j, 1) < 0)
		refused = "busy";
	if (!refused)
		return;
	api_refuse(&j->resp, refused);
	answer(j);
}

static void on_request(struct evhttp_request *req, void *arg)
{
	take_request(arg, req, false);
}

static void on_local_request(struct evhttp_request *req, void *arg)
{
	take_request(arg, req, true);
}

static struct bufferevent *make_bufferevent(struct event_base *base, void *arg)
{
	struct bufferevent *b = tls_bufferevent(arg, base, -1);
	if (b)
		refusals_rewrite(b);
	return b;
}

/* tls: NULL = plain. */
static struct evhttp *make_server(struct http *h, struct tls *tls, void (*fn)(struct evhttp_request *, void *))
{
	struct evhttp *e = evhttp_new(loop_base(h->o.loop));
	must(e);
	evhttp_set_gencb(e, fn, h);
	evhttp_set_bevcb(e, make_bufferevent, tls);
	evhttp_set_max_headers_size(e, HEADERS_MAX);
	/* A little more than is taken, so that what is a little too large gets an answer of ours. */
	evhttp_set_max_body_size(e, (ev_ssize_t)(h->o.max_body + BODY_SLACK));
	evhttp_set_timeout(e, IDLE_SECONDS);
	evhttp_set_default_content_type(e, NULL);
	evhttp_set_allowed_methods(e, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST | EVHTTP_REQ_PATCH | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE);
	return e;
}

static int refuse_address(const struct http_opts *o, struct diag *d)
{
	int err = errno ? errno : EADDRNOTAVAIL;
	diag_error(d, (struct diag_at){0}, "listen.refused", "cannot listen on %s:%u: %s", o->host, o->port, strerror(err));
	diag_hint(d, "another program may use the port; choose one with --listen ADDR:PORT");
	return -err;
}

static int listen_tcp(struct http *h, struct diag *d)
{
	struct sockaddr_storage sa = {0};
	socklen_t n = sizeof(sa);
	h->tcp = make_server(h, h->o.tls, on_request);
	errno = 0;
	h->tcp_door = evhttp_bind_socket_with_handle(h->tcp, h->o.host, (ev_uint16_t)h->o.port);
	if (!h->tcp_door)
		return refuse_address(&h->o, d);
	getsockname(evhttp_bound_socket_get_fd(h->tcp_door), (struct sockaddr *)&sa, &n);
	h->port = ntohs(sa.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&sa)->sin6_port : ((struct sockaddr_in *)&sa)->sin_port);
	return 0;
}

/* A path that does not fit into an address costs the local socket, not the server. */
static void listen_local(struct http *h)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	if (!h->o.local_path)
		return;
	if ((size_t)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", h->o.local_path) >= sizeof(sa.sun_path)) {
		log_warn("http", "no local socket: the path %s is too long for one", h->o.local_path);
		return;
	}
	unlink(sa.sun_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t old = umask(0177);
	bool bound = fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 && listen(fd, 128) == 0;
	umask(old);
	h->local = make_server(h, NULL, on_local_request);
	if (bound)
		h->local_door = evhttp_accept_socket_with_handle(h->local, fd);
	if (!h->local_door) {
		log_warn("http", "no local socket at %s: %s", sa.sun_path, strerror(errno));
		if (fd >= 0)
			close(fd);
	}
}

int http_open(const struct http_opts *o, struct diag *d, struct http **ret)
{
	struct http *h = must_new(struct http);
	h->o = *o;
	h->o.host = must_strdup(o->host);
	h->o.local_path = o->local_path ? must_strdup(o->local_path) : NULL;
	h->q = queue_new(WAITING_MAX, SIZE_MAX / 2);
	int r = listen_tcp(h, d);
	if (r == 0)
		listen_local(h);
	for (; r == 0 && h->n_workers < WORKERS; h->n_workers += r == 0)
		r = thread_start(&h->worker[h->n_workers], "http", work, h);
	if (r < 0) {
		http_close(h);
		return r;
	}
	streams_listen(h);
	*ret = h;
	return 0;
}

unsigned http_port(const struct http *h)
{
	return h->port;
}

unsigned http_pending(const struct http *h)
{
	return h->pending;
}

void http_stop(struct http *h)
{
	h->stopping = true;
	evhttp_del_accept_socket(h->tcp, h->tcp_door);
	if (h->local_door)
		evhttp_del_accept_socket(h->local, h->local_door);
	streams_close(h);
}

void http_close(struct http *h)
{
	if (!h)
		return;
	house_listen(h->o.api->house, NULL, NULL);
	queue_close(h->q);
	for (unsigned i = 0; i < h->n_workers; i++)
		thread_join(h->worker[i]);
	queue_free(h->q);
	if (h->tcp)
		evhttp_free(h->tcp);
	if (h->local)
		evhttp_free(h->local);
	if (h->local_door)
		unlink(h->o.local_path);
	free((char *)(uintptr_t)h->o.host);
	free((char *)(uintptr_t)h->o.local_path);
	free(h);
}
