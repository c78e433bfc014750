/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/evtx_parts.h"

#include "base/utf8.h"

#define PARTS_MAX 64
#define NAME_MAX_UNITS 1024

struct slot_node {
	struct slot_node *next;
	struct evtx_slot slot;
	struct place place;
};

struct step_node {
	struct step_node *next;
	struct step step;
};

struct xml {
	struct run *run;
	struct program *prog;
	struct slot_node *first, **tail;
	struct arena *mem;
	bool bare;
	struct step_node *steps, **step_tail, *step; /* the last */
	const unsigned char *noted; /* up to here the definition stands in steps */
	bool container; /* the slot being added stands for a section's content */
};

struct text {
	struct evtx_part part[PARTS_MAX];
	size_t n;
};

/* A name lies at its first use or elsewhere in the chunk: u32 next, u16 hash, u16 length, UTF-16, NUL. NULL, or what is wrong. */
static const char *find_name(struct str chunk, struct cursor *c, struct str *ret_utf16)
{
	uint32_t at;
	if (!cursor_u32(c, &at) || chunk.n < 10 || at > chunk.n - 10)
		return "a name lies outside the chunk";
	const unsigned char *p = (const unsigned char *)chunk.p + at;
	size_t units = (size_t)(p[6] | p[7] << 8);
	if (units > NAME_MAX_UNITS || at + 8 + 2 * units > chunk.n)
		return "a name reaches past the chunk";
	if (p == c->at) {
		if ((size_t)(c->end - c->at) < 10 + 2 * units)
			return "a name reaches past its fragment";
		c->at += 10 + 2 * units;
	}
	*ret_utf16 = str_n((const char *)p + 8, 2 * units);
	return NULL;
}

/* A step goes on as long as what comes next stands in order. */
static struct step *step_for(struct xml *x, bool room)
{
	if (!x->step || !room) {
		x->step = *x->step_tail = arena_new(x->run->rec_mem, struct step_node);
		x->step->step.bytes = STR("");
		x->step_tail = &x->step->next;
		x->prog->steps++;
	}
	return &x->step->step;
}

/* Notes what was read since the last step: bytes up to `from`. */
static void note_bytes(struct xml *x, const unsigned char *from)
{
	if (!x->bare && from > x->noted)
		step_for(x, false)->bytes = arena_dup(x->mem, str_n((const char *)x->noted, (size_t)(from - x->noted)));
}

/* And that a size stood between there and the cursor, or a name. */
static void note_size(struct xml *x, const unsigned char *from, const struct cursor *c)
{
	note_bytes(x, from);
	if (!x->bare)
		step_for(x, x->step && !x->step->step.has_size && !x->step->step.has_name)->has_size = true;
	x->noted = c->at;
}

static void note_name(struct xml *x, const unsigned char *from, const struct cursor *c, struct str name)
{
	note_bytes(x, from);
	if (!x->bare) {
		struct step *s = step_for(x, x->step && !x->step->step.has_name);
		s->has_name = true;
		s->name = arena_dup(x->mem, name);
	}
	x->noted = c->at;
}

static void gather_steps(struct xml *x)
{
	struct step *s = arena_array(x->mem, x->prog->steps + 1, sizeof(*s));
	x->prog->step = s;
	for (const struct step_node *node = x->steps; node; node = node->next)
		*s++ = node->step;
}

bool program_fits(const struct program *p, struct str chunk, struct cursor c)
{
	for (const struct step *s = p->step, *end = s + p->steps; s < end; s++) {
		struct str name;
		size_t skip = s->bytes.n + (s->has_size ? 4 : 0);
		if ((size_t)(c.end - c.at) < skip || memcmp(c.at, s->bytes.p, s->bytes.n) != 0)
			return false;
		c.at += skip;
		if (s->has_name && (find_name(chunk, &c, &name) || name.n != s->name.n || memcmp(name.p, s->name.p, name.n) != 0))
			return false;
	}
	return !p->to_the_end || c.at == c.end;
}

