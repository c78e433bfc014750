/* SPDX-License-Identifier: Apache-2.0 */
#include "report/template_parts.h"

#include "base/num.h"
#include "base/utf8.h"
#include "sys/file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX_BYTES (1u << 20)
#define MEM_MAX (16u << 20)
#define DEPTH_MAX 32

struct parse {
	struct template *t;
	template_source *source;
	void *arg;
	struct diag *d;
	const struct template_file *file;
	struct str all, rest; /* of the file */
	const char *asked;    /* place_of */
	struct diag_at asked_at;
	struct html_state html;
	unsigned depth;
	bool failed;
};

/* ---- places and findings ---------------------------------------------------------------------------------------------------------------------------------- */

/* From where it was asked last, or from the beginning: tags are asked for in order. */
static struct diag_at place_of(struct parse *p, const char *at)
{
	if (!p->asked || at < p->asked) {
		p->asked = p->all.p;
		p->asked_at = (struct diag_at){1, 1};
	}
	for (; p->asked < at; p->asked++) {
		p->asked_at.column++;
		if (*p->asked == '\n') {
			p->asked_at.line++;
			p->asked_at.column = 1;
		}
	}
	return p->asked_at;
}

/* The first finding of a file is told, later ones are mostly its echo. hint may be NULL. */
static void PRINTF_LIKE(5, 6) refuse(struct parse *p, struct diag_at at, const char *code, const char *hint, const char *fmt, ...)
{
	char text[600];
	va_list ap;
	if (p->failed)
		return;
	p->failed = true;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diag_file(p->d, p->file->name);
	diag_error(p->d, at, code, "%s", text);
	if (hint)
		diag_hint(p->d, "%s", hint);
	diag_file(p->d, STR(""));
}

static void *make(struct parse *p, size_t size)
{
	void *m = arena_zalloc(&p->t->mem, size);
	if (!m)
		refuse(p, (struct diag_at){0}, "template.too_large", NULL, "the template is too large");
	return m;
}

/* ---- expressions --------------------------------------------------------------------------------------------------------------------------------------------- */

/* What stands between the braces of a tag. */
struct lex {
	struct parse *p;
	struct str rest;
};

static struct diag_at lex_at(const struct lex *x)
{
	return place_of(x->p, x->rest.p);
}

static void blanks(struct lex *x)
{
	while (x->rest.n && ch_is_space((unsigned char)x->rest.p[0]))
		x->rest = str_sub(x->rest, 1, x->rest.n);
}

static bool is_word(unsigned char c)
{
	return ch_is_alnum(c) || c == '_';
}

static bool take_word(struct lex *x, struct str *ret)
{
	size_t n = 0;
	blanks(x);
	while (n < x->rest.n && is_word((unsigned char)x->rest.p[n]))
		n++;
	if (!n || ch_is_digit((unsigned char)x->rest.p[0]))
		return false;
	*ret = str_sub(x->rest, 0, n);
	x->rest = str_sub(x->rest, n, x->rest.n);
	return true;
}

/* The word itself, not the beginning of a longer one. */
static bool take_key(struct lex *x, const char *word)
{
	struct lex was = *x;
	struct str got;
	if (take_word(x, &got) && str_eq(got, str_c(word)) && (!x->rest.n || x->rest.p[0] != '.'))
		return true;
	*x = was;
	return false;
}

static bool take_sign(struct lex *x, const char *sign)
{
	blanks(x);
	return str_take(&x->rest, str_c(sign));
}

static bool take_quoted(struct lex *x, struct str *ret)
{
	blanks(x);
	if (!x->rest.n || x->rest.p[0] != '"')
		return false;
	size_t end = str_chr(str_sub(x->rest, 1, x->rest.n), '"');
	if (end == STR_NPOS)
		return false;
	*ret = arena_dup(&x->p->t->mem, str_sub(x->rest, 1, end + 1));
	x->rest = str_sub(x->rest, end + 2, x->rest.n);
	return ret->p != NULL;
}

static struct expr *expr_new(struct lex *x, enum expr_kind kind, struct expr *a, struct expr *b)
{
	struct expr *e = make(x->p, sizeof(*e));
	if (!e)
		return NULL;
	*e = (struct expr){.kind = kind, .at = lex_at(x), .a = a, .b = b};
	return e;
}

static struct expr *parse_or(struct lex *x);

