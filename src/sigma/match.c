/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/gate.h"
#include "sigma/parts.h"

#include "base/num.h"
#include "base/utf8.h"
#include "sys/rand.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

/*
 * One event against the image, in three steps: (1) every value of a field that gates look at opens gates, (2) open gates wake rules of the
 * event's route, (3) the woken rules' conditions are evaluated lazily, each atom at most once.
 *
 * Logs repeat their values. So a table remembers, per worker, (field, value as it lies in the input) -> gates, and nine values in ten are
 * neither un-escaped nor folded nor scanned. Its key is a 128-bit hash with a secret seed, so nobody can build two values that share an
 * entry, and no copy of the value is kept; an entry is one cache line; values that open more gates than fit are asked anew.
 */
#define CACHE_SLOTS 65536u
#define CACHE_GATES 23
/* Steps that one search may take: enough for honest patterns on long texts, a tenth of a millisecond for the others. */
#define MATCH_LIMIT(n) (40000u + 4u * (uint32_t)((n) < (1u << 24) ? (n) : 1u << 24))
#define LOOK_FIELD 1u
#define LOOK_WORDS 2u

struct cache_line {
	uint64_t key[2];
	uint16_t n; /* 1 + gates; 0 = free */
	uint16_t gate[CACHE_GATES];
} __attribute__((aligned(64)));

/* What events of one log-source set are shown to. */
struct route {
	uint64_t *rules; /* bit set */
	uint64_t *gates; /* bit set: gates that wake one of these rules */
	struct field_look *look; /* by field: what such gates ask of it; [0] = keywords */
	struct literal_bits *bits; /* by field: of the literals that such gates look for */
	uint32_t *always;
	size_t n_always;
	uint32_t number;
	const struct field_index *words;
};

struct folded {
	struct str text, fold;
	uint32_t stamp; /* text is of this event */
	bool has_fold;
};

struct sigma_matcher {
	struct sigma_image *img;
	hs_scratch_t *scratch;
	struct cache_line *cache;
	uint64_t seed;
	unsigned char secret[XXH3_SECRET_DEFAULT_SIZE];
	VEC(struct route *) routes; /* by lsset */

	uint32_t stamp;             /* of the event at hand */
	uint32_t *rule_stamp;       /* rule was woken by this event */
	struct sigma_rule_counts *rule_count;
	uint64_t window;
	uint64_t *aside;            /* rule: 1 + the window in which it ran into the match limit */
	unsigned limited;           /* searches of the rule at hand that did */
	uint32_t *memo;             /* atom: stamp * 2 + answer */
	uint32_t *memo_at;          /* atom that holds: the field that made it, UINT32_MAX when none did */
	uint32_t *gate_stamp;
	VEC(uint32_t) woken;
	struct { /* by field_id: where the event has it */
		uint32_t stamp, last;
	} *place;
	VEC(struct folded) values;
	struct folded raw;
	struct arena mem;
	VEC(uint16_t) open;         /* gates of the value at hand, each once */
	uint32_t asked, *noted;     /* questions so far; by gate: the last that opened it */
	VEC(struct sigma_reason) reasons;
	const struct event *ev;
	const struct route *route;
	struct sigma_counts count;
	pcre2_match_data *re_data;
	pcre2_match_context *re_ctx;
};

static void route_free(struct route *r, size_t n_field)
{
	if (!r)
		return;
	for (size_t i = 0; i < n_field; i++)
		literal_bits_done(&r->bits[i]);
	free(r->bits);
	free(r->rules);
	free(r->gates);
	free(r->look);
	free(r->always);
	free(r);
}

static bool scratch_for(struct sigma_matcher *m, const struct field_index *ix)
{
	return !ix || !ix->regexes || hs_alloc_scratch(ix->regexes, &m->scratch) == HS_SUCCESS;
}

static bool scratch_for_all(struct sigma_matcher *m)
{
	for (size_t i = 0; i < m->img->n_field; i++)
		if (!scratch_for(m, m->img->index[i]))
			return false;
	for (size_t i = 0; i < m->img->n_words; i++)
		if (!scratch_for(m, m->img->words[i].ix))
			return false;
	return true;
}

