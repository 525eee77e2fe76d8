# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A server changes a=zrtp-hash on its way (RFC 6189 section 8.1)."""

import pytest

from host_tests.sim.rewriter import voice, without
from host_tests.sim.scene import Scene
from host_tests.sim.security import Policy
from vox6.zrtp.events import HELLO_HASH

REQUIRED = Policy({}, required=True)
OTHER = "a=zrtp-hash:1.10 " + "5a" * 32


def replaced(lines, source):
    return [OTHER if line.startswith("a=zrtp-hash:") else line for line in lines]


def doubled(lines, source):
    """A false one before the true one: the first counts."""
    at = [i for i, line in enumerate(lines) if line.startswith("a=zrtp-hash:")]
    return lines[: at[0]] + [OTHER] + lines[at[0] :] if at else lines


def test_it_binds():
    """Nobody in between: what each end checks is the hash of the Hello that really came."""
    scene = Scene().call()
    assert scene.states == ("encrypted", "encrypted")
    assert scene.alarms == ([], [])
    for call, other in ((scene.anna, scene.boris), (scene.boris, scene.anna)):
        version, octets = call.negotiation.agreed.zrtp_hash
        assert (version, octets) == ("1.10", other.security.engine.hello_hash)
    scene.couple.check_settled()


def test_stripped_changes_nothing():
    """A hint less: Hellos go out anyway, and the keys are the same at both ends."""
    scene = Scene()
    scene.rewriter.description = without("zrtp-hash")
    scene.call()
    assert scene.rewriter.changed
    assert scene.states == ("encrypted", "encrypted")
    scene.couple.check_settled()


@pytest.mark.parametrize("rewrite", [replaced, doubled], ids=lambda one: one.__name__)
def test_replaced_is_no_silent_downgrade(rewrite):
    """True Hellos do not fit: they are refused, both owners are told, nobody is called secure."""
    scene = Scene()
    scene.rewriter.description = rewrite
    scene.call()
    assert scene.rewriter.changed
    for state, alarms in zip(scene.states, scene.alarms, strict=True):
        assert state in ("clear", "securing")
        assert HELLO_HASH in alarms
    assert scene.anna.security.secured is None


def test_replaced_sends_nothing_in_clear_where_encryption_is_required():
    scene = Scene(REQUIRED, REQUIRED)
    scene.rewriter.description = replaced
    scene.call()
    assert voice(scene.rewriter) == []
    assert scene.anna.security.stream.heard == scene.boris.security.stream.heard == set()


def test_replaced_in_a_reinvite_is_refused():
    """Another Hello in a running call is another phone: the offer is refused, keys stay."""
    scene = Scene().call()
    assert scene.states == ("encrypted", "encrypted")
    keys = scene.boris.security.stream.send_key
    scene.rewriter.description = replaced
    scene.hold(scene.anna)
    assert "zrtp-hash changed" in scene.alarms[1]
    assert not scene.anna.held, "boris took it"
    assert scene.boris.security.stream.send_key == keys
    assert scene.states == ("encrypted", "encrypted")
    scene.hang_up()
    assert scene.boris.outcome in ("hung up", "ended")


def test_stripped_on_one_side_only():
    scene = Scene(seed=2)
    anna = scene.couple.phones[0].peer[0]
    strip = without("zrtp-hash")
    scene.rewriter.description = lambda lines, source: (
        strip(lines, source) if source[0] == anna else lines
    )
    scene.call()
    assert scene.states == ("encrypted", "encrypted")
    assert scene.boris.negotiation.agreed.zrtp_hash is None
