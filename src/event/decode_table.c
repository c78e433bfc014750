/* SPDX-License-Identifier: Apache-2.0 */
#include "event/decode_parts.h"
#include "event/reader_parts.h"

#include "base/vec.h"

/*
 * Rows whose columns a header names: Zeek's TSV (#fields, #types), W3C extended logs (#Fields: of IIS, Exchange), CSV. The header travels with each
 * record as its context and is read once for all rows behind it.
 */
enum column_kind { COLUMN_TEXT, COLUMN_NUMBER, COLUMN_BOOL, COLUMN_TIME };

struct column {
	struct str name;
	field_id id;
	uint8_t kind;
	bool many; /* set or vector */
};

struct table {
	struct arena mem;
	struct str context;  /* what it was read from, a copy */
	uint8_t format;      /* enum event_format */
	VEC(struct column) columns;
	char sep, set_sep;
	struct str empty, unset, path, date;
	int32_t date_at, time_at; /* columns, -1 = none */
	bool windows;
	bool local; /* W3C times are not UTC but the machine's */
};

struct table *table_new(void)
{
	struct table *t = must_new(struct table);
	arena_init(&t->mem, 1u << 20);
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	vec_done(&t->columns);
	arena_done(&t->mem);
	free(t);
}

#define COLUMNS_MAX 4096

static struct column *add_column(struct table *t, struct decoding *x, struct str name)
{
	if (t->columns.n >= COLUMNS_MAX)
		return NULL;
	vec_push(&t->columns, ((struct column){.name = name, .id = vocab_field(x->vocab, name)}));
	return vec_last(&t->columns);
}

/* True when the table in hand is this header's. */
static bool same_table(const struct table *t, const struct decoding *x, enum event_format format)
{
	return t->format == format && t->context.p && str_eq(t->context, x->rec->context);
}

static bool start_table(struct table *t, struct decoding *x, enum event_format format)
{
	arena_reset(&t->mem);
	vec_clear(&t->columns);
	t->format = (uint8_t)format;
	t->context = arena_dup(&t->mem, x->rec->context);
	t->sep = '\t';
	t->set_sep = ',';
	t->empty = STR("(empty)");
	t->unset = STR("-");
	t->path = t->date = STR("");
	t->date_at = t->time_at = -1;
	t->windows = t->local = false;
	return t->context.n > 0;
}

/* ---- Zeek ----------------------------------------------------------------------------------------------------------------------------------- */

/* "\x09" or the sign itself. */
static char zeek_sign(struct str s, char otherwise)
{
	uint64_t v;
	if (str_take(&s, STR("\\x")) && num_hex64(s, &v) && v < 128)
		return (char)v;
	return s.n == 1 ? s.p[0] : otherwise;
}

static uint8_t zeek_kind(struct str type)
{
	static const char *const numbers[] = {"count", "int", "double", "interval", "port"};
	for (size_t i = 0; i < LEN(numbers); i++)
		if (str_eq(type, str_c(numbers[i])))
			return COLUMN_NUMBER;
	return str_eq(type, STR("time")) ? COLUMN_TIME : str_eq(type, STR("bool")) ? COLUMN_BOOL : COLUMN_TEXT;
}

static void zeek_types(struct table *t, struct str rest)
{
	struct str type;
	for (size_t i = 0; i < t->columns.n && str_cut(&rest, t->sep, &type); i++) {
		struct column *c = &t->columns.at[i];
		size_t open = str_chr(type, '[');
		c->many = open != STR_NPOS;
		if (c->many)
			type = str_sub(type, open + 1, type.n - 1);
		c->kind = zeek_kind(type);
	}
}

static bool zeek_table(struct table *t, struct decoding *x)
{
	struct str rest, line, types = STR_NONE, name;
	if (same_table(t, x, FORMAT_ZEEK))
		return t->columns.n > 0;
	if (!start_table(t, x, FORMAT_ZEEK))
		return false;
	rest = t->context;
	while (str_line(&rest, &line)) {
		struct str l = line;
		if (str_take(&l, STR("#separator ")))
			t->sep = zeek_sign(l, '\t');
		else if (str_take(&l, STR("#set_separator")) && l.n)
			t->set_sep = zeek_sign(str_sub(l, 1, l.n), ',');
		else if (str_take(&l, STR("#empty_field")) && l.n)
			t->empty = str_sub(l, 1, l.n);
		else if (str_take(&l, STR("#unset_field")) && l.n)
			t->unset = str_sub(l, 1, l.n);
		else if (str_take(&l, STR("#path")) && l.n)
			t->path = str_sub(l, 1, l.n);
		else if (str_take(&l, STR("#types")) && l.n)
			types = str_sub(l, 1, l.n);
		else if (str_take(&l, STR("#fields")) && l.n)
			for (l = str_sub(l, 1, l.n); str_cut(&l, t->sep, &name);)
				add_column(t, x, name);
	}
	zeek_types(t, types);
	return t->columns.n > 0;
}

