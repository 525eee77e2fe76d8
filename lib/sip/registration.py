# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Registrations (RFC 3261 section 10): made, refreshed, ended; what else they grant is in
features.py."""

from vox6.sip import binding, events
from vox6.sip.account import Account as Account
from vox6.sip.features import Features
from vox6.sip.message import Request, Response, reason_phrase
from vox6.sip.transport import is_reliable
from vox6.sip.uri import URI
from vox6.wire import const
from vox6.wire.errors import (
    AuthenticationError,
    FormatError,
    LocalProtocolError,
    RemoteProtocolError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.agent import Agent
    from vox6.sip.transaction import ClientTransaction, Transaction

    Peer = tuple[bytes, int]

_RETRY_FIRST = const(30000)  # ms until a failed registration is tried again, doubled each time
_RETRY_LAST = const(600000)
_MAX_EXPIRES = const(604800)  # a week: longer is taken as this
_MAX_TRIES = const(6)  # requests for one refresh: challenges, 423 and 439
_MAX_REDIRECTS = const(4)

REGISTERING = "Registering"
REGISTERED = "Registered"
UNREGISTERING = "Unregistering"
UNREGISTERED = "Unregistered"
FAILED = "Failed"


class Registration(Features):
    """One binding at a registrar: made by `Agent.register`, refreshed until `unregister`.

    state: a word above. expires: seconds granted last. peer, transport: where REGISTER goes, which
    may be changed before `start`. What the registrar grants besides: Features. The Call-ID stays
    and CSeq rises as long as it lives (section 10.2).
    """

    def __init__(self, agent: "Agent", account: Account, expires: int) -> None:
        if account.peer is None:
            raise LocalProtocolError("account without registrar")
        super().__init__(agent, account, account.peer)
        self.targets: "list[tuple[Peer, str]]" = []
        self.request_uri = account.registrar_uri
        self.state = REGISTERING
        self.wanted = expires
        self.expires = 0
        self.call_id = agent.layer.token(12)
        self._tag = agent.layer.token(4)
        self._sequence = 0
        self._transaction: "ClientTransaction | None" = None
        self._answered: "list[str]" = []
        self._tries = 0
        self._redirects = 0
        self._failures = 0  # in a row
        self._retry = _RETRY_FIRST
        self._again = False
        self._contact = ""
        self._old_contact = ""

    def debug(self) -> str:
        """Return one line for people."""
        return "%s %s %d s" % (self.account.uri, self.state, self.expires)

    def is_registered(self) -> bool:
        """Return whether the registrar holds our binding, as far as we know."""
        return self.state == REGISTERED or (self.state == REGISTERING and self.expires > 0)

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

    def redirect(self, peer: "Peer", transport: str, now: int) -> None:
        """Go on where the name of `RegistrationRedirected` leads."""
        self.peer = peer
        self.transport = transport
        self.start(now)

    def readdress(self, now: int) -> None:
        """Our address has changed: bind the new one and drop the old."""
        self._end_flow()
        if self.state == UNREGISTERED or self.state == UNREGISTERING:
            return
        if self._contact and not self._old_contact:
            self._old_contact = self._contact
        if self._transaction is not None:  # its response would go to the old address
            self.agent.layer.remove(self._transaction)
            self._transaction = None
        self.start(now)

    # -- the request

    def _send(self, now: int) -> None:
        request = Request("REGISTER", self.request_uri)
        request.add("Max-Forwards", "70")
        who = self.agent.local_name(self.account)
        request.add("From", who + ";tag=" + self._tag)
        request.add("To", who)
        request.add("Call-ID", self.call_id)
        self._sequence += 1
        request.add("CSeq", "%d REGISTER" % self._sequence)
        expires = 0 if self.state == UNREGISTERING else self.wanted
        try:
            self._contact = self.agent.contact_address(self.account.user, self.transport)
            request.add(
                "Contact", self._contact + self._contact_params() + ";expires=%d" % expires
            )
            if self._old_contact and self._old_contact != self._contact:
                # an outbound registrar replaces what has our instance and reg-id by itself
                if not self.is_outbound:
                    request.add("Contact", self._old_contact + ";expires=0")
            self.agent.describe(request)
            request.set("Supported", ", ".join(self._supported()))
            self.agent.authorize(request, self.account)
            first = (self.peer, self.transport)
            self.targets = [one for one in self.account.targets if one != first]
            self._start(request, now)
        except LocalProtocolError:
            self._fail(503, "", None, now)

    def _start(self, request: Request, now: int) -> None:
        self._transaction = self.agent.start(request, self.peer, self.transport, self, now)

    # -- the response

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
            self._succeed(transaction.request, response, now)
            return
        if status < 400 and self.state == REGISTERING and self._redirect(response, now):
            return
        if (status == 401 or status == 407) and self._tries < _MAX_TRIES:
            try:
                retry = self.agent.authenticate(
                    transaction.request, response, self.account, self._answered
                )
                self._sequence = retry.cseq.number
                self._start(retry, now)
                return
            except (RemoteProtocolError, LocalProtocolError):
                pass  # the refusal stands
        if self.state == REGISTERING and self._tries < _MAX_TRIES:
            if status == 423 and self._take_minimum(response):
                self._send(now)
                return
            if status == 439 and self._asks_outbound:  # RFC 5626 section 11.6
                self._asks_outbound = False
                self._send(now)
                return
        self._fail(status, response.reason, response.retry_after(), now, response)

    def _take_minimum(self, response: Response) -> bool:
        """Ask for as long as a 423 wants, if that is longer than before (section 10.2.8)."""
        try:
            minimum = response.number("min-expires") or 0
        except FormatError:
            return False
        if not self.wanted < minimum <= _MAX_EXPIRES:
            return False
        self.wanted = minimum
        return True

    def _redirect(self, response: Response, now: int) -> bool:
        """Follow a 3xx (section 8.1.3.4): at once to an address, by our user to a name."""
        if self._redirects >= _MAX_REDIRECTS:
            return False
        try:
            secure = self.account.uri[:5].lower() == "sips:"
            best = binding.choose_redirection(response, secure)
            peer = None if best is None else best.peer()
        except FormatError:
            self.agent.layer.count("malformed_responses")
            return False
        if best is None:
            return False
        self._redirects += 1
        self.request_uri = str(URI(best.scheme, best.user, best.host, best.port, best.params))
        if peer is None:
            self.agent.layer.timers.set(self, "retry", now + _RETRY_FIRST)
            self.agent.emit(events.RegistrationRedirected(self, self.request_uri))
            return True
        self.peer = peer
        transport = best.get("transport")
        if best.scheme == "sips":
            self.transport = "TLS"
        elif transport and transport.upper() in ("UDP", "TCP", "TLS"):
            self.transport = transport.upper()
        self._answered = []
        self._send(now)
        return True

    def handle_failure(self, transaction: "Transaction", status: int, now: int) -> None:
        """Take the news that the registrar did not answer (from the transaction)."""
        if transaction is self._transaction:
            self._transaction = None
            if self._again:
                self.start(now)
            else:
                self._fail(status, "", None, now)

    def _succeed(self, request: Request, response: Response, now: int) -> None:
        try:
            if self.account.password:
                digest = self.account.digest(self.agent.crypto, self.agent.random)
                digest.receive_info(response)
        except AuthenticationError as error:  # this is not who knows our password
            self.agent.layer.count("wrong_rspauth")
            self._fail(error.code, error.reason, None, now)
            return
        self._retry = _RETRY_FIRST
        self._old_contact = ""
        sent = request.contact()
        if sent is not None:
            self._contact = "<" + sent.uri_text + ">"
        if self.state == UNREGISTERING:
            self.state = UNREGISTERED
            self.expires = 0
            self.agent.forget_registration(self)
            self.agent.emit(events.Unregistered(self))
            return
        try:
            instance = self.account.instance_id if self._asks_outbound else ""
            contact = binding.find(request, response, instance, self.account.reg_id)
            self.expires = binding.get_expires(contact, response, self.wanted)
            self.expires = min(self.expires, _MAX_EXPIRES)
        except FormatError:
            self.agent.layer.count("malformed_responses")
            contact = None
            self.expires = self.wanted
        if self.expires <= 0:  # the registrar said yes and holds nothing
            self._fail(500, "no binding", None, now)
            return
        self.state = REGISTERED
        self._take_features(contact, response, now)
        if self.flow is None or not self.flow.answers:
            self._failures = 0  # else the first answer to a ping shows that the flow is good
        # refreshed with a tenth or 32 s (timer F) in hand, whichever is longer, but at half time
        # at the earliest
        margin = max(self.expires // 10, 32)
        delay = max(self.expires - margin, self.expires // 2, 1)
        self.agent.layer.timers.set(self, "refresh", now + 1000 * delay)
        self.agent.emit(events.Registered(self, self.expires))

    def get_contact(self) -> str:
        """Return the Contact for dialogs under this registration, "" if our address will do.

        A GRUU (RFC 5627 section 4.4), or our address with "ob" (RFC 5626 section 4.3).
        """
        return self._get_contact() if self.state == REGISTERED else ""

    def _begin_flow(self, answers: bool, interval: int, now: int) -> None:
        from vox6.sip.flow import Flow

        self.flow = Flow(self, answers, interval)
        self.flow.start(now)

    # -- failure

    def _fail(
        self,
        status: int,
        reason: str,
        after: "int | None",
        now: int,
        response: "Response | None" = None,
    ) -> None:
        leaving = self.state == UNREGISTERING
        self.expires = 0
        self.state = UNREGISTERED if leaving else FAILED
        proven = self.flow is not None and self.flow.is_proven
        self._failures = 1 if proven else self._failures + 1
        if status != 503 or after is None:  # a flow stays while its server asks for patience
            self._end_flow()
        self.request_uri = self.account.registrar_uri
        if self._redirects and self.account.peer is not None:
            self._redirects = 0
            self.peer = self.account.peer
            self.transport = self.account.transport
        retry = None
        if leaving:
            self.agent.forget_registration(self)
        elif status in (408, 480, 500, 502, 503, 504) or after is not None:
            retry = self._retry_delay(after)
            self.agent.layer.timers.set(self, "retry", now + retry)
        self.agent.emit(
            events.RegistrationFailed(
                self, status, reason or reason_phrase(status), retry, response
            )
        )

    def _retry_delay(self, after: "int | None") -> int:
        least = 0 if after is None else min(max(1000 * after, 1000), _RETRY_LAST)
        if self._asks_outbound:
            from vox6.sip.flow import get_recovery_delay

            # Retry-After of a first failure is the server's word; later ones only lengthen
            if after is not None and self._failures <= 1:
                return least
            return max(least, get_recovery_delay(self, self._failures))
        retry = least or self._retry
        self._retry = min(2 * self._retry, _RETRY_LAST)
        return retry

    def handle_flow_failure(self, reason: str, now: int) -> None:
        """Take the news that the flow is dead: a new one is formed (RFC 5626 section 4.5).

        At once if it has carried a keepalive, else after the time for failures.
        """
        flow = self.flow
        if self.state != REGISTERED and flow is None:
            return
        self.agent.layer.count("flow_failures")
        proven = flow is None or not flow.answers or flow.is_proven
        self._end_flow()
        self.agent.emit(events.FlowFailed(self, reason))
        if self.state != REGISTERED:
            return
        if proven:
            self._failures = 0
            self.start(now)
        else:
            self._fail(503, reason, None, now)

    def handle_transport_error(self, peer: "Peer", transport: str, now: int) -> None:
        """Take the news that a connection is lost or a peer is unreachable (from the agent)."""
        if (peer, transport) == (self.peer, self.transport) and self._transaction is None:
            if is_reliable(transport) or self.is_outbound:
                self.handle_flow_failure("unreachable", now)

    def end(self) -> None:
        """Stop all timers (from the agent, which forgets us)."""
        self._end_flow()
        self.agent.layer.timers.cancel(self)

    def handle_timer(self, name: str, now: int) -> None:
        """Take the firing of a timer: refresh or retry."""
        self.start(now)
