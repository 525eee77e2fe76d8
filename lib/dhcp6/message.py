# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Messages between client and server (RFC 8415 section 8).

0  msg-type 8
1  transaction-id 24
4  options: option-code 16, option-len 16, option-data
"""

from vox6.wire import const
from vox6.wire.errors import FormatError
from vox6.wire.reader import Reader
from vox6.wire.writer import Writer

TYPE_CHECKING = False
if TYPE_CHECKING:
    Option = tuple[int, bytes]

SOLICIT = 1
ADVERTISE = 2
REQUEST = 3
CONFIRM = 4
RENEW = 5
REBIND = 6
REPLY = 7
RELEASE = 8
DECLINE = 9
RECONFIGURE = 10
INFORMATION_REQUEST = 11

_NAMES = (
    "",
    "Solicit",
    "Advertise",
    "Request",
    "Confirm",
    "Renew",
    "Rebind",
    "Reply",
    "Release",
    "Decline",
    "Reconfigure",
    "Information-request",
)

_MAX_OPTIONS = const(64)  # of one message or of one option


def read_options(reader: Reader) -> "list[Option]":
    """Return the options up to the end of reader; FormatError if one is cut or they are many."""
    options: "list[Option]" = []
    while reader.remaining():
        if len(options) >= _MAX_OPTIONS:
            raise FormatError("too many options")
        code = reader.u16()
        options.append((code, reader.octets(reader.u16())))
    return options


def write_option(writer: Writer, code: int, octets: bytes) -> None:
    """Write one option."""
    writer.u16(code)
    writer.u16(len(octets))
    writer.octets(octets)


class Message:
    """msg_type: of this file. transaction_id: 0..2^24 - 1. options: list of (code, octets)."""

    def __init__(
        self, msg_type: int, transaction_id: int, options: "list[Option] | None" = None
    ) -> None:
        self.msg_type = msg_type
        self.transaction_id = transaction_id
        self.options: "list[Option]" = [] if options is None else options

    @property
    def name(self) -> str:
        """The RFC's word for msg_type."""
        return _NAMES[self.msg_type]

    def get(self, code: int) -> "bytes | None":
        """Return the first option of a code."""
        for option in self.options:
            if option[0] == code:
                return option[1]
        return None

    @staticmethod
    def parse(octets: "bytes | bytearray | memoryview") -> "Message":
        """Return the message in octets; FormatError, also for those of relay agents."""
        reader = Reader(octets)
        msg_type = reader.u8()
        if not SOLICIT <= msg_type <= INFORMATION_REQUEST:
            raise FormatError("unknown message type")
        transaction_id = reader.u24()
        return Message(msg_type, transaction_id, read_options(reader))

    def emit(self, buffer: bytearray) -> int:
        """Write the message to the front of buffer; return its length."""
        writer = Writer(buffer)
        writer.u8(self.msg_type)
        writer.u24(self.transaction_id)
        for code, octets in self.options:
            write_option(writer, code, octets)
        return writer.length()
