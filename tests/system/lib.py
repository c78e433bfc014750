# SPDX-License-Identifier: Apache-2.0
"""What the system tests share: the program as a server, its API, senders, and TAP. Servers listen on free loopback ports and end by their own pid."""
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "common"))
from tap import Skip, Tap

BINARY = sys.argv[1] if len(sys.argv) > 1 else "build/hinomi"
ROLES = "viewer l1 l2 soc_lead handler csirt_lead legal pr management auditor admin sensor".split()


def run(*args, data=None, lang="C", stdin=None, env=None):
    """One command, ended; nothing of the caller's environment decides what it talks to."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("HINOMI_") or k in ("HINOMI_CONTENT", "HINOMI_SOURCE")}
    clean.update({"HINOMI_DATA": data or "", "LC_ALL": lang}, **(env or {}))
    return subprocess.run([BINARY, *map(str, args)], capture_output=True, env=clean, input=stdin, timeout=120)


def shared(*parts):
    """A path among the real inputs, or None when they are not there."""
    root = os.environ.get("HINOMI_SHARED") or os.path.join(os.environ.get("HINOMI_SOURCE", "."), "..", "shared")
    path = os.path.join(root, "corpus", *parts)
    return os.path.abspath(path) if os.path.exists(path) else None


def until(what, seconds=20):
    """Waits for what() to be true and answers it; how long it took is not what is tested."""
    end = time.monotonic() + seconds
    while True:
        got = what()
        if got or time.monotonic() > end:
            return got
        time.sleep(0.02)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.raw = status, headers, body
        self.json = None
        if "json" in (headers.get("Content-Type") or ""):
            self.json = json.loads(body or b"null")

    def __getitem__(self, key):
        return self.json[key]

    def __repr__(self):
        return f"{self.status} {self.raw[:600]!r}"


class Client:
    """One person or sender at the API; the connection is kept."""

    def __init__(self, server, token=None, cookie=None):
        self.server, self.token, self.cookie, self.conn = server, token, cookie, None

    def call(self, method, path, body=None, expect=None, **headers):
        send = {k.replace("_", "-"): v for k, v in headers.items()}
        if self.token:
            send.setdefault("Authorization", f"Bearer {self.token}")
        if self.cookie:
            send["Cookie"] = self.cookie
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body).encode()
            send.setdefault("Content-Type", "application/json")
        if not path.startswith("/"):
            path = "/api/v1/" + path
        for again in (True, False):
            try:
                if not self.conn:
                    self.conn = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
                self.conn.request(method, path, body, send)
                r = self.conn.getresponse()
                a = Answer(r.status, r.headers, r.read())
                break
            except (ConnectionError, http.client.HTTPException):
                self.close()
                if not again or method != "GET":
                    raise
        if expect is not None:
            assert a.status == expect, f"{method} {path}: {a}, expected {expect}"
        return a

    def get(self, path, expect=200, **headers):
        return self.call("GET", path, None, expect, **headers)

    def post(self, path, body=None, expect=None, **headers):
        return self.call("POST", path, {} if body is None else body, expect, **headers)

    def patch(self, path, body, expect=None, **headers):
        return self.call("PATCH", path, body, expect, **headers)

    def items(self, path):
        """The whole list, page by page."""
        out, cursor = [], ""
        while cursor is not None:
            page = self.get(path + ("&" if "?" in path else "?") + "limit=200" + (f"&cursor={cursor}" if cursor else ""))
            out += page["items"]
            cursor = page["next_cursor"]
        return out

    def close(self):
        if self.conn:
            self.conn.close()
        self.conn = None


class Server:
    """`hinomi serve` over a data directory."""

    def __init__(self, data, *args, config=None):
        self.data, self.log = data, data + ".log"
        self.args = list(args)
        if config is not None:
            self.args += ["--config", self.write_config(config)]
        self.start()

    def write_config(self, text):
        path = self.data + ".yml"
        with open(path, "w") as f:
            f.write(text)
        return path

    def start(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith("HINOMI_") or k in ("HINOMI_CONTENT", "HINOMI_SOURCE")}
        self.out = open(self.log, "ab")
        began = os.path.getsize(self.log)
        self.p = subprocess.Popen([BINARY, "serve", "--data", self.data, "--listen", "127.0.0.1:0", "--syslog", "127.0.0.1:0", *self.args],
                                  stdout=self.out, stderr=self.out, stdin=subprocess.DEVNULL, env={**env, "LC_ALL": "C"})
        self.greeting = until(lambda: self.said(began) or (self.p.poll() is not None and "ended"), 30)
        assert self.greeting and self.greeting != "ended", "the server did not start: " + open(self.log, errors="replace").read()[-3000:]
        self.port = int(self.greeting.split("http://127.0.0.1:")[1].split("/")[0])
        self.syslog = int(self.greeting.split("syslog udp+tcp ")[1].split()[0]) if "syslog udp+tcp" in self.greeting else 0
        assert until(self.alive), "GET /healthz does not answer"

    def said(self, began):
        with open(self.log, errors="replace") as f:
            f.seek(began)
            text = f.read()
        return text if "http://127.0.0.1:" in text and text.endswith("\n") else None

    def alive(self):
        try:
            c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            c.request("GET", "/healthz")
            ok = c.getresponse().status == 200
            c.close()
            return ok
        except OSError:
            return False

    def stop(self):
        """SIGTERM; how many seconds it took."""
        began = time.monotonic()
        if self.p.poll() is None:
            self.p.send_signal(signal.SIGTERM)
            try:
                self.p.wait(30)
            except subprocess.TimeoutExpired:
                self.p.kill()
                self.p.wait()
                raise AssertionError("the server does not end on SIGTERM") from None
        self.out.close()
        assert self.p.returncode == 0, f"ended with {self.p.returncode}: " + open(self.log, errors="replace").read()[-3000:]
        return time.monotonic() - began

    def kill(self):
        self.p.kill()
        self.p.wait()
        self.out.close()

    def token(self, role, *args):
        p = run("token", "create", "--data", self.data, "--role", role, *args)
        assert p.returncode == 0 and len(p.stdout.split()) == 1, p
        return p.stdout.decode().strip()

    def client(self, role, *args):
        return Client(self, self.token(role, *args))

    def tcp(self, data, port=None):
        """Sends it all on one connection and waits until the other side has closed or all is read."""
        with socket.create_connection(("127.0.0.1", port or self.syslog), timeout=30) as s:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            try:
                while s.recv(4096):
                    pass
            except ConnectionError:
                pass

    def udp(self, messages):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for i, m in enumerate(messages):
                s.sendto(m, ("127.0.0.1", self.syslog))
                if i % 50 == 49:
                    time.sleep(0.001)

    def raw(self, data, timeout=20):
        """What the HTTP port answers to these bytes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as s:
            out = b""
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # the answer may have come before the end of the question
            try:
                while part := s.recv(65536):
                    out += part
            except ConnectionError:
                pass
            return out


def verify(data):
    p = run("verify", data)
    return p.returncode, (p.stdout + p.stderr).decode(errors="replace")


def main(tests):
    """Runs functions of one argument as TAP. All get one object whose `tmp` is a directory; a server in it is stopped at the end."""

    class State:
        tmp = tempfile.mkdtemp(prefix="hinomi-system-")
        server = None

    state, tap = State(), Tap(len(tests))
    for test in tests:
        with tap.test(test.__name__):
            test(state)
    try:
        if state.server and state.server.p.poll() is None:
            state.server.stop()
    except AssertionError as e:
        print(f"# {e}")
        tap.failed += 1
    shutil.rmtree(state.tmp, ignore_errors=True)
    sys.exit(tap.status())
