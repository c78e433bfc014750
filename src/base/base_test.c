/* SPDX-License-Identifier: Apache-2.0 */
#include "base/diag.h"
#include "base/id.h"
#include "base/map.h"
#include "base/num.h"
#include "base/test.h"
#include "base/utf8.h"

#include <errno.h>
#include <math.h>

TEST(str_cut_gives_every_piece)
{
	struct str rest = STR("a,,b"), piece;
	CHECK(str_cut(&rest, ',', &piece));
	CHECK_STR(piece, "a");
	CHECK(str_cut(&rest, ',', &piece));
	CHECK_STR(piece, "");
	CHECK(str_cut(&rest, ',', &piece));
	CHECK_STR(piece, "b");
	CHECK(!str_cut(&rest, ',', &piece));
}

TEST(str_line_takes_both_line_ends)
{
	struct str rest = STR("one\r\ntwo\n\nthree"), line;
	const char *want[] = {"one", "two", "", "three"};
	for (size_t i = 0; i < LEN(want); i++) {
		CHECK(str_line(&rest, &line));
		CHECK_STR(line, want[i]);
	}
	CHECK(!str_line(&rest, &line));
}

/* Each needle at each place of texts around the steps of the search, and beside it one that differs in its middle. */
TEST(str_finds_at_every_place)
{
	char text[600];
	static const char *const needles[] = {"q", "qr", "qxr", "qabcdefghijklmnopr", "qqqqqqqqqqqqqqqqqq"};
	static const size_t sizes[] = {1, 15, 16, 17, 18, 31, 32, 33, 48, 511, 512, 513, 600};
	for (size_t k = 0; k < LEN(needles); k++) {
		struct str needle = str_c(needles[k]);
		for (size_t i = 0; i < LEN(sizes); i++)
			for (size_t at = 0; at + needle.n <= sizes[i]; at++) {
				memset(text, '.', sizeof(text));
				memcpy(text + at, needle.p, needle.n);
				CHECK_INT(str_find(str_n(text, sizes[i]), needle), at);
				CHECK(str_find(str_n(text, at + needle.n - 1), needle) == STR_NPOS);
				text[at + needle.n / 2] = '!';
				CHECK(str_find(str_n(text, sizes[i]), needle) == STR_NPOS);
			}
	}
}

static size_t find_plainly(struct str s, struct str needle)
{
	for (size_t i = 0; i + needle.n <= s.n; i++)
		if (memcmp(s.p + i, needle.p, needle.n) == 0)
			return i;
	return STR_NPOS;
}

/* Random, periodic and nearly uniform texts, in which almost every place comes near the needle. */
TEST(str_finds_in_texts_made_to_be_compared_in_vain)
{
	uint64_t state = 1;
	unsigned wrong = 0, there = 0;
	char text[1500], needle[60];
	for (unsigned round = 0; round < 20000; round++) {
		size_t n = 1 + test_random(&state) % sizeof(text), m = 1 + test_random(&state) % sizeof(needle), period = 1 + test_random(&state) % 20;
		unsigned run = 1 + test_random(&state) % 60;
		for (size_t i = 0; i < n; i++)
			text[i] = i >= period && round % 2 ? text[i - period] : test_random(&state) % run ? 'a' : 'b';
		size_t from = test_random(&state) % n;
		for (size_t i = 0; i < m; i++)
			needle[i] = text[(from + i) % n];
		if (round % 3)
			needle[test_random(&state) % m] ^= 'a' ^ 'b';
		size_t at = find_plainly(str_n(text, n), str_n(needle, m));
		wrong += str_find(str_n(text, n), str_n(needle, m)) != at;
		there += at != STR_NPOS;
	}
	CHECK_INT(wrong, 0);
	CHECK(there > 5000 && there < 19000);
}

TEST(str_finds_and_compares)
{
	CHECK_INT(str_find(STR("hay needle"), STR("needle")), 4);
	CHECK_INT(str_ifind(STR("hay NEEdle"), STR("needle")), 4);
	CHECK(str_find(STR("hay"), STR("hays")) == STR_NPOS);
	CHECK(str_iends(STR("C:\\CMD.EXE"), STR("\\cmd.exe")));
	CHECK(str_cmp(STR("ab"), STR("abc")) < 0);
	CHECK_INT(str_distance(STR("kitten"), STR("sitting"), 9), 3);
	CHECK_INT(str_distance(STR("kitten"), STR("sitting"), 2), 3);
	CHECK_STR(str_trim(STR(" \t x y\n")), "x y");
}