struct sigma_matcher *sigma_matcher_new(struct sigma_image *img)
{
	struct sigma_matcher *m = must_new(struct sigma_matcher);
	m->img = sigma_image_ref(img);
	must(scratch_for_all(m));
	m->cache = aligned_alloc(64, CACHE_SLOTS * sizeof(*m->cache));
	must(m->cache);
	memset(m->cache, 0, CACHE_SLOTS * sizeof(*m->cache));
	rand_bytes(&m->seed, sizeof(m->seed));
	XXH3_generateSecret_fromSeed(m->secret, m->seed);
	m->rule_stamp = must_calloc(img->n_rule, sizeof(*m->rule_stamp));
	m->rule_count = must_calloc(img->n_rule, sizeof(*m->rule_count));
	m->aside = must_calloc(img->n_rule, sizeof(*m->aside));
	m->memo = must_calloc(img->n_atom, sizeof(*m->memo));
	m->memo_at = must_calloc(img->n_atom, sizeof(*m->memo_at));
	m->gate_stamp = must_calloc(img->n_gate + 1, sizeof(*m->gate_stamp));
	m->noted = must_calloc(img->n_gate + 1, sizeof(*m->noted));
	m->place = must_calloc(img->n_field, sizeof(*m->place));
	m->re_data = pcre2_match_data_create(1, NULL);
	m->re_ctx = pcre2_match_context_create(NULL);
	must(m->re_data && m->re_ctx);
	arena_init(&m->mem, 0);
	return m;
}

void sigma_matcher_free(struct sigma_matcher *m)
{
	if (!m)
		return;
	vec_each(r, &m->routes)
		route_free(*r, m->img->n_field);
	vec_done(&m->routes);
	vec_done(&m->woken);
	vec_done(&m->values);
	vec_done(&m->open);
	vec_done(&m->reasons);
	hs_free_scratch(m->scratch);
	pcre2_match_data_free(m->re_data);
	pcre2_match_context_free(m->re_ctx);
	free(m->cache);
	free(m->rule_stamp);
	free(m->rule_count);
	free(m->aside);
	free(m->memo);
	free(m->memo_at);
	free(m->gate_stamp);
	free(m->noted);
	free(m->place);
	arena_done(&m->mem);
	sigma_image_unref(m->img);
	free(m);
}

/* ---- routes ------------------------------------------------------------------------------------------------------------------------ */

static bool key_fits(enum sigma_routing routing, struct str rule, struct str event)
{
	if (!rule.n)
		return true;
	if (routing == SIGMA_ROUTE_CONFLICT && !event.n)
		return true;
	return str_eq(rule, event);
}

bool sigma_rule_fits(const struct sigma_image *img, const struct logsource *rule, const struct logsource *ls, size_t n)
{
	if (img->routing == SIGMA_ROUTE_OFF)
		return true;
	for (size_t i = 0; i < n; i++)
		if (key_fits(img->routing, rule->product, ls[i].product) && key_fits(img->routing, rule->category, ls[i].category) && key_fits(img->routing, rule->service, ls[i].service))
			return true;
	return false;
}

static void set_bit(uint64_t *set, size_t i)
{
	set[i / 64] |= UINT64_C(1) << (i % 64);
}

static inline bool has_bit(const uint64_t *set, size_t i)
{
	return set[i / 64] >> (i % 64) & 1;
}

static void look_add(struct field_look *look, const struct gate_info *g)
{
	if (!look->kinds) {
		look->plain = true;
		look->shortest = UINT16_MAX;
	}
	look->kinds |= (uint8_t)(1u << g->kind);
	if (g->kind != GATE_CONTAINS)
		return;
	look->plain = look->plain && g->worded;
	look->shortest = g->n < look->shortest ? (uint16_t)g->n : look->shortest;
}

/* The gates that answer for a rule of the route, and what they look at: other values are never hashed. */
static void route_gates(const struct sigma_image *img, struct route *r, const struct rule_code *code)
{
	for (uint32_t i = 0; i < code->n_test; i++) {
		uint16_t gate = img->test[code->test + i].gate;
		if (!gate || has_bit(r->gates, gate - 1u))
			continue;
		set_bit(r->gates, gate - 1u);
		look_add(&r->look[img->gate[gate - 1].field], &img->gate[gate - 1]);
	}
}

