/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/correlate_state.h"

#include "base/num.h"

#include <errno.h>
#include <math.h>

/*
 * Decisions (docs/formats/sigma.md): the window slides and ends at the newest member; a member older than the window is late and dropped; after
 * firing, the group starts anew (no second alert from the same members); a hit without one of the group-by fields groups under the absent value.
 * Counts of values are kept, never recounted.
 */
struct correlator {
	struct sigma_image *img;
	struct groups groups;
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
	c->groups.img = c->img;
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

void correlator_free(struct correlator *c)
{
	if (!c)
		return;
	groups_done(&c->groups);
	for (size_t i = 0; i < c->img->n_rule; i++)
		free(c->fed_by[i].rule);
	free(c->fed_by);
	arena_done(&c->mem);
	sigma_image_unref(c->img);
	free(c);
}

void correlator_stats(const struct correlator *c, struct correlator_stats *ret)
{
	*ret = c->stats;
	ret->keys = c->groups.n;
	ret->bytes = c->groups.bytes;
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
	const struct correlation_member *trail; /* the events of a chained correlation */
	size_t n_trail;
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

/* condition.field's values joined; false when one is absent. */
static bool condition_value(struct correlator *c, const struct correlation *k, const struct feed *f, struct shared **ret)
{
	struct buf b = BUF_INIT(65536);
	bool ok = true;
	for (size_t i = 0; i < k->n_field && ok; i++) {
		struct str v;
		ok = field_value(c, f, field_of_alias(k, &c->img->rule[f->rule], k->field[i]), &v);
		if (i)
			buf_addc(&b, 0x1f);
		if (ok)
			buf_add(&b, v);
	}
	*ret = ok && k->n_field ? shared_new(buf_str(&b)) : NULL;
	buf_done(&b);
	return ok;
}

static bool insert(struct correlator *c, struct group *g, const struct correlation *k, const struct feed *f, uint32_t position)
{
	struct shared *value;
	if (g->n && f->time < group_member(g, g->n - 1)->time - k->timespan) {
		c->stats.late++;
		return false;
	}
	if (!condition_value(c, k, f, &value))
		return false; /* nothing to count, sum or average */
	struct member m = {.time = f->time, .event_id = f->event_id, .rule = position};
	if (f->ev)
		m.record = f->record;
	else
		m.trail = trail_new(f->trail, f->n_trail);
	group_insert(&c->groups, g, &m, f->source, value);
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
		if (num_double(shared_str(group_member(g, i)->value), &v[n]))
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

static bool extended_holds(const struct expr *e, const struct group *g)
{
	switch ((enum expr_kind)e->kind) {
	case EXPR_ATOM:
		return g->seen[e->atom] > 0;
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
			n += group_member(g, i)->rule == n;
		return (double)n;
	}
	for (size_t i = 0; i < k->n_member; i++)
		n += g->seen[i] > 0;
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
		*ret_value = (double)g->n_value;
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

/* The events behind the group, oldest member first; a member that is a correlation itself stands for its own. The newest SIGMA_MEMBERS_MAX of them. */
static struct correlation_member *events_of(struct correlator *c, const struct group *g, const struct correlation *k, size_t *ret_n)
{
	size_t all = 0, n = 0;
	for (size_t i = 0; i < g->n; i++) {
		const struct trail *trail = member_trail(&c->groups, g, group_member(g, i));
		all += trail ? trail->n : 1;
	}
	size_t skip = all > SIGMA_MEMBERS_MAX ? all - SIGMA_MEMBERS_MAX : 0;
	struct correlation_member *m = arena_array(&c->mem, all - skip + 1, sizeof(*m));
	for (size_t i = 0, at = 0; i < g->n; i++) {
		const struct member *from = group_member(g, i);
		const struct trail *trail = member_trail(&c->groups, g, from);
		const struct correlation_member own = {.event_id = from->event_id, .source = shared_str(from->source), .record = from->record, .time = from->time,
			.rule = &c->img->rule[k->member[from->rule]]};
		for (size_t t = 0; t < (trail ? trail->n : 1); t++, at++) {
			if (at < skip)
				continue;
			m[n] = trail ? trail->at[t] : own;
			m[n].source = arena_dup(&c->mem, m[n].source);
			n++;
		}
	}
	*ret_n = n;
	return m;
}

static int fire(struct correlator *c, struct group *g, const struct correlation *k, double value, correlation_cb *cb, void *arg)
{
	size_t n;
	struct correlation_member *m = events_of(c, g, k, &n);
	struct str *gv = arena_array(&c->mem, k->n_group + 1, sizeof(*gv));
	group_values_of(g, gv, k->n_group);
	for (size_t i = 0; i < k->n_group; i++)
		gv[i] = gv[i].p ? arena_dup(&c->mem, gv[i]) : STR_NONE;
	const struct sigma_rule *rule = &c->img->rule[g->rule];
	tstamp first = group_member(g, 0)->time, last = group_member(g, g->n - 1)->time;
	for (size_t i = 0; i < n; i++)
		first = m[i].time < first ? m[i].time : first;
	struct correlation_hit hit = {.rule = rule, .type = CORR_NAMES[k->type], .time = last, .first = first, .last = last, .group_field = k->group, .group_value = gv,
		.n_group = k->n_group, .value = value, .member = m, .n_member = n};
	struct feed up = {.rule = rule->index, .time = hit.time, .event_id = m[n - 1].event_id, .record = m[n - 1].record, .source = m[n - 1].source,
		.group_field = k->group, .group_value = gv, .n_group = k->n_group, .trail = m, .n_trail = n};
	c->stats.fired++;
	group_free(&c->groups, g); /* its values start anew */
	int r = cb(arg, &hit);
	return r < 0 ? r : feed_rule(c, &up, cb, arg);
}

static void evict(struct correlator *c)
{
	while (c->max_bytes && c->groups.bytes > c->max_bytes && c->groups.oldest != c->groups.newest) {
		group_free(&c->groups, c->groups.oldest);
		c->stats.evicted++;
	}
}

static int feed_one(struct correlator *c, uint32_t rule, const struct feed *f, correlation_cb *cb, void *arg)
{
	const struct correlation *k = &c->img->correlation[rule];
	struct group *g = groups_get(&c->groups, rule, group_values(c, k, f), k->n_group, &c->mem);
	double value = 0;
	bool in = false;
	for (size_t i = 0; i < k->n_member; i++)
		if (k->member[i] == f->rule)
			in = insert(c, g, k, f, (uint32_t)i) || in;
	if (!in) {
		if (!g->n)
			group_free(&c->groups, g);
		return 0;
	}
	group_expire(&c->groups, g, group_member(g, g->n - 1)->time - k->timespan);
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

/* ---- snapshot: u32 magic, then per group from oldest to newest: rule id, group values, members, each with its trail ------------------- */

#define MAGIC 0x32524f43u /* "COR2" */

static void put(struct buf *out, struct str s)
{
	buf_addc(out, s.p ? 1 : 0);
	buf_add_varint(out, s.n);
	buf_add(out, s);
}

/* Absent text has p NULL, empty text has not. */
static bool get(struct str *in, struct str *ret)
{
	struct str there;
	uint64_t n;
	if (!rd_bytes(in, 1, &there) || !rd_varint(in, &n) || n > in->n || !rd_bytes(in, (size_t)n, ret))
		return false;
	*ret = there.p[0] ? str_n(ret->p ? ret->p : "", ret->n) : STR_NONE;
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

static void put_trail(struct buf *out, const struct trail *trail)
{
	buf_add_varint(out, trail ? trail->n : 0);
	for (size_t i = 0; trail && i < trail->n; i++) {
		const struct correlation_member *t = &trail->at[i];
		buf_add_le64(out, (uint64_t)t->time);
		buf_add_le64(out, t->event_id.hi);
		buf_add_le64(out, t->event_id.lo);
		buf_add_varint(out, t->record);
		put(out, t->source);
		put(out, snapshot_name(t->rule));
	}
}

/* The rule of a trail's event; when it is gone meanwhile, the correlation above answers for it. */
static const struct sigma_rule *trail_rule(const struct sigma_image *img, struct str name, const struct sigma_rule *before, const struct sigma_rule *deflt)
{
	if (before && str_eq(snapshot_name(before), name))
		return before;
	for (size_t i = 0; i < img->n_rule; i++)
		if (str_eq(snapshot_name(&img->rule[i]), name))
			return &img->rule[i];
	return deflt;
}

/* Sources borrow from the snapshot. */
static bool get_trail(struct correlator *c, struct str *in, const struct sigma_rule *deflt, struct correlation_member **ret, uint64_t *ret_n)
{
	const struct sigma_rule *rule = NULL;
	struct str name;
	uint64_t time;
	if (!rd_varint(in, ret_n) || *ret_n > SIGMA_MEMBERS_MAX)
		return false;
	struct correlation_member *t = *ret = arena_array(&c->mem, *ret_n + 1, sizeof(**ret));
	for (uint64_t i = 0; i < *ret_n; i++) {
		if (!rd_le64(in, &time) || !rd_le64(in, &t[i].event_id.hi) || !rd_le64(in, &t[i].event_id.lo) || !rd_varint(in, &t[i].record) || !get(in, &t[i].source) || !get(in, &name))
			return false;
		t[i].time = (tstamp)time;
		t[i].rule = rule = trail_rule(c->img, name, rule, deflt);
	}
	return true;
}

int correlator_save(const struct correlator *c, struct buf *out)
{
	struct arena mem;
	arena_init(&mem, 0);
	buf_add_le32(out, MAGIC);
	for (const struct group *g = c->groups.oldest; g; g = g->newer) {
		const struct correlation *k = &c->img->correlation[g->rule];
		struct str *gv = arena_array(&mem, k->n_group + 1, sizeof(*gv));
		group_values_of(g, gv, k->n_group);
		put(out, snapshot_name(&c->img->rule[g->rule]));
		buf_add_varint(out, k->n_group);
		for (size_t i = 0; i < k->n_group; i++)
			put(out, gv[i]);
		buf_add_varint(out, g->n);
		for (size_t i = 0; i < g->n; i++) {
			const struct member *m = group_member(g, i);
			buf_add_le64(out, (uint64_t)m->time);
			buf_add_le64(out, m->event_id.hi);
			buf_add_le64(out, m->event_id.lo);
			const struct trail *trail = member_trail(&c->groups, g, m);
			buf_add_varint(out, trail ? 0 : m->record);
			buf_add_varint(out, m->rule);
			put(out, shared_str(m->source));
			put(out, shared_str(m->value));
			put_trail(out, trail);
		}
		arena_reset(&mem);
	}
	arena_done(&mem);
	return out->err;
}

struct saved_member {
	struct member m;
	uint64_t position;
	struct str source, value;
	struct correlation_member *trail;
	uint64_t n_trail;
};

static bool load_member(struct correlator *c, struct str *in, const struct sigma_rule *rule, struct saved_member *ret)
{
	uint64_t time;
	if (!rd_le64(in, &time) || !rd_le64(in, &ret->m.event_id.hi) || !rd_le64(in, &ret->m.event_id.lo) || !rd_varint(in, &ret->m.record) || !rd_varint(in, &ret->position))
		return false;
	ret->m.time = (tstamp)time;
	ret->m.rule = (uint32_t)ret->position;
	return get(in, &ret->source) && get(in, &ret->value) && get_trail(c, in, rule, &ret->trail, &ret->n_trail);
}

/* Members go straight into the group: their values are known, no event is at hand. */
static void restore(struct correlator *c, struct group *g, const struct correlation *k, struct saved_member *s)
{
	if (s->position >= k->n_member || (s->value.p != NULL) != (k->n_field > 0))
		return;
	bool chained = c->img->correlation[k->member[s->position]].type != CORR_NONE;
	if (chained != (s->n_trail > 0))
		return; /* the rules have changed meanwhile */
	if (chained)
		s->m.trail = trail_new(s->trail, s->n_trail);
	group_insert(&c->groups, g, &s->m, s->source, s->value.p ? shared_new(s->value) : NULL);
}

static bool load_group(struct correlator *c, struct str *in)
{
	struct str id;
	uint64_t n_group, n;
	if (!get(in, &id) || !id.p || !rd_varint(in, &n_group) || n_group > 64)
		return false;
	const struct sigma_rule *rule = snapshot_rule(c->img, id);
	const struct correlation *k = rule ? &c->img->correlation[rule->index] : NULL;
	struct str *gv = arena_array(&c->mem, n_group + 1, sizeof(*gv));
	for (size_t i = 0; i < n_group; i++)
		if (!get(in, &gv[i]))
			return false;
	if (!rd_varint(in, &n))
		return false;
	bool use = k && k->type && k->n_group == n_group && n;
	struct group *g = use ? groups_get(&c->groups, rule->index, gv, n_group, &c->mem) : NULL;
	for (uint64_t i = 0; i < n; i++) {
		struct saved_member s = {0};
		if (!load_member(c, in, rule, &s))
			return false;
		if (g)
			restore(c, g, k, &s);
	}
	if (g && !g->n)
		group_free(&c->groups, g);
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
