/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_NET_SYSLOG_H
#define HINOMI_NET_SYSLOG_H

#include "house/house.h"
#include "net/tls.h"
#include "sys/loop.h"

/*
 * Syslog over UDP (RFC 5426), TCP (RFC 6587) and TLS (RFC 5425) into the house. Nothing is lost silently: what the kernel dropped from the UDP
 * socket and what is too long are counted as refused at its source; a message that broke off is stored as far as it came. When the house is full, TCP senders are not read from
 * until it has room.
 */
struct syslog;

struct syslog_opts {
	struct loop *loop;
	struct house *house;
	const char *host;
	unsigned port;   /* 0 = a free one, the same for UDP and TCP */
	struct tls *tls; /* TLS over TCP, then no UDP; borrowed */
};

int syslog_open(const struct syslog_opts *o, struct diag *d, struct syslog **ret);
unsigned syslog_port(const struct syslog *s);
/* Loop thread: takes no new connection, reads what is in the sockets, hands it over, closes them. May wait for the house, some seconds at most. */
void syslog_stop(struct syslog *s);
void syslog_close(struct syslog *s); /* after the loop has ended */

#endif
