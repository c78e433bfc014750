/* SPDX-License-Identifier: Apache-2.0 */
#include "steps.h"

#include "base/num.h"
#include "house/verify.h"
#include "ledger/doc.h"
#include "sys/file.h"

#include <errno.h>
#include <stdlib.h>

/* The steps that are about the house itself; feed, as, expect and replay have files of their own. */
static const struct step STEPS[] = {
#define STEP(word, fn, when, min, max, kids, usage) {word, fn, WHEN_##when, min, max, kids, usage},
#include "steps.def"
#undef STEP
};

const struct step *step_find(struct str word)
{
	for (size_t i = 0; i < LEN(STEPS); i++)
		if (str_eq(word, str_c(STEPS[i].word)))
			return &STEPS[i];
	return NULL;
}

/* ---- the head ------------------------------------------------------------------------------------------------------------------------------------------ */

/* A setting goes through the parser of hinomi.yml, so its errors are the scenario's. */
static void configure(struct world *w, struct str yaml)
{
	struct diag d;
	diag_init(&d);
	if (config_load_text(&w->config, yaml, str_c(w->file), &d) < 0) {
		struct buf b = BUF_INIT(100000);
		diag_print(&d, &b);
		world_fail(w, "%s", buf_cstr(&b));
	}
	diag_done(&d);
}

static void configure_text(struct world *w, const char *key, struct str value)
{
	configure(w, arena_fmt(&w->mem, "%s: \"%.*s\"\n", key, STR_ARG(value)));
}

void head_mode(struct world *w, const struct node *n)
{
	configure_text(w, "mode", node_word(n, 1));
}

void head_site(struct world *w, const struct node *n)
{
	configure_text(w, "site", node_word(n, 1));
}

void head_book(struct world *w, const struct node *n)
{
	configure_text(w, "rulebook", str_c(world_path(w, node_word(n, 1))));
}

void head_content(struct world *w, const struct node *n)
{
	configure_text(w, "content", str_c(world_path(w, node_word(n, 1))));
}

void head_config(struct world *w, const struct node *n)
{
	for (size_t i = 1; i < n->n_word; i++)
		configure_text(w, world_cstr(w, n->word[i].key), n->word[i].text);
}

static struct str listed(struct world *w, const struct node *n, size_t from, bool paths)
{
	struct buf b = BUF_INIT(100000);
	for (size_t i = from; i < n->n_word; i++)
		buf_addf(&b, "%s\"%.*s\"", i > from ? ", " : "", STR_ARG(paths ? str_c(world_path(w, n->word[i].text)) : n->word[i].text));
	struct str s = arena_dup(&w->mem, buf_str(&b));
	buf_done(&b);
	return s;
}

void head_rules(struct world *w, const struct node *n)
{
	configure(w, arena_fmt(&w->mem, "rules: [%.*s]\n", STR_ARG(listed(w, n, 1, true))));
}

void head_critical(struct world *w, const struct node *n)
{
	configure(w, arena_fmt(&w->mem, "critical_assets: [%.*s]\n", STR_ARG(listed(w, n, 1, false))));
}

void head_duty(struct world *w, const struct node *n)
{
	configure(w, arena_fmt(&w->mem, "duty: {%.*s: [%.*s]}\n", STR_ARG(node_word(n, 1)), STR_ARG(listed(w, n, 2, false))));
}

void head_people(struct world *w, const struct node *n)
{
	for (size_t i = 1; i < n->n_word; i++) {
		struct str rest = n->word[i].text, name, role;
		struct person *p = vec_add(&w->people);
		str_cut(&rest, ':', &name);
		p->name = name;
		p->roles = json_array();
		snprintf(p->who.user, sizeof(p->who.user), "%.*s", STR_ARG(name));
		while (str_cut(&rest, ',', &role)) {
			json_array_append_new(p->roles, doc_string(role));
			p->who.roles |= 1u << role_parse(role);
		}
	}
}

