/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/rules.h"

#include "base/map.h"
#include "codec/json.h"
#include "sigma/explain.h"

static struct str title_of(const struct sigma_rule *r)
{
	return lang_is_ja() && r->title_ja.n ? r->title_ja : r->title;
}

static void member(struct buf *out, const char *name, struct str value)
{
	json_add_key(out, str_c(name));
	json_add_string(out, value);
}

/* ---- list --------------------------------------------------------------------------------------------------------------------------------- */

void rules_add_csv(struct buf *out, struct str cell)
{
	bool quote = str_chr(cell, ',') != STR_NPOS || str_chr(cell, '"') != STR_NPOS || str_chr(cell, '\n') != STR_NPOS || str_chr(cell, '\r') != STR_NPOS;
	if (!quote) {
		buf_add(out, cell);
		return;
	}
	buf_addc(out, '"');
	for (size_t i = 0; i < cell.n; i++)
		buf_addf(out, "%s%c", cell.p[i] == '"' ? "\"" : "", cell.p[i]);
	buf_addc(out, '"');
}

static void list_one(const struct sigma_rule *rule, enum rules_format how, bool first, struct buf *out)
{
	const struct str cells[] = {str_c(LEVEL_NAMES[rule->level]), rule->status, rule->id, rule->title, rule->file};
	static const char *const names[] = {"level", "status", "id", "title", "path"};
	if (how == RULES_TABLE) {
		buf_addf(out, "%-13s %-12.*s %-36.*s  %.*s\n", cells[0].p, STR_ARG(cells[1]), STR_ARG(cells[2]), STR_ARG(title_of(rule)));
		return;
	}
	if (how == RULES_JSON && !first)
		buf_addc(out, ',');
	if (how != RULES_CSV)
		buf_addc(out, '{');
	for (size_t k = 0; k < LEN(cells); k++) {
		if (how == RULES_CSV) {
			buf_add_cstr(out, k ? "," : "");
			rules_add_csv(out, cells[k]);
		} else {
			member(out, names[k], cells[k]);
		}
	}
	buf_add_cstr(out, how == RULES_CSV ? "\r\n" : how == RULES_JSON ? "}" : "}\n");
}

void rules_list(const struct ruleset *r, enum rules_format how, struct buf *out)
{
	size_t n;
	const struct sigma_rule *rule = sigma_image_rules(r->img, &n);
	if (how == RULES_CSV)
		buf_add(out, STR("level,status,id,title,path\r\n"));
	if (how == RULES_JSON)
		buf_addc(out, '[');
	for (size_t i = 0; i < n; i++)
		list_one(&rule[i], how, i == 0, out);
	if (how == RULES_JSON)
		buf_add(out, STR("]\n"));
}

/* ---- explain ---------------------------------------------------------------------------------------------------------------------------- */

static void add_logsource(struct buf *out, const struct logsource *ls)
{
	const struct str part[] = {ls->product, ls->category, ls->service};
	for (size_t i = 0; i < LEN(part); i++)
		buf_addf(out, "%s%.*s", i ? "/" : "", STR_ARG(part[i].n ? part[i] : STR("*")));
}

/* The log-source sets of the vocabulary whose events the rule sees. */
static size_t add_routes(const struct ruleset *r, const struct sigma_rule *rule, struct buf *out)
{
	size_t shown = 0, n;
	for (uint32_t set = 0; set < vocab_lsset_count(r->vocab); set++) {
		if (!sigma_explain_routed(r->img, rule, set))
			continue;
		const struct logsource *ls = vocab_lsset_get(r->vocab, set, &n);
		buf_add(out, STR("    "));
		for (size_t i = 0; i < n; i++) {
			if (i)
				buf_add(out, STR(" + "));
			add_logsource(out, &ls[i]);
		}
		buf_addc(out, '\n');
		shown++;
	}
	return shown;
}

