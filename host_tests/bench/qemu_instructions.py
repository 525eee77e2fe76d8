# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Instructions of the emulated Cortex-M7: SIP parsing and writing, INVITE to 180, the media tick.

    python host_tests/bench/qemu_instructions.py            # root: the networked parts run in a lab

Pure computing runs under `-icount shift=0,sleep=off`, where one instruction lasts one nanosecond of
the guest's clock. Networked steps are counted by the TCG plugin marks.c between two marks in a run
without icount; a processor that waits executes nothing, so waiting is left out (design.md section 10).
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
for name, f, argument in (("parse", parse, m), ("parse and write", turn, m), ("write", lambda p: p.emit(), parse(m))):
    gc.collect()
    t = time.ticks_us()
    for _ in range(%d):
        f(argument)
    print(name, ":", time.ticks_diff(time.ticks_us(), t))
"""
)


class Counted(QEMUPhone):
    """The board with further options of QEMU; boots to the REPL."""

    options: list[str] = []

    def boot(self):
        for name in ("panel.sock", "console"):
            (self.state / name).unlink(missing_ok=True)
        folder = BENCH / "bin"
        folder.mkdir(parents=True, exist_ok=True)
        wrapper = folder / "qemu-system-arm"
        real = shutil.which("qemu-system-arm", path=os.defpath + ":/usr/local/bin")
        words = " ".join(self.options)
        wrapper.write_text(f'#!/bin/sh\nexec {real} {words} "$@"\n')
        wrapper.chmod(0o755)
        old = os.environ["PATH"]
        os.environ["PATH"] = f"{folder}:{old}"
        try:
            self.process = self._launch()
        finally:
            os.environ["PATH"] = old
        return self


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
    print(f"INVITE of {MESSAGE.count(b': ')} headers, {len(MESSAGE)} octets, on the emulated Cortex-M7:")
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


if __name__ == "__main__":
    BENCH.mkdir(parents=True, exist_ok=True)
    pure()
