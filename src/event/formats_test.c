/* SPDX-License-Identifier: Apache-2.0 */
#include "event/rig.h"

/*
 * Decodes one line (n bytes) with the header lines of its file and writes what came out: fault, format, its own time or -, host, log sources, fields.
 * Times without a zone are read at +09:00.
 */
static void check(const char *format, const char *context, const char *line, size_t n, const char *want)
{
	struct rig r;
	char time[TS_TEXT_MAX] = "-";
	rig_open(&r, 9 * 3600);
	rig_decode(&r, (struct record){.raw = str_n(line, n), .context = str_c(context), .received = RIG_NOW, .format = (uint8_t)event_format_parse(str_c(format))});
	if (r.ev.time_is_own)
		ts_format(time, r.ev.time);
	const char *as = event_format_name((enum event_format)r.ev.format);
	CHECK_STR(arena_fmt(&r.mem, "%s %s %s %.*s", decode_fault_name(r.fault), as, time, STR_ARG(rig_told(&r))), want);
	rig_close(&r);
}

#define LINE(lit) lit, sizeof(lit) - 1

TEST(zeek_tsv)
{
	check("zeek", "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tdns\n#fields\tts\tuid\tid.orig_h\tquery\tqtype_name\tanswers\tTTLs\trejected\tx\n#types\ttime\tstring\taddr\tstring\tstring\tvector[string]\tvector[interval]\tbool\tset[string]\n", LINE("1772409600.500000\tC1\t192.0.2.7\ta.ex\\x09ample\tA\tb.example,198.51.100.1\t60.0,5.0\tF\t(empty)"),
		"ok zeek 2026-03-02T00:00:00.5Z  zeek//dns zeek/dns/dns {\"ts\":1772409600.500000,\"uid\":\"C1\",\"id.orig_h\":\"192.0.2.7\",\"query\":\"a.ex\\tample\",\"qtype_name\":\"A\",\"answers\":[\"b.example\",\"198.51.100.1\"],\"TTLs\":[60.0,5.0],\"rejected\":false,\"x\":\"\",\"record_type\":\"A\",\"answer\":[\"b.example\",\"198.51.100.1\"]}");
	check("zeek", "#fields\tts\ta\n#types\ttime\tcount\n#path\tmy_own\n", LINE("1772409600.5\t-"),
		"ok zeek 2026-03-02T00:00:00.5Z  zeek// {\"ts\":1772409600.5}");
	check("zeek", "#fields\tts\ta\n", LINE("1\t2\t3"),
		"syntax text -  // {\"message\":\"1\\t2\\t3\"}");
	check("zeek", "", LINE("1\t2"),
		"syntax text -  // {\"message\":\"1\\t2\"}");
}

TEST(w3c)
{
	check("w3c", "#Software: Microsoft Internet Information Services 10.0\n#Date: 2026-03-02 00:00:00\n#Fields: date time s-computername c-ip cs-username cs-method cs-uri-stem cs-uri-query cs(User-Agent) cs(Referer) sc-status\n", LINE("2026-03-02 00:00:01 WEB01 192.0.2.7 - GET /a.aspx id=1%27 Mozilla/5.0+(X11;+Linux) - 500"),
		"ok w3c 2026-03-02T00:00:01Z WEB01 /webserver/iis {\"date\":\"2026-03-02\",\"time\":\"00:00:01\",\"s-computername\":\"WEB01\",\"c-ip\":\"192.0.2.7\",\"cs-method\":\"GET\",\"cs-uri-stem\":\"/a.aspx\",\"cs-uri-query\":[\"id=1%27\",\"/a.aspx?id=1%27\"],\"cs-user-agent\":\"Mozilla/5.0 (X11; Linux)\",\"sc-status\":\"500\",\"cs-uri\":\"/a.aspx?id=1%27\",\"c-uri\":\"/a.aspx?id=1%27\",\"c-useragent\":\"Mozilla/5.0 (X11; Linux)\"}");
	check("w3c", "#Date: 2026-03-02 00:00:00\n#Fields: time cs-method cs-uri-stem cs-uri-query\n", LINE("00:00:01 GET /cmd.aspx -"),
		"ok w3c 2026-03-02T00:00:01Z  /webserver/iis {\"time\":\"00:00:01\",\"cs-method\":\"GET\",\"cs-uri-stem\":\"/cmd.aspx\",\"cs-uri\":\"/cmd.aspx\",\"c-uri\":\"/cmd.aspx\",\"cs-uri-query\":\"/cmd.aspx\"}");
	check("w3c", "#Fields: date-time,session-id,event,data\n", LINE("2026-03-02T00:00:01.5Z,08DA,*,\"R=\"\"2 NO\"\"\""),
		"ok w3c 2026-03-02T00:00:01.5Z  // {\"date-time\":\"2026-03-02T00:00:01.5Z\",\"session-id\":\"08DA\",\"event\":\"*\",\"data\":\"R=\\\"\\\"2 NO\\\"\\\"\"}");
	check("w3c", "#Fields: a b c d\n", LINE("x"),
		"syntax text -  // {\"message\":\"x\"}");
}

TEST(csv)
{
	check("csv", "time,host,\"quoted \"\"name\"\"\"", LINE("2026-03-02T00:00:01Z,web01,\"a, \"\"b\"\"\nc\""),
		"ok csv 2026-03-02T00:00:01Z web01 // {\"time\":\"2026-03-02T00:00:01Z\",\"host\":\"web01\",\"quoted \\\"name\\\"\":\"a, \\\"b\\\"\\nc\"}");
	check("csv", "EventID;Channel;Computer;TimeCreated;New Process Name", LINE("4688;Security;pc;2026-03-02T00:00:01Z;C:\\a.exe"),
		"ok csv 2026-03-02T00:00:01Z pc windows/process_creation/security {\"EventID\":\"4688\",\"Channel\":\"Security\",\"Computer\":\"pc\",\"TimeCreated\":\"2026-03-02T00:00:01Z\",\"NewProcessName\":\"C:\\\\a.exe\",\"Image\":\"C:\\\\a.exe\"}");
	check("csv", "date\ttime\ta", LINE("2026/03/02\t09:00:00\t1\t2"),
		"ok csv 2026-03-02T00:00:00Z  // {\"date\":\"2026/03/02\",\"time\":\"09:00:00\",\"a\":\"1\",\"column4\":\"2\"}");
	check("csv", "a,b", LINE("1"),
		"ok csv -  // {\"a\":\"1\"}");
}

