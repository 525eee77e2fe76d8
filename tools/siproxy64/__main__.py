# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""python3 -m tools.siproxy64 (in the tree), python3 -m vox6.siproxy64 (installed)."""

from .cli import main

if __name__ == "__main__":
    main(prog_name="siproxy64")