/* Zeek writes what is not printable as \xHH. */
static struct str zeek_unescape(struct str s, struct arena *mem)
{
	size_t n = 0;
	if (str_find(s, STR("\\x")) == STR_NPOS)
		return s;
	char *out = arena_alloc(mem, s.n + 1);
	for (size_t i = 0; out && i < s.n; n++) {
		int hi = i + 3 < s.n && s.p[i] == '\\' && s.p[i + 1] == 'x' ? ch_hex((unsigned char)s.p[i + 2]) : -1;
		int lo = hi >= 0 ? ch_hex((unsigned char)s.p[i + 3]) : -1;
		/* Only back to ASCII: a byte of another encoding would make the value invalid UTF-8. */
		if (lo >= 0 && hi < 8) {
			out[n] = (char)(hi * 16 + lo);
			i += 4;
		} else {
			out[n] = s.p[i++];
		}
	}
	return out ? str_n(out, n) : s;
}

static void zeek_value(struct decoding *x, const struct column *c, struct str text, uint8_t flags)
{
	struct val v = {.u.p = text.p, .n = (uint32_t)text.n, .kind = VAL_STR};
	if (c->kind == COLUMN_NUMBER || c->kind == COLUMN_TIME)
		v.kind = VAL_NUM;
	else if (c->kind == COLUMN_BOOL)
		v = (struct val){.kind = VAL_BOOL, .u.u = str_eq(text, STR("T"))};
	else if ((text = zeek_unescape(text, x->mem)).p != v.u.p)
		v = (struct val){.kind = VAL_STR, .u.p = text.p, .n = (uint32_t)text.n};
	event_add_field(x->ev, x->mem, c->name, c->id, v, flags);
}

static const char *const ZEEK_LOGS[] = {
#define ZEEK_LOG(path) path,
#include "event/zeek.def"
#undef ZEEK_LOG
};

bool decode_zeek_source(struct decoding *x, struct str path)
{
	for (size_t i = 0; i < LEN(ZEEK_LOGS); i++) {
		if (!str_eq(path, str_c(ZEEK_LOGS[i])))
			continue;
		struct logsource ls[2] = {{STR("zeek"), STR(""), str_c(ZEEK_LOGS[i])}, {STR("zeek"), STR("dns"), STR("dns")}};
		decode_sources(x, ls, str_eq(path, STR("dns")) ? 2 : 1);
		return true;
	}
	return false;
}

enum decode_fault decode_zeek(struct decoding *x, struct str text)
{
	struct table *t = x->table;
	struct str rest = text, cell;
	size_t i = 0;
	if (str_starts(text, STR("{")))
		return decode_json(x, text);
	if (!zeek_table(t, x))
		return DECODE_SYNTAX;
	for (; str_cut(&rest, t->sep, &cell); i++) {
		if (i == t->columns.n)
			return DECODE_SYNTAX;
		const struct column *c = &t->columns.at[i];
		if (str_eq(cell, t->unset))
			continue;
		if (str_eq(cell, t->empty)) {
			zeek_value(x, &(struct column){.name = c->name, .id = c->id}, STR(""), 0);
			continue;
		}
		if (c->kind == COLUMN_TIME && !x->ev->time_is_own)
			decode_time(x, cell);
		struct str item;
		while (c->many && str_cut(&cell, t->set_sep, &item))
			zeek_value(x, c, item, FIELD_F_ELEMENT);
		if (!c->many)
			zeek_value(x, c, cell, 0);
	}
	if (i < t->columns.n && i < 2)
		return DECODE_SYNTAX;
	if (!decode_zeek_source(x, t->path))
		decode_source(x, "zeek", "", "");
	event_apply_aliases(x->vocab, x->ev, 0, x->mem);
	return DECODE_OK;
}

