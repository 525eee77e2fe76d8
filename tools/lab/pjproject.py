# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""pjproject (pjsua2) as a peer: reliable responses, session timers, UPDATE, hold.

pjsua2_program.py runs it in the host's namespace. What it hears it sends back, so that a phone
hears itself. Calls have numbers, in the order in which they came or were dialled, from 0 on.
"""

from pathlib import Path

from tools.lab.driven import Driven
from tools.lab.link import Host

_PROGRAM = Path(__file__).with_name("pjsua2_program.py")


class PJSUA2(Driven):
    """One pjsua2. Events: incoming; state (CONFIRMED, DISCONNECTED ...), its status; media."""

    def __init__(
        self, host: Host, address: str, *, name: str = "pjsua2", port: int = 5060
    ) -> None:
        """Start it. host: where; address: of that host."""
        self.uri = f"sip:{name}@[{address}]:{port}"
        super().__init__(host, _PROGRAM, name, {"address": address, "port": port, "name": name})

    def dial(self, uri: str) -> int:
        """Call a URI; the number of the call."""
        return int(self.do("dial", uri=uri)["call"])

    def answer(self, call: int = 0, status: int = 200) -> None:
        """Take a call; status: another answer than 200."""
        self.do("answer", call=call, status=status)

    def hang_up(self, call: int = 0) -> None:
        """End a call."""
        self.do("hang_up", call=call)

    def hold(self, call: int = 0) -> None:
        """Put a call on hold."""
        self.do("hold", call=call)

    def resume(self, call: int = 0) -> None:
        """Take a call back."""
        self.do("resume", call=call)

    def update(self, call: int = 0) -> None:
        """Offer anew by UPDATE."""
        self.do("update", call=call)
