/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/matcher.h"
#include "sigma/regex.h"

#include "base/num.h"
#include "base/utf8.h"

#include <errno.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

static inline bool given_up(const struct sigma_matcher *m, const struct atom *a)
{
	return a->op == ATOM_REGEX && m->aside[a - m->img->atom] == m->window + 1;
}

static bool regex_matches(struct sigma_matcher *m, const struct atom *a, struct str text)
{
	bool left_out = given_up(m, a);
	int r = left_out ? -EAGAIN : regex_search(a->re, text, m->re_data, m->re_ctx, &m->budget);
	if (r >= 0)
		return r;
	m->aside[a - m->img->atom] = m->window + 1;
	m->limited = m->limited || !left_out;
	m->left_out = m->left_out || left_out;
	m->unanswered = true;
	return m->unknown;
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

/* Every occurrence of a field that counts: the last one, or all elements of an array. Ends with false. */
static bool next_occurrence(const struct sigma_matcher *m, field_id id, uint32_t *at, bool *started)
{
	const struct event *ev = m->ev;
	if (!*started) {
		*started = true;
		*at = m->place[id].last;
		return m->place[id].stamp == m->stamp;
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
		struct value *f = value_of(m, at);
		if (text_matches((enum atom_op)a->sub, a->flags & ATOM_F_CASED ? f->text : fold_of(m, f), mine))
			return true;
	}
	return false;
}

bool atom_fits(struct sigma_matcher *m, const struct atom *a, struct val v, struct value *f)
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
		return atom_fits(m, a, (struct val){.kind = VAL_STR}, raw_of(m));
	for (uint32_t i = 0; i < m->ev->n_field; i++) {
		if ((m->ev->field[i].flags & FIELD_F_ALIAS) || !atom_fits(m, a, m->ev->field[i].val, value_of(m, i)))
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
		if (atom_fits(m, a, m->ev->field[at].val, value_of(m, at))) {
			*ret_at = at;
			return true;
		}
	}
	return a->op == ATOM_NULL && !any;
}

/* ---- answers that are remembered ------------------------------------------------------------------------------------------------------- */

/* The value, which is one of text, surely has fewer characters than any match: as it lies in the input it has no fewer bytes than the text. */
static inline bool is_too_short(const struct atom *a, struct val v)
{
	return a->op == ATOM_REGEX && v.n < a->re->shortest;
}

static inline bool is_text(uint8_t kind)
{
	return kind == VAL_STR || kind == VAL_JSTR || kind == VAL_U16;
}

/* The one value of a field, when there is one, of text, and not as an array. */
static inline bool one_text(const struct sigma_matcher *m, field_id field, uint32_t *ret_at)
{
	const struct place *p = &m->place[field];
	const struct field *f = &m->ev->field[p->last];
	*ret_at = p->last;
	return p->stamp == m->stamp && !p->many && !(f->flags & FIELD_F_ELEMENT) && is_text(f->val.kind);
}

/* The answer's place in the line; CACHE_ROOM = it is not there. */
static inline unsigned answer_at(const struct cache_line *line, uint16_t answer)
{
	unsigned from = line->n - 1u, to = from + line->answers;
#if defined(__SSE2__)
	/* All 22 places at once, the last eight from where they overlap; yes and no are alike under | 1. */
	const __m128i one = _mm_set1_epi16(1), want = _mm_set1_epi16((short)(answer << 1 | 1));
	const char *slot = (const char *)line->slot;
	__m128i first = _mm_cmpeq_epi16(_mm_or_si128(_mm_loadu_si128((const __m128i *)(const void *)slot), one), want);
	__m128i next = _mm_cmpeq_epi16(_mm_or_si128(_mm_loadu_si128((const __m128i *)(const void *)(slot + 16)), one), want);
	__m128i last = _mm_cmpeq_epi16(_mm_or_si128(_mm_loadu_si128((const __m128i *)(const void *)(slot + 2 * (CACHE_ROOM - 8))), one), want);
	uint32_t equal = (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(first, next)) | ((uint32_t)_mm_movemask_epi8(_mm_packs_epi16(last, last)) & 0xff) << (CACHE_ROOM - 8);
	equal &= (UINT32_C(1) << to) - (UINT32_C(1) << from);
	return equal ? (unsigned)__builtin_ctz(equal) : CACHE_ROOM;
#else
	for (unsigned i = from; i < to; i++)
		if (line->slot[i] >> 1 == answer)
			return i;
	return CACHE_ROOM;
#endif
}

static inline void keep_answer(struct cache_line *line, uint16_t answer, bool holds)
{
	unsigned at = line->n - 1u + line->answers;
	if (at == CACHE_ROOM)
		return;
	line->slot[at] = (uint16_t)(answer << 1 | holds);
	line->answers++;
}

#define SEARCHES_FEW 2

/* False when the text surely lacks what the atom of this answer looks for. A text that is asked again and again gets its pairs. */
static inline bool may_hold(struct sigma_matcher *m, struct value *v, uint16_t answer)
{
	const struct pairs_need *need = &m->img->need[answer];
	if (need->pair[0] == PAIRS_NONE)
		return true;
	if (v->search_stamp != m->stamp) {
		v->search_stamp = m->stamp;
		v->searches = 0;
		v->pairs = NULL;
	}
	if (!v->pairs) {
		if (++v->searches <= SEARCHES_FEW || fold_of(m, v).n > PAIRS_TEXT_MAX)
			return true;
		struct pairs *p = arena_alloc(&m->mem, sizeof(*p));
		pairs_note(p, v->fold);
		v->pairs = p;
	}
	return pairs_may_hold(v->pairs, need);
}

