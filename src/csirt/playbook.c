/* SPDX-License-Identifier: Apache-2.0 */
#include "csirt/playbook.h"

#include "base/num.h"
#include "csirt/cacao.h"
#include "csirt/incident.h"
#include "sys/file.h"

#include <errno.h>
#include <string.h>

#define PLAYBOOK_MAX (4u << 20)

/* A member of any of the object's extensions: "name_ja" of step_extensions.{extension-definition--…}. */
static struct str extension(const json_t *o, const char *extensions, const char *name)
{
	const char *key;
	json_t *value;
	json_object_foreach(json_object_get(o, extensions), key, value)
	{
		if (doc_str(value, name).n)
			return doc_str(value, name);
	}
	return STR("");
}

static json_t *bilingual(const json_t *o, const char *extensions, const char *en, const char *ja)
{
	json_t *t = json_object();
	struct str e = doc_str(o, en), j = extension(o, extensions, ja);
	doc_set_str(t, "ja", j.n ? j : e);
	doc_set_str(t, "en", e.n ? e : j);
	return t;
}

static json_t *step_json(const json_t *step, struct str id)
{
	json_t *o = json_object();
	struct str phase = extension(step, "step_extensions", "phase");
	doc_set_str(o, "step_id", id);
	json_object_set_new(o, "title", bilingual(step, "step_extensions", "name", "name_ja"));
	json_object_set_new(o, "description", bilingual(step, "step_extensions", "description", "description_ja"));
	doc_set_str(o, "phase", phase.n ? phase : str_c(phase_name(PHASE_DETECTION)));
	doc_set_str(o, "owner_role", extension(step, "step_extensions", "owner_role"));
	doc_set_str(o, "due_within", extension(step, "step_extensions", "due_within"));
	return o;
}

/* What our extension adds. */
static void check_task(const json_t *step, const char *id, struct str text, struct diag *d)
{
	struct str phase = extension(step, "step_extensions", "phase"), within = extension(step, "step_extensions", "due_within");
	struct diag_at at = cacao_place(text, str_c(id));
	int64_t ns;
	bool known = !phase.n;
	for (int i = 0; i < PHASE_COUNT; i++)
		known = known || str_eq(phase, str_c(phase_name((enum incident_phase)i)));
	if (!doc_str(step, "name").n)
		diag_error(d, at, "playbook.no_name", "%s has no name", id);
	if (!known)
		diag_error(d, at, "playbook.bad_phase", "%s: there is no phase \"%.*s\"", id, STR_ARG(phase));
	if (within.n && !num_duration(within, &ns))
		diag_error(d, at, "playbook.bad_duration", "%s: \"%.*s\" is no duration; write 4h", id, STR_ARG(within));
}

static json_t *steps_of(const json_t *p, struct str text, struct diag *d)
{
	const char *id[CACAO_STEPS_MAX];
	json_t *steps = json_array();
	size_t n = cacao_order(p, id);
	for (size_t i = 0; i < n; i++) {
		const json_t *step = json_object_get(json_object_get(p, "workflow"), id[i]);
		if (!doc_is(step, "type", "action"))
			continue;
		check_task(step, id[i], text, d);
		json_array_append_new(steps, step_json(step, str_c(id[i])));
	}
	if (!json_array_size(steps))
		diag_error(d, cacao_place(text, STR("workflow")), "playbook.no_steps", "no action step can be reached from workflow_start");
	return steps;
}

static json_t *playbook_json(const json_t *p, struct str text, struct diag *d)
{
	json_t *o = json_object();
	doc_copy(o, p, "id");
	json_object_set_new(o, "name", bilingual(p, "playbook_extensions", "name", "name_ja"));
	json_object_set_new(o, "description", bilingual(p, "playbook_extensions", "description", "description_ja"));
	doc_copy(o, p, "playbook_types");
	json_object_set_new(o, "steps", steps_of(p, text, d));
	return o;
}

int playbook_parse(struct str text, struct str file, struct diag *d, json_t **ret)
{
	json_error_t e;
	size_t before = d->errors;
	json_t *p = json_loadb(text.p ? text.p : "", text.n, JSON_REJECT_DUPLICATES, &e), *o = NULL;
	diag_file(d, file);
	if (!p)
		diag_error(d, (struct diag_at){(unsigned)(e.line > 0 ? e.line : 0), (unsigned)(e.column > 0 ? e.column : 0)}, "playbook.no_json", "%s", e.text);
	else if (cacao_check(p, text, d) == 0)
		o = playbook_json(p, text, d);
	json_decref(p);
	diag_file(d, STR(""));
	if (d->errors > before)
		return json_decref(o), -EINVAL;
	*ret = o;
	return 0;
}

