# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Prometheus metrics by HTTP: what is counted, never who calls whom.

The text format 0.0.4, for GET /metrics alone: one request, one answer, the end (RFC 9112).
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    Address = tuple[bytes, int]
    Status = dict[str, Any]

_MOST_OCTETS = 4096  # of a request
_MOST_CLIENTS = 8
_PATIENCE_MS = 5000  # until a request is there
# Name, key of the status, what it is.
_GAUGES = (
    ("calls", "calls", "Calls with media."),
    ("streams", "streams", "Media descriptions that are relayed."),
    ("connections", "connections", "TCP connections."),
    ("ports", "ports", "SIP ports that are open."),
    ("uptime_seconds", "uptime_s", "Since the start."),
)
_COUNTERS = (
    ("media_packets_total", "media_packets", "Media datagrams that passed."),
    ("media_octets_total", "media_octets", "Octets of their payload."),
)


def page(status: "Status") -> str:
    """Return the metrics of a status (status.py) as text."""
    out: "list[str]" = []
    for kind, rows in (("gauge", _GAUGES), ("counter", _COUNTERS)):
        for name, key, text in rows:
            _head(out, name, kind, text)
            out.append("siproxy64_%s %d" % (name, status[key]))
    _head(out, "messages_total", "counter", "What happened to SIP messages.")
    counters = status["counters"]
    for event in sorted(counters):
        label = event.replace(" ", "_")
        out.append('siproxy64_messages_total{event="%s"} %d' % (label, counters[event]))
    return "\n".join(out) + "\n"


def _head(out: "list[str]", name: str, kind: str, text: str) -> None:
    out.append("# HELP siproxy64_%s %s" % (name, text))
    out.append("# TYPE siproxy64_%s %s" % (name, kind))


def answer(request: bytes, status: "Callable[[], Status]") -> bytes:
    """Return the answer to a request: to its first line, what else it says does not matter."""
    words = request.partition(b"\n")[0].split()
    if len(words) != 3 or words[2][:7] != b"HTTP/1.":
        return _response("400 Bad Request")
    if words[0] != b"GET":
        return _response("405 Method Not Allowed", "", "Allow: GET\r\n")
    if words[1].partition(b"?")[0] != b"/metrics":
        return _response("404 Not Found")
    return _response("200 OK", page(status()))


def _response(line: str, body: str = "", more: str = "") -> bytes:
    kind = "text/plain; version=0.0.4; charset=utf-8"
    head = "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n%sConnection: close\r\n\r\n"
    return (head % (line, kind, len(body), more) + body).encode()


class MetricsServer:
    """Answers at one address until close(). driver: has listen(), now(), call_at()."""

    def __init__(self, driver: "Any", where: "Address", status: "Callable[[], Status]") -> None:
        """status: returns that of now. OSError: the port is taken, or we may not have it."""
        self._driver = driver
        self._status = status
        self._clients: "list[_Client]" = []
        self._listener = driver.listen(where[0], where[1], self._accepted)

    def _accepted(self, stream: "Any", local16: bytes, peer16: bytes, peer_port: int) -> None:
        if len(self._clients) >= _MOST_CLIENTS:
            stream.close()
        else:
            timeout = self._driver.now() + _PATIENCE_MS
            one = _Client(stream, self._status, self._clients)
            one.timer = self._driver.call_at(timeout, one.close)

    def close(self) -> None:
        """Serve no more."""
        self._listener.close()
        while self._clients:
            self._clients[0].close()


class _Client:
    """One connection until it is answered; among its fellows meanwhile."""

    def __init__(
        self, stream: "Any", status: "Callable[[], Status]", fellows: "list[_Client]"
    ) -> None:
        self.timer: "Any" = None
        self._stream = stream
        self._status = status
        self._fellows = fellows
        self._request = b""
        fellows.append(self)
        stream.received = self._received
        stream.closed = self._closed

    def _received(self, data: bytes) -> None:
        self._request += data
        text = self._request.replace(b"\r\n", b"\n")
        if b"\n\n" in text:
            # It is less than what a fresh connection takes at once, so the end loses nothing.
            self._stream.write(answer(text, self._status))
            self.close()
        elif len(text) > _MOST_OCTETS:
            self.close()

    def _closed(self) -> None:
        if self in self._fellows:
            self._fellows.remove(self)
            self.timer.cancel()

    def close(self) -> None:
        """End it; again: nothing."""
        self._closed()
        self._stream.close()
