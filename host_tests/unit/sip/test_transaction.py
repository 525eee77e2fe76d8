# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sip/transaction.py: every timer by its name, for unreliable and reliable transports."""

import unittest

from host_tests.unit.sip.helpers import Random
from vox6.sip.layer import Layer
from vox6.sip.message import Request, parse
from vox6.sip.state import (
    INVITE_CLIENT,
    INVITE_SERVER,
    NON_INVITE_CLIENT,
    NON_INVITE_SERVER,
    SESSION,
)
from vox6.wire import LocalProtocolError

PEER = (bytes(15) + b"\x01", 5060)


class User:
    def __init__(self):
        self.seen = []

    def handle_response(self, transaction, response, now):
        self.seen.append((now, response.status))

    def handle_failure(self, transaction, status, now):
        self.seen.append((now, -status))


def _request(method, transport="UDP", branch="z9hG4bKa", tag=""):
    request = Request(method, "sip:b@[::1]")
    request.add("Via", "SIP/2.0/%s [::1]:5060;branch=%s" % (transport, branch))
    request.add("Route", "<sip:[::2];lr>")
    request.add("From", "<sip:a@[::1]>;tag=f")
    request.add("To", "<sip:b@[::1]>" + tag)
    request.add("Call-ID", "c")
    request.add("CSeq", "7 " + method)
    return parse(request.emit())


def _run(layer, end):
    """Fire timers up to end; return [(time, first line of what was sent)]."""
    out = []
    while True:
        when = layer.timers.next()
        if when is None or when > end:
            return out
        layer.timers.handle(when)
        out += [(when, line) for line in _lines(layer)]


def _lines(layer):
    out = [data.split(b"\r\n")[0].decode().split(" SIP/2.0")[0] for data, _, _ in layer.output]
    layer.output = []
    return out


