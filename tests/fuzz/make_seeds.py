#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the fuzz targets' seeds below tests/fuzz/seeds: small inputs of the project's own making that reach every branch of a grammar."""
import gzip
import io
import os
import tarfile
import zipfile
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))

JSON = ['{"', '{}', '{"a":1}', '{"a":{"b":[1,2.5e3,-0,true,false,null,"x\\u706b\\n",{"c":[]}]},"d":{}}', '{"a":"\\ud83d\\udd25","a":"twice"}', '{"a":[[[[1]]]]}', '{"a', '[1,2]']

LINES = {  # format number in formats.def -> lines; header and line are parted by 0x1E
    0: ['[Mon Mar 02 09:00:00.1 2026] [core:error] [pid 1] [client 192.0.2.1:5] x', '2026/03/02 09:00:00 [error] 7#7: *1 m, client: 192.0.2.1, request: "GET /a?b HTTP/1.1"',
        'Mon Mar  2 09:00:00 2026 [pid 2] [u] OK LOGIN: Client "192.0.2.1"', '2026-03-02T00:00:00.1Z stdout F {"a":1}', 'web-1  | level=info msg="m" a=1 time="2026-03-02T00:00:00Z"',
        '03/02/2026-09:00:00.1  [**] [1:2:3] sig [**] [Classification: c] [Priority: 1] {TCP} 192.0.2.1:5 -> 198.51.100.2:80', '1772409600.123 4 192.0.2.7 TCP_MISS/200 99 GET http://h/a?b u x',
        '192.0.2.1:5 [02/Mar/2026:09:00:00.1] f b/s 0/0/0/1/1 200 5 - - ---- 1/1 0/0 "GET / HTTP/1.1"', 'https 2026-03-02T00:00:00.1Z app/x/y 192.0.2.1:5 192.0.2.2:6 0 0 0 200 200 1 2 "GET https://h:443/ HTTP/1.1" "ua"',
        '[GIN] 2026/03/02 - 09:00:00 | 401 |', '@400000004c91b044077a9e94 x', 'March 2, 2026 9:00:00 PM', '02.03.2026,09:00:00:54', 'x 20260302T090000+0900', '03-02 09:00:00.5 x', '[PDT Mar 02 09:00:00] x'],
    2: ['{"Event":{"System":{"EventID":{"#text":1},"Channel":"Security"},"EventData":{"A B":"c"}}}', '{"winlog":{"channel":"Security","event_id":4688}}',
        '{"eventVersion":"1","eventSource":"s","eventName":"n","awsRegion":"r"}', '{"ID":"1772409600.1:5","SYSCALL":{"exe":"/bin/sh","a0":"0x1"},"EXECVE":{"argc":2,"ARGV":["a","b"]},"NODE":"h"}',
        '{"__REALTIME_TIMESTAMP":"1772409600000000","_HOSTNAME":"h","SYSLOG_IDENTIFIER":"sshd","MESSAGE":"Failed password for a from 192.0.2.1 port 5 ssh2"}',
        '{"_path":"dns","ts":1772409600.5,"query":"a.example"}', '{"log":"192.0.2.1 - - [02/Mar/2026:09:00:00 +0900] \\"GET / HTTP/1.1\\" 200 5\\n","stream":"stdout","time":"2026-03-02T00:00:00Z"}',
        '{"ecs":{"version":"8"},"event":{"category":["process"],"type":["start"]},"host":{"os":{"type":"linux"}},"process":{"command_line":"a b"}}', '{"date":"2026-03-02","time":"09:00:00","tz":"+0900"}'],
    3: ['type=SYSCALL msg=audit(1700000000.1:5): syscall=59 exe="/bin/sh"\ntype=EXECVE msg=audit(1700000000.1:5): argc=1 a0=2F62696E\ntype=PATH msg=audit(1700000000.1:5): name="a"\ntype=PATH msg=audit(1700000000.1:5): name="b"',
        "node=h type=USER_CMD msg=audit(1700000000.1:6): pid=1 msg='cwd=\"/\" cmd=6C73 res=success'\x1dUID=\"root\"", 'audit: type=1400 audit(1700000000.1:7): apparmor="DENIED"',
        'type=EXECVE msg=audit(1700000000.1:8): argc=1 a0_len=5 a0[0]=6162 a0[1]=6364'],
    4: ['<38>Mar  2 09:00:00 h sshd[1]: Failed password for invalid user a from 192.0.2.1 port 5 ssh2', '<165>1 2026-03-02T00:00:00Z h a 1 m [x y="z"] text',
        'Mar  2 09:00:00 h sudo: a : TTY=t ; PWD=/ ; USER=root ; COMMAND=/bin/ls', '<1>Mar  2 09:00:00 h p: CEF:0|a|b|c|d|e|5|k=v w=x y', 'Mar  2 09:00:00 <4.6> h p[1]: x',
        '<189>29: *Mar  1 00:00:00.123: %SYS-5-CONFIG_I: Configured from console by u', '<166>Mar 02 2026 09:00:00 fw : %ASA-4-106023: Deny tcp src outside:192.0.2.1/5 dst inside:198.51.100.2/80 by access-group "x"',
        '<134>Mar  2 09:00:00 fw filterlog[5]: 5,,,1000000103,em0,match,block,in,4,0x0,,64,1,0,none,6,tcp,60,192.0.2.1,198.51.100.2,5,22,0,S,1,,1,,', 'Mar  2 09:00:00 h kernel: [1.2] [UFW BLOCK] IN=e OUT= MAC= SRC=192.0.2.1 DST=198.51.100.2 PROTO=TCP SPT=5 DPT=22',
        'Mar  2 09:00:00 h named[5]: client @0x7f 192.0.2.1#5 (a.example): query: a.example IN A +E(0) (10.0.0.1)', "Mar  2 09:00:00 h named[5]: client 192.0.2.1#5: query (cache) 'a.example/ANY/IN' denied",
        'Mar  2 09:00:00 h unbound: [5:0] info: 192.0.2.1 a.example. A IN', 'Mar  2 09:00:00 h dnsmasq[5]: query[A] a.example from 192.0.2.1', 'Mar  2 09:00:00 h dnsmasq[5]: reply a.example is 198.51.100.2',
        '<14>Mar  2 09:00:00 h sysmon: <Event><System><Provider Name="Linux-Sysmon"/><EventID>1</EventID><Channel>Linux-Sysmon/Operational</Channel></System><EventData><Data Name="Image">/bin/sh</Data></EventData></Event>',
        '<189>date=2026-03-02 time=09:00:00 devname="fw" logid="1" type="traffic" srcip=192.0.2.1 dstip=198.51.100.2', '<14>Mar  2 09:00:00 pa 1,2026/03/02 09:00:00,1,TRAFFIC,end,1,2026/03/02 09:00:00,192.0.2.1,198.51.100.2,0,0,r,u,,app,,,,,,,,,,5,80,,,,tcp,allow,1'],
    5: ['CEF:0|v|p|1|id|na\\|me|9|src=192.0.2.1 msg=a b c rt=Mar 02 2026 09:00:00', 'CEF:0|Fortinet|F|1|2|n|3|act=x request=http://a/?b start=1772409600000'],
    6: ['LEEF:2.0|v|p|1|id|^|a=b^c=d', 'LEEF:1.0|v|p|1|id|src=192.0.2.1\tdevTime=Mar 02 2026 09:00:00'], 7: ["a=1 b='x y' c=\"q\\\"r\"", 't=2026-03-02T00:00:00Z level=warn msg="a b" k=v'],
    8: ['#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tdns\n#fields\tts\tuid\tq\tn\tv\tb\n#types\ttime\tstring\tstring\tcount\tvector[string]\tbool\n\x1e1772409600.5\tC1\ta\\x09b\t5\tx,y\tT',
        '#fields\ta\n\x1e(empty)', '{"_path":"conn","ts":1.5}'],
    10: ['#Software: Microsoft Internet Information Services 10.0\n#Date: 2026-03-02 00:00:00\n#Fields: date time c-ip cs-method cs-uri-stem cs-uri-query cs(User-Agent) sc-status\n\x1e2026-03-02 00:00:01 192.0.2.1 GET /a b=c Mozilla/5.0+(x) 200',
         '#Fields: date-time,session-id,data\n\x1e2026-03-02T00:00:00Z,1,"a ""b"""', '#Date: 2026-03-02\n#Fields: time x\n\x1e00:00:01 -'],
    11: ['192.0.2.1 - u [02/Mar/2026:09:00:00 +0900] "GET /a?b=c HTTP/1.1" 200 5 "r" "agent"', 'v.example 192.0.2.1 - - [02/Mar/2026:09:00:00 +0900] "\\x16" 400 - "-" "-"', '192.0.2.1 - - [02/Mar/2026:09:00:00 ] v.example "GET / HTTP/1.1" 200 5'],
    12: ['time;host;"a ""b"""\x1e2026-03-02 09:00:00;h;"x;y"', 'EventID,Channel,Computer\x1e4688,Security,h', 'a\tb\x1e1\t2\t3'],
    13: ['__CURSOR=s=1\n__REALTIME_TIMESTAMP=1772409600000000\n_HOSTNAME=h\nSYSLOG_IDENTIFIER=sudo\nMESSAGE\n\x05\0\0\0\0\0\0\0a\nb\xff!\n_COMM=x\n'],
    14: ['/tmp/x: Eicar-Test FOUND', '2026-03-02 09:00:00 [t] WARN  o.a.g.r.auth.AuthenticationService - x'],
    15: ['<Event xmlns="x"><System><Provider Name="P" Guid="{1}"/><EventID Qualifiers="1">4688</EventID><TimeCreated SystemTime="2026-03-02T00:00:00.1Z"/><EventRecordID>7</EventRecordID><Channel>Security</Channel><Computer>h</Computer></System>'
         '<EventData><Data Name="New Process Name">a &amp; b&#x706b;</Data><Data>u</Data><Data/></EventData><RenderingInfo Culture="en"><Message>m</Message></RenderingInfo></Event>',
         "- <Event><System><Channel>System</Channel><EventID>104</EventID></System><!-- c --><UserData><X xmlns='y'><Y><![CDATA[z<]]></Y></X></UserData></Event>"],
}

