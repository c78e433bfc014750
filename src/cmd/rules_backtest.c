/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/rules.h"

#include "base/num.h"
#include "cmd/datadir.h"
#include "codec/json.h"

/*
 * Rules over what a data directory holds, in order of event time, so that correlations count as they did live. The store's rows are
 * events already: their names get the numbers of the rules' vocabulary, nothing is decoded again.
 */
#define PAGE 10000
#define DAY_NS (86400 * NS_PER_S)

struct example {
	tstamp time;
	struct str host, id;
};

struct day {
	int64_t number; /* since 1970-01-01 UTC */
	uint64_t hits;
};

struct tally {
	uint64_t hits;
	tstamp first, last;
	VEC(struct day) days;
	VEC(struct example) examples;
};

struct backtest {
	const struct ruleset *rules;
	struct datadir data;
	struct sigma_matcher *matcher;
	struct correlator *correlator;
	struct tally *tally;   /* by rule */
	size_t most_examples;
	struct arena mem, keep;
	struct event ev;       /* the row at hand, with the rules' numbers */
	uint64_t rows;
	tstamp last_time;
	struct id last_id;
	VEC(uint32_t) lssets;  /* the store's set -> 1 + the rules' set */
};

static void count(struct backtest *b, uint32_t rule, tstamp t, const struct event *ev)
{
	struct tally *y = &b->tally[rule];
	int64_t day = t / DAY_NS - (t % DAY_NS < 0);
	if (!y->days.n || vec_last(&y->days)->number != day)
		vec_push(&y->days, ((struct day){day, 0}));
	vec_last(&y->days)->hits++;
	y->first = y->hits ? y->first : t;
	y->last = t;
	y->hits++;
	if (y->examples.n < b->most_examples) {
		char id[ID_TEXT + 1];
		id_format(id, ev->id);
		vec_push(&y->examples, ((struct example){t, arena_dup(&b->keep, ev->host), arena_dup(&b->keep, str_c(id))}));
	}
}

static int on_correlation(void *arg, const struct correlation_hit *hit)
{
	struct backtest *b = arg;
	count(b, hit->rule->index, hit->time, &b->ev);
	return 0;
}

static int on_hit(void *arg, const struct sigma_hit *hit)
{
	struct backtest *b = arg;
	count(b, hit->rule->index, b->ev.time, &b->ev);
	return correlator_feed(b->correlator, hit, &b->ev, on_correlation, b);
}

static uint32_t lsset_of(struct backtest *b, uint32_t set)
{
	size_t n;
	while (b->lssets.n <= set)
		vec_push(&b->lssets, 0);
	if (!b->lssets.at[set]) {
		const struct logsource *ls = vocab_lsset_get(b->data.vocab, set, &n);
		b->lssets.at[set] = 1 + vocab_lsset(b->rules->vocab, ls, n);
	}
	return b->lssets.at[set] - 1;
}

static int on_row(void *arg, const struct event *row)
{
	struct backtest *b = arg;
	arena_reset(&b->mem);
	b->ev = *row;
	b->ev.field = arena_array(&b->mem, row->n_field + 1, sizeof(struct field));
	b->ev.field_room = row->n_field;
	for (uint32_t i = 0; i < row->n_field; i++) {
		b->ev.field[i] = row->field[i];
		b->ev.field[i].id = vocab_field(b->rules->vocab, row->field[i].name);
	}
	b->ev.lsset = lsset_of(b, row->lsset);
	b->last_time = row->time;
	b->last_id = row->id;
	b->rows++;
	return sigma_match(b->matcher, &b->ev, on_hit, b) < 0 ? -1 : 0;
}

static int run(struct backtest *b, tstamp from, tstamp to)
{
	struct store_query q = {.from = from, .to = to, .oldest_first = true, .limit = PAGE};
	for (;;) {
		struct store_progress p;
		uint64_t before = b->rows;
		int r = store_search(b->data.store, &q, on_row, b, &p);
		if (r < 0 || b->rows - before < PAGE)
			return r < 0 ? r : 0;
		q.after = b->last_id;
		q.after_time = b->last_time;
	}
}

/* ---- what is shown ------------------------------------------------------------------------------------------------------------------------ */

static void add_time(struct buf *out, tstamp t, size_t most)
{
	char text[TS_TEXT_MAX];
	buf_add(out, str_sub(str_n(text, ts_format(text, t)), 0, most));
}

static void add_day(struct buf *out, int64_t number)
{
	add_time(out, number * DAY_NS, 10);
}

