/* SPDX-License-Identifier: Apache-2.0 */
#include "report/report.h"

#include "base/num.h"
#include "base/test.h"
#include "csirt/evidence.h"
#include "csirt/handoff.h"
#include "csirt/incident.h"
#include "csirt/playbook.h"
#include "ledger/vault.h"
#include "soc/alert.h"
#include "sys/child.h"
#include "sys/file.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MINUTE (60 * NS_PER_S)
#define EVENTS 30

/* ---- an incident, as the desks would have it ------------------------------------------------------------------------------------------------------------ */

static const struct actor SATO = {{"sato", 4}, {"l1", 2}}, SUZUKI = {{"suzuki", 6}, {"handler", 7}}, TAKAHASHI = {{"takahashi", 9}, {"csirt_lead", 10}};

struct rig {
	struct clock clock;
	struct desk *desk, *reader;
	struct diag diag;
	struct report_templates *templates;
	char incident[ID_TEXT + 1];
};

static void must_be(struct rig *g, int r)
{
	struct buf text = BUF_INIT(1u << 20);
	diag_print(&g->diag, &text);
	if (r < 0)
		test_failed(__FILE__, __LINE__, "error %d\n%s", -r, buf_cstr(&text));
	buf_done(&text);
}

#define STEP(call)                                        \
	do {                                              \
		clock_advance(&g->clock, 2 * MINUTE);     \
		CHECK_INT(desk_begin(g->desk), 0);        \
		must_be(g, (call));                       \
		CHECK_INT(desk_commit(g->desk), 0);       \
	} while (0)

static void ingest(struct rig *g, bool drill)
{
	static struct str tag[] = {{"attack.credential-access", 24}, {"attack.t1110.001", 16}};
	struct sigma_rule rule = {.level = SIGMA_HIGH, .id = STR("7a0f6f0e-0000-4000-8000-000000000001"), .title = STR("SSH Password Guessing"), .title_ja = STR("SSH の総当たり"), .tag = tag, .n_tag = LEN(tag)};
	struct detected_event event[EVENTS];
	struct detection det[EVENTS];
	struct soc soc = {.offset_s = 9 * 3600, .drill_site = STR("drill")};
	char raw[EVENTS][300];
	memset(det, 0, sizeof(det));
	memset(event, 0, sizeof(event));
	for (int i = 0; i < EVENTS; i++) {
		tstamp t = clock_now(&g->clock) - (EVENTS - i) * NS_PER_S;
		snprintf(raw[i], sizeof(raw[i]), "Nov 22 10:00:%02d web01 sshd[%d]: Failed password for root from 203.0.113.9 port %d ssh2 %s", i, 4000 + i, 50000 + i,
			i == 0 ? "<script>alert(1)</script> 佐藤\xe2\x80\xae" "exe.txt" : "");
		json_t *fields = json_pack("{s:s, s:s, s:s}", "host", "web01", "user", "root", "src_ip", "203.0.113.9");
		event[i] = (struct detected_event){.id = id_make(t, ID_EVENT, (uint64_t)i + 1), .time = t, .host = STR("web01"), .source = STR("syslog"), .raw = str_c(raw[i]), .fields = fields,
			.matched = json_pack("[{s:s, s:s, s:s}]", "selection", "failed", "field", "message", "value", "Failed password")};
		det[i] = (struct detection){.rule = &rule, .time = t, .first = t, .last = t, .site = drill ? STR("drill") : STR("main"), .host = STR("web01"), .source = STR("syslog"), .event = &event[i], .n_event = 1};
	}
	STEP(soc_ingest(g->desk, &soc, det, EVENTS));
	for (int i = 0; i < EVENTS; i++) {
		json_decref(event[i].fields);
		json_decref(event[i].matched);
	}
}

static json_t *first(struct rig *g, enum noun noun)
{
	json_t *list, *one;
	CHECK_INT(desk_collect(g->desk, noun, "1=1 ORDER BY id LIMIT 1", NULL, 0, &list), 0);
	one = json_incref(json_array_get(list, 0));
	CHECK(one);
	json_decref(list);
	return one;
}

static void add_user(struct rig *g, const char *name, const char *shown, const char *role)
{
	json_t *o = json_pack("{s:s, s:s, s:[s]}", "name", name, "display_name", shown, "roles", role);
	STEP(desk_create(g->desk, &TAKAHASHI, NOUN_USER, o, NULL));
	json_decref(o);
}

