/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "soc/rulebook.h"

#include <errno.h>
#include <stdlib.h>

#define HEAD "book: b\nversion: 1\nrows:\n"
#define ROW "  - name: all\n    when: {}\n    call: [{who: oncall(soc), by: [phone], ack_within: 10m}]\n"

static struct rulebook *load(const char *yaml, struct diag *d)
{
	struct rulebook *b = NULL;
	diag_init(d);
	rulebook_load_text(str_c(yaml), STR("book.yml"), NULL, d, &b);
	return b;
}

static struct rulebook *good(const char *yaml)
{
	struct diag d;
	struct rulebook *b = load(yaml, &d);
	if (!b || d.items.n) {
		struct buf out = BUF_INIT(100000);
		diag_print(&d, &out);
		test_failed(__FILE__, __LINE__, "%s\n%s", yaml, buf_cstr(&out));
	}
	diag_done(&d);
	return b;
}

/* What is wrong, and the finding that has to name it. */
static const struct {
	const char *yaml, *finding;
} WRONG[] = {
	{"", "book.yml:1:1: error: a rule book is a map"},
	{"- a\n", "book.yml:1:1: error: a rule book is a map"},
	{"book: [\n", "book.yml:2:1: error"},
	{"version: 1\nrows:\n" ROW, "book.yml:1:1: error: the book has no name"},
	{"book: b\nrows:\n" ROW, "book.yml:1:1: error: the book has no `version` number"},
	{"book: b\nversion: x\nrows:\n" ROW, "book.yml:2:10: error: the version is a number from 1 on: \"x\""},
	{"book: b\nversion: 0\nrows:\n" ROW, "book.yml:2:10: error: the version is a number from 1 on: \"0\""},
	{"book: b\nversion: 1\n", "book.yml:1:1: error: the book has no `rows`"},
	{"book: b\nversion: 1\nrows: []\n", "book.yml:1:1: error: the book has no `rows`"},
	{"book: b\nversion: 1\nrows: {a: b}\n", "book.yml:3:7: error: `rows` is a list"},
	{HEAD ROW "colour: red\n", "book.yml:7:1: error: there is no such key here: \"colour\""},
	{HEAD ROW "fodl: 1h\n", "hint: did you mean \"fold\"?"},
	{HEAD ROW "fold: soon\n", "book.yml:7:7: error: this is no duration: \"soon\" [rulebook.bad_duration]\n  hint: write 10m, 4h or 1d"},
	{HEAD ROW "fold: 0s\n", "book.yml:7:7: error: this is no duration"},
	{HEAD ROW "effective: 2026-13-01\n", "book.yml:7:12: error: this is no date: \"2026-13-01\""},
	{HEAD ROW "office: {days: [mon, tues]}\n", "book.yml:7:22: error: this is no day: \"tues\" [rulebook.bad_word]\n  hint: did you mean \"tue\"?"},
	{HEAD ROW "office: {from: 9}\n", "book.yml:7:16: error: this is no time of the day: \"9\" [rulebook.bad_time]\n  hint: write it quoted: \"09:00\""},
	{HEAD ROW "office: {from: \"24:30\"}\n", "this is no time of the day"},
	{HEAD ROW "office: {from: \"18:00\", to: \"09:00\"}\n", "book.yml:7:9: error: the office closes before it opens"},
	{HEAD ROW "office: {closed: [2026-02-30]}\n", "book.yml:7:19: error: this is no date: \"2026-02-30\""},
	{HEAD ROW "office: {closed: [13-01]}\n", "hint: write 2026-12-29, or 12-29 for every year"},
	{HEAD ROW "office: {open: true}\n", "there is no such key here: \"open\""},
	{HEAD "  - when: {}\n    call: [{who: oncall(soc)}]\n", "book.yml:4:5: error: the row has no `name`"},
	{HEAD "  - name: a\n    when: {}\n", "book.yml:4:5: error: the row calls nobody"},
	{HEAD "  - name: a\n    when: {}\n    call: []\n", "book.yml:6:11: error: the row calls nobody"},
	{HEAD "  - name: a\n    when: {}\n    call: [sato]\n", "book.yml:6:12: error: a step is {who, by, ack_within}"},
	{HEAD "  - justtext\n", "book.yml:4:5: error: a row is a map"},
	{HEAD "  - name: a\n    when: {}\n    call: [{who: oncal(soc)}]\n", "book.yml:6:18: error: `who` names who is called [rulebook.bad_receiver]\n  hint: write oncall(csirt), role(soc_lead), queue(l1) or user(sato)"},
	{HEAD "  - name: a\n    when: {}\n    call: [{by: [phone]}]\n", "book.yml:6:12: error: `who` names who is called"},
	{HEAD "  - name: a\n    when: {}\n    call: [{who: oncall(soc), by: [fone]}]\n", "book.yml:6:36: error: there is no such channel: \"fone\" [rulebook.bad_word]\n  hint: did you mean \"phone\"?"},
	{HEAD "  - name: a\n    when: {}\n    call: [{who: oncall(soc), ack_within: 10}]\n", "book.yml:6:43: error: this is no duration: \"10\""},
	{HEAD "  - name: a\n    when: {}\n    call: [{who: oncall(soc), ack: 10m}]\n", "there is no such key here: \"ack\""},
	{HEAD "  - name: a\n    when: [P1]\n    call: [{who: oncall(soc)}]\n", "book.yml:5:11: error: `when` is a map of conditions"},
	{HEAD "  - name: a\n    when: {prio: [P1]}\n    call: [{who: oncall(soc)}]\n", "book.yml:5:12: error: there is no such condition: \"prio\""},
	{HEAD "  - name: a\n    when: {priority: [P5]}\n    call: [{who: oncall(soc)}]\n", "book.yml:5:23: error: a priority is P1, P2, P3 or P4: \"P5\""},
	{HEAD "  - name: a\n    when: {level: hgih}\n    call: [{who: oncall(soc)}]\n", "book.yml:5:19: error: there is no such level: \"hgih\" [rulebook.bad_word]\n  hint: did you mean \"high\"?"},
	{HEAD "  - name: a\n    when: {hours: night}\n    call: [{who: oncall(soc)}]\n", "hours are office or outside_office: \"night\""},
	{HEAD "  - name: a\n    when: {tactic: [credential-acess]}\n    call: [{who: oncall(soc)}]\n", "there is no such tactic: \"credential-acess\" [rulebook.bad_word]\n  hint: did you mean \"credential-access\"?"},
	{HEAD "  - name: a\n    when: {asset.criticality: huge}\n    call: [{who: oncall(soc)}]\n", "an asset is high or normal: \"huge\""},
	{HEAD "  - name: a\n    when: {priority: []}\n    call: [{who: oncall(soc)}]\n", "book.yml:5:22: error: the condition has no value: nothing fits it"},
	{HEAD "  - name: a\n    when: {}\n    call: [{who: oncall(soc)}]\n    hand_off: 15m\n", "book.yml:7:15: error: `hand_off` is {required_within: 15m}"},
	{HEAD ROW ROW, "book.yml:7:5: error: no alert comes to this row: the row of line 4 fits everything"},
	{HEAD ROW "accept: [{priority: [P1], else: role(csirt_lead)}]\n", "book.yml:7:10: error: the row does not say `within` which time"},
	{HEAD ROW "accept: [{priority: [P9], within: 1h, else: role(csirt_lead)}]\n", "book.yml:7:22: error: a priority is"},
	{HEAD ROW "accept: [{priority: [P1], within: 1h}]\n", "book.yml:7:10: error: `else` names who is called"},
	{HEAD ROW "accept: {priority: P1}\n", "book.yml:7:9: error: `accept` is a list"},
};

