# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""RTP streams of a capture, measured without a phone's help (RFC 3550 section 6.4.1, A.3, A.8).

ZRTP messages too, by their types (RFC 6189 section 5).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from pathlib import Path

PAYLOAD_NAMES = {0: "PCMU", 8: "PCMA", 9: "G722"}
_CLOCK = 8000  # of all three payload types (G.722 too: RFC 3551 section 4.5.2)
_GLOBAL_HEADER, _PACKET_HEADER, _ETHERNET, _RTP = 24, 16, 14, 12
_IPV4, _IPV6, _UDP = 20, 40, 8
_MAPPED = bytes(10) + b"\xff\xff"
_NEXT_UDP = 17
_NEXT_FRAGMENT = 44
_FRAGMENT = 8
_COMMITTED = slice(68, 88)  # of a packet with Commit: five names (RFC 6189 section 5.4)
_HALF = 1 << 31


@dataclass
class Stream:
    """One RTP stream: the packets of one synchronisation source from one address to another."""

    source: str
    destination: str
    ssrc: int
    payload_types: set[int] = field(default_factory=set)
    received: int = 0
    first: int = 0  # extended sequence numbers
    highest: int = 0
    jitter: float = 0.0  # RTP units
    longest_gap_s: float = 0.0
    start: float = 0.0  # seconds since the epoch
    end: float = 0.0
    _transit: int | None = None

    @property
    def codec(self) -> str:
        """Names of the payload types seen."""
        return "+".join(PAYLOAD_NAMES.get(kind, str(kind)) for kind in sorted(self.payload_types))

    @property
    def lost(self) -> int:
        """Packets that are missing between the first and the highest."""
        return self.highest - self.first + 1 - self.received

    @property
    def jitter_ms(self) -> float:
        """Interarrival jitter."""
        return self.jitter * 1000 / _CLOCK

    def take(self, time: float, sequence: int, timestamp: int, payload_type: int) -> None:
        """Count one packet."""
        self.payload_types.add(payload_type)
        if self.received == 0:
            self.first = self.highest = sequence
            self.start = time
        else:
            step = (sequence - self.highest + 0x8000) % 0x10000 - 0x8000
            self.highest = max(self.highest, self.highest + step)
            self.longest_gap_s = max(self.longest_gap_s, time - self.end)
        self.received += 1
        self.end = time
        transit = int(time * _CLOCK) - timestamp
        if self._transit is not None:
            change = (transit - self._transit + _HALF) % (1 << 32) - _HALF
            if abs(change) < _CLOCK:  # a larger one is a new start of the clock, no jitter
                self.jitter += (abs(change) - self.jitter) / 16
        self._transit = transit


def ipv6_packet(frame: bytes) -> bytes | None:
    """The IPv6 packet of an Ethernet frame, also one that PubTSP carries in UDP/IPv4; or None."""
    packet = frame[_ETHERNET:]
    if frame[12:14] == b"\x86\xdd":
        return packet if len(packet) >= _IPV6 else None
    if frame[12:14] != b"\x08\x00" or len(packet) < _IPV4 + _UDP + _IPV6:
        return None
    header = (packet[0] & 15) * 4
    if packet[9] != _NEXT_UDP or packet[6] & 0x1F or packet[7]:
        return None  # no UDP, or not its first fragment
    (size,) = struct.unpack_from(">H", packet, header + 4)
    inner = packet[header + _UDP : header + size]
    if len(inner) < _IPV6 or inner[0] >> 4 != 6:
        return None
    return inner if struct.unpack(">H", inner[4:6])[0] == len(inner) - _IPV6 else None


def udp_packets(
    path: Path, ipv4: bool = False
) -> Iterator[tuple[float, bytes, int, bytes, int, bytes]]:
    """(time, source, port, destination, port, payload) of each UDP/IPv6 packet.

    Of one in fragments the first stands for all, its payload ends with it.
    path: pcap file of Ethernet frames in the byte order of this machine, as tcpdump writes it.
    What a tunnel carries counts as if it were native. ipv4: IPv4 is told as well, its addresses
    as v4-mapped ones.
    """
    with path.open("rb") as file:
        head = file.read(_GLOBAL_HEADER)
        if len(head) < _GLOBAL_HEADER or struct.unpack("<I", head[:4])[0] != 0xA1B2C3D4:
            raise ValueError(f"{path} is no pcap file")
        while True:
            head = file.read(_PACKET_HEADER)
            if len(head) < _PACKET_HEADER:
                return
            seconds, micros, length, _ = struct.unpack("<IIII", head)
            frame = file.read(length)
            packet = ipv6_packet(frame)
            if packet is None:
                row = _ipv4_udp(frame) if ipv4 else None
                if row is not None:
                    yield seconds + micros / 1e6, *row
                continue
            following, start = packet[6], _IPV6
            if following == _NEXT_FRAGMENT and not _fragment_offset(packet):
                following, start = packet[_IPV6], _IPV6 + _FRAGMENT
            if following != _NEXT_UDP or len(packet) < start + _UDP:
                continue
            source_port, port, size = struct.unpack(">HHH", packet[start : start + 6])
            payload = packet[start + _UDP : start + size]
            time = seconds + micros / 1e6
            yield time, packet[8:24], source_port, packet[24:40], port, payload


