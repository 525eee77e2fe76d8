# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Forged Error, GoClear, SASrelay, Ping at any time (RFC 6189 sections 4.7, 5.13, 5.15)."""

import struct

import pytest

from host_tests.zrtp import derive, ours, peer, world
from host_tests.zrtp.attacks import (
    QUICK,
    flip,
    inject_into,
    meet,
    refused,
    snapshot,
    untouched,
    victim,
)

GOCLEAR_NOT_ALLOWED = 0x100


def secure(role="Initiator", hand=None, party=None, **more):
    hand = hand or peer.Peer(role, algorithms=QUICK, **more)
    one = meet(hand, party or victim(), for_ms=3000)
    untouched(one)
    return one, hand, one.parties[1]


def goes_on(one, party, before):
    """Assert that keys, state and cache stay also when all timers have run."""
    one.run(20000)
    now = snapshot(party)
    assert now[:2] == before[:2] and now[3] == before[3]
    assert party.secured


class TestError:
    @pytest.mark.parametrize("code", (0x10, 0x61, 0x90, 0xB0, 0, 0xFFFFFFFF))
    @pytest.mark.parametrize("role", peer.ROLES)
    def test_after_secure(self, role, code):
        """Anybody can send an Error, it has no MAC: keys that stand are not touched by it."""
        one, hand, party = secure(role)
        before = snapshot(party)
        inject_into(party, hand.packet(hand.make_error(code)), one.now)
        goes_on(one, party, before)
        assert party.failed is None

    @pytest.mark.parametrize("role", peer.ROLES)
    @pytest.mark.parametrize("ssrc", (0x99, None), ids=("stranger", "peer"))
    def test_in_the_exchange(self, role, ssrc):
        """From a stranger: ignored. With the peer's SSRC: an honest failure (section 4.7.1)."""
        for stage in ("HelloACK", "Commit", "DHPart1", "DHPart2", "Confirm1", "Confirm2"):
            hand = peer.Peer(role, algorithms=QUICK)
            if stage not in hand_sends(role):
                continue
            forger = peer.Peer(role, ssrc or hand.ssrc, seed=9)

            def change(message, forger=forger, hand=hand):
                hand.out.append(forger.packet(forger.make_error(0x20)))
                return message

            hand.change[stage] = change
            hand.secure, genuine = (lambda: None), hand.secure
            if ssrc:
                hand.secure = genuine
                untouched(meet(hand))
            else:
                one = meet(hand)
                party = one.parties[1]
                assert not party.secured and not party.keys, stage
                assert party.happened("Failed")[0].by_peer and party.failed == 0x20
                assert len(one.messages(1, "ErrorACK")) == 1
                assert not party.context.cache._entries

    def test_error_flood_is_answered_one_for_one(self):
        one, hand, party = secure()
        answers = []
        for _ in range(500):
            answers += inject_into(party, hand.packet(hand.make_error(0x20)), one.now)
        assert len(answers) <= 500 and party.secured
        assert len(party.events) < 30


def hand_sends(role):
    if role == "Initiator":
        return ("Commit", "DHPart2", "Confirm2")
    return ("HelloACK", "DHPart1", "Confirm1")


