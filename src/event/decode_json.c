/* SPDX-License-Identifier: Apache-2.0 */
#include "event/decode_parts.h"

#include "base/num.h"
#include "base/map.h"
#include "codec/json.h"
#include "sys/rand.h"

#include <errno.h>

/*
 * JSON to an event. Windows events come in several dresses (evtx_dump's tree, System beside EventData, Winlogbeat's ECS, NXLog's and Splunk's flat forms): a dress is found by
 * one telling name and is a list of prefix rewrites, so that afterwards all have the names that Windows itself and Sigma use.
 */
struct rewrite {
	const char *from, *to; /* a `from` that ends in '.' strips a prefix: the rest (its last piece when to is "*") is the name */
};

static const struct rewrite EVTX_DUMP[] = {{"Event.EventData.Data.#text", "Data"}, {"Event.EventData.", ""}, {"Event.UserData.", "*"}, {"Event.ProcessingErrorData.", ""},
	{"Event.System.Provider.#attributes.Name", "Provider_Name"}, {"Event.System.Provider.#attributes.Guid", "Provider_Guid"},
	{"Event.System.Provider.#attributes.EventSourceName", "Provider_EventSourceName"}, {"Event.System.TimeCreated.#attributes.SystemTime", "TimeCreated"},
	{"Event.System.Execution.#attributes.ProcessID", "Execution_ProcessID"}, {"Event.System.Execution.#attributes.ThreadID", "Execution_ThreadID"},
	{"Event.System.Security.#attributes.UserID", "Security_UserID"}, {"Event.System.Correlation.#attributes.ActivityID", "Correlation_ActivityID"},
	{"Event.System.EventID.#text", "EventID"}, {"Event.System.EventID.#attributes.Qualifiers", "EventID_Qualifiers"}, {"Event.System.", ""}, {NULL, NULL}};
static const struct rewrite WINLOGBEAT[] = {{"winlog.event_data.", ""}, {"winlog.user_data.", ""}, {"winlog.event_id", "EventID"}, {"winlog.channel", "Channel"},
	{"winlog.provider_name", "Provider_Name"}, {"winlog.computer_name", "Computer"}, {"winlog.record_id", "EventRecordID"}, {NULL, NULL}};
static const struct rewrite NXLOG[] = {{"SourceName", "Provider_Name"}, {"Hostname", "Computer"}, {"RecordNumber", "EventRecordID"}, {NULL, NULL}};
static const struct rewrite SPLUNK[] = {{"EventCode", "EventID"}, {"LogName", "Channel"}, {"ComputerName", "Computer"}, {"SourceName", "Provider_Name"}, {"RecordNumber", "EventRecordID"}, {NULL, NULL}};
static const struct rewrite PLAIN[] = {{"EventData.", ""}, {"ExtraEventData.", ""}, {"UserData.", "*"}, {"ProviderName", "Provider_Name"}, {"Provider", "Provider_Name"}, {NULL, NULL}};
static const struct rewrite SYSTEM[] = {{"System.Provider.Name", "Provider_Name"}, {"System.Provider.Guid", "Provider_Guid"}, {"System.EventID.Value", "EventID"},
	{"System.TimeCreated.SystemTime", "TimeCreated"}, {"System.Execution.ProcessID", "Execution_ProcessID"}, {"System.Execution.ThreadID", "Execution_ThreadID"},
	{"System.Security.UserID", "Security_UserID"}, {"System.", ""}, {"EventData.", ""}, {"UserData.", "*"}, {NULL, NULL}};

static const struct dress {
	const char *tell, *tell_too;
	const struct rewrite *rewrite;
} DRESSES[] = {
	{"Event.System.Channel", NULL, EVTX_DUMP},
	{"Event.System.EventRecordID", NULL, EVTX_DUMP},
	{"winlog.channel", NULL, WINLOGBEAT},
	{"Channel", "SourceName", NXLOG},
	{"Channel", "EventID", PLAIN},
	{"EventCode", "LogName", SPLUNK},
	{"System.Channel", NULL, SYSTEM},
};

