# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Ports of RTP and RTCP (RFC 3550 section 11)."""

from vox6.wire import const

_ANY = b"\x00" * 16
_TRIES = const(16)  # pairs of ports looked at before we say that none is free


class Ports:
    """Even ports out of the range of the settings for RTP, the next one for RTCP (RFC 3550)."""

    def __init__(self, net6, settings):
        self._net6 = net6
        self._settings = settings
        self._next = 0

    def pair(self):
        """Return two endpoints bound to neighbouring ports; OSError if none can be had."""
        low = self._settings.get("rtp.port_low") + 1 & ~1
        count = (self._settings.get("rtp.port_high") + 1 - low) // 2
        if count < 1:
            raise OSError(22, "rtp.port_low and rtp.port_high hold no pair")
        error = None
        for _ in range(min(count, _TRIES)):
            port = low + 2 * (self._next % count)
            self._next += 1
            try:
                rtp = self._net6.Endpoint(_ANY, port)
            except OSError as exc:
                error = exc
                continue
            try:
                return rtp, self._net6.Endpoint(_ANY, port + 1)
            except OSError as exc:
                error = exc
                rtp.close()
        raise error
