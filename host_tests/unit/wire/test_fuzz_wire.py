# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/wire/reader.py and inet6.py on any octets: FormatError alone leaves them."""

from hypothesis import given
from hypothesis import strategies as st

from vox6.wire import FormatError, Reader, format_address, parse_address


@given(
    st.binary(max_size=64),
    st.lists(st.sampled_from(["u8", "u16", "u24", "u32", "u64"]), max_size=12),
)
def test_reader_reads_what_is_there(data, fields):
    reader = Reader(data)
    at = 0
    for name in fields:
        size = int(name[1:]) // 8
        try:
            value = getattr(reader, name)()
        except FormatError:
            assert len(data) - at < size
            return
        assert value == int.from_bytes(data[at : at + size], "big")
        at += size


@given(st.binary(min_size=16, max_size=16))
def test_addresses_come_back(octets):
    import ipaddress

    text = format_address(octets)
    assert parse_address(text) == octets
    assert ipaddress.IPv6Address(text).packed == octets
    if octets[:12] != bytes(10) + b"\xff\xff":
        assert text == str(ipaddress.IPv6Address(octets))


@given(st.one_of(st.text(max_size=50), st.text("0123456789abcdefABCDEF:.", max_size=50)))
def test_any_text(text):
    import ipaddress

    try:
        octets = parse_address(text)
    except FormatError:
        octets = None
    try:
        wanted = ipaddress.IPv6Address(text).packed if "%" not in text else None
    except ValueError:
        wanted = None
    assert octets == wanted
