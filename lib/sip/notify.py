# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""NOTIFY from peers: whose it is, or whether it may come unasked (RFC 6665 4.1.3 and 4.4.1)."""

from vox6.sip import usage_events as events
from vox6.sip.dialog import Dialog
from vox6.sip.subscriber import Subscriber
from vox6.sip.subscription import SubscriptionState, parse_event
from vox6.sip.subscription_state import NOTIFY_WAIT
from vox6.sip.transport import same_host
from vox6.wire.errors import LocalProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.incoming import Incoming

_KNOWN = ("refer", "message-summary", "dialog")  # NOTIFY of others without subscription: 489


def _find(incoming: "Incoming", package: str, id: "str | None") -> "Subscriber | None":
    """Return whose NOTIFY this is (sections 4.1.3 and 4.4.1); or whose fork it comes from."""
    request = incoming.request
    local_tag = request.to.tag
    remote_tag = request.from_.tag or ""
    waiting = None
    for one in incoming.agent.subscriptions:
        if not isinstance(one, Subscriber) or not one.is_event(package, id):
            continue
        if one.call_id != request.call_id or one.local_tag != local_tag:
            continue
        dialog = one.dialog
        if dialog is None:
            if one.state == NOTIFY_WAIT:
                waiting = one
        elif dialog.remote_tag == remote_tag:
            return one
        elif waiting is None and one.is_open_to_forks():
            waiting = one
    return waiting


def receive_notify(incoming: "Incoming", now: int) -> None:
    """Take NOTIFY."""
    request = incoming.request
    agent = incoming.agent
    package, id = parse_event(request)
    text = request.get("subscription-state")
    subscription = _find(incoming, package, id) if package else None
    if subscription is None:
        if package not in _KNOWN and package not in agent.unsolicited:
            incoming.refuse(now, 489, None, (("Allow-Events", ", ".join(agent.packages)),))
        elif not _take_unsolicited(incoming, package, now):
            incoming.refuse_stranger(now)
        return
    if text is None:
        incoming.refuse(now, 400, "no Subscription-State")
        return
    value = SubscriptionState.parse(text)
    if not incoming.check_body(now, subscription.accept):
        return
    dialog = subscription.dialog
    if dialog is None or dialog.remote_tag != (request.from_.tag or ""):
        if not request.count("contact"):  # it must have one, but liblinphone's has none
            request.add("Contact", "<" + subscription.target + ">")
        fresh = Dialog.of_server(request, subscription.local_tag, incoming.peer)
        if dialog is not None:
            try:
                subscription = subscription.fork()
            except LocalProtocolError:
                incoming.refuse_stranger(now)
                return
        subscription.establish(fresh)
    else:
        dialog.check_sequence(request.cseq.number)
        dialog.refresh_target(request)
    incoming.respond(incoming.create_response(200), now)
    subscription.receive(value, request, now)


def _take_unsolicited(incoming: "Incoming", package: str, now: int) -> bool:
    """Take a NOTIFY that nobody asked for, as RFC 3842 servers of old send it.

    Only of packages in `Agent.unsolicited`, outside of dialogs, and from a host where an account
    of ours is registered. Returns whether it was one, answered now.
    """
    agent = incoming.agent
    request = incoming.request
    if package not in agent.unsolicited or incoming.dialog is not None:
        return False
    for registration in agent.registrations:
        if same_host(registration.peer[0], incoming.peer[0]):
            break
    else:
        return False
    incoming.respond(incoming.create_response(200), now)
    agent.emit(events.NotifyReceived(None, package, request.content_type(), request.body))
    return True
