# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What `make call` saw, as tables; and what must hold."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tools.lab.eavesdrop import Overheard
from tools.lab.errors import LabError
from tools.lab.pcap import Stream
from tools.panel.errors import PanelError


class CallFailed(Exception):
    """The call did not go as it must; the text says what was seen."""


@dataclass
class Heard:
    """What one side heard of the other."""

    who: str
    recording: Path
    seconds: float
    match: float
    delay_s: float
    pesq: float | None


@dataclass
class Outcome:
    """All that was seen of a call."""

    heard: list[Heard]
    streams: dict[str, list[Stream]]  # by the place of the capture
    overheard: dict[str, list[Overheard]]
    captures: dict[str, Path]
    names: dict[str, str]  # address: whose it is
    carried: dict[str, int]  # packets that the tunnel's server passed in the call, "up", "down"
    screens: dict[str, str]
    sas: dict[str, str]  # as each phone showed it
    algorithms: tuple[str, ...] | None  # what the handshake on the wire agreed on

    def name(self, end: str) -> str:
        """Whose an address with its port is, e.g. "board"."""
        return self.names.get(end.rpartition("]")[0].lstrip("["), end)


def report(console: Console, outcome: Outcome) -> None:
    """Print the figures and where everything lies."""
    table = Table(title=None)
    for title in ("captured in", "stream", "codec", "packets", "lost", "jitter", "longest gap"):
        table.add_column(title)
    for place, streams in outcome.streams.items():
        for stream in streams:
            table.add_row(
                place,
                f"{outcome.name(stream.source)} > {outcome.name(stream.destination)}",
                stream.codec,
                str(stream.received),
                str(stream.lost),
                f"{stream.jitter_ms:.1f} ms",
                f"{1000 * stream.longest_gap_s:.0f} ms",
            )
    console.print(table)
    table = Table(title=None)
    for title in ("heard by", "likeness", "PESQ-WB", "later by", "recording"):
        table.add_column(title)
    for row in outcome.heard:
        table.add_row(
            row.who,
            f"{row.match:.2f}",
            "-" if row.pesq is None else f"{row.pesq:.2f}",
            f"{1000 * row.delay_s:.0f} ms",
            shown(row.recording),
        )
    for place, found in outcome.overheard.items():
        for one in found:
            what = f"of {outcome.name(one.source)}, {shown(outcome.captures[place])}"
            table.add_row(f"a stranger, {place}", f"{one.likeness:.2f}", "-", "-", what)
    console.print(table)
    for name, text in outcome.screens.items():
        console.print(f"last screen of {name}: [dim]{' | '.join(text.split(chr(10)))}[/]")
    console.print(safety_text(outcome), soft_wrap=True)
    up, down = outcome.carried["up"], outcome.carried["down"]
    console.print(f"the tunnel's server carried {up} packets up and {down} down in the call")


def safety_text(outcome: Outcome) -> str:
    """The SAS on both screens, what protects the voice, and how much of it did not."""
    agree = "agree" if len(set(outcome.sas.values())) == 1 else "DIFFER"
    lines = ["SAS  " + "  ".join(f"{who} {sas}" for who, sas in outcome.sas.items())]
    lines[0] += f"  ({agree})"
    if outcome.algorithms is not None:
        hash_name, cipher, tag, agreement, sas_type = outcome.algorithms
        lines.append(f"keys by ZRTP: {agreement}, {hash_name}, SAS {sas_type}")
        lines[-1] += f"; voice by SRTP: {cipher}, {tag}"
    early = " and ".join(str(one.packets - one.larger) for one in outcome.overheard["office"])
    lines.append(f"packets in clear, before the keys: {early}")
    return "\n".join(lines)


def check_outcome(outcome: Outcome) -> None:
    """CallFailed: the call was not safe, or not what it should be."""
    if len(set(outcome.sas.values())) != 1:
        raise CallFailed(f"the SAS differ: {outcome.sas}: somebody listens between the phones")
    for found in outcome.overheard.values():
        for one in found:
            if one.readable:
                raise CallFailed(
                    f"a stranger makes out the speech of {one.source}: likeness {one.likeness:.2f}"
                )
    for place, streams in outcome.streams.items():
        if len(streams) != 2:
            raise CallFailed(f"{len(streams)} RTP streams in the {place} instead of one each way")
    voice = min(stream.received for stream in outcome.streams["home"])
    if min(outcome.carried.values()) < voice:
        raise CallFailed(
            f"the server carried {outcome.carried}, but {voice} packets of voice passed the home"
        )


@contextlib.contextmanager
def outcome_told(console: Console, command: str, folder: Path) -> Iterator[None]:
    """Say on the console why a command failed or was broken off, and end the program then."""
    try:
        yield
    except (LabError, PanelError, CallFailed) as error:
        console.print(f"[red]{command} failed:[/] {error}", markup=True, soft_wrap=True)
        console.print(f"logs and captures: {shown(folder)}")
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        console.print("interrupted; namespaces and programs are gone")
        raise SystemExit(130) from None


def shown(path: Path) -> str:
    """A path as short as it can be."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
