# SPDX-License-Identifier: Apache-2.0
"""A small evaluator of our own for trees of tree.py, slow and plain, written from the specification and docs/formats/sigma.md: the judge."""
import datetime
import ipaddress
import json
import re

MANY, ONE = "\ue000*", "\ue000?"
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?\Z")


def fold_char(c):
    f = c.casefold()
    return f if len(f) == 1 else c.lower() if len(c.lower()) == 1 else c


def fold(s):
    return s.lower() if s.isascii() else "".join(map(fold_char, s))


class Occurrence:
    """One value of a field as text. kind: null, number, text (a number if it looks like one) or word (never a number)."""
    __slots__ = ("kind", "text", "_fold")

    def __init__(self, kind, text):
        self.kind, self.text, self._fold = kind, text, None

    def fold(self):
        if self._fold is None:
            self._fold = fold(self.text)
        return self._fold

    def number(self):
        return number_of(self.text) if self.kind in ("number", "text") else None


def number_of(text):
    m = NUMBER.match(text)
    if not m:
        return None
    if not m[1] and not m[2]:
        return int(text)
    f = float(text)
    return f if abs(f) != float("inf") else None


class Event:
    def __init__(self):
        self.field = {}    # name -> occurrences that count
        self.words = []    # what keywords search

    def add(self, name, kind, text, element, alias):
        o = Occurrence(kind, text)
        was = self.field.get(name)
        if was is not None and element and was[1]:
            was[0].append(o)
        else:
            self.field[name] = ([o], element)
        if not alias:
            self.words.append(o)

    def get(self, name):
        return self.field.get(name, ((),))[0]


class Number(str):
    pass


def from_json(text):
    ev = Event()

    def walk(name, v, element):
        if isinstance(v, dict) and v:
            for k, x in v.items():
                walk(f"{name}.{k}" if name is not None else k, x, element)
        elif isinstance(v, list) and v:
            for x in v:
                walk(name, x, True)
        elif isinstance(v, Number):
            ev.add(name, "number", str(v), element, False)
        elif v is None:
            ev.add(name, "null", "", element, False)
        elif isinstance(v, bool):
            ev.add(name, "word", "true" if v else "false", element, False)
        elif isinstance(v, str):
            ev.add(name, "text", v, element, False)
        else:
            ev.add(name, "word", "{}" if isinstance(v, dict) else "[]", element, False)

    walk(None, json.loads(text, parse_int=Number, parse_float=Number), False)
    return ev


def from_engine(line):
    """An event as `verdicts files` prints it."""
    ev = Event()
    for name, kind, text, element, alias in line["field"]:
        ev.add(name, kind, text, bool(element), bool(alias))
    if line["raw"] is not None:
        ev.words = [Occurrence("text", line["raw"])]
    return ev


# ---- values: each makes a test of one occurrence ----

def glob(units, text):
    """Greedy, with one place to go back to: the last MANY."""
    p = t = 0
    star, mark = -1, 0
    while t < len(text):
        if p < len(units) and units[p] == MANY:
            star, mark = p, t
            p += 1
        elif p < len(units) and units[p] in (ONE, text[t]):
            p += 1
            t += 1
        elif star >= 0:
            mark += 1
            p, t = star + 1, mark
        else:
            return False
    return all(u == MANY for u in units[p:])


def text_test(cased, parts, keyword):
    parts = [p if p in (MANY, ONE) or cased else fold(p) for p in parts]
    if keyword:
        parts = [MANY, *parts, MANY]
    get = (lambda o: o.text) if cased else Occurrence.fold
    plain = [p for p in parts if p != MANY]
    if ONE not in parts and len(plain) <= 1 and parts:
        word, front, back = plain[0] if plain else "", parts[0] == MANY, parts[-1] == MANY
        if front and back:
            return lambda o: o.kind != "null" and word in get(o)
        if front:
            return lambda o: o.kind != "null" and get(o).endswith(word)
        if back:
            return lambda o: o.kind != "null" and get(o).startswith(word)
        return lambda o: o.kind != "null" and get(o) == word
    if not parts:
        return lambda o: o.kind != "null" and o.text == ""
    units = [u for p in parts for u in ([p] if p in (MANY, ONE) else p)]
    return lambda o: o.kind != "null" and glob(units, get(o))


def compares(op, a, b):
    if isinstance(a, float) or isinstance(b, float):
        a, b = float(a), float(b)
    return a == b if op == "eq" else a < b if op == "lt" else a <= b if op == "lte" else a > b if op == "gt" else a >= b


