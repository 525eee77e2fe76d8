# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The relay's plane by sockets: who is listened to, what goes on, what is counted."""

import unittest

from tools.siproxy64.portable_plane import PortablePlane

HERE, THERE = (b"h" * 16, 7000), (b"t" * 16, 7000)  # near sockets
PHONE, OTHER = b"p" * 16, b"o" * 16
_LONGEST = 65507  # octets that IPv4 and UDP leave for voice


class Port:
    def __init__(self, driver, local, received):
        self.driver = driver
        self.local = local
        self.received = received
        self.sent = []

    def send(self, data, local16, peer16, peer_port, traffic_class):
        assert local16 == self.local[0]
        self.sent.append((data, peer16, peer_port, traffic_class))

    def close(self):
        del self.driver.ports[self.local]


class Driver:
    def __init__(self):
        self.time = 0
        self.ports = {}

    def now(self):
        return self.time

    def udp(self, local16, port, received):
        local = local16, port
        if local in self.ports:
            raise OSError(98)
        self.ports[local] = Port(self, local, received)
        return self.ports[local]


class Stream:
    """A stream, seen from the phone's side, which is the one that `here` names."""

    def __init__(self, here, latch=False):
        self.here = here
        self.driver = Driver()
        self.plane = PortablePlane(self.driver)
        near = [THERE, THERE]
        near[here] = HERE
        self.handle = self.plane.open(near)
        self.port, self.out = self.driver.ports[HERE], self.driver.ports[THERE]
        self.plane.far(self.handle, here, (PHONE, 5000), latch)
        self.plane.far(self.handle, not here, (OTHER, 4000), False)

    def arrives(self, peer_port=5000, data=b"voice", peer16=PHONE, traffic_class=0):
        """A datagram for the near socket on the phone's side."""
        self.port.received(data, HERE[0], peer16, peer_port, traffic_class)

    def answer(self, data=b"answer", traffic_class=0):
        """A datagram from the other far end."""
        self.out.received(data, THERE[0], OTHER, 4000, traffic_class)

    def counters(self):
        """(packets, octets from the phone, packets, octets from the other end)."""
        found, _ = self.plane.counters(self.handle)
        at = 2 * self.here
        return tuple(found[at : at + 2] + found[2 - at : 4 - at])


def streams(latch=False):
    """A stream of each direction."""
    return [Stream(here, latch) for here in (False, True)]


