/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/rules.h"

#include "base/num.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "event/reader.h"
#include "house/content.h"
#include "sys/clock.h"
#include "sys/file.h"

#include <errno.h>

static const struct opt OPTIONS[] = {
	{'r', "rules", OPT_LIST, "RULES", "rules that the tests are about (default: the PATHs, else the shipped ones)", "テスト対象のルール (省略時は PATH、なければ同梱ルール)"},
	{'p', "pipeline", OPT_LIST, "FILE", "processing pipeline that the rules go through", "ルールに適用するパイプライン"},
	{0, "lists", OPT_TEXT, "DIR", "values of placeholders, NAME.csv each", "プレースホルダーの値のディレクトリ"},
	{'o', "output", OPT_TEXT, "table|json|jsonl|csv", "output of list, explain, coverage and backtest (default table; coverage json: a layer for the ATT&CK Navigator)", "list・explain・coverage・backtest の出力形式 (既定 table。coverage の json は ATT&CK Navigator のレイヤー)"},
	{0, "data", OPT_TEXT, "DIR", "backtest: the data directory, also of a running server", "backtest: データディレクトリ (稼働中でも可)"},
	{0, "from", OPT_TEXT, "T", "backtest: only events from this time on", "backtest: この時刻以降のイベントだけ"},
	{0, "to", OPT_TEXT, "T", "backtest: only events before this time", "backtest: この時刻より前のイベントだけ"},
	{0, "examples", OPT_TEXT, "N", "backtest: examples of each rule (default 3)", "backtest: ルールごとに示す例の数 (既定 3)"},
};

static struct sigma_opts options(const struct command *c)
{
	const struct given *pipelines = command_given(c, "pipeline");
	return (struct sigma_opts){.pipeline = pipelines->list.at, .n_pipeline = pipelines->list.n, .lists_dir = command_text(c, "lists")};
}

struct tests {
	struct ruleset rules;
	struct sigma_matcher *matcher;
	struct decoder *decoder;
	struct correlator *correlator;
	struct arena mem;
	uint64_t passed, failed;
	struct str want_rule;   /* id that a case is about */
	uint64_t hits;
	const struct event *ev;
};

static int on_correlation(void *arg, const struct correlation_hit *hit)
{
	struct tests *t = arg;
	t->hits += str_eq(hit->rule->id, t->want_rule);
	return 0;
}

static int on_hit(void *arg, const struct sigma_hit *hit)
{
	struct tests *t = arg;
	t->hits += str_eq(hit->rule->id, t->want_rule);
	return correlator_feed(t->correlator, hit, t->ev, on_correlation, t);
}

static int on_event(void *arg, struct event *ev)
{
	struct tests *t = arg;
	t->ev = ev;
	sigma_match(t->matcher, ev, on_hit, t);
	return 0;
}

static void result(struct tests *t, bool ok, const char *file, struct str name, uint64_t hits, const char *want)
{
	t->passed += ok;
	t->failed += !ok;
	if (!ok)
		printf("%s: %.*s: %llu matches, want %s\n", file, STR_ARG(name), (unsigned long long)hits, want);
}

/* Correlation state of one case is nothing to the next. */
static void fresh_case(struct tests *t, struct str rule)
{
	correlator_free(t->correlator);
	t->correlator = correlator_new(t->rules.img, 64u << 20);
	t->want_rule = rule;
	t->hits = 0;
}

/* ---- SigmaHQ's regression_data: info.yml names rules, event log files and counts --------------------------------------------------------- */

static void run_file(struct tests *t, const char *path)
{
	struct reader *r;
	struct block *b;
	struct block_counts n;
	reader_open(&(struct reader_opts){0}, &r);
	reader_add_path(r, path);
	while (reader_next(r, &b) > 0) {
		block_decode(b, t->decoder, &t->mem, on_event, t, &n);
		block_free(b);
	}
	reader_free(r);
}

static void regression_case(struct tests *t, const char *info, const struct yaml_node *root, const struct yaml_node *one)
{
	const struct yaml_node *meta = yaml_get(root, "rule_metadata");
	struct str path = yaml_text(yaml_get(one, "path")), count = yaml_text(yaml_get(one, "match_count"));
	char file[4096], want[32] = "at least 1";
	uint64_t n = 1;
	size_t slash = str_rchr(path, '/');
	struct str base = slash == STR_NPOS ? path : str_sub(path, slash + 1, path.n);
	if (!str_eq(yaml_text(yaml_get(one, "type")), STR("evtx")) || !str_ends(base, STR(".evtx")) || !meta || !meta->kid)
		return;
	struct str dir = str_c(info);
	dir = str_sub(dir, 0, str_rchr(dir, '/'));
	snprintf(file, sizeof(file), "%.*s/%.*s", STR_ARG(dir), STR_ARG(base));
	if (file_size(file) < 0)
		return; /* the case has no log file here */
	if (count.p && num_u64(count, &n))
		snprintf(want, sizeof(want), "at least %llu", (unsigned long long)n);
	/* The same records as JSON lie beside the log: the case holds from both. */
	bool ok = true;
	for (int json = 0; json < 2 && ok; json++) {
		if (json) {
			size_t dot = strlen(file) - strlen(".evtx");
			snprintf(file + dot, sizeof(file) - dot, ".json");
		}
		if (json && file_size(file) < 0)
			break;
		fresh_case(t, yaml_text(yaml_get(meta->kid, "id")));
		run_file(t, file);
		ok = t->hits >= n;
	}
	result(t, ok, file, yaml_text(yaml_get(meta->kid, "title")), t->hits, want);
}

