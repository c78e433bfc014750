/* SPDX-License-Identifier: Apache-2.0 */
#include "store/manifest.h"
#include "store/match.h"
#include "store/segment.h"

#include "base/map.h"
#include "sys/clock.h"
#include "base/num.h"
#include "sys/file.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>

#define SEAL_BYTES (32u << 20)
#define SEAL_AGE (60 * NS_PER_S)
#define ROWS_MAX (1u << 30)
#define KEEP_MAX 10000u

struct store {
	char *dir;
	struct vocab *vocab;
	uint64_t seal_bytes;
	int64_t seal_age;
	bool read_only;

	pthread_mutex_t lock;      /* manifest and hot rows, for short copies only */
	struct manifest manifest;
	struct buf hot;            /* encoded rows that are not sealed */
	uint64_t hot_rows, hot_raw, position;
	tstamp hot_since;
	struct store_hold *hold;
	size_t n_hold;
	struct arena mem;          /* the writer's */
};

static int segment_path(char *out, size_t size, const struct store *s, struct str name)
{
	return (size_t)snprintf(out, size, "%s/%.*s", s->dir, STR_ARG(name)) < size ? 0 : -ENAMETOOLONG;
}

/* Sealed files in the directory; each goes to cb with its first position. */
static void each_segment(const struct store *s, void (*cb)(const struct store *s, struct str name, uint64_t first, void *arg), void *arg)
{
	DIR *d = opendir(s->dir);
	uint64_t first;
	if (!d)
		return;
	for (struct dirent *e; (e = readdir(d));) {
		struct str name = str_c(e->d_name);
		if (str_ends(name, STR(".seg")) && num_u64(str_sub(name, 0, name.n - 4), &first))
			cb(s, name, first, arg);
	}
	closedir(d);
}

/* What a crash leaves: the file that was sealed and did not come into the manifest, or one that retention had taken out of it. No other file is touched. */
static void remove_orphan(const struct store *s, struct str name, uint64_t first, void *arg)
{
	char path[4096];
	(void)arg;
	bool dropped = s->manifest.files.n && first < s->manifest.files.at[0].first;
	if ((first == store_sealed(s) || dropped) && segment_path(path, sizeof(path), s, name) == 0)
		file_remove(path);
}

static void count_segment(const struct store *s, struct str name, uint64_t first, void *arg)
{
	(void)s, (void)name, (void)first;
	++*(size_t *)arg;
}

/* A new store gets its manifest at once, so that a missing one is always a loss. */
static int first_manifest(struct store *s, struct diag *d)
{
	size_t n = 0;
	each_segment(s, count_segment, &n);
	if (!n)
		return manifest_write(s->dir, &s->manifest);
	diag_file(d, str_c(s->dir));
	diag_error(d, (struct diag_at){0}, "store.no_manifest", "the file MANIFEST is missing, but there are %zu sealed files", n);
	diag_hint(d, "put it back from a backup; nothing was changed");
	return -EBADMSG;
}

int store_open(const struct store_opts *o, struct diag *d, struct store **ret)
{
	struct store *s = must_new(struct store);
	s->dir = must_strdup(o->dir);
	s->vocab = o->vocab ? vocab_ref(o->vocab) : NULL;
	s->seal_bytes = o->seal_bytes ? o->seal_bytes : SEAL_BYTES;
	s->seal_age = o->seal_age_ns ? o->seal_age_ns : SEAL_AGE;
	s->read_only = o->read_only;
	s->hot = BUF_INIT(ROWS_MAX);
	arena_init(&s->mem, 0);
	pthread_mutex_init(&s->lock, NULL);
	int r = o->read_only ? 0 : file_make_dirs(o->dir);
	if (r == 0)
		r = manifest_read(o->dir, d, &s->manifest);
	if (r == -ENOENT)
		r = o->read_only ? 0 : first_manifest(s, d);
	if (r < 0) {
		store_close(s);
		return r;
	}
	if (!o->read_only)
		each_segment(s, remove_orphan, NULL);
	s->position = store_sealed(s);
	*ret = s;
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	manifest_done(&s->manifest);
	buf_done(&s->hot);
	arena_done(&s->mem);
	free(s->hold);
	vocab_unref(s->vocab);
	pthread_mutex_destroy(&s->lock);
	free(s->dir);
	free(s);
}

