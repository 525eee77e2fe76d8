# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Transfers among three phones: blind, attended, refused, and every way they can go wrong."""

from host_tests.unit.firmware import doubles
from host_tests.unit.firmware.calls import Case as Calls

CAROL = "sip:carol@[2001:db8::c]"


class Case(Calls):
    """Bob transfers Alice to Carol."""

    def setUp(self):
        super().setUp()
        self.carol = doubles.TestPhone(self.world, ["2001:db8::c"])
        self.alice.settings.set("call.transfer", "yes")

    def refer(self):
        return self.world.requests("REFER")

    def frags(self):
        """The status lines that NOTIFY told."""
        found = []
        for data in self.world.requests("NOTIFY"):
            line = data.partition(b"\r\n\r\n")[2].partition(b"\r\n")[0]
            if line not in found:
                found.append(line)
        return found


class Blind(Case):
    def blind(self):
        self.call()
        self.bob.press("transfer", CAROL)
        self.assertIn("Transfer to:", self.bob.text())
        self.bob.press("ok")

    def test_with_a_typed_address(self):
        self.blind()
        self.assertIn(b"\r\nRefer-To: <sip:carol@[2001:db8::c]>\r\n", self.refer()[0])
        self.assertEqual(self.carol.states()[0], "incoming")
        self.assertEqual(self.alice.states(), ["talking", "ringback"])
        self.world.run(2000)  # news of REFER are told once a second at the most
        self.assertIn("There: 180 Ringing", self.bob.text())
        self.assertIn("Sent by bob", self.carol.text())
        self.carol.press("call")
        self.assertEqual(self.bob.states()[0], "ended")
        self.assertIn("Transferred", self.bob.text())
        self.assertEqual(self.carol.states()[0], "talking")
        self.assertEqual(self.alice.states(), ["ended", "talking"])
        self.world.run(6000)
        self.assertIn("Talking        line 2", self.alice.text())
        self.assertIn(b"SIP/2.0 200 OK", self.frags())
        self.alice.press("hangup")
        self.assert_nothing_left()

    def test_who_does_not_answer(self):
        self.blind()
        self.carol.press("hangup")
        self.assertIn("Not transferred: 603", self.bob.text())
        self.assertEqual(self.bob.states()[0], "talking")
        self.assertEqual(self.alice.states(), ["talking", "ended"])
        self.world.run(6000)
        self.alice.press("hold")  # she had held Bob for it
        self.assertEqual(self.bob.stream().direction, (True, True))
        self.bob.press("hangup")
        self.assert_nothing_left()

    def test_given_up_by_the_one_who_was_sent(self):
        self.blind()
        self.alice.press("hangup")
        self.assertIn("Not transferred: 487", self.bob.text())
        self.assertEqual(self.carol.states()[0], "ended")
        self.bob.press("hangup")
        self.assert_nothing_left()

    def test_who_hangs_up_meanwhile(self):
        self.blind()
        self.bob.press("hangup")
        self.assertEqual(self.alice.states(), ["ended", "ringback"])
        self.carol.press("call")
        self.assertEqual(self.alice.states()[1], "talking")
        self.alice.press("hangup")
        self.assert_nothing_left()

    def test_both_lines_are_used(self):
        dave = doubles.TestPhone(self.world, ["2001:db8::d"])
        self.call()
        dave.press("sip:alice@[2001:db8::a]", "call")
        self.bob.press("transfer", CAROL, "ok")
        self.assertIn("Not transferred: 486", self.bob.text())
        self.assertEqual(self.carol.states()[0], "idle")

    def test_nothing_typed_and_no_other_line(self):
        self.call()
        self.bob.press("transfer", "ok")
        self.assertIn("Nothing to call", self.bob.text())
        self.bob.press("1", "back", "back")
        self.assertEqual(self.bob.console.mode, "idle")
        self.assertEqual(self.bob.states()[0], "talking")
        self.bob.press("transfer", "x", "hangup")
        self.assertEqual(self.bob.states()[0], "talking")
        self.assertEqual(self.refer(), [])

    def test_whom_nobody_can_reach(self):
        self.call()
        self.bob.press("transfer", "sip:x@host.example", "ok")
        self.assertEqual(self.alice.states(), ["talking", "ended"])
        self.world.run(2000)
        self.assertIn("Not transferred: 404", self.bob.text())

    def test_by_the_menu(self):
        self.call()
        self.bob.press("right", "down", "ok", CAROL, "call")
        self.assertEqual(self.carol.states()[0], "incoming")


