# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Registrations at a registrar that is strict about every message (strict_registrar.py)."""

import unittest

from host_tests.unit.sip.helpers import (
    PEER,
    A,
    Random,
    events,
    kinds,
    make_agent,
    reply,
    request,
    run_until,
    sent,
)
from host_tests.unit.sip.strict_registrar import Realm, StrictRegistrar
from vox6 import crypto
from vox6.sip.account import Account, make_instance_id
from vox6.sip.headers import Challenge
from vox6.wire import FormatError, LocalProtocolError, parse_address

try:
    PROVIDER = crypto.provider()
except ImportError:
    PROVIDER = None
NO_CRYPTO = "this interpreter has neither _crypto nor hashlib"
OTHER = (parse_address("2001:db8::b2"), 5060)
INSTANCE = make_instance_id(bytes(range(16)))


def realm(**options):
    """Return a realm of our provider."""
    return Realm(PROVIDER, **options)


class Case(unittest.TestCase):
    """An agent, an account, and its registrar."""

    def start(self, *realms, **options):
        """Register; the first exchange is done."""
        self.agent = make_agent(crypto=PROVIDER)
        self.account = Account("sip:anna@example.com", "", "secret", "Anna", "", PEER, **options)
        transport = options.get("transport", "UDP")
        self.registrar = StrictRegistrar(self.agent, PEER, realms, transport=transport)
        self.registration = self.agent.register(self.account, 0, 300)

    def serve(self, now=0):
        return self.registrar.serve(now)

    def refresh(self):
        """Let time pass until the refresh; return when it came."""
        before = len(self.registrar.requests)
        for _ in range(100):
            when = self.agent.get_timer()
            self.agent.handle_timer(when)
            self.serve(when)
            if len(self.registrar.requests) > before:
                return when
        self.fail("no refresh")


