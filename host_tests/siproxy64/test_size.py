# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: starts the cross compiler
"""The mirror itself, compiled, is at most 32 kB: what it is made of, found by its imports."""

import ast
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
MOST = 32 * 1024
# The function, who carries media, who holds the ports and connections; all else is optional.
ROOTS = ("mirror", "relay", "portable_plane", "ports", "streams")
FOLDERS = {"vox6": TOP / "lib", "tools": TOP / "tools"}


def file_of(name):
    """Return the file of a dotted name, None if it is no module of ours."""
    first, _, rest = name.partition(".")
    if first not in FOLDERS or not rest:
        return None
    path = FOLDERS[first].joinpath(*rest.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None


def imported(file, package):
    """Yield the dotted names that a module imports at run time, with what it takes from them."""
    waiting = [ast.parse(file.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
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


def modules():
    """Return {name: file} of all that is loaded, and the whole of vox6.wire."""
    found = {}
    waiting = ["tools.siproxy64." + name for name in ROOTS]
    waiting += ["vox6.wire." + path.stem for path in (TOP / "lib/wire").glob("[a-z]*.py")]
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


def cross_compiler():
    for line in (TOP / "build" / "sources.mk").read_text().splitlines():
        name, _, value = line.partition(" := ")
        if name == "MICROPY_MPYCROSS":
            return Path(value)
    return None


def test_what_is_loaded():
    names = set(modules())
    assert {"tools.siproxy64.sdp", "vox6.sip.lines", "vox6.wire.inet6", "vox6.sip"} <= names
    # what only a user agent needs
    assert not names & {"vox6.sip.message", "vox6.sip.headers", "vox6.sip.uri", "vox6.crypto"}


def test_size(tmp_path):
    program = cross_compiler()
    if not program or not program.is_file():
        pytest.skip("mpy-cross is missing: make setup-test")
    total = 0
    for name, file in sorted(modules().items()):
        out = tmp_path / "module.mpy"
        subprocess.run([program, "-O3", "-s", file.name, "-o", out, file], check=True)
        total += out.stat().st_size
        print("%6d %s" % (out.stat().st_size, name))
    print("%6d octets of %d" % (total, MOST))
    assert total <= MOST