/* Strict events of one product meet the rules of that product and of none. */
static const struct field_index *route_words(const struct sigma_image *img, const struct logsource *ls, size_t n)
{
	bool one = img->routing == SIGMA_ROUTE_STRICT && ls[0].product.n;
	for (size_t i = 1; i < n; i++)
		one = one && str_eq(ls[i].product, ls[0].product);
	return one ? sigma_words(img, ls[0].product) : img->index[FIELD_UNKNOWN];
}

/* Once all gates are known. */
static void route_bits(const struct sigma_image *img, struct route *r)
{
	r->bits = must_calloc(img->n_field, sizeof(*r->bits));
	for (size_t i = 0; i < img->n_field; i++)
		if (r->look[i].kinds & 1u << GATE_CONTAINS)
			literal_bits_make(&r->bits[i], &(i ? img->index[i] : r->words)->literals, r->gates);
}

static struct route *route_new(struct sigma_matcher *m, uint32_t lsset)
{
	const struct sigma_image *img = m->img;
	struct route *r = must_new(struct route);
	size_t n;
	const struct logsource *ls = vocab_lsset_get(img->vocab, lsset, &n);
	r->number = lsset;
	r->words = route_words(img, ls, n);
	r->rules = must_calloc(img->n_rule / 64 + 1, sizeof(uint64_t));
	r->gates = must_calloc(img->n_gate / 64 + 1, sizeof(uint64_t));
	r->look = must_calloc(img->n_field, sizeof(*r->look));
	r->always = must_calloc(img->n_always + 1, sizeof(uint32_t));
	for (size_t i = 0; i < img->n_rule; i++) {
		if (!img->code[i].expr || !sigma_rule_fits(img, &img->rule[i].logsource, ls, n))
			continue;
		set_bit(r->rules, i);
		if (img->code[i].always)
			r->always[r->n_always++] = (uint32_t)i;
		route_gates(img, r, &img->code[i]);
	}
	route_bits(img, r);
	return r;
}

static const struct route *route_of(struct sigma_matcher *m, uint32_t lsset)
{
	while (m->routes.n <= lsset)
		vec_push(&m->routes, NULL);
	if (!m->routes.at[lsset])
		m->routes.at[lsset] = route_new(m, lsset);
	return m->routes.at[lsset];
}

/* ---- values ------------------------------------------------------------------------------------------------------------------------ */

static struct folded *value_of(struct sigma_matcher *m, uint32_t i)
{
	struct folded *f = &m->values.at[i];
	if (f->stamp != m->stamp) {
		*f = (struct folded){.text = val_text(m->ev->field[i].val, &m->mem), .stamp = m->stamp};
		if (!f->text.p)
			f->text = STR("");
	}
	return f;
}

static struct folded *raw_of(struct sigma_matcher *m)
{
	if (m->raw.stamp != m->stamp)
		m->raw = (struct folded){.text = m->ev->raw, .stamp = m->stamp};
	return &m->raw;
}

static struct str fold_of(struct sigma_matcher *m, struct folded *f)
{
	if (!f->has_fold) {
		f->fold = fold_dup(&m->mem, f->text);
		f->has_fold = true;
	}
	return f->fold;
}

/* Lines have their words in one text, JSON and EVTX have values: keywords search the one or the others. */
static bool keywords_in_raw(const struct event *ev)
{
	return ev->raw.n && ev->format != FORMAT_JSON && ev->format != FORMAT_EVTX && ev->format != FORMAT_EVE;
}

/* ---- gates ------------------------------------------------------------------------------------------------------------------------- */

static void note_gate(void *arg, uint16_t gate)
{
	struct sigma_matcher *m = arg;
	if (m->noted[gate] == m->asked || !has_bit(m->route->gates, gate - 1u))
		return;
	m->noted[gate] = m->asked;
	vec_push(&m->open, gate);
}

static void wake(struct sigma_matcher *m, uint16_t gate)
{
	if (m->gate_stamp[gate] == m->stamp)
		return;
	m->gate_stamp[gate] = m->stamp;
	for (const uint32_t *r = m->img->gate_rules[gate - 1]; *r != UINT32_MAX; r++) {
		if (!has_bit(m->route->rules, *r) || m->rule_stamp[*r] == m->stamp)
			continue;
		m->rule_stamp[*r] = m->stamp;
		vec_push(&m->woken, *r);
	}
}

