/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_CODEC_EVTX_PARTS_H
#define HINOMI_CODEC_EVTX_PARTS_H

#include "codec/evtx.h"

/* Between evtx.c (records, values) and evtx_xml.c (binary XML to programs). */

#define DEPTH_MAX 64
#define VALUES_MAX 10000u
#define FIELDS_MAX 10000u
#define SLOTS_MAX 10000u
#define UNFOLDED_MAX 1000000u /* values, slots and fragments that one record is read as */

enum token {
	TOKEN_EOF = 0x00, TOKEN_OPEN = 0x01, TOKEN_CLOSE_START = 0x02, TOKEN_CLOSE_EMPTY = 0x03, TOKEN_END = 0x04, TOKEN_TEXT = 0x05, TOKEN_ATTRIBUTE = 0x06, TOKEN_CDATA = 0x07,
	TOKEN_CHAR = 0x08, TOKEN_ENTITY = 0x09, TOKEN_PI_TARGET = 0x0a, TOKEN_PI_DATA = 0x0b, TOKEN_TEMPLATE = 0x0c, TOKEN_VALUE = 0x0d, TOKEN_OPTIONAL = 0x0e, TOKEN_FRAGMENT = 0x0f,
	TOKEN_MORE = 0x40,
};

/* Where in the event an element stands: it decides how names are made. */
enum section { SECTION_ROOT, SECTION_EVENT, SECTION_SYSTEM, SECTION_EVENTDATA, SECTION_USERDATA, SECTION_OTHER };

struct cursor {
	const unsigned char *at, *end;
};

struct values {
	const struct evtx_value *at;
	size_t n;
	bool arrays;       /* one of them is */
	uint32_t embedded; /* how many of them are fragments */
	uint16_t fragment; /* the last of those */
};

/* What a slot is besides: of no concern to who reads records. Small, as every record looks through all of them for embedded fragments. */
struct place {
	uint16_t index;  /* of its value, NO_VALUE when it is of another kind */
	uint8_t section; /* enum section of an embedded fragment */
	bool container;  /* a section whose content is one embedded fragment: nothing else is a field */
};

#define NO_VALUE UINT16_MAX

/*
 * What a definition must hold to compile to the same program. The same template has other bytes in another chunk: names lie elsewhere, inside the
 * definition or not, and element sizes follow from that. So these two are looked through, and everything else is compared: a step is some bytes, then a
 * size, then a name, if these come next.
 */
struct step {
	struct str bytes, name; /* the name in UTF-16 */
	bool has_size, has_name;
};

struct program {
	struct program *next; /* in its bucket */
	unsigned char guid[16];
	enum section section;
	const struct evtx_slot *slot;
	const struct place *place;
	size_t n;
	bool containers;   /* one of them is */
	size_t only;       /* the container, when there is one and no other slot has its value; else n */
	bool names_repeat; /* as evtx_record has it */
	uint64_t names[4]; /* a bit for each name's hash */
	const struct step *step;
	size_t steps;
	bool to_the_end; /* no end token: the definition's end is the program's */
	/* The program it stood beside last, and whether they have a name in common. */
	const struct program *beside;
	bool shares;
};

struct run {
	struct str chunk;
	struct evtx_templates *templates;
	struct arena *mem, *rec_mem; /* kept programs; one record */
	evtx_tag_fn *tag;
	void *tag_arg;
	struct evtx_span few[4], *span; /* few, until there are more */
	size_t n, cap;
	size_t fields;  /* at most, or exactly */
	bool exact;
	struct program *first; /* of the record */
	size_t programs;
	bool names_repeat;
	size_t unfolded;
	int depth;
	const char *fault;
};

static inline bool cursor_u8(struct cursor *c, unsigned char *ret)
{
	if (c->at >= c->end)
		return false;
	*ret = *c->at++;
	return true;
}

static inline bool cursor_u16(struct cursor *c, uint16_t *ret)
{
	if (c->end - c->at < 2)
		return false;
	*ret = (uint16_t)(c->at[0] | c->at[1] << 8);
	c->at += 2;
	return true;
}

static inline bool cursor_u32(struct cursor *c, uint32_t *ret)
{
	if (c->end - c->at < 4)
		return false;
	*ret = evtx_le32(c->at);
	c->at += 4;
	return true;
}

/* Sets the record's fault (the first one stays) and answers false. */
static inline bool run_fail(struct run *run, const char *what)
{
	if (!run->fault)
		run->fault = what;
	return false;
}

/*
 * Binary XML from the cursor up to its end of file token to a program. bare: outside of template definitions, where elements have no dependency id; such a
 * program lives as long as its record, others as long as the templates and borrow nothing of the chunk.
 */
bool compile_fragment(struct run *run, struct cursor *c, enum section section, bool bare, struct program *p);
/* Whether the definition at the cursor would compile to p. */
bool program_fits(const struct program *p, struct str chunk, struct cursor c);
/* Whether a slot of a has the name of one of b, and not both are elements. */
bool programs_share(const struct program *a, const struct program *b);

#endif