static struct str renamed(const struct rewrite *r, struct str name)
{
	for (; name.n && r->from; r++) {
		if (*r->from != name.p[0])
			continue;
		struct str from = str_c(r->from);
		if (!str_starts(name, from))
			continue;
		if (from.p[from.n - 1] != '.') {
			if (name.n == from.n)
				return str_c(r->to);
			continue;
		}
		struct str rest = str_sub(name, from.n, name.n);
		size_t dot = str_rchr(rest, '.');
		return *r->to == '*' && dot != STR_NPOS ? str_sub(rest, dot + 1, rest.n) : rest;
	}
	return name;
}

/* What the reader gives becomes the event's fields where it lies: a value stays as it is, but for those that are told by their kind alone. */
union member {
	struct json_leaf leaf;
	struct field field;
};
_Static_assert(sizeof(struct json_leaf) == sizeof(struct field) && offsetof(struct json_leaf, known) == offsetof(struct field, id), "a leaf lies as a field");
_Static_assert(offsetof(struct json_leaf, p) == offsetof(struct field, val.u.p) && offsetof(struct json_leaf, n) == offsetof(struct field, val.n) &&
	offsetof(struct json_leaf, kind) == offsetof(struct field, val.kind), "a leaf's text lies as a value");
_Static_assert((int)JSON_KIND_STRING == VAL_STR && (int)JSON_KIND_ESCAPED == VAL_JSTR && (int)JSON_KIND_NUMBER == VAL_NUM && (int)JSON_KIND_EMPTY == VAL_JSON &&
	(int)JSON_KIND_NULL > VAL_JSON, "a kind of both has one number");

static struct val literal(uint8_t kind)
{
	return (struct val){.kind = kind == JSON_KIND_NULL ? VAL_NULL : VAL_BOOL, .u.u = kind == JSON_KIND_TRUE};
}

/* Of Windows events; those of other objects are found by flat.h. */
static const char *const TIMES[] = {"_time", "@timestamp", "timestamp", "TimeCreated", "UtcTime", "SystemTime", "time", "eventTime", "EventTime", "ts", "datetime", "date"};
static const char *const HOSTS[] = {"Computer", "host.name", "Hostname", "hostname", "host", "agent.hostname"};
/* Names that tell what the object is beside Windows events. */
enum telling { TELL_PATH, TELL_STREAM_AT, TELL_SYSTEM_AT, TELL_ID, TELL_MESSAGE, TELL_LOG, TELL_STREAM, TELL_COUNT };
static const char *const TELLING[TELL_COUNT] = {"_path", "@stream", "@system", "ID", "MESSAGE", "log", "stream"};

enum windows_name { W_CHANNEL, W_EVENT_ID, W_EVENT_TYPE, W_COMPUTER, W_RECORD, W_PROVIDER, W_COUNT };
static const char *const WINDOWS[W_COUNT] = {"Channel", "EventID", "EventType", "Computer", "EventRecordID", "Provider_Name"};

#define KNOWN_MAX 64 /* names that the tables above ask for, so that a word holds a set of them; number 0 = none */

/* What a name becomes under one dress. */
struct name_as {
	struct str name; /* a constant, the vocabulary's own text or a piece of the name */
	uint64_t bit;    /* of the number */
	uint8_t known;
	field_id id;
};

/* A member's name and what each dress makes of it; the last place is for objects without one. */
struct member_name {
	struct json_name name;
	struct name_as as[LEN(DRESSES) + 1];
};

#define SOURCES 64u
#define SOURCE_LONGEST 160u

/* What the vocabulary said last of a channel, an event's number and its type, which is all it looks at; it works it out anew each time it is asked. */
struct source_answer {
	bool used;
	uint32_t event_id, lsset;
	size_t n_channel, n_type;
	char text[SOURCE_LONGEST]; /* both */
};

