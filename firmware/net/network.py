# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The addresses of this phone: which there are, which one serves which peer.

The one place that knows local addresses (design.md section 4); changes go to listeners, who pass
them on to sip and media. Choice of the source is RFC 6724 section 5, the rules that matter to a
phone: same address, scope, no deprecated ones, longest prefix.
"""

from vox6.wire import const

_GLOBAL = const(3)
_UNIQUE_LOCAL = const(2)
LINK_LOCAL = 1
LOOPBACK = 0

_LOOPBACK16 = b"\x00" * 15 + b"\x01"


def kind(addr16):
    """Return how far an address reaches: 3 global, 2 unique local, 1 link-local, 0 loopback."""
    if addr16 == _LOOPBACK16:
        return LOOPBACK
    if addr16[0] == 0xFE and addr16[1] & 0xC0 == 0x80:
        return LINK_LOCAL
    if addr16[0] & 0xFE == 0xFC:
        return _UNIQUE_LOCAL
    return _GLOBAL


def is_link_local(addr16):
    """Return whether an address needs its interface index in octets 2 and 3."""
    return addr16[0] == 0xFE and addr16[1] & 0xC0 == 0x80


def scope(addr16):
    """Return the interface index that a link-local address carries."""
    return addr16[2] << 8 | addr16[3]


def with_scope(addr16, index):
    """Return a link-local address that carries an interface index."""
    return addr16[:2] + bytes((index >> 8 & 0xFF, index & 0xFF)) + addr16[4:]


def without_scope(addr16):
    """Return the address as it stands on the wire and in messages."""
    if is_link_local(addr16):
        return addr16[:2] + b"\x00\x00" + addr16[4:]
    return addr16


def common_bits(a, b):
    """Return how many leading bits two addresses share."""
    for i in range(16):
        x = a[i] ^ b[i]
        if x:
            n = 8 * i
            while not x & 0x80:
                x <<= 1
                n += 1
            return n
    return 128


class Network:
    """Addresses by way of net6; local is the one for signalling to anybody, or None.

    net6: the C module. listeners: functions called without arguments after a change.
    tunnel_index: interface index of the tunnel, whose address counts while tunnel_used.
    """

    def __init__(self, net6):
        self._net6 = net6
        self._addresses = []  # (addr16, deprecated, of the tunnel)
        self._native = False
        self.tunnel_index = None
        self.tunnel_used = False
        self.local = None
        self.had_address = False
        self.listeners = []
        self.error = None  # why there is no network, text for people
        self.changed = net6.changed()

    def start(self, nic):
        """Start the interface by the board's function; an OSError becomes the error text."""
        try:
            nic()
        except OSError as exc:
            self.error = str(exc)
        self.update()

    def update(self):
        """Read the addresses again; tell the listeners if something is different."""
        self.changed.clear()
        addresses = []
        self._native = False
        for entry in self._net6.addresses():
            tunnelled = entry[5] == self.tunnel_index
            if entry[2] != "tentative" and (self.tunnel_used or not tunnelled):
                deprecated = entry[2] == "deprecated"
                addresses.append((bytes(entry[0]), deprecated, tunnelled))
                if not tunnelled and not deprecated and kind(entry[0]) == _GLOBAL:
                    self._native = True
        addresses.sort()
        if addresses == self._addresses:
            return
        self._addresses = addresses
        self.local = self._best(None)
        self.had_address = self.had_address or self.local is not None
        for listener in self.listeners:
            listener()

    def has(self, addr16):
        """Return whether an address is one of ours and may be used."""
        for own, _, _ in self._addresses:
            if own == addr16:
                return True
        return False

    def is_global(self):
        """Return whether we can be reached from other links."""
        return self.local is not None and kind(self.local) >= _UNIQUE_LOCAL

    def has_native(self):
        """Return whether there is a global address for new flows that no tunnel made.

        A router that goes leaves deprecated ones (RFC 4862 section 5.5.3).
        """
        return self._native

    def serves(self, addr16):
        """Return whether a flow may stay on an address: ours, and not what a lost router left."""
        for own, deprecated, tunnelled in self._addresses:
            if own == addr16:
                left = deprecated and not tunnelled and kind(own) == _GLOBAL
                return self._native or not left
        return False

    def link_local(self):
        """Return the link-local address, the first of several, or None."""
        for own, _, _ in self._addresses:
            if is_link_local(own):
                return own
        return None

    def own(self):
        """Return our addresses, the farthest reaching first, loopback never."""
        out = [own for own, _, _ in self._addresses if kind(own) != LOOPBACK]
        out.sort(key=_reach)
        return out

    def source_for(self, peer16):
        """Return our address to use towards a peer, or None if there is none of use."""
        if peer16 == _LOOPBACK16 or self.has(peer16):
            return peer16  # RFC 6724 section 5, rule 1
        return self._best(peer16)

    def _best(self, peer16):
        best = None
        best_score = -1
        for own, deprecated, _ in self._addresses:
            score = _score(own, deprecated, peer16)
            if score > best_score:
                best_score = score
                best = own
        return best

    def zone(self, name):
        """Return the interface index of a zone as somebody typed it, or 0.

        name: a number; without one (empty) the interface that has a link-local address, if it is
        the only one.
        """
        if name:
            try:
                return int(name) & 0xFFFF
            except ValueError:
                return 0
        found = 0
        for own, _, _ in self._addresses:
            if is_link_local(own):
                if found and found != scope(own):
                    return 0
                found = scope(own)
        return found


def _reach(addr16):
    return -kind(addr16)


def _score(own, deprecated, peer16):
    reach = kind(own)
    if peer16 is None:
        return (reach << 9) + (0 if deprecated else 1 << 8)
    wanted = kind(peer16)
    if wanted == LINK_LOCAL:
        if reach != LINK_LOCAL or scope(own) != scope(peer16):
            return -1
    elif reach in (LINK_LOCAL, LOOPBACK):
        return -1
    score = common_bits(own, peer16)
    if reach == wanted:
        score += 1 << 9
    if not deprecated:
        score += 1 << 8
    return score
