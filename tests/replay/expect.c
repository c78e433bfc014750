/* SPDX-License-Identifier: Apache-2.0 */
#include "steps.h"

#include "base/num.h"
#include "ledger/doc.h"

#include <math.h>
#include <stdlib.h>

/* What must be so. A failing line shows what was there, the nearest thing first. */
#define LIST "limit=1000"

static void tell_now(struct world *w, size_t alerts, size_t notices)
{
	w->alerts_told = alerts;
	w->notices_told = notices;
}

static json_t *items(struct world *w, const char *path, json_t **ret_doc)
{
	struct str query = str_c(path), plain;
	str_cut(&query, '?', &plain);
	*ret_doc = world_get(w, world_cstr(w, plain), query.n ? arena_fmt(&w->mem, "%.*s&" LIST, STR_ARG(query)).p : LIST);
	return json_object_get(*ret_doc, "items");
}

static char *text_of(const json_t *v)
{
	char *t = v ? json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS) : NULL;
	return t ? t : must_strdup("absent");
}

/* ---- members ------------------------------------------------------------------------------------------------------------------------------------------ */

const json_t *member_at(const json_t *object, struct str path)
{
	struct str piece;
	while (object && str_cut(&path, '.', &piece)) {
		uint64_t index;
		char name[200];
		snprintf(name, sizeof(name), "%.*s", STR_ARG(piece));
		object = json_is_array(object) && num_u64(piece, &index) ? json_array_get(object, index) : json_object_get(object, name);
	}
	return object;
}

/* The whole text; * stands for anything. */
static bool glob(struct str want, struct str have)
{
	size_t star = str_chr(want, '*');
	if (star == STR_NPOS)
		return str_eq(want, have);
	if (!str_starts(have, str_sub(want, 0, star)))
		return false;
	struct str tail = str_sub(want, star + 1, want.n);
	for (size_t i = star; i <= have.n; i++)
		if (glob(tail, str_sub(have, i, have.n)))
			return true;
	return false;
}

static bool number_fits(const json_t *have, struct str want)
{
	double v = json_number_value(have), n;
	int64_t ns;
	bool least = str_take(&want, STR(">=")), most = !least && str_take(&want, STR("<="));
	if (!num_double(want, &n)) {
		if (!num_duration(want, &ns))
			return false;
		n = (double)ns / (double)NS_PER_S;
	}
	return least ? v >= n : most ? v <= n : fabs(v - n) < 1e-6;
}

/* An item of a list as a scenario writes it: text, or kind:value for {kind|type, value}. */
static struct str item_text(struct world *w, const json_t *v)
{
	if (json_is_string(v))
		return str_c(json_string_value(v));
	struct str kind = doc_str(v, "kind").n ? doc_str(v, "kind") : doc_str(v, "type");
	return arena_fmt(&w->mem, "%.*s:%.*s", STR_ARG(kind), STR_ARG(doc_str(v, "value")));
}

/* [a, b]: the same items in any order. */
static bool list_fits(struct world *w, const json_t *have, struct str want)
{
	struct str rest = str_sub(want, 1, want.n - 1), piece;
	size_t n = 0;
	if (!str_trim(rest).n)
		return json_array_size(have) == 0;
	while (str_cut(&rest, ',', &piece)) {
		bool there = false;
		n++;
		for (size_t i = 0; i < json_array_size(have); i++)
			there = there || str_eq(item_text(w, json_array_get(have, i)), str_trim(piece));
		if (!there)
			return false;
	}
	return n == json_array_size(have);
}

static bool fits(struct world *w, const json_t *have, const struct word *word)
{
	struct str want = world_resolve(w, word->text);
	if (!word->quoted && str_eq(want, STR("none")))
		return !have || json_is_null(have) || (json_is_string(have) && !json_string_length(have));
	if (!word->quoted && str_eq(want, STR("any")))
		return have && !json_is_null(have);
	if (json_is_boolean(have))
		return str_eq(want, json_is_true(have) ? STR("true") : STR("false"));
	if (json_is_number(have))
		return number_fits(have, want);
	if (json_is_string(have))
		return glob(want, str_n(json_string_value(have), json_string_length(have)));
	if (json_is_array(have) && want.n && want.p[0] == '[')
		return list_fits(w, have, want);
	if (json_is_object(have))
		return glob(want, doc_text(have, true)) || glob(want, doc_text(have, false));
	return false;
}

