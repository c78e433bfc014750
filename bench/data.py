# SPDX-License-Identifier: Apache-2.0
"""Input for the bench: made from the corpus when it is there, generated otherwise. The same bytes on every run."""
import glob
import json
import os
import random
import re
import subprocess
import zipfile

EVERY = """title: every event
id: 5d1f4c1e-0b1e-4c0a-9d63-0f8a6f2f0001
status: test
logsource:
  product: windows
detection:
  selection:
    EventID|exists: true
  condition: selection
level: informational
"""
LOG_SOURCE = ("product", "category", "service")
TURN = [str.maketrans("0123456789", "0123456789"[k:] + "0123456789"[:k]) for k in range(10)]


def fresh(value, k):
    """The value as the k-th repetition of its event would have it: other digits, same shape; a time stays one."""
    if re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d", value):
        return value[:18] + value[18:].translate(TURN[k % 10])
    return value.translate(TURN[k % 10]) + ("" if k < 10 else " " + str(k))


def flat_events(hinomi, sources, folder):
    """Every Windows record of the sources as a flat object with its log source, by the program's own converter."""
    rule, events = os.path.join(folder, "every.yml"), []
    with open(rule, "w") as f:
        f.write(EVERY)
    p = subprocess.run([hinomi, "scan", "-r", rule, "--event", "full", "-o", "jsonl", "--stats", "none", *sources], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    for line in p.stdout.decode(errors="replace").splitlines():
        hit = json.loads(line)
        event = {k: v for k, v in hit["event"].items() if v is not None}
        event.update({k: hit["logsource"][k] for k in LOG_SOURCE if k in hit["logsource"] and k not in event})
        events.append(event)
    return events


def write_repeated(events, path, times):
    """
    The events several times over. A value that stands once in the whole set (a time, a GUID, a process number, a command line) is a new one in
    each repetition, so that the share of values seen before stays what it is in the set itself.
    """
    count = {}
    for e in events:
        for k, v in e.items():
            if isinstance(v, (str, int)):
                count[k, v] = count.get((k, v), 0) + 1
    keep = {"Channel", "EventID", "EventType", "Provider_Name", *LOG_SOURCE}
    with open(path, "w") as f:
        for k in range(times):
            for e in events:
                one = {n: fresh(v, k) if k and isinstance(v, str) and n not in keep and count[n, v] == 1 else v for n, v in e.items()}
                f.write(json.dumps(one, separators=(",", ":"), ensure_ascii=False) + "\n")
    return path


def write_otrf(corpus, path, want):
    """Recordings of Windows hosts, a like share of each, up to about `want` bytes."""
    zips = sorted(z for z in glob.glob(os.path.join(corpus, "otrf", "**", "*.zip"), recursive=True) if "windows" in z.lower())
    texts = []
    for z in zips:
        with zipfile.ZipFile(z) as archive:
            texts += [archive.read(m) for m in archive.namelist() if m.endswith(".json")]
    share = want / max(1, sum(map(len, texts)))
    with open(path, "wb") as f:
        for t in texts:
            cut = t[: int(len(t) * share)] if share < 1 else t
            f.write(cut[: cut.rfind(b"\n") + 1])
    return path


WORDS = "alpha bravo system update service windows report backup config driver monitor client network policy session storage render import export helper".split()
UNIQUE_KINDS = (
    ("sysmon", "Microsoft-Windows-Sysmon/Operational", 1, "process_creation", ("Image", "CommandLine", "ParentImage", "ParentCommandLine", "CurrentDirectory", "User", "Hashes", "ProcessGuid", "OriginalFileName", "Description")),
    ("sysmon", "Microsoft-Windows-Sysmon/Operational", 3, "network_connection", ("Image", "DestinationHostname", "SourceHostname", "User", "ProcessGuid")),
    ("sysmon", "Microsoft-Windows-Sysmon/Operational", 7, "image_load", ("Image", "ImageLoaded", "Hashes", "Signature", "ProcessGuid", "Description", "OriginalFileName")),
    ("sysmon", "Microsoft-Windows-Sysmon/Operational", 10, "process_access", ("SourceImage", "TargetImage", "CallTrace", "SourceProcessGUID", "GrantedAccess")),
    ("sysmon", "Microsoft-Windows-Sysmon/Operational", 11, "file_event", ("Image", "TargetFilename", "ProcessGuid", "User")),
    ("sysmon", "Microsoft-Windows-Sysmon/Operational", 13, "registry_set", ("Image", "TargetObject", "Details", "ProcessGuid", "User")),
    ("security", "Security", 4624, None, ("TargetUserName", "TargetDomainName", "WorkstationName", "LogonProcessName", "ProcessName", "IpAddress")),
    ("powershell", "Microsoft-Windows-PowerShell/Operational", 4104, "ps_script", ("ScriptBlockText", "ScriptBlockId", "Path")),
)


def unique_value(rnd, field):
    def word():
        return rnd.choice(WORDS) + "%06x" % rnd.getrandbits(24)

    def path():
        return "C:\\" + "\\".join(word() for _ in range(rnd.randint(2, 4))) + rnd.choice((".exe", ".dll", ".tmp", ".log"))

    if field in ("CommandLine", "ParentCommandLine"):
        return path() + "".join(" " + rnd.choice(("-", "/", "--", "")) + word() for _ in range(rnd.randint(1, 8)))
    if field == "ScriptBlockText":
        return "\n".join(f"${word()} = Get-{word()} -{word()} '{path()}'" for _ in range(rnd.randint(3, 20)))
    if field == "CallTrace":
        return "|".join(f"{path()}+{rnd.getrandbits(20):x}" for _ in range(rnd.randint(4, 9)))
    if field == "Hashes":
        return f"SHA1={rnd.getrandbits(160):040X},MD5={rnd.getrandbits(128):032X},SHA256={rnd.getrandbits(256):064X},IMPHASH={rnd.getrandbits(128):032X}"
    if field == "TargetObject":
        return "HKLM\\SOFTWARE\\" + "\\".join(word() for _ in range(rnd.randint(2, 5)))
    if field.lower().endswith(("image", "filename", "directory", "imageloaded", "path", "processname")):
        return path()
    return word() + rnd.choice(("", "-" + word()))


def write_unique(path, n):
    """Windows events of the usual kinds whose values never repeat, but for what says which kind it is."""
    rnd = random.Random(20261122)
    with open(path, "w") as f:
        for i in range(n):
            service, channel, event_id, category, fields = rnd.choice(UNIQUE_KINDS)
            e = {"Channel": channel, "EventID": event_id, "EventRecordID": i + 1, "Computer": "host%05x" % rnd.getrandbits(20), "ProcessId": rnd.getrandbits(31),
                 "UtcTime": "2026-%02d-%02d %02d:%02d:%02d.%06d" % (rnd.randint(1, 12), rnd.randint(1, 28), rnd.randint(0, 23), rnd.randint(0, 59), rnd.randint(0, 59), i % 1000000)}
            e.update({k: unique_value(rnd, k) for k in fields})
            e.update({"product": "windows", "service": service})
            if category:
                e["category"] = category
            f.write(json.dumps(e, separators=(",", ":")) + "\n")
    return path
