/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "drill/story.h"
#include "sigma/correlate.h"

#include <stdlib.h>

static const char TEXT[] =
	"# a story\n"
	"source: web01-sshd\n"
	"host: web01\n"
	"format: syslog\n"
	"let who = sshd[%{num 100 999}]:\n"
	"+00:00:05 | %{syslog} web01 %{who} second\n"
	"-01:00:00 x3 every 60s | %{syslog} web01 %{who} first %{n} %{one a|b|c}\n"
	"+00:00:09 | type=A msg=audit(%{epoch}:1)\n"
	"  type=B %{clf}\n";

static struct str raw(const struct story *s, size_t line, struct arena *mem)
{
	struct record r;
	story_record(s, line, INT64_C(1764126000) * NS_PER_S, STR("drill"), mem, &r); /* 2025-11-26T03:00:00Z */
	CHECK_STR(r.source, "web01-sshd");
	CHECK_STR(r.host, "web01");
	CHECK_STR(r.site, "drill");
	CHECK_INT(r.format, FORMAT_SYSLOG);
	return r.raw;
}

TEST(lines_come_in_order_with_the_anchors_times)
{
	struct arena mem;
	struct story *s;
	struct diag d;
	arena_init(&mem, 0);
	diag_init(&d);
	CHECK_INT(story_load(test_file("a.log", str_c(TEXT)), 9 * 3600, &d, &s), 0);
	CHECK_INT(story_lines(s), 5);
	CHECK(str_starts(raw(s, 0, &mem), STR("Nov 26 11:00:")));
	CHECK(str_find(raw(s, 2, &mem), STR(" first 3 ")) != STR_NPOS);
	CHECK(str_starts(raw(s, 3, &mem), STR("Nov 26 12:00:05 web01 sshd[")));
	CHECK(str_starts(raw(s, 4, &mem), STR("type=A msg=audit(1764126009.")));
	CHECK(str_find(raw(s, 4, &mem), STR(":1)\ntype=B 26/Nov/2025:12:00:09 +0900")) != STR_NPOS);
	for (size_t i = 1; i < story_lines(s); i++)
		CHECK(story_at(s, i) >= story_at(s, i - 1));
	CHECK_INT(story_find(s, 0), 3);
	CHECK_INT(story_find(s, INT64_MAX), 5);
	story_free(s);
	arena_done(&mem);
	diag_done(&d);
}

TEST(the_same_anchor_gives_the_same_bytes)
{
	struct arena mem;
	struct story *a, *b;
	struct diag d;
	arena_init(&mem, 0);
	diag_init(&d);
	CHECK_INT(story_load(test_file("a.log", str_c(TEXT)), 0, &d, &a), 0);
	CHECK_INT(story_load(test_file("a.log", str_c(TEXT)), 0, &d, &b), 0);
	for (size_t i = story_lines(a); i-- > 0;)
		CHECK(str_eq(raw(a, i, &mem), raw(b, i, &mem)));
	story_free(a);
	story_free(b);
	arena_done(&mem);
	diag_done(&d);
}

TEST(faults_have_their_place)
{
	static const struct {
		const char *text, *code;
		unsigned line;
	} BAD[] = {
		{"# x\n-00:00:61 | x\n", "story.bad_line", 2},
		{"00:00:01 | x\n", "story.bad_line", 1},
		{"-00:01:00 x0 every 5s | x\n", "story.bad_line", 1},
		{"-00:01:00 every 5s | x\n", "story.bad_line", 1},
		{"-00:01:00 | %{nothing}\n", "story.no_word", 1},
		{"sauce: x\n", "story.no_key", 1},
		{"\nformat: morse\n", "story.no_format", 2},
		{"let x\n", "story.bad_let", 1},
		{"# nothing\n", "story.empty", 0},
	};
	for (size_t i = 0; i < LEN(BAD); i++) {
		struct story *s;
		struct diag d;
		diag_init(&d);
		CHECK_INT(story_load(test_file("a.log", str_c(BAD[i].text)), 0, &d, &s), -22);
		CHECK_STR(str_c(d.items.at[0].code), BAD[i].code);
		CHECK_INT(d.items.at[0].line, BAD[i].line);
		diag_done(&d);
	}
}

TEST(times_are_read_whole)
{
	int64_t ns;
	CHECK(story_time(STR("-01:35:00"), &ns) && ns == -5700 * NS_PER_S);
	CHECK(story_time(STR("+00:00:20.5"), &ns) && ns == 20500 * NS_PER_MS);
	CHECK(!story_time(STR("-1:35"), &ns));
	CHECK(!story_time(STR("+00:60:00"), &ns));
	CHECK(!story_time(STR("+00:00:5"), &ns));
	CHECK(!story_time(STR(""), &ns));
}

/* ---- the shipped story -------------------------------------------------------------------------------------------------------------------------- */

#define ANCHOR (INT64_C(1790000000) * NS_PER_S)

struct watching {
	struct correlator *correlator;
	const struct event *ev;
	bool *seen[2]; /* by rule, before and after the anchor */
};

static int on_correlation(void *arg, const struct correlation_hit *hit)
{
	struct watching *w = arg;
	w->seen[w->ev->received >= ANCHOR][hit->rule->index] = true;
	return 0;
}