static void regression_file(struct tests *t, const char *path, const struct yaml_node *root)
{
	yaml_each(one, yaml_get(root, "regression_tests_info")) {
		regression_case(t, path, root, one);
	}
}

/* ---- the own layout: tests/NAME.yml beside the rules (docs/formats/rule-tests.md) ----------------------------------------------------------- */

static void add_value(struct buf *b, const struct yaml_node *v);

static void add_members(struct buf *b, const struct yaml_node *map)
{
	buf_addc(b, '{');
	yaml_pairs(v, map) {
		json_add_key(b, v->key->text);
		add_value(b, v);
	}
	buf_addc(b, '}');
}

static void add_value(struct buf *b, const struct yaml_node *v)
{
	if (v->kind == YAML_MAP) {
		add_members(b, v);
	} else if (v->kind == YAML_LIST) {
		buf_addc(b, '[');
		yaml_each(one, v) {
			if (one != v->kid)
				buf_addc(b, ',');
			add_value(b, one);
		}
		buf_addc(b, ']');
	} else if (v->type == YAML_NULL) {
		buf_add(b, STR("null"));
	} else if (v->type == YAML_BOOL) {
		buf_add(b, v->boolean ? STR("true") : STR("false"));
	} else if (v->type == YAML_INT && json_text_is_number(v->text)) {
		buf_add(b, v->text);
	} else {
		json_add_string(b, v->text);
	}
}

static void run_record(struct tests *t, struct str raw, enum event_format format, const struct logsource *ls)
{
	struct record rec = {.raw = raw, .format = (uint8_t)format, .received = INT64_C(1767225600) * NS_PER_S};
	struct event ev;
	if (ls)
		rec.ls = *ls;
	arena_reset(&t->mem);
	decode_record(t->decoder, &rec, &t->mem, &ev, NULL);
	on_event(t, &ev);
}

static void run_event(struct tests *t, const struct yaml_node *event, const struct logsource *ls)
{
	struct buf b = BUF_INIT(1u << 20);
	add_members(&b, event);
	run_record(t, buf_str(&b), FORMAT_JSON, ls);
	buf_done(&b);
}

static struct str own_text(const struct yaml_node *map, const char *key, struct str otherwise)
{
	struct str s = yaml_text(yaml_get(map, key));
	return s.p ? s : otherwise;
}

/* The log source that a case's events belong to: its own, else the rule's. */
static struct logsource case_logsource(const struct sigma_rule *rule, const struct yaml_node *c)
{
	const struct yaml_node *ls = yaml_get(c, "logsource");
	return (struct logsource){own_text(ls, "product", rule->logsource.product), own_text(ls, "category", rule->logsource.category), own_text(ls, "service", rule->logsource.service)};
}

static void own_case(struct tests *t, const char *path, const struct sigma_rule *rule, const struct yaml_node *c)
{
	const struct yaml_node *events = yaml_get(c, "events"), *event = yaml_get(c, "event");
	struct str expect = yaml_text(yaml_get(c, "expect")), raw = yaml_text(yaml_get(c, "raw")), line, wanted = yaml_text(yaml_get(c, "matches"));
	struct logsource ls = case_logsource(rule, c);
	uint64_t want = str_eq(expect, STR("match")), n;
	char text[32];
	if (wanted.p && num_u64(wanted, &n))
		want = n;
	fresh_case(t, rule->id);
	if (event)
		run_event(t, event, ls.product.n || ls.category.n || ls.service.n ? &ls : NULL);
	yaml_each(one, events) {
		struct logsource its = case_logsource(&(struct sigma_rule){.logsource = ls}, one);
		run_event(t, yaml_get(one, "event") ? yaml_get(one, "event") : one, its.product.n || its.category.n || its.service.n ? &its : NULL);
	}
	enum event_format format = event_format_parse(own_text(c, "format", STR("auto")));
	if (format == FORMAT_AUDITD && raw.p)
		run_record(t, raw, format, NULL);
	else
		while (raw.p && str_line(&raw, &line))
			run_record(t, line, format == FORMAT_COUNT ? FORMAT_AUTO : format, NULL);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)want);
	result(t, t->hits == want, path, yaml_text(yaml_get(c, "name")), t->hits, text);
}

