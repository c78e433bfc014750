/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/correlate_state.h"

/* What the memory's own book-keeping takes, for the count of bytes. */
#define GROUP_EXTRA 40u
#define MEMBER_BYTES (sizeof(struct member) + 8u)
#define VALUE_BYTES(n) (sizeof(struct shared) + sizeof(struct counted) + 16u + (n))
#define LINEAR 8u /* so few values are looked through one by one */

struct shared *shared_new(struct str s)
{
	struct shared *out = must_realloc(NULL, sizeof(*out) + s.n + 1);
	*out = (struct shared){.hash = str_hash(s), .refs = 1, .n = (uint32_t)s.n};
	if (s.n)
		memcpy(out->text, s.p, s.n);
	out->text[s.n] = 0;
	return out;
}

struct shared *shared_ref(struct shared *s)
{
	s->refs++;
	return s;
}

void shared_unref(struct shared *s)
{
	if (s && --s->refs == 0)
		free(s);
}

struct trail *trail_new(const struct correlation_member *from, size_t n)
{
	struct trail *t = must_realloc(NULL, sizeof(*t) + n * sizeof(t->at[0]));
	t->n = n;
	t->bytes = sizeof(*t) + n * sizeof(t->at[0]);
	for (size_t i = 0; i < n; i++) {
		t->at[i] = from[i];
		t->at[i].source.p = str_dup_c(from[i].source);
		t->bytes += from[i].source.n + 1;
	}
	return t;
}

void trail_free(struct trail *t)
{
	for (size_t i = 0; t && i < t->n; i++)
		free((char *)(uintptr_t)t->at[i].source.p);
	free(t);
}

struct trail *member_trail(const struct groups *gs, const struct group *g, const struct member *m)
{
	const struct correlation *k = &gs->img->correlation[g->rule];
	return gs->img->correlation[k->member[m->rule]].type ? m->trail : NULL;
}

static void charge(struct groups *gs, struct group *g, size_t bytes)
{
	g->bytes += bytes;
	gs->bytes += bytes;
}

static void discharge(struct groups *gs, struct group *g, size_t bytes)
{
	g->bytes -= bytes;
	gs->bytes -= bytes;
}

/* ---- values that are counted ------------------------------------------------------------------------------------------------------------------- */

static bool same_value(const struct shared *a, const struct shared *b)
{
	return a == b || (a->hash == b->hash && a->n == b->n && memcmp(a->text, b->text, a->n) == 0);
}

/* The place of the value, or the free one where it belongs. */
static struct counted *value_place(const struct group *g, const struct shared *v)
{
	if (g->cap_value <= LINEAR) {
		struct counted *c = g->value;
		while (c < g->value + g->n_value && !same_value(c->value, v))
			c++;
		return c;
	}
	uint32_t i = (uint32_t)v->hash & (g->cap_value - 1);
	while (g->value[i].value && !same_value(g->value[i].value, v))
		i = (i + 1) & (g->cap_value - 1);
	return &g->value[i];
}

static void values_grow(struct group *g)
{
	uint32_t limit = g->cap_value <= LINEAR ? g->cap_value : g->cap_value / 4 * 3;
	if (g->n_value < limit)
		return;
	struct group old = *g;
	g->cap_value = old.cap_value == 0 ? 1 : old.cap_value == LINEAR ? 4 * LINEAR : old.cap_value * 2;
	g->value = must_calloc(g->cap_value, sizeof(*g->value));
	g->n_value = 0;
	for (uint32_t i = 0; i < old.cap_value; i++)
		if (old.value[i].value) {
			*value_place(g, old.value[i].value) = old.value[i];
			g->n_value++;
		}
	free(old.value);
}

/* Counts the value; answers the text that the group keeps of it. Takes v over. */
static struct shared *value_add(struct groups *gs, struct group *g, struct shared *v)
{
	values_grow(g);
	struct counted *c = value_place(g, v);
	if (g->cap_value <= LINEAR ? c == g->value + g->n_value : !c->value) {
		*c = (struct counted){shared_ref(v), 1};
		g->n_value++;
		charge(gs, g, VALUE_BYTES(v->n));
		return v;
	}
	c->count++;
	shared_unref(v);
	return shared_ref(c->value);
}

