# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The codes of Error messages (RFC 6189 section 5.9, table 8), and how an action says no."""

from vox6.wire.errors import RemoteProtocolError

MALFORMED_PACKET = 0x10
CRITICAL_SOFTWARE_ERROR = 0x20
UNSUPPORTED_VERSION = 0x30
HELLO_COMPONENTS_MISMATCH = 0x40
HASH_NOT_SUPPORTED = 0x51
CIPHER_NOT_SUPPORTED = 0x52
KEY_AGREEMENT_NOT_SUPPORTED = 0x53
AUTH_TAG_NOT_SUPPORTED = 0x54
SAS_NOT_SUPPORTED = 0x55
NO_SHARED_SECRET = 0x56
BAD_PUBLIC_VALUE = 0x61
BAD_HVI = 0x62
UNTRUSTED_MITM = 0x63
BAD_CONFIRM_MAC = 0x70
NONCE_REUSE = 0x80
EQUAL_ZIDS = 0x90
SSRC_COLLISION = 0x91
SERVICE_UNAVAILABLE = 0xA0
PROTOCOL_TIMEOUT = 0xB0
GOCLEAR_NOT_ALLOWED = 0x100

TEXTS = {
    MALFORMED_PACKET: "malformed packet",
    CRITICAL_SOFTWARE_ERROR: "critical software error",
    UNSUPPORTED_VERSION: "unsupported ZRTP version",
    HELLO_COMPONENTS_MISMATCH: "Hello components mismatch",
    HASH_NOT_SUPPORTED: "hash type not supported",
    CIPHER_NOT_SUPPORTED: "cipher type not supported",
    KEY_AGREEMENT_NOT_SUPPORTED: "public key exchange not supported",
    AUTH_TAG_NOT_SUPPORTED: "SRTP auth tag not supported",
    SAS_NOT_SUPPORTED: "SAS rendering scheme not supported",
    NO_SHARED_SECRET: "no shared secret available, DH mode required",
    BAD_PUBLIC_VALUE: "bad public value",
    BAD_HVI: "hvi is not the hash of the data",
    UNTRUSTED_MITM: "relayed SAS from an untrusted MiTM",
    BAD_CONFIRM_MAC: "bad MAC of a Confirm",
    NONCE_REUSE: "nonce reuse",
    EQUAL_ZIDS: "equal ZIDs",
    SSRC_COLLISION: "SSRC collision",
    SERVICE_UNAVAILABLE: "service unavailable",
    PROTOCOL_TIMEOUT: "protocol timeout",
    GOCLEAR_NOT_ALLOWED: "GoClear not allowed",
}


def text(code: int) -> str:
    """Return words for a code, also for one that the table lacks."""
    return TEXTS.get(code, "error 0x%x" % code)


class Refused(RemoteProtocolError):
    """The exchange ends: an Error with this code goes out.

    attack: it cannot be an accident, the user is to be alerted (section 8.1.1).
    """

    def __init__(self, code: int, reason: str = "", attack: bool = False) -> None:
        super().__init__(reason or text(code), code)
        self.attack = attack


class Ignored(RemoteProtocolError):
    """The message is not used and nothing changes; counter: which one counts it."""

    def __init__(self, counter: str) -> None:
        super().__init__(counter)
        self.counter = counter