TEST(buf_keeps_its_cap)
{
	struct buf b = BUF_INIT(5);
	CHECK_INT(buf_add(&b, STR("abc")), 0);
	CHECK_INT(buf_add(&b, STR("def")), -E2BIG);
	CHECK_INT(buf_addc(&b, 'x'), -E2BIG);
	CHECK_STR(buf_str(&b), "abc");
	buf_reset(&b);
	CHECK_INT(buf_addf(&b, "%d-%s", 12, "x"), 0);
	CHECK_STR(buf_str(&b), "12-x");
	buf_done(&b);
}

TEST(buf_integers_come_back)
{
	struct buf b = BUF_INIT(1000);
	uint64_t want[] = {0, 1, 127, 128, 300, UINT32_MAX, UINT64_MAX}, got;
	for (size_t i = 0; i < LEN(want); i++)
		buf_add_varint(&b, want[i]);
	buf_add_le64(&b, 0x0102030405060708u);
	struct str r = buf_str(&b);
	for (size_t i = 0; i < LEN(want); i++) {
		CHECK(rd_varint(&r, &got));
		CHECK(got == want[i]);
	}
	CHECK(rd_le64(&r, &got) && got == 0x0102030405060708u);
	CHECK(!rd_varint(&r, &got));
	r = STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02");
	CHECK(!rd_varint(&r, &got));
	buf_done(&b);
}

TEST(arena_respects_its_cap_and_resets)
{
	struct arena a;
	arena_init(&a, 1 << 16);
	for (int round = 0; round < 3; round++) {
		size_t n = 0;
		while (arena_alloc(&a, 100))
			n++;
		CHECK(n == (1 << 16) / 112);
		arena_reset(&a);
	}
	CHECK_STR(arena_fmt(&a, "%s-%d", "x", 7), "x-7");
	CHECK(!arena_array(&a, SIZE_MAX / 2, 3));
	arena_done(&a);
}

TEST(map_survives_growth_and_deletion)
{
	struct map m;
	map_init(&m);
	char key[16];
	for (uint64_t i = 0; i < 5000; i++)
		*map_put(&m, str_n(key, (size_t)snprintf(key, sizeof(key), "k%d", (int)i)), NULL) = i;
	for (int i = 0; i < 5000; i += 2)
		CHECK(map_del(&m, str_n(key, (size_t)snprintf(key, sizeof(key), "k%d", i))));
	for (int i = 0; i < 5000; i++) {
		uint64_t *v = map_get(&m, str_n(key, (size_t)snprintf(key, sizeof(key), "k%d", i)));
		CHECK(i % 2 ? v && *v == (uint64_t)i : !v);
	}
	CHECK_INT(m.n, 2500);
	map_done(&m);
}