static bool is_one_of(struct str key, const char *const *list)
{
	for (; list && *list; list++)
		if (str_eq(key, str_c(*list)))
			return true;
	return false;
}

void members_check(struct world *w, const json_t *object, const struct node *n, size_t from, const char *const *but)
{
	for (size_t i = from; i < n->n_word; i++) {
		const struct word *word = &n->word[i];
		if (!word->key.n || is_one_of(word->key, but))
			continue;
		const json_t *have = member_at(object, word->key);
		if (!fits(w, have, word))
			world_fail(w, "%.*s should be %.*s, it is %s\nwhole: %s", STR_ARG(word->key), STR_ARG(word->text), text_of(have), text_of(object));
	}
}

/* ---- alerts --------------------------------------------------------------------------------------------------------------------------------------------- */

static void add_line(struct buf *b, const json_t *a)
{
	buf_addf(b, "\n%.*s | %.*s | %.*s | count %lld | events %lld | %.*s", STR_ARG(doc_str(a, "title")), STR_ARG(doc_str(a, "level")), STR_ARG(doc_str(a, "status")), (long long)doc_int(a, "count"),
		(long long)doc_int(a, "events"), STR_ARG(doc_str(a, "fold_key")));
}

static bool titled(const json_t *alert, struct str title)
{
	return glob(title, doc_str(alert, "title")) || glob(title, doc_str(alert, "title_ja"));
}

/* The first alert of this title that no line has taken yet. */
static const json_t *untaken(struct world *w, const json_t *list, struct str title)
{
	const json_t *best = NULL;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *a = json_array_get(list, i);
		if (titled(a, title) && !map_get(&w->claimed, doc_str(a, "id")) && (!best || str_cmp(doc_str(a, "id"), doc_str(best, "id")) < 0))
			best = a;
	}
	return best;
}

static void check_within(struct world *w, const struct node *n, tstamp at)
{
	const struct word *within = node_key(n, "within");
	if (within && at - w->acted_at > word_duration(within))
		world_fail(w, "it came %.3f s after what caused it", (double)(at - w->acted_at) / (double)NS_PER_S);
}

/* expect alert NAME ["title"] key=value … */
static void expect_alert(struct world *w, const struct node *n)
{
	static const char *const OWN[] = {"within", NULL};
	struct str name = node_word(n, 2);
	struct named *named = world_named(w, name);
	json_t *doc, *list = items(w, "/alerts", &doc);
	const json_t *alert = NULL;
	for (size_t i = 0; named && i < json_array_size(list); i++)
		if (doc_is(json_array_get(list, i), "id", named->id))
			alert = json_array_get(list, i);
	if (!named)
		alert = untaken(w, list, node_word(n, 3));
	if (!alert) {
		struct buf b = BUF_INIT(1u << 20);
		for (size_t i = 0; i < json_array_size(list); i++)
			add_line(&b, json_array_get(list, i));
		world_fail(w, "there is no such alert; there are %zu:%s", json_array_size(list), buf_cstr(&b));
	}
	*map_put(&w->claimed, doc_str(alert, "id"), NULL) = 1;
	world_name(w, name, "alert", doc_str(alert, "id"));
	if (named && n->n_word > 3 && n->word[3].quoted && !titled(alert, node_word(n, 3)))
		world_fail(w, "its title is %.*s", STR_ARG(doc_str(alert, "title")));
	check_within(w, n, doc_time(alert, "created_at"));
	members_check(w, alert, n, 3, OWN);
	json_decref(doc);
}

/* expect alerts N [key=value …]: how many there are that fit. */
static void expect_alerts(struct world *w, const struct node *n)
{
	json_t *doc, *list = items(w, "/alerts", &doc);
	struct buf b = BUF_INIT(1u << 20);
	uint64_t want = 0, have = 0;
	num_u64(node_word(n, 2), &want);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *a = json_array_get(list, i);
		bool all = true;
		for (size_t k = 3; k < n->n_word; k++)
			all = all && (!n->word[k].key.n || fits(w, member_at(a, n->word[k].key), &n->word[k]));
		have += all;
		add_line(&b, a);
	}
	if (have != want)
		world_fail(w, "there should be %llu such alerts, there are %llu of these:%s", (unsigned long long)want, (unsigned long long)have, buf_cstr(&b));
	buf_done(&b);
	json_decref(doc);
}