TEST(event_xml)
{
	check("auto", "", LINE("<Event xmlns='x'><System><Provider Name='Microsoft-Windows-Sysmon' Guid='{5770385F-C22A-43E0-BF4C-06F5698FFBD9}'/><EventID>13</EventID><TimeCreated SystemTime='2026-03-02T00:00:00.5000000Z'/><EventRecordID>77</EventRecordID><Correlation/><Execution ProcessID='4' ThreadID='8'/><Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>pc01</Computer><Security UserID='S-1-5-18'/></System><EventData><Data Name='EventType'>SetValue</Data><Data Name='TargetObject'>HKLM\\a &amp; b</Data><Data Name='Details'></Data></EventData></Event>"),
		"ok xml 2026-03-02T00:00:00.5Z pc01 windows/registry_set/sysmon windows/registry_event/sysmon {\"Provider_Name\":\"Microsoft-Windows-Sysmon\",\"Provider_Guid\":\"{5770385F-C22A-43E0-BF4C-06F5698FFBD9}\",\"EventID\":\"13\",\"TimeCreated\":\"2026-03-02T00:00:00.5000000Z\",\"EventRecordID\":\"77\",\"Execution_ProcessID\":\"4\",\"Execution_ThreadID\":\"8\",\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"Computer\":\"pc01\",\"Security_UserID\":\"S-1-5-18\",\"EventType\":\"SetValue\",\"TargetObject\":\"HKLM\\\\a & b\",\"Details\":\"\"}");
	check("auto", "", LINE("- <Event><System><EventID Qualifiers='16384'>400</EventID><Channel>Windows PowerShell</Channel></System><EventData><Data>Available</Data><Data>x</Data><Data>\tEngineVersion=2.0\n\tHostApplication=powershell -c a=b</Data></EventData></Event>"),
		"ok xml -  windows/ps_classic_start/powershell-classic {\"EventID_Qualifiers\":\"16384\",\"EventID\":\"400\",\"Channel\":\"Windows PowerShell\",\"Data\":[\"Available\",\"x\",\"\\tEngineVersion=2.0\\n\\tHostApplication=powershell -c a=b\"],\"EngineVersion\":\"2.0\",\"HostApplication\":\"powershell -c a=b\"}");
	check("auto", "", LINE("<Event><System><EventID>1102</EventID><Channel>Security</Channel></System><UserData><LogFileCleared xmlns='y'><SubjectUserName>sato</SubjectUserName></LogFileCleared></UserData><RenderingInfo Culture='ja-JP'><Message>m</Message></RenderingInfo></Event>"),
		"ok xml -  windows//security {\"EventID\":\"1102\",\"Channel\":\"Security\",\"SubjectUserName\":\"sato\",\"RenderingInfo.Message\":\"m\"}");
	check("auto", "", LINE("<14>Mar  2 09:00:00 web01 sysmon: <Event><System><Provider Name=\"Linux-Sysmon\"/><EventID>1</EventID><TimeCreated SystemTime=\"2026-03-02T00:00:00Z\"/><Channel>Linux-Sysmon/Operational</Channel><Computer>web01</Computer></System><EventData><Data Name=\"Image\">/usr/bin/id</Data><Data Name=\"CommandLine\">id</Data></EventData></Event>"),
		"ok syslog 2026-03-02T00:00:00Z web01 linux/process_creation/sysmon {\"facility\":\"user\",\"severity\":\"info\",\"program\":\"sysmon\",\"hostname\":\"web01\",\"message\":\"<Event><System><Provider Name=\\\"Linux-Sysmon\\\"/><EventID>1</EventID><TimeCreated SystemTime=\\\"2026-03-02T00:00:00Z\\\"/><Channel>Linux-Sysmon/Operational</Channel><Computer>web01</Computer></System><EventData><Data Name=\\\"Image\\\">/usr/bin/id</Data><Data Name=\\\"CommandLine\\\">id</Data></EventData></Event>\",\"Provider_Name\":\"Linux-Sysmon\",\"EventID\":\"1\",\"TimeCreated\":\"2026-03-02T00:00:00Z\",\"Channel\":\"Linux-Sysmon/Operational\",\"Computer\":\"web01\",\"Image\":\"/usr/bin/id\",\"CommandLine\":\"id\"}");
	check("auto", "", LINE("<Event><System><EventID>1</System></Event>"),
		"syntax text -  // {\"message\":\"<Event><System><EventID>1</System></Event>\"}");
	check("auto", "", LINE("<Event>no event</Event>"),
		"syntax text -  // {\"message\":\"<Event>no event</Event>\"}");
}

TEST(journal)
{
	check("journal", "", LINE("__CURSOR=s=1\n__REALTIME_TIMESTAMP=1772409600500000\n_HOSTNAME=web01\nSYSLOG_IDENTIFIER=sshd\nMESSAGE=Failed password for root from 203.0.113.9 port 5 ssh2\n_PID=7\n"),
		"ok journal 2026-03-02T00:00:00.5Z web01 linux//sshd linux//auth linux//syslog {\"__CURSOR\":\"s=1\",\"__REALTIME_TIMESTAMP\":\"1772409600500000\",\"_HOSTNAME\":\"web01\",\"SYSLOG_IDENTIFIER\":\"sshd\",\"MESSAGE\":\"Failed password for root from 203.0.113.9 port 5 ssh2\",\"_PID\":\"7\",\"action\":\"failed\",\"auth_method\":\"password\",\"user\":\"root\",\"src_ip\":\"203.0.113.9\",\"src_port\":\"5\"}");
	check("journal", "", LINE("__REALTIME_TIMESTAMP=1772409600000000\n_HOSTNAME=h\n_COMM=app\nMESSAGE\n\x05\x00\x00\x00\x00\x00\x00\x00""a\nb=c\nX=y\n"),
		"ok journal 2026-03-02T00:00:00Z h linux//syslog {\"__REALTIME_TIMESTAMP\":\"1772409600000000\",\"_HOSTNAME\":\"h\",\"_COMM\":\"app\",\"MESSAGE\":\"a\\nb=c\",\"X\":\"y\"}");
	check("auto", "", LINE("{\"__REALTIME_TIMESTAMP\":\"1772409600000000\",\"_HOSTNAME\":\"h\",\"SYSLOG_IDENTIFIER\":\"cron\",\"MESSAGE\":\"(root) CMD (x)\"}"),
		"ok json 2026-03-02T00:00:00Z h linux//cron linux//syslog {\"__REALTIME_TIMESTAMP\":\"1772409600000000\",\"_HOSTNAME\":\"h\",\"SYSLOG_IDENTIFIER\":\"cron\",\"MESSAGE\":\"(root) CMD (x)\"}");
	check("journal", "", LINE("_HOSTNAME=h\n"),
		"syntax text -  // {\"message\":\"_HOSTNAME=h\\n\"}");
	check("auto", "", LINE("{\"__REALTIME_TIMESTAMP\":\"1772409600000000\",\"SYSLOG_IDENTIFIER\":\"app\",\"MESSAGE\":[104,105,255]}"),
		"ok json 2026-03-02T00:00:00Z  linux//syslog {\"__REALTIME_TIMESTAMP\":\"1772409600000000\",\"SYSLOG_IDENTIFIER\":\"app\",\"MESSAGE\":[104,105,255],\"message\":\"hi�\"}");
}

