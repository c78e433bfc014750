/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_EVENT_DECODE_PARTS_H
#define HINOMI_EVENT_DECODE_PARTS_H

#include "event/alias.h"
#include "event/decode.h"
#include "event/find_time.h"
#include "event/flat.h"

#include "base/num.h"

/* What the decoders of one record share; only src/event includes this. A decoder fills x->ev and answers what was wrong. */
struct json_tables;

struct decoding {
	struct vocab *vocab;
	struct json_tables *json;
	const struct flat_roles *roles;
	struct source_cache *sources;
	struct table *table; /* header that the records before had (decode_table.c) */
	struct arena *mem;
	const struct record *rec;
	struct event *ev;
	int offset_s;
	tstamp reference;    /* what carries no time or no year is read against it */
	bool forced;         /* the record brings its log source along */
	uint64_t own_record; /* the format's own record number, 0 = none */
	unsigned depth;      /* of payloads inside payloads */
};

typedef enum decode_fault decode_fn(struct decoding *x, struct str text);
decode_fn decode_json, decode_syslog, decode_auditd, decode_combined, decode_kv, decode_cef, decode_leef, decode_zeek, decode_w3c, decode_csv, decode_xml, decode_journal;
/* Lines of one program that need no header of their own: DECODE_NO_DECODER when the line is of another kind (decode_app.c, decode_net.c). */
decode_fn decode_app, decode_net, decode_access;
/* What a container runtime or compose put in front of a line of another kind. */
decode_fn decode_wrapped;

uint32_t decode_logsource(struct decoding *x, const char *product, const char *category, const char *service);
/* Sets the log source unless the record brought one. The texts are constants: the same place always holds the same text. */
void decode_source(struct decoding *x, const char *product, const char *category, const char *service);
void decode_sources(struct decoding *x, const struct logsource *ls, size_t n);
/* Takes any usual form of time for the event's own time. */
bool decode_time(struct decoding *x, struct str text);
/* The same of a field whose times are UTC wherever they were written, and which fields those are: UtcTime, TimeCreated, SystemTime. */
bool decode_utc_time(struct decoding *x, struct str text);
bool decode_is_utc(struct str name);
/* Windows' own names may hold blanks; Sigma writes them without. */
struct str decode_without_blanks(struct str name, struct arena *mem);
/* Appends a text field (borrowed). */
void decode_add(struct decoding *x, const char *name, struct str value);
void decode_add_str(struct decoding *x, struct str name, struct str value);
void decode_add_val(struct decoding *x, struct str name, struct val v, uint8_t flags);
/* The same as an alias: made from another field; without a value nothing. */
void decode_add_alias(struct decoding *x, const char *name, struct str value);
/* Time, host, log source and aliases of a flat list of fields, by names (flat.h). windows = the fields are those of a Windows event. */
void decode_flat(struct decoding *x, bool windows);
/* Log source, host, record number and aliases of a Windows event whose fields have Windows' own names. */
void decode_windows(struct decoding *x);
/* A message of a Unix daemon: its log source, the fields of its payload or of the well-known programs (decode_syslog.c). */
void decode_daemon(struct decoding *x, struct str program, struct str message);
/* Fields with the journal's names: time, host, program. False when they are not the journal's. */
bool decode_journal_fields(struct decoding *x);
/* LAUREL's JSON of audit events, after its fields were added. False when it is none. */
bool decode_laurel(struct decoding *x);
/* The text as UTF-8: borrowed, or converted from a Japanese encoding, or with U+FFFD for what is in none (*fault is set then). */
struct str decode_clean(struct decoding *x, struct str raw, enum decode_fault *fault);
/* The log source of Zeek's log of that name; false when there is none. */
bool decode_zeek_source(struct decoding *x, struct str path);
/* What a web request asked for, under the names that Sigma's rules use for it (decode_web.c). has_query = target holds a '?'. */
void decode_add_target(struct decoding *x, struct str target, bool has_query);
/* Adds key=value pairs of any usual style; how many there were (decode_kv.c). */
size_t decode_pairs(struct decoding *x, struct str text);
/* Text that is put together piece by piece, in the arena: doubles, so that any number of pieces costs as much as the text. */
struct pieces {
	char *p;
	size_t n, cap;
};
void pieces_add(struct pieces *t, struct arena *mem, struct str piece);
static inline struct str pieces_str(const struct pieces *t)
{
	return str_n(t->p ? t->p : "", t->n);
}
/* Runs a decoder over a part of the record; its fields, time and host come behind those there are. False when it is of another kind. */
bool decode_payload(struct decoding *x, decode_fn *fn, struct str text);
/* Which of the payload grammars the text is in, or NULL; *text may be advanced to where it begins. */
decode_fn *decode_payload_kind(struct str *text);

/* The text begins with a pair, has three or more, and they are most of it. */
bool kv_is_pairs(struct str s);

/* What decode_json knows of names; one per decoder. */
struct json_tables *json_tables_new(struct vocab *v);
void json_tables_free(struct json_tables *t);
struct table *table_new(void);
void table_free(struct table *t);

#endif
