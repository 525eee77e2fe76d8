# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/pubtsp/server.py: signalling, every code of section 3.5, what is bounded and forgotten."""

import unittest

from host_tests.unit.pubtsp import rows
from host_tests.vectors.pubtsp import exchanges
from vox6.pubtsp import AddressFormat, Config, Server, mapped, messages
from vox6.wire import LocalProtocolError

HEAD = bytes.fromhex("f00000f20000003d")
PEER = (mapped(rows.V4), rows.PORT)
CREATE = (
    b'<tunnel action="create" type="v6udpv4"><client><address type="ipv4">192.168.1.20</address>'
    b'<keepalive interval="30"></keepalive></client></tunnel>\r\n'
)


def server(mode="mac", key=rows.KEY, service=rows.SERVER, **more):
    config = {"policy": "lab"}
    for name in ("policy", "ports_min", "deny", "kernel_forwards"):
        if name in more:
            config[name] = more.pop(name)
    addresses = AddressFormat(rows.PREFIX, mode, key)
    return Server(Config(addresses, service, (rows.PEER_SERVER,), **config), **more)


def content(text):
    return b"Content-length: %d\r\n" % len(text) + text


def ask(engine, text, peer=PEER, now=0, head=HEAD):
    """The reply's octets, or None; it goes to where the request came from."""
    engine.receive_datagram(head + text, peer, now)
    out = engine.datagrams_to_send()
    if not out:
        return None
    (data, to, tos) = out[0]
    assert len(out) == 1 and to == peer and tos == 0
    assert len(data) <= 3 * len(head + text)
    return data


def reply(engine, text, peer=PEER, now=0):
    return messages.parse_reply(ask(engine, text, peer, now)[8:])


class TestExchange(unittest.TestCase):
    def test_octets(self):
        """Section 15, octet by octet; each request alone, in any order (D-3)."""
        for order in (exchanges.EXCHANGES, tuple(reversed(exchanges.EXCHANGES))):
            engine = server(service=exchanges.SERVER_IPV4)
            for name, request, answer, lengths in order:
                self.assertEqual((len(request), len(answer)), lengths, name)
                for _ in range(2):  # D-2: a duplicate is answered afresh, alike
                    self.assertEqual(ask(engine, request[8:], PEER, 0, request[:8]), answer, name)

    def test_header_comes_back(self):
        engine = server()
        for head in ("f0000000ffffffff", "ffffffff00000000", "f00000f0deadbeef"):
            octets = bytes.fromhex(head)
            self.assertEqual(ask(engine, b"VERSION=2.0.0\r\n", head=octets)[:8], octets)

    def test_observed_not_stated(self):
        """D-6, D-8: the address in the request does not matter."""
        engine = server()
        one = reply(engine, content(CREATE)).info
        two = reply(engine, content(CREATE.replace(b"192.168.1.20", b"198.51.100.77"))).info
        self.assertEqual(one.client_ipv6, rows.CLIENT)
        self.assertEqual((two.client_ipv6, two.client_ipv4), (rows.CLIENT, rows.V4))

    def test_info_is_create(self):
        """D-4."""
        engine = server()
        info = CREATE.replace(b"create", b"info")
        self.assertEqual(ask(engine, content(info)), ask(engine, content(CREATE)))

    def test_keepalive_bounds(self):
        engine = server(keepalive=(20, 30, 3600))
        for wish, given in ((1, 20), (20, 20), (28, 28), (3600, 3600), (99999, 3600)):
            text = CREATE.replace(b'"30"', b'"%d"' % wish)
            self.assertEqual(reply(engine, content(text)).info.interval, given)
        text = CREATE.replace(b'<keepalive interval="30"></keepalive>', b" " * 37)
        self.assertEqual(reply(engine, content(text)).info.interval, 30)

    def test_lifetime(self):
        """D-7: the rest of the key's period; a whole day without one."""
        engine = server()
        self.assertEqual(reply(engine, content(CREATE)).info.lifetime, 1440)
        engine.set_keys(rows.KEY, None, 3600000)
        for now, minutes in ((0, 60), (1800000, 30), (3590000, 1), (4000000, 1)):
            self.assertEqual(reply(engine, content(CREATE), now=now).info.lifetime, minutes)
        self.assertEqual(reply(server(mode="off"), content(CREATE)).info.lifetime, 1440)