@unittest.skipUnless(PROVIDER is not None, NO_CRYPTO)
class DigestTest(Case):
    def _whole_life(self, statuses):
        self.serve()
        when = self.refresh()
        self.assertTrue(28000 <= when < 60000, when)
        self.registration.unregister(when)
        self.serve(when)
        self.assertEqual(kinds(self.agent), ["Registered", "Registered", "Unregistered"])
        self.assertEqual(self.registrar.statuses, statuses)
        self.assertEqual(self.registrar.bindings, {})
        run_until(self.agent, 10**6)
        self.assertEqual(len(self.agent.layer.timers), 0)

    def test_nobody_asks(self):
        self.start()
        self._whole_life([200, 200, 200])

    def test_algorithms_and_qops(self):
        for algorithms, answer, qop in (
            (("MD5",), "MD5", "auth"),
            (("",), "", ""),
            (("",), "", "auth"),
            (("SHA-256",), "SHA-256", "auth"),
            (("SHA-256", "MD5"), "SHA-256", "auth"),  # RFC 8760 section 2.4: the topmost
            (("MD5", "SHA-256"), "MD5", "auth"),
            (("SHA-512-256", "SHA-256", "MD5"), "SHA-256", "auth"),
            (("MD5",), "MD5", "auth-int"),
            (("SHA-256",), "SHA-256", "auth-int"),
            (("MD5",), "MD5", "auth,auth-int"),
            (("MD5-sess",), "MD5-sess", "auth"),
            (("SHA-256-sess",), "SHA-256-sess", "auth-int"),
            (("sha-256",), "sha-256", "auth"),
        ):
            self.start(realm(algorithms=algorithms, answer=answer, qop=qop))
            # one challenge, then the nonce is used on with a rising count
            self._whole_life([401, 200, 200, 200])

    def test_without_opaque(self):
        self.start(realm(opaque=""))
        self._whole_life([401, 200, 200, 200])

    def test_charset_and_other_letters(self):
        self.start(
            realm(
                charset="UTF-8",
                username="\u00e4nne",
                password="\u5927\u505c",
                algorithms=("SHA-256",),
            )
        )
        self.account.auth_user = "\u00e4nne"
        self.account.password = "\u5927\u505c"
        self.account._digest = None
        self._whole_life([401, 200, 200, 200])

    def test_userhash(self):
        self.start(realm(userhash=True, algorithms=("SHA-256",)))
        self._whole_life([401, 200, 200, 200])

    def test_proxy(self):
        self.start(realm(name="p", proxy=True))
        self._whole_life([407, 200, 200, 200])

    def test_proxy_then_registrar(self):
        class Proxy(Realm):
            """Lets nothing pass to the registrar, which so cannot challenge in the same answer."""

        proxy = Proxy(PROVIDER, name="p", proxy=True)
        self.start(proxy)
        self.serve()
        self.registrar.realms = (proxy, realm())
        self.registration.start(100)
        self.serve(100)
        self.assertEqual(self.registrar.statuses, [407, 200, 401, 200])
        self.registration.start(200)
        self.serve(200)
        self.assertEqual(self.registrar.statuses, [407, 200, 401, 200, 200])

    def test_both_at_once(self):
        # RFC 3261 section 22.3: a forking proxy puts all challenges into one answer
        self.start(
            realm(), realm(name="p", proxy=True), realm(name="second", algorithms=("SHA-256",))
        )
        self._whole_life([401, 200, 200, 200])

    def test_stale(self):
        one = realm()
        self.start(one)
        self.serve()
        one._fresh()  # the nonce has run out
        one.stale = True
        self.registration.start(100)
        self.serve(100)
        self.assertEqual(self.registrar.statuses, [401, 200, 401, 200])
        self.assertEqual(kinds(self.agent), ["Registered", "Registered"])

    def test_stale_for_ever(self):
        one = realm(password="other")
        one.stale = True
        self.start(one)
        self.serve()
        self.assertTrue(len(self.registrar.statuses) <= 3)
        self.assertEqual(kinds(self.agent), ["RegistrationFailed"])

    def test_wrong_password(self):
        self.start(realm(password="other"))
        self.serve()
        self.assertEqual(self.registrar.statuses, [401, 401])
        failed = events(self.agent)[0]
        self.assertEqual((failed.status, failed.retry_ms), (401, None))
        self.assertEqual(run_until(self.agent, 10**7), [])
        # the user has mended it
        self.account._digest = None
        self.account.password = "other"
        self.registration.start(10**7)
        self.serve(10**7)
        self.assertEqual(kinds(self.agent), ["Registered"])

    def test_no_algorithm_that_we_know(self):
        self.start(realm(algorithms=("SHA-512-256",)))
        self.serve()
        self.assertEqual(self.registrar.statuses, [401])
        self.assertEqual(events(self.agent)[0].status, 401)

    def test_next_nonce(self):
        for algorithm in ("MD5", "SHA-256-sess"):
            one = realm(algorithms=(algorithm,))
            one.next_nonce = True
            self.start(one)
            self._whole_life([401, 200, 200, 200])
            self.assertEqual(one.issued, 4)

    def test_mutual(self):
        for algorithm, qop in (("MD5", "auth"), ("SHA-256", "auth-int"), ("MD5-sess", "auth")):
            for next_nonce in (False, True):
                one = realm(algorithms=(algorithm,), qop=qop)
                one.proves = "right"
                one.next_nonce = next_nonce
                self.start(one)
                self._whole_life([401, 200, 200, 200])

    def test_registrar_that_does_not_know_the_password(self):
        one = realm()
        one.proves = "wrong"
        one.next_nonce = True
        self.start(one)
        self.serve()
        failed = events(self.agent)[0]
        self.assertEqual((failed.status, failed.reason), (403, "wrong rspauth"))
        self.assertEqual(self.agent.counters["wrong_rspauth"], 1)
        # its nextnonce was not taken
        self.registration.start(100)
        credentials = Challenge.parse(sent(self.agent)[0].get("authorization"))
        self.assertNotEqual(credentials.text("nonce"), one.nonce)

    def test_wrong_proof_in_other_answers(self):
        one = realm()
        self.start(one)
        self.serve()
        self.agent.options("sip:example.com", PEER, 0, self.account)
        info = 'Authentication-Info: rspauth="00", nc=00000001, qop=auth, nextnonce="evil"'
        self.agent.receive_datagram(reply(sent(self.agent)[0], 200, extra=info), PEER, 0)
        self.assertEqual(kinds(self.agent), ["Registered", "OptionsAnswered"])
        self.assertEqual(self.agent.counters["wrong_rspauth"], 1)

    def test_accounts_do_not_mix(self):
        self.start(realm())
        other = Account("sip:bob@example.net", "bob2", "hidden", "", "", OTHER)
        second = StrictRegistrar(self.agent, OTHER, (), "sip:bob@example.net")
        second.request_uri = "sip:example.net"
        second.realms = (
            realm(name="example.net", username="bob2", password="hidden", algorithms=("SHA-256",)),
        )
        self.agent.register(other, 0)
        for octets, peer, transport in self.serve():
            self.agent.receive_datagram(second.answer(octets), peer, 0, transport)
        second.serve()
        self.serve()
        self.assertEqual(kinds(self.agent), ["Registered", "Registered"])
        self.assertEqual((self.registrar.statuses, second.statuses), ([401, 200], [401, 200]))


