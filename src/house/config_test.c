/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "base/tstamp.h"
#include "house/config.h"

#include <errno.h>

static const struct {
	const char *yaml, *finding;
} WRONG[] = {
	{"- a\n", "hinomi.yml:1:1: error: a configuration is a map of settings"},
	{"site: [a\n", "hinomi.yml:2:1: error"},
	{"lisen: 127.0.0.1:8480\n", "hinomi.yml:1:1: error: there is no setting \"lisen\" [config.unknown_key]\n  hint: did you mean \"listen\"?"},
	{"site: a\nlisten: 8480\n", "hinomi.yml:2:9: error: listen: \"8480\" should be an address like 127.0.0.1:8480, or off"},
	{"listen: 127.0.0.1:99999\n", "hinomi.yml:1:9: error: listen"},
	{"listen: \":8480\"\n", "hinomi.yml:1:9: error: listen"},
	{"mode: both\n", "hinomi.yml:1:7: error: mode: \"both\" should be one of separate integrated"},
	{"routing: Strict\n", "hinomi.yml:1:10: error: routing"},
	{"seal_age: 0s\n", "hinomi.yml:1:11: error: seal_age: \"0s\" should be a duration like 60s, 12h or 365d"},
	{"retention: forever\n", "hinomi.yml:1:12: error: retention"},
	{"seal_bytes: big\n", "hinomi.yml:1:13: error: seal_bytes: \"big\" should be a size like 64MiB"},
	{"timezone: JST\n", "hinomi.yml:1:11: error: timezone: \"JST\" should be an offset like +09:00"},
	{"site: {a: b}\n", "hinomi.yml:1:7: error: site: one value is wanted"},
	{"rules: [a, [b]]\n", "hinomi.yml:1:12: error: a list of texts is wanted"},
	{"duty: [sato]\n", "hinomi.yml:1:7: error: duty: a map of lists is wanted"},
};

TEST(a_wrong_configuration_is_refused_with_its_place)
{
	size_t failed = 0;
	for (size_t i = 0; i < LEN(WRONG); i++) {
		struct config c;
		struct diag d;
		struct buf out = BUF_INIT(100000);
		diag_init(&d);
		config_init(&c);
		int r = config_load_text(&c, str_c(WRONG[i].yaml), STR("hinomi.yml"), &d);
		diag_print(&d, &out);
		if (r != -EINVAL || str_find(buf_str(&out), str_c(WRONG[i].finding)) == STR_NPOS) {
			printf("# %s# %swant: %s\n", WRONG[i].yaml, buf_cstr(&out), WRONG[i].finding);
			failed++;
		}
		config_done(&c);
		diag_done(&d);
		buf_done(&out);
	}
	CHECK_INT(failed, 0);
}

TEST(a_list_is_refused_not_cut)
{
	struct config c;
	struct diag d;
	struct buf yaml = BUF_INIT(1u << 20);
	diag_init(&d);
	config_init(&c);
	buf_add_cstr(&yaml, "rules:\n");
	for (int i = 0; i < 20000; i++)
		buf_addf(&yaml, "  - r%d\n", i);
	CHECK_INT(config_load_text(&c, buf_str(&yaml), STR("f"), &d), -EINVAL);
	CHECK_INT(d.errors, 1);
	config_done(&c);
	buf_done(&yaml);
	diag_done(&d);
}

TEST(what_is_right_beside_a_fault_is_taken)
{
	struct config c;
	struct diag d;
	diag_init(&d);
	config_init(&c);
	CHECK_INT(config_load_text(&c, STR("site: tokyo\nmode: x\nseal_age: 5m\n"), STR("f"), &d), -EINVAL);
	CHECK_INT(d.errors, 1);
	CHECK_STR(config_text(&c, CFG_SITE), "tokyo");
	CHECK_STR(config_text(&c, CFG_MODE), "separate");
	CHECK_INT(config_duration(&c, CFG_SEAL_AGE), 300 * NS_PER_S);
	config_done(&c);
	diag_done(&d);
}

static void load(struct config *c, struct str yaml)
{
	struct diag d;
	diag_init(&d);
	config_init(c);
	int r = config_load_text(c, yaml, STR("f"), &d);
	if (r < 0) {
		struct buf out = BUF_INIT(100000);
		diag_print(&d, &out);
		test_failed(__FILE__, __LINE__, "%s", buf_cstr(&out));
	}
	diag_done(&d);
}

/* What `config show` prints is a configuration that says the same. */
TEST(what_is_shown_can_be_read_again)
{
	struct config c, again;
	struct buf one = BUF_INIT(1u << 20), two = BUF_INIT(1u << 20);
	load(&c, STR("site: \"東京 \\\"本社\\\" \\\\1\"\nlisten: \"[::1]:443\"\nsyslog: off\nrules: [a/b, \"c: d\", \"#x\", \"\"]\nduty: {soc: [sato, \"no\"], csirt: []}\nretention: 30d\nmax_body: 1MiB\n"
		     "organisation: \"off\"\nmail_domain: \"1e3\"\nsmtp_from: \"a\\nb\\tc\"\ncritical_assets: web01\n"));
	for (int ja = 0; ja < 2; ja++) {
		buf_reset(&one);
		buf_reset(&two);
		config_show(&c, ja, &one);
		load(&again, buf_str(&one));
		config_show(&again, ja, &two);
		CHECK(str_eq(buf_str(&one), buf_str(&two)));
		for (size_t i = 0; i < CFG_COUNT; i++)
			CHECK(str_eq(config_text(&c, (enum config_key)i), config_text(&again, (enum config_key)i)));
		config_done(&again);
	}
	char host[256];
	unsigned port;
	CHECK(config_address(&c, CFG_LISTEN, host, &port) && port == 443 && strcmp(host, "::1") == 0);
	CHECK(!config_address(&c, CFG_SYSLOG, host, &port));
	CHECK_INT(config_list(&c, CFG_RULES, STR(""))->n, 4);
	CHECK_STR(config_list(&c, CFG_DUTY, STR("soc"))->item[1], "no");
	CHECK_INT(config_list(&c, CFG_DUTY, STR("csirt"))->n, 0);
	CHECK(!config_list(&c, CFG_DUTY, STR("none")));
	CHECK_STR(config_list(&c, CFG_CRITICAL_ASSETS, STR(""))->item[0], "web01");
	config_done(&c);
	buf_done(&one);
	buf_done(&two);
}

TEST(the_zone_is_an_offset)
{
	static const struct {
		const char *text;
		int offset;
	} CASES[] = {{"+09:00", 9 * 3600}, {"-03:30", -(3 * 3600 + 1800)}, {"Z", 0}, {"+00:00", 0}};
	for (size_t i = 0; i < LEN(CASES); i++) {
		struct config c;
		char yaml[100];
		snprintf(yaml, sizeof(yaml), "timezone: \"%s\"\n", CASES[i].text);
		load(&c, str_c(yaml));
		CHECK_INT(config_offset(&c), CASES[i].offset);
		config_done(&c);
	}
}

TEST_MAIN
