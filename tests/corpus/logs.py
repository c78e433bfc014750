#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every log of the real inputs through scan: no line lost, times found and right, log sources right; prints a table by kind. As TAP; skipped by name without them.

logs.py BINARY
"""
import collections
import datetime
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
import zoneinfo

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "common"))
import tap

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LOGS = os.path.join(os.environ.get("HINOMI_SHARED", os.path.join(ROOT, "..", "shared")), "corpus", "logs")
EVERY = """title: every event
id: 11111111-2222-4333-8444-555555555555
level: low
logsource: {category: any}
detection: {selection: {no_such_field_at_all: null}, condition: selection}
"""

# What shows that a line carries a time, told without the program's help: a date beside a clock, in any usual order.
MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]*\.?"
CLOCK = r"\d{1,2}:\d\d(?::\d\d)?"
DATED = re.compile(rf"(?:\d{{4}}[-/.]\d\d[-/.]\d\d[T _:,|-]+{CLOCK}|\d{{1,2}}[-/ ]{MONTH}[-/ ]\d{{4}}[: ]{CLOCK}|\b{MONTH} +\d{{1,2}},?(?: \d{{4}})? {CLOCK}|\d\d[/.-]\d\d[/.-]\d{{2,4}}[ ,T-]+{CLOCK})", re.I)


def scan(*paths, event="full"):
    """All events, and the figures."""
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as rules:
        rules.write(EVERY)
        rules.flush()
        p = subprocess.run([sys.argv[1], "scan", "-r", rules.name, "--routing", "off", "-o", "jsonl", "--event", event, "--stats", "json", *paths], capture_output=True)
    assert p.returncode in (0, 3), p.stderr
    stats = json.loads(p.stderr.decode(errors="replace").splitlines()[-1])
    events = [json.loads(x) for x in p.stdout.splitlines()]
    assert len(events) == stats["events"] - stats["reasons"].get("damaged", 0), (len(events), stats)
    return events, stats


def by_file(events):
    files = collections.OrderedDict()
    for e in events:
        files.setdefault(e["source"]["path"], []).append(e)
    return files


def source(e):
    ls = e["logsource"]
    return "/".join(ls.get(k, "") for k in ("product", "category", "service"))


def own_time(e, path):
    """False when the event has the file's time for want of its own."""
    written = datetime.datetime.fromtimestamp(int(os.stat(path.split("!")[0]).st_mtime), datetime.timezone.utc)
    return abs((when(e) - written).total_seconds()) > 2


def when(e):
    return datetime.datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", e["time"]).replace("Z", "+00:00"))


def lines_of(path):
    data = open(path, "rb").read()
    data = gzip.decompress(data) if path.endswith(".gz") else data
    return [x for x in data.split(b"\n") if x.strip()]


def files_in(kind, *ends):
    top = os.path.join(LOGS, kind)
    return [os.path.join(top, x) for x in sorted(os.listdir(top)) if not ends or x.endswith(ends)]


ROWS = []


def row(kind, files, lines, events, timed, carry, fit, sources):
    ROWS.append((kind, files, lines, events, f"{timed}/{carry}", f"{100.0 * fit / max(1, events):.1f} %", sources))


def text_kind(kind, expect):
    """A kind whose records are lines: each is an event, and those that carry a time have it."""
    events, _ = scan(*files_in(kind))
    files, total, timed, carry, fit = by_file(events), 0, 0, 0, 0
    for path in files_in(kind):
        got, lines = files.get(path, []), lines_of(path)
        one_each = len(got) == len(lines)
        first = lines[0] if lines else b""
        merges = first.lstrip().startswith((b"<", b"#", b"type=", b"[\n", b"- <", b"\xff\xfe")) or b"\0" in first or path.endswith((".json", ".jsonl")) or any(x.startswith(b"type=") for x in lines)
        assert one_each or merges, f"{path}: {len(lines)} lines, {len(got)} events"
        total += len(lines)
        for e in got:
            text = e["event"].get("message") or json.dumps(e["event"])
            if DATED.search(text[:900]):
                carry += 1
                timed += own_time(e, path)
        fit += sum(1 for e in got if expect(path, e))
    row(kind, len(files), total, len(events), timed, carry, fit, len({source(e) for e in events}))
    assert timed >= 0.99 * carry, f"{kind}: {timed} of {carry} have their time"
    return events, fit