static void change(struct rig *g, const struct actor *who, json_t *patch)
{
	json_t *ret;
	STEP(incident_change(g->desk, who, str_c(g->incident), 0, patch, &g->diag, &ret));
	json_decref(patch);
	json_decref(ret);
}

/* Sent, returned, sent again, accepted. */
static void hand_over(struct rig *g)
{
	struct handoff_rules rules = {.mode = HANDOFF_SEPARATE};
	json_t *alert = first(g, NOUN_ALERT), *h, *ret;
	json_t *package = json_pack("{s:[s], s:s, s:s, s:s, s:s, s:s, s:s}", "alert_ids", json_string_value(json_object_get(alert, "id")), "seen", "root への総当たりと、その後のログイン成功", "done",
		"利用者に電話で確認", "not_checked", "ほかのサーバへの接続", "asked", "web01 の隔離", "priority", "P1", "priority_reason", "公開サーバで root を奪われた");
	STEP(handoff_send(g->desk, &SATO, &rules, package, &g->diag, &h));
	struct str id = doc_str(h, "id");
	STEP(handoff_return(g->desk, &SUZUKI, &rules, id, STR("利用者の回答を書いてください"), &g->diag, &ret));
	json_decref(ret);
	json_t *more = json_pack("{s:s}", "done", "利用者に電話で確認。本人はログインしていない");
	STEP(handoff_resend(g->desk, &SATO, &rules, id, more, &g->diag, &ret));
	json_decref(ret);
	STEP(handoff_accept(g->desk, &SUZUKI, id, STR(""), &g->diag, &ret));
	snprintf(g->incident, sizeof(g->incident), "%.*s", STR_ARG(doc_str(ret, "incident_id")));
	json_decref(ret);
	json_decref(more);
	json_decref(package);
	json_decref(h);
	json_decref(alert);
}

static void work(struct rig *g)
{
	json_t *list, *task, *e, *c, *d, *ret, *o;
	char path[4096];
	snprintf(path, sizeof(path), "%s/content/playbooks", test_source_root());
	CHECK_INT(playbooks_load(path, &g->diag, &list), 0);
	STEP(playbook_lay_out(g->desk, &SUZUKI, json_array_get(list, 0), str_c(g->incident), &g->diag, &ret));
	json_decref(ret);
	json_decref(list);
	task = first(g, NOUN_TASK);
	o = json_pack("{s:s, s:s}", "status", "done", "result", "開発課の伊藤さんに電話。ログインの覚えなし");
	STEP(task_change(g->desk, &SUZUKI, doc_str(task, "id"), 0, o, &g->diag, &ret));
	json_decref(ret);
	json_decref(o);
	json_decref(task);
	o = json_pack("{s:s, s:s}", "name", "web01-auth.log", "source", "web01");
	STEP(evidence_add(g->desk, &SUZUKI, test_tmpdir(), str_c(g->incident), o, STR("evidence"), &g->diag, &e));
	json_decref(o);
	o = json_pack("{s:s, s:s}", "to", "takahashi", "reason", "金庫で保管するため");
	STEP(custody_transfer(g->desk, &SUZUKI, doc_str(e, "id"), o, &g->diag, &c));
	STEP(custody_accept(g->desk, &TAKAHASHI, doc_str(c, "id"), &g->diag, &ret));
	json_decref(ret);
	json_decref(o);
	json_decref(c);
	json_decref(e);
	o = json_pack("{s:s, s:[s,s], s:s, s:s}", "title", "店舗サイトの停止", "options", "停止する", "続ける", "decided", "停止する", "reason", "攻撃者と通信している");
	STEP(decision_add(g->desk, &SUZUKI, str_c(g->incident), o, &g->diag, &d));
	json_decref(o);
	json_decref(d);
}