TEST(audit)
{
	check("auto", "", LINE("node=h type=SYSCALL msg=audit(1772409600.100:7): arch=c000003e syscall=59 a0=7f exe=\"/usr/bin/bash\" key=(null)\x1d""ARCH=x86_64 SYSCALL=execve UID=\"root\"\nnode=h type=EXECVE msg=audit(1772409600.100:7): argc=3 a0=\"bash\" a1=\"-c\" a2=6C73202D6C\nnode=h type=CWD msg=audit(1772409600.100:7): cwd=\"/root\"\nnode=h type=PATH msg=audit(1772409600.100:7): item=0 name=\"/bin/ls\" nametype=NORMAL\nnode=h type=PATH msg=audit(1772409600.100:7): item=1 name=2F746D702F61 nametype=CREATE\nnode=h type=PROCTITLE msg=audit(1772409600.100:7): proctitle=62617368002D63"),
		"ok auditd 2026-03-02T00:00:00.1Z h linux/process_creation/auditd {\"serial\":\"7\",\"type\":[\"SYSCALL\",\"EXECVE\",\"CWD\",\"PATH\",\"PATH\",\"PROCTITLE\"],\"arch\":\"c000003e\",\"syscall\":\"59\",\"a0\":[\"7f\",\"bash\"],\"exe\":\"/usr/bin/bash\",\"key\":\"(null)\",\"ARCH\":\"x86_64\",\"SYSCALL\":\"execve\",\"UID\":\"root\",\"argc\":\"3\",\"a1\":\"-c\",\"a2\":\"ls -l\",\"cwd\":\"/root\",\"item\":[\"0\",\"1\"],\"name\":[\"/bin/ls\",\"/tmp/a\"],\"nametype\":[\"NORMAL\",\"CREATE\"],\"proctitle\":\"bash -c\",\"CommandLine\":\"bash -c ls -l\",\"Image\":\"/usr/bin/bash\",\"CurrentDirectory\":\"/root\",\"User\":\"root\"}");
	check("auto", "", LINE("type=USER_CMD msg=audit(1772409600.100:8): pid=5 uid=0 msg='cwd=\"/\" cmd=69642061 terminal=? res=success'"),
		"ok auditd 2026-03-02T00:00:00.1Z  linux//auditd {\"serial\":\"8\",\"type\":[\"USER_CMD\"],\"pid\":\"5\",\"uid\":\"0\",\"cwd\":\"/\",\"cmd\":\"id a\",\"terminal\":\"?\",\"res\":\"success\"}");
	check("auto", "", LINE("type=DAEMON_END msg=audit(1772409600.100:9) auditd halt, auid=0"),
		"ok auditd 2026-03-02T00:00:00.1Z  linux//auditd {\"serial\":\"9\",\"type\":[\"DAEMON_END\"],\"auid\":\"0\"}");
	check("auto", "", LINE("type=X msg=audit(): nothing"),
		"syntax text -  // {\"message\":\"type=X msg=audit(): nothing\"}");
	check("auto", "", LINE("{\"ID\":\"1772409600.100:5\",\"NODE\":\"h\",\"SYSCALL\":{\"exe\":\"/bin/id\",\"pid\":5,\"ppid\":4},\"EXECVE\":{\"argc\":2,\"ARGV\":[\"id\",\"-u\"]},\"CWD\":{\"cwd\":\"/\"}}"),
		"ok json 2026-03-02T00:00:00.1Z h linux/process_creation/auditd {\"ID\":\"1772409600.100:5\",\"NODE\":\"h\",\"SYSCALL.exe\":\"/bin/id\",\"SYSCALL.pid\":5,\"SYSCALL.ppid\":4,\"EXECVE.argc\":2,\"EXECVE.ARGV\":[\"id\",\"-u\"],\"CWD.cwd\":\"/\",\"type\":[\"SYSCALL\",\"EXECVE\",\"CWD\"],\"exe\":\"/bin/id\",\"pid\":5,\"ppid\":4,\"argc\":2,\"a0\":\"id\",\"a1\":\"-u\",\"cwd\":\"/\",\"CommandLine\":\"id -u\",\"Image\":\"/bin/id\",\"CurrentDirectory\":\"/\",\"ProcessId\":\"5\",\"ParentProcessId\":\"4\"}");
	check("auto", "", LINE("Mar  2 09:00:00 h kernel: audit: type=1400 audit(1772409600.100:7): apparmor=\"DENIED\" profile=\"p\""),
		"ok syslog 2026-03-02T00:00:00.1Z h linux//auditd {\"program\":\"kernel\",\"hostname\":\"h\",\"message\":\"audit: type=1400 audit(1772409600.100:7): apparmor=\\\"DENIED\\\" profile=\\\"p\\\"\",\"serial\":\"7\",\"type\":[\"1400\"],\"apparmor\":\"DENIED\",\"profile\":\"p\"}");
}

TEST(syslog_variants)
{
	check("auto", "", LINE("Mar  2 09:00:00 <4.6> gw sshd[5]: x"),
		"ok syslog 2026-03-02T00:00:00Z gw linux//sshd linux//auth linux//syslog {\"facility\":\"auth\",\"severity\":\"info\",\"pid\":\"5\",\"program\":\"sshd\",\"hostname\":\"gw\",\"message\":\"x\"}");
	check("auto", "", LINE("2026-03-02T09:00:00.5+09:00 web01 app[7]: hello"),
		"ok syslog 2026-03-02T00:00:00.5Z web01 linux//syslog {\"pid\":\"7\",\"program\":\"app\",\"hostname\":\"web01\",\"message\":\"hello\"}");
	check("auto", "", LINE("2026-03-02T00:00:00Z INFO starting: now"),
		"no_decoder text 2026-03-02T00:00:00Z  // {\"message\":\"2026-03-02T00:00:00Z INFO starting: now\"}");
	check("auto", "", LINE("<13>no header at all"),
		"ok syslog -  linux//syslog {\"facility\":\"user\",\"severity\":\"notice\",\"message\":\"no header at all\"}");
	check("auto", "", LINE("<34>1 - - - - - - nothing known"),
		"ok syslog -  linux//syslog {\"facility\":\"auth\",\"severity\":\"crit\",\"message\":\"nothing known\"}");
	check("auto", "", LINE("<34>1 2026-03-02T00:00:00Z h p - - [a b=\"c\" broken"),
		"ok syslog 2026-03-02T00:00:00Z  linux//syslog {\"facility\":\"auth\",\"severity\":\"crit\",\"message\":\"1 2026-03-02T00:00:00Z h p - - [a b=\\\"c\\\" broken\"}");
	check("auto", "", LINE("Mar  2 09:00:00 myprog[5]: no host"),
		"ok syslog 2026-03-02T00:00:00Z  linux//syslog {\"pid\":\"5\",\"program\":\"myprog\",\"message\":\"no host\"}");
	check("auto", "", LINE("Oct  1 00:00:00 h app: {\"a\":1}"),
		"ok syslog 2025-09-30T15:00:00Z h linux//syslog {\"program\":\"app\",\"hostname\":\"h\",\"message\":\"{\\\"a\\\":1}\",\"a\":1}");
}

