/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_NET_HTTP_H
#define HINOMI_NET_HTTP_H

#include "api/call.h"
#include "net/tls.h"
#include "sys/loop.h"

/*
 * HTTP/1.1 in front of api_call: the loop's thread reads and writes sockets, workers run the calls, SSE streams hear of every commit. Beside the
 * TCP port there is a local socket in the data directory: whoever the kernel says is the directory's owner is an administrator there.
 */
struct http;

struct http_opts {
	struct loop *loop;
	struct api *api;
	const char *host;
	unsigned port;          /* 0 = a free one */
	struct tls *tls;        /* NULL = plain; borrowed */
	size_t max_body;
	const char *local_path; /* of the local socket, NULL = none */
}; /* strings are copied */

/* Binds and starts the workers. Findings say which address and why. */
int http_open(const struct http_opts *o, struct diag *d, struct http **ret);
unsigned http_port(const struct http *h);
/* Loop thread: no new connections, streams are ended; requests that are in are still answered. */
void http_stop(struct http *h);
/* Requests between their last byte and their answer. Any thread. */
unsigned http_pending(const struct http *h);
void http_close(struct http *h); /* after the loop has ended */

#endif
