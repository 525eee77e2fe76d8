# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sip against liblinphone on ::1: message-summary and dialog state, subscribed both ways."""

from pathlib import Path

import pytest

from host_tests.interop.test_pjsua2_engine import HOST, description
from host_tests.interop.test_pjsua2_transfers import Peer, Trio
from vox6.sip import dialog_info, message_summary
from vox6.sip.message_summary import Count, MessageSummary

SUMMARY = message_summary.CONTENT_TYPE


@pytest.fixture
def wire(tmp_path):
    script = Path(__file__).with_name("linphone_peer.py")
    wire = Trio([Peer(script, HOME=str(tmp_path))])
    yield wire
    wire.close()


def _told(wire, package, number):
    """Return the body that liblinphone was told as the number-th of a package."""
    start = b"told %s " % package.encode()

    def bodies():
        lines = wire.peers[0].lines.split(b"\n")[:-1]
        return [line[len(start) :] for line in lines if line.startswith(start)]

    assert wire.run(lambda: len(bodies()) >= number, 10), wire.peers[0].lines
    return bytes.fromhex(bodies()[number - 1].decode())


def test_it_asks_for_messages(wire):
    wire.agent.packages = ["message-summary"]
    wire.tell(wire.peers[0], "subscribe message-summary " + wire.uri)
    subscription = wire.wait("SubscribeReceived").subscription
    first = MessageSummary(True, "", [Count("voice-message", 2, 8)]).emit()
    subscription.accept(wire.now, SUMMARY, first)
    assert _told(wire, "message-summary", 1) == first
    second = MessageSummary(False).emit()
    subscription.notify(wire.now, SUMMARY, second)
    assert _told(wire, "message-summary", 2) == second
    wire.tell(wire.peers[0], "leave")
    assert wire.wait("SubscriptionEnded").reason == "timeout"
    assert wire.run(lambda: not wire.agent.subscriptions, 5)


def test_it_watches_our_calls(wire):
    wire.agent.packages = ["dialog"]
    wire.tell(wire.peers[0], "subscribe dialog " + wire.uri)
    subscription = wire.wait("SubscribeReceived").subscription
    dialog_info.accept(subscription, wire.now, wire.uri)
    first = dialog_info.DialogInfo.parse(_told(wire, "dialog", 1))
    assert (first.version, first.full, first.dialogs) == (0, True, [])
    call = wire.agent.invite("sip:nobody@[::1]:9", (HOST, 9), wire.now, description(1))
    dialog_info.publish(wire.agent, wire.now, wire.uri)
    second = dialog_info.DialogInfo.parse(_told(wire, "dialog", 2))
    assert [one.call_id for one in second.dialogs] == [call.call_id]
    wire.tell(wire.peers[0], "leave")
    assert wire.wait("SubscriptionEnded").reason == "timeout"


def test_it_refuses_what_we_do_not_serve(wire):
    wire.agent.packages = ["dialog"]
    wire.tell(wire.peers[0], "subscribe presence " + wire.uri)
    wire.hear(wire.peers[0], "state 6", 10)  # LinphoneSubscriptionError
    assert wire.agent.subscriptions == []


def test_we_ask_for_messages(wire):
    peer = wire.peers[0]
    one = wire.agent.subscribe(peer.uri, "message-summary", (HOST, peer.port), wire.now, 600)
    wire.hear(peer, "asked message-summary")
    wire.tell(peer, "accept")
    body = b"Messages-Waiting: yes\r\nVoice-Message: 1/2\r\n"
    wire.tell(peer, "notify %s %s" % (SUMMARY, body.hex()))
    wire.wait("Subscribed")
    received = wire.wait("NotifyReceived")
    assert received.subscription is one
    summary = MessageSummary.parse(received.body)
    assert (summary.waiting, summary.get("voice-message").old) == (True, 2)
    one.refresh(wire.now)
    assert not wire.run(lambda: one.state != "Active", 1)
    one.unsubscribe(wire.now)  # its last NOTIFY does not come: Timer N ends it
    wire.hear(peer, "state 5")