class TestGoClear:
    @pytest.mark.parametrize("role", peer.ROLES)
    @pytest.mark.parametrize("allow", (False, True))
    def test_forged_mac(self, role, allow):
        """No ClearACK, no change, a warning (section 4.7.2)."""
        one, hand, party = secure(role, party=victim(allow_clear=allow), allow_clear=True)
        before = snapshot(party)
        for message in (
            derive.message("GoClear", bytes(8)),
            flip(hand.make_go_clear(), 19),
            flip(hand.make_go_clear(), 12, 0x80),
        ):
            assert not inject_into(party, hand.packet(message), one.now)
        goes_on(one, party, before)
        assert party.warnings == ["bad-goclear"]

    @pytest.mark.parametrize("role", peer.ROLES)
    def test_mac_of_our_own_role(self, role):
        """Reflected: what we would send ourselves does not clear us (section 4.5.3)."""
        one, hand, party = secure(role, party=victim(allow_clear=True), allow_clear=True)
        before = snapshot(party)
        other = peer.ROLES[role == "Initiator"]
        message = hand.make_go_clear(other)
        assert not inject_into(party, hand.packet(message), one.now)
        goes_on(one, party, before)

    @pytest.mark.parametrize("role", peer.ROLES)
    def test_authentic_but_not_allowed(self, role):
        """The owner does not want it: Error 0x100, the stream stays encrypted, it is told."""
        one, hand, party = secure(role)
        before = snapshot(party)
        answers = inject_into(party, hand.packet(hand.make_go_clear()), one.now)
        assert answers == ["Error"] or answers == []
        assert "ClearACK" not in answers
        goes_on(one, party, before)
        assert [event.refused for event in party.happened("ClearRequested")] == [True]
        errors = [struct.unpack(">I", m[12:16])[0] for m in one.messages(1, "Error")]
        assert set(errors) <= {GOCLEAR_NOT_ALLOWED}
        assert not hand.peer_confirm.allow_clear

    @pytest.mark.parametrize("role", peer.ROLES)
    def test_authentic_and_allowed(self, role):
        """Keys go, ClearACK; then secure again by Multistream, and the old GoClear is void."""
        one, hand, party = secure(role, party=victim(allow_clear=True), allow_clear=True)
        old = hand.packet(hand.make_go_clear())
        assert inject_into(party, old, one.now) == ["ClearACK"]
        assert not party.keys and [e.refused for e in party.happened("ClearRequested")] == [False]
        assert inject_into(party, old, one.now) == ["ClearACK"], "it may be lost"
        assert len(party.happened("ClearRequested")) == 1
        again = resume(one, hand, party)
        untouched_keys(again)
        before = snapshot(party)
        assert not inject_into(party, old, again.now)
        goes_on(again, party, before)

    @pytest.mark.parametrize("role", peer.ROLES)
    def test_we_ask(self, role):
        one, hand, party = secure(role, party=victim(allow_clear=True), allow_clear=True)
        party.do("go_clear", one.now)
        one._send(1)
        one.run(1000)
        assert hand.cleared and not party.keys
        assert [event.acknowledged for event in party.happened("Cleared")] == [True]
        untouched_keys(resume(one, hand, party))

    def test_enrollment_forbids_it(self):
        """(E) implies not (A): the A flag of such a Confirm is disregarded (section 7.3.1)."""
        _, _, party = secure(
            "Initiator", party=victim(allow_clear=True), allow_clear=True, enrollment=True
        )
        assert not party.secure_event.peer_allows_clear

    @pytest.mark.parametrize("kind", ("ClearACK", "GoClear"))
    def test_before_there_are_keys(self, kind):
        hand = peer.Peer("Initiator", algorithms=QUICK)
        body = bytes(8) if kind == "GoClear" else b""
        hand.change["DHPart2"] = lambda message: [derive.message(kind, body), message]
        untouched(meet(hand, victim(allow_clear=True)))

    def test_clear_ack_without_go_clear(self):
        one, hand, party = secure(party=victim(allow_clear=True), allow_clear=True)
        before = snapshot(party)
        inject_into(party, hand.packet(derive.message("ClearACK", b"")), one.now)
        goes_on(one, party, before)

    def test_replayed_commit_while_in_clear(self):
        """Any Commit of before GoClear comes again, also one that lost contention: no effect.

        Else who replays one packet would keep the call in clear.
        """
        for seed in range(8):
            contexts = [ours.Context(seed=2 * seed + i, allow_clear=True) for i in (0, 1)]
            first = world.World(contexts[0].open(1), contexts[1].open(2))
            first.run_until_secure()
            one = world.World(contexts[0].open(3), contexts[1].open(4))
            for turn in range(3):
                assert one.run(9000, lambda ps=one.parties: all(p.secured for p in ps)), (
                    one.story()
                )
                world.agree(one)
                asks = one.parties[(seed + turn) % 2]
                asks.do("go_clear", one.now)
                one._send((seed + turn) % 2)
                one.run(2000)
                states = [party.engine.state for party in one.parties]
                assert states == ["Clear", "Clear"]
                old = [
                    (side, d) for _, side, d, _ in one.log if derive.kind_of_packet(d) == "Commit"
                ]
                for side, data in old:
                    for target in (side, 1 - side):
                        one.inject(target, data)
                one.run(1000)
                assert [party.engine.state for party in one.parties] == states
                assert not any(party.keys for party in one.parties)
                asks.do("go_secure", one.now)
                one._send((seed + turn) % 2)

    def test_go_clear_when_conf2ack_was_lost(self):
        """The responder asks at once; the initiator still waits and repeats Confirm2."""
        contexts = [ours.Context(seed=i, allow_clear=True) for i in (1, 2)]
        rules = world.Rules(lose=[(1, "Conf2ACK", 0)])
        one = world.World(contexts[0].open(1), contexts[1].open(2), world.Roles(1, rules))
        assert one.run(5000, lambda: one.parties[1].secured)
        one.parties[1].do("go_clear", one.now)
        one._send(1)
        one.run(20000)
        assert [party.engine.state for party in one.parties] == ["Clear", "Clear"]
        assert not any(party.failed for party in one.parties)

    def test_go_clear_of_two_phones(self):
        """Ours with ours, lossy: both clear, both secure again with new keys, several times."""
        contexts = [ours.Context(seed=i, allow_clear=True) for i in (1, 2)]
        wire = world.Lossy(5, loss=0.15, twice=0.2)
        one = world.World(contexts[0].open(1), contexts[1].open(2), wire)
        seen = set()
        for turn in range(4):
            assert one.run(30000, lambda: all(p.secured for p in one.parties)), one.story()
            one.run(3000)
            world.agree(one)
            assert one.parties[0].keys["send"] not in seen
            seen.add(one.parties[0].keys["send"])
            asks = one.parties[turn % 2]
            asks.do("go_clear", one.now)
            one._send(turn % 2)
            one.run(20000)
            assert not one.parties[0].keys and not one.parties[1].keys
            asks.do("go_secure", one.now)
            one._send(turn % 2)


