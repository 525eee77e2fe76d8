# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Instructions of the emulated Cortex-M7: SIP parsing and writing, INVITE to 180, the media tick.

    python host_tests/bench/qemu_instructions.py      # as root: the networked parts need a lab

Pure computing runs under `-icount shift=0,sleep=off`, where one instruction lasts one nanosecond
of the guest's clock. Networked steps are counted by the TCG plugin marks.c between two marks in a
run without icount; a processor that waits executes nothing, so waiting is left out (design.md
section 10).
"""

import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
for _folder in (TOP, TOP / "build" / "path"):
    sys.path.insert(0, str(_folder))

from tools.panel.phones import QEMUPhone  # noqa: E402

BENCH = TOP / "build" / "bench"

# 14 header lines, as a desk phone sends them.
INVITE = (
    b"INVITE sip:bob@[2001:db8:1::20]:5060 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP [2001:db8:1::10]:5060;branch=z9hG4bK776asdhds;rport\r\n"
    b"Max-Forwards: 70\r\n"
    b'From: "Alice" <sip:alice@example.org>;tag=1928301774\r\n'
    b"To: <sip:bob@[2001:db8:1::20]>\r\n"
    b"Call-ID: a84b4c76e66710@2001-db8-1--10.example.org\r\n"
    b"CSeq: 314159 INVITE\r\n"
    b"Contact: <sip:alice@[2001:db8:1::10]:5060>\r\n"
    b"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\n"
    b"Supported: replaces, timer\r\n"
    b"User-Agent: bench/1\r\n"
    b"Accept: application/sdp\r\n"
    b"Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Content-Length: %d\r\n"
    b"\r\n"
)
SDP = (
    b"v=0\r\no=- 1 1 IN IP6 2001:db8:1::10\r\ns=-\r\nc=IN IP6 2001:db8:1::10\r\nt=0 0\r\n"
    b"m=audio 16384 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=sendrecv\r\n"
)
MESSAGE = INVITE % len(SDP) + SDP

# Runs on the phone and, with the same names, on CPython. What a server does with a request: the
# start line, the headers that every transaction reads, and the whole message written again.
_PARSE = """
def parse(octets):
    message = sip.parse(octets)
    message.uri, message.via, message.from_, message.to, message.call_id, message.cseq
    message.contact, message.content_type
    return message

def turn(octets):
    return parse(octets).emit()
"""
_GUEST = (
    "import gc, time\nfrom vox6.sip import message as sip\n"
    + _PARSE
    + """
m = %r
assert turn(m) == m
parts = (("parse", parse, m), ("parse and write", turn, m), ("write", sip.Request.emit, parse(m)))
for name, f, argument in parts:
    gc.collect()
    t = time.ticks_us()
    for _ in range(%d):
        f(argument)
    print(name, ":", time.ticks_diff(time.ticks_us(), t))
