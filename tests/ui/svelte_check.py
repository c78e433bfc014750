#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The console's types and texts, as TAP: a text without one of its languages, a misspelt key or a wrong member of an object of the API does not
compile; a text that nothing shows is one that nobody keeps right."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "common"))
import tap

WEB = os.path.join(os.environ["HINOMI_SOURCE"], "web")


def types():
    p = subprocess.run([os.path.join("node_modules", ".bin", "svelte-check"), "--tsconfig", "./tsconfig.json", "--fail-on-warnings"], cwd=WEB, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return p.stdout.splitlines()[-40:] if p.returncode else []


def sources():
    for folder, _, names in os.walk(os.path.join(WEB, "src")):
        for name in names:
            if name.endswith((".svelte", ".ts")):
                with open(os.path.join(folder, name), encoding="utf-8") as f:
                    yield name, f.read()


def texts():
    files = dict(sources())
    keys = re.findall(r"^  '([^']+)': \{", files.pop("text.ts"), re.M)
    code = "".join(files.values())
    # Asked for by the API's word: t(`phase.${x}`), word('verdict', x), group="indicator".
    groups = set(re.findall(r"(?:t\(`|word\('|group=\"|group = ')([\w.]+)(?:\.\$|'|\")", code)) | set(re.findall(r": '(\w+)'[,\s}]", files["member.ts"]))
    return [f"nothing shows {k}" for k in keys if f"'{k}'" not in code and not any(k.startswith(g + ".") for g in groups)]


def main():
    return tap.run([types, texts])


if __name__ == "__main__":
    sys.exit(main())