static struct expr *parse_path(struct lex *x, struct diag_at at, const char *from)
{
	struct str word;
	struct expr *e = expr_new(x, EXPR_PATH, NULL, NULL);
	while (e && x->rest.n && x->rest.p[0] == '.') {
		x->rest = str_sub(x->rest, 1, x->rest.n);
		if (!take_word(x, &word)) {
			refuse(x->p, lex_at(x), "template.bad_path", NULL, "a name must follow the dot");
			return NULL;
		}
	}
	if (!e)
		return NULL;
	e->at = at;
	e->text = arena_dup(&x->p->t->mem, str_n(from, (size_t)(x->rest.p - from)));
	e->optional = str_take(&x->rest, STR("?"));
	return e->text.p ? e : NULL;
}

static struct expr *parse_operand(struct lex *x)
{
	struct str text, word;
	struct expr *e;
	uint64_t number;
	blanks(x);
	struct diag_at at = lex_at(x);
	const char *from = x->rest.p;
	if (take_quoted(x, &text)) {
		if ((e = expr_new(x, EXPR_TEXT, NULL, NULL)))
			e->text = text;
		return e;
	}
	if (num_take_u64(&x->rest, 15, &number)) {
		if ((e = expr_new(x, EXPR_NUMBER, NULL, NULL)))
			e->number = (int64_t)number;
		return e;
	}
	if (take_sign(x, "(")) {
		e = ++x->p->depth <= DEPTH_MAX ? parse_or(x) : NULL;
		x->p->depth--;
		if (e && take_sign(x, ")"))
			return e;
		refuse(x->p, at, "template.bad_expression", NULL, "the bracket is not closed");
		return NULL;
	}
	if (take_word(x, &word))
		return parse_path(x, at, from);
	refuse(x->p, at, "template.bad_expression", "a name (incident.title), a \"text\" or a number", "an expression is missing here");
	return NULL;
}

static struct expr *parse_compare(struct lex *x)
{
	struct expr *a = parse_operand(x);
	enum expr_kind kind;
	if (!a)
		return NULL;
	if (take_sign(x, "=="))
		kind = EXPR_EQ;
	else if (take_sign(x, "!="))
		kind = EXPR_NE;
	else
		return a;
	struct expr *b = parse_operand(x);
	return b ? expr_new(x, kind, a, b) : NULL;
}

static struct expr *parse_not(struct lex *x)
{
	bool negated = false;
	while (take_key(x, "not"))
		negated = !negated;
	struct expr *e = parse_compare(x);
	return e && negated ? expr_new(x, EXPR_NOT, e, NULL) : e;
}

static struct expr *parse_and(struct lex *x)
{
	struct expr *e = parse_not(x);
	while (e && take_key(x, "and")) {
		struct expr *b = parse_not(x);
		e = b ? expr_new(x, EXPR_AND, e, b) : NULL;
	}
	return e;
}

static struct expr *parse_or(struct lex *x)
{
	struct expr *e = parse_and(x);
	while (e && take_key(x, "or")) {
		struct expr *b = parse_and(x);
		e = b ? expr_new(x, EXPR_OR, e, b) : NULL;
	}
	return e;
}

/* ---- tags ---------------------------------------------------------------------------------------------------------------------------------------------------------- */

static struct node *parse_nodes(struct parse *p, struct lex *ret_end);

static struct node *node_new(struct parse *p, enum node_kind kind, struct diag_at at)
{
	struct node *n = make(p, sizeof(*n));
	if (n)
		*n = (struct node){.kind = kind, .at = at, .filter = -1};
	return n;
}

static void expect_end(struct lex *x)
{
	blanks(x);
	if (x->rest.n)
		refuse(x->p, lex_at(x), "template.too_much", NULL, "there is more in this tag than belongs to it: \"%.*s\"", STR_ARG(str_sub(x->rest, 0, 40)));
}

static void check_place(struct parse *p, struct diag_at at)
{
	const char *why = html_refusal(&p->html);
	if (why)
		refuse(p, at, "template.bad_place", NULL, "%s", why);
	p->html.n_value++;
}

