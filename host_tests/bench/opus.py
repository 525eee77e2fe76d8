# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Opus: instructions of one frame on the emulated M7, ours and what other telephones may send.

python host_tests/bench/opus.py
"""

import re
import statistics
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
for _folder in (TOP, TOP / "build" / "path"):
    sys.path.insert(0, str(_folder))

from host_tests.bench.encryption import BENCH, bare_command, bare_counts  # noqa: E402
from host_tests.cmodules.test_cmodules import (  # noqa: E402
    CMODULES,
    OPUS_FLAGS,
    opus_dirs,
    opus_sources,
    upstream,
)
from tools.panel.phones import QEMUPhone  # noqa: E402

ROWS = (  # those of opus_frame.c
    "encode 24 kbit/s",
    "encode 24 kbit/s with redundancy",
    "decode that",
    "conceal 20 ms",
    "decode SILK of 60 ms",
    "decode SILK of 60 ms, stereo",
    "decode hybrid of 20 ms, stereo",
    "decode CELT of 20 ms, stereo, 128 kbit/s",
)


def packets(folder):
    """Let libopus' own encoder write opus_packets.h."""
    opus = upstream("OPUS_DIR")
    listed = []
    for name in ("celt", "silk", "opus"):
        text = (opus / f"{name}_sources.mk").read_text().replace("\\\n", " ")
        for value in re.findall(r"(?m)^(?:CELT|SILK|OPUS)_SOURCES(?:_FIXED)? = (.*)$", text):
            listed += [opus / word for word in value.split()]
    command = ["gcc", "-O2", "-w", *OPUS_FLAGS, *[f"-I{part}" for part in opus_dirs()]]
    program = folder / "packets"
    source = Path(__file__).with_name("opus_packets.c")
    subprocess.run([*command, source, *listed, "-lm", "-o", program], check=True)
    with (folder / "opus_packets.h").open("w") as file:
        subprocess.run([program], check=True, stdout=file)


def main():
    """Count and print."""
    folder = BENCH / "opus"
    folder.mkdir(parents=True, exist_ok=True)
    packets(folder)
    built = TOP / "build" / QEMUPhone.board
    objects = [built / "cmodules" / "voicecodecs" / "opus_voice.o"]
    for source in opus_sources():
        objects.append(built / source.relative_to(upstream("OPUS_DIR")).with_suffix(".o"))
    makefile = (TOP / "ports" / "qemu" / "Makefile").read_text()
    stack = re.search(r"-DOPUS_VOICE_STACK=\d+", makefile)[0]
    program = folder / "frame.elf"
    command = bare_command(program, "opus_frame.c")
    command += [stack, f"-I{CMODULES}", f"-I{folder}", *objects, "-lm"]
    subprocess.run(command, check=True)
    counts = bare_counts(program)
    each = len(counts) // len(ROWS)
    print("Opus, instructions for a frame (target of a whole tick both ways 850,000):")
    for row, name in enumerate(ROWS):
        part = counts[row * each : (row + 1) * each]
        print(f"  {name:41} median {statistics.median(part):9,.0f}, worst {max(part):9,}")


if __name__ == "__main__":
    main()
