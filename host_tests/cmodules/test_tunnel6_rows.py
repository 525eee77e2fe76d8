# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: loads a shared library
"""The core of tunnel6 and lib/pubtsp judge the same datagrams alike, thousands of them.

lib/pubtsp's client is the reference: what it gives to the host, what it takes for itself, what it
counts as foreign, malformed or from strangers. C differs in two points on purpose (README of
tunnel6): all neighbour discovery ends, not Redirects alone, and each Echo Reply of the keepalive
address is Python's.
"""

import ctypes
import random
import subprocess

import pytest

from host_tests.cmodules.test_cmodules import CMODULES, OUT, require_clang
from vox6.pubtsp import Client, Settings, inner, ipv6, mapped

PREFIX = bytes.fromhex("20010db836530001")
OTHER_PREFIX = bytes.fromhex("20010db836530002")
OWN = PREFIX + bytes((203, 0, 113, 77, 0xD4, 0x31, 0xE0, 0xF0))
PEER = PREFIX + bytes((198, 51, 100, 9, 0x9C, 0x40, 0x12, 0x34))
KEEPALIVE = PREFIX + bytes(7) + b"\x01"
FAR = bytes.fromhex("20010db8") + bytes(11) + b"\x07"
SERVER = (mapped(bytes((192, 0, 2, 1))), 3653)
STRANGER = (mapped(PEER[8:12]), 40000)
COUNTERS = (
    *("sent_server", "sent_direct", "received_server", "received_direct", "dropped", "queued"),
    *("foreign", "malformed", "strangers", "discovery", "keepalives", "not_sent"),
)

_WORLD = """
#include "tunnel6/tunnel6_core.h"
static int send_none(const uint8_t *d, size_t l, const uint8_t p[16], uint16_t o, uint8_t t) {
    (void)d; (void)l; (void)p; (void)o; (void)t; return 0;
}
static bool take_none(const uint8_t *p, size_t l) { (void)p; (void)l; return true; }
static const struct tunnel6_sides sides = { send_none, take_none };
void engine_enter(void) {}
void engine_exit(void) {}
int engine_start(void) { return 0; }
uint64_t engine_time_us(void) { return 0; }
int engine_signal_init(engine_signal *s) { s->raised = 0; return 0; }
void engine_signal_raise(engine_signal *s) { s->raised = 1; }
void engine_signal_clear(engine_signal *s) { s->raised = 0; }
void engine_signal_deinit(engine_signal *s) { (void)s; }
void begin(const uint8_t *own, const uint8_t *server, uint16_t port, const uint8_t *keepalive,
    const uint8_t *prefixes, size_t count, int martians) {
    tunnel6_init(&sides);
    tunnel6_configure(own, server, port, keepalive);
    tunnel6_set_prefixes((const uint8_t (*)[8])prefixes, count, (enum tunnel6_martians)martians);
}
int give(const uint8_t *data, size_t length, const uint8_t *peer, uint16_t port) {
    struct net6_meta meta = { .peer_port = port };
    __builtin_memcpy(meta.peer, peer, 16);
    return tunnel6_receive(0, data, length, &meta);
}
"""


@pytest.fixture(scope="module")
def core():
    require_clang()
    OUT.mkdir(parents=True, exist_ok=True)
    world = OUT / "tunnel6_world.c"
    world.write_text(_WORLD)
    library = OUT / "libtunnel6.so"
    sources = [CMODULES / "tunnel6" / name for name in ("tunnel6_core.c", "inner.c")]
    names = ("net6_core.c", "net6_blocks.c", "net6_stream.c", "net6_address.c")
    sources += [CMODULES / "net6" / name for name in names]
    argv = ["clang", "-shared", "-fPIC", "-O1", f"-I{CMODULES}", "-o", library, world, *sources]
    subprocess.run(argv, check=True, timeout=120)
    return ctypes.CDLL(str(library))


class CoreJudge:
    """The C core: what each datagram makes grow."""

    def __init__(self, core, prefixes, martians):
        self.core = core
        joined = b"".join(prefixes)
        core.begin(OWN, SERVER[0], SERVER[1], KEEPALIVE, joined, len(prefixes), martians)
        self.before = self.count()

    def count(self):
        numbers = (ctypes.c_uint32 * len(COUNTERS))()
        self.core.tunnel6_count(numbers)
        return dict(zip(COUNTERS, numbers, strict=True))

    def judge(self, data, peer):
        self.core.give(data, ctypes.c_size_t(len(data)), peer[0], peer[1])
        now = self.count()
        grown = [name for name in COUNTERS if now[name] != self.before[name]]
        self.before = now
        assert len(grown) == 1, grown
        return grown[0]