@unittest.skipUnless(PROVIDER is not None, NO_CRYPTO)
class AnswerTest(Case):
    def test_423(self):
        self.start(realm())
        self.registrar.minimum = 1800
        self.serve()
        self.assertEqual(self.registrar.statuses, [401, 423, 200])
        self.assertEqual(self.registrar.requests[-1].contact().get("expires"), "1800")

    def test_423_that_asks_for_less(self):
        self.start()
        self.registrar.script = [(423, [("Min-Expires", "10")])]
        self.serve()
        self.assertEqual(events(self.agent)[0].status, 423)
        self.assertEqual(self.registrar.statuses, [423])

    def test_503(self):
        self.start()
        self.registrar.script = [(503, [("Retry-After", "7 (busy)")])]
        self.serve()
        self.assertEqual(events(self.agent)[0].retry_ms, 7000)
        self.assertEqual(run_until(self.agent, 6999), [])
        self.agent.handle_timer(7000)
        self.serve(7000)
        self.assertEqual(kinds(self.agent), ["Registered"])

    def test_503_with_another_target(self):
        self.start(targets=((PEER, "UDP"), (OTHER, "UDP")))
        self.registrar.script = [503]
        (octets, peer, transport) = self.serve()[0]
        self.assertEqual((peer, self.registration.peer), (OTHER, OTHER))
        second = StrictRegistrar(self.agent, OTHER)
        self.agent.receive_datagram(second.answer(octets), OTHER, 10)
        self.assertEqual(kinds(self.agent), ["Registered"])
        # refreshes stay there; when it fails, the first one is next
        self.registration.start(100)
        second.serve(100)
        self.assertEqual(kinds(self.agent), ["Registered"])
        self.registration.start(200)
        second.script = [503]
        self.assertEqual(second.serve(200)[0][1], PEER)

    def test_redirected_to_an_address(self):
        self.start(realm())
        contacts = [
            ("Contact", "<sip:[2001:db8::b9]>;q=0.2, <mailto:a@b>"),
            ("Contact", "<sip:[2001:db8::b2];transport=tcp>;q=0.9"),
        ]
        self.registrar.script = [(302, contacts)]
        (octets, peer, transport) = self.serve()[0]
        self.assertEqual((peer, transport), (OTHER, "TCP"))
        second = StrictRegistrar(self.agent, OTHER, (realm(),), transport="TCP")
        second.request_uri = "sip:[2001:db8::b2];transport=tcp"
        second.call_id = self.registrar.call_id
        second.cseq = self.registrar.cseq
        self.agent.receive_datagram(second.answer(octets), OTHER, 0, "TCP")
        second.serve()
        self.assertEqual(kinds(self.agent), ["Registered"])
        # it is asked until it fails, then the registrar is again
        self.registration.start(100)
        octets, peer, transport = self.agent.datagrams_to_send()[0]
        self.assertEqual((peer, transport), (OTHER, "TCP"))
        self.agent.handle_transport_error(OTHER, 200, "TCP")
        self.assertEqual(events(self.agent)[0].retry_ms, 30000)
        out = run_until(self.agent, 30200)
        self.assertEqual(out[-1][1].uri_text, "sip:example.com")
        self.assertEqual((self.registration.peer, self.registration.transport), (PEER, "UDP"))

    def test_redirected_to_a_name(self):
        self.start()
        self.registrar.script = [(301, [("Contact", "<sip:new.example.com>")])]
        self.serve()
        event = events(self.agent)[0]
        self.assertEqual(type(event).__name__, "RegistrationRedirected")
        self.assertEqual(event.uri, "sip:new.example.com")
        self.registration.redirect(OTHER, "UDP", 100)
        second = StrictRegistrar(self.agent, OTHER)
        second.request_uri = "sip:new.example.com"
        second.serve(100)
        self.assertEqual(kinds(self.agent), ["Registered"])

    def test_redirected_to_a_name_that_leads_nowhere(self):
        self.start()
        self.registrar.script = [(301, [("Contact", "<sip:new.example.com>")])]
        self.serve()
        events(self.agent)
        out = run_until(self.agent, 30000)
        self.assertEqual(out[-1][0], 30000)

    def test_redirected_in_a_circle(self):
        self.start()
        count = 0
        while True:
            requests = sent(self.agent)
            if not requests:
                break
            count += 1
            answer = reply(requests[0], 302, extra="Contact: <sip:[2001:db8::b]>")
            self.agent.receive_datagram(answer, PEER, 0)
        self.assertEqual(count, 5)
        self.assertEqual(events(self.agent)[0].status, 302)

    def test_never_from_sips_to_sip(self):
        self.start()
        self.account.uri = "sips:anna@example.com"
        request = sent(self.agent)[0]
        answer = reply(request, 302, extra="Contact: <sip:[2001:db8::b2]>")
        self.agent.receive_datagram(answer, PEER, 0)
        self.assertEqual(events(self.agent)[0].status, 302)

    def test_other_refusals_are_final(self):
        for status in (400, 403, 404, 405, 420, 600):
            self.start()
            self.registrar.script = [status]
            self.serve()
            failed = events(self.agent)[0]
            self.assertEqual((failed.status, failed.retry_ms), (status, None))
            self.assertEqual(failed.message.status, status)

    def test_binding_among_others(self):
        # with q, in any order, quoted names, an absurd expires of another
        self.start()
        self.registrar.others = [
            '"A, B" <sip:x@[2001:db8::1];user=phone>;q=1;expires=9999999999',
            "<sip:anna@[2001:db8::a]:5061>;expires=3",
        ]
        self.registrar.contact_params = ";q=0.55"
        self.serve()
        self.assertEqual(events(self.agent)[0].expires, 60)

    def test_binding_dropped(self):
        self.start()
        self.registrar.script = [(200, [("Contact", "<sip:x@y>;expires=5")])]
        self.serve()
        self.assertEqual(events(self.agent)[0].reason, "no binding")

    def test_unregister_after_a_challenge(self):
        one = realm()
        self.start(one)
        self.serve()
        one._fresh()
        self.registration.unregister(100)
        self.serve(100)
        self.assertEqual(self.registrar.statuses, [401, 200, 401, 200])
        self.assertEqual(kinds(self.agent), ["Registered", "Unregistered"])
        self.assertEqual(self.registrar.bindings, {})

    def test_many_accounts(self):
        self.start()
        accounts = [Account("sip:u%d@example.com" % i, peer=PEER) for i in range(7)]
        for account in accounts:
            self.agent.register(account, 0)
        self.assertRaises(LocalProtocolError, self.agent.register, accounts[0], 0)
        requests = sent(self.agent)
        self.assertEqual(len(set([one.call_id for one in requests])), 8)
        for one in reversed(requests):
            self.agent.receive_datagram(reply(one, 200), PEER, 0)
        self.assertEqual(kinds(self.agent), ["Registered"] * 8)

    def test_new_address(self):
        self.start()
        self.serve()
        self.agent.set_local(A[:15] + b"\x0c", 5060, 10)
        self.registrar.host = "[2001:db8::c]"
        self.serve(10)
        self.assertEqual(list(self.registrar.bindings), ["sip:anna@[2001:db8::c]"])


