#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The road from a raw log to a closed incident, driven from outside: sockets in, the API and the command line out. As TAP.

road.py BINARY
"""
import gzip
import json
import os
import random
import re
import shutil
import socket
import subprocess
import time

from lib import BINARY, Client, Server, Skip, main, run, shared, until, verify

LINES = 20000
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def stamp_3164():
    t = time.gmtime()
    return f"{MONTHS[t.tm_mon - 1]} {t.tm_mday:2} {t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02}"


def line_3164(i, way):
    return f"<{8 + i % 180}>{stamp_3164()} web{i % 5} app[{100 + i % 7}]: road {way} number={i} user=u{i % 11}".encode()


def line_5424(i, way):
    now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    return f'<{8 + i % 180}>1 {now}.{i % 1000:03}Z db{i % 5} store {200 + i % 7} ID{i % 9} [meta@32473 n="{i}"] road {way} number={i} 火の見'.encode()


def lines(way, n):
    return [(line_3164 if i % 2 else line_5424)(i, way) for i in range(n)]


def zstd_plain(data):
    """A zstd frame of raw blocks (RFC 8878, 3.1.1.2.3), so that nothing but the standard library is needed."""
    out = bytearray(b"\x28\xb5\x2f\xfd\xa0" + len(data).to_bytes(4, "little"))
    parts = [data[i:i + 100000] for i in range(0, len(data), 100000)]
    for i, part in enumerate(parts):
        out += (len(part) << 3 | (i == len(parts) - 1)).to_bytes(3, "little") + part
    return bytes(out)


def sources(s):
    return {x["source"]: x for x in s.admin.get("sources")["items"]}


def balanced(s):
    """received = stored + refused at every source, once nothing is on its way; answers the sums."""

    def look():
        all_ = sources(s).values()
        return all(x["received"] == x["stored"] + x["refused"] == x["stored"] + sum(x["reasons"].values()) for x in all_)

    assert until(look), sources(s)
    return [sum(x[k] for x in sources(s).values()) for k in ("received", "stored", "refused")]


def count(s, query):
    rows = s.admin.post("search", {"q": query + " | stats count"}, 200)["items"]
    return rows[0]["count"] if rows else 0


# ---- starting ------------------------------------------------------------------------------------------------------------------------------------


def starts_and_shows_a_password_once(s):
    """Tokens before the first start, the admin's password at the first start and never again."""
    s.data = os.path.join(s.tmp, "data")
    before = run("token", "create", "--data", s.data, "--role", "auditor")
    assert before.returncode == 0 and re.fullmatch(rb"\S+\n", before.stdout) and not before.stderr, before
    s.server = Server(s.data)
    password = re.search(r"admin with the password (\S+)", s.server.greeting)[1]
    s.admin = s.server.client("admin")
    Client(s.server, before.stdout.decode().strip()).get("me")
    a = Client(s.server).post("session", {"user": "admin", "password": password}, 200)
    cookie = a.headers["Set-Cookie"].split(";")[0]
    assert "HttpOnly" in a.headers["Set-Cookie"] and "SameSite=Strict" in a.headers["Set-Cookie"], a.headers
    browser = Client(s.server, cookie=cookie)
    assert browser.get("me")["user"] == "admin"
    assert browser.call("DELETE", "session").json["code"] == "csrf"
    browser.call("DELETE", "session", None, 200, X_Hinomi_CSRF="1")
    browser.get("me", 401)
    assert s.server.stop() < 5
    s.server.start()
    assert "password" not in s.server.greeting
    s.admin.close()
    assert s.admin.get("/readyz")["status"] == "ready"


# ---- logs in --------------------------------------------------------------------------------------------------------------------------------------


