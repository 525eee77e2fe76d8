# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""From what somebody typed to whom to call.

    sip:user@[address]      user@[address]      [address]      address      (or sips:)
    user@domain             by way of the account's server, without one by DNS (RFC 3263)
    digits                  by way of the account's server

A link-local address takes a zone: [fe80::1%2] (RFC 4007 section 11); the zone stays at home, SIP
has no place for it.
"""

from firmware.net import network as addresses
from firmware.ui import wording
from vox6.sip.uri import URI, escape, host_text
from vox6.wire.errors import FormatError
from vox6.wire.inet6 import parse_address

_LONGEST = 255  # characters that anybody types


class DialError(Exception):
    """Nobody can be called this way; the text is for the screen."""


class Target:
    """Whom to call. uri: str for the To header; peer: (addr16, port) of the next hop, None: it is
    to be located, from the URI if direct, else as the account's; account: to call with, or None.
    """

    def __init__(self, uri, peer, account, direct=False):
        self.uri = uri
        self.peer = peer
        self.account = account
        self.direct = direct


def _is_mapped(addr16):
    return addr16[:12] == b"\x00" * 10 + b"\xff\xff"


def resolve(text, account, network):
    """Return the Target that text means.

    account: the account for digits and names, or None; network: for zones. DialError says why not.
    """
    text = text.strip()
    if not text:
        raise DialError(wording.DIALLED_NOTHING)
    if len(text) > _LONGEST:
        raise DialError(wording.BAD_NUMBER)
    scheme = "sip:"
    if text.startswith("sip:"):
        text = text[4:]
    elif text.startswith("sips:"):
        text = text[5:]
        scheme = "sips:"
    elif ":" in text.partition("@")[0].partition("[")[0] and not _is_address(text):
        raise DialError(wording.BAD_NUMBER)  # tel: and the like
    if _is_address(text):
        text = "[" + text + "]"
    text, zone = _take_zone(text)
    if "@" not in text and not text.startswith("["):
        return _by_account(scheme, text, account)
    try:
        uri = URI.parse(scheme + text)
        peer = uri.peer()
    except FormatError:
        raise DialError(wording.BAD_ADDRESS if "[" in text else wording.BAD_NUMBER)
    if peer is None:
        if zone or "[" in text:
            raise DialError(wording.BAD_ADDRESS)
        direct = account is None or not account.has_server
        return Target(str(uri), None if direct else account.peer, account, direct)
    addr16, port = peer
    if _is_mapped(addr16):
        raise DialError(wording.IPV4_ADDRESS)
    if addresses.is_link_local(addr16):
        index = network.zone(zone)
        if not index:
            raise DialError(wording.NEED_ZONE)
        addr16 = addresses.with_scope(addr16, index)
    elif zone:
        raise DialError(wording.BAD_ADDRESS)
    return Target(str(uri), (addr16, port), None, True)


def _is_address(text):
    address, percent, _ = text.partition("%")
    if address.count(":") < 2:
        return False
    try:
        parse_address(address)
    except FormatError:
        return False
    return True


def _take_zone(text):
    start = text.find("[")
    end = text.find("]", start)
    percent = text.find("%", start)
    if start < 0 or not start < percent < end:
        return text, ""
    zone = text[percent + 1 : end]
    if zone.startswith("25"):  # RFC 6874 section 2 writes the % as %25
        zone = zone[2:]
    if not zone:
        raise DialError(wording.BAD_ADDRESS)
    return text[:percent] + text[end:], zone


def _by_account(scheme, text, account):
    if account is None:
        raise DialError(wording.NEED_ACCOUNT)
    number = "".join([char for char in text if char not in " -/()"])
    if not number:
        raise DialError(wording.DIALLED_NOTHING)
    uri = "%s%s@%s" % (scheme, escape(number), account.domain)
    return Target(uri, account.peer, account)


def caller_text(uri, display_name=None):
    """Return how a caller or a called one is shown: the name, else the user, else the host."""
    if display_name:
        return display_name
    try:
        parsed = URI.parse(uri)
        if parsed.scheme != "sip" and parsed.scheme != "sips":
            return uri
        return parsed.user_text() or parsed.host
    except FormatError:
        return uri


def peer_text(addr16, port):
    """Return an address and port for the log."""
    return "%s:%d" % (host_text(addr16), port)
