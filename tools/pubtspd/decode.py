# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Who is behind an address of a client (pubtsp.md section 9): computed, nothing is looked up.

2001:db8:3653:1:cb00:714d:d431:e0f0
  ipv4   203.0.113.77
  port   54321
  tag    e0f0, valid (key of 2026-11-28)
  name   203-0-113-77.p54321.tsp.example
"""

import ipaddress
from datetime import UTC, datetime

from vox6.pubtsp import embedded
from vox6.pubtsp.address import format_ipv4, synthetic_name, tag_of

from .keys import DAY, Keys


class Decoded:
    """What an address tells.

    tag: one sentence. handed_out: True, False, or None when it cannot be known here.
    """

    def __init__(
        self, address: bytes, ipv4: str, port: int, tag: str, handed_out: bool | None, name: str
    ) -> None:
        self.address = str(ipaddress.IPv6Address(address))
        self.ipv4 = ipv4
        self.port = port
        self.tag = tag
        self.handed_out = handed_out
        self.name = name


def parse_time(text: str) -> int:
    """Return seconds UTC of a time such as 2026-11-28T01:02:03Z, or of seconds; ValueError."""
    if text.isdigit():
        return int(text)
    try:
        found = datetime.fromisoformat(text.strip().upper().replace("Z", "+00:00"))
    except ValueError:
        raise ValueError(
            f"{text!r} is no time; it must be as 2026-11-28T01:02:03Z, or seconds since 1970"
        ) from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return int(found.timestamp())


def parse_address(text: str) -> bytes:
    """Return 16 octets; ValueError."""
    try:
        return ipaddress.IPv6Address(text.strip()).packed
    except ValueError:
        raise ValueError(f"{text.strip()!r} is no IPv6 address") from None


def decode(
    address: bytes, at: int, mode: str, keys: Keys | None, prefixes: list[bytes], domain: str
) -> Decoded:
    """Return what an address tells at a time.

    mode: of the tag; keys: None if they are not known; prefixes: ours, none: any may be.
    """
    v4, port, tag = embedded(address)
    ipv4 = format_ipv4(v4)
    name = synthetic_name(address, domain) if domain else synthetic_name(address, "x")[:-2]
    if prefixes and address[:8] not in prefixes:
        return Decoded(address, ipv4, port, "not of this server's prefix", False, name)
    if port == 0:
        return Decoded(address, ipv4, port, "no client: port 0 is the operator's", False, name)
    what, good = _judge(address, tag, at, mode, keys)
    return Decoded(address, ipv4, port, f"{tag:04x}, {what}", good, name)


def _judge(
    address: bytes, tag: int, at: int, mode: str, keys: Keys | None
) -> tuple[str, bool | None]:
    if mode == "off":
        return ("valid (tags are off)", True) if tag == 0 else ("not valid: tags are off", False)
    if mode == "lan":
        return ("valid (lan)", True) if tag else ("not valid: 0 in mode lan", False)
    if keys is None:
        return "cannot be judged without the key file", None
    period = keys.period(at)
    named = [(period.key, "key " + period.name), (period.previous, "the previous key")]
    if keys.master is not None:
        previous = keys.period(max(0, at - DAY))
        named[1] = (period.previous, f"key {previous.name}, the previous one")
    for key, text in named:
        if key is not None and tag_of(key, address[:14]) == tag:
            return f"valid ({text})", True
    return "not valid: this server did not hand it out then", False


def table(found: Decoded) -> str:
    """Five lines for people."""
    rows = (("ipv4", found.ipv4), ("port", found.port), ("tag", found.tag), ("name", found.name))
    return found.address + "".join(f"\n  {label:6} {value}" for label, value in rows)


def line(found: Decoded) -> str:
    """One line, fields with tabs between."""
    word = {True: "valid", False: "not-valid", None: "unknown"}[found.handed_out]
    return "\t".join((found.address, found.ipv4, str(found.port), word, found.name, found.tag))
