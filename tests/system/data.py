#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The real program on a data directory without a server: import, search, verify; killed at random moments. As TAP.

data.py BINARY
"""
import json
import os
import random
import signal
import subprocess
import sys
import time

from lib import Server, main, run, until, verify

LINES = 20000


def write_log(path, first, n):
    """Made syslog lines, each with its number."""
    with open(path, "w") as f:
        for i in range(first, first + n):
            f.write(f"Mar  2 09:{i // 60 % 60:02}:{i % 60:02} web{i % 3} app[{i}]: request number={i} user=u{i % 7} took={i % 100}ms\n")


def count(data, query="*"):
    p = run("search", f"{query} | stats count", data=data)
    assert p.returncode == 0, p.stderr
    return json.loads(p.stdout)["count"]


def import_search_verify(s):
    tmp = s.tmp
    data, log = os.path.join(tmp, "data"), os.path.join(tmp, "app.log")
    write_log(log, 0, LINES)
    p = run("import", "--site", "tokyo", log, data=data)
    assert p.returncode == 0 and f"{LINES} events imported" in p.stderr.decode(), p.stderr
    assert count(data) == LINES
    assert count(data, "_host=web1") == len([i for i in range(LINES) if i % 3 == 1])
    assert count(data, '"number=777"') == 1
    assert count(data, "_site=tokyo NOT program=app") == 0
    rows = [json.loads(x) for x in run("search", "-n", "3", "program:app", data=data).stdout.splitlines()]
    assert len(rows) == 3 and rows[0]["_time"] >= rows[1]["_time"] >= rows[2]["_time"], rows
    status, text = verify(data)
    assert status == 0 and "verified: 0 faults" in text, text
    p = run("search", "user=(", data=data)
    assert p.returncode == 2 and b"1:7: error" in p.stderr, p.stderr


def an_old_file_keeps_its_year(s):
    """Without a year and without a time: as scan reads it, against the time the file was written; received is now."""
    data, log, rule = (os.path.join(s.tmp, x) for x in ("old", "old.log", "old.yml"))
    with open(log, "w") as f:
        f.write("Mar  2 09:00:00 web1 app: first\nno time at all\n")
    with open(rule, "w") as f:
        f.write("title: all\nlogsource: {product: x}\ndetection: {s: {message|re: .}, condition: s}\n")
    os.utime(log, (1555555555, 1555555555))
    scanned = [json.loads(x)["time"] for x in run("scan", "-r", rule, "--routing", "off", "-o", "jsonl", log).stdout.splitlines()]
    assert scanned == ["2019-03-02T09:00:00Z", "2019-04-18T02:45:55Z"], scanned
    assert run("import", log, data=data).returncode == 0
    rows = [json.loads(x) for x in run("search", "*", data=data).stdout.splitlines()]
    assert sorted(x["_time"] for x in rows) == scanned, rows
    assert count(data, "_received>2020-01-01") == 2
    data += "-served"
    server = Server(data)
    try:
        assert run("import", log, data=data).returncode == 0
        until(lambda: count(data) == 2)
        rows = [json.loads(x) for x in run("search", "*", data=data).stdout.splitlines()]
        assert sorted(x["_time"] for x in rows) == scanned, rows
    finally:
        server.stop()


def killed_at_random_moments(s):
    """After a kill the directory verifies, holds whole imports or a prefix of the last one, and nothing twice."""
    tmp = s.tmp
    data = os.path.join(tmp, "killed")
    rng = random.Random(7)
    for round_ in range(12):
        log = os.path.join(tmp, f"k{round_}.log")
        write_log(log, round_ * LINES, LINES)
        p = subprocess.Popen([sys.argv[1], "import", "--data", data, log], stderr=subprocess.DEVNULL)
        time.sleep(rng.random() * 0.12)
        p.send_signal(signal.SIGKILL)
        p.wait()
    log = os.path.join(tmp, "end.log")
    write_log(log, 10**7, 10)
    assert run("import", log, data=data).returncode == 0
    status, text = verify(data)
    assert status == 0, text
    assert count(data, "_source:end.log") == 10
    for round_ in range(12):
        p = run("search", f"_source:k{round_}.log | stats count, dc(pid)", data=data)
        row = json.loads(p.stdout)
        assert row["count"] == row["dc(pid)"] <= LINES, row


if __name__ == "__main__":
    main([import_search_verify, an_old_file_keeps_its_year, killed_at_random_moments])
