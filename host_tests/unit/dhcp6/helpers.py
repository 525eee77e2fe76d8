# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A client with a seed, and a small server that answers as RFC 8415 section 18.3 says."""

from host_tests.unit.dns.helpers import Seed
from vox6 import dhcp6
from vox6.dhcp6 import duid, message, options

MAC = b"\x02\x00\x5e\x10\x00\x01"
DUID = duid.link_layer(MAC)
IAID = 0x01020304
PREFIX = b"\x20\x01\x0d\xb8" + bytes(11)
FIRST = PREFIX + b"\x64"
SECOND = PREFIX + b"\x65"
DNS = PREFIX + b"\x53"
SIP = PREFIX + b"\x50"
SERVER_DUID = duid.uuid(bytes(range(16)))
OTHER_DUID = duid.uuid(bytes(range(16, 32)))
ROUTER = (b"\xfe\x80" + bytes(13) + b"\x01", 547)


def client(seed=1, **how):
    return dhcp6.Client(DUID, IAID, Seed(seed), **how)


def octets(made):
    buffer = bytearray(4096)
    return bytes(buffer[: made.emit(buffer)])


def u32(value):
    return bytes((value >> 24 & 255, value >> 16 & 255, value >> 8 & 255, value & 255))


def status(code, text=b""):
    return (options.STATUS_CODE, bytes((code >> 8, code & 255)) + text)


def association(addresses, t1=0, t2=0, more=b"", iaid=IAID):
    """An IA_NA option. addresses: list of (addr16, preferred, valid)."""
    inner = [options.IAAddress(*one) for one in addresses]
    return (options.IA_NA, options.IANA(iaid, t1, t2, inner).emit() + more)


def option(code, data):
    return bytes((code >> 8, code & 255, len(data) >> 8, len(data) & 255)) + data


class Server:
    """answer(octets, now) gives the octets of the answer, or None.

    addresses: what it gives; [] refuses with NoAddrsAvail. bindings: DUIDs that it knows.
    on_link: what it says to Confirm. seen: messages that came.
    """

    def __init__(self, identifier=SERVER_DUID, addresses=(FIRST,), preference=None, rapid=True):
        self.duid = identifier
        self.addresses = list(addresses)
        self.preference = preference
        self.rapid = rapid
        self.on_link = True
        self.preferred = 1800
        self.valid = 3600
        self.t1 = 900
        self.t2 = 1440
        self.bindings = []
        self.seen = []
        self.declined = []
        self.more = [
            (options.DNS_SERVERS, DNS),
            (options.SIP_SERVER_A, SIP),
            (options.SIP_SERVER_D, options.emit_names(["sip.example"])),
            (options.DOMAIN_LIST, options.emit_names(["example", "office.example"])),
            (options.BOOTFILE_URL, b"https://[2001:db8::50]/phone"),
        ]

    def answer(self, data, now=0):
        asked = dhcp6.Message.parse(data)
        self.seen.append(asked)
        kind = asked.msg_type
        known = asked.get(options.CLIENTID) in self.bindings
        server = asked.get(options.SERVERID)
        if server is not None and server != self.duid:
            return None
        if kind == message.SOLICIT:
            if self.rapid and asked.get(options.RAPID_COMMIT) is not None and self.addresses:
                self.bindings.append(asked.get(options.CLIENTID))
                made = self.reply(asked, message.REPLY, [self.lease()] + self.more)
                made.options.append((options.RAPID_COMMIT, b""))
                return octets(made)
            if not self.addresses:
                more = [
                    association([], more=option(*status(options.NO_ADDRS_AVAIL, b"none left")))
                ]
                return octets(self.reply(asked, message.ADVERTISE, more))
            made = self.reply(asked, message.ADVERTISE, [self.lease()] + self.more)
            if self.preference is not None:
                made.options.append((options.PREFERENCE, bytes((self.preference,))))
            return octets(made)
        if kind == message.REQUEST:
            if not self.addresses:
                more = [association([], more=option(*status(options.NO_ADDRS_AVAIL)))]
                return octets(self.reply(asked, message.REPLY, more))
            self.bindings.append(asked.get(options.CLIENTID))
            return octets(self.reply(asked, message.REPLY, [self.lease()] + self.more))
        if kind == message.RENEW or kind == message.REBIND:
            if not known:
                if kind == message.REBIND:
                    return None
                more = [association([], more=option(*status(options.NO_BINDING)))]
                return octets(self.reply(asked, message.REPLY, more))
            return octets(self.reply(asked, message.REPLY, [self.lease()] + self.more))
        if kind == message.CONFIRM:
            code = options.SUCCESS if self.on_link else options.NOT_ON_LINK
            return octets(self.reply(asked, message.REPLY, [status(code)]))
        if kind == message.INFORMATION_REQUEST:
            return octets(self.reply(asked, message.REPLY, self.more))
        if kind == message.DECLINE:
            held = options.IANA.parse(asked.get(options.IA_NA))
            self.declined += [one.addr16 for one in held.addresses]
            self.addresses = [one for one in self.addresses if one not in self.declined]
        if kind == message.RELEASE and known:
            self.bindings.remove(asked.get(options.CLIENTID))
        return octets(self.reply(asked, message.REPLY, [status(options.SUCCESS)]))

    def lease(self):
        given = [(addr16, self.preferred, self.valid) for addr16 in self.addresses]
        return association(given, self.t1, self.t2)

    def reply(self, asked, kind, more=()):
        """A Message from us: to be changed, or emitted."""
        made = dhcp6.Message(kind, asked.transaction_id)
        made.options.append((options.CLIENTID, asked.get(options.CLIENTID)))
        made.options.append((options.SERVERID, self.duid))
        made.options.extend(more)
        return made


def one(made):
    """Return the only message that goes out, parsed."""
    out = made.datagrams_to_send()
    assert len(out) == 1, out
    return dhcp6.Message.parse(out[0][0])


def sent(made, now):
    """Fire the timer until something goes out; return (octets, when)."""
    for _ in range(20):
        out = made.datagrams_to_send()
        if out:
            assert len(out) == 1, out
            return out[0][0], now
        now = max(now, made.get_timer())
        made.handle_timer(now)
    raise AssertionError("nothing goes out")


def serve(made, server, now, rounds=20):
    """Let messages go to and fro without delay until it is quiet; return the time."""
    for _ in range(rounds):
        for data, _ in made.datagrams_to_send():
            answer = server.answer(data, now)
            if answer is not None:
                made.receive_datagram(answer, ROUTER, now)
        if made._association.exchange is None and made._information.exchange is None:
            return now
        now = max(now, made.get_timer())
        made.handle_timer(now)
    return now


def events(made):
    out = []
    event = made.next_event()
    while event is not None:
        out.append(event)
        event = made.next_event()
    return out


def names(got):
    return [type(event).__name__ for event in got]
