# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""`make call`: a phone on an IPv4-only network calls one with native IPv6, step by step.

The emulated board is in a home behind NAT and finds a tunnel by itself; the host phone is in an
office with IPv6. Nothing here reaches into a phone: keys, screen, lamps and sound of the panel,
and the wire; what the home's DHCP server, its NAT and the tunnel's operator know is asked of them.
"""

import re
import sys
import time
from pathlib import Path

import click
from rich.console import Console

from tools.lab import measure, speech, wav
from tools.lab.call_report import (
    CallFailed,
    Heard,
    Outcome,
    check_outcome,
    outcome_told,
    report,
)
from tools.lab.capture import Capture
from tools.lab.eavesdrop import overhear
from tools.lab.home import Home
from tools.lab.internet import Internet
from tools.lab.network import PREFIX
from tools.lab.operators import Operator
from tools.lab.pcap import rtp_streams, zrtp_algorithms
from tools.panel import safety
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


class Story:
    """Prints what happens, each line with its time."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._start = time.monotonic()

    def tell(self, who: str, text: str) -> None:
        """Print one line."""
        passed = time.monotonic() - self._start
        self._console.print(f"[dim]{passed:7.2f} s[/]  [bold]{who:<6}[/] {text}", highlight=False)


def idle_address(panel: Panel, timeout: float, prefix: str = PREFIX) -> str:
    """Wait until an idle phone shows its global address; the address.

    prefix: the /64 that it lies in.
    """
    first = prefix.partition("::")[0]
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        # A long address fills more than one line of the screen.
        joined = panel.screen_text().replace("\n", "")
        found = re.search(re.escape(first) + r":[0-9a-f:]*[0-9a-f]", joined)
        if found:
            return found[0]
        time.sleep(0.05)
    raise CallFailed(f"no address within {timeout:g} s; the screen:\n{panel.screen_text()}")


def make_call(folder: Path, story: Story) -> Outcome:
    """Set up the lab, make the call, measure it. LabError, PanelError, CallFailed."""
    spoken = {}
    for name, (voice, text) in _TEXTS.items():
        spoken[name] = speech.speech_file(TOP / "build/speech", _RATE, voice, text)
    with Internet(folder) as net:
        operator = net.operator("tsp")
        home, office = net.home("home"), net.office("office")
        story.tell("lab", f"home: IPv4 alone, behind NAT as {home.public_address}; DHCP, DNS")
        story.tell("lab", f"office: native IPv6, {office.prefix}")
        story.tell("lab", f"tunnels: {operator.prefix} at {operator.ipv4} port 3653")
        captures = {"home": Capture(home, "call.pcap"), "office": Capture(office, "call.pcap")}
        board_phone = QEMUPhone(folder / "board", home)
        host_phone = UnixPhone(folder / "host", office.host("phone"))
        with board_phone, host_phone:
            panels = {"board": board_phone.panel, "host": host_phone.panel}
            addresses = come_up(panels, board_phone.mac, home, operator, office.prefix, story)
            before = operator.counters()
            screens, sas = converse(panels, addresses, spoken, folder, story)
            after = operator.counters()
            paths = {place: capture.stop() for place, capture in captures.items()}
    story.tell("lab", "phones off, namespaces removed")
    heard = []
    for who, other in (("host", "board"), ("board", "host")):
        path = folder / f"heard-by-{who}.wav"
        heard.append(judge(who, path, spoken[other]))
    return Outcome(
        heard,
        {place: rtp_streams(path) for place, path in paths.items()},
        {place: overhear(path, list(spoken.values())) for place, path in paths.items()},
        paths,
        {address: who for who, address in addresses.items()},
        {way: after[way] - before[way] for way in ("up", "down")},
        screens,
        sas,
        zrtp_algorithms(paths["office"]),
    )


def come_up(
    panels: dict[str, Panel],
    mac: str,
    home: Home,
    operator: Operator,
    office: object,
    story: Story,
) -> dict[str, str]:
    """Wait until both phones have addresses, and tell how they came; the addresses."""
    board, phone = panels["board"], panels["host"]
    for who, panel in panels.items():
        story.tell(who, f"up: {panel.facts.get('name')}")
    story.tell("board", f"DHCPv4 gave it {home.wait_lease(mac, 20.0)}")
    addresses = {"board": idle_address(board, 20.0, operator.prefix)}
    board.wait_text("IPv6 by tunnel", 5.0)
    server = board_server(board)
    story.tell("board", f"shows IPv6 by tunnel, {addresses['board']}, by {server}")
    if server != operator.ipv4:
        raise CallFailed(f"the board names {server} as its server, not {operator.ipv4}")
    for one in home.mappings():
        if one.remote == operator.ipv4:
            inner, public = f"{one.inside}:{one.inside_port}", f"{one.public}:{one.public_port}"
            story.tell("lab", f"the NAT maps {inner} to {public}, as the address says")
    addresses["host"] = idle_address(phone, 20.0, str(office))
    story.tell("host", f"address {addresses['host']}")
    return addresses


def board_server(board: Panel) -> str:
    """The server of the tunnel, from the page Network of the menu."""
    board.press("ok")
    board.wait_text("network", 5.0)
    board.press("down")
    board.press("ok")
    server = board.wait_text(r"\nby ([0-9.]+)\n", 5.0)[1]
    board.press("back")
    board.press("back")
    board.wait_text("^vox6", 5.0)
    return server


def converse(
    panels: dict[str, Panel],
    addresses: dict[str, str],
    spoken: dict[str, Path],
    folder: Path,
    story: Story,
) -> tuple[dict[str, str], dict[str, str]]:
    """The call itself, by keys; recordings land in folder. The last screens, the SAS on each."""
    board, phone = panels["board"], panels["host"]
    uri = f"sip:phone@[{addresses['host']}]"
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


@click.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=TOP / "build/call",
    help="Where recordings, captures and logs go.  [default: build/call]",
)
def main(folder: Path) -> None:
    """A board behind an IPv4 NAT calls a phone with IPv6; speech goes both ways, encrypted."""
    console = Console(width=None if sys.stdout.isatty() else 110, highlight=False)
    folder = folder.resolve()
    with outcome_told(console, "make call", folder):
        outcome = make_call(folder, Story(console))
        report(console, outcome)
        check_outcome(outcome)
    console.print("[green]The call worked.[/]")


if __name__ == "__main__":
    main()
