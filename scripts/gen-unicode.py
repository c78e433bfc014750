#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes src/base/utf8_tables.h from Python's Unicode database: simple case folding (one code point to one) and East Asian wide ranges.

Simple folding of c is casefold(c) where that is a single code point; where full folding is longer (status F in CaseFolding.txt) the
simple folding is lower(c) if that is a single code point, else c itself.
"""
import sys
import unicodedata


def fold(c):
    ch = chr(c)
    f = ch.casefold()
    if len(f) == 1:
        return ord(f)
    low = ch.lower()
    return ord(low) if len(low) == 1 else c


def fold_rows():
    """(first, last, step, delta) runs."""
    rows = []
    for c in range(0x80, 0x20000):
        if 0xD800 <= c < 0xE000:
            continue
        d = fold(c) - c
        if d == 0:
            continue
        if rows:
            first, last, step, delta = rows[-1]
            gap = c - last
            if delta == d and gap in (1, 2) and step in (0, gap):
                rows[-1] = (first, c, gap, delta)
                continue
        rows.append((c, c, 0, d))
    return [(a, b, s or 1, d) for a, b, s, d in rows]


def first_rows(rows):
    """For each 64 code points the first row that ends in them or behind, up to the last that folds."""
    return [next(i for i, r in enumerate(rows) if r[1] >= c) for c in range(0, rows[-1][1] + 1, 64)]


def folding_bits():
    """For each first byte of a character of two bytes: which second ones make one that folds."""
    return ["UINT64_C(0x%x)" % sum(1 << i for i in range(64) if c + i >= 0x80 and fold(c + i) != c + i) for c in range(0, 0x800, 64)]


def wrapped(numbers, each):
    return ["\t" + ", ".join(map(str, numbers[i:i + each])) + "," for i in range(0, len(numbers), each)]


def ranges(test):
    rows = []
    for c in range(0x300, 0x40000):
        if 0xD800 <= c < 0xE000 or not test(chr(c)):
            continue
        if rows and rows[-1][1] == c - 1:
            rows[-1][1] = c
        else:
            rows.append([c, c])
    return rows


out = ["/* SPDX-License-Identifier: Apache-2.0 */", "/* Made by scripts/gen-unicode.py (Unicode %s); do not edit. */" % unicodedata.unidata_version,
       "static const struct fold_row {", "\tuint32_t first, last, step;", "\tint32_t delta;", "} FOLD[] = {"]
rows = fold_rows()
out += ["\t{0x%x, 0x%x, %d, %d}," % r for r in rows]
out += ["\t{UINT32_MAX, UINT32_MAX, 1, 0}, /* behind all */", "};", "/* By code point / 64: the first row that ends there or behind. */", "static const uint8_t FOLD_FROM[] = {"] + wrapped(first_rows(rows), 32)
out += ["};", "/* By the first of two bytes less 0xC0: a bit for each second one with which they fold. */", "static const uint64_t FOLDING[] = {"] + wrapped(folding_bits(), 4)
out += ["};", "static const struct range {", "\tuint32_t first, last;", "} WIDE[] = {"]
out += ["\t{0x%x, 0x%x}," % tuple(r) for r in ranges(lambda c: unicodedata.east_asian_width(c) in "WF")]
out += ["};", "static const struct range COMBINING[] = {"]
out += ["\t{0x%x, 0x%x}," % tuple(r) for r in ranges(lambda c: unicodedata.combining(c) != 0 or unicodedata.category(c) in ("Mn", "Me", "Cf"))]
out += ["};", ""]
open(sys.argv[1] if len(sys.argv) > 1 else "src/base/utf8_tables.h", "w").write("\n".join(out))
