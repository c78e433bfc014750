/* SPDX-License-Identifier: Apache-2.0 */
#include "net/server.h"
#include "net/http.h"
#include "net/syslog.h"

#include "act/deliver.h"

#include "sys/file.h"
#include "sys/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#define STOP_TICKS 150 /* of 20 ms: how long answers may take after the signal */
#define QUIET_TICKS 5  /* and how long the last one has to get through its socket */

struct server {
	struct loop *loop;
	struct house *house;
	struct deliver *deliver;
	struct api *api;
	struct tls *tls;
	struct http *http;
	struct syslog *syslog, *syslog_tls;
	bool started;
	unsigned stopping; /* ticks since the signal, 0 = running */
	unsigned quiet;    /* of these the last ones without a request */
};

static bool is_loopback(const char *host)
{
	struct in_addr a;
	if (inet_pton(AF_INET, host, &a) == 1)
		return (ntohl(a.s_addr) >> 24) == 127;
	return strcmp(host, "::1") == 0 || strcmp(host, "localhost") == 0;
}

static int need_certificate(const struct server *s, const char *host, enum config_key key, struct diag *d)
{
	static const char *const KEYS[] = {
#define CONFIG(sym, key, type, deflt, help_en, help_ja) key,
#include "house/config.def"
#undef CONFIG
	};
	if (s->tls || is_loopback(host))
		return 0;
	diag_error(d, (struct diag_at){0}, "listen.no_certificate", "%s: %s is beyond loopback and there is no certificate", KEYS[key], host);
	diag_hint(d, "set tls_certificate and tls_key, or listen on 127.0.0.1");
	return -EINVAL;
}

static int open_http(struct server *s, const struct server_opts *o, struct diag *d)
{
	char host[256], local[4096];
	unsigned port;
	if (!config_address(o->config, CFG_LISTEN, host, &port)) {
		diag_error(d, (struct diag_at){0}, "listen.off", "listen cannot be off");
		return -EINVAL;
	}
	int r = need_certificate(s, host, CFG_LISTEN, d);
	if (r == 0)
		r = path_join(local, sizeof(local), o->dir, "hinomi.sock");
	struct http_opts ho = {.loop = s->loop, .api = s->api, .host = host, .port = port, .tls = s->tls, .max_body = config_count(o->config, CFG_MAX_BODY), .local_path = local};
	return r < 0 ? r : http_open(&ho, d, &s->http);
}

static int open_syslog(struct server *s, const struct server_opts *o, enum config_key key, struct diag *d, struct syslog **ret)
{
	char host[256];
	unsigned port;
	bool over_tls = key == CFG_SYSLOG_TLS;
	if (!config_address(o->config, key, host, &port))
		return 0;
	if (over_tls && !s->tls) {
		diag_error(d, (struct diag_at){0}, "listen.no_certificate", "syslog_tls needs tls_certificate and tls_key");
		return -EINVAL;
	}
	struct syslog_opts so = {.loop = s->loop, .house = s->house, .host = host, .port = port, .tls = over_tls ? s->tls : NULL};
	return syslog_open(&so, d, ret);
}

static int open_tls(struct server *s, const struct config *c, struct diag *d)
{
	char cert[4096], key[4096];
	if (!config_text(c, CFG_TLS_CERT).n)
		return 0;
	snprintf(cert, sizeof(cert), "%.*s", STR_ARG(config_text(c, CFG_TLS_CERT)));
	snprintf(key, sizeof(key), "%.*s", STR_ARG(config_text(c, CFG_TLS_KEY)));
	return tls_open(cert, key, d, &s->tls);
}

static int open_house(struct server *s, const struct server_opts *o, struct diag *d)
{
	struct deliver_opts out = {.smtp = config_text(o->config, CFG_SMTP), .smtp_from = config_text(o->config, CFG_SMTP_FROM), .chat_webhook = config_text(o->config, CFG_CHAT_WEBHOOK),
		.phone_webhook = config_text(o->config, CFG_PHONE_WEBHOOK)};
	s->deliver = deliver_new(&out);
	return house_open(&(struct house_opts){.dir = o->dir, .config = o->config, .clock = o->clock, .deliver = deliver_send, .deliver_arg = s->deliver, .words = role_words()}, d, &s->house);
}

int server_open(const struct server_opts *o, struct diag *d, struct server **ret)
{
	struct server *s = must_new(struct server);
	int r = open_tls(s, o->config, d);
	s->loop = loop_new();
	if (r == 0)
		r = open_house(s, o, d);
	if (r == 0)
		r = api_open(s->house, d, &s->api);
	if (r == 0)
		r = open_http(s, o, d);
	if (r == 0)
		r = open_syslog(s, o, CFG_SYSLOG, d, &s->syslog);
	if (r == 0)
		r = open_syslog(s, o, CFG_SYSLOG_TLS, d, &s->syslog_tls);
	if (r == 0)
		r = house_start(s->house);
	s->started = r == 0;
	if (r < 0) {
		server_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

static void on_signal(void *arg)
{
	struct server *s = arg;
	if (s->stopping)
		return;
	s->stopping = 1;
	log_info("serve", "stopping");
	api_stop(s->api);
	http_stop(s->http);
	if (s->syslog)
		syslog_stop(s->syslog);
	if (s->syslog_tls)
		syslog_stop(s->syslog_tls);
}

/* Ends the loop when every request that came in has its answer, and the answer a moment to leave. */
static void on_tick(void *arg)
{
	struct server *s = arg;
	if (!s->stopping)
		return;
	s->quiet = http_pending(s->http) == 0 ? s->quiet + 1 : 0;
	if (++s->stopping > STOP_TICKS || s->quiet > QUIET_TICKS)
		loop_stop(s->loop);
}

int server_run(struct server *s)
{
	int r = loop_on_signal(s->loop, SIGTERM, on_signal, s);
	if (r == 0)
		r = loop_on_signal(s->loop, SIGINT, on_signal, s);
	if (r == 0)
		r = loop_every(s->loop, 20, on_tick, s);
	return r < 0 ? r : loop_run(s->loop);
}

void server_close(struct server *s)
{
	if (!s)
		return;
	if (!s->stopping) {
		if (s->syslog)
			syslog_stop(s->syslog);
		if (s->syslog_tls)
			syslog_stop(s->syslog_tls);
	}
	http_close(s->http);
	syslog_close(s->syslog);
	syslog_close(s->syslog_tls);
	if (s->started)
		house_stop(s->house);
	api_close(s->api);
	house_close(s->house);
	deliver_free(s->deliver);
	loop_free(s->loop);
	tls_free(s->tls);
	free(s);
}

struct api *server_api(struct server *s)
{
	return s->api;
}

unsigned server_http_port(const struct server *s)
{
	return http_port(s->http);
}

unsigned server_syslog_port(const struct server *s)
{
	return s->syslog ? syslog_port(s->syslog) : 0;
}

unsigned server_syslog_tls_port(const struct server *s)
{
	return s->syslog_tls ? syslog_port(s->syslog_tls) : 0;
}
