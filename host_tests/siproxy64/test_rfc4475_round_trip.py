# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""RFC 4475 through the mirror and back: the original but for Max-Forwards and Content-Length.

All addresses of the messages are covered by one pair of prefixes. For the mirrored run the
messages themselves are first written with addresses of the other side, by plain search.
"""

import os

from host_tests.siproxy64.mirrored import World, mirrored
from host_tests.siproxy64.test_rewrite_headers import Names
from host_tests.siproxy64.worlds import MirrorCase, PlainPassage
from tools.siproxy64.rewrite import rewrite, set_number
from tools.siproxy64.scan import first_of
from tools.siproxy64.table import side
from vox6.sip.lines import RequestLines, ResponseLines, parse
from vox6.wire.errors import FormatError

FOLDER = "host_tests/vectors/rfc4475"
# What section 3 of the RFC says of the others: they are no messages, and go nowhere. A request
# that can be told for one gets 400 or 505.
MALFORMED = {
    "baddn": "the archive has it without the empty line behind its headers",
    "badvers": "unknown version",
    "bigcode": "status above 699",
    "clerr": "body shorter than Content-Length",
    "lwsruri": "white space in the Request-URI",
    "lwsstart": "several spaces in the Request-Line",
    "mcl01": "two lengths",
    "ncl": "negative length",
    "test": "no message of section 3: the archive has it alone",
    "trws": "white space behind the Request-Line",
}
# They name hosts alone, but for a URI of another scheme and a Call-ID.
WITHOUT_ADDRESS = (
    "badaspec bext01 cparam01 cparam02 esc02 escnull intmeth invut lwsdisp mismatch01 novelsc "
    "regescrt scalar02 transports unkscm zeromf"
).split()

UNANSWERED = ("bigcode", "test")
REFUSED = {"scalar02": 400, "zeromf": 483}  # Max-Forwards above 255, and 0


def read(name):
    with open(FOLDER + "/" + name + ".dat", "rb") as file:
        return file.read()


def names():
    return sorted([name[:-4] for name in os.listdir(FOLDER) if name.endswith(".dat")])


def swapped(octets):
    """Return octets with each dotted quad as the other side has it."""
    out = []
    at = 0
    while at < len(octets):
        digit = first_of(octets, b"0123456789", at, len(octets))
        end = len(octets) - len(octets[digit:].lstrip(b"0123456789."))
        parts = octets[digit:end].split(b".")
        before = octets[digit - 1 : digit]
        out.append(octets[at:digit])
        out.append(octets[digit:end])
        at = max(end, digit)
        if len(parts) == 4 and b"" not in parts and before in (b" ", b"@", b":", b"="):
            numbers = [int(part) for part in parts]
            if max(numbers) < 256:
                one, two = numbers[0] << 8 | numbers[1], numbers[2] << 8 | numbers[3]
                text = "2001:db8:64::%x:%x" % (one, two)
                if len(out) > 3 and out[-4].endswith(b"IN IP") and out[-3:-1] == [b"4", b" "]:
                    out[-3] = b"6"
                elif not out[-2].endswith(b"received="):
                    text = "[" + text + "]"
                out[-1] = text.encode()
    return b"".join(out)


class TestRoundTrip(MirrorCase):
    def fill(self):
        world = self.world
        self.table.add(world.address("whole:a", 0), world.address("whole:b", 0), 96, "whole")

    def original(self, name):
        """Return a message in the addresses of side a."""
        message = parse(read(name), RequestLines, ResponseLines)
        if self.world.swapped:
            for i in range(len(message.headers)):
                key, _, raw = message.headers[i]
                if key != "call-id":
                    message.replace(i, swapped(raw))
            if not message.status:
                message.uri_text = swapped(message.uri_text.encode()).decode()
            message.body = swapped(message.body)
            set_number(message, "content-length", len(message.body))
        return message.emit()

    def beyond(self, octets, near):
        """Return what a message of side `near` is on the other side."""
        message = parse(octets, RequestLines, ResponseLines)
        here = side(self.world.addr16("phone:" + near))
        rewrite(message, Names(self.table, here), PlainPassage(self.relay))
        return message.emit()

    def test_there_and_back(self):
        same = []
        for name in names():
            with self.subTest(name=name):
                if name in MALFORMED:
                    with self.assertRaises(FormatError):
                        self.original(name)
                    continue
                octets = self.original(name)
                there = self.beyond(octets, "a")
                if there == octets:
                    same.append(name)
                self.assertEqual(self.beyond(there, "b"), octets)
        self.assertEqual(same, WITHOUT_ADDRESS)


class TestThroughTheMirror(MirrorCase):
    """What the engine says to each, when it comes from a known party."""

    world = World()

    def fill(self):
        self.table.add(self.world.address("whole:a", 0), self.world.address("whole:b", 0), 96)
        self.map("provider:b", "provider:a")

    def test_requests(self):
        for name in names():
            with self.subTest(name=name):
                self.mirror.counters = {}
                sent = self.send(read(name), "provider:a", "phone:a")
                if name in MALFORMED:
                    answers = ["505" if name == "badvers" else "400"]
                    if name in UNANSWERED:
                        answers = []
                    self.assertEqual(self.mirror.counters.get("malformed"), 1)
                    self.assertEqual([one[0][8:11].decode() for one in sent], answers)
                elif name in REFUSED:
                    self.assertEqual(self.mirror.counters, {"refused": 1})
                    self.assertEqual(sent[0][0][8:11], b"%d" % REFUSED[name])
                elif read(name).startswith(b"SIP/2.0"):
                    # the topmost Via names nobody who could have sent the request
                    self.assertEqual(self.mirror.counters, {"stray": 1})
                    self.assertEqual(sent, [])
                else:
                    self.assertEqual(self.mirror.counters, {"passed": 1})
                    self.assertEqual(sent[0][2], self.world.address("provider:b"))


TestRoundTripMirrored = mirrored(TestRoundTrip)
