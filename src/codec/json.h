/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_CODEC_JSON_H
#define HINOMI_CODEC_JSON_H

#include "codec/json_names.h"

/*
 * JSON (RFC 8259) without a tree. The flat reader makes one pass over an object and yields its leaves: the path of names joined by dots
 * and a slice of the text. Strings keep their escapes; nothing is copied but joined names. For the hot path; API and configuration
 * use jansson. Pure, thread-safe.
 */
enum json_kind { JSON_KIND_STRING = 1, JSON_KIND_ESCAPED = 2, JSON_KIND_NUMBER = 4, JSON_KIND_EMPTY = 14, JSON_KIND_NULL, JSON_KIND_TRUE, JSON_KIND_FALSE };

/* The kinds' numbers and the places of the members are those of an event's field (event/event.h) as far as it has the same. */
struct json_leaf {
	struct str name;  /* "a.b.c"; escapes in names are decoded. Of a known name not set: see json_leaf_name */
	const char *p;    /* number as written, string's inside, or {} [] for JSON_KIND_EMPTY: see json_leaf_text */
	uint32_t n;
	uint8_t kind;     /* enum json_kind; ESCAPED = a string whose inside holds backslashes */
	bool element;     /* part of an array: the same name comes once per element */
	struct json_name *known; /* the name in the table that the reader was given; NULL = not kept there, or none was given */
};

static inline struct str json_leaf_name(const struct json_leaf *l)
{
	return l->known ? l->known->text : l->name;
}

static inline struct str json_leaf_text(const struct json_leaf *l)
{
	return str_n(l->p, l->n);
}

#define JSON_DEPTH_MAX 64
#define JSON_LEAVES_MAX 20000

struct json_fault {
	size_t offset;
	const char *what; /* static sentence */
};

/*
 * Reads one object from the front of *text (blanks before it are skipped) and advances *text behind it. The leaves are in mem, in order of
 * the text; with a name twice the last wins for whoever asks by name. -EBADMSG (not JSON: *ret_fault says where), -E2BIG (too deep, too
 * many leaves, 4 GiB), -ENODATA (the text ends inside: more input is needed). ret_fault may be NULL. O(bytes), about 1 GB/s.
 */
int json_read_flat(struct str *text, struct arena *mem, struct json_leaf **ret, size_t *ret_n, struct json_fault *ret_fault);
/* The same with names that are remembered (json_names.h): it tells which it met, borrows their text, and keeps new ones of objects and arrays only. */
struct json_object {
	struct json_leaf *leaf;
	size_t n, room; /* leaves there are, and places for them */
	uint64_t bits; /* of its known names together */
	bool news;     /* some are not known */
};
int json_read_object(struct str *text, struct arena *mem, struct json_names *names, struct json_object *ret, struct json_fault *ret_fault);
/* Only finds where one value (object, array, anything) ends: advances *text behind it. Errors as above. */
int json_skip_value(struct str *text);

/* The inside of a string with its escapes decoded into dst (at least text.n bytes); lone surrogates become U+FFFD. Returns bytes written. */
size_t json_unescape(char *dst, struct str text);

/* Writers. Invalid UTF-8 becomes U+FFFD. */
int json_add_string(struct buf *out, struct str s);
/* The string of this inside, escapes and all, copied; false and nothing written when the writer would put its text otherwise. */
bool json_add_string_as_written(struct buf *out, struct str inside);
/* {"name": for objects: writes the comma if the buffer does not end in '{' or '['. */
int json_add_key(struct buf *out, struct str name);
/* True when the text is a number of the JSON grammar. */
bool json_text_is_number(struct str s);

#endif
