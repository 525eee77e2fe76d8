# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What an operator asks of a running server by its control socket: status, drain, undrain."""

import ipaddress
import logging
from collections.abc import Mapping
from typing import Any

from ..common.driver import Loop
from . import values
from .fastpath import FastPath
from .health import Health
from .plane import Member
from .service import KeyRing

log = logging.getLogger("pubtspd")

_MOST_SERVERS = 8  # in a referral: more do not fit into a reply


def broker_text(one: bytes | str) -> str:
    """A server of a referral, for people."""
    return one if isinstance(one, str) else str(ipaddress.IPv4Address(one))


class Operator:
    """Answers requests; holds what they changed."""

    def __init__(self, loop: Loop, members: list[Member], ring: KeyRing) -> None:
        self.plane = "portable"
        self.plane_counters: Mapping[str, int] = {}
        self.health: Health | None = None
        self._fast: FastPath | None = None
        self._loop = loop
        self._members = members
        self._ring = ring
        self._drained: list[bytes | str] | None = None
        self._failures = 0

    def use_plane(self, name: str, fast: FastPath | None) -> None:
        """Take the name of the data plane, and the kernel's if there is one."""
        self.plane = name
        self._fast = fast

    def note_failure(self) -> None:
        """Count a self-test that failed."""
        self._failures += 1

    def apply_drain(self) -> None:
        """Tell the engines whether they send clients elsewhere; new ones do not know."""
        for member in self._members:
            member.server.drain(self._drained)

    def status(self) -> dict[str, Any]:
        """Return what `pubtspd status` and the metrics show: never an address of a client."""
        period = self._ring.current
        members = []
        for member in self._members:
            portable = dict(member.server.counters)
            portable["octets_up"] = member.octets_up
            portable["octets_down"] = member.octets_down
            portable.update(member.udp.counters)
            portable.update(self.plane_counters if member is self._members[0] else {})
            counters = {"portable": portable}
            if self._fast is not None:  # with one prefix alone
                counters["xdp"] = self._fast.counters()
            members.append(
                {
                    "listen": str(ipaddress.IPv4Address(member.ipv4)),
                    "prefix": member.prefix_text,
                    "counters": counters,
                }
            )
        return {
            "ok": True,
            "plane": self.plane,
            "uptime_s": self._loop.now() // 1000,
            "healthy": self.health is None or self.health.healthy,
            "failures": self._failures,
            "draining": [broker_text(one) for one in self._drained or []],
            "key": None if period is None else period.name,
            "key_ends": None if period is None else period.ends,
            "members": members,
        }

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a request of the control socket."""
        command = request.get("command")
        if command == "status":
            return self.status()
        if command == "drain":
            return self._drain(request.get("to"))
        if command == "undrain":
            self._drained = None
            self.apply_drain()
            log.info("draining ends")
            return {"ok": True, "draining": []}
        return {"ok": False, "error": "command must be one of status, drain, undrain"}

    def _drain(self, to: object) -> dict[str, Any]:
        if not isinstance(to, list) or not 1 <= len(to) <= _MOST_SERVERS:
            return {"ok": False, "error": f"drain names 1 to {_MOST_SERVERS} other servers"}
        brokers = []
        for one in to:
            try:
                broker = values.broker(one)
            except ValueError as error:
                return {"ok": False, "error": f"{one!r} must be {error}"}
            if broker in [member.ipv4 for member in self._members]:
                return {"ok": False, "error": f"{one} is this server"}
            brokers.append(broker)
        self._drained = brokers
        self.apply_drain()
        names = [broker_text(one) for one in brokers]
        log.info("draining: clients are sent to %s", ", ".join(names))
        return {"ok": True, "draining": names}
