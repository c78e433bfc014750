/* SPDX-License-Identifier: Apache-2.0 */
#include "report/template.h"

#include "base/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- files that live in the test --------------------------------------------------------------------------------------------------------------------------- */

struct named {
	const char *name, *text;
};

static int source(void *arg, struct str name, struct buf *ret_text)
{
	for (const struct named *f = arg; f->name; f++)
		if (str_eq(str_c(f->name), name))
			return buf_add_cstr(ret_text, f->text);
	return -ENOENT;
}

static json_t *model(void)
{
	return json_pack("{s:s, s:s, s:s, s:i, s:i, s:n, s:[], s:[{s:s,s:i},{s:s,s:i}], s:{s:{s:s}}, s:b}", "title", "<b>\"Fire\" & 'smoke'</b>", "evil", "a\xe2\x80\xae" "b\x01", "at", "2026-11-22T01:02:03.5Z", "n",
		12345, "seconds", 3720, "none", "empty", "list", "name", "one", "n", 1, "name", "two", "n", 2, "a", "b", "c", "deep", "yes", 1);
}

static const struct template_env JA = {true, 9 * 3600}, EN = {false, 0};

static void check_files(struct named *files, const struct template_env *env, const char *want)
{
	struct template *t;
	struct diag d;
	struct buf out = BUF_INIT(1u << 20), text = BUF_INIT(1u << 20);
	json_t *m = model();
	diag_init(&d);
	int r = template_parse(STR("main"), source, files, &d, &t);
	if (r == 0)
		r = template_render(t, m, env, &d, &out);
	diag_print(&d, &text);
	CHECK_STR(buf_str(&text), "");
	CHECK_INT(r, 0);
	CHECK_STR(buf_str(&out), want);
	template_unref(t);
	json_decref(m);
	diag_done(&d);
	buf_done(&out);
	buf_done(&text);
}

static void check(const char *text, const char *want)
{
	struct named files[] = {{"main", text}, {0}};
	check_files(files, &JA, want);
}

/* The template is refused, or its rendering: "line:column code". */
static void check_bad(const char *text, const char *want)
{
	struct named files[] = {{"main", text}, {"me.html", "{% include \"me.html\" %}"}, {"bad.html", "x\n {{ }}"}, {0}};
	struct template *t = NULL;
	struct diag d;
	struct buf out = BUF_INIT(1u << 20);
	char got[300] = "nothing";
	json_t *m = model();
	diag_init(&d);
	int r = template_parse(STR("main"), source, files, &d, &t);
	if (r == 0)
		r = template_render(t, m, &JA, &d, &out);
	if (d.items.n)
		snprintf(got, sizeof(got), "%.*s:%u:%u %s", STR_ARG(d.items.at[0].file), d.items.at[0].line, d.items.at[0].column, d.items.at[0].code);
	CHECK_STR(str_c(got), want);
	CHECK_INT(r, -EINVAL);
	CHECK_INT(d.items.n, 1);
	template_unref(t);
	json_decref(m);
	diag_done(&d);
	buf_done(&out);
}

TEST(values_are_always_escaped)
{
	check("<p>{{ title }}</p>", "<p>&lt;b&gt;&quot;Fire&quot; &amp; &#39;smoke&#39;&lt;/b&gt;</p>");
	check("<p title=\"{{ title }}\">{{a.b.c}}{{none}}|{{ n }}</p>", "<p title=\"&lt;b&gt;&quot;Fire&quot; &amp; &#39;smoke&#39;&lt;/b&gt;\">deep|12345</p>");
	check("{{ evil }}", "a⟨U+202E⟩b⟨U+0001⟩");
	check("{{ \"<x>\" }}", "&lt;x&gt;");
	check("{% say \"<甲>\" \"b\" %}", "&lt;甲&gt;");
}

TEST(a_text_is_in_one_of_two_languages)
{
	struct named files[] = {{"main", "{% say \"時系列\" \"Timeline\" %} {{ seconds | duration }} {{ at | day }} {{ at | time }}"}, {0}};
	check_files(files, &JA, "時系列 1時間2分 2026年11月22日 (日) 2026-11-22 10:02:03 +09:00");
	check_files(files, &EN, "Timeline 1 h 2 min Sunday, 22 November 2026 2026-11-22 01:02:03 +00:00");
}

TEST(filters_write_for_people)
{
	check("{{ n | count }} {{ at | minute }} {{ at | date }} {{ at | clock }} {{ list | json }}",
		"12,345 2026-11-22 10:02 +09:00 2026-11-22 2026-11-22 10:02:03 [{&quot;n&quot;:1,&quot;name&quot;:&quot;one&quot;},{&quot;n&quot;:2,&quot;name&quot;:&quot;two&quot;}]");
	check("{{ none | time }}", "");
}

TEST(conditions_choose)
{
	check("{% if yes and not none %}a{% elif n == 1 %}b{% else %}c{% end %}", "a");
	check("{% if empty or none %}a{% elif n == 12345 %}b{% else %}c{% end %}", "b");
	check("{% if a.b.c != \"deep\" %}a{% elif (none or empty) and yes %}b{% else %}c{% end %}", "c");
	check("{% if nosuch? %}a{% else %}b{% end %}{% if a.x.y? == \"\" %}c{% end %}", "b");
	check("{% if not not yes %}{% if none %}x{% end %}y{% end %}", "y");
}

