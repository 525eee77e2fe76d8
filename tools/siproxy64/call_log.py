# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""One line for each call: who, between which addresses, how it was answered.

INVITE alice 10.0.0.11 to bob 2001:db8::b: 200 OK
"""

from .values import show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from vox6.sip.lines import Lines

    Address = tuple[bytes, int]

_LONGEST = 40  # characters of a user part
_REMEMBERED = 256  # answers, so that one that comes again makes no second line


class CallLog:
    """Looks at what passes. say: gets the lines; None: nothing is logged."""

    def __init__(self, say: "Callable[[str], object]") -> None:
        self._say = say
        self._seen: "list[tuple[str, str]]" = []

    def passed(self, message: "Lines", peer: "Address", target: "Address") -> None:
        """A message of peer goes on to target; both are real addresses."""
        status = getattr(message, "status", 0)
        if status < 200 or status in (401, 407):
            return
        cseq = (message.get("cseq") or "").split()
        if cseq[-1:] != ["INVITE"]:
            return
        key = ((message.get("call-id") or ""), cseq[0] if status >= 300 else "")
        if key in self._seen:
            return
        self._seen = self._seen[1 - _REMEMBERED :] + [key]
        caller, callee = user(message.get("from") or ""), user(message.get("to") or "")
        reason = message.start_line().decode("utf-8", "replace").strip()[8:]
        self._say(
            "INVITE %s %s to %s %s: %s"
            % (caller, show((target[0], 0)), callee, show((peer[0], 0)), _plain(reason))
        )


def user(text: str) -> str:
    """Return the user part of the URI in a From or To, - if there is none."""
    start = text.find("<") + 1
    uri = text[start:]
    if start and uri.find(">") >= 0:
        uri = uri[: uri.find(">")]
    before, at, _ = uri.partition("@")
    name = before[before.find(":") + 1 :].partition(":")[0] if at else "-"
    return _plain(name[:_LONGEST])


def _plain(text: str) -> str:
    """Return printable ASCII alone: a log's line is one line."""
    out = ""
    for char in text:
        out += char if " " <= char <= "~" else "?"
    return out
