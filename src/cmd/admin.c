/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/client.h"
#include "cmd/show.h"

#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

/* Administration: users, tokens, configuration. */

static int call(struct command *c, enum api_method method, const char *path, json_t *body, struct client_answer *ret)
{
	struct client *cl;
	char *text = body ? json_dumps(body, 0) : NULL;
	int status = client_open(c, &cl);
	json_decref(body);
	*ret = (struct client_answer){.body = BUF_INIT(1)};
	if (status == 0) {
		client_call(cl, method, path, str_c(text ? text : ""), NULL, NULL, ret);
		status = ret->status >= 200 && ret->status < 300 ? 0 : client_complain(ret);
		client_close(cl);
	}
	free(text);
	return status;
}

/* Calls and shows the answer. */
static int call_and_show(struct command *c, enum api_method method, const char *path, json_t *body)
{
	struct client_answer a;
	int status = call(c, method, path, body, &a);
	if (status == 0)
		status = show_answer(buf_str(&a.body), a.is_json, command_text(c, "output"));
	client_answer_done(&a);
	return status;
}

static json_t *roles_given(const struct command *c)
{
	const struct given *g = command_given(c, "role");
	json_t *list = json_array();
	for (size_t i = 0; i < g->list.n; i++) {
		struct str rest = str_c(g->list.at[i]), one;
		while (str_cut(&rest, ',', &one))
			json_array_append_new(list, json_stringn(one.p, one.n));
	}
	return list;
}

static int need_action(const struct command *c)
{
	fprintf(stderr, "hinomi %s: %s\n  hint: hinomi %s --help\n", c->verb, SAY("name an action", "操作を指定してください"), c->verb);
	return EXIT_USAGE;
}

#define OUTPUT {'o', "output", OPT_TEXT, "table|json|jsonl|csv", "output (default: table on a terminal, else json)", "出力形式 (既定: 端末では table、それ以外は json)"}

/* ---- users ------------------------------------------------------------------------------------------------------------------------------------------------ */

static const struct opt USER[] = {
	CLIENT_OPTS,
	OUTPUT,
	{0, "role", OPT_LIST, "ROLE", "role: viewer l1 l2 soc_lead handler csirt_lead legal pr management auditor admin sensor", "役割: viewer l1 l2 soc_lead handler csirt_lead legal pr management auditor admin sensor"},
	{0, "display-name", OPT_TEXT, "NAME", "name as people read it", "表示名"},
	{0, "mail", OPT_TEXT, "ADDRESS", "mail address for pages", "連絡先メールアドレス"},
	{0, "password-stdin", OPT_FLAG, NULL, "read the password from standard input", "パスワードを標準入力から読む"},
	{0, "disable", OPT_FLAG, NULL, "change: no more log-ins", "change: ログインを止める"},
	{0, "enable", OPT_FLAG, NULL, "change: log-ins again", "change: ログインを再び許す"},
};

/* One line, without echo on a terminal. */
static bool read_password(char out[300])
{
	struct termios old, quiet;
	bool tty = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &old) == 0;
	if (tty) {
		quiet = old;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		fputs(SAY("password: ", "パスワード: "), stderr);
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	bool good = fgets(out, 300, stdin) != NULL;
	if (tty) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
		fputc('\n', stderr);
	}
	out[strcspn(out, "\r\n")] = 0;
	return good && *out;
}

static int user_body(struct command *c, bool fresh, json_t **ret)
{
	char password[300];
	json_t *o = json_object();
	if (fresh || command_set(c, "role"))
		json_object_set_new(o, "roles", roles_given(c));
	if (command_text(c, "display-name"))
		json_object_set_new(o, "display_name", json_string(command_text(c, "display-name")));
	if (command_text(c, "mail"))
		json_object_set_new(o, "mail", json_string(command_text(c, "mail")));
	if (command_set(c, "disable") || command_set(c, "enable"))
		json_object_set_new(o, "disabled", json_boolean(command_set(c, "disable")));
	*ret = o;
	if (!fresh && !command_set(c, "password-stdin"))
		return 0;
	if (!read_password(password)) {
		fputs(SAY("hinomi user: no password was given\n", "hinomi user: パスワードがありません\n"), stderr);
		return EXIT_USAGE;
	}
	json_object_set_new(o, "password", json_string(password));
	return 0;
}

/* The id behind a user's name. */
static int user_path(struct command *c, const char *name, char out[300])
{
	struct client_answer a;
	int status = call(c, API_GET, "/api/v1/users?limit=1000", NULL, &a);
	json_t *o = json_loadb(a.body.n ? a.body.p : "", a.body.n, 0, NULL), *u;
	size_t i;
	out[0] = 0;
	json_array_foreach(json_object_get(o, "items"), i, u)
	{
		if (strcmp(json_string_value(json_object_get(u, "name")), name) == 0)
			snprintf(out, 300, "/api/v1/users/%s", json_string_value(json_object_get(u, "id")));
	}
	if (status == 0 && !*out) {
		fprintf(stderr, SAY("hinomi user: there is no user \"%s\"\n", "hinomi user: ユーザー \"%s\" はいません\n"), name);
		status = EXIT_USAGE;
	}
	json_decref(o);
	client_answer_done(&a);
	return status;
}

