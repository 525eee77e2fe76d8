# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What the calls of a phone share for encryption: the cache, prepared key pairs, the policy.

On the console, phone().security:

    state(1)              "encrypted"; None without a call on that line
    sas(1)                "zbwm"
    confirm(1, "Alice")   the words were compared and are the same
    deny(1)               they differ
    name(1, "Alice")      another name for the peer
    known()               [("5f0c...", True, "Alice"), ...], the one used last first
    forget("Alice")       by name or by ZID; the next call begins anew
"""

from binascii import hexlify

from firmware import log
from firmware.phone.key_pairs import KeyPairs
from firmware.phone.protection import Protection
from vox6.wire.errors import LocalProtocolError


class Security:
    """Encryption of one phone.

    phone: the Phone; provider: of lib/crypto; cache: ZRTPCache or another vox6.zrtp.cache.Cache
    with known(); the sounds and ends of its calls are the phone's.
    """

    def __init__(self, phone, provider, cache):
        self.phone = phone
        self.settings = phone.settings
        self.provider = provider
        self.cache = cache
        self._policy = None
        self._policy_version = None  # of the settings that it was made of
        self.key_pairs = KeyPairs(provider, self._is_idle)

    def _is_idle(self):
        if self.phone.is_used():
            return False
        layer = self.phone.agent.layer
        for table in (layer.clients, layer.servers):
            for transaction in table.values():
                if transaction.ended_at is None:
                    return False
        return True

    def policy(self):
        """Return the zrtp.Policy that the settings mean."""
        if self._policy_version == self.settings.version:
            return self._policy
        from vox6.zrtp import Policy

        get = self.settings.get
        self._policy_version = self.settings.version
        self._policy = Policy(
            hashes=tuple(get("security.hashes").split()),
            ciphers=tuple(get("security.ciphers").split()),
            key_agreements=tuple(get("security.key_agreements").split()) + ("Mult",),
            auth_tags=tuple(get("security.auth_tags").split()),
            sas_types=tuple(["%-4s" % name for name in get("security.sas").split()]),
            allow_clear=get("security.clear") and not get("security.required"),
        )
        return self._policy

    def protect(self, ssrc):
        """Return the Protection of a new call; ssrc: of its stream."""
        return Protection(self, ssrc)

    # Prepared key pairs

    def get_timer(self):
        """Return when handle_timer() is to be called, or None."""
        return self.key_pairs.get_timer(self.phone.clock.now())

    def handle_timer(self, now):
        """Prepare a key pair if there is time for it."""
        get = self.settings.get
        self.key_pairs.preferred = (
            get("security.key_agreements").split()[0] if get("security.zrtp") else None
        )
        self.key_pairs.handle_timer(now)

    # The console

    def _of(self, line):
        call = self.phone.lines[line - 1]
        return None if call is None or call.audio is None else call.audio.protection

    def _keyed(self, line):
        found = self._of(line)
        if found is None or not found.has_sas():
            raise LocalProtocolError("no SAS on line %d" % line)
        return found

    def state(self, line=1):
        """Return the state of the call on a line (firmware/ui/README.md), None without one."""
        found = self._of(line)
        return None if found is None else found.state

    def sas(self, line=1):
        """Return the SAS of the call on a line, None without one."""
        found = self._of(line)
        return None if found is None or not found.has_sas() else found.sas_text

    def confirm(self, line=1, name=None):
        """The SAS was compared and is the same. LocalProtocolError: there is none."""
        self._keyed(line).confirm(name)

    def deny(self, line=1):
        """The SAS was compared and differs. LocalProtocolError: there is none."""
        self._keyed(line).deny()

    def name(self, line, name):
        """Give the verified peer of a call another name. LocalProtocolError: not verified."""
        found = self._keyed(line)
        if found.state != "verified":
            raise LocalProtocolError("the SAS was not compared")
        found.confirm(name)

    def known(self):
        """Return [(ZID in hex, verified, name)] of all peers, the one used last first."""
        out = []
        for zid in self.cache.known():
            entry = self.cache.get(zid)
            if entry is not None:
                out.append((hexlify(zid).decode(), entry.verified, entry.name))
        return out

    def forget(self, who):
        """Forget the peers of a name, or the one of a ZID in hex; return how many."""
        count = 0
        for zid, _, name in self.known():
            if who in (zid, name):
                self.cache.remove(bytes([int(zid[i : i + 2], 16) for i in range(0, 24, 2)]))
                count += 1
        log.say("zrtp", "%d peers forgotten" % count)
        return count