def resume(one, hand, party):
    """Let the hand commit to Multistream again after a GoClear; returns the World that goes on."""
    again = peer.Peer("Initiator", hand.ssrc, 77, mode="Mult", first=hand, algorithms=QUICK)
    again.session = hand.derived.session_after_clear()
    again.chain, again.hello, again.sequence = hand.chain, hand.hello, hand.sequence + 5
    again.got["Hello"] = [hand.peer_hello]
    again.deaf = False
    again.start = lambda now: again.commit()
    other = world.World(again, party, start=(0, None))
    other.now = one.now
    other.run(3000)
    return other


def untouched_keys(one):
    hand, party = one.parties
    assert party.secured and hand.secured, one.story()
    assert party.keys["send"] == hand.keys["receive"]
    assert party.keys["receive"] == hand.keys["send"]


class TestRelay:
    """SASrelay (section 5.13): from a trusted MiTM alone, else refused politely."""

    def relay(self, hand, sashash=b"\x12" * 32, sas="B32 ", flags=0):
        initiator = hand.role == "Initiator"
        keys = hand.derived
        mac = keys.mac_key_i if initiator else keys.mac_key_r
        key = keys.zrtp_key_i if initiator else keys.zrtp_key_r
        plain = struct.pack(">I", flags) + sas.encode() + sashash
        hidden = derive.cfb(key, bytes(16), plain)
        body = derive.hmac_of(keys.hash, mac, hidden)[:8] + bytes(16) + hidden
        return derive.message("SASrelay", body)

    @pytest.mark.parametrize("role", peer.ROLES)
    @pytest.mark.parametrize("mitm", (False, True), ids=("phone", "pbx"))
    @pytest.mark.parametrize("accept", (False, True))
    def test_not_enrolled(self, role, mitm, accept):
        """RelayACK, nothing is shown, no Error."""
        party = victim(accept_relay=accept)
        one, hand, _ = secure(role, party=party, flags=2 if mitm else 0)
        before = snapshot(party)
        assert inject_into(party, hand.packet(self.relay(hand)), one.now) == ["RelayACK"]
        goes_on(one, party, before)
        assert not party.happened("SASRelayed") and party.warnings == ["relay-refused"]

    @pytest.mark.parametrize("at", (12, 40, 60))
    def test_forged_mac(self, at):
        one, hand, party = secure(party=victim(accept_relay=True), flags=2)
        before = snapshot(party)
        answers = inject_into(party, hand.packet(flip(self.relay(hand), at)), one.now)
        assert "Error" not in answers
        goes_on(one, party, before)
        assert not party.happened("SASRelayed")

    @pytest.mark.parametrize("role", peer.ROLES)
    def test_enrolled(self, role):
        """Enrollment, then a call in which the PBX may relay; pbxsecret goes into s0 as s3."""
        zid = bytes(range(12))
        party = victim(accept_relay=True)
        one, hand, _ = secure(role, party=party, zid=zid, flags=2, enrollment=True)
        assert party.secure_event.enrollment
        party.context.session.enroll()
        entry = party.context.cache.get(zid)
        assert entry.pbx == hand.derived.pbx_secret
        second = victim(seed=8, cache=party.context.cache, accept_relay=True)
        pbx = peer.Peer(
            role, seed=2, zid=zid, rs1=hand.derived.rs1, pbx=entry.pbx, flags=2, algorithms=QUICK
        )
        two = meet(pbx, second, for_ms=3000)
        untouched(two)
        assert pbx.s3 == entry.pbx
        assert inject_into(second, pbx.packet(self.relay(pbx)), two.now) == ["RelayACK"]
        (event,) = second.happened("SASRelayed")
        assert event.sas_text == derive.sas_text("B32", b"\x12" * 4)

    def test_enrollment_needs_the_user(self):
        """Without enroll() no pbxsecret is stored (section 7.3.1)."""
        _, _, party = secure(party=victim(accept_relay=True), flags=2, enrollment=True)
        ((_, entry),) = party.context.cache._entries
        assert entry.pbx is None

    def test_before_there_are_keys(self):
        hand = peer.Peer("Initiator", algorithms=QUICK, flags=2)
        hand.change["DHPart2"] = lambda m: [derive.message("SASrelay", bytes(64)), m]
        one = meet(hand, victim(accept_relay=True))
        untouched(one)
        assert not one.messages(1, "RelayACK")


