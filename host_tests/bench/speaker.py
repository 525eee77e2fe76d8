# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The speaker path: instructions of a tick on the emulated M7, and echo in a synthetic room.

python host_tests/bench/speaker.py
"""

import statistics
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
for _folder in (TOP, TOP / "build" / "path"):
    sys.path.insert(0, str(_folder))

from host_tests.bench.encryption import BENCH, bare_command, bare_counts  # noqa: E402
from host_tests.cmodules.test_cmodules import HERE, build  # noqa: E402
from tools.panel.phones import QEMUPhone  # noqa: E402

TARGET = 750_000  # narrowband echo cancellation, of one tick
ROWS = (  # those of speaker_tick.c
    "8000 Hz, echo",
    "8000 Hz, noise",
    "8000 Hz, echo, noise and gain",
    "16000 Hz, echo",
    "16000 Hz, echo, noise and gain",
)


def tick():
    """Instructions for a frame: the later half of the frames, when the filter has adapted."""
    folder = BENCH / "speaker"
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "tick.elf"
    objects = TOP / "build" / QEMUPhone.board / "cmodules" / "speaker"
    command = bare_command(program, "speaker_tick.c")
    command += [f"-I{TOP / 'ports' / 'cmodules'}", *sorted(objects.glob("*.o")), "-lm"]
    subprocess.run(command, check=True)
    counts = bare_counts(program)
    frames = len(counts) // len(ROWS)
    print(f"speaker path of one tick, instructions (target {TARGET:,} for 8000 Hz, echo):")
    for row, name in enumerate(ROWS):
        late = counts[row * frames + frames // 2 : (row + 1) * frames]
        print(f"  {name:31} median {statistics.median(late):9,.0f}, worst {max(late):9,}")


def room():
    """What the test measures, under sanitizers as the test runs it."""
    print("echo in a synthetic room:")
    done = subprocess.run([build(HERE / "test_speaker.c")], capture_output=True, text=True)
    for line in done.stdout.splitlines():
        if not line.startswith("ok "):
            print("  " + line)
    done.check_returncode()


if __name__ == "__main__":
    tick()
    room()
