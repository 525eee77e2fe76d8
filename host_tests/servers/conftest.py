# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What tests with servers share: small Internets, wires, data planes."""

import os

import pytest

from host_tests.servers.wire import Wire
from tools.lab import Internet, LabError
from tools.panel.phones import TOP


def open_internet(name):
    """An Internet in build/NAME, or the test is skipped with the reason."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    for suffix in ("", "-2", "-3", "-4"):
        found = Internet(TOP / "build" / (name + suffix))
        if found.claim():
            return found
    raise LabError(f"build/{name} to build/{name}-4 are all in use by other test runs")


@pytest.fixture(scope="module")
def net():
    """An Internet of this file's own."""
    with open_internet("servers") as opened:
        yield opened


@pytest.fixture
def wire(tmp_path):
    """An Internet that is the test itself, without servers yet."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    with Wire(tmp_path) as wire:
        yield wire


@pytest.fixture(params=("portable", "xdp"))
def plane(request):
    """Each data plane of pubtspd in turn."""
    return request.param
