# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What siproxy64 takes: each module compiled for MicroPython, the mirror itself, the program.

    sizes = module_sizes(core())       # {"tools.siproxy64.mirror": 3146, ...}

Compiled as ports/router/manifest.py has it frozen (mpy-cross -O3).
"""

import ast
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

TOP = Path(__file__).resolve().parents[1]
PROGRAM = TOP / "build" / "router" / "siproxy64-router"
CORE_MOST = 32 * 1024
PROGRAM_MOST = 600_000
# The function, who carries media, who holds the ports and connections; all else is optional.
ROOTS = ("mirror", "relay", "portable_plane", "ports", "streams")
# What a configuration may ask for: what it is, the module that it begins with.
OPTIONS = (
    ("resolver", "servers"),
    ("pool", "pool"),
    ("proxy mode", "proxy"),
    ("metrics", "metrics"),
    ("anyip", "anyip"),
    ("pubtsp", "router_tunnel"),
    ("control socket", "router_control"),
    ("XDP", "xdp_plane"),
)
_FOLDERS = {"vox6": TOP / "lib", "tools": TOP / "tools"}
_OURS = "tools.siproxy64."


def file_of(name: str) -> Path | None:
    """Return the file of a dotted name, None if it is no module of ours."""
    first, _, rest = name.partition(".")
    if first not in _FOLDERS or not rest:
        return None
    path = _FOLDERS[first].joinpath(*rest.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None


def imported(file: Path, package: list[str]) -> Iterator[str]:
    """Yield the dotted names that a module imports at run time, with what it takes from them."""
    waiting: list[ast.AST] = [ast.parse(file.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            waiting += node.orelse
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parent = package[: len(package) - node.level + 1]
                base = ".".join(parent + ([base] if base else []))
            yield base
            for alias in node.names:
                yield base + "." + alias.name
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name


def closure(roots: Iterable[str]) -> dict[str, Path]:
    """Return {name: file} of all that is loaded by modules of siproxy64."""
    found: dict[str, Path] = {}
    waiting = [_OURS + name for name in roots]
    while waiting:
        name = waiting.pop()
        file = file_of(name)
        if file is None or name in found or file.stem == "manifest":
            continue
        found[name] = file
        package = name.split(".") if file.stem == "__init__" else name.split(".")[:-1]
        waiting.append(".".join(package))
        if file.stem != "__init__":  # what a package gives away lazily is asked for by name
            waiting += imported(file, package)
    return found


def core() -> dict[str, Path]:
    """Return {name: file} of the mirror itself, and the whole of vox6.wire."""
    wire = {
        "vox6.wire." + path.stem: path
        for path in sorted((TOP / "lib/wire").glob("[a-z]*.py"))
        if path.stem != "manifest"
    }
    return {**closure(ROOTS), **wire}


def optional() -> dict[str, Path]:
    """Return {name: file} of what else of siproxy64 and the libraries a configuration may need."""
    stems = [path.stem for path in (TOP / "tools/siproxy64").glob("[a-z]*.py")]
    own = core()
    frozen = closure(["router"])
    return {
        name: file
        for name, file in {**closure(stems), **frozen}.items()
        if name not in own and (name in frozen or name.startswith((_OURS, "vox6.")))
    }


def added(root: str) -> dict[str, Path]:
    """Return {name: file} of what an optional module brings beside the mirror and its settings."""
    own = {**core(), **closure(["settings", "status"])}
    own.pop(_OURS + root, None)
    return {name: file for name, file in closure([root]).items() if name not in own}


def cross_compiler() -> Path | None:
    """Return mpy-cross, None if it is not there."""
    made = TOP / "build" / "sources.mk"
    for line in made.read_text().splitlines() if made.is_file() else ():
        name, _, value = line.partition(" := ")
        if name == "MICROPY_MPYCROSS" and Path(value).is_file():
            return Path(value)
    return None


def module_sizes(modules: dict[str, Path]) -> dict[str, int | None]:
    """Return {name: octets compiled}; None: it is written for CPython alone."""
    program = cross_compiler()
    if program is None:
        raise FileNotFoundError("mpy-cross is missing: run 'make setup'")
    sizes: dict[str, int | None] = {}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "module.mpy"
        for name, file in sorted(modules.items()):
            command: list[str | Path] = [program, "-O3", "-s", file.name, "-o", out, file]
            done = subprocess.run(command, capture_output=True, timeout=30)
            sizes[name] = out.stat().st_size if done.returncode == 0 else None
            out.unlink(missing_ok=True)
    return sizes


def report(console: Console) -> None:
    """Print the size of each module, of the mirror itself and of siproxy64-router."""
    frozen = closure(["router"])
    table = Table()
    table.add_column("module")
    table.add_column(".mpy", justify="right")
    table.add_column("part of")
    own = module_sizes(core())
    for name, octets in own.items():
        table.add_row(name, f"{octets:,}", "the mirror")
    for name, octets in module_sizes(optional()).items():
        text = "CPython alone" if octets is None else f"{octets:,}"
        table.add_row(name, text, "siproxy64-router" if name in frozen else "")
    console.print(table)
    options = Table(caption="with all that it needs beside the mirror; two may need the same")
    for column in ("option", ".mpy", "modules", "of CPython alone"):
        options.add_column(column, justify="left" if column == "option" else "right")
    for words, root in OPTIONS:
        brought = list(module_sizes(added(root)).values())
        alone = brought.count(None)
        total = sum(octets or 0 for octets in brought)
        options.add_row(words, f"{total:,}", str(len(brought) - alone), str(alone))
    console.print(options)
    total = sum(octets or 0 for octets in own.values())
    console.print(f"the mirror: {total:,}, {total / CORE_MOST:.2f} of the target {CORE_MOST:,}")
    if PROGRAM.is_file():
        octets = PROGRAM.stat().st_size
        ratio = octets / PROGRAM_MOST
        console.print(f"siproxy64-router: {octets:,}, {ratio:.2f} of the target {PROGRAM_MOST:,}")
