# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/pubtsp/client.py by hand: each transition, each timer, what strangers cannot do."""

import unittest

from host_tests.unit.pubtsp import rows
from vox6.pubtsp import Client, Settings, header, inner, mapped, messages
from vox6.pubtsp.paths import Paths
from vox6.pubtsp.search import Search
from vox6.wire import LocalProtocolError

SERVER = (mapped(rows.SERVER), 3653)
OTHER = (mapped(bytes((198, 51, 100, 9))), 3653)
LOCAL = bytes((192, 168, 1, 20))


def info_of(address=rows.CLIENT, interval=28, lifetime=1440):
    info = messages.Info(
        lifetime, rows.SERVER, rows.P1, rows.V4, address, interval, rows.P1
    )  # fmt: skip
    return b"200 Success\r\n" + info.emit().encode()


class Hand:
    """A client, and its server played by hand."""

    def __init__(self, servers=None, octet=0, **settings):
        settings.setdefault("policy", "lab")
        settings.setdefault("search", False)
        self.now = 1000
        self.head = bytes((240, 0, 0, 0, 0, 0, 0, 0))
        self.to = SERVER
        self.packets = []
        self.client = Client(lambda count: bytes([octet]) * count, Settings(**settings))
        self.client.start(servers or [SERVER], self.now, LOCAL)

    def sent(self):
        """Texts of signalling that went out, in order; packets are kept in self.packets."""
        out = []
        self.packets = []
        for data, peer, tag in self.client.datagrams_to_send():
            if header.is_signalling(data):
                self.head = data[:8]
                self.to = peer
                out.append(data[8:])
            else:
                self.packets.append((data, peer, tag))
        return out

    def first(self):
        """The first word of the one request that went out."""
        texts = self.sent()
        assert len(texts) == 1, texts
        return kind(texts[0])

    def reply(self, text, peer=None, head=None):
        data = (head or self.head) + (text or b"")
        self.client.receive_datagram(data, peer or self.to, self.now)

    def wait(self, ms):
        """Let time pass, timer by timer."""
        end = self.now + ms
        stuck = 0
        while stuck < 100:
            due = self.client.get_timer()
            if due is None or due > end:
                self.now = end
                return
            stuck = 0 if due > self.now else stuck + 1
            self.now = max(self.now, due)
            self.client.handle_timer(self.now)
        raise AssertionError("a timer that stays due at %d" % self.now)

    def until(self, condition, step=100, answer=False):
        """Let time pass until condition(self) holds, half an hour at most; answer: each echo."""
        for _ in range(1800000 // step):
            if condition(self):
                return
            self.wait(step)
            self.sent()
            if answer:
                self.echo()
        raise AssertionError("it never came; state " + self.client.state)

    def events(self):
        out = []
        for _ in range(100):
            event = self.client.next_event()
            if event is None:
                return out
            out.append(event)
        raise AssertionError("more events than a client may keep")

    def names(self):
        return [type(event).__name__ for event in self.events()]

    def up(self, **info):
        """Come up by quick start."""
        self.sent()
        self.reply(info_of(**info))
        self.sent()
        self.reply(None)  # header-only, as tsps acknowledges
        assert self.client.state == "Up"
        self.echo()
        return self

    def echo(self, to=None, peer=SERVER):
        """Answer the newest echo."""
        for data, _, _ in self.packets:
            if data[40:41] == b"\x80" and data[24:40] == rows.P1:
                reply = rows.icmp(rows.P1, to or data[8:24], 129, 0, data[44:])
                self.client.receive_datagram(reply, peer, self.now)


def kind(text):
    if text.startswith(b"Content-length"):
        return messages.parse_request(text).action
    return text.strip().decode()


class TestStart(unittest.TestCase):
    def test_four_steps(self):
        hand = Hand(quick_start=False)
        self.assertEqual((hand.first(), hand.client.state), ("VERSION=2.0.0", "Hello"))
        hand.reply(b"CAPABILITY TUNNEL=V6UDPV4 AUTH=PLAIN AUTH=ANONYMOUS\r\n")
        self.assertEqual((hand.first(), hand.client.state), ("AUTHENTICATE ANONYMOUS", "Auth"))
        hand.reply(b"200 Success\r\n")
        self.assertEqual((hand.first(), hand.client.state), ("create", "Create"))
        hand.reply(info_of())
        self.assertEqual((hand.first(), hand.client.state), ("accept", "Accept"))
        self.assertEqual(hand.client.address, rows.CLIENT)  # data need not wait
        hand.reply(b"Content-length: 13\r\n200 Success\r\n")
        self.assertEqual((hand.sent(), hand.client.state), ([], "Up"))
        self.assertEqual(hand.names(), ["TunnelUp"])

    def test_sequence_numbers(self):
        """One more for each request, the same for its repetitions; timestamps are renewed."""
        hand = Hand(quick_start=False, octet=255)
        hand.sent()
        first = header.parse(hand.head)
        self.assertEqual(first[:2], (0, 1000))  # it wraps
        hand.wait(1000)
        self.assertEqual(hand.sent(), [b"VERSION=2.0.0\r\n"])
        self.assertEqual(header.parse(hand.head)[:2], (0, 2000))
        hand.reply(b"CAPABILITY TUNNEL=V6UDPV4 AUTH=ANONYMOUS\r\n")
        hand.sent()
        self.assertEqual(header.parse(hand.head)[0], 1)

    def test_create(self):
        hand = Hand(interval=60)
        request = messages.parse_request(hand.sent()[0])
        self.assertEqual(
            (request.type, request.client_ipv4, request.interval), ("v6udpv4", LOCAL, 60)
        )

    def test_quick_start_falls_back(self):
        """X-4: anything but 200 with an info."""
        for text in (
            b"500 Invalid\r\n",
            b"300 x\r\n",
            b"200 Success\r\n",
            b"garbage",
            b"310 x\r\n",
        ):
            hand = Hand()
            self.assertEqual(hand.first(), "create")
            hand.reply(text)
            self.assertEqual((hand.first(), hand.client.state), ("VERSION=2.0.0", "Hello"), text)

    def test_repetitions(self):
        """4 tries of a server never heard, from 1 s on, doubled; then the next server."""
        hand = Hand([SERVER, OTHER])
        times = []
        for _ in range(20000):
            if hand.sent():
                times.append((hand.now - 1000, hand.to))
            if hand.to == OTHER:
                break
            hand.wait(1)
        self.assertEqual(times, [(0, SERVER), (1000, SERVER), (3000, SERVER), (7000, SERVER),
                                 (15000, OTHER)])  # fmt: skip

    def test_all_fail(self):
        """60 s doubled to 15 minutes, +-25 %."""
        hand = Hand(octet=0x80)
        bounds = (60, 120, 240, 480, 900, 900)
        for wanted in bounds:
            hand.wait(15000)
            event = hand.events()[-1]
            self.assertEqual((type(event).__name__, hand.client.state), ("Waiting", "Down"))
            self.assertTrue(750 * wanted <= event.delay_ms <= 1250 * wanted)
            hand.sent()
            hand.wait(event.delay_ms)
            self.assertEqual(hand.first(), "create")

    def test_commands(self):
        hand = Hand()
        self.assertRaises(LocalProtocolError, lambda: hand.client.start([SERVER], 0))
        hand.client.stop(5)
        self.assertIsNone(hand.client.get_timer())
        self.assertRaises(LocalProtocolError, lambda: hand.client.start([], 0))
        hand.client.start([SERVER], 10)
        self.assertEqual(hand.client.state, "Create")
        self.assertIn("Create", hand.client.debug())

    def test_names(self):
        hand = Hand(["tsp.example.net", OTHER])
        self.assertEqual((hand.client.state, hand.sent()), ("Resolve", []))
        self.assertEqual(hand.events()[0].name, "tsp.example.net")
        hand.client.resolved("another.example", [rows.SERVER], hand.now)
        self.assertEqual(hand.client.state, "Resolve")
        hand.client.resolved("tsp.example.net", [rows.SERVER], hand.now)
        self.assertEqual((hand.first(), hand.to), ("create", SERVER))

    def test_name_that_nobody_knows(self):
        for way in ("empty", "late"):
            hand = Hand(["tsp.example.net", OTHER])
            if way == "empty":
                hand.client.resolved("tsp.example.net", [], hand.now)
            else:
                hand.wait(10000)
            self.assertEqual((hand.first(), hand.to), ("create", OTHER))


class TestCodes(unittest.TestCase):
    """Section 3.5, the client's column."""

    def refused(self, code, text=b"", servers=(SERVER, OTHER)):
        """A client that has heard a code in answer to create, after all four steps."""
        hand = Hand(list(servers), quick_start=False)
        hand.sent()
        hand.reply(b"CAPABILITY TUNNEL=V6UDPV4 AUTH=ANONYMOUS\r\n")
        hand.sent()
        hand.reply(b"200 Success\r\n")
        hand.sent()
        hand.reply(b"%d " % code + text + b"\r\n")
        return hand

    def test_next_server(self):
        for code in (300, 301, 303, 310, 500, 501, 502, 506, 507, 521, 999):
            hand = self.refused(code)
            self.assertEqual((hand.first(), hand.to), ("VERSION=2.0.0", OTHER), code)
            event = hand.events()[0]
            self.assertEqual((event.code, event.bug), (code, code in (500, 501)))

    def test_302(self):
        hand = Hand([SERVER, OTHER], quick_start=False)
        hand.sent()
        hand.reply(b"302 Unsupported client version\r\n")
        self.assertEqual((hand.first(), hand.to), ("VERSION=1.0.1", SERVER))
        hand.reply(b"302 Unsupported client version\r\n")
        self.assertEqual((hand.first(), hand.to), ("VERSION=2.0.0", OTHER))

    def test_300(self):
        hand = Hand([SERVER, OTHER], quick_start=False)
        hand.sent()
        hand.reply(b"CAPABILITY TUNNEL=V6UDPV4 AUTH=ANONYMOUS\r\n")
        hand.sent()
        hand.reply(b"300 Authentication failed\r\n")
        self.assertEqual((hand.first(), hand.to), ("VERSION=2.0.0", OTHER))

    def test_capability_without_us(self):
        for text in (b"CAPABILITY TUNNEL=V6V4 AUTH=ANONYMOUS\r\n",
                     b"CAPABILITY TUNNEL=V6UDPV4 AUTH=PLAIN\r\n"):  # fmt: skip
            hand = Hand([SERVER, OTHER], quick_start=False)
            hand.sent()
            hand.reply(text)
            self.assertEqual(hand.to if hand.sent() else None, OTHER)

    def test_310_port(self):
        """X-6: another socket, once."""
        text = b"310 Server side error: use another local port\r\n"
        hand = Hand([SERVER, OTHER])
        hand.sent()
        hand.reply(text)
        self.assertEqual(hand.client.state, "Reopen")
        self.assertEqual(hand.names(), ["ServerRefused", "SocketWanted"])
        hand.client.socket_opened(hand.now)
        self.assertEqual((hand.first(), hand.to), ("create", SERVER))
        hand.reply(text)
        self.assertEqual((hand.first(), hand.to), ("create", OTHER))

    def test_530(self):
        """At least 30 s."""
        for octet in (0, 255):
            hand = Hand(octet=octet)
            hand.sent()
            hand.reply(b"530 Server too busy\r\n")
            event = hand.events()[-1]
            self.assertGreaterEqual(event.delay_ms, 30000)
            hand.wait(29999)
            self.assertEqual(hand.sent(), [])

    def test_530_when_up(self):
        """The tunnel stands; asked again after 30 s at least."""
        hand = Hand([SERVER, OTHER], octet=0).up()
        hand.events()
        hand.client.renew(hand.now)
        hand.sent()
        hand.reply(b"530 Server too busy\r\n")
        self.assertEqual((hand.client.state, hand.client.address), ("Up", rows.CLIENT))
        self.assertEqual(hand.names(), ["ServerRefused"])
        texts = []
        for _ in range(298):
            hand.wait(100)
            texts += hand.sent()
            hand.echo()
        self.assertEqual(texts, [])
        for _ in range(700):
            hand.wait(100)
            texts += hand.sent()
            hand.echo()
        self.assertEqual([kind(text) for text in texts][:1], ["create"])

    def test_referral(self):
        """R-9: listed addresses and names, three hops, never twice the same."""

        def to(hand, *brokers):
            text = b"1530 x\r\n" + messages.emit_brokers(list(brokers)).encode()
            hand.reply(text)

        hand = Hand()
        hand.sent()
        to(hand, rows.SERVER, bytes((192, 0, 2, 1)), "b.example")
        hops = []
        for i in range(2, 6):
            if not hand.sent():
                break
            hops.append(hand.to[0][12:])
            to(hand, rows.SERVER, bytes((192, 0, 2, 1)), bytes((192, 0, 2, i)))
        self.assertEqual(hops, [bytes((192, 0, 2, i)) for i in (1, 2, 3)])
        self.assertEqual(hand.client.state, "Resolve")  # the name of the first referral

    def test_counted_and_bare(self):
        """Both forms at any time."""
        for counted in (True, False):
            hand = Hand()
            hand.sent()
            text = info_of()
            hand.reply(messages.with_length(text) if counted else text)
            self.assertEqual(hand.client.state, "Accept")

    def test_info_without_keepalive(self):
        """Echoes go to the server's own address then, each 30 s."""
        hand = Hand()
        hand.sent()
        text = info_of()
        at, end = text.find(b"<keepalive"), text.find(b"</keepalive>") + 12
        hand.reply(text[:at] + text[end:])
        self.assertEqual((hand.client.address, hand.client.interval), (rows.CLIENT, 30))
        hand.sent()
        self.assertEqual(hand.packets[0][0][24:40], rows.P1)

    def test_bad_info(self):
        """An address that is none to have, no address for echoes, another type."""
        for text in (
            info_of(rows.tail("fe80", "01")),
            info_of(rows.tail("ff02", "01")),
            info_of(bytes(16)),
            info_of(rows.tail("", "ffff01020304")),
            info_of().replace(b"v6udpv4", b"v6v4"),
            info_of().replace(b"2001:db8:3653:1::1<", b"x<"),
        ):
            hand = Hand()
            hand.sent()
            hand.reply(text)
            self.assertIsNone(hand.client.address)
            self.assertEqual(hand.first(), "VERSION=2.0.0", text)


class TestStrangers(unittest.TestCase):
    def test_replies(self):
        """Only the server, only the outstanding number (X-3)."""
        hand = Hand(octet=7)
        hand.sent()
        wrong = header.emit(header.parse(hand.head)[0] + 1, 0, b"")
        for peer, head in ((OTHER, hand.head), ((SERVER[0], 3654), hand.head), (SERVER, wrong)):
            hand.reply(info_of(), peer, head)
            self.assertEqual(hand.client.state, "Create")
        hand.reply(info_of())
        hand.reply(info_of(rows.OTHER))  # too late
        self.assertEqual(hand.client.address, rows.CLIENT)
        self.assertEqual(hand.client.counters["strangers"], 2)

    def test_packets(self):
        """Section 6.4."""
        hand = Hand().up()
        good = rows.udp(rows.HOST, rows.CLIENT)
        for packet, peer, taken in (
            (good, SERVER, True),
            (good + b"xx", SERVER, True),
            (good, OTHER, False),
            (good, (SERVER[0], 3654), False),
            (rows.udp(rows.HOST, rows.OTHER), SERVER, False),
            (rows.udp(rows.CLIENT, rows.CLIENT), SERVER, False),
            (rows.udp(rows.tail("ff02", "01"), rows.CLIENT), SERVER, False),
            (rows.udp(rows.tail("fe80", "01"), rows.CLIENT), SERVER, False),
            (rows.udp(bytes(16), rows.CLIENT), SERVER, False),
            (rows.udp(rows.tail("", "01"), rows.CLIENT), SERVER, False),
            (good[:-1], SERVER, False),
            (good[:39], SERVER, False),
            (rows.ip6(rows.HOST, rows.CLIENT, bytes(1241)), SERVER, False),
            (rows.icmp(rows.HOST, rows.CLIENT, 137, 0, bytes(36)), SERVER, False),
            (b"\x45" + good[1:], SERVER, False),
        ):
            hand.client.receive_datagram(packet, peer, hand.now)
            self.assertEqual(
                hand.client.packets_received(), [packet[: len(good)]] if taken else []
            )

    def test_sending(self):
        hand = Hand()
        self.assertFalse(hand.client.send_packet(rows.GOOD, hand.now))
        hand.up()
        self.assertTrue(hand.client.send_packet(rows.GOOD, hand.now))
        for packet in (rows.udp(rows.OTHER, rows.HOST), rows.GOOD[:-1], b"",
                       rows.ip6(rows.CLIENT, rows.HOST, bytes(1241))):  # fmt: skip
            self.assertFalse(hand.client.send_packet(packet, hand.now))
        hand.sent()
        self.assertEqual(hand.packets[-1], (rows.GOOD, SERVER, "tunnel"))

    def test_direct_check(self):
        """A stranger's packet is taken only from the address that it names (X-13)."""
        hand = Hand().up()
        peer = (mapped(rows.OTHER_V4), rows.OTHER_PORT)
        good = rows.udp(rows.OTHER, rows.CLIENT)
        nonce = rows.icmp(rows.OTHER, rows.CLIENT, 128, 0, bytes(4) + inner.MAGIC + bytes(8), 254)
        for packet, source, taken in (
            (good, peer, True),
            (good, (peer[0], 40001), False),
            (good, (mapped(bytes((192, 0, 2, 136))), 40000), False),
            (rows.udp(rows.HOST, rows.CLIENT), peer, False),
            (rows.udp(rows.OTHER, rows.HOST), peer, False),
            (nonce, peer, False),
            # his own address, but no public one
            (
                rows.udp(rows.PREFIX + bytes((10, 0, 0, 1, 156, 64, 0, 1)), rows.CLIENT),
                (mapped(bytes((10, 0, 0, 1))), 40000),
                False,
            ),
        ):
            hand.client.receive_datagram(packet, source, hand.now)
            self.assertEqual(hand.client.packets_received(), [packet] if taken else [])
        hand.sent()
        self.assertEqual([p for p in hand.packets if p[1] == peer], [])
        off = Hand(direct=False).up()
        off.client.receive_datagram(good, peer, off.now)
        self.assertEqual(off.client.packets_received(), [])


PEER = (mapped(rows.OTHER_V4), rows.OTHER_PORT)


class TestDirect(unittest.TestCase):
    """The two functions that judge, and what a reply must be to promote (X-13)."""

    def test_from_peer(self):
        prefixes = (rows.PREFIX,)
        probe = rows.icmp(rows.OTHER, rows.CLIENT, 128, 0, bytes(4) + inner.MAGIC + bytes(8), 255)
        good = rows.udp(rows.OTHER, rows.CLIENT)
        for packet, v4, port, taken in (
            (good, rows.OTHER_V4, rows.OTHER_PORT, True),
            (rows.hops(good, 3), rows.OTHER_V4, rows.OTHER_PORT, True),
            (good, rows.V4, rows.OTHER_PORT, False),
            (good, rows.OTHER_V4, rows.OTHER_PORT + 1, False),
            (rows.udp(rows.OTHER, rows.HOST), rows.OTHER_V4, rows.OTHER_PORT, False),
            (rows.udp(rows.CLIENT, rows.CLIENT), rows.V4, rows.PORT, False),
            (probe, rows.OTHER_V4, rows.OTHER_PORT, True),
            (rows.hops(probe, 254), rows.OTHER_V4, rows.OTHER_PORT, False),
        ):
            self.assertEqual(inner.from_peer(packet, rows.CLIENT, prefixes, v4, port), taken)
        self.assertFalse(
            inner.from_peer(good, rows.CLIENT, (b"\x20\x01" + bytes(6),), rows.OTHER_V4, 40000)
        )

    def test_direct_peer(self):
        prefixes = (rows.PREFIX,)
        for address, policy, found in (
            (rows.OTHER, "lab", (rows.OTHER_V4, rows.OTHER_PORT)),
            (rows.OTHER, "strict", None),
            (rows.CLIENT, "lab", None),
            (rows.HOST, "lab", None),
            (rows.P1, "lab", None),
            (rows.OTHER[:12] + b"\x03\xff\0\1", "lab", None),
            (rows.OTHER[:12] + b"\x04\x00\0\1", "lab", (rows.OTHER_V4, 1024)),
            (rows.OTHER[:12] + b"\x0e\x45\0\1", "lab", None),
            (rows.PREFIX + b"\x0a\0\0\1\x9c\x40\0\1", "lab", None),
        ):
            self.assertEqual(inner.direct_peer(address, rows.CLIENT, prefixes, policy), found)

    def test_probe_nonce(self):
        body = bytes(4) + inner.MAGIC + b"nonce678"
        good = rows.icmp(rows.OTHER, rows.CLIENT, 128, 0, body)
        self.assertEqual(inner.probe_nonce(good), b"nonce678")
        for bad in (
            rows.icmp(rows.OTHER, rows.CLIENT, 128, 0, body + b"x"),
            rows.icmp(rows.OTHER, rows.CLIENT, 1, 0, body),
            rows.icmp(rows.OTHER, rows.CLIENT, 128, 0, bytes(4) + b"elsewise" + bytes(8)),
            rows.raw(good, 42, b"\0\0"),
            rows.ip6(rows.OTHER, rows.CLIENT, bytes(24), 17),
        ):
            self.assertIsNone(inner.probe_nonce(bad))

    def reply(self, hand, nonce, peer=PEER, source=rows.OTHER):
        body = b"\x7e\x57\0\0" + inner.MAGIC + nonce
        packet = rows.icmp(source, rows.CLIENT, 129, 0, body, 255)
        hand.client.receive_datagram(packet, peer, hand.now)
        return [peer for _, peer in hand.client.direct_paths()]

    def test_promotion(self):
        """Own nonce, straight, from that peer, while probing; nothing else."""
        hand = Hand(octet=5).up()
        self.assertEqual(self.reply(hand, bytes(8)), [])  # before anything was asked
        hand.client.send_packet(rows.udp(rows.CLIENT, rows.OTHER), hand.now)
        good = bytes([5]) * 8
        self.assertEqual(self.reply(hand, b"\5" * 7 + b"\6"), [])
        self.assertEqual(self.reply(hand, good, SERVER), [])
        self.assertEqual(self.reply(hand, good, (PEER[0], 40001)), [])
        self.assertEqual(self.reply(hand, good), [PEER])
        self.assertIn("PathPromoted", hand.names())

    def test_late_reply(self):
        """The round is over: it counts no more."""
        hand = Hand(octet=5).up()
        hand.client.send_packet(rows.udp(rows.CLIENT, rows.OTHER), hand.now)
        hand.wait(2200)
        self.assertEqual(self.reply(hand, bytes([5]) * 8), [])

    def test_told_by_the_driver(self):
        """Where C carries packets: reach() and note_path()."""
        hand = Hand(octet=5).up()
        hand.client.reach(rows.OTHER, hand.now)
        self.assertEqual(self.reply(hand, bytes([5]) * 8), [PEER])
        for _ in range(100):
            hand.client.note_path(rows.OTHER, True, True, hand.now)
            hand.wait(100)
        self.assertEqual(len(hand.client.direct_paths()), 1)
        for _ in range(60):
            hand.client.note_path(rows.OTHER, True, False, hand.now)
            hand.wait(100)
        self.assertEqual(hand.client.direct_paths(), [])
        self.assertEqual(hand.names()[-1], "PathDemoted")

    def test_lost_echoes_in_a_row(self):
        """Two echoes are lost, then a packet comes: the next loss is the first one again."""
        now = 0
        told = []
        straight = []  # when a probe went straight

        def emit(packet, peer):
            if peer is not None:
                straight.append(now)

        paths = Paths(bytes, emit, lambda event: told.append(type(event).__name__), len)
        paths.clear(rows.CLIENT)
        path = paths.reach(rows.OTHER, PEER, now)
        body = b"\x7e\x57\0\0" + inner.MAGIC + bytes(8)
        answer = rows.icmp(rows.OTHER, rows.CLIENT, 129, 0, body, 255)
        paths.receive(answer, bytes(8), PEER, now)
        self.assertEqual((path.state, straight), ("Direct", [0]))
        for now in range(0, 67000, 500):
            if now == 34500:
                self.assertEqual(path.lost, 2)
                paths.note_received(path, now)
            paths.handle_timer(now)
        self.assertEqual(straight, [0, 30000, 32000, 34000, 64000, 66000])
        self.assertEqual((told, path.lost), (["PathPromoted"], 1))
        paths.receive(answer, bytes(8), PEER, now)
        self.assertEqual((paths.directs(), path.lost), ([(rows.OTHER, PEER)], 0))


class TestKeepalive(unittest.TestCase):
    def echoes(self, hand, ms):
        """When echoes went out, all of them answered."""
        times = []
        end = hand.now + ms
        while hand.now < end:
            hand.wait(50)
            if hand.sent() == [] and hand.packets:
                times.append(hand.now)
                hand.echo()
        return times

    def test_interval(self):
        """From 0.75 T to T."""
        for octet in (0, 1, 255):
            hand = Hand(octet=octet).up(interval=28)
            times = [hand.now] + self.echoes(hand, 200000)
            gaps = [times[i + 1] - times[i] for i in range(len(times) - 1)]
            self.assertTrue(7 <= len(gaps) <= 10)
            self.assertTrue(all([21000 <= gap <= 28100 for gap in gaps]), gaps)

    def test_the_servers_interval(self):
        hand = Hand(interval=28).up(interval=120)
        self.assertEqual(hand.client.interval, 120)
        self.assertEqual(self.echoes(hand, 89000), [])

    def test_traffic_counts(self):
        """Own packets keep the mapping, but an echo goes out each 5 T."""
        hand = Hand().up(interval=20)
        start = hand.now
        times = []
        for _ in range(300):
            hand.wait(1000)
            hand.sent()
            if [1 for data, _, _ in hand.packets if data[24:40] == rows.P1]:
                times.append(hand.now - start)
                hand.echo()
            hand.client.send_packet(rows.GOOD, hand.now)
        self.assertEqual(len(times), 3)
        self.assertTrue(all([95000 <= b - a <= 101000 for a, b in zip([0] + times, times)]))

    def test_not_wanted(self):
        hand = Hand().up()
        hand.client.set_wanted(False, hand.now)
        self.assertEqual(self.echoes(hand, 100000), [])
        hand.client.set_wanted(True, hand.now)
        hand.sent()
        self.assertEqual(len(hand.packets), 1)

    def test_lost(self):
        """Three echoes 2 s apart, then create on the same socket."""
        hand = Hand().up(interval=28)
        hand.sent()
        times = []
        for _ in range(2000):  # 100 s
            if hand.client.state == "Create":
                break
            hand.wait(50)
            if hand.sent() == []:
                times += [hand.now for _ in hand.packets]
        self.assertEqual((hand.client.state, len(times)), ("Create", 3))
        self.assertEqual([b - a for a, b in zip(times, times[1:])], [2000, 2000])
        self.assertEqual(hand.now - times[-1], 2000)
        self.assertEqual(hand.names(), ["TunnelUp"])
        self.assertIsNotNone(hand.client.address)
        hand.reply(info_of())
        self.assertEqual((hand.client.state, hand.names()), ("Accept", []))

    def test_one_lost(self):
        hand = Hand().up()
        hand.sent()
        hand.packets = []
        hand.until(lambda hand: hand.packets, 50)
        hand.wait(2000)
        self.assertEqual(hand.client.state, "Suspect")
        hand.sent()
        hand.echo()
        self.assertEqual(hand.client.state, "Up")

    def test_false_echo_replies(self):
        """Not from the address asked, another nonce, another identifier, a wrong checksum."""
        hand = Hand(octet=9).up()
        hand.packets = []
        hand.until(lambda hand: hand.packets, 50)
        data = hand.packets[0][0]
        good = rows.icmp(rows.P1, rows.CLIENT, 129, 0, data[44:])
        hand.wait(2000)
        for bad in (
            rows.icmp(rows.HOST, rows.CLIENT, 129, 0, data[44:]),
            rows.icmp(rows.P1, rows.CLIENT, 129, 0, data[44:-1] + b"\0"),
            rows.icmp(rows.P1, rows.CLIENT, 129, 0, b"\0\0" + data[46:]),
            rows.raw(good, 42, b"\0\0"),
            good[:-1],
        ):
            hand.client.receive_datagram(bad, SERVER, hand.now)
            self.assertEqual(hand.client.state, "Suspect")
        hand.client.receive_datagram(good, SERVER, hand.now)
        self.assertEqual(hand.client.state, "Up")

    def test_payload_altered(self):
        """Section 6.5: the IPv4 in the echo's destination is another one."""
        hand = Hand(octet=9).up()
        hand.events()
        hand.packets = []
        hand.until(lambda hand: hand.packets, 50)
        hand.echo(to=rows.CLIENT[:8] + LOCAL + rows.CLIENT[12:])
        self.assertEqual(hand.names(), ["PayloadAltered"])
        hand.echo(to=rows.OTHER)
        self.assertEqual(hand.names(), [])

    def test_new_socket_then_next_server(self):
        """Create is not answered either: another socket, then the next server (section 5)."""
        hand = Hand([SERVER, OTHER]).up()
        hand.until(lambda hand: hand.client.state == "Reopen")
        self.assertIsNone(hand.client.address)
        self.assertEqual(hand.names(), ["TunnelUp", "TunnelDown", "SocketWanted"])
        hand.client.socket_opened(hand.now)
        self.assertEqual((hand.first(), hand.to), ("create", SERVER))
        hand.until(lambda hand: hand.to != SERVER)
        self.assertEqual(hand.to, OTHER)

    def test_cheap(self):
        """X-2: besides echoes, never instead."""
        hand = Hand(cheap_ms=10000).up(interval=28)
        tags = []
        for _ in range(300):
            hand.wait(200)
            hand.sent()
            tags += [tag for data, _, tag in hand.packets if not data]
            hand.echo()
        self.assertEqual(tags, ["cheap"] * 6)
        self.assertGreaterEqual(hand.client.counters["echoes"], 3)


class TestMapping(unittest.TestCase):
    def hint(self, hand, quoted=None):
        packet = rows.error(rows.CLIENT, 1, 5, quoted or rows.GOOD)
        hand.client.receive_datagram(packet, SERVER, hand.now)

    def test_hint(self):
        """X-11: create; the address changes only if the reply says so."""
        hand = Hand().up()
        hand.wait(5000)
        hand.sent()
        self.hint(hand)
        self.assertEqual((hand.first(), hand.client.address), ("create", rows.CLIENT))
        hand.reply(info_of(rows.OTHER))
        names = hand.names()
        self.assertEqual(names, ["TunnelUp", "AddressChanged", "TunnelUp"])
        self.assertEqual(hand.client.address, rows.OTHER)

    def test_hints_are_limited(self):
        """At most one create in 2 s."""
        hand = Hand().up()
        hand.wait(5000)
        hand.sent()
        creates = 0
        for _ in range(100):
            self.hint(hand)
            for text in hand.sent():
                if kind(text) == "create":
                    creates += 1
                    hand.reply(info_of())
                else:
                    hand.reply(b"200 Success\r\n")
            for _ in hand.sent():
                hand.reply(b"200 Success\r\n")
            hand.wait(100)
        self.assertTrue(5 <= creates <= 6, creates)

    def test_false_hints(self):
        """Quoting somebody else's packet, or another error."""
        hand = Hand().up()
        hand.wait(5000)
        hand.sent()
        self.hint(hand, rows.udp(rows.OTHER, rows.HOST))
        packet = rows.error(rows.CLIENT, 1, 4, rows.GOOD)
        hand.client.receive_datagram(packet, SERVER, hand.now)
        hand.client.receive_datagram(rows.error(rows.CLIENT, 1, 5, rows.GOOD), OTHER, hand.now)
        self.assertEqual(hand.sent(), [])
        self.assertEqual(len(hand.client.packets_received()), 2)  # errors for the host's own flows

    def test_lifetime(self):
        """Renewed between 0.75 and 1.0 of it, on the same socket."""
        for octet in (0, 128, 255):
            hand = Hand(octet=octet, interval=28).up(lifetime=10)
            start = hand.now
            hand.until(lambda hand: hand.client.state == "Create", answer=True)
            self.assertTrue(450000 <= hand.now - start <= 600100, hand.now - start)
            self.assertEqual(hand.names(), ["TunnelUp"])

    def test_damping(self):
        """More than 4 changes in 10 minutes are told; after 10 it rests for 15."""
        hand = Hand().up()
        hand.events()
        for i in range(1, 11):
            hand.wait(3000)
            hand.sent()
            hand.client.renew(hand.now)
            texts = hand.sent()
            self.assertEqual(messages.parse_request(texts[0]).interval, 28 if i <= 5 else 20)
            hand.reply(info_of(rows.CLIENT[:15] + bytes([i])))
            hand.sent()
            if i < 10:
                hand.reply(b"200 Success\r\n")
            told = [event.count for event in hand.events() if hasattr(event, "count")]
            self.assertEqual(told, [i] if i > 4 else [])
        self.assertEqual((hand.client.state, hand.client.address), ("Down", None))
        hand.wait(899999)
        self.assertEqual(hand.sent(), [])
        hand.wait(300000)
        self.assertEqual(kind(hand.sent()[0]), "create")

    def test_network_changed(self):
        hand = Hand([SERVER, OTHER]).up()
        hand.events()
        hand.client.network_changed(hand.now, bytes((10, 0, 0, 2)))
        self.assertEqual(hand.names(), ["TunnelDown"])
        request = messages.parse_request(hand.sent()[0])
        self.assertEqual(request.client_ipv4, bytes((10, 0, 0, 2)))


class TestSearch(unittest.TestCase):
    def run_search(self, bears, lost=()):
        """What is found at a NAT that forgets after so many seconds; lost: numbers of replies."""
        search = Search(5, 0)
        now = used = 0
        port = 1
        count = 0
        lengths = []
        for _ in range(100):  # a search asks 15 times at most, 4 tries each
            if search.timer is None:
                break
            now = search.timer
            search.handle_timer(now)
            for data in search.datagrams():
                if now - used > 1000 * bears:
                    port += 1
                lengths.append((now - used) // 1000)
                used = now
                count += 1
                if count not in lost:
                    text = info_of(rows.CLIENT[:13] + bytes((port, 0, 0)))
                    search.receive(data[:8] + text, now + 20)
        self.assertTrue(search.done)
        return search.found, lengths

    def test_found(self):
        for bears, found in ((30, 28), (60, 56), (120, 112), (300, 224), (4000, 3584)):
            self.assertEqual(self.run_search(bears)[0], found)

    def test_twice_each(self):
        self.assertEqual(self.run_search(120)[1], [0, 56, 56, 112, 112, 224])

    def test_loss_does_not_end_it(self):
        self.assertEqual(self.run_search(120, (2, 3, 5))[0], 112)

    def test_silence_ends_it(self):
        self.assertEqual(self.run_search(4000, (6, 7, 8, 9))[0], 112)

    def test_found_is_asked_for(self):
        hand = Hand(search=True).up()
        wish = 0
        for _ in range(16000):
            hand.wait(1000)
            for data, peer, tag in hand.client.datagrams_to_send():
                if tag == "side":
                    hand.client.receive_datagram(
                        data[:8] + info_of(rows.OTHER), peer, hand.now, tag
                    )
                elif header.is_signalling(data):
                    request = messages.parse_request(data[8:])
                    if request.action == "create":
                        wish = request.interval
                        text = info_of(interval=wish)
                        hand.client.receive_datagram(data[:8] + text, peer, hand.now)
                    else:
                        hand.client.receive_datagram(data[:8], peer, hand.now)
                else:
                    hand.packets = [(data, peer, tag)]
                    hand.echo()
        self.assertEqual(wish, 3584)
        self.assertEqual(hand.client.interval, 3584)
        found = [event for event in hand.events() if hasattr(event, "interval")]
        self.assertEqual(found[-1].interval, 3584)
