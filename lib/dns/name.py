# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Domain names (RFC 1035 sections 3.1, 4.1.4 and 5.1).

In Python a name is text: labels joined by dots, without the final dot; the root is ".". An octet
that is neither a visible ASCII character nor free of meaning is escaped: `\\.`, `\\\\`, `\\032`.

    on the wire   length 1..63, octets; ...; 0            255 octets in all
    pointer       0xC000 | offset of an earlier name      ends a name
"""

from vox6.wire import const
from vox6.wire.errors import FormatError, LocalProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.wire.reader import Reader
    from vox6.wire.writer import Writer

    Offsets = dict[bytes, int]

_MAX_NAME = const(255)  # octets on the wire, RFC 1035 section 2.3.4
_MAX_LABEL = const(63)
_MAX_POINTERS = const(64)  # each goes backward, so this only bounds the work
_POINTER = const(0xC0)

ROOT = "."


def read_name(reader: "Reader") -> str:
    """Return the name at the reader, which stands behind it afterwards.

    reader: its data is the whole message, offset 0 its first octet. FormatError: truncated, too
    long, an unknown kind of label, a pointer that does not go backward.
    """
    data = reader.data
    at = reader.position
    end = reader.end
    lowest = at  # a pointer goes before the place where its piece of the name began
    after = -1
    total = 1
    pointers = 0
    labels: "list[str]" = []
    while True:
        if at >= end:
            raise FormatError("truncated name")
        length = data[at]
        at += 1
        if length == 0:
            break
        if length >= _POINTER:
            if at >= end:
                raise FormatError("truncated name")
            target = (length & 0x3F) << 8 | data[at]
            at += 1
            if after < 0:
                after = at
            pointers += 1
            if target >= lowest or pointers > _MAX_POINTERS:
                raise FormatError("bad compression pointer")
            end = lowest
            at = lowest = target
            continue
        if length > _MAX_LABEL:
            raise FormatError("unknown label type")
        total += length + 1
        if total > _MAX_NAME:
            raise FormatError("name too long")
        if at + length > end:
            raise FormatError("truncated name")
        labels.append(_label_text(bytes(data[at : at + length])))
        at += length
    reader.position = at if after < 0 else after
    return ".".join(labels) if labels else ROOT


def write_name(writer: "Writer", name: str, offsets: "Offsets | None" = None) -> None:
    """Write a name, shortened by a pointer where offsets knows its end.

    offsets: {labels in lower case on the wire: offset}, filled here; None: write it whole.
    """
    labels = split_name(name)
    for i in range(len(labels)):
        if offsets is not None:
            rest = b"".join([bytes((len(label),)) + label.lower() for label in labels[i:]])
            known = offsets.get(rest)
            if known is not None:
                writer.u16(_POINTER << 8 | known)
                return
            at = writer.position - writer.start
            if at < 0x4000:
                offsets[rest] = at
        writer.u8(len(labels[i]))
        writer.octets(labels[i])
    writer.u8(0)


def split_name(name: str) -> "list[bytes]":
    """Return the labels of a name; LocalProtocolError if it is none. A final dot may stand."""
    if name == ROOT:
        return []
    labels: "list[bytes]" = []
    label = bytearray()
    total = 1
    i = 0
    while i < len(name):
        char = name[i]
        i += 1
        if char == ".":
            total += _end_label(labels, label)
            if total > _MAX_NAME:
                raise LocalProtocolError("name too long")
            label = bytearray()
            if i == len(name):
                return labels
        elif char == "\\":
            digits = name[i : i + 3]
            if len(digits) == 3 and _decimal(digits) and int(digits) < 256:
                label.append(int(digits))
                i += 3
            elif i < len(name) and not "0" <= name[i] <= "9" and " " < name[i] < "\x7f":
                label.append(ord(name[i]))
                i += 1
            else:
                raise LocalProtocolError("bad escape in a name")
        elif "!" <= char <= "~":
            label.append(ord(char))
        else:
            raise LocalProtocolError("not a domain name")
    total += _end_label(labels, label)
    if total > _MAX_NAME:
        raise LocalProtocolError("name too long")
    return labels


def canonical(name: str) -> str:
    """Return the one spelling of a name by which caches and answers compare it.

    Lower case, no final dot, only needed escapes. LocalProtocolError: not a name.
    """
    labels = split_name(name)
    if not labels:
        return ROOT
    return ".".join([_label_text(label.lower()) for label in labels])


def is_below(name: str, ancestor: str) -> bool:
    """Return whether a name is the ancestor or below it; both canonical."""
    if ancestor == ROOT or name == ancestor:
        return True
    if not name.endswith("." + ancestor):
        return False
    slashes = 0  # an escaped dot parts nothing
    at = len(name) - len(ancestor) - 2
    while at >= 0 and name[at] == "\\":
        slashes += 1
        at -= 1
    return slashes % 2 == 0


def _end_label(labels: "list[bytes]", label: bytearray) -> int:
    if not 1 <= len(label) <= _MAX_LABEL:
        raise LocalProtocolError("bad label in a name")
    labels.append(bytes(label))
    return len(label) + 1


def _decimal(text: str) -> bool:
    for char in text:
        if not "0" <= char <= "9":
            return False
    return True


def _label_text(label: bytes) -> str:
    out: "list[str]" = []
    for octet in label:
        char = chr(octet)
        if char == "." or char == "\\":
            out.append("\\" + char)
        elif 0x21 <= octet <= 0x7E:
            out.append(char)
        else:
            out.append("\\%03d" % octet)
    return "".join(out)
