# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The relay's plane by sockets: who is listened to."""

import unittest

from tools.siproxy64.portable_plane import PortablePlane

HERE, THERE = (b"h" * 16, 7000), (b"t" * 16, 7000)  # near sockets
PHONE, OTHER = b"p" * 16, b"o" * 16


class Port:
    def __init__(self, received):
        self.received = received
        self.sent = []

    def send(self, data, local16, peer16, peer_port, traffic_class):
        self.sent.append((data, peer16, peer_port))

    def close(self):
        pass


class Driver:
    def __init__(self):
        self.ports = []

    def now(self):
        return 0

    def udp(self, local16, port, received):
        self.ports.append(Port(received))
        return self.ports[-1]


class TestLatching(unittest.TestCase):
    def streams(self):
        """A stream of each direction, with its two ports: that of the latching side first."""
        for here in (False, True):
            driver = Driver()
            plane = PortablePlane(driver)
            near = [THERE, THERE]
            near[here] = HERE
            handle = plane.open(near)
            plane.far(handle, not here, (OTHER, 4000), False)
            yield plane, handle, here, driver.ports[here], driver.ports[not here]

    def arrives(self, port, peer_port, data=b"voice"):
        port.received(data, HERE[0], PHONE, peer_port, 0)

    def test_the_first_port_counts_once(self):
        for plane, handle, here, port, out in self.streams():
            plane.far(handle, here, (PHONE, 5000), True)
            for peer_port in (5002, 5004, 5000):
                self.arrives(port, peer_port)
            self.assertEqual(len(out.sent), 1)
            out.received(b"answer", THERE[0], OTHER, 4000, 0)
            self.assertEqual(port.sent, [(b"answer", PHONE, 5002)])

    def test_late_voice_of_another_fork_is_no_port_to_latch_to(self):
        """Early media of one branch is still on its way when the other branch answers."""
        for plane, handle, here, port, out in self.streams():
            plane.far(handle, here, (PHONE, 5000), True)
            self.arrives(port, 5000)
            plane.far(handle, here, (PHONE, 6000), True)
            self.arrives(port, 5000)
            self.assertEqual(len(out.sent), 2)  # it still rings: both are heard
            plane.settle(handle)
            self.arrives(port, 5000)
            self.arrives(port, 6000)
            self.assertEqual(len(out.sent), 3)
            out.received(b"answer", THERE[0], OTHER, 4000, 0)
            self.assertEqual(port.sent, [(b"answer", PHONE, 6000)])


if __name__ == "__main__":
    unittest.main()
