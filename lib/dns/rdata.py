# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Data of resource records: one class a type, fields in wire order.

A (RFC 1035 section 3.4.1), CNAME, NS, PTR, SOA, TXT (section 3.3), AAAA (RFC 3596), SRV
(RFC 2782), NAPTR (RFC 3403 section 4), OPT (RFC 6891 section 6.1.2). All others are Unknown and
survive unchanged (RFC 3597), as long as no compressed name is in them.
"""

from vox6.wire import const
from vox6.wire.errors import FormatError, LocalProtocolError

from .name import canonical, read_name, write_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.wire.reader import Reader
    from vox6.wire.writer import Writer

    from .name import Offsets

A = 1
NS = 2
CNAME = 5
SOA = 6
PTR = 12
TXT = 16
AAAA = 28
SRV = 33
NAPTR = 35
OPT = 41

_NAMES = {
    A: "A",
    NS: "NS",
    CNAME: "CNAME",
    SOA: "SOA",
    PTR: "PTR",
    TXT: "TXT",
    AAAA: "AAAA",
    SRV: "SRV",
    NAPTR: "NAPTR",
    OPT: "OPT",
}
_MAX_STRINGS = const(64)  # of one TXT record
_MAX_OPTIONS = const(16)  # of one OPT record


def type_name(rtype: int) -> str:
    """Return the word for a type, TYPE123 where there is none (RFC 3597 section 5)."""
    return _NAMES.get(rtype, "TYPE%d" % rtype)


def _read_string(reader: "Reader") -> bytes:
    return reader.octets(reader.u8())


def _write_string(writer: "Writer", octets: bytes) -> None:
    if len(octets) > 255:
        raise LocalProtocolError("character-string too long")
    writer.u8(len(octets))
    writer.octets(octets)


class Data:
    """What all kinds of data have in common; compared by their fields, names without case."""

    rtype = 0

    def fields(self) -> "tuple[object, ...]":
        """Return what tells two records of a type apart."""
        raise NotImplementedError

    def emit(self, writer: "Writer", offsets: "Offsets | None") -> None:
        """Write the data, without its length."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Data)
            and self.rtype == other.rtype
            and self.fields() == other.fields()
        )

    def __hash__(self) -> int:
        return hash((self.rtype, self.fields()))

    def __repr__(self) -> str:
        return "%s%r" % (type_name(self.rtype), self.fields())


class AddressData(Data):
    """A or AAAA. address: 4 or 16 octets."""

    def __init__(self, rtype: int, address: bytes) -> None:
        if len(address) != (4 if rtype == A else 16):
            raise LocalProtocolError("address of a wrong length")
        self.rtype = rtype
        self.address = bytes(address)

    def fields(self) -> "tuple[object, ...]":
        return (self.address,)

    def emit(self, writer: "Writer", offsets: "Offsets | None") -> None:
        writer.octets(self.address)


class NameData(Data):
    """CNAME, NS or PTR. target: a name."""

    def __init__(self, rtype: int, target: str) -> None:
        self.rtype = rtype
        self.target = target

    def fields(self) -> "tuple[object, ...]":
        return (canonical(self.target),)

    def emit(self, writer: "Writer", offsets: "Offsets | None") -> None:
        write_name(writer, self.target, offsets)


class SOAData(Data):
    """SOA; minimum bounds how long an absence is kept (RFC 2308 section 4)."""

    rtype = SOA

    def __init__(
        self,
        mname: str,
        rname: str,
        serial: int,
        refresh: int,
        retry: int,
        expire: int,
        minimum: int,
    ) -> None:
        self.mname = mname
        self.rname = rname
        self.serial = serial
        self.refresh = refresh
        self.retry = retry
        self.expire = expire
        self.minimum = minimum

    def fields(self) -> "tuple[object, ...]":
        return (
            canonical(self.mname),
            canonical(self.rname),
            self.serial,
            self.refresh,
            self.retry,
            self.expire,
            self.minimum,
        )

    def emit(self, writer: "Writer", offsets: "Offsets | None") -> None:
        write_name(writer, self.mname, offsets)
        write_name(writer, self.rname, offsets)
        for value in (self.serial, self.refresh, self.retry, self.expire, self.minimum):
            writer.u32(value)


class TXTData(Data):
    """TXT. strings: tuple of one or more bytes, each up to 255 octets."""

    rtype = TXT

    def __init__(self, strings: "tuple[bytes, ...]") -> None:
        if not 1 <= len(strings) <= _MAX_STRINGS:
            raise LocalProtocolError("TXT needs 1 to 64 strings")
        self.strings = tuple(strings)

    def fields(self) -> "tuple[object, ...]":
        return self.strings

    def emit(self, writer: "Writer", offsets: "Offsets | None") -> None:
        for string in self.strings:
            _write_string(writer, string)


