/* SPDX-License-Identifier: Apache-2.0 */
#include "house/parts.h"
#include "sys/file.h"
#include "sys/log.h"

#include <errno.h>
#include <stdlib.h>

/*
 * Detection reads the log, not the socket. Three positions move through it: the store's (what is sealed), the desk's (everything below is
 * detected, committed with the alerts), the snapshot's (the correlator's state as of there). After a crash reading begins at the lowest of
 * them; what is below the desk's position feeds the correlator and the store again and tells the desk nothing.
 */
#define TURN_EVENTS 2048
#define QUIET_EVENTS 65536
#define FOUND_MAX 4096
#define MEMBERS_KEPT 100  /* events of a correlation that are fetched for the alert; of the others the id is kept */
#define SAVE_EVERY_NS (60 * NS_PER_S)
#define RETAIN_EVERY_NS (3600 * NS_PER_S)
#define SNAPSHOT_MAX (1u << 30)

static const struct actor SYSTEM = {{"system", 6}, {"system", 6}};

/* ---- where it was ------------------------------------------------------------------------------------------------------------------------------- */

static uint64_t state_number(struct desk *k, const char *name)
{
	struct buf b = BUF_INIT(8);
	uint64_t v = 0;
	struct str s;
	if (desk_state_get(k, name, &b) == 0 && (s = buf_str(&b)).n == 8)
		rd_le64(&s, &v);
	buf_done(&b);
	return v;
}

static int state_put(struct desk *k, const char *name, uint64_t v)
{
	struct buf b = BUF_INIT(8);
	buf_add_le64(&b, v);
	int r = desk_state_set(k, name, buf_str(&b));
	buf_done(&b);
	return r;
}

/* Snapshot = position, then the correlator's bytes. */
static void load_snapshot(struct house *h)
{
	struct buf b = BUF_INIT(SNAPSHOT_MAX);
	uint64_t at = 0;
	struct str s;
	if (desk_state_get(h->desk, "correlator", &b) == 0 && (s = buf_str(&b)).n >= 8) {
		rd_le64(&s, &at);
		if (correlator_load(h->engine.correlator, s) < 0)
			log_error("engine", "the correlator's snapshot cannot be used; its windows start empty");
	}
	h->engine.saved = at;
	buf_done(&b);
}

