# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Accounts and registrations (RFC 3261 section 10)."""

from vox6.sip import events
from vox6.sip.auth import DigestClient
from vox6.sip.headers import parse_number
from vox6.sip.message import Request, Response, reason_phrase
from vox6.sip.uri import URI
from vox6.wire import const
from vox6.wire.errors import FormatError, LocalProtocolError, RemoteProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from vox6.sip.agent import Agent
    from vox6.sip.auth import Crypto
    from vox6.sip.transaction import ClientTransaction, Transaction

    Peer = tuple[bytes, int]

_RETRY_FIRST = const(30000)  # ms until a failed registration is tried again, doubled each time
_RETRY_LAST = const(600000)
_MAX_EXPIRES = const(604800)  # a week: longer is taken as this
_MAX_TRIES = const(6)  # requests for one refresh: challenges and 423

REGISTERING = "Registering"
REGISTERED = "Registered"
UNREGISTERING = "Unregistering"
UNREGISTERED = "Unregistered"
FAILED = "Failed"


class Account:
    """Who we are at a provider.

    uri: the address of record, "sip:user@domain". auth_user, password: for digest.
    registrar_uri: the Request-URI of REGISTER, "sip:domain" if empty. peer: (addr16, port) of the
    registrar or outbound proxy, None if the account does not register.
    """

    def __init__(
        self,
        uri: str,
        auth_user: str = "",
        password: str = "",
        display_name: str = "",
        registrar_uri: str = "",
        peer: "Peer | None" = None,
    ) -> None:
        try:
            parsed = URI.parse(uri)
        except FormatError:
            raise LocalProtocolError("bad account URI")
        if parsed.scheme != "sip" and parsed.scheme != "sips":
            raise LocalProtocolError("bad account URI")
        self.uri = uri
        self.user = parsed.user or ""
        self.auth_user = auth_user or self.user
        self.password = password
        self.display_name = display_name
        if not registrar_uri:
            registrar_uri = str(URI(parsed.scheme, None, parsed.host, parsed.port))
        self.registrar_uri = registrar_uri
        self.peer = peer
        self._digest: "DigestClient | None" = None

    def digest(self, crypto: "Crypto", random: "Callable[[int], bytes]") -> DigestClient:
        """Return the account's digest client, made at first use."""
        if self._digest is None:
            self._digest = DigestClient(crypto, random, self.auth_user, self.password)
        return self._digest


