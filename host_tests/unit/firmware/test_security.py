# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""How safe a call is, as its owner sees and hears it: each state, key, and way to lose it."""

import unittest

from firmware import log
from firmware.phone import tones
from host_tests.unit.firmware import doubles
from vox6.wire.errors import LocalProtocolError

BOB = "sip:bob@[2001:db8::b]"
OFFER = (
    b"v=0\r\no=- 1 1 IN IP6 2001:db8::9\r\ns=-\r\nc=IN IP6 2001:db8::9\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 8\r\n"
)
KEY = b"a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n"
KEY_2 = KEY.replace(b"d0Rm", b"d0Rn")


class Case(unittest.TestCase):
    """Alice at 2001:db8::a and Bob at 2001:db8::b, who are whole phones."""

    alice_settings = ()
    bob_settings = ()

    def setUp(self):
        self.world = doubles.World()
        self.lines = []
        log.start(self.world.clock, self.lines.append)
        self.alice = doubles.TestPhone(self.world, ["2001:db8::a"], self.alice_settings)
        self.bob = doubles.TestPhone(self.world, ["2001:db8::b"], self.bob_settings)

    def tearDown(self):
        log.start(None, None)

    def call(self):
        """Alice calls Bob, who answers."""
        self.alice.press(BOB, "call")
        self.bob.press("call")
        self.assertEqual(self.alice.states(), ["talking", "idle"])
        self.assertEqual(self.bob.states(), ["talking", "idle"])

    def hang_up(self):
        self.alice.press("hangup", "ok")
        self.bob.press("ok")
        self.world.run(40000)

    def security(self, phone=None):
        """Return the state of the first line: of one phone, or of both if it is the same."""
        if phone is not None:
            return phone.phone.security.state(1)
        self.assertEqual(self.alice.phone.security.state(1), self.bob.phone.security.state(1))
        return self.alice.phone.security.state(1)

    def lamps(self):
        return [phone.lamps.state["security"] for phone in (self.alice, self.bob)]

    def assert_keyed(self):
        """Both directions have keys, and what one sends with the other receives with."""
        one = self.alice.stream().keys
        two = self.bob.stream().keys
        self.assertNotEqual(one["send"], None)
        self.assertEqual(one["send"], two["receive"])
        self.assertEqual(one["receive"], two["send"])
        self.assertNotEqual(one["send"], one["receive"])

    def assert_nothing_left(self):
        self.world.run(100000)
        for phone in self.world.phones:
            self.assertEqual(phone.states(), ["idle", "idle"])
            self.assertEqual(phone.media.open_streams, [])
            self.assertEqual(len(phone.net6.endpoints), 1)
            self.assertEqual(phone.media.sounding, None)
            self.assertEqual(phone.media.running, False)
            self.assertEqual(phone.driver.counters["faults"], 0)
            self.assertEqual(phone.lamps.state["security"], "off")
        self.assertEqual([line for line in self.lines if "Traceback" in line], [])


class TestEncrypted(Case):
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


