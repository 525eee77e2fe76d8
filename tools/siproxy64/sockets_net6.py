# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Sockets, clock and signals of siproxy64-router: sockets.py's interface on net6 and posix.

One thread polls all sockets. Addresses are 16 octets, those of IPv4 v4-mapped; a local one need
not be the machine's yet.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    net6: Any = None  # C modules of ports/cmodules/net6 and ports/router
    posix: Any = None
else:
    import posix

    import net6

_MAPPED_ANY = b"\0\0\0\0\0\0\0\0\0\0\xff\xff\0\0\0\0"
_ANY = bytes(16)
_PIECE = 4096  # octets of a stream at a time
_MOST_UNSENT = 65536  # octets that a stream keeps for a peer that does not read
_BACKLOG = 16
_BUFFER = bytearray(net6.DATAGRAM_MAX)
_VIEW = memoryview(_BUFFER)


def _any_of(addr16: bytes) -> bytes:
    """Return the wildcard of the family of an address."""
    return _MAPPED_ANY if addr16[:12] == _MAPPED_ANY[:12] else _ANY


class Timer:
    """One call in the future; cancel() makes it none."""

    def __init__(self, when: int, call: "Callable[[], object] | None") -> None:
        self.when = when
        self.call = call

    def cancel(self) -> None:
        """Forget the call."""
        self.call = None


