# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The usual header names as bytes, so that a line with one of them is read by one look-up."""

from vox6.sip.lines import KNOWN

KNOWN.update(
    {
        b"Via": ("via", "Via"),
        b"v": ("via", "v"),
        b"From": ("from", "From"),
        b"f": ("from", "f"),
        b"To": ("to", "To"),
        b"t": ("to", "t"),
        b"Call-ID": ("call-id", "Call-ID"),
        b"i": ("call-id", "i"),
        b"CSeq": ("cseq", "CSeq"),
        b"Contact": ("contact", "Contact"),
        b"m": ("contact", "m"),
        b"Max-Forwards": ("max-forwards", "Max-Forwards"),
        b"Route": ("route", "Route"),
        b"Record-Route": ("record-route", "Record-Route"),
        b"Content-Type": ("content-type", "Content-Type"),
        b"c": ("content-type", "c"),
        b"Content-Length": ("content-length", "Content-Length"),
        b"l": ("content-length", "l"),
        b"Allow": ("allow", "Allow"),
        b"Supported": ("supported", "Supported"),
        b"k": ("supported", "k"),
        b"User-Agent": ("user-agent", "User-Agent"),
        b"Server": ("server", "Server"),
        b"Expires": ("expires", "Expires"),
        b"Accept": ("accept", "Accept"),
        b"Require": ("require", "Require"),
        b"Authorization": ("authorization", "Authorization"),
        b"Proxy-Authorization": ("proxy-authorization", "Proxy-Authorization"),
        b"WWW-Authenticate": ("www-authenticate", "WWW-Authenticate"),
        b"Proxy-Authenticate": ("proxy-authenticate", "Proxy-Authenticate"),
    }
)
