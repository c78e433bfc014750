/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json.h"
#include "query/parts.h"

#include "base/num.h"
#include "store/match.h"

#include <errno.h>
#include <math.h>

#define ROWS_MAX 100000u
#define GROUPS_MAX 100000u
#define MEMORY_MAX (512u << 20)
#define LIMIT_DEFAULT 1000
#define LIMIT_MAX 10000

int query_parse(struct str text, tstamp now, int offset_s, const struct str *field_names, size_t n, struct diag *d, struct query **ret)
{
	struct query *q = must_new(struct query);
	struct parser p = {.q = q, .now = now, .offset_s = offset_s, .known = field_names, .n_known = n, .d = d};
	arena_init(&q->mem, 0);
	if (text.n > 65536) {
		query_free(q);
		return diag_error(d, (struct diag_at){1, 1}, "query.too_long", "the query is longer than 64 KiB");
	}
	p.text = p.rest = arena_dup(&q->mem, text);
	q->where = parse_filter(&p);
	if (!p.bad)
		q->pipe = parse_pipes(&p);
	if (p.bad) {
		query_free(q);
		return -EINVAL;
	}
	*ret = q;
	return 0;
}

void query_free(struct query *q)
{
	if (!q)
		return;
	arena_done(&q->mem);
	free(q);
}

/* ---- rows ------------------------------------------------------------------------------------------------------------------------------- */

struct row {
	struct query_cell *cell;
	size_t n;
};

static const struct val *cell_of(const struct row *r, struct str name)
{
	for (size_t i = 0; i < r->n; i++)
		if (str_eq(r->cell[i].name, name))
			return &r->cell[i].val;
	return NULL;
}

static bool is_absent(const struct val *v)
{
	return v->kind == VAL_STR && !v->u.p;
}

/* What rows are told apart by: a time as it is, everything else as its text. */
static struct val cell_key(const struct row *r, struct str name, struct arena *mem)
{
	const struct val *v = cell_of(r, name);
	return !v ? text_val(STR_NONE) : v->kind == VAL_TIME ? *v : text_val(val_text(*v, mem));
}

static int compare_keys(struct val v, struct val w, struct arena *mem)
{
	if (v.kind == VAL_TIME && w.kind == VAL_TIME)
		return (v.u.i > w.u.i) - (v.u.i < w.u.i);
	return str_cmp(val_text(v, mem), val_text(w, mem));
}

static struct val keep_val(struct arena *mem, struct val v)
{
	if ((v.kind == VAL_STR || v.kind == VAL_NUM || v.kind == VAL_JSON) && v.u.p)
		v.u.p = arena_dup(mem, str_n(v.u.p, v.n)).p;
	return v;
}

/* An event as flat cells: meta fields first, then its own (the last of a name; arrays joined), then the line. */
static struct row flatten(const struct event *ev, const struct vocab *v, struct arena *mem)
{
	struct row r = {arena_array(mem, ev->n_field + META_COUNT, sizeof(*r.cell)), 0};
	struct val val;
	for (enum meta m = 0; m < META_RAW; m++)
		if (meta_value(m, ev, v, mem, &val))
			r.cell[r.n++] = (struct query_cell){meta_name(m), val};
	for (uint32_t i = 0; i < ev->n_field; i++) {
		struct query_cell *have = NULL;
		if (meta_find(ev->field[i].name) != META_COUNT)
			continue;
		for (size_t k = 0; k < r.n; k++)
			if (str_eq(r.cell[k].name, ev->field[i].name))
				have = &r.cell[k];
		if (have && (ev->field[i].flags & FIELD_F_ELEMENT))
			have->val = text_val(arena_fmt(mem, "%.*s, %.*s", STR_ARG(val_text(have->val, mem)), STR_ARG(val_text(ev->field[i].val, mem))));
		else if (have)
			have->val = ev->field[i].val;
		else
			r.cell[r.n++] = (struct query_cell){ev->field[i].name, ev->field[i].val};
	}
	r.cell[r.n++] = (struct query_cell){meta_name(META_RAW), text_val(ev->raw)};
	return r;
}

static struct row keep_row(struct arena *mem, const struct row *r)
{
	struct row out = {arena_array(mem, r->n + 1, sizeof(*out.cell)), r->n};
	for (size_t i = 0; out.cell && i < r->n; i++)
		out.cell[i] = (struct query_cell){arena_dup(mem, r->cell[i].name), keep_val(mem, r->cell[i].val)};
	return out;
}

/* ---- stages ----------------------------------------------------------------------------------------------------------------------------- */

