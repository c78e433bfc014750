#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What ships as data, checked with the real program: rules with their tests, playbooks, the demonstration. As TAP.

content.py BINARY
"""
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import yaml

ROOT = os.environ.get("HINOMI_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CONTENT = os.path.join(ROOT, "content")
RULES = os.path.join(CONTENT, "rules")
JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
TACTICS = set("""reconnaissance resource-development initial-access execution persistence privilege-escalation stealth defense-impairment
credential-access discovery lateral-movement collection command-and-control exfiltration impact""".split())


def run(*args, env=None):
    return subprocess.run([sys.argv[1], *args], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C", **(env or {})})


def rule_files():
    return sorted(f for f in glob.glob(os.path.join(RULES, "**", "*.yml"), recursive=True) if "/tests/" not in f[len(RULES):])


def load(path):
    with open(path, encoding="utf-8") as f:
        return yaml.safe_load(f)


def rules_check():
    """No error and no warning, none refused."""
    p = run("rules", "check", RULES)
    assert p.returncode == 0, p.stderr
    assert f"{len(rule_files())} rules can be used, 0 refused, 0 errors, 0 warnings" in p.stderr, p.stderr


def rules_test():
    p = run("rules", "test", RULES)
    assert p.returncode == 0 and p.stdout.endswith(", 0 failed\n"), p.stdout + p.stderr
    assert int(p.stdout.split()[-4]) >= 2 * len(rule_files()), p.stdout


def a_broken_rule_fails_its_tests():
    """The tests can fail: each rule with its condition turned round must fail at least one case."""
    with tempfile.TemporaryDirectory() as tmp:
        turned = os.path.join(tmp, "rules")
        shutil.copytree(RULES, turned)
        files = [f for f in rule_files() if "condition: " in open(f, encoding="utf-8").read()]
        for f in files:
            copy = os.path.join(turned, os.path.relpath(f, RULES))
            with open(copy, encoding="utf-8") as r:
                text = r.read()
            with open(copy, "w", encoding="utf-8") as w:
                w.write(re.sub(r"condition: (.*)", r"condition: not (\1)", text))
        p = run("rules", "test", turned)
        failed = {re.sub(r": .*", "", x) for x in p.stdout.splitlines() if ": " in x}
        quiet = [f for f in files if os.path.join(os.path.dirname(os.path.join(turned, os.path.relpath(f, RULES))), "tests", os.path.basename(f)) not in failed]
        assert not quiet, quiet


def rules_are_complete():
    """Identity, both languages, tags of today's tactics; tests beside each rule, from raw text where it matches and at least one that does not."""
    seen, bad = {}, []
    for f in rule_files():
        r, name = load(f), os.path.relpath(f, RULES)
        for key in ("title", "title_ja", "id", "status", "description", "description_ja", "author", "date", "tags", "falsepositives", "level"):
            if not r.get(key):
                bad.append(f"{name}: no {key}")
        for text in (r["title_ja"], r["description_ja"], r["explanation"]["ja"]):
            if not JAPANESE.search(text):
                bad.append(f"{name}: not Japanese: {text}")
        for text in (r["title"], r["description"], r["explanation"]["en"]):
            if not text.isascii():
                bad.append(f"{name}: not English: {text}")
        if len(r["title"]) > 80 or len(r["title_ja"]) > 40:
            bad.append(f"{name}: the title is too long for a queue")
        if seen.setdefault(r["id"], name) != name:
            bad.append(f"{name}: id of {seen[r['id']]}")
        techniques = [t for t in r["tags"] if re.fullmatch(r"attack\.t\d{4}(\.\d{3})?", t)]
        tactics = [t for t in r["tags"] if t.startswith("attack.") and t[7:] in TACTICS]
        if not techniques or not tactics or len(techniques) + len(tactics) != len(r["tags"]):
            bad.append(f"{name}: tags {r['tags']}")
        t = os.path.join(os.path.dirname(f), "tests", os.path.basename(f))
        cases = load(t)["cases"] if os.path.exists(t) else []
        if not [c for c in cases if c["expect"] == "match" and c.get("raw")] or not [c for c in cases if c["expect"] == "none"]:
            bad.append(f"{name}: needs a raw case that matches and one that does not")
        elif load(t)["rule"] != r["id"]:
            bad.append(f"{name}: its tests are about another rule")
    assert not bad, "\n".join(bad)
    assert len(rule_files()) >= 36


def shipped_rules_are_found():
    """Without -r the program finds them from where it stands, in the build tree and installed."""
    p = run("rules", "list", "-o", "json")
    assert p.returncode == 0 and len(p.stdout.splitlines()) == len(rule_files()), p.stderr
    with tempfile.TemporaryDirectory() as tmp:
        os.makedirs(os.path.join(tmp, "bin"))
        shutil.copy2(os.path.realpath(sys.argv[1]), os.path.join(tmp, "bin", "hinomi"))
        shutil.copytree(CONTENT, os.path.join(tmp, "share", "hinomi", "content"))
        q = subprocess.run([os.path.join(tmp, "bin", "hinomi"), "rules", "list", "-o", "json"], capture_output=True, text=True)
        assert q.returncode == 0 and len(q.stdout.splitlines()) == len(rule_files()), q.stderr


TESTS = [rules_check, rules_test, a_broken_rule_fails_its_tests, rules_are_complete, shipped_rules_are_found]


def main():
    failed = 0
    print(f"1..{len(TESTS)}")
    for i, test in enumerate(TESTS, 1):
        try:
            test()
            print(f"ok {i} - {test.__name__}")
        except (AssertionError, KeyError, ValueError, TypeError, yaml.YAMLError) as e:
            failed += 1
            print(f"not ok {i} - {test.__name__}")
            print("\n".join("# " + x for x in f"{type(e).__name__}: {e}"[:4000].split("\n")))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
