/* SPDX-License-Identifier: Apache-2.0 */
#include "event/reader_parts.h"

#include "codec/evtx.h"
#include "codec/json.h"

#include <errno.h>

#define BOM STR("\xEF\xBB\xBF")
/* A quoted cell that does not end within this much is taken for a stray quote. */
#define CSV_RECORD_MAX (256u << 10)
/* Lines of one audit serial may stand this many lines apart. */
#define AUDIT_SPREAD 64

/* ---- what kind of file it is ------------------------------------------------------------------------------------------------------------- */

struct str framing_audit_serial(struct str line)
{
	size_t at = str_find(str_sub(line, 0, 400), STR("msg=audit("));
	if (at == STR_NPOS)
		return STR_NONE;
	struct str s = str_sub(line, at + 10, line.n);
	size_t end = str_chr(str_sub(s, 0, 64), ')');
	return end == STR_NPOS ? STR_NONE : str_sub(s, 0, end);
}

/* Remarks may stand in front of the records. */
static bool is_audit(struct str s, struct str path)
{
	struct str line;
	(void)path;
	for (int i = 0; i < 200 && str_line(&s, &line); i++)
		if ((str_starts(line, STR("type=")) || str_starts(line, STR("node="))) && str_find(str_sub(line, 0, 300), STR("msg=audit(")) != STR_NPOS)
			return true;
	return false;
}

static bool is_zeek(struct str s, struct str path)
{
	(void)path;
	return str_starts(s, STR("#separator ")) || str_starts(s, STR("#fields\t"));
}

static bool is_w3c(struct str s, struct str path)
{
	struct str line;
	(void)path;
	for (int i = 0; i < 8 && str_line(&s, &line) && str_starts(line, STR("#")); i++)
		if (str_starts(line, STR("#Fields:")) || str_starts(line, STR("#Version: 1.0")) || str_starts(line, STR("#Software: Microsoft ")))
			return true;
	return false;
}

static bool is_xml(struct str s, struct str path)
{
	(void)path;
	str_take(&s, STR("- "));
	if (str_starts(s, STR("<Event>")) || str_starts(s, STR("<Event ")))
		return true;
	return (str_starts(s, STR("<?xml")) || str_starts(s, STR("<Events"))) && str_find(str_sub(s, 0, 4096), STR("<Event")) != STR_NPOS;
}

static bool is_journal(struct str s, struct str path)
{
	(void)path;
	return str_starts(s, STR("__CURSOR=")) || str_starts(s, STR("__REALTIME_TIMESTAMP="));
}

static bool is_json(struct str s, struct str path)
{
	(void)path;
	if (s.n < 2)
		return false;
	unsigned char next = (unsigned char)s.p[1];
	return (s.p[0] == '{' && (next == '"' || next == '}' || ch_is_space(next))) || (s.p[0] == '[' && (next == '{' || next == ']' || ch_is_space(next)));
}

static bool is_evtx(struct str s, struct str path)
{
	return evtx_is_file(s) || evtx_is_chunk(s) || str_iends(path, STR(".evtx"));
}

/* A name as a header has it: letters first, then whatever names hold; never a time, a number or an address. */
static bool name_like(struct str s)
{
	s = str_trim(s);
	if (!s.n || s.n > 64 || !(ch_is_alpha((unsigned char)s.p[0]) || s.p[0] == '_' || s.p[0] == '@' || (unsigned char)s.p[0] >= 0x80))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (!(ch_is_alnum(c) || strchr("_-. @/()#:%", c) || c >= 0x80))
			return false;
	}
	return true;
}

static size_t count_cells(struct str record, char sep, bool *ret_names)
{
	struct str cell;
	size_t n = 0;
	bool quoted;
	*ret_names = true;
	for (; csv_cell(&record, sep, &cell, &quoted); n++) {
		if (quoted)
			cell = str_sub(cell, 1, cell.n - 1);
		*ret_names = *ret_names && name_like(cell);
	}
	return n;
}

/* A header of names, and a second record of as many cells that are not all names. */
static bool is_csv(struct str s, struct str path)
{
	struct str head, next;
	bool names, names_too, by_name = str_iends(path, STR(".csv")) || str_iends(path, STR(".tsv"));
	str_take(&s, STR("sep=,\r\n"));
	if (!str_line(&s, &head))
		return false;
	char sep = csv_separator(head);
	size_t n = count_cells(head, sep, &names);
	if (n < 2 || !names || (!by_name && n < 3))
		return false;
	if (by_name)
		return true;
	return str_line(&s, &next) && count_cells(next, sep, &names_too) == n && !names_too;
}

