# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Keys in SDP (RFC 4568) between phones, and with a peer that the test is."""

from firmware.phone import tones
from host_tests.unit.firmware import doubles
from host_tests.unit.firmware.calls import BOB, GOOD_OFFER, SecureCase

KEY = b"a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n"
KEY_2 = KEY.replace(b"d0Rm", b"d0Rn")


class TestSDES(SecureCase):
    # few codecs, so that four a=crypto lines fit into a datagram
    alice_settings = (
        ("security.zrtp", "no"),
        ("security.sdes", "offer"),
        ("media.codecs", "G722 PCMU"),
    )
    bob_settings = (("security.zrtp", "no"), ("security.sdes", "answer"))

    def test_secure_to_server_only(self):
        self.call()
        self.assertEqual(self.security(), "sdes")
        self.assert_keyed()
        self.assertIn("Secure to server only", self.alice.text())
        self.assertEqual(self.lamps(), ["on", "on"])
        self.assertEqual(self.alice.media.sounding, None)
        self.assertNotIn("inline:", "\n".join(self.lines))
        self.alice.press("hangup")
        self.assert_nothing_left()

    def test_off_by_default(self):
        self.bob.settings.set("security.sdes", "off")
        self.call()
        self.assertEqual(self.security(), "clear")
        self.assertEqual(self.bob.stream().keys["send"], None)
        self.assertEqual(self.alice.stream().keys["send"], None)
        self.assertNotIn(b"a=crypto", self.world.responses(200)[0])

    def test_required_offers_nothing_but_srtp(self):
        self.alice.settings.set("security.required", "yes")
        self.call()
        self.assertEqual(self.security(), "sdes")
        self.assertIn(b"RTP/SAVP", self.world.requests("INVITE")[0])
        self.assertFalse(self.alice.stream().speaks_clear())

    def test_required_and_refused(self):
        self.alice.settings.set("security.required", "yes")
        self.bob.settings.set("security.sdes", "off")
        self.alice.press(BOB, "call")
        self.assertIn("488", self.alice.text())

    def test_zrtp_goes_before_keys_of_sdp(self):
        for phone in (self.alice, self.bob):
            phone.settings.set("security.zrtp", "yes")
        self.call()
        self.assertEqual(self.security(), "encrypted")
        self.assert_keyed()
        keys = dict(self.alice.stream().keys)
        self.alice.press("hold", "hold")
        self.assertEqual(self.alice.stream().keys, keys)
        self.assertEqual(self.security(), "encrypted")

    def lose_confirm2(self):
        """Make a call with ZRTP over keys of SDP in which Confirm2 is lost until it is not."""
        for phone in (self.alice, self.bob):
            phone.settings.set("security.zrtp", "yes")

        def lossy(data, source, destination):
            for phone in (self.alice, self.bob):
                if phone.media.open_streams:
                    phone.stream().counts["srtp_received"] += 1  # under the keys of SDP
            return data[16:24] == b"Confirm2"

        self.world.drop = lossy
        self.call()
        self.world.run(500)

    def test_packets_under_keys_of_sdp_are_no_answer_to_confirm2(self):
        self.lose_confirm2()
        self.world.drop = None
        self.world.run(5000)
        self.assertEqual(self.security(), "encrypted")
        self.assert_keyed()

    def test_new_keys_of_sdp_do_not_undo_half_of_zrtp(self):
        self.lose_confirm2()
        for phone, own in ((self.alice, "2001:db8:1::a"), (self.bob, "2001:db8:1::b")):
            phone.net6.own[0] = doubles.address(own)
            phone.net6.signal.raised = True
            self.world.settle()
        self.world.drop = None
        self.world.run(5000)
        self.assertEqual(self.security(), "encrypted")
        self.assert_keyed()

    def test_hold_keeps_the_keys(self):
        self.call()
        keys = dict(self.alice.stream().keys)
        self.alice.press("hold", "hold")
        self.bob.press("hold", "hold")
        self.assertEqual(self.security(), "sdes")
        self.assert_keyed()
        self.assertEqual(self.alice.stream().keys, keys)

    def test_a_new_address_brings_new_keys(self):
        self.call()
        keys = dict(self.alice.stream().keys)
        self.alice.net6.own[0] = doubles.address("2001:db8:1::a")
        self.alice.net6.signal.raised = True
        self.world.settle()
        self.assert_keyed()
        self.assertNotEqual(self.alice.stream().keys["send"], keys["send"])


