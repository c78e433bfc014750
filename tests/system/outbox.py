#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Pages and mails that leave the house: the server against a mail server and webhooks on loopback, over a dead line and a kill. As TAP.

outbox.py BINARY
"""
import email
import email.policy
import http.server
import json
import os
import socketserver
import threading

from lib import Client, Server, main, until, verify

PACKAGE = {"seen": "見た", "done": "した", "not_checked": "なし", "asked": "隔離", "priority": "P1", "priority_reason": "重要"}


class Mail(socketserver.ThreadingTCPServer):
    """A mail server that keeps what it takes. silent: greets nobody, so that a sender hangs."""

    allow_reuse_address, daemon_threads = True, True

    def __init__(self):
        self.taken, self.connections, self.silent = [], 0, False
        super().__init__(("127.0.0.1", 0), Talk)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Talk(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        self.server.connections += 1
        if self.server.silent:
            self.rfile.read()
            return
        self.say("220 mail.example.test")
        envelope = []
        while line := self.rfile.readline():
            word = line.split()[0].upper() if line.split() else b""
            if word == b"DATA":
                self.say("354 go on")
                data = b""
                while (line := self.rfile.readline()) and line != b".\r\n":
                    data += line
                self.server.taken.append((envelope, data))
                envelope = []
                self.say("250 taken")
            elif word == b"QUIT":
                self.say("221 bye")
                return
            else:
                if word in (b"MAIL", b"RCPT"):
                    envelope.append(line.decode().strip())
                self.say("250 ok")


class Hook(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        self.taken = []
        super().__init__(("127.0.0.1", 0), Post)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Post(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append((self.headers.get("Idempotency-Key"), json.loads(body)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass


RULEBOOK = """
book: outbox
version: 1
effective: 2026-11-01
fold: 24h
rows:
  - name: {ja: すべて, en: all}
    when: {}
    call:
      - {who: role(l1), by: [console, chat, phone], ack_within: 15m}
"""


def configure(s):
    s.mail, s.hook = Mail(), Hook()
    s.server = Server(os.path.join(s.tmp, "data"), config=f"""