class SRVData(Data):
    """SRV (RFC 2782); the target "." says that the service is not there."""

    rtype = SRV

    def __init__(self, priority: int, weight: int, port: int, target: str) -> None:
        self.priority = priority
        self.weight = weight
        self.port = port
        self.target = target

    def fields(self) -> "tuple[object, ...]":
        return (self.priority, self.weight, self.port, canonical(self.target))

    def emit(self, writer: "Writer", offsets: "Offsets | None") -> None:
        writer.u16(self.priority)
        writer.u16(self.weight)
        writer.u16(self.port)
        write_name(writer, self.target)  # never compressed, RFC 2782


class NAPTRData(Data):
    """NAPTR (RFC 3403 section 4.1). flags, services, regexp: bytes of up to 255 octets."""

    rtype = NAPTR

    def __init__(
        self,
        order: int,
        preference: int,
        flags: bytes,
        services: bytes,
        regexp: bytes,
        replacement: str,
    ) -> None:
        self.order = order
        self.preference = preference
        self.flags = flags
        self.services = services
        self.regexp = regexp
        self.replacement = replacement

    def fields(self) -> "tuple[object, ...]":
        return (
            self.order,
            self.preference,
            self.flags,
            self.services,
            self.regexp,
            canonical(self.replacement),
        )

    def emit(self, writer: "Writer", offsets: "Offsets | None") -> None:
        writer.u16(self.order)
        writer.u16(self.preference)
        _write_string(writer, self.flags)
        _write_string(writer, self.services)
        _write_string(writer, self.regexp)
        write_name(writer, self.replacement)  # never compressed, RFC 3403 section 4.1


class OPTData(Data):
    """The options of EDNS (RFC 6891). options: list of (code, octets)."""

    rtype = OPT

    def __init__(self, options: "tuple[tuple[int, bytes], ...]" = ()) -> None:
        if len(options) > _MAX_OPTIONS:
            raise LocalProtocolError("too many options")
        self.options = tuple(options)

    def fields(self) -> "tuple[object, ...]":
        return self.options

    def emit(self, writer: "Writer", offsets: "Offsets | None") -> None:
        for code, octets in self.options:
            writer.u16(code)
            writer.u16(len(octets))
            writer.octets(octets)


class Unknown(Data):
    """A type that this file does not know, as octets."""

    def __init__(self, rtype: int, octets: bytes) -> None:
        self.rtype = rtype
        self.octets = bytes(octets)

    def fields(self) -> "tuple[object, ...]":
        return (self.octets,)

    def emit(self, writer: "Writer", offsets: "Offsets | None") -> None:
        writer.octets(self.octets)


def parse(rtype: int, reader: "Reader") -> Data:
    """Return the data of a record.

    reader: over the whole message, from the first to behind the last octet of the data, which
    must be used up. FormatError: the data does not follow its type.
    """
    data = _parse(rtype, reader)
    reader.finish()
    return data


def _parse(rtype: int, reader: "Reader") -> Data:
    if rtype == AAAA:
        return AddressData(AAAA, reader.octets(16))
    if rtype == A:
        return AddressData(A, reader.octets(4))
    if rtype == CNAME or rtype == PTR or rtype == NS:
        return NameData(rtype, read_name(reader))
    if rtype == SRV:
        priority = reader.u16()
        weight = reader.u16()
        port = reader.u16()
        return SRVData(priority, weight, port, read_name(reader))
    if rtype == NAPTR:
        order = reader.u16()
        preference = reader.u16()
        flags = _read_string(reader)
        services = _read_string(reader)
        regexp = _read_string(reader)
        return NAPTRData(order, preference, flags, services, regexp, read_name(reader))
    if rtype == SOA:
        mname = read_name(reader)
        rname = read_name(reader)
        serial = reader.u32()
        refresh = reader.u32()
        retry = reader.u32()
        expire = reader.u32()
        return SOAData(mname, rname, serial, refresh, retry, expire, reader.u32())
    if rtype == TXT:
        strings: "list[bytes]" = []
        while reader.remaining() or not strings:
            if len(strings) == _MAX_STRINGS:
                raise FormatError("too many strings")
            strings.append(_read_string(reader))
        return TXTData(tuple(strings))
    if rtype == OPT:
        options: "list[tuple[int, bytes]]" = []
        while reader.remaining():
            if len(options) == _MAX_OPTIONS:
                raise FormatError("too many options")
            code = reader.u16()
            options.append((code, reader.octets(reader.u16())))
        return OPTData(tuple(options))
    return Unknown(rtype, reader.rest())
