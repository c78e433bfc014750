/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_CODEC_JSON_NAMES_H
#define HINOMI_CODEC_JSON_NAMES_H

#include "base/arena.h"

/*
 * What a reader remembers of the member names it has met. The names of a log are few and come again in every line, so what they mean is worked out once.
 * They come in the same order, too: a name remembers which two followed it last, and mostly one of them stands there again, which a glance at the
 * text tells before anybody has looked where the name ends. Bounded: beyond JSON_NAMES_MAX names, or for long ones, a name is made anew each time. One per thread.
 */
#define JSON_NAMES_MAX 8192
#define JSON_NAME_LONGEST 200
#define JSON_NAME_HEAD 32u
#define JSON_NAME_NEVER (UINT64_C(1) << JSON_NAME_HEAD)

struct json_name {
	struct str text;
	uint64_t bits;                  /* the caller's: the reader gathers those of an object's names */
	struct json_name *next, *other; /* what followed it last, and before that; never NULL, for there is one that stands nowhere */
	/* Its key as it stood last in a text, with the quote and the colon behind it, when that is not longer than head; with a bit for each byte, else JSON_NAME_NEVER. */
	char head[JSON_NAME_HEAD];
	uint64_t head_mask;
	size_t n_head;
	const struct json_name *inside; /* the name of the object in which it stood, NULL for the outermost */
};

struct json_names;
/* Fills what the caller's own struct has behind the name; mem lives as long. */
typedef void json_name_fn(void *arg, struct json_name *name, struct arena *mem);

/* size = bytes of the caller's struct, which begins with a struct json_name. */
struct json_names *json_names_new(size_t size, json_name_fn *fill, void *arg);
void json_names_free(struct json_names *t);

/* Stands before the first name of every object. */
struct json_name *json_names_front(struct json_names *t);
/* The name came behind that one. An array has its own once for each element. */
static inline void json_name_follows(struct json_name *name, struct json_name *before)
{
	if (name != before->next && name != before) {
		before->other = before->next;
		before->next = name;
	}
}
/* It came as this key, which holds no escapes. */
void json_name_stands(struct json_name *name, const struct json_name *inside, struct str key);
/* NULL when the name is not kept. */
struct json_name *json_names_find(struct json_names *t, struct str text);
/* The same, kept from now on when it can be. */
struct json_name *json_names_keep(struct json_names *t, struct str text);
/* The same, kept or made in mem; NULL only when mem's cap is reached. */
struct json_name *json_names_get(struct json_names *t, struct str text, struct arena *mem);

extern struct json_name json_name_nowhere;

#endif
