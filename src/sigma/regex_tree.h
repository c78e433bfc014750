/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_REGEX_TREE_H
#define HINOMI_SIGMA_REGEX_TREE_H

#include "base/arena.h"

/*
 * A regular expression as a tree, for those who ask what it matches without running it (required.c, linear.c). PCRE2's syntax; the pattern is one that PCRE2
 * takes. What is read here is read as PCRE2 reads it; a pattern with anything else in it is not read at all.
 */
enum regex_kind {
	REGEX_CHAR,
	REGEX_SET,          /* one character of several */
	REGEX_TEXT,         /* some text of which nothing more is told */
	REGEX_ASSERTION,    /* no text, but true at this place */
	REGEX_SEQUENCE,     /* all kids; without any it is the empty text */
	REGEX_ALTERNATIVES, /* one of the kids */
	REGEX_REPEAT,       /* the only kid, least to most times */
};

enum regex_assertion {
	REGEX_AT_START,       /* ^ \A */
	REGEX_AT_LINE,        /* ^ with m: also behind a newline, but not behind the text's last character */
	REGEX_AT_END,         /* \z */
	REGEX_AT_LAST_LINE,   /* $ \Z: also before a newline that is the last character */
	REGEX_AT_LINE_END,    /* $ with m: also before any newline */
	REGEX_AT_WORD_EDGE,   /* \b */
	REGEX_NO_WORD_EDGE,   /* \B */
};

#define REGEX_MANY UINT32_MAX

struct regex_node {
	enum regex_kind kind;
	uint64_t ascii[2];    /* CHAR, SET: its characters among ASCII, case counted in; bit by code */
	bool beyond;          /* SET: perhaps others, too */
	uint32_t cp;          /* CHAR, as it is written */
	enum regex_assertion assertion;
	uint32_t least, most; /* REPEAT; most may be REGEX_MANY */
	struct regex_node *kid, *next; /* the first kid; the next kid of the same node */
};

/*
 * root lives in mem; NULL = not read. regular: the tree says all there is to say. Else texts that match fit the tree, but not all that fit match: something looks
 * around, may not go back (atomic groups, possessive quantifiers) or is TEXT.
 */
struct regex_tree {
	const struct regex_node *root;
	bool regular;
};
/* atom_flags: ATOM_F_RE_I, _M, _S. */
void regex_tree_read(struct str pattern, unsigned atom_flags, struct arena *mem, struct regex_tree *ret);

static inline bool regex_node_has(const struct regex_node *n, unsigned char c)
{
	return c < 128 && n->ascii[c / 64] >> c % 64 & 1;
}

#endif
