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
from vox6.sip.layer import Layer
from vox6.sip.message import Response, parse
from vox6.sip.registration import Account, Registration
from vox6.sip.requesting import Requesting
from vox6.sip.session import Session
from vox6.sip.state import TERMINATED
from vox6.sip.transaction import T1, T2, T4
from vox6.wire import const
from vox6.wire.errors import FormatError, LocalProtocolError, RemoteProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from vox6.sip import events
    from vox6.sip.auth import Crypto
    from vox6.sip.incoming import Handler
    from vox6.sip.rate import Rate
    from vox6.sip.subscriber import Subscriber
    from vox6.sip.subscription import Subscription

    Peer = tuple[bytes, int]
    Headers = tuple[tuple[str, str], ...]
    Targets = tuple[tuple[Peer, str], ...] | list[tuple[Peer, str]]

_MAX_EVENTS = const(64)  # the driver takes them after every call
_MAX_REGISTRATIONS = const(8)
_MAX_ENDED = const(8)  # dialogs that have just ended, told from those that never were

MAX_TARGETS = 7  # tried after the first: eight of 4 s fill one transaction's time
INVITE_EXPIRES = 180  # s a call of ours may ring, as long as timer C lets it at proxies


class Agent(Requesting):
    """A SIP user agent without sockets and clock (style.md section 2).

    crypto: a vox6.crypto provider. random: random(n) returns n random octets. user_agent: text of
    User-Agent and Server. user, display_name: who we are in calls without account.
    accepts: media types of bodies that the user understands. max_sessions, max_transactions:
    bounds; more is answered 503. max_ended: transactions of either kind that only wait for
    repetitions; the oldest are forgotten. t1, t2, t4: RFC 3261's, in ms.

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
        max_ended: "int | None" = None,
        t1: int = T1,
        t2: int = T2,
        t4: int = T4,
    ) -> None:
        layer = Layer(random, max_transactions, t1, t2, t4, max_ended)
        super().__init__(crypto, random, layer, user_agent, user, display_name, accepts)
        self.handlers: "dict[str, Handler]" = {}  # of incoming.MODULES, once imported
        self.max_sessions = max_sessions
        self.sessions: "dict[str, Session]" = {}
        self.subscriptions: "list[Subscription]" = []
        self.ended_dialogs: "list[tuple[str, str, str]]" = []  # the last, for replaces.py
        self.counters = self.layer.counters
        self._events: "list[events.Event]" = []
        self.secret = 0  # of options.py, drawn at first use
        self.questions: "Rate | None" = None  # how often strangers may ask (options.py)
        self.paging: "Rate | None" = None  # and send texts (paging.py)

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
        """Drop a session that has ended; transactions stay to repeat octets, without it."""
        self.layer.timers.cancel(session)
        for transaction in self.layer.servers.values():
            if transaction.user is session and transaction.ended_at is not None:
                transaction.user = None
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
