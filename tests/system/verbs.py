#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every verb of the command line against a running server and a stopped directory: output forms, languages, exit statuses. As TAP.

verbs.py BINARY
"""
import csv
import io
import json
import os
import re
import subprocess

from lib import BINARY, Server, main, run, until

SOURCE = os.environ.get("HINOMI_SOURCE", ".")


def source(*parts):
    with open(os.path.join(SOURCE, "src", *parts), encoding="utf-8") as f:
        return f.read()


def verbs():
    names = re.findall(r'^VERB\("(\w+)"', source("cmd", "verbs.def"), re.M)
    assert len(names) > 20
    return names


def used(s, *args, status=0, data=True, **kw):
    """Runs it, remembers the verb, checks the exit status."""
    s.used.add(args[0])
    p = run(*args, data=s.data if data else None, **kw)
    assert p.returncode == status, (args, p.returncode, p.stdout[-1500:], p.stderr[-1500:])
    return p.stdout.decode()


def every_verb_tells_about_itself(s):
    s.used = set()
    for verb in verbs():
        for lang, args in (("en", ()), ("ja", ("--lang", "ja"))):
            p = run(verb, "--help", *args)
            text = p.stdout.decode()
            assert p.returncode == 0 and not p.stderr and verb in text, (verb, p)
            assert (not text.isascii()) if lang == "ja" else "--help" in text, (verb, text[:200])
            assert re.search(r"[ぁ-ん]", text) if lang == "ja" else not re.search(r"[ぁ-ん]", text), (verb, lang, text[:300])
        assert run(verb, "--help", lang="ja_JP.UTF-8").stdout == run(verb, "--help", "--lang", "ja").stdout, verb
        p = run(verb, "--no-such-option")
        assert p.returncode == 2 and b"--no-such-option" in p.stderr, (verb, p)
    p = run("--help")
    assert p.returncode == 0 and all(v in p.stdout.decode() for v in verbs())
    assert run().returncode == 2 and run("--version").stdout.startswith(b"hinomi ")
    p = run("alrt")
    assert p.returncode == 2 and b'"alert"' in p.stderr


def starts(s):
    s.data = os.path.join(s.tmp, "data")
    s.server = Server(s.data)
    s.used.add("serve")
    log = os.path.join(s.tmp, "auth.log")
    with open(log, "w") as f:
        f.writelines(f"<38>Mar  2 09:00:{i:02} gate sshd[1]: Failed password for root from 192.0.2.77 port {i} ssh2\n" for i in range(30))
    s.log = log
    p = run("import", "--site", "osaka", log, data=s.data)
    assert p.returncode == 0 and b"30 events imported" in p.stderr, p
    s.used.add("import")
    assert "192.0.2.77" in used(s, "scan", log, "-o", "jsonl", data=False)
    used(s, "rules", "check", os.path.join(SOURCE, "content", "rules"), data=False)
    assert len(used(s, "rules", "list", os.path.join(SOURCE, "content", "rules"), data=False).splitlines()) > 50


def forms(s, *args):
    """The four forms of one list say the same."""
    whole = json.loads(used(s, *args, "-o", "json"))
    items = whole["items"]
    if s.server.p.poll() is not None:
        return items  # the forms are the same code; each command opens the directory anew
    lines = [json.loads(x) for x in used(s, *args, "-o", "jsonl").splitlines()]
    assert lines == items, args
    rows = list(csv.reader(io.StringIO(used(s, *args, "-o", "csv"))))
    table = used(s, *args, "-o", "table").splitlines()
    if not items:
        assert not rows and not table, (args, rows, table)
        return []
    assert len(rows) == len(items) + 1 and all(len(r) == len(rows[0]) for r in rows), (args, rows[:3])
    assert len(table) == len(items) + 1, (args, table[:5])
    return items


def users_and_tokens(s, running):
    """With and without a server."""
    n = "with" if running else "without"
    token = used(s, "token", "create", "--role", "l1", "--site", "osaka", "--name", n, "--user", f"{n}-l1")
    assert re.fullmatch(r"hnm_[0-9a-f]{64}\n", token), token
    mine = [t for t in forms(s, "token", "list") if t.get("name") == n]
    assert len(mine) == 1 and mine[0]["site"] == "osaka" and "token" not in mine[0], mine
    used(s, "token", "revoke", mine[0]["id"])
    assert [t for t in forms(s, "token", "list") if t["id"] == mine[0]["id"]][0]["revoked"] is True
    used(s, "user", "create", n, "--role", "l2,handler", "--mail", "a@example.jp", "--password-stdin", stdin=b"long enough 1\n")
    used(s, "user", "create", n, "--role", "l2", "--password-stdin", stdin=b"long enough 1\n", status=2)
    used(s, "user", "create", "x" + n, "--role", "l2", "--password-stdin", stdin=b"short\n", status=2)
    used(s, "user", "change", n, "--disable")
    got = [u for u in forms(s, "user", "list") if u["name"] == n]
    assert got[0]["roles"] == ["l2", "handler"] and got[0]["disabled"] is True and "password" not in json.dumps(got), got
    used(s, "user", "change", "nobody", "--enable", status=2)


def the_desk(s):
    alert = until(lambda: forms(s, "alert", "list", "status=new"), 30)[0]
    assert "192.0.2.77" in json.dumps(alert), alert
    shown = json.loads(used(s, "alert", "show", alert["id"], "-o", "json"))
    assert shown["id"] == alert["id"] and alert["id"] in used(s, "alert", "show", alert["id"], "-o", "table")
    forms(s, "alert", "events", alert["id"])
    used(s, "alert", "change", alert["id"], "status=acknowledged")
    assert [e["verb"] for e in forms(s, "alert", "history", alert["id"])][-1] == "acknowledge"
    used(s, "alert", "change", alert["id"], "status=closed", status=2)
    used(s, "alert", "show", "01M8BRNXCE000G00000000005Y", status=2)
    package = ["seen=見た", "done=調べた", "not_checked=なし", "asked=隔離", "priority=P2", "priority_reason=外部"]
    used(s, "handoff", "create", f"alert_ids={alert['id']}", *package[:-1], status=2)
    h = json.loads(used(s, "handoff", "create", f"alert_ids={alert['id']}", *package, "-o", "json"))
    used(s, "handoff", "return", h["id"], "reason=足りない")
    used(s, "handoff", "resend", h["id"], "done=調べ直した")
    i = json.loads(used(s, "handoff", "accept", h["id"], "-o", "json"))["incident_id"]
    s.incident = i
    assert [x["id"] for x in forms(s, "handoff", "list")] == [h["id"]] and [x["id"] for x in forms(s, "incident", "list")] == [i]
    used(s, "incident", "change", i, "phase=containment", 'roles={"scribe":"sato"}')
    books = forms(s, "playbook", "list")
    used(s, "incident", "add-task", i, f"playbook_id={books[0]['id']}")
    task = forms(s, "incident", "tasks", i)[0]
    used(s, "task", "change", task["id"], "status=done", "result=済")
    assert json.loads(used(s, "task", "show", task["id"], "-o", "json"))["status"] == "done"
    used(s, "incident", "add-timeline", i, "text.ja=切った", "text.en=cut", "time=2026-11-22T01:02:03Z")
    assert any(x["text"] == {"ja": "切った", "en": "cut"} for x in forms(s, "incident", "timeline", i))
    used(s, "incident", "add-decision", i, "title=公表", 'options=["する","しない"]', "decided=しない", "reason=影響なし")
    decision = forms(s, "incident", "decisions", i)[0]
    used(s, "decision", "approve", decision["id"], "reason=x", status=2)  # nobody decides on his own proposal
    e = json.loads(used(s, "incident", "add-evidence", i, "name=auth.log", f"@{s.log}", "-o", "json"))
    with open(s.log) as f:
        assert used(s, "evidence", "content", e["id"]) == f.read()
    used(s, "evidence", "hold", e["id"], "reason=訴訟", "hold=true")
    c = json.loads(used(s, "evidence", "custody", e["id"], "to=local", "reason=保管", "-o", "json"))
    used(s, "custody", "accept", c["id"])
    r = json.loads(used(s, "report", "create", f"incident_id={i}", "kind=first", "lang=ja", "format=html", "-o", "json"))
    assert until(lambda: "<html" in run("report", "content", r["id"], data=s.data).stdout.decode(errors="replace"), 30)
    assert [x["id"] for x in forms(s, "report", "list")] == [r["id"]]
    used(s, "handoff", "list", "stauts=sent", status=2)


def reading(s, running):
    """Verbs that only read say the same with and without a server, where there is something to say."""
    assert forms(s, "incident", "list")[0]["id"] == s.incident
    forms(s, "notice", "list")
    assert ([x for x in forms(s, "source", "list") if x["stored"] == 30] != []) == running  # counters are the running server's
    assert json.loads(used(s, "rulebook", "list", "-o", "json"))["rows"]
    assert used(s, "rulebook", "print", "lang=ja").startswith("#")
    entries = forms(s, "ledger", "list", "limit=50")
    assert entries[0]["seq"] == 0 and used(s, "ledger", "checkpoint").count("\n") >= 4
    assert until(lambda: run("ledger", "proof", "seq=1", "-o", "json", data=s.data).returncode == 0)
    assert set(json.loads(used(s, "metrics", "soc", "-o", "json"))) >= {"mttd", "mtta"}
    used(s, "verify", s.data)
    used(s, "config", "show")


def searching(s, *where):
    want = 30
    rows = [json.loads(x) for x in used(s, "search", *where, "_site=osaka").splitlines()]
    assert len(rows) == want and all("_raw" in r for r in rows), rows[:2]
    assert json.loads(used(s, "search", *where, "_site=osaka", "-o", "json", "-n", "3"))["items"] == rows[:3]
    table = list(csv.DictReader(io.StringIO(used(s, "search", *where, "_site=osaka", "-o", "csv"))))
    assert [r["_raw"] for r in table] == [r["_raw"] for r in rows]
    assert list(csv.reader(io.StringIO(used(s, "search", *where, "_site=osaka | stats count by _host", "-o", "csv"))))[1] == ["gate", "30"]
    assert len(used(s, "search", *where, "_site=osaka", "-o", "table").splitlines()) == want
    assert used(s, "search", *where, "_site=nowhere") == ""
    p = run("search", *where, "_site=(", data=s.data)
    assert p.returncode == 2 and b"site" in p.stderr or b":" in p.stderr, p
    assert used(s, "search", *where, "_site=osaka", "-n", "0", status=2) == ""


def with_a_server(s):
    users_and_tokens(s, True)
    the_desk(s)
    reading(s, True)
    searching(s)
    url, token = f"http://127.0.0.1:{s.server.port}", s.server.token("viewer")
    searching(s, "--server", url, "--token", token)
    out = run("alert", "list", "-o", "json", "--server", url, "--token", token)
    assert json.loads(out.stdout)["items"], out
    for bad in (("--server", url, "--token", "wrong"), ("--server", url)):
        assert run("alert", "list", *bad).returncode == 2, bad
    assert run("alert", "list", "--server", "http://127.0.0.1:1", "--token", token).returncode == 4
    assert run("user", "list", "--server", url, "--token", s.server.token("sensor")).returncode == 2
    # The environment names the server as well.
    assert json.loads(run("alert", "list", "-o", "json", env={"HINOMI_SERVER": url, "HINOMI_TOKEN": token}).stdout)["items"]


def the_shown_configuration_is_one(s):
    """`config show` can be given back as --config and shows the same."""
    shown = used(s, "config", "show")
    path = os.path.join(s.tmp, "shown.yml")
    with open(path, "w") as f:
        f.write(shown)
    assert used(s, "config", "check", path) == "" and used(s, "config", "show", path) == shown
    assert used(s, "config", "show", "--config", path) == shown
    japanese = used(s, "config", "show", "--lang", "ja")
    assert japanese != shown and [x for x in japanese.splitlines() if x[0] != "#"] == [x for x in shown.splitlines() if x[0] != "#"]
    assert "listen:" in shown and all(f"\n{k}: " in "\n" + shown for k in re.findall(r'^CONFIG\(\w+, "(\w+)"', source("house", "config.def"), re.M))


def without_a_server(s):
    s.server.stop()
    users_and_tokens(s, False)
    reading(s, False)
    searching(s)
    server = Server(s.data, "--config", os.path.join(s.tmp, "shown.yml"))
    server.stop()


def a_closed_pipe_is_no_error(s):
    p = subprocess.Popen([BINARY, "search", "--data", s.data, "*"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdout.close()
    assert p.wait(30) == 0 and p.stderr.read() == b""
    p.stderr.close()


def every_verb_was_used(s):
    assert s.used == set(verbs()), set(verbs()) - s.used


if __name__ == "__main__":
    main([every_verb_tells_about_itself, starts, with_a_server, the_shown_configuration_is_one, without_a_server, a_closed_pipe_is_no_error, every_verb_was_used])