/* Closes the gap of a removed place: what was moved on because of it moves back. */
static void value_close(struct group *g, uint32_t hole)
{
	uint32_t mask = g->cap_value - 1;
	for (uint32_t i = (hole + 1) & mask; g->value[i].value; i = (i + 1) & mask) {
		uint32_t home = (uint32_t)g->value[i].value->hash & mask;
		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		g->value[hole] = g->value[i];
		hole = i;
	}
	g->value[hole].value = NULL;
}

static void value_remove(struct groups *gs, struct group *g, struct shared *v)
{
	struct counted *c = value_place(g, v);
	if (--c->count)
		return;
	discharge(gs, g, VALUE_BYTES(v->n));
	shared_unref(c->value);
	g->n_value--;
	if (g->cap_value <= LINEAR) {
		*c = g->value[g->n_value];
		g->value[g->n_value].value = NULL;
	} else {
		value_close(g, (uint32_t)(c - g->value));
	}
}

/* ---- members ------------------------------------------------------------------------------------------------------------------------------------ */

static bool counts_values(const struct groups *gs, const struct group *g)
{
	return gs->img->correlation[g->rule].type == CORR_VALUE_COUNT;
}

static void member_done(struct groups *gs, struct group *g, struct member *m)
{
	if (m->value && counts_values(gs, g))
		value_remove(gs, g, m->value);
	else if (m->value)
		discharge(gs, g, VALUE_BYTES(m->value->n));
	if (g->seen)
		g->seen[m->rule]--;
	struct trail *trail = member_trail(gs, g, m);
	if (trail)
		discharge(gs, g, trail->bytes);
	trail_free(trail);
	discharge(gs, g, MEMBER_BYTES);
	shared_unref(m->source);
	shared_unref(m->value);
}

static void make_room(struct group *g)
{
	if (g->first + g->n < g->cap)
		return;
	if (g->first > g->n) { /* half of it is free in front */
		memmove(g->at, g->at + g->first, g->n * sizeof(*g->at));
		g->first = 0;
		return;
	}
	g->cap = g->cap ? g->cap * 2 : 1;
	g->at = must_realloc(g->at, g->cap * sizeof(*g->at));
}

static struct shared *source_of(struct groups *gs, struct str source)
{
	if (!gs->source || !str_eq(shared_str(gs->source), source)) {
		shared_unref(gs->source);
		gs->source = shared_new(source);
	}
	return shared_ref(gs->source);
}

void group_insert(struct groups *gs, struct group *g, const struct member *m, struct str source, struct shared *value)
{
	make_room(g);
	struct member *end = g->at + g->first + g->n, *at = end;
	while (at > g->at + g->first && at[-1].time > m->time)
		at--;
	memmove(at + 1, at, (size_t)(end - at) * sizeof(*at));
	*at = *m;
	at->source = source_of(gs, source);
	at->value = value;
	g->n++;
	charge(gs, g, MEMBER_BYTES);
	if (member_trail(gs, g, at))
		charge(gs, g, at->trail->bytes);
	if (value && counts_values(gs, g))
		at->value = value_add(gs, g, value);
	else if (value)
		charge(gs, g, VALUE_BYTES(value->n));
	if (g->seen)
		g->seen[m->rule]++;
}

void group_expire(struct groups *gs, struct group *g, tstamp edge)
{
	while (g->n && g->at[g->first].time < edge) {
		member_done(gs, g, &g->at[g->first]);
		g->first++;
		g->n--;
	}
}

/* ---- groups -------------------------------------------------------------------------------------------------------------------------------------- */

static void unlink_group(struct groups *gs, struct group *g)
{
	*(g->newer ? &g->newer->older : &gs->newest) = g->older;
	*(g->older ? &g->older->newer : &gs->oldest) = g->newer;
	g->newer = g->older = NULL;
}

static void link_newest(struct groups *gs, struct group *g)
{
	g->older = gs->newest;
	g->newer = NULL;
	if (gs->newest)
		gs->newest->newer = g;
	gs->newest = g;
	if (!gs->oldest)
		gs->oldest = g;
}

