/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_HOUSE_VERIFY_H
#define HINOMI_HOUSE_VERIFY_H

#include "base/map.h"
#include "ledger/doc.h"

/*
 * Proves a data directory with its public key alone: pages of the database and frames of its log, entries against tiles and the signed checkpoint,
 * objects against their entries, alerts' events against their digest, evidence and reports against their SHA-256, frames of the write-ahead log,
 * sealed files against the manifest and the ledger, and each against the others, so that a missing file shows. Reads only. Each finding has the
 * faulty file as its file and tells the place. 0, or -EBADMSG when there was one.
 *
 * Beside a running server files come and go between two steps of it: there only what several runs find is a fault.
 */
struct verified {
	struct map covered;  /* names below the directory that a proof reaches; whole tiles and files of the log are told by their names */
	uint64_t entries;    /* of the ledger */
	uint64_t checkpoint; /* those that the signed checkpoint covers */
};
void verified_init(struct verified *v);
void verified_done(struct verified *v);
/* Is the file (its name below the directory) one that the proof reached? */
bool verified_covers(const struct verified *v, struct str name);

/* ret may be NULL; else it is cleared first. */
int house_verify(const char *dir, const struct clock *clock, struct diag *d, struct verified *ret);

#endif
