/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/correlate_parts.h"

#include "base/num.h"

#include <errno.h>
#include <math.h>

/*
 * State per (correlation rule, group values): a ring of members ordered by event time, and for value_count a counted set of the values, so
 * that the number of different ones is kept and never recounted. Decisions (docs/formats/sigma.md): the window slides and ends at the newest
 * member; a member older than the window is late and dropped; after firing, the group starts anew (no second alert from the same
 * members); a hit without one of the group-by fields groups under the absent value.
 */
struct member {
	tstamp time;
	struct id event_id;
	uint64_t record;
	uint32_t rule;      /* position in the correlation's member list */
	char *source;
	char *value;        /* condition.field's value(s), joined by \x1f; NULL = absent */
};

struct group {
	struct group *newer, *older; /* by last use, for eviction */
	struct str key;
	uint32_t rule;
	char **value;       /* group-by values, n_group of the rule; NULL = absent */
	struct member *at;  /* ring in time order */
	size_t n, cap;
	struct map values;  /* value -> count (value_count) */
	size_t bytes;
};

struct correlator {
	struct sigma_image *img;
	struct map groups;
	struct group *newest, *oldest;
	size_t max_bytes;
	struct correlator_stats stats;
	struct arena mem;
	struct { uint32_t *rule; size_t n; } *fed_by; /* per rule: correlations that count it */
	uint32_t depth;
};

struct correlator *correlator_new(struct sigma_image *img, size_t max_bytes)
{
	struct correlator *c = must_new(struct correlator);
	c->img = sigma_image_ref(img);
	c->max_bytes = max_bytes;
	map_init(&c->groups);
	arena_init(&c->mem, 0);
	c->fed_by = must_calloc(img->n_rule, sizeof(*c->fed_by));
	for (uint32_t k = 0; k < img->n_rule; k++)
		for (size_t i = 0; i < img->correlation[k].n_member; i++) {
			uint32_t m = img->correlation[k].member[i];
			c->fed_by[m].rule = must_realloc(c->fed_by[m].rule, (c->fed_by[m].n + 1) * sizeof(uint32_t));
			c->fed_by[m].rule[c->fed_by[m].n++] = k;
		}
	return c;
}

static void unlink_group(struct correlator *c, struct group *g)
{
	*(g->newer ? &g->newer->older : &c->newest) = g->older;
	*(g->older ? &g->older->newer : &c->oldest) = g->newer;
	g->newer = g->older = NULL;
}

static void link_newest(struct correlator *c, struct group *g)
{
	g->older = c->newest;
	g->newer = NULL;
	if (c->newest)
		c->newest->newer = g;
	c->newest = g;
	if (!c->oldest)
		c->oldest = g;
}

static void member_done(struct group *g, struct member *m)
{
	if (m->value && g->values.n) {
		uint64_t *count = map_get(&g->values, str_c(m->value));
		if (count && --*count == 0)
			map_del(&g->values, str_c(m->value));
	}
	free(m->source);
	free(m->value);
}

static void clear_members(struct correlator *c, struct group *g)
{
	for (size_t i = 0; i < g->n; i++) {
		free(g->at[i].source);
		free(g->at[i].value);
	}
	g->n = 0;
	map_clear(&g->values);
	c->stats.bytes -= g->bytes;
	g->bytes = sizeof(*g) + g->key.n;
	c->stats.bytes += g->bytes;
}

static void group_free(struct correlator *c, struct group *g)
{
	clear_members(c, g);
	unlink_group(c, g);
	map_del(&c->groups, g->key);
	c->stats.bytes -= g->bytes;
	c->stats.keys--;
	for (size_t i = 0; i < c->img->correlation[g->rule].n_group; i++)
		free(g->value[i]);
	free(g->value);
	free(g->at);
	map_done(&g->values);
	free((char *)(uintptr_t)g->key.p);
	free(g);
}

void correlator_free(struct correlator *c)
{
	if (!c)
		return;
	while (c->oldest)
		group_free(c, c->oldest);
	for (size_t i = 0; i < c->img->n_rule; i++)
		free(c->fed_by[i].rule);
	free(c->fed_by);
	map_done(&c->groups);
	arena_done(&c->mem);
	sigma_image_unref(c->img);
	free(c);
}

void correlator_stats(const struct correlator *c, struct correlator_stats *ret)
{
	*ret = c->stats;
}

