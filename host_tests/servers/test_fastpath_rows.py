# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Both data planes give the same answers: the rows of host_tests/unit/pubtsp/rows.py.

The same answer, precisely: where the program forwards, the inner packet is the row's, octet for
octet, behind an outer header that this file makes by itself. Where it drops, the row says drop,
and the counter is the rule's. Where it passes, the frame is as it came, and the answer is the
portable plane's, which is the row's (host_tests/unit/pubtsp/test_rules.py checks the same rows).
"""

import pytest

from host_tests.servers import kernel_plane as k
from host_tests.unit.pubtsp import rows

# What the program leaves to the kernel and to the portable plane though the row says drop:
LEFT = {
    "U7 echo with a bad checksum": "pass_echo",
    "D1 too short": None,  # not known to be for us; the kernel drops it
    "D1 nothing": None,
    "D2 another prefix": None,  # not for us
}
# ... or says up or down:
PASSED = {
    "U3 longer is cut": "pass_odd",
    "U3 longer by zeros is cut": "pass_odd",
    # on the wire its hop limit is 1: the kernel answers before any daemon (C-8)
    "D8 behind the kernel's forwarding": "pass_error",
}
# Octets behind the packet are padding on Ethernet: the portable plane never sees them.
PADDED = {"D1 longer than it says": (rows.hops(rows.DOWN, 63), (rows.V4, rows.PORT, 0))}

FORWARDED = {
    "up": (k.REDIRECT, k.ROUTER6 + k.OWN_FAR),
    "down": (k.TX, k.ROUTER4 + k.OWN),
}


@pytest.fixture(scope="module")
def plane():
    """The program in the kernel."""
    return k.KernelPlane()


def counter_of(rule):
    """The counter of a dropped packet."""
    return "drop_nibble" if rule == "U2" else "drop_" + rule


def check_forwarded(outcome, side, direction, packet, to=None):
    """The frame that leaves: Ethernet, an outer header built here, the packet."""
    action, addresses = FORWARDED[direction]
    assert outcome.action == action
    assert outcome.counted == {side: 1, direction: 1}
    if direction == "up":
        assert outcome.frame == addresses + b"\x86\xdd" + packet
        return
    v4, port, tos = to
    made = k.udp4(rows.SERVER, v4, 3653, port, packet, tos=tos)
    got = outcome.frame[14:]
    assert outcome.frame[:14] == addresses + b"\x08\x00"
    assert got == k.with_id_of(got, made)


def check_row(plane, row, frame, side, to):
    """One row through the program."""
    name, rule, _, action, out, differs = row
    outcome = plane.run(frame)
    if outcome.action == k.PASS:
        assert outcome.frame == frame
    if name in PADDED:
        check_forwarded(outcome, side, "down", *PADDED[name])
    elif name in LEFT:
        assert action == "drop"
        assert outcome.action == k.PASS
        assert outcome.counted == ({LEFT[name]: 1} if LEFT[name] else {})
    elif name in PASSED:
        assert (outcome.action, outcome.counted) == (k.PASS, {PASSED[name]: 1})
    elif action == "drop":
        assert outcome.action == k.DROP
        assert outcome.counted == {side: 1, counter_of(rule): 1}
    elif action == "ignore":
        assert outcome.action == k.DROP
        assert outcome.counted == {side: 1, "keepalives": 1}
    elif action in ("error-up", "error-down"):
        assert (outcome.action, outcome.counted) == (k.PASS, {"pass_error": 1})
    elif action in ("signalling", "refused") or rule in ("U7", "D3"):
        kind = {"U7": "pass_echo", "D3": "pass_ping"}.get(rule, "pass_tsp")
        assert (outcome.action, outcome.counted) == (k.PASS, {kind: 1})
    else:
        if differs.get("kernel_forwards") and out[7] == row[2][7]:
            out = rows.hops(out, out[7] - 1)  # program and kernel are one hop together (C-8)
        check_forwarded(outcome, side, action, out, to)


def check_from_tunnel(plane, row):
    """A row of rows.FROM_TUNNEL."""
    config, key, v4, port, tos = k.config_of(row[5])
    plane.configure(config, key)
    frame = k.up_frame(row[2], v4, port, tos)
    for padding in (b"", b"behind the datagram"):  # which is nobody's business
        check_row(plane, row, frame + padding, "received", row[5].get("to", (v4, port, 0)))


def check_to_tunnel(plane, row):
    """A row of rows.TO_TUNNEL."""
    config, key, _, _, _ = k.config_of(row[5])
    plane.configure(config, key)
    # without padding: a packet that is too short must not be filled up by it
    frame = k.OWN + k.STRANGER + b"\x86\xdd" + row[2]
    check_row(plane, row, frame, "received_up", row[5].get("to"))


@pytest.mark.parametrize("row", rows.FROM_TUNNEL, ids=lambda row: row[0])
def test_from_tunnel(plane, row):
    check_from_tunnel(plane, row)


@pytest.mark.parametrize("row", rows.TO_TUNNEL, ids=lambda row: row[0])
def test_to_tunnel(plane, row):
    check_to_tunnel(plane, row)


def test_padding_is_cut(plane):
    config, key, _, _, _ = k.config_of({})
    plane.configure(config, key)
    outcome = plane.run(k.down_frame(rows.DOWN + b"padding"))
    check_forwarded(
        outcome, "received_up", "down", rows.hops(rows.DOWN, 63), (rows.V4, rows.PORT, 0)
    )
    outcome = plane.run(k.up_frame(rows.GOOD) + b"padding")
    check_forwarded(outcome, "received", "up", rows.hops(rows.GOOD, 63))
