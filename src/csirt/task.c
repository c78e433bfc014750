/* SPDX-License-Identifier: Apache-2.0 */
#include "csirt/incident.h"

#include <errno.h>

static const char *const STATUSES[] = {"open", "in_progress", "done", "skipped"};

static void as_text(json_t *o, const char *name)
{
	json_t *v = json_object_get(o, name);
	if (json_is_string(v))
		json_object_set_new(o, name, json_pack("{s:O, s:O}", "ja", v, "en", v));
}

int task_add(struct desk *k, const struct actor *who, struct str incident_id, const json_t *task, struct diag *d, json_t **ret)
{
	static const char *const MEMBERS[] = {"title", "description", "phase", "owner", "owner_role", "due_at", "order", "playbook_id", "step_id", NULL};
	json_t *incident, *o;
	struct str title = doc_text(json_object_get(task, "title"), true);
	int r = doc_only(task, MEMBERS, d);
	if (r == 0 && !str_trim(title).n)
		r = doc_refuse(d, "title", "missing_member", -EINVAL, "\"title\" is required");
	if (r == 0 && doc_str(task, "due_at").n && doc_time(task, "due_at") == TS_NONE)
		r = doc_refuse(d, "due_at", "bad_value", -EINVAL, "\"due_at\" is no time; write 2026-11-22T01:02:03Z");
	if (r == 0)
		r = incident_get_open(k, incident_id, d, &incident);
	if (r < 0)
		return r;
	o = json_object();
	for (size_t i = 0; MEMBERS[i]; i++)
		doc_copy(o, task, MEMBERS[i]);
	as_text(o, "title");
	as_text(o, "description");
	if (!doc_str(o, "phase").n)
		doc_copy(o, incident, "phase");
	if (doc_time(o, "due_at") != TS_NONE)
		doc_set_time(o, "due_at", doc_time(o, "due_at"));
	doc_set_str(o, "incident_id", incident_id);
	json_object_set_new(o, "status", json_string("open"));
	doc_copy(o, incident, "drill");
	r = desk_create(k, who, NOUN_TASK, o, ret);
	json_decref(o);
	json_decref(incident);
	return r;
}

static int tell(struct desk *k, const struct actor *who, const json_t *task)
{
	struct buf ja = BUF_INIT(1u << 21), en = BUF_INIT(1u << 21);
	bool done = doc_is(task, "status", "done");
	const json_t *title = json_object_get(task, "title");
	struct str result = doc_str(task, "result");
	buf_addf(&ja, "%s: %.*s%s%.*s", done ? "作業完了" : "作業見送り", STR_ARG(doc_text(title, true)), result.n ? " — " : "", STR_ARG(result));
	buf_addf(&en, "%s: %.*s%s%.*s", done ? "Task done" : "Task skipped", STR_ARG(doc_text(title, false)), result.n ? " — " : "", STR_ARG(result));
	int r = timeline_say(k, who, doc_str(task, "incident_id"), "task", buf_str(&ja), buf_str(&en), "task", doc_str(task, "id"));
	buf_done(&ja);
	buf_done(&en);
	return r;
}

int task_change(struct desk *k, const struct actor *who, struct str id, uint64_t if_version, const json_t *patch, struct diag *d, json_t **ret)
{
	static const char *const MEMBERS[] = {"status", "owner", "result", "due_at", NULL};
	json_t *task, *incident = NULL, *out;
	size_t status = 0;
	bool moves = json_object_get(patch, "status") != NULL;
	int r = desk_get(k, NOUN_TASK, id, &task);
	if (r < 0)
		return r;
	if (if_version && (int64_t)if_version != doc_int(task, "version"))
		r = -ESTALE;
	if (r == 0)
		r = doc_only(patch, MEMBERS, d);
	if (r == 0 && moves)
		r = doc_need_word(patch, "status", STATUSES, LEN(STATUSES), d, &status);
	if (r == 0 && status == 3 && !str_trim(doc_str(patch, "result")).n && !str_trim(doc_str(task, "result")).n)
		r = doc_refuse(d, "result", "missing_member", -EINVAL, "a skipped task needs a \"result\": why?");
	if (r == 0)
		r = incident_get_open(k, doc_str(task, "incident_id"), d, &incident);
	if (r == 0) {
		out = json_object();
		for (size_t i = 0; MEMBERS[i]; i++)
			doc_copy(out, patch, MEMBERS[i]);
		if (moves && status && !doc_str(task, "owner").n && !json_object_get(patch, "owner"))
			doc_set_str(out, "owner", who->user);
		bool ended = moves && status >= 2 && !doc_is(task, "status", STATUSES[status]);
		if (ended)
			doc_set_time(out, "done_at", desk_now(k));
		r = desk_change(k, who, NOUN_TASK, id, if_version, !moves ? "change" : STATUSES[status], out, ret);
		if (r == 0 && ended)
			r = tell(k, who, *ret);
		json_decref(out);
	}
	json_decref(incident);
	json_decref(task);
	return r;
}