/* The tables above with their names as numbers, sets of such numbers as bits, and what was met so far. */
struct json_tables {
	struct vocab *vocab;
	struct json_names *names;
	struct map known; /* of the names that tables ask for */
	uint64_t tell[LEN(DRESSES)];
	uint64_t times, utc; /* the lower a number, the better */
	uint8_t host[LEN(HOSTS)], windows[W_COUNT], telling[TELL_COUNT];
	uint32_t last[KNOWN_MAX]; /* where the event at hand has the name last */
	struct source_answer source[SOURCES];
	uint64_t layout_key; /* odd */
};

static inline uint64_t bit(uint8_t known)
{
	return UINT64_C(1) << known;
}

/* The number of a name that tables ask for, made when new. */
static uint8_t know(struct json_tables *t, const char *name)
{
	uint64_t *at = map_put(&t->known, str_c(name), NULL);
	if (!*at)
		*at = t->known.n;
	must(*at < KNOWN_MAX);
	return (uint8_t)*at;
}

/* The number, or 0. */
static uint8_t known_number(const struct json_tables *t, struct str name)
{
	uint64_t *at = map_get(&t->known, name);
	return at ? (uint8_t)*at : 0;
}

static struct name_as name_as(const struct json_tables *t, struct str s)
{
	field_id id = vocab_field(t->vocab, s);
	uint8_t known = known_number(t, s);
	return (struct name_as){.name = id ? vocab_field_name(t->vocab, id) : s, .bit = bit(known), .known = known, .id = id};
}

static void name_fill(void *arg, struct json_name *name, struct arena *mem)
{
	struct json_tables *t = arg;
	struct member_name *m = (struct member_name *)name;
	struct str raw = name->text, bare = decode_without_blanks(raw, mem);
	struct name_as same = name_as(t, raw), without = bare.p == raw.p ? same : name_as(t, bare);
	name->bits = same.bit;
	for (size_t d = 0; d < LEN(DRESSES); d++) {
		struct str s = renamed(DRESSES[d].rewrite, raw);
		m->as[d] = str_eq(s, raw) ? without : name_as(t, decode_without_blanks(s, mem));
	}
	m->as[LEN(DRESSES)] = same;
}

struct json_tables *json_tables_new(struct vocab *v)
{
	struct json_tables *t = must_new(struct json_tables);
	t->vocab = vocab_ref(v);
	t->names = json_names_new(sizeof(struct member_name), name_fill, t);
	map_init(&t->known);
	rand_bytes(&t->layout_key, sizeof(t->layout_key));
	t->layout_key |= 1;
	for (size_t i = 0; i < LEN(DRESSES); i++) {
		t->tell[i] = bit(know(t, DRESSES[i].tell));
		if (DRESSES[i].tell_too)
			t->tell[i] |= bit(know(t, DRESSES[i].tell_too));
	}
	for (size_t i = 0; i < TELL_COUNT; i++)
		t->telling[i] = know(t, TELLING[i]);
	for (size_t i = 0; i < LEN(TIMES); i++) {
		uint64_t time = bit(know(t, TIMES[i]));
		must(time > t->times);
		t->times |= time;
		t->utc |= decode_is_utc(str_c(TIMES[i])) ? time : 0;
	}
	for (size_t i = 0; i < LEN(HOSTS); i++)
		t->host[i] = know(t, HOSTS[i]);
	for (size_t i = 0; i < W_COUNT; i++)
		t->windows[i] = know(t, WINDOWS[i]);
	return t;
}

void json_tables_free(struct json_tables *t)
{
	if (!t)
		return;
	json_names_free(t->names);
	map_done(&t->known);
	vocab_unref(t->vocab);
	free(t);
}

