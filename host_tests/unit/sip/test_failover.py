# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sip/failover.py: the next target of RFC 3263 section 4.3, large requests by TCP (18.1.1)."""

import unittest

from host_tests.unit.sip.helpers import PEER, A, events, kinds, make_agent, names, reply
from vox6.sip.message import parse
from vox6.wire import parse_address

SECOND = (parse_address("2001:db8::b2"), 5070)
THIRD = (parse_address("2001:db8::b3"), 5061)
URI = "sip:bob@example.com"


def out(agent):
    """Return [(message, peer, transport)] that an agent sends."""
    return [(parse(data), peer, transport) for data, peer, transport in agent.datagrams_to_send()]


def run(agent, end):
    """Fire the timers until a time; return [(time, method, peer, transport)]."""
    log = []
    while True:
        when = agent.get_timer()
        if when is None or when > end:
            return log
        agent.handle_timer(when)
        for message, peer, transport in out(agent):
            log.append((when, names([message])[0], peer, transport))


class TargetTest(unittest.TestCase):
    def setUp(self):
        self.agent = make_agent()

    def _invite(self, targets, body=b"offer"):
        session = self.agent.invite(URI, PEER, 0, body, targets=targets)
        (message, peer, transport) = out(self.agent)[0]
        self.assertEqual(peer, PEER)
        return session, message

    def test_silence(self):
        # 8 T1 for the first, what remains of 64 T1 for the last
        session, first = self._invite([(SECOND, "UDP")])
        log = run(self.agent, 3999)
        self.assertEqual([entry[0] for entry in log], [500, 1500, 3500])
        self.agent.handle_timer(4000)
        (again, peer, transport) = out(self.agent)[0]
        self.assertEqual((peer, transport), (SECOND, "UDP"))
        self.assertNotEqual(again.via.branch, first.via.branch)
        again.remove("via")
        first.remove("via")
        self.assertEqual(again.emit(), first.emit())
        self.assertEqual((session.peer, session.targets), (SECOND, []))
        log = run(self.agent, 60000)
        self.assertEqual([entry[0] for entry in log], [4500, 5500, 7500, 11500, 19500])
        failed = events(self.agent)[0]
        self.assertEqual(failed.status, 408)
        self.assertEqual(len(self.agent.layer.clients), 0)
        self.assertEqual(len(self.agent.layer.timers), 0)

    def test_one_transactions_time(self):
        targets = [((SECOND[0], 6000 + i), "UDP") for i in range(12)]
        self.agent.options(URI, PEER, 0, targets=targets)
        log = run(self.agent, 10**6)
        peers = []
        for _, _, peer, _ in log:
            if peer not in peers:
                peers.append(peer)
        self.assertEqual(len(peers), 8)
        self.assertTrue(log[-1][0] < 32000)
        self.assertEqual([event.status for event in events(self.agent)], [408])
        self.assertEqual(len(self.agent.layer.timers), 0)

    def test_a_provisional_response_binds(self):
        session, first = self._invite([(SECOND, "UDP")])
        self.agent.receive_datagram(reply(first, 100), PEER, 1000)
        self.assertEqual(run(self.agent, 100000), [])
        self.assertEqual(session.peer, PEER)

    def test_503(self):
        session, first = self._invite([(SECOND, "UDP"), (THIRD, "TLS")])
        refusal = reply(first, 503)
        self.agent.receive_datagram(refusal, PEER, 1000)
        (ack, peer, _), (again, peer2, _) = out(self.agent)
        self.assertEqual((ack.method, peer, ack.via.branch), ("ACK", PEER, first.via.branch))
        self.assertEqual(
            (again.method, peer2, again.cseq.number), ("INVITE", SECOND, first.cseq.number)
        )
        # the 503 that comes again is acknowledged again
        self.agent.receive_datagram(refusal, PEER, 1500)
        self.assertEqual([(m.method, p) for m, p, _ in out(self.agent)], [("ACK", PEER)])
        self.agent.receive_datagram(reply(again, 503), SECOND, 2000)
        (_, _, _), (last, peer, transport) = out(self.agent)
        self.assertEqual((peer, transport), (THIRD, "TLS"))
        self.assertEqual(last.via.transport, "TLS")
        self.assertEqual(last.via.port, 5060)  # where we listen; TLS would mean 5061
        self.assertEqual(last.contact().uri.get("transport"), "tls")
        self.assertEqual(session.transport, "TLS")
        # the last one's refusal stands
        self.agent.receive_datagram(reply(last, 503), THIRD, 3000)
        self.assertEqual([(m.method, p) for m, p, _ in out(self.agent)], [("ACK", THIRD)])
        self.assertEqual([event.status for event in events(self.agent)], [503])

    def test_other_refusals_stand(self):
        for status in (403, 404, 480, 500, 600):
            self.setUp()
            _, first = self._invite([(SECOND, "UDP")])
            self.agent.receive_datagram(reply(first, status), PEER, 0)
            self.assertEqual(names([m for m, _, _ in out(self.agent)]), ["ACK"])
            self.assertEqual(kinds(self.agent), ["CallFailed"])

    def test_unreachable(self):
        session, first = self._invite([(SECOND, "TCP"), (THIRD, "UDP")])
        self.agent.handle_transport_error(PEER, 100)
        (again, peer, transport) = out(self.agent)[0]
        self.assertEqual((peer, transport, again.via.transport), (SECOND, "TCP", "TCP"))
        self.assertEqual(again.contact().uri.get("transport"), "tcp")
        # nothing is repeated on a stream, and its connection has 16 T1
        self.assertEqual(
            [entry[:1] + entry[2:] for entry in run(self.agent, 8100)], [(8100, THIRD, "UDP")]
        )
        self.assertEqual(session.request.contact().uri.get("transport"), None)

    def test_answered_elsewhere(self):
        session, first = self._invite([(SECOND, "UDP")])
        self.agent.handle_transport_error(PEER, 100)
        (again, _, _) = out(self.agent)[0]
        self.agent.receive_datagram(reply(again, 180), SECOND, 200)
        session.cancel(300)
        (cancel, peer, _) = out(self.agent)[0]
        self.assertEqual(
            (cancel.method, peer, cancel.via.branch), ("CANCEL", SECOND, again.via.branch)
        )
        # a late answer of the first goes nowhere
        self.agent.receive_datagram(reply(first, 200, "late"), PEER, 400)
        self.assertEqual(self.agent.counters["stray_responses"], 1)

    def test_cancelled_before_anybody_answered(self):
        session, first = self._invite([(SECOND, "UDP")])
        session.cancel(100)
        self.assertEqual(set([entry[2] for entry in run(self.agent, 10**6)]), {PEER})
        self.assertEqual([event.status for event in events(self.agent)], [487])

    def test_subscription(self):
        one = self.agent.subscribe(URI, "dialog", PEER, 0, targets=((SECOND, "TCP"),))
        (first, _, _) = out(self.agent)[0]
        self.agent.receive_datagram(reply(first, 503), PEER, 10)
        (again, peer, transport) = out(self.agent)[0]
        self.assertEqual((again.method, peer, transport), ("SUBSCRIBE", SECOND, "TCP"))
        self.agent.receive_datagram(reply(again, 200), SECOND, 20, "TCP")
        self.assertEqual((one.peer, one.transport), (SECOND, "TCP"))

    def test_non_invite(self):
        self.agent.options(URI, PEER, 0, targets=((SECOND, "UDP"),))
        (first, _, _) = out(self.agent)[0]
        self.agent.receive_datagram(reply(first, 503), PEER, 10)
        (again, peer, _) = out(self.agent)[0]
        self.assertEqual((again.method, peer), ("OPTIONS", SECOND))
        self.agent.receive_datagram(reply(again, 200), SECOND, 20)
        self.assertEqual([event.status for event in events(self.agent)], [200])


