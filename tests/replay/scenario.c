/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario.h"

#include <errno.h>

#define WORDS_MAX 200

struct reading {
	struct str rest;
	struct arena *mem;
	struct diag *d;
	unsigned line;      /* of `text` */
	struct str text;    /* the line at hand */
	unsigned indent;    /* its blanks */
	bool at_hand, blank;
};

static bool next_line(struct reading *r)
{
	if (r->at_hand)
		return true;
	if (!str_line(&r->rest, &r->text))
		return false;
	r->line++;
	r->indent = 0;
	while (r->indent < r->text.n && r->text.p[r->indent] == ' ')
		r->indent++;
	r->blank = !str_trim(r->text).n || r->text.p[r->indent] == '#';
	return r->at_hand = true;
}

static bool is_key_char(unsigned char c)
{
	return ch_is_alnum(c) || c == '_' || c == '-' || c == '.';
}

/* A quoted text at the cursor; \" \\ \n are its escapes. */
static bool take_quoted(struct reading *r, struct str *in, struct str *ret)
{
	char *out = arena_alloc(r->mem, in->n + 1);
	size_t n = 0, i = 1;
	for (; i < in->n && in->p[i] != '"'; i++) {
		if (in->p[i] == '\\' && i + 1 < in->n)
			out[n++] = in->p[++i] == 'n' ? '\n' : in->p[i];
		else
			out[n++] = in->p[i];
	}
	if (i >= in->n)
		return false;
	*ret = str_n(out, n);
	*in = str_sub(*in, i + 1, in->n);
	return true;
}

/* [ … ] or { … } with what is inside. */
static bool take_brackets(struct str *in, struct str *ret)
{
	int depth = 0;
	bool quoted = false;
	for (size_t i = 0; i < in->n; i++) {
		char c = in->p[i];
		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '[' || c == '{'))
			depth++;
		else if (!quoted && (c == ']' || c == '}') && --depth == 0) {
			*ret = str_sub(*in, 0, i + 1);
			*in = str_sub(*in, i + 1, in->n);
			return true;
		}
	}
	return false;
}

static bool take_word(struct reading *r, struct str *in, struct word *w)
{
	size_t n = 0;
	w->column = (unsigned)(in->p - r->text.p) + 1;
	while (n < in->n && is_key_char((unsigned char)in->p[n]))
		n++;
	if (n && n < in->n && in->p[n] == '=') {
		w->key = str_sub(*in, 0, n);
		*in = str_sub(*in, n + 1, in->n);
	}
	struct diag_at at = {r->line, w->column};
	if (in->n && in->p[0] == '"') {
		w->quoted = true;
		if (!take_quoted(r, in, &w->text))
			return diag_error(r->d, at, "replay.open_quote", "the quoted text does not end on this line"), false;
	} else if (in->n && (in->p[0] == '[' || in->p[0] == '{')) {
		if (!take_brackets(in, &w->text))
			return diag_error(r->d, at, "replay.open_bracket", "the list or object does not end on this line"), false;
	} else {
		for (n = 0; n < in->n && !ch_is_space((unsigned char)in->p[n]);)
			n++;
		w->text = str_sub(*in, 0, n);
		*in = str_sub(*in, n, in->n);
	}
	return true;
}

static void take_words(struct reading *r, struct node *node, struct str in)
{
	struct word word[WORDS_MAX] = {0};
	for (;;) {
		while (in.n && ch_is_space((unsigned char)in.p[0]))
			in = str_sub(in, 1, in.n);
		if (!in.n || in.p[0] == '#')
			break;
		if (node->n_word == WORDS_MAX) {
			diag_error(r->d, (struct diag_at){r->line, 1}, "replay.too_long", "a line has at most %d words", WORDS_MAX);
			break;
		}
		if (!take_word(r, &in, &word[node->n_word++]))
			break;
	}
	node->word = arena_array(r->mem, node->n_word + 1, sizeof(*node->word));
	for (size_t i = 0; i < node->n_word; i++)
		node->word[i] = word[i];
}

