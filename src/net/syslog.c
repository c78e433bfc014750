/* SPDX-License-Identifier: Apache-2.0 */
#include "net/syslog.h"
#include "net/frame.h"

#include "sys/log.h"
#include "sys/thread.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define CONNECTIONS_MAX 4096
#define DATAGRAMS 64
#define DATAGRAM_MAX 65535
#define SOCKET_BUFFER (16 << 20)
#define READ_MAX (256u << 10)
#define RETRY_MS 20
#define STOP_WAIT_MS 3000
#define PEER_MAX 80

struct connection {
	struct syslog *s;
	struct connection *prev, *next;
	struct bufferevent *bev;
	struct buf in;
	size_t skip;                 /* bytes of a refused frame that are still to come; SIZE_MAX = up to the line's end */
	struct intake_batch *waiting; /* the house was full: not read from until this is in */
	char source[PEER_MAX];       /* "syslog:10.0.0.7" */
};

struct syslog {
	struct syslog_opts o;
	struct evconnlistener *listener;
	struct connection *first;
	size_t n_connections;
	unsigned port;
	int udp;
	pthread_t udp_thread;
	bool udp_started;
	_Atomic bool stopping;
};

/* ---- records ---------------------------------------------------------------------------------------------------------------------------------------- */

static void peer_name(const struct sockaddr *sa, socklen_t n, char out[PEER_MAX])
{
	char host[64] = "unknown";
	getnameinfo(sa, n, host, sizeof(host), NULL, 0, NI_NUMERICHOST);
	const char *plain = strncmp(host, "::ffff:", 7) == 0 ? host + 7 : host;
	snprintf(out, PEER_MAX, "syslog:%s", plain);
}

static void take_message(struct syslog *s, struct intake_batch *b, const char *source, struct str text, tstamp now)
{
	struct house *h = s->o.house;
	if (!text.n)
		return;
	struct str from = arena_dup(&b->mem, str_c(source));
	struct record r = {.raw = arena_dup(&b->mem, text), .source = from, .site = config_text(house_config(h), CFG_SITE), .host = str_sub(from, 7, from.n),
		.context = STR(""), .ls = {STR(""), STR(""), STR("")}, .format = text.p[0] == '<' ? FORMAT_SYSLOG : FORMAT_AUTO, .received = now};
	house_count(h, from, COUNT_RECEIVED, NULL, 1, text.n);
	vec_push(&b->rec, r);
	b->bytes += text.n;
}

/* Waits for room; gives up (counted) only when stopping takes too long. */
static void submit_waiting(struct syslog *s, struct intake_batch *b)
{
	for (unsigned waited = 0; house_submit(s->o.house, b) < 0; waited += RETRY_MS) {
		if (s->stopping && waited > STOP_WAIT_MS) {
			vec_each(r, &b->rec) {
				house_count(s->o.house, r->source, COUNT_REFUSED, "stopping", 1, 0);
			}
			intake_batch_free(b);
			return;
		}
		usleep(RETRY_MS * 1000);
	}
}

/* ---- UDP: a thread of its own, so that nothing else delays the reading ------------------------------------------------------------------------------ */

struct datagrams {
	char data[DATAGRAMS][DATAGRAM_MAX];
	struct sockaddr_storage from[DATAGRAMS];
	struct iovec io[DATAGRAMS];
	struct mmsghdr msg[DATAGRAMS];
	char control[DATAGRAMS][CMSG_SPACE(sizeof(uint32_t))];
	uint32_t dropped; /* by the kernel, since the socket was made */
};

static void count_dropped(struct syslog *s, struct datagrams *g, struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		uint32_t total;
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL)
			continue;
		memcpy(&total, CMSG_DATA(c), sizeof(total));
		if (total != g->dropped) {
			house_count(s->o.house, STR("syslog:udp"), COUNT_RECEIVED, NULL, total - g->dropped, 0);
			house_count(s->o.house, STR("syslog:udp"), COUNT_REFUSED, "socket_overflow", total - g->dropped, 0);
		}
		g->dropped = total;
	}
}