/* One value a line, or values that span lines or stand in an array? */
static enum framing_kind json_kind(struct str s)
{
	struct str rest = s, line;
	if (s.p[0] == '[' || !str_line(&rest, &line))
		return FRAME_JSON_VALUES;
	if (str_find(str_sub(line, 0, 200), STR("\"Records\"")) != STR_NPOS && str_find(str_sub(s, 0, 200), STR("[")) != STR_NPOS)
		return FRAME_JSON_VALUES;
	struct str value = line;
	return json_skip_value(&value) == 0 && !str_trim(value).n ? FRAME_LINES : FRAME_JSON_VALUES;
}

static const struct {
	enum event_format format;
	enum framing_kind kind;
	bool (*is)(struct str head, struct str path);
} KINDS[] = {
	{FORMAT_EVTX, FRAME_EVTX, is_evtx}, {FORMAT_AUDITD, FRAME_AUDIT, is_audit}, {FORMAT_ZEEK, FRAME_DIRECTIVES, is_zeek}, {FORMAT_W3C, FRAME_DIRECTIVES, is_w3c},
	{FORMAT_JOURNAL, FRAME_JOURNAL, is_journal}, {FORMAT_XML, FRAME_XML, is_xml}, {FORMAT_JSON, FRAME_JSON_VALUES, is_json}, {FORMAT_EVE, FRAME_JSON_VALUES, NULL},
	{FORMAT_CSV, FRAME_CSV, is_csv},
};

bool framing_is_clear(struct str head)
{
	struct str s = head, line, next;
	bool names, whole = str_chr(head, '\n') != STR_NPOS;
	str_take(&s, BOM);
	if (!whole || !str_line(&s, &line) || !str_trim(line).n || str_starts(line, STR("#")) || str_starts(line, STR("sep=")) || str_starts(line, STR("<?xml")) || str_starts(line, STR("<Events")))
		return false;
	/* A header of names is one only over a second record. */
	return count_cells(line, csv_separator(line), &names) < 2 || !names || (str_chr(s, '\n') != STR_NPOS && str_line(&s, &next));
}

void framing_decide(struct framing *f, struct str head, struct str path)
{
	struct str s = str_trim(str_sub(head, 0, 65536));
	str_take(&s, BOM);
	f->decided = true;
	f->kind = FRAME_LINES;
	for (size_t i = 0; i < LEN(KINDS); i++) {
		bool asked = f->format == KINDS[i].format, found = f->format == FORMAT_AUTO && KINDS[i].is && KINDS[i].is(KINDS[i].kind == FRAME_EVTX ? head : s, path);
		if (!asked && !found)
			continue;
		f->kind = KINDS[i].kind;
		f->format = KINDS[i].format;
		if (f->kind == FRAME_JSON_VALUES)
			f->kind = s.n ? json_kind(str_sub(head, (size_t)(s.p - head.p), head.n)) : FRAME_LINES;
		return;
	}
}

/* ---- JSON values ---------------------------------------------------------------------------------------------------------------------------- */

/* What stands between values: blanks, the brackets and commas of an array, a Records wrapper. */
static struct str skip_between(struct str s)
{
	for (;;) {
		while (s.n && (ch_is_space((unsigned char)s.p[0]) || s.p[0] == ',' || s.p[0] == '[' || s.p[0] == ']'))
			s = str_sub(s, 1, s.n);
		struct str t = s;
		if (!str_take(&t, STR("{")))
			return s;
		t = str_n(t.p, t.n);
		while (t.n && ch_is_space((unsigned char)t.p[0]))
			t = str_sub(t, 1, t.n);
		if (!str_take(&t, STR("\"Records\"")))
			return s;
		while (t.n && (ch_is_space((unsigned char)t.p[0]) || t.p[0] == ':'))
			t = str_sub(t, 1, t.n);
		if (!t.n || t.p[0] != '[')
			return s;
		s = t;
	}
}

/* The next value: an object, or what is left of a line that is none. False at the end; *ret_whole false = it is cut off. */
static bool next_value(struct str *rest, struct str *ret, bool *ret_whole)
{
	struct str s = skip_between(*rest), after = s, line;
	if (str_take(&after, STR("}"))) /* the end of a Records wrapper */
		s = skip_between(after), after = s;
	else
		after = s;
	if (!s.n)
		return false;
	int r = json_skip_value(&after);
	*ret_whole = r == 0;
	if (r == 0) {
		*ret = str_n(s.p, (size_t)(after.p - s.p));
	} else {
		after = s;
		str_line(&after, &line);
		*ret = line;
	}
	*rest = after;
	return true;
}

