# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Where messages go by their Via (RFC 3261 section 18, RFC 3581)."""

from vox6.sip.headers import NameAddr, Via, format_params, parse_number, split_list
from vox6.sip.lines import header_key
from vox6.sip.uri import URI, host_address
from vox6.wire.errors import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.message import Message, Request

    Peer = tuple[bytes, int]

MAX_UDP_OCTETS = 1300  # of a request, when the path's MTU is not known (section 18.1.1)
_COMPACT = "bcefiklmorstuvx"  # forms that our requests may have use for


def compact(message: "Message") -> None:
    """Write header names in their compact forms, for what hardly fits (RFC 3261 section 7.3.3)."""
    short = {header_key(letter): letter for letter in _COMPACT}
    headers = message.headers
    for i in range(len(headers)):
        key, name, raw = headers[i]
        headers[i] = (key, short.get(key, name), raw)


def is_reliable(transport: str) -> bool:
    """Return whether a transport delivers by itself, so that nothing is sent again."""
    return transport != "UDP"


def default_port(transport: str) -> int:
    """Return the port that a sent-by or URI without port means."""
    return 5061 if transport == "TLS" else 5060


def same_host(one: bytes, two: bytes) -> bool:
    """Return whether two addresses are one, the interface index of link-local ones aside."""
    if one == two:
        return True
    if one[0] == 0xFE and one[1] & 0xC0 == 0x80 and two[0] == 0xFE and two[1] & 0xC0 == 0x80:
        return one[8:] == two[8:]
    return False


def is_secure(request: "Request") -> bool:
    """Return whether a request must stay on TLS: to a sips URI, or by a sips route (26.2.2)."""
    if request.uri_text[:5].lower() == "sips:":
        return True
    route = request.get("route")
    return route is not None and "sips:" in route.lower() and _is_sips(route)


def _is_sips(route: str) -> bool:
    try:
        return NameAddr.parse(split_list(route)[0]).uri.scheme == "sips"
    except FormatError:
        return False


def secure_contact(message: "Message") -> None:
    """Make our Contact a sips URI, as a secure dialog's must be (sections 8.1.1.8, 12.1.1)."""
    contact = message.contact()
    if contact is None or contact.uri.scheme != "sip":
        return
    uri = contact.uri
    params = [item for item in uri.params if item[0] != "transport"]  # RFC 5630 section 3.3.1
    secure = URI("sips", uri.user, uri.host, uri.port, params, uri.headers, uri.password)
    message.set("Contact", "<" + str(secure) + ">" + format_params(contact.params))


def note_source(message: "Message", peer: "Peer", text: str) -> None:
    """Write received and rport into the top Via of a request (RFC 3261 section 18.2.1, RFC 3581).

    peer: where it came from; text: the address as it is written in received (no brackets).
    """
    via = message.via
    try:
        sent_by = host_address(via.host)
    except FormatError:
        sent_by = None
    rport = via.get("rport")
    if rport is not None:
        via.set("rport", "%d" % peer[1])
    elif sent_by is not None and same_host(sent_by, peer[0]):
        return
    via.set("received", text)
    replace_top_via(message, via)


def replace_top_via(message: "Message", via: "Via | None") -> None:
    """Replace the topmost Via value, or take it out if via is None; other values stay as read."""
    headers = message.headers
    for i in range(len(headers)):
        key, name, raw = headers[i]
        if key != "via":
            continue
        comma = _end_of_first(raw)
        if via is None:
            if comma < 0:
                headers.pop(i)
            else:
                headers[i] = (key, name, raw[comma + 1 :])
        else:
            rest = b"" if comma < 0 else raw[comma:]
            headers[i] = (key, name, b" " + str(via).encode() + rest)
        message._changed("via")
        return


def _end_of_first(raw: bytes) -> int:
    """Return where the comma behind the first value stands, or -1."""
    at = 0
    while True:
        comma = raw.find(b",", at)
        if comma < 0:
            return -1
        quote = raw.find(b'"', at, comma)
        if quote < 0:
            return comma
        at = quote + 1
        while True:
            end = raw.find(b'"', at)
            if end < 0:
                return -1
            slash = raw.find(b"\\", at, end)
            if slash < 0:
                break
            at = slash + 2
        at = end + 1


def response_peer(via: "Via", peer: "Peer", symmetric: bool = True) -> "Peer":
    """Return where a response over UDP goes (RFC 3261 section 18.2.2, RFC 3581 section 4).

    via: the request's topmost one, after `note_source`; peer: where the request came from.
    symmetric: False for a stream whose connection is gone: the sent-by alone counts.
    """
    rport = via.get("rport") if symmetric else None
    if rport:
        return peer[0], parse_number(rport, 65535)
    maddr = via.get("maddr") if symmetric else None
    if maddr:
        addr16 = None
        try:
            addr16 = host_address(maddr)
        except FormatError:
            addr16 = None
        if addr16 is not None and addr16[0] != 0xFF:
            return addr16, default_port(via.transport) if via.port is None else via.port
    return peer[0], default_port(via.transport) if via.port is None else via.port