JAPANESE = "火の見やぐらのテスト、ログイン失敗。ｶﾅ"
WHOLE = [  # whole files for the reader
    b"#separator \\x09\n#path\tx\n#fields\ta\tb\n#types\tstring\tcount\n1\t2\n3\t4\n#fields\tc\n5\n", b"#Fields: date time a\n2026-03-02 00:00:00 b\n", b'name,when\n"a\nb",2026-03-02\nc,d\n',
    b"__CURSOR=1\n__REALTIME_TIMESTAMP=1772409600000000\nMESSAGE=a\n\n__CURSOR=2\n__REALTIME_TIMESTAMP=1772409600000001\nMESSAGE\n\3\0\0\0\0\0\0\0b\nc\n\n",
    b"<?xml version='1.0'?><Events><Event><System><EventID>1</EventID></System></Event>\n<Event><System><EventID>2</EventID></System></Event></Events>",
    b'{"Records":[{"a":1},\n{"b":2}]}', b'[\n{"a":1},\n{"b":[{}]}\n]\n', b'{\n "a": 1\n}\n{\n "b": 2\n}\nbroken {\n{"c":3}',
    b"type=A msg=audit(1.1:1): x=1\ntype=B msg=audit(1.1:2): y=1\ntype=C msg=audit(1.1:1): z=1\n", ("﻿a,b,c\n1,2,3\n".encode("utf-16-le")), (("﻿" + JAPANESE + "\n").encode("utf-16-be")),
    ((JAPANESE + "\n").encode("cp932")), ((JAPANESE + "\n").encode("euc_jp")), ((JAPANESE + "\n").encode("iso2022_jp_ext")),
]

