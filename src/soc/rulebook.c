/* SPDX-License-Identifier: Apache-2.0 */
#include "soc/parts.h"

#include "base/num.h"
#include "codec/yaml.h"
#include "sys/file.h"

#include <errno.h>
#include <stdlib.h>

#define DAY_MINUTES (24 * 60)

static const struct str WHEN_KEYS[] = {{"priority", 8}, {"level", 5}, {"tactic", 6}, {"rule", 4}, {"product", 7}, {"asset.criticality", 17}, {"hours", 5}};
static const struct str CHANNELS[] = {{"console", 7}, {"mail", 4}, {"chat", 4}, {"phone", 5}};
static const struct str DAYS[] = {{"mon", 3}, {"tue", 3}, {"wed", 3}, {"thu", 3}, {"fri", 3}, {"sat", 3}, {"sun", 3}};
static const struct str HOURS[] = {{"office", 6}, {"outside_office", 14}};
static const struct str PRIORITIES[] = {{"P1", 2}, {"P2", 2}, {"P3", 2}, {"P4", 2}};
static const struct str LEVELS[] = {{"informational", 13}, {"low", 3}, {"medium", 6}, {"high", 4}, {"critical", 8}};

static const struct str CRITICALITIES[] = {{"high", 4}, {"normal", 6}};

/* Words that a condition's values are taken from; NULL = any text. */
static const struct {
	const struct str *word;
	size_t n;
	const char *what;
} WHEN_WORDS[LEN(WHEN_KEYS)] = {{PRIORITIES, LEN(PRIORITIES), "a priority is P1, P2, P3 or P4"}, {LEVELS, LEN(LEVELS), "there is no such level"}, {TACTICS, TACTICS_N, "there is no such tactic"}, {NULL, 0, NULL},
	{NULL, 0, NULL}, {CRITICALITIES, LEN(CRITICALITIES), "an asset is high or normal"}, {HOURS, LEN(HOURS), "hours are office or outside_office"}};

struct loader {
	struct rulebook *b;
	const struct rulebook_words *words;
	struct diag *d;
};

static size_t find(struct str s, const struct str *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(s, list[i]))
			return i;
	return n;
}

static int bad(struct loader *l, const struct yaml_node *at, const char *code, const char *what, struct str got)
{
	return diag_error(l->d, at->at, code, "%s: \"%.*s\"", what, STR_ARG(got));
}

static bool word_of(struct loader *l, const struct yaml_node *n, const struct str *list, size_t count, const char *what, size_t *ret)
{
	*ret = find(yaml_text(n), list, count);
	if (*ret < count)
		return true;
	bad(l, n, "rulebook.bad_word", what, yaml_text(n));
	diag_suggest(l->d, yaml_text(n), list, count);
	return false;
}

static int64_t duration(struct loader *l, const struct yaml_node *n)
{
	int64_t ns = 0;
	if (n && (!num_duration(yaml_text(n), &ns) || ns <= 0)) {
		bad(l, n, "rulebook.bad_duration", "this is no duration", yaml_text(n));
		diag_hint(l->d, "write 10m, 4h or 1d");
		return 0;
	}
	return ns;
}

/* Only these keys, each reported where it stands. */
static void only(struct loader *l, const struct yaml_node *map, const struct str *names, size_t n)
{
	yaml_pairs(v, map) {
		if (find(yaml_text(v->key), names, n) < n)
			continue;
		bad(l, v->key, "rulebook.unknown_key", "there is no such key here", yaml_text(v->key));
		diag_suggest(l->d, yaml_text(v->key), names, n);
	}
}