/* The line of the field's one text: found once, and again when another value took a line meanwhile. NULL when it has none. */
static __attribute__((noinline)) struct cache_line *place_line(struct sigma_matcher *m, struct place *p, field_id field)
{
	uint32_t at;
	struct cache_line *line = one_text(m, field, &at) ? line_of(m, at) : NULL;
	p->line = line;
	p->line_clock = m->line_clock;
	return line;
}

static bool text_fits(struct sigma_matcher *m, struct value *v, const struct test *t)
{
	const struct atom *a = &m->img->atom[t->atom];
	m->count.atoms++;
	return may_hold(m, v, t->answer) && text_matches((enum atom_op)a->op, a->text, a->flags & ATOM_F_CASED ? v->text : fold_of(m, v));
}

/* The value is asked, and its answer remembered in its line, when it has one. */
static __attribute__((noinline)) bool ask_text(struct sigma_matcher *m, const struct test *t, uint32_t at, struct cache_line *line)
{
	struct value *v = value_of(m, at);
	bool holds = !t->run && text_fits(m, v, t);
	for (unsigned i = 1; i <= t->run && !holds; i++)
		holds = text_fits(m, v, t + i);
	if (line)
		keep_answer(line, t->answer, holds);
	return holds;
}

static inline bool line_holds(struct sigma_matcher *m, const struct test *t, uint32_t at, struct cache_line *line)
{
	unsigned known = line ? answer_at(line, t->answer) : CACHE_ROOM;
	return known < CACHE_ROOM ? line->slot[known] & 1 : ask_text(m, t, at, line);
}

/* What can be remembered with no one value: the last one of a field that occurs more than once, or no text. */
static bool atoms_hold(struct sigma_matcher *m, const struct test *t)
{
	bool holds = !t->run && atom_holds(m, t->atom);
	for (unsigned i = 1; i <= t->run && !holds; i++)
		holds = atom_holds(m, t[i].atom);
	return holds;
}

/* Of an array one element is enough. */
static bool element_holds(struct sigma_matcher *m, const struct test *t)
{
	uint32_t at = 0;
	bool started = false;
	while (next_occurrence(m, t->field, &at, &started)) {
		uint8_t kind = m->ev->field[at].val.kind;
		if (kind != VAL_NULL && line_holds(m, t, at, is_text(kind) ? line_of(m, at) : NULL))
			return true;
	}
	return false;
}

bool text_holds(struct sigma_matcher *m, const struct test *t)
{
	struct place *p = &m->place[t->field];
	if (p->stamp != m->stamp)
		return false; /* nothing is in no text */
	struct cache_line *line = p->line_clock == m->line_clock ? p->line : place_line(m, p, t->field);
	if (line)
		return line_holds(m, t, p->last, line);
	return m->ev->field[p->last].flags & FIELD_F_ELEMENT ? element_holds(m, t) : atoms_hold(m, t);
}

/* *ret_at = the field that made it hold, UINT32_MAX when it is none. */
static bool ask_atom(struct sigma_matcher *m, uint32_t atom, uint32_t *ret_at)
{
	const struct atom *a = &m->img->atom[atom];
	m->count.atoms++;
	if (given_up(m, a)) {
		*ret_at = UINT32_MAX;
		m->left_out = m->unanswered = true;
		return m->unknown;
	}
	if (!a->answer || !one_text(m, a->field, ret_at))
		return atom_matches(m, a, ret_at);
	if (is_too_short(a, m->ev->field[*ret_at].val))
		return false;
	struct cache_line *line = line_of(m, *ret_at);
	unsigned known = line ? answer_at(line, a->answer) : CACHE_ROOM;
	if (known < CACHE_ROOM)
		return line->slot[known] & 1;
	uint32_t budget = m->budget;
	bool holds = atom_fits(m, a, m->ev->field[*ret_at].val, value_of(m, *ret_at));
	/* What had to be paid for is paid for each time: what a rule does in a block may not depend on those before it. */
	if (line && m->budget == budget && !m->unanswered)
		keep_answer(line, a->answer, holds);
	return holds;
}

/* The open gate answers for this atom, and by the one value that the event has. */
static bool gate_is_sure(const struct sigma_matcher *m, const struct gate_info *g, uint32_t atom, uint32_t *ret_at)
{
	const struct place *p = &m->place[g->field];
	*ret_at = p->last;
	return g->exact == atom && !p->many && !(m->ev->field[p->last].flags & FIELD_F_ELEMENT);
}

bool atom_holds(struct sigma_matcher *m, uint32_t atom)
{
	uint16_t gate = m->img->atom[atom].gate;
	const struct gate_info *g = gate ? &m->img->gate[gate - 1] : NULL;
	uint32_t *at = &m->memo_at[atom];
	if (m->memo[atom] >> 1 == m->stamp)
		return m->memo[atom] & 1;
	if (g && gate_closed(m, gate, g->field))
		return false;
	bool unanswered = m->unanswered;
	m->unanswered = false;
	bool holds = (g && gate_is_sure(m, g, atom, at)) || ask_atom(m, atom, at);
	/* What has no answer for this rule may have one for another. */
	if (!m->unanswered)
		m->memo[atom] = m->stamp << 1 | (uint32_t)holds;
	m->unanswered = m->unanswered || unanswered;
	return holds;
}
