# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Certificates without a signature that holds, in DER (RFC 5280 section 4.1)."""


def tlv(tag, *parts):
    """Return one element of DER."""
    content = b"".join(parts)
    length = len(content)
    if length < 128:
        head = bytes((tag, length))
    else:
        octets = length.to_bytes(2, "big")
        head = bytes((tag, 0x82)) + octets
    return head + content


def name(common_name):
    """Return a Name with a commonName."""
    value = tlv(0x30, tlv(6, b"\x55\x04\x03"), tlv(0x0C, common_name.encode()))
    return tlv(0x30, tlv(0x31, value))


KEY = tlv(0x30, tlv(0x30, tlv(6, b"\x2a\x86\x48\xce\x3d\x02\x01")), tlv(3, b"\x00" + b"k" * 65))


def certificate(common_name, names=None, key=KEY):
    """Return a certificate. names: (tag, octets) of subjectAltName, None: the extension lacks."""
    algorithm = tlv(0x30, tlv(6, b"\x2a\x86\x48\xce\x3d\x04\x03\x02"))
    parts = [
        tlv(0xA0, tlv(2, b"\x02")),
        tlv(2, b"\x01"),
        algorithm,
        name("A CA"),
        tlv(0x30, tlv(0x17, b"260101000000Z"), tlv(0x17, b"360101000000Z")),
        name(common_name),
        key,
    ]
    if names is not None:
        alternative = tlv(0x30, *[tlv(tag, value) for tag, value in names])
        usage = tlv(0x30, tlv(6, b"\x55\x1d\x0f"), tlv(1, b"\xff"), tlv(4, b"\x03\x02\x07\x80"))
        extension = tlv(0x30, tlv(6, b"\x55\x1d\x11"), tlv(4, alternative))
        parts.append(tlv(0xA3, tlv(0x30, usage, extension)))
    return tlv(0x30, tlv(0x30, *parts), algorithm, tlv(3, b"\x00signature"))


def dns(*texts):
    """Return GeneralNames of DNS."""
    return [(0x82, text.encode()) for text in texts]
