/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "base/num.h"
#include "store/manifest.h"
#include "store/segment.h"
#include "store/wal.h"

#include <zstd.h>

#define HEAD 24u /* of a frame of the log */

/*
 * The files of the store: damaged ones are told about and never lead outside. The first byte picks the file; for some the checksums are put
 * right, so that what lies behind them is reached.
 */

static void read_log(struct str file)
{
	char dir[100];
	struct diag d;
	struct wal *w;
	struct wal_cursor *c;
	struct record rec;
	uint64_t position;
	snprintf(dir, sizeof(dir), "%s/wal", fuzz_dir());
	file_make_dirs(dir);
	fuzz_file("wal/00000000000000000000.wal", file);
	diag_init(&d);
	wal_verify(dir, &d, NULL);
	if (wal_open(&(struct wal_opts){.dir = dir, .read_only = true}, &d, &w) == 0) {
		must(wal_cursor_open(w, 0, &c) == 0);
		for (int got, n = 0; n < 100000 && (got = wal_cursor_next(c, &rec, &position)) != 0; n++)
			if (got > 0)
				must(rec.raw.n <= 512u << 20);
		wal_cursor_close(c);
		wal_close(w);
	}
	diag_done(&d);
}

/* A payload inside a frame whose sum is right. */
static void read_payload(struct str plain)
{
	struct buf frame = BUF_INIT(16u << 20), packed = BUF_INIT(16u << 20);
	size_t bound = ZSTD_compressBound(plain.n);
	char *to = buf_reserve(&packed, bound);
	size_t n = ZSTD_compress(to, bound, plain.p, plain.n, 1);
	must(!ZSTD_isError(n));
	buf_commit(&packed, n);
	buf_add_le32(&frame, (uint32_t)(HEAD - 4 + n));
	buf_add_le32(&frame, 0);
	buf_add_le64(&frame, 0);
	uint64_t hash = str_hash_stable(buf_str(&frame)) * 0x9E3779B97F4A7C15ull ^ str_hash_stable(buf_str(&packed));
	buf_add_le64(&frame, hash);
	buf_add(&frame, buf_str(&packed));
	read_log(buf_str(&frame));
	buf_done(&frame);
	buf_done(&packed);
}

static void read_segment(struct str file)
{
	const char *path = fuzz_file("0.seg", file);
	struct diag d;
	struct segment s;
	diag_init(&d);
	struct store_file want = {.name = STR("0.seg"), .file_bytes = file.n};
	segment_verify(path, &want, &d);
	if (segment_open(path, &d, &s) == 0) {
		struct buf packed = BUF_INIT(64u << 20), rows = BUF_INIT(64u << 20);
		for (size_t i = 0; i < s.n_block && i < 100; i++) {
			buf_reset(&rows);
			segment_read(&s, i, &packed, &rows);
		}
		buf_done(&packed);
		buf_done(&rows);
		segment_close(&s);
	}
	diag_done(&d);
}

/* A footer behind no blocks, with the sum and the length that it needs. */
static void read_footer(struct str footer)
{
	struct buf file = BUF_INIT(16u << 20);
	buf_add_cstr(&file, SEGMENT_MAGIC);
	buf_add(&file, footer);
	buf_add_le64(&file, str_hash_stable(footer));
	buf_add_le32(&file, (uint32_t)footer.n);
	buf_add_cstr(&file, SEGMENT_END);
	read_segment(buf_str(&file));
	buf_done(&file);
}

static void read_manifest(struct str text, bool close_it)
{
	struct buf file = BUF_INIT(16u << 20);
	struct manifest m;
	struct diag d;
	size_t lines = 0;
	for (size_t i = 0; i < text.n; i++)
		lines += text.p[i] == '\n';
	buf_add(&file, text);
	if (close_it)
		buf_addf(&file, "end %zu %016llx\n", lines, (unsigned long long)str_hash_stable(text));
	fuzz_file("MANIFEST", buf_str(&file));
	diag_init(&d);
	if (manifest_read(fuzz_dir(), &d, &m) == 0)
		manifest_done(&m);
	else
		must(d.errors);
	diag_done(&d);
	buf_done(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	struct str in = fuzz_str(data + 1, size - 1);
	switch (data[0] % 6) {
	case 0:
		read_log(in);
		break;
	case 1:
		read_payload(in);
		break;
	case 2:
		read_segment(in);
		break;
	case 3:
		read_footer(in);
		break;
	case 4:
		read_manifest(in, false);
		break;
	default:
		read_manifest(in, true);
		break;
	}
	return 0;
}