/* ---- pages ---------------------------------------------------------------------------------------------------------------------------------------------- */

static void add_notice(struct buf *b, const json_t *x)
{
	buf_addf(b, "\n%.*s by %.*s | %.*s | %.*s | due %.*s", STR_ARG(doc_str(x, "who")), STR_ARG(doc_str(x, "channel")), STR_ARG(doc_str(x, "state")),
		STR_ARG(doc_text(json_object_get(x, "subject"), true)), STR_ARG(doc_str(x, "due_at")));
}

static bool notice_about(struct world *w, const json_t *x, const struct node *n)
{
	const struct word *about = node_key(n, "about");
	struct named *named = about ? world_named(w, about->text) : NULL;
	return !about || (named && doc_is(json_object_get(x, "ref"), "id", named->id));
}

/* How often the outbox carried it out, and how often it arrived. */
static void check_carried(struct world *w, const struct node *n, struct str id)
{
	const struct word *tries = node_key(n, "tries"), *arrived = node_key(n, "arrived");
	uint64_t had = 0, came = 0, want;
	vec_each(c, &w->carried) {
		had += str_eq(str_c(c->id), id);
		came += str_eq(str_c(c->id), id) && c->arrived;
	}
	if (tries && num_u64(tries->text, &want) && want != had)
		world_fail(w, "the outbox tried it %llu times", (unsigned long long)had);
	if (arrived && num_u64(arrived->text, &want) && want != came)
		world_fail(w, "it arrived %llu times", (unsigned long long)came);
}

static void one_page(struct world *w, const struct node *n, const json_t *list, struct str who, struct str channel)
{
	static const char *const OWN[] = {"within", "ack", "about", "tries", "arrived", NULL};
	const json_t *found = NULL;
	struct buf b = BUF_INIT(1u << 20);
	for (size_t i = json_array_size(list); i-- > 0 && !found;) {
		const json_t *x = json_array_get(list, i);
		if (map_get(&w->claimed, doc_str(x, "id")))
			continue;
		add_notice(&b, x);
		if (str_eq(doc_str(x, "who"), who) && str_eq(doc_str(x, "channel"), channel) && notice_about(w, x, n))
			found = x;
	}
	if (!found)
		world_fail(w, "%.*s was not called by %.*s; calls that no line has taken:%s", STR_ARG(who), STR_ARG(channel), b.n ? buf_cstr(&b) : " none");
	*map_put(&w->claimed, doc_str(found, "id"), NULL) = 1;
	check_within(w, n, doc_time(found, "created_at"));
	const struct word *ack = node_key(n, "ack");
	tstamp due = doc_time(found, "ack_due_at");
	int64_t given = due == TS_NONE ? 0 : due - doc_time(found, "created_at");
	if (ack && (str_eq(ack->text, STR("none")) ? due != TS_NONE : given != word_duration(ack)))
		world_fail(w, "the time to acknowledge is %lld s", (long long)(given / NS_PER_S));
	check_carried(w, n, doc_str(found, "id"));
	members_check(w, found, n, 3, OWN);
	buf_done(&b);
}

/* expect page WHO by CHANNEL[,CHANNEL] [within=D] [ack=D] [about=NAME] key=value … */
static void expect_page(struct world *w, const struct node *n)
{
	json_t *doc, *list = items(w, "/notices", &doc);
	struct str who = node_word(n, 2), rest, channel;
	size_t by = 3;
	while (by < n->n_word && !str_eq(node_word(n, by), STR("by")))
		by++;
	for (rest = node_word(n, by + 1); str_cut(&rest, ',', &channel);)
		one_page(w, n, list, who, channel);
	json_decref(doc);
}

/* ---- nothing --------------------------------------------------------------------------------------------------------------------------------------------- */

/* Neither an alert nor a call has come since the last expectation. */
static void expect_nothing(struct world *w, const struct node *n)
{
	json_t *a, *x, *alerts = items(w, "/alerts", &a), *notices = items(w, "/notices", &x);
	struct buf b = BUF_INIT(1u << 20);
	(void)n;
	if (json_array_size(alerts) > w->alerts_told || json_array_size(notices) > w->notices_told) {
		for (size_t i = 0; i < json_array_size(alerts); i++)
			add_line(&b, json_array_get(alerts, i));
		for (size_t i = 0; i + w->notices_told < json_array_size(notices); i++)
			add_notice(&b, json_array_get(notices, i));
		world_fail(w, "nothing should have happened; %zu new alerts, %zu new calls:%s", json_array_size(alerts) - w->alerts_told, json_array_size(notices) - w->notices_told, buf_cstr(&b));
	}
	json_decref(a);
	json_decref(x);
}

