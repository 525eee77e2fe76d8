# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""SIP over TCP and TLS: whole phones, a registrar by streams, strangers who connect."""

import unittest

from firmware import log
from firmware.store import instance
from host_tests.unit.firmware import certificate_doubles, doubles, tunnels
from host_tests.unit.firmware.net_doubles import address
from vox6.crypto import provider
from vox6.sip.framing import StreamFramer
from vox6.sip.message import parse

BOB = "sip:bob@[2001:db8::b];transport=tcp"
SERVER = "2001:db8::53"
DNS = "2001:db8:53::53"
ACCOUNT = [
    ("account.1.uri", "sip:alice@example.org"),
    ("account.1.registrar", "sip:example.org"),
    ("account.1.proxy", "sip:[2001:db8::53];transport=tcp"),
]
OPTIONS = (
    b"OPTIONS sip:a@[2001:db8::a] SIP/2.0\r\nVia: SIP/2.0/TCP [2001:db8::9];branch=z9hG4bK%d\r\n"
    b"Max-Forwards: 70\r\nFrom: <sip:x@[2001:db8::9]>;tag=1\r\nTo: <sip:a@[2001:db8::a]>\r\n"
    b"Call-ID: %d\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


class Server:
    """A host that listens at a port of TCP, with the streams that came, and a registrar."""

    def __init__(self, world, port=5060, text=SERVER):
        self.world = world
        self.net6 = doubles.Net6(world, [address(text)])
        self.listener = self.net6.Listener(None, port)
        self.streams = []  # (stream, framer)
        self.requests = []
        self.headers = ()
        self.answers_pings = True
        self.pings = 0
        self.status = 200
        world.phones.append(self)

    def get_timer(self):
        return None

    def step(self):
        got = self.listener.accept()
        if got is not None:
            self.streams.append((got[0], StreamFramer()))
        busy = got is not None
        for stream, framer in list(self.streams):
            buffer = bytearray(4096)
            length = stream.readinto(buffer)
            if length == 0:
                stream.close()
                self.streams.remove((stream, framer))
            if not length:
                continue
            busy = True
            framer.pause()
            for data in framer.receive(bytes(buffer[:length])):
                message = parse(data)
                self.requests.append(message)
                if self.status and message.method != "ACK":
                    response = message.response(self.status, None, "tag")
                    for value in message.values("contact") if self.status == 200 else ():
                        response.add("Contact", value)
                    for name, value in self.headers:
                        response.add(name, value)
                    if not stream.ended:
                        stream.write(response.emit())
            self.pings += framer.pings
            if self.answers_pings and framer.pings and not stream.ended:
                stream.write(b"\r\n" * framer.pings)
            framer.pings = 0
        return busy

    def close_all(self):
        for stream, _ in self.streams:
            stream.close()
        self.streams = []


class Case(unittest.TestCase):
    def setUp(self):
        self.world = doubles.World()
        self.said = []
        log.start(self.world.clock, self.said.append)

    def tearDown(self):
        log.start(None, None)

    def phone(self, changes=(), text="2001:db8::a"):
        return doubles.TestPhone(self.world, [text], changes)

    def log(self):
        return "\n".join(self.said)

    def connect(self, phone, port=50999):
        """A stranger's stream to a phone."""
        stranger = doubles.Net6(self.world, [address("2001:db8::9")])
        stream = stranger.Stream(phone.net6.own[0], 5060, stranger.own[0])
        self.world.settle()
        return stream


class Calls(Case):
    def setUp(self):
        super().setUp()
        self.alice = self.phone()
        self.bob = self.phone((), "2001:db8::b")

    def test_a_call_by_tcp(self):
        self.alice.press(BOB, "call")
        self.assertEqual(self.bob.states()[0], "incoming")
        invite = parse(self.world.requests("INVITE", self.world.streamed)[0])
        self.assertIn("SIP/2.0/TCP [2001:db8::a];", str(invite.via))
        self.assertIn(";transport=tcp>", invite.values("contact")[0])
        self.bob.press("call")
        self.assertEqual(self.alice.states()[0], "talking")
        self.assertEqual([data for data, _, _ in self.world.sent if b"SIP/2.0" in data], [])
        self.assertEqual(len(self.alice.net6.streams), 1)  # responses came on it
        self.assertEqual(self.alice.net6.streams[0].traffic_class, 24 << 2)
        self.assertIn("TCP [2001:db8::b]:5060 connected", self.log())
        self.world.run(300000)
        self.assertEqual(len(self.alice.net6.streams), 1)  # the call needs it
        self.bob.press("hangup")  # to Alice's Contact
        self.assertIn("They hung up", self.alice.text())
        self.world.run(400000)
        self.assertEqual(self.alice.net6.streams + self.bob.net6.streams, [])
        self.assertEqual(self.alice.connections.all + self.bob.connections.all, [])
        self.assertEqual([flow[0] for flow in self.alice.flows], self.alice.net6.listeners)

    def test_the_next_call_uses_the_same_connection(self):
        for _ in range(3):
            self.alice.press(BOB, "call")
            self.alice.press("hangup", "hangup")
            self.world.run(5000)
        self.assertEqual(self.alice.connections.counters["opened"], 1)
        self.assertEqual(self.bob.connections.counters["accepted"], 1)

    def test_nobody_listens(self):
        self.bob.connections.close()
        self.alice.press(BOB, "call")
        self.assertIn("Connection refused", self.alice.text())
        self.assertEqual(self.alice.connections.all, [])

    def test_nobody_there(self):
        self.alice.press("sip:bob@[2001:db8::d];transport=tcp", "call")
        self.world.run(4900)
        self.assertEqual(self.alice.states()[0], "calling")
        self.world.run(200)
        self.assertIn("No connection", self.alice.text())
        self.assertEqual(self.alice.net6.streams, [])

    def test_the_peer_is_gone_in_a_call(self):
        """The connection is lost in a call: the call stays, the next request makes another one."""
        self.alice.press(BOB, "call")
        self.bob.press("call")
        self.bob.connections.close()
        self.bob.connections.listen(5060)
        self.world.settle()
        self.assertIn("Connection closed", self.log())
        self.assertEqual(self.alice.states()[0], "talking")
        self.alice.press("hold")
        self.assertIn("They hold the", self.bob.text())
        self.assertEqual(self.alice.connections.counters["opened"], 2)

    def test_a_message_in_pieces_and_a_slow_peer(self):
        self.alice.press(BOB)
        original = self.alice.net6.Stream

        def slow(*args):
            stream = original(*args)
            stream.room = 100
            return stream

        self.alice.net6.Stream = slow
        self.alice.press("call")
        stream = self.alice.net6.streams[0]
        self.assertEqual(self.bob.states()[0], "idle")
        for _ in range(30):
            stream.room += 70
            self.world.settle()
        self.assertEqual(self.bob.states()[0], "incoming")
        self.alice.net6.Stream = original

    def test_a_peer_that_takes_nothing_is_left(self):
        self.alice.press(BOB, "call")
        self.bob.press("call")
        stream = self.alice.net6.streams[0]
        stream.room = 0
        for _ in range(40):
            self.alice.signalling.send(b"x" * 1000, (self.bob.net6.own[0], 5060), "TCP")
        self.assertIn("Connection too slow", self.log())
        self.assertEqual(stream.state, "closed")
        self.assertEqual(self.alice.states()[0], "talking")

    def test_our_address_changes(self):
        self.alice.press(BOB, "call")
        self.bob.press("call")
        self.alice.net6.own[0] = address("2001:db8:1::a")
        self.alice.net6.signal.raised = True
        self.world.settle()
        self.assertIn("Our address is gone", self.log())
        self.assertEqual(self.bob.stream().peer[0], address("2001:db8:1::a"))


class Registrars(Case):
    def test_registered_by_tcp_and_kept(self):
        server = Server(self.world)
        alice = self.phone(ACCOUNT)
        self.world.settle()
        self.assertEqual(server.requests[0].method, "REGISTER")
        self.assertIn("SIP/2.0/TCP", str(server.requests[0].via))
        self.assertIn("1 alice", alice.text())
        self.assertIn("registered TCP", alice.text())
        self.world.run(1000000)
        self.assertEqual(len(server.streams), 1)
        self.assertEqual(alice.connections.counters["opened"], 1)
        self.assertTrue(len(server.requests) > 3)

    def test_flows(self):
        """RFC 5626: instance and reg-id; pings; a connection that is dead is made anew."""
        server = Server(self.world)
        server.headers = (("Require", "outbound"), ("Flow-Timer", "60"))
        alice = self.phone(ACCOUNT)
        self.world.settle()
        instance = alice.disk.files["/settings/instance-id"].decode().strip()
        contact = server.requests[0].values("contact")[0]
        self.assertIn(';+sip.instance="<%s>";reg-id=1' % instance, contact)
        self.world.run(240000)
        self.assertTrue(server.pings >= 3)
        self.assertEqual(alice.connections.counters["opened"], 1)
        server.answers_pings = False
        count = len(server.requests)
        for _ in range(150):
            if "flow lost" in self.log():
                break
            self.world.run(1000)
        self.assertIn("flow lost", self.log())
        server.answers_pings = True
        self.world.run(1000)
        self.assertEqual(alice.connections.counters["opened"], 2)
        self.assertTrue(len(server.requests) > count)
        self.assertIn("registered TCP", alice.text())
        again = doubles.TestPhone(self.world, ["2001:db8::aa"], ACCOUNT, alice.disk)
        self.world.settle()
        self.assertIn(instance, server.requests[-1].values("contact")[0])
        self.assertEqual(again.phone.accounts.all[0].state, "registered")

    def test_the_server_closes(self):
        """A registrar that is started anew: the phone registers at once on a new connection."""
        server = Server(self.world)
        alice = self.phone(ACCOUNT)
        self.world.settle()
        server.close_all()
        self.world.settle()
        self.assertEqual([one.method for one in server.requests], ["REGISTER"] * 2)
        self.assertEqual(alice.connections.counters["opened"], 2)
        self.assertIn("registered TCP", alice.text())

    def test_an_instance_without_outbound(self):
        server = Server(self.world)
        self.phone(ACCOUNT + [("account.1.outbound", False)])
        self.world.settle()
        self.assertNotIn("reg-id", server.requests[0].values("contact")[0])

    def test_an_instance_that_is_damaged_or_cannot_be_kept(self):
        for data in (b"", b"urn:uuid:x", b"urn:uuid:" + b"0" * 36, b"\xff" * 45):
            disk = doubles.Disk({"/settings/instance-id": data})
            made = instance.load("/settings", disk, provider().random)
            self.assertEqual(len(made), 45)
            self.assertEqual(instance.load("/settings", disk, provider().random), made)
        full = doubles.Disk()
        full.write = lambda path, data: full.open(path)  # raises OSError
        self.assertEqual(len(instance.load("/settings", full, provider().random)), 45)
        one = instance.load(None, None, provider().random)
        self.assertNotEqual(one, instance.load(None, None, provider().random))

    def test_sent_to_another_registrar(self):
        server = Server(self.world)
        server.status = 302
        server.headers = (("Contact", "<sip:other.example;transport=tcp>"),)
        names = tunnels.NameServer(self.world, address(DNS))
        names.records = [tunnels.aaaa("other.example", "2001:db8::54")]
        other = Server(self.world, 5060, "2001:db8::54")
        alice = self.phone(ACCOUNT)
        alice.net6.dns = [address(DNS)]
        alice.net6.signal.raised = True
        self.world.settle()
        self.assertEqual(other.requests[0].method, "REGISTER")
        self.assertIn("registered TCP", alice.text())

    def test_the_setting_says_tcp(self):
        server = Server(self.world)
        changes = ACCOUNT + [
            ("account.1.proxy", "sip:[2001:db8::53]"),
            ("account.1.transport", "tcp"),
        ]
        self.phone(changes)
        self.world.settle()
        self.assertEqual(len(server.requests), 1)

    def test_why_it_does_not_register(self):
        alice = self.phone(ACCOUNT)
        doubles.Net6(self.world, [address(SERVER)])
        self.world.settle()
        self.assertIn("Connection refused", alice.text())


class Secure(Case):
    def setUp(self):
        super().setUp()
        self.dns = tunnels.NameServer(self.world, address(DNS))
        self.dns.records = [
            tunnels.srv("_sips._tcp.example.org", "sip.example.org", 5061),
            tunnels.aaaa("sip.example.org", SERVER),
        ]
        self.server = Server(self.world, 5061)

    def start(self, certificate, verdict="", **changes):
        rows = [
            ("account.1.uri", "sip:alice@example.org"),
            ("account.1.registrar", "sip:example.org"),
            ("account.1.transport", "tls"),
        ]
        alice = self.phone(rows)
        alice.disk.files["/settings/ca.pem"] = b"CA"
        alice.tls.certificate = certificate
        alice.tls.verdict = verdict
        for name, value in changes.items():
            alice.settings.set(name.replace("__", "."), value)
        alice.net6.dns = [address(DNS)]
        alice.net6.signal.raised = True
        self.world.settle()
        return alice

    def page(self, alice):
        """The accounts' page of the menu."""
        alice.press("ok", "ok")
        text = alice.text().replace("\n", "")
        alice.press("hangup")
        return text

    def test_registered(self):
        good = certificate_doubles.certificate("x", certificate_doubles.dns("example.org"))
        alice = self.start(good, sip__tls_ca="ca.pem")
        self.assertIn("registered TLS", alice.text())
        self.assertIn("SIP/2.0/TLS", str(self.server.requests[0].via))
        self.assertIn("connected TLSv1.2 TLS-DOUBLE for example.org", self.log())
        self.assertEqual(alice.tls.contexts[0].authorities, b"CA")
        self.assertIn("registered TLS", self.page(alice))

    def test_a_phone_that_knows_no_time_says_so(self):
        alice = self.phone(
            [
                ("account.1.uri", "sip:alice@example.org"),
                ("account.1.registrar", "sips:[%s]:5061" % SERVER),
            ]
        )
        alice.disk.files["/settings/ca.pem"] = b"CA"
        alice.connections.trust._utc = lambda: None
        alice.settings.set("sip.tls_ca", "ca.pem")
        names = [(0x87, address(SERVER))]
        alice.tls.certificate = certificate_doubles.certificate("x", names)
        alice.phone.reload()
        self.world.settle()
        self.assertIn("connected TLSv1.2 TLS-DOUBLE for 2001:db8::53, dates not", self.log())

    def test_a_certificate_of_the_host_and_not_the_domain(self):
        """RFC 5922 section 7.1: what SRV named proves nothing, the domain counts."""
        other = certificate_doubles.certificate("x", certificate_doubles.dns("sip.example.org"))
        alice = self.start(other, sip__tls_ca="ca.pem")
        self.assertEqual(self.server.requests, [])
        self.assertIn("Certificate is not for example.org", self.page(alice))
        self.assertIn("Certificate is not for example.org", self.log())
        self.assertEqual(alice.lamps.state["message"], "flash")
        self.assertEqual(alice.net6.streams, [])

    def test_what_mbedtls_refuses(self):
        good = certificate_doubles.certificate("x", certificate_doubles.dns("example.org"))
        alice = self.start(good, "The certificate validity has expired\n", sip__tls_ca="ca.pem")
        self.assertEqual(self.server.requests, [])
        self.assertIn("Certificate expired", self.page(alice))

    def test_a_pin_is_enough(self):
        other = certificate_doubles.certificate("x", certificate_doubles.dns("other.example"))
        pin = "".join(["%02x" % one for one in provider().digest("SHA-256", other)])
        alice = self.start(other, "not looked at", sip__tls_pin=pin)
        self.assertIn("registered TLS", alice.text())
        eve = self.start(other + b"x", "", sip__tls_pin=pin)
        self.assertIn("Not the pinned key", self.page(eve))

    def test_nobody_to_believe(self):
        alice = self.start(b"")
        self.assertIn("TLS: set sip.tls_ca", self.page(alice))
        self.assertEqual(alice.net6.streams, [])

    def test_a_call_says_why(self):
        alice = self.start(b"", sip__tls_ca="ca.pem")
        alice.press("sips:bob@example.org", "call")
        self.assertIn("Certificate is not\nfor example.org", alice.text())

    def test_sips_needs_an_account_by_tls(self):
        alice = self.phone(ACCOUNT)
        alice.press("sips:bob@example.org", "call")
        self.assertIn("Account is not by TLS", alice.text())


class Strangers(Case):
    def test_options_and_a_response_on_the_same_connection(self):
        alice = self.phone()
        stream = self.connect(alice)
        stream.write(b"\r\n\r\n" + OPTIONS % (1, 1))
        self.world.settle()
        self.assertTrue(stream.came.startswith(b"\r\nSIP/2.0 200 "))
        self.assertEqual(len(alice.net6.streams), 1)

    def test_they_are_few(self):
        alice = self.phone()
        streams = [self.connect(alice) for _ in range(10)]
        self.assertEqual(len(alice.net6.streams), 3)
        self.world.run(31000)  # nothing came
        self.assertEqual(alice.net6.streams, [])
        self.assertEqual(streams[-1].readable(), True)

    def test_a_call_is_not_pushed_out(self):
        alice = self.phone()
        bob = self.phone((), "2001:db8::b")
        bob.press("sip:alice@[2001:db8::a];transport=tcp", "call")
        alice.press("call")
        for _ in range(10):
            self.connect(alice)
        bob.press("hold")
        self.assertIn("They hold the", alice.text())
        self.assertEqual(bob.connections.counters["opened"], 1)

    def test_what_is_no_sip(self):
        alice = self.phone()
        for data in (
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"\x16\x03\x01" + b"\x00" * 3000,
            b"INVITE sip:a SIP/2.0\r\n\r\n",
            b"A" * 20000,
        ):
            stream = self.connect(alice)
            stream.write(data)
            self.world.run(31000)
            self.assertEqual(alice.net6.streams, [])
        self.assertEqual(alice.driver.counters["faults"], 0)

    def test_half_a_message_is_not_waited_for(self):
        alice = self.phone()
        stream = self.connect(alice)
        for _ in range(8):
            stream.write(b"OPTIONS ")
            self.world.run(5000)
            if stream.ended:
                break
        self.assertEqual(alice.net6.streams, [])

    def test_pings_without_end_and_nobody_reads(self):
        alice = self.phone()
        stream = self.connect(alice)
        stream.other.room = 100
        for _ in range(40):
            stream.write(b"\r\n\r\n" * 400)
            self.world.settle()
            if stream.ended:
                break
        self.assertTrue(stream.ended)

    def test_the_port_is_taken(self):
        world = self.world
        alice = doubles.TestPhone(world, ["2001:db8::a"])
        alice.connections.listen(5060)
        self.assertIn("no TCP at port 5060", self.log())
