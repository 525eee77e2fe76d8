# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/rtp/session.py: when reports go (RFC 3550 section 6.3) and what they say (6.4)."""

import unittest

from vox6.rtp import events, rtcp, xr
from vox6.rtp.session import Session

PEER = (bytes(15) + b"\x02", 5001)
OTHER = (bytes(15) + b"\x03", 5001)


class Random:
    """Pseudo-random octets, the same each run (the constants of Numerical Recipes)."""

    def __init__(self, seed):
        self.state = seed

    def __call__(self, length):
        out = bytearray(length)
        for i in range(length):
            self.state = (self.state * 1664525 + 1013904223) & 0xFFFFFFFF
            out[i] = self.state >> 24
        return bytes(out)


def middle(length):
    return b"\x80" * length


def session(random=middle, **more):
    return Session(1, b"cname", random, PEER, **more)


def statistics(sent=0, received=0, lost=0, highest=None, ssrc=2, **more):
    counted = {
        "sent": sent,
        "sent_octets": 160 * sent,
        "received": received,
        "lost": lost,
        "highest_sequence": 65535 + received + lost if highest is None else highest,
        "ssrc": ssrc,
        "jitter": 7,
        "last_sr": 0,
        "last_sr_us": 0,
    }
    counted.update(more)
    return counted


def take(engine):
    out = []
    while True:
        event = engine.next_event()
        if event is None:
            return out
        out.append(event)


def due(engine, now=None):
    """Run timers until a report is due; return when."""
    while True:
        timer = engine.get_timer()
        if now is not None and timer > now:
            return None
        engine.handle_timer(timer)
        if [event for event in take(engine) if isinstance(event, events.ReportDue)]:
            return timer


def sent(engine):
    return [rtcp.parse_compound(data) for data, peer in engine.datagrams_to_send()]


