# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What one key agreement knows while it runs, and no longer (RFC 6189 section 4.4)."""

from .keys import StreamKeys, erase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from .cache import Entry
    from .messages import Commit

    class Pair(Protocol):
        """A key pair of the crypto provider."""

        @property
        def public(self) -> bytes:
            """The public value."""

        def agree(self, __public: bytes) -> bytes:
            """Return DHResult; ValueError: an invalid public value."""

        def erase(self) -> None:
            """Overwrite the secret."""


class Exchange:
    """Begins with a Commit, ours or the peer's; ends with Conf2ACK, an Error, a lost contention.

    mode: "DH", "Mult", "Prsh". commit, dhpart1, dhpart2: octets of the messages as they were on
    the wire. peer_h1: what DHPart1 or DHPart2 brought. matched: (s1, s2, s3), None where the peer
    did not show that it has the secret too.
    """

    def __init__(
        self, initiator: bool, mode: str, algorithms: "tuple[str, str, str, str, str]"
    ) -> None:
        self.initiator = initiator
        self.mode = mode
        self.algorithms = algorithms
        self.hash_type = algorithms[0]
        self.commit = b""
        self.commit_message: "Commit | None" = None
        self.dhpart1 = b""
        self.dhpart2 = b""
        self.peer_public = b""
        self.peer_h1 = b""
        self.pair: "Pair | None" = None
        self.entry: "Entry | None" = None
        self.matched: "tuple[bytes | bytearray | None, ...]" = (None, None, None)
        self.preshared: "bytearray | None" = None
        self.s0: "bytearray | None" = None
        self.context = b""
        self.keys: "StreamKeys | None" = None
        self.bad_confirms = 0
        self.suspicion = 0  # the code to give up with when no good message comes any more
        self.peer_flags: "object | None" = None

    def erase(self) -> None:
        """Overwrite secrets; keys that were handed on stay as they are."""
        if self.pair is not None:
            self.pair.erase()
            self.pair = None
        erase(self.preshared)
        erase(self.s0)
        self.preshared = None
        self.s0 = None
        self.matched = (None, None, None)
        self.entry = None
        if self.keys is not None:
            self.keys.erase()
            self.keys = None