class TestCodes(unittest.TestCase):
    """Section 3.5, each line."""

    def check(self, text, code, engine=None, peer=PEER):
        answer = reply(engine or server(), text, peer)
        self.assertEqual(answer.code, code, text)
        return answer

    def test_200(self):
        for action in (b"accept", b"reject", b"delete"):
            text = b'<tunnel action="' + action + b'"></tunnel>\r\n'
            self.assertEqual(
                ask(server(), content(text))[8:], b"Content-length: 13\r\n200 Success\r\n"
            )
            self.assertEqual(self.check(text, 200).info, None)
        self.check(b"AUTHENTICATE ANONYMOUS\r\n", 200)

    def test_300(self):
        for name in (b"PLAIN", b"DIGEST-MD5", b"CRAM-MD5", b"", b"ANONYMOUSLY"):
            self.check(b"AUTHENTICATE " + name + b"\r\n", 300)

    def test_302(self):
        for version in (b"2.0.3", b"1.0.1", b"1.0", b"3", b"", b"2.0.0.0"):
            self.check(b"VERSION=" + version + b"\r\n", 302)
        for version in (b"2.0.0", b"2.0.1", b"2.0.2"):
            self.check(b"VERSION=" + version + b"\r\n", 0)

    def test_303(self):
        for kind in (b"v6v4", b"v4v6", b"v6ipsec"):
            self.check(content(CREATE.replace(b"v6udpv4", kind)), 303)
        answer = self.check(content(CREATE.replace(b"v6udpv4", b"v6anyv4")), 200)
        self.assertEqual(answer.info.type, "v6udpv4")

    def test_type(self):
        """C-5: required for create alone."""
        self.check(content(CREATE.replace(b' type="v6udpv4"', b"")), 500)
        self.check(content(b'<tunnel action="accept"></tunnel>\r\n'), 200)
        info = CREATE.replace(b' type="v6udpv4"', b" " * 15).replace(b"create", b"info")
        self.check(content(info), 200)

    def test_310(self):
        self.check(content(CREATE), 310, server(key=None))
        for v4, port, text in (
            (rows.V4, 1023, True),
            (rows.V4, 3653, True),
            (bytes((10, 0, 0, 1)), 5000, False),
            (bytes((192, 168, 1, 1)), 5000, False),
        ):
            answer = self.check(content(CREATE), 310, None, (mapped(v4), port))
            self.assertEqual(messages.PORT_TEXT in answer.text, text)

    def test_310_seldom(self):
        """Ten at once for each address, one a second after that."""
        engine = server()
        peer = (mapped(rows.V4), 53)
        answers = [ask(engine, content(CREATE), peer) for _ in range(50)]
        self.assertEqual(len([one for one in answers if one]), 10)
        self.assertIsNone(ask(engine, content(CREATE), peer, 900))
        self.assertTrue(ask(engine, content(CREATE), peer, 1000))

    def test_500(self):
        for text in (b"HELLO\r\n", content(b'<tunnel action="fly"></tunnel>\r\n'),
                     content(b"<tunnel></tunnel>\r\n"), b"Content-length: 99\r\n" + CREATE,
                     b'<!DOCTYPE a [<!ENTITY b "c">]>' + CREATE):  # fmt: skip
            self.check(text, 500)

    def test_501(self):
        self.check(content(CREATE.replace(b"192.168.1.20", b"192.168.1.2000")), 501)

    def test_507(self):
        text = CREATE.replace(b"</client>", b'<router><prefix length="48"/></router></client>')
        self.check(content(text), 507)
        text = CREATE.replace(b"</client>", b"<router><dns_server/></router></client>")
        self.check(content(text), 200)  # ignored

    def test_530(self):
        """A source that asks too often; others are not affected."""
        engine = server()
        codes = [ask(engine, content(CREATE)) for _ in range(60)]
        answers = [messages.parse_reply(octets[8:]).code for octets in codes if octets]
        self.assertEqual(answers.count(200), 30)
        self.assertEqual(answers.count(530), 10)
        self.assertEqual(codes.count(None), 20)
        self.check(content(CREATE), 200, engine, (mapped(rows.OTHER_V4), 40000))
        self.assertEqual(reply(engine, content(CREATE), now=1000).code, 200)

    def test_1530(self):
        """R-9: a drained server sends newcomers elsewhere, and serves those who are here."""
        engine = server()
        brokers = [bytes((192, 0, 2, 9)), "tsp.example.net"]
        engine.drain(brokers)
        answer = self.check(content(CREATE), 1530, engine)
        self.assertEqual(answer.brokers, brokers)
        self.check(b"VERSION=2.0.0\r\n", 0, engine)
        self.check(content(b'<tunnel action="accept"></tunnel>\r\n'), 200, engine)
        engine.receive_datagram(rows.GOOD, PEER, 0)
        self.assertEqual(len(engine.packets_to_send()), 1)
        engine.drain(None)
        self.check(content(CREATE), 200, engine)

    def test_never(self):
        """506, 521, 301, 502: two tunnels of one IPv4 address are two tunnels (D-9, D-11)."""
        engine = server()
        one = reply(engine, content(CREATE)).info.client_ipv6
        two = reply(engine, content(CREATE), (PEER[0], 40001)).info.client_ipv6
        self.assertNotEqual(one, two)


