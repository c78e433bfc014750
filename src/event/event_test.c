/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json.h"
#include "event/rig.h"

#include <errno.h>

/* Decodes one line and writes it back as JSON, with its fault, time, host and log sources in front. */
static struct str told(struct rig *r, struct str line)
{
	char time[TS_TEXT_MAX];
	rig_decode(r, (struct record){.raw = line, .received = RIG_NOW});
	ts_format(time, r->ev.time);
	return arena_fmt(&r->mem, "%s %s %.*s", decode_fault_name(r->fault), time, STR_ARG(rig_told(r)));
}

static void check(const char *line, const char *want)
{
	struct rig r;
	rig_open(&r, 9 * 3600);
	CHECK_STR(told(&r, str_c(line)), want);
	rig_close(&r);
}

TEST(windows_json_in_four_dresses)
{
	check("{\"Event\":{\"System\":{\"Provider\":{\"#attributes\":{\"Name\":\"P\"}},\"EventID\":13,\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"Computer\":\"pc\"},"
	      "\"EventData\":{\"UtcTime\":\"2026-03-01 01:02:03.004\",\"Target Object\":\"HKLM\\\\x\"}}}",
		"ok 2026-03-01T01:02:03.004Z pc windows/registry_set/sysmon windows/registry_event/sysmon "
		"{\"Provider_Name\":\"P\",\"EventID\":13,\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"Computer\":\"pc\",\"UtcTime\":\"2026-03-01 01:02:03.004\",\"TargetObject\":\"HKLM\\\\x\"}");
	check("{\"@timestamp\":\"2026-03-01T00:00:00Z\",\"winlog\":{\"channel\":\"Security\",\"event_id\":4688,\"event_data\":{\"NewProcessName\":\"C:\\\\a.exe\",\"ProcessId\":\"0x10\",\"NewProcessId\":\"0x1f\"}}}",
		"ok 2026-03-01T00:00:00Z  windows/process_creation/security {\"@timestamp\":\"2026-03-01T00:00:00Z\",\"Channel\":\"Security\",\"EventID\":4688,"
		"\"NewProcessName\":\"C:\\\\a.exe\",\"NewProcessId\":\"0x1f\",\"Image\":\"C:\\\\a.exe\",\"ParentProcessId\":16,\"ProcessId\":31,\"ProcessId.original\":\"0x10\"}");
	check("{\"SourceName\":\"S\",\"Channel\":\"System\",\"EventID\":104,\"Hostname\":\"h\",\"x\":null}",
		"ok 2026-03-02T01:00:00Z h windows//system {\"Provider_Name\":\"S\",\"Channel\":\"System\",\"EventID\":104,\"Computer\":\"h\",\"x\":null}");
	check("{\"EventCode\":1102,\"LogName\":\"Security\",\"ComputerName\":\"dc\"}", "ok 2026-03-02T01:00:00Z dc windows//security {\"EventID\":1102,\"Channel\":\"Security\",\"Computer\":\"dc\"}");
}