static int on_match(void *arg, const struct sigma_hit *hit)
{
	struct watching *w = arg;
	if (hit->rule->feeds)
		correlator_feed(w->correlator, hit, w->ev, on_correlation, w);
	w->seen[w->ev->received >= ANCHOR][hit->rule->index] = true;
	return 0;
}

static void watch(const struct story *s, struct vocab *v, struct sigma_image *img, struct watching *w)
{
	struct decoder *decoder = decoder_new(v, 9 * 3600);
	struct sigma_matcher *m = sigma_matcher_new(img);
	struct arena mem;
	arena_init(&mem, 0);
	w->correlator = correlator_new(img, 64u << 20);
	for (size_t i = 0; i < story_lines(s) && story_at(s, i) < 3600 * NS_PER_S; i++) {
		struct record rec;
		struct event ev;
		enum decode_fault fault;
		story_record(s, i, ANCHOR, STR("drill"), &mem, &rec);
		decode_record(decoder, &rec, &mem, &ev, &fault);
		if (fault != DECODE_OK)
			test_failed(__FILE__, __LINE__, "not understood: %.*s", (int)rec.raw.n, rec.raw.p);
		if (!ev.time_is_own || llabs(ev.time - rec.received) > NS_PER_S)
			test_failed(__FILE__, __LINE__, "its time is not its own: %.*s", (int)rec.raw.n, rec.raw.p);
		w->ev = &ev;
		sigma_match(m, &ev, on_match, w);
		arena_reset(&mem);
	}
	correlator_free(w->correlator);
	sigma_matcher_free(m);
	decoder_free(decoder);
	arena_done(&mem);
}

TEST(the_shipped_story_is_understood_and_wakes_the_rules_it_is_told_for)
{
	static const struct {
		bool after;
		const char *title;
	} WANT[] = {
		{false, "Web Path Scan"}, {false, "SQL Injection Attempt in a Web Request"}, {false, "SSH Password Guessing from One Address"}, {false, "SSH Password Spraying"},
		{false, "SSH Log-in After a Burst of Failures"}, {false, "Root Shell Through a Program Allowed by Sudo"}, {false, "Password Hashes Read or Copied"}, {false, "Sudoers File Changed"},
		{false, "Account with UID 0 Created"}, {false, "SSH Authorized Keys Written"}, {false, "File Written to a Cron Directory"}, {false, "Cron Job Downloads and Runs"},
		{false, "Program Run from a Temporary Directory"}, {false, "Windows Password Spraying"}, {false, "File Written to an Administrative Share"},
		{false, "Service Installed for Remote Execution"}, {false, "PowerShell Started with an Encoded Command"}, {false, "Memory of LSASS Dumped by Command"}, {true, "Microsoft Defender Weakened by Command"}, {true, "New Account Made Administrator at Once"},
		{true, "Member Added to an Administrators' Group on Windows"},
		{true, "Windows Tool Used to Download a File"}, {true, "Many Services Stopped in a Short Time"}, {true, "Shadow Copies Deleted"}, {true, "Windows Recovery Disabled"},
		{true, "Windows Backups Deleted"}, {true, "Shell History Removed or Switched Off"}, {true, "Log Files Deleted or Emptied"}, {true, "Audit, Logging or Firewall Switched Off"},
		{true, "Event Log Cleared by Command"}, {true, "Security Log Cleared"}, {true, "Event Log Cleared"},
	};
	char dir[4200];
	struct vocab *v = vocab_new();
	struct sigma_set *set = sigma_set_new();
	struct sigma_image *img;
	struct story *s;
	struct diag d;
	size_t n;
	diag_init(&d);
	snprintf(dir, sizeof(dir), "%s/content/rules", test_source_root());
	CHECK_INT(sigma_set_add_path(set, dir, &d), 0);
	CHECK_INT(sigma_compile(set, v, &(struct sigma_opts){.routing = SIGMA_ROUTE_STRICT}, &d, &img), 0);
	vocab_freeze(v);
	snprintf(dir, sizeof(dir), "%s/content/demo/logs", test_source_root());
	CHECK_INT(story_load(dir, 9 * 3600, &d, &s), 0);
	const struct sigma_rule *rule = sigma_image_rules(img, &n);
	struct watching w = {.seen = {calloc(n, 1), calloc(n, 1)}};
	watch(s, v, img, &w);
	for (size_t i = 0; i < LEN(WANT); i++) {
		bool seen = false;
		for (size_t k = 0; k < n; k++)
			seen = seen || (str_eq(rule[k].title, str_c(WANT[i].title)) && w.seen[WANT[i].after][k]);
		if (!seen)
			test_failed(__FILE__, __LINE__, "nothing woke \"%s\" %s the anchor", WANT[i].title, WANT[i].after ? "after" : "before");
	}
	/* Nothing else comes after: what is background stays background. */
	for (size_t k = 0; k < n; k++) {
		bool told = rule[k].level <= SIGMA_LOW || rule[k].silent || !w.seen[1][k];
		for (size_t i = 0; i < LEN(WANT); i++)
			told = told || (WANT[i].after && str_eq(rule[k].title, str_c(WANT[i].title)));
		if (!told)
			test_failed(__FILE__, __LINE__, "\"%.*s\" was woken after the anchor and is not part of the story", STR_ARG(rule[k].title));
	}
	free(w.seen[0]);
	free(w.seen[1]);
	story_free(s);
	sigma_image_unref(img);
	sigma_set_free(set);
	vocab_unref(v);
	diag_done(&d);
}

TEST_MAIN