static void ask(struct sigma_matcher *m, field_id id, struct val v, struct folded *f)
{
	struct gate_query q = {id ? m->img->index[id] : m->route->words, &m->route->look[id], &m->route->bits[id], m->scratch, note_gate, m};
	gates_of_value(&q, v, f->text, fold_of(m, f));
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

static XXH128_hash_t value_key(const struct sigma_matcher *m, const struct field *f, unsigned look)
{
	/* Route, field and kind go into the seed of short values and, for long ones (whose hash takes only the secret), over the result. */
	uint64_t what = ((uint64_t)m->route->number << 32 | (uint64_t)f->id << 8 | look << 6 | f->val.kind) * 0x9E3779B97F4A7C15ull, seed = m->seed + what;
	XXH128_hash_t h;
	switch ((enum val_kind)f->val.kind) {
	case VAL_STR:
	case VAL_JSTR:
	case VAL_U16:
	case VAL_NUM:
	case VAL_GUID:
	case VAL_SID:
	case VAL_BYTES:
	case VAL_JSON:
		h = XXH3_128bits_withSecretandSeed(f->val.u.p, f->val.n, m->secret, sizeof(m->secret), seed);
		if (f->val.n > XXH3_MIDSIZE_MAX)
			h.low64 ^= what;
		return h;
	case VAL_NULL:
	case VAL_BOOL:
	case VAL_UINT:
	case VAL_INT:
	case VAL_HEX:
	case VAL_DOUBLE:
	case VAL_TIME:
		break;
	}
	return XXH3_128bits_withSeed(&f->val.u, sizeof(f->val.u), seed);
}

static void ask_cached(struct sigma_matcher *m, uint32_t i, unsigned what, XXH128_hash_t key)
{
	struct cache_line *line = &m->cache[key.low64 & (CACHE_SLOTS - 1)];
	m->count.values++;
	if (line->n && line->key[0] == key.low64 && line->key[1] == key.high64) {
		for (uint16_t k = 0; k + 1 < line->n; k++)
			wake(m, line->gate[k]);
		m->count.known++;
		return;
	}
	start_asking(m);
	if (what & LOOK_FIELD)
		ask(m, m->ev->field[i].id, m->ev->field[i].val, value_of(m, i));
	if (what & LOOK_WORDS)
		ask(m, FIELD_UNKNOWN, m->ev->field[i].val, value_of(m, i));
	for (size_t k = 0; k < m->open.n; k++)
		wake(m, m->open.at[k]);
	if (m->open.n > CACHE_GATES)
		return;
	line->key[0] = key.low64;
	line->key[1] = key.high64;
	line->n = (uint16_t)(m->open.n + 1);
	for (size_t k = 0; k < m->open.n; k++)
		line->gate[k] = m->open.at[k];
}

/* What the route asks of a value: gates of its field, keywords, both or nothing. */
static inline unsigned look_of(const struct sigma_matcher *m, const struct field *f, bool words)
{
	const struct field_look *look = m->route->look;
	unsigned what = f->id && f->id < m->img->n_field && look[f->id].kinds && gate_text_may_fit(&look[f->id], f->val) ? LOOK_FIELD : 0;
	if (words && !(f->flags & FIELD_F_ALIAS) && gate_text_may_fit(&look[FIELD_UNKNOWN], f->val))
		what |= LOOK_WORDS;
	return what;
}

#define BATCH 32

/* Two passes: hash and prefetch the cache lines of up to 32 values, then look at them. */
static void open_gates(struct sigma_matcher *m)
{
	const struct event *ev = m->ev;
	bool keywords = m->route->look[FIELD_UNKNOWN].kinds, in_raw = keywords_in_raw(ev);
	XXH128_hash_t key[BATCH];
	uint32_t at[BATCH];
	uint8_t what[BATCH];
	for (uint32_t from = 0; from < ev->n_field;) {
		size_t n = 0;
		for (; from < ev->n_field && n < BATCH; from++) {
			const struct field *f = &ev->field[from];
			what[n] = (uint8_t)look_of(m, f, keywords && !in_raw);
			if (!what[n])
				continue;
			key[n] = value_key(m, f, what[n]);
			__builtin_prefetch(&m->cache[key[n].low64 & (CACHE_SLOTS - 1)]);
			at[n++] = from;
		}
		for (size_t i = 0; i < n; i++)
			ask_cached(m, at[i], what[i], key[i]);
	}
	if (!keywords || !in_raw)
		return;
	start_asking(m);
	ask(m, FIELD_UNKNOWN, (struct val){.kind = VAL_STR}, raw_of(m));
	for (size_t i = 0; i < m->open.n; i++)
		wake(m, m->open.at[i]);
}

/* ---- atoms ------------------------------------------------------------------------------------------------------------------------- */

static bool regex_matches(struct sigma_matcher *m, const struct atom *a, struct str text)
{
	/* A rule of many hostile patterns may not take the limit's time for each of them: each that ran into it leaves a sixteenth for those behind. */
	pcre2_set_match_limit(m->re_ctx, MATCH_LIMIT(text.n) >> (m->limited < 7 ? 4 * m->limited : 28));
	int r = pcre2_match(a->re, (PCRE2_SPTR)(text.n ? text.p : ""), text.n, 0, 0, m->re_data, m->re_ctx);
	m->limited += r == PCRE2_ERROR_MATCHLIMIT || r == PCRE2_ERROR_DEPTHLIMIT || r == PCRE2_ERROR_HEAPLIMIT || r == PCRE2_ERROR_JIT_STACKLIMIT;
	return r >= 0;
}

/* The number's text without its sign and exponent. False when the exponent is out of all proportion. */
static bool take_exponent(struct str *s, int64_t *ret)
{
	size_t e = str_chr(*s, 'e');
	e = e == STR_NPOS ? str_chr(*s, 'E') : e;
	*ret = 0;
	if (e == STR_NPOS)
		return true;
	struct str exponent = str_sub(*s, e + 1, s->n);
	str_take(&exponent, STR("+"));
	*s = str_sub(*s, 0, e);
	return num_i64(exponent, ret) && *ret >= -WHOLE_DIGITS_MAX && *ret <= WHOLE_DIGITS_MAX;
}

bool val_whole_digits(struct val v, char *buf, struct str *ret)
{
	char digit[WHOLE_DIGITS_MAX];
	struct str s = str_n(v.u.p, v.n);
	size_t n = 1, behind = 0; /* a place for the sign */
	int64_t zeros;
	bool point = false;
	if (v.kind == VAL_UINT)
		s = str_n(buf, num_format_u64(buf, v.u.u));
	else if (v.kind == VAL_DOUBLE)
		s = str_n(buf, num_format_double(buf, v.u.d));
	else if (v.kind == VAL_U16 && v.n <= WHOLE_DIGITS_MAX)
		s = str_n(buf, utf16le_to_utf8(buf, (const unsigned char *)v.u.p, v.n));
	else if (v.kind != VAL_NUM && v.kind != VAL_STR)
		return false;
	bool minus = str_take(&s, STR("-"));
	if (!minus)
		str_take(&s, STR("+"));
	if (!take_exponent(&s, &zeros) || !s.n)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' && !point) {
			point = true;
			continue;
		}
		if (!ch_is_digit((unsigned char)s.p[i]) || n == sizeof(digit))
			return false;
		behind += point;
		if (n > 1 || s.p[i] != '0')
			digit[n++] = s.p[i];
	}
	for (zeros -= (int64_t)behind; zeros < 0 && n > 1 && digit[n - 1] == '0'; zeros++)
		n--;
	if (n == 1) {
		digit[n++] = '0';
		minus = false;
		zeros = 0;
	}
	if (zeros < 0 || n + (size_t)zeros > sizeof(digit))
		return false;
	memset(digit + n, '0', (size_t)zeros);
	n += (size_t)zeros;
	digit[0] = '-';
	memcpy(buf, digit + !minus, n - !minus);
	*ret = str_n(buf, n - !minus);
	return true;
}

