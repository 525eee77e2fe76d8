# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""IPv4, UDP and Ethernet as octets, for tests that write whatever they like on a wire."""

import socket
import struct

ETHERTYPE_IPV4 = b"\x08\x00"
ETHERTYPE_IPV6 = b"\x86\xdd"


def ones_sum(data):
    """The Internet checksum of octets (RFC 1071)."""
    if len(data) & 1:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def ipv4_udp(source, destination, payload, tos=0, checksum=None, ttl=60, protocol=17):
    """An IPv4 packet with UDP. source, destination: (address, port); checksum: None for right."""
    src, dst = (socket.inet_aton(one[0]) for one in (source, destination))
    udp = struct.pack(">HHHH", source[1], destination[1], 8 + len(payload), 0) + payload
    if checksum is None:
        checksum = ones_sum(src + dst + struct.pack(">HH", protocol, len(udp)) + udp) or 0xFFFF
    udp = udp[:6] + checksum.to_bytes(2, "big") + udp[8:]
    head = struct.pack(">BBHHHBBH", 0x45, tos, 20 + len(udp), 0, 0, ttl, protocol, 0) + src + dst
    return head[:10] + ones_sum(head).to_bytes(2, "big") + head[12:] + udp


class Datagram:
    """A UDP datagram as it was seen: addresses as text, what the headers say.

    octets: of the IPv4 packet. is_whole: its UDP checksum is there and right.
    """

    def __init__(self, packet):
        header = (packet[0] & 15) * 4
        self.source = (socket.inet_ntoa(packet[12:16]), int.from_bytes(packet[header:][:2], "big"))
        self.destination = (
            socket.inet_ntoa(packet[16:20]),
            int.from_bytes(packet[header + 2 : header + 4], "big"),
        )
        self.tos = packet[1]
        self.ttl = packet[8]
        self.dont_fragment = bool(packet[6] & 0x40)
        self.is_fragment = bool(packet[6] & 0x3F or packet[7])
        length = int.from_bytes(packet[2:4], "big")
        udp = packet[header:length]
        self.data = udp[8:]
        self.octets = length
        pseudo = packet[12:20] + struct.pack(">HH", 17, len(udp))
        self.is_whole = udp[6:8] != b"\0\0" and ones_sum(pseudo + udp) == 0

    def __repr__(self):
        return f"{self.source} > {self.destination}: {self.data[:60].hex()} ({len(self.data)})"


def is_udp(packet):
    """Whether an IPv4 packet is UDP."""
    return packet[9] == 17 and len(packet) >= 28
