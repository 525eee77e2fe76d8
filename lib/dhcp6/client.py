# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A DHCPv6 client for one interface (RFC 8415), stateful and stateless."""

from vox6.wire import const
from vox6.wire.errors import FormatError, LocalProtocolError
from vox6.wire.writer import Writer

from . import duid as duids
from . import message, options
from .association import Association
from .configuration import Configuration
from .events import ConfigurationReceived
from .information import Information
from .message import Message
from .state import IDLE, SOLICITING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from .exchange import Exchange

    Peer = tuple[bytes, int]

CLIENT_PORT = 546
SERVER_PORT = 547
# All_DHCP_Relay_Agents_and_Servers, ff02::1:2 (section 7.1)
ALL_SERVERS = (b"\xff\x02" + bytes(11) + b"\x01\x00\x02", SERVER_PORT)

_MAX_MESSAGE = const(1024)  # octets that we send: 8 addresses and two DUIDs are 560
_MAX_RECEIVED = const(4096)  # octets that we look at
_MAX_EVENTS = const(32)
_MAX_OUT = const(8)
_BURST = const(20)  # messages at once, and one a second after them (section 14.1)
_MS_A_MESSAGE = const(1000)
_MIN_MAX_RT = const(60)  # s, sections 21.24 and 21.25
_MAX_MAX_RT = const(86400)
_DEFAULT_MAX_RT = const(3600000)  # ms, SOL_MAX_RT and INF_MAX_RT of section 7.6

_WANTED = (
    options.SIP_SERVER_D,
    options.SIP_SERVER_A,
    options.DNS_SERVERS,
    options.DOMAIN_LIST,
    options.BOOTFILE_URL,
)

_COUNTERS = (
    "sent",
    "rate_limited",
    "malformed",
    "strangers",
    "reconfigures",
    "unexpected",
    "useless",
    "dropped_advertises",
    "dropped_addresses",
    "dropped_events",
)