/* Whole numbers as digits, for those that no machine number holds. */
static int compare_digits(struct str a, struct str b)
{
	bool minus = a.n && a.p[0] == '-', other = b.n && b.p[0] == '-';
	if (minus != other)
		return minus ? -1 : 1;
	int c = a.n != b.n ? (a.n > b.n) - (a.n < b.n) : str_cmp(a, b);
	return minus ? -c : c;
}

static int compare_numbers(const struct atom *a, struct val v, double d, int64_t i, bool is_int)
{
	char mine[WHOLE_DIGITS_MAX], its[WHOLE_DIGITS_MAX];
	struct str x, y;
	if (is_int && a->is_int)
		return (i > a->integer) - (i < a->integer);
	if (is_int)
		v = (struct val){.kind = VAL_NUM, .u.p = mine, .n = (uint32_t)num_format_i64(mine, i)};
	if (val_whole_digits(v, mine, &x) && val_whole_digits((struct val){.kind = VAL_NUM, .u.p = a->text.p, .n = (uint32_t)a->text.n}, its, &y))
		return compare_digits(x, y);
	return (d > a->number) - (d < a->number);
}

static bool number_matches(const struct atom *a, struct val v, struct str text)
{
	double d;
	int64_t i;
	bool is_int;
	if (v.kind == VAL_JSTR)
		v = (struct val){.kind = VAL_STR, .u.p = text.p, .n = (uint32_t)text.n};
	if (!val_number(v, &d, &i, &is_int))
		return false;
	int c = compare_numbers(a, v, d, i, is_int);
	switch ((enum number_cmp)a->sub) {
	case CMP_EQ:
		return c == 0;
	case CMP_LT:
		return c < 0;
	case CMP_LTE:
		return c <= 0;
	case CMP_GT:
		return c > 0;
	case CMP_GTE:
		return c >= 0;
	}
	return false;
}

