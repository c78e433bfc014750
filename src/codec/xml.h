/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_CODEC_XML_H
#define HINOMI_CODEC_XML_H

#include "base/arena.h"

/*
 * XML 1.0 as programs write it (event XML, reports), by a pull reader without a tree: open, attribute, text, close. Strict about nesting and
 * quotes; the five entities and character references are decoded when asked, a document type declaration is refused (no entities of their own,
 * no fetching). Names keep their prefix. Nothing is copied. Pure, thread-safe.
 */
enum xml_token { XML_END, XML_OPEN, XML_ATTRIBUTE, XML_TEXT, XML_CLOSE };

#define XML_DEPTH_MAX 64

struct xml {
	struct str rest;
	const char *start;
	struct str name;   /* of the element (OPEN, CLOSE) or attribute */
	struct str text;   /* attribute's value or text, entities not decoded */
	bool cdata;        /* the text holds no entities */
	struct str open[XML_DEPTH_MAX];
	size_t depth;
	bool in_tag;       /* between <name and > */
	bool empty;        /* <name/> was read: CLOSE comes next */
};

void xml_init(struct xml *x, struct str text);
/*
 * The next token. XML_END behind the outermost element (rest holds what follows) or at the end of the text. -EBADMSG where it is no XML, -E2BIG
 * too deep, -ENODATA when the text ends inside.
 */
int xml_next(struct xml *x, enum xml_token *ret);
/* The text with its entities decoded: borrowed when it has none, else in mem (p == NULL at its cap). An unknown entity stays as it is written. */
struct str xml_text(const struct xml *x, struct arena *mem);

#endif
