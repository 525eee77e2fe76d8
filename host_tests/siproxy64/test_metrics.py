# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The page of metrics: what stands in it, what is answered to what, clients that are no good."""

import unittest

from tools.siproxy64.metrics import MetricsServer, answer, page

_STATUS = {
    "calls": 2,
    "streams": 3,
    "connections": 0,
    "ports": 4,
    "uptime_s": 60,
    "media_packets": 5000,
    "media_octets": 860000,
    "counters": {"passed": 12, "no port": 1},
}


def status():
    return _STATUS


class Host:
    """Listens at one place, and has a clock that the test moves."""

    def __init__(self):
        self.accepted = None
        self.time = 0
        self.timers = []

    def now(self):
        return self.time

    def call_at(self, when, call):
        self.timers.append(Timer(when, call))
        return self.timers[-1]

    def listen(self, local16, port, accepted):
        self.accepted = accepted
        return self

    def close(self):
        self.accepted = None

    def comes(self):
        stream = Stream()
        self.accepted(stream, bytes(16), bytes(16), 40000)
        return stream

    def wait(self, ms):
        self.time += ms
        for timer in self.timers:
            if timer.when <= self.time and timer.call is not None:
                timer.call()


class Timer:
    def __init__(self, when, call):
        self.when = when
        self.call = call

    def cancel(self):
        self.call = None


class Stream:
    def __init__(self):
        self.sent = b""
        self.open = True

    def write(self, data):
        self.sent += data

    def close(self):
        self.open = False


class PageTest(unittest.TestCase):
    def test_rows(self):
        lines = page(_STATUS).split("\n")
        for line in (
            "# TYPE siproxy64_calls gauge",
            "siproxy64_calls 2",
            "siproxy64_uptime_seconds 60",
            "# TYPE siproxy64_media_packets_total counter",
            "siproxy64_media_packets_total 5000",
            'siproxy64_messages_total{event="no_port"} 1',
            'siproxy64_messages_total{event="passed"} 12',
        ):
            self.assertTrue(line in lines, line)
        self.assertEqual(lines[-1], "")

    def test_answers(self):
        for request, line in (
            (b"GET /metrics HTTP/1.1\nHost: x\n\n", b"200 OK"),
            (b"GET /metrics?a=b HTTP/1.0\n\n", b"200 OK"),
            (b"GET / HTTP/1.1\n\n", b"404 Not Found"),
            (b"POST /metrics HTTP/1.1\n\n", b"405 Method Not Allowed"),
            (b"GET /metrics\n\n", b"400 Bad Request"),
            (b"INVITE sip:a@b SIP/2.0\n\n", b"400 Bad Request"),
            (b"\n\n", b"400 Bad Request"),
        ):
            head, _, body = answer(request, status).partition(b"\r\n\r\n")
            lines = head.split(b"\r\n")
            self.assertEqual(lines[0], b"HTTP/1.1 " + line)
            self.assertTrue(b"Content-Length: %d" % len(body) in lines)
            self.assertEqual(body, page(_STATUS).encode() if line[:3] == b"200" else b"")


class ServerTest(unittest.TestCase):
    def setUp(self):
        self.host = Host()
        self.server = MetricsServer(self.host, (bytes(16), 9464), status)

    def test_in_pieces(self):
        client = self.host.comes()
        for octet in b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r":
            client.received(bytes([octet]))
        self.assertTrue(client.open and not client.sent)
        client.received(b"\n")
        self.assertTrue(client.sent.endswith(page(_STATUS).encode()))
        self.assertFalse(client.open)

    def test_who_says_nothing(self):
        client = self.host.comes()
        self.host.wait(4999)
        self.assertTrue(client.open)
        self.host.wait(1)
        self.assertFalse(client.open)

    def test_who_says_too_much(self):
        client = self.host.comes()
        client.received(b"x" * 5000)
        self.assertFalse(client.open)
        self.assertEqual(client.sent, b"")

    def test_too_many(self):
        clients = [self.host.comes() for _ in range(9)]
        self.assertEqual([one.open for one in clients], [True] * 8 + [False])
        clients[0].closed()  # the other end went away
        late = self.host.comes()
        late.received(b"GET /metrics HTTP/1.1\r\n\r\n")
        self.assertTrue(late.sent.startswith(b"HTTP/1.1 200 OK\r\n"))
        self.server.close()
        self.assertFalse([one for one in clients[1:] if one.open])
        self.assertTrue(self.host.accepted is None)
        self.assertFalse([timer for timer in self.host.timers if timer.call is not None])


if __name__ == "__main__":
    unittest.main()