/* Without +02:00 at the end: parts of a time are those that are written (specification: no conversion of time zones). */
static struct str without_zone(struct str text)
{
	size_t at = text.n > 6 && text.p[text.n - 3] == ':' ? text.n - 6 : text.n > 5 ? text.n - 5 : 0;
	bool zone = at > 10 && (text.p[at] == '+' || text.p[at] == '-') && ch_is_digit((unsigned char)text.p[at + 1]);
	return zone ? str_sub(text, 0, at) : text;
}

static bool time_matches(const struct atom *a, struct str text)
{
	struct civil c;
	tstamp t;
	text = without_zone(text);
	if (!ts_parse_rfc3339(text, 0, &t) && !ts_parse_epoch(text, &t))
		return false;
	ts_to_civil(t, 0, &c);
	int part = a->sub == 'm' ? c.minute : a->sub == 'h' ? c.hour : a->sub == 'd' ? c.day : a->sub == 'w' ? ts_iso_week(t, NULL) : a->sub == 'M' ? c.month : c.year;
	return part == a->integer;
}

static bool text_matches(enum atom_op op, struct str pattern, struct str text)
{
	switch (op) {
	case ATOM_EQ:
		return str_eq(text, pattern);
	case ATOM_PREFIX:
		return str_starts(text, pattern);
	case ATOM_SUFFIX:
		return str_ends(text, pattern);
	case ATOM_CONTAINS:
		return str_find(text, pattern) != STR_NPOS;
	case ATOM_GLOB:
		return glob_match(pattern, text);
	case ATOM_REGEX:
	case ATOM_NUMBER:
	case ATOM_CIDR:
	case ATOM_NULL:
	case ATOM_EXISTS:
	case ATOM_FIELDREF:
	case ATOM_TIME:
		break;
	}
	return false;
}

static bool occurs(const struct sigma_matcher *m, field_id id, uint32_t *ret_last)
{
	*ret_last = m->place[id].last;
	return id < m->img->n_field && m->place[id].stamp == m->stamp;
}

/* Every occurrence of a field that counts: the last one, or all elements of an array. Ends with false. */
static bool next_occurrence(const struct sigma_matcher *m, field_id id, uint32_t *at, bool *started)
{
	const struct event *ev = m->ev;
	if (!*started) {
		*started = true;
		return occurs(m, id, at);
	}
	if (!(ev->field[*at].flags & FIELD_F_ELEMENT))
		return false;
	while ((*at)-- > 0)
		if (ev->field[*at].id == id && (ev->field[*at].flags & FIELD_F_ELEMENT))
			return true;
	return false;
}

static bool fieldref_matches(struct sigma_matcher *m, const struct atom *a, struct str mine)
{
	uint32_t at = 0;
	bool started = false;
	while (next_occurrence(m, a->other, &at, &started)) {
		if (m->ev->field[at].val.kind == VAL_NULL)
			continue;
		struct folded *f = value_of(m, at);
		if (text_matches((enum atom_op)a->sub, a->flags & ATOM_F_CASED ? f->text : fold_of(m, f), mine))
			return true;
	}
	return false;
}

