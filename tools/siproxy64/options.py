# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What a configuration wants done to messages besides the exchange of addresses.

unmapped drop       header values with an address that has no counterpart are left out
map A = B service   http: and https: URIs of ringing tones, pictures and so on are mapped
strip-identity on   Identity is left out: what it signs is changed here (RFC 8224)
compact 4|6 on      names of one letter in what goes to that side (RFC 3261 section 7.3.3)
ice rewrite         candidates that the relay stands for pass (ice.py)

mirror.rewrite = rewriter(settings)
"""

from vox6.sip.lines import LONG_NAMES
from vox6.wire import const

from .rewrite import rewrite
from .scan import Field, Translator, field, quoted_end
from .table import side

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Callable

    from vox6.sip.lines import RequestLines, ResponseLines

    from .mirror import Names
    from .sdp import Media
    from .settings import Settings
    from .table import Table

    Address = tuple[bytes, int]
    Message = RequestLines | ResponseLines
    Rewrite = Callable[[Message, Names, Media], None]

# Without these there is no message, no answer, no call and no transfer.
_NEEDED = ("via", "from", "to", "contact", "refer-to")
# What stands in them is fetched from elsewhere.
_FETCHED = (
    "alert-info",
    "call-info",
    "error-info",
    "geolocation",
    "identity-info",
    "permission-missing",
    "policy-contact",
    "trigger-consent",
)


def rewriter(settings: "Settings") -> "Rewrite":
    """Return what rewrites messages as the settings say."""
    options = Options(settings)
    if options.edits:
        return options.rewrite
    return rewrite


class Options:
    """One configuration's. edits: what is done to each message, in order."""

    def __init__(self, settings: "Settings") -> None:
        self._services = settings.services
        self._compact = settings.compact
        self._short = {}
        for short, name in LONG_NAMES.items():
            self._short[name] = short
        self.edits: "list[Callable[[Message, Names], None]]" = []
        self._rewrite: "Rewrite" = rewrite
        if settings.strip_identity:
            self.edits.append(_strip_identity)
        if settings.unmapped == "drop":
            self.edits.append(_drop)
        if settings.services.local_nets():
            self.edits.append(self._map_services)
        if True in settings.compact.values():
            self.edits.append(self._shorten)
        if settings.ice == "rewrite":
            from .ice import rewrite as with_candidates

            self._rewrite = with_candidates
            self.edits = self.edits or [_nothing]

    def rewrite(self, message: "Message", translate: "Names", media: "Media") -> None:
        """Do all of it, and the exchange of addresses; Refused, FormatError as rewrite()."""
        for edit in self.edits:
            edit(message, translate)
        self._rewrite(message, translate, media)

    def _map_services(self, message: "Message", translate: "Names") -> None:
        services = _Services(self._services, translate)
        for i in range(len(message.headers)):
            key, _, raw = message.headers[i]
            if key in _FETCHED:
                changed = _web(raw, services)
                if changed is not raw:
                    message.replace(i, changed)

    def _shorten(self, message: "Message", translate: "Names") -> None:
        if not self._compact[not translate.here]:
            return
        headers = message.headers
        for i in range(len(headers)):
            key, name, raw = headers[i]
            headers[i] = (key, self._short.get(key, name), raw)


class _Services(Translator):
    """Hosts of another protocol on the side where a message comes from."""

    def __init__(self, table: "Table", names: "Names") -> None:
        self._table = table
        self._names = names

    def __call__(self, addr16: bytes, port: int) -> "Address | None":
        """Return the counterpart, what was given if there is none."""
        found = None
        if side(addr16) == self._names.here:
            found = self._table.counterpart(addr16, port)
        return found or (addr16, port)


def _nothing(message: "Message", translate: "Names") -> None:
    pass


def _strip_identity(message: "Message", translate: "Names") -> None:
    message.remove("identity")
    message.remove("identity-info")


def _web(octets: bytes, services: "_Services") -> bytes:
    """Return a header's value with the hosts of http: and https: URIs replaced."""
    work = Field(octets, services)
    low = octets.lower()
    at = low.find(b"http")
    while at >= 0:
        default = 443 if low[at + 4 : at + 5] == b"s" else 80
        at += 4 if default == 80 else 5
        if low[at : at + 3] == b"://":
            work.host(at + 3, len(octets), default)
        at = low.find(b"http", at)
    return work.result()


def _drop(message: "Message", translate: "Names") -> None:
    """Leave out the values of headers that name an address without a counterpart."""
    empty = []
    for i in range(len(message.headers)):
        key, _, raw = message.headers[i]
        if key in _NEEDED or not field(key, raw, translate)[1]:
            continue
        kept = [one for one in _values(raw) if not field(key, one, translate)[1]]
        if kept:
            message.replace(i, b" " + b",".join(kept).lstrip())
        else:
            empty.append(i)
    for i in empty[::-1]:
        del message.headers[i]


def _values(octets: bytes) -> "list[bytes]":
    """Return what stands between the commas of a header, but for those in < > and in quotes."""
    out = []
    start = at = 0
    while at < len(octets):
        char = octets[at : at + 1]
        if char == b'"':
            at = quoted_end(octets, at)
            continue
        if char == b"<":
            close = octets.find(b">", at)
            at = len(octets) if close < 0 else close
        elif char == b",":
            out.append(octets[start:at])
            start = at + 1
        at += 1
    out.append(octets[start:])
    return out
