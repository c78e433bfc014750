/* SPDX-License-Identifier: Apache-2.0 */
#include "event/rig.h"
#include "event/sources.h"

#include <errno.h>

static void check_finding(const char *text, unsigned line, unsigned column, const char *code)
{
	struct sources *s = sources_new();
	struct diag d;
	diag_init(&d);
	CHECK_INT(sources_load(s, test_file("bad.yml", str_c(text)), &d), -EINVAL);
	CHECK_INT(d.errors, 1);
	CHECK_INT(d.items.at[0].line, line);
	CHECK_INT(d.items.at[0].column, column);
	CHECK_STR(str_c(d.items.at[0].code), code);
	CHECK(!sources_find(s, STR("x"), STR("x")));
	diag_done(&d);
	sources_free(s);
}

TEST(what_is_wrong_has_a_place)
{
	check_finding("sources:\n  - source: x\n    formt: csv\n", 3, 5, "sources.unknown_key");
	check_finding("sources:\n  - source: x\n    format: cvs\n", 3, 13, "sources.format");
	check_finding("sources:\n  - source: x\n    zone: '+99'\n", 3, 11, "sources.zone");
	check_finding("sources:\n  - product: linux\n", 2, 5, "sources.matches_all");
	check_finding("sources:\n  - source: x\n", 2, 5, "sources.says_nothing");
	check_finding("sources:\n  - program: x\n    zone: UTC\n", 2, 5, "sources.too_late");
	check_finding("sources:\n  - source: [x]\n    zone: UTC\n", 2, 13, "sources.value");
	check_finding("source: x\n", 1, 1, "sources.no_list");
}

TEST(the_first_entry_that_fits)
{
	struct sources *s = sources_new();
	struct diag d;
	diag_init(&d);
	CHECK_INT(sources_load(s, test_file("good.yml", STR("sources:\n  - {source: '*/nginx/*.LOG', service: one}\n  - {source: 'access?.log', service: two}\n  - {host: 'fw-*', source: udp, service: three}\n"
						      "  - {program: 'tomcat*', product: jvm, category: application}\n")), &d), 0);
	CHECK_STR(sources_find(s, STR("/var/log/nginx/a.log"), STR(""))->ls.service, "one");
	CHECK_STR(sources_find(s, STR("a.zip!x/access1.log"), STR(""))->ls.service, "two");
	CHECK_STR(sources_find(s, STR("udp"), STR("FW-1"))->ls.service, "three");
	CHECK(!sources_find(s, STR("udp"), STR("web")));
	CHECK(!sources_find(s, STR("access10.log"), STR("")));
	CHECK_STR(sources_find_program(s, STR("udp"), STR("h"), STR("tomcat9"))->ls.product, "jvm");
	CHECK(!sources_find_program(s, STR("udp"), STR("h"), STR("cron")));
	diag_done(&d);
	sources_free(s);
}

TEST(the_mapping_goes_before_the_content)
{
	struct rig r;
	struct diag d;
	size_t n;
	diag_init(&d);
	rig_open(&r, 0);
	CHECK_INT(vocab_load_sources(r.v, test_file("map.yml", STR("sources:\n  - {source: app.txt, format: kv, zone: '+09:00', product: mine, service: app}\n  - {program: sshd, product: mine, service: ssh}\n")), &d), 0);
	rig_decode(&r, (struct record){.raw = STR("time=\"2026-03-02 09:00:00\""), .source = STR("dir/app.txt"), .received = 1});
	CHECK_INT(r.ev.format, FORMAT_KV);
	CHECK_INT(r.ev.time / NS_PER_S, 1772409600);
	CHECK_STR(vocab_lsset_get(r.v, r.ev.lsset, &n)->service, "app");
	rig_decode(&r, (struct record){.raw = STR("Mar  2 09:00:00 h sshd[5]: x"), .source = STR("udp"), .received = RIG_NOW});
	CHECK_STR(vocab_lsset_get(r.v, r.ev.lsset, &n)->service, "ssh");
	rig_close(&r);
	diag_done(&d);
}

TEST(zones)
{
	int s = 0;
	CHECK(sources_zone(STR("+09:00"), &s) && s == 32400);
	CHECK(sources_zone(STR("-0330"), &s) && s == -12600);
	CHECK(sources_zone(STR("jst"), &s) && s == 32400);
	CHECK(sources_zone(STR("UTC"), &s) && s == 0);
	CHECK(!sources_zone(STR(""), &s) && !sources_zone(STR("9"), &s) && !sources_zone(STR("+25:00"), &s));
}

TEST_MAIN
