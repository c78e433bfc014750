/* SPDX-License-Identifier: Apache-2.0 */
#include "event/decode_parts.h"

/*
 * systemd's journal: its export format (lines of NAME=value; a line of NAME alone is followed by a 64-bit little-endian length, that many bytes and a
 * line end) and its JSON, whose objects have the same names.
 */
static bool next_field(struct str *rest, struct str *ret_name, struct str *ret_value)
{
	struct str line, data;
	uint64_t n;
	while (str_line(rest, &line)) {
		if (!line.n)
			continue;
		size_t eq = str_chr(line, '=');
		if (eq != STR_NPOS) {
			*ret_name = str_sub(line, 0, eq);
			*ret_value = str_sub(line, eq + 1, line.n);
			return true;
		}
		struct str body = *rest;
		if (!rd_le64(&body, &n) || !rd_bytes(&body, (size_t)n, &data))
			return false;
		*ret_name = line;
		*ret_value = data;
		str_take(&body, STR("\n"));
		*rest = body;
		return true;
	}
	return false;
}

/* JSON has text that is not UTF-8 as an array of its bytes. */
static struct str message_text(struct decoding *x, const struct field *first)
{
	struct event *ev = x->ev;
	size_t n = 0;
	if (!(first->flags & FIELD_F_ELEMENT))
		return val_text(first->val, x->mem);
	char *out = arena_alloc(x->mem, ev->n_field + 1);
	for (uint32_t i = 0; out && i < ev->n_field; i++) {
		uint64_t byte;
		if (str_eq(ev->field[i].name, first->name) && num_u64(val_text(ev->field[i].val, x->mem), &byte) && byte < 256)
			out[n++] = (char)byte;
	}
	enum decode_fault ignored;
	struct str text = out ? decode_clean(x, str_n(out, n), &ignored) : STR("");
	decode_add(x, "message", text);
	return text;
}

/* What the fields say, however they were written. False when they are not the journal's. */
bool decode_journal_fields(struct decoding *x)
{
	const struct field *message = event_field_name(x->ev, STR("MESSAGE")), *program = event_field_name(x->ev, STR("SYSLOG_IDENTIFIER"));
	const struct field *time = event_field_name(x->ev, STR("_SOURCE_REALTIME_TIMESTAMP")), *host = event_field_name(x->ev, STR("_HOSTNAME"));
	if (!time)
		time = event_field_name(x->ev, STR("__REALTIME_TIMESTAMP"));
	if (!program)
		program = event_field_name(x->ev, STR("_COMM"));
	if (!message || !time)
		return false;
	decode_time(x, val_text(time->val, x->mem));
	if (host)
		x->ev->host = val_text(host->val, x->mem);
	struct str who = program ? val_text(program->val, x->mem) : STR("");
	decode_daemon(x, who, message_text(x, message));
	return true;
}

enum decode_fault decode_journal(struct decoding *x, struct str text)
{
	struct str name, value;
	enum decode_fault ignored;
	size_t n = 0;
	if (str_starts(text, STR("{")))
		return decode_json(x, text);
	while (next_field(&text, &name, &value)) {
		if (n++ == 4096)
			return DECODE_SYNTAX;
		decode_add_str(x, decode_clean(x, name, &ignored), decode_clean(x, value, &ignored));
	}
	return decode_journal_fields(x) ? DECODE_OK : DECODE_SYNTAX;
}