void head_file(struct world *w, const struct node *n)
{
	struct buf b = BUF_INIT(10u << 20);
	char path[4096], dir[4096];
	for (const struct node *line = n->kid; line; line = line->next)
		buf_addf(&b, "%.*s\n", STR_ARG(line->raw));
	snprintf(path, sizeof(path), "%s/%.*s", w->scratch, STR_ARG(node_word(n, 1)));
	snprintf(dir, sizeof(dir), "%.*s", (int)str_rchr(str_c(path), '/'), path);
	int r = file_make_dirs(dir);
	if (r == 0)
		r = file_replace(path, buf_str(&b), 0600);
	if (r < 0)
		world_fail(w, "%s cannot be written: %s", path, strerror(-r));
	buf_done(&b);
}

/* ---- time, restart, crash, disk ------------------------------------------------------------------------------------------------------------------------ */

int64_t word_duration(const struct word *word)
{
	int64_t ns = 0;
	struct str s = word->text;
	str_take(&s, STR("+"));
	num_duration(s, &ns);
	return ns;
}

void step_time(struct world *w, const struct node *n)
{
	tstamp now = clock_now(&w->clock), t = now;
	if (str_starts(node_word(n, 1), STR("+")))
		t = now + word_duration(&n->word[1]);
	else
		ts_parse_rfc3339(node_word(n, 1), 0, &t);
	if (!w->house) {
		clock_init_virtual(&w->clock, t, 0);
		return;
	}
	if (t < now)
		world_fail(w, "time does not go back");
	world_wait_until(w, t);
}

void step_restart(struct world *w, const struct node *n)
{
	(void)n;
	if (w->house)
		world_close(w);
	world_open(w);
}

/*
 * `crash` alone: what was answered is durable, everything else is gone. `crash at STAGE`: the steps below run until the first write of that stage, from
 * which on nothing reaches the disk any more; then the house is let go and opened again.
 */
void step_crash(struct world *w, const struct node *n)
{
	if (n->n_word == 3) {
		const char *stage = stage_find(node_word(n, 2));
		file_fault_arm(stage, 1, 0);
		w->dying = true;
		for (const struct node *kid = n->kid; kid && !file_fault_fired(); kid = kid->next)
			scenario_run(w, kid);
		w->at = n;
		if (!file_fault_fired())
			world_fail(w, "nothing came to \"%s\", so nothing crashed", stage);
	}
	world_crash(w);
	file_fault_arm(NULL, 0, 0);
	w->dying = false;
	world_open(w);
	crash_check(w);
}

void step_disk(struct world *w, const struct node *n)
{
	bool full = str_eq(node_word(n, 1), STR("full"));
	if (n->n_word == 4)
		file_fault_arm(stage_find(node_word(n, 3)), 1, ENOSPC);
	else
		file_fault_set(full ? 1 : 0, full ? ENOSPC : 0, full);
	w->full = full;
	if (!full)
		world_turn(w);
}

void step_line(struct world *w, const struct node *n)
{
	struct str channel = node_word(n, 1), how = node_word(n, 2);
	size_t i = 0;
	while (i < w->n_line && !str_eq(w->line[i].channel, channel))
		i++;
	if (str_eq(how, STR("ok"))) {
		if (i < w->n_line)
			w->line[i] = w->line[--w->n_line];
		return;
	}
	if (i == LEN(w->line))
		world_fail(w, "that many channels are not there");
	w->line[i].channel = channel;
	w->line[i].line = str_eq(how, STR("down")) ? LINE_DOWN : LINE_REFUSES;
	w->n_line = i == w->n_line ? i + 1 : w->n_line;
}

void step_verify(struct world *w, const struct node *n)
{
	struct diag d;
	struct buf b = BUF_INIT(1u << 20);
	(void)n;
	world_turn(w);
	diag_init(&d);
	house_verify(w->dir, &w->clock, &d, NULL);
	diag_print(&d, &b);
	if (d.errors)
		world_fail(w, "verify finds %zu faults:\n%s", d.errors, buf_cstr(&b));
	diag_done(&d);
	buf_done(&b);
}

void scenario_run(struct world *w, const struct node *n)
{
	const struct step *s = step_find(node_word(n, 0));
	w->at = n;
	if (s->when == WHEN_STEP && !w->house)
		world_open(w);
	s->fn(w, n);
}