/* A decoder remembers names, their order and log sources: what it makes of a line does not depend on those before. */
TEST(lines_before_change_nothing)
{
	static const char *const lines[] = {"{\"Channel\":\"System\",\"EventID\":104,\"Computer\":\"a\"}", "{\"EventID\":4688,\"Channel\":\"Security\",\"Computer\":\"b\",\"ProcessId\":\"0x10\"}",
		"{\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"EventID\":13,\"EventType\":\"SetValue\"}", "{\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"EventID\":13,\"EventType\":\"x\"}",
		"{\"Channel\":\"\",\"EventID\":0}", "{\"Channel\":\"nobody's\",\"EventID\":13}", "{\"EventCode\":1102,\"LogName\":\"Security\",\"Computer\":\"c\"}", "{\"Channel\":1,\"Channe\":2,\"Channel\":3}",
		"{\"tags\":[\"a\",\"b\"],\"tags.x\":{\"y\":1},\"tag\":null}", "{\"a_name_of_24_characters.x\":1,\"a_name_of_24_characters.y\":2}",
		"{\"a_name_of_24_charakters.x\":1,\"\":2,\"a\":3,\"ab\":4,\"abc\":5,\"abcd\":6,\"a\\\"b\":7}", "{\"a\"b\":7}", "{\"host\":{\"name\":\"h\"},\"utctime\":\"2026-03-01 00:00:00\"}",
		"{\"Channel\":\"System\"", "{\"Target Object\":1,\"Channel\":\"System\",\"EventID\":7}", "{\"Target Object\":1}",
		"{\"Channel\":{\"a\":1},\"EventID\":[1],\"SourceName\":\"x\"}", "{\"Channel\":", "{\"Channel\":\"", "{\"a\"", "{\"six___\":-12,\"seven__\":12345678,\"fourteen______\":123456789,\"fifteen________\":0,\"z\":1}",
		"{\"six___\": 1 , \"seven__\":01}", "{\"winlog\":{\"channel\":\"Security\",\"event_data\":{\"a\":\"1\",\"b\":{}},\"event_id\":4624},\"x\": \"y\", \"z\":[{\"k\":1, \"l\":{\"m\":2}},{\"k\":2}]}",
		"{\"winlog.channel\":\"System\",\"winlog\":{\"event_id\":1,\"chan\\u006eel\":\"x\"},\"channel\":2}"};
	struct rig old, fresh;
	rig_open(&old, 0);
	for (size_t i = 0; i < LEN(lines) * LEN(lines) * 2; i++) {
		/* Each behind each. */
		struct str line = str_c(lines[i % 2 ? i / 2 % LEN(lines) : i / 2 / LEN(lines)]);
		rig_open(&fresh, 0);
		CHECK_STR(told(&old, line), told(&fresh, line).p);
		rig_close(&fresh);
	}
	rig_close(&old);
}

TEST(names_may_be_long)
{
	static char line[70100];
	struct rig r;
	rig_open(&r, 0);
	memset(line, 'x', sizeof(line));
	memcpy(line, "{\"", 2);
	memcpy(line + sizeof(line) - 4, "\":1}", 4);
	rig_decode(&r, (struct record){.raw = {line, sizeof(line)}});
	CHECK_INT(r.ev.n_field, 1);
	CHECK_INT(r.ev.field[0].name.n, sizeof(line) - 6);
	rig_close(&r);
}

/* More names than are kept. */
TEST(names_beyond_the_table)
{
	struct rig r;
	char line[64];
	rig_open(&r, 0);
	for (int i = 0; i < 3 * JSON_NAMES_MAX; i++) {
		int n = snprintf(line, sizeof(line), "{\"name_%d\":{\"x\":%d}, \"EventID\":7}", i % (2 * JSON_NAMES_MAX), i);
		rig_decode(&r, (struct record){.raw = str_n(line, (size_t)n)});
		CHECK_INT(r.ev.n_field, 2);
		CHECK_STR(r.ev.field[0].name, arena_fmt(&r.mem, "name_%d.x", i % (2 * JSON_NAMES_MAX)).p);
		CHECK_STR(r.ev.field[1].name, "EventID");
	}
	rig_close(&r);
}

TEST(a_name_stands_once_in_json)
{
	check("{\"Channel\":\"Security\",\"EventID\":5156,\"Protocol\":\"6\"}",
		"ok 2026-03-02T01:00:00Z  windows/network_connection/security {\"Channel\":\"Security\",\"EventID\":5156,\"Protocol\":\"tcp\",\"Protocol.original\":\"6\"}");
	/* What was put out reads as itself. */
	check("{\"Channel\":\"Security\",\"EventID\":4688,\"NewProcessId\":\"0x1f\",\"ParentProcessId\":16,\"ProcessId\":31,\"ProcessId.original\":\"0x10\"}",
		"ok 2026-03-02T01:00:00Z  windows/process_creation/security {\"Channel\":\"Security\",\"EventID\":4688,\"NewProcessId\":\"0x1f\",\"ParentProcessId\":16,\"ProcessId.original\":\"0x10\",\"ProcessId\":31}");
	check("{\"a\":1,\"a\":2,\"b\":[1,2],\"a\":3,\"b\":\"x\"}", "ok 2026-03-02T01:00:00Z  // {\"a\":3,\"a.original\":[1,2],\"b\":\"x\",\"b.original\":[1,2]}");
	check("{\"a\":1,\"a\":1}", "ok 2026-03-02T01:00:00Z  // {\"a\":1}");
}