def services_are_read_whole():
    want = [("nginx", "webserver"), ("apache-", "webserver"), ("sshd", "linux//sshd"), ("ssh-", "linux//sshd"), ("bind9", "dns/bind"), ("pf-", "firewall"), ("pfsense-rfc5424-filterlog", "firewall"),
            ("iptables", "firewall"), ("auditd", "auditd"), ("laurel", "auditd"), ("aws-cloudtrail", "cloudtrail"), ("k8s-audit", "kubernetes/application/audit"), ("suricata", "suricata"),
            ("windows", "windows//security"), ("palo-alto", "firewall"), ("vsftpd", "vsftpd"), ("fortinet-vpn", "fortigate"), ("http-", "webserver"), ("CVE-2022", "webserver")]
    seen = collections.Counter()

    def expect(path, e):
        for start, part in want:
            if os.path.basename(path).startswith(start):
                seen[start, part in source(e)] += 1
                return part in source(e)
        return True

    text_kind("services", expect)
    for start, part in want:
        good, bad = seen[start, True], seen[start, False]
        assert good and good >= 4 * bad, f"services {start}: {good} events are {part}, {bad} are not"


def forensic_text_is_read_whole():
    text_kind("forensic-text", lambda path, e: True)


def authentication_logs_have_the_times_that_fail2ban_expects():
    text_kind("services-auth", lambda path, e: True)
    zone, right, wrong = zoneinfo.ZoneInfo("Europe/Zurich"), 0, []
    for path in files_in("services-auth"):
        events, _ = scan(path)
        raw = {}
        for e in events:
            raw.setdefault(e["source"]["record"], e)
        expect, ordinal = None, 0
        for line in open(path, errors="replace"):
            if not line.strip():
                continue
            ordinal += 1
            m = re.match(r"# failJSON: (\{.*\})", line)
            if line.startswith("#"):
                try:
                    expect = json.loads(m.group(1)) if m else expect
                except ValueError:
                    expect = None
                continue
            if not expect or not expect.get("time") or ordinal not in raw:
                expect = None
                continue
            want, got = datetime.datetime.fromisoformat(expect["time"]).replace(microsecond=0), when(raw[ordinal]).replace(microsecond=0)
            ways = [got.replace(tzinfo=None), got.astimezone(zone).replace(tzinfo=None)]
            # Its tests take 2005 for years that are left out.
            ok = any(w == want or (want.year in (2004, 2005) and w.replace(year=2004) == want.replace(year=2004)) for w in ways)
            right += ok
            if not ok:
                wrong.append((os.path.basename(path), expect["time"], raw[ordinal]["time"], line[:70].strip()))
            expect = None
    print(f"# fail2ban: {right} times right, {len(wrong)} not")
    for w in wrong:
        print("#   " + " | ".join(w))
    assert right >= 0.98 * (right + len(wrong)), wrong


def cloud_events_are_known():
    want = {"AWS.CloudTrail": "aws//cloudtrail", "AWS.GuardDuty": "aws//guardduty", "Amazon.EKS.Audit": "kubernetes/application/audit", "Okta.SystemLog": "okta//okta", "GCP.AuditLog": "gcp//gcp.audit",
            "GSuite.ActivityEvent": "gcp//google_workspace", "GitHub.Audit": "github//audit", "Azure.Audit": "azure//", "Azure.MonitorActivity": "azure//activitylogs", "OneLogin.Events": "onelogin//onelogin.events",
            "Microsoft365.Audit.AzureActiveDirectory": "m365//audit", "Microsoft365.Audit.Exchange": "m365//audit", "Microsoft365.Audit.SharePoint": "m365//audit", "Duo.Authentication": "cisco//duo",
            "Duo.Administrator": "cisco//duo", "Windows.EventLogs": "windows/"}
    events, fit = text_kind("cloud-json", lambda path, e: source(e) != "//")
    for path, got in by_file(events).items():
        kind = os.path.basename(path)[:-len(".ndjson")]
        if kind in want:
            good = sum(1 for e in got if want[kind] in source(e))
            assert good >= 0.6 * len(got), f"{kind}: {good} of {len(got)} are {want[kind]}: {collections.Counter(source(e) for e in got)}"


