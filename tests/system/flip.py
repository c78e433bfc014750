#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One byte changed, one file gone: verify says where, in a directory that was stopped, that was killed, and that is in use. As TAP.

flip.py BINARY [SEED]
"""
import json
import os
import random
import shutil
import sys
import threading
import time

from lib import Server, main, run, until, verify

SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 7
TRIES = 6


def files(data):
    return sorted(os.path.relpath(os.path.join(folder, n), data) for folder, _, names in os.walk(data) for n in names)


def kind(name):
    """Files of one kind are written by the same code."""
    for start, what in (("wal/", "log"), ("segments/MANIFEST", "manifest"), ("segments/", "segment"), ("evidence/", "evidence"), ("ledger/tile/entries/", "entries"), ("ledger/tile/", "tile")):
        if name.startswith(start):
            return what
    return name


def fill(s, data):
    """A directory with every kind of file in it; the server runs."""
    server = Server(data, config="seal_age: 1s\nseal_bytes: 64KiB\n")
    admin, handler, l1 = (server.client(r, "--user", r) for r in ("admin", "handler", "l1"))
    for i in range(20):
        rows = [{"EventID": 1102 if k == 0 else 4624, "Channel": "Security", "Computer": f"pc{i}", "n": i * 100 + k, "text": "火" * 50} for k in range(100)]
        admin.post("events?source=flip&product=windows&service=security", "\n".join(json.dumps(r) for r in rows), 200)
    a = until(lambda: l1.get("alerts")["items"])[0]
    package = {k: "x" for k in ("seen", "done", "not_checked", "asked", "priority_reason")}
    h = l1.post("handoffs", {"alert_ids": [a["id"]], "priority": "P2", **package}, 201)
    incident = handler.post(f"handoffs/{h['id']}/accept", {}, 200)["incident_id"]
    handler.call("POST", f"incidents/{incident}/evidence?name=image", bytes(range(256)) * 40, 201, Content_Type="application/octet-stream")
    for i in range(300):
        handler.post(f"incidents/{incident}/timeline", {"text": f"note {i}"}, 201)
    assert until(lambda: [n for n in files(data) if n.startswith("segments/") and n.endswith(".seg")])
    # What is not sealed yet, too.
    admin.post("events?source=flip", "\n".join(json.dumps({"n": i}) for i in range(100)), 200)
    server.admin = admin
    return server


def live_bytes(log):
    """Of the database's log: behind the frames of this round lie those of earlier ones, which nobody reads (sqlite.org/fileformat2.html, 4)."""
    page, at = int.from_bytes(log[8:12], "big"), 32
    while at + 24 + page <= len(log) and log[at + 8:at + 16] == log[16:24]:
        at += 24 + page
    return at


def first_of_a_commit(log):
    """A byte in the first frame of a commit in the middle of the log: what stands before it is whole, so that only the index tells what is lost."""
    page, at = int.from_bytes(log[8:12], "big"), 32
    while at < live_bytes(log) // 2 or not any(log[at + 4:at + 8]):
        at += 24 + page
    return at + 24 + page + 24 + page // 2


def not_covered(text):
    return {line.split(": ", 1)[1].split(" (")[0] for line in text.splitlines() if line.startswith("not covered: ")}


