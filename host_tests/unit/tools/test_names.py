# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: sockets
"""tools/common/names.py and the look for servers, against a DNS server made of dnspython."""

import os
import socket
import threading

import dns.message
import dns.rrset
import pytest

from host_tests.unit.tools.alone import alone
from tools.common.driver import Loop
from tools.common.names import Names, resolv_conf
from tools.common.sockets import Driver
from tools.common.tunnel.discovery import Discovery
from vox6.dns import rdata
from vox6.pubtsp.address import mapped
from vox6.wire.inet6 import parse_address, parse_ipv4

ZONE = {
    ("tsp.example.", "A"): ["198.51.100.7", "198.51.100.8"],
    ("other.example.", "A"): ["198.51.100.9"],
    ("_tsp._udp.home.example.", "SRV"): ["20 0 3653 other.example.", "10 0 3653 tsp.example."],
    ("_tsp._udp.port.example.", "SRV"): ["0 0 4000 tsp.example."],
    ("_tsp._udp.none.example.", "SRV"): ["0 0 0 ."],
    ("_tsp._udp.lost.example.", "SRV"): ["0 0 3653 nowhere.example."],
}
ONE, TWO, OTHER = (
    (mapped(parse_ipv4(text)), 3653) for text in ("198.51.100.7", "198.51.100.8", "198.51.100.9")
)


class Nameserver:
    """Answers from ZONE at a local address, while the with block lasts."""

    def __init__(self, address, mute=False):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((address, 53))
        self.socket.settimeout(0.05)
        self.questions = []
        self.mute = mute
        self.running = True
        self.thread = threading.Thread(target=self._serve)

    def _serve(self):
        while self.running:
            try:
                data, peer = self.socket.recvfrom(4096)
            except TimeoutError:
                continue
            question = dns.message.from_wire(data)
            asked = question.question[0]
            kind = dns.rdatatype.to_text(asked.rdtype)
            self.questions.append((asked.name.to_text(), kind))
            if self.mute:
                continue
            answer = dns.message.make_response(question)
            found = ZONE.get((asked.name.to_text().lower(), kind))
            if found is None:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            else:
                answer.answer.append(dns.rrset.from_text(asked.name, 60, "IN", kind, *found))
            self.socket.sendto(answer.to_wire(), peer)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.running = False
        self.thread.join()
        self.socket.close()


def scene(*servers):
    loop = Loop()
    names = Names(os.urandom, Driver(loop))
    names.set_servers([(address, 53) for address in servers])
    loop.call_at(loop.now() + 15_000, loop.stop)
    return loop, names


def look_up(loop, names, name, rtype):
    said = []

    def done(records, reason):
        said.append((records, reason))
        loop.stop()

    names.resolve(name, rtype, done)
    if not said:
        loop.run()
    return said[0] if said else None


def discover(loop, names, *domains):
    said = []

    def found(servers):
        said.append(servers)
        loop.stop()

    Discovery(names, os.urandom, list(domains), found).start()
    if not said:
        loop.run()
    assert len(said) == 1
    return said[0]


LOCAL = mapped(parse_ipv4("127.0.0.1"))
LOCAL6 = parse_address("::1")
root = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")


@pytest.mark.needs_root
@root
class TestNames:
    @pytest.mark.parametrize("text", ["127.0.0.1", "::1"])
    def test_by_either_protocol(self, text):
        @alone
        def test():
            with Nameserver(text):
                loop, names = scene(LOCAL6 if ":" in text else LOCAL)
                records, reason = look_up(loop, names, "tsp.example", rdata.A)
                assert sorted(one.address for one in records) == [ONE[0][12:], TWO[0][12:]]
                assert reason == "" and not names._ports
                assert look_up(loop, names, "no.example", rdata.A) == ([], "no such name")

        test()

    @alone
    def test_the_next_server_when_one_is_silent_or_not_there(self):
        with Nameserver("127.0.0.1", mute=True) as silent, Nameserver("127.0.0.3") as good:
            loop, names = scene(LOCAL, LOCAL[:15] + b"\2", LOCAL[:15] + b"\3")
            records, _ = look_up(loop, names, "other.example", rdata.A)
            assert [one.address for one in records] == [OTHER[0][12:]]
            assert silent.questions and good.questions

    @alone
    def test_nobody_there(self):
        loop, names = scene()
        assert look_up(loop, names, "tsp.example", rdata.A) == ([], "no servers")
        assert look_up(loop, names, "a..b", rdata.A)[0] == []

    @alone
    def test_one_question_for_two_who_ask(self):
        with Nameserver("127.0.0.1") as server:
            loop, names = scene(LOCAL)
            said = []
            for _ in range(2):
                names.resolve("tsp.example", rdata.A, lambda records, _: said.append(len(records)))
            loop.call_at(loop.now() + 300, loop.stop)
            loop.run()
            assert said == [2, 2] and len(server.questions) == 1


@pytest.mark.needs_root
@root
class TestDiscovery:
    @alone
    def test_in_the_order_of_priorities(self):
        with Nameserver("127.0.0.1"):
            loop, names = scene(LOCAL)
            found = discover(loop, names, "home.example")
            assert sorted(found[:2]) == [ONE, TWO] and found[2:] == [OTHER]

    @alone
    def test_the_port_that_srv_tells(self):
        with Nameserver("127.0.0.1"):
            loop, names = scene(LOCAL)
            found = discover(loop, names, "port.example")
            assert sorted(found) == [(ONE[0], 4000), (TWO[0], 4000)]

    @alone
    def test_the_next_domain(self):
        with Nameserver("127.0.0.1") as server:
            loop, names = scene(LOCAL)
            domains = ("absent.example", "none.example", "lost.example", "home.example")
            assert sorted(discover(loop, names, *domains)) == [ONE, TWO, OTHER]
            asked = [name for name, kind in server.questions if kind == "SRV"]
            assert asked == [f"_tsp._udp.{domain}." for domain in domains]

    @alone
    def test_nobody_knows(self):
        with Nameserver("127.0.0.1"):
            loop, names = scene(LOCAL)
            assert discover(loop, names, "absent.example") == []
            assert discover(loop, names) == []


def test_resolv_conf(tmp_path):
    path = tmp_path / "resolv.conf"
    path.write_text(
        "# comment\nnameserver 192.0.2.53\nnameserver fe80::1%eth0\nnameserver fe80::1\n"
        "nameserver 2001:db8::53 ; more\nnameserver nonsense\nnameserver\noptions edns0\n"
        "domain old.example\nsearch home.example. b.example c.example d.example e.example\n"
    )
    assert resolv_conf(str(path)) == (
        [(mapped(parse_ipv4("192.0.2.53")), 53), (parse_address("2001:db8::53"), 53)],
        ["home.example", "b.example", "c.example", "d.example"],
    )
    assert resolv_conf(str(tmp_path / "absent")) == ([], [])
