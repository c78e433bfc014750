/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "codec/japanese.h"
#include "codec/json.h"
#include "codec/xml.h"
#include "codec/yaml.h"

#include <errno.h>

/* Tokens as "(name @name=value 'text' )name", then the error's name. */
static void check_xml(const char *text, const char *want)
{
	struct xml x;
	enum xml_token token = XML_OPEN;
	struct arena mem;
	struct buf out = BUF_INIT(10000);
	int r = 0;
	arena_init(&mem, 0);
	xml_init(&x, str_c(text));
	while (token != XML_END && (r = xml_next(&x, &token)) == 0) {
		struct str value = token == XML_TEXT || token == XML_ATTRIBUTE ? xml_text(&x, &mem) : STR("");
		if (token == XML_OPEN)
			buf_addf(&out, "(%.*s ", STR_ARG(x.name));
		else if (token == XML_ATTRIBUTE)
			buf_addf(&out, "@%.*s=%.*s ", STR_ARG(x.name), STR_ARG(value));
		else if (token == XML_TEXT)
			buf_addf(&out, "'%.*s' ", STR_ARG(value));
		else if (token == XML_CLOSE)
			buf_addf(&out, ")%.*s ", STR_ARG(x.name));
	}
	buf_add_cstr(&out, r == 0 ? "end" : r == -EBADMSG ? "bad" : r == -ENODATA ? "short" : "deep");
	if (r == 0 && x.rest.n)
		buf_addf(&out, " rest %.*s", STR_ARG(x.rest));
	CHECK_STR(buf_str(&out), want);
	buf_done(&out);
	arena_done(&mem);
}

TEST(xml_tokens)
{
	check_xml("<a/>", "(a )a end");
	check_xml("<?xml version='1.0'?>\n<a x='1' y = \"2 &lt;\"><b>t &amp; &#65;&#x706b;</b><!-- c --><c><![CDATA[<&amp;]]></c></a> tail",
		"(a @x=1 @y=2 < (b 't & A火' )b (c '<&amp;' )c )a end rest  tail");
	check_xml("<n:a xmlns:n='u'>&nbsp;&#xFFFFFFF;&#;&</n:a>", "(n:a @xmlns:n=u '&nbsp;&#xFFFFFFF;&#;&' )n:a end");
	check_xml("", "end");
}

TEST(xml_that_is_broken)
{
	check_xml("<a>", "(a short");
	check_xml("<a><b></a>", "(a (b bad");
	check_xml("<a x=1/>", "(a bad");
	check_xml("<a x='1", "(a short");
	check_xml("text", "bad");
	check_xml("<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>", "bad");
	check_xml("</a>", "bad");
	char deep[300] = "";
	for (int i = 0; i < 70; i++)
		memcpy(deep + 3 * i, "<a>", 4);
	struct xml x;
	enum xml_token token;
	int r = 0;
	xml_init(&x, str_c(deep));
	while (r == 0)
		r = xml_next(&x, &token);
	CHECK_INT(r, -E2BIG);
}

static void check_japanese(const char *bytes, size_t n, enum japanese kind, const char *want)
{
	struct buf out = BUF_INIT(10000);
	CHECK_INT(japanese_detect(str_n(bytes, n)), kind);
	CHECK_INT(japanese_to_utf8(str_n(bytes, n), &out), kind != JAPANESE_NOT);
	CHECK_STR(buf_str(&out), want);
	buf_done(&out);
}

#define BYTES(lit) lit, sizeof(lit) - 1

TEST(japanese_encodings)
{
	check_japanese(BYTES("2026 \x83\x8d\x83\x4f\x83\x43\x83\x93\x8e\xb8\x94\x73"), JAPANESE_CP932, "2026 ログイン失敗");
	check_japanese(BYTES("2026 \xa5\xed\xa5\xb0\xa5\xa4\xa5\xf3\xbc\xba\xc7\xd4"), JAPANESE_EUC, "2026 ログイン失敗");
	check_japanese(BYTES("2026 \x1b$B%m%0%$%s<:GT\x1b(B ok"), JAPANESE_ISO2022, "2026 ログイン失敗 ok");
	check_japanese(BYTES("\x1b(I\x36\x45\x1b(B"), JAPANESE_ISO2022, "ｶﾅ");
	check_japanese(BYTES("\xb6\xc5\x20\x87\x40\xfa\xb1\x82\xa0"), JAPANESE_CP932, "ｶﾅ ①﨑あ"); /* NEC and IBM rows */
	check_japanese(BYTES("\x89\xce\x82\xcc\x8c\xa9"), JAPANESE_CP932, "火の見");
	check_japanese(BYTES("\xb2\xd0\xa4\xce\xb8\xab"), JAPANESE_EUC, "火の見");
}

TEST(other_text_is_left_alone)
{
	check_japanese(BYTES("plain \x1b[31mred\x1b[0m"), JAPANESE_NOT, "");
	check_japanese(BYTES("r\xe9sum\xe9 f\xfcr"), JAPANESE_NOT, "");
	check_japanese(BYTES("Fran\xe7ois"), JAPANESE_NOT, "");
	check_japanese(BYTES("\xff\xfe\x00"), JAPANESE_NOT, "");
	check_japanese(BYTES("\x82"), JAPANESE_NOT, "");
}

