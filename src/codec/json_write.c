/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json.h"

#include "base/utf8.h"
#include "base/word.h"

#include <endian.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/*
 * Strings are copied a step at a time up to the first byte that has to be looked at: what JSON escapes, and what is not ASCII. A step is stored
 * before it is known how much of it counts: there is room, since each byte that is still to come is written as one byte or more.
 */
/* Bits of the bytes of a step that stop. */
struct stops {
	unsigned all, mark, slash; /* quotes and backslashes are marks */
};

#if defined(__SSE2__)
#define STEP 16u

static inline __m128i marks(__m128i v)
{
	return _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
}

/* Bits of the bytes that do not stop. Signed: those from 0x80 on are below the blank, too. */
static inline unsigned plain(__m128i v)
{
	return (unsigned)_mm_movemask_epi8(_mm_andnot_si128(marks(v), _mm_cmpgt_epi8(v, _mm_set1_epi8(' ' - 1))));
}

static inline struct stops copy_stops(char *out, const char *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p), slash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
	_mm_storeu_si128((__m128i *)(void *)out, v);
	return (struct stops){plain(v) ^ 0xffff, (unsigned)_mm_movemask_epi8(marks(v)), (unsigned)_mm_movemask_epi8(slash)};
}

/* The index of the first byte of a little-endian word that stops, 8 when none does: zeros do, and stand behind it. */
static inline size_t word_stop(uint64_t w)
{
	return (size_t)__builtin_ctz(~plain(_mm_cvtsi64_si128((int64_t)w)));
}

static inline size_t copy_step(char *out, const char *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	_mm_storeu_si128((__m128i *)(void *)out, v);
	return (size_t)__builtin_ctz(~plain(v));
}
#else
#define STEP 8u

static inline struct stops copy_stops(char *out, const char *p)
{
	struct stops s = {0};
	memcpy(out, p, STEP);
	for (unsigned i = 0; i < STEP; i++) {
		s.slash |= (unsigned)(p[i] == '\\') << i;
		s.mark |= (unsigned)(p[i] == '\\' || p[i] == '"') << i;
		s.all |= (unsigned)((unsigned char)p[i] < 0x20 || (unsigned char)p[i] >= 0x80) << i;
	}
	s.all |= s.mark;
	return s;
}

/* The high bits mark what stops, exact up to the first one. */
static inline size_t word_stop(uint64_t w)
{
	uint64_t quote = w ^ word_fill('"'), slash = w ^ word_fill('\\');
	uint64_t found = (w | (w - word_fill(0x20)) | (quote - word_fill(1)) | (slash - word_fill(1))) & word_fill(0x80);
	return found ? (size_t)__builtin_ctzll(found) / 8 : 8;
}

static inline size_t copy_step(char *out, const char *p)
{
	uint64_t w;
	memcpy(&w, p, 8);
	memcpy(out, &w, 8);
	return word_stop(le64toh(w));
}
#endif

/* Fewer than a step: two words that overlap, or what there is put together to one. */
static inline size_t copy_tail(char *out, const char *p, size_t n)
{
	uint64_t w;
	uint32_t a, b;
	size_t at;
	if (n >= 8) {
		memcpy(&w, p, 8);
		memcpy(out, &w, 8);
		if ((at = word_stop(le64toh(w))) < 8)
			return at;
		memcpy(&w, p + n - 8, 8);
		memcpy(out + n - 8, &w, 8);
		return n - 8 + word_stop(le64toh(w));
	}
	if (n >= 4) {
		memcpy(&a, p, 4);
		memcpy(&b, p + n - 4, 4);
		memcpy(out, &a, 4);
		memcpy(out + n - 4, &b, 4);
		w = le32toh(a) | (uint64_t)le32toh(b) << 8 * (n - 4);
	} else {
		w = 0;
		for (size_t i = 0; i < n; i++) {
			out[i] = p[i];
			w |= (uint64_t)(unsigned char)p[i] << 8 * i;
		}
	}
	at = word_stop(w);
	return at < n ? at : n;
}

/* Returns how many of n bytes were copied: all, or those before the first that stops. */
static inline size_t copy_plain(char *out, const char *p, size_t n)
{
	size_t i = 0;
	for (size_t step; n - i >= STEP; i += STEP)
		if ((step = copy_step(out + i, p + i)) < STEP)
			return i + step;
	return i + copy_tail(out + i, p + i, n - i);
}

#define RUN 64

/* Bytes of whole characters at the front that are not ASCII, some of them; 0 when there is none. Apart: few strings have any. */
static __attribute__((noinline)) size_t wide_run(const char *p, const char *end)
{
	size_t n = 0;
	while (n < RUN && p + n < end && (unsigned char)p[n] >= 0x80)
		n++;
	return utf8_valid_prefix(str_n(p, n));
}

