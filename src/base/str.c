/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "base/must.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <sys/random.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

struct str str_c(const char *cstr)
{
	return (struct str){cstr, cstr ? strlen(cstr) : 0};
}

bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static bool same_ignoring_case(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ch_lower((unsigned char)a[i]) != ch_lower((unsigned char)b[i]))
			return false;
	return true;
}

bool str_ieq(struct str a, struct str b)
{
	return a.n == b.n && same_ignoring_case(a.p, b.p, a.n);
}

int str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;
	return c ? c : (a.n > b.n) - (a.n < b.n);
}

bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_eq(str_n(s.p, prefix.n), prefix);
}

bool str_istarts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && same_ignoring_case(s.p, prefix.p, prefix.n);
}

bool str_ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n && str_eq(str_sub(s, s.n - suffix.n, s.n), suffix);
}

bool str_iends(struct str s, struct str suffix)
{
	return s.n >= suffix.n && str_ieq(str_sub(s, s.n - suffix.n, s.n), suffix);
}

size_t str_chr(struct str s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;
	return at ? (size_t)(at - s.p) : STR_NPOS;
}

size_t str_rchr(struct str s, char c)
{
	const char *at = s.n ? memrchr(s.p, c, s.n) : NULL;
	return at ? (size_t)(at - s.p) : STR_NPOS;
}

#if defined(__SSE2__)
/* Where the greatest suffix of the needle begins, in the order of bytes or against it, and its period. */
static size_t greatest_suffix(struct str needle, bool against, size_t *ret_period)
{
	size_t best = 0, at = 1, same = 0, period = 1;
	while (at + same < needle.n) {
		unsigned char a = (unsigned char)needle.p[best + same], b = (unsigned char)needle.p[at + same];
		if (a == b) {
			if (++same == period) {
				at += period;
				same = 0;
			}
		} else if (against ? a < b : a > b) {
			at += same + 1;
			same = 0;
			period = at - best;
		} else {
			best = at++;
			same = 0;
			period = 1;
		}
	}
	*ret_period = period;
	return best;
}

/* Two-way string matching (Crochemore and Perrin, 1991): a few steps a byte, whatever the texts. */
static size_t find_two_way(struct str s, struct str needle)
{
	size_t period, other, middle = greatest_suffix(needle, false, &period), against = greatest_suffix(needle, true, &other);
	if (against > middle) {
		middle = against;
		period = other;
	}
	/* How much of the needle's beginning is known to stand after a shift by its period. */
	size_t kept = needle.n - period, known = 0;
	if (middle > kept || memcmp(needle.p, needle.p + period, middle) != 0) {
		kept = 0;
		period = (middle > needle.n - middle ? middle : needle.n - middle) + 1;
	}
	for (size_t at = 0; at + needle.n <= s.n;) {
		size_t k = middle > known ? middle : known;
		while (k < needle.n && needle.p[k] == s.p[at + k])
			k++;
		if (k < needle.n) {
			at += k - middle + 1;
			known = 0;
			continue;
		}
		for (k = middle; k > known && needle.p[k - 1] == s.p[at + k - 1];)
			k--;
		if (k <= known)
			return at;
		at += period;
		known = kept;
	}
	return STR_NPOS;
}

/* After so many vain comparisons other bytes are looked for; after as many again, and one more for so many bytes, the text counts as made for them. */
#define VAIN 4
#define VAIN_BYTES 64

