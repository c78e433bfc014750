/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_REPORT_REPORT_H
#define HINOMI_REPORT_REPORT_H

#include "report/model.h"

/*
 * Incident reports: 第一報, 続報, 最終報, in Japanese or English, as HTML or PDF. One is made in three steps, so that nothing slow happens
 * in a transaction: report_render reads the desk in one snapshot and writes the document, report_pdf turns it into a PDF in a confined
 * child, report_file keeps the bytes in the vault and makes the report's object in the desk's transaction.
 */
struct report_draft {
	json_t *object;    /* what becomes the report's object */
	struct buf content; /* HTML, then the bytes of its format */
};

void report_draft_init(struct report_draft *d);
void report_draft_done(struct report_draft *d);

/* {kind, lang, format} of a request, checked: kind first follow_up final; lang ja (default) en; format pdf (default) html. */
int report_check(const json_t *body, struct diag *d);

/*
 * The templates of a directory (incident.html and what it includes): read anew for every report, so that a change needs no restart; while
 * they are wrong the last good ones go on, and each report says so in its object's `warnings`. Any thread.
 */
struct report_templates;
struct report_templates *report_templates_open(const char *dir, struct diag *d); /* findings of the first reading; never NULL */
void report_templates_close(struct report_templates *t);

/*
 * Reads with a reader's handle of its own thread, in a snapshot of its own. -EINVAL with findings when the templates never were right,
 * -ENOENT no such incident.
 */
int report_render(struct desk *reader, const struct report_request *q, struct report_templates *templates, struct diag *d, struct report_draft *ret);

/*
 * HTML to PDF by WeasyPrint in a child: no network, two minutes, 2 GiB, and of the file system only fonts and programs, read-only. -ENOSYS when it
 * is not installed, -ETIME, -ECANCELED (stop, which may be NULL, became true), -EPROTO with its last words as a finding. May take seconds; any thread.
 */
int report_pdf(struct report_draft *draft, const _Atomic bool *stop, struct diag *d);

/* In the desk's transaction. -EAGAIN when another report of the incident was filed since the draft was made: render again. */
int report_file(struct desk *k, const struct actor *who, const char *dir, struct report_draft *draft, json_t **ret);

/* The bytes, checked against the object's SHA-256; errors as vault_get. */
int report_read(const char *dir, const json_t *report, struct buf *out);
const char *report_media_type(const json_t *report);

#endif