RULES = ['''title: t
id: 11111111-1111-4111-8111-111111111111
logsource: {product: windows, category: process_creation}
detection:
  sel: {Image|endswith: ['\\\\a.exe', '\\\\b.exe'], CommandLine|contains|all: [x, 'y*z'], N: null, EventID: 4688}
  flt: {F|re|i: 'a+b', G|cidr: 10.0.0.0/8, H|exists: true, I|gte: 5}
  kw: [evil, 5]
  enc: {J|utf16le|base64offset|contains: ping, K|windash: ' -a', L|fieldref: F, M|cased|startswith: A, T|hour: 3}
  condition: (sel or 1 of k*) and not all of fl* and enc
''', '''title: c
correlation: {type: event_count, rules: [r], group-by: [user], timespan: 5m, condition: {gte: 3, lt: 9}}
---
title: r
name: r
logsource: {product: linux}
detection: {a: {F: x}, condition: [a, not a]}
---
title: f
logsource: {product: linux}
filter: {rules: [r], s: {F: y}, condition: not s}
''']


def evtx_name(offset, name):
    """A name at its first use: where it lies, next, hash, length, UTF-16, NUL."""
    u = name.encode("utf-16-le")
    return (offset + 4).to_bytes(4, "little") + bytes(6) + len(name).to_bytes(2, "little") + u + bytes(2)