def cloudtrail_records_are_all_there():
    paths = files_in("cloudtrail")
    events, _ = scan(*paths)
    records = {p: json.load(open(p))["Records"] for p in paths}
    assert sum(map(len, records.values())) == len(events)
    for p, got in by_file(events).items():
        for e, r in zip(got, records[p]):
            assert e["event"]["eventName"] == r["eventName"] and e["time"] == r["eventTime"] and source(e) == "aws//cloudtrail", (p, e)
    row("cloudtrail", len(paths), len(events), len(events), len(events), len(events), len(events), 1)


def zeek_rows_have_their_times_and_names():
    for kind in "zeek-tsv", "zeek-json":
        total = 0
        for path in files_in(kind):
            lines = [x for x in lines_of(path) if not x.startswith(b"#")]
            events, _ = scan(path, event="none")
            name = os.path.basename(path).split(".")[0]
            assert len(events) == len(lines), f"{path}: {len(lines)} rows, {len(events)} events"
            assert {source(e) for e in events} == {f"zeek//{name}"}, path
            for e, line in list(zip(events, lines))[:2000]:
                o = json.loads(line) if kind == "zeek-json" else None
                ts = o.get("ts", o.get("_write_ts")) if o else float(line.split(b"\t")[0])
                want = datetime.datetime.fromisoformat(ts.replace("Z", "+00:00")).timestamp() if isinstance(ts, str) else ts
                assert abs(when(e).timestamp() - want) < 0.001, (path, e["time"], ts)
            total += len(events)
        row(kind, len(files_in(kind)), total, total, total, total, total, len(files_in(kind)))


def audit_records_are_merged_by_serial():
    paths = [p for p in files_in("auditd", ".log", ".txt") if not p.endswith(".golden")]
    events, stats = scan(*paths)
    head = re.compile(rb"^(?:node=\S+ )?type=\S+ +(?:msg=)?audit\((\d+\.\d+):(\d+)\)")
    lines = timed = fit = 0
    for p, got in by_file(events).items():
        want = collections.OrderedDict()
        for x in lines_of(p):
            m = head.match(x)
            if m:
                want.setdefault((m.group(1), m.group(2)), []).append(x)
        types = sum(len(e["event"]["type"]) if isinstance(e["event"]["type"], list) else 1 for e in got if "auditd" in source(e) and "type" in e["event"])
        assert types == sum(map(len, want.values())), f"{p}: {sum(map(len, want.values()))} records, {types} in events"
        merged = [e for e in got if "auditd" in source(e)]
        assert len(merged) == len(want), f"{p}: {len(want)} serials, {len(merged)} events"
        for e, (stamp, serial) in zip(merged, want):
            assert e["event"]["serial"] == serial.decode() and abs(when(e).timestamp() - float(stamp)) < 0.001, (p, e)
            timed += 1
        lines += types
        fit += len(merged)
    row("auditd", len(paths), lines, len(events), timed, timed, fit, 2)
    for p in files_in("auditd", ".log.golden"):
        log = p[:-len(".golden")]
        if not os.path.exists(log):
            continue
        got = {e["event"].get("serial"): e for e in scan(log)[0]}
        for g in filter(None, json.load(open(p))):
            e = got.get(str(g.get("sequence")))
            for key in "exe", "comm", "cmd", "cwd", "pid", "ppid":
                want = g.get("data", {}).get(key)
                if e and want and want not in ("unset", "(null)") and g["record_type"] in ("syscall", "user_cmd"):
                    have = e["event"].get(key)
                    assert have == want or (isinstance(have, list) and want in have), (log, g["sequence"], key, want, have)


def main():
    tests = [cloudtrail_records_are_all_there, zeek_rows_have_their_times_and_names, audit_records_are_merged_by_serial, cloud_events_are_known, services_are_read_whole, forensic_text_is_read_whole,
             authentication_logs_have_the_times_that_fail2ban_expects]
    status = tap.run(tests, skip="" if os.path.isdir(LOGS) else "no real inputs")
    print("# kind            files   lines  events  own times       source known  sources")
    for kind, files, lines, events, times, fit, sources in ROWS:
        print(f"# {kind:14} {files:6} {lines:7} {events:7}  {times:14} {fit:>8}     {sources:6}")
    sys.exit(status)


main()
