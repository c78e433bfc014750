# SPDX-License-Identifier: Apache-2.0
"""pySigma's parsed conditions as plain tuples that know nothing of pySigma, so that they can be kept and evaluated fast.

("and" | "or", [tree…])  ("not", tree)  ("field", name, value)  ("keyword", value)
value: ("text", cased, [str | "*" | "?" marked by WILD…])  ("number", int | float)  ("bool", b)  ("null",)  ("re", pattern, flags)  ("cidr", network)
       ("compare", op, number)  ("exists", b)  ("fieldref", field, begins, ends)  ("time", part, number)  ("any", [value…])
"""
import re

import yaml
from pyparsing import Keyword, ParseResults, Word, alphanums, infix_notation, opAssoc
from sigma import conditions, modifiers
from sigma import types as st
from sigma.processing.pipeline import ProcessingPipeline
from sigma.rule import SigmaRule

MANY, ONE = "\ue000*", "\ue000?"  # wildcards among the parts of a text


def corrected():
    """What is plainly wrong in pySigma 1.5 and must not be copied: operators are words (it reads `notepad` as `not epad`), and utf16le is in the standard."""
    identifier = Word(alphanums + "_-")
    identifier.set_parse_action(conditions.ConditionIdentifier.from_parsed)
    selector = conditions.quantifier + Keyword("of") + Word(alphanums + "*_-")
    selector.set_parse_action(conditions.ConditionSelector.from_parsed)
    ident = alphanums + "_-"

    def made(cls):
        def action(_text, _at, t):
            args = [x[0] if isinstance(x, ParseResults) else x for x in t[0]]
            return [cls(args[-1:] if cls is conditions.ConditionNOT else args[0::2])]
        return action

    conditions.condition = infix_notation(selector | identifier, [
        (Keyword("not", ident), 1, opAssoc.RIGHT, made(conditions.ConditionNOT)),
        (Keyword("and", ident), 2, opAssoc.LEFT, made(conditions.ConditionAND)),
        (Keyword("or", ident), 2, opAssoc.LEFT, made(conditions.ConditionOR))])
    modifiers.modifier_mapping["utf16le"] = modifiers.SigmaWideModifier


corrected()
FLAGS = {st.SigmaRegularExpressionFlag.IGNORECASE: re.I, st.SigmaRegularExpressionFlag.MULTILINE: re.M, st.SigmaRegularExpressionFlag.DOTALL: re.S}
PARTS = {st.TimestampPart.MINUTE: "minute", st.TimestampPart.HOUR: "hour", st.TimestampPart.DAY: "day", st.TimestampPart.WEEK: "week", st.TimestampPart.MONTH: "month",
         st.TimestampPart.YEAR: "year"}


def text_parts(s):
    if any(isinstance(p, st.Placeholder) for p in s.s):
        raise ValueError("placeholder")
    return [MANY if p is st.SpecialChars.WILDCARD_MULTI else ONE if p is st.SpecialChars.WILDCARD_SINGLE else p for p in s.s]


def value(v):
    if isinstance(v, st.SigmaExpansion):
        return ("any", [value(x) for x in v.values])
    if isinstance(v, st.SigmaString):
        return ("text", isinstance(v, st.SigmaCasedString), text_parts(v))
    if isinstance(v, st.SigmaTimestampPart):
        return ("time", PARTS[v.timestamp_part], v.number)
    if isinstance(v, st.SigmaNumber):
        return ("number", v.number)
    if isinstance(v, st.SigmaBool):
        return ("bool", v.boolean)
    if isinstance(v, st.SigmaNull):
        return ("null",)
    if isinstance(v, st.SigmaExists):
        return ("exists", v.exists)
    if isinstance(v, st.SigmaRegularExpression):
        flags = 0
        for f in v.flags:
            flags |= FLAGS[f]
        return ("re", v.regexp.to_plain(True) if hasattr(v.regexp, "to_plain") else str(v.regexp), flags)
    if isinstance(v, st.SigmaCIDRExpression):
        return ("cidr", v.cidr)
    if isinstance(v, st.SigmaCompareExpression):
        return ("compare", v.op.name.lower(), v.number.number)
    if isinstance(v, st.SigmaFieldReference):
        return ("fieldref", v.field, v.starts_with, v.ends_with)
    raise ValueError(type(v).__name__)


def condition(n):
    if isinstance(n, conditions.ConditionNOT):
        return ("not", condition(n.args[0]))
    if isinstance(n, (conditions.ConditionAND, conditions.ConditionOR)):
        return ("and" if isinstance(n, conditions.ConditionAND) else "or", [condition(x) for x in n.args])
    if isinstance(n, conditions.ConditionFieldEqualsValueExpression):
        return ("field", n.field, value(n.value))
    if isinstance(n, conditions.ConditionValueExpression):
        return ("keyword", value(n.value))
    raise ValueError("nothing is left of the condition" if n is None else type(n).__name__)


def rule_tree(rule):
    trees = [condition(c.parsed) for c in rule.detection.parsed_condition]
    return trees[0] if len(trees) == 1 else ("or", trees)


def read(text, pipeline=None):
    """One rule as YAML, through a pipeline as YAML, to its tree; raises what pySigma raises."""
    rule = SigmaRule.from_yaml(text)
    if pipeline:
        ProcessingPipeline.from_yaml(pipeline).apply(rule)
    return rule_tree(rule)


def read_file(path):
    """[(id, (product, category, service), tree)] of a file's rules; those with placeholders are left out."""
    out = []
    with open(path, encoding="utf-8") as f:
        for doc in yaml.load_all(f, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            rule = SigmaRule.from_dict(doc)
            ls = rule.logsource
            try:
                out.append((str(rule.id), tuple((x or "").lower() for x in (ls.product, ls.category, ls.service)), rule_tree(rule)))
            except ValueError as e:
                if str(e) != "placeholder":
                    raise
    return out
