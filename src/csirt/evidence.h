/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_CSIRT_EVIDENCE_H
#define HINOMI_CSIRT_EVIDENCE_H

#include "ledger/doc.h"

/*
 * The vault: content-addressed files evidence/<2 hex>/<sha256>, mode 0400, and the objects that tell of them. Custody (ISO/IEC 27037) passes
 * from person to person: a transfer counts when the receiver has accepted it. Every read hashes the bytes again.
 */
#define EVIDENCE_MAX (256u << 20)

/* Writes the bytes (durable before the entry is) and makes the object. item: {name, media_type, source}. */
int evidence_add(struct desk *k, const struct actor *who, const char *dir, struct str incident_id, const json_t *item, struct str content, struct diag *d, json_t **ret);
/* The bytes, checked against the object's SHA-256: -EBADMSG when they differ, -ENOENT when the file is gone. The reading is an entry of its own: evidence_note_read. */
int evidence_read(const char *dir, const json_t *evidence, struct buf *out);
int evidence_note_read(struct desk *k, const struct actor *who, struct str id);
/* {to, reason}: waits for the receiver. */
int custody_transfer(struct desk *k, const struct actor *who, struct str evidence_id, const json_t *body, struct diag *d, json_t **ret);
/* By the receiver alone, once, and while the giver still has it. */
int custody_accept(struct desk *k, const struct actor *who, struct str custody_id, struct diag *d, json_t **ret);
/* {hold: bool, reason} */
int evidence_hold(struct desk *k, const struct actor *who, struct str id, const json_t *body, struct diag *d, json_t **ret);
/* Every object's file against its SHA-256. Findings name the file. */
int evidence_verify(struct desk *k, const char *dir, struct diag *d);

#endif