"""
)


class Counted(QEMUPhone):
    """The board with further options of QEMU."""

    options: list[str] = []

    def _launch(self):
        folder = BENCH / "bin"
        folder.mkdir(parents=True, exist_ok=True)
        wrapper = folder / "qemu-system-arm"
        real = shutil.which("qemu-system-arm")
        wrapper.write_text(f'#!/bin/sh\nexec {real} {" ".join(self.options)} "$@"\n')
        wrapper.chmod(0o755)
        old = os.environ["PATH"]
        os.environ["PATH"] = f"{folder}:{old}"
        try:
            return super()._launch()
        finally:
            os.environ["PATH"] = old

    def boot(self):
        """Start without a wait for the phone."""
        for name in ("panel.sock", "console"):
            (self.state / name).unlink(missing_ok=True)
        self.process = self._launch()
        return self


# Name of a mark: function at whose first instruction it stands.
MARKS = {
    "received": "ethernet_handler",
    "sent": "mark_frame_sent",
    "tick": "mark_tick_begin",
    "tock": "mark_tick_end",
}


class Marks:
    """What the plugin wrote since begin()."""

    def __init__(self, out):
        self._out = out
        self._at = 0

    @staticmethod
    def options(out, marks=MARKS):
        """Build the plugin and find the marked addresses in the image."""
        plugin = BENCH / "marks.so"
        source = Path(__file__).with_name("marks.c")
        subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", plugin, source], check=True)
        names = subprocess.run(
            ["arm-none-eabi-nm", QEMUPhone.image], capture_output=True, text=True, check=True
        ).stdout
        address = {name: place for place, _, name in re.findall(r"(\w+) (\w) (\w+)", names)}
        words = [f"{short}=0x{address[name]}" for short, name in marks.items()]
        return ["-plugin", ",".join([str(plugin), f"out={out}", *words])]

    def begin(self):
        """Forget what is there."""
        self._at = self._out.stat().st_size

    def lines(self):
        """(name, instructions executed before it) since begin()."""
        with self._out.open() as file:
            file.seek(self._at)
            words = [line.split() for line in file if line.endswith("\n")]
        return [(name, int(count)) for name, count in words]


def fresh(name):
    """An empty folder for the state of a phone."""
    folder = BENCH / name
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def pure():
    """SIP messages on the M7 (instructions) and on CPython beside PyPI's sipmessage."""
    turns = 50
    board = Counted(fresh("pure"))
    board.options = ["-icount", "shift=0,sleep=off"]
    board.boot()
    try:
        text = board.mpremote("exec", _GUEST % (MESSAGE, turns), timeout=300)
    finally:
        board.kill()
    size = f"{MESSAGE.count(b': ')} headers, {len(MESSAGE)} octets"
    print(f"INVITE of {size}, on the emulated Cortex-M7:")
    for name, us in re.findall(r"(.+) : (\d+)", text):
        print(f"  {name:16} {int(us) * 1000 / turns:12,.0f} instructions")

    import sipmessage

    from vox6.sip import message as sip

    space = {"sip": sip}
    exec(_PARSE, space)  # noqa: S102 - the same text as on the phone

    def other(octets):
        message = sipmessage.Message.parse(octets)
        message.uri, message.via, message.from_address, message.to_address  # noqa: B018
        message.call_id, message.cseq, message.contact, message.content_type  # noqa: B018
        return bytes(message)

    def rate(function):
        best = 0.0
        for _ in range(5):
            start = time.perf_counter()
            for _ in range(2000):
                function(MESSAGE)
            best = max(best, 2000 / (time.perf_counter() - start))
        return best

    ours, theirs = rate(space["turn"]), rate(other)
    print(f"on CPython, parse and write: vox6.sip {ours:,.0f} messages/s, "
          f"sipmessage {theirs:,.0f} messages/s, ratio {ours / theirs:.2f}")  # fmt: skip


def invite_to_180(board, marks, host, address):
    """Instructions from the interrupt of an INVITE to the last write of its 180, ten calls."""
    local = host.wait_address()
    counts = []
    with host.socket() as channel:
        channel.bind((local, 5060))
        channel.settimeout(5.0)
        for call in range(11):  # the first one warms up
            message = MESSAGE.replace(b"2001:db8:1::20", address.encode())
            message = message.replace(b"2001:db8:1::10", local.encode())
            message = message.replace(b"a84b4c76e66710", b"call%d" % call)
            message = message.replace(b"776asdhds", b"branch%d" % call)
            sdp = SDP.replace(b"2001:db8:1::10", local.encode())
            head = message.split(b"\r\n\r\n")[0].rsplit(b":", 1)[0]
            message = head + b": %d\r\n\r\n" % len(sdp) + sdp
            time.sleep(0.5)
            marks.begin()
            channel.sendto(message, (address, 5060))
            answers = []
            while not answers or not answers[-1].startswith(b"SIP/2.0 180"):
                answers.append(channel.recv(4096))
                assert answers[-1][8:11] in (b"100", b"180"), answers[-1]
            time.sleep(0.05)
            lines = marks.lines()
            first = next(count for name, count in lines if name == "received")
            sent = [count for name, count in lines if name == "sent"]
            if call:
                counts.append(sent[len(answers) - 1] - first)
            cancel = message.replace(b"INVITE sip", b"CANCEL sip")
            cancel = cancel.replace(b"59 INVITE", b"59 CANCEL")
            cancel = re.sub(rb"Content-.*", b"", cancel.split(b"\r\n\r\n")[0], flags=re.S)
            channel.sendto(cancel + b"Content-Length: 0\r\n\r\n", (address, 5060))
            final = b""
            while not final.startswith(b"SIP/2.0 487"):
                final = channel.recv(4096)
            to = re.search(rb"(?m)^To:.*", final)[0].strip()
            ack = cancel.replace(b"CANCEL", b"ACK") + b"Content-Length: 0\r\n\r\n"
            channel.sendto(re.sub(rb"(?m)^To:.*\r$", to + b"\r", ack), (address, 5060))
            time.sleep(0.3)
            board.panel.press("hangup")
    return counts


