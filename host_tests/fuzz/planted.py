# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A parser with a bug behind five comparisons: a fuzzer that follows coverage finds it."""

from vox6.wire import FormatError


def parse(data: bytes) -> None:
    """Refuse all but what blind chance finds once in 2^40 tries."""
    for at, octet in enumerate(b"\xa5vox6"):
        if len(data) <= at or data[at] != octet:
            raise FormatError("as it should be")
    raise IndexError("the planted bug")
