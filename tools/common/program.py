# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What every server's command does first: its version, its log."""

import importlib.metadata
import logging
import os
import time


def version() -> str:
    """Return the version of the package, for --version."""
    try:
        return importlib.metadata.version("vox6")
    except importlib.metadata.PackageNotFoundError:
        return "of the source tree"


def start_log(name: str) -> None:
    """Log to standard error; the journal has a clock and a name of its own."""
    journal = "JOURNAL_STREAM" in os.environ
    form = "%(message)s" if journal else f"%(asctime)s.%(msecs)03dZ {name}: %(message)s"
    handler = logging.StreamHandler()
    formatter = logging.Formatter(form, "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.getLogger(name).addHandler(handler)
    logging.getLogger(name).setLevel(logging.INFO)
