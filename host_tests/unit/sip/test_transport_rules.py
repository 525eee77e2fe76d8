# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""RFC 3261 section 18 on streams: where responses go, what is not repeated; sips (26.2.2)."""

import unittest

from host_tests.unit.sip.helpers import (
    PEER,
    A,
    B,
    events,
    give,
    make_agent,
    names,
    reply,
    request,
    run_until,
    sent,
)
from vox6.sip.account import Account
from vox6.sip.message import parse
from vox6.wire import LocalProtocolError, parse_address

URI = "sips:bob@example.com"
SOURCE = (B, 49152)  # of a connection


class SecureTest(unittest.TestCase):
    def setUp(self):
        self.agent = make_agent()

    def test_never_but_by_tls(self):
        for transport in ("UDP", "TCP"):
            for command in (self.agent.invite, self.agent.options):
                self.assertRaises(LocalProtocolError, command, URI, PEER, 0, transport=transport)
        self.assertEqual((sent(self.agent), self.agent.sessions), ([], {}))
        self.assertEqual(len(self.agent.layer.clients), 0)

    def test_route(self):
        account = Account("sip:anna@example.com", peer=PEER)
        registration = self.agent.register(account, 0)
        extra = "Service-Route: <sips:p.example.com;lr>"
        give(self.agent, reply(sent(self.agent)[0], 200, extra=extra))
        self.assertRaises(
            LocalProtocolError, self.agent.invite, "sip:bob@c", PEER, 0, b"", account=account
        )
        self.agent.invite("sip:bob@c", PEER, 0, b"", account=account, transport="TLS")
        self.assertEqual(sent(self.agent)[0].contact().uri.scheme, "sips")
        self.assertEqual(registration.state, "Registered")

    def test_call(self):
        session = self.agent.invite(URI, PEER, 0, b"o", transport="TLS")
        invite = sent(self.agent)[0]
        self.assertEqual(str(invite.contact()), "<sips:phone@[2001:db8::a]:5060>")
        self.assertEqual(invite.via.transport, "TLS")
        answer = reply(invite, 200, extra="Contact: <sips:bob@[2001:db8::b]>")
        self.agent.receive_datagram(answer, PEER, 0, "TLS")
        sent(self.agent)
        session.reinvite(10, b"o2")
        again = sent(self.agent)[0]
        self.assertEqual((again.contact().uri.scheme, again.via.transport), ("sips", "TLS"))

    def test_failover_stays_secure(self):
        self.agent.invite(
            URI,
            PEER,
            0,
            b"o",
            transport="TLS",
            targets=[((A, 1), "UDP"), ((A, 2), "TCP"), ((A, 3), "TLS")],
        )
        sent(self.agent)
        self.agent.handle_transport_error(PEER, 10, "TLS")
        self.assertEqual([out[1:] for out in self.agent.datagrams_to_send()], [((A, 3), "TLS")])

    def test_register(self):
        account = Account("sips:anna@example.com", peer=PEER, transport="TLS")
        self.agent.register(account, 0)
        register = sent(self.agent)[0]
        self.assertEqual(register.uri_text, "sips:example.com")
        self.assertEqual(register.contact().uri.scheme, "sips")
        extra = "Contact: <%s>;expires=90" % register.contact().uri
        give(self.agent, reply(register, 200, extra=extra))
        self.assertEqual(events(self.agent)[0].expires, 90)
        account = Account("sips:anna@example.com", peer=PEER)
        self.agent.register(account, 0)
        self.assertEqual((sent(self.agent), events(self.agent)[0].status), ([], 503))

    def test_called(self):
        text = request("INVITE", body="o").replace("INVITE sip:", "INVITE sips:")
        for transport in ("UDP", "TCP"):
            self.setUp()
            give(self.agent, text, transport=transport)
            refusal = sent(self.agent)[0]
            self.assertEqual(refusal.status, 480)
            self.assertTrue("380" in refusal.get("warning"))
        give(
            self.agent,
            text.replace("z9hG4bK1", "z9hG4bK2").replace(": c1", ": c2"),
            0,
            PEER,
            "TLS",
        )
        events(self.agent)[0].session.accept(0, b"a")
        self.assertEqual(sent(self.agent)[0].contact().uri.scheme, "sips")


