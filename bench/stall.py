#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
What one hostile rule may do to the others, by instructions, as TAP: the same events with and without it may differ by a factor of MOST, and what the others find by
nothing. The events are hostile, too: nearly all of them make its pattern go back without end.

stall.py HINOMI
"""
import os
import shutil
import subprocess
import sys
import tempfile

from instructions import RULES, Counter
import workloads

# The shipped rules are few: with contains the evaluation alone, which hostile events cost no more than others, is a tenth of them.
MOST = {"re": 1.11, "contains": 1.2}
EVENTS = 2000
ID = "8d9a8a3c-5c4e-4f6e-9d1c-2b7f0e6a1d52"
RULE = """title: hostile
id: %s
logsource: {product: windows, category: process_creation}
detection:
    s: {CommandLine|%s: '%s'}
    condition: s
level: low
"""
# The last may not leave PCRE2, and can only be set aside.
HOSTILE = (
    ("contains", "a?" * 9 + "b"),
    ("contains", "a" * 29 + "b"),
    ("re", r"(a+)+$"),
    ("re", r"(.*a){20}"),
    ("re", r"^(([a-z])+.)+[A-Z]([a-z])+$"),
    ("re", r"^(a|a?)+$"),
    ("re", r"^(a+)+\1!$"),
)


def rules_with(folder, modifier, pattern):
    shutil.copytree(RULES, folder)
    with open(os.path.join(folder, "hostile.yml"), "w") as f:
        f.write(RULE % (ID, modifier, pattern))
    return folder


def instructions(c, events, rules):
    """Of the events alone."""
    c.scan(c.empty, rules)  # compiles
    return c.scan(events, rules) - c.scan(c.empty, rules)


def detections(c, events, rules):
    """All but those of the hostile rule, and what was said at the end."""
    p = subprocess.run([c.hinomi, "scan", "-r", rules, "-o", "jsonl", "--stats", "none", events], capture_output=True, env=c.env)
    return [d for d in p.stdout.splitlines() if ID.encode() not in d], p.stderr.decode(errors="replace")


def main():
    if not shutil.which("valgrind"):
        print("1..1\nok 1 - stall # SKIP valgrind is missing")
        return 0
    number = failed = 0

    def check(ok, name, why):
        nonlocal number, failed
        number, failed = number + 1, failed + (not ok)
        print(f"{'ok' if ok else 'not ok'} {number} - {name}\n# {why}")

    with tempfile.TemporaryDirectory(prefix="hinomi-stall-") as folder:
        c = Counter(sys.argv[1], None, folder)
        events = c.path("events.json")
        workloads.write_hostile(events, EVENTS)
        quiet, found = instructions(c, events, RULES), detections(c, events, RULES)[0]
        check(len(found) >= EVENTS / 100, "the shipped rules find something", f"{len(found)} detections, {quiet / EVENTS:,.0f} instructions an event")
        for i, (modifier, pattern) in enumerate(HOSTILE):
            rules, most = rules_with(c.path(f"rules{i}"), modifier, pattern), MOST[modifier]
            cost, (others, said) = instructions(c, events, rules) / quiet, detections(c, events, rules)
            check(cost <= most, f"{pattern} costs at most {most} times", f"{cost:.3f}")
            check(others == found, f"{pattern} changes nothing that others find", f"{len(others)} detections")
        check('"hostile"' in said, f"{pattern} is reported at the end", said.strip())
    print(f"1..{number}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
