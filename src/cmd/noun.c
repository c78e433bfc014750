/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/client.h"
#include "cmd/show.h"

#include "base/num.h"
#include "sys/file.h"

#include <errno.h>

/*
 * `hinomi NOUN ACTION [ID] [name=value …]`: the routes of the API as commands, made from the route table. GET /alerts is `alert list`, GET
 * /alerts/{id} `alert show ID`, PATCH `alert change ID`, POST /handoffs `handoff create`, POST /handoffs/{id}/accept `handoff accept ID`,
 * and where a list below an object can be added to, POST /incidents/{id}/tasks is `incident add-task ID`.
 */
#define API "/api/v1/"

static const struct opt OPTS[] = {
	CLIENT_OPTS,
	{'o', "output", OPT_TEXT, "table|json|jsonl|csv", "output (default: table on a terminal, else json)", "出力形式 (既定: 端末では table、それ以外は json)"},
};

/* Is this piece of a path the noun's collection? alerts for alert, evidence for evidence, metrics for metrics. */
static bool is_collection(struct str piece, struct str noun)
{
	return str_eq(piece, noun) || (piece.n == noun.n + 1 && str_starts(piece, noun) && piece.p[noun.n] == 's');
}

static bool has_get(const char *path)
{
	size_t n;
	const struct route *r = api_routes(&n);
	for (size_t i = 0; i < n; i++)
		if (r[i].method == API_GET && str_eq(str_c(r[i].path), str_c(path)))
			return true;
	return false;
}

/* The action's name of a route, or an empty string when the route is not this noun's. */
static void action_name(const struct route *r, struct str noun, char out[64])
{
	struct str rest = str_c(r->path), piece[3] = {{0}};
	size_t n = 0;
	out[0] = 0;
	if (!str_take(&rest, STR(API)))
		return;
	while (n < LEN(piece) && str_cut(&rest, '/', &piece[n]))
		n++;
	if (!is_collection(piece[0], noun))
		return;
	bool by_id = n > 1 && str_starts(piece[1], STR("{"));
	static const char *const OF_ID[] = {[API_GET] = "show", [API_POST] = "post", [API_PATCH] = "change", [API_PUT] = "replace", [API_DELETE] = "revoke"};
	if (n == 1)
		snprintf(out, 64, "%s", r->method == API_GET ? "list" : "create");
	else if (n == 2 && by_id)
		snprintf(out, 64, "%s", OF_ID[r->method]);
	else if (n == 2)
		snprintf(out, 64, "%.*s", STR_ARG(piece[1]));
	else if (r->method == API_POST && has_get(r->path))
		snprintf(out, 64, "add-%.*s", STR_ARG(str_ends(piece[2], STR("s")) ? str_sub(piece[2], 0, piece[2].n - 1) : piece[2]));
	else
		snprintf(out, 64, "%.*s", STR_ARG(piece[2]));
}

static const struct route *find_action(struct str noun, struct str action)
{
	size_t n;
	const struct route *r = api_routes(&n);
	for (size_t i = 0; i < n; i++) {
		char name[64];
		action_name(&r[i], noun, name);
		if (name[0] && str_eq(str_c(name), action))
			return &r[i];
	}
	return NULL;
}

static bool takes_id(const struct route *r)
{
	return strchr(r->path, '{') != NULL;
}

/* The one noun that is a file of the administrator's, which is looked at before a server has it. */
static bool is_file(const char *noun)
{
	return strcmp(noun, "rulebook") == 0;
}

static void help_actions(const char *noun)
{
	size_t n;
	const struct route *r = api_routes(&n);
	printf("hinomi %s ACTION [ID] [name=value …]\n\n", noun);
	for (size_t i = 0; i < n; i++) {
		char name[64], left[200];
		action_name(&r[i], str_c(noun), name);
		if (!name[0])
			continue;
		snprintf(left, sizeof(left), "%s%s", name, takes_id(&r[i]) ? " ID" : "");
		printf("  %-22s %s\n", left, SAY(r[i].summary_en, r[i].summary_ja));
		if (r[i].shape && *r[i].shape)
			printf("  %-22s   %s\n", "", r[i].shape);
		if (r[i].query)
			printf("  %-22s   %s\n", "", r[i].query);
		if (r[i].flags & ROUTE_RAW)
			printf("  %-22s   %s\n", "", SAY("@FILE sends the file's bytes", "@FILE でファイルの内容を送ります"));
	}
	if (is_file(noun))
		printf("  %-22s %s\n", "check [FILE]", SAY("Findings of a rule book with line, column and hint; without FILE the configured one", "手順書の誤りを行・桁・ヒント付きで表示。FILE がなければ設定中のもの"));
	puts(SAY("\nA value that begins with [ or { is JSON, text.ja=… sets a member, @FILE reads the value from a file.\n",
		"\n[ や { で始まる値は JSON、text.ja=… はメンバーの指定、@FILE はファイルから値を読みます。\n"));
}

