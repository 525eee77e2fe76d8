# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The program: settings, mirror, relay and sockets put together, on either interpreter.

    program = Program(settings, driver, plane, say)
    program.start()
    driver.run()

Three ends: stop() at once, hand_over() gives the SIP ports up and ends when the last call has,
and the caller's own. A new configuration takes the place of the old one as a whole, or not at all.
"""

from .failures import Failures
from .mirror import MAX_MESSAGE_OCTETS, Mirror
from .options import rewriter
from .ports import PortError, Ports
from .relay import Relay
from .settings import SIP_PORT, SettingsError, wanted
from .streams import Streams
from .throttle import Throttle
from .values import show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from vox6.wire.errors import FormatError

    from .ports import Place
    from .scan import Refused
    from .settings import Settings
    from .streams import Connection

    Address = tuple[bytes, int]

_RESPONSE = b"SIP/2.0 "
_LOOK_MS = 500  # between two looks whether calls are left
# What cannot change while the program runs.
FIXED = ("transports", "control", "metrics", "user", "group", "plane", "pubtsp", "ports", "secret")


class StartError(Exception):
    """The machine does not give what the settings ask for; the text says what."""


def _reason(error: PortError) -> str:
    (transport, addr16, port, wild), why = error.args
    where = "every address, port %d" % port if wild else show((addr16, port))
    text = getattr(why, "strerror", None) or "error %s" % why.args[0]
    return "%s, %s: %s" % (where, transport.upper(), text)


class Program:
    """siproxy64 from start to end. plane: passes media; say: gets lines for the log."""

    def __init__(
        self, settings: "Settings", driver: "Any", plane: "Any", say: "Callable[[str], object]"
    ) -> None:
        self.settings = settings
        self.driver = driver
        self.relay = Relay(
            plane,
            settings.table,
            settings.limits["streams"],
            settings.media_shared,
            settings.latch,
            settings.ports,
        )
        self.say = say
        self.mirror = Mirror(settings.table, self.relay)
        self.mirror.listen = self._listen
        self._let_count(settings)
        self.failures = self.mirror.failures = Failures(self.mirror)
        self.proxy: "Any" = None  # takes what is from or for strangers (proxy.py)
        self.ended: "Callable[[], object]" = driver.stop
        self.ports = Ports(self._open, settings.limits["ports"])
        self.streams = Streams(
            driver, self._arrived, settings.limits["connections"], MAX_MESSAGE_OCTETS
        )
        self.streams.failed = self._failed
        self._parties = Throttle(settings.limits["messages"])
        self._strangers = Throttle(settings.limits["strangers"])
        self._transport = "udp"  # of the message that is looked at
        self._timer: "Any" = None
        self._due_at = 0
        self._leaving = False

    # -- life ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Open the SIP ports; StartError: one of them cannot be had."""
        try:
            self.ports.configure(wanted(self.settings))
        except PortError as error:
            raise StartError(_reason(error))

    def stop(self) -> None:
        """Give everything up, calls too."""
        self.ports.close()
        self.streams.close_all()
        self.relay.close()
        self.ended()

    def hand_over(self) -> None:
        """Give the SIP ports to a new instance; calls keep their media until they end."""
        if self._leaving:
            return
        self._leaving = True
        self.ports.close()
        self.streams.close_all()
        self.relay.leave(self.driver.now())
        self.say("the SIP ports are free, %d calls keep their media" % len(self.relay.calls()))
        self._arm()
        self._look()

    def _look(self) -> None:
        if self.relay.calls():
            self.driver.call_at(self.driver.now() + _LOOK_MS, self._look)
        else:
            self.say("the last call has ended")
            self.stop()

    @property
    def leaving(self) -> bool:
        """Whether the SIP ports were handed over."""
        return self._leaving

    def reload(self, new: "Settings") -> None:
        """Let another configuration count; SettingsError: the one of before goes on."""
        if self._leaving:
            raise SettingsError(["the SIP ports were handed over"])
        fixed = [name for name in FIXED if getattr(new, name) != getattr(self.settings, name)]
        if fixed:
            raise SettingsError(["%s: a change needs a restart" % name for name in fixed])
        places, before = wanted(new), wanted(self.settings)
        try:
            try:
                self.ports.configure(places)
            except PortError:  # a wildcard may have to wait until single addresses are closed
                self.ports.configure([place for place in before if place in places])
                self.ports.configure(places)
        except PortError as error:
            self.ports.configure(before)
            raise SettingsError([_reason(error)])
        new.keep(self.settings)
        self.settings = new
        self.mirror.table = self.relay.table = new.table
        self.relay.shared = new.media_shared
        self.relay.latch = new.latch
        self._let_count(new)
        self.ports.limit = new.limits["ports"]
        self.streams.limit = new.limits["connections"]
        self._parties.rate = new.limits["messages"]
        self._strangers.rate = new.limits["strangers"]

    def _let_count(self, settings: "Settings") -> None:
        self.mirror.gives = settings.unmapped == "pool"
        self.mirror.rewrite = rewriter(settings)
        self.relay.limit = settings.limits["streams"]
        self.relay.share = settings.share()

    # -- messages -----------------------------------------------------------------------------

    def _open(self, place: "Place") -> "Any":
        transport, addr16, port, wildcard = place
        if transport == "tcp":
            return self.driver.listen(addr16, port, self.streams.accept, wildcard)
        if wildcard:
            return self.driver.udp(addr16, port, self._datagram(port), True)
        return self.driver.udp(addr16, port, self._datagram(port))

    def _datagram(self, port: int) -> "Callable[[bytes, bytes, bytes, int, int], None]":
        def received(data: bytes, local16: bytes, peer16: bytes, peer_port: int, _: int) -> None:
            self._take(data, (local16, port), (peer16, peer_port), None)

        return received

    def _arrived(self, data: bytes, local: "Address", peer: "Address", by: "Connection") -> None:
        if data[:8] != _RESPONSE:
            by.alias = (peer[0], sent_by_port(data))
        table = self.mirror.table
        if table.counterpart(peer[0], peer[1]) is None:
            # A party that is mapped by port connects from another one: its Via tells which it is.
            if table.counterpart(by.alias[0], by.alias[1]) is not None:
                peer = by.peer = by.alias
        self._take(data, local, peer, by)

    def _failed(self, data: bytes, error: "FormatError", by: "Connection") -> None:
        """What came is no message, and the last of its connection."""
        self.mirror.count("malformed")
        self.failures.malformed(data, error, by.local, by.peer, by)
        self._send(by)

    def _take(
        self, data: bytes, local: "Address", peer: "Address", by: "Connection | None"
    ) -> None:
        """Let the mirror see one message, and send what it makes of it."""
        now = self.driver.now()
        mirror = self.mirror
        known = mirror.table.counterpart(peer[0], peer[1]) is not None
        if not (self._parties if known else self._strangers).passes(peer[0], now):
            mirror.count("throttled")
            return
        self.redirect(data, local, peer, by)

    def redirect(
        self, data: bytes, local: "Address", peer: "Address", by: "Connection | None"
    ) -> None:
        """Pass a message on as one for this local address."""
        now, mirror = self.driver.now(), self.mirror
        self._transport = "udp" if by is None else "tcp"
        if self.proxy is None or not self.proxy.take(data, local, peer, now, by):
            mirror.receive(data, local, peer, now, by)
        self._send(by)
        self._arm()

    def refuse(
        self,
        data: bytes,
        error: "Refused",
        local: "Address",
        peer: "Address",
        by: "Connection | None",
    ) -> None:
        """Answer a request that leads nowhere."""
        self.mirror.refuse(data, error, local, peer, by)
        self._send(by)

    def _send(self, by: "Connection | None") -> None:
        for data, source, target, stream in self.mirror.take():
            if stream is not None:
                stream.write(data)  # type: ignore[attr-defined]
            elif by is not None:
                if not self.streams.send(data, source, target, by, data[:8] == _RESPONSE):
                    self.mirror.count("unreachable")
            else:
                port = self.ports.tell("udp", source[0], source[1], self.driver.now())
                if port is None or not port.send(data, source[0], target[0], target[1], 0):
                    self.mirror.count("unreachable")

    def _listen(self, addr16: bytes, port: int) -> None:
        """The other side is told of a local address."""
        if self.ports.tell(self._transport, addr16, port, self.driver.now()) is None and port:
            self.mirror.count("no port")

    # -- time ---------------------------------------------------------------------------------

    def _arm(self) -> None:
        due = self.mirror.get_timer()
        if due is None or self._timer is not None and self._due_at <= due:
            return  # one that is too early does no harm
        if self._timer is not None:
            self._timer.cancel()
        self._due_at = due
        self._timer = self.driver.call_at(due, self._due)

    def _due(self) -> None:
        self._timer = None
        self.mirror.handle_timer(self.driver.now())
        self._send(None)
        self._arm()

    # -- who asks -----------------------------------------------------------------------------

    def counters(self) -> "dict[str, int]":
        """Return what happened how often."""
        return dict(self.mirror.counters)

    def status(self) -> "dict[str, object]":
        """Return how it is, as plain values."""
        return {
            "leaving": self._leaving,
            "ports": len(self.ports),
            "connections": len(self.streams),
            "calls": len(self.relay.calls()),
            "streams": self.relay.count(),
            "counters": self.counters(),
            "local": [show((net, 0)) for net, _, _ in self.settings.table.local_nets()],
        }


def sent_by_port(data: bytes) -> int:
    """Return the port of the topmost Via, the usual one if there is none."""
    for line in data.split(b"\r\n\r\n", 1)[0].split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() in (b"via", b"v"):
            words = value.partition(b";")[0].split()
            sent_by = words[-1] if words else b""
            port = sent_by[sent_by.find(b"]") + 1 :].rpartition(b":")[2]
            if port and len(port) < 6 and not port.strip(b"0123456789"):
                return int(port)
            break
    return SIP_PORT
