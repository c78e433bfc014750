/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/show.h"

#include "base/utf8.h"

#include <jansson.h>
#include <unistd.h>

#define COLUMNS_MAX 12
#define CELL_MAX 60

/* Columns of a list's table in the order in which people read them; the first that the items have are shown. */
static const char *const COLUMNS[] = {"id", "seq", "time", "status", "state", "priority", "score", "level", "title", "name", "source", "phase", "assignee", "owner", "commander", "user", "roles", "count",
	"received", "stored", "refused", "host", "last_seen_at", "created_at", "sent_at", "due_at", "who", "channel", "subject", "verb", "noun", "object_id"};

static void cell_text(const json_t *v, struct buf *out)
{
	const char *lang = lang_is_ja() ? "ja" : "en";
	if (json_is_object(v) && json_object_get(v, lang))
		v = json_object_get(v, lang);
	if (json_is_string(v)) {
		buf_add_cstr(out, json_string_value(v));
	} else if (v && !json_is_null(v)) {
		char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
		buf_add_cstr(out, text ? text : "");
		free(text);
	}
}

static bool any_has(const json_t *items, const char *key)
{
	for (size_t i = 0; i < json_array_size(items); i++)
		if (json_object_get(json_array_get(items, i), key))
			return true;
	return false;
}

static size_t choose_columns(const json_t *items, const char *column[COLUMNS_MAX])
{
	size_t n = 0;
	for (size_t i = 0; i < LEN(COLUMNS) && n < COLUMNS_MAX; i++)
		if (any_has(items, COLUMNS[i]))
			column[n++] = COLUMNS[i];
	return n;
}

/* As much of s as fits into so many columns, cut between characters. */
static struct str fit(struct str s, size_t columns)
{
	while (utf8_columns(s) > columns) {
		s.n--;
		while (s.n && ((unsigned char)s.p[s.n] & 0xc0) == 0x80)
			s.n--;
	}
	return s;
}

void show_csv_cell(struct str s, struct buf *out)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			buf_addc(out, '"');
		buf_addc(out, s.p[i]);
	}
	buf_addc(out, '"');
}

static void show_rows(const json_t *items, bool csv, struct buf *out)
{
	const char *column[COLUMNS_MAX];
	size_t n = choose_columns(items, column), width[COLUMNS_MAX] = {0};
	struct buf cell = BUF_INIT(1u << 20);
	for (int pass = csv; n && pass < 2; pass++) {
		for (size_t row = 0; row <= json_array_size(items); row++) {
			for (size_t i = 0; i < n; i++) {
				buf_reset(&cell);
				if (row)
					cell_text(json_object_get(json_array_get(items, row - 1), column[i]), &cell);
				else
					buf_add_cstr(&cell, column[i]);
				struct str s = csv ? buf_str(&cell) : fit(buf_str(&cell), CELL_MAX);
				size_t w = utf8_columns(s);
				if (pass == 0) {
					width[i] = w > width[i] ? w : width[i];
				} else if (csv) {
					show_csv_cell(s, out);
					buf_addc(out, i + 1 < n ? ',' : '\n');
				} else {
					buf_add(out, s);
					for (; i + 1 < n && w < width[i] + 2; w++)
						buf_addc(out, ' ');
				}
			}
			if (pass && !csv)
				buf_addc(out, '\n');
		}
	}
	buf_done(&cell);
}

static void show_object(const json_t *o, struct buf *out)
{
	const char *key;
	json_t *v;
	struct buf cell = BUF_INIT(16u << 20);
	json_object_foreach((json_t *)(uintptr_t)o, key, v)
	{
		buf_reset(&cell);
		cell_text(v, &cell);
		buf_addf(out, "%-24s %s\n", key, buf_cstr(&cell));
	}
	buf_done(&cell);
}

static void show_lines(const json_t *items, struct buf *out)
{
	for (size_t i = 0; i < json_array_size(items); i++) {
		char *text = json_dumps(json_array_get(items, i), JSON_COMPACT);
		buf_addf(out, "%s\n", text ? text : "");
		free(text);
	}
}

int show_answer(struct str body, bool is_json, const char *output)
{
	struct buf out = BUF_INIT(1u << 30);
	json_t *o = is_json ? json_loadb(body.p, body.n, 0, NULL) : NULL;
	json_t *items = json_object_get(o, "items");
	const char *how = output ? output : isatty(STDOUT_FILENO) ? "table" : "json";
	if (!o)
		buf_add(&out, body);
	else if (strcmp(how, "json") == 0)
		buf_add(&out, body), buf_addc(&out, '\n');
	else if (strcmp(how, "jsonl") == 0 && items)
		show_lines(items, &out);
	else if (strcmp(how, "jsonl") == 0)
		buf_add(&out, body), buf_addc(&out, '\n');
	else if (items)
		show_rows(items, strcmp(how, "csv") == 0, &out);
	else
		show_object(o, &out);
	out_write(buf_str(&out));
	const char *cursor = json_string_value(json_object_get(o, "next_cursor"));
	if (cursor && strcmp(how, "json") != 0)
		fprintf(stderr, SAY("more follows: cursor=%s\n", "続きがあります: cursor=%s\n"), cursor);
	json_decref(o);
	buf_done(&out);
	return EXIT_DONE;
}