def endpoint(address: bytes, port: int) -> str:
    """Address and port as URIs have them. address: 16 octets, of IPv4 a v4-mapped one."""
    found = IPv6Address(address)
    return f"{found.ipv4_mapped}:{port}" if found.ipv4_mapped else f"[{found}]:{port}"


def _ipv4_udp(frame: bytes) -> tuple[bytes, int, bytes, int, bytes] | None:
    """What udp_packets() tells of a frame of IPv4 with UDP, no later fragment; None of others."""
    packet = frame[_ETHERNET:]
    if frame[12:14] != b"\x08\x00" or len(packet) < _IPV4 + _UDP or packet[9] != _NEXT_UDP:
        return None
    start = (packet[0] & 15) * 4
    if packet[6] & 0x1F or packet[7] or len(packet) < start + _UDP:
        return None
    source_port, port, size = struct.unpack(">HHH", packet[start : start + 6])
    payload = packet[start + _UDP : start + size]
    return _MAPPED + packet[12:16], source_port, _MAPPED + packet[16:20], port, payload


def _fragment_offset(packet: bytes) -> int:
    """Octets before this fragment (RFC 8200 section 4.5); of a cut header: more than any has."""
    if len(packet) < _IPV6 + _FRAGMENT:
        return 0x10000
    return int.from_bytes(packet[_IPV6 + 2 : _IPV6 + 4], "big") & 0xFFF8


def rtp_streams(path: Path, ipv4: bool = False) -> list[Stream]:
    """All RTP streams of a capture in the order of their first packets."""
    found: dict[tuple[bytes, int, bytes, int, int], Stream] = {}
    for time, source, source_port, destination, port, payload in udp_packets(path, ipv4):
        # Even ports above the well-known ones; version 2; not RTCP (RFC 5761 section 4).
        if port % 2 or port < 1024 or len(payload) < _RTP or payload[0] >> 6 != 2:
            continue
        if 192 <= payload[1] <= 223:
            continue
        sequence, timestamp, ssrc = struct.unpack(">HII", payload[2:12])
        key = (source, source_port, destination, port, ssrc)
        if key not in found:
            found[key] = Stream(
                endpoint(source, source_port),
                endpoint(destination, port),
                ssrc,
            )
        found[key].take(time, sequence, timestamp, payload[1] & 0x7F)
    return [stream for stream in found.values() if stream.received >= 5]


def rtp_payloads(path: Path) -> Iterator[tuple[str, int, list[bytes]]]:
    """(source, payload type, payloads in the order of the packets) of each RTP stream."""
    found: dict[tuple[bytes, int, bytes, int, bytes, int], list[bytes]] = {}
    for _, source, source_port, destination, port, payload in udp_packets(path):
        if port % 2 or port < 1024 or len(payload) <= _RTP or payload[0] != 0x80:
            continue
        key = (source, source_port, destination, port, payload[8:12], payload[1] & 0x7F)
        found.setdefault(key, []).append(payload[_RTP:])
    for (source, source_port, _, _, _, payload_type), payloads in found.items():
        yield endpoint(source, source_port), payload_type, payloads


def zrtp_messages(path: Path, ipv4: bool = False) -> list[tuple[float, str, str]]:
    """(seconds since the epoch, source, type) of each ZRTP message in turn."""
    found = []
    for time, source, source_port, _, _, payload in udp_packets(path, ipv4):
        kind = zrtp_type(payload)
        if kind is not None:
            found.append((time, endpoint(source, source_port), kind))
    return found


def zrtp_algorithms(path: Path) -> tuple[str, str, str, str, str] | None:
    """(hash, cipher, auth tag, key agreement, SAS type) of the last handshake, None without one.

    The Commit that counts is that of the initiator, who sends Confirm2 (RFC 6189 section 4.2).
    """
    commits: dict[bytes, bytes] = {}
    agreed: bytes | None = None
    for _, source, _, _, _, payload in udp_packets(path):
        kind = zrtp_type(payload)
        if kind == "Commit":
            commits[source] = payload[_COMMITTED]
        elif kind == "Confirm2":
            agreed = commits.get(source, agreed)
    if agreed is None or len(agreed) != 20:
        return None
    words = [agreed[at : at + 4].decode("ascii", "replace").rstrip() for at in range(0, 20, 4)]
    return words[0], words[1], words[2], words[3], words[4]


def zrtp_type(payload: bytes) -> str | None:
    """Type of the message in a UDP payload, None if it is no ZRTP packet (RFC 6189 section 5)."""
    if len(payload) < 24 or payload[0] >> 4 != 1 or payload[4:8] != b"ZRTP":
        return None
    if payload[12:14] != b"\x50\x5a":  # the preamble of a message behind the packet's header
        return None
    return payload[16:24].decode("ascii", "replace").rstrip()


def rtp_payload(path: Path, destination: str, payload_type: int, start: float = 0.0) -> bytes:
    """The payload of RTP to an address, in the order of the packets.

    destination: text of the address, of either family; start: seconds since the first packet of
    the capture.
    """
    ipv4 = ":" not in destination
    wanted = IPv6Address("::ffff:" + destination if ipv4 else destination).packed
    found = []
    first: float | None = None
    for time, _, _, target, port, payload in udp_packets(path, ipv4):
        first = time if first is None else first
        if target != wanted or port % 2 or time - first < start or len(payload) <= _RTP:
            continue
        if payload[0] == 0x80 and payload[1] & 0x7F == payload_type:
            found.append(payload[_RTP:])
    return b"".join(found)
