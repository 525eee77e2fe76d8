# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""python3 -m tools.vox6 is the command without being installed."""

from .main import main

main(prog_name="vox6")
