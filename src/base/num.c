/* SPDX-License-Identifier: Apache-2.0 */
#include "base/num.h"
#include "base/must.h"
#include "base/tstamp.h"
#include "base/word.h"

#include <locale.h>
#include <math.h>

bool num_take_u64(struct str *rest, unsigned max_digits, uint64_t *ret)
{
	uint64_t v = 0;
	size_t n = 0, most = rest->n < max_digits ? rest->n : max_digits;
	for (unsigned digit; n < most && (digit = (unsigned char)rest->p[n] - (unsigned)'0') <= 9; n++) {
		if (n >= 19 && v > (UINT64_MAX - digit) / 10) /* 19 figures always fit */
			return false;
		v = v * 10 + digit;
	}
	if (!n)
		return false;
	*rest = str_n(rest->p + n, rest->n - n);
	*ret = v;
	return true;
}

/* Up to eight bytes as a word, the last one highest, zeros below the first. */
static inline uint64_t word_of(struct str s)
{
	uint32_t a, b;
	uint64_t w = 0;
	if (s.n >= 4) {
		memcpy(&a, s.p, 4);
		memcpy(&b, s.p + s.n - 4, 4);
		w = (uint64_t)le32toh(a) << 8 * (8 - s.n) | (uint64_t)le32toh(b) << 32;
	} else {
		for (size_t i = 0; i < s.n; i++)
			w = w >> 8 | (uint64_t)(unsigned char)s.p[i] << 56;
	}
	return w;
}

/* Most numbers are short. */
static inline bool short_number(struct str s, uint64_t *ret)
{
	const uint64_t figures = word_fill('0'), over = word_fill(0x80 - 10), high = word_fill(0x80);
	uint64_t w = word_of(s) ^ figures << 8 * (8 - s.n);
	if (((w + over) | w) & high)
		return false;
	*ret = num_eight(w);
	return true;
}

bool num_u64(struct str s, uint64_t *ret)
{
	uint64_t v;
	if (s.n - 1 < 8)
		return short_number(s, ret);
	if (!num_take_u64(&s, 20, &v) || s.n)
		return false;
	*ret = v;
	return true;
}

bool num_i64(struct str s, int64_t *ret)
{
	uint64_t v;
	bool minus = str_take(&s, STR("-"));
	if (!minus)
		str_take(&s, STR("+"));
	if (!num_u64(s, &v) || v > (uint64_t)INT64_MAX + minus)
		return false;
	*ret = minus ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

bool num_u32(struct str s, uint32_t *ret)
{
	uint64_t v;
	if (!num_u64(s, &v) || v > UINT32_MAX)
		return false;
	*ret = (uint32_t)v;
	return true;
}

bool num_range(struct str s, int64_t min, int64_t max, int64_t *ret)
{
	int64_t v;
	if (!num_i64(s, &v) || v < min || v > max)
		return false;
	*ret = v;
	return true;
}

bool num_hex64(struct str s, uint64_t *ret)
{
	uint64_t v = 0;
	if (!str_take(&s, STR("0x")))
		str_take(&s, STR("0X"));
	while (s.n > 1 && s.p[0] == '0')
		s = str_sub(s, 1, s.n);
	if (!s.n || s.n > 16)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		int digit = ch_hex((unsigned char)s.p[i]);
		if (digit < 0)
			return false;
		v = v << 4 | (unsigned)digit;
	}
	*ret = v;
	return true;
}

static bool digits(struct str *s)
{
	size_t n = 0;
	while (n < s->n && ch_is_digit((unsigned char)s->p[n]))
		n++;
	*s = str_sub(*s, n, s->n);
	return n > 0;
}

/* [+-]digits[.digits][e[+-]digits] */
static bool is_decimal(struct str s)
{
	if (!str_take(&s, STR("-")))
		str_take(&s, STR("+"));
	if (!digits(&s))
		return false;
	if (str_take(&s, STR(".")) && !digits(&s))
		return false;
	if (str_take(&s, STR("e")) || str_take(&s, STR("E"))) {
		if (!str_take(&s, STR("-")))
			str_take(&s, STR("+"));
		if (!digits(&s))
			return false;
	}
	return s.n == 0;
}

