/* SPDX-License-Identifier: Apache-2.0 */
#include "drill/story.h"

#include "base/num.h"
#include "sys/file.h"

#include <errno.h>
#include <stdlib.h>

#define FILE_MAX (4u << 20)
#define LINE_MAX (64u << 10)
#define REPEAT_MAX 100000
#define LINES_MAX 1000000
#define EXPAND_DEPTH 4

struct macro {
	struct str name, text;
};

struct story_file {
	struct str source, host;
	enum event_format format;
	VEC(struct macro) macros;
};

struct template {
	struct story_file *file;
	struct str text;
	uint64_t key; /* of its place: what is drawn by lot depends on it and on the repetition alone */
	unsigned line;
};

struct told {
	int64_t at;
	uint32_t template, repetition;
};

struct story {
	struct arena mem;
	int offset_s;
	VEC(struct story_file *) files;
	VEC(struct template) templates;
	VEC(struct told) told;
};

/* SplitMix64: the lot of a line. */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* ---- telling ------------------------------------------------------------------------------------------------------------------------------------ */

struct telling {
	const struct story *s;
	const struct template *t;
	tstamp time;
	uint64_t lot, repetition;
	struct buf *out;
};

static const char *const MONTHS[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static void tell_syslog(struct telling *x, struct str arg)
{
	struct civil c;
	(void)arg;
	ts_to_civil(x->time, x->s->offset_s, &c);
	buf_addf(x->out, "%s %2d %02d:%02d:%02d", MONTHS[c.month - 1], c.day, c.hour, c.minute, c.second);
}

static void tell_clf(struct telling *x, struct str arg)
{
	struct civil c;
	int zone = abs(x->s->offset_s) / 60;
	(void)arg;
	ts_to_civil(x->time, x->s->offset_s, &c);
	buf_addf(x->out, "%02d/%s/%04d:%02d:%02d:%02d %c%02d%02d", c.day, MONTHS[c.month - 1], c.year, c.hour, c.minute, c.second, x->s->offset_s < 0 ? '-' : '+', zone / 60, zone % 60);
}

static void tell_utc(struct telling *x, struct str arg)
{
	(void)arg;
	buf_add_ts(x->out, x->time - x->time % NS_PER_MS);
}

static void tell_epoch(struct telling *x, struct str arg)
{
	(void)arg;
	buf_addf(x->out, "%lld.%03lld", (long long)(x->time / NS_PER_S), (long long)(x->time % NS_PER_S / NS_PER_MS));
}

/* num FROM TO */
static void tell_num(struct telling *x, struct str arg)
{
	struct str from = STR(""), to = STR("");
	uint64_t a = 0, b = 0;
	str_word(&arg, &from);
	str_word(&arg, &to);
	if (num_u64(from, &a) && num_u64(to, &b) && b >= a)
		buf_add_u64(x->out, a + draw(&x->lot) % (b - a + 1));
}

/* one A|B|C */
static void tell_one(struct telling *x, struct str arg)
{
	struct str rest = arg, piece = STR("");
	size_t n = 0;
	while (str_cut(&rest, '|', &piece))
		n++;
	for (size_t pick = n ? draw(&x->lot) % n : 0, i = 0; i <= pick && str_cut(&arg, '|', &piece); i++)
		;
	buf_add(x->out, piece);
}

static void tell_count(struct telling *x, struct str arg)
{
	(void)arg;
	buf_add_u64(x->out, x->repetition + 1);
}

/* A number of its own for each line, so that audit events and record numbers differ. */
static void tell_serial(struct telling *x, struct str arg)
{
	(void)arg;
	buf_add_u64(x->out, (uint64_t)(x->time / NS_PER_S) % 1000000 * 1000 + x->t->line % 100 * 10 + x->repetition % 10);
}

static const struct word {
	const char *name;
	void (*tell)(struct telling *x, struct str arg);
} WORDS[] = {{"syslog", tell_syslog}, {"clf", tell_clf}, {"utc", tell_utc}, {"epoch", tell_epoch}, {"num", tell_num}, {"one", tell_one}, {"n", tell_count}, {"serial", tell_serial}};

static const struct word *find_word(struct str name)
{
	for (size_t i = 0; i < LEN(WORDS); i++)
		if (str_eq(name, str_c(WORDS[i].name)))
			return &WORDS[i];
	return NULL;
}

static const struct macro *find_macro(const struct story_file *f, struct str name)
{
	for (size_t i = 0; i < f->macros.n; i++)
		if (str_eq(f->macros.at[i].name, name))
			return &f->macros.at[i];
	return NULL;
}

/* Takes up to the next %{…}; false when there is none, with the rest in *ret_before. */
static bool next_word(struct str *rest, struct str *ret_before, struct str *ret_name, struct str *ret_arg)
{
	size_t at = str_find(*rest, STR("%{"));
	size_t end = at == STR_NPOS ? STR_NPOS : str_chr(str_sub(*rest, at, rest->n), '}');
	*ret_before = str_sub(*rest, 0, end == STR_NPOS ? rest->n : at);
	if (end == STR_NPOS)
		return false;
	struct str inside = str_sub(*rest, at + 2, at + end);
	size_t blank = str_chr(inside, ' ');
	*ret_name = str_sub(inside, 0, blank == STR_NPOS ? inside.n : blank);
	*ret_arg = blank == STR_NPOS ? STR("") : str_sub(inside, blank + 1, inside.n);
	*rest = str_sub(*rest, at + end + 1, rest->n);
	return true;
}

static void tell(struct telling *x, struct str text, int depth)
{
	struct str before, name, arg;
	while (next_word(&text, &before, &name, &arg)) {
		const struct word *w = find_word(name);
		const struct macro *m = find_macro(x->t->file, name);
		buf_add(x->out, before);
		if (w)
			w->tell(x, arg);
		else if (m && depth < EXPAND_DEPTH)
			tell(x, m->text, depth + 1);
	}
	buf_add(x->out, before);
}

void story_record(const struct story *s, size_t line, tstamp anchor, struct str site, struct arena *mem, struct record *ret)
{
	const struct told *told = &s->told.at[line];
	const struct template *t = &s->templates.at[told->template];
	struct buf out = BUF_INIT(RECORD_MAX);
	struct telling x = {s, t, anchor + told->at, t->key + told->repetition, told->repetition, &out};
	tell(&x, t->text, 0);
	*ret = (struct record){.raw = arena_dup(mem, buf_str(&out)), .source = t->file->source, .site = site, .host = t->file->host, .format = (uint8_t)t->file->format, .received = x.time};
	buf_done(&out);
}

/* ---- loading ------------------------------------------------------------------------------------------------------------------------------------ */

bool story_time(struct str s, int64_t *ret_ns)
{
	bool minus = str_take(&s, STR("-"));
	struct str part;
	int64_t ns = 0, n;
	double seconds;
	if (!minus && !str_take(&s, STR("+")))
		return false;
	for (int i = 0; i < 2; i++) {
		if (!str_cut(&s, ':', &part) || !num_range(part, 0, i ? 59 : 999, &n))
			return false;
		ns = (ns + n) * 60;
	}
	if (s.n < 2 || !ch_is_digit((unsigned char)s.p[0]) || !ch_is_digit((unsigned char)s.p[1]) || !num_double(s, &seconds) || seconds >= 60)
		return false;
	ns = ns * NS_PER_S + (int64_t)(seconds * (double)NS_PER_S);
	*ret_ns = minus ? -ns : ns;
	return true;
}

struct loading {
	struct story *s;
	struct diag *d;
	int err;
};

struct reading {
	struct loading *l;
	struct story_file *file;
	struct str name;
	unsigned line;
	bool continued; /* the lines before belong to a template that a line beginning with a blank continues */
};

static void fault(struct reading *x, const char *code, const char *what, struct str written)
{
	diag_error(x->l->d, (struct diag_at){x->line, 1}, code, "%s: \"%.*s\"", what, STR_ARG(written));
}

static void check_words(struct reading *x, struct str text)
{
	struct str before, name, arg;
	while (next_word(&text, &before, &name, &arg))
		if (!find_word(name) && !find_macro(x->file, name))
			fault(x, "story.no_word", "there is no word or text of this name", name);
}

/* "key: value" or "let name = text" */
static bool take_setting(struct reading *x, struct str line)
{
	struct str rest = line, key, v;
	if (str_take(&rest, STR("let "))) {
		if (!str_cut(&rest, '=', &key) || !rest.p || !str_trim(key).n)
			return fault(x, "story.bad_let", "write: let name = text", line), true;
		vec_push(&x->file->macros, ((struct macro){arena_dup(&x->l->s->mem, str_trim(key)), arena_dup(&x->l->s->mem, str_trim(rest))}));
		check_words(x, str_trim(rest));
		return true;
	}
	if (!str_cut(&rest, ':', &key) || str_chr(key, ' ') != STR_NPOS || ch_is_digit(key.n ? (unsigned char)key.p[key.n - 1] : '0'))
		return false;
	v = arena_dup(&x->l->s->mem, str_trim(rest));
	if (str_eq(key, STR("source")))
		x->file->source = v;
	else if (str_eq(key, STR("host")))
		x->file->host = v;
	else if (!str_eq(key, STR("format")))
		fault(x, "story.no_key", "there is no such key; source, host, format", key);
	else if ((x->file->format = event_format_parse(v)) == FORMAT_COUNT)
		fault(x, "story.no_format", "there is no such format", v);
	return true;
}

/* "xN every D" behind the time. */
static bool take_repeat(struct str words, uint64_t *ret_n, int64_t *ret_every)
{
	struct str w;
	*ret_n = 1;
	*ret_every = 0;
	if (!str_word(&words, &w))
		return true;
	return str_take(&w, STR("x")) && num_u64(w, ret_n) && *ret_n && *ret_n <= REPEAT_MAX && str_word(&words, &w) && str_eq(w, STR("every")) && str_word(&words, &w) && num_duration(w, ret_every) &&
	       !str_word(&words, &w);
}

/* Each repetition comes up to half a step late, drawn by lot: nothing in a real log comes on the second. */
static void add_lines(struct reading *x, int64_t at, uint64_t n, int64_t every)
{
	struct story *s = x->l->s;
	const struct template *t = &s->templates.at[s->templates.n - 1];
	for (uint64_t i = 0; i < n && s->told.n < LINES_MAX; i++) {
		uint64_t lot = ~(t->key + i);
		int64_t late = (int64_t)(draw(&lot) % (uint64_t)(every / 2 + NS_PER_S / 2));
		vec_push(&s->told, ((struct told){at + (int64_t)i * every + late, (uint32_t)(s->templates.n - 1), (uint32_t)i}));
	}
}

/* "TIME [xN every D] | text" */
static void take_line(struct reading *x, struct str line)
{
	struct str text = line, head, when = STR("");
	uint64_t n;
	int64_t at, every;
	x->continued = false;
	if (!str_cut(&text, '|', &head) || !str_word(&head, &when) || !story_time(when, &at) || !take_repeat(head, &n, &every))
		return fault(x, "story.bad_line", "write: -00:10:00 | text, or -00:10:00 x12 every 5s | text", str_sub(line, 0, 60));
	str_take(&text, STR(" "));
	struct template *t = vec_add(&x->l->s->templates);
	*t = (struct template){.file = x->file, .text = arena_dup(&x->l->s->mem, text), .line = x->line};
	t->key = str_hash_stable(x->name) + (uint64_t)x->line * UINT64_C(0x100000001b3);
	check_words(x, text);
	add_lines(x, at, n, every);
	x->continued = true;
}

static void continue_line(struct reading *x, struct str line)
{
	struct template *t = &x->l->s->templates.at[x->l->s->templates.n - 1];
	struct buf b = BUF_INIT(LINE_MAX);
	buf_addf(&b, "%.*s\n%.*s", STR_ARG(t->text), STR_ARG(str_trim(line)));
	t->text = arena_dup(&x->l->s->mem, buf_str(&b));
	buf_done(&b);
	check_words(x, line);
}

static void read_file(struct loading *l, struct str text, struct str name)
{
	struct reading x = {.l = l, .file = must_new(struct story_file), .name = name};
	struct str line;
	x.file->source = arena_dup(&l->s->mem, str_sub(name, 0, name.n - 4));
	vec_push(&l->s->files, x.file);
	while (str_line(&text, &line)) {
		x.line++;
		if (!str_trim(line).n || line.p[0] == '#')
			continue;
		if (x.continued && (line.p[0] == ' ' || line.p[0] == '\t'))
			continue_line(&x, line);
		else if (!take_setting(&x, line))
			take_line(&x, line);
	}
}

static int load_file(void *arg, const char *path, int err)
{
	struct loading *l = arg;
	struct buf text = BUF_INIT(FILE_MAX);
	struct str name = str_c(path);
	if (!err && !str_ends(name, STR(".log")))
		return 0;
	err = err ? err : file_read(path, &text);
	diag_file(l->d, name);
	if (err < 0)
		diag_error(l->d, (struct diag_at){0}, "story.unreadable", "the file cannot be read (error %d)", -err);
	else
		read_file(l, buf_str(&text), str_sub(name, str_rchr(name, '/') + 1, name.n));
	diag_file(l->d, STR(""));
	buf_done(&text);
	return 0;
}

static int by_time(const void *pa, const void *pb)
{
	const struct told *a = pa, *b = pb;
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	if (a->template != b->template)
		return a->template < b->template ? -1 : 1;
	return a->repetition < b->repetition ? -1 : a->repetition > b->repetition;
}

int story_load(const char *dir, int offset_s, struct diag *d, struct story **ret)
{
	struct story *s = must_new(struct story);
	struct loading l = {.s = s, .d = d};
	size_t before = d->errors;
	arena_init(&s->mem, 0);
	s->offset_s = offset_s;
	file_walk(dir, load_file, &l);
	if (d->errors == before && !s->told.n)
		diag_error(d, (struct diag_at){0}, "story.empty", "there is no line in the *.log files of %s", dir);
	if (d->errors > before)
		return story_free(s), -EINVAL;
	qsort(s->told.at, s->told.n, sizeof(*s->told.at), by_time);
	*ret = s;
	return 0;
}

void story_free(struct story *s)
{
	if (!s)
		return;
	vec_each(f, &s->files) {
		vec_done(&(*f)->macros);
		free(*f);
	}
	vec_done(&s->files);
	vec_done(&s->templates);
	vec_done(&s->told);
	arena_done(&s->mem);
	free(s);
}

size_t story_lines(const struct story *s)
{
	return s->told.n;
}

int64_t story_at(const struct story *s, size_t line)
{
	return s->told.at[line].at;
}

size_t story_find(const struct story *s, int64_t at)
{
	size_t lo = 0, hi = s->told.n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (s->told.at[mid].at < at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}
