# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: starts MicroPython itself
"""Each test file of the core once more, under unix MicroPython (host_tests/unit/mp/README.md)."""

from pathlib import Path

import pytest

from host_tests.unit.mp import run

_FILES = [
    path
    for path in sorted(Path(__file__).parent.glob("test_*.py"))
    if run.cpython_only(path) is None
]


@pytest.mark.parametrize("path", _FILES, ids=[path.name for path in _FILES])
def test_under_micropython(path):
    assert run.interpreter().exists(), "make boards BOARD=UNIX_HOST"
    passed, failed, skipped, output = run.run_file(path)
    print(output)
    assert passed and not failed and not skipped, "%d failed of %d" % (failed, passed + failed)