class ClientTest(unittest.TestCase):
    def setUp(self):
        self.layer = Layer(Random(1))
        self.user = User()

    def _start(self, method, transport="UDP"):
        self.request = _request(method, transport)
        transaction = self.layer.start_client(self.request, PEER, transport, self.user, 0)
        self.assertEqual(_lines(self.layer), [method + " sip:b@[::1]"])
        return transaction

    def _respond(self, status, now, tag="t"):
        response = self.request.response(status, None, tag)
        self.assertTrue(self.layer.receive_response(parse(response.emit()), now))

    def test_timer_a_and_b(self):
        self._start("INVITE")
        times = [when for when, line in _run(self.layer, 10**6)]
        self.assertEqual(times, [500, 1500, 3500, 7500, 15500, 31500])
        self.assertEqual(self.user.seen, [(32000, -408)])
        self.assertEqual((len(self.layer.clients), len(self.layer.timers)), (0, 0))

    def test_timer_b_reliable(self):
        self._start("INVITE", "TCP")
        self.assertEqual(_run(self.layer, 10**6), [])
        self.assertEqual(self.user.seen, [(32000, -408)])

    def test_provisional_stops_timer_a(self):
        transaction = self._start("INVITE")
        self._respond(100, 100)
        self._respond(180, 200)
        self.assertEqual(transaction.state, "Proceeding")
        self.assertEqual(_run(self.layer, 10**6), [])
        self.assertEqual(self.user.seen, [(100, 100), (200, 180)])

    def test_timer_d(self):
        transaction = self._start("INVITE")
        self._respond(486, 100)
        self.assertEqual(transaction.state, "Completed")
        ack = parse(self.layer.output[0][0])
        self.layer.output = []
        self.assertEqual((ack.method, ack.cseq.number), ("ACK", 7))
        self.assertEqual(ack.to.tag, "t")
        self.assertEqual(ack.via.branch, "z9hG4bKa")
        self.assertEqual(ack.values("route"), ["<sip:[::2];lr>"])
        self._respond(486, 200)
        self.assertEqual(_lines(self.layer), ["ACK sip:b@[::1]"])
        self.assertEqual(self.user.seen, [(100, 486)])
        _run(self.layer, 32099)
        self.assertEqual(transaction.state, "Completed")
        _run(self.layer, 32100)
        self.assertEqual(transaction.state, "Terminated")

    def test_timer_d_reliable(self):
        transaction = self._start("INVITE", "TCP")
        self._respond(486, 100)
        _run(self.layer, 100)
        self.assertEqual(transaction.state, "Terminated")

    def test_timer_m(self):
        for transport in ("UDP", "TCP"):
            self.setUp()
            transaction = self._start("INVITE", transport)
            self._respond(200, 100)
            self._respond(200, 200, "fork")
            self.assertEqual(transaction.state, "Accepted")
            self.assertEqual(self.user.seen, [(100, 200), (200, 200)])
            self.assertEqual(_run(self.layer, 32099), [])
            self.assertEqual(transaction.state, "Accepted")
            _run(self.layer, 32100)
            self.assertEqual(transaction.state, "Terminated")

    def test_timer_e_and_f(self):
        self._start("OPTIONS")
        times = [when for when, line in _run(self.layer, 10**6)]
        self.assertEqual(times, [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500])
        self.assertEqual(self.user.seen, [(32000, -408)])
        self.assertEqual(len(self.layer.clients), 0)

    def test_timer_e_in_proceeding(self):
        self._start("OPTIONS")
        self._respond(100, 100)
        times = [when for when, line in _run(self.layer, 10**6)]
        self.assertEqual(times, [500, 4500, 8500, 12500, 16500, 20500, 24500, 28500])
        self.assertEqual(self.user.seen, [(100, 100), (32000, -408)])

    def test_timer_f_reliable(self):
        self._start("OPTIONS", "TCP")
        self.assertEqual(_run(self.layer, 10**6), [])
        self.assertEqual(self.user.seen, [(32000, -408)])

    def test_timer_k(self):
        transaction = self._start("OPTIONS")
        self._respond(200, 100)
        self._respond(200, 200)
        self.assertEqual(self.user.seen, [(100, 200)])
        _run(self.layer, 5099)
        self.assertEqual(transaction.state, "Completed")
        _run(self.layer, 5100)
        self.assertEqual(transaction.state, "Terminated")

    def test_timer_k_reliable(self):
        transaction = self._start("OPTIONS", "TLS")
        self._respond(404, 100)
        _run(self.layer, 100)
        self.assertEqual(transaction.state, "Terminated")

    def test_transport_error(self):
        for method in ("INVITE", "OPTIONS"):
            self.setUp()
            self._start(method)
            self.layer.handle_transport_error((PEER[0], 7), "UDP", 40)
            self.layer.handle_transport_error(PEER, "TCP", 40)
            self.layer.handle_transport_error(PEER, "UDP", 50)
            self.assertEqual(self.user.seen, [(50, -503)])
            self.assertEqual((len(self.layer.clients), len(self.layer.timers)), (0, 0))

    def test_strange_responses(self):
        self._start("INVITE")
        good = self.request.response(200, None, "t").emit()
        for old, new in (
            (b"z9hG4bKa", b"z9hG4bKb"),
            (b"7 INVITE", b"7 BYE"),
            (b"[::1]:5060;", b"[::3]:5060;"),
        ):
            self.assertFalse(self.layer.receive_response(parse(good.replace(old, new)), 1))
        two = good.replace(b"Via:", b"Via: SIP/2.0/UDP x;branch=z9hG4bKz\r\nVia:")
        self.layer.receive_response(parse(two), 1)
        self.assertEqual(self.user.seen, [])
        self.assertEqual(self.layer.counters["stray_responses"], 3)
        self.assertEqual(self.layer.counters["foreign_responses"], 1)

    def test_bound(self):
        layer = Layer(Random(1), 2)
        for i in range(2):
            layer.start_client(
                _request("INVITE", branch="z9hG4bK%d" % i), PEER, "UDP", self.user, 0
            )
        self.assertRaises(
            LocalProtocolError, layer.start_client, self._one(), PEER, "UDP", self.user, 0
        )

    def test_bound_of_ended_ones(self):
        layer = Layer(Random(1), 8, ended=2)
        for i in range(5):
            octets = _request("OPTIONS").emit().replace(b"z9hG4bKa", b"z9hG4bK%d" % i)
            request = parse(octets)
            request.check()
            self.assertTrue(layer.has_room())
            layer.start_server(request, PEER, "UDP", i).respond(
                request.response(200, None, "t"), i
            )
        kept = sorted([key.split(" ")[0] for key in layer.servers])
        self.assertEqual(kept, ["z9hG4bK3", "z9hG4bK4"])
        self.assertEqual(layer.counters["forgotten_early"], 3)
        self.assertEqual(len(layer.timers), 2)

    def _one(self):
        return _request("INVITE", branch="z9hG4bKx")