static size_t cut_values(struct str pending)
{
	struct str rest = pending, value;
	size_t good = 0;
	bool whole;
	while (next_value(&rest, &value, &whole)) {
		/* A broken line among values is a record too; only the last may be one that goes on. */
		if (!whole && (!rest.n || pending.n - good > RECORD_MAX))
			break;
		if (!whole && json_skip_value(&(struct str){value.p, (size_t)(pending.p + pending.n - value.p)}) != -EBADMSG)
			break;
		good = (size_t)(rest.p - pending.p);
	}
	return good;
}

/* ---- audit -------------------------------------------------------------------------------------------------------------------------------- */

/*
 * The last place where no serial stands on both sides, AUDIT_SPREAD lines before the end when there is one: lines of one event may stand between
 * those of another.
 */
static size_t cut_audit(struct str pending)
{
	struct tail {
		size_t at;
		struct str serial;
	} tail[4 * AUDIT_SPREAD];
	size_t n = 0, end = str_rchr(pending, '\n');
	if (end == STR_NPOS)
		return 0;
	for (size_t to = end; n < LEN(tail);) {
		size_t before = to ? str_rchr(str_sub(pending, 0, to), '\n') : STR_NPOS, from = before == STR_NPOS ? 0 : before + 1;
		tail[n++] = (struct tail){from, framing_audit_serial(str_sub(pending, from, to))};
		if (!from)
			break;
		to = before;
	}
	/* tail[0] is the last line. A cut before line i is good when no serial of 0..i stands in i+1..n. */
	size_t best = 0;
	for (size_t i = 0; i + 1 < n; i++) {
		bool apart = true;
		for (size_t a = 0; apart && a <= i; a++)
			for (size_t b = i + 1; apart && b < n && b <= i + AUDIT_SPREAD; b++)
				apart = !tail[a].serial.p || !str_eq(tail[a].serial, tail[b].serial);
		if (apart && (!best || i < AUDIT_SPREAD))
			best = tail[i].at;
		if (best && i >= AUDIT_SPREAD)
			break;
	}
	return best;
}

/* ---- CSV ----------------------------------------------------------------------------------------------------------------------------------- */

char csv_separator(struct str header)
{
	static const char seps[] = {',', '\t', ';', '|'};
	size_t best = 0;
	char sep = ',';
	for (size_t i = 0; i < LEN(seps); i++) {
		size_t n = 0;
		for (size_t k = 0; k < header.n; k++)
			n += header.p[k] == seps[i];
		if (n > best) {
			best = n;
			sep = seps[i];
		}
	}
	return sep;
}

bool csv_cell(struct str *rest, char sep, struct str *ret, bool *ret_quoted)
{
	size_t n = 0;
	if (!rest->p)
		return false;
	*ret_quoted = rest->n && rest->p[0] == '"';
	if (*ret_quoted) {
		for (n = 1; n < rest->n; n++)
			if (rest->p[n] == '"' && (n + 1 == rest->n || rest->p[++n] != '"'))
				break;
		if (n + 1 == rest->n && rest->p[n] == '"')
			n++;
		*ret_quoted = n > 1 && (n == rest->n || rest->p[n] == sep) && rest->p[n - 1] == '"';
	}
	if (!*ret_quoted)
		for (n = 0; n < rest->n && rest->p[n] != sep; n++)
			;
	*ret = str_n(rest->p, n);
	*rest = n < rest->n ? str_sub(*rest, n + 1, rest->n) : STR_NONE;
	return true;
}

/* Length of the first record with its line end, or 0 when its end is not in here. */
static size_t csv_record(struct str s, char sep, bool eof)
{
	bool quoted = false, start = true;
	size_t first_end = 0, n = s.n < CSV_RECORD_MAX ? s.n : CSV_RECORD_MAX;
	for (size_t i = 0; i < n; i++) {
		char c = s.p[i];
		if (c == '\n' && !quoted)
			return i + 1;
		if (c == '\n' && !first_end)
			first_end = i + 1;
		if (c == '"')
			quoted = quoted ? (i + 1 < n && s.p[i + 1] == '"' ? (i++, true) : false) : start;
		start = c == sep;
	}
	if (eof && !quoted && s.n < CSV_RECORD_MAX)
		return s.n;
	if (s.n >= CSV_RECORD_MAX || eof) {
		size_t end = first_end ? first_end - 1 : str_chr(s, '\n');
		return end == STR_NPOS ? (eof ? s.n : 0) : end + 1;
	}
	return 0;
}