struct acc {
	uint64_t count;
	double sum, squares, min, max;
	VEC(double) numbers;
	struct map values;
	struct val first, last;
	bool any;
};

struct group {
	struct val *key;
	struct acc *acc;
	uint64_t order;
};

struct stage {
	const struct pipe *pipe;
	struct stage *next;
	struct run *run;
	struct arena mem;
	uint64_t seen;
	VEC(struct row) rows;
	struct map index;
	VEC(struct group) groups;
	struct matcher *matcher;
};

struct run {
	const struct query_opts *o;
	struct store *s;
	const struct vocab *vocab;
	query_row_cb *cb;
	void *arg;
	struct query_result *result;
	struct stage *first;
	struct arena mem;
	uint64_t limit;
	struct {
		tstamp time;
		struct id id;
	} last;
	int end;
};

static int push(struct stage *st, const struct row *r);

static int output(struct run *x, const struct row *r)
{
	if (x->result->rows == x->limit)
		return 1;
	x->result->rows++;
	return x->cb(x->arg, r->cell, r->n);
}

static int pass(struct stage *st, const struct row *r)
{
	return st->next ? push(st->next, r) : output(st->run, r);
}

static int select_fields(struct stage *st, const struct row *r)
{
	struct row out = {arena_array(&st->run->mem, st->pipe->n_name + 1, sizeof(*out.cell)), 0};
	for (size_t i = 0; i < st->pipe->n_name; i++) {
		const struct val *v = cell_of(r, st->pipe->name[i]);
		out.cell[out.n++] = (struct query_cell){st->pipe->name[i], v ? *v : (struct val){.kind = VAL_STR, .u.p = NULL}};
	}
	return pass(st, &out);
}

static int rename_cells(struct stage *st, const struct row *r)
{
	struct row out = {arena_array(&st->run->mem, r->n + 1, sizeof(*out.cell)), r->n};
	memcpy(out.cell, r->cell, r->n * sizeof(*out.cell));
	for (size_t i = 0; i < out.n; i++)
		for (size_t k = 0; k + 1 < st->pipe->n_name; k += 2)
			if (str_eq(out.cell[i].name, st->pipe->name[k]))
				out.cell[i].name = st->pipe->name[k + 1];
	return pass(st, &out);
}

static struct str key_of(const struct pipe *p, const struct row *r, struct arena *mem, struct val *ret_key)
{
	struct buf b = BUF_INIT(1u << 20);
	for (size_t i = 0; i < p->n_name; i++) {
		ret_key[i] = cell_key(r, p->name[i], mem);
		struct str t = val_text(ret_key[i], mem);
		buf_addc(&b, t.p ? 1 : 0);
		buf_add_varint(&b, t.n);
		buf_add(&b, t);
	}
	struct str key = arena_dup(mem, buf_str(&b));
	buf_done(&b);
	return key;
}

static int dedup(struct stage *st, const struct row *r)
{
	struct val *parts = arena_array(&st->run->mem, st->pipe->n_name + 1, sizeof(*parts));
	struct str key = key_of(st->pipe, r, &st->run->mem, parts);
	bool fresh;
	if (st->index.n >= GROUPS_MAX)
		return -E2BIG;
	map_put(&st->index, key, &fresh);
	return fresh ? pass(st, r) : 0;
}

static int matches_where(struct stage *st, const struct row *r)
{
	struct field *cell = arena_array(&st->run->mem, r->n + 1, sizeof(*cell));
	uint32_t n = 0;
	for (size_t i = 0; i < r->n; i++)
		if (!is_absent(&r->cell[i].val))
			cell[n++] = (struct field){.name = r->cell[i].name, .val = r->cell[i].val};
	return matcher_cells(st->matcher, cell, n, &st->run->mem) ? pass(st, r) : 0;
}

static int collect(struct stage *st, const struct row *r)
{
	if (st->rows.n >= ROWS_MAX || st->mem.used > MEMORY_MAX) {
		if (st->pipe->kind == PIPE_SORT)
			return -E2BIG;
		return 0;
	}
	vec_push(&st->rows, keep_row(&st->mem, r));
	return 0;
}

