/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_LEDGER_LEDGER_H
#define HINOMI_LEDGER_LEDGER_H

#include "db/db.h"
#include "sys/clock.h"

/*
 * The ledger: every state change of the desk, every sealed store file, every evidence manifest and every deletion, as leaves of one
 * Merkle tree (RFC 6962 hashes). Entries are rows of the database, written in the transaction of the change they tell of; tiles (C2SP
 * tlog-tiles), tree heads and signed checkpoints (C2SP signed note, Ed25519) are built from the rows afterwards, so a crash can never
 * separate the two. Directory: ledger/checkpoint, ledger/tile/<level>/…, ledger/tile/entries/…, key.pub, key (mode 0600).
 *
 * The leaf is the canonical JSON of the entry: {"seq":…,"time":"…","actor":…,"role":…,"noun":…,"object_id":…,"verb":…,"before":…,"after":…}
 * with sorted keys and no blanks. A bundle holds at most 65,535 bytes per leaf: in a longer one {"sha256":…,"size":…} of the row's text stands for
 * `after`, then for `before`, the longer of them first.
 */
struct ledger;

struct ledger_entry {
	uint64_t seq; /* from 0, no gaps */
	tstamp time;
	struct str actor, role, noun, object_id, verb;
	struct str before, after; /* JSON text: only what changed; "null" when made or gone */
	struct str leaf;          /* as read: the leaf hash that the row has, for proofs */
};

/* dir/ledger; makes the key pair on first use. origin: the log's name in checkpoints (C2SP), e.g. "hinomi/<random>". */
int ledger_open(const char *dir, struct db *db, bool read_only, struct diag *d, struct ledger **ret);
void ledger_close(struct ledger *l);

/* Inside the caller's transaction on the writer's connection. */
int ledger_append(struct ledger *l, struct ledger_entry *e, uint64_t *ret_seq);
/* After a commit (any time, as often as wanted): brings tiles and the checkpoint up to the committed rows. Crash-safe, idempotent. */
int ledger_publish(struct ledger *l);
/* Entries committed; entries under the newest checkpoint. */
uint64_t ledger_size(const struct ledger *l);
uint64_t ledger_published(const struct ledger *l);
/* Entries in the checkpoint as it lies there now, also for a reader; 0 when there is none that our key signed. */
uint64_t ledger_signed(const struct ledger *l);

/* The newest signed checkpoint's text; proofs are arrays of 32-byte hashes. Any thread's own ledger handle. */
int ledger_checkpoint(struct ledger *l, struct buf *out);
int ledger_inclusion(struct ledger *l, uint64_t seq, uint64_t tree_size, struct buf *ret_hashes);
int ledger_consistency(struct ledger *l, uint64_t old_size, uint64_t new_size, struct buf *ret_hashes);
/* The log's name in checkpoints, appended. */
int ledger_origin(const struct ledger *l, struct buf *out);
/* As the rows of the handle's transaction say: the root over the first size entries (O(size)), the hash of one leaf. */
int ledger_root(struct ledger *l, uint64_t size, unsigned char ret[32]);
int ledger_leaf_at(struct ledger *l, uint64_t seq, unsigned char ret[32]);
/* Pure: RFC 6962 §2.1. */
void ledger_leaf_hash(struct str leaf, unsigned char ret[32]);
void ledger_node_hash(const unsigned char left[32], const unsigned char right[32], unsigned char ret[32]);

/* Entries that the connection's transaction sees. */
int ledger_count(struct db *db, uint64_t *ret);
int ledger_each(struct db *db, uint64_t from, uint64_t to, int (*cb)(void *arg, const struct ledger_entry *e), void *arg);
/* Entries of one object, oldest first. */
int ledger_of(struct db *db, struct str noun, struct str object_id, int (*cb)(void *arg, const struct ledger_entry *e), void *arg);

/*
 * Offline proof with the public key alone: rows against tiles against checkpoint and its signature; names each flipped, removed, reordered or
 * truncated entry (diag file = the file, message = the entry). Does not need a stopped server.
 */
int ledger_verify(const char *dir, struct db *db, struct diag *d);

#endif
