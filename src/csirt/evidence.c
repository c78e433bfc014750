/* SPDX-License-Identifier: Apache-2.0 */
#include "csirt/evidence.h"

#include "csirt/incident.h"
#include "ledger/vault.h"

#include <errno.h>

#define SHELF "evidence"

int evidence_add(struct desk *k, const struct actor *who, const char *dir, struct str incident_id, const json_t *item, struct str content, struct diag *d, json_t **ret)
{
	char sha[VAULT_HASH];
	json_t *incident, *o, *made = NULL;
	int r = doc_need_text(item, "name", d);
	if (r == 0 && doc_str(item, "name").n > 1000)
		r = doc_refuse(d, "name", "too_long", -EINVAL, "the name is longer than 1,000 bytes");
	if (r == 0 && content.n > EVIDENCE_MAX)
		r = doc_refuse(d, "content", "too_large", -E2BIG, "an item of evidence has at most %u MiB", EVIDENCE_MAX >> 20);
	if (r == 0)
		r = incident_get_open(k, incident_id, d, &incident);
	if (r < 0)
		return r;
	r = vault_put(dir, SHELF, content, sha);
	o = json_object();
	doc_copy(o, item, "name");
	doc_copy(o, item, "source");
	doc_set_str(o, "media_type", doc_str(item, "media_type").n ? doc_str(item, "media_type") : STR("application/octet-stream"));
	doc_set_str(o, "incident_id", incident_id);
	json_object_set_new(o, "sha256", json_string(sha));
	doc_set_int(o, "size", (int64_t)content.n);
	doc_set_str(o, "collected_by", who->user);
	doc_set_time(o, "collected_at", desk_now(k));
	doc_set_str(o, "custodian", who->user);
	json_object_set_new(o, "hold", json_false());
	doc_copy(o, incident, "drill");
	json_object_set_new(o, "custody", json_array());
	if (r == 0)
		r = desk_create(k, who, NOUN_EVIDENCE, o, &made);
	if (r == 0) {
		struct buf ja = BUF_INIT(10000), en = BUF_INIT(10000);
		buf_addf(&ja, "証拠を保全: %.*s (SHA-256 %s)", STR_ARG(doc_str(o, "name")), sha);
		buf_addf(&en, "Evidence preserved: %.*s (SHA-256 %s)", STR_ARG(doc_str(o, "name")), sha);
		r = timeline_say(k, who, incident_id, "evidence", buf_str(&ja), buf_str(&en), "evidence", doc_str(made, "id"));
		buf_done(&ja);
		buf_done(&en);
	}
	json_decref(o);
	json_decref(incident);
	if (r < 0) {
		json_decref(made);
		return r;
	}
	*ret = made;
	return 0;
}

int evidence_read(const char *dir, const json_t *evidence, struct buf *out)
{
	return vault_get(dir, SHELF, doc_str(evidence, "sha256"), out);
}

int evidence_note_read(struct desk *k, const struct actor *who, struct str id)
{
	return desk_note(k, who, "evidence_access", id, "read", NULL);
}

/* The list that the object shows, made from the transfers. */
static int show_custody(struct desk *k, const struct actor *who, struct str evidence_id, const char *verb, struct str custodian, json_t *transfer)
{
	json_t *e, *patch = json_object(), *list;
	int r = desk_get(k, NOUN_EVIDENCE, evidence_id, &e);
	if (r < 0)
		return json_decref(patch), r;
	list = json_deep_copy(json_object_get(e, "custody"));
	for (size_t i = 0; i < json_array_size(list); i++)
		if (str_eq(doc_str(json_array_get(list, i), "id"), doc_str(transfer, "id")))
			json_array_remove(list, i--);
	json_t *shown = json_object();
	static const char *const MEMBERS[] = {"id", "from", "to", "reason", "at", "accepted_at"};
	for (size_t i = 0; i < LEN(MEMBERS); i++)
		doc_copy(shown, transfer, MEMBERS[i]);
	json_array_append_new(list, shown);
	json_object_set_new(patch, "custody", list);
	if (custodian.n)
		doc_set_str(patch, "custodian", custodian);
	r = desk_change(k, who, NOUN_EVIDENCE, evidence_id, 0, verb, patch, NULL);
	json_decref(patch);
	json_decref(e);
	return r;
}