class Port:
    """One UDP socket: of one local address, or of all of its family (wildcard)."""

    def __init__(
        self,
        driver: "Driver",
        local16: bytes,
        port: int,
        received: "Callable[[bytes, bytes, bytes, int, int], object]",
        wildcard: bool,
    ) -> None:
        """OSError: the port is taken, or we may not have it."""
        self._driver = driver
        self._received = received
        self._local = None if wildcard else local16
        self._end: "Any" = net6.Endpoint(_any_of(local16) if wildcard else local16, port)
        self.port: int = self._end.port
        driver.watch(self._end, self._readable)

    def _readable(self, _: int) -> None:
        # One, then others have their turn: where more wait, this is called again.
        try:
            came = self._end.recv_into(_BUFFER)
        except OSError:
            return
        if came is not None:
            length, peer16, peer_port = came
            local16, traffic_class, _ = self._end.meta()
            self._received(
                bytes(_VIEW[:length]), self._local or local16, peer16, peer_port, traffic_class
            )

    def send(
        self, data: bytes, local16: bytes, peer16: bytes, peer_port: int, traffic_class: int = 0
    ) -> bool:
        """Send a datagram from one of the local addresses; False: the kernel did not take it."""
        try:
            self._end.send(
                data, peer16, peer_port, None if self._local else local16, 0, traffic_class
            )
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Give the port up."""
        end, self._end = self._end, None
        if end is not None:
            self._driver.unwatch(end)
            end.close()


class Stream:
    """One TCP connection. The owner sets received(data) and closed().

    local, peer: (addr16, port); open: until either end ends it. closed is called once when the
    other end or the network ends it, not by close().
    """

    def __init__(self, driver: "Driver", stream: "Any") -> None:
        self.local = stream.local()
        self.peer = stream.peer()
        self.received: "Callable[[bytes], object]" = lambda data: None
        self.closed: "Callable[[], object]" = lambda: None
        self._driver = driver
        self._stream = stream
        self._unsent = b""
        self.open = True
        driver.watch(stream, self._ready)

    def _ready(self, event: int) -> None:
        if event & posix.Poll.OUT:
            self._flush()
        if self._stream is None or not event & ~posix.Poll.OUT:
            return
        try:
            data = self._stream.read(_PIECE)
        except OSError:
            data = b""
        if data:
            self.received(data)
        elif data is not None:
            self._lost()

    def write(self, data: bytes) -> None:
        """Send octets, later what does not fit now; one that never reads loses its connection."""
        if self._stream is not None:
            self._unsent += data
            self._flush()

    def _flush(self) -> None:
        try:
            sent = self._stream.write(self._unsent) or 0
        except OSError:
            self._lost()
            return
        self._unsent = self._unsent[sent:]
        if len(self._unsent) > _MOST_UNSENT:
            self._lost()
        else:
            self._driver.want(self._stream, bool(self._unsent))

    def _lost(self) -> None:
        if self._stream is not None:
            self.close()
            self.closed()

    def close(self) -> None:
        """End it."""
        self.open = False
        stream, self._stream = self._stream, None
        if stream is not None:
            self._driver.unwatch(stream)
            stream.close()


class Listener:
    """Takes TCP connections at one local address, or at all of its family."""

    def __init__(
        self,
        driver: "Driver",
        local16: bytes,
        port: int,
        accepted: "Callable[[Stream, bytes, bytes, int], object]",
        wildcard: bool,
    ) -> None:
        self._driver = driver
        self._accepted = accepted
        local = _any_of(local16) if wildcard else local16
        self._listener: "Any" = net6.Listener(local, port, _BACKLOG)
        driver.watch(self._listener, self._readable)

    def _readable(self, _: int) -> None:
        try:
            came = self._listener.accept()
        except OSError:
            return
        if came is not None:
            stream = Stream(self._driver, came[0])
            self._accepted(stream, stream.local[0], came[1], came[2])

    def close(self) -> None:
        """Take no more."""
        listener, self._listener = self._listener, None
        if listener is not None:
            self._driver.unwatch(listener)
            listener.close()


class Driver:
    """All that the program asks of the machine."""

    def __init__(self) -> None:
        poll = self._poll = posix.Poll()
        self.watch: "Callable[[Any, Callable[[int], object]], None]" = poll.watch
        self.unwatch: "Callable[[Any], None]" = poll.unwatch
        self.want: "Callable[[Any, bool], None]" = poll.want
        self._timers: "list[Timer]" = []  # the next one last
        self._signals: "list[Any]" = []
        self._running = False
        self.lacks = 0  # how often there was no memory for what a message needs
        self.now: "Callable[[], int]" = posix.now

    # -- what is waited for --------------------------------------------------------------------

    def call_at(self, when: int, call: "Callable[[], object]") -> Timer:
        """Call once when now() is `when`."""
        timer = Timer(when, call)
        timers = self._timers
        at = len(timers)
        while at > 0 and timers[at - 1].when <= when:
            at -= 1
        timers.insert(at, timer)
        return timer

    def on_signal(self, name: str, call: "Callable[[], object]") -> None:
        """Call when a signal has come: HUP, TERM, INT, USR1."""
        signals = posix.Signals(getattr(posix, name))

        def readable(_: int) -> None:
            if signals.take() is not None:
                call()

        self._signals.append(signals)
        self.watch(signals, readable)

    def drop(self, user: str, group: str, net_admin: bool) -> None:
        """Be this user from now on ("": who we are), without capabilities.

        net_admin: but the network may still be changed. ValueError: there is no such user.
        OSError: we are not root.
        """
        posix.drop(user, group, net_admin)

    def run(self) -> None:
        """Serve until stop()."""
        self._running = True
        timers, poll = self._timers, self._poll.wait
        while self._running:
            while timers and timers[-1].call is None:
                timers.pop()
            wait = max(0, timers[-1].when - posix.now()) if timers else -1
            try:
                poll(wait)
                while timers and timers[-1].when <= posix.now() and self._running:
                    due = timers.pop().call
                    if due is not None:
                        due()
            except MemoryError:  # what was under way is lost as a datagram is
                self.lacks += 1

    def stop(self) -> None:
        """Let run() end after the call that is under way."""
        self._running = False

    def close(self) -> None:
        """Give back what the driver holds; signals go their usual ways again."""
        for signals in self._signals:
            self.unwatch(signals)
            signals.close()
        self._signals.clear()

    # -- sockets -------------------------------------------------------------------------------

    def udp(
        self,
        local16: bytes,
        port: int,
        received: "Callable[[bytes, bytes, bytes, int, int], object]",
        wildcard: bool = False,
    ) -> Port:
        """Open a UDP port. wildcard: for all addresses of the family of local16; OSError."""
        return Port(self, local16, port, received, wildcard)

    def listen(
        self,
        local16: bytes,
        port: int,
        accepted: "Callable[[Stream, bytes, bytes, int], object]",
        wildcard: bool = False,
    ) -> Listener:
        """Take TCP connections; accepted(stream, local16, peer16, peer_port). OSError."""
        return Listener(self, local16, port, accepted, wildcard)

    def connect(self, local16: bytes, local_port: int, peer16: bytes, peer_port: int) -> Stream:
        """Begin a TCP connection; it may be written to at once. OSError: no way there."""
        return Stream(self, net6.Stream(peer16, peer_port, local16, local_port))