/* expect no page [WHO] | expect no alert ["title"]: none that no line has taken. */
static void expect_no(struct world *w, const struct node *n)
{
	bool pages = str_eq(node_word(n, 2), STR("page"));
	struct str what = node_word(n, 3);
	json_t *doc, *list = items(w, pages ? "/notices" : "/alerts", &doc);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *x = json_array_get(list, i);
		struct buf b = BUF_INIT(10000);
		if (map_get(&w->claimed, doc_str(x, "id")) || (what.n && (pages ? !str_eq(doc_str(x, "who"), what) : !titled(x, what))))
			continue;
		if (pages)
			add_notice(&b, x);
		else
			add_line(&b, x);
		world_fail(w, "there is one:%s", buf_cstr(&b));
	}
	json_decref(doc);
}

/* ---- objects --------------------------------------------------------------------------------------------------------------------------------------------- */

static void object_path(const struct named *named, char *out, size_t size)
{
	static const char *const PLURAL[][2] = {{"custody", "custody"}, {"evidence", "evidence"}};
	for (size_t i = 0; i < LEN(PLURAL); i++)
		if (str_eq(str_c(named->noun), str_c(PLURAL[i][0]))) {
			snprintf(out, size, "/%s/%s", PLURAL[i][1], named->id);
			return;
		}
	snprintf(out, size, "/%ss/%s", named->noun, named->id);
}

/* expect [NOUN] NAME key=value … */
static void expect_object(struct world *w, const struct node *n)
{
	char path[200];
	size_t at = world_named(w, node_word(n, 1)) ? 1 : 2;
	struct named *named = world_named(w, node_word(n, at));
	if (!named)
		world_fail(w, "nothing is called %.*s yet", STR_ARG(node_word(n, at)));
	object_path(named, path, sizeof(path));
	json_t *doc = world_get(w, path, "");
	members_check(w, doc, n, at + 1, NULL);
	json_decref(doc);
}

static void one_entry(struct world *w, const json_t *list, struct str text, struct str by)
{
	struct buf b = BUF_INIT(1u << 20);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *x = json_array_get(list, i), *t = json_object_get(x, "text");
		buf_addf(&b, "\n%.*s: %.*s", STR_ARG(doc_str(x, "actor")), STR_ARG(doc_text(t, true)));
		if ((glob(text, doc_text(t, true)) || glob(text, doc_text(t, false))) && (!by.n || str_eq(by, doc_str(x, "actor")))) {
			buf_done(&b);
			return;
		}
	}
	world_fail(w, "the timeline does not have \"%.*s\"%s%.*s; it has:%s", STR_ARG(text), by.n ? " by " : "", STR_ARG(by), buf_cstr(&b));
}

/* expect timeline I has "text" [by WHO], "text" … */
static void expect_timeline(struct world *w, const struct node *n)
{
	struct named *named = world_named(w, node_word(n, 2));
	char path[200];
	json_t *doc;
	if (!named)
		world_fail(w, "nothing is called %.*s yet", STR_ARG(node_word(n, 2)));
	snprintf(path, sizeof(path), "/incidents/%s/timeline", named->id);
	json_t *list = items(w, path, &doc);
	for (size_t i = 4; i < n->n_word; i++) {
		struct str text = node_word(n, i), by = STR("");
		if (str_eq(node_word(n, i + 1), STR("by"))) {
			by = node_word(n, i + 2);
			if (str_ends(by, STR(",")))
				by.n--;
			i += 2;
		}
		one_entry(w, list, text, by);
		if (str_eq(node_word(n, i + 1), STR(",")))
			i++;
	}
	json_decref(doc);
}

static void expect_metric(struct world *w, const struct node *n)
{
	json_t *doc = world_get(w, "/metrics/soc", "");
	members_check(w, doc, n, 2, NULL);
	json_decref(doc);
}

