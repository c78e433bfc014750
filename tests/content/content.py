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

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "common"))
import tap

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
    p = run("rules", "list", "-o", "jsonl")
    assert p.returncode == 0 and len(p.stdout.splitlines()) == len(rule_files()), p.stderr
    with tempfile.TemporaryDirectory() as tmp:
        os.makedirs(os.path.join(tmp, "bin"))
        shutil.copy2(os.path.realpath(sys.argv[1]), os.path.join(tmp, "bin", "hinomi"))
        shutil.copytree(CONTENT, os.path.join(tmp, "share", "hinomi", "content"))
        q = subprocess.run([os.path.join(tmp, "bin", "hinomi"), "rules", "list", "-o", "jsonl"], capture_output=True, text=True)
        assert q.returncode == 0 and len(q.stdout.splitlines()) == len(rule_files()), q.stderr


UUID4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
EXTENSION = "extension-definition--6d1f0a57-3c0e-4d7a-9a52-0b7f6f0c9e21"
PHASES = ["detection", "containment", "eradication", "recovery", "recurrence_prevention"]
# CACAO 2.0 cs01: members a thing may have (sections 3.1, 4, 5, 7, 9), and the vocabularies.
STEP = {"type", "name", "description", "external_references", "delay", "timeout", "step_variables", "owner", "on_completion", "on_success", "on_failure", "step_extensions"}
MEMBERS = {
    "playbook": set("""type spec_version id name description playbook_types playbook_activities playbook_processing_summary created_by created modified revoked
        valid_from valid_until derived_from related_to priority severity impact industry_sectors labels external_references markings playbook_variables workflow_start
        workflow_exception workflow playbook_extensions authentication_info_definitions agent_definitions target_definitions extension_definitions
        data_marking_definitions signatures""".split()),
    "start": STEP - {"on_success", "on_failure"},
    "end": STEP - {"on_completion", "on_success", "on_failure"},
    "action": STEP | {"commands", "agent", "targets", "in_args", "out_args"},
    "parallel": STEP | {"next_steps"},
    "if-condition": STEP | {"condition", "on_true", "on_false"},
    "manual": {"type", "description", "version", "playbook_activity", "external_references", "command", "command_b64"},
    "group": {"type", "name", "description", "location", "agent_target_extensions", "contact"},
    "extension-definition": {"type", "name", "description", "created_by", "schema", "version", "external_references"},
    "bool": {"type", "description", "value", "constant", "external"},
}
TYPES = set("attack detection engagement investigation mitigation notification prevention remediation".split())
ACTIVITIES = set("""compose-content deliver-content identify-audience identify-channel scan-system match-indicator analyze-collected-data identify-indicators
    scan-vulnerabilities configure-systems restrict-access disconnect-system eliminate-risk revert-system restore-data restore-capabilities map-network identify-steps
    step-sequence prepare-engagement execute-operation analyze-engagement-results""".split())


def playbook_files():
    return sorted(glob.glob(os.path.join(CONTENT, "playbooks", "*.json")))


def pointers(step):
    return step.get("next_steps", []) + [step[k] for k in ("on_true", "on_false", "on_success", "on_failure", "on_completion") if k in step]


def objects(p):
    """Every typed object of a playbook with the name of its place."""
    yield "playbook", p
    for kind in ("workflow", "agent_definitions", "extension_definitions", "playbook_variables"):
        for key, o in p[kind].items():
            yield key, o
    for key, o in p["workflow"].items():
        for c in o.get("commands", []):
            yield key + " command", c


def reached(p):
    waiting, seen = [p["workflow_start"]], set()
    while waiting:
        i = waiting.pop()
        if i not in seen:
            seen.add(i)
            waiting += pointers(p["workflow"][i])
    return seen