class TestWhatGoesOn(unittest.TestCase):
    def test_traffic_class_and_congestion(self):
        """All 256 values, both ways."""
        for stream in streams():
            for value in range(256):
                stream.arrives(traffic_class=value)
                stream.answer(traffic_class=255 - value)
            self.assertEqual([one[3] for one in stream.out.sent], list(range(256)))
            self.assertEqual([one[3] for one in stream.port.sent], list(range(255, -1, -1)))

    def test_octet_for_octet(self):
        """Nothing at all, one octet, every octet there is, the longest datagram."""
        every = bytes(range(256))
        for stream in streams():
            octets = 0
            for data in (b"", b"\0", every, every * (_LONGEST // 256) + every[: _LONGEST % 256]):
                stream.arrives(data=data)
                self.assertEqual(stream.out.sent.pop(), (data, OTHER, 4000, 0))
                stream.answer(data)
                self.assertEqual(stream.port.sent.pop(), (data, PHONE, 5000, 0))
                octets += len(data)
            self.assertEqual(octets, _LONGEST + 257)
            self.assertEqual(stream.counters(), (4, octets, 4, octets))
            self.assertEqual(stream.out.sent + stream.port.sent, [])

    def test_each_side_is_counted_for_itself(self):
        for stream in streams():
            stream.driver.time = 10
            stream.arrives(data=b"12345")
            stream.driver.time = 30
            stream.arrives(data=b"1")
            self.assertEqual(stream.counters(), (2, 6, 0, 0))
            self.assertEqual(stream.plane.counters(stream.handle)[1], 30)
            stream.driver.time = 70
            stream.answer(b"123")
            self.assertEqual(stream.counters(), (2, 6, 1, 3))
            self.assertEqual(stream.plane.counters(stream.handle)[1], 70)

    def test_nobody_at_the_other_end_yet(self):
        """It is counted and goes nowhere; what the other end says passes as soon as it is told."""
        for here in (False, True):
            driver = Driver()
            plane = PortablePlane(driver)
            near = [THERE, THERE]
            near[here] = HERE
            handle = plane.open(near)
            driver.ports[HERE].received(b"x", HERE[0], PHONE, 5000, 0)
            self.assertEqual(handle.strays, 1)  # nobody was negotiated at all
            plane.far(handle, here, (PHONE, 5000), False)
            driver.ports[HERE].received(b"x", HERE[0], PHONE, 5000, 0)
            self.assertEqual(driver.ports[THERE].sent, [])
            plane.far(handle, not here, (OTHER, 4000), False)
            driver.ports[HERE].received(b"y", HERE[0], PHONE, 5000, 0)
            self.assertEqual(driver.ports[THERE].sent, [(b"y", OTHER, 4000, 0)])
            self.assertEqual(plane.counters(handle)[0][2 * here], 2)


class TestStrays(unittest.TestCase):
    def test_they_are_counted_and_go_nowhere(self):
        """Another port, another address, the far end of the other side: latching or not."""
        for latch in (False, True):
            for stream in streams(latch):
                stream.arrives(5000, b"the phone")
                stream.driver.time = 1000
                for peer16, peer_port in ((PHONE, 5001), (OTHER, 5000), (OTHER, 4000)):
                    stream.arrives(peer_port, b"a stray", peer16)
                self.assertEqual(stream.handle.strays, 3)
                self.assertEqual(stream.out.sent, [(b"the phone", OTHER, 4000, 0)])
                self.assertEqual(stream.port.sent, [])
                self.assertEqual(stream.counters(), (1, 9, 0, 0))
                self.assertEqual(stream.plane.counters(stream.handle)[1], 0)  # no sign of life


class TestLatching(unittest.TestCase):
    def test_the_first_port_counts_once(self):
        for stream in streams(latch=True):
            for peer_port in (5002, 5004, 5000, 5002):
                stream.arrives(peer_port, b"%d" % peer_port)
            self.assertEqual([one[0] for one in stream.out.sent], [b"5002", b"5002"])
            self.assertEqual(stream.handle.strays, 2)
            stream.answer()
            self.assertEqual(stream.port.sent, [(b"answer", PHONE, 5002, 0)])

    def test_the_negotiated_port_is_a_port_too(self):
        """Its first packet ends the search."""
        for stream in streams(latch=True):
            stream.arrives(5000)
            stream.arrives(5002)
            self.assertEqual((len(stream.out.sent), stream.handle.strays), (1, 1))

    def test_never_to_another_address(self):
        """Who is not the one of the description takes nothing, not even the chance."""
        for stream in streams(latch=True):
            stream.arrives(5000, b"mine", OTHER)
            stream.answer(b"private")
            stream.arrives(5002)
            self.assertEqual([one[0] for one in stream.out.sent], [b"voice"])
            stream.answer()
            self.assertEqual(
                [one[1:3] for one in stream.port.sent], [(PHONE, 5000), (PHONE, 5002)]
            )

    def test_late_voice_of_another_fork_is_no_port_to_latch_to(self):
        """Early media of one branch is still on its way when the other branch answers."""
        for stream in streams(latch=True):
            stream.arrives(5000)
            stream.plane.far(stream.handle, stream.here, (PHONE, 6000), True)
            stream.arrives(5000)
            self.assertEqual(len(stream.out.sent), 2)  # it still rings: both are heard
            stream.plane.settle(stream.handle)
            stream.arrives(5000)
            stream.arrives(6000)
            self.assertEqual(len(stream.out.sent), 3)
            stream.answer()
            self.assertEqual(stream.port.sent, [(b"answer", PHONE, 6000, 0)])


class TestNearEnds(unittest.TestCase):
    def test_a_taken_port_leaves_none_open(self):
        for here in (False, True):
            driver = Driver()
            plane = PortablePlane(driver)
            taken = driver.udp(THERE[0], THERE[1], None)
            near = [THERE, THERE]
            near[here] = HERE
            with self.assertRaises(OSError):
                plane.open(near)
            self.assertEqual(list(driver.ports.values()), [taken])

    def test_a_port_that_cannot_be_had_changes_nothing(self):
        for stream in streams():
            stream.driver.udp(HERE[0], 7002, None)
            with self.assertRaises(OSError):
                stream.plane.near(stream.handle, stream.here, (HERE[0], 7002))
            stream.arrives()
            stream.answer()
            self.assertEqual((len(stream.out.sent), len(stream.port.sent)), (1, 1))

    def test_closed(self):
        """Both ports are free, twice is once, and what is late goes nowhere."""
        for stream in streams():
            stream.plane.close(stream.handle)
            stream.plane.close(stream.handle)
            self.assertEqual(stream.driver.ports, {})
            stream.arrives()
            stream.answer()
            self.assertEqual(stream.out.sent + stream.port.sent, [])
            self.assertEqual(stream.handle.strays, 2)


if __name__ == "__main__":
    unittest.main()
