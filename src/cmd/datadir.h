/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_CMD_DATADIR_H
#define HINOMI_CMD_DATADIR_H

#include "cmd/cmd.h"
#include "ledger/desk.h"
#include "store/store.h"
#include "store/wal.h"

/*
 * A data directory without a server: locked, its log and store opened, the log's unsealed tail read into the store, so that what was
 * acknowledged is searchable. Read-only opening takes no lock and writes nothing.
 */
struct datadir {
	char dir[3900];
	int lock;
	bool read_only;
	struct clock clock;
	struct diag d;
	struct vocab *vocab;
	struct wal *wal;
	struct store *store;
	struct desk *desk;
};

/* 0, or a negative errno with findings in d->d. */
int datadir_open(struct datadir *x, const char *dir, bool read_only);
void datadir_close(struct datadir *x);
/* Says the findings (or what err means) and answers the exit status that fits. */
int datadir_give_up(const struct datadir *x, int err);
/* Decodes what the log has beyond the store into it. */
int datadir_catch_up(struct datadir *x);
/* Seals the store's rows (each file a ledger entry) and publishes the ledger. */
int datadir_seal(struct datadir *x);
int datadir_path(char *out, size_t size, const struct datadir *x, const char *name);

#endif