class TestCompared(Case):
    def test_same_and_the_name_stays(self):
        self.call()
        self.alice.press("ok")
        self.assertEqual(self.security(self.alice), "verified")
        self.assertIn("Who is it?", self.alice.text())
        self.assertIn("bob_", self.alice.text())
        self.alice.press("Robert", "ok")
        sas = self.alice.phone.security.sas(1)
        self.assertEqual(self.alice.screen.lines[1], "SAS %s  Robert" % sas)
        self.assertEqual(self.lamps(), ["off", "flash"])
        self.assertEqual(self.security(self.bob), "encrypted")
        self.hang_up()
        for i in range(3):
            if i == 2:  # after a restart
                self.alice.phone.security.cache._load()
            self.call()
            self.assertEqual(self.security(self.alice), "verified")
            self.assertIn("  Robert", self.alice.screen.lines[1])
            self.assertNotIn(sas, self.alice.text())
            self.assertEqual(self.lamps(), ["off", "flash"])
            self.hang_up()
        self.assert_nothing_left()

    def test_the_name_that_is_offered_is_taken(self):
        self.call()
        self.bob.press("ok", "ok")
        self.assertEqual(self.bob.phone.security.known()[0][1:], (True, "phone"))

    def test_a_call_that_ends_while_the_name_is_typed_is_verified(self):
        self.call()
        self.alice.press("ok", "Bo")
        self.bob.press("hangup")
        self.assertIn("They hung up", self.alice.text())
        self.assertEqual(self.alice.phone.security.known()[0][1:], (True, ""))
        self.assertEqual(self.alice.console.mode, "idle")
        self.alice.press("5")
        self.assertEqual(self.alice.console.mode, "dial")
        self.alice.press("hangup")
        self.bob.press("ok")
        self.world.run(10000)
        self.call()
        self.assertIn("  verified", self.alice.screen.lines[1])

    def test_hang_up_while_the_name_is_typed(self):
        self.call()
        self.alice.press("ok", "Bo", "hangup")
        self.assertEqual(self.alice.states()[0], "ended")
        self.assertEqual(self.alice.console.mode, "idle")
        self.bob.press("ok")
        self.call()
        self.bob.press("ok")
        self.bob.console.key("hook", True)
        self.bob.console.key("hook", False)
        self.world.settle()
        self.assertEqual(self.bob.states()[0], "ended")
        self.assertEqual(self.bob.console.mode, "idle")

    def test_a_call_that_comes_in_breaks_off_the_name(self):
        carol = doubles.TestPhone(self.world, ["2001:db8::c"])
        self.call()
        self.bob.press("ok", "Al")
        carol.press(BOB, "call")
        self.assertEqual(self.bob.console.mode, "idle")
        self.assertIn("Waiting: phone", self.bob.text())
        self.assertEqual(self.security(self.bob), "verified")

    def test_digits_make_a_name(self):
        self.call()
        self.alice.press("ok")
        for key, times in (("2", 2), ("6", 3), ("2", 2)):
            for _ in range(times):
                self.alice.press(key)
                self.world.run(100)
            self.world.run(1500)
        self.assertIn("Bob_", self.alice.text())
        self.alice.press("back", "back", "back", "back", "0", "ok")
        self.assertEqual(self.alice.phone.security.known()[0][2], "")

    def test_rename_in_a_verified_call(self):
        self.call()
        self.alice.press("ok", "One", "ok", "ok")
        self.assertIn("One_", self.alice.text())
        self.alice.press("Two", "ok")
        self.assertIn("  Two", self.alice.screen.lines[1])
        self.assertEqual(len(self.alice.phone.security.known()), 1)

    def test_different(self):
        self.call()
        self.alice.press("back")
        self.assertIn("Is the SAS different?", self.alice.text())
        self.alice.press("back")
        self.assertEqual(self.security(self.alice), "encrypted")
        self.alice.press("back", "ok")
        self.assertEqual(self.security(self.alice), "different")
        self.assertIn("SAS DIFFERS: LISTENER", self.alice.text())
        self.assertIn("Tell nothing secret", self.alice.text())
        self.assertEqual(self.alice.media.sounding, tones.TONES["alarm"][0])
        self.assertEqual(self.alice.lamps.state["security"], "on")
        self.assertEqual(self.alice.phone.security.known(), [])
        self.world.run(4000)
        self.assertEqual(self.alice.media.sounding, None)
        self.assertIn("SAS DIFFERS: LISTENER", self.alice.text())
        self.assertEqual(self.alice.states()[0], "talking")

    def test_a_verified_peer_that_differs_is_not_verified_any_more(self):
        self.call()
        self.alice.press("ok", "ok")
        self.hang_up()
        self.call()
        self.assertEqual(self.security(self.alice), "verified")
        self.alice.press("back", "ok")
        self.assertEqual(self.security(self.alice), "different")
        self.hang_up()
        self.call()
        self.assertEqual(self.security(self.alice), "encrypted")
        self.assertEqual(self.security(self.bob), "mismatch")

    def test_a_lost_cache_is_said_plainly(self):
        self.call()
        self.alice.press("ok", "Robert", "ok")
        self.bob.press("ok", "ok")
        self.hang_up()
        self.bob.disk.files.clear()
        self.bob.phone.security.cache._index = bytearray()  # the same ZID, no secrets
        self.call()
        self.assertEqual(self.security(self.alice), "mismatch")
        self.assertEqual(self.security(self.bob), "encrypted")
        self.assertIn("compare!", self.alice.screen.lines[1])
        self.assertIn("WARNING: keys changed", self.alice.text())
        self.assertNotIn("Robert", self.alice.text())
        self.assertEqual(self.lamps(), ["flash", "flash"])
        self.hang_up()
        self.call()
        self.assertEqual(self.security(self.alice), "mismatch")  # on every call until compared
        self.assertEqual(self.security(self.bob), "mismatch")  # Alice kept her old secret
        self.alice.press("ok", "ok")
        self.bob.press("ok", "ok")
        self.assertEqual(self.security(), "verified")
        self.hang_up()
        self.call()
        self.assertEqual(self.security(), "verified")

    def test_one_who_compares_at_once_needs_no_other(self):
        self.call()
        self.alice.press("ok", "ok")
        self.hang_up()
        self.bob.disk.files.clear()
        self.bob.phone.security.cache._index = bytearray()
        self.call()
        self.assertEqual(self.security(self.alice), "mismatch")
        self.alice.press("ok", "ok")
        self.hang_up()
        self.call()
        self.assertEqual(self.security(self.alice), "verified")
        self.assertEqual(self.security(self.bob), "encrypted")

    def test_a_cache_that_cannot_be_written_is_said(self):
        self.call()

        def full(path):
            raise OSError(28, "as the test wants")

        self.alice.disk.create = full
        self.alice.press("ok", "ok")
        self.assertEqual(self.security(self.alice), "verified")
        self.assertIn("Not saved: see log", self.alice.text())
        self.assertEqual(self.alice.driver.counters["faults"], 0)

    def test_known_keys_in_the_menu(self):
        self.call()
        self.alice.press("ok", "Robert", "ok")
        self.hang_up()
        self.alice.press("ok", "up", "down", "down", "down", "down", "down", "ok")
        self.assertIn("Known keys", self.alice.text())
        self.assertIn("Robert: verified", self.alice.text())

    def test_console(self):
        security = self.alice.phone.security
        self.assertEqual((security.state(1), security.sas(1), security.known()), (None, None, []))
        self.assertRaises(LocalProtocolError, security.confirm, 1)
        self.call()
        self.assertRaises(LocalProtocolError, security.name, 1, "Bob")
        security.confirm(1, "Bob")
        self.assertEqual(security.state(1), "verified")
        security.name(1, "Robert")
        self.assertEqual([entry[1:] for entry in security.known()], [(True, "Robert")])
        security.name(1, "")  # no name is no other name
        self.assertEqual([entry[1:] for entry in security.known()], [(True, "Robert")])
        self.assertEqual(self.alice.phone.lines[0].audio.protection.name, "Robert")
        self.assertEqual(security.known()[0][0],
                         "".join(["%02x" % octet for octet in self.bob.cache.zid]))  # fmt: skip
        security.deny(1)
        self.assertEqual(security.state(1), "different")
        self.hang_up()
        self.call()
        self.hang_up()
        self.assertEqual(security.forget("nobody"), 0)
        self.assertEqual(security.forget(security.known()[0][0]), 1)
        self.assertEqual(security.known(), [])
        self.call()
        self.assertEqual(self.security(self.alice), "encrypted")