class Registration:
    """One binding at a registrar: made by `Agent.register`, refreshed until `unregister`.

    state: a word above. expires: seconds granted last. The Call-ID stays and CSeq rises as long
    as it lives (section 10.2).
    """

    def __init__(self, agent: "Agent", account: Account, expires: int) -> None:
        if account.peer is None:
            raise LocalProtocolError("account without registrar")
        self.agent = agent
        self.account = account
        self.peer = account.peer
        self.state = REGISTERING
        self.wanted = expires
        self.expires = 0
        self.call_id = agent.layer.token(12)
        self._tag = agent.layer.token(4)
        self._sequence = 0
        self._transaction: "ClientTransaction | None" = None
        self._answered: "list[str]" = []
        self._tries = 0
        self._retry = _RETRY_FIRST
        self._again = False
        self._contact = ""
        self._old_contact = ""

    def debug(self) -> str:
        """Return one line for people."""
        return "%s %s %d s" % (self.account.uri, self.state, self.expires)

    def start(self, now: int) -> None:
        """Register or refresh now; after what is under way (RFC 3261 section 10.2)."""
        self.agent.layer.timers.cancel(self)
        if self._transaction is not None:
            self._again = True
            return
        self._again = False
        self._answered = []
        self._tries = 0
        if self.state != UNREGISTERING:
            self.state = REGISTERING
        self._send(now)

    def unregister(self, now: int) -> None:
        """Take the binding back; `Unregistered` or `RegistrationFailed` follows."""
        if self.state == UNREGISTERED or self.state == UNREGISTERING:
            return
        self.state = UNREGISTERING
        self.start(now)

    def readdress(self, now: int) -> None:
        """Our address has changed: bind the new one and drop the old."""
        if self.state == UNREGISTERED or self.state == UNREGISTERING:
            return
        if self._contact and not self._old_contact:
            self._old_contact = self._contact
        if self._transaction is not None:  # its response would go to the old address
            self.agent.layer.remove(self._transaction)
            self._transaction = None
        self.start(now)

    def _send(self, now: int) -> None:
        request = Request("REGISTER", self.account.registrar_uri)
        request.add("Max-Forwards", "70")
        who = self.agent.local_name(self.account)
        request.add("From", who + ";tag=" + self._tag)
        request.add("To", who)
        request.add("Call-ID", self.call_id)
        self._sequence += 1
        request.add("CSeq", "%d REGISTER" % self._sequence)
        expires = 0 if self.state == UNREGISTERING else self.wanted
        try:
            self._contact = self.agent.contact(self.account.user, "UDP")
            request.add("Contact", self._contact + ";expires=%d" % expires)
            if self._old_contact and self._old_contact != self._contact:
                request.add("Contact", self._old_contact + ";expires=0")
            self.agent.describe(request)
            self.agent.authorize(request, self.account)
            self._transaction = self.agent.start(request, self.peer, "UDP", self, now)
        except LocalProtocolError:
            self._fail(503, "", None, now)

    def handle_response(
        self, transaction: "ClientTransaction", response: Response, now: int
    ) -> None:
        """Take a response to REGISTER (from the transaction)."""
        status = response.status
        if transaction is not self._transaction or status < 200:
            return
        self._transaction = None
        if self._again:
            self.start(now)
            return
        self._tries += 1
        if status < 300:
            self._succeed(response, now)
            return
        if (status == 401 or status == 407) and self._tries < _MAX_TRIES:
            try:
                retry = self.agent.authenticate(
                    transaction.request, response, self.account, self._answered
                )
                self._sequence = retry.cseq.number
                self._transaction = self.agent.start(retry, self.peer, "UDP", self, now)
                return
            except (RemoteProtocolError, LocalProtocolError):
                pass  # the refusal stands
        if status == 423 and self._tries < _MAX_TRIES and self.state == REGISTERING:
            try:
                minimum = response.number("min-expires") or 0
            except FormatError:
                minimum = 0
            if self.wanted < minimum <= _MAX_EXPIRES:
                self.wanted = minimum
                self._send(now)
                return
        self._fail(status, response.reason, response.retry_after(), now)

    def handle_failure(self, transaction: "Transaction", status: int, now: int) -> None:
        """Take the news that the registrar did not answer (from the transaction)."""
        if transaction is self._transaction:
            self._transaction = None
            if self._again:
                self.start(now)
            else:
                self._fail(status, "", None, now)

    def _succeed(self, response: Response, now: int) -> None:
        self._retry = _RETRY_FIRST
        self._old_contact = ""
        self.agent.digest_info(self.account, response)
        if self.state == UNREGISTERING:
            self.state = UNREGISTERED
            self.expires = 0
            self.agent.forget_registration(self)
            self.agent.emit(events.Unregistered(self))
            return
        try:
            self.expires = min(self._granted(response), _MAX_EXPIRES)
        except FormatError:
            self.agent.layer.count("malformed_responses")
            self.expires = self.wanted
        if self.expires <= 0:  # the registrar said yes and holds nothing
            self._fail(500, "no binding", None, now)
            return
        self.state = REGISTERED
        # refreshed with a tenth or 32 s (timer F) in hand, whichever is longer, but at half time
        # at the earliest
        margin = max(self.expires // 10, 32)
        delay = max(self.expires - margin, self.expires // 2, 1)
        self.agent.layer.timers.set(self, "refresh", now + 1000 * delay)
        self.agent.emit(events.Registered(self, self.expires))

    def _granted(self, response: Response) -> int:
        """Return the seconds given to our contact (section 10.2.4)."""
        mine = URI.parse(self._contact.strip("<>"))
        for contact in response.contacts():
            try:
                same = contact.uri.matches(mine)
            except FormatError:
                continue
            if same:
                text = contact.get("expires")
                if text is not None:
                    return parse_number(text)
                break
        else:
            if response.count("contact"):
                return 0
        expires = response.number("expires")
        return self.wanted if expires is None else expires

    def _fail(self, status: int, reason: str, after: "int | None", now: int) -> None:
        leaving = self.state == UNREGISTERING
        self.expires = 0
        self.state = UNREGISTERED if leaving else FAILED
        retry = None
        if leaving:
            self.agent.forget_registration(self)
        elif status in (408, 480, 500, 502, 503, 504) or after is not None:
            retry = self._retry if after is None else min(max(1000 * after, 1000), _RETRY_LAST)
            self._retry = min(2 * self._retry, _RETRY_LAST)
            self.agent.layer.timers.set(self, "retry", now + retry)
        self.agent.emit(
            events.RegistrationFailed(self, status, reason or reason_phrase(status), retry)
        )

    def handle_timer(self, name: str, now: int) -> None:
        """Take the firing of a timer: refresh or retry."""
        self.start(now)