TEST(a_wrong_book_is_refused_with_its_place)
{
	size_t failed = 0;
	for (size_t i = 0; i < LEN(WRONG); i++) {
		struct buf out = BUF_INIT(100000);
		struct diag d;
		struct rulebook *b = load(WRONG[i].yaml, &d);
		diag_print(&d, &out);
		if (b || str_find(buf_str(&out), str_c(WRONG[i].finding)) == STR_NPOS) {
			printf("# case %zu: %s\n# %swant: %s\n", i, WRONG[i].yaml, buf_cstr(&out), WRONG[i].finding);
			failed++;
		}
		rulebook_free(b);
		buf_done(&out);
		diag_done(&d);
	}
	CHECK_INT(failed, 0);
}

TEST(every_fault_is_told_at_once)
{
	struct diag d;
	struct rulebook *b = load("book: b\nversion: x\nfold: y\nrows:\n  - name: a\n    when: {level: z}\n    call: [{who: oncall(soc), by: [q]}]\n", &d);
	CHECK(!b);
	CHECK_INT(d.errors, 4);
	diag_done(&d);
}

TEST(a_book_that_leaves_alerts_to_nobody_is_a_warning)
{
	struct diag d;
	struct rulebook *b = load(HEAD "  - name: a\n    when: {priority: P1}\n    call: [{who: oncall(soc)}]\n", &d);
	CHECK(b && d.errors == 0 && d.warnings == 1);
	rulebook_free(b);
	diag_done(&d);
}