class ResponseTest(unittest.TestCase):
    def setUp(self):
        self.agent = make_agent()
        text = request("INVITE", body="o").replace("/UDP", "/TCP").replace(";rport", "")
        self.text = text.replace("[2001:db8::b]:5060;", "[2001:db8::99]:5077;")

    def test_by_the_same_connection(self):
        give(self.agent, self.text, 0, SOURCE, "TCP")
        events(self.agent)[0].session.ring(0)
        self.assertEqual([out[1:] for out in self.agent.datagrams_to_send()], [(SOURCE, "TCP")])

    def test_connection_gone(self):
        # to the received address and the port of sent-by
        give(self.agent, self.text, 0, SOURCE, "TCP")
        session = events(self.agent)[0].session
        session.ring(0)
        sent(self.agent)
        self.agent.handle_transport_error(SOURCE, 10, "TCP")
        octets, peer, transport = self.agent.datagrams_to_send()[0]
        self.assertEqual((peer, transport), ((B, 5077), "TCP"))
        self.assertEqual(parse(octets).status, 180)
        session.accept(20, b"a")
        self.assertEqual(self.agent.datagrams_to_send()[0][1], (B, 5077))
        # there neither: it ends, once
        self.agent.handle_transport_error((B, 5077), 30, "TCP")
        self.assertEqual([m.status for m in sent(self.agent)], [])

    def test_default_port(self):
        for transport, port in (("TCP", 5060), ("TLS", 5061)):
            self.setUp()
            text = self.text.replace("/TCP", "/" + transport).replace("]:5077;", "];")
            give(self.agent, text, 0, SOURCE, transport)
            events(self.agent)[0].session.ring(0)
            sent(self.agent)
            self.agent.handle_transport_error(SOURCE, 10, transport)
            self.assertEqual(self.agent.datagrams_to_send()[0][1], (B, port))

    def test_datagrams(self):
        mapped = parse_address("2001:db8::5")
        for via, peer in (
            ("[2001:db8::b];branch=z9hG4bK1", (B, 5060)),
            ("[2001:db8::b]:5071;branch=z9hG4bK1", (B, 5071)),
            ("host.example.com;branch=z9hG4bK1", (B, 5060)),
            ("host.example.com:5072;branch=z9hG4bK1;rport", SOURCE),
            ("host.example.com;branch=z9hG4bK1;maddr=2001:db8::5", (B, 5060)),  # no host
            ("host.example.com:5073;branch=z9hG4bK1;maddr=[2001:db8::5]", (mapped, 5073)),
            ("host.example.com;branch=z9hG4bK1;maddr=[ff02::1]", (B, 5060)),
        ):
            agent = make_agent()
            text = request("OPTIONS").replace("[2001:db8::b]:5060;branch=z9hG4bK1;rport", via)
            give(agent, text, 0, SOURCE)
            self.assertEqual((agent.datagrams_to_send()[0][1], via), (peer, via))

    def test_received(self):
        give(
            self.agent, request("OPTIONS").replace("UDP [2001:db8::b]", "UDP x.example"), 0, SOURCE
        )
        via = sent(self.agent)[0].via
        self.assertEqual((via.get("received"), via.get("rport")), ("2001:db8::b", "49152"))
        give(
            self.agent, request("OPTIONS", "z9hG4bK2", call_id="c2").replace(";rport", ""), 0, PEER
        )
        self.assertEqual(sent(self.agent)[0].via.get("received"), None)


class ReliableTest(unittest.TestCase):
    """RFC 3261 table 4: nothing is repeated, timers D, I, J and K are zero."""

    def test_client(self):
        for method in ("INVITE", "OPTIONS"):
            agent = make_agent()
            if method == "INVITE":
                agent.invite("sip:b@c", PEER, 0, b"o", transport="TCP")
            else:
                agent.options("sip:b@c", PEER, 0, transport="TCP")
            message = sent(agent)[0]
            self.assertEqual(run_until(agent, 31000), [])
            agent.receive_datagram(reply(message, 404), PEER, 31000, "TCP")
            self.assertEqual(names(sent(agent)), ["ACK"] if method == "INVITE" else [])
            agent.handle_timer(31000)
            self.assertEqual(len(agent.layer.clients), 0)

    def test_server(self):
        agent = make_agent()
        give(agent, request("OPTIONS"), 0, PEER, "TCP")
        self.assertEqual(names(sent(agent)), [200])
        agent.handle_timer(0)
        self.assertEqual(len(agent.layer.servers), 0)
        give(agent, request("INVITE", "z9hG4bK2"), 0, PEER, "TCP")
        events(agent)[-1].session.reject(0, 486)
        tag = sent(agent)[0].to.tag
        self.assertEqual(run_until(agent, 31000), [])  # timer G runs on UDP alone
        give(agent, request("ACK", "z9hG4bK2", tag), 31000, PEER, "TCP")
        agent.handle_timer(31000)
        self.assertEqual(len(agent.layer.servers), 0)

    def test_timers_b_f_h_stay(self):
        agent = make_agent()
        agent.invite("sip:b@c", PEER, 0, b"o", transport="TCP")
        agent.options("sip:b@c", PEER, 0, transport="TCP")
        run_until(agent, 32000)
        self.assertEqual([event.status for event in events(agent)], [408, 408])


if __name__ == "__main__":
    unittest.main()
