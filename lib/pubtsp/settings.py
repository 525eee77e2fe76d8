# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What a client of PubTSP is told to do (X-2, X-4, X-9, X-13)."""

from . import martians
from .search import SHORTEST


class Settings:
    """What a client is told to do.

    quick_start: create at once (X-4). interval: the keepalive wished, in seconds. search: look for
    a longer one (X-9). direct: paths straight to peers (X-13), in prefixes besides the server's
    own. policy: martians. cheap_ms: a cheap keepalive each so many ms (X-2), 0 for none.
    """

    def __init__(
        self,
        quick_start: bool = True,
        interval: int = SHORTEST,
        search: bool = True,
        direct: bool = True,
        prefixes: "tuple[bytes, ...]" = (),
        policy: str = martians.STRICT,
        cheap_ms: int = 0,
    ) -> None:
        self.quick_start = quick_start
        self.interval = interval
        self.search = search
        self.direct = direct
        self.prefixes = tuple(prefixes)
        self.policy = policy
        self.cheap_ms = cheap_ms