def evtx_record(at, elements):
    """A record without a template: nested (name, text or children)."""
    body = bytearray(b"\x0f\x01\x01\x00")
    base = at + 24

    def put(name, content):
        body.extend(b"\x01" + bytes(4))
        body.extend(evtx_name(base + len(body), name))
        body.append(2)
        if isinstance(content, str):
            body.extend(b"\x05\x01" + len(content).to_bytes(2, "little") + content.encode("utf-16-le"))
        else:
            for kid in content:
                put(*kid)
        body.append(4)

    put(*elements)
    body.append(0)
    size = 24 + len(body) + 4
    return b"\x2a\x2a\0\0" + size.to_bytes(4, "little") + (1).to_bytes(8, "little") + (132000000000000000).to_bytes(8, "little") + bytes(body) + size.to_bytes(4, "little")


EVENT = ("Event", [("System", [("EventID", "104"), ("Channel", "System")]), ("EventData", [("Data", "a=b")]), ("UserData", [("X", [("Y", "z")])])])


def write(target, items):
    folder = os.path.join(HERE, "seeds", target)
    os.makedirs(folder, exist_ok=True)
    for i, data in enumerate(items):
        with open(os.path.join(folder, f"{i:02}"), "wb") as f:
            f.write(data)


write("json", [s.encode() for s in JSON])
write("decode", [bytes([n]) + s.encode() for n, lines in LINES.items() for s in lines])

PIPELINES = ["""transformations:
- id: a
  type: field_name_mapping
  mapping: {F: [G, H], null: M}
- type: hashes_fields
  valid_hash_algos: [MD5]
- type: replace_string
  regex: '(x)(?P<n>y)?'
  replacement: '\\1$\\g<n>'
- type: extract_fields
  regex: '(?P<k>\\w+):(?P<v>.*)'
  preserve_unmatched: true
- type: value_placeholders
- type: add_condition
  template: true
  conditions: {E: ['$product', 1]}
- type: nest
  rule_cond_expr: a and not (b or c)
  rule_conditions:
    a: {type: is_sigma_rule}
    b: {type: contains_field, field: F}
    c: {type: rule_attribute, attribute: level, value: high, op: gte}
  items:
  - type: case
    method: snake_case
    detection_item_conditions:
    - {type: match_string, cond: any, pattern: '^x', negate: true}
    field_name_conditions:
    - {type: include_fields, fields: ['F.*'], mode: re}
vars: {p: [a, 'b*']}
"""]
write("sigma", [s.encode() for s in RULES] + [(PIPELINES[0] + "\n=====\n" + RULES[0]).encode(),
      b"title: x\nlogsource: {product: t}\ndetection: {s: &a {F|expand: 'x%p%y', 'F|re|expand': '%p%+', H|windash|contains|all: [' -a', ' /b'], '|all': [k, 4]}, t: {<<: *a, N|lt: 0x1F, T|hour: [1, 2]}, condition: [1 of s*, not all of them]}\n",
      b"title: c\nname: c\ncorrelation: {type: temporal_ordered, rules: [x, y], group-by: [u], aliases: {u: {x: F, y: G}}, timespan: 5m, condition: x and not y, generate: true}\n---\ntitle: f\nlogsource: {product: t}\nfilter: {rules: any, s: {A: 1}, condition: not s}\n"])