def syslog_of_both_kinds_by_tcp_and_udp(s):
    by = {"lf": 7000, "counted": 7000, "mixed": 2000, "udp": 4000}
    s.server.tcp(b"".join(x + b"\n" for x in lines("lf", by["lf"])))
    s.server.tcp(b"".join(b"%d %s" % (len(x), x) for x in lines("counted", by["counted"])))
    s.server.tcp(b"".join(b"%d %s" % (len(x), x) if i % 3 else x + b"\n" for i, x in enumerate(lines("mixed", by["mixed"]))))
    s.server.udp(lines("udp", by["udp"]))
    assert sum(by.values()) == LINES
    sent = [x for k, v in sources(s).items() if k.startswith("syslog:") for x in [v]]
    assert until(lambda: sum(x["received"] for k, x in sources(s).items() if k.startswith("syslog:")) >= LINES), sent
    balanced(s)
    refused = sum(x["refused"] for k, x in sources(s).items() if k.startswith("syslog:"))
    for way in ("lf", "counted", "mixed"):
        assert until(lambda w=way: count(s, f'road {w}') == by[w]), (way, count(s, f"road {way}"), sources(s))
    assert until(lambda: count(s, "road udp") == by["udp"] - refused), (count(s, "road udp"), refused)
    row = s.admin.post("search", {"q": 'road counted _host:db0 "number=6990"'}, 200)["items"]
    assert len(row) == 1 and row[0]["_raw"].endswith("火の見") and row[0]["_source"].startswith("syslog:127.0.0.1"), row


def http_intake_in_every_packing(s):
    sensor = s.server.client("sensor")
    good = [{"EventID": i, "way": "ndjson", "message": "日本語 \\ \" 火"} for i in range(50)]
    body = b"\n".join(json.dumps(x).encode() for x in good)
    a = sensor.post("events?source=road&product=windows&service=security", body, 200)
    assert a.json == {"accepted": 50, "refused": [], "refused_count": 0}, a
    packed = json.dumps([{**x, "way": "array"} for x in good]).encode()
    assert sensor.post("events?source=road", packed, 200)["accepted"] == 50
    for name, pack in (("gzip", gzip.compress), ("zstd", zstd_plain)):
        a = sensor.post("events?source=road", pack(body.replace(b"ndjson", name.encode())), 200, Content_Encoding=name)
        assert a["accepted"] == 50, a
    two = gzip.compress(b'{"way":"members","n":1}\n') + gzip.compress(b'{"way":"members","n":2}\n')
    assert sensor.post("events?source=road", two, 200, Content_Encoding="gzip")["accepted"] == 2
    bad = b'{"way":"part","n":1}\nnot json\n[1]\n{"way":"part","n":2}\n{"half":\n"text"\n{"way":"part","n":3}\n'
    a = sensor.post("events?source=road", bad, 200)
    assert a["accepted"] == 3 and [x["index"] for x in a["refused"]] == [1, 2, 4, 5] and all(x["reason"] for x in a["refused"]), a
    a = sensor.post("events?source=road", b'[{"way":"part","n":4}, 5, {"way":"part","n":5}, {"cut', 200)
    assert a["accepted"] == 2 and [x["index"] for x in a["refused"]] == [1, 3], a
    for way, n in (("ndjson", 50), ("array", 50), ("gzip", 50), ("zstd", 50), ("members", 2), ("part", 5)):
        assert until(lambda w=way, k=n: count(s, f"way={w}") == k), (way, count(s, f"way={way}"))
    assert count(s, "way=ndjson _product=windows _service=security EventID=7") == 1
    x = sources(s)["road"]
    assert (x["received"], x["stored"], x["refused"]) == (213, 207, 6), x
    sensor.get("alerts", 403)
    s.server.client("viewer").post("events", b"{}", 403)
    kobe = s.server.client("sensor", "--site", "kobe")
    assert kobe.get("me")["sites"] == ["kobe"]
    kobe.post("events?source=kobe&site=elsewhere", b'{"way":"site"}', 200)
    assert until(lambda: count(s, "way=site _site=kobe") == 1)


def windows_event_logs_imported_while_it_runs(s):
    """The event log files when they are there, else text made here; by `import` through the local socket, counted like everything."""
    folder = shared("evtx", "ATTACK-SAMPLES")
    before = balanced(s)[1]
    if folder:
        said = run("scan", "-o", "none", "--stats", "json", folder).stderr.decode().splitlines()
        want = json.loads(said[-1])["events"]
    else:
        folder = os.path.join(s.tmp, "app.log")
        with open(folder, "w") as f:
            f.writelines(f"<38>Mar  2 09:00:00 w sshd[1]: Failed password for u{i} from 192.0.2.9 port 9 ssh2\n" for i in range(3000))
        want = 3000
    p = run("import", "--site", "osaka", folder, data=s.data)
    assert p.returncode in (0, 3) and f"{want} events imported" in p.stderr.decode(), p.stderr[-2000:]
    assert balanced(s)[1] == before + want
    assert until(lambda: count(s, "_site=osaka") == want, 60), (count(s, "_site=osaka"), want)