static void load_when(struct loader *l, struct rulebook_row *row, const struct yaml_node *map)
{
	if (map && map->kind != YAML_MAP && map->type != YAML_NULL)
		diag_error(l->d, map->at, "rulebook.bad_type", "`when` is a map of conditions; {} fits everything");
	yaml_pairs(v, map) {
		size_t key;
		if (!word_of(l, v->key, WHEN_KEYS, LEN(WHEN_KEYS), "there is no such condition", &key))
			continue;
		if (row->n_when == LEN(row->when)) {
			diag_error(l->d, v->at, "rulebook.too_many", "a row has at most %zu conditions", LEN(row->when));
			return;
		}
		struct rulebook_when *w = &row->when[row->n_when++];
		w->key = WHEN_KEYS[key];
		const struct yaml_node *first = v->kind == YAML_LIST ? v->kid : v;
		for (const struct yaml_node *one = first; one; one = v->kind == YAML_LIST ? one->next : NULL) {
			size_t at;
			if (w->n == LEN(w->value)) {
				diag_error(l->d, one->at, "rulebook.too_many", "a condition has at most %zu values", LEN(w->value));
				break;
			}
			if (!WHEN_WORDS[key].word || word_of(l, one, WHEN_WORDS[key].word, WHEN_WORDS[key].n, WHEN_WORDS[key].what, &at))
				w->value[w->n++] = arena_dup(&l->b->mem, yaml_text(one));
		}
		if (!first)
			diag_error(l->d, v->at, "rulebook.no_value", "the condition has no value: nothing fits it");
	}
}

static void load_channels(struct loader *l, struct rulebook_step *s, const struct yaml_node *list)
{
	if (!list || (list->kind == YAML_LIST && !list->n))
		s->by[s->n_by++] = CHANNELS[0];
	const struct yaml_node *first = list && list->kind == YAML_LIST ? list->kid : list;
	for (const struct yaml_node *one = first; one; one = list->kind == YAML_LIST ? one->next : NULL) {
		size_t at;
		if (!word_of(l, one, CHANNELS, LEN(CHANNELS), "there is no such channel", &at))
			continue;
		if (s->n_by < LEN(s->by))
			s->by[s->n_by++] = CHANNELS[at];
	}
}

static bool known_role(const struct loader *l, struct str name)
{
	return find(name, l->words->role, l->words->n_role) < l->words->n_role;
}

/* A name that is nobody's calls nobody, and that would be seen when it is too late. */
static bool knows_receiver(struct loader *l, const struct yaml_node *who, struct str kind, struct str name)
{
	static const struct str TEAMS[] = {{"soc", 3}, {"csirt", 5}};
	const struct rulebook_words *w = l->words;
	bool on_call = str_eq(kind, STR("oncall"));
	if (!w || !w->n_role || str_eq(kind, STR("user")) || known_role(l, name))
		return true;
	if (!on_call) {
		bad(l, who, "rulebook.unknown_role", "there is no such role", name);
		diag_hint(l->d, "hinomi user --help lists the roles");
		diag_suggest(l->d, name, w->role, w->n_role);
		return false;
	}
	if (w->any_team || find(name, TEAMS, LEN(TEAMS)) < LEN(TEAMS) || find(name, w->team, w->n_team) < w->n_team)
		return true;
	bad(l, who, "rulebook.unknown_team", "there is no such team on call", name);
	diag_hint(l->d, "name it in `duty` of hinomi.yml, or write oncall(soc), oncall(csirt) or a role");
	diag_suggest(l->d, name, TEAMS, LEN(TEAMS));
	diag_suggest(l->d, name, w->team, w->n_team);
	return false;
}

static void load_step(struct loader *l, struct rulebook_step *s, const struct yaml_node *map, const char *who_key)
{
	struct str kind, name;
	const struct yaml_node *who = yaml_get(map, who_key);
	if (!who || !receiver_parse(yaml_text(who), &kind, &name)) {
		diag_error(l->d, who ? who->at : map->at, "rulebook.bad_receiver", "`%s` names who is called", who_key);
		diag_hint(l->d, "write oncall(csirt), role(soc_lead), queue(l1) or user(sato)");
		return;
	}
	if (!knows_receiver(l, who, kind, name))
		return;
	s->who = arena_dup(&l->b->mem, str_trim(yaml_text(who)));
	load_channels(l, s, yaml_get(map, "by"));
	s->ack_within = duration(l, yaml_get(map, "ack_within"));
}