/* Received = stored + refused, whatever else the line says. */
static void expect_source(struct world *w, const struct node *n)
{
	json_t *doc, *list = items(w, "/sources", &doc);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *s = json_array_get(list, i);
		if (!str_eq(doc_str(s, "source"), node_word(n, 2)))
			continue;
		if (doc_int(s, "received") != doc_int(s, "stored") + doc_int(s, "refused"))
			world_fail(w, "received is not stored + refused: %s", text_of(s));
		members_check(w, s, n, 3, NULL);
		json_decref(doc);
		return;
	}
	world_fail(w, "there is no such source: %s", text_of(list));
}

/* expect events N [for "query"] */
static void expect_events(struct world *w, const struct node *n)
{
	struct str text = n->n_word > 4 ? world_resolve(w, node_word(n, 4)) : STR("*");
	struct str q = arena_fmt(&w->mem, "%.*s | stats count", STR_ARG(text));
	json_t *body = json_pack("{s:o}", "q", doc_string(q)), *doc;
	char *packed = json_dumps(body, JSON_COMPACT);
	int status = world_call(w, &(struct request){.method = API_POST, .path = "/search", .content_type = STR("application/json"), .body = str_c(packed)}, &doc, NULL);
	int64_t have = doc_int(json_array_get(json_object_get(doc, "items"), 0), "count");
	uint64_t want = 0;
	num_u64(node_word(n, 2), &want);
	if (status != 200 || have != (int64_t)want)
		world_fail(w, "the search finds %lld events: %s", (long long)have, text_of(doc));
	free(packed);
	json_decref(body);
	json_decref(doc);
}

/* expect list "/path" N [key=value …]: so many items, and the first has these members */
static void expect_list(struct world *w, const struct node *n)
{
	struct str path = world_resolve(w, node_word(n, 2));
	uint64_t want = 0;
	json_t *doc, *list = items(w, world_cstr(w, path), &doc);
	num_u64(node_word(n, 3), &want);
	if (json_array_size(list) != want)
		world_fail(w, "the list has %zu items: %s", json_array_size(list), text_of(list));
	if (want)
		members_check(w, json_array_get(list, 0), n, 4, NULL);
	json_decref(doc);
}

/* expect finding "text": among what was refused when content was loaded */
static void expect_finding(struct world *w, const struct node *n)
{
	struct buf b = BUF_INIT(1u << 20);
	diag_print(house_findings(w->house), &b);
	if (str_find(buf_str(&b), node_word(n, 2)) == STR_NPOS)
		world_fail(w, "no finding says that; there are:\n%s", buf_cstr(&b));
	buf_done(&b);
}

static const struct {
	struct str word;
	void (*fn)(struct world *w, const struct node *n);
} EXPECTS[] = {
	{{"alert", 5}, expect_alert},
	{{"alerts", 6}, expect_alerts},
	{{"page", 4}, expect_page},
	{{"no", 2}, expect_no},
	{{"nothing", 7}, expect_nothing},
	{{"timeline", 8}, expect_timeline},
	{{"metric", 6}, expect_metric},
	{{"source", 6}, expect_source},
	{{"events", 6}, expect_events},
	{{"list", 4}, expect_list},
	{{"finding", 7}, expect_finding},
	{{"handoff", 7}, expect_object},
	{{"incident", 8}, expect_object},
	{{"task", 4}, expect_object},
	{{"evidence", 8}, expect_object},
	{{"decision", 8}, expect_object},
	{{"report", 6}, expect_object},
};

bool expect_known(struct str word)
{
	for (size_t i = 0; i < LEN(EXPECTS); i++)
		if (str_eq(EXPECTS[i].word, word))
			return true;
	return false;
}

void expects_suggest(struct diag *d, struct str word)
{
	struct str names[LEN(EXPECTS)];
	for (size_t i = 0; i < LEN(EXPECTS); i++)
		names[i] = EXPECTS[i].word;
	diag_suggest(d, word, names, LEN(EXPECTS));
}

void step_expect(struct world *w, const struct node *n)
{
	size_t i = 0;
	json_t *a, *x, *alerts, *notices;
	while (i < LEN(EXPECTS) && !str_eq(EXPECTS[i].word, node_word(n, 1)))
		i++;
	EXPECTS[i].fn(w, n);
	alerts = items(w, "/alerts", &a);
	notices = items(w, "/notices", &x);
	tell_now(w, json_array_size(alerts), json_array_size(notices));
	json_decref(a);
	json_decref(x);
}
