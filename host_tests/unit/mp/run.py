#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Run the unit tests under unix MicroPython (the phone of the Unix port), a process for each file.

    python3 host_tests/unit/mp/run.py [FILE ...]

Without a file: all host_tests/unit/**/test_*.py but test_fuzz_* (they need hypothesis), those of
this folder's neighbours that drive pytest, and files with a line `# CPython only: reason`.
VOX6_MICROPYTHON names another interpreter. Exit code 0 when nothing failed.
"""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

MP = Path(__file__).resolve().parent
TOP = MP.parents[2]
UNIT = TOP / "host_tests" / "unit"
TIMEOUT_S = 120  # for one file; the slowest takes a few seconds

_CPYTHON_ONLY = re.compile(r"^# CPython only: *(.+)$", re.MULTILINE)
_SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.MULTILINE)


def interpreter() -> Path:
    """Return the MicroPython that runs the tests; it may not exist yet."""
    named = os.environ.get("VOX6_MICROPYTHON")
    return Path(named) if named else TOP / "build" / "UNIX_HOST" / "vox6-phone"


def cpython_only(path: Path) -> "str | None":
    """Return why a test file is for CPython alone, or None."""
    if path.name.startswith("test_fuzz_"):
        return "hypothesis"
    found = _CPYTHON_ONLY.search(path.read_text(encoding="utf-8"))
    return found.group(1) if found else None


def test_files() -> "list[Path]":
    """Return the files that run on both interpreters."""
    return [path for path in sorted(UNIT.rglob("test_*.py")) if cpython_only(path) is None]


def namespace() -> None:
    """Make build/path/vox6, the name under which lib/ is imported."""
    link = TOP / "build" / "path" / "vox6"
    link.parent.mkdir(parents=True, exist_ok=True)
    try:
        link.symlink_to(os.path.join("..", "..", "lib"))
    except FileExistsError:
        pass


def run_file(path: Path) -> "tuple[int, int, int, str]":
    """Run one file; return (passed, failed, skipped, output). A crash counts as one failure."""
    namespace()
    environment = dict(os.environ)
    environment["MICROPYPATH"] = ":".join(
        [str(MP), str(TOP / "build" / "path"), str(TOP), ".frozen"]
    )
    try:
        done = subprocess.run(
            [str(interpreter()), str(MP / "run_file.py"), str(path)],
            env=environment,
            cwd=TOP,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        output = (error.stdout or b"").decode("utf-8", "replace")
        return 0, 1, 0, output + "\nno end within %d s" % TIMEOUT_S
    output = done.stdout.decode("utf-8", "replace")
    summaries = _SUMMARY.findall(output)
    if not summaries:
        return 0, 1, 0, output + "\nexit code %d without a summary" % done.returncode
    passed, failed, skipped = (int(text or 0) for text in summaries[-1])
    if done.returncode and not failed:
        failed = 1
    return passed, failed, skipped, output


def main(arguments: "list[str]") -> int:
    """Run and print; return the exit code."""
    program = interpreter()
    if not program.exists():
        print("%s is missing: run `make boards BOARD=UNIX_HOST`" % program)
        return 2
    files = [Path(argument).resolve() for argument in arguments] or test_files()
    started = time.monotonic()
    totals = [0, 0, 0]
    for path in files:
        passed, failed, skipped, output = run_file(path)
        totals = [totals[0] + passed, totals[1] + failed, totals[2] + skipped]
        name = path.relative_to(TOP) if TOP in path.parents else path
        print("%-58s %4d passed%s" % (name, passed, ", %d FAILED" % failed if failed else ""))
        if failed or skipped:
            print("    " + output.strip().replace("\n", "\n    "))
    print(
        "%d passed, %d failed, %d skipped in %.1f s by %s"
        % (*totals, time.monotonic() - started, program)
    )
    return 1 if totals[1] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
