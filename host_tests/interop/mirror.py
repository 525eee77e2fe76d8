# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""An IPv4-only house beside the lab's IPv6 link, siproxy64 between them, peers in the house."""

import pytest

from host_tests.interop.fixtures import BOARDS
from host_tests.interop.peers import tone_file
from host_tests.interop.signalling import SCENARIOS
from tools.lab import Baresip, BaresipPython, Capture, House, Linphone, SIPp
from tools.lab.capture import complaints, sip_ladder
from tools.lab.codec import RATES
from tools.lab.speech import speech_file
from tools.panel.phones import TOP

ADDRESS = "2001:db8:1::64"  # of the mirror
HOUSE = {"baresip": 11, "linphone": 12, "sipp": 13, "modern": 14, "second": 15}  # in 192.0.2.0/24
# Several parties on one address, told apart by port.
PORTS = {"sipp": (5070, 5072, 5074, 5080, 5082)}
# What else the house may call: parties of the IPv6 link, by the numbers that it sees.
OTHERS = {"2001:db8:1::5": 63, "2001:db8:1::f0": 64, "2001:db8:1::51": 66, "2001:db8:1::d": 67}
_PHONES = {board: 71 + number for number, board in enumerate(BOARDS)}


class Across:
    """A party beyond the mirror, with the names by which this side knows it and it knows us."""

    def __init__(self, party, mirror):
        self.party = party
        self._mirror = mirror

    def __getattr__(self, name):
        return getattr(self.party, name)

    @property
    def uri(self):
        return self._mirror.uri(self.party.uri)

    def dial(self, uri):
        return self.party.dial(self._mirror.uri(uri))

    def transfer(self, uri, *more):
        return self.party.transfer(self._mirror.uri(uri), *more)


@pytest.fixture(scope="session")
def house(lab):
    return House(lab)


@pytest.fixture(scope="session")
def _running_mirror(lab, house, phones):
    made = house.mirror("mirror", ADDRESS)
    for name, number in HOUSE.items():
        made.map(f"192.0.2.{number}", f"{ADDRESS}:{number}", PORTS.get(name, ()))
    for address, number in OTHERS.items():
        made.map(address, f"192.0.2.{number}")
    for board, number in _PHONES.items():
        made.map(phones.get(board).address, f"192.0.2.{number}")
    for line in ("limit streams 4000", "limit messages 100000"):
        made.add_line(line)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def mirror(_running_mirror, request):
    """siproxy64 between the house and the link; its log is shown when a test fails."""
    before = len(_running_mirror.output())
    yield _running_mirror
    said = _running_mirror.output()[before:]
    if getattr(request.node, "failed", False):
        print("siproxy64:", said[-4000:])
    if not _running_mirror.process.running():
        _running_mirror.start()  # for the tests that follow
        pytest.fail("siproxy64 ended")
    assert "Traceback" not in said, said


@pytest.fixture
def house_capture(request, house):
    """Everything on the house's link during a test. Kept when it fails; must hold no IPv6."""
    name = request.node.name.translate(str.maketrans("[]/: ", "-----")).strip("-")
    running = Capture(house, f"{name}.pcap")
    yield running
    path = running.stop()
    failed = getattr(request.node, "failed", False)
    bad = [] if failed else complaints(path, running.forgiven, ipv4=True)
    if failed or bad:
        print(f"capture: {path}")
        print("\n".join(sip_ladder(path)[-60:]))
    else:
        path.unlink()
    assert not bad, f"{path}: {bad[:10]}"


def _host(house, name):
    found = house.hosts.get(name)
    return found or house.host(name, address=f"192.0.2.{HOUSE[name]}")


def _making(made):
    """Ends what a fixture has made."""
    for found in made:
        found.close()


@pytest.fixture
def house_baresip(house, mirror):
    """Makes a baresip in the house that plays a tone."""
    made = []

    def make(codec="PCMU", host="baresip", **more):
        where = _host(house, host)
        made.append(Baresip(where, where.ipv4, tone_file(RATES[codec]), codec=codec, **more))
        return Across(made[-1], mirror)

    yield make
    _making(made)


@pytest.fixture
def house_linphone(house, mirror):
    """Makes a linphone in the house that speaks and knows nobody."""
    made = []

    def make(codec="PCMU", **more):
        where = _host(house, "linphone")
        sound = speech_file(TOP / "build/speech", RATES[codec])
        made.append(Linphone(where, sound, codec=codec, address=where.ipv4, **more))
        return Across(made[-1], mirror)

    yield make
    _making(made)


@pytest.fixture
def house_modern(house, mirror):
    """Makes a baresip-python in the house that plays a tone."""
    made = []

    def make(codec="PCMU", **more):
        where = _host(house, "modern")
        more.setdefault("port", 5060 + 2 * len(made))
        more.setdefault("name", f"modern{len(made)}")
        made.append(BaresipPython(where, where.ipv4, tone_file(8000), codec=codec, **more))
        return Across(made[-1], mirror)

    yield make
    _making(made)


@pytest.fixture
def house_sipp(house, mirror):
    """Makes a SIPp in the house with a scenario of sipp/; whom it calls it knows by IPv4."""
    made = []

    def make(scenario, remote="", **more):
        where = _host(house, "sipp")
        more.setdefault("port", 5070 + 2 * len(made))
        if remote:
            remote = mirror.counterpart(remote)
        path = SCENARIOS / f"{scenario}.xml"
        made.append(SIPp(where, where.ipv4, path, remote=remote, **more))
        return Across(made[-1], mirror)

    yield make
    _making(made)