static void explain_text(const struct ruleset *r, const struct sigma_rule *rule, const struct sigma_question *q, size_t n, struct buf *out)
{
	size_t gates = 0;
	buf_addf(out, "%.*s\n  %s %.*s, %s, %.*s:%u\n", STR_ARG(title_of(rule)), SAY("id", "ID"), STR_ARG(rule->id), LEVEL_NAMES[rule->level], STR_ARG(rule->file), rule->line);
	if (rule->kind == SIGMA_CORRELATION) {
		buf_addf(out, "  %s\n", SAY("a correlation: it counts the matches of other rules", "相関ルール: 他のルールの検知を数える"));
		return;
	}
	buf_addf(out, "  %s ", SAY("log source (product/category/service):", "ログソース (product/category/service):"));
	add_logsource(out, &rule->logsource);
	buf_addf(out, "\n  %s\n", SAY("built-in log sources whose events it sees:", "対象になる組み込みログソース:"));
	if (!add_routes(r, rule, out))
		buf_addf(out, "    %s\n", SAY("none: events must be given this log source (-s, sources/*.yml)", "なし: -s または sources/*.yml で指定されたイベントだけ"));
	buf_addf(out, "  %s\n", SAY("condition:", "条件:"));
	sigma_explain_condition(r->img, rule, out);
	for (size_t i = 0; i < n; i++)
		gates += q[i].gate;
	if (sigma_explain_always(r->img, rule)) {
		buf_addf(out, "  %s\n", SAY("gate: none. No value is necessary, so the condition is evaluated on every event of these log sources", "ゲート: なし (対象ログの全イベントで条件を評価する)"));
		return;
	}
	buf_addf(out, SAY("  gate: one of %zu values (of %zu questions) must be seen before the condition is looked at:\n", "  ゲート: 次の %zu 個の値 (質問 %zu 個中) のいずれかが現れたときだけ条件を評価する:\n"),
		gates, n);
	for (size_t i = 0; i < n; i++)
		if (q[i].gate)
			buf_addf(out, "    %.*s %s %.*s\n", STR_ARG(q[i].field.n ? q[i].field : STR("(any value)")), q[i].op, STR_ARG(q[i].value));
}

static void explain_json(const struct ruleset *r, const struct sigma_rule *rule, const struct sigma_question *q, size_t n, struct buf *out)
{
	buf_addc(out, '{');
	member(out, "rule_id", rule->id);
	member(out, "rule_title", rule->title);
	member(out, "path", rule->file);
	json_add_key(out, STR("logsource"));
	buf_addc(out, '{');
	member(out, "product", rule->logsource.product);
	member(out, "category", rule->logsource.category);
	member(out, "service", rule->logsource.service);
	buf_addc(out, '}');
	json_add_key(out, STR("always"));
	buf_add(out, sigma_explain_always(r->img, rule) ? STR("true") : STR("false"));
	json_add_key(out, STR("questions"));
	buf_addc(out, '[');
	for (size_t i = 0; i < n; i++) {
		buf_add_cstr(out, i ? ",{" : "{");
		member(out, "field", q[i].field);
		member(out, "op", str_c(q[i].op));
		member(out, "value", q[i].value);
		json_add_key(out, STR("gate"));
		buf_add(out, q[i].gate ? STR("true}") : STR("false}"));
	}
	buf_add(out, STR("]}\n"));
}

void rules_explain(const struct ruleset *r, enum rules_format how, struct buf *out)
{
	bool json = how != RULES_TABLE;
	size_t n;
	const struct sigma_rule *rule = sigma_image_rules(r->img, &n);
	for (size_t i = 0; i < n; i++) {
		struct arena mem;
		struct sigma_question *q;
		arena_init(&mem, 0);
		size_t n_q = sigma_explain_questions(r->img, &rule[i], &mem, &q);
		if (json) {
			buf_add_cstr(out, how != RULES_JSON ? "" : i ? "," : "[");
			explain_json(r, &rule[i], q, n_q, out);
		} else {
			if (i)
				buf_addc(out, '\n');
			explain_text(r, &rule[i], q, n_q, out);
		}
		arena_done(&mem);
	}
	buf_add_cstr(out, how == RULES_JSON ? n ? "]\n" : "[]\n" : "");
}

