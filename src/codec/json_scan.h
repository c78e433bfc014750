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
	if (known != m->last->next && known != m->last) { /* an array has its name once for each element */
		m->last->other = m->last->next;
		m->last->next = known;
	}
	m->last = known;
	m->bits |= known->bits;
}

/*
 * The inner loops of the JSON reader. json_scan.c is compiled once per instruction set (meson.build) and json.c picks a set at start. Only src/codec
 * includes this.
 */
struct json_scan {
	const char *start, *end;
	struct arena *mem;
	struct json_leaf *leaf;
	size_t n, cap;
	struct json_names *names; /* NULL = none are remembered */
	struct json_met met;
	/* Of the object at hand: */
	struct str prefix;
	bool element;
};

struct json_isa {
	/* The quote that ends the string whose inside begins at p; NULL when the text ends before. *escaped is set when backslashes are passed. */
	const char *(*string_end)(const struct json_scan *s, const char *p, bool *escaped);
	/*
	 * Takes members of the plain form "name":scalar, without escapes in names and with one blank at most behind colons and commas, as long as they come;
	 * p stands at the quote of a name. Where a name stands that has stood behind the one before, nobody looks for its end. Returns where it stopped: at
	 * the quote of a name that it does not take (*ret_at_name) or behind a value. Never reports a fault: what it does not understand it leaves to the
	 * general reader.
	 */
	const char *(*plain_members)(struct json_scan *s, const char *p, bool *ret_at_name);
};

extern const struct json_isa json_isa_base, json_isa_avx2, json_isa_avx512;

/* The leaf's name from its key, and what is known of it; `before` is the known name before. False at the arena's cap. */
bool json_scan_name(const struct json_scan *s, const struct json_name *before, struct str key, struct json_leaf *leaf);
/* Makes room for one more leaf; false at JSON_LEAVES_MAX or the arena's cap. */
bool json_scan_grow(struct json_scan *s);

#endif
