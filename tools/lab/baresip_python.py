# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""baresip of today (PyPI's baresip-python) as a peer: DTMF, transfers, Opus and L16.

baresip_python_program.py runs it in the host's namespace. Calls have numbers, in the order in
which they came or were dialled, from 0 on.
"""

from pathlib import Path
from typing import Any

from tools.lab import wav
from tools.lab.driven import Driven
from tools.lab.link import Host, bracketed

CODECS = {
    "PCMU": "pcmu/8000/1",
    "PCMA": "pcma/8000/1",
    "G722": "g722/16000/1",
    "opus": "opus/48000/2",
    "L16": "l16/16000/1",
}
_PROGRAM = Path(__file__).with_name("baresip_python_program.py")


class BaresipPython(Driven):
    """One baresip-python; what it hears in a call is recorded."""

    def __init__(
        self,
        host: Host,
        address: str,
        sound: Path,
        *,
        name: str = "modern",
        codec: str = "PCMU",
        port: int = 5060,
        transport: str = "udp",
        dtmf: str = "rtpevent",
        auto_answer: bool = False,
        calls: int = 2,
        extra: str = "",
    ) -> None:
        """Start it.

        host: where; address: of that host; sound: 16-bit WAV that it plays in a call, of the
        codec's rate; codec: a key of CODECS, the only one it offers; transport: udp or tcp, for
        calls of its own; dtmf: rtpevent or info; calls: how many at once; extra: lines of
        baresip's configuration.
        """
        self.uri = f"sip:{name}@{bracketed(address)}:{port}"
        settings: dict[str, Any] = {"address": address, "port": port, "name": name}
        settings |= {"sound": str(sound.resolve()), "codec": CODECS[codec]}
        settings |= {"transport": transport, "dtmf": dtmf, "auto": auto_answer}
        settings |= {"calls": calls, "extra": extra}
        super().__init__(host, _PROGRAM, name, settings)

    def dial(self, uri: str) -> int:
        """Call a URI; the number of the call."""
        return int(self.do("dial", uri=uri)["call"])

    def answer(self, call: int = 0) -> None:
        """Take a call."""
        self.do("answer", call=call)

    def hang_up(self, call: int = 0) -> None:
        """End or refuse a call."""
        self.do("hang_up", call=call)

    def press(self, digits: str, call: int = 0) -> None:
        """Send digits in a call, one after the other."""
        self.do("press", digits=digits, call=call)

    def transfer(self, uri: str, call: int = 0) -> None:
        """Ask the peer of a call to call a URI instead; event "transferred" tells the outcome."""
        self.do("transfer", uri=uri, call=call)

    def attended_transfer(self, call: int, consulted: int) -> None:
        """Hand the peer of a call over to that of another call; event "transferred"."""
        self.do("attended_transfer", call=call, consulted=consulted)

    def accept_transfer(self, call: int = 0) -> int:
        """Do what a REFER in a call asks for (event "refer"); the number of the new call."""
        return int(self.do("accept_transfer", call=call)["call"])

    def recording(self) -> tuple[int, wav.Samples]:
        """What it heard in the last call; complete after it."""
        return wav.read(self.folder / "heard.wav")
