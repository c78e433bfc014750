/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "csirt/evidence.h"
#include "house/house.h"
#include "house/verify.h"
#include "ledger/vault.h"
#include "soc/alert.h"
#include "sys/file.h"

#include <errno.h>
#include <unistd.h>

/* A house with one rule, in a directory of its own, under a virtual clock that stands still. */
static const struct actor SATO = {{"sato", 4}, {"l1", 2}};
static const char RULE[] = "title: Fire\nid: 11111111-1111-4111-8111-111111111111\nlogsource: {product: app}\ndetection:\n  selection: {message|contains: fire}\n  condition: selection\nlevel: high\n";

static struct clock clk;
static struct config config;
static char dir[300];

static void prepare(void)
{
	struct diag d;
	char yaml[2000];
	diag_init(&d);
	snprintf(dir, sizeof(dir), "%s/data", test_tmpdir());
	clock_init_virtual(&clk, INT64_C(1772409600) * NS_PER_S, 9 * 3600);
	config_init(&config);
	snprintf(yaml, sizeof(yaml), "rules: [\"%s\"]\nrulebook: \"%s/content/escalation/standard.yml\"\nseal_age: 10s\n", test_file("rule.yml", str_c(RULE)), test_source_root());
	CHECK_INT(config_load_text(&config, str_c(yaml), STR("test"), &d), 0);
	diag_done(&d);
}

static struct house *open_house(void)
{
	struct diag d;
	struct house *h;
	diag_init(&d);
	int r = house_open(&(struct house_opts){.dir = dir, .config = &config, .clock = &clk}, &d, &h);
	if (r < 0) {
		struct buf b = BUF_INIT(100000);
		diag_print(&d, &b);
		test_failed(__FILE__, __LINE__, "the house does not open: %d %s", r, buf_cstr(&b));
	}
	diag_done(&d);
	return h;
}

static int send(struct house *h, const char *text, int times)
{
	struct intake_batch *b = intake_batch_new(0);
	for (int i = 0; i < times; i++) {
		struct str raw = arena_fmt(&b->mem, "{\"message\":\"%s %d\",\"host\":\"a\"}", text, i);
		vec_push(&b->rec, ((struct record){.raw = raw, .source = STR("app"), .site = STR("main"), .host = STR("a"), .ls = {.product = STR("app")}, .format = FORMAT_JSON, .received = clock_now(&clk)}));
		b->bytes += raw.n;
	}
	int r = house_intake(h, b);
	intake_batch_free(b);
	return r;
}

static size_t verify(struct buf *ret)
{
	struct diag d;
	diag_init(&d);
	house_verify(dir, &clk, &d, NULL);
	if (ret)
		diag_print(&d, ret);
	size_t n = d.errors;
	diag_done(&d);
	return n;
}

static void check_clean(int line, int round)
{
	struct buf b = BUF_INIT(1u << 20);
	if (verify(&b))
		test_failed(__FILE__, line, "round %d: %s", round, buf_cstr(&b));
	buf_done(&b);
}

/* ---- damage -------------------------------------------------------------------------------------------------------------------------------------------- */

static int fill_desk(struct desk *k, void *arg)
{
	json_t *incident = json_pack("{s:s, s:s}", "status", "open", "title", "火災"), *item = json_pack("{s:s}", "name", "auth.log"), *made, *evidence, *report;
	struct diag d;
	char sha[VAULT_HASH];
	(void)arg;
	diag_init(&d);
	int r = desk_create(k, &SATO, NOUN_INCIDENT, incident, &made);
	CHECK_INT(r, 0);
	CHECK_INT(evidence_add(k, &SATO, dir, doc_str(made, "id"), item, STR("the very bytes of the evidence"), &d, &evidence), 0);
	CHECK_INT(vault_put(dir, "reports", STR("<html>the report</html>"), sha), 0);
	report = json_pack("{s:s, s:s}", "incident_id", "x", "sha256", sha);
	CHECK_INT(desk_create(k, &SATO, NOUN_REPORT, report, NULL), 0);
	/* More entries than a tile is wide. */
	for (int i = 0; i < 270; i++)
		CHECK_INT(desk_note(k, &SATO, "session", STR("sato"), "log_in", NULL), 0);
	json_decref(incident);
	json_decref(item);
	json_decref(made);
	json_decref(evidence);
	json_decref(report);
	diag_done(&d);
	return 0;
}

