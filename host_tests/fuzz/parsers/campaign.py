# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Fuzz all parsers, of Python by atheris and of C by libFuzzer: `make fuzz`.

    python -m host_tests.fuzz.parsers.campaign --seconds 60 [--keep] [TARGET ...]

New inputs go to build/fuzz/TARGET, findings to build/fuzz/findings. --keep: what adds coverage to
the kept corpus is merged into it (host_tests/fuzz/corpora), to be committed.
"""

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from host_tests.cmodules.test_cmodules import HERE as CMODULES
from host_tests.cmodules.test_cmodules import build
from host_tests.fuzz.parsers import targets

TOP = Path(__file__).resolve().parents[3]
CORPORA = TOP / "host_tests" / "fuzz" / "corpora"
OUT = TOP / "build" / "fuzz"
LONGEST = 4096  # octets of an input
KEPT_LONGEST = 1500  # of one that is kept: a datagram


def python_targets() -> "list[str]":
    return [name for name in targets.TARGETS if name != "planted"]


def c_targets() -> "list[str]":
    return sorted(path.stem for path in CMODULES.glob("fuzz_*.c"))


def command_of(name: str) -> "list[str]":
    """Return the command that takes folders and libFuzzer's options."""
    if name in targets.TARGETS:
        return [sys.executable, "-m", "host_tests.fuzz.parsers.fuzz", name]
    return [build(CMODULES / (name + ".c"), fuzz=True)]


def kept_of(name: str) -> Path:
    """Return the folder of the kept corpus."""
    return CORPORA / name if name in targets.TARGETS else CMODULES / "seeds" / name


def environment() -> "dict[str, str]":
    path = "%s:%s" % (TOP / "build" / "path", TOP)
    return {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"}


def fuzz(
    name: str, new: Path, findings: Path, options: "list[str]", timeout: int
) -> "tuple[int, str]":
    """Run one target; return its status and what it said.

    new, findings: folders for inputs that cover more, and for those that fail.
    """
    new.mkdir(parents=True, exist_ok=True)
    findings.mkdir(parents=True, exist_ok=True)
    folders = [str(new)]
    if kept_of(name).is_dir():
        folders.append(str(kept_of(name)))
    command = [*command_of(name), *folders, "-max_len=%d" % LONGEST, "-timeout=20", *options]
    command.append("-artifact_prefix=%s/%s-" % (findings, name))
    done = subprocess.run(
        command,
        cwd=TOP,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=timeout,
    )
    return done.returncode, done.stdout.decode("utf-8", "replace")


def figures(output: str) -> str:
    """Return executions, coverage and corpus from libFuzzer's last line of state."""
    lines = re.findall(r"^#(\d+)\s.*?cov: (\d+) ft: (\d+) corp: (\S+)", output, re.MULTILINE)
    if not lines:
        return "no figures"
    runs, coverage, features, corpus = lines[-1]
    return "%9s runs  %5s edges  %6s features  %s inputs" % (runs, coverage, features, corpus)


def keep(name: str, new: Path) -> int:
    """Merge what adds coverage into the kept corpus; return how many inputs it has."""
    kept, merged = kept_of(name), new.parent / (name + ".merged")
    shutil.rmtree(merged, ignore_errors=True)
    merged.mkdir()
    kept.mkdir(parents=True, exist_ok=True)
    command = [*command_of(name), str(merged), str(kept), str(new), "-merge=1"]
    command.append("-max_len=%d" % KEPT_LONGEST)
    subprocess.run(
        command, cwd=TOP, env=environment(), capture_output=True, timeout=900, check=True
    )
    have = {path.name for path in kept.iterdir()}
    for path in merged.iterdir():
        if path.name not in have:
            shutil.copy(path, kept / path.name)
    shutil.rmtree(merged)
    return len(list(kept.iterdir()))


@click.command()
@click.option("--seconds", default=60, show_default=True, help="for each target")
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True)
@click.option("--keep/--no-keep", "keeping", default=False, help="enlarge the kept corpora")
@click.argument("names", nargs=-1)
def main(seconds: int, jobs: int, keeping: bool, names: "tuple[str, ...]") -> None:
    """Fuzz every parser, or those named."""
    known = python_targets() + c_targets()
    for name in names:
        if name not in known:
            raise click.UsageError(
                "there is no target %s; there are: %s" % (name, " ".join(known))
            )
    wanted = list(names or known)
    OUT.mkdir(parents=True, exist_ok=True)
    for name in wanted:
        command_of(name)  # C is compiled one after the other
    failed = []

    def one(name: str) -> None:
        new = OUT / name
        options = ["-max_total_time=%d" % seconds, "-print_final_stats=0"]
        status, output = fuzz(name, new, OUT / "findings", options, seconds + 600)
        (OUT / (name + ".log")).write_text(output)
        note = figures(output)
        if status:
            failed.append(name)
            note += "  FOUND SOMETHING: %s" % (OUT / (name + ".log"))
        elif keeping:
            note += "  kept %d" % keep(name, new)
        click.echo("%-18s %s" % (name, note))

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(one, wanted))
    if failed:
        raise SystemExit("fuzz: findings in %s" % " ".join(failed))


if __name__ == "__main__":
    main()
