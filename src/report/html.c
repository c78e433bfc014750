/* SPDX-License-Identifier: Apache-2.0 */
#include "report/template_parts.h"

#include <string.h>

/*
 * Follows HTML just so far that it is known where a value would land. Errs on the side of refusing: a template's author can always quote an
 * attribute.
 */
static void take_name(struct str *rest, char out[32])
{
	size_t n = 0;
	while (rest->n && (ch_is_alnum((unsigned char)rest->p[0]) || rest->p[0] == '-' || rest->p[0] == '_' || rest->p[0] == ':' || rest->p[0] == '/')) {
		if (n < 31)
			out[n++] = (char)ch_lower((unsigned char)rest->p[0]);
		*rest = str_sub(*rest, 1, rest->n);
	}
	out[n] = 0;
}

static bool is_raw(const char *element)
{
	return strcmp(element, "style") == 0 || strcmp(element, "script") == 0;
}

static void in_text(struct html_state *s, struct str *rest)
{
	size_t at = str_chr(*rest, '<');
	*rest = at == STR_NPOS ? STR("") : str_sub(*rest, at, rest->n);
	if (!rest->n)
		return;
	if (str_take(rest, STR("<!--"))) {
		s->place = HTML_COMMENT;
		return;
	}
	*rest = str_sub(*rest, 1, rest->n);
	if (rest->n && !ch_is_alpha((unsigned char)rest->p[0]) && rest->p[0] != '/' && rest->p[0] != '!')
		return; /* a bare '<' */
	s->place = HTML_TAG;
	str_take(rest, STR("!"));
	take_name(rest, s->element);
	s->name[0] = 0;
}

static void in_tag(struct html_state *s, struct str *rest)
{
	unsigned char c = (unsigned char)rest->p[0];
	if (ch_is_alpha(c)) {
		take_name(rest, s->name);
		return;
	}
	*rest = str_sub(*rest, 1, rest->n);
	if (c == '>')
		s->place = is_raw(s->element) ? HTML_RAW : HTML_TEXT;
	else if (c == '"' || c == '\'') {
		s->place = c == '"' ? HTML_DOUBLE : HTML_SINGLE;
		s->n_value = 0;
		s->local = false;
	}
}

static void in_value(struct html_state *s, struct str *rest)
{
	char quote = s->place == HTML_DOUBLE ? '"' : '\'';
	if (s->n_value == 0 && rest->p[0] == '#')
		s->local = true;
	size_t at = str_chr(*rest, quote), n = at == STR_NPOS ? rest->n : at;
	s->n_value += n;
	*rest = str_sub(*rest, at == STR_NPOS ? n : n + 1, rest->n);
	if (at != STR_NPOS) {
		s->place = HTML_TAG;
		s->name[0] = 0;
	}
}

static void until(struct html_state *s, struct str *rest, struct str end, bool back_to_tag)
{
	size_t at = str_ifind(*rest, end);
	*rest = at == STR_NPOS ? STR("") : str_sub(*rest, at + end.n, rest->n);
	if (at == STR_NPOS)
		return;
	s->place = back_to_tag ? HTML_TAG : HTML_TEXT;
	s->element[0] = s->name[0] = 0;
}

void html_follow(struct html_state *s, struct str rest)
{
	while (rest.n) {
		switch (s->place) {
		case HTML_TEXT: in_text(s, &rest); break;
		case HTML_TAG: in_tag(s, &rest); break;
		case HTML_DOUBLE:
		case HTML_SINGLE: in_value(s, &rest); break;
		case HTML_RAW: until(s, &rest, strcmp(s->element, "style") == 0 ? STR("</style") : STR("</script"), true); break;
		case HTML_COMMENT: until(s, &rest, STR("-->"), false); break;
		default: must_not_reach("a place of html_place");
		}
	}
}

const char *html_refusal(const struct html_state *s)
{
	static const char *const ACTIVE[] = {"style", "src", "srcset", "srcdoc", "action", "formaction", "data", "background", "poster", "ping", "http-equiv", "content"};
	static const char *const ADDRESS[] = {"href", "xlink:href"};
	if (s->place == HTML_TEXT)
		return NULL;
	if (s->place == HTML_TAG)
		return "inside a tag a value must stand in a quoted attribute";
	if (s->place == HTML_RAW)
		return "a value cannot stand in a style or a script";
	if (s->place == HTML_COMMENT)
		return "a value cannot stand in a comment";
	if (strncmp(s->name, "on", 2) == 0)
		return "a value cannot stand in an event handler";
	for (size_t i = 0; i < LEN(ACTIVE); i++)
		if (strcmp(s->name, ACTIVE[i]) == 0)
			return "a value cannot stand in this attribute";
	for (size_t i = 0; i < LEN(ADDRESS); i++)
		if (strcmp(s->name, ADDRESS[i]) == 0 && !s->local)
			return "a value can stand in an address only behind '#'";
	return NULL;
}

bool html_same(const struct html_state *a, const struct html_state *b)
{
	return a->place == b->place && (a->place == HTML_TEXT || (strcmp(a->element, b->element) == 0 && a->local == b->local));
}