/* One object on its way to an event. */
struct object {
	struct decoding *x;
	struct json_tables *t;
	struct json_object in; /* its bits: the known names as they are written */
	uint64_t seen;         /* known names as the event has them */
};

static bool has(const struct object *o, uint8_t known)
{
	return o->seen & bit(known);
}

static size_t find_dress(const struct object *o)
{
	size_t i = 0;
	while (i < LEN(DRESSES) && (o->in.bits & o->t->tell[i]) != o->t->tell[i])
		i++;
	return i;
}

/* Names that the reader does not know; false when they take more memory than there is. */
static bool learn_names(struct object *o)
{
	for (size_t i = 0; i < o->in.n; i++) {
		struct json_leaf *l = &o->in.leaf[i];
		if (l->known)
			continue;
		l->known = json_names_get(o->t->names, l->name, o->x->mem);
		if (!l->known)
			return false;
		o->in.bits |= l->known->bits;
	}
	return true;
}

static void fill_fields(struct object *o, size_t dress)
{
	struct event *ev = o->x->ev;
	union member *m = (union member *)o->in.leaf;
	uint32_t n = (uint32_t)o->in.n, *last = o->t->last;
	const uint64_t key = o->t->layout_key;
	uint64_t seen = 0, layout = n;
	ev->field = n ? &m->field : NULL;
	ev->n_field = n;
	ev->field_room = (uint32_t)o->in.room;
	for (uint32_t i = 0; i < n; i++, m++) {
		const struct name_as *as = &((const struct member_name *)m->leaf.known)->as[dress];
		struct field *f = &m->field;
		uint8_t kind = m->leaf.kind, flags = m->leaf.element ? FIELD_F_ELEMENT : 0;
		field_id id = as->id;
		seen |= as->bit;
		last[as->known] = i;
		layout = (layout ^ ((uint64_t)id << 8 | flags)) * key;
		f->name = as->name;
		if (kind > VAL_JSON)
			f->val = literal(kind);
		f->id = id;
		f->flags = flags;
	}
	ev->layout = layout;
	o->seen = seen;
}

static __attribute__((noinline)) struct str rare_text(const struct object *o, const struct field *f)
{
	if (f->flags & FIELD_F_ELEMENT)
		f = event_field_name(o->x->ev, f->name);
	return val_text(f->val, o->x->mem);
}

static inline struct str object_text(const struct object *o, uint8_t known)
{
	if (!has(o, known))
		return STR("");
	const struct field *f = &o->x->ev->field[o->t->last[known]];
	bool plain = (f->val.kind == VAL_STR || f->val.kind == VAL_NUM) && !(f->flags & FIELD_F_ELEMENT);
	return plain ? str_n(f->val.u.p, f->val.n) : rare_text(o, f);
}

static void json_time(const struct object *o)
{
	for (uint64_t left = o->seen & o->t->times; left; left &= left - 1) {
		uint8_t known = (uint8_t)__builtin_ctzll(left);
		struct str text = object_text(o, known);
		if (o->t->utc & bit(known) ? decode_utc_time(o->x, text) : decode_time(o->x, text))
			return;
	}
}

static void json_host(const struct object *o)
{
	for (size_t i = 0; i < LEN(HOSTS) && !o->x->ev->host.n; i++)
		o->x->ev->host = object_text(o, o->t->host[i]);
}

static uint32_t windows_source(const struct object *o, uint32_t event_id)
{
	const uint8_t *w = o->t->windows;
	struct str channel = object_text(o, w[W_CHANNEL]), type = object_text(o, w[W_EVENT_TYPE]);
	struct source_answer *a = &o->t->source[(event_id ^ channel.n << 3) % SOURCES];
	if (a->used && a->event_id == event_id && str_eq(str_n(a->text, a->n_channel), channel) && str_eq(str_n(a->text + a->n_channel, a->n_type), type))
		return a->lsset;
	uint32_t set = vocab_windows(o->x->vocab, channel, object_text(o, w[W_PROVIDER]), event_id, type);
	if (channel.n + type.n <= SOURCE_LONGEST) {
		*a = (struct source_answer){true, event_id, set, channel.n, type.n, ""};
		memcpy(a->text, channel.p, channel.n);
		memcpy(a->text + channel.n, type.p, type.n);
	}
	return set;
}

