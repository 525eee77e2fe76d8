# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Messages a second of lib/sip and of the PyPI package sipmessage, in one run on CPython.

    PYTHONPATH=build/path:. python host_tests/bench/sip_message.py

Three steps for each message: parse alone; parse and read what a user agent reads (top Via, From,
To, CSeq, Call-ID, Contact); parse, read and write. Rounds alternate, the best of each counts.
"""

import sys
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP), str(TOP / "build" / "path")]

from vox6.sip import message as ours  # noqa: E402

INVITE = (
    "INVITE sip:bob@[2001:db8::b]:5060 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bK4b43c2ff8.1\r\n"
    "Via: SIP/2.0/UDP [2001:db8::a]:5060;branch=z9hG4bK-d8754z\r\n"
    "Max-Forwards: 69\r\n"
    "Record-Route: <sip:[2001:db8::1];lr>\r\n"
    'From: "Anna Example" <sip:anna@example.com>;tag=9fxced76sl\r\n'
    "To: Bob <sip:bob@example.com>\r\n"
    "Call-ID: 3848276298220188511@example.com\r\n"
    "CSeq: 31862 INVITE\r\n"
    "Contact: <sip:anna@[2001:db8::a]:5060;transport=udp>\r\n"
    "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, REFER, NOTIFY\r\n"
    "Supported: replaces, timer\r\n"
    "User-Agent: vox6-bench\r\n"
    "Content-Type: application/sdp\r\n"
    "Content-Length: 4\r\n"
    "\r\n"
    "v=0\n"
)
ROUNDS = 7
SECONDS = 0.25


def _ours(step):
    octets = INVITE.encode()

    def parse():
        ours.parse(octets)

    def read():
        message = ours.parse(octets)
        message.via, message.from_, message.to, message.cseq, message.call_id
        message.contact().uri
        return message

    def write():
        read().emit()

    return {"parse": parse, "read": read, "write": write}[step]


def _theirs(step):
    import sipmessage

    octets = INVITE.encode()

    def parse():
        sipmessage.Message.parse(octets)

    def read():
        message = sipmessage.Message.parse(octets)
        message.via, message.from_address, message.to_address, message.cseq, message.call_id
        message.contact
        return message

    def write():
        bytes(read())

    return {"parse": parse, "read": read, "write": write}[step]


def _rate(function):
    count = 0
    start = time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        for _ in range(20):
            function()
        count += 20
    return count / (time.perf_counter() - start)


def main():
    """Print one line for each step."""
    try:
        import sipmessage  # noqa: F401
    except ImportError:
        print("the package sipmessage is missing: run `make setup-test`")
        return 2
    print(
        "%-28s %12s %12s %8s" % ("INVITE, %d octets" % len(INVITE), "vox6", "sipmessage", "ratio")
    )
    for step, name in (
        ("parse", "parse"),
        ("read", "parse, read six headers"),
        ("write", "parse, read, write"),
    ):
        best = [0.0, 0.0]
        for _ in range(ROUNDS):
            for i, function in enumerate((_ours(step), _theirs(step))):
                best[i] = max(best[i], _rate(function))
        print("%-28s %10.0f/s %10.0f/s %7.2fx" % (name, best[0], best[1], best[0] / best[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
