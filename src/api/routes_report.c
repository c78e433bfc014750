/* SPDX-License-Identifier: Apache-2.0 */
#include "api/problem.h"
#include "api/routes.h"
#include "report/report.h"

#include <errno.h>

/* Reports of incidents. */
#define RENDER_TRIES 5 /* others file reports of the same incident meanwhile */

int get_incident_reports(struct api_ctx *c)
{
	struct desk_param p = {.s = c->param[0]};
	json_t *incident;
	int r = desk_get(c->desk, NOUN_INCIDENT, c->param[0], &incident);
	if (r < 0)
		return r;
	json_decref(incident);
	return api_answer_nouns(c, NOUN_REPORT, "incident_id = $1", &p, 1);
}

int get_reports(struct api_ctx *c)
{
	return api_answer_nouns(c, NOUN_REPORT, NULL, NULL, 0);
}

int get_report(struct api_ctx *c)
{
	return api_answer_noun(c, NOUN_REPORT, c->param[0]);
}

int get_report_content(struct api_ctx *c)
{
	json_t *report;
	int r = desk_get(c->desk, NOUN_REPORT, c->param[0], &report);
	if (r < 0)
		return r;
	if ((r = report_read(house_dir(c->api->house), report, &c->resp->body)) == 0) {
		c->resp->status = 200;
		c->resp->content_type = report_media_type(report);
		snprintf(c->resp->disposition, sizeof(c->resp->disposition), "inline; filename=\"%.*s\"", STR_ARG(doc_str(report, "name")));
	} else {
		buf_reset(&c->resp->body);
	}
	json_decref(report);
	return r;
}

/* ---- making one --------------------------------------------------------------------------------------------------------------------------------------- */

struct filing {
	struct api_ctx *c;
	struct str incident_id;
	struct report_draft draft;
};

static struct str word_or(const json_t *body, const char *name, struct str otherwise)
{
	struct str s = doc_str(body, name);
	return s.n ? s : otherwise;
}

static int render(struct filing *f)
{
	struct api_ctx *c = f->c;
	const struct house *h = c->api->house;
	struct report_request q = {.incident_id = f->incident_id, .kind = doc_str(c->body, "kind"), .format = word_or(c->body, "format", STR("pdf")),
		.ja = str_eq(word_or(c->body, "lang", STR("ja")), STR("ja")), .author = c->actor.user, .organisation = config_text(house_config(h), CFG_ORGANISATION),
		.made_at = clock_now(house_clock(h)), .offset_s = config_offset(house_config(h))};
	if (!c->api->templates)
		return doc_refuse(&c->diag, "templates", "no_templates", -ENOSYS, "the templates of reports were not found");
	int r = report_render(c->desk, &q, c->api->templates, &c->diag, &f->draft);
	return r == 0 && str_eq(q.format, STR("pdf")) ? report_pdf(&f->draft, &c->api->stopping, &c->diag) : r;
}

static int file(struct desk *k, struct api_ctx *c, json_t **ret)
{
	struct filing *f = c->state;
	return report_file(k, &c->actor, house_dir(c->api->house), &f->draft, ret);
}

static int answer_trouble(struct api_ctx *c, int err)
{
	const struct diag *d = &c->diag;
	bool of_template = d->items.n && str_starts(str_c(d->items.at[0].code), STR("template."));
	if (of_template)
		return problem_answer(c, 500, "bad_template");
	if (err == -ENOSYS)
		return problem_answer(c, 501, d->items.n ? d->items.at[0].code : "internal");
	if (err == -ECANCELED)
		return problem_answer(c, 503, "stopping");
	if (err == -EPROTO)
		return problem_answer(c, 500, "pdf_failed");
	return err;
}

static int make(struct api_ctx *c, struct str incident_id)
{
	struct filing f = {.c = c, .incident_id = incident_id};
	int r = report_check(c->body, &c->diag);
	report_draft_init(&f.draft);
	c->state = &f;
	if (r == 0)
		r = -EAGAIN;
	for (int i = 0; r == -EAGAIN && i < RENDER_TRIES; i++)
		if ((r = render(&f)) == 0)
			r = api_change(c, 201, file);
	report_draft_done(&f.draft);
	return r < 0 ? answer_trouble(c, r) : r;
}

int post_incident_report(struct api_ctx *c)
{
	return make(c, c->param[0]);
}

int post_report(struct api_ctx *c)
{
	return make(c, doc_str(c->body, "incident_id"));
}