TEST(loops_know_their_number)
{
	check("{% for x in list %}{{ loop.number }}{{ x.name }}{% if not loop.last %}, {% end %}{% end %}", "1one, 2two");
	check("{% for x in empty %}x{% else %}none{% end %}", "none");
	check("{% for x in none %}x{% else %}none{% end %}", "none");
	check("{% for x in list %}{% for y in list %}{{ x.n }}{{ y.n }} {% end %}{% end %}", "11 12 21 22 ");
}

TEST(files_include_files)
{
	struct named files[] = {{"main", "<ul>\n{% for x in list %}\n  {% include \"item.html\" with it = x %}\n{% end %}\n</ul>\n"}, {"item.html", "<li>{{ it.name }} {{ x.n }} {{ a.b.c }}</li>\n"}, {0}};
	check_files(files, &JA, "<ul>\n<li>one 1 deep</li>\n<li>two 2 deep</li>\n</ul>\n");
}

TEST(a_tag_alone_takes_its_line_along)
{
	check("a\n  {# remark #}\nb\n{% if yes %}\nc\n  {% end %}\nd {% if yes %}e{% end %}\nf", "a\nb\nc\nd e\nf");
}

TEST(what_is_wrong_is_told_with_its_place)
{
	check_bad("ab\n  {{ title", "main:2:3 template.not_closed");
	check_bad("{{ }}", "main:1:4 template.bad_expression");
	check_bad("{{ titel }}", "main:1:4 template.no_member");
	check_bad("{{ a.b.d }}", "main:1:4 template.no_member");
	check_bad("{{ a. }}", "main:1:7 template.bad_path");
	check_bad("{{ at | tiem }}", "main:1:1 template.unknown_filter");
	check_bad("{{ n | time }}", "main:1:1 template.bad_value");
	check_bad("{{ list }}", "main:1:1 template.bad_value");
	check_bad("{{ title title }}", "main:1:10 template.too_much");
	check_bad("{% wen x %}", "main:1:1 template.unknown_tag");
	check_bad("\n{% if yes %}", "main:2:1 template.no_end");
	check_bad("a{% end %}", "main:1:4 template.no_begin");
	check_bad("{% for in list %}{% end %}", "main:1:1 template.bad_for");
	check_bad("{% for x in title %}{% end %}", "main:1:1 template.bad_value");
	check_bad("{% say \"a\" %}", "main:1:1 template.bad_say");
	check_bad("{% include \"nosuch\" %}", "main:1:1 template.unreadable");
	check_bad("{% include \"../x\" %}", "main:1:1 template.unreadable");
	check_bad("{% include \"me.html\" %}", "me.html:1:1 template.circle");
	check_bad("{% include \"bad.html\" %}", "bad.html:2:5 template.bad_expression");
	check_bad("a\xff", "main:1:2 template.no_utf8");
}

TEST(values_stand_only_where_they_are_harmless)
{
	check_bad("<p class={{ title }}>", "main:1:10 template.bad_place");
	check_bad("<p {{ title }}>", "main:1:4 template.bad_place");
	check_bad("<{{ title }}>", "main:1:2 template.bad_place");
	check_bad("<style>a{color:{{ title }}}</style>", "main:1:16 template.bad_place");
	check_bad("<script>{{ title }}</script>", "main:1:9 template.bad_place");
	check_bad("<!-- {{ title }} -->", "main:1:6 template.bad_place");
	check_bad("<p onclick=\"{{ title }}\">", "main:1:13 template.bad_place");
	check_bad("<a href=\"{{ title }}\">", "main:1:10 template.bad_place");
	check_bad("<a href=\"{{ title }}#\">", "main:1:10 template.bad_place");
	check_bad("<img src=\"#{{ title }}\">", "main:1:12 template.bad_place");
	check_bad("<p style=\"x{{ n }}\">", "main:1:12 template.bad_place");
	check_bad("<p {% if yes %}class=\"{% end %}x\">", "main:1:4 template.unbalanced");
	check_bad("<p {% include \"bad.html\" %}>", "main:1:4 template.bad_place");
	check_bad("<p class=\"x", "main:1:12 template.unbalanced");
	check("<style>p{}</style><a href=\"#l{{ n }}\" class='{{ n }}'>1 < 2</a>", "<style>p{}</style><a href=\"#l12345\" class='12345'>1 < 2</a>");
}

TEST(nesting_has_an_end)
{
	struct buf text = BUF_INIT(1u << 20);
	for (int i = 0; i < 100; i++)
		buf_add_cstr(&text, "{% if yes %}");
	check_bad(buf_cstr(&text), "main:1:373 template.too_deep");
	buf_reset(&text);
	for (int i = 0; i < 100; i++)
		buf_add_cstr(&text, i ? "{% elif yes %}" : "{% if yes %}");
	check_bad(buf_cstr(&text), "main:1:1 template.too_deep");
	buf_reset(&text);
	buf_add_cstr(&text, "{{ ");
	for (int i = 0; i < 100000; i++)
		buf_addc(&text, '(');
	buf_add_cstr(&text, " }}");
	check_bad(buf_cstr(&text), "main:1:35 template.bad_expression");
	buf_done(&text);
}

TEST(the_output_has_an_end)
{
	struct named files[] = {{"main", "{% for x in list %}{{ title }}{% end %}"}, {0}};
	struct template *t;
	struct diag d;
	struct buf out = BUF_INIT(50);
	json_t *m = model();
	diag_init(&d);
	CHECK_INT(template_parse(STR("main"), source, files, &d, &t), 0);
	CHECK_INT(template_render(t, m, &JA, &d, &out), -E2BIG);
	template_unref(t);
	json_decref(m);
	diag_done(&d);
	buf_done(&out);
}

TEST_MAIN
