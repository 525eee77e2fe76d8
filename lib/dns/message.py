# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""DNS messages (RFC 1035 section 4, EDNS of RFC 6891).

0   ID 16
2   QR 1, Opcode 4, AA 1, TC 1, RD 1, RA 1, Z 1, AD 1, CD 1, RCODE 4
4   QDCOUNT, ANCOUNT, NSCOUNT, ARCOUNT 16 each
12  questions: QNAME, QTYPE 16, QCLASS 16
    records: NAME, TYPE 16, CLASS 16, TTL 32, RDLENGTH 16, RDATA
OPT record: NAME root, CLASS = octets of UDP the sender takes,
            TTL = upper 8 bits of RCODE, version 8, DO 1, Z 15
"""

from vox6.wire import const
from vox6.wire.errors import FormatError, LocalProtocolError
from vox6.wire.reader import Reader
from vox6.wire.writer import Writer

from . import rdata
from .name import ROOT, read_name, write_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .name import Offsets

IN = 1  # the class Internet

QR = 0x8000
AA = 0x0400
TC = 0x0200
RD = 0x0100
RA = 0x0080
_OPCODE = const(0x7800)

NOERROR = 0
FORMERR = 1
SERVFAIL = 2
NXDOMAIN = 3
NOTIMP = 4
REFUSED = 5
BADVERS = 16
_RCODES = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED")

_MAX_QUESTIONS = const(4)  # one in practice
_MAX_RECORDS = const(128)  # of all sections; a datagram of 1232 octets holds fewer than 110


def rcode_name(rcode: int) -> str:
    """Return the word for a response code."""
    if 0 <= rcode < len(_RCODES):
        return _RCODES[rcode]
    return "BADVERS" if rcode == BADVERS else "RCODE%d" % rcode


class Question:
    """What is asked: a name, a type, a class."""

    def __init__(self, name: str, rtype: int, rclass: int = IN) -> None:
        self.name = name
        self.rtype = rtype
        self.rclass = rclass

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Question)
            and self.name == other.name
            and self.rtype == other.rtype
            and self.rclass == other.rclass
        )

    def __hash__(self) -> int:
        return hash((self.name, self.rtype, self.rclass))

    def __repr__(self) -> str:
        return "Question(%r, %s)" % (self.name, rdata.type_name(self.rtype))


class Record:
    """One resource record. ttl: seconds. data: of rdata.py."""

    def __init__(self, name: str, ttl: int, data: rdata.Data, rclass: int = IN) -> None:
        self.name = name
        self.ttl = ttl
        self.data = data
        self.rclass = rclass

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Record)
            and self.name == other.name
            and self.ttl == other.ttl
            and self.rclass == other.rclass
            and self.data == other.data
        )

    def __hash__(self) -> int:
        return hash((self.name, self.ttl, self.rclass))

    def __repr__(self) -> str:
        return "Record(%r, %d, %r)" % (self.name, self.ttl, self.data)


class Message:
    """A query or response. flags: the second 16 bits without RCODE, as QR | RD.

    rcode: 0..4095, the upper 8 bits of EDNS included. udp_size: octets the sender takes by EDNS,
    None without EDNS. options: of EDNS, tuple of (code, octets). additional: without the OPT.
    """

    def __init__(self, id: int, flags: int = RD, rcode: int = 0) -> None:
        self.id = id
        self.flags = flags
        self.rcode = rcode
        self.questions: "list[Question]" = []
        self.answers: "list[Record]" = []
        self.authority: "list[Record]" = []
        self.additional: "list[Record]" = []
        self.udp_size: "int | None" = None
        self.edns_version = 0
        self.edns_flags = 0
        self.options: "tuple[tuple[int, bytes], ...]" = ()

    @property
    def is_response(self) -> bool:
        """Whether QR is set."""
        return bool(self.flags & QR)

    @property
    def truncated(self) -> bool:
        """Whether TC is set."""
        return bool(self.flags & TC)

    @property
    def opcode(self) -> int:
        """0 for an ordinary query."""
        return (self.flags & _OPCODE) >> 11

    @staticmethod
    def parse(octets: "bytes | bytearray | memoryview") -> "Message":
        """Return the message in octets; FormatError if there is none.

        Of a truncated message the header and the questions alone: its records serve nobody
        (RFC 2181 section 9). Octets behind the last record are passed over.
        """
        reader = Reader(octets)
        message = Message(reader.u16())
        flags = reader.u16()
        message.flags = flags & 0xFFF0
        message.rcode = flags & 0x000F
        counts = (reader.u16(), reader.u16(), reader.u16(), reader.u16())
        if counts[0] > _MAX_QUESTIONS:
            raise FormatError("too many questions")
        for _ in range(counts[0]):
            name = read_name(reader)
            rtype = reader.u16()
            message.questions.append(Question(name, rtype, reader.u16()))
        if flags & TC:
            return message
        if counts[1] + counts[2] + counts[3] > _MAX_RECORDS:
            raise FormatError("too many records")
        message._read_records(reader, counts[1], message.answers)
        message._read_records(reader, counts[2], message.authority)
        message._read_records(reader, counts[3], message.additional)
        return message

    def _read_records(self, reader: Reader, count: int, section: "list[Record]") -> None:
        for _ in range(count):
            name = read_name(reader)
            rtype = reader.u16()
            rclass = reader.u16()
            ttl = reader.u32()
            data = rdata.parse(rtype, reader.sub(reader.u16()))
            if isinstance(data, rdata.OPTData):
                if self.udp_size is not None or section is not self.additional or name != ROOT:
                    raise FormatError("misplaced OPT record")
                self.udp_size = rclass
                self.rcode |= ttl >> 24 << 4
                self.edns_version = ttl >> 16 & 0xFF
                self.edns_flags = ttl & 0xFFFF
                self.options = data.options
                continue
            if ttl & 0x80000000:
                ttl = 0  # RFC 2181 section 8
            section.append(Record(name, ttl, data, rclass))

    def emit(self, buffer: bytearray) -> int:
        """Write the message to the front of buffer; return its length.

        LocalProtocolError: it does not fit, or a value is out of range.
        """
        if self.rcode > 15 and self.udp_size is None:
            raise LocalProtocolError("this RCODE needs EDNS")
        writer = Writer(buffer)
        offsets: "Offsets" = {}
        writer.u16(self.id)
        writer.u16(self.flags & 0xFFF0 | self.rcode & 0x0F)
        writer.u16(len(self.questions))
        writer.u16(len(self.answers))
        writer.u16(len(self.authority))
        writer.u16(len(self.additional) + (self.udp_size is not None))
        for question in self.questions:
            write_name(writer, question.name, offsets)
            writer.u16(question.rtype)
            writer.u16(question.rclass)
        for section in (self.answers, self.authority, self.additional):
            for record in section:
                _emit_record(writer, record, offsets)
        if self.udp_size is not None:
            extended = self.rcode >> 4 << 24 | self.edns_version << 16 | self.edns_flags
            opt = Record(ROOT, extended, rdata.OPTData(self.options), self.udp_size)
            _emit_record(writer, opt, offsets)
        return writer.length()


def _emit_record(writer: Writer, record: Record, offsets: "Offsets") -> None:
    write_name(writer, record.name, offsets)
    writer.u16(record.data.rtype)
    writer.u16(record.rclass)
    writer.u32(record.ttl)
    at = writer.position
    writer.u16(0)
    record.data.emit(writer, offsets)
    writer.patch16(at, writer.position - at - 2)