class ServerTest(unittest.TestCase):
    def setUp(self):
        self.layer = Layer(Random(1))
        self.user = User()

    def _start(self, method, transport="UDP"):
        request = _request(method, transport)
        self.assertFalse(self.layer.receive_request(request, PEER, 0))
        self.transaction = self.layer.start_server(request, PEER, transport, 0)
        self.transaction.user = self.user

    def _respond(self, status, now):
        response = self.transaction.request.response(status, None, "t")
        self.transaction.respond(response, now)

    def _again(self, method, now, transport="UDP"):
        request = _request(method, transport)
        self.assertTrue(self.layer.receive_request(request, PEER, now))

    def test_trying_after_200_ms(self):
        self._start("INVITE")
        self._again("INVITE", 100)
        self.assertEqual(_lines(self.layer), [])
        self.assertEqual(_run(self.layer, 1000), [(200, "SIP/2.0 100 Trying")])
        self._again("INVITE", 1000)
        self.assertEqual(_lines(self.layer), ["SIP/2.0 100 Trying"])
        self._respond(180, 1100)
        self._again("INVITE", 1200)
        self.assertEqual(_lines(self.layer), ["SIP/2.0 180 Ringing"] * 2)

    def test_no_trying_if_answered(self):
        self._start("INVITE")
        self._respond(180, 100)
        _lines(self.layer)
        self.assertEqual(_run(self.layer, 10**6), [])

    def test_timer_g_and_h(self):
        self._start("INVITE")
        self._respond(486, 0)
        self.assertEqual(_lines(self.layer), ["SIP/2.0 486 Busy Here"])
        times = [when for when, line in _run(self.layer, 10**6)]
        self.assertEqual(times, [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500])
        self.assertEqual(self.user.seen, [(32000, -408)])
        self.assertEqual((len(self.layer.servers), len(self.layer.timers)), (0, 0))

    def test_timer_h_reliable(self):
        self._start("INVITE", "TCP")
        self._respond(486, 0)
        _lines(self.layer)
        self.assertEqual(_run(self.layer, 10**6), [])
        self.assertEqual(self.user.seen, [(32000, -408)])

    def test_timer_i(self):
        for transport, until in (("UDP", 5100), ("TCP", 100)):
            self.setUp()
            self._start("INVITE", transport)
            self._respond(486, 0)
            _lines(self.layer)
            self._again("ACK", 100, transport)
            self.assertEqual(self.transaction.state, "Confirmed")
            self._again("ACK", 100, transport)
            self._again("INVITE", 100, transport)
            self.assertEqual(_lines(self.layer), [])
            self.assertEqual(_run(self.layer, until - 1), [])
            self.assertEqual(self.transaction.state, "Confirmed")
            _run(self.layer, until)
            self.assertEqual(self.transaction.state, "Terminated")
            self.assertEqual(self.user.seen, [])

    def test_timer_l(self):
        for transport in ("UDP", "TCP"):
            self.setUp()
            self._start("INVITE", transport)
            self._respond(200, 0)
            self.assertEqual(_lines(self.layer), ["SIP/2.0 200 OK"])
            self.assertEqual(self.transaction.state, "Accepted")
            self._again("INVITE", 100, transport)
            self.assertEqual(_lines(self.layer), [])  # RFC 6026: absorbed
            ack = _request("ACK", transport, tag=";tag=t")
            self.assertFalse(self.layer.receive_request(ack, PEER, 200))
            self.assertEqual(_run(self.layer, 31999), [])
            self.assertEqual(self.transaction.state, "Accepted")
            _run(self.layer, 32000)
            self.assertEqual(self.transaction.state, "Terminated")

    def test_timer_j(self):
        for transport, until in (("UDP", 32000), ("TCP", 0)):
            self.setUp()
            self._start("OPTIONS", transport)
            self._again("OPTIONS", 0, transport)
            self.assertEqual(_lines(self.layer), [])
            self._respond(200, 0)
            self._again("OPTIONS", 0, transport)
            self.assertEqual(_lines(self.layer), ["SIP/2.0 200 OK"] * 2)
            if until:
                _run(self.layer, until - 1)
                self.assertEqual(self.transaction.state, "Completed")
            _run(self.layer, until)
            self.assertEqual(self.transaction.state, "Terminated")

    def test_one_final_response(self):
        for method in ("INVITE", "OPTIONS"):
            self.setUp()
            self._start(method)
            self._respond(404, 0)
            self.assertRaises(LocalProtocolError, self._respond, 405, 1)
            self.assertRaises(LocalProtocolError, self._respond, 180, 1)

    def test_matching(self):
        # RFC 3261 section 17.2.3: branch, sent-by and method
        self._start("INVITE")
        other = _request("INVITE", branch="z9hG4bKb")
        self.assertFalse(self.layer.receive_request(other, PEER, 0))
        octets = _request("INVITE").emit().replace(b"[::1]:5060;", b"[::1]:5061;")
        self.assertFalse(self.layer.receive_request(parse(octets), PEER, 0))
        self.assertFalse(self.layer.receive_request(_request("BYE"), PEER, 0))
        self.assertTrue(self.layer.find_invite(_request("CANCEL")) is self.transaction)

    def test_matching_rfc2543(self):
        request = _request("INVITE", branch="1")
        self.assertFalse(self.layer.receive_request(request, PEER, 0))
        self.transaction = self.layer.start_server(request, PEER, "UDP", 0)
        self._respond(486, 0)
        again = _request("INVITE", branch="1")
        self.assertTrue(self.layer.receive_request(again, PEER, 0))
        ack = _request("ACK", branch="1", tag=";tag=t")
        self.assertTrue(self.layer.receive_request(ack, PEER, 0))
        self.assertEqual(self.transaction.state, "Confirmed")


