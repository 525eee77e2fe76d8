# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""`make size`: text, data and bss of each board's image; its Python heap, idle and in a call; what
siproxy64 takes (size_siproxy64.py).

The image comes from the linker's file, the heap from running phones: one of the board and one of
the host in a lab, a call between them, gc.mem_alloc() after gc.collect() on the console before the
call and every five seconds in it; the highest is told. Needs root, as every lab does. `--no-run`
leaves the heap out.
"""

import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from tools import size_siproxy64
from tools.lab.call import idle_address
from tools.lab.call_report import CallFailed
from tools.lab.errors import LabError
from tools.lab.network import Lab
from tools.panel.errors import PanelError
from tools.panel.phones import BOARDS, TOP, Phone, QEMUPhone, UnixPhone

_SIZE_PROGRAM = {"unix": "size", "qemu": "arm-none-eabi-size"}
_SAMPLE_S = 5.0
# Of the emulated board, so that real ones hold it (design.md section 10).
_IMAGE_MAX = 1_200_000
_HEAP_MAX = 200_000
_MEMORY_MAX = 480 * 1024  # bss, heap in a call, stack
_STACK = 24 * 1024  # as ports/qemu/mps2_an500.ld reserves it
_MEMORY = "import gc; gc.collect(); print(gc.mem_alloc(), gc.mem_free())"


class SizeError(Exception):
    """What is missing, and the remedy."""


@dataclass
class Image:
    """Octets of one linked image."""

    board: str
    text: int
    data: int
    bss: int


@dataclass
class Heap:
    """Octets that live Python objects take, after a collection."""

    idle: int
    in_call: int
    total: int
    samples: int


def image_of(board: str) -> Image:
    """Read the sizes of a board's image. SizeError: no such board, not built, no program."""
    facts = TOP / "boards" / board / "board.json"
    if board not in BOARDS or not facts.is_file():
        raise SizeError(f"there is no board {board}; boards: {', '.join(sorted(BOARDS))}")
    program = _SIZE_PROGRAM[json.loads(facts.read_text())["port"]]
    path = BOARDS[board].image
    if not path.is_file():
        raise SizeError(f"{path} is missing: run 'make boards BOARD={board}'")
    if shutil.which(program) is None:
        raise SizeError(f"{program} is missing: run 'make setup'")
    done = subprocess.run([program, str(path)], capture_output=True, text=True, timeout=30)
    if done.returncode != 0:
        raise SizeError(f"{program} {path}: {done.stderr.strip()}")
    text, data, bss = done.stdout.splitlines()[1].split()[:3]
    return Image(board, int(text), int(data), int(bss))


def used(phone: Phone) -> tuple[int, int]:
    """(octets in use, octets of the heap) of a running phone; it waits aside meanwhile."""
    with phone.aside() as console:
        alloc, free = console.run(_MEMORY).split()
    return int(alloc), int(alloc) + int(free)


def heaps(folder: Path, seconds: float) -> dict[str, Heap]:
    """One call between the two boards, and the heap of each before and in it."""
    with Lab(folder) as lab:
        host = lab.host("phone")
        phones: dict[str, Phone] = {}
        with (
            QEMUPhone(folder / "board", lab) as board_phone,
            UnixPhone(folder / "host", host) as host_phone,
        ):
            phones = {board_phone.board: board_phone, host_phone.board: host_phone}
            idle_address(board_phone.panel, 20.0)
            host.wait_address()
            address = idle_address(host_phone.panel, 20.0)
            idle = {name: used(phone) for name, phone in phones.items()}
            board_phone.panel.dial(f"sip:phone@[{address}]")
            board_phone.panel.press("call")
            host_phone.panel.wait_text("call from", 10.0)
            host_phone.panel.press("call")
            for phone in phones.values():
                phone.panel.wait_text("talking", 10.0)
            highest = dict.fromkeys(phones, 0)
            samples = 0
            end = time.monotonic() + seconds
            while samples == 0 or time.monotonic() < end:
                for name, phone in phones.items():
                    highest[name] = max(highest[name], used(phone)[0])
                samples += 1
                for phone in phones.values():
                    phone.panel.wait_text("talking", 5.0)  # the call is still there
                time.sleep(min(_SAMPLE_S, max(0.0, end - time.monotonic())))
            board_phone.panel.press("hangup")
            host_phone.panel.wait_text("hung up", 5.0)
    return {name: Heap(idle[name][0], highest[name], idle[name][1], samples) for name in phones}


def report(console: Console, images: list[Image], found: dict[str, Heap]) -> None:
    """Print one line for each board, and how the emulated one stands to its targets."""
    table = Table()
    table.add_column("board")
    for title in ("text", "data", "bss", "text+data", "heap idle", "heap in call", "heap size"):
        table.add_column(title, justify="right")
    for image in images:
        row = [image.text, image.data, image.bss, image.text + image.data]
        heap = found.get(image.board)
        if heap:
            row += [heap.idle, heap.in_call, heap.total]
        table.add_row(image.board, *[f"{octets:,}" for octets in row])
    console.print(table)
    for image in images:
        if image.board != QEMUPhone.board:
            continue
        targets = [("image", image.text + image.data, _IMAGE_MAX)]
        heap = found.get(image.board)
        if heap:
            targets.append(("heap in a call", heap.in_call, _HEAP_MAX))
            memory = image.data + image.bss + heap.in_call + _STACK
            targets.append(("data, bss, heap in a call and stack", memory, _MEMORY_MAX))
        for name, octets, most in targets:
            console.print(f"{name}: {octets / most:.2f} of the target {most:,}")


@click.command()
@click.argument("boards", nargs=-1)
@click.option("--run/--no-run", default=True, help="Run the phones for the heap.")
@click.option("--seconds", default=60.0, help="Length of the call.", show_default=True)
def main(boards: tuple[str, ...], run: bool, seconds: float) -> None:
    """Print text, data, bss and heap of BOARDS (all that are built, if none is named)."""
    console = Console(width=None if sys.stdout.isatty() else 110, highlight=False)
    try:
        images = [image_of(board) for board in boards or sorted(BOARDS)]
        found: dict[str, Heap] = {}
        if run:
            console.print(f"size: a call of {seconds:g} s between both boards, for the heap")
            found = heaps(TOP / "build" / "size", seconds)
        report(console, images, found)
        size_siproxy64.report(console)
    except (FileNotFoundError, SizeError, LabError, PanelError, CallFailed) as error:
        console.print(f"make size failed: {error}", markup=False, soft_wrap=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
