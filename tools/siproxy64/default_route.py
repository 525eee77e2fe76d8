# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Calls to anybody: siproxy64 as the outbound proxy of a phone, by DNS (servers.py).

    phone -> own address, INVITE sip:bob@example.org
    example.org is at T; T gets an address of the pool
    phone -> that address, INVITE sip:bob@example.org        what the mirror then sees

From there on T is a party as all others, without Via or Record-Route. Whoever sends here must be a
party already.
"""

from vox6.sip.lines import RequestLines

from .scan import Refused
from .table import side
from .tokens import OwnURI

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from vox6.sip.lines import Lines

    from .program import Program
    from .servers import Servers

    Address = tuple[bytes, int]


class DefaultRoute:
    """Takes what is sent to the own address; default() is the mirror's."""

    def __init__(self, program: "Program", servers: "Servers") -> None:
        self._program = program
        self._servers = servers

    def default(
        self, message: "Lines", local: "Address", peer: "Address", now: int, stream: "Any"
    ) -> bool:
        """Take a message for a local address that represents nobody; False: it is not ours."""
        here = side(local[0])
        settings = self._program.settings
        table = settings.table
        if settings.defaults.get(here) != local or not isinstance(message, RequestLines):
            return False
        if table.representation(peer[0], peer[1]) is None:
            raise Refused(403, "Forbidden")
        uri = self._next(message, local)
        if not uri.is_sip:
            raise Refused(416, "Unsupported URI Scheme")
        data = message.emit()
        target = uri.address()
        if target is None:
            if table.name(uri.host) is not None:
                raise Refused(404, "Not Found")

            def again() -> None:
                self._program.redirect(data, local, peer, stream)

            target = self._servers.find(uri, message, here, now, stream, again)
            if target is None:
                return True
        if side(target[0]) == here or table.real(target[0], target[1]) is not None:
            raise Refused(404, "Not Found")
        other = table.counterpart(target[0], target[1])
        if other is None and table.unknown is not None:
            other = table.unknown(target[0], target[1], now, True)
        if other is None:
            raise Refused(403, "Forbidden")
        self._program.redirect(data, other, peer, stream)
        return True

    def _next(self, message: RequestLines, local: "Address") -> OwnURI:
        """Return the URI that a request goes to, after Routes that name us are gone."""
        while True:
            text = message.get("route")
            if text is None:
                return OwnURI(message.uri_text)
            first, _, rest = text.partition(",")
            uri = OwnURI(first.partition("<")[2].partition(">")[0])
            pair = self._program.settings.table.name(uri.host) or ()
            if uri.address() != local and local[0] not in pair:
                return uri
            for i in range(len(message.headers)):
                if message.headers[i][0] == "route":
                    if rest.strip():
                        message.replace(i, b" " + rest.strip().encode())
                    else:
                        del message.headers[i]
                    break
