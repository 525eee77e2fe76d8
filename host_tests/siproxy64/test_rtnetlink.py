# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: pyroute2 reads what was written
"""Requests to the kernel about its network, as pyroute2 reads them."""

import socket
import struct

import pytest
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from tools.siproxy64 import rtnetlink

ADDRESS = socket.inet_pton(socket.AF_INET6, "2001:db8::b")
MAPPED = bytes(10) + b"\xff\xff" + socket.inet_aton("192.0.2.32")
REQUEST, ACK, REPLACE, EXCLUSIVE, CREATE = 1, 4, 0x100, 0x200, 0x400


def read(kind, octets):
    """The message; its length in octets is the one that it tells."""
    message = kind(octets)
    message.decode()
    assert message["header"]["length"] == len(octets)
    return message


def test_link_up():
    found = read(ifinfmsg, rtnetlink.link_up(7, 1280))
    assert (found["header"]["type"], found["header"]["flags"]) == (16, REQUEST | ACK)
    assert (found["index"], found["flags"] & 1, found["change"]) == (7, 1, 1)
    assert found.get_attr("IFLA_MTU") == 1280
    inet6 = found.get_attr("IFLA_AF_SPEC").get_attr("AF_INET6")
    assert inet6.get_attr("IFLA_INET6_ADDR_GEN_MODE") == 1


@pytest.mark.parametrize(
    ("add", "kind", "flags"), [(True, 20, REQUEST | ACK | REPLACE | CREATE), (False, 21, 5)]
)
def test_address(add, kind, flags):
    found = read(ifaddrmsg, rtnetlink.address(7, ADDRESS, add))
    assert (found["header"]["type"], found["header"]["flags"]) == (kind, flags)
    assert (found["family"], found["prefixlen"], found["index"]) == (socket.AF_INET6, 128, 7)
    assert found["flags"] == 2  # no duplicate address detection
    assert found.get_attr("IFA_ADDRESS") == "2001:db8::b"


@pytest.mark.parametrize(("add", "kind", "flags"), [(True, 24, 0x405), (False, 25, 5)])
def test_route(add, kind, flags):
    found = read(rtmsg, rtnetlink.route(b"", 0, 7, add, 1, ADDRESS))
    assert (found["header"]["type"], found["header"]["flags"]) == (kind, flags)
    assert (found["dst_len"], found["src_len"], found["table"]) == (0, 128, 254)
    assert (found["type"], found["scope"], found["proto"]) == (1, 0, 4)
    assert found.get_attr("RTA_SRC") == "2001:db8::b" and found.get_attr("RTA_DST") is None
    assert (found.get_attr("RTA_OIF"), found.get_attr("RTA_PRIORITY")) == (7, 1)


@pytest.mark.parametrize(
    ("addr16", "length", "family", "bits", "text", "scope"),
    [
        (ADDRESS, 124, socket.AF_INET6, 124, "2001:db8::b", 0),
        (MAPPED, 124, socket.AF_INET, 28, "192.0.2.32", 254),
    ],
)
def test_to_us(addr16, length, family, bits, text, scope):
    found = read(rtmsg, rtnetlink.to_us(addr16, length, 1))
    assert found["header"]["type"] == 24
    assert found["header"]["flags"] == REQUEST | ACK | EXCLUSIVE | CREATE
    assert (found["family"], found["dst_len"], found["scope"]) == (family, bits, scope)
    assert (found["table"], found["type"]) == (255, 2)
    assert (found.get_attr("RTA_DST"), found.get_attr("RTA_OIF")) == (text, 1)


def test_way():
    found = read(rtmsg, rtnetlink.way(socket.inet_aton("192.0.2.1")))
    assert (found["header"]["type"], found["header"]["flags"]) == (26, REQUEST)
    assert (found["dst_len"], found.get_attr("RTA_DST")) == (32, "192.0.2.1")


def test_preferred_source():
    """As the kernel answers; what is cut short or says nothing of it gives None."""
    head = struct.pack("@BBBBBBBBI", socket.AF_INET, 32, 0, 0, 254, 0, 0, 1, 0)
    rows = [(1, b"\xc0\0\x02\x01"), (4, struct.pack("@I", 2)), (7, b"\xc0\0\x02\x07")]
    answer = head + b"".join(struct.pack("@HH", 8, kind) + data for kind, data in rows)
    assert rtnetlink.preferred_source(answer) == socket.inet_aton("192.0.2.7")
    for length in range(len(answer)):
        assert rtnetlink.preferred_source(answer[:length]) is None
    assert rtnetlink.preferred_source(head + bytes(64)) is None