/* Something of every kind: sealed rows and rows in the log alone, alerts, evidence, a report, whole and partial tiles. */
static void fill(void)
{
	prepare();
	struct house *h = open_house();
	CHECK_INT(send(h, "fire", 5), 0);
	CHECK_INT(send(h, "smoke", 400), 0);
	CHECK_INT(house_turn(h), 0);
	clock_advance(&clk, 60 * NS_PER_S);
	CHECK_INT(house_turn(h), 0);
	CHECK_INT(send(h, "ember", 20), 0);
	CHECK_INT(house_desk(h, fill_desk, NULL), 0);
	CHECK_INT(house_turn(h), 0);
	house_close(h);
	check_clean(__LINE__, 0);
}

struct damage {
	size_t files, unnoticed;
	const char *kind; /* of damage */
};

static bool is_covered(struct str name)
{
	return !str_eq(name, STR("ledger/key")) && !str_eq(name, STR("lock")) && !str_ends(name, STR("-shm")) && !str_ends(name, STR("-wal"));
}

static struct str name_of(const char *path)
{
	return str_sub(str_c(path), strlen(dir) + 1, strlen(path));
}

/* Verify finds it, and a finding names the file (a log that is gone as a whole: its directory). */
static void expect_named(struct damage *x, struct str name, const char *what, size_t at)
{
	struct buf out = BUF_INIT(1u << 20);
	bool found = verify(&out) > 0;
	struct str wanted = str_starts(name, STR("wal/")) && str_eq(str_c(what), STR("removed")) ? STR("/wal") : name;
	if (!found || str_find(buf_str(&out), wanted) == STR_NPOS) {
		printf("# %.*s %s at byte %zu: %s\n# %s\n", STR_ARG(name), what, at, found ? "not named" : "not noticed", buf_cstr(&out));
		x->unnoticed++;
	}
	buf_done(&out);
}

static int flip(void *arg, const char *path, int err)
{
	struct damage *x = arg;
	struct buf whole = BUF_INIT(64u << 20);
	struct str name = name_of(path);
	if (err || !is_covered(name))
		return 0;
	CHECK_INT(file_read(path, &whole), 0);
	size_t step = whole.n > 24 ? whole.n / 24 : 1;
	for (size_t i = 0; i < whole.n; i += step) {
		size_t at = i + step >= whole.n ? whole.n - 1 : i;
		whole.p[at] ^= 0x10;
		CHECK_INT(file_replace(path, buf_str(&whole), 0600), 0);
		expect_named(x, name, "flipped", at);
		whole.p[at] ^= 0x10;
	}
	CHECK_INT(file_replace(path, buf_str(&whole), 0600), 0);
	x->files++;
	buf_done(&whole);
	return 0;
}

static int cut_or_remove(void *arg, const char *path, int err)
{
	struct damage *x = arg;
	struct buf whole = BUF_INIT(64u << 20);
	struct str name = name_of(path);
	if (err || !is_covered(name))
		return 0;
	CHECK_INT(file_read(path, &whole), 0);
	CHECK_INT(file_remove(path), 0);
	expect_named(x, name, "removed", 0);
	CHECK_INT(file_replace(path, str_sub(buf_str(&whole), 0, whole.n / 2), 0600), 0);
	expect_named(x, name, "cut", whole.n / 2);
	CHECK_INT(file_replace(path, buf_str(&whole), 0600), 0);
	x->files++;
	buf_done(&whole);
	return 0;
}

static void check_each_file(file_walk_cb *damage)
{
	struct damage x = {0};
	fill();
	CHECK_INT(file_walk(dir, damage, &x), 0);
	CHECK_INT(x.unnoticed, 0);
	CHECK(x.files >= 12);
	check_clean(__LINE__, 0);
	config_done(&config);
}

TEST(a_flipped_byte_in_each_kind_of_file_is_named)
{
	check_each_file(flip);
}

TEST(a_file_that_is_cut_or_gone_is_named)
{
	check_each_file(cut_or_remove);
}

/* ---- every write fails once ---------------------------------------------------------------------------------------------------------------------------- */

struct alerts {
	int64_t n, events, open;
	char id[ID_TEXT + 1];
};

static int take_alert(void *arg, json_t *a)
{
	struct alerts *x = arg;
	x->n++;
	x->events += doc_int(a, "events");
	x->open += !doc_is(a, "status", "closed");
	snprintf(x->id, sizeof(x->id), "%.*s", STR_ARG(doc_str(a, "id")));
	return 0;
}

static struct alerts alerts_of(struct house *h)
{
	struct alerts x = {0};
	struct desk *k = house_reader_get(h);
	CHECK_INT(desk_list(k, NOUN_ALERT, "1=1 ORDER BY id", NULL, 0, take_alert, &x), 0);
	house_reader_put(h, k);
	return x;
}