static bool read_name(struct xml *x, struct cursor *c, struct str *ret)
{
	const unsigned char *from = c->at;
	struct str name;
	const char *fault = find_name(x->run->chunk, c, &name);
	if (fault)
		return run_fail(x->run, fault);
	note_name(x, from, c, name);
	char *out = arena_alloc(x->mem, name.n / 2 * 3 + 1);
	*ret = str_n(out, utf16le_to_utf8(out, (const unsigned char *)name.p, name.n));
	return true;
}

static bool skip_size(struct xml *x, struct cursor *c)
{
	const unsigned char *from = c->at;
	uint32_t size;
	if (!cursor_u32(c, &size))
		return false;
	note_size(x, from, c);
	return true;
}

static bool add_part(struct xml *x, struct text *t, struct evtx_part part)
{
	if (t->n == PARTS_MAX)
		return run_fail(x->run, "a text has more pieces than the limit");
	t->part[t->n++] = part;
	return true;
}

static bool add_units(struct xml *x, struct cursor *c, struct text *t)
{
	uint16_t units;
	if (!cursor_u16(c, &units) || (size_t)(c->end - c->at) < 2u * units)
		return run_fail(x->run, "a text reaches past its fragment");
	bool ok = add_part(x, t, (struct evtx_part){.p = c->at, .n = 2u * units});
	c->at += 2u * units;
	return ok;
}

static bool add_entity(struct xml *x, struct cursor *c, struct text *t)
{
	static const struct {
		const char *name, *utf16;
	} known[] = {{"amp", "&\0"}, {"lt", "<\0"}, {"gt", ">\0"}, {"quot", "\"\0"}, {"apos", "'\0"}};
	struct str name;
	if (!read_name(x, c, &name))
		return false;
	for (size_t i = 0; i < LEN(known); i++)
		if (str_eq(name, str_c(known[i].name)))
			return add_part(x, t, (struct evtx_part){.p = (const unsigned char *)known[i].utf16, .n = 2});
	return true;
}

/* One token that belongs to a text. False when it does not (or on a fault). */
static bool text_token(struct xml *x, struct cursor *c, unsigned char token, struct text *t)
{
	unsigned char type;
	uint16_t index;
	struct str name;
	switch (token & ~TOKEN_MORE) {
	case TOKEN_TEXT:
		return cursor_u8(c, &type) ? add_units(x, c, t) : run_fail(x->run, "a text is cut off");
	case TOKEN_CDATA:
		return add_units(x, c, t);
	case TOKEN_CHAR:
		if (c->end - c->at < 2)
			return run_fail(x->run, "a character is cut off");
		c->at += 2;
		return add_part(x, t, (struct evtx_part){.p = c->at - 2, .n = 2});
	case TOKEN_ENTITY:
		return add_entity(x, c, t);
	case TOKEN_PI_TARGET:
		return read_name(x, c, &name);
	case TOKEN_PI_DATA: {
		struct text unused = {.n = 0};
		return add_units(x, c, &unused);
	}
	case TOKEN_VALUE:
	case TOKEN_OPTIONAL:
		if (!cursor_u16(c, &index) || !cursor_u8(c, &type))
			return run_fail(x->run, "a substitution is cut off");
		return add_part(x, t, (struct evtx_part){.is_value = true, .index = index});
	default:
		return false;
	}
}

static bool is_text_token(unsigned char token)
{
	unsigned char t = token & (unsigned char)~TOKEN_MORE;
	return t == TOKEN_TEXT || (t >= TOKEN_CDATA && t <= TOKEN_PI_DATA) || t == TOKEN_VALUE || t == TOKEN_OPTIONAL;
}

static struct str without_blanks(struct arena *mem, struct str s)
{
	struct str out = arena_dup(mem, s);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != ' ')
			((char *)(uintptr_t)out.p)[n++] = s.p[i];
	return str_n(out.p, n);
}

