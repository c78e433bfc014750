/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "csirt/cacao.h"
#include "csirt/playbook.h"

/* A whole playbook with a place for one change: `from` becomes `to`. */
#define U "-0000-4000-8000-000000000000"
static const char GOOD[] =
	"{\"type\": \"playbook\", \"spec_version\": \"cacao-2.0\", \"id\": \"playbook--00000000" U "\", \"name\": \"Fire\",\n"
	" \"created_by\": \"identity--00000001" U "\", \"created\": \"2026-01-01T00:00:00.000Z\", \"modified\": \"2026-01-01T00:00:00.000Z\",\n"
	" \"workflow_start\": \"start--00000001" U "\",\n"
	" \"workflow\": {\n"
	"  \"start--00000001" U "\": {\"type\": \"start\", \"on_completion\": \"parallel--00000002" U "\"},\n"
	"  \"action--00000009" U "\": {\"type\": \"action\", \"name\": \"Sweep\", \"commands\": [{\"type\": \"manual\", \"command\": \"s\"}], \"agent\": \"group--1\", \"on_completion\": \"end--00000008" U "\"},\n"
	"  \"parallel--00000002" U "\": {\"type\": \"parallel\", \"next_steps\": [\"action--00000003" U "\", \"action--00000005" U "\"], \"on_completion\": \"action--00000009" U "\"},\n"
	"  \"action--00000003" U "\": {\"type\": \"action\", \"name\": \"Ring\", \"commands\": [{\"type\": \"manual\", \"command\": \"r\"}], \"agent\": \"group--1\", \"on_completion\": \"action--00000004" U "\",\n"
	"   \"step_extensions\": {\"extension-definition--1\": {\"name_ja\": \"鐘を鳴らす\", \"phase\": \"detection\", \"owner_role\": \"handler\", \"due_within\": \"15m\"}}},\n"
	"  \"action--00000004" U "\": {\"type\": \"action\", \"name\": \"Call\", \"commands\": [{\"type\": \"manual\", \"command\": \"c\"}], \"agent\": \"group--1\", \"on_completion\": \"end--00000006" U "\"},\n"
	"  \"action--00000005" U "\": {\"type\": \"action\", \"name\": \"Water\", \"commands\": [{\"type\": \"manual\", \"command\": \"w\"}], \"agent\": \"group--1\", \"on_completion\": \"end--00000007" U "\"},\n"
	"  \"end--00000006" U "\": {\"type\": \"end\"}, \"end--00000007" U "\": {\"type\": \"end\"}, \"end--00000008" U "\": {\"type\": \"end\"}},\n"
	" \"agent_definitions\": {\"group--1\": {\"type\": \"group\", \"name\": \"Brigade\"}}}\n";

static int parse(const char *from, const char *to, struct diag *d, json_t **ret)
{
	struct buf b = BUF_INIT(1u << 20);
	struct str good = str_c(GOOD);
	size_t at = str_find(good, str_c(from));
	CHECK(at != STR_NPOS);
	buf_add(&b, str_sub(good, 0, at));
	buf_add(&b, str_c(to));
	buf_add(&b, str_sub(good, at + str_c(from).n, good.n));
	int r = playbook_parse(buf_str(&b), STR("fire.json"), d, ret);
	buf_done(&b);
	return r;
}

TEST(steps_come_branch_by_branch_and_what_joins_them_last)
{
	static const char *const WANT[] = {"Ring", "Call", "Water", "Sweep"};
	struct diag d;
	json_t *p;
	diag_init(&d);
	CHECK_INT(parse("Fire", "Fire", &d, &p), 0);
	const json_t *steps = json_object_get(p, "steps");
	CHECK_INT(json_array_size(steps), LEN(WANT));
	for (size_t i = 0; i < LEN(WANT); i++)
		CHECK_STR(doc_text(json_object_get(json_array_get(steps, i), "title"), false), WANT[i]);
	CHECK_STR(doc_text(json_object_get(json_array_get(steps, 0), "title"), true), "鐘を鳴らす");
	CHECK_STR(doc_str(json_array_get(steps, 0), "due_within"), "15m");
	json_decref(p);
	diag_done(&d);
}

