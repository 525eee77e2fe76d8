# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What siproxy64-router asks of Linux beside its network."""

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

def now() -> int:
    """Return milliseconds since the program's start, never going back."""

def drop(user: str, group: str) -> None:
    """Be this user from now on, of one group ("": the user's own), without any right of root.

    ValueError: there is no such user or group. OSError: EPERM: we are not root.
    """
