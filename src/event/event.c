/* SPDX-License-Identifier: Apache-2.0 */
#include "event/event.h"

#include "base/num.h"
#include "base/utf8.h"
#include "codec/json.h"

#include <errno.h>

static const char *const FORMAT_NAMES[] = {
#define FORMAT(sym, name, help) name,
#include "event/formats.def"
#undef FORMAT
};

const char *event_format_name(enum event_format f)
{
	must(f < FORMAT_COUNT);
	return FORMAT_NAMES[f];
}

enum event_format event_format_parse(struct str name)
{
	for (size_t i = 0; i < FORMAT_COUNT; i++)
		if (str_eq(str_c(FORMAT_NAMES[i]), name))
			return (enum event_format)i;
	return FORMAT_COUNT;
}

static inline bool is_named(const struct field *f, field_id id, struct str name)
{
	return id ? f->id == id : f->name.n == name.n && (f->name.p == name.p || str_eq(f->name, name));
}

/* Aliases stand behind the event's own fields and win; of plain fields the last of a name wins; of an array the first element. */
static inline const struct field *pick(const struct event *ev, field_id id, struct str name)
{
	if (!ev->n_field)
		return NULL;
	const struct field *begin = ev->field, *f = begin + ev->n_field;
	do {
		if (f == begin)
			return NULL;
	} while (!is_named(--f, id, name));
	for (const struct field *e = f; (f->flags & FIELD_F_ELEMENT) && e != begin;)
		if (is_named(--e, id, name) && (e->flags & FIELD_F_ELEMENT))
			f = e;
	return f;
}

const struct field *event_field(const struct event *ev, field_id id)
{
	return id == FIELD_UNKNOWN ? NULL : pick(ev, id, STR_NONE);
}

const struct field *event_field_name(const struct event *ev, struct str name)
{
	return pick(ev, FIELD_UNKNOWN, name);
}

static const char DIGITS[] = "0123456789ABCDEF";

static struct str guid_text(const unsigned char *g, struct arena *mem)
{
	static const unsigned char order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
	char text[38], *p = text;
	*p++ = '{';
	for (unsigned i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = DIGITS[g[order[i]] >> 4];
		*p++ = DIGITS[g[order[i]] & 15];
	}
	*p = '}';
	return arena_dup(mem, str_n(text, sizeof(text)));
}

static void add_part(struct buf *b, const char *before, uint64_t part)
{
	char text[32];
	size_t n = strlen(before);
	memcpy(text, before, n);
	buf_add(b, str_n(text, n + num_format_u64(text + n, part)));
}

/* MS-DTYP 2.4.2.1: revision, count, 48-bit authority (big-endian), 32-bit sub-authorities (little-endian). */
static struct str sid_text(const unsigned char *s, size_t n, struct arena *mem)
{
	struct buf b = BUF_INIT(512);
	uint64_t authority = 0;
	if (n < 8 || n < 8 + 4u * s[1])
		return STR("");
	for (int i = 2; i < 8; i++)
		authority = authority << 8 | s[i];
	add_part(&b, "S-", s[0]);
	add_part(&b, "-", authority);
	for (unsigned i = 0; i < s[1]; i++) {
		const unsigned char *p = s + 8 + 4 * i;
		add_part(&b, "-", (unsigned)p[0] | (unsigned)p[1] << 8 | (unsigned)p[2] << 16 | (unsigned)p[3] << 24);
	}
	struct str out = arena_dup(mem, buf_str(&b));
	buf_done(&b);
	return out;
}

static struct str bytes_text(struct val v, struct arena *mem)
{
	char *p = arena_alloc(mem, (size_t)v.n * 2 + 1);
	if (!p)
		return STR_NONE;
	for (uint32_t i = 0; i < v.n; i++) {
		p[2 * i] = DIGITS[(unsigned char)v.u.p[i] >> 4];
		p[2 * i + 1] = DIGITS[(unsigned char)v.u.p[i] & 15];
	}
	return str_n(p, (size_t)v.n * 2);
}

static struct str hex_text(char *out, uint64_t v)
{
	size_t n = v ? (67 - (size_t)__builtin_clzll(v)) / 4 : 1;
	out[0] = '0';
	out[1] = 'x';
	for (size_t i = n; i-- > 0; v >>= 4)
		out[2 + i] = "0123456789abcdef"[v & 15];
	return str_n(out, 2 + n);
}

