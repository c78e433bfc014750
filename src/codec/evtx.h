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

/* Value types as in the file. An array has EVTX_ARRAY too; evtx_element takes it apart. */
enum evtx_type {
	EVTX_NULL = 0, EVTX_STRING = 1, EVTX_ANSI = 2, EVTX_INT8 = 3, EVTX_UINT8 = 4, EVTX_INT16 = 5, EVTX_UINT16 = 6, EVTX_INT32 = 7, EVTX_UINT32 = 8, EVTX_INT64 = 9,
	EVTX_UINT64 = 10, EVTX_FLOAT = 11, EVTX_DOUBLE = 12, EVTX_BOOL = 13, EVTX_BINARY = 14, EVTX_GUID = 15, EVTX_SIZE = 16, EVTX_FILETIME = 17, EVTX_SYSTEMTIME = 18,
	EVTX_SID = 19, EVTX_HEX32 = 20, EVTX_HEX64 = 21, EVTX_BINXML = 33,
	EVTX_ARRAY = 0x80,
};

/* A value as it lies in the record. EVTX_STRING in UTF-16LE, NULs at its end included. */
struct evtx_value {
	const unsigned char *p;
	uint16_t n;
	uint8_t type;
};

/* A piece of a text that is put together: literal UTF-16, or a value of the instance (of none, when there is no value of that index). */
struct evtx_part {
	const unsigned char *p;
	uint32_t n;
	bool is_value;
	uint16_t index;
};

enum evtx_slot_kind {
	EVTX_SLOT_LITERAL, /* text, n bytes of UTF-16LE without NULs at its end */
	EVTX_SLOT_VALUE,   /* the value of that index; null when the instance has none */
	EVTX_SLOT_PARTS,   /* part[n]: text put together */
};

/*
 * A named place of a template. Names: System children as EventID, Channel, Computer, their attributes as Provider_Name, Execution_ProcessID (TimeCreated
 * alone for its SystemTime); EventData by its Name attribute without blanks, unnamed ones "Data"; UserData by the leaf element.
 */
struct evtx_slot {
	struct str name;
	union {
		const unsigned char *text;
		const struct evtx_part *part;
	};
	uint32_t n;
	uint32_t tag;   /* what the caller's tag() gave for the name */
	uint16_t index;
	uint8_t kind;   /* enum evtx_slot_kind */
	bool attribute; /* there is none where its value is null */
	bool element;   /* one of several of that name */
};

/* Slots in the order of their fields and the values of the instance that fill them. None names an embedded fragment: that is spans of its own. */
struct evtx_span {
	const struct evtx_slot *slot;
	size_t n;
	const struct evtx_value *value;
	size_t n_value;
};

struct evtx_record {
	uint64_t number;   /* EventRecordID of the record header */
	tstamp written;    /* of the record header */
	size_t offset;     /* in the chunk */
	const struct evtx_span *span;
	size_t n_span;
	size_t fields;     /* at most as many: an array is a field per element, an attribute of null none */
	bool names_repeat; /* a name may stand twice, otherwise than as elements of each other */
};

struct evtx_chunk_result {
	uint64_t records, damaged;
	const char *fault; /* static: what the first damage was */
	size_t fault_at;   /* in the chunk */
};

typedef uint32_t evtx_tag_fn(void *arg, struct str name);
/* The record is valid during the call. Non-zero ends the chunk. */
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

static inline uint32_t evtx_le32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t evtx_le64(const unsigned char *p)
{
	return evtx_le32(p) | (uint64_t)evtx_le32(p + 4) << 32;
}

/* Takes the next element from the front of an array; false at its end. */
bool evtx_element(struct evtx_value *rest, struct evtx_value *ret);

/* Reads one chunk (up to 64 KiB; less when the file is cut; one without its magic is read too when records stand in it). 0 or cb's answer. */
int evtx_read_chunk(struct evtx_templates *t, struct str chunk, evtx_record_fn *cb, void *arg, struct evtx_chunk_result *ret);

#endif