TEST(a_loop_is_entered_once)
{
	struct diag d;
	json_t *p;
	diag_init(&d);
	CHECK_INT(parse("\"on_completion\": \"end--00000008" U "\"", "\"on_success\": \"end--00000008" U "\", \"on_failure\": \"action--00000003" U "\"", &d, &p), 0);
	CHECK_INT(json_array_size(json_object_get(p, "steps")), 4);
	json_decref(p);
	diag_done(&d);
}

TEST(each_broken_rule_is_named_with_its_place)
{
	static const struct {
		const char *from, *to, *code;
		unsigned line;
	} BAD[] = {
		{"\"type\": \"playbook\"", "\"type\": \"bundle\"", "playbook.no_playbook", 1},
		{"cacao-2.0", "1.1", "playbook.spec_version", 1},
		{"playbook--00000000" U, "fire", "playbook.bad_id", 1},
		{"\"created_by\"", "\"made_by\"", "playbook.missing_member", 1},
		{"\"workflow_start\": \"start--00000001" U, "\"workflow_start\": \"end--00000008" U, "playbook.no_start", 3},
		{"\"name\": \"Call\"", "\"names\": \"Call\"", "playbook.no_name", 10},
		{"\"agent\": \"group--1\", \"on_completion\": \"end--00000006", "\"agent\": \"group--2\", \"on_completion\": \"end--00000006", "playbook.no_agent", 10},
		{"[{\"type\": \"manual\", \"command\": \"c\"}]", "[]", "playbook.missing_member", 10},
		{"\"on_completion\": \"end--00000006" U "\"", "\"on_completion\": \"end--00000016" U "\"", "playbook.no_step", 10},
		{"\"on_completion\": \"end--00000006" U "\"", "\"timeout\": 1", "playbook.leads_nowhere", 10},
		{"\"on_completion\": \"end--00000006" U "\"", "\"on_completion\": \"end--00000006" U "\", \"on_success\": \"end--00000006" U "\"", "playbook.both_ways", 10},
		{"{\"type\": \"end\"},", "{\"type\": \"end\", \"on_completion\": \"end--00000008" U "\"},", "playbook.after_end", 12},
		{", \"action--00000005" U "\"]", "]", "playbook.one_branch", 7},
		{"\"type\": \"parallel\"", "\"type\": \"both\"", "playbook.no_type", 7},
		{"  \"parallel--00000002" U "\":", "  \"action--00000002" U "\":", "playbook.bad_id", 7},
		{"\"phase\": \"detection\"", "\"phase\": \"denial\"", "playbook.bad_phase", 8},
		{"\"due_within\": \"15m\"", "\"due_within\": \"soon\"", "playbook.bad_duration", 8},
		{"\"name\": \"Fire\",", "\"name\": \"Fire\"", "playbook.no_json", 2},
	};
	for (size_t i = 0; i < LEN(BAD); i++) {
		struct diag d;
		json_t *p;
		bool found = false;
		diag_init(&d);
		CHECK_INT(parse(BAD[i].from, BAD[i].to, &d, &p), -22);
		vec_each(item, &d.items) {
			found = found || (str_eq(str_c(item->code), str_c(BAD[i].code)) && item->line == BAD[i].line && str_eq(item->file, STR("fire.json")));
		}
		if (!found)
			test_failed(__FILE__, __LINE__, "%s at line %u is not among the findings; the first is %s at %u", BAD[i].code, BAD[i].line, d.items.n ? d.items.at[0].code : "none", d.items.n ? d.items.at[0].line : 0);
		diag_done(&d);
	}
}

TEST(the_shipped_playbooks_load)
{
	char dir[4200];
	struct diag d;
	json_t *list;
	diag_init(&d);
	snprintf(dir, sizeof(dir), "%s/content/playbooks", test_source_root());
	CHECK_INT(playbooks_load(dir, &d, &list), 0);
	CHECK_INT(d.errors + d.warnings, 0);
	CHECK(json_array_size(list) >= 3);
	json_decref(list);
	diag_done(&d);
}

TEST_MAIN