TEST(utf8_knows_valid_from_invalid)
{
	const char *good[] = {"", "abc", "火の見", "\xF0\x9F\x94\xA5", "\xED\x9F\xBF"};
	const char *bad[] = {"\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "a\x80", "\xE7\x81"};
	for (size_t i = 0; i < LEN(good); i++)
		CHECK(utf8_valid(str_c(good[i])));
	for (size_t i = 0; i < LEN(bad); i++)
		CHECK(!utf8_valid(str_c(bad[i])));
	struct buf b = BUF_INIT(100);
	CHECK_INT(utf8_add_clean(&b, STR("a\xE7\x81z")), 2);
	CHECK_STR(buf_str(&b), "a\xEF\xBF\xBD\xEF\xBF\xBDz");
	buf_done(&b);
	CHECK_INT(utf8_columns(STR("火の見 x")), 8);
}

/* Plain bytes are passed by blocks: what stands among them is found wherever it stands. */
TEST(utf8_finds_the_bad_byte_anywhere)
{
	char text[300];
	for (size_t at = 0; at + 3 <= sizeof(text); at++) {
		memset(text, 'a', sizeof(text));
		memcpy(text + at, "\xE7\x81\xAB", 3);
		CHECK(utf8_valid(str_n(text, sizeof(text))));
		text[at + 2] = 'a';
		CHECK_INT(utf8_valid_prefix(str_n(text, sizeof(text))), (long long)at);
	}
}

TEST(utf8_knows_how_far_it_is_ascii)
{
	/* Each length and place, at the end of its memory. */
	for (size_t n = 0; n <= 330; n++) {
		char *text = malloc(n ? n : 1);
		memset(text, 'a', n);
		CHECK_INT(utf8_ascii_prefix(str_n(text, n)), n);
		CHECK(utf8_is_ascii(str_n(text, n)));
		for (size_t at = 0; at < n; at++) {
			memset(text, 'a', n);
			text[at] = text[n - 1] = (char)0x80;
			CHECK_INT(utf8_ascii_prefix(str_n(text, n)), at);
			CHECK_INT(utf8_valid_prefix(str_n(text, n)), at);
			CHECK(!utf8_is_ascii(str_n(text, n)));
		}
		free(text);
	}
}

TEST(utf8_folds_simply)
{
	char out[256];
	struct str in = STR("ABCdefGHIJKLMNOPQRSTUVWXYZ ÄÖÜ ΑΒΓ ЖЩ ＡＢ 火 ß");
	size_t n = utf8_fold(out, in.p, in.n);
	CHECK_STR(str_n(out, n), "abcdefghijklmnopqrstuvwxyz äöü αβγ жщ ａｂ 火 ß");
	CHECK_INT(utf8_fold_cp(0x1E9E), 0xDF);
	CHECK_INT(utf8_fold_cp(0x212A), 'k');
	CHECK_INT(utf8_fold_cp(0x130), 0x130);
}

/* Each length, with a letter of each kind at each place: ASCII goes by steps. */
TEST(utf8_folds_at_every_place)
{
	static const char *const kinds[][2] = {{"A", "a"}, {"Z", "z"}, {"@", "@"}, {"[", "["}, {"z", "z"}, {"Ä", "ä"}, {"\xC3", "\xC3"}};
	for (size_t n = 1; n <= 70; n++)
		for (size_t at = 0; at < n; at++)
			for (size_t k = 0; k < LEN(kinds); k++) {
				struct str from = str_c(kinds[k][0]), to = str_c(kinds[k][1]);
				char in[80], want[80], got[UTF8_FOLD_MAX(80)];
				size_t whole = n - 1 + from.n;
				memset(in, 'Q', sizeof(in));
				memset(want, 'q', sizeof(want));
				memcpy(in + at, from.p, from.n);
				memcpy(want + at, to.p, to.n);
				CHECK_INT(utf8_fold(got, in, whole), whole);
				CHECK(memcmp(got, want, whole) == 0);
			}
}

/* RFC 3629, a character at a time; the length of the valid one in front, or 0. */
static size_t plain_sequence(const unsigned char *s, size_t n, uint32_t *ret_cp)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xC0 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : s[0] < 0xF8 ? 4 : 0;
	if (!len || len > n)
		return 0;
	*ret_cp = len == 1 ? s[0] : s[0] & (0x7Fu >> len);
	for (size_t i = 1; i < len; i++) {
		if (s[i] >> 6 != 2)
			return 0;
		*ret_cp = *ret_cp << 6 | (s[i] & 0x3F);
	}
	return *ret_cp < least[len] || *ret_cp > 0x10FFFF || (*ret_cp >= 0xD800 && *ret_cp < 0xE000) ? 0 : len;
}

static size_t plain_fold(char *dst, const char *src, size_t n, size_t *ret_valid)
{
	size_t out = 0, len;
	*ret_valid = n;
	for (size_t i = 0; i < n; i += len) {
		uint32_t cp;
		if ((len = plain_sequence((const unsigned char *)src + i, n - i, &cp))) {
			out += utf8_put(dst + out, utf8_fold_cp(cp));
			continue;
		}
		*ret_valid = *ret_valid < i ? *ret_valid : i;
		len = 1;
		dst[out++] = src[i];
	}
	return out;
}

