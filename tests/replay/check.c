/* SPDX-License-Identifier: Apache-2.0 */
#include "steps.h"

#include "base/num.h"
#include "event/event.h"

#include <errno.h>

/* The look at a scenario before it runs: every word that this program knows is where it may be, and every name of a person is one. */
static const struct str STAGES[] = {{"wal-write", 9}, {"wal-sync", 8}, {"seal", 4}, {"manifest", 8}, {"hand-over", 9}, {"desk-commit", 11}, {"publish", 7}, {"checkpoint", 10}, {"evidence", 8},
	{"reports", 7}, {"deliver", 7}};

const char *stage_find(struct str name)
{
	for (size_t i = 0; i < LEN(STAGES); i++)
		if (str_eq(name, STAGES[i]))
			return STAGES[i].p;
	return NULL;
}

struct looking {
	struct diag *d;
	struct map people;
	bool started, acted;
};

static struct diag_at place(const struct node *n, size_t i)
{
	return (struct diag_at){n->line, i < n->n_word ? n->word[i].column : n->column};
}

static void want_duration(struct looking *l, const struct node *n, size_t i)
{
	struct str s = node_word(n, i);
	int64_t ns;
	str_take(&s, STR("+"));
	if (num_duration(s, &ns))
		return;
	diag_error(l->d, place(n, i), "replay.bad_duration", "\"%.*s\" is no duration", STR_ARG(s));
	diag_hint(l->d, "write 250ms, 30s, 15m, 4h or 1d");
}

static void want_person(struct looking *l, const struct node *n, size_t i)
{
	if (map_get(&l->people, node_word(n, i)))
		return;
	diag_error(l->d, place(n, i), "replay.unknown_person", "there is no %.*s among the people", STR_ARG(node_word(n, i)));
	diag_hint(l->d, "name them first: people %.*s:l1", STR_ARG(node_word(n, i)));
}

static void look_people(struct looking *l, const struct node *n)
{
	struct str names[ROLE_COUNT];
	for (size_t i = 0; i < ROLE_COUNT; i++)
		names[i] = str_c(role_name((enum role)i));
	for (size_t i = 1; i < n->n_word; i++) {
		struct str rest = n->word[i].text, name, role;
		if (!str_cut(&rest, ':', &name) || !rest.p || !name.n) {
			diag_error(l->d, place(n, i), "replay.bad_person", "people are written NAME:ROLE");
			continue;
		}
		*map_put(&l->people, name, NULL) = 1;
		while (str_cut(&rest, ',', &role))
			if (role_parse(role) == ROLE_COUNT) {
				diag_error(l->d, place(n, i), "replay.unknown_role", "there is no role %.*s", STR_ARG(role));
				diag_suggest(l->d, role, names, ROLE_COUNT);
			}
	}
}

static void look_fed(struct looking *l, const struct node *line)
{
	struct str times = node_word(line, 0);
	int64_t count;
	if (!line->n_word || str_eq(times, STR("once")))
		return;
	if (!str_take(&times, STR("x")) || !num_range(times, 1, 1000000, &count)) {
		diag_error(l->d, place(line, 0), "replay.bad_repetition", "before the bar stands: once, x12, or x12 every 2s");
		return;
	}
	if (line->n_word > 1 && (line->n_word != 3 || !str_eq(node_word(line, 1), STR("every"))))
		diag_error(l->d, place(line, 1), "replay.bad_repetition", "before the bar stands: once, x12, or x12 every 2s");
	else if (line->n_word == 3)
		want_duration(l, line, 2);
}

static void look_feed(struct looking *l, const struct node *n)
{
	struct str what = node_word(n, 1);
	bool file = str_eq(what, STR("file")), api = str_eq(what, STR("api"));
	if (!file && !api && event_format_parse(what) == FORMAT_COUNT)
		diag_error(l->d, place(n, 1), "replay.unknown_format", "there is no format %.*s", STR_ARG(what));
	if (!file && !str_eq(node_word(n, 2), STR("from")))
		diag_error(l->d, place(n, 2), "replay.bad_feed", "write: feed %.*s from SOURCE", STR_ARG(what));
	if (!file && !n->kid)
		diag_error(l->d, place(n, 0), "replay.no_lines", "nothing is fed: the lines stand below");
	if (api && !node_key(n, "as"))
		diag_error(l->d, place(n, 0), "replay.bad_feed", "who sends it? write: as=NAME");
	for (size_t i = 0; i < n->n_word; i++)
		if (str_eq(n->word[i].key, STR("as")) && !map_get(&l->people, n->word[i].text))
			want_person(l, n, i);
	for (const struct node *line = n->kid; line; line = line->next)
		look_fed(l, line);
}

static void look_as(struct looking *l, const struct node *n)
{
	want_person(l, n, 1);
	if (!n->kid)
		diag_error(l->d, place(n, 0), "replay.no_lines", "nothing is done: the lines stand below");
	l->acted = true;
	for (const struct node *line = n->kid; line; line = line->next) {
		if (!verb_known(node_word(line, 0))) {
			diag_error(l->d, place(line, 0), "replay.unknown_verb", "nobody can \"%.*s\"", STR_ARG(node_word(line, 0)));
			verbs_suggest(l->d, node_word(line, 0));
		}
		size_t arrow = node_arrow(line);
		if (arrow + 1 == line->n_word)
			diag_error(l->d, place(line, arrow), "replay.no_outcome", "behind the arrow stands a name, or: refused CODE");
		if (str_eq(node_word(line, arrow + 1), STR("refused")) && arrow + 2 >= line->n_word)
			diag_error(l->d, place(line, arrow + 1), "replay.no_code", "a refusal has a code: -> refused bad_request");
	}
}

