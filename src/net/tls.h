/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_NET_TLS_H
#define HINOMI_NET_TLS_H

#include "base/diag.h"

#include <sys/types.h>

struct bufferevent;
struct event_base;
struct tls;

/* A server's certificate chain and key (PEM), TLS 1.2 and later. Findings say which file and why. */
int tls_open(const char *cert, const char *key, struct diag *d, struct tls **ret);
void tls_free(struct tls *t);
/* A server side over fd (-1 = set later). t NULL = plain. NULL when memory is out. */
struct bufferevent *tls_bufferevent(struct tls *t, struct event_base *base, int fd);
/* The closing alert (RFC 5425, 4.4), before the bufferevent is freed; nothing for a plain one. */
void tls_goodbye(struct bufferevent *b);
/* What the socket below still holds, past the loop: bytes read, 0 or less when there is nothing more now. */
ssize_t tls_drain(struct bufferevent *b, void *out, size_t n);

#endif
