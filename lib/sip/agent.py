# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The user agent: one engine for calls, registrations and OPTIONS (RFC 3261 sections 8 to 15).

agent = Agent(crypto, crypto.random)
agent.set_local(addr16, 5060, now)
session = agent.invite("sip:anna@[2001:db8::2]", (addr16_of_anna, 5060), now, offer)
for data, peer, transport in agent.datagrams_to_send(): ...
event = agent.next_event()
"""

from vox6.sip import incoming
from vox6.sip.headers import format_params, quote
from vox6.sip.layer import Layer
from vox6.sip.message import Message, Request, Response, parse
from vox6.sip.registration import Account, Registration
from vox6.sip.session import Session
from vox6.sip.state import TERMINATED
from vox6.sip.transaction import MAGIC_COOKIE, T1, T2, T4, ClientTransaction
from vox6.sip.transport import (
    MAX_UDP_OCTETS,
    default_port,
    is_secure,
    replace_top_via,
    same_host,
    secure_contact,
)
from vox6.sip.uri import URI, escape, host_text
from vox6.wire import const
from vox6.wire.errors import (
    AuthenticationError,
    FormatError,
    LocalProtocolError,
    RemoteProtocolError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from vox6.sip import events
    from vox6.sip.auth import Crypto
    from vox6.sip.dialog import Dialog
    from vox6.sip.incoming import Handler
    from vox6.sip.rate import Rate
    from vox6.sip.subscriber import Subscriber
    from vox6.sip.subscription import Subscription
    from vox6.sip.transaction import ClientUser, Transaction

    Peer = tuple[bytes, int]
    Headers = tuple[tuple[str, str], ...]
    Targets = tuple[tuple[Peer, str], ...] | list[tuple[Peer, str]]

_MAX_EVENTS = const(64)  # the driver takes them after every call
_MAX_REGISTRATIONS = const(8)
_MAX_ENDED = const(8)  # dialogs that have just ended, told from those that never were

MAX_TARGETS = 7  # tried after the first: eight of 4 s fill one transaction's time
INVITE_EXPIRES = 180  # s a call of ours may ring, as long as timer C lets it at proxies


class _Unheeded:
    """The user of a request whose outcome does not matter."""

    def handle_response(
        self, transaction: ClientTransaction, response: Response, now: int
    ) -> None:
        """Take a response."""

    def handle_failure(self, transaction: "Transaction", status: int, now: int) -> None:
        """Take the lack of one."""


class Agent:
    """A SIP user agent without sockets and clock (style.md section 2).

    crypto: a vox6.crypto provider. random: random(n) returns n random octets. user_agent: text of
    User-Agent and Server. user, display_name: who we are in calls without account.
    accepts: media types of bodies that the user understands. max_sessions, max_transactions:
    bounds; more is answered 503. t1, t2, t4: RFC 3261's, in ms.

    streams: set it when the driver can do TCP; then large requests go by it (section 18.1.1).
    min_se_s: the shortest session timer that we take (RFC 4028), at least 90.

    What we say that we can is what these lists hold at that time: methods (of incoming.MODULES;
    take out what shall be answered 405), extensions (option tags), packages (events that our user
    serves to subscribers). unsolicited: events whose NOTIFY we take unasked for from where an
    account is registered, at best ["message-summary"]. replaces_policy: who may take a call over
    by Replaces (see replaces.py). info_types: media types that the user takes in INFO.
    """

    def __init__(
        self,
        crypto: "Crypto",
        random: "Callable[[int], bytes]",
        user_agent: str = "vox6",
        user: str = "phone",
        display_name: str = "",
        accepts: "tuple[str, ...]" = ("application/sdp",),
        max_sessions: int = 8,
        max_transactions: int = 32,
        t1: int = T1,
        t2: int = T2,
        t4: int = T4,
    ) -> None:
        self.crypto = crypto
        self.random = random
        self.user_agent = user_agent
        self.user = user
        self.display_name = display_name
        self.accepts = accepts
        self.methods = [
            "INVITE",
            "ACK",
            "CANCEL",
            "BYE",
            "OPTIONS",
            "PRACK",
            "UPDATE",
            "REFER",
            "NOTIFY",
            "SUBSCRIBE",
            "MESSAGE",
            "INFO",
        ]
        self.extensions = ["100rel", "timer", "199", "replaces", "norefersub", "tdialog"]
        self._reliable = "supported"
        self._session_expires_s = 1800
        self.min_se_s = 90
        self.packages: "list[str]" = []
        self.unsolicited: "list[str]" = []
        self.replaces_policy = "dialog"
        self.info_types = ("application/dtmf-relay", "application/dtmf")
        self.handlers: "dict[str, Handler]" = {}  # of incoming.MODULES, once imported
        self.max_sessions = max_sessions
        self.layer = Layer(random, max_transactions, t1, t2, t4)
        self.layer.restamp = self.restamp
        self.layer.restamp_contact = self.restamp_contact
        self.streams = False
        self.sessions: "dict[str, Session]" = {}
        self.registrations: "list[Registration]" = []
        self.subscriptions: "list[Subscription]" = []
        self.ended_dialogs: "list[tuple[str, str, str]]" = []  # the last, for replaces.py
        self.counters = self.layer.counters
        self._local: "Peer | None" = None
        self._last_local: "Peer | None" = None  # stands in while there is none
        self._events: "list[events.Event]" = []
        self.secret = 0  # of options.py, drawn at first use
        self.questions: "Rate | None" = None  # how often strangers may ask (options.py)
        self.paging: "Rate | None" = None  # and send texts (paging.py)
        self._unheeded = _Unheeded()

    # -- policies

    @property
    def reliable(self) -> str:
        """Return how we hold it with reliable provisional responses (RFC 3262).

        "supported" (the default); "required": calls of ours insist on them, callers who do not
        know them are answered 421; "off": neither offered nor taken.
        """
        return self._reliable

    @reliable.setter
    def reliable(self, policy: str) -> None:
        if policy not in ("supported", "required", "off"):
            raise LocalProtocolError("not a policy")
        self._reliable = policy
        self._extend("100rel", policy != "off")

    @property
    def session_expires_s(self) -> int:
        """Return the session timer that we ask for in s (RFC 4028), 0: no session timers."""
        return self._session_expires_s

    @session_expires_s.setter
    def session_expires_s(self, seconds: int) -> None:
        self._session_expires_s = seconds
        self._extend("timer", seconds > 0)

    def _extend(self, option: str, able: bool) -> None:
        if able and option not in self.extensions:
            self.extensions.append(option)
        elif not able and option in self.extensions:
            self.extensions.remove(option)

    # -- the verbs of an engine

    def receive_datagram(
        self, data: bytes, peer: "Peer", now: int, transport: str = "UDP"
    ) -> None:
        """Take one datagram, or one whole message of a stream (see StreamFramer)."""
        self.layer.count("received")
        line = not data.strip(b"\r\n\x00")
        for registration in self.registrations:
            if registration.flow is not None:
                from vox6.sip import flow

                flow.receive(self.registrations, data, peer, transport, now)
                break
        if line or data[0] < 2:  # RFC 5626 section 8: no SIP message begins so
            self.layer.count("keepalives")
            if data == b"\r\n\r\n" and transport != "UDP":
                self.layer.send(b"\r\n", peer, transport)
            return
        request = None
        try:
            message = parse(data)
            if isinstance(message, Response):
                try:
                    message.check()
                    self.layer.receive_response(message, now)
                except FormatError:
                    self.layer.count("malformed_responses")
                return
            request = message
            request.check()
        except FormatError as error:
            incoming.answer_malformed(self, data, peer, transport, error)
            return
        taken = incoming.Incoming(self, request, peer, transport)
        try:
            if not self.layer.receive_request(request, peer, now):
                incoming.receive(taken, now)
        except RemoteProtocolError as error:  # in a header that is read only when needed
            self.layer.count("malformed_requests")
            taken.refuse(now, error.code, error.reason)

    def handle_timer(self, now: int) -> None:
        """Fire what is due at now."""
        self.layer.timers.handle(now)

    def get_timer(self) -> "int | None":
        """Return when handle_timer is to be called next, None if never."""
        return self.layer.timers.next()

    def datagrams_to_send(self) -> "list[tuple[bytes, Peer, str]]":
        """Return and forget what is to be sent: (octets, peer, transport)."""
        output = self.layer.output
        if output:
            self.layer.output = []
        return output

    def next_event(self) -> "events.Event | None":
        """Return and forget the oldest event, None if there is none."""
        return self._events.pop(0) if self._events else None

    def handle_transport_error(self, peer: "Peer", now: int, transport: str = "UDP") -> None:
        """Take the news that a peer cannot be reached (ICMP error, refused connection)."""
        self.layer.count("transport_errors")
        self.layer.handle_transport_error(peer, transport, now)
        for registration in list(self.registrations):
            registration.handle_transport_error(peer, transport, now)

    def set_local(self, addr16: "bytes | None", port: int, now: int) -> None:
        """Take our address as peers reach it; None: there is none now.

        Registrations follow at once, open requests are shown to come from there. Calls stay;
        session.reinvite() tells the peer.
        """
        local = None if addr16 is None else (addr16, port)
        if local == self._local:
            return
        self._local = local
        if local is not None:
            moved = self._last_local is not None and self._last_local != local
            self._last_local = local
            if moved:
                self.layer.readdress(now)
            for registration in list(self.registrations):
                registration.readdress(now)
            for subscription in list(self.subscriptions):
                subscription.readdress(now)

    def debug(self) -> str:
        """Return one line for people."""
        return "sip: %d sessions, %d subscriptions, %d+%d transactions, %d timers, %s" % (
            len(self.sessions),
            len(self.subscriptions),
            len(self.layer.clients),
            len(self.layer.servers),
            len(self.layer.timers),
            " ".join(["%s=%d" % item for item in sorted(self.counters.items())]),
        )

    # -- commands

    def invite(
        self,
        to_uri: str,
        peer: "Peer",
        now: int,
        body: bytes = b"",
        content_type: str = "application/sdp",
        account: "Account | None" = None,
        headers: "Headers" = (),
        transport: str = "UDP",
        targets: "Targets" = (),
        replaces: "Session | str | None" = None,
        referred_by: str = "",
        follows: "Session | None" = None,
    ) -> Session:
        """Call a URI by way of a peer; body: our offer, or empty to get theirs with the 2xx.

        follows: the failed call of ours whose redirection this one follows: To, From and Call-ID
        stay, CSeq rises (RFC 3261 section 8.1.3.4; redirection.py says where to go).

        replaces: the callee's call that ours shall stand for (RFC 3891): a session of ours with
        it, or the value of a Replaces header. referred_by: who had us call, as a name-addr.
        targets: (peer, transport) to try when that one fails, in order (RFC 3263 section 4.3).

        LocalProtocolError: no SIP URI, no local address, or too many calls.
        """
        if len(self.sessions) >= self.max_sessions:
            raise LocalProtocolError("too many sessions")
        if self._local is None:
            raise LocalProtocolError("no local address")
        request = self.create_request("INVITE", to_uri, account)
        if follows is not None:
            if follows.inviting is None or follows.state != TERMINATED:
                raise LocalProtocolError("not a failed call of ours")
            follows.inviting.pass_on(request)
        user = self.contact_user(account)
        request.add("Contact", self.contact(user, transport, account))
        self.describe(request)
        if self._reliable == "required":
            request.add("Require", "100rel")
        # a callee whose responses never reach us must not ring for ever (RFC 3261 section 13.2.1)
        request.add("Expires", "%d" % INVITE_EXPIRES)
        if replaces is not None:
            from vox6.sip import replaces as module

            request.add("Replaces", module.header(replaces))
        if referred_by:
            request.add("Referred-By", referred_by)
        for name, value in headers:
            request.add(name, value)
        request.set_body(body, content_type)
        self.authorize(request, account)
        session = Session(self, "out", request, peer, transport)
        if self._session_expires_s:
            session.refresher().describe(request)
        session.account = account
        session.targets = list(targets[:MAX_TARGETS])
        session.start(now)
        self.sessions[session.call_id + " " + session.local_tag] = session
        return session

    def options(
        self,
        uri: str,
        peer: "Peer",
        now: int,
        account: "Account | None" = None,
        transport: str = "UDP",
        targets: "Targets" = (),
    ) -> None:
        """Ask a URI what it can (RFC 3261 section 11); `OptionsAnswered` follows."""
        from vox6.sip import options

        options.ask(self, uri, peer, now, account, transport, targets[:MAX_TARGETS])

    def message(
        self,
        uri: str,
        peer: "Peer",
        now: int,
        text: str,
        account: "Account | None" = None,
        transport: str = "UDP",
        targets: "Targets" = (),
    ) -> None:
        """Send a text to a URI (RFC 3428); `MessageAnswered` follows.

        LocalProtocolError: no SIP URI, no local address, or too long for one request.
        """
        from vox6.sip import paging

        paging.send(self, uri, peer, now, text, account, transport, targets[:MAX_TARGETS])

    def subscribe(
        self,
        uri: str,
        package: str,
        peer: "Peer",
        now: int,
        expires: int = 3600,
        account: "Account | None" = None,
        accept: "tuple[str, ...]" = (),
        transport: str = "UDP",
        targets: "Targets" = (),
    ) -> "Subscriber":
        """Subscribe to an event package of a URI, and keep it so (RFC 6665).

        accept: media types of the state that the user reads; empty: the package's own.
        `Subscribed`, `NotifyReceived` and at last `SubscriptionEnded` follow.
        LocalProtocolError: no SIP URI, no local address, or too many subscriptions.
        """
        from vox6.sip import subscriber

        return subscriber.subscribe(
            self,
            uri,
            package,
            peer,
            now,
            expires,
            account,
            accept,
            transport,
            targets[:MAX_TARGETS],
        )

    def register(self, account: Account, now: int, expires: int = 300) -> Registration:
        """Register an account and keep it so; `Registered` or `RegistrationFailed` follows."""
        if len(self.registrations) >= _MAX_REGISTRATIONS:
            raise LocalProtocolError("too many registrations")
        registration = Registration(self, account, expires)
        self.registrations.append(registration)
        registration.start(now)
        return registration

    # -- for sessions and registrations

    def emit(self, event: "events.Event") -> None:
        """Queue an event for the user."""
        if len(self._events) >= _MAX_EVENTS:
            self.layer.count("dropped_events")
            return
        self._events.append(event)

    def forget(self, session: Session) -> None:
        """Drop a session that has ended."""
        self.layer.timers.cancel(session)
        key = session.call_id + " " + session.local_tag
        if self.sessions.get(key) is session:
            del self.sessions[key]
            dialog = session.dialog
            if dialog is not None:
                self.ended_dialogs.append((dialog.call_id, dialog.local_tag, dialog.remote_tag))
                if len(self.ended_dialogs) > _MAX_ENDED:
                    self.ended_dialogs.pop(0)

    def forget_registration(self, registration: Registration) -> None:
        """Drop a registration that has ended."""
        registration.end()
        if registration in self.registrations:
            self.registrations.remove(registration)

    def local_name(self, account: "Account | None") -> str:
        """Return our name-addr for From, without tag."""
        if account is not None:
            name = account.display_name
            uri = account.uri
        else:
            local = self._address()
            name = self.display_name
            uri = "sip:" + escape(self.user) + "@" + host_text(local[0])
            if local[1] != 5060:
                uri += ":%d" % local[1]
        return (quote(name) + " " if name else "") + "<" + uri + ">"

    def is_reachable(self) -> bool:
        """Return whether we have an address now."""
        return self._local is not None

    def _address(self) -> "Peer":
        if self._last_local is None:
            raise LocalProtocolError("no local address")
        return self._last_local

    @property
    def allow(self) -> str:
        """Return the value of Allow."""
        return ", ".join(self.methods)

    @property
    def supported(self) -> str:
        """Return the value of Supported."""
        return ", ".join(self.extensions)

    def host_text(self) -> str:
        """Return our host as it stands in URIs."""
        return host_text(self._address()[0])

    def all_accepts(self) -> "list[str]":
        """Return the media types that we take in any request."""
        out = list(self.accepts)
        if "MESSAGE" in self.methods:
            out.append("text/plain")
        if "NOTIFY" in self.methods:
            out.append("message/sipfrag")
        if "INFO" in self.methods:
            out.extend(self.info_types)
        return out

    def describe(self, message: Message) -> None:
        """Put what we can into a message: Allow, Supported, Allow-Events."""
        message.add("Allow", self.allow)
        if self.extensions:
            message.add("Supported", self.supported)
        if self.packages:
            message.add("Allow-Events", ", ".join(self.packages))

    def contact_user(self, account: "Account | None") -> str:
        """Return the user part of our Contact."""
        return escape(self.user) if account is None else account.user

    def contact(self, user: "str | None", transport: str, account: "Account | None" = None) -> str:
        """Return our Contact, as a name-addr: a GRUU of the account, or our address."""
        for registration in self.registrations:
            if account is not None and registration.account is account:
                contact = registration.get_contact()
                if contact:
                    return contact
        return self.contact_address(user, transport)

    def find_account(self, user: "str | None", peer: "Peer") -> "Account | None":
        """Return the account whose registrar sends us a request for a user; None: a direct one."""
        for registration in self.registrations:
            account = registration.account
            if account.user == user and same_host(registration.peer[0], peer[0]):
                return account
        return None

    def contact_address(self, user: "str | None", transport: str) -> str:
        """Return a Contact that is our address, as a name-addr."""
        local = self._address()
        out = "<sip:" + ((user or escape(self.user)) + "@") + host_text(local[0])
        if local[1] != default_port(transport):
            out += ":%d" % local[1]
        if transport != "UDP":
            out += ";transport=" + transport.lower()
        return out + ">"

    def sign(self, message: Message) -> None:
        """Put our product name into a message."""
        if self.user_agent:
            name = "User-Agent" if isinstance(message, Request) else "Server"
            message.add(name, self.user_agent)

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
        if is_secure(request):
            if transport != "TLS":
                raise LocalProtocolError("sips goes by TLS")
            secure_contact(request)
        self.stamp(request, transport)
        if not request.count("user-agent"):
            self.sign(request)
        large = self.streams and transport == "UDP" and len(request.emit()) > MAX_UDP_OCTETS
        if large:
            self.restamp(request, "TCP")
        transaction = self.layer.open_client(request, peer, "TCP" if large else transport, user)
        transaction.wanted = transport
        transaction.large = transaction.fallback = large
        if request.to.tag is None:
            transaction.targets = getattr(user, "targets", transaction.targets)
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

    def digest_info(self, account: Account, response: Response) -> None:
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