static struct str number_text(struct val v, struct arena *mem)
{
	char *p = arena_alloc(mem, TS_TEXT_MAX);
	if (!p)
		return STR_NONE;
	switch ((enum val_kind)v.kind) {
	case VAL_UINT:
		return str_n(p, num_format_u64(p, v.u.u));
	case VAL_INT:
		return str_n(p, num_format_i64(p, v.u.i));
	case VAL_HEX:
		return hex_text(p, v.u.u);
	case VAL_DOUBLE:
		return str_n(p, num_format_double(p, v.u.d));
	case VAL_TIME:
		return str_n(p, ts_format(p, v.u.i));
	case VAL_NULL:
	case VAL_STR:
	case VAL_JSTR:
	case VAL_U16:
	case VAL_NUM:
	case VAL_BOOL:
	case VAL_GUID:
	case VAL_SID:
	case VAL_BYTES:
	case VAL_JSON:
		break;
	}
	must_not_reach("a number is rendered");
}

struct str val_text(struct val v, struct arena *mem)
{
	char *p;
	switch ((enum val_kind)v.kind) {
	case VAL_NULL:
		return STR("");
	case VAL_STR:
	case VAL_NUM:
	case VAL_JSON:
		return str_n(v.u.p, v.n);
	case VAL_BOOL:
		return v.u.u ? STR("true") : STR("false");
	case VAL_JSTR:
		p = arena_alloc(mem, (size_t)v.n + 1);
		return p ? str_n(p, json_unescape(p, str_n(v.u.p, v.n))) : STR_NONE;
	case VAL_U16:
		p = arena_alloc(mem, (size_t)v.n / 2 * 3 + 1);
		return p ? str_n(p, utf16le_to_utf8(p, (const unsigned char *)v.u.p, v.n)) : STR_NONE;
	case VAL_GUID:
		return guid_text((const unsigned char *)v.u.p, mem);
	case VAL_SID:
		return sid_text((const unsigned char *)v.u.p, v.n, mem);
	case VAL_BYTES:
		return bytes_text(v, mem);
	case VAL_UINT:
	case VAL_INT:
	case VAL_HEX:
	case VAL_DOUBLE:
	case VAL_TIME:
		break;
	}
	return number_text(v, mem);
}

static bool number_from_text(struct str s, double *ret, int64_t *ret_int, bool *ret_is_int)
{
	if (num_i64(s, ret_int)) {
		*ret_is_int = true;
		*ret = (double)*ret_int;
		return true;
	}
	*ret_is_int = false;
	return num_double(s, ret);
}

bool val_number(struct val v, double *ret, int64_t *ret_int, bool *ret_is_int)
{
	char small[64];
	switch ((enum val_kind)v.kind) {
	case VAL_UINT:
		if (v.u.u > INT64_MAX) {
			*ret_is_int = false;
			*ret = (double)v.u.u;
			return true;
		}
		/* fall through */
	case VAL_INT:
		*ret_is_int = true;
		*ret_int = v.u.i;
		*ret = (double)v.u.i;
		return true;
	case VAL_DOUBLE:
		*ret_is_int = false;
		*ret = v.u.d;
		return true;
	case VAL_NUM:
	case VAL_STR:
		return number_from_text(str_n(v.u.p, v.n), ret, ret_int, ret_is_int);
	case VAL_U16:
		if (v.n > 2 * 20)
			return false;
		return number_from_text(str_n(small, utf16le_to_utf8(small, (const unsigned char *)v.u.p, v.n)), ret, ret_int, ret_is_int);
	case VAL_NULL:
	case VAL_JSTR:
	case VAL_BOOL:
	case VAL_HEX:
	case VAL_TIME:
	case VAL_GUID:
	case VAL_SID:
	case VAL_BYTES:
	case VAL_JSON:
		break;
	}
	return false;
}

static void add_val_json(struct val v, struct arena *mem, struct buf *out)
{
	switch ((enum val_kind)v.kind) {
	case VAL_NULL:
		buf_add(out, STR("null"));
		return;
	case VAL_BOOL:
	case VAL_UINT:
	case VAL_INT:
	case VAL_DOUBLE:
	case VAL_JSON:
		buf_add(out, val_text(v, mem));
		return;
	case VAL_NUM:
		if (json_text_is_number(str_n(v.u.p, v.n))) {
			buf_add(out, str_n(v.u.p, v.n));
			return;
		}
		break;
	case VAL_JSTR:
		if (json_add_string_as_written(out, str_n(v.u.p, v.n)))
			return;
		break;
	case VAL_STR:
	case VAL_U16:
	case VAL_HEX:
	case VAL_TIME:
	case VAL_GUID:
	case VAL_SID:
	case VAL_BYTES:
		break;
	}
	json_add_string(out, val_text(v, mem));
}

void field_add_json(const struct field *f, struct arena *mem, struct buf *out)
{
	bool element = f->flags & FIELD_F_ELEMENT;
	if (element)
		buf_addc(out, '[');
	add_val_json(f->val, mem, out);
	if (element)
		buf_addc(out, ']');
}

static bool is_element(const struct event *ev, uint32_t at)
{
	return ev->field[at].flags & FIELD_F_ELEMENT;
}

