# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The ZRTP messages (RFC 6189 sections 5.2 to 5.16), one class each, fields in wire order.

parse() gives a message with the octets it came from as `octets`; emit() gives octets. Messages
that end with a MAC (Hello, Commit, DHPart1, DHPart2) take it from the field mac. Those with an
encrypted part are in encrypted.py.
"""

from vox6.wire import const
from vox6.wire.errors import FormatError

from .encrypted import Confirm1, Confirm2, SASrelay
from .message import Message, block_text

_MAX_LIST = const(7)  # algorithms of one kind in a Hello (section 5.2)
_BODY = const(12)
_MAC = const(8)

VERSION = "1.10"


class Hello(Message):
    """Section 5.2. Octets: 12 version, 16 client identifier, 32 H3, 64 ZID, 76 flags and counts,
    80 hashes, ciphers, auth tags, key agreements, SAS types, then the MAC.

    Octet 76: 0 S M P and four unused bits; 77: unused and hc; 78: cc, ac; 79: kc, sc.
    """

    kind = "Hello   "

    def __init__(
        self,
        client_id: str,
        h3: bytes,
        zid: bytes,
        lists: "tuple[list[str], list[str], list[str], list[str], list[str]]",
        signature: bool = False,
        mitm: bool = False,
        passive: bool = False,
        version: str = VERSION,
        mac: bytes = bytes(_MAC),
    ) -> None:
        self.version = version
        self.client_id = client_id
        self.h3 = h3
        self.zid = zid
        self.signature = signature
        self.mitm = mitm
        self.passive = passive
        self.hashes, self.ciphers, self.auth_tags, self.key_agreements, self.sas_types = lists
        self.mac = mac

    def body(self) -> bytes:
        lists = (self.hashes, self.ciphers, self.auth_tags, self.key_agreements, self.sas_types)
        counts = [len(names) for names in lists]
        flags = self.signature << 6 | self.mitm << 5 | self.passive << 4
        client = (self.client_id + 16 * " ")[:16]
        out = self.version.encode() + client.encode() + self.h3 + self.zid
        out += bytes((flags, counts[0], counts[1] << 4 | counts[2], counts[3] << 4 | counts[4]))
        out += "".join(["".join(names) for names in lists]).encode()
        return out + self.mac

    @classmethod
    def parse(cls, octets: bytes) -> "Hello":
        """Read one; FormatError."""
        if len(octets) < 88:
            raise FormatError("Hello too short")
        counts = (
            octets[77] & 15,
            octets[78] >> 4,
            octets[78] & 15,
            octets[79] >> 4,
            octets[79] & 15,
        )
        if max(counts) > _MAX_LIST or len(octets) != 88 + 4 * sum(counts):
            raise FormatError("Hello with wrong counts")
        lists = []
        at = 80
        for count in counts:
            lists.append([block_text(octets[i : i + 4]) for i in range(at, at + 4 * count, 4)])
            at += 4 * count
        flags = octets[76]
        return cls(
            block_text(octets[16:32].rstrip(b"\x00 ")),
            octets[32:64],
            octets[64:76],
            (lists[0], lists[1], lists[2], lists[3], lists[4]),
            bool(flags & 0x40),
            bool(flags & 0x20),
            bool(flags & 0x10),
            block_text(octets[12:16]),
            octets[-8:],
        )


class HelloACK(Message):
    """Section 5.3."""

    kind = "HelloACK"


class Commit(Message):
    """Section 5.4. Octets: 12 H2, 44 ZID, 56 hash, 60 cipher, 64 auth tag, 68 key agreement,
    72 SAS type, 76 the commitment, then the MAC.

    commitment: hvi (32 octets); "Mult": nonce (16); "Prsh": nonce (16) and keyID (8).
    """

    kind = "Commit  "

    def __init__(
        self,
        h2: bytes,
        zid: bytes,
        algorithms: "tuple[str, str, str, str, str]",
        commitment: bytes,
        mac: bytes = bytes(_MAC),
    ) -> None:
        self.h2 = h2
        self.zid = zid
        self.algorithms = algorithms
        self.commitment = commitment
        self.mac = mac

    @property
    def mode(self) -> str:
        """Return "DH", "Mult" or "Prsh"."""
        key_agreement = self.algorithms[3]
        return key_agreement if key_agreement in ("Mult", "Prsh") else "DH"

    @property
    def event(self) -> str:
        return "Commit " + self.mode

    def body(self) -> bytes:
        return self.h2 + self.zid + "".join(self.algorithms).encode() + self.commitment + self.mac

    @classmethod
    def parse(cls, octets: bytes) -> "Commit":
        """Read one; FormatError."""
        if len(octets) < 100:
            raise FormatError("Commit too short")
        names = [block_text(octets[i : i + 4]) for i in range(56, 76, 4)]
        message = cls(
            octets[12:44],
            octets[44:56],
            (names[0], names[1], names[2], names[3], names[4]),
            octets[76:-8],
            octets[-8:],
        )
        if len(message.commitment) != {"DH": 32, "Mult": 16, "Prsh": 24}[message.mode]:
            raise FormatError("Commit of a wrong length")
        return message


class DHPart(Message):
    """Sections 5.5 and 5.6. Octets: 12 H1, 44 rs1ID, 52 rs2ID, 60 auxsecretID, 68 pbxsecretID,
    76 public value, then the MAC.

    ids: the four, 8 octets each.
    """

    def __init__(
        self, h1: bytes, ids: "list[bytes]", public: bytes, mac: bytes = bytes(_MAC)
    ) -> None:
        self.h1 = h1
        self.ids = ids
        self.public = public
        self.mac = mac

    def body(self) -> bytes:
        return self.h1 + b"".join(self.ids) + self.public + self.mac

    @classmethod
    def parse(cls, octets: bytes) -> "DHPart":
        """Read one; FormatError."""
        if len(octets) < 84:  # the public value is measured where its type is known
            raise FormatError("DHPart too short")
        ids = [octets[i : i + 8] for i in range(44, 76, 8)]
        return cls(octets[12:44], ids, octets[76:-8], octets[-8:])


class DHPart1(DHPart):
    """The responder's."""

    kind = "DHPart1 "


