# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""How safe a call is, as its owner sees and hears it: each state and every way to lose it."""

from firmware.phone import tones
from host_tests.unit.firmware import doubles
from host_tests.unit.firmware.calls import BOB, SecureCase
from vox6.wire.errors import LocalProtocolError


class TestEncrypted(SecureCase):
    def test_two_phones_encrypt_without_a_setting(self):
        self.call()
        self.assertEqual(self.security(), "encrypted")
        self.assert_keyed()
        sas = self.alice.phone.security.sas(1)
        self.assertEqual(len(sas), 4)
        self.assertEqual(self.bob.phone.security.sas(1), sas)
        for phone in (self.alice, self.bob):
            self.assertEqual(phone.screen.lines[1], "SAS %s  compare!" % sas)
            self.assertEqual(phone.screen.lines[-1], "ok: same  back: not")
            self.assertEqual(phone.media.sounding, None)
        self.assertEqual(self.lamps(), ["flash", "flash"])
        self.assertEqual(self.world.clock.ms, 0)
        self.alice.press("hangup")
        self.assertEqual(self.lamps(), ["off", "off"])
        self.assert_nothing_left()

    def test_the_hash_of_hello_is_in_offer_and_answer(self):
        self.call()
        for octets in (self.world.requests("INVITE")[0], self.world.responses(200)[0]):
            self.assertIn(b"\r\na=zrtp-hash:1.10 ", octets)
        self.assertEqual(self.security(), "encrypted")

    def test_the_log_has_no_secret(self):
        self.call()
        text = "\n".join(self.lines)
        self.assertIn(
            "zrtp: 1 SAS %s B32 S256 AES1 HS80 X255" % self.alice.phone.security.sas(), text
        )
        self.assertIn("security: 1 encrypted", text)
        for key in self.alice.stream().keys.values():
            self.assertNotIn("".join(["%02x" % octet for octet in key[1][:4]]), text)

    def test_algorithms_are_the_owners(self):
        self.alice.settings.set("security.key_agreements", "EC25 DH3k")
        self.alice.settings.set("security.ciphers", "AES3")
        self.alice.settings.set("security.auth_tags", "HS32")
        self.bob.settings.set("security.ciphers", "AES3 AES1")
        self.bob.settings.set("security.sas", "B256")
        self.call()
        self.assertEqual(self.security(), "encrypted")
        self.assert_keyed()
        self.assertTrue("EC25" in "\n".join(self.lines))

    def test_words_that_have_no_room_beside_them(self):
        for phone in (self.alice, self.bob):
            phone.settings.set("security.sas", "B256")
        self.call()
        sas = self.alice.phone.security.sas(1)
        self.assertIn(" ", sas)
        self.assertIn(sas[:21], self.alice.text())
        self.assertIn("compare!", self.alice.screen.lines[2])
        self.alice.press("ok", "ok")
        self.assertIn("bob", self.alice.screen.lines[2])

    def test_lost_datagrams(self):
        """One in three of all datagrams is lost: the calls still become encrypted."""
        count = [0]

        def lossy(data, source, destination):
            count[0] += 1
            return count[0] % 3 == 0

        self.world.drop = lossy
        for _ in range(5):
            self.alice.press(BOB, "call")
            self.world.run(4000)
            self.bob.press("call")
            self.world.run(5000)
            self.assertEqual(self.security(), "encrypted")
            self.assert_keyed()
            self.alice.press("hangup")
            self.world.run(40000)
        self.world.drop = None
        self.assert_nothing_left()

    def test_hold_and_resume_keep_the_keys(self):
        self.call()
        keys = dict(self.alice.stream().keys)
        self.alice.press("hold")
        self.assertIn("On hold", self.alice.text())
        self.alice.press("hold")
        self.bob.press("hold")
        self.bob.press("hold")
        self.world.run(2000)
        self.assertEqual(self.alice.stream().keys, keys)
        self.assertEqual(len(self.alice.stream().keyed), 2)
        self.assertEqual(self.security(), "encrypted")

    def test_a_new_address_keeps_the_keys(self):
        self.call()
        keys = dict(self.alice.stream().keys)
        new = doubles.address("2001:db8:1::a")
        self.alice.net6.own[0] = new
        self.alice.net6.signal.raised = True
        self.world.settle()
        self.assertEqual(self.bob.stream().peer[0], new)
        self.assertEqual(self.alice.stream().keys, keys)
        self.assertEqual(self.security(), "encrypted")
        self.assert_keyed()

    def test_each_line_has_its_own_state(self):
        carol = doubles.TestPhone(self.world, ["2001:db8::c"], [("security.zrtp", "no")])
        self.call()
        carol.press(BOB, "call")
        self.bob.press("line2")
        self.world.run(15000)
        self.assertEqual(self.bob.phone.security.state(1), "encrypted")
        self.assertEqual(self.bob.phone.security.state(2), "clear")
        self.assertEqual(self.bob.lamps.state["security"], "on")
        self.assertNotEqual(self.bob.phone.lines[0].audio.stream.keys["send"], None)
        self.bob.press("line1")
        self.assertEqual(self.bob.lamps.state["security"], "flash")

    def test_nothing_in_clear_from_the_commit_on(self):
        seen = []
        self.alice.press(BOB, "call")

        def stop(data, source, destination):
            """Lose what comes after the first Commit."""
            seen.append(data[16:24])
            return b"DHPart1 " in data

        self.world.drop = stop
        self.bob.press("call")
        self.assertIn(b"Commit  ", seen)
        self.assertEqual(self.security(), "securing")
        for phone in (self.alice, self.bob):
            self.assertEqual(phone.stream().keys, {"send": None, "receive": None})
            self.assertFalse(phone.stream().speaks_clear())
        self.world.drop = None
        self.world.run(3000)
        self.assertEqual(self.security(), "encrypted")

    def test_a_hash_that_does_not_fit_is_no_key(self):
        """Somebody changed a=zrtp-hash on the way: no keys, and the screen says it was tried."""
        self.alice.press(BOB, "call")
        self.bob.phone.lines[0].audio._proposed.zrtp_hash = ("1.10", bytes(32))
        self.bob.press("call")
        self.world.run(30000)
        self.assertEqual(self.security(self.bob), "clear")
        self.assertIn("Encryption failed", self.bob.text())
        self.assertIn("NOT ENCRYPTED", self.bob.text())

    def test_nothing_of_the_engine_stays_after_the_call(self):
        self.call()
        protection = self.alice.phone.lines[0].audio.protection
        self.alice.press("hangup")
        self.assertEqual((protection._session, protection._engine), (None, None))
        self.assertEqual(protection._described.agreed, None)
        self.assert_nothing_left()

    def test_stun_is_nothing(self):
        self.call()
        stream = self.alice.stream()
        stun = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12)
        for data in (stun, b"", b"\x10", b"\x10" + bytes(11), bytes(200)):
            self.world.deliver(data, (self.bob.net6.own[0], stream.peer[1]),
                               (self.alice.net6.own[0], stream.rtp.port))  # fmt: skip
        self.world.settle()
        self.assertEqual(self.security(), "encrypted")
        self.assertEqual(self.alice.driver.counters["faults"], 0)


