# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Client and server of lib/pubtsp in one world: from no address to packets both ways.

Loss, duplication and reordering come from the wires; rebinding from the NAT; restarts, a second
server with the same key, a change of keys and draining from the operators.
"""

import pytest

from host_tests.sim.tunnel import NATIVE, Net, packet_of, seen_by, text_of
from host_tests.sim.world import BAD, PERFECT, WIRELESS, Link, World
from vox6.pubtsp.address import mapped
from vox6.wire.inet6 import parse_address, parse_ipv4

PUBLIC = "203.0.113.77"
SERVER = "198.51.100.1"
SECOND = "198.51.100.9"
OTHER_PREFIX = parse_address("2001:db8:3653:2::")[:8]
SEEDS = range(5)
REORDERING = Link(delay_ms=(5, 400), duplication=0.3)

links = pytest.mark.parametrize(
    "link", [PERFECT, WIRELESS, REORDERING, BAD], ids=["perfect", "wireless", "reordering", "bad"]
)


def scene(link=PERFECT, seed=1, nat=None, server=None, **settings):
    """A world with one server and one phone behind a NAT; the phone has begun."""
    net = Net(World(seed, link))
    node = net.server(SERVER, **(server or {}))
    home = net.nat(PUBLIC, **(nat or {}))
    phone = net.client("phone", home, **settings)
    phone.start([node.peer])
    return net, node, home, phone


def up(net, phone, within_ms=400_000):
    """Let the tunnel come up."""
    end = net.world.now + within_ms
    net.world.run(until=end, condition=lambda: phone.client.address is not None)
    assert phone.client.address is not None, phone.events
    return phone


def talk(net, phone, count, gap_ms=20, who=NATIVE):
    """Send numbered packets; return which answers came, by when the last may."""
    before = len(phone.received)
    for i in range(count):
        net.world.call_later(gap_ms * i, lambda i=i: phone.say(who, b"%d" % i))
    net.world.run(until=net.world.now + gap_ms * count + 3000)
    got = [text_of(packet) for _, packet in phone.received[before:]]
    return {int(text[3:]) for text in got if text[3:].isdigit()}


@pytest.mark.parametrize("quick_start", [True, False])
def test_tunnel_comes_up(quick_start):
    net, node, home, phone = scene(quick_start=quick_start)
    net.world.run(until=500)
    assert phone.client.state == "Up"
    assert [type(event).__name__ for _, event in phone.events] == ["TunnelUp"]
    # one round trip of 10 ms, or three
    assert phone.events[0][0] == (10 if quick_start else 30)
    assert seen_by(phone, home)
    assert talk(net, phone, 50) == set(range(50))
    # and called first
    net.route(packet_of(NATIVE, phone.client.address, b"ring"))
    net.world.run(until=net.world.now + 100)
    assert text_of(phone.received[-1][1]) == b"ring"


@links
@pytest.mark.parametrize("quick_start", [True, False])
@pytest.mark.parametrize("seed", SEEDS)
def test_bad_wires(link, quick_start, seed):
    """Up, and it stays up for ten minutes with the address of the mapping."""
    net, node, home, phone = scene(link, seed, quick_start=quick_start)
    up(net, phone)
    net.world.run(until=net.world.now + 600_000)
    assert seen_by(phone, home)
    assert not phone.of("AddressChanged") and not phone.of("TunnelDown")
    assert phone.client.state in ("Up", "Suspect", "Create", "Accept")
    assert len(talk(net, phone, 200)) > 80


@pytest.mark.parametrize("seed", SEEDS)
@links
def test_rebinding(link, seed):
    """The NAT forgets: a new address within 2 s after the next packet (6.5, acceptance test 8)."""
    net, node, home, phone = scene(link, seed)
    up(net, phone)
    net.world.run(until=net.world.now + 10_000)
    old = phone.client.address
    home.rebind()
    started = net.world.now
    for i in range(1500):  # voice goes on
        net.world.call_later(20 * i, lambda: phone.say(NATIVE))
    net.world.run(until=started + 30_000, condition=lambda: phone.client.address != old)
    took = net.world.now - started
    changed = phone.of("AddressChanged")
    assert len(changed) == 1 and changed[0].old == old
    assert took <= (100 if link is PERFECT else 2000 if link is WIRELESS else 15_000)
    assert seen_by(phone, home)
    # the old one is dead at once, the new one works
    assert len(talk(net, phone, 100)) > 40


def test_rebinding_in_silence():
    """No traffic: the keepalive finds out within T and 6 s."""
    net, node, home, phone = scene()
    up(net, phone)
    net.world.run(until=60_000)
    home.rebind()
    old = phone.client.address
    net.world.run(until=60_000 + 28_000 + 6_000, condition=lambda: phone.client.address != old)
    assert seen_by(phone, home)


@pytest.mark.parametrize("seed", SEEDS)
@links
def test_restart(link, seed):
    """The server is another process in the middle of a call: nothing is renegotiated (7.8)."""
    net, node, home, phone = scene(link, seed)
    up(net, phone)
    net.world.run(until=net.world.now + 5000)
    for i in range(10):
        net.world.call_later(500 * i, node.restart)
    lost = net.world.counters["lost"]
    got = talk(net, phone, 250)
    if link is PERFECT:
        assert got == set(range(250))
    assert len(got) >= 250 - (net.world.counters["lost"] - lost)
    assert not phone.of("AddressChanged") and not phone.of("TunnelDown")


def test_gap():
    """Killed for a second: the packets of that second are lost, and no others (acceptance 7)."""
    net, node, home, phone = scene()
    up(net, phone)
    net.world.run(until=5000)
    net.world.call_later(1000, lambda: setattr(node, "alive", False))
    net.world.call_later(2000, lambda: (node.restart(), setattr(node, "alive", True)))
    missing = set(range(250)) - talk(net, phone, 250)
    assert 49 <= len(missing) <= 53 and min(missing) >= 48 and max(missing) <= 101
    assert not phone.of("AddressChanged")


@pytest.mark.parametrize("seed", SEEDS)
@links
def test_two_servers_with_one_key(link, seed):
    """Anycast, each packet to another of two servers, both ways (acceptance test 11)."""
    net, node, home, phone = scene(link, seed)
    twin = net.server(SERVER)  # the same address on the wire, the same prefix
    nodes = [node, twin]
    turn = iter(range(10**9))

    class Both:
        name = "anycast"

        def receive_datagram(self, data, peer, now):
            nodes[next(turn) % 2].receive_datagram(data, peer, now)

    net.world.attach(node.peer[0], Both())
    up_turn = iter(range(10**9))
    net.pick = lambda servers: servers[next(up_turn) % 2]
    up(net, phone)
    net.world.run(until=net.world.now + 2000)
    got = talk(net, phone, 250)
    assert len(got) > (249 if link is PERFECT else 100)
    assert node.server.counters["up"] > 50 and twin.server.counters["up"] > 50
    assert not phone.of("AddressChanged")


@pytest.mark.parametrize("seed", SEEDS)
@links
def test_key_change(link, seed):
    """Each hour another key, the one before still good: renewed in time, no packet refused."""
    net, node, home, phone = scene(link, seed)
    keys = [bytes([i]) * 16 for i in range(6)]
    hour = 3_600_000

    def change(i):
        previous = keys[i - 1] if i else None
        node.server.set_keys(keys[i], previous, (i + 1) * hour)
        if i + 1 < len(keys):
            net.world.call_later((i + 1) * hour - net.world.now, lambda: change(i + 1))

    change(0)
    up(net, phone)
    assert phone.of("TunnelUp")[0].lifetime in (58, 59)
    net.world.run(until=5 * hour + hour // 2)
    assert seen_by(phone, home)
    changed = len(phone.of("AddressChanged"))
    assert 4 <= changed <= 6
    if link is PERFECT:  # where echoes are lost a create comes besides
        assert node.server.counters.get("drop_U4", 0) == 0
    assert len(talk(net, phone, 50)) > 15


def test_key_thrown_away():
    """The operator changes the key without keeping the old one: 1/5, and on within 2 s (X-11)."""
    net, node, home, phone = scene()
    up(net, phone)
    net.world.run(until=5000)
    node.server.set_keys(bytes(16), None)
    old = phone.client.address
    phone.say(NATIVE)
    net.world.run(until=7000, condition=lambda: phone.client.address != old)
    assert net.world.now < 5100
    assert talk(net, phone, 20) == set(range(20))


@pytest.mark.parametrize("quick_start", [True, False])
def test_no_answer_then_next_server(quick_start):
    net = Net(World(3))
    first, second = net.server(SERVER), net.server(SECOND, OTHER_PREFIX)
    first.alive = False
    phone = net.client("phone", net.nat(PUBLIC), quick_start=quick_start)
    phone.start([first.peer, second.peer])
    up(net, phone, 20_000)
    assert phone.client.server == second.peer
    assert phone.client.address[:8] == OTHER_PREFIX


def test_server_gone_for_good():
    """Echo loss, create, another socket, the next server: in this order (section 5)."""
    net = Net(World(3))
    first, second = net.server(SERVER), net.server(SECOND, OTHER_PREFIX)
    phone = net.client("phone", net.nat(PUBLIC))
    phone.start([first.peer, second.peer])
    up(net, phone)
    net.world.run(until=10_000)
    first.alive = False
    net.world.run(until=400_000, condition=lambda: phone.client.server == second.peer)
    up(net, phone)
    names = [type(event).__name__ for _, event in phone.events]
    assert names == ["TunnelUp", "TunnelDown", "SocketWanted", "TunnelUp"]


def test_all_servers_gone():
    """Tries again after a minute, two, four, at most 15; then one comes back."""
    net, node, home, phone = scene()
    node.alive = False
    net.world.run(until=3_600_000)
    waits = [event.delay_ms for event in phone.of("Waiting")]
    assert 5 <= len(waits) <= 8
    assert all(event.delay_ms <= 900_000 * 5 // 4 for event in phone.of("Waiting"))
    node.alive = True
    up(net, phone, 1_200_000)


def test_draining():
    """1530: newcomers go to the other one; a call goes on until its client renews (R-9)."""
    net = Net(World(5))
    first, second = net.server(SERVER), net.server(SECOND, OTHER_PREFIX)
    home = net.nat(PUBLIC)
    early = net.client("early", home)
    early.start([first.peer])
    up(net, early)
    first.server.drain([parse_ipv4(SECOND)])
    late = net.client("late", home)
    late.start([first.peer])
    up(net, late)
    assert late.client.server == second.peer
    assert talk(net, early, 20) == set(range(20))
    early.do("renew")
    net.world.run(until=net.world.now + 1000)
    assert early.client.server == second.peer
    assert talk(net, early, 20) == set(range(20))


def test_names_and_referrals_by_name():
    net = Net(World(5))
    first, second = net.server(SERVER), net.server(SECOND, OTHER_PREFIX)
    first.server.drain(["two.example.net"])
    phone = net.client("phone", net.nat(PUBLIC))
    phone.names = {
        "one.example.net": [parse_ipv4(SERVER)],
        "two.example.net": [parse_ipv4(SECOND)],
    }
    phone.start(["one.example.net"])
    up(net, phone)
    assert phone.client.server == second.peer


def test_anycast_route_flips_to_another_operator():
    """X-12: the new site does not know the prefix, and says so at once."""
    net = Net(World(5))
    first = net.server(SERVER)
    phone = net.client("phone", net.nat(PUBLIC))
    phone.start([first.peer])
    up(net, phone)
    net.world.run(until=5000)
    other = net.server(SERVER, OTHER_PREFIX, key=bytes(16))  # takes over the address
    phone.say(NATIVE)
    net.world.run(until=5200)
    assert phone.client.address[:8] == OTHER_PREFIX
    assert other.server.counters["create"] == 1
    assert talk(net, phone, 20) == set(range(20))


def test_hairpin():
    """Two clients of one server that cannot or may not go straight (acceptance test 5)."""
    net = Net(World(5))
    node = net.server(SERVER)
    anna = net.client("anna", net.nat(PUBLIC), direct=False)
    boris = net.client("boris", net.nat("192.0.2.135"), direct=False)
    for phone in (anna, boris):
        phone.start([node.peer])
        up(net, phone)
    anna.say(boris.client.address, b"hello")
    net.world.run(until=net.world.now + 100)
    packet = boris.received[-1][1]
    assert text_of(packet) == b"hello" and packet[7] == 63  # one hop (C-8)


def test_destination_unreachable_and_too_big():
    """Errors for the host's own flows reach it, and change nothing in the tunnel."""
    net, node, home, phone = scene()
    up(net, phone)
    phone.say(parse_address("fec0::1"))
    net.world.run(until=net.world.now + 100)
    error = phone.received[-1][1]
    assert error[40:42] == b"\x01\x01"
    assert phone.client.state == "Up"


