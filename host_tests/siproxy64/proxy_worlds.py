# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What the tests of proxy mode share: the own address, and what a far end says."""

from host_tests.siproxy64.worlds import MirrorCase
from tools.siproxy64.proxy import Proxy
from tools.siproxy64.relay import Relay
from tools.siproxy64.settings import Settings
from tools.siproxy64.table import side

KEY = bytes(range(32))
INVITE = """
    INVITE sip:100@{phone:b} SIP/2.0
    Via: SIP/2.0/UDP {stranger:b};rport;branch=z9hG4bKs1
    Max-Forwards: 70
    From: <sip:bob@example.org>;tag=s
    To: <sip:100@{phone:b}>
    Call-ID: c1@{stranger:b!}
    CSeq: 1 INVITE
    Contact: <sip:bob@{stranger:b};ob>
    Content-Type: application/sdp
    Content-Length: ...

    v=0
    o=- 1 1 IN {b} {stranger:b!}
    s=-
    c=IN {b} {stranger:b!}
    t=0 0
    m=audio 4000 RTP/AVP 0
    """
ANSWER = """
    v=0
    o=- 1 1 IN {a} {phone:a!}
    s=-
    c=IN {a} {phone:a!}
    t=0 0
    m=audio 6000 RTP/AVP 0
    """


class Plane:
    """Gives every port."""

    def open(self, near):
        return list(near)

    def near(self, handle, here, address):
        handle[here] = address

    def far(self, handle, here, address, latch):
        pass

    def settle(self, handle):
        pass

    def close(self, handle):
        pass


def values(data, name):
    """All values of a header, in order."""
    head = data.decode().partition("\r\n\r\n")[0].split("\r\n")[1:]
    return [line.partition(": ")[2] for line in head if line.startswith(name + ":")]


def first_line(data):
    return data.decode().partition("\r\n")[0]


class ProxyCase(MirrorCase):
    """A mirror in proxy mode; {own:a} is where parties of side a see strangers of side b."""

    contact = False

    def setUp(self):
        super().setUp()
        world = self.world
        self.settings = Settings()
        self.settings.table = self.table
        own = world.address("own:a")
        self.settings.proxies = {side(own[0]): (own, self.contact)}
        shared = {side(own[0]): own[0]}
        self.mirror.relay = self.relay = Relay(Plane(), self.table, 64, shared)
        self.proxy = self.fresh(KEY)

    def fresh(self, key):
        proxy = Proxy(self.mirror, key)
        proxy.configure(self.settings)
        return proxy

    def give(self, template, local, peer, local_port=5060, peer_port=5060):
        """Let one datagram in; return all that comes out, as (octets, source, destination)."""
        world = self.world
        data = template if isinstance(template, bytes) else world.octets(template)
        here = world.address(local, local_port)
        there = world.address(peer, peer_port)
        if not self.proxy.take(data, here, there, 0, None):
            self.mirror.receive(data, here, there, 0)
        return [one[:3] for one in self.mirror.take()]

    def one(self, template, local, peer, source, target, peer_port=5060, target_port=5060):
        """Let one in that goes on from source to target; return it."""
        sent = self.give(template, local, peer, 5060, peer_port)
        self.assertEqual(len(sent), 1)
        data, came_from, went_to = sent[0]
        self.assertEqual(came_from, self.world.address(source))
        self.assertEqual(went_to, self.world.address(target, target_port))
        return data

    def refused(self, template, local, peer, status):
        """Let one in that is answered so; return the answer."""
        sent = self.give(template, local, peer)
        self.assertEqual(len(sent), 1)
        self.assertEqual(first_line(sent[0][0])[:12], "SIP/2.0 %d " % status)
        self.assertEqual(sent[0][2], self.world.address(peer))
        return sent[0][0]

    def answer(self, request, status="200 OK", tag="p", contact="", body=""):
        """What the far end says to a request."""
        lines = ["SIP/2.0 " + status]
        for name in ("Record-Route", "Via", "From", "To", "Call-ID", "CSeq"):
            for value in values(request, name):
                if name == "To" and ";tag=" not in value:
                    value += ";tag=" + tag
                lines.append(name + ": " + value)
        if contact:
            lines.append("Contact: <sip:" + contact + ">")
        if body:
            lines += ["Content-Type: application/sdp", "Content-Length: ...", "", body]
        return self.world.octets("\n".join(lines))

    def request(self, method, answer, number, routes, mine, uri, branch, swap=False):
        """A request in a dialog; answer: which holds its From, To and Call-ID."""
        one, two = values(answer, "From")[0], values(answer, "To")[0]
        if swap:
            one, two = two, one
        lines = [method + " " + uri + " SIP/2.0"]
        lines.append("Via: SIP/2.0/UDP " + mine + ";branch=z9hG4bK" + branch)
        lines.append("Max-Forwards: 70")
        lines += ["Route: " + route for route in routes]
        lines += ["From: " + one, "To: " + two]
        lines.append("Call-ID: " + values(answer, "Call-ID")[0])
        lines.append("CSeq: %d %s" % (number, method))
        return self.world.octets("\n".join(lines))
