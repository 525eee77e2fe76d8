# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What is set (configuration.py reads it), and what that makes siproxy64 listen on."""

from .ports import ANY
from .table import Table, side

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .pool import Pool
    from .ports import Place

    Address = tuple[bytes, int]

SIP_PORT = 5060
WHOLE = 96  # prefix length in 128 bits of a mapping that holds everybody
DEFAULT_FILE = "/etc/siproxy64.conf"
DEFAULT_CONTROL = "/run/siproxy64/control"
NOWHERE = b"\x01" + b"\0" * 14 + b"\x01"  # 100::1, of the discard-only prefix (RFC 6666)


class SettingsError(Exception):
    """Wrong settings; `lines` holds one sentence for each mistake."""

    def __init__(self, lines: "list[str]") -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


class Settings:
    """What is set. Sides are as table.side() has them; addresses have 16 octets."""

    def __init__(self) -> None:
        self.table = Table()
        self.pools: "list[Pool]" = []
        self.pool_lines: "list[tuple[tuple[bytes, int], tuple[bytes, int], int, str]]" = []
        self.defaults: "dict[bool, Address]" = {}  # by side: where DNS says how to go on
        # By side: where strangers of the other one are seen, whether in their Contact too.
        self.proxies: "dict[bool, tuple[Address, bool]]" = {}
        self.secret = ""  # a file: key of what proxy mode writes into messages
        self.media_shared: "dict[bool, bytes]" = {}  # side: the address that is shown there
        self.latch = {True: True, False: False}
        self.ports = (16384, 32767)  # of media that cannot keep its own
        self.unmapped = "pass"
        self.services = Table()  # hosts that http: and https: URIs name
        self.strip_identity = False
        self.compact = {True: False, False: False}  # by the side that messages go to
        self.ice = "drop"
        self.transports: "tuple[str, ...]" = ("udp", "tcp")
        self.log_calls = False
        self.anyip = False
        self.pubtsp = ""
        self.control = DEFAULT_CONTROL
        self.metrics: "Address | None" = None
        self.user = ""
        self.group = ""
        self.plane = "auto"
        self.limits = {
            "streams": 64,  # at once
            "streams-per-party": 0,  # of them, that one party began; 0: half of them
            "messages": 1000,  # a second from one party
            "strangers": 10,  # a second from one address that is no party
            "connections": 64,  # TCP, at once
            "silence": 90,  # seconds without media until a call is over after SIGHUP
            "ports": 256,  # SIP ports opened since somebody was told of them
        }

    def share(self) -> int:
        """Return how many streams the calls of one party may have."""
        return self.limits["streams-per-party"] or (self.limits["streams"] + 1) // 2

    def holds_anybody(self, here: bool) -> bool:
        """Return whether parties that nobody configured have addresses of this side."""
        nets = [pool.net[0] for pool in self.pools]
        nets += [net for net, length, _ in self.table.local_nets() if length == WHOLE]
        return here in [side(net) for net in nets]

    def unknown(self, addr16: bytes, port: int, now: int, sender: bool) -> "Address | None":
        """Ask the pools for the counterpart of an address that the table lacks."""
        for pool in self.pools:
            found = pool.find(addr16, port, now, sender)
            if found is not None:
                return found
        return None

    def keep(self, old: "Settings") -> None:
        """Take over what the pools of a configuration before have given away."""
        for pool in self.pools:
            for other in old.pools:
                pool.keep(other)


def wanted(settings: "Settings") -> "list[Place]":
    """Return what a configuration listens on."""
    single: "set[Address]" = set()
    wild: "set[tuple[bool, int]]" = set()
    for addr16, length, port in settings.table.local_nets():
        if length == 128:
            single.add((addr16, port or SIP_PORT))
        else:
            wild.add((side(addr16), port or SIP_PORT))
    for pool in settings.pools:
        wild.add((side(pool.net[0]), SIP_PORT))
    single.update(settings.defaults.values())
    single.update([own for own, _ in settings.proxies.values()])
    out: "list[Place]" = []
    for transport in settings.transports:
        for here, port in sorted(wild):
            out.append((transport, ANY[here], port, True))
        for addr16, port in sorted(single):
            if (side(addr16), port) not in wild:
                out.append((transport, addr16, port, False))
    return out
