/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/detection.h"

#include "sys/file.h"

/*
 * %name% under `expand`: a unit of its own inside the string until a pipeline or lists/name.csv says which values it stands for. A rule
 * whose placeholder nobody fills is refused (specification: it must not be evaluated).
 */
#define LIST_MAX (16u << 20)
#define FORMS_MAX 1000000u
#define NAMES_MAX (65535u - WILD_PLACEHOLDER)

static bool placeholder_unit(struct compiler *c, struct str name, uint16_t *ret)
{
	size_t i = 0;
	while (i < c->placeholders.n && !str_eq(c->placeholders.at[i], name))
		i++;
	if (i == NAMES_MAX)
		return false;
	if (i == c->placeholders.n)
		vec_push(&c->placeholders, arena_dup(&c->keep, name));
	*ret = (uint16_t)(WILD_PLACEHOLDER + i);
	return true;
}

struct str placeholder_name(const struct compiler *c, uint16_t unit)
{
	return c->placeholders.at[unit - WILD_PLACEHOLDER];
}

/* The index behind the closing % when a placeholder starts at i; 0 = none. */
static size_t placeholder_end(const struct sstring *s, size_t i)
{
	if (s->unit[i] != '%' || (i && s->unit[i - 1] == '\\'))
		return 0;
	size_t end = i + 1;
	while (end < s->n && s->unit[end] != '%' && s->unit[end] < 256)
		end++;
	return end < s->n && s->unit[end] == '%' && end > i + 1 ? end + 1 : 0;
}

struct sstring placeholders_mark(struct compiler *c, const struct sstring *s)
{
	struct sstring out = {arena_array(&c->scratch, s->n + 1, sizeof(uint16_t)), 0};
	for (size_t i = 0; i < s->n;) {
		size_t end = placeholder_end(s, i);
		struct sstring name = {s->unit + i + 1, end ? end - i - 2 : 0};
		if (end && placeholder_unit(c, sstring_plain(&c->scratch, &name), &out.unit[out.n])) {
			out.n++;
			i = end;
		} else if (s->unit[i] == '\\' && i + 1 < s->n && s->unit[i + 1] == '%') {
			out.unit[out.n++] = '%';
			i += 2;
		} else {
			out.unit[out.n++] = s->unit[i++];
		}
	}
	return out;
}

static size_t placeholder_at(const struct sstring *s, size_t from)
{
	while (from < s->n && s->unit[from] < WILD_PLACEHOLDER)
		from++;
	return from;
}

static struct sstring with_word(struct compiler *c, const struct sstring *s, size_t at, const struct sstring *word)
{
	struct sstring out = {arena_array(&c->scratch, s->n + word->n, sizeof(uint16_t)), s->n - 1 + word->n};
	if (at)
		memcpy(out.unit, s->unit, at * sizeof(uint16_t));
	if (word->n)
		memcpy(out.unit + at, word->unit, word->n * sizeof(uint16_t));
	if (s->n - at - 1)
		memcpy(out.unit + at + word->n, s->unit + at + 1, (s->n - at - 1) * sizeof(uint16_t));
	return out;
}

struct replacing {
	struct compiler *c;
	const struct value *like;
	struct value *any;
	placeholder_words *words;
	void *arg;
};

static bool replace_from(struct replacing *r, const struct sstring *s, size_t from)
{
	size_t at = placeholder_at(s, from), n;
	const struct sstring *word;
	if (at == s->n) {
		struct value *one = value_new(r->c, (enum value_kind)r->like->kind, r->like->at);
		*one = *r->like;
		one->text = *s;
		value_push(r->c, r->any, one);
		return r->any->n <= FORMS_MAX;
	}
	if (!r->words(r->arg, placeholder_name(r->c, s->unit[at]), r->like->kind == VALUE_REGEX, &word, &n))
		return replace_from(r, s, at + 1);
	for (size_t i = 0; i < n; i++) {
		struct sstring next = with_word(r->c, s, at, &word[i]);
		if (!replace_from(r, &next, at + word[i].n))
			return false;
	}
	return true;
}

struct value *placeholders_replace(struct compiler *c, const struct value *v, placeholder_words *words, void *arg)
{
	struct replacing r = {.c = c, .like = v, .any = value_new(c, VALUE_ANY, v->at), .words = words, .arg = arg};
	if (replace_from(&r, &v->text, 0))
		return r.any;
	diag_error(c->d, v->at, "sigma.too_many_values", "the placeholders of this value make more than %u forms", FORMS_MAX);
	return NULL;
}

/* ---- lists/name.csv ------------------------------------------------------------------------------------------------------------------ */

struct word_list {
	struct sstring *word, *pattern; /* as Sigma strings, as pieces of a regular expression */
	size_t n;
	bool missing;
};

static void list_read(struct compiler *c, struct str name, struct word_list *l)
{
	char path[4096];
	struct buf text = BUF_INIT(LIST_MAX);
	struct str rest, line, cell;
	size_t lines = 1;
	if (!c->opts->lists_dir || str_chr(name, '/') != STR_NPOS || (size_t)snprintf(path, sizeof(path), "%s/%.*s.csv", c->opts->lists_dir, STR_ARG(name)) >= sizeof(path) ||
		file_read(path, &text) < 0) {
		l->missing = true;
		buf_done(&text);
		return;
	}
	for (size_t i = 0; i < text.n; i++)
		lines += text.p[i] == '\n';
	l->word = arena_array(&c->keep, lines, sizeof(*l->word));
	l->pattern = arena_array(&c->keep, lines, sizeof(*l->pattern));
	rest = arena_dup(&c->keep, buf_str(&text));
	while (str_line(&rest, &line)) {
		str_cut(&line, ',', &cell);
		cell = str_trim(cell);
		if (!cell.n || cell.p[0] == '#')
			continue;
		l->word[l->n] = sstring_parse(&c->keep, cell);
		l->pattern[l->n++] = sstring_literal(&c->keep, cell);
	}
	buf_done(&text);
}

static bool words_of_list(void *arg, struct str name, bool pattern, const struct sstring **ret, size_t *ret_n)
{
	struct compiler *c = arg;
	struct word_list *l = map_get_ptr(&c->lists, name);
	if (!l) {
		l = arena_new(&c->keep, struct word_list);
		list_read(c, name, l);
		map_put_ptr(&c->lists, name, l);
	}
	*ret = pattern ? l->pattern : l->word;
	*ret_n = l->n;
	return !l->missing;
}

static bool fill_value(struct compiler *c, struct item *it, struct value **v, void *arg)
{
	(void)it;
	(void)arg;
	if (((*v)->kind != VALUE_TEXT && (*v)->kind != VALUE_REGEX) || placeholder_at(&(*v)->text, 0) == (*v)->text.n)
		return true;
	struct value *filled = placeholders_replace(c, *v, words_of_list, c);
	if (!filled)
		return false;
	for (size_t i = 0; i < filled->n; i++) {
		size_t left = placeholder_at(&filled->kid[i]->text, 0);
		if (left == filled->kid[i]->text.n)
			continue;
		struct str name = placeholder_name(c, filled->kid[i]->text.unit[left]);
		diag_error(c->d, (*v)->at, "sigma.placeholder_not_set", "the placeholder %%%.*s%% has no values", STR_ARG(name));
		diag_hint(c->d, "put them into lists/%.*s.csv, one a line", STR_ARG(name));
		return false;
	}
	*v = filled;
	return true;
}

bool placeholders_fill(struct compiler *c, struct detection *d)
{
	return detection_each_value(c, d, fill_value, NULL);
}
