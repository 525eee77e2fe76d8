# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The signalling of the server: what a datagram of nibble F is answered (pubtsp.md section 3).

Each is answered from its own contents and the source that is seen (D-3), alike as often as it
comes (D-2), never with more than three times its octets (X-7).
"""

from vox6.wire import const
from vox6.wire.errors import FormatError, LocalProtocolError

from . import header, messages
from .address import MAC, SERVER_PORT
from .limits import Limiter
from .messages import (
    Authenticate,
    Info,
    TunnelRequest,
    Version,
    emit_brokers,
    emit_line,
    looks_like_reply,
    parse_request,
    with_length,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .rules import Config

    Peer = tuple[bytes, int]

_VERSIONS = ("2.0.0", "2.0.1", "2.0.2")
_TYPES = ("v6udpv4", "v6anyv4")  # the second is answered with the first
_AMPLIFICATION = const(3)  # octets of payload answered for each one asked
_REQUEST_RATE = const(10)  # TSP requests a second for each IPv4 address
_REQUEST_BURST = const(30)  # a household behind one NAT that comes up at once
_REQUEST_TOTAL = const(10000)
COUNTERS = (
    "requests",
    "version",
    "authenticate",
    "create",
    "info",
    "accept",
    "reject",
    "delete",
    "malformed",  # requests answered with 500 or 501
    "refused",  # 310 for a source that cannot have a tunnel
    "busy",
    "referred",
    "replies_seen",  # TSP data that only servers send
    "unbounded",  # replies that X-7 forbade
)


class Answers:
    """Answers requests for the addresses of one prefix; the arguments are those of Server."""

    def __init__(
        self,
        config: "Config",
        lifetime: int,
        keepalive: "tuple[int, int, int]",
        dns: "bytes | None",
        salt: int,
    ) -> None:
        if not 0 < keepalive[0] <= keepalive[1] <= keepalive[2]:
            raise LocalProtocolError("keepalive: least, default, most")
        if lifetime < 1:
            raise LocalProtocolError("a lifetime is a minute or more")
        self.config = config
        self.addresses = config.addresses
        self.dns = dns
        self.counters = {name: 0 for name in COUNTERS}
        self._lifetime = lifetime
        self._keepalive = keepalive
        self._key_ends: "int | None" = None
        self._brokers: "list[bytes | str] | None" = None
        self._requests = Limiter(_REQUEST_RATE, _REQUEST_BURST, _REQUEST_TOTAL, salt)
        self._refusals = Limiter(1, _REQUEST_RATE, _REQUEST_RATE, salt)

    # commands

    def set_keys(
        self, key: "bytes | None", previous: "bytes | None", ends: "int | None" = None
    ) -> None:
        """Take the keys of a period (section 4.4); ends: when it is over, None for never."""
        self.addresses.set_keys(key, previous)
        self._key_ends = ends

    def drain(self, brokers: "list[bytes | str] | None") -> None:
        """Send clients that come elsewhere with 1530 (R-9); None: serve again.

        brokers: IPv4 addresses (four octets) and names. Packets pass as before.
        """
        self._brokers = brokers

    # requests

    def answer(self, data: bytes, peer: "Peer", now: int, refused: bool = False) -> "bytes | None":
        """Return the reply to a datagram of nibble F, or None (section 3).

        refused: its source cannot have a tunnel (U1): 310 is all it gets.
        """
        self.counters["requests"] += 1
        if looks_like_reply(data[header.LENGTH :]) or len(data) < header.LENGTH:
            self.counters["replies_seen"] += 1  # of another server: never answered (RFC 6324)
            return None
        v4, port = peer[0][12:], peer[1]
        if refused:
            return self._refuse(data, v4, port, now)
        if 0 in data[header.LENGTH :]:  # C-2
            self.counters["malformed"] += 1
            return None
        if not self._requests.take(v4, now):
            self.counters["busy"] += 1
            if not self._refusals.take(v4, now):
                return None
            return self._bounded(data, [emit_line(messages.BUSY)])
        try:
            request = parse_request(data[header.LENGTH :])
        except FormatError as error:
            self.counters["malformed"] += 1
            return self._bounded(data, [emit_line(error.code)])
        if isinstance(request, Version):
            self.counters["version"] += 1
            if request.version not in _VERSIONS:
                return self._bounded(data, [emit_line(messages.UNSUPPORTED_VERSION)])
            return self._bounded(data, [b"CAPABILITY TUNNEL=V6UDPV4 AUTH=ANONYMOUS\r\n"])
        if isinstance(request, Authenticate):
            self.counters["authenticate"] += 1
            good = request.mechanism == "ANONYMOUS"
            code = messages.SUCCESS if good else messages.AUTHENTICATION_FAILED
            return self._bounded(data, [emit_line(code)])
        return self._bounded(data, [with_length(one) for one in self._tunnel(request, peer, now)])

    def _refuse(self, data: bytes, v4: bytes, port: int, now: int) -> "bytes | None":
        """Answer a source that U1 refuses: 310, and how to do better (X-6)."""
        self.counters["refused"] += 1
        first = v4[0]
        if port == 0 or first == 0 or first == 127 or first >= 224 or v4 in self.config.servers:
            return None  # no reply could arrive, or it would come back
        if not self._refusals.take(v4, now):
            return None
        if port < self.config.ports_min or port == SERVER_PORT:
            text = messages.TEXTS[messages.SERVER_ERROR] + ": " + messages.PORT_TEXT
        else:
            text = None
        return self._bounded(
            data, [emit_line(messages.SERVER_ERROR, text), emit_line(messages.SERVER_ERROR)]
        )

    def _tunnel(self, request: TunnelRequest, peer: "Peer", now: int) -> "list[bytes]":
        """Return the answers to a tunnel request, the first that X-7 allows is sent."""
        action = request.action
        if action in ("accept", "reject", "delete"):  # C-3, D-5
            self.counters[action] += 1
            return [emit_line(messages.SUCCESS)]
        if action != "create" and action != "info":
            self.counters["malformed"] += 1
            return [emit_line(messages.INVALID_FORMAT)]
        self.counters[action] += 1
        # C-5: the type is required for create only
        if (action == "create" or request.type) and request.type not in _TYPES:
            known = request.type != ""
            return [emit_line(messages.UNSUPPORTED_TYPE if known else messages.INVALID_FORMAT)]
        if request.prefix:
            return [emit_line(messages.PREFIX_REFUSED)]
        if self._brokers is not None:
            self.counters["referred"] += 1
            return self._referral(self._brokers)
        if not self.addresses.is_ready():
            return [emit_line(messages.SERVER_ERROR)]
        info = self._info(request, peer, now)
        out = []
        if self.dns is not None:
            info.dns_server = self.dns
            out.append(emit_line(messages.SUCCESS) + info.emit().encode())
            info.dns_server = None
        out.append(emit_line(messages.SUCCESS) + info.emit().encode())
        # For a client that asks in few words: what it must know.
        info.server_ipv4 = info.server_ipv6 = None
        out.append(emit_line(messages.SUCCESS) + info.emit().encode())
        return out

    def _info(self, request: TunnelRequest, peer: "Peer", now: int) -> Info:
        """Return what create and info tell (section 3.4, D-4)."""
        v4 = peer[0][12:]
        least, default, most = self._keepalive
        interval = default if request.interval is None else request.interval
        interval = min(max(interval, least), most)
        server = self.addresses.server_address
        return Info(
            self.lifetime(now),
            self.config.service_ipv4,
            server,
            v4,  # D-8
            self.addresses.make(v4, peer[1]),
            interval,
            server,
        )

    def lifetime(self, now: int) -> int:
        """Return the minutes that an address stays valid: the rest of the key's period (D-7).

        It is accepted one period longer, as the previous key's.
        """
        if self.addresses.mode != MAC or self._key_ends is None:
            return self._lifetime
        return max(1, (self._key_ends - now) // 60000)

    def _referral(self, brokers: "list[bytes | str]") -> "list[bytes]":
        """Return 1530 with all brokers, with fewer, and 530 alone: the request may be short."""
        line = emit_line(messages.REFERRAL + messages.BUSY)
        out = []
        for count in range(len(brokers), 0, -1):
            out.append(line + emit_brokers(brokers[:count]).encode())
        out.append(emit_line(messages.BUSY))
        return out

    def _bounded(self, request: bytes, texts: "list[bytes]") -> "bytes | None":
        """Return the first reply that is not more than thrice the request (X-7), or None."""
        most = _AMPLIFICATION * len(request)
        short = b"%d\r\n" % messages.INVALID_FORMAT
        for text in texts + [short]:
            if header.LENGTH + len(text) <= most:
                return request[: header.LENGTH] + text  # all 8 octets unaltered (4.4.1.2)
        self.counters["unbounded"] += 1
        return None
