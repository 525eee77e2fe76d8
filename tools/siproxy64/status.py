# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What the control socket is asked: status, calls, reload, handover."""

from .relay import handles_of
from .settings import SettingsError
from .values import show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .program import Program
    from .relay import Leg


class Status:
    """Answers for one program. reload: reads the configuration again, SettingsError."""

    def __init__(self, program: "Program", reload: "Callable[[], object]") -> None:
        self._program = program
        self._reload = reload
        self._start = program.driver.now()

    def answer(self, request: "dict[str, Any]") -> "dict[str, Any]":
        """Return the answer to one request."""
        command = request.get("command")
        if command == "status":
            found = self.status()
            found["ok"] = True
            return found
        if command == "calls":
            return {"ok": True, "calls": self.calls()}
        if command == "reload":
            try:
                self._reload()
            except SettingsError as error:
                return {"ok": False, "error": "; ".join(error.lines)}
            return {"ok": True}
        return {"ok": False, "error": f"there is no command {command}"}

    def status(self) -> "dict[str, Any]":
        """Return how it is, for `siproxy64 status` and metrics."""
        found: "dict[str, Any]" = dict(self._program.status())
        found["uptime_s"] = (self._program.driver.now() - self._start) // 1000
        relay = self._program.relay
        totals = list(relay.counted)
        for leg in relay.calls():
            more = self._traffic(leg)
            totals = [totals[0] + more[0], totals[1] + more[1]]
        found["media_packets"], found["media_octets"] = totals
        plane = relay.plane
        found["plane"] = plane.name
        if hasattr(plane, "kernel_counters"):
            found["kernel"] = plane.kernel_counters()
        return found

    def _traffic(self, leg: "Leg") -> "tuple[int, int]":
        """Return packets and octets of a leg, both ways."""
        packets = octets = 0
        for handle in handles_of(leg):
            counters, _ = self._program.relay.plane.counters(handle)
            packets += counters[0] + counters[2]
            octets += counters[1] + counters[3]
        return packets, octets

    def calls(self) -> "list[dict[str, Any]]":
        """Return all calls with media, each with its hosts and what has passed."""
        now = self._program.driver.now()
        out: "list[dict[str, Any]]" = []
        for leg in self._program.relay.calls():
            packets, octets = self._traffic(leg)
            out.append(
                {
                    "from": show(leg.parties[0]),
                    "to": show(leg.parties[1]),
                    "seconds": (now - leg.began_ms) // 1000,
                    "answered": bool(leg.answers),
                    "streams": len(leg.streams),
                    "packets": packets,
                    "octets": octets,
                }
            )
        return out

    def lines(self) -> "list[str]":
        """Return status and calls as lines of a log."""
        found = self.status()
        counters = found["counters"]
        out = [
            f"{found['calls']} calls, {found['streams']} streams, {found['connections']} "
            f"connections, {found['ports']} SIP ports; "
            + (", ".join(f"{name} {counters[name]}" for name in sorted(counters)) or "nothing yet")
        ]
        if "kernel" in found:
            kernel = found["kernel"]
            out.append("kernel: " + ", ".join(f"{name} {kernel[name]}" for name in kernel))
        for call in self.calls():
            out.append(
                f"call {call['from']} to {call['to']}, {call['seconds']} s, "
                f"{call['packets']} packets, {call['octets']} octets"
            )
        return out
