# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What a person dials, as a SIP URI."""

from vox6.sip.headers import NameAddr
from vox6.sip.uri import URI, escape
from vox6.wire.errors import FormatError, LocalProtocolError


def parse_target(text: str, domain: str = "") -> str:
    """Return what a person dialled as a SIP URI: a URI, user@host, or a user of the domain.

    LocalProtocolError: none can be made of it.
    """
    text = text.strip()
    if "<" in text:
        try:
            text = NameAddr.parse(text).uri_text
        except FormatError:
            raise LocalProtocolError("not a SIP URI")
    if text[:4].lower() != "sip:" and text[:5].lower() != "sips:":
        if "@" in text:
            text = "sip:" + text
        elif domain:
            text = "sip:" + escape(text) + "@" + domain
        else:
            raise LocalProtocolError("no domain to call in")
    try:
        return str(URI.parse(text))
    except FormatError:
        raise LocalProtocolError("not a SIP URI")