class DHPart2(DHPart):
    """The initiator's."""

    kind = "DHPart2 "


class Conf2ACK(Message):
    """Section 5.8."""

    kind = "Conf2ACK"


class Error(Message):
    """Section 5.9. Octets: 12 code."""

    kind = "Error   "

    def __init__(self, code: int) -> None:
        self.code = code

    def body(self) -> bytes:
        return self.code.to_bytes(4, "big")

    @classmethod
    def parse(cls, octets: bytes) -> "Error":
        """Read one; FormatError."""
        _exactly(octets, 16)
        return cls(int.from_bytes(octets[12:16], "big"))


class ErrorACK(Message):
    """Section 5.10."""

    kind = "ErrorACK"


class GoClear(Message):
    """Section 5.11. Octets: 12 clear_mac."""

    kind = "GoClear "

    def __init__(self, clear_mac: bytes) -> None:
        self.clear_mac = clear_mac

    def body(self) -> bytes:
        return self.clear_mac

    @classmethod
    def parse(cls, octets: bytes) -> "GoClear":
        """Read one; FormatError."""
        _exactly(octets, 20)
        return cls(octets[12:20])


class ClearACK(Message):
    """Section 5.12."""

    kind = "ClearACK"


class RelayACK(Message):
    """Section 5.14."""

    kind = "RelayACK"


class Ping(Message):
    """Section 5.15. Octets: 12 version, 16 EndpointHash."""

    kind = "Ping    "

    def __init__(self, version: str, endpoint_hash: bytes) -> None:
        self.version = version
        self.endpoint_hash = endpoint_hash

    def body(self) -> bytes:
        return self.version.encode() + self.endpoint_hash

    @classmethod
    def parse(cls, octets: bytes) -> "Ping":
        """Read one; FormatError."""
        _exactly(octets, 24)
        return cls(block_text(octets[12:16]), octets[16:24])


class PingACK(Message):
    """Section 5.16. Octets: 12 version, 16 EndpointHash of its sender, 24 that of the Ping,
    32 SSRC of the Ping.
    """

    kind = "PingACK "

    def __init__(
        self, endpoint_hash: bytes, ping_hash: bytes, ssrc: int, version: str = VERSION
    ) -> None:
        self.version = version
        self.endpoint_hash = endpoint_hash
        self.ping_hash = ping_hash
        self.ssrc = ssrc

    def body(self) -> bytes:
        out = self.version.encode() + self.endpoint_hash + self.ping_hash
        return out + self.ssrc.to_bytes(4, "big")

    @classmethod
    def parse(cls, octets: bytes) -> "PingACK":
        """Read one; FormatError."""
        _exactly(octets, 36)
        ssrc = int.from_bytes(octets[32:36], "big")
        return cls(octets[16:24], octets[24:32], ssrc, block_text(octets[12:16]))


def _exactly(octets: bytes, length: int) -> None:
    if len(octets) != length:
        raise FormatError("message of a wrong length")


# Types by their block; the octets of those without a body are compared and nothing more.
_WITH_BODY = (
    Hello,
    Commit,
    DHPart1,
    DHPart2,
    Confirm1,
    Confirm2,
    Error,
    GoClear,
    SASrelay,
    Ping,
    PingACK,
)
_BARE = (HelloACK, Conf2ACK, ErrorACK, ClearACK, RelayACK)


def parse(octets: bytes) -> Message:
    """Read one message, without packet header and CRC.

    FormatError: an unknown type, a length that does not fit, counts out of bounds.
    """
    if len(octets) < _BODY or octets[0] != 0x50 or octets[1] != 0x5A:
        raise FormatError("no ZRTP message")
    if 4 * (octets[2] << 8 | octets[3]) != len(octets):
        raise FormatError("message of a wrong length")
    kind = octets[4:12]
    for sort in _WITH_BODY:
        if sort.kind.encode() == kind:
            message: Message = sort.parse(octets)
            message.octets = octets
            return message
    for bare in _BARE:
        if bare.kind.encode() == kind:
            _exactly(octets, _BODY)
            message = bare()
            message.octets = octets
            return message
    raise FormatError("unknown message")
