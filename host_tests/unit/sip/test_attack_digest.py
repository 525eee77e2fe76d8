# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Attacks on the digest and on a registration: a password drawn out, answers replayed or forged,
the binding taken away (RFC 3261 sections 22.1, 26.1; RFC 7616 section 5)."""

import unittest

from host_tests.unit.sip.helpers import (
    PEER,
    events,
    give,
    kinds,
    make_agent,
    reply,
    request,
    run_until,
    sent,
)
from host_tests.unit.sip.strict_registrar import Realm, StrictRegistrar
from vox6 import crypto
from vox6.sip.account import Account
from vox6.sip.message import parse
from vox6.wire import parse_address

try:
    PROVIDER = crypto.provider()
except ImportError:
    PROVIDER = None
MALLORY = (parse_address("2001:db8::e"), 5060)
CHALLENGE = 'WWW-Authenticate: Digest realm="%s", nonce="his choice", qop="auth"\n'


@unittest.skipUnless(PROVIDER is not None, "this interpreter has neither _crypto nor hashlib")
class Digest(unittest.TestCase):
    def start(self):
        """Register at the strict registrar; all datagrams that came are kept."""
        self.agent = make_agent(crypto=PROVIDER)
        self.account = Account("sip:anna@example.com", "", "secret", "Anna", "", PEER)
        self.realm = Realm(PROVIDER)
        self.registrar = StrictRegistrar(self.agent, PEER, (self.realm,))
        self.came = []
        answer = self.registrar.answer

        def keep(octets, now=0):
            self.came.append(answer(octets, now))
            return self.came[-1]

        self.registrar.answer = keep
        self.registration = self.agent.register(self.account, 0, 300)
        self.registrar.serve()
        self.assertEqual(kinds(self.agent), ["Registered"])

    def refresh(self):
        """Let the refresh begin; it is not answered yet."""
        while True:
            when = self.agent.get_timer()
            self.agent.handle_timer(when)
            out = self.agent.datagrams_to_send()
            if out:
                return when, out[0][0]

    def test_attack_digest_leak(self):
        """Who calls us and challenges our BYE gets no digest to try passwords at."""
        for peer in (MALLORY, PEER):  # himself, or by our registrar
            self.start()
            invite = request("INVITE", body="offer").replace(":phone@", ":anna@")
            give(self.agent, invite, peer=peer)
            session = events(self.agent)[0].session
            session.accept(0, b"answer")
            tag = sent(self.agent)[-1].to.tag
            give(self.agent, request("ACK", "z9hG4bK2", to_tag=tag), peer=peer)
            session.bye(0)
            bye = sent(self.agent)[-1]
            self.assertEqual(bye.method, "BYE")
            for status in (401, 407):
                name = "Proxy-Authenticate" if status == 407 else "WWW-Authenticate"
                line = (CHALLENGE % "example.com").replace("WWW-Authenticate", name)
                give(self.agent, reply(bye, status, extra=line), peer=peer)
            self.assertEqual(sent(self.agent), [])
            self.assertEqual(session.state, "Terminated")

    def test_attack_digest_replay(self):
        """Answers of before, sent again at any moment, change nothing and draw nothing out."""
        self.start()
        when, octets = self.refresh()
        for old in self.came:
            self.agent.receive_datagram(old, PEER, when)
        self.assertEqual(self.agent.datagrams_to_send(), [])
        self.assertEqual(kinds(self.agent), [])
        answer = self.registrar.answer(octets, when)
        self.agent.receive_datagram(answer, PEER, when)
        self.assertEqual(kinds(self.agent), ["Registered"])
        for old in self.came:
            self.agent.receive_datagram(old, PEER, when + 1)
        self.assertEqual(self.agent.datagrams_to_send(), [])
        self.assertEqual(kinds(self.agent), [])
        self.assertEqual(self.registration.state, "Registered")

    def test_attack_nonce_once_more(self):
        """A challenge with the nonce that was answered just now means refused, not: try again."""
        self.start()
        when, octets = self.refresh()
        again = parse(self.came[0]).lines("www-authenticate")[0]
        for _ in range(20):
            challenge = reply(parse(octets), 401, extra="WWW-Authenticate: " + again + "\n")
            self.agent.receive_datagram(challenge, PEER, when)
            out = self.agent.datagrams_to_send()
            if not out:
                break
            octets = out[0][0]
        else:
            self.fail("challenged without end")
        self.assertEqual(kinds(self.agent), ["RegistrationFailed"])

    def test_attack_forged_answer_to_register(self):
        """Who does not see our REGISTER cannot answer it: the branch is not to be guessed."""
        self.start()
        when, octets = self.refresh()
        branches = set()
        for status in (200, 301, 401, 403, 503):
            message = parse(octets)
            branches.add(message.via.branch)
            answer = reply(message, status, extra="Expires: 9\n")
            for guess in (b"z9hG4bK", b"z9hG4bK0000000000000000", b""):
                forged = answer.replace(message.via.branch.encode(), guess)
                self.assertNotEqual(forged, answer)
                self.agent.receive_datagram(forged, PEER, when)
        self.assertEqual(self.agent.datagrams_to_send(), [])
        self.assertEqual(kinds(self.agent), [])
        branch = branches.pop()
        self.assertTrue(len(branch) - len("z9hG4bK") >= 8, branch)

    def test_attack_register_hijack(self):
        """A REGISTER at the phone itself binds nothing and tells nothing of its own binding."""
        self.start()
        for contact in ("<sip:mallory@[2001:db8::e]>;expires=99", "*"):
            text = request("REGISTER", "z9hG4bK9", extra="Expires: 0\n")
            text = text.replace("Contact: <sip:bob@[2001:db8::b]>", "Contact: " + contact)
            give(self.agent, text, peer=MALLORY)
            answer = sent(self.agent)[-1]
            self.assertEqual(answer.status, 405)
            self.assertEqual(answer.count("contact"), 0)
        self.assertEqual(kinds(self.agent), [])
        self.assertEqual(len(self.registrar.bindings), 1)
        run_until(self.agent, 20000)


if __name__ == "__main__":
    unittest.main()