static void rig_open(struct rig *g, bool drill)
{
	tstamp start = 0;
	char templates[4096];
	*g = (struct rig){.incident = ""};
	diag_init(&g->diag);
	CHECK(ts_parse_rfc3339(STR("2026-11-22T01:00:00Z"), 0, &start));
	clock_init_virtual(&g->clock, start, 9 * 3600);
	must_be(g, desk_open(test_tmpdir(), &g->clock, false, &g->diag, &g->desk));
	add_user(g, "sato", "佐藤 一郎", "l1");
	add_user(g, "suzuki", "鈴木 花子", "handler");
	add_user(g, "takahashi", "高橋 誠", "csirt_lead");
	ingest(g, drill);
	hand_over(g);
	work(g);
	change(g, &SUZUKI, json_pack("{s:s, s:s, s:{s:s, s:s}}", "phase", "containment", "commander", "takahashi", "roles", "commander", "takahashi", "handler", "suzuki"));
	must_be(g, desk_open(test_tmpdir(), &g->clock, true, &g->diag, &g->reader));
	snprintf(templates, sizeof(templates), "%s/content/templates", test_source_root());
	g->templates = report_templates_open(templates, &g->diag);
}

static void rig_close(struct rig *g)
{
	report_templates_close(g->templates);
	desk_close(g->reader);
	desk_close(g->desk);
	diag_done(&g->diag);
}

static struct report_request request(struct rig *g, const char *kind, bool ja, const char *format)
{
	return (struct report_request){.incident_id = str_c(g->incident), .kind = str_c(kind), .format = str_c(format), .ja = ja, .author = STR("suzuki"), .organisation = STR("かすみ商事株式会社"),
		.made_at = clock_now(&g->clock), .offset_s = 9 * 3600};
}

static void render(struct rig *g, const char *kind, bool ja, const char *format, struct report_draft *d)
{
	struct report_request q = request(g, kind, ja, format);
	report_draft_init(d);
	must_be(g, report_render(g->reader, &q, g->templates, &g->diag, d));
}

static bool says(const struct report_draft *d, const char *text)
{
	return str_find(buf_str(&d->content), str_c(text)) != STR_NPOS;
}

#define SAYS(d, text) (says((d), (text)) ? (void)0 : test_failed(__FILE__, __LINE__, "the report does not say: %s", (text)))

/* ---- the document ------------------------------------------------------------------------------------------------------------------------------------------- */

TEST(it_tells_the_incident_in_both_languages)
{
	struct rig g;
	struct report_draft d;
	rig_open(&g, false);
	static const char *const JA[] = {"<html lang=\"ja\">", "第一報", "SSH の総当たり", "INC-1-01", "2026-11-22", "+09:00", "TLP:AMBER", "suzuki (鈴木 花子)", "かすみ商事株式会社", "封じ込め",
		"SOC の確認: root への総当たりと、その後のログイン成功", "SOC で未確認: ほかのサーバへの接続", "原因は調査中です", "判断をお願いする事項", "店舗サイトの停止", "最優先 (P1)", "web01-auth.log",
		"金庫で保管するため", "利用者の回答を書いてください", "203.0.113.9", "30 回", "&lt;script&gt;alert(1)&lt;/script&gt; 佐藤⟨U+202E⟩exe.txt"};
	static const char *const EN[] = {"<html lang=\"en\">", "Initial report", "SSH Password Guessing", "The cause is being investigated", "Decisions we ask for", "Highest (P1)", "Containment", "first event → detected"};
	render(&g, "first", true, "html", &d);
	for (size_t i = 0; i < LEN(JA); i++)
		SAYS(&d, JA[i]);
	char sha[VAULT_HASH];
	vault_hash(STR("evidence"), sha);
	SAYS(&d, sha);
	CHECK(!says(&d, "<script>"));
	CHECK(!says(&d, "訓練"));
	report_draft_done(&d);
	render(&g, "first", false, "html", &d);
	for (size_t i = 0; i < LEN(EN); i++)
		SAYS(&d, EN[i]);
	report_draft_done(&d);
	rig_close(&g);
}

TEST(the_same_state_gives_the_same_bytes)
{
	struct rig g;
	struct report_draft a, b;
	rig_open(&g, false);
	render(&g, "follow_up", true, "html", &a);
	render(&g, "follow_up", true, "html", &b);
	CHECK(a.content.n > 10000);
	CHECK(str_eq(buf_str(&a.content), buf_str(&b.content)));
	CHECK(json_equal(a.object, b.object));
	report_draft_done(&a);
	report_draft_done(&b);
	rig_close(&g);
}

TEST(a_drill_is_labelled)
{
	struct rig g;
	struct report_draft d;
	rig_open(&g, true);
	render(&g, "first", true, "html", &d);
	SAYS(&d, "訓練（DRILL）：実際のインシデントではありません");
	SAYS(&d, "string-drill\">訓練 DRILL<");
	CHECK(json_is_true(json_object_get(d.object, "drill")));
	report_draft_done(&d);
	rig_close(&g);
}

