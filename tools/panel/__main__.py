# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A phone on a terminal (`make phone`): its screen, its lamps, keys typed."""

import os
import select
import sys
import termios
import time
import tty
from pathlib import Path

import click

from tools.lab.errors import LabError
from tools.panel.errors import PanelError
from tools.panel.panel import Panel
from tools.panel.phones import BOARDS, TOP, Phone
from tools.panel.sound import Recording

# What a terminal sends, and the key of the phone that it stands for.
_SEQUENCES = {
    "\r": "call",
    "\n": "call",
    "\x1b": "hangup",
    "\x7f": "back",
    "\x08": "back",
    "\t": "ok",
    "\x1b[A": "up",
    "\x1b[B": "down",
    "\x1b[C": "right",
    "\x1b[D": "left",
    "\x1bOP": "line1",
    "\x1b[11~": "line1",
    "\x1b[[A": "line1",
    "\x1bOQ": "line2",
    "\x1b[12~": "line2",
    "\x1b[[B": "line2",
    "\x0f": "hold",
    "\x0b": "conference",
    "\x14": "transfer",
}
_QUIT = "\x11\x03"  # Ctrl-Q, Ctrl-C
_HELP = (
    "Enter call/answer   Esc hang up   Backspace erase   Tab ok   arrows",
    "F1 F2 lines   Ctrl-O hold   Ctrl-K conference   Ctrl-T transfer",
    "Ctrl-Q switch off   any other key is itself",
)
_ESCAPE_S = 0.05  # an escape sequence arrives within this; a lone Esc is the key


class Terminal:
    """Raw keyboard and a redrawn picture, given back as they were."""

    def __init__(self) -> None:
        self._input = sys.stdin.fileno()
        self._old = termios.tcgetattr(self._input)

    def __enter__(self) -> "Terminal":
        tty.setraw(self._input, termios.TCSANOW)
        self.write("\x1b[?1049h\x1b[?25l\x1b[2J")
        return self

    def __exit__(self, *_: object) -> None:
        self.write("\x1b[?25h\x1b[?1049l")
        termios.tcsetattr(self._input, termios.TCSANOW, self._old)

    def write(self, text: str) -> None:
        """Send text to the terminal."""
        sys.stdout.write(text)
        sys.stdout.flush()

    def draw(self, lines: list[str]) -> None:
        """Show lines from the top left corner."""
        self.write("\x1b[H" + "\x1b[K\r\n".join(lines) + "\x1b[K\x1b[J")

    def keys(self, timeout: float) -> list[str]:
        """Characters and whole escape sequences typed; empty when nothing was."""
        text = ""
        while select.select([self._input], [], [], timeout)[0]:
            octets = os.read(self._input, 1024)
            if not octets:
                return ["\x11"]
            text += octets.decode(errors="ignore")
            timeout = _ESCAPE_S if text[-1:] == "\x1b" or text[-2:-1] == "\x1b" else 0.0
        return split(text)


def split(text: str) -> list[str]:
    """Typed text cut into characters and known escape sequences."""
    keys = []
    while text:
        known = [name for name in _SEQUENCES if len(name) > 1 and text.startswith(name)]
        key = max(known, key=len) if known else text[0]
        keys.append(key)
        text = text[len(key) :]
    return keys


def picture(panel: Panel, title: str, note: str) -> list[str]:
    """The lines that show a phone."""
    columns = 21
    rows = panel.screen_text().split("\n")
    size = panel.facts.get("screen")
    if isinstance(size, (list, tuple)) and size:
        columns = int(size[0])
    columns = max([columns, *(len(row) for row in rows)])
    rows += [""] * (8 - len(rows))
    blink = int(time.monotonic() * 2) % 2
    mark = {"on": "\x1b[7m", "flash": "\x1b[7m" if blink else "", "off": "\x1b[2m"}
    lamps = [
        f"{mark.get(state, '')} {name} \x1b[0m" for name, state in sorted(panel.lamps.items())
    ]
    lines = [title, "", "  +" + "-" * (columns + 2) + "+"]
    lines += [f"  | {row.ljust(columns)} |" for row in rows]
    lines += ["  +" + "-" * (columns + 2) + "+", "   " + " ".join(lamps), ""]
    return [*lines, *_HELP, "", note]


def converse(phone: Phone, note: str) -> None:
    """Show the phone and pass keys on until it is switched off."""
    process = phone.process
    assert process is not None
    title = f"vox6 {phone.board}   console: mpremote connect {phone.console}"
    shown: list[str] = []
    with Terminal() as terminal:
        while True:
            if not process.running():
                raise PanelError(f"the phone has ended:\n{phone.console_log()[-2000:]}")
            lines = picture(phone.panel, title, note)
            if lines != shown:
                terminal.draw(lines)
                shown = lines
            for key in terminal.keys(0.1):
                if key in _QUIT:
                    return
                name = _SEQUENCES.get(key, key)
                if len(name) > 1 or name.isprintable():
                    phone.panel.press(name)


@click.command()
@click.option("--board", type=click.Choice(sorted(BOARDS)), default="UNIX_HOST", show_default=True)
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the phone; it keeps settings.  [default: build/phone/BOARD]",
)
@click.option(
    "--play",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="16-bit WAV file that is spoken into the microphone again and again.",
)
@click.option(
    "--record",
    type=click.Path(path_type=Path, dir_okay=False),
    help="WAV file for all that the speaker gives.",
)
def main(board: str, state: Path | None, play: Path | None, record: Path | None) -> None:
    """A phone on this terminal."""
    if not sys.stdin.isatty() or not sys.stdout.isatty():
        raise click.ClickException("this needs a terminal; programs use tools.panel.Panel")
    folder = state or TOP / "build/phone" / board
    phone = BOARDS[board](folder)
    click.echo(f"starting {board}, state in {folder} ...")
    recording: Recording | None = None
    note = "sound: --play FILE speaks, --record FILE listens"
    try:
        with phone:
            if play is not None:
                phone.panel.play(play, repeat=True)
                note = f"speaking {play}"
            if record is not None:
                recording = phone.panel.record()
                note += f"   recording {record}"
            try:
                converse(phone, note)
            finally:
                if recording is not None and record is not None:
                    recording.stop()
                    recording.save(record)
    except (PanelError, LabError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    if record is not None:
        click.echo(f"recording: {record}")


if __name__ == "__main__":
    main()
