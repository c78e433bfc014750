/* SPDX-License-Identifier: Apache-2.0 */
#include "base/diag.h"

#include <errno.h>
#include <stdarg.h>

void diag_init(struct diag *d)
{
	*d = (struct diag){0};
	arena_init(&d->mem, 0);
}

void diag_done(struct diag *d)
{
	vec_done(&d->items);
	arena_done(&d->mem);
	*d = (struct diag){0};
}

void diag_reset(struct diag *d)
{
	vec_clear(&d->items);
	arena_reset(&d->mem);
	d->errors = d->warnings = d->dropped = 0;
	d->file = STR_NONE;
}

void diag_file(struct diag *d, struct str file)
{
	if (d)
		d->file = arena_dup(&d->mem, file);
}

#define MESSAGE_MAX 1000

static void add(struct diag *d, enum diag_level level, struct diag_at at, const char *code, const char *fmt, va_list ap) __attribute__((format(printf, 5, 0)));

static void add(struct diag *d, enum diag_level level, struct diag_at at, const char *code, const char *fmt, va_list ap)
{
	char text[MESSAGE_MAX + 1];
	if (!d)
		return;
	d->errors += level == DIAG_ERROR;
	d->warnings += level == DIAG_WARNING;
	if (d->items.n >= DIAG_MAX) {
		d->dropped++;
		return;
	}
	vsnprintf(text, sizeof(text), fmt, ap);
	struct diag_item item = {.level = level, .file = d->file, .line = at.line, .column = at.column, .code = code, .message = arena_dup(&d->mem, str_c(text))};
	vec_push(&d->items, item);
}

int diag_error(struct diag *d, struct diag_at at, const char *code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	add(d, DIAG_ERROR, at, code, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

int diag_warning(struct diag *d, struct diag_at at, const char *code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	add(d, DIAG_WARNING, at, code, fmt, ap);
	va_end(ap);
	return 0;
}

int diag_note(struct diag *d, struct diag_at at, const char *code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	add(d, DIAG_HINT, at, code, fmt, ap);
	va_end(ap);
	return 0;
}

void diag_hint(struct diag *d, const char *fmt, ...)
{
	char text[MESSAGE_MAX + 1];
	va_list ap;
	if (!d || !d->items.n || d->dropped)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	vec_last(&d->items)->hint = arena_dup(&d->mem, str_c(text));
}

void diag_suggest(struct diag *d, struct str written, const struct str *names, size_t n)
{
	unsigned best = written.n <= 3 ? 2 : written.n <= 8 ? 3 : 4;
	const struct str *pick = NULL;
	for (size_t i = 0; i < n; i++) {
		unsigned far = str_ieq(written, names[i]) ? 0 : str_distance(written, names[i], best);
		if (far < best) {
			best = far;
			pick = &names[i];
		}
	}
	if (pick)
		diag_hint(d, "did you mean \"%.*s\"?", STR_ARG(*pick));
}

static int by_place(const void *a, const void *b)
{
	const struct diag_item *const *x = a, *const *y = b;
	int c = str_cmp((*x)->file, (*y)->file);
	if (c)
		return c;
	if ((*x)->line != (*y)->line)
		return (*x)->line < (*y)->line ? -1 : 1;
	if ((*x)->column != (*y)->column)
		return (*x)->column < (*y)->column ? -1 : 1;
	return (*x > *y) - (*x < *y);
}

void diag_print(const struct diag *d, struct buf *out)
{
	static const char *const word[] = {"hint", "warning", "error"};
	const struct diag_item **order = must_calloc(d->items.n, sizeof(*order));
	for (size_t i = 0; i < d->items.n; i++)
		order[i] = &d->items.at[i];
	qsort(order, d->items.n, sizeof(*order), by_place);
	for (size_t i = 0; i < d->items.n; i++) {
		const struct diag_item *it = order[i];
		if (it->file.n)
			buf_addf(out, "%.*s:", STR_ARG(it->file));
		if (it->line)
			buf_addf(out, "%u:%u:", it->line, it->column);
		buf_addf(out, "%s%s: %.*s [%s]\n", it->file.n || it->line ? " " : "", word[it->level], STR_ARG(it->message), it->code);
		if (it->hint.n)
			buf_addf(out, "  hint: %.*s\n", STR_ARG(it->hint));
	}
	if (d->dropped)
		buf_addf(out, "(%zu more findings)\n", d->dropped);
	free(order);
}