class TestTiming(unittest.TestCase):
    def test_nothing_before_start(self):
        engine = session()
        self.assertIsNone(engine.get_timer())
        engine.handle_timer(10000)
        engine.report(statistics(), 0, 0, 10000)
        self.assertEqual((take(engine), sent(engine)), ([], []))

    def test_intervals(self):
        """Td is 5 s, the first 2.5 s, T in 0.5 to 1.5 Td divided by 1.21828."""
        engine = session(Random(7))
        engine.start(1000)
        last = 1000
        gaps = []
        for _ in range(300):
            now = due(engine)
            gaps.append(now - last)
            last = now
            engine.report(statistics(sent=now), 0, 0, now)
            self.assertEqual(len(engine.datagrams_to_send()), 1)
        self.assertTrue(1000 <= gaps[0] <= 3100, gaps[0])
        # reconsideration draws twice: the gap can be as long as two intervals begun together
        self.assertTrue(min(gaps[1:]) >= 2050, min(gaps))
        self.assertTrue(max(gaps[1:]) <= 6200, max(gaps))
        mean = sum(gaps[1:]) / 299
        self.assertTrue(4300 <= mean <= 5300, mean)
        self.assertTrue(max(gaps[1:]) - min(gaps[1:]) > 2000)

    def test_little_bandwidth_means_longer_intervals(self):
        engine = session(Random(7), bandwidth=400)  # 20 octets a second for RTCP
        engine.start(0)
        now = due(engine)
        engine.report(statistics(), 0, 0, now)
        later = due(engine)
        self.assertTrue(later - now > 4000, later - now)

    def test_reduced_minimum(self):
        """Section 6.2: 360 s over kbit/s; 25000 octets a second are 200 kbit/s, 1.8 s."""
        for bandwidth, low, high in ((25000, 739, 2217), (10000, 1847, 5542), (100000, 410, 1232)):
            for seed in range(20):
                engine = session(Random(seed), bandwidth=bandwidth, reduced=True)
                engine.start(0)
                first = due(engine)
                self.assertTrue(low // 2 - 1 <= first <= high // 2 + 1, (bandwidth, first))
                engine.report(statistics(), 0, 0, first)
                second = due(engine) - first
                self.assertTrue(low - 1 <= second <= high + 1, (bandwidth, second))

    def test_the_timer_waits_for_the_report(self):
        engine = session()
        engine.start(0)
        now = due(engine)
        self.assertIsNone(engine.get_timer())
        engine.handle_timer(now + 60000)
        self.assertEqual(take(engine), [])
        engine.report(statistics(), 0, 0, now + 60000)
        self.assertTrue(engine.get_timer() > now + 60000)

    def test_too_early(self):
        engine = session()
        engine.start(0)
        engine.handle_timer(engine.get_timer() - 1)
        self.assertEqual(take(engine), [])


class TestReports(unittest.TestCase):
    def setUp(self):
        self.engine = session()
        self.engine.start(0)

    def report(self, counted, ntp=0, timestamp=0, **more):
        now = due(self.engine)
        self.engine.report(counted, timestamp, ntp, now, **more)
        (messages,) = sent(self.engine)
        return messages, now

    def test_receiver_report(self):
        messages, _ = self.report(statistics())
        self.assertIsInstance(messages[0], rtcp.ReceiverReport)
        self.assertEqual((messages[0].ssrc, messages[0].blocks), (1, []))
        self.assertEqual(messages[1].cname(1), b"cname")

    def test_sender_report(self):
        messages, _ = self.report(statistics(sent=50), 0x123456789ABCDEF0, 4711)
        report = messages[0]
        self.assertIsInstance(report, rtcp.SenderReport)
        self.assertEqual((report.ntp, report.rtp_timestamp), (0x123456789ABCDEF0, 4711))
        self.assertEqual((report.packet_count, report.octet_count), (50, 8000))

    def test_sender_for_two_reports(self):
        """RFC 3550 section 6.4: SR while data went since the last report or the one before."""
        kinds = []
        for count in (50, 50, 50, 50, 60):
            messages, _ = self.report(statistics(sent=count))
            kinds.append(messages[0].packet_type)
        self.assertEqual(kinds, [200, 200, 201, 201, 200])

    def test_loss(self):
        """RFC 3550 appendix A.3."""
        # received, lost so far; fraction of this interval, cumulative
        for received, lost, fraction, cumulative in (
            (100, 0, 0, 0),
            (175, 25, 64, 25),
            (275, 25, 0, 25),
            (325, 75, 85, 75),
            (426, 74, 0, 74),  # a late one came
            (427, 173, 253, 173),
        ):
            messages, _ = self.report(statistics(received=received, lost=lost))
            (block,) = messages[0].blocks
            if lost == 75:
                self.assertEqual(block.fraction_lost, (50 << 8) // 100)
            else:
                self.assertEqual(block.fraction_lost, fraction)
            self.assertEqual(block.cumulative_lost, cumulative)
            self.assertEqual(block.highest_sequence, 65535 + received + lost)
            self.assertEqual((block.ssrc, block.jitter), (2, 7))

    def test_loss_before_the_first_report(self):
        messages, _ = self.report(statistics(received=75, lost=25))
        self.assertEqual(messages[0].blocks[0].fraction_lost, 64)

    def test_no_block_when_nothing_came(self):
        self.report(statistics(received=100))
        messages, _ = self.report(statistics(received=100))
        self.assertEqual(messages[0].blocks, [])

    def test_another_source_starts_anew(self):
        self.report(statistics(received=100, lost=50))
        messages, _ = self.report(statistics(received=10, lost=0, ssrc=3, highest=19))
        (block,) = messages[0].blocks
        self.assertEqual((block.ssrc, block.fraction_lost, block.highest_sequence), (3, 0, 19))

    def test_last_sr_of_media(self):
        counted = statistics(received=1, last_sr=0xAABBCCDD, last_sr_us=1000000)
        messages, _ = self.report(counted, time_us=3500000)
        block = messages[0].blocks[0]
        self.assertEqual((block.last_sr, block.delay), (0xAABBCCDD, int(2.5 * 65536)))

    def test_last_sr_of_our_own(self):
        report = rtcp.SenderReport(2, 0xB44DB70520000000, 0, 0, 0)
        self.engine.receive_datagram(rtcp.emit_compound([report]), PEER, 100)
        messages, now = self.report(statistics(received=1))
        block = messages[0].blocks[0]
        self.assertEqual(block.last_sr, 0xB7052000)
        self.assertEqual(block.delay, ((now - 100) << 16) // 1000)

    def test_round_trip(self):
        """The example of RFC 3550 figure 2: 6.125 s."""
        now = due(self.engine)
        self.engine.report(statistics(sent=1), 0, 0xB44DB70520000000, now)
        block = rtcp.ReportBlock(1, 3, 4, 5, 6, 0xB7052000, 0x00054000)
        data = rtcp.emit_compound([rtcp.ReceiverReport(2, [block])])
        self.engine.receive_datagram(data, PEER, now + 11375)
        (event,) = [one for one in take(self.engine) if isinstance(one, events.ReportReceived)]
        self.assertEqual(event.round_trip_ms, 6125)
        self.assertEqual(self.engine.round_trip_ms, 6125)
        self.assertEqual((event.ssrc, event.fraction_lost, event.cumulative_lost), (2, 3, 4))
        self.assertEqual(event.jitter, 6)

    def test_nonsense_round_trip(self):
        now = due(self.engine)
        self.engine.report(statistics(sent=1), 0, 0xB44DB70520000000, now)
        block = rtcp.ReportBlock(1, 0, 0, 0, 0, 0x12345678, 0)
        self.engine.receive_datagram(
            rtcp.emit_compound([rtcp.ReceiverReport(2, [block])]), PEER, now + 10
        )
        self.assertIsNone(take(self.engine)[0].round_trip_ms)

    def test_blocks_about_others_are_passed_over(self):
        block = rtcp.ReportBlock(99, 0, 0, 0, 0)
        data = rtcp.emit_compound([rtcp.ReceiverReport(2, [block])])
        self.engine.receive_datagram(data, PEER, 10)
        self.assertEqual(take(self.engine), [])


class TestMembers(unittest.TestCase):
    def hello(self, ssrc=2, cname=b"them"):
        return rtcp.emit_compound(
            [rtcp.ReceiverReport(ssrc), rtcp.SourceDescription([(ssrc, [(1, cname)])])]
        )

    def test_name(self):
        engine = session()
        engine.start(0)
        engine.receive_datagram(self.hello(), PEER, 10)
        engine.receive_datagram(self.hello(), PEER, 20)
        (event,) = take(engine)
        self.assertIsInstance(event, events.PeerNamed)
        self.assertEqual((event.ssrc, event.cname), (2, b"them"))

    def test_goodbye_of_the_peer(self):
        engine = session()
        engine.start(0)
        engine.receive_datagram(self.hello(), PEER, 10)
        take(engine)
        before = engine.get_timer()
        data = rtcp.emit_compound([rtcp.ReceiverReport(2), rtcp.Goodbye([2, 5], b"bye")])
        engine.receive_datagram(data, PEER, 20)
        (event,) = take(engine)
        self.assertIsInstance(event, events.PeerLeft)
        self.assertEqual((event.ssrc, event.reason), (2, b"bye"))
        self.assertTrue(engine.get_timer() <= before)

    def test_time_out(self):
        engine = session()
        engine.start(0)
        engine.receive_datagram(self.hello(), PEER, 10)
        gone = []
        now = 0
        while now < 60000 and not gone:
            now = engine.get_timer()
            engine.handle_timer(now)
            for event in take(engine):
                if isinstance(event, events.PeerTimedOut):
                    gone.append((event.ssrc, now))
                elif isinstance(event, events.ReportDue):
                    engine.report(statistics(), 0, 0, now)
        self.assertEqual(gone[0][0], 2)
        self.assertTrue(25000 < gone[0][1] < 35000, gone)

    def test_voice_keeps_a_source(self):
        engine = session()
        engine.start(0)
        engine.receive_datagram(self.hello(), PEER, 10)
        now = 0
        received = 0
        while now < 120000:
            now = engine.get_timer()
            engine.handle_timer(now)
            for event in take(engine):
                self.assertNotIsInstance(event, events.PeerTimedOut)
                if isinstance(event, events.ReportDue):
                    received += 100
                    engine.report(statistics(received=received), 0, 0, now)

    def test_strangers_and_junk(self):
        engine = session()
        engine.start(0)
        engine.receive_datagram(self.hello(), OTHER, 10)
        engine.receive_datagram(b"junk", PEER, 10)
        engine.receive_datagram(self.hello()[:-1], PEER, 10)
        self.assertEqual(take(engine), [])
        self.assertEqual(engine.counters["strangers"], 1)
        self.assertEqual(engine.counters["malformed"], 2)
        self.assertEqual(engine.counters["received"], 0)
        # another port of the peer is the peer (a NAT, or RFC 3605 not heeded)
        engine.receive_datagram(self.hello(), (PEER[0], 9), 10)
        self.assertEqual(engine.counters["received"], 1)

    def test_bounded(self):
        engine = session()
        engine.start(0)
        for ssrc in range(100, 200):
            engine.receive_datagram(self.hello(ssrc), PEER, 10)
        self.assertEqual(len(take(engine)), 8)
        self.assertTrue(engine.counters["overflow"] > 90)
        for _ in range(100):
            block = rtcp.ReportBlock(1, 0, 0, 0, 0)
            data = rtcp.emit_compound([rtcp.ReceiverReport(100, [block])])
            engine.receive_datagram(data, PEER, 10)
        self.assertEqual(len(take(engine)), 16)

    def test_a_new_source_after_the_old(self):
        """A peer that begins anew (another program, another SSRC): both are told of."""
        engine = session()
        engine.start(0)
        engine.receive_datagram(self.hello(2, b"one"), PEER, 10)
        engine.receive_datagram(self.hello(3, b"two"), PEER, 20)
        names = [(event.ssrc, event.cname) for event in take(engine)]
        self.assertEqual(names, [(2, b"one"), (3, b"two")])
        now = due(engine)
        engine.report(statistics(received=10, ssrc=2), 0, 0, now)
        now = due(engine)
        # media heard the new one from its packet 300 on; 20 of 40 were lost
        engine.report(statistics(received=20, lost=20, highest=339, ssrc=3), 0, 0, now)
        one, two = sent(engine)
        self.assertEqual((one[0].blocks[0].ssrc, two[0].blocks[0].ssrc), (2, 3))
        self.assertEqual(two[0].blocks[0].fraction_lost, 128)


class TestCollision(unittest.TestCase):
    """Section 8.2: another has our SSRC, or our own packets come back."""

    def ours(self):
        return rtcp.emit_compound([rtcp.ReceiverReport(1), rtcp.Goodbye([1])])

    def test_before_anything_was_sent(self):
        engine = session()
        engine.start(0)
        engine.receive_datagram(self.ours(), PEER, 10)
        (event,) = take(engine)
        self.assertIsInstance(event, events.SSRCChanged)
        self.assertEqual((event.old, event.new, engine.ssrc), (1, 0x80808080, 0x80808080))
        self.assertEqual(engine.datagrams_to_send(), [])

    def test_goodbye_of_the_old_name(self):
        engine = session()
        engine.start(0)
        engine.report(statistics(sent=10, received=10), 0, 0, due(engine))
        sent(engine)
        engine.receive_datagram(self.ours(), PEER, 9000)
        (compound,) = sent(engine)
        self.assertEqual([message.packet_type for message in compound], [201, 202, 203])
        self.assertEqual((compound[0].ssrc, compound[2].sources), (1, [1]))
        self.assertEqual(compound[1].cname(1), b"cname")
        engine.report(statistics(sent=20, received=20), 0, 0, due(engine))
        self.assertEqual(sent(engine)[0][0].ssrc, engine.ssrc)

    def test_packets_that_media_saw(self):
        engine = session()
        engine.start(0)
        engine.report(statistics(sent=10, received=10, looped=1), 0, 0, due(engine))
        (event,) = [one for one in take(engine) if isinstance(one, events.SSRCChanged)]
        self.assertEqual((event.old, event.new), (1, engine.ssrc))

    def test_a_loop_changes_it_once(self):
        """A reflector sends all back: under the new SSRC too, for ever."""
        engine = session()
        engine.start(0)
        changed = 0
        looped = 0
        now = 0
        while now < 600000:
            now = due(engine)
            looped += 250
            engine.report(statistics(sent=looped, looped=looped), 0, 0, now)
            for data, _ in engine.datagrams_to_send():
                engine.receive_datagram(data, PEER, now + 10)
            changed += len([e for e in take(engine) if isinstance(e, events.SSRCChanged)])
        self.assertEqual(changed, 1)
        self.assertTrue(engine.counters["collisions"] > 100)

    def test_a_collision_long_after(self):
        engine = session()
        engine.start(0)
        for now in (10, 20, 200000):
            data = rtcp.emit_compound([rtcp.ReceiverReport(engine.ssrc)])
            engine.receive_datagram(data, PEER, now)
        self.assertEqual(len(take(engine)), 2)

    def test_never_the_name_of_another(self):
        engine = session()
        engine.start(0)
        for ssrc in (0x80808080, 0x80808081):
            engine.receive_datagram(rtcp.emit_compound([rtcp.ReceiverReport(ssrc)]), PEER, 5)
        engine.receive_datagram(self.ours(), PEER, 10)
        self.assertEqual(engine.ssrc, 0x80808082)


class TestHold(unittest.TestCase):
    def test_reports_go_on(self):
        """Held: nothing is sent or heard; receiver reports without a block keep the call known."""
        engine = session()
        engine.start(0)
        counts = (100, 100, 100, 100, 350)
        kinds = []
        for count in counts:
            engine.report(statistics(sent=count, received=count), 0, 0, due(engine))
            (compound,) = sent(engine)
            kinds.append((compound[0].packet_type, len(compound[0].blocks)))
        # a sender for two reports more (section 6.3.8), a block only about what came
        self.assertEqual(kinds, [(200, 1), (200, 0), (201, 0), (201, 0), (200, 1)])


class TestMetrics(unittest.TestCase):
    def test_a_block_in_each_report(self):
        engine = session(metrics=True)
        engine.start(0)
        counts = statistics(received=75, lost=25, late=5, delay_ms=60, target_ms=80)
        engine.report(counts, 0, 0, due(engine))
        (compound,) = sent(engine)
        self.assertEqual([message.packet_type for message in compound], [201, 202, 207])
        (block,) = compound[2].blocks
        self.assertEqual((compound[2].ssrc, block.ssrc), (1, 2))
        self.assertEqual((block.values["loss_rate"], block.values["discard_rate"]), (64, 12))
        self.assertEqual(block.values["jitter_buffer_nominal_ms"], 80)

    def test_nothing_was_heard(self):
        engine = session(metrics=True)
        engine.start(0)
        engine.report(statistics(ssrc=None), 0, 0, due(engine))
        (compound,) = sent(engine)
        self.assertEqual([message.packet_type for message in compound], [201, 202])

    def test_what_the_peer_tells(self):
        engine = session()
        engine.start(0)
        blocks = [xr.VoIPMetrics(7, loss_rate=1), xr.VoIPMetrics(1, loss_rate=9, mos_lq=41)]
        report = xr.ExtendedReport(2, blocks)
        data = rtcp.emit_compound([rtcp.ReceiverReport(2), report])
        engine.receive_datagram(data, PEER, 10)
        (event,) = take(engine)
        self.assertIsInstance(event, events.MetricsReceived)
        self.assertEqual((event.ssrc, event.values["loss_rate"]), (2, 9))
        self.assertEqual(event.values["mos_lq"], 41)


class TestStop(unittest.TestCase):
    def test_goodbye(self):
        engine = session()
        engine.start(0)
        now = due(engine)
        engine.report(statistics(sent=1), 0, 0, now)
        sent(engine)
        engine.stop(statistics(sent=9, received=4), 0, 0, now + 100, b"on hook")
        (messages,) = sent(engine)
        kinds = [message.packet_type for message in messages]
        self.assertEqual(kinds, [200, 202, 203])
        self.assertEqual((messages[2].sources, messages[2].reason), ([1], b"on hook"))
        self.assertIsNone(engine.get_timer())
        engine.stop(statistics(sent=9), 0, 0, now + 200)
        self.assertEqual(sent(engine), [])

    def test_silent_if_nothing_was_ever_sent(self):
        """RFC 3550 section 6.3.7: no BYE without RTP or RTCP before."""
        engine = session()
        engine.start(0)
        engine.stop(statistics(), 0, 0, 100)
        self.assertEqual(sent(engine), [])
        engine = session()
        engine.start(0)
        engine.stop(statistics(sent=3), 0, 0, 100)
        self.assertEqual(len(sent(engine)), 1)

    def test_while_a_report_is_due(self):
        engine = session()
        engine.start(0)
        now = due(engine)
        engine.stop(statistics(sent=1), 0, 0, now)
        self.assertEqual(len(sent(engine)), 1)
        engine.report(statistics(sent=1), 0, 0, now)
        self.assertEqual(sent(engine), [])

    def test_without_a_peer_nothing_goes(self):
        engine = session()
        engine.set_peer(None)
        engine.start(0)
        now = due(engine)
        engine.report(statistics(sent=1), 0, 0, now)
        self.assertEqual((sent(engine), engine.counters["sent"]), ([], 0))
        self.assertIn("1 members, sent 0", engine.debug())


if __name__ == "__main__":
    unittest.main()
