/* SPDX-License-Identifier: Apache-2.0 */
#include "event/decode_parts.h"

#include "base/utf8.h"
#include "codec/japanese.h"
#include "event/evtx.h"
#include "event/sources.h"

/*
 * Log sources that decoders name are constants of theirs, so where they stand says which they are: the vocabulary, which compares text under a lock, is
 * asked once for each.
 */
#define SOURCE_SLOTS 64u
#define SOURCE_MOST 4
#define SOURCE_PROBES 8u

struct known_sources {
	struct logsource ls[SOURCE_MOST];
	size_t n; /* 0 = free */
	uint32_t set;
};

struct source_cache {
	struct known_sources slot[SOURCE_SLOTS];
};

struct decoder {
	struct vocab *vocab;
	struct json_tables *json;
	struct flat_roles *roles;
	struct table *table;
	struct source_cache *sources;
	struct evtx_decoder *evtx;
	int offset_s;
	/* What the mapping said of the source that came last. */
	struct buf mapped;
	const struct source_rule *rule;
};

#define TOO_LONG_SHOWN (64u << 10) /* bytes of a refused record that stay in `message` */
#define PAYLOAD_DEPTH_MAX 4

static const struct {
	const char *name, *help;
} FAULTS[] = {
#define FAULT(sym, name, help) {name, help},
#include "event/faults.def"
#undef FAULT
};

const char *decode_fault_name(enum decode_fault f)
{
	must(f < DECODE_FAULT_COUNT);
	return FAULTS[f].name;
}

const char *decode_fault_help(enum decode_fault f)
{
	must(f < DECODE_FAULT_COUNT);
	return FAULTS[f].help;
}

struct decoder *decoder_new(struct vocab *v, int offset_s)
{
	struct decoder *d = must_new(struct decoder);
	d->vocab = vocab_ref(v);
	d->json = json_tables_new(v);
	d->roles = flat_roles_new(v);
	d->table = table_new();
	d->sources = must_new(struct source_cache);
	d->offset_s = offset_s;
	d->mapped = BUF_INIT(1u << 20);
	return d;
}

void decoder_free(struct decoder *d)
{
	if (!d)
		return;
	json_tables_free(d->json);
	evtx_decoder_free(d->evtx);
	buf_done(&d->mapped);
	free(d->sources);
	table_free(d->table);
	flat_roles_free(d->roles);
	vocab_unref(d->vocab);
	free(d);
}

struct vocab *decoder_vocab(const struct decoder *d)
{
	return d->vocab;
}

struct evtx_decoder *decoder_evtx(struct decoder *d)
{
	if (!d->evtx)
		d->evtx = evtx_decoder_new(d->vocab);
	return d->evtx;
}

/* ---- what decoders use ------------------------------------------------------------------------------------------------------------------- */

static bool same_source(const struct logsource *a, const struct logsource *b)
{
	return a->product.p == b->product.p && a->category.p == b->category.p && a->service.p == b->service.p && a->product.n == b->product.n && a->category.n == b->category.n &&
		a->service.n == b->service.n;
}

static bool same_sources(const struct known_sources *s, const struct logsource *ls, size_t n)
{
	bool same = s->n == n;
	for (size_t k = 0; same && k < n; k++)
		same = same_source(&s->ls[k], &ls[k]);
	return same;
}

/* Where these sources are kept, or would be: with few in use no two of them share a place, wherever the linker put their names. */
static struct known_sources *sources_at(struct source_cache *t, const struct logsource *ls, size_t n)
{
	size_t i = (((uintptr_t)ls[0].product.p >> 2) ^ ((uintptr_t)ls[0].category.p >> 1) ^ (uintptr_t)ls[0].service.p ^ n) % SOURCE_SLOTS;
	for (size_t probe = 0; probe < SOURCE_PROBES; probe++) {
		struct known_sources *s = &t->slot[(i + probe) % SOURCE_SLOTS];
		if (!s->n || same_sources(s, ls, n))
			return s;
	}
	return &t->slot[i];
}

static uint32_t known_set(struct decoding *x, const struct logsource *ls, size_t n)
{
	if (n > SOURCE_MOST)
		return vocab_lsset(x->vocab, ls, n);
	struct known_sources *s = sources_at(x->sources, ls, n);
	if (!same_sources(s, ls, n)) {
		memcpy(s->ls, ls, n * sizeof(*ls));
		s->n = n;
		s->set = vocab_lsset(x->vocab, ls, n);
	}
	return s->set;
}

uint32_t decode_logsource(struct decoding *x, const char *product, const char *category, const char *service)
{
	struct logsource ls = {str_c(product), str_c(category), str_c(service)};
	return known_set(x, &ls, 1);
}