static bool value_matches(struct sigma_matcher *m, const struct atom *a, struct val v, struct folded *f)
{
	unsigned char ip[16];
	switch ((enum atom_op)a->op) {
	case ATOM_EQ:
	case ATOM_PREFIX:
	case ATOM_SUFFIX:
	case ATOM_CONTAINS:
	case ATOM_GLOB:
		return v.kind != VAL_NULL && text_matches((enum atom_op)a->op, a->text, a->flags & ATOM_F_CASED ? f->text : fold_of(m, f));
	case ATOM_REGEX:
		return v.kind != VAL_NULL && regex_matches(m, a, f->text);
	case ATOM_NUMBER:
		return number_matches(a, v, f->text);
	case ATOM_CIDR:
		return num_ip(str_trim(f->text), ip, NULL) && num_ip_in(ip, a->net, a->bits);
	case ATOM_NULL:
		return v.kind == VAL_NULL;
	case ATOM_EXISTS:
		return true;
	case ATOM_FIELDREF:
		return v.kind != VAL_NULL && fieldref_matches(m, a, a->flags & ATOM_F_CASED ? f->text : fold_of(m, f));
	case ATOM_TIME:
		return time_matches(a, f->text);
	}
	return false;
}

static bool keyword_matches(struct sigma_matcher *m, const struct atom *a, uint32_t *ret_at)
{
	*ret_at = UINT32_MAX;
	if (keywords_in_raw(m->ev))
		return value_matches(m, a, (struct val){.kind = VAL_STR}, raw_of(m));
	for (uint32_t i = 0; i < m->ev->n_field; i++) {
		if ((m->ev->field[i].flags & FIELD_F_ALIAS) || !value_matches(m, a, m->ev->field[i].val, value_of(m, i)))
			continue;
		*ret_at = i;
		return true;
	}
	return false;
}

/* *ret_at = the occurrence that matched, UINT32_MAX when it is none. */
static bool atom_matches(struct sigma_matcher *m, const struct atom *a, uint32_t *ret_at)
{
	uint32_t at = 0;
	bool started = false, any = false;
	if (a->keyword)
		return keyword_matches(m, a, ret_at);
	*ret_at = UINT32_MAX;
	while (next_occurrence(m, a->field, &at, &started)) {
		any = true;
		if (value_matches(m, a, m->ev->field[at].val, value_of(m, at))) {
			*ret_at = at;
			return true;
		}
	}
	return a->op == ATOM_NULL && !any;
}

/* Every value of the field was asked, so an atom whose gate stayed closed is false. */
static inline bool gate_closed(const struct sigma_matcher *m, uint16_t gate)
{
	return gate && m->gate_stamp[gate] != m->stamp && has_bit(m->route->gates, gate - 1u);
}

static bool atom_holds(struct sigma_matcher *m, uint32_t atom)
{
	if (gate_closed(m, m->img->atom[atom].gate))
		return false;
	if (m->memo[atom] >> 1 == m->stamp)
		return m->memo[atom] & 1;
	m->count.atoms++;
	unsigned limited = m->limited;
	bool holds = atom_matches(m, &m->img->atom[atom], &m->memo_at[atom]);
	/* What ran into the limit of this rule's searches is no answer for another rule. */
	if (m->limited == limited)
		m->memo[atom] = m->stamp << 1 | (uint32_t)holds;
	return holds;
}

/* The rule's condition by its tests. */
static bool rule_holds(struct sigma_matcher *m, uint32_t at)
{
	while (at < TEST_FALSE) {
		const struct test *t = &m->img->test[at];
		at = !gate_closed(m, t->gate) && atom_holds(m, t->atom) ? t->yes : t->no;
	}
	return at == TEST_TRUE;
}

/* A part of the condition, for the explanation. */
static bool leaf_holds(void *arg, uint32_t leaf)
{
	return atom_holds(arg, leaf);
}

/* ---- explanation ------------------------------------------------------------------------------------------------------------------- */