/* Literal text is borrowed of the chunk, which a kept program outlives. */
static const unsigned char *keep(const struct xml *x, const struct evtx_part *p)
{
	return x->bare ? p->p : (const unsigned char *)arena_dup(x->mem, str_n((const char *)p->p, p->n)).p;
}

static void fill_slot(const struct xml *x, struct evtx_slot *slot, const struct text *t)
{
	if (t->n > 1) {
		struct evtx_part *part = arena_array(x->mem, t->n, sizeof(*part));
		for (size_t i = 0; i < t->n; i++) {
			part[i] = t->part[i];
			if (!part[i].is_value)
				part[i].p = keep(x, &t->part[i]);
		}
		slot->kind = EVTX_SLOT_PARTS;
		slot->part = part;
		slot->n = (uint32_t)t->n;
	} else if (t->n && t->part[0].is_value) {
		slot->kind = EVTX_SLOT_VALUE;
		slot->index = t->part[0].index;
	} else if (t->n) {
		slot->text = keep(x, &t->part[0]);
		slot->n = t->part[0].n;
		while (slot->n >= 2 && slot->text[slot->n - 1] == 0 && slot->text[slot->n - 2] == 0)
			slot->n -= 2;
	}
}

static void add_slot(struct xml *x, struct str name, const struct text *t, bool attribute, bool element, enum section section)
{
	if (++x->prog->n > SLOTS_MAX) {
		run_fail(x->run, "a template has more slots than the limit");
		return;
	}
	struct slot_node *node = arena_new(x->run->rec_mem, struct slot_node);
	struct evtx_slot *slot = &node->slot;
	slot->name = without_blanks(x->mem, name);
	slot->tag = x->run->tag ? x->run->tag(x->run->tag_arg, slot->name) : 0;
	slot->attribute = attribute;
	slot->element = element;
	fill_slot(x, slot, t);
	node->place = (struct place){slot->kind == EVTX_SLOT_VALUE ? slot->index : NO_VALUE, (uint8_t)section, !attribute && x->container};
	x->prog->containers |= node->place.container;
	*x->tail = node;
	x->tail = &node->next;
}

static unsigned name_bit(struct str name)
{
	return (unsigned)(name.n ? name.n * 31u + (unsigned char)name.p[name.n - 1] + (unsigned char)name.p[name.n / 2] * 7u : 0) & 255;
}

/* Whether the slot has the name of one of n others, and not both are elements. */
static bool stands_among(const struct evtx_slot *slot, const struct evtx_slot *other, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(slot->name, other[i].name) && !(slot->element && other[i].element))
			return true;
	return false;
}

bool programs_share(const struct program *a, const struct program *b)
{
	for (size_t i = 0; i < a->n; i++) {
		unsigned bit = name_bit(a->slot[i].name);
		if ((b->names[bit >> 6] >> (bit & 63) & 1) && stands_among(&a->slot[i], b->slot, b->n))
			return true;
	}
	return false;
}

static size_t only_container(const struct program *p)
{
	size_t only = p->n, others = 0;
	for (size_t i = 0; i < p->n; i++)
		if (p->place[i].container) {
			others += only < p->n;
			only = i;
		}
	for (size_t i = 0; only < p->n && i < p->n; i++)
		others += i != only && p->place[i].index == p->place[only].index;
	return others || only == p->n || p->place[only].index == NO_VALUE ? p->n : only;
}

/* The slots found, one behind the other. */
static void gather_slots(struct xml *x)
{
	struct program *p = x->prog;
	struct evtx_slot *slot = arena_array(x->mem, p->n + 1, sizeof(*slot));
	struct place *place = arena_array(x->mem, p->n + 1, sizeof(*place));
	size_t i = 0;
	for (const struct slot_node *node = x->first; node; node = node->next, i++) {
		slot[i] = node->slot;
		place[i] = node->place;
		unsigned bit = name_bit(slot[i].name);
		uint64_t *word = &p->names[bit >> 6], mask = UINT64_C(1) << (bit & 63);
		p->names_repeat |= (*word & mask) && stands_among(&slot[i], slot, i);
		*word |= mask;
	}
	p->slot = slot;
	p->place = place;
	p->only = only_container(p);
}

