/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_REPORT_TEMPLATE_H
#define HINOMI_REPORT_TEMPLATE_H

#include "base/diag.h"

#include <jansson.h>

/*
 * Templates of reports: HTML with a small strict language, so that an organisation can change its reports without a compiler and without a
 * way to break out of them.
 *
 *   {{ incident.title }}  {{ incident.opened_at | time }}     a value, always escaped; filters are rows of filters.def
 *   {% say "時系列" "Timeline" %}                              one of two texts, by the report's language
 *   {% if a.b == "x" and not c %} … {% elif d %} … {% else %} … {% end %}
 *   {% for t in timeline %} {{ loop.number }} … {% else %} nothing {% end %}    loop.number, loop.first, loop.last
 *   {% include "refs.html" with refs = t.refs %}              another file; it sees the caller's names and these
 *   {# remark #}
 *
 * Strict: a member that is not there is a finding, not an empty string ("a.b?" asks for one that may be missing); null, "", 0, [] and {}
 * are false. A value may stand in text and in quoted attributes, never in a tag's bare places, in scripts, styles or addresses but "#…":
 * the parser follows the HTML and refuses the rest. A tag alone on its line takes the line with it. Every finding has file, line and
 * column. A parsed template is immutable; rendering is pure: the same model gives the same bytes.
 */
struct template;

/* Gives the text of a file that is included; 0 or a negative errno. */
typedef int template_source(void *arg, struct str name, struct buf *ret_text);

/* Parses the file and everything it includes. -EINVAL with findings. */
int template_parse(struct str name, template_source *source, void *arg, struct diag *d, struct template **ret);
/* The same from files of a directory. Names are plain file names. */
int template_load(const char *dir, struct str name, struct diag *d, struct template **ret);
struct template *template_ref(struct template *t); /* any thread */
void template_unref(struct template *t);

struct template_env {
	bool ja;
	int offset_s; /* for the time filters */
};

/* -EINVAL with findings, -E2BIG when out is full. model is borrowed. */
int template_render(const struct template *t, const json_t *model, const struct template_env *env, struct diag *d, struct buf *out);

/* Text for HTML content and quoted attributes. What would be invisible or turn the line's direction is shown as ⟨U+202E⟩. */
void html_escape(struct buf *out, struct str s);

#endif