uint64_t store_sealed(const struct store *s)
{
	return s->manifest.files.n ? vec_last(&s->manifest.files)->last + 1 : 0;
}

uint64_t store_position(const struct store *s)
{
	return s->position;
}

int store_append(struct store *s, const struct event *ev, uint64_t position)
{
	if (position < s->position)
		return 0;
	arena_reset(&s->mem);
	pthread_mutex_lock(&s->lock);
	size_t before = s->hot.n;
	row_encode(&s->hot, ev, position, s->vocab, &s->mem);
	int r = s->hot.err;
	if (r == 0) {
		if (!s->hot_rows)
			s->hot_since = ev->received;
		s->hot_rows++;
		s->hot_raw += ev->raw.n;
		s->position = position + 1;
	} else {
		/* Half a row is none; the caller comes again when there is room. */
		buf_truncate(&s->hot, before);
		s->hot.err = 0;
	}
	pthread_mutex_unlock(&s->lock);
	return r;
}

/* ---- sealing ------------------------------------------------------------------------------------------------------------------------------ */

int store_seal(struct store *s, tstamp now, bool force, store_sealed_cb *cb, void *arg)
{
	char path[4096], name[64];
	struct store_file info = {0};
	must(!s->read_only);
	if (!s->hot_rows || (!force && s->hot.n < s->seal_bytes && now - s->hot_since < s->seal_age))
		return 0;
	snprintf(name, sizeof(name), "%020llu.seg", (unsigned long long)store_sealed(s));
	info.name = str_c(name);
	int r = segment_path(path, sizeof(path), s, info.name);
	file_fault_stage("seal");
	if (r == 0)
		r = segment_write(path, buf_str(&s->hot), &info);
	if (r == 0)
		r = file_sync_dir(s->dir);
	/* The ledger's leaf first, then the manifest: a crash between leaves a leaf of a file that is written again with the same name. */
	if (r == 0 && cb)
		r = cb(arg, &info);
	if (r < 0)
		return r;
	pthread_mutex_lock(&s->lock);
	manifest_add(&s->manifest, &info);
	file_fault_stage("manifest");
	r = manifest_write(s->dir, &s->manifest);
	if (r == 0) {
		buf_reset(&s->hot);
		s->hot_rows = s->hot_raw = 0;
	} else {
		manifest_remove(&s->manifest, s->manifest.files.n - 1);
	}
	pthread_mutex_unlock(&s->lock);
	return r < 0 ? r : 1;
}

int store_set_holds(struct store *s, const struct store_hold *h, size_t n)
{
	struct store_hold *copy = must_calloc(n, sizeof(*copy));
	if (n)
		memcpy(copy, h, n * sizeof(*copy));
	pthread_mutex_lock(&s->lock);
	free(s->hold);
	s->hold = copy;
	s->n_hold = n;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

static bool is_held(const struct store *s, const struct store_file *f)
{
	for (size_t i = 0; i < s->n_hold; i++)
		if (s->hold[i].from <= f->t_max && s->hold[i].to >= f->t_min)
			return true;
	return false;
}

int store_drop_before(struct store *s, tstamp t, store_sealed_cb *cb, void *arg)
{
	char path[4096];
	int dropped = 0, r = 0;
	/* The last file stays: it says where the WAL goes on. */
	for (size_t i = 0; r == 0 && i + 1 < s->manifest.files.n;) {
		struct store_file f = s->manifest.files.at[i];
		if (f.t_max >= t || is_held(s, &f)) {
			i++;
			continue;
		}
		if (cb && (r = cb(arg, &f)) < 0)
			break;
		r = segment_path(path, sizeof(path), s, f.name);
		pthread_mutex_lock(&s->lock);
		manifest_remove(&s->manifest, i);
		if (r == 0)
			r = manifest_write(s->dir, &s->manifest);
		pthread_mutex_unlock(&s->lock);
		if (r == 0)
			r = file_remove(path);
		dropped++;
	}
	return r < 0 ? r : dropped;
}

int store_files(struct store *s, store_sealed_cb *cb, void *arg)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < s->manifest.files.n; i++)
		r = cb(arg, &s->manifest.files.at[i]);
	return r;
}