static uint64_t lowest(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

int engine_open(struct house *h, struct diag *d)
{
	struct engine *e = &h->engine;
	(void)d;
	arena_init(&e->mem, 0);
	arena_init(&e->batch, 0);
	e->decoder = decoder_new(h->vocab, config_offset(h->config));
	if (h->image) {
		e->matcher = sigma_matcher_new(h->image);
		e->correlator = correlator_new(h->image, config_count(h->config, CFG_CORRELATION_MEMORY));
	}
	e->detected = state_number(h->desk, "detected");
	if (e->correlator)
		load_snapshot(h);
	else
		e->saved = e->detected;
	/* The positions that the desk and the store have seen are not given again, whatever happened to the log. */
	uint64_t seen = e->detected > store_position(h->store) ? e->detected : store_position(h->store);
	int r = wal_skip_to(h->wal, seen);
	if (r < 0)
		return r;
	if (r > 0)
		diag_error(&h->findings, (struct diag_at){0}, "wal.shortened", "the end of the write-ahead log is gone; new events go on from position %llu", (unsigned long long)seen);
	e->next = lowest(store_position(h->store), lowest(e->detected, e->saved));
	e->saved_at = clock_now(h->clock);
	return wal_cursor_open(h->wal, e->next, &e->cursor);
}

/* ---- detections ----------------------------------------------------------------------------------------------------------------------------------- */

static json_t *fields_json(const struct event *ev, struct arena *mem)
{
	struct buf b = BUF_INIT(64u << 20);
	event_add_json(ev, mem, &b);
	json_t *o = b.err ? NULL : json_loadb(b.p, b.n, 0, NULL);
	buf_done(&b);
	return o;
}

static json_t *matched_json(const struct sigma_hit *hit)
{
	json_t *list = json_array();
	for (size_t i = 0; i < hit->n_reason; i++) {
		const struct sigma_reason *r = &hit->reason[i];
		json_array_append_new(list, json_pack("{s:o, s:o, s:o}", "selection", doc_string(r->selection), "field", doc_string(r->field), "value", doc_string(sigma_hit_value(hit, i))));
	}
	return list;
}

static struct str keep(struct arena *mem, struct str s)
{
	return s.n ? arena_dup(mem, s) : STR("");
}

static struct detection *new_detection(struct engine *e, const struct sigma_rule *rule, const struct event *ev, const struct vocab *v, size_t n_event)
{
	struct detection *det = vec_add(&e->found);
	size_t n;
	det->rule = rule;
	det->time = det->first = det->last = ev->time;
	det->site = keep(&e->batch, ev->site);
	det->host = keep(&e->batch, ev->host);
	det->source = keep(&e->batch, ev->source);
	det->ls = vocab_lsset_get(v, ev->lsset, &n)[0];
	det->event = arena_array(&e->batch, n_event + 1, sizeof(*det->event));
	return det;
}

static void add_event(struct engine *e, struct detection *det, const struct event *ev, json_t *matched, const struct sigma_rule *rule)
{
	det->event[det->n_event++] = (struct detected_event){.id = ev->id, .time = ev->time, .host = keep(&e->batch, ev->host), .source = keep(&e->batch, ev->source), .rule_id = rule->id,
		.rule_title = rule->title, .raw = keep(&e->batch, event_raw(ev, &e->batch)), .matched = matched, .fields = fields_json(ev, &e->batch)};
}

static void add_member(struct house *h, struct detection *det, const struct correlation_member *m, bool fetch)
{
	struct engine *e = &h->engine;
	struct event ev;
	if (fetch && store_get(h->store, m->event_id, &e->batch, &ev) == 0) {
		add_event(e, det, &ev, NULL, m->rule);
		return;
	}
	det->event[det->n_event++] = (struct detected_event){.id = m->event_id, .time = m->time, .source = keep(&e->batch, m->source), .rule_id = m->rule->id, .rule_title = m->rule->title};
}

struct on_hit {
	struct house *h;
	const struct event *ev;
	bool tell; /* the desk does not have it yet */
};

static int on_correlation(void *arg, const struct correlation_hit *c)
{
	struct on_hit *x = arg;
	struct engine *e = &x->h->engine;
	if (!x->tell || c->rule->silent)
		return 0;
	struct detection *det = new_detection(e, c->rule, x->ev, x->h->vocab, c->n_member);
	struct str *field = arena_array(&e->batch, c->n_group + 1, sizeof(*field)), *value = arena_array(&e->batch, c->n_group + 1, sizeof(*value));
	det->time = c->time;
	det->first = c->first;
	det->last = c->last;
	for (size_t i = 0; i < c->n_group; i++) {
		field[i] = keep(&e->batch, c->group_field[i]);
		value[i] = keep(&e->batch, c->group_value[i]);
	}
	det->group_field = field;
	det->group_value = value;
	det->n_group = c->n_group;
	for (size_t i = 0; i < c->n_member; i++)
		add_member(x->h, det, &c->member[i], c->n_member - i <= MEMBERS_KEPT);
	e->matches++;
	return 0;
}

static int on_match(void *arg, const struct sigma_hit *hit)
{
	struct on_hit *x = arg;
	struct engine *e = &x->h->engine;
	if (hit->rule->feeds)
		correlator_feed(e->correlator, hit, x->ev, on_correlation, x);
	if (hit->rule->silent || !x->tell)
		return 0;
	e->matches++;
	add_event(e, new_detection(e, hit->rule, x->ev, x->h->vocab, 1), x->ev, matched_json(hit), hit->rule);
	return 0;
}

static void forget_found(struct engine *e)
{
	vec_each(det, &e->found) {
		for (size_t i = 0; i < det->n_event; i++) {
			json_decref(det->event[i].matched);
			json_decref(det->event[i].fields);
		}
	}
	vec_clear(&e->found);
	arena_reset(&e->batch);
}

/* ---- handing over ---------------------------------------------------------------------------------------------------------------------------------- */

struct hand_over {
	struct house *h;
	struct buf snapshot; /* empty: none this time */
};

static int hand_over(struct desk *k, void *arg)
{
	struct hand_over *x = arg;
	struct engine *e = &x->h->engine;
	int r = soc_ingest(k, &x->h->soc, e->found.at, e->found.n);
	if (r == 0)
		r = state_put(k, "detected", e->next);
	if (r == 0 && x->snapshot.n)
		r = desk_state_set(k, "correlator", buf_str(&x->snapshot));
	return r;
}

static bool save_is_due(const struct house *h)
{
	return h->engine.correlator && h->engine.saved < h->engine.next && clock_now(h->clock) - h->engine.saved_at >= SAVE_EVERY_NS;
}

/* Alerts, the position, and sometimes the correlator's state, in one commit. Without alerts the position may wait a while: what is not committed is done again. */
static int deliver(struct house *h, bool save, bool idle)
{
	struct engine *e = &h->engine;
	struct hand_over x = {h, BUF_INIT(SNAPSHOT_MAX)};
	if (e->next <= e->detected && !e->found.n && !(save && e->saved < e->next))
		return 0;
	if (!e->found.n && !save && !idle && e->next - e->detected < QUIET_EVENTS)
		return 0;
	if (e->correlator && save) {
		buf_add_le64(&x.snapshot, e->next);
		correlator_save(e->correlator, &x.snapshot);
		if (x.snapshot.err)
			buf_reset(&x.snapshot);
	}
	file_fault_stage("hand-over");
	int r = house_desk(h, hand_over, &x);
	if (r == 0) {
		e->detected = e->next;
		if (x.snapshot.n) {
			e->saved = e->next;
			e->saved_at = clock_now(h->clock);
		}
		if (!e->correlator)
			e->saved = e->next;
		forget_found(e);
	}
	e->handed = r < 0;
	buf_done(&x.snapshot);
	return r;
}

/* ---- sealing ----------------------------------------------------------------------------------------------------------------------------------------- */

static json_t *file_json(const struct store_file *f)
{
	struct buf sha = BUF_INIT(100), root = BUF_INIT(100);
	buf_add_hex(&sha, f->sha256, 32);
	buf_add_hex(&root, f->root, 32);
	json_t *o = json_pack("{s:I, s:I, s:I, s:I, s:s, s:s}", "first", (json_int_t)f->first, "last", (json_int_t)f->last, "rows", (json_int_t)f->rows, "bytes", (json_int_t)f->file_bytes, "sha256",
		buf_cstr(&sha), "root", buf_cstr(&root));
	buf_done(&sha);
	buf_done(&root);
	return o;
}

struct note {
	const struct store_file *file;
	const char *verb;
};

static int note_file(struct desk *k, void *arg)
{
	const struct note *n = arg;
	json_t *o = file_json(n->file);
	int r = desk_note(k, &SYSTEM, "segment", n->file->name, n->verb, o);
	json_decref(o);
	return r;
}

static int on_sealed(void *arg, const struct store_file *f)
{
	return house_desk(arg, note_file, &(struct note){f, "seal"});
}

static int seal(struct house *h, bool force)
{
	struct engine *e = &h->engine;
	uint64_t before = store_sealed(h->store);
	int r = store_seal(h->store, clock_now(h->clock), force, on_sealed, h);
	if (r >= 0 && store_sealed(h->store) > before)
		wal_drop(h->wal, lowest(store_sealed(h->store), lowest(e->detected, e->saved)));
	return r;
}

static int on_dropped(void *arg, const struct store_file *f)
{
	return house_desk(arg, note_file, &(struct note){f, "drop"});
}

/* Once an hour: what is older than the retention goes, each file an entry of the ledger. */
static int retain(struct house *h)
{
	tstamp now = clock_now(h->clock);
	if (now - h->engine.retained_at < RETAIN_EVERY_NS)
		return 0;
	h->engine.retained_at = now;
	int r = store_drop_before(h->store, now - config_duration(h->config, CFG_RETENTION), on_dropped, h);
	return r < 0 ? r : 0;
}

/* ---- the turn ------------------------------------------------------------------------------------------------------------------------------------------ */

static int take_record(struct house *h, const struct record *rec, uint64_t position)
{
	struct engine *e = &h->engine;
	struct on_hit x = {h, NULL, position >= e->detected};
	enum decode_fault fault;
	struct event ev;
	arena_reset(&e->mem);
	decode_record(e->decoder, rec, &e->mem, &ev, &fault);
	x.ev = &ev;
	e->undecodable += fault != DECODE_OK;
	e->events++;
	int r = position >= store_position(h->store) ? store_append(h->store, &ev, position) : 0;
	if (r == 0 && e->matcher && (position >= e->detected || position >= e->saved)) {
		sigma_matcher_window(e->matcher, position >> 20);
		sigma_match(e->matcher, &ev, on_match, &x);
	}
	return r;
}

/* The record could not be stored (a full disk): the next turn begins with it. */
static int read_again(struct engine *e, struct wal *wal, int err)
{
	wal_cursor_close(e->cursor);
	e->cursor = NULL;
	int r = wal_cursor_open(wal, e->next, &e->cursor);
	return r < 0 ? r : err;
}

int engine_turn(struct house *h)
{
	struct engine *e = &h->engine;
	struct record rec;
	uint64_t position;
	int n = 0, got, r = 0;
	if (e->handed && (r = deliver(h, false, true)) < 0)
		return r;
	while (n < TURN_EVENTS && e->found.n < FOUND_MAX && (got = wal_cursor_next(e->cursor, &rec, &position)) != 0) {
		if (got < 0) {
			e->damaged++;
			continue; /* a damaged frame: verify names it */
		}
		if (position < e->next)
			continue;
		if ((r = take_record(h, &rec, position)) < 0) {
			seal(h, false); /* the hot rows may be full because sealing failed before */
			return read_again(e, h->wal, r);
		}
		e->next = position + 1;
		n++;
	}
	if ((r = deliver(h, save_is_due(h), n == 0)) < 0)
		return r;
	if ((r = retain(h)) == 0)
		r = seal(h, false);
	return r < 0 ? r : n;
}

void engine_close(struct house *h)
{
	struct engine *e = &h->engine;
	if (e->cursor && !h->abandoned)
		deliver(h, true, true);
	wal_cursor_close(e->cursor);
	decoder_free(e->decoder);
	sigma_matcher_free(e->matcher);
	correlator_free(e->correlator);
	forget_found(e);
	vec_done(&e->found);
	arena_done(&e->batch);
	arena_done(&e->mem);
}
