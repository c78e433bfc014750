/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/client.h"
#include "cmd/demo.h"
#include "net/server.h"

#include <curl/curl.h>
#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#define DESCRIPTORS 65536

static const struct opt SERVE[] = {
	{0, "data", OPT_TEXT, "DIR", "data directory (default: $HINOMI_DATA, else ./data)", "データディレクトリ (既定は $HINOMI_DATA、なければ ./data)"},
	{0, "config", OPT_TEXT, "FILE", "configuration (default: DIR/hinomi.yml when it is there)", "設定ファイル (既定は DIR/hinomi.yml)"},
	{0, "listen", OPT_TEXT, "ADDR:PORT", "console, API and HTTP intake", "コンソール・API・HTTP 取り込みの待受"},
	{0, "syslog", OPT_TEXT, "ADDR:PORT", "syslog over UDP and TCP, or off", "syslog (UDP/TCP) の待受"},
	{0, "syslog-tls", OPT_TEXT, "ADDR:PORT", "syslog over TLS, or off", "syslog (TLS) の待受"},
	{0, "demo", OPT_FLAG, NULL, "tell the demonstration (a drill) in a data directory of its own", "デモ (訓練) を専用のデータディレクトリで流す"},
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
static void greet(struct server *s, const struct config *cfg, const char *demo_dir)
{
	char password[33], host[256];
	unsigned port;
	const char *scheme = config_text(cfg, CFG_TLS_CERT).n ? "https" : "http";
	struct buf logins = BUF_INIT(10000);
	config_address(cfg, CFG_LISTEN, host, &port);
	printf("hinomi %s  %s://%s%s%s:%u/\n", HINOMI_VERSION, scheme, strchr(host, ':') ? "[" : "", host, strchr(host, ':') ? "]" : "", server_http_port(s));
	if (server_syslog_port(s))
		printf("  syslog udp+tcp %u\n", server_syslog_port(s));
	if (server_syslog_tls_port(s))
		printf("  syslog tls %u\n", server_syslog_tls_port(s));
	if (auth_first_admin(server_api(s)->house, password) == 1)
		printf(SAY("  log in as admin with the password %s (shown once)\n", "  admin / %s でログインしてください (一度だけ表示)\n"), password);
	if (demo_dir) {
		demo_logins(demo_dir, &logins);
		printf(SAY("  demonstration (訓練, a drill): everything in it is invented. Log in as one of\n%s", "  デモ (訓練): 内容はすべて架空です。次のいずれかでログインしてください\n%s"), buf_cstr(&logins));
		buf_done(&logins);
	}
	fflush(stdout);
}

/* The doors are open: until the signal. */
static int attend(struct command *c, struct server *s, const struct config *cfg, struct diag *d)
{
	const char *demo_dir = command_set(c, "demo") ? data_dir(c) : NULL;
	struct demo *demo = NULL;
	int r = demo_dir ? demo_start(demo_dir, server_api(s)->house, d, &demo) : 0;
	say_findings(house_findings(server_api(s)->house));
	if (r == 0) {
		greet(s, cfg, demo_dir);
		r = server_run(s);
	}
	demo_stop(demo);
	return r;
}

/* Every sender and every reader is a descriptor; the usual soft limit of 1,024 is for programs that use select. */
static void allow_descriptors(void)
{
	struct rlimit rl;
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < rl.rlim_max) {
		rl.rlim_cur = rl.rlim_max < DESCRIPTORS ? rl.rlim_max : DESCRIPTORS;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
}

static int run_serve(struct command *c)
{
	struct config cfg;
	struct clock clock;
	struct diag d;
	struct server *s = NULL;
	allow_descriptors();
	curl_global_init(CURL_GLOBAL_DEFAULT);
	diag_init(&d);
	int prepared = command_set(c, "demo") ? demo_prepare(data_dir(c), command_text(c, "config"), &d) : 0;
	int r = configure(c, &cfg, &d);
	clock_init_real(&clock, config_offset(&cfg));
	r = prepared < 0 ? prepared : r;
	if (r == 0)
		r = server_open(&(struct server_opts){.dir = data_dir(c), .config = &cfg, .clock = &clock}, &d, &s);
	say_findings(&d);
	if (r < 0 && !d.errors)
		fprintf(stderr, "hinomi serve: %s\n", strerror(-r));
	if (r == 0)
		r = attend(c, s, &cfg, &d);
	server_close(s);
	config_done(&cfg);
	diag_done(&d);
	curl_global_cleanup();
	bool mine = r == -EINVAL || r == -ENOENT || r == -EBUSY || r == -EADDRINUSE || r == -EACCES || r == -EADDRNOTAVAIL;
	return r == 0 ? EXIT_DONE : mine ? EXIT_USAGE : EXIT_INTERNAL;
}

int cmd_serve(int argc, char **argv)
{
	struct command c = {.verb = "serve", .usage = "[OPTIONS]", .opt = SERVE, .n_opt = LEN(SERVE), .help_en = "The server: intake, detection, desks, API and console over one data directory. Ends on SIGTERM.",
		.help_ja = "サーバ: 取り込み・検知・SOC・CSIRT・API・コンソール。SIGTERM で終了します。"};
	return command_run(&c, argc, argv, run_serve);
}
