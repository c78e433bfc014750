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

struct evtx_decoder {
	const struct vocab *v;
	struct evtx_templates *templates;
	struct route route[ROUTES];
	const struct event *proto;
	struct arena *mem;
	evtx_event_fn *cb;
	void *arg;
	field_id channel, event_id, event_type, computer, time, record_id;
};

static uint16_t tag(void *arg, struct str name)
{
	struct evtx_decoder *x = arg;
	return vocab_field(x->v, name);
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

static struct val time_val(tstamp t)
{
	return t == TS_NONE ? (struct val){.kind = VAL_NULL} : (struct val){.kind = VAL_TIME, .u.i = t};
}

/* FILETIME 0 means "never" and stays a value; so does what lies beyond the years that a tstamp holds. */
static struct val filetime(const struct evtx_field *f)
{
	uint64_t ft = f->n == 8 ? little(f->p, 8) : 0;
	tstamp t = ts_from_filetime(ft);
	if (f->n != 8)
		return (struct val){.kind = VAL_NULL};
	if (t != TS_NONE)
		return time_val(t);
	return ft ? (struct val){.kind = VAL_UINT, .u.u = ft} : (struct val){.kind = VAL_STR, .u.p = "1601-01-01T00:00:00Z", .n = 20};
}

/* SYSTEMTIME: year month weekday day hour minute second millisecond, 16 bits each. */
static struct val systemtime(const unsigned char *p)
{
	struct civil c = {.year = (int)little(p, 2), .month = (int)little(p + 2, 2), .day = (int)little(p + 6, 2), .hour = (int)little(p + 8, 2), .minute = (int)little(p + 10, 2),
		.second = (int)little(p + 12, 2), .nano = (int)little(p + 14, 2) * 1000000};
	tstamp t;
	return time_val(ts_from_civil(&c, &t) ? t : TS_NONE);
}

static struct val double_val(const struct evtx_field *f)
{
	double d = 0;
	float s = 0;
	if (f->n == 4) {
		memcpy(&s, f->p, 4);
		d = (double)s;
	} else if (f->n == 8) {
		memcpy(&d, f->p, 8);
	}
	return (struct val){.kind = VAL_DOUBLE, .u.d = d};
}

static struct val slice(enum val_kind kind, const struct evtx_field *f)
{
	return (struct val){.kind = (uint8_t)kind, .u.p = (const char *)f->p, .n = f->n};
}

static struct val parts_val(const struct evtx_field *f, struct arena *mem);

static struct val field_val(const struct evtx_field *f, struct arena *mem)
{
	switch (f->type) {
	case EVTX_NULL:
		return (struct val){.kind = VAL_NULL};
	case EVTX_STRING:
		return f->n ? slice(VAL_U16, f) : (struct val){.kind = VAL_STR, .u.p = ""};
	case EVTX_ANSI: {
		struct val v = slice(VAL_STR, f);
		while (v.n && v.u.p[v.n - 1] == 0)
			v.n--;
		return v;
	}
	case EVTX_INT8:
	case EVTX_INT16:
	case EVTX_INT32:
	case EVTX_INT64:
		return (struct val){.kind = VAL_INT, .u.i = little_signed(f->p, f->n)};
	case EVTX_UINT8:
	case EVTX_UINT16:
	case EVTX_UINT32:
	case EVTX_UINT64:
		return (struct val){.kind = VAL_UINT, .u.u = little(f->p, f->n)};
	case EVTX_SIZE:
	case EVTX_HEX32:
	case EVTX_HEX64:
		return (struct val){.kind = VAL_HEX, .u.u = little(f->p, f->n)};
	case EVTX_FLOAT:
	case EVTX_DOUBLE:
		return double_val(f);
	case EVTX_BOOL:
		return (struct val){.kind = VAL_BOOL, .u.u = little(f->p, f->n) != 0};
	case EVTX_GUID:
		return f->n == 16 ? slice(VAL_GUID, f) : slice(VAL_BYTES, f);
	case EVTX_FILETIME:
		return filetime(f);
	case EVTX_SYSTEMTIME:
		return f->n == 16 ? systemtime(f->p) : slice(VAL_BYTES, f);
	case EVTX_SID:
		return slice(VAL_SID, f);
	case EVTX_PARTS:
		return parts_val(f, mem);
	default:
		return slice(VAL_BYTES, f);
	}
}

static struct val parts_val(const struct evtx_field *f, struct arena *mem)
{
	const struct evtx_field *part = (const struct evtx_field *)(const void *)f->p;
	struct buf b = BUF_INIT(1u << 20);
	for (uint32_t i = 0; i < f->n; i++)
		if (part[i].type != EVTX_PARTS)
			buf_add(&b, val_text(field_val(&part[i], mem), mem));
	struct str s = arena_dup(mem, buf_str(&b));
	buf_done(&b);
	return (struct val){.kind = VAL_STR, .u.p = s.p, .n = (uint32_t)s.n};
}

/* The header's own: event data may use the same name (a cleared log names its Channel), and stands behind it. */
static const struct field *first_of(const struct event *ev, field_id id)
{
	for (uint32_t i = 0; id && i < ev->n_field; i++)
		if (ev->field[i].id == id)
			return &ev->field[i];
	return NULL;
}

static struct str text_of(struct evtx_decoder *x, const struct event *ev, field_id id)
{
	const struct field *f = first_of(ev, id);
	return f ? val_text(f->val, x->mem) : STR("");
}

static int64_t number_of(const struct event *ev, field_id id, int64_t otherwise)
{
	const struct field *f = first_of(ev, id);
	double d;
	int64_t n;
	bool is_int;
	return f && val_number(f->val, &d, &n, &is_int) && is_int ? n : otherwise;
}

static bool same_name(const struct field *a, const struct field *b)
{
	return a->id == b->id && (a->id || str_eq(a->name, b->name));
}

/* A name that header and data both use is one field with several values: a rule sees each of them. */
static void mark_repeated(struct event *ev, uint32_t at)
{
	for (uint32_t i = 0; i < at; i++)
		if (same_name(&ev->field[i], &ev->field[at])) {
			ev->field[i].flags |= FIELD_F_ELEMENT;
			ev->field[at].flags |= FIELD_F_ELEMENT;
		}
}

/* One bit of 256 per name: only names whose bit was seen are compared. */
static bool seen_before(uint64_t seen[4], const struct evtx_field *f)
{
	unsigned bit = (f->tag ? f->tag * 167u : (unsigned)f->name.n * 31u + (unsigned char)(f->name.n ? f->name.p[f->name.n - 1] : 0)) & 255;
	uint64_t mask = UINT64_C(1) << (bit & 63);
	bool was = seen[bit >> 6] & mask;
	seen[bit >> 6] |= mask;
	return was;
}

/* 12 is the one event id whose EventType decides. */
static void log_source(struct evtx_decoder *x, struct event *ev, uint32_t event_id)
{
	const struct field *f = first_of(ev, x->channel);
	struct route *r = &x->route[event_id % ROUTES];
	bool plain = f && f->val.kind == VAL_U16 && f->val.n && f->val.n <= CHANNEL_MAX && event_id != 12;
	if (plain && r->event_id == event_id && r->n == f->val.n && memcmp(r->channel, f->val.u.p, r->n) == 0) {
		ev->lsset = r->set;
		return;
	}
	struct str type = event_id == 12 ? text_of(x, ev, x->event_type) : STR("");
	ev->lsset = vocab_windows(x->v, f ? val_text(f->val, x->mem) : STR(""), STR(""), event_id, type);
	if (plain) {
		*r = (struct route){.n = f->val.n, .event_id = event_id, .set = ev->lsset};
		memcpy(r->channel, f->val.u.p, r->n);
	}
}

/* TimeCreated: a FILETIME, or text in forwarded records. */
static bool own_time(struct evtx_decoder *x, struct event *ev, struct val v)
{
	tstamp t;
	if (v.kind == VAL_TIME)
		t = v.u.i;
	else if (!ts_parse_rfc3339(val_text(v, x->mem), 0, &t))
		return false;
	ev->time = t;
	return ev->time_is_own = true;
}

static int on_record(void *arg, const struct evtx_record *rec)
{
	struct evtx_decoder *x = arg;
	struct event ev = *x->proto;
	uint64_t seen[4] = {0};
	bool have_time = false;
	arena_reset(x->mem);
	ev.format = FORMAT_EVTX;
	ev.record = rec->number;
	ev.offset = x->proto->offset + rec->offset;
	ev.time = rec->written != TS_NONE ? rec->written : ev.received;
	ev.time_is_own = rec->written != TS_NONE;
	ev.field_room = (uint32_t)rec->n + 8;
	ev.field = arena_array(x->mem, ev.field_room, sizeof(*ev.field));
	for (size_t i = 0; i < rec->n; i++) {
		const struct evtx_field *f = &rec->field[i];
		bool maybe_again = seen_before(seen, f) && !f->element;
		ev.field[i] = (struct field){.name = f->name, .id = f->tag, .val = field_val(f, x->mem), .flags = f->element ? FIELD_F_ELEMENT : 0};
		if (maybe_again)
			mark_repeated(&ev, (uint32_t)i);
		if (f->tag == x->time && f->tag && !have_time)
			have_time = own_time(x, &ev, ev.field[i].val);
	}
	ev.n_field = (uint32_t)rec->n;
	int64_t event_id = number_of(&ev, x->event_id, 0), record = number_of(&ev, x->record_id, -1);
	if (record >= 0)
		ev.record = (uint64_t)record; /* exported and forwarded logs count their records anew in the record's header */
	ev.host = text_of(x, &ev, x->computer);
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
	d->channel = vocab_field(v, STR("Channel"));
	d->event_id = vocab_field(v, STR("EventID"));
	d->event_type = vocab_field(v, STR("EventType"));
	d->computer = vocab_field(v, STR("Computer"));
	d->time = vocab_field(v, STR("TimeCreated"));
	d->record_id = vocab_field(v, STR("EventRecordID"));
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
