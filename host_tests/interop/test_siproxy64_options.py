# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: programs in a lab
"""Two baresips, one on either side of siproxy64, and its options: `ice rewrite`, `compact`."""

import re
import time

import pytest

from host_tests.interop.peers import tone_file
from host_tests.interop.test_baresip import assert_tone
from tools.lab import Baresip, House

INNER, OUTER = "192.0.2.11", "2001:db8:1::b0"
ADDRESS = "2001:db8:1::67"  # of the mirror
INNER_SEEN, OUTER_SEEN = "2001:db8:1::67:11", "192.0.2.71"
COMPLETED = r"Check list: \[state=Completed\]"


@pytest.fixture(scope="module")
def places(lab):
    """The mirror, a host in a house of its own, one on the link."""
    house = House(lab, "yard")
    mirror = house.mirror("yard-mirror", ADDRESS)
    mirror.map(INNER, INNER_SEEN)
    mirror.map(OUTER, OUTER_SEEN)
    inner = house.host("inner", address=INNER)
    return mirror, inner, lab.host("outer", address=OUTER, slaac=False)


def test_without_candidates(places):
    """They are taken out, so that each takes the other for a peer without ICE.

    baresip 1.0 starts no media with such a peer, without siproxy64 neither.
    """
    for order in ((0, 1), (1, 0)):
        output = call(places, ["ice drop"], order, sounds=False)
        assert "ICE not supported by peer" in output and not re.search(COMPLETED, output)
        assert not re.search(r"a=(ice|candidate)", received(output))


def test_checks_run_through_the_relay(places):
    """The host candidates of the relay's streams pass, and a pair of them is valid."""
    for output, seen in (
        (call(places, ["ice rewrite"], (0, 1)), INNER_SEEN),
        (call(places, ["ice rewrite"], (1, 0)), OUTER_SEEN),
    ):
        offered = re.findall(r"a=candidate:(.*)", received(output))
        assert len(offered) == 2, offered  # RTP and RTCP
        for words in [line.split() for line in offered]:
            assert words[4] == seen and words[6:8] == ["typ", "host"], words
        assert re.search(COMPLETED, output)
        valid = re.findall(r"comp=(\d)}  Succeeded .*<---> host:(\S+)", output)
        assert {number for number, _ in valid} == {"1", "2"}, valid
        assert all(seen in address for _, address in valid), valid


def test_names_of_one_letter(places):
    """Both take a call, its answer and its end with them, and each gets them alone."""
    lines = ["compact 4 on", "compact 6 on"]
    for order in ((0, 1), (1, 0)):
        invite = received(call(places, lines, order, ice=False))
        names = {line.partition(":")[0] for line in invite.split("\n\n")[0].split("\n")[1:]}
        assert {"v", "m", "t", "f", "i", "c", "l"} <= names, invite
        assert not names & {"Via", "Contact", "To", "From", "Call-ID", "Content-Length"}, invite


def received(output):
    """The first INVITE that a baresip has printed."""
    return output.partition("\nINVITE sip:")[2].partition("\x1b[;m")[0]


def call(places, lines, order, ice=True, sounds=True):
    """A call; what the called one has printed. order: who calls whom; sounds: both hear it."""
    mirror, inner, outer = places
    mirror.start(lines=lines)
    made = []
    try:
        for host, address in ((inner, INNER), (outer, OUTER)):
            made.append(Baresip(host, address, tone_file(8000), ice=ice))
        caller, called = [made[i] for i in order]
        caller.dial(mirror.uri(called.uri))
        called.wait("CALL_INCOMING")
        caller.wait("CALL_RINGING")
        called.answer()
        caller.wait("CALL_ESTABLISHED")
        time.sleep(3 if sounds else 0)
        called.hang_up()
        caller.wait("CALL_CLOSED")
        for one in made if sounds else ():
            assert_tone(one.recordings()[-1], f"heard by {one.uri}")
        return called.process.output()
    finally:
        for one in made:
            one.close()
        mirror.stop()
