# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Run one test file under MicroPython: vox6-phone run_file.py host_tests/unit/sdp/test_x.py.

Prints each failure with its traceback, each skip with its reason, then `N passed, N failed`.
Exit code 0 when nothing failed and something ran, 1 when not.
"""

import sys
import unittest


def load(path):
    """Import a file by its path; its own folder is not put on sys.path."""
    folder, _, name = path.rpartition("/")
    if name.endswith(".py"):
        name = name[:-3]
    sys.path.insert(0, folder or ".")
    try:
        return __import__(name)
    finally:
        sys.path.pop(0)


def main(argv):
    try:
        module = load(argv[1])
    except unittest.SkipTest as error:
        print("SKIP: the whole file:", error)
        print("0 passed, 0 failed, 1 skipped")
        return 0
    result = unittest.run_module(module)
    for label, reason in result.skipped:
        print("SKIP:", label, "-", reason)
    print(result.summary())
    if not result.passed and not result.skipped and not result.failed:
        print("no test in", argv[1])
        return 1
    return 1 if result.failed else 0


sys.exit(main(sys.argv))