static struct str key_make(const struct str *value, size_t n, struct arena *mem)
{
	struct buf b = BUF_INIT(1u << 20);
	for (size_t i = 0; i < n; i++) {
		buf_addc(&b, value[i].p ? 1 : 0);
		buf_add_varint(&b, value[i].n);
		buf_add(&b, value[i]);
	}
	struct str key = arena_dup(mem, buf_str(&b));
	buf_done(&b);
	return key;
}

static size_t slot_of(const struct groups *gs, uint64_t hash, uint32_t rule, struct str key)
{
	size_t i = hash & (gs->cap - 1);
	for (; gs->slot[i]; i = (i + 1) & (gs->cap - 1)) {
		const struct group *g = gs->slot[i];
		if (g->hash == hash && g->rule == rule && str_eq(str_n(g->key, g->n_key), key))
			break;
	}
	return i;
}

static void slots_grow(struct groups *gs)
{
	if ((gs->n + 1) * 4 <= gs->cap * 3)
		return;
	size_t cap = gs->cap ? gs->cap * 2 : 64;
	free(gs->slot);
	gs->slot = must_calloc(cap, sizeof(struct group *));
	gs->cap = cap;
	for (struct group *g = gs->oldest; g; g = g->newer)
		gs->slot[slot_of(gs, g->hash, g->rule, str_n(g->key, g->n_key))] = g;
}

struct group *groups_get(struct groups *gs, uint32_t rule, const struct str *value, size_t n, struct arena *mem)
{
	struct str key = key_make(value, n, mem);
	uint64_t hash = str_hash(key) + rule * 0x9E3779B97F4A7C15ull;
	const struct correlation *k = &gs->img->correlation[rule];
	slots_grow(gs);
	struct group **at = &gs->slot[slot_of(gs, hash, rule, key)], *g = *at;
	if (g) {
		unlink_group(gs, g);
		link_newest(gs, g);
		return g;
	}
	*at = g = must_realloc(NULL, sizeof(*g) + key.n);
	*g = (struct group){.hash = hash, .rule = rule, .n_key = (uint32_t)key.n};
	memcpy(g->key, key.p, key.n);
	if (k->type == CORR_TEMPORAL || k->type == CORR_TEMPORAL_ORDERED)
		g->seen = must_calloc(k->n_member, sizeof(*g->seen));
	link_newest(gs, g);
	gs->n++;
	charge(gs, g, sizeof(*g) + key.n + GROUP_EXTRA + (g->seen ? k->n_member * sizeof(*g->seen) : 0));
	return g;
}

void group_values_of(const struct group *g, struct str *ret, size_t n)
{
	struct str key = str_n(g->key, g->n_key), there, value;
	for (size_t i = 0; i < n; i++) {
		uint64_t len;
		must(rd_bytes(&key, 1, &there) && rd_varint(&key, &len) && rd_bytes(&key, (size_t)len, &value));
		ret[i] = there.p[0] ? str_n(value.p ? value.p : "", value.n) : STR_NONE;
	}
}

/* As value_close: probes must find what stands behind. */
static void slot_close(struct groups *gs, size_t hole)
{
	size_t mask = gs->cap - 1;
	for (size_t i = (hole + 1) & mask; gs->slot[i]; i = (i + 1) & mask) {
		size_t home = gs->slot[i]->hash & mask;
		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		gs->slot[hole] = gs->slot[i];
		hole = i;
	}
	gs->slot[hole] = NULL;
}

void group_free(struct groups *gs, struct group *g)
{
	for (size_t i = 0; i < g->n; i++)
		member_done(gs, g, group_member(g, i));
	slot_close(gs, slot_of(gs, g->hash, g->rule, str_n(g->key, g->n_key)));
	unlink_group(gs, g);
	gs->n--;
	gs->bytes -= g->bytes;
	free(g->at);
	free(g->value);
	free(g->seen);
	free(g);
}

void groups_done(struct groups *gs)
{
	while (gs->oldest)
		group_free(gs, gs->oldest);
	shared_unref(gs->source);
	free(gs->slot);
	*gs = (struct groups){0};
}
