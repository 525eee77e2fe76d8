# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What the answers to REGISTER say about a binding (RFC 3261 sections 10.2.4 and 8.1.3.4).

RFC 3608 (Service-Route), RFC 3327 (Path), RFC 5626 (instance and reg-id), RFC 5627 (GRUU).
"""

from vox6.sip.headers import NameAddr, parse_number, unquote
from vox6.sip.message import Request, Response
from vox6.sip.uri import URI
from vox6.wire import const
from vox6.wire.errors import FormatError

_MAX_ROUTES = const(8)  # of Service-Route


def find(request: Request, response: Response, instance: str, reg_id: int) -> "NameAddr | None":
    """Return our binding among all of the address of record, None if it is not there.

    instance: instance ID, "" when it is not to be looked for: proxies may change the URI of a
    flow's Contact, so these tell. FormatError: a Contact is malformed.
    """
    sent = request.contact()
    mine = None if sent is None else sent.uri
    for contact in response.contacts():
        if instance and _is_flow(contact, instance, reg_id):
            return contact
        try:
            if mine is not None and contact.uri.matches(mine):
                return contact
        except FormatError:
            continue
    return None


def _is_flow(contact: NameAddr, instance: str, reg_id: int) -> bool:
    value = contact.get("+sip.instance")
    return (
        value is not None
        and unquote(value).lower() == "<" + instance.lower() + ">"
        and contact.get("reg-id") == "%d" % reg_id
    )


def get_expires(contact: "NameAddr | None", response: Response, wanted: int) -> int:
    """Return the seconds given to our binding, 0 if there are only others."""
    if contact is not None:
        text = contact.get("expires")
        if text is not None:
            return parse_number(text)
    elif response.count("contact"):
        return 0
    expires = response.number("expires")
    return wanted if expires is None else expires


def get_routes(response: Response, key: str) -> "list[str]":
    """Return the loose routes of Path or Service-Route; FormatError: one is malformed."""
    values = response.values(key)[:_MAX_ROUTES]
    return [value for value in values if has_param(value, "lr")]


def has_param(route: str, name: str) -> bool:
    """Return whether the URI of a route has a parameter; FormatError if it is no URI."""
    return NameAddr.parse(route).uri.get(name) is not None


def get_gruu(contact: "NameAddr | None", name: str) -> str:
    """Return a GRUU of the binding as text, "" if there is none (RFC 5627 section 4.2)."""
    text = None if contact is None else contact.get(name)
    if not text:
        return ""
    try:
        uri = URI.parse(unquote(text))
    except FormatError:
        return ""
    return str(uri) if uri.scheme in ("sip", "sips") and uri.get("gr") is not None else ""


def choose_redirection(response: Response, secure: bool) -> "URI | None":
    """Return the best URI of a 3xx, None if there is none for us. secure: sips alone.

    FormatError: a Contact is malformed.
    """
    best: "URI | None" = None
    best_q = -1
    for contact in response.contacts():
        uri = contact.uri
        q = _quality(contact.get("q"))
        if uri.scheme == "sips" or (uri.scheme == "sip" and not secure):
            if q > best_q:
                best, best_q = uri, q
    return best


def _quality(text: "str | None") -> int:
    """Return q in thousandths, 1000 if it is absent or malformed."""
    if text is None or text[:1] not in ("0", "1"):
        return 1000
    digits = (text[2:] + "000")[:3]
    if digits.strip("0123456789"):
        return 1000
    return min(1000 * int(text[0]) + int(digits), 1000)