static void windows_event(const struct object *o)
{
	struct decoding *x = o->x;
	const uint8_t *w = o->t->windows;
	uint64_t event_id = 0, n;
	num_u64(object_text(o, w[W_EVENT_ID]), &event_id);
	if (num_u64(object_text(o, w[W_RECORD]), &n))
		x->own_record = n;
	x->ev->host = object_text(o, w[W_COMPUTER]);
	if (!x->forced)
		x->ev->lsset = windows_source(o, (uint32_t)event_id);
	if (event_id == 400 || event_id == 600 || event_id == 800)
		event_split_powershell(x->vocab, x->ev, x->mem);
	event_apply_aliases(x->vocab, x->ev, (uint32_t)event_id, x->mem);
}

/* What a container wrote, with the runtime's frame around it. */
static void container_line(const struct object *o)
{
	struct str text = str_trim(object_text(o, o->t->telling[TELL_LOG]));
	decode_fn *fn = decode_payload_kind(&text);
	decode_payload(o->x, fn ? fn : decode_access, text);
}

/* Zeek's JSON as Zeek (_path) and its shippers (@stream, names with _ for the dot) write it. Its `host` is a header of HTTP. */
static void zeek_object(const struct object *o)
{
	static const char *const ends[][2] = {{"id_orig_h", "id.orig_h"}, {"id_orig_p", "id.orig_p"}, {"id_resp_h", "id.resp_h"}, {"id_resp_p", "id.resp_p"}};
	struct decoding *x = o->x;
	const uint8_t *t = o->t->telling;
	if (!decode_zeek_source(x, object_text(o, has(o, t[TELL_PATH]) ? t[TELL_PATH] : t[TELL_STREAM_AT])))
		return;
	x->ev->host = object_text(o, t[TELL_SYSTEM_AT]);
	for (size_t i = 0; has(o, t[TELL_STREAM_AT]) && i < LEN(ends); i++) {
		const struct field *f = event_field_name(x->ev, str_c(ends[i][0]));
		if (f)
			decode_add_val(x, str_c(ends[i][1]), f->val, FIELD_F_ALIAS);
	}
	event_apply_aliases(x->vocab, x->ev, 0, x->mem);
}

static void other_object(const struct object *o)
{
	struct decoding *x = o->x;
	const uint8_t *t = o->t->telling;
	if (has(o, t[TELL_ID]) && decode_laurel(x))
		return;
	if (has(o, t[TELL_MESSAGE]) && decode_journal_fields(x))
		return;
	decode_flat(x, false);
	if (has(o, t[TELL_PATH]) || has(o, t[TELL_STREAM_AT]))
		zeek_object(o);
	if (has(o, t[TELL_LOG]) && has(o, t[TELL_STREAM]))
		container_line(o);
}

enum decode_fault decode_json(struct decoding *x, struct str text)
{
	struct object o = {.x = x, .t = x->json};
	int r = json_read_object(&text, x->mem, o.t->names, &o.in, NULL);
	if (r == -E2BIG)
		return DECODE_TOO_DEEP;
	if (r < 0 || str_trim(text).n)
		return DECODE_SYNTAX;
	if (o.in.news && !learn_names(&o))
		return DECODE_TOO_DEEP;
	size_t dress = find_dress(&o);
	fill_fields(&o, dress);
	if (dress == LEN(DRESSES)) {
		other_object(&o);
		return DECODE_OK;
	}
	x->ev->n_line = x->ev->n_field;
	json_time(&o);
	windows_event(&o);
	json_host(&o);
	return DECODE_OK;
}
