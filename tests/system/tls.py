#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""HTTPS and syslog over TLS with a certificate made for the test: what is sent is there, what is no TLS is refused and holds nobody up. As TAP.

tls.py BINARY
"""
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import warnings

from lib import BINARY, Skip, main, run, until


def starts(s):
    if not shutil.which("openssl"):
        raise Skip("there is no openssl to make a certificate with")
    s.cert, s.key, s.data = (os.path.join(s.tmp, n) for n in ("cert.pem", "key.pem", "data"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", s.key, "-out", s.cert], check=True, capture_output=True)
    config = os.path.join(s.tmp, "hinomi.yml")
    with open(config, "w") as f:
        f.write(f"tls_certificate: {s.cert}\ntls_key: {s.key}\nsyslog: off\nsyslog_tls: 127.0.0.1:0\n")
    s.log = open(os.path.join(s.tmp, "log"), "w+")
    s.p = subprocess.Popen([BINARY, "serve", "--data", s.data, "--config", config, "--listen", "127.0.0.1:0"], stdout=s.log, stderr=s.log, env={**os.environ, "LC_ALL": "C"})

    def said():
        s.log.seek(0)
        return re.search(r"https://127\.0\.0\.1:(\d+)/.*syslog tls (\d+)", s.log.read(), re.S)

    m = until(said, 30)
    assert m, open(s.log.name).read()
    s.port, s.syslog = int(m[1]), int(m[2])
    s.context = ssl.create_default_context(cafile=s.cert)


def need(s):
    if not hasattr(s, "port"):
        raise Skip("there is no server with a certificate")


def call(s, method, path, body=None, **headers):
    c = http.client.HTTPSConnection("127.0.0.1", s.port, context=s.context, timeout=20)
    c.request(method, path, body, headers)
    r = c.getresponse()
    out = r.status, r.headers, r.read()
    c.close()
    return out


def https_answers_and_marks_its_cookie(s):
    need(s)
    assert call(s, "GET", "/healthz")[0] == 200
    status, headers, body = call(s, "BREW", "/healthz")
    assert status == 501 and headers["Content-Type"] == "application/problem+json" and json.loads(body)["code"] == "unknown_method", (status, body)
    p = run("user", "create", "sato", "--role", "l1", "--password-stdin", data=s.data, stdin=b"long enough 1\n")
    assert p.returncode == 0, p
    status, headers, body = call(s, "POST", "/api/v1/session", json.dumps({"user": "sato", "password": "long enough 1"}))
    assert status == 200 and "; Secure" in headers["Set-Cookie"] and "HttpOnly" in headers["Set-Cookie"], (status, headers["Set-Cookie"], body)
    with socket.create_connection(("127.0.0.1", s.port), timeout=10) as c:
        c.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200" not in c.recv(1000)
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    try:
        with socket.create_connection(("127.0.0.1", s.port), timeout=10) as c, old.wrap_socket(c):
            raise AssertionError("TLS 1.1 was taken")
    except (ssl.SSLError, ConnectionError):
        pass


def syslog_over_tls(s):
    need(s)
    token = run("token", "create", "--role", "admin", data=s.data).stdout.decode().strip()
    line = b"<13>1 2026-11-26T00:00:00Z h app - - - over tls %d"
    quiet = socket.create_connection(("127.0.0.1", s.syslog), timeout=10)
    with socket.create_connection(("127.0.0.1", s.syslog), timeout=10) as c:
        c.sendall(b"<13>no tls at all\n" * 10)
    with socket.create_connection(("127.0.0.1", s.syslog), timeout=10) as raw, s.context.wrap_socket(raw, server_hostname="127.0.0.1") as c:
        c.sendall(b"".join(line % i + b"\n" for i in range(2000)))
        c.sendall(b"".join(b"%d %s" % (len(line % i), line % i) for i in range(2000, 4000)))
        c.unwrap()
    quiet.close()

    def count():
        status, _, body = call(s, "POST", "/api/v1/search", json.dumps({"q": '"over tls" | stats count, dc(message)'}), Authorization=f"Bearer {token}")
        assert status == 200, body
        return json.loads(body)["items"] == [{"count": 4000, "dc(message)": 4000}]

    assert until(count)
    rows = json.loads(call(s, "GET", "/api/v1/sources", None, Authorization=f"Bearer {token}")[2])["items"]
    assert all(x["received"] == x["stored"] + x["refused"] for x in rows), rows


def bad_certificates_are_named(s):
    need(s)
    for cert, key, word in ((s.key, s.key, "certificate"), (s.cert, s.cert, "private key"), (s.cert + ".absent", s.key, ".absent")):
        config = os.path.join(s.tmp, "bad.yml")
        with open(config, "w") as f:
            f.write(f"tls_certificate: {cert}\ntls_key: {key}\n")
        p = run("serve", "--data", os.path.join(s.tmp, "other"), "--config", config, "--listen", "127.0.0.1:0")
        assert p.returncode == 2 and word in p.stderr.decode(), (word, p)


def ends(s):
    need(s)
    s.p.terminate()
    assert s.p.wait(10) == 0
    p = run("verify", s.data)
    assert p.returncode == 0, p
    s.log.close()


if __name__ == "__main__":
    main([starts, https_answers_and_marks_its_cookie, syslog_over_tls, bad_certificates_are_named, ends])