int custody_transfer(struct desk *k, const struct actor *who, struct str evidence_id, const json_t *body, struct diag *d, json_t **ret)
{
	static const char *const MEMBERS[] = {"to", "reason", NULL};
	json_t *e, *o;
	int r = doc_only(body, MEMBERS, d);
	int to = doc_need_text(body, "to", d), reason = doc_need_text(body, "reason", d);
	r = r < 0 ? r : to < 0 ? to : reason;
	if (r == 0)
		r = desk_get(k, NOUN_EVIDENCE, evidence_id, &e);
	if (r < 0)
		return r;
	o = json_object();
	doc_set_str(o, "evidence_id", evidence_id);
	doc_copy(o, body, "to");
	doc_copy(o, body, "reason");
	doc_set_str(o, "from", doc_str(e, "custodian"));
	doc_set_time(o, "at", desk_now(k));
	json_object_set_new(o, "accepted_at", json_null());
	json_object_set_new(o, "status", json_string("offered"));
	r = desk_create(k, who, NOUN_CUSTODY, o, ret);
	if (r == 0)
		r = show_custody(k, who, evidence_id, "transfer", STR(""), *ret);
	json_decref(o);
	json_decref(e);
	return r;
}

int custody_accept(struct desk *k, const struct actor *who, struct str custody_id, struct diag *d, json_t **ret)
{
	json_t *o, *patch, *e = NULL;
	int r = desk_get(k, NOUN_CUSTODY, custody_id, &o);
	if (r < 0)
		return r;
	r = desk_get(k, NOUN_EVIDENCE, doc_str(o, "evidence_id"), &e);
	if (r == 0 && !doc_is(o, "status", "offered"))
		r = doc_refuse(d, "status", "bad_state", -EBUSY, "the transfer was accepted already");
	else if (r == 0 && !str_eq(doc_str(e, "custodian"), doc_str(o, "from")))
		r = doc_refuse(d, "from", "overtaken", -EBUSY, "the evidence is with %.*s now, not with %.*s any more", STR_ARG(doc_str(e, "custodian")), STR_ARG(doc_str(o, "from")));
	else if (r == 0 && !str_eq(doc_str(o, "to"), who->user))
		r = doc_refuse(d, "to", "other_receiver", -EPERM, "the transfer is for %.*s, who alone can accept it", STR_ARG(doc_str(o, "to")));
	patch = json_object();
	doc_set_time(patch, "accepted_at", desk_now(k));
	json_object_set_new(patch, "status", json_string("accepted"));
	if (r == 0)
		r = desk_change(k, who, NOUN_CUSTODY, custody_id, 0, "accept", patch, ret);
	if (r == 0)
		r = show_custody(k, who, doc_str(o, "evidence_id"), "custody", who->user, *ret);
	json_decref(patch);
	json_decref(e);
	json_decref(o);
	return r;
}

int evidence_hold(struct desk *k, const struct actor *who, struct str id, const json_t *body, struct diag *d, json_t **ret)
{
	json_t *patch;
	const json_t *hold = json_object_get(body, "hold");
	if (hold && !json_is_boolean(hold))
		return doc_refuse(d, "hold", "bad_type", -EINVAL, "\"hold\" must be true or false");
	int r = doc_need_text(body, "reason", d);
	if (r < 0)
		return r;
	patch = json_object();
	json_object_set_new(patch, "hold", json_boolean(!json_is_false(hold)));
	doc_copy(patch, body, "reason");
	json_object_set(patch, "hold_reason", json_object_get(patch, "reason"));
	json_object_del(patch, "reason");
	r = desk_change(k, who, NOUN_EVIDENCE, id, 0, json_is_false(hold) ? "release" : "hold", patch, ret);
	json_decref(patch);
	return r;
}

struct check {
	const char *dir;
	struct diag *d;
};

static int check_one(void *arg, json_t *e)
{
	struct check *c = arg;
	struct buf content = BUF_INIT(EVIDENCE_MAX);
	char path[4300] = "evidence";
	int r = evidence_read(c->dir, e, &content);
	vault_path(path, sizeof(path), c->dir, SHELF, doc_str(e, "sha256"));
	if (r < 0) {
		diag_file(c->d, str_c(path));
		diag_error(c->d, (struct diag_at){0}, r == -ENOENT ? "evidence.missing" : "evidence.changed", "evidence %.*s (%.*s): %s", STR_ARG(doc_str(e, "id")), STR_ARG(doc_str(e, "name")),
			vault_fault(r));
		diag_file(c->d, STR(""));
	}
	buf_done(&content);
	return 0;
}

int evidence_verify(struct desk *k, const char *dir, struct diag *d)
{
	struct check c = {dir, d};
	size_t before = d->errors;
	int r = desk_list(k, NOUN_EVIDENCE, "", NULL, 0, check_one, &c);
	return d->errors > before ? -EBADMSG : r;
}