TEST(firewalls)
{
	check("auto", "", LINE("<134>Mar  2 09:00:00 fw filterlog[5]: 5,,,1000000103,em0,match,block,in,4,0x0,,64,1,0,none,6,tcp,60,192.0.2.1,198.51.100.2,4711,22,0,S,1,,1,,"),
		"ok syslog 2026-03-02T00:00:00Z fw pfsense/firewall/filterlog {\"facility\":\"local0\",\"severity\":\"info\",\"pid\":\"5\",\"program\":\"filterlog\",\"hostname\":\"fw\",\"message\":\"5,,,1000000103,em0,match,block,in,4,0x0,,64,1,0,none,6,tcp,60,192.0.2.1,198.51.100.2,4711,22,0,S,1,,1,,\",\"rule\":\"5\",\"tracker\":\"1000000103\",\"interface\":\"em0\",\"action\":\"block\",\"blocked\":\"true\",\"direction\":\"in\",\"protocol\":\"tcp\",\"src_ip\":\"192.0.2.1\",\"dst_ip\":\"198.51.100.2\",\"src_port\":\"4711\",\"dst_port\":\"22\"}");
	check("auto", "", LINE("<134>1 2026-03-02T00:00:00Z fw filterlog 5 - - 5,,,1000000103,em0,match,pass,out,6,0x00,0x1,64,UDP,17,40,2001:db8::1,2001:db8::2,5,53,40"),
		"ok syslog 2026-03-02T00:00:00Z fw pfsense/firewall/filterlog {\"facility\":\"local0\",\"severity\":\"info\",\"pid\":\"5\",\"program\":\"filterlog\",\"hostname\":\"fw\",\"message\":\"5,,,1000000103,em0,match,pass,out,6,0x00,0x1,64,UDP,17,40,2001:db8::1,2001:db8::2,5,53,40\",\"rule\":\"5\",\"tracker\":\"1000000103\",\"interface\":\"em0\",\"action\":\"pass\",\"blocked\":\"false\",\"direction\":\"out\",\"protocol\":\"UDP\",\"src_ip\":\"2001:db8::1\",\"dst_ip\":\"2001:db8::2\",\"src_port\":\"5\",\"dst_port\":\"53\"}");
	check("auto", "", LINE("Mar  2 09:00:00 h kernel: [1.2] [UFW BLOCK] IN=eth0 OUT= MAC=aa SRC=192.0.2.1 DST=198.51.100.2 LEN=40 PROTO=TCP SPT=4711 DPT=22 SYN"),
		"ok syslog 2026-03-02T00:00:00Z h linux/firewall/iptables linux//syslog {\"program\":\"kernel\",\"hostname\":\"h\",\"message\":\"[1.2] [UFW BLOCK] IN=eth0 OUT= MAC=aa SRC=192.0.2.1 DST=198.51.100.2 LEN=40 PROTO=TCP SPT=4711 DPT=22 SYN\",\"IN\":\"eth0\",\"OUT\":\"\",\"MAC\":\"aa\",\"SRC\":\"192.0.2.1\",\"DST\":\"198.51.100.2\",\"LEN\":\"40\",\"PROTO\":\"TCP\",\"SPT\":\"4711\",\"DPT\":\"22\",\"src_ip\":\"192.0.2.1\",\"dst_ip\":\"198.51.100.2\",\"src_port\":\"4711\",\"dst_port\":\"22\",\"protocol\":\"TCP\",\"interface\":\"eth0\",\"action\":\"block\",\"blocked\":\"true\"}");
	check("auto", "", LINE("<166>Mar 02 2026 09:00:00 fw : %ASA-4-106023: Deny tcp src outside:192.0.2.1/4711 dst inside:198.51.100.2/22 by access-group \"x\" [0x0, 0x0]"),
		"ok syslog 2026-03-02T00:00:00Z fw cisco/firewall/asa cisco//syslog {\"facility\":\"local4\",\"severity\":\"info\",\"hostname\":\"fw\",\"message\":\"%ASA-4-106023: Deny tcp src outside:192.0.2.1/4711 dst inside:198.51.100.2/22 by access-group \\\"x\\\" [0x0, 0x0]\",\"cisco_facility\":\"ASA\",\"cisco_severity\":\"4\",\"mnemonic\":\"106023\",\"action\":\"deny\",\"blocked\":\"true\",\"src_ip\":\"192.0.2.1\",\"src_port\":\"4711\",\"dst_ip\":\"198.51.100.2\",\"dst_port\":\"22\"}");
	check("auto", "", LINE("<189>29: *Mar  2 09:00:00.123: %SYS-5-CONFIG_I: Configured from console by sato on vty0 (192.0.2.7)"),
		"ok syslog 2026-03-02T00:00:00.123Z  cisco//aaa cisco//syslog {\"facility\":\"local7\",\"severity\":\"notice\",\"message\":\"%SYS-5-CONFIG_I: Configured from console by sato on vty0 (192.0.2.7)\",\"cisco_facility\":\"SYS\",\"cisco_severity\":\"5\",\"mnemonic\":\"CONFIG_I\"}");
	check("auto", "", LINE("<189>Mar  2 09:00:00 r1 45: Mar  2 09:00:00.123: %BGP-5-ADJCHANGE: neighbor 192.0.2.9 Down"),
		"ok syslog 2026-03-02T00:00:00Z r1 cisco//bgp cisco//syslog {\"facility\":\"local7\",\"severity\":\"notice\",\"hostname\":\"r1\",\"message\":\"45: Mar  2 09:00:00.123: %BGP-5-ADJCHANGE: neighbor 192.0.2.9 Down\",\"cisco_facility\":\"BGP\",\"cisco_severity\":\"5\",\"mnemonic\":\"ADJCHANGE\"}");
	check("auto", "", LINE("date=2026-03-02 time=09:00:00 devname=\"fw\" logid=\"0000000013\" type=\"traffic\" subtype=\"forward\" tz=\"+0900\" srcip=192.0.2.1 srcport=4711 dstip=198.51.100.2 dstport=22 action=\"deny\""),
		"ok kv 2026-03-02T00:00:00Z fw fortigate/firewall/traffic {\"date\":\"2026-03-02\",\"time\":\"09:00:00\",\"devname\":\"fw\",\"logid\":\"0000000013\",\"type\":\"traffic\",\"subtype\":\"forward\",\"tz\":\"+0900\",\"srcip\":\"192.0.2.1\",\"srcport\":\"4711\",\"dstip\":\"198.51.100.2\",\"dstport\":\"22\",\"action\":\"deny\",\"src_ip\":\"192.0.2.1\",\"dst_ip\":\"198.51.100.2\",\"src_port\":\"4711\",\"dst_port\":\"22\",\"message\":\"date=2026-03-02 time=09:00:00 devname=\\\"fw\\\" logid=\\\"0000000013\\\" type=\\\"traffic\\\" subtype=\\\"forward\\\" tz=\\\"+0900\\\" srcip=192.0.2.1 srcport=4711 dstip=198.51.100.2 dstport=22 action=\\\"deny\\\"\"}");
	check("auto", "", LINE("<14>Mar  2 09:00:00 pa 1,2026/03/02 09:00:00,0011,TRAFFIC,end,1,2026/03/02 09:00:00,192.0.2.1,198.51.100.2,0.0.0.0,0.0.0.0,rule1,u1,,ssh,vsys1,a,b,e1,e2,l,x,1,1,4711,22,0,0,0x0,tcp,allow,1,1,1"),
		"ok syslog 2026-03-02T00:00:00Z pa paloalto/firewall/panos {\"facility\":\"user\",\"severity\":\"info\",\"hostname\":\"pa\",\"message\":\"1,2026/03/02 09:00:00,0011,TRAFFIC,end,1,2026/03/02 09:00:00,192.0.2.1,198.51.100.2,0.0.0.0,0.0.0.0,rule1,u1,,ssh,vsys1,a,b,e1,e2,l,x,1,1,4711,22,0,0,0x0,tcp,allow,1,1,1\",\"serial\":\"0011\",\"type\":\"TRAFFIC\",\"subtype\":\"end\",\"src_ip\":\"192.0.2.1\",\"dst_ip\":\"198.51.100.2\",\"rule\":\"rule1\",\"src_user\":\"u1\",\"application\":\"ssh\",\"src_port\":\"4711\",\"dst_port\":\"22\",\"protocol\":\"tcp\",\"action\":\"allow\",\"blocked\":\"false\"}");
	check("auto", "", LINE("Mar  2 09:00:00 h app: 5,,,not a filterlog,em0,match"),
		"ok syslog 2026-03-02T00:00:00Z h linux//syslog {\"program\":\"app\",\"hostname\":\"h\",\"message\":\"5,,,not a filterlog,em0,match\"}");
}