static void look_expect(struct looking *l, const struct node *n)
{
	static const char *const TIMES[] = {"within", "ack"};
	bool name = n->word[1].text.n && n->word[1].text.p[0] >= 'A' && n->word[1].text.p[0] <= 'Z';
	if (!name && !expect_known(node_word(n, 1))) {
		diag_error(l->d, place(n, 1), "replay.unknown_expectation", "nothing like \"%.*s\" can be expected", STR_ARG(node_word(n, 1)));
		expects_suggest(l->d, node_word(n, 1));
	}
	for (size_t i = 0; i < n->n_word; i++)
		for (size_t k = 0; k < LEN(TIMES); k++)
			if (str_eq(n->word[i].key, str_c(TIMES[k])) && !str_eq(n->word[i].text, STR("none")))
				want_duration(l, n, i);
}

static void look(struct looking *l, const struct node *n);

static void want_stage(struct looking *l, const struct node *n, size_t i)
{
	if (stage_find(node_word(n, i)))
		return;
	diag_error(l->d, place(n, i), "replay.unknown_stage", "there is no stage \"%.*s\"", STR_ARG(node_word(n, i)));
	diag_suggest(l->d, node_word(n, i), STAGES, LEN(STAGES));
}

static void look_crash(struct looking *l, const struct node *n)
{
	if (n->n_word == 2 || (n->n_word == 3 && !str_eq(node_word(n, 1), STR("at"))))
		diag_error(l->d, place(n, 1), "replay.bad_crash", "write: crash, or: crash at STAGE");
	else if (n->n_word == 3)
		want_stage(l, n, 2);
	if ((n->n_word == 3) != (n->kid != NULL))
		diag_error(l->d, place(n, 0), "replay.bad_crash", n->kid ? "a crash that has steps below it is `crash at STAGE`" : "the steps that run into the crash stand below it");
	for (const struct node *kid = n->kid; kid; kid = kid->next)
		look(l, kid);
}

static void look_disk(struct looking *l, const struct node *n)
{
	bool full = str_eq(node_word(n, 1), STR("full"));
	if ((!full && !str_eq(node_word(n, 1), STR("ok"))) || (n->n_word != 2 && !(full && n->n_word == 4 && str_eq(node_word(n, 2), STR("at")))))
		diag_error(l->d, place(n, 1), "replay.bad_disk", "write: disk full, disk full at STAGE, or: disk ok");
	else if (n->n_word == 4)
		want_stage(l, n, 3);
}

static void look_line(struct looking *l, const struct node *n)
{
	static const struct str HOW[] = {{"down", 4}, {"refuses", 7}, {"ok", 2}};
	for (size_t i = 0; i < LEN(HOW); i++)
		if (str_eq(node_word(n, 2), HOW[i]))
			return;
	diag_error(l->d, place(n, 2), "replay.bad_line", "a line is down, refuses, or is ok");
}

static void look_time(struct looking *l, const struct node *n)
{
	tstamp t;
	if (str_starts(node_word(n, 1), STR("+")))
		want_duration(l, n, 1);
	else if (!ts_parse_rfc3339(node_word(n, 1), 0, &t))
		diag_error(l->d, place(n, 1), "replay.bad_time", "\"%.*s\" is no time: write 2026-03-02T09:00:00+09:00, or +15m", STR_ARG(node_word(n, 1)));
}

static void look(struct looking *l, const struct node *n)
{
	struct str word = node_word(n, 0), names[64];
	const struct step *s = step_find(word);
	size_t count = 0;
	if (!s) {
#define STEP(word, fn, when, min, max, kids, usage) names[count++] = STR(word);
#include "steps.def"
#undef STEP
		diag_error(l->d, place(n, 0), "replay.unknown_step", "there is no step \"%.*s\"", STR_ARG(word));
		diag_suggest(l->d, word, names, count);
		return;
	}
	if (n->n_word < s->min || n->n_word > s->max) {
		diag_error(l->d, place(n, 0), "replay.bad_step", "this step is not written so");
		diag_hint(l->d, "write: %s", s->usage);
		return;
	}
	if (n->kid && !s->kids)
		diag_error(l->d, (struct diag_at){n->kid->line, n->kid->column}, "replay.no_children", "nothing stands below `%s`", s->word);
	if (s->when == WHEN_HEAD && l->started)
		diag_error(l->d, place(n, 0), "replay.late_head", "`%s` belongs before the first step", s->word);
	l->started = l->started || s->when == WHEN_STEP;
	static const struct {
		step_fn *fn;
		void (*look)(struct looking *l, const struct node *n);
	} LOOKS[] = {{head_people, look_people}, {step_feed, look_feed}, {step_as, look_as}, {step_expect, look_expect}, {step_crash, look_crash}, {step_disk, look_disk}, {step_line, look_line}, {step_time, look_time}};
	for (size_t i = 0; i < LEN(LOOKS); i++)
		if (LOOKS[i].fn == s->fn)
			LOOKS[i].look(l, n);
	if (s->fn == step_replay && l->acted)
		diag_error(l->d, place(n, 0), "replay.late_replay", "`replay` compares what the engine made: it belongs before people act");
}

int scenario_check(const struct node *top, struct str file, struct diag *d)
{
	struct looking l = {.d = d};
	size_t before = d->errors;
	map_init(&l.people);
	diag_file(d, file);
	for (const struct node *n = top; n; n = n->next)
		look(&l, n);
	diag_file(d, STR(""));
	map_done(&l.people);
	return d->errors > before ? -EINVAL : 0;
}
