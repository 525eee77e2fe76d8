# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The RTP port of a call without sound: what `media` does with keys, seen from outside.

Now and then a packet with some words in it goes out, in clear or under the key of its direction.
It is shaped as SRTP is (header, AES in counter mode, HMAC-SHA1 of the profile's length), but the
master key itself encrypts and authenticates; so a packet goes through where both ends have the
same key and profile, and only there. SRTP proper is tested with libsrtp2 in host_tests/cmodules.
"""

from vox6 import crypto
from vox6.srtp import profiles

CRYPTO = crypto.provider()
_HEADER = 12
_TALK_FAST_MS = 2000  # from the start on a packet every _FAST_MS, afterwards every _SLOW_MS
_FAST_MS = 100
_SLOW_MS = 2500
_OLD_KEY_MS = 2000  # the old receiving key lives on for so long after the new one was used


def protect(profile, key_salt, header, words):
    """Return the packet of words under a key."""
    key, salt = profiles.split(profile, key_salt)
    sealed = header + CRYPTO.aes_ctr(key, salt + header[2:4], words)
    return sealed + CRYPTO.hmac("SHA-1", key, sealed)[: profiles.tag_octets(profile)]


def unprotect(profile, key_salt, packet):
    """Return the words of a packet, None where the tag does not verify."""
    key, salt = profiles.split(profile, key_salt)
    end = len(packet) - profiles.tag_octets(profile)
    if (
        end < _HEADER
        or CRYPTO.hmac("SHA-1", key, packet[:end])[: len(packet) - end] != packet[end:]
    ):
        return None
    return CRYPTO.aes_ctr(key, salt + packet[2:4], packet[_HEADER:end])


class Stream:
    """One end of a call's voice.

    send_key: (profile, key_salt) or None, in clear. receive_key: likewise, the newest.
    required: nothing is sent and nothing taken in clear. silent: nothing is sent in clear, as
    between Commit and Confirm (RFC 6189 section 4). beside(data, peer): takes ZRTP.
    authenticated(): called for each packet whose tag verified under the newest key; one under the
    key before proves nothing of the newest.
    heard: set of (words' author, whether in clear).
    """

    def __init__(self, world, name, local, beside, authenticated):
        self.world = world
        self.name = name
        self.local = local
        self.peer = None
        self.required = False
        self.silent = False
        self.send_key = None
        self.receive_key = None
        self.heard = set()
        self.counters = {
            "sent_clear": 0, "sent_secure": 0, "clear": 0, "secure": 0, "failed": 0, "dropped": 0
        }  # fmt: skip
        self._old = None
        self._old_until = None
        self._sequence = 0
        self._beside = beside
        self._authenticated = authenticated
        self._timer = None
        self._fast_until = 0
        world.attach(local[0], self, local[1])

    def open(self, peer):
        """Talk to a peer from now on; once more to go on talking to another address."""
        if self.peer is None:
            self._fast_until = self.world.now + _TALK_FAST_MS
            self._timer = self.world.call_later(0, self._talk)
        self.peer = peer

    def close(self):
        if self._timer is not None:
            self._timer.cancel()
        self.world.detach(self.local[0], self.local[1])

    def secure(self, direction, profile, key_salt=None):
        """As stream.secure() of media: a key, or None for in clear again."""
        key = None
        if profile is not None:
            profiles.split(profile, key_salt)
            key = (profile, bytes(key_salt))
        if direction == "send":
            self.send_key = key
        elif key != self.receive_key:
            self._old = self.receive_key
            self._old_until = None
            self.receive_key = key

    def _talk(self):
        self._sequence += 1
        header = b"\x80\x09" + self._sequence.to_bytes(2, "big") + bytes(8)
        words = b"%s says %d" % (self.name.encode(), self._sequence)
        if self.send_key is not None:
            self.counters["sent_secure"] += 1
            self.send(protect(*self.send_key, header, words))
        elif not self.required and not self.silent:
            self.counters["sent_clear"] += 1
            self.send(header + words)
        fast = self.world.now < self._fast_until
        self._timer = self.world.call_later(_FAST_MS if fast else _SLOW_MS, self._talk)

    def send(self, data):
        """Send a datagram to the peer from the RTP port."""
        if self.peer is not None:
            self.world.send(data, self.local, self.peer)

    def receive_datagram(self, data, peer, now):
        if peer != self.peer:
            return
        if data[:1] == b"\x10":
            self._beside(data, peer)
            return
        if self.receive_key is None:
            if self.required:
                self.counters["dropped"] += 1
                return
            self.counters["clear"] += 1
            self._hear(data[_HEADER:], True)
            return
        words = unprotect(*self.receive_key, data)
        newest = words is not None
        if newest:
            if self._old is not None and self._old_until is None:
                self._old_until = now + _OLD_KEY_MS
        elif self._old is not None and (self._old_until is None or now <= self._old_until):
            words = unprotect(*self._old, data)
        if words is None:
            self.counters["failed"] += 1
            return
        self.counters["secure"] += 1
        self._hear(words, False)
        if newest:
            self._authenticated()

    def _hear(self, words, clear):
        author = words.partition(b" says ")[0]
        self.heard.add((author if author in (b"anna", b"boris", b"mallory") else b"noise", clear))