TEST(name_servers)
{
	check("auto", "", LINE("Mar  2 09:00:00 ns named[5]: client @0x7f00 192.0.2.7#4711 (www.example.com): query: www.example.com IN A +E(0)K (198.51.100.53)"),
		"ok syslog 2026-03-02T00:00:00Z ns /dns/bind {\"pid\":\"5\",\"program\":\"named\",\"hostname\":\"ns\",\"message\":\"client @0x7f00 192.0.2.7#4711 (www.example.com): query: www.example.com IN A +E(0)K (198.51.100.53)\",\"query\":\"www.example.com\",\"record_type\":\"A\",\"src_ip\":\"192.0.2.7\"}");
	check("auto", "", LINE("02-Mar-2026 09:00:00.123 client 192.0.2.7#4711 (example.com): query (cache) 'example.com/ANY/IN' denied"),
		"ok text 2026-03-02T00:00:00.123Z  /dns/bind {\"message\":\"02-Mar-2026 09:00:00.123 client 192.0.2.7#4711 (example.com): query (cache) 'example.com/ANY/IN' denied\",\"action\":\"denied\",\"query\":\"example.com\",\"record_type\":\"ANY\",\"src_ip\":\"192.0.2.7\"}");
	check("auto", "", LINE("[1772409600] unbound[5:0] info: 192.0.2.7 www.example.com. AAAA IN"),
		"ok text 2026-03-02T00:00:00Z  /dns/unbound {\"message\":\"[1772409600] unbound[5:0] info: 192.0.2.7 www.example.com. AAAA IN\",\"query\":\"www.example.com\",\"record_type\":\"AAAA\",\"src_ip\":\"192.0.2.7\"}");
	check("auto", "", LINE("Mar  2 09:00:00 r dnsmasq[5]: query[A] www.example.com from 192.0.2.7"),
		"ok syslog 2026-03-02T00:00:00Z r /dns/dnsmasq {\"pid\":\"5\",\"program\":\"dnsmasq\",\"hostname\":\"r\",\"message\":\"query[A] www.example.com from 192.0.2.7\",\"query\":\"www.example.com\",\"record_type\":\"A\",\"src_ip\":\"192.0.2.7\"}");
	check("auto", "", LINE("Mar  2 09:00:00 r dnsmasq[5]: reply www.example.com is 198.51.100.1"),
		"ok syslog 2026-03-02T00:00:00Z r /dns/dnsmasq {\"pid\":\"5\",\"program\":\"dnsmasq\",\"hostname\":\"r\",\"message\":\"reply www.example.com is 198.51.100.1\",\"query\":\"www.example.com\",\"answer\":\"198.51.100.1\"}");
	check("auto", "", LINE("Mar  2 09:00:00 ns named[5]: client 192.0.2.7#4711: no query here"),
		"ok syslog 2026-03-02T00:00:00Z ns linux//syslog {\"pid\":\"5\",\"program\":\"named\",\"hostname\":\"ns\",\"message\":\"client 192.0.2.7#4711: no query here\"}");
}

TEST(web_servers)
{
	check("auto", "", LINE("v.example 192.0.2.7 - sato [02/Mar/2026:09:00:00 +0900] \"POST /login HTTP/2.0\" 302 - \"-\" \"curl\" 0.1"),
		"ok combined 2026-03-02T00:00:00Z  /webserver/apache /webserver/nginx {\"cs-host\":\"v.example\",\"c-ip\":\"192.0.2.7\",\"cs-username\":\"sato\",\"cs-method\":\"POST\",\"cs-uri-stem\":\"/login\",\"cs-uri\":\"/login\",\"c-uri\":\"/login\",\"cs-uri-query\":\"/login\",\"cs-version\":\"HTTP/2.0\",\"sc-status\":\"302\",\"cs-referer\":\"-\",\"cs-referrer\":\"-\",\"cs-user-agent\":\"curl\",\"c-useragent\":\"curl\"}");
	check("auto", "", LINE("192.0.2.7 - - [02/Mar/2026:09:00:00 +0900] \"\\x16\\x03\\\"\" 400 5"),
		"ok combined 2026-03-02T00:00:00Z  /webserver/apache /webserver/nginx {\"c-ip\":\"192.0.2.7\",\"cs-uri\":\"\\\\x16\\\\x03\\\\\\\"\",\"sc-status\":\"400\",\"sc-bytes\":\"5\"}");
	check("auto", "", LINE("1772409600.123 4 192.0.2.7 TCP_MISS/200 4099 GET http://h.example/a?b=c sato HIER_DIRECT/198.51.100.1 text/html"),
		"ok text 2026-03-02T00:00:00.123Z  /proxy/squid {\"s-action\":\"TCP_MISS\",\"sc-status\":\"200\",\"c-ip\":\"192.0.2.7\",\"sc-bytes\":\"4099\",\"cs-method\":\"GET\",\"cs-uri-query\":[\"b=c\",\"http://h.example/a?b=c\"],\"cs-uri\":\"http://h.example/a?b=c\",\"c-uri\":\"http://h.example/a?b=c\",\"cs-host\":\"h.example\",\"cs-username\":\"sato\"}");
	check("auto", "", LINE("192.0.2.7:4711 [02/Mar/2026:09:00:00.123] f~ b/s1 0/0/1/2/3 404 212 - - ---- 1/1/0/0/0 0/0 \"GET /x HTTP/1.1\""),
		"ok text 2026-03-02T00:00:00.123Z  /webserver/haproxy {\"c-ip\":\"192.0.2.7\",\"sc-status\":\"404\",\"sc-bytes\":\"212\",\"cs-method\":\"GET\",\"cs-uri-stem\":\"/x\",\"cs-uri\":\"/x\",\"c-uri\":\"/x\",\"cs-uri-query\":\"/x\",\"cs-version\":\"HTTP/1.1\"}");
	check("auto", "", LINE("h2 2026-03-02T00:00:00.5Z app/a/b 192.0.2.7:4711 10.0.0.1:80 0.0 0.0 0.0 200 200 1 2 \"GET https://h.example:443/a?b HTTP/2.0\" \"curl/8\" X Y"),
		"ok text 2026-03-02T00:00:00.5Z  aws/webserver/elb {\"c-ip\":\"192.0.2.7\",\"sc-status\":\"200\",\"cs-method\":\"GET\",\"cs-uri-stem\":\"https://h.example:443/a\",\"cs-uri-query\":[\"b\",\"https://h.example:443/a?b\"],\"cs-uri\":\"https://h.example:443/a?b\",\"c-uri\":\"https://h.example:443/a?b\",\"cs-version\":\"HTTP/2.0\",\"cs-user-agent\":\"curl/8\",\"c-useragent\":\"curl/8\"}");
	check("auto", "", LINE("[Mon Mar 02 09:00:00.123 2026] [core:error] [pid 7:tid 8] [client 192.0.2.7:4711] AH00126: Invalid URI"),
		"ok text 2026-03-02T00:00:00.123Z  /webserver/apache {\"message\":\"[Mon Mar 02 09:00:00.123 2026] [core:error] [pid 7:tid 8] [client 192.0.2.7:4711] AH00126: Invalid URI\",\"level\":\"error\",\"c-ip\":\"192.0.2.7\"}");
	check("auto", "", LINE("2026/03/02 09:00:00 [error] 7#7: *1 open() \"/x\" failed, client: 192.0.2.7, server: s, request: \"GET /a?b=c HTTP/1.1\", host: \"h\""),
		"ok text 2026-03-02T00:00:00Z  /webserver/nginx {\"message\":\"2026/03/02 09:00:00 [error] 7#7: *1 open() \\\"/x\\\" failed, client: 192.0.2.7, server: s, request: \\\"GET /a?b=c HTTP/1.1\\\", host: \\\"h\\\"\",\"level\":\"error\",\"c-ip\":\"192.0.2.7\",\"cs-method\":\"GET\",\"cs-uri-query\":[\"b=c\",\"/a?b=c\"],\"cs-uri\":\"/a?b=c\",\"c-uri\":\"/a?b=c\"}");
	check("auto", "", LINE("2026-03-02T00:00:00.5Z stdout F 192.0.2.7 - - [02/Mar/2026:09:00:00 +0900] \"GET / HTTP/1.1\" 200 1"),
		"ok text 2026-03-02T00:00:00Z  /webserver/apache /webserver/nginx {\"stream\":\"stdout\",\"message\":\"192.0.2.7 - - [02/Mar/2026:09:00:00 +0900] \\\"GET / HTTP/1.1\\\" 200 1\",\"c-ip\":\"192.0.2.7\",\"cs-method\":\"GET\",\"cs-uri-stem\":\"/\",\"cs-uri\":\"/\",\"c-uri\":\"/\",\"cs-uri-query\":\"/\",\"cs-version\":\"HTTP/1.1\",\"sc-status\":\"200\",\"sc-bytes\":\"1\"}");
	check("auto", "", LINE("{\"log\":\"192.0.2.7 - - [02/Mar/2026:09:00:00 +0900] \\\"GET / HTTP/1.1\\\" 200 1\\n\",\"stream\":\"stdout\",\"time\":\"2026-03-02T00:00:01Z\"}"),
		"ok json 2026-03-02T00:00:00Z  /webserver/apache /webserver/nginx {\"log\":\"192.0.2.7 - - [02/Mar/2026:09:00:00 +0900] \\\"GET / HTTP/1.1\\\" 200 1\\n\",\"stream\":\"stdout\",\"time\":\"2026-03-02T00:00:01Z\",\"c-ip\":\"192.0.2.7\",\"cs-method\":\"GET\",\"cs-uri-stem\":\"/\",\"cs-uri\":\"/\",\"c-uri\":\"/\",\"cs-uri-query\":\"/\",\"cs-version\":\"HTTP/1.1\",\"sc-status\":\"200\",\"sc-bytes\":\"1\"}");
}