int store_verify(const char *dir, struct diag *d, store_sealed_cb *cb, void *arg)
{
	char path[4096];
	struct manifest m;
	size_t before = d->errors;
	int r = manifest_read(dir, d, &m);
	if (r == -ENOENT) {
		snprintf(path, sizeof(path), "%s/MANIFEST", dir);
		diag_file(d, str_c(path));
		diag_error(d, (struct diag_at){0}, "store.no_manifest", "the manifest is missing");
	}
	if (r < 0)
		return r;
	vec_each(f, &m.files) {
		if ((size_t)snprintf(path, sizeof(path), "%s/%.*s", dir, STR_ARG(f->name)) < sizeof(path))
			segment_verify(path, f, d);
		if (cb)
			cb(arg, f);
	}
	manifest_done(&m);
	return d->errors > before ? -EBADMSG : 0;
}

/* ---- searching ----------------------------------------------------------------------------------------------------------------------------- */

/* A matched row that is kept until the end: the best `limit` of them. */
struct kept {
	tstamp time;
	struct id id;
	char *row;
	size_t n;
};

struct search {
	struct store *s;
	const struct store_query *q;
	struct matcher *m;
	struct store_progress *p;
	store_row_cb *cb;
	void *arg;
	struct arena mem;
	VEC(struct kept) kept; /* a heap, the one to go first on top */
	int64_t deadline;
	int result;
};

static int order(tstamp at, struct id aid, tstamp bt, struct id bid)
{
	return at != bt ? (at < bt ? -1 : 1) : id_cmp(aid, bid);
}

/* True when a comes before b in the order asked for. */
static bool before(const struct search *x, tstamp at, struct id aid, tstamp bt, struct id bid)
{
	int c = order(at, aid, bt, bid);
	return x->q->oldest_first ? c < 0 : c > 0;
}

static bool kept_before(const struct search *x, const struct kept *a, const struct kept *b)
{
	return before(x, a->time, a->id, b->time, b->id);
}

static void swap(struct kept *a, struct kept *b)
{
	struct kept t = *a;
	*a = *b;
	*b = t;
}

static void sift_down(struct search *x, size_t i)
{
	for (;;) {
		size_t worst = i, l = 2 * i + 1, r = l + 1;
		if (l < x->kept.n && kept_before(x, &x->kept.at[worst], &x->kept.at[l]))
			worst = l;
		if (r < x->kept.n && kept_before(x, &x->kept.at[worst], &x->kept.at[r]))
			worst = r;
		if (worst == i)
			return;
		swap(&x->kept.at[i], &x->kept.at[worst]);
		i = worst;
	}
}

static void keep(struct search *x, tstamp time, struct id id, struct str row)
{
	struct kept k = {time, id, NULL, row.n};
	uint64_t limit = x->q->limit < KEEP_MAX ? x->q->limit : KEEP_MAX;
	if (x->kept.n == limit) {
		if (!kept_before(x, &k, &x->kept.at[0]))
			return;
		free(x->kept.at[0].row);
		k.row = str_dup_c(row);
		x->kept.at[0] = k;
		sift_down(x, 0);
		return;
	}
	k.row = str_dup_c(row);
	vec_push(&x->kept, k);
	for (size_t i = x->kept.n - 1; i > 0; i = (i - 1) / 2) {
		if (!kept_before(x, &x->kept.at[(i - 1) / 2], &x->kept.at[i]))
			break;
		swap(&x->kept.at[i], &x->kept.at[(i - 1) / 2]);
	}
}

static bool in_time(const struct store_query *q, tstamp t)
{
	return (q->from == TS_NONE || t >= q->from) && (q->to == TS_NONE || t < q->to);
}

/* Behind the place where the former page ended? */
static bool behind(const struct search *x, tstamp t, struct id id)
{
	const struct store_query *q = x->q;
	return (q->after.hi == 0 && q->after.lo == 0) || before(x, q->after_time, q->after, t, id);
}

static struct str framed(struct str row, struct buf *b)
{
	buf_reset(b);
	buf_add_varint(b, row.n);
	buf_add(b, row);
	return buf_str(b);
}

