/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_LEDGER_NOTE_H
#define HINOMI_LEDGER_NOTE_H

#include "ledger/tree.h"

/* Checkpoints as C2SP signed notes (tlog-checkpoint, signed-note; Ed25519) and the keys: `key` (mode 0600) and `key.pub` (a verifier key line). */
struct note_key;

/* Reads dir/key, or makes the pair when there is none. -ENOKEY: key.pub is there and its private half is gone. */
int note_key_open(const char *dir, struct note_key **ret);
void note_key_free(struct note_key *k);

/* The signed checkpoint's text. */
int note_sign(const struct note_key *k, uint64_t size, const struct hash *root, struct buf *out);
/* Checks text against dir/key.pub. 0 with size and root; -ENOKEY key.pub missing or not a key, -EBADMSG not a checkpoint, -EKEYREJECTED signature wrong. */
int note_verify(const char *dir, struct str text, uint64_t *ret_size, struct hash *ret_root);

#endif