/* A field among those of its name. */
struct namesake {
	uint32_t first, next; /* fields of the name; next 0 = none */
	/* Of the first: */
	uint32_t last;
	uint32_t element;     /* the first that is an element, UINT32_MAX = none is */
};

static inline bool same_name(const struct field *a, const struct field *b)
{
	return a->id == b->id && (a->id || str_eq(a->name, b->name));
}

/* For each field; NULL at the arena's cap. */
static const struct namesake *find_namesakes(const struct event *ev, struct arena *mem)
{
	static const struct namesake alone = {0};
	uint32_t slots = 4;
	if (ev->n_field < 2)
		return &alone;
	while (slots / 2 < ev->n_field)
		slots *= 2;
	struct namesake *same = arena_array(mem, ev->n_field, sizeof(*same));
	uint32_t *slot = arena_zalloc(mem, slots * sizeof(*slot)); /* first fields, counted from 1 */
	for (uint32_t i = 0; same && slot && i < ev->n_field; i++) {
		const struct field *f = &ev->field[i];
		size_t at = (f->id ? f->id : str_hash(f->name)) & (slots - 1);
		while (slot[at] && !same_name(&ev->field[slot[at] - 1], f))
			at = (at + 1) & (slots - 1);
		if (!slot[at])
			slot[at] = i + 1;
		same[i] = (struct namesake){.first = slot[at] - 1, .last = i, .element = UINT32_MAX};
		struct namesake *first = &same[same[i].first];
		if (first != &same[i])
			same[first->last].next = i;
		first->last = i;
		if (first->element == UINT32_MAX && is_element(ev, i))
			first->element = i;
	}
	return slot ? same : NULL;
}

static void add_elements(const struct event *ev, const struct namesake *same, uint32_t first, struct arena *mem, struct buf *out)
{
	buf_addc(out, '[');
	add_val_json(ev->field[first].val, mem, out);
	for (uint32_t k = first; (k = same[k].next);) {
		if (!is_element(ev, k))
			continue;
		buf_addc(out, ',');
		add_val_json(ev->field[k].val, mem, out);
	}
	buf_addc(out, ']');
}

/* What the field that speaks took the name from: the values it says otherwise. */
static void add_original(const struct event *ev, const struct namesake *same, uint32_t at, struct arena *mem, struct buf *out)
{
	struct buf list = BUF_INIT(64u << 20);
	struct str key = STR_NONE, said = val_text(ev->field[at].val, mem);
	uint32_t i = same[at].first;
	size_t n = 0;
	do {
		if (i == at || (is_element(ev, at) && is_element(ev, i)) || str_eq(val_text(ev->field[i].val, mem), said))
			continue;
		if (n++)
			buf_addc(&list, ',');
		add_val_json(ev->field[i].val, mem, &list);
	} while ((i = same[i].next));
	if (n)
		key = arena_fmt(mem, "%.*s.original", STR_ARG(ev->field[at].name));
	if (key.p && !event_field_name(ev, key)) {
		json_add_key(out, key);
		buf_add_cstr(out, n > 1 ? "[" : "");
		buf_add(out, buf_str(&list));
		buf_add_cstr(out, n > 1 ? "]" : "");
	}
	buf_done(&list);
}

void event_add_json(const struct event *ev, struct arena *mem, struct buf *out)
{
	const struct namesake *same = find_namesakes(ev, mem);
	if (!same) {
		out->err = out->err ? out->err : -ENOMEM;
		return;
	}
	buf_addc(out, '{');
	for (uint32_t i = 0; i < ev->n_field; i++) {
		/* What the name stands for (as pick() says): the last of plain fields, the elements from the first on. */
		const struct namesake *first = &same[same[i].first];
		if (i != (is_element(ev, first->last) ? first->element : first->last))
			continue;
		json_add_key(out, ev->field[i].name);
		if (is_element(ev, i))
			add_elements(ev, same, i, mem, out);
		else
			add_val_json(ev->field[i].val, mem, out);
		if (first->next)
			add_original(ev, same, i, mem, out);
	}
	buf_addc(out, '}');
}

struct str event_raw(const struct event *ev, struct arena *mem)
{
	if (ev->raw.n || ev->format != FORMAT_EVTX)
		return ev->raw;
	/* Aliases are made again when this line is decoded. */
	struct event own = *ev;
	own.field = arena_array(mem, ev->n_field + 1, sizeof(*own.field));
	own.n_field = 0;
	for (uint32_t i = 0; own.field && i < ev->n_field; i++)
		if (!(ev->field[i].flags & FIELD_F_ALIAS))
			own.field[own.n_field++] = ev->field[i];
	struct buf b = BUF_INIT(64u << 20);
	event_add_json(&own, mem, &b);
	struct str out = arena_dup(mem, buf_str(&b));
	buf_done(&b);
	return out;
}
