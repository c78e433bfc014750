/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "codec/japanese.h"
#include "codec/xml.h"

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

TEST_MAIN