class TestWithoutZRTP(SecureCase):
    bob_settings = (("security.zrtp", "no"),)

    def test_the_call_stays_and_says_so(self):
        self.call()
        self.assertEqual(self.security(self.alice), "securing")
        self.assertIn("Not encrypted yet", self.alice.text())
        self.assertEqual(self.alice.lamps.state["security"], "on")
        self.assertEqual(self.alice.media.sounding, None)
        self.world.run(4500)
        self.assertEqual(self.security(self.alice), "clear")
        self.assertIn("NOT ENCRYPTED", self.alice.text())
        self.assertEqual(self.alice.media.sounding, tones.TONES["unencrypted"][0])
        self.assertEqual(self.alice.states()[0], "talking")
        self.world.run(2000)
        self.assertEqual(self.alice.media.sounding, None)
        self.assertEqual(self.alice.lamps.state["security"], "on")
        self.assertTrue(self.alice.stream().speaks_clear())
        self.alice.press("hold", "hold")
        self.assertEqual(self.alice.media.sounding, None)  # once a call
        self.alice.press("hangup")
        self.assert_nothing_left()

    def test_who_wants_no_zrtp_hears_no_warning_but_sees_it(self):
        self.call()
        self.assertEqual(self.security(self.bob), "clear")
        self.assertIn("NOT ENCRYPTED", self.bob.text())
        self.assertEqual(self.bob.lamps.state["security"], "on")
        self.world.run(10000)
        self.assertEqual(self.bob.media.sounding, None)
        self.assertNotIn(b"zrtp-hash", self.world.responses(200)[0])

    def test_late_zrtp(self):
        """A peer whose Hello comes after we gave up: the call becomes encrypted all the same."""
        self.bob.settings.set("security.zrtp", "yes")
        self.world.drop = lambda data, source, destination: data[:1] == b"\x10"
        self.call()
        self.world.run(12900)
        self.assertEqual(self.security(), "clear")
        self.world.drop = None
        for phone in (self.alice, self.bob):
            phone.phone.lines[0].audio.protection._begin()
            break  # Alice's end begins anew; Bob's is late
        self.alice.phone.lines[0].audio.protection._hash = None
        self.bob.phone.lines[0].audio.protection._engine.set_peer_hello_hash(None, None)
        self.alice.phone.lines[0].audio.protection.agreed(self.world.clock.ms)
        self.world.run(2000)
        self.assertEqual(self.security(), "encrypted")
        self.assert_keyed()

    def test_nothing_in_clear_to_a_peer_that_announced_zrtp(self):
        """a=zrtp-hash came: silence until the keys; without any, until the last Hello."""
        self.bob.settings.set("security.zrtp", "yes")
        self.world.drop = lambda data, source, destination: data[:1] == b"\x10"
        self.call()
        self.world.run(3000)
        self.assertEqual(self.security(), "securing")
        self.assertIn("Waiting for keys", self.alice.text())
        for phone in (self.alice, self.bob):
            self.assertFalse(phone.stream().speaks_clear())
        self.world.run(12000)
        self.assertEqual(self.security(), "clear")
        for phone in (self.alice, self.bob):
            self.assertTrue(phone.stream().speaks_clear())

    def test_encryption_required_ends_the_call(self):
        self.alice.settings.set("security.required", "yes")
        self.call()
        self.assertIn("Waiting for keys", self.alice.text())
        self.assertFalse(self.alice.stream().speaks_clear())
        self.world.run(4500)
        self.assertEqual(self.alice.states()[0], "ended")
        self.assertIn("No encryption there", self.alice.text())
        self.assertIn(b"Encryption required", self.world.requests("BYE")[0])
        self.assert_nothing_left()

    def test_encryption_required_and_announced_in_vain(self):
        """The engine's own timer ends the call: no fault, and nothing is said of it any more."""
        self.alice.settings.set("security.required", "yes")
        self.bob.settings.set("security.zrtp", "yes")
        self.world.drop = lambda data, source, destination: data[:1] == b"\x10"
        self.call()
        self.world.run(14000)
        self.assertEqual(self.alice.states()[0], "ended")
        self.assertEqual(self.security(self.alice), "")
        self.assertRaises(LocalProtocolError, self.alice.phone.security.confirm, 1)
        self.assert_nothing_left()

    def test_a_false_hello_before_the_answer_leaves_no_silence(self):
        """A key agreement under way is given up for the signalling; the peer has no ZRTP."""
        self.world.drop = lambda data, source, destination: data[16:24] == b"DHPart1 "
        self.bob.settings.set("security.zrtp", "yes")
        self.call()
        protection = self.alice.phone.lines[0].audio.protection
        self.assertTrue(protection._committed)
        self.world.drop = lambda data, source, destination: data[:1] == b"\x10"
        protection._engine.set_peer_hello_hash("1.10", bytes(32))
        self.world.run(20000)
        self.assertEqual(self.security(self.alice), "clear")
        self.assertFalse(protection.is_waiting())

    def test_encryption_required_and_had(self):
        self.bob.settings.set("security.zrtp", "yes")
        self.alice.settings.set("security.required", "yes")
        self.call()
        self.assertEqual(self.security(), "encrypted")
        self.assertFalse(self.alice.stream().speaks_clear())
        self.world.run(20000)
        self.assertEqual(self.alice.states()[0], "talking")

    def test_encryption_required_and_none_wanted(self):
        self.bob.settings.set("security.required", "yes")
        self.alice.press(BOB, "call")
        self.bob.press("call")
        self.assertIn("No encryption there", self.bob.text())
        self.assert_nothing_left()


