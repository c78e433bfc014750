/* SPDX-License-Identifier: Apache-2.0 */
#include "api/routes.h"
#include "csirt/evidence.h"
#include "csirt/incident.h"
#include "csirt/playbook.h"

#include <errno.h>
#include <openssl/evp.h>

/* Incidents and everything that hangs on them. */

int get_incidents(struct api_ctx *c)
{
	struct str v = api_param(c, "status");
	struct desk_param p = {.s = v};
	return api_answer_nouns(c, NOUN_INCIDENT, v.n ? "status = $1" : "", &p, v.n ? 1 : 0);
}

int get_incident(struct api_ctx *c)
{
	return api_answer_noun(c, NOUN_INCIDENT, c->param[0]);
}

static int change_incident(struct desk *k, struct api_ctx *c, json_t **ret)
{
	uint64_t version;
	int r = api_version(c, &version);
	return r < 0 ? r : incident_change(k, &c->actor, c->param[0], version, c->body, &c->diag, ret);
}

int patch_incident(struct api_ctx *c)
{
	return api_change(c, 200, change_incident);
}

/* What belongs to the incident of the path, in the given order. -ENOENT when there is no such incident. */
static int answer_of_incident(struct api_ctx *c, enum noun noun, const char *where)
{
	struct desk_param p = {.s = c->param[0]};
	json_t *incident, *items;
	int r = desk_get(c->desk, NOUN_INCIDENT, c->param[0], &incident);
	if (r < 0)
		return r;
	json_decref(incident);
	r = desk_collect(c->desk, noun, where, &p, 1, &items);
	return r < 0 ? r : api_answer_slice(c, items, "id");
}

int get_timeline(struct api_ctx *c)
{
	return answer_of_incident(c, NOUN_TIMELINE, "incident_id = $1 ORDER BY time, id");
}

static int add_timeline(struct desk *k, struct api_ctx *c, json_t **ret)
{
	json_t *incident;
	tstamp time = doc_time(c->body, "time");
	if (doc_str(c->body, "time").n && time == TS_NONE)
		return doc_refuse(&c->diag, "time", "bad_value", -EINVAL, "\"time\" is no time; write 2026-11-22T01:02:03Z");
	if (!str_trim(doc_text(json_object_get(c->body, "text"), true)).n)
		return doc_refuse(&c->diag, "text", "missing_member", -EINVAL, "\"text\" is required");
	int r = incident_get_open(k, c->param[0], &c->diag, &incident);
	if (r < 0)
		return r;
	json_decref(incident);
	return timeline_add(k, &c->actor, c->param[0], "note", time, json_object_get(c->body, "text"), NULL, STR(""), ret);
}

int post_timeline(struct api_ctx *c)
{
	return api_change(c, 201, add_timeline);
}

/* ---- tasks and playbooks -------------------------------------------------------------------------------------------------------------------------- */

int get_tasks(struct api_ctx *c)
{
	return answer_of_incident(c, NOUN_TASK, "incident_id = $1 ORDER BY id");
}

int get_task(struct api_ctx *c)
{
	return api_answer_noun(c, NOUN_TASK, c->param[0]);
}

static const json_t *find_playbook(struct api_ctx *c, struct str id)
{
	const json_t *list = house_playbooks(c->api->house);
	for (size_t i = 0; i < json_array_size(list); i++)
		if (str_eq(doc_str(json_array_get(list, i), "id"), id))
			return json_array_get(list, i);
	return NULL;
}

static int add_task(struct desk *k, struct api_ctx *c, json_t **ret)
{
	struct str playbook_id = doc_str(c->body, "playbook_id");
	if (!playbook_id.n)
		return task_add(k, &c->actor, c->param[0], c->body, &c->diag, ret);
	const json_t *playbook = find_playbook(c, playbook_id);
	if (!playbook)
		return doc_refuse(&c->diag, "playbook_id", "unknown_playbook", -EINVAL, "there is no playbook \"%.*s\"", STR_ARG(playbook_id));
	return playbook_lay_out(k, &c->actor, playbook, c->param[0], &c->diag, ret);
}

int post_task(struct api_ctx *c)
{
	return api_change(c, 201, add_task);
}

static int change_task(struct desk *k, struct api_ctx *c, json_t **ret)
{
	uint64_t version;
	int r = api_version(c, &version);
	return r < 0 ? r : task_change(k, &c->actor, c->param[0], version, c->body, &c->diag, ret);
}

int patch_task(struct api_ctx *c)
{
	return api_change(c, 200, change_task);
}

int get_playbooks(struct api_ctx *c)
{
	return api_answer_slice(c, json_deep_copy(house_playbooks(c->api->house)), "id");
}

/* ---- decisions -------------------------------------------------------------------------------------------------------------------------------------- */

int get_decisions(struct api_ctx *c)
{
	return answer_of_incident(c, NOUN_DECISION, "incident_id = $1 ORDER BY id");
}

