/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_EVENT_DECODE_H
#define HINOMI_EVENT_DECODE_H

#include "event/vocab.h"

/*
 * Bytes to events, one record at a time. A record is self-contained: it can be put into the WAL, read back years later and decoded to
 * the same event. What a line needs from elsewhere (a CSV / Zeek / W3C header, a forced log source) travels with it as context.
 */
struct record {
	struct str raw;
	struct str context;       /* header lines of the file, empty for most formats */
	struct str source;        /* "web01", "dir/Security.evtx": who or what it came from */
	struct str site;
	struct str host;          /* peer when the record itself names none */
	struct logsource ls;      /* forced or hinted by configuration; empty = find out */
	uint8_t format;           /* enum event_format; FORMAT_AUTO = find out from the content */
	tstamp received;
	tstamp written;           /* when its file was written last: what the record leaves open of its time is read against it. 0 = not known: `received` */
	uint64_t ordinal, offset; /* place in its file or stream */
	struct id id;             /* zero when it has none */
};

#define RECORD_MAX (4u << 20) /* bytes of raw; larger ones are refused with a counted reason */

/* One per thread: scratch memory, header state, value tables. Holds a reference to the vocabulary. */
struct decoder;

struct decoder *decoder_new(struct vocab *v, int offset_s);
void decoder_free(struct decoder *d);
struct vocab *decoder_vocab(const struct decoder *d);
struct evtx_decoder *decoder_evtx(struct decoder *d); /* its reader of event logs (event/evtx.h), made when first asked for */

enum decode_fault {
#define FAULT(sym, name, help) DECODE_##sym,
#include "event/faults.def"
#undef FAULT
	DECODE_FAULT_COUNT
};

/*
 * Decodes one record into *ret (memory in mem; borrows rec's bytes). Never fails: what no decoder understands becomes an event of format
 * text with the field `message`, and *ret_fault (may be NULL) says why (DECODE_OK when all is well). Aliases are applied, the log-source
 * set is found, the time is the record's own, else when its file was written, else when it was received. O(bytes).
 */
void decode_record(struct decoder *d, const struct record *rec, struct arena *mem, struct event *ret, enum decode_fault *ret_fault);

const char *decode_fault_name(enum decode_fault f);
const char *decode_fault_help(enum decode_fault f); /* a sentence */

/* The record that decodes to this event again (EVTX: its JSON form). Strings in mem. */
void event_to_record(const struct event *ev, struct arena *mem, struct record *ret);

#endif
