/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_EVENT_JSON_NAMES_H
#define HINOMI_EVENT_JSON_NAMES_H

#include "event/vocab.h"

/*
 * What a decoder remembers of the member names it has met. The names of a log are few and come again in every line, so what they mean is worked out
 * once: the field's number, what each dress (decode_json.c) calls it, and whether it is one of the names that tables ask for. Bounded: beyond
 * JSON_NAMES_MAX names, or for long ones, the answer is made anew each time. One per thread.
 */
#define JSON_NAMES_MAX 2048
#define JSON_NAME_LONGEST 200
#define JSON_DRESS_MAX 12
#define JSON_KNOWN_MAX 256 /* names that tables ask for; number 0 = none */

/* What a name becomes under one dress. */
struct json_as {
	struct str fixed;    /* a constant or the vocabulary's own text; p NULL = the piece of the name below */
	uint16_t from, n;
	field_id id;
	uint16_t known;
	bool squeeze;        /* without the piece's blanks */
};

struct json_name {
	struct str raw;
	uint16_t known;
	struct json_as as[JSON_DRESS_MAX];
};

struct json_names;
/* Fills name->as for name->raw. */
typedef void json_name_fn(void *arg, struct json_name *name);

struct json_names *json_names_new(json_name_fn *fill, void *arg);
void json_names_free(struct json_names *t);

/* The number of a name that tables ask for, made when new; only before the first json_names_get. Aborts beyond JSON_KNOWN_MAX. */
uint16_t json_names_know(struct json_names *t, struct str name);
/* The number, or 0. */
uint16_t json_names_known(const struct json_names *t, struct str name);

/* Memory in mem when the name is not kept; NULL only when mem's cap is reached. Valid until the table is freed, or as long as mem. */
const struct json_name *json_names_get(struct json_names *t, struct str raw, struct arena *mem);

#endif
