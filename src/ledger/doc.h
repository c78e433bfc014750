/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_LEDGER_DOC_H
#define HINOMI_LEDGER_DOC_H

#include "ledger/desk.h"

/* Reading and making the JSON documents of the desk. Strings that come out are borrowed from the document. Pure. */

/* Empty when absent or no string. */
struct str doc_str(const json_t *doc, const char *name);
int64_t doc_int(const json_t *doc, const char *name);
bool doc_is(const json_t *doc, const char *name, const char *value);
/* TS_NONE when absent or no time. */
tstamp doc_time(const json_t *doc, const char *name);
/* A text in {"ja":…,"en":…} or a plain string; falls back to the other language. */
struct str doc_text(const json_t *value, bool ja);

void doc_set_str(json_t *doc, const char *name, struct str value);
void doc_set_int(json_t *doc, const char *name, int64_t value);
void doc_set_time(json_t *doc, const char *name, tstamp t); /* TS_NONE = null */
void doc_set_text(json_t *doc, const char *name, const char *ja, const char *en);
void doc_copy(json_t *to, const json_t *from, const char *name); /* nothing when absent */
/* A string value; bytes that are no UTF-8 are replaced. Never NULL. */
json_t *doc_string(struct str s);
/* Who did what to which object and when, as a leaf of the ledger has it; what it was before and after is the caller's to add. */
json_t *doc_of_entry(const struct ledger_entry *e);
bool doc_list_has(const json_t *list, struct str value);
/* Appends when it is not there. True when it was not. */
bool doc_list_add(json_t *list, struct str value);

/*
 * Checks of what a person sent; findings carry the member as their file. Text is required to be more than blanks.
 */
int doc_need_text(const json_t *doc, const char *name, struct diag *d);
/* The value is one of the words; *ret its index. */
int doc_need_word(const json_t *doc, const char *name, const char *const *words, size_t n, struct diag *d, size_t *ret);
/* Every member's name is in the list (NULL-terminated). */
int doc_only(const json_t *doc, const char *const *names, struct diag *d);
/* A finding at a member, answering err. */
int doc_refuse(struct diag *d, const char *member, const char *code, int err, const char *fmt, ...) PRINTF_LIKE(5, 6);

/* Every object that satisfies `where` (desk_list) as one list, the caller's. */
int desk_collect(struct desk *k, enum noun noun, const char *where, const struct desk_param *param, size_t n, json_t **ret);

#endif