static inline __m128i sixteen(const char *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* Where in the needle the byte stands that it has least of. */
static size_t rarest_place(struct str needle)
{
	size_t count[256] = {0}, rarest = 0;
	for (size_t i = 0; i < needle.n; i++)
		count[(unsigned char)needle.p[i]]++;
	for (size_t i = 1; i < needle.n; i++)
		if (count[(unsigned char)needle.p[i]] < count[(unsigned char)needle.p[rarest]])
			rarest = i;
	return rarest;
}

/* Two bytes of the needle and where in it they stand. */
struct two {
	size_t place[2];
	__m128i byte[2];
};

static inline void choose(struct two *two, unsigned i, struct str needle, size_t place)
{
	two->place[i] = place;
	two->byte[i] = _mm_set1_epi8(needle.p[place]);
}

static inline unsigned places_with(const struct two *two, const char *p)
{
	return (unsigned)_mm_movemask_epi8(_mm_and_si128(_mm_cmpeq_epi8(sixteen(p + two->place[0]), two->byte[0]), _mm_cmpeq_epi8(sixteen(p + two->place[1]), two->byte[1])));
}

/* The needle does not stand at found: what will be compared next time? */
static __attribute__((noinline)) struct two choose_better(struct two two, const char *found, struct str needle, size_t vain)
{
	size_t differ = 0;
	if (vain == VAIN)
		choose(&two, 0, needle, rarest_place(needle));
	while (needle.p[differ] == found[differ])
		differ++;
	choose(&two, 1, needle, differ);
	return two;
}

/*
 * Compares only where two bytes of the needle stand as they should: 16 places at a step, the last step over the end of the one before. They are its first and last; after some vain
 * comparisons its rarest and the one where the last comparison failed.
 */
static size_t find_by_two(struct str s, struct str needle)
{
	size_t places = s.n - needle.n + 1, vain = 0;
	struct two two;
	choose(&two, 0, needle, 0);
	choose(&two, 1, needle, needle.n - 1);
	for (size_t i = 0; i < places; i += 16) {
		size_t from = i + 16 <= places ? i : places - 16;
		for (unsigned at = places_with(&two, s.p + from); at; at &= at - 1) {
			size_t found = from + (size_t)__builtin_ctz(at);
			if (memcmp(s.p + found, needle.p, needle.n) == 0)
				return found;
			if (++vain < VAIN)
				continue;
			if (vain == 2 * VAIN + s.n / VAIN_BYTES) {
				size_t later = find_two_way(str_sub(s, found + 1, s.n), needle);
				return later == STR_NPOS ? later : found + 1 + later;
			}
			two = choose_better(two, s.p + found, needle, vain);
			at &= places_with(&two, s.p + from) | (at & -at);
		}
	}
	return STR_NPOS;
}
#endif

size_t str_find(struct str s, struct str needle)
{
	if (!needle.n)
		return 0;
	if (needle.n > s.n)
		return STR_NPOS;
#if defined(__SSE2__)
	if (s.n - needle.n + 1 >= 16)
		return find_by_two(s, needle);
#endif
	const char *at = memmem(s.p, s.n, needle.p, needle.n);
	return at ? (size_t)(at - s.p) : STR_NPOS;
}

size_t str_ifind(struct str s, struct str needle)
{
	for (size_t i = 0; i + needle.n <= s.n; i++)
		if (same_ignoring_case(s.p + i, needle.p, needle.n))
			return i;
	return STR_NPOS;
}

struct str str_sub(struct str s, size_t from, size_t to)
{
	if (to > s.n)
		to = s.n;
	if (from > to)
		from = to;
	return s.p ? str_n(s.p + from, to - from) : s;
}

struct str str_trim_slow_(struct str s)
{
	while (s.n && ch_is_space((unsigned char)s.p[0]))
		s.p++, s.n--;
	while (s.n && ch_is_space((unsigned char)s.p[s.n - 1]))
		s.n--;
	return s;
}

bool str_cut(struct str *rest, char sep, struct str *ret_piece)
{
	if (!rest->p)
		return false;
	size_t at = str_chr(*rest, sep);
	if (at == STR_NPOS) {
		*ret_piece = *rest;
		*rest = STR_NONE;
		return true;
	}
	*ret_piece = str_n(rest->p, at);
	*rest = str_n(rest->p + at + 1, rest->n - at - 1);
	return true;
}

bool str_line(struct str *rest, struct str *ret_line)
{
	if (!rest->n)
		return false;
	size_t at = str_chr(*rest, '\n');
	size_t n = at == STR_NPOS ? rest->n : at;
	struct str line = str_n(rest->p, n);
	*rest = at == STR_NPOS ? str_n(rest->p + rest->n, 0) : str_n(rest->p + at + 1, rest->n - at - 1);
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	*ret_line = line;
	return true;
}

bool str_word(struct str *rest, struct str *ret_word)
{
	struct str s = *rest;
	while (s.n && ch_is_space((unsigned char)s.p[0]))
		s.p++, s.n--;
	size_t n = 0;
	while (n < s.n && !ch_is_space((unsigned char)s.p[n]))
		n++;
	if (!n)
		return false;
	*ret_word = str_n(s.p, n);
	*rest = str_n(s.p + n, s.n - n);
	return true;
}

bool str_take(struct str *rest, struct str literal)
{
	if (!str_starts(*rest, literal))
		return false;
	*rest = str_n(rest->p + literal.n, rest->n - literal.n);
	return true;
}

int ch_hex(unsigned char c)
{
	if (ch_is_digit(c))
		return c - '0';
	c = ch_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static uint64_t hash_seed;

__attribute__((constructor)) static void seed_init(void)
{
	if (getrandom(&hash_seed, sizeof(hash_seed), 0) != (ssize_t)sizeof(hash_seed))
		hash_seed = (uint64_t)(uintptr_t)&hash_seed;
}

uint64_t str_hash(struct str s)
{
	return XXH3_64bits_withSeed(s.p, s.n, hash_seed);
}

uint64_t str_hash_stable(struct str s)
{
	return XXH3_64bits(s.p, s.n);
}

char *str_dup_c(struct str s)
{
	char *p = must_malloc(s.n + 1);
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = 0;
	return p;
}

#define DISTANCE_MAX 64

unsigned str_distance(struct str a, struct str b, unsigned max)
{
	unsigned row[DISTANCE_MAX + 1];
	if (a.n > DISTANCE_MAX || b.n > DISTANCE_MAX)
		return max + 1;
	for (unsigned j = 0; j <= b.n; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned diagonal = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			unsigned above = row[j];
			unsigned cost = a.p[i - 1] != b.p[j - 1];
			unsigned best = diagonal + cost;
			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
			diagonal = above;
		}
	}
	return row[b.n] > max ? max + 1 : row[b.n];
}
