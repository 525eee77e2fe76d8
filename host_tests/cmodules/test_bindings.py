# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The Python side of the C modules on the unix phone: known values, two processes that talk."""

import pathlib
import random
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
PHONE = HERE.parents[1] / "build" / "UNIX_HOST" / "vox6-phone"


def start(*words: str) -> "subprocess.Popen[str]":
    assert PHONE.exists(), "build/UNIX_HOST/vox6-phone is missing: run make boards"
    command = [str(PHONE), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(process: "subprocess.Popen[str]") -> str:
    try:
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, output
    assert output.endswith("all good\n"), output
    return output


def test_modules() -> None:
    finish(start(str(HERE / "guest_modules.py")))


@pytest.mark.parametrize("codec", ["PCMU", "G722"])
def test_two_processes(codec: str) -> None:
    """5 s of a blocked VM on both sides: no gap in either direction, no heap, no late tick."""
    script = str(HERE / "guest_stream.py")
    port = random.randrange(20000, 30000, 4)
    sides = [
        start(script, str(port), str(port + 2), codec),
        start(script, str(port + 2), str(port), codec),
    ]
    for output in [finish(side) for side in sides]:
        values = {
            name: int(value) for name, value in (line.split() for line in output.splitlines()[:-1])
        }
        assert 248 <= values["sent"] <= 252, output
        assert 247 <= values["received"] <= 253, output
        for name in ("lost", "late", "concealed", "strangers", "discarded"):
            assert values[name] == 0, output
        assert values["late_ticks"] <= 2, output  # the host itself may be busy
        assert values["heap"] == 0, output