static locale_t c_locale(void)
{
	static locale_t loc;
	locale_t have = __atomic_load_n(&loc, __ATOMIC_ACQUIRE);
	if (have)
		return have;
	locale_t fresh = newlocale(LC_ALL_MASK, "C", (locale_t)0), none = NULL;
	must(fresh != (locale_t)0);
	if (!__atomic_compare_exchange_n(&loc, &none, fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		freelocale(fresh);
		return none;
	}
	return fresh;
}

#define DOUBLE_TEXT_MAX 400

bool num_double(struct str s, double *ret)
{
	char text[DOUBLE_TEXT_MAX + 1];
	if (!is_decimal(s) || s.n > DOUBLE_TEXT_MAX)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	double v = strtod_l(text, NULL, c_locale());
	if (!isfinite(v))
		return false;
	*ret = v;
	return true;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static bool with_unit(struct str s, const struct unit *unit, size_t n, uint64_t *ret)
{
	uint64_t v;
	if (!num_take_u64(&s, 19, &v))
		return false;
	for (size_t i = 0; i < n; i++)
		if (str_eq(s, str_c(unit[i].name)) && !__builtin_mul_overflow(v, unit[i].factor, &v)) {
			*ret = v;
			return true;
		}
	return false;
}

bool num_duration(struct str s, int64_t *ret_ns)
{
	static const struct unit units[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}, {"m", 60000000000},
		{"h", 3600000000000}, {"d", 86400000000000}, {"w", 604800000000000}};
	uint64_t v;
	if (!with_unit(s, units, LEN(units), &v) || v > INT64_MAX)
		return false;
	*ret_ns = (int64_t)v;
	return true;
}

bool num_size(struct str s, uint64_t *ret_bytes)
{
	static const struct unit units[] = {{"", 1}, {"B", 1}, {"k", 1000}, {"kB", 1000}, {"KB", 1000}, {"M", 1000000}, {"MB", 1000000},
		{"G", 1000000000}, {"GB", 1000000000}, {"T", 1000000000000}, {"TB", 1000000000000}, {"Ki", 1ull << 10}, {"KiB", 1ull << 10},
		{"Mi", 1ull << 20}, {"MiB", 1ull << 20}, {"Gi", 1ull << 30}, {"GiB", 1ull << 30}, {"Ti", 1ull << 40}, {"TiB", 1ull << 40}};
	return with_unit(s, units, LEN(units), ret_bytes);
}

const char num_pairs[] = "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
			 "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

static inline size_t digits_of(uint64_t v)
{
	size_t n = 1;
	for (; v >= 10000; v /= 10000)
		n += 4;
	return n + (v >= 10) + (v >= 100) + (v >= 1000);
}

size_t num_format_u64(char *out, uint64_t v)
{
	size_t n = digits_of(v);
	char *at = out + n;
	for (*at = 0; v >= 100; v /= 100)
		num_put_pair(at -= 2, (unsigned)(v % 100));
	if (v >= 10)
		num_put_pair(out, (unsigned)v);
	else
		*out = (char)('0' + v);
	return n;
}

size_t num_format_i64(char *out, int64_t v)
{
	if (v >= 0)
		return num_format_u64(out, (uint64_t)v);
	out[0] = '-';
	return 1 + num_format_u64(out + 1, 0 - (uint64_t)v);
}

size_t num_format_double(char *out, double v)
{
	/* The range first: a conversion from beyond it is undefined. */
	if (fabs(v) < 1e15 && v == (double)(int64_t)v)
		return num_format_i64(out, (int64_t)v);
	for (int precision = 15; precision <= 17; precision++) {
		int n = snprintf(out, 32, "%.*g", precision, v);
		for (char *p = out; *p; p++)
			if (*p == ',')
				*p = '.';
		if (strtod_l(out, NULL, c_locale()) == v || precision == 17)
			return (size_t)n;
	}
	return 0;
}

static bool parse_v4(struct str s, unsigned char out[4])
{
	for (int i = 0; i < 4; i++) {
		uint64_t v;
		struct str before = s;
		if ((i && !str_take(&s, STR("."))) || (before = s, !num_take_u64(&s, 3, &v)) || v > 255)
			return false;
		if (before.p[0] == '0' && before.n - s.n > 1)
			return false;
		out[i] = (unsigned char)v;
	}
	return s.n == 0;
}

static bool take_hextet(struct str *s, uint16_t *ret)
{
	unsigned v = 0;
	size_t n = 0;
	while (n < s->n && n < 4 && ch_hex((unsigned char)s->p[n]) >= 0)
		v = v << 4 | (unsigned)ch_hex((unsigned char)s->p[n++]);
	if (!n || (n < s->n && s->p[n] != ':'))
		return false;
	*s = str_sub(*s, n, s->n);
	*ret = (uint16_t)v;
	return true;
}

static bool parse_v6(struct str s, unsigned char out[16])
{
	uint16_t word[8];
	int n = 0, gap = -1;
	unsigned char v4[4];

	if (str_take(&s, STR("::")))
		gap = 0;
	while (s.n && n < 8) {
		if (n && gap != n && !str_take(&s, STR(":")))
			return false;
		if (gap < 0 && n && str_take(&s, STR(":"))) {
			gap = n;
			if (!s.n)
				break;
		}
		if (n <= 6 && str_chr(s, '.') != STR_NPOS && str_chr(s, ':') == STR_NPOS) {
			if (!parse_v4(s, v4))
				return false;
			word[n++] = (uint16_t)(v4[0] << 8 | v4[1]);
			word[n++] = (uint16_t)(v4[2] << 8 | v4[3]);
			s = str_n(s.p + s.n, 0);
			break;
		}
		if (!take_hextet(&s, &word[n]))
			return false;
		n++;
	}
	if (s.n || (gap < 0 ? n != 8 : n > 7))
		return false;
	memset(out, 0, 16);
	for (int i = 0; i < n; i++) {
		int at = gap >= 0 && i >= gap ? 8 - (n - i) : i;
		out[2 * at] = (unsigned char)(word[i] >> 8);
		out[2 * at + 1] = (unsigned char)word[i];
	}
	return true;
}

bool num_ip(struct str s, unsigned char ret_addr[16], bool *ret_v4)
{
	unsigned char addr[16] = {[10] = 0xff, [11] = 0xff};
	bool v4 = parse_v4(s, addr + 12);
	if (!v4 && (s.n > 45 || !parse_v6(s, addr)))
		return false;
	memcpy(ret_addr, addr, 16);
	if (ret_v4)
		*ret_v4 = v4;
	return true;
}

bool num_ip_in(const unsigned char addr[16], const unsigned char net[16], unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	if (memcmp(addr, net, whole) != 0)
		return false;
	return !rest || ((addr[whole] ^ net[whole]) >> (8 - rest)) == 0;
}

bool num_cidr(struct str s, bool strict, unsigned char ret_addr[16], unsigned *ret_bits)
{
	struct str host;
	unsigned char addr[16];
	bool v4;
	uint64_t bits;

	str_cut(&s, '/', &host);
	if (!num_ip(host, addr, &v4))
		return false;
	if (!s.p)
		bits = v4 ? 32 : 128;
	else if (!num_u64(s, &bits) || bits > (v4 ? 32 : 128))
		return false;
	if (v4)
		bits += 96;
	unsigned char net[16];
	for (unsigned i = 0; i < 16; i++) {
		unsigned keep = bits >= 8 * (i + 1) ? 8 : bits <= 8 * i ? 0 : (unsigned)bits - 8 * i;
		net[i] = (unsigned char)(addr[i] & (0xff00 >> keep));
	}
	if (strict && memcmp(net, addr, 16) != 0)
		return false;
	memcpy(ret_addr, net, 16);
	*ret_bits = (unsigned)bits;
	return true;
}
