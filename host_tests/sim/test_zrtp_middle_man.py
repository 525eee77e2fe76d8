# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Somebody completes ZRTP with both ends, as the other for each: what gives him away.

He does get the words, until the people compare: that is what the SAS is for, and what these
tests show first, so that the rest is worth something.
"""

from host_tests.sim.couple import ANNA, BORIS
from host_tests.sim.rewriter import without
from host_tests.sim.scene import MiddleMan, Scene
from vox6.zrtp.events import HELLO_HASH


def sas(call):
    secured = call.security.secured
    return (secured.sas_type, secured.sas_text)


def both_secured(scene):
    return scene.anna.security.secured is not None and scene.boris.security.secured is not None


def verified_before(scene):
    """An honest call in which the people compared."""
    scene.call()
    scene.anna.security.verify("Boris")
    scene.boris.security.verify("Anna")
    scene.hang_up()
    scene.call()
    assert scene.states == ("verified", "verified")
    assert scene.anna.security.secured.name == "Boris"
    scene.hang_up()


def attacked(scene, **how):
    mallory = MiddleMan(scene, **how)
    scene.call()
    return mallory


def test_the_sas_differ():
    scene = Scene()
    mallory = attacked(scene)
    assert both_secured(scene)
    assert scene.states == ("encrypted", "encrypted")
    assert sas(scene.anna) != sas(scene.boris)
    # it is a real attack: he has the keys of both and heard them
    for victim, call in ((ANNA, scene.anna), (BORIS, scene.boris)):
        end = mallory.ends[victim]
        assert end.zrtp_keys["receive"] == call.security.zrtp_keys["send"]
        assert sas(call) == (end.secured.sas_type, end.secured.sas_text)
        assert end.stream.heard


def test_the_sas_differ_for_every_seed():
    """32 calls: a SAS of 16 or 20 bits is alike by chance once in 65,536."""
    for seed in range(32):
        scene = Scene(seed=seed)
        attacked(scene)
        assert both_secured(scene)
        assert sas(scene.anna) != sas(scene.boris)


def test_nothing_is_verified_behind_a_strange_zid():
    """Both verified each other before; his own ZID is one that nobody knows."""
    scene = Scene()
    verified_before(scene)
    attacked(scene)
    assert both_secured(scene)
    for call in (scene.anna, scene.boris):
        secured = call.security.secured
        assert (secured.verified, secured.first, secured.name) == (False, True, "")


def test_a_stolen_zid_is_a_mismatch():
    """He shows the ZIDs of the two, which everybody sees in Hello; the secret he has not."""
    scene = Scene()
    verified_before(scene)
    anna, boris = scene.couple.phones
    mallory = attacked(scene, zids={ANNA: boris.cache.zid, BORIS: anna.cache.zid})
    assert both_secured(scene)
    assert scene.states == ("mismatch", "mismatch")
    for call in (scene.anna, scene.boris):
        assert not call.security.secured.verified
    scene.hang_up()
    mallory.close()
    # and the attack left the cache as it was: the next call is verified without comparing
    scene.call()
    assert scene.states == ("verified", "verified")


def test_media_alone_does_not_fit_the_signalling():
    """He holds the media path, but not the descriptions: his Hellos are refused."""
    scene = Scene()
    mallory = attacked(scene, signalling=False)
    assert scene.anna.security.secured is None
    assert scene.boris.security.secured is None
    for alarms in scene.alarms:
        assert HELLO_HASH in alarms
    for end in mallory.ends.values():
        assert end.secured is None


def test_media_alone_with_the_hash_stripped():
    """Without a=zrtp-hash he gets between them; then the SAS is what differs."""
    scene = Scene()
    mallory = MiddleMan(scene, signalling=False)
    learn = scene.rewriter.description
    strip = without("zrtp-hash")
    scene.rewriter.description = lambda lines, source: strip(learn(lines, source), source)
    scene.call()
    assert both_secured(scene)
    assert sas(scene.anna) != sas(scene.boris)
    mallory.close()
