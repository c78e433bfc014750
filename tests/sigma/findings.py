#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every mistake of findings.txt is found at its line and column with its code, and nothing else is said. As TAP.

findings.py BINARY
"""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "common"))
import tap

HERE = os.path.dirname(os.path.abspath(__file__))


def cases():
    name, lines = None, []
    with open(os.path.join(HERE, "findings.txt"), encoding="utf-8") as f:
        for line in f:
            if line.startswith("=== "):
                if name:
                    yield name, lines
                name, lines = line[4:].strip(), []
            elif name:
                lines.append(line)
    yield name, lines


def expected(lines):
    """(line, column, level, code) of the marks; they stay in the text as comments."""
    out, marked = [], 0
    for number, line in enumerate(lines, 1):
        if m := re.fullmatch(r"#(?:(1)|( *)\^) (error|warning|hint) (\S+)\n", line):
            out.append((marked, 1 if m[1] else len(m[2]) + 2, m[3], m[4]))
        else:
            marked = number
    return sorted(out)


RULE = "title: t\nlogsource: {product: p}\ndetection:\n  sel:\n    F: x\n  condition: sel\n"


def found(path, pipeline):
    """A pipeline is checked with a rule that has no fault."""
    args = [path]
    if pipeline:
        args = ["-p", path, path + ".rule"]
        with open(args[2], "w", encoding="utf-8") as f:
            f.write(RULE)
    p = subprocess.run([sys.argv[1], "rules", "check", *args], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    out = [(int(m[1]), int(m[2]), m[3], m[4]) for m in re.finditer(r"^[^:\n]*:(\d+):(\d+): (error|warning|hint): .* \[(\S+)\]$", p.stderr, re.M)]
    return sorted(out), p


def check(path, name, lines):
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(lines)
    got, p = found(path, name.startswith("pipeline: "))
    want = expected(lines)
    assert got == want, f"found {got}, want {want}\n{p.stderr}"
    assert (p.returncode == 2) == any(level == "error" for _, _, level, _ in want), f"status {p.returncode}"


def main():
    all_cases = list(cases())
    t = tap.Tap(len(all_cases))
    with tempfile.TemporaryDirectory() as tmp:
        for name, lines in all_cases:
            with t.test(name):
                check(os.path.join(tmp, "rule.yml"), name, lines)
    return t.status()


if __name__ == "__main__":
    sys.exit(main())