class Attended(Case):
    def both(self):
        """Bob holds Alice on line 1 and talks to Carol on line 2."""
        self.call()
        self.bob.press("line2", CAROL, "call")
        self.carol.press("call")
        self.assertEqual(self.bob.states(), ["talking", "talking"])

    def test_who_was_held_is_sent_to_who_was_asked(self):
        self.both()
        self.bob.press("transfer")
        self.assertIn("ok: to line 1", self.bob.text())
        self.bob.press("ok")
        self.assertEqual(len(self.refer()), 1)
        self.assertIn(b"Replaces=", self.refer()[0])
        self.assertEqual(self.bob.states(), ["ended", "ended"])
        self.assertEqual(self.carol.states(), ["talking", "idle"])  # without ringing
        self.assertIn("You were transferred", self.carol.text())
        self.assertEqual(self.alice.states()[1], "talking")
        invite = [data for data in self.world.requests("INVITE") if b"Replaces:" in data]
        self.assertEqual(len(set(invite)), 1)
        one = self.alice.media.open_streams[0]
        two = self.carol.stream()
        self.assertEqual((one.peer[1], two.peer[1]), (two.rtp.port, one.rtp.port))
        self.assertTrue(one.joined and two.joined)
        self.alice.press("line2", "hangup")
        self.assertIn("They hung up", self.carol.text())
        self.assert_nothing_left()

    def test_out_of_a_conference(self):
        self.both()
        self.bob.press("conference", "transfer", "ok")
        self.assertEqual(self.bob.states(), ["ended", "ended"])
        self.assertEqual(self.carol.states()[0], "talking")
        self.carol.press("hangup")
        self.assert_nothing_left()

    def test_before_the_other_answers(self):
        """Alice is held, Carol's phone still rings: a blind transfer is what there is."""
        self.call()
        self.bob.press("line2", CAROL, "call", "line1", "transfer", "ok")
        self.assertIn("Nothing to call", self.bob.text())

    def test_the_target_refuses(self):
        self.carol.settings.set("call.transfer", "no")
        self.both()
        self.bob.press("transfer", "ok")
        self.assertEqual(self.bob.states(), ["talking", "talking"])
        self.assertIn("Not transferred: 603", self.bob.phone.lines[0].note)
        self.assertEqual(self.carol.states(), ["talking", "idle"])

    def test_the_target_has_held(self):
        """Carol holds Bob while Alice takes his place: she stays held and hears nothing."""
        self.both()
        self.carol.press("hold")
        self.bob.press("transfer", "ok")
        self.assertEqual(self.carol.states()[0], "talking")
        self.assertTrue(self.carol.phone.lines[0].held_here)
        self.assertFalse(self.carol.stream().joined)
        self.carol.press("hold")
        self.assertTrue(self.carol.stream().joined)
        self.assertEqual(self.alice.media.open_streams[0].direction, (True, True))


class Asked(Case):
    def setUp(self):
        super().setUp()
        self.alice.settings.set("call.transfer", "ask")
        self.call()
        self.bob.press("transfer", CAROL, "ok")

    def test_the_person_agrees(self):
        self.assertIn("They want you to call\ncarol\n", self.alice.text())
        self.alice.press("ok")
        self.assertEqual(self.carol.states()[0], "incoming")
        self.carol.press("call")
        self.assertEqual(self.bob.states()[0], "ended")

    def test_the_person_does_not(self):
        self.alice.press("back")
        self.assertIn("Not transferred: 603", self.bob.text())
        self.assertEqual(self.alice.states(), ["talking", "idle"])
        self.assertNotIn("They want", self.alice.text())

    def test_the_person_says_nothing(self):
        self.world.run(31000)
        self.assertIn("Not transferred: 603", self.bob.text())
        self.assertNotIn("They want", self.alice.text())
        self.bob.press("hangup")
        self.assert_nothing_left()

    def test_the_person_takes_ten_seconds(self):
        self.world.run(10000)
        self.alice.press("ok")
        self.assertEqual(self.carol.states()[0], "incoming")
        self.carol.press("call")
        self.assertEqual(self.bob.states()[0], "ended")

    def test_the_call_ends_before(self):
        self.bob.press("hangup")
        self.assertEqual(self.alice.states()[0], "ended")
        self.world.run(40000)
        self.assertEqual(self.carol.states()[0], "idle")
        self.assert_nothing_left()

    def test_the_owner_says_no(self):
        self.alice.press("back")
        self.alice.settings.set("call.transfer", "no")
        self.bob.press("transfer", CAROL, "ok")
        self.assertIn("Not transferred: 603", self.bob.text())
        self.assertNotIn("They want", self.alice.text())


class Strangers(Case):
    def test_replaces_by_who_knows_no_tags(self):
        self.call()
        call = self.bob.phone.lines[0].session.call_id
        self.carol.agent.invite(
            "sip:bob@[2001:db8::b]",
            (self.bob.net6.own[0], 5060),
            0,
            b"",
            headers=(("Replaces", call + ";to-tag=x;from-tag=y"), ("Require", "replaces")),
        )
        self.carol.driver.drain()
        self.world.settle()
        self.assertEqual(self.bob.states(), ["talking", "idle"])
        self.assertEqual(len(self.world.responses(481)), 1)

    def test_refer_out_of_the_blue(self):
        request = (
            b"REFER sip:a@[2001:db8::a] SIP/2.0\r\nVia: SIP/2.0/UDP [2001:db8::c];branch=z9hG4bK1"
            b"\r\nMax-Forwards: 70\r\nFrom: <sip:x@[2001:db8::c]>;tag=1\r\n"
            b"To: <sip:a@[2001:db8::a]>"
            b"\r\nCall-ID: 1\r\nCSeq: 1 REFER\r\nContact: <sip:x@[2001:db8::c]>\r\n"
            b"Refer-To: <sip:expensive@example.org>\r\nContent-Length: 0\r\n\r\n"
        )
        self.world.deliver(request, (self.carol.net6.own[0], 5060), (self.alice.net6.own[0], 5060))
        self.world.settle()
        self.assertEqual(self.alice.states(), ["idle", "idle"])
        self.assertEqual(len(self.world.responses(403)), 1)