static struct node *parse_value(struct parse *p, struct lex *x, struct diag_at at)
{
	struct node *n = node_new(p, NODE_VALUE, at);
	struct str name;
	if (!n)
		return NULL;
	check_place(p, at);
	n->expr = parse_or(x);
	if (n->expr && take_sign(x, "|")) {
		struct str names[32];
		if (!take_word(x, &name))
			name = STR("");
		for (size_t i = 0; i < FILTERS_N; i++) {
			names[i] = str_c(FILTERS[i].name);
			if (str_eq(names[i], name))
				n->filter = (int)i;
		}
		if (n->filter < 0) {
			refuse(p, at, "template.unknown_filter", NULL, "there is no filter \"%.*s\"", STR_ARG(name));
			diag_suggest(p->d, name, names, FILTERS_N);
		}
	}
	expect_end(x);
	return n;
}

static struct node *parse_say(struct parse *p, struct lex *x, struct diag_at at)
{
	struct node *n = node_new(p, NODE_SAY, at);
	if (!n)
		return NULL;
	check_place(p, at);
	if (!take_quoted(x, &n->text) || !take_quoted(x, &n->other_text))
		refuse(p, at, "template.bad_say", "{% say \"時系列\" \"Timeline\" %}", "say needs two quoted texts: Japanese, then English");
	expect_end(x);
	return n;
}

/* Both ways out of a branch must leave the HTML where they found it. */
static void check_same(struct parse *p, const struct html_state *was, struct diag_at at)
{
	if (!html_same(was, &p->html))
		refuse(p, at, "template.unbalanced", NULL, "a tag or an attribute is opened or closed only on one way through this block");
	p->html = *was;
}

static void refuse_depth(struct parse *p, struct diag_at at)
{
	refuse(p, at, "template.too_deep", NULL, "blocks are nested deeper than %d", DEPTH_MAX);
}

static bool is_end(struct lex x, const char *word)
{
	return take_key(&x, word);
}

/* Behind the body of a block: perhaps else with another body (the answer), then end. */
static struct node *parse_else(struct parse *p, struct lex *end, const struct html_state *was, struct diag_at at)
{
	struct node *other = NULL;
	if (take_key(end, "else")) {
		expect_end(end);
		other = parse_nodes(p, end);
		if (!p->failed)
			check_same(p, was, at);
	}
	if (!p->failed && !take_key(end, "end"))
		refuse(p, at, "template.no_end", NULL, "this block has no {%% end %%}");
	return other;
}

/* The rest of an if: condition, body, then elif, else or end. */
static struct node *parse_if(struct parse *p, struct lex *x, struct diag_at at)
{
	struct node *n = node_new(p, NODE_IF, at);
	struct html_state was = p->html;
	struct lex end;
	if (!n)
		return NULL;
	n->expr = parse_or(x);
	expect_end(x);
	n->body = parse_nodes(p, &end);
	if (p->failed)
		return n;
	check_same(p, &was, at);
	if (!take_key(&end, "elif")) {
		n->other = parse_else(p, &end, &was, at);
		return n;
	}
	if (++p->depth > DEPTH_MAX)
		refuse_depth(p, at);
	else
		n->other = parse_if(p, &end, at);
	p->depth--;
	return n;
}

static struct node *parse_for(struct parse *p, struct lex *x, struct diag_at at)
{
	struct node *n = node_new(p, NODE_FOR, at);
	struct html_state was = p->html;
	struct lex end;
	if (!n)
		return NULL;
	if (!take_word(x, &n->text) || !take_key(x, "in"))
		refuse(p, at, "template.bad_for", "{% for x in list %}", "for needs a name and a list");
	n->text = arena_dup(&p->t->mem, n->text);
	n->expr = p->failed ? NULL : parse_or(x);
	expect_end(x);
	n->body = p->failed ? NULL : parse_nodes(p, &end);
	if (p->failed)
		return n;
	check_same(p, &was, at);
	n->other = parse_else(p, &end, &was, at);
	return n;
}

static const struct template_file *parse_file(struct parse *from, struct str name, struct diag_at at);

static struct node *parse_include(struct parse *p, struct lex *x, struct diag_at at)
{
	struct node *n = node_new(p, NODE_INCLUDE, at);
	struct str name;
	if (!n)
		return NULL;
	if (p->html.place != HTML_TEXT)
		refuse(p, at, "template.bad_place", NULL, "include stands between elements, not inside a tag");
	if (!take_quoted(x, &name)) {
		refuse(p, at, "template.bad_include", "{% include \"refs.html\" with refs = x.refs %}", "include needs a quoted file name");
		return n;
	}
	if (take_key(x, "with")) {
		if (!take_word(x, &n->text) || !take_sign(x, "=") || !(n->expr = parse_or(x)))
			refuse(p, at, "template.bad_include", "{% include \"refs.html\" with refs = x.refs %}", "with needs a name, '=' and a value");
		else
			n->text = arena_dup(&p->t->mem, n->text);
	}
	expect_end(x);
	if (!p->failed)
		n->file = parse_file(p, name, at);
	return n;
}

