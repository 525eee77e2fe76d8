# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Where a redirected call goes next (RFC 3261 sections 8.1.3.4, 19.1.5 and 21.3).

targets = TargetSet("sip:anna@example.com")
targets.receive(failed.message)             # of CallFailed with 300..399
uri = targets.next()                        # None: nowhere else to go
agent.invite(uri, its_peer, now, offer, headers=targets.headers, follows=failed.session)
"""

from vox6.sip.headers import NameAddr, parse_number
from vox6.sip.uri import URI
from vox6.wire import const
from vox6.wire.errors import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.message import Response

    Headers = tuple[tuple[str, str], ...]

_MAX_TARGETS = const(8)  # of one call, so that no circle of redirections lasts


class _Target:
    """A place to go. uri: without headers. route: the proxy to go by, "" for none."""

    def __init__(self, uri: URI, route: str, q: int, expires_s: "int | None") -> None:
        self.uri = uri
        self.route = route
        self.q = q
        self.expires_s = expires_s


class TargetSet:
    """The targets of one call, each tried once, those of higher q first.

    headers: what the INVITE to the last target takes besides: a Route after 305. expires_s: how
    long the last target may be remembered for the URI called: 0 for this call alone, None for
    good (301).
    """

    def __init__(self, uri_text: str) -> None:
        uri = URI.parse(uri_text)
        self.headers: "Headers" = ()
        self.expires_s: "int | None" = 0
        self._last = uri
        self._secure = uri.scheme == "sips"
        self._seen = [_Target(uri, "", 0, 0)]
        self._waiting: "list[_Target]" = []

    def receive(self, response: "Response") -> None:
        """Take the Contacts of a 3xx; those of no use are left out.

        380 names no other place for the call but says in its body what else there is.
        """
        status = response.status
        if not 300 <= status <= 399 or status == 380:
            return
        values: "list[str]" = []
        expires: "int | None" = None if status == 301 else 0
        try:
            values = response.values("contact")
            if response.count("expires"):
                expires = response.number("expires")
        except FormatError:
            pass  # a list or number of no use
        for value in values:
            try:
                self._add(NameAddr.parse(value), status, expires)
            except FormatError:
                pass  # "*", or no URI

    def _add(self, contact: NameAddr, status: int, expires_s: "int | None") -> None:
        uri = contact.uri
        if uri.scheme != "sips" and (uri.scheme != "sip" or self._secure):
            return  # a call that is to be secure stays so (section 8.1.3.4)
        params = [param for param in uri.params if param[0].lower() != "method"]
        plain = URI(uri.scheme, uri.user, uri.host, uri.port, params, None, uri.password)
        text = contact.get("expires")
        if text:
            expires_s = parse_number(text)
        q = _parse_q(contact.get("q"))
        if status == 305:
            if plain.get("lr") is None:
                plain.params.append(("lr", None))
            target = _Target(self._last, "<" + str(plain) + ">", q, expires_s)
        else:
            target = _Target(plain, "", q, expires_s)
        if len(self._seen) > _MAX_TARGETS:
            return
        for other in self._seen:
            if other.route == target.route and other.uri.matches(target.uri):
                return
        self._seen.append(target)
        at = len(self._waiting)
        while at > 0 and self._waiting[at - 1].q < q:
            at -= 1
        self._waiting.insert(at, target)

    def next(self) -> "str | None":
        """Return the URI to call next, None if there is none left."""
        if not self._waiting:
            return None
        target = self._waiting.pop(0)
        self._last = target.uri
        self.headers = (("Route", target.route),) if target.route else ()
        self.expires_s = target.expires_s
        return str(target.uri)


def _parse_q(text: "str | None") -> int:
    """Return a qvalue in thousandths; 1 if it is absent or bad (section 20.10)."""
    if not text:
        return 1000
    whole, _, part = text.partition(".")
    digits = (whole + (part + "000")[:3]).strip()
    if digits.strip("0123456789") or len(whole) != 1 or len(part) > 3:
        return 1000
    return min(int(digits), 1000)