TEST(what_the_lead_says_goes_before_what_the_records_say)
{
	struct rig g;
	struct report_draft d;
	rig_open(&g, false);
	change(&g, &TAKAHASHI, json_pack("{s:{s:s,s:s}, s:{s:[s], s:[s], s:[{s:s,s:s}]}, s:s}", "summary", "ja", "公開サーバに侵入されました。", "en", "A public server was broken into.", "findings", "confirmed",
		"root でのログイン", "suspected", "社内への横展開", "unknown", "ja", "持ち出しの有無", "en", "exfiltration", "next_update_at", "2026-11-22T09:00:00Z"));
	render(&g, "follow_up", true, "html", &d);
	SAYS(&d, "公開サーバに侵入されました。");
	SAYS(&d, "root でのログイン");
	SAYS(&d, "持ち出しの有無");
	SAYS(&d, "2026-11-22 18:00 +09:00");
	CHECK(!says(&d, "SOC の確認:"));
	report_draft_done(&d);
	change(&g, &TAKAHASHI, json_pack("{s:{s:[]}}", "findings", "unknown")); /* nothing is unknown any more; of the rest nothing is said */
	render(&g, "follow_up", true, "html", &d);
	CHECK(!says(&d, "SOC で未確認"));
	SAYS(&d, "SOC の確認:");
	report_draft_done(&d);
	change(&g, &TAKAHASHI, json_pack("{s:{s:[s]}}", "findings", "unknown", "exfiltration"));
	render(&g, "follow_up", false, "html", &d);
	SAYS(&d, "A public server was broken into.");
	SAYS(&d, "exfiltration");
	report_draft_done(&d);
	rig_close(&g);
}

TEST(the_last_report_has_cause_and_prevention)
{
	struct rig g;
	struct report_draft d;
	rig_open(&g, false);
	change(&g, &SUZUKI, json_pack("{s:s}", "phase", "recovery"));
	change(&g, &TAKAHASHI, json_pack("{s:s, s:s, s:[{s:s, s:s, s:s}]}", "status", "closed", "cause", "弱いパスワード", "recurrence_prevention", "action", "鍵認証へ移行", "owner", "infra", "due", "2026-12-31"));
	render(&g, "final", true, "html", &d);
	SAYS(&d, "最終報");
	SAYS(&d, "原因: 弱いパスワード");
	SAYS(&d, "鍵認証へ移行");
	SAYS(&d, "本報告をもって最終とします");
	CHECK(!says(&d, "原因は調査中"));
	report_draft_done(&d);
	rig_close(&g);
}

/* ---- traceability ------------------------------------------------------------------------------------------------------------------------------------------- */

/* Every "#eN" that is linked to stands in the annex with the leaf hash that the ledger has. */
static void check_links(struct rig *g, struct str html, size_t *ret_n)
{
	struct str rest = html;
	size_t at, n = 0;
	while ((at = str_find(rest, STR("href=\"#e"))) != STR_NPOS) {
		uint64_t seq;
		unsigned char leaf[32];
		char row[64];
		struct buf hex = BUF_INIT(100);
		rest = str_sub(rest, at + 8, rest.n);
		CHECK(num_take_u64(&rest, 15, &seq));
		CHECK_INT(ledger_leaf_at(desk_ledger(g->desk), seq, leaf), 0);
		snprintf(row, sizeof(row), "<tr id=\"e%llu\">", (unsigned long long)seq);
		size_t in_annex = str_find(html, str_c(row));
		CHECK(in_annex != STR_NPOS);
		struct str line = str_sub(html, in_annex, html.n), first_line;
		CHECK(str_line(&line, &first_line));
		buf_add_hex(&hex, leaf, sizeof(leaf));
		CHECK(str_find(first_line, buf_str(&hex)) != STR_NPOS);
		buf_done(&hex);
		n++;
	}
	*ret_n = n;
}

