/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_EVENT_READER_PARTS_H
#define HINOMI_EVENT_READER_PARTS_H

#include "event/reader.h"

#include <stdatomic.h>

/* Between reader.c (bytes to blocks) and block.c (where to cut, blocks to events). */

#define BLOCK_WANT (1u << 20)
#define BLOCK_PENDING_MAX (64u << 20)

enum framing_kind { FRAME_LINES, FRAME_JSON_VALUES, FRAME_AUDIT, FRAME_EVTX };

struct framing {
	bool decided;
	enum framing_kind kind;
	enum event_format format; /* of all records, FORMAT_AUTO = each line for itself */
};

struct block_file {
	_Atomic int refs;
	struct reader_file pub;
	struct reader_opts opts;
	char *fault;
};

struct block {
	struct block_file *file;
	struct str bytes; /* owned */
	uint64_t offset;
	struct framing framing;
	bool last;
};

void block_file_fault(struct block_file *f, const char *why, bool failed);

/* Looks at the file's first bytes and its name. */
void framing_decide(struct framing *f, struct str head, struct str path);
/* How many of the pending bytes make whole records; 0 = more is needed. At the end of the file all of them. */
size_t framing_cut(struct framing *f, struct str pending, bool eof);

#endif
