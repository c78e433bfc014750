/* SPDX-License-Identifier: Apache-2.0 */
#include "event/evtx.h"
#include "event/alias.h"

#include "base/num.h"
#include "base/utf8.h"

/* Which log-source set a channel (as it stands in the event) and an event id have. */
#define ROUTES 64u
#define CHANNEL_MAX 128u

struct route {
	char channel[CHANNEL_MAX];
	uint32_t n, event_id, set;
};

/* The computer's name as it lay in the record before, and its text. */
#define HOST_MAX 128u

struct host {
	char utf16[HOST_MAX], text[HOST_MAX / 2 * 3];
	uint32_t n;
	struct str as_text;
};

/* Fields that say what the event is. A slot's tag is the name's number and above it what it is here. */
enum role { ROLE_NONE, ROLE_CHANNEL, ROLE_EVENT_ID, ROLE_EVENT_TYPE, ROLE_COMPUTER, ROLE_TIME, ROLE_RECORD_ID, ROLES };

static const char *const ROLE_NAMES[ROLES] = {[ROLE_CHANNEL] = "Channel", [ROLE_EVENT_ID] = "EventID", [ROLE_EVENT_TYPE] = "EventType", [ROLE_COMPUTER] = "Computer",
	[ROLE_TIME] = "TimeCreated", [ROLE_RECORD_ID] = "EventRecordID"};

#define ROLE_SHIFT 16

struct evtx_decoder {
	const struct vocab *v;
	struct evtx_templates *templates;
	struct route route[ROUTES];
	struct host host;
	const struct event *proto;
	struct arena *mem;
	evtx_event_fn *cb;
	void *arg;
	/* Of the record being decoded: the first field of each role (the header's: event data may use the same name, and stands behind it) or NULL. */
	const struct field *role[ROLES];
	struct event *ev;
	bool have_time;
};

static uint32_t tag(void *arg, struct str name)
{
	struct evtx_decoder *x = arg;
	uint32_t role = ROLES - 1;
	while (role && !str_eq(name, str_c(ROLE_NAMES[role])))
		role--;
	return vocab_field(x->v, name) | role << ROLE_SHIFT;
}

