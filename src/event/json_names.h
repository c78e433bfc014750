/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_EVENT_JSON_NAMES_H
#define HINOMI_EVENT_JSON_NAMES_H

#include "codec/json.h"
#include "event/vocab.h"

/*
 * What a decoder remembers of the member names it has met. The names of a log are few and come again in every line, so what they mean is worked out
 * once: the field's number, what each dress (decode_json.c) calls it, and whether it is one of the names that tables ask for. They come in the same order,
 * too: a name remembers which one followed it, and mostly that is the one to be found. Bounded: beyond JSON_NAMES_MAX names, or for long ones, the
 * answer is made anew each time. One per thread.
 */
#define JSON_NAMES_MAX 2048
#define JSON_NAME_LONGEST 200
#define JSON_DRESS_MAX 12
#define JSON_KNOWN_MAX 64 /* names that tables ask for, so that a word holds a set of them; number 0 = none */

/* What a name becomes under one dress. */
struct json_as {
	const char *fixed; /* a constant or the vocabulary's own text; NULL = the piece of the name from `from` on */
	uint32_t n, from;  /* bytes of either */
	field_id id;
	uint8_t known;
	bool squeeze;      /* without the piece's blanks */
};

struct json_name {
	struct str raw;
	uint64_t first, last;   /* its first and last eight bytes, which of most names is all of them */
	struct json_name *next; /* what followed it last; NULL = nothing that is kept */
	bool kept;
	uint8_t known;
	struct json_as as[JSON_DRESS_MAX];
};

struct json_names;
/* Fills name->as for name->raw. */
typedef void json_name_fn(void *arg, struct json_name *name);

struct json_names *json_names_new(json_name_fn *fill, void *arg);
void json_names_free(struct json_names *t);

/* The number of a name that tables ask for, made when new; only before the first json_names_get. Aborts beyond JSON_KNOWN_MAX. */
uint8_t json_names_know(struct json_names *t, struct str name);
/* The number, or 0. */
uint8_t json_names_known(const struct json_names *t, struct str name);

/*
 * The names of an object's n leaves, in ret_name, and which known ones are among them (bit of the number). What is not kept is in mem: false only when
 * mem's cap is reached. Valid until the table is freed, or as long as mem.
 */
bool json_names_get(struct json_names *t, const struct json_leaf *leaf, size_t n, struct arena *mem, const struct json_name **ret_name, uint64_t *ret_known);

#endif