static struct node *new_node(struct reading *r)
{
	struct node *n = arena_new(r->mem, struct node);
	n->line = r->line;
	n->column = r->indent + 1;
	return n;
}

/* Lines below `file`: as they stand, blank lines and comments too, less the first line's indentation. */
static struct node *read_verbatim(struct reading *r, unsigned parent)
{
	struct node *first = NULL, **last = &first;
	unsigned margin = 0;
	while (next_line(r) && (r->indent > parent || !str_trim(r->text).n)) {
		r->at_hand = false;
		if (!margin)
			margin = r->indent;
		struct node *n = new_node(r);
		n->raw = str_sub(r->text, margin, r->text.n);
		*last = n;
		last = &n->next;
	}
	return first;
}

/* "x12 every 2s | text" */
static void take_fed(struct reading *r, struct node *n)
{
	size_t bar = str_chr(r->text, '|');
	if (bar == STR_NPOS) {
		diag_error(r->d, (struct diag_at){r->line, n->column}, "replay.no_bar", "a line below `feed` has a bar before what is sent");
		diag_hint(r->d, "write: x12 every 2s | text, or: once | text");
		return;
	}
	n->bar = true;
	take_words(r, n, str_sub(r->text, 0, bar));
	n->raw = str_sub(r->text, bar + 1, r->text.n);
	if (n->raw.n && n->raw.p[0] == ' ')
		n->raw = str_sub(n->raw, 1, n->raw.n);
}

static struct node *read_block(struct reading *r, unsigned indent, bool fed)
{
	struct node *first = NULL, **last = &first;
	while (next_line(r)) {
		if (r->blank) {
			r->at_hand = false;
			continue;
		}
		if (r->indent < indent)
			break;
		if (r->text.p[r->indent] == '\t')
			diag_error(r->d, (struct diag_at){r->line, r->indent + 1}, "replay.tab", "indentation is made of blanks, not of tabs");
		else if (r->indent > indent)
			diag_error(r->d, (struct diag_at){r->line, r->indent + 1}, "replay.indent", "this line is indented further than the one that it belongs to");
		r->at_hand = false;
		struct node *n = new_node(r);
		if (fed)
			take_fed(r, n);
		else
			take_words(r, n, str_sub(r->text, r->indent, r->text.n));
		*last = n;
		last = &n->next;
		unsigned mine = r->indent;
		if (!fed && str_eq(node_word(n, 0), STR("file")))
			n->kid = read_verbatim(r, mine);
		else if (next_line(r)) {
			while (r->blank && (r->at_hand = false, next_line(r)))
				;
			if (r->at_hand && r->indent > mine)
				n->kid = read_block(r, r->indent, str_eq(node_word(n, 0), STR("feed")));
		}
	}
	return first;
}

int scenario_read(struct str text, struct str file, struct arena *mem, struct diag *d, struct node **ret)
{
	struct reading r = {.rest = text, .mem = mem, .d = d};
	size_t before = d->errors;
	diag_file(d, file);
	*ret = read_block(&r, 0, false);
	diag_file(d, STR(""));
	return d->errors > before ? -EINVAL : 0;
}

struct str node_word(const struct node *n, size_t i)
{
	return i < n->n_word ? n->word[i].text : STR("");
}

const struct word *node_key(const struct node *n, const char *key)
{
	for (size_t i = 0; i < n->n_word; i++)
		if (n->word[i].key.n && str_eq(n->word[i].key, str_c(key)))
			return &n->word[i];
	return NULL;
}

size_t node_arrow(const struct node *n)
{
	for (size_t i = 0; i < n->n_word; i++)
		if (!n->word[i].quoted && !n->word[i].key.n && str_eq(n->word[i].text, STR("->")))
			return i;
	return n->n_word;
}
