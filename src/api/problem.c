/* SPDX-License-Identifier: Apache-2.0 */
#include "api/problem.h"

#include <errno.h>
#include <stdlib.h>

static const struct problem {
	const char *code;
	int err, status;
	const char *en, *ja;
} PROBLEMS[] = {
#define PROBLEM(code, err, status, en, ja) {code, err, status, en, ja},
#include "api/problems.def"
#undef PROBLEM
};

static const struct problem *problem_by_code(const char *code)
{
	for (size_t i = 0; i < LEN(PROBLEMS); i++)
		if (str_eq(str_c(PROBLEMS[i].code), str_c(code)))
			return &PROBLEMS[i];
	return &PROBLEMS[LEN(PROBLEMS) - 1];
}

const char *finding_ja(const char *code)
{
	static const struct {
		const char *code, *ja;
	} FINDINGS[] = {
#define FINDING(code, ja) {code, ja},
#include "api/findings.def"
#undef FINDING
	};
	for (size_t i = 0; i < LEN(FINDINGS); i++)
		if (str_eq(str_c(FINDINGS[i].code), str_c(code)))
			return FINDINGS[i].ja;
	return NULL;
}

static void add_ja(json_t *o, const char *name, const char *code)
{
	const char *ja = finding_ja(code);
	if (ja)
		json_object_set_new(o, name, json_string(ja));
}

/* Findings that name a member (or a place in a text) become the `errors` list. */
static json_t *findings_json(const struct diag *d)
{
	json_t *list = json_array();
	for (size_t i = 0; i < d->items.n; i++) {
		const struct diag_item *it = &d->items.at[i];
		json_t *e = json_object();
		json_object_set_new(e, "code", json_string(it->code));
		json_object_set_new(e, "message", json_stringn(it->message.p, it->message.n));
		add_ja(e, "message_ja", it->code);
		if (it->file.n)
			json_object_set_new(e, "field", json_stringn(it->file.p, it->file.n));
		if (it->line)
			json_object_set_new(e, "line", json_integer(it->line));
		if (it->column)
			json_object_set_new(e, "column", json_integer(it->column));
		if (it->hint.n)
			json_object_set_new(e, "hint", json_stringn(it->hint.p, it->hint.n));
		json_array_append_new(list, e);
	}
	return list;
}

static int answer(struct api_response *resp, const struct diag *d, int status, const struct problem *p, const char *code)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:i, s:s}", "type", "about:blank", "title", p->en, "title_ja", p->ja, "status", status, "code", code);
	if (d && d->items.n) {
		struct str m = d->items.at[0].message;
		json_object_set_new(o, "detail", json_stringn(m.p, m.n));
		add_ja(o, "detail_ja", d->items.at[0].code);
		json_object_set_new(o, "errors", findings_json(d));
	}
	char *text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	buf_reset(&resp->body);
	if (text)
		buf_add_cstr(&resp->body, text);
	free(text);
	resp->status = status;
	resp->content_type = "application/problem+json";
	return 1;
}

int problem_answer(struct api_ctx *c, int status, const char *code)
{
	return answer(c->resp, &c->diag, status, problem_by_code(code), code);
}

int problem_from_errno(struct api_ctx *c, int err)
{
	const struct problem *p = problem_by_code("internal");
	for (size_t i = 0; i < LEN(PROBLEMS); i++)
		if (PROBLEMS[i].err == -err && PROBLEMS[i].err)
			p = &PROBLEMS[i];
	if (p->status == 429)
		snprintf(c->resp->retry_after, sizeof(c->resp->retry_after), "1");
	return answer(c->resp, &c->diag, p->status, p, p->code);
}

void api_refuse(struct api_response *resp, const char *code)
{
	const struct problem *p = problem_by_code(code);
	if (p->status == 429)
		snprintf(resp->retry_after, sizeof(resp->retry_after), "1");
	answer(resp, NULL, p->status, p, p->code);
}
