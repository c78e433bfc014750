/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/tree.h"
#include "ledger/ledger.h"

#include <openssl/evp.h>

static void sha256(const void *a, size_t an, const void *b, size_t bn, unsigned char prefix, struct hash *ret)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned n;
	must(ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) && EVP_DigestUpdate(ctx, &prefix, 1) && EVP_DigestUpdate(ctx, a, an) && EVP_DigestUpdate(ctx, b, bn) &&
		EVP_DigestFinal_ex(ctx, ret->b, &n));
	EVP_MD_CTX_free(ctx);
}

void ledger_leaf_hash(struct str leaf, unsigned char ret[32])
{
	struct hash h;
	sha256(leaf.p, leaf.n, "", 0, 0, &h);
	memcpy(ret, h.b, HASH_SIZE);
}

void ledger_node_hash(const unsigned char left[32], const unsigned char right[32], unsigned char ret[32])
{
	struct hash h;
	sha256(left, HASH_SIZE, right, HASH_SIZE, 1, &h);
	memcpy(ret, h.b, HASH_SIZE);
}

/* The largest power of two below n (n > 1). */
static uint64_t split(uint64_t n)
{
	return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

int tree_root(tree_leaf_fn *leaf, void *arg, uint64_t from, uint64_t to, struct hash *ret)
{
	struct frontier f = {0};
	for (uint64_t i = from; i < to; i++) {
		struct hash h;
		int r = leaf(arg, i, &h);
		if (r < 0)
			return r;
		frontier_add(&f, &h);
	}
	frontier_root(&f, ret);
	return 0;
}

static int add_root(tree_leaf_fn *leaf, void *arg, uint64_t from, uint64_t to, struct buf *out)
{
	struct hash h;
	int r = tree_root(leaf, arg, from, to, &h);
	return r < 0 ? r : buf_add(out, str_n((char *)h.b, HASH_SIZE));
}

static int inclusion(tree_leaf_fn *leaf, void *arg, uint64_t index, uint64_t from, uint64_t to, struct buf *out)
{
	if (to - from <= 1)
		return 0;
	uint64_t middle = from + split(to - from);
	int r = index < middle ? inclusion(leaf, arg, index, from, middle, out) : inclusion(leaf, arg, index, middle, to, out);
	if (r < 0)
		return r;
	return index < middle ? add_root(leaf, arg, middle, to, out) : add_root(leaf, arg, from, middle, out);
}

int tree_inclusion(tree_leaf_fn *leaf, void *arg, uint64_t index, uint64_t size, struct buf *out)
{
	return inclusion(leaf, arg, index, 0, size, out);
}

static int consistency(tree_leaf_fn *leaf, void *arg, uint64_t old, uint64_t from, uint64_t to, bool whole, struct buf *out)
{
	uint64_t n = to - from;
	if (old == n)
		return whole ? 0 : add_root(leaf, arg, from, to, out);
	uint64_t k = split(n);
	int r;
	if (old <= k) {
		r = consistency(leaf, arg, old, from, from + k, whole, out);
		return r < 0 ? r : add_root(leaf, arg, from + k, to, out);
	}
	r = consistency(leaf, arg, old - k, from + k, to, false, out);
	return r < 0 ? r : add_root(leaf, arg, from, from + k, out);
}

int tree_consistency(tree_leaf_fn *leaf, void *arg, uint64_t old_size, uint64_t size, struct buf *out)
{
	return old_size == 0 ? 0 : consistency(leaf, arg, old_size, 0, size, true, out);
}

bool tree_check_inclusion(struct hash leaf, uint64_t index, uint64_t size, struct str proof, struct hash root)
{
	/* RFC 9162 §2.1.3.2 */
	uint64_t fn = index, sn = size - 1;
	if (index >= size)
		return false;
	for (; proof.n >= HASH_SIZE; proof = str_sub(proof, HASH_SIZE, proof.n)) {
		const unsigned char *p = (const unsigned char *)proof.p;
		if (sn == 0)
			return false;
		if ((fn & 1) || fn == sn) {
			ledger_node_hash(p, leaf.b, leaf.b);
			while (!(fn & 1) && fn) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			ledger_node_hash(leaf.b, p, leaf.b);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && proof.n == 0 && memcmp(leaf.b, root.b, HASH_SIZE) == 0;
}

void frontier_add(struct frontier *f, const struct hash *leaf)
{
	struct hash h = *leaf;
	int level = 0;
	for (uint64_t n = f->size; n & 1; n >>= 1)
		ledger_node_hash(f->at[level++].b, h.b, h.b);
	f->at[level] = h;
	f->size++;
}

void frontier_root(const struct frontier *f, struct hash *ret)
{
	bool have = false;
	unsigned n;
	if (f->size == 0) {
		must(EVP_Digest("", 0, ret->b, &n, EVP_sha256(), NULL));
		return;
	}
	for (int level = 0; level < 64; level++) {
		if (!(f->size >> level & 1))
			continue;
		if (have)
			ledger_node_hash(f->at[level].b, ret->b, ret->b);
		else
			*ret = f->at[level];
		have = true;
	}
}
