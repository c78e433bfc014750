/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "base/utf8.h"
#include "codec/json_scan.h"

#include <stdlib.h>
#include <string.h>

/*
 * Every set of inner loops reads the same out of a text as the general reader does alone, with names that are remembered and without. The texts lie in memory of
 * just their size, so that a sanitizer sees who looks beyond.
 */
static const char *plain_end(const struct json_scan *s, const char *p, bool *escaped)
{
	for (; p < s->end && *p != '"'; p++)
		if (*p == '\\') {
			*escaped = true;
			p++;
		}
	return p < s->end ? p : NULL;
}

static const char *no_members(struct json_scan *s, const char *p, enum json_stop *ret_stop)
{
	(void)s;
	*ret_stop = JSON_AT_NAME;
	return p;
}

static const struct json_isa general = {plain_end, no_members};
extern const struct json_isa json_isa_scalar;

static void fill(void *arg, struct json_name *name, struct arena *mem)
{
	uint64_t *n = arg;
	(void)mem;
	name->bits = UINT64_C(1) << (*n)++ % 64;
}

/* What was read of a text. */
struct outcome {
	int r;
	struct json_fault fault;
	struct json_object o;
	const char *rest;
};

static struct outcome read_with(const struct json_isa *isa, struct str text, struct json_names *names, struct arena *mem)
{
	struct outcome got = {.rest = text.p};
	json_isa_use(isa);
	got.r = json_read_object(&text, mem, names, &got.o, &got.fault);
	got.rest = text.p;
	return got;
}

static void check_same(const struct outcome *got, const struct outcome *want)
{
	CHECK_INT(got->r, want->r);
	CHECK(got->rest == want->rest);
	if (want->r < 0) {
		CHECK_INT(got->fault.offset, want->fault.offset);
		CHECK_STR(str_c(got->fault.what), want->fault.what);
		return;
	}
	CHECK_INT(got->o.n, want->o.n);
	CHECK(got->o.bits == want->o.bits && got->o.news == want->o.news);
	for (size_t i = 0; i < want->o.n; i++) {
		const struct json_leaf *g = &got->o.leaf[i], *w = &want->o.leaf[i];
		CHECK(str_eq(json_leaf_name(g), json_leaf_name(w)) && str_eq(json_leaf_text(g), json_leaf_text(w)));
		CHECK(g->known == w->known && g->kind == w->kind && g->element == w->element);
		CHECK(w->kind > JSON_KIND_NUMBER || g->p == w->p);
	}
}

/* Remembers the names of an object, and in which order they come. */
static void learn(const struct json_isa *isa, struct json_names *names, struct str text, struct arena *mem)
{
	for (int round = 0; round < 2; round++) {
		struct outcome got = read_with(isa, text, names, mem);
		for (size_t i = 0; got.r == 0 && i < got.o.n; i++)
			json_names_get(names, json_leaf_name(&got.o.leaf[i]), mem);
	}
}

/* Without names, with none known yet, with those of another text, and with those of its own as far as it is one. */
static void check_text(struct str text, struct str other)
{
	const struct json_isa *isa[JSON_ISAS + 1];
	size_t n_isa = json_isas(isa);
	isa[n_isa++] = &json_isa_scalar;
	char *copy = malloc(text.n ? text.n : 1);
	struct str s = str_n(copy, text.n);
	struct arena mem;
	arena_init(&mem, 0);
	memcpy(copy, text.p, text.n);
	for (size_t i = 0; i < n_isa; i++) {
		uint64_t n_names = 0;
		struct json_names *names = json_names_new(sizeof(struct json_name), fill, &n_names);
		struct outcome want = read_with(&general, s, NULL, &mem), got = read_with(isa[i], s, NULL, &mem);
		check_same(&got, &want);
		for (int round = 0; round < 3; round++) {
			got = read_with(isa[i], s, names, &mem);
			want = read_with(&general, s, names, &mem);
			if (want.r == 0) /* the first may have met a name before it was kept for the object that has it, too */
				got = read_with(isa[i], s, names, &mem);
			check_same(&got, &want);
			learn(isa[i], names, round ? s : other, &mem);
		}
		json_names_free(names);
	}
	arena_done(&mem);
	free(copy);
}