/* What the correlation machinery knows of one hit, from an event or from a correlation below. */
struct feed {
	uint32_t rule;
	tstamp time;
	struct id event_id;
	uint64_t record;
	struct str source;
	const struct event *ev;              /* NULL for a chained correlation */
	const struct str *group_field, *group_value;
	size_t n_group;
};

static bool field_value(struct correlator *c, const struct feed *f, struct str name, struct str *ret)
{
	if (f->ev) {
		const struct field *at = event_field_name(f->ev, name);
		if (!at || at->val.kind == VAL_NULL)
			return false;
		*ret = val_text(at->val, &c->mem);
		return true;
	}
	for (size_t i = 0; i < f->n_group; i++)
		if (str_eq(f->group_field[i], name)) {
			*ret = f->group_value[i];
			return ret->p != NULL;
		}
	return false;
}

/* A group-by name may be an alias that says which field each rule has for it. */
static struct str field_of_alias(const struct correlation *k, const struct sigma_rule *rule, struct str name)
{
	for (size_t i = 0; i < k->n_alias; i++)
		if (str_eq(k->alias[i].alias, name) && (str_eq(k->alias[i].rule, rule->name) || str_eq(k->alias[i].rule, rule->id)))
			return k->alias[i].field;
	return name;
}

/* The group-by values of a hit; absent ones have p == NULL. */
static struct str *group_values(struct correlator *c, const struct correlation *k, const struct feed *f)
{
	struct str *value = arena_array(&c->mem, k->n_group + 1, sizeof(*value));
	for (size_t i = 0; i < k->n_group; i++)
		if (!field_value(c, f, field_of_alias(k, &c->img->rule[f->rule], k->group[i]), &value[i]))
			value[i] = STR_NONE;
	return value;
}

static struct str group_key(struct correlator *c, uint32_t rule, const struct str *value, size_t n)
{
	struct buf b = BUF_INIT(1u << 20);
	buf_add_le32(&b, rule);
	for (size_t i = 0; i < n; i++) {
		buf_addc(&b, value[i].p ? 1 : 0);
		buf_add_varint(&b, value[i].n);
		buf_add(&b, value[i]);
	}
	struct str key = arena_dup(&c->mem, buf_str(&b));
	buf_done(&b);
	return key;
}

static struct group *group_of(struct correlator *c, uint32_t rule, const struct correlation *k, const struct str *value)
{
	struct str key = group_key(c, rule, value, k->n_group);
	struct group *g = map_get_ptr(&c->groups, key);
	if (g) {
		unlink_group(c, g);
		link_newest(c, g);
		return g;
	}
	g = must_new(struct group);
	g->rule = rule;
	g->key = str_n(str_dup_c(key), key.n);
	g->value = must_calloc(k->n_group + 1, sizeof(*g->value));
	for (size_t i = 0; i < k->n_group; i++)
		g->value[i] = value[i].p ? str_dup_c(value[i]) : NULL;
	map_init(&g->values);
	g->bytes = sizeof(*g) + key.n;
	map_put_ptr(&c->groups, key, g);
	link_newest(c, g);
	c->stats.keys++;
	c->stats.bytes += g->bytes;
	return g;
}

static char *condition_value(struct correlator *c, const struct correlation *k, const struct feed *f)
{
	struct buf b = BUF_INIT(65536);
	for (size_t i = 0; i < k->n_field; i++) {
		struct str v;
		if (!field_value(c, f, field_of_alias(k, &c->img->rule[f->rule], k->field[i]), &v)) {
			buf_done(&b);
			return NULL;
		}
		if (i)
			buf_addc(&b, 0x1f);
		buf_add(&b, v);
	}
	char *out = k->n_field ? str_dup_c(buf_str(&b)) : NULL;
	buf_done(&b);
	return out;
}

/* Drops what is older than the window that ends at the newest member. */
static void expire(struct correlator *c, struct group *g, int64_t timespan)
{
	size_t old = 0;
	tstamp edge = g->at[g->n - 1].time - timespan;
	while (old < g->n && g->at[old].time < edge) {
		c->stats.bytes -= sizeof(struct member);
		g->bytes -= sizeof(struct member);
		member_done(g, &g->at[old++]);
	}
	if (old) {
		memmove(g->at, g->at + old, (g->n - old) * sizeof(*g->at));
		g->n -= old;
	}
}

