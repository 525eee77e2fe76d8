# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What all tests share: the import path, how files are imported, the hypothesis profiles."""

import os
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]


def _import_path() -> None:
    link = TOP / "build" / "path" / "vox6"
    link.parent.mkdir(parents=True, exist_ok=True)
    try:
        link.symlink_to(os.path.join("..", "..", "lib"))
    except FileExistsError:
        pass
    for folder in (TOP, TOP / "build" / "path"):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))


_import_path()


def pytest_configure(config):
    # test files of one name stand in several folders, and none of them is a package
    config.option.importmode = "importlib"
    try:
        from hypothesis import settings
    except ImportError:
        return
    # derandomize: `make test` gives the same result twice; `make soak` looks further
    settings.register_profile("test", deadline=None, max_examples=300, derandomize=True)
    settings.register_profile("soak", deadline=None, max_examples=5000, derandomize=False)
    settings.load_profile(os.environ.get("VOX6_HYPOTHESIS", "test"))