def test_nat_that_drops_mappings_early():
    """A mapping of 15 s: T of 28 s is too long; addresses change, and it is told (damping)."""
    net, node, home, phone = scene(nat={"lifetime_ms": 15_000})
    net.world.run(until=900_000)
    told = phone.of("MappingUnstable")
    assert told and told[0].count == 5
    assert 5 <= len(phone.of("AddressChanged")) <= 25


@pytest.mark.parametrize(
    "lifetime_s, found", [(40, 28), (60, 56), (130, 112), (300, 224), (4000, 3584)]
)
def test_keepalive_search(lifetime_s, found):
    """X-9: the longest that this NAT bears, and no more; the tunnel uses it."""
    net, node, home, phone = scene(nat={"lifetime_ms": 1000 * lifetime_s}, search=True)
    net.world.run(until=20_000_000)
    assert phone.client.interval == found
    assert [event.interval for event in phone.of("KeepaliveFound")] == (
        [found] if found > 28 else []
    )
    assert not phone.of("AddressChanged")
    assert seen_by(phone, home)


def test_keepalive_falls_back():
    """The NAT is replaced by a stricter one: on loss 28 s again (X-9)."""
    net, node, home, phone = scene(nat={"lifetime_ms": 300_000}, search=True)
    net.world.run(until=2_000_000)
    assert phone.client.interval == 224
    home.lifetime_ms = 100_000
    home.rebind()
    node.alive = False
    net.world.run(until=2_240_000)
    node.alive = True
    up(net, phone)
    assert phone.client.interval == 28
    net.world.run(until=4_000_000)  # and looks again for what this one bears
    assert phone.of("KeepaliveFound")[-1].interval == 56
    assert phone.client.interval == 56
    assert seen_by(phone, home)


