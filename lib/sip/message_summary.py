# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Which messages wait: application/simple-message-summary (RFC 3842 section 5.2).

messages-summary = msg-status-line CRLF [msg-account CRLF] [*(msg-summary-line CRLF)]
                   [ *opt-msg-headers ]
msg-status-line  = "Messages-Waiting" HCOLON msg-status            ; "yes" / "no"
msg-account      = "Message-Account" HCOLON Account-URI
msg-summary-line = message-context-class HCOLON newmsgs SLASH oldmsgs
                   [ LPAREN new-urgentmsgs SLASH old-urgentmsgs RPAREN ]
opt-msg-headers  = CRLF 1*(extension-header CRLF)
"""

from vox6.sip.headers import is_token
from vox6.wire import const
from vox6.wire.errors import FormatError

CONTENT_TYPE = "application/simple-message-summary"
_MAX_OCTETS = const(16384)  # of a body; the headers of new messages may follow the summary
_MAX_CLASSES = const(16)  # RFC 3458 has six
_MAX_COUNT = 0xFFFFFFFF  # more is taken as this (section 3.5)


class Count:
    """Messages of one class. name: lower case, "voice-message". urgent ones are among them."""

    def __init__(
        self, name: str, new: int, old: int, new_urgent: int = 0, old_urgent: int = 0
    ) -> None:
        self.name = name
        self.new = new
        self.old = old
        self.new_urgent = new_urgent
        self.old_urgent = old_urgent


class MessageSummary:
    """waiting: whether any message waits. account: a URI or empty. counts: list of Count.

    What describes single messages behind the summary is not kept.
    """

    def __init__(
        self, waiting: bool, account: str = "", counts: "list[Count] | None" = None
    ) -> None:
        self.waiting = waiting
        self.account = account
        self.counts: "list[Count]" = [] if counts is None else counts

    def get(self, name: str) -> "Count | None":
        """Return the counts of one class, None if nothing is said of it."""
        for count in self.counts:
            if count.name == name:
                return count
        return None

    @staticmethod
    def parse(octets: bytes) -> "MessageSummary":
        """Return what a body says; bare line feeds are taken too. FormatError: it is none."""
        if len(octets) > _MAX_OCTETS:
            raise FormatError("summary too long")
        try:
            text = octets.decode()
        except UnicodeError:
            raise FormatError("summary is not UTF-8")
        summary = None
        for line in text.replace("\r\n", "\n").split("\n"):
            if not line.strip():
                if summary is None:
                    continue
                break  # headers of messages follow
            name, colon, value = line.partition(":")
            name = name.strip().lower()
            value = value.strip()
            if not colon or not is_token(name):
                raise FormatError("bad line in a summary")
            if summary is None:
                if name != "messages-waiting" or value.lower() not in ("yes", "no"):
                    raise FormatError("no Messages-Waiting")
                summary = MessageSummary(value.lower() == "yes")
            elif name == "message-account":
                summary.account = value
            else:
                if len(summary.counts) >= _MAX_CLASSES:
                    raise FormatError("too many message classes")
                summary.counts.append(_parse_count(name, value))
        if summary is None:
            raise FormatError("empty summary")
        return summary

    def emit(self) -> bytes:
        """Return the octets of the summary."""
        out = ["Messages-Waiting: " + ("yes" if self.waiting else "no")]
        if self.account:
            out.append("Message-Account: " + self.account)
        for count in self.counts:
            line = "%s: %d/%d" % (count.name, count.new, count.old)
            if count.new_urgent or count.old_urgent:
                line += " (%d/%d)" % (count.new_urgent, count.old_urgent)
            out.append(line)
        out.append("")
        return "\r\n".join(out).encode()


def _parse_count(name: str, value: str) -> Count:
    head, bracket, tail = value.partition("(")
    new, old = _pair(head)
    new_urgent = old_urgent = 0
    if bracket:
        tail = tail.strip()
        if tail[-1:] != ")":
            raise FormatError("bad message counts")
        new_urgent, old_urgent = _pair(tail[:-1])
    return Count(name, new, old, new_urgent, old_urgent)


def _pair(text: str) -> "tuple[int, int]":
    parts = [part.strip() for part in text.split("/")]
    if len(parts) != 2:
        raise FormatError("bad message counts")
    for part in parts:
        if not part or part.strip("0123456789"):
            raise FormatError("bad message counts")
    first, second = [
        _MAX_COUNT if len(part) > 10 else min(int(part), _MAX_COUNT) for part in parts
    ]
    return first, second
