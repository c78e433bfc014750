#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The server ended by force at random moments under load: what was answered is there, once, and the directory verifies. As TAP.

kill.py BINARY [SEED] [KILLS]
"""
import http.client
import json
import os
import random
import socket
import sys
import threading
import time

from lib import Client, Server, main, until, verify

SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 20261126
KILLS = int(sys.argv[3]) if len(sys.argv) > 3 else 50
GONE = (OSError, http.client.HTTPException)


class Load:
    """Senders that go on over every restart. What was sent, what was answered, what is still to be asked again."""

    def __init__(self, s):
        self.s, self.lock, self.on, self.quit = s, threading.Lock(), threading.Event(), False
        self.sent, self.acked = set(), set()
        self.answered, self.refused, self.faults = {}, [], []
        self.syslog_sent = 0
        self.threads = [threading.Thread(target=self.around, args=(f,), daemon=True) for f in (self.http, self.http, self.syslog, self.desk, self.desk)]
        self.next = 0
        for t in self.threads:
            t.start()

    def number(self):
        with self.lock:
            self.next += 1
            return self.next

    def around(self, step):
        state = {}
        while not self.quit:
            if not self.on.wait(0.1):
                continue
            try:
                step(state)
            except GONE:
                if state.get("client"):
                    state["client"].close()
                time.sleep(0.01)
            except Exception as e:  # seen by the test at its end
                self.faults.append(repr(e))
                return

    def client(self, state, token):
        if "client" not in state:
            state["client"] = Client(self.s.server, token)
        return state["client"]

    def http(self, state):
        mine = [self.number() for _ in range(random.randint(1, 40))]
        with self.lock:
            self.sent.update(mine)
        rows = [{"n": n, "way": "http", "EventID": 1102, "Channel": "Security", "Computer": f"pc{n % 3}", "text": "x" * (n % 300)} for n in mine]
        a = self.client(state, self.s.sensor.token).call("POST", "events?source=kill", b"\n".join(json.dumps(x).encode() for x in rows))
        assert a.status in (200, 429, 503), a
        if a.status == 200:
            assert a["accepted"] == len(mine)
            with self.lock:
                self.acked.update(mine)
        time.sleep(0.01)

    def syslog(self, state):
        n = self.number()
        self.s.server.tcp(b"".join(b"<13>1 2026-11-26T00:00:00Z h app - - - kill line n%d-%d\n" % (n, i) for i in range(50)))
        self.syslog_sent += 50
        time.sleep(0.02)

    def desk(self, state):
        """The same request with the same key until it is answered."""
        if "ask" not in state:
            n = self.number()
            state["ask"] = (n, f"incidents/{self.s.incident}/" + ("timeline" if n % 3 else "tasks"), {"text": f"note {n}"} if n % 3 else {"title": f"note {n}"})
        n, path, body = state["ask"]
        a = self.client(state, self.s.handler.token).call("POST", path, body, Idempotency_Key=f"kill-{n}")
        if a.status == 201:
            self.answered[n] = (a["ledger_seq"], a["id"])
        elif a.status not in (429, 503):
            raise AssertionError(a)
        if a.status == 201:
            del state["ask"]
        time.sleep(0.005)

    def end(self):
        self.quit = True
        for t in self.threads:
            t.join(30)
        assert not self.faults, self.faults


def count(s, query):
    rows = s.admin.post("search", {"q": query}, 200)["items"]
    return rows[0] if rows else {}


def stored(s, load):
    """Every acknowledged event, each event once."""
    row = {}

    def look():
        nonlocal row
        row = count(s, "way=http | stats count, dc(n)")
        return row.get("count", 0) >= len(load.acked)

    assert until(look, 30), (row, len(load.acked))
    assert row["count"] == row["dc(n)"] <= len(load.sent), row


def begins(s):
    """An incident to work on."""
    print(f"# seed {SEED}, {KILLS} kills")
    s.data = os.path.join(s.tmp, "data")
    s.server = Server(s.data)
    for role in ("admin", "l1", "handler", "sensor"):
        setattr(s, role, s.server.client(role, "--user", role))
    s.sensor.post("events?source=first", json.dumps({"EventID": 1102, "Channel": "Security", "Computer": "first"}).encode(), 200)
    a = until(lambda: s.l1.get("alerts")["items"])[0]
    package = {k: "x" for k in ("seen", "done", "not_checked", "asked", "priority_reason")}
    h = s.l1.post("handoffs", {"alert_ids": [a["id"]], "priority": "P2", **package}, 201)
    s.incident = s.handler.post(f"handoffs/{h['id']}/accept", {}, 200)["incident_id"]


def killed_at_random_moments(s):
    rng = random.Random(SEED)
    load = Load(s)
    try:
        for i in range(KILLS):
            load.on.set()
            time.sleep(rng.random() ** 2 * 0.5)
            s.server.kill()
            load.on.clear()
            if i % 10 == 9:
                status, text = verify(s.data)
                assert status == 0, f"after kill {i}: {text}"
            s.server.start()
            for c in (s.admin, s.l1, s.handler, s.sensor):
                c.close()
            if i % 5 == 4:
                stored(s, load)
    finally:
        load.end()
    s.load = load
    print(f"# {len(load.acked)} events acknowledged of {len(load.sent)} sent, {load.syslog_sent} lines of syslog, {len(load.answered)} changes answered")
    assert len(load.acked) > 500 and len(load.answered) > 100
    stored(s, load)


def every_acknowledged_event_is_there_once(s):
    got, cursor = [], ""
    while cursor is not None:
        page = s.admin.post("search", {"q": "way=http", "limit": 10000, **({"cursor": cursor} if cursor else {})}, 200)
        got += [int(x["n"]) for x in page["items"]]
        cursor = page["next_cursor"]
    assert len(got) == len(set(got)), "twice: " + str([x for x in set(got) if got.count(x) > 1][:5])
    assert s.load.acked <= set(got) <= s.load.sent, (sorted(s.load.acked - set(got))[:5], len(got))
    lines = count(s, '"kill line" | stats count, dc(message)')
    assert lines["count"] == lines["dc(message)"], lines


def every_answered_change_is_there_once(s):
    path = f"incidents/{s.incident}/"
    notes = [x["text"]["ja"] if isinstance(x["text"], dict) else x["text"] for x in s.handler.get(path + "timeline")["items"] if x["kind"] == "note"]
    tasks = [x["title"]["ja"] for x in s.handler.get(path + "tasks")["items"]]
    have = [x for x in notes + tasks if x.startswith("note ")]
    assert len(have) == len(set(have)), "twice: " + str([x for x in set(have) if have.count(x) > 1][:5])
    missing = {f"note {n}" for n in s.load.answered} - set(have)
    assert not missing, missing
    # Two at the most were asked and not answered.
    assert len(have) <= len(s.load.answered) + 2, (len(have), len(s.load.answered))
    seqs = [x[0] for x in s.load.answered.values()]
    assert len(seqs) == len(set(seqs))


def alerts_count_every_event_once(s):
    """What detection did over and over after each kill gave each event one place."""
    want = count(s, "EventID=1102 | stats count")["count"]

    def look():
        alerts = [a for a in s.l1.items("alerts") if "1102" in json.dumps(a) or "lear" in a["title"]]
        return sum(a["count"] for a in alerts) == want

    assert until(look, 30), (want, [(a["title"], a["count"]) for a in s.l1.items("alerts")])
    for a in s.l1.items("alerts"):
        ids = [e["event_id"] for e in s.l1.items(f"alerts/{a['id']}/events")]
        assert len(ids) == len(set(ids)), a["id"]


def sigterm_under_load_loses_nothing(s):
    """Ends within 5 s; what was answered, and what lay in the sockets when the signal came, is there."""
    for round_ in range(3):
        load = Load(s)
        load.acked, load.sent, load.next = s.load.acked, s.load.sent, s.load.next
        load.on.set()
        time.sleep(0.3)
        word = f"parting{round_}"
        conn = [socket.create_connection(("127.0.0.1", s.server.syslog)) for _ in range(3)]
        for i, c in enumerate(conn):
            c.sendall(b"".join(b"<13>1 2026-11-26T00:00:00Z h app - - - %s line%d-%d\n" % (word.encode(), i, k) for k in range(1500)))
        s.server.udp([b"<13>1 2026-11-26T00:00:00Z h app - - - udp%s %d" % (word.encode(), k) for k in range(100)])
        took = s.server.stop()
        load.on.clear()
        for c in conn:
            c.close()
        load.end()
        assert took < 5, took
        status, text = verify(s.data)
        assert status == 0, text
        s.server.start()
        s.admin.close()
        s.load.next = load.next
        assert until(lambda w=word: count(s, f"{w} | stats count").get("count", 0) >= 4500), count(s, f"{word} | stats count")
        assert count(s, f"{word} | stats count")["count"] == 4500
        assert count(s, f"udp{word} | stats count")["count"] == 100
        stored(s, load)


def verifies_at_the_end(s):
    status, text = verify(s.data)
    assert status == 0, text
    s.server.stop()
    status, text = verify(s.data)
    assert status == 0, text


if __name__ == "__main__":
    main([begins, killed_at_random_moments, every_acknowledged_event_is_there_once, every_answered_change_is_there_once, alerts_count_every_event_once, sigterm_under_load_loses_nothing, verifies_at_the_end])