@unittest.skipUnless(PROVIDER is not None, NO_CRYPTO)
class StrictnessTest(Case):
    """The registrar sees what is wrong: each change of a good message is found."""

    CHANGES = (
        (b"REGISTER sip:example.com", b"REGISTER sip:anna@example.com"),
        (b"From: ", b"From: <sip:x@example.com>;tag=1\r\nX: "),
        (b'To: "Anna" <sip:anna@', b'To: "Anna" <sip:bob@'),
        (b"<sip:anna@example.com>\r\n", b"<sip:anna@example.com>;tag=x\r\n"),
        (b"Max-Forwards: 70", b"Max-Forwards: 69"),
        (b"Max-Forwards: 70\r\n", b""),
        (b"Max-Forwards: 70\r\n", b"Max-Forwards: 70\r\nVia: SIP/2.0/UDP old;branch=z9hG4bK0\r\n"),
        (b"Call-ID: ", b"Call-ID: 1"),
        (b"branch=z9hG4bK", b"branch=1"),
        (b";rport", b""),
        (b"/UDP ", b"/TCP "),
        (b"[2001:db8::a];branch", b"[2001:db8::9];branch"),
        (b"Contact: <sip:anna@[2001:db8::a]", b"Contact: <sip:anna@[2001:db8::9]"),
        (b"Contact: <sip:", b"Contact: <mailto:"),
        (b"Contact: ", b"Contact: *\r\nContact: "),
        (b"expires=300", b"expires=x"),
        (b"path", b"pass"),
        (b"Call-ID: ", b"Record-Route: <sip:x;lr>\r\nCall-ID: "),
        (b"Call-ID: ", b"Route: <sip:x>\r\nCall-ID: "),
        (b"Call-ID: ", b"Require: x\r\nCall-ID: "),
        (b"Content-Length: 0\r\n\r\n", b"Content-Length: 1\r\n\r\nx"),
        (b"Content-Length: 0\r\n", b""),
        (b"CSeq: 3", b"CSeq: 2"),
        (b"CSeq: 3", b"CSeq: 4"),
        (b'uri="sip:example.com"', b'uri="sip:example.com:5060"'),
        (b'opaque="o,1"', b'opaque="o"'),
        (b', opaque="o,1"', b""),
        (b"nc=00000002", b"nc=00000001"),
        (b"nc=00000002", b"nc=2"),
        (b"nc=00000002", b'nc="00000002"'),
        (b"qop=auth", b'qop="auth"'),
        (b"qop=auth", b"qop=auth-int"),
        (b"algorithm=MD5", b"algorithm=SHA-256"),
        (b", algorithm=MD5", b""),
        (b'username="anna"', b"username=anna"),
        (b'username="anna"', b'username="anna", username="anna"'),
        (b"Authorization: Digest", b"Authorization: Basic"),
    )

    def test_each_change_is_found(self):
        for old, new in ((b"", b""),) + self.CHANGES:
            self.start(realm())
            self.serve()
            self.registration.start(10)
            octets = self.agent.datagrams_to_send()[0][0]
            self.assertTrue(old in octets, (old, octets))
            changed = octets.replace(old, new, 1) if old else octets
            try:
                self.registrar.answer(changed)
                found = False
            except (AssertionError, FormatError):
                found = True
            self.assertEqual((found, old, new), (bool(old), old, new))

    def test_a_wrong_digest_is_challenged(self):
        for old, new in ((b'response="', b'response="0'), (b'cnonce="', b'cnonce="0')):
            self.start(realm())
            self.serve()
            self.registration.start(10)
            self.registrar.answer(self.agent.datagrams_to_send()[0][0].replace(old, new, 1))
            self.assertEqual(self.registrar.statuses, [401, 200, 401])


