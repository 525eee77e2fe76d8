# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What siproxy64-router is tested with, once more with all its C under ASan and UBSan."""

import os
import subprocess
import sys

import pytest

from host_tests.servers.wire import TOP

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600), pytest.mark.needs_root]
_FILES = ("router", "call", "proxy", "failures", "tunnel")


@pytest.fixture(scope="module")
def program():
    """A build that ends at the first thing that C does not allow."""
    build = TOP / "build" / "router-sanitized"
    build.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["make", "-C", TOP / "ports/router", f"-j{os.cpu_count()}",
         "BUILD=../../build/router-sanitized", "SANITIZE=address,undefined"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    found = build / "siproxy64-router"
    assert b"__asan_init" in found.read_bytes()
    return found


@pytest.mark.parametrize("name", _FILES)
def test_nothing_is_found(program, name):
    """A finding ends the program, and with it the test."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not soak",
         "-k", "router and not static_file", f"host_tests/servers/test_siproxy64_{name}.py"],
        cwd=TOP, env={**os.environ, "VOX6_ROUTER": str(program)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0 and " passed" in done.stdout, done.stdout[-5000:]