static uint64_t little(const unsigned char *p, size_t n)
{
	uint64_t v = 0;
	for (size_t i = 0; i < n && i < 8; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static int64_t little_signed(const unsigned char *p, size_t n)
{
	uint64_t v = little(p, n);
	return n < 8 && n && (p[n - 1] & 0x80) ? (int64_t)(v | ~UINT64_C(0) << (8 * n)) : (int64_t)v;
}

/* The number of a type that has `usual` bytes: a file may say otherwise. */
static inline uint64_t number(const struct evtx_value *v, size_t usual)
{
	if (v->n != usual)
		return little(v->p, v->n);
	return usual == 8 ? evtx_le64(v->p) : usual == 4 ? evtx_le32(v->p) : usual == 2 ? (uint64_t)(v->p[0] | v->p[1] << 8) : v->p[0];
}

static inline void set_text(struct val *to, enum val_kind kind, const void *p, size_t n)
{
	to->u.p = p;
	to->n = (uint32_t)n;
	to->kind = (uint8_t)kind;
}

static inline void set_number(struct val *to, enum val_kind kind, uint64_t u)
{
	to->u.u = u;
	to->n = 0;
	to->kind = (uint8_t)kind;
}

/* FILETIME 0 means "never" and stays a value; so does what lies beyond the years that a tstamp holds. */
static void set_filetime(struct val *to, const struct evtx_value *v)
{
	uint64_t ft = v->n == 8 ? evtx_le64(v->p) : 0;
	tstamp t = ts_from_filetime(ft);
	if (v->n != 8)
		set_number(to, VAL_NULL, 0);
	else if (t != TS_NONE)
		set_number(to, VAL_TIME, (uint64_t)t);
	else if (ft)
		set_number(to, VAL_UINT, ft);
	else
		set_text(to, VAL_STR, "1601-01-01T00:00:00Z", 20);
}

/* What needs more than registers stands apart, so that the usual types do not pay for it. */
#define APART __attribute__((noinline))

/* SYSTEMTIME: year month weekday day hour minute second millisecond, 16 bits each. */
static APART void set_systemtime(struct val *to, const struct evtx_value *v)
{
	const unsigned char *p = v->p;
	tstamp t;
	if (v->n != 16) {
		set_text(to, VAL_BYTES, p, v->n);
		return;
	}
	uint64_t ms = little(p + 14, 2);
	struct civil c = {.year = (int)little(p, 2), .month = (int)little(p + 2, 2), .day = (int)little(p + 6, 2), .hour = (int)little(p + 8, 2), .minute = (int)little(p + 10, 2),
		.second = (int)little(p + 12, 2), .nano = ms < 1000 ? (int)ms * 1000000 : -1};
	if (ts_from_civil(&c, &t) && t != TS_NONE)
		set_number(to, VAL_TIME, (uint64_t)t);
	else
		set_number(to, VAL_NULL, 0);
}

static APART void set_double(struct val *to, const struct evtx_value *v)
{
	double d = 0;
	float s = 0;
	if (v->n == 4) {
		memcpy(&s, v->p, 4);
		d = (double)s;
	} else if (v->n == 8) {
		memcpy(&d, v->p, 8);
	}
	*to = (struct val){.kind = VAL_DOUBLE, .u.d = d};
}

static void set_ansi(struct val *to, const struct evtx_value *v)
{
	size_t n = v->n;
	while (n && v->p[n - 1] == 0)
		n--;
	set_text(to, VAL_STR, v->p, n);
}

/* Text in UTF-16LE; NULs at its end are not meant. */
static inline void set_utf16(struct val *to, const unsigned char *p, size_t n)
{
	n &= ~(size_t)1;
	while (n && !(p[n - 1] | p[n - 2]))
		n -= 2;
	set_text(to, n ? VAL_U16 : VAL_STR, n ? (const char *)p : "", n);
}

static inline __attribute__((always_inline)) void set_value(struct val *to, const struct evtx_value *v)
{
	switch (v->type) {
	case EVTX_NULL:
		set_number(to, VAL_NULL, 0);
		return;
	case EVTX_STRING:
		set_utf16(to, v->p, v->n);
		return;
	case EVTX_ANSI:
		set_ansi(to, v);
		return;
	case EVTX_INT8:
	case EVTX_INT16:
	case EVTX_INT32:
	case EVTX_INT64:
		set_number(to, VAL_INT, (uint64_t)little_signed(v->p, v->n));
		return;
	case EVTX_UINT8:
		set_number(to, VAL_UINT, number(v, 1));
		return;
	case EVTX_UINT16:
		set_number(to, VAL_UINT, number(v, 2));
		return;
	case EVTX_UINT32:
		set_number(to, VAL_UINT, number(v, 4));
		return;
	case EVTX_UINT64:
		set_number(to, VAL_UINT, number(v, 8));
		return;
	case EVTX_HEX32:
		set_number(to, VAL_HEX, number(v, 4));
		return;
	case EVTX_HEX64:
	case EVTX_SIZE:
		set_number(to, VAL_HEX, number(v, 8));
		return;
	case EVTX_FLOAT:
	case EVTX_DOUBLE:
		set_double(to, v);
		return;
	case EVTX_BOOL:
		set_number(to, VAL_BOOL, number(v, 4) != 0);
		return;
	case EVTX_GUID:
		set_text(to, v->n == 16 ? VAL_GUID : VAL_BYTES, v->p, v->n);
		return;
	case EVTX_SID:
		set_text(to, VAL_SID, v->p, v->n);
		return;
	case EVTX_FILETIME:
		set_filetime(to, v);
		return;
	case EVTX_SYSTEMTIME:
		set_systemtime(to, v);
		return;
	default:
		set_text(to, VAL_BYTES, v->p, v->n);
	}
}

/* Of a text that is put together, NULs are pieces like others. */
static struct str part_text(const struct evtx_part *part, const struct evtx_span *span, struct arena *mem)
{
	const struct evtx_value *v = part->is_value && part->index < span->n_value ? &span->value[part->index] : NULL;
	struct val val = {.kind = VAL_U16, .u.p = (const char *)part->p, .n = part->n};
	if (part->is_value && !v)
		return STR("");
	if (v && v->type != EVTX_STRING)
		set_value(&val, v);
	else if (v)
		set_text(&val, VAL_U16, v->p, v->n);
	return val_text(val, mem);
}

static APART void set_parts(struct val *to, const struct evtx_slot *slot, const struct evtx_span *span, struct arena *mem)
{
	struct buf b = BUF_INIT(1u << 20);
	for (uint32_t i = 0; i < slot->n; i++)
		buf_add(&b, part_text(&slot->part[i], span, mem));
	struct str s = arena_dup(mem, buf_str(&b));
	buf_done(&b);
	set_text(to, VAL_STR, s.p, s.n);
}

static struct str text_of(struct evtx_decoder *x, enum role role)
{
	const struct field *f = x->role[role];
	return f ? val_text(f->val, x->mem) : STR("");
}

static int64_t number_of(struct evtx_decoder *x, enum role role, int64_t otherwise)
{
	const struct field *f = x->role[role];
	double d;
	int64_t n;
	bool is_int;
	if (f && f->val.kind == VAL_UINT && f->val.u.u <= INT64_MAX)
		return f->val.u.i;
	return f && val_number(f->val, &d, &n, &is_int) && is_int ? n : otherwise;
}

static bool same_name(const struct field *a, const struct field *b)
{
	return a->id == b->id && (a->id || str_eq(a->name, b->name));
}

/* One bit of 256 per name: only names whose bit was seen are compared. */
static bool seen_before(uint64_t seen[4], const struct field *f)
{
	unsigned bit = (f->id ? f->id * 167u : (unsigned)f->name.n * 31u + (unsigned char)(f->name.n ? f->name.p[f->name.n - 1] : 0)) & 255;
	uint64_t mask = UINT64_C(1) << (bit & 63);
	bool was = seen[bit >> 6] & mask;
	seen[bit >> 6] |= mask;
	return was;
}

/* A name that header and data both use is one field with several values: a rule sees each of them. */
static void mark_repeated(struct event *ev)
{
	uint64_t seen[4] = {0};
	for (uint32_t at = 0; at < ev->n_field; at++) {
		if (!seen_before(seen, &ev->field[at]) || (ev->field[at].flags & FIELD_F_ELEMENT))
			continue;
		for (uint32_t i = 0; i < at; i++)
			if (same_name(&ev->field[i], &ev->field[at])) {
				ev->field[i].flags |= FIELD_F_ELEMENT;
				ev->field[at].flags |= FIELD_F_ELEMENT;
			}
	}
}

/* Logs are of one computer, or of few. */
static struct str host_name(struct evtx_decoder *x)
{
	const struct field *f = x->role[ROLE_COMPUTER];
	struct host *h = &x->host;
	if (!f || f->val.kind != VAL_U16 || f->val.n > HOST_MAX)
		return text_of(x, ROLE_COMPUTER);
	if (h->n != f->val.n || memcmp(h->utf16, f->val.u.p, h->n) != 0) {
		h->n = f->val.n;
		memcpy(h->utf16, f->val.u.p, h->n);
		h->as_text = str_n(h->text, utf16le_to_utf8(h->text, (const unsigned char *)h->utf16, h->n));
	}
	return h->as_text;
}

/* 12 is the one event id whose EventType decides. */
static void log_source(struct evtx_decoder *x, struct event *ev, uint32_t event_id)
{
	const struct field *f = x->role[ROLE_CHANNEL];
	struct route *r = &x->route[event_id % ROUTES];
	bool plain = f && f->val.kind == VAL_U16 && f->val.n && f->val.n <= CHANNEL_MAX && event_id != 12;
	if (plain && r->event_id == event_id && r->n == f->val.n && memcmp(r->channel, f->val.u.p, r->n) == 0) {
		ev->lsset = r->set;
		return;
	}
	struct str type = event_id == 12 ? text_of(x, ROLE_EVENT_TYPE) : STR("");
	ev->lsset = vocab_windows(x->v, f ? val_text(f->val, x->mem) : STR(""), STR(""), event_id, type);
	if (plain) {
		*r = (struct route){.n = f->val.n, .event_id = event_id, .set = ev->lsset};
		memcpy(r->channel, f->val.u.p, r->n);
	}
}

/* TimeCreated: a FILETIME, or text in forwarded records. */
static bool own_time(struct evtx_decoder *x, struct val v)
{
	tstamp t;
	if (v.kind == VAL_TIME)
		t = v.u.i;
	else if (!ts_parse_rfc3339(val_text(v, x->mem), 0, &t))
		return false;
	x->ev->time = t;
	return x->ev->time_is_own = true;
}

static void note_role(struct evtx_decoder *x, uint32_t role, const struct field *f)
{
	if (!x->role[role])
		x->role[role] = f;
	if (role == ROLE_TIME && !x->have_time)
		x->have_time = own_time(x, f->val);
}

/* The name of a field whose value is there. */
static inline struct field *add_name(struct evtx_decoder *x, struct field *to, const struct evtx_slot *slot, bool element)
{
	to->name = slot->name;
	to->id = (field_id)slot->tag;
	to->flags = element ? FIELD_F_ELEMENT : 0;
	if (slot->tag >> ROLE_SHIFT)
		note_role(x, slot->tag >> ROLE_SHIFT, to);
	return to + 1;
}

static APART struct field *add_array(struct evtx_decoder *x, struct field *to, const struct evtx_slot *slot, struct evtx_value rest)
{
	struct evtx_value v;
	while (evtx_element(&rest, &v)) {
		set_value(&to->val, &v);
		to = add_name(x, to, slot, true);
	}
	return to;
}

/* Null, or an array: one comparison for what is rare. */
static inline bool is_rare(uint8_t type)
{
	return (uint8_t)(type - 1) >= EVTX_ARRAY - 1;
}

static struct field *add_span(struct evtx_decoder *x, struct field *to, const struct evtx_span *span)
{
	static const struct evtx_value none = {.type = EVTX_NULL};
	for (const struct evtx_slot *slot = span->slot, *end = slot + span->n; slot < end; slot++) {
		if (slot->kind == EVTX_SLOT_VALUE) {
			const struct evtx_value *v = slot->index < span->n_value ? &span->value[slot->index] : &none;
			if (is_rare(v->type)) {
				if (v->type & EVTX_ARRAY)
					to = add_array(x, to, slot, *v);
				if (v->type & EVTX_ARRAY || slot->attribute)
					continue;
			}
			set_value(&to->val, v);
		} else if (slot->kind == EVTX_SLOT_LITERAL) {
			set_utf16(&to->val, slot->text, slot->n);
		} else {
			set_parts(&to->val, slot, span, x->mem);
		}
		to = add_name(x, to, slot, slot->element);
	}
	return to;
}

static int on_record(void *arg, const struct evtx_record *rec)
{
	struct evtx_decoder *x = arg;
	struct event ev = *x->proto;
	arena_reset(x->mem);
	ev.format = FORMAT_EVTX;
	ev.record = rec->number;
	ev.record_is_own = true;
	ev.offset = x->proto->offset + rec->offset;
	ev.time = rec->written != TS_NONE ? rec->written : ev.received;
	ev.time_is_own = rec->written != TS_NONE;
	ev.field_room = (uint32_t)rec->fields + 8;
	ev.field = arena_array(x->mem, ev.field_room, sizeof(*ev.field));
	memset(x->role, 0, sizeof(x->role));
	x->have_time = false;
	x->ev = &ev;
	struct field *to = ev.field;
	for (size_t i = 0; i < rec->n_span; i++)
		to = add_span(x, to, &rec->span[i]);
	ev.n_field = (uint32_t)(to - ev.field);
	if (rec->names_repeat)
		mark_repeated(&ev);
	int64_t event_id = number_of(x, ROLE_EVENT_ID, 0), record = number_of(x, ROLE_RECORD_ID, -1);
	if (record >= 0)
		ev.record = (uint64_t)record; /* exported and forwarded logs count their records anew in the record's header */
	ev.host = host_name(x);
	if (!ev.lsset)
		log_source(x, &ev, (uint32_t)event_id);
	if (event_id == 400 || event_id == 600 || event_id == 800)
		event_split_powershell(x->v, &ev, x->mem);
	event_apply_aliases(x->v, &ev, (uint32_t)event_id, x->mem);
	return x->cb(x->arg, &ev);
}

struct evtx_decoder *evtx_decoder_new(const struct vocab *v)
{
	struct evtx_decoder *d = must_new(struct evtx_decoder);
	d->v = v;
	d->templates = evtx_templates_new(tag, d);
	return d;
}

void evtx_decoder_free(struct evtx_decoder *d)
{
	if (!d)
		return;
	evtx_templates_free(d->templates);
	free(d);
}

int evtx_decode_chunk(struct evtx_decoder *d, struct str chunk, const struct event *proto, struct arena *mem, evtx_event_fn *cb, void *arg, struct evtx_chunk_result *ret)
{
	d->proto = proto;
	d->mem = mem;
	d->cb = cb;
	d->arg = arg;
	return evtx_read_chunk(d->templates, chunk, on_record, d, ret);
}
