#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The program over the real inputs beside the source root (../shared/corpus, or $HINOMI_SHARED), as TAP. Without them every test is skipped by name.

corpus.py BINARY
"""
import hashlib
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "common"))
import tap

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CORPUS = os.path.join(os.environ.get("HINOMI_SHARED", os.path.join(ROOT, "..", "shared")), "corpus")
RULES = [x for d in ("rules", "rules-emerging-threats", "rules-threat-hunting", "rules-compliance", "rules-dfir", "rules-placeholder") for x in ("-r", os.path.join(CORPUS, "sigma", d))]


def run(*args, **kw):
    p = subprocess.run([sys.argv[1], *args], capture_output=True, **kw)
    stats = {}
    for line in p.stderr.decode(errors="replace").splitlines():
        if line.startswith('{"rules"'):
            stats = json.loads(line)
    return p, stats


def same(a, b, what):
    assert a == b, f"{what}: {a!r}, want {b!r}"


def evtx_set_is_read_whole():
    p, s = run("scan", *RULES, "-o", "jsonl", "--stats", "json", os.path.join(CORPUS, "evtx"))
    same(p.returncode, 0, "exit status")
    same(s["files"], {"read": 278, "failed": 0}, "files")
    same(s["rules"]["loaded"], 3755, "rules")
    same(s["events"] - s["undecodable"], 7860, "records (evtx_dump of the evtx crate counts the same)")
    lines = p.stdout.decode().splitlines()
    same(len(lines), s["matches"], "lines of output")
    assert s["matches"] > 1000, s
    for line in lines[:200]:
        m = json.loads(line)
        assert m["matched"] or m["rule_id"], m


def output_is_the_same_for_any_number_of_threads():
    want = None
    for jobs in "1", "2", "8":
        p, _ = run("scan", *RULES, "-o", "jsonl", "-j", jobs, os.path.join(CORPUS, "evtx"), os.path.join(CORPUS, "logs", "auditd"))
        got = hashlib.sha256(p.stdout).hexdigest()
        want = want or got
        same(got, want, f"-j {jobs}")


def damaged_event_logs_cost_their_records_alone():
    folder = os.path.join(CORPUS, "logs", "evtx-edge")
    p, s = run("scan", *RULES, "-o", "none", "--stats", "json", folder)
    same(s["files"]["failed"], 0, "failed files")
    assert s["events"] > 10000 and 0 < s["undecodable"] < 120, s
    assert s["events"] - s["undecodable"] >= 10150, s


def sigma_regression_cases_match_from_evtx_and_json():
    for rules in (RULES, []):  # without -r the rule folders beside regression_data are meant
        p, _ = run("rules", "test", *rules, os.path.join(CORPUS, "sigma", "regression_data"))
        same(p.stdout.decode().strip().splitlines()[-1], "150 passed, 0 failed", "result")


def backtest_counts_what_scan_finds():
    """A data directory's events give the hits that a scan of the same files gives, by rule."""
    folder = os.path.join(CORPUS, "evtx", "ATTACK-SAMPLES", "Discovery")
    with tempfile.TemporaryDirectory() as tmp:
        data = os.path.join(tmp, "data")
        run("import", "--data", data, folder)
        p, _ = run("rules", "backtest", "--data", data, "-o", "json", *RULES)
        hits = {r["rule_id"]: r["hits"] for r in json.loads(p.stdout)}
        for r in json.loads(p.stdout):
            same(sum(r["days"].values()), r["hits"], r["rule_title"])
            assert 1 <= len(r["examples"]) <= 3 and r["first"] <= r["last"], r
    q, _ = run("scan", *RULES, "-o", "jsonl", folder)
    want = {}
    for line in q.stdout.splitlines():
        i = json.loads(line)["rule_id"]
        want[i] = want.get(i, 0) + 1
    same(hits, want, "hits by rule")
    assert len(want) > 4


def every_rule_is_explained():
    p, _ = run("rules", "explain", "-o", "jsonl", *[x for x in RULES if x != "-r"])
    rules = [json.loads(line) for line in p.stdout.splitlines()]
    same(len(rules), 3755, "rules")
    for r in rules:
        assert r["questions"], r["path"]
        assert r["always"] != any(q["gate"] for q in r["questions"]), r["path"]
    assert sum(r["always"] for r in rules) < 40, "rules that every event must be shown to"


def coverage_is_a_navigator_layer():
    p, _ = run("rules", "coverage", "-o", "json", os.path.join(CORPUS, "sigma", "rules"))
    layer = json.loads(p.stdout)
    same(layer["domain"], "enterprise-attack", "domain")
    score = {t["techniqueID"]: t["score"] for t in layer["techniques"]}
    assert len(score) > 200 and score["T1059.001"] > 100, len(score)


def archives_are_read_through():
    p, s = run("scan", *RULES, "-o", "jsonl", "--stats", "json", os.path.join(CORPUS, "otrf", "atomic"))
    assert s["events"] > 10000 and s["matches"] > 100, s
    assert b"!" in p.stdout, "members of an archive are named archive!member"


def every_log_line_becomes_an_event():
    p, s = run("scan", *RULES, "-o", "none", "--stats", "json", os.path.join(CORPUS, "logs"))
    assert s["events"] > 20000, s


def traps_of_the_standard():
    """Each small case on an edge of the standard, through the program as its user runs it; exit status 2 = the rule was refused."""
    cases = [json.loads(line) for line in open(os.path.join(CORPUS, "sigma-traps", "traps.jsonl"), encoding="utf-8")]
    wrong = []
    with tempfile.TemporaryDirectory() as tmp:
        rule = os.path.join(tmp, "rule.yml")
        for case in cases:
            with open(rule, "w", encoding="utf-8") as f:
                f.write("title: t\nlogsource: {product: t}\ndetection:\n" + "".join(f"  {x}\n" for x in case["det"].splitlines()))
            p, _ = run("scan", "-r", rule, "-f", "json", "-s", "product=t", "-o", "jsonl", "-", input=json.dumps(case["event"]).encode())
            got = "reject" if p.returncode == 2 else p.stdout != b""
            if got != case["expect"]:
                wrong.append(f"{case['id']}: {got}, want {case['expect']} ({case['note']})")
    assert len(cases) >= 125, len(cases)
    assert not wrong, "\n# ".join(wrong)


TESTS = [traps_of_the_standard, evtx_set_is_read_whole, output_is_the_same_for_any_number_of_threads, damaged_event_logs_cost_their_records_alone, sigma_regression_cases_match_from_evtx_and_json, backtest_counts_what_scan_finds, every_rule_is_explained, coverage_is_a_navigator_layer,
         archives_are_read_through, every_log_line_becomes_an_event]


def main():
    return tap.run(TESTS, skip="" if os.path.isdir(CORPUS) else "the real inputs (../shared/corpus) are not here")


if __name__ == "__main__":
    sys.exit(main())