class TestPing:
    @pytest.mark.parametrize("role", peer.ROLES)
    def test_answer(self, role):
        """PingACK with both EndpointHashes and the SSRC of the Ping (section 5.16)."""
        one, hand, party = secure(role)
        ping = derive.message("Ping", b"1.10" + b"endpoint")
        party.receive(hand.packet(ping), one.now)
        (answer,) = party.take()
        body, ssrc, _ = derive.unpack(answer)
        assert derive.kind_of(body) == "PingACK" and len(body) == 36
        assert body[12:16] == b"1.10" and body[24:32] == b"endpoint"
        assert body[32:36] == struct.pack(">I", hand.ssrc)
        assert body[16:24] != b"endpoint"

    def test_ping_changes_nothing(self):
        hand = peer.Peer("Initiator", algorithms=QUICK)
        ping = derive.message("Ping", b"1.10" + b"endpoint")
        for kind in ("Commit", "DHPart2", "Confirm2"):
            hand.change[kind] = lambda message: [ping, ping, message]
        untouched(meet(hand))


class TestConfirmSignature:
    """A signature in Confirm: we cannot check it (S flag is 0), so it has no say."""

    @pytest.mark.parametrize("role", peer.ROLES)
    @pytest.mark.parametrize("words", (1, 20, 200))
    def test_signature_is_skipped(self, role, words):
        hand = peer.Peer(role, algorithms=QUICK)

        def make(kind):
            initiator = kind == "Confirm2"
            keys = hand.derived
            mac = keys.mac_key_i if initiator else keys.mac_key_r
            key = keys.zrtp_key_i if initiator else keys.zrtp_key_r
            plain = hand.chain[0] + struct.pack(">II", words << 8 | 4, 0xFFFFFFFF)
            plain += (b"PGP " + bytes(4 * words))[: 4 * words]
            hidden = derive.cfb(key, bytes(16), plain)
            return derive.message(
                kind, derive.hmac_of(keys.hash, mac, hidden)[:8] + bytes(16) + hidden
            )

        hand.make_confirm = make
        one = meet(hand)
        untouched(one)
        assert not one.parties[1].verified

    def test_signature_length_does_not_fit(self):
        hand = peer.Peer("Initiator", algorithms=QUICK)
        hand.confirm_flags |= 9 << 8
        hand.secure = lambda: None
        one = meet(hand)
        assert not one.parties[1].secured and "send" not in one.parties[1].keys


def test_refused_is_used():
    """An Error of ours says the code of table 8 and is repeated until ErrorACK."""
    hand = peer.Peer("Initiator", algorithms=QUICK)
    hand.public = bytes(32)
    hand.hold.add("Error")
    one = meet(hand, for_ms=30000)
    errors = one.messages(1, "Error")
    assert len(errors) == 11 and len(set(errors)) == 1
    hand = peer.Peer("Initiator", algorithms=QUICK)
    hand.public = bytes(32)
    one = meet(hand)
    refused(one, 0x61)
    assert len(one.messages(1, "Error")) == 1
