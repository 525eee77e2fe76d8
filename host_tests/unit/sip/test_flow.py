# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sip/flow.py and stun.py: RFC 5626 at registrars that support it, and at others."""

import unittest

from host_tests.unit.sip.helpers import PEER, A, B, events, kinds, make_agent, reply, sent
from host_tests.unit.sip.strict_registrar import StrictRegistrar
from vox6.sip import stun
from vox6.sip.account import Account, make_instance_id
from vox6.sip.flow import get_recovery_delay
from vox6.wire import FormatError, LocalProtocolError, parse_address

INSTANCE = make_instance_id(bytes(range(16)))
COOKIE = b"\x21\x12\xa4\x42"


def binding_response(request, address, port):
    """Return the answer of a STUN server to a request: it came from this address."""
    mask = request[4:20]
    family = 2 if len(address) == 16 else 1
    value = bytes([0, family, port >> 8 ^ mask[0], port & 255 ^ mask[1]])
    value += bytes([address[i] ^ mask[i] for i in range(len(address))])
    unknown = b"\x80\x22\x00\x03abc\x00"  # SOFTWARE, padded
    body = unknown + b"\x00\x20" + bytes([0, len(value)]) + value
    return b"\x01\x01" + bytes([0, len(body)]) + mask + body


class StunTest(unittest.TestCase):
    def test_request(self):
        self.assertEqual(
            stun.emit_request(b"abcdefghijkl"), b"\x00\x01\x00\x00" + COOKIE + b"abcdefghijkl"
        )

    def test_rfc5769(self):
        # section 2.2 and 2.3: the sample responses, of 192.0.2.1:32853 and 2001:db8:...:32853
        ipv4 = bytes.fromhex(
            "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001"
            "a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
        )
        self.assertEqual(
            stun.parse_response(ipv4),
            (
                bytes.fromhex("b7e7a701bc34d686fa87dfae"),
                (b"\x00" * 10 + b"\xff\xff" + bytes([192, 0, 2, 1]), 32853),
            ),
        )
        ipv6 = bytes.fromhex(
            "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002"
            "a1470113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed41"
            "80280004c8fb0b4c"
        )
        self.assertEqual(
            stun.parse_response(ipv6)[1],
            (parse_address("2001:db8:1234:5678:11:2233:4455:6677"), 32853),
        )

    def test_error_response(self):
        data = b"\x01\x11\x00\x00" + COOKIE + b"abcdefghijkl"
        self.assertEqual(stun.parse_response(data), (b"abcdefghijkl", None))

    def test_bad(self):
        good = binding_response(stun.emit_request(b"abcdefghijkl"), A, 5060)
        self.assertEqual(stun.parse_response(good), (b"abcdefghijkl", (A, 5060)))
        for data in (
            b"",
            good[:-1],
            good + b"\x00\x00\x00\x00",
            b"\x00" + good[1:],  # a request
            good[:4] + b"\x00" + good[5:],  # another cookie
            b"\x01\x01\x00\x00" + good[4:20],  # no address
            good[:33] + b"\x03" + good[34:],  # unknown family
            good[:31] + b"\x40" + good[32:],  # longer than the message
        ):
            self.assertRaises(FormatError, stun.parse_response, data)

    def test_instance_id(self):
        self.assertEqual(INSTANCE, "urn:uuid:00010203-0405-4607-8809-0a0b0c0d0e0f")
        self.assertRaises(LocalProtocolError, make_instance_id, b"short")
        self.assertRaises(LocalProtocolError, Account, "sip:a@b", instance_id='urn:uuid:"><')