TEST(programs)
{
	check("auto", "", LINE("Mon Mar  2 09:00:00 2026 [pid 2] [sato] FAIL LOGIN: Client \"192.0.2.7\""),
		"ok text 2026-03-02T00:00:00Z  linux//vsftpd {\"message\":\"Mon Mar  2 09:00:00 2026 [pid 2] [sato] FAIL LOGIN: Client \\\"192.0.2.7\\\"\",\"src_ip\":\"192.0.2.7\"}");
	check("auto", "", LINE("03/02/2026-09:00:00.1  [**] [1:2008578:4] ET SCAN x [**] [Classification: c] [Priority: 2] {UDP} 192.0.2.7:5 -> 198.51.100.2:5060"),
		"ok text 2026-03-02T00:00:00.1Z  suricata//alert {\"message\":\"03/02/2026-09:00:00.1  [**] [1:2008578:4] ET SCAN x [**] [Classification: c] [Priority: 2] {UDP} 192.0.2.7:5 -> 198.51.100.2:5060\",\"signature_id\":\"1:2008578:4\",\"signature\":\"ET SCAN x\",\"src_ip\":\"192.0.2.7\",\"src_port\":\"5\",\"dst_ip\":\"198.51.100.2\",\"dst_port\":\"5060\",\"protocol\":\"UDP\"}");
	check("auto", "", LINE("/tmp/x.exe: Win.Test.EICAR FOUND"),
		"ok text -  linux/antivirus/clamav {\"message\":\"/tmp/x.exe: Win.Test.EICAR FOUND\",\"Filename\":\"/tmp/x.exe\",\"Signature\":\"Win.Test.EICAR\"}");
	check("auto", "", LINE("2026-03-02 09:00:00,1 [exec-1] WARN  o.a.g.r.auth.AuthenticationService - Authentication attempt from 192.0.2.7 for user \"a\" failed."),
		"ok text 2026-03-02T00:00:00.1Z  linux//guacamole {\"message\":\"2026-03-02 09:00:00,1 [exec-1] WARN  o.a.g.r.auth.AuthenticationService - Authentication attempt from 192.0.2.7 for user \\\"a\\\" failed.\"}");
	check("auto", "", LINE("app-1  | level=warn msg=\"bad login\" ip=192.0.2.7 time=\"2026-03-02T00:00:00Z\""),
		"ok text 2026-03-02T00:00:00Z  // {\"container\":\"app-1\",\"level\":\"warn\",\"msg\":\"bad login\",\"ip\":\"192.0.2.7\",\"time\":\"2026-03-02T00:00:00Z\",\"message\":\"level=warn msg=\\\"bad login\\\" ip=192.0.2.7 time=\\\"2026-03-02T00:00:00Z\\\"\"}");
	check("auto", "", LINE("time=\"2026-03-02T00:00:00Z\" level=error msg=\"a b\" method=POST"),
		"ok kv 2026-03-02T00:00:00Z  // {\"time\":\"2026-03-02T00:00:00Z\",\"level\":\"error\",\"msg\":\"a b\",\"method\":\"POST\",\"message\":\"time=\\\"2026-03-02T00:00:00Z\\\" level=error msg=\\\"a b\\\" method=POST\"}");
	check("auto", "", LINE("2026-03-02 09:00:00,123 ERROR something odd happened"),
		"no_decoder text 2026-03-02T00:00:00.123Z  // {\"message\":\"2026-03-02 09:00:00,123 ERROR something odd happened\"}");
	check("auto", "", LINE("no time, no shape"),
		"no_decoder text -  // {\"message\":\"no time, no shape\"}");
}

