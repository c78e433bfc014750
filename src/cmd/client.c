/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/client.h"

#include "base/num.h"
#include "sys/file.h"

#include <curl/curl.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct client {
	CURL *curl; /* NULL = in this process */
	char base[1000], auth[1000];
	struct config config;
	struct clock clock;
	struct diag diag;
	struct house *house;
	struct api *api;
};

const char *data_dir(const struct command *c)
{
	const char *env = getenv("HINOMI_DATA");
	return command_text(c, "data") ? command_text(c, "data") : env && *env ? env : "data";
}

int config_of(const struct command *c, struct config *cfg, struct diag *d)
{
	char path[4096];
	config_init(cfg);
	if (command_text(c, "config"))
		return config_load(cfg, command_text(c, "config"), d);
	if (path_join(path, sizeof(path), data_dir(c), "hinomi.yml") < 0 || access(path, F_OK) != 0)
		return 0;
	return config_load(cfg, path, d);
}

/* ---- opening -------------------------------------------------------------------------------------------------------------------------------------------- */

static bool somebody_listens(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool good = fd >= 0 && (size_t)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path) < sizeof(sa.sun_path) &&
		    connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0;
	if (fd >= 0)
		close(fd);
	return good;
}

static void over_network(struct client *cl, const char *server, const char *token)
{
	cl->curl = curl_easy_init();
	must(cl->curl);
	snprintf(cl->base, sizeof(cl->base), "%s", server);
	if (token)
		snprintf(cl->auth, sizeof(cl->auth), "Authorization: Bearer %s", token);
}

static int in_process(struct client *cl, const struct command *c)
{
	int r = config_of(c, &cl->config, &cl->diag);
	clock_init_real(&cl->clock, config_offset(&cl->config));
	if (r == 0)
		r = house_open(&(struct house_opts){.dir = data_dir(c), .config = &cl->config, .clock = &cl->clock, .words = role_words()}, &cl->diag, &cl->house);
	if (r == 0)
		r = api_open(cl->house, &cl->diag, &cl->api);
	if (r == 0)
		return 0;
	say_findings(&cl->diag);
	if (!cl->diag.errors)
		fprintf(stderr, "hinomi %s: %s: %s\n", c->verb, data_dir(c), strerror(-r));
	return r == -EBUSY || r == -EINVAL || r == -EACCES ? EXIT_USAGE : EXIT_INTERNAL;
}

/* The server that was named. --data names a directory, whatever the environment says. */
static const char *server_named(const struct command *c)
{
	const char *env = getenv("HINOMI_SERVER");
	if (command_text(c, "server"))
		return command_text(c, "server");
	return env && *env && !command_set(c, "data") ? env : NULL;
}

static bool local_server(const struct command *c, char *path, size_t size)
{
	return path_join(path, size, data_dir(c), "hinomi.sock") == 0 && somebody_listens(path);
}

bool client_is_remote(const struct command *c)
{
	return server_named(c) != NULL;
}

bool client_has_server(const struct command *c)
{
	char path[4096];
	return server_named(c) || local_server(c, path, sizeof(path));
}

