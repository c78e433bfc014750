/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_NET_SERVER_H
#define HINOMI_NET_SERVER_H

#include "api/call.h"

/*
 * The house with its doors open: threads, HTTP, syslog. Listening beyond loopback without a certificate is refused.
 */
struct server;

struct server_opts {
	const char *dir;
	const struct config *config; /* borrowed */
	struct clock *clock;
};

/* Opens the house and all doors; findings say what cannot be done. The house's threads run when it returns 0. */
int server_open(const struct server_opts *o, struct diag *d, struct server **ret);
struct api *server_api(struct server *s);
unsigned server_http_port(const struct server *s);
unsigned server_syslog_port(const struct server *s);     /* 0 = off */
unsigned server_syslog_tls_port(const struct server *s); /* 0 = off */
/* Until SIGTERM or SIGINT: then takes nothing new, finishes what came in, returns. */
int server_run(struct server *s);
void server_close(struct server *s);

#endif