def check_cacao(p):
    """What the specification demands, as a list of sentences."""
    bad, flow = [], p["workflow"]
    for key, o in objects(p):
        if o["type"] not in MEMBERS or set(o) - MEMBERS[o["type"]]:
            bad.append(f"{key}: {o['type']} with {set(o) - MEMBERS.get(o['type'], set())}")
    for key in list(flow) + list(p["agent_definitions"]) + list(p["extension_definitions"]):
        kind = {**flow, **p["agent_definitions"], **p["extension_definitions"]}[key]["type"]
        if not re.fullmatch(f"{kind}--{UUID4}", key):
            bad.append(f"{key}: no {kind}--UUIDv4")
    if p["spec_version"] != "cacao-2.0" or not re.fullmatch(f"playbook--{UUID4}", p["id"]) or not re.fullmatch(f"identity--{UUID4}", p["created_by"]):
        bad.append("spec_version, id or created_by")
    if not all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", p[k]) for k in ("created", "modified")) or p["modified"] < p["created"]:
        bad.append("created and modified: milliseconds, in order")
    if flow[p["workflow_start"]]["type"] != "start" or [s["type"] for s in flow.values()].count("start") != 1:
        bad.append("one start step")
    if reached(p) != set(flow):
        bad.append(f"never reached: {set(flow) - reached(p)}")
    ends = [i for s in flow.values() for i in pointers(s) if flow[i]["type"] == "end"]
    if len(ends) != len(set(ends)):
        bad.append("a branch shares its end step with another (4.7, 4.8)")
    for key, s in flow.items():
        if ("on_completion" in s) == ("on_success" in s) and s["type"] != "end":
            bad.append(f"{key}: either on_completion or on_success")
        if s["type"] == "parallel" and len(s["next_steps"]) < 2:
            bad.append(f"{key}: fewer than two branches")
        if s["type"] == "action" and (not s["commands"] or s["agent"] not in p["agent_definitions"]):
            bad.append(f"{key}: no command or no agent")
        for v in s.get("out_args", []) + re.findall(r"(__\w+__):value", s.get("condition", "")):
            if v not in p["playbook_variables"]:
                bad.append(f"{key}: {v} is no variable")
        for r in s.get("external_references", []):
            if r not in p["external_references"]:
                bad.append(f"{key}: its reference is not among the playbook's")
    if set(p["agent_definitions"]) != {s["agent"] for s in flow.values() if "agent" in s}:
        bad.append("agents that nobody uses")
    acts = {c["playbook_activity"] for s in flow.values() for c in s.get("commands", [])}
    if set(p["playbook_activities"]) != acts or acts - ACTIVITIES or set(p["playbook_types"]) - TYPES:
        bad.append("playbook_activities are those of the steps, from the vocabularies")
    if not all(0 <= p[k] <= 100 for k in ("priority", "severity", "impact")):
        bad.append("priority, severity, impact")
    return bad


def check_people(p):
    """What people need of it: both languages everywhere, phases, owners, times, notification where personal data leaked, a review at the end."""
    with open(os.path.join(ROOT, "src", "api", "perms.def"), encoding="utf-8") as f:
        roles = set(re.findall(r'ROLE\(\w+, "(\w+)"\)', f.read()))
    bad, phases = [], set()
    if set(p["extension_definitions"]) != {EXTENSION}:
        bad.append("extension definition")
    for key, o in [("playbook", p), *p["workflow"].items()]:
        ext = o.get("playbook_extensions", o.get("step_extensions", {})).get(EXTENSION, {})
        if o["type"] == "action":
            phases.add(ext["phase"])
            if ext["phase"] not in PHASES or ext["owner_role"] not in roles or not re.fullmatch(r"\d+[mhd]", ext["due_within"]):
                bad.append(f"{key}: {ext}")
        if o["type"] in ("start", "end"):
            continue
        for name in ("name", "description") if o["type"] in ("action", "playbook") else ("name",):
            if not o[name].isascii() or not JAPANESE.search(ext[name + "_ja"]):
                bad.append(f"{key}: {name}")
        if len(ext["name_ja"]) > 42 or len(o["name"]) > 120:
            bad.append(f"{key}: the title is too long for a list of tasks")
    text = json.dumps(p, ensure_ascii=False)
    if phases != set(PHASES) or not all(w in text for w in ("証拠", "速報", "確報", "再発防止策", "第一報")):
        bad.append("a phase or a duty is missing")
    return bad


def playbooks_are_cacao():
    """Three at least, each clean; and the checks can fail."""
    for f in playbook_files():
        with open(f, encoding="utf-8") as r:
            p = json.load(r)
        bad = check_cacao(p) + check_people(p)
        assert not bad, os.path.basename(f) + "\n" + "\n".join(bad)
        steps = list(p["workflow"].values())
        action = next(s for s in steps if s["type"] == "action")
        for name, value in (("on_success", action["on_completion"]), ("agent", "group--x"), ("colour", 1), ("commands", [])):
            kept = dict(action)
            action[name] = value
            assert check_cacao(p), f"{name} = {value} was not noticed"
            action.clear()
            action.update(kept)
    assert len(playbook_files()) >= 3


TESTS = [rules_check, rules_test, a_broken_rule_fails_its_tests, rules_are_complete, shipped_rules_are_found, playbooks_are_cacao]


if __name__ == "__main__":
    sys.exit(tap.run(TESTS))
