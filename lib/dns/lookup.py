# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""One name and type that somebody waits for: its question of the moment and how it is asked."""

from vox6.wire import const

from . import message
from .state import ASKING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    Peer = tuple[bytes, int]

EDNS_SIZE = const(1232)  # octets: what passes a path of 1280 unfragmented
_QUERY_SIZE = const(300)  # header 12, question 259, OPT 11
_FIRST_PORT = const(32768)  # of local ports; a power of two, and as many of them


class Lookup:
    """name: canonical, as asked. current: whose records are asked for now, behind CNAMEs.

    id, port: of the question of the moment; it keeps them from server to server, so that a late
    answer still counts. servers: in the order to ask. asked: those that have the question.
    left: those that are of no use.
    """

    def __init__(self, name: str, rtype: int) -> None:
        self.name = name
        self.rtype = rtype
        self.current = name
        self.spelling = name
        self.ttl = 0x7FFFFFFF
        self.chain = 0
        self.state = ASKING
        self.id = 0
        self.port = 0
        self.servers: "list[Peer]" = []
        self.turn = 0
        self.round = 0
        self.deadline = 0
        self.asked: "list[Peer]" = []
        self.left: "list[Peer]" = []
        self.reason = "timeout"
        self.edns = True
        self.strangers = 0
        self.moves = 0
        self.wary = False  # asks by TCP because of strangers

    def begin(self, servers: "list[Peer]") -> None:
        """Start over with a question for `current`."""
        self.servers = servers
        self.turn = 0
        self.round = 0
        self.left = []
        self.reason = "timeout"
        self.edns = True

    def renew(self, random: "Callable[[int], bytes]", mix_case: bool, ports: "list[int]") -> None:
        """Choose another ID, port and spelling; ports: those that others use."""
        octets = random(4)
        self.id = octets[0] << 8 | octets[1]
        port = _FIRST_PORT + ((octets[2] << 8 | octets[3]) & (_FIRST_PORT - 1))
        while port in ports:
            port = _FIRST_PORT + ((port + 1) & (_FIRST_PORT - 1))
        self.port = port
        self.asked = []
        self.strangers = 0
        self.spelling = self.current
        if mix_case:
            self.spelling = _mixed(self.current, random(len(self.current)))

    @property
    def peer(self) -> "Peer":
        """The server whose turn it is."""
        return self.servers[self.turn]

    def query(self) -> bytes:
        """Return the question of the moment as a message."""
        query = message.Message(self.id, message.RD)
        query.questions.append(message.Question(self.spelling, self.rtype))
        if self.edns:
            query.udp_size = EDNS_SIZE
        buffer = bytearray(_QUERY_SIZE)
        return bytes(buffer[: query.emit(buffer)])


def _mixed(name: str, octets: bytes) -> str:
    """Return a name with each letter's case by chance (draft-vixie-dnsext-dns0x20)."""
    out: "list[str]" = []
    for i in range(len(name)):
        char = name[i]
        if "a" <= char <= "z" and octets[i] & 1:
            char = char.upper()
        out.append(char)
    return "".join(out)
