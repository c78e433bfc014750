/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/vault.h"

#include "sys/file.h"

#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

int vault_path(char *out, size_t size, const char *dir, const char *shelf, struct str sha256)
{
	if (sha256.n != VAULT_HASH - 1)
		return -EINVAL;
	for (size_t i = 0; i < sha256.n; i++)
		if (ch_hex((unsigned char)sha256.p[i]) < 0)
			return -EINVAL;
	return (size_t)snprintf(out, size, "%s/%s/%.2s/%.64s", dir, shelf, sha256.p, sha256.p) < size ? 0 : -ENAMETOOLONG;
}

void vault_hash(struct str content, char ret[VAULT_HASH])
{
	unsigned char sum[SHA256_DIGEST_LENGTH];
	struct buf hex = BUF_INIT(80);
	SHA256((const unsigned char *)(content.p ? content.p : ""), content.n, sum);
	buf_add_hex(&hex, sum, sizeof(sum));
	memcpy(ret, hex.p, VAULT_HASH);
	buf_done(&hex);
}

int vault_put(const char *dir, const char *shelf, struct str content, char ret[VAULT_HASH])
{
	char path[4300], folder[4300];
	vault_hash(content, ret);
	int r = vault_path(path, sizeof(path), dir, shelf, str_c(ret));
	if (r < 0)
		return r;
	snprintf(folder, sizeof(folder), "%.*s", (int)str_rchr(str_c(path), '/'), path);
	file_fault_stage(shelf);
	struct buf have = BUF_INIT(content.n);
	r = vault_get(dir, shelf, str_c(ret), &have);
	buf_done(&have);
	if (r == 0)
		return 0;
	r = file_make_dirs(folder); /* missing, or damaged: these are the right bytes */
	return r < 0 ? r : file_replace(path, content, 0400);
}

int vault_get(const char *dir, const char *shelf, struct str sha256, struct buf *out)
{
	char path[4300], have[VAULT_HASH];
	int r = vault_path(path, sizeof(path), dir, shelf, sha256);
	if (r == 0)
		r = file_read(path, out);
	if (r < 0)
		return r;
	vault_hash(buf_str(out), have);
	return str_eq(sha256, str_c(have)) ? 0 : -EBADMSG;
}

const char *vault_fault(int err)
{
	return err == -ENOENT ? "the file is gone" : err == -EBADMSG ? "the bytes are not those of its SHA-256" : "the file cannot be read";
}
