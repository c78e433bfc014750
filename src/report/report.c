/* SPDX-License-Identifier: Apache-2.0 */
#include "report/report.h"

#include "ledger/vault.h"
#include "report/templates.h"

#include <errno.h>

#define CONTENT_MAX (64u << 20)
#define SHELF "reports"

static const char *const KINDS[] = {"first", "follow_up", "final"}, *const LANGS[] = {"ja", "en"}, *const FORMATS[] = {"pdf", "html"};

void report_draft_init(struct report_draft *d)
{
	*d = (struct report_draft){.content = BUF_INIT(CONTENT_MAX)};
}

void report_draft_done(struct report_draft *d)
{
	json_decref(d->object);
	d->object = NULL;
	buf_done(&d->content);
}

int report_check(const json_t *body, struct diag *d)
{
	size_t at, before = d->errors;
	doc_need_word(body, "kind", KINDS, LEN(KINDS), d, &at);
	if (json_object_get(body, "lang"))
		doc_need_word(body, "lang", LANGS, LEN(LANGS), d, &at);
	if (json_object_get(body, "format"))
		doc_need_word(body, "format", FORMATS, LEN(FORMATS), d, &at);
	return d->errors > before ? -EINVAL : 0;
}

/* ---- rendering ---------------------------------------------------------------------------------------------------------------------------------------------- */

static json_t *object_of(const json_t *model, const struct report_request *q)
{
	static const char *const MEMBERS[] = {"tlp", "drill", "site"};
	const json_t *incident = json_object_get(model, "incident"), *report = json_object_get(model, "report"), *annex = json_object_get(model, "annex");
	json_t *o = json_object();
	char name[200];
	doc_set_str(o, "incident_id", q->incident_id);
	doc_copy(o, report, "serial");
	doc_copy(o, report, "kind");
	doc_copy(o, report, "lang");
	doc_set_str(o, "format", q->format);
	for (size_t i = 0; i < LEN(MEMBERS); i++)
		doc_copy(o, incident, MEMBERS[i]);
	snprintf(name, sizeof(name), "%.*s_%.*s_%s.%.*s", STR_ARG(doc_str(report, "number")), STR_ARG(q->kind), q->ja ? "ja" : "en", STR_ARG(q->format));
	json_object_set_new(o, "name", json_string(name));
	doc_set_time(o, "made_at", q->made_at);
	doc_set_int(o, "ledger_from", doc_int(json_array_get(annex, 0), "seq"));
	json_object_set(o, "ledger_to", json_object_get(json_object_get(model, "checkpoint"), "size"));
	doc_copy(o, model, "checkpoint");
	return o;
}

/* One snapshot: on a reader's handle, beside whatever the desk's thread writes meanwhile. */
static int read_model(struct desk *reader, const struct report_request *q, json_t **ret)
{
	int r = db_exec(desk_db(reader), "BEGIN");
	if (r < 0)
		return r;
	r = model_build(reader, q, ret);
	db_exec(desk_db(reader), "COMMIT");
	return r;
}

int report_render(struct desk *reader, const struct report_request *q, struct report_templates *templates, struct diag *d, struct report_draft *ret)
{
	struct template_env env = {q->ja, q->offset_s};
	struct template *t;
	json_t *model, *warnings;
	int r = report_templates_get(templates, d, &warnings, &t);
	if (r < 0)
		return json_decref(warnings), r;
	if ((r = read_model(reader, q, &model)) == 0) {
		buf_reset(&ret->content);
		json_decref(ret->object);
		ret->object = object_of(model, q);
		json_object_set(ret->object, "warnings", warnings);
		r = template_render(t, model, &env, d, &ret->content);
		json_decref(model);
	}
	json_decref(warnings);
	template_unref(t);
	return r;
}

/* ---- keeping -------------------------------------------------------------------------------------------------------------------------------------------------- */

static int count(void *arg, json_t *doc)
{
	(void)doc;
	++*(int64_t *)arg;
	return 0;
}

int report_file(struct desk *k, const struct actor *who, const char *dir, struct report_draft *draft, json_t **ret)
{
	struct desk_param p = {.s = doc_str(draft->object, "incident_id")};
	char sha[VAULT_HASH];
	int64_t have = 0;
	int r = desk_list(k, NOUN_REPORT, "incident_id = $1", &p, 1, count, &have);
	if (r >= 0 && have + 1 != doc_int(draft->object, "serial"))
		return -EAGAIN;
	if (r >= 0)
		r = vault_put(dir, SHELF, buf_str(&draft->content), sha);
	if (r < 0)
		return r;
	json_object_set_new(draft->object, "sha256", json_string(sha));
	doc_set_int(draft->object, "size", (int64_t)draft->content.n);
	doc_set_str(draft->object, "created_by", who->user);
	return desk_create(k, who, NOUN_REPORT, draft->object, ret);
}

int report_read(const char *dir, const json_t *report, struct buf *out)
{
	return vault_get(dir, SHELF, doc_str(report, "sha256"), out);
}

const char *report_media_type(const json_t *report)
{
	return doc_is(report, "format", "pdf") ? "application/pdf" : "text/html; charset=utf-8";
}
