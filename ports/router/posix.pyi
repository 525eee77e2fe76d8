# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What siproxy64-router asks of Linux beside its network."""

from collections.abc import Callable

HUP: int
INT: int
USR1: int
USR2: int
TERM: int

class Signals:
    """Signals that wait to be taken instead of doing what is usual; pollable for reading."""

    def __init__(self, *numbers: int) -> None:
        """From now on these signals wait here. OSError: EINVAL, EMFILE."""

    def take(self) -> int | None:
        """Return the number of the first signal that waits; None: none does."""

    def close(self) -> None:
        """Let them do what is usual; again: nothing."""

class Poll:
    """Waits at all objects that have a descriptor and are watched."""

    OUT: int  # in an event: there is room for writing; all others: it may be read

    def watch(self, what: object, call: Callable[[int], object]) -> None:
        """Call with the event when something can be read. OSError: EMFILE, EPERM."""

    def unwatch(self, what: object) -> None:
        """Look at it no more; before it is closed. OSError: ENOENT: it is not watched."""

    def want(self, what: object, room: bool) -> None:
        """Say whether room for writing is waited for, too."""

    def wait(self, ms: int) -> None:
        """Wait so long at most (-1: for ever), then call for all that is ready.

        What a call raises comes out of here; what was not called is ready the next time.
        """

class Tun:
    """A TUN device without packet information; pollable for reading while a packet waits.

    It goes, with its addresses and routes, when it is closed or the program ends.
    """

    index: int  # of the interface

    def __init__(self, name: str) -> None:
        """Make it. OSError: EPERM, ENOENT (no TUN in this kernel), EBUSY, EINVAL (name)."""

    def read(self) -> bytes | None:
        """Return the next packet that the kernel sends, None when there is none now; OSError."""

    def write(self, packet: bytes) -> bool:
        """Give a packet to the kernel as if it had arrived; False: it did not take it."""

    def close(self) -> None:
        """Give it up; again: nothing."""

class Local:
    """A stream socket with a path, made by listen(), connect() or accept(); pollable."""

    def accept(self) -> "Local | None":
        """Return the next connection, whose read() does not wait; None: there is none. OSError."""

    def read(self, count: int) -> bytes | None:
        """Return some octets, b"" at the end; None: there are none (yet). OSError."""

    def write(self, data: bytes) -> int:
        """Send octets; return how many there was room for. OSError."""

    def close(self) -> None:
        """Give it up, and the path if it is still that of this listener; again: nothing."""

def listen(path: str, user: str, group: str) -> Local:
    """Take connections at a path, for a user and a group ("": ours) and nobody else.

    Its folder is made if that alone is missing; a socket that was left behind is replaced.

    OSError: EADDRINUSE (somebody answers there, or it is no socket), ENOENT, EACCES,
    ENAMETOOLONG. ValueError: there is no such user or group.
    """

def connect(path: str) -> Local:
    """Ask at a path: read() and write() wait 5 s. OSError: nobody is there."""

def getenv(name: str) -> str | None:
    """Return a variable of the environment, None: it is not set."""

def netlink(request: bytes) -> bytes:
    """Send one rtnetlink message, with its header; return what the kernel answers, without.

    b"": it was done. OSError: what the kernel says against it, ETIMEDOUT, EBADMSG.
    """

def random(count: int) -> bytes:
    """Return octets by chance, 256 at most."""

def now() -> int:
    """Return milliseconds since the program's start, never going back."""

def drop(user: str, group: str, net_admin: bool) -> None:
    """Be this user from now on ("": who we are), of one group ("": the user's own).

    All capabilities go, but CAP_NET_ADMIN, which a tunnel needs, with net_admin.
    ValueError: there is no such user or group. OSError: EPERM: we are not root.
    """
