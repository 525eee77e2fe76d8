# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Settings and keys made into engines of lib/pubtsp, one for each prefix."""

import logging
import time

from vox6 import crypto
from vox6.pubtsp import AddressFormat, Config, Server

from .keys import Keys, Period
from .settings import Settings

log = logging.getLogger("pubtspd")


def utc() -> int:
    """Seconds since 1970, for the periods of keys alone."""
    return int(time.time())


def make_server(settings: Settings, ipv4: bytes, prefix: bytes) -> Server:
    """Return the engine of one prefix, without keys yet."""
    others = [one for one in settings.listen if one != ipv4]
    config = Config(
        AddressFormat(prefix, settings.tag, memo=settings.memo),
        ipv4,
        servers=(*others, *settings.peers),
        policy=settings.martians,
        ports_min=settings.ports_min,
        allow_ula=settings.ula == "allow",
        allow_nat64=settings.nat64 == "allow",
        allow_hop_by_hop=settings.hop_by_hop == "allow",
        hairpin=settings.hairpin,
        copy_dscp=settings.dscp,
        foreign_hint=settings.foreign_hint,
        kernel_forwards=True,
        deny=tuple(settings.deny),
        allow=tuple(settings.allow),
    )
    return Server(
        config,
        lifetime=settings.lifetime,
        keepalive=(settings.keepalive_min, settings.keepalive_default, settings.keepalive_max),
        dns=settings.dns_server if isinstance(settings.dns_server, bytes) else None,
        salt=int.from_bytes(crypto.provider().random(4), "big"),
        error_rate=settings.error_rate if settings.icmp_errors else 0,
        packet_rate=settings.packet_rate,
        flows=settings.memo,
    )


class KeyRing:
    """Which keys the engines have: changed at midnight UTC, told to the log (section 9, 3)."""

    def __init__(self, keys: Keys | None) -> None:
        self._keys = keys
        self._current: Period | None = None
        self._told: Period | None = None

    def replace(self, keys: Keys | None) -> None:
        """Take the keys of another file, from the next look on."""
        self._keys = keys
        self._current = None

    @property
    def current(self) -> Period | None:
        """The period that the engines have, None if tags need no key."""
        return self._current

    def is_news(self) -> bool:
        """Return whether the period is another one than when this was asked last."""
        old, new = self._told, self._current
        self._told = new
        if old is None or new is None:
            return old is not new
        return (old.key, old.previous) != (new.key, new.previous)

    def look(self, now_utc: int) -> Period | None:
        """Return the period if it is another one than at the last look."""
        if self._keys is None:
            return None
        period = self._keys.period(now_utc)
        old = self._current
        if old is not None and (old.key, old.previous) == (period.key, period.previous):
            return None
        self._current = period
        return period