static int count_row(void *arg, const struct event *row)
{
	(void)row;
	++*(int64_t *)arg;
	return 0;
}

static int64_t rows_of(struct house *h)
{
	int64_t n = 0;
	CHECK_INT(store_search(house_store(h), &(struct store_query){.from = TS_NONE, .to = TS_NONE}, count_row, &n, NULL), 0);
	return n;
}

static int note_something(struct desk *k, void *arg)
{
	json_t *patch = json_pack("{s:i}", "note", *(int *)arg), *ret;
	struct alerts x = {0};
	int r = desk_list(k, NOUN_ALERT, "1=1 ORDER BY id", NULL, 0, take_alert, &x);
	if (r == 0 && (r = desk_change(k, &SATO, NOUN_ALERT, str_c(x.id), 0, "note", patch, &ret)) == 0)
		json_decref(ret);
	json_decref(patch);
	return r;
}

/* One round of the road: records in, detection, a change by a person, sealing, publishing. Counts what was acknowledged. */
static void one_round(struct house *h, int round, int64_t *in, int64_t *in_doubt, int64_t *noted)
{
	int r = send(h, "fire", 2);
	*in += r == 0 ? 2 : 0;
	*in_doubt = r == 0 ? 0 : 2;
	house_turn(h);
	if (house_desk(h, note_something, &round) == 0)
		*noted = round;
	house_turn(h);
	clock_advance(&clk, 60 * NS_PER_S);
	house_turn(h);
}

static int take_note(void *arg, json_t *a)
{
	*(int64_t *)arg = doc_int(a, "note");
	return 0;
}

static int64_t note_of(struct house *h)
{
	int64_t n = 0;
	struct desk *k = house_reader_get(h);
	CHECK_INT(desk_list(k, NOUN_ALERT, "1=1 ORDER BY id", NULL, 0, take_note, &n), 0);
	house_reader_put(h, k);
	return n;
}

TEST(a_write_that_fails_once_loses_and_doubles_nothing)
{
	int64_t in = 2, in_doubt, noted = 0;
	int round = 1;
	prepare();
	struct house *h = open_house();
	CHECK_INT(send(h, "fire", 2), 0);
	CHECK_INT(house_turn(h), 0);
	for (bool fired = true; fired && round < 300; round++) {
		int64_t before = noted;
		file_fault_set(round, ENOSPC, false);
		one_round(h, round, &in, &in_doubt, &noted);
		fired = file_fault_fired();
		file_fault_set(0, 0, false);
		CHECK_INT(house_turn(h), 0);
		struct alerts a = alerts_of(h);
		if (a.n != 1 || a.events != in || rows_of(h) != in)
			test_failed(__FILE__, __LINE__, "write %d: %lld records acknowledged, %lld in alerts, %lld rows, %lld alerts", round, (long long)in, (long long)a.events, (long long)rows_of(h), (long long)a.n);
		/* A refused change has not happened. */
		if (note_of(h) != noted && (noted != before || note_of(h) != before))
			test_failed(__FILE__, __LINE__, "write %d: the change that was answered is not there", round);
		check_clean(__LINE__, round);
	}
	CHECK(round > 10 && round < 300);
	house_close(h);
	check_clean(__LINE__, 0);
	config_done(&config);
}

TEST(a_death_at_any_write_loses_and_doubles_nothing)
{
	int64_t in = 2, noted = 0;
	int round = 1;
	prepare();
	struct house *h = open_house();
	CHECK_INT(send(h, "fire", 2), 0);
	CHECK_INT(house_turn(h), 0);
	for (bool fired = true; fired && round < 300; round++) {
		int64_t in_doubt = 0, before = noted;
		file_fault_arm("round", round, 0);
		file_fault_stage("round");
		one_round(h, round, &in, &in_doubt, &noted);
		fired = file_fault_fired();
		house_abandon(h);
		file_fault_arm(NULL, 0, 0);
		h = open_house();
		CHECK_INT(house_turn(h), 0);
		struct alerts a = alerts_of(h);
		int64_t rows = rows_of(h);
		if (a.n != 1 || a.events != rows || rows < in || rows > in + in_doubt)
			test_failed(__FILE__, __LINE__, "write %d: %lld records acknowledged, %lld in doubt, %lld rows, %lld in alerts", round, (long long)in, (long long)in_doubt, (long long)rows, (long long)a.events);
		in = rows;
		/* What was answered is there; what was not may be, whole. */
		if (note_of(h) != noted && note_of(h) != round)
			test_failed(__FILE__, __LINE__, "write %d: note %lld, answered %lld, before %lld", round, (long long)note_of(h), (long long)noted, (long long)before);
		noted = note_of(h);
		check_clean(__LINE__, round);
	}
	CHECK(round > 10 && round < 300);
	printf("# %d deaths\n", round - 1);
	house_close(h);
	check_clean(__LINE__, 0);
	config_done(&config);
}

