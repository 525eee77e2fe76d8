# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A house on a line with IPv4 alone: siproxy64 takes its IPv6 from PubTSP for two phones."""

import os
import re
import signal
import socket
import sys

import pytest

from host_tests.servers.mirror_house import PROGRAM, Telephone, call, hang_up, line_of, talk
from host_tests.servers.wire import TOP, environment
from tools.lab.namespace import netlink

pytestmark = [pytest.mark.timeout(90), pytest.mark.needs_root]
HOST = [sys.executable, "-m", "tools.siproxy64"]
_FREE = "10.64.0.0/24"


@pytest.fixture(scope="module")
def house(net, operator):
    """(host of siproxy64, host of two phones): a home behind NAT."""
    home = net.home("house")
    home.set_servers(operator)
    mirror, phones = home.host("mirror"), home.host("phones")
    for address in ("192.0.2.77", "192.0.2.78"):
        phones.set_address(address, 24)
    with netlink(phones.netns) as ip:
        ip.route("add", dst=_FREE, gateway=mirror.ipv4)
    return home, mirror, phones


@pytest.fixture(params=("host", "router"))
def program(request):
    """The command line of siproxy64 on CPython, then of the static program."""
    if request.param == "host":
        return HOST
    return [PROGRAM]


def start(program, mirror, phones, second, operator, *more):
    """siproxy64 with two phones; (process, the tunnel's address)."""
    config = mirror.lab.folder / "siproxy64.conf"
    rows = [
        f"control {mirror.lab.folder / 'control-64'}",
        f"pubtsp {operator} martians lab",
        f"map {phones}:5060 = tunnel:5060",
        f"map {second}:5060 = tunnel:5062",
        f"pool ::/0 = {_FREE}",
        "anyip on",
        *more,
    ]
    config.write_text("\n".join(rows) + "\n")
    process = mirror.start(
        [*program, "--config", config],
        log="siproxy64.log", env=environment(), cwd=TOP,
    )  # fmt: skip
    return process, address_of(process)


def address_of(process, count=0):
    """The tunnel's address, at its n-th change."""
    pattern = r"(?s)" + r".*the tunnel's address is " * count + r".*?the tunnel's address is (\S+)"
    return process.wait_output(pattern, 15)[1]


def test_two_phones_on_one_address(net, operator, native, house, program):
    """Both are called from the IPv6 world at one address, told apart by port, and call back."""
    home, mirror, phones = house
    second = "192.0.2.77"
    process, seen = start(program, mirror, phones.ipv4, second, "auto")
    assert re.match(r"2001:db8:", seen)
    with (
        Telephone(phones, phones.ipv4) as one,
        Telephone(phones, second) as two,
        Telephone(native, native.ipv6) as caller,
    ):
        first_call, offer, answer = call(caller, one, seen, "10.64.0.0")
        assert line_of(answer, "c=") == f"c=IN IP6 {seen}"
        assert line_of(offer, "c=") == "c=IN IP4 10.64.0.0"
        second_call, second_offer, second_answer = call(caller, two, seen, "10.64.0.0", port=5062)
        assert line_of(second_answer, "c=") == f"c=IN IP6 {seen}"
        one.say(b"from the first", offer)
        assert caller.hear()[0] == b"from the first"
        two.say(b"from the second", second_offer)
        assert caller.hear()[0] == b"from the second"
        one.voice.setsockopt(socket.IPPROTO_IP, 13, 1)  # IP_RECVTOS
        caller.say(b"to the first", answer, 0xB8)
        one.voice.settimeout(5)
        data, ancillary, _, _ = one.voice.recvmsg(100, 100)
        assert (data, ancillary[0][2][0]) == (b"to the first", 0xB8)
        caller.say(b"to the second", second_answer)
        assert two.hear()[0] == b"to the second"
        hang_up(caller, one, seen, first_call)
        hang_up(caller, two, seen, second_call, port=5062)
        back, offer, answer = call(two, caller, "10.64.0.0", seen)
        assert line_of(offer, "Contact:") == f"Contact: <sip:alice@[{seen}]:5062>"
        talk(two, caller, answer, offer)
        hang_up(two, caller, "10.64.0.0", back)
    process.stop()


def test_another_mapping_of_the_nat(operator, native, house, program):
    """The tunnel gets another address, set by nobody with this right; phones are reached there."""
    home, mirror, phones = house
    process, old = start(program, mirror, phones.ipv4, "192.0.2.77", operator.ipv4, "user nobody")
    with Telephone(phones, phones.ipv4) as one, Telephone(native, native.ipv6) as caller:
        caller.options(old)
        one.receive("OPTIONS ")
        home.rebind()
        one.options("10.64.0.0")
        new = address_of(process, 1)
        assert new != old
        caller.options(new, call_id="again")
        while "again" not in one.receive("OPTIONS ")[0]:
            pass
    process.stop()