/* A character of one of the kinds that are read apart, and sometimes bytes that are none. */
static size_t put_some(char *to, uint64_t *state, unsigned kinds)
{
	static const uint32_t first[] = {0x40, 0xC0, 0x80, 0x3040, 0x1E00, 0xFF21, 0x212A, 0xAB70, 0x10400, 0x800}, many[] = {0x40, 0x40, 0x780, 0x7000, 0x1300, 0x40, 2, 0x50, 0x60, 0xF800};
	uint32_t r = test_random(state), kind = test_random(state) % (kinds % (unsigned)LEN(first) + 1);
	if (kinds >= 2 * LEN(first) && r % 16 == 0) {
		to[0] = (char)(r >> 8);
		return 1;
	}
	size_t n = utf8_put(to, first[kind] + (r >> 8) % many[kind]);
	return kinds >= LEN(first) && r % 16 == 1 ? n - 1 : n;
}

TEST(utf8_folds_and_checks_as_a_character_at_a_time)
{
	uint64_t state = 1;
	for (unsigned round = 0; round < 20000; round++) {
		char text[160], want[UTF8_FOLD_MAX(160)], got[UTF8_FOLD_MAX(160)];
		size_t n = 0, valid, end = round % 150;
		while (n < end)
			n += put_some(text + n, &state, round % 31);
		char *exact = malloc(n ? n : 1);
		memcpy(exact, text, n);
		size_t n_want = plain_fold(want, exact, n, &valid), n_got = utf8_fold(got, exact, n);
		CHECK_INT(n_got, n_want);
		CHECK(memcmp(got, want, n_want) == 0);
		CHECK_INT(utf8_valid_prefix(str_n(exact, n)), valid);
		free(exact);
	}
}

/* What is known of blocks of code points agrees with the rows that say how they fold. */
TEST(utf8_folds_each_character_alone)
{
	for (uint32_t cp = 0x80; cp < 0x20000; cp++) {
		char text[4], want[4], got[UTF8_FOLD_MAX(4)];
		size_t n = utf8_put(text, cp), n_want = utf8_put(want, cp >= 0xD800 && cp < 0xE000 ? 0xFFFD : utf8_fold_cp(cp));
		CHECK_INT(utf8_fold(got, text, n), n_want);
		CHECK(memcmp(got, want, n_want) == 0);
	}
}

TEST(utf16_converts_both_ways)
{
	struct buf b = BUF_INIT(1000);
	struct str text = STR("long enough ascii 火🔥 z");
	utf8_to_utf16le(&b, text);
	char out[200];
	CHECK_STR(str_n(out, utf16le_to_utf8(out, (unsigned char *)b.p, b.n)), text.p);
	buf_reset(&b);
	utf8_to_utf16be(&b, text);
	CHECK_STR(str_n(out, utf16be_to_utf8(out, (unsigned char *)b.p, b.n)), text.p);
	unsigned char lone[] = {0x00, 0xD8, 'x', 0};
	CHECK_STR(str_n(out, utf16le_to_utf8(out, lone, 4)), "\xEF\xBF\xBDx");
	buf_done(&b);
}

TEST(num_checks_ranges)
{
	uint64_t u;
	int64_t i;
	double v;
	CHECK(num_u64(STR("18446744073709551615"), &u) && u == UINT64_MAX);
	CHECK(!num_u64(STR("18446744073709551616"), &u) && !num_u64(STR(""), &u) && !num_u64(STR("1 "), &u));
	CHECK(num_i64(STR("-9223372036854775808"), &i) && i == INT64_MIN);
	CHECK(!num_i64(STR("9223372036854775808"), &i));
	CHECK(num_hex64(STR("0x33e8d150"), &u) && u == 0x33e8d150);
	CHECK(num_double(STR("-1.5e3"), &v) && v < -1499.9 && v > -1500.1);
	CHECK(!num_double(STR("nan"), &v) && !num_double(STR("1e999"), &v) && !num_double(STR(".5"), &v) && !num_double(STR("0x10"), &v));
	CHECK(num_duration(STR("15m"), &i) && i == 900 * NS_PER_S);
	CHECK(num_size(STR("64MiB"), &u) && u == 64u << 20);
	char text[32];
	CHECK_STR(str_n(text, num_format_double(text, 0.1)), "0.1");
	CHECK_STR(str_n(text, num_format_double(text, 1e300)), "1e+300");
	CHECK_STR(str_n(text, num_format_double(text, 18446744073709551616.0)), "1.8446744073709552e+19");
	CHECK_STR(str_n(text, num_format_i64(text, INT64_MIN)), "-9223372036854775808");
	CHECK_STR(str_n(text, num_format_u64(text, UINT64_MAX)), "18446744073709551615");
	CHECK_STR(str_n(text, num_format_u64(text, 0)), "0");
	CHECK_STR(str_n(text, num_format_u64(text, 10)), "10");
	CHECK_STR(str_n(text, num_format_u64(text, 907)), "907");
}