class TestDrop(SecureCase):
    """What would end the keys of ZRTP in a call that stands."""

    def reoffer(self, change):
        """Alice's next re-INVITE is changed on its way; returns how it ended."""
        self.call()
        self.assertEqual(self.security(), "encrypted")
        negotiation = self.alice.phone.lines[0].audio._negotiation
        original = negotiation.create_offer

        def create_offer(*args, **options):
            negotiation.create_offer = original
            return change(original(*args, **options))

        negotiation.create_offer = create_offer
        self.alice.press("hold")

    def other_hash(self, octets):
        at = octets.find(b"zrtp-hash:1.10 ") + 15
        return octets[:at] + b"00" * 32 + octets[at + 64 :]

    def test_another_peer_is_refused(self):
        self.reoffer(self.other_hash)
        self.assertIn("Hold refused: 488", self.alice.text())
        self.assertIn("Change refused: clear", self.bob.text())
        self.assertEqual(self.security(), "encrypted")
        self.assert_keyed()

    def test_another_peer_is_announced(self):
        """Both agree to begin anew: the old keys go, people hear of it, new keys come."""
        self.alice.settings.set("security.on_drop", "announce")
        self.bob.settings.set("security.on_drop", "announce")
        self.call()
        sas = self.alice.phone.security.sas(1)
        self.hang_up()
        self.reoffer(self.other_hash)
        self.world.run(15000)
        self.assertIn("They ended encryption", self.bob.text())
        self.assertIn("They ended encryption", self.alice.text())
        self.assertIn(("send", None), self.bob.stream().keyed)
        self.assertEqual(self.security(), "encrypted")
        self.assertNotEqual(self.alice.phone.security.sas(1), sas)
        self.assert_keyed()

    def test_an_answer_of_another_peer_ends_the_call(self):
        self.bob.settings.set("security.on_drop", "announce")
        self.reoffer(self.other_hash)
        self.assertEqual(self.alice.states()[0], "ended")
        self.assertIn("They ended encryption", self.alice.text())
        self.assert_nothing_left()

    def test_encryption_required_is_never_announced_away(self):
        self.bob.settings.set("security.on_drop", "announce")
        self.bob.settings.set("security.required", "yes")
        self.reoffer(self.other_hash)
        self.assertIn("Hold refused: 488", self.alice.text())
        self.assertEqual(self.security(), "encrypted")

    def test_a_description_without_the_hash_changes_nothing(self):
        self.reoffer(lambda octets: octets.replace(b"a=zrtp-hash:", b"a=x-nothing:"))
        self.assertIn("On hold", self.alice.text())
        self.assertEqual(self.security(), "encrypted")
        self.assert_keyed()