/* A byte of each kind at each place of texts around the writer's steps, against the same worked out byte by byte. */
static void check_written(char *text, size_t n, size_t at, unsigned char c)
{
	struct buf want = BUF_INIT(10000), got = BUF_INIT(10000), again = BUF_INIT(10000);
	memset(text, 'x', n);
	text[at] = (char)c;
	buf_addc(&want, '"');
	for (size_t i = 0; i < n; i++) {
		const char *letter = strchr("\bb\ff\nn\rr\tt\"\"\\\\", text[i]);
		if (i == at && c < 0x20 && !(letter && c))
			buf_addf(&want, "\\u%04x", c);
		else if (i == at && letter && c != 'b' && c != 'f' && c != 'n' && c != 'r' && c != 't')
			buf_addf(&want, "\\%c", letter[1]);
		else if (i == at && c >= 0x80)
			buf_add_cstr(&want, "\xEF\xBF\xBD");
		else
			buf_addc(&want, text[i]);
	}
	buf_addc(&want, '"');
	json_add_string(&got, str_n(text, n));
	CHECK_STR(buf_str(&got), buf_cstr(&want));
	CHECK(json_add_string_as_written(&again, str_sub(buf_str(&got), 1, got.n - 1)) == !(c < 0x20 && strchr(buf_cstr(&want), 'u')));
	if (again.n)
		CHECK_STR(buf_str(&again), buf_cstr(&want));
	buf_done(&want);
	buf_done(&got);
	buf_done(&again);
}

TEST(json_strings_written)
{
	static const unsigned char kinds[] = {0, 1, '\b', '\t', '\n', 0x1f, ' ', '"', '\\', 'b', 'n', 0x7f, 0x80, 0xff};
	static const size_t sizes[] = {1, 7, 8, 9, 15, 16, 17, 33, 255, 256, 257, 520};
	char text[520];
	for (size_t i = 0; i < LEN(sizes); i++)
		for (size_t at = 0; at < sizes[i]; at++)
			for (size_t k = 0; k < sizeof(kinds); k++)
				check_written(text, sizes[i], at, kinds[k]);
}

/* Characters of two to four bytes at each place around the writer's pieces, and what is left of one that is cut off. */
TEST(json_strings_keep_characters)
{
	static const char *const wide[] = {"\xc3\xa9", "火", "\xf0\x9f\x94\xa5"};
	char text[300];
	for (size_t at = 0; at < 270; at++)
		for (size_t k = 0; k < LEN(wide); k++) {
			struct buf whole = BUF_INIT(1000), cut = BUF_INIT(1000);
			size_t n = strlen(wide[k]);
			memset(text, 'x', sizeof(text));
			memcpy(text + at, wide[k], n);
			json_add_string(&whole, str_n(text, sizeof(text)));
			CHECK_INT(whole.n, sizeof(text) + 2);
			CHECK(memcmp(whole.p + 1, text, sizeof(text)) == 0);
			json_add_string(&cut, str_n(text, at + n - 1));
			CHECK_INT(cut.n, at + 3 * (n - 1) + 2);
			CHECK(str_ends(str_sub(buf_str(&cut), 0, cut.n - 1), STR("\xEF\xBF\xBD")));
			CHECK(!json_add_string_as_written(&cut, str_n(text, at + n - 1)));
			buf_done(&whole);
			buf_done(&cut);
		}
}

/* Escapes one behind the other at each place of texts around the copier's steps: taken when each is whole and one that the writer would write. */
static void check_copied(const char *escapes, bool want)
{
	char text[60];
	size_t n = strlen(escapes);
	for (size_t size = n; size <= sizeof(text); size++)
		for (size_t at = 0; at + n <= size; at++) {
			struct buf out = BUF_INIT(1000);
			memset(text, 'x', size);
			memcpy(text + at, escapes, n);
			buf_addc(&out, ':');
			CHECK_INT(json_add_string_as_written(&out, str_n(text, size)), want);
			CHECK_INT(out.n, want ? size + 3 : 1);
			CHECK(out.p[out.n] == 0);
			CHECK(!want || (str_starts(buf_str(&out), STR(":\"")) && memcmp(out.p + 2, text, size) == 0 && out.p[size + 2] == '"'));
			buf_done(&out);
		}
}

TEST(json_strings_copied)
{
	static const char *const good[] = {"\\\\", "\\\"", "\\\\\\\\", "\\\\\\\"", "\\\"\\\"", "\\n\\\\x\\\"", "\\\\火\\\\", "\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\"};
	static const char *const bad[] = {"\\\\\"", "\\\\\\x", "\\\\x\"\\\"", "\"\"", "\"\\", "\\\x01", "\\\xe9", "\\\xe9\\", "\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\x"};
	for (size_t i = 0; i < LEN(good); i++)
		check_copied(good[i], true);
	for (size_t i = 0; i < LEN(bad); i++)
		check_copied(bad[i], false);
	static const char *const other[] = {"a\\/b", "\\u0041", "\\u001f", "tail\\", "\"", "\x1f", "\xff", "\\x"};
	struct buf out = BUF_INIT(100);
	for (size_t i = 0; i < LEN(other); i++)
		CHECK(!json_add_string_as_written(&out, str_c(other[i])));
	CHECK_INT(out.n, 0);
	CHECK(json_add_string_as_written(&out, STR("\\\\ \\\" \\n 火")));
	CHECK_STR(buf_str(&out), "\"\\\\ \\\" \\n 火\"");
	buf_done(&out);
}

/* Text that fits the cap as it is written goes in, whatever the worst case would take. */
TEST(json_strings_fill_the_cap)
{
	struct buf out = BUF_INIT(12);
	CHECK_INT(json_add_string(&out, STR("0123456789")), 0);
	CHECK_INT(json_add_string(&out, STR("0")), -E2BIG);
	buf_done(&out);
}

TEST(yaml_of_no_text)
{
	struct yaml_doc *docs;
	struct arena mem;
	struct diag d;
	arena_init(&mem, 0);
	diag_init(&d);
	CHECK_INT(yaml_read(STR_NONE, &mem, &d, &docs), 0);
	CHECK(docs == NULL || docs->root == NULL);
	diag_done(&d);
	arena_done(&mem);
}

TEST_MAIN