static int row_of(const struct rulebook *b, const char *alert, const char *time)
{
	tstamp t;
	json_t *a = json_loads(alert, 0, NULL);
	CHECK(a && ts_parse_rfc3339(str_c(time), 0, &t));
	int row = rulebook_match(b, a, t, 9 * 3600);
	json_decref(a);
	return row;
}

TEST(the_first_row_that_fits_decides)
{
	struct rulebook *b = good(HEAD "  - name: {ja: 重要, en: critical}\n    when: {priority: [P1, P2], tactic: [impact, exfiltration], asset.criticality: high}\n    call: [{who: oncall(soc)}]\n"
				       "  - name: night\n    when: {hours: outside_office, product: windows}\n    call: [{who: oncall(soc)}]\n"
				       "  - name: rule\n    when: {rule: [r1, r2], level: [high]}\n    call: [{who: oncall(soc)}]\n" ROW);
	const char *noon = "2026-03-02T12:00:00+09:00", *night = "2026-03-02T23:00:00+09:00";
	CHECK_INT(row_of(b, "{\"priority\":\"P2\",\"tactics\":[\"discovery\",\"impact\"],\"asset_criticality\":\"high\"}", noon), 0);
	CHECK_INT(row_of(b, "{\"priority\":\"P3\",\"tactics\":[\"impact\"],\"asset_criticality\":\"high\"}", noon), 3);
	CHECK_INT(row_of(b, "{\"priority\":\"P1\",\"tactics\":[],\"asset_criticality\":\"high\"}", noon), 3);
	CHECK_INT(row_of(b, "{\"logsource\":{\"product\":\"windows\"}}", noon), 3);
	CHECK_INT(row_of(b, "{\"logsource\":{\"product\":\"windows\"}}", night), 1);
	CHECK_INT(row_of(b, "{\"logsource\":{\"product\":\"linux\"}}", night), 3);
	CHECK_INT(row_of(b, "{\"rule_id\":\"r2\",\"level\":\"high\"}", noon), 2);
	CHECK_INT(row_of(b, "{\"rule_id\":\"r2\",\"level\":\"low\"}", noon), 3);
	rulebook_free(b);
}

