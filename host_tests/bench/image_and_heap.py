# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What encryption adds to the emulated board: image, bss and Python heap beside those before it.

    python host_tests/bench/image_and_heap.py [--no-run]     # as root: the heap needs a call

tools/size.py measures; the figures before SRTP and ZRTP are those of commit 667e476, by the same
tool on the same compiler.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
for _folder in (TOP, TOP / "build" / "path"):
    sys.path.insert(0, str(_folder))

from tools.panel.phones import QEMUPhone  # noqa: E402
from tools.size import heaps, image_of  # noqa: E402

BUILD = TOP / "build" / QEMUPhone.board
BEFORE = {"image": 542_684, "bss": 124_808, "heap idle": 71_776, "heap in a call": 82_480}
TARGETS = {"image": 1_200_000, "heap in a call": 200_000}
SECONDS = 20.0

# Names in firmware.map (C) and of the symbols of frozen code (Python).
OBJECTS = (
    ("libsrtp2 and srtp_core", "/cmodules/srtp/"),
    ("media", "/cmodules/media/"),
    ("_crypto", "/cmodules/crypto/"),
    ("mbedTLS", "/lib/mbedtls/"),
)
PACKAGES = ("vox6_zrtp", "vox6_srtp", "vox6_crypto", "vox6_sdp", "firmware")


def objects():
    """{group: (octets of text and data, octets of bss)} of the linked image."""
    text = (BUILD / "firmware.map").read_text().split("Linker script and memory map", 1)[1]
    groups = {name: [0, 0] for name, _ in OBJECTS}
    entry = re.compile(r"(?m)^ \.(text|rodata|data|bss)\S*\s+0x\w+\s+0x(\w+)\s+(\S+\.o)$")
    for section, octets, path in entry.findall(text):
        for name, folder in OBJECTS:
            if folder in path:
                groups[name][section == "bss"] += int(octets, 16)
    return groups


def frozen():
    """{package: octets} of frozen code; its strings are in a pool of all and not counted."""
    symbols = subprocess.run(
        ["arm-none-eabi-nm", "-S", BUILD / "frozen_content.o"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    packages = dict.fromkeys(PACKAGES, 0)
    for octets, name in re.findall(r"(?m)^\w+ (\w+) \w (\S+)$", symbols):
        for package in PACKAGES:
            if re.search(rf"(^|_){package}_", name):
                packages[package] += int(octets, 16)
                break
    return packages


def main(run):
    """Print each figure, the figure before, and how it stands to its target."""
    image = image_of(QEMUPhone.board)
    now = {"image": image.text + image.data, "bss": image.bss}
    if run:
        heap = heaps(TOP / "build" / "bench" / "heap", SECONDS)[QEMUPhone.board]
        now["heap idle"], now["heap in a call"] = heap.idle, heap.in_call
    print(f"{QEMUPhone.board}, octets:")
    for name, octets in now.items():
        line = f"  {name:15} {octets:9,}  before {BEFORE[name]:9,}  {octets - BEFORE[name]:+9,}"
        if name in TARGETS:
            line += f"  {octets / TARGETS[name]:.2f} of the target {TARGETS[name]:,}"
        print(line)
    for name, (octets, bss) in objects().items():
        print(f"    {name:24} {octets:8,}  bss {bss:7,}")
    for name, octets in frozen().items():
        print(f"    frozen {name.replace('_', '.'):17} {octets:8,}")
    if not run:
        print("  heap: not measured (it needs a call, thus root)")


if __name__ == "__main__":
    main("--no-run" not in sys.argv[1:] and os.geteuid() == 0)