@unittest.skipUnless(PROVIDER is not None, NO_CRYPTO)
class LossTest(Case):
    def test_an_hour_with_loss_and_doubling(self):
        # 30 % lost each way, some twice, late answers: all is by the book, and the binding stands
        for seed in range(1, 9):
            self.start(realm(algorithms=("SHA-256",)))
            self.registrar.grant = 120
            chance = Random(seed)
            held = -120000  # when the registrar last took us
            now = 0
            while now < 3600000:
                for octets, peer, _ in self.agent.datagrams_to_send():
                    self.assertEqual(peer, PEER)
                    for _ in range(2 if chance(1)[0] < 20 else 1):
                        if chance(1)[0] < 77:
                            continue
                        answer = self.registrar.answer(octets, now)
                        if self.registrar.statuses[-1] == 200:
                            held = now
                        if chance(1)[0] >= 77:
                            self.agent.receive_datagram(answer, PEER, now)
                if self.registration.is_registered() and now > 200000:
                    self.assertTrue(now - held <= 120000, (seed, now, held))
                if not self.agent.layer.output:
                    now = self.agent.get_timer()
                    self.agent.handle_timer(now)
                events(self.agent)
            self.assertTrue(len(self.registrar.bindings) == 1)
            self.assertTrue(len(self.registrar.requests) >= 30)


