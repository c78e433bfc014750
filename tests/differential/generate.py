# SPDX-License-Identifier: Apache-2.0
"""Events that sit on a rule's edges: one that satisfies it, and the same with one thing changed."""
import ipaddress
import json
import random
import re
import re._constants as rc
import re._parser as rp

MANY, ONE = "\ue000*", "\ue000?"
FILL = ["", "", "x", "Ab c", " ", "\n", "é", "日本", "\\", "*", "?", "a\nb", "%", "\"", "0"]
CHARS = ["x", "Z", "7", "é", "日", "\n", " ", "*", "?", "\\", "😀"]


def text_of(parts, r):
    return "".join(r.choice(FILL) if p == MANY else r.choice(CHARS) if p == ONE else p for p in parts)


def regex_text(pattern, r):
    """A text that a regular expression is likely to find."""
    def one(op, arg):
        if op is rc.LITERAL:
            return chr(arg)
        if op is rc.NOT_LITERAL:
            return "x" if arg != ord("x") else "y"
        if op is rc.ANY:
            return r.choice("ax7 ")
        if op is rc.IN:
            return pick(arg)
        if op in (rc.MAX_REPEAT, rc.MIN_REPEAT):
            low, high, sub = arg
            n = min(int(high) if high is not rc.MAXREPEAT else low + 3, low + r.randrange(3))
            return "".join(some(sub) for _ in range(n))
        if op is rc.SUBPATTERN:
            return some(arg[3])
        if op is rc.BRANCH:
            return some(r.choice(arg[1]))
        return ""

    def pick(items):
        if items[0][0] is rc.NEGATE:
            for c in "x7 .-_\u00e9\\":
                if not any(o is rc.LITERAL and a == ord(c) or o is rc.RANGE and a[0] <= ord(c) <= a[1] or o is rc.CATEGORY and in_category(a, c) for o, a in items[1:]):
                    return c
            return "~"
        o, a = r.choice(items)
        if o is rc.RANGE:
            return chr(r.choice(a))
        if o is rc.CATEGORY:
            return "7" if a is rc.CATEGORY_DIGIT else " " if a is rc.CATEGORY_SPACE else "w" if a in (rc.CATEGORY_WORD, rc.CATEGORY_NOT_DIGIT, rc.CATEGORY_NOT_SPACE) else "."
        return chr(a)

    def in_category(a, c):
        return a is rc.CATEGORY_DIGIT and c.isdigit() or a is rc.CATEGORY_SPACE and c.isspace() or a is rc.CATEGORY_WORD and (c.isalnum() or c == "_")

    def some(tree):
        return "".join(one(op, arg) for op, arg in tree)

    return r.choice(["", "", "pre ", "^"]) + some(rp.parse(pattern)) + r.choice(["", "", " post", "\n"])