def number_test(op, n):
    def test(o):
        x = o.number()
        return x is not None and compares(op, x, n)
    return test


def address(text):
    try:
        a = ipaddress.ip_address(text.strip(" \t\r\n\v\f"))
    except ValueError:
        return None
    mapped = getattr(a, "ipv4_mapped", None)
    return None if getattr(a, "scope_id", None) else mapped or a


def cidr_test(cidr):
    net = ipaddress.ip_network(cidr)

    def test(o):
        a = address(o.text)
        return a is not None and a.version == net.version and a in net
    return test


def time_test(part, n):
    def test(o):
        m = re.match(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:?\d\d)?\Z", o.text)
        if not m:
            return False
        t = datetime.datetime.fromisoformat(f"{m[1]}T{m[2]}")  # as written: the zone is not converted
        return (t.isocalendar()[1] if part == "week" else getattr(t, part)) == n
    return test


def ascii_classes(pattern):
    """\\d, \\w and \\s as ASCII (PCRE2 without UCP), while (?i) knows all letters."""
    sets = {"d": "0-9", "w": "A-Za-z0-9_", "s": " \\t\\n\\r\\f\\v", "D": "0-9", "W": "A-Za-z0-9_", "S": " \\t\\n\\r\\f\\v"}
    out, inside, i = [], False, 0
    while i < len(pattern):
        c, step = pattern[i], 1
        if c == "\\" and i + 1 < len(pattern):
            c, step = pattern[i:i + 2], 2
            s = sets.get(pattern[i + 1])
            if s and not (inside and pattern[i + 1].isupper()):
                c = s if inside else f"[{'^' if pattern[i + 1].isupper() else ''}{s}]"
        elif inside:
            inside = c != "]" or pattern[i - 1] == "[" or pattern[i - 2:i] == "[^"
        elif c == "[":
            inside = True
        out.append(c)
        i += step
    return "".join(out)


def value_test(v, keyword):
    """A test of one occurrence, or None where the question is about the field as a whole."""
    kind = v[0]
    if kind == "text":
        return text_test(v[1], v[2], keyword)
    if kind == "number" and keyword:
        return text_test(False, [str(v[1])], True)
    if kind == "number":
        return number_test("eq", v[1])
    if kind == "bool":
        return text_test(False, ["true" if v[1] else "false"], keyword)
    if kind == "re":
        r = re.compile(ascii_classes(v[1]), v[2])
        return lambda o: o.kind != "null" and r.search(o.text) is not None
    if kind == "cidr":
        return cidr_test(v[1])
    if kind == "compare":
        return number_test(v[1], v[2])
    if kind == "time":
        return time_test(v[1], v[2])
    return None


def field_test(name, v):
    if v[0] == "any":
        return either([field_test(name, x) for x in v[1]])
    if v[0] == "null":
        return lambda e: not e.get(name) or any(o.kind == "null" for o in e.get(name))
    if v[0] == "exists":
        return lambda e: bool(e.get(name)) == v[1]
    if v[0] == "fieldref":
        _, other, begins, ends = v

        def ref(e):
            for a in e.get(name):
                for b in e.get(other):
                    x, y = a.fold(), b.fold()
                    if "null" not in (a.kind, b.kind) and (y in x if begins and ends else x.startswith(y) if begins else x.endswith(y) if ends else x == y):
                        return True
            return False
        return ref
    test = value_test(v, False)

    def any_value(e):
        for o in e.get(name):
            if test(o):
                return True
        return False
    return any_value


def keyword_test(v):
    if v[0] == "any":
        return either([keyword_test(x) for x in v[1]])
    test = value_test(v, True)
    return lambda e: any(map(test, e.words))


def either(tests):
    def test(e):
        for t in tests:
            if t(e):
                return True
        return False
    return test


def every(tests):
    def test(e):
        for t in tests:
            if not t(e):
                return False
        return True
    return test


def compiled(tree):
    """The tree as a function of an Event."""
    kind = tree[0]
    if kind == "and":
        return every([compiled(t) for t in tree[1]])
    if kind == "or":
        return either([compiled(t) for t in tree[1]])
    if kind == "not":
        inner = compiled(tree[1])
        return lambda e: not inner(e)
    return field_test(tree[1], tree[2]) if kind == "field" else keyword_test(tree[1])
