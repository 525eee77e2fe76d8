# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Tests with the two boards of this repository alone."""

import pytest

from host_tests.emulated.stranger import call, stranger, stranger_host  # noqa: F401
from host_tests.interop.fixtures import capture, lab, pair, phone, phones  # noqa: F401


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):  # noqa: F811
    """Let fixtures know that their test failed: a capture is kept then."""
    outcome = yield
    if outcome.get_result().failed:
        item.failed = True