int get_decision(struct api_ctx *c)
{
	return api_answer_noun(c, NOUN_DECISION, c->param[0]);
}

static int add_decision(struct desk *k, struct api_ctx *c, json_t **ret)
{
	return decision_add(k, &c->actor, c->param[0], c->body, &c->diag, ret);
}

int post_decision(struct api_ctx *c)
{
	return api_change(c, 201, add_decision);
}

static int approve(struct desk *k, struct api_ctx *c, json_t **ret)
{
	return decision_decide(k, &c->actor, c->param[0], true, doc_str(c->body, "reason"), &c->diag, ret);
}

int post_decision_approve(struct api_ctx *c)
{
	return api_change(c, 200, approve);
}

static int deny(struct desk *k, struct api_ctx *c, json_t **ret)
{
	return decision_decide(k, &c->actor, c->param[0], false, doc_str(c->body, "reason"), &c->diag, ret);
}

int post_decision_deny(struct api_ctx *c)
{
	return api_change(c, 200, deny);
}

/* ---- evidence ------------------------------------------------------------------------------------------------------------------------------------------ */

int get_incident_evidence(struct api_ctx *c)
{
	return answer_of_incident(c, NOUN_EVIDENCE, "incident_id = $1 ORDER BY id");
}

int get_evidence(struct api_ctx *c)
{
	return api_answer_noun(c, NOUN_EVIDENCE, c->param[0]);
}

static int add_evidence(struct desk *k, struct api_ctx *c, json_t **ret)
{
	static const char *const MEMBERS[] = {"name", "content_base64", "source", "media_type", NULL};
	struct buf decoded = BUF_INIT(EVIDENCE_MAX);
	struct str content = c->req->body;
	json_t *item = json_object();
	int r = 0;
	if (str_istarts(c->req->content_type, STR("application/json"))) {
		json_error_t e;
		c->body = json_loadb(c->req->body.p ? c->req->body.p : "", c->req->body.n, 0, &e);
		r = c->body ? doc_only(c->body, MEMBERS, &c->diag) : doc_refuse(&c->diag, "", "bad_json", -EINVAL, "the body is not JSON: %s", e.text);
		if (r == 0)
			r = doc_need_text(c->body, "content_base64", &c->diag);
		if (r == 0 && !api_base64(doc_str(c->body, "content_base64"), &decoded))
			r = doc_refuse(&c->diag, "content_base64", "bad_value", -EINVAL, "\"content_base64\" is no base64");
		content = buf_str(&decoded);
		doc_copy(item, c->body, "name");
		doc_copy(item, c->body, "source");
		doc_copy(item, c->body, "media_type");
	} else {
		doc_set_str(item, "name", api_param(c, "name"));
		if (api_param(c, "source").n)
			doc_set_str(item, "source", api_param(c, "source"));
		if (c->req->content_type.n)
			doc_set_str(item, "media_type", c->req->content_type);
	}
	if (r == 0)
		r = evidence_add(k, &c->actor, house_dir(c->api->house), c->param[0], item, content, &c->diag, ret);
	json_decref(item);
	buf_done(&decoded);
	return r;
}

int post_evidence(struct api_ctx *c)
{
	return api_change(c, 201, add_evidence);
}

static int note(struct desk *k, void *arg)
{
	const struct api_ctx *c = arg;
	return evidence_note_read(k, &c->actor, c->param[0]);
}

/* Who read what is written down before he gets it. */
int get_evidence_content(struct api_ctx *c)
{
	json_t *e;
	int r = desk_get(c->desk, NOUN_EVIDENCE, c->param[0], &e);
	if (r < 0)
		return r;
	if ((r = house_desk(c->api->house, note, c)) == 0)
		r = evidence_read(house_dir(c->api->house), e, &c->resp->body);
	if (r == 0) {
		c->resp->status = 200;
		c->resp->content_type = "application/octet-stream";
		snprintf(c->resp->disposition, sizeof(c->resp->disposition), "attachment; filename=\"evidence-%lld\"", (long long)doc_int(e, "number"));
	} else {
		buf_reset(&c->resp->body);
	}
	json_decref(e);
	return r;
}

static int transfer(struct desk *k, struct api_ctx *c, json_t **ret)
{
	return custody_transfer(k, &c->actor, c->param[0], c->body, &c->diag, ret);
}

int post_custody(struct api_ctx *c)
{
	return api_change(c, 201, transfer);
}

static int receive(struct desk *k, struct api_ctx *c, json_t **ret)
{
	return custody_accept(k, &c->actor, c->param[0], &c->diag, ret);
}

int post_custody_accept(struct api_ctx *c)
{
	return api_change(c, 200, receive);
}

static int hold(struct desk *k, struct api_ctx *c, json_t **ret)
{
	return evidence_hold(k, &c->actor, c->param[0], c->body, &c->diag, ret);
}

int post_evidence_hold(struct api_ctx *c)
{
	return api_change(c, 200, hold);
}