static bool insert(struct correlator *c, struct group *g, const struct correlation *k, const struct feed *f, uint32_t position)
{
	if (g->n && f->time < g->at[g->n - 1].time - k->timespan) {
		c->stats.late++;
		return false;
	}
	char *value = condition_value(c, k, f);
	if (k->n_field && !value)
		return false; /* nothing to count, sum or average */
	if (g->n == g->cap) {
		g->cap = g->cap ? g->cap * 2 : 4;
		g->at = must_realloc(g->at, g->cap * sizeof(*g->at));
	}
	size_t at = g->n;
	while (at > 0 && g->at[at - 1].time > f->time)
		at--;
	memmove(g->at + at + 1, g->at + at, (g->n - at) * sizeof(*g->at));
	g->at[at] = (struct member){.time = f->time, .event_id = f->event_id, .record = f->record, .rule = position, .source = str_dup_c(f->source), .value = value};
	g->n++;
	g->bytes += sizeof(struct member);
	c->stats.bytes += sizeof(struct member);
	if (k->type == CORR_VALUE_COUNT)
		++*map_put(&g->values, str_c(value), NULL);
	return true;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* sum, avg, percentile by linear interpolation; NAN when no member has a number. */
static double aggregate(struct correlator *c, const struct group *g, const struct correlation *k)
{
	double *v = arena_array(&c->mem, g->n + 1, sizeof(*v)), sum = 0;
	size_t n = 0;
	for (size_t i = 0; i < g->n; i++)
		if (num_double(str_c(g->at[i].value), &v[n]))
			sum += v[n++];
	if (!n)
		return NAN;
	if (k->type == CORR_VALUE_SUM)
		return sum;
	if (k->type == CORR_VALUE_AVG)
		return sum / (double)n;
	qsort(v, n, sizeof(*v), by_value);
	double rank = (k->type == CORR_VALUE_MEDIAN ? 50.0 : k->percentile) / 100.0 * (double)(n - 1);
	size_t low = (size_t)rank;
	return low + 1 < n ? v[low] + (rank - (double)low) * (v[low + 1] - v[low]) : v[low];
}

static bool seen(const struct group *g, size_t position)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->at[i].rule == position)
			return true;
	return false;
}

static bool extended_holds(const struct expr *e, const struct group *g)
{
	switch ((enum expr_kind)e->kind) {
	case EXPR_ATOM:
		return seen(g, e->atom);
	case EXPR_NOT:
		return !extended_holds(e->kid[0], g);
	case EXPR_AND:
		return extended_holds(e->kid[0], g) && extended_holds(e->kid[1], g);
	case EXPR_OR:
		return extended_holds(e->kid[0], g) || extended_holds(e->kid[1], g);
	case EXPR_TRUE:
	case EXPR_FALSE:
		break;
	}
	return false;
}

/* How many of the rules were seen; for the ordered kind, how many in the listed order. */
static double rules_seen(const struct group *g, const struct correlation *k)
{
	size_t n = 0;
	if (k->type == CORR_TEMPORAL_ORDERED) {
		for (size_t i = 0; i < g->n && n < k->n_member; i++)
			n += g->at[i].rule == n;
		return (double)n;
	}
	for (size_t i = 0; i < k->n_member; i++)
		n += seen(g, i);
	return (double)n;
}

static bool compares(const struct correlation *k, double v)
{
	const bool ok[] = {v > k->cmp[0].value, v >= k->cmp[1].value, v < k->cmp[2].value, v <= k->cmp[3].value, v >= k->cmp[4].value && v <= k->cmp[4].value,
		v < k->cmp[5].value || v > k->cmp[5].value};
	for (size_t i = 0; i < LEN(ok); i++)
		if (k->cmp[i].set && !ok[i])
			return false;
	return !isnan(v);
}

static bool fires(struct correlator *c, const struct group *g, const struct correlation *k, double *ret_value)
{
	switch (k->type) {
	case CORR_EVENT_COUNT:
		*ret_value = (double)g->n;
		break;
	case CORR_VALUE_COUNT:
		*ret_value = (double)g->values.n;
		break;
	case CORR_TEMPORAL:
	case CORR_TEMPORAL_ORDERED:
		*ret_value = rules_seen(g, k);
		if (k->extended)
			return extended_holds(k->extended, g);
		break;
	case CORR_VALUE_SUM:
	case CORR_VALUE_AVG:
	case CORR_VALUE_PERCENTILE:
	case CORR_VALUE_MEDIAN:
		*ret_value = aggregate(c, g, k);
		break;
	case CORR_NONE:
		return false;
	}
	return compares(k, *ret_value);
}