class TestGoClear(SecureCase):
    def test_refused_unless_the_owner_allows(self):
        self.alice.settings.set("security.clear", "yes")
        self.call()
        engine = self.alice.phone.lines[0].audio.protection._engine
        self.assertRaises(LocalProtocolError, engine.go_clear, 0)
        self.assertEqual(self.security(), "encrypted")

    def test_allowed_is_silent_until_the_person_agrees(self):
        for phone in (self.alice, self.bob):
            phone.settings.set("security.clear", "yes")
        self.call()
        protection = self.alice.phone.lines[0].audio.protection
        protection._engine.go_clear(self.world.clock.ms)
        protection._driver.drain()
        self.world.run(1000)
        self.assertEqual(self.security(self.bob), "cleared")
        self.assertIn("They ended encryption", self.bob.text())
        self.assertEqual(self.bob.screen.lines[-1], "ok: in clear  hangup")
        self.assertFalse(self.bob.stream().speaks_clear())
        self.assertEqual(self.bob.lamps.state["security"], "on")
        self.bob.press("ok")
        self.assertEqual(self.security(self.bob), "clear")
        self.assertTrue(self.bob.stream().speaks_clear())
        self.bob.press("hangup")
        self.assert_nothing_left()

    def test_the_alarm_outlives_keys_of_the_same_sas(self):
        """Who is between cannot undo "different" by GoClear and a Commit of Multistream mode."""
        for phone in (self.alice, self.bob):
            phone.settings.set("security.clear", "yes")
        self.call()
        sas = self.bob.phone.security.sas(1)
        self.bob.phone.security.deny(1)
        protection = self.alice.phone.lines[0].audio.protection
        for ask in (protection._engine.go_clear, protection._engine.go_secure):
            ask(self.world.clock.ms)
            protection._driver.drain()
            self.world.run(1000)
        self.assertEqual(self.security(self.bob), "different")
        self.assertEqual(self.bob.phone.lines[0].audio.protection.sas_text, sas)