static void accumulate(struct stage *st, struct acc *a, const struct stat *s, const struct row *r)
{
	const struct val *v = s->field.n ? cell_of(r, s->field) : NULL;
	double d;
	int64_t i;
	bool is_int;
	if (!s->field.n) {
		a->count++;
		return;
	}
	if (!v || v->kind == VAL_NULL || is_absent(v))
		return;
	a->count++;
	if (s->kind == STAT_FIRST || s->kind == STAT_LAST) {
		/* Rows come in no order here: the earliest and latest by time would need it, so these are the least and greatest value seen. */
		struct val key = cell_key(r, s->field, &st->run->mem);
		if (!a->any || compare_keys(key, a->first, &st->run->mem) < 0)
			a->first = keep_val(&st->mem, key);
		if (!a->any || compare_keys(key, a->last, &st->run->mem) > 0)
			a->last = keep_val(&st->mem, key);
		a->any = true;
		return;
	}
	if (s->kind == STAT_DC || s->kind == STAT_VALUES) {
		if (a->values.n < GROUPS_MAX)
			++*map_put(&a->values, val_text(*v, &st->run->mem), NULL);
		return;
	}
	if (!val_number(*v, &d, &i, &is_int))
		return;
	a->min = a->any && a->min < d ? a->min : d;
	a->max = a->any && a->max > d ? a->max : d;
	a->any = true;
	a->sum += d;
	a->squares += d * d;
	if (s->kind >= STAT_P50 && s->kind <= STAT_P99 && a->numbers.n < 1000000)
		vec_push(&a->numbers, d);
}

static int group_row(struct stage *st, const struct row *r)
{
	const struct pipe *p = st->pipe;
	struct val *parts = arena_array(&st->mem, p->n_name + 1, sizeof(*parts));
	struct str key = key_of(p, r, &st->run->mem, parts);
	bool fresh;
	if (st->mem.used > MEMORY_MAX || st->groups.n > GROUPS_MAX)
		return -E2BIG;
	uint64_t *at = map_put(&st->index, key, &fresh);
	if (fresh) {
		*at = st->groups.n;
		struct group *g = vec_add(&st->groups);
		for (size_t i = 0; i < p->n_name; i++)
			parts[i] = keep_val(&st->mem, parts[i]);
		g->key = parts;
		g->order = st->groups.n;
		g->acc = arena_zalloc(&st->mem, (p->n_stat + 1) * sizeof(*g->acc));
	}
	struct group *g = &st->groups.at[*at];
	g->acc[p->n_stat].count++;
	for (size_t i = 0; i < p->n_stat; i++)
		accumulate(st, &g->acc[i], &p->stat[i], r);
	return 0;
}

static int push(struct stage *st, const struct row *r)
{
	switch (st->pipe->kind) {
	case PIPE_HEAD:
		return st->seen++ < st->pipe->n ? pass(st, r) : 1;
	case PIPE_FIELDS:
		return select_fields(st, r);
	case PIPE_WHERE:
		return matches_where(st, r);
	case PIPE_DEDUP:
		return dedup(st, r);
	case PIPE_RENAME:
		return rename_cells(st, r);
	case PIPE_SORT:
		return collect(st, r);
	case PIPE_TAIL:
		return collect(st, r);
	case PIPE_STATS:
	case PIPE_TOP:
	case PIPE_RARE:
		break;
	}
	return group_row(st, r);
}

/* ---- ends of stages ------------------------------------------------------------------------------------------------------------------------ */

static int compare_rows(const void *a, const void *b, void *arg)
{
	const struct pipe *p = arg;
	const struct row *x = a, *y = b;
	struct arena mem;
	int c = 0;
	arena_init(&mem, 0);
	for (size_t i = 0; i < p->n_name && !c; i++) {
		const struct val *v = cell_of(x, p->name[i]), *w = cell_of(y, p->name[i]);
		double d = 0, e = 0;
		int64_t unused;
		bool is_int;
		if (!v || !w)
			c = (v != NULL) - (w != NULL);
		else if (val_number(*v, &d, &unused, &is_int) && val_number(*w, &e, &unused, &is_int))
			c = (d > e) - (d < e);
		else
			c = compare_keys(*v, *w, &mem);
		c = p->descending[i] ? -c : c;
	}
	arena_done(&mem);
	return c;
}