static int run_user(struct command *c)
{
	const char *action = c->args.n ? c->args.at[0] : "", *name = c->args.n > 1 ? c->args.at[1] : NULL;
	char path[300];
	json_t *body = NULL;
	if (strcmp(action, "list") == 0)
		return call_and_show(c, API_GET, "/api/v1/users?limit=1000", NULL);
	if (!name || (strcmp(action, "create") != 0 && strcmp(action, "change") != 0))
		return need_action(c);
	bool fresh = strcmp(action, "create") == 0;
	int status = fresh ? 0 : user_path(c, name, path);
	if (status == 0)
		status = user_body(c, fresh, &body);
	if (status) {
		json_decref(body);
		return status;
	}
	if (fresh)
		json_object_set_new(body, "name", json_string(name));
	return call_and_show(c, fresh ? API_POST : API_PATCH, fresh ? "/api/v1/users" : path, body);
}

int cmd_user(int argc, char **argv)
{
	struct command c = {.verb = "user", .usage = "list | create NAME --role ROLE | change NAME [OPTIONS]", .opt = USER, .n_opt = LEN(USER),
		.help_en = "Users, with and without a running server. `create` asks for the password.", .help_ja = "ユーザーの管理 (サーバの停止中・稼働中とも)。create はパスワードを尋ねます。"};
	return command_run(&c, argc, argv, run_user);
}

/* ---- tokens ----------------------------------------------------------------------------------------------------------------------------------------------- */

static const struct opt TOKEN[] = {
	CLIENT_OPTS,
	OUTPUT,
	{0, "role", OPT_LIST, "ROLE", "what the token may do (a role)", "トークンの役割"},
	{0, "user", OPT_TEXT, "NAME", "in whose name it acts", "誰の名で操作するか"},
	{0, "site", OPT_TEXT, "SITE", "site that it belongs to", "拠点"},
	{0, "name", OPT_TEXT, "TEXT", "what it is for", "用途"},
	{0, "expires", OPT_TEXT, "T", "when it ends (RFC 3339)", "有効期限 (RFC 3339)"},
};

static int create_token(struct command *c)
{
	static const char *const TEXTS[][2] = {{"user", "user"}, {"site", "site"}, {"name", "name"}, {"expires", "expires_at"}};
	struct client_answer a;
	json_t *o = json_object();
	json_object_set_new(o, "roles", roles_given(c));
	for (size_t i = 0; i < LEN(TEXTS); i++)
		if (command_text(c, TEXTS[i][0]))
			json_object_set_new(o, TEXTS[i][1], json_string(command_text(c, TEXTS[i][0])));
	int status = call(c, API_POST, "/api/v1/tokens", o, &a);
	if (status == 0) {
		json_t *doc = json_loadb(a.body.p, a.body.n, 0, NULL);
		puts(json_string_value(json_object_get(doc, "token")));
		json_decref(doc);
	}
	client_answer_done(&a);
	return status;
}

static int run_token(struct command *c)
{
	const char *action = c->args.n ? c->args.at[0] : "";
	char path[300];
	if (strcmp(action, "create") == 0)
		return create_token(c);
	if (strcmp(action, "list") == 0)
		return call_and_show(c, API_GET, "/api/v1/tokens?limit=1000", NULL);
	if (strcmp(action, "revoke") != 0 || c->args.n < 2)
		return need_action(c);
	snprintf(path, sizeof(path), "/api/v1/tokens/%s", c->args.at[1]);
	return call_and_show(c, API_DELETE, path, NULL);
}

int cmd_token(int argc, char **argv)
{
	struct command c = {.verb = "token", .usage = "create --role ROLE | list | revoke ID", .opt = TOKEN, .n_opt = LEN(TOKEN),
		.help_en = "Bearer tokens. `create` prints the token and nothing else; it cannot be read again.", .help_ja = "トークンの管理。create はトークンだけを表示します (再表示はできません)。"};
	return command_run(&c, argc, argv, run_token);
}

/* ---- configuration ------------------------------------------------------------------------------------------------------------------------------------------ */

static const struct opt CONFIG_OPTS[] = {CLIENT_OPTS};

static int run_config(struct command *c)
{
	struct config cfg;
	struct diag d;
	const char *action = c->args.n ? c->args.at[0] : "";
	bool show = strcmp(action, "show") == 0;
	if (!show && strcmp(action, "check") != 0)
		return need_action(c);
	diag_init(&d);
	int r;
	if (c->args.n > 1) {
		config_init(&cfg);
		r = config_load(&cfg, c->args.at[1], &d);
	} else {
		r = config_of(c, &cfg, &d);
	}
	say_findings(&d);
	if (show && r == 0) {
		struct buf b = BUF_INIT(1u << 20);
		config_show(&cfg, lang_is_ja(), &b);
		out_write(buf_str(&b));
		buf_done(&b);
	}
	config_done(&cfg);
	diag_done(&d);
	return r < 0 ? EXIT_USAGE : EXIT_DONE;
}

int cmd_config(int argc, char **argv)
{
	struct command c = {.verb = "config", .usage = "check [FILE] | show [FILE]", .opt = CONFIG_OPTS, .n_opt = LEN(CONFIG_OPTS),
		.help_en = "Checks hinomi.yml, or prints the whole effective configuration.", .help_ja = "hinomi.yml の検査、または有効な設定全体の表示。"};
	return command_run(&c, argc, argv, run_config);
}