struct loading {
	struct diag *d;
	json_t *list;
};

static int load_one(void *arg, const char *path, int err)
{
	struct loading *l = arg;
	struct buf text = BUF_INIT(PLAYBOOK_MAX);
	json_t *p;
	if (err || !str_ends(str_c(path), STR(".json")))
		return 0;
	err = file_read(path, &text);
	if (err < 0) {
		diag_file(l->d, str_c(path));
		diag_error(l->d, (struct diag_at){0}, "playbook.unreadable", "the playbook cannot be read (error %d)", -err);
		diag_file(l->d, STR(""));
	} else if (playbook_parse(buf_str(&text), str_c(path), l->d, &p) == 0) {
		json_array_append_new(l->list, p);
	}
	buf_done(&text);
	return 0;
}

int playbooks_load(const char *dir, struct diag *d, json_t **ret)
{
	struct loading l = {d, json_array()};
	if (file_is_dir(dir))
		file_walk(dir, load_one, &l);
	*ret = l.list;
	return 0;
}

static int count(void *arg, json_t *doc)
{
	(void)doc;
	++*(int64_t *)arg;
	return 0;
}

static int lay_out_step(struct desk *k, const struct actor *who, const json_t *step, struct str playbook_id, struct str incident_id, int64_t order, struct diag *d, json_t *tasks)
{
	json_t *t = json_object(), *made;
	int64_t within = 0;
	static const char *const MEMBERS[] = {"title", "description", "phase", "owner_role", "step_id"};
	for (size_t i = 0; i < LEN(MEMBERS); i++)
		doc_copy(t, step, MEMBERS[i]);
	doc_set_str(t, "playbook_id", playbook_id);
	doc_set_int(t, "order", order);
	if (num_duration(doc_str(step, "due_within"), &within))
		doc_set_time(t, "due_at", desk_now(k) + within);
	int r = task_add(k, who, incident_id, t, d, &made);
	if (r == 0)
		json_array_append_new(tasks, made);
	json_decref(t);
	return r;
}

int playbook_lay_out(struct desk *k, const struct actor *who, const json_t *playbook, struct str incident_id, struct diag *d, json_t **ret)
{
	json_t *tasks = json_array(), *incident, *patch;
	struct str id = doc_str(playbook, "id");
	struct desk_param p = {.s = incident_id};
	int64_t have = 0;
	int r = incident_get_open(k, incident_id, d, &incident);
	if (r < 0)
		return json_decref(tasks), r;
	json_t *ids = json_deep_copy(json_object_get(incident, "playbook_ids"));
	ids = ids ? ids : json_array();
	if (!doc_list_add(ids, id))
		r = doc_refuse(d, "playbook_id", "laid_out", -EEXIST, "the playbook's tasks are in this incident already");
	json_decref(incident);
	patch = json_pack("{s:o}", "playbook_ids", ids);
	if (r == 0)
		r = desk_list(k, NOUN_TASK, "incident_id = $1", &p, 1, count, &have);
	const json_t *steps = json_object_get(playbook, "steps");
	for (size_t i = 0; r >= 0 && i < json_array_size(steps); i++)
		r = lay_out_step(k, who, json_array_get(steps, i), id, incident_id, have + (int64_t)i + 1, d, tasks);
	if (r >= 0)
		r = desk_change(k, who, NOUN_INCIDENT, incident_id, 0, "playbook", patch, NULL);
	json_decref(patch);
	if (r >= 0) {
		struct buf ja = BUF_INIT(10000), en = BUF_INIT(10000);
		buf_addf(&ja, "プレイブック適用: %.*s", STR_ARG(doc_text(json_object_get(playbook, "name"), true)));
		buf_addf(&en, "Playbook laid out: %.*s", STR_ARG(doc_text(json_object_get(playbook, "name"), false)));
		r = timeline_say(k, who, incident_id, "playbook", buf_str(&ja), buf_str(&en), NULL, STR(""));
		buf_done(&ja);
		buf_done(&en);
	}
	if (r < 0)
		return json_decref(tasks), r;
	*ret = json_pack("{s:o, s:o, s:o}", "incident_id", doc_string(incident_id), "playbook_id", doc_string(id), "tasks", tasks);
	return 0;
}