/* ---- coverage --------------------------------------------------------------------------------------------------------------------------- */

struct technique {
	struct str id; /* "t1059.001", as in the tag */
	size_t rules;
	enum sigma_level worst;
};

typedef VEC(struct technique) techniques;

/* attack.t1059 or attack.t1059.001. */
static bool technique_tag(struct str tag, struct str *ret)
{
	if (!str_take(&tag, STR("attack.")) || tag.n < 5 || (tag.p[0] | 32) != 't' || !ch_is_digit((unsigned char)tag.p[1]))
		return false;
	*ret = tag;
	return true;
}

static int by_id(const void *a, const void *b)
{
	const struct technique *x = a, *y = b;
	return str_cmp(x->id, y->id);
}

static void count_techniques(const struct ruleset *r, techniques *all)
{
	struct map index;
	struct str id;
	size_t n;
	bool fresh;
	const struct sigma_rule *rule = sigma_image_rules(r->img, &n);
	map_init(&index);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < rule[i].n_tag; k++) {
			if (!technique_tag(rule[i].tag[k], &id))
				continue;
			uint64_t *at = map_put(&index, id, &fresh);
			if (fresh) {
				*at = all->n;
				vec_push(all, ((struct technique){id, 0, SIGMA_INFORMATIONAL}));
			}
			struct technique *t = &all->at[*at];
			t->rules++;
			t->worst = rule[i].level > t->worst ? rule[i].level : t->worst;
		}
	map_done(&index);
	if (all->n)
		qsort(all->at, all->n, sizeof(*all->at), by_id);
}

static void add_upper(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_addc(out, s.p[i] >= 'a' && s.p[i] <= 'z' ? (char)(s.p[i] - 32) : s.p[i]);
}

/* A layer of the ATT&CK Navigator, layer format 4.5: the score is the number of rules. */
static void add_layer(techniques *all, struct buf *out)
{
	size_t most = 1;
	vec_each(t, all) {
		most = t->rules > most ? t->rules : most;
	}
	buf_add(out, STR("{\"name\":\"Hinomi rules\",\"versions\":{\"layer\":\"4.5\"},\"domain\":\"enterprise-attack\",\"techniques\":["));
	vec_each(t, all) {
		buf_add_cstr(out, t == all->at ? "{\"techniqueID\":\"" : ",{\"techniqueID\":\"");
		add_upper(out, t->id);
		buf_addf(out, "\",\"score\":%zu,\"comment\":\"%zu rules, highest level %s\"}", t->rules, t->rules, LEVEL_NAMES[t->worst]);
	}
	buf_addf(out, "],\"gradient\":{\"colors\":[\"#fff4e0\",\"#d1361c\"],\"minValue\":0,\"maxValue\":%zu}}\n", most);
}

static void add_coverage_csv(techniques *all, struct buf *out)
{
	buf_add(out, STR("technique,rules,highest_level\r\n"));
	vec_each(t, all) {
		add_upper(out, t->id);
		buf_addf(out, ",%zu,%s\r\n", t->rules, LEVEL_NAMES[t->worst]);
	}
}

void rules_coverage(const struct ruleset *r, enum rules_format how, struct buf *out)
{
	techniques all = {0};
	count_techniques(r, &all);
	if (how == RULES_CSV) {
		add_coverage_csv(&all, out);
	} else if (how != RULES_TABLE) {
		add_layer(&all, out);
	} else {
		buf_addf(out, "%-12s %8s  %s\n", SAY("technique", "技術"), SAY("rules", "ルール"), SAY("highest level", "最高重大度"));
		vec_each(t, &all) {
			struct buf id = BUF_INIT(100);
			add_upper(&id, t->id);
			buf_addf(out, "%-12s %8zu  %s\n", buf_cstr(&id), t->rules, LEVEL_NAMES[t->worst]);
			buf_done(&id);
		}
		buf_addf(out, SAY("%zu techniques and sub-techniques\n", "技術・サブ技術 %zu 件\n"), all.n);
	}
	vec_done(&all);
}
