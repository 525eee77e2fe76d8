# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Signalling: what is asked of the server in use, and its replies (sections 2.3 and 3).

One request at a time; only a reply to it changes anything (X-3).
"""

from vox6.wire import const
from vox6.wire.errors import FormatError

from . import header, inner, messages
from .channel import TUNNEL, Channel
from .retransmission import Requester
from .settings import Settings
from .state import ACCEPT, AUTH, CREATE, HELLO

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

VERSIONS = ("2.0.0", "1.0.1")  # the second after 302 (section 3.5)
HINT_GAP = 2000  # ms between creates because of ICMPv6 1/5 (section 6.5)

_PADDED = const(192)  # octets of a create, so that three times that hold the reply


class Signalling(Channel):
    """Asks the server."""

    def __init__(
        self, random: "Callable[[int], bytes]", settings: "Settings | None" = None
    ) -> None:
        super().__init__(random, settings)
        self._requester = Requester(self._number(4))
        self._version = 0
        self._quick = False
        self._local_ipv4: "bytes | None" = None
        self._wish = self.settings.interval
        self._hinted_at = -HINT_GAP

    def _request(self, text: bytes, now: int, tries: int = 0) -> None:
        if self.server is not None:
            self._send(self._requester.start(text, now, tries), self.server, TUNNEL)

    def _repeat_due(self, now: int) -> None:
        again = self._requester.repeat(now)
        if again is None:
            self._step("timeout", now)
        elif self.server is not None:
            self.counters["retransmissions"] += 1
            self._send(again, self.server, TUNNEL)

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

    # actions

    def _open_session(self, now: int) -> str:
        if self._quick:
            self._do_create(now, None)
            return CREATE
        self._request(messages.Version(VERSIONS[self._version]).emit(), now)
        return HELLO

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

    def _do_settle(self, now: int, reply: None) -> None:
        self._requester.cancel()
