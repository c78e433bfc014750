/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "ledger/note.h"

#include <errno.h>

/* Checkpoints and verifier keys from elsewhere: only what our key signed is taken. The first byte picks which of the two is the input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct buf mine = BUF_INIT(10000), pub = BUF_INIT(10000);
	struct hash root = {{1}}, got;
	uint64_t n;
	char path[200];
	snprintf(path, sizeof(path), "%s/key.pub", fuzz_dir());
	if (!mine.n) {
		struct note_key *k;
		must(note_key_open(fuzz_dir(), &k) == 0 && note_sign(k, 7, &root, &mine) == 0 && file_read(path, &pub) == 0);
		note_key_free(k);
	}
	if (size < 1)
		return 0;
	struct str in = fuzz_str(data + 1, size - 1);
	if (data[0] & 1) {
		/* An input that is the signed text itself is the only one that may pass. */
		int r = note_verify(fuzz_dir(), in, &n, &got);
		must(r < 0 || str_eq(in, buf_str(&mine)));
	} else {
		fuzz_file("key.pub", in);
		int r = note_verify(fuzz_dir(), buf_str(&mine), &n, &got);
		must(r == -ENOKEY || r == -EBADMSG || r == -EKEYREJECTED || (r == 0 && n == 7));
		fuzz_file("key.pub", buf_str(&pub));
	}
	return 0;
}
