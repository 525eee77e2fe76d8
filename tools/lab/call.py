# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""`make call`: the emulated board calls the host phone, step by step, with what was heard.

Nothing here reaches into a phone: keys, screen, lamps and sound of the panel, and the wire.
"""

import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from tools.lab import measure, speech, wav
from tools.lab.capture import Capture
from tools.lab.eavesdrop import Overheard, overhear
from tools.lab.errors import LabError
from tools.lab.network import PREFIX, Host, Lab
from tools.lab.pcap import Stream, rtp_streams, zrtp_algorithms
from tools.panel import safety
from tools.panel.errors import PanelError
from tools.panel.panel import Panel
from tools.panel.phones import TOP, QEMUPhone, UnixPhone

_RATE = 16000  # of the sentences spoken; a narrow codec takes half of it
_MATCH_MIN = 0.75  # likeness of the sound heard to the sound spoken; other speech gives 0.5
_SAS_S = 10.0  # until both show an SAS; a second is usual
_TAIL_S = 1.0  # from the end of the last sentence until somebody hangs up
_TEXTS = {
    "board": ("en-gb", speech.TEXT),
    "host": (
        "en-us",
        "These days a chicken leg is a rare dish. Rice is often served in round bowls. "
        "The juice of lemons makes fine punch.",
    ),
}


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
    streams: list[Stream]
    screens: dict[str, str]
    sas: dict[str, str]  # as each phone showed it
    algorithms: tuple[str, ...] | None  # what the handshake on the wire agreed on
    overheard: list[Overheard]


class Story:
    """Prints what happens, each line with its time."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._start = time.monotonic()

    def tell(self, who: str, text: str) -> None:
        """Print one line."""
        passed = time.monotonic() - self._start
        self._console.print(f"[dim]{passed:7.2f} s[/]  [bold]{who:<6}[/] {text}", highlight=False)


def idle_address(panel: Panel, timeout: float) -> str:
    """Wait until an idle phone shows its global address; the address."""
    prefix = PREFIX.partition("::")[0]
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        # A long address fills more than one line of the screen.
        joined = panel.screen_text().replace("\n", "")
        found = re.search(re.escape(prefix) + r":[0-9a-f:]*[0-9a-f]", joined)
        if found:
            return found[0]
        time.sleep(0.05)
    raise CallFailed(f"no address within {timeout:g} s; the screen:\n{panel.screen_text()}")


def make_call(folder: Path, story: Story) -> Outcome:
    """Set up the lab, make the call, measure it. LabError, PanelError, CallFailed."""
    spoken = {}
    for name, (voice, text) in _TEXTS.items():
        spoken[name] = speech.speech_file(TOP / "build/speech", _RATE, voice, text)
    with Lab(folder) as lab:
        host = lab.host("phone")
        capture = Capture(lab, "call.pcap")
        story.tell("lab", f"one IPv6 link, router for {PREFIX}, no IPv4; capture runs")
        with (
            QEMUPhone(folder / "board", lab) as board_phone,
            UnixPhone(folder / "host", host) as host_phone,
        ):
            panels = {"board": board_phone.panel, "host": host_phone.panel}
            screens, sas = converse(panels, host, spoken, folder, story)
            streams_path = capture.stop()
    story.tell("lab", "phones off, namespaces removed")
    heard = []
    for who, other in (("host", "board"), ("board", "host")):
        path = folder / f"heard-by-{who}.wav"
        heard.append(judge(who, path, spoken[other]))
    overheard = overhear(streams_path, list(spoken.values()))
    algorithms = zrtp_algorithms(streams_path)
    return Outcome(heard, rtp_streams(streams_path), screens, sas, algorithms, overheard)


def converse(
    panels: dict[str, Panel], host: Host, spoken: dict[str, Path], folder: Path, story: Story
) -> tuple[dict[str, str], dict[str, str]]:
    """The call itself, by keys; recordings land in folder. The last screens, the SAS on each."""
    board, phone = panels["board"], panels["host"]
    story.tell("board", f"up: {board.facts.get('name')}")
    story.tell("host", f"up: {phone.facts.get('name')}")
    story.tell("board", f"address {idle_address(board, 20.0)}")
    host.wait_address()
    address = idle_address(phone, 20.0)
    story.tell("host", f"address {address}")

    uri = f"sip:phone@[{address}]"
    board.dial(uri)
    recordings = {name: panel.record() for name, panel in panels.items()}
    pressed = time.monotonic()
    board.press("call")
    story.tell("board", f"dials {uri}")
    phone.wait_text("call from", 10.0)
    phone.wait_lamp("line1", "flash", 2.0)
    ringing = time.monotonic() - pressed
    story.tell("host", f"rings, {1000 * ringing:.0f} ms after the key; lamp line1 flashes")
    board.wait_text("rings there", 5.0)
    story.tell("board", "hears ring-back")
    time.sleep(1.5)  # a ring is heard on both sides
    for name, recording in recordings.items():
        rate, samples = recording.stop()
        if not len(measure.loud_part(samples, rate, 0.0)):
            raise CallFailed(f"{name}: no ringing tone in the speaker")

    pressed = time.monotonic()
    phone.press("call")
    for panel in (phone, board):
        panel.wait_text("talking", 10.0)
    story.tell("host", f"answers; both talk {1000 * (time.monotonic() - pressed):.0f} ms later")
    sas = {name: safety.wait_sas(panel, _SAS_S) for name, panel in panels.items()}
    for name, panel in panels.items():
        times = safety.sas_time(panel, pressed)
        later = f", {1000 * (times[1] - times[0]):.0f} ms after the answer" if times else ""
        story.tell(name, f"shows the SAS {sas[name]}{later}; lamp security {lamp(panel)}")
    time.sleep(0.3)
    recordings = {name: panel.record() for name, panel in panels.items()}
    plays = [panel.play(spoken[name]) for name, panel in panels.items()]
    story.tell("both", "speak at the same time")
    for play in plays:
        if not play.wait(30.0):
            raise CallFailed("a microphone is not read: the phone's audio device stands still")
    time.sleep(_TAIL_S)
    for name, recording in recordings.items():
        recording.stop()
        recording.save(folder / f"heard-by-{name}.wav")
    screens = {name: panel.screen_text() for name, panel in panels.items()}
    board.press("hangup")
    story.tell("board", "hangs up")
    phone.wait_text("hung up", 5.0)
    story.tell("host", 'shows "They hung up"')
    return screens, sas


