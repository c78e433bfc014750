/* SPDX-License-Identifier: Apache-2.0 */
#include "event/decode_parts.h"

#include "base/num.h"
#include "codec/json.h"

#include <errno.h>

/*
 * JSON to an event. Windows events come in four dresses (evtx_dump's tree, Winlogbeat's ECS, NXLog's and Splunk's flat forms): a dress is found by
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
static const struct rewrite PLAIN[] = {{NULL, NULL}};

static const struct dress {
	const char *tell, *tell_too;
	const struct rewrite *rewrite;
	bool windows;
} DRESSES[] = {
	{"Event.System.Channel", NULL, EVTX_DUMP, true},
	{"Event.System.EventRecordID", NULL, EVTX_DUMP, true},
	{"winlog.channel", NULL, WINLOGBEAT, true},
	{"Channel", "SourceName", NXLOG, true},
	{"Channel", "EventID", PLAIN, true},
	{"EventCode", "LogName", SPLUNK, true},
};

static bool has_name(const struct json_leaf *leaf, size_t n, const char *name)
{
	struct str want = str_c(name);
	for (size_t i = 0; i < n; i++)
		if (leaf[i].name.n == want.n && memcmp(leaf[i].name.p, want.p, want.n) == 0)
			return true;
	return false;
}

static const struct dress *find_dress(const struct json_leaf *leaf, size_t n)
{
	for (size_t i = 0; i < LEN(DRESSES); i++)
		if (has_name(leaf, n, DRESSES[i].tell) && (!DRESSES[i].tell_too || has_name(leaf, n, DRESSES[i].tell_too)))
			return &DRESSES[i];
	return NULL;
}

static struct str renamed(const struct rewrite *r, struct str name)
{
	for (; r->from; r++) {
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

/* Windows' own names may hold blanks; Sigma writes them without. */
static struct str without_blanks(struct str name, struct arena *mem)
{
	if (str_chr(name, ' ') == STR_NPOS)
		return name;
	struct str out = arena_dup(mem, name);
	size_t n = 0;
	for (size_t i = 0; i < out.n; i++)
		if (name.p[i] != ' ')
			((char *)(uintptr_t)out.p)[n++] = name.p[i];
	return str_n(out.p, n);
}

static struct val leaf_val(const struct json_leaf *l)
{
	struct val v = {.u.p = l->text.p, .n = (uint32_t)l->text.n};
	switch ((enum json_kind)l->kind) {
	case JSON_KIND_NULL:
		return (struct val){.kind = VAL_NULL};
	case JSON_KIND_TRUE:
	case JSON_KIND_FALSE:
		return (struct val){.kind = VAL_BOOL, .u.u = l->kind == JSON_KIND_TRUE};
	case JSON_KIND_NUMBER:
		v.kind = VAL_NUM;
		return v;
	case JSON_KIND_STRING:
		v.kind = VAL_STR;
		return v;
	case JSON_KIND_ESCAPED:
		v.kind = VAL_JSTR;
		return v;
	case JSON_KIND_EMPTY:
		break;
	}
	v.kind = VAL_JSON;
	return v;
}

static void fill_fields(struct decoding *x, const struct json_leaf *leaf, size_t n, const struct dress *dress)
{
	struct event *ev = x->ev;
	ev->field_room = (uint32_t)n + 8;
	ev->field = arena_array(x->mem, ev->field_room, sizeof(*ev->field));
	if (!ev->field) {
		ev->field_room = 0;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct str name = leaf[i].name;
		if (dress && dress->rewrite != PLAIN)
			name = renamed(dress->rewrite, name);
		if (dress && dress->windows)
			name = without_blanks(name, x->mem);
		ev->field[ev->n_field++] = (struct field){.name = name, .id = vocab_field(x->vocab, name), .val = leaf_val(&leaf[i]), .flags = leaf[i].element ? FIELD_F_ELEMENT : 0};
	}
}

static const struct {
	const char *product, *category, *service, *names;
} SHAPES[] = {
#define JSON_SOURCE(product, category, service, names) {product, category, service, names},
#include "event/shape.def"
#undef JSON_SOURCE
};

static uint32_t shape_source(struct decoding *x, const struct json_leaf *leaf, size_t n)
{
	for (size_t i = 0; i < LEN(SHAPES); i++) {
		struct str rest = str_c(SHAPES[i].names), name;
		bool all = true;
		while (all && str_word(&rest, &name)) {
			char text[64];
			snprintf(text, sizeof(text), "%.*s", STR_ARG(name));
			all = has_name(leaf, n, text);
		}
		if (all)
			return decode_logsource(x, SHAPES[i].product, SHAPES[i].category, SHAPES[i].service);
	}
	return 0;
}

/* Event time: what the format says first, then the names people use. */
static void json_time(struct decoding *x)
{
	static const char *const names[] = {"_time", "@timestamp", "timestamp", "TimeCreated", "UtcTime", "SystemTime", "time", "eventTime", "EventTime", "ts", "published",
		"requestReceivedTimestamp", "CreationTime", "activityDateTime", "createdDateTime", "created_at", "datetime", "date"};
	for (size_t i = 0; i < LEN(names); i++) {
		const struct field *f = event_field_name(x->ev, str_c(names[i]));
		if (f && decode_time(x, val_text(f->val, x->mem)))
			return;
	}
}

static void windows_event(struct decoding *x)
{
	const struct field *channel = event_field_name(x->ev, STR("Channel")), *id = event_field_name(x->ev, STR("EventID"));
	const struct field *type = event_field_name(x->ev, STR("EventType")), *host = event_field_name(x->ev, STR("Computer"));
	const struct field *record = event_field_name(x->ev, STR("EventRecordID")), *provider = event_field_name(x->ev, STR("Provider_Name"));
	uint64_t event_id = 0, n;
	if (id)
		num_u64(val_text(id->val, x->mem), &event_id);
	if (record && num_u64(val_text(record->val, x->mem), &n))
		x->own_record = n;
	if (host)
		x->ev->host = val_text(host->val, x->mem);
	if (!x->forced)
		x->ev->lsset = vocab_windows(x->vocab, channel ? val_text(channel->val, x->mem) : STR(""), provider ? val_text(provider->val, x->mem) : STR(""),
			(uint32_t)event_id, type ? val_text(type->val, x->mem) : STR(""));
	event_apply_aliases(x->vocab, x->ev, (uint32_t)event_id, x->mem);
}

enum decode_fault decode_json(struct decoding *x, struct str text)
{
	struct json_leaf *leaf;
	size_t n;
	int r = json_read_flat(&text, x->mem, &leaf, &n, NULL);
	if (r == -E2BIG)
		return DECODE_TOO_DEEP;
	if (r < 0 || str_trim(text).n)
		return DECODE_SYNTAX;
	const struct dress *dress = find_dress(leaf, n);
	fill_fields(x, leaf, n, dress);
	json_time(x);
	if (dress)
		windows_event(x);
	else if (!x->forced)
		x->ev->lsset = shape_source(x, leaf, n);
	static const char *const hosts[] = {"Computer", "host.name", "Hostname", "hostname", "host", "agent.hostname"};
	for (size_t i = 0; i < LEN(hosts) && !x->ev->host.n; i++) {
		const struct field *f = event_field_name(x->ev, str_c(hosts[i]));
		if (f)
			x->ev->host = val_text(f->val, x->mem);
	}
	return DECODE_OK;
}