/* Short ones are read at once: each length, with each byte at each place, at the end of its memory. */
TEST(num_reads_short_numbers)
{
	for (size_t n = 1; n <= 9; n++)
		for (size_t at = 0; at < n; at++)
			for (unsigned c = 0; c < 256; c++) {
				uint64_t got = 1, want = 0;
				char room[9], *text = room + sizeof(room) - n;
				for (size_t i = 0; i < n; i++) {
					text[i] = (char)(i == at ? c : '1' + i);
					want = want * 10 + (uint64_t)(text[i] - '0');
				}
				bool is = num_u64(str_n(text, n), &got);
				CHECK(is == ch_is_digit((unsigned char)c));
				CHECK(got == (is ? want : 1));
			}
}

TEST(num_reads_addresses)
{
	unsigned char a[16], net[16];
	unsigned bits;
	bool v4;
	CHECK(num_ip(STR("192.0.2.1"), a, &v4) && v4 && a[12] == 192 && a[15] == 1);
	CHECK(num_ip(STR("2001:db8::1"), a, &v4) && !v4 && a[0] == 0x20 && a[15] == 1);
	CHECK(num_ip(STR("::"), a, NULL) && num_ip(STR("::ffff:192.0.2.1"), a, NULL) && num_ip(STR("1:2:3:4:5:6:7:8"), a, NULL) && num_ip(STR("fe80::"), a, NULL));
	const char *bad[] = {"", "1.2.3", "256.1.1.1", "1.2.3.4.5", "01.2.3.4", ":", ":::", "1::2::3", "1:2:3:4:5:6:7:8:9", "12345::", "1:2:3:4:5:6:7", "::1%eth0", "1:", "1:2:3:4:5:6:7:"};
	for (size_t i = 0; i < LEN(bad); i++)
		if (num_ip(str_c(bad[i]), a, NULL))
			test_failed(__FILE__, __LINE__, "\"%s\" was taken for an address", bad[i]);
	CHECK(num_cidr(STR("10.0.0.0/8"), true, net, &bits) && bits == 104);
	CHECK(num_ip(STR("10.200.3.4"), a, NULL) && num_ip_in(a, net, bits));
	CHECK(num_ip(STR("11.0.0.1"), a, NULL) && !num_ip_in(a, net, bits));
	CHECK(!num_cidr(STR("10.0.0.1/8"), true, net, &bits) && num_cidr(STR("10.0.0.1/8"), false, net, &bits));
	CHECK(num_cidr(STR("2001:db8::/33"), true, net, &bits) && bits == 33);
}

static void check_time(struct str text, const char *want)
{
	tstamp t;
	char out[TS_TEXT_MAX];
	if (!ts_parse_user(text, 0, 9 * 3600, &t))
		test_failed(__FILE__, __LINE__, "\"%.*s\" was not taken for a time", STR_ARG(text));
	CHECK_STR(str_n(out, ts_format(out, t)), want);
}

TEST(times_of_many_forms)
{
	check_time(STR("2026-11-22T01:02:03Z"), "2026-11-22T01:02:03Z");
	check_time(STR("2026-11-22T10:02:03.5+09:00"), "2026-11-22T01:02:03.5Z");
	check_time(STR("2026-11-22 10:02:03,123456789"), "2026-11-22T01:02:03.123456789Z");
	check_time(STR("2026-11-22"), "2026-11-21T15:00:00Z");
	check_time(STR("1700000000"), "2023-11-14T22:13:20Z");
	check_time(STR("1700000000123"), "2023-11-14T22:13:20.123Z");
	check_time(STR("1700000000.25"), "2023-11-14T22:13:20.25Z");
	check_time(STR("1969-12-31T23:59:59.999Z"), "1969-12-31T23:59:59.999Z");
	check_time(STR("1999-09-09T09:09:09.000000001Z"), "1999-09-09T09:09:09.000000001Z");
	check_time(STR("2024-02-29T23:59:60Z"), "2024-02-29T23:59:59.999999999Z");
	tstamp t;
	CHECK(!ts_parse_user(STR("2023-02-29"), 0, 0, &t) && !ts_parse_user(STR("yesterday"), 0, 0, &t));
}

