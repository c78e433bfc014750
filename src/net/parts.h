/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_NET_PARTS_H
#define HINOMI_NET_PARTS_H

#include "net/http.h"
#include "sys/queue.h"

#include <event2/http.h>
#include <pthread.h>

/* Inside of the HTTP server; only src/net includes this. */

#define WORKERS 16

/* A Server-Sent Events stream (WHATWG HTML, 9.2). Loop thread. */
struct stream {
	struct http *h;
	struct stream *prev, *next;
	struct evhttp_request *req;
};

struct http {
	struct http_opts o;
	struct evhttp *tcp, *local;
	struct evhttp_bound_socket *tcp_door, *local_door;
	unsigned port;
	struct queue *q; /* struct job */
	pthread_t worker[WORKERS];
	unsigned n_workers;
	_Atomic unsigned pending;
	bool stopping;
	struct stream *streams;
	unsigned n_streams;
	uint64_t change_seq;
	_Atomic unsigned listening; /* streams, for the desk's thread */
};

/* Refusals that libevent writes to this connection leave as problem documents. */
void refusals_rewrite(struct bufferevent *b);

/* NULL, or the code of the problem why there can be no stream now. */
const char *stream_refused(const struct http *h, struct evhttp_request *req);
/* Takes over a request whose answer is a stream. */
void stream_open(struct http *h, struct evhttp_request *req);
void streams_close(struct http *h);
/* Hears of commits on the desk's thread. */
void streams_listen(struct http *h);

#endif