def value_of(v, r):
    """Something that a value asks for; None = null, () = the field is to be absent."""
    kind = v[0]
    if kind == "any":
        return value_of(r.choice(v[1]), r)
    if kind == "text":
        return text_of(v[2], r)
    if kind == "number":
        return r.choice([v[1], str(v[1])])
    if kind == "bool":
        return r.choice([v[1], "true" if v[1] else "FALSE"])
    if kind == "null":
        return r.choice([None, ()])
    if kind == "exists":
        return r.choice(["x", None, ""]) if v[1] else ()
    if kind == "re":
        return regex_text(v[1], r)
    if kind == "cidr":
        net = ipaddress.ip_network(v[1])
        return str(r.choice([net[0], net[-1], net[net.num_addresses // 2]]))
    if kind == "compare":
        return v[2] + r.choice([-1, 0, 1])
    if kind == "time":
        return "2024-05-01T03:10:00Z"
    return "ref"


def wants(tree, holds, r, out):
    """Adds (field | None, value) that make the tree hold, or fail, to out; the first choice that comes."""
    kind = tree[0]
    if kind == "not":
        wants(tree[1], not holds, r, out)
    elif kind in ("and", "or"):
        for t in tree[1] if (kind == "and") == holds else [r.choice(tree[1])]:
            wants(t, holds, r, out)
    elif holds:
        out.append((tree[1] if kind == "field" else None, tree[2] if kind == "field" else tree[1]))
    # what must not hold is left away: most of the time absence is enough


def merged(wanted, r):
    """The wanted values as an event: texts for one field are put into one value, beginnings first, ends last."""
    by_field = {}
    for name, v in wanted:
        by_field.setdefault(name if name is not None else r.choice(["Message", "Data", "a.b"]), []).append(v)
    event = {}
    for name, vs in by_field.items():
        if len(vs) > 1 and all(v[0] == "text" and MANY in v[2] for v in vs):
            first = [v for v in vs if v[2][0] != MANY][:1]
            last = [v for v in vs if v[2][-1] != MANY][:1]
            middle = [v for v in vs if v not in first and v not in last]
            event[name] = r.choice(["", " "]).join(text_of(v[2], r) for v in first + middle + last)
            continue
        v = value_of(vs[0], r)
        if v != ():
            event[name] = v
        for w in vs[1:]:
            if w[0] == "fieldref":
                event[w[1]] = event.get(name)
    for name, v in wanted:
        if v[0] == "fieldref":
            event[v[1]] = event[name] = r.choice(["same", "Same", "other", ""])
    return event


def swap(s):
    return s.swapcase() if s.isascii() else s


def near(v, r):
    """The value with one thing changed."""
    if v is None:
        return r.choice(["", "null", 0])
    if isinstance(v, bool):
        return r.choice([not v, "true", "True", 1, "yes"])
    if isinstance(v, (int, float)):
        return r.choice([v + 1, v - 1, str(v), f"{v}.0", f" {v}", f"0{v}", float(v), -v, f"{v}x", v * 10])
    choices = [swap(v), v.upper(), v.lower(), v + " ", " " + v, v + "x", "x" + v, v[:-1], v[1:], v.replace("\\", "/"), v.replace("\\", "\\\\"), v.replace("-", "/"), v.replace("-", "–"),
               v.replace("/", "-"), v.replace("k", "\u212a").replace("s", "\u017f"), v.replace(" ", "  "), v + "\n", v[:len(v) // 2] + r.choice(CHARS) + v[len(v) // 2:], v[:len(v) // 2] +
               v[len(v) // 2 + 1:], v * 2, [v], ["zz", v], [v, None], [], "", None, {"inner": v}, v.replace("e", "é")]
    try:
        a = ipaddress.ip_address(v)
        choices += [str(a + 1), str(a - 1), f" {v}", f"::ffff:{v}", v + "/32", v.replace(".", ".0", 1)] * 4
    except ValueError:
        pass
    return r.choice(choices)


def pairs(tree, n, seed):
    """n events for a rule, as JSON texts, the same ones for the same seed."""
    r = random.Random(seed)
    out = []
    while len(out) < n:
        wanted = []
        wants(tree, True, r, wanted)
        event = merged(wanted, r)
        turn = len(out) % 4
        if turn == 1 and r.random() < 0.5:  # what the rule's exceptions ask for is there too
            for part in negated(tree):
                extra = []
                wants(part, True, r, extra)
                event = {**event, **merged(extra, r)} if r.random() < 0.5 else {**merged(extra, r), **event}
        elif turn >= 1 and event:
            name = r.choice(list(event))
            change = r.randrange(10)
            if change == 0:
                del event[name]
            elif change == 1:
                event[swap(name)] = event.pop(name)
            else:
                event[name] = near(event[name], r)
        out.append(json.dumps(event, ensure_ascii=r.random() < 0.3))
    return out


def negated(tree):
    if tree[0] == "not":
        return [tree[1]]
    return [x for t in tree[1] for x in negated(t)] if tree[0] in ("and", "or") else []
