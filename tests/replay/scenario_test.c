/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "steps.h"

/* A file that is no scenario is refused before anything runs, with place and hint. */
static const struct {
	const char *text, *finding;
} WRONG[] = {
	{"sitte tokyo\n", "s:1:1: error: there is no step \"sitte\" [replay.unknown_step]\n  hint: did you mean \"site\"?"},
	{"site\n", "s:1:1: error: this step is not written so [replay.bad_step]\n  hint: write: site NAME"},
	{"people sato\n", "s:1:8: error: people are written NAME:ROLE"},
	{"people sato:l7\n", "s:1:8: error: there is no role l7"},
	{"people sato:l1,handlr\n", "hint: did you mean \"handler\"?"},
	{"restart\nsite tokyo\n", "s:2:1: error: `site` belongs before the first step"},
	{"time soon\n", "s:1:6: error: \"soon\" is no time: write 2026-03-02T09:00:00+09:00, or +15m"},
	{"time +15minutes\n", "s:1:6: error: \"15minutes\" is no duration"},
	{"feed sislog from web01\n    once | a\n", "s:1:6: error: there is no format sislog"},
	{"feed syslog web01 web02\n    once | a\n", "s:1:13: error: write: feed syslog from SOURCE"},
	{"feed syslog from web01\n", "s:1:1: error: nothing is fed: the lines stand below"},
	{"feed syslog from web01\n    a line\n", "s:2:5: error: a line below `feed` has a bar before what is sent"},
	{"feed syslog from web01\n    12 | a\n", "s:2:5: error: before the bar stands: once, x12, or x12 every 2s"},
	{"feed syslog from web01\n    x0 | a\n", "s:2:5: error: before the bar stands"},
	{"feed syslog from web01\n    x2 each 2s | a\n", "s:2:8: error: before the bar stands"},
	{"feed syslog from web01\n    x2 every now | a\n", "s:2:14: error: \"now\" is no duration"},
	{"feed api from app\n    once | {}\n", "s:1:1: error: who sends it? write: as=NAME"},
	{"feed api from app as=bob\n    once | {}\n", "s:1:19: error: there is no bob among the people"},
	{"as bob\n    ack A\n", "s:1:4: error: there is no bob among the people [replay.unknown_person]\n  hint: name them first: people bob:l1"},
	{"people bob:l1\nas bob\n", "s:2:1: error: nothing is done: the lines stand below"},
	{"people bob:l1\nas bob\n    acknowlege A\n", "s:3:5: error: nobody can \"acknowlege\""},
	{"people bob:l1\nas bob\n    clos A\n", "hint: did you mean \"close\"?"},
	{"people bob:l1\nas bob\n    ack A ->\n", "s:3:11: error: behind the arrow stands a name, or: refused CODE"},
	{"people bob:l1\nas bob\n    ack A -> refused\n", "s:3:14: error: a refusal has a code"},
	{"people bob:l1\nas bob\n    close A reason=\"open\n", "s:3:13: error: the quoted text does not end on this line"},
	{"people bob:l1\nas bob\n    close A x=[1, {\"a\": 2}\n", "s:3:13: error: the list or object does not end on this line"},
	{"expect allert A\n", "s:1:8: error: nothing like \"allert\" can be expected [replay.unknown_expectation]\n  hint: did you mean \"alert\"?"},
	{"expect page sato by mail ack=10\n", "s:1:26: error: \"10\" is no duration"},
	{"crash at breakfast\n    restart\n", "s:1:10: error: there is no stage \"breakfast\""},
	{"crash at seal\n", "s:1:1: error: the steps that run into the crash stand below it"},
	{"crash\n    restart\n", "s:1:1: error: a crash that has steps below it is `crash at STAGE`"},
	{"crash at seal\n    restrt\n", "s:2:5: error: there is no step \"restrt\""},
	{"disk empty\n", "s:1:6: error: write: disk full, disk full at STAGE, or: disk ok"},
	{"disk full at noon\n", "s:1:14: error: there is no stage \"noon\""},
	{"line mail broken\n", "s:1:11: error: a line is down, refuses, or is ok"},
	{"people bob:l1\nas bob\n    ack A\nreplay\n", "s:4:1: error: `replay` compares what the engine made: it belongs before people act"},
	{"restart\n    verify\n", "s:2:5: error: nothing stands below `restart`"},
	{"restart\n  verify\n verify\n", "s:3:2: error: this line is indented further"},
	{"\trestart\n", "s:1:1: error: indentation is made of blanks, not of tabs"},
};

TEST(what_is_no_scenario_is_refused_with_its_place)
{
	size_t failed = 0;
	for (size_t i = 0; i < LEN(WRONG); i++) {
		struct buf out = BUF_INIT(100000);
		struct arena mem;
		struct diag d;
		struct node *top;
		diag_init(&d);
		arena_init(&mem, 0);
		if (scenario_read(str_c(WRONG[i].text), STR("s"), &mem, &d, &top) == 0)
			scenario_check(top, STR("s"), &d);
		diag_print(&d, &out);
		if (!d.errors || str_find(buf_str(&out), str_c(WRONG[i].finding)) == STR_NPOS) {
			printf("# %s# %swant: %s\n", WRONG[i].text, buf_cstr(&out), WRONG[i].finding);
			failed++;
		}
		arena_done(&mem);
		diag_done(&d);
		buf_done(&out);
	}
	CHECK_INT(failed, 0);
}

TEST(lines_become_words)
{
	struct arena mem;
	struct diag d;
	struct node *top;
	diag_init(&d);
	arena_init(&mem, 0);
	CHECK_INT(scenario_read(STR("# first\n\nas sato # who\n    close A a=\"x \\\"y\\\" = z\" b=[\"p q\", {\"r\": \"]\"}] -> refused c d, e\n\nfile f.yml\n    a: 1\n\n      b: 2\n    # kept\nfeed syslog from w\n    x3 every 2s | a | b\n"),
			  STR("s"), &mem, &d, &top), 0);
	const struct node *close = top->kid, *file = top->next, *feed = file->next;
	CHECK_INT(close->line, 4);
	CHECK_STR(node_key(close, "a")->text, "x \"y\" = z");
	CHECK(node_key(close, "a")->quoted && !node_key(close, "c"));
	CHECK_STR(node_key(close, "b")->text, "[\"p q\", {\"r\": \"]\"}]");
	CHECK_STR(node_word(close, node_arrow(close) + 3), "d,");
	CHECK_STR(file->kid->raw, "a: 1");
	CHECK_STR(file->kid->next->raw, "");
	CHECK_STR(file->kid->next->next->raw, "  b: 2");
	CHECK_STR(file->kid->next->next->next->raw, "# kept");
	CHECK_STR(feed->kid->raw, "a | b");
	CHECK_STR(node_word(feed->kid, 2), "2s");
	CHECK(!feed->next);
	arena_done(&mem);
	diag_done(&d);
}

TEST_MAIN
