# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Acceptance test 1: deployed TSP clients come up (pubtsp.md section 11).

"gets an address, pings a native host, and is reached from it": here by models of such clients,
each a state machine with the habits of vectors/pubtsp/habits.py. A model stops for good where a
reply is not what its program insists on.
"""

import re
import socket
import xml.etree.ElementTree

import pytest

from host_tests.servers.wire import NATIVE, udp_packet
from host_tests.vectors.pubtsp import habits
from vox6.pubtsp import ipv6

pytestmark = [pytest.mark.needs_root, pytest.mark.timeout(120)]
RESOLVER = "2001:db8::53"


class GaveUp(Exception):
    """The client tells its user that there is no tunnel."""


class Client:
    """What all of them have in common: header, retransmission, one request at a time.

    versions: those to try, in order. mechanisms: those to try. create, accept: texts.
    """

    versions = ("2.0.2", "2.0.1", "2.0.0", "1.0.1")
    mechanisms = ("ANONYMOUS",)
    create = habits.GOGOC[2][0]
    accept = habits.GOGOC[3][0]
    version_line, authenticate_line = b"VERSION=%s\r\n", b"AUTHENTICATE %s\r\n"
    wants_dns = True  # it crashes without
    little_endian = False
    timeouts = 3  # of a request, until it gives up

    def __init__(self, wire, server, v4="203.0.113.77", port=54321):
        self.wire, self.server = wire, server
        self.peer = wire.peer(v4, port)
        self.sequence = 240
        self.clock = 0
        self.tried = []
        self.info = None
        self.state = "Start"

    def header(self):
        """The sequence number behind the marker, which shows in the first and the last octet."""
        self.clock += 30
        order = "little" if self.little_endian else "big"
        word = 0xF0000000 | self.sequence
        head = word.to_bytes(4, "big")
        if self.little_endian:  # what the first programs wrote: F0 00 00 F0, then F1 00 00 F0
            head = (0xF00000F0 + (self.sequence - 240)).to_bytes(4, "little")
        return head + self.clock.to_bytes(4, order)

    def ask(self, text):
        """Send a request, wait for the reply with its header; the text."""
        head = self.header()
        self.sequence += 1
        for _ in range(self.timeouts):
            self.peer.send(head + text, self.server)
            self.wire.until(lambda: any(one.data[:8] == head for one in self.peer.heard), 1.0)
            found = [one for one in self.peer.heard if one.data[:8] == head]
            if found:
                self.peer.heard.clear()
                return found[0].data[8:]
        raise GaveUp("no reply")

    def run(self):
        """Come up; GaveUp."""
        capabilities = self.negotiate()
        self.state = "Authenticate"
        self.authenticate(capabilities)
        self.state = "Create"
        self.info = self.read_info(self.ask(self.create))
        self.state = "Accept"
        self.ask(self.accept)  # it waits for a reply, which may be empty
        self.state = "Up"

    def negotiate(self):
        for version in self.versions:
            self.tried.append(version)
            reply = self.ask(self.version_line % version.encode())
            if reply.startswith(b"302"):
                continue
            words = reply.decode("ascii").split()
            if not reply.endswith(b"\r\n") or words[0] != "CAPABILITY":
                raise GaveUp(f"no capabilities: {reply!r}")
            if "TUNNEL=V6UDPV4" not in words:
                raise GaveUp("no tunnel through NAT")
            return [word[5:] for word in words if word.startswith("AUTH=")]
        raise GaveUp("no version")

    def authenticate(self, offered):
        for mechanism in self.mechanisms:
            self.tried.append(mechanism)
            reply = self.ask(self.authenticate_line % mechanism.encode())
            if reply == b"200 Success\r\n":
                return
            if not re.fullmatch(rb"3\d\d .+\r\n", reply):
                raise GaveUp(f"not an answer to AUTHENTICATE: {reply!r}")
        raise GaveUp("no mechanism")

    def content(self, reply):
        """What stands behind Content-length, which must count all of it."""
        found = re.match(rb"Content-length: (\d+)\r\n", reply)
        if found is None:
            raise GaveUp(f"no Content-length: {reply!r}")
        rest = reply[found.end() :]
        if int(found[1]) != len(rest) or not rest.endswith(b"\r\n"):
            raise GaveUp("Content-length does not count to the last CR LF")
        return rest

    def read_info(self, reply):
        line, _, text = self.content(reply).partition(b"\r\n")
        if line != b"200 Success":
            raise GaveUp(line.decode())
        root = xml.etree.ElementTree.fromstring(text)
        if (root.tag, root.get("action"), root.get("type")) != ("tunnel", "info", "v6udpv4"):
            raise GaveUp("not an info of v6udpv4")
        if not int(root.get("lifetime")):
            raise GaveUp("no lifetime")
        keepalive = root.find("client/keepalive")
        found = {
            "server4": root.find("server/address[@type='ipv4']"),
            "server6": root.find("server/address[@type='ipv6']"),
            "client4": root.find("client/address[@type='ipv4']"),
            "client6": root.find("client/address[@type='ipv6']"),
            "echo": None if keepalive is None else keepalive.find("address[@type='ipv6']"),
        }
        if self.wants_dns:
            found["dns"] = root.find("client/dns_server/address[@type='ipv6']")
        for name, element in found.items():
            if element is None or not element.text:
                raise GaveUp(f"crash: no {name}")
        out = {}
        for name, element in found.items():
            family = socket.AF_INET if name.endswith("4") else socket.AF_INET6
            out[name] = socket.inet_pton(family, element.text.strip())
        out["interval"] = int(keepalive.get("interval"))
        return out

    def echo(self, destination, timeout=2.0):
        """Ping from the tunnel, whether a reply came."""
        own = self.info["client6"]
        self.peer.send(ipv6.echo_request(own, destination, 1, 1, b"ping"), self.server)

        def came():
            for packet in list(self.wire.native):  # the native host answers
                if packet[24:40] == NATIVE and packet[40] == ipv6.ECHO_REQUEST:
                    self.wire.native.remove(packet)
                    self.wire.send_ipv6(ipv6.echo_reply(packet, 40), self.server)
            return any(one.data[40:41] == b"\x81" and one.data[8:24] == destination
                       for one in self.peer.heard)  # fmt: skip

        return self.wire.until(came, timeout)


class Gogoc(Client):
    """gogoc and gw6c 2.x: ladder from 2.0.2, proxy="no", v6anyv4, keepalive child "::"."""


class GogocUDP(Client):
    """The same with tunnel_mode=v6udpv4."""

    create = habits.content(
        habits.GOGOC[2][0].partition(b"\r\n")[2].replace(b"v6anyv4", b"v6udpv4")
    )


class GogocWithPassword(Client):
    """The same with auth_method=any and a password: the strongest first, then the others."""

    mechanisms = ("DIGEST-MD5", "PASSDSS-3DES-1", "PLAIN", "ANONYMOUS")


class GogocDigestOnly(Client):
    """The same with auth_method=digest-md5: nothing else will do."""

    mechanisms = ("DIGEST-MD5",)


class Newer(Client):
    """One that knows a later version first."""

    versions = ("2.1.0", "2.0.9", "2.0.2")


class Tspc(Client):
    """tspc 2.0 and 2.1: one version less, and another way round of the attributes."""

    versions = ("2.0.1", "2.0.0", "1.0.1")
    create = habits.content(
        b'<tunnel type="v6udpv4" action="create" proxy="no">\r\n <client>\r\n'
        b'  <keepalive interval="30"><address type="ipv6">::</address></keepalive>\r\n'
        b'  <address type="ipv4">192.168.1.20</address>\r\n </client>\r\n</tunnel>\r\n'
    )


class LittleEndian(Client):
    """The marker shows in the first octet too, because sequence numbers begin at 240."""

    little_endian = True


class Java(Client):
    """Small Java clients: XML in one line, the count with the final CR LF, only 2.0.0."""

    versions = ("2.0.0",)
    wants_dns = False
    create = habits.content(
        b'<tunnel action="create" type="v6udpv4" proxy="no"><client><address type="ipv4">'
        b'192.168.1.20</address><keepalive interval="30"><address type="ipv6">::</address>'
        b"</keepalive></client></tunnel>\r\n"
    )


class Small(Client):
    """Lower case, LF alone, the count without the CR LF."""

    versions = ("2.0.0",)
    wants_dns = False
    version_line, authenticate_line = b"version=%s\n", b"authenticate %s\n"
    create = habits.SMALL[2][0]
    accept = habits.SMALL[3][0]


class Textbook(Client):
    """The examples of RFC 5572: declaration, comment, line breaks in an address."""

    versions = ("2.0.0",)
    wants_dns = False
    create = habits.TEXTBOOK[0][0]
    accept = habits.TEXTBOOK[1][0]


COME_UP = (Gogoc, GogocUDP, GogocWithPassword, Newer, Tspc, LittleEndian, Java, Small, Textbook)


@pytest.mark.parametrize("model", COME_UP, ids=lambda model: model.__name__)
def test_01_gets_an_address_pings_a_native_host_and_is_reached_from_it(wire, plane, model):
    server = wire.server(plane=plane, dns_server=RESOLVER)
    client = model(wire, server)
    client.run()
    assert client.state == "Up"
    assert client.info["client6"] == server.address("203.0.113.77", 54321)
    assert client.info["client4"] == socket.inet_aton("203.0.113.77"), "the observed one (D-8)"
    assert client.info["server4"] == socket.inet_aton(server.ipv4)
    assert client.info["echo"] == server.own and client.info["interval"] == 30
    if model.wants_dns:
        assert client.info["dns"] == socket.inet_pton(socket.AF_INET6, RESOLVER)
    assert client.echo(server.own), "keepalive"
    assert client.echo(NATIVE), "pings a native host"
    client.peer.heard.clear()
    wire.send_ipv6(udp_packet(NATIVE, client.info["client6"], b"reached"), server)
    assert wire.until(lambda: any(one.data[48:] == b"reached" for one in client.peer.heard))


def test_the_ladder_stops_where_the_server_knows_the_version(wire):
    server = wire.server(dns_server=RESOLVER)
    for model, tried in ((Gogoc, ["2.0.2"]), (Newer, ["2.1.0", "2.0.9", "2.0.2"])):
        client = model(wire, server)
        client.run()
        assert client.tried == [*tried, "ANONYMOUS"]


def test_mechanisms_with_a_password_are_refused_at_once_and_anonymous_comes_up(wire):
    """300 and nothing like a challenge: the client does not wait for one."""
    server = wire.server(dns_server=RESOLVER)
    client = GogocWithPassword(wire, server)
    client.run()
    assert client.tried[1:] == ["DIGEST-MD5", "PASSDSS-3DES-1", "PLAIN", "ANONYMOUS"]
    for script in (habits.DIGEST, habits.PLAIN, habits.PASSDSS, habits.LADDER):
        peer = wire.peer("203.0.113.78", 50000)
        for text, reply in script:
            assert peer.ask(text, server) == reply


def test_who_wants_a_password_only_is_told_so(wire):
    server = wire.server()
    client = GogocDigestOnly(wire, server)
    with pytest.raises(GaveUp, match="no mechanism"):
        client.run()
    assert client.state == "Authenticate"


def test_without_a_dns_address_such_a_client_stops(wire):
    """Why pubtspd has the setting: the model is as touchy as the program."""
    server = wire.server()
    with pytest.raises(GaveUp, match="crash: no dns"):
        Gogoc(wire, server).run()
    java = Java(wire, server)
    java.run()
    assert java.state == "Up"


def test_a_client_of_before_2007_gets_no_answer(wire):
    """Little-endian words: its marker is not in the first octet, and section 2.2 refuses it."""
    server = wire.server()
    peer = wire.peer("203.0.113.77", 54321)
    for head in ("00000ff0", "010000f0", "7f0000f0", "000000f0"):
        peer.send(bytes.fromhex(head) + bytes(4) + b"VERSION=1.0.0\r\n", server)
    wire.settle(server)
    assert peer.heard == []


def test_requests_said_twice_are_answered_twice_and_alike(wire):
    """A lossy way: every request is sent twice, the client takes the first answer (D-2)."""
    server = wire.server(dns_server=RESOLVER)
    peer = wire.peer("203.0.113.77", 54321)
    for number, (text, begin) in enumerate(habits.GOGOC):
        for _ in range(2):
            peer.send(bytes((0xF0, 0, 0, 0xF0 + number)) + bytes(4) + text, server)
        wire.settle(server)
        assert len(peer.heard) == 2 and peer.heard[0].data == peer.heard[1].data
        assert peer.heard[0].data[8:].startswith(begin)
        peer.heard.clear()