class ViaTest(unittest.TestCase):
    # Via of the request, source port -> Via of the response, where it goes
    TABLE = (
        ("[2001:db8::b]", 5060, "[2001:db8::b];branch=z9hG4bKa", 5060),
        ("[2001:db8::b]:5070", 5060, "[2001:db8::b]:5070;branch=z9hG4bKa", 5070),
        (
            "[2001:db8::b]:5070;rport",
            6000,
            "[2001:db8::b]:5070;rport=6000;branch=z9hG4bKa;received=2001:db8::b",
            6000,
        ),
        (
            "phone.example:5070",
            6000,
            "phone.example:5070;branch=z9hG4bKa;received=2001:db8::b",
            5070,
        ),
        (
            "[2001:db8::c]",
            6000,
            "[2001:db8::c];branch=z9hG4bKa;received=2001:db8::b",
            5060,
        ),
        (
            "[2001:db8::c];received=2001:db8::ff;rport=1",
            6000,
            "[2001:db8::c];received=2001:db8::b;rport=6000;branch=z9hG4bKa",
            6000,
        ),
    )

    def test_response_routing(self):
        peer = b"\x20\x01\x0d\xb8" + bytes(11) + b"\x0b"
        for via, port, out, where in self.TABLE:
            layer = Layer(Random(1))
            octets = _request("OPTIONS").emit()
            line = ("Via: SIP/2.0/UDP %s;branch=z9hG4bKa, SIP/2.0/UDP last" % via).encode()
            request = parse(octets.replace(b"Via: SIP/2.0/UDP [::1]:5060;branch=z9hG4bKa", line))
            request.check()
            self.assertFalse(layer.receive_request(request, (peer, port), 0))
            transaction = layer.start_server(request, (peer, port), "UDP", 0)
            transaction.respond(request.response(200, None, "t"), 0)
            data, to, transport = layer.output[0]
            self.assertEqual(to, (peer, where))
            self.assertEqual(parse(data).values("via"), ["SIP/2.0/UDP " + out, "SIP/2.0/UDP last"])

    def test_tables_are_whole(self):
        # every state that a table leads to is left again by some event, or is the last
        for table in (
            INVITE_CLIENT, NON_INVITE_CLIENT, INVITE_SERVER, NON_INVITE_SERVER, SESSION
        ):  # fmt: skip
            sources = [state for state, event in table]
            for key in table:
                self.assertTrue(table[key][1] == "Terminated" or table[key][1] in sources)