static struct node *parse_block(struct parse *p, struct lex *x, struct diag_at at)
{
	static const struct {
		const char *word;
		struct node *(*parse)(struct parse *p, struct lex *x, struct diag_at at);
	} BLOCKS[] = {{"say", parse_say}, {"if", parse_if}, {"for", parse_for}, {"include", parse_include}};
	struct node *n = NULL;
	for (size_t i = 0; i < LEN(BLOCKS); i++)
		if (take_key(x, BLOCKS[i].word)) {
			n = ++p->depth <= DEPTH_MAX ? BLOCKS[i].parse(p, x, at) : NULL;
			p->depth--;
			if (!n)
				refuse_depth(p, at);
			return n;
		}
	refuse(p, at, "template.unknown_tag", "say if elif else for include end", "there is no such tag");
	return NULL;
}

/* ---- text ------------------------------------------------------------------------------------------------------------------------------------------------------------ */

/* The next "{{", "{%" or "{#", or the end. */
static size_t find_tag(struct str s)
{
	for (size_t i = 0; i + 1 < s.n; i++)
		if (s.p[i] == '{' && (s.p[i + 1] == '{' || s.p[i + 1] == '%' || s.p[i + 1] == '#'))
			return i;
	return s.n;
}

/* A block or a remark that is alone on its line takes the line's blanks and its end along. */
static void trim_line(struct parse *p, struct str *text, const char *tag, const char *after)
{
	const char *from = tag, *to = after, *end = p->all.p + p->all.n;
	while (from > p->all.p && (from[-1] == ' ' || from[-1] == '\t'))
		from--;
	while (to < end && (*to == ' ' || *to == '\t' || *to == '\r'))
		to++;
	if ((from > p->all.p && from[-1] != '\n') || (to < end && *to != '\n'))
		return;
	if (text->n >= (size_t)(tag - from))
		text->n -= (size_t)(tag - from);
	p->rest = str_n(to < end ? to + 1 : end, (size_t)(end - (to < end ? to + 1 : end)));
}

static void add_text(struct parse *p, struct node ***tail, struct str text)
{
	struct node *n;
	if (!text.n)
		return;
	html_follow(&p->html, text);
	n = node_new(p, NODE_TEXT, (struct diag_at){0});
	if (!n)
		return;
	n->text = arena_dup(&p->t->mem, text);
	if (!n->text.p)
		refuse(p, (struct diag_at){0}, "template.too_large", NULL, "the template is too large");
	**tail = n;
	*tail = &n->next;
}

static bool ends_block(const struct lex *x)
{
	return is_end(*x, "end") || is_end(*x, "else") || is_end(*x, "elif");
}

/* Up to the block's elif, else or end (in *ret_end), or the file's end (ret_end->rest is empty). */
static struct node *parse_nodes(struct parse *p, struct lex *ret_end)
{
	struct node *first = NULL, **tail = &first;
	*ret_end = (struct lex){p, str_n(p->all.p + p->all.n, 0)};
	while (p->rest.n && !p->failed) {
		size_t at = find_tag(p->rest);
		struct str text = str_sub(p->rest, 0, at), tag = str_sub(p->rest, at, p->rest.n);
		if (!tag.n) {
			p->rest = STR("");
			add_text(p, &tail, text);
			break;
		}
		struct diag_at place = place_of(p, tag.p);
		char kind = tag.p[1];
		struct str close = kind == '{' ? STR("}}") : kind == '%' ? STR("%}") : STR("#}");
		size_t end = str_find(str_sub(tag, 2, tag.n), close);
		if (end == STR_NPOS) {
			refuse(p, place, "template.not_closed", NULL, "the tag is not closed by %s", close.p);
			break;
		}
		struct lex x = {p, str_sub(tag, 2, end + 2)};
		p->rest = str_sub(tag, end + 4, tag.n);
		if (kind != '{' && !is_end(x, "say"))
			trim_line(p, &text, tag.p, tag.p + end + 4);
		add_text(p, &tail, text);
		if (kind == '#')
			continue;
		if (kind == '%' && ends_block(&x)) {
			*ret_end = x;
			return first;
		}
		struct node *n = kind == '{' ? parse_value(p, &x, place) : parse_block(p, &x, place);
		if (n) {
			*tail = n;
			tail = &n->next;
		}
	}
	return first;
}