TEST(databases_and_santa)
{
	check("auto", "", LINE("2026-03-02T00:00:00.5Z 344 [Note] Access denied for user 'root'@'192.0.2.7' (using password: YES)"),
		"ok text 2026-03-02T00:00:00.5Z  /database/mysql {\"message\":\"2026-03-02T00:00:00.5Z 344 [Note] Access denied for user 'root'@'192.0.2.7' (using password: YES)\"}");
	check("auto", "", LINE("2026-03-02 09:00:00.518 UTC [147] 192.0.2.7 a@postgres FATAL:  password authentication failed for user \"a\""),
		"ok text 2026-03-02T09:00:00.518Z  /database/postgresql {\"message\":\"2026-03-02 09:00:00.518 UTC [147] 192.0.2.7 a@postgres FATAL:  password authentication failed for user \\\"a\\\"\"}");
	check("auto", "", LINE("2026-03-02 09:00:00.17 Logon       Error: 18456, Severity: 14, State: 8."),
		"ok text 2026-03-02T00:00:00.17Z  /database/mssql {\"message\":\"2026-03-02 09:00:00.17 Logon       Error: 18456, Severity: 14, State: 8.\"}");
	check("auto", "", LINE("2026-03-02 09:00:00 17 bottles"),
		"no_decoder text 2026-03-02T00:00:00Z  // {\"message\":\"2026-03-02 09:00:00 17 bottles\"}");
	check("auto", "", LINE("[2026-03-02T00:00:00.966Z] I santad: action=EXEC|decision=ALLOW|pid=479|ppid=1|user=sato|path=/bin/ls|args=ls -l"),
		"ok text 2026-03-02T00:00:00.966Z  macos/process_creation/santa {\"message\":\"[2026-03-02T00:00:00.966Z] I santad: action=EXEC|decision=ALLOW|pid=479|ppid=1|user=sato|path=/bin/ls|args=ls -l\",\"action\":\"EXEC\",\"decision\":\"ALLOW\",\"pid\":\"479\",\"ppid\":\"1\",\"user\":\"sato\",\"path\":\"/bin/ls\",\"args\":\"ls -l\",\"Image\":\"/bin/ls\",\"CommandLine\":\"ls -l\",\"ProcessId\":\"479\",\"ParentProcessId\":\"1\",\"User\":\"sato\"}");
	check("auto", "", LINE("[2026-03-02T00:00:00.966Z] I santad: action=RENAME|path=/tmp/a|newpath=/tmp/b|pid=4|processpath=/bin/mv|user=sato"),
		"ok text 2026-03-02T00:00:00.966Z  macos/file_event/santa {\"message\":\"[2026-03-02T00:00:00.966Z] I santad: action=RENAME|path=/tmp/a|newpath=/tmp/b|pid=4|processpath=/bin/mv|user=sato\",\"action\":\"RENAME\",\"path\":\"/tmp/a\",\"newpath\":\"/tmp/b\",\"pid\":\"4\",\"processpath\":\"/bin/mv\",\"user\":\"sato\",\"TargetFilename\":\"/tmp/b\",\"Image\":\"/bin/mv\"}");
}

TEST(windows_firewall_and_zeek_shippers)
{
	check("w3c", "#Version: 1.5\n#Software: Microsoft Windows Firewall\n#Time Format: Local\n#Fields: date time action protocol src-ip dst-ip src-port dst-port\n", LINE("2026-03-02 09:00:00 DROP TCP 192.0.2.1 198.51.100.2 4711 22"),
		"ok w3c 2026-03-02T00:00:00Z  windows/firewall/ {\"date\":\"2026-03-02\",\"time\":\"09:00:00\",\"action\":\"DROP\",\"protocol\":\"TCP\",\"src-ip\":\"192.0.2.1\",\"dst-ip\":\"198.51.100.2\",\"src-port\":\"4711\",\"dst-port\":\"22\",\"src_ip\":\"192.0.2.1\",\"dst_ip\":\"198.51.100.2\",\"src_port\":\"4711\",\"dst_port\":\"22\",\"blocked\":\"true\"}");
	check("auto", "", LINE("{\"@stream\":\"conn\",\"@system\":\"sensor1\",\"@proc\":\"zeek\",\"ts\":1772409600.5,\"id_orig_h\":\"192.0.2.1\",\"host\":\"www.example.com\"}"),
		"ok json 2026-03-02T00:00:00.5Z sensor1 zeek//conn {\"@stream\":\"conn\",\"@system\":\"sensor1\",\"@proc\":\"zeek\",\"ts\":1772409600.5,\"id_orig_h\":\"192.0.2.1\",\"host\":\"www.example.com\",\"id.orig_h\":\"192.0.2.1\"}");
	check("auto", "", LINE("02-Mar-2026 09:00:00.685 client @0x7f 192.0.2.7#5 (example.com): zone transfer 'example.com/AXFR/IN' denied"),
		"ok text 2026-03-02T00:00:00.685Z  /dns/bind {\"message\":\"02-Mar-2026 09:00:00.685 client @0x7f 192.0.2.7#5 (example.com): zone transfer 'example.com/AXFR/IN' denied\",\"action\":\"denied\",\"query\":\"example.com\",\"record_type\":\"AXFR\",\"src_ip\":\"192.0.2.7\"}");
	check("auto", "", LINE("{\"System\":{\"EventID\":{\"Value\":4624},\"Channel\":\"Security\",\"Computer\":\"pc\",\"TimeCreated\":{\"SystemTime\":1772409600.5}},\"EventData\":{\"TargetUserName\":\"sato\"}}"),
		"ok json 2026-03-02T00:00:00.5Z pc windows//security {\"EventID\":4624,\"Channel\":\"Security\",\"Computer\":\"pc\",\"TimeCreated\":1772409600.5,\"TargetUserName\":\"sato\"}");
}