TEST(office_hours_are_those_of_the_organisation)
{
	struct rulebook *b = good(HEAD ROW "office: {days: [mon, fri], from: \"09:30\", to: \"24:00\", closed: [2026-03-06, 12-28]}\n");
	static const struct {
		const char *time;
		bool in;
	} CASES[] = {{"2026-03-02T09:29:59+09:00", false}, {"2026-03-02T09:30:00+09:00", true}, {"2026-03-02T23:59:59+09:00", true}, {"2026-03-03T00:00:00+09:00", false},
		{"2026-03-02T00:30:00Z", true}, {"2026-03-06T10:00:00+09:00", false}, {"2026-03-13T10:00:00+09:00", true}, {"2026-12-28T10:00:00+09:00", false}, {"2026-03-07T10:00:00+09:00", false}};
	for (size_t i = 0; i < LEN(CASES); i++) {
		tstamp t;
		CHECK(ts_parse_rfc3339(str_c(CASES[i].time), 0, &t));
		if (rulebook_in_office(b, t, 9 * 3600) != CASES[i].in)
			test_failed(__FILE__, __LINE__, "%s", CASES[i].time);
	}
	rulebook_free(b);
}

/* So does a misspelt queue or team; a team is one of `duty`, one of the two desks, or a role. */
TEST(a_queue_or_team_that_does_not_exist_is_refused_where_it_stands)
{
	static const struct str ROLES[] = {{"l1", 2}, {"soc_lead", 8}}, DUTY[] = {{"network", 7}};
	struct rulebook_words words = {ROLES, LEN(ROLES), DUTY, LEN(DUTY), false};
	static const char *const CASES[][2] = {
		{"queue(l1)", ""},
		{"queue(l9)", "book.yml:6:18: error: there is no such role: \"l9\" [rulebook.unknown_role]\n  hint: did you mean \"l1\"?\n"},
		{"queue(network)", "book.yml:6:18: error: there is no such role: \"network\" [rulebook.unknown_role]\n  hint: hinomi user --help lists the roles\n"},
		{"oncall(soc)", ""}, {"oncall(csirt)", ""}, {"oncall(network)", ""}, {"oncall(soc_lead)", ""}, {"user(anybody)", ""},
		{"oncall(netwrok)", "book.yml:6:18: error: there is no such team on call: \"netwrok\" [rulebook.unknown_team]\n  hint: did you mean \"network\"?\n"},
		{"oncall(night shift)", "book.yml:6:18: error: there is no such team on call: \"night shift\" [rulebook.unknown_team]\n"
				       "  hint: name it in `duty` of hinomi.yml, or write oncall(soc), oncall(csirt) or a role\n"},
	};
	for (size_t i = 0; i < LEN(CASES); i++) {
		struct rulebook *b = NULL;
		struct diag d;
		struct buf yaml = BUF_INIT(1000), out = BUF_INIT(10000);
		diag_init(&d);
		buf_addf(&yaml, HEAD "  - name: all\n    when: {}\n    call: [{who: %s, by: [mail]}]\n", CASES[i][0]);
		CHECK_INT(rulebook_load_text(buf_str(&yaml), STR("book.yml"), &words, &d, &b), *CASES[i][1] ? -EINVAL : 0);
		diag_print(&d, &out);
		CHECK_STR(buf_str(&out), CASES[i][1]);
		rulebook_free(b);
		words.any_team = true;
		b = NULL;
		CHECK_INT(rulebook_load_text(buf_str(&yaml), STR("book.yml"), &words, &d, &b), str_starts(str_c(CASES[i][0]), STR("queue")) && *CASES[i][1] ? -EINVAL : 0);
		words.any_team = false;
		rulebook_free(b);
		buf_done(&yaml);
		buf_done(&out);
		diag_done(&d);
	}
}

