/* SPDX-License-Identifier: Apache-2.0 */
#include "csirt/cacao.h"

#include <errno.h>
#include <string.h>

static const struct step_type {
	const char *type, *need[2], *section;
} STEPS[] = {
#define STEP(type, a, b, section) {type, {a, b}, section},
#include "csirt/cacao_steps.def"
#undef STEP
};

/* Single members that name a step, in the order in which a reader follows them: branches first, what comes after them last. */
static const char *const POINTERS[] = {"on_true", "on_false", "on_success", "on_failure", "on_completion"};

struct diag_at cacao_place(struct str text, struct str name)
{
	unsigned line = 1;
	size_t start = 0;
	for (size_t i = 0; i + name.n + 2 <= text.n; i++) {
		if (text.p[i] == '\n') {
			line++;
			start = i + 1;
		}
		if (text.p[i] != '"' || text.p[i + name.n + 1] != '"' || memcmp(text.p + i + 1, name.p, name.n) != 0)
			continue;
		struct str after = str_trim(str_sub(text, i + name.n + 2, i + name.n + 12));
		if (after.n && after.p[0] == ':')
			return (struct diag_at){line, (unsigned)(i - start) + 1};
	}
	return (struct diag_at){0, 0};
}

/* "type--UUID"; section 10.10. */
static bool is_identifier(struct str id, const char *type)
{
	struct str rest = id;
	if (!str_take(&rest, str_c(type)) || !str_take(&rest, STR("--")) || rest.n != 36)
		return false;
	for (size_t i = 0; i < rest.n; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? rest.p[i] != '-' : ch_hex((unsigned char)rest.p[i]) < 0)
			return false;
	}
	return true;
}

/* Where a step can lead, in reading order; the caller's. */
static json_t *next_of(const json_t *step)
{
	json_t *list = json_array(), *cases = json_object_get(step, "cases"), *value;
	const char *key;
	json_array_extend(list, json_object_get(step, "next_steps"));
	json_object_foreach(cases, key, value)
	{
		json_array_append(list, value);
	}
	for (size_t i = 0; i < LEN(POINTERS); i++)
		if (json_object_get(step, POINTERS[i]))
			json_array_append(list, json_object_get(step, POINTERS[i]));
	return list;
}

/* ---- order -------------------------------------------------------------------------------------------------------------------------------------- */

struct order {
	const json_t *workflow;
	json_t *seen;
	const char **id; /* filled from the end: [at, CACAO_STEPS_MAX) */
	size_t at;
};

/* A step is written when all that follow it are: read from the front, each stands before what follows it. */
static void follow(struct order *o, const char *id)
{
	const json_t *step = id ? json_object_get(o->workflow, id) : NULL;
	if (!json_is_object(step) || json_object_get(o->seen, id) || json_object_size(o->seen) >= CACAO_STEPS_MAX)
		return;
	json_object_set_new(o->seen, id, json_true());
	json_t *next = next_of(step);
	for (size_t i = json_array_size(next); i-- > 0;)
		follow(o, json_string_value(json_array_get(next, i)));
	json_decref(next);
	o->id[--o->at] = id;
}

size_t cacao_order(const json_t *p, const char *ret_id[CACAO_STEPS_MAX])
{
	struct order o = {json_object_get(p, "workflow"), json_object(), ret_id, CACAO_STEPS_MAX};
	follow(&o, json_string_value(json_object_get(p, "workflow_start")));
	memmove(ret_id, ret_id + o.at, (CACAO_STEPS_MAX - o.at) * sizeof(*ret_id));
	json_decref(o.seen);
	return CACAO_STEPS_MAX - o.at;
}

/* ---- rules -------------------------------------------------------------------------------------------------------------------------------------- */

struct checking {
	const json_t *p, *workflow;
	struct str text;
	struct diag *d;
};

/* Section 3.1. */
static void check_members(const struct checking *c)
{
	static const char *const NEED[] = {"id", "name", "created_by", "created", "modified", "workflow_start"};
	struct diag_at top = {1, 1};
	if (!doc_is(c->p, "type", "playbook"))
		diag_error(c->d, top, "playbook.no_playbook", "its \"type\" is not \"playbook\" (CACAO 2.0)");
	if (!doc_is(c->p, "spec_version", "cacao-2.0")) {
		diag_error(c->d, cacao_place(c->text, STR("spec_version")), "playbook.spec_version", "its \"spec_version\" is not \"cacao-2.0\"");
		diag_hint(c->d, "playbooks of CACAO 1.0 and 1.1 have another form and are not read");
	}
	for (size_t i = 0; i < LEN(NEED); i++)
		if (!doc_str(c->p, NEED[i]).n)
			diag_error(c->d, top, "playbook.missing_member", "\"%s\" is required", NEED[i]);
	if (doc_str(c->p, "id").n && !is_identifier(doc_str(c->p, "id"), "playbook"))
		diag_error(c->d, cacao_place(c->text, STR("id")), "playbook.bad_id", "its \"id\" is not playbook--UUID");
	if (!c->workflow)
		diag_error(c->d, top, "playbook.missing_member", "\"workflow\" must be an object of steps");
	if (c->workflow && doc_str(c->p, "workflow_start").n && !doc_is(json_object_get(c->workflow, json_string_value(json_object_get(c->p, "workflow_start"))), "type", "start"))
		diag_error(c->d, cacao_place(c->text, STR("workflow_start")), "playbook.no_start", "\"workflow_start\" names no start step of the workflow");
}