def python_judge(data, peer, prefixes, policy, direct):
    """What lib/pubtsp's client makes of one datagram, in the words of the C core."""
    if data and data[0] >> 4 == 15:
        return "queued"  # signalling: Python's whatever it makes of it
    client = Client(
        random.Random(1).randbytes, Settings(prefixes=prefixes, policy=policy, direct=direct)
    )
    client.server = SERVER
    client.address = OWN
    client._keepalive_address = KEEPALIVE
    client._paths.own = OWN
    before = dict(client.counters)
    client.receive_datagram(data, peer, 1000)
    grown = {name for name in client.counters if client.counters[name] != before.get(name, 0)}
    for name in ("received_server", "received_direct", "malformed", "keepalives", "foreign"):
        if name in grown:
            return name
    if "redirects" in grown:
        return "discovery"
    return "strangers" if "strangers" in grown else "queued"


def packets(seed, count):
    """Datagrams near the border of each rule: good ones, with some field changed."""
    random_ = random.Random(seed)
    addresses = [OWN, PEER, KEEPALIVE, FAR, OTHER_PREFIX + PEER[8:], bytes(16), bytes(15) + b"\1"]
    addresses += [b"\xff\x02" + bytes(13) + b"\1", b"\xfe\x80" + bytes(13) + b"\1"]
    addresses += [PREFIX + bytes((10, 0, 0, 1)) + PEER[12:], PREFIX + PEER[8:12] + b"\x0e\x45\0\0"]
    addresses += [
        PREFIX + bytes((192, 0, 2, 1)) + PEER[12:],
        PREFIX + PEER[8:12] + b"\x03\xff\0\0",
    ]
    for _ in range(count):
        source = random_.choice(addresses)
        destination = OWN if random_.random() < 0.8 else random_.choice(addresses)
        kind = random_.randrange(7)
        if kind == 0:
            data = ipv6.build(
                source, destination, 17, random_.randbytes(random_.randrange(60)), 64
            )
        elif kind == 1:
            message = inner.MAGIC + random_.randbytes(8)
            type_ = random_.choice((128, 129))
            hops = random_.choice((255, 255, 254))
            data = ipv6.icmpv6(source, destination, type_, 0, bytes(4) + message, hops)
        elif kind == 2:
            quoted = ipv6.build(random_.choice((OWN, FAR)), FAR, 17, b"12345678", 64)
            code = random_.choice((5, 5, 4))
            data = ipv6.icmpv6(source, destination, 1, code, bytes(4) + quoted, 64)
        elif kind == 3:
            type_ = random_.choice((3, 128, 129, 130, 137))
            data = ipv6.icmpv6(source, destination, type_, 0, random_.randbytes(12), 64)
        elif kind == 4:
            data = ipv6.build(source, destination, random_.choice((0, 58)), b"", 64)
        elif kind == 5:
            data = random_.choice((b"", b"\xf0", b"\xff" * 30, b"\x45" * 60, b"\x60" * 39))
        else:
            data = ipv6.build(source, destination, 17, bytes(random_.choice((1240, 1241))), 64)
        if random_.random() < 0.3 and data:
            changed = bytearray(data)
            changed[random_.randrange(min(len(changed), 64))] ^= 1 << random_.randrange(8)
            data = bytes(changed)
        if random_.random() < 0.1:
            data = data[: random_.randrange(len(data) + 1)]
        elif random_.random() < 0.1:
            data += random_.randbytes(3)
        peer = SERVER
        if random_.random() < 0.5:
            v4, port = source[8:12], source[12] << 8 | source[13]
            peer = (mapped(v4), port) if random_.random() < 0.8 else STRANGER
        if random_.random() < 0.05:
            peer = random_.choice(((FAR, 3653), (SERVER[0], 3654)))
        yield data, peer


@pytest.mark.parametrize("policy,martians", [("strict", 1), ("private", 2), ("lab", 3)])
@pytest.mark.parametrize("direct", [True, False])
def test_the_same_verdict(core, policy, martians, direct):
    prefixes = (PREFIX, OTHER_PREFIX) if direct else ()
    judge = CoreJudge(core, prefixes, martians)
    seen = {}
    for data, peer in packets(f"{policy} {direct}", 4000):
        ours = judge.judge(data, peer)
        theirs = python_judge(data, peer, prefixes[1:], policy, direct)
        seen[ours] = seen.get(ours, 0) + 1
        if ours != theirs:
            packet = inner.cut(data)
            what = packet[40] if packet and packet[6] == 58 and len(packet) > 40 else None
            if ours == "discovery" and what in (133, 134, 135, 136):
                continue
            if ours == "queued" and what == 129 and packet[8:24] == KEEPALIVE:
                continue
            raise AssertionError((ours, theirs, data.hex(), peer))
    wanted = {"received_server", "queued", "foreign", "malformed", "strangers", "discovery"}
    wanted |= {"keepalives"} | ({"received_direct"} if direct and policy == "lab" else set())
    assert wanted <= set(seen), seen
