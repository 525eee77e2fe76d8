# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What `agent.next_event()` tells, in the past tense. The README lists when each one comes."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.message import Message, Request, Response
    from vox6.sip.registration import Registration
    from vox6.sip.session import Session


class Event:
    """What all events share."""

    def __repr__(self) -> str:
        return type(self).__name__


class SessionEvent(Event):
    """An event of one call. session: the call; its state is the one after the event."""

    def __init__(self, session: "Session") -> None:
        self.session = session


class CallReceived(SessionEvent):
    """A peer calls. body: its offer, or empty if accept() shall make one.

    replaces: the session that ends when this one is accepted (RFC 3891), or None. referred_by: the
    URI of who had the peer call, which nobody has checked, or empty.
    """

    def __init__(self, session: "Session", body: bytes, content_type: str) -> None:
        super().__init__(session)
        self.body = body
        self.content_type = content_type
        self.replaces = session.replaces
        self.referred_by = session.referred_by


class CallProgressed(SessionEvent):
    """A provisional response above 100 came. body: early media, or empty.

    fork: the To tag, which tells early dialogs apart; "" without one. reliable: it came by RFC
    3262; then body is the answer that stands, or the peer's offer if our INVITE had none, to be
    answered by acknowledge_provisional(). status 199: this early dialog has ended (RFC 6228).
    """

    def __init__(
        self,
        session: "Session",
        status: int,
        body: bytes,
        fork: str = "",
        reliable: bool = False,
    ) -> None:
        super().__init__(session)
        self.status = status
        self.body = body
        self.fork = fork
        self.reliable = reliable


class ProvisionalAcknowledged(SessionEvent):
    """PRACK came for a reliable response of ours. body: the answer if our offer was in it."""

    def __init__(self, session: "Session", body: bytes) -> None:
        super().__init__(session)
        self.body = body


class CallAnswered(SessionEvent):
    """The peer took our call. body: its answer, or its offer if our INVITE had none.

    agreed: offer and answer had been exchanged before, by reliable responses; body repeats what
    the peer said last in this dialog, and nothing is to be answered.
    """

    def __init__(self, session: "Session", body: bytes, agreed: bool = False) -> None:
        super().__init__(session)
        self.body = body
        self.agreed = agreed


class CallConfirmed(SessionEvent):
    """ACK came for our 2xx. body: the answer if the offer was ours, else empty."""

    def __init__(self, session: "Session", body: bytes) -> None:
        super().__init__(session)
        self.body = body


class CallFailed(SessionEvent):
    """Our call came to nothing. message: the final response, or None (408 timeout, 503 no way)."""

    def __init__(
        self, session: "Session", status: int, reason: str, message: "Response | None"
    ) -> None:
        super().__init__(session)
        self.status = status
        self.reason = reason
        self.message = message


class CallEnded(SessionEvent):
    """The call is over, and we did not ask for it. reason: the peer's Reason text, or why.

    message: the BYE, or None if the session was lost.
    """

    def __init__(self, session: "Session", reason: str, message: "Message | None") -> None:
        super().__init__(session)
        self.reason = reason
        self.message = message


class CallCancelled(SessionEvent):
    """The caller gave up before we answered."""


class OfferReceived(SessionEvent):
    """A re-INVITE, UPDATE or PRACK with an offer came. body: the offer.

    body is empty for a re-INVITE to which accept_offer() shall make one. fork: the peer's tag.
    """

    def __init__(self, session: "Session", body: bytes, fork: str = "") -> None:
        super().__init__(session)
        self.body = body
        self.fork = fork


class OfferCancelled(SessionEvent):
    """The peer took its offer back, or its time is over; what was agreed before stands."""


class OfferAnswered(SessionEvent):
    """The answer to our offer came. body: the answer (or the peer's offer, to acknowledge())."""

    def __init__(self, session: "Session", body: bytes) -> None:
        super().__init__(session)
        self.body = body


class OfferFailed(SessionEvent):
    """Our re-INVITE or UPDATE was refused; what was agreed before stands.

    due: `OfferDue` follows when its time has come (491: glare; 500 with Retry-After).
    """

    def __init__(self, session: "Session", status: int, due: bool = False) -> None:
        super().__init__(session)
        self.status = status
        self.due = due


class OfferDue(SessionEvent):
    """An offer may be made now that came too early before: one refused by 491 (glare), or one
    that reinvite() or update() did not take since another was open. What it says is to be made
    anew, for things may have changed."""


class RegistrationEvent(Event):
    """An event of one registration."""

    def __init__(self, registration: "Registration") -> None:
        self.registration = registration


class Registered(RegistrationEvent):
    """The registrar holds our contact for `expires` seconds; refreshed by itself."""

    def __init__(self, registration: "Registration", expires: int) -> None:
        super().__init__(registration)
        self.expires = expires


class Unregistered(RegistrationEvent):
    """The registrar has dropped our contact, as asked."""


class RegistrationFailed(RegistrationEvent):
    """The registrar refused, or (408, 503) was not reached.

    retry_ms: after how long we try again by ourselves, None if never. message: the response, or
    None.
    """

    def __init__(
        self,
        registration: "Registration",
        status: int,
        reason: str,
        retry_ms: "int | None",
        message: "Response | None" = None,
    ) -> None:
        super().__init__(registration)
        self.status = status
        self.reason = reason
        self.retry_ms = retry_ms
        self.message = message


class RegistrationRedirected(RegistrationEvent):
    """The registrar sent us to a URI whose host is a name: registration.redirect() goes on there.

    Otherwise we ask the registrar again after 30 s.
    """

    def __init__(self, registration: "Registration", uri: str) -> None:
        super().__init__(registration)
        self.uri = uri


class FlowFailed(RegistrationEvent):
    """The way to the registrar is dead: its connection is to be closed; we register anew."""

    def __init__(self, registration: "Registration", reason: str) -> None:
        super().__init__(registration)
        self.reason = reason


class OptionsAnswered(Event):
    """An OPTIONS of ours was answered. uri: as asked. message: the response, None for 408, 503."""

    def __init__(self, uri: str, status: int, message: "Response | None") -> None:
        self.uri = uri
        self.status = status
        self.message = message


class OptionsReceived(Event):
    """A peer asked what we can; the answer is on its way."""

    def __init__(self, message: "Request") -> None:
        self.message = message