/* ---- arguments to a body or a query ------------------------------------------------------------------------------------------------------------------- */

static const char *shape_type(const struct route *r, struct str name)
{
	struct str rest = str_c(r->shape ? r->shape : ""), word;
	while (str_word(&rest, &word)) {
		struct str type = word, key;
		if (str_cut(&type, ':', &key) && str_eq(key, name))
			return type.p;
	}
	return NULL;
}

static json_t *value_json(const char *type, struct str v)
{
	json_t *o = NULL;
	int64_t n;
	if (v.n && (v.p[0] == '[' || v.p[0] == '{'))
		o = json_loadb(v.p, v.n, 0, NULL);
	if (!o && strncmp(type, "int", 3) == 0 && num_range(v, INT64_MIN, INT64_MAX, &n))
		o = json_integer(n);
	if (!o && strncmp(type, "bool", 4) == 0 && (str_eq(v, STR("true")) || str_eq(v, STR("false"))))
		o = json_boolean(v.p[0] == 't');
	if (!o && str_eq(v, STR("null")))
		o = json_null();
	if (!o && strncmp(type, "arr", 3) == 0) {
		struct str piece;
		o = json_array();
		while (str_cut(&v, ',', &piece))
			json_array_append_new(o, json_stringn(piece.p, piece.n));
	}
	return o ? o : json_stringn(v.p, v.n);
}

static void set_member(json_t *body, const char *type, struct str name, struct str v)
{
	struct str last = name, first;
	char key[200];
	if (!str_cut(&last, '.', &first))
		return;
	snprintf(key, sizeof(key), "%.*s", STR_ARG(first));
	json_t *value = value_json(type, v);
	if (last.p) {
		char inner[200];
		json_t *o = json_object_get(body, key);
		if (!json_is_object(o)) {
			o = json_object();
			json_object_set_new(body, key, o);
		}
		snprintf(inner, sizeof(inner), "%.*s", STR_ARG(last));
		json_object_set_new(o, inner, value);
	} else {
		json_object_set_new(body, key, value);
	}
}

struct request {
	const struct route *route;
	struct buf path, raw;
	json_t *body;
};

static bool in_query(const struct route *r, struct str name)
{
	struct str rest = str_c(r->query ? r->query : ""), word;
	while (str_word(&rest, &word))
		if (str_eq(word, name))
			return true;
	return false;
}

static int take_argument(struct request *q, const char *arg)
{
	struct str v = str_c(arg), name;
	struct buf from = BUF_INIT(300u << 20);
	int status = 0;
	if (arg[0] == '@') {
		if (file_read(arg + 1, &q->raw) < 0)
			return fprintf(stderr, "hinomi: %s cannot be read\n", arg + 1), EXIT_UNREADABLE;
		return 0;
	}
	if (!strchr(arg, '=') || !str_cut(&v, '=', &name))
		return fprintf(stderr, "hinomi: \"%s\" is not name=value\n", arg), EXIT_USAGE;
	if (v.n && v.p[0] == '@') {
		if (file_read(v.p + 1, &from) < 0)
			status = fprintf(stderr, "hinomi: %s cannot be read\n", v.p + 1) > 0 ? EXIT_UNREADABLE : EXIT_UNREADABLE;
		v = buf_str(&from);
	}
	struct str top = name, rest = name;
	str_cut(&rest, '.', &top);
	const char *type = shape_type(q->route, top);
	if (type)
		set_member(q->body, type, name, v);
	else if (in_query(q->route, name))
		client_add_query(&q->path, name, v);
	else if (status == 0)
		status = fprintf(stderr, "hinomi: there is no \"%.*s\" here\n", STR_ARG(name)) > 0 ? EXIT_USAGE : EXIT_USAGE;
	buf_done(&from);
	return status;
}

