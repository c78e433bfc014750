/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/note.h"

#include "base/num.h"
#include "sys/file.h"
#include "sys/rand.h"

#include <errno.h>
#include <openssl/evp.h>

#define KEY_SIZE 32
#define SIGNATURE_SIZE 64
#define PUB_MAX 1000

struct note_key {
	char name[64];
	EVP_PKEY *pair;
	unsigned char pub[KEY_SIZE], id[4];
};

static void key_id(struct str name, const unsigned char pub[KEY_SIZE], unsigned char ret[4])
{
	unsigned char digest[HASH_SIZE];
	struct buf b = BUF_INIT(500);
	unsigned n;
	buf_add(&b, name);
	buf_add(&b, STR("\n\x01"));
	buf_add(&b, str_n((const char *)pub, KEY_SIZE));
	must(EVP_Digest(b.p, b.n, digest, &n, EVP_sha256(), NULL));
	memcpy(ret, digest, 4);
	buf_done(&b);
}

static void add_base64(struct buf *out, const unsigned char *p, size_t n)
{
	char *to = buf_reserve(out, (n + 2) / 3 * 4 + 1);
	if (to)
		buf_commit(out, (size_t)EVP_EncodeBlock((unsigned char *)to, p, (int)n));
}

/* Exactly n bytes from canonical Base64. */
static bool from_base64(struct str s, unsigned char *ret, size_t n)
{
	unsigned char tmp[256];
	if (s.n != (n + 2) / 3 * 4 || s.n / 4 * 3 > sizeof(tmp))
		return false;
	if (EVP_DecodeBlock(tmp, (const unsigned char *)s.p, (int)s.n) < (int)n)
		return false;
	struct buf again = BUF_INIT(400);
	add_base64(&again, tmp, n);
	bool ok = str_eq(buf_str(&again), s);
	buf_done(&again);
	memcpy(ret, tmp, n);
	return ok;
}

static int make_pair(const char *dir)
{
	unsigned char seed[KEY_SIZE], tail[4];
	char path[4096];
	struct buf b = BUF_INIT(500);
	rand_bytes(seed, sizeof(seed));
	rand_bytes(tail, sizeof(tail));
	buf_add(&b, STR("hinomi/"));
	buf_add_hex(&b, tail, sizeof(tail));
	buf_addc(&b, ' ');
	add_base64(&b, seed, sizeof(seed));
	buf_addc(&b, '\n');
	int r = path_join(path, sizeof(path), dir, "key");
	if (r == 0)
		r = file_replace(path, buf_str(&b), 0600);
	buf_done(&b);
	return r;
}

static int write_pub(const char *dir, const struct note_key *k)
{
	char path[4096];
	unsigned char line[1 + KEY_SIZE] = {1};
	struct buf b = BUF_INIT(500), have = BUF_INIT(500);
	memcpy(line + 1, k->pub, KEY_SIZE);
	buf_addf(&b, "%s+", k->name);
	buf_add_hex(&b, k->id, 4);
	buf_addc(&b, '+');
	add_base64(&b, line, sizeof(line));
	buf_addc(&b, '\n');
	int r = path_join(path, sizeof(path), dir, "key.pub");
	if (r == 0 && file_read(path, &have) < 0)
		r = file_replace(path, buf_str(&b), 0644);
	buf_done(&b);
	buf_done(&have);
	return r;
}

int note_key_open(const char *dir, struct note_key **ret)
{
	char pub[4096];
	char path[4096];
	struct buf b = BUF_INIT(500);
	unsigned char seed[KEY_SIZE];
	size_t n = KEY_SIZE;
	int r = path_join(path, sizeof(path), dir, "key");
	if (r == 0 && file_size(path) == -ENOENT)
		r = path_join(pub, sizeof(pub), dir, "key.pub") == 0 && file_size(pub) >= 0 ? -ENOKEY : make_pair(dir);
	if (r == 0)
		r = file_read(path, &b);
	struct str rest = str_trim(buf_str(&b)), name;
	if (r == 0 && (!str_cut(&rest, ' ', &name) || name.n >= 64 || !from_base64(rest, seed, KEY_SIZE)))
		r = -EBADMSG;
	if (r == 0) {
		struct note_key *k = must_new(struct note_key);
		memcpy(k->name, name.p, name.n);
		k->pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, KEY_SIZE);
		must(k->pair && EVP_PKEY_get_raw_public_key(k->pair, k->pub, &n));
		key_id(str_c(k->name), k->pub, k->id);
		if ((r = write_pub(dir, k)) < 0)
			note_key_free(k);
		else
			*ret = k;
	}
	explicit_bzero(seed, sizeof(seed));
	if (b.p)
		explicit_bzero(b.p, b.n);
	buf_done(&b);
	return r;
}

