/* SPDX-License-Identifier: Apache-2.0 */
#include "event/decode_parts.h"

#include "base/utf8.h"
#include "codec/json.h"

struct decoder {
	struct vocab *vocab;
	struct json_tables *json;
	int offset_s;
};

static const char *const FAULT_NAMES[] = {
#define FAULT(sym, name, help) name,
#include "event/faults.def"
#undef FAULT
};

const char *decode_fault_name(enum decode_fault f)
{
	must(f < DECODE_FAULT_COUNT);
	return FAULT_NAMES[f];
}

struct decoder *decoder_new(struct vocab *v, int offset_s)
{
	struct decoder *d = must_new(struct decoder);
	d->vocab = vocab_ref(v);
	d->json = json_tables_new(v);
	d->offset_s = offset_s;
	return d;
}

void decoder_free(struct decoder *d)
{
	if (!d)
		return;
	json_tables_free(d->json);
	vocab_unref(d->vocab);
	free(d);
}

struct vocab *decoder_vocab(const struct decoder *d)
{
	return d->vocab;
}

uint32_t decode_logsource(struct decoding *x, const char *product, const char *category, const char *service)
{
	struct logsource ls = {str_c(product), str_c(category), str_c(service)};
	return vocab_lsset(x->vocab, &ls, 1);
}

bool decode_time(struct decoding *x, struct str text)
{
	tstamp t;
	struct str s = str_trim(text);
	if (!ts_parse_rfc3339(s, 0, &t) && !(s.n >= 9 && ts_parse_epoch(s, &t)) && !ts_parse_clf(s, &t))
		return false;
	x->ev->time = t;
	x->ev->time_is_own = true;
	return true;
}

void decode_add_str(struct decoding *x, struct str name, struct str value)
{
	struct val v = {.kind = VAL_STR, .u.p = value.p, .n = (uint32_t)value.n};
	event_add_field(x->ev, x->mem, name, vocab_field(x->vocab, name), v, 0);
}

void decode_add(struct decoding *x, const char *name, struct str value)
{
	decode_add_str(x, str_c(name), value);
}

static const struct {
	enum event_format format;
	decode_fn *fn;
} DECODERS[] = {
	{FORMAT_JSON, decode_json}, {FORMAT_EVE, decode_json}, {FORMAT_EVTX, decode_json}, {FORMAT_AUDITD, decode_auditd}, {FORMAT_SYSLOG, decode_syslog},
	{FORMAT_COMBINED, decode_combined}, {FORMAT_CEF, decode_cef}, {FORMAT_LEEF, decode_leef}, {FORMAT_KV, decode_kv},
};

static decode_fn *decoder_of(enum event_format f)
{
	for (size_t i = 0; i < LEN(DECODERS); i++)
		if (DECODERS[i].format == f)
			return DECODERS[i].fn;
	return NULL;
}

/* What a line is by its first bytes; the decoders themselves refuse what only looks like theirs. */
static enum event_format guess(struct str raw)
{
	struct str s = str_trim(raw), peer;
	if (s.n && s.p[0] == '{')
		return FORMAT_JSON;
	if (str_starts(s, STR("type=")) && str_find(s, STR(" msg=audit(")) != STR_NPOS)
		return FORMAT_AUDITD;
	if (str_starts(s, STR("node=")) && str_find(s, STR(" msg=audit(")) != STR_NPOS)
		return FORMAT_AUDITD;
	if (str_starts(s, STR("CEF:")))
		return FORMAT_CEF;
	if (str_starts(s, STR("LEEF:")))
		return FORMAT_LEEF;
	if (s.n && s.p[0] == '<')
		return FORMAT_SYSLOG;
	if (str_word(&s, &peer) && str_find(s, STR(" [")) != STR_NPOS && str_find(s, STR("] \"")) != STR_NPOS)
		return FORMAT_COMBINED;
	return FORMAT_SYSLOG;
}

static void restart(struct decoding *x)
{
	struct event *ev = x->ev;
	ev->field = NULL;
	ev->n_field = ev->field_room = 0;
	ev->time = x->rec->received;
	ev->time_is_own = false;
	ev->host = STR("");
}

static struct str clean_text(struct decoding *x, struct str raw, enum decode_fault *fault)
{
	if (utf8_valid(raw))
		return raw;
	struct buf b = BUF_INIT(RECORD_MAX * 3u);
	utf8_add_clean(&b, raw);
	struct str out = arena_dup(x->mem, buf_str(&b));
	buf_done(&b);
	*fault = DECODE_ENCODING;
	return out;
}

static enum decode_fault run(struct decoding *x, struct str text)
{
	enum event_format f = x->rec->format ? (enum event_format)x->rec->format : guess(text);
	decode_fn *fn = decoder_of(f);
	enum decode_fault fault = fn ? fn(x, text) : DECODE_NO_DECODER;
	x->ev->format = (uint8_t)f;
	if (fault == DECODE_OK)
		return fault;
	restart(x);
	x->ev->format = FORMAT_TEXT;
	decode_add(x, "message", text);
	return x->rec->format || f != FORMAT_SYSLOG ? fault : DECODE_NO_DECODER;
}

void decode_record(struct decoder *d, const struct record *rec, struct arena *mem, struct event *ret, enum decode_fault *ret_fault)
{
	struct decoding x = {.vocab = d->vocab, .json = d->json, .mem = mem, .rec = rec, .ev = ret, .offset_s = d->offset_s};
	enum decode_fault fault = DECODE_OK, encoding = DECODE_OK;
	x.forced = rec->ls.product.n || rec->ls.category.n || rec->ls.service.n;
	*ret = (struct event){.id = rec->id, .time = rec->received, .received = rec->received, .site = rec->site, .source = rec->source, .raw = rec->raw,
		.record = rec->ordinal, .offset = rec->offset};
	if (x.forced)
		ret->lsset = vocab_lsset(d->vocab, &rec->ls, 1);
	fault = run(&x, clean_text(&x, rec->raw, &encoding));
	if (x.own_record)
		ret->record = x.own_record;
	if (!ret->host.n)
		ret->host = rec->host;
	if (ret_fault)
		*ret_fault = fault ? fault : encoding;
}

void event_to_record(const struct event *ev, struct arena *mem, struct record *ret)
{
	*ret = (struct record){.raw = event_raw(ev, mem), .source = ev->source, .site = ev->site, .host = ev->host, .format = ev->format, .received = ev->received,
		.ordinal = ev->record, .offset = ev->offset, .id = ev->id};
	if (ret->format == FORMAT_TEXT)
		ret->format = FORMAT_AUTO;
}