TEST(json_sources)
{
	check("auto", "", LINE("{\"eventVersion\":\"1.08\",\"eventSource\":\"iam.amazonaws.com\",\"eventName\":\"CreateUser\",\"awsRegion\":\"x\",\"eventTime\":\"2026-03-02T00:00:00Z\"}"),
		"ok json 2026-03-02T00:00:00Z  aws//cloudtrail {\"eventVersion\":\"1.08\",\"eventSource\":\"iam.amazonaws.com\",\"eventName\":\"CreateUser\",\"awsRegion\":\"x\",\"eventTime\":\"2026-03-02T00:00:00Z\"}");
	check("auto", "", LINE("{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"verb\":\"create\",\"requestReceivedTimestamp\":\"2026-03-02T00:00:00.5Z\"}"),
		"ok json 2026-03-02T00:00:00.5Z  kubernetes/application/audit {\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"verb\":\"create\",\"requestReceivedTimestamp\":\"2026-03-02T00:00:00.5Z\"}");
	check("auto", "", LINE("{\"time\":\"2026-03-02T00:00:00Z\",\"category\":\"SignInLogs\",\"operationName\":\"Sign-in activity\",\"resultType\":\"0\"}"),
		"ok json 2026-03-02T00:00:00Z  azure//signinlogs {\"time\":\"2026-03-02T00:00:00Z\",\"category\":\"SignInLogs\",\"operationName\":\"Sign-in activity\",\"resultType\":\"0\",\"ResultType\":\"0\"}");
	check("auto", "", LINE("{\"protoPayload\":{\"methodName\":\"SetIamPolicy\"},\"timestamp\":\"2026-03-02T00:00:00Z\"}"),
		"ok json 2026-03-02T00:00:00Z  gcp//gcp.audit {\"protoPayload.methodName\":\"SetIamPolicy\",\"timestamp\":\"2026-03-02T00:00:00Z\",\"gcp.audit.method_name\":\"SetIamPolicy\",\"data.protoPayload.methodName\":\"SetIamPolicy\"}");
	check("auto", "", LINE("{\"id\":{\"applicationName\":\"login\",\"time\":\"2026-03-02T00:00:00Z\"},\"actor\":{\"email\":\"a@b\"}}"),
		"ok json 2026-03-02T00:00:00Z  gcp//google_workspace.login {\"id.applicationName\":\"login\",\"id.time\":\"2026-03-02T00:00:00Z\",\"actor.email\":\"a@b\"}");
	check("auto", "", LINE("{\"_path\":\"dns\",\"ts\":\"2026-03-02T00:00:00.5Z\",\"query\":\"a\"}"),
		"ok json 2026-03-02T00:00:00.5Z  zeek//dns zeek/dns/dns {\"_path\":\"dns\",\"ts\":\"2026-03-02T00:00:00.5Z\",\"query\":\"a\"}");
	check("auto", "", LINE("{\"timestamp\":\"2026-03-02T00:00:00.5+0000\",\"event_type\":\"dns\",\"src_ip\":\"192.0.2.7\",\"flow_id\":1}"),
		"ok json 2026-03-02T00:00:00.5Z  suricata/dns/dns {\"timestamp\":\"2026-03-02T00:00:00.5+0000\",\"event_type\":\"dns\",\"src_ip\":\"192.0.2.7\",\"flow_id\":1}");
	check("auto", "", LINE("{\"ecs\":{\"version\":\"8\"},\"@timestamp\":\"2026-03-02T00:00:00Z\",\"event\":{\"category\":[\"process\"],\"type\":[\"start\"]},\"host\":{\"name\":\"h\",\"os\":{\"type\":\"linux\"}},\"process\":{\"executable\":\"/bin/id\",\"command_line\":\"id\"}}"),
		"ok json 2026-03-02T00:00:00Z h linux/process_creation/ {\"ecs.version\":\"8\",\"@timestamp\":\"2026-03-02T00:00:00Z\",\"event.category\":[\"process\"],\"event.type\":[\"start\"],\"host.name\":\"h\",\"host.os.type\":\"linux\",\"process.executable\":\"/bin/id\",\"process.command_line\":\"id\",\"Image\":\"/bin/id\",\"CommandLine\":\"id\"}");
	check("auto", "", LINE("{\"someThingCreatedAt\":\"2026-03-02 00:00:00\",\"expiresAt\":\"2027-01-01 00:00:00\"}"),
		"ok json 2026-03-01T15:00:00Z  // {\"someThingCreatedAt\":\"2026-03-02 00:00:00\",\"expiresAt\":\"2027-01-01 00:00:00\"}");
	check("auto", "", LINE("{\"date\":\"2026-03-02\",\"time\":\"09:00:00\",\"tz\":\"+0900\"}"),
		"ok json 2026-03-02T00:00:00Z  // {\"date\":\"2026-03-02\",\"time\":\"09:00:00\",\"tz\":\"+0900\"}");
}

TEST(windows_events_that_are_more)
{
	check("auto", "", LINE("{\"Channel\":\"Security\",\"EventID\":4688,\"SubjectUserName\":\"sato\",\"SubjectDomainName\":\"CORP\",\"NewProcessId\":\"0x1f\",\"ProcessId\":\"0x10\",\"NewProcessName\":\"C:\\\\a.exe\",\"MandatoryLabel\":\"S-1-16-12288\"}"),
		"ok json -  windows/process_creation/security {\"Channel\":\"Security\",\"EventID\":4688,\"SubjectUserName\":\"sato\",\"SubjectDomainName\":\"CORP\",\"NewProcessId\":\"0x1f\",\"NewProcessName\":\"C:\\\\a.exe\",\"MandatoryLabel\":\"S-1-16-12288\",\"Image\":\"C:\\\\a.exe\",\"ParentProcessId\":16,\"ProcessId\":31,\"ProcessId.original\":\"0x10\",\"User\":\"CORP\\\\sato\",\"IntegrityLevel\":\"High\"}");
	check("auto", "", LINE("{\"Channel\":\"Security\",\"EventID\":5156,\"Application\":\"\\\\device\\\\harddiskvolume3\\\\windows\\\\a.exe\",\"Direction\":\"%%14593\",\"SourceAddress\":\"192.0.2.1\",\"DestAddress\":\"198.51.100.2\",\"DestPort\":\"443\",\"Protocol\":\"6\"}"),
		"ok json -  windows/network_connection/security {\"Channel\":\"Security\",\"EventID\":5156,\"Application\":\"\\\\device\\\\harddiskvolume3\\\\windows\\\\a.exe\",\"Direction\":\"%%14593\",\"SourceAddress\":\"192.0.2.1\",\"DestAddress\":\"198.51.100.2\",\"DestPort\":\"443\",\"Image\":\"C:\\\\windows\\\\a.exe\",\"SourceIp\":\"192.0.2.1\",\"DestinationIp\":\"198.51.100.2\",\"DestinationPort\":\"443\",\"Protocol\":\"tcp\",\"Protocol.original\":\"6\",\"Initiated\":\"true\"}");
	check("auto", "", LINE("{\"Channel\":\"Security\",\"EventID\":4657,\"ObjectName\":\"\\\\REGISTRY\\\\MACHINE\\\\SOFTWARE\\\\a\",\"ObjectValueName\":\"v\",\"OperationType\":\"%%1904\",\"NewValue\":\"x\"}"),
		"ok json -  windows/registry_set/security windows/registry_event/security {\"Channel\":\"Security\",\"EventID\":4657,\"ObjectName\":\"\\\\REGISTRY\\\\MACHINE\\\\SOFTWARE\\\\a\",\"ObjectValueName\":\"v\",\"OperationType\":\"%%1904\",\"NewValue\":\"x\",\"TargetObject\":\"HKLM\\\\SOFTWARE\\\\a\\\\v\",\"Details\":\"x\",\"EventType\":\"SetValue\"}");
	check("auto", "", LINE("{\"EventID\":\"4688\",\"ProviderName\":\"P\",\"TimeCreated\":\"2026-03-02 00:00:00 +0000\",\"Channel\":\"Security\",\"ExtraEventData\":{\"NewProcessName\":\"C:\\\\a.exe\"}}"),
		"ok json 2026-03-02T00:00:00Z  windows/process_creation/security {\"EventID\":\"4688\",\"Provider_Name\":\"P\",\"TimeCreated\":\"2026-03-02 00:00:00 +0000\",\"Channel\":\"Security\",\"NewProcessName\":\"C:\\\\a.exe\",\"Image\":\"C:\\\\a.exe\"}");
}

TEST(encodings)
{
	check("auto", "", LINE("2026-03-02 09:00:00 \x83\x8d\x83O\x83""C\x83\x93\x8e\xb8\x94s"),
		"no_decoder text 2026-03-02T00:00:00Z  // {\"message\":\"2026-03-02 09:00:00 ログイン失敗\"}");
	check("auto", "", LINE("Mar  2 09:00:00 h app: \xa5\xed\xa5\xb0\xa5\xa4\xa5\xf3"),
		"ok syslog 2026-03-02T00:00:00Z h linux//syslog {\"program\":\"app\",\"hostname\":\"h\",\"message\":\"ログイン\"}");
	check("auto", "", LINE("2026-03-02 09:00:00 r\xe9sum\xe9"),
		"no_decoder text 2026-03-02T00:00:00Z  // {\"message\":\"2026-03-02 09:00:00 r�sum�\"}");
}

TEST_MAIN
