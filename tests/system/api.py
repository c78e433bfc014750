#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What programs rely on in the API: its description, every role at every route, problems, versions, keys, pages, metrics. As TAP.

api.py BINARY
"""
import json
import os
import re
import time

from lib import ROLES, Client, Server, main, run, until

SOURCE = os.environ.get("HINOMI_SOURCE", ".")
NOBODY = "01M8BRNXCE000G00000000005Y"


def source(*parts):
    with open(os.path.join(SOURCE, "src", "api", *parts), encoding="utf-8") as f:
        return f.read()


def routes():
    """Rows of the table: method, path, permission, flags, shape, noun."""
    rows = re.findall(r'^ROUTE\((\w+), "([^"]+)", \w+, (\w+), ([\w| ]+), (NULL|"[^"]*"), (?:NULL|"[^"]*"), "(\w+)"', source("routes.def"), re.M)
    assert len(rows) == len(re.findall(r"^ROUTE\(", source("routes.def"), re.M)) > 60
    return rows


def permissions():
    """Permission symbol -> roles, read from the table as a person reads it."""
    text = source("perms.def")
    groups = {}

    def roles(expr):
        out = set(x.lower() for x in re.findall(r"\bR\((\w+)\)", expr))
        for g in re.findall(r"\b([A-Z]+_)(?![A-Z(])", expr):
            out |= groups[g]
        return out

    for name, expr in re.findall(r"^#define (\w+_) \((.*)\)$", text, re.M):
        groups[name] = roles(expr)
    return {sym: roles(expr) for sym, expr in re.findall(r'^PERM\((\w+), "\w+", ([^"]*), "', text, re.M)}


# ---- the description -----------------------------------------------------------------------------------------------------------------------------


def starts(s):
    s.data = os.path.join(s.tmp, "data")
    s.server = Server(s.data)
    s.by = {r: s.server.client(r, "--user", f"u-{r}") for r in ROLES}
    s.admin = s.by["admin"]
    s.nobody = Client(s.server)
    s.doc = s.nobody.get("openapi.json").json


def resolve(doc, schema):
    while isinstance(schema, dict) and "$ref" in schema:
        at = doc
        for piece in schema["$ref"].removeprefix("#/").split("/"):
            at = at[piece]
        schema = at
    return schema


def check_schema(doc, schema, where):
    """JSON Schema 2020-12 as far as the description uses it."""
    schema = resolve(doc, schema)
    assert isinstance(schema, dict), where
    types = schema.get("type", [])
    for t in [types] if isinstance(types, str) else types:
        assert t in ("string", "integer", "number", "boolean", "array", "object", "null"), (where, t)
    assert set(schema) <= {"type", "properties", "required", "items", "additionalProperties", "description", "enum"}, (where, set(schema))
    for name, p in schema.get("properties", {}).items():
        check_schema(doc, p, f"{where}.{name}")
    assert set(schema.get("required", [])) <= set(schema.get("properties", {})), where
    if "items" in schema:
        check_schema(doc, schema["items"], where + "[]")


def the_description_is_openapi_3_1(s):
    """Structure, unique operations, every reference, every path parameter (OpenAPI 3.1.0)."""
    doc = s.doc
    assert doc["openapi"].startswith("3.1.") and doc["info"]["title"] and doc["info"]["version"] and set(doc) <= {"openapi", "info", "paths", "components", "security"}
    ids = set()
    for name, schema in doc["components"]["schemas"].items():
        check_schema(doc, schema, name)
    for path, item in doc["paths"].items():
        assert path.startswith("/") and set(item) <= {"get", "post", "patch", "put", "delete"}, path
        for method, op in item.items():
            where = f"{method} {path}"
            assert op["operationId"] not in ids, where
            ids.add(op["operationId"])
            assert op["summary"] and op["x-summary-ja"], where
            names = [(p["in"], p["name"]) for p in op["parameters"]]
            assert len(names) == len(set(names)), where
            assert {n for i, n in names if i == "path"} == set(re.findall(r"\{(\w+)\}", path)), where
            for p in op["parameters"]:
                assert p["in"] in ("path", "query", "header") and (p["in"] != "path" or p["required"]), where
                check_schema(doc, p["schema"], where)
            if "requestBody" in op:
                assert method != "get" and op["requestBody"]["content"], where
                for media in op["requestBody"]["content"].values():
                    check_schema(doc, media["schema"], where)
            assert op["responses"], where
            for status, r in op["responses"].items():
                assert re.fullmatch(r"[1-5](\d\d|XX)", status), where
                r = resolve(doc, r)
                assert r["description"], where
                for media in r.get("content", {}).values():
                    check_schema(doc, media["schema"], where)
            for need in op.get("security", []):
                assert set(need) <= set(doc["components"]["securitySchemes"]), where
    described = {(m.upper(), p) for p, item in doc["paths"].items() for m in item}
    assert described == {(m, p) for m, p, *_ in routes()}
    codes = set(re.findall(r'^PROBLEM\("(\w+)"', source("problems.def"), re.M))
    assert set(doc["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]) == codes


KINDS = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict, "null": type(None)}


def fits(doc, schema, value, where):
    schema = resolve(doc, schema)
    types = schema.get("type")
    if types:
        types = [types] if isinstance(types, str) else types
        good = any(isinstance(value, KINDS[t]) and not (isinstance(value, bool) and t in ("integer", "number")) for t in types)
        assert good, f"{where}: {value!r} is no {types}"
    if isinstance(value, dict):
        for name in schema.get("required", []):
            assert name in value, f"{where}: {name} is missing in {sorted(value)}"
        for name, p in schema.get("properties", {}).items():
            if name in value:
                fits(doc, p, value[name], f"{where}.{name}")
    for i, v in enumerate(value if isinstance(value, list) else []):
        if "items" in schema:
            fits(doc, schema["items"], v, f"{where}[{i}]")
    if "enum" in schema:
        assert value in schema["enum"], where


def fill(s):
    """One object of every noun that a person can make."""
    by = s.by
    by["sensor"].call("POST", "events?source=api&product=windows&service=security", b"\n".join(json.dumps({"EventID": 1102, "Channel": "Security", "Computer": f"pc{i}"}).encode() for i in range(5)), 200)
    a = until(lambda: by["l1"].get("alerts")["items"])
    assert a, "no alert"
    s.alert = a[0]["id"]
    package = {k: "x" for k in ("seen", "done", "not_checked", "asked", "priority_reason")}
    s.handoff = by["l1"].post("handoffs", {"alert_ids": [s.alert], "priority": "P2", **package}, 201)["id"]
    s.incident = by["handler"].post(f"handoffs/{s.handoff}/accept", {}, 200)["incident_id"]
    path = f"incidents/{s.incident}/"
    s.task = by["handler"].post(path + "tasks", {"title": "t"}, 201)["id"]
    s.decision = by["handler"].post(path + "decisions", {"title": "d", "options": ["a"], "decided": "a", "reason": "r"}, 201)["id"]
    s.evidence = by["handler"].call("POST", path + "evidence?name=e", b"octets", 201, Content_Type="application/octet-stream")["id"]
    s.custody = by["handler"].post(f"evidence/{s.evidence}/custody", {"to": "u-csirt_lead", "reason": "r"}, 201)["id"]
    by["handler"].post(path + "timeline", {"text": "n"}, 201)
    s.report = by["handler"].post(path + "reports", {"kind": "first", "lang": "en", "format": "html"}).json.get("id")


def every_answer_fits_its_schema(s):
    """GET every route with objects that are there: what comes back is what the description says."""
    fill(s)
    ids = {"alerts": s.alert, "handoffs": s.handoff, "incidents": s.incident, "tasks": s.task, "decisions": s.decision, "evidence": s.evidence, "custody": s.custody, "reports": s.report,
           "rules": s.admin.get("rules?limit=1")["items"][0]["id"], "events": s.admin.get("search?limit=1")["items"][0]["_id"]}
    reader = s.server.client("csirt_lead")
    seen = set()
    for path, item in s.doc["paths"].items():
        if "get" not in item or path.endswith("/stream"):
            continue
        full = path
        if "{" in path:
            full = re.sub(r"\{\w+\}", str(ids[path.split("/")[3]]), path)
        if path.endswith("/proof"):
            full += "?seq=0"
        a = reader.call("GET", full)
        if a.status == 403:
            a = s.admin.call("GET", full)
        assert a.status == 200, f"{full}: {a}"
        media = item["get"]["responses"]["2XX"]["content"]
        if a.json is not None and "application/json" in media:
            fits(s.doc, media["application/json"]["schema"], a.json, full)
            seen.add(path)
    assert len(seen) > 30, seen
    for path, got in (("alerts", s.alert), ("handoffs", s.handoff), ("incidents", s.incident), ("tasks", s.task)):
        a = reader.get(f"{path}/{got}")
        assert a.headers["ETag"] == f'"v{a["version"]}"', path


# ---- who may what ----------------------------------------------------------------------------------------------------------------------------------


def every_role_at_every_route(s):
    """403 exactly where the table says so, before anything else is looked at; 401 for nobody and for a bad token."""
    perms = permissions()
    bad = Client(s.server, "hnm_" + "0" * 64)
    for method, path, perm, flags, shape, _ in routes():
        if path.endswith("/stream"):
            continue
        full = re.sub(r"\{\w+\}", NOBODY, path)
        body = None if method in ("GET", "DELETE") else b"{}" if shape != "NULL" or "RAW" not in flags else b""
        if perm == "PUBLIC":
            a = s.nobody.call(method, full, body, Content_Type="application/json")
            assert a.status not in (401, 403) or path.endswith("/session"), f"{method} {path}: {a}"
            continue
        for client in (s.nobody, bad):
            a = client.call(method, full, body, 401, Content_Type="application/json")
            assert a["code"] == "not_logged_in", a
        for role in ROLES:
            a = s.by[role].call(method, full, body, Content_Type="application/json")
            if role in perms[perm]:
                assert a.status not in (401, 403) and a.status < 500, f"{role} at {method} {path}: {a}"
            else:
                assert a.status == 403 and a["code"] == "not_allowed", f"{role} at {method} {path}: {a}"


def a_token_ends(s):
    made = s.admin.post("tokens", {"roles": ["viewer"], "expires_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))}, 201)
    c = Client(s.server, made["token"])
    c.get("me")
    assert until(lambda: c.call("GET", "me").status == 401, 10)
    made = s.admin.post("tokens", {"roles": ["viewer"]}, 201)
    c = Client(s.server, made["token"])
    c.get("me")
    assert made["token"] not in s.admin.get("tokens").raw.decode()
    s.admin.call("DELETE", f"tokens/{made['id']}", None, 200)
    c.get("me", 401)
    for scheme in ("Bearer", "ApiKey", "Splunk"):
        s.nobody.get("me", 200, Authorization=f"{scheme} {s.admin.token}")


# ---- problems, versions, keys --------------------------------------------------------------------------------------------------------------------------


def problems_are_rfc_9457(s):
    a = s.admin.get("alerts/" + NOBODY, 404)
    assert a.headers["Content-Type"] == "application/problem+json"
    assert {k: type(a[k]) for k in ("type", "title", "title_ja", "status", "code")} == {"type": str, "title": str, "title_ja": str, "status": int, "code": str}
    assert a["code"] == "not_found" and a["status"] == 404 and not a["title_ja"].isascii()
    fits(s.doc, {"$ref": "#/components/schemas/Problem"}, a.json, "problem")
    assert s.admin.call("PUT", "alerts", b"{}").json["code"] == "method_not_allowed"
    refused = s.admin.post("users", {"name": "x", "roles": ["l1"], "password": "short"}, 422)
    assert refused["errors"][0]["field"] == "password" and refused["detail_ja"] == refused["errors"][0]["message_ja"] == "短すぎます", refused
    assert s.admin.call("GET", "nothing").json["code"] == "no_such_route"


def a_log_in_knows_its_language(s):
    for name, lang in (("yamada", "ja"), ("smith", "en")):
        s.admin.post("users", {"name": name, "roles": ["l1"], "password": "long enough 1", "lang": lang}, 201)
        assert s.nobody.post("session", {"user": name, "password": "long enough 1"}, 200)["lang"] == lang


def versions_and_keys(s):
    h, path = s.by["handler"], f"tasks/{s.task}"
    v = h.get(path).headers["ETag"]
    new = h.patch(path, {"status": "in_progress"}, 200, If_Match=v)
    assert new.headers["ETag"] != v and new["ledger_seq"] >= 0
    assert h.patch(path, {"status": "done"}, 412, If_Match=v)["code"] == "stale_version"
    assert h.patch(path, {"status": "done"}, 422, If_Match="what")["errors"][0]["field"] == "If-Match"
    h.patch(path, {"status": "done", "result": "x"}, 200, If_Match="*")
    note = f"incidents/{s.incident}/timeline"
    one = h.post(note, {"text": "keyed"}, 201, Idempotency_Key="k")
    two = h.post(note, {"text": "keyed"}, 201, Idempotency_Key="k")
    assert one.json == two.json
    assert h.post(note, {"text": "other"}, 422, Idempotency_Key="k")["code"] == "idempotency_mismatch"
    # The key is the caller's own.
    assert s.by["csirt_lead"].post(note, {"text": "other"}, 201, Idempotency_Key="k")["id"] != one["id"]
    texts = [x["text"]["en"] for x in h.get(note)["items"]]
    assert texts.count("keyed") == 1


# ---- pages ---------------------------------------------------------------------------------------------------------------------------------------------


def pages_are_stable_while_more_comes_in(s):
    """Every object that was there at the first page is seen once, whatever is added between the pages."""
    h, path = s.by["handler"], f"incidents/{s.incident}/timeline"
    before = [x["id"] for x in h.get(path)["items"]]
    seen, cursor, n = [], "", 0
    while cursor is not None:
        page = h.get(f"{path}?limit=2" + (f"&cursor={cursor}" if cursor else ""))
        assert len(page["items"]) <= 2
        seen += [x["id"] for x in page["items"]]
        cursor, n = page["next_cursor"], n + 1
        if n < 4:
            h.post(path, {"text": f"between {n}", "time": "2026-01-01T00:00:00Z"}, 201)
    assert set(before) <= set(seen) and len(seen) == len(set(seen)), (before, seen)
    for i in range(9):
        s.admin.post("users", {"name": f"page{i}", "roles": ["viewer"]}, 201)
    before = {x["id"] for x in s.admin.items("users")}
    seen, cursor, n = [], "", 0
    while cursor is not None:
        page = s.admin.get("users?limit=4" + (f"&cursor={cursor}" if cursor else ""))
        seen += [x["id"] for x in page["items"]]
        cursor, n = page["next_cursor"], n + 1
        s.admin.post("users", {"name": f"between{n}", "roles": ["viewer"]}, 201)
    assert set(seen) == before and len(seen) == len(before)
    events = [x["_id"] for x in s.admin.post("search", {"q": "*", "limit": 1000}, 200)["items"]]
    got, cursor = [], ""
    while cursor is not None:
        page = s.admin.post("search", {"q": "*", "limit": 2, **({"cursor": cursor} if cursor else {})}, 200)
        got += [x["_id"] for x in page["items"]]
        cursor = page["next_cursor"]
    assert got == events
    for what in ("alerts?cursor=x", f"incidents/{s.incident}/tasks?cursor=x", f"alerts/{s.alert}/events?cursor=x", "ledger?cursor=x", "search?cursor=x"):
        a = s.admin.call("GET", what)
        assert a.status == 422, f"{what}: {a}"
    for limit in ("0", "-1", "x", "99999999999999999999"):
        assert s.admin.call("GET", f"alerts?limit={limit}").status == 422, limit


# ---- for machines that watch -------------------------------------------------------------------------------------------------------------------------------


def metrics_are_prometheus_text(s):
    """Exposition format 0.0.4: HELP and TYPE before the samples of a family, names, labels, values; a label may hold anything."""
    odd = 'a"b\\c d'
    s.by["sensor"].call("POST", "events?source=" + "a%22b%5Cc%20d", b'{"a":1}', 200)
    a = s.nobody.get("/metrics")
    assert a.headers["Content-Type"].startswith("text/plain; version=0.0.4"), a.headers
    family, kinds, seen = None, {}, set()
    for line in a.raw.decode().splitlines():
        if m := re.fullmatch(r"# HELP ([a-z_:][a-z0-9_:]*) (.+)", line):
            family = m[1]
            assert family not in kinds, line
        elif m := re.fullmatch(r"# TYPE ([a-z_:][a-z0-9_:]*) (counter|gauge|histogram|summary|untyped)", line):
            assert m[1] == family, line
            kinds[family] = m[2]
        else:
            m = re.fullmatch(r'([a-z_:][a-z0-9_:]*)(\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*\})? (-?[0-9.e+]+|NaN|[+-]Inf)', line)
            assert m and m[1] == family and family in kinds, line
            assert m[0].rsplit(" ", 1)[0] not in seen, line
            seen.add(m[0].rsplit(" ", 1)[0])
            assert kinds[family] != "counter" or float(m[3]) >= 0
    assert any(odd.replace("\\", "\\\\").replace('"', '\\"') in x for x in seen), seen
    assert all(k.startswith("hinomi_") for k in kinds) and all(k.endswith(("_total", "_position")) for k, t in kinds.items() if t == "counter"), kinds
    assert s.nobody.get("/healthz")["status"] == "ok" and s.nobody.get("/readyz")["status"] == "ready"


def answers_to_a_browser_are_guarded(s):
    a = s.admin.get("me")
    assert set(a.json) == {"user", "roles", "permissions", "sites", "lang", "organisation"}, a
    assert a.headers["X-Content-Type-Options"] == "nosniff" and a.headers["Cache-Control"] == "no-store", a.headers
    assert s.nobody.call("HEAD", "/healthz").status == 200
    for host in ("evil.example", "127.0.0.1.evil.example"):
        assert s.nobody.call("GET", "/healthz", None, 200, Host=host)


if __name__ == "__main__":
    main([starts, the_description_is_openapi_3_1, every_answer_fits_its_schema, every_role_at_every_route, a_token_ends, problems_are_rfc_9457, a_log_in_knows_its_language, versions_and_keys, pages_are_stable_while_more_comes_in,
          metrics_are_prometheus_text, answers_to_a_browser_are_guarded])
