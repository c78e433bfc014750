/* SPDX-License-Identifier: Apache-2.0 */
#include "soc/parts.h"

#include <errno.h>

/*
 * Score = severity × confidence × asset criticality + entity risk + tactic progress − recent benign verdicts, as a sum of whole-numbered
 * terms, so that a person can add them up: the products are written as what they add or take away.
 */
static const int SEVERITY[] = {5, 15, 35, 60, 80};
static const char *const LEVELS[] = {"informational", "low", "medium", "high", "critical"};

#define WEEK_NS (7 * 24 * 3600 * NS_PER_S)
#define MONTH_NS (30 * 24 * 3600 * NS_PER_S)

const char *level_name(enum sigma_level level)
{
	return LEVELS[level];
}

static int severity_of(const json_t *alert)
{
	for (size_t i = 0; i < LEN(LEVELS); i++)
		if (doc_is(alert, "level", LEVELS[i]))
			return SEVERITY[i];
	return SEVERITY[0];
}

static int term(json_t *terms, const char *name, int value, const char *why_en, const char *why_ja)
{
	if (value)
		json_array_append_new(terms, json_pack("{s:s, s:i, s:s, s:s}", "name", name, "value", value, "why", why_en, "why_ja", why_ja));
	return value;
}

static int64_t one_number(struct db_stmt *s)
{
	int64_t n = 0;
	if (s && db_step(s) == 1) {
		n = db_col_i64(s, 0);
		db_reset(s);
	}
	return n;
}

/* Other open alerts of the week that name the same host, user or address. */
static int64_t open_neighbours(struct desk *k, struct str kind, struct str value, struct str but)
{
	struct db_stmt *s = db_prepare(desk_db(k), "SELECT COUNT(*) FROM (SELECT 1 FROM alert_entity e JOIN alert a ON a.id = e.alert_id WHERE e.kind = $1 AND e.value = $2"
						   " AND e.alert_id <> $3 AND e.seen >= $4 AND a.status <> 'closed' LIMIT 10)");
	if (!s)
		return 0;
	db_bind_text(s, 1, kind);
	db_bind_text(s, 2, value);
	db_bind_text(s, 3, but);
	db_bind_i64(s, 4, desk_now(k) - WEEK_NS);
	return one_number(s);
}

static int entity_risk(struct desk *k, const json_t *alert)
{
	int64_t most = 0;
	const json_t *list = json_object_get(alert, "entities");
	for (size_t i = 0; i < json_array_size(list) && i < 8; i++) {
		const json_t *e = json_array_get(list, i);
		if (!doc_is(e, "kind", "host") && !doc_is(e, "kind", "user") && !doc_is(e, "kind", "ip"))
			continue;
		char kind[64];
		int64_t n = open_neighbours(k, entity_kind(alert, doc_str(e, "kind"), kind), doc_str(e, "value"), doc_str(alert, "id"));
		most = n > most ? n : most;
	}
	return most > 4 ? 20 : (int)most * 5;
}

struct tactics {
	json_t *seen;
	int n;
};

static int take_tactics(void *arg, json_t *other)
{
	struct tactics *t = arg;
	const json_t *list = json_object_get(other, "tactics");
	for (size_t i = 0; i < json_array_size(list); i++)
		t->n += doc_list_add(t->seen, str_c(json_string_value(json_array_get(list, i))));
	return 0;
}

/* Tactics that other alerts of the same host showed this week. */
static int tactic_progress(struct desk *k, const json_t *alert)
{
	const json_t *list = json_object_get(alert, "entities");
	struct tactics t = {json_deep_copy(json_object_get(alert, "tactics")), 0};
	for (size_t i = 0; t.seen && i < json_array_size(list); i++) {
		const json_t *e = json_array_get(list, i);
		if (!doc_is(e, "kind", "host"))
			continue;
		char kind[64];
		struct desk_param p[] = {{.s = entity_kind(alert, STR("host"), kind)}, {.s = doc_str(e, "value")}, {.is_int = true, .i = desk_now(k) - WEEK_NS}, {.s = doc_str(alert, "id")}};
		desk_list(k, NOUN_ALERT, "id IN (SELECT alert_id FROM alert_entity WHERE kind = $1 AND value = $2 AND seen >= $3 AND alert_id <> $4 ORDER BY alert_id LIMIT 50)", p, 4, take_tactics, &t);
		break;
	}
	json_decref(t.seen);
	return t.n > 3 ? 24 : t.n * 8;
}

static int take_benign(void *arg, json_t *alert)
{
	static const char *const QUIET[] = {"false_positive", "benign", "duplicate", "test"};
	for (size_t i = 0; i < LEN(QUIET); i++)
		*(int *)arg += doc_is(alert, "verdict", QUIET[i]);
	return 0;
}

static int recent_benign(struct desk *k, const json_t *alert)
{
	int n = 0;
	char since[TS_TEXT_MAX];
	ts_format(since, desk_now(k) - MONTH_NS);
	struct desk_param p[] = {{.s = doc_str(alert, "fold_key")}, {.s = str_c(since)}};
	desk_list(k, NOUN_ALERT, "fold_key = $1 AND status = 'closed' AND updated_at >= $2 LIMIT 10", p, 2, take_benign, &n);
	return n > 3 ? -30 : n * -10;
}

static bool critical(const struct soc *s, const json_t *alert)
{
	const json_t *list = json_object_get(alert, "entities");
	for (size_t i = 0; s->is_critical && i < json_array_size(list); i++) {
		const json_t *e = json_array_get(list, i);
		if (s->is_critical(s->arg, doc_str(e, "kind"), doc_str(e, "value")))
			return true;
	}
	return false;
}

int score_alert(struct desk *k, const struct soc *s, json_t *alert)
{
	json_t *terms = json_array();
	int severity = severity_of(alert), score = term(terms, "severity", severity, "the rule's level", "ルールのレベル");
	bool is_critical = critical(s, alert);
	if (doc_is(alert, "rule_status", "experimental"))
		score += term(terms, "confidence", -severity / 4, "the rule is experimental (× 0.75)", "ルールが experimental (× 0.75)");
	else if (doc_is(alert, "rule_status", "test"))
		score += term(terms, "confidence", -severity / 10, "the rule is in test (× 0.9)", "ルールが test (× 0.9)");
	if (is_critical)
		score += term(terms, "asset", severity * 4 / 10, "a critical asset (× 1.4)", "重要資産 (× 1.4)");
	score += term(terms, "entity_risk", entity_risk(k, alert), "other open alerts name the same host, user or address", "同じホスト・ユーザー・アドレスの未解決アラートがある");
	score += term(terms, "tactic_progress", tactic_progress(k, alert), "the same host showed other tactics this week", "同じホストで今週ほかの戦術も検知");
	score += term(terms, "benign_verdicts", recent_benign(k, alert), "lately judged harmless", "最近、無害と判定されている");
	score = score < 0 ? 0 : score;
	doc_set_int(alert, "score", score);
	json_object_set_new(alert, "score_terms", terms);
	json_object_set_new(alert, "priority", json_string(score >= 85 ? "P1" : score >= 60 ? "P2" : score >= 30 ? "P3" : "P4"));
	json_object_set_new(alert, "asset_criticality", json_string(is_critical ? "high" : "normal"));
	return 0;
}