class Case(unittest.TestCase):
    def start(self, transport="UDP", outbound=True, lines=(), **options):
        options.setdefault("instance_id", INSTANCE)
        self.agent = make_agent()
        self.account = Account("sip:anna@example.com", "", "", "", "", PEER, transport, **options)
        self.registrar = StrictRegistrar(self.agent, PEER, transport=transport)
        self.registrar.outbound = outbound
        self.registrar.lines = lines
        self.registrar.grant = 3600
        self.transport = transport
        self.registration = self.agent.register(self.account, 0, 3600)
        self.registrar.serve()
        self.assertEqual(kinds(self.agent), ["Registered"])

    def run_to(self, end):
        """Fire timers; return [(time, octets)] of all that is no SIP message."""
        log = []
        while True:
            when = self.agent.get_timer()
            if when is None or when > end:
                return log
            self.agent.handle_timer(when)
            for octets, peer, transport in self.registrar.serve(when):
                self.assertEqual((peer, transport), (PEER, self.transport))
                log.append((when, octets))

    def next_ping(self, start, low, high):
        """Wait for one ping; return (when, octets)."""
        log = []
        while not log:
            log = self.run_to(self.agent.get_timer())
        self.assertTrue(start + low <= log[0][0] <= start + high, log)
        return log[0]

    def prove(self):
        """Answer one ping; return when."""
        when, _ = self.next_ping(0, 96000, 120000)
        self.agent.receive_datagram(b"\r\n", PEER, when, "TCP")
        self.assertTrue(self.registration.flow.is_proven)
        return when


class StreamTest(Case):
    def test_contact(self):
        self.start("TCP")
        contact = self.registrar.requests[0].contact()
        self.assertEqual(contact.get("+sip.instance"), '"<%s>"' % INSTANCE)
        self.assertEqual(contact.get("reg-id"), "1")
        self.assertEqual(contact.uri.get("transport"), "tcp")
        self.assertTrue(self.registration.is_outbound)
        # RFC 5626 section 4.3
        self.agent.invite(
            "sip:bob@example.com", PEER, 0, b"o", account=self.account, transport="TCP"
        )
        self.assertEqual(sent(self.agent)[0].contact().uri.get("ob"), "")

    def test_ping_pong(self):
        self.start("TCP")
        when = 0
        for _ in range(5):
            when, octets = self.next_ping(when, 96000, 120000)
            self.assertEqual(octets, b"\r\n\r\n")
            self.assertEqual(self.run_to(when + 9999), [])
            when += 9999
            self.agent.receive_datagram(b"\r\n", PEER, when, "TCP")
        self.assertEqual(kinds(self.agent), [])
        self.assertTrue(self.registration.flow.is_proven)

    def test_no_pong(self):
        self.start("TCP")
        when, _ = self.next_ping(0, 96000, 120000)
        self.agent.receive_datagram(b"\r\n", PEER, when, "TCP")
        before = len(self.registrar.requests)
        when, _ = self.next_ping(when, 96000, 120000)
        # another connection's pong does not count
        self.agent.receive_datagram(b"\r\n", (B, 5061), when, "TCP")
        self.agent.receive_datagram(b"\r\n", PEER, when, "UDP")
        self.assertEqual(self.run_to(when + 9999), [])
        self.agent.handle_timer(when + 10000)
        event = events(self.agent)[0]
        self.assertEqual(
            (type(event).__name__, event.reason), ("FlowFailed", "no answer to keepalive")
        )
        # a flow that was good is formed anew at once, with the same reg-id
        self.registrar.serve(when + 10000)
        self.assertEqual(len(self.registrar.requests), before + 1)
        self.assertEqual(self.registrar.requests[-1].contact().get("reg-id"), "1")
        self.assertEqual(kinds(self.agent), ["Registered"])

    def test_never_a_pong(self):
        self.start("TCP")
        when, _ = self.next_ping(0, 96000, 120000)
        self.run_to(when + 10000)
        flow, failed = events(self.agent)
        self.assertEqual(type(flow).__name__, "FlowFailed")
        self.assertTrue(30000 <= failed.retry_ms <= 60000, failed.retry_ms)

    def test_flow_timer(self):
        self.start("TCP", lines=[("Flow-Timer", "50")])
        when, _ = self.next_ping(0, 40000, 50000)
        self.agent.receive_datagram(b"\r\n", PEER, when, "TCP")
        self.next_ping(when, 40000, 50000)

    def test_any_message_is_as_good_as_a_pong(self):
        self.start("TCP")
        when, _ = self.next_ping(0, 96000, 120000)
        self.agent.options("sip:x@example.com", PEER, when, transport="TCP")
        self.agent.receive_datagram(reply(sent(self.agent)[0], 200), PEER, when, "TCP")
        self.run_to(when + 20000)
        self.assertEqual(kinds(self.agent), ["OptionsAnswered"])

    def test_connection_lost(self):
        self.start("TLS")
        self.agent.handle_transport_error(PEER, 5000, "UDP")  # not ours
        self.assertEqual(kinds(self.agent), [])
        self.agent.handle_transport_error(PEER, 5000, "TLS")
        self.assertEqual([type(e).__name__ for e in events(self.agent)][0], "FlowFailed")

    def test_their_ping(self):
        self.start("TCP")
        self.agent.receive_datagram(b"\r\n\r\n", PEER, 10, "TCP")
        self.assertEqual(self.agent.datagrams_to_send(), [(b"\r\n", PEER, "TCP")])
        self.agent.receive_datagram(b"\r\n\r\n", PEER, 10, "UDP")
        self.assertEqual(self.agent.datagrams_to_send(), [])

    def test_recovery(self):
        # 50 to 100 % of min(1800, 30 * 2^n) s; 90 when another flow of the account stands
        self.start("TCP")
        other = self.agent.register(self.account, 0)
        for failures, low, high in (
            (1, 30, 60),
            (2, 60, 120),
            (3, 120, 240),
            (6, 900, 1800),
            (99, 900, 1800),
        ):
            self.registration.state = "Failed"
            for _ in range(20):
                delay = get_recovery_delay(other, failures)
                self.assertTrue(500 * 2 * low <= delay <= 1000 * high, (failures, delay))
        self.registration.state = "Registered"
        for _ in range(20):
            self.assertTrue(90000 <= get_recovery_delay(other, 1) <= 180000)

    def test_consecutive_failures(self):
        self.start("TCP")
        when = self.prove()
        low = 15000
        self.agent.handle_transport_error(PEER, when, "TCP")
        out = self.agent.datagrams_to_send()
        events(self.agent)
        for _ in range(4):
            self.agent.handle_transport_error(PEER, when, "TCP")
            failed = events(self.agent)[-1]
            low *= 2
            self.assertTrue(low <= failed.retry_ms <= 2 * low, (low, failed.retry_ms))
            when += failed.retry_ms
            self.agent.handle_timer(when)
            out = self.agent.datagrams_to_send()
            self.assertEqual(len(out), 1)


