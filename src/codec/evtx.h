/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_CODEC_EVTX_H
#define HINOMI_CODEC_EVTX_H

#include "base/arena.h"
#include "base/tstamp.h"

/*
 * Windows event log files: a 4 KiB header (not needed: chunks are found by their magic) and chunks of 64 KiB, each with its own strings and
 * templates, holding records of binary XML (MS-EVEN6 2.2.12 and public descriptions of the file format). A template is compiled into a list
 * of named slots once and kept for all chunks that hold it too; a record then only says where each slot's value lies. Nothing is rendered here.
 *
 * Every offset is checked against the chunk; nesting is capped. A damaged record costs that record: reading goes on at the next one.
 */
#define EVTX_CHUNK 65536u
#define EVTX_FILE_HEADER 4096u

/* Value types as in the file; 0x80 is set for arrays, which come as one field per element. */
enum evtx_type {
	EVTX_NULL = 0, EVTX_STRING = 1, EVTX_ANSI = 2, EVTX_INT8 = 3, EVTX_UINT8 = 4, EVTX_INT16 = 5, EVTX_UINT16 = 6, EVTX_INT32 = 7, EVTX_UINT32 = 8, EVTX_INT64 = 9,
	EVTX_UINT64 = 10, EVTX_FLOAT = 11, EVTX_DOUBLE = 12, EVTX_BOOL = 13, EVTX_BINARY = 14, EVTX_GUID = 15, EVTX_SIZE = 16, EVTX_FILETIME = 17, EVTX_SYSTEMTIME = 18,
	EVTX_SID = 19, EVTX_HEX32 = 20, EVTX_HEX64 = 21, EVTX_BINXML = 33,
	EVTX_PARTS = 0x70, /* p = struct evtx_field[n]: text put together from several values */
};

/*
 * One named value. Names: System children as EventID, Channel, Computer, their attributes as Provider_Name, Execution_ProcessID (TimeCreated
 * alone for its SystemTime); EventData by its Name attribute without blanks, unnamed ones "Data"; UserData by the leaf element.
 */
struct evtx_field {
	struct str name;
	uint16_t tag; /* what the caller's tag() gave for the name */
	uint8_t type; /* enum evtx_type */
	bool element; /* one of several of that name */
	const unsigned char *p;
	uint32_t n;   /* bytes; EVTX_STRING in UTF-16LE without its NUL */
};

struct evtx_record {
	uint64_t number;  /* EventRecordID of the record header */
	tstamp written;   /* of the record header */
	size_t offset;    /* in the chunk */
	struct evtx_field *field;
	size_t n;
};

struct evtx_chunk_result {
	uint64_t records, damaged;
	const char *fault; /* static: what the first damage was */
	size_t fault_at;   /* in the chunk */
};

typedef uint16_t evtx_tag_fn(void *arg, struct str name);
/* Record and fields are valid during the call. Non-zero ends the chunk. */
typedef int evtx_record_fn(void *arg, const struct evtx_record *rec);

bool evtx_is_file(struct str head);
bool evtx_is_chunk(struct str head);
/*
 * Length of the piece at the front of a file's bytes: the file header, a chunk, or what lies before the next chunk when bytes are missing or too
 * many. So chunks are found wherever they stand. 0 = more input is needed to tell (never with eof, unless s is empty).
 */
size_t evtx_piece(struct str s, bool eof);

/*
 * Compiled templates and scratch memory, for one thread: any number of chunks of any files. Bounded (some MiB): when full, all are forgotten between
 * two chunks. tag (may be NULL) is asked once per slot, so its answer for a name must never change.
 */
struct evtx_templates;
struct evtx_templates *evtx_templates_new(evtx_tag_fn *tag, void *tag_arg);
void evtx_templates_free(struct evtx_templates *t);

/* Reads one chunk (up to 64 KiB; less when the file is cut; one without its magic is read too when records stand in it). 0 or cb's answer. */
int evtx_read_chunk(struct evtx_templates *t, struct str chunk, evtx_record_fn *cb, void *arg, struct evtx_chunk_result *ret);

#endif
