/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls.h"

#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

struct tls {
	SSL_CTX *ctx;
};

static int refuse(struct diag *d, const char *what, const char *file)
{
	char why[200];
	ERR_error_string_n(ERR_get_error(), why, sizeof(why));
	diag_file(d, str_c(file));
	diag_error(d, (struct diag_at){0}, "tls.unusable", "the %s cannot be used: %s", what, why);
	return -EINVAL;
}

int tls_open(const char *cert, const char *key, struct diag *d, struct tls **ret)
{
	struct tls *t = must_new(struct tls);
	int r = 0;
	ERR_clear_error();
	t->ctx = SSL_CTX_new(TLS_server_method());
	must(t->ctx);
	SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(t->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	if (SSL_CTX_use_certificate_chain_file(t->ctx, cert) != 1)
		r = refuse(d, "certificate", cert);
	else if (SSL_CTX_use_PrivateKey_file(t->ctx, key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(t->ctx) != 1)
		r = refuse(d, "private key", key);
	if (r < 0)
		return tls_free(t), r;
	*ret = t;
	return 0;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	SSL_CTX_free(t->ctx);
	free(t);
}

struct bufferevent *tls_bufferevent(struct tls *t, struct event_base *base, int fd)
{
	if (!t)
		return bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	SSL *ssl = SSL_new(t->ctx);
	if (!ssl)
		return NULL;
	struct bufferevent *b = bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (b)
		bufferevent_openssl_set_allow_dirty_shutdown(b, 1);
	return b;
}

void tls_goodbye(struct bufferevent *b)
{
	SSL *ssl = bufferevent_openssl_get_ssl(b);
	ERR_clear_error();
	if (ssl && SSL_is_init_finished(ssl))
		SSL_shutdown(ssl);
}

ssize_t tls_drain(struct bufferevent *b, void *out, size_t n)
{
	SSL *ssl = bufferevent_openssl_get_ssl(b);
	return ssl ? SSL_read(ssl, out, (int)n) : recv(bufferevent_getfd(b), out, n, MSG_DONTWAIT);
}
