#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What other engines were seen to get wrong, one test each, with inputs of our own. As TAP.

peers.py BINARY
"""
import gzip
import json
import os
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "common"))
import tap


def rule(title, logsource, detection):
    return f"title: {title}\nlogsource: {json.dumps(logsource)}\ndetection:\n" + "".join(f"  {x}\n" for x in detection.split("\n"))


def windows(channel, event_id, data=None, user_data=None, provider="P"):
    event = {"System": {"Provider": {"#attributes": {"Name": provider}}, "EventID": event_id, "Channel": channel, "Computer": "h"}}
    if data is not None:
        event["EventData"] = data
    if user_data is not None:
        event["UserData"] = user_data
    return {"Event": event}


SYSMON = "Microsoft-Windows-Sysmon/Operational"
ANY = "s: {EventID: '*'}\ncondition: s"


class Stage:
    def __init__(self, tmp):
        self.tmp = tmp

    def path(self, name):
        return os.path.join(self.tmp, name)

    def scan(self, rules, data, *args):
        """[(rule title, ordinal)] of the matches, and the process."""
        with open(self.path("rules.yml"), "w", encoding="utf-8") as f:
            f.write("---\n".join(rules))
        name = data if isinstance(data, str) else self.path("events.json")
        if not isinstance(data, str):
            with open(name, "w", encoding="utf-8") as f:
                f.writelines(json.dumps(e) + "\n" for e in data)
        p = subprocess.run([sys.argv[1], "scan", "-r", self.path("rules.yml"), "-o", "jsonl", "--stats", "json", *args, name], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
        return [(m["rule_title"], m["source"]["record"]) for m in map(json.loads, p.stdout.splitlines())], p


def same(got, want):
    assert got == want, f"{got!r}, want {want!r}"


def an_event_belongs_to_every_category_that_fits(s):
    rules = [rule(c, {"product": "windows", "category": c}, ANY) for c in ("registry_set", "registry_event", "registry_add")]
    got, _ = s.scan(rules, [windows(SYSMON, 13, {"EventType": "SetValue", "TargetObject": "HKLM\\x"})])
    same(got, [("registry_set", 1), ("registry_event", 1)])


def unresolved_placeholders_are_refused(s):
    rules = [rule("unset", {"product": "windows"}, "s: {EventID: 1}\nf: {User|expand: '%admins%'}\ncondition: s and not f"), rule("other", {"product": "windows"}, ANY)]
    got, p = s.scan(rules, [windows(SYSMON, 1, {"User": "x"})])
    same(got, [("other", 1)])
    assert "%admins%" in p.stderr and '"refused":1' in p.stderr, p.stderr


def a_file_of_mixed_channels_is_routed_record_by_record(s):
    rules = [rule("security", {"product": "windows", "service": "security"}, ANY), rule("system", {"product": "windows", "service": "system"}, ANY),
             rule("creation", {"product": "windows", "category": "process_creation"}, ANY)]
    got, _ = s.scan(rules, [windows("Security", 4624), windows("System", 7045), windows(SYSMON, 1), windows("Application", 1)])
    same(got, [("security", 1), ("system", 2), ("creation", 3)])


def security_twins_are_category_events(s):
    rules = [rule("process", {"product": "windows", "category": "process_creation"}, "s: {Image|endswith: '\\whoami.exe', ParentImage|endswith: '\\cmd.exe'}\ncondition: s"),
             rule("network", {"product": "windows", "category": "network_connection"}, "s: {Image|endswith: '\\evil.exe', DestinationPort: 4444, Initiated: 'true', Protocol: tcp}\ncondition: s"),
             rule("registry", {"product": "windows", "category": "registry_set"}, "s: {TargetObject: 'HKLM\\SOFTWARE\\Run\\evil', Details: x}\ncondition: s")]
    events = [windows("Security", 4688, {"NewProcessName": "C:\\Windows\\whoami.exe", "ParentProcessName": "C:\\cmd.exe"}),
              windows("Security", 5156, {"Application": "\\device\\harddiskvolume1\\evil.exe", "Direction": "%%14593", "DestPort": "4444", "Protocol": "6"}),
              windows("Security", 4657, {"ObjectName": "\\REGISTRY\\MACHINE\\SOFTWARE\\Run", "ObjectValueName": "evil", "NewValue": "x", "OperationType": "%%1904"})]
    got, _ = s.scan(rules, events)
    same(got, [("process", 1), ("network", 2), ("registry", 3)])


def user_data_and_provider_rules_match(s):
    rules = [rule("cleared", {"product": "windows", "service": "security"}, "s: {EventID: 1102, Provider_Name: Microsoft-Windows-Eventlog, SubjectUserName: bob}\ncondition: s"),
             rule("wmi", {"product": "windows", "service": "wmi"}, "s: {EventID: 5861, ESS|contains: evil}\ncondition: s")]
    events = [windows("Security", 1102, None, {"LogFileCleared": {"SubjectUserName": "bob"}}, "Microsoft-Windows-Eventlog"),
              windows("Microsoft-Windows-WMI-Activity/Operational", 5861, None, {"Operation_ESStoConsumerBinding": {"ESS": "evil"}}, "Microsoft-Windows-WMI-Activity")]
    got, _ = s.scan(rules, events)
    same(got, [("cleared", 1), ("wmi", 2)])


def names_with_blanks_are_names(s):
    rules = [rule("defender", {"product": "windows", "service": "windefend"}, "s: {EventID: 1116, ThreatName|contains: bad}\ncondition: s"),
             rule("category", {"product": "windows", "category": "antivirus"}, "s: {Signature|contains: bad}\ncondition: s")]
    got, _ = s.scan(rules, [windows("Microsoft-Windows-Windows Defender/Operational", 1116, {"Threat Name": "Bad.Thing"})])
    same(got, [("defender", 1), ("category", 1)])


def no_rule_of_another_product_fires(s):
    sources = [{"product": "linux"}, {"product": "linux", "category": "process_creation"}, {"product": "windows", "category": "file_event"}, {"category": "proxy"}, {"service": "auditd"}]
    rules = [rule(str(i), ls, "s: {CommandLine|contains: x}\ncondition: s") for i, ls in enumerate(sources)] + [rule("right", {"product": "windows", "category": "process_creation"}, "s: {CommandLine|contains: x}\ncondition: s")]
    events = [windows(SYSMON, 1, {"CommandLine": "x"})]
    got, _ = s.scan(rules, events)
    same(got, [("right", 1)])
    got, _ = s.scan(rules, events, "--routing", "off")
    same(len(got), 6)


def negations_do_not_fire_on_unknown_sources(s):
    rules = [rule("negation", {"product": "windows", "category": "process_creation"}, "f: {Image|endswith: x}\ncondition: not f"), rule("absent", {"product": "windows"}, "s: {Image: null}\ncondition: s")]
    got, _ = s.scan(rules, [{"message": "what is this", "level": "info"}, {}])
    same(got, [])


def a_bad_line_costs_itself_alone(s):
    lines = [json.dumps(windows("Security", 4624)), '{"Event":{"System":{"EventID":4624,"Channel":"Secu', "\x00\x01\x02 garbage", json.dumps(windows("Security", 4625)), "{}{}{", json.dumps(windows("Security", 4634))]
    name = s.path("broken.json")
    with open(name, "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")
    got, p = s.scan([rule("any", {"product": "windows", "service": "security"}, ANY)], name)
    same(len(got), 3)
    assert p.returncode in (0, 3), p.stderr


def detections_are_written_on_every_way_out(s):
    """At the end of input, when a compressed file breaks off, on an interrupt and when the reader of the output goes away."""
    rules = [rule("any", {"product": "windows", "service": "security"}, ANY)]
    text = "".join(json.dumps(windows("Security", 4624, {"n": i})) + "\n" for i in range(20000)).encode()
    broken = s.path("broken.json.gz")
    with open(broken, "wb") as f:
        f.write(gzip.compress(text)[:-2000])
    got, p = s.scan(rules, broken)
    assert p.returncode == 3 and len(got) > 10000 and p.stdout.endswith("\n"), (p.returncode, len(got))
    args = [sys.argv[1], "scan", "-r", s.path("rules.yml"), "-f", "json", "-o", "jsonl", "-"]
    p = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    # Somebody reads meanwhile: else each waits for the other on a machine with one processor.
    with ThreadPoolExecutor(1) as reader:
        read = reader.submit(p.stdout.read)
        p.stdin.write(text)
        p.stdin.flush()
        p.send_signal(signal.SIGINT)
        p.stdin.close()
        out = read.result()
        p.wait(timeout=60)
    assert p.returncode in (0, 130, -signal.SIGINT) and (not out or out.endswith(b"}\n")), p.returncode
    p = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdout.close()
    _, err = p.communicate(text, timeout=60)
    assert b"internal" not in err and p.returncode in (0, -signal.SIGPIPE), (p.returncode, err)


TESTS = [an_event_belongs_to_every_category_that_fits, unresolved_placeholders_are_refused, a_file_of_mixed_channels_is_routed_record_by_record, security_twins_are_category_events,
         user_data_and_provider_rules_match, names_with_blanks_are_names, no_rule_of_another_product_fires, negations_do_not_fire_on_unknown_sources, a_bad_line_costs_itself_alone,
         detections_are_written_on_every_way_out]


def main():
    t = tap.Tap(len(TESTS))
    for test in TESTS:
        with t.test(test.__name__), tempfile.TemporaryDirectory() as tmp:
            test(Stage(tmp))
    return t.status()


if __name__ == "__main__":
    sys.exit(main())
