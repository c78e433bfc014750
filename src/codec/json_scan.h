/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_CODEC_JSON_SCAN_H
#define HINOMI_CODEC_JSON_SCAN_H

#include "codec/json.h"

/* The names of the leaves that were taken. */
struct json_met {
	struct json_name *last; /* of those that are known */
	uint64_t bits;
	bool news;
};

/* NULL = an unknown one. */
static inline void json_met_add(struct json_met *m, struct json_name *known)
{
	if (!known) {
		m->news = true;
		return;
	}
	m->last = known;
	m->bits |= known->bits;
}

/* Whole registers can be read up to the end of a text when its last bytes are copied to where as many zeros follow. */
#define JSON_TAIL 128u

/* Where the quotes of a piece of the text stand, escaped or not, for instruction sets that find them ahead. */
#define JSON_QUOTES 8192u
#define JSON_NO_QUOTE UINT16_MAX
struct json_quotes {
	const char *base, *end;           /* the piece; at first an empty one */
	const uint16_t *at;               /* the first that was not passed */
	uint16_t quote[JSON_QUOTES + 64]; /* twice its way from base, and 1 when backslashes stand between it and the one before; behind the last JSON_NO_QUOTE */
};

/*
 * The inner loops of the JSON reader. json_scan.c is compiled once per instruction set (meson.build) and json.c picks a set at start. Only src/codec
 * includes this.
 */
struct json_scan {
	const char *start, *end;
	const char *tail; /* the JSON_TAIL bytes before end, of which those before start are undefined, and JSON_TAIL zeros */
	struct json_quotes *quotes;
	struct arena *mem;
	struct json_leaf *leaf;
	size_t n, cap;
	struct json_names *names; /* NULL = none are remembered */
	struct json_met met;
	/* Of the object at hand: */
	struct str prefix;
	const struct json_name *inside; /* the prefix as a name, NULL for the outermost object, json_name_nowhere for one that is not kept */
	bool element;
};

/* Where plain_members stopped: at the quote of a name that it does not take, at the bracket of a member's object or array, or behind a value. */
enum json_stop { JSON_AT_NAME, JSON_AT_BRACKET, JSON_BEHIND };

struct json_isa {
	/* The quote that ends the string that p is inside of; NULL when the text ends before. *escaped is set when backslashes are passed. */
	const char *(*string_end)(const struct json_scan *s, const char *p, bool *escaped);
	/*
	 * Takes members of the plain form "name":scalar, without escapes in names and with one blank at most behind colons and commas, as long as they come;
	 * p stands at the quote of a name. Where a name stands that has stood behind the one before, nobody looks for its end. Returns where it stopped
	 * (at a bracket met.last is the member's name). Never reports a fault: what it does not understand it leaves to the general reader.
	 */
	const char *(*plain_members)(struct json_scan *s, const char *p, enum json_stop *ret_stop);
};

extern const struct json_isa json_isa_base, json_isa_avx2, json_isa_avx512;
#define JSON_ISAS 3
/* Those that this machine has, the best last; how many. */
size_t json_isas(const struct json_isa *ret[JSON_ISAS]);
/* From now on another than the best (for tests). */
void json_isa_use(const struct json_isa *isa);

/* A register's worth of each: what lies in memory is not made anew for each string. */
extern const __attribute__((visibility("hidden"))) char json_quotes[65], json_slashes[65];

/* json_unescape as a machine without wide registers has it. */
size_t json_unescape_base(char *dst, struct str text);
/* The leaf's name from its key, and what is known of it; `before` is the known name before. False at the arena's cap. */
bool json_scan_name(const struct json_scan *s, const struct json_name *before, struct str key, struct json_leaf *leaf);
/* Makes room for one more leaf; false at JSON_LEAVES_MAX or the arena's cap. */
bool json_scan_grow(struct json_scan *s);

#endif
