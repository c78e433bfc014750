/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_ACT_DELIVER_H
#define HINOMI_ACT_DELIVER_H

#include "act/outbox.h"

/*
 * Ways out of the house, by libcurl: mail (SMTP, RFC 5321; STARTTLS when the server offers it, smtps:// from the start), chat (POST {"text"}),
 * phone (POST {"who","text"}). The only place of the server that connects to the outside. curl_global_init is the program's.
 */
struct deliver_opts {
	struct str smtp;      /* smtp://[user:password@]host[:port]; empty = not configured */
	struct str smtp_from; /* address of the sender */
	struct str chat_webhook, phone_webhook;
};

struct deliver;

/* The strings are borrowed. */
struct deliver *deliver_new(const struct deliver_opts *o);
void deliver_free(struct deliver *d);
/* outbox_deliver; arg is the struct deliver. Not two threads at once. */
enum delivery deliver_send(void *arg, const struct message *m, struct buf *ret_error);

/* The mail as it goes over the wire (RFC 5322, 2045, 2047, 3834). from and the message's address were checked. */
int mail_compose(const struct message *m, struct str from, struct buf *out);
/* One address that can stand in a header and an envelope: one @ between, no blanks, quotes, brackets or control characters, ASCII. */
bool mail_address_ok(struct str address);

#endif
