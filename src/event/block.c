/* SPDX-License-Identifier: Apache-2.0 */
#include "event/evtx.h"
#include "event/reader_parts.h"

#include "base/map.h"

struct decode_block {
	struct block *b;
	struct decoder *d;
	struct arena *mem;
	block_event_cb *cb;
	void *arg;
	struct buf context;
	struct block_counts *n;
	int result;
};

static bool is_bad(enum decode_fault f)
{
	return f != DECODE_OK && f != DECODE_ENCODING && f != DECODE_NO_DECODER;
}

static void name_fault(struct decode_block *x, enum decode_fault f, uint64_t offset)
{
	char why[200];
	snprintf(why, sizeof(why), "%s at byte %llu", decode_fault_help(f), (unsigned long long)offset);
	block_file_fault(x->b->file, why, offset, false);
}

/*
 * Formats that a file's header decides hold for all of it; in the others each record that looks different is what it looks like, unless the
 * format was asked for.
 */
static enum event_format record_format(const struct block *b)
{
	const struct framing *f = &b->framing;
	bool by_header = f->kind == FRAME_DIRECTIVES || f->kind == FRAME_CSV || f->kind == FRAME_JOURNAL;
	return by_header || b->file->opts.format != FORMAT_AUTO ? f->format : FORMAT_AUTO;
}

static int one_record(struct decode_block *x, struct str raw, size_t at)
{
	const struct reader_opts *o = &x->b->file->opts;
	struct event ev;
	enum decode_fault fault;
	arena_reset(x->mem);
	struct record rec = {.raw = raw, .context = buf_str(&x->context), .source = x->b->file->pub.path, .ls = o->ls, .format = (uint8_t)record_format(x->b), .received = o->now,
		.ordinal = ++x->n->events, .offset = x->b->offset + at};
	decode_record(x->d, &rec, x->mem, &ev, &fault);
	x->n->fault[fault]++;
	x->n->format[ev.format]++;
	x->n->own_time += ev.time_is_own;
	if (is_bad(fault)) {
		x->n->bad++;
		name_fault(x, fault, rec.offset);
	}
	return x->result = x->cb(x->arg, &ev);
}

static void decode_records(struct decode_block *x)
{
	struct str rest = x->b->bytes, rec;
	while (!x->result && framing_next(&x->b->framing, &rest, &x->context, x->b->offset == 0, &rec))
		one_record(x, rec, (size_t)(rec.p - x->b->bytes.p));
}

/* ---- audit: lines of one serial -------------------------------------------------------------------------------------------------------------- */

struct group {
	struct str first; /* the only line, or several that stand side by side */
	struct buf all;   /* its lines so far, when others stand between them */
};

/* False when that would make the event too long. */
static bool add_line(struct group *g, struct str line)
{
	if (!g->all.n && g->first.p + g->first.n + 1 == line.p && g->first.n + line.n < RECORD_MAX) {
		g->first.n += line.n + 1;
		return true;
	}
	if (!g->all.n) {
		g->all = BUF_INIT(RECORD_MAX);
		buf_add(&g->all, g->first);
	}
	if (g->all.n + line.n + 1 > RECORD_MAX)
		return false;
	buf_addc(&g->all, '\n');
	buf_add(&g->all, line);
	return true;
}

/* One event per serial, in the order of first lines: lines of several events may be mixed. */
static void decode_audit(struct decode_block *x)
{
	struct str rest = x->b->bytes, line;
	VEC(struct group) groups = {0};
	struct map index;
	if (x->b->offset == 0)
		str_take(&rest, STR("\xEF\xBB\xBF"));
	map_init(&index);
	while (str_line(&rest, &line)) {
		struct str serial = framing_audit_serial(line);
		bool fresh = true;
		if (!str_trim(line).n)
			continue;
		uint64_t *at = serial.p ? map_put(&index, serial, &fresh) : NULL;
		if (!fresh && add_line(&groups.at[*at], line))
			continue;
		if (at)
			*at = groups.n;
		vec_push(&groups, ((struct group){.first = line}));
	}
	vec_each(g, &groups) {
		if (!x->result)
			one_record(x, g->all.n ? buf_str(&g->all) : g->first, (size_t)(g->first.p - x->b->bytes.p));
		buf_done(&g->all);
	}
	vec_done(&groups);
	map_done(&index);
}

/* ---- event logs ------------------------------------------------------------------------------------------------------------------------------ */

static int on_evtx(void *arg, struct event *ev)
{
	struct decode_block *x = arg;
	x->n->own_time += ev->time_is_own;
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
		evtx_decode_chunk(decoder_evtx(x->d), piece, &proto, x->mem, on_evtx, x, &res);
		/* A chunk may be damaged where no record begins: that counts as one seen. */
		uint64_t events = res.records > res.damaged ? res.records : res.damaged;
		x->n->events += events;
		x->n->bad += res.damaged;
		x->n->fault[DECODE_OK] += events - res.damaged;
		x->n->fault[DECODE_DAMAGED] += res.damaged;
		x->n->format[FORMAT_EVTX] += events;
		if (res.fault) {
			snprintf(why, sizeof(why), "%s at byte %llu", res.fault, (unsigned long long)(proto.offset + res.fault_at));
			block_file_fault(x->b->file, why, proto.offset + res.fault_at, false);
		}
	}
}

int block_decode(struct block *b, struct decoder *d, struct arena *mem, block_event_cb *cb, void *arg, struct block_counts *ret)
{
	struct decode_block x = {.b = b, .d = d, .mem = mem, .cb = cb, .arg = arg, .n = ret, .context = BUF_INIT(CONTEXT_MAX)};
	*ret = (struct block_counts){0};
	buf_add(&x.context, b->context);
	if (b->too_long)
		one_record(&x, b->bytes, 0);
	else if (b->framing.kind == FRAME_EVTX)
		decode_evtx(&x, decoder_vocab(d));
	else if (b->framing.kind == FRAME_AUDIT)
		decode_audit(&x);
	else
		decode_records(&x);
	buf_done(&x.context);
	return x.result;
}