TEST(every_reference_leads_to_its_ledger_entry)
{
	struct rig g;
	struct report_draft d;
	size_t n;
	unsigned char root[32];
	char text[48];
	rig_open(&g, false);
	render(&g, "first", true, "html", &d);
	check_links(&g, buf_str(&d.content), &n);
	CHECK(n > 60);
	const json_t *checkpoint = json_object_get(d.object, "checkpoint");
	CHECK_INT(ledger_root(desk_ledger(g.desk), (uint64_t)doc_int(checkpoint, "size"), root), 0);
	EVP_EncodeBlock((unsigned char *)text, root, 32);
	CHECK_STR(doc_str(checkpoint, "root"), text);
	SAYS(&d, text);
	CHECK_INT(doc_int(d.object, "ledger_to"), doc_int(checkpoint, "size"));
	report_draft_done(&d);
	rig_close(&g);
}

/* The entries that are cited say together what the report says. */
struct saying {
	const char *const *want;
	bool said[4];
};

static int take_saying(void *arg, const struct ledger_entry *e)
{
	struct saying *x = arg;
	for (size_t i = 0; x->want[i]; i++)
		x->said[i] = x->said[i] || str_find(e->after, str_c(x->want[i])) != STR_NPOS;
	return 0;
}

static void check_cited(struct rig *g, const json_t *refs, const char *const *want)
{
	struct saying x = {.want = want};
	CHECK(json_array_size(refs) > 0);
	for (size_t i = 0; i < json_array_size(refs); i++) {
		uint64_t seq = (uint64_t)json_integer_value(json_array_get(refs, i));
		CHECK_INT(ledger_each(desk_db(g->desk), seq, seq + 1, take_saying, &x), 0);
	}
	for (size_t i = 0; want[i]; i++)
		if (!x.said[i])
			test_failed(__FILE__, __LINE__, "no cited entry says %s", want[i]);
}

static const json_t *at(const json_t *model, const char *list, const char *member)
{
	const json_t *o = json_object_get(model, list);
	o = json_is_array(o) ? json_array_get(o, 0) : o;
	return json_object_get(member ? json_object_get(o, "refs") : o, member ? member : "refs");
}

TEST(a_reference_is_to_the_entry_that_set_the_member)
{
	static const struct {
		const char *list, *member, *want[4];
	} CITED[] = {{"incident", "priority", {"\"priority\":\"P1\""}}, {"incident", "phase", {"\"phase\":\"containment\""}}, {"incident", "commander", {"\"commander\":\"takahashi\""}},
		{"incident", "assets", {"web01"}}, {"alerts", "told", {"SSH の総当たり", "\"explanation\":"}}, {"alerts", "seen", {"\"count\":30", "\"last_seen\":"}},
		{"alerts", "events", {"\"events_digest\":"}}, {"handoffs", "done", {"本人はログインしていない"}}, {"handoffs", "returned", {"利用者の回答を書いてください"}},
		{"handoffs", "accepted", {"\"accepted_by\":\"suzuki\""}}, {"tasks", NULL, {"\"status\":\"done\"", "ログインの覚えなし", "\"title\":"}}, {"decisions", "made", {"店舗サイトの停止"}},
		{"evidence", NULL, {"\"sha256\":", "web01-auth.log"}}};
	struct rig g;
	json_t *model;
	rig_open(&g, false);
	struct report_request q = request(&g, "first", true, "html");
	CHECK_INT(model_build(g.reader, &q, &model), 0);
	for (size_t i = 0; i < LEN(CITED); i++)
		check_cited(&g, at(model, CITED[i].list, CITED[i].member), CITED[i].want);
	const json_t *evidence = json_array_get(json_object_get(model, "evidence"), 0);
	check_cited(&g, json_object_get(evidence, "kept_refs"), (const char *const[]){"\"custodian\":\"takahashi\"", NULL});
	json_decref(model);
	rig_close(&g);
}

/* ---- keeping -------------------------------------------------------------------------------------------------------------------------------------------------- */