/* ---- W3C --------------------------------------------------------------------------------------------------------------------------------------- */

/* cs(User-Agent) is cs-user-agent to Sigma; the other names are the same already. */
static struct str w3c_name(struct str name, struct arena *mem)
{
	size_t open = str_chr(name, '(');
	if (open == STR_NPOS || name.p[name.n - 1] != ')')
		return name;
	struct str out = arena_fmt(mem, "%.*s-%.*s", (int)open, name.p, (int)(name.n - open - 2), name.p + open + 1);
	for (size_t i = 0; i < out.n; i++)
		((char *)(uintptr_t)out.p)[i] = (char)ch_lower((unsigned char)out.p[i]);
	return out;
}

static bool w3c_table(struct table *t, struct decoding *x)
{
	struct str rest, line, name;
	if (same_table(t, x, FORMAT_W3C))
		return t->columns.n > 0;
	if (!start_table(t, x, FORMAT_W3C))
		return false;
	t->sep = ' ';
	rest = t->context;
	while (str_line(&rest, &line)) {
		if (str_take(&line, STR("#Date:")))
			t->date = str_trim(line);
		if (str_starts(line, STR("#Time Format: Local")))
			t->local = true;
		if (!str_take(&line, STR("#Fields:")))
			continue;
		line = str_trim(line);
		t->sep = str_chr(line, ',') != STR_NPOS ? ',' : str_chr(line, '\t') != STR_NPOS ? '\t' : ' ';
		while (str_cut(&line, t->sep, &name)) {
			if (!str_trim(name).n)
				continue;
			if (str_eq(name, STR("date")))
				t->date_at = (int32_t)t->columns.n;
			if (str_eq(name, STR("time")))
				t->time_at = (int32_t)t->columns.n;
			add_column(t, x, w3c_name(str_trim(name), &t->mem));
		}
	}
	return t->columns.n > 0;
}

/* IIS writes blanks inside a value as +. */
static struct str plus_to_blank(struct str s, struct arena *mem)
{
	if (str_chr(s, '+') == STR_NPOS)
		return s;
	struct str out = arena_dup(mem, s);
	for (size_t i = 0; i < out.n; i++)
		if (out.p[i] == '+')
			((char *)(uintptr_t)out.p)[i] = ' ';
	return out;
}

static void w3c_target(struct decoding *x)
{
	const struct field *stem = event_field_name(x->ev, STR("cs-uri-stem")), *query = event_field_name(x->ev, STR("cs-uri-query"));
	const struct field *agent = event_field_name(x->ev, STR("cs-user-agent"));
	if (stem) {
		struct str s = val_text(stem->val, x->mem), q = query ? val_text(query->val, x->mem) : STR("");
		decode_add_target(x, q.n ? arena_fmt(x->mem, "%.*s?%.*s", STR_ARG(s), STR_ARG(q)) : s, q.n > 0);
	}
	if (agent)
		decode_add_alias(x, "c-useragent", val_text(agent->val, x->mem));
}

/* pfirewall.log: date time action protocol src-ip dst-ip src-port dst-port … */
static void windows_firewall(struct decoding *x)
{
	static const char *const names[][2] = {{"src-ip", "src_ip"}, {"dst-ip", "dst_ip"}, {"src-port", "src_port"}, {"dst-port", "dst_port"}};
	const struct field *action = event_field_name(x->ev, STR("action"));
	if (!action || !event_field_name(x->ev, STR("src-ip")))
		return;
	for (size_t i = 0; i < LEN(names); i++) {
		const struct field *f = event_field_name(x->ev, str_c(names[i][0]));
		if (f)
			decode_add_alias(x, names[i][1], val_text(f->val, x->mem));
	}
	decode_add_alias(x, "blocked", str_ieq(val_text(action->val, x->mem), STR("DROP")) ? STR("true") : STR("false"));
	decode_source(x, "windows", "firewall", "");
}

