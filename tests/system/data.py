#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The real program on a data directory: import, search, verify; killed at random moments; every kind of file damaged. As TAP.

data.py BINARY
"""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

LINES = 20000


def run(*args, data=None):
    env = {**os.environ, "HINOMI_DATA": data or "", "LC_ALL": "C"}
    return subprocess.run([sys.argv[1], *args], capture_output=True, env=env)


def write_log(path, first, n):
    """Made syslog lines, each with its number."""
    with open(path, "w") as f:
        for i in range(first, first + n):
            f.write(f"Mar  2 09:{i // 60 % 60:02}:{i % 60:02} web{i % 3} app[{i}]: request number={i} user=u{i % 7} took={i % 100}ms\n")


def count(data, query="*"):
    p = run("search", f"{query} | stats count", data=data)
    assert p.returncode == 0, p.stderr
    return json.loads(p.stdout)["count"]


def verify(data):
    p = run("verify", data)
    return p.returncode, (p.stderr + p.stdout).decode(errors="replace")


def import_search_verify(tmp):
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


def killed_at_random_moments(tmp):
    """After a kill the directory verifies, holds whole imports or a prefix of the last one, and nothing twice."""
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


def flipped_bytes_are_named(tmp):
    data, log = os.path.join(tmp, "flip"), os.path.join(tmp, "f.log")
    write_log(log, 0, 500)
    assert run("import", log, data=data).returncode == 0
    assert verify(data)[0] == 0
    rng = random.Random(3)
    kinds = 0
    for folder, _, names in os.walk(data):
        for name in names:
            path = os.path.join(folder, name)
            # The private key and the lock prove nothing; SQLite's shared memory is made anew.
            if name in ("key", "lock") or name.endswith(("-shm", "-wal")) or not os.path.getsize(path):
                continue
            kinds += 1
            with open(path, "rb") as f:
                whole = f.read()
            for _ in range(6):
                at = rng.randrange(len(whole))
                with open(path, "wb") as f:
                    f.write(whole[:at] + bytes([whole[at] ^ 0x20]) + whole[at + 1:])
                status, text = verify(data)
                assert status == 1 and name in text, f"{path} at byte {at}: {text}"
            with open(path, "wb") as f:
                f.write(whole)
    assert kinds >= 7, kinds
    assert verify(data)[0] == 0
    os.remove(os.path.join(data, "segments", sorted(os.listdir(os.path.join(data, "segments")))[0]))
    assert verify(data)[0] == 1


TESTS = [import_search_verify, killed_at_random_moments, flipped_bytes_are_named]


def main():
    failed = 0
    print(f"1..{len(TESTS)}")
    for i, test in enumerate(TESTS, 1):
        tmp = tempfile.mkdtemp(prefix="hinomi-system-")
        try:
            test(tmp)
            print(f"ok {i} - {test.__name__}")
        except (AssertionError, KeyError, ValueError) as e:
            failed += 1
            print(f"not ok {i} - {test.__name__}\n# {str(e)[:2000]}")
        finally:
            shutil.rmtree(tmp, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