@unittest.skipUnless(PROVIDER is not None, NO_CRYPTO)
class RouteTest(Case):
    def test_service_route(self):
        self.start()
        self.registrar.lines = [
            ("Service-Route", "<sip:p1.example.com;lr>, <sip:strict.example.com>"),
            ("Service-Route", "<sip:p2.example.com;lr;x=1>"),
            ("Path", "<sip:edge.example.com;lr>"),
        ]
        self.serve()
        self.assertEqual(self.registration.path, ["<sip:edge.example.com;lr>"])
        session = self.agent.invite("sip:bob@example.com", PEER, 0, b"o", account=self.account)
        invite = sent(self.agent)[0]
        routes = ["<sip:p1.example.com;lr>", "<sip:p2.example.com;lr;x=1>"]
        self.assertEqual(invite.values("route"), routes)
        self.assertEqual(invite.uri_text, "sip:bob@example.com")
        # CANCEL and the retry after a challenge have it too (RFC 3261 sections 9.1 and 22.2)
        self.agent.receive_datagram(
            reply(invite, 407, extra='Proxy-Authenticate: Digest realm="p", nonce="n"'), PEER, 0
        )
        ack, again = sent(self.agent)
        self.assertEqual(ack.values("route"), routes)
        self.assertEqual(again.values("route"), routes)
        self.agent.receive_datagram(reply(again, 180), PEER, 0)
        session.cancel(0)
        self.assertEqual(sent(self.agent)[0].values("route"), routes)
        # not in REGISTER, not for others
        self.registration.start(10)
        self.serve(10)
        self.agent.options("sip:bob@example.com", PEER, 10)
        self.assertEqual(sent(self.agent)[0].values("route"), [])
        # the next 2xx takes it back
        self.registrar.lines = []
        self.registration.start(20)
        self.serve(20)
        self.agent.options("sip:bob@example.com", PEER, 20, self.account)
        self.assertEqual(sent(self.agent)[0].values("route"), [])

    def test_gruu(self):
        self.start(instance_id=INSTANCE, gruu=True)
        public = "sip:anna@example.com;gr=" + INSTANCE
        self.registrar.contact_params = ';pub-gruu="%s";temp-gruu="sip:t1@example.com;gr"' % public
        self.serve()
        self.assertTrue("gruu" in self.registrar.requests[0].tokens("supported"))
        self.assertEqual(self.registration.temporary_gruu, "sip:t1@example.com;gr")
        self.agent.invite("sip:bob@example.com", PEER, 0, b"o", account=self.account)
        self.assertEqual(sent(self.agent)[0].contact().uri_text, public)
        # its own registration keeps the address
        self.registration.start(10)
        self.serve(10)
        # a call without account does not
        self.agent.invite("sip:bob@example.com", PEER, 0, b"o")
        self.assertEqual(sent(self.agent)[0].contact().uri.host, "[2001:db8::a]")

    def test_gruu_in_a_call_by_the_registrar(self):
        self.start(instance_id=INSTANCE, gruu=True)
        self.registrar.contact_params = ';pub-gruu="sip:anna@example.com;gr=x"'
        self.serve()
        for peer, host in ((PEER, "example.com"), (OTHER, "[2001:db8::a]")):
            branch = "z9hG4bK%02x" % peer[0][15]
            invite = request("INVITE", branch, call_id=branch).replace(":phone@", ":anna@")
            self.agent.receive_datagram(invite.replace("\n", "\r\n").encode(), peer, 10)
            session = events(self.agent)[-1].session
            session.accept(20, b"answer")
            self.assertEqual(sent(self.agent)[-1].contact().uri.host, host)
            self.assertEqual(session.reached_by is self.account, peer == PEER)
            self.assertEqual(session.account, None)

    def test_gruu_that_nobody_asked_for(self):
        self.start(instance_id=INSTANCE)
        self.registrar.contact_params = ';pub-gruu="sip:anna@example.com;gr=x"'
        self.serve()
        self.assertFalse("gruu" in self.registrar.requests[0].tokens("supported"))
        self.assertEqual(self.registration.get_contact(), "")

    def test_bad_gruu(self):
        for text in ("sip:anna@example.com", "tel:1;gr", "x"):
            self.start(instance_id=INSTANCE, gruu=True)
            self.registrar.contact_params = ';pub-gruu="%s"' % text
            self.serve()
            self.assertEqual(kinds(self.agent), ["Registered"])
            self.assertEqual(self.registration.public_gruu, "")


if __name__ == "__main__":
    unittest.main()
