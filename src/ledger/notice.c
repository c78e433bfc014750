/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/notice.h"

#include <errno.h>

static const struct actor SYSTEM = {{"system", 6}, {"system", 6}};

bool receiver_parse(struct str to, struct str *ret_kind, struct str *ret_name)
{
	static const struct str KINDS[] = {{"user", 4}, {"role", 4}, {"oncall", 6}, {"queue", 5}};
	struct str rest = str_trim(to), kind;
	if (str_chr(rest, '(') == STR_NPOS) {
		*ret_kind = KINDS[0];
		*ret_name = rest;
		return rest.n > 0;
	}
	str_cut(&rest, '(', &kind);
	if (!str_ends(rest, STR(")")))
		return false;
	*ret_kind = kind;
	*ret_name = str_trim(str_sub(rest, 0, rest.n - 1));
	for (size_t i = 0; i < LEN(KINDS); i++)
		if (str_eq(kind, KINDS[i]))
			return ret_name->n > 0;
	return false;
}

struct with_role {
	struct str role;
	json_t *list;
};

static int take_user(void *arg, json_t *user)
{
	struct with_role *w = arg;
	if (doc_list_has(json_object_get(user, "roles"), w->role) && !json_is_true(json_object_get(user, "disabled")))
		doc_list_add(w->list, doc_str(user, "name"));
	return 0;
}

int people_with_role(struct desk *k, struct str role, json_t *list)
{
	struct with_role w = {role, list};
	return desk_list(k, NOUN_USER, "1=1 ORDER BY id", NULL, 0, take_user, &w);
}

/* The first of those on duty is called; nobody configured = everybody who has the team's first-line role. */
static int on_call(struct desk *k, const struct duty *duty, struct str team, json_t *list)
{
	size_t n = 0;
	const struct str *user = duty && duty->on_duty ? duty->on_duty(duty->arg, team, &n) : NULL;
	if (user && n) {
		doc_list_add(list, user[0]);
		return 0;
	}
	return people_with_role(k, str_eq(team, STR("csirt")) ? STR("handler") : str_eq(team, STR("soc")) ? STR("l1") : team, list);
}

static int resolve(struct desk *k, const struct duty *duty, struct str to, json_t *list)
{
	struct str kind, name;
	if (!receiver_parse(to, &kind, &name))
		return 0;
	if (str_eq(kind, STR("role")))
		return people_with_role(k, name, list);
	if (str_eq(kind, STR("oncall")))
		return on_call(k, duty, name, list);
	doc_list_add(list, str_eq(kind, STR("queue")) ? to : name);
	return 0;
}

static int post_one(struct desk *k, const struct notice *n, const char *who, struct str channel, bool found)
{
	json_t *o = json_object();
	bool here = str_eq(channel, STR("console"));
	json_object_set_new(o, "who", json_string(who));
	doc_set_str(o, "channel", channel);
	doc_set_text(o, "subject", n->subject_ja, n->subject_en);
	doc_set_text(o, "body", n->body_ja, n->body_en);
	json_object_set_new(o, "state", json_string(!found ? "failed" : here ? "sent" : n->drill ? "blocked" : "queued"));
	doc_set_int(o, "attempts", 0);
	if (!found)
		json_object_set_new(o, "last_error", json_string("nobody found for this receiver"));
	else if (n->drill && !here)
		json_object_set_new(o, "last_error", json_string("drill: nothing leaves the house"));
	json_object_set_new(o, "ref", json_pack("{s:s, s:o}", "noun", noun_name(n->about), "id", doc_string(n->about_id)));
	doc_set_time(o, "due_at", desk_now(k));
	doc_set_time(o, "ack_due_at", n->ack_due);
	json_object_set_new(o, "drill", json_boolean(n->drill));
	int r = desk_create(k, &SYSTEM, NOUN_NOTICE, o, NULL);
	json_decref(o);
	return r;
}

int notice_post(struct desk *k, const struct duty *duty, const struct notice *n, json_t *ret_who)
{
	json_t *list = json_array();
	char literal[200];
	int r = resolve(k, duty, n->to, list);
	bool found = json_array_size(list) > 0;
	if (!found) {
		snprintf(literal, sizeof(literal), "%.*s", STR_ARG(n->to));
		json_array_append_new(list, json_string(literal));
	}
	for (size_t i = 0; r >= 0 && i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));
		for (size_t c = 0; r >= 0 && c < n->n_by; c++)
			r = post_one(k, n, name, n->by[c], found);
		if (ret_who)
			doc_list_add(ret_who, str_c(name));
	}
	json_decref(list);
	return r;
}