def test_hup_in_a_call(operator, native, house, program):
    """The old instance keeps its tunnel for its call; the new one has a tunnel of its own."""
    _, mirror, phones = house
    line = "limit silence 2"
    old, seen = start(program, mirror, phones.ipv4, "192.0.2.77", operator.ipv4, line)
    with (
        Telephone(phones, phones.ipv4) as one,
        Telephone(native, native.ipv6) as caller,
        Telephone(native, native.ipv6, 5070) as other,
    ):
        call_id, offer, answer = call(caller, one, seen, "10.64.0.0")
        talk(caller, one, answer, offer)
        os.kill(old.pid, signal.SIGHUP)
        old.wait_output(r"the SIP ports are free, 1 calls", 5)
        old.log.rename(old.log.with_suffix(".old"))
        new, also_seen = start(program, mirror, phones.ipv4, "192.0.2.77", operator.ipv4)
        assert also_seen != seen
        talk(caller, one, answer, offer)
        second, second_offer, second_answer = call(other, one, also_seen, "10.64.0.0")
        talk(other, one, second_answer, second_offer)
        talk(caller, one, answer, offer)
        hang_up(other, one, also_seen, second)
        assert old.wait(10) == 0
    new.stop()


def test_the_device_is_deleted(operator, house, program):
    """By somebody else: the program says so and ends, so that whoever looks after it starts it."""
    _, mirror, phones = house
    process, _ = start(program, mirror, phones.ipv4, "192.0.2.77", operator.ipv4)
    with netlink(mirror.netns) as ip:
        names = [row.get_attr("IFLA_IFNAME") for row in ip.get_links()]
        (name,) = [name for name in names if name.startswith("sip64-")]
        ip.link("del", index=ip.link_lookup(ifname=name)[0])
    assert process.wait(5) == 1
    assert re.search(r"siproxy64: .*TUN device.* is gone: ", process.output())
    assert "Traceback" not in process.output()


def test_anybody_by_name(net, operator, native, house, program):
    """The phone's outbound proxy: NAPTR, SRV and AAAA lead to a server that nobody configured."""
    _, mirror, phones = house
    net.dns.set_host("sip.bob.example", native.ipv6)
    net.dns.set_service("_sip._udp.bob.example", ("sip.bob.example", 5070))
    process, seen = start(
        program, mirror, phones.ipv4, "192.0.2.77", "auto", f"default 4to6 {mirror.ipv4}",
        "unmapped pool",
    )  # fmt: skip
    shown = "10.64.0.0"
    with Telephone(phones, phones.ipv4) as one, Telephone(native, native.ipv6, 5070) as bob:
        call_id = one.invite(mirror.ipv4, uri="sip:bob@bob.example")
        invite, source = bob.receive("INVITE sip:bob@bob.example SIP/2.0")
        assert source == (seen, 5060)
        assert line_of(invite, "Contact:") == f"Contact: <sip:alice@[{seen}]:5060>"
        bob.answer(invite, source, body=bob.sdp())
        ok, _ = one.receive("SIP/2.0 200")
        assert line_of(ok, "Contact:") == f"Contact: <sip:bob@{shown}:5070>"
        one.ack(shown, call_id, 5070)
        bob.receive("ACK ")
        one.say(b"hello", ok)
        assert bob.hear()[0] == b"hello"
        bob.say(b"to you", invite)
        assert one.hear()[0] == b"to you"
        hang_up(one, bob, shown, call_id, 5070)
        one.invite(mirror.ipv4, uri="sip:bob@nowhere.example")
        one.receive("SIP/2.0 404")
        with Telephone(phones, "192.0.2.78") as stranger:
            stranger.invite(mirror.ipv4, uri="sip:bob@bob.example")
            stranger.receive("SIP/2.0 403")
        assert bob.silent()
    process.stop()


def test_a_fixed_next_hop(operator, native, house, program):
    """All that is sent to the own address goes to one server."""
    _, mirror, phones = house
    process, seen = start(
        program, mirror, phones.ipv4, "192.0.2.77", "auto",
        f"default 4to6 {mirror.ipv4} -> [{native.ipv6}]:5080",
    )  # fmt: skip
    with Telephone(phones, phones.ipv4) as one, Telephone(native, native.ipv6, 5080) as bob:
        one.invite(mirror.ipv4, uri="sip:bob@bob.example")
        invite, source = bob.receive("INVITE sip:bob@bob.example SIP/2.0")
        bob.answer(invite, source, "486 Busy Here")
        assert one.receive("SIP/2.0 486")[1] == (mirror.ipv4, 5060)
    process.stop()
