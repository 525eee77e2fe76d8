# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Proxy mode: callers that nobody configured, all seen at one own address (RFC 3261, RFC 6157).

Several parties behind one address are no mirror any more, so this is a stateless proxy (RFC 3261
section 16.11). What it must know comes back to it in what it has written:

    stranger R -> L, which represents party P;  own address O on the side of P
    Via: SIP/2.0/UDP O;branch=z9hG4bK-64-<state R,L><transaction><check>   where answers go
    Record-Route: <sip:O;lr;p64=<state R,L><check>>       requests of P go to R, sent from L
    Record-Route: <sip:L;lr;p64=<state P,O><check>>       requests of R go to P, sent from O

A party calls a stranger by sending to O what names an address of the other side; the same lines
then stand with R and P, L and O exchanged. tokens.py has the states and checks.
"""

from vox6.sip.grammar import parse_number
from vox6.sip.lines import RequestLines, ResponseLines, parse, unfold
from vox6.wire.errors import FormatError

from .mirror import (
    MAX_MESSAGE_OCTETS,
    Names,
    answer,
    answer_to,
    observe,
    parameters,
    topmost_via,
)
from .proxy_routes import Forged, hides, own_routes, own_uri, postpone, wanted
from .rewrite import set_number
from .scan import Refused, cseq, tag
from .table import side
from .tokens import TRANSACTION, OwnURI, Tokens, hostport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .mirror import Message, Mirror
    from .servers import Servers
    from .settings import Settings
    from .tokens import State

    Address = tuple[bytes, int]

_BRANCH = "z9hG4bK-64-"
_HOPS = 70
_OF_OURS = "64-"  # begins the tags of the mirror's own answers
_WHOLE = 96  # prefix length in 128 bits of a mapping that holds everybody
# Those that begin a dialog, or may change its route.
_ROUTED = ("INVITE", "SUBSCRIBE", "NOTIFY", "REFER", "UPDATE", "OPTIONS", "MESSAGE")


class Proxy:
    """Takes the messages of strangers, and what parties send to an own address.

    owns: by side, the own address at which parties there see all strangers of the other one.
    """

    def __init__(self, mirror: "Mirror", key: bytes) -> None:
        self.mirror = mirror
        self.tokens = Tokens(key)
        self.owns: "dict[bool, Address]" = {}
        self._contacts: "dict[bool, bool]" = {}  # by side: whether they are replaced
        self._nets: "list[tuple[int, int]]" = []  # of representations: what is left, shift
        self._whole: "list[bytes]" = []
        self._servers: "Servers | None" = None
        self._redirect: "Callable[[bytes, Address, Address, Any], object]" = lambda *_: None

    def resolve(
        self, servers: "Servers", redirect: "Callable[[bytes, Address, Address, Any], object]"
    ) -> None:
        """Find names by servers; redirect gets again what has waited for them."""
        self._servers = servers
        self._redirect = redirect

    def configure(self, settings: "Settings") -> None:
        """Let settings count."""
        self.owns = {here: own for here, (own, _) in settings.proxies.items()}
        self._contacts = {here: contact for here, (_, contact) in settings.proxies.items()}
        nets = settings.table.local_nets()
        self._whole = [net[:12] for net, length, _ in nets if length == _WHOLE]
        self._nets = [
            (int.from_bytes(net, "big") >> 128 - length, 128 - length)
            for net, length, _ in nets
            if length > _WHOLE
        ]

    def take(
        self, data: bytes, local: "Address", peer: "Address", now: int, stream: "Any"
    ) -> bool:
        """Take a message if it is from or for a stranger; False: it is the mirror's."""
        answers = data[:8].upper() == b"SIP/2.0 "
        if not self.owns or answers and data.find(_BRANCH.encode()) < 0:
            return False
        if not answers and local != self.owns.get(side(local[0])) and not self._strange(peer):
            return False
        mirror = self.mirror
        try:
            message = parse(data, RequestLines, ResponseLines)
        except FormatError:
            return False
        try:
            if len(data) > MAX_MESSAGE_OCTETS:
                raise Refused(513, "Message Too Large")
            if isinstance(message, ResponseLines):
                return self._response(data, message, local, peer, now, stream)
            if local != self.owns.get(side(local[0])) and not self._represented(local):
                return False
            self._request(data, message, local, peer, now, stream)
        except FormatError as error:
            mirror.refuse(data, Refused(400, error.reason), local, peer, stream)
        except Refused as error:
            mirror.refuse(data, error, local, peer, stream)
        return True

    # -- who is who ---------------------------------------------------------------------------

    def _strange(self, peer: "Address") -> bool:
        """Return whether somebody has no address on the other side, and shares ours there."""
        table = self.mirror.table
        shared = (not side(peer[0])) in self.owns
        return shared and table.counterpart(peer[0], peer[1]) is None

    def _seen(self, party: "Address") -> "Address | None":
        """Return the representation of a configured party; who is only one of all is none."""
        seen = self.mirror.table.representation(party[0], party[1])
        return None if seen is None or self._is_whole(seen[0]) else seen

    def _represented(self, local: "Address") -> "Address | None":
        """Return the configured party that a local address represents."""
        return None if self._is_whole(local[0]) else self.mirror.table.real(local[0], local[1])

    def _is_whole(self, addr16: bytes) -> bool:
        if addr16[:12] not in self._whole:
            return False
        number = int.from_bytes(addr16, "big")
        return True not in [number >> shift == net for net, shift in self._nets]

    def _fits(self, far: "Address", local: "Address") -> bool:
        """Return whether a far end may still be reached from a local address."""
        if local == self.owns.get(side(local[0])):
            return self._seen(far) is not None
        if far in self.owns.values():
            return False
        return self._strange(far) and self._represented(local) is not None

    def _forged(self) -> Refused:
        self.mirror.count("forged")
        return Refused(403, "Forbidden")

    # -- requests -----------------------------------------------------------------------------

    def _request(
        self,
        data: bytes,
        message: RequestLines,
        local: "Address",
        peer: "Address",
        now: int,
        stream: "Any",
    ) -> None:
        if message.method == "ACK" and tag(message, "to").startswith(_OF_OURS):
            return  # of an answer of our own
        text = message.get("max-forwards")
        hops = _HOPS + 1 if text is None else parse_number(text, 255)
        if not hops:
            raise Refused(483, "Too Many Hops")
        if self._has_been_here(message, (peer, local)):
            raise Refused(482, "Loop Detected")
        transaction = self._transaction(message)
        own_here = self.owns.get(side(local[0]))
        outwards = local == own_here
        try:
            token = own_uri(message, local, self.tokens)
            routed, flow = own_routes(message, (local, own_here), self._mine, self.tokens)
        except Forged:
            raise self._forged()
        token = token or routed
        if outwards:
            seen = self._seen(peer)
            if seen is None:
                self.mirror.count("strangers")
                raise Refused(403, "Forbidden")
            if token is not None and token[1][0] != seen[0]:
                raise self._forged()  # another party's
            found = token[0] if token is not None and flow else None
            if found is None:

                def again() -> None:
                    self._redirect(data, local, peer, stream)

                found = self._wanted(message, local, now, stream, again)
                if found is None:
                    return  # until the name is known
            other = self.mirror.table.counterpart(found[0], found[1])
            if side(found[0]) == side(local[0]) or other is not None:
                self._to_a_party(message, found, other, local, peer, now, stream)
                return
            postpone(message)
            token = found, seen if token is None else token[1]
        else:
            own, party = self.owns[not side(peer[0])], self._represented(local)
            if party is None:
                raise Refused(403, "Forbidden")
            if token is None:
                token = (party, own)
            elif token[0][0] != party[0]:
                raise self._forged()
            else:
                token = self._inner(message, token[0]), token[1]
        target, source = token
        if not self._fits(target, source):
            raise Refused(403, "Forbidden")
        if not set_number(message, "max-forwards", hops - 1):
            message.add("Max-Forwards", str(hops - 1))
        hidden = hides(message, peer)
        observe(message, peer, True)
        self._translate(message, peer, target, now, not outwards)
        if not outwards:
            self._contact(message, peer, local, source)
        word, parameter = ("UDP", "") if stream is None else ("TCP", ";transport=tcp")
        make = self.tokens.make
        if message.method in _ROUTED:
            back = "f" if not outwards and hidden else "r"
            for host, route in (
                (local, make("r", target, source)),
                (source, make(back, peer, local)),
            ):
                text = "<sip:%s%s;lr;p64=%s>" % (hostport(host), parameter, route)
                message.add_first("Record-Route", text)
        branch = _BRANCH + make("v", peer, local, transaction)
        message.add_first("Via", "SIP/2.0/%s %s;branch=%s" % (word, hostport(source), branch))
        self._send(message, source, peer, target)

    def _has_been_here(self, message: RequestLines, state: "State") -> bool:
        """Return whether a request came the same way before (RFC 3261 section 16.3)."""
        for line in message.lines("via"):
            for part in line.split(_BRANCH)[1:]:
                token = part.partition(";")[0].partition(",")[0].strip()
                if self.tokens.read("v", token, TRANSACTION) == state:
                    return True
        return False

    def _mine(self, where: "Address") -> bool:
        return where in self.owns.values() or self._represented(where) is not None

    def _wanted(
        self,
        message: RequestLines,
        local: "Address",
        now: int,
        stream: "Any",
        again: "Callable[[], object]",
    ) -> "Address | None":
        """Return where a party's request goes: by its Routes, else by its Request-URI (RFC 3261
        section 16.6); None: DNS is asked, again() is called then.
        """
        uri = wanted(message)
        if not uri.is_sip:
            raise Refused(416, "Unsupported URI Scheme")
        found = uri.address()
        if found is None:
            if self._servers is None or self.mirror.table.name(uri.host) is not None:
                raise Refused(404, "Not Found")
            found = self._servers.find(uri, message, side(local[0]), now, stream, again)
        if found is not None and found[0] == local[0]:
            raise Refused(404, "Not Found")
        return found

    def _inner(self, message: RequestLines, party: "Address") -> "Address":
        """Return which party a stranger's request in a dialog is for, and where it listens; the
        one of before, where the message names nobody that may be called.
        """
        found = wanted(message).address()
        if found is not None and side(found[0]) != side(party[0]):
            found = self._represented(found)
        if found is None or self._seen(found) is None:
            return party
        return found

    def _to_a_party(
        self,
        message: RequestLines,
        found: "Address",
        other: "Address | None",
        local: "Address",
        peer: "Address",
        now: int,
        stream: "Any",
    ) -> None:
        """Let the mirror have what is for a party."""
        table = self.mirror.table
        where = found if side(found[0]) == side(local[0]) else other
        if where is None or table.real(where[0], where[1]) is None:
            raise Refused(404, "Not Found")
        self.mirror.receive(message.emit(), where, peer, now, stream)

    def _transaction(self, message: RequestLines) -> str:
        """Return what a request, its repetitions, its CANCEL and its ACK have in common."""
        parts = topmost_via(message)[0]
        branch = parameters(parts).get(b"branch", b"")
        octets = parts[0] + b";" + branch
        if branch[:7].lower() != b"z9hg4bk":  # RFC 2543: nothing says that it is unique
            for key in ("from", "call-id"):
                octets += b"\n" + (message.get(key) or "").encode()
            octets += b"\n%d" % cseq(message)[0]
        return self.tokens.transaction(octets)

    # -- responses ----------------------------------------------------------------------------

    def _response(
        self,
        data: bytes,
        message: ResponseLines,
        local: "Address",
        peer: "Address",
        now: int,
        stream: "Any",
    ) -> bool:
        parts, rest, line = topmost_via(message)
        branch = unfold(parameters(parts).get(b"branch", b""))
        if not branch.startswith(_BRANCH):
            return False
        state = self.tokens.read("v", branch[len(_BRANCH) :], TRANSACTION)
        if state is None or not self._fits(*state) or side(state[1][0]) == side(local[0]):
            self._forged()
            return True
        if rest:
            message.replace(line, b" " + rest[1:].strip())
        else:
            del message.headers[line]
        far, source = state
        target = answer_to(message, far)
        if stream is not None or target[0] != far[0]:
            target = far
        strange = source == self.owns.get(side(source[0]))
        try:
            self._translate(message, peer, far, now, strange)
        except Refused as error:
            self.mirror.count("refused")
            if message.status < 200:
                return True
            if self.mirror.failures is not None:
                received = parse(data, RequestLines, ResponseLines)
                self.mirror.failures.abandon(received, local, peer)
            message, strange = answer(message, error, source), False
        if strange:
            self._contact(message, peer, local, source)
        self._send(message, source, peer, target)
        return True

    # -- both ---------------------------------------------------------------------------------

    def _translate(
        self, message: "Message", peer: "Address", target: "Address", now: int, strange: bool
    ) -> None:
        """Rewrite a message. strange: a stranger sent it, whose Contact stays as it is."""
        passage = self.mirror.relay.begin(message, peer, target, now)
        passed = False
        headers = message.headers
        try:
            if strange:
                for i in range(len(headers)):
                    key, name, raw = headers[i]
                    if key == "contact":
                        headers[i] = ("", name, raw)
            self.mirror.rewrite(message, Names(self.mirror, peer[0], now), passage)
            passed = True
        finally:
            for i in range(len(headers)):
                if not headers[i][0]:
                    headers[i] = ("contact", headers[i][1], headers[i][2])
            passage.end(passed)

    def _contact(
        self, message: "Message", far: "Address", seen: "Address", own: "Address"
    ) -> None:
        """Put ourselves into the Contact of a stranger, for phones that use no Route."""
        if not self._contacts.get(side(own[0])):
            return
        text = message.get("contact") or ""
        start, end = text.find("<"), text.find(">")
        if start < 0:
            text, _, behind = text.partition(";")
            start, end, text = 0, len(text) + 1, "<" + text + ">" + (behind and ";" + behind)
        uri = text[start + 1 : end]
        if uri[:4].lower() != "sip:" or "?" in uri or "<" in text[end:]:
            return
        uri = OwnURI(uri).at(own) + ";p64=" + self.tokens.make("c", far, seen)
        message.set("Contact", text[: start + 1] + uri + text[end:])

    def _send(
        self, message: "Message", source: "Address", peer: "Address", target: "Address"
    ) -> None:
        mirror = self.mirror
        mirror.count("passed")
        if mirror.passed is not None:
            mirror.passed(message, peer, target)
        mirror.send(message, source, target)
