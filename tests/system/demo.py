#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The demonstration: `hinomi serve --demo` in an empty directory, looked at by each of its people, and started again. As TAP.

demo.py BINARY
"""
import json
import os
import re

from lib import Client, Server, main, run, until, verify

PEOPLE = "admin l1 soc_lead handler csirt_lead management".split()


def logins(greeting):
    return dict(re.findall(r"^    (\w+) +([0-9a-z-]{19,32})   ", greeting, re.M))


def begins_with_a_full_house(s):
    """The first start: one address, six people who can log in, ranked alerts at once, an incident in progress, a hand-off that waits."""
    s.data = os.path.join(s.tmp, "demo")
    s.server = Server(s.data, "--demo")
    s.logins = logins(s.server.greeting)
    assert sorted(s.logins) == sorted(PEOPLE) and "訓練" in s.server.greeting, s.server.greeting
    assert s.server.greeting.count("http://") == 1 and "error" not in s.server.greeting, s.server.greeting
    s.admin = s.server.client("admin")
    s.people = {}
    for name, password in s.logins.items():
        a = Client(s.server).post("session", {"user": name, "password": password}, 200)
        s.people[name] = Client(s.server, cookie=a.headers["Set-Cookie"].split(";")[0])
        assert s.people[name].get("me")["user"] == name
    alerts = s.people["l1"].items("alerts?status=open")
    scores = [a["score"] for a in alerts]
    assert len(alerts) >= 15 and scores == sorted(scores, reverse=True) and alerts[0]["priority"] == "P1", scores
    assert {"new", "escalated"} <= {a["status"] for a in alerts}
    assert [a["verdict"] for a in s.people["l1"].items("alerts?status=closed")] == ["benign", "benign"]
    s.handoffs = s.people["handler"].items("handoffs")
    assert sorted(h["status"] for h in s.handoffs) == ["accepted", "sent"]


def has_an_incident_in_progress(s):
    inc, = s.people["management"].items("incidents")
    assert inc["status"] == "open" and inc["phase"] == "containment" and inc["commander"] == "csirt_lead", inc
    tasks = s.people["handler"].get(f"incidents/{inc['id']}/tasks")["items"]
    assert len(tasks) == 20 and [t["status"] for t in tasks[:4]] == ["done", "done", "done", "open"], [t["status"] for t in tasks]
    evidence = s.people["handler"].get(f"incidents/{inc['id']}/evidence")["items"]
    assert len(evidence) == 2
    decisions = s.people["csirt_lead"].get(f"incidents/{inc['id']}/decisions")["items"]
    assert sorted(d["status"] for d in decisions) == ["approved", "proposed"]
    times = [t["time"] for t in s.people["handler"].get(f"incidents/{inc['id']}/timeline")["items"]]
    assert len(times) >= 8 and times == sorted(times)


def is_a_drill_everywhere(s):
    """Every event is of the drill site, every object is labelled, and what would leave the house is blocked."""
    everything = s.admin.items("alerts") + s.admin.items("handoffs") + s.admin.items("incidents")
    assert everything and all(x["drill"] for x in everything)
    notices = s.admin.items("notices")
    assert notices and all(n["drill"] and n["state"] == ("sent" if n["channel"] == "console" else "blocked") for n in notices), notices[:1]
    count = lambda q: s.admin.post("search", {"q": q + " | stats count", "from": "-24h"}, 200)["items"][0]["count"]
    assert count("*") == count("_site:drill") > 2000


def trickles_on(s):
    """Lines after the anchor come as time passes, counted like any sender's."""
    look = lambda: {x["source"]: x for x in s.admin.get("sources")["items"]}
    assert until(lambda: sum(x["stored"] for x in look().values()) >= 3, 60), look()
    for x in look().values():
        assert x["received"] == x["stored"] + x["refused"] and x["refused"] == 0, x


def tells_no_past_twice(s):
    """Stopped and started again: the same people, the same past, a ledger that verifies."""
    with open(os.path.join(s.data, "demo.json"), encoding="utf-8") as f:
        anchor = json.load(f)["anchor"]
    past = lambda: s.admin.post("search", {"q": "* | stats count", "from": "-24h", "to": anchor}, 200)["items"][0]["count"]
    before = past()
    s.admin.close()
    assert s.server.stop() < 5
    status, text = verify(s.data)
    assert status == 0, text
    s.server.start()
    assert logins(s.server.greeting) == s.logins, s.server.greeting
    assert past() == before > 2000, (past(), before)
    assert len(s.admin.items("incidents")) == 1 and len(s.admin.items("handoffs")) == 2
    s.server.stop()


def needs_a_directory_of_its_own(s):
    """It does not mix with what is there."""
    other = os.path.join(s.tmp, "other")
    os.makedirs(other)
    with open(os.path.join(other, "note"), "w") as f:
        f.write("mine")
    p = run("serve", "--demo", "--data", other, "--listen", "127.0.0.1:0")
    assert p.returncode == 2 and b"[demo.not_empty]" in p.stderr, p
    assert os.listdir(other) == ["note"]


def leftovers_of_a_broken_start_are_no_harm(s):
    """What a first start that was killed left beside the directory is thrown away."""
    data = os.path.join(s.tmp, "again")
    os.makedirs(data + ".new/ledger")
    with open(data + ".new/hinomi.db", "w") as f:
        f.write("half")
    server = Server(data, "--demo")
    with open(os.path.join(data, "demo.json"), encoding="utf-8") as f:
        assert len(json.load(f)["logins"]) == len(PEOPLE)
    assert not os.path.exists(data + ".new") and os.stat(os.path.join(data, "demo.json")).st_mode & 0o77 == 0
    server.stop()


if __name__ == "__main__":
    main([begins_with_a_full_house, has_an_incident_in_progress, is_a_drill_everywhere, trickles_on, tells_no_past_twice, needs_a_directory_of_its_own, leftovers_of_a_broken_start_are_no_harm])