TEST(what_a_record_leaves_open_is_read_against_its_file)
{
	static const struct {
		const char *raw;
		tstamp written;
		const char *want;
	} row[] = {{"Mar  2 09:00:00 h app: x", 0, "2026-03-02T00:00:00Z"}, {"Mar  2 09:00:00 h app: x", INT64_C(1555555555) * NS_PER_S, "2019-03-02T00:00:00Z"},
		{"no time", 0, "2026-03-02T01:00:00Z"}, {"no time", INT64_C(1555555555) * NS_PER_S, "2019-04-18T02:45:55Z"}};
	struct rig r;
	char time[TS_TEXT_MAX];
	rig_open(&r, 9 * 3600);
	for (size_t i = 0; i < LEN(row); i++) {
		rig_decode(&r, (struct record){.raw = str_c(row[i].raw), .received = RIG_NOW, .written = row[i].written});
		CHECK_STR(str_n(time, ts_format(time, r.ev.time)), row[i].want);
		CHECK_INT(r.ev.received, RIG_NOW);
	}
	rig_close(&r);
}

TEST(values_as_windows_writes_them)
{
	struct arena mem;
	static const unsigned char guid[16] = {0x5f, 0x38, 0x70, 0x57, 0x2a, 0xc2, 0xe0, 0x43, 0xbf, 0x4c, 0x06, 0xf5, 0x69, 0x8f, 0xfb, 0xd9};
	static const unsigned char sid[] = {1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}, cut[] = {1, 3, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0};
	static const unsigned char authority[] = {1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	static const struct {
		uint64_t v;
		const char *want;
	} hex[] = {{0, "0x0"}, {0xf, "0xf"}, {0x10, "0x10"}, {0x33e8d150, "0x33e8d150"}, {UINT64_MAX, "0xffffffffffffffff"}};
	arena_init(&mem, 0);
	CHECK_STR(val_text((struct val){.kind = VAL_GUID, .u.p = (const char *)guid, .n = 16}, &mem), "{5770385F-C22A-43E0-BF4C-06F5698FFBD9}");
	CHECK_STR(val_text((struct val){.kind = VAL_SID, .u.p = (const char *)sid, .n = sizeof(sid)}, &mem), "S-1-5-32-4294967295");
	CHECK_STR(val_text((struct val){.kind = VAL_SID, .u.p = (const char *)cut, .n = sizeof(cut)}, &mem), "");
	CHECK_STR(val_text((struct val){.kind = VAL_SID, .u.p = (const char *)authority, .n = sizeof(authority)}, &mem), "S-1-281474976710655");
	for (size_t i = 0; i < LEN(hex); i++)
		CHECK_STR(val_text((struct val){.kind = VAL_HEX, .u.u = hex[i].v}, &mem), hex[i].want);
	arena_done(&mem);
}

TEST(what_is_known_of_the_bytes)
{
	static const struct {
		const char *raw;
		enum event_format format;
		uint32_t want;
	} row[] = {{"{\"a\":\"b\"}", FORMAT_AUTO, 9}, {" {\"a\":\"火\"}", FORMAT_AUTO, 7}, {"{\"a\":1", FORMAT_AUTO, 6}, {"a\x1b[1mb", FORMAT_AUTO, 0}, {"<38>Mar  2 09:00:00 h a: b", FORMAT_AUTO, 26},
		{"\xEF\xBB\xBF{}", FORMAT_AUTO, 0}, {"a \x83\x8d\x83\x4f\x83\x43\x83\x93", FORMAT_AUTO, 0}, {"a \x1b$B%m%0%$%s\x1b(B", FORMAT_AUTO, 0}, {"{\"r\":\"\xe9\"}", FORMAT_AUTO, 0},
		{"", FORMAT_AUTO, 0}, {"MESSAGE=a\n", FORMAT_JOURNAL, 0}};
	struct rig r;
	rig_open(&r, 0);
	for (size_t i = 0; i < LEN(row); i++) {
		rig_decode(&r, (struct record){.raw = str_c(row[i].raw), .format = (uint8_t)row[i].format});
		CHECK_INT(r.ev.ascii, row[i].want);
	}
	rig_close(&r);
}

TEST(json_keeps_arrays_null_and_nesting_apart)
{
	check("{\"a\":{\"b\":[1,{\"c\":\"x\"}],\"e\":{}},\"n\":null,\"s\":\"\",\"u\":\"\\u706b\"}",
		"ok 2026-03-02T01:00:00Z  // {\"a.b\":[1],\"a.b.c\":[\"x\"],\"a.e\":{},\"n\":null,\"s\":\"\",\"u\":\"火\"}");
	check("{\"broken\":", "syntax 2026-03-02T01:00:00Z  // {\"message\":\"{\\\"broken\\\":\"}");
}

TEST(syslog_of_both_rfcs)
{
	check("<38>Mar  2 09:00:00 web01 sshd[4711]: Failed password for invalid user oracle from 203.0.113.9 port 52144 ssh2",
		"ok 2026-03-02T00:00:00Z web01 linux//sshd linux//auth linux//syslog {\"facility\":\"auth\",\"severity\":\"info\",\"pid\":\"4711\",\"program\":\"sshd\",\"hostname\":\"web01\","
		"\"message\":\"Failed password for invalid user oracle from 203.0.113.9 port 52144 ssh2\",\"action\":\"failed\",\"auth_method\":\"password\",\"user\":\"oracle\",\"src_ip\":\"203.0.113.9\",\"src_port\":\"52144\"}");
	check("<165>1 2026-03-02T00:00:01.5Z fw evntslog - ID47 [ex@1 iut=\"3\" s=\"a\\\"b\"] \xEF\xBB\xBFhello",
		"ok 2026-03-02T00:00:01.5Z fw linux//syslog {\"facility\":\"local4\",\"severity\":\"notice\",\"ex@1.iut\":\"3\",\"ex@1.s\":\"a\\\\\\\"b\",\"msgid\":\"ID47\",\"program\":\"evntslog\",\"hostname\":\"fw\",\"message\":\"hello\"}");
	check("Mar  2 09:00:00 h sudo:     sato : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/cat /etc/shadow",
		"ok 2026-03-02T00:00:00Z h linux//sudo linux//auth linux//syslog {\"program\":\"sudo\",\"hostname\":\"h\",\"message\":\"    sato : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/cat /etc/shadow\","
		"\"user\":\"sato\",\"TTY\":\"pts/0\",\"PWD\":\"/\",\"USER\":\"root\",\"target_user\":\"root\",\"command\":\"/bin/cat /etc/shadow\"}");
	check("<134>Mar  2 09:00:00 gw app: CEF:0|V|P|1|100|Na\\|me|5|src=192.0.2.1 msg=two words act=drop",
		"ok 2026-03-02T00:00:00Z gw // {\"facility\":\"local0\",\"severity\":\"info\",\"program\":\"app\",\"hostname\":\"gw\",\"message\":\"CEF:0|V|P|1|100|Na\\\\|me|5|src=192.0.2.1 msg=two words act=drop\","
		"\"DeviceVendor\":\"V\",\"DeviceProduct\":\"P\",\"DeviceVersion\":\"1\",\"DeviceEventClassID\":\"100\",\"Name\":\"Na|me\",\"Severity\":\"5\",\"src\":\"192.0.2.1\",\"msg\":\"two words\",\"act\":\"drop\",\"src_ip\":\"192.0.2.1\",\"action\":\"drop\"}");
	check("Mar  2 09:00:00 fw01 filter: action=drop ts=5 src=192.0.2.1 note=\"two words\"",
		"ok 2026-03-02T00:00:00Z fw01 linux//syslog {\"program\":\"filter\",\"hostname\":\"fw01\",\"message\":\"action=drop ts=5 src=192.0.2.1 note=\\\"two words\\\"\","
		"\"action\":\"drop\",\"ts\":\"5\",\"src\":\"192.0.2.1\",\"note\":\"two words\"}");
	check("Mar  2 09:00:00 h app: a=1 b=2 and then a long sentence follows", "ok 2026-03-02T00:00:00Z h linux//syslog {\"program\":\"app\",\"hostname\":\"h\",\"message\":\"a=1 b=2 and then a long sentence follows\"}");
	check("no clue what this is", "no_decoder 2026-03-02T01:00:00Z  // {\"message\":\"no clue what this is\"}");
}

TEST(audit_lines_of_one_serial_are_one_event)
{
	check("type=SYSCALL msg=audit(1772409600.100:7): arch=c000003e syscall=59 a0=1 ppid=1 pid=2 uid=0 comm=\"cat\" exe=\"/usr/bin/cat\"\n"
	      "type=EXECVE msg=audit(1772409600.100:7): argc=2 a0=\"cat\" a1=2F6574632F736861646F77\n",
		"ok 2026-03-02T00:00:00.1Z  linux/process_creation/auditd {\"serial\":\"7\",\"type\":[\"SYSCALL\",\"EXECVE\"],\"arch\":\"c000003e\",\"syscall\":\"59\",\"a0\":[\"1\",\"cat\"],\"ppid\":\"1\",\"pid\":\"2\","
		"\"uid\":\"0\",\"comm\":\"cat\",\"exe\":\"/usr/bin/cat\",\"argc\":\"2\",\"a1\":\"/etc/shadow\",\"CommandLine\":\"cat /etc/shadow\",\"Image\":\"/usr/bin/cat\",\"ProcessId\":\"2\",\"ParentProcessId\":\"1\",\"User\":\"0\"}");
}

TEST(access_logs)
{
	check("198.51.100.7 - - [02/Mar/2026:09:00:00 +0900] \"GET /a.php?id=1%20OR HTTP/1.1\" 200 12 \"-\" \"sqlmap/1.7\"",
		"ok 2026-03-02T00:00:00Z  /webserver/apache /webserver/nginx {\"c-ip\":\"198.51.100.7\",\"cs-method\":\"GET\",\"cs-uri-stem\":\"/a.php\",\"cs-uri-query\":[\"id=1%20OR\",\"/a.php?id=1%20OR\"],"
		"\"cs-uri\":\"/a.php?id=1%20OR\",\"c-uri\":\"/a.php?id=1%20OR\",\"cs-version\":\"HTTP/1.1\",\"sc-status\":\"200\",\"sc-bytes\":\"12\",\"cs-referer\":\"-\",\"cs-referrer\":\"-\",\"cs-user-agent\":\"sqlmap/1.7\",\"c-useragent\":\"sqlmap/1.7\"}");
}

TEST(flat_reader_names_the_place)
{
	struct arena mem;
	struct json_leaf *leaf;
	struct json_fault fault;
	size_t n;
	struct str text = STR("{\"a\": tru}");
	arena_init(&mem, 0);
	CHECK_INT(json_read_flat(&text, &mem, &leaf, &n, &fault), -EBADMSG);
	CHECK_INT(fault.offset, 6);
	text = STR("{\"a\": [1, {\"b\": \"c\"");
	CHECK_INT(json_read_flat(&text, &mem, &leaf, &n, NULL), -ENODATA);
	text = STR("{\"a\": 01}");
	CHECK_INT(json_read_flat(&text, &mem, &leaf, &n, NULL), -EBADMSG);
	char deep[200];
	memset(deep, '[', sizeof(deep));
	memcpy(deep, "{\"a\":", 5);
	text = str_n(deep, sizeof(deep));
	CHECK_INT(json_read_flat(&text, &mem, &leaf, &n, NULL), -E2BIG);
	text = STR("{} {\"x\":1} tail");
	CHECK_INT(json_read_flat(&text, &mem, &leaf, &n, NULL), 0);
	CHECK_INT(json_read_flat(&text, &mem, &leaf, &n, NULL), 0);
	CHECK_STR(text, " tail");
	text = STR(" {\"a\":\"}\"} 5");
	CHECK_INT(json_skip_value(&text), 0);
	CHECK_STR(text, " 5");
	arena_done(&mem);
}

TEST_MAIN