static void load_row(struct loader *l, const struct yaml_node *map)
{
	static const struct str KEYS[] = {{"name", 4}, {"when", 4}, {"call", 4}, {"hand_off", 8}};
	static const struct str STEP_KEYS[] = {{"who", 3}, {"by", 2}, {"ack_within", 10}};
	struct rulebook *b = l->b;
	if (b->n_row == LEN(b->row)) {
		diag_error(l->d, map->at, "rulebook.too_many", "a book has at most %zu rows", LEN(b->row));
		return;
	}
	struct rulebook_row *row = &b->row[b->n_row++];
	row->line = map->at.line;
	if (map->kind != YAML_MAP) {
		diag_error(l->d, map->at, "rulebook.bad_type", "a row is a map with `name`, `when` and `call`");
		return;
	}
	only(l, map, KEYS, LEN(KEYS));
	const struct yaml_node *name = yaml_get(map, "name"), *call = yaml_get(map, "call"), *hand_off = yaml_get(map, "hand_off");
	if (!name)
		diag_error(l->d, map->at, "rulebook.no_name", "the row has no `name`");
	row->name_ja = arena_dup(&b->mem, yaml_text(name && name->kind == YAML_MAP ? yaml_get(name, "ja") : name));
	row->name_en = arena_dup(&b->mem, yaml_text(name && name->kind == YAML_MAP ? yaml_get(name, "en") : name));
	load_when(l, row, yaml_get(map, "when"));
	if (!call || call->kind != YAML_LIST || !call->n)
		diag_error(l->d, call ? call->at : map->at, "rulebook.no_call", "the row calls nobody: `call` is a list of {who, by, ack_within}");
	yaml_each(one, call) {
		if (row->n_step == LEN(row->step)) {
			diag_error(l->d, one->at, "rulebook.too_many", "a row has at most %zu steps", LEN(row->step));
			break;
		}
		if (one->kind != YAML_MAP) {
			diag_error(l->d, one->at, "rulebook.bad_type", "a step is {who, by, ack_within}");
			continue;
		}
		only(l, one, STEP_KEYS, LEN(STEP_KEYS));
		load_step(l, &row->step[row->n_step++], one, "who");
	}
	if (hand_off && hand_off->kind != YAML_MAP)
		diag_error(l->d, hand_off->at, "rulebook.bad_hand_off", "`hand_off` is {required_within: 15m}");
	else if (hand_off) {
		row->hand_off_within = duration(l, yaml_get(hand_off, "required_within"));
		if (!row->hand_off_within)
			diag_error(l->d, hand_off->at, "rulebook.bad_hand_off", "`hand_off` is {required_within: 15m}");
	}
}

static void load_accept(struct loader *l, const struct yaml_node *map)
{
	static const struct str KEYS[] = {{"priority", 8}, {"within", 6}, {"else", 4}, {"by", 2}};
	struct rulebook *b = l->b;
	if (b->n_accept == LEN(b->accept)) {
		diag_error(l->d, map->at, "rulebook.too_many", "`accept` has at most %zu rows", LEN(b->accept));
		return;
	}
	struct rulebook_accept *a = &b->accept[b->n_accept++];
	only(l, map, KEYS, LEN(KEYS));
	yaml_each(p, yaml_get(map, "priority")) {
		size_t at;
		if (word_of(l, p, PRIORITIES, LEN(PRIORITIES), "a priority is P1, P2, P3 or P4", &at) && a->n_priority < LEN(a->priority))
			a->priority[a->n_priority++] = PRIORITIES[at];
	}
	a->within = duration(l, yaml_get(map, "within"));
	if (!a->within)
		diag_error(l->d, map->at, "rulebook.bad_accept", "the row does not say `within` which time");
	load_step(l, &a->otherwise, map, "else");
}

static int minute_of_day(struct loader *l, const struct yaml_node *n, int deflt)
{
	struct str rest = yaml_text(n);
	uint64_t h, m;
	if (!n)
		return deflt;
	if (num_take_u64(&rest, 2, &h) && str_take(&rest, STR(":")) && num_take_u64(&rest, 2, &m) && !rest.n && h * 60 + m <= DAY_MINUTES && m < 60)
		return (int)(h * 60 + m);
	bad(l, n, "rulebook.bad_time", "this is no time of the day", yaml_text(n));
	diag_hint(l->d, "write it quoted: \"09:00\"");
	return deflt;
}