TEST(bytes_are_kept_and_checked)
{
	struct rig rig, *g = &rig;
	struct report_draft d, late;
	struct buf got = BUF_INIT(10u << 20);
	json_t *report;
	char path[4300];
	rig_open(g, false);
	render(g, "first", true, "html", &d);
	render(g, "first", false, "html", &late);
	STEP(report_file(g->desk, &SUZUKI, test_tmpdir(), &d, &report));
	CHECK_STR(doc_str(report, "name"), "INC-1-01_first_ja.html");
	CHECK_INT(report_read(test_tmpdir(), report, &got), 0);
	CHECK(str_eq(buf_str(&got), buf_str(&d.content)));
	/* the other was rendered before: it does not know of this one */
	CHECK_INT(desk_begin(g->desk), 0);
	CHECK_INT(report_file(g->desk, &SUZUKI, test_tmpdir(), &late, NULL), -EAGAIN);
	desk_rollback(g->desk);
	report_draft_done(&late);
	render(g, "first", false, "html", &late);
	SAYS(&late, "INC-1-02");
	SAYS(&late, "Reports so far");
	CHECK_INT(vault_path(path, sizeof(path), test_tmpdir(), "reports", doc_str(report, "sha256")), 0);
	got.p[5] ^= 1;
	CHECK_INT(file_replace(path, buf_str(&got), 0400), 0);
	buf_reset(&got);
	CHECK_INT(report_read(test_tmpdir(), report, &got), -EBADMSG);
	json_decref(report);
	report_draft_done(&d);
	report_draft_done(&late);
	buf_done(&got);
	rig_close(g);
}

TEST(a_follow_up_marks_what_is_new)
{
	struct rig rig, *g = &rig;
	struct report_draft d;
	json_t *text = json_pack("{s:s, s:s}", "ja", "web01 を隔離した", "en", "web01 was isolated"), *ret;
	rig_open(g, false);
	render(g, "first", true, "html", &d);
	CHECK(!says(&d, "class=\"new\""));
	STEP(report_file(g->desk, &SUZUKI, test_tmpdir(), &d, NULL));
	report_draft_done(&d);
	STEP(timeline_add(g->desk, &SUZUKI, str_c(g->incident), "note", TS_NONE, text, NULL, STR(""), &ret));
	render(g, "follow_up", true, "html", &d);
	SAYS(&d, "<span class=\"new\">新</span> web01 を隔離した");
	report_draft_done(&d);
	json_decref(text);
	json_decref(ret);
	rig_close(g);
}

TEST(a_request_is_checked)
{
	static const char *const BAD[] = {"{}", "{\"kind\":\"second\"}", "{\"kind\":\"first\",\"lang\":\"fr\"}", "{\"kind\":\"first\",\"format\":\"docx\"}", "{\"kind\":1}"};
	struct diag d;
	diag_init(&d);
	for (size_t i = 0; i < LEN(BAD); i++) {
		json_t *o = json_loads(BAD[i], 0, NULL);
		CHECK_INT(report_check(o, &d), -EINVAL);
		json_decref(o);
	}
	json_t *o = json_pack("{s:s}", "kind", "final");
	CHECK_INT(report_check(o, &d), 0);
	json_decref(o);
	diag_done(&d);
}

static void write_template(const char *text)
{
	char path[4300];
	CHECK((size_t)snprintf(path, sizeof(path), "%s/incident.html", test_tmpdir()) < sizeof(path));
	CHECK_INT(file_replace(path, str_c(text), 0600), 0);
}

TEST(a_broken_template_is_named)
{
	struct rig g;
	struct report_draft d;
	rig_open(&g, false);
	struct report_request q = request(&g, "first", true, "html");
	report_draft_init(&d);
	write_template("<h1>\n{{ incident.titel }}</h1>\n");
	struct report_templates *t = report_templates_open(test_tmpdir(), &g.diag);
	CHECK_INT(report_render(g.reader, &q, t, &g.diag, &d), -EINVAL);
	CHECK_INT(g.diag.items.n, 1);
	CHECK_STR(g.diag.items.at[0].file, "incident.html");
	CHECK_INT(g.diag.items.at[0].line, 2);
	CHECK(str_find(g.diag.items.at[0].hint, STR("title")) != STR_NPOS);
	q.incident_id = STR("01JAAAAAAAAAAAAAAAAAAAAAAA");
	CHECK_INT(report_render(g.reader, &q, g.templates, &g.diag, &d), -ENOENT);
	report_templates_close(t);
	report_draft_done(&d);
	rig_close(&g);
}