static void search_rows(struct search *x, struct str rows)
{
	struct str row, one;
	struct buf b = BUF_INIT(ROWS_MAX);
	struct event ev;
	struct id id;
	tstamp time;
	uint64_t position;
	while (!x->result && rows.n && row_peek(&rows, &row, &time, &id)) {
		x->p->rows++;
		x->p->bytes += row.n;
		if (!in_time(x->q, time) || !behind(x, time, id))
			continue;
		arena_reset(&x->mem);
		one = framed(row, &b);
		if (!row_decode(&one, x->s->vocab, &x->mem, &ev, &position) || !matcher_row(x->m, &ev, x->s->vocab, &x->mem))
			continue;
		x->p->rows_matched++;
		if (x->q->limit)
			keep(x, time, id, row);
		else
			x->result = x->cb(x->arg, &ev);
	}
	buf_done(&b);
}

/* Nothing in [t_min, t_max] can be among the rows asked for. */
static bool out_of_reach(const struct search *x, tstamp t_min, tstamp t_max)
{
	const struct store_query *q = x->q;
	if ((q->from != TS_NONE && t_max < q->from) || (q->to != TS_NONE && t_min >= q->to))
		return true;
	if (!q->limit || x->kept.n < (q->limit < KEEP_MAX ? q->limit : KEEP_MAX))
		return false;
	return q->oldest_first ? t_min > x->kept.at[0].time : t_max < x->kept.at[0].time;
}

static bool stopped(struct search *x)
{
	if (x->q->cancel && *x->q->cancel)
		return true;
	if (x->deadline && clock_mono_ns() > x->deadline) {
		x->p->partial = true;
		return true;
	}
	return false;
}

static void search_file(struct search *x, const struct store_file *f)
{
	char path[4096];
	struct segment seg;
	struct buf packed = BUF_INIT(ROWS_MAX), rows = BUF_INIT(ROWS_MAX);
	x->p->files++;
	if (out_of_reach(x, f->t_min, f->t_max)) {
		x->p->files_skipped++;
		return;
	}
	if (segment_path(path, sizeof(path), x->s, f->name) < 0 || segment_open(path, NULL, &seg) < 0) {
		x->p->partial = true;
		return;
	}
	for (size_t i = seg.n_block; i-- > 0 && !x->result && !stopped(x);) {
		x->p->blocks++;
		if (out_of_reach(x, seg.block[i].t_min, seg.block[i].t_max)) {
			x->p->blocks_skipped++;
			continue;
		}
		if (segment_read(&seg, i, &packed, &rows) < 0)
			x->p->partial = true;
		else
			search_rows(x, buf_str(&rows));
	}
	segment_close(&seg);
	buf_done(&packed);
	buf_done(&rows);
}

/* The kept rows leave the heap worst first; they are given out the other way round. */
static void give_out(struct search *x)
{
	size_t n = x->kept.n;
	struct buf b = BUF_INIT(ROWS_MAX);
	while (x->kept.n > 1) {
		swap(&x->kept.at[0], &x->kept.at[x->kept.n - 1]);
		x->kept.n--;
		sift_down(x, 0);
	}
	for (size_t i = 0; i < n; i++) {
		struct kept *k = &x->kept.at[i];
		struct str one = framed(str_n(k->row, k->n), &b);
		struct event ev;
		uint64_t position;
		arena_reset(&x->mem);
		if (!x->result && row_decode(&one, x->s->vocab, &x->mem, &ev, &position))
			x->result = x->cb(x->arg, &ev);
		free(k->row);
	}
	buf_done(&b);
}

int store_search(struct store *s, const struct store_query *q, store_row_cb *cb, void *arg, struct store_progress *ret)
{
	struct store_progress none;
	struct search x = {.s = s, .q = q, .cb = cb, .arg = arg, .p = ret ? ret : &none};
	struct manifest files = {0};
	struct buf hot = BUF_INIT(ROWS_MAX);
	int r = matcher_new(q->where, &x.m);
	*x.p = (struct store_progress){0};
	if (r < 0)
		return r;
	x.deadline = q->budget_ns ? clock_mono_ns() + q->budget_ns : 0;
	arena_init(&x.mem, 0);
	pthread_mutex_lock(&s->lock);
	vec_each(f, &s->manifest.files) {
		manifest_add(&files, f);
	}
	buf_add(&hot, buf_str(&s->hot));
	pthread_mutex_unlock(&s->lock);
	search_rows(&x, buf_str(&hot));
	for (size_t i = files.files.n; i-- > 0 && !x.result && !stopped(&x);)
		search_file(&x, &files.files.at[i]);
	give_out(&x);
	vec_done(&x.kept);
	manifest_done(&files);
	buf_done(&hot);
	arena_done(&x.mem);
	matcher_free(x.m);
	return x.result;
}

