# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The wheel: built from the tree, put into an environment of its own, its command run there."""

import shutil
import subprocess
import sys
import zipfile

import pytest

from host_tests.servers.wire import TOP
from tools.fetch import cache_dir

pytestmark = pytest.mark.timeout(300)
_SOURCES = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "lib", "tools")
_ADDRESS = "2001:db8:3653:1:cb00:714d:d431:e0f0"


def run(*words, **more):
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built in a copy of the tree without network."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in _SOURCES:
        copy = shutil.copytree if (TOP / name).is_dir() else shutil.copy
        copy(TOP / name, folder / name)
    run(
        sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps",
        "--no-build-isolation", "-w", folder / "dist", folder,
    )  # fmt: skip
    (found,) = (folder / "dist").iterdir()
    return found


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The bin folder of a fresh environment with the wheel and what it depends on."""
    folder = tmp_path_factory.mktemp("venv")
    run(sys.executable, "-m", "venv", folder)
    run(
        folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "install",
        "--no-index", "--find-links", cache_dir() / "wheels", wheel,
    )  # fmt: skip
    return folder / "bin"


def test_what_is_in_it(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "vox6/pubtspd/cli.py" in names and "vox6/common/libbpf.py" in names
    assert "vox6/pubtsp/server.py" in names
    assert not [name for name in names if name.startswith(("tools/", "firmware/", "host_tests/"))]
    if shutil.which("clang"):
        assert "vox6/pubtspd/pubtsp.bpf.o" in names
        assert "vox6/siproxy64/siproxy64.bpf.o" in names


def test_commands(installed, tmp_path):
    command = installed / "pubtspd"
    assert run(command, "--version", cwd=tmp_path).startswith("pubtspd, version ")
    key = tmp_path / "key"
    key.write_text("pubtspd-keys 1\nkey 000102030405060708090a0b0c0d0e0f\n")
    key.chmod(0o600)
    out = run(command, "--key-file", key, "decode", _ADDRESS, cwd=tmp_path)
    assert "203.0.113.77" in out and "54321" in out and "e0f0, valid" in out
    assert "master" in run(command, "genkey", cwd=tmp_path)
    config = tmp_path / "pubtspd.conf"
    config.write_text('listen = "198.51.100.1"\nprefix = "2001:db8:3653:1::/64"\n')
    assert "good" in run(command, "check", config, cwd=tmp_path)


def test_siproxy64(installed, tmp_path):
    """The mirror's command: its version, a right and a wrong configuration, its core."""
    command = installed / "siproxy64"
    assert run(command, "--version", cwd=tmp_path).startswith("siproxy64, version ")
    config = tmp_path / "siproxy64.conf"
    config.write_text("map 10.0.0.11 = 2001:db8::b:11\n")
    assert run(command, "check", config, cwd=tmp_path) == f"{config}: good\n"
    config.write_text("map 10.0.0.11 = 10.0.0.12\n")
    wrong = subprocess.run([command, "check", config], capture_output=True, text=True)
    assert wrong.returncode == 2 and "line 1: both addresses" in wrong.stderr
    text = (
        "import vox6.siproxy64.daemon as d, vox6.siproxy64.metrics, sys\n"
        "assert 'tools' not in sys.modules\n"
        "print(d.__file__)\n"
    )
    out = run(installed / "python", "-I", "-c", text, cwd=tmp_path)
    assert out.startswith(str(installed.parent))


def test_nothing_of_the_tree_is_needed(installed, tmp_path):
    """Every module of the server is imported from the environment alone."""
    text = (
        "import vox6.pubtspd.daemon as d, vox6.pubtspd.cli as c, sys\n"
        "assert 'tools' not in sys.modules\n"
        "print(d.__file__)\n"
    )
    out = run(installed / "python", "-I", "-c", text, cwd=tmp_path)
    assert out.startswith(str(installed.parent))