void decode_source(struct decoding *x, const char *product, const char *category, const char *service)
{
	if (!x->forced)
		x->ev->lsset = decode_logsource(x, product, category, service);
}

void decode_sources(struct decoding *x, const struct logsource *ls, size_t n)
{
	if (!x->forced)
		x->ev->lsset = known_set(x, ls, n);
}

bool decode_time(struct decoding *x, struct str text)
{
	tstamp t;
	struct str s = str_trim(text), rest = s;
	struct found_time found;
	if (!ts_parse_rfc3339(s, x->offset_s, &t) && !(s.n >= 9 && ts_parse_epoch(s, &t)) && !ts_parse_clf(s, &t)) {
		if (s.n < 8 || s.n > 64)
			return false;
		if (find_time_take(&rest, x->reference, x->offset_s, &t) && !str_trim(rest).n)
			;
		else if (find_time(s, x->reference, x->offset_s, &found) && found.text.n + 8 >= s.n)
			t = found.time; /* "Tue Sep 11 16:14:21 2018 UTC": a weekday stands in front */
		else
			return false;
	}
	x->ev->time = t;
	x->ev->time_is_own = true;
	return true;
}

void decode_add_val(struct decoding *x, struct str name, struct val v, uint8_t flags)
{
	event_add_field(x->ev, x->mem, name, vocab_field(x->vocab, name), v, flags);
}

void decode_add_str(struct decoding *x, struct str name, struct str value)
{
	decode_add_val(x, name, (struct val){.kind = VAL_STR, .u.p = value.p ? value.p : "", .n = (uint32_t)value.n}, 0);
}

void decode_add(struct decoding *x, const char *name, struct str value)
{
	decode_add_str(x, str_c(name), value);
}

void decode_add_alias(struct decoding *x, const char *name, struct str value)
{
	if (value.n)
		decode_add_val(x, str_c(name), (struct val){.kind = VAL_STR, .u.p = value.p, .n = (uint32_t)value.n}, FIELD_F_ALIAS);
}

void pieces_add(struct pieces *t, struct arena *mem, struct str piece)
{
	if (t->n + piece.n > t->cap) {
		size_t cap = (t->n + piece.n) * 2 + 32;
		char *more = arena_alloc(mem, cap);
		if (!more)
			return;
		if (t->n)
			memcpy(more, t->p, t->n);
		t->p = more;
		t->cap = cap;
	}
	if (piece.n)
		memcpy(t->p + t->n, piece.p, piece.n);
	t->n += piece.n;
}

bool decode_payload(struct decoding *x, decode_fn *fn, struct str text)
{
	struct event *outer = x->ev, inner = *outer;
	if (!fn || x->depth >= PAYLOAD_DEPTH_MAX)
		return false;
	inner.field = NULL;
	inner.n_field = inner.field_room = 0;
	inner.lsset = x->forced ? outer->lsset : 0;
	inner.host = STR("");
	x->ev = &inner;
	x->depth++;
	bool ok = fn(x, text) == DECODE_OK;
	x->depth--;
	x->ev = outer;
	if (!ok)
		return false;
	for (uint32_t i = 0; i < inner.n_field; i++)
		event_add_field(outer, x->mem, inner.field[i].name, inner.field[i].id, inner.field[i].val, inner.field[i].flags);
	outer->time = inner.time;
	outer->time_is_own = inner.time_is_own;
	if (inner.lsset && !x->forced)
		outer->lsset = inner.lsset;
	if (inner.host.n)
		outer->host = inner.host;
	return true;
}

/* ---- one record -------------------------------------------------------------------------------------------------------------------------- */

static const struct {
	enum event_format format;
	decode_fn *fn;
} DECODERS[] = {
	{FORMAT_JSON, decode_json}, {FORMAT_EVE, decode_json}, {FORMAT_EVTX, decode_json}, {FORMAT_AUDITD, decode_auditd}, {FORMAT_SYSLOG, decode_syslog},
	{FORMAT_COMBINED, decode_combined}, {FORMAT_CEF, decode_cef}, {FORMAT_LEEF, decode_leef}, {FORMAT_KV, decode_kv}, {FORMAT_ZEEK, decode_zeek}, {FORMAT_W3C, decode_w3c},
	{FORMAT_CSV, decode_csv}, {FORMAT_XML, decode_xml}, {FORMAT_JOURNAL, decode_journal}, {FORMAT_TEXT, decode_app},
};

static decode_fn *decoder_of(enum event_format f)
{
	for (size_t i = 0; i < LEN(DECODERS); i++)
		if (DECODERS[i].format == f)
			return DECODERS[i].fn;
	return NULL;
}