write("evtx", [evtx_record(512, EVENT), evtx_record(512, ("Event", [("System", [("EventID", "1")])]))])
write("query", [b'failed OR user:(a "b c") -src:10.0.0.0/8 bytes>=5 path:/x\\/y/ t:[1 TO *] cs("X") f:null g:* h:a*b | stats count, p90(x) as y by z | sort -y | head 5',
                b"_time:-24h a!=b | top 3 c, d | rename c as e | fields e | dedup e | tail 2 | where e>1", b"(((a", b"x:[1 TO", b"| stats"])

write("template", [b'<p class="{{ title }}">{{ at | time }} {{ n | count }}</p>\n{% for x in list %}\n{{ loop.number }}{{ x.n }}{% if not loop.last %}, {% end %}\n{% end %}',
                   b'{% if yes and not none or n == 5 %}{% say "\xe7\x81\xab" "fire" %}{% elif title != "x" %}{# no #}{% else %}{{ nosuch? | json }}{% end %}<a href="#l{{ n }}">x</a>',
                   b'{% include "a.html" with t = list %}', b"<style>{{ n }}</style>", b"{{ (((", b"<p {% if yes %}class='{% end %}"])


def varint(n):
    out = bytearray()
    while n >= 128:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def text(s):
    return varint(len(s)) + s


ROW = (bytes(32) + varint(7) + varint(1) + varint(0) + bytes([2, 1]) + text(b"site") + text(b"src") + text(b"host") + text(b'{"a":1}') + varint(1) + text(b"linux") + text(b"") + text(b"sshd")
       + varint(2) + bytes([1, 0]) + text(b"a") + text(b"x") + bytes([0, 2]) + text(b"n") + text(b""))
write("rows", [text(ROW), text(ROW) * 2])


# ---- the server's own doors and files ---------------------------------------------------------------------------------------------------------------


def read(*parts):
    """A file that ships is the best example of its format."""
    with open(os.path.join(HERE, "..", "..", *parts), "rb") as f:
        return f.read()


def shipped(*parts):
    folder = os.path.join(HERE, "..", "..", *parts)
    return [read(*parts, n) for n in sorted(os.listdir(folder)) if n.endswith((".yml", ".json"))] if os.path.isdir(folder) else []


def zstd_plain(data):
    """A zstd frame of one raw block (RFC 8878)."""
    return b"\x28\xb5\x2f\xfd\x20" + bytes([len(data)]) + (len(data) << 3 | 1).to_bytes(3, "little") + data


def packed_zip(files, packed):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as z:
        for name, data in files:
            z.writestr(zipfile.ZipInfo(name, (2026, 3, 2, 9, 0, 0)), data)
    return out.getvalue()


