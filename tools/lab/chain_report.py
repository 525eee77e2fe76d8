# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What the captures of `make chain` say of a call, hop by hop."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tools.lab.call_report import CallFailed
from tools.lab.pcap import endpoint, udp_packets, zrtp_type

_RTP_MIN = 172  # a frame of 20 ms of G.711 with its header
_VOICE_MIN = 150  # packets each way in a call
_CONTACT = re.compile(rb"\r\n(?:Contact|m): *([^\r>]*>?)", re.IGNORECASE)
_CONNECTION = re.compile(rb"\nc=([^\r\n]*)")
_WORDS = {
    ("home", True): "the house, IPv4",
    ("home", False): "in the tunnel, at home",
    ("line", False): "in the tunnel, the line",
    ("operator", False): "IPv6, the operator",
    ("office", False): "IPv6, the office",
}


@dataclass
class Hop:
    """The packets of one family that passed one place."""

    place: str
    source: str = ""  # of the INVITE
    destination: str = ""
    target: str = ""
    contact: str = ""
    connection: str = ""
    answer: str = ""  # the 200's Contact
    voice: dict[str, int] = field(default_factory=dict)  # packets by their source
    keys: int = 0  # messages of ZRTP


def hops_of(paths: dict[str, Path]) -> list[Hop]:
    """What each place saw, in the order of the places. paths: captures by place."""
    found: dict[tuple[str, bool], Hop] = {}
    for place, path in paths.items():
        for _, source, source_port, destination, port, payload in udp_packets(path, ipv4=True):
            key = (place, source[:12] == bytes(10) + b"\xff\xff")
            if key not in _WORDS:
                continue  # the tunnel itself, DNS
            hop = found.setdefault(key, Hop(_WORDS[key]))
            if payload.startswith(b"INVITE ") and not hop.target:
                hop.source = endpoint(source, source_port)
                hop.destination = endpoint(destination, port)
                hop.target = payload.split()[1].decode()
                hop.contact = _first(_CONTACT, payload)
                hop.connection = _first(_CONNECTION, payload)
            elif payload.startswith(b"SIP/2.0 200") and not hop.answer:
                hop.answer = _first(_CONTACT, payload)
            elif zrtp_type(payload):
                hop.keys += 1
            elif len(payload) >= _RTP_MIN and payload[0] == 0x80:
                name = endpoint(source, source_port)
                hop.voice[name] = hop.voice.get(name, 0) + 1
    return [found[key] for key in _WORDS if key in found and found[key].target]


def _first(pattern: re.Pattern[bytes], payload: bytes) -> str:
    match = pattern.search(payload)
    return match[1].decode().strip() if match else "-"


def report(console: Console, call: str, hops: list[Hop], names: dict[str, str]) -> None:
    """Print what each hop saw of a call. names: of addresses that are too long for a table."""

    def short(text: str) -> str:
        for address, name in names.items():
            text = text.replace(address, name)
        return text

    console.print(f"[bold]The call {call}[/]")
    table = Table(title=None)
    for title in ("hop", "INVITE", "its Contact, its c=, the answer's Contact", "voice", "ZRTP"):
        table.add_column(title)
    for hop in hops:
        table.add_row(
            hop.place,
            short(f"{hop.source} >\n{hop.destination}\n{hop.target}"),
            short(f"{hop.contact}\n{hop.connection}\n{hop.answer}"),
            short("\n".join(f"{count} from {name}" for name, count in hop.voice.items())),
            str(hop.keys),
        )
    console.print(table)


def check_hops(hops: list[Hop]) -> None:
    """CallFailed: a hop did not see the call or too little voice, or an address came too far."""
    places = [hop.place for hop in hops]
    if places != list(_WORDS.values()):
        raise CallFailed(f"the call was seen at {places} alone")
    for hop in hops:
        if len(hop.voice) != 2 or min(hop.voice.values()) < _VOICE_MIN:
            raise CallFailed(f"{hop.place}: voice {hop.voice}")
    if "192.0.2." in "".join(hop.contact + hop.connection + hop.target for hop in hops[1:]):
        raise CallFailed("an address of the house went out of it")
    if ":" in hops[0].connection or "[" in hops[0].contact + hops[0].answer:
        raise CallFailed("an address of IPv6 came into the house")
