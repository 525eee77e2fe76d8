# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Options and what is in them (RFC 8415 section 21; RFC 3319, 3646, 5970).

3  IA_NA           IAID 32, T1 32, T2 32 (s), options
5  IAADDR          address 128, preferred-lifetime 32, valid-lifetime 32 (s), options
13 STATUS_CODE     status-code 16, message in UTF-8
21, 24             domain names as in RFC 1035 section 3.1, whole (section 10)
22, 23             addresses, 16 octets each
59 BOOTFILE_URL    text
32, 82, 83         seconds 32
"""

from vox6.wire import const
from vox6.wire.errors import FormatError
from vox6.wire.reader import Reader
from vox6.wire.writer import Writer

from .message import read_options

CLIENTID = 1
SERVERID = 2
IA_NA = 3
IAADDR = 5
ORO = 6
PREFERENCE = 7
ELAPSED_TIME = 8
STATUS_CODE = 13
RAPID_COMMIT = 14
SIP_SERVER_D = 21  # RFC 3319
SIP_SERVER_A = 22
DNS_SERVERS = 23  # RFC 3646
DOMAIN_LIST = 24
INFORMATION_REFRESH_TIME = 32
BOOTFILE_URL = 59  # RFC 5970
SOL_MAX_RT = 82
INF_MAX_RT = 83

SUCCESS = 0
UNSPEC_FAIL = 1
NO_ADDRS_AVAIL = 2
NO_BINDING = 3
NOT_ON_LINK = 4
USE_MULTICAST = 5

INFINITY = 0xFFFFFFFF  # section 7.7

_MAX_NAME = const(255)  # octets of a domain name
_MAX_NAMES = const(8)  # of one option: more are passed over
_MAX_ADDRESSES = const(8)
_MAX_TEXT = const(512)  # octets of a URL or of words for people


class IAAddress:
    """IAADDR (section 21.6); lifetimes in seconds. status: its STATUS_CODE, 0 without."""

    def __init__(self, addr16: bytes, preferred: int, valid: int, status: int = SUCCESS) -> None:
        self.addr16 = addr16
        self.preferred = preferred
        self.valid = valid
        self.status = status

    @staticmethod
    def parse(octets: bytes) -> "IAAddress":
        """Return what is in the option; FormatError."""
        reader = Reader(octets)
        addr16 = reader.octets(16)
        preferred = reader.u32()
        valid = reader.u32()
        status, _ = status_of(read_options(reader))
        return IAAddress(addr16, preferred, valid, status)

    def emit(self, writer: Writer) -> None:
        """Write the option with its code and length."""
        writer.u16(IAADDR)
        writer.u16(24)
        writer.octets(self.addr16)
        writer.u32(self.preferred)
        writer.u32(self.valid)


class IANA:
    """IA_NA (section 21.4). t1, t2: seconds. addresses: list of IAAddress."""

    def __init__(self, iaid: int, t1: int, t2: int, addresses: "list[IAAddress]") -> None:
        self.iaid = iaid
        self.t1 = t1
        self.t2 = t2
        self.addresses = addresses
        self.status = SUCCESS
        self.status_text = ""

    @staticmethod
    def parse(octets: bytes) -> "IANA":
        """Return what is in the option; FormatError. Addresses behind the eighth are left out."""
        reader = Reader(octets)
        iaid = reader.u32()
        t1 = reader.u32()
        t2 = reader.u32()
        association = IANA(iaid, t1, t2, [])
        inner = read_options(reader)
        for code, data in inner:
            if code == IAADDR and len(association.addresses) < _MAX_ADDRESSES:
                association.addresses.append(IAAddress.parse(data))
        association.status, association.status_text = status_of(inner)
        return association

    def emit(self) -> bytes:
        """Return the octets of the option, without code and length."""
        writer = Writer(bytearray(12 + 28 * len(self.addresses)))
        writer.u32(self.iaid)
        writer.u32(self.t1)
        writer.u32(self.t2)
        for address in self.addresses:
            address.emit(writer)
        return writer.getvalue()


def status_of(options: "list[tuple[int, bytes]]") -> "tuple[int, str]":
    """Return status code and message; success without the option (section 21.13)."""
    for code, octets in options:
        if code == STATUS_CODE:
            reader = Reader(octets)
            return reader.u16(), printable(reader.rest())
    return SUCCESS, ""


def number_of(octets: "bytes | None") -> "int | None":
    """Return the value of an option of four octets, None without it; FormatError."""
    if octets is None:
        return None
    reader = Reader(octets)
    value = reader.u32()
    reader.finish()
    return value


def addresses_of(octets: "bytes | None") -> "list[bytes]":
    """Return the addresses of option 22 or 23; FormatError if they are not whole."""
    out: "list[bytes]" = []
    if octets is None:
        return out
    if len(octets) % 16:
        raise FormatError("addresses of a wrong length")
    for at in range(0, len(octets), 16):
        if len(out) < _MAX_ADDRESSES:
            out.append(bytes(octets[at : at + 16]))
    return out


def names_of(octets: "bytes | None") -> "list[str]":
    """Return the names of option 21 or 24, without the final dot; FormatError.

    Names whose labels hold anything but letters, digits, hyphens and underscores are left out.
    """
    out: "list[str]" = []
    if octets is None:
        return out
    reader = Reader(octets)
    while reader.remaining():
        labels: "list[str]" = []
        good = True
        total = 1
        length = reader.u8()
        while length:
            if length > 63:  # no pointers here, section 10
                raise FormatError("bad label in a name")
            total += length + 1
            if total > _MAX_NAME:
                raise FormatError("name too long")
            label = reader.octets(length)
            for octet in label:
                if not (
                    0x61 <= octet | 0x20 <= 0x7A
                    or 0x30 <= octet <= 0x39
                    or octet == 0x2D
                    or octet == 0x5F
                ):
                    good = False
            if good:
                labels.append(label.decode())
            length = reader.u8()
        if good and labels and len(out) < _MAX_NAMES:
            out.append(".".join(labels))
    return out


def emit_names(names: "list[str]") -> bytes:
    """Return names as option 21 or 24 holds them."""
    out = bytearray()
    for name in names:
        for label in name.split("."):
            out.append(len(label))
            out.extend(label.encode())
        out.append(0)
    return bytes(out)


def printable(octets: bytes) -> str:
    """Return text for people: ASCII as it is, all else as question marks, bounded."""
    return "".join([chr(octet) if 0x20 <= octet < 0x7F else "?" for octet in octets[:_MAX_TEXT]])


def url_of(octets: "bytes | None") -> str:
    """Return the URL of option 59, "" without; FormatError if it is no URL of RFC 3986."""
    if octets is None:
        return ""
    if len(octets) > _MAX_TEXT:
        raise FormatError("URL too long")
    for octet in octets:
        if not 0x21 <= octet <= 0x7E:
            raise FormatError("not a URL")
    return octets.decode()