/* ---- files ------------------------------------------------------------------------------------------------------------------------------------------------------------- */

static bool plain_name(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!ch_is_alnum((unsigned char)name.p[i]) && str_chr(STR("._-"), name.p[i]) == STR_NPOS)
			return false;
	return name.n > 0 && name.n < 100 && name.p[0] != '.';
}

static void read_all(struct parse *p, struct template_file *f, struct str text)
{
	struct lex end;
	p->file = f;
	p->all = p->rest = text;
	size_t good = utf8_valid_prefix(text);
	if (good < text.n)
		refuse(p, place_of(p, text.p + good), "template.no_utf8", NULL, "the file is no UTF-8");
	f->first = p->failed ? NULL : parse_nodes(p, &end);
	if (!p->failed && end.rest.n)
		refuse(p, place_of(p, end.rest.p), "template.no_begin", NULL, "there is nothing here that this ends");
	if (!p->failed && p->html.place != HTML_TEXT)
		refuse(p, place_of(p, text.p + text.n), "template.unbalanced", NULL, "the file ends inside a tag, a style or a comment");
}

/* Each file once, whoever includes it. */
static const struct template_file *parse_file(struct parse *from, struct str name, struct diag_at at)
{
	struct parse p = {.t = from->t, .source = from->source, .arg = from->arg, .d = from->d, .depth = from->depth + 1};
	struct buf text = BUF_INIT(FILE_MAX_BYTES);
	for (struct template_file *f = from->t->file; f; f = f->next)
		if (str_eq(f->name, name)) {
			if (f->open)
				refuse(from, at, "template.circle", NULL, "%.*s includes itself", STR_ARG(name));
			return f;
		}
	int r = plain_name(name) ? from->source(from->arg, name, &text) : -EINVAL;
	struct template_file *f = r < 0 ? NULL : make(from, sizeof(*f));
	if (!f) {
		refuse(from, at, "template.unreadable", NULL, "the file \"%.*s\" cannot be read: %s", STR_ARG(str_sub(name, 0, 100)), r == -EINVAL ? "that is no plain file name" : strerror(-r));
		buf_done(&text);
		return NULL;
	}
	*f = (struct template_file){.name = arena_dup(&from->t->mem, name), .open = true, .next = from->t->file};
	from->t->file = f;
	if (p.depth > DEPTH_MAX)
		refuse(from, at, "template.too_deep", NULL, "files are included deeper than %d", DEPTH_MAX);
	else
		read_all(&p, f, text.n ? buf_str(&text) : STR(""));
	f->open = false;
	from->failed = from->failed || p.failed;
	buf_done(&text);
	return f;
}

int template_parse(struct str name, template_source *source, void *arg, struct diag *d, struct template **ret)
{
	struct template *t = must_new(struct template);
	struct template_file none = {.name = name};
	struct parse p = {.t = t, .source = source, .arg = arg, .d = d, .file = &none};
	t->refs = 1;
	arena_init(&t->mem, MEM_MAX);
	t->main = parse_file(&p, name, (struct diag_at){0});
	if (p.failed || !t->main) {
		template_unref(t);
		return -EINVAL;
	}
	*ret = t;
	return 0;
}

static int from_dir(void *arg, struct str name, struct buf *ret_text)
{
	char path[4300];
	if ((size_t)snprintf(path, sizeof(path), "%s/%.*s", (const char *)arg, STR_ARG(name)) >= sizeof(path))
		return -ENAMETOOLONG;
	return file_read(path, ret_text);
}

int template_load(const char *dir, struct str name, struct diag *d, struct template **ret)
{
	return template_parse(name, from_dir, (void *)(uintptr_t)dir, d, ret);
}

struct template *template_ref(struct template *t)
{
	t->refs++;
	return t;
}

void template_unref(struct template *t)
{
	if (!t || --t->refs)
		return;
	arena_done(&t->mem);
	free(t);
}