class DatagramTest(Case):
    def test_stun(self):
        self.start()
        when = 0
        for _ in range(3):
            when, octets = self.next_ping(when, 24000, 29000)
            self.assertEqual(octets[:8], b"\x00\x01\x00\x00" + COOKIE)
            answer = binding_response(octets, A, 5060)
            self.agent.receive_datagram(answer, PEER, when + 50)
            self.agent.receive_datagram(answer, PEER, when + 60)  # doubled
            when += 50
        self.assertEqual(kinds(self.agent), [])
        self.assertEqual(self.agent.counters["stray_stun"], 3)

    def test_repeated_until_it_fails(self):
        self.start()
        start, octets = self.next_ping(0, 24000, 29000)
        log = self.run_to(start + 39499)
        times = [when - start for when, _ in log]
        self.assertEqual(times, [500, 1500, 3500, 7500, 15500, 31500])
        self.assertEqual(set([data for _, data in log]), {octets})
        self.assertEqual(kinds(self.agent), [])
        self.run_to(start + 39500)
        self.assertEqual(kinds(self.agent)[0], "FlowFailed")

    def test_changed_address(self):
        self.start()
        when, octets = self.next_ping(0, 24000, 29000)
        self.agent.receive_datagram(binding_response(octets, A, 5060), PEER, when)
        when, octets = self.next_ping(when, 24000, 29000)
        self.agent.receive_datagram(binding_response(octets, A, 5061), PEER, when)
        self.assertEqual(events(self.agent)[0].reason, "our address has changed")
        self.registrar.serve(when)
        self.assertEqual(kinds(self.agent), ["Registered"])

    def test_error_response(self):
        self.start()
        when, octets = self.next_ping(0, 24000, 29000)
        self.agent.receive_datagram(b"\x01\x11\x00\x00" + octets[4:20], PEER, when)
        self.assertEqual(kinds(self.agent)[0], "FlowFailed")

    def test_stun_of_a_stranger(self):
        self.start()
        when, octets = self.next_ping(0, 24000, 29000)
        good = binding_response(octets, A, 5060)
        self.agent.receive_datagram(good, (B, 5061), when)
        self.agent.receive_datagram(good[:19] + b"\x00" + good[20:], PEER, when)
        self.agent.receive_datagram(good[:40], PEER, when)
        self.assertFalse(self.registration.flow.is_proven)
        self.agent.receive_datagram(good, PEER, when)
        self.assertTrue(self.registration.flow.is_proven)
        # requests are not answered: we are no server
        self.agent.receive_datagram(octets, PEER, when)
        self.assertEqual(self.agent.datagrams_to_send(), [])

    def test_path_with_ob(self):
        # RFC 5626 section 8: the edge proxy says that it can
        self.start(outbound=False, lines=[("Path", "<sip:edge.example.com;lr;ob>")])
        self.assertFalse(self.registration.is_outbound)
        when, octets = self.next_ping(0, 24000, 29000)
        self.assertEqual(octets[:2], b"\x00\x01")

    def test_no_keepalive_without_support(self):
        self.start(outbound=False)
        self.assertEqual(self.registration.flow, None)
        self.assertEqual(self.run_to(1000000), [])
        self.assertEqual(self.registration.get_contact(), "")

    def test_empty_lines_that_nobody_answers(self):
        for transport in ("UDP", "TCP"):
            self.start(transport, outbound=False, instance_id="", keepalive_s=30)
            when = 0
            for _ in range(5):
                when, octets = self.next_ping(when, 24000, 30000)
                self.assertEqual(octets, b"\r\n\r\n")
            self.assertEqual(kinds(self.agent), [])

    def test_unregistered(self):
        self.start()
        self.registration.unregister(10)
        self.registrar.serve(10)
        self.assertEqual(kinds(self.agent), ["Unregistered"])
        self.run_to(100000)
        self.assertEqual(len(self.agent.layer.timers), 0)

    def test_439(self):
        agent = make_agent()
        account = Account("sip:anna@example.com", peer=PEER, instance_id=INSTANCE)
        registrar = StrictRegistrar(agent, PEER)
        registrar.script = [439]
        agent.register(account, 0)
        registrar.serve()
        self.assertEqual(registrar.statuses, [439, 200])
        contact = registrar.requests[-1].contact()
        self.assertEqual(contact.get("reg-id"), None)
        self.assertFalse("outbound" in registrar.requests[-1].tokens("supported"))

    def test_two_flows_of_one_account(self):
        self.start()
        second = Account(
            "sip:anna@example.com", peer=(B, 5070), instance_id=INSTANCE, reg_id=2, transport="TCP"
        )
        other = StrictRegistrar(self.agent, (B, 5070), transport="TCP")
        other.outbound = True
        # a binding of the other flow is not taken for ours
        other.others = [
            '<sip:anna@[2001:db8::a]>;reg-id=1;+sip.instance="<%s>";expires=7' % INSTANCE
        ]
        self.agent.register(second, 0)
        other.serve()
        self.assertEqual([e.expires for e in events(self.agent)], [60])
        self.assertEqual(other.requests[0].contact().get("reg-id"), "2")


if __name__ == "__main__":
    unittest.main()