class TestWithoutZRTP(Case):
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


class TestSDES(Case):
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


class TestStranger(Case):
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
        session = self.answer(OFFER + KEY)
        self.assertEqual(self.security(self.bob), "sdes")
        return session

    def test_keys_removed_are_refused(self):
        session = self.sdes("refuse")
        event = self.reinvite(session, OFFER)
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
            self.assertEqual(type(self.reinvite(session, OFFER + KEY)).__name__, "OfferAnswered")
            keys.append(self.bob.stream().keys["send"])
        self.assertEqual(keys[1], keys[0])
        self.assertNotEqual(keys[2], keys[0])
        self.assertEqual(self.security(self.bob), "sdes")

    def test_keys_removed_are_announced(self):
        session = self.sdes("announce")
        self.world.run(15000)
        event = self.reinvite(session, OFFER)
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
        event = self.reinvite(session, OFFER.replace(b"RTP/AVP", b"RTP/SAVP"))
        self.assertEqual((type(event).__name__, event.status), ("OfferFailed", 488))
        self.assertEqual(self.security(self.bob), "sdes")
        self.assertEqual(self.bob.stream().keys, keys)

    def test_a_stream_that_pauses_is_no_drop(self):
        session = self.sdes("refuse")
        event = self.reinvite(session, OFFER.replace(b"audio 4000", b"audio 0"))
        self.assertEqual(type(event).__name__, "OfferAnswered")
        self.assertEqual(self.security(self.bob), "sdes")

    def test_new_keys_are_used(self):
        session = self.sdes("refuse")
        before = dict(self.bob.stream().keys)
        self.reinvite(session, OFFER + KEY_2)
        self.assertEqual(self.security(self.bob), "sdes")
        self.assertNotEqual(self.bob.stream().keys["receive"], before["receive"])

    def test_srtp_without_usable_keys_is_refused(self):
        body = OFFER.replace(b"RTP/AVP", b"RTP/SAVP")
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
        session.accept_offer(0, OFFER)
        self.peer.driver.drain()
        self.world.settle()
        self.assertEqual(self.bob.states()[0], "ended")
        self.assertIn("They ended encryption", self.bob.text())

    def test_an_answer_that_drops_the_keys_is_announced(self):
        self.sdes("announce")
        self.world.run(15000)
        self.bob.press("hold")
        session = self.events[-1].session
        session.accept_offer(0, OFFER)
        self.peer.driver.drain()
        self.world.settle()
        self.assertEqual(self.bob.states()[0], "talking")
        self.assertEqual(self.security(self.bob), "clear")
        self.assertIn("They ended encryption", self.bob.text())
        self.assertEqual(self.bob.stream().keys, {"send": None, "receive": None})

    def test_keys_that_we_cannot_use_are_no_reason_to_drop_those_we_have(self):
        session = self.sdes("announce")
        event = self.reinvite(session, OFFER + KEY.replace(b"AES_CM_128", b"AES_CM_999"))
        self.assertEqual((type(event).__name__, event.status), ("OfferFailed", 488))
        self.assertEqual(self.security(self.bob), "sdes")

    def test_srtp_for_zrtp_alone_says_nothing_in_clear(self):
        """RTP/SAVP with a=zrtp-hash (linphone's mandatory encryption): silence until the keys."""
        hash = b"a=zrtp-hash:1.10 " + b"0f" * 32 + b"\r\n"
        body = OFFER.replace(b"RTP/AVP", b"RTP/SAVP") + hash
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