static size_t cut_csv(struct str pending, struct str context)
{
	size_t at = 0, n;
	struct str head = context, line;
	if (!head.n && str_line(&(struct str){pending.p, pending.n}, &line))
		head = line;
	char sep = csv_separator(head);
	while ((n = csv_record(str_sub(pending, at, pending.n), sep, false)))
		at += n;
	return at;
}

/* ---- journal export -------------------------------------------------------------------------------------------------------------------------- */

/* Length of the first entry with the blank line behind it, or 0. A line without = names a field whose length and bytes follow. */
static size_t journal_entry(struct str s, bool eof)
{
	struct str rest = s, line;
	bool any = false;
	while (rest.n) {
		if (str_chr(rest, '\n') == STR_NPOS && !eof)
			return 0;
		str_line(&rest, &line);
		if (!line.n) {
			if (any)
				return (size_t)(rest.p - s.p);
			continue;
		}
		any = true;
		uint64_t n;
		struct str data;
		if (str_chr(line, '=') != STR_NPOS)
			continue;
		struct str body = rest;
		if (!rd_le64(&body, &n) || n > RECORD_MAX || !rd_bytes(&body, (size_t)n, &data)) {
			if (eof || (rest.n >= 8 && n > RECORD_MAX))
				continue;
			return 0;
		}
		rest = body;
		str_take(&rest, STR("\n"));
	}
	return eof ? s.n : 0;
}

/* ---- XML ------------------------------------------------------------------------------------------------------------------------------------- */

/* What stands before the next <Event>: declarations, <Events>, blanks, a viewer's dash. */
static struct str xml_skip(struct str s)
{
	for (;;) {
		struct str t;
		s = str_sub(s, 0, s.n);
		while (s.n && (ch_is_space((unsigned char)s.p[0]) || s.p[0] == '-'))
			s = str_sub(s, 1, s.n);
		t = s;
		if (!str_take(&t, STR("<?xml")) && !str_take(&t, STR("<Events")) && !str_take(&t, STR("</Events")))
			return s;
		size_t end = str_chr(t, '>');
		if (end == STR_NPOS)
			return s;
		s = str_sub(t, end + 1, t.n);
	}
}

/* Length up to the end of the first record, or 0: an element Event, or a line that is none. */
static size_t xml_record(struct str s, struct str *ret, bool eof)
{
	struct str t = xml_skip(s);
	size_t skipped = (size_t)(t.p - s.p), end;
	if (!t.n)
		return s.n;
	if (str_starts(t, STR("<Event>")) || str_starts(t, STR("<Event "))) {
		end = str_find(t, STR("</Event>"));
		end = end == STR_NPOS ? end : end + 8;
	} else {
		end = str_chr(t, '\n');
		end = end == STR_NPOS ? end : end + 1;
	}
	if (end == STR_NPOS && !eof)
		return 0;
	*ret = str_trim(str_sub(t, 0, end));
	return skipped + (end == STR_NPOS ? t.n : end);
}

/* ---- cutting ------------------------------------------------------------------------------------------------------------------------------- */

static size_t cut_each(const struct framing *f, struct str pending)
{
	size_t at = 0, n;
	for (;; at += n) {
		struct str rest = str_sub(pending, at, pending.n), rec = STR("");
		n = f->kind == FRAME_EVTX ? evtx_piece(rest, false) : f->kind == FRAME_XML ? xml_record(rest, &rec, false) : journal_entry(rest, false);
		if (!n || !rest.n)
			return at;
	}
}

size_t framing_cut(const struct framing *f, struct str pending, struct str context, bool eof)
{
	size_t end;
	if (eof)
		return pending.n;
	switch (f->kind) {
	case FRAME_LINES:
	case FRAME_DIRECTIVES:
		end = str_rchr(pending, '\n');
		return end == STR_NPOS ? 0 : end + 1;
	case FRAME_CSV:
		return cut_csv(pending, context);
	case FRAME_JSON_VALUES:
		return cut_values(pending);
	case FRAME_AUDIT:
		end = cut_audit(pending);
		if (!end && pending.n >= BLOCK_PENDING_MAX && (end = str_rchr(pending, '\n')) != STR_NPOS)
			return end + 1;
		return end == STR_NPOS ? 0 : end;
	case FRAME_XML:
	case FRAME_JOURNAL:
	case FRAME_EVTX:
		return cut_each(f, pending);
	}
	return 0;
}

