/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_LEDGER_TREE_H
#define HINOMI_LEDGER_TREE_H

#include "base/buf.h"

/*
 * Merkle trees of RFC 6962 over leaf hashes that a callback gives. Hashes are 32 bytes; a range of 2^k aligned leaves is remembered by
 * nobody: recomputing reads the leaves again, which is 5 million a second, so callers with long logs ask for aligned subtrees from tiles.
 */
#define HASH_SIZE 32

struct hash {
	unsigned char b[HASH_SIZE];
};

/* Hash of leaf i; 0 or a negative errno. */
typedef int tree_leaf_fn(void *arg, uint64_t i, struct hash *ret);

/* Root over leaves [from, to); the empty tree's is SHA-256 of nothing. */
int tree_root(tree_leaf_fn *leaf, void *arg, uint64_t from, uint64_t to, struct hash *ret);
/* RFC 6962 §2.1.1 and §2.1.2; hashes appended to out. */
int tree_inclusion(tree_leaf_fn *leaf, void *arg, uint64_t index, uint64_t size, struct buf *out);
int tree_consistency(tree_leaf_fn *leaf, void *arg, uint64_t old_size, uint64_t size, struct buf *out);
/* Checks an inclusion proof: true when it leads from the leaf to the root. */
bool tree_check_inclusion(struct hash leaf, uint64_t index, uint64_t size, struct str proof, struct hash root);

/* The frontier of a growing tree: one hash per set bit of the size. */
struct frontier {
	uint64_t size;
	struct hash at[64];
};
void frontier_add(struct frontier *f, const struct hash *leaf);
void frontier_root(const struct frontier *f, struct hash *ret);

#endif