static void add_rule_json(struct buf *out, const struct sigma_rule *rule, const struct tally *y)
{
	buf_add(out, STR("{\"rule_id\":"));
	json_add_string(out, rule->id);
	buf_add(out, STR(",\"rule_title\":"));
	json_add_string(out, rule->title);
	buf_addf(out, ",\"level\":\"%s\",\"hits\":%llu,\"first\":\"", LEVEL_NAMES[rule->level], (unsigned long long)y->hits);
	add_time(out, y->first, 64);
	buf_add(out, STR("\",\"last\":\""));
	add_time(out, y->last, 64);
	buf_add(out, STR("\",\"days\":{"));
	for (size_t i = 0; i < y->days.n; i++) {
		buf_add_cstr(out, i ? ",\"" : "\"");
		add_day(out, y->days.at[i].number);
		buf_addf(out, "\":%llu", (unsigned long long)y->days.at[i].hits);
	}
	buf_add(out, STR("},\"examples\":["));
	for (size_t i = 0; i < y->examples.n; i++) {
		buf_add_cstr(out, i ? ",{\"id\":" : "{\"id\":");
		json_add_string(out, y->examples.at[i].id);
		buf_add(out, STR(",\"time\":\""));
		add_time(out, y->examples.at[i].time, 64);
		buf_add(out, STR("\",\"host\":"));
		json_add_string(out, y->examples.at[i].host);
		buf_addc(out, '}');
	}
	buf_add(out, STR("]}"));
}

static void add_rule_csv(struct buf *out, const struct sigma_rule *rule, const struct tally *y)
{
	for (size_t i = 0; i < y->days.n; i++) {
		rules_add_csv(out, rule->id);
		buf_addc(out, ',');
		rules_add_csv(out, rule->title);
		buf_addf(out, ",%s,", LEVEL_NAMES[rule->level]);
		add_day(out, y->days.at[i].number);
		buf_addf(out, ",%llu\r\n", (unsigned long long)y->days.at[i].hits);
	}
}

static void add_rule_table(struct buf *out, const struct sigma_rule *rule, const struct tally *y)
{
	buf_addf(out, "%8llu  %-13s %.*s\n", (unsigned long long)y->hits, LEVEL_NAMES[rule->level], STR_ARG(lang_is_ja() && rule->title_ja.n ? rule->title_ja : rule->title));
	for (size_t i = 0; i < y->days.n; i++) {
		buf_add(out, STR("          "));
		add_day(out, y->days.at[i].number);
		buf_addf(out, " %8llu\n", (unsigned long long)y->days.at[i].hits);
	}
	for (size_t i = 0; i < y->examples.n; i++) {
		buf_addf(out, "          %s ", SAY("e.g.", "例"));
		add_time(out, y->examples.at[i].time, 64);
		buf_addf(out, "  %.*s  %.*s\n", STR_ARG(y->examples.at[i].host.n ? y->examples.at[i].host : STR("-")), STR_ARG(y->examples.at[i].id));
	}
}

static void show(const struct backtest *b, enum rules_format how, struct buf *out)
{
	size_t n, shown = 0;
	const struct sigma_rule *rule = sigma_image_rules(b->rules->img, &n);
	if (how == RULES_CSV)
		buf_add(out, STR("rule_id,rule_title,level,day,hits\r\n"));
	if (how == RULES_JSON)
		buf_addc(out, '[');
	for (size_t i = 0; i < n; i++) {
		if (!b->tally[i].hits)
			continue;
		if (how == RULES_TABLE)
			add_rule_table(out, &rule[i], &b->tally[i]);
		else if (how == RULES_CSV)
			add_rule_csv(out, &rule[i], &b->tally[i]);
		else
			buf_add_cstr(out, how == RULES_JSON && shown ? "," : ""), add_rule_json(out, &rule[i], &b->tally[i]), buf_add_cstr(out, how == RULES_JSONL ? "\n" : "");
		shown++;
	}
	if (how == RULES_JSON)
		buf_add(out, STR("]\n"));
	if (how == RULES_TABLE)
		buf_addf(out, SAY("%llu events, %zu of %zu rules match\n", "イベント %llu 件、検知したルール %zu / %zu\n"), (unsigned long long)b->rows, shown, n);
}

int rules_backtest(const struct ruleset *rules, const struct backtest_opts *o, enum rules_format how)
{
	struct backtest b = {.rules = rules, .most_examples = o->examples};
	struct buf out = BUF_INIT(1u << 30);
	size_t n;
	int r = datadir_open(&b.data, o->dir, true);
	if (r < 0) {
		r = datadir_give_up(&b.data, r);
		datadir_close(&b.data);
		return r;
	}
	sigma_image_rules(rules->img, &n);
	arena_init(&b.mem, 0);
	arena_init(&b.keep, 0);
	b.tally = must_calloc(n + 1, sizeof(*b.tally));
	b.matcher = sigma_matcher_new(rules->img);
	b.correlator = correlator_new(rules->img, 256u << 20);
	r = run(&b, o->from, o->to);
	show(&b, how, &out);
	out_write(buf_str(&out));
	correlator_free(b.correlator);
	sigma_matcher_free(b.matcher);
	for (size_t i = 0; i < n; i++) {
		vec_done(&b.tally[i].days);
		vec_done(&b.tally[i].examples);
	}
	free(b.tally);
	vec_done(&b.lssets);
	buf_done(&out);
	arena_done(&b.mem);
	arena_done(&b.keep);
	datadir_close(&b.data);
	return r < 0 ? EXIT_INTERNAL : EXIT_DONE;
}
