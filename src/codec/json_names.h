/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_CODEC_JSON_NAMES_H
#define HINOMI_CODEC_JSON_NAMES_H

#include "base/arena.h"

#include <string.h>

/*
 * What a reader remembers of the member names it has met. The names of a log are few and come again in every line, so what they mean is worked out once.
 * They come in the same order, too: a name remembers which two followed it last, and mostly one of them stands there again, which a few words of the
 * text tell before anybody has looked where the name ends. Bounded: beyond JSON_NAMES_MAX names, or for long ones, a name is made anew each time. One per thread.
 */
#define JSON_NAMES_MAX 8192
#define JSON_NAME_LONGEST 200

struct json_name {
	struct str text;
	uint64_t bits;                  /* the caller's: the reader gathers those of an object's names */
	struct json_name *next, *other; /* what followed it last, and before that; never NULL, for there is one that stands nowhere */
	/* As it stands in a text, with the quote and the colon behind it: the first and the last eight bytes, or as many as there are. */
	uint64_t first, last, mask;
	uint32_t last_at, need; /* where the last begin; bytes of the text that are looked at */
};

struct json_names;
/* Fills what the caller's own struct has behind the name. */
typedef void json_name_fn(void *arg, struct json_name *name);

/* size = bytes of the caller's struct, which begins with a struct json_name. */
struct json_names *json_names_new(size_t size, json_name_fn *fill, void *arg);
void json_names_free(struct json_names *t);

/* Stands before the first name of every object. */
struct json_name *json_names_front(struct json_names *t);
/* NULL when the name is not kept. */
struct json_name *json_names_find(struct json_names *t, struct str text);
/* The same, made when new: kept until the table is freed, or in mem; NULL only when mem's cap is reached. */
struct json_name *json_names_get(struct json_names *t, struct str text, struct arena *mem);

extern struct json_name json_name_nowhere;

static inline uint64_t json_name_word(const char *p)
{
	uint64_t w;
	memcpy(&w, p, sizeof(w));
	return w;
}

/* Whether the name stands at p, where a name begins, with the quote and the colon behind it; left = bytes of the text from p on. */
static inline bool json_name_at(const struct json_name *name, const char *p, size_t left)
{
	if (left < name->need || (json_name_word(p) & name->mask) != name->first || (json_name_word(p + name->last_at) & name->mask) != name->last)
		return false;
	for (size_t i = 8; i < name->last_at; i += 8)
		if (json_name_word(p + i) != json_name_word(name->text.p + i))
			return false;
	return true;
}

#endif