TEST(a_text_may_end_anywhere)
{
	static const char *const texts[] = {
		"{\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"EventID\":11,\"Keywords\":-9223372036854775808,\"Image\":\"C:\\\\Windows\\\\Explorer.EXE\",\"RuleName\":\"\",\"Signed\":true,\"Hash\":null}",
		" {\"a\": 1, \"b\": \"\\\"x\\\"\", \"dir\": \"C:\\\\Temp\\\\\", \"ok\": false,\"float\":1.5e3, \"big\":123456789012345678901234567890123456789012345678901234567890123456789012345}tail",
		"{\"Event\":{\"System\":{\"EventID\":4624,\"Channel\":\"Security\"},\"EventData\":{\"Data\":[\"x\",1,{\"y\":\"z\"}],\"empty\":{},\"none\":[]}},\"last\":\"one\"}",
		"{\"a_name_that_is_longer_than_a_register_holds_of_it\":1,\"n\\u0061me\":2,\"\":\"\",\"\":0,\"same\":1,\"same\":2,\"blank\" : 3 ,  \"two\":  4}\n{\"next\":1}",
		"{\"a.b\":1,\"a\":{\"b\":2,\"b\":{\"c\":[{\"d\":1},{\"d\":{\"e\":2}}],\"d\":3}},\"a.b\":{\"c\":4},\"b\":5,\"\":{\"b\":6,\"\":{\"c\":7}}, \"a\": {\"b\": {\"c\": [[8]]}}, \"c\":{}}",
		"{\"z\":00,\"y\":1}", "{\"z\":-,\"y\":1}", "{\"z\":nul,\"y\":1}", "{\"z\":1 ,\"y\":1}", "{\"z\":\"\",,}",
	};
	for (size_t i = 0; i < LEN(texts); i++)
		for (size_t n = strlen(texts[i]) + 1; n--;)
			check_text(str_n(texts[i], n), str_c(texts[i]));
}

static void add_run(struct buf *b, char c, size_t n)
{
	while (n--)
		buf_addc(b, c);
}

/* A member with a name and a string of that many bytes, between others. */
static void check_lengths(const char *before, size_t n_name, size_t n, const char *behind)
{
	struct buf b = BUF_INIT(10000);
	buf_add_cstr(&b, before);
	buf_addc(&b, '"');
	add_run(&b, 'n', n_name);
	buf_add_cstr(&b, "\":\"");
	add_run(&b, 'x', n);
	buf_addc(&b, '"');
	buf_add_cstr(&b, behind);
	check_text(buf_str(&b), STR("{\"a\":0,\"nnnnn\":0,\"z\":0}"));
	buf_done(&b);
}

TEST(names_and_strings_of_all_lengths)
{
	for (size_t n = 0; n < 140; n++) {
		check_lengths("{", 1, n, "}");
		check_lengths("{\"a\":1,", 5, n, ", \"z\":0}");
		check_lengths("{", n % 40, n, ",\"another\":\"of more than one block of bytes, and then of more than two of them, or even three\"}");
	}
}

/* So many bytes, backslashes, a quote that is escaped by them or not, and so many bytes to the end. */
static void check_backslashes(size_t at, size_t n, size_t left)
{
	struct buf b = BUF_INIT(10000);
	buf_add_cstr(&b, "{\"a\":\"");
	add_run(&b, 'x', at);
	add_run(&b, '\\', n);
	buf_add_cstr(&b, n % 2 ? "\"\\\"\\\\\",\"b\":\"" : "\",\"m\":\"\",\"b\":\"");
	add_run(&b, 'y', left);
	buf_add_cstr(&b, "\"}");
	check_text(buf_str(&b), STR("{\"a\":0,\"b\":0}"));
	buf_done(&b);
}

TEST(backslashes_at_all_places)
{
	for (size_t at = 0; at < 70; at++)
		for (size_t n = 1; n < 70; n += n < 5 ? 1 : 13)
			for (size_t left = 0; left < 100; left += 33)
				check_backslashes(at, n, left);
}