static void explain_atom(struct sigma_matcher *m, uint32_t atom, struct str selection)
{
	const struct atom *a = &m->img->atom[atom];
	struct sigma_reason r = {.selection = selection};
	if (!atom_holds(m, atom))
		return;
	uint32_t at = m->memo_at[atom];
	r.field = at != UINT32_MAX ? m->ev->field[at].name : a->keyword ? STR("") : vocab_field_name(m->img->vocab, a->field);
	r.value = at != UINT32_MAX ? value_of(m, at)->text : a->keyword ? raw_of(m)->text : STR("");
	vec_each(have, &m->reasons) {
		if (str_eq(have->selection, r.selection) && str_eq(have->field, r.field) && str_eq(have->value, r.value))
			return;
	}
	vec_push(&m->reasons, r);
}

/* The true part of the tree: all of an AND, the first true one of an OR, nothing below a NOT. */
static void explain(struct sigma_matcher *m, const struct expr *e, struct str selection)
{
	if (e->selection.n)
		selection = e->selection;
	switch ((enum expr_kind)e->kind) {
	case EXPR_ATOM:
		explain_atom(m, e->atom, selection);
		return;
	case EXPR_AND:
		for (size_t i = 0; i < e->n; i++)
			explain(m, e->kid[i], selection);
		return;
	case EXPR_OR:
		for (size_t i = 0; i < e->n; i++)
			if (expr_holds(e->kid[i], leaf_holds, m)) {
				explain(m, e->kid[i], selection);
				return;
			}
		return;
	case EXPR_NOT:
	case EXPR_TRUE:
	case EXPR_FALSE:
		return;
	}
}

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static void start_event(struct sigma_matcher *m, const struct event *ev)
{
	m->ev = ev;
	if (++m->stamp == UINT32_MAX / 2) {
		/* Stamps begin anew: everything that holds one forgets. */
		m->stamp = 1;
		memset(m->rule_stamp, 0, m->img->n_rule * sizeof(*m->rule_stamp));
		memset(m->memo, 0, m->img->n_atom * sizeof(*m->memo));
		memset(m->gate_stamp, 0, (m->img->n_gate + 1) * sizeof(*m->gate_stamp));
		memset(m->place, 0, m->img->n_field * sizeof(*m->place));
		vec_clear(&m->values);
		m->raw.stamp = 0;
	}
	arena_reset(&m->mem);
	vec_clear(&m->woken);
	while (m->values.n < ev->n_field)
		(void)vec_add(&m->values);
	for (uint32_t i = 0; i < ev->n_field; i++) {
		field_id id = ev->field[i].id;
		if (id && id < m->img->n_field) {
			m->place[id].stamp = m->stamp;
			m->place[id].last = i;
		}
	}
	m->route = route_of(m, ev->lsset);
}

int sigma_match(struct sigma_matcher *m, const struct event *ev, sigma_hit_cb *cb, void *arg)
{
	int hits = 0;
	start_event(m, ev);
	open_gates(m);
	for (size_t i = 0; i < m->route->n_always; i++)
		vec_push(&m->woken, m->route->always[i]);
	if (m->woken.n > 1)
		qsort(m->woken.at, m->woken.n, sizeof(*m->woken.at), by_number);
	m->count.events++;
	m->count.evaluated += m->woken.n;
	for (size_t i = 0; i < m->woken.n; i++) {
		uint32_t rule = m->woken.at[i];
		if (m->aside[rule] == m->window + 1) {
			m->rule_count[rule].set_aside++;
			continue;
		}
		m->rule_count[rule].evaluated++;
		m->limited = 0;
		bool holds_now = rule_holds(m, m->img->code[rule].start);
		if (m->limited) {
			m->rule_count[rule].limited++;
			m->aside[rule] = m->window + 1;
		}
		if (!holds_now)
			continue;
		vec_clear(&m->reasons);
		explain(m, m->img->code[rule].expr, STR(""));
		struct sigma_hit hit = {&m->img->rule[rule], m->reasons.at, m->reasons.n};
		int r = cb(arg, &hit);
		if (r < 0)
			return r;
		m->rule_count[rule].hits++;
		hits++;
	}
	m->count.hits += (unsigned)hits;
	return hits;
}

void sigma_matcher_window(struct sigma_matcher *m, uint64_t window)
{
	m->window = window;
}

const struct sigma_rule_counts *sigma_matcher_rule_counts(const struct sigma_matcher *m)
{
	return m->rule_count;
}

void sigma_matcher_counts(const struct sigma_matcher *m, struct sigma_counts *ret)
{
	*ret = m->count;
}