static enum section section_of(enum section parent, struct str name)
{
	switch (parent) {
	case SECTION_ROOT:
		if (str_eq(name, STR("Event")))
			return SECTION_EVENT;
		/* An embedded fragment may begin with its own section. */
		/* fall through */
	case SECTION_EVENT:
		if (str_eq(name, STR("System")))
			return SECTION_SYSTEM;
		if (str_eq(name, STR("EventData")))
			return SECTION_EVENTDATA;
		return str_eq(name, STR("UserData")) ? SECTION_USERDATA : SECTION_OTHER;
	case SECTION_SYSTEM:
	case SECTION_EVENTDATA:
	case SECTION_USERDATA:
	case SECTION_OTHER:
		break;
	}
	return parent;
}

/* Literal text of an attribute, as UTF-8. */
static struct str literal(struct xml *x, const struct text *t)
{
	struct buf b = BUF_INIT(65536);
	for (size_t i = 0; i < t->n; i++) {
		char *at = t->part[i].is_value ? NULL : buf_reserve(&b, t->part[i].n / 2 * 3);
		if (at)
			buf_commit(&b, utf16le_to_utf8(at, t->part[i].p, t->part[i].n));
	}
	struct str out = arena_dup(x->mem, buf_str(&b));
	buf_done(&b);
	return out;
}

struct element {
	struct str name, data_name; /* EventData: the Name attribute */
	enum section section, parent;
	bool has_children;
};

static void attribute_slot(struct xml *x, struct element *e, struct str name, const struct text *t)
{
	if (str_starts(name, STR("xmlns")))
		return;
	if (e->section == SECTION_EVENTDATA && str_eq(name, STR("Name")))
		e->data_name = literal(x, t);
	else if (e->parent == SECTION_SYSTEM && str_eq(e->name, STR("TimeCreated")))
		add_slot(x, e->name, t, true, false, e->section);
	else if (e->parent != SECTION_ROOT && e->parent != SECTION_EVENT)
		add_slot(x, arena_fmt(x->mem, "%.*s_%.*s", STR_ARG(e->name), STR_ARG(name)), t, true, false, e->section);
}

static bool attributes(struct xml *x, struct cursor *c, struct element *e)
{
	while (c->at < c->end && (*c->at & ~TOKEN_MORE) == TOKEN_ATTRIBUTE) {
		struct text t = {.n = 0};
		struct str name;
		c->at++;
		if (!read_name(x, c, &name))
			return false;
		while (c->at < c->end && is_text_token(*c->at)) {
			unsigned char token = *c->at++;
			if (!text_token(x, c, token, &t))
				return false;
		}
		attribute_slot(x, e, name, &t);
	}
	return true;
}

static void text_slot(struct xml *x, const struct element *e, const struct text *t)
{
	x->container = e->parent == SECTION_ROOT || e->parent == SECTION_EVENT;
	bool only_value = t->n == 1 && t->part[0].is_value;
	if (e->has_children && !only_value)
		return;
	if (e->section == SECTION_SYSTEM && e->parent == SECTION_SYSTEM) {
		if (t->n)
			add_slot(x, e->name, t, false, false, e->section);
	} else if (e->section == SECTION_EVENTDATA && e->parent == SECTION_EVENTDATA) {
		bool unnamed = !e->data_name.n && str_eq(e->name, STR("Data"));
		add_slot(x, e->data_name.n ? e->data_name : e->name, t, false, unnamed, e->section);
	} else if (t->n || e->parent == SECTION_USERDATA) {
		/* A container whose content is one embedded fragment, a leaf of UserData, or RenderingInfo and the like. */
		bool message = str_eq(e->name, STR("Message")); /* the rendered text of a forwarded event: what it is called everywhere */
		struct str name = e->section == SECTION_OTHER && e->parent == SECTION_OTHER && !message ? arena_fmt(x->mem, "RenderingInfo_%.*s", STR_ARG(e->name)) : e->name;
		add_slot(x, name, t, false, false, e->section);
	}
}

