#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes src/codec/jis_tables.h from Python's code page 932: rows 1 to 120 (JIS X 0208, NEC and IBM extensions, user-defined area left out) to Unicode.

gen-jis.py [FILE]
"""
import sys

out = ["/* SPDX-License-Identifier: Apache-2.0 */", "/* Written by scripts/gen-jis.py; do not edit. */", "#ifndef HINOMI_CODEC_JIS_TABLES_H", "#define HINOMI_CODEC_JIS_TABLES_H", "",
       "#include <stdint.h>", "", "/* [row - 1][cell - 1], 0 = not assigned. */", "static const uint16_t JIS_TO_UNICODE[120][94] = {"]


def cell(row, col):
    lead = (row + 1) // 2 + (0x80 if row <= 62 else 0xC0)
    trail = (col + 0x3F if col <= 63 else col + 0x40) if row % 2 else col + 0x9E
    try:
        c = bytes([lead, trail]).decode("cp932")
    except UnicodeDecodeError:
        return 0
    return ord(c) if len(c) == 1 and ord(c) < 0xE000 or len(c) == 1 and ord(c) >= 0xF900 else 0


for row in range(1, 121):
    cells = [cell(row, col) for col in range(1, 95)]
    if not any(cells):
        out.append("\t{0},")
        continue
    out.append("\t{")
    for i in range(0, 94, 24):
        out.append("\t\t" + ", ".join(f"0x{c:04x}" if c else "0" for c in cells[i:i + 24]) + ",")
    out.append("\t},")
out += ["};", "", "#endif", ""]
open(sys.argv[1] if len(sys.argv) > 1 else "src/codec/jis_tables.h", "w").write("\n".join(out))
