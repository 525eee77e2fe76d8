# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Requests of ours: made, stamped, sent, and made again for challenges (RFC 3261 8.1 and 22)."""

from vox6.sip.headers import format_params
from vox6.sip.identity import Identity
from vox6.sip.layer import Layer
from vox6.sip.message import Request, Response
from vox6.sip.transaction import MAGIC_COOKIE, ClientTransaction
from vox6.sip.transport import (
    MAX_UDP_OCTETS,
    compact,
    default_port,
    is_secure,
    replace_top_via,
    secure_contact,
)
from vox6.sip.uri import URI, host_text
from vox6.wire.errors import AuthenticationError, FormatError, LocalProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from vox6.sip.auth import Crypto
    from vox6.sip.dialog import Dialog
    from vox6.sip.registration import Account
    from vox6.sip.transaction import ClientUser, Transaction

    Peer = tuple[bytes, int]


class _Unheeded:
    """The user of a request whose outcome does not matter."""

    def handle_response(
        self, transaction: ClientTransaction, response: Response, now: int
    ) -> None:
        """Take a response."""

    def handle_failure(self, transaction: "Transaction", status: int, now: int) -> None:
        """Take the lack of one."""


class Requesting(Identity):
    """A part of Agent; see there. layer: all transactions, which sends for us."""

    def __init__(
        self,
        crypto: "Crypto",
        random: "Callable[[int], bytes]",
        layer: Layer,
        user_agent: str,
        user: str,
        display_name: str,
        accepts: "tuple[str, ...]",
    ) -> None:
        super().__init__(user_agent, user, display_name, accepts)
        self.crypto = crypto
        self.random = random
        self.layer = layer
        self.layer.restamp = self.restamp
        self.layer.restamp_contact = self.restamp_contact
        self.streams = False
        self._unheeded = _Unheeded()

    def stamp(self, request: Request, transport: str) -> None:
        """Put our Via with a new branch on top of a request (RFC 3261 section 8.1.1.7)."""
        local = self._address()
        sent_by = host_text(local[0])
        if local[1] != default_port(transport):
            sent_by += ":%d" % local[1]
        branch = MAGIC_COOKIE + self.layer.token(8)
        request.add_first("Via", "SIP/2.0/%s %s;branch=%s;rport" % (transport, sent_by, branch))

    def start(
        self, request: Request, peer: "Peer", transport: str, user: "ClientUser", now: int
    ) -> ClientTransaction:
        """Stamp and send a request in a transaction of its own.

        LocalProtocolError: what is for sips would not go by TLS, or there are too many.

        A user's `targets` follow when it fails, unless it is within a dialog; its `peer` and
        `transport` are then set to the one that it goes to.
        """
        targets: "list[tuple[Peer, str]]" = getattr(user, "targets", [])
        if is_secure(request):
            if transport != "TLS":
                raise LocalProtocolError("sips goes by TLS")
            secure_contact(request)
            targets[:] = [target for target in targets if target[1] == "TLS"]
        self.stamp(request, transport)
        if not request.count("user-agent"):
            self.sign(request)
        large = self.streams and transport == "UDP" and peer not in self.layer.without_tcp
        large = large and len(request.emit()) > MAX_UDP_OCTETS
        if large:
            compact(request)
            large = len(request.emit()) > MAX_UDP_OCTETS
        if large:
            self.restamp(request, "TCP")
        transaction = self.layer.open_client(request, peer, "TCP" if large else transport, user)
        transaction.wanted = transport
        transaction.large = transaction.fallback = large
        if request.to.tag is None:
            transaction.targets = targets
        transaction.start(now)
        return transaction

    def restamp(self, request: Request, transport: str) -> None:
        """Put a Via with a new branch in place of our old one."""
        replace_top_via(request, None)
        self.stamp(request, transport)

    def restamp_contact(self, request: Request, old: str, new: str) -> None:
        """Let the Contact that we have put into a request name another transport."""
        contact = request.contact()
        if old == new or contact is None:
            return
        user = contact.uri.user
        if "<" + contact.uri_text + ">" == self.contact_address(user, old):
            contact_text = self.contact_address(user, new)
            request.set("Contact", contact_text + format_params(contact.params))

    def send_unheeded(
        self,
        request: Request,
        dialog: "Dialog",
        transport: str,
        account: "Account | None",
        now: int,
    ) -> None:
        """Send a request within a dialog whose outcome does not matter."""
        try:
            self.authorize(request, account)
            self.start(request, dialog.next_hop(), transport, self._unheeded, now)
        except LocalProtocolError:
            self.layer.count("refused_commands")

    def authorize(self, request: Request, account: "Account | None") -> None:
        """Put the credentials into a request that earlier challenges ask for."""
        if account is not None and account.password:
            account.digest(self.crypto, self.random).authorize(request)

    def authenticate(
        self,
        request: Request,
        response: Response,
        account: "Account | None",
        answered: "list[str]",
    ) -> Request:
        """Return a request anew with credentials for a 401 or 407 (RFC 3261 section 22.2).

        answered: the realms answered in this exchange, extended here. CSeq is one higher, the
        Via is missing. AuthenticationError: there is nothing to answer with.
        """
        if account is None or not account.password:
            raise AuthenticationError("no credentials", response.status)
        digest = account.digest(self.crypto, self.random)
        marks = digest.receive_challenge(request, response, answered)
        answered.clear()
        answered.extend(marks)
        retry = self.copy_request(request)
        digest.authorize(retry)
        return retry

    def copy_request(self, request: Request) -> Request:
        """Return a request to be sent once more: CSeq is one higher, the Via is missing."""
        retry = Request(request.method, request.uri_text)
        for header in request.headers:
            if header[0] != "via" and header[0] != "content-length":
                retry.headers.append(header)
        retry.body = request.body
        retry.set("CSeq", "%d %s" % (request.cseq.number + 1, request.method))
        return retry

    def digest_info(self, account: "Account", response: Response) -> None:
        """Take what a 2xx says about the next nonce; nothing of a server with a wrong rspauth."""
        if account.password:
            try:
                account.digest(self.crypto, self.random).receive_info(response)
            except AuthenticationError:
                self.layer.count("wrong_rspauth")

    def create_request(self, method: str, uri_text: str, account: "Account | None") -> Request:
        """Return a request outside of dialogs, without Via (RFC 3261 section 8.1.1)."""
        try:
            uri = URI.parse(uri_text)
        except FormatError:
            raise LocalProtocolError("not a URI")
        if uri.scheme != "sip" and uri.scheme != "sips":
            raise LocalProtocolError("not a SIP URI")
        if uri.headers is not None:
            raise LocalProtocolError("URI with headers")
        request = Request(method, uri_text)
        request.add("Max-Forwards", "70")
        request.add("From", self.local_name(account) + ";tag=" + self.layer.token(4))
        request.add("To", "<" + uri_text + ">")
        request.add("Call-ID", self.layer.token(12))
        number = self.random(2)
        request.add("CSeq", "%d %s" % (1 + (number[0] << 8 | number[1]), method))
        for route in self._service_route(account):
            request.add("Route", route)
        return request

    def _service_route(self, account: "Account | None") -> "list[str]":
        """Return the routes that an account's requests take (RFC 3608 section 5)."""
        if account is not None:
            for registration in self.registrations:
                if registration.account is account and registration.service_route:
                    return registration.service_route
        return []