class TestBounds(unittest.TestCase):
    def test_amplification(self):
        """X-7: whatever is asked, three times as much at most."""
        engine = server(dns=rows.HOST)
        texts = [b"<tunnel action='create' type='v6udpv4'/>", b"<tunnel action='info'/>", b"x",
                 b"VERSION=9", b"VERSION=2.0.0", b"<a/>", b"AUTHENTICATE X"]  # fmt: skip
        texts += [content(CREATE[:i]) for i in range(0, len(CREATE), 7)]
        for now, text in enumerate(texts):
            ask(engine, text, now=200 * now)

    def test_small_requests(self):
        """A create of few words gets an info without server; one too small 500."""
        engine = server()
        text = (
            b'<tunnel action="create" type="v6udpv4"><client><address type="ipv4">10.0.0.1'
            b"</address></client></tunnel>\r\n"
        )
        info = reply(engine, content(text)).info
        self.assertEqual((info.server_ipv6, info.client_ipv6), (None, rows.CLIENT))
        self.assertEqual(info.keepalive_address, rows.P1)
        self.assertEqual(reply(engine, b'<tunnel action="create" type="v6udpv4"/>').code, 500)

    def test_dns_if_there_is_room(self):
        engine = server(dns=rows.HOST)
        self.assertEqual(reply(engine, content(CREATE + b" " * 20)).info.dns_server, rows.HOST)
        engine = server(service=exchanges.SERVER_IPV4)
        for _, request, answer, _ in exchanges.EXCHANGES:
            self.assertEqual(ask(engine, request[8:], PEER, 0, request[:8]), answer)

    def test_length(self):
        """C-2: 1024 octets of TSP data."""
        engine = server()
        text = b"VERSION=2.0.0" + b" " * 1009 + b"\r\n"
        self.assertEqual(reply(engine, text).code, 0)
        self.assertEqual(reply(engine, text + b" ").code, 500)

    def test_not_answered(self):
        """NUL octets, short headers, what servers say, and who cannot be answered."""
        engine = server()
        for text in (b"VERSION=2.0.0\0\r\n", b"", b"\r\n", b"200 Success\r\n",
                     content(b"200 Success\r\n"), b"CAPABILITY TUNNEL=V6UDPV4\r\n"):  # fmt: skip
            self.assertIsNone(ask(engine, text))
        for length in range(1, 8):
            engine.receive_datagram(HEAD[:length], PEER, 0)
        self.assertEqual(engine.datagrams_to_send(), [])
        for v4, port in (
            (rows.V4, 0),
            (bytes((127, 0, 0, 1)), 9999),
            (bytes((255, 255, 255, 255)), 9999),
            (bytes((224, 0, 0, 1)), 9999),
            (bytes(4), 9999),
            (rows.PEER_SERVER, 3653),
            (rows.SERVER, 3653),
        ):
            self.assertIsNone(ask(engine, content(CREATE), (mapped(v4), port)))

    def test_not_ipv4(self):
        """R-2."""
        engine = server()
        self.assertIsNone(ask(engine, content(CREATE), (rows.HOST, 40000)))

    def test_two_servers_do_not_talk(self):
        """A forged datagram in the name of another server: it ends with one 310 (RFC 6324)."""
        one, two = server(), server(service=rows.PEER_SERVER)
        data = HEAD + b"VERSION=2.0.0\r\n"
        at = [(one, (mapped(rows.PEER_SERVER), 3653)), (two, (mapped(rows.SERVER), 3653))]
        count = 0
        for engine, peer in at:
            pending = [data, HEAD + b"nonsense", HEAD + b"310 Server side error\r\n"]
            while pending and count < 50:
                engine.receive_datagram(pending.pop(), peer, 0)
                pending += [reply for reply, _, _ in engine.datagrams_to_send()]
                count += 1
        # six forged ones; the second server does not know the first for one, and answers two
        self.assertEqual(count, 8)

    def test_output_is_bounded(self):
        engine = server()
        for _ in range(300):
            engine.receive_datagram(rows.GOOD, PEER, 0)
        self.assertEqual(len(engine.packets_to_send()), 256)
        self.assertEqual(engine.counters["dropped_output"], 44)