/* ---- single events and fields ---------------------------------------------------------------------------------------------------------------- */

struct one {
	struct arena *mem;
	struct event *ev;
	bool found;
};

static struct str kept_text(struct arena *mem, struct str s)
{
	return s.n ? arena_dup(mem, s) : STR("");
}

static int take_one(void *arg, const struct event *row)
{
	struct one *o = arg;
	*o->ev = *row;
	struct str *text[] = {&o->ev->site, &o->ev->source, &o->ev->host, &o->ev->raw};
	for (size_t i = 0; i < LEN(text); i++)
		*text[i] = kept_text(o->mem, *text[i]);
	o->ev->field = arena_array(o->mem, row->n_field + 1, sizeof(struct field));
	for (uint32_t i = 0; i < row->n_field; i++) {
		o->ev->field[i] = row->field[i];
		o->ev->field[i].name = kept_text(o->mem, row->field[i].name);
		if (row->field[i].val.kind != VAL_BOOL && row->field[i].val.kind != VAL_NULL)
			o->ev->field[i].val.u.p = kept_text(o->mem, str_n(row->field[i].val.u.p, row->field[i].val.n)).p;
	}
	o->found = true;
	return 1;
}

/* The row with this id among encoded rows; only its id is looked at until it is found. */
static bool find_row(struct store *s, struct str rows, struct id id, struct one *o)
{
	struct str row, one;
	struct buf b = BUF_INIT(ROWS_MAX);
	struct arena scratch;
	struct event ev;
	struct id have;
	tstamp time;
	uint64_t position;
	arena_init(&scratch, 0);
	while (!o->found && rows.n && row_peek(&rows, &row, &time, &have)) {
		if (id_cmp(have, id) != 0)
			continue;
		one = framed(row, &b);
		if (!row_decode(&one, s->vocab, &scratch, &ev, &position))
			break;
		take_one(o, &ev);
	}
	arena_done(&scratch);
	buf_done(&b);
	return o->found;
}

static void find_in_file(struct store *s, const struct store_file *f, struct id id, struct one *o)
{
	char path[4096];
	struct segment seg;
	struct buf packed = BUF_INIT(ROWS_MAX), rows = BUF_INIT(ROWS_MAX);
	if (segment_path(path, sizeof(path), s, f->name) < 0 || segment_open(path, NULL, &seg) < 0)
		return;
	for (size_t i = 0; i < seg.n_block && !o->found; i++)
		if (segment_read(&seg, i, &packed, &rows) == 0)
			find_row(s, buf_str(&rows), id, o);
	segment_close(&seg);
	buf_done(&packed);
	buf_done(&rows);
}

int store_get(struct store *s, struct id id, struct arena *mem, struct event *ret)
{
	struct one o = {mem, ret, false};
	struct manifest files = {0};
	pthread_mutex_lock(&s->lock);
	bool hot = find_row(s, buf_str(&s->hot), id, &o);
	vec_each(f, &s->manifest.files) {
		if (!hot && id.lo >= f->first && id.lo <= f->last)
			manifest_add(&files, f);
	}
	pthread_mutex_unlock(&s->lock);
	vec_each(f, &files.files) {
		if (!o.found)
			find_in_file(s, f, id, &o);
	}
	manifest_done(&files);
	return o.found ? 0 : -ENOENT;
}

static int count_fields(void *arg, const struct event *row)
{
	struct map *names = arg;
	for (uint32_t i = 0; i < row->n_field; i++) {
		bool again = false;
		for (uint32_t k = 0; k < i && !again; k++)
			again = str_eq(row->field[k].name, row->field[i].name);
		if (!again && names->n < 65536)
			++*map_put(names, row->field[i].name, NULL);
	}
	return 0;
}

int store_fields(struct store *s, tstamp from, tstamp to, store_field_cb *cb, void *arg)
{
	struct map names;
	struct store_query q = {.from = from, .to = to};
	struct str name;
	uint64_t *rows;
	map_init(&names);
	int r = store_search(s, &q, count_fields, &names, NULL);
	for (size_t it = 0; r == 0 && map_next(&names, &it, &name, &rows);)
		r = cb(arg, name, *rows);
	map_done(&names);
	return r;
}
