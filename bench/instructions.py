#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Instructions for an event, a line, a rule and a hit against the figures of instructions.json, as TAP: unlike times they repeat, so a change that costs
more than TOLERANCE is seen on any machine under any load.

instructions.py HINOMI CORRELATE BUILD [--renew]

BUILD says what was built by what ("gcc 12 x86_64 -O3"); what another one executes cannot be compared, so a BUILD without figures is skipped.
--renew writes this BUILD's figures: meson test -C build instructions --test-args=--renew
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import workloads

HERE = os.path.dirname(os.path.abspath(__file__))
FIGURES = os.path.join(HERE, "instructions.json")
RULES = os.path.join(os.path.dirname(HERE), "content", "rules")
TOLERANCE = 0.03
CORRELATED = 4000  # events for each of the shapes of bench/correlate
SHAPES = 5
RENEW = "meson test -C build instructions --test-args=--renew"


class Counter:
    """Counts under valgrind, with a cache of compiled rules of its own: valgrind shows programs a processor that differs from the machine's."""

    def __init__(self, hinomi, correlate, folder):
        self.hinomi, self.correlate, self.folder = hinomi, correlate, folder
        # Meson has the allocator fill what it hands out, which costs instructions of its own.
        env = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "HINOMI_", "GLIBC_TUNABLES"))}
        self.env = {**env, "LC_ALL": "C", "XDG_CACHE_HOME": folder}
        self.empty = self.path("empty")
        open(self.empty, "w").close()

    def path(self, name):
        return os.path.join(self.folder, name)

    def count(self, *command):
        p = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=self.env)
        said = p.stderr.decode(errors="replace")
        found = re.search(r"Collected : (\d+)", said)
        if p.returncode not in (0, 1) or not found:
            raise RuntimeError(f"{' '.join(command)} ended with {p.returncode}: {said[-2000:]}")
        return int(found[1])

    def scan(self, path, rules=RULES):
        return self.count(self.hinomi, "scan", "-j", "1", "-r", rules, "-o", "jsonl", "--stats", "none", path)

    def hits(self, path):
        p = subprocess.run([self.hinomi, "scan", "-r", RULES, "-o", "jsonl", "--no-correlate", "--stats", "none", "--cache", "off", path], stdout=subprocess.PIPE, check=True, env=self.env)
        return len(p.stdout.splitlines())


def n_rules():
    return sum(f.endswith(".yml") for d, _, files in os.walk(RULES) if os.path.basename(d) != "tests" for f in files)


def measure_hits(c):
    """What evaluating, explaining and writing a hit takes: the same events with and without what the rules look for."""
    found, quiet = c.path("found"), c.path("quiet")
    workloads.write_found(found, 1500)
    workloads.write_found(quiet, 1500, found=False)
    hits = c.hits(found)
    if hits < 1500 or c.hits(quiet):
        raise RuntimeError(f"{hits} hits where all events are found, {c.hits(quiet)} where none is")
    return (c.scan(found) - c.scan(quiet)) / hits


def measure(c):
    """Name of a workload -> instructions for one of its events, lines or rules. Whole runs, less what a run over nothing takes."""
    compiling = c.scan(c.empty)
    nothing = c.scan(c.empty)
    figures = {"instructions a rule loaded from YAML": (compiling - nothing) / n_rules()}
    for name, write, n in (("JSON event", workloads.write_json, 1500), ("EVTX record", workloads.write_evtx, 1500), ("syslog line", workloads.write_syslog, 3000)):
        path = c.path("input.evtx" if "EVTX" in name else "input")
        write(path, n)
        figures["instructions a " + name] = (c.scan(path) - nothing) / n
    figures["instructions a hit"] = measure_hits(c)
    events = [c.count(c.correlate, str(n)) for n in (0, CORRELATED)]
    figures["instructions a correlated event"] = (events[1] - events[0]) / CORRELATED / SHAPES
    return figures


def compare(figures, known):
    """TAP lines; what is above the tolerance fails, what is below it is a note."""
    failed = 0
    for i, (name, now) in enumerate(figures.items(), 1):
        was = known.get(name)
        if was is None:
            print(f"not ok {i} - {name}\n# no committed figure; {RENEW}")
            failed += 1
            continue
        change = now / was - 1
        said = f"{now:,.0f}, committed {was:,.0f}, {change:+.1%}"
        if change > TOLERANCE:
            failed += 1
            print(f"not ok {i} - {name}\n# {said}; more than {TOLERANCE:.0%}. When that is meant: {RENEW}")
        else:
            print(f"ok {i} - {name}\n# {said}" + (f"; that is less: {RENEW}" if change < -TOLERANCE else ""))
    return failed


def why_not(build, all_figures, renew):
    if not shutil.which("valgrind"):
        return "valgrind is missing"
    if "x86_64" in build and " avx2 " not in open("/proc/cpuinfo").read().replace("\n", " "):
        return "the processor has no AVX2, so other code is chosen"
    if build not in all_figures and not renew:
        return f"no figures for {build}; {RENEW}"
    return None


def main():
    hinomi, correlate, build = sys.argv[1:4]
    renew = "--renew" in sys.argv[4:]
    with open(FIGURES) as f:
        all_figures = json.load(f)
    if why := why_not(build, all_figures, renew):
        print(f"1..1\nok 1 - instructions # SKIP {why}")
        return 0
    with tempfile.TemporaryDirectory(prefix="hinomi-instructions-") as folder:
        figures = measure(Counter(hinomi, correlate, folder))
    if renew:
        all_figures[build] = {name: round(n) for name, n in figures.items()}
        with open(FIGURES, "w") as f:
            json.dump(all_figures, f, indent=2, sort_keys=True)
            f.write("\n")
    print(f"1..{len(figures)}")
    return 1 if compare(figures, all_figures[build]) else 0


if __name__ == "__main__":
    sys.exit(main())