TEST(what_is_no_json)
{
	static const char *const pieces[] = {"{", "}", "[", "]", "\"", "\"a\":", "\"b\": ", "\"a\":\"x\",", "\"b\":12,", ",", ":", " ", "\\", "\\\"", "null", "true,", "-", "0", "1234567",
		"\"a name with blanks\":", "\"some text that is longer than sixteen bytes\",", "\"c\":{", "\"d\":[", "},", "],"};
	uint64_t seed = 1;
	for (int i = 0; i < 4000; i++) {
		struct buf b = BUF_INIT(10000);
		buf_addc(&b, '{');
		for (int k = 0; k < 12; k++)
			buf_add_cstr(&b, pieces[test_random(&seed) % LEN(pieces)]);
		check_text(buf_str(&b), STR("{\"a\":0,\"b\":0,\"c\":{\"a\":0,\"b\":0},\"d\":[0],\"a name with blanks\":0}"));
		buf_done(&b);
	}
}

/* Members around the end of what a list of quotes holds, and a string that is longer than that. */
TEST(long_texts)
{
	static const char members[] = "\"Channel\":\"Security\",\"n\":12,\"m\":345,\"dir\":\"C:\\\\\",\"cmd\":\"\\\"x\\\"\", \"ok\": true,\"in\":{\"Channel\":\"a\",\"n\":1},\"last\":null";
	for (size_t n = JSON_QUOTES - sizeof(members) - 16; n < JSON_QUOTES + 4; n++) {
		struct buf b = BUF_INIT(10 * JSON_QUOTES);
		buf_add_cstr(&b, "{\"pad\":\"");
		add_run(&b, 'x', n);
		buf_add_cstr(&b, "\",");
		buf_add_cstr(&b, members);
		if (n % 16 == 0) {
			buf_add_cstr(&b, ",\"long\":\"");
			add_run(&b, 'y', JSON_QUOTES + n % 64);
			buf_add_cstr(&b, "\\\\\",");
			buf_add_cstr(&b, members);
		}
		buf_addc(&b, '}');
		check_text(buf_str(&b), STR("{\"pad\":0,\"Channel\":0,\"n\":0,\"m\":0,\"dir\":0,\"cmd\":0}"));
		buf_done(&b);
	}
}

/* A character at a time, without \\u. */
static size_t unescape_simply(char *dst, struct str s)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		const char *at = s.p[i] == '\\' && i + 1 < s.n && s.p[i + 1] ? strchr(from, s.p[i + 1]) : NULL;
		dst[n++] = at ? to[at - from] : s.p[i];
		i += at != NULL;
	}
	return n;
}

/* Into memory of just the size of the text, and where it stands. */
static void check_unescape(size_t (*unescape)(char *dst, struct str text), struct str text, struct str want)
{
	char *copy = malloc(text.n + 1), *out = malloc(text.n + 1), *exact = text.n ? malloc(text.n) : NULL;
	if (text.n) {
		memcpy(exact, text.p, text.n);
		memcpy(copy, text.p, text.n);
	}
	copy[text.n] = out[text.n] = 'x';
	size_t n = unescape(out, str_n(exact, text.n));
	CHECK(n == want.n && memcmp(out, want.p, n) == 0);
	n = unescape(copy, str_n(copy, text.n));
	CHECK(n == want.n && memcmp(copy, want.p, n) == 0);
	CHECK(copy[text.n] == 'x' && out[text.n] == 'x');
	free(copy);
	free(out);
	free(exact);
}

TEST(escapes_mean_the_same_at_any_place)
{
	static const char letters[] = "\\\\\\nrtbf/\"xyzXYZ 0\x80\xff";
	uint64_t state = 1;
	for (unsigned round = 0; round < 4000; round++) {
		char text[300], want[300];
		size_t n = round % 200, from = round % 3 ? 3 : 0;
		for (size_t i = 0; i < n; i++) {
			uint32_t r = test_random(&state);
			text[i] = r >> 27 > round % 12 ? 'a' : letters[from + r % (sizeof(letters) - 1 - from)];
		}
		struct str s = str_n(text, n), decoded = str_n(want, unescape_simply(want, s));
		check_unescape(json_unescape, s, decoded);
		check_unescape(json_unescape_base, s, decoded);
	}
}

