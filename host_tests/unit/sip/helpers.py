# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What the tests of lib/sip share: fixed randomness, two agents on one wire, one agent by hand."""

from vox6.sip.agent import Agent
from vox6.sip.message import Response, parse
from vox6.wire import parse_address

A = parse_address("2001:db8::a")
B = parse_address("2001:db8::b")
PEER = (B, 5060)


class Random:
    """random(n) that repeats: a linear congruence, enough to tell tags apart."""

    def __init__(self, seed):
        self.state = seed * 7919 + 1

    def __call__(self, length):
        out = bytearray()
        for _ in range(length):
            self.state = (self.state * 1103515245 + 12345) & 0x7FFFFFFF
            out.append(self.state >> 16 & 255)
        return bytes(out)


def make_agent(address=A, seed=1, crypto=None, **options):
    """Return an agent at an address."""
    agent = Agent(crypto, Random(seed), **options)
    agent.set_local(address, 5060, 0)
    return agent


def sent(agent):
    """Return what an agent sends, parsed."""
    return [parse(data) for data, peer, transport in agent.datagrams_to_send()]


def names(messages):
    """Return methods and statuses."""
    return [m.status if isinstance(m, Response) else m.method for m in messages]


def events(agent):
    """Return the events of an agent."""
    out = []
    while True:
        event = agent.next_event()
        if event is None:
            return out
        out.append(event)


def kinds(agent):
    """Return the names of the events of an agent."""
    return [type(event).__name__ for event in events(agent)]


def give(agent, text, now=0, peer=PEER, transport="UDP"):
    """Give a message written with bare line ends to an agent."""
    if isinstance(text, str):
        text = text.replace("\n", "\r\n").encode()
    agent.receive_datagram(text, peer, now, transport)


def run_until(agent, end, start=0):
    """Fire the timers of one agent up to a time; return [(time, message)] that it sends."""
    out = []
    while True:
        when = agent.get_timer()
        if when is None or when > end:
            return out
        agent.handle_timer(max(when, start))
        for message in sent(agent):
            out.append((when, message))


def request(
    method, branch="z9hG4bK1", to_tag="", cseq=1, extra="", body="", call_id="c1", tag="f1"
):
    """Return a request of PEER to A."""
    to = ";tag=" + to_tag if to_tag else ""
    return (
        "%s sip:phone@[2001:db8::a] SIP/2.0\n"
        "Via: SIP/2.0/UDP [2001:db8::b]:5060;branch=%s;rport\n"
        "Max-Forwards: 70\n"
        "From: <sip:bob@[2001:db8::b]>;tag=%s\n"
        "To: <sip:phone@[2001:db8::a]>%s\n"
        "Call-ID: %s\n"
        "CSeq: %d %s\n"
        "Contact: <sip:bob@[2001:db8::b]>\n"
        "%s%sContent-Length: %d\n"
        "\n%s"
    ) % (
        method, branch, tag, to, call_id, cseq, method, extra,
        "Content-Type: application/sdp\n" if body and "ontent-Type" not in extra else "",
        len(body), body,
    )  # fmt: skip


def reply(message, status, tag="t1", extra="", body=b""):
    """Return the octets of PEER's response to a request of ours."""
    response = message.response(status, None, tag)
    if 101 <= status < 300 and message.method == "INVITE" and "Contact" not in extra:
        response.add("Contact", "<sip:bob@[2001:db8::b]>")
    for line in extra.split("\n"):
        if line:
            name, value = line.split(": ", 1)
            response.add(name, value)
    response.set_body(body, "application/sdp")
    return response.emit()


class Pair:
    """Two agents, a at A and b at B, and a wire that may lose datagrams.

    lose: called with (sender, message) for each datagram; True loses it.
    """

    def __init__(self, crypto=None, **options):
        self.now = 0
        self.a = make_agent(A, 1, crypto, **options)
        self.b = make_agent(B, 2, crypto, **options)
        self.lose = lambda sender, message: False
        self.log = []

    def flow(self):
        """Carry datagrams until none is left."""
        for _ in range(100):
            moved = False
            for sender, receiver, address in ((self.a, self.b, A), (self.b, self.a, B)):
                for data, _, transport in sender.datagrams_to_send():
                    moved = True
                    message = parse(data)
                    name = names([message])[0]
                    self.log.append(("a" if sender is self.a else "b", name))
                    if not self.lose(sender, message):
                        receiver.receive_datagram(data, (address, 5060), self.now, transport)
            if not moved:
                return
        raise RuntimeError("datagrams without end")

    def run(self, until):
        """Let time pass."""
        while True:
            self.flow()
            times = [x for x in (self.a.get_timer(), self.b.get_timer()) if x is not None]
            if not times or min(times) > until:
                self.now = until
                return
            self.now = max(self.now, min(times))
            self.a.handle_timer(self.now)
            self.b.handle_timer(self.now)

    def call(self, offer=b"offer", answer=b"answer"):
        """Make a call from a to b that stands; return both sessions, events taken."""
        mine = self.a.invite("sip:bob@[2001:db8::b]", (B, 5060), self.now, offer)
        self.flow()
        theirs = [e for e in events(self.b) if type(e).__name__ == "CallReceived"][0].session
        theirs.accept(self.now, answer)
        self.flow()
        if not offer:
            mine.acknowledge(self.now, b"answer of a")
            self.flow()
        events(self.a)
        events(self.b)
        self.log = []
        return mine, theirs
