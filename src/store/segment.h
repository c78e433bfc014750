/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_STORE_SEGMENT_H
#define HINOMI_STORE_SEGMENT_H

#include "store/store.h"

/*
 * Rows and the immutable files that hold them (docs/formats/segment.md). A file is blocks of zstd-compressed rows, each with its XXH3, then a
 * footer with every block's place, row count and time range, the footer's XXH3 and length. Nothing in a file is ever changed.
 */
#define SEGMENT_MAGIC "HSEG0001"
#define SEGMENT_END "HSEGEND1"
#define BLOCK_RAW_BYTES (4u << 20)

struct segment_block {
	uint64_t offset, length, rows;
	tstamp t_min, t_max;
	uint64_t hash;
};

struct segment {
	int fd;
	struct segment_block *block;
	size_t n_block;
	struct store_file info; /* name is not set */
};

/* Appends one row. */
void row_encode(struct buf *out, const struct event *ev, uint64_t position, const struct vocab *v, struct arena *mem);
/* Takes one row from the front; *ret borrows it (and mem). lsset is interned in v when v is given. False when the bytes are damaged. */
bool row_decode(struct str *in, struct vocab *v, struct arena *mem, struct event *ret, uint64_t *ret_position);
/* Only what searches look at first; the row is passed over. */
bool row_peek(struct str *in, struct str *ret_row, tstamp *ret_time, struct id *ret_id);

/* Writes rows (as encoded, in order) to path and fsyncs it. info: rows, times, sizes, sha256 and root are filled in; first, last come from the rows. */
int segment_write(const char *path, struct str rows, struct store_file *info);
int segment_open(const char *path, struct diag *d, struct segment *ret);
void segment_close(struct segment *s);
/* The rows of one block, decompressed. -EBADMSG when its sum is wrong. */
int segment_read(const struct segment *s, size_t block, struct buf *packed, struct buf *ret_rows);
/* Reads everything again: sums, SHA-256 of the file, root over the rows. Findings name file, block and offset. */
int segment_verify(const char *path, const struct store_file *want, struct diag *d);

#endif