static bool is_filled(const json_t *value)
{
	return json_is_array(value) ? json_array_size(value) > 0 : json_is_object(value) ? json_object_size(value) > 0 : json_is_string(value) && json_string_length(value) > 0;
}

static void check_needs(const struct checking *c, const struct step_type *t, const char *id, const json_t *step, struct diag_at at)
{
	for (size_t i = 0; i < LEN(t->need); i++)
		if (*t->need[i] && !is_filled(json_object_get(step, t->need[i])))
			diag_error(c->d, at, "playbook.missing_member", "%s: \"%s\" is required in a step of type \"%s\" (CACAO 2.0 section %s)", id, t->need[i], t->type, t->section);
	if (str_eq(str_c(t->type), STR("parallel")) && json_array_size(json_object_get(step, "next_steps")) == 1)
		diag_error(c->d, at, "playbook.one_branch", "%s: a parallel step needs two branches or more", id);
	if (doc_str(step, "agent").n && !json_object_get(json_object_get(c->p, "agent_definitions"), json_string_value(json_object_get(step, "agent"))))
		diag_error(c->d, at, "playbook.no_agent", "%s: its agent is not in \"agent_definitions\"", id);
}

/* Section 4.1: on_completion excludes the other two, an end leads nowhere, everything else somewhere that exists. */
static void check_pointers(const struct checking *c, const char *id, const json_t *step, struct diag_at at)
{
	bool completion = json_object_get(step, "on_completion"), success = json_object_get(step, "on_success"), failure = json_object_get(step, "on_failure");
	if (doc_is(step, "type", "end")) {
		if (completion || success || failure)
			diag_error(c->d, at, "playbook.after_end", "%s: nothing comes after an end step", id);
		return;
	}
	if (completion && (success || failure))
		diag_error(c->d, at, "playbook.both_ways", "%s: \"on_completion\" excludes \"on_success\" and \"on_failure\"", id);
	if (!completion && !success) {
		diag_error(c->d, at, "playbook.leads_nowhere", "%s leads nowhere", id);
		diag_hint(c->d, "write \"on_completion\", or \"on_success\" and \"on_failure\"; the last step of every branch leads to an end step");
	}
	json_t *next = next_of(step);
	for (size_t i = 0; i < json_array_size(next); i++) {
		const char *to = json_string_value(json_array_get(next, i));
		if (!to || !json_object_get(c->workflow, to))
			diag_error(c->d, at, "playbook.no_step", "%s leads to %s, which is not in the workflow", id, to ? to : "something that is no text");
	}
	json_decref(next);
}

static void check_step(const struct checking *c, const char *id, const json_t *step)
{
	struct diag_at at = cacao_place(c->text, str_c(id));
	for (size_t i = 0; i < LEN(STEPS); i++) {
		if (!doc_is(step, "type", STEPS[i].type))
			continue;
		if (!is_identifier(str_c(id), STEPS[i].type))
			diag_error(c->d, at, "playbook.bad_id", "the step's key %s is not %s--UUID", id, STEPS[i].type);
		check_needs(c, &STEPS[i], id, step, at);
		check_pointers(c, id, step, at);
		return;
	}
	diag_error(c->d, at, "playbook.no_type", "%s: there is no step type \"%.*s\"", id, STR_ARG(doc_str(step, "type")));
}

int cacao_check(const json_t *p, struct str text, struct diag *d)
{
	const json_t *workflow = json_object_get(p, "workflow");
	struct checking c = {p, json_is_object(workflow) ? workflow : NULL, text, d};
	size_t before = d->errors;
	const char *key;
	json_t *step;
	check_members(&c);
	if (json_object_size(c.workflow) > CACAO_STEPS_MAX)
		return diag_error(d, cacao_place(text, STR("workflow")), "playbook.too_long", "more than %d steps", CACAO_STEPS_MAX);
	json_object_foreach((json_t *)(uintptr_t)c.workflow, key, step)
	{
		check_step(&c, key, step);
	}
	return d->errors > before ? -EINVAL : 0;
}