class Client:
    """The engine. duid: ours (duid.py makes them). iaid: 32 bits that name the interface and stay.

    random(n): n octets that nobody can guess. rapid_commit: ask for addresses in two messages
    instead of four.

    The driver sends from the link-local address, port 546, to ff02::1:2 port 547 on the one
    interface, and gives what comes to port 546. configuration: what was received last.
    """

    def __init__(
        self,
        duid: bytes,
        iaid: int,
        random: "Callable[[int], bytes]",
        rapid_commit: bool = True,
    ) -> None:
        if not 0 <= iaid <= 0xFFFFFFFF:
            raise LocalProtocolError("an IAID has 32 bits")
        self.counters = {name: 0 for name in _COUNTERS}
        self.duid = duids.checked(duid)
        self.random = random
        self.rapid_commit = rapid_commit
        self.configuration: "Configuration | None" = None
        self.sol_max_rt = _DEFAULT_MAX_RT  # ms
        self.inf_max_rt = _DEFAULT_MAX_RT
        self._association = Association(self, iaid)
        self._information = Information(self)
        self._out: "list[tuple[bytes, Peer]]" = []
        self._events: "list[object]" = []
        self._tokens = _BURST
        self._refilled = 0

    @property
    def state(self) -> str:
        """The state of the association, of state.py."""
        return self._association.state

    @property
    def addresses(self) -> "list[bytes]":
        """The addresses that are ours now."""
        return [lease.addr16 for lease in self._association.leases]

    # commands

    def set_router_flags(self, managed: bool, other: bool, now: int) -> None:
        """Take M and O of router advertisements (RFC 4861 section 4.2), of all routers together.

        They start things: M asks for addresses and configuration, O alone for configuration.
        A flag that goes away ends nothing that was given (RFC 4862 section 5.5.3 likewise).
        """
        if managed:
            if self._association.state == IDLE:
                self._association.step("start", now)
        elif other and self._information.state == IDLE:
            self._information.step("start", now)

    def link_changed(self, now: int) -> None:
        """The link came up again or may be another one (section 18.2.12): Confirm, ask again."""
        if self._association.allows("link_changed"):
            self._association.step("link_changed", now)
        if self._information.state != IDLE:
            self._information.step("start", now)

    def decline(self, addresses: "list[bytes]", now: int) -> None:
        """Duplicate address detection found these in use (section 18.2.8).

        LocalProtocolError: one is not ours, or nothing is.
        """
        if not addresses or not self._association.allows("decline"):
            raise LocalProtocolError("no addresses to decline")
        self._association.set_wanted(addresses)
        self._association.step("decline", now)

    def release(self, now: int) -> None:
        """Give all addresses back (section 18.2.7); stop using them first. Released follows."""
        if not self._association.allows("release"):
            raise LocalProtocolError("no addresses to release")
        self._association.step("release", now)

    def stop(self) -> None:
        """Forget everything, say nothing: the link is gone."""
        self._association.stop()
        self._information.stop()
        self.configuration = None
        self._out = []

    # the five verbs

    def receive_datagram(self, data: bytes, peer: "Peer", now: int) -> None:
        """Take what came to port 546. peer does not count: relays answer for servers."""
        if len(data) > _MAX_RECEIVED:
            self.counters["malformed"] += 1
            return
        try:
            received = Message.parse(data)
        except FormatError:
            self.counters["malformed"] += 1
            return
        if received.msg_type == message.RECONFIGURE:
            self.counters["reconfigures"] += 1  # we did not accept any (section 18.2.11)
            return
        machine = self._machine_of(received)
        if machine is None:
            self.counters["strangers"] += 1
            return
        self._learn_max_rt(received)
        if isinstance(machine, Association):
            machine.receive(received, now)
        else:
            machine.step(received.name, now, received)

    def handle_timer(self, now: int) -> None:
        """Let time have passed until now."""
        self._association.handle_timer(now)
        self._information.handle_timer(now)

    def get_timer(self) -> "int | None":
        """Return when `handle_timer` is due, None if nothing runs."""
        first = self._association.timer()
        second = self._information.timer()
        if first is None or second is None:
            return second if first is None else first
        return min(first, second)

    def datagrams_to_send(self) -> "list[tuple[bytes, Peer]]":
        """Return what is to be sent, once."""
        out = self._out
        self._out = []
        return out

    def next_event(self) -> "object | None":
        """Return the next event, None if there is none."""
        return self._events.pop(0) if self._events else None

    def debug(self) -> str:
        """Return one line for people."""
        return "addresses %s %d, information %s" % (
            self._association.state,
            len(self._association.leases),
            self._information.state,
        )

    # for the two machines

    def event(self, event: object) -> None:
        """Give an event to the driver."""
        if len(self._events) >= _MAX_EVENTS:
            self.counters["dropped_events"] += 1
            return
        self._events.append(event)

    def configure(self, reply: Message) -> None:
        """Take the configuration of a Reply; an event if it is another one than before."""
        configuration = Configuration.of(reply)
        if self.configuration is None or self.configuration != configuration:
            self.configuration = configuration
            self.event(ConfigurationReceived(configuration))

    def no_addresses(self, now: int) -> None:
        """A server has no addresses for us; it may have the rest (section 18.2.10.1)."""
        if self._information.state == IDLE:
            self._information.step("start", now)

    def transmit(
        self,
        exchange: "Exchange",
        server: "bytes | None",
        more: "list[tuple[int, bytes]]",
        now: int,
    ) -> None:
        """Send a message of an exchange; it counts as lost when there were too many."""
        earned = (now - self._refilled) // _MS_A_MESSAGE
        if earned > 0:
            self._refilled += earned * _MS_A_MESSAGE
            self._tokens = min(self._tokens + earned, _BURST)
        if self._tokens == 0 or len(self._out) >= _MAX_OUT:
            self.counters["rate_limited"] += 1
            return
        self._tokens -= 1
        made = Message(exchange.msg_type, exchange.transaction_id)
        made.options.append((options.CLIENTID, self.duid))
        if server is not None:
            made.options.append((options.SERVERID, server))
        elapsed = exchange.elapsed(now)
        made.options.append((options.ELAPSED_TIME, bytes((elapsed >> 8, elapsed & 0xFF))))
        request = _option_request(exchange.msg_type)
        if request:
            made.options.append((options.ORO, request))
        made.options.extend(more)
        buffer = bytearray(_MAX_MESSAGE)
        self._out.append((bytes(buffer[: made.emit(buffer)]), ALL_SERVERS))
        self.counters["sent"] += 1

    # what comes

    def _machine_of(self, received: Message) -> "Association | Information | None":
        """Return who waits for a message, None if it is to be discarded (section 16)."""
        if received.msg_type != message.ADVERTISE and received.msg_type != message.REPLY:
            return None
        server = received.get(options.SERVERID)
        if server is None or not duids.is_duid(server):
            return None
        if received.get(options.CLIENTID) != self.duid:
            return None
        machines: "tuple[Association | Information, ...]" = (self._association, self._information)
        for machine in machines:
            exchange = machine.exchange
            if exchange is not None and exchange.sent:
                if exchange.transaction_id == received.transaction_id:
                    return machine
        return None

    def _learn_max_rt(self, received: Message) -> None:
        """Take SOL_MAX_RT and INF_MAX_RT, also of a refusal (section 18.2.9)."""
        solicit = self._max_rt(received, options.SOL_MAX_RT)
        if solicit is not None:
            self.sol_max_rt = solicit
            if self._association.state == SOLICITING and self._association.exchange is not None:
                self._association.exchange.mrt = solicit
        information = self._max_rt(received, options.INF_MAX_RT)
        if information is not None:
            self.inf_max_rt = information
            if self._information.exchange is not None:
                self._information.exchange.mrt = information

    def _max_rt(self, received: Message, code: int) -> "int | None":
        try:
            seconds = options.number_of(received.get(code))
        except FormatError:
            return None
        if seconds is None or not _MIN_MAX_RT <= seconds <= _MAX_MAX_RT:
            return None
        return 1000 * seconds


def _option_request(msg_type: int) -> bytes:
    """Return what the Option Request option of a message says (section 21.7), b"" for none."""
    codes: "tuple[int, ...]"
    if msg_type == message.INFORMATION_REQUEST:
        codes = _WANTED + (options.INFORMATION_REFRESH_TIME, options.INF_MAX_RT)
    elif msg_type in (message.SOLICIT, message.REQUEST, message.RENEW, message.REBIND):
        codes = _WANTED + (options.SOL_MAX_RT,)
    else:
        return b""
    writer = Writer(bytearray(2 * len(codes)))
    for code in codes:
        writer.u16(code)
    return writer.getvalue()