size_t framing_resume(struct str pending)
{
	size_t end = str_chr(pending, '\n');
	return end == STR_NPOS ? end : end + 1;
}

/* ---- records ---------------------------------------------------------------------------------------------------------------------------------- */

/* A header line replaces the one of its name: "#fields\t…", "#Fields: …". */
static void note_directive(struct buf *context, struct str line)
{
	size_t n = 0;
	while (n < line.n && line.p[n] != ' ' && line.p[n] != '\t' && line.p[n] != ':')
		n++;
	struct str key = str_sub(line, 0, n), rest = buf_str(context), old;
	if (str_eq(key, STR("#close")) || line.n > CONTEXT_MAX / 2)
		return;
	struct buf renewed = BUF_INIT(CONTEXT_MAX);
	while (str_line(&rest, &old))
		if (!(str_starts(old, key) && old.n > n && (old.p[n] == ' ' || old.p[n] == '\t' || old.p[n] == ':'))) {
			buf_add(&renewed, old);
			buf_addc(&renewed, '\n');
		}
	buf_add(&renewed, line);
	buf_addc(&renewed, '\n');
	if (!renewed.err) {
		buf_reset(context);
		buf_add(context, buf_str(&renewed));
	}
	buf_done(&renewed);
}

static bool next_line(const struct framing *f, struct str *rest, struct buf *context, struct str *ret)
{
	while (str_line(rest, ret)) {
		if (f->kind == FRAME_DIRECTIVES && str_starts(*ret, STR("#")))
			note_directive(context, *ret);
		else if (str_trim(*ret).n)
			return true;
	}
	return false;
}

static bool next_csv(struct str *rest, struct buf *context, bool first, struct str *ret)
{
	if (first && !context->n) {
		struct str line;
		str_take(rest, STR("sep=,\r\n"));
		while (!context->n && str_line(rest, &line))
			if (str_trim(line).n)
				buf_add(context, str_sub(line, 0, CONTEXT_MAX / 2));
	}
	char sep = csv_separator(buf_str(context));
	while (rest->n) {
		size_t n = csv_record(*rest, sep, true);
		*ret = str_sub(*rest, 0, n);
		*rest = str_sub(*rest, n, rest->n);
		while (ret->n && (ret->p[ret->n - 1] == '\n' || ret->p[ret->n - 1] == '\r'))
			ret->n--;
		if (str_trim(*ret).n)
			return true;
	}
	return false;
}

bool framing_next(const struct framing *f, struct str *rest, struct buf *context, bool first, struct str *ret)
{
	bool whole;
	if (first)
		str_take(rest, BOM);
	switch (f->kind) {
	case FRAME_LINES:
	case FRAME_DIRECTIVES:
		return next_line(f, rest, context, ret);
	case FRAME_CSV:
		return next_csv(rest, context, first, ret);
	case FRAME_JSON_VALUES:
		while (next_value(rest, ret, &whole))
			if (ret->n)
				return true;
		return false;
	case FRAME_XML:
	case FRAME_JOURNAL:
		while (rest->n) {
			*ret = STR("");
			size_t n = f->kind == FRAME_XML ? xml_record(*rest, ret, true) : journal_entry(*rest, true);
			if (f->kind == FRAME_JOURNAL)
				*ret = str_sub(*rest, 0, n);
			*rest = str_sub(*rest, n ? n : rest->n, rest->n);
			if (str_trim(*ret).n)
				return true;
		}
		return false;
	case FRAME_AUDIT:
	case FRAME_EVTX:
		break;
	}
	return false;
}

void framing_pass(const struct framing *f, struct str bytes, bool first, struct buf *context)
{
	struct str rest = bytes, rec;
	if (f->kind == FRAME_CSV && first) {
		framing_next(f, &rest, context, true, &rec);
		return;
	}
	if (f->kind != FRAME_DIRECTIVES)
		return;
	if (first)
		str_take(&rest, BOM);
	while (rest.n) {
		size_t at = str_chr(rest, '#');
		if (at == STR_NPOS)
			return;
		bool line_start = at == 0 ? rest.p == bytes.p || rest.p[-1] == '\n' : rest.p[at - 1] == '\n';
		rest = str_sub(rest, at, rest.n);
		str_line(&rest, &rec);
		if (line_start || (at == 0 && first))
			note_directive(context, rec);
	}
}
