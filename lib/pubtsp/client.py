# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The client as an engine (pubtsp.md sections 2 to 6 and 12; README.md)."""

from vox6.wire import const
from vox6.wire.errors import FormatError, LocalProtocolError

from . import events, header, inner, ipv6, martians, messages
from .address import SERVER_PORT, is_mapped, mapped
from .paths import DIRECT, Paths
from .retransmission import Requester
from .search import SHORTEST, Search
from .state import (
    ACCEPT,
    AUTH,
    CREATE,
    DOWN,
    HELLO,
    REOPEN,
    RESOLVE,
    SUSPECT,
    TABLE,
    UP,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    Peer = tuple[bytes, int]
    Where = Peer | str

TUNNEL = "tunnel"  # sockets: the one of the tunnel,
SIDE = "side"  # the second one of the keepalive search, opened when first used,
CHEAP = "cheap"  # the tunnel's, but with the smallest hop limit that passes our NAT

_VERSIONS = ("2.0.0", "1.0.1")  # the second after 302 (section 3.5)
_ACCEPT_TRIES = const(3)  # C-3
_PADDED = const(192)  # octets of a create, so that three times that hold the reply
_RESOLVE_WAIT = const(10000)  # ms for the driver to look up a name
_REOPEN_WAIT = const(10000)  # ms for the driver to open a socket
_WAIT_FIRST = const(60000)  # ms until servers are tried again, doubled (section 2.3)
_WAIT_LAST = const(900000)
_BUSY_WAIT = const(30000)  # ms after 530, at least (section 3.5)
_ECHO_WAIT = const(2000)  # ms between echoes without a reply (section 5)
_ECHOES = const(3)
_ECHO_AT_LEAST = const(5)  # times T: an echo goes out whatever the traffic
_HINT_GAP = const(2000)  # ms between creates because of ICMPv6 1/5 (section 6.5)
_CHANGES_WINDOW = const(600000)  # ms
_CHANGES_TOLD = const(4)  # changes of the address in it; more are told
_CHANGES_STOP = const(10)
_UNSTABLE_INTERVAL = const(20)  # seconds
_STOP_WAIT = const(900000)  # ms
_SEARCH_AFTER = const(60000)  # ms of a tunnel that works until the search begins
_SEARCH_AGAIN = const(3600000)  # ms after a keepalive that was found has failed
_HOPS = const(3)  # of referrals (section 3.5)
_MAX_SERVERS = const(32)  # that are remembered in one go: configured and referred
_MAX_OUTPUT = const(64)  # the driver drains after each call; a host's packets may come in bursts
_MAX_EVENTS = const(64)
_MAX_PACKETS = const(64)
_DEFAULT_INTERVAL = const(30)  # seconds, of a server that names no interval
_COUNTERS = (
    "sent",
    "received",
    "retransmissions",
    "strangers",  # datagrams of somebody who is neither server nor peer
    "false_replies",  # signalling that answers nothing of ours
    "malformed",
    "keepalives",
    "echoes",
    "echoes_lost",
    "hints",  # ICMPv6 1/5
    "changes",
    "foreign",  # packets that section 6.4 forbids
    "redirects",
    "sent_server",
    "sent_direct",
    "received_server",
    "received_direct",
    "not_sent",  # packets of the host that may not leave
    "unexpected",
    "rounds",
    "rounds_failed",
    "promoted",
    "demoted",
    "false_probes",
    "paths_full",
    "dropped_output",
    "dropped_events",
    "dropped_packets",
)


class Settings:
    """What a client is told to do.

    quick_start: create at once (X-4). interval: the keepalive wished, in seconds. search: look for
    a longer one (X-9). direct: paths straight to peers (X-13), in prefixes besides the server's
    own. policy: martians. cheap_ms: a cheap keepalive each so many ms (X-2), 0 for none.
    """

    def __init__(
        self,
        quick_start: bool = True,
        interval: int = SHORTEST,
        search: bool = True,
        direct: bool = True,
        prefixes: "tuple[bytes, ...]" = (),
        policy: str = martians.STRICT,
        cheap_ms: int = 0,
    ) -> None:
        self.quick_start = quick_start
        self.interval = interval
        self.search = search
        self.direct = direct
        self.prefixes = tuple(prefixes)
        self.policy = policy
        self.cheap_ms = cheap_ms


class Client:
    """One tunnel over one socket.

    random: returns so many octets. state: a name of state.py. address: 16 octets while packets
    pass, else None. server: the peer in use, or None.
    """

    def __init__(
        self, random: "Callable[[int], bytes]", settings: "Settings | None" = None
    ) -> None:
        self.settings = settings or Settings()
        self.state = DOWN
        self.address: "bytes | None" = None
        self.server: "Peer | None" = None
        self.interval = 0
        self.counters = {name: 0 for name in _COUNTERS}
        self._random = random
        self._requester = Requester(self._number(4))
        self._timers: "dict[str, int]" = {}
        self._out: "list[tuple[bytes, Peer, str]]" = []
        self._events: "list[object]" = []
        self._packets: "list[bytes]" = []
        self._paths = Paths(random, self._emit_path, self._event, self._count)
        self._now = 0
        # servers
        self._servers: "list[Where]" = []
        self._queue: "list[tuple[Where, int]]" = []  # (server, hops of referral)
        self._seen: "list[Where]" = []
        self._hops = 0
        self._wait = _WAIT_FIRST
        # of the session with one server
        self._version = 0
        self._quick = False
        self._reopened = False
        self._reopened_for_port = False
        self._local_ipv4: "bytes | None" = None
        # of the tunnel
        self._wish = self.settings.interval
        self._wanted = True
        self._lifetime = 0
        self._dns: "bytes | None" = None
        self._keepalive_address: "bytes | None" = None
        self._identifier = self._number(2)
        self._echo_sequence = 0
        self._echo_data = b""
        self._echoes_left = 0
        self._echo_at = 0
        self._traffic_at = 0
        self._hinted_at = -_HINT_GAP
        self._changes: "list[int]" = []
        self._told_changes = False
        self._altered = False
        self._search: "Search | None" = None

    # commands

    def start(self, servers: "list[Where]", now: int, local_ipv4: "bytes | None" = None) -> None:
        """Bring a tunnel up by the first server that serves us.

        servers: peers (addr16, port), IPv4 v4-mapped, or names; in order (section 6.1).
        local_ipv4: our own address, four octets. LocalProtocolError: started, or no server.
        """
        if not servers or len(servers) > _MAX_SERVERS:
            raise LocalProtocolError("1 to 32 servers")
        if self.state != DOWN or self._servers:
            raise LocalProtocolError("started already")
        self._now = now
        self._servers = list(servers)
        self._local_ipv4 = local_ipv4
        self._step("start", now)

    def stop(self, now: int) -> None:
        """Forget the tunnel; nothing is sent, as servers keep nothing; always allowed."""
        self._now = now
        self._servers = []
        self._drop("stopped")
        self._requester.cancel()
        self._timers.clear()
        self.state = DOWN

    def resolved(self, name: str, addresses: "list[bytes]", now: int) -> None:
        """Take the IPv4 addresses (four octets each) of a name, the answer to NameWanted."""
        self._now = now
        if self.state != RESOLVE or not self._queue or self._queue[0][0] != name:
            self.counters["unexpected"] += 1
            return
        hops = self._queue.pop(0)[1]
        found: "list[Where]" = [(mapped(v4), SERVER_PORT) for v4 in addresses]
        self._enqueue(found, hops, True)
        self._step("names", now)

    def socket_opened(self, now: int) -> None:
        """The driver has done what SocketWanted asked for."""
        self._now = now
        self._step("reopened", now)

    def network_changed(self, now: int, local_ipv4: "bytes | None" = None) -> None:
        """Our IPv4 network is another one: begin anew with the first server."""
        self._now = now
        if not self._servers:
            return
        servers = self._servers
        self.stop(now)
        self._wait = _WAIT_FIRST
        self._changes = []
        self.start(servers, now, local_ipv4)

    def renew(self, now: int) -> None:
        """Ask the server anew at once, on the same socket."""
        self._now = now
        self._step("renew", now)

    def set_wanted(self, wanted: bool, now: int) -> None:
        """Tell whether anything wants to be reached; if not there is no keepalive (section 5)."""
        self._now = now
        if wanted == self._wanted:
            return
        self._wanted = wanted
        if not wanted:
            for name in ("echo", "echo_wait", "cheap"):
                self._timers.pop(name, None)
        elif self.address is not None:
            self._send_echo(now, _ECHOES)
            self._arm_cheap(now)

    def note_traffic(self, now: int) -> None:
        """The host's packets leave by another way than send_packet(): one went to the server."""
        self._traffic_at = now

    def note_path(self, address: bytes, sent: bool, received: bool, now: int) -> None:
        """Likewise of packets straight to and from a peer."""
        self._now = now
        path = self._paths.find(address)
        if path is not None and path.state == DIRECT:
            if received:
                self._paths.note_received(path, now)
            if sent:
                self._paths.note_sent(path, now)

    def reach(self, address: bytes, now: int) -> None:
        """Something is sent to an address: find a direct path if there may be one (X-13)."""
        self._now = now
        peer = self._direct_peer(address)
        if peer is not None:
            self._paths.reach(address, peer, now)

    def send_packet(self, packet: bytes, now: int) -> bool:
        """Send a packet of the host; return whether it left.

        It must have our address, and 1280 octets at most: the interface's MTU.
        """
        self._now = now
        good = inner.cut(packet)
        if self.address is None or good is None or good[8:24] != self.address:
            self.counters["not_sent"] += 1
            return False
        address = good[24:40]
        peer = self._direct_peer(address)
        path = self._paths.reach(address, peer, now) if peer is not None else None
        if path is not None and path.state == DIRECT:
            self.counters["sent_direct"] += 1
            self._paths.note_sent(path, now)
            self._send(good, path.peer, TUNNEL)
            return True
        self.counters["sent_server"] += 1
        self._traffic_at = now
        self._send_server(good)
        return True

    def packets_received(self) -> "list[bytes]":
        """Return packets for the host that section 6.4 allows."""
        out = self._packets
        self._packets = []
        return out

    def direct_paths(self) -> "list[tuple[bytes, Peer]]":
        """Return (address, peer) of the direct paths in use."""
        return self._paths.directs()

    def debug(self) -> str:
        """Return one line for people."""
        return "tunnel %s, server %s, T %d s, changes %d, direct %d" % (
            self.state,
            "-" if self.server is None else ".".join([str(o) for o in self.server[0][12:]]),
            self.interval,
            self.counters["changes"],
            len(self._paths.directs()),
        )

    # verbs

    def receive_datagram(self, data: bytes, peer: "Peer", now: int, socket: str = TUNNEL) -> None:
        """Take a datagram; socket: TUNNEL or SIDE."""
        self._now = now
        self.counters["received"] += 1
        if socket == SIDE:
            if self._search is not None and peer == self.server:
                self._search.receive(data, now)
                self._after_search(now)
            else:
                self.counters["strangers"] += 1
            return
        if not data:
            self.counters["keepalives"] += 1
        elif header.is_signalling(data):
            if peer == self.server:
                self._receive_reply(data, now)
            else:
                self.counters["strangers"] += 1
        elif header.is_ipv6(data):
            self._receive_ipv6(data, peer, now)
        else:
            self.counters["malformed"] += 1

    def handle_timer(self, now: int) -> None:
        """Do what is due."""
        self._now = now
        timer = self._requester.timer
        if timer is not None and now >= timer:
            again = self._requester.repeat(now)
            if again is None:
                self._step("timeout", now)
            elif self.server is not None:
                self.counters["retransmissions"] += 1
                self._send(again, self.server, TUNNEL)
        for name in sorted(self._timers):
            when = self._timers.get(name)
            if when is not None and now >= when:
                del self._timers[name]
                self._timer_due(name, now)
        self._paths.handle_timer(now)
        if self._search is not None:
            self._search.handle_timer(now)
            self._after_search(now)

    def get_timer(self) -> "int | None":
        """Return when handle_timer() is due, None for never."""
        times = list(self._timers.values())
        for one in (
            self._requester.timer,
            self._paths.get_timer(),
            self._search.timer if self._search is not None else None,
        ):
            if one is not None:
                times.append(one)
        return min(times) if times else None

    def datagrams_to_send(self) -> "list[tuple[bytes, Peer, str]]":
        """Return [(data, peer, socket)]; socket: TUNNEL, SIDE or CHEAP."""
        out = self._out
        self._out = []
        return out

    def next_event(self) -> "object | None":
        """Return the next event of events.py, or None."""
        return self._events.pop(0) if self._events else None

    # the table

    def _step(self, event: str, now: int, reply: "messages.Reply | None" = None) -> bool:
        entry = TABLE.get((self.state, event))
        if entry is None:
            self.counters["unexpected"] += 1
            return False
        told = getattr(self, "_do_" + entry[0])(now, reply)
        self.state = entry[1] or told
        return True

    def _timer_due(self, name: str, now: int) -> None:
        if name == "lifetime" or name == "hint":
            self._step("renew", now)
        elif name == "echo":
            self._echo_due(now)
        elif name == "echo_wait":
            self.counters["echoes_lost"] += 1
            if self._echoes_left > 0:
                if self.state == CREATE:
                    return  # a reply to create or its absence will tell
                self._step("missed", now)
            elif self.state in (ACCEPT, SUSPECT):
                self._step("lost", now)
        elif name == "cheap":
            if self.server is not None:
                self._send(b"", self.server, CHEAP)
            self._arm_cheap(now)
        elif name == "search":
            if self.address is not None and self.settings.search and not self._told_changes:
                self._search = Search(self._number(4), now)
                self._search.handle_timer(now)
                self._after_search(now)
        else:  # retry, resolve, reopen
            self._step("retry" if name == "retry" else "timeout", now)

    # servers

    def _enqueue(self, servers: "list[Where]", hops: int, first: bool = False) -> None:
        """Add servers, none of them twice (section 3.5)."""
        fresh = []
        for server in servers:
            if server not in self._seen and len(self._seen) < _MAX_SERVERS:
                self._seen.append(server)
                fresh.append((server, hops))
        self._queue = fresh + self._queue if first else self._queue + fresh

    def _do_first_server(self, now: int, reply: None) -> str:
        self._seen = []
        self._queue = []
        self._enqueue(self._servers, 0)
        return self._take_server(now)

    def _do_next_server(self, now: int, reply: "messages.Reply | None" = None) -> str:
        if self.state == RESOLVE and self._queue:
            self._queue.pop(0)
        return self._take_server(now)

    def _do_names(self, now: int, reply: None) -> str:
        self._timers.pop("resolve", None)
        return self._take_server(now)

    def _take_server(self, now: int) -> str:
        """Begin with the next server of the list; return the state."""
        self._requester.cancel()
        self._timers.pop("reopen", None)
        self._drop("no server")
        if not self._queue:
            return self._wait_for_servers(now, self._wait)
        where, hops = self._queue[0]
        if isinstance(where, str):
            self._timers["resolve"] = now + _RESOLVE_WAIT
            self._event(events.NameWanted(where))
            return RESOLVE
        self._queue.pop(0)
        self._hops = hops
        self.server = where
        self._requester.reset()
        self._version = 0
        self._quick = self.settings.quick_start
        self._reopened = False
        self._reopened_for_port = False
        return self._open_session(now)

    def _open_session(self, now: int) -> str:
        if self._quick:
            self._do_create(now, None)
            return CREATE
        self._request(messages.Version(_VERSIONS[self._version]).emit(), now)
        return HELLO

    def _wait_for_servers(self, now: int, delay: int, least: int = 0) -> str:
        """All failed: wait, +-25 % (section 2.3), and not less than least."""
        self._wait = min(2 * self._wait, _WAIT_LAST)
        delay = delay * 3 // 4 + self._number(4) % (delay // 2 + 1)
        delay = max(delay, least)  # more than the 30 s after 530 in any case
        self._timers["retry"] = now + delay
        self._drop("no server")
        self.server = None
        self._event(events.Waiting(delay))
        return DOWN

    def _do_fail_server(self, now: int, reply: None) -> str:
        """No answer: if the tunnel was up a new socket first, then the next server (section 5)."""
        if self.address is not None and not self._reopened:
            self._reopened = True
            return self._reopen("no answer", now)
        return self._take_server(now)

    def _reopen(self, reason: str, now: int) -> str:
        self._requester.cancel()
        self._drop(reason)
        self._timers["reopen"] = now + _REOPEN_WAIT
        self._event(events.SocketWanted(reason))
        return REOPEN

    def _do_again(self, now: int, reply: None) -> str:
        self._timers.pop("reopen", None)
        return self._open_session(now)

    # signalling

    def _request(self, text: bytes, now: int, tries: int = 0) -> None:
        if self.server is not None:
            self._send(self._requester.start(text, now, tries), self.server, TUNNEL)

    def _receive_reply(self, data: bytes, now: int) -> None:
        """Take a reply to the outstanding request; anything else changes nothing (X-3)."""
        try:
            sequence, timestamp, text = header.parse(data)
        except FormatError:
            self.counters["malformed"] += 1
            return
        if not self._requester.answered(sequence, timestamp, now):
            self.counters["false_replies"] += 1
            return
        if self.state == ACCEPT:  # any reply will do (C-3)
            self._step("acknowledged", now)
            return
        try:
            reply = messages.parse_reply(text)
        except FormatError:
            self.counters["malformed"] += 1
            reply = messages.Reply(messages.INVALID_FORMAT, "malformed reply")
        event = "refused"
        if self.state == HELLO:
            if reply.offers("TUNNEL", "V6UDPV4") and reply.offers("AUTH", "ANONYMOUS"):
                event = "capability"
        elif reply.code == messages.SUCCESS:
            if self.state == AUTH:
                event = "success"
            elif self._is_good_info(reply.info):
                event = "info"
        self._step(event, now, reply)

    def _is_good_info(self, info: "messages.Info | None") -> bool:
        """Return whether an info can be used: our type, an address of ours alone, an echo."""
        if info is None or info.type not in (messages.TUNNEL_TYPE, "v6anyv4"):
            return False
        address = info.client_ipv6
        if not inner.is_good_source(address, b"") or address[:10] == bytes(10):
            return False
        return info.keepalive_address is not None or info.server_ipv6 is not None

    def _do_hello_refused(self, now: int, reply: messages.Reply) -> str:
        if reply.code == messages.UNSUPPORTED_VERSION and self._version + 1 < len(_VERSIONS):
            self._version += 1
            self._request(messages.Version(_VERSIONS[self._version]).emit(), now)
            return HELLO
        return self._do_refused(now, reply)

    def _do_authenticate(self, now: int, reply: messages.Reply) -> None:
        self._request(messages.Authenticate("ANONYMOUS").emit(), now)

    def _do_create(self, now: int, reply: "messages.Reply | None") -> None:
        self._timers.pop("lifetime", None)
        self._timers.pop("hint", None)
        self._hinted_at = now
        request = messages.TunnelRequest(
            "create", messages.TUNNEL_TYPE, self._local_ipv4, self._wish
        )
        self._request(request.emit(_PADDED), now)

    def _do_create_after_loss(self, now: int, reply: None) -> None:
        """Three echoes are lost: what was found of longer keepalives holds no more (X-9)."""
        if self._wish > SHORTEST:
            self._wish = SHORTEST
            self._timers["search"] = now + _SEARCH_AGAIN
        self._search = None
        self._do_create(now, None)

    def _do_create_refused(self, now: int, reply: messages.Reply) -> str:
        """Quick start falls back to step 1, unless the code tells more (X-4)."""
        clear = (
            reply.code == messages.BUSY
            or reply.code >= messages.REFERRAL
            or (reply.code == messages.SERVER_ERROR and messages.PORT_TEXT in reply.text)
        )
        if self._quick and not clear:
            self._quick = False
            return self._open_session(now)
        return self._do_refused(now, reply)

    def _do_refused(self, now: int, reply: messages.Reply) -> str:
        """React to a code (section 3.5)."""
        code = reply.code
        if self.server is not None:
            bug = code in (messages.INVALID_FORMAT, messages.INVALID_IPV4)
            self._event(events.ServerRefused(self.server, code, reply.text, bug))
        if code >= messages.REFERRAL:
            if self._hops < _HOPS:
                found: "list[Where]" = []
                for broker in reply.brokers:
                    found.append(
                        broker if isinstance(broker, str) else (mapped(broker), SERVER_PORT)
                    )
                self._enqueue(found, self._hops + 1, True)
        elif code == messages.BUSY:
            if self.address is not None:  # the tunnel stands: renew it later
                self._timers["lifetime"] = now + _BUSY_WAIT + self._number(2)
                return UP
        elif (
            code == messages.SERVER_ERROR
            and messages.PORT_TEXT in reply.text
            and not self._reopened_for_port
        ):
            self._reopened_for_port = True
            return self._reopen(messages.PORT_TEXT, now)
        return self._take_server(now)

    # the tunnel

    def _do_configure(self, now: int, reply: messages.Reply) -> str:
        """Take what info tells; data flows from here on (C-3)."""
        info = reply.info
        if info is None or self.server is None:
            return self._take_server(now)
        old = self.address
        self._wait = _WAIT_FIRST
        self._reopened = False
        self.address = info.client_ipv6
        self.interval = info.interval or _DEFAULT_INTERVAL  # MUST keep to it (section 5)
        self._paths.interval = 750 * self.interval
        self._keepalive_address = info.keepalive_address or info.server_ipv6
        self._lifetime = max(1, info.lifetime)
        self._dns = info.dns_server
        life = 60000 * self._lifetime
        self._timers["lifetime"] = now + life * 3 // 4 + self._number(4) % (life // 4 + 1)
        if old != self.address:
            self._paths.clear(self.address)
            self._search = None
            if old is not None:
                self._event(events.AddressChanged(old, self.address))
                if self._too_many_changes(now):
                    return self._wait_for_servers(now, _STOP_WAIT, _STOP_WAIT)
            self._event(
                events.TunnelUp(
                    self.address, self.server, self.interval, self._lifetime, self._dns
                )
            )
            if self._wish == SHORTEST and self.settings.search:
                self._timers["search"] = now + _SEARCH_AFTER
        self._traffic_at = now
        if self._wanted:
            self._send_echo(now, _ECHOES)
            self._arm_cheap(now)
        self._request(messages.TunnelRequest("accept").emit(), now, _ACCEPT_TRIES)
        return ACCEPT

    def _do_settle(self, now: int, reply: None) -> None:
        self._requester.cancel()

    def _too_many_changes(self, now: int) -> bool:
        """Damping (section 6.5): return whether to stop for a while."""
        self.counters["changes"] += 1
        self._changes = [when for when in self._changes if now - when < _CHANGES_WINDOW]
        self._changes.append(now)
        count = len(self._changes)
        if count >= _CHANGES_STOP:
            self._changes = []
            self._event(events.MappingUnstable(count))
            return True
        if count > _CHANGES_TOLD:
            self._told_changes = True
            self._wish = _UNSTABLE_INTERVAL
            self._event(events.MappingUnstable(count))
        return False

    def _drop(self, reason: str) -> None:
        """The tunnel carries nothing any more."""
        for name in ("echo", "echo_wait", "cheap", "lifetime", "hint", "search"):
            self._timers.pop(name, None)
        self._search = None
        if self.address is not None:
            self.address = None
            self._paths.clear(b"")
            self._event(events.TunnelDown(reason))

    # keepalive

    def _arm_cheap(self, now: int) -> None:
        if self.settings.cheap_ms:
            self._timers["cheap"] = now + self.settings.cheap_ms

    def _arm_echo(self, now: int) -> None:
        """Draw the next interval from 0.75 T to T (RFC 5572 section 4.6)."""
        whole = 1000 * self.interval
        self._timers["echo"] = now + whole * 3 // 4 + self._number(4) % (whole // 4 + 1)

    def _echo_due(self, now: int) -> None:
        """Send an echo, unless our own traffic keeps the mapping; at least each 5 T."""
        whole = 1000 * self.interval
        quiet = now - self._traffic_at
        oldest = self._echo_at + _ECHO_AT_LEAST * whole
        if quiet < whole * 3 // 4 and now < oldest:
            self._arm_echo(self._traffic_at)
            self._timers["echo"] = max(now + 1, min(self._timers["echo"], oldest))
            return
        self._send_echo(now, _ECHOES)

    def _send_echo(self, now: int, tries: int) -> None:
        """Send an Echo Request to the address of keepalive; tries: with this one."""
        if self.address is None or self._keepalive_address is None:
            return
        self._timers.pop("echo", None)
        self._timers["echo_wait"] = now + _ECHO_WAIT
        self._echoes_left = tries - 1
        self._echo_at = now
        self._echo_sequence = (self._echo_sequence + 1) & 0xFFFF
        if tries == _ECHOES:
            self._echo_data = self._random(8)
        self.counters["echoes"] += 1
        self._send_server(
            ipv6.echo_request(
                self.address,
                self._keepalive_address,
                self._identifier,
                self._echo_sequence,
                self._echo_data,
            )
        )

    def _do_echo_again(self, now: int, reply: None) -> None:
        self._send_echo(now, self._echoes_left)

    def _do_echoed(self, now: int, reply: None) -> None:
        self._timers.pop("echo_wait", None)
        self._echo_data = b""
        if self._wanted:
            self._arm_echo(now)

    def _after_search(self, now: int) -> None:
        """Send what the search wants, and take its result."""
        search = self._search
        if search is None or self.server is None:
            return
        for data in search.datagrams():
            self._send(data, self.server, SIDE)
        if search.done:
            self._search = None
            if search.found > self._wish:
                self._wish = search.found
                self._event(events.KeepaliveFound(search.found))
                self._step("renew", now)

    # packets

    def _direct_peer(self, address: bytes) -> "Peer | None":
        if not self.settings.direct or self.address is None:
            return None
        found = inner.direct_peer(address, self.address, self._prefixes(), self.settings.policy)
        if found is None or (self.server is not None and mapped(found[0]) == self.server[0]):
            return None
        return mapped(found[0]), found[1]

    def _prefixes(self) -> "tuple[bytes, ...]":
        own = (self.address or b"")[:8]
        return (own,) + self.settings.prefixes

    def _receive_ipv6(self, data: bytes, peer: "Peer", now: int) -> None:
        packet = inner.cut(data)
        own = self.address
        if packet is None or own is None:
            self.counters["malformed" if packet is None else "foreign"] += 1
            return
        if peer != self.server:
            self._receive_direct(packet, own, peer, now)
            return
        kind = packet[40] if packet[6] == ipv6.ICMPV6 and len(packet) >= 48 else -1
        if kind == ipv6.ECHO_REPLY and self._is_own_echo(packet):
            self._take_echo(packet, own, now)
            return
        if not inner.from_server(packet, own):
            self.counters["foreign"] += 1
            return
        if kind == ipv6.REDIRECT:
            self.counters["redirects"] += 1
            return
        if kind == ipv6.UNREACHABLE and packet[41] == ipv6.POLICY and self._is_quoted(packet):
            self._take_hint(now)
            return
        nonce = inner.probe_nonce(packet)
        if nonce is not None:
            direct = self._direct_peer(packet[8:24])
            if direct is not None and kind == ipv6.ECHO_REQUEST:
                self._paths.reach(packet[8:24], direct, now)
                self._paths.receive(packet, nonce, None, now)
            return
        self.counters["received_server"] += 1
        self._deliver(packet)

    def _receive_direct(self, packet: bytes, own: bytes, peer: "Peer", now: int) -> None:
        """Take a packet of somebody who is not the server (X-13)."""
        if not self.settings.direct or not is_mapped(peer[0]):
            self.counters["strangers"] += 1
            return
        if self._direct_peer(packet[8:24]) != peer or not inner.from_peer(
            packet, own, self._prefixes(), peer[0][12:], peer[1]
        ):
            self.counters["strangers"] += 1
            return
        nonce = inner.probe_nonce(packet)
        if nonce is not None:
            if packet[40] == ipv6.ECHO_REQUEST:
                self._paths.reach(packet[8:24], peer, now)
            self._paths.receive(packet, nonce, peer, now)
            return
        if packet[6] == ipv6.ICMPV6 and packet[40:41] == b"\x89":  # a Redirect
            self.counters["redirects"] += 1
            return
        path = self._paths.find(packet[8:24])
        if path is not None:
            self._paths.note_received(path, now)
        self.counters["received_direct"] += 1
        self._deliver(packet)

    def _deliver(self, packet: bytes) -> None:
        if len(self._packets) >= _MAX_PACKETS:
            self.counters["dropped_packets"] += 1
            return
        self._packets.append(packet)

    def _is_own_echo(self, packet: bytes) -> bool:
        """Return whether a packet is the reply to our latest echo, wherever it says it goes."""
        return (
            self._echo_data != b""
            and packet[8:24] == self._keepalive_address
            and packet[44] << 8 | packet[45] == self._identifier
            and packet[48:] == self._echo_data
        )

    def _take_echo(self, packet: bytes, own: bytes, now: int) -> None:
        to = packet[24:40]
        if to != own:
            if to[:8] == own[:8] and to[12:] == own[12:] and not self._altered:
                self._altered = True  # section 6.5: the NAT alters payload
                self._event(events.PayloadAltered())
            else:
                self.counters["foreign"] += 1
            return
        if ipv6.checksum(packet[8:24], to, ipv6.ICMPV6, packet[40:]):
            self.counters["malformed"] += 1
            return
        if self.state == CREATE:
            # A sign of life, but the create goes on: it tells whether the address is the same.
            self._do_echoed(now, None)
        else:
            self._step("echoed", now)

    def _is_quoted(self, packet: bytes) -> bool:
        """Return whether an error quotes a packet of ours."""
        quoted = packet[48:]
        return len(quoted) >= 24 and quoted[0] >> 4 == 6 and quoted[8:24] == self.address

    def _take_hint(self, now: int) -> None:
        """ICMPv6 1/5: create, at most each 2 s; its reply decides (X-11, X-12)."""
        self.counters["hints"] += 1
        if self.state not in (ACCEPT, UP, SUSPECT):
            return
        if now - self._hinted_at >= _HINT_GAP:
            self._step("renew", now)
        elif "hint" not in self._timers:
            self._timers["hint"] = self._hinted_at + _HINT_GAP

    # output

    def _emit_path(self, packet: bytes, peer: "Peer | None") -> None:
        if peer is None:
            self._send_server(packet)
        else:
            self._send(packet, peer, TUNNEL)

    def _send_server(self, packet: bytes) -> None:
        if self.server is not None:
            self._send(packet, self.server, TUNNEL)

    def _send(self, data: bytes, peer: "Peer", socket: str) -> None:
        if len(self._out) >= _MAX_OUTPUT:
            self.counters["dropped_output"] += 1
            return
        self.counters["sent"] += 1
        self._out.append((data, peer, socket))

    def _event(self, event: object) -> None:
        if len(self._events) >= _MAX_EVENTS:
            self.counters["dropped_events"] += 1
            return
        self._events.append(event)

    def _count(self, name: str) -> None:
        self.counters[name] += 1

    def _number(self, octets: int) -> int:
        return int.from_bytes(self._random(octets), "big")


# What a client may be doing, for people who write drivers.
STATES = (DOWN, RESOLVE, HELLO, AUTH, CREATE, ACCEPT, UP, SUSPECT, REOPEN)
