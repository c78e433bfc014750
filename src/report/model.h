/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_REPORT_MODEL_H
#define HINOMI_REPORT_MODEL_H

#include "ledger/doc.h"

/*
 * What a report's templates see (docs/design/report.md lists the members): the incident and all that belongs to it as the desk has it at one
 * moment, codes beside their words in the report's language, and for each fact the ledger entries that say it. Pure over the desk's state:
 * the same state and the same request give the same document.
 */
struct report_request {
	struct str incident_id;
	struct str kind; /* first follow_up final */
	struct str format; /* html pdf: a follow-up marks what is new since the last report of its language and format */
	bool ja;
	struct str author, organisation;
	tstamp made_at;
	int offset_s; /* the organisation's zone */
};

/* Reads in the desk handle's running transaction. -ENOENT: no such incident. *ret is the caller's. */
int model_build(struct desk *k, const struct report_request *q, json_t **ret);

/* The word for a code; the code itself when there is none. */
struct str report_word(const char *group, struct str code, bool ja);

#endif
