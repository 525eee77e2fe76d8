# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Direct paths between two clients (pubtsp.md section 12, X-13).

A peer whose address lies in a known prefix is probed at the IPv4 address and port in it, and by
the server too, so that it opens its own NAT by probing back. When a reply has come straight,
packets go straight; when the path falls silent they go by the server again.
"""

from vox6.wire import const

from . import inner, ipv6
from .events import PathDemoted, PathPromoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    Peer = tuple[bytes, int]

PEERS = 8  # of the table

IDLE = "Idle"  # by the server; not probed before retry_at
PROBING = "Probing"  # by the server; probes are under way
DIRECT = "Direct"

_PROBES = const(3)  # straight ones of a round
_PROBE_GAP = const(50)  # ms between them
_PROBE_WAIT = const(2000)  # ms for a reply to the last
_RETRY_FIRST = const(30000)  # ms between rounds, doubled
_RETRY_LAST = const(600000)
_ECHO_WAIT = const(2000)  # ms for the reply to an echo
_ECHOES = const(3)  # lost ones until demotion
_SILENT = const(5000)  # ms of sending without any packet from there until demotion
_ASK = const(2000)  # ms of sending without any packet until an echo asks


class Path:
    """What is known of one peer."""

    def __init__(self, address: bytes, peer: "Peer", now: int) -> None:
        self.address = address
        self.peer = peer
        self.state = IDLE
        self.nonce = b""
        self.left = 0  # probes of this round still to send
        self.answers = 0  # probes sent because the peer's came
        self.timer: "int | None" = None
        self.retry_at = now
        self.backoff = _RETRY_FIRST
        self.used_at = now
        self.sent_at = now
        self.sending_since: "int | None" = None  # no packet has come since
        self.echo_at: "int | None" = None  # an echo waits for its reply
        self.lost = 0


class Paths:
    """The table of peers. emit(packet, peer): sends; peer None: by the server. tell(event)."""

    def __init__(
        self,
        random: "Callable[[int], bytes]",
        emit: "Callable[[bytes, Peer | None], None]",
        tell: "Callable[[object], None]",
        count: "Callable[[str], None]",
    ) -> None:
        self._random = random
        self._emit = emit
        self._tell = tell
        self._count = count
        self._table: "list[Path]" = []
        self.own = b""
        self.interval = 30000  # ms, the keepalive of a quiet path

    def clear(self, own: bytes) -> None:
        """Our address is another one, or gone: nothing holds any more."""
        table = self._table
        self._table = []
        self.own = own
        for path in table:
            if path.state == DIRECT:
                self._tell(PathDemoted(path.address))

    def get_timer(self) -> "int | None":
        """Return when the earliest path has something to do."""
        first = None
        for path in self._table:
            if path.timer is not None and (first is None or path.timer < first):
                first = path.timer
        return first

    def handle_timer(self, now: int) -> None:
        """Probe, ask, give up: whatever is due."""
        for path in self._table:
            if path.timer is not None and now >= path.timer:
                if path.state == PROBING:
                    self._next_probe(path, now)
                elif path.state == DIRECT:
                    self._check(path, now)
                else:
                    path.timer = None

    def find(self, address: bytes) -> "Path | None":
        """Return the path to an address, None if it is not in the table."""
        for path in self._table:
            if path.address == address:
                return path
        return None

    def directs(self) -> "list[tuple[bytes, Peer]]":
        """Return (address, peer) of every path in use."""
        return [(path.address, path.peer) for path in self._table if path.state == DIRECT]

    # what happens

    def reach(self, address: bytes, peer: "Peer", now: int) -> "Path | None":
        """Somebody sends to an address, or it probes us: begin a round if one may begin."""
        path = self.find(address)
        if path is None:
            path = self._add(address, peer, now)
            if path is None:
                self._count("paths_full")
                return None
        path.used_at = now
        if path.state == IDLE and now >= path.retry_at:
            path.state = PROBING
            path.nonce = self._random(8)
            path.left = _PROBES
            path.answers = 0
            path.retry_at = now + path.backoff
            path.backoff = min(2 * path.backoff, _RETRY_LAST)
            self._count("rounds")
            self._emit(self._probe(path), None)
            self._next_probe(path, now)
        return path

    def _add(self, address: bytes, peer: "Peer", now: int) -> "Path | None":
        if len(self._table) >= PEERS:
            oldest = None
            for path in self._table:
                if path.state == IDLE and (oldest is None or path.used_at < oldest.used_at):
                    oldest = path
            if oldest is None:
                return None
            self._table.remove(oldest)
        path = Path(address, peer, now)
        self._table.append(path)
        return path

    def note_sent(self, path: Path, now: int) -> None:
        """A packet went straight to a peer."""
        path.used_at = now
        path.sent_at = now
        if path.sending_since is None:
            path.sending_since = now
            path.timer = now + _ASK

    def note_received(self, path: Path, now: int) -> None:
        """A packet came straight from a peer."""
        path.used_at = now
        if path.state == DIRECT:
            path.sending_since = None
            path.echo_at = None
            path.lost = 0
            path.timer = path.sent_at + self.interval

    def receive(self, packet: bytes, nonce: bytes, peer: "Peer | None", now: int) -> None:
        """Take a probe or the reply to one; peer: where it came from, None for the server.

        The egress check has been done.
        """
        address = packet[8:24]
        if packet[40] == ipv6.ECHO_REPLY:
            path = self.find(address)
            if peer is None or path is None or not path.nonce or path.nonce != nonce:
                self._count("false_probes")
                return
            if path.state == PROBING:
                self._promote(path, now)
            self.note_received(path, now)
            return
        if peer is None:
            return  # Client has called reach(): probing back is the answer
        reply = ipv6.echo_reply(packet, ipv6.HEADER, inner.PROBE_HOP_LIMIT)
        if reply is not None:
            self._emit(reply, peer)
        path = self.find(address)
        if path is not None and path.state == PROBING and path.answers < _PROBES:
            path.answers += 1  # its NAT is open now, the probes before may have been too early
            self._emit(self._probe(path), path.peer)

    def _probe(self, path: Path) -> bytes:
        return ipv6.echo_request(
            self.own, path.address, 0x7E57, 0, inner.MAGIC + path.nonce, inner.PROBE_HOP_LIMIT
        )

    def _next_probe(self, path: Path, now: int) -> None:
        if path.left > 0:
            path.left -= 1
            path.timer = now + (_PROBE_GAP if path.left else _PROBE_WAIT)
            self._emit(self._probe(path), path.peer)
        else:
            path.state = IDLE
            path.timer = None
            self._count("rounds_failed")

    def _promote(self, path: Path, now: int) -> None:
        path.state = DIRECT
        path.backoff = _RETRY_FIRST
        path.sent_at = now
        path.sending_since = None
        path.echo_at = None
        path.lost = 0
        path.timer = now + self.interval
        self._count("promoted")
        self._tell(PathPromoted(path.address, path.peer))

    def _check(self, path: Path, now: int) -> None:
        """Look after a path in use: ask, keep the NAT's hole open, or demote."""
        if path.echo_at is not None and now >= path.echo_at + _ECHO_WAIT:
            path.echo_at = None
            path.lost += 1
        silent = path.sending_since is not None and now >= path.sending_since + _SILENT
        if path.lost >= _ECHOES or silent:
            path.state = IDLE
            path.timer = None
            path.retry_at = now + _RETRY_FIRST
            self._count("demoted")
            self._tell(PathDemoted(path.address))
            return
        since = path.sending_since
        asking = since is not None and now >= since + _ASK
        if path.echo_at is None and (asking or path.lost or now >= path.sent_at + self.interval):
            path.echo_at = now
            path.sent_at = now
            if path.sending_since is None:
                path.sending_since = now
            self._emit(self._probe(path), path.peer)
        if path.echo_at is not None:
            path.timer = path.echo_at + _ECHO_WAIT
            if path.sending_since is not None:
                path.timer = min(path.timer, path.sending_since + _SILENT)
        elif since is not None:
            path.timer = since + _ASK
        else:
            path.timer = path.sent_at + self.interval
