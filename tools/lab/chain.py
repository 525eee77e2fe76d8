# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""`make chain`: an IPv4-only phone on an IPv4-only line and a phone with native IPv6, both ways.

linphone knows IPv4 alone, in a home behind NAT without IPv6. In the same home siproxy64 takes one
IPv6 address by a PubTSP tunnel: that address, with a SIP port, is linphone to the world. The
emulated board is in an office with native IPv6. ZRTP goes from end to end. With --router it is the
static siproxy64-router that does it.
"""

import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from tools.lab import speech
from tools.lab.call import Story, idle_address
from tools.lab.call_report import CallFailed, outcome_told
from tools.lab.capture import Capture, Place
from tools.lab.chain_report import Hop, check_hops, hops_of, report
from tools.lab.errors import LabError
from tools.lab.internet import Internet
from tools.lab.linphone import Linphone
from tools.lab.siproxy64 import Siproxy64
from tools.panel import safety
from tools.panel.panel import Panel
from tools.panel.phones import TOP, QEMUPhone

HOUSE, SHOWN = "192.0.2.11", "192.0.2.61"  # linphone; the board as linphone sees it
ROUTER = TOP / "build/router/siproxy64-router"
_TALK_S = 6.0
_SAS_S = 15.0


def run(
    folder: Path, story: Story, program: Sequence[Path] = ()
) -> tuple[dict[str, list[Hop]], dict[str, str]]:
    """Set up all, call both ways. LabError, PanelError, CallFailed.

    program: another siproxy64 than that of this tree on CPython.
    Returns what each hop saw, by call; names of the long addresses.
    """
    sound = speech.speech_file(TOP / "build/speech", 8000)
    with Internet(folder) as net:
        operator = net.operator("tsp")
        home, office = net.home("home"), net.office("office")
        story.tell("lab", f"home: IPv4 alone, behind NAT as {home.public_address}")
        story.tell("lab", f"office: native IPv6, {office.prefix}")
        gateway = home.host("gateway")
        kitchen = home.host("kitchen", address=HOUSE)
        with QEMUPhone(folder / "board", office) as board:
            panel = board.panel
            far = idle_address(panel, 20.0, str(office.prefix))
            story.tell("board", f"address {far}")
            mirror = Siproxy64(gateway)
            mirror.add_line("pubtsp auto martians lab")
            mirror.add_line(f"map {HOUSE}:5060 = tunnel:5060")
            mirror.map(far, SHOWN)
            process = mirror.start(program)
            address = process.wait_output(r"the tunnel's address is (\S+)", 15.0)[1]
            story.tell("mirror", f"finds {operator.ipv4} by DNS; its tunnel is {address}")
            story.tell("mirror", f"{HOUSE}:5060 = tunnel:5060, {far} = {SHOWN}")
            phone = Linphone(kitchen, sound, name="kitchen", address=HOUSE)
            places: dict[str, Place] = {
                "home": home,
                "line": home.wan,
                "operator": operator.wan6,
                "office": office,
            }
            found = {}
            for call in ("from the home", "to the home"):
                captures = {
                    name: Capture(place, f"chain-{name}.pcap") for name, place in places.items()
                }
                before = operator.counters()
                sas = converse(call, phone, panel, f"sip:board@{SHOWN}", address, story)
                carried = operator.counters()
                up, down = (carried[way] - before[way] for way in ("up", "down"))
                story.tell("tunnel", f"carried {up} packets up and {down} down")
                paths = {name: capture.stop() for name, capture in captures.items()}
                found[call] = hops_of(paths)
                if len(set(sas)) != 1:
                    raise CallFailed(f"the SAS differ: {sas}")
                story.tell("both", f"show the SAS {sas[0]}")
            phone.close()
            mirror.stop()
    return found, {address: "GATEWAY", far: "BOARD"}


def converse(
    call: str, phone: Linphone, panel: Panel, to_board: str, address: str, story: Story
) -> tuple[str, str]:
    """One call: ring, answer, SAS, voice, end. Both SAS."""
    if call == "from the home":
        phone.dial(to_board)
        story.tell("phone", f"dials {to_board}")
        panel.wait_text("call from", 10.0)
        story.tell("board", "rings: " + " ".join(panel.screen_text().split()))
        panel.press("call")
    else:
        uri = f"sip:kitchen@[{address}]"
        panel.dial(uri)
        panel.press("call")
        story.tell("board", f"dials {uri}")
        phone.wait_state("incoming")
        story.tell("phone", "rings")
        phone.answer()
    panel.wait_text("talking", 10.0)
    phone.wait_state("running")
    shown_here = safety.wait_sas(panel, _SAS_S)
    shown_there = phone.wait_sas(_SAS_S)["sas"]
    recording = panel.record()
    time.sleep(_TALK_S)
    recording.stop()
    panel.press("hangup")
    story.tell("board", "hangs up")
    phone.wait_over()
    panel.wait_text("^vox6", 10.0)
    return shown_here, re.sub(":", " ", shown_there)


@click.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=TOP / "build/chain",
    help="Where captures and logs go.  [default: build/chain]",
)
@click.option("--router", is_flag=True, help="siproxy64-router (make siproxy64-router) does it.")
def main(folder: Path, router: bool) -> None:
    """A phone with IPv4 alone and one with IPv6 call each other; what each hop did."""
    console = Console(width=None if sys.stdout.isatty() else 130, highlight=False)
    folder = folder.resolve()
    with outcome_told(console, "make chain", folder):
        if router and not ROUTER.is_file():
            raise LabError("there is no siproxy64-router: run 'make siproxy64-router' first")
        found, names = run(folder, Story(console), [ROUTER] if router else ())
        for address, name in names.items():
            console.print(f"{name} is {address}")
        for call, hops in found.items():
            report(console, call, hops, names)
            check_hops(hops)
    console.print("[green]Both calls worked.[/]")


if __name__ == "__main__":
    main()