static int feed_rule(struct correlator *c, const struct feed *f, correlation_cb *cb, void *arg);

static int fire(struct correlator *c, struct group *g, const struct correlation *k, double value, correlation_cb *cb, void *arg)
{
	size_t n = g->n < SIGMA_MEMBERS_MAX ? g->n : SIGMA_MEMBERS_MAX, skip = g->n - n;
	struct correlation_member *m = arena_array(&c->mem, n + 1, sizeof(*m));
	struct str *gv = arena_array(&c->mem, k->n_group + 1, sizeof(*gv));
	for (size_t i = 0; i < n; i++) {
		const struct member *from = &g->at[skip + i];
		m[i] = (struct correlation_member){.event_id = from->event_id, .source = arena_dup(&c->mem, str_c(from->source)), .record = from->record, .time = from->time,
			.rule = &c->img->rule[k->member[from->rule]]};
	}
	for (size_t i = 0; i < k->n_group; i++)
		gv[i] = g->value[i] ? arena_dup(&c->mem, str_c(g->value[i])) : STR_NONE;
	const struct sigma_rule *rule = &c->img->rule[g->rule];
	struct correlation_hit hit = {.rule = rule, .type = CORR_NAMES[k->type], .time = g->at[g->n - 1].time, .first = g->at[0].time, .last = g->at[g->n - 1].time,
		.group_field = k->group, .group_value = gv, .n_group = k->n_group, .value = value, .member = m, .n_member = n};
	struct feed up = {.rule = rule->index, .time = hit.time, .event_id = m[n - 1].event_id, .record = m[n - 1].record, .source = m[n - 1].source,
		.group_field = k->group, .group_value = gv, .n_group = k->n_group};
	c->stats.fired++;
	clear_members(c, g);
	int r = cb(arg, &hit);
	return r < 0 ? r : feed_rule(c, &up, cb, arg);
}

static void evict(struct correlator *c)
{
	while (c->max_bytes && c->stats.bytes > c->max_bytes && c->oldest && c->oldest != c->newest) {
		group_free(c, c->oldest);
		c->stats.evicted++;
	}
}

static int feed_one(struct correlator *c, uint32_t rule, const struct feed *f, correlation_cb *cb, void *arg)
{
	const struct correlation *k = &c->img->correlation[rule];
	struct group *g = group_of(c, rule, k, group_values(c, k, f));
	double value = 0;
	bool in = false;
	for (size_t i = 0; i < k->n_member; i++)
		if (k->member[i] == f->rule)
			in = insert(c, g, k, f, (uint32_t)i) || in;
	if (!in)
		return 0;
	expire(c, g, k->timespan);
	return fires(c, g, k, &value) ? fire(c, g, k, value, cb, arg) : 0;
}

static int feed_rule(struct correlator *c, const struct feed *f, correlation_cb *cb, void *arg)
{
	for (size_t i = 0; i < c->fed_by[f->rule].n; i++) {
		int r = feed_one(c, c->fed_by[f->rule].rule[i], f, cb, arg);
		if (r < 0)
			return r;
	}
	return 0;
}

int correlator_feed(struct correlator *c, const struct sigma_hit *hit, const struct event *ev, correlation_cb *cb, void *arg)
{
	struct feed f = {.rule = hit->rule->index, .time = ev->time, .event_id = ev->id, .record = ev->record, .source = ev->source, .ev = ev};
	if (!c->fed_by[f.rule].n)
		return 0;
	c->stats.fed++;
	int r = feed_rule(c, &f, cb, arg);
	evict(c);
	arena_reset(&c->mem);
	return r;
}

/* ---- snapshot: u32 magic, then per group from oldest to newest: rule id, group values, members --------------------------------------- */

#define MAGIC 0x31524f43u /* "COR1" */

static void put(struct buf *out, const char *s)
{
	buf_addc(out, s ? 1 : 0);
	buf_add_varint(out, s ? strlen(s) : 0);
	if (s)
		buf_add_cstr(out, s);
}

static bool get(struct str *in, char **ret)
{
	struct str there, s;
	uint64_t n;
	if (!rd_bytes(in, 1, &there) || !rd_varint(in, &n) || n > in->n || !rd_bytes(in, (size_t)n, &s))
		return false;
	*ret = there.p[0] ? str_dup_c(s) : NULL;
	return true;
}

