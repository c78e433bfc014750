/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/client.h"
#include "net/server.h"

#include <curl/curl.h>
#include <errno.h>
#include <unistd.h>

static const struct opt SERVE[] = {
	{0, "data", OPT_TEXT, "DIR", "data directory (default: $HINOMI_DATA, else ./data)", "データディレクトリ (既定は $HINOMI_DATA、なければ ./data)"},
	{0, "config", OPT_TEXT, "FILE", "configuration (default: DIR/hinomi.yml when it is there)", "設定ファイル (既定は DIR/hinomi.yml)"},
	{0, "listen", OPT_TEXT, "ADDR:PORT", "console, API and HTTP intake", "コンソール・API・HTTP 取り込みの待受"},
	{0, "syslog", OPT_TEXT, "ADDR:PORT", "syslog over UDP and TCP, or off", "syslog (UDP/TCP) の待受"},
	{0, "syslog-tls", OPT_TEXT, "ADDR:PORT", "syslog over TLS, or off", "syslog (TLS) の待受"},
};

static int configure(const struct command *c, struct config *cfg, struct diag *d)
{
	static const struct {
		const char *opt;
		enum config_key key;
	} FLAGS[] = {{"listen", CFG_LISTEN}, {"syslog", CFG_SYSLOG}, {"syslog-tls", CFG_SYSLOG_TLS}};
	int r = config_of(c, cfg, d);
	for (size_t i = 0; i < LEN(FLAGS); i++)
		if (command_text(c, FLAGS[i].opt)) {
			int e = config_set(cfg, FLAGS[i].key, str_c(command_text(c, FLAGS[i].opt)), d);
			r = r < 0 ? r : e;
		}
	return r;
}

/* What the person at the terminal needs: where it is and how to get in. */
static void greet(struct server *s, const struct config *cfg)
{
	char password[33], host[256];
	unsigned port;
	const char *scheme = config_text(cfg, CFG_TLS_CERT).n ? "https" : "http";
	config_address(cfg, CFG_LISTEN, host, &port);
	printf("hinomi %s  %s://%s%s%s:%u/\n", HINOMI_VERSION, scheme, strchr(host, ':') ? "[" : "", host, strchr(host, ':') ? "]" : "", server_http_port(s));
	if (server_syslog_port(s))
		printf("  syslog udp+tcp %u\n", server_syslog_port(s));
	if (server_syslog_tls_port(s))
		printf("  syslog tls %u\n", server_syslog_tls_port(s));
	if (auth_first_admin(server_api(s)->house, password) == 1)
		printf(SAY("  log in as admin with the password %s (shown once)\n", "  admin / %s でログインしてください (一度だけ表示)\n"), password);
	fflush(stdout);
}

static int run_serve(struct command *c)
{
	struct config cfg;
	struct clock clock;
	struct diag d;
	struct server *s;
	diag_init(&d);
	int r = configure(c, &cfg, &d);
	clock_init_real(&clock, config_offset(&cfg));
	if (r == 0)
		r = server_open(&(struct server_opts){.dir = data_dir(c), .config = &cfg, .clock = &clock}, &d, &s);
	say_findings(&d);
	if (r == 0) {
		say_findings(house_findings(server_api(s)->house));
		greet(s, &cfg);
		r = server_run(s);
		server_close(s);
	} else if (!d.errors) {
		fprintf(stderr, "hinomi serve: %s\n", strerror(-r));
	}
	config_done(&cfg);
	diag_done(&d);
	return r == 0 ? EXIT_DONE : r == -EINVAL || r == -EBUSY || r == -EADDRINUSE || r == -EACCES || r == -EADDRNOTAVAIL ? EXIT_USAGE : EXIT_INTERNAL;
}

int cmd_serve(int argc, char **argv)
{
	struct command c = {.verb = "serve", .usage = "[OPTIONS]", .opt = SERVE, .n_opt = LEN(SERVE), .help_en = "The server: intake, detection, desks, API and console over one data directory. Ends on SIGTERM.",
		.help_ja = "サーバ: 取り込み・検知・SOC・CSIRT・API・コンソール。SIGTERM で終了します。"};
	int r = command_parse(&c, argc, argv);
	if (r == 0) {
		curl_global_init(CURL_GLOBAL_DEFAULT);
		r = run_serve(&c);
		curl_global_cleanup();
	}
	command_done(&c);
	return r < 0 ? EXIT_DONE : r;
}
