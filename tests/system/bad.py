#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad input through every door: a clear answer with its place, a counter where it is a stream, and nothing else lost. As TAP.

bad.py BINARY
"""
import gzip
import json
import os
import random
import resource
import socket
import threading
import time

from lib import Client, Server, main, run, shared, until

NOBODY = "01M8BRNXCE000G00000000005Y"
MAX_BODY = 1 << 20


def starts(s):
    s.data = os.path.join(s.tmp, "data")
    s.server = Server(s.data, config="max_body: 1MiB\nintake_queue: 64KiB\n")
    for role in ("admin", "sensor", "l1", "viewer", "handler"):
        setattr(s, role, s.server.client(role, "--user", role))
    s.sensor.call("POST", "events?source=bad&product=windows&service=security", b'{"EventID":1102,"Channel":"Security","Computer":"x"}', 200)
    s.alert = until(lambda: s.l1.get("alerts")["items"])[0]["id"]


def goes_on(s):
    """The server is the same process, answers, and takes events."""
    assert s.server.p.poll() is None
    a = s.sensor.call("POST", "events?source=still", b'{"still":1}')
    while a.status == 429:
        time.sleep(0.05)
        a = s.sensor.call("POST", "events?source=still", b'{"still":1}')
    assert a.status == 200 and a["accepted"] == 1, a


# ---- HTTP ------------------------------------------------------------------------------------------------------------------------------------------


def is_problem(what, out, right):
    """A whole answer with one of these statuses, as a problem document, whoever refused."""
    assert out.startswith(b"HTTP/1.1 ") and int(out[9:12]) in right, f"{what}: {out[:300]!r}"
    head, _, body = out.partition(b"\r\n\r\n")
    assert b"Content-Type: application/problem+json\r\n" in head + b"\r\n" and b"Content-Length: %d\r\n" % len(body) in head + b"\r\n", f"{what}: {out[:300]!r}"
    problem = json.loads(body)
    assert problem["status"] == int(out[9:12]) and problem["code"] and problem["title_ja"], f"{what}: {problem}"


def malformed_http(s):
    auth = f"Authorization: Bearer {s.sensor.token}\r\n".encode()
    get, post = b"GET /healthz HTTP/1.1\r\nHost: x\r\n", b"POST /api/v1/events HTTP/1.1\r\nHost: x\r\n" + auth
    cases = {  # what, bytes, statuses that are right
        "unknown method": (b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", (405, 501)),
        "lower-case method": (b"get / HTTP/1.1\r\nHost: x\r\n\r\n", (400, 501)),
        "OPTIONS": (b"OPTIONS / HTTP/1.1\r\nHost: x\r\n\r\n", (405, 501)),
        "an expectation of its own": (post + b"Expect: wonders\r\nContent-Length: 2\r\n\r\n{}", (417,)),
        "CONNECT": (b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", (405, 501)),
        "no version": (b"GET /healthz\r\n\r\n", (400,)),
        "version 9.9": (b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n", (400, 505)),
        "noise": (b"\0\xff\x13noise\r\n\r\n", (400,)),
        "a huge header": (get + b"X: " + b"a" * 200000 + b"\r\n\r\n", (400, 431)),
        "many headers": (get + b"X: y\r\n" * 20000 + b"\r\n", (400, 431)),
        "a long path": (b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", (414,)),
        "NUL in the path": (b"GET /a\0b HTTP/1.1\r\nHost: x\r\n\r\n", (400,)),
        "no host": (b"GET /healthz HTTP/1.1\r\n\r\n", (400,)),
        "a header without a colon": (get + b"nothing\r\n\r\n", (400,)),
        "a blank before the colon": (get + b"Transfer-Encoding : chunked\r\n\r\n", (400,)),
        "chunk size of letters": (post + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n", (400, 413)),
        "chunk size below zero": (post + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", (400, 413)),
        "chunk size without end": (post + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nhello\r\n", (400, 413)),
        "length below zero": (post + b"Content-Length: -1\r\n\r\n{}", (400,)),
        "length of letters": (post + b"Content-Length: abc\r\n\r\n{}", (400,)),
        "two lengths": (post + b"Content-Length: 7\r\nContent-Length: 3\r\n\r\n{\"a\":1}", (400,)),
        "length and chunks": (post + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{\"a\":1}\r\n0\r\n\r\n", (400,)),
        "a length beyond all": (post + b"Content-Length: 999999999999\r\n\r\n", (413,)),
        "a body that is a little too large": (post + b"Content-Length: %d\r\n\r\n" % (MAX_BODY + 1) + b"x" * (MAX_BODY + 1), (413,)),
    }
    for what, (data, right) in cases.items():
        is_problem(what, s.server.raw(data), right)
    with socket.create_connection(("127.0.0.1", s.server.port), timeout=20) as kept:
        kept.sendall(get + b"\r\n")
        assert b'"ok"' in kept.recv(65536)
        kept.sendall(get + b"nothing\r\n\r\n")
        is_problem("the second on a connection", kept.recv(65536), (400,))
    # A body that never comes is no request.
    assert s.server.raw(post + b"Content-Length: 100\r\n\r\n{\"lost\":1}") == b""
    assert s.admin.post("search", {"q": "lost:*"}, 200)["items"] == []
    assert b'"ok"' in s.server.raw(b"GET http://x/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    goes_on(s)


def bad_addresses(s):
    for path, status, code in (("alerts?status=%zz", 400, "bad_url"), ("alerts?status=%", 400, "bad_url"), ("alerts?status=%ff", 400, "bad_url"), ("alerts/%00", 400, "bad_url"),
                               ("alerts?q=a%00b", 400, "bad_url"), ("alerts?statsu=new", 422, "bad_request"), ("alerts/", 404, "no_such_route"), ("alerts/../users", 404, "no_such_route"),
                               ("alerts/" + "x" * 3000, 404, "not_found"), ("alerts/'%20OR%201=1--", 404, "not_found"), ("search?q=user%3D(", 422, "bad_request"), ("search?from=never", 422, "bad_request")):
        a = s.admin.call("GET", path)
        assert a.status == status and a["code"] == code and a["title_ja"], f"{path}: {a}"
    a = s.admin.call("GET", "alerts?statsu=new")["errors"][0]
    assert a["field"] == "statsu" and "status" in a["hint"], a
    a = s.admin.call("POST", "search", {"q": "level=high | stats cuont"})["errors"][0]
    assert a["column"] > 10 and "count" in a["hint"], a


def bad_bodies(s):
    """JSON with its line and column, members with their name, types, sizes, kinds of content."""
    path = f"alerts/{s.alert}"
    cases = [  # body, headers, status, code, what the first error says
        (b'{"name": "a",\n "roles": [}', {}, 400, "bad_json", {"line": 2}),
        (b"", {}, 422, "bad_request", {}), (b"[]", {}, 422, "bad_request", {}), (b'"x"', {}, 400, "bad_json", {}), (b"null", {}, 400, "bad_json", {}),
        (b'{"name":"a","name":"b"}', {}, 400, "bad_json", {}), (b'{"a":1} x', {}, 400, "bad_json", {}), (b"\xff\xfe", {}, 400, "bad_json", {}), (b'{"name":"\xff"}', {}, 400, "bad_json", {}),
        (b'{"name":"a\\u0000b","roles":["l1"]}', {}, 400, "bad_json", {}), (b"[" * 100000, {}, 400, "bad_json", {}), (b'{"a":' * 5000 + b"1" + b"}" * 5000, {}, 400, "bad_json", {}),
        (b'{"nmae":"a","roles":["l1"]}', {}, 422, "bad_request", {"field": "nmae", "hint": "name"}), (b'{"name":5,"roles":["l1"]}', {}, 422, "bad_request", {"field": "name"}),
        (b'{"name":"a","roles":"l1"}', {}, 422, "bad_request", {"field": "roles"}), (b'{"name":"a","roles":["l9"]}', {}, 422, "bad_request", {"field": "roles", "hint": "l"}),
        (b'{"name":"a","roles":["l1"],"password":"short"}', {}, 422, "bad_request", {"field": "password"}), (b'{"name":"%s","roles":["l1"]}' % (b"x" * 5000), {}, 422, "bad_request", {"field": "name"}),
        (b"name=a&roles=l1", {"Content_Type": "application/x-www-form-urlencoded"}, 415, "unsupported_type", {}), (b"<user/>", {"Content_Type": "application/xml"}, 415, "unsupported_type", {}),
        (b'{"name":"a"}', {"Content_Encoding": "br"}, 415, "unknown_encoding", {}), (b"no gzip", {"Content_Encoding": "gzip"}, 400, "bad_encoding", {}),
        (gzip.compress(b"{" * 100)[:-9], {"Content_Encoding": "gzip"}, 400, "bad_encoding", {}), (gzip.compress(b" " * 20_000_000), {"Content_Encoding": "gzip"}, 413, "too_large", {}),
        (b"\x28\xb5\x2f\xfd\x04", {"Content_Encoding": "zstd"}, 400, "bad_encoding", {}),
    ]
    for body, headers, status, code, says in cases:
        headers.setdefault("Content_Type", "application/json")
        a = s.admin.call("POST", "users", body, None, **headers)
        assert a.status == status and a["code"] == code, f"{body[:60]!r} {headers}: {a}"
        for e in a.json.get("errors", []):
            assert not e["message_ja"].isascii(), f"{body[:60]!r}: {a}"
        for k, v in says.items():
            got = a["errors"][0][k]
            assert got == v or (k == "hint" and v in got), f"{body[:60]!r}: {a}"
    users = len(s.admin.items("users"))
    assert s.admin.post("users", {"name": "good", "roles": ["l1"]}, 201)["ledger_seq"] and len(s.admin.items("users")) == users + 1
    s.admin.post("users", {"name": "good", "roles": ["l1"]}, 409)
    for match, status, code in ((None, 428, "precondition_required"), ('"v99"', 412, "stale_version"), ("junk", 422, "bad_request")):
        a = s.l1.patch(path, {"status": "acknowledged"}, **({"If_Match": match} if match else {}))
        assert a.status == status and a["code"] == code, a
    for body, field in (({"status": "gone"}, "status"), ({"status": 5}, "status"), ({"verdict": "benign"}, "verdict"), ({"stauts": "new"}, "stauts")):
        a = s.l1.patch(path, body, If_Match="*")
        assert a.status in (409, 422) and a["errors"][0]["field"] == field, a
    a = s.l1.post("handoffs", {"alert_ids": [NOBODY], "seen": "x", "done": "x", "not_checked": "x", "asked": "x", "priority": "P9", "priority_reason": " "})
    assert a.status == 422 and {e["field"] for e in a["errors"]} == {"priority", "priority_reason"}, a
    assert s.l1.get(path)["status"] == "new"
    goes_on(s)


def who_is_asked_comes_first(s):
    """Nobody: 401. The wrong role: 403, whether the object exists or not, whatever the body says."""
    for token in (None, "", "hnm_", "hnm_" + "f" * 64, "x" * 5000, "a b"):
        a = Client(s.server, token).call("GET", "alerts")
        assert a.status == 401 and a["code"] == "not_logged_in", a
    for header in ("Basic YTpi", "Bearer", "Negotiate x", "Bearer  "):
        assert Client(s.server).call("GET", "alerts", None, 401, Authorization=header)
    for id_ in (s.alert, NOBODY):
        a = s.viewer.call("PATCH", f"alerts/{id_}", b"{broken")
        assert a.status == 403 and a["code"] == "not_allowed", a
        assert s.l1.call("PATCH", f"alerts/{NOBODY}", b"{}", If_Match="*").status == 404
    for body in ({"user": "admin", "password": "wrong"}, {"user": "nobody", "password": "x"}):
        assert Client(s.server).post("session", body, 401)["code"] == "bad_credentials"
    for _ in range(8):
        last = Client(s.server).post("session", {"user": "admin", "password": "wrong"})
    assert last.status == 429 and last["code"] == "locked_out" and int(last.headers["Retry-After"]) > 0, last


def events_that_are_none(s):
    before = {x["source"]: x for x in s.admin.get("sources")["items"]}
    big = b'{"big":"' + b"x" * 500000 + b'"}'
    body = b"\n".join([b'{"ok":1}', b"{", b"[1]", b'"x"', b"\0\0", b'{"ok":2}', b"{'a':1}", b'{"a":1}{"b":2}', b'{"ok":3}', b"\xff\xfe\xfd", b'{"deep":' + b"[" * 5000 + b"]" * 5000 + b"}"])
    a = s.sensor.call("POST", "events?source=poor", body, 200)
    assert a["accepted"] + len(a["refused"]) == 11 and a["accepted"] >= 3, a
    assert all(r["reason"] for r in a["refused"]) and {1, 2, 3, 4, 6, 7, 9} <= {r["index"] for r in a["refused"]}, a
    assert until(lambda: len(s.admin.post("search", {"q": "ok:*"}, 200)["items"]) == 3)
    assert s.sensor.call("POST", "events?source=poor", b"", 200)["accepted"] == 0
    assert s.sensor.call("POST", "events?source=poor", b"[", 200)["accepted"] == 0
    got = {x["source"]: x for x in s.admin.get("sources")["items"]}["poor"]
    assert got["received"] == got["stored"] + got["refused"] and sum(got["reasons"].values()) == got["refused"] > 6 and "poor" not in before, got
    assert len(big) < MAX_BODY
    goes_on(s)


# ---- senders ------------------------------------------------------------------------------------------------------------------------------------------


def full_is_said_so(s):
    """More than may wait: 429 with Retry-After; what was refused is counted, what was taken is there, once."""
    answers, lock = [], threading.Lock()

    def work(i):
        c = Client(s.server, s.sensor.token)
        for n in range(40):
            a = c.call("POST", "events?source=full", b"\n".join(b'{"full":"%d-%d-%d","x":"%s"}' % (i, n, k, b"y" * 900) for k in range(30)))
            with lock:
                answers.append(a)
            if a.status == 429 and n > 5:
                return

    threads = [threading.Thread(target=work, args=(i,)) for i in range(24)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    full = [a for a in answers if a.status == 429]
    assert full and all(a["code"] == "busy" and int(a.headers["Retry-After"]) >= 1 for a in full), {a.status for a in answers}
    taken = sum(a["accepted"] for a in answers if a.status == 200)
    assert {a.status for a in answers} == {200, 429}
    row = until(lambda: (lambda r: r and r[0]["count"] == taken and r[0])(s.admin.post("search", {"q": "full:* | stats count, dc(full)"}, 200)["items"]))
    assert row and row["dc(full)"] == taken, (row, taken)
    x = {x["source"]: x for x in s.admin.get("sources")["items"]}["full"]
    assert (x["received"], x["stored"], x["reasons"]) == (len(answers) * 30, taken, {"queue_full": 30 * len(full)}), x


def syslog_that_is_none(s):
    stats = lambda: next((x for x in s.admin.get("sources")["items"] if x["source"] == "syslog:127.0.0.1"), {"received": 0, "stored": 0, "refused": 0, "reasons": {}})
    before = stats()
    good = b"<13>1 2026-11-26T00:00:00Z h app - - - good line %d\n"
    rng = random.Random(5)
    noise = bytes(rng.randrange(256) for _ in range(5000)).replace(b"\n", b"").replace(b"\0", b"")
    streams = [
        good % 1 + b"\0\0\0" + good % 2, b"<999>bad priority\n" + good % 3, b"<abc>letters\n" + good % 4, b"<>\n<\n>\n" + good % 5, b"\n\n\r\n" + good % 6, noise + b"\n" + good % 7,
        b"<13>" + b"x" * (1 << 20) + b"\n" + good % 8, b"<13>" + b"y" * (3 << 20) + b"\n" + good % 9, b"5 <13>x" + good % 10, b"2000000 <13>" + b"z" * 1999996 + good % 11,
        b"999999999 <13>endless", b"99999999999999999999 <13>more digits than any\n" + good % 12, b"100 <13>broken off", good % 13 + b"<13>no end",
        "<13>1 2026-11-26T00:00:00Z h app - - - 日本語".encode("cp932", "replace") + b"\n" + good % 14, b"<13>1 - - - - - -\n" + good % 15, b"<13>1 2026-99-99T99:99:99Z h a - - - x\n" + good % 16,
    ]
    for data in streams:
        s.server.tcp(data)
    s.server.udp([b"", b"\0", b"<", b"<13>", noise[:1400], good % 17])
    n = 17
    got = until(lambda: (lambda r: r and r[0]["dc(message)"] == n and r)(s.admin.post("search", {"q": '"good line" | stats count, dc(message)'}, 200)["items"]))
    assert got, s.admin.post("search", {"q": '"good line" | fields message'}, 200)["items"]
    assert until(lambda: (lambda x: x["received"] == x["stored"] + x["refused"])(stats())), stats()
    x = stats()
    assert x["reasons"].get("too_large", 0) - before["reasons"].get("too_large", 0) == 4, x
    assert x["refused"] == sum(x["reasons"].values())
    goes_on(s)


def one_slow_sender_holds_nobody_up(s):
    """Hundreds of connections that say nothing, half a request, half a frame; the limit of descriptors is the process's own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    idle = []
    try:
        for i in range(500):
            c = socket.create_connection(("127.0.0.1", s.server.port), timeout=10)
            c.sendall(b"GET /healthz HTTP/1.1\r\nX: " if i % 2 else b"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
            idle.append(c)
            c = socket.create_connection(("127.0.0.1", s.server.syslog), timeout=10)
            c.sendall(b"200 <13>half" if i % 2 else b"<13>half")
            idle.append(c)
        for _ in range(20):
            goes_on(s)
        s.server.tcp(b"<13>1 2026-11-26T00:00:00Z h app - - - between the idle\n")
        assert until(lambda: s.admin.post("search", {"q": '"between the idle"'}, 200)["items"])
    finally:
        for c in idle:
            c.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# ---- files --------------------------------------------------------------------------------------------------------------------------------------------------


def files_that_are_none(s):
    """Through import: each is named with what is wrong, status 3; the good ones among them are in."""
    folder = os.path.join(s.tmp, "files")
    os.mkdir(folder)
    rng = random.Random(9)
    noise = bytes(rng.randrange(256) for _ in range(20000))
    files = {"noise.evtx": noise, "cut.evtx": b"ElfFile\0" + bytes(4088) + b"ElfChnk\0" + bytes(3000), "broken.json.gz": gzip.compress(b'{"packed":1}\n' * 1000)[:-20], "noise.zip": b"PK\3\4" + noise,
             "good.json": b'{"filed":1}\n{"filed":2}\n{broken\n{"filed":3}\n', "empty.json": b"", "good.log": b"<38>Mar  2 09:00:00 h sshd[1]: filed four\n"}
    for name, data in files.items():
        with open(os.path.join(folder, name), "wb") as f:
            f.write(data)
    edge = shared("evtx", "ATTACK-SAMPLES")
    if edge:
        sample = next(os.path.join(d, n) for d, _, names in sorted(os.walk(edge)) for n in sorted(names) if n.endswith(".evtx") and os.path.getsize(os.path.join(d, n)) > 65536)
        with open(sample, "rb") as f:
            data = bytearray(f.read())
        data[8192:8200] = b"\xff" * 8
        with open(os.path.join(folder, "scratched.evtx"), "wb") as f:
            f.write(data)
    p = run("import", folder, os.path.join(s.tmp, "absent.log"), data=s.data)
    said = p.stderr.decode()
    assert p.returncode == 3 and "absent.log" in said and "broken.json.gz" in said and "noise.zip" in said, said
    assert until(lambda: len(s.admin.post("search", {"q": "filed:* OR \"filed four\""}, 200)["items"]) == 4), s.admin.post("search", {"q": "filed:* OR \"filed four\""}, 200)["items"]
    assert all(x["received"] == x["stored"] + x["refused"] for x in s.admin.get("sources")["items"])
    goes_on(s)


def refused(args, *words, status=2, data=None):
    p = run(*args, data=data)
    text = p.stderr.decode()
    assert p.returncode == status and all(w in text for w in words), (args, p.returncode, text, words)


def what_a_person_wrote(s):
    """Configuration, rules, rule book, playbook, command line: file, line, column, the nearest right name."""
    folder = os.path.join(s.tmp, "wrote")
    content = os.path.join(folder, "content")
    os.makedirs(os.path.join(content, "rules"))

    def put(name, text):
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        return path

    bad = put("bad.yml", "site: x\nlistne: 127.0.0.1:1\nmode: both\nseal_bytes: lots\nretention: -1d\n")
    refused(("config", "check", bad), "bad.yml:2:", "listen", "bad.yml:3:", "separate", "bad.yml:4:", "bad.yml:5:")
    for text, place in (("a: [b\n", ":"), ("listen: 127.0.0.1:99999\n", ":1:"), ("listen: nowhere\n", ":1:"), ("- x\n", ":1:"), ("site: a\nsite: b\n", ":2:"), ("rules: {a: b}\n", ":1:"), ("\tx: y\n", ":1:")):
        path = put("one.yml", text)
        refused(("serve", "--data", os.path.join(folder, "d"), "--config", path), "one.yml" + place)
    refused(("serve", "--data", os.path.join(folder, "d"), "--config", os.path.join(folder, "absent.yml")), "absent.yml")
    for listen in ("0.0.0.0:0", "[::]:0", "192.0.2.1:0"):
        refused(("serve", "--data", os.path.join(folder, "d"), "--listen", listen), "certificate")
    refused(("serve", "--data", s.data, "--listen", "127.0.0.1:0"), "in use")
    refused(("serve", "--lisen", "x"), "--lisen")
    refused(("sreve",), "serve")
    refused(("token", "create", "--role", "boss", "--data", s.data), "boss")
    refused(("search", "a=(b"), "1:", data=s.data)
    refused(("alert", "closee", "x", "--data", s.data), "closee")
    refused(("alert", "show", NOBODY, "--data", s.data), "not_found")
    good = "title: good\nid: 11111111-1111-4111-8111-111111111111\nlevel: high\nlogsource: {product: windows}\ndetection: {a: {EventID: 7777}, condition: a}\n"
    put("content/rules/good.yml", good)
    put("content/rules/bad.yml", good.replace("11111111-1111-4111-8111-111111111111", "21111111-1111-4111-8111-111111111111").replace("EventID: 7777", "EventID|contians: x"))
    put("content/rules/torn.yml", "title: [\n")
    put("content/playbooks/torn.json", '{"type": "playbook",\n "id": }')
    data = os.path.join(folder, "data")
    # Nobody would be called: without its rule book the server does not start.
    book = put("content/escalation/standard.yml", "book: standard\nversion: 1\nrows:\n  - when: {priority: [P1]}\n    cal: []\n")
    refused(("serve", "--data", data, "--config", put("content.yml", f"content: {content}\n"), "--listen", "127.0.0.1:0", "--syslog", "off"), "standard.yml:5:", "call")
    os.remove(book)
    server = Server(data, config=f"content: {content}\n")
    try:
        said = server.greeting
        for words in ("bad.yml:5:", "contains", "torn.yml:", "torn.json:2:"):
            assert words in said, (words, said)
        admin = server.client("admin")
        found = admin.get("rules/findings")["items"]
        assert {os.path.basename(f["file"]) for f in found} >= {"bad.yml", "torn.yml", "torn.json"} and all(f["message"] and f["code"] for f in found), found
        assert [r["title"] for r in admin.get("rules")["items"]] == ["good"]
        admin.call("POST", "events?source=w&product=windows", b'{"EventID":7777}', 200)
        assert until(lambda: admin.get("alerts")["items"])
    finally:
        server.stop()
    # Once a good one was in use, a spoilt one does not stop the server: the last good one calls, and everybody can see why.
    row = "book: ours\nversion: 1\nrows:\n  - name: all\n    when: {}\n    call: [{who: role(soc_lead), by: [console]}]\n"
    for text in (row, row.replace("soc_lead", "soc_laed")):
        put("content/escalation/standard.yml", text)
        server = Server(data, config=f"content: {content}\n")
        found = server.client("admin").get("rules/findings")["items"]
        server.stop()
    for words in ("standard.yml:6:18: error", "soc_laed", "soc_lead", "rulebook.last_good"):
        assert words in server.greeting, (words, server.greeting)
    assert all(not f["message_ja"].isascii() for f in found if f["code"].startswith("rulebook.")) and "rulebook.unknown_role" in [f["code"] for f in found], found
    # The same before a server has it, with the teams of the configuration.
    book = put("book.yml", row.replace("role(soc_lead)", "oncall(network)").replace("}]\n", "}, {who: queue(l9)}]\n"))
    config = put("duty.yml", "duty: {network: [mori]}\n")
    p = run("rulebook", "check", book)
    assert p.returncode == 2 and b"book.yml:6:18: error: there is no such team on call" in p.stderr and b"`duty`" in p.stderr and b"rulebook.unknown_role" in p.stderr, p
    p = run("rulebook", "check", book, "--config", config, lang="ja_JP.UTF-8")
    assert p.returncode == 2 and b"unknown_team" not in p.stderr and "この役割はありません".encode() in p.stderr, p
    p = run("rulebook", "check", put("book.yml", row.replace("role(soc_lead)", "oncall(network)")), "--config", config)
    assert p.returncode == 0 and b'"ours" version 1' in p.stderr, p


def nothing_is_lost_after_all_that(s):
    assert s.server.stop() < 5
    p = run("verify", s.data)
    assert p.returncode == 0, p.stdout + p.stderr


if __name__ == "__main__":
    main([starts, malformed_http, bad_addresses, bad_bodies, who_is_asked_comes_first, events_that_are_none, full_is_said_so, syslog_that_is_none, one_slow_sender_holds_nobody_up, files_that_are_none,
          what_a_person_wrote, nothing_is_lost_after_all_that])
