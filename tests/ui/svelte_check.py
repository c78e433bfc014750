#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The console's types, as TAP: a text without one of its languages, a misspelt key or a wrong member of an object of the API fails here."""
import os
import subprocess
import sys

web = os.path.join(os.environ["HINOMI_SOURCE"], "web")
p = subprocess.run([os.path.join("node_modules", ".bin", "svelte-check"), "--tsconfig", "./tsconfig.json", "--fail-on-warnings"], cwd=web, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
print("1..1\n" + ("not " if p.returncode else "") + "ok 1 - svelte-check")
if p.returncode:
    print("\n".join("# " + line for line in p.stdout.splitlines()[-40:]))
sys.exit(1 if p.returncode else 0)
