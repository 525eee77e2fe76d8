# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sip/auth.py and registration.py: RFC 7616's vectors, and a registrar that checks all."""

import unittest

from host_tests.unit.sip.helpers import (
    PEER,
    A,
    B,
    events,
    give,
    kinds,
    make_agent,
    names,
    reply,
    run_until,
    sent,
)
from vox6 import crypto
from vox6.sip.auth import digest_response, verify
from vox6.sip.headers import Challenge
from vox6.sip.message import Response
from vox6.sip.registration import Account
from vox6.wire import AuthenticationError, FormatError, LocalProtocolError

try:
    PROVIDER = crypto.provider()
except ImportError:
    PROVIDER = None
NO_CRYPTO = "this interpreter has neither _crypto nor hashlib"


@unittest.skipUnless(PROVIDER is not None, NO_CRYPTO)
class VectorTest(unittest.TestCase):
    def test_rfc2617(self):
        self.assertEqual(
            digest_response(
                PROVIDER, "", "Mufasa", "testrealm@host.com", "Circle Of Life", "GET",
                "/dir/index.html", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "auth", "00000001",
                "0a4f113b",
            ),
            "6629fae49393a05397450978507c4ef1",
        )  # fmt: skip

    def test_rfc7616(self):
        for algorithm, wanted in (
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            (
                "SHA-256",
                "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
            ),
        ):
            self.assertEqual(
                digest_response(
                    PROVIDER, algorithm, "Mufasa", "http-auth@example.org", "Circle of Life",
                    "GET", "/dir/index.html", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
                    "auth", "00000001", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
                ),
                wanted,
            )  # fmt: skip

    def test_without_qop(self):
        # RFC 2069 section 2.4, with the response of its erratum 749
        self.assertEqual(
            digest_response(
                PROVIDER, "", "Mufasa", "testrealm@host.com", "CircleOfLife", "GET",
                "/dir/index.html", "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            ),
            "1949323746fe6a43ef61f9606e7febea",
        )  # fmt: skip

    def test_unknown_algorithm(self):
        self.assertRaises(
            FormatError, digest_response, PROVIDER, "SHA-512", "a", "b", "c", "d", "e", "f"
        )


class Registrar:
    """Answers REGISTER as a strict registrar does and notes what is wrong."""

    def __init__(self, test, agent, algorithms=("MD5",), qop="auth", password="secret"):
        self.test = test
        self.agent = agent
        self.algorithms = algorithms
        self.qop = qop
        self.password = password
        self.nonces = 0
        self.nonce = ""
        self.count = 0
        self.call_id = None
        self.cseq = 0
        self.branches = []
        self.stale = False
        self.statuses = []
        self.grant = ";expires=60"

    def challenge(self, request, status=401):
        self.nonces += 1
        self.nonce = "n%d" % self.nonces
        self.count = 0
        response = request.response(status, None, "r")
        name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
        for algorithm in self.algorithms:
            text = 'Digest realm="example.com", nonce="%s", opaque="o,1"' % self.nonce
            if algorithm:
                text += ", algorithm=" + algorithm
            if self.qop:
                text += ', qop="%s"' % self.qop
            if self.stale:
                text += ", stale=TRUE"
            response.add(name, text)
        return response

    def answer(self, request):
        """Return the response to one request."""
        self.test.assertEqual(request.uri_text, "sip:example.com")
        self.test.assertEqual(request.from_.uri_text, "sip:anna@example.com")
        self.test.assertEqual(request.to.uri_text, "sip:anna@example.com")
        self.test.assertIsNone(request.to.tag)
        self.test.assertTrue(self.call_id in (None, request.call_id))
        self.test.assertTrue(request.cseq.number > self.cseq)
        self.test.assertFalse(request.via.branch in self.branches)
        self.call_id = request.call_id
        self.cseq = request.cseq.number
        self.branches.append(request.via.branch)
        if request.count("authorization") == 0:
            return self.challenge(request)
        credentials = Challenge.parse(request.get("authorization"))
        self.test.assertEqual(credentials.text("uri"), request.uri_text)
        self.test.assertEqual(credentials.text("realm"), "example.com")
        self.test.assertEqual(credentials.text("opaque"), "o,1")
        if credentials.text("nonce") != self.nonce:
            return self.challenge(request)
        if self.qop:
            self.count += 1
            self.test.assertEqual(credentials.text("nc"), "%08x" % self.count)
            self.test.assertTrue(credentials.text("qop") in self.qop)
        else:
            self.test.assertEqual(credentials.text("nc"), "")
        try:
            verify(PROVIDER, credentials, "REGISTER", self.password, request.body)
        except AuthenticationError:
            return self.challenge(request)
        response = request.response(200, None, "r")
        for value in request.values("contact"):
            if not value.endswith("expires=0"):
                response.add("Contact", value.split(">")[0] + ">" + self.grant)
        response.add("Contact", "<sip:other@[2001:db8::77]>;expires=5")
        return response

    def serve(self, now=0):
        """Answer all that the agent sends until it is silent."""
        while True:
            messages = [m for m in sent(self.agent) if not isinstance(m, Response)]
            if not messages:
                return
            for message in messages:
                response = self.answer(message)
                self.statuses.append(response.status)
                give(self.agent, response.emit(), now)


@unittest.skipUnless(PROVIDER is not None, NO_CRYPTO)
class RegistrationTest(unittest.TestCase):
    def setUp(self):
        self.agent = make_agent(crypto=PROVIDER)
        self.account = Account("sip:anna@example.com", "", "secret", "Anna", "", PEER)

    def test_register_refresh_unregister(self):
        for algorithms, qop in (
            (("MD5",), "auth"),
            (("",), ""),
            (("SHA-256",), "auth"),
            (("SHA-256", "MD5"), "auth"),
            (("SHA-512-256", "MD5"), "auth-int"),
            (("MD5-sess",), "auth,auth-int"),
            (("SHA-256-sess",), "auth"),
        ):
            self.setUp()
            registrar = Registrar(self, self.agent, algorithms, qop)
            registration = self.agent.register(self.account, 0, 300)
            registrar.serve()
            event = events(self.agent)[0]
            self.assertEqual((type(event).__name__, event.expires), ("Registered", 60))
            self.assertEqual(registration.state, "Registered")
            when = self.agent.get_timer()
            while when < 10000:  # timer K
                self.agent.handle_timer(when)
                when = self.agent.get_timer()
            self.assertTrue(28000 <= when < 60000)
            self.agent.handle_timer(when)
            registrar.serve(when)
            self.assertEqual(kinds(self.agent), ["Registered"])
            registration.unregister(when)
            registrar.serve(when)
            self.assertEqual(kinds(self.agent), ["Unregistered"])
            # one challenge, then the nonce is used on with a rising count
            self.assertEqual(registrar.statuses, [401, 200, 200, 200])
            run_until(self.agent, 10**6)
            self.assertEqual(len(self.agent.layer.timers), 0)
            self.assertEqual(self.agent.registrations, [])

    def test_wrong_password(self):
        registrar = Registrar(self, self.agent, password="other")
        self.agent.register(self.account, 0)
        registrar.serve()
        self.assertEqual(registrar.statuses, [401, 401])
        failed = events(self.agent)[0]
        self.assertEqual((failed.status, failed.retry_ms), (401, None))
        self.assertEqual(run_until(self.agent, 10**7), [])

    def test_stale(self):
        registrar = Registrar(self, self.agent)
        registration = self.agent.register(self.account, 0)
        registrar.serve()
        registrar.nonce = "gone"
        registration.start(100)
        registrar.serve(100)
        self.assertEqual(registrar.statuses, [401, 200, 401, 200])
        # stale again and again is not followed for ever
        registrar.stale = True
        registrar.password = "other"
        registration.start(200)
        registrar.serve(200)
        self.assertTrue(len(registrar.statuses) <= 8)
        self.assertEqual(kinds(self.agent)[-1], "RegistrationFailed")

    def test_nothing_to_answer_with(self):
        for line in (
            'Basic realm="x"',
            'Digest realm="x", nonce="n", algorithm=SHA-512-256',
            'Digest realm="x", nonce="n", qop="other"',
            'Digest realm="x"',
            'Digest realm="x", nonce="' + "n" * 600 + '"',
            "nonsense",
        ):
            self.setUp()
            self.agent.register(self.account, 0)
            give(self.agent, reply(sent(self.agent)[0], 401, extra="WWW-Authenticate: " + line))
            self.assertEqual(sent(self.agent), [])
            self.assertEqual(kinds(self.agent), ["RegistrationFailed"])

    def test_binary_challenge(self):
        self.agent.register(self.account, 0)
        octets = reply(sent(self.agent)[0], 401, extra="WWW-Authenticate: Digest xx")
        give(self.agent, octets.replace(b"xx", b"\xff\xfe"))
        self.assertEqual(kinds(self.agent), ["RegistrationFailed"])

    def test_password_goes_to_no_stranger(self):
        # a realm's nonce is for its own registrar; another request-URI host gets nothing
        registrar = Registrar(self, self.agent)
        self.agent.register(self.account, 0)
        registrar.serve()
        self.agent.invite("sip:bob@[2001:db8::b]", PEER, 0, b"offer", account=self.account)
        invite = sent(self.agent)[0]
        self.assertEqual(invite.count("authorization"), 0)
        self.assertEqual(str(invite.from_)[:29], "Anna <sip:anna@example.com>;t")


class PlainTest(unittest.TestCase):
    def setUp(self):
        self.agent = make_agent()
        self.account = Account("sip:anna@example.com", peer=PEER)
        self.registration = self.agent.register(self.account, 0, 300)
        self.request = sent(self.agent)[0]

    def test_request(self):
        contact = self.request.contact()
        self.assertEqual(contact.uri_text, "sip:anna@[2001:db8::a]")
        self.assertEqual(contact.get("expires"), "300")
        self.assertEqual(self.request.uri_text, "sip:example.com")

    def test_423(self):
        give(self.agent, reply(self.request, 423, extra="Min-Expires: 600"))
        again = sent(self.agent)[0]
        self.assertEqual(again.contact().get("expires"), "600")
        self.assertEqual(again.call_id, self.request.call_id)
        self.assertEqual(again.cseq.number, self.request.cseq.number + 1)
        give(self.agent, reply(again, 423, extra="Min-Expires: 600"))
        self.assertEqual(kinds(self.agent), ["RegistrationFailed"])

    def test_expires(self):
        for extra, expires in (
            ("Contact: <sip:anna@[2001:db8::a]>;expires=77", 77),
            ("Contact: <sip:x@y>;expires=5\nContact: <sip:anna@[2001:DB8:0::A]>;expires=78", 78),
            ("Expires: 79", 79),
            ("Contact: <sip:anna@[2001:db8::a]>\nExpires: 80", 80),
            ("", 300),
            ("Contact: <sip:anna@[2001:db8::a]>;expires=99999999", 604800),
            ("Contact: nonsense", 300),
        ):
            self.setUp()
            give(self.agent, reply(self.request, 200, extra=extra))
            event = events(self.agent)[0]
            self.assertEqual((type(event).__name__, event.expires), ("Registered", expires))

    def test_no_binding(self):
        give(self.agent, reply(self.request, 200, extra="Contact: <sip:x@y>;expires=5"))
        self.assertEqual(kinds(self.agent), ["RegistrationFailed"])

    def test_timeout_and_retry(self):
        out = run_until(self.agent, 62000)
        self.assertEqual(out[-1][0], 62000)  # 32 s of timer F, 30 s of waiting
        failed = events(self.agent)[0]
        self.assertEqual((failed.status, failed.retry_ms), (408, 30000))
        give(self.agent, reply(out[-1][1], 200), 62000)
        self.assertEqual(kinds(self.agent), ["Registered"])

    def test_503_retry_after(self):
        give(self.agent, reply(self.request, 503, extra="Retry-After: 7 (busy)"), 1000)
        self.assertEqual(events(self.agent)[0].retry_ms, 7000)
        out = run_until(self.agent, 8000)
        self.assertEqual((out[0][0], names([out[0][1]])), (8000, ["REGISTER"]))

    def test_403_is_final(self):
        give(self.agent, reply(self.request, 403))
        self.assertEqual(events(self.agent)[0].retry_ms, None)
        self.assertEqual(run_until(self.agent, 10**7), [])

    def test_unregister_waits_for_what_is_under_way(self):
        # RFC 3261 section 10.2: one REGISTER at a time
        self.registration.unregister(10)
        self.assertEqual(sent(self.agent), [])
        give(self.agent, reply(self.request, 200), 20)
        again = sent(self.agent)[0]
        self.assertEqual(again.contact().get("expires"), "0")
        give(self.agent, reply(again, 200), 30)
        self.assertEqual(kinds(self.agent), ["Unregistered"])

    def test_new_address(self):
        give(self.agent, reply(self.request, 200), 10)
        self.agent.set_local(None, 0, 20)
        self.assertEqual(sent(self.agent), [])
        self.agent.set_local(A[:15] + b"\x0c", 5060, 30)
        again = sent(self.agent)[0]
        self.assertEqual(
            again.values("contact"),
            ["<sip:anna@[2001:db8::c]>;expires=300", "<sip:anna@[2001:db8::a]>;expires=0"],
        )
        self.assertEqual(again.via.host, "[2001:db8::c]")
        give(self.agent, reply(again, 200), 40)
        self.registration.start(50)
        self.assertEqual(len(sent(self.agent)[0].values("contact")), 1)

    def test_bad_accounts(self):
        for uri in ("", "anna", "tel:+1", "sip:"):
            self.assertRaises(LocalProtocolError, Account, uri)
        self.assertRaises(
            LocalProtocolError, self.agent.register, Account("sip:anna@example.com"), 0
        )


@unittest.skipUnless(PROVIDER is not None, NO_CRYPTO)
class ProxyTest(unittest.TestCase):
    CHALLENGE = 'Proxy-Authenticate: Digest realm="p", nonce="n", qop="auth"'

    def setUp(self):
        self.agent = make_agent(crypto=PROVIDER)
        self.account = Account("sip:anna@example.com", "", "secret", "", "", PEER)

    def _check(self, message):
        credentials = Challenge.parse(message.get("proxy-authorization"))
        self.assertEqual(credentials.text("uri"), message.uri_text)
        verify(PROVIDER, credentials, message.method, "secret", message.body)
        return credentials

    def test_call_through_a_proxy(self):
        session = self.agent.invite("sip:bob@example.com", PEER, 0, b"offer", account=self.account)
        first = sent(self.agent)[0]
        give(self.agent, reply(first, 407, extra=self.CHALLENGE))
        ack, again = sent(self.agent)
        self.assertEqual(ack.method, "ACK")
        self.assertEqual(again.call_id, first.call_id)
        self.assertEqual(again.from_.tag, first.from_.tag)
        self.assertEqual(again.cseq.number, first.cseq.number + 1)
        self.assertNotEqual(again.via.branch, first.via.branch)
        self.assertEqual(again.body, b"offer")
        self._check(again)
        give(self.agent, reply(again, 200))
        ack = sent(self.agent)[0]
        # RFC 3261 section 13.2.2.4: the credentials of the INVITE
        self.assertEqual(ack.get("proxy-authorization"), again.get("proxy-authorization"))
        self.assertEqual(ack.cseq.number, again.cseq.number)
        session.reinvite(10, b"hold")
        reinvite = sent(self.agent)[0]
        self.assertEqual(self._check(reinvite).text("nc"), "00000002")
        give(self.agent, reply(reinvite, 407, extra=self.CHALLENGE.replace('"n"', '"m"')), 10)
        ack, reinvite = sent(self.agent)
        self.assertEqual(self._check(reinvite).text("nonce"), "m")
        give(self.agent, reply(reinvite, 200), 10)
        session.bye(20)
        bye = sent(self.agent)[1]
        self._check(bye)
        give(self.agent, reply(bye, 407, extra=self.CHALLENGE), 20)
        bye = sent(self.agent)[0]
        self._check(bye)
        give(self.agent, reply(bye, 407, extra=self.CHALLENGE), 20)
        self.assertEqual(sent(self.agent), [])
        self.assertEqual(session.state, "Terminated")
        self.assertEqual(kinds(self.agent), ["CallAnswered", "OfferAnswered"])

    def test_refused(self):
        self.agent.invite("sip:bob@example.com", PEER, 0, b"offer", account=self.account)
        for _ in range(2):
            invite = [m for m in sent(self.agent) if m.method == "INVITE"][0]
            give(self.agent, reply(invite, 407, extra=self.CHALLENGE))
        self.assertEqual(names(sent(self.agent)), ["ACK"])
        self.assertEqual(events(self.agent)[0].status, 407)
        self.assertEqual(self.agent.sessions, {})

    def test_proxy_and_registrar(self):
        self.agent.options("sip:bob@example.com", PEER, 0, self.account)
        options = sent(self.agent)[0]
        give(self.agent, reply(options, 407, extra=self.CHALLENGE))
        options = sent(self.agent)[0]
        www = 'WWW-Authenticate: Digest realm="w", nonce="n", qop="auth"'
        give(self.agent, reply(options, 401, extra=www))
        options = sent(self.agent)[0]
        self.assertEqual(options.count("authorization"), 1)
        self.assertEqual(self._check(options).text("realm"), "p")
        give(self.agent, reply(options, 200))
        self.assertEqual(kinds(self.agent), ["OptionsAnswered"])

    def test_next_nonce(self):
        self.agent.register(self.account, 0)
        www = 'WWW-Authenticate: Digest realm="w", nonce="n", qop="auth"'
        give(self.agent, reply(sent(self.agent)[0], 401, extra=www))
        info = 'Authentication-Info: nextnonce="later", qop=auth, nc=00000001'
        give(self.agent, reply(sent(self.agent)[0], 200, extra=info))
        self.agent.registrations[0].start(10)
        credentials = Challenge.parse(sent(self.agent)[0].get("authorization"))
        self.assertEqual(
            (credentials.text("nonce"), credentials.text("nc")), ("later", "00000001")
        )

    def test_verify(self):
        credentials = Challenge.parse(
            'Digest username="a", realm="r", nonce="n", uri="sip:b", response="00"'
        )
        self.assertRaises(AuthenticationError, verify, PROVIDER, credentials, "BYE", "pw")
        self.assertEqual(B, PEER[0])