/* What a line can only be by its first bytes; FORMAT_AUTO = try the kinds that have no mark. */
static enum event_format guess(struct str s)
{
	if (!s.n)
		return FORMAT_AUTO;
	switch (s.p[0]) {
	case '{':
		return FORMAT_JSON;
	case 't':
	case 'n':
		if ((str_starts(s, STR("type=")) || str_starts(s, STR("node="))) && str_find(str_sub(s, 0, 400), STR(" msg=audit(")) != STR_NPOS)
			return FORMAT_AUDITD;
		return FORMAT_AUTO;
	case 'C':
		return str_starts(s, STR("CEF:")) ? FORMAT_CEF : FORMAT_AUTO;
	case 'L':
		return str_starts(s, STR("LEEF:")) ? FORMAT_LEEF : FORMAT_AUTO;
	case '<':
		if (str_starts(s, STR("<Event>")) || str_starts(s, STR("<Event ")))
			return FORMAT_XML;
		return s.n > 2 && ch_is_digit((unsigned char)s.p[1]) ? FORMAT_SYSLOG : FORMAT_AUTO;
	case '-':
		return str_starts(s, STR("- <Event>")) || str_starts(s, STR("- <Event ")) ? FORMAT_XML : FORMAT_AUTO;
	case '_':
		return str_starts(s, STR("__CURSOR=")) || str_starts(s, STR("__REALTIME_TIMESTAMP=")) ? FORMAT_JOURNAL : FORMAT_AUTO;
	default:
		return FORMAT_AUTO;
	}
}

static void restart(struct decoding *x)
{
	struct event *ev = x->ev;
	ev->field = NULL;
	ev->n_field = ev->field_room = 0;
	ev->time = x->reference;
	ev->time_is_own = false;
	ev->host = STR("");
	if (!x->forced)
		ev->lsset = 0;
}

/* It is UTF-8 and can be decoded as it is; *ret_ascii of its bytes, at the start, are ASCII. */
static bool is_clean(struct str raw, uint32_t *ret_ascii)
{
	size_t ascii = utf8_ascii_prefix(raw);
	/* JSON holds no bare escapes, so an object in valid UTF-8 is what it looks like. */
	if ((ascii < raw.n && !utf8_valid(str_sub(raw, ascii, raw.n))) || (raw.n && raw.p[0] != '{' && str_chr(raw, 0x1b) != STR_NPOS))
		return false;
	*ret_ascii = (uint32_t)ascii;
	return true;
}

/* Other encodings become UTF-8. */
static struct str converted(struct decoding *x, struct str raw, enum decode_fault *fault)
{
	struct str out;
	struct buf b = BUF_INIT((size_t)RECORD_MAX * 3u);
	if (!japanese_to_utf8(raw, &b)) {
		if (utf8_valid(raw))
			return raw;
		utf8_add_clean(&b, raw);
		*fault = DECODE_ENCODING;
	}
	out = arena_dup(x->mem, buf_str(&b));
	buf_done(&b);
	return out;
}

struct str decode_clean(struct decoding *x, struct str raw, enum decode_fault *fault)
{
	uint32_t ascii;
	return is_clean(raw, &ascii) ? raw : converted(x, raw, fault);
}

static enum decode_fault as_text(struct decoding *x, struct str text, enum decode_fault fault)
{
	struct found_time found;
	restart(x);
	x->ev->format = FORMAT_TEXT;
	decode_add(x, "message", text);
	if (find_time(text, x->reference, x->offset_s, &found)) {
		x->ev->time = found.time;
		x->ev->time_is_own = true;
	}
	return fault;
}

static enum decode_fault run_auto(struct decoding *x, struct str text)
{
	static const enum event_format tries[] = {FORMAT_COMBINED, FORMAT_SYSLOG, FORMAT_KV, FORMAT_TEXT};
	struct str s = str_trim(text);
	enum event_format f = guess(s);
	enum decode_fault fault;
	if (f != FORMAT_AUTO) {
		x->ev->format = (uint8_t)f;
		if ((fault = decoder_of(f)(x, s)) == DECODE_OK || fault == DECODE_TOO_DEEP)
			return fault == DECODE_OK ? fault : as_text(x, text, fault);
		if (f == FORMAT_JSON || f == FORMAT_XML || f == FORMAT_AUDITD)
			return as_text(x, text, fault);
	}
	struct str front = str_sub(s, 0, 64);
	if (str_find(front, STR(" | ")) != STR_NPOS || str_find(front, STR(" std")) != STR_NPOS) {
		restart(x);
		x->ev->format = FORMAT_TEXT;
		if (decode_wrapped(x, s) == DECODE_OK)
			return DECODE_OK;
	}
	for (size_t i = 0; i < LEN(tries); i++) {
		restart(x);
		x->ev->format = (uint8_t)tries[i];
		if (tries[i] != f && decoder_of(tries[i])(x, tries[i] == FORMAT_SYSLOG ? text : s) == DECODE_OK)
			return DECODE_OK;
	}
	return as_text(x, text, DECODE_NO_DECODER);
}

