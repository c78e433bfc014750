/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/demo.h"
#include "base/num.h"
#include "cmd/cmd.h"
#include "drill/story.h"
#include "sys/file.h"
#include "sys/rand.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SCRIPT_MAX (1u << 20)
#define TEXT_MAX (1u << 20)

/*
 * What people do, as calls of the API under their names and roles. A text is a string, or {ja, en} of which the language of the start is
 * taken; it may hold $name.member.0.member: what an earlier act kept under that name. "@+00:20:00" is the time so long after the anchor. {at, as, rule, keep} keeps the newest alert of a rule; {at, as, call: "METHOD path", body | octets, keep} calls.
 */
struct acts {
	json_t *script, *kept;
	struct api *api;
	struct diag *d;
	struct str file;
	tstamp anchor;
	size_t next;
};

int acts_load(const char *path, struct api *api, tstamp anchor, struct diag *d, struct acts **ret)
{
	struct acts *a = must_new(struct acts);
	struct buf text = BUF_INIT(SCRIPT_MAX);
	json_error_t e = {.line = -1};
	int r = file_read(path, &text);
	a->file = str_c(str_dup_c(str_c(path)));
	a->api = api;
	a->anchor = anchor;
	a->d = d;
	a->kept = json_object();
	a->script = r == 0 ? json_loadb(text.p ? text.p : "", text.n, JSON_REJECT_DUPLICATES, &e) : NULL;
	buf_done(&text);
	if (!a->script) {
		diag_file(d, a->file);
		diag_error(d, (struct diag_at){e.line > 0 ? (unsigned)e.line : 0, e.line > 0 ? (unsigned)e.column : 0}, "demo.bad_script", "%s", r < 0 ? strerror(-r) : e.text);
		diag_file(d, STR(""));
		acts_free(a);
		return -EINVAL;
	}
	*ret = a;
	return 0;
}

void acts_free(struct acts *a)
{
	if (!a)
		return;
	json_decref(a->script);
	json_decref(a->kept);
	free((char *)(uintptr_t)a->file.p);
	free(a);
}

static void refuse(struct acts *a, const json_t *act, const char *what, struct str why)
{
	diag_file(a->d, a->file);
	diag_error(a->d, (struct diag_at){0}, "demo.refused", "%.*s: %s: %.*s", STR_ARG(doc_str(act, "at")), what, STR_ARG(why));
	diag_file(a->d, STR(""));
}

/* ---- what was kept ------------------------------------------------------------------------------------------------------------------------------ */

/* "login.tasks.0.id" */
static const json_t *look_up(const struct acts *a, struct str path)
{
	const json_t *v = a->kept;
	struct str piece;
	while (v && str_cut(&path, '.', &piece)) {
		uint64_t index;
		v = json_is_array(v) && num_u64(piece, &index) ? json_array_get(v, (size_t)index) : json_object_getn(v, piece.p, piece.n);
	}
	return v;
}

/* $path in the text is replaced; what is not there stays and is refused by the API. */
static void add_filled(const struct acts *a, struct str text, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		size_t end = i + 1;
		while (text.p[i] == '$' && end < text.n && (ch_is_alnum((unsigned char)text.p[end]) || text.p[end] == '_' || text.p[end] == '.'))
			end++;
		const json_t *v = end > i + 1 ? look_up(a, str_sub(text, i + 1, end)) : NULL;
		if (!json_is_string(v)) {
			buf_addc(out, text.p[i]);
			continue;
		}
		buf_add_cstr(out, json_string_value(v));
		i = end - 1;
	}
}

static json_t *filled_text(const struct acts *a, struct str text)
{
	struct buf b = BUF_INIT(TEXT_MAX);
	struct str time = text;
	int64_t at;
	if (str_take(&time, STR("@")) && story_time(time, &at))
		buf_add_ts(&b, a->anchor + at);
	else
		add_filled(a, text, &b);
	json_t *v = doc_string(buf_str(&b));
	buf_done(&b);
	return v;
}

static json_t *filled(const struct acts *a, const json_t *v)
{
	const char *key;
	json_t *item, *copy;
	size_t i;
	if (json_is_string(v))
		return filled_text(a, str_n(json_string_value(v), json_string_length(v)));
	if (json_is_array(v)) {
		copy = json_array();
		json_array_foreach((json_t *)(uintptr_t)v, i, item)
		{
			json_array_append_new(copy, filled(a, item));
		}
		return copy;
	}
	if (!json_is_object(v))
		return json_deep_copy(v);
	if (json_object_size(v) == 2 && json_object_get(v, "ja") && json_object_get(v, "en"))
		return filled(a, json_object_get(v, SAY("en", "ja")));
	copy = json_object();
	json_object_foreach((json_t *)(uintptr_t)v, key, item)
	{
		json_object_set_new(copy, key, filled(a, item));
	}
	return copy;
}

/* ---- calling ------------------------------------------------------------------------------------------------------------------------------------ */

static bool find_person(const struct acts *a, struct str name, struct principal *ret)
{
	const json_t *people = json_object_get(a->script, "people");
	for (size_t i = 0; i < json_array_size(people); i++) {
		const json_t *p = json_array_get(people, i), *roles = json_object_get(p, "roles");
		if (!str_eq(doc_str(p, "name"), name))
			continue;
		*ret = (struct principal){0};
		snprintf(ret->user, sizeof(ret->user), "%.*s", STR_ARG(name));
		for (size_t k = 0; k < json_array_size(roles); k++)
			ret->roles |= 1u << role_parse(str_c(json_string_value(json_array_get(roles, k))));
		return true;
	}
	return false;
}