/* What stands behind the backslash; 0 = nothing stands for it but its number. */
static const char ESCAPE_LETTER[128] = {['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't', ['"'] = '"', ['\\'] = '\\'};

static inline char *put_escape(char *out, unsigned char c)
{
	static const char digit[] = "0123456789abcdef";
	out[0] = '\\';
	out[1] = ESCAPE_LETTER[c];
	if (out[1])
		return out + 2;
	memcpy(out + 1, "u00", 3);
	out[4] = digit[c >> 4];
	out[5] = digit[c & 15];
	return out + 6;
}

#define ESCAPED_MAX(n) ((n) * 6) /* \u001f */

/* Returns the end of what was written. */
static inline char *escape(char *out, const char *p, const char *end)
{
	for (;;) {
		size_t n = copy_plain(out, p, (size_t)(end - p));
		out += n;
		p += n;
		if (p == end)
			return out;
		if ((unsigned char)*p < 0x80) {
			out = put_escape(out, (unsigned char)*p++);
		} else if ((n = wide_run(p, end))) {
			memcpy(out, p, n);
			out += n;
			p += n;
		} else {
			memcpy(out, "\xEF\xBF\xBD", 3);
			out += 3;
			p++;
		}
	}
}

#define PIECE 256

/* Beside the buffer, so that the worst case never counts against its cap. */
static void add_in_pieces(struct buf *out, struct str s)
{
	char text[ESCAPED_MAX(PIECE)];
	buf_addc(out, '"');
	while (s.n) {
		size_t n = s.n < PIECE ? s.n : PIECE;
		/* A character is not torn apart. */
		for (size_t back = 1; n == PIECE && back < 4; back++)
			if (((unsigned char)s.p[PIECE - back] & 0xC0) == 0xC0)
				n -= back;
		buf_add(out, str_n(text, (size_t)(escape(text, s.p, s.p + n) - text)));
		s = str_n(s.p + n, s.n - n);
	}
	buf_addc(out, '"');
}

int json_add_string(struct buf *out, struct str s)
{
	size_t room = out->cap - out->n < out->max - out->n ? out->cap - out->n : out->max - out->n;
	if (s.n >= room / 8 || out->err) {
		add_in_pieces(out, s);
		return out->err;
	}
	char *at = out->p + out->n, *end;
	*at = '"';
	end = escape(at + 1, s.p, s.p + s.n);
	*end++ = '"';
	buf_commit(out, (size_t)(end - at));
	return 0;
}

/* Where a text goes on behind a step and its stops, what of them is behind the step copied, too; 0 when the writer would write one otherwise. */
static __attribute__((noinline)) size_t pass_stops(char *out, struct str s, size_t from, unsigned found)
{
	static const bool letter[256] = {['b'] = true, ['f'] = true, ['n'] = true, ['r'] = true, ['t'] = true, ['"'] = true, ['\\'] = true};
	while (found) {
		size_t at = from + (size_t)__builtin_ctz(found), n = 2;
		if (s.p[at] != '\\')
			n = (unsigned char)s.p[at] < 0x80 ? 0 : wide_run(s.p + at, s.p + s.n);
		else if (at + 1 == s.n || !letter[(unsigned char)s.p[at + 1]])
			n = 0;
		if (!n)
			return 0;
		if (at + n >= from + STEP) {
			memcpy(out + at, s.p + at, n);
			return at + n;
		}
		found &= ~0u << (at + n - from);
	}
	return from + STEP;
}

/* One step, whose first bytes were seen before; answers as pass_stops. */
static inline size_t pass_step(char *out, struct str s, size_t from, size_t seen)
{
	struct stops stop = copy_stops(out + from, s.p + from);
	unsigned all = stop.all & ~0u << seen, mark = stop.mark & ~0u << seen, first = mark & ~(mark << 1);
	/* Most that stop are quotes and backslashes, each behind a backslash and with others between them: that needs no look at each. */
	if (all == mark && mark == (first | first << 1) && !(first & ~stop.slash))
		return from + STEP;
	return pass_stops(out, s, from, all);
}

/* Of a step or more; false at what the writer would write otherwise. */
static inline bool copy_as_written(char *out, struct str s)
{
	size_t i = 0, last = s.n - STEP;
	while (i <= last)
		if (!(i = pass_step(out, s, i, 0)))
			return false;
	while (i < s.n)
		if (!(i = pass_step(out, s, last, i - last)))
			return false;
	return true;
}

bool json_add_string_as_written(struct buf *out, struct str inside)
{
	char *at = buf_reserve(out, inside.n + 2), small[STEP];
	bool same;
	if (!at)
		return true; /* whatever it is, it does not fit */
	if (inside.n < STEP) {
		memset(small, ' ', STEP);
		memcpy(small, inside.n ? inside.p : "", inside.n);
		same = copy_as_written(small, str_n(small, STEP));
		memcpy(at + 1, small, inside.n);
	} else {
		same = copy_as_written(at + 1, inside);
	}
	at[0] = same ? '"' : 0;
	if (same) {
		at[inside.n + 1] = '"';
		buf_commit(out, inside.n + 2);
	}
	return same;
}

int json_add_key(struct buf *out, struct str name)
{
	if (out->n && out->p[out->n - 1] != '{' && out->p[out->n - 1] != '[')
		buf_addc(out, ',');
	json_add_string(out, name);
	return buf_addc(out, ':');
}