def packed_tar(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


SYSLOG = b"<38>Mar  2 09:00:00 h sshd[1]: Failed password for a from 192.0.2.1 port 5 ssh2"
JSON_LINE = b'{"EventID":1,"a":"b"}\n'
GZ = gzip.compress(JSON_LINE, mtime=0)
write("frame", [b"\x05%d %s%d %s" % (len(SYSLOG), SYSLOG, len(SYSLOG), SYSLOG), b"\x10" + SYSLOG + b"\n" + SYSLOG + b"\r\n\n", b"\x01" + SYSLOG + b"\0" + SYSLOG, b"\x0212 a line\n5 <1>ab\n",
                b"\x039999999 <1>x", b"\x0499999999999 <1>\n<2>y\n"])
write("inflate", [b"\0" + GZ, b"\0" + GZ + GZ, b"\0" + GZ[:-6], b"\1" + zlib.compress(JSON_LINE), b"\2" + zstd_plain(JSON_LINE), b"\2" + zstd_plain(JSON_LINE)[:-3], b"\3x"])
write("config", [b"listen: 127.0.0.1:8480\nsyslog: off\nmode: integrated\nseal_bytes: 64KiB\nretention: 30d\nrules: [a, b]\nduty:\n  soc: [sato, tanaka]\n  csirt: [suzuki]\n",
                 b"listn: x\nmode: other\nseal_bytes: many\nduty: 5\n", b"timezone: '-03:30'\norganisation: \"\xe7\x81\xab: #x\\n\"\ncritical_assets: [a, 'b c']\n", b"a: [b\n",
                 b"site: 2000000000000000000000000000007.0\n"])
write("book", shipped("content", "escalation") + [b"book: x\nversion: 1\nrows:\n- when: {priority: [P1]}\n  call: [{who: soc, by: [mail], ack_within: 15m}]\n", b"book: [x]\nrows: {a: b}\n"])
write("playbook", [read(*p) for p in [("content", "playbooks", n) for n in sorted(os.listdir(os.path.join(HERE, "..", "..", "content", "playbooks")))] if p[-1].endswith(".json")][:3]
      if os.path.isdir(os.path.join(HERE, "..", "..", "content", "playbooks")) else [b'{"type":"playbook"}'])
record = bytes([4]) + bytes(8) + varint(1) + varint(0) + text(SYSLOG) + text(b"") + text(b"src") + text(b"site") + text(b"host") + text(b"linux") + text(b"") + text(b"sshd")
footer = varint(0) + varint(1) + varint(2) + varint(9) + bytes(32) + varint(1) + varint(8) + varint(5) + varint(2) + bytes(24)
manifest = b"file 00000000000000000000.seg 0 1 2 9 120 5 6 " + b"ab" * 32 + b" " + b"cd" * 32 + b"\n"
write("kept", [b"\0" + bytes(40), b"\1" + varint(2) + record * 2, b"\1" + varint(3) + record, b"\2HSEG0001", b"\3" + footer, b"\4" + manifest, b"\5" + manifest, b"\5"])
write("note", [b"\1hinomi\n7\nAQ==\n\n\xe2\x80\x94 hinomi AAAA\n", b"\0hinomi+00000000+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"])
FILES = [("a/x.json", JSON_LINE), ("y.log", SYSLOG + b"\n"), ("z.gz", GZ)]
write("archive", [b"\x08" + data for data in WHOLE] + [b"\1" + packed_zip(FILES, True), b"\1" + packed_zip(FILES, False), b"\2" + gzip.compress(packed_tar(FILES), mtime=0), b"\x09" + packed_tar(FILES), b"\4" + GZ, b"\3" + zstd_plain(JSON_LINE),
                  b"\1" + packed_zip([("in.zip", packed_zip(FILES, True))], False), b"\6" + JSON_LINE, b"\7a,b\n1,2\n", b"\x08" + SYSLOG])


def request(method, role, path, query=b"", match=b"", key=b"", body=b""):
    return bytes([method, role]) + b"\n".join((path, query, match, key, body))


P = b"/api/v1/"
write("api", [request(0, 10, P + b"alerts", b"status=open&limit=5&cursor=1:01M8BRNXCE000G00000000005Y"), request(1, 10, P + b"users", body=b'{"name":"a","roles":["l1"]}'),
              request(1, 74, P + b"tokens", b"", b"", b"k1", b'{"roles":["sensor"],"site":"x"}'), request(2, 1, P + b"alerts/01M8BRNXCE000G00000000005Y", b"", b'"v1"', b"", b'{"status":"closed"}'),
              request(1, 11, P + b"events", b"source=a&product=windows", body=b'{"EventID":1102,"Channel":"Security"}\n[1]\n'), request(1, 11, P + b"events", body=b'[{"a":1},{"b":2}]'),
              request(1, 11, P + b"import", body=b'{"format":"json","raw":"{}","source":"s"}\n'), request(0, 0, P + b"search", b"q=a%3Db%20%7C%20stats%20count&from=-24h"),
              request(1, 0, P + b"search", body=b'{"q":"*","limit":3}'), request(1, 1, P + b"handoffs", body=b'{"alert_ids":["x"],"seen":"a","priority":"P1"}'), request(0, 10, P + b"openapi.json"),
              request(0, 9, P + b"ledger", b"from=0&limit=3"), request(0, 9, P + b"ledger/proof", b"seq=0"), request(4, 10, P + b"tokens/x"), request(0, 0, P + b"a%2fb/%zz"), request(0, 0, b"/metrics"),
              request(1, 3, P + b"incidents/x/evidence", b"name=a", body=b"octets"), request(0, 0, P + b"rulebook/print", b"lang=en"), request(1, 10, P + b"session", body=b'{"user":"a","password":"b"}')])