TEST_MAIN

/* ---- the rule book --------------------------------------------------------------------------------------------------------------------------------------- */

#define BOOK(version, who) "book: ours\nversion: " version "\nrows:\n  - name: all\n    when: {}\n    call:\n      - {who: " who ", by: [console]}\n"

static void put_book(const char *text)
{
	char path[400], yaml[1000];
	struct diag d;
	diag_init(&d);
	snprintf(path, sizeof(path), "%s/book.yml", test_tmpdir());
	CHECK_INT(file_replace(path, str_c(text), 0600), 0);
	snprintf(yaml, sizeof(yaml), "rules: [\"%s/rule.yml\"]\nrulebook: \"%s\"\n", test_tmpdir(), path);
	config_done(&config);
	config_init(&config);
	CHECK_INT(config_load_text(&config, str_c(yaml), STR("test"), &d), 0);
	diag_done(&d);
}

static int open_with_roles(struct diag *d, struct house **ret)
{
	static const struct str ROLES[] = {{"l1", 2}, {"soc_lead", 8}};
	*ret = NULL;
	return house_open(&(struct house_opts){.dir = dir, .config = &config, .clock = &clk, .words = {.role = ROLES, .n_role = LEN(ROLES)}}, d, ret);
}

static int count_loads(void *arg, const struct ledger_entry *e)
{
	if (str_eq(e->noun, STR("rulebook")) && str_eq(e->verb, STR("load")))
		++*(int *)arg;
	return 0;
}

/* The book in use, whether it is the last good one, the entries about books, and what is printed of the findings. */
static void check_book(struct house *h, int version, bool old, int loads)
{
	struct buf metrics = BUF_INIT(1u << 20);
	int n = 0;
	CHECK_INT(house_rulebook(h)->version, version);
	house_metrics(h, &metrics);
	CHECK(str_find(buf_str(&metrics), old ? STR("\nhinomi_rulebook_last_good 1\n") : STR("\nhinomi_rulebook_last_good 0\n")) != STR_NPOS);
	struct desk *k = house_reader_get(h);
	CHECK(ledger_each(desk_db(k), 0, UINT64_MAX, count_loads, &n) >= 0);
	house_reader_put(h, k);
	CHECK_INT(n, loads);
	buf_done(&metrics);
}

TEST(a_bad_rule_book_leaves_the_last_good_one_in_use)
{
	struct house *h;
	struct diag d;
	struct buf told = BUF_INIT(100000);
	diag_init(&d);
	prepare();
	/* Nothing to go back to: refused, with the place. */
	put_book(BOOK("1", "role(soc_laed)"));
	CHECK_INT(open_with_roles(&d, &h), -EINVAL);
	diag_print(&d, &told);
	CHECK(str_find(buf_str(&told), STR("book.yml:7:15: error: there is no such role: \"soc_laed\" [rulebook.unknown_role]\n  hint: did you mean \"soc_lead\"?")) != STR_NPOS);
	diag_reset(&d);
	put_book(BOOK("1", "role(soc_lead)"));
	CHECK_INT(open_with_roles(&d, &h), 0);
	check_book(h, 1, false, 1);
	house_close(h);
	/* The same again is no news. */
	CHECK_INT(open_with_roles(&d, &h), 0);
	check_book(h, 1, false, 1);
	house_close(h);
	put_book(BOOK("2", "role(soc_laed)"));
	CHECK_INT(open_with_roles(&d, &h), 0);
	check_book(h, 1, true, 1);
	buf_reset(&told);
	diag_print(house_findings(h), &told);
	CHECK(str_find(buf_str(&told), STR("book.yml:7:15: error: there is no such role: \"soc_laed\"")) != STR_NPOS);
	CHECK(str_find(buf_str(&told), STR("the last good one is in use, \"ours\" version 1 [rulebook.last_good]")) != STR_NPOS);
	CHECK_INT(house_turn(h), 0);
	house_close(h);
	put_book(BOOK("2", "role(l1)"));
	CHECK_INT(open_with_roles(&d, &h), 0);
	check_book(h, 2, false, 2);
	house_close(h);
	CHECK_INT(d.errors, 0);
	check_clean(__LINE__, 0);
	config_done(&config);
	buf_done(&told);
	diag_done(&d);
}
