/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_LEDGER_VAULT_H
#define HINOMI_LEDGER_VAULT_H

#include "base/buf.h"

/*
 * Bytes that ledger entries name by their SHA-256: evidence, reports. Content-addressed files <data directory>/<shelf>/<2 hex>/<sha256>, mode
 * 0400, written durably before the entry that names them, never changed. Every read hashes again. No state; any thread.
 */
#define VAULT_HASH 65 /* 64 hex digits and a NUL */

void vault_hash(struct str content, char ret[VAULT_HASH]);
/* Writes the bytes unless they are there; ret is their name. */
int vault_put(const char *dir, const char *shelf, struct str content, char ret[VAULT_HASH]);
/* -ENOENT gone, -EBADMSG other bytes, -EINVAL no hash, -EFBIG larger than out allows. */
int vault_get(const char *dir, const char *shelf, struct str sha256, struct buf *out);
/* Where the file is or would be. */
int vault_path(char *out, size_t size, const char *dir, const char *shelf, struct str sha256);
/* What vault_get's error means, for findings. */
const char *vault_fault(int err);

#endif