static void own_file(struct tests *t, const char *path, const struct yaml_node *root)
{
	const struct sigma_rule *rule = sigma_image_find(t->rules.img, yaml_text(yaml_get(root, "rule")));
	if (!rule) {
		result(t, false, path, STR("the rule that the tests are about is missing or refused"), 0, "the rule");
		return;
	}
	yaml_each(c, yaml_get(root, "cases")) {
		own_case(t, path, rule, c);
	}
}

static int test_file(void *arg, const char *path, int err)
{
	struct tests *t = arg;
	struct str p = str_c(path);
	bool info = str_ends(p, STR("/info.yml")), own = str_find(p, STR("/tests/")) != STR_NPOS && str_ends(p, STR(".yml"));
	struct buf text = BUF_INIT(16u << 20);
	struct yaml_doc *doc;
	struct arena mem;
	struct diag d;
	if (err || (!info && !own))
		return 0;
	arena_init(&mem, 0);
	diag_init(&d);
	diag_file(&d, p);
	if (file_read(path, &text) < 0 || yaml_read(buf_str(&text), &mem, &d, &doc) < 0 || !doc || !doc->root) {
		say_findings(&d);
		result(t, false, path, STR("the test file cannot be read"), 0, "YAML");
	} else if (info) {
		regression_file(t, path, doc->root);
	} else if (yaml_get(doc->root, "cases")) {
		own_file(t, path, doc->root);
	}
	buf_done(&text);
	diag_done(&d);
	arena_done(&mem);
	return 0;
}

/* ---- the words of `rules` --------------------------------------------------------------------------------------------------------------------- */

struct own_paths {
	char **at;
	size_t n, cap;
};

/*
 * The rules that the tests at path are about when no -r names them: path itself, but for SigmaHQ's regression_data the folders rules, rules-…
 * that stand beside it.
 */
static void rules_for(struct own_paths *own, const char *path)
{
	static const char *const beside[] = {"rules", "rules-compliance", "rules-dfir", "rules-emerging-threats", "rules-placeholder", "rules-threat-hunting"};
	struct str p = str_c(path);
	size_t at = str_find(p, STR("regression_data"));
	char folder[4200];
	if (at == STR_NPOS) {
		vec_push(own, must_strdup(path));
		return;
	}
	for (size_t i = 0; i < LEN(beside); i++) {
		snprintf(folder, sizeof(folder), "%.*s%s%s", (int)at, path, at ? "" : "./", beside[i]);
		if (file_is_dir(folder))
			vec_push(own, must_strdup(folder));
	}
}

static int run_tests(struct command *c)
{
	struct tests t = {0};
	const struct given *rules = command_given(c, "rules");
	struct own_paths own = {0};
	char shipped[4200];
	struct sigma_opts o = options(c);
	for (size_t i = 1; i < c->args.n && !rules->list.n; i++)
		rules_for(&own, c->args.at[i]);
	int e = ruleset_load(&t.rules, rules->list.n ? rules->list.at : (const char *const *)own.at, rules->list.n ? rules->list.n : own.n, &o, NULL);
	vec_each(p, &own) {
		free(*p);
	}
	vec_done(&own);
	if (e < 0) {
		say_findings(&t.rules.d);
		ruleset_done(&t.rules);
		return EXIT_USAGE;
	}
	t.matcher = sigma_matcher_new(t.rules.img);
	t.decoder = decoder_new(t.rules.vocab, 0);
	arena_init(&t.mem, 0);
	for (size_t i = 1; i < c->args.n; i++)
		file_walk(c->args.at[i], test_file, &t);
	if (c->args.n == 1 && content_dir()) {
		snprintf(shipped, sizeof(shipped), "%s/rules", content_dir());
		file_walk(shipped, test_file, &t);
	}
	printf("%llu passed, %llu failed\n", (unsigned long long)t.passed, (unsigned long long)t.failed);
	correlator_free(t.correlator);
	sigma_matcher_free(t.matcher);
	decoder_free(t.decoder);
	arena_done(&t.mem);
	ruleset_done(&t.rules);
	return t.failed ? EXIT_FOUND : EXIT_DONE;
}

static int check(struct command *c)
{
	struct ruleset r;
	struct sigma_opts o = options(c);
	o.lint = true;
	ruleset_load(&r, &c->args.at[1], c->args.n - 1, &o, NULL);
	say_findings(&r.d);
	fprintf(stderr, SAY("%zu rules can be used, %zu refused, %zu errors, %zu warnings\n", "使えるルール %zu 件、不採用 %zu 件、エラー %zu 件、警告 %zu 件\n"), r.loaded, r.refused,
		r.d.errors, r.d.warnings);
	int status = r.d.errors ? EXIT_USAGE : EXIT_DONE;
	ruleset_done(&r);
	return status;
}

