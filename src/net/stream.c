/* SPDX-License-Identifier: Apache-2.0 */
#include "net/parts.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>

#define STREAMS_MAX 500
#define BACKLOG_MAX (1u << 20) /* bytes a slow reader may be behind; then he is cut off and reads again */
#define BEAT_MS 15000

static void unlink_stream(struct stream *st)
{
	*(st->prev ? &st->prev->next : &st->h->streams) = st->next;
	if (st->next)
		st->next->prev = st->prev;
	st->h->n_streams--;
	st->h->listening--;
}

/* The connection ended: the request is no longer its own, ending the reply lets go of it. */
static void on_close(struct evhttp_connection *evcon, void *arg)
{
	struct stream *st = arg;
	(void)evcon;
	unlink_stream(st);
	evhttp_send_reply_end(st->req);
	free(st);
}

static void end(struct stream *st, bool at_once)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(st->req);
	unlink_stream(st);
	if (evcon)
		evhttp_connection_set_closecb(evcon, NULL, NULL);
	if (evcon && at_once)
		evhttp_connection_free(evcon);
	else
		evhttp_send_reply_end(st->req);
	free(st);
}

static void send_text(struct stream *st, const char *text, size_t n)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(st->req);
	struct evbuffer *e;
	if (!evcon)
		return;
	if (evbuffer_get_length(bufferevent_get_output(evhttp_connection_get_bufferevent(evcon))) > BACKLOG_MAX) {
		end(st, true);
		return;
	}
	e = evbuffer_new();
	must(e && evbuffer_add(e, text, n) == 0);
	evhttp_send_reply_chunk(st->req, e);
	evbuffer_free(e);
}

static void send_all(struct http *h, const char *text, size_t n)
{
	for (struct stream *st = h->streams, *next; st; st = next) {
		next = st->next;
		send_text(st, text, n);
	}
}

const char *stream_refused(const struct http *h, struct evhttp_request *req)
{
	if (h->stopping || !evhttp_request_get_connection(req))
		return "stopping";
	return h->n_streams >= STREAMS_MAX ? "busy" : NULL;
}

void stream_open(struct http *h, struct evhttp_request *req)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(req);
	struct stream *st = must_new(struct stream);
	st->h = h;
	st->req = req;
	st->next = h->streams;
	if (st->next)
		st->next->prev = st;
	h->streams = st;
	h->n_streams++;
	h->listening++;
	evhttp_connection_set_closecb(evcon, on_close, st);
	evhttp_connection_set_timeout(evcon, 3600);
	evhttp_send_reply_start(req, 200, "OK");
	static const char HELLO[] = "retry: 2000\nevent: hello\ndata: {}\n\n";
	send_text(st, HELLO, sizeof(HELLO) - 1);
}

void streams_close(struct http *h)
{
	while (h->streams)
		end(h->streams, false);
}

struct change {
	struct http *h;
	size_t n;
	char text[400];
};

static void deliver(void *arg)
{
	struct change *c = arg;
	char head[40];
	int n = snprintf(head, sizeof(head), "id: %llu\n", (unsigned long long)++c->h->change_seq);
	char all[sizeof(head) + sizeof(c->text)];
	memcpy(all, head, (size_t)n);
	memcpy(all + n, c->text, c->n);
	send_all(c->h, all, (size_t)n + c->n);
	free(c);
}

static void on_change(void *arg, enum noun noun, struct str id, uint64_t version, const char *verb)
{
	struct http *h = arg;
	if (!h->listening)
		return;
	struct change *c = must_new(struct change);
	c->h = h;
	int n = snprintf(c->text, sizeof(c->text), "event: change\ndata: {\"noun\":\"%s\",\"id\":\"%.*s\",\"version\":%llu,\"verb\":\"%s\"}\n\n", noun_name(noun),
		STR_ARG(str_sub(id, 0, 100)), (unsigned long long)version, verb);
	c->n = (size_t)n < sizeof(c->text) ? (size_t)n : sizeof(c->text) - 1;
	if (loop_post(h->o.loop, deliver, c) < 0)
		free(c);
}

/* Proxies close what is silent, and a reader that is gone shows itself only when written to. */
static void beat(void *arg)
{
	send_all(arg, ": beat\n\n", 8);
}

void streams_listen(struct http *h)
{
	house_listen(h->o.api->house, on_change, h);
	loop_every(h->o.loop, BEAT_MS, beat, h);
}
