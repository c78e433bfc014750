/* SPDX-License-Identifier: Apache-2.0 */
#include "event/decode_parts.h"

/* What a flat list of named fields means as a whole; shared by JSON, CSV, XML, journal and key=value. */

static const struct {
	const char *from, *to;
} COMMON[] = {
#define ECS(from, to) {from, to},
#include "event/ecs.def"
#undef ECS
};

/* ECS says in event.category and event.type what happened, and on which system in host.os. */
static const struct {
	const char *category, *type, *sigma;
} HAPPENED[] = {
	{"process", "start", "process_creation"}, {"process", "end", "process_termination"}, {"file", "deletion", "file_delete"}, {"file", "", "file_event"},
	{"registry", "", "registry_set"}, {"library", "", "image_load"}, {"driver", "", "driver_load"}, {"network", "protocol", "dns_query"}, {"network", "", "network_connection"},
	{"web", "", "webserver"},
};

struct str decode_without_blanks(struct str name, struct arena *mem)
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

static struct str text_of(struct decoding *x, const char *name)
{
	const struct field *f = event_field_name(x->ev, str_c(name));
	return f ? val_text(f->val, x->mem) : STR("");
}

/* One of the elements of an array, or the one value. */
static bool any_is(struct decoding *x, const char *name, const char *value)
{
	for (uint32_t i = 0; i < x->ev->n_field; i++)
		if (str_eq(x->ev->field[i].name, str_c(name)) && str_ieq(val_text(x->ev->field[i].val, x->mem), str_c(value)))
			return true;
	return false;
}

static void common_source(struct decoding *x)
{
	static const char *const places[] = {"host.os.type", "host.os.family", "host.os.platform"};
	struct str product = STR("");
	for (size_t i = 0; i < LEN(places) && !product.n; i++)
		product = text_of(x, places[i]);
	if (str_ieq(product, STR("darwin")))
		product = STR("macos");
	product = str_ieq(product, STR("windows")) ? STR("windows") : str_ieq(product, STR("linux")) ? STR("linux") : str_ieq(product, STR("macos")) ? STR("macos") : STR("");
	for (size_t i = 0; i < LEN(HAPPENED); i++) {
		if (!any_is(x, "event.category", HAPPENED[i].category) || (*HAPPENED[i].type && !any_is(x, "event.type", HAPPENED[i].type)))
			continue;
		struct logsource ls = {product, str_c(HAPPENED[i].sigma), STR("")};
		decode_sources(x, &ls, 1);
		return;
	}
	if (product.n)
		decode_sources(x, &(struct logsource){product, STR(""), STR("")}, 1);
}

/* Names of the Elastic Common Schema beside, or instead of, the event's own. */
static void common_schema(struct decoding *x)
{
	uint32_t own = x->ev->n_field;
	for (size_t i = 0; i < LEN(COMMON); i++) {
		struct str to = str_c(COMMON[i].to);
		if (event_field_name(x->ev, to))
			continue;
		for (uint32_t k = 0; k < own; k++)
			if (str_eq(x->ev->field[k].name, str_c(COMMON[i].from)))
				decode_add_val(x, to, x->ev->field[k].val, (uint8_t)(FIELD_F_ALIAS | (x->ev->field[k].flags & FIELD_F_ELEMENT)));
	}
	if (!x->ev->lsset)
		common_source(x);
}

bool decode_is_utc(struct str name)
{
	return str_ifind(name, STR("utc")) != STR_NPOS || str_eq(name, STR("TimeCreated")) || str_eq(name, STR("SystemTime"));
}

bool decode_utc_time(struct decoding *x, struct str text)
{
	tstamp t;
	if (!ts_parse_rfc3339(text, 0, &t))
		return decode_time(x, text);
	x->ev->time = t;
	return x->ev->time_is_own = true;
}

static bool time_of(struct decoding *x, const struct field *f)
{
	if (f->val.kind == VAL_NULL || f->val.kind == VAL_BOOL || f->val.kind == VAL_JSON)
		return false;
	struct str text = val_text(f->val, x->mem);
	return decode_is_utc(f->name) ? decode_utc_time(x, text) : decode_time(x, text);
}

/* A date and a clock in two fields, as appliances and spreadsheets have them. */
static bool date_and_time(struct decoding *x)
{
	static const char *const pairs[][2] = {{"date", "time"}, {"Date", "Time"}, {"DATE", "TIME"}};
	for (size_t i = 0; i < LEN(pairs); i++) {
		struct str date = text_of(x, pairs[i][0]), time = text_of(x, pairs[i][1]), zone = text_of(x, "tz");
		if (date.n < 6 || date.n > 20 || time.n < 4 || time.n > 20)
			continue;
		if (decode_time(x, arena_fmt(x->mem, "%.*s %.*s%.*s", STR_ARG(date), STR_ARG(time), STR_ARG(zone))))
			return true;
	}
	return false;
}

static void find_own_time(struct decoding *x, const struct flat_found *found)
{
	struct str best = found->time[0] ? found->time[0]->name : STR("");
	if ((str_ieq(best, STR("time")) || str_ieq(best, STR("date"))) && date_and_time(x))
		return;
	for (size_t i = 0; i < LEN(found->time) && found->time[i]; i++)
		if (time_of(x, found->time[i]))
			return;
	for (uint32_t i = 0; i < x->ev->n_field; i++)
		if (flat_time_like(x->ev->field[i].name) && time_of(x, &x->ev->field[i]))
			return;
}

void decode_windows(struct decoding *x)
{
	const struct field *record = event_field_name(x->ev, STR("EventRecordID"));
	uint64_t event_id = 0, n;
	struct str host = text_of(x, "Computer"), type = text_of(x, "EventType");
	num_u64(text_of(x, "EventID"), &event_id);
	if (record && num_u64(val_text(record->val, x->mem), &n))
		x->own_record = n;
	if (host.n)
		x->ev->host = host;
	if (!x->forced)
		x->ev->lsset = vocab_windows(x->vocab, text_of(x, "Channel"), text_of(x, "Provider_Name"), (uint32_t)event_id, type);
	if (event_id == 400 || event_id == 600 || event_id == 800)
		event_split_powershell(x->vocab, x->ev, x->mem);
	event_apply_aliases(x->vocab, x->ev, (uint32_t)event_id, x->mem);
}

void decode_flat(struct decoding *x, bool windows)
{
	struct flat_found found;
	flat_look(x->roles, x->ev, !windows, &found);
	if (!x->ev->time_is_own)
		find_own_time(x, &found);
	if (found.host)
		x->ev->host = val_text(found.host->val, x->mem);
	if (windows) {
		decode_windows(x);
		return;
	}
	if (!x->forced)
		x->ev->lsset = found.lsset;
	if (found.common)
		common_schema(x);
	event_apply_aliases(x->vocab, x->ev, 0, x->mem);
}
