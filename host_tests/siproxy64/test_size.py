# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: starts the cross compiler
"""The mirror itself, compiled, is at most 32 kB: what it is made of, found by its imports."""

from tools.size_siproxy64 import CORE_MOST, TOP, closure, core, cross_compiler, module_sizes


def test_what_is_loaded():
    names = set(core())
    assert {"tools.siproxy64.sdp", "vox6.sip.lines", "vox6.wire.inet6", "vox6.sip"} <= names
    # what only a user agent needs
    assert not names & {"vox6.sip.message", "vox6.sip.headers", "vox6.sip.uri", "vox6.crypto"}


def test_size():
    assert cross_compiler() is not None, "mpy-cross is missing: make setup-test"
    sizes = module_sizes(core())
    for name, octets in sizes.items():
        print("%6d %s" % (octets, name))
    total = sum(sizes.values())
    print("%6d octets of %d" % (total, CORE_MOST))
    assert total <= CORE_MOST


def test_the_router_freezes_what_it_imports_and_no_more():
    frozen = set()

    def package(name, files, base_path, opt):
        folder = (TOP / "ports/router" / base_path / name).resolve()
        frozen.update((folder / file).resolve() for file in files)

    manifest = TOP / "ports/router/manifest.py"
    exec(compile(manifest.read_text(), manifest, "exec"), {"package": package})
    imported = {path.resolve() for path in closure(["router"]).values()}
    assert imported == frozen
