/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/matcher.h"

#include "base/utf8.h"
#include "sys/rand.h"

#include <sys/mman.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define LOOK_FIELD 1u
#define LOOK_WORDS 2u

void asking_init(struct sigma_matcher *m)
{
	/* Pages of zeros, which cost nothing until they are used. */
	m->cache = mmap(NULL, CACHE_SLOTS * sizeof(*m->cache), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(m->cache != MAP_FAILED);
	/* Look-ups go anywhere in it; without such pages each costs a walk of page tables, too. */
	madvise(m->cache, CACHE_SLOTS * sizeof(*m->cache), MADV_HUGEPAGE);
	m->noted = must_calloc(m->img->n_gate + 1, sizeof(*m->noted));
	m->secret = must_calloc(XXH3_SECRET_DEFAULT_SIZE, 1);
	rand_bytes(&m->seed, sizeof(m->seed));
	XXH3_generateSecret_fromSeed(m->secret, m->seed);
}

void asking_done(struct sigma_matcher *m)
{
	vec_done(&m->values);
	vec_done(&m->open);
	munmap(m->cache, CACHE_SLOTS * sizeof(*m->cache));
	free(m->noted);
	free(m->secret);
}

/* ---- values ------------------------------------------------------------------------------------------------------------------------ */

struct value *value_of(struct sigma_matcher *m, uint32_t field)
{
	struct value *v = &m->values.at[field];
	if (v->text_stamp != m->stamp) {
		v->text = val_text(m->ev->field[field].val, &m->mem);
		if (!v->text.p)
			v->text = STR("");
		v->text_stamp = m->stamp;
	}
	return v;
}

struct value *raw_of(struct sigma_matcher *m)
{
	m->raw.text = m->ev->raw;
	m->raw.text_stamp = m->stamp;
	return &m->raw;
}

struct str fold_of(struct sigma_matcher *m, struct value *v)
{
	if (v->fold_stamp != m->stamp) {
		v->fold = fold_dup(&m->mem, v->text);
		v->fold_stamp = m->stamp;
	}
	return v->fold;
}

bool keywords_in_raw(const struct event *ev)
{
	return ev->raw.n && ev->format != FORMAT_JSON && ev->format != FORMAT_EVTX && ev->format != FORMAT_EVE;
}

/* What the value is, as bytes. */
static inline struct str val_bytes(const struct val *v)
{
	static const unsigned text = 1u << VAL_STR | 1u << VAL_JSTR | 1u << VAL_U16 | 1u << VAL_NUM | 1u << VAL_GUID | 1u << VAL_SID | 1u << VAL_BYTES | 1u << VAL_JSON;
	return text >> v->kind & 1 ? str_n(v->u.p, v->n) : str_n((const char *)&v->u, sizeof(v->u));
}

static const uint64_t *hash_of(struct sigma_matcher *m, uint32_t field)
{
	struct value *to = &m->values.at[field];
	const struct val *v = &m->ev->field[field].val;
	uint64_t kind = v->kind * 0x9E3779B97F4A7C15ull;
	struct str bytes = val_bytes(v);
	if (to->hash_stamp == m->stamp)
		return to->hash;
	/* The seed is for short values only, the secret for long ones. */
	XXH128_hash_t h = XXH3_128bits_withSecretandSeed(bytes.p, bytes.n, m->secret, XXH3_SECRET_DEFAULT_SIZE, m->seed);
	to->hash[0] = h.low64 ^ kind;
	to->hash[1] = h.high64;
	to->hash_stamp = m->stamp;
	return to->hash;
}

/* ---- gates ------------------------------------------------------------------------------------------------------------------------- */

/* What a hash told is compared once, here, so that an open gate needs no second look by the conditions. */
static bool is_sure(struct sigma_matcher *m, const struct gate_info *g, uint32_t field)
{
	if (g->exact == GATE_INEXACT || g->kind == GATE_CONTAINS)
		return true;
	return atom_fits(m, &m->img->atom[g->exact], m->ev->field[field].val, value_of(m, field));
}

struct asking {
	struct sigma_matcher *m;
	uint32_t field; /* UINT32_MAX: the line as it came */
};

static void note_gate(void *arg, uint16_t gate)
{
	const struct asking *a = arg;
	struct sigma_matcher *m = a->m;
	if (m->noted[gate] == m->asked || !has_bit(m->route->gates, gate - 1u))
		return;
	if (a->field != UINT32_MAX && !is_sure(m, &m->img->gate[gate - 1], a->field))
		return;
	m->noted[gate] = m->asked;
	vec_push(&m->open, gate);
}

static void wake_rules(struct sigma_matcher *m, uint16_t gate)
{
	for (const uint32_t *r = m->img->gate_rules[gate - 1]; *r != UINT32_MAX; r++)
		wake_rule(m, *r);
}

static void open_all(struct sigma_matcher *m, const uint16_t *gate, size_t n, size_t waking)
{
	for (size_t i = 0; i < n; i++) {
		if (i < waking && m->gate_stamp[gate[i]] != m->stamp)
			wake_rules(m, gate[i]);
		m->gate_stamp[gate[i]] = m->stamp;
	}
}

/* Those that wake a rule to the front; their number. */
static size_t sort_open(struct sigma_matcher *m)
{
	size_t waking = 0;
	for (size_t i = 0; i < m->open.n; i++) {
		uint16_t gate = m->open.at[i];
		if (!has_bit(m->route->waking, gate - 1u))
			continue;
		m->open.at[i] = m->open.at[waking];
		m->open.at[waking++] = gate;
	}
	return waking;
}

/* The next value: no gate of it is noted yet. */
static void start_asking(struct sigma_matcher *m)
{
	vec_clear(&m->open);
	if (++m->asked == 0) {
		memset(m->noted, 0, (m->img->n_gate + 1) * sizeof(*m->noted));
		m->asked = 1;
	}
}

static void ask(struct sigma_matcher *m, field_id id, struct val v, struct value *text, uint32_t field)
{
	struct asking a = {m, field};
	const struct field_look *look = &m->route->look[id];
	struct gate_query q = {id ? m->img->index[id] : m->route->words, look, &m->route->bits.at[look->bits], note_gate, &a};
	gates_of_value(&q, v, text->text, fold_of(m, text));
}

static inline struct cache_line *line_at(const struct sigma_matcher *m, const uint64_t *key)
{
	return &m->cache[(key[0] ^ key[0] >> 32) & (CACHE_SLOTS - 1)];
}

static inline bool is_of(const struct cache_line *line, const uint64_t *key)
{
	return line->n && line->key[0] == key[0] && line->key[1] == key[1];
}

static inline void set_key(struct sigma_matcher *m, uint32_t field, uint64_t first, uint64_t second)
{
	struct value *v = &m->values.at[field];
	v->key[0] = first;
	v->key[1] = second;
	v->key_stamp = m->stamp;
}

/* The value's cache line for this look at it. */
static inline struct cache_line *find_line(struct sigma_matcher *m, uint32_t field, unsigned look)
{
	const uint64_t *h = hash_of(m, field);
	uint64_t what = ((uint64_t)m->route->number << 32 | (uint64_t)m->ev->field[field].id << 8 | look) * 0xD1B54A32D192ED03ull;
	set_key(m, field, h[0] ^ what, h[1]);
	return line_at(m, m->values.at[field].key);
}

static void take_line(struct sigma_matcher *m, struct cache_line *line, const uint64_t *key, const uint16_t *gate, size_t n, size_t waking)
{
	m->line_clock++;
	*line = (struct cache_line){.key = {key[0], key[1]}, .n = (uint8_t)(n + 1), .waking = (uint8_t)waking};
	if (n)
		memcpy(line->slot, gate, n * sizeof(*gate));
}

struct cache_line *line_of(struct sigma_matcher *m, uint32_t field)
{
	const struct value *v = &m->values.at[field];
	bool asked = v->key_stamp == m->stamp;
	struct cache_line *line = asked ? line_at(m, v->key) : find_line(m, field, 0);
	if (is_of(line, m->values.at[field].key))
		return line;
	if (asked)
		return NULL;
	take_line(m, line, m->values.at[field].key, NULL, 0, 0);
	return line;
}

static inline uint32_t seen_what(const struct field *f, size_t n, bool words)
{
	return (uint32_t)f->id << 16 | (uint32_t)n << 8 | (uint32_t)words << 7 | (uint32_t)(f->val.kind + 1u);
}

static void keep_seen(struct sigma_matcher *m, uint32_t field, bool words, const struct cache_line *line)
{
	const struct field *f = &m->ev->field[field];
	struct str bytes = val_bytes(&f->val);
	size_t n = line->n - 1u;
	if (field >= SEEN_PLACES)
		return;
	struct seen *s = &m->seen[field];
	s->what = 0;
	if (n > SEEN_GATES || bytes.n > SEEN_BYTES)
		return;
	memcpy(s->key, line->key, sizeof(s->key));
	s->what = seen_what(f, bytes.n, words);
	s->n_gate = (uint8_t)n;
	s->waking = line->waking;
	memcpy(s->gate, line->slot, n * sizeof(*s->gate));
	memcpy(s->bytes, bytes.p, bytes.n);
}

static inline bool is_seen(const struct sigma_matcher *m, uint32_t field, const struct field *f, bool words)
{
	struct str bytes = val_bytes(&f->val);
	if (field >= SEEN_PLACES || bytes.n > SEEN_BYTES || m->seen[field].what != seen_what(f, bytes.n, words))
		return false;
	return memcmp(m->seen[field].bytes, bytes.p, bytes.n) == 0;
}

static void ask_cached(struct sigma_matcher *m, uint32_t field, unsigned look, struct cache_line *line)
{
	const struct field *f = &m->ev->field[field];
	const uint64_t *key = m->values.at[field].key;
	m->count.values++;
	if (is_of(line, key)) {
		open_all(m, line->slot, line->n - 1u, line->waking);
		keep_seen(m, field, look & LOOK_WORDS, line);
		m->count.known++;
		return;
	}
	start_asking(m);
	if (look & LOOK_FIELD)
		ask(m, f->id, f->val, value_of(m, field), field);
	if (look & LOOK_WORDS)
		ask(m, FIELD_UNKNOWN, f->val, value_of(m, field), field);
	size_t waking = sort_open(m);
	open_all(m, m->open.at, m->open.n, waking);
	if (m->open.n <= CACHE_ROOM)
		take_line(m, line, key, m->open.at, m->open.n, waking);
}

void open_gates_of(struct sigma_matcher *m, field_id id)
{
	struct place *p = &m->place[id];
	p->asked = m->stamp;
	const struct field_look *look = &m->route->look[id];
	for (uint32_t i = p->last + 1; i-- > 0;) {
		if (m->ev->field[i].id != id)
			continue;
		if (gate_text_may_fit(look, m->ev->field[i].val))
			ask_cached(m, i, LOOK_FIELD, find_line(m, i, LOOK_FIELD));
		if (!p->many && !(m->ev->field[i].flags & FIELD_F_ELEMENT))
			break;
	}
}

static inline void note_place(struct sigma_matcher *m, const struct field *f, uint32_t at, bool asked)
{
	struct place *p = &m->place[f->id];
	p->many = p->stamp == m->stamp && (p->many || !(f->flags & m->ev->field[p->last].flags & FIELD_F_ELEMENT));
	p->stamp = m->stamp;
	p->last = at;
	if (asked)
		p->asked = m->stamp;
}

/* What is asked of a value at once: gates of its field that wake a rule, keywords, both or nothing. */
static inline unsigned look_of(const struct sigma_matcher *m, const struct field *f, bool wakes, bool words)
{
	const struct route *r = m->route;
	unsigned look = wakes && gate_text_may_fit(&r->look[f->id], f->val) ? LOOK_FIELD : 0;
	return look | (words && gate_text_may_fit(&r->look[FIELD_UNKNOWN], f->val) ? LOOK_WORDS : 0);
}

/* One look at a line of JSON is less than one at each of its values, and says nearly always that no keyword is there. */
static bool line_is_clear(const struct sigma_matcher *m)
{
	const struct few *words = m->route->words_in_line;
	return words && m->ev->format == FORMAT_JSON && m->ev->raw.n && !few_any(words, m->ev->raw);
}

/* Which values keywords are asked of. */
struct wording {
	bool any;         /* keywords are asked of values at all */
	const char *line;
	size_t n, ascii;  /* bytes of the line, and of its start that is ASCII, when none stands in a string of it that is ASCII; else 0 */
};

static struct wording wording_of(const struct sigma_matcher *m)
{
	const struct event *ev = m->ev;
	struct wording w = {.any = m->route->look[FIELD_UNKNOWN].kinds && !keywords_in_raw(ev), .line = ev->raw.p};
	if (w.any && line_is_clear(m)) {
		w.n = ev->raw.n;
		w.ascii = ev->ascii;
	}
	return w;
}

/* A string or number that stands in these bytes of the line; no event has both a line of JSON and UTF-16. */
static inline bool is_within(const char *line, size_t n, const struct val *v)
{
	size_t at = (uintptr_t)v->u.p - (uintptr_t)line;
	return v->kind - (unsigned)VAL_STR <= VAL_NUM - VAL_STR && at < n && at + v->n <= n;
}

/* Apart: values of lines that are not all ASCII, and what was made of the line. */
static __attribute__((noinline)) bool asks_words(const struct wording *w, const struct field *f)
{
	return !(f->flags & FIELD_F_ALIAS) && !(is_within(w->line, w->n, &f->val) && utf8_is_ascii(str_n(f->val.u.p, f->val.n)));
}

/* ---- all values of an event -------------------------------------------------------------------------------------------------------- */

#define BATCH 64
#define ROLE_WORDS 4u /* besides the ROLE_ of its route: the field may hold keywords */

/* Fields that are looked at. */
struct batch {
	uint32_t at[BATCH];
	uint8_t role[BATCH];
	size_t n;
};

/* Opens the field's gates when the last event of the route had the same there. Else: what is to be asked. */
static inline unsigned start_field(struct sigma_matcher *m, const struct field *f, uint32_t at, bool wakes, bool words)
{
	if (!is_seen(m, at, f, words))
		return look_of(m, f, wakes, words);
	const struct seen *s = &m->seen[at];
	m->count.values++;
	m->count.known++;
	set_key(m, at, s->key[0], s->key[1]);
	open_all(m, s->gate, s->n_gate, s->waking);
	return 0;
}

/* Two passes: hash values and prefetch their cache lines, then look at these. */
static __attribute__((noinline)) void ask_batch(struct sigma_matcher *m, struct batch *b)
{
	const struct field *field = m->ev->field;
	struct cache_line *line[BATCH];
	uint32_t waiting[BATCH];
	uint8_t look[BATCH];
	size_t n = 0;
	for (size_t i = 0; i < b->n; i++) {
		uint32_t at = b->at[i];
		unsigned role = b->role[i];
		const struct field *f = &field[at];
		if (role & (ROLE_USED | ROLE_WAKES))
			note_place(m, f, at, role & ROLE_WAKES);
		if (!(role & (ROLE_WAKES | ROLE_WORDS)) || !(look[n] = (uint8_t)start_field(m, f, at, role & ROLE_WAKES, role & ROLE_WORDS)))
			continue;
		line[n] = find_line(m, at, look[n]);
		__builtin_prefetch(line[n]);
		waiting[n++] = at;
	}
	for (size_t i = 0; i < n; i++)
		ask_cached(m, waiting[i], look[i], line[i]);
	b->n = 0;
}

static inline void take_field(struct sigma_matcher *m, struct batch *b, uint32_t at, unsigned role, bool words)
{
	if (b->n == BATCH)
		ask_batch(m, b);
	b->at[b->n] = at;
	b->role[b->n++] = (uint8_t)(role | (words ? ROLE_WORDS : 0));
}

static inline unsigned role_of(const struct sigma_matcher *m, const struct field *f)
{
	return f->id < m->img->n_field ? m->route->role[f->id] : 0;
}

static inline bool may_hold_words(const struct wording *w, const struct field *f)
{
	return w->any && !is_within(w->line, w->ascii, &f->val) && asks_words(w, f);
}

static void take_fields(struct sigma_matcher *m, const struct wording *w, uint32_t from, struct batch *b)
{
	for (uint32_t i = from; i < m->ev->n_field; i++) {
		const struct field *f = &m->ev->field[i];
		unsigned role = role_of(m, f);
		bool words = may_hold_words(w, f);
		if (role || words)
			take_field(m, b, i, role, words);
	}
}

/* ---- fields that stand in a line ----------------------------------------------------------------------------------------------------- */

/* The places of the fields that stand in the line and have a role. */
static const struct layout *layout_of(struct sigma_matcher *m)
{
	const struct event *ev = m->ev;
	struct layout *l = &m->layout[(ev->layout >> 32) % LAYOUTS];
	if (l->n_line == ev->n_line && l->layout == ev->layout)
		return l;
	l->layout = ev->layout;
	l->n_line = ev->n_line;
	l->n = 0;
	for (uint32_t i = 0; i < ev->n_line; i++) {
		l->role[l->n] = (uint8_t)role_of(m, &ev->field[i]);
		l->place[l->n] = (uint8_t)i;
		l->n += l->role[l->n] > 0;
	}
	return l;
}

/* The first of them that may reach beyond the ASCII start of the line: they stand there one after the other. */
static uint32_t first_beyond(const struct event *ev, const struct wording *w)
{
	uint32_t i = ev->n_line;
	while (w->any && i && !is_within(w->line, w->ascii, &ev->field[i - 1].val))
		i--;
	return i;
}

/* Fields of a line without keywords: those that have a role are known by the layout, and few others are not ASCII. */
static void take_line_fields(struct sigma_matcher *m, const struct wording *w, struct batch *b)
{
	const struct layout *l = layout_of(m);
	const struct field *field = m->ev->field;
	uint32_t beyond = first_beyond(m->ev, w);
	for (uint32_t k = 0; k < l->n; k++) {
		uint32_t at = l->place[k];
		take_field(m, b, at, l->role[k], at >= beyond && may_hold_words(w, &field[at]));
	}
	for (uint32_t i = beyond; i < m->ev->n_line; i++)
		if (!role_of(m, &field[i]) && may_hold_words(w, &field[i]))
			take_field(m, b, i, 0, true);
}

void open_gates(struct sigma_matcher *m)
{
	const struct event *ev = m->ev;
	struct wording w = wording_of(m);
	struct batch b;
	bool line = ev->n_line && ev->n_line <= LAYOUT_FIELDS && (!w.any || w.n);
	b.n = 0;
	if (line)
		take_line_fields(m, &w, &b);
	take_fields(m, &w, line ? ev->n_line : 0, &b);
	ask_batch(m, &b);
	if (w.any || !m->route->look[FIELD_UNKNOWN].kinds)
		return;
	start_asking(m);
	ask(m, FIELD_UNKNOWN, (struct val){.kind = VAL_STR}, raw_of(m), UINT32_MAX);
	open_all(m, m->open.at, m->open.n, sort_open(m));
}
