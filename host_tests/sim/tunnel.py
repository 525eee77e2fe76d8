# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Tunnels in the world: clients behind NATs, servers, and the IPv6 Internet behind them.

net = Net(World(7, Link(loss=0.1)))
server = net.server("198.51.100.1")
home = net.nat("203.0.113.77")
phone = net.client("phone", home)
phone.start([server.peer])
net.world.run(until=5000)
"""

from vox6 import pubtsp
from vox6.pubtsp import client as client_module
from vox6.pubtsp import events, ipv6, martians
from vox6.pubtsp.address import embedded, mapped
from vox6.wire.inet6 import parse_address, parse_ipv4

KEY = bytes(range(16))
PREFIX = parse_address("2001:db8:3653:1::")[:8]
NATIVE = parse_address("2001:db8:99::7")  # a host of the IPv6 Internet
_FIRST_PORT = 40000


def packet_of(source, destination, text=b"voice", hop_limit=64):
    """A UDP packet; its checksum does not matter here."""
    payload = b"\x13\x88\x13\x88" + (8 + len(text)).to_bytes(2, "big") + b"\0\0" + text
    return ipv6.build(source, destination, ipv6.UDP, payload, hop_limit)


def text_of(packet):
    """What packet_of() was given."""
    return bytes(packet[48:])


class Nat:
    """A NAT with one public IPv4 address.

    mapping: "endpoint" (RFC 4787 endpoint-independent) or "address" (a port for each destination).
    filtering: whether only those may come in that were sent to. lifetime_ms: of a silent mapping.
    alter: what happens to the octets that come in.
    """

    def __init__(self, world, v4, mapping="endpoint", lifetime_ms=120000, filtering=True):
        self.world = world
        self.v4 = v4
        self.address = mapped(v4)
        self.name = "nat"
        self.mapping = mapping
        self.filtering = filtering
        self.lifetime_ms = lifetime_ms
        self.alter = None
        self.port = _FIRST_PORT
        self.out = {}  # key -> [port, when used]
        self.inside = {}  # port -> (node, socket, destinations)
        world.attach(self.address, self)

    def rebind(self):
        """Forget all mappings, as after a power cut."""
        self.out = {}
        self.inside = {}

    def send(self, node, socket, data, peer):
        key = (node, socket) if self.mapping == "endpoint" else (node, socket, peer)
        entry = self.out.get(key)
        if entry is None or self.world.now - entry[1] > self.lifetime_ms:
            self.port += 1
            entry = [self.port, 0]
            self.out[key] = entry
            self.inside[self.port] = (node, socket, set(), entry)
        entry[1] = self.world.now
        self.inside[entry[0]][2].add(peer)
        self.world.send(data, (self.address, entry[0]), peer)

    def receive_datagram(self, data, peer, now):
        raise AssertionError("deliver() is called with the port")

    def deliver(self, data, peer, port, now):
        found = self.inside.get(port)
        if found is None:
            return
        node, socket, destinations, entry = found
        if now - entry[1] > self.lifetime_ms or (self.filtering and peer not in destinations):
            return
        if self.alter is not None:
            data = self.alter(data)
        node.receive(data, peer, socket, now)


class ClientNode:
    """The driver of a Client: what firmware/net and `vox6 tunnel` do."""

    def __init__(self, net, name, nat, settings):
        self.net = net
        self.world = net.world
        self.name = name
        self.nat = nat
        self.client = pubtsp.Client(net.random, settings)
        self.sockets = {"tunnel": 0, "side": 0}  # a number for each socket that was opened
        self.events = []
        self.received = []
        self.names = {}
        self._timer = None

    def start(self, servers):
        self.client.start(servers, self.world.now, parse_ipv4("192.168.1.20"))
        self.drain()

    def send(self, packet):
        sent = self.client.send_packet(packet, self.world.now)
        self.drain()
        return sent

    def say(self, destination, text=b"voice"):
        """Send a packet with our address."""
        return self.send(packet_of(self.client.address or bytes(16), destination, text))

    def do(self, name, *arguments):
        """Call a command."""
        getattr(self.client, name)(*arguments, self.world.now)
        self.drain()

    def receive(self, data, peer, socket, now):
        which, number = socket
        if self.sockets[which] == number:
            self.client.receive_datagram(data, peer, now, which)
            self.drain()

    def of(self, name):
        return [event for _, event in self.events if type(event).__name__ == name]

    def drain(self):
        while True:
            for data, peer, tag in self.client.datagrams_to_send():
                which = "side" if tag == client_module.SIDE else "tunnel"
                if tag == client_module.CHEAP:
                    peer = (mapped(b"\0\0\0\0"), 9)  # dies behind the NAT
                self.nat.send(self, (which, self.sockets[which]), data, peer)
            event = self.client.next_event()
            if event is None:
                break
            self.events.append((self.world.now, event))
            if isinstance(event, events.SocketWanted):
                self.sockets["tunnel"] += 1
                self.client.socket_opened(self.world.now)
            elif isinstance(event, events.NameWanted):
                self.client.resolved(event.name, self.names.get(event.name, []), self.world.now)
        for packet in self.client.packets_received():
            self.received.append((self.world.now, packet))
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.client.get_timer()
        if due is not None:
            self._timer = self.world.call_later(due - self.world.now, self._due)

    def _due(self):
        self._timer = None
        self.client.handle_timer(self.world.now)
        self.drain()


class ServerNode:
    """The driver of a Server, with its part of the IPv6 Internet."""

    def __init__(self, net, v4, config, **more):
        self.net = net
        self.world = net.world
        self.name = "server"
        self.config = config
        self.more = more
        self.peer = (mapped(v4), 3653)
        self.server = pubtsp.Server(config, **more)
        self.alive = True
        self.asked = self.replied = 0  # octets of signalling
        net.world.attach(self.peer[0], self)

    def restart(self):
        """Another process with the same configuration: nothing else is kept."""
        self.server = pubtsp.Server(self.config, **self.more)

    def receive_datagram(self, data, peer, now):
        if not self.alive:
            return
        self.server.receive_datagram(data, peer, now)
        out = self.server.datagrams_to_send()
        if data[:1] and data[0] >> 4 == 15:
            for reply, _, _ in out:
                assert len(reply) <= 3 * len(data)
        self._send(out)

    def receive_packet(self, packet, now):
        if self.alive:
            self.server.receive_packet(packet, now)
            self._send(self.server.datagrams_to_send())

    def _send(self, out):
        for data, peer, _ in out:
            self.world.send(data, self.peer, peer)
        for packet in self.server.packets_to_send():
            self.net.route(packet)


class Net:
    """The IPv4 Internet is the world; the IPv6 Internet has hosts, and servers for prefixes."""

    def __init__(self, world):
        self.world = world
        self.random = world.random.randbytes
        self.prefixes = {}
        self.hosts = {NATIVE: []}
        self.echo = True  # NATIVE answers each packet
        self.pick = None  # which of several servers of a prefix takes the next packet
        world_deliver = world._deliver
        nats = self.nats = {}

        def deliver(data, source, peer):
            nat = nats.get(peer[0])
            if nat is not None:
                world.counters["delivered"] += 1
                nat.deliver(data, source, peer[1], world.now)
            else:
                world_deliver(data, source, peer)

        world._deliver = deliver

    def nat(self, v4, **more):
        nat = Nat(self.world, parse_ipv4(v4), **more)
        self.nats[nat.address] = nat
        return nat

    def server(self, v4, prefix=PREFIX, mode="mac", key=KEY, config=None, **more):
        addresses = pubtsp.AddressFormat(prefix, mode, key)
        octets = parse_ipv4(v4)
        settings = {"policy": martians.LAB}
        settings.update(config or {})
        node = ServerNode(self, octets, pubtsp.Config(addresses, octets, **settings), **more)
        self.prefixes.setdefault(prefix, []).append(node)
        return node

    def client(self, name, nat, **settings):
        settings.setdefault("policy", martians.LAB)
        settings.setdefault("search", False)
        return ClientNode(self, name, nat, pubtsp.Settings(**settings))

    def route(self, packet):
        """Carry a packet in the IPv6 Internet."""
        self.world.call_later(5, lambda: self._arrive(packet))

    def _arrive(self, packet):
        destination = packet[24:40]
        servers = self.prefixes.get(destination[:8])
        if servers:
            node = servers[0] if self.pick is None else self.pick(servers)
            node.receive_packet(packet, self.world.now)
            return
        if destination in self.hosts:
            self.hosts[destination].append((self.world.now, packet))
            if self.echo:
                self.route(packet_of(destination, packet[8:24], b"re:" + text_of(packet)))


def seen_by(node, nat):
    """Whether a client's address is the one of its NAT's mapping now."""
    address = node.client.address
    if address is None:
        return False
    v4, port, _ = embedded(address)
    found = nat.inside.get(port)
    return v4 == nat.v4 and found is not None and found[0] is node