static int make_path(struct request *q, const struct command *c, size_t *ret_used)
{
	struct str rest = str_c(q->route->path), piece;
	*ret_used = 1;
	str_cut(&rest, '/', &piece);
	while (str_cut(&rest, '/', &piece)) {
		buf_addc(&q->path, '/');
		if (piece.p[0] != '{') {
			buf_add(&q->path, piece);
		} else if (*ret_used < c->args.n && !strchr(c->args.at[*ret_used], '=')) {
			buf_add_cstr(&q->path, c->args.at[(*ret_used)++]);
		} else {
			fprintf(stderr, SAY("hinomi %s %s: name the ID\n", "hinomi %s %s: ID を指定してください\n"), c->verb, c->args.at[0]);
			return EXIT_USAGE;
		}
	}
	return 0;
}

/* ---- running ---------------------------------------------------------------------------------------------------------------------------------------------- */

/* A route that wants If-Match gets the version that is there now. */
static void current_version(struct client *cl, struct request *q, char out[64])
{
	struct client_answer a;
	client_call(cl, API_GET, buf_cstr(&q->path), STR_NONE, NULL, NULL, &a);
	snprintf(out, 64, "%s", a.etag);
	client_answer_done(&a);
}

static int run_request(struct command *c, struct request *q)
{
	struct client *cl;
	struct client_answer a;
	char version[64] = "";
	int status = client_open(c, &cl);
	if (status)
		return status;
	if (q->route->flags & ROUTE_MATCH)
		current_version(cl, q, version);
	char *text = q->route->method == API_GET || q->raw.n ? NULL : json_dumps(q->body, 0);
	struct str body = q->raw.n ? buf_str(&q->raw) : str_c(text ? text : "");
	client_call(cl, q->route->method, buf_cstr(&q->path), body, q->raw.n ? "application/octet-stream" : NULL, *version ? version : NULL, &a);
	if (a.status >= 200 && a.status < 300)
		status = show_answer(buf_str(&a.body), a.is_json, command_text(c, "output"));
	else
		status = client_complain(&a);
	free(text);
	client_answer_done(&a);
	client_close(cl);
	return status;
}

static int run_noun(struct command *c)
{
	if (!c->args.n || strcmp(c->args.at[0], "help") == 0)
		return help_actions(c->verb), c->args.n ? EXIT_DONE : EXIT_USAGE;
	if (is_file(c->verb) && strcmp(c->args.at[0], "check") == 0)
		return rulebook_check(c);
	struct request q = {.route = find_action(str_c(c->verb), str_c(c->args.at[0])), .path = BUF_INIT(8000), .raw = BUF_INIT(300u << 20), .body = json_object()};
	size_t used;
	int status;
	if (!q.route) {
		fprintf(stderr, "hinomi %s: there is no action \"%s\"\n  hint: hinomi %s help\n", c->verb, c->args.at[0], c->verb);
		status = EXIT_USAGE;
	} else {
		status = make_path(&q, c, &used);
		for (; status == 0 && used < c->args.n; used++)
			status = take_argument(&q, c->args.at[used]);
		if (status == 0)
			status = run_request(c, &q);
	}
	buf_done(&q.path);
	buf_done(&q.raw);
	json_decref(q.body);
	return status;
}

static int cmd_noun(const char *noun, int argc, char **argv)
{
	struct command c = {.verb = noun, .usage = "ACTION [ID] [name=value …]", .opt = OPTS, .n_opt = LEN(OPTS), .help_en = "A client of the API. `help` in place of ACTION lists the actions.",
		.help_ja = "API のクライアントです。ACTION に help と書くと一覧を表示します。"};
	return command_run(&c, argc, argv, run_noun);
}

#define NOUN_VERB(noun)                         \
	int cmd_##noun(int argc, char **argv)   \
	{                                       \
		return cmd_noun(#noun, argc, argv); \
	}
NOUN_VERB(alert)
NOUN_VERB(handoff)
NOUN_VERB(incident)
NOUN_VERB(task)
NOUN_VERB(decision)
NOUN_VERB(evidence)
NOUN_VERB(custody)
NOUN_VERB(report)
NOUN_VERB(playbook)
NOUN_VERB(notice)
NOUN_VERB(source)
NOUN_VERB(rulebook)
NOUN_VERB(ledger)
NOUN_VERB(metrics)
