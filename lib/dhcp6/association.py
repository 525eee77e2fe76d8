# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Addresses: one identity association for non-temporary addresses (RFC 8415 section 18.2)."""

from vox6.wire import const
from vox6.wire.errors import FormatError, LocalProtocolError

from . import events, message, options
from .exchange import SEND, Exchange
from .message import Message
from .options import IANA, IAAddress
from .state import (
    BOUND,
    CONFIRMING,
    IDLE,
    REBINDING,
    RELEASING,
    RENEWING,
    REQUESTING,
    SOLICITING,
    TABLE,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .client import Client

    Advertised = tuple[int, bytes, list[bytes]]

_MAX_ADVERTISES = const(8)  # servers that are remembered while we collect
_MAX_LEASES = const(8)  # addresses: a server gives one for each prefix of the link
_MOST_PREFERRED = const(255)  # section 18.2.1: is taken at once
_MIN_T1 = const(60)  # s, where the server leaves it to us (section 14.2)
_FIRST_PAUSE = const(1000)  # ms before a Solicit after a Request that came to nothing, doubled
_LAST_PAUSE = const(120000)

_TO_ONE_SERVER = (message.REQUEST, message.RENEW, message.RELEASE, message.DECLINE)


class Lease:
    """An address that is ours until valid_until, better not used for new flows since
    preferred_until; ms, None: for ever."""

    def __init__(self, addr16: bytes) -> None:
        self.addr16 = addr16
        self.preferred_until: "int | None" = None
        self.valid_until: "int | None" = None


class Association:
    """One per client. exchange: the message under way, None. leases: the addresses we have."""

    def __init__(self, client: "Client", iaid: int) -> None:
        self._client = client
        self.iaid = iaid
        self.state = IDLE
        self.exchange: "Exchange | None" = None
        self.leases: "list[Lease]" = []
        self.server = b""
        self.t1: "int | None" = None
        self.t2: "int | None" = None
        self._advertised: "list[Advertised]" = []
        self._wanted: "list[bytes]" = []  # addresses of the message under way
        self._not_on_link = False
        self._pause = 0

    def step(self, event: str, now: int, received: "Message | None" = None) -> None:
        """Take an event; one that the table lacks is counted."""
        entry = TABLE.get((self.state, event))
        if entry is None:
            self._client.counters["unexpected"] += 1
            return
        told = getattr(self, "_" + entry[0])(now, received)
        self.state = entry[1] or told

    def allows(self, command: str) -> bool:
        """Return whether a command has a meaning now."""
        return (self.state, command) in TABLE

    def receive(self, received: Message, now: int) -> None:
        """Take an Advertise or Reply to the message under way, checked by section 16."""
        exchange = self.exchange
        if exchange is None:
            return
        if exchange.msg_type in _TO_ONE_SERVER:
            if received.get(options.SERVERID) != self.server:
                self._client.counters["strangers"] += 1
                return
        self.step(received.name, now, received)

    def stop(self) -> None:
        """Forget everything; no event, no message."""
        self.state = IDLE
        self.exchange = None
        self.leases = []
        self._advertised = []

    def set_wanted(self, addresses: "list[bytes]") -> None:
        """Name the addresses for decline(); LocalProtocolError if one is not ours."""
        held = [lease.addr16 for lease in self.leases]
        for addr16 in addresses:
            if addr16 not in held:
                raise LocalProtocolError("not an address of ours")
        self._wanted = list(addresses)

    # time

    def timer(self) -> "int | None":
        """Return when handle_timer is due."""
        times = [lease.valid_until for lease in self.leases]
        if self.exchange is not None:
            times.append(self.exchange.deadline)
        if self.state == BOUND:
            times.append(self.t1)
            times.append(self.t2)
        first = None
        for when in times:
            if when is not None and (first is None or when < first):
                first = when
        return first

    def handle_timer(self, now: int) -> None:
        """Let time have passed until now."""
        ended = [
            lease.addr16
            for lease in self.leases
            if lease.valid_until is not None and lease.valid_until <= now
        ]
        if ended:
            self._remove(ended, events.EXPIRED)
            if not self.leases:
                self.step("expired", now)
        if self.state == BOUND:
            if self.t2 is not None and self.t2 <= now:
                self.step("t2", now)
            elif self.t1 is not None and self.t1 <= now:
                self.step("t1", now)
        exchange = self.exchange
        if exchange is None or exchange.deadline > now:
            return
        if self.state == SOLICITING and exchange.sent == 1 and self._advertised:
            self.step("first_rt", now)
        elif self.state == CONFIRMING and self._not_on_link:
            self.step("rt", now)
        elif exchange.due(now) == SEND:
            self._transmit(now)
        else:
            self.step("exhausted", now)

    # sending

    def _begin(self, msg_type: int, now: int, until: "int | None" = None, pause: int = 0) -> None:
        self.exchange = exchange = Exchange(msg_type, self._client.random, now, until)
        exchange.deadline += pause
        if msg_type == message.SOLICIT:
            exchange.mrt = self._client.sol_max_rt
        if exchange.deadline <= now and exchange.due(now) == SEND:
            self._transmit(now)

    def _transmit(self, now: int) -> None:
        exchange = self.exchange
        if exchange is None:
            return
        kind = exchange.msg_type
        if kind in (message.RENEW, message.REBIND, message.CONFIRM):
            wanted = [lease.addr16 for lease in self.leases]
        elif kind == message.SOLICIT:
            wanted = []
        else:
            wanted = self._wanted
        # lifetimes, T1 and T2 are 0 in what a client sends (sections 21.4, 21.6)
        association = IANA(self.iaid, 0, 0, [IAAddress(addr16, 0, 0) for addr16 in wanted])
        more = [(options.IA_NA, association.emit())]
        if kind == message.SOLICIT and self._client.rapid_commit:
            more.append((options.RAPID_COMMIT, b""))
        server = self.server if kind in _TO_ONE_SERVER else None
        self._client.transmit(exchange, server, more, now)

    # actions

    def _nothing(self, now: int, received: "Message | None") -> None:
        pass

    def _solicit(self, now: int, received: "Message | None") -> str:
        """Server discovery (section 18.2.1)."""
        self._advertised = []
        self.t1 = None
        self.t2 = None
        self._begin(message.SOLICIT, now, None, self._pause)
        return SOLICITING

    def _take_advertise(self, now: int, received: Message) -> str:
        """Section 18.2.9."""
        association = self._association_of(received)
        addresses: "list[bytes]" = []
        if association is not None and association.status == options.SUCCESS:
            addresses = [one.addr16 for one in association.addresses if _usable(one)]
        if not addresses:
            self._tell_status(received, association)
            self._client.counters["useless"] += 1
            self._client.no_addresses(now)
            return SOLICITING
        if len(self._advertised) >= _MAX_ADVERTISES:
            self._client.counters["dropped_advertises"] += 1
            return SOLICITING
        octets = received.get(options.PREFERENCE)
        preference = octets[0] if octets is not None and len(octets) == 1 else 0
        server = received.get(options.SERVERID) or b""
        self._advertised.append((preference, server, addresses))
        if preference == _MOST_PREFERRED or (self.exchange is not None and self.exchange.sent > 1):
            return self._choose(now, None)
        return SOLICITING

    def _choose(self, now: int, received: "Message | None") -> str:
        """Request from the server of the highest preference, of several the first that spoke."""
        best = self._advertised[0]
        for one in self._advertised:
            if one[0] > best[0]:
                best = one
        self._advertised.remove(best)
        _, self.server, self._wanted = best
        self._begin(message.REQUEST, now)
        return REQUESTING

    def _choose_another(self, now: int, received: "Message | None") -> str:
        """The server gives nothing or is silent (section 18.2.2)."""
        self._drop(events.WITHDRAWN)
        if self._advertised:
            return self._choose(now, None)
        self._pause = min(max(2 * self._pause, _FIRST_PAUSE), _LAST_PAUSE)
        return self._solicit(now, None)

    def _take_rapid_reply(self, now: int, received: Message) -> str:
        if not self._client.rapid_commit or received.get(options.RAPID_COMMIT) is None:
            self._client.counters["useless"] += 1
            return SOLICITING
        association = self._association_of(received)
        if association is None or association.status != options.SUCCESS:
            self._client.counters["useless"] += 1
            return SOLICITING
        if not self._merge(association, now):
            self._client.counters["useless"] += 1
            return SOLICITING
        return self._bind(association, received, now)

    def _take_reply(self, now: int, received: Message) -> str:
        """Section 18.2.10.1."""
        association = self._association_of(received)
        code = self._tell_status(received, association)
        if code == options.NOT_ON_LINK:
            self._drop(events.NOT_ON_LINK)
            return self._choose_another(now, None)
        if self.state == REQUESTING and code in (options.NO_ADDRS_AVAIL, options.NO_BINDING):
            return self._choose_another(now, None)
        if self.state in (RENEWING, REBINDING) and code == options.NO_BINDING:
            self.server = received.get(options.SERVERID) or b""
            self._wanted = [lease.addr16 for lease in self.leases]
            self._begin(message.REQUEST, now)
            return REQUESTING
        if code != options.SUCCESS or association is None:
            self._client.counters["useless"] += 1  # as if it had not come: repeated by its times
            return self.state
        if not self._merge(association, now):
            if self.state == REQUESTING:
                return self._choose_another(now, None)
            if self.leases:
                self._client.counters["useless"] += 1
                return self.state
            return self._solicit(now, None)
        return self._bind(association, received, now)

    def _renew(self, now: int, received: "Message | None") -> None:
        self._begin(message.RENEW, now, self.t2)

    def _rebind(self, now: int, received: "Message | None") -> None:
        self._begin(message.REBIND, now)

    def _confirm(self, now: int, received: "Message | None") -> None:
        self._not_on_link = False
        self._begin(message.CONFIRM, now)

    def _take_confirmation(self, now: int, received: Message) -> str:
        """Section 18.2.10.3: one Success counts more than any number of NotOnLink."""
        code = self._tell_status(received, None)
        if code == options.SUCCESS:
            self.exchange = None
            return BOUND
        if code == options.NOT_ON_LINK:
            self._not_on_link = True
        return CONFIRMING

    def _judge_link(self, now: int, received: "Message | None") -> str:
        self._drop(events.NOT_ON_LINK)
        return self._solicit(now, None)

    def _keep(self, now: int, received: "Message | None") -> None:
        self.exchange = None

    def _decline(self, now: int, received: "Message | None") -> None:
        self._remove(self._wanted, events.DECLINED)
        self._begin(message.DECLINE, now)

    def _declined(self, now: int, received: "Message | None") -> str:
        self.exchange = None
        if self.leases:
            return BOUND
        self._pause = min(max(2 * self._pause, _FIRST_PAUSE), _LAST_PAUSE)
        return self._solicit(now, None)

    def _release(self, now: int, received: "Message | None") -> str:
        self._wanted = [lease.addr16 for lease in self.leases]
        if not self._wanted:  # all of them are being declined
            self._leave(now, None)
            return IDLE
        self._drop(events.RELEASED)
        self._begin(message.RELEASE, now)
        return RELEASING

    def _released(self, now: int, received: "Message | None") -> None:
        self.exchange = None
        self._client.event(events.Released(True))

    def _released_unheard(self, now: int, received: "Message | None") -> None:
        self.exchange = None
        self._client.event(events.Released(False))

    def _leave(self, now: int, received: "Message | None") -> None:
        """Nothing was promised to us, or it is Requested anew: nothing to send."""
        self._drop(events.RELEASED)
        self.exchange = None
        self._client.event(events.Released(False))

    # leases

    def _association_of(self, received: Message) -> "IANA | None":
        """Return our IA_NA of a message, None if it is absent or not to be used."""
        for code, octets in received.options:
            if code != options.IA_NA:
                continue
            try:
                association = IANA.parse(octets)
            except FormatError:
                self._client.counters["malformed"] += 1
                continue
            if association.iaid != self.iaid:
                continue
            if association.t1 > association.t2 > 0:  # section 21.4
                self._client.counters["malformed"] += 1
                continue
            return association
        return None

    def _tell_status(self, received: Message, association: "IANA | None") -> int:
        """Return the status of the message or else of the association; tell a bad one."""
        try:
            code, text = options.status_of(received.options)
        except FormatError:
            self._client.counters["malformed"] += 1
            return options.UNSPEC_FAIL
        if code == options.SUCCESS and association is not None:
            code, text = association.status, association.status_text
        if code != options.SUCCESS:
            self._client.event(events.StatusReceived(code, text))
        return code

    def _merge(self, association: IANA, now: int) -> bool:
        """Take the addresses of a Reply (section 18.2.10.1); return whether it has usable ones."""
        found = False
        withdrawn: "list[bytes]" = []
        for one in association.addresses:
            if one.valid == 0 and one.status == options.SUCCESS:
                withdrawn.append(one.addr16)
                continue
            if not _usable(one):
                continue
            lease = None
            for held in self.leases:
                if held.addr16 == one.addr16:
                    lease = held
            if lease is None:
                if len(self.leases) >= _MAX_LEASES:
                    self._client.counters["dropped_addresses"] += 1
                    continue
                lease = Lease(one.addr16)
                self.leases.append(lease)
            lease.preferred_until = _until(one.preferred, now)
            lease.valid_until = _until(one.valid, now)
            found = True
        held_now = [lease.addr16 for lease in self.leases]
        self._remove([addr16 for addr16 in withdrawn if addr16 in held_now], events.WITHDRAWN)
        return found

    def _bind(self, association: IANA, received: Message, now: int) -> str:
        self.server = received.get(options.SERVERID) or b""
        self.exchange = None
        self._pause = 0
        self._advertised = []
        shortest = options.INFINITY
        for one in association.addresses:
            if _usable(one):
                shortest = min(shortest, one.preferred or one.valid)
        t1 = association.t1
        t2 = association.t2
        if t1 == 0:
            t1 = shortest if shortest == options.INFINITY else max(shortest // 2, _MIN_T1)
            if t2:
                t1 = min(t1, t2)
        if t2 == 0:
            t2 = shortest if shortest == options.INFINITY else max(shortest * 4 // 5, t1)
        self.t1 = _until(t1, now)
        self.t2 = _until(t2, now)
        self._client.configure(received)
        self._client.event(
            events.AddressesAssigned(
                [
                    (
                        lease.addr16,
                        _left(lease.preferred_until, now),
                        _left(lease.valid_until, now),
                    )
                    for lease in self.leases
                ]
            )
        )
        return BOUND

    def _remove(self, addresses: "list[bytes]", reason: str) -> None:
        if addresses:
            self.leases = [lease for lease in self.leases if lease.addr16 not in addresses]
            self._client.event(events.AddressesRemoved(list(addresses), reason))

    def _drop(self, reason: str) -> None:
        self._remove([lease.addr16 for lease in self.leases], reason)


def _usable(address: IAAddress) -> bool:
    """Return whether an address may become ours: lifetimes and kind (section 21.6)."""
    addr16 = address.addr16
    if address.status != options.SUCCESS or not 0 < address.valid >= address.preferred:
        return False
    if addr16[0] == 0xFF or addr16[:15] == bytes(15):  # multicast, ::, ::1
        return False
    return not (addr16[0] == 0xFE and addr16[1] & 0xC0 == 0x80)  # link-local


def _until(seconds: int, now: int) -> "int | None":
    return None if seconds == options.INFINITY else now + 1000 * seconds


def _left(until: "int | None", now: int) -> int:
    return options.INFINITY if until is None else max(until - now, 0) // 1000