static bool is_date(struct str s)
{
	char whole[40];
	tstamp t;
	snprintf(whole, sizeof(whole), "%.*sT00:00:00Z", s.n == 10 ? 10 : 0, s.p);
	return ts_parse_rfc3339(str_c(whole), 0, &t);
}

static void load_office(struct loader *l, const struct yaml_node *map)
{
	static const struct str KEYS[] = {{"days", 4}, {"from", 4}, {"to", 2}, {"closed", 6}};
	struct rulebook *b = l->b;
	only(l, map, KEYS, LEN(KEYS));
	if (yaml_get(map, "days"))
		b->office_days = 0;
	yaml_each(day, yaml_get(map, "days")) {
		size_t at;
		if (word_of(l, day, DAYS, LEN(DAYS), "this is no day", &at))
			b->office_days |= 1u << at;
	}
	b->office_from = minute_of_day(l, yaml_get(map, "from"), b->office_from);
	b->office_to = minute_of_day(l, yaml_get(map, "to"), b->office_to);
	if (b->office_to <= b->office_from)
		diag_error(l->d, map->at, "rulebook.bad_time", "the office closes before it opens");
	yaml_each(day, yaml_get(map, "closed")) {
		struct str s = yaml_text(day);
		if (b->n_closed == LEN(b->closed)) {
			diag_error(l->d, day->at, "rulebook.too_many", "`closed` has at most %zu days", LEN(b->closed));
			break;
		}
		if (is_date(s) || (s.n == 5 && is_date(arena_fmt(&b->mem, "2000-%.*s", STR_ARG(s))))) {
			b->closed[b->n_closed++] = arena_dup(&b->mem, s);
			continue;
		}
		bad(l, day, "rulebook.bad_date", "this is no date", s);
		diag_hint(l->d, "write 2026-12-29, or 12-29 for every year");
	}
}

static const struct yaml_node *list_of(struct loader *l, const struct yaml_node *root, const char *key)
{
	const struct yaml_node *list = yaml_get(root, key);
	if (list && list->kind != YAML_LIST)
		return diag_error(l->d, list->at, "rulebook.bad_type", "`%s` is a list", key), NULL;
	return list;
}

/* Every row can be reached, and every alert comes to one. */
static void check_rows(struct loader *l, const struct yaml_node *root)
{
	const struct rulebook *b = l->b;
	unsigned all = 0; /* line of the row that fits everything */
	yaml_each(row, yaml_get(root, "rows")) {
		const struct yaml_node *when = yaml_get(row, "when");
		if (all)
			diag_error(l->d, row->at, "rulebook.unreachable", "no alert comes to this row: the row of line %u fits everything", all);
		else if (row->kind == YAML_MAP && (!when || !when->n))
			all = row->at.line;
	}
	if (!b->n_row)
		diag_error(l->d, root->at, "rulebook.no_rows", "the book has no `rows`");
	else if (!all)
		diag_warning(l->d, root->at, "rulebook.no_last_row", "no row fits everything: for some alerts nobody is called");
}

static void load_book(struct loader *l, const struct yaml_node *root)
{
	static const struct str KEYS[] = {{"book", 4}, {"version", 7}, {"effective", 9}, {"approved", 8}, {"office", 6}, {"fold", 4}, {"rows", 4}, {"accept", 6}};
	struct rulebook *b = l->b;
	if (!root || root->kind != YAML_MAP) {
		diag_error(l->d, root ? root->at : (struct diag_at){1, 1}, "rulebook.bad_type", "a rule book is a map with `book`, `version` and `rows`");
		return;
	}
	only(l, root, KEYS, LEN(KEYS));
	b->name = arena_dup(&b->mem, yaml_text(yaml_get(root, "book")));
	b->effective = arena_dup(&b->mem, yaml_text(yaml_get(root, "effective")));
	b->approved_by = arena_dup(&b->mem, yaml_text(yaml_get(yaml_get(root, "approved"), "by")));
	if (!b->name.n)
		diag_error(l->d, root->at, "rulebook.no_name", "the book has no name (`book`)");
	const struct yaml_node *version = yaml_get(root, "version"), *effective = yaml_get(root, "effective");
	if (!version)
		diag_error(l->d, root->at, "rulebook.no_version", "the book has no `version` number");
	else if (!num_range(yaml_text(version), 1, INT32_MAX, &b->version))
		bad(l, version, "rulebook.bad_version", "the version is a number from 1 on", yaml_text(version));
	if (effective && !is_date(yaml_text(effective)))
		bad(l, effective, "rulebook.bad_date", "this is no date", yaml_text(effective));
	if (yaml_get(root, "fold"))
		b->fold_ns = duration(l, yaml_get(root, "fold"));
	if (yaml_get(root, "office"))
		load_office(l, yaml_get(root, "office"));
	yaml_each(row, list_of(l, root, "rows")) {
		load_row(l, row);
	}
	yaml_each(row, list_of(l, root, "accept")) {
		load_accept(l, row);
	}
	check_rows(l, root);
}