class TestErrors(unittest.TestCase):
    def bad(self, engine, count, v4=rows.V4, now=0):
        """How many errors so many packets with a wrong tag make."""
        source = rows.PREFIX + v4 + b"\xd4\x31\0\0"
        for _ in range(count):
            engine.receive_datagram(rows.udp(source, rows.HOST), (mapped(v4), rows.PORT), now)
        return len(engine.datagrams_to_send())

    def test_each_source(self):
        """10 a second with a burst of 10."""
        engine = server()
        self.assertEqual(self.bad(engine, 50), 10)
        self.assertEqual(self.bad(engine, 50, rows.OTHER_V4), 10)
        self.assertEqual(self.bad(engine, 50, now=1000), 10)
        self.assertEqual(engine.counters["drop_U4"], 150)
        self.assertEqual(engine.counters["limited"], 120)

    def test_d5_in_total(self):
        """Who scans for clients hears ten errors a second, from wherever he asks."""
        engine = server()
        for i in range(100):
            source = rows.address("2400:%04x" % i)
            engine.receive_packet(rows.udp(source, rows.CLIENT[:14] + b"\0\1"), 0)
        self.assertEqual(len(engine.packets_to_send()), 10)

    def test_off_switch(self):
        """Section 10: no errors at all."""
        self.assertEqual(self.bad(server(error_rate=0), 50), 0)

    def test_packet_rate(self):
        """D-11: packets of one IPv4 address, whatever its ports; both ways; others go on."""
        engine = server(packet_rate=20)
        for _ in range(50):
            engine.receive_datagram(rows.GOOD, PEER, 0)
        self.assertEqual(len(engine.packets_to_send()), 20)
        engine.receive_packet(rows.DOWN, 0)
        self.assertEqual(engine.datagrams_to_send(), [])
        other = (mapped(rows.OTHER_V4), rows.OTHER_PORT)
        engine.receive_datagram(rows.udp(rows.OTHER, rows.HOST), other, 0)
        self.assertEqual(len(engine.packets_to_send()), 1)
        engine.receive_packet(rows.DOWN, 1000)
        self.assertEqual(len(engine.datagrams_to_send()), 1)
        self.assertEqual(engine.counters["drop_rate"], 31)

    def test_icmpv4(self):
        engine = server()
        engine.receive_icmpv4(rows.DOWN[:48], PEER, 0)
        self.assertEqual(engine.packets_to_send(), [rows.error(rows.HOST, 1, 3, rows.DOWN[:48])])
        engine.receive_icmpv4(rows.DOWN[:48], (PEER[0], 5), 0)
        self.assertEqual(engine.packets_to_send(), [])


class TestState(unittest.TestCase):
    def test_nothing_is_kept(self):
        """Section 7.8: another server of the same configuration gives the same octets."""
        engine = server()
        inputs = [rows.GOOD, rows.echo(rows.CLIENT, rows.P1), HEAD + content(CREATE)]
        for data in inputs * 3:
            engine.receive_datagram(data, PEER, 0)
            fresh = server()
            fresh.receive_datagram(data, PEER, 0)
            self.assertEqual(engine.datagrams_to_send(), fresh.datagrams_to_send())
            self.assertEqual(engine.packets_to_send(), fresh.packets_to_send())
        self.assertIsNone(engine.get_timer())
        self.assertIsNone(engine.next_event())
        engine.handle_timer(5)

    def test_no_data_before_address(self):
        """Who never asked may send, if he knows his tag: nothing depends on signalling."""
        engine = server()
        engine.receive_datagram(rows.GOOD, PEER, 0)
        self.assertEqual(engine.packets_to_send(), [rows.hops(rows.GOOD, 63)])

    def test_clock_that_jumps(self):
        engine = server()
        for now in (10**12, 0, 5, 10**15, 3):
            self.assertEqual(reply(engine, content(CREATE), now=now).code, 200)

    def test_settings(self):
        for more in ({"keepalive": (30, 20, 40)}, {"keepalive": (0, 1, 2)}, {"lifetime": 0}):
            self.assertRaises(LocalProtocolError, lambda more=more: server(**more))
        self.assertIn("mac", server().debug())


