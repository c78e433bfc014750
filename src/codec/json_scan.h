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
	const char *end;
	struct arena *mem;
	struct json_leaf *leaf;
	size_t n, cap;
	struct json_names *names; /* NULL = none are remembered */
	struct json_met met;
};

struct json_isa {
	/* Index of the first quote, backslash or control character, n when there is none. */
	size_t (*find_special)(const char *p, size_t n);
	/*
	 * Takes members of the plain form "name":scalar, without blanks and escapes in names, as long as they come; p stands at the quote of a name.
	 * Where a name stands that has stood behind the one before, nobody looks for its end. Returns where it stopped: at the quote of a name that it does
	 * not take (*ret_at_name) or behind a value. Never reports a fault: what it does not understand it leaves to the general reader.
	 */
	const char *(*plain_members)(struct json_scan *s, const char *p, bool *ret_at_name);
};

extern const struct json_isa json_isa_base, json_isa_avx2, json_isa_avx512;

/* Makes room for one more leaf; false at JSON_LEAVES_MAX or the arena's cap. */
bool json_scan_grow(struct json_scan *s);

#endif
