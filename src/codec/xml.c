/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/xml.h"

#include "base/num.h"
#include "base/utf8.h"

#include <errno.h>

void xml_init(struct xml *x, struct str text)
{
	*x = (struct xml){.rest = text, .start = text.p};
}

static void skip_blanks(struct str *s)
{
	size_t n = 0;
	while (n < s->n && ch_is_space((unsigned char)s->p[n]))
		n++;
	*s = str_sub(*s, n, s->n);
}

/* Up to a literal, which is taken too. */
static bool take_until(struct str *s, struct str literal, struct str *ret)
{
	size_t at = str_find(*s, literal);
	if (at == STR_NPOS)
		return false;
	*ret = str_sub(*s, 0, at);
	*s = str_sub(*s, at + literal.n, s->n);
	return true;
}

static bool take_name(struct str *s, struct str *ret)
{
	size_t n = 0;
	while (n < s->n) {
		unsigned char c = (unsigned char)s->p[n];
		if (!(ch_is_alpha(c) || c == '_' || c == ':' || c >= 0x80 || (n && (ch_is_digit(c) || c == '-' || c == '.'))))
			break;
		n++;
	}
	*ret = str_sub(*s, 0, n);
	*s = str_sub(*s, n, s->n);
	return n > 0;
}

static int short_of(const struct xml *x)
{
	return x->rest.n ? -EBADMSG : -ENODATA;
}

static int in_tag(struct xml *x, enum xml_token *ret)
{
	struct str s = x->rest;
	skip_blanks(&s);
	if (str_take(&s, STR(">"))) {
		x->in_tag = false;
		x->rest = s;
		return 0;
	}
	if (str_take(&s, STR("/>"))) {
		x->in_tag = false;
		x->empty = true;
		x->rest = s;
		return 0;
	}
	x->rest = s;
	if (!take_name(&x->rest, &x->name))
		return short_of(x);
	skip_blanks(&x->rest);
	if (!str_take(&x->rest, STR("=")))
		return short_of(x);
	skip_blanks(&x->rest);
	bool single = str_take(&x->rest, STR("'"));
	if (!single && !str_take(&x->rest, STR("\"")))
		return short_of(x);
	if (!take_until(&x->rest, single ? STR("'") : STR("\""), &x->text))
		return -ENODATA;
	x->cdata = false;
	*ret = XML_ATTRIBUTE;
	return 1;
}

static int open_tag(struct xml *x, enum xml_token *ret)
{
	if (!take_name(&x->rest, &x->name))
		return short_of(x);
	if (x->depth == XML_DEPTH_MAX)
		return -E2BIG;
	x->open[x->depth++] = x->name;
	x->in_tag = true;
	*ret = XML_OPEN;
	return 1;
}

static int close_tag(struct xml *x, enum xml_token *ret)
{
	if (!x->empty) {
		if (!take_name(&x->rest, &x->name))
			return short_of(x);
		skip_blanks(&x->rest);
		if (!str_take(&x->rest, STR(">")))
			return short_of(x);
	}
	if (!x->depth || (!x->empty && !str_eq(x->open[x->depth - 1], x->name)))
		return -EBADMSG;
	x->empty = false;
	x->name = x->open[--x->depth];
	*ret = XML_CLOSE;
	return 1;
}

/* Markup and text between tags. 0 = nothing worth a token was taken, go on. */
static int between(struct xml *x, enum xml_token *ret)
{
	struct str skipped;
	if (!x->depth)
		skip_blanks(&x->rest);
	if (!x->rest.n) {
		*ret = XML_END;
		return x->depth ? -ENODATA : 1;
	}
	if (x->rest.p[0] != '<') {
		if (!x->depth)
			return -EBADMSG;
		size_t n = str_chr(x->rest, '<');
		if (n == STR_NPOS)
			return -ENODATA;
		x->text = str_sub(x->rest, 0, n);
		x->rest = str_sub(x->rest, n, x->rest.n);
		x->cdata = false;
		*ret = XML_TEXT;
		return 1;
	}
	if (str_take(&x->rest, STR("<!--")))
		return take_until(&x->rest, STR("-->"), &skipped) ? 0 : -ENODATA;
	if (str_take(&x->rest, STR("<?")))
		return take_until(&x->rest, STR("?>"), &skipped) ? 0 : -ENODATA;
	if (str_take(&x->rest, STR("<![CDATA["))) {
		if (!x->depth || !take_until(&x->rest, STR("]]>"), &x->text))
			return -ENODATA;
		x->cdata = true;
		*ret = XML_TEXT;
		return 1;
	}
	str_take(&x->rest, STR("<"));
	return str_take(&x->rest, STR("/")) ? close_tag(x, ret) : open_tag(x, ret);
}

int xml_next(struct xml *x, enum xml_token *ret)
{
	int r = 0;
	/* Behind the outermost element. */
	if (!x->depth && !x->in_tag && !x->empty && x->name.p) {
		*ret = XML_END;
		return 0;
	}
	while (r == 0)
		r = x->empty ? close_tag(x, ret) : x->in_tag ? in_tag(x, ret) : between(x, ret);
	return r < 0 ? r : 0;
}

/* &lt; &#10; &#x1F525; behind the ampersand: bytes taken, 0 when it is none. */
static size_t entity(struct str s, uint32_t *ret)
{
	static const struct {
		const char *name;
		uint32_t cp;
	} known[] = {{"lt;", '<'}, {"gt;", '>'}, {"amp;", '&'}, {"quot;", '"'}, {"apos;", '\''}};
	uint64_t v;
	for (size_t i = 0; i < LEN(known); i++)
		if (str_starts(s, str_c(known[i].name))) {
			*ret = known[i].cp;
			return strlen(known[i].name);
		}
	size_t end = str_chr(str_sub(s, 0, 12), ';');
	if (end == STR_NPOS || s.p[0] != '#')
		return 0;
	bool hex = end > 2 && (s.p[1] == 'x' || s.p[1] == 'X');
	struct str digits = str_sub(s, hex ? 2 : 1, end);
	if (!(hex ? ch_hex((unsigned char)digits.p[0]) >= 0 && num_hex64(digits, &v) : num_u64(digits, &v)) || v > 0x10FFFF)
		return 0;
	*ret = (uint32_t)v;
	return end + 1;
}

struct str xml_text(const struct xml *x, struct arena *mem)
{
	size_t at = x->cdata ? STR_NPOS : str_chr(x->text, '&'), n = 0;
	if (at == STR_NPOS)
		return x->text;
	char *out = arena_alloc(mem, x->text.n + 4);
	if (!out)
		return STR_NONE;
	for (size_t i = 0; i < x->text.n;) {
		uint32_t cp;
		size_t took = x->text.p[i] == '&' ? entity(str_sub(x->text, i + 1, x->text.n), &cp) : 0;
		if (took) {
			n += utf8_put(out + n, cp); /* never longer than the reference: &#x10FFFF; is 10 bytes, its character 4 */
			i += took + 1;
		} else {
			out[n++] = x->text.p[i++];
		}
	}
	return str_n(out, n);
}