class LargeTest(unittest.TestCase):
    def setUp(self):
        self.agent = make_agent()
        self.agent.streams = True
        self.session = self.agent.invite(URI, PEER, 0, b"x" * 1300)
        (self.first, peer, self.transport) = out(self.agent)[0]

    def test_by_tcp(self):
        self.assertEqual((self.transport, self.first.via.transport), ("TCP", "TCP"))
        self.assertEqual(self.first.contact().uri.get("transport"), None)
        self.agent.receive_datagram(reply(self.first, 180), PEER, 10, "TCP")
        self.session.cancel(20)
        (cancel, _, transport) = out(self.agent)[0]
        self.assertEqual((cancel.method, transport), ("CANCEL", "TCP"))

    def test_refused(self):
        self.agent.handle_transport_error(PEER, 100, "TCP")
        (again, peer, transport) = out(self.agent)[0]
        self.assertEqual((peer, transport, again.via.transport), (PEER, "UDP", "UDP"))
        self.assertNotEqual(again.via.branch, self.first.via.branch)
        self.agent.handle_transport_error(PEER, 200)
        self.assertEqual([event.status for event in events(self.agent)], [503])

    def test_silence(self):
        log = run(self.agent, 4000)
        self.assertEqual(log, [(4000, "INVITE", PEER, "UDP")])

    def test_remembered(self):
        self.agent.handle_transport_error(PEER, 100, "TCP")
        out(self.agent)
        self.agent.invite(URI, PEER, 200, b"x" * 1300)
        self.assertEqual(out(self.agent)[0][1:], (PEER, "UDP"))
        self.agent.invite(URI, SECOND, 200, b"x" * 1300)
        self.assertEqual(out(self.agent)[0][1:], (SECOND, "TCP"))
        # another network may let it pass
        self.agent.set_local(A, 5061, 300)
        out(self.agent)
        self.agent.invite(URI, PEER, 300, b"x" * 1300)
        self.assertEqual(out(self.agent)[0][1:], (PEER, "TCP"))

    def test_small_ones_and_datagrams_alone(self):
        self.agent.invite(URI, PEER, 0, b"x" * 500)
        self.assertEqual(out(self.agent)[0][2], "UDP")
        self.agent.streams = False
        self.agent.invite(URI, PEER, 0, b"x" * 1300)
        self.assertEqual(out(self.agent)[0][2], "UDP")

    def test_compact_forms_make_it_fit(self):
        # RFC 3261 section 7.3.3
        self.agent.invite(URI, PEER, 0, b"x" * 100)
        room = 1300 - len(out(self.agent)[0][0].emit()) + 100
        for octets, transport, short in (
            (room - 10, "UDP", False),
            (room + 20, "UDP", True),
            (room + 90, "TCP", True),
        ):
            self.agent.invite(URI, PEER, 0, b"x" * octets)
            (request, _, used) = out(self.agent)[0]
            data = request.emit()
            self.assertEqual((used, b"\r\nf: " in data), (transport, short))
            self.assertEqual(b"\r\nFrom: " in data, not short)
            if transport == "UDP":
                self.assertTrue(len(data) <= 1300)
            request.check()
            self.assertEqual(request.get("call-id"), request.call_id)

    def test_next_target(self):
        self.agent.invite(URI, PEER, 0, b"x" * 1300, targets=[(SECOND, "UDP")])
        out(self.agent)
        self.agent.handle_transport_error(PEER, 100, "TCP")
        self.agent.handle_transport_error(PEER, 100, "UDP")
        self.assertEqual([(p, t) for _, p, t in out(self.agent)[-1:]], [(SECOND, "TCP")])


if __name__ == "__main__":
    unittest.main()
