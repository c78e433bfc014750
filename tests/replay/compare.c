/* SPDX-License-Identifier: Apache-2.0 */
#include "steps.h"

#include "ledger/doc.h"
#include "store/wal.h"
#include "sys/file.h"

#include <stdlib.h>

/*
 * Rule 4 of the road: the same input and the same clock give the same alerts, byte for byte. A second house in a fresh directory is fed from the log
 * of the first, each record at the moment at which it had been received, and the alerts of both are compared as text.
 */
static void feed_from_log(struct world *to, const char *wal_dir, tstamp until)
{
	struct diag d;
	struct wal *wal;
	struct wal_cursor *c;
	struct record rec;
	struct intake_batch *b = NULL;
	uint64_t position;
	int got;
	diag_init(&d);
	if (wal_open(&(struct wal_opts){.dir = wal_dir, .read_only = true}, &d, &wal) < 0 || wal_cursor_open(wal, 0, &c) < 0)
		world_fail(to, "the log of the first house cannot be read");
	for (;;) {
		got = wal_cursor_next(c, &rec, &position);
		if (b && (got != 1 || rec.received != b->rec.at[0].received)) {
			world_wait_until(to, b->rec.at[0].received);
			if (house_intake(to->house, b) < 0)
				world_fail(to, "the second house refuses the records of the first");
			intake_batch_free(b);
			b = NULL;
			world_turn(to);
		}
		if (got != 1)
			break;
		b = b ? b : intake_batch_new(0);
		struct str *text[] = {&rec.raw, &rec.context, &rec.source, &rec.site, &rec.host, &rec.ls.product, &rec.ls.category, &rec.ls.service};
		for (size_t i = 0; i < LEN(text); i++)
			*text[i] = arena_dup(&b->mem, *text[i]);
		vec_push(&b->rec, rec);
		b->bytes += rec.raw.n;
	}
	world_wait_until(to, until);
	wal_cursor_close(c);
	wal_close(wal);
	diag_done(&d);
}

/* Its alerts in order of their making; `version` and `updated_at` count commits, not detections. */
static char *alerts_text(struct world *w)
{
	static const char *const COMMITS[] = {"version", "updated_at"};
	json_t *doc = world_get(w, "/alerts", "limit=1000"), *list = json_object_get(doc, "items"), *by_id = json_object();
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *a = json_array_get(list, i);
		for (size_t m = 0; m < LEN(COMMITS); m++)
			json_object_del(a, COMMITS[m]);
		json_object_set(by_id, world_cstr(w, doc_str(a, "id")), a);
	}
	char *text = json_dumps(by_id, JSON_INDENT(1) | JSON_SORT_KEYS);
	json_decref(by_id);
	json_decref(doc);
	return text;
}

static void show_difference(struct world *w, const char *live, const char *again)
{
	struct str a = str_c(live), b = str_c(again), x = STR(""), y = STR("");
	while (str_line(&a, &x) && str_line(&b, &y))
		if (!str_eq(x, y))
			break;
	world_fail(w, "the replay gives other alerts\nlive:     %.*s\nreplayed: %.*s", STR_ARG(x), STR_ARG(y));
}

static void begin_again(struct world *again, const struct world *w)
{
	world_init(again, w->file);
	config_done(&again->config);
	again->config = w->config;
	again->at = w->at;
	snprintf(again->dir, sizeof(again->dir), "%s/again", test_tmpdir());
	if (file_remove_tree(again->dir) < 0)
		world_fail(w, "%s cannot be removed", again->dir);
	for (size_t i = 0; i < w->people.n; i++) {
		struct person copy = w->people.at[i];
		json_incref(copy.roles);
		vec_push(&again->people, copy);
	}
	clock_init_virtual(&again->clock, w->began_at, 0);
	world_open(again);
}

void step_replay(struct world *w, const struct node *n)
{
	struct world again;
	char wal_dir[400];
	(void)n;
	world_turn(w);
	begin_again(&again, w);
	snprintf(wal_dir, sizeof(wal_dir), "%s/wal", w->dir);
	feed_from_log(&again, wal_dir, clock_now(&w->clock));
	char *live = alerts_text(w), *text = alerts_text(&again);
	if (!str_eq(str_c(live), str_c(text)))
		show_difference(w, live, text);
	free(live);
	free(text);
	world_close(&again);
	config_init(&again.config); /* the other one is borrowed */
	world_done(&again);
}