static bool element(struct xml *x, struct cursor *c, unsigned char token, enum section parent, int depth);

static bool content(struct xml *x, struct cursor *c, struct element *e, int depth)
{
	struct text t = {.n = 0};
	unsigned char token;
	while (cursor_u8(c, &token)) {
		if (token == TOKEN_END) {
			text_slot(x, e, &t);
			return !x->run->fault;
		}
		if ((token & ~TOKEN_MORE) == TOKEN_OPEN) {
			e->has_children = true;
			if (!element(x, c, token, e->section, depth + 1))
				return false;
		} else if (!text_token(x, c, token, &t)) {
			return run_fail(x->run, "binary XML has a token that cannot stand here");
		}
	}
	return run_fail(x->run, "an element is not closed");
}

static bool element_head(struct xml *x, struct cursor *c, unsigned char token, struct str *ret_name)
{
	if (!x->bare) {
		if (c->end - c->at < 2)
			return run_fail(x->run, "an element is cut off");
		c->at += 2; /* dependency id */
	}
	if (!skip_size(x, c) || !read_name(x, c, ret_name))
		return run_fail(x->run, "an element is cut off");
	if ((token & TOKEN_MORE) && !skip_size(x, c))
		return run_fail(x->run, "an element's attributes are cut off");
	return true;
}

static bool element(struct xml *x, struct cursor *c, unsigned char token, enum section parent, int depth)
{
	struct element e = {.parent = parent};
	unsigned char close;
	if (depth == DEPTH_MAX)
		return run_fail(x->run, "elements are nested deeper than the limit");
	if (!element_head(x, c, token, &e.name))
		return false;
	e.section = section_of(parent, e.name);
	if (!attributes(x, c, &e))
		return false;
	if (!cursor_u8(c, &close))
		return run_fail(x->run, "an element is cut off");
	if (close == TOKEN_CLOSE_EMPTY) {
		struct text none = {.n = 0};
		if (e.section == SECTION_EVENTDATA && e.parent == SECTION_EVENTDATA)
			text_slot(x, &e, &none);
		return true;
	}
	if (close != TOKEN_CLOSE_START)
		return run_fail(x->run, "an element's start is not closed");
	return content(x, c, &e, depth);
}

bool compile_fragment(struct run *run, struct cursor *c, enum section section, bool bare, struct program *p)
{
	struct xml x = {.run = run, .prog = p, .mem = bare ? run->rec_mem : run->mem, .bare = bare, .noted = c->at};
	unsigned char token = TOKEN_OPEN;
	x.tail = &x.first;
	x.step_tail = &x.steps;
	while (!run->fault && cursor_u8(c, &token) && token != TOKEN_EOF) {
		if (token == TOKEN_FRAGMENT) {
			if (c->end - c->at < 3)
				return run_fail(run, "a fragment header is cut off");
			c->at += 3;
		} else if ((token & ~TOKEN_MORE) == TOKEN_OPEN) {
			element(&x, c, token, section, 0);
		} else if ((token & ~TOKEN_MORE) == TOKEN_PI_TARGET || (token & ~TOKEN_MORE) == TOKEN_PI_DATA) {
			struct text unused = {.n = 0};
			text_token(&x, c, token, &unused);
		} else {
			return run_fail(run, "binary XML has an unknown token");
		}
	}
	p->to_the_end = token != TOKEN_EOF;
	if (run->fault)
		return false;
	note_bytes(&x, c->at);
	gather_steps(&x);
	gather_slots(&x);
	return true;
}