/* How many datagrams were taken. */
static int read_datagrams(struct syslog *s, struct datagrams *g)
{
	for (size_t i = 0; i < DATAGRAMS; i++) {
		g->io[i] = (struct iovec){g->data[i], DATAGRAM_MAX};
		g->msg[i].msg_hdr = (struct msghdr){.msg_name = &g->from[i], .msg_namelen = sizeof(g->from[i]), .msg_iov = &g->io[i], .msg_iovlen = 1,
			.msg_control = g->control[i], .msg_controllen = sizeof(g->control[i])};
	}
	int n = recvmmsg(s->udp, g->msg, DATAGRAMS, MSG_DONTWAIT, NULL);
	if (n <= 0)
		return 0;
	tstamp now = clock_now(house_clock(s->o.house));
	struct intake_batch *b = intake_batch_new(0);
	for (int i = 0; i < n; i++) {
		char source[PEER_MAX];
		struct msghdr *m = &g->msg[i].msg_hdr;
		struct str text = str_n(g->data[i], g->msg[i].msg_len);
		while (text.n && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r' || text.p[text.n - 1] == 0))
			text.n--;
		count_dropped(s, g, m);
		peer_name(m->msg_name, m->msg_namelen, source);
		take_message(s, b, source, text, now);
	}
	submit_waiting(s, b);
	return n;
}

static void *udp_run(void *arg)
{
	struct syslog *s = arg;
	struct datagrams *g = must_new(struct datagrams);
	struct pollfd p = {.fd = s->udp, .events = POLLIN};
	while (!s->stopping)
		if (poll(&p, 1, 200) > 0)
			read_datagrams(s, g);
	while (read_datagrams(s, g) > 0)
		;
	free(g);
	return NULL;
}

/* ---- TCP and TLS ---------------------------------------------------------------------------------------------------------------------------------------- */

static void connection_free(struct connection *c)
{
	struct syslog *s = c->s;
	*(c->prev ? &c->prev->next : &s->first) = c->next;
	if (c->next)
		c->next->prev = c->prev;
	s->n_connections--;
	if (c->waiting)
		submit_waiting(s, c->waiting);
	tls_goodbye(c->bev);
	bufferevent_free(c->bev);
	buf_done(&c->in);
	free(c);
}

static void refuse(struct connection *c, const char *reason)
{
	house_count(c->s->o.house, str_c(c->source), COUNT_RECEIVED, NULL, 1, 0);
	house_count(c->s->o.house, str_c(c->source), COUNT_REFUSED, reason, 1, 0);
}

/* Drops what belongs to a frame that was refused. */
static struct str skip_refused(struct connection *c, struct str in)
{
	if (c->skip == SIZE_MAX) {
		const char *end = memchr(in.p, '\n', in.n);
		if (!end)
			return str_sub(in, in.n, in.n);
		c->skip = 0;
		return str_sub(in, (size_t)(end - in.p) + 1, in.n);
	}
	size_t n = c->skip < in.n ? c->skip : in.n;
	c->skip -= n;
	return str_sub(in, n, in.n);
}

static void cut_frames(struct connection *c, bool ended, struct intake_batch *b)
{
	struct str in = buf_str(&c->in), text;
	tstamp now = clock_now(house_clock(c->s->o.house));
	while (in.n) {
		size_t used;
		bool is_short;
		if (c->skip) {
			in = skip_refused(c, in);
			continue;
		}
		enum frame_result r = frame_next(in, ended, &text, &used, &c->skip, &is_short);
		if (r == FRAME_MORE)
			break;
		if (r == FRAME_TOO_LONG)
			refuse(c, "too_large");
		else
			take_message(c->s, b, c->source, text, now);
		in = str_sub(in, used, in.n);
	}
	size_t left = in.n;
	if (left)
		memmove(c->in.p, in.p, left);
	c->in.n = left;
}

/* Everything the socket has so far; false when the house is full and this connection has to wait. */
static bool read_some(struct connection *c, bool ended)
{
	struct evbuffer *e = bufferevent_get_input(c->bev);
	struct intake_batch *b = intake_batch_new(0);
	char chunk[16384];
	size_t total = 0;
	int n;
	while (total < READ_MAX && (n = evbuffer_remove(e, chunk, sizeof(chunk))) > 0) {
		buf_add(&c->in, str_n(chunk, (size_t)n));
		total += (size_t)n;
	}
	cut_frames(c, ended && evbuffer_get_length(e) == 0, b);
	if (!b->rec.n)
		return intake_batch_free(b), true;
	if (house_submit(c->s->o.house, b) == 0)
		return true;
	c->waiting = b;
	bufferevent_disable(c->bev, EV_READ);
	return false;
}

static void read_all(struct connection *c, bool ended)
{
	struct evbuffer *e = bufferevent_get_input(c->bev);
	while (evbuffer_get_length(e) > 0)
		if (!read_some(c, ended))
			return;
}

static void on_read(struct bufferevent *bev, void *arg)
{
	(void)bev;
	read_all(arg, false);
}

static void finish(struct connection *c)
{
	struct syslog *s = c->s;
	struct evbuffer *e = bufferevent_get_input(c->bev);
	do {
		if (c->waiting)
			submit_waiting(s, c->waiting);
		c->waiting = NULL;
		read_some(c, true);
	} while (c->waiting || evbuffer_get_length(e) > 0);
	connection_free(c);
}

static void on_end(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		finish(arg);
}

/* Connections that wait for room. */
static void on_retry(void *arg)
{
	struct syslog *s = arg;
	for (struct connection *c = s->first, *next; c; c = next) {
		next = c->next;
		if (!c->waiting || house_submit(s->o.house, c->waiting) < 0)
			continue;
		c->waiting = NULL;
		bufferevent_enable(c->bev, EV_READ);
		read_all(c, false);
	}
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int n, void *arg)
{
	struct syslog *s = arg;
	char source[PEER_MAX];
	(void)l;
	peer_name(sa, (socklen_t)n, source);
	struct bufferevent *bev = s->n_connections < CONNECTIONS_MAX ? tls_bufferevent(s->o.tls, loop_base(s->o.loop), fd) : NULL;
	if (!bev) {
		log_error("syslog", "connection from %s refused: %zu are open", source, s->n_connections);
		close(fd);
		return;
	}
	struct connection *c = must_new(struct connection);
	c->s = s;
	c->bev = bev;
	c->in = (struct buf)BUF_INIT(FRAME_MAX + READ_MAX + 65536);
	snprintf(c->source, sizeof(c->source), "%s", source);
	c->next = s->first;
	if (c->next)
		c->next->prev = c;
	s->first = c;
	s->n_connections++;
	bufferevent_setcb(bev, on_read, NULL, on_end, c);
	bufferevent_setwatermark(bev, EV_READ, 0, READ_MAX);
	bufferevent_enable(bev, EV_READ);
}

/* Senders that the kernel has let in and the loop has not seen. */
static void accept_waiting(struct syslog *s)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof(sa);
	int fd;
	while ((fd = accept4(evconnlistener_get_fd(s->listener), (struct sockaddr *)&sa, &n, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		on_accept(s->listener, fd, (struct sockaddr *)&sa, (int)n, s);
		n = sizeof(sa);
	}
}

/* What the kernel still holds for a connection of a stopping server. */
static void drain(struct connection *c)
{
	char chunk[16384];
	ssize_t n = 0;
	bufferevent_disable(c->bev, EV_READ);
	do {
		if (c->waiting)
			submit_waiting(c->s, c->waiting);
		c->waiting = NULL;
		read_some(c, false);
		if (c->waiting)
			continue;
		n = tls_drain(c->bev, chunk, sizeof(chunk));
		if (n > 0)
			buf_add(&c->in, str_n(chunk, (size_t)n));
	} while (n > 0 || c->waiting);
	finish(c);
}

/* ---- opening and closing ------------------------------------------------------------------------------------------------------------------------------ */

static int refuse_address(const struct syslog_opts *o, struct diag *d, int err)
{
	diag_error(d, (struct diag_at){0}, "listen.refused", "cannot listen for syslog on %s:%u: %s", o->host, o->port, strerror(err));
	diag_hint(d, "another program may use the port; choose one with --syslog ADDR:PORT");
	return -err;
}

static int udp_open(struct syslog *s, const struct addrinfo *ai)
{
	int on = 1, size = SOCKET_BUFFER;
	s->udp = socket(ai->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s->udp < 0)
		return errno;
	if (setsockopt(s->udp, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(s->udp, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(s->udp, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
	if (bind(s->udp, ai->ai_addr, ai->ai_addrlen) < 0)
		return errno;
	int r = thread_start(&s->udp_thread, "syslog-udp", udp_run, s);
	s->udp_started = r == 0;
	return -r;
}

static unsigned port_of(int fd)
{
	struct sockaddr_storage sa = {0};
	socklen_t n = sizeof(sa);
	getsockname(fd, (struct sockaddr *)&sa, &n);
	return ntohs(sa.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&sa)->sin6_port : ((struct sockaddr_in *)&sa)->sin_port);
}

/* TCP first: the port that it got (0 = a free one) is the one UDP takes too. */
static int bind_both(struct syslog *s, struct addrinfo *ai)
{
	s->listener = evconnlistener_new_bind(loop_base(s->o.loop), on_accept, s, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, 1024, ai->ai_addr, (int)ai->ai_addrlen);
	if (!s->listener)
		return errno ? errno : EADDRINUSE;
	s->port = port_of(evconnlistener_get_fd(s->listener));
	if (s->o.tls)
		return 0;
	if (ai->ai_family == AF_INET6)
		((struct sockaddr_in6 *)ai->ai_addr)->sin6_port = htons((uint16_t)s->port);
	else
		((struct sockaddr_in *)ai->ai_addr)->sin_port = htons((uint16_t)s->port);
	return udp_open(s, ai);
}

int syslog_open(const struct syslog_opts *o, struct diag *d, struct syslog **ret)
{
	struct addrinfo want = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV}, *ai;
	char port[16];
	snprintf(port, sizeof(port), "%u", o->port);
	if (getaddrinfo(o->host, port, &want, &ai) != 0)
		return refuse_address(o, d, EADDRNOTAVAIL);
	struct syslog *s = must_new(struct syslog);
	s->o = *o;
	s->udp = -1;
	int err = bind_both(s, ai);
	freeaddrinfo(ai);
	if (err) {
		if (s->listener)
			evconnlistener_free(s->listener);
		s->listener = NULL;
		syslog_close(s);
		return refuse_address(o, d, err);
	}
	loop_every(o->loop, RETRY_MS, on_retry, s);
	*ret = s;
	return 0;
}

unsigned syslog_port(const struct syslog *s)
{
	return s->port;
}

void syslog_stop(struct syslog *s)
{
	s->stopping = true;
	if (s->listener) {
		accept_waiting(s);
		evconnlistener_free(s->listener);
	}
	s->listener = NULL;
	while (s->first)
		drain(s->first);
	if (s->udp_started)
		thread_join(s->udp_thread);
	s->udp_started = false;
}

void syslog_close(struct syslog *s)
{
	if (!s)
		return;
	must(!s->first && !s->udp_started);
	if (s->udp >= 0)
		close(s->udp);
	free(s);
}