enum decode_fault decode_w3c(struct decoding *x, struct str text)
{
	struct table *t = x->table;
	struct str cell, date = STR(""), time = STR("");
	size_t i = 0;
	bool quoted, iis = false;
	if (!w3c_table(t, x))
		return DECODE_SYNTAX;
	for (struct str rest = text; i < t->columns.n && csv_cell(&rest, t->sep, &cell, &quoted); i++) {
		const struct column *c = &t->columns.at[i];
		if (quoted)
			cell = str_sub(cell, 1, cell.n - 1);
		if ((int32_t)i == t->date_at)
			date = cell;
		if ((int32_t)i == t->time_at)
			time = cell;
		iis = iis || str_eq(c->name, STR("cs-uri-stem"));
		if (str_eq(cell, STR("-")) && !quoted)
			continue;
		if (t->sep == ' ' && str_eq(c->name, STR("cs-user-agent")))
			cell = plus_to_blank(cell, x->mem);
		event_add_field(x->ev, x->mem, c->name, c->id, (struct val){.kind = VAL_STR, .u.p = cell.p, .n = (uint32_t)cell.n}, 0);
	}
	if (i < t->columns.n / 2 || i < 2)
		return DECODE_SYNTAX;
	if (time.n) {
		if (!date.n && t->date.n >= 10)
			date = str_sub(t->date, 0, 10);
		tstamp at;
		/* W3C times are UTC, but for what the Windows firewall writes. */
		if (ts_parse_rfc3339(arena_fmt(x->mem, "%.*s %.*s", STR_ARG(date), STR_ARG(time)), t->local ? x->offset_s : 0, &at)) {
			x->ev->time = at;
			x->ev->time_is_own = true;
		}
	}
	if (!iis) {
		decode_flat(x, false);
		windows_firewall(x);
		return DECODE_OK;
	}
	w3c_target(x);
	decode_source(x, "", "webserver", "iis");
	const struct field *host = event_field_name(x->ev, STR("s-computername"));
	if (host)
		x->ev->host = val_text(host->val, x->mem);
	return DECODE_OK;
}

/* ---- CSV --------------------------------------------------------------------------------------------------------------------------------------- */

/* The inside of a quoted cell: "" is a quote. */
static struct str csv_text(struct str cell, bool quoted, struct arena *mem)
{
	if (!quoted)
		return cell;
	cell = str_sub(cell, 1, cell.n - 1);
	if (str_chr(cell, '"') == STR_NPOS)
		return cell;
	struct str out = arena_dup(mem, cell);
	size_t n = 0;
	for (size_t i = 0; i < out.n; i++) {
		((char *)(uintptr_t)out.p)[n++] = cell.p[i];
		i += cell.p[i] == '"';
	}
	return str_n(out.p, n);
}

static bool csv_table(struct table *t, struct decoding *x)
{
	struct str rest, cell;
	bool quoted, has_id = false, has_channel = false;
	if (same_table(t, x, FORMAT_CSV))
		return t->columns.n > 0;
	if (!start_table(t, x, FORMAT_CSV))
		return false;
	rest = t->context;
	t->sep = csv_separator(rest);
	while (csv_cell(&rest, t->sep, &cell, &quoted)) {
		struct str name = str_trim(csv_text(cell, quoted, &t->mem));
		if (!add_column(t, x, name))
			break;
		has_id = has_id || str_eq(name, STR("EventID"));
		has_channel = has_channel || str_eq(name, STR("Channel"));
	}
	t->windows = has_id && has_channel;
	for (size_t i = 0; t->windows && i < t->columns.n; i++) {
		struct column *c = &t->columns.at[i];
		c->name = decode_without_blanks(c->name, &t->mem);
		c->id = vocab_field(x->vocab, c->name);
	}
	return t->columns.n > 0;
}

enum decode_fault decode_csv(struct decoding *x, struct str text)
{
	struct table *t = x->table;
	struct str rest = text, cell;
	struct found_time found;
	bool quoted;
	if (!csv_table(t, x))
		return DECODE_SYNTAX;
	for (size_t i = 0; csv_cell(&rest, t->sep, &cell, &quoted); i++) {
		cell = csv_text(cell, quoted, x->mem);
		struct val v = {.kind = VAL_STR, .u.p = cell.p, .n = (uint32_t)cell.n};
		if (i < t->columns.n)
			event_add_field(x->ev, x->mem, t->columns.at[i].name, t->columns.at[i].id, v, 0);
		else if (i < COLUMNS_MAX)
			decode_add_str(x, arena_fmt(x->mem, "column%zu", i + 1), cell); /* more cells than the header names: nothing is lost */
	}
	decode_flat(x, t->windows);
	if (!x->ev->time_is_own && find_time(text, x->reference, x->offset_s, &found)) {
		x->ev->time = found.time;
		x->ev->time_is_own = true;
	}
	return DECODE_OK;
}