/* list, explain, coverage: load, then show what is usable. -r and PATHs mean the same. */
static int load_for(struct command *c, struct ruleset *r)
{
	const struct given *rules = command_given(c, "rules");
	VEC(const char *) paths = {0};
	struct sigma_opts o = options(c);
	for (size_t i = 0; i < rules->list.n; i++)
		vec_push(&paths, rules->list.at[i]);
	for (size_t i = 1; i < c->args.n; i++)
		vec_push(&paths, c->args.at[i]);
	int e = ruleset_load(r, paths.at, paths.n, &o, NULL);
	vec_done(&paths);
	if (e < 0)
		say_findings(&r->d);
	return e;
}

static enum rules_format format_of(const struct command *c)
{
	static const char *const names[] = {"table", "json", "jsonl", "csv"};
	const char *how = command_text(c, "output");
	for (size_t i = 0; i < LEN(names) && how; i++)
		if (strcmp(how, names[i]) == 0)
			return (enum rules_format)i;
	return RULES_TABLE;
}

static int show(struct command *c, void (*add)(const struct ruleset *r, enum rules_format how, struct buf *out))
{
	struct ruleset r;
	struct buf out = BUF_INIT(1u << 30);
	int e = load_for(c, &r);
	if (e == 0) {
		add(&r, format_of(c), &out);
		out_write(buf_str(&out));
	}
	buf_done(&out);
	ruleset_done(&r);
	return e ? EXIT_USAGE : EXIT_DONE;
}

static bool read_time(const char *text, tstamp now, tstamp *ret)
{
	*ret = TS_NONE;
	if (!text || ts_parse_user(str_c(text), now, 0, ret))
		return true;
	fprintf(stderr, "hinomi rules backtest: %s: \"%s\"\n  hint: 2026-11-22, 2026-11-22T10:00:00Z, -24h\n", SAY("this is no time", "時刻ではありません"), text);
	return false;
}

static int backtest(struct command *c)
{
	struct ruleset r;
	struct backtest_opts o = {.dir = command_text(c, "data"), .examples = 3};
	struct clock clock;
	const char *examples = command_text(c, "examples");
	uint64_t n;
	if (!o.dir) {
		fprintf(stderr, "hinomi rules backtest: %s\n", SAY("name the data directory with --data DIR", "--data DIR でデータディレクトリを指定してください"));
		return EXIT_USAGE;
	}
	clock_init_real(&clock, 0);
	tstamp now = clock_now(&clock);
	if (!read_time(command_text(c, "from"), now, &o.from) || !read_time(command_text(c, "to"), now, &o.to))
		return EXIT_USAGE;
	if (examples && num_u64(str_c(examples), &n) && n <= 1000)
		o.examples = (size_t)n;
	int e = load_for(c, &r) < 0 ? EXIT_USAGE : rules_backtest(&r, &o, format_of(c));
	ruleset_done(&r);
	return e;
}

static int run_rules(struct command *c)
{
	const char *word = c->args.n ? c->args.at[0] : "";
	if (strcmp(word, "check") == 0)
		return check(c);
	if (strcmp(word, "test") == 0)
		return run_tests(c);
	if (strcmp(word, "list") == 0)
		return show(c, rules_list);
	if (strcmp(word, "explain") == 0)
		return show(c, rules_explain);
	if (strcmp(word, "coverage") == 0)
		return show(c, rules_coverage);
	if (strcmp(word, "backtest") == 0)
		return backtest(c);
	fprintf(stderr, "hinomi rules: %s: \"%s\"\n  hint: hinomi rules check|test|list|explain|coverage|backtest PATH…\n", SAY("there is no such word", "その指定はありません"), word);
	return EXIT_USAGE;
}

int cmd_rules(int argc, char **argv)
{
	struct command c = {.verb = "rules", .usage = "check|test|list|explain|coverage|backtest [-r RULES]… PATH…", .opt = OPTIONS, .n_opt = LEN(OPTIONS),
		.help_en = "check: findings with file, line, column and hint. test: rule tests of the own layout and SigmaHQ regression data. list: what is loaded. explain: log sources, condition and what wakes a rule. "
			    "coverage: rules per ATT&CK technique. backtest: hits per rule and day over a data directory.",
		.help_ja = "check: 誤りを行・桁・ヒント付きで表示。test: ルールのテスト (独自形式と SigmaHQ の回帰データ)。list: 読み込んだルールの一覧。explain: ログソース・条件・ゲート。coverage: ATT&CK 技術ごとのルール数。backtest: データディレクトリに対するルール別・日別の検知数。"};
	return command_run(&c, argc, argv, run_rules);
}
