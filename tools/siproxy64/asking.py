# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Asking the instance that runs: where it answers, and its answers as lines for people."""

from .settings import DEFAULT_CONTROL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

COMMANDS = ("status", "calls", "reload")


def path_in(text: str) -> str:
    """Return the path of the control socket that a configuration names.

    What else is wrong in it must not keep anybody from asking.
    """
    path = DEFAULT_CONTROL
    for line in text.split("\n"):
        words = line.partition("#")[0].replace("=", " ").split()
        if words[:1] == ["control"] and len(words) == 2:
            path = words[1]
    return path


def lines_of(command: str, answer: "dict[str, Any]") -> "list[str]":
    """Return what an answer that is ok says to a command."""
    if command == "reload":
        return ["read again"]
    if command == "calls":
        return [_call(call) for call in answer["calls"]]
    out = [f"up for       {answer['uptime_s']} s", f"plane        {answer['plane']}"]
    for name in ("calls", "streams", "connections", "ports"):
        out.append("%-12s %d" % (name, answer[name]))
    counters = answer["counters"]
    for name in sorted(counters):
        out.append("%-12s %d" % (name, counters[name]))
    return out


def _call(call: "dict[str, Any]") -> str:
    state = "answered" if call["answered"] else "not answered"
    return (
        f"{call['from']} to {call['to']}: {state}, {call['seconds']} s, {call['packets']} "
        f"packets, {call['octets']} octets"
    )