static enum decode_fault run(struct decoding *x, struct str text)
{
	enum event_format f = (enum event_format)x->rec->format;
	if (x->rec->raw.n > RECORD_MAX)
		return as_text(x, str_sub(text, 0, TOO_LONG_SHOWN), DECODE_TOO_LONG);
	if (f == FORMAT_AUTO)
		return run_auto(x, text);
	decode_fn *fn = decoder_of(f);
	x->ev->format = (uint8_t)f;
	enum decode_fault fault = fn(x, text);
	return fault == DECODE_OK ? fault : as_text(x, text, fault);
}

/* Sources come in runs: the mapping is asked once per run. */
static const struct source_rule *mapped(struct decoder *d, const struct record *rec)
{
	const struct sources *map = vocab_sources(d->vocab);
	if (!map)
		return NULL;
	size_t n = rec->source.n;
	if (d->mapped.n == n + 1 + rec->host.n && d->mapped.n && memcmp(d->mapped.p, rec->source.p ? rec->source.p : "", n) == 0 &&
		str_eq(str_sub(buf_str(&d->mapped), n + 1, d->mapped.n), rec->host))
		return d->rule;
	buf_reset(&d->mapped);
	buf_add(&d->mapped, rec->source);
	buf_addc(&d->mapped, 0);
	buf_add(&d->mapped, rec->host);
	return d->rule = sources_find(map, rec->source, rec->host);
}

static bool says_source(const struct logsource *ls)
{
	return ls->product.n || ls->category.n || ls->service.n;
}

/* What the mapping says of the program that wrote the message. */
static void mapped_program(struct decoder *d, const struct record *rec, struct arena *mem, struct event *ev)
{
	const struct sources *map = vocab_sources(d->vocab);
	bool syslog = ev->format == FORMAT_SYSLOG;
	if (!map || (!syslog && ev->format != FORMAT_JOURNAL) || !sources_name_programs(map) || says_source(&rec->ls))
		return;
	const struct field *f = event_field_name(ev, syslog ? STR("program") : STR("SYSLOG_IDENTIFIER"));
	const struct source_rule *r = f ? sources_find_program(map, rec->source, rec->host, val_text(f->val, mem)) : NULL;
	if (r)
		ev->lsset = vocab_lsset(d->vocab, &r->ls, 1);
}

void decode_record(struct decoder *d, const struct record *rec, struct arena *mem, struct event *ret, enum decode_fault *ret_fault)
{
	struct decoding x = {.vocab = d->vocab, .json = d->json, .roles = d->roles, .table = d->table, .sources = d->sources, .mem = mem, .rec = rec, .ev = ret, .offset_s = d->offset_s,
		.reference = rec->written ? rec->written : rec->received};
	enum decode_fault fault = DECODE_OK, encoding = DECODE_OK;
	struct str text = rec->raw;
	const struct source_rule *rule = mapped(d, rec);
	struct record with;
	if (rule) {
		with = *rec;
		with.format = rec->format == FORMAT_AUTO ? rule->format : rec->format;
		with.ls = says_source(&rec->ls) ? rec->ls : rule->ls;
		x.offset_s = rule->has_zone ? rule->offset_s : x.offset_s;
		x.rec = rec = &with;
	}
	x.forced = says_source(&rec->ls);
	*ret = (struct event){.id = rec->id, .time = x.reference, .received = rec->received, .site = rec->site, .source = rec->source, .raw = rec->raw, .context = rec->context,
		.record = rec->ordinal, .offset = rec->offset};
	if (x.forced)
		ret->lsset = vocab_lsset(d->vocab, &rec->ls, 1);
	if (text.n > RECORD_MAX)
		text.n = TOO_LONG_SHOWN;
	/* The journal's export format counts bytes: its values are cleaned one by one. */
	if (rec->format != FORMAT_JOURNAL && !is_clean(text, &ret->ascii))
		text = converted(&x, text, &encoding);
	fault = run(&x, text);
	if (x.own_record) {
		ret->record = x.own_record;
		ret->record_is_own = true;
	}
	if (!ret->host.n)
		ret->host = rec->host;
	mapped_program(d, rec, mem, ret);
	if (ret_fault)
		*ret_fault = fault ? fault : encoding;
}

void event_to_record(const struct event *ev, struct arena *mem, struct record *ret)
{
	*ret = (struct record){.raw = event_raw(ev, mem), .context = ev->context, .source = ev->source, .site = ev->site, .host = ev->host, .format = ev->format,
		.received = ev->received, .ordinal = ev->record, .offset = ev->offset, .id = ev->id};
	if (ret->format == FORMAT_TEXT)
		ret->format = FORMAT_AUTO;
}