/* The answer's document, the caller's; NULL when it was refused, which is a finding. */
static json_t *call(struct acts *a, const json_t *act, const struct principal *who, struct str method_and_path, struct str body, const char *type)
{
	static const struct {
		const char *name;
		enum api_method method;
	} METHODS[] = {{"POST ", API_POST}, {"PATCH ", API_PATCH}};
	struct buf path = BUF_INIT(4000);
	struct api_response resp;
	struct api_request req = {.body = body, .content_type = str_c(type), .if_match = STR("*"), .peer = STR("demo"), .who = who};
	json_t *doc = NULL;
	for (size_t i = 0; i < LEN(METHODS); i++)
		if (str_take(&method_and_path, str_c(METHODS[i].name)))
			req.method = METHODS[i].method;
	buf_add_cstr(&path, "/api/v1/");
	add_filled(a, method_and_path, &path);
	req.query = buf_str(&path);
	if (!str_cut(&req.query, '?', &req.path))
		req.query = STR_NONE;
	api_response_init(&resp);
	api_call(a->api, &req, &resp);
	if (resp.status < 300)
		doc = json_loadb(resp.body.p ? resp.body.p : "", resp.body.n, 0, NULL);
	else
		refuse(a, act, buf_cstr(&path), buf_str(&resp.body));
	api_response_done(&resp);
	buf_done(&path);
	return doc;
}

static int take_newest(void *arg, json_t *doc)
{
	*(json_t **)arg = json_deep_copy(doc);
	return 1;
}

static json_t *find_alert(struct acts *a, const json_t *act)
{
	struct desk *k = house_reader_get(a->api->house);
	struct desk_param p = {.s = doc_str(act, "rule")};
	json_t *doc = NULL;
	if (k)
		desk_list(k, NOUN_ALERT, "rule_id = $1 ORDER BY id DESC LIMIT 1", &p, 1, take_newest, &doc);
	house_reader_put(a->api->house, k);
	if (!doc)
		refuse(a, act, "there is no alert of the rule", p.s);
	return doc;
}

static json_t *do_act(struct acts *a, const json_t *act)
{
	struct principal who;
	struct str octets = doc_str(act, "octets");
	if (!find_person(a, doc_str(act, "as"), &who))
		return refuse(a, act, "nobody is called so", doc_str(act, "as")), NULL;
	if (doc_str(act, "rule").n)
		return find_alert(a, act);
	if (octets.n)
		return call(a, act, &who, doc_str(act, "call"), octets, "application/octet-stream");
	json_t *body = filled(a, json_object_get(act, "body"));
	char *text = json_dumps(body, JSON_COMPACT);
	json_t *answer = call(a, act, &who, doc_str(act, "call"), str_c(text ? text : ""), "application/json");
	free(text);
	json_decref(body);
	return answer;
}

int64_t acts_next(const struct acts *a)
{
	int64_t at;
	const json_t *act = json_array_get(json_object_get(a->script, "acts"), a->next);
	return act && story_time(doc_str(act, "at"), &at) ? at : INT64_MAX;
}

void acts_run(struct acts *a, int64_t until)
{
	while (acts_next(a) <= until) {
		const json_t *act = json_array_get(json_object_get(a->script, "acts"), a->next++);
		json_t *answer = do_act(a, act);
		if (answer && doc_str(act, "keep").n)
			json_object_set(a->kept, json_string_value(json_object_get(act, "keep")), answer);
		json_decref(answer);
	}
}

/* ---- people ------------------------------------------------------------------------------------------------------------------------------------- */

/* Four groups of four letters and digits that nobody confuses: 79 bits. */
static void make_password(char out[20])
{
	static const char LETTERS[] = "abcdefghjkmnpqrstuvwxyz23456789"; /* 31 of them; a byte beyond 31 × 8 is drawn again */
	for (int i = 0; i < 19; i++) {
		unsigned char c;
		do
			rand_bytes(&c, 1);
		while (c >= 31 * 8);
		out[i] = i % 5 == 4 ? '-' : LETTERS[c % 31];
	}
	out[19] = 0;
}

int acts_people(struct acts *a, json_t **ret_logins)
{
	struct principal admin = principal_local();
	char password[33];
	json_t *person, *logins = json_array();
	size_t i;
	int r = auth_first_admin(a->api->house, password);
	if (r == 1)
		json_array_append_new(logins, json_pack("{s:s, s:s, s:s}", "user", "admin", "password", password, "display_name", SAY("administrator", "管理者")));
	json_array_foreach(json_object_get(a->script, "people"), i, person)
	{
		char secret[20];
		make_password(secret);
		json_t *body = filled(a, person);
		json_object_set_new(body, "password", json_string(secret));
		char *text = json_dumps(body, JSON_COMPACT);
		json_t *made = call(a, person, &admin, STR("POST users"), str_c(text), "application/json");
		if (made)
			json_array_append_new(logins, json_pack("{s:O, s:s, s:O}", "user", json_object_get(body, "name"), "password", secret, "display_name", json_object_get(body, "display_name")));
		free(text);
		json_decref(made);
		json_decref(body);
	}
	*ret_logins = logins;
	return r < 0 ? r : 0;
}
