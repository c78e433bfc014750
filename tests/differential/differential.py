#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The engine against pySigma's reading of the same rules, as TAP: every trap of our own and, with the real inputs at hand (../shared/corpus, or $HINOMI_SHARED), every
public rule on a sample of real events and on 50,000 events made to sit on the rules' edges.

differential.py HINOMI VERDICTS

pySigma is installed from its package into a folder of its own under the build folder; without it (no network at the first run) all is skipped by name.
What pySigma parses is judged by the evaluator beside this file. There are no differences but those of docs/formats/sigma.md, which tree.py corrects or a trap names.
"""
import glob
import hashlib
import json
import os
import pickle
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "common"))
import tap

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("HINOMI_BUILD", os.path.join(ROOT, "build"))
CORPUS = os.path.join(os.environ.get("HINOMI_SHARED", os.path.join(ROOT, "..", "shared")), "corpus")
FOLDERS = [os.path.join(CORPUS, "sigma", d) for d in ("rules", "rules-compliance", "rules-dfir", "rules-emerging-threats", "rules-placeholder", "rules-threat-hunting")]
PYSIGMA = "pySigma==1.5.0"
VENV = os.path.join(BUILD, "pysigma")
PAIRS = 50000
EVENTS = 10000
SHOWN = 20


def with_pysigma():
    """Runs this file again with a Python that has pySigma; "" when it cannot be had."""
    python = os.path.join(VENV, "bin", "python3")
    if not os.path.exists(os.path.join(VENV, "ready")):
        for cmd in [sys.executable, "-m", "venv", VENV], [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PYSIGMA]:
            if subprocess.run(cmd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
                return ""
        with open(os.path.join(VENV, "ready"), "w", encoding="utf-8") as f:
            f.write(PYSIGMA)
    return python


def verdicts(*args, lines=None):
    p = subprocess.run([sys.argv[2], *args], input=None if lines is None else "\n".join(lines) + "\n", capture_output=True, text=True, check=True)
    return p.stdout.splitlines()


def need_corpus():
    if not os.path.isdir(CORPUS):
        raise tap.Skip("the real inputs (../shared/corpus) are not here")


def rule_files():
    return sorted(f for d in FOLDERS for f in glob.glob(os.path.join(d, "**", "*.yml"), recursive=True))


def public_rules():
    """{id: (log source, tree)} of every public rule, kept between runs."""
    import tree

    need_corpus()
    files = rule_files()
    key = hashlib.sha256()
    for f in [*files, tree.__file__]:
        with open(f, "rb") as data:
            key.update(data.read())
    cache = os.path.join(BUILD, "pysigma-trees.pickle")
    try:
        with open(cache, "rb") as f:
            was, rules = pickle.load(f)
        if was == key.hexdigest():
            return rules
    except (OSError, pickle.PickleError, EOFError, ValueError):
        pass
    rules = {i: (ls, t) for f in files for i, ls, t in tree.read_file(f)}
    with open(cache, "wb") as f:
        pickle.dump((key.hexdigest(), rules), f)
    return rules


def report(differences, asked):
    assert not differences, f"{len(differences)} differences in {asked}\n" + "\n".join(differences[:SHOWN])
    print(f"# {asked} compared, no difference")


# ---- the tests ----

def rule_text(case):
    return "title: t\nlogsource: {product: t}\ndetection:\n" + "".join(f"  {x}\n" for x in case["detection"].split("\n"))


def own_cases():
    cases = []
    for name in "traps.jsonl", "pipelines.jsonl":
        with open(os.path.join(ROOT, "tests", "sigma", name), encoding="utf-8") as f:
            cases += [json.loads(line) for line in f]
    assert len({c["id"] for c in cases}) == len(cases) >= 150, len(cases)
    return cases


def own_traps_by_the_engine():
    """Every case of tests/sigma gets the answer that stands there."""
    cases = own_cases()
    lines = [json.dumps({"rule": rule_text(c), **({"pipeline": c["pipeline"]} if "pipeline" in c else {}), "event": c["event"]}, ensure_ascii=False) for c in cases]
    answers = verdicts("cases", lines=lines)
    report([f"{c['id']}: {a}, want {c['expect']} ({c['why']})" for c, a in zip(cases, answers, strict=True) if a.split(":")[0] != c["expect"]], f"{len(cases)} cases")


def own_traps_by_pysigma():
    """And pySigma says the same, unless the case says why it does not."""
    import evaluate
    import tree

    wrong, cases = [], own_cases()
    for case in cases:
        try:
            judge = "match" if evaluate.compiled(tree.read(rule_text(case), case.get("pipeline")))(evaluate.from_json(json.dumps(case["event"]))) else "none"
        except Exception:  # whatever pySigma raises is its way of refusing
            judge = "reject"
        if (judge != case["expect"]) != bool(case.get("pysigma")):
            wrong.append(f"{case['id']}: pySigma says {judge}, the case {case['expect']}")
    report(wrong, f"{len(cases)} cases")


def public_rules_on_real_events():
    import evaluate

    rules = public_rules()
    files = [os.path.join(CORPUS, "evtx"), os.path.join(CORPUS, "sigma", "regression_data"), os.path.join(CORPUS, "otrf"), os.path.join(CORPUS, "logs")]
    counted = json.loads(subprocess.run([sys.argv[1], "scan", "-r", FOLDERS[1], "-o", "none", "--stats", "json", *files], capture_output=True, text=True).stderr.splitlines()[-1])["events"]
    lines = verdicts("files", str(max(1, counted // EVENTS)), *files, "--", *FOLDERS)
    ids = json.loads(lines[0])
    known = [(rules[i][0], evaluate.compiled(rules[i][1])) if i in rules else None for i in ids]
    routed, wrong, asked = {}, [], 0
    for line in lines[1:]:
        one = json.loads(line)
        key = json.dumps(one["ls"])
        if key not in routed:
            routed[key] = [n for n, k in enumerate(known) if k and any(all(not want or want == have for want, have in zip(k[0], ls)) for ls in one["ls"])]
        event = evaluate.from_engine(one)
        want = [n for n in routed[key] if known[n][1](event)]
        asked += len(routed[key])
        for n in set(want) ^ set(one["hits"]):
            wrong.append(f"{ids[n]}: the engine {'matches' if n in one['hits'] else 'does not match'}: {line[:2000]}")
    assert len(lines) > EVENTS * 9 // 10, len(lines)
    report(wrong, f"{asked} pairs of {len(lines) - 1} events and the rules of their log sources")


def public_rules_on_their_edges():
    import evaluate
    import generate

    rules = public_rules()
    each = PAIRS // len(rules) + 1
    asked, lines = [], []
    for i, (_, t) in sorted(rules.items()):
        for line in generate.pairs(t, each, i):
            asked.append(i)
            lines.append(line)
    answers = verdicts("rules", *FOLDERS, lines=lines)
    ids = json.loads(answers[0])
    wrong, hits, test, last = [], 0, None, None
    for i, line, answer in zip(asked, lines, answers[1:]):
        if i != last:
            test, last, number = evaluate.compiled(rules[i][1]), i, str(ids.index(i))
        want, got = test(evaluate.from_json(line)), number in answer.split(",")
        hits += want
        if want != got:
            wrong.append(f"{i}: the engine {'matches' if got else 'does not match'}: {line}")
    assert len(answers) == len(lines) + 1 >= PAIRS
    assert hits > len(lines) // 5, hits
    report(wrong, f"{len(lines)} pairs, of which {hits} match")


TESTS = [own_traps_by_the_engine, own_traps_by_pysigma, public_rules_on_real_events, public_rules_on_their_edges]


def main():
    python = with_pysigma()
    if python and os.path.realpath(sys.prefix) != os.path.realpath(VENV):
        return subprocess.run([python, *sys.argv]).returncode
    sys.path.insert(0, HERE)
    t = tap.Tap(len(TESTS))
    for test in TESTS:
        with t.test(test.__name__):
            if not python and test is not own_traps_by_the_engine:
                raise tap.Skip("pySigma cannot be installed here")
            test()
    return t.status()


if __name__ == "__main__":
    sys.exit(main())