void note_key_free(struct note_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->pair);
	free(k);
}

int note_sign(const struct note_key *k, uint64_t size, const struct hash *root, struct buf *out)
{
	unsigned char signature[4 + SIGNATURE_SIZE];
	size_t n = SIGNATURE_SIZE;
	buf_reset(out);
	buf_addf(out, "%s\n%llu\n", k->name, (unsigned long long)size);
	add_base64(out, root->b, HASH_SIZE);
	buf_addc(out, '\n');
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	must(ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, k->pair) == 1 && EVP_DigestSign(ctx, signature + 4, &n, (const unsigned char *)out->p, out->n) == 1);
	EVP_MD_CTX_free(ctx);
	memcpy(signature, k->id, 4);
	buf_addf(out, "\n\xE2\x80\x94 %s ", k->name);
	add_base64(out, signature, sizeof(signature));
	return buf_addc(out, '\n');
}

static int read_pub(const char *dir, char name[64], unsigned char pub[KEY_SIZE])
{
	char path[4096];
	struct buf b = BUF_INIT(PUB_MAX);
	unsigned char line[1 + KEY_SIZE], id[4];
	int r = path_join(path, sizeof(path), dir, "key.pub");
	if (r == 0)
		r = file_read(path, &b);
	struct str rest = str_trim(buf_str(&b)), n, hex;
	struct buf want = BUF_INIT(20);
	if (r == 0 && (!str_cut(&rest, '+', &n) || n.n >= 64 || !str_cut(&rest, '+', &hex) || !rest.p || !from_base64(rest, line, sizeof(line)) || line[0] != 1))
		r = -EBADMSG;
	if (r == 0) {
		memcpy(name, n.p, n.n);
		name[n.n] = 0;
		memcpy(pub, line + 1, KEY_SIZE);
		key_id(n, pub, id);
		buf_add_hex(&want, id, 4);
		if (!str_eq(buf_str(&want), hex) || !str_ends(buf_str(&b), STR("\n")))
			r = -EBADMSG;
	}
	buf_done(&want);
	buf_done(&b);
	return r;
}

static bool signed_by(const unsigned char pub[KEY_SIZE], const unsigned char signature[SIGNATURE_SIZE], struct str body)
{
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, pub, KEY_SIZE);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	must(ctx);
	bool ok = key && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 && EVP_DigestVerify(ctx, signature, SIGNATURE_SIZE, (const unsigned char *)body.p, body.n) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return ok;
}

/* One of the signature lines is ours and right. Those of others (witnesses) are not for us to judge, only to be of the form (signed-note). */
static int check_signatures(struct str lines, struct str name, const unsigned char pub[KEY_SIZE], struct str body)
{
	unsigned char signature[4 + SIGNATURE_SIZE], id[4];
	struct str line, who;
	int r = -EKEYREJECTED;
	key_id(name, pub, id);
	while (str_line(&lines, &line)) {
		if (!str_take(&line, STR("\xE2\x80\x94 ")) || !str_cut(&line, ' ', &who) || !who.n || !line.n)
			return -EBADMSG;
		if (!str_eq(who, name) || !from_base64(line, signature, sizeof(signature)) || memcmp(id, signature, 4) != 0)
			continue;
		if (!signed_by(pub, signature + 4, body))
			return -EKEYREJECTED;
		r = 0;
	}
	return r;
}

int note_verify(const char *dir, struct str text, uint64_t *ret_size, struct hash *ret_root)
{
	char name[64];
	unsigned char pub[KEY_SIZE];
	struct str rest = text, origin, size, root, line;
	int r = read_pub(dir, name, pub);
	if (r < 0)
		return -ENOKEY;
	if (!text.n || text.p[text.n - 1] != '\n' || str_chr(text, '\r') != STR_NPOS || !str_line(&rest, &origin) || !str_line(&rest, &size) || !str_line(&rest, &root))
		return -EBADMSG;
	/* Extension lines may follow; an empty line ends what is signed (tlog-checkpoint). */
	struct str before = rest;
	while (str_line(&rest, &line) && line.n)
		before = rest;
	if (!rest.n || !str_eq(origin, str_c(name)) || !num_u64(size, ret_size) || !from_base64(root, ret_root->b, HASH_SIZE))
		return -EBADMSG;
	return check_signatures(rest, str_c(name), pub, str_n(text.p, (size_t)(before.p - text.p)));
}
