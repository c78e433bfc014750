/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_STORE_MANIFEST_H
#define HINOMI_STORE_MANIFEST_H

#include "base/vec.h"
#include "store/store.h"

/*
 * MANIFEST: the list of sealed files, one line each ("file NAME first last rows raw_bytes file_bytes t_min t_max sha256 root", numbers decimal,
 * hashes hex), closed by "end COUNT XXH3" over all before it. Swapped whole (atomic rename): it is what the store is.
 */
struct manifest {
	VEC(struct store_file) files; /* in order of positions; names are owned */
};

void manifest_done(struct manifest *m);
/* 0, -ENOENT (no finding: the caller knows whether that is one), -EBADMSG with a finding that names the line. */
int manifest_read(const char *dir, struct diag *d, struct manifest *ret);
int manifest_write(const char *dir, const struct manifest *m);
/* Copies f, its name too. */
void manifest_add(struct manifest *m, const struct store_file *f);
void manifest_remove(struct manifest *m, size_t i);

#endif
