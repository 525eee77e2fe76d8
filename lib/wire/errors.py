# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The errors of every engine (style.md section 3).

An engine raises nothing else at its border: whatever other exception leaves a parser is a bug.
"""


class ProtocolError(Exception):
    """Something is wrong with a protocol; never raised itself."""


class LocalProtocolError(ProtocolError):
    """Our caller asked for what the state does not allow; nothing changed."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the protocol.

    reason: a phrase for people, without octets of the peer.
    code: the SIP status, ZRTP error or TSP code to answer with.
    """

    def __init__(self, reason: str, code: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code

    def __str__(self) -> str:
        return self.reason


class FormatError(RemoteProtocolError):
    """The octets do not follow the grammar."""


class AuthenticationError(RemoteProtocolError):
    """A tag, digest or signature does not verify."""


class ReplayError(RemoteProtocolError):
    """Authentic, but seen before or too old."""