/* The usual form is read all at once: what is near it is read or refused as ever. */
TEST(times_near_the_usual_form)
{
	const struct {
		const char *in, *out; /* NULL = refused */
	} t[] = {{"2026-11-22T01:02:03.1Z", "2026-11-22T01:02:03.1Z"}, {"2026-11-22_01:02:03,000000001", "2026-11-22T01:02:03.000000001Z"}, {"2026-11-22t01:02:03.1234567891Z", "2026-11-22T01:02:03.123456789Z"},
		{"2026/11/22 01:02:03 UTC", "2026-11-22T01:02:03Z"}, {"2026-11-22 01:02", "2026-11-22T01:02:00Z"}, {"2026-11-22 01:02:03 +0900", "2026-11-21T16:02:03Z"},
		{"2026-11-22T01:02:03.", NULL}, {"2026-11-22T01:02:03.Z", NULL}, {"2026-11-22X01:02:03", NULL}, {"2026-11-22T01:02:0:", NULL}, {"2026-11-22T01:02:/3", NULL},
		{"202\xb6-11-22T01:02:03", NULL}, {"2026-11/22T01:02:03", NULL}, {"2026-11-22T01:02:030", NULL}, {"2026-13-22T01:02:03", NULL}, {"2026-11-22T24:02:03", NULL},
		{"2026-11-22T01;02:03", NULL}};
	for (size_t i = 0; i < LEN(t); i++) {
		tstamp got;
		char out[TS_TEXT_MAX];
		bool ok = ts_parse_rfc3339(str_c(t[i].in), 0, &got);
		CHECK(ok == (t[i].out != NULL));
		if (ok)
			CHECK_STR(str_n(out, ts_format(out, got)), t[i].out);
	}
}

TEST(each_day_follows_the_one_before)
{
	tstamp t, want = INT64_C(-9214560000) * NS_PER_S; /* 1678-01-01 */
	for (int year = 1678; year <= 2261; year++)
		for (int month = 1; month <= 12; month++)
			for (int day = 1; day <= 32; day++) {
				struct civil c = {.year = year, .month = month, .day = day}, back;
				if (!ts_from_civil(&c, &t))
					continue;
				CHECK_INT(t, want);
				ts_to_civil(t, 0, &back);
				CHECK(back.year == year && back.month == month && back.day == day);
				want += 86400 * NS_PER_S;
			}
	CHECK_INT(want, INT64_C(9214646400) * NS_PER_S); /* 2262-01-01 */
}

static uint64_t next_number(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	return *state ^= *state << 17;
}

/* A time in or near the usual form; at most three of its characters are others. */
static size_t near_a_time(uint64_t *state, char out[64])
{
	static const char *const behind[] = {"", "", "Z", "Z", "z", "+09:00", "-0530", "+24:00", " UTC", " +0000", "GMT", " ", "+09", "+9"};
	static const char other[] = "0123456789-/:.,;TtZz_ +X\xb0\xff", gap[] = "TTT  t_X";
	unsigned digits = (unsigned)(next_number(state) % 13);
	uint64_t n = next_number(state);
	char fraction[16];
	int len = snprintf(out, 64, "%04u-%02u-%02u%c%02u:%02u:%02u", (unsigned)(n % 8 ? 1970 + n / 8 % 100 : n / 8 % 10000), (unsigned)(n / 512 % 14), (unsigned)(n / 4096 % 33), gap[n / 65536 % 8],
		(unsigned)(n / 131072 % 25), (unsigned)(n / 4194304 % 61), (unsigned)(n / 268435456 % 62));
	if (digits && n >> 40 & 3) {
		snprintf(fraction, sizeof(fraction), "%012llu", (unsigned long long)(next_number(state) % 1000000000000));
		len += snprintf(out + len, 64 - (size_t)len, "%c%.*s", n >> 42 & 7 ? '.' : ',', (int)digits - 1, fraction);
	}
	len += snprintf(out + len, 64 - (size_t)len, "%s", behind[(n >> 45) % LEN(behind)]);
	for (unsigned i = (unsigned)(n >> 60) & 3; i; i--)
		if (next_number(state) & 1)
			out[next_number(state) % (unsigned)len] = other[next_number(state) % (sizeof(other) - 1)];
	return (size_t)len;
}