# ---- the desk -------------------------------------------------------------------------------------------------------------------------------------


def attack(address, user="root", n=25):
    """Guessed passwords and the one that was right."""
    out = [f"<38>{stamp_3164()} gate01 sshd[4711]: Failed password for {user} from {address} port {50000 + i} ssh2".encode() for i in range(n)]
    return out + [f"<38>{stamp_3164()} gate01 sshd[4711]: Accepted password for {user} from {address} port 52160 ssh2".encode()]


def alert_about(s, words):
    def look():
        found = [x for x in s.l1.items("alerts?status=open&q=" + words) if x["status"] == "new"]
        return found and found[0]

    got = until(look, 40)
    assert got, f"no alert about {words}"
    return got


class Stream:
    """Server-sent events of one person, collected."""

    def __init__(self, server, token):
        self.sock = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        self.sock.sendall(f"GET /api/v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        self.text = ""
        assert until(lambda: "event: hello" in self.read()), self.text

    def read(self):
        self.sock.settimeout(0.2)
        try:
            self.text += self.sock.recv(65536).decode(errors="replace")
        except TimeoutError:
            pass
        return self.text

    def changes(self):
        return [json.loads(x) for x in re.findall(r"event: change\r?\ndata: (.*)", self.read())]


def alert_acknowledged_and_closed(s):
    for role in ("l1", "soc_lead", "handler", "csirt_lead", "viewer"):
        setattr(s, role, s.server.client(role, "--user", role))
    s.stream = Stream(s.server, s.viewer.token)
    s.server.tcp(b"".join(x + b"\n" for x in attack("198.51.100.7")))
    a = alert_about(s, "198.51.100.7")
    path = f"alerts/{a['id']}"
    got = s.l1.get(path)
    assert got.headers["ETag"] == f'"v{a["version"]}"' and got["title"] and got["title_ja"], got
    assert abs(sum(x["value"] for x in a["score_terms"]) - a["score"]) < 1e-6 and all(x["why"] for x in a["score_terms"]) and a["priority"] in ("P1", "P2", "P3", "P4"), a
    events = s.l1.items(path + "/events")
    assert len(events) >= 1 and all(s.l1.get(f"events/{e['event_id']}")["raw"] for e in events[:3]), events[:2]
    assert s.l1.patch(path, {"status": "acknowledged"}).status == 428
    assert s.l1.patch(path, {"status": "acknowledged"}, If_Match='"v999"')["code"] == "stale_version"
    done = s.l1.patch(path, {"status": "acknowledged"}, 200, If_Match=got.headers["ETag"])
    assert done["status"] == "acknowledged" and done["acked_by"] == "l1" and isinstance(done["ledger_seq"], int), done
    s.viewer.patch(path, {"status": "closed"}, 403, If_Match=done.headers["ETag"])
    for body, field in (({"status": "closed"}, "verdict"), ({"status": "closed", "verdict": "benign"}, "reason"), ({"status": "closed", "verdict": "fine", "reason": "x"}, "verdict")):
        bad = s.l1.patch(path, body, 422, If_Match=done.headers["ETag"])
        assert field in [e["field"] for e in bad["errors"]], bad
    closed = s.l1.patch(path, {"status": "closed", "verdict": "test", "reason": "試験のため"}, 200, If_Match=done.headers["ETag"])
    assert closed["status"] == "closed" and closed["verdict"] == "test" and closed["reason"] == "試験のため", closed
    history = s.l1.get(path + "/history")["items"]
    assert [x["verb"] for x in history][-2:] == ["acknowledge", "close"] and history[-1]["seq"] == closed["ledger_seq"] and history[-1]["actor"] == "l1", history
    assert until(lambda: [x for x in s.stream.changes() if x["id"] == a["id"] and x["verb"] == "close"]), s.stream.text


PACKAGE = {"seen": "26 回目で root に成功", "done": "ログ確認", "not_checked": "実行されたコマンド", "asked": "端末の隔離", "priority": "P1", "priority_reason": "特権の奪取"}


def handed_off_returned_sent_again_accepted(s):
    s.server.tcp(b"".join(x + b"\n" for x in attack("203.0.113.99", "admin")))
    a = alert_about(s, "203.0.113.99")
    body = {"alert_ids": [a["id"]], **PACKAGE}
    for left_out in PACKAGE:
        bad = s.l1.post("handoffs", {k: v for k, v in body.items() if k != left_out}, 422)
        assert left_out in [e["field"] for e in bad["errors"]], bad
    s.viewer.post("handoffs", body, 403)
    h = s.l1.post("handoffs", body, 201, Idempotency_Key="road-1")
    again = s.l1.post("handoffs", body, None, Idempotency_Key="road-1")
    assert again.status == 201 and again["id"] == h["id"] and again["ledger_seq"] == h["ledger_seq"], again
    assert s.l1.post("handoffs", {**body, "seen": "別"}, 422, Idempotency_Key="road-1")["code"] == "idempotency_mismatch"
    assert h["status"] == "sent" and h["incident_id"] is None and s.l1.get(f"alerts/{a['id']}")["status"] == "escalated", h
    path = f"handoffs/{h['id']}"
    s.l1.post(path + "/accept", {}, 403)
    assert "reason" in [e["field"] for e in s.handler.post(path + "/return", {}, 422)["errors"]]
    assert s.handler.post(path + "/return", {"reason": "コマンド履歴がない"}, 200)["status"] == "returned"
    assert s.handler.post(path + "/accept", {}).status == 409
    assert s.l1.post(path + "/resend", {"not_checked": "なし", "seen": "26 回目で成功。履歴を添付"}, 200)["status"] == "sent"
    done = s.handler.post(path + "/accept", {}, 200)
    assert done["status"] == "accepted" and done["incident_id"], done
    s.incident = done["incident_id"]
    assert s.handler.post(path + "/accept", {}).status == 409
    assert [x["id"] for x in s.handler.get("handoffs?status=accepted")["items"]] == [h["id"]]


def worked_through_a_playbook_and_closed(s):
    path = f"incidents/{s.incident}"
    i = s.handler.get(path)
    assert i["status"] == "open" and i["alert_ids"], i
    books = s.handler.get("playbooks")["items"]
    if books:
        s.handler.post(path + "/tasks", {"playbook_id": books[0]["id"]}, 201)
    s.handler.post(path + "/tasks", {"title": {"ja": "端末の隔離", "en": "Isolate the host"}, "owner": "handler"}, 201)
    tasks = s.handler.get(path + "/tasks")["items"]
    assert len(tasks) > (1 if books else 0), tasks
    for t in tasks:
        s.handler.patch(f"tasks/{t['id']}", {"status": "in_progress"}, 200)
        assert s.handler.patch(f"tasks/{t['id']}", {"status": "done", "result": "実施"}, 200)["done_at"]
    e = s.handler.call("POST", path + "/evidence?name=auth.log", b"\0\1evidence" * 1000, 201, Content_Type="application/octet-stream")
    assert e["size"] == 10000 and len(e["sha256"]) == 64, e
    s.evidence = e.json
    got = s.handler.get(f"evidence/{e['id']}/content")
    assert got.raw == b"\0\1evidence" * 1000
    c = s.handler.post(f"evidence/{e['id']}/custody", {"to": "csirt_lead", "reason": "解析"}, 201)
    assert s.handler.post(f"custody/{c['id']}/accept").status == 403
    assert s.csirt_lead.post(f"custody/{c['id']}/accept", {}, 200)["accepted_at"]
    d = s.handler.post(path + "/decisions", {"title": "公表", "options": ["する", "しない"], "decided": "しない", "reason": "影響なし"}, 201)
    assert s.csirt_lead.post(f"decisions/{d['id']}/approve", {"reason": "了承"}, 200)["status"] == "approved"
    s.handler.post(path + "/timeline", {"text": {"ja": "隔離した", "en": "isolated"}, "time": "2026-11-22T01:02:03Z"}, 201)
    for phase in ("containment", "eradication", "recovery", "recurrence_prevention"):
        s.handler.patch(path, {"phase": phase}, 200)
    bad = s.csirt_lead.patch(path, {"status": "closed"})
    assert bad.status == 422 and {"cause", "recurrence_prevention"} & {x["field"] for x in bad["errors"]}, bad
    end = {"status": "closed", "cause": "弱いパスワード", "recurrence_prevention": [{"action": "鍵認証へ移行", "owner": "infra", "due": "2026-12-31"}]}
    v = s.csirt_lead.get(path).headers["ETag"]
    assert s.csirt_lead.patch(path, end, 412, If_Match='"v1"')["code"] == "stale_version"
    assert s.csirt_lead.patch(path, end, 200, If_Match=v)["status"] == "closed"
    assert s.handler.post(path + "/timeline", {"text": "late"}).status == 409
    kinds = {x["kind"] for x in s.handler.get(path + "/timeline")["items"]}
    assert {"task", "evidence", "note"} <= kinds, kinds


def reported_in_both_languages(s):
    path = f"incidents/{s.incident}/reports"
    api = s.admin.get("openapi.json")
    if "/api/v1/incidents/{id}/reports" not in api["paths"]:
        raise Skip("this build has no reports")
    for lang, word in (("ja", "原因"), ("en", "ause")):
        r = s.handler.post(path, {"kind": "final", "lang": lang, "format": "pdf"})
        assert r.status in (201, 202), r
        got = until(lambda r=r: (lambda a: a.status == 200 and a)(s.handler.call("GET", f"reports/{r['id']}/content")), 60)
        assert got and got.raw.startswith(b"%PDF-"), got
        if not shutil.which("pdftotext"):
            raise Skip("there is no pdftotext to read the PDF with")
        pdf = os.path.join(s.tmp, lang + ".pdf")
        with open(pdf, "wb") as f:
            f.write(got.raw)
        text = subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, check=True).stdout.decode()
        assert word in text and "弱いパスワード" in text, text[:3000]
        assert ("インシデント" in text) or lang == "en", text[:500]