TEST(the_last_good_template_goes_on)
{
	struct rig g;
	struct report_draft d;
	rig_open(&g, false);
	struct report_request q = request(&g, "first", true, "html");
	report_draft_init(&d);
	write_template("{% if %}");
	struct report_templates *t = report_templates_open(test_tmpdir(), &g.diag);
	CHECK_INT(report_render(g.reader, &q, t, &g.diag, &d), -EINVAL);
	write_template("one {{ incident.number }}");
	must_be(&g, report_render(g.reader, &q, t, &g.diag, &d));
	CHECK_STR(buf_str(&d.content), "one 1");
	CHECK_INT(json_array_size(json_object_get(d.object, "warnings")), 0);
	write_template("two {{");
	must_be(&g, report_render(g.reader, &q, t, &g.diag, &d));
	CHECK_STR(buf_str(&d.content), "one 1");
	CHECK_STR(str_c(json_string_value(json_array_get(json_object_get(d.object, "warnings"), 0))), "incident.html:1:5: the tag is not closed by }}");
	write_template("three {{ incident.number }}");
	must_be(&g, report_render(g.reader, &q, t, &g.diag, &d));
	CHECK_STR(buf_str(&d.content), "three 1");
	report_templates_close(t);
	report_draft_done(&d);
	rig_close(&g);
}

/* ---- PDF --------------------------------------------------------------------------------------------------------------------------------------------------------- */

static bool has_program(const char *path)
{
	return access(path, X_OK) == 0;
}

static void ask(const char *const *argv, struct buf *out)
{
	struct child_limits lim = {.timeout_ms = 30000, .max_output = 10u << 20};
	CHECK_INT(child_run(argv, NULL, STR(""), &lim, out, NULL), 0);
}

/* Every "#N" in brackets of the PDF's text is a row of its annex, that is "#N 2026-…". */
static void check_text_refs(struct str text)
{
	struct str rest = text;
	size_t at, n = 0;
	while ((at = str_find(rest, STR("[台帳 #"))) != STR_NPOS) {
		uint64_t seq;
		char row[64];
		rest = str_sub(rest, at + strlen("[台帳 #"), rest.n);
		if (!num_take_u64(&rest, 15, &seq))
			continue; /* the annex speaks of "#番号" */
		snprintf(row, sizeof(row), "#%llu 2026-11-22", (unsigned long long)seq);
		CHECK(str_find(text, str_c(row)) != STR_NPOS);
		n++;
	}
	CHECK(n > 40);
}

/* "name type encoding emb sub uni object": every font is embedded and can be read back as text. */
static void check_fonts(struct str table)
{
	struct str line;
	size_t n = 0;
	while (str_line(&table, &line))
		if (n++ >= 2)
			CHECK(str_find(line, STR(" yes yes yes ")) != STR_NPOS);
	CHECK(n > 3);
}

TEST(a_pdf_has_its_letters_inside)
{
	struct rig g;
	struct report_draft d;
	char path[4300];
	if (!has_program("/usr/bin/weasyprint"))
		SKIP("WeasyPrint is not installed");
	if (!has_program("/usr/bin/pdftotext"))
		SKIP("poppler-utils is not installed");
	rig_open(&g, true);
	for (int ja = 0; ja < 2; ja++) {
		struct buf text = BUF_INIT(0), fonts = BUF_INIT(0);
		render(&g, "first", ja, "pdf", &d);
		must_be(&g, report_pdf(&d, NULL, &g.diag));
		snprintf(path, sizeof(path), "%s/%d.pdf", test_tmpdir(), ja);
		CHECK_INT(file_replace(path, buf_str(&d.content), 0600), 0);
		ask((const char *const[]){"pdftotext", "-raw", path, "-", NULL}, &text);
		CHECK(str_find(buf_str(&text), ja ? STR("インシデント報告書") : STR("Incident report")) != STR_NPOS);
		CHECK(str_find(buf_str(&text), STR("総当たり")) != STR_NPOS); /* what was written in Japanese stays so */
		CHECK(str_find(buf_str(&text), STR("Failed password for root")) != STR_NPOS);
		if (ja)
			check_text_refs(buf_str(&text));
		/* each page is labelled as a drill and numbered */
		struct str rest = buf_str(&text), page;
		size_t pages = 0, labelled = 0;
		while (str_cut(&rest, '\f', &page)) {
			pages += str_trim(page).n > 0;
			labelled += str_find(page, ja ? STR("訓練 DRILL") : STR("DRILL 訓練")) != STR_NPOS;
		}
		CHECK(pages > 3);
		CHECK_INT(labelled, pages);
		ask((const char *const[]){"pdffonts", path, NULL}, &fonts);
		check_fonts(buf_str(&fonts));
		buf_done(&text);
		buf_done(&fonts);
		report_draft_done(&d);
	}
	rig_close(&g);
}

TEST_MAIN
