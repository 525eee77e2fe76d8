# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The wheel without clang, and the source distribution: the object is absent, and that is said."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

from host_tests.servers.kernel_plane import TOP
from tools.common import bpf_build
from tools.pubtspd import tables

pytestmark = pytest.mark.timeout(300)
_SOURCES = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "lib", "tools")


def make(folder, kind):
    """Run the build backend in a copy of the tree on a machine without clang."""
    for name in _SOURCES:
        copy = shutil.copytree if (TOP / name).is_dir() else shutil.copy
        copy(TOP / name, folder / name)
    call = f"from setuptools import build_meta as b; print(b.build_{kind}({str(folder)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", call],
        cwd=folder,
        env={**os.environ, "PATH": "/nonexistent"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.split()[-1], done.stdout + done.stderr


def test_wheel_without_clang(tmp_path):
    wheel, said = make(tmp_path, "wheel")
    names = zipfile.ZipFile(wheel).namelist()
    assert "vox6/pubtspd/fastpath.py" in names
    assert not [name for name in names if name.endswith(".bpf.o")]
    assert "pubtsp.bpf.o is not in this wheel" in said and "portable data plane" in said
    assert "there is no clang" in said


def test_source_distribution(tmp_path):
    archive, _ = make(tmp_path, "sdist")
    names = [name.partition("/")[2] for name in tarfile.open(archive).getnames()]
    for server, source in bpf_build.SOURCES.items():
        for path in source.parent.glob("*.[ch]"):
            assert f"tools/{server}/bpf/{path.name}" in names
    assert "tools/common/bpf_build.py" in names and "setup.py" in names
    assert not [name for name in names if name.endswith(".bpf.o")]


def test_without_object(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "_HERE", tmp_path / "tools" / "pubtspd")
    with pytest.raises(tables.FastPathUnavailable, match="make bpf"):
        tables.find_object()


def test_tools_that_are_absent(tmp_path, monkeypatch):
    """A remedy is named, and no half object is left."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(bpf_build.BuildError, match="package clang"):
        bpf_build.build(bpf_build.SOURCES["pubtspd"], tmp_path / "x.o")
    assert list(tmp_path.iterdir()) == []
