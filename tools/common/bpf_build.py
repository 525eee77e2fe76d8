# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Compile programs for the kernel with clang: the objects that libbpf.py loads.

    python3 tools/common/bpf_build.py build/bpf    # all of them; the standard library alone

One object serves every kernel and every little-endian machine: it uses nothing but the kernel's
public structures and helpers. The Makefile, the build of the wheel and the tests call build().
"""

import glob
import os
import shutil
import subprocess
import sys
from pathlib import Path

_TOOLS = Path(__file__).resolve().parents[1]
# Server: its program's source. The object has the same name with .o for .c.
SOURCES = {
    "pubtspd": _TOOLS / "pubtspd" / "bpf" / "pubtsp.bpf.c",
    "siproxy64": _TOOLS / "siproxy64" / "bpf" / "siproxy64.bpf.c",
}
SHARED = Path(__file__).resolve().parent / "bpf"  # headers of all
_CLANG = ("clang", "clang-14", "clang-15", "clang-16", "clang-19")
_STRIP = ("llvm-strip", "llvm-strip-14", "llvm-strip-15", "llvm-strip-16", "llvm-strip-19")
_FLAGS = (
    *("-O2", "-g", "-Wall", "-Wextra", "-Werror", "-target", "bpfel", "-mcpu=v3"),
    # A place of the stack that has held a pointer must not be written in part by a program that
    # has no CAP_PERFMON.
    *("-mllvm", "-no-stack-slot-sharing"),
)
_TIMEOUT_S = 120


class BuildError(Exception):
    """What went wrong and the remedy, as text for a person."""


def _find(names: tuple[str, ...], package: str) -> str:
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    raise BuildError(f"there is no {names[0]}. Remedy: install Debian's package {package}")


def _includes() -> list[str]:
    """Folders of asm/types.h, which Debian has for each architecture apart."""
    return [f"-I{path}" for path in sorted(glob.glob("/usr/include/*-linux-gnu"))]


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_TIMEOUT_S,
    )
    if done.returncode:
        remedy = ""
        if "bpf/bpf_helpers.h" in done.stdout:
            remedy = "\nRemedy: install Debian's package libbpf-dev"
        raise BuildError(f"{' '.join(command)}:\n{done.stdout[-2000:]}{remedy}")


def build(source: Path, output: Path, more: tuple[str, ...] = ()) -> Path:
    """Compile a program; return output, written only when all went well.

    more: options for clang. BuildError: a tool is absent, or it refuses the source.
    """
    clang = _find(_CLANG, "clang")
    strip = _find(_STRIP, "llvm")
    output.parent.mkdir(parents=True, exist_ok=True)
    new = output.with_name(f"{output.name}.{os.getpid()}")
    try:
        flags = [*_FLAGS, *more, f"-I{SHARED}", *_includes()]
        _run([clang, *flags, "-c", str(source), "-o", str(new)])
        _run([strip, "-g", str(new)])  # line numbers go, the types of the maps stay
        new.rename(output)
    finally:
        new.unlink(missing_ok=True)
    return output


def is_current(source: Path, output: Path) -> bool:
    """Return whether an object is younger than all that it is made of."""
    if not output.is_file():
        return False
    sources = [*source.parent.glob("*.[ch]"), *SHARED.glob("*.h"), Path(__file__)]
    return max(path.stat().st_mtime for path in sources) < output.stat().st_mtime


def main() -> int:
    """Command line entry: 0, or 1 with a message that names the remedy."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 1
    for source in SOURCES.values():
        output = Path(sys.argv[1]) / source.with_suffix(".o").name
        try:
            if not is_current(source, output):
                build(source, output)
                print(f"bpf: {output} built ({output.stat().st_size} octets)", flush=True)
        except (BuildError, OSError, subprocess.TimeoutExpired) as error:
            print(f"bpf: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
