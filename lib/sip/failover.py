# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The next target of a request (RFC 3263 section 4.3); TCP for large ones (RFC 3261 18.1.1).

A request has failed at a target that answers 503, cannot be reached, or says nothing at all. Then
it goes, with a new branch, to the next (peer, transport) of its user's `targets`, all within the
time that one transaction has (64 T1). While more targets are left a silent one has 8 T1, by stream
16 T1 (a connection and its handshake); the last has all that remains.

What would go by UDP and is large goes by TCP to the same peer first, and by UDP when that fails
or says nothing for 8 T1. A peer without TCP is remembered: its next large request is not held up.
"""

from vox6.sip.state import CALLING, TRYING
from vox6.sip.transport import is_reliable
from vox6.wire import const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from vox6.sip.transaction import ClientTransaction

    Peer = tuple[bytes, int]

_SILENT_UDP = const(8)  # T1: four times sent
_SILENT_STREAM = const(16)


def get_patience(transaction: "ClientTransaction") -> int:
    """Return the ms that a silent target has."""
    if not transaction.targets and not transaction.fallback:
        return 64 * transaction.layer.t1
    slow = transaction.reliable and not transaction.fallback
    return (_SILENT_STREAM if slow else _SILENT_UDP) * transaction.layer.t1


def try_next(transaction: "ClientTransaction", status: int, now: int) -> bool:
    """Send the request to its next target; False if none is left, or no time.

    status: 503 as answered, 408 (silence), 0 (unreachable). The transaction is the same object
    with another key. A refused INVITE leaves one behind that repeats the ACK.
    """
    if now >= transaction.until:
        return False
    if transaction.fallback and status != 503:
        transaction.fallback = False
        transaction.layer.note_without_tcp(transaction.peer)
        _move(transaction, transaction.peer, "UDP", now)
        return True
    if not transaction.targets:
        return False
    if status == 503 and transaction.method == "INVITE" and not transaction.reliable:
        transaction.leave_behind(now)
    peer, transport = transaction.targets.pop(0)
    transaction.layer.restamp_contact(transaction.request, transaction.wanted, transport)
    transaction.wanted = transport
    transaction.fallback = (
        transport == "UDP" and transaction.large and peer not in transaction.layer.without_tcp
    )
    user: "Any" = transaction.user
    if getattr(user, "targets", None) is transaction.targets:
        user.peer = peer
        user.transport = transport
    _move(transaction, peer, "TCP" if transaction.fallback else transport, now)
    return True


def _move(transaction: "ClientTransaction", peer: "Peer", transport: str, now: int) -> None:
    layer = transaction.layer
    layer.count("failovers")
    layer.remove(transaction)
    layer.restamp(transaction.request, transport)
    transaction.peer = peer
    transaction.transport = transport
    transaction.reliable = is_reliable(transport)
    transaction.state = CALLING if transaction.method == "INVITE" else TRYING
    transaction.ended_at = None
    transaction.enter()
    transaction.begin(now)
