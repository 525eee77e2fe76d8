# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sip: peer and user do anything in a call at any time; it ends, and nothing is left."""

from hypothesis import given, settings
from hypothesis import strategies as st

from host_tests.unit.sip.helpers import (
    PEER,
    events,
    give,
    make_agent,
    reply,
    request,
    sent,
)
from vox6.sip.message import Request, Response
from vox6.wire import LocalProtocolError

BODIES = st.sampled_from([b"", b"description"])
TAGS = st.sampled_from(["t1", "t2", ""])
TIMER = "Supported: timer, 100rel\n%sAllow: INVITE, UPDATE\n"
EXTRAS = st.sampled_from(
    [
        "",
        "Session-Expires: 90;refresher=uac\n",
        "Session-Expires: 90;refresher=uas\n",
        "Session-Expires: 10\n",
        "Require: 100rel\n",
        "Require: timer\nMin-SE: 100\n",
    ]
)

# what the peer does: (what, arguments)
RESPONSE = st.tuples(
    st.just("response"),
    st.sampled_from([100, 180, 183, 199, 200, 200, 302, 401, 422, 481, 486, 491, 500, 503]),
    TAGS,
    st.sampled_from([None, 1, 2, 3, 7]),  # RSeq
    BODIES,
    EXTRAS,
)
REQUEST = st.tuples(
    st.just("request"),
    st.sampled_from(["INVITE", "UPDATE", "PRACK", "BYE", "ACK", "CANCEL", "INFO", "OPTIONS"]),
    TAGS,
    st.integers(1, 9),  # CSeq
    BODIES,
    EXTRAS,
)
COMMAND = st.tuples(
    st.just("command"),
    st.sampled_from(
        [
            "ring",
            "ring reliably",
            "accept",
            "reject",
            "cancel",
            "bye",
            "acknowledge",
            "acknowledge_provisional",
            "reinvite",
            "update",
            "withdraw_offer",
            "accept_offer",
            "reject_offer",
        ]
    ),  # fmt: skip
    BODIES,
)
TIME = st.tuples(st.just("time"), st.sampled_from([10, 600, 5000, 40000]))
STEPS = st.lists(
    st.one_of(RESPONSE, RESPONSE, REQUEST, REQUEST, COMMAND, COMMAND, TIME), max_size=25
)


class Game:
    """One call of ours, or of the peer's, and all that went."""

    def __init__(self, outgoing, body, policy, extra):
        self.agent = make_agent()
        self.agent.reliable = policy
        self.now = 0
        self.requests = []  # of ours
        self.rseq = None
        self.branch = 0
        self.call_id = "c1"
        self.over = ""  # the event that told the end
        if outgoing:
            self.session = self.agent.invite("sip:bob@[2001:db8::b]", PEER, 0, body)
            self.call_id = self.session.call_id
        else:
            text = request("INVITE", "z9hG4bK0", extra=TIMER % extra, body=body.decode())
            give(self.agent, text)
            got = events(self.agent)
            self.session = got[0].session if got else None
        self.take()

    def take(self):
        for message in sent(self.agent):
            if isinstance(message, Request):
                if message.method != "ACK":
                    self.requests.append(message)
            elif isinstance(message, Response) and message.count("rseq"):
                self.rseq = message.number("rseq")
            message.check()
        for event in events(self.agent):
            name = type(event).__name__
            if getattr(event, "session", None) is self.session:
                assert not self.over, (name, self.over)
                if name in ("CallEnded", "CallFailed", "CallCancelled"):
                    self.over = name

    def response(self, status, tag, rseq, body, extra):
        if not self.requests:
            return
        message = self.requests[-1]
        text = extra + "Allow: INVITE, UPDATE"
        if rseq is not None and status < 200:
            text += "\nRequire: 100rel\nRSeq: %d" % rseq
        give(self.agent, reply(message, status, tag, text, body), self.now)

    def request(self, method, tag, cseq, body, extra):
        session = self.session
        self.branch += 1
        branch = "z9hG4bK0" if method == "CANCEL" else "z9hG4bK%d" % self.branch
        remote = "f1" if session.direction == "in" else tag
        text = TIMER % extra
        if method == "PRACK" and self.rseq is not None:
            text += "RAck: %d 1 INVITE\n" % self.rseq
        to = "" if method == "CANCEL" else session.local_tag
        text = request(method, branch, to, cseq, text, body.decode(), self.call_id, remote or "t1")
        give(self.agent, text, self.now)

    def command(self, what, body):
        session = self.session
        now = self.now
        try:
            if what == "ring":
                session.ring(now, 183, body)
            elif what == "ring reliably":
                session.ring(now, 183, body, True)
            elif what == "withdraw_offer":
                session.withdraw_offer(bool(body))
            elif what in ("reject", "reject_offer"):
                getattr(session, what)(now, 488)
            elif what in ("cancel", "bye"):
                getattr(session, what)(now)
            else:
                getattr(session, what)(now, body)
        except LocalProtocolError:
            pass

    def time(self, step):
        until = self.now + step
        for _ in range(200):
            when = self.agent.get_timer()
            if when is None or when > until:
                break
            self.now = max(self.now, when)
            self.agent.handle_timer(self.now)
            self.take()
        self.now = until

    def end(self):
        """Our user leaves, and the peer says no more."""
        for what in ("cancel", "reject", "bye"):
            self.command(what, b"")
            self.take()
        for _ in range(60):
            self.time(40000)
        assert self.agent.sessions == {}, self.session.debug()
        layer = self.agent.layer
        assert len(layer.clients) + len(layer.servers) + len(layer.timers) == 0
        for bad in ("dropped_output", "dropped_events"):
            assert bad not in self.agent.counters


@settings(deadline=None, max_examples=300)
@given(st.booleans(), BODIES, st.sampled_from(["supported", "required", "off"]), EXTRAS, STEPS)
def test_anything_at_any_time(outgoing, body, policy, extra, steps):
    game = Game(outgoing, body, policy, extra)
    if game.session is None:
        return
    for step in steps:
        getattr(game, step[0])(*step[1:])
        game.take()
    game.end()
