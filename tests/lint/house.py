#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""House rules that a script can check, as TAP: includes against the layers, lengths, licence lines, banned calls, unfinished words."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "common"))
import tap

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

EVENT_CHAIN = {"base", "sys", "codec", "event"}
ENGINE = EVENT_CHAIN | {"sigma", "store", "query", "intel"}
DESK = ENGINE | {"db", "ledger"}
# room -> rooms whose headers it may include
MAY_USE = {
    "base": {"base"},
    "sys": {"base", "sys"},
    "codec": {"base", "sys", "codec"},
    "event": EVENT_CHAIN,
    "sigma": EVENT_CHAIN | {"sigma"},
    "store": EVENT_CHAIN | {"store"},
    "query": EVENT_CHAIN | {"query"},  # of the store only store/store.h and what that includes
    "intel": EVENT_CHAIN | {"intel"},
    "db": {"base", "sys", "codec", "db"},
    "ledger": {"base", "sys", "codec", "db", "ledger"},
    "soc": DESK | {"soc"},
    "csirt": DESK | {"csirt"},
    "act": DESK | {"soc", "csirt", "act"},
    "report": DESK | {"soc", "csirt", "report"},
    "drill": DESK | {"soc", "csirt", "drill"},
    "house": DESK | {"soc", "csirt", "act", "report", "drill", "house"},
    "api": DESK | {"soc", "csirt", "act", "report", "drill", "house", "api"},
    "net": DESK | {"soc", "csirt", "act", "house", "api", "net"},
    "cmd": DESK | {"soc", "csirt", "act", "report", "drill", "house", "api", "net", "cmd"},
    "agent": EVENT_CHAIN | {"sigma", "agent"},
}
# single headers that a room may use beyond its layer
DOORS = {"soc": {"csirt/handoff.h"}, "query": {"store/store.h", "store/pred.h", "store/match.h"}}

BANNED = re.compile(r"(?<![\w.>])(system|popen|rand|srand|random|strcpy|strcat|sprintf|gets|strtok|atoi|atol|sscanf|alloca|setjmp)\s*\(")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|not (yet )?implemented|placeholder implementation", re.I)
MACHINE_PATH = re.compile(r"/(work|root)/")


def tracked():
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True).stdout
    return [f for f in out.split("\n") if f and os.path.isfile(os.path.join(ROOT, f))]


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def layers(files):
    bad = []
    for f in files:
        m = re.match(r"src/(\w+)/.*\.[ch]$", f)
        if not m:
            continue
        room = m[1]
        if room not in MAY_USE:
            bad.append(f"{f}: the room {room} is in no layer")
            continue
        for number, line in enumerate(read(f).split("\n"), 1):
            inc = re.match(r'\s*#\s*include\s+"(\w+)/([^"]+)"', line)
            if not inc or inc[1] not in MAY_USE:
                continue
            header = f"{inc[1]}/{inc[2]}"
            if f.endswith("_test.c") and header == "base/test.h":
                continue
            if inc[1] not in MAY_USE[room] and header not in DOORS.get(room, ()):
                bad.append(f"{f}:{number}: {room} must not include {header}")
    return bad


def lengths(files):
    bad = []
    for f in files:
        if not re.match(r"(src|tests)/.*\.[ch]$", f) or f.endswith("_tables.h"):
            continue
        lines = read(f).split("\n")
        if f.endswith(".h") and len(lines) > 151:
            bad.append(f"{f}: header of {len(lines) - 1} lines (150)")
        if f.endswith(".c") and len(lines) > 1001:
            bad.append(f"{f}: file of {len(lines) - 1} lines (1,000)")
        start = None
        for i, s in enumerate(lines):
            if s == "{":
                start = i
            elif s.startswith("}") and start is not None:
                if i - start > 120:
                    bad.append(f"{f}:{start + 1}: function of {i - start} lines (120)")
                start = None
    return bad


def licences(files):
    return [f"{f}: no SPDX line" for f in files if f.endswith((".c", ".h", ".def", ".py", ".ts", ".svelte")) and "SPDX-License-Identifier: Apache-2.0" not in read(f)[:400]]


def banned(files):
    bad = []
    for f in files:
        if not re.match(r"src/.*\.[ch]$", f) or f.endswith("banned.h"):
            continue
        for number, line in enumerate(read(f).split("\n"), 1):
            code = re.sub(r'"(\\.|[^"\\])*"|/\*.*?\*/|^\s*\*.*|//.*', "", line)
            if BANNED.search(code):
                bad.append(f"{f}:{number}: {line.strip()}")
    return bad


def words(files):
    bad = []
    for f in files:
        if f.startswith("tests/lint/") or not f.endswith((".c", ".h", ".def", ".py", ".sh", ".ts", ".svelte", ".md", ".yml", ".build", "Makefile")):
            continue
        for number, line in enumerate(read(f).split("\n"), 1):
            if UNFINISHED.search(line) and not f.startswith("docs/"):
                bad.append(f"{f}:{number}: says unfinished: {line.strip()[:80]}")
            if MACHINE_PATH.search(line):
                bad.append(f"{f}:{number}: a path of one machine: {line.strip()[:80]}")
    return bad


def told_in_japanese(files):
    """Every finding about the rule book has its sentence in findings.def."""
    told = set(re.findall(r'FINDING\("([^"]+)"', read("src/api/findings.def")))
    return [f"{f}: {code} has no row in src/api/findings.def" for f in files if re.match(r"src/.*\.c$", f) and not f.endswith("_test.c")
            for code in sorted(set(re.findall(r'"(rulebook\.[a-z_]+)"', read(f))) - told)]


def generated(files):
    out = subprocess.run([sys.executable, "scripts/gen-unicode.py", "/dev/stdout"], cwd=ROOT, capture_output=True, text=True).stdout
    have = read("src/base/utf8_tables.h")
    # Another Python carries another Unicode version; only the same one can be compared.
    if out.split("\n")[1] != have.split("\n")[1]:
        return []
    return [] if out == have else ["src/base/utf8_tables.h: stale, run scripts/gen-unicode.py"]


def main():
    return tap.run([layers, lengths, licences, banned, words, told_in_japanese, generated], tracked())


if __name__ == "__main__":
    sys.exit(main())
