# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The annex: another IPv4-only house, whose siproxy64 each test configures and starts.

IPv6 reaches its phones by a route to the mirror, and they reach IPv6 by their default route: no
address of a party is one of the mirror's interfaces.
"""

import pytest

from host_tests.interop.peers import tone_file
from tools.lab import Baresip, House, Linphone, Siproxy64
from tools.lab.speech import speech_file
from tools.panel.phones import TOP

OWN4, OWN6 = "203.0.113.1", "2001:db8:1::65"  # of the mirror
BARESIP, LINPHONE = "203.0.113.40", "203.0.113.12"
LINPHONE_HEX = "cb00:710c"  # the same address, as baresip takes it in IPv6
BEHIND = "2001:db8:64::"  # what the mirror shows to IPv6 has this /64
SEEN = "198.51.100.71"  # the phone, where it is mapped singly


@pytest.fixture(scope="session")
def annex(lab):
    """The house; its mirror has a host, and does not run yet."""
    house = House(lab, "annex", "203.0.113.0/24")
    house.gate = house.mirror("annex-mirror", OWN6).host
    lab.hosts["router"].set_route(BEHIND + "/64", OWN6)
    house.host("baresip", address=BARESIP)
    house.host("linphone", address=LINPHONE)
    return house


@pytest.fixture
def start(annex, request):
    """Starts siproxy64 with some lines of configuration; `mirror` is what it starts."""
    made = Siproxy64(annex.gate)

    def start(*lines, anyip=True):
        for line in (*lines, "anyip on" if anyip else "anyip off"):
            made.add_line(line)
        made.start()

    start.mirror = made
    yield start
    said = made.output()
    made.stop()
    if getattr(request.node, "failed", False):
        print("siproxy64:", said[-4000:])
    assert "Traceback" not in said, said


@pytest.fixture
def annex_baresip(annex):
    """Makes a baresip in the annex that plays a tone."""
    made = []

    def make(**more):
        made.append(Baresip(annex.hosts["baresip"], BARESIP, tone_file(8000), **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def annex_linphone(annex):
    """Makes a linphone in the annex that speaks."""
    made = []

    def make(**more):
        sound = speech_file(TOP / "build/speech", 8000)
        made.append(Linphone(annex.hosts["linphone"], sound, address=LINPHONE, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()
