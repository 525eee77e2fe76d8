# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What a session offers beside the call itself; each one's module is loaded at its first use."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from vox6.sip.info import Sender
    from vox6.sip.session import Session


class Usages:
    """A part of Session.

    replaces: the session that ends when this incoming call is accepted; None without, and after.
    referred_by: the URI of who had the caller call, as it says, or empty.
    """

    def __init__(self) -> None:
        self.replaces: "Session | None" = None
        self.referred_by = ""
        self.refers = 0  # REFER requests received
        self._sender: "Sender | None" = None

    def refer(self, now: int, refer_to: str = "", replaces: "Session | None" = None) -> None:
        """Transfer the peer to a URI (RFC 3515, 5589). replaces: our call with the target.

        With replaces (attended transfer) refer_to may be empty: then it is the target's contact.
        `TransferProgressed` and `TransferDone` follow; the session itself stays, for our user to
        end it or to go on. LocalProtocolError: no standing call, or no SIP URI.
        """
        from vox6.sip import refer

        session: "Any" = self
        refer.transfer(session, now, refer_to, replaces)

    def info(self, now: int, content_type: str, body: bytes) -> None:
        """Send INFO with a body (RFC 6086); `InfoAnswered` follows for each, in their order.

        LocalProtocolError: no standing call, no local address, or too many wait.
        """
        if self._sender is None:
            from vox6.sip.info import Sender

            session: "Any" = self
            self._sender = Sender(session)
        self._sender.send(now, content_type, body)