int client_open(const struct command *c, struct client **ret)
{
	struct client *cl = must_new(struct client);
	const char *token = command_text(c, "token") ? command_text(c, "token") : getenv("HINOMI_TOKEN");
	char socket_path[4096];
	int status = 0;
	diag_init(&cl->diag);
	config_init(&cl->config);
	if (server_named(c)) {
		over_network(cl, server_named(c), token);
	} else if (local_server(c, socket_path, sizeof(socket_path))) {
		over_network(cl, "http://localhost", NULL);
		curl_easy_setopt(cl->curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
	} else {
		status = in_process(cl, c);
	}
	if (status) {
		client_close(cl);
		return status;
	}
	*ret = cl;
	return 0;
}

void client_close(struct client *cl)
{
	if (!cl)
		return;
	if (cl->curl)
		curl_easy_cleanup(cl->curl);
	api_close(cl->api);
	house_close(cl->house);
	config_done(&cl->config);
	diag_done(&cl->diag);
	free(cl);
}

/* ---- calling -------------------------------------------------------------------------------------------------------------------------------------------- */

void client_answer_done(struct client_answer *a)
{
	buf_done(&a->body);
}

static size_t take_body(char *p, size_t size, size_t n, void *arg)
{
	struct client_answer *a = arg;
	return buf_add(&a->body, str_n(p, size * n)) == 0 ? size * n : 0;
}

static size_t take_header(char *p, size_t size, size_t n, void *arg)
{
	struct client_answer *a = arg;
	struct str value = str_n(p, size * n), name;
	if (str_cut(&value, ':', &name) && str_ieq(str_trim(name), STR("ETag")))
		snprintf(a->etag, sizeof(a->etag), "%.*s", STR_ARG(str_trim(value)));
	return size * n;
}

static void by_curl(struct client *cl, const char *method, const char *path, struct str body, const char *const *headers, struct client_answer *a)
{
	char url[8000];
	long status = 0;
	char *type = NULL;
	struct curl_slist *list = NULL;
	snprintf(url, sizeof(url), "%s%s", cl->base, path);
	for (; *headers; headers++)
		list = curl_slist_append(list, *headers);
	list = curl_slist_append(list, "Expect:");
	if (cl->auth[0])
		list = curl_slist_append(list, cl->auth);
	curl_easy_setopt(cl->curl, CURLOPT_URL, url);
	curl_easy_setopt(cl->curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(cl->curl, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(cl->curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(cl->curl, CURLOPT_WRITEDATA, a);
	curl_easy_setopt(cl->curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(cl->curl, CURLOPT_HEADERDATA, a);
	curl_easy_setopt(cl->curl, CURLOPT_POSTFIELDS, body.n ? body.p : NULL);
	curl_easy_setopt(cl->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
	curl_easy_setopt(cl->curl, CURLOPT_HTTPGET, body.n ? 0L : 1L);
	if (body.n)
		curl_easy_setopt(cl->curl, CURLOPT_POST, 1L);
	curl_easy_setopt(cl->curl, CURLOPT_CUSTOMREQUEST, method);
	CURLcode e = curl_easy_perform(cl->curl);
	if (e == CURLE_OK) {
		curl_easy_getinfo(cl->curl, CURLINFO_RESPONSE_CODE, &status);
		curl_easy_getinfo(cl->curl, CURLINFO_CONTENT_TYPE, &type);
	} else {
		fprintf(stderr, "hinomi: %s%s: %s\n", cl->base, path, curl_easy_strerror(e));
	}
	a->status = (int)status;
	a->is_json = type && strstr(type, "json");
	curl_slist_free_all(list);
}

static void by_call(struct client *cl, enum api_method method, const char *path, struct str body, const char *type, const char *if_match, struct client_answer *a)
{
	struct principal who = principal_local();
	struct str query = str_c(path), only;
	struct api_response resp;
	if (!str_cut(&query, '?', &only))
		query = STR_NONE;
	struct api_request req = {.method = method, .path = only, .query = query, .content_type = str_c(type ? type : ""), .if_match = str_c(if_match ? if_match : ""), .body = body,
		.peer = STR("local"), .who = &who};
	api_response_init(&resp);
	api_call(cl->api, &req, &resp);
	house_turn(cl->house);
	a->status = resp.status;
	a->is_json = strstr(resp.content_type, "json") != NULL;
	snprintf(a->etag, sizeof(a->etag), "%s", resp.etag);
	buf_done(&a->body);
	a->body = resp.body;
	resp.body = (struct buf)BUF_INIT(1);
	api_response_done(&resp);
}

void client_add_query(struct buf *path, struct str name, struct str v)
{
	buf_addc(path, strchr(buf_cstr(path), '?') ? '&' : '?');
	buf_addf(path, "%.*s=", STR_ARG(name));
	for (size_t i = 0; i < v.n; i++)
		if (ch_is_alnum((unsigned char)v.p[i]) || strchr("-_.~", v.p[i]))
			buf_addc(path, v.p[i]);
		else
			buf_addf(path, "%%%02X", (unsigned)(unsigned char)v.p[i]);
}

void client_call(struct client *cl, enum api_method method, const char *path, struct str body, const char *type, const char *if_match, struct client_answer *ret)
{
	static const char *const NAMES[] = {"GET", "POST", "PATCH", "PUT", "DELETE"};
	char content_type[300], match[200];
	const char *headers[3];
	size_t n = 0;
	*ret = (struct client_answer){.body = BUF_INIT(512u << 20)};
	if (!cl->curl) {
		by_call(cl, method, path, body, type, if_match, ret);
		return;
	}
	snprintf(content_type, sizeof(content_type), "Content-Type: %s", type ? type : "application/json");
	headers[n++] = content_type;
	if (if_match) {
		snprintf(match, sizeof(match), "If-Match: %s", if_match);
		headers[n++] = match;
	}
	headers[n] = NULL;
	by_curl(cl, NAMES[method], path, body, headers, ret);
}

int client_complain(const struct client_answer *a)
{
	json_t *o = json_loadb(a->body.n ? a->body.p : "", a->body.n, 0, NULL);
	if (!a->status)
		return EXIT_INTERNAL;
	const char *title = json_string_value(json_object_get(o, lang_is_ja() ? "title_ja" : "title"));
	fprintf(stderr, "hinomi: %s (%d %s)\n", title ? title : "?", a->status, json_string_value(json_object_get(o, "code")) ? json_string_value(json_object_get(o, "code")) : "");
	size_t i;
	json_t *e;
	json_array_foreach(json_object_get(o, "errors"), i, e)
	{
		const char *field = json_string_value(json_object_get(e, "field")), *hint = json_string_value(json_object_get(e, "hint"));
		fprintf(stderr, "  %s%s%s\n", field ? field : "", field && *field ? ": " : "", json_string_value(json_object_get(e, "message")));
		if (hint)
			fprintf(stderr, "    hint: %s\n", hint);
	}
	json_decref(o);
	return a->status >= 500 ? EXIT_INTERNAL : EXIT_USAGE;
}