def flips_are_named(s, data, rng, at_least):
    status, text = verify(data)
    assert status == 0, text
    open_ = {os.path.relpath(x, data) for x in not_covered(text)}
    kinds, index = {}, os.path.join(data, "hinomi.db-shm")
    kept = open(index, "rb").read() if os.path.exists(index) else None
    for name in files(data):
        path = os.path.join(data, name)
        if name in open_ or not os.path.getsize(path):
            continue
        with open(path, "rb") as f:
            whole = f.read()
        if kinds.setdefault(kind(name), 0) >= 3 * TRIES:
            continue
        for n in range(TRIES):
            at = rng.randrange(len(whole))
            if name == "hinomi.db-wal":
                at = rng.randrange(live_bytes(whole) // 2) if n else first_of_a_commit(whole)
            os.chmod(path, 0o600)
            with open(path, "wb") as f:
                f.write(whole[:at] + bytes([whole[at] ^ 1 << rng.randrange(8)]) + whole[at + 1:])
            status, text = verify(data)
            assert status == 1 and os.path.basename(name) in text, f"{name} at byte {at} of {len(whole)}: {text}"
            kinds[kind(name)] += 1
            if kept:  # a reader makes the index anew from what it can read
                with open(index, "wb") as f:
                    f.write(kept)
        with open(path, "wb") as f:
            f.write(whole)
    assert set(kinds) >= at_least, kinds
    status, text = verify(data)
    assert status == 0, text
    return kinds


KINDS = {"log", "manifest", "segment", "evidence", "entries", "tile", "hinomi.db", "ledger/checkpoint", "ledger/key.pub"}


def a_flip_in_a_stopped_directory(s):
    print(f"# seed {SEED}")
    s.data = os.path.join(s.tmp, "stopped")
    s.server = fill(s, s.data)
    s.server.stop()
    print(f"# {flips_are_named(s, s.data, random.Random(SEED), KINDS)}")


def a_flip_in_a_killed_directory(s):
    """Commits wait in the database's own log; a flip there would undo them silently."""
    data = os.path.join(s.tmp, "killed")
    server = fill(s, data)
    server.kill()
    assert os.path.getsize(os.path.join(data, "hinomi.db-wal")) > 0
    print(f"# {flips_are_named(s, data, random.Random(SEED + 1), KINDS | {'hinomi.db-wal'})}")


def a_missing_file_is_noticed(s):
    status, text = verify(s.data)
    assert status == 0, text
    open_ = {os.path.relpath(x, s.data) for x in not_covered(text)}
    gone = set()
    for name in files(s.data):
        # The log of a database that was closed is empty or not there; it has nothing to miss.
        if name in open_ or kind(name) in gone or name == "hinomi.db-wal":
            continue
        gone.add(kind(name))
        path, away = os.path.join(s.data, name), os.path.join(s.tmp, "away")
        os.rename(path, away)
        status, text = verify(s.data)
        assert status == 1, f"without {name}: {text}"
        # A missing part of the log shows in what comes before or behind it.
        assert os.path.basename(name) in text or kind(name) == "log" or kind(name) == "manifest", f"without {name}: {text}"
        os.rename(away, path)
    assert gone >= KINDS, gone
    assert verify(s.data)[0] == 0


def everything_else_is_said_to_be_open(s):
    with open(os.path.join(s.data, "evidence", "stray"), "w") as f:
        f.write("x")
    with open(os.path.join(s.data, "hinomi.yml"), "w") as f:
        f.write("site: x\n")
    status, text = verify(s.data)
    assert status == 0 and {os.path.join(s.data, n) for n in ("ledger/key", "lock", "hinomi.yml", "evidence/stray")} <= not_covered(text), text
    p = run("verify", "--lang", "ja", s.data)
    assert p.returncode == 0 and "対象外" in p.stdout.decode() and "検証しました" in p.stdout.decode(), p
    p = run("verify", os.path.join(s.tmp, "nothing"))
    assert p.returncode == 2 and b"nothing" in p.stderr, p
    os.remove(os.path.join(s.data, "hinomi.yml"))


def a_directory_in_use_verifies_at_any_moment(s):
    """Files come, go and are swapped under the eyes of verify: no false fault; a true one is named."""
    data = os.path.join(s.tmp, "busy")
    server = fill(s, data)
    stop = threading.Event()

    def work(i):
        c = server.client("admin") if i else server.client("handler", "--user", "handler")
        incident = c.get("incidents")["items"][0]["id"]
        n = 0
        while not stop.is_set():
            n += 1
            if i:
                c.post("events?source=busy", "\n".join(json.dumps({"EventID": 1102, "Channel": "Security", "n": f"{i}-{n}-{k}", "x": "y" * 400}) for k in range(50)), 200)
            else:
                c.post(f"incidents/{incident}/timeline", {"text": f"busy {n}"}, 201)
            time.sleep(0.01)

    threads = [threading.Thread(target=work, args=(i,), daemon=True) for i in range(3)]
    for t in threads:
        t.start()
    try:
        for i in range(12):
            status, text = verify(data)
            assert status == 0, f"look {i}: {text}"
        segment = next(n for n in files(data) if n.endswith(".seg"))
        with open(os.path.join(data, segment), "r+b") as f:
            f.seek(100)
            b = f.read(1)
            f.seek(100)
            f.write(bytes([b[0] ^ 4]))
        status, text = verify(data)
        assert status == 1 and segment in text, text
    finally:
        stop.set()
        for t in threads:
            t.join()
        server.stop()


def a_server_does_not_go_on_from_a_shortened_past(s):
    """Entries that a signed checkpoint covers are gone: the server says so and does not sign over it. A lost log never gives a position twice."""
    data = os.path.join(s.tmp, "short")
    shutil.copytree(s.data, data, ignore=shutil.ignore_patterns('*.sock'))
    shutil.rmtree(os.path.join(data, "wal"))
    server = Server(data)
    admin = server.client("admin")
    before = admin.post("search", {"q": "* | stats count"}, 200)["items"][0]["count"]
    admin.post("events?source=after", '{"after":1}\n{"after":2}', 200)
    assert until(lambda: admin.post("search", {"q": "after:*"}, 200)["items"].__len__() == 2), "new events are lost behind a missing log"
    assert admin.post("search", {"q": "* | stats count"}, 200)["items"][0]["count"] == before + 2
    server.stop()
    assert verify(data)[0] == 1
    old = os.path.join(s.tmp, "old")
    shutil.copytree(s.data, old, ignore=shutil.ignore_patterns('*.sock'))
    for name in ("hinomi.db", "hinomi.db-wal", "hinomi.db-shm"):
        if os.path.exists(os.path.join(old, name)):
            os.remove(os.path.join(old, name))
    p = run("serve", "--data", old, "--listen", "127.0.0.1:0", "--syslog", "off")
    assert p.returncode != 0 and b"entries are missing" in p.stderr, p
    keyless = os.path.join(s.tmp, "keyless")
    shutil.copytree(s.data, keyless, ignore=shutil.ignore_patterns("*.sock", "key"))
    assert verify(keyless)[0] == 0  # the public key is all that a proof needs
    p = run("serve", "--data", keyless, "--listen", "127.0.0.1:0", "--syslog", "off")
    assert p.returncode != 0 and b"private key" in p.stderr, p
    assert verify(keyless)[0] == 0


if __name__ == "__main__":
    main([a_flip_in_a_stopped_directory, a_flip_in_a_killed_directory, a_missing_file_is_noticed, everything_else_is_said_to_be_open, a_directory_in_use_verifies_at_any_moment,
          a_server_does_not_go_on_from_a_shortened_past])