class TestBatches(unittest.TestCase):
    def outputs(self, engine):
        return engine.datagrams_to_send(), engine.packets_to_send()

    def test_same_as_one_by_one(self):
        """Each row, asked for the first and for the second time, among packets that passed."""
        for row in rows.FROM_TUNNEL + rows.TO_TUNNEL:
            differs = dict(row[5])
            v4, port = differs.pop("v4", rows.V4), differs.pop("port", rows.PORT)
            tos, mode = differs.pop("tos", 0), differs.pop("mode", "mac")
            differs.pop("to", None)
            differs["kernel_forwards"] = True
            differs.setdefault("policy", "lab")
            peer = (mapped(v4), port)
            engines = []
            for flows in (0, 8):
                addresses = AddressFormat(rows.PREFIX, mode, rows.KEY if mode == "mac" else None)
                config = Config(addresses, rows.SERVER, (rows.PEER_SERVER,), **differs)
                engines.append(Server(config, flows=flows))
            slow, fast = engines
            up = row in rows.FROM_TUNNEL
            for now in range(3):
                batch = []
                for data in (rows.GOOD if up else rows.DOWN, row[2], row[2]):
                    if up:
                        slow.receive_datagram(data, peer, now, tos)
                        batch.append((data, peer, tos))
                    else:
                        slow.receive_packet(data, now)
                        batch.append(data)
                if up:
                    fast.receive_datagrams(batch, now)
                else:
                    fast.receive_packets(batch, now)
                self.assertEqual(self.outputs(fast), self.outputs(slow), row[0])
                self.assertEqual(fast.counters, slow.counters, row[0])

    def test_what_the_memo_does_not_decide(self):
        """A pair of addresses that passed makes nothing else pass."""
        good = rows.GOOD
        for bad, tos in (
            (good[:39], 0),
            (good[:-1], 0),
            (good + b"x", 0),
            (b"\x40" + good[1:], 0),
            (good[:7] + b"\1" + good[8:], 0),
            (good[:6] + b"\x2b" + good[7:], 0),
            (good[:6] + b"\0" + good[7:], 0),
            (rows.ip6(rows.CLIENT, rows.HOST, bytes(1241)), 0),
            (good, 3),
        ):
            fast, slow = server(kernel_forwards=True, flows=8), server(kernel_forwards=True)
            fast.receive_datagrams([(good, PEER, 0), (bad, PEER, tos), (good, PEER, 0)], 0)
            for data, one in ((good, 0), (bad, tos), (good, 0)):
                slow.receive_datagram(data, PEER, 0, one)
            self.assertEqual(self.outputs(fast), self.outputs(slow))
            self.assertEqual(fast.counters, slow.counters)

    def test_from_another_peer(self):
        """U4 with a memo: the same packet from another port is refused."""
        engine = server(kernel_forwards=True, flows=8)
        engine.receive_datagrams([(rows.GOOD, PEER, 0)], 0)
        engine.packets_to_send()
        engine.receive_datagrams([(rows.GOOD, (PEER[0], PEER[1] + 1), 0)], 0)
        self.assertEqual(engine.packets_to_send(), [])
        self.assertEqual(engine.counters["drop_U4"], 1)

    def test_keys_change(self):
        """What an old key allowed is forgotten with it, in the middle of the flow."""
        engine = server(kernel_forwards=True, flows=8)
        engine.receive_datagrams([(rows.GOOD, PEER, 0)], 0)
        engine.receive_packets([rows.DOWN], 0)
        self.assertEqual(engine.counters["up"] + engine.counters["down"], 2)
        engine.set_keys(bytes(16), None)
        engine.receive_datagrams([(rows.GOOD, PEER, 0)], 0)
        engine.receive_packets([rows.DOWN], 0)
        self.assertEqual(engine.counters["up"] + engine.counters["down"], 3)  # an error of D5
        self.assertEqual((engine.counters["drop_U4"], engine.counters["drop_D5"]), (1, 1))

    def test_fixed_size(self):
        engine = server(kernel_forwards=True, flows=4)
        for last in range(64):
            packet = rows.udp(rows.CLIENT, rows.HOST[:15] + bytes((last + 1,)))
            engine.receive_datagrams([(packet, PEER, 0)], 0)
            self.assertTrue(len(engine._flows.up()) <= 4)
        self.assertEqual(len(engine.packets_to_send()), 64)

    def test_packet_rate(self):
        """D-11 holds for batches too, the same packets pass."""
        fast = server(kernel_forwards=True, flows=8, packet_rate=20)
        slow = server(kernel_forwards=True, packet_rate=20)
        for now in (0, 500, 10000):
            fast.receive_datagrams([(rows.GOOD, PEER, 0)] * 15, now)
            fast.receive_packets([rows.DOWN] * 15, now)
            for _ in range(15):
                slow.receive_datagram(rows.GOOD, PEER, now)
            for _ in range(15):
                slow.receive_packet(rows.DOWN, now)
            self.assertEqual(self.outputs(fast), self.outputs(slow))
            self.assertEqual(fast.counters, slow.counters)
        self.assertTrue(fast.counters["drop_rate"] > 0)
