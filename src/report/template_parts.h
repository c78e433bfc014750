/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_REPORT_TEMPLATE_PARTS_H
#define HINOMI_REPORT_TEMPLATE_PARTS_H

#include "report/template.h"

/* The parsed form, shared by parser and renderer. Everything lives in the template's arena. */
enum expr_kind { EXPR_PATH, EXPR_TEXT, EXPR_NUMBER, EXPR_NOT, EXPR_AND, EXPR_OR, EXPR_EQ, EXPR_NE };

struct expr {
	enum expr_kind kind;
	struct diag_at at;
	struct str text;   /* path as written, or the text */
	int64_t number;
	bool optional;     /* the path ends in '?' */
	struct expr *a, *b;
};

enum node_kind { NODE_TEXT, NODE_VALUE, NODE_SAY, NODE_IF, NODE_FOR, NODE_INCLUDE };

struct node {
	enum node_kind kind;
	struct diag_at at;
	struct str text, other_text; /* text; ja and en of say; variable's name of for and include */
	struct expr *expr;
	int filter;                  /* -1 = none */
	struct node *body, *other;   /* if and for: what is done, else what; */
	const struct template_file *file; /* include */
	struct node *next;
};

struct template_file {
	struct str name;
	struct node *first;
	bool open; /* being parsed: an include of it is a circle */
	struct template_file *next;
};

struct template {
	_Atomic unsigned refs;
	struct arena mem;
	struct template_file *file; /* all of them */
	const struct template_file *main;
};

typedef int filter_fn(const json_t *value, const struct template_env *env, struct buf *out); /* -EINVAL = not a value for it */
struct filter {
	const char *name;
	filter_fn *fn;
	const char *wants;
};
extern const struct filter FILTERS[];
extern const size_t FILTERS_N;

/* Where in HTML the text stands (WHATWG HTML, 13.2.5, as far as it decides what may be put there). */
enum html_place { HTML_TEXT, HTML_TAG, HTML_DOUBLE, HTML_SINGLE, HTML_RAW, HTML_COMMENT };
struct html_state {
	enum html_place place;
	char name[32];  /* of the element, or of the attribute whose value this is */
	char element[32];
	size_t n_value; /* bytes of the attribute's value so far */
	bool local;     /* the value begins with '#' */
};
void html_follow(struct html_state *s, struct str text);
/* NULL when a value may stand here, else why not. */
const char *html_refusal(const struct html_state *s);
bool html_same(const struct html_state *a, const struct html_state *b);

#endif
