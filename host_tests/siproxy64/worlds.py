# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What the tests of the mirror share: a table of the named parties, and a relay without ports."""

import unittest

from host_tests.siproxy64.mirrored import World
from tools.siproxy64.failures import Failures
from tools.siproxy64.mirror import Mirror
from tools.siproxy64.table import Table

# The phones live on side a, those they talk to on side b.
ON_SIDE_A = ("phone", "second", "third")
ON_SIDE_B = ("provider", "proxy", "media", "caller")


class PlainRelay:
    """Keeps every port, as if all were free. streams: what was asked for, in order."""

    def __init__(self, table):
        self.table = table
        self.streams = []
        self.ended = []
        self.began = []

    def begin(self, message, source, target, now):
        self.began.append((source, target))
        return PlainPassage(self)

    def handle_timer(self, now):
        pass

    def get_timer(self):
        return None


class PlainPassage:
    """One message on its way. move: added to each port."""

    def __init__(self, relay, move=0):
        self.relay = relay
        self.move = move

    def stream(self, index, addr16, rtp, rtcp, count):
        self.relay.streams.append((index, addr16, rtp, rtcp, count))
        if addr16 is None:
            return None
        other = self.relay.table.counterpart(addr16)
        return None if other is None else (other[0], rtp + self.move, rtcp + self.move)

    def end(self, passed):
        self.relay.ended.append(passed)


class MirrorCase(unittest.TestCase):
    """A mirror between all named parties."""

    world = World()

    def setUp(self):
        self.table = Table()
        self.fill()
        self.relay = PlainRelay(self.table)
        self.mirror = Mirror(self.table, self.relay)
        self.mirror.failures = Failures(self.mirror)

    def fill(self):
        for near, far, names in (("a", "b", ON_SIDE_A), ("b", "a", ON_SIDE_B)):
            for name in names:
                self.map(name + ":" + near, name + ":" + far)

    def map(self, real, representation, port=0, other_port=0):
        world = self.world
        where = real + " = " + representation
        self.table.add(
            world.address(real, port), world.address(representation, other_port), 128, where
        )

    def send(self, template, local, peer, local_port=5060, peer_port=5060):
        """Send one datagram in; return all that comes out."""
        world = self.world
        data = template if isinstance(template, bytes) else world.octets(template)
        self.mirror.receive(
            data, world.address(local, local_port), world.address(peer, peer_port), 0
        )
        return self.mirror.take()

    def passed(self, template, local="phone:b", peer="provider:b"):
        """Send one datagram in; return the octets of the one that goes on."""
        sent = self.send(template, local, peer)
        self.assertEqual(len(sent), 1)
        self.assertEqual(self.mirror.counters, {"passed": 1})
        self.mirror.counters = {}
        return sent[0][0]

    def answer(self, template, local="phone:b", peer="provider:b"):
        """Send one datagram in that is refused; return status and text of the answer."""
        sent = self.send(template, local, peer)
        self.assertEqual(len(sent), 1)
        data, source, destination, stream = sent[0]
        self.assertEqual(source, self.world.address(local))
        text = data.decode()
        self.assertEqual(text[:8], "SIP/2.0 ")
        return int(text[8:11]), text

    def assertOctets(self, found, template):
        """The octets are those of the template."""
        self.assertEqual(found.decode(), self.world.octets(template).decode())
