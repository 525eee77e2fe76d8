# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What a session writes: requests and responses within the call, its session timer in them."""

from vox6.sip.dialog import Dialog
from vox6.sip.message import Request, Response
from vox6.sip.transaction import ClientTransaction, ServerTransaction
from vox6.sip.transport import secure_contact
from vox6.sip.uri import URI
from vox6.sip.usages import Usages
from vox6.wire.errors import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from vox6.sip.account import Account
    from vox6.sip.agent import Agent
    from vox6.sip.refresh import Refresher
    from vox6.sip.transaction import ClientUser

    Headers = tuple[tuple[str, str], ...]


class Composing(Usages):
    """A part of Session, for its parts and for the modules of usages.py."""

    def __init__(self, agent: "Agent", request: Request, transport: str) -> None:
        super().__init__()
        self.agent = agent
        self.request = request
        self.transport = transport
        self.account: "Account | None" = None
        # Whose registrar brought a call to us: for Contact alone. Its caller may challenge our BYE
        # and would take the digest of a password home, so such a call has no account.
        self.reached_by: "Account | None" = None
        self.dialog: "Dialog | None" = None
        self.local_uri = ""
        self.local_tag = ""
        self._refresher: "Refresher | None" = None

    def local_user(self) -> "str | None":
        """Return the user part of our Contact."""
        try:
            return URI.parse(self.local_uri).user
        except FormatError:
            return None

    def contact_account(self) -> "Account | None":
        """Return the account that our Contact is for, None: our address alone."""
        return self.account or self.reached_by

    # -- requests and responses

    def create_request(self, method: str, dialog: Dialog) -> Request:
        """Return an INVITE or UPDATE within the dialog, without body and Via."""
        request = dialog.create_request(method)
        contact = self.agent.contact(self.local_user(), self.transport, self.contact_account())
        request.add("Contact", contact)
        self.agent.describe(request)
        if self._refresher is not None:
            self._refresher.describe(request)
        return request

    def create_response(
        self, request: Request, status: int, reason: "str | None" = None
    ) -> Response:
        """Return a response of ours to a request of this call."""
        response = request.response(status, reason, self.local_tag)
        if status < 300 and request.method in ("INVITE", "UPDATE"):
            if request.method == "INVITE":
                response.copy(request, "record-route")
            user = None
            try:
                user = request.uri.user
            except FormatError:
                user = None
            response.add(
                "Contact", self.agent.contact(user, self.transport, self.contact_account())
            )
            if self.transport == "TLS" and request.uri_text[:5].lower() == "sips:":
                secure_contact(response)
            self.agent.describe(response)
        self.agent.sign(response)
        return response

    def create_refusal(
        self, request: Request, code: int, reason: "str | None", headers: "Headers"
    ) -> Response:
        """Return a failure response; a 488 says something in Warning (section 13.3.1.3)."""
        response = self.create_response(request, code, reason)
        for name, value in headers:
            response.add(name, value)
        if (code == 488 or code == 606) and not response.count("warning"):
            text = '399 %s "Description not acceptable"' % self.agent.host_text()
            response.add("Warning", text)
        return response

    def retry(
        self,
        transaction: ClientTransaction,
        response: Response,
        answered: "list[str]",
        dialog: Dialog,
        user: "ClientUser",
        now: int,
    ) -> ClientTransaction:
        """Send a request within a dialog once more, with credentials for a 401 or 407.

        answered: the realms answered in this exchange, extended here. RemoteProtocolError,
        LocalProtocolError: it cannot be sent; nothing changed.
        """
        agent = self.agent
        request = agent.authenticate(transaction.request, response, self.account, answered)
        sequence = (dialog.local_sequence or 0) + 1  # others may have gone since
        request.set("CSeq", "%d %s" % (sequence, request.method))
        started = agent.start(request, transaction.peer, self.transport, user, now)
        dialog.local_sequence = sequence
        return started

    def invite_has(self, key: str, option: str) -> bool:
        """Return whether a header of the INVITE that lists tokens has one; malformed: no."""
        try:
            return option in self.request.tokens(key)
        except FormatError:
            return False

    def is_reliable(self, response: Response) -> bool:
        """Return whether a provisional response is to be acknowledged by PRACK (RFC 3262)."""
        try:
            return "100rel" in self.agent.extensions and "100rel" in response.tokens("require")
        except FormatError:
            return False

    def takes_body(self, response: Response) -> bool:
        """Return whether the body of a response is a description."""
        try:
            return response.content_type() in self.agent.accepts
        except FormatError:
            return False

    # -- session timer (RFC 4028)

    def refresher(self) -> "Refresher":
        """Return the session timer, made at its first use."""
        refresher = self._refresher
        if refresher is None:
            from vox6.sip.refresh import Refresher

            session: "Any" = self
            refresher = self._refresher = Refresher(session)
        return refresher

    def receive_interval(self, response: Response, now: int) -> None:
        """Take what the 2xx to an INVITE or UPDATE of ours says of the session timer."""
        wanted = "timer" in self.agent.extensions and response.count("session-expires")
        if wanted or self._refresher is not None:
            self.refresher().receive_success(response, now)

    def answer_interval(self, request: Request, response: Response, now: int) -> None:
        """Put the session timer into our 2xx to an INVITE or UPDATE."""
        if "timer" in self.agent.extensions:
            self.refresher().answer(request, response, now)

    def refuse_interval(self, transaction: ServerTransaction, now: int) -> bool:
        """Refuse an INVITE or UPDATE whose session interval is too small (422)."""
        request = transaction.request
        if "timer" not in self.agent.extensions:
            return False
        if not request.count("session-expires") and not request.count("min-se"):
            return False
        floor = self.refresher().get_refusal(request)
        if floor:
            headers = (("Min-SE", "%d" % floor),)
            transaction.respond(self.create_refusal(request, 422, None, headers), now)
        return floor > 0
