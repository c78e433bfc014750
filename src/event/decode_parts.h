/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_EVENT_DECODE_PARTS_H
#define HINOMI_EVENT_DECODE_PARTS_H

#include "event/alias.h"
#include "event/decode.h"

#include "base/num.h"

/* What the decoders of one record share; only src/event includes this. A decoder fills x->ev and answers what was wrong. */
struct json_tables;

struct decoding {
	struct vocab *vocab;
	struct json_tables *json;
	struct arena *mem;
	const struct record *rec;
	struct event *ev;
	int offset_s;
	bool forced;         /* the record brings its log source along */
	uint64_t own_record; /* the format's own record number, 0 = none */
};

typedef enum decode_fault decode_fn(struct decoding *x, struct str text);
decode_fn decode_json, decode_syslog, decode_auditd, decode_combined, decode_kv, decode_cef, decode_leef;
/* The text begins with a pair, has three or more, and they are most of it. */
bool kv_is_pairs(struct str s);

/* What decode_json knows of names; one per decoder. */
struct json_tables *json_tables_new(struct vocab *v);
void json_tables_free(struct json_tables *t);

uint32_t decode_logsource(struct decoding *x, const char *product, const char *category, const char *service);
/* Takes any usual form of time for the event's own time. */
bool decode_time(struct decoding *x, struct str text);
/* Appends a text field (borrowed). */
void decode_add(struct decoding *x, const char *name, struct str value);
void decode_add_str(struct decoding *x, struct str name, struct str value);

#endif