static bool read_unit(struct str s, size_t at, uint32_t *ret)
{
	*ret = 0;
	if (s.n < 6 || at > s.n - 6 || s.p[at] != '\\' || s.p[at + 1] != 'u')
		return false;
	for (size_t i = at + 2; i < at + 6; i++) {
		int digit = ch_hex((unsigned char)s.p[i]);
		if (digit < 0)
			return false;
		*ret = *ret * 16 + (uint32_t)digit;
	}
	return true;
}

/* Text whose only escapes are \\uXXXX, one at a time. */
static size_t unescape_units_simply(char *dst, struct str s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n;) {
		uint32_t high, low;
		if (!read_unit(s, i, &high)) {
			dst[n++] = s.p[i++];
			continue;
		}
		i += 6;
		if (high >= 0xD800 && high < 0xDC00 && read_unit(s, i, &low) && low >= 0xDC00 && low < 0xE000) {
			high = 0x10000 + (high - 0xD800) * 0x400 + (low - 0xDC00);
			i += 6;
		}
		n += utf8_put(dst + n, high);
	}
	return n;
}

/* An escape of one of the kinds that are read apart, whole or cut, or some other bytes. */
static void add_unit(struct buf *b, uint64_t *state, bool cut)
{
	static const uint32_t first[] = {0, 0x80, 0x800, 0x3040, 0xD800, 0xDC00, 0xD7FE, 0xDFFE, 0xFFF0}, many[] = {0x80, 0x780, 0xF800, 0x7000, 0x400, 0x400, 4, 4, 0x10};
	uint32_t r = test_random(state), kind = test_random(state) % (unsigned)LEN(first), unit = first[kind] + (r >> 8) % many[kind];
	char text[8];
	size_t n = (size_t)snprintf(text, sizeof(text), r & 1 ? "\\u%04x" : "\\u%04X", unit);
	if (cut && r >> 1 & 1)
		n = 2 + (r >> 2) % 4;
	else if (cut && r >> 2 & 1)
		text[2 + (r >> 3) % 4] = "gG/:@`\x80\xff"[r >> 5 & 7];
	buf_add(b, str_n(text, n));
	if (r >> 28 == 0)
		add_run(b, 'a', r >> 8 & 63);
}

TEST(unicode_escapes_in_a_row)
{
	uint64_t state = 1;
	for (unsigned round = 0; round < 20000; round++) {
		struct buf text = BUF_INIT(10000);
		char want[10000];
		for (unsigned i = 0; i < round % 40; i++)
			add_unit(&text, &state, round & 1 && test_random(&state) % 8 == 0);
		struct str s = buf_str(&text), decoded = str_n(want, unescape_units_simply(want, s));
		check_unescape(json_unescape, s, decoded);
		check_unescape(json_unescape_base, s, decoded);
		buf_done(&text);
	}
}

TEST(unicode_escapes_are_decoded_at_any_place)
{
	static const struct {
		const char *text, *want;
	} some[] = {{"\\u0041", "A"}, {"\\u3042\\\\", "\xe3\x81\x82\\"}, {"\\ud83d\\ude00", "\xf0\x9f\x98\x80"}, {"\\ud83d", "\xef\xbf\xbd"}, {"\\u00", "\\u00"}, {"\\uzzzz\\n", "\\uzzzz\n"}, {"\\", "\\"}, {"\\\\\\", "\\\\"}};
	for (size_t i = 0; i < LEN(some); i++)
		for (size_t before = 0; before < 140; before++)
			for (size_t behind = 0; behind < 70; behind += some[i].text[strlen(some[i].text) - 1] == '\\' && some[i].want[0] == '\\' ? 70 : 23) {
				struct buf text = BUF_INIT(1000), want = BUF_INIT(1000);
				add_run(&text, 'a', before);
				add_run(&want, 'a', before);
				buf_add_cstr(&text, some[i].text);
				buf_add_cstr(&want, some[i].want);
				add_run(&text, 'g', behind);
				add_run(&want, 'g', behind);
				check_unescape(json_unescape, buf_str(&text), buf_str(&want));
				check_unescape(json_unescape_base, buf_str(&text), buf_str(&want));
				buf_done(&text);
				buf_done(&want);
			}
}

TEST_MAIN
