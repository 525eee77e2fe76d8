# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A resolver with a seed, and answers to its questions made by hand."""

from vox6 import dns
from vox6.dns import message, rdata

SERVER = (bytes((0x20, 0x01, 0x0D, 0xB8)) + bytes(11) + b"\x53", 53)
SECOND = (bytes((0x20, 0x01, 0x0D, 0xB8)) + bytes(10) + b"\x01\x53", 53)
HOST = bytes((0x20, 0x01, 0x0D, 0xB8)) + bytes(11) + b"\x07"


class Seed:
    """random(n) that repeats: a small linear congruential generator."""

    def __init__(self, seed=1):
        self.state = seed

    def __call__(self, length):
        out = bytearray(length)
        for i in range(length):
            self.state = (self.state * 20077 + 12345) % 65537
            out[i] = self.state >> 5 & 0xFF
        return bytes(out)


def resolver(servers=(SERVER,), seed=1, **how):
    made = dns.Resolver(Seed(seed), **how)
    made.set_servers(list(servers), 0)
    return made


def octets(made):
    buffer = bytearray(4096)
    return bytes(buffer[: made.emit(buffer)])


def aaaa(name, ttl=300, address=HOST):
    return dns.Record(name, ttl, rdata.AddressData(dns.AAAA, address))


def cname(name, target, ttl=300):
    return dns.Record(name, ttl, rdata.NameData(dns.CNAME, target))


def soa(name, ttl=600, minimum=60):
    return dns.Record(name, ttl, rdata.SOAData("ns." + name, "root." + name, 1, 2, 3, 4, minimum))


def reply(query, answers=(), authority=(), rcode=0, flags=0):
    """Return the answer to the octets of a query as a Message, to be changed or emitted."""
    asked = dns.Message.parse(query)
    made = dns.Message(asked.id, message.QR | message.RD | message.RA | flags, rcode)
    made.questions = asked.questions
    made.answers = list(answers)
    made.authority = list(authority)
    made.udp_size = asked.udp_size
    return made


def one(made):
    """Return the only datagram that goes out."""
    out = made.datagrams_to_send()
    assert len(out) == 1, out
    return out[0]


def events(made):
    out = []
    event = made.next_event()
    while event is not None:
        out.append(event)
        event = made.next_event()
    return out