static int by_double(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static struct val number_val(struct arena *mem, double d)
{
	char *p = arena_alloc(mem, 32);
	size_t n = num_format_double(p, d);
	return (struct val){.kind = VAL_NUM, .u.p = p, .n = (uint32_t)n};
}

static struct val percentile(struct arena *mem, struct acc *a, double rank)
{
	if (!a->numbers.n)
		return (struct val){.kind = VAL_NULL};
	qsort(a->numbers.at, a->numbers.n, sizeof(double), by_double);
	double at = rank / 100 * (double)(a->numbers.n - 1);
	size_t low = (size_t)at;
	double v = a->numbers.at[low];
	if (low + 1 < a->numbers.n)
		v += (at - (double)low) * (a->numbers.at[low + 1] - v);
	return number_val(mem, v);
}

static int by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static struct val value_list(struct arena *mem, struct acc *a)
{
	struct str *list = arena_array(mem, a->values.n + 1, sizeof(*list)), key;
	struct buf b = BUF_INIT(1u << 20);
	size_t n = 0;
	for (size_t it = 0; map_next(&a->values, &it, &key, NULL);)
		list[n++] = key;
	if (n)
		qsort(list, n, sizeof(*list), by_text);
	for (size_t i = 0; i < n; i++)
		buf_addf(&b, "%s%.*s", i ? ", " : "", STR_ARG(list[i]));
	struct val v = text_val(arena_dup(mem, buf_str(&b)));
	buf_done(&b);
	return v;
}

static struct val stat_val(struct arena *mem, const struct stat *s, struct acc *a)
{
	double n = (double)a->count, mean = n > 0 ? a->sum / n : 0;
	if (s->kind == STAT_COUNT)
		return number_val(mem, n);
	if (s->kind == STAT_DC)
		return number_val(mem, (double)a->values.n);
	if (s->kind == STAT_VALUES)
		return value_list(mem, a);
	if (!a->any)
		return (struct val){.kind = VAL_NULL};
	switch (s->kind) {
	case STAT_SUM:
		return number_val(mem, a->sum);
	case STAT_AVG:
		return number_val(mem, mean);
	case STAT_MIN:
		return number_val(mem, a->min);
	case STAT_MAX:
		return number_val(mem, a->max);
	case STAT_STDEV:
		return number_val(mem, sqrt(fmax(0, a->squares / n - mean * mean)));
	case STAT_P50:
		return percentile(mem, a, 50);
	case STAT_P90:
		return percentile(mem, a, 90);
	case STAT_P95:
		return percentile(mem, a, 95);
	case STAT_P99:
		return percentile(mem, a, 99);
	case STAT_FIRST:
		return a->first;
	case STAT_LAST:
		return a->last;
	case STAT_COUNT:
	case STAT_DC:
	case STAT_VALUES:
		break;
	}
	return (struct val){.kind = VAL_NULL};
}

static int by_count(const void *a, const void *b, void *arg)
{
	const struct pipe *p = arg;
	const struct group *x = a, *y = b;
	uint64_t n = x->acc[0].count, m = y->acc[0].count;
	if (n != m)
		return (n < m) == (p->kind == PIPE_TOP) ? 1 : -1;
	struct arena mem;
	int c = 0;
	arena_init(&mem, 0);
	for (size_t i = 0; i < p->n_name && !c; i++)
		c = compare_keys(x->key[i], y->key[i], &mem);
	arena_done(&mem);
	return c;
}

static int finish_groups(struct stage *st)
{
	const struct pipe *p = st->pipe;
	uint64_t n = st->groups.n;
	int r = 0;
	if (p->kind != PIPE_STATS) {
		if (n)
			qsort_r(st->groups.at, n, sizeof(*st->groups.at), by_count, (void *)(uintptr_t)p);
		n = n < p->n ? n : p->n;
	}
	for (uint64_t i = 0; i < n && r == 0; i++) {
		struct group *g = &st->groups.at[i];
		struct row out = {arena_array(&st->mem, p->n_name + p->n_stat + 2, sizeof(*out.cell)), 0};
		for (size_t k = 0; k < p->n_name; k++)
			out.cell[out.n++] = (struct query_cell){p->name[k], g->key[k]};
		for (size_t k = 0; k < p->n_stat; k++)
			out.cell[out.n++] = (struct query_cell){p->stat[k].as, stat_val(&st->mem, &p->stat[k], &g->acc[k])};
		if (!p->n_stat)
			out.cell[out.n++] = (struct query_cell){STR("count"), number_val(&st->mem, (double)g->acc[0].count)};
		r = pass(st, &out);
	}
	return r;
}

static int finish(struct stage *st)
{
	int r = 0;
	if (st->pipe->kind == PIPE_STATS && !st->groups.n && !st->pipe->n_name) {
		/* A count over nothing is 0, not nothing. */
		struct group *g = vec_add(&st->groups);
		g->acc = arena_zalloc(&st->mem, (st->pipe->n_stat + 1) * sizeof(*g->acc));
	}
	if (st->pipe->kind == PIPE_STATS || st->pipe->kind == PIPE_TOP || st->pipe->kind == PIPE_RARE)
		r = finish_groups(st);
	if (st->pipe->kind == PIPE_SORT && st->rows.n)
		qsort_r(st->rows.at, st->rows.n, sizeof(*st->rows.at), compare_rows, (void *)(uintptr_t)st->pipe);
	size_t from = st->pipe->kind == PIPE_TAIL && st->rows.n > st->pipe->n ? st->rows.n - st->pipe->n : 0;
	for (size_t i = from; i < st->rows.n && r == 0; i++)
		r = pass(st, &st->rows.at[i]);
	return r < 0 || !st->next ? r : finish(st->next);
}

static void stages_free(struct stage *st)
{
	while (st) {
		struct stage *next = st->next;
		vec_each(g, &st->groups) {
			for (size_t i = 0; i < st->pipe->n_stat; i++) {
				vec_done(&g->acc[i].numbers);
				map_done(&g->acc[i].values);
			}
		}
		vec_done(&st->groups);
		vec_done(&st->rows);
		map_done(&st->index);
		matcher_free(st->matcher);
		arena_done(&st->mem);
		free(st);
		st = next;
	}
}

static int stages_make(struct run *x, const struct pipe *p)
{
	struct stage **tail = &x->first;
	for (; p; p = p->next) {
		struct stage *st = *tail = must_new(struct stage);
		st->pipe = p;
		st->run = x;
		arena_init(&st->mem, 0);
		map_init(&st->index);
		tail = &st->next;
		if (p->where && matcher_new(p->where, &st->matcher) < 0)
			return -EINVAL;
	}
	return 0;
}

static int on_row(void *arg, const struct event *ev)
{
	struct run *x = arg;
	arena_reset(&x->mem);
	struct row r = flatten(ev, x->vocab, &x->mem);
	x->last.time = ev->time;
	x->last.id = ev->id;
	x->end = x->first ? push(x->first, &r) : output(x, &r);
	return x->end;
}

/* Cursor: "TIME_NS-ID". */
static bool read_cursor(struct str s, struct store_query *q)
{
	struct str time;
	return str_cut(&s, '.', &time) && s.p && num_i64(time, &q->after_time) && id_parse(s, &q->after);
}

static bool needs_all(const struct pipe *p)
{
	for (; p; p = p->next)
		if (p->kind != PIPE_FIELDS && p->kind != PIPE_RENAME && p->kind != PIPE_WHERE)
			return p->kind != PIPE_HEAD && p->kind != PIPE_DEDUP && p->kind != PIPE_TAIL;
	return false;
}

int query_run(const struct query *q, struct store *s, const struct vocab *v, const struct query_opts *o, query_row_cb *cb, void *arg, struct query_result *ret)
{
	struct run x = {.o = o, .s = s, .vocab = v, .cb = cb, .arg = arg, .result = ret};
	struct store_query sq = {.where = q->where, .from = o->from, .to = o->to, .budget_ns = o->budget_ns, .cancel = o->cancel};
	*ret = (struct query_result){0};
	x.limit = o->limit ? (o->limit < LIMIT_MAX ? o->limit : LIMIT_MAX) : LIMIT_DEFAULT;
	sq.limit = q->pipe ? (needs_all(q->pipe) ? 0 : LIMIT_MAX) : x.limit;
	if (o->cursor.n && !read_cursor(o->cursor, &sq))
		return -EINVAL;
	arena_init(&x.mem, 0);
	int r = stages_make(&x, q->pipe);
	if (r == 0)
		r = store_search(s, &sq, on_row, &x, &ret->progress);
	if (r >= 0 && x.first)
		r = finish(x.first);
	if (r >= 0 && !q->pipe && ret->rows == x.limit) {
		char id[ID_TEXT + 1];
		id_format(id, x.last.id);
		snprintf(ret->next_cursor, sizeof(ret->next_cursor), "%lld.%s", (long long)x.last.time, id);
	}
	stages_free(x.first);
	arena_done(&x.mem);
	return r < 0 ? r : 0;
}

void query_add_json(const struct query_cell *cell, size_t n, struct arena *mem, struct buf *out)
{
	buf_addc(out, '{');
	for (size_t i = 0; i < n; i++) {
		struct val v = cell[i].val;
		if (is_absent(&v))
			continue;
		struct str text = val_text(v, mem);
		json_add_key(out, cell[i].name);
		if (v.kind == VAL_NULL)
			buf_add(out, STR("null"));
		else if (v.kind == VAL_BOOL || v.kind == VAL_JSON || (v.kind == VAL_NUM && json_text_is_number(text)))
			buf_add(out, text);
		else
			json_add_string(out, text);
	}
	buf_addc(out, '}');
}
