/* SPDX-License-Identifier: Apache-2.0 */
#include "event/evtx.h"
#include "event/reader_parts.h"

#include "codec/json.h"

/* ---- framing --------------------------------------------------------------------------------------------------------------------------- */

static bool is_audit_line(struct str s)
{
	return (str_starts(s, STR("type=")) || str_starts(s, STR("node="))) && str_find(str_sub(s, 0, 300), STR("msg=audit(")) != STR_NPOS;
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

void framing_decide(struct framing *f, struct str head, struct str path)
{
	struct str s = str_trim(str_sub(head, 0, 65536));
	str_take(&s, STR("\xEF\xBB\xBF"));
	f->decided = true;
	f->kind = FRAME_LINES;
	if (f->format == FORMAT_EVTX || (f->format == FORMAT_AUTO && (evtx_is_file(head) || evtx_is_chunk(head) || str_iends(path, STR(".evtx"))))) {
		f->kind = FRAME_EVTX;
		f->format = FORMAT_EVTX;
	} else if (f->format == FORMAT_AUDITD || (f->format == FORMAT_AUTO && is_audit_line(s))) {
		f->kind = FRAME_AUDIT;
		f->format = FORMAT_AUDITD;
	} else if (f->format == FORMAT_JSON || f->format == FORMAT_EVE || (f->format == FORMAT_AUTO && s.n && (s.p[0] == '{' || (s.p[0] == '[' && s.n > 1 && (s.p[1] == '{' || ch_is_space((unsigned char)s.p[1])))))) {
		f->kind = s.n ? json_kind(str_sub(head, (size_t)(s.p - head.p), head.n)) : FRAME_LINES;
		if (f->format == FORMAT_AUTO)
			f->format = FORMAT_JSON;
	}
}

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
	while (next_value(&rest, &value, &whole) && whole)
		good = (size_t)(rest.p - pending.p);
	return good;
}

static struct str audit_serial(struct str line)
{
	size_t at = str_find(line, STR("msg=audit("));
	if (at == STR_NPOS)
		return STR("");
	struct str s = str_sub(line, at + 10, line.n);
	size_t end = str_chr(s, ')');
	return str_sub(s, 0, end == STR_NPOS ? 0 : end);
}

/* Whole lines; for audit records up to where the serial changes last. */
static size_t cut_lines(struct str pending, bool audit)
{
	size_t end = str_rchr(pending, '\n');
	if (end == STR_NPOS || !audit)
		return end == STR_NPOS ? 0 : end + 1;
	size_t from = str_rchr(str_sub(pending, 0, end), '\n');
	struct str serial = from == STR_NPOS ? STR("") : audit_serial(str_sub(pending, from + 1, end));
	while (from != STR_NPOS) {
		size_t before = str_rchr(str_sub(pending, 0, from), '\n');
		struct str line = str_sub(pending, before == STR_NPOS ? 0 : before + 1, from);
		if (!str_eq(audit_serial(line), serial))
			return from + 1;
		from = before;
	}
	return 0;
}

/* Whole pieces: chunks, and what lies between them. */
static size_t cut_evtx(struct str pending)
{
	size_t at = 0, n;
	while ((n = evtx_piece(str_sub(pending, at, pending.n), false)))
		at += n;
	return at;
}

size_t framing_cut(struct framing *f, struct str pending, bool eof)
{
	size_t n = 0;
	if (eof)
		return pending.n;
	switch (f->kind) {
	case FRAME_LINES:
		n = cut_lines(pending, false);
		break;
	case FRAME_AUDIT:
		n = cut_lines(pending, true);
		break;
	case FRAME_JSON_VALUES:
		n = cut_values(pending);
		break;
	case FRAME_EVTX:
		n = cut_evtx(pending);
		break;
	}
	return n || pending.n < BLOCK_PENDING_MAX ? n : pending.n;
}

/* ---- decoding --------------------------------------------------------------------------------------------------------------------------- */

struct decode_block {
	struct block *b;
	struct decoder *d;
	struct arena *mem;
	block_event_cb *cb;
	void *arg;
	uint64_t events, bad;
	int result;
};