/* A rule's name in a snapshot: what identifies it best of what its author gave. */
static struct str snapshot_name(const struct sigma_rule *r)
{
	return r->id.n ? r->id : r->name.n ? r->name : r->title;
}

static const struct sigma_rule *snapshot_rule(const struct sigma_image *img, struct str name)
{
	for (size_t i = 0; i < img->n_rule; i++)
		if (img->correlation[i].type && str_eq(snapshot_name(&img->rule[i]), name))
			return &img->rule[i];
	return NULL;
}

int correlator_save(const struct correlator *c, struct buf *out)
{
	buf_add_le32(out, MAGIC);
	for (const struct group *g = c->oldest; g; g = g->newer) {
		const struct correlation *k = &c->img->correlation[g->rule];
		if (!g->n)
			continue;
		char *id = str_dup_c(snapshot_name(&c->img->rule[g->rule]));
		put(out, id);
		free(id);
		buf_add_varint(out, k->n_group);
		for (size_t i = 0; i < k->n_group; i++)
			put(out, g->value[i]);
		buf_add_varint(out, g->n);
		for (size_t i = 0; i < g->n; i++) {
			const struct member *m = &g->at[i];
			buf_add_le64(out, (uint64_t)m->time);
			buf_add_le64(out, m->event_id.hi);
			buf_add_le64(out, m->event_id.lo);
			buf_add_varint(out, m->record);
			buf_add_varint(out, m->rule);
			put(out, m->source);
			put(out, m->value);
		}
	}
	return out->err;
}

static bool load_member(struct str *in, struct feed *f, uint64_t *ret_position, char **ret_source, char **ret_value)
{
	uint64_t time;
	*ret_source = *ret_value = NULL;
	if (!rd_le64(in, &time) || !rd_le64(in, &f->event_id.hi) || !rd_le64(in, &f->event_id.lo) || !rd_varint(in, &f->record) || !rd_varint(in, ret_position))
		return false;
	f->time = (tstamp)time;
	return get(in, ret_source) && get(in, ret_value);
}

/* Members go straight into the ring: their values are known, no event is at hand. */
static void restore_member(struct correlator *c, struct group *g, const struct correlation *k, const struct feed *f, uint32_t position, char *source, char *value)
{
	if (g->n == g->cap) {
		g->cap = g->cap ? g->cap * 2 : 4;
		g->at = must_realloc(g->at, g->cap * sizeof(*g->at));
	}
	g->at[g->n++] = (struct member){.time = f->time, .event_id = f->event_id, .record = f->record, .rule = position, .source = source ? source : must_strdup(""), .value = value};
	g->bytes += sizeof(struct member);
	c->stats.bytes += sizeof(struct member);
	if (k->type == CORR_VALUE_COUNT && value)
		++*map_put(&g->values, str_c(value), NULL);
}

static bool load_group(struct correlator *c, struct str *in)
{
	char *id = NULL, *source, *value;
	uint64_t n_group, n, position;
	struct feed f = {0};
	if (!get(in, &id) || !id || !rd_varint(in, &n_group) || n_group > 64) {
		free(id);
		return false;
	}
	const struct sigma_rule *rule = snapshot_rule(c->img, str_c(id));
	free(id);
	const struct correlation *k = rule ? &c->img->correlation[rule->index] : NULL;
	bool use = k && k->type && k->n_group == n_group, ok = true;
	struct str *gv = arena_array(&c->mem, n_group + 1, sizeof(*gv));
	for (size_t i = 0; i < n_group && ok; i++) {
		char *v = NULL;
		ok = get(in, &v);
		gv[i] = v ? arena_dup(&c->mem, str_c(v)) : STR_NONE;
		free(v);
	}
	if (!ok || !rd_varint(in, &n))
		return false;
	struct group *g = use && n ? group_of(c, rule->index, k, gv) : NULL;
	for (uint64_t i = 0; i < n; i++) {
		if (!load_member(in, &f, &position, &source, &value)) {
			free(source);
			free(value);
			return false;
		}
		if (g && position < k->n_member) {
			restore_member(c, g, k, &f, (uint32_t)position, source, value);
		} else {
			free(source);
			free(value);
		}
	}
	return true;
}

int correlator_load(struct correlator *c, struct str snapshot)
{
	uint32_t magic;
	bool ok = rd_le32(&snapshot, &magic) && magic == MAGIC;
	while (ok && snapshot.n)
		ok = load_group(c, &snapshot);
	arena_reset(&c->mem);
	return ok ? 0 : -EBADMSG;
}