/* A date with slashes is read the long way, which says the same. */
TEST(both_ways_read_the_same_time)
{
	uint64_t state = 88172645463325252u;
	unsigned times = 0;
	for (unsigned i = 0; i < 2000000; i++) {
		/* At the end of its memory, so that what looks behind it is found. */
		char text[64], *exact;
		size_t n = near_a_time(&state, text);
		tstamp usual = 0, slashed = 0;
		exact = malloc(n);
		memcpy(exact, text, n);
		bool is = ts_parse_rfc3339(str_n(exact, n), 3600, &usual);
		free(exact);
		if (text[4] != '-' || text[7] != '-') {
			CHECK(!is || (text[4] == '/' && text[7] == '/'));
			continue;
		}
		text[4] = text[7] = '/';
		CHECK_INT(ts_parse_rfc3339(str_n(text, n), 3600, &slashed), is);
		CHECK_INT(usual, slashed);
		times += is;
	}
	CHECK(times > 500000);
}

TEST(times_without_a_year_are_near_now)
{
	tstamp now, t;
	char out[TS_TEXT_MAX];
	struct str s = STR("Dec 31 23:59:59 host");
	CHECK(ts_parse_rfc3339(STR("2026-01-01T00:00:10Z"), 0, &now));
	CHECK(ts_take_rfc3164(&s, now, 0, &t));
	CHECK_STR(str_n(out, ts_format(out, t)), "2025-12-31T23:59:59Z");
	CHECK_STR(s, " host");
	s = STR("Jan  2 00:00:01");
	CHECK(ts_take_rfc3164(&s, now, 0, &t));
	CHECK_STR(str_n(out, ts_format(out, t)), "2026-01-02T00:00:01Z");
	CHECK(ts_parse_clf(STR("22/Nov/2026:01:02:03 +0900"), &t));
	CHECK_STR(str_n(out, ts_format(out, t)), "2026-11-21T16:02:03Z");
	CHECK_STR(str_n(out, ts_format_offset(out, t, 9 * 3600)), "2026-11-22T01:02:03+09:00");
	CHECK_INT(ts_weekday(t, 9 * 3600), 7);
	CHECK_INT(ts_iso_week(t, NULL), 47);
	CHECK_STR(str_n(out, ts_format(out, ts_from_filetime(116444736000000000ull))), "1970-01-01T00:00:00Z");
}

TEST(ids_sort_and_read_back)
{
	char a[ID_TEXT + 1], b[ID_TEXT + 1];
	struct id x = id_make(1000 * NS_PER_S, ID_EVENT, 7), y = id_make(1000 * NS_PER_S, ID_EVENT, 8), z;
	id_format(a, x);
	id_format(b, y);
	CHECK(strcmp(a, b) < 0 && id_cmp(x, y) < 0);
	CHECK(id_parse(str_c(a), &z) && id_cmp(x, z) == 0);
	CHECK(!id_parse(STR("8ZZZZZZZZZZZZZZZZZZZZZZZZZ"), &z) && !id_parse(STR("IL"), &z));
	CHECK(id_time(x) == 1000 * NS_PER_S);
}

TEST(diag_prints_place_and_hint)
{
	struct diag d;
	struct buf b = BUF_INIT(10000);
	struct str names[] = {STR("contains"), STR("endswith")};
	diag_init(&d);
	diag_file(&d, STR("b.yml"));
	CHECK_INT(diag_error(&d, (struct diag_at){3, 7}, "x.unknown", "unknown modifier \"%s\"", "contians"), -EINVAL);
	diag_suggest(&d, STR("contians"), names, 2);
	diag_file(&d, STR("a.yml"));
	diag_warning(&d, (struct diag_at){0}, "x.odd", "odd");
	diag_print(&d, &b);
	CHECK_STR(buf_str(&b), "a.yml: warning: odd [x.odd]\nb.yml:3:7: error: unknown modifier \"contians\" [x.unknown]\n  hint: did you mean \"contains\"?\n");
	CHECK_INT(d.errors, 1);
	buf_done(&b);
	diag_done(&d);
}

TEST_MAIN