def lamp(panel: Panel) -> str:
    """What the lamp security says, in words."""
    words = {"off": "is off: verified", "flash": "flashes: compare", "on": "is on: not safe"}
    deadline = time.monotonic() + 1.0
    while panel.lamps.get("security") == "on" and time.monotonic() < deadline:
        time.sleep(0.01)  # the screen comes first
    return words[panel.lamps.get("security", "off")]


def judge(who: str, path: Path, original: Path) -> Heard:
    """Compare a recording with what was spoken. CallFailed: it is not that."""
    reference = wav.read(original)[1]
    rate, samples = wav.read(path)
    samples = wav.resample(samples, rate, _RATE)
    match = measure.speech_match(reference, samples, _RATE)
    delay = measure.speech_delay(reference, samples, _RATE)
    score: float | None = None
    try:
        score = measure.pesq_score(reference, samples, _RATE)
    except ImportError:
        pass  # PyPI's pesq comes with setup-test
    heard = Heard(who, path, len(samples) / _RATE, match, delay, score)
    if match < _MATCH_MIN:
        raise CallFailed(
            f"{who} did not hear what was said: likeness {match:.2f}, at least {_MATCH_MIN} is "
            f"speech; listen to {path}"
        )
    return heard


def report(console: Console, folder: Path, outcome: Outcome) -> None:
    """Print the figures and where everything lies."""
    table = Table(title=None)
    for title in ("on the wire", "codec", "packets", "lost", "jitter", "longest gap"):
        table.add_column(title)
    for stream in outcome.streams:
        table.add_row(
            f"{stream.source} > {stream.destination}",
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
    for one in outcome.overheard:
        table.add_row(
            "a stranger", f"{one.likeness:.2f}", "-", "-", f"of {one.source}, from the capture"
        )
    console.print(table)
    for name, text in outcome.screens.items():
        console.print(f"last screen of {name}: [dim]{' | '.join(text.split(chr(10)))}[/]")
    console.print(safety_text(outcome), soft_wrap=True)
    console.print(
        f"spoken: {shown(TOP / 'build/speech')}   capture: {shown(folder / 'call.pcap')}"
    )


def safety_text(outcome: Outcome) -> str:
    """The SAS on both screens, what protects the voice, and how much of it did not."""
    agree = "agree" if len(set(outcome.sas.values())) == 1 else "DIFFER"
    lines = ["SAS  " + "  ".join(f"{who} {sas}" for who, sas in outcome.sas.items())]
    lines[0] += f"  ({agree})"
    if outcome.algorithms is not None:
        hash_name, cipher, tag, agreement, sas_type = outcome.algorithms
        lines.append(f"keys by ZRTP: {agreement}, {hash_name}, SAS {sas_type}")
        lines[-1] += f"; voice by SRTP: {cipher}, {tag}"
    early = " and ".join(str(one.packets - one.larger) for one in outcome.overheard)
    lines.append(f"packets in clear, before the keys: {early}")
    return "\n".join(lines)


def check_safety(outcome: Outcome) -> None:
    """CallFailed: the call was not safe."""
    if len(set(outcome.sas.values())) != 1:
        raise CallFailed(f"the SAS differ: {outcome.sas}: somebody listens between the phones")
    for one in outcome.overheard:
        if one.readable:
            raise CallFailed(
                f"a stranger makes out the speech of {one.source}: likeness {one.likeness:.2f}"
            )


def shown(path: Path) -> str:
    """A path as short as it can be."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


@click.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=TOP / "build/call",
    help="Where recordings, capture and logs go.  [default: build/call]",
)
def main(folder: Path) -> None:
    """The emulated board calls the host phone; speech goes both ways, encrypted."""
    console = Console(width=None if sys.stdout.isatty() else 110, highlight=False)
    folder = folder.resolve()
    try:
        outcome = make_call(folder, Story(console))
        report(console, folder, outcome)
        check_safety(outcome)
        if len(outcome.streams) != 2:
            raise CallFailed(
                f"{len(outcome.streams)} RTP streams on the wire instead of one each way"
            )
    except (LabError, PanelError, CallFailed) as error:
        console.print(f"[red]make call failed:[/] {error}", markup=True, soft_wrap=True)
        console.print(f"logs and capture: {shown(folder)}")
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        console.print("interrupted; namespaces and programs are gone")
        raise SystemExit(130) from None
    console.print("[green]The call worked.[/]")


if __name__ == "__main__":
    main()