/* A misspelt role calls nobody, and that would be seen when it is too late. */
TEST(a_role_that_does_not_exist_is_refused_where_it_stands)
{
	static const struct str ROLES[] = {{"l1", 2}, {"soc_lead", 8}, {"csirt_lead", 10}};
	static const struct rulebook_words WORDS = {.role = ROLES, .n_role = LEN(ROLES)};
	struct rulebook *b = NULL;
	struct diag d;
	struct buf out = BUF_INIT(10000);
	diag_init(&d);
	CHECK_INT(rulebook_load_text(STR(HEAD "  - name: all\n    when: {}\n    call:\n      - {who: role(l1), by: [mail], ack_within: 1h}\n      - {who: role(soc_laed), by: [mail]}\n"
					 "accept:\n  - {priority: [P1], within: 15m, else: role(soc), by: [mail]}\n"), STR("book.yml"), &WORDS, &d, &b), -EINVAL);
	diag_print(&d, &out);
	CHECK_INT(d.errors, 2);
	CHECK(str_starts(buf_str(&out), STR("book.yml:8:15: error: there is no such role: \"soc_laed\" [rulebook.unknown_role]\n  hint: did you mean \"soc_lead\"?\n")));
	CHECK(str_find(buf_str(&out), STR("book.yml:10:41: error: there is no such role: \"soc\" [rulebook.unknown_role]")) != STR_NPOS);
	buf_done(&out);
	diag_done(&d);
}

TEST(the_shipped_book_is_a_procedure_in_both_languages)
{
	char path[4096];
	struct diag d;
	struct rulebook *b = NULL;
	struct buf ja = BUF_INIT(1u << 20), en = BUF_INIT(1u << 20);
	diag_init(&d);
	snprintf(path, sizeof(path), "%s/content/escalation/standard.yml", test_source_root());
	CHECK_INT(rulebook_load(path, NULL, NULL, &d, &b), 0);
	CHECK_INT(d.items.n, 0);
	rulebook_print(b, true, &ja);
	rulebook_print(b, false, &en);
	CHECK(str_find(buf_str(&ja), STR("確認期限は 10 分。過ぎたら次へ進む。")) != STR_NPOS);
	CHECK(str_find(buf_str(&ja), STR("CSIRT への引き継ぎ: 15 分以内。")) != STR_NPOS);
	CHECK(str_find(buf_str(&en), STR("acknowledge within 10 min, else the next")) != STR_NPOS);
	CHECK(str_find(buf_str(&en), STR("Hand over to the CSIRT within 15 min.")) != STR_NPOS);
	CHECK(rulebook_accept_row(b, STR("P1"))->within == 15 * 60 * NS_PER_S && !rulebook_accept_row(b, STR("P7")));
	rulebook_free(b);
	buf_done(&ja);
	buf_done(&en);
	diag_done(&d);
}

TEST(a_book_larger_than_its_tables_is_refused_not_cut)
{
	struct buf b = BUF_INIT(1u << 20);
	struct diag d;
	buf_add_cstr(&b, HEAD);
	for (int i = 0; i < 65; i++)
		buf_addf(&b, "  - {name: r%d, when: {rule: x%d}, call: [{who: oncall(soc)}]}\n", i, i);
	struct rulebook *book = load(buf_cstr(&b), &d);
	CHECK(!book && d.errors == 1);
	diag_done(&d);
	buf_reset(&b);
	buf_add_cstr(&b, HEAD "  - {name: r, when: {}, call: [");
	for (int i = 0; i < 17; i++)
		buf_addf(&b, "%s{who: oncall(soc)}", i ? ", " : "");
	buf_add_cstr(&b, "]}\n");
	book = load(buf_cstr(&b), &d);
	CHECK(!book && d.errors == 1);
	diag_done(&d);
	buf_reset(&b);
	buf_add_cstr(&b, HEAD ROW "office:\n  closed:\n");
	for (int i = 0; i < 401; i++)
		buf_addf(&b, "    - %04d-%02d-01\n", 2000 + i / 12, i % 12 + 1);
	book = load(buf_cstr(&b), &d);
	CHECK(!book && d.errors == 1);
	diag_done(&d);
	buf_done(&b);
}

TEST_MAIN