smtp: "smtp://127.0.0.1:{s.mail.port}"
smtp_from: hinomi@soc.example
mail_domain: example.test
chat_webhook: "http://127.0.0.1:{s.hook.port}/chat"
""")
    s.l1, s.handler, s.admin = s.server.client("l1"), s.server.client("handler"), s.server.client("admin")
    s.admin.post("users", {"name": "suzuki", "roles": ["handler"], "password": "a long enough password", "mail": "hanako@csirt.example", "lang": "ja"}, 201)
    s.admin.post("users", {"name": "smith", "roles": ["handler"], "password": "a long enough password", "lang": "en"}, 201)


def an_alert(s, host):
    """Events that a shipped rule takes for an attack."""
    line = f"<38>Nov 22 10:00:01 {host} sudo: deploy : TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/vim -c :!/bin/bash"
    before = {a["id"] for a in s.l1.get("alerts?limit=200")["items"]}
    s.server.tcp(line.encode() + b"\n")
    return until(lambda: next((a for a in s.l1.get("alerts?limit=200")["items"] if a["id"] not in before), None), 30)


def hand_over(s, host):
    alert = an_alert(s, host)
    assert alert, "no alert"
    return s.l1.post("handoffs", {**PACKAGE, "alert_ids": [alert["id"]]}, 201)


def notices(s, **want):
    return [n for n in s.admin.items("notices") if all(n.get(k) == v for k, v in want.items())]


def mail_reaches_people_in_their_language(s):
    configure(s)
    h = hand_over(s, "web01")
    assert until(lambda: len(s.mail.taken) >= 2), s.mail.taken
    by = {envelope[1]: (envelope, email.message_from_bytes(data, policy=email.policy.default)) for envelope, data in s.mail.taken}
    envelope, m = by["RCPT TO:<hanako@csirt.example>"]
    assert envelope[0] == "MAIL FROM:<hinomi@soc.example>", envelope
    assert m["Subject"] == "SOC からの引き継ぎがあります" and "隔離" in m.get_content(), m
    assert m["Auto-Submitted"] == "auto-generated" and m["Message-ID"].endswith("@soc.example>"), m
    _, m = by["RCPT TO:<smith@example.test>"]
    assert m["Subject"] == "A hand-off from the SOC is waiting", m["Subject"]
    sent = until(lambda: (lambda n: len(n) == 2 and n)(notices(s, channel="mail", state="sent")))
    assert sent and all(n["attempts"] == 1 and n["ref"] == {"noun": "handoff", "id": h["id"]} for n in sent), sent
    assert {n["id"] for n in sent} == {x["Message-ID"][1:].split("@")[0] for _, x in by.values()}


def what_is_not_configured_says_so(s):
    s.server.stop()
    with open(s.server.data + ".yml", "a") as f:
        f.write(f"rulebook: {s.tmp}/book.yml\n")
    with open(os.path.join(s.tmp, "book.yml"), "w") as f:
        f.write(RULEBOOK)
    s.server.start()
    s.l1 = s.server.client("l1")
    s.handler, s.admin = s.server.client("handler"), s.server.client("admin")
    s.admin.post("users", {"name": "sato", "roles": ["l1"], "password": "a long enough password"}, 201)
    an_alert(s, "web02")
    phone = until(lambda: notices(s, channel="phone", state="failed"))
    assert phone and phone[0]["last_error"] == "phone is not configured: set phone_webhook in hinomi.yml", phone
    chat = until(lambda: notices(s, channel="chat", state="sent"))
    assert chat and s.hook.taken[-1][0] == chat[0]["id"] and "@sato" in s.hook.taken[-1][1]["text"], (chat, s.hook.taken)
    assert notices(s, channel="console", who="sato")[0]["state"] == "sent"


def a_kill_in_the_middle_loses_no_mail(s):
    s.mail.silent = True
    had, connections = len(s.mail.taken), s.mail.connections
    hand_over(s, "web03")
    assert until(lambda: s.mail.connections > connections), "nobody called the mail server"
    assert len(notices(s, channel="mail", state="queued")) == 2
    s.server.kill()
    s.mail.silent = False
    s.server.start()
    s.admin = s.server.client("admin")
    assert until(lambda: len(s.mail.taken) == had + 2), s.mail.taken[had:]
    assert until(lambda: not notices(s, channel="mail", state="queued"))
    ids = [email.message_from_bytes(d)["Message-ID"] for _, d in s.mail.taken]
    assert len(set(ids)) == len(ids) == 4, ids


def it_stops_at_once_while_a_mail_hangs(s):
    s.mail.silent = True
    connections = s.mail.connections
    s.l1 = s.server.client("l1")
    hand_over(s, "web04")
    assert until(lambda: s.mail.connections > connections)
    assert s.server.stop() < 5
    status, text = verify(s.server.data)
    assert status == 0, text


def metrics_and_ledger_tell_of_it(s):
    s.mail.silent = False
    s.server.start()
    s.admin = s.server.client("admin")
    assert until(lambda: not notices(s, state="queued"))
    text = s.admin.get("/metrics").raw.decode()
    assert "hinomi_notices_sent_total 2\n" in text and "hinomi_notices_waiting " in text, [x for x in text.splitlines() if "notices" in x]
    entries = [e for e in s.server.client("auditor").items_of_ledger() if e["actor"] == "outbox"]
    assert {e["verb"] for e in entries} == {"send", "fail"}, entries
    assert all(e["noun"] == "notice" for e in entries)


def items_of_ledger(client):
    out, start = [], 0
    while start is not None:
        page = client.get(f"ledger?from={start}&limit=1000")
        out += page["items"]
        start = page["next_cursor"]
    return out


Client.items_of_ledger = items_of_ledger

if __name__ == "__main__":
    main([mail_reaches_people_in_their_language, what_is_not_configured_says_so, a_kill_in_the_middle_loses_no_mail, it_stops_at_once_while_a_mail_hangs, metrics_and_ledger_tell_of_it])
