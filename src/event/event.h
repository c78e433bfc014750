/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_EVENT_EVENT_H
#define HINOMI_EVENT_EVENT_H

#include "base/arena.h"
#include "base/id.h"

/*
 * The event record: what a log line is after decoding. It borrows everything (field names, values, raw) from the input block, the
 * vocabulary, the decoder and the batch's arena, and lives as long as they do. Values stay as the source wrote them until somebody reads them
 * (event_text): most fields of most events are never read, so nothing is un-escaped or converted before.
 *
 * Absent (no such field), null (VAL_NULL) and empty (VAL_STR with n 0) are three different things.
 */
enum val_kind {
	VAL_NULL,
	VAL_STR,   /* UTF-8 text, ready */
	VAL_JSTR,  /* inside of a JSON string that holds escapes: un-escape before use */
	VAL_U16,   /* UTF-16LE bytes (EVTX) */
	VAL_NUM,   /* number as text, as written ("0x1f" is text, not a number) */
	VAL_BOOL,  /* u.u is 0 or 1; text true / false */
	VAL_UINT,  /* u.u */
	VAL_INT,   /* u.i */
	VAL_HEX,   /* u.u, text 0x1f (EVTX HexInt: lower case, no padding) */
	VAL_DOUBLE, /* u.d */
	VAL_TIME,  /* u.i = tstamp, text RFC 3339 */
	VAL_GUID,  /* 16 bytes, text {UPPER-CASE} */
	VAL_SID,   /* Windows SID bytes, text S-1-… */
	VAL_BYTES, /* binary, text upper-case hex */
	VAL_JSON,  /* raw JSON of something that has no flat form (empty object or array, elements beyond the cap) */
};

struct val {
	union {
		const char *p;
		uint64_t u;
		int64_t i;
		double d;
	} u;
	uint32_t n;   /* bytes at u.p for the kinds that have them */
	uint8_t kind; /* enum val_kind */
};

typedef uint16_t field_id;   /* index in the vocabulary, FIELD_UNKNOWN = a name that no rule and no table knows */
#define FIELD_UNKNOWN ((field_id)0)

enum {
	FIELD_F_ALIAS = 1,   /* made from another field by an alias table; not part of what the source said */
	FIELD_F_ELEMENT = 2, /* one element of an array: the name occurs once per element, in order */
	FIELD_F_META = 4,    /* header data of the carrier (syslog header, EVTX System), a field like others */
};

struct field {
	struct str name;
	struct val val;
	field_id id;
	uint8_t flags;
};

enum event_format {
#define FORMAT(sym, name, help) FORMAT_##sym,
#include "event/formats.def"
#undef FORMAT
	FORMAT_COUNT
};

struct event {
	struct id id;       /* from the place in the WAL; zero in scan */
	tstamp time;        /* the event's own time, else when its file was written, else the time received */
	bool time_is_own;
	tstamp received;
	struct str site, source, host;
	uint32_t lsset;     /* log-source set in the vocabulary: all (product, category, service) this event belongs to; first = shown */
	uint8_t format;     /* enum event_format */
	struct field *field;
	uint32_t n_field;
	uint32_t n_line;    /* fields at the front whose values stand in raw, one behind the other, as the source wrote them; 0: nobody says so */
	uint64_t layout;    /* of these: the same for the same ids and flags in the same order. A keyed hash, so nobody can build two that share it */
	uint32_t field_room; /* places at field, when it may grow (event_add_field) */
	struct str raw;     /* the original bytes (as UTF-8 is not required); empty for EVTX until event_raw() */
	uint32_t ascii;     /* bytes at the start of raw that are known to be ASCII: 0 where raw is not what was decoded */
	struct str context; /* header lines that raw needs to be read again (Zeek, W3C, CSV) */
	uint64_t record;    /* EventRecordID or 1-based ordinal */
	bool record_is_own; /* the former */
	uint64_t offset;    /* bytes from the start of the file */
	const void *native; /* decoder's own (EVTX record), for event_raw */
};

/* NULL when absent. With several of that name: the last for scalars (JSON: last wins), the first element of an array. O(fields). */
const struct field *event_field(const struct event *ev, field_id id);
const struct field *event_field_name(const struct event *ev, struct str name);

/*
 * The value as UTF-8 text. Ready text is borrowed as it is; everything else is rendered into the arena. Null gives the empty
 * string: ask val.kind first where the difference matters. p == NULL only when the arena's cap is reached.
 */
struct str val_text(struct val v, struct arena *mem);
/* The value as a number: VAL_NUM, integers, doubles, and strings that are a decimal number as a whole. */
bool val_number(struct val v, double *ret, int64_t *ret_int, bool *ret_is_int);

/* The event's original as text: raw, or for EVTX the record as one line of JSON. Borrowed or in the arena. */
struct str event_raw(const struct event *ev, struct arena *mem);
/*
 * Appends {"field":value,…} in field order, aliases last; arrays as arrays; numbers and booleans as JSON ones. Each name once, with what
 * event_field says of it; other values of that name (an alias stands for the source's own) follow as `NAME.original`. At the arena's cap out has an error.
 * O(fields).
 */
void event_add_json(const struct event *ev, struct arena *mem, struct buf *out);
/* A field's value alone as event_add_json writes that of a field whose name comes once. */
void field_add_json(const struct field *f, struct arena *mem, struct buf *out);

const char *event_format_name(enum event_format f);
/* FORMAT_COUNT when unknown. */
enum event_format event_format_parse(struct str name);

#endif