int rulebook_load_text(struct str yaml, struct str file, const struct rulebook_words *words, struct diag *d, struct rulebook **ret)
{
	struct arena mem;
	struct yaml_doc *doc = NULL;
	struct rulebook *b = must_new(struct rulebook);
	struct loader l = {b, words, d};
	size_t before = d->errors;
	arena_init(&mem, 0);
	arena_init(&b->mem, 0);
	b->fold_ns = 24 * 3600 * NS_PER_S;
	b->office_days = 0x1f;
	b->office_from = 9 * 60;
	b->office_to = 18 * 60;
	diag_file(d, file);
	if (yaml_read(yaml, &mem, d, &doc) == 0)
		load_book(&l, doc ? doc->root : NULL);
	diag_file(d, STR(""));
	arena_done(&mem);
	if (d->errors > before) {
		rulebook_free(b);
		return -EINVAL;
	}
	*ret = b;
	return 0;
}

int rulebook_load(const char *path, const struct rulebook_words *words, struct buf *ret_text, struct diag *d, struct rulebook **ret)
{
	struct buf text = BUF_INIT(RULEBOOK_TEXT_MAX);
	int r = file_read(path, &text);
	if (r < 0) {
		diag_file(d, str_c(path));
		diag_error(d, (struct diag_at){0}, "rulebook.unreadable", "the rule book cannot be read (error %d)", -r);
		diag_file(d, STR(""));
	} else {
		if (ret_text)
			buf_add(ret_text, buf_str(&text));
		r = rulebook_load_text(buf_str(&text), str_c(path), words, d, ret);
	}
	buf_done(&text);
	return r;
}

void rulebook_free(struct rulebook *b)
{
	if (!b)
		return;
	arena_done(&b->mem);
	free(b);
}

/* ---- which row ------------------------------------------------------------------------------------------------------------------------------ */

bool rulebook_in_office(const struct rulebook *b, tstamp now, int offset_s)
{
	struct civil c;
	char date[16];
	ts_to_civil(now, offset_s, &c);
	snprintf(date, sizeof(date), "%04d-%02d-%02d", c.year % 10000, c.month % 100, c.day % 100);
	for (size_t i = 0; i < b->n_closed; i++)
		if (str_ends(str_c(date), b->closed[i]))
			return false;
	int minute = c.hour * 60 + c.minute;
	return (b->office_days >> (ts_weekday(now, offset_s) - 1) & 1) && minute >= b->office_from && minute < b->office_to;
}

static bool one_of(const struct rulebook_when *w, struct str have)
{
	return find(have, w->value, w->n) < w->n;
}

static bool when_fits(const struct rulebook *b, const struct rulebook_when *w, const json_t *alert, tstamp now, int offset_s)
{
	if (str_eq(w->key, STR("hours")))
		return one_of(w, rulebook_in_office(b, now, offset_s) ? HOURS[0] : HOURS[1]);
	if (str_eq(w->key, STR("tactic"))) {
		for (size_t i = 0; i < w->n; i++)
			if (doc_list_has(json_object_get(alert, "tactics"), w->value[i]))
				return true;
		return false;
	}
	if (str_eq(w->key, STR("product")))
		return one_of(w, doc_str(json_object_get(alert, "logsource"), "product"));
	if (str_eq(w->key, STR("asset.criticality")))
		return one_of(w, doc_str(alert, "asset_criticality"));
	if (str_eq(w->key, STR("rule")))
		return one_of(w, doc_str(alert, "rule_id"));
	return one_of(w, doc_str(alert, str_eq(w->key, STR("level")) ? "level" : "priority"));
}