@pytest.mark.parametrize("mapping", ["endpoint", "address"])
def test_every_nat_will_do(mapping):
    """All traffic goes to one endpoint (section 6.5)."""
    net, node, home, phone = scene(nat={"mapping": mapping})
    up(net, phone)
    assert talk(net, phone, 20) == set(range(20))


def test_nat_alters_payload():
    """A NAT that writes the inside address into what comes in (section 6.5)."""
    net, node, home, phone = scene()
    inside = parse_ipv4("192.168.1.20")
    home.alter = lambda data: data.replace(home.v4, inside)
    net.world.run(until=3000)
    assert len(phone.of("PayloadAltered")) == 1


def test_310_another_port():
    """The server takes ports from 41000 on: another socket, another port (X-6)."""
    net, node, home, phone = scene(server={"config": {"ports_min": 40002}})
    up(net, phone, 1000)
    names = [type(event).__name__ for _, event in phone.events]
    assert names == ["ServerRefused", "SocketWanted", "TunnelUp"]


def test_530_waits():
    """A house with forty phones behind one address: all are up in the end."""
    net = Net(World(11, Link(delay_ms=(5, 30))))
    node = net.server(SERVER)
    home = net.nat(PUBLIC)
    phones = [net.client("phone%d" % i, home) for i in range(40)]
    for phone in phones:
        phone.start([node.peer])
    net.world.run(until=400_000)
    assert node.server.counters["busy"] > 0
    assert all(phone.client.state == "Up" for phone in phones)
    assert len({phone.client.address for phone in phones}) == 40


def test_no_memory_for_each_client():
    """A thousand clients later the server holds what it held (section 7.8)."""
    net, node, home, phone = scene()

    def lengths(value, depth=0):
        """How long every list and table below an object is, its buckets counted as one kind."""
        if isinstance(value, dict):
            inner = [lengths(one, depth + 1) for _, one in sorted(value.items())]
            return len(value), [one for one in inner if one is not None]
        if isinstance(value, (list, tuple, set)):
            return len(value)
        if hasattr(value, "__dict__") and depth < 6:
            return lengths(vars(value), depth + 1)
        return None

    def ask(i):
        peer = (mapped(bytes((8, 8, i >> 8, i & 255))), 40000 + i)
        for request in (b"VERSION=2.0.0\r\n", b"AUTHENTICATE ANONYMOUS\r\n"):
            node.server.receive_datagram(bytes((240, 0, 0, 1, 0, 0, 0, 0)) + request, peer, i)
        node.server.datagrams_to_send()

    ask(0)
    before = lengths(node.server)
    for i in range(1, 3000):
        ask(i)
    assert lengths(node.server) == before