def figures_and_ledger(s):
    m = s.l1.get("metrics/soc?from=-24h")
    assert m["alerts"]["closed"] >= 1 and m["handoffs"]["accepted"] == 1 and m["handoffs"]["returned"] == 1, m
    for k in ("mttd", "mtta", "mttt", "mttc", "mttr"):
        assert set(m[k]) >= {"median", "p90", "n"}, m[k]
    auditor = s.server.client("auditor")
    entries = auditor.get("ledger?limit=1000")["items"]
    assert [e["seq"] for e in entries] == list(range(entries[0]["seq"], entries[0]["seq"] + len(entries)))
    assert set(entries[-1]) == {"seq", "time", "actor", "role", "noun", "object_id", "verb", "before", "after"}, entries[-1]
    proof = until(lambda: (lambda a: a.status == 200 and a)(auditor.call("GET", "ledger/proof?seq=3")))
    assert proof["hashes"] is not None and proof["size"] > 3
    assert auditor.get("ledger/checkpoint").raw.count(b"\n") >= 4


def verifies_running_and_stopped(s):
    status, text = verify(s.data)
    assert status == 0 and "not covered: " in text, text
    s.stream.sock.close()
    took = s.server.stop()
    assert took < 5, took
    status, text = verify(s.data)
    assert status == 0, text
    with open(s.server.log, errors="replace") as f:
        assert "error" not in f.read()


def main_tests():
    return [starts_and_shows_a_password_once, syslog_of_both_kinds_by_tcp_and_udp, http_intake_in_every_packing, windows_event_logs_imported_while_it_runs, alert_acknowledged_and_closed,
            handed_off_returned_sent_again_accepted, worked_through_a_playbook_and_closed, reported_in_both_languages, figures_and_ledger, verifies_running_and_stopped]


if __name__ == "__main__":
    main(main_tests())