int rulebook_match(const struct rulebook *b, const json_t *alert, tstamp now, int offset_s)
{
	for (size_t i = 0; i < b->n_row; i++) {
		bool fits = true;
		for (size_t w = 0; fits && w < b->row[i].n_when; w++)
			fits = when_fits(b, &b->row[i].when[w], alert, now, offset_s);
		if (fits)
			return (int)i;
	}
	return -1;
}

const struct rulebook_accept *rulebook_accept_row(const struct rulebook *b, struct str priority)
{
	for (size_t i = 0; i < b->n_accept; i++)
		if (find(priority, b->accept[i].priority, b->accept[i].n_priority) < b->accept[i].n_priority)
			return &b->accept[i];
	return NULL;
}

/* ---- the procedure ---------------------------------------------------------------------------------------------------------------------------- */

static void print_minutes(struct buf *out, int64_t ns, bool ja)
{
	int64_t minutes = ns / (60 * NS_PER_S);
	if (minutes % 60 == 0 && minutes)
		buf_addf(out, ja ? "%lld 時間" : "%lld h", (long long)minutes / 60);
	else
		buf_addf(out, ja ? "%lld 分" : "%lld min", (long long)minutes);
}

static void print_row(const struct rulebook_row *row, size_t number, bool ja, struct buf *out)
{
	struct str name = ja && row->name_ja.n ? row->name_ja : row->name_en.n ? row->name_en : row->name_ja;
	buf_addf(out, "\n## %zu. %.*s\n\n", number, STR_ARG(name));
	if (!row->n_when)
		buf_add_cstr(out, ja ? "上のどれにも当てはまらないとき。\n" : "When none of the above fits.\n");
	for (size_t i = 0; i < row->n_when; i++) {
		buf_addf(out, "- %.*s: ", STR_ARG(row->when[i].key));
		for (size_t v = 0; v < row->when[i].n; v++)
			buf_addf(out, "%s%.*s", v ? ", " : "", STR_ARG(row->when[i].value[v]));
		buf_addc(out, '\n');
	}
	buf_addc(out, '\n');
	for (size_t i = 0; i < row->n_step; i++) {
		const struct rulebook_step *s = &row->step[i];
		buf_addf(out, ja ? "%zu. %.*s へ " : "%zu. call %.*s by ", i + 1, STR_ARG(s->who));
		for (size_t c = 0; c < s->n_by; c++)
			buf_addf(out, "%s%.*s", c ? ", " : "", STR_ARG(s->by[c]));
		if (ja)
			buf_add_cstr(out, " で連絡する。");
		if (s->ack_within) {
			buf_add_cstr(out, ja ? "確認期限は " : "; acknowledge within ");
			print_minutes(out, s->ack_within, ja);
			buf_add_cstr(out, ja ? "。過ぎたら次へ進む。" : ", else the next");
		}
		buf_addc(out, '\n');
	}
	if (row->hand_off_within) {
		buf_add_cstr(out, ja ? "\nCSIRT への引き継ぎ: " : "\nHand over to the CSIRT within ");
		print_minutes(out, row->hand_off_within, ja);
		buf_add_cstr(out, ja ? "以内。\n" : ".\n");
	}
}

void rulebook_print(const struct rulebook *b, bool ja, struct buf *out)
{
	buf_addf(out, ja ? "# エスカレーション手順書「%.*s」第 %lld 版\n\n" : "# Escalation procedure \"%.*s\", version %lld\n\n", STR_ARG(b->name), (long long)b->version);
	buf_addf(out, ja ? "施行日: %.*s / 承認: %.*s\n\n上から順に見て、最初に当てはまる行に従う。\n" : "Effective: %.*s / approved by: %.*s\n\nRead from the top; the first row that fits decides.\n",
		STR_ARG(b->effective), STR_ARG(b->approved_by));
	for (size_t i = 0; i < b->n_row; i++)
		print_row(&b->row[i], i + 1, ja, out);
}
