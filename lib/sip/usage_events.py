# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""More of what `agent.next_event()` tells: transfers, subscriptions, texts, INFO."""

from vox6.sip.events import Event, SessionEvent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.message import Request
    from vox6.sip.notifier import Notifier
    from vox6.sip.refer import Referral
    from vox6.sip.session import Session
    from vox6.sip.subscriber import Subscriber
    from vox6.sip.subscription import Subscription


class TransferProgressed(SessionEvent):
    """The peer of our `refer` has begun, or tells a provisional status of its new call."""

    def __init__(self, session: "Session", status: int, reason: str) -> None:
        super().__init__(session)
        self.status = status
        self.reason = reason


class TransferDone(SessionEvent):
    """Our `refer` is over: 2xx, the new call stands; else why not, and ours goes on."""

    def __init__(self, session: "Session", status: int, reason: str) -> None:
        super().__init__(session)
        self.status = status
        self.reason = reason


class ReferReceived(Event):
    """The peer asks us to call somebody else; `referral.accept` or `.reject` must follow."""

    def __init__(self, referral: "Referral") -> None:
        self.referral = referral
        self.session = referral.session


class Subscribed(Event):
    """The notifier has taken our subscription, or allowed what was pending."""

    def __init__(self, subscription: "Subscriber") -> None:
        self.subscription = subscription


class NotifyReceived(Event):
    """State came. subscription: ours, or None for a NOTIFY nobody had asked for."""

    def __init__(
        self, subscription: "Subscriber | None", package: str, content_type: str, body: bytes
    ) -> None:
        self.subscription = subscription
        self.package = package
        self.content_type = content_type
        self.body = body


class SubscriptionEnded(Event):
    """A subscription is over, in either role. reason: a word of RFC 6665, or a phrase.

    retry_ms: as subscriber we subscribe again after that by ourselves; None: never.
    """

    def __init__(
        self, subscription: "Subscription", reason: str, retry_ms: "int | None" = None
    ) -> None:
        self.subscription = subscription
        self.reason = reason
        self.retry_ms = retry_ms


class SubscribeReceived(Event):
    """A peer subscribes; `subscription.accept` or `.reject` must follow."""

    def __init__(self, subscription: "Notifier") -> None:
        self.subscription = subscription


class MessageReceived(Event):
    """A text came and is answered. request: the MESSAGE. from_uri, display_name: as it says."""

    def __init__(self, request: "Request", text: str, from_uri: str, display_name: str) -> None:
        self.request = request
        self.text = text
        self.from_uri = from_uri
        self.display_name = display_name


class MessageAnswered(Event):
    """A text of ours was delivered (200), taken for delivery (202), or not. uri: as sent to."""

    def __init__(self, uri: str, status: int) -> None:
        self.uri = uri
        self.status = status


class InfoReceived(SessionEvent):
    """INFO came and is answered. content_type, body: what it holds."""

    def __init__(self, session: "Session", content_type: str, body: bytes) -> None:
        super().__init__(session)
        self.content_type = content_type
        self.body = body


class InfoAnswered(SessionEvent):
    """An INFO of ours was answered, the oldest first; 408, 503: it was not."""

    def __init__(self, session: "Session", status: int) -> None:
        super().__init__(session)
        self.status = status
