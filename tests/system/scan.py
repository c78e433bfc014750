#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scan as the tool on a USB stick: the same bytes for any number of threads and any way in, bounded memory, options, figures, exit statuses. As TAP.

scan.py BINARY
"""
import bz2
import gzip
import io
import json
import lzma
import os
import random
import select
import signal
import subprocess
import sys
import tarfile
import threading
import zipfile

from lib import BINARY, main, run

# Fires on every event: a field that nothing has is null.
EVERY = """title: every event
id: 11111111-2222-4333-8444-555555555555
status: test
level: low
tags: [attack.t1059.001]
logsource: {category: any}
detection: {selection: {no_such_field_at_all: null}, condition: selection}
---
title: seven
id: 21111111-2222-4333-8444-555555555555
status: stable
level: high
logsource: {product: linux, service: sshd}
detection: {selection: {message|contains: ' 77'}, condition: selection}
---
title: burst
id: 31111111-2222-4333-8444-555555555555
level: critical
correlation: {type: event_count, rules: [21111111-2222-4333-8444-555555555555], group-by: [host_of_it], timespan: 1h, condition: {gte: 3}}
"""


def make(n=24000):
    """Inputs of each format, all of several blocks, with lines that break their grammar among them."""
    r = random.Random(7)
    word = lambda: "".join(r.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(r.randrange(3, 12)))
    t = lambda i: 1772409600 + i
    stamp = lambda i: f"2026-03-02T{i // 3600 % 24:02}:{i // 60 % 60:02}:{i % 60:02}Z"
    sysl = lambda i: f"Mar  2 {i // 3600 % 24:02}:{i // 60 % 60:02}:{i % 60:02}"
    lines = {}
    lines["a.log"] = [f"{sysl(i)} web{i % 5} sshd[{i}]: Failed password for {word()} from 192.0.2.{i % 250} port {i} ssh2" if i % 97 else f"2026-03-02 00:00:{i % 60:02} odd {word()}" for i in range(n)]
    lines["a.json"] = [json.dumps({"time": stamp(i), "host": f"h{i % 5}", "n": i, "text": word() + " \\ \" 火", "deep": {"a": [1, {"b": word()}]}}) if i % 91 else '{"broken": "2026-03-02 00:00:00 ' for i in range(n)]
    lines["pretty.json"] = [json.dumps([{"time": stamp(i), "n": i, "text": word()} for i in range(n)], indent=1)]
    lines["audit.log"] = [x for i in range(n // 2) for x in (f'type=SYSCALL msg=audit({t(i)}.5:{i}): syscall=59 pid={i} exe="/bin/{word()}"', f'type=EXECVE msg=audit({t(i ^ 1)}.5:{i ^ 1}): argc=1 a0="{word()}"')]
    lines["zeek.log"] = ["#separator \\x09", "#set_separator\t,", "#empty_field\t(empty)", "#unset_field\t-", "#path\tdns", "#fields\tts\tuid\tquery\tanswers", "#types\ttime\tstring\tstring\tvector[string]"]
    lines["zeek.log"] += [x for i in range(n) for x in ([f"{t(i)}.25\tC{i}\t{word()}\t{word()},{word()}"] if i != n // 2 else ["#path\tssl", "#fields\tts\tuid\tversion", "#types\ttime\tstring\tstring"]) if i < n // 2 or x[0] == "#"]
    lines["zeek.log"] += [f"{t(i)}.25\tC{i}\tTLSv1.{i % 4}" for i in range(n // 2, n)]
    lines["iis.log"] = ["#Software: Microsoft Internet Information Services 10.0", "#Date: 2026-03-02 00:00:00", "#Fields: date time c-ip cs-method cs-uri-stem cs-uri-query sc-status"]
    lines["iis.log"] += [f"2026-03-02 {i // 3600 % 24:02}:{i // 60 % 60:02}:{i % 60:02} 192.0.2.{i % 250} GET /{word()} {word()}={word()} 200" for i in range(n)]
    lines["a.csv"] = ["time,host,note"] + [f'{stamp(i)},h{i % 5},"{word()}, ""{word()}""' + ("\n" if i % 3 else "") + f'{word()}"' for i in range(n)]
    lines["access.log"] = [f'192.0.2.{i % 250} - - [02/Mar/2026:{i // 3600 % 24:02}:{i // 60 % 60:02}:{i % 60:02} +0000] "GET /{word()}?{word()}={i} HTTP/1.1" 200 {i} "-" "agent"' for i in range(n)]
    lines["kv.log"] = [f'time="{stamp(i)}" level=info msg="{word()} {word()}" n={i}' for i in range(n)]
    lines["cef.log"] = [f"CEF:0|V|P|1|{i}|{word()}|5|src=192.0.2.{i % 250} msg={word()} {word()} rt={t(i)}000" for i in range(n)]
    lines["events.xml"] = [f"<Event><System><EventID>4625</EventID><TimeCreated SystemTime='{stamp(i)}'/><Channel>Security</Channel><Computer>pc{i % 5}</Computer></System>\n<EventData>"
                           f"<Data Name='TargetUserName'>{word()}</Data></EventData></Event>" for i in range(n // 2)]
    made = {name: "\n".join(x).encode() + b"\n" for name, x in lines.items()}
    made["journal"] = b"".join(b"__CURSOR=%d\n__REALTIME_TIMESTAMP=%d000000\n_HOSTNAME=h\nSYSLOG_IDENTIFIER=app\nMESSAGE\n%s%s\n\n" % (i, t(i), len(m).to_bytes(8, "little"), m)
                               for i in range(n) for m in [(word() + "\n" + word()).encode()])
    made["utf16.csv"] = b"\xff\xfe" + lines["a.csv"][0].encode("utf-16-le") + "".join("\n" + x for x in lines["a.csv"][1:]).encode("utf-16-le")
    made["cp932.log"] = "\n".join(f"2026-03-02 {i // 3600 % 24:02}:{i // 60 % 60:02}:{i % 60:02} ログイン失敗 ユーザー{word()} 番号{i}" for i in range(n)).encode("cp932")
    return made


def scan(s, *args, stdin=None):
    p = run("scan", "-r", s.rules, "--routing", "off", "-o", "jsonl", "--event", "full", "--stats", "json", *args, stdin=stdin)
    return p, json.loads(p.stderr.decode(errors="replace").splitlines()[-1])


def same_bytes(got, path, want, of, what):
    """Equal but for source.path."""
    got, want = (x.replace(b'"path":' + json.dumps(p).encode(), b'"path":"PATH"') for x, p in ((got, path), (want, of)))
    assert got == want, what


def start(s):
    s.rules = os.path.join(s.tmp, "rules.yml")
    if not os.path.exists(s.rules):
        with open(s.rules, "w") as f:
            f.write(EVERY)
        s.made = make()
        for name, data in s.made.items():
            with open(os.path.join(s.tmp, name), "wb") as f:
                f.write(data)



def the_same_bytes_for_any_number_of_threads(s):
    start(s)
    paths = [os.path.join(s.tmp, name) for name in sorted(s.made)]
    want, stats = scan(s, "-j", 1, *paths)
    assert stats["files"] == {"read": len(paths), "failed": 0}, stats
    assert stats["events"] > 300000 and stats["matches"] > stats["events"] - 10 and stats["correlations"] > 0, stats
    for jobs in 2, 3, 8:
        p, other = scan(s, "-j", jobs, *paths)
        assert p.stdout == want.stdout, f"-j {jobs}"
        for key in "sources", "formats", "file_formats", "reasons", "own_time", "events", "undecodable", "bytes":
            assert other[key] == stats[key], (key, other[key], stats[key])
    assert stats["file_formats"] == {"json": 2, "auditd": 1, "syslog": 1, "cef": 1, "kv": 1, "zeek": 1, "w3c": 1, "combined": 1, "csv": 2, "journal": 1, "text": 1, "xml": 1}, stats["file_formats"]


def the_fault_that_comes_first_is_named(s):
    """Whole records up to the end of the first block, damaged ones through the next: whichever thread is done first, the first in the file is named."""
    start(s)
    folder = os.path.join(s.tmp, "damaged")
    os.makedirs(folder, exist_ok=True)
    whole = b'{"a":"' + b"x" * 200 + b'"}\n'
    for i in range(8):
        before = whole * (4600 + i * 40)
        with open(os.path.join(folder, f"{i}.json"), "wb") as f:
            f.write(before + b'{"a":\n' + (b'{"b"\n' + whole) * 9000)
    said = {j: run("scan", "-r", s.rules, "-o", "none", "--stats", "none", "-j", j, folder).stderr for j in ("1", "2", "8")}
    lines = said["1"].decode().splitlines()
    assert len(lines) == 8, said["1"][:3000]
    for i, line in enumerate(lines):
        assert line.endswith(f"at byte {len(whole) * (4600 + i * 40)}"), line
    for j in ("2", "8"):
        assert said[j] == said["1"], f"-j {j}: {said[j][:2000]}"


def a_record_keeps_its_own_number(s):
    """Lines that say their number keep it, whatever came before them in the file; others are counted."""
    start(s)
    path = os.path.join(s.tmp, "own.json")
    with open(path, "w") as f:
        for i in range(9000):
            own = f',"EventRecordID":{i + 5}' if i % 2 else ""
            f.write(f'{{"Channel":"Security","EventID":4625,"Computer":"pc","n":{i}{own},"fill":"{"x" * 300}"}}\n')
    for jobs in 1, 3:
        p, _ = scan(s, "-j", jobs, path)
        for line in p.stdout.splitlines():
            match = json.loads(line)
            n = int(match["event"]["n"])
            assert match["source"]["record"] == (n + 5 if n % 2 else n + 1), line[:300]


def the_same_bytes_by_any_way_in(s):
    start(s)
    for name, data in s.made.items():
        path = os.path.join(s.tmp, name)
        want, stats = scan(s, path)
        tarred, zipped = io.BytesIO(), io.BytesIO()
        with tarfile.open(fileobj=tarred, mode="w") as t:
            info = tarfile.TarInfo("d/" + name)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
        with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as z:
            z.writestr(name, data)
        ways = [("gz", gzip.compress(data, 1), ""), ("tar", tarred.getvalue(), "!d/" + name), ("tar.gz", gzip.compress(tarred.getvalue(), 1), "!d/" + name), ("zip", zipped.getvalue(), "!" + name)]
        if name in ("a.log", "a.csv"):
            ways += [("bz2", bz2.compress(data, 1), ""), ("xz", lzma.compress(data, preset=0), "")]
        # A stream that gives out its bytes in odd pieces must not change where records are cut.
        feed = subprocess.Popen([BINARY, "scan", "-r", s.rules, "--routing", "off", "-o", "jsonl", "--event", "full", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

        def push():
            r, at = random.Random(5), 0
            while at < len(data):
                n = r.choice([1, 777, 40000, 300001])
                feed.stdin.write(data[at:at + n])
                feed.stdin.flush()
                at += n
            feed.stdin.close()

        thread = threading.Thread(target=push)
        thread.start()
        got = feed.stdout.read()
        thread.join()
        feed.wait()
        same_bytes(got, "-", want.stdout, path, f"{name} by stdin")
        for kind, packed, inside in ways:
            where = f"{path}.{kind}"
            with open(where, "wb") as f:
                f.write(packed)
            p, other = scan(s, where)
            same_bytes(p.stdout, where + inside, want.stdout, path, f"{name} as {kind}")
            assert other["bytes"] == stats["bytes"] and other["files"] == {"read": 1, "failed": 0}, (name, kind, other)
            os.remove(where)


def memory_does_not_grow_with_the_input(s):
    start(s)

    def rss(write):
        p = subprocess.Popen([BINARY, "scan", "-r", s.rules, "-o", "none", "--stats", "json", "-j", "2", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        write(p.stdin)
        p.stdin.close()
        stats = json.loads(p.stderr.read().decode().splitlines()[-1])
        p.wait()
        return stats

    block = s.made["a.log"]
    small = rss(lambda f: f.write(block))
    large = rss(lambda f: [f.write(block) for _ in range(100)])
    assert large["bytes"] == 100 * small["bytes"], large
    assert large["max_rss_bytes"] < small["max_rss_bytes"] + (48 << 20), (small["max_rss_bytes"], large["max_rss_bytes"])
    # A line of 300 MB is refused, its neighbours are not.
    line = rss(lambda f: (f.write(b"first\n"), [f.write(b"x" * (1 << 20)) for _ in range(300)], f.write(b"\nlast\n")))
    assert line["events"] == 3 and line["undecodable"] == 1 and line["reasons"]["too_long"] == 1, line
    assert line["max_rss_bytes"] < small["max_rss_bytes"] + (64 << 20), line


def figures_and_exit_statuses(s):
    start(s)
    log = os.path.join(s.tmp, "a.log")
    p, stats = scan(s, log, os.path.join(s.tmp, "nowhere.log"))
    assert p.returncode == 3 and b"nowhere.log" in p.stderr and stats["files"] == {"read": 1, "failed": 1}, p.stderr
    assert stats["rules"] == {"loaded": 3, "refused": 0} and stats["events"] == 24000 and stats["sources"]["linux//sshd"] == 23752, stats
    assert "rule_counts" not in stats, stats
    want, unseen = run("scan", "-r", s.rules, "-o", "jsonl", "-j", "1", log), "11111111-2222-4333-8444-555555555555"
    p = run("scan", "-r", s.rules, "-o", "jsonl", "-j", "1", "--stats", "rules", log)
    counts = {c["rule_id"]: c for c in json.loads(p.stderr.splitlines()[-1])["rule_counts"]}
    assert p.stdout == want.stdout and unseen not in counts, counts
    seven = counts["21111111-2222-4333-8444-555555555555"]
    assert seven["evaluated"] >= seven["hits"] > 64 and seven["timed"] == 6 + seven["evaluated"] // 64 and "seconds" in seven, seven
    assert run("scan", "-r", s.rules, "--routing", "off", "-o", "none", "--fail-on", "high", log).returncode == 1
    assert run("scan", "-r", s.rules, "--routing", "off", "-o", "none", "--fail-on", "low", "--min-level", "high", os.path.join(s.tmp, "kv.log")).returncode == 0
    for bad in (["-o", "nonsense"], ["--from", "gestern"], ["-f", "nonsense"], ["-j", "0"], ["--min-level", "x"], ["-s", "x"], ["--nonsense"], ["--zone", "x"], ["--sources", "/nowhere.yml"]):
        p = run("scan", "-r", s.rules, *bad, log)
        assert p.returncode == 2 and p.stderr, (bad, p.returncode, p.stderr)
    assert run("scan", "-r", s.rules).returncode == 2
    broken = os.path.join(s.tmp, "broken.yml")
    with open(broken, "w") as f:
        f.write("title: x\ndetection: [")
    assert run("scan", "-r", broken, log).returncode == 2
    assert run("scan", "-r", broken, "-r", s.rules, "-o", "none", "--routing", "off", log).returncode == 0


def options_choose(s):
    start(s)
    log = os.path.join(s.tmp, "a.json")
    p, _ = scan(s, "--from", "2026-03-02T00:10:00Z", "--to", "2026-03-02T00:11:00Z", log)
    times = [json.loads(x)["time"] for x in p.stdout.splitlines()]
    assert len(times) >= 55 and min(times) >= "2026-03-02T00:10:00Z" and max(times) < "2026-03-02T00:11:00Z", times[:3]
    p, _ = scan(s, "-s", "product=linux,service=sshd", log)
    assert json.loads(p.stdout.splitlines()[1])["logsource"] == {"product": "linux", "service": "sshd"}
    p, stats = scan(s, "--status", "stable", os.path.join(s.tmp, "a.log"))
    assert stats["rules"]["loaded"] < 3 and stats["matches"] < 24000, stats
    chain = os.path.join(s.tmp, "chain.yml")
    with open(chain, "w") as f:
        f.write("title: l\nname: l\nlevel: low\nlogsource: {product: linux}\ndetection: {s: {program: sshd}, condition: s}\n---\n"
                "title: many\nlevel: high\ncorrelation: {type: event_count, rules: [l], timespan: 1h, condition: {gte: 3}, generate: true}\n")
    for more, kinds in ([], {"correlation"}), (["--no-correlate"], set()):
        p = run("scan", "-r", chain, "--routing", "off", "-o", "jsonl", "--min-level", "high", *more, os.path.join(s.tmp, "a.log"))
        assert p.returncode == 0 and {json.loads(x)["kind"] for x in p.stdout.splitlines()} == kinds, (more, p.returncode, p.stderr)
    p, stats = scan(s, "--no-correlate", os.path.join(s.tmp, "a.log"))
    assert stats["correlations"] == 0, stats
    p = run("scan", "-r", s.rules, "--routing", "off", "-o", "json", "--event", "none", os.path.join(s.tmp, "a.log"))
    all_of_it = json.loads(p.stdout)
    assert any(x["kind"] == "correlation" for x in all_of_it) and "event" not in all_of_it[0], all_of_it[0]
    p = run("scan", "-r", s.rules, "--routing", "off", "-o", "csv", os.path.join(s.tmp, "a.log"))
    rows = p.stdout.decode().split("\r\n")
    assert rows[0] == "time,level,rule,rule_id,host,path,record,details" and rows[1].startswith('"2026-03-02') or '"low"' in rows[1], rows[:2]
    p = run("scan", "-r", s.rules, "--routing", "off", "-o", "timesketch", os.path.join(s.tmp, "kv.log"))
    first = json.loads(p.stdout.splitlines()[0])
    assert {"message", "datetime", "timestamp_desc"} <= set(first) and first["datetime"].startswith("2026-03-02T"), first
    forced, _ = scan(s, "-f", "syslog", os.path.join(s.tmp, "a.log"))
    assert json.loads(forced.stdout.splitlines()[1])["event"]["program"] == "sshd"


def a_value_goes_out_whole(s):
    """One with a NUL in it, which a correlation groups by, and a long one."""
    start(s)
    log, rules = os.path.join(s.tmp, "whole.json"), os.path.join(s.tmp, "whole.yml")
    values = "before\0after", "x" * (3 << 20)
    with open(log, "w") as f:
        f.writelines(json.dumps({"time": "2026-03-02T00:00:00Z", "host": "\0h", "text": value, "n": n}) + "\n" for n, value in enumerate(values))
    with open(rules, "w") as f:
        f.write("title: w\nname: w\nlogsource: {product: any}\ndetection: {s: {text|re: '.', n|lt: 2}, condition: s}\n---\n"
                "title: nul\nname: nul\nlogsource: {product: any}\ndetection: {s: {n: 0}, condition: s}\n---\n"
                "title: c\ncorrelation: {type: event_count, rules: [nul], group-by: [text, n], timespan: 1h, condition: {gte: 1}}\n")
    nul, long = (f"text={value} ¦ n={n}" for n, value in enumerate(values))
    p = run("scan", "-r", rules, "--routing", "off", "-o", "csv", log)
    rows = p.stdout.decode().split("\r\n")[1:-1]
    assert sorted(x.split(",")[-1].strip('"') for x in rows) == [nul, nul, long], [len(x) for x in rows]
    assert {x.split(",")[4] for x in rows} == {'"\0h"', '""'}, [x[:200] for x in rows]  # a NUL begins no formula
    p = run("scan", "-r", rules, "--routing", "off", "-o", "timesketch", log)
    rows = [json.loads(x) for x in p.stdout.splitlines()]
    assert sorted(x.get("group") or x["message"].split(": ", 1)[1] for x in rows) == [nul, nul, long], [len(x["message"]) for x in rows]
    p = run("scan", "-r", rules, "--routing", "off", "-o", "jsonl", "--no-correlate", log)
    rows = [json.loads(x) for x in p.stdout.splitlines() if b'"rule_title":"w"' in x]
    assert [" ¦ ".join(f"{x['field']}={x['value']}" for x in row["matched"]) for row in rows] == [nul, long], [len(str(x)) for x in rows]
    assert [x["event"] for x in rows] == [{"text": value, "n": n} for n, value in enumerate(values)], [len(str(x)) for x in rows]


def the_mapping_names_what_content_does_not_tell(s):
    start(s)
    log, mapping = os.path.join(s.tmp, "java.log"), os.path.join(s.tmp, "map.yml")
    with open(log, "w") as f:
        f.write("Mar  2 09:00:00 h java[5]: Exception in thread\nMar  2 09:00:00 h cron[6]: x\n")
    _, stats = scan(s, log)  # the shipped one
    assert stats["sources"] == {"jvm/application/": 1, "linux//cron": 1}, stats
    with open(mapping, "w") as f:
        f.write("sources:\n  - {source: 'java.*', product: shop, category: application, zone: '+09:00'}\n")
    p, stats = scan(s, "--sources", mapping, log)
    assert stats["sources"] == {"shop/application/": 2} and json.loads(p.stdout.splitlines()[0])["time"].endswith("-03-02T00:00:00Z"), (stats, p.stdout)
    with open(mapping, "a") as f:
        f.write("  - {source: x, formt: csv}\n")
    p = run("scan", "-r", s.rules, "--sources", mapping, log)
    assert p.returncode == 2 and b"map.yml:3:17: error" in p.stderr and b"format" in p.stderr, p.stderr


def the_table_fits_the_terminal(s):
    start(s)
    log = os.path.join(s.tmp, "a.log")
    p = run("scan", "-r", s.rules, "--routing", "off", "-o", "table", log)
    text = p.stdout.decode()
    assert text.index("critical") < text.index("low") and "T1059.001" in text and "web1" in text, text
    assert all(len(x) <= 100 for x in text.splitlines()), text
    p = run("scan", "-r", s.rules, "--routing", "off", log, lang="ja_JP.UTF-8")
    assert "重大" in p.stdout.decode() and "イベント" in p.stderr.decode(), p.stderr


def a_stream_that_pauses_is_answered(s):
    """What came before a pause comes out while the stream is open; in the end all bytes are those of the file."""
    start(s)
    for name, jobs in (("a.log", "1"), ("a.log", "3"), ("kv.log", "3")):
        want = run("scan", "-r", s.rules, "--routing", "off", "-o", "csv", "-j", jobs, "--no-correlate", "-", stdin=s.made[name]).stdout
        p = subprocess.Popen([BINARY, "scan", "-r", s.rules, "--routing", "off", "-o", "csv", "-j", jobs, "--no-correlate", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        lines = s.made[name].splitlines(keepends=True)
        got = p.stdout.readline()
        for k in range(3):
            p.stdin.write(lines[k] + lines[k + 1][:20 * (k % 2)])
            p.stdin.flush()
            assert select.select([p.stdout], [], [], 60)[0], (name, jobs, k, "nothing came")
            got += os.read(p.stdout.fileno(), 1 << 20)
            lines[k + 1] = lines[k + 1][20 * (k % 2):]
        out = []
        reader = threading.Thread(target=lambda: out.append(p.stdout.read()))
        reader.start()
        p.stdin.write(b"".join(lines[3:]))
        p.stdin.close()
        reader.join()
        assert p.wait(timeout=60) == 0 and got + out[0] == want, (name, jobs, len(got), len(out[0]), len(want))


def an_interrupt_completes_what_was_read(s):
    start(s)
    p = subprocess.Popen([BINARY, "scan", "-r", s.rules, "--routing", "off", "-o", "json", "--stats", "json", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def push():
        try:
            while True:
                p.stdin.write(s.made["a.log"])
        except (BrokenPipeError, ValueError):
            pass

    threading.Thread(target=push, daemon=True).start()
    head = p.stdout.read(1000)  # it has begun; the stream stays open
    p.send_signal(signal.SIGINT)
    out, err = head + p.stdout.read(), p.stderr.read()
    p.wait(timeout=60)
    assert out.rstrip().endswith(b"]"), out[-100:]
    stats = json.loads(err.decode().splitlines()[-1])
    assert stats["interrupted"] is True and stats["events"] > 0, stats
    # A reader that goes away ends it, too.
    p = subprocess.Popen([BINARY, "scan", "-r", s.rules, "--routing", "off", "-o", "jsonl", os.path.join(s.tmp, "a.log")], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdout.read(100)
    p.stdout.close()
    assert p.wait(timeout=60) in (0, 1), p.returncode
    p.stderr.close()


if __name__ == "__main__":
    main([the_same_bytes_for_any_number_of_threads, the_fault_that_comes_first_is_named, a_record_keeps_its_own_number, the_same_bytes_by_any_way_in, memory_does_not_grow_with_the_input, figures_and_exit_statuses, options_choose,
          a_value_goes_out_whole, the_mapping_names_what_content_does_not_tell, the_table_fits_the_terminal, a_stream_that_pauses_is_answered, an_interrupt_completes_what_was_read])
