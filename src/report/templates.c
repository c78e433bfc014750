/* SPDX-License-Identifier: Apache-2.0 */
#include "report/templates.h"

#include "report/report.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct report_templates {
	char *dir;
	pthread_mutex_t lock; /* over good */
	struct template *good; /* NULL until the first that could be read */
};

struct report_templates *report_templates_open(const char *dir, struct diag *d)
{
	struct report_templates *t = must_new(struct report_templates);
	t->dir = must_strdup(dir);
	pthread_mutex_init(&t->lock, NULL);
	template_load(dir, STR("incident.html"), d, &t->good);
	return t;
}

void report_templates_close(struct report_templates *t)
{
	if (!t)
		return;
	template_unref(t->good);
	pthread_mutex_destroy(&t->lock);
	free(t->dir);
	free(t);
}

static json_t *warnings_of(const struct diag *d)
{
	json_t *list = json_array();
	for (size_t i = 0; i < d->items.n; i++) {
		const struct diag_item *it = &d->items.at[i];
		json_array_append_new(list, json_sprintf("%.*s:%u:%u: %.*s", STR_ARG(it->file), it->line, it->column, STR_ARG(it->message)));
	}
	return list;
}

int report_templates_get(struct report_templates *t, struct diag *d, json_t **ret_warnings, struct template **ret)
{
	struct template *now = NULL, *was = NULL;
	struct diag mine;
	diag_init(&mine);
	int r = template_load(t->dir, STR("incident.html"), &mine, &now);
	pthread_mutex_lock(&t->lock);
	if (r == 0) {
		was = t->good;
		t->good = template_ref(now);
	} else if (t->good) {
		now = template_ref(t->good);
	}
	pthread_mutex_unlock(&t->lock);
	template_unref(was);
	*ret_warnings = warnings_of(&mine);
	if (now)
		*ret = now;
	else
		r = template_load(t->dir, STR("incident.html"), d, ret); /* the caller's findings */
	diag_done(&mine);
	return now ? 0 : r;
}