class TestStranger(SecureCase):
    """A peer that is no phone of ours: an agent with bodies that the test writes."""

    def setUp(self):
        super().setUp()
        self.peer = doubles.TestPhone(self.world, ["2001:db8::9"])
        self.events = []
        self.peer.driver._on_event = self.events.append

    def answer(self, body):
        """Bob calls the peer, which answers with a body; returns its session."""
        self.bob.press("sip:x@[2001:db8::9]", "call")
        session = self.events[-1].session
        session.accept(0, body)
        self.peer.driver.drain()
        self.world.settle()
        return session

    def reinvite(self, session, body):
        session.reinvite(self.world.clock.ms, body)
        self.peer.driver.drain()
        self.world.settle()
        return self.events[-1]

    def sdes(self, on_drop):
        self.bob.settings.set("security.sdes", "offer")
        self.bob.settings.set("security.on_drop", on_drop)
        session = self.answer(GOOD_OFFER + KEY)
        self.assertEqual(self.security(self.bob), "sdes")
        return session

    def test_keys_removed_are_refused(self):
        session = self.sdes("refuse")
        event = self.reinvite(session, GOOD_OFFER)
        self.assertEqual((type(event).__name__, event.status), ("OfferFailed", 488))
        self.assertEqual(self.security(self.bob), "sdes")
        self.assertIn("Change refused: clear", self.bob.text())
        self.assertNotEqual(self.bob.stream().keys["send"], None)
        self.assertEqual(self.bob.stream().keyed[2:], [])

    def test_an_answer_from_another_address_has_a_new_key(self):
        """RFC 4568 section 7.1.4; one from the same address repeats it."""
        session = self.sdes("refuse")
        keys = [self.bob.stream().keys["send"]]
        for address in ("2001:db8::b", "2001:db8::b2"):
            self.bob.phone.lines[0].audio.local = doubles.address(address)
            self.assertEqual(
                type(self.reinvite(session, GOOD_OFFER + KEY)).__name__, "OfferAnswered"
            )
            keys.append(self.bob.stream().keys["send"])
        self.assertEqual(keys[1], keys[0])
        self.assertNotEqual(keys[2], keys[0])
        self.assertEqual(self.security(self.bob), "sdes")

    def test_keys_removed_are_announced(self):
        session = self.sdes("announce")
        self.world.run(15000)
        event = self.reinvite(session, GOOD_OFFER)
        self.assertEqual(type(event).__name__, "OfferAnswered")
        self.assertEqual(self.security(self.bob), "clear")
        self.assertIn("NOT ENCRYPTED", self.bob.text())
        self.assertIn("They ended encryption", self.bob.text())
        self.assertEqual(self.bob.media.sounding, tones.TONES["unencrypted"][0])
        self.assertEqual(self.bob.stream().keys, {"send": None, "receive": None})

    def test_an_offer_that_is_refused_ends_no_keys(self):
        """SRTP without a key cannot be answered: the keys from before stay."""
        session = self.sdes("announce")
        keys = dict(self.bob.stream().keys)
        event = self.reinvite(session, GOOD_OFFER.replace(b"RTP/AVP", b"RTP/SAVP"))
        self.assertEqual((type(event).__name__, event.status), ("OfferFailed", 488))
        self.assertEqual(self.security(self.bob), "sdes")
        self.assertEqual(self.bob.stream().keys, keys)

    def test_a_stream_that_pauses_is_no_drop(self):
        session = self.sdes("refuse")
        event = self.reinvite(session, GOOD_OFFER.replace(b"audio 4000", b"audio 0"))
        self.assertEqual(type(event).__name__, "OfferAnswered")
        self.assertEqual(self.security(self.bob), "sdes")

    def test_new_keys_are_used(self):
        session = self.sdes("refuse")
        before = dict(self.bob.stream().keys)
        self.reinvite(session, GOOD_OFFER + KEY_2)
        self.assertEqual(self.security(self.bob), "sdes")
        self.assertNotEqual(self.bob.stream().keys["receive"], before["receive"])

    def test_srtp_without_usable_keys_is_refused(self):
        body = GOOD_OFFER.replace(b"RTP/AVP", b"RTP/SAVP")
        for extra in (b"", KEY):
            self.peer.agent.invite(BOB, (doubles.address("2001:db8::b"), 5060), 0, body + extra)
            self.peer.driver.drain()
            self.world.settle()
            self.assertEqual(self.events[-1].status, 488)
        self.assertEqual(self.bob.states(), ["idle", "idle"])

    def test_an_answer_that_drops_the_keys_ends_the_call(self):
        self.sdes("refuse")
        self.bob.press("hold")
        session = self.events[-1].session
        session.accept_offer(0, GOOD_OFFER)
        self.peer.driver.drain()
        self.world.settle()
        self.assertEqual(self.bob.states()[0], "ended")
        self.assertIn("They ended encryption", self.bob.text())

    def test_an_answer_that_drops_the_keys_is_announced(self):
        self.sdes("announce")
        self.world.run(15000)
        self.bob.press("hold")
        session = self.events[-1].session
        session.accept_offer(0, GOOD_OFFER)
        self.peer.driver.drain()
        self.world.settle()
        self.assertEqual(self.bob.states()[0], "talking")
        self.assertEqual(self.security(self.bob), "clear")
        self.assertIn("They ended encryption", self.bob.text())
        self.assertEqual(self.bob.stream().keys, {"send": None, "receive": None})

    def test_keys_that_we_cannot_use_are_no_reason_to_drop_those_we_have(self):
        session = self.sdes("announce")
        event = self.reinvite(session, GOOD_OFFER + KEY.replace(b"AES_CM_128", b"AES_CM_999"))
        self.assertEqual((type(event).__name__, event.status), ("OfferFailed", 488))
        self.assertEqual(self.security(self.bob), "sdes")

    def test_srtp_for_zrtp_alone_says_nothing_in_clear(self):
        """RTP/SAVP with a=zrtp-hash (linphone's mandatory encryption): silence until the keys."""
        hash = b"a=zrtp-hash:1.10 " + b"0f" * 32 + b"\r\n"
        body = GOOD_OFFER.replace(b"RTP/AVP", b"RTP/SAVP") + hash
        self.peer.agent.invite(BOB, (doubles.address("2001:db8::b"), 5060), 0, body)
        self.peer.driver.drain()
        self.world.settle()
        self.bob.press("call")
        self.assertEqual(self.security(self.bob), "securing")
        self.assertIn("Waiting for keys", self.bob.text())
        self.assertFalse(self.bob.stream().speaks_clear())
        self.world.run(14000)
        self.assertEqual(self.bob.states()[0], "ended")
        self.assertIn("No encryption there", self.bob.text())