def networked():
    """INVITE to 180 and the media tick, in a lab with the host phone."""
    from host_tests.interop.fixtures import Telephone
    from tools.lab.network import Lab
    from tools.panel.phones import UnixPhone

    with Lab(BENCH / "lab") as lab:
        out = BENCH / "marks.txt"
        board = Counted(fresh("board"), lab)
        board.options = Marks.options(out)
        marks = Marks(out)
        qemu = Telephone(board, board.state)
        state = fresh("unix")
        unix = Telephone(UnixPhone(state, lab.host("unix")), state)
        try:
            qemu.start()
            counts = invite_to_180(board, marks, lab.host("caller"), qemu.address)
            print(f"INVITE to 180: median {statistics.median(counts):,.0f} instructions, "
                  f"worst {max(counts):,} of {len(counts)} (target 20,000,000)")  # fmt: skip
            for codecs, encrypted, echo, target in (
                ("PCMU", "no", "off", 60_000),
                ("PCMU", "yes", "off", 60_000),
                ("G722", "yes", "off", 400_000),
                ("opus", "yes", "off", 850_000),
                ("PCMU", "yes", "on", 750_000),
            ):
                if echo == "on":
                    qemu.configure(audio__echo="on", audio__noise="on", audio__gain="on")
                settings = state / "fs" / "settings"
                settings.mkdir(parents=True, exist_ok=True)
                text = f"vox6-settings 1\nmedia.codecs = {codecs}\n"
                text += f"security.zrtp = {encrypted}\n"
                (settings / "settings.txt").write_text(text)
                unix.start()
                qemu.wait_idle()
                unix.dial(qemu.uri)
                qemu.answer()
                unix.wait_talking()
                for one in (unix, qemu):
                    one.panel.play((16000, _speech()), repeat=True)
                time.sleep(3.0)
                marks.begin()
                time.sleep(8.0)
                ticks, begun = [], None
                for name, count in marks.lines():
                    if name == "tick":
                        begun = count
                    elif name == "tock" and begun is not None:
                        ticks.append(count - begun)
                screen = qemu.panel.screen_text()
                unix.hang_up()
                unix.phone.stop()
                ticks.sort()
                sort = "SRTP" if encrypted == "yes" else "RTP"
                sort += ", echo, noise and gain" if echo == "on" else ""
                print(f"media tick, {codecs} both ways in {sort} ({len(ticks)} ticks): median "
                      f"{statistics.median(ticks):,.0f}, 99 % {ticks[len(ticks) * 99 // 100]:,}, "
                      f"worst {ticks[-1]:,} instructions (target {target:,})")  # fmt: skip
                if codecs not in screen.replace(".", ""):
                    print(f"  (the screen says: {screen!r})")
        finally:
            unix.phone.stop()
            board.kill()


def _speech():
    """Noise with the rise and fall of speech: no codec finds it easy."""
    import numpy as np

    random = np.random.default_rng(1)
    envelope = np.abs(np.sin(np.arange(32000) * np.pi / 4000))
    return (random.normal(0, 3000, 32000) * envelope).clip(-32768, 32767).astype(np.int16)


if __name__ == "__main__":
    BENCH.mkdir(parents=True, exist_ok=True)
    pure()
    if os.geteuid() == 0:
        networked()
    else:
        print("INVITE to 180 and the media tick need root (a lab); left out")
