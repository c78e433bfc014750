#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reports from outside: the command line, a changed template, a flipped byte, and a stop in the middle of a PDF. As TAP.

report.py BINARY
"""
import json
import os
import re
import shutil
import threading

from lib import Server, Skip, main, run, until, verify

ALERTS = 80
PACKAGE = {"seen": "見た", "done": "した", "not_checked": "なし", "asked": "隔離", "priority": "P1", "priority_reason": "重要"}


def an_incident_of_many_alerts(s):
    content = os.path.join(s.tmp, "content")
    shutil.copytree(os.path.join(os.environ["HINOMI_SOURCE"], "content"), content)
    s.template = os.path.join(content, "templates", "incident.html")
    s.server = Server(os.path.join(s.tmp, "data"), config=f"content: {content}\norganisation: 架空商事\n")
    s.l1, s.handler = s.server.client("l1"), s.server.client("handler")
    lines = [f"<38>Nov 22 10:00:01 host{i:03} sudo: deploy : TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/vim -c :!/bin/bash\n" for i in range(ALERTS)]
    s.server.tcp("".join(lines).encode())
    ids = until(lambda: (lambda x: len(x) == ALERTS and x)([a["id"] for a in s.l1.items("alerts")]), 60)
    assert ids, len(s.l1.items("alerts"))
    h = s.l1.post("handoffs", {**PACKAGE, "alert_ids": ids}, 201)
    s.incident = s.handler.post(f"handoffs/{h['id']}/accept", {}, 200)["incident_id"]


def hinomi(s, *args):
    p = run(*args, "--data", s.server.data)
    assert p.returncode == 0, (args, p)
    return p.stdout


def the_command_line_makes_lists_and_fetches(s):
    r = json.loads(hinomi(s, "report", "create", f"incident_id={s.incident}", "kind=first", "lang=ja", "format=html", "-o", "json"))
    assert r["name"] == "INC-1-01_first_ja.html" and r["warnings"] == [] and r["ledger_to"] == r["checkpoint"]["size"], r
    listed = json.loads(hinomi(s, "report", "list", "-o", "json"))["items"]
    assert [x["id"] for x in listed] == [r["id"]], listed
    s.html = hinomi(s, "report", "content", r["id"])
    assert len(s.html) == r["size"] and "架空商事" in s.html.decode(), r
    got = s.handler.get(f"reports/{r['id']}/content")
    assert got.raw == s.html and got.headers["Content-Type"].startswith("text/html") and r["name"] in got.headers["Content-Disposition"], got.headers
    assert "default-src 'none'" in got.headers["Content-Security-Policy"]
    s.report = r


def every_reference_is_in_the_annex_and_in_the_ledger(s):
    text = s.html.decode()
    cited = {int(n) for n in re.findall(r'href="#e(\d+)"', text)}
    rows = dict(re.findall(r'<tr id="e(\d+)">.*?<td class="mono leaf">([0-9a-f]{64})</td>', text))
    assert len(cited) > 2 * ALERTS and cited <= {int(n) for n in rows}, len(cited)
    auditor = s.server.client("auditor")
    for seq in sorted(cited)[:: max(1, len(cited) // 20)]:
        assert auditor.get(f"ledger?from={seq}&limit=1")["items"][0]["seq"] == seq


def who_may_not_gets_nothing(s):
    body = {"kind": "first", "lang": "ja", "format": "html"}
    assert s.l1.post(f"incidents/{s.incident}/reports", body).status == 403
    assert s.handler.post("incidents/01JAAAAAAAAAAAAAAAAAAAAAAA/reports", body).status == 404
    bad = s.handler.post(f"incidents/{s.incident}/reports", {"kind": "second"})
    assert bad.status == 422 and bad["errors"][0]["field"] == "kind", bad


def a_wrong_template_is_told_and_the_last_good_one_goes_on(s):
    with open(s.template) as f:
        good = f.read()
    with open(s.template, "w") as f:
        f.write(good.replace("{{ incident.title }}</h1>", "{{ incident.title }}</h1>\n{% if %}"))
    r = s.handler.post(f"incidents/{s.incident}/reports", {"kind": "first", "lang": "en", "format": "html"}, 201)
    assert re.match(r"incident\.html:\d+:7: an expression is missing here", r["warnings"][0]), r["warnings"]
    with open(s.template, "w") as f:
        f.write(good.replace("{{ incident.title }}</h1>", "{{ incident.titel }}</h1>"))
    r = s.handler.post(f"incidents/{s.incident}/reports", {"kind": "first", "lang": "en", "format": "html"})
    assert r.status == 500 and r["code"] == "bad_template", r
    assert r["errors"][0]["field"] == "incident.html" and r["errors"][0]["line"] and "title" in r["errors"][0]["hint"], r
    with open(s.template, "w") as f:
        f.write(good)
    s.handler.post(f"incidents/{s.incident}/reports", {"kind": "first", "lang": "en", "format": "html"}, 201)


def a_flipped_byte_of_a_report_is_named(s):
    sha = s.report["sha256"]
    path = os.path.join(s.server.data, "reports", sha[:2], sha)
    os.chmod(path, 0o600)
    with open(path, "r+b") as f:
        f.seek(100)
        byte = f.read(1)
        f.seek(100)
        f.write(bytes([byte[0] ^ 1]))
    status, text = verify(s.server.data)
    assert status == 1 and sha in text and s.report["id"] in text, text
    assert s.handler.get(f"reports/{s.report['id']}/content", 500)["code"] == "damaged"
    with open(path, "r+b") as f:
        f.seek(100)
        f.write(byte)
    status, text = verify(s.server.data)
    assert status == 0, text


def children(pid):
    """Processes whose parent it is."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as f:
                if int(f.read().rsplit(")", 1)[1].split()[1]) == pid:
                    found.append(int(name))
        except OSError:
            pass
    return found


def the_server_stops_in_the_middle_of_a_pdf(s):
    if not os.path.exists("/usr/bin/weasyprint"):
        r = s.handler.post(f"incidents/{s.incident}/reports", {"kind": "first", "lang": "ja", "format": "pdf"})
        assert r.status == 501 and r["code"] == "no_pdf_renderer", r
        raise Skip("WeasyPrint is not installed; the answer says so")
    got = []
    client = s.server.client("handler")
    t = threading.Thread(target=lambda: got.append(client.post(f"incidents/{s.incident}/reports", {"kind": "first", "lang": "ja", "format": "pdf"})))
    t.start()
    assert until(lambda: children(s.server.p.pid)), "no PDF was begun"
    took = s.server.stop()
    t.join()
    assert took < 5, took
    assert got and got[0].status == 503 and got[0]["code"] == "stopping", got
    status, text = verify(s.server.data)
    assert status == 0, text


if __name__ == "__main__":
    main([an_incident_of_many_alerts, the_command_line_makes_lists_and_fetches, every_reference_is_in_the_annex_and_in_the_ledger, who_may_not_gets_nothing,
          a_wrong_template_is_told_and_the_last_good_one_goes_on, a_flipped_byte_of_a_report_is_named, the_server_stops_in_the_middle_of_a_pdf])