static int one_record(struct decode_block *x, struct str raw)
{
	const struct reader_opts *o = &x->b->file->opts;
	struct event ev;
	enum decode_fault fault;
	arena_reset(x->mem);
	if (raw.n > RECORD_MAX)
		raw.n = RECORD_MAX;
	struct record rec = {.raw = raw, .source = x->b->file->pub.path, .ls = o->ls, .format = (uint8_t)x->b->framing.format, .received = o->now, .ordinal = ++x->events,
		.offset = x->b->offset + (uint64_t)(raw.p - x->b->bytes.p)};
	decode_record(x->d, &rec, x->mem, &ev, &fault);
	x->bad += fault != DECODE_OK && fault != DECODE_ENCODING && fault != DECODE_NO_DECODER;
	return x->result = x->cb(x->arg, &ev);
}

static void decode_lines(struct decode_block *x)
{
	struct str rest = x->b->bytes, line;
	if (x->b->offset == 0)
		str_take(&rest, STR("\xEF\xBB\xBF"));
	while (!x->result && str_line(&rest, &line))
		if (str_trim(line).n)
			one_record(x, line);
}

static void decode_audit(struct decode_block *x)
{
	struct str rest = x->b->bytes, line, serial = STR("");
	const char *from = rest.p, *to = rest.p;
	while (!x->result && str_line(&rest, &line)) {
		struct str s = audit_serial(line);
		if (to > from && !str_eq(s, serial)) {
			one_record(x, str_n(from, (size_t)(to - from)));
			from = line.p;
		}
		serial = s;
		to = line.p + line.n;
		if (!str_trim(line).n && from == line.p)
			from = to = rest.p;
	}
	if (!x->result && to > from)
		one_record(x, str_n(from, (size_t)(to - from)));
}

static void decode_values(struct decode_block *x)
{
	struct str rest = x->b->bytes, value;
	bool whole;
	if (x->b->offset == 0)
		str_take(&rest, STR("\xEF\xBB\xBF"));
	while (!x->result && next_value(&rest, &value, &whole))
		if (value.n)
			one_record(x, value);
}

static int on_evtx(void *arg, struct event *ev)
{
	struct decode_block *x = arg;
	return x->result = x->cb(x->arg, ev);
}

static void decode_evtx(struct decode_block *x, struct vocab *v)
{
	const struct reader_opts *o = &x->b->file->opts;
	struct str rest = x->b->bytes;
	struct event proto = {.source = x->b->file->pub.path, .received = o->now};
	char why[200];
	if (o->ls.product.n || o->ls.category.n || o->ls.service.n)
		proto.lsset = vocab_lsset(v, &o->ls, 1);
	for (size_t n; rest.n && !x->result; rest = str_sub(rest, n, rest.n)) {
		struct evtx_chunk_result res;
		struct str piece = str_sub(rest, 0, n = evtx_piece(rest, true));
		proto.offset = x->b->offset + (uint64_t)(rest.p - x->b->bytes.p);
		if (evtx_is_file(piece) || (proto.offset == 0 && !evtx_is_chunk(piece) && n <= EVTX_FILE_HEADER))
			continue; /* a file header tells nothing that is needed, so a broken one costs nothing */
		evtx_decode_chunk(piece, v, &proto, x->mem, on_evtx, x, &res);
		x->events += res.records;
		x->bad += res.damaged;
		if (res.fault) {
			snprintf(why, sizeof(why), "%s at byte %llu", res.fault, (unsigned long long)(proto.offset + res.fault_at));
			block_file_fault(x->b->file, why, false);
		}
	}
}

int block_decode(struct block *b, struct decoder *d, struct arena *mem, block_event_cb *cb, void *arg, uint64_t *ret_events, uint64_t *ret_bad)
{
	struct decode_block x = {.b = b, .d = d, .mem = mem, .cb = cb, .arg = arg};
	switch (b->framing.kind) {
	case FRAME_LINES:
		decode_lines(&x);
		break;
	case FRAME_AUDIT:
		decode_audit(&x);
		break;
	case FRAME_JSON_VALUES:
		decode_values(&x);
		break;
	case FRAME_EVTX:
		decode_evtx(&x, decoder_vocab(d));
		break;
	}
	*ret_events = x.events;
	*ret_bad = x.bad;
	return x.result;
}