class TestDrop(Case):
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


class TestGoClear(Case):
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


class TestKeyPairs(Case):
    def counters(self):
        return self.alice.phone.security.key_pairs.counters

    def test_made_only_while_idle(self):
        self.assertEqual(self.counters()["prepared"], 0)
        self.call()
        self.world.run(20000)
        self.assertEqual(self.counters()["prepared"], 0)
        self.alice.press("hangup")
        self.world.run(2000)
        self.assertEqual(self.counters()["prepared"], 0)  # the end is still on the screen
        self.world.run(20000)
        self.assertEqual(self.counters()["prepared"], 2)  # X25519, DH3k
        self.world.run(100000)
        self.assertEqual(self.counters()["prepared"], 2)

    def test_not_while_it_rings(self):
        self.alice.press(BOB, "call")
        self.world.run(20000)
        self.assertEqual(self.counters()["prepared"], 0)
        self.assertEqual(self.bob.phone.security.key_pairs.counters["prepared"], 0)

    def test_not_while_a_transaction_is_open(self):
        peer = doubles.address("2001:db8::99")
        self.alice.agent.invite("sip:x@[2001:db8::99]", (peer, 5060), 0, OFFER)
        self.alice.driver.drain()
        self.world.run(20000)
        self.assertEqual(self.counters()["prepared"], 0)
        self.world.run(60000)
        self.assertEqual(self.counters()["prepared"], 2)

    def test_used_once_and_made_again(self):
        for phone in (self.alice, self.bob):
            phone.settings.set("security.key_agreements", "DH3k")
        self.world.run(5000)
        self.assertEqual(self.counters()["prepared"], 1)
        self.call()
        self.assertEqual(self.security(), "encrypted")
        self.assertEqual(self.counters()["taken"], 1)
        self.hang_up()
        self.assertEqual(self.counters(), {"prepared": 2, "taken": 1, "made_in_call": 0})

    def test_what_the_owner_prefers_is_ready_too(self):
        for phone in (self.alice, self.bob):
            phone.settings.set("security.key_agreements", "EC25 DH3k")
            phone.settings.set("security.ciphers", "AES3 AES1")
        self.world.run(10000)
        self.call()
        self.assertEqual(self.security(), "encrypted")
        self.assertEqual(self.counters(), {"prepared": 2, "taken": 1, "made_in_call": 0})

    def test_none_ready_is_made_in_the_call(self):
        for phone in (self.alice, self.bob):
            phone.settings.set("security.key_agreements", "DH3k")
        self.call()
        self.assertEqual(self.security(), "encrypted")
        self.assertEqual(self.counters(), {"prepared": 0, "taken": 0, "made_in_call": 1})

    def test_nobody_who_does_not_encrypt_prepares(self):
        self.alice.settings.set("security.zrtp", "no")
        self.world.run(50000)
        self.assertEqual(self.counters()["prepared"], 0)
