# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Fixtures that tests with whole phones share: a lab, the phones as users get them, captures."""

import os
import shutil
import time

import pytest

from tools.lab import Baresip, Capture, Lab, LabError, measure, wav
from tools.lab.capture import complaints, sip_ladder
from tools.lab.codec import RATES
from tools.lab.network import PREFIX
from tools.panel.errors import PanelError
from tools.panel.phones import TOP, QEMUPhone, UnixPhone

BOARDS = ("UNIX_HOST", "QEMU_MPS2_AN500")
_IDLE_S = 8.0
PEER_ADDRESS = "2001:db8:1::b"  # of baresip
TONE_HZ = 1000  # that it plays


class Telephone:
    """A phone of the lab with its address, used by its keys alone."""

    def __init__(self, phone, folder, prefix=PREFIX):
        """prefix: the /64 that its address will lie in."""
        self.phone = phone
        self.folder = folder
        self.prefix = prefix
        self.board = phone.board
        self.address = ""

    @property
    def panel(self):
        return self.phone.panel

    @property
    def uri(self):
        return f"sip:phone@[{self.address}]"

    def start(self):
        """Switch on and learn the address from the screen, as a person does."""
        self.phone.start()
        self.learn_address()

    def learn_address(self, prefix=None):
        """Wait until the screen shows an address of a prefix, that of the start unless given."""
        from tools.lab.call import idle_address

        self.address = idle_address(self.panel, 20.0, prefix or self.prefix)
        return self.address

    def wait_idle(self, timeout=_IDLE_S):
        """Come back to the idle screen, hanging up whatever is there."""
        deadline = time.monotonic() + timeout
        while not self.is_idle():
            if time.monotonic() > deadline:
                raise PanelError(f"{self.board} does not become idle:\n{self.panel.screen_text()}")
            self.panel.press("hangup")
            time.sleep(0.15)

    def is_idle(self):
        lamps = self.panel.lamps
        free = all(lamps.get(name, "off") == "off" for name in ("line1", "line2"))
        return free and self.panel.screen_text().startswith("vox6")

    def dial(self, uri):
        self.panel.dial(uri)
        self.panel.press("call")

    def answer(self):
        self.panel.wait_text("call from")
        self.panel.press("call")

    def hang_up(self):
        self.panel.press("hangup")

    def wait_talking(self):
        self.panel.wait_text("talking")

    def configure(self, **rows):
        """Set rows of the settings by the console; "__" stands for the dot of a name."""
        code = "from firmware.main import phone\n"
        for name, value in rows.items():
            code += f"phone().settings.set({name.replace('__', '.')!r}, {value!r})\n"
        self.console(code + "phone().settings.save()\nphone().reload()\n")

    def put(self, name, octets):
        """Write a file beside the settings by the console."""
        lines = ["import board", f"out = open(board.storage() + '/' + {name!r}, 'wb')"]
        lines += [f"out.write({octets[i : i + 64]!r})" for i in range(0, len(octets), 64)]
        self.console("\n".join([*lines, "out.close()"]) + "\n")

    def console(self, code, timeout=30.0):
        """Run code on the REPL; the phone goes on afterwards."""
        with self.phone.aside() as console:
            return console.run(code, timeout)


class Phones:
    """One phone of each board for the whole session, started when first asked for."""

    def __init__(self, lab):
        self._lab = lab
        self._made = {}

    def get(self, board):
        """The idle phone of a board; one that does not become idle is switched off and on."""
        found = self._made.get(board)
        if found is None:
            folder = self._lab.folder / board
            shutil.rmtree(folder, ignore_errors=True)
            if board == "UNIX_HOST":
                phone = UnixPhone(folder, self._lab.host("unix"))
            else:
                phone = QEMUPhone(folder, self._lab)
            found = self._made[board] = Telephone(phone, folder)
        process = found.phone.process
        if process is None or not process.running():
            found.phone.stop()
            found.start()
        try:
            found.wait_idle()
        except PanelError:
            found.phone.stop()
            found.start()
        return found

    def get_running(self, board):
        """The phone of a board as it is, in a call or not."""
        return self._made[board]

    def close(self):
        for found in self._made.values():
            found.phone.stop()


def open_lab(name):
    """A lab in build/NAME, or the test is skipped with the reason."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    for suffix in ("", "-2", "-3", "-4"):
        found = Lab(TOP / "build" / (name + suffix))
        if found.claim():
            return found
    raise LabError(f"build/{name} to build/{name}-4 are all in use by other test runs")


# Two folders of tests import these fixtures, and pytest takes them for different ones: the first
# that asks opens the lab and starts the phones, and closes them last.
_shared = {}


@pytest.fixture(scope="session")
def lab():
    if "lab" in _shared:
        yield _shared["lab"]
        return
    with open_lab("interop") as opened:
        _shared["lab"] = opened
        yield opened
        del _shared["lab"]


@pytest.fixture(scope="session")
def phones(lab):
    if "phones" in _shared:
        yield _shared["phones"]
        return
    made = _shared["phones"] = Phones(lab)
    yield made
    del _shared["phones"]
    made.close()


@pytest.fixture(params=BOARDS)
def phone(request, phones):
    """An idle phone of each board in turn; its memory must do."""
    found = phones.get(request.param)
    before = found.phone.console_log()
    yield found
    assert_memory_did(found, before)


def assert_memory_did(phone, before):
    """No MemoryError has come into a phone's log since. before: the log then."""
    log = phone.phone.console_log()
    if log.startswith(before):  # it was not switched off since
        log = log[len(before) :]
    assert "MemoryError" not in log, f"{phone.board} ran out of memory:\n{log[-3000:]}"


@pytest.fixture
def plain(phone):
    """The phone asks for no encryption, and so gives no warning tone, for one test."""
    phone.configure(security__zrtp=False)
    yield
    phone.wait_idle()
    phone.configure(security__zrtp=True)


@pytest.fixture
def pair(phones):
    """The host phone and the emulated board, both idle; their memory must do."""
    found = phones.get("UNIX_HOST"), phones.get("QEMU_MPS2_AN500")
    before = [one.phone.console_log() for one in found]
    yield found
    for one, log in zip(found, before):
        assert_memory_did(one, log)


@pytest.fixture
def capture(request, lab):
    """Everything on the link during a test. Kept when the test fails; must hold no IPv4."""
    name = request.node.name.translate(str.maketrans("[]/: ", "-----")).strip("-")
    running = Capture(lab, f"{name}.pcap")
    yield running
    path = running.stop()
    failed = getattr(request.node, "failed", False)
    bad = [] if failed else complaints(path, running.forgiven)
    if failed or bad:
        print(f"capture: {path}")
        print("\n".join(sip_ladder(path)[-60:]))
    else:
        path.unlink()
    assert not bad, f"{path}: {bad[:10]}"


@pytest.fixture(scope="session")
def peer_host(lab):
    return lab.host("peer", address=PEER_ADDRESS, slaac=False)


@pytest.fixture
def peer(peer_host, request):
    """Makes a baresip that plays a tone or a file; ended after the test."""
    made = []

    def make(codec="PCMU", sound=None, **more):
        if sound is None:
            sound = TOP / f"build/tone-{TONE_HZ}-{RATES[codec]}.wav"
            if not sound.exists():
                wav.write(sound, RATES[codec], measure.tone(TONE_HZ, 60, RATES[codec]))
        found = Baresip(peer_host, PEER_ADDRESS, sound, codec=codec, **more)
        made.append(found)
        return found

    yield make
    for found in made:
        found.close()
