/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_HOUSE_VERIFY_H
#define HINOMI_HOUSE_VERIFY_H

#include "ledger/doc.h"

/*
 * Proves a data directory, stopped or running, with its public key alone: pages of the database, entries against tiles and the signed checkpoint,
 * objects against their entries, alerts' events against their digest, evidence and reports against their SHA-256, frames of the log, sealed files
 * against the manifest and the ledger. Each finding has the faulty file as its file and tells the place. 0, or -EBADMSG when there was one.
 */
int house_verify(const char *dir, const struct clock *clock, struct diag *d);

#endif
